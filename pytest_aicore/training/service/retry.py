"""Asking AI Core again when it is busy or cannot be reached, for as long as that makes sense."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pytest_aicore.errors import our_message
from pytest_aicore.training.service.failures import CallError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.training.clock import Clock

__tracebackhide__ = our_message

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds for which AI Core may be busy, or not be reached, before a call is given up."""
GATEWAY_PATIENCE = 5.0
"""The same for a gateway without a route: one that is reconfigured has it in seconds, a wrong address never."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 8.0


class Patience:
    """Pauses between the attempts of one call: growing ones, or as long as AI Core asks for.

    Args:
        clock: how time passes.
        seconds: after which the call is given up.
    """

    def __init__(self, clock: Clock, seconds: float | None = None) -> None:
        self._clock = clock
        self._seconds = PATIENCE if seconds is None else seconds
        self._began = clock.monotonic()
        self._pause = _FIRST_PAUSE

    def wait(self, failure: CallError) -> None:
        """Wait before the call is made again, for the last time when the time is up.

        Args:
            failure: of the latest attempt.

        Raises:
            CallError: that failure, if no attempt can help or it has been tried for long enough.
        """
        seconds = min(self._seconds, GATEWAY_PATIENCE) if failure.is_of_a_gateway else self._seconds
        left = self._began + seconds - self._clock.monotonic()
        if not failure.transient or left <= 0:
            raise failure
        # However long AI Core asks to be left alone: there is one more attempt.
        self._clock.sleep(min(max(failure.retry_after or 0.0, self._pause), left))
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)


def patiently(clock: Clock, ask: Callable[[], T], seconds: float | None = None) -> T:
    """Return the answer to a question that may be asked as often as one likes.

    Args:
        clock: how time passes.
        ask: the question.
        seconds: after which it is given up.

    Raises:
        CallError: there is none to be had.
    """
    patience = Patience(clock, seconds)
    while True:
        try:
            return ask()
        except CallError as error:
            failure = error
        patience.wait(failure)
