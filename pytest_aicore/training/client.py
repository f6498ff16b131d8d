"""The only module that imports the SAP SDK: the client, and the calls of a training run with their failures sorted.

Two distributions ship the import package `ai_api_client_sdk`; which one is installed is the user's choice.
"""

from __future__ import annotations

import importlib
import re
import warnings
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pytest_aicore.errors import RunError, SdkMissingError
from pytest_aicore.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client
    from ai_api_client_sdk.models.artifact_create_response import ArtifactCreateResponse
    from ai_api_client_sdk.models.configuration_create_response import ConfigurationCreateResponse
    from ai_api_client_sdk.models.execution import Execution
    from ai_api_client_sdk.models.execution_create_response import ExecutionCreateResponse

    from pytest_aicore.training.credentials import Credentials

T = TypeVar("T")

_PACKAGE = "ai_api_client_sdk"
_DISTRIBUTIONS = {"sap-ai-sdk-base": "sdk", "ai-api-client-sdk": "ai-api-client-sdk"}
_PUBLIC = {
    "Status": "models.status",
    "TargetStatus": "models.target_status",
    "Artifact": "models.artifact",
    "AIAPIV2Client": "ai_api_v2_client",
}
_LOG_PAGE = 1000
"""Log lines in one answer: the server's default, since the SDK's `top` reaches it under a name that it ignores."""
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_UNKNOWN_STATUS = re.compile(r"(?P<status>.+) is not a valid Status")


class CallError(RunError):
    """One call to AI Core failed.

    Attributes:
        status: the HTTP status, None if there was no answer that could be read.
        transient: whether asking again can help.
    """

    def __init__(self, text: str, status: int | None = None, *, transient: bool = False) -> None:
        """Make the error.

        Args:
            text: what happened and what to do.
            status: the HTTP status.
            transient: whether asking again can help.
        """
        super().__init__(text)
        self.status = status
        self.transient = transient


class UnknownStatusError(RunError):
    """AI Core answered with a status that the installed SDK does not know."""


class SdkConflictWarning(UserWarning):
    """Both distributions of the SAP SDK are installed, over each other."""


def sdk(name: str) -> Any:
    """Return something of the SDK that is public here too.

    Args:
        name: `Status`, `TargetStatus`, `Artifact` or `AIAPIV2Client`.

    Raises:
        SdkMissingError: no distribution of the SDK is installed, or what is installed cannot be imported.
    """
    __tracebackhide__ = True
    return getattr(_module(_PUBLIC[name]), name)


def _module(name: str) -> Any:
    __tracebackhide__ = True
    try:
        return importlib.import_module(f"{_PACKAGE}.{name}")
    except ImportError as error:
        if error.name == _PACKAGE:
            raise SdkMissingError(_missing(f"(import package {_PACKAGE}) is not installed.")) from None
        raise SdkMissingError(_missing(f"(import package {_PACKAGE}) cannot be imported: {error}.")) from error


def _missing(how: str) -> str:
    begin = f"The SAP SDK {how}"
    conflict = _conflict()
    if conflict is not None:
        return f"{begin} {conflict}"
    return (
        f"{begin} Install one of the two distributions that ship it:\n"
        "    pip install 'pytest-aicore[sdk]'                 sap-ai-sdk-base, maintained by SAP\n"
        "    pip install 'pytest-aicore[ai-api-client-sdk]'   ai-api-client-sdk, no longer maintained"
    )


def _conflict() -> str | None:
    from importlib import metadata

    found = []
    for distribution in _DISTRIBUTIONS:
        try:
            found.append(f"{distribution} {metadata.version(distribution)}")
        except metadata.PackageNotFoundError:  # noqa: PERF203  twice
            continue
    if len(found) < len(_DISTRIBUTIONS):
        return None
    return (
        f"{found[0]} and {found[1]} are both installed, over the same files of {_PACKAGE}: what runs is a mixture."
        " Remove both, then install one:\n"
        "    pip uninstall -y sap-ai-sdk-base ai-api-client-sdk\n"
        "    pip install 'pytest-aicore[sdk]'"
    )


def make_client(credentials: Credentials, resource_group: str) -> AIAPIV2Client:
    """Return an authenticated client of the AI API.

    Args:
        credentials: of the service, or of the emulator.
        resource_group: sent with every call that does not name another.

    Raises:
        SdkMissingError: no distribution of the SDK is installed.
    """
    client = sdk("AIAPIV2Client")
    conflict = _conflict()
    if conflict is not None:
        warnings.warn(conflict, SdkConflictWarning, stacklevel=2)
    # AIAPIV2Client wants the lifecycle management's root; AICoreV2Client would add `/lm` itself.
    made: AIAPIV2Client = client(
        base_url=f"{credentials.base_url}/lm", resource_group=resource_group, **credentials.client_arguments()
    )
    return made


class TrainingApi:
    """The calls that a training run needs, by the SDK's public API; every failure is a [CallError].

    Args:
        connect: makes the client. It is asked again when a token is refused: the SDK keeps its token until
            an hour before it expires, whatever the service thinks of it.
    """

    def __init__(self, connect: Callable[[], AIAPIV2Client]) -> None:
        """Take the maker of clients; nothing is called yet."""
        self._connect = connect
        self._client: AIAPIV2Client | None = None

    def register_artifact(
        self, name: str, kind: str, url: str, scenario_id: str, description: str
    ) -> ArtifactCreateResponse:
        """Register an input artifact and return the SDK's create response."""
        artifact_kind = sdk("Artifact").Kind(kind)
        return self._call(
            f"register the artifact {name!r}",
            lambda client: client.artifact.create(
                name=name, kind=artifact_kind, url=url, scenario_id=scenario_id, description=description
            ),
        )

    def create_configuration(
        self,
        name: str,
        scenario_id: str,
        executable_id: str,
        parameters: Mapping[str, str],
        artifacts: Mapping[str, str],
    ) -> ConfigurationCreateResponse:
        """Create a configuration and return the SDK's create response.

        Args:
            name: of the configuration.
            scenario_id: of the executable's scenario.
            executable_id: what is configured.
            parameters: value by name.
            artifacts: artifact id by input name.
        """
        parameter = _module("models.parameter_binding").ParameterBinding
        binding = _module("models.input_artifact_binding").InputArtifactBinding
        return self._call(
            f"create the configuration {name!r}",
            lambda client: client.configuration.create(
                name=name,
                scenario_id=scenario_id,
                executable_id=executable_id,
                parameter_bindings=[parameter(key=key, value=value) for key, value in parameters.items()],
                input_artifact_bindings=[
                    binding(key=key, artifact_id=artifact_id) for key, artifact_id in artifacts.items()
                ],
            ),
        )

    def start_execution(self, configuration_id: str) -> ExecutionCreateResponse:
        """Start an execution and return the SDK's create response."""
        return self._call(
            f"start an execution of configuration {configuration_id}",
            lambda client: client.execution.create(configuration_id=configuration_id),
        )

    def execution(self, execution_id: str) -> Execution:
        """Return the execution as it is now."""
        return self._call(f"get the execution {execution_id}", lambda client: client.execution.get(execution_id))

    def stop(self, execution_id: str) -> None:
        """Ask AI Core to stop the execution."""
        stopped = sdk("TargetStatus").STOPPED
        self._call(f"stop the execution {execution_id}", lambda client: client.execution.modify(execution_id, stopped))

    def logs(self, execution_id: str, since: datetime) -> list[Any]:
        """Return all log lines of the execution as the SDK's items, oldest first; none if it never ran.

        Args:
            execution_id: whose logs.
            since: its creation; without it the service answers with the last hour only.
        """
        lines: list[Any] = []
        seen: set[tuple[object, str]] = set()
        start = since
        while True:
            try:
                page = self._call(
                    f"get the logs of the execution {execution_id}",
                    partial(_query_logs, execution_id, start),
                ).data.result
            except CallError as error:
                if error.status == 404 and not lines:
                    return []
                raise
            fresh = [line for line in page if (line.timestamp, line.msg) not in seen]
            lines += fresh
            seen.update((line.timestamp, line.msg) for line in fresh)
            if len(page) < _LOG_PAGE:
                return lines
            # Times in queries have whole seconds, so the last second is asked for again. A second that fills a page
            # alone cannot be seen to its end: then the next one is.
            last = page[-1].timestamp.replace(microsecond=0)
            start = last if last > start else start + timedelta(seconds=1)

    def metrics(self, execution_id: str) -> list[Any]:
        """Return all metric values of the execution as the SDK's `Metric` objects; none if it logged none."""
        try:
            found = self._call(
                f"get the metrics of the execution {execution_id}",
                lambda client: client.metrics.query(execution_ids=[execution_id], select=["metrics"]),
            )
        except CallError as error:
            if error.status == 404:
                return []
            raise
        return [metric for resource in found.resources for metric in (getattr(resource, "metrics", None) or [])]

    def _call(self, what: str, call: Callable[[AIAPIV2Client], T]) -> T:
        if self._client is None:
            self._client = self._connect()
        try:
            try:
                return call(self._client)
            except Exception as error:
                if _http_status(error) != 401:
                    raise
                # A refused token was not acted upon, so the same call may be made again, whatever it does.
                self._client = self._connect()
                return call(self._client)
        except RunError:
            raise
        except Exception as error:
            _raise_failure(what, self._client, error)


def _query_logs(execution_id: str, start: datetime, client: AIAPIV2Client) -> Any:
    return client.execution.query_logs(execution_id, start=start)


def _http_status(error: Exception) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _raise_failure(what: str, client: AIAPIV2Client, error: Exception) -> NoReturn:
    """Say in our words what the SDK, requests or urllib3 said in theirs."""
    exceptions = importlib.import_module("requests.exceptions")
    errors = _module("exception")
    asked = f"could not {what} at {client.base_url}"
    status = _http_status(error)
    message = redact(str(getattr(error, "error_message", None) or error).strip())
    if isinstance(error, errors.AIAPIAuthenticatorException):
        raise CallError(
            f"{asked}: no token ({_first_line(message) or 'no answer'}). Check the credentials and the token URL.",
            status,
            transient=status not in (400, 401, 403),
        ) from error
    if isinstance(error, errors.AIAPIServerException):
        details = ", ".join(
            f"{name} {value}"
            for name, value in (("HTTP", status), ("code", error.error_code), ("request", error.request_id))
            if value
        )
        raise CallError(
            f"{asked}: {_first_line(message) or 'empty answer'} ({details}).", status, transient=status in _TRANSIENT
        ) from error
    if isinstance(error, exceptions.RetryError):
        raise CallError(
            f"{asked}: every attempt was answered with an error ({_first_line(message)}).", transient=True
        ) from error
    if isinstance(error, exceptions.RequestException):
        raise CallError(f"{asked}: {type(error).__name__} ({_first_line(message)}).", transient=True) from error
    unknown = _UNKNOWN_STATUS.search(str(error)) if isinstance(error, ValueError) else None
    if unknown is not None:
        raise UnknownStatusError(
            f"{asked}: it answered with the status {unknown['status']}, which the installed SDK does not know. Whether"
            " that is a success is unknown, so it does not count as one. A newer SDK may know it."
        ) from error
    # The SDK takes the keys that it needs without asking whether they are there, and HTML for a JSON string.
    raise CallError(
        f"{asked}: the answer cannot be read ({type(error).__name__}: {_first_line(message)}).", transient=True
    ) from error


def _first_line(text: str) -> str:
    line = text.partition("\n")[0].strip()
    return line if len(line) <= 300 else f"{line[:297]}..."
