"""The emulator: SAP AI Core inside this process, as one object that tests can hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from pytest_aicore.emulator.api.dispatch import Dispatcher
from pytest_aicore.emulator.api.gateway import Gateway
from pytest_aicore.emulator.api.routes import INFERENCE, TOKEN
from pytest_aicore.emulator.control.call_log import Calls
from pytest_aicore.emulator.control.caller import caller
from pytest_aicore.emulator.control.faults import Fault, Kind, operation_named
from pytest_aicore.emulator.control.profiles import faults_of
from pytest_aicore.emulator.control.scripted_engine import ScriptedEngine
from pytest_aicore.emulator.control.scripts import Script, Standing, refuse_contradiction, with_arguments_of
from pytest_aicore.emulator.control.shapes import OF_TRAININGS
from pytest_aicore.emulator.store.records import PublishedExecutable
from pytest_aicore.emulator.store.state import EXTENDED, SERVICE_PLANS, State, emulated_store
from pytest_aicore.emulator.world.clock import VirtualClock
from pytest_aicore.emulator.world.platform import Platform
from pytest_aicore.emulator.world.world import World
from pytest_aicore.errors import EmulatorError, did_you_mean, listing, our_message
from pytest_aicore.processes import Home
from pytest_aicore.service_facts import RESOURCE_GROUP

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Collection, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from typing_extensions import Self

    from pytest_aicore.emulator.api.request_record import RequestRecord
    from pytest_aicore.emulator.api.routes import RouteTable
    from pytest_aicore.emulator.control.answers import Answer
    from pytest_aicore.emulator.world.agenda import Agenda
    from pytest_aicore.emulator.world.cluster import Cluster, EngineMaker
    from pytest_aicore.emulator.world.engine import Engine
    from pytest_aicore.emulator.world.world import Checkpoint
    from pytest_aicore.http.exchange import Request, Response
    from pytest_aicore.objects.store import Shelves
    from pytest_aicore.workflows import Executable, Template

    Condition = Script | Fault | Answer
    """What a test has said about what the emulator does."""

__tracebackhide__ = our_message

API_URL = "https://api.ai.aicore.invalid"
AUTH_URL = "https://emulator.authentication.aicore.invalid"
"""Under the reserved domain `invalid`: a client that is used after the emulator has ended reaches no server."""


class Emulator:
    """A stateful stand-in for SAP AI Core.

    It answers requests (`handle`), executions run as tests script them (`script`), failures of calls can be injected
    (`fault`), the latest requests are kept (`requests`), and its state can be rolled back (`rollback`).

    Args:
        seed: two emulators with the same seed give the same bytes for the same requests.
        base_url: where clients think the API is, without `/v2`.
        auth_url: where clients think the token service is, without `/oauth/token`.
        clock: its time; if left out, virtual time that moves only when something moves it.
        pace: defaults for every execution, which scripts override; the arguments of `script`.
        tokens_expire: whether tokens expire as the clock advances.
        service_plan: `extended`, or `standard`: a tenant without the scenarios of generative AI.
        local_repositories: whether clients may name any folder of this machine as a repository; without it only
            mirrored ones are read.
        engine: makes the engine that carries executions and deployments out; if left out, they follow scripts. `close`
            closes it, and so does the end of a `with` block.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        base_url: str = API_URL,
        auth_url: str = AUTH_URL,
        clock: VirtualClock | None = None,
        pace: Mapping[str, Any] | None = None,
        tokens_expire: bool = False,
        service_plan: str = EXTENDED,
        local_repositories: bool = True,
        engine: EngineMaker | None = None,
    ) -> None:
        if service_plan not in SERVICE_PLANS:
            hint = did_you_mean(service_plan, SERVICE_PLANS)
            raise EmulatorError(
                f"Emulator: unknown service_plan={service_plan!r}; expected one of {listing(SERVICE_PLANS)}.{hint}"
            )
        self.seed = seed
        self.service_plan = service_plan
        self.pace = dict(pace or {})
        clock = VirtualClock() if clock is None else clock
        state = State(seed, service_plan=service_plan, catalogue=_catalogue_of)
        self.world = World(state, clock, local_repositories=local_repositories)
        self._plays_scripts = engine is None
        self.platform = Platform(self.world, engine or self._scripted)
        self.gateway = Gateway(seed, base_url, auth_url, clock, tokens_expire=tokens_expire)
        self.dispatcher = Dispatcher(self.platform, self.gateway)
        self._home = Home()
        self.stores: Callable[[str], Shelves] = partial(_stores_of, self.world)
        """Returns the object stores of a resource group; an engine may keep what is in them elsewhere."""

    def _scripted(self, cluster: Cluster) -> Engine:
        return ScriptedEngine(self.world, self.pace, cluster)

    @property
    def plays_scripts(self) -> bool:
        """Whether scripts say what executions do, so that nobody trains; an engine may really carry them out."""
        return self._plays_scripts

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the executions and deployments that the engine still carries out; none starts any more.

        What the emulator remembers can still be read. Calling it again does nothing; nor does calling it in a forked
        process, where the engine's threads are not. The caller must not hold `lock`.
        """
        if self._home.is_here:
            self.cluster.close()

    def __repr__(self) -> str:
        return f"<Emulator {self.base_url} seed={self.seed} at {self.now:%Y-%m-%dT%H:%M:%SZ}>"

    @property
    def now(self) -> datetime:
        """The emulator's time, in UTC."""
        return datetime.fromtimestamp(self.clock.now(), timezone.utc)

    @property
    def state(self) -> State:
        """Its state: all records, scripts and faults."""
        return self.world.state

    @property
    def clock(self) -> VirtualClock:
        """Its time."""
        return self.world.clock

    @property
    def agenda(self) -> Agenda:
        """What will happen as time passes."""
        return self.world.agenda

    @property
    def cluster(self) -> Cluster:
        """What runs executions and deployments."""
        return self.platform.cluster

    @property
    def incidents(self) -> list[str]:
        """Problems for which the running test must fail."""
        return self.world.incidents

    @property
    def requests(self) -> deque[RequestRecord]:
        """The latest requests that reached it."""
        return self.dispatcher.requests

    @property
    def routes(self) -> RouteTable:
        """The calls that it can answer."""
        return self.dispatcher.routes

    @property
    def lock(self) -> AbstractContextManager[object]:
        """The lock to hold while reading or changing the state."""
        return self.world.lock

    @lock.setter
    def lock(self, lock: AbstractContextManager[object]) -> None:
        self.world.lock = lock

    @property
    def base_url(self) -> str:
        """Where clients think the API is, without `/v2`."""
        return self.gateway.base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        self.gateway.base_url = url

    @property
    def auth_url(self) -> str:
        """Where clients think the token service is, without `/oauth/token`."""
        return self.gateway.auth_url

    @auth_url.setter
    def auth_url(self, url: str) -> None:
        self.gateway.auth_url = url

    @property
    def tokens_expire(self) -> bool:
        """Whether tokens expire as the clock advances."""
        return self.gateway.tokens_expire

    @property
    def local_repositories(self) -> bool:
        """Whether clients may name any folder of this machine as a repository."""
        return self.world.local_repositories

    @local_repositories.setter
    def local_repositories(self, allowed: bool) -> None:
        self.world.local_repositories = allowed

    @property
    def service_key(self) -> dict[str, Any]:
        """A service key as SAP BTP hands them out, with credentials that this emulator accepts."""
        return self.gateway.service_key

    # What the tenant has --------------------------------------------------------------------------------

    def publish(self, template: Template | Executable, at: float | None = None) -> None:
        """Publish what a template defines, as AI Core's Git sync does.

        The tenant gets what the template needs to run: the docker registry secrets and the generic secrets that it
        names (resource groups made here have their object-store secret). Templates that a client synchronises get none.

        Args:
            template: a workflow template, or the executable derived from one.
            at: the time of the sync, in seconds since the epoch; now if left out.
        """
        source = cast("Template", template) if hasattr(template, "executable") else None
        executable = cast("Executable", template) if source is None else source.executable
        with self.lock:
            now = self.clock.now() if at is None else at
            before = self.state.published.get(executable.id)
            if before and before.executable == executable:
                # A sync that finds nothing new changes nothing that clients see; its code may be new all the same.
                self.state.published[executable.id] = replace(before, template=source)
                return
            self.state.published[executable.id] = PublishedExecutable(
                executable, before.created_at if before else now, now, template=source
            )
            self.state.tenant.provide_secrets(executable, now)

    @contextmanager
    def also_published(self, template: Template, at: float) -> Iterator[None]:
        """Publish what a template defines for a block; afterwards the tenant has what it had before.

        Args:
            template: the workflow template.
            at: the time of the sync, in seconds since the epoch.
        """
        with self.lock:
            published, tenant = dict(self.state.published), self.state.tenant
            docker_secrets, shared_secrets = tenant.docker_secrets.copy(), tenant.shared_secrets.copy()
            self.publish(template, at)
        try:
            yield
        finally:
            with self.lock:
                self.state.published, tenant = published, self.state.tenant
                tenant.docker_secrets, tenant.shared_secrets = docker_secrets, shared_secrets

    def withdraw(self, executable_id: str) -> None:
        """Remove an executable, as AI Core's Git sync does when a template was deleted (assumed)."""
        with self.lock:
            self.state.published.pop(executable_id, None)

    def publish_folder(self, folder: Mapping[str, Template]) -> None:
        """Publish every template of a folder."""
        for template in folder.values():
            self.publish(template)

    def create_resource_group(self, name: str, *, object_store_secret: bool = True) -> None:
        """Add a resource group; an existing one is left unchanged.

        Args:
            name: its id.
            object_store_secret: whether it has the object-store secret `default`, without which executions stay
                in the status UNKNOWN. One that a client makes has none.

        Raises:
            EmulatorError: invalid name.
        """
        if not re.fullmatch(RESOURCE_GROUP, name):
            raise EmulatorError(
                f"create_resource_group: invalid name {name!r}: expected "
                "3 to 253 letters, digits, dots and hyphens, the first and the last a letter or digit."
            )
        with self.lock:
            existing = self.state.groups.get(name)
            if existing is None or existing.is_being_deleted:
                self.platform.tenancy.create_group(name, None, store=object_store_secret, at_once=True)

    def create_object_store_secret(self, name: str, resource_group: str = "default") -> None:
        """Add an object-store secret to a resource group; an existing one is left unchanged.

        Args:
            name: its name, the first part of `ai://NAME/PATH`.
            resource_group: the id of an existing resource group.

        Raises:
            EmulatorError: unknown resource group.
        """
        with self.lock:
            group = self.state.groups.get(resource_group)
            if group is None:
                raise EmulatorError(
                    f"create_object_store_secret: unknown resource group {resource_group!r}."
                    f"{did_you_mean(resource_group, self.state.groups)}"
                )
            if name not in group.object_store_secrets:
                group.object_store_secrets.add(emulated_store(name, self.state.next_number()))

    def mirror_repository(self, url: str, folder: str | Path) -> None:
        """Map a Git repository to a local folder, so that its applications can be synchronised.

        Args:
            url: as clients name the repository, for example `https://github.com/you/workflows`.
            folder: its working tree.

        Raises:
            EmulatorError: the folder does not exist.
        """
        from pathlib import Path  # late: few tests mirror a repository

        if not Path(folder).is_dir():
            raise EmulatorError(f"mirror_repository: {str(folder)!r} is not a folder.")
        with self.lock:
            self.state.tenant.mirrors = {**self.state.tenant.mirrors, url: str(Path(folder).resolve())}

    def add_service(self, name: str, *, description: str = "", url: str = "") -> None:
        """Add an AI service to the tenant, as SAP does; clients can only read it.

        Args:
            name: 1 to 32 letters, digits, hyphens and underscores.
            description: shown by the API.
            url: the URL of its service broker.
        """
        from pytest_aicore.emulator.store.admin_records import AIService  # late: few tests add any

        with self.lock:
            services = self.state.tenant.services
            service = AIService(name, self.state.next_number(), description, url)
            if name in services:
                services.remove(name)
            services.add(service)

    @property
    def tracking_url(self) -> str:
        """What `AICORE_TRACKING_ENDPOINT` is inside a running execution."""
        return self.base_url

    # Scripts and faults ---------------------------------------------------------------------------------

    @with_arguments_of(Script)
    def script(self, **said: Any) -> Script:
        """Script how executions and deployments run. Arguments that are left out keep their defaults.

        A deployment that does not fail runs until a client stops it; a failing one fails before it runs, or after
        `running` seconds.

        Args:
            executable: apply it only to executions or deployments of this executable.
            execution: apply it only to this existing execution or deployment.
            times: apply it to the next `times` executions only; if left out, to all from now on. Scripts with `times`
                apply one after the other.
            outcome: the final status: `COMPLETED`, `DEAD` or `STOPPED`.
            unknown: seconds in status UNKNOWN.
            pending: seconds in status PENDING.
            running: seconds in status RUNNING.
            stopping: seconds in status STOPPING.
            polls: change to the next status after this number of polls, instead of by time; a mapping gives it by
                status, and a status that it does not name lasts for 1 poll.
            stuck_in: a status that it never leaves without a client.
            logs: lines that the training writes, or a function of the execution that returns them.
            metrics: by name a value or a list of values (one per step), or a function of the execution.
            progress: percents (`[20, 60]`, or as a training writes them: `["3/5"]`), spread over its time in RUNNING;
                the API shows them in the status details as `N/100`, and `100/100` once it is COMPLETED. Or a function
                of the execution that returns them.
            status_details: what the API shows once it has ended or is stuck, or a function of the execution.
            status_message: what the API shows once it has ended or is stuck; at most 256 characters.
            outputs: by output artifact what the training leaves below its URL: bytes, text, the `pathlib.Path` of a
                file or folder, or a mapping of these by relative path (`{"model": {"model.json": "{}"}}`); or a
                function of the execution that returns them.
            omit_outputs: names of output artifacts that the training does not write; True for all.
            symptom: the name of a failure, which sets several of the other arguments; those given explicitly override
                it: `unentitled plan`, `image pull`, `out of memory`, `no artifact storage`, `output not written`,
                `missing key` or `invalid template`.
            place: `file:line` for messages; the caller's if left out.

        Raises:
            EmulatorError: invalid value, or it contradicts another script for the same executions.
        """
        for name in said:
            if name not in Script.__dataclass_fields__:
                raise TypeError(f"Emulator.script() got an unexpected keyword argument {name!r}")
        script = Script(**{"place": caller(), **said})
        with self.lock:
            self.agenda.settle()
            self._refuse_stranger(script)
            refuse_contradiction(script, self.state.scripts)
            self.state.scripts.append(Standing(script))
            if script.execution is not None:
                try:
                    self.cluster.script_changed(script.execution)
                except EmulatorError:
                    self.state.scripts.pop()
                    raise
        return script

    def fault(
        self,
        call: str,
        *,
        status: int | None = None,
        body: Any = None,
        retry_after: float | str | None = None,
        kind: Kind | None = None,
        times: int | None = 1,
        after: int = 0,
        attempts: int | None = None,
        processed: bool = False,
        probability: float = 1.0,
        looks: int | None = None,
        delay: float = 0.0,
        late: float = 0.0,
        seed: int | str | None = None,
    ) -> Fault:
        """Inject a fault into calls.

        Args:
            call: as the SDK names it (`execution.get`, `artifact.create`, `token`), as the specification does
                (`GET /v2/lm/executions/{executionId}`), or a pattern of SDK names: `*.query`, `*` for all.
            status: HTTP status to answer with.
            body: JSON content, text or bytes to answer with; a typical body if left out.
            retry_after: seconds, or an HTTP date, for the header `Retry-After`.
            kind: instead of a status: `connection reset`, `timeout`, `truncated json`, `html`, `expired token`,
                `not found` (as if the record did not exist), `unknown status` (one that the SDK does not know).
            times: how many logical calls fail; None for all from now on.
            after: how many logical calls succeed first.
            attempts: how many attempts of each such call fail, so that a retry of the client succeeds; None for all.
            processed: whether the service processes the request before the answer is lost.
            probability: the probability that a call fails.
            looks: fail only the first `looks` calls for each record that is created from now on.
            delay: seconds of the emulator's time that the call takes; without another failure it then succeeds.
            late: seconds after which written log lines become visible; for `*.query_logs`, without another failure.
            seed: seed of the random decisions; the emulator's if left out.

        Returns:
            The fault; its `struck` counts the logical calls in which it was triggered.

        Raises:
            EmulatorError: unknown call or invalid value.
        """
        operation = operation_named(call, [*self.routes.operations, TOKEN, INFERENCE], self.routes.signatures)
        fault = Fault(
            operation,
            status,
            body,
            retry_after,
            kind,
            times,
            after,
            attempts,
            processed,
            probability=probability,
            looks=looks,
            delay=delay,
            late=late,
            seed=self.seed if seed is None else seed,
            since=self.state.drawn,
            place=caller(),
        )
        with self.lock:
            self.state.faults.append(fault)
        return fault

    def answer(self, target: Any, path: str, response: Any, *, method: str | None = None, place: str = "") -> Answer:
        """Give what deployments answer to requests for a path: the emulator runs no server.

        An answer for one deployment overrides those for its executable, a later answer an earlier one.

        Args:
            target: the id of an executable or of a deployment, or an object with such an `id`.
            path: below the URL of the deployment, without query: `/v1/predict`.
            response: JSON content, a text, bytes, or as a view of Flask returns them: `(content, status)` or
                `(content, status, headers)`. Or a function of the request (`.json`, `.text`, `.body`, `.method`,
                `.path`, `.query`, `.headers`) that returns one of these.
            method: answer only this method, in upper case; all if left out.
            place: `file:line` for messages; the caller's if left out.

        Returns:
            The answer.

        Raises:
            EmulatorError: unknown target, a path that AI Core passes on to no deployment, or no such response.
        """
        from pytest_aicore.emulator.control.answers import Answer, refuse_stranger  # late: few tests ask a deployment

        answer = Answer(getattr(target, "id", target), path, method, response, place or caller())
        with self.lock:
            self.agenda.settle()
            refuse_stranger(answer, self.state)
            self.state.answers.append(answer)
        return answer

    def profile(self, name: str, *, seed: int | None = None) -> tuple[Fault, ...]:
        """Inject a named set of faults, as they occur together in production.

        Args:
            name: `throttled`, `flaky control plane`, `token expiry`, `not found at first`, `late logs`, `slow lists`
                or `connection resets`.
            seed: seed of the random decisions; the emulator's if left out.

        Returns:
            Its faults; their `struck` counts the logical calls in which each was triggered.

        Raises:
            EmulatorError: unknown profile.
        """
        chance = self.seed if seed is None else seed
        said = faults_of(name)
        faults = tuple(self.fault(**each, seed=f"{chance}:{number}") for number, each in enumerate(said))
        for fault in faults:
            fault.is_watched = True  # not every fault of a profile needs to occur in a test
        return faults

    def silent_faults(self, since: Checkpoint) -> list[str]:
        """Return why faults that were made since a checkpoint were never triggered: such a test tests nothing.

        Left out are faults with a probability, faults of profiles, and those whose `struck` was read.
        """
        with self.lock:
            armed = [each for each in self.conditions if isinstance(each, Fault)]
            made = [fault for fault in armed if fault not in since.state.faults]
            return [fault.silence for fault in made if fault.silence]

    # Recording ------------------------------------------------------------------------------------------

    @contextmanager
    def recording(self, on_request: Callable[[RequestRecord], None] | None = None) -> Iterator[Calls]:
        """Record all calls that are made in a block, for assertions.

        Example: `with emulator.recording() as calls: train()`, then `calls.assert_no_blind_repeat()`.

        Args:
            on_request: called with each request; its exceptions are raised where the request was made.
        """
        with self.lock:
            calls = Calls(self.world, [*self.routes.operations, TOKEN, INFERENCE], on_request)
            self.dispatcher.listeners.append(calls.take)
        try:
            yield calls
        finally:
            with self.lock:
                self.dispatcher.listeners.remove(calls.take)
                calls.end()

    # Requests -------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer a request; no request of a client makes it raise."""
        return self.dispatcher.handle(request)

    def report(self, incident: str) -> None:
        """Record a problem for which the running test must fail."""
        self.world.report(incident)

    def take_incidents(self) -> list[str]:
        """Return the problems for which the running test must fail, and clear them."""
        return self.world.take_incidents()

    # Checkpoints ----------------------------------------------------------------------------------------

    def checkpoint(self) -> Checkpoint:
        """Return a checkpoint of the present state and time."""
        return self.world.checkpoint()

    def rollback(self, checkpoint: Checkpoint) -> None:
        """Restore a checkpoint: records, scripts, faults, answers, ids and time are as they were then.

        Executions that an engine really carries out continue if the checkpoint contains them, with what was reported
        since; all others are ended.
        """
        with self.lock:
            drawn = self.state.drawn
            self._restore(checkpoint)
            if self.cluster.abandon_strangers():
                # Until they have ended, the engine reports about them: no other record may get their ids.
                self.state.drawn = max(self.state.drawn, drawn)

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Restore the state of a checkpoint, without ending anything that an engine really carries out."""
        self.world.restore(checkpoint)
        self.requests.clear()

    @contextmanager
    def baseline(self, checkpoint: Checkpoint) -> Iterator[None]:
        """Create records that survive the rollback to a checkpoint, for example a run that tests share.

        The block sees the state of the checkpoint, without the scripts, faults and records of the running test;
        afterwards both that test and the checkpoint contain what was created in it.

        Args:
            checkpoint: receives the new records; it is changed.
        """
        with self.lock:
            own, log, incidents = self.checkpoint(), list(self.requests), list(self.incidents)
            self._restore(checkpoint)
            self.state.drawn = own.state.drawn  # so that ids stay unique when both states are merged
            self.clock.set(max(own.now, checkpoint.now), held=checkpoint.held)
        try:
            yield
        finally:
            with self.lock:
                before, made = checkpoint.state, self.checkpoint()
                log += self.requests
                incidents += [incident for incident in self.incidents if incident not in incidents]
                self._restore(own)
                self.requests.extend(log)
                self.incidents.extend(incidents)
                self.clock.set(max(made.now, own.now), held=own.held)
                self.state.take_over(made.state, before)
                checkpoint.state, checkpoint.now, checkpoint.tallies = made.state, made.now, made.tallies

    @property
    def conditions(self) -> list[Condition]:
        """The scripts, faults and answers in effect."""
        with self.lock:
            given = cast("list[Condition]", [*self.state.faults, *self.state.answers])
            return [*(standing.script for standing in self.state.scripts), *given]

    def lift(self, conditions: Collection[Condition], checkpoint: Checkpoint | None = None) -> None:
        """Remove scripts, faults and answers.

        Args:
            conditions: the ones to remove.
            checkpoint: remove them from this checkpoint as well.
        """
        gone = {id(each) for each in conditions}
        with self.lock:
            if checkpoint is not None:
                kept = zip(checkpoint.state.faults, checkpoint.tallies, strict=True)
                checkpoint.tallies = [tally for fault, tally in kept if id(fault) not in gone]
            for state in (self.state, *([checkpoint.state] if checkpoint else [])):
                state.scripts = [each for each in state.scripts if id(each.script) not in gone]
                state.faults = [each for each in state.faults if id(each) not in gone]
                state.answers = [each for each in state.answers if id(each) not in gone]

    def _refuse_stranger(self, script: Script) -> None:
        if script.executable is not None and self.state.find_published(script.executable) is None:
            hint = did_you_mean(script.executable, self.state.published)
            raise EmulatorError(
                f"{script.place}: script: unknown executable {script.executable!r}.{hint} "
                f"Published executables: {listing(self.state.published)}."
            )
        if script.execution is not None and self.cluster.find(script.execution) is None:
            raise EmulatorError(f"{script.place}: script: unknown execution {script.execution!r}.")
        found = self.cluster.find(script.execution) if script.execution is not None else None
        meant = found[1].executable_id if found else script.executable
        published = self.state.find_published(meant) if meant is not None else None
        if published is not None and published.executable.deployable:
            for name in OF_TRAININGS:
                if getattr(script, name) not in (None, False):
                    raise EmulatorError(
                        f"{script.place}: script: {name}= is for trainings, and {meant!r} is deployed: a deployment has"
                        f" no {OF_TRAININGS[name]}."
                    )
        self._refuse_unknown_outputs(script, meant)

    def _refuse_unknown_outputs(self, script: Script, meant: str | None) -> None:
        """Refuse a script that names an output artifact of none of the executables that are meant."""
        named = {
            "outputs": script.outputs if isinstance(script.outputs, Mapping) else (),
            "omit_outputs": () if isinstance(script.omit_outputs, bool) else script.omit_outputs or (),
        }
        if not any(named.values()):
            return
        outputs = {
            output.name
            for published in self.state.published.values()
            for output in published.executable.output_artifacts
            if meant in (None, published.executable.id)
        }
        for argument, name in ((argument, name) for argument, names in named.items() for name in names):
            if name not in outputs:
                raise EmulatorError(
                    f"{script.place}: script: {argument}: {meant or 'no executable'} "
                    f"has {'no' if meant else 'an'} output artifact {name!r}.{did_you_mean(name, outputs)} "
                    f"Output artifacts: {listing(sorted(outputs))}."
                )


def _stores_of(world: World, group: str) -> Shelves:
    from pytest_aicore.emulator.object_stores import ObjectStores  # late: few tests read what is stored

    return ObjectStores(world, group)


def _catalogue_of(service_plan: str) -> Mapping[str, PublishedExecutable]:
    from pytest_aicore.emulator.world.catalogue import catalogue_of  # late: most tests use only their own executables

    return catalogue_of(service_plan)
