"""One training run in stages: artifacts, configuration, execution. Each stage happens when it is first needed."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from copy import copy
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pytest_aicore.errors import AicoreError, RunError, VerdictError, our_message
from pytest_aicore.processes import ThreadLock
from pytest_aicore.training.failed_steps import lines_of_failure
from pytest_aicore.training.finished import LOGGED_BY_TRAINING, FinishedExecution, Named
from pytest_aicore.training.live.ledger import ARTIFACTS, CONFIGURATION, EXECUTION, NoRecord
from pytest_aicore.training.output_artifact import no_store
from pytest_aicore.training.service.failures import CallError
from pytest_aicore.training.watcher import DeadlineError, LateError, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from ai_api_client_sdk.models.artifact_create_response import ArtifactCreateResponse
    from ai_api_client_sdk.models.configuration_create_response import ConfigurationCreateResponse
    from ai_api_client_sdk.models.execution_create_response import ExecutionCreateResponse

    from pytest_aicore.baselines.origin import Origin
    from pytest_aicore.objects.store import Store
    from pytest_aicore.training.bound_plan import BoundPlan
    from pytest_aicore.training.clock import Clock
    from pytest_aicore.training.live.ledger import RunRecord, Stage
    from pytest_aicore.training.maker import Maker
    from pytest_aicore.training.plan import TrainingPlan
    from pytest_aicore.training.service.api import TrainingApi
    from pytest_aicore.training.watcher import Watcher

T = TypeVar("T")

__tracebackhide__ = our_message

_OTHERS_PAUSE = 0.2
"""Seconds between two checks of a stage that another process makes."""
OTHERS_SECONDS = 600.0
"""How long to wait for artifacts or a configuration that another process creates, in seconds."""


class _Once(Generic[T]):
    """A step that happens at most once, for all threads: later calls get the same result, or the same error."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = ThreadLock()
        self._made: list[T] = []
        self._failure: AicoreError | None = None

    @property
    def made(self) -> T | None:
        return self._made[0] if self._made else None

    @property
    def failure(self) -> AicoreError | None:
        return self._failure

    def __call__(self) -> T:
        with self._lock:
            if self._failure is not None:
                raise copy_of(self._failure)
            if not self._made:
                try:
                    self._made.append(self._make())
                except AicoreError as error:
                    self._failure = error
                    raise
            return self._made[0]


def copy_of(error: AicoreError) -> AicoreError:
    """Return a copy of an error to raise again: each raise would extend the traceback of the original."""
    copied = copy(error)
    copied.__traceback__ = copied.__cause__ = copied.__context__ = None
    return copied


class Waiter(Protocol):
    """Starts executions, and waits for them."""

    def start(self, training: Training) -> None:
        """Wait until the execution has been started.

        Raises:
            AicoreError: it could not be started.
        """

    def wait(self, training: Training, timeout: float) -> None:
        """Wait until the execution has a final status.

        Args:
            training: the training.
            timeout: seconds since its start after which waiting ends.

        Raises:
            DeadlineError: it had not ended by then.
            RunError: its final status cannot be learnt any more.
        """


class OneByOne:
    """Starts an execution when it is needed, and polls it alone.

    Args:
        watcher: polls it.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def start(self, training: Training) -> None:
        """Start the execution."""
        training.begin()

    def wait(self, training: Training, timeout: float) -> None:
        """Wait for the execution."""
        watch = training.begin()
        with training.kept():
            self._watcher.wait(watch, timeout)


class Training:
    """The artifacts, configuration and execution of one plan. Several tests may share it.

    Args:
        plan: what is trained.
        maker: creates them.
        api: the service.
        clock: measures the time, and waits between two checks of a stage that another process makes.
        waiter: starts the execution and waits for it.
        kept: a context manager entered for each creation on AI Core.
        record: returns the record to which each step is written before it happens, and its result afterwards.
        number: distinguishes the trainings of a session; ids do not, after the emulator was rolled back.
        no_metrics: what to do if the execution has no metrics, a sentence.
        store: returns the store of the output artifacts; called when one of them is read.
    """

    def __init__(
        self,
        plan: BoundPlan,
        maker: Maker,
        api: TrainingApi,
        clock: Clock,
        waiter: Waiter,
        kept: Callable[[], AbstractContextManager[object]] = nullcontext,
        record: Callable[[], RunRecord] = NoRecord,
        number: int = 0,
        no_metrics: str = LOGGED_BY_TRAINING,
        store: Callable[[], Store] = no_store,
    ) -> None:
        """Take the arguments; nothing is called yet."""
        self.plan = plan
        self.number = number
        self.kept = kept
        self._maker = maker
        self._api = api
        self._clock = clock
        self._waiter = waiter
        self._store = store
        self._no_metrics = no_metrics
        self.record: _Once[RunRecord] = _Once(record)
        self.artifacts: _Once[Mapping[str, ArtifactCreateResponse]] = _Once(self._register)
        self.configuration: _Once[ConfigurationCreateResponse] = _Once(self._configure)
        self._started: _Once[tuple[ExecutionCreateResponse, Watch]] = _Once(self._execute)
        self._finished: FinishedExecution | None = None
        self._failure: tuple[float, RunError] | None = None
        self._given_up: AicoreError | None = None

    @property
    def watch(self) -> Watch | None:
        """What is known of the execution, None if it was not started."""
        return self._started.made[1] if self._started.made else None

    @property
    def origin(self) -> Origin:
        """What the results of its execution come from; without id if it was not started."""
        return self.plan.origin("execution", None if self.watch is None else self.watch.execution_id)

    @property
    def made(self) -> FinishedExecution | None:
        """The finished execution, None if its end was not seen."""
        return self._finished

    @property
    def problem(self) -> AicoreError | None:
        """Why it was not started, or its end was not seen; None without such an error."""
        if self._finished is not None:
            return None
        late = self._failure[1] if self._failure else None
        return self.artifacts.failure or self.configuration.failure or self._started.failure or late

    def begin(self) -> Watch:
        """Start the execution now, unless it was started before, and return what is known of it.

        Raises:
            AicoreError: the plan is incomplete, or AI Core refused something.
        """
        return self._started()[1]

    def give_up(self, why: AicoreError) -> None:
        """Begin no further step; a step that has begun is not interrupted.

        Args:
            why: the error of each further step.
        """
        self._given_up = why

    def start(self) -> None:
        """Start the execution when it is its turn.

        Raises:
            AicoreError: the plan is incomplete, or AI Core refused something.
        """
        self._waiter.start(self)

    def finish(self, timeout: float) -> FinishedExecution:
        """Wait until the execution has ended.

        Args:
            timeout: seconds since its start.

        Raises:
            RunError: its final status is not known; later calls get the same error.
        """
        if self._finished is None:
            self.start()
            if self._failure is not None and timeout <= self._failure[0]:
                raise copy_of(self._failure[1])
            try:
                self._waiter.wait(self, timeout)
            except DeadlineError as error:
                # A test with a longer timeout may still see the end of it.
                self._failure = (timeout, error)
                raise
            except RunError as error:
                self._failure = (float("inf"), error)
                raise
            response, watch = self._started()
            self._finished = FinishedExecution(
                watch.last,
                response.message,
                tuple(watch.history),
                self._api,
                self._clock,
                self._no_metrics,
                self._store,
                self.origin,
            )
        self._refuse_late_end(timeout)
        return self._finished

    def _refuse_late_end(self, timeout: float) -> None:
        """Fail a test whose timeout was shorter than the run, although another test waited until its end."""
        _, watch = self._started()
        took = watch.took
        if took > timeout:
            raise LateError(
                f"execution {watch.execution_id} ended {watch.history[-1].status.value}, but {took:g} s after its"
                f" start, and this test gives it {timeout:g} s. A longer training needs a longer timeout: timeout= in"
                " the marker, or --aicore-timeout."
            )

    def _register(self) -> Mapping[str, ArtifactCreateResponse]:
        self.plan.require_complete()
        responses = self._stage(
            ARTIFACTS,
            {},
            lambda _: self._maker.artifacts(),
            lambda made: {name: {"id": response.id, "url": response.url} for name, response in made.items()},
            lambda known: {
                name: self._api.artifact_response(facts["id"], facts["url"]) for name, facts in known.items()
            },
        )
        return Named(responses, "input artifact")

    def _configure(self) -> ConfigurationCreateResponse:
        artifacts = {name: response.id for name, response in self.artifacts().items()}
        return self._stage(
            CONFIGURATION,
            {"name": self._maker.name},
            lambda before: self._maker.configuration(artifacts, before.intent.get("name")),
            lambda made: {"id": made.id},
            lambda known: self._api.configuration_response(known["id"]),
        )

    def _execute(self) -> tuple[ExecutionCreateResponse, Watch]:
        configuration = self.configuration()
        # Only a configuration that is reused can have executions of other runs.
        others = tuple(self._maker.executions(configuration.id)) if self._maker.reuse else ()
        service_began: float | None = None

        def start(before: Stage) -> ExecutionCreateResponse:
            nonlocal service_began
            if before.process is None:  # else another process may have started it earlier
                service_began = self._api.service_now()
            return self._maker.execution(
                configuration.id,
                lambda: {*before.intent.get("others", others), *self.record().executions_of_others()},
                lost_for=before.age(self._clock) if before.process is not None else None,
            )

        response = self._stage(
            EXECUTION,
            {"configuration": configuration.id, "others": others, "reuse": self._maker.reuse},
            start,
            lambda made: {"id": made.id},
            lambda known: self._api.execution_response(known["id"]),
        )
        age = self.record().begun_elsewhere(self._clock) or 0.0
        now, ticks = self._clock.now(), self._clock.monotonic()
        return response, Watch(response.id, now - age, response.status, ticks - age, service_began)

    def _stage(
        self,
        name: str,
        intent: dict[str, Any],
        make: Callable[[Stage], T],
        pack: Callable[[T], dict[str, Any]],
        unpack: Callable[[dict[str, Any]], T],
    ) -> T:
        """Make a stage, or take the result of another process."""
        record = self.record()
        began = self._clock.monotonic()
        while (stage := self._claim(record, name, intent)) is None:
            # Waiting for the start of an execution is ended by `give_up`, not here.
            if name != EXECUTION and self._clock.monotonic() - began > OTHERS_SECONDS:
                raise RunError(
                    f"another process of this session has been creating the {name} of {self.plan.workflow} for"
                    f" {OTHERS_SECONDS:g} s, so nothing was started."
                )
            self._clock.sleep(_OTHERS_PAUSE)
        if stage.result is not None:
            return unpack(stage.result)
        if stage.failure is not None:
            raise RunError(stage.failure)
        try:
            with self.kept():
                made = make(stage)
        except CallError as error:  # other errors, such as the end of the session, leave the intent as it is
            record.failed(name, str(error), in_doubt=error.in_doubt)
            raise
        record.made(name, pack(made))
        return made

    def _claim(self, record: RunRecord, name: str, intent: dict[str, Any]) -> Stage | None:
        if self._given_up is not None:
            raise copy_of(self._given_up)
        return record.claim(name, intent)


class Run:
    """One test's view of a training run. Its stages happen when they are first needed, each once.

    Args:
        plan: the run that this test requests, and the result that it expects.
        training: the training, which other tests may share.
    """

    def __init__(self, plan: TrainingPlan, training: Training) -> None:
        """Take plan and training; nothing is started yet."""
        self.plan = plan
        self.training = training
        self.looked = False

    def __repr__(self) -> str:
        """Return workflow and execution."""
        watch = self.training.watch
        state = f"{watch.execution_id} {watch.history[-1].status.value}" if watch else "not started"
        return f"<Run of {self.plan.workflow}: {state}>"

    @property
    def artifacts(self) -> Mapping[str, ArtifactCreateResponse]:
        """The registered input artifacts by name: the SDK's create responses (`id`, `message`, `url`).

        Raises:
            AicoreError: the plan is incomplete, or AI Core refused one.
        """
        return self.training.artifacts()

    @property
    def artifact(self) -> ArtifactCreateResponse:
        """The registered input artifact of a workflow that has exactly one.

        Raises:
            AicoreError: it has none or several, or AI Core refused it.
        """
        names = [
            artifact.name
            for artifact in self.plan.template.executable.input_artifacts
            if not artifact.optional or artifact.name in self.plan.artifacts
        ]
        if len(names) != 1:
            has = "no input artifact" if not names else f"{len(names)} input artifacts"
            remedy = f" Use aicore_artifacts, for example aicore_artifacts[{names[0]!r}]." if names else ""
            raise RunError(
                f"{self._at}{self.plan.workflow} has {has}, but aicore_artifact needs a workflow with exactly"
                f" one.{remedy}"
            )
        return self.artifacts[names[0]]

    @property
    def configuration(self) -> ConfigurationCreateResponse:
        """The created configuration: the SDK's create response (`id`, `message`).

        Raises:
            AicoreError: the plan is incomplete, or AI Core refused it.
        """
        return self.training.configuration()

    def start(self) -> None:
        """Start the execution without waiting for it.

        Raises:
            AicoreError: the plan is incomplete, or AI Core refused something.
        """
        self.training.start()

    @property
    def execution(self) -> FinishedExecution:
        """The finished execution.

        Raises:
            VerdictError: its final status is not the expected one, or it ended too late.
            RunError: its final status is not known.
        """
        self.looked = True
        finished = self.finished
        if self.plan.expect is not None and finished.status.value != self.plan.expect:
            with suppress(RunError):
                _ = finished.logs  # fetched now, because the report shows their end
            raise VerdictError(self._unexpected(finished))
        return finished

    @property
    def finished(self) -> FinishedExecution:
        """The finished execution, whatever its final status.

        Raises:
            RunError: its final status is not known.
        """
        return self.training.finish(self.plan.timeout)

    @property
    def _at(self) -> str:
        return f"{self.plan.place}: " if self.plan.place else ""

    def _unexpected(self, finished: FinishedExecution) -> str:
        ended = (
            f"{self._at}execution {finished.id} of {self.plan.workflow} ended {finished.status.value},"
            f" expected {self.plan.expect}."
        )
        return "\n".join([ended, *self.failure_lines(finished)])

    def failure_lines(self, finished: FinishedExecution) -> list[str]:
        """Return the lines that tell which steps have failed and why, none if the service says nothing of that.

        Args:
            finished: the execution.
        """
        entry = self.plan.template.entry
        name = entry.name("name") if entry is not None else None
        return list(lines_of_failure(finished.execution.status_details, name or self.plan.template.name))
