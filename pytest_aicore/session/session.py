"""One object per pytest session that owns emulator, door, client and shared runs. It does not depend on pytest."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, nullcontext, suppress
from copy import copy
from functools import cached_property, partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.errors import AicoreError, SettingsError, WorkflowError, listing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

    from pytest_aicore.config.options import Settings
    from pytest_aicore.deployment.plan import DeploymentPlan
    from pytest_aicore.emulator import Checkpoint, Emulator
    from pytest_aicore.emulator.control.played import Played
    from pytest_aicore.emulator.emulator import Condition
    from pytest_aicore.emulator.presence import Presence
    from pytest_aicore.emulator.serve.server import Server
    from pytest_aicore.http.door import Door
    from pytest_aicore.local.object_store import ObjectStore
    from pytest_aicore.objects.store import Shelves, Store
    from pytest_aicore.session.deployments import Deployments
    from pytest_aicore.session.local_session import LocalSession, Owner
    from pytest_aicore.session.visible_runs import VisibleRuns
    from pytest_aicore.training.clock import Clock
    from pytest_aicore.training.finished import FinishedExecution
    from pytest_aicore.training.live.runs import Live
    from pytest_aicore.training.plan import TrainingPlan
    from pytest_aicore.training.run import Run, Training, Waiter
    from pytest_aicore.training.service.api import TrainingApi
    from pytest_aicore.training.service.credentials import Credentials
    from pytest_aicore.workflows import Template, WorkflowFolder

_PLAYED_METRICS: Final = (
    "No training code runs in the emulator: --aicore-local runs it on this machine. Or say what is played instead,"
    ' with @pytest.mark.aicore(..., emulated={"metrics": {"loss": [0.7, 0.3]}}).'
)

LOCAL_POLL_SECONDS = 0.1
"""The longest polling interval for what runs on this machine; the process that carries runs out looks at each news."""

LOCAL_DEPLOYMENT_POLL_SECONDS = 0.05
"""The same for deployments on this machine: how late a test may learn that one answers, or has ended."""


class Session:
    """What the tests of one pytest session (under xdist: of one worker) have in common.

    Args:
        settings: of the session.
        make_live: returns the object that starts and watches runs that really happen.
        environment: the environment variables when the session began; those of now if left out.
        owner: how a worker of pytest-xdist reaches the process that carries its runs out on this machine; None in that
            process.
    """

    def __init__(
        self,
        settings: Settings,
        make_live: Callable[[Session], Live],
        environment: Mapping[str, str] | None = None,
        owner: Owner | None = None,
    ) -> None:
        """Take the settings; nothing is imported, read or opened yet."""
        self._environment = environment
        self._owner = owner
        self.settings = settings
        self._make_live = make_live
        self._door: Door | None = None
        self._checkpoint: Checkpoint | None = None
        self._keeping = False
        self._at_end = ExitStack()
        self._shared: dict[str, Training] = {}
        self._begun = 0
        self._synced_at = 0.0
        self._said: set[str] = set()
        self._told: list[str] = []
        self._credentials: Credentials | None = None
        self.clients: list[AIAPIV2Client] = []
        """The clients whose tokens must be hidden."""

    @property
    def live(self) -> bool:
        """Whether the runs happen on the real service."""
        return self.settings.live.value

    @property
    def local(self) -> bool:
        """Whether the runs really happen on this machine."""
        return self.settings.local.value

    @property
    def is_real(self) -> bool:
        """Whether the runs really happen, on the service or on this machine."""
        return self.settings.real_option is not None

    @property
    def trains(self) -> bool:
        """Whether code really trains: neither in the emulator, nor where a server plays scripts (a rehearsal)."""
        return self.is_real and not (self.live and self.real_runs.api.is_played)

    # The workflows --------------------------------------------------------------------------------------------------

    @cached_property
    def _folder(self) -> WorkflowFolder | AicoreError:
        from pytest_aicore.workflows import read_folders

        try:
            return read_folders(self.settings.workflows.value)
        except WorkflowError as error:
            return error

    @property
    def folder(self) -> WorkflowFolder:
        """The workflows of the session's folders.

        Raises:
            WorkflowError: a folder does not exist, or AI Core could not read it.
        """
        if isinstance(self._folder, AicoreError):
            raise copy(self._folder).with_traceback(None)
        return self._folder

    def require_readable_folder(self) -> None:
        """Raise an error if the workflows folder cannot be read; a missing default folder is not an error.

        Raises:
            WorkflowError: as `folder`.
        """
        folders = self.settings.workflows
        if folders.is_default and not any(folder.exists() for folder in folders.value):
            return
        _ = self.folder

    def workflow(
        self, reference: object, place: str, *, near: Path | None = None, deployable: bool = False
    ) -> Template:
        """Return the workflow that a test refers to.

        Args:
            reference: file name, file name without suffix, executable id, or a path relative to the folder's parent;
                None for the only one there is.
            place: `file:line` of the test, for messages.
            near: the test's file: of several workflows of one file name, the nearest to it is meant.
            deployable: whether the only ServingTemplate is meant by None, not the only WorkflowTemplate.

        Raises:
            WorkflowError: unknown workflow, or more than one matches.
        """
        if reference is not None:
            if not isinstance(reference, (str, PurePath)):
                raise WorkflowError(
                    f"{place}: workflow={reference!r}: expected a file name, a path or an executable id."
                )
            if isinstance(reference, PurePath):
                reference = reference.as_posix()
            try:
                return self._at_path(reference, near) or self.folder.find(reference, near)
            except WorkflowError as error:
                raise WorkflowError(f"{place}: {error}") from None
        from pytest_aicore.workflows.folder import nearest_templates

        try:
            found = [template for template in self.folder.values() if template.executable.deployable is deployable]
        except WorkflowError as error:
            raise WorkflowError(f"{place}: {error}") from None
        found = nearest_templates(found, near)
        if len(found) == 1:
            return found[0]
        names = [self.folder.name_of(template) for template in found]
        marker, one = ("aicore_deployment", "ServingTemplate") if deployable else ("aicore", "WorkflowTemplate")
        named = self.folder.named
        holds = "holds" if len(self.folder.paths) == 1 else "hold"
        if not names:
            use = "deploy" if deployable else "train"
            raise WorkflowError(f"{place}: {named} {holds} no {one}, so there is nothing to {use}.")
        what = "serving templates" if deployable else "workflows"
        raise WorkflowError(
            f"{place}: {named} {holds} {len(names)} {what}: {listing(names)}."
            f' Name one of them: @pytest.mark.{marker}("{names[0]}")'
        )

    def _at_path(self, reference: str, near: Path | None) -> Template | None:
        """Return the workflow at a path such as `workflows/training.yaml`, None if it is not the path of a file."""
        from pytest_aicore.workflows import read_template
        from pytest_aicore.workflows.folder import nearest

        if "/" not in reference:
            return None
        folders = self.settings.workflows
        if not (folders.is_default and isinstance(self._folder, AicoreError) and not folders.value[0].exists()):
            template = self.folder.at_path(reference, near)
            if template is not None:
                return template
        beside = [path for folder in folders.value if (path := folder.parent / reference).is_file()]
        return read_template(nearest(beside, near)[0]) if beside else None

    def workflow_of(self, marked: Mapping[str, Any], near: Path | None = None) -> Template | None:
        """Return the workflow that a test's markers name, None if they name none or an unknown one.

        Args:
            marked: the arguments of the test's `aicore` markers.
            near: the test's file.
        """
        try:
            return self.workflow(marked.get("workflow"), "", near=near)
        except WorkflowError:
            return None

    def plan(self, template: Template, asked: Mapping[str, Any], place: str) -> TrainingPlan:
        """Return the plan of a run.

        Args:
            template: the workflow.
            asked: the given arguments of the `aicore` marker.
            place: `file:line` of the test, for messages.

        Raises:
            PlanError: the workflow does not allow it.
        """
        from pytest_aicore.training.plan import COMPLETED, TrainingPlan

        timeout = asked.get("timeout")
        plan = TrainingPlan(
            template=template,
            # Values are passed on unchecked: the plan reports what is wrong with them.
            artifacts=asked.get("artifacts", {}),
            parameters=asked.get("parameters", {}),
            expect=asked.get("expect", COMPLETED),
            timeout=self.settings.timeout.value if timeout is None else timeout,
            fresh=asked.get("fresh", False),
            name=asked.get("name"),
            emulated=asked.get("emulated", {}),
            resource_group=self.settings.resource_group.value,
            place=place,
        )
        self._played(plan)  # reports values that cannot be played before anything starts
        return plan

    def deployment_plan(self, template: Template, asked: Mapping[str, Any], place: str) -> DeploymentPlan:
        """Return the plan of a deployment.

        Args:
            template: the serving template.
            asked: the given arguments of the `aicore_deployment` marker.
            place: `file:line` of the test, for messages.

        Raises:
            AicoreError: the template does not allow it.
        """
        from pytest_aicore.deployment.plan import DeploymentPlan

        given = {name: value for name, value in asked.items() if name != "workflow"}
        if given.get("timeout") is None:
            given["timeout"] = self.settings.timeout.value
        group = self.settings.resource_group.value
        return DeploymentPlan(template=template, **given, resource_group=group, place=place)

    def deployment_key(self, plan: DeploymentPlan, trained: TrainingPlan | None) -> str:
        """Return what is the same for plans that share a deployment.

        Args:
            plan: of the deployment, as the marker has it.
            trained: the plan of the training whose outputs it takes, None if it takes none.
        """
        played = "" if self.is_real else repr(sorted(plan.answers.items(), key=lambda item: item[0]))
        training = "" if trained is None else self._key(trained, self._played(trained))
        return " ".join((plan.key, training, played))

    @cached_property
    def deployments(self) -> Deployments:
        """The deployments of the tests of this process."""
        from pytest_aicore.session.deployments import Deployments, Surroundings

        interval = self.settings.poll_interval.value
        return Deployments(
            Surroundings(
                connect=self.connect_patiently if self.live else self.connect,
                clock=self.clock,
                interval=min(interval, LOCAL_DEPLOYMENT_POLL_SECONDS) if self.local else interval,
                kept=self.kept_with,
                playing=None if self.is_real else self.emulator,
                live=self.real_runs if self.live else None,
            )
        )

    def _played(self, plan: TrainingPlan) -> Played | None:
        """Return what the emulator plays for a plan; where code really runs, nothing is played.

        Raises:
            PlanError: it cannot be played.
        """
        if self.is_real or not plan.emulated:
            return None
        from pytest_aicore.emulator.control.played import Played

        return Played(plan.emulated, plan.place)

    def write_output(self, file: Path, execution: FinishedExecution) -> dict[str, Any]:
        """Write the output artifacts of an execution for the next stage of a pipeline, and return what was written.

        Args:
            file: where to; a relative path is relative to the current folder.
            execution: whose output artifacts.

        Raises:
            AicoreError: the file would be in the workflows folder, or there is nothing to write.
        """
        from pytest_aicore.config.settings import OUTPUT_IN_WORKFLOWS, folder_around
        from pytest_aicore.training.output import outputs_of, write_output

        workflows = folder_around(file, self.settings.workflows.value)
        if workflows is not None:
            raise SettingsError(f"{file}: {OUTPUT_IN_WORKFLOWS.format(workflows)}")
        return write_output(file, outputs_of(execution))

    # The service ----------------------------------------------------------------------------------------------------

    @cached_property
    def emulator(self) -> Emulator:
        """The emulator, with the resource group of the settings and the workflows of the folder."""
        from pytest_aicore.emulator import Emulator
        from pytest_aicore.emulator.world.clock import VirtualClock, recently

        if self.local:
            emulator = self._at_end.enter_context(self.local_session.make_emulator())
        else:
            start = self.settings.emulator_start.value
            clock = VirtualClock(recently() if start is None else start)
            emulator = self._at_end.enter_context(Emulator(clock=clock))
            emulator.create_resource_group(self.settings.resource_group.value)
        if not isinstance(self._folder, AicoreError):
            emulator.publish_folder(self._folder)
        self._synced_at = emulator.clock.now()
        return emulator

    def _tell(self, sentence: str) -> None:
        """Keep a sentence for the user, once in a session."""
        if sentence not in self._said:
            self._said.add(sentence)
            self._told.append(sentence)

    def take_told(self) -> list[str]:
        """Return what the user should know of trainings on this machine, and forget it."""
        if self.local:
            with suppress(AicoreError):  # the run that it is about says what is wrong
                self.local_session.hear()
        told, self._told = self._told, []
        return told

    @cached_property
    def local_session(self) -> LocalSession:
        """What this session has because its trainings run on this machine."""
        from pytest_aicore.session.local_session import LocalSession

        def workflows() -> Mapping[str, Template]:
            return {} if isinstance(self._folder, AicoreError) else self._folder

        local = LocalSession(self.settings, workflows, self._tell, lambda: self.real_runs.look_now(), self._owner)
        self._at_end.callback(local.close)
        return local

    def steps(self, execution_id: str) -> list[dict[str, Any]]:
        """Return what the steps of an execution took; only of those that ran on this machine it is known.

        Args:
            execution_id: its id.
        """
        if not self.local:
            return []
        with suppress(AicoreError):  # then what is known of it counts
            self._visible_runs.refresh()
        with self.emulator.lock:
            group = self.emulator.state.groups.get(self.settings.resource_group.value)
            execution = None if group is None else group.executions.get(execution_id)
            return [] if execution is None else [dict(step) for step in execution.steps]

    @cached_property
    def presence(self) -> Presence:
        """In which process the emulator is."""
        from pytest_aicore.emulator.presence import Presence

        return Presence(self.emulator)

    def open(self) -> None:
        """Make sure that the emulator answers calls to AI Core, whatever the last test did to `responses`."""
        if self.live:
            return
        self.presence.settle()
        if self._door is None:
            from pytest_aicore.emulator.in_process import door_to

            self._door = door_to(
                self.emulator,
                self._visible_runs.answer if self.local else None,
                block_network=self.settings.block_network.value,
                presence=self.presence,
            )
        self._door.open()

    @cached_property
    def _visible_runs(self) -> VisibleRuns:
        from pytest_aicore.session.visible_runs import VisibleRuns

        return VisibleRuns(
            self.emulator,
            self.settings.resource_group.value,
            lambda: self.real_runs.asked_for,
            lambda: self.local_session.shared,
            lambda execution_id: self.api.stop(execution_id),
        )

    def unseen_by_emulator(self) -> tuple[list[str], list[str]]:
        """Return what may reach AI Core's hosts or a blocked network unseen.

        These are the programs that were started since the last call, and the packages that are loaded.
        """
        if self._door is None:
            return [], []
        guard = self._door.guard
        return guard.take_started(), guard.unseen() if guard.matters else []

    def close(self) -> None:
        """Restore the process."""
        if self._door is not None:
            self._door.close()
            self._door = None
            self.presence.end()

    def end(self) -> None:
        """Restore the process, and end what the emulator still carries out; the session cannot be used afterwards."""
        self.close()
        self._at_end.close()

    @property
    def credentials(self) -> Credentials:
        """The credentials of the service, or of the emulator; read when they are first needed.

        Raises:
            CredentialsError: there are none, or they are incomplete.
        """
        if self._credentials is None:
            self._credentials = self._read_credentials()
        return self._credentials

    def _read_credentials(self) -> Credentials:
        from pytest_aicore.training.service import credentials

        if not self.live:
            return credentials.from_service_key(self.emulator.service_key, "emulator")
        key = self.settings.service_key
        if key.value is not None:
            return credentials.read_service_key(key.value, key.source)
        return credentials.find_credentials()

    def credentials_of(self, server: Server) -> Credentials:
        """Return the credentials of the emulator as a server of it gives them.

        Args:
            server: of this session's emulator.
        """
        from pytest_aicore.training.service import credentials

        return credentials.from_service_key(server.service_key, "aicore_server")

    @cached_property
    def _secrets_around(self) -> set[str]:
        from pytest_aicore.training.service.credentials import secrets_around

        return secrets_around(self.settings.service_key.value, environment=self._environment)

    def secrets(self) -> set[str]:
        """Return what must be hidden: secrets in all places of credentials, those in use, and tokens."""
        found = set(self._secrets_around)
        if self.live and self._credentials is not None:
            found |= self._credentials.secrets
        if self.clients:
            from pytest_aicore.training.service.sdk import token_of

            found |= {token for client in self.clients if (token := token_of(client))}
        return found

    def connect(self) -> AIAPIV2Client:
        """Return a new client.

        Raises:
            AicoreError: no credentials, or no SDK.
        """
        from pytest_aicore.training.service.sdk import make_client

        self.open()
        client = make_client(self.credentials, self.settings.resource_group.value)
        self.clients.append(client)
        return client

    def import_sdk(self) -> None:
        """Import SAP's SDK, if there is one, before its time is made virtual."""
        from pytest_aicore.training.service.sdk import sdk

        with suppress(AicoreError):
            sdk("AIAPIV2Client")

    @cached_property
    def client(self) -> AIAPIV2Client:
        """The client that the tests share.

        Raises:
            AicoreError: no credentials, or no SDK.
        """
        return self.connect()

    @cached_property
    def _api(self) -> TrainingApi:
        from pytest_aicore.training.service.api import TrainingApi

        return TrainingApi(self.connect)

    @property
    def host(self) -> str | None:
        """The host of the service, None if its credentials have not been needed yet."""
        return None if self._credentials is None else self._credentials.host

    @property
    def api(self) -> TrainingApi:
        """The calls of a training, with a client of their own."""
        return self.real_runs.api if self.is_real else self._api

    @cached_property
    def clock(self) -> Clock:
        """How time passes for runs: the emulator's clock, or the machine's."""
        if not self.is_real:
            return self.emulator.clock
        from pytest_aicore.training.clock import RealClock

        return RealClock()

    @cached_property
    def real_runs(self) -> Live:
        """Starts and watches runs that really happen, on the service or on this machine."""
        return self._make_live(self)

    def connect_patiently(self) -> AIAPIV2Client:
        """Return a new client for runs that really happen.

        Raises:
            AicoreError: no credentials, or no SDK.
        """
        if self.local:
            return self.local_session.connect()
        from pytest_aicore.training.service.sdk import make_patient_client

        client = make_patient_client(self.credentials, self.settings.resource_group.value)
        self.clients.append(client)
        return client

    @cached_property
    def _waiter(self) -> Waiter:
        from pytest_aicore.training.run import OneByOne
        from pytest_aicore.training.watcher import Watcher

        return OneByOne(Watcher(self._api, self.clock, self.settings.poll_interval.value))

    # The object stores ----------------------------------------------------------------------------------------------

    @cached_property
    def store(self) -> Store:
        """The files in the object stores of the resource group, in the world of the session."""
        from pytest_aicore.objects.store import Store

        return Store(self._shelves(), self._new_folder)

    def _shelves(self) -> Shelves:
        group = self.settings.resource_group.value
        if self.live:
            from pytest_aicore.session.live_stores import LiveStores

            return LiveStores(self.api, group)
        if self.local:
            return self._local_stores
        return self.emulator.stores(group)

    @cached_property
    def _local_stores(self) -> ObjectStore:
        from pytest_aicore.local.emulator import stores_of

        return stores_of(self.emulator, self.settings.resource_group.value)

    @cached_property
    def _folder_for_files(self) -> Path:
        from pathlib import Path
        from tempfile import TemporaryDirectory

        return Path(self._at_end.enter_context(TemporaryDirectory(prefix="pytest-aicore-", ignore_cleanup_errors=True)))

    def _new_folder(self) -> Path:
        """Return an empty folder, which is removed at the end of the session."""
        from pathlib import Path
        from tempfile import mkdtemp

        return Path(mkdtemp(dir=self._folder_for_files))

    # The runs -------------------------------------------------------------------------------------------------------

    def run(self, plan: TrainingPlan, *, own: bool, user: str) -> Run:
        """Return the run of a plan; it starts when its results are first used.

        Args:
            plan: what is trained.
            own: whether the test has scripts or faults of its own, which must not affect a shared run.
            user: the test that asks.
        """
        from pytest_aicore.training.run import Run

        if not self.live:
            self.publish(plan.template)
        if self.live or (self.local and not self._reads_own_files(plan)):
            return Run(plan, self.real_runs.training(plan, user))
        shared = not (own or plan.fresh)
        played = self._played(plan)
        key = self._key(plan, played)
        training = self._shared.get(key) if shared else None
        if training is None:
            training = self._emulated(plan, played, partial(self.kept_with, plan.template) if shared else nullcontext)
            if shared:
                self._shared[key] = training
        return Run(plan, training)

    def _reads_own_files(self, plan: TrainingPlan) -> bool:
        """Return whether a run reads what tests of this process have put or left, which no other process sees.

        The emulator of this process carries such a run out.
        """
        return any(self._local_stores.has_itself(url) for url in plan.artifacts.values())

    def _key(self, plan: TrainingPlan, played: Played | None) -> str:
        """Return what is the same for plans that share a run; what really runs here reads what was put before it."""
        puts = str(self.store.puts_to(plan.artifacts.values())) if self.local else ""
        return " ".join((plan.key, puts, "" if played is None else played.key))

    def _emulated(
        self, plan: TrainingPlan, played: Played | None, kept: Callable[[], AbstractContextManager[object]]
    ) -> Training:
        from pytest_aicore.training.finished import LOGGED_BY_TRAINING
        from pytest_aicore.training.maker import Maker
        from pytest_aicore.training.run import Training

        self._begun += 1
        maker = Maker(plan, self._api, self.clock)
        if played is not None:
            from pytest_aicore.session.playing import PlayingMaker

            maker = PlayingMaker(plan, self._api, self.clock, play=partial(played.play, self.emulator.world))
        no_metrics = LOGGED_BY_TRAINING if self.local else _PLAYED_METRICS
        return Training(
            plan,
            maker,
            self._api,
            self.clock,
            self._waiter,
            kept,
            number=self._begun,
            no_metrics=no_metrics,
            store=lambda: self.store,
        )

    def publish_marked(self, marked: Mapping[str, Any], near: Path) -> None:
        """Publish the workflow that a test's markers name, if it is not one of the folder, for this test alone.

        Args:
            marked: the arguments of the test's `aicore` markers.
            near: the test's file.
        """
        reference = marked.get("workflow")
        if not self.live and "/" in str(reference):
            template = self.workflow_of(marked, near)
            if template is not None:
                self.publish(template)

    def publish(self, template: Template) -> None:
        """Publish a workflow in the emulator until the next rollback; those of the folder are published already.

        So what a test sees does not depend on the workflows of others.

        Args:
            template: the workflow.
        """
        if self._is_outside(template):
            self.emulator.publish(template, self._synced_at)

    @contextmanager
    def kept_with(self, template: Template) -> Iterator[None]:
        """As `kept`, with a workflow that other tests do not see afterwards."""
        with self.kept(), nullcontext() if self.live else self._also_published(template):
            yield

    def _also_published(self, template: Template) -> AbstractContextManager[object]:
        if not self._is_outside(template):
            return nullcontext()
        return self.emulator.also_published(template, self._synced_at)

    def _is_outside(self, template: Template) -> bool:
        """Return whether a workflow is outside the folder."""
        return isinstance(self._folder, AicoreError) or self._folder.get(template.name) is not template

    # Isolation ------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Remember the emulator's state, so that `rollback` can restore it."""
        if not self.live:
            self._checkpoint = self.emulator.checkpoint()

    def incidents(self) -> list[str]:
        """Return what must fail the test that is running, and forget it."""
        if self.live:
            return []
        self.presence.settle()  # a forked process that has returned into pytest gets an emulator of its own
        self.presence.collect()
        return self.emulator.take_incidents()

    def silent_faults(self) -> list[str]:
        """Return a sentence for each fault that was injected since `begin` and never triggered."""
        return [] if self._checkpoint is None else self.emulator.silent_faults(self._checkpoint)

    def rollback(self) -> None:
        """Restore what `begin` remembered, plus what was made in between under `kept`."""
        if self._checkpoint is not None:
            self.emulator.rollback(self._checkpoint)
            self._checkpoint = None

    def kept(self) -> AbstractContextManager[object]:
        """Return a context in which what is created survives the next rollback: shared runs, and wider fixtures."""
        if self._checkpoint is None or self._keeping:
            return nullcontext()
        return self._keep(self._checkpoint)

    def conditions(self) -> list[Condition]:
        """Return the scripts, faults and answers in effect; the real service has none."""
        return [] if self.live else self.emulator.conditions

    def lift(self, conditions: Collection[Condition]) -> None:
        """Remove scripts, faults and answers, both for the running test and for later ones.

        Args:
            conditions: which ones.
        """
        if conditions:
            self.emulator.lift(conditions, self._checkpoint)

    @contextmanager
    def _keep(self, checkpoint: Checkpoint) -> Iterator[Any]:
        self._keeping = True
        try:
            with self.emulator.baseline(checkpoint):
                yield
        finally:
            self._keeping = False
