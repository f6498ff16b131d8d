"""The scripted engine: nothing really runs; executions and deployments follow scripts of tests, or defaults.

Its progress is part of the state: each execution has a course, which advances as virtual time passes, or by polls.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from pytest_aicore.emulator.control.caller import raised_at
from pytest_aicore.emulator.control.scripts import course, said_about
from pytest_aicore.emulator.control.shapes import SHAPES, ShapeError
from pytest_aicore.emulator.control.symptoms import spelt_out, without_secrets
from pytest_aicore.emulator.store.objects import store_object
from pytest_aicore.emulator.store.records import Deployment, Enactment, Execution, LogEntry, Metric, Progress
from pytest_aicore.emulator.store.statuses import TERMINAL
from pytest_aicore.emulator.world import bindings
from pytest_aicore.emulator.world.cluster import artifact_of, entered, is_registered
from pytest_aicore.emulator.world.course import OUTPUTS_BEFORE_COMPLETION_SECONDS, Stay
from pytest_aicore.errors import EmulatorError, did_you_mean, listing, our_message
from pytest_aicore.service_facts import DEFAULT_STORE

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from pytest_aicore.emulator.store.records import AnyEnactment, Configuration
    from pytest_aicore.emulator.store.state import ResourceGroup, Tenant
    from pytest_aicore.emulator.world.cluster import Cluster
    from pytest_aicore.emulator.world.course import ScriptedCourse
    from pytest_aicore.emulator.world.world import World
    from pytest_aicore.workflows import Executable

__tracebackhide__ = our_message

_EXECUTION, _OUTPUTS, _DEPLOYMENT = "execution", "outputs", "deployment"
"""The kinds of appointments that it handles."""


class ScriptedEngine:
    """Moves executions and deployments along their courses. It has no state of its own.

    Args:
        world: contains them.
        pace: defaults for every execution, which scripts override; the arguments of `Emulator.script`.
        cluster: keeps their records.
    """

    def __init__(self, world: World, pace: Mapping[str, Any], cluster: Cluster) -> None:
        self._world = world
        self._pace = pace
        self._cluster = cluster
        world.agenda.when_due(_EXECUTION, self._wake_execution)
        world.agenda.when_due(_OUTPUTS, self._wake_outputs)
        world.agenda.when_due(_DEPLOYMENT, self._wake_deployment)

    def plan(
        self, group: ResourceGroup, configuration: Configuration, enactment_id: str, *, deployed: bool
    ) -> ScriptedCourse:
        """Return the course that follows from the scripts; scripts with `times` count it."""
        return self._course(group, configuration, enactment_id, use=True, deployed=deployed)

    def begin(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Start a recorded execution or deployment."""
        if _ends_here(enactment):
            enactment = group.table_of(enactment).put(self._with_reasons(enactment))
        self._appoint(group, enactment)

    def stop(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Stop it in the time that its course gives."""
        stopping = _cut_short(enactment, enactment.entered_at)
        if _ends_here(stopping):
            stopping = self._with_reasons(stopping)
        self._appoint(group, group.table_of(stopping).put(stopping))

    def carried(self) -> tuple[str, ...]:
        """Return no ids: nothing really runs."""
        return ()

    def abandon(self, enactment_id: str) -> None:
        """Do nothing: an appointment for a deleted record has no effect."""

    def server_of(self, deployment_id: str) -> None:
        """Return None: no server runs."""

    def close(self) -> None:
        """Do nothing: this engine has neither threads nor processes."""

    def polled(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Count a poll, before which it changes to the next status if this one was shown often enough.

        Never afterwards: a client that was shown RUNNING may stop it.
        """
        way = _course_of(enactment)
        stay, following = way.stay(enactment.status), way.after(enactment.status)
        if stay and stay.polls and enactment.polls >= stay.polls and following:
            self._enter(group, enactment, following, self._world.clock.now())
        table = group.table_of(enactment)
        shown = table.get(enactment.id)
        if shown:
            table.put(replace(shown, polls=shown.polls + 1, progress=_progress_by_polls(shown)))

    def script_changed(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Continue an unfinished one on the course that the scripts now give.

        Raises:
            EmulatorError: it has ended already.
        """
        said = said_about(self._world.state.scripts, enactment.executable_id, enactment.id)
        if enactment.status in TERMINAL:
            raise EmulatorError(
                f"{said.speaking[-1].script.place}: script: {_name(enactment)} {enactment.id} has already ended "
                f"({enactment.status}): script it earlier, or script the next one with times=1."
            )
        configuration = group.configurations.get(enactment.configuration_id)
        if configuration is None:
            return
        deployed = isinstance(enactment, Deployment)
        way = self._course(group, configuration, enactment.id, use=False, deployed=deployed)
        changed = replace(enactment, course=_not_before(self._world.clock.now(), enactment, way))
        if changed.status == "RUNNING":
            changed = self._with_telemetry(changed)
        if changed.status == way.outcome:
            changed = self._with_reasons(changed)
        self._appoint(group, group.table_of(changed).put(changed))

    def _course(
        self,
        group: ResourceGroup,
        configuration: Configuration,
        enactment_id: str,
        *,
        use: bool,
        deployed: bool = False,
    ) -> ScriptedCourse:
        """Return the course of an execution or deployment, from scripts and from its configuration.

        Args:
            group: its resource group.
            configuration: its configuration.
            enactment_id: its id.
            use: whether scripts with `times` count it.
            deployed: whether it is a deployment.
        """
        state = self._world.state
        said = said_about(state.scripts, configuration.executable_id, enactment_id)
        for standing in said.speaking if use else ():
            standing.used += 1
        values = {**self._pace, **said.values}
        published = state.find_published(configuration.executable_id)
        if published:
            values = spelt_out(values, published.executable)
            values = {**without_secrets(published.executable, *_secrets_of(group, state.tenant)), **values}
        if deployed:
            if "running" not in said.values:
                values.pop("running", None)  # a pace sets how long trainings run; deployments have no end
            return course(values, said.places, deployed=True)
        if DEFAULT_STORE not in group.object_store_secrets:
            values["stuck_in"] = "UNKNOWN"
        message = published and bindings.wrong_binding(group, configuration, published.executable)
        refused = bindings.refused_details(enactment_id, message) if message else None
        return course({**configuration.played, **values}, said.places, bound_wrongly=refused)

    # As time passes -----------------------------------------------------------------------------------------

    def _appoint(self, group: ResourceGroup, enactment: Enactment) -> None:
        kind = _DEPLOYMENT if isinstance(enactment, Deployment) else _EXECUTION
        appoint = self._world.agenda.appoint
        appoint(_due(enactment), enactment.number, kind, group.id, enactment.id)
        appoint(_outputs_due(enactment), enactment.number, _OUTPUTS, group.id, enactment.id)

    def _wake_execution(self, group_id: str, execution_id: str, at: float) -> None:
        group = self._world.state.groups.get(group_id)
        execution = group.executions.get(execution_id) if group else None
        if group and execution:
            self._go_on(group, execution, at)

    def _wake_deployment(self, group_id: str, deployment_id: str, at: float) -> None:
        group = self._world.state.groups.get(group_id)
        deployment = group.deployments.get(deployment_id) if group else None
        if group and deployment:
            self._go_on(group, deployment, at)

    def _wake_outputs(self, group_id: str, execution_id: str, at: float) -> None:
        group = self._world.state.groups.get(group_id)
        execution = group.executions.get(execution_id) if group else None
        if group and execution and _outputs_due(execution) == at:
            self._register_outputs(group, execution, at)

    def _go_on(self, group: ResourceGroup, enactment: Enactment, at: float) -> None:
        following = None if enactment.is_being_deleted else _course_of(enactment).after(enactment.status)
        if following and _due(enactment) == at:
            self._enter(group, enactment, following, at)

    def _enter(self, group: ResourceGroup, enactment: Enactment, status: str, at: float) -> None:
        changed = entered(enactment, status, at)
        if status == "RUNNING":
            changed = self._with_telemetry(changed)
        elif status == "STOPPING":
            changed = _cut_short(changed, at)
        elif status == "COMPLETED" and isinstance(changed, Execution):
            self._register_outputs(group, changed, at)
        if status == "DEAD" or _ends_here(changed) or _explains_success(changed):
            changed = self._with_reasons(changed)
        self._cluster.record(group, changed)
        self._appoint(group, changed)

    # Logs, metrics, outputs ---------------------------------------------------------------------------------

    def _with_telemetry(self, enactment: AnyEnactment) -> AnyEnactment:
        """Return it with the log lines and metrics of its whole run."""
        way = _course_of(enactment)
        lines = self._called(enactment, "logs", way.logs, _default_logs(enactment))
        stay = way.stay("RUNNING")
        start, length = enactment.entered_at, (stay.seconds if stay else None) or 0.0
        moments = _spread(start, length, len(lines))
        if isinstance(enactment, Deployment):
            served = tuple(LogEntry(at, line, bindings.SERVING) for at, line in zip(moments, lines, strict=True))
            return replace(enactment, logs=served)
        values = self._called(enactment, "metrics", way.metrics, {})
        metrics = [
            Metric(name, value, at, step)
            for name, steps in values.items()
            for step, (at, value) in enumerate(zip(_spread(start, length, len(steps)), steps, strict=True))
        ]
        percents = self._called(enactment, "progress", way.progress, ())
        telemetry: dict[str, Any] = {
            "progress": tuple(
                Progress(start + length * index / len(percents), percent) for index, percent in enumerate(percents)
            ),
            "logs": (
                LogEntry(start, 'level=info msg="Starting Workflow Executor"', "init"),
                *(LogEntry(at, line) for at, line in zip(moments, lines, strict=True)),
            ),
            "metrics": tuple(sorted(metrics, key=lambda metric: metric.at)),
        }
        return replace(enactment, **telemetry)

    def _with_reasons(self, enactment: AnyEnactment) -> AnyEnactment:
        """Return it with the details that the API shows when it has ended or is stuck."""
        way = _course_of(enactment)
        default = bindings.failed_details(enactment) if enactment.status == "DEAD" else enactment.status_details
        details = self._called(enactment, "status_details", way.status_details, default)
        return replace(enactment, status_details=details, status_message=way.status_message)

    def _called(self, enactment: Enactment, name: str, said: Any, default: Any) -> Any:
        """Return a value of a script, calling it if it is a function; an error in it makes the test fail."""
        if not callable(said):
            return default if said is None else said
        try:
            return SHAPES[name](said(enactment))
        except ShapeError as error:
            what = f"it returned {error}"
        except Exception as error:  # whatever the test's own function raises
            raised = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            inside = raised_at(error)
            what = f"{raised} ({inside})." if inside else f"{raised}."
        whom = _name(enactment)
        self._world.report(
            f"{_course_of(enactment).places.get(name, '')}: script: {name}= failed for {whom} {enactment.id} of "
            f"{enactment.executable_id!r}: {what} The {whom} continued without it."
        )
        return default

    def _register_outputs(self, group: ResourceGroup, execution: Execution, at: float) -> None:
        """Register the output artifacts that are not registered yet."""
        state = self._world.state
        published = state.find_published(execution.executable_id)
        omitted = _course_of(execution).omit_outputs
        if published is None or omitted is True:
            return
        missing = [
            output
            for output in published.executable.output_artifacts
            if output.name not in omitted and not is_registered(group, execution, output)
        ]
        played = self._played_outputs(execution, published.executable) if missing else {}
        for output in missing:
            artifact = artifact_of(execution, output, state.uuid(), state.next_number(), at)
            group.artifacts.add(artifact)
            folder = artifact.url.removeprefix("ai://")
            for path, content in played.get(output.name, {}).items():
                store_object(state, group, f"{folder}/{path}" if path else folder, content)

    def _played_outputs(self, execution: Execution, executable: Executable) -> Mapping[str, Mapping[str, bytes]]:
        """Return what the script says that the training has left, by output artifact and relative path."""
        said = _course_of(execution).outputs
        played: Mapping[str, Mapping[str, bytes]] = self._called(execution, "outputs", said, {})
        known = {output.name for output in executable.output_artifacts}
        for name in played if callable(said) else ():
            if name not in known:
                place = _course_of(execution).places.get("outputs", "")
                self._world.report(
                    f"{place}: script: outputs: {executable.id} has no output artifact"
                    f" {name!r}.{did_you_mean(name, known)} Output artifacts: {listing(sorted(known))}."
                )
        return played


def _secrets_of(group: ResourceGroup, tenant: Tenant) -> tuple[Container[str], Container[str]]:
    """Return the docker registry secrets and the generic secrets that a pod of a resource group may name."""
    generic = {secret.id for table in (group.secrets, tenant.shared_secrets) for secret in table}
    return tenant.docker_secrets, generic


def _course_of(enactment: Enactment) -> ScriptedCourse:
    """Return the course that this engine has given an execution or deployment."""
    return cast("ScriptedCourse", enactment.course)


def _due(enactment: Enactment) -> float | None:
    """Return when it changes to its next status."""
    way = _course_of(enactment)
    stay = way.stay(enactment.status)
    if stay is None or stay.seconds is None or way.after(enactment.status) is None:
        return None
    return enactment.entered_at + stay.seconds


def _outputs_due(enactment: Enactment) -> float | None:
    """Return when an execution registers its output artifacts, before it completes."""
    if enactment.status != "RUNNING" or _course_of(enactment).outcome != "COMPLETED":
        return None
    due = _due(enactment)
    return None if due is None else max(due - OUTPUTS_BEFORE_COMPLETION_SECONDS, enactment.entered_at)


def _ends_here(enactment: Enactment) -> bool:
    """Return whether its course ends in this status, which is not the successful one."""
    return enactment.status == _course_of(enactment).outcome and enactment.status != _goal(enactment)


def _explains_success(enactment: Enactment) -> bool:
    """Return whether a script says what the API shows of one that has reached its goal."""
    way = _course_of(enactment)
    reached = enactment.status == way.outcome == _goal(enactment)
    return reached and (way.status_details, way.status_message) != (None, None)


def _goal(enactment: Enactment) -> str:
    return "RUNNING" if isinstance(enactment, Deployment) else "COMPLETED"


def _name(enactment: Enactment) -> str:
    return "deployment" if isinstance(enactment, Deployment) else "execution"


def _not_before(now: float, enactment: Enactment, way: ScriptedCourse) -> ScriptedCourse:
    """Return the course with an end of the present status that is not in the past."""

    def lasting(stay: Stay) -> Stay:
        late = stay.status == enactment.status and stay.seconds is not None
        return replace(stay, seconds=max(stay.seconds or 0.0, now - enactment.entered_at)) if late else stay

    return replace(way, stays=tuple(map(lasting, way.stays)), stopping=lasting(way.stopping))


def _cut_short(enactment: AnyEnactment, at: float) -> AnyEnactment:
    """Return it without the lines and metrics of later times."""
    changes: dict[str, Any] = {
        "logs": tuple(line for line in enactment.logs if line.at <= at),
        "progress": tuple(each for each in enactment.progress if each.at <= at),
        "target_status": "DELETED" if enactment.target_status == "DELETED" else "STOPPED",
    }
    if isinstance(enactment, Execution):
        changes["metrics"] = tuple(metric for metric in enactment.metrics if metric.at <= at)
    return replace(enactment, **changes)


def _progress_by_polls(enactment: Enactment) -> tuple[Progress, ...]:
    """Return the progress of one that leaves its status after some polls: the values are spread over these."""
    stay = _course_of(enactment).stay(enactment.status)
    if not (enactment.progress and enactment.status == "RUNNING" and stay and stay.polls):
        return enactment.progress
    at, whole = enactment.progress[0].at, enactment.progress
    later = min(enactment.polls * len(whole) // stay.polls, len(whole) - 1)
    return tuple(replace(each, at=at if index <= later else math.inf) for index, each in enumerate(whole))


def _default_logs(enactment: Enactment) -> tuple[str, ...]:
    if isinstance(enactment, Deployment):
        return (f"Serving {enactment.executable_id} started",)
    ending = {
        "COMPLETED": ("Training finished",),
        "DEAD": ("Traceback (most recent call last):", "RuntimeError: training failed"),
    }
    return (f"Training {enactment.executable_id} started", *ending.get(_course_of(enactment).outcome, ()))


def _spread(start: float, length: float, count: int) -> list[float]:
    """Return `count` times, evenly spaced, the last one at the end."""
    return [start + length * (index + 1) / count for index in range(count)]
