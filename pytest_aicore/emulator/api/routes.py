"""The route table: each call with its handler and the source of its facts.

Operations are named as in the SAP SDK's clients (`client.execution.query_logs`), because tests that inject a fault use
these names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pytest_aicore.errors import nearest

if TYPE_CHECKING:
    from pytest_aicore.emulator.api.call import ApiCall, Handler
    from pytest_aicore.emulator.api.passed import Passed
    from pytest_aicore.http.exchange import Response

TOKEN = "token"  # noqa: S105
INFERENCE = "inference"
INFERENCE_PATH = "/v2/inference/deployments/"
"""Where the URLs of deployments begin: what is below one is its server's, whatever the method."""
ROOTS = ("/v2/lm/", "/v2/admin/", "/v2/analytics/", "/v2/inference/", "/api/v1/")
"""The base paths of the service: to all others the gateway answers an empty 404 (captured)."""


class _Handlers:
    """The handlers of one module, which is imported when the first of them is called: few tests need them all."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Handler:
        """Return a handler by its name."""
        return partial(_handled, self._module, name)


def _handled(module: str, name: str, call: ApiCall) -> Response | Passed:
    return _handler(module, name)(call)


@lru_cache(maxsize=256)
def _handler(module: str, name: str) -> Handler:
    handler: Handler = getattr(import_module(f"pytest_aicore.emulator.api.handlers.{module}"), name)
    return handler


applications = _Handlers("applications")
artifacts = _Handlers("artifacts")
configurations = _Handlers("configurations")
datasets = _Handlers("datasets")
deployments = _Handlers("deployments")
docker_registry_secrets = _Handlers("docker_registry_secrets")
executions = _Handlers("executions")
inference = _Handlers("inference")
meta = _Handlers("meta")
metrics = _Handlers("metrics")
object_store_secrets = _Handlers("object_store_secrets")
repositories = _Handlers("repositories")
resource_groups = _Handlers("resource_groups")
scenarios = _Handlers("scenarios")
schedules = _Handlers("schedules")
secrets = _Handlers("secrets")
tenant = _Handlers("tenant")


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API.

    Args:
        method: upper case.
        path: with `{parameter}`s.
        operation: the name in faults and in the request log.
        handler: answers it.
        source: the sources of its facts: the specification, documentation, captured, SDK, assumed.
        needs_token: whether the gateway requires a token; False for calls from inside the cluster.
        needs_group: whether the header `AI-Resource-Group` must name an existing resource group.
    """

    method: str
    path: str
    operation: str
    handler: Handler
    source: str
    needs_token: bool = True
    needs_group: bool = True

    @property
    def signature(self) -> str:
        """`GET /v2/lm/executions/{executionId}`."""
        return f"{self.method} {self.path}"

    @property
    def carries_secrets(self) -> bool:
        """Whether request bodies contain secrets, which must not be kept."""
        return self.path.startswith(_WITH_SECRETS)


_LM = "/v2/lm"
_EXECUTABLES = f"{_LM}/scenarios/{{scenarioId}}/executables"
_ADMIN = "/v2/admin"
TRACKING_PATH = "/api/v1/metrics"
_WITH_SECRETS = tuple(
    f"{_ADMIN}/{name}" for name in ("secrets", "objectStoreSecrets", "dockerRegistrySecrets", "repositories")
)
REST = "{path}"
"""The one parameter that takes the rest of a path, slashes included."""

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
        "captured; that it is shown for 60 s more assumed",
    ),
    Route("GET", f"{_LM}/executions/{{executionId}}/logs", "execution.query_logs", executions.logs, "captured"),
    Route("GET", f"{_LM}/metrics", "metrics.query", metrics.find, "specification, documentation, SDK tests"),
    Route("PATCH", f"{_LM}/metrics", "metrics.modify", metrics.patch, "specification, documentation, SDK tests"),
    Route("DELETE", f"{_LM}/metrics", "metrics.delete", metrics.delete, "specification, documentation"),
    Route(
        "GET",
        f"{_LM}/scenarios/{{scenarioId}}/models",
        "model.query",
        scenarios.query_models,
        "specification, SDK; which models there are assumed",
    ),
    Route("GET", f"{_LM}/deployments", "deployment.query", deployments.query, "specification, captured"),
    Route(
        "POST",
        f"{_LM}/deployments",
        "deployment.create",
        deployments.create,
        "captured; refusals captured and documented, the code of one assumed",
    ),
    Route(
        "PATCH",
        f"{_LM}/deployments",
        "deployment.bulk_modify",
        deployments.modify_many,
        "specification, SDK tests; refusal of another content type assumed to be a 400",
    ),
    Route("GET", f"{_LM}/deployments/$count", "deployment.count", deployments.count, "specification"),
    Route("GET", f"{_LM}/deployments/{{deploymentId}}", "deployment.get", deployments.get, "specification, captured"),
    Route(
        "PATCH",
        f"{_LM}/deployments/{{deploymentId}}",
        "deployment.modify",
        deployments.modify,
        "specification, SDK tests, captured; status of an illegal change assumed",
    ),
    Route(
        "DELETE",
        f"{_LM}/deployments/{{deploymentId}}",
        "deployment.delete",
        deployments.delete,
        "captured; SAP's end-to-end tests: that it is shown for 60 s more",
    ),
    Route(
        "GET",
        f"{_LM}/deployments/{{deploymentId}}/logs",
        "deployment.query_logs",
        deployments.logs,
        "specification, captured; names of pod and container assumed",
    ),
    Route("GET", f"{_LM}/executionSchedules", "execution_schedule.query", schedules.query, "specification, captured"),
    Route(
        "POST",
        f"{_LM}/executionSchedules",
        "execution_schedule.create",
        schedules.create,
        "specification, captured; refusals assumed",
    ),
    Route("GET", f"{_LM}/executionSchedules/$count", "execution_schedule.count", schedules.count, "specification"),
    Route(
        "GET",
        f"{_LM}/executionSchedules/{{executionScheduleId}}",
        "execution_schedule.get",
        schedules.get,
        "specification, captured; 404 code assumed",
    ),
    Route(
        "PATCH",
        f"{_LM}/executionSchedules/{{executionScheduleId}}",
        "execution_schedule.modify",
        schedules.modify,
        "specification, captured; refusals assumed",
    ),
    Route(
        "DELETE",
        f"{_LM}/executionSchedules/{{executionScheduleId}}",
        "execution_schedule.delete",
        schedules.delete,
        "specification, captured",
    ),
    Route(
        "PUT",
        f"{_LM}/dataset/files/{REST}",
        "file.upload",
        datasets.upload,
        "specification, documentation; sentences of refusals assumed",
    ),
    Route("GET", f"{_LM}/dataset/files/{REST}", "file.download", datasets.download, "specification, documentation"),
    Route("DELETE", f"{_LM}/dataset/files/{REST}", "file.delete", datasets.delete, "specification"),
    Route("GET", f"{_LM}/meta", "meta.get", meta.get, "documentation, SDK tests", needs_group=False),
    Route("GET", f"{_LM}/meta/versions", "meta.get_versions", meta.get_versions, "SDK", needs_group=False),
    Route("GET", f"{_LM}/healthz", "healthz.get", meta.healthz, "SDK", needs_group=False),
    Route(
        "GET",
        "/v2/analytics/kpis",
        "kpis.query",
        tenant.kpis,
        "specification, SDK tests; what is counted assumed",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/resourceGroups",
        "resource_groups.query",
        resource_groups.query,
        "specification, SDK; order assumed",
        needs_group=False,
    ),
    Route(
        "POST",
        f"{_ADMIN}/resourceGroups",
        "resource_groups.create",
        resource_groups.create,
        "specification, SDK tests; refusals assumed",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/resourceGroups/{{resourceGroupId}}",
        "resource_groups.get",
        resource_groups.get,
        "specification, SDK tests; 404 sentence assumed",
        needs_group=False,
    ),
    Route(
        "PATCH",
        f"{_ADMIN}/resourceGroups/{{resourceGroupId}}",
        "resource_groups.modify",
        resource_groups.modify,
        "specification, SDK tests",
        needs_group=False,
    ),
    Route(
        "DELETE",
        f"{_ADMIN}/resourceGroups/{{resourceGroupId}}",
        "resource_groups.delete",
        resource_groups.delete,
        "specification, documentation; that its content is gone at once, and itself after 60 s, assumed",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/objectStoreSecrets",
        "object_store_secrets.query",
        object_store_secrets.query,
        "specification, SDK tests",
    ),
    Route(
        "POST",
        f"{_ADMIN}/objectStoreSecrets",
        "object_store_secrets.create",
        object_store_secrets.create,
        "captured; that one which exists stays as it is assumed",
    ),
    Route(
        "GET",
        f"{_ADMIN}/objectStoreSecrets/{{objectStoreName}}",
        "object_store_secrets.get",
        object_store_secrets.get,
        "specification, SDK tests",
    ),
    Route(
        "PATCH",
        f"{_ADMIN}/objectStoreSecrets/{{objectStoreName}}",
        "object_store_secrets.modify",
        object_store_secrets.modify,
        "specification, SDK tests",
    ),
    Route(
        "DELETE",
        f"{_ADMIN}/objectStoreSecrets/{{objectStoreName}}",
        "object_store_secrets.delete",
        object_store_secrets.delete,
        "specification, SDK tests",
    ),
    Route(
        "GET",
        f"{_ADMIN}/dockerRegistrySecrets",
        "docker_registry_secrets.query",
        docker_registry_secrets.query,
        "specification, SDK tests",
        needs_group=False,
    ),
    Route(
        "POST",
        f"{_ADMIN}/dockerRegistrySecrets",
        "docker_registry_secrets.create",
        docker_registry_secrets.create,
        "captured",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/dockerRegistrySecrets/{{dockerRegistryName}}",
        "docker_registry_secrets.get",
        docker_registry_secrets.get,
        "specification, SDK tests",
        needs_group=False,
    ),
    Route(
        "PATCH",
        f"{_ADMIN}/dockerRegistrySecrets/{{dockerRegistryName}}",
        "docker_registry_secrets.modify",
        docker_registry_secrets.modify,
        "specification, SDK tests",
        needs_group=False,
    ),
    Route(
        "DELETE",
        f"{_ADMIN}/dockerRegistrySecrets/{{dockerRegistryName}}",
        "docker_registry_secrets.delete",
        docker_registry_secrets.delete,
        "specification, SDK tests",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/secrets",
        "secrets.query",
        secrets.query,
        "captured; that shared secrets are listed apart assumed",
        needs_group=False,
    ),
    Route(
        "POST",
        f"{_ADMIN}/secrets",
        "secrets.create",
        secrets.create,
        "specification, SDK tests; that one which exists stays as it is assumed",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/secrets/{{secretName}}",
        "secrets.get",
        secrets.get,
        "specification, captured",
        needs_group=False,
    ),
    Route(
        "PATCH",
        f"{_ADMIN}/secrets/{{secretName}}",
        "secrets.modify",
        secrets.modify,
        "specification, SDK tests",
        needs_group=False,
    ),
    Route(
        "DELETE", f"{_ADMIN}/secrets/{{secretName}}", "secrets.delete", secrets.delete, "captured", needs_group=False
    ),
    Route(
        "GET",
        f"{_ADMIN}/repositories",
        "repositories.query",
        repositories.query,
        "specification, SDK",
        needs_group=False,
    ),
    Route(
        "POST",
        f"{_ADMIN}/repositories",
        "repositories.create",
        repositories.create,
        "specification, documentation, captured; how long on-boarding takes assumed",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/repositories/{{repositoryName}}",
        "repositories.get",
        repositories.get,
        "specification, SDK",
        needs_group=False,
    ),
    Route(
        "PATCH",
        f"{_ADMIN}/repositories/{{repositoryName}}",
        "repositories.modify",
        repositories.modify,
        "specification; the message assumed",
        needs_group=False,
    ),
    Route(
        "DELETE",
        f"{_ADMIN}/repositories/{{repositoryName}}",
        "repositories.delete",
        repositories.delete,
        "specification",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/applications",
        "applications.query",
        applications.query,
        "specification, SDK",
        needs_group=False,
    ),
    Route(
        "POST",
        f"{_ADMIN}/applications",
        "applications.create",
        applications.create,
        "specification, captured; refusals assumed",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/applications/{{applicationName}}",
        "applications.get",
        applications.get,
        "specification, SDK",
        needs_group=False,
    ),
    Route(
        "PATCH",
        f"{_ADMIN}/applications/{{applicationName}}",
        "applications.modify",
        applications.modify,
        "specification",
        needs_group=False,
    ),
    Route(
        "DELETE",
        f"{_ADMIN}/applications/{{applicationName}}",
        "applications.delete",
        applications.delete,
        "specification; that its templates go with it assumed",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/applications/{{applicationName}}/status",
        "applications.get_status",
        applications.get_status,
        "captured, documentation; when it is synchronised assumed",
        needs_group=False,
    ),
    Route(
        "POST",
        f"{_ADMIN}/applications/{{applicationName}}/refresh",
        "applications.refresh",
        applications.refresh,
        "specification, SDK tests",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/services",
        "services.query",
        tenant.services,
        "specification; that a tenant has none assumed",
        needs_group=False,
    ),
    Route(
        "GET", f"{_ADMIN}/services/{{ServiceName}}", "services.get", tenant.service, "specification", needs_group=False
    ),
    Route(
        "GET",
        f"{_ADMIN}/resources/nodes",
        "resources.get",
        tenant.nodes,
        "specification; names of plans documented",
        needs_group=False,
    ),
    Route(
        "PATCH",
        f"{_ADMIN}/resources/nodes",
        "resources.modify",
        tenant.request_nodes,
        "specification; how long nodes take assumed",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/resources/instanceTypes",
        "instance_types.get",
        tenant.instance_types,
        "specification; sizes assumed",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/resourceQuota/resourceGroups",
        "resource_quota.get_resource_groups",
        tenant.resource_group_quota,
        "specification, documentation",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/resourceQuota/executables",
        "resource_quota.get_executables",
        tenant.executable_quota,
        "specification, documentation",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/resourceQuota/applications",
        "resource_quota.get_applications",
        tenant.application_quota,
        "specification, documentation",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/resourceQuota/repositories",
        "resource_quota.get_repositories",
        tenant.repository_quota,
        "specification, documentation",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/resourceQuota/secrets",
        "resource_quota.get_secrets",
        tenant.secret_quota,
        "specification, documentation; maximum of two scopes assumed",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/resourceQuota/dockerRegistrySecrets",
        "resource_quota.get_docker_registry_secrets",
        tenant.docker_registry_secret_quota,
        "specification, documentation",
        needs_group=False,
    ),
    Route(
        "GET",
        f"{_ADMIN}/resourceQuota/deployments",
        "resource_quota.get_deployments",
        tenant.deployment_quota,
        "specification; maxima assumed",
        needs_group=False,
    ),
    Route("GET", f"{_ADMIN}/tenantInfo", "tenant_info.get", tenant.info, "specification", needs_group=False),
    Route("GET", TRACKING_PATH, "tracking.query", metrics.find, "SDK", needs_token=False),
    Route("PATCH", TRACKING_PATH, "tracking.modify", metrics.patch, "SDK", needs_token=False),
    Route("DELETE", TRACKING_PATH, "tracking.delete", metrics.delete, "SDK", needs_token=False),
)

INFERENCE_ROUTE = Route(  # for all methods, so it is not in the table
    "*",
    f"{INFERENCE_PATH}{{deploymentId}}/{REST}",
    INFERENCE,
    inference.pass_on,
    "documentation; answers for a deployment that is unknown or does not run assumed",
)


@dataclass(slots=True)
class _Branch:
    """One segment of the paths, with what may follow it."""

    literal: dict[str, _Branch] = field(default_factory=dict)
    variable: tuple[str, _Branch] | None = None
    rest: _Branch | None = None
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
                if segment == REST:
                    branch.rest = branch.rest or _Branch()
                    branch = branch.rest
                elif segment.startswith("{"):
                    if branch.variable is None:
                        branch.variable = (segment[1:-1], _Branch())
                    branch = branch.variable[1]
                else:
                    branch = branch.literal.setdefault(segment, _Branch())
            branch.methods[route.method] = route

    def find(self, method: str, path: str) -> tuple[Route | None, dict[str, str], tuple[str, ...]]:
        """Return the route and the path's parameters, or the methods of the path if it does not have this one.

        Args:
            method: upper case.
            path: as sent; a percent-encoded slash does not divide segments.
        """
        branch = self._root
        parameters: dict[str, str] = {}
        sent_segments = path.split("/")
        for index, sent in enumerate(sent_segments):
            segment = unquote(sent) if "%" in sent else sent
            following = branch.literal.get(segment)
            if following is None and branch.rest is not None:
                parameters[REST[1:-1]] = unquote("/".join(sent_segments[index:]))
                branch = branch.rest
                break
            if following is None:
                if branch.variable is None:
                    return None, {}, ()
                name, following = branch.variable
                parameters[name] = segment
            branch = following
        route = branch.methods.get(method)
        return route, parameters, () if route else tuple(sorted(branch.methods))

    def near(self, method: str, path: str) -> str | None:
        """Return the signature of the route that may be meant by a path that no route has, None if none is near.

        Paths alone are compared, so that what they have in common (`nearest`) is at their beginning.

        Args:
            method: upper case.
            path: as sent.
        """
        methods: dict[str, list[str]] = {}
        for route in self.operations.values():
            methods.setdefault(route.path, []).append(route.method)
        near = nearest(path, methods)
        if near is None:
            return None
        return f"{method if method in methods[near] else methods[near][0]} {near}"


@cache
def route_table() -> RouteTable:
    """Return the table of all routes, which every emulator of the process shares."""
    return RouteTable()
