"""What time it is where AI Core runs: by its answers, not by this machine's clock.

What a training costs is counted by the service, whose clock may differ from ours; and in a rehearsal (`--pace 60x`) it
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
    """The service's time, as the header `Date` of its answers tells it.

    One answer alone is not believed: something on the way may have another clock. The earlier one of the two newest
    readings counts, so that a wild one costs a moment and no training.

    Args:
        ticks: a clock that is never set, in seconds; this machine's when left out.
    """

    def __init__(self, ticks: Callable[[], float] | None = None) -> None:
        self._ticks = ticks or RealClock().monotonic
        self._readings: tuple[tuple[float, float], ...] = ()

    def tell(self, date: str | None) -> None:
        """Take the `Date` of an answer; what is none says nothing."""
        said = parse_http_date(date)
        if said is not None:
            self._readings = (*self._readings[-1:], (said.timestamp(), self._ticks()))

    def now(self) -> float | None:
        """Return what time it is there, in seconds since the epoch; None if it has not said so twice."""
        readings, ticks = self._readings, self._ticks()
        if len(readings) < 2:
            return None
        return min(date + ticks - at for date, at in readings)


def parse_http_date(text: str | None) -> datetime | None:
    """Return the time that an HTTP date says, None if it is none. All of them are in GMT (RFC 9110, section 5.6.7)."""
    if text is None:
        return None
    with suppress(ValueError, TypeError, IndexError, OverflowError, OSError):
        date = parsedate_to_datetime(text)
        date = date if date.tzinfo is not None else date.replace(tzinfo=timezone.utc)
        date.timestamp()
        return date
    return None
