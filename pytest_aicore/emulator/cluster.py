"""The cluster behind the API: what executions go through, as time passes or as clients look at them."""

from __future__ import annotations

import heapq
import traceback
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator import bindings
from pytest_aicore.emulator.lifecycle import OUTPUTS_BEFORE_COMPLETION_SECONDS, TERMINAL
from pytest_aicore.emulator.places import short
from pytest_aicore.emulator.scripts import course, said_about
from pytest_aicore.emulator.state import Artifact, Execution, LogLine, Metric
from pytest_aicore.errors import EmulatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_aicore.emulator.emulator import Emulator
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
        published = self._emulator.state.published.get(configuration.executable_id)
        executable = published.executable if published else None
        execution_id = self._emulator.state.short_id("e")
        message = executable and bindings.wrong_binding(group, configuration, executable)
        said, speaking = said_about(self._emulator.state.scripts, configuration.executable_id, execution_id)
        for standing in speaking:
            standing.used += 1
        if "default" not in group.object_store_secrets:
            said = {**said, "stuck_in": "UNKNOWN"}
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
                course=course(
                    said,
                    speaking[-1].script.place if speaking else "",
                    bound_wrongly=bindings.refused_details(execution_id, message) if message else None,
                ),
                entered_at=now,
                schedule_id=schedule_id,
            )
        )
        self._appoint(group, execution)
        return execution

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
            stay = execution.course.stay(execution.status)
            if stay is None or stay.looks is None:
                time_passes = True
                continue
            seen = group.executions.put(replace(execution, looks=execution.looks + 1))
            following = seen.course.after(seen.status)
            if seen.looks >= stay.looks and following:
                self._enter(group, seen, following, self._emulator.clock.now())
        if time_passes:
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
            if appointment.outputs:
                if execution.course.outcome == "COMPLETED":
                    self._register_outputs(group, execution, appointment.at)
            elif _due(execution) == appointment.at:
                following = execution.course.after(execution.status)
                if following:
                    self._enter(group, execution, following, appointment.at)

    def _appoint(self, group: ResourceGroup, execution: Execution) -> None:
        due = _due(execution)
        if due is None:
            return
        moments = [(due, False)]
        if execution.status == "RUNNING" and execution.course.outcome == "COMPLETED":
            moments.append((max(due - OUTPUTS_BEFORE_COMPLETION_SECONDS, execution.entered_at), True))
        for at, outputs in moments:
            heapq.heappush(
                self._emulator.state.agenda,
                Appointment(at, execution.number, group.id, execution.id, execution.status, outputs),
            )

    def _enter(self, group: ResourceGroup, execution: Execution, status: str, at: float) -> None:
        changes: dict[str, Any] = {"status": status, "entered_at": at, "modified_at": at, "looks": 0}
        if status == "RUNNING":
            changes |= {"submission_time": at, "start_time": at}
        entered = replace(execution, **changes)
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
        if status == "DEAD":
            entered = self._with_reasons(entered)
        group.executions.put(entered)
        self._appoint(group, entered)

    def _with_telemetry(self, execution: Execution) -> Execution:
        """Return the execution with the lines and metrics that its training will write while it runs."""
        way = execution.course
        lines = self._called(execution, "logs", way.logs, list, _default_logs(execution))
        values = self._called(execution, "metrics", way.metrics, dict, {})
        stay = way.stay("RUNNING")
        start, length = execution.entered_at, (stay.seconds if stay else None) or 0.0
        logs = [LogLine(at, str(line)) for at, line in zip(_spread(start, length, len(lines)), lines, strict=True)]
        metrics = []
        for name, series in values.items():
            steps = list(series) if isinstance(series, (list, tuple)) else [series]
            for step, (at, value) in enumerate(zip(_spread(start, length, len(steps)), steps, strict=True)):
                metrics.append(Metric(name, value, at, step))
        return replace(
            execution,
            logs=(LogLine(start, 'level=info msg="Starting Workflow Executor"', "init"), *logs),
            metrics=tuple(sorted(metrics, key=lambda metric: metric.at)),
        )

    def _with_reasons(self, execution: Execution) -> Execution:
        last = [line.message for line in execution.logs if line.container == "main"][-5:]
        default = bindings.failed_details(execution.id, execution.executable_id, last)
        way = execution.course
        details = self._called(execution, "status_details", way.status_details, dict, default)
        return replace(execution, status_details=details, status_message=way.status_message)

    def _called(self, execution: Execution, name: str, said: Any, shape: Callable[[Any], Any], default: Any) -> Any:
        """Return what a script says, calling it where it is a function; what it raises must fail the test."""
        if said is None:
            return default
        try:
            return shape(said(execution) if callable(said) else said)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            raised = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            inside = f" ({short(where.filename)}:{where.lineno})" if callable(said) else ""
            self._emulator.incidents.append(
                f"{execution.course.script_place}: script: {name}= failed for execution {execution.id} of "
                f"{execution.executable_id!r}: {raised}{inside}. The execution went on without it."
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
        said, speaking = said_about(self._emulator.state.scripts, execution.executable_id, execution_id)
        place = speaking[-1].script.place if speaking else ""
        if execution.status in TERMINAL:
            raise EmulatorError(
                f"{place}: script: execution {execution_id} has ended already, {execution.status}; "
                "script it before, or script the next one with times=1."
            )
        changed = replace(execution, course=course(said, place))
        if changed.status == "RUNNING":
            changed = self._with_telemetry(changed)
        self._appoint(group, group.executions.put(changed))


def _due(execution: Execution) -> float | None:
    stay = execution.course.stay(execution.status)
    if stay is None or stay.seconds is None or execution.course.after(execution.status) is None:
        return None
    return execution.entered_at + stay.seconds


def _default_logs(execution: Execution) -> list[str]:
    begun = f"Training {execution.executable_id} started"
    ending = {
        "COMPLETED": ["Training finished"],
        "DEAD": ["Traceback (most recent call last):", "RuntimeError: training failed"],
    }
    return [begun, *ending.get(execution.course.outcome, [])]


def _spread(start: float, length: float, count: int) -> list[float]:
    """Return so many moments, evenly within a length of time, the last at its end."""
    return [start + length * (index + 1) / count for index in range(count)]
