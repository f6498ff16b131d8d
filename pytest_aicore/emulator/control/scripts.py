"""Scripts of tests for executions: how they combine, and the course that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from inspect import signature
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from pytest_aicore.emulator.control.shapes import SHAPES, ShapeError, are_strings, is_number
from pytest_aicore.emulator.control.symptoms import SYMPTOMS
from pytest_aicore.emulator.store.statuses import OUTCOMES, STATUSES, UNFINISHED
from pytest_aicore.emulator.world.course import (
    PENDING_SECONDS,
    RUNNING_SECONDS,
    STOPPING_SECONDS,
    UNKNOWN_SECONDS,
    ScriptedCourse,
    Stay,
)
from pytest_aicore.errors import EmulatorError, did_you_mean, listing, our_message

if TYPE_CHECKING:
    from pytest_aicore.emulator.store.protocols import StandingScript
    from pytest_aicore.emulator.world.course import Details, Logs, MetricValues, Outputs, Percents

__tracebackhide__ = our_message

Arguments = ParamSpec("Arguments")
Returned = TypeVar("Returned")

LONGEST_STATUS_MESSAGE = 256
"""Specification."""
LONGEST_SHOWN = 200
"""Number of characters of a value that a message shows."""


def with_arguments_of(
    made: Callable[Arguments, object],
) -> Callable[[Callable[..., Returned]], Callable[Concatenate[Any, Arguments], Returned]]:
    """Give a method the signature of a constructor, so that the arguments are declared once.

    Args:
        made: the constructor; all its arguments are keywords.
    """

    def decorate(method: Callable[..., Returned]) -> Callable[Concatenate[Any, Arguments], Returned]:
        own = signature(method)
        parameters = [own.parameters["self"], *signature(made).parameters.values()]
        method.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        return method

    return decorate


@dataclass(frozen=True, kw_only=True)
class Script:
    """How the emulator treats the executions that a script is for. Made by `Emulator.script`, with these arguments.

    None means the default.
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
    progress: Percents = None
    status_details: Details = None
    status_message: str | None = None
    outputs: Outputs = None
    omit_outputs: bool | Sequence[str] | None = None
    symptom: str | None = None
    place: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for name in ("outcome", "polls", "stuck_in"):
            object.__setattr__(self, name, _plain(getattr(self, name)))
        for name, value, allowed in (
            ("outcome", self.outcome, OUTCOMES),
            ("stuck_in", self.stuck_in, UNFINISHED),
        ):
            if value is not None and value not in allowed:
                hint = did_you_mean(str(value), allowed)
                if value in STATUSES and name == "stuck_in":
                    hint = f" {value} is a final status: use outcome={value!r}."
                raise self._wrong(f"unknown {name}={value!r}; expected one of {', '.join(allowed)}.{hint}")
        if self.symptom is not None and self.symptom not in SYMPTOMS:
            hint = did_you_mean(str(self.symptom), SYMPTOMS)
            raise self._wrong(f"unknown symptom={self.symptom!r}; expected one of {listing(SYMPTOMS)}.{hint}")
        for name in ("unknown", "pending", "running", "stopping"):
            seconds = getattr(self, name)
            if seconds is not None and not (is_number(seconds) and seconds >= 0):
                raise self._wrong(f"invalid {name}={seconds!r}: expected seconds >= 0.")
            if seconds is not None and self.polls is not None:
                raise self._wrong(f"polls= counts polls and {name}= seconds: give one of them.")
        if self.times is not None and not _is_count(self.times):
            raise self._wrong(f"invalid times={self.times!r}: expected a number of executions >= 1.")
        if self.execution is not None and self.times is not None:
            raise self._wrong("times= counts executions, but execution= selects one: leave times= out.")
        if self.executable is not None and self.execution is not None:
            raise self._wrong("give either executable= or execution=, not both.")
        self._check_polls()
        if self.status_message is not None and not (
            isinstance(self.status_message, str) and len(self.status_message) <= LONGEST_STATUS_MESSAGE
        ):
            raise self._wrong(
                f"invalid status_message={self.status_message!r}: expected a string of at most "
                f"{LONGEST_STATUS_MESSAGE} "
                "characters."
            )
        if not (self.omit_outputs is None or isinstance(self.omit_outputs, bool) or are_strings(self.omit_outputs)):
            raise self._wrong(
                f"invalid omit_outputs={self.omit_outputs!r}: expected a list of names of output artifacts, or True "
                f"for "
                "all."
            )
        for name, shape in SHAPES.items():
            value = getattr(self, name)
            if value is not None and not callable(value):
                try:
                    # A copy, so that later changes have no effect, and an iterator can be read more than once.
                    object.__setattr__(self, name, shape(value))
                except ShapeError as error:
                    raise self._wrong(f"{name}={error}") from None
        self._check_outputs()

    def _check_outputs(self) -> None:
        played = self.outputs if isinstance(self.outputs, Mapping) else {}
        omitted = self.omit_outputs or ()
        for name in played:
            if omitted is True or name in omitted:
                raise self._wrong(f"outputs= plays {name!r}, which omit_outputs= leaves out: give one of them.")

    def _check_polls(self) -> None:
        counts = self.polls.values() if isinstance(self.polls, Mapping) else [self.polls]
        if self.polls is not None and not all(map(_is_count, counts)):
            raise self._wrong(f"invalid polls={self.polls!r}: expected a number of polls >= 1, or a mapping by status.")
        for status in self.polls if isinstance(self.polls, Mapping) else ():
            if status not in UNFINISHED:
                hint = did_you_mean(str(status), UNFINISHED)
                raise self._wrong(f"polls: unknown status {status!r}; expected one of {', '.join(UNFINISHED)}.{hint}")

    def _wrong(self, why: str) -> EmulatorError:
        return EmulatorError(f"{self.place + ': ' if self.place else ''}script: {why}")

    def said(self) -> dict[str, Any]:
        """Return the values that it sets, without the selection of executions."""
        about = {spec.name: getattr(self, spec.name) for spec in fields(self)}
        return {
            name: value
            for name, value in about.items()
            if value is not None and name not in ("executable", "execution", "times", "place")
        }

    def contradicts(self, other: Script) -> str | None:
        """Return the name of a field that both scripts set differently for the same executions, or None."""
        if (self.executable, self.execution) != (other.executable, other.execution):
            return None
        if self.times is not None or other.times is not None:
            return None  # scripts with `times` apply one after the other
        mine, theirs = self.said(), other.said()
        return next((name for name in mine if name in theirs and mine[name] != theirs[name]), None)


@dataclass(slots=True)
class Standing:
    """A script with the number of executions that have used it."""

    script: Script
    used: int = 0

    @property
    def is_used_up(self) -> bool:
        """Whether it has `times`, and was used that often."""
        return self.script.times is not None and self.used >= self.script.times


@dataclass(frozen=True, slots=True)
class Said:
    """The combined values of all scripts for one execution.

    Args:
        values: by field.
        places: by field the `file:line` of the script that set it.
        speaking: the scripts that apply.
    """

    values: Mapping[str, Any]
    places: Mapping[str, str]
    speaking: Sequence[StandingScript]


def said_about(standings: Iterable[StandingScript], executable_id: str, execution_id: str) -> Said:
    """Combine the scripts for an execution.

    A script for one execution overrides scripts for its executable, which override scripts for all executions. Of
    scripts with `times`, which apply one after the other, the first that is not used up applies.
    """
    levels: tuple[list[StandingScript], ...] = ([], [], [])
    for standing in standings:
        script = standing.script
        if script.execution is not None:
            if script.execution == execution_id:
                levels[2].append(standing)
        elif script.executable in (None, executable_id):
            levels[0 if script.executable is None else 1].append(standing)
    speaking: list[StandingScript] = []
    for level in levels:
        speaking += [standing for standing in level if standing.script.times is None]
        speaking += [each for each in level if each.script.times is not None and not each.is_used_up][:1]
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    for standing in speaking:
        said = standing.script.said()
        values |= said
        places |= dict.fromkeys(said, standing.script.place)
    return Said(values, places, speaking)


def refuse_contradiction(script: Script, standings: Iterable[StandingScript]) -> None:
    """Refuse a script that contradicts an earlier one for the same executions.

    Raises:
        EmulatorError: naming the field and both places.
    """
    for standing in standings:
        disputed = script.contradicts(standing.script)
        if disputed:
            before, after = standing.script.said()[disputed], script.said()[disputed]
            whom = script.executable or script.execution or "every execution"
            raise EmulatorError(
                f"{script.place}: script: {disputed}={_briefly(after)} for {whom} contradicts {disputed}="
                f"{_briefly(before)}, set at "
                f"{standing.script.place}. Give them different executables, or times= to let one follow the other."
            )


def _briefly(value: object) -> str:
    """Return what a message shows of a value: of the content of outputs the beginning."""
    shown = repr(value)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}..."


def course(
    said: Mapping[str, Any],
    places: Mapping[str, str] | None = None,
    *,
    bound_wrongly: Mapping[str, Any] | None = None,
    deployed: bool = False,
) -> ScriptedCourse:
    """Return the course that an execution or a deployment takes.

    Args:
        said: the combined values of its scripts.
        places: by field the `file:line` of the script that set it.
        bound_wrongly: the status details of an execution whose configuration does not match its template; it never
            runs, whatever the scripts are.
        deployed: whether it is a deployment. One that does not fail runs until a client stops it; a failing one fails
            before it runs, unless a script sets for how long it runs.
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
    if said.get("never_runs"):
        order.remove("RUNNING")
    if bound_wrongly is not None:
        order, outcome, details = ["UNKNOWN", "PENDING"], "DEAD", bound_wrongly
    elif outcome == "STOPPED":
        order.append("STOPPING")
    elif deployed and outcome == "DEAD" and "running" not in said:
        order.remove("RUNNING")
    if not (deployed and outcome == "COMPLETED"):
        order.append(outcome)
    stuck = said.get("stuck_in")
    if stuck in order:
        order = order[: order.index(stuck) + 1]
    omit = said.get("omit_outputs") or ()
    stays = [_stay(status, durations.get(status), said.get("polls")) for status in order]
    stays[-1] = Stay(order[-1])
    stopping = Stay("STOPPING") if stuck == "STOPPING" else _stay("STOPPING", durations["STOPPING"], said.get("polls"))
    return ScriptedCourse(
        stays=tuple(stays),
        stopping=stopping,
        omit_outputs=True if omit is True else tuple(omit),
        status_details=details,
        status_message=said.get("status_message"),
        logs=said.get("logs"),
        metrics=said.get("metrics"),
        progress=said.get("progress"),
        outputs=said.get("outputs"),
        places=places or {},
    )


def _stay(status: str, seconds: float | None, polls: int | Mapping[str, int] | None) -> Stay:
    if isinstance(polls, Mapping):
        return Stay(status, polls=polls.get(status, 1))
    return Stay(status, seconds) if polls is None else Stay(status, polls=polls)


def _plain(value: Any) -> Any:
    """Return the value with strings instead of the SDK's statuses."""
    if isinstance(value, Mapping):
        return {_plain(status): polls for status, polls in value.items()}
    return value.value if isinstance(value, Enum) else value


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
