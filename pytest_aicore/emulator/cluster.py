"""The cluster behind the API: what executions go through, as time passes or as clients look at them."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator import bindings
from pytest_aicore.emulator.lifecycle import OUTPUTS_BEFORE_COMPLETION_SECONDS, TERMINAL, Stay
from pytest_aicore.emulator.places import raised_at
from pytest_aicore.emulator.scripts import SHAPES, ShapeError, course, said_about
from pytest_aicore.emulator.state import Artifact, Execution, LogLine, Metric
from pytest_aicore.errors import EmulatorError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_aicore.emulator.emulator import Emulator
    from pytest_aicore.emulator.lifecycle import Course
    from pytest_aicore.emulator.state import Configuration, ResourceGroup


@dataclass(frozen=True, slots=True, order=True)
class Appointment:
    """What happens to an execution at a time, if it then still is in the status and on the course it was."""

    at: float
    number: int
    group: str
    execution: str
    status: str
    outputs: bool

    def __hash__(self) -> int:
        return hash((self.at, self.number))


class Cluster:
    """Runs executions. It remembers nothing itself: everything is in the emulator's state.

    Args:
        emulator: whose executions it runs.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def start(self, group: ResourceGroup, configuration: Configuration, schedule_id: str | None = None) -> Execution:
        """Start an execution of a configuration, on the course that the scripts say."""
        execution_id = self._emulator.state.short_id("e")
        way = self._course(group, configuration, execution_id, use=True)
        now = self._emulator.clock.now()
        execution = group.executions.add(
            Execution(
                id=execution_id,
                number=self._emulator.state.next_number(),
                configuration_id=configuration.id,
                configuration_name=configuration.name,
                scenario_id=configuration.scenario_id,
                executable_id=configuration.executable_id,
                status="UNKNOWN",
                target_status="COMPLETED",
                created_at=now,
                modified_at=now,
                course=way,
                entered_at=now,
                schedule_id=schedule_id,
            )
        )
        if way.outcome == "UNKNOWN":
            execution = group.executions.put(self._with_reasons(execution))
        self._appoint(group, execution)
        return execution

    def _course(self, group: ResourceGroup, configuration: Configuration, execution_id: str, *, use: bool) -> Course:
        """Return the course of an execution, from what scripts say and from what it is bound to.

        Args:
            group: where it runs.
            configuration: what it runs.
            execution_id: its id.
            use: whether scripts that are counted count it.
        """
        state = self._emulator.state
        said = said_about(state.scripts, configuration.executable_id, execution_id)
        for standing in said.speaking if use else ():
            standing.used += 1
        values = {**self._emulator.pace, **said.values}
        if "default" not in group.object_store_secrets:
            values["stuck_in"] = "UNKNOWN"
        published = state.published.get(configuration.executable_id)
        message = published and bindings.wrong_binding(group, configuration, published.executable)
        refused = bindings.refused_details(execution_id, message) if message else None
        return course(values, said.places, bound_wrongly=refused)

    def stop(self, group: ResourceGroup, execution: Execution) -> None:
        """Stop an execution that may be stopped."""
        self._enter(group, replace(execution, target_status="STOPPED"), "STOPPING", self._emulator.clock.now())

    def delete(self, group: ResourceGroup, execution: Execution) -> None:
        """Delete an execution that may be deleted.

        It is gone at once: how long the service still shows it, with the target status DELETED, is not known.
        """
        group.executions.remove(execution.id)
        if execution.id in group.metrics:
            group.metrics.remove(execution.id)

    def look(self, group: ResourceGroup, executions: Iterable[Execution]) -> None:
        """Let happen what a client's look at executions makes happen: time passes, or the count of looks grows."""
        time_passes = False
        for execution in executions:
            if execution.status in TERMINAL:
                continue
            if not execution.goes_by_looks:
                time_passes = True
                continue
            stay = execution.course.stay(execution.status)
            seen = group.executions.put(replace(execution, looks=execution.looks + 1))
            following = seen.course.after(seen.status)
            if stay and stay.looks and seen.looks >= stay.looks and following:
                self._enter(group, seen, following, self._emulator.clock.now())
        if time_passes:
            self._emulator.clock.look()

    def look_for(self, group: ResourceGroup, filters: Mapping[str, Any]) -> None:
        """Let happen what a question about a status makes happen: it is a look at all executions it is about.

        So a loop that asks how many have ended comes to its end too, although no answer shows an unfinished one.

        Args:
            group: where they are.
            filters: what the question is about.
        """
        about = {**filters, "status": None, "is_unfinished": True}
        by_time = group.executions.select({**about, "goes_by_looks": False}, top=1)[1]
        by_looks = group.executions.select({**about, "goes_by_looks": True})[1]
        self.look(group, [*by_time, *by_looks])

    def wait_for(self, group: ResourceGroup, execution_ids: Iterable[str]) -> None:
        """Let the time pass that a question about what executions have written or left behind takes."""
        executions = map(group.executions.get, execution_ids)
        if any(each and each.status not in TERMINAL and not each.goes_by_looks for each in executions):
            self._emulator.clock.look()

    def settle(self) -> None:
        """Let everything happen whose time has come, in order."""
        now = self._emulator.clock.now()
        while self._emulator.state.agenda and self._emulator.state.agenda[0].at <= now:
            appointment = heapq.heappop(self._emulator.state.agenda)
            group = self._emulator.state.groups.get(appointment.group)
            execution = group.executions.get(appointment.execution) if group else None
            if group is None or execution is None or execution.status != appointment.status:
                continue
            if (appointment.at, appointment.outputs) not in _moments(execution):
                continue  # a script changed its course meanwhile
            if appointment.outputs:
                self._register_outputs(group, execution, appointment.at)
                continue
            following = execution.course.after(execution.status)
            if following:
                self._enter(group, execution, following, appointment.at)

    def _appoint(self, group: ResourceGroup, execution: Execution) -> None:
        for at, outputs in _moments(execution):
            heapq.heappush(
                self._emulator.state.agenda,
                Appointment(at, execution.number, group.id, execution.id, execution.status, outputs),
            )

    def _enter(self, group: ResourceGroup, execution: Execution, status: str, at: float) -> None:
        changes: dict[str, Any] = {"status": status, "entered_at": at, "modified_at": at, "looks": 0}
        if status == "RUNNING":
            changes |= {"submission_time": at, "start_time": at}
        entered = replace(execution, **changes)
        way = entered.course
        if status == "RUNNING":
            entered = self._with_telemetry(entered)
        elif status == "STOPPING":
            logs = tuple(line for line in entered.logs if line.at <= at)
            metrics = tuple(metric for metric in entered.metrics if metric.at <= at)
            entered = replace(entered, logs=logs, metrics=metrics, target_status="STOPPED")
        elif status == "COMPLETED":
            self._register_outputs(group, entered, at)
        if status in TERMINAL:
            entered = replace(entered, completion_time=at)
        if status == "DEAD" or (status == way.outcome and status != "COMPLETED"):
            entered = self._with_reasons(entered)
        group.executions.put(entered)
        self._appoint(group, entered)

    def _with_telemetry(self, execution: Execution) -> Execution:
        """Return the execution with the lines and metrics that its training will write while it runs."""
        way = execution.course
        lines = self._called(execution, "logs", way.logs, _default_logs(execution))
        values = self._called(execution, "metrics", way.metrics, {})
        stay = way.stay("RUNNING")
        start, length = execution.entered_at, (stay.seconds if stay else None) or 0.0
        logs = [LogLine(at, line) for at, line in zip(_spread(start, length, len(lines)), lines, strict=True)]
        metrics = [
            Metric(name, value, at, step)
            for name, steps in values.items()
            for step, (at, value) in enumerate(zip(_spread(start, length, len(steps)), steps, strict=True))
        ]
        return replace(
            execution,
            logs=(LogLine(start, 'level=info msg="Starting Workflow Executor"', "init"), *logs),
            metrics=tuple(sorted(metrics, key=lambda metric: metric.at)),
        )

    def _with_reasons(self, execution: Execution) -> Execution:
        """Return the execution with what the API shows of why it ended badly, or does not go on."""
        way = execution.course
        default = None
        if execution.status == "DEAD":
            last = [line.message for line in execution.logs if line.container == "main"][-5:]
            default = bindings.failed_details(execution.id, execution.executable_id, last)
        details = self._called(execution, "status_details", way.status_details, default)
        return replace(execution, status_details=details, status_message=way.status_message)

    def _called(self, execution: Execution, name: str, said: Any, default: Any) -> Any:
        """Return what a script says, calling it where it is a function; what goes wrong in it must fail the test."""
        if not callable(said):
            return default if said is None else said
        try:
            return SHAPES[name](said(execution))
        except ShapeError as error:
            what = f"it returned {error}"
        except Exception as error:  # whatever the test's own function raises
            raised = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            inside = raised_at(error)
            what = f"{raised} ({inside})." if inside else f"{raised}."
        self._emulator.report(
            f"{execution.course.places.get(name, '')}: script: {name}= failed for execution {execution.id} of "
            f"{execution.executable_id!r}: {what} The execution went on without it."
        )
        return default

    def _register_outputs(self, group: ResourceGroup, execution: Execution, at: float) -> None:
        """Register the output artifacts that are not registered yet."""
        published = self._emulator.state.published.get(execution.executable_id)
        omitted = execution.course.omit_outputs
        if published is None or omitted is True:
            return
        _, there = group.artifacts.select({"execution_id": execution.id})
        urls = {artifact.url for artifact in there}
        for output in published.executable.output_artifacts:
            url = f"ai://default/{execution.id}/{output.name}{output.suffix or ''}"
            if output.name in omitted or url in urls:
                continue
            group.artifacts.add(
                Artifact(
                    id=self._emulator.state.uuid(),
                    number=self._emulator.state.next_number(),
                    name=output.registered_name,
                    kind=output.kind or "model",
                    url=url,
                    scenario_id=execution.scenario_id,
                    created_at=at,
                    description=output.description or "",
                    labels=output.labels or None,
                    execution_id=execution.id,
                )
            )

    def find(self, execution_id: str) -> tuple[ResourceGroup, Execution] | None:
        """Return an execution and its resource group, wherever it is."""
        for group in self._emulator.state.groups.values():
            execution = group.executions.get(execution_id)
            if execution:
                return group, execution
        return None

    def change_course(self, execution_id: str) -> None:
        """Lead an execution that is under way on the course that the scripts now say.

        Raises:
            EmulatorError: it has ended already.
        """
        found = self.find(execution_id)
        if found is None:
            return
        group, execution = found
        said = said_about(self._emulator.state.scripts, execution.executable_id, execution_id)
        if execution.status in TERMINAL:
            raise EmulatorError(
                f"{said.speaking[-1].script.place}: script: execution {execution_id} has ended already, "
                f"{execution.status}; script it before, or script the next one with times=1."
            )
        configuration = group.configurations.get(execution.configuration_id)
        if configuration is None:
            return
        now = self._emulator.clock.now()
        way = _not_before(now, execution, self._course(group, configuration, execution_id, use=False))
        changed = replace(execution, course=way)
        if changed.status == "RUNNING":
            changed = self._with_telemetry(changed)
        if changed.status == way.outcome:
            changed = self._with_reasons(changed)
        self._appoint(group, group.executions.put(changed))


def _moments(execution: Execution) -> list[tuple[float, bool]]:
    """Return when something happens to an execution in its status, and whether that is its outputs' registration."""
    stay = execution.course.stay(execution.status)
    if stay is None or stay.seconds is None or execution.course.after(execution.status) is None:
        return []
    due = execution.entered_at + stay.seconds
    if execution.status != "RUNNING" or execution.course.outcome != "COMPLETED":
        return [(due, False)]
    return [(due, False), (max(due - OUTPUTS_BEFORE_COMPLETION_SECONDS, execution.entered_at), True)]


def _not_before(now: float, execution: Execution, way: Course) -> Course:
    """Return the course without an end of the present stay that lies in the past already."""

    def lasting(stay: Stay) -> Stay:
        late = stay.status == execution.status and stay.seconds is not None
        return replace(stay, seconds=max(stay.seconds or 0.0, now - execution.entered_at)) if late else stay

    return replace(way, stays=tuple(map(lasting, way.stays)), stopping=lasting(way.stopping))


def _default_logs(execution: Execution) -> tuple[str, ...]:
    ending = {
        "COMPLETED": ("Training finished",),
        "DEAD": ("Traceback (most recent call last):", "RuntimeError: training failed"),
    }
    return (f"Training {execution.executable_id} started", *ending.get(execution.course.outcome, ()))


def _spread(start: float, length: float, count: int) -> list[float]:
    """Return so many moments, evenly within a length of time, the last at its end."""
    return [start + length * (index + 1) / count for index in range(count)]
