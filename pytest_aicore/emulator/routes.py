"""Which call is answered by which handler: a table, each row with the source of its facts.

Operations are named as the SAP SDK's clients name them (`client.execution.query_logs`), because that is what
a test that scripts a fault has before its eyes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pytest_aicore.emulator.handlers import artifacts, configurations, executions, meta, metrics, scenarios

if TYPE_CHECKING:
    from pytest_aicore.emulator.call import Handler

TOKEN = "token"  # noqa: S105
TOKEN_PATH = "/oauth/token"  # noqa: S105
ROOTS = ("/v2/lm/", "/v2/admin/", "/v2/analytics/", "/v2/inference/")
"""Everything else is no base path of the service: the gateway answers an empty 404 (captured)."""


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API.

    Args:
        method: upper case.
        path: with `{parameter}`s.
        operation: what faults and the request log call it.
        handler: who answers it.
        source: where its facts come from: the specification, documentation, captured, SDK, assumed.
    """

    method: str
    path: str
    operation: str
    handler: Handler
    source: str

    @property
    def signature(self) -> str:
        """`GET /v2/lm/executions/{executionId}`."""
        return f"{self.method} {self.path}"


_LM = "/v2/lm"
_EXECUTABLES = f"{_LM}/scenarios/{{scenarioId}}/executables"

ROUTES = (
    Route("GET", f"{_LM}/scenarios", "scenario.query", scenarios.query, "specification, captured"),
    Route(
        "GET",
        f"{_LM}/scenarios/{{scenarioId}}",
        "scenario.get",
        scenarios.get,
        "specification; 404 code assumed",
    ),
    Route(
        "GET",
        f"{_LM}/scenarios/{{scenarioId}}/versions",
        "scenario.query_versions",
        scenarios.query_versions,
        "specification, captured; one entry per distinct version assumed",
    ),
    Route("GET", _EXECUTABLES, "executable.query", scenarios.query_executables, "specification, captured"),
    Route(
        "GET",
        f"{_EXECUTABLES}/{{executableId}}",
        "executable.get",
        scenarios.get_executable,
        "specification, captured; 404 code assumed",
    ),
    Route("GET", f"{_LM}/artifacts", "artifact.query", artifacts.query, "specification, captured, SDK tests"),
    Route("POST", f"{_LM}/artifacts", "artifact.create", artifacts.create, "specification, captured"),
    Route("GET", f"{_LM}/artifacts/$count", "artifact.count", artifacts.count, "specification"),
    Route(
        "GET",
        f"{_LM}/artifacts/{{artifactId}}",
        "artifact.get",
        artifacts.get,
        "specification; 404 code assumed",
    ),
    Route(
        "GET",
        f"{_LM}/configurations",
        "configuration.query",
        configurations.query,
        "specification, SDK tests",
    ),
    Route(
        "POST",
        f"{_LM}/configurations",
        "configuration.create",
        configurations.create,
        "specification, captured; refusal documented, its code assumed",
    ),
    Route("GET", f"{_LM}/configurations/$count", "configuration.count", configurations.count, "specification"),
    Route(
        "GET",
        f"{_LM}/configurations/{{configurationId}}",
        "configuration.get",
        configurations.get,
        "specification; 404 code assumed",
    ),
    Route("GET", f"{_LM}/executions", "execution.query", executions.query, "specification, captured"),
    Route(
        "POST",
        f"{_LM}/executions",
        "execution.create",
        executions.create,
        "captured; refusals assumed",
    ),
    Route(
        "PATCH",
        f"{_LM}/executions",
        "execution.bulk_modify",
        executions.modify_many,
        "specification, SDK tests; refusal of another content type assumed to be a 400",
    ),
    Route("GET", f"{_LM}/executions/$count", "execution.count", executions.count, "specification"),
    Route("GET", f"{_LM}/executions/{{executionId}}", "execution.get", executions.get, "captured"),
    Route(
        "PATCH",
        f"{_LM}/executions/{{executionId}}",
        "execution.modify",
        executions.modify,
        "captured; status of an illegal change assumed",
    ),
    Route(
        "DELETE",
        f"{_LM}/executions/{{executionId}}",
        "execution.delete",
        executions.delete,
        "captured; that it is gone at once assumed",
    ),
    Route("GET", f"{_LM}/executions/{{executionId}}/logs", "execution.query_logs", executions.logs, "captured"),
    Route("GET", f"{_LM}/metrics", "metrics.query", metrics.find, "specification, documentation, SDK tests"),
    Route("PATCH", f"{_LM}/metrics", "metrics.modify", metrics.patch, "specification, documentation, SDK tests"),
    Route("DELETE", f"{_LM}/metrics", "metrics.delete", metrics.delete, "specification, documentation"),
    Route("GET", f"{_LM}/meta", "meta.get", meta.get, "documentation, SDK tests"),
    Route("GET", f"{_LM}/meta/versions", "meta.get_versions", meta.get_versions, "SDK"),
    Route("GET", f"{_LM}/healthz", "healthz.get", meta.healthz, "SDK"),
)

NEEDS_NO_GROUP = frozenset({"meta.get", "meta.get_versions", "healthz.get"})
"""The specification declares the header `AI-Resource-Group` for every other call of the AI API."""


@dataclass(slots=True)
class _Branch:
    """One segment of the paths, with what may follow it."""

    literal: dict[str, _Branch] = field(default_factory=dict)
    variable: tuple[str, _Branch] | None = None
    methods: dict[str, Route] = field(default_factory=dict)


class RouteTable:
    """Finds the route of a request by walking its path once."""

    def __init__(self, routes: tuple[Route, ...] = ROUTES) -> None:
        self.operations = {route.operation: route for route in routes}
        self.signatures = {route.signature: route.operation for route in routes}
        self._root = _Branch()
        for route in routes:
            branch = self._root
            for segment in route.path.split("/"):
                if segment.startswith("{"):
                    if branch.variable is None:
                        branch.variable = (segment[1:-1], _Branch())
                    branch = branch.variable[1]
                else:
                    branch = branch.literal.setdefault(segment, _Branch())
            branch.methods[route.method] = route

    def find(self, method: str, path: str) -> tuple[Route | None, dict[str, str], tuple[str, ...]]:
        """Return the route, the path's parameters, and the methods that the path has if this is none of them.

        Args:
            method: upper case.
            path: as sent; a percent-encoded slash does not divide segments.
        """
        branch = self._root
        parameters: dict[str, str] = {}
        for sent in path.split("/"):
            segment = unquote(sent) if "%" in sent else sent
            following = branch.literal.get(segment)
            if following is None:
                if branch.variable is None:
                    return None, {}, ()
                name, following = branch.variable
                parameters[name] = segment
            branch = following
        route = branch.methods.get(method)
        return route, parameters, () if route else tuple(sorted(branch.methods))
