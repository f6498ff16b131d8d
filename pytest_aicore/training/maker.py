"""Makes what a run consists of, once, also when answers of AI Core get lost.

What AI Core has not looked at is asked for again, after a look: that a request was refused is the word of whoever
answered. What it may have done, and that is so unless AI Core itself refuses it, is looked for before anything else: a
configuration by its name, which no other one has, an execution by its configuration, which is of this run alone. An
execution that cannot be found is not started again, because it may still appear, and would then be paid for twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pytest_aicore.errors import our_message
from pytest_aicore.training.plan import ORIGIN
from pytest_aicore.training.service.failures import CallError
from pytest_aicore.training.service.retry import Patience, patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ai_api_client_sdk.models.artifact_create_response import ArtifactCreateResponse
    from ai_api_client_sdk.models.configuration_create_response import ConfigurationCreateResponse
    from ai_api_client_sdk.models.execution_create_response import ExecutionCreateResponse

    from pytest_aicore.training.clock import Clock
    from pytest_aicore.training.plan import TrainingPlan
    from pytest_aicore.training.service.api import TrainingApi

__tracebackhide__ = our_message

T = TypeVar("T")

DEFAULT_KIND = "dataset"
"""The kind of an input artifact whose workflow has no annotation artifacts.ai.sap.com/<name>.kind."""
LABEL = f"ext.ai.sap.com/{ORIGIN}"
"""The label of the artifacts that we register: they cannot be deleted, so they say where they come from."""
APPEARING = 15.0
"""Assumed: so many seconds after it was asked for, an execution of a process that was killed shows or never will."""
LOOKS = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each look for what AI Core may have made. Assumed: by then it shows what it has made."""


class Maker:
    """Makes artifacts, configuration and execution of one plan.

    Args:
        plan: what is trained.
        api: the service.
        clock: how time passes.
        mark: what makes the configuration's name one that no other has; None if that does not matter.
        reuse: whether artifacts and configurations of ours with the same content are taken instead of new ones.

    Attributes:
        name: of the configuration.
        reuse: as given.
    """

    def __init__(
        self, plan: TrainingPlan, api: TrainingApi, clock: Clock, mark: str | None = None, *, reuse: bool = False
    ) -> None:
        self._plan = plan
        self._api = api
        self._clock = clock
        self._executable = plan.template.executable
        self._is_unique = mark is not None and plan.name is None
        name = f"{ORIGIN} {self._executable.id}"
        self.name = plan.name or (name if mark is None else f"{name} {mark}")
        self.reuse = reuse

    def artifacts(self) -> dict[str, ArtifactCreateResponse]:
        """Register the input artifacts, and return the answers by input name.

        Raises:
            CallError: AI Core refused one, or could not be asked.
        """
        kinds = {artifact.name: artifact.kind or DEFAULT_KIND for artifact in self._executable.input_artifacts}
        return {name: self._artifact(name, kinds[name], url) for name, url in self._plan.artifacts.items()}

    def _artifact(self, name: str, kind: str, url: str) -> ArtifactCreateResponse:
        scenario_id = str(self._executable.scenario_id)
        labels = {LABEL: str(self._executable.id)}

        def find() -> ArtifactCreateResponse | None:
            return self._api.find_artifact(name, kind, url, scenario_id, labels)

        if self.reuse and (known := patiently(self._clock, find)) is not None:
            return known
        description = f"input of {self._executable.id}, registered by {ORIGIN}"
        return self._again(
            lambda: self._api.register_artifact(name, kind, url, scenario_id, description, labels, find), find
        )

    def configuration(self, artifacts: Mapping[str, str], lost: str | None = None) -> ConfigurationCreateResponse:
        """Create the configuration, and return the answer.

        Args:
            artifacts: artifact id by input name.
            lost: the name of a configuration that may have been created.

        Raises:
            CallError: AI Core refused it, or could not be asked.
        """
        scenario_id, executable_id = str(self._executable.scenario_id), self._executable.id
        parameters = self._plan.parameters

        def find(name: str | None) -> ConfigurationCreateResponse | None:
            return self._api.find_configuration(scenario_id, executable_id, parameters, artifacts, name)

        if lost is not None and self._is_unique and (known := patiently(self._clock, lambda: find(lost))) is not None:
            return known
        if self.reuse and (known := patiently(self._clock, lambda: find(self._plan.name))) is not None:
            return known

        def find_ours() -> ConfigurationCreateResponse | None:
            return find(self.name) if self._is_unique else None

        return self._again(
            lambda: self._api.create_configuration(
                self.name, scenario_id, executable_id, parameters, artifacts, find_ours
            ),
            find_ours,
        )

    def executions(self, configuration_id: str) -> list[str]:
        """Return the ids of the executions that a configuration has, the newest first.

        Raises:
            CallError: AI Core could not be asked.
        """
        return patiently(self._clock, lambda: self._api.executions_of(configuration_id))

    def execution(
        self,
        configuration_id: str,
        others: Callable[[], Collection[str]] = tuple,
        *,
        lost_for: float | None = None,
    ) -> ExecutionCreateResponse:
        """Start the execution, and return the answer.

        Args:
            configuration_id: of the run.
            others: returns executions of the configuration that are not of this run.
            lost_for: seconds since somebody was about to start it who has ended since; None if nobody was.

        Raises:
            CallError: AI Core refused, could not be asked, or may have started an execution that cannot be found.
        """
        if lost_for is not None:
            # Who was killed cannot say whether it had asked at all, or whether its request is still on its way.
            since = self._clock.monotonic() - lost_for
            while (known := self._look_for(configuration_id, others)) is None:
                if self._clock.monotonic() - since > APPEARING:
                    break
            else:
                return known

        def find() -> ExecutionCreateResponse | None:
            return self._find(configuration_id, others)

        patience = Patience(self._clock)
        while True:
            try:
                return self._api.start_execution(configuration_id, find)
            except CallError as error:
                failure = error
            if failure.in_doubt:
                known = self._look_for(configuration_id, others)
                if known is not None:
                    return known
                # Whoever names a time to come again has not taken the request.
                if not (failure.status == 503 and failure.retry_after is not None):
                    raise CallError(
                        f"{failure} No execution of that configuration has appeared since. It was not started again:"
                        " the lost one may still appear, and would be paid for twice. The ledger remembers it.",
                        failure.status,
                        transient=failure.transient,
                        in_doubt=True,
                    ) from failure
            try:
                patience.wait(failure)
            except CallError:
                if failure.transient and failure.was_refused and (known := find()) is not None:
                    return known
                raise
            # Whatever the refusal says, a look costs less than a second execution.
            if failure.was_refused and (known := find()) is not None:
                return known

    def _look_for(self, configuration_id: str, others: Callable[[], Collection[str]]) -> ExecutionCreateResponse | None:
        for pause in LOOKS:
            self._clock.sleep(pause)
            if (known := self._find(configuration_id, others)) is not None:
                return known
        return None

    def _find(self, configuration_id: str, others: Callable[[], Collection[str]]) -> ExecutionCreateResponse | None:
        try:
            found = [each for each in self.executions(configuration_id) if each not in others()]
        except CallError as error:
            raise CallError(
                f"An execution of the configuration {configuration_id} may have been started, and cannot be looked"
                f" for: {error} The ledger remembers it.",
                error.status,
                transient=error.transient,
                in_doubt=True,
            ) from error
        return self._api.execution_response(found[0]) if found else None

    def _again(self, make: Callable[[], T], find: Callable[[], T | None]) -> T:
        """Make something that costs nothing until it is made."""
        patience = Patience(self._clock)
        while True:
            try:
                return make()
            except CallError as error:
                failure = error
            if failure.transient:
                patience.wait(failure)
            elif failure.in_doubt:  # a gateway refused what it may have passed on
                self._clock.sleep(LOOKS[1])
            else:
                raise failure
            may_be_made = failure.in_doubt or failure.was_refused
            if may_be_made and (found := patiently(self._clock, find)) is not None:
                return found
            if not failure.transient:
                raise failure
