"""Creates artifacts, configuration and execution of a run exactly once, also if answers of AI Core get lost.

A request that was refused unread is repeated, after a search for its result, because a gateway may have refused a
request that it had passed on. A request that AI Core may have carried out, which is every one that AI Core itself did
not refuse, is followed by a search first: for a configuration by its name, which is unique, for an execution by its
configuration, which belongs to this run alone. If an execution cannot be found, it is not started again: the first one
may still appear, and then both would cost money.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from pytest_aicore.errors import our_message
from pytest_aicore.training.plan import ORIGIN
from pytest_aicore.training.service.failures import CallError
from pytest_aicore.training.service.retry import Patience, patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ai_api_client_sdk.models.artifact_create_response import ArtifactCreateResponse
    from ai_api_client_sdk.models.configuration_create_response import ConfigurationCreateResponse
    from ai_api_client_sdk.models.execution_create_response import ExecutionCreateResponse

    from pytest_aicore.training.bound_plan import BoundPlan
    from pytest_aicore.training.clock import Clock
    from pytest_aicore.training.service.api import TrainingApi

__tracebackhide__ = our_message

T = TypeVar("T")

DEFAULT_KIND = "dataset"
"""The kind of an input artifact whose workflow has no annotation artifacts.ai.sap.com/<name>.kind."""
LABEL = f"ext.ai.sap.com/{ORIGIN}"
"""The label of artifacts that pytest-aicore registers. It shows their origin, because artifacts cannot be deleted."""
APPEARING = 15.0
"""Assumed: seconds after its request within which an execution of a killed process appears, if it was started."""
LOOKS = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each search for what AI Core may have created. Assumed: it is listed by the last search."""


class Maker:
    """Creates artifacts, configuration and execution of one plan.

    Args:
        plan: what is trained.
        api: the service.
        clock: measures the time, and waits.
        mark: the part of the configuration's name that makes it unique; None if it need not be unique.
        reuse: whether to reuse artifacts and configurations of pytest-aicore with the same content.

    Attributes:
        name: of the configuration.
        reuse: as given.
    """

    default_kind: ClassVar[str] = DEFAULT_KIND

    def __init__(
        self, plan: BoundPlan, api: TrainingApi, clock: Clock, mark: str | None = None, *, reuse: bool = False
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
            CallError: AI Core refused one, or a request failed.
        """
        kinds = {artifact.name: artifact.kind or self.default_kind for artifact in self._executable.input_artifacts}
        return {name: self._artifact(name, kinds[name], url) for name, url in self._plan.artifacts.items()}

    def _artifact(self, name: str, kind: str, url: str) -> ArtifactCreateResponse:
        scenario_id = str(self._executable.scenario_id)
        labels = {LABEL: str(self._executable.id)}

        def find() -> ArtifactCreateResponse | None:
            return self._api.find_artifact(name, kind, url, scenario_id, labels)

        if self.reuse and (known := patiently(self._clock, find)) is not None:
            return known
        description = f"input of {self._executable.id}, registered by {ORIGIN}"
        return self._with_retries(
            lambda: self._api.register_artifact(name, kind, url, scenario_id, description, labels, find), find
        )

    def configuration(self, artifacts: Mapping[str, str], lost: str | None = None) -> ConfigurationCreateResponse:
        """Create the configuration, and return the answer.

        Args:
            artifacts: artifact id by input name.
            lost: the name of a configuration that may have been created.

        Raises:
            CallError: AI Core refused it, or a request failed.
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

        return self._with_retries(
            lambda: self._api.create_configuration(
                self.name, scenario_id, executable_id, parameters, artifacts, find_ours
            ),
            find_ours,
        )

    def executions(self, configuration_id: str) -> list[str]:
        """Return the ids of the executions that a configuration has, the newest first.

        Raises:
            CallError: the request failed.
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
            others: returns executions of the configuration that belong to other runs.
            lost_for: seconds since a process that has ended was about to start it; None if there was none.

        Raises:
            CallError: AI Core refused, a request failed, or an execution may have been started and cannot be found.
        """
        if lost_for is not None:
            # It is unknown whether the killed process had sent the request, or whether the request may still arrive.
            since = self._clock.monotonic() - lost_for
            while (known := self._search(configuration_id, others)) is None:
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
                known = self._search(configuration_id, others)
                if known is not None:
                    return known
                # An answer 503 with a Retry-After means that the request was not carried out.
                if not (failure.status == 503 and failure.retry_after is not None):
                    raise CallError(
                        f"{failure} No execution of that configuration has appeared since. It was not started again:"
                        " the first one may still appear, and then both would cost money. The ledger has a record of"
                        " it.",
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
            # After each refusal: a search costs less than a second execution.
            if failure.was_refused and (known := find()) is not None:
                return known

    def _search(self, configuration_id: str, others: Callable[[], Collection[str]]) -> ExecutionCreateResponse | None:
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
                f"An execution of the configuration {configuration_id} may have been started, but the search for it"
                f" failed: {error} The ledger has a record of it.",
                error.status,
                transient=error.transient,
                in_doubt=True,
            ) from error
        return self._api.execution_response(found[0]) if found else None

    def _with_retries(self, make: Callable[[], T], find: Callable[[], T | None]) -> T:
        """Create an artifact or a configuration, with retries: a duplicate costs nothing."""
        patience = Patience(self._clock)
        while True:
            try:
                return make()
            except CallError as error:
                failure = error
            if failure.transient:
                patience.wait(failure)
            elif failure.in_doubt:  # a gateway refused a request that it may have passed on
                self._clock.sleep(LOOKS[1])
            else:
                raise failure
            may_be_made = failure.in_doubt or failure.was_refused
            if may_be_made and (found := patiently(self._clock, find)) is not None:
                return found
            if not failure.transient:
                raise failure
