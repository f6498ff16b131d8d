"""The time of AI Core's clock, from its answers instead of this machine's clock.

The service counts what a training costs, and its clock may differ from this machine's. In a rehearsal (`--pace 60x`) it
goes faster.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from pytest_aicore.training.clock import RealClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


class ServiceTime:
    """The service's time, from the header `Date` of its answers.

    One answer alone does not count, because a proxy may have written a date of its own. The earlier of the two newest
    readings counts, so that a single wrong date stops no training.

    Args:
        ticks: a monotonic clock, in seconds; this machine's if left out.

    Attributes:
        is_played: whether it is the time of a server that plays scripts, where nobody trains.
    """

    def __init__(self, ticks: Callable[[], float] | None = None) -> None:
        self._ticks = ticks or RealClock().monotonic
        self.is_played = False
        self._readings: tuple[tuple[float, float], ...] = ()

    def add(self, date: str | None, *, played: bool = False) -> None:
        """Record the `Date` of an answer, an invalid one is ignored; and whether it says that it is played."""
        self.is_played = self.is_played or played
        read = parse_http_date(date)
        if read is not None:
            self._readings = (*self._readings[-1:], (read.timestamp(), self._ticks()))

    def now(self) -> float | None:
        """Return the service's time in seconds since the epoch; None before the second valid date."""
        readings, ticks = self._readings, self._ticks()
        if len(readings) < 2:
            return None
        return min(date + ticks - at for date, at in readings)


def parse_http_date(text: str | None) -> datetime | None:
    """Return the time of an HTTP date, None if the text is not one. All are in GMT (RFC 9110, section 5.6.7)."""
    if text is None:
        return None
    with suppress(ValueError, TypeError, IndexError, OverflowError, OSError):
        date = parsedate_to_datetime(text)
        date = date if date.tzinfo is not None else date.replace(tzinfo=timezone.utc)
        date.timestamp()
        return date
    return None
