"""Cron expressions as AI Core takes them: five fields, in UTC, at most once an hour (documentation).

A parser of our own: the fields are five sets of numbers, so it is shorter than what one would write to keep a
library's extensions (seconds, time zones, `@reboot`, `L`, `#`) away from a service that does not document them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
NO_DAY = "0"
"""A day of the month that never comes, but is used in the example of SAP's specification, `0 0 0 1 *`: that the
service accepts it is assumed."""
_PART = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d{1,4}))?\Z", re.ASCII)
_LONGEST_WAIT_DAYS = 366 * 8
"""29 February comes at least every eight years."""


class CronError(ValueError):
    """A cron expression that AI Core would refuse; its text is the reason."""


@dataclass(frozen=True, slots=True)
class Cron:
    """The times of a recurring event.

    Args:
        minute: of the hour; only one, because a schedule may run at most once an hour.
        hours: of the day.
        days: of the month.
        months: of the year.
        weekdays: 0 is Sunday.
        either_day: whether a day matches that is in `days` or in `weekdays`; this holds if both are restricted, as in
            every cron.
    """

    minute: int
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def after(self, moment: float) -> float | None:
        """Return the first time after a moment, both in seconds since the epoch; None where there is none."""
        begin = datetime.fromtimestamp(moment, timezone.utc)
        midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
        for offset in range(_LONGEST_WAIT_DAYS):
            try:
                day = midnight + timedelta(days=offset)
            except OverflowError:
                return None
            if not self._has_day(day):
                continue
            for hour in self.hours:
                found = day.replace(hour=hour, minute=self.minute).timestamp()
                if found > moment:
                    return found
        return None

    def _has_day(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return of_month or of_week if self.either_day else of_month and of_week


@lru_cache(maxsize=256)  # a schedule parses it again for each execution
def parse_cron(text: str) -> Cron:
    """Parse a cron expression.

    Args:
        text: `minute hour day-of-month month day-of-week`.

    Raises:
        CronError: invalid, or it runs more often than once an hour.
    """
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise CronError(f"cron must have 5 fields, not {len(parts)}")
    minutes, hours, days, months, weekdays = (
        _numbers(part, *field) for part, field in zip(parts, _FIELDS, strict=True)
    )
    if len(minutes) > 1:
        raise CronError("cron must not run more often than once an hour")
    return Cron(
        min(minutes),
        tuple(sorted(hours)),
        frozenset(days),
        frozenset(months),
        frozenset(day % 7 for day in weekdays),
        not parts[2].startswith("*") and not parts[4].startswith("*"),
    )


def _numbers(text: str, what: str, lowest: int, highest: int, names: dict[str, int]) -> set[int]:
    """Return the numbers that match one field."""
    found: set[int] = set()
    for part in text.split(","):
        if part == NO_DAY and what == "day of month":
            continue
        match = _PART.match(part)
        if not match:
            raise CronError(f"cron has {part!r} as {what}")
        every, first, last, step = match.groups()
        begin = lowest if every else _number(first, what, lowest, highest, names)
        end = _number(last, what, lowest, highest, names) if last else highest if every or step else begin
        if end < begin or step == "0":
            raise CronError(f"cron has {part!r} as {what}")
        found.update(range(begin, end + 1, int(step or 1)))
    return found


def _number(text: str, what: str, lowest: int, highest: int, names: dict[str, int]) -> int:
    number = names.get(text.upper())
    if number is None:
        if not text.isdigit() or len(text) > 2 or not lowest <= int(text) <= highest:
            raise CronError(f"cron has {text!r} as {what}: it goes from {lowest} to {highest}")
        number = int(text)
    return number
