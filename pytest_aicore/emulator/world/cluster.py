"""The cluster behind the API: it keeps the records of executions and deployments, and receives reports of engines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_aicore.emulator.store.records import (
    Deployment,
    Enactment,
    Execution,
    LogEntry,
    Metric,
    Progress,
    RegisteredArtifact,
)
from pytest_aicore.emulator.store.statuses import CAN_BE_STOPPED, REPORTABLE, TERMINAL, can_follow
from pytest_aicore.emulator.world import bindings
from pytest_aicore.errors import EmulatorError, did_you_mean, listing
from pytest_aicore.service_facts import DEFAULT_STORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pytest_aicore.emulator.store.records import AnyEnactment, Configuration
    from pytest_aicore.emulator.store.state import ResourceGroup, State
    from pytest_aicore.emulator.store.tables import Table
    from pytest_aicore.emulator.world.engine import Engine
    from pytest_aicore.emulator.world.world import World
    from pytest_aicore.workflows import Executable
    from pytest_aicore.workflows.executable import OutputArtifact

    EngineMaker = Callable[["Cluster"], Engine]
    """Gets the cluster, which is the engine's `Desk`."""

OUTPUT_URL = "ai://{store}/{execution}/{name}{suffix}"
"""Captured where an output artifact's name is its `globalName`. Assumed: where they differ it is the `globalName`, as
the documentation says and a tutorial's prose does not; and a suffix is added unchanged."""

DELETION_SECONDS = 60.0
"""Assumed: for so long something deleted is still shown, with the target status DELETED. SAP's end-to-end tests find a
deployment in lists and by GET right after DELETE, and expect it gone after 60 s; executions and resource groups
likewise (assumed)."""

_TTL, _DELETION = "time to live", "deletion"
"""The kinds of appointments that it handles."""


class Cluster:
    """Keeps the records of executions and deployments, which an engine carries out.

    It has no state of its own: everything is in the world's state. It is the engine's `Desk`.

    Args:
        world: contains the records.
        make_engine: makes the engine that reports here.
    """

    def __init__(self, world: World, make_engine: EngineMaker) -> None:
        self._world = world
        self.is_closed = False
        """Whether executions and deployments no longer start."""
        world.agenda.when_due(_TTL, self._wake_ttl)
        world.agenda.when_due(_DELETION, self._wake_deletion)
        self.engine = make_engine(self)

    def start(
        self,
        group: ResourceGroup,
        configuration: Configuration,
        schedule_id: str | None = None,
        at: float | None = None,
    ) -> Execution:
        """Start an execution of a configuration.

        Args:
            group: its resource group.
            configuration: the configuration to execute.
            schedule_id: the schedule that starts it.
            at: the time, in seconds since the epoch; now if left out.

        Raises:
            EmulatorError: the emulator is closed.
        """
        self._require_open("start an execution")
        execution_id = self._world.state.short_id("e")
        outlook = self.engine.plan(group, configuration, execution_id, deployed=False)
        beginning = self._beginning(configuration, execution_id, at)
        execution = group.executions.add(
            Execution(**beginning, target_status="COMPLETED", course=outlook, schedule_id=schedule_id)
        )
        self.engine.begin(group, execution)
        return group.executions.get(execution_id) or execution

    def deploy(
        self, group: ResourceGroup, configuration: Configuration, ttl: str | None, seconds: float | None
    ) -> Deployment:
        """Deploy a configuration.

        Args:
            group: its resource group.
            configuration: the configuration to deploy.
            ttl: its time to live, as requested.
            seconds: the same in seconds.

        Raises:
            EmulatorError: the emulator is closed.
        """
        self._require_open("start a deployment")
        deployment_id = self._world.state.short_id("d")
        beginning = self._beginning(configuration, deployment_id, None)
        deployment = group.deployments.add(
            Deployment(
                **beginning,
                target_status="RUNNING",
                course=self.engine.plan(group, configuration, deployment_id, deployed=True),
                status_details=bindings.unseen_details(deployment_id),
                ttl=ttl,
                expires_at=None if seconds is None else beginning["created_at"] + seconds,
            )
        )
        self.engine.begin(group, deployment)
        self._world.agenda.appoint(deployment.expires_at, deployment.number, _TTL, group.id, deployment_id)
        return group.deployments.get(deployment_id) or deployment

    def reconfigure(self, group: ResourceGroup, deployment: Deployment, configuration: Configuration) -> None:
        """Give a deployment another configuration; it returns to RUNNING by way of PENDING (assumed).

        Raises:
            EmulatorError: the emulator is closed.
        """
        self._require_open("update a deployment")
        changed = replace(
            deployment,
            configuration_id=configuration.id,
            configuration_name=configuration.name,
            scenario_id=configuration.scenario_id,
            executable_id=configuration.executable_id,
            course=self.engine.plan(group, configuration, deployment.id, deployed=True),
            last_operation="UPDATE",
        )
        pending = entered(changed, "PENDING", self._world.clock.now())
        self.record(group, pending)
        self.engine.begin(group, pending)

    def stop(
        self, group: ResourceGroup, enactment: Enactment, at: float | None = None, *, then: str = "STOPPED"
    ) -> None:
        """Stop an execution or deployment that may be stopped.

        Args:
            group: its resource group.
            enactment: the execution or deployment.
            at: the time, in seconds since the epoch; now if left out.
            then: its target status.
        """
        stopped = replace(enactment, target_status=then)
        if isinstance(stopped, Deployment):
            stopped = replace(stopped, last_operation="UPDATE" if then == "STOPPED" else "DELETE")
        stopping = entered(stopped, "STOPPING", self._world.clock.now() if at is None else at)
        self.record(group, stopping)
        self.engine.stop(group, stopping)

    def delete(self, group: ResourceGroup, enactment: Enactment, at: float | None = None) -> None:
        """Delete an execution or deployment that may be deleted.

        It is shown for `DELETION_SECONDS`, then gone with its metrics. Deleting it again changes nothing (assumed).

        Args:
            group: its resource group.
            enactment: the execution or deployment.
            at: the time, in seconds since the epoch; now if left out.
        """
        if enactment.is_being_deleted:
            return
        now = self._world.clock.now() if at is None else at
        deleted = replace(enactment, target_status="DELETED", modified_at=now)
        if isinstance(deleted, Deployment):
            deleted = replace(deleted, last_operation="DELETE")
        group.table_of(deleted).put(deleted)
        self._let_go(group, deleted)

    def abandon_strangers(self) -> bool:
        """Have the engine end executions and deployments whose records are gone.

        Returns:
            Whether there are any.
        """
        strangers = [each for each in self.engine.carried() if self.find(each) is None]
        for enactment_id in strangers:
            self.engine.abandon(enactment_id)
        return bool(strangers)

    def record(self, group: ResourceGroup, enactment: Enactment) -> None:
        """Replace the record of an execution or deployment; one to be deleted is, as soon as it has stopped."""
        group.table_of(enactment).put(enactment)
        if enactment.is_being_deleted:
            self._let_go(group, enactment)

    def close(self) -> None:
        """Close the engine; nothing starts any more."""
        with self._world.lock:  # a start in another thread finishes first, so that the engine ends it
            self.is_closed = True
        # Without the lock: the engine waits for threads that report here.
        self.engine.close()

    def _require_open(self, what: str) -> None:
        if self.is_closed:
            raise EmulatorError(f"Cannot {what}: the emulator is closed. Call close() after the last request.")

    # Polls --------------------------------------------------------------------------------------------------

    def poll(self, group: ResourceGroup, enactments: Iterable[Enactment]) -> None:
        """Apply the effect of a poll, before its answer is made: time passes, and counts of polls grow.

        Afterwards nothing may change without another request, so that what a client does next fits what it was shown.
        """
        unfinished = [enactment.id for enactment in enactments if enactment.is_unfinished]
        if not unfinished:
            return
        self._world.poll()
        for enactment_id in unfinished:
            enactment = group.executions.get(enactment_id) or group.deployments.get(enactment_id)
            if enactment and enactment.is_unfinished and enactment.counts_polls and not enactment.is_being_deleted:
                self.engine.polled(group, enactment)

    def poll_matching(self, group: ResourceGroup, table: Table[AnyEnactment], filters: Mapping[str, Any]) -> None:
        """Apply the effect of a request that filters by status, before its answer: it polls all that it may be about.

        So a loop that counts the ended ones terminates too, although no answer shows an unfinished one.

        Args:
            group: where they are.
            table: the executions or the deployments.
            filters: the filters of the request.
        """
        about = {**filters, "status": None, "is_unfinished": True}
        by_time = table.select({**about, "counts_polls": False}, top=1)
        by_polls = table.select({**about, "counts_polls": True})
        self.poll(group, [*by_time, *by_polls])

    def poll_ids(self, group: ResourceGroup, enactment_ids: Iterable[str]) -> None:
        """Let the time of a poll pass, for a request about logs, metrics or outputs of unfinished executions."""
        found = (group.executions.get(each) or group.deployments.get(each) for each in enactment_ids)
        if any(each and each.is_unfinished and not each.counts_polls for each in found):
            self._world.poll()

    def find(self, enactment_id: str) -> tuple[ResourceGroup, Enactment] | None:
        """Return an execution or deployment and its resource group, or None."""
        return _found_in(self._world.state, enactment_id)

    def script_changed(self, enactment_id: str) -> None:
        """Tell the engine that a script for an unfinished execution or deployment was added.

        Raises:
            EmulatorError: it has already ended.
        """
        found = self.find(enactment_id)
        if found is not None:
            self.engine.script_changed(*found)

    # What engines report ------------------------------------------------------------------------------------

    def executable_of(self, enactment: Enactment) -> Executable | None:
        """Return the executable of an execution or deployment (see `Desk`)."""
        with self._world.lock:
            published = self._world.state.find_published(enactment.executable_id)
        return published.executable if published else None

    def status(
        self,
        enactment_id: str,
        status: str,
        *,
        message: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Take a report of a status (see `Desk`)."""
        with self._world.lock:
            if status not in REPORTABLE:
                self._refuse_status(enactment_id, status)
            for _, group, enactment, now in self._held(enactment_id):
                if enactment.is_being_deleted or not can_follow(enactment.status, status):
                    continue
                changed = entered(enactment, status, now)
                if details is not None or status == "DEAD":
                    shown = bindings.failed_details(changed) if details is None else details
                    changed = replace(changed, status_details=shown)
                self.record(group, changed if message is None else replace(changed, status_message=message))

    def log(self, enactment_id: str, *lines: str, container: str = "main") -> None:
        """Take a report of log lines (see `Desk`)."""
        with self._world.lock:
            for _, group, enactment, now in self._held(enactment_id):
                written = (LogEntry(now, line, container) for line in lines)
                group.table_of(enactment).put(replace(enactment, logs=(*enactment.logs, *written)))

    def metric(self, execution_id: str, name: str, value: float, *, step: int = 0) -> None:
        """Take a report of a metric's value (see `Desk`)."""
        with self._world.lock:
            for _, group, execution, now in self._held(execution_id):
                if isinstance(execution, Execution):
                    metrics = (*execution.metrics, Metric(name, value, now, step))
                    group.executions.put(replace(execution, metrics=metrics))

    def progress(self, execution_id: str, percent: int) -> None:
        """Take a report of an execution's progress (see `Desk`)."""
        with self._world.lock:
            for _, group, enactment, now in self._held(execution_id):
                told = Progress(now, min(max(percent, 0), 100))
                group.table_of(enactment).put(replace(enactment, progress=(*enactment.progress, told)))

    def steps(self, execution_id: str, steps: Sequence[Mapping[str, Any]]) -> None:
        """Take a report of the steps of an execution (see `Desk`)."""
        with self._world.lock:
            for _, group, execution, _ in self._held(execution_id):
                if isinstance(execution, Execution):
                    group.executions.put(replace(execution, steps=tuple(steps)))

    def output(self, execution_id: str, name: str) -> None:
        """Take a report of an output artifact (see `Desk`)."""
        with self._world.lock:
            artifact: RegisteredArtifact | None = None
            for state, group, execution, now in list(self._held(execution_id)):
                output = self._declared(execution, name)
                if output is None or is_registered(group, execution, output):
                    continue
                if artifact is None:
                    # Every copy gets the same id, one that no copy of the state has given to another record.
                    world = self._world.state
                    world.drawn = max(each.drawn for each, _ in self._world.copies())
                    artifact = artifact_of(execution, output, world.uuid(), world.next_number(), now)
                group.artifacts.add(replace(artifact, created_at=now))
                state.drawn = max(state.drawn, artifact.number)

    def _refuse_status(self, enactment_id: str, status: str) -> NoReturn:
        kinds = {type(enactment).__name__.lower() for _, _, enactment, _ in self._held(enactment_id)}
        error = EmulatorError(
            f"Engine {type(self.engine).__name__}: unknown status {status!r} reported for "
            f"{kinds.pop() if kinds else 'execution or deployment'} {enactment_id}; "
            f"expected one of {listing(REPORTABLE)}.{did_you_mean(status, REPORTABLE)}"
        )
        # An exception in a thread of the engine may be seen by no one, and the execution would seem to hang.
        self._world.report(str(error))
        raise error

    def _held(self, enactment_id: str) -> Iterator[tuple[State, ResourceGroup, Enactment, float]]:
        """Return each copy of a record, with its state, its resource group and the time in that state."""
        for state, now in self._world.copies():
            found = _found_in(state, enactment_id)
            if found:
                yield state, *found, now

    def _declared(self, enactment: Enactment, name: str) -> OutputArtifact | None:
        """Return the output artifact of this name, if the executable declares it."""
        executable = self.executable_of(enactment)
        outputs = executable.output_artifacts if executable else ()
        return next((output for output in outputs if output.name == name), None)

    # Beginning and end --------------------------------------------------------------------------------------

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

    def _let_go(self, group: ResourceGroup, deleted: Enactment) -> None:
        """End what the engine still carries out of something deleted, and remove its record later."""
        shown_for = self._world.clock.due(DELETION_SECONDS) - self._world.clock.now()
        gone_at = deleted.modified_at + shown_for
        self._world.agenda.appoint(gone_at, deleted.number, _DELETION, group.id, deleted.id)
        if deleted.id in self.engine.carried():
            self.engine.abandon(deleted.id)

    def _wake_deletion(self, group_id: str, enactment_id: str, at: float) -> None:  # noqa: ARG002  # a `Waker`
        """Remove the record of something deleted, and its metrics."""
        group = self._world.state.groups.get(group_id)
        found = group and (group.executions.get(enactment_id) or group.deployments.get(enactment_id))
        if group is None or not found or not found.is_being_deleted:
            return
        group.table_of(found).remove(enactment_id)
        if enactment_id in group.metrics:
            group.metrics.remove(enactment_id)

    def _wake_ttl(self, group_id: str, deployment_id: str, at: float) -> None:
        """End a deployment whose time to live is over: it is stopped if it still runs, then deleted (assumed)."""
        group = self._world.state.groups.get(group_id)
        deployment = group.deployments.get(deployment_id) if group else None
        if group is None or deployment is None or deployment.expires_at != at:
            return
        if deployment.status in CAN_BE_STOPPED:
            self.stop(group, deployment, at, then="DELETED")
        elif deployment.status == "STOPPING":
            group.deployments.put(replace(deployment, target_status="DELETED", last_operation="DELETE"))
        else:
            self.delete(group, deployment, at)


def entered(enactment: AnyEnactment, status: str, at: float) -> AnyEnactment:
    """Return an execution or deployment with a new status.

    Args:
        enactment: as it was before.
        status: the new one.
        at: the time, in seconds since the epoch.
    """
    changes: dict[str, Any] = {"status": status, "entered_at": at, "modified_at": at, "polls": 0}
    if status == "RUNNING":
        changes |= {"submission_time": at, "start_time": at}
    if status in TERMINAL:
        changes["completion_time"] = at
    if isinstance(enactment, Deployment):
        changes["status_details"] = None
        if status == "RUNNING":
            changes["latest_running_configuration_id"] = enactment.configuration_id
    return replace(enactment, **changes)


def artifact_of(
    execution: Enactment, output: OutputArtifact, artifact_id: str, number: int, at: float
) -> RegisteredArtifact:
    """Return the output artifact of an execution.

    Args:
        execution: the execution.
        output: as its executable declares it.
        artifact_id: the artifact's id.
        number: its running number.
        at: when it is registered, in seconds since the epoch.
    """
    return RegisteredArtifact(
        id=artifact_id,
        number=number,
        name=output.registered_name,
        kind=output.kind or "model",
        url=_url_of(execution, output),
        scenario_id=execution.scenario_id,
        created_at=at,
        description=output.description or "",
        labels=output.labels or None,
        execution_id=execution.id,
    )


def is_registered(group: ResourceGroup, execution: Enactment, output: OutputArtifact) -> bool:
    """Return whether an output artifact of an execution is registered already."""
    url = _url_of(execution, output)
    return any(artifact.url == url for artifact in group.artifacts.select({"execution_id": execution.id}))


def _url_of(execution: Enactment, output: OutputArtifact) -> str:
    return OUTPUT_URL.format(store=DEFAULT_STORE, execution=execution.id, name=output.name, suffix=output.suffix or "")


def _found_in(state: State, enactment_id: str) -> tuple[ResourceGroup, Enactment] | None:
    for group in state.groups.values():
        enactment = group.executions.get(enactment_id) or group.deployments.get(enactment_id)
        if enactment:
            return group, enactment
    return None
