"""Clocks: the date, the time that has passed, and waiting."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """The date, a monotonic time, and a way to wait."""

    def now(self) -> float:
        """Return seconds since the epoch: a date, for people and other processes. It jumps when the date is set."""

    def monotonic(self) -> float:
        """Return seconds since some moment: for deadlines, intervals and ages, because it never jumps."""

    def sleep(self, seconds: float) -> object:
        """Wait that many seconds."""


class RealClock:
    """The machine's clocks, also while a test has replaced the functions of the module `time`."""

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
