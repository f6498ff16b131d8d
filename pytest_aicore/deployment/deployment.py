"""Deployment: what a test holds, and asks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_aicore.deployment.answers import Answer, PredictionError
from pytest_aicore.deployment.plan import ENDPOINT
from pytest_aicore.errors import PlanError, our_message

if TYPE_CHECKING:
    import requests
    from ai_api_client_sdk.models.configuration_create_response import ConfigurationCreateResponse
    from ai_api_client_sdk.models.status import Status

    from pytest_aicore.baselines.origin import Origin
    from pytest_aicore.deployment.plan import DeploymentPlan
    from pytest_aicore.deployment.serving import Readiness, Serving
    from pytest_aicore.training.finished import LogLine
    from pytest_aicore.training.watcher import Seen

__tracebackhide__ = our_message

DENIED, SERVER_ERROR = 403, 500


class Deployment:
    """One test's view of a deployment that runs and answers.

    Args:
        plan: what the test asks for.
        serving: the deployment, which other tests may share.
    """

    def __init__(self, plan: DeploymentPlan, serving: Serving) -> None:
        """Take plan and deployment; nothing is asked yet."""
        self.plan = plan
        self._serving = serving

    def __repr__(self) -> str:
        """Return id and status."""
        return f"<Deployment {self.id} {self.history[-1].status.value}>"

    @property
    def id(self) -> str:
        """Its id."""
        return self._serving.watch.execution_id

    @property
    def origin(self) -> Origin:
        """What its answers come from: the deployment, its executable, parameters and artifacts."""
        return self.plan.origin("deployment", self.id)

    @property
    def url(self) -> str:
        """The URL below which it answers, without trailing slash; it stays the same in an update."""
        return self._serving.url

    @property
    def status(self) -> Status:
        """Its status now, the SDK's `Status`."""
        self._serving.poll()
        return self.history[-1].status

    @property
    def history(self) -> tuple[Seen, ...]:
        """Each status with the time at which it was first seen (`status`, `time`), oldest first."""
        return tuple(self._serving.watch.history)

    @property
    def deployment(self) -> Any:
        """The SDK's `Deployment`, as it was last seen."""
        return self._serving.deployment

    @property
    def configuration(self) -> ConfigurationCreateResponse:
        """Its configuration: the SDK's create response (`id`, `message`)."""
        return self._serving.api.configuration_response(self._serving.configuration_id)

    @property
    def logs(self) -> list[LogLine]:
        """Its log lines so far, oldest first, each with its `timestamp`."""
        return self._serving.logs()

    @property
    def readiness(self) -> Readiness:
        """When it came to answer, in seconds since its creation: `.running .listening .answered .retried`."""
        return self._serving.readiness

    def predict(self, json: Any, path: str | None = None, **how: Any) -> Any:
        """Post JSON content, and return the content of the answer: JSON if it says so, else its text.

        Args:
            json: the content.
            path: below its URL; that of `predict=` in the marker if left out.
            how: further arguments of `requests.request`, for example `timeout` in seconds.

        Raises:
            PredictionError: the status is not 2xx, or the answer is not what it says it is.
            VerdictError: there is no answer.
        """
        where = self.plan.predict if path is None else path
        if where is None:
            raise PlanError("predict: where to? Give predict='/v1/...' in the marker, or path= in the call.")
        answer = self._serving.ask("POST", _endpoint(where), self.plan.timeout, json=json, **how)
        if answer.status >= SERVER_ERROR:
            what = f"is {self.status.value}, and {answer.asked} was answered {answer.status}: {answer.shown}"
            raise PredictionError(self._serving.failed(what))
        if not answer.is_good:
            raise PredictionError(
                f"deployment {self.id} of {self.plan.workflow}: {answer.asked} was answered {answer.status}:"
                f" {answer.shown}{_hint(answer, where)}"
            )
        return answer.content

    def get(self, path: str, **how: Any) -> requests.Response:
        """Send a GET request with token and resource group, and return the `requests.Response`, whatever it is.

        Args:
            path: below its URL.
            how: further arguments of `requests.request`.
        """
        return self.request("GET", path, **how)

    def post(self, path: str, **how: Any) -> requests.Response:
        """Send a POST request with token and resource group, and return the `requests.Response`, whatever it is.

        Args:
            path: below its URL.
            how: further arguments of `requests.request`, for example `json`, `data` or `stream`.
        """
        return self.request("POST", path, **how)

    def request(self, method: str, path: str, **how: Any) -> requests.Response:
        """Send a request with token and resource group, and return the `requests.Response`, whatever it is.

        Args:
            method: of the request.
            path: below its URL.
            how: further arguments of `requests.request`.

        Raises:
            VerdictError: there is no answer.
        """
        response: requests.Response = self._serving.send(method, _endpoint(path), self.plan.timeout, **how)
        return response

    def update(self, **changes: Any) -> None:
        """Give it another configuration, and wait until that runs and answers rightly; id and URL stay.

        Args:
            changes: of the plan: `parameters`, `artifacts`, or the `template` of another executable.

        Raises:
            PlanError: it is shared, or the changes do not fit.
            AicoreError: AI Core refuses them, or it does not return to RUNNING.
        """
        if not self.plan.fresh:
            raise PlanError(
                f"deployment {self.id} of {self.plan.workflow} is shared with other tests of this session, which an"
                " update would surprise. Give fresh=True in the marker, or to aicore_deploy."
            )
        plan = replace(self.plan, **changes)
        self._serving.update(plan)
        self.plan = plan


def serving_of(deployment: Deployment) -> Serving:
    """Return what a deployment is made of, for the reports.

    Args:
        deployment: as tests have it.
    """
    return deployment._serving  # noqa: SLF001  not for tests


def _endpoint(path: object) -> str:
    """Return a path that can be appended to the URL.

    Raises:
        PlanError: it would lead to another deployment or host.
    """
    if not (isinstance(path, str) and path.startswith("/")):
        raise PlanError(f"path={path!r}: expected a path below the URL of the deployment, such as '/v1/predict'.")
    return path


def _hint(answer: Answer, path: str) -> str:
    if answer.status == DENIED and not ENDPOINT.match(path):
        return " AI Core passes on only paths that begin with /v and a number."
    return ""
