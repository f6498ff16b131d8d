"""Retries: a call is repeated for a limited time while AI Core is busy or cannot be reached."""

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
"""Seconds for which AI Core may be busy or out of reach before a call fails."""
GATEWAY_PATIENCE = 5.0
"""The same for a gateway without a route: after a reconfiguration it has one in seconds, for a wrong address never."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 8.0


class Patience:
    """Pauses between the attempts of one call: each twice as long as the last, or as long as AI Core asks for.

    Args:
        clock: measures the time, and waits.
        seconds: after which the call fails.
    """

    def __init__(self, clock: Clock, seconds: float | None = None) -> None:
        self._clock = clock
        self._seconds = PATIENCE if seconds is None else seconds
        self._began = clock.monotonic()
        self._pause = _FIRST_PAUSE

    def wait(self, failure: CallError) -> None:
        """Wait before the call is repeated; the last attempt is made when the time is up.

        Args:
            failure: of the latest attempt.

        Raises:
            CallError: that failure, if a retry cannot help or the time is up.
        """
        seconds = min(self._seconds, GATEWAY_PATIENCE) if failure.is_of_a_gateway else self._seconds
        left = self._began + seconds - self._clock.monotonic()
        if not failure.transient or left <= 0:
            raise failure
        # If AI Core asks for a longer pause than the time that is left, one attempt is made at its end.
        self._clock.sleep(min(max(failure.retry_after or 0.0, self._pause), left))
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)


def patiently(clock: Clock, ask: Callable[[], T], seconds: float | None = None) -> T:
    """Return the answer to a request that changes nothing, and so may be repeated.

    Args:
        clock: measures the time, and waits.
        ask: makes the request.
        seconds: after which it fails.

    Raises:
        CallError: all attempts failed.
    """
    patience = Patience(clock, seconds)
    while True:
        try:
            return ask()
        except CallError as error:
            failure = error
        patience.wait(failure)
