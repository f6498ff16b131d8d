"""The only module that imports the SAP SDK: the names that pytest-aicore re-exports, and the clients.

Two distributions ship the import package `ai_api_client_sdk`; which one is installed is the user's choice.
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

from pytest_aicore.errors import SdkMissingError
from pytest_aicore.http.exchange import NETWORK

if TYPE_CHECKING:
    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

    from pytest_aicore.http.exchange import Transport
    from pytest_aicore.training.service.credentials import Credentials

_PACKAGE = "ai_api_client_sdk"
_DISTRIBUTIONS = ("sap-ai-sdk-base", "ai-api-client-sdk")
_PUBLIC = {
    "Status": "models.status",
    "TargetStatus": "models.target_status",
    "Artifact": "models.artifact",
    "AIAPIV2Client": "ai_api_v2_client",
}


class SdkConflictWarning(UserWarning):
    """Both distributions of the SAP SDK are installed, and overwrite each other's files."""


def sdk(name: str) -> Any:
    """Return a name of the SDK that pytest-aicore re-exports.

    Args:
        name: `Status`, `TargetStatus`, `Artifact` or `AIAPIV2Client`.

    Raises:
        SdkMissingError: no distribution of the SDK is installed, or what is installed cannot be imported.
    """
    __tracebackhide__ = True
    return getattr(sdk_module(_PUBLIC[name]), name)


def sdk_module(name: str) -> Any:
    """Return a module of the SDK.

    Args:
        name: its name below the import package, such as `models.label`.

    Raises:
        SdkMissingError: as [sdk] does.
    """
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
        f"{found[0]} and {found[1]} are both installed, and overwrite each other's files of {_PACKAGE}."
        " Remove both, then install one:\n"
        "    pip uninstall -y sap-ai-sdk-base ai-api-client-sdk\n"
        "    pip install 'pytest-aicore[sdk]'"
    )


def make_client(credentials: Credentials, resource_group: str, **how: Any) -> AIAPIV2Client:
    """Return an authenticated client of the AI API.

    Args:
        credentials: of the service, or of the emulator.
        resource_group: sent with every call that does not name another.
        how: further arguments of the SDK's client. With a `token_creator` it gets no arguments for tokens.

    Raises:
        SdkMissingError: no distribution of the SDK is installed.
    """
    client = sdk("AIAPIV2Client")
    conflict = _conflict()
    if conflict is not None:
        warnings.warn(conflict, SdkConflictWarning, stacklevel=2)
    # AIAPIV2Client expects the URL with `/lm`; AICoreV2Client would add it itself.
    if "token_creator" not in how:
        how |= credentials.client_arguments()
    made: AIAPIV2Client = client(base_url=f"{credentials.base_url}/lm", resource_group=resource_group, **how)
    return made


def make_patient_client(credentials: Credentials, resource_group: str, transport: Transport = NETWORK) -> AIAPIV2Client:
    """Return a client for runs on the real service: each of its calls has a time limit, the request for a token too.

    The limits are in `training/service/transport.py`. The clients that tests get have the behaviour of the SDK.

    Args:
        credentials: of the service.
        resource_group: sent with every call.
        transport: where its requests go, the ones for tokens too; the network unless told otherwise.

    Raises:
        SdkMissingError: no distribution of the SDK is installed.
    """
    from pytest_aicore.training.service.tokens import Tokens
    from pytest_aicore.training.service.transport import limit_calls

    client = make_client(
        credentials, resource_group, token_creator=Tokens(credentials, transport), num_request_retries=0
    )
    client.service_time = limit_calls(client, sdk_module("helpers.rest_client"), transport)
    return client


def token_of(client: AIAPIV2Client) -> str | None:
    """Return the token of a client, so that it can be hidden; None if it has none yet.

    Source: `Authenticator.token` of both distributions, `Bearer ` and the token itself, as [Tokens] has it.
    """
    creator = getattr(client.rest_client, "get_token", None)
    token = getattr(getattr(creator, "__self__", creator), "token", None)
    return str.__str__(token).removeprefix("Bearer ") if isinstance(token, str) else None
