"""Creates artifacts, configuration and deployment of a plan, each exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pytest_aicore.deployment.from_run import RunArtifact
from pytest_aicore.training.maker import Maker

if TYPE_CHECKING:
    from ai_api_client_sdk.models.artifact_create_response import ArtifactCreateResponse

    from pytest_aicore.deployment.plan import DeploymentPlan
    from pytest_aicore.training.clock import Clock
    from pytest_aicore.training.service.deployment_api import DeploymentApi


class Playing(Protocol):
    """Where no server runs, what answers in its place."""

    def answer(self, target: Any, path: str, response: Any, *, place: str = "") -> object:
        """Give what a deployment answers to requests for a path."""
        ...


class DeploymentMaker(Maker):
    """Creates artifacts, configuration and deployment of one plan.

    Args:
        plan: what is deployed.
        api: the service.
        clock: measures the time, and waits.
        playing: what answers where no server runs, None where one does.
        mark: the part of the configuration's name that makes it unique; None if it need not be unique.
        reuse: whether to reuse artifacts and configurations of pytest-aicore with the same content.
    """

    default_kind: ClassVar[str] = "model"

    def __init__(
        self,
        plan: DeploymentPlan,
        api: DeploymentApi,
        clock: Clock,
        playing: Playing | None = None,
        mark: str | None = None,
        *,
        reuse: bool = False,
    ) -> None:
        super().__init__(plan, api, clock, mark, reuse=reuse)
        self._answers, self._place = plan.answers, plan.place
        self._playing = playing

    def _artifact(self, name: str, kind: str, url: str) -> ArtifactCreateResponse:
        if isinstance(url, RunArtifact):
            return self._api.artifact_response(url.id, str(url))
        return super()._artifact(name, kind, url)

    def execution(self, *arguments: Any, **how: Any) -> Any:
        """Start the deployment, and return the answer.

        Args:
            arguments: as for an execution.
            how: as for an execution.

        Raises:
            AicoreError: AI Core refused, a request failed, or an answer cannot be played.
        """
        created = super().execution(*arguments, **how)
        if self._playing is not None:
            for path, response in self._answers.items():
                self._playing.answer(created.id, path, response, place=self._place)
        return created
