"""The cluster behind the API: what executions and deployments go through, as time passes or as clients look."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from pytest_aicore.emulator.control.caller import raised_at
from pytest_aicore.emulator.control.scripts import SHAPES, ShapeError, course, said_about
from pytest_aicore.emulator.control.symptoms import spelt_out
from pytest_aicore.emulator.store.records import Artifact, Deployment, Enactment, Execution, LogLine, Metric
from pytest_aicore.emulator.store.state import DEFAULT_STORE
from pytest_aicore.emulator.store.statuses import CAN_BE_STOPPED, TERMINAL
from pytest_aicore.emulator.world import bindings
from pytest_aicore.emulator.world.course import OUTPUTS_BEFORE_COMPLETION_SECONDS, Stay
from pytest_aicore.errors import EmulatorError, our_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_aicore.emulator.store.records import Configuration, E
    from pytest_aicore.emulator.store.state import ResourceGroup
    from pytest_aicore.emulator.store.tables import Table
    from pytest_aicore.emulator.world.course import Course
    from pytest_aicore.emulator.world.world import World

__tracebackhide__ = our_message

OUTPUT_URL = "ai://{store}/{execution}/{name}{suffix}"
"""Captured where an output artifact's name is its `globalName`. Assumed: where they differ it is the `globalName`, as
the documentation says and a tutorial's prose does not; and a suffix is added as it stands."""

_EXECUTION, _OUTPUTS, _DEPLOYMENT, _TTL = "execution", "outputs", "deployment", "time to live"
"""The kinds of appointments that it looks after."""


class Cluster:
    """Runs executions and deployments. It remembers nothing itself: everything is in the emulator's state.

    Args:
        world: where it runs them.
        pace: what is said about every execution where no script says otherwise; the arguments of `Emulator.script`.
    """

    def __init__(self, world: World, pace: Mapping[str, Any]) -> None:
        self._world = world
        self._pace = pace
        world.agenda.when_due(_EXECUTION, self._wake_execution)
        world.agenda.when_due(_OUTPUTS, self._wake_outputs)
        world.agenda.when_due(_DEPLOYMENT, self._wake_deployment)
        world.agenda.when_due(_TTL, self._wake_ttl)

    def start(
        self,
        group: ResourceGroup,
        configuration: Configuration,
        schedule_id: str | None = None,
        at: float | None = None,
    ) -> Execution:
        """Start an execution of a configuration, on the course that the scripts say.

        Args:
            group: its resource group.
            configuration: what it executes.
            schedule_id: the schedule that starts it.
            at: when, in seconds since the epoch; now when left out.
        """
        execution_id = self._world.state.short_id("e")
        way = self._course(group, configuration, execution_id, use=True)
        beginning = self._beginning(configuration, execution_id, at)
        execution = group.executions.add(
            Execution(**beginning, target_status="COMPLETED", course=way, schedule_id=schedule_id)
        )
        if way.outcome == "UNKNOWN":
            execution = group.executions.put(self._with_reasons(execution))
        self._appoint(group, execution)
        return execution

    def deploy(
        self, group: ResourceGroup, configuration: Configuration, ttl: str | None, seconds: float | None
    ) -> Deployment:
        """Deploy a configuration, on the course that the scripts say.

        Args:
            group: its resource group.
            configuration: what it deploys.
            ttl: how long it may live, as it was asked for.
            seconds: the same in seconds.
        """
        deployment_id = self._world.state.short_id("d")
        beginning = self._beginning(configuration, deployment_id, None)
        deployment = group.deployments.add(
            Deployment(
                **beginning,
                target_status="RUNNING",
                course=self._course(group, configuration, deployment_id, use=True, deployed=True),
                status_details=bindings.unseen_details(deployment_id),
                ttl=ttl,
                expires_at=None if seconds is None else beginning["created_at"] + seconds,
            )
        )
        if _course_of(deployment).outcome == "UNKNOWN":
            deployment = group.deployments.put(self._with_reasons(deployment))
        self._appoint(group, deployment)
        self._world.agenda.appoint(deployment.expires_at, deployment.number, _TTL, group.id, deployment.id)
        return deployment

    def reconfigure(self, group: ResourceGroup, deployment: Deployment, configuration: Configuration) -> None:
        """Give a deployment another configuration; it comes into status RUNNING anew, by way of PENDING (assumed)."""
        changed = replace(
            deployment,
            configuration_id=configuration.id,
            configuration_name=configuration.name,
            scenario_id=configuration.scenario_id,
            executable_id=configuration.executable_id,
            course=self._course(group, configuration, deployment.id, use=True, deployed=True),
            last_operation="UPDATE",
        )
        self._enter(group, changed, "PENDING", self._world.clock.now())

    def stop(
        self, group: ResourceGroup, enactment: Enactment, at: float | None = None, *, then: str = "STOPPED"
    ) -> None:
        """Stop an execution or deployment that may be stopped.

        Args:
            group: its resource group.
            enactment: which one.
            at: when, in seconds since the epoch; now when left out.
            then: its target status.
        """
        stopped = replace(enactment, target_status=then)
        if isinstance(stopped, Deployment):
            stopped = replace(stopped, last_operation="UPDATE" if then == "STOPPED" else "DELETE")
        self._enter(group, stopped, "STOPPING", self._world.clock.now() if at is None else at)

    def delete(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Delete an execution or deployment that may be deleted.

        Assumed: it is gone at once, and its metrics with it. The service still shows it for a while that nobody
        measured, with the target status DELETED.
        """
        group.table_of(enactment).remove(enactment.id)
        if enactment.id in group.metrics:
            group.metrics.remove(enactment.id)

    # Looking ------------------------------------------------------------------------------------------------

    def look(self, group: ResourceGroup, enactments: Iterable[Enactment]) -> None:
        """Let happen what a client's look at them makes happen: time passes, or the count of looks grows."""
        time_passes = False
        for enactment in enactments:
            if not enactment.is_unfinished:
                continue
            if not enactment.goes_by_looks:
                time_passes = True
                continue
            stay = _course_of(enactment).stay(enactment.status)
            seen = group.table_of(enactment).put(replace(enactment, looks=enactment.looks + 1))
            following = _course_of(seen).after(seen.status)
            if stay and stay.looks and seen.looks >= stay.looks and following:
                self._enter(group, seen, following, self._world.clock.now())
        if time_passes:
            self._world.clock.look()

    def look_for(self, group: ResourceGroup, table: Table[E], filters: Mapping[str, Any]) -> None:
        """Let happen what a question about a status makes happen: it is a look at all that it is about.

        So a loop that asks how many have ended comes to its end too, although no answer shows an unfinished one.

        Args:
            group: where they are.
            table: the executions or the deployments.
            filters: what the question is about.
        """
        about = {**filters, "status": None, "is_unfinished": True}
        by_time = table.select({**about, "goes_by_looks": False}, top=1)
        by_looks = table.select({**about, "goes_by_looks": True})
        self.look(group, [*by_time, *by_looks])

    def wait_for(self, group: ResourceGroup, enactment_ids: Iterable[str]) -> None:
        """Let the time pass that a question about what they have written or left behind takes."""
        found = (group.executions.get(each) or group.deployments.get(each) for each in enactment_ids)
        if any(each and each.is_unfinished and not each.goes_by_looks for each in found):
            self._world.clock.look()

    def find(self, enactment_id: str) -> tuple[ResourceGroup, Enactment] | None:
        """Return an execution or deployment and its resource group, wherever it is."""
        for group in self._world.state.groups.values():
            enactment = group.executions.get(enactment_id) or group.deployments.get(enactment_id)
            if enactment:
                return group, enactment
        return None

    def change_course(self, enactment_id: str) -> None:
        """Lead an execution or deployment that is under way on the course that the scripts now say.

        Raises:
            EmulatorError: it has ended already.
        """
        found = self.find(enactment_id)
        if found is None:
            return
        group, enactment = found
        said = said_about(self._world.state.scripts, enactment.executable_id, enactment_id)
        if enactment.status in TERMINAL:
            raise EmulatorError(
                f"{said.speaking[-1].script.place}: script: {_name(enactment)} {enactment_id} has ended already, "
                f"{enactment.status}; script it before, or script the next one with times=1."
            )
        configuration = group.configurations.get(enactment.configuration_id)
        if configuration is None:
            return
        deployed = isinstance(enactment, Deployment)
        way = self._course(group, configuration, enactment_id, use=False, deployed=deployed)
        changed = replace(enactment, course=_not_before(self._world.clock.now(), enactment, way))
        if changed.status == "RUNNING":
            changed = self._with_telemetry(changed)
        if changed.status == way.outcome:
            changed = self._with_reasons(changed)
        self._appoint(group, group.table_of(changed).put(changed))

    # Beginning ----------------------------------------------------------------------------------------------

    def _beginning(self, configuration: Configuration, enactment_id: str, at: float | None) -> dict[str, Any]:
        """Return what an execution and a deployment have in common when they begin."""
        now = self._world.clock.now() if at is None else at
        return {
            "id": enactment_id,
            "number": self._world.state.next_number(),
            "configuration_id": configuration.id,
            "configuration_name": configuration.name,
            "scenario_id": configuration.scenario_id,
            "executable_id": configuration.executable_id,
            "status": "UNKNOWN",
            "created_at": now,
            "modified_at": now,
            "entered_at": now,
        }

    def _course(
        self,
        group: ResourceGroup,
        configuration: Configuration,
        enactment_id: str,
        *,
        use: bool,
        deployed: bool = False,
    ) -> Course:
        """Return the course of an execution or deployment, from what scripts say and from what it is bound to.

        Args:
            group: where it runs.
            configuration: what it runs.
            enactment_id: its id.
            use: whether scripts that are counted count it.
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
        if deployed:
            if "running" not in said.values:
                values.pop("running", None)  # a pace says how long trainings run; deployments have no end
            return course(values, said.places, deployed=True)
        if DEFAULT_STORE not in group.object_store_secrets:
            values["stuck_in"] = "UNKNOWN"
        message = published and bindings.wrong_binding(group, configuration, published.executable)
        refused = bindings.refused_details(enactment_id, message) if message else None
        return course(values, said.places, bound_wrongly=refused)

    # Appointments -------------------------------------------------------------------------------------------

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

    def _wake_ttl(self, group_id: str, deployment_id: str, at: float) -> None:
        """End a deployment whose time to live is over: it is stopped where it still runs, then deleted (assumed)."""
        group = self._world.state.groups.get(group_id)
        deployment = group.deployments.get(deployment_id) if group else None
        if group is None or deployment is None or deployment.expires_at != at:
            return
        if deployment.status in CAN_BE_STOPPED:
            self.stop(group, deployment, at, then="DELETED")
        elif deployment.status == "STOPPING":
            group.deployments.put(replace(deployment, target_status="DELETED", last_operation="DELETE"))
        else:
            self.delete(group, deployment)

    def _go_on(self, group: ResourceGroup, enactment: Enactment, at: float) -> None:
        following = _course_of(enactment).after(enactment.status)
        if following and _due(enactment) == at:
            self._enter(group, enactment, following, at)

    def _enter(self, group: ResourceGroup, enactment: Enactment, status: str, at: float) -> None:
        changes: dict[str, Any] = {"status": status, "entered_at": at, "modified_at": at, "looks": 0}
        if status == "RUNNING":
            changes |= {"submission_time": at, "start_time": at}
        if status in TERMINAL:
            changes["completion_time"] = at
        if isinstance(enactment, Deployment):
            changes["status_details"] = None
            if status == "RUNNING":
                changes["latest_running_configuration_id"] = enactment.configuration_id
        entered = replace(enactment, **changes)
        if status == "RUNNING":
            entered = self._with_telemetry(entered)
        elif status == "STOPPING":
            entered = _cut_short(entered, at)
        elif status == "COMPLETED" and isinstance(entered, Execution):
            self._register_outputs(group, entered, at)
        if status == "DEAD" or (status == _course_of(entered).outcome and status != _goal(entered)):
            entered = self._with_reasons(entered)
        group.table_of(entered).put(entered)
        if status == "STOPPED" and entered.target_status == "DELETED":
            self.delete(group, entered)
        else:
            self._appoint(group, entered)

    # What is left behind ------------------------------------------------------------------------------------

    def _with_telemetry(self, enactment: E) -> E:
        """Return it with the lines and metrics that will be written while it runs."""
        way = _course_of(enactment)
        lines = self._called(enactment, "logs", way.logs, _default_logs(enactment))
        stay = way.stay("RUNNING")
        start, length = enactment.entered_at, (stay.seconds if stay else None) or 0.0
        moments = _spread(start, length, len(lines))
        if isinstance(enactment, Deployment):
            served = tuple(LogLine(at, line, bindings.SERVING) for at, line in zip(moments, lines, strict=True))
            return replace(enactment, logs=served)
        values = self._called(enactment, "metrics", way.metrics, {})
        metrics = [
            Metric(name, value, at, step)
            for name, steps in values.items()
            for step, (at, value) in enumerate(zip(_spread(start, length, len(steps)), steps, strict=True))
        ]
        telemetry: dict[str, Any] = {
            "logs": (
                LogLine(start, 'level=info msg="Starting Workflow Executor"', "init"),
                *(LogLine(at, line) for at, line in zip(moments, lines, strict=True)),
            ),
            "metrics": tuple(sorted(metrics, key=lambda metric: metric.at)),
        }
        return replace(enactment, **telemetry)

    def _with_reasons(self, enactment: E) -> E:
        """Return it with what the API shows of why it ended badly, or does not go on."""
        way = _course_of(enactment)
        default = bindings.failed_details(enactment) if enactment.status == "DEAD" else enactment.status_details
        details = self._called(enactment, "status_details", way.status_details, default)
        return replace(enactment, status_details=details, status_message=way.status_message)

    def _called(self, enactment: Enactment, name: str, said: Any, default: Any) -> Any:
        """Return what a script says, calling it where it is a function; what goes wrong in it must fail the test."""
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
            f"{enactment.executable_id!r}: {what} The {whom} went on without it."
        )
        return default

    def _register_outputs(self, group: ResourceGroup, execution: Execution, at: float) -> None:
        """Register the output artifacts that are not registered yet."""
        published = self._world.state.find_published(execution.executable_id)
        omitted = _course_of(execution).omit_outputs
        if published is None or omitted is True:
            return
        urls = {artifact.url for artifact in group.artifacts.select({"execution_id": execution.id})}
        for output in published.executable.output_artifacts:
            url = OUTPUT_URL.format(
                store=DEFAULT_STORE, execution=execution.id, name=output.name, suffix=output.suffix or ""
            )
            if output.name in omitted or url in urls:
                continue
            group.artifacts.add(
                Artifact(
                    id=self._world.state.uuid(),
                    number=self._world.state.next_number(),
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


def _course_of(enactment: Enactment) -> Course:
    """Return the course that this engine has put an execution or deployment on."""
    return cast("Course", enactment.course)


def _due(enactment: Enactment) -> float | None:
    """Return when it goes on to its next status."""
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


def _goal(enactment: Enactment) -> str:
    return "RUNNING" if isinstance(enactment, Deployment) else "COMPLETED"


def _name(enactment: Enactment) -> str:
    return "deployment" if isinstance(enactment, Deployment) else "execution"


def _not_before(now: float, enactment: Enactment, way: Course) -> Course:
    """Return the course without an end of the present stay that lies in the past already."""

    def lasting(stay: Stay) -> Stay:
        late = stay.status == enactment.status and stay.seconds is not None
        return replace(stay, seconds=max(stay.seconds or 0.0, now - enactment.entered_at)) if late else stay

    return replace(way, stays=tuple(map(lasting, way.stays)), stopping=lasting(way.stopping))


def _cut_short(enactment: E, at: float) -> E:
    """Return it without what it would have written later."""
    changes: dict[str, Any] = {
        "logs": tuple(line for line in enactment.logs if line.at <= at),
        "target_status": "DELETED" if enactment.target_status == "DELETED" else "STOPPED",
    }
    if isinstance(enactment, Execution):
        changes["metrics"] = tuple(metric for metric in enactment.metrics if metric.at <= at)
    return replace(enactment, **changes)


def _default_logs(enactment: Enactment) -> tuple[str, ...]:
    if isinstance(enactment, Deployment):
        return (f"Serving {enactment.executable_id} started",)
    ending = {
        "COMPLETED": ("Training finished",),
        "DEAD": ("Traceback (most recent call last):", "RuntimeError: training failed"),
    }
    return (f"Training {enactment.executable_id} started", *ending.get(_course_of(enactment).outcome, ()))


def _spread(start: float, length: float, count: int) -> list[float]:
    """Return so many moments, evenly within a length of time, the last at its end."""
    return [start + length * (index + 1) / count for index in range(count)]
