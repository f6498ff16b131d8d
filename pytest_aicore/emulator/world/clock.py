"""The emulator's time, which only moves when it is moved."""

from __future__ import annotations

from datetime import datetime, timezone
from numbers import Integral

from pytest_aicore.emulator.store.records import EPOCH
from pytest_aicore.errors import EmulatorError, our_message

__tracebackhide__ = our_message

LOOK_SECONDS = 5.0
"""The tutorial polls every five seconds: what a look takes while nobody else moves the clock."""

END_OF_TIME = datetime(9999, 12, 31, tzinfo=timezone.utc).timestamp()
"""What comes later cannot be written down in the API's formats."""


class VirtualClock:
    """The emulator's time, in seconds since the epoch. It only moves when it is moved.

    Who waits with `sleep` moves it. A second look at an unfinished execution at the same moment takes
    `LOOK_SECONDS`, so that a polling loop ends even if no time passes between its questions. Once a test moves
    the clock with `advance`, or holds it, time is the test's business alone.
    """

    def __init__(self, start: float = EPOCH) -> None:
        self._now = start
        self._moved_since_look = True
        self.held = False

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return self._now

    def monotonic(self) -> float:
        """Return the same: nobody sets this clock back."""
        return self.now()

    def client_time(self) -> float:
        """Return the time that clients live in, by which tokens run out: seconds since the epoch."""
        return self.now()

    def due(self, seconds: float) -> float:
        """Return when something is over that takes so many seconds: seconds since the epoch."""
        return self.now() + seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass, as somebody who waits does.

        Args:
            seconds: how much; not negative.
        """
        if not (isinstance(seconds, (int, float, Integral)) and seconds >= 0):
            raise EmulatorError(f"The emulator's clock cannot move by {seconds!r} s: expected seconds >= 0.")
        if seconds > END_OF_TIME - self._now:
            raise EmulatorError(f"The emulator's clock cannot move by {seconds!r} s: its time ends with the year 9999.")
        self._now += float(seconds)
        self._moved_since_look = True

    def advance(self, seconds: float) -> None:
        """Move the clock on, and hold it from now on.

        Args:
            seconds: how far; not negative.
        """
        self.sleep(seconds)
        self.held = True

    def hold(self) -> None:
        """Let looks take no time from now on."""
        self.held = True

    def look(self) -> None:
        """Let the time pass that a look takes, unless somebody else lets time pass."""
        if not (self.held or self._moved_since_look):
            self._now += LOOK_SECONDS
        self._moved_since_look = False

    def restart(self) -> None:
        """Begin anew, where a clock goes by itself; this one stays where it is."""

    def set(self, now: float, *, held: bool) -> None:
        """Set the clock, as a rollback does."""
        self._now = now
        self.held = held
        self._moved_since_look = True
