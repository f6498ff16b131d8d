"""Courses: the statuses of an execution or deployment according to scripts, and how long each lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pytest_aicore.emulator.store.records import Execution
    from pytest_aicore.objects.content import Content

UNKNOWN_SECONDS = 10.0
"""Assumed within what was observed: 14 to 89 seconds until an execution runs, of which PENDING is the smaller part."""
PENDING_SECONDS = 5.0
RUNNING_SECONDS = 45.0
"""Observed: 47 and 55 seconds for small trainings."""
STOPPING_SECONDS = 10.0
"""Assumed: no capture shows how long stopping takes."""
OUTPUTS_BEFORE_COMPLETION_SECONDS = 10.0
"""Observed: output artifacts are registered about ten seconds before `completionTime`."""


@dataclass(frozen=True, slots=True)
class Stay:
    """How long an execution stays in a status: a number of seconds or polls, or for ever (neither)."""

    status: str
    seconds: float | None = None
    polls: int | None = None


@dataclass(frozen=True, slots=True)
class ScriptedCourse:
    """The statuses an execution will go through, and what it will write.

    Args:
        stays: in order; the last one is where it ends.
        stopping: how long it takes to stop.
        omit_outputs: names of output artifacts that will not be registered; True for all.
        status_details: what the API shows once it has ended or is stuck, or a function of the execution.
        status_message: likewise.
        logs: lines, or a function of the execution.
        metrics: values by name, or a function of the execution.
        progress: how much is done, in percent, or a function of the execution.
        outputs: by output artifact the content that it will have, or a function of the execution.
        places: by field the `file:line` of the script that set it, for messages.
    """

    stays: tuple[Stay, ...]
    stopping: Stay
    omit_outputs: tuple[str, ...] | Literal[True] = ()
    status_details: Details = None
    status_message: str | None = None
    logs: Logs = None
    metrics: MetricValues = None
    progress: Percents = None
    outputs: Outputs = None
    places: Mapping[str, str] = field(default_factory=dict)

    def stay(self, status: str) -> Stay | None:
        """Return the stay in a status, or None if the course does not have it."""
        if status == "STOPPING":
            return self.stopping
        return next((stay for stay in self.stays if stay.status == status), None)

    def after(self, status: str) -> str | None:
        """Return the next status, or None at the end of the course."""
        if status == "STOPPING":
            return "STOPPED"
        order = [stay.status for stay in self.stays]
        if status not in order[:-1]:
            return None
        return order[order.index(status) + 1]

    def counts_polls(self, status: str) -> bool:
        """Return whether it leaves a status after a number of polls, not after a time."""
        stay = self.stay(status)
        return stay is not None and stay.polls is not None

    def advances(self, status: str) -> bool:
        """Return whether it leaves a status without a client."""
        return self.after(status) is not None

    @property
    def outcome(self) -> str:
        """The status in which the course ends."""
        return self.stays[-1].status


Details = Mapping[str, Any] | Callable[["Execution"], Mapping[str, Any]] | None
Logs = Iterable[str] | Callable[["Execution"], Iterable[str]] | None
MetricValue = float | Iterable[float]
MetricValues = Mapping[str, MetricValue] | Callable[["Execution"], Mapping[str, MetricValue]] | None
Percents = int | str | Iterable[int | str] | Callable[["Execution"], Iterable[int | str]] | None
Outputs = Mapping[str, "Content"] | Callable[["Execution"], Mapping[str, "Content"]] | None
