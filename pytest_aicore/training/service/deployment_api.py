"""The calls of a deployment: those of a training, for deployments, and requests to the deployment itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pytest_aicore.training.service.api import TrainingApi, with_id
from pytest_aicore.training.service.sdk import sdk, sdk_module

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests
    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client


REQUEST_SECONDS = 300.0
"""Seconds without an answer, or a piece of it, after which a request fails: the usual limit of Knative, on which AI
Core's deployments run (assumed)."""
_UNAUTHORIZED = 401


class DeploymentApi(TrainingApi):
    """The calls that deployments need; where a training has its execution, a deployment has itself.

    Args:
        connect: makes the client.
        ttl: the time to live of the deployments that it starts, None for none.
        net: the same where `ttl` is None and the tenant allows one: a safety net for what is never stopped.
    """

    what: ClassVar[str] = "deployment"

    def __init__(self, connect: Callable[[], AIAPIV2Client], ttl: str | None = None, net: str | None = None) -> None:
        super().__init__(connect)
        self._ttl = ttl
        self._net = net

    def start_execution(self, configuration_id: str, find: Callable[[], Any] = lambda: None) -> Any:
        """Start a deployment and return the SDK's create response.

        Args:
            configuration_id: what is deployed.
            find: searches for it before it is started a second time.
        """
        return self._call(
            f"deploy the configuration {configuration_id}",
            lambda client: with_id(client.deployment.create(configuration_id, **self._how(client))),
            find,
        )

    def _how(self, client: AIAPIV2Client) -> dict[str, Any]:
        if self._ttl is None and self._net is not None and _allows_ttl(client):
            self._ttl = self._net
        return {} if self._ttl is None else {"ttl": self._ttl}

    def execution_response(self, execution_id: str) -> Any:
        """Return the answer to the start of a deployment that exists."""
        response = sdk_module("models.deployment_create_response").DeploymentCreateResponse
        return response(
            id=execution_id, message="Deployment scheduled.", deployment_url="", status=sdk("Status").UNKNOWN
        )

    def update(self, deployment_id: str, configuration_id: str) -> None:
        """Give a deployment another configuration.

        Args:
            deployment_id: of the deployment.
            configuration_id: of the configuration.
        """
        self._call(
            f"update the deployment {deployment_id}",
            lambda client: client.deployment.modify(deployment_id, configuration_id=configuration_id),
        )

    def send(self, method: str, url: str, **how: Any) -> requests.Response:
        """Send a request to a deployment, and return its answer, whatever that is.

        Args:
            method: of the request.
            url: below that of the deployment.
            how: further arguments of `requests.request`.

        Raises:
            requests.RequestException: there is no answer.
        """
        client = self._connected(None)
        answer = _sent(client, method, url, how)
        if answer.status_code == _UNAUTHORIZED:  # the token may have expired
            answer.close()
            answer = _sent(self._connected(client), method, url, how)
        return answer


def _allows_ttl(client: AIAPIV2Client) -> bool:
    """Return whether the tenant's deployments may have a time to live: `GET /v2/lm/meta` of the specification."""
    try:
        its = client.rest_client.get(path="/meta")["ai_api"]["capabilities"]
        return its.get("time_to_live_deployments") is True
    except Exception:  # whatever the SDK raises: then there is no net
        return False


def _sent(client: AIAPIV2Client, method: str, url: str, how: Mapping[str, Any]) -> requests.Response:
    import requests

    rest = client.rest_client
    headers = {**rest.headers, "Authorization": rest.get_token(), **(how.get("headers") or {})}
    rest_of_how = {name: value for name, value in how.items() if name not in ("headers", "timeout")}
    timeout = how.get("timeout", REQUEST_SECONDS)
    return requests.request(method, url, headers=headers, timeout=timeout, **rest_of_how)
