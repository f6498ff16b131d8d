"""The emulator's virtual time, which moves only by calls."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from numbers import Integral

from pytest_aicore.emulator.store.records import EPOCH
from pytest_aicore.errors import EmulatorError, our_message

__tracebackhide__ = our_message

POLL_SECONDS = 5.0
"""How long a repeated poll takes if nothing else moves the clock: the tutorial polls every five seconds."""

LAG_SECONDS = 1800.0
"""How long before the machine's time an emulator begins whose time moves faster: so its records are of the last hour,
which logs show by default and clients ask for, and are not of the future."""

END_OF_TIME = datetime(9999, 12, 31, tzinfo=timezone.utc).timestamp()
"""Later times cannot be written in the API's formats."""
LONGEST_MOVE = 36525 * 86400
"""How far a running clock, of which others read the time meanwhile, is moved at once: a hundred years, in seconds."""


def recently() -> float:
    """Return a whole second `LAG_SECONDS` before the machine's time."""
    return float(int(time.time() - LAG_SECONDS))


class VirtualClock:
    """The emulator's virtual time, in seconds since the epoch. It moves only by calls.

    `sleep` moves it. A second poll of an unfinished execution at the same time takes `POLL_SECONDS`, so that a polling
    loop ends even if it does not sleep between its requests. Once a test moves the clock with `advance`, or holds it,
    only the test moves it.
    """

    def __init__(self, start: float = EPOCH) -> None:
        self._now = start
        self._moved_since_poll = True
        self.held = False

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return self._now

    def monotonic(self) -> float:
        """Return the same time: this clock never goes back."""
        return self.now()

    def client_time(self) -> float:
        """Return the time by which tokens expire: seconds since the epoch."""
        return self.now()

    def due(self, seconds: float) -> float:
        """Return when something that takes `seconds` is over: seconds since the epoch."""
        return self.now() + seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass, as a waiting client does.

        Args:
            seconds: how much; not negative.
        """
        if not (isinstance(seconds, (int, float, Integral)) and seconds >= 0):
            raise EmulatorError(f"The emulator's clock cannot move by {seconds!r} s: expected seconds >= 0.")
        if seconds > END_OF_TIME - self._now:
            raise EmulatorError(f"The emulator's clock cannot move by {seconds!r} s: its time ends with the year 9999.")
        self._now += float(seconds)
        self._moved_since_poll = True

    def advance(self, seconds: float) -> None:
        """Move the clock forward, and hold it from now on.

        Args:
            seconds: how far; not negative.
        """
        self.sleep(seconds)
        self.held = True

    def hold(self) -> None:
        """Let polls take no time from now on."""
        self.held = True

    def poll(self) -> None:
        """Let the time of a poll pass, unless the test or a sleep moves the clock."""
        if not (self.held or self._moved_since_poll):
            self._now += POLL_SECONDS
        self._moved_since_poll = False

    def restart(self) -> None:
        """Start again, for clocks that run; this one keeps its time."""

    def set(self, now: float, *, held: bool) -> None:
        """Set the clock, as a rollback does."""
        self._now = now
        self.held = held
        self._moved_since_poll = True
