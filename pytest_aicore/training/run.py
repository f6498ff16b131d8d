"""One training run, stage by stage: artifacts, configuration, execution. Nothing happens before it is asked for."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from copy import copy
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pytest_aicore.errors import AicoreError, RunError, our_message
from pytest_aicore.training.finished import FinishedExecution, Named
from pytest_aicore.training.ledger import NoLedger
from pytest_aicore.training.watcher import DeadlineError, Watch, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from ai_api_client_sdk.models.artifact_create_response import ArtifactCreateResponse
    from ai_api_client_sdk.models.configuration_create_response import ConfigurationCreateResponse

    from pytest_aicore.training.client import TrainingApi
    from pytest_aicore.training.ledger import Ledger
    from pytest_aicore.training.plan import TrainingPlan
    from pytest_aicore.training.watcher import Clock

T = TypeVar("T")

__tracebackhide__ = our_message

DEFAULT_KIND = "dataset"
"""The kind of an input artifact whose workflow has no annotation artifacts.ai.sap.com/<name>.kind."""
ORIGIN = "pytest-aicore"


class _Once(Generic[T]):
    """A step that happens at most once, whoever asks: its failure is as lasting as its result."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = RLock()
        self._made: list[T] = []
        self._failure: AicoreError | None = None

    @property
    def made(self) -> T | None:
        return self._made[0] if self._made else None

    def __call__(self) -> T:
        with self._lock:
            if self._failure is not None:
                raise _again(self._failure)
            if not self._made:
                try:
                    self._made.append(self._make())
                except AicoreError as error:
                    self._failure = error
                    raise
            return self._made[0]


def _again(error: AicoreError) -> AicoreError:
    """Return the same error for one more who asks: a raised one collects the traceback of everybody who raised it."""
    again = copy(error)
    again.__traceback__ = again.__cause__ = again.__context__ = None
    return again


class Training:
    """What is done on AI Core for one plan. Several runs may look at it.

    Args:
        plan: what is trained.
        api: the service.
        clock: how time passes while somebody waits.
        interval: seconds between two looks at the execution.
        kept: entered around everything that makes something on AI Core.
        ledger: told before an execution is started, and when it has ended.
        number: tells the trainings of a session apart; their ids may not, once the emulator was rolled back.
    """

    def __init__(
        self,
        plan: TrainingPlan,
        api: TrainingApi,
        clock: Clock,
        interval: float,
        kept: Callable[[], AbstractContextManager[object]] = nullcontext,
        ledger: Ledger | None = None,
        number: int = 0,
    ) -> None:
        """Take what is needed; nothing is called yet."""
        self.plan = plan
        self.number = number
        self._api = api
        self._clock = clock
        self._watcher = Watcher(api, clock, interval)
        self._kept = kept
        self._ledger: Ledger = ledger or NoLedger()
        self.artifacts: _Once[Mapping[str, ArtifactCreateResponse]] = _Once(self._register)
        self.configuration: _Once[ConfigurationCreateResponse] = _Once(self._configure)
        self.started: _Once[tuple[Any, Watch]] = _Once(self._start)
        self._finished: FinishedExecution | None = None
        self._failure: tuple[float, RunError] | None = None

    @property
    def watch(self) -> Watch | None:
        """What is known of the execution, None if there is none."""
        return self.started.made[1] if self.started.made else None

    @property
    def made(self) -> FinishedExecution | None:
        """The finished execution, None if nobody has seen it end."""
        return self._finished

    def finish(self, timeout: float) -> FinishedExecution:
        """Wait until the execution has ended.

        Args:
            timeout: seconds since its start.

        Raises:
            RunError: it cannot be told how it ended; whoever asks again gets the same answer.
        """
        response, watch = self.started()
        if self._finished is None:
            if self._failure is not None and timeout <= self._failure[0]:
                raise _again(self._failure[1])
            try:
                with self._kept():
                    self._watcher.wait(watch, timeout)
            except DeadlineError as error:
                # Somebody with more patience may still see the end of it.
                self._failure = (timeout, error)
                raise
            except RunError as error:
                self._failure = (float("inf"), error)
                raise
            self._ledger.write("ended", execution=response.id, status=watch.history[-1].status.value)
            self._finished = FinishedExecution(watch.last, response.message, tuple(watch.history), self._api)
        return self._finished

    def abandon(self) -> None:
        """Stop the execution if it was started and nobody has seen it end.

        What cannot be stopped stays in the ledger without an end.
        """
        watch = self.watch
        if watch is None or self._finished is not None:
            return
        self._ledger.write("stopping", execution=watch.execution_id)
        with suppress(RunError):
            self._api.stop(watch.execution_id)

    def _register(self) -> Mapping[str, ArtifactCreateResponse]:
        self.plan.require_complete()
        executable = self.plan.template.executable
        kinds = {artifact.name: artifact.kind or DEFAULT_KIND for artifact in executable.input_artifacts}
        with self._kept():
            responses = {
                name: self._api.register_artifact(
                    name,
                    kinds[name],
                    url,
                    str(executable.scenario_id),
                    f"input of {executable.id}, registered by {ORIGIN}",
                )
                for name, url in self.plan.artifacts.items()
            }
        return Named(responses, "input artifact")

    def _configure(self) -> ConfigurationCreateResponse:
        artifacts = self.artifacts()
        executable = self.plan.template.executable
        with self._kept():
            return self._api.create_configuration(
                self.plan.name or f"{ORIGIN} {executable.id}",
                str(executable.scenario_id),
                executable.id,
                self.plan.parameters,
                {name: response.id for name, response in artifacts.items()},
            )

    def _start(self) -> tuple[Any, Watch]:
        configuration = self.configuration()
        self._ledger.write(
            "starting",
            configuration=configuration.id,
            executable=self.plan.template.executable.id,
            plan=self.plan.key,
            resource_group=self.plan.resource_group,
            time=self._clock.now(),
        )
        with self._kept():
            response = self._api.start_execution(configuration.id)
            self._ledger.write("started", configuration=configuration.id, execution=response.id)
            return response, Watch(response.id, self._clock.now(), response.status)


class Run:
    """One test's view of a training run. Its stages happen when they are asked for, each once.

    Args:
        plan: what this test asked for and expects.
        training: what is done for it, perhaps for other tests as well.
    """

    def __init__(self, plan: TrainingPlan, training: Training) -> None:
        """Take plan and training; nothing happens yet."""
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
            remedy = f" Ask for aicore_artifacts, for example aicore_artifacts[{names[0]!r}]." if names else ""
            raise RunError(
                f"{self._at}{self.plan.workflow} has {has}, so there is no such thing as its artifact.{remedy}"
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
        self.training.started()

    @property
    def execution(self) -> FinishedExecution:
        """The finished execution.

        Raises:
            RunError: its final status is not the expected one, or there is none.
        """
        self.looked = True
        finished = self.finished
        if self.plan.expect is not None and finished.status.value != self.plan.expect:
            with suppress(RunError):
                _ = finished.logs  # while they can still be had: the report shows their end
            raise RunError(self._unexpected(finished))
        return finished

    @property
    def finished(self) -> FinishedExecution:
        """The finished execution, whatever its final status.

        Raises:
            RunError: there is none.
        """
        return self.training.finish(self.plan.timeout)

    @property
    def _at(self) -> str:
        return f"{self.plan.place}: " if self.plan.place else ""

    def _unexpected(self, finished: FinishedExecution) -> str:
        return (
            f"{self._at}execution {finished.id} of {self.plan.workflow} ended {finished.status.value},"
            f" expected {self.plan.expect}."
        )
