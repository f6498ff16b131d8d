"""What time it is, and how it passes: for whoever waits."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What time it is, how much of it passes, and a way to let it pass."""

    def now(self) -> float:
        """Return seconds since the epoch: a date, for people and other processes. Somebody may set it meanwhile."""

    def monotonic(self) -> float:
        """Return seconds since some moment: for deadlines, intervals and ages, because nobody sets it."""

    def sleep(self, seconds: float) -> object:
        """Let that many seconds pass."""


class RealClock:
    """The machine's clocks, also while a test of the user's has replaced the functions of `time` by its own."""

    _now = staticmethod(time.time)
    _ticks = staticmethod(time.monotonic)

    def now(self) -> float:
        """Return seconds since the epoch."""
        return self._now()

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return self._ticks()

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        time.sleep(seconds)
