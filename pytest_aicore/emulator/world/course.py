"""How an execution lives: statuses, which changes are legal, the clock, and scripts that choose another course.

`UNKNOWN -> PENDING -> RUNNING -> COMPLETED | DEAD`; stopped: `PENDING | RUNNING -> STOPPING -> STOPPED`
(SAP's status figures; legality as in the tables of its documentation for stopping and deleting).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

from pytest_aicore.errors import EmulatorError, our_message

if TYPE_CHECKING:
    from pytest_aicore.emulator.store.state import Execution

__tracebackhide__ = our_message

STATUSES = ("UNKNOWN", "PENDING", "RUNNING", "COMPLETED", "DEAD", "STOPPING", "STOPPED")
TERMINAL = frozenset({"COMPLETED", "DEAD", "STOPPED"})
OUTCOMES = ("COMPLETED", "DEAD", "STOPPED")

CAN_BE_STOPPED = frozenset({"PENDING", "RUNNING"})
"""Documentation: everything else, UNKNOWN included, cannot."""
CAN_BE_DELETED = frozenset({"UNKNOWN", "STOPPED", "DEAD", "COMPLETED"})
"""Documentation: a pending or running execution must be stopped first."""

UNKNOWN_SECONDS = 10.0
"""Assumed within what was observed: 14 to 89 seconds until an execution runs, of which PENDING is the smaller part."""
PENDING_SECONDS = 5.0
RUNNING_SECONDS = 45.0
"""Observed: 47 and 55 seconds for small trainings."""
STOPPING_SECONDS = 10.0
"""Assumed: nobody captured how long stopping takes."""
OUTPUTS_BEFORE_COMPLETION_SECONDS = 10.0
"""Observed: output artifacts are registered about ten seconds before `completionTime`."""
LOOK_SECONDS = 5.0
"""The tutorial polls every five seconds: what a look takes while nobody else moves the clock."""

EPOCH = datetime(2025, 1, 1, tzinfo=timezone.utc).timestamp()
"""Where every emulator's time begins, so that two runs give the same bytes."""
END_OF_TIME = datetime(9999, 12, 31, tzinfo=timezone.utc).timestamp()
"""What comes later cannot be written down in the API's formats."""


class Clock:
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
            raise EmulatorError(f"The emulator's clock cannot be moved by {seconds!r} seconds: time only goes on.")
        if seconds > END_OF_TIME - self._now:
            raise EmulatorError(
                f"The emulator's clock cannot be moved by {seconds!r} seconds: its time ends with 9999."
            )
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


@dataclass(frozen=True, slots=True)
class Stay:
    """How long an execution stays in a status: so many seconds, or so many looks, or for ever (neither)."""

    status: str
    seconds: float | None = None
    looks: int | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """The statuses an execution will go through, and what it will leave behind.

    Args:
        stays: in order; the last one is where it ends.
        stopping: how long it takes to stop.
        omit_outputs: names of output artifacts that will not be registered; True for all.
        status_details: what the API shows once it has ended badly, or a function of the execution.
        status_message: likewise.
        logs: lines, or a function of the execution.
        metrics: values by name, or a function of the execution.
        places: by field the `file:line` of the script that says it, for messages.
    """

    stays: tuple[Stay, ...]
    stopping: Stay
    omit_outputs: tuple[str, ...] | Literal[True] = ()
    status_details: Details = None
    status_message: str | None = None
    logs: Logs = None
    metrics: MetricValues = None
    places: Mapping[str, str] = field(default_factory=dict)

    def stay(self, status: str) -> Stay | None:
        """Return the stay in a status, or None when the course does not come through it."""
        if status == "STOPPING":
            return self.stopping
        return next((stay for stay in self.stays if stay.status == status), None)

    def after(self, status: str) -> str | None:
        """Return the status that follows, or None where the course ends."""
        if status == "STOPPING":
            return "STOPPED"
        order = [stay.status for stay in self.stays]
        if status not in order[:-1]:
            return None
        return order[order.index(status) + 1]

    @property
    def outcome(self) -> str:
        """The status in which the course ends."""
        return self.stays[-1].status


Details = Mapping[str, Any] | Callable[["Execution"], Mapping[str, Any]] | None
Logs = Iterable[str] | Callable[["Execution"], Iterable[str]] | None
Value = float | Iterable[float]
MetricValues = Mapping[str, Value] | Callable[["Execution"], Mapping[str, Value]] | None
