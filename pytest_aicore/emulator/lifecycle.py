"""How an execution lives: statuses, which changes are legal, the clock, and scripts that choose another course.

`UNKNOWN -> PENDING -> RUNNING -> COMPLETED | DEAD`; stopped: `PENDING | RUNNING -> STOPPING -> STOPPED`
(SAP's status figures; legality as in the tables of its documentation for stopping and deleting).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from pytest_aicore.errors import EmulatorError, did_you_mean

if TYPE_CHECKING:
    from pytest_aicore.emulator.state import Execution

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


class Clock:
    """The emulator's time, in seconds since the epoch. It only moves when it is moved.

    While nobody moves it (`driven` is false), each look at an unfinished execution takes `LOOK_SECONDS`: a
    plain polling loop ends although no time passes between its questions.
    """

    def __init__(self, start: float = EPOCH) -> None:
        self._now = start
        self.driven = False

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock on.

        Args:
            seconds: how far; not negative.
        """
        self.driven = True
        self._move(seconds)

    sleep = advance

    def look(self) -> None:
        """Let the time pass that a look takes, unless somebody else moves the clock."""
        if not self.driven:
            self._move(LOOK_SECONDS)

    def set(self, now: float, *, driven: bool) -> None:
        """Set the clock, as a rollback does."""
        self._now = now
        self.driven = driven

    def _move(self, seconds: float) -> None:
        if not seconds >= 0:
            raise EmulatorError(f"The emulator's clock cannot be moved by {seconds!r} seconds: time only goes on.")
        self._now += seconds


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
        script_place: `file:line` of the script that chose this course, for messages.
    """

    stays: tuple[Stay, ...]
    stopping: Stay
    omit_outputs: tuple[str, ...] | Literal[True] = ()
    status_details: Details = None
    status_message: str | None = None
    logs: Logs = None
    metrics: MetricValues = None
    script_place: str = ""

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
Logs = Sequence[str] | Callable[["Execution"], Iterable[str]] | None
Value = float | Sequence[float]
MetricValues = Mapping[str, Value] | Callable[["Execution"], Mapping[str, Value]] | None


@dataclass(frozen=True)
class Script:
    """How the emulator treats the executions that a script is for. Made by `Emulator.script`.

    Everything that is None is left as it is.
    """

    executable: str | None = None
    execution: str | None = None
    times: int | None = None
    outcome: str | None = None
    unknown: float | None = None
    pending: float | None = None
    running: float | None = None
    stopping: float | None = None
    polls: int | Mapping[str, int] | None = None
    stuck_in: str | None = None
    logs: Logs = None
    metrics: MetricValues = None
    status_details: Details = None
    status_message: str | None = None
    omit_outputs: bool | Sequence[str] | None = None
    place: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("outcome", self.outcome, OUTCOMES),
            ("stuck_in", self.stuck_in, STATUSES),
        ):
            if value is not None and value not in allowed:
                hint = did_you_mean(str(value), allowed)
                raise self._wrong(f"{name}={value!r} is none of {', '.join(allowed)}.{hint}")
        for name in ("unknown", "pending", "running", "stopping"):
            seconds = getattr(self, name)
            if seconds is not None and not (_is_number(seconds) and 0 <= seconds < float("inf")):
                raise self._wrong(f"{name}={seconds!r} is no duration: give seconds, 0 or more.")
        if self.times is not None and not (_is_whole(self.times) and self.times >= 1):
            raise self._wrong(f"times={self.times!r} is no number of executions: give 1 or more.")
        counts = self.polls.values() if isinstance(self.polls, Mapping) else [self.polls]
        if self.polls is not None and not all(_is_whole(count) and count >= 1 for count in counts):
            raise self._wrong(f"polls={self.polls!r} is no number of looks: give 1 or more, or a mapping by status.")
        if isinstance(self.polls, Mapping):
            for status in self.polls:
                if status not in STATUSES:
                    hint = did_you_mean(str(status), STATUSES)
                    raise self._wrong(f"polls names {status!r}, which is no status.{hint}")
        if self.executable is not None and self.execution is not None:
            raise self._wrong("give either executable= or execution=, not both.")
        if isinstance(self.logs, str) or isinstance(self.omit_outputs, str):
            name = "logs" if isinstance(self.logs, str) else "omit_outputs"
            raise self._wrong(f"{name} is one string: give a list of strings.")

    def _wrong(self, why: str) -> EmulatorError:
        return EmulatorError(f"{self.place + ': ' if self.place else ''}script: {why}")

    def said(self) -> dict[str, Any]:
        """Return what the script says about an execution, without whom it is for and how often."""
        about = {spec.name: getattr(self, spec.name) for spec in fields(self)}
        return {
            name: value
            for name, value in about.items()
            if value is not None and name not in ("executable", "execution", "times", "place")
        }

    def contradicts(self, other: Script) -> str | None:
        """Return the name of a field on which two scripts for the same executions disagree, or None."""
        if (self.executable, self.execution) != (other.executable, other.execution):
            return None
        if self.times is not None or other.times is not None:
            return None  # counted scripts follow each other
        mine, theirs = self.said(), other.said()
        return next((name for name in mine if name in theirs and mine[name] != theirs[name]), None)


def course(said: Mapping[str, Any], place: str = "", *, bound_wrongly: Mapping[str, Any] | None = None) -> Course:
    """Return the course that an execution takes.

    Args:
        said: what the scripts for it say together.
        place: `file:line` of the nearest of them.
        bound_wrongly: the status details of an execution whose configuration does not fit its template; it
            never runs, whatever a script says.
    """
    outcome = said.get("outcome", "COMPLETED")
    details = said.get("status_details")
    durations = {
        "UNKNOWN": said.get("unknown", UNKNOWN_SECONDS),
        "PENDING": said.get("pending", PENDING_SECONDS),
        "RUNNING": said.get("running", RUNNING_SECONDS),
        "STOPPING": said.get("stopping", STOPPING_SECONDS),
    }
    order = ["UNKNOWN", "PENDING", "RUNNING"]
    if bound_wrongly is not None:
        order, outcome, details = ["UNKNOWN", "PENDING"], "DEAD", bound_wrongly
    elif outcome == "STOPPED":
        order.append("STOPPING")
    order.append(outcome)
    stuck = said.get("stuck_in")
    if stuck in order:
        order = order[: order.index(stuck) + 1]
    omit = said.get("omit_outputs") or ()
    stays = [_stay(status, durations.get(status), said.get("polls")) for status in order]
    stays[-1] = Stay(order[-1])
    stopping = Stay("STOPPING") if stuck == "STOPPING" else _stay("STOPPING", durations["STOPPING"], said.get("polls"))
    return Course(
        stays=tuple(stays),
        stopping=stopping,
        omit_outputs=True if omit is True else tuple(omit),
        status_details=details,
        status_message=said.get("status_message"),
        logs=said.get("logs"),
        metrics=said.get("metrics"),
        script_place=place,
    )


def _stay(status: str, seconds: float | None, polls: int | Mapping[str, int] | None) -> Stay:
    if isinstance(polls, Mapping):
        return Stay(status, looks=polls[status]) if status in polls else Stay(status, looks=1)
    return Stay(status, seconds) if polls is None else Stay(status, looks=polls)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
