"""Time and money: durations as users write them, the budget of a session, the cost of a run."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_aicore.echo import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_aicore.training.clock import Clock
    from pytest_aicore.training.live.ledger import Entry

_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(h|m|s|min|)", re.IGNORECASE)
_SECONDS = {"h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0, "": 1.0}
DURATION_EXPECTED = "expected a time such as 45m, 2h, 1h30m or 90s."


def parse_duration(text: str, *, none: bool = False) -> float:
    """Return the seconds of a duration such as `45m`, `2h`, `1h30m`, `90s` or `90`.

    Args:
        text: the duration.
        none: whether 0 is allowed.

    Raises:
        ValueError: the text is not a duration, or 0 is not allowed.
    """
    compact = text.strip().replace(" ", "")
    parts = _PART.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ValueError(DURATION_EXPECTED)
    if len(parts) > 1 and any(not unit for _, unit in parts):
        raise ValueError(DURATION_EXPECTED)
    seconds = sum(float(number) * _SECONDS[unit.lower()] for number, unit in parts)
    if not math.isfinite(seconds) or (seconds == 0 and not none):
        raise ValueError(DURATION_EXPECTED)
    return seconds


def show_duration(seconds: float) -> str:
    """Return a duration for messages: `45m`, `1h30m`, `90s` are 45 minutes, 1.5 hours and 1.5 minutes."""
    whole = round(seconds)
    if whole < 120:
        return f"{round(seconds, 1):g}s" if seconds < 10 else f"{whole}s"
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return "".join(f"{value}{unit}" for value, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if value)


class Budget:
    """The limit of the total running time of a session's executions, by the service's clock if that is known.

    Args:
        seconds: the limit; None for no limit.
        entries: returns the session's entries of the ledger.
        clock: of this machine.
        service_now: returns the service's time in seconds since the epoch, None if it is not known.
    """

    def __init__(
        self,
        seconds: float | None,
        entries: Callable[[], Iterable[Entry]],
        clock: Clock,
        service_now: Callable[[], float | None],
    ) -> None:
        self._seconds = seconds
        self._entries = entries
        self._clock = clock
        self._service_now = service_now
        self.spent: str | None = None
        """The sentence that says that it is spent; None before that."""

    def why_spent(self) -> str | None:
        """Return the sentence that says that it is spent, None if it is not. A spent budget stays spent."""
        if self._seconds is None or self.spent is not None:
            return self.spent
        used, _ = self._used()
        if used >= self._seconds:
            self.spent = (
                f"the budget of this session is spent: its executions have run for {show_duration(used)} together, and"
                f" --aicore-budget allows {show_duration(self._seconds)}. What still ran was stopped."
            )
        return self.spent

    def lasts(self) -> float:
        """Return in how many seconds it is spent if all executions continue to run."""
        if self._seconds is None:
            return math.inf
        used, running = self._used()
        return (self._seconds - used) / running if running else math.inf

    def _used(self) -> tuple[float, int]:
        """Return for how many seconds the executions have run together, and how many run now."""
        entries, service_now = list(self._entries()), self._service_now()
        running = sum(entry.is_open and entry.running_since is not None for entry in entries)
        return sum(entry.ran(self._clock, service_now) for entry in entries), running


@dataclass(frozen=True)
class Price:
    """The price of a resource plan for an hour.

    Attributes:
        amount: the price of an hour.
        currency: the currency as the user wrote it; may be empty.
    """

    amount: float
    currency: str = ""


PRICE_EXPECTED = "expected PLAN = PRICE PER HOUR, for example: train.l = 3.20 EUR"


def parse_price(line: str) -> tuple[str, Price]:
    """Return resource plan and price of a line such as `train.l = 3.20 EUR`.

    Args:
        line: a line of the price table.

    Raises:
        ValueError: the line is not a price.
    """
    match = re.fullmatch(r"\s*([\w.-]+)\s*[=:]\s*(\d+(?:\.\d+)?)\s*([^\d\s]\S*)?\s*", line)
    if match is None:
        raise ValueError(f"{shown(line)!r}: {PRICE_EXPECTED}")
    return match[1], Price(float(match[2]), match[3] or "")


def estimate(plans: Iterable[str], seconds: float, prices: Mapping[str, Price]) -> Price | None:
    """Return the cost of a run by a table of prices; None if the table lacks one of its resource plans.

    The steps of a workflow run one after the other or in parallel, and only AI Core's bill shows how long each one
    took. So the most expensive of its plans is counted for the whole time.

    Args:
        plans: the resource plans of the run's pods.
        seconds: how long it ran.
        prices: by resource plan, for an hour.
    """
    found = [prices.get(plan) for plan in plans]
    known = [price for price in found if price is not None]
    if not known or len(known) < len(found):
        return None
    most_expensive = max(known, key=lambda price: price.amount)
    return Price(most_expensive.amount * seconds / 3600, most_expensive.currency)
