"""What deployments answer where no server runs: `Emulator.answer` gives it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.api.handlers.inference import ENDPOINT
from pytest_aicore.emulator.control.caller import raised_at
from pytest_aicore.emulator.control.shapes import ShapeError
from pytest_aicore.emulator.store.records import Deployment
from pytest_aicore.emulator.world.catalogue import GLOBAL_SCENARIOS
from pytest_aicore.errors import EmulatorError, did_you_mean, listing
from pytest_aicore.http.exchange import GATEWAY, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_aicore.emulator.store.state import State
    from pytest_aicore.http.exchange import Request

_METHOD = re.compile(r"[A-Z]+\Z")
_FORMS = "expected JSON content, a text, bytes, or a tuple (content, status) or (content, status, headers)"


@dataclass(frozen=True)
class InferenceRequest:
    """A request as the server of a deployment gets it.

    Attributes:
        deployment_id: the id of the deployment.
        method: upper case.
        path: below the URL of the deployment, for example `/v2/predict`, without query.
        query: the last value of each query parameter.
        headers: by name in lower case; the token is not among them.
        body: as sent.
    """

    deployment_id: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @cached_property
    def json(self) -> Any:
        """The body as JSON content.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.body)


@dataclass(frozen=True, eq=False)
class Answer:
    """What deployments answer to requests for a path. Made by `Emulator.answer`.

    Attributes:
        target: the id of an executable or of a deployment.
        path: below the URL of a deployment, without query.
        method: the only method that it is for; None for all.
        response: content, or a function that returns it.
        place: where it was given.
    """

    target: str
    path: str
    method: str | None
    response: Any
    place: str

    def __post_init__(self) -> None:
        if not (isinstance(self.path, str) and self.path.startswith("/") and "?" not in self.path):
            raise self._wrong(
                f"invalid path={self.path!r}: expected the path below the URL of the deployment, without query, for"
                " example '/v1/predict'."
            )
        if self.method is not None and not (isinstance(self.method, str) and _METHOD.match(self.method)):
            raise self._wrong(f"invalid method={self.method!r}: expected an HTTP method in upper case; None means all.")
        if not callable(self.response):
            try:
                object.__setattr__(self, "response", response_of(self.response))
            except ShapeError as error:
                raise self._wrong(f"invalid response={error}") from None

    def _wrong(self, why: str) -> EmulatorError:
        return EmulatorError(f"{self.place}: answer: {why}")

    def response_to(self, request: Request, deployment_id: str, report: Callable[[str], None]) -> Response:
        """Return the response to a request.

        Args:
            request: with the path below the URL of the deployment.
            deployment_id: the id of the deployment.
            report: gets why the function failed: the client gets the 500 of a server whose code fails.
        """
        if isinstance(self.response, Response):
            return self.response
        asked = InferenceRequest(
            deployment_id, request.method, request.path, request.query, request.headers, request.whole_body()
        )
        try:
            return response_of(self.response(asked))
        except ShapeError as error:
            what = f"it returned {error}"
        except Exception as error:  # whatever the test's own function raises
            raised = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            inside = raised_at(error)
            what = f"{raised} ({inside})." if inside else f"{raised}."
        report(
            f"{self.place}: answer: response= failed for {request.method} {request.path} of deployment {deployment_id}:"
            f" {what} The client got HTTP 500."
        )
        return _written(b"Internal Server Error", "text/plain", 500, {})


def response_of(value: Any) -> Response:
    """Return a response of given content, with which a view of Flask could answer.

    Args:
        value: JSON content, a text, bytes, or a tuple of one of these with the HTTP status and headers.

    Raises:
        ShapeError: it is something else.
    """
    content, status, headers = value, 200, {}
    if isinstance(value, tuple):
        if not 2 <= len(value) <= 3:
            raise ShapeError(f"{value!r}: {_FORMS}.")
        content, status, headers = value if len(value) == 3 else (*value, {})
        if not (isinstance(status, int) and not isinstance(status, bool) and 200 <= status <= 599):
            raise ShapeError(f"{value!r}: expected an HTTP status from 200 to 599 as second element.")
        if not (isinstance(headers, dict) and all(isinstance(each, str) for pair in headers.items() for each in pair)):
            raise ShapeError(f"{value!r}: expected headers, texts by name, as third element.")
    if isinstance(content, bytes):
        return _written(content, "application/octet-stream", status, headers)
    if isinstance(content, str):
        return _written(content.encode(), "text/plain; charset=utf-8", status, headers)
    try:
        return _written(json.dumps(content).encode(), "application/json", status, headers)
    except (TypeError, ValueError, RecursionError) as error:
        raise ShapeError(f"{value!r}: {_FORMS} ({error}).") from None


def _written(body: bytes, content_type: str, status: int, headers: Mapping[str, str]) -> Response:
    given = {name.lower(): value for name, value in headers.items()}
    return Response(status, {"content-type": content_type, **GATEWAY, **given}, body)


def refuse_stranger(answer: Answer, state: State) -> None:
    """Refuse an answer that no request can get.

    Args:
        answer: the answer.
        state: the state with the executables and deployments.

    Raises:
        EmulatorError: unknown target, one that is not deployed, or a path that the gateway passes on to none.
    """
    deployment = state.find_record(answer.target) if isinstance(answer.target, str) else None
    executable_id = deployment.executable_id if isinstance(deployment, Deployment) else answer.target
    published = state.find_published(executable_id) if isinstance(executable_id, str) else None
    if published is None:
        deployable = sorted(name for name, each in state.published.items() if each.executable.deployable)
        raise EmulatorError(
            f"{answer.place}: answer: unknown executable or deployment {answer.target!r}."
            f"{did_you_mean(str(answer.target), deployable)} Executables that can be deployed: {listing(deployable)}."
        )
    if not published.executable.deployable:
        raise EmulatorError(
            f"{answer.place}: answer: {executable_id!r} is a training, which answers no requests: name the executable"
            " of a ServingTemplate."
        )
    if published.executable.scenario_id not in GLOBAL_SCENARIOS and not ENDPOINT.match(answer.path):
        raise EmulatorError(
            f"{answer.place}: answer: AI Core passes {answer.path!r} on to no deployment (HTTP 403): the path of an"
            f" endpoint must begin with /v and a number, for example '/v1{answer.path}'."
        )
