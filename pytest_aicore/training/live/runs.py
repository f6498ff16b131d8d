"""The runs of a live session: nothing is started twice, lost, or left running. It does not depend on pytest.

Under pytest-xdist each process has an object `Live`, with the same session id and the same ledger; the controller's
begins and ends the session, the workers' run trainings.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from threading import Thread
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pytest_aicore.errors import AicoreError
from pytest_aicore.processes import Home, ThreadLock
from pytest_aicore.training.output_artifact import no_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

    from pytest_aicore.objects.store import Store
    from pytest_aicore.training.bound_plan import BoundPlan
    from pytest_aicore.training.live.budget import Price
    from pytest_aicore.training.live.fleet import Fleet
    from pytest_aicore.training.live.keeping import Keeper
    from pytest_aicore.training.live.ledger import Entry, FileLedger, LedgerRecord, RunRecord
    from pytest_aicore.training.live.log_stream import Onlooker
    from pytest_aicore.training.live.meter import Meter
    from pytest_aicore.training.plan import TrainingPlan
    from pytest_aicore.training.run import Training
    from pytest_aicore.training.service.api import TrainingApi
    from pytest_aicore.training.service.credentials import Credentials
    from pytest_aicore.training.service.deployment_api import DeploymentApi

_STOPPING_PATIENCE = 60.0
"""Seconds for the end of a session to stop executions; those that still run stay open in the ledger."""
_LEAST_PATIENCE = 3.0
"""The least number of seconds for each part of the end, if the parts before have used all of them."""
_AT_ONCE = 8
NEEDLESS = "no remaining test needs it"
NOTHING_TRAINED: Mapping[str, str] = MappingProxyType({})


class EndOfDeployment(NamedTuple):
    """What became of a deployment.

    Attributes:
        seconds: for how long it has run in this session.
        why: this session stopped it; None if it did not.
    """

    seconds: float
    why: str | None


@dataclass(frozen=True)
class LiveOptions:
    """The options of a live session.

    Args:
        resource_group: the resource group in which runs are started.
        interval: the polling interval in seconds.
        max_parallel: how many executions may run at once.
        budget: seconds that all executions together may run, None for no limit.
        reuse: whether artifacts and configurations of earlier sessions are reused.
        keep: whether unfinished executions are left running at the end.
        resumes: whether unfinished executions of an earlier session are resumed.
        prices: by resource plan, for an hour.
    """

    resource_group: str
    interval: float
    max_parallel: int
    budget: float | None
    reuse: bool
    keep: bool
    resumes: bool
    prices: Mapping[str, Price] = field(default_factory=dict)


class Live:
    """The runs of one process of a live session.

    Args:
        options: the options of the session.
        ledger_file: the file that records what is started.
        session: the session's id, the same in all its processes.
        is_worker: whether another process ends the session.
        credentials: returns the credentials of the service.
        connect: returns a new client for runs.
        prepare: makes sure, before a run begins, that the service would train its workflow; the preflight if left out.
        store: returns the store of output artifacts.
    """

    def __init__(
        self,
        options: LiveOptions,
        ledger_file: Path,
        session: str,
        credentials: Callable[[], Credentials],
        connect: Callable[[], AIAPIV2Client],
        prepare: Callable[[BoundPlan], None] | None = None,
        *,
        is_worker: bool = False,
        store: Callable[[], Store] = no_store,
    ) -> None:
        """Take the arguments; nothing is read, written or called yet."""
        self.home = Home()
        self.options = options
        self.is_worker = is_worker
        self.onlooker: Onlooker | None = None
        self.told: list[str] = []
        """Messages for the user at the end of the session."""
        self._ledger_file = ledger_file
        self._session = session
        self._credentials = credentials
        self._connect = connect
        self._prepare = prepare or self._preflight
        self._store = store
        self._shared: dict[str, Training] = {}
        self._own: dict[str, list[Training]] = {}
        self._taken: set[Training] = set()
        self._keys: dict[Training, str] = {}
        self._made = 0
        self._entries: dict[Training, Entry] = {}
        self._asked: set[str] = set()
        self._opening = ThreadLock()
        self._keeper: Keeper | None = None
        self._meter: Meter | None = None
        self._why_finished: str | None = None
        self._fleet: Fleet | None = None
        self._stopping: list[Thread] = []
        self._begun_to_finish = False
        self._deadline: float | None = None
        self.is_finished = False
        """Whether this process has stopped everything that it should."""

    @cached_property
    def ledger(self) -> FileLedger:
        """The ledger, as this process sees it."""
        return self.another_ledger()

    def another_ledger(self) -> FileLedger:
        """Return another view of the ledger, for a thread of its own."""
        from pytest_aicore.training.live.ledger import FileLedger

        return FileLedger(self._ledger_file, self._session, self.home)

    @cached_property
    def api(self) -> TrainingApi:
        """The calls that runs need."""
        from pytest_aicore.training.service.api import TrainingApi

        return TrainingApi(self._connect)

    @property
    def fleet(self) -> Fleet:
        """The fleet, which starts and polls the runs of this process."""
        if self._fleet is None:
            with self._opening:
                self._fleet = self._fleet or self._new_fleet()
        return self._fleet

    def _new_fleet(self) -> Fleet:
        # Import what its threads need before there are any: a module that a thread is importing while a test forks can
        # never be imported in the forked process.
        from pytest_aicore.training import maker  # noqa: F401
        from pytest_aicore.training.live import keeping, preflight, stop  # noqa: F401
        from pytest_aicore.training.live.fleet import Fleet, FleetClock
        from pytest_aicore.training.service import retry, tokens, transport  # noqa: F401
        from pytest_aicore.training.service.sdk import sdk

        with suppress(AicoreError):  # the first run says what is wrong
            sdk("AIAPIV2Client")
            self._credentials()

        return Fleet(
            self.api,
            self.ledger,
            FleetClock(),
            self.options.interval,
            self.options.max_parallel,
            self.options.budget,
            self.onlooker,
            self._needs_no_start,
            self.home,
        )

    @property
    def _host(self) -> str:
        return self._credentials().host

    @property
    def _resource_group(self) -> str:
        return self.options.resource_group

    # The runs -------------------------------------------------------------------------------------------------------

    def start_early(self, plan: TrainingPlan, user: str) -> None:
        """Start the run that a test will use.

        Args:
            plan: the plan of the run.
            user: the test.
        """
        training = self._training(plan, user)
        self.fleet.want(training, user, plan.timeout)
        self.fleet.enqueue(training)

    def training(self, plan: TrainingPlan, user: str) -> Training:
        """Return the training that a test uses; it is started when the test first needs a result.

        Args:
            plan: what is trained.
            user: the test.
        """
        self._asked.add(user)
        training = self._training(plan, user)
        self._taken.add(training)
        self.fleet.want(training, user, plan.timeout)
        return training

    def look_now(self) -> None:
        """Poll at once: the status of an execution has changed."""
        if self._fleet is not None:
            self._fleet.look_now()

    @property
    def asked_for(self) -> tuple[Training, ...]:
        """The trainings that tests of this process have asked for."""
        return tuple(self._taken)

    def _training(self, plan: TrainingPlan, user: str) -> Training:
        if not plan.fresh:
            known = self._shared.get(plan.key)
            if known is None or self._is_given_up(known, user):
                known = self._shared[plan.key] = self._new(plan, plan.key)
            return known
        # The run that was started early is the first that the test requests; each further request gets a new one.
        key = f"{plan.key}-{sha256(user.encode()).hexdigest()[:12]}"
        own = self._own.setdefault(key, [])
        if not own or own[-1] in self._taken or self._is_given_up(own[-1], user):
            own.append(self._new(plan, f"{key}-{len(own)}"))
        return own[-1]

    def _new(self, plan: TrainingPlan, key: str) -> Training:
        from pytest_aicore.training.maker import Maker
        from pytest_aicore.training.run import Training

        self._made += 1
        fleet = self.fleet
        mark = sha256(f"{self._session} {key} {self._made}".encode()).hexdigest()[:12]
        maker = Maker(plan, self.api, fleet.clock, mark, reuse=self.options.reuse)
        training = Training(
            plan,
            maker,
            self.api,
            fleet.clock,
            fleet,
            record=lambda: self._record(plan, key, training),
            number=self._made,
            store=self._store,
        )
        self._keys[training] = key
        return training

    def _needs_no_start(self, training: Training) -> bool:
        """Return whether another process of the session has the run already, or no remaining test needs it."""
        if not self.is_worker:
            return False
        another_s = self.ledger.of_key(self._keys[training]) is not None
        users = self.fleet.users_of(training)
        return another_s or (bool(users) and self.ledger.done.issuperset(users))

    def _is_given_up(self, training: Training, user: str) -> bool:
        """Return whether a run was stopped because no remaining test needed it; if not, it is kept for this test."""
        if self.fleet.is_unwanted(training):
            return True
        entry = self._entries.get(training)
        if entry is None or not self.is_worker:
            return False
        if entry.users.issuperset([user]) and user not in self.ledger.done:
            return entry.unwanted
        with self.ledger.locked():
            self.ledger.refresh()
            if not entry.unwanted:
                self._want(entry, [user])
            return entry.unwanted

    def _want(self, entry: Entry, users: Iterable[str]) -> None:
        """Write to the ledger which tests use a run, for the process that ends the session."""
        left = [each for each in users if each in self._asked or each not in self.ledger.done]
        new = sorted(each for each in left if each not in entry.users or each in self.ledger.done)
        if new:
            self.ledger.record("wanted", run=entry.id, tests=new)

    def _record(self, plan: TrainingPlan, key: str, training: Training) -> RunRecord:
        """Return the record of a run in the ledger: of this session, of an earlier session to resume, or a new one."""
        from pytest_aicore.training.clock import RealClock
        from pytest_aicore.training.live.ledger import LedgerRecord

        plan.require_complete()
        ledger, executable = self.ledger, plan.template.executable
        self._open_ledger()
        with ledger.locked():
            entry = ledger.of_key(key)
            if entry is None and self.options.resumes:
                entry = ledger.resumable(key, self._host, self._resource_group)
                if entry is not None:
                    ledger.write("adopted", run=entry.id, session=self._session)
            if entry is None:
                entry = ledger.begin(
                    key,
                    workflow=plan.workflow,
                    scenario=executable.scenario_id,
                    executable=executable.id,
                    host=self._host,
                    resource_group=self._resource_group,
                    place=plan.place,
                    time=RealClock().now(),
                )
            self._entries[training] = entry
            if self.is_worker:
                self._want(entry, self.fleet.users_of(training))
        if not entry.has_begun:
            self._prepare(plan)
        return LedgerRecord(ledger, entry)

    def _preflight(self, plan: BoundPlan) -> None:
        """Check, once in a session, that the service would train the local workflow."""
        from pytest_aicore.training.live.preflight import PreflightError, check
        from pytest_aicore.training.service.failures import CallError
        from pytest_aicore.training.service.retry import patiently

        executable = plan.template.executable
        what = sha256(f"{executable.scenario_id}/{executable.id}/{plan.template.path}".encode()).hexdigest()[:12]
        key = (self._session, what)
        with self.ledger.locked(f"preflight-{what}"):
            self.ledger.refresh()
            if key not in self.ledger.checked:
                found = None
                try:
                    patiently(self.fleet.clock, lambda: check(self.api, plan.template, self._resource_group))
                except (PreflightError, CallError) as error:
                    # Recorded as well, so that other runs need not wait for the same error.
                    found = str(error)
                self.ledger.record("checked", session=self._session, executable=what, found=found)
        problem = self.ledger.checked[key]
        if problem is not None:
            raise PreflightError(problem)

    # Deployments ----------------------------------------------------------------------------------------------------

    def deployment_record(
        self, plan: BoundPlan, key: str, user: str, trained: Mapping[str, str] = NOTHING_TRAINED
    ) -> LedgerRecord:
        """Return the record of a deployment in the ledger: of this session, of an earlier one to resume, or a new one.

        Args:
            plan: what is deployed.
            key: identifies the same deployment in other processes and sessions.
            user: the test that asks.
            trained: the ids of the artifacts that are outputs of the test's own training, by input artifact.

        Raises:
            AicoreError: the plan is incomplete, the service would deploy something else, or nothing can be recorded.
        """
        from pytest_aicore.training.clock import RealClock
        from pytest_aicore.training.live.ledger import DEPLOYMENT, LedgerRecord

        plan.require_complete()
        ledger, executable = self.ledger, plan.template.executable
        self._open_ledger()
        self._follow_budget()
        resumed = self._resumable_deployment(key, trained)
        with ledger.locked():
            entry = ledger.of_key(key)
            if entry is None and resumed is not None and not ledger.is_alive(resumed.session):
                entry = resumed
                ledger.write("adopted", run=entry.id, session=self._session)
                self.told.append(
                    f"resumed: deployment {entry.execution_id} of {plan.workflow}, which an earlier session created."
                )
            entry = entry or ledger.begin(
                key,
                workflow=plan.workflow,
                scenario=executable.scenario_id,
                executable=executable.id,
                host=self._host,
                resource_group=self._resource_group,
                place=plan.place,
                time=RealClock().now(),
                kind=DEPLOYMENT,
                plans=list(executable.resource_plans),
            )
        self.uses(entry, user)
        if not entry.has_begun:
            self._prepare(plan)
        return LedgerRecord(ledger, entry)

    def _resumable_deployment(self, key: str, trained: Mapping[str, str]) -> Entry | None:
        """Return the deployment of an earlier session that still serves the same, None if there is none.

        Args:
            key: of the deployment.
            trained: what the test's own training has left: a deployment with the model of another one is not the same.

        Raises:
            CallError: AI Core does not answer for it.
        """
        from pytest_aicore.service_facts import FINAL_STATUSES
        from pytest_aicore.training.live.ledger import ARTIFACTS
        from pytest_aicore.training.service.failures import CallError
        from pytest_aicore.training.service.retry import patiently

        if not self.options.resumes or self.ledger.of_key(key) is not None:
            return None
        entry = self.ledger.resumable(key, self._host, self._resource_group)
        if entry is None or (deployment_id := entry.execution_id) is None:
            return None
        bound = entry.stages[ARTIFACTS].result or {}
        if any(bound.get(name, {}).get("id") != artifact for name, artifact in trained.items()):
            return None
        try:
            found = patiently(self.fleet.clock, lambda: self.deployment_api.execution(deployment_id))
        except CallError as error:
            if error.is_missing:
                return None
            raise
        target = found.target_status
        is_left = found.status.value not in FINAL_STATUSES and (target is None or target.value == "RUNNING")
        return entry if is_left else None

    def _follow_budget(self) -> None:
        """Stop deployments when the budget is spent, in the process that ends the session."""
        from pytest_aicore.training.clock import RealClock
        from pytest_aicore.training.live.budget import Budget
        from pytest_aicore.training.live.meter import Meter

        if self.is_worker or self.options.budget is None:
            return
        with self._opening:
            if self._meter is None and not self._begun_to_finish:
                api = self.deployment_api
                budget = Budget(self.options.budget, self.ledger.of_session, RealClock(), api.service_now)
                self._meter = Meter(budget, self.ledger, api, self.options.interval, self._stop_too_expensive)

    def _stop_too_expensive(self, entry: Entry, why: str) -> None:
        """Stop a deployment in a thread of its own, because the budget is spent.

        Args:
            entry: of the deployment.
            why: the sentence for tests that ask it.
        """
        reason = "the budget is spent"
        with self.ledger.locked():
            self.ledger.refresh()
            if entry.stops is not None or entry.unwanted or not entry.is_open:
                return
            self.ledger.write("stops", run=entry.id, reason=reason, why=why)
        stop = Thread(target=self._stop_one, args=(entry, reason), name="pytest-aicore stop", daemon=True)
        self._stopping.append(stop)
        stop.start()

    def ends_of_deployments(self) -> dict[str, EndOfDeployment]:
        """Return for how long the deployments of the session have run, and why they were stopped, by their ids."""
        from pytest_aicore.training.clock import RealClock

        clock, now = RealClock(), self.deployment_api.service_now()
        return {
            str(entry.execution_id): EndOfDeployment(entry.ran(clock, now), self._why_stopped(entry))
            for entry in self.ledger.of_session()
            if entry.is_deployment and entry.execution_id is not None
        }

    def _why_stopped(self, entry: Entry) -> str | None:
        if not entry.stopped:
            return None
        if entry.stops is not None:
            return entry.stops.reason
        return NEEDLESS if entry.unwanted else self._why_finished

    def mark(self, key: str) -> str:
        """Return the part of the name of a deployment's configuration that no other deployment has.

        Args:
            key: of the deployment.
        """
        return sha256(f"{self._session} {key}".encode()).hexdigest()[:12]

    def follow(self, api: TrainingApi) -> None:
        """Take the service's time from the answers to other calls as well.

        Args:
            api: makes these calls.
        """
        self.fleet.service_clocks.append(api.service_now)

    def why_spent(self) -> str | None:
        """Return the sentence that says that the budget of the session is spent, None if it is not."""
        return self.fleet.why_spent()

    def uses(self, entry: Entry, user: str) -> bool:
        """Note that a test uses a deployment, and return whether it still may.

        Args:
            entry: of the deployment.
            user: the test.
        """
        self._asked.add(user)
        with self.ledger.locked():
            self.ledger.refresh()
            if entry.unwanted or entry.stopped or entry.gone:
                return False
            if self.is_worker:
                self._want(entry, [user])
        return True

    def give_up(self, entry: Entry) -> None:
        """Stop a deployment that no remaining test needs, in a thread of its own; a kept one goes on.

        Args:
            entry: of the deployment.
        """
        if self.options.keep or not entry.is_open:
            return
        self.ledger.record("unwanted", run=entry.id)
        stop = Thread(target=self._stop_one, args=(entry, NEEDLESS), name="pytest-aicore stop", daemon=True)
        self._stopping.append(stop)
        stop.start()

    @cached_property
    def deployment_api(self) -> DeploymentApi:
        """The calls that deployments need."""
        from pytest_aicore.training.service.deployment_api import DeploymentApi

        return DeploymentApi(self._connect)

    # Beginning and end ----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Stop leftover executions of sessions that were killed, unless this session resumes them."""
        if self.is_worker or self.options.resumes:
            return
        try:
            self.ledger.refresh()
            if any(entry.is_open for entry in self.ledger.entries.values()):
                left = [each for each in self._leftover() if not each.kept]
                self._stop(left, "leftover of an earlier session")
        except AicoreError as error:
            self.told.append(f"leftover executions of earlier sessions could not be checked: {error}")

    def _open_ledger(self, then: Callable[[], None] = lambda: None) -> None:
        """Begin the session in the ledger, and start the thread that keeps its file complete."""
        from pytest_aicore.training.clock import RealClock
        from pytest_aicore.training.live.keeping import Keeper

        with self._opening:
            self.ledger.open(host=self._host, resource_group=self._resource_group, time=RealClock().now())
            if self._keeper is None:
                self._keeper = Keeper(self.ledger, then)

    def hold(self, *, stops_unneeded: bool = True) -> None:
        """Show other processes that the session is alive, although this process starts no runs.

        Args:
            stops_unneeded: whether runs are stopped as soon as no remaining test needs them.
        """
        from pytest_aicore.training import watcher  # noqa: F401  see `fleet`
        from pytest_aicore.training.live import stop  # noqa: F401
        from pytest_aicore.training.service import retry, tokens  # noqa: F401

        stops = stops_unneeded and not self.options.keep
        with suppress(AicoreError):  # the first run says what is wrong
            self._open_ledger(self._stop_unneeded if stops else lambda: None)
            self._follow_budget()

    def is_done(self, tests: Iterable[str]) -> None:
        """Record that tests have ended or will not run any more, so that runs that only they need can be stopped.

        Args:
            tests: their node ids.
        """
        if self.is_worker or self._keeper is not None:
            self.ledger.record("done", session=self._session, tests=sorted(tests))

    def _stop_unneeded(self) -> None:
        """Stop runs that no remaining test needs, each in a thread of its own, because stopping may take long."""
        for entry in self.ledger.unneeded():
            with suppress(AicoreError):  # the end of the session stops it
                with self.ledger.locked():
                    self.ledger.refresh()
                    if entry not in self.ledger.unneeded():
                        continue
                    self.ledger.write("unwanted", run=entry.id)
                if entry.is_open:
                    stop = Thread(target=self._stop_one, args=(entry, NEEDLESS), name="pytest-aicore stop", daemon=True)
                    self._stopping.append(stop)
                    stop.start()

    def _stop_one(self, entry: Entry, why: str) -> None:
        with suppress(AicoreError):  # the end of the session tries again
            self._settle(entry, why)

    def running(self) -> int:
        """Return how many executions of the session may run now, as far as the ledger can be read."""
        self.ledger.synchronize()
        return sum(entry.is_open for entry in self.ledger.of_session())

    def finish(self, why: str) -> None:
        """Stop what still runs, unless the user wants to keep it, and close the ledger. A second call does nothing.

        Args:
            why: the reason for stopping.
        """
        from pytest_aicore.training.clock import RealClock

        if self._begun_to_finish:
            return
        self._begun_to_finish = True
        self._why_finished = why
        if self._fleet is not None:
            self._fleet.close()
        self._deadline = RealClock().monotonic() + _STOPPING_PATIENCE
        if self._meter is not None:
            self._meter.end()
        if self._keeper is not None:
            self._keeper.end(self._left_to_stop())
        for thread in self._stopping:
            thread.join(max(0.0, self._deadline - RealClock().monotonic()))
        if self.is_worker:
            self.ledger.close(well=False)
            return
        well = False
        try:
            self.ledger.synchronize()  # executions that this process knows are stopped even if the file cannot be read
            well = self._finish(why)
        except AicoreError as error:
            self.told.append(
                f"executions that still run could not be stopped: {error} `pytest-aicore sweep` tries again."
            )
        finally:
            self.ledger.close(well=well)
        self.told += self.ledger.problems
        if not self.ledger.is_complete:
            self.told += [
                f"{each.what} {each.execution_id or '(id unknown)'} of {each.facts['workflow']} may still run, and the"
                " ledger may not know of it. `pytest-aicore sweep --older-than 0s` stops all executions of"
                " pytest-aicore in its resource group."
                for each in self.ledger.of_session()
                if each.is_open
            ]
        self.is_finished = True

    def _finish(self, why: str) -> bool:
        """Stop or keep what still runs, and return whether nothing is left running by mistake."""
        entries = self.ledger.of_session()
        self.told += [
            f"{each.what} {each.execution_id} of {each.facts['workflow']}: {each.stopped_because}"
            for each in entries
            if each.stopped_because is not None
        ]
        running = [entry for entry in entries if entry.is_open]
        if self.options.keep:
            self._keep(running)
            return True
        well = self._stop(running, why)
        if self.options.resumes and any(entry.is_open for entry in self.ledger.entries.values()):
            left = [each for each in self._leftover() if not each.kept]
            well = self._stop(left, "leftover of an earlier session, and no test asked for it") and well
        return well

    def handed_over(self) -> dict[str, list[str]]:
        """Return what a worker could not write to the ledger, for the process that ends the session."""
        return self.ledger.handed_over()

    def take_over(self, given: dict[str, list[str]]) -> None:
        """Take over what a worker could not write to the ledger.

        Args:
            given: as the worker returned it.
        """
        self.ledger.take_over(given)

    def _leftover(self) -> list[Entry]:
        return self.ledger.leftover(self._host, self._resource_group)

    def _keep(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.ledger.record("kept", run=entry.id)
            self.told.append(
                f"left running: {entry.what} {entry.execution_id or '(id unknown)'} of {entry.facts['workflow']},"
                f" because of --aicore-keep. {self._cost_of(entry)}"
            )

    def _cost_of(self, entry: Entry) -> str:
        """Return what becomes of an execution that is left running, or what a deployment costs."""
        from pytest_aicore.training.live.budget import estimate

        if not entry.is_deployment:
            return "`pytest-aicore sweep` stops it, --aicore-resume resumes it."
        price = estimate(entry.facts["plans"], 3600, self.options.prices)
        cost = (
            "Give aicore_prices to see what it costs"
            if price is None
            else f"It costs {price.amount:.2f} {price.currency}".rstrip() + " an hour"
        )
        return f"{cost}, until `pytest-aicore sweep` stops it; --aicore-resume resumes it."

    def _stop(self, entries: list[Entry], why: str) -> bool:
        """Stop executions, several at once, and return whether that worked for all of them."""
        if not entries:
            return True
        jobs: dict[Future[list[tuple[str, str]]], Entry] = {Future(): entry for entry in entries}
        waiting = deque(jobs.items())
        for _ in range(min(_AT_ONCE, len(jobs))):
            # No pool: the end of the process would wait for its threads without limit.
            Thread(target=self._settle_some, args=(waiting,), name="pytest-aicore stop", daemon=True).start()
        done, late = wait(jobs, _STOPPING_PATIENCE if self._deadline is None else self._left_to_stop())
        well = not late
        for job in done:
            entry, problem = jobs[job], job.exception()
            if problem is None:
                self.told += [
                    f"{entry.what} {execution} of {entry.facts['workflow']} {outcome}: {why}."
                    for execution, outcome in job.result()
                ]
                continue
            well = False
            self.told.append(f"{_a_run(entry)} may still run, and could not be stopped: {problem}")
        for job in late:
            self.told.append(f"{_a_run(jobs[job])} could not be stopped in {_STOPPING_PATIENCE:g} s.")
        if not well:
            self.told.append("`pytest-aicore sweep` tries again to stop what may still run.")
        return well

    def _left_to_stop(self) -> float:
        """Return how many seconds the end of the session has left, at least _LEAST_PATIENCE for each part."""
        from pytest_aicore.training.clock import RealClock

        return max(_LEAST_PATIENCE, (self._deadline or 0.0) - RealClock().monotonic())

    def _settle_some(self, waiting: deque[tuple[Future[list[tuple[str, str]]], Entry]]) -> None:
        with suppress(IndexError):  # nothing is left
            while True:
                self._settle_into(*waiting.popleft())

    def _settle_into(self, job: Future[list[tuple[str, str]]], entry: Entry) -> None:
        try:
            job.set_result(self._settle(entry))
        except Exception as error:
            job.set_exception(error)

    def _settle(self, entry: Entry, why: str | None = None) -> list[tuple[str, str]]:
        from pytest_aicore.training.clock import RealClock
        from pytest_aicore.training.live.stop import settle

        def note(event: str, **facts: object) -> None:
            if event == "stopping" and why is not None:
                facts["why"] = f"{why}, so it was stopped."
            self.ledger.record(event, run=entry.id, **facts)

        api = self.deployment_api if entry.is_deployment else self.api
        return settle(api, RealClock(), entry, note, self.ledger.executions_of_others(entry))


def _a_run(entry: Entry) -> str:
    return f"a {entry.kind} of {entry.facts['workflow']}"
