"""A template that is carried out again where it has failed.

Source: argo-workflows 3.5, workflow/controller/operator.go (`processNodeRetries`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from pytest_aicore.running.walking.pod_making import seconds_of, whole_number
from pytest_aicore.running.walking.values import Plain, ValueProblem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pytest_aicore.running.walking.nodes import NodePhase, NodeStatus
    from pytest_aicore.running.walking.run_state import RunState

_AGAIN: Final[dict[str, tuple[NodePhase, ...]]] = {
    "OnFailure": ("Failed",),
    "OnError": ("Error",),
    "Always": ("Failed", "Error"),
}
"""By the policy the phases after which there is another attempt."""
POLICIES: Final = tuple(_AGAIN)


async def carry_out_attempts(
    run: RunState, node: NodeStatus, strategy: Plain, attempt: Callable[[int], Awaitable[NodeStatus]]
) -> None:
    """Carry out attempts until one succeeds or the strategy has enough of them.

    Args:
        run: the run.
        node: the node around the attempts.
        strategy: the `retryStrategy`, in which the tags are replaced.
        attempt: carries out the attempt of a number, from 0.
    """
    begin = time.monotonic()
    number = 0
    try:
        while True:
            last = await attempt(number)
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
    if backoff.get("maxDuration"):
        left = begin + seconds_of(backoff["maxDuration"]) - time.monotonic()
        if left <= 0:
            return "Max duration limit exceeded"
        if _backoff(strategy, attempts) > left:
            return "Backoff would exceed max duration limit"
    if last.phase not in _AGAIN[strategy.get("retryPolicy") or "OnFailure"]:
        return last.message
    limit = strategy.get("limit")
    if limit is not None and attempts > whole_number(limit, "limit"):
        return "No more retries left"
    return None


def _backoff(strategy: Plain, attempts: int) -> float:
    """Return how many seconds to wait for the next attempt; without a limit none are waited."""
    backoff = strategy.get("backoff") or {}
    if not backoff or strategy.get("limit") is None:
        return 0.0
    if not backoff.get("duration"):
        raise ValueProblem("no base duration specified for retryStrategy")
    factor = whole_number(backoff.get("factor") or 1, "factor")
    return seconds_of(backoff["duration"]) * float(factor) ** (attempts - 1)


__all__ = ["POLICIES", "carry_out_attempts"]
