"""The inference door: requests below the URL of a deployment, which its server answers, not AI Core.

The gateway in front of it is AI Core's: it checks token, resource group and path, and cuts its own prefix off. Then the
engine's server answers, or where none runs, what a test has given with `Emulator.answer`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_aicore.emulator.api.call import UnansweredError
from pytest_aicore.emulator.api.passed import Passed
from pytest_aicore.emulator.api.routes import INFERENCE_PATH
from pytest_aicore.emulator.world.catalogue import GLOBAL_SCENARIOS
from pytest_aicore.errors import did_you_mean, listing
from pytest_aicore.http.exchange import Request, Response, empty_response, text_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.emulator.store.protocols import GivenAnswer
    from pytest_aicore.emulator.store.records import Deployment

ENDPOINT = re.compile(r"/v\d+(?:/|\Z)", re.ASCII)
"""How the path of every endpoint of a serving template begins (tutorial "Deploy a model", text and `main.py`)."""
DENIED = "RBAC: access denied"
"""Tutorial "Deploy a model": the answer to a wrong endpoint, token or resource group. For a token that is missing or
wrong, the gateway's 401 as for every other call (assumed)."""
UNKNOWN_STATUS = 404
"""Assumed, as for every path without a route (captured): nothing is recorded of an unknown deployment."""
NOT_RUNNING_STATUS, NOT_RUNNING = 503, "no healthy upstream"
"""Assumed: how Envoy answers for a server that is not there."""
_NOT_PASSED = frozenset({"authorization"})
"""Assumed: Istio does not forward a token that it has checked, by default."""


def pass_on(call: ApiCall) -> Response | Passed:
    """Return the refusal of the gateway, or the request that has passed it.

    Raises:
        UnansweredError: nobody answers it.
    """
    request, group, deployment_id = call.request, call.group, call.parameters["deploymentId"]
    found = call.platform.cluster.find(deployment_id)
    if "ai-resource-group" not in request.headers or (found and found[0].id != group.id):
        return text_response(403, DENIED)
    deployment = group.deployments.get(deployment_id)
    if deployment and deployment.status != "RUNNING":
        call.platform.cluster.poll(group, [deployment])  # so that a client that asks until it is answered gets there
        deployment = group.deployments.get(deployment_id)
    if deployment is None:
        return empty_response(UNKNOWN_STATUS)
    passed = _as_passed(request, len(INFERENCE_PATH) + len(deployment_id))
    if deployment.scenario_id not in GLOBAL_SCENARIOS and not ENDPOINT.match(passed.raw_path):
        return text_response(403, DENIED)
    if not _is_served(deployment):
        return text_response(NOT_RUNNING_STATUS, NOT_RUNNING)
    return Passed(call.platform.cluster.engine.server_of(deployment_id) or _given(call, deployment, passed), passed)


def _as_passed(request: Request, cut: int) -> Request:
    """Return a request as the server gets it: without the beginning of its path and without the token.

    Args:
        request: the request of the client.
        cut: how long the beginning is.
    """
    query = request.url.partition("?")[2]
    headers = {name: value for name, value in request.headers.items() if name not in _NOT_PASSED}
    rest = request.raw_path[cut:] or "/"
    return replace(request, url=f"{rest}?{query}" if query else rest, headers=headers)


def _is_served(deployment: Deployment) -> bool:
    """Return whether a server runs: during an update the previous one does (changelog: no downtime)."""
    if deployment.status == "PENDING":
        return deployment.latest_running_configuration_id is not None
    return deployment.status == "RUNNING"


def _given(call: ApiCall, deployment: Deployment, request: Request) -> Callable[[Request], Response]:
    """Return what a test has given as the answer to a request.

    Raises:
        UnansweredError: it has given none.
    """
    running = call.group.configurations.get(deployment.latest_running_configuration_id or "")
    executable = running.executable_id if running else deployment.executable_id
    answers, report = call.state.answers, call.platform.world.report
    answer = _answer_for(answers, deployment.id, executable, request.method, request.path)
    if answer is not None:
        return lambda passed: answer.response_to(passed, deployment.id, report)
    known = sorted({each.path for each in answers if each.target in (executable, deployment.id)})
    others = f" There are answers for {listing(known)}.{did_you_mean(request.path, known)}" if known else ""
    raise UnansweredError(
        f"{request.method} {request.path} of deployment {deployment.id} ({executable!r}) has no answer: the emulator"
        f" runs no server.{others}",
        f"Give one: aicore_emulator.answer({executable!r}, {request.path!r}, {{...}}).",
    )


def _answer_for(
    answers: Iterable[GivenAnswer], deployment_id: str, executable_id: str, method: str, path: str
) -> GivenAnswer | None:
    """Return the answer to a request: one for its deployment before one for its executable, the latest of equals.

    Args:
        answers: all of them, in the order in which they were given.
        deployment_id: the id of the deployment.
        executable_id: the executable that it runs.
        method: of the request.
        path: of the request, below the URL of the deployment.
    """
    fitting = [each for each in answers if each.path == path and each.method in (None, method)]
    for target in (deployment_id, executable_id):
        for each in reversed(fitting):
            if each.target == target:
                return each
    return None
