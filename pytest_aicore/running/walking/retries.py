"""A template that is carried out again where it has failed.

Source: argo-workflows 3.5, workflow/controller/operator.go (`processNodeRetries`).
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from pytest_aicore.running.expressions.go import shown
from pytest_aicore.running.walking.pod_making import seconds_of, whole_number
from pytest_aicore.running.walking.substituting import condition
from pytest_aicore.running.walking.values import Plain, Scope, ValueProblem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pytest_aicore.running.walking.nodes import NodePhase, NodeStatus
    from pytest_aicore.running.walking.run_state import RunState

_AGAIN: Final[dict[str, tuple[NodePhase, ...]]] = {
    "OnFailure": ("Failed",),
    "OnError": ("Error",),
    "Always": ("Failed", "Error"),
    "OnTransientError": ("Failed", "Error"),
}
"""By the policy the phases after which there is another attempt."""
_TRANSIENT: Final = re.compile(
    r"TLS handshake timeout|timeout awaiting response headers|i/o timeout|connection timed out|connection refused"
    r"|connection reset by peer|client connection lost|exceeded quota|too many requests",
    re.IGNORECASE,
)
"""What the message of a transient error says (argo-workflows, util/errors/errors.go)."""


async def carry_out_attempts(
    run: RunState,
    node: NodeStatus,
    strategy: Plain,
    attempt: Callable[[int, Mapping[str, str]], Awaitable[NodeStatus]],
) -> None:
    """Carry out attempts until one succeeds or the strategy has enough of them.

    Args:
        run: the run.
        node: the node around the attempts.
        strategy: the `retryStrategy`, in which the tags are replaced.
        attempt: carries out the attempt of a number, from 0, with what tags mean that name the earlier ones.
    """
    begin = time.monotonic()
    number = 0
    last: NodeStatus | None = None
    try:
        while True:
            last = await attempt(number, texts_of_attempts(number, last))
            node.outputs, node.ended = last.outputs, last.ended
            number += 1
            if not last.has_failed:
                run.change(node, last.phase, last.message)
                return
            why = _why_no_other(run, strategy, last, number, begin)
            if why is not None:
                run.change(node, last.phase, why)
                return
            await run.pause(_backoff(strategy, number))
    except ValueProblem as problem:
        run.change(node, "Error", str(problem))


def _why_no_other(run: RunState, strategy: Plain, last: NodeStatus, attempts: int, begin: float) -> str | None:
    """Return the message of the node if there is no other attempt, None if there is one."""
    backoff = strategy.get("backoff") or {}
    if run.over is not None:
        return last.message
    if strategy.get("expression") and not _wants_another(run, strategy["expression"], last, attempts):
        return "retryStrategy.expression evaluated to false"
    if backoff.get("maxDuration"):
        left = begin + seconds_of(backoff["maxDuration"]) - time.monotonic()
        if left <= 0:
            return "Max duration limit exceeded"
        if _backoff(strategy, attempts) > left:
            return "Backoff would exceed max duration limit"
    policy = strategy.get("retryPolicy") or ("Always" if strategy.get("expression") else "OnFailure")
    if not _is_about(policy, last):
        return last.message
    limit = strategy.get("limit")
    if limit is not None and attempts > whole_number(limit, "limit"):
        return "No more retries left"
    return None


def _is_about(policy: str, last: NodeStatus) -> bool:
    is_transient = policy != "OnTransientError" or _TRANSIENT.search(last.message) is not None
    return last.phase in _AGAIN[policy] and is_transient


def texts_of_attempts(attempts: int, last: NodeStatus | None) -> dict[str, str]:
    """Return what the tags of the next attempt mean that name the earlier ones.

    Args:
        attempts: how many there were.
        last: the last of them.
    """
    if last is None:
        values = ("0", "", "0", "")
    else:
        seconds = 0.0 if last.finished is None else (last.finished - last.started).total_seconds()
        values = (str(-1 if last.exit_code is None else last.exit_code), last.phase, shown(seconds), last.message)
    names = ("exitCode", "status", "duration", "message")
    return {"retries": str(attempts), **{f"lastRetry.{name}": text for name, text in zip(names, values, strict=True)}}


def _wants_another(run: RunState, expression: str, last: NodeStatus, attempts: int) -> bool:
    return condition(expression, Scope({**run.texts, **texts_of_attempts(attempts - 1, last)}))


def _backoff(strategy: Plain, attempts: int) -> float:
    """Return how many seconds to wait for the next attempt; without a limit none are waited."""
    backoff = strategy.get("backoff") or {}
    if not backoff or strategy.get("limit") is None:
        return 0.0
    if not backoff.get("duration"):
        raise ValueProblem("no base duration specified for retryStrategy")
    factor = whole_number(backoff.get("factor") or 1, "factor")
    seconds = seconds_of(backoff["duration"]) * float(factor) ** (attempts - 1)
    return min(seconds, seconds_of(backoff["cap"])) if backoff.get("cap") else seconds


__all__ = ["carry_out_attempts", "texts_of_attempts"]
