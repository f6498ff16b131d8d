"""Templates whose outputs are remembered: a call with the same key gets them, and nothing runs.

The cache lasts as long as the run. In a cluster it is a ConfigMap, and lasts for other workflows as well.

Source: argo-workflows 3.5, workflow/controller/operator.go (`executeTemplate`) and controller/cache/cache.go.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from pytest_aicore.running.walking.pod_making import seconds_of
from pytest_aicore.running.walking.run_state import Memo
from pytest_aicore.running.walking.values import Plain, ValueProblem, text_of

if TYPE_CHECKING:
    from pytest_aicore.running.walking.nodes import NodeStatus, Outputs
    from pytest_aicore.running.walking.run_state import RunState

_KEY: Final = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")


def remembered(run: RunState, memoize: Plain) -> Outputs | None:
    """Return what an earlier call left, None if there was none with this key, or it is too old.

    Args:
        run: the run.
        memoize: the field of the template, in which the tags are replaced.

    Raises:
        ValueProblem: the key cannot be one, or the age is not a duration.
    """
    cache, key = _address(memoize)
    if not _KEY.fullmatch(key):
        raise ValueProblem(f"invalid cache key: {key}")
    memo = run.memos.get((cache, key))
    oldest = seconds_of(memoize["maxAge"]) if memoize.get("maxAge") else None
    if memo is None or (oldest is not None and time.monotonic() - memo.made > oldest):
        return None
    return memo.outputs


def remember(run: RunState, memoize: Plain, node: NodeStatus) -> None:
    """Remember what a template left, if it succeeded.

    Args:
        run: the run.
        memoize: the field of the template, in which the tags are replaced.
        node: its node, which has ended.
    """
    if node.phase == "Succeeded":
        run.memos[_address(memoize)] = Memo(node.outputs, time.monotonic())


def _address(memoize: Plain) -> tuple[str, str]:
    config_map = (memoize.get("cache") or {}).get("configMap") or {}
    return text_of(config_map.get("name") or ""), text_of(memoize.get("key") or "")


__all__ = ["remember", "remembered"]
