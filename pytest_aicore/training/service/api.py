"""The calls that a training run makes with the SDK; every failure becomes a `CallError`."""

from __future__ import annotations

import importlib
import re
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar
from urllib.parse import quote

from pytest_aicore.errors import RunError, StoreError
from pytest_aicore.processes import ThreadLock
from pytest_aicore.redact import redact
from pytest_aicore.training.plan import ORIGIN
from pytest_aicore.training.service.failures import (
    CallError,
    TokenRefusal,
    UnknownStatusError,
    first_line,
    is_transient,
    retry_after_seconds,
)
from pytest_aicore.training.service.sdk import sdk, sdk_module

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client
    from ai_api_client_sdk.models.artifact_create_response import ArtifactCreateResponse
    from ai_api_client_sdk.models.configuration_create_response import ConfigurationCreateResponse
    from ai_api_client_sdk.models.execution import Execution
    from ai_api_client_sdk.models.execution_create_response import ExecutionCreateResponse

    from pytest_aicore.training.service.service_time import ServiceTime

T = TypeVar("T")

_LOG_PAGE = 1000
"""Log lines in one answer: the service's default. The SDK's `top` has no effect: it is sent under another name."""
MOST_LOG_LINES = 1_000_000
"""The limit of log lines that are fetched: a thousand pages."""
_DOWNLOAD_SECONDS = 60.0
"""Seconds without an answer, or a piece of it, after which a download fails: the SDK's own limit."""
_NOT_FOUND = 404
_BAD_REQUEST = 400
_NOT_DONE = frozenset({425, 429})
"""Statuses of requests that were refused unread, by AI Core or by a gateway."""
_OWN_CODE = re.compile(r"0\d{3,}")
"""The form of AI Core's own error codes: eight digits in every captured answer, such as 01060003, of which the first
ones name the component. Gateways write codes such as 404."""
_OWN_REFUSALS = ("RBAC: access denied", "Jwt ")
"""How AI Core's gateway refuses a token, in plain text: AI Core has not received the request."""
PAGE = 100
"""The least number of executions on a page, so that those of other users do not push ours off it."""
_ID = re.compile(r"\w[\w.-]*", re.ASCII)
"""AI Core's specification says `^[\\w.-]{4,64}$`."""
_UNKNOWN_STATUS = re.compile(r"(?P<status>.+) is not a valid Status")


class TrainingApi:
    """The calls that a training run needs, by the SDK's public API; every failure is a [CallError].

    Args:
        connect: makes the client. It is called again when a token is refused, because the SDK keeps its token until
            an hour before it expires, even if the service refuses it.
    """

    what: ClassVar[str] = "execution"
    """What is started: the name of the SDK's client for it, and of the API's resource."""

    def __init__(self, connect: Callable[[], AIAPIV2Client]) -> None:
        """Take the function that makes clients; nothing is called yet."""
        self._connect = connect
        self._client: AIAPIV2Client | None = None
        self._lock = ThreadLock()

    # Methods that create something get a function that searches for it: if a gateway refuses the token, AI Core may
    # have carried out the request all the same.

    def register_artifact(
        self,
        name: str,
        kind: str,
        url: str,
        scenario_id: str,
        description: str,
        labels: Mapping[str, str],
        find: Callable[[], ArtifactCreateResponse | None] = lambda: None,
    ) -> ArtifactCreateResponse:
        """Register an input artifact and return the SDK's create response."""
        artifact_kind = sdk("Artifact").Kind(kind)
        label = sdk_module("models.label").Label
        return self._call(
            f"register the artifact {name!r}",
            lambda client: with_id(
                client.artifact.create(
                    name=name,
                    kind=artifact_kind,
                    url=url,
                    scenario_id=scenario_id,
                    description=description,
                    labels=[label(key=key, value=value) for key, value in labels.items()],
                )
            ),
            find,
        )

    def find_artifact(
        self, name: str, kind: str, url: str, scenario_id: str, labels: Mapping[str, str]
    ) -> ArtifactCreateResponse | None:
        """Return the newest artifact with these properties, as its create response; None if there is none."""
        artifact_kind = sdk("Artifact").Kind(kind)
        found = self._call(
            f"search for the artifact {name!r}",
            lambda client: client.artifact.query(
                scenario_id=scenario_id,
                name=name,
                kind=artifact_kind,
                artifact_label_selector=[f"{key}={value}" for key, value in labels.items()],
            ),
        )
        for artifact in found.resources:
            # A gateway may have removed the query, so that the answer has other artifacts as well.
            named = (artifact.name, artifact.kind, artifact.scenario_id) == (name, artifact_kind, scenario_id)
            if named and artifact.url == url and artifact.execution_id is None:
                return self.artifact_response(artifact.id, artifact.url)
        return None

    def create_configuration(
        self,
        name: str,
        scenario_id: str,
        executable_id: str,
        parameters: Mapping[str, str],
        artifacts: Mapping[str, str],
        find: Callable[[], ConfigurationCreateResponse | None] = lambda: None,
    ) -> ConfigurationCreateResponse:
        """Create a configuration and return the SDK's create response.

        Args:
            name: of the configuration.
            scenario_id: of the executable's scenario.
            executable_id: what is configured.
            parameters: value by name.
            artifacts: artifact id by input name.
            find: searches for it before it is created a second time.
        """
        parameter = sdk_module("models.parameter_binding").ParameterBinding
        binding = sdk_module("models.input_artifact_binding").InputArtifactBinding
        return self._call(
            f"create the configuration {name!r}",
            lambda client: with_id(
                client.configuration.create(
                    name=name,
                    scenario_id=scenario_id,
                    executable_id=executable_id,
                    parameter_bindings=[parameter(key=key, value=value) for key, value in parameters.items()],
                    input_artifact_bindings=[
                        binding(key=key, artifact_id=artifact_id) for key, artifact_id in artifacts.items()
                    ],
                )
            ),
            find,
        )

    def find_configuration(
        self,
        scenario_id: str,
        executable_id: str,
        parameters: Mapping[str, str],
        artifacts: Mapping[str, str],
        name: str | None = None,
    ) -> ConfigurationCreateResponse | None:
        """Return the newest configuration with these properties, as its create response; None if there is none.

        Args:
            scenario_id: of the executable's scenario.
            executable_id: what is configured.
            parameters: value by name.
            artifacts: artifact id by input name.
            name: of the configuration; None for any that begins with `pytest-aicore`.
        """
        wanted = name or ORIGIN
        # AI Core accepts at most 80 characters in a search, and no `~`.
        search = wanted[:80].partition("~")[0]
        found = self._call(
            f"search for the configuration {wanted!r}",
            lambda client: client.configuration.query(
                scenario_id=scenario_id, executable_ids=[executable_id], search=search or None
            ),
        )
        for configuration in found.resources:
            bound = {binding.key: binding.value for binding in configuration.parameter_bindings or ()}
            inputs = {binding.key: binding.artifact_id for binding in configuration.input_artifact_bindings or ()}
            named = configuration.name == name if name else configuration.name.startswith(ORIGIN)
            of_it = (configuration.scenario_id, configuration.executable_id) == (scenario_id, executable_id)
            if named and of_it and bound == dict(parameters) and inputs == dict(artifacts):
                return self.configuration_response(configuration.id)
        return None

    def start_execution(
        self, configuration_id: str, find: Callable[[], ExecutionCreateResponse | None] = lambda: None
    ) -> ExecutionCreateResponse:
        """Start an execution and return the SDK's create response.

        Args:
            configuration_id: what is executed.
            find: searches for it before it is started a second time.
        """
        return self._call(
            f"start an execution of configuration {configuration_id}",
            lambda client: with_id(client.execution.create(configuration_id=configuration_id)),
            find,
        )

    def execution(self, execution_id: str) -> Execution:
        """Return the execution as it is now."""
        return self._call(f"get the {self.what} {execution_id}", lambda client: self._of(client).get(execution_id))

    def executions_of(self, configuration_id: str) -> list[str]:
        """Return the ids of the executions of a configuration, the newest first. Rows need only an id to be read.

        Those that were deleted, and are only shown for a while, are left out.

        Args:
            configuration_id: of the executions. If a gateway has removed the query, the list has executions of other
                configurations as well; these are left out, because they must be neither adopted nor stopped.
        """
        asked = f"search for {self.what}s of the configuration {configuration_id}"
        rows = self._rows(asked, {"configurationId": configuration_id})
        of_it = [row for row in rows if isinstance(row, dict) and row.get("configuration_id") == configuration_id]
        if not all(_is_id(row.get("id")) for row in of_it):
            raise self._unreadable_list(asked, f"it has {self._a} without an id")
        found = [row for row in of_it if row.get("target_status") != "DELETED"]
        found.sort(key=lambda row: str(row.get("created_at")), reverse=True)
        return list(dict.fromkeys(row["id"] for row in found))

    def page(self, executable_ids: Collection[str], size: int) -> dict[str, Execution | RunError]:
        """Return the newest executions of some executables by their id, in one call.

        If one of them cannot be read, its error takes its place, so that the others can be read.

        Args:
            executable_ids: of the executables.
            size: how many executions to request.
        """
        asked = f"list the {self.what}s"
        # The SDK's `query` sends `top` under a name that the service ignores, and raises for the whole page if one
        # status is unknown to it.
        rows = self._rows(asked, {"$top": max(size, PAGE), "executableIds": ",".join(sorted(executable_ids))})
        execution = getattr(sdk_module(f"models.{self.what}"), self.what.capitalize())
        found: dict[str, Execution | RunError] = {}
        for row in rows:
            try:
                read = execution.from_dict(row) if str(row["id"]) not in found else _listed_twice()
                found[str(row["id"])] = read
            except Exception as error:  # noqa: PERF203  whatever the SDK raises for what it cannot read
                if isinstance(row, dict) and "id" in row:
                    found[str(row["id"])] = _unreadable(f"could not {asked} at {self._at()}", error)
        return found

    def _rows(self, asked: str, params: dict[str, Any]) -> list[Any]:
        """Return the rows of a list."""
        answer = self._call(asked, lambda client: client.rest_client.get(path=f"/{self.what}s", params=params))
        rows = answer.get("resources") if isinstance(answer, dict) else None
        if not isinstance(rows, list):
            raise self._unreadable_list(asked, f"it has no list of {self.what}s")
        return rows

    def _unreadable_list(self, asked: str, why: str) -> CallError:
        return CallError(
            f"could not {asked} at {self._at()}: the answer cannot be read ({why}).", transient=True, is_unreadable=True
        )

    def unfinished(self) -> list[Execution]:
        """Return the executions of the resource group that have not ended, and are not being deleted."""
        deleted = sdk("TargetStatus").DELETED
        statuses = [sdk("Status")(name) for name in ("UNKNOWN", "PENDING", "RUNNING")]
        found = {
            execution.id: execution
            for status in statuses
            for execution in self._call(
                f"list the {self.what}s that are {status.value}",
                partial(self._with_status, status),
            ).resources
            if execution.status in statuses and execution.target_status is not deleted
        }
        return list(found.values())

    def stop(self, execution_id: str) -> None:
        """Ask AI Core to stop the execution."""
        stopped = sdk("TargetStatus").STOPPED
        self._call(
            f"stop the {self.what} {execution_id}", lambda client: self._of(client).modify(execution_id, stopped)
        )

    def delete(self, execution_id: str) -> None:
        """Ask AI Core to delete the execution."""
        self._call(f"delete the {self.what} {execution_id}", lambda client: self._of(client).delete(execution_id))

    def _log_page(self, execution_id: str, start: datetime, client: AIAPIV2Client) -> list[Any]:
        return _query_logs(self._of(client), execution_id, start)

    def _with_status(self, status: Any, client: AIAPIV2Client) -> Any:
        return self._of(client).query(status=status)

    def scenario(self, scenario_id: str) -> Any:
        """Return the scenario."""
        return self._call(f"get the scenario {scenario_id!r}", lambda client: client.scenario.get(scenario_id))

    def scenarios(self) -> list[Any]:
        """Return all scenarios."""
        found: list[Any] = self._call("list the scenarios", lambda client: client.scenario.query()).resources
        return found

    def executable(self, scenario_id: str, executable_id: str) -> Any:
        """Return the executable as the service has synced it."""
        return self._call(
            f"get the executable {executable_id!r} of the scenario {scenario_id!r}",
            lambda client: client.executable.get(scenario_id=scenario_id, executable_id=executable_id),
        )

    def executables(self, scenario_id: str) -> list[Any]:
        """Return the executables of a scenario."""
        found: list[Any] = self._call(
            f"list the executables of the scenario {scenario_id!r}",
            lambda client: client.executable.query(scenario_id=scenario_id),
        ).resources
        return found

    # Create responses for what exists already. The messages are those of the service for each success.

    def artifact_response(self, artifact_id: str, url: str) -> ArtifactCreateResponse:
        """Return the answer to the registration of an artifact that exists."""
        made: ArtifactCreateResponse = sdk_module("models.artifact_create_response").ArtifactCreateResponse(
            id=artifact_id, message="Artifact acknowledged", url=url
        )
        return made

    def configuration_response(self, configuration_id: str) -> ConfigurationCreateResponse:
        """Return the answer to the creation of a configuration that exists."""
        response = sdk_module("models.configuration_create_response").ConfigurationCreateResponse
        made: ConfigurationCreateResponse = response(id=configuration_id, message="Configuration created")
        return made

    def execution_response(self, execution_id: str) -> ExecutionCreateResponse:
        """Return the answer to the start of an execution that exists."""
        made: ExecutionCreateResponse = sdk_module("models.execution_create_response").ExecutionCreateResponse(
            id=execution_id, message="Execution scheduled", status=sdk("Status").UNKNOWN
        )
        return made

    def service_now(self) -> float | None:
        """Return the time of AI Core's clock, in seconds since the epoch; None if that is not known."""
        its: ServiceTime | None = getattr(self._client, "service_time", None)
        return its.now() if its is not None else None

    @property
    def is_played(self) -> bool:
        """Whether the service has said that it plays scripts: it is a server of ours, and nobody trains."""
        its: ServiceTime | None = getattr(self._client, "service_time", None)
        return its is not None and its.is_played

    def _of(self, client: AIAPIV2Client) -> Any:
        """Return the SDK's client for what is started."""
        return getattr(client, self.what)

    @property
    def _a(self) -> str:
        return f"an {self.what}" if self.what[0] in "aeiou" else f"a {self.what}"

    def _at(self) -> str:
        return str(self._client.base_url) if self._client is not None else "AI Core"

    def logs(self, execution_id: str, since: datetime) -> list[Any]:
        """Return all log lines of the execution as the SDK's items, oldest first; none if it never ran.

        Args:
            execution_id: of the execution.
            since: its creation; without a start the service returns the last hour only.
        """
        asked = f"get the logs of the {self.what} {execution_id}"
        lines: list[Any] = []
        seen: set[tuple[object, str]] = set()
        start = since
        while True:
            try:
                page = self._call(asked, partial(self._log_page, execution_id, start))
            except CallError as error:
                if error.is_missing and not lines:
                    return []
                raise
            fresh = [line for line in page if (line.timestamp, line.msg) not in seen]
            lines += fresh
            seen.update((line.timestamp, line.msg) for line in fresh)
            if len(page) < _LOG_PAGE or (not fresh and page[-1].timestamp < start):
                return lines
            if len(lines) > MOST_LOG_LINES:
                raise CallError(
                    f"could not {asked} at {self._at()}: it has more than {MOST_LOG_LINES} lines.", is_unreadable=True
                )
            # Times in queries have whole seconds, so the last second is requested again. If one second fills a page
            # alone, the rest of that second cannot be requested, and the next second follows.
            last = page[-1].timestamp.replace(microsecond=0)
            start = last if last > start else start + timedelta(seconds=1)

    def metrics(self, execution_id: str) -> list[Any]:
        """Return all metric values of the execution as the SDK's `Metric` objects; none if it logged none."""
        try:
            return self._call(f"get the metrics of the execution {execution_id}", partial(_query_metrics, execution_id))
        except CallError as error:
            if error.is_missing:
                return []
            raise

    # Requests of a diagnosis ------------------------------------------------------------------------------------

    def bindings(self, configuration_id: str) -> tuple[dict[str, str], dict[str, str]]:
        """Return the bindings of a configuration: parameter values by name, and artifact ids by input name."""
        return self._call(f"get the configuration {configuration_id}", partial(_bindings, configuration_id))

    def object_store_secrets(self) -> dict[str, dict[str, str]]:
        """Return the public fields of the resource group's object-store secrets, such as `pathPrefix`, by name.

        Source: `GET /v2/admin/objectStoreSecrets` of the specification, which shows no secret. The base SDK has no
        client for it (the core SDK has).
        """
        return self._call(
            "list the object-store secrets",
            lambda client: {
                str(secret["name"]): {_last_word(key): str(value) for key, value in secret.get("metadata", {}).items()}
                for secret in _listed(client, "/admin/objectStoreSecrets")
            },
        )

    def file(self, path: str) -> bytes | None:
        """Return a file of an object store, None if there is none.

        Args:
            path: its URL without `ai://`.

        Source: `GET /v2/lm/dataset/files/{path}` of the specification. The SDK has no client for it, and reads all
        answers as text.
        """
        return self._call(f"download the file {path}", lambda client: _downloaded(client, path))

    def rehearse(self, call: str, **said: str) -> dict[str, Any] | None:
        """Return the answer of a call of `pytest-aicore serve`, None if it does not answer such calls (`--no-admin`).

        Args:
            call: what follows `/__aicore__/` in its path.
            said: its arguments.

        Raises:
            StoreError: it refuses the call.
        """
        return self._call(f"ask the server for {call}", lambda client: _rehearsed(client, call, said))

    def docker_registry_secrets(self) -> list[str]:
        """Return the names of the tenant's docker registry secrets.

        Source: `GET /v2/admin/dockerRegistrySecrets` of the specification; the base SDK has no client for it.
        """
        return self._call(
            "list the docker registry secrets",
            lambda client: [str(secret["name"]) for secret in _listed(client, "/admin/dockerRegistrySecrets")],
        )

    def applications(self) -> list[str]:
        """Return the names of the tenant's applications.

        Source: `GET /v2/admin/applications` of the specification; the base SDK has no client for it.
        """
        return self._call(
            "list the applications",
            lambda client: [str(each["application_name"]) for each in _listed(client, "/admin/applications")],
        )

    def application_status(self, name: str) -> dict[str, Any]:
        """Return the result of an application's last synchronisation, with the keys that the SDK makes.

        Source: `GET /v2/admin/applications/{applicationName}/status` of the specification.
        """
        return self._call(f"get the status of the application {name}", partial(_application_status, name))

    def _call(self, what: str, call: Callable[[AIAPIV2Client], T], find: Callable[[], T | None] = lambda: None) -> T:
        client = self._connected(None)
        try:
            try:
                return call(client)
            except Exception as error:
                if isinstance(error, TokenRefusal) or _http_status(error) != 401:
                    raise
                was_made = not isinstance(error, sdk_module("exception").AIAPIAuthenticatorException)
            client = self._connected(client)
            found = find() if was_made else None
            return call(client) if found is None else found
        except TokenRefusal as error:
            raise error.of_call(f"could not {what} at {client.base_url}") from error
        except (RunError, StoreError):
            raise
        except Exception as error:
            _raise_failure(what, client, error)

    def _connected(self, refused: AIAPIV2Client | None) -> AIAPIV2Client:
        """Return the client; a new one if the service refused the token of the previous one."""
        with self._lock:
            if self._client is None or self._client is refused:
                self._client = self._connect()
            return self._client


def _listed_twice() -> NoReturn:
    raise ValueError("it is listed twice")


def _query_logs(client: Any, execution_id: str, start: datetime) -> list[Any]:
    lines: list[Any] = client.query_logs(execution_id, start=start).data.result
    for line in lines:
        if not isinstance(line.msg, str):
            raise TypeError(f"a line is {line.msg!r}")
    return lines


def _query_metrics(execution_id: str, client: AIAPIV2Client) -> list[Any]:
    found = client.metrics.query(execution_ids=[execution_id], select=["metrics"]).resources
    metrics = [metric for resource in found for metric in (getattr(resource, "metrics", None) or [])]
    for metric in metrics:
        if not (
            isinstance(metric.name, str) and isinstance(metric.value, (int, float)) and isinstance(metric.step, int)
        ):
            raise TypeError(f"a metric is {metric.name!r} = {metric.value!r}, step {metric.step!r}")
    return metrics


def with_id(made: T) -> T:
    """Return the answer, after checking that it has an id."""
    its: object = getattr(made, "id", None)
    if not _is_id(its):
        raise TypeError(f"the id is {its!r}")
    return made


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _bindings(configuration_id: str, client: AIAPIV2Client) -> tuple[dict[str, str], dict[str, str]]:
    found = client.configuration.get(configuration_id)
    return (
        {binding.key: binding.value for binding in found.parameter_bindings or []},
        {binding.key: binding.artifact_id for binding in found.input_artifact_bindings or []},
    )


def _listed(client: AIAPIV2Client, path: str) -> list[dict[str, Any]]:
    """Return the rows of an administrative list. The SDK reaches `/v2/admin` by its client for resource groups."""
    resources: list[dict[str, Any]] = client.resource_groups.rest_client.get(path=path)["resources"]
    return resources


def _downloaded(client: AIAPIV2Client, path: str) -> bytes | None:
    import requests

    rest = client.rest_client
    answer = requests.get(
        f"{rest.base_url}/dataset/files/{quote(path)}",
        headers={**rest.headers, "Authorization": rest.get_token()},
        timeout=_DOWNLOAD_SECONDS,
    )
    if answer.status_code == _NOT_FOUND:
        return None
    answer.raise_for_status()
    return bytes(answer.content)


def _rehearsed(client: AIAPIV2Client, call: str, said: Mapping[str, str]) -> dict[str, Any] | None:
    import requests

    root = str(client.rest_client.base_url).partition("/v2/")[0]
    answer = requests.post(f"{root}/__aicore__/{call}", json=dict(said), timeout=_DOWNLOAD_SECONDS)
    if answer.status_code == _NOT_FOUND:
        return None
    if answer.status_code == _BAD_REQUEST:
        raise StoreError(str(answer.json()["error"]["message"]))
    answer.raise_for_status()
    content: dict[str, Any] = answer.json()
    return content


def _application_status(name: str, client: AIAPIV2Client) -> dict[str, Any]:
    return dict(client.resource_groups.rest_client.get(path=f"/admin/applications/{name}/status"))


def _last_word(key: str) -> str:
    """Return `pathprefix` for `storage.ai.sap.com/path_prefix`, which is what the SDK makes of the service's key."""
    return key.rpartition("/")[2].replace("_", "").lower()


def _http_status(error: Exception) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else _refusal(error)[0]


def _refusal(error: BaseException | None) -> tuple[int | None, Mapping[str, str]]:
    """Return status and headers of the answer that refused a request; None as status without an answer.

    The SDK's exceptions lack the headers, and the SDK cannot read the errors of gateways, which have another shape. So
    the answer is read from the local variables of the frame that raised: in the SDK, or in urllib3 under it.
    """
    status: int | None = None
    headers: Mapping[str, str] = {}
    while error is not None and status is None:
        trace = error.__traceback__
        while trace is not None:
            answer = trace.tb_frame.f_locals.get("response")
            found = getattr(answer, "status_code", getattr(answer, "status", None))
            if isinstance(found, int) and found >= 400:
                status, headers = found, getattr(answer, "headers", {})
            trace = trace.tb_next
        error = error.__context__
    return status, headers


def _raise_failure(what: str, client: AIAPIV2Client, error: Exception) -> NoReturn:
    """Raise a `CallError` for an exception of the SDK, requests or urllib3."""
    exceptions = importlib.import_module("requests.exceptions")
    errors = sdk_module("exception")
    asked = f"could not {what} at {client.base_url}"
    status = _http_status(error)
    told = getattr(error, "error_message", None)
    message = redact(str(error if told is None else told).strip())
    if isinstance(error, errors.AIAPIAuthenticatorException):
        raise TokenRefusal(message, status, transient=status not in (400, 401, 403)).of_call(asked) from error
    if isinstance(error, errors.AIAPIServerException):
        details = ", ".join(
            f"{name} {value}"
            for name, value in (("HTTP", status), ("code", error.error_code), ("request", error.request_id))
            if value
        )
        raise _refused(f"{asked}: {first_line(message) or 'empty answer'} ({details}).", error, message) from error
    if status is not None:
        raise _refused(f"{asked}: HTTP {status}.", error, message) from error
    if isinstance(error, exceptions.RequestException):
        never_sent = _never_sent(error)
        remedy = "Check the address and the network." if never_sent else "Try again later."
        raise CallError(
            f"{asked}: {type(error).__name__} ({first_line(message)}). {remedy}",
            transient=True,
            in_doubt=not never_sent,
            is_unreadable=_is_unreadable(error),
        ) from error
    unknown = _UNKNOWN_STATUS.search(str(error)) if isinstance(error, ValueError) else None
    if unknown is not None:
        raise _unreadable(asked, error) from error
    # The SDK reads keys without checking that they exist, and treats HTML as a JSON string.
    raise CallError(
        f"{asked}: the answer cannot be read ({type(error).__name__}: {first_line(message)}). A proxy or gateway may"
        " have answered instead of AI Core.",
        transient=True,
        in_doubt=True,
        is_unreadable=True,
    ) from error


def _refused(text: str, error: Exception, message: str) -> CallError:
    status = _http_status(error)
    code = getattr(error, "error_code", None)
    is_own = isinstance(code, str) and _OWN_CODE.fullmatch(code) is not None
    # A gateway that has no route to AI Core for a moment answers 404, too.
    transient = is_transient(status) or (status == 404 and not is_own)
    # An error of a gateway leaves open whether AI Core has carried out the request.
    is_refusal = is_own or (status in (401, 403) and message.startswith(_OWN_REFUSALS))
    not_done = status in _NOT_DONE or (is_refusal and not transient)
    headers = _refusal(error)[1]
    return CallError(
        text + _remedy(status, is_own=is_own),
        status,
        transient=transient,
        in_doubt=not not_done,
        is_missing=status == 404 and is_own,
        was_refused=True,
        retry_after=retry_after_seconds(headers.get("Retry-After"), headers.get("Date")),
    )


def _unreadable(asked: str, error: Exception) -> RunError:
    unknown = _UNKNOWN_STATUS.search(str(error)) if isinstance(error, ValueError) else None
    if unknown is None:
        return CallError(
            f"{asked}: an answer cannot be read ({type(error).__name__}: {first_line(redact(str(error)))}).",
            transient=True,
            is_unreadable=True,
        )
    return UnknownStatusError(
        f"{asked}: the answer has the status {unknown['status']}, which is unknown to the installed SDK. It is not"
        " counted as a success. A newer SDK may support it."
    )


def _remedy(status: int | None, *, is_own: bool) -> str:
    """Return the remedy for a status; an empty text if the service's message has one."""
    if status == 401:
        return " The token was refused, and so was a new one: check the credentials."
    if status == 403:
        return " Check the credentials, and whether they may use this resource group."
    if status == 404 and not is_own:
        return " The gateway answered 404 for this path, not AI Core: check the base URL, which must end in /v2."
    return " Try again later." if is_transient(status) else ""


def _is_unreadable(error: Exception) -> bool:
    """Return whether there was an answer that cannot be read."""
    from pytest_aicore.training.service.transport import AnswerTooLargeError

    exceptions = importlib.import_module("requests.exceptions")
    return isinstance(error, (AnswerTooLargeError, exceptions.ContentDecodingError, exceptions.JSONDecodeError))


def _never_sent(error: Exception) -> bool:
    """Return whether a connection failed before anything could be sent on it."""
    if isinstance(error, importlib.import_module("requests.exceptions").ConnectTimeout):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, importlib.import_module("urllib3.exceptions").NewConnectionError)
