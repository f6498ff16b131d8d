"""Credentials for SAP AI Core: found in the places that SAP's own SDK searches, never shown.

Source of names and order: `ai_core_sdk.credentials` of sap-ai-sdk-core 3.5.0.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_aicore.echo import exists, is_content, is_misplaced, shown
from pytest_aicore.errors import CredentialsError, listing
from pytest_aicore.placeholders import LEFT, to_fill_in
from pytest_aicore.redact import Secret
from pytest_aicore.training.service.key_secrets import SECRET_FILES, secrets_of
from pytest_aicore.training.service.service_key import EXPECTED, parse, service_key_of, text_of

_TOKEN_PATH = "/oauth/token"  # noqa: S105  the path of the token endpoint
_NAMES = (
    "client_id",
    "client_secret",
    "auth_url",
    "base_url",
    "cert_url",
    "cert_file_path",
    "key_file_path",
    "cert_str",
    "key_str",
)
_SECRET_NAMES = ("client_secret", "cert_str", "key_str")
_URLS = ("base_url", "auth_url", "cert_url")
_LARGEST = 1_000_000
"""Bytes: a larger file cannot be one with credentials."""
CONTENT_VARIABLE = "PYTEST_AICORE_SERVICE_KEY"
"""The environment variable that takes the content of a service key as well as a path."""
# Paths of the same values in a service key, and in `credentials` of VCAP_SERVICES. Before 2022 it was ML_API_URL.
_SERVICE_KEY = {
    "client_id": (("clientid",),),
    "client_secret": (("clientsecret",),),
    "auth_url": (("url",),),
    "base_url": (("serviceurls", "AI_API_URL"), ("serviceurls", "ML_API_URL")),
    "cert_url": (("certurl",),),
    "cert_str": (("certificate",),),
    "key_str": (("key",),),
}
_KEY_METHODS = "clientsecret, or certificate and key"
_METHODS = "client_secret, or cert_str and key_str, or cert_file_path and key_file_path"


@dataclass(frozen=True)
class Credentials:
    """What a client needs to call AI Core. Its `repr` shows URLs and source, but no id and no secret.

    Attributes:
        base_url: the API's base, ending in `/v2`.
        auth_url: the token endpoint, ending in `/oauth/token`.
        client_id: the OAuth client.
        source: where the values were found.
        client_secret: the client's secret, or None for X.509.
        cert_str: the X.509 certificate as PEM text, together with `key_str`.
        key_str: its private key as PEM text.
        cert_file_path: the X.509 certificate as a file, together with `key_file_path`.
        key_file_path: its private key as a file.
    """

    base_url: str
    auth_url: str
    client_id: str = field(repr=False)
    source: str
    client_secret: Secret | None = field(default=None, repr=False)
    cert_str: Secret | None = field(default=None, repr=False)
    key_str: Secret | None = field(default=None, repr=False)
    cert_file_path: str | None = field(default=None, repr=False)
    key_file_path: str | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        """The API's address without its path."""
        return self.base_url.removesuffix("/v2")

    @property
    def secrets(self) -> set[str]:
        """The values that must not be shown."""
        values = (self.client_secret, self.cert_str, self.key_str)
        return {str.__str__(value) for value in values if value is not None}

    def client_arguments(self) -> dict[str, str]:
        """Return the arguments of SAP's clients besides `base_url`: `auth_url`, `client_id` and the credential."""
        names = ("auth_url", "client_id", "client_secret", "cert_str", "key_str", "cert_file_path", "key_file_path")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def service_key(self) -> dict[str, object]:
        """Return the same credentials in the shape of a service key."""
        x509 = self.cert_str or self.cert_file_path
        key: dict[str, object] = {
            "clientid": self.client_id,
            "clientsecret": self.client_secret,
            "certificate": self.cert_str or _text_of(self.cert_file_path),
            "key": self.key_str or _text_of(self.key_file_path),
            "certurl" if x509 else "url": self.auth_url.removesuffix(_TOKEN_PATH),
            "serviceurls": {"AI_API_URL": self.host, "ML_API_URL": self.host},
        }
        return {name: value for name, value in key.items() if value is not None}

    def environment(self) -> dict[str, str]:
        """Return the environment variables from which SAP's SDK reads the same credentials."""
        return {"AICORE_BASE_URL": self.base_url} | {
            f"AICORE_{name.upper()}": str.__str__(value) for name, value in self.client_arguments().items()
        }


def from_service_key(key: object, source: str) -> Credentials:
    """Return the credentials of a service key.

    Args:
        key: the parsed JSON.
        source: where it was found, for messages.

    Raises:
        CredentialsError: it is not a service key, or is incomplete.
    """
    if not isinstance(key, Mapping):
        raise CredentialsError(f"{source} is not a service key: {EXPECTED}.")
    inner = key.get("credentials")
    return _complete(_of_service_key(inner if isinstance(inner, Mapping) else key, source), source, as_in_key=True)


def read_service_key(given: Path | Secret, source: str) -> Credentials:
    """Return the credentials of a service key.

    Args:
        given: the file, or the content.
        source: which setting gave it, for messages.

    Raises:
        CredentialsError: it cannot be read, or is not a complete service key.
    """
    if isinstance(given, Path):
        what = f"the service key {shown(given)} (from {source})"
        return from_service_key(service_key_of(_read(given, what), what), what)
    return from_service_key(service_key_of(str.__str__(given), source), source)


def content_or_file(text: str, folder: Path) -> Path | Secret:
    """Return the value of `PYTEST_AICORE_SERVICE_KEY`: the content of a service key, or the path of its file.

    Args:
        text: the variable's value.
        folder: the folder that a relative path begins at.
    """
    file = folder / Path(text).expanduser()
    return Secret(text) if is_content(text) and not exists(file) else file


def find_credentials(environment: Mapping[str, str] | None = None, home: Path | None = None) -> Credentials:
    """Return the credentials that SAP's own SDK would use: all of them from the first place that has any.

    The places: `AICORE_SERVICE_KEY`, `AICORE_CLIENT_ID` and its like, the config file of the profile, `VCAP_SERVICES`.

    Args:
        environment: the environment variables; those of this process if left out.
        home: the user's home folder; that of this process if left out.

    Raises:
        CredentialsError: none were found, or those found are incomplete or contradict each other.
    """
    variables = os.environ if environment is None else environment
    searched: list[str] = []
    for source, values in (
        _service_key_variable(variables, searched),
        _variables(variables, searched),
        _config_file(variables, home or Path.home(), searched),
        _vcap_services(variables, searched),
    ):
        if values:
            return _complete(values, source)
    raise CredentialsError(
        "No credentials for SAP AI Core were found. Give a service key with --aicore-service-key=FILE (pytest-aicore"
        " sweep: --service-key=FILE).\nPlaces that were searched: " + "; ".join(searched) + "."
    )


def resource_group_of_profile(
    environment: Mapping[str, str] | None = None, home: Path | None = None
) -> tuple[str, str] | None:
    """Return the resource group of the profile's config file and its source, for messages; None if it has none.

    Args:
        environment: the environment variables; those of this process if left out.
        home: the user's home folder; that of this process if left out.
    """
    variables = os.environ if environment is None else environment
    file, _ = _config_file_path(variables, home or Path.home())
    try:
        content = parse(_read(file, ""), "")
    except CredentialsError:
        return None  # reading the credentials raises the error
    name = content.get("AICORE_RESOURCE_GROUP") if isinstance(content, Mapping) else None
    return (str(name), f"config file {file}") if name else None


def secrets_around(
    service_key: Path | Secret | None = None, home: Path | None = None, environment: Mapping[str, str] | None = None
) -> set[str]:
    """Return every secret in the places that are searched for credentials, used or not, so that it can be hidden.

    Files that cannot be read are skipped. The result is for a redactor alone.

    Args:
        service_key: the file or the content, from the setting.
        home: the user's home folder; that of this process if left out.
        environment: the environment variables; those of this process if left out.
    """
    found: set[str] = set()
    variables = os.environ if environment is None else environment
    files = [Path(file)] if (file := variables.get("AICORE_CONFIG")) else []
    texts = [variables.get(name, "") for name in ("AICORE_SERVICE_KEY", CONTENT_VARIABLE, "VCAP_SERVICES")]
    if isinstance(service_key, Path):
        files.append(service_key)
    with suppress(OSError, RuntimeError):  # the user may have no home folder
        folder = Path(variables.get("AICORE_HOME") or (home or Path.home()) / ".aicore")
        files += folder.glob("config*.json")
    texts += [text for file in files if (text := _read_quietly(file))]
    named: list[str] = []
    for text in texts:
        found |= set(secrets_of(text, named))
    found |= {value for name in _SECRET_NAMES if (value := variables.get(f"AICORE_{name.upper()}"))}
    named += [file for name in SECRET_FILES if (file := variables.get(f"AICORE_{name.upper()}"))]
    found |= {key for name in named if (key := _read_quietly(Path(name)))}
    return {text for secret in found for text in (secret, secret.strip(), secret.replace("\\n", "\n"))}


def _read_quietly(file: Path) -> str | None:
    try:
        return _read(file, "")
    except CredentialsError:
        return None


def _service_key_variable(variables: Mapping[str, str], searched: list[str]) -> tuple[str, dict[str, str]]:
    source = "environment AICORE_SERVICE_KEY"
    text = variables.get("AICORE_SERVICE_KEY", "")
    if not text.strip():
        searched.append(f"{source} (not set)")
        return source, {}
    if not is_content(text) and exists(text):
        raise CredentialsError(
            f"{source} = {shown(text)}: this is the path of a file, but the variable takes the content of a service"
            f" key. Give the file with --aicore-service-key=FILE or the environment variable {CONTENT_VARIABLE}."
        )
    key = service_key_of(text, source)
    searched.append(f"{source} (nothing usable)")
    return source, _of_service_key(key, source)


def _variables(variables: Mapping[str, str], searched: list[str]) -> tuple[str, dict[str, str]]:
    values = {name: value for name in _NAMES if (value := variables.get(f"AICORE_{name.upper()}"))}
    searched.append("environment AICORE_CLIENT_ID, AICORE_CLIENT_SECRET, ... (not set)")
    return f"environment {', '.join(f'AICORE_{name.upper()}' for name in values)}", values


def _config_file(variables: Mapping[str, str], home: Path, searched: list[str]) -> tuple[str, dict[str, str]]:
    for name in ("AICORE_CONFIG", "AICORE_HOME", "AICORE_PROFILE"):
        given = variables.get(name, "")
        if is_misplaced(given):
            expected = {"AICORE_CONFIG": "the path of a profile", "AICORE_HOME": "the path of a folder"}
            raise CredentialsError(
                f"environment {name} = {shown(given)}: expected {expected.get(name, 'the name of a profile')}, not the"
                " content of a file. The content of a service key belongs in the environment variable"
                f" {CONTENT_VARIABLE}."
            )
    file, profile = _config_file_path(variables, home)
    if not exists(file):
        if profile not in ("", "default") and not variables.get("AICORE_CONFIG"):
            raise CredentialsError(f"AICORE_PROFILE is {shown(profile)!r}, but there is no {shown(file)}.")
        searched.append(f"{shown(file)} (does not exist)")
        return str(file), {}
    what = f"the config file {shown(file)}"
    content = parse(_read(file, what), what)
    if not isinstance(content, Mapping):
        raise CredentialsError(f"{what} is not a JSON object.")
    if "clientid" in content or isinstance(content.get("credentials"), Mapping):
        raise CredentialsError(
            f"{what} is a service key, not a profile (AICORE_CLIENT_ID and similar names). Give it with"
            " --aicore-service-key=FILE."
        )
    searched.append(f"{shown(file)} (has no AICORE_* keys)")
    return f"config file {shown(file)}", {
        name: str(value) for name in _NAMES if (value := content.get(f"AICORE_{name.upper()}"))
    }


def _config_file_path(variables: Mapping[str, str], home: Path) -> tuple[Path, str]:
    """Return the path of the config file, and the name of its profile."""
    profile = variables.get("AICORE_PROFILE", "")
    if variables.get("AICORE_CONFIG"):
        return Path(variables["AICORE_CONFIG"]), profile
    name = "config.json" if profile in ("", "default") else f"config_{profile}.json"
    return Path(variables.get("AICORE_HOME") or home / ".aicore") / name, profile


def _vcap_services(variables: Mapping[str, str], searched: list[str]) -> tuple[str, dict[str, str]]:
    source = "environment VCAP_SERVICES"
    text = variables.get("VCAP_SERVICES", "")
    if not text:
        searched.append(f"{source} (not set)")
        return source, {}
    try:
        services = parse(text, source)
        bound = [service for group in services.values() for service in group if service.get("label") == "aicore"]
    except (CredentialsError, AttributeError, TypeError):
        raise CredentialsError(
            f"{source} is invalid: expected a JSON object of lists of services, as Cloud Foundry writes it."
        ) from None
    searched.append(f"{source} (no service with the label aicore)")
    credentials = bound[0].get("credentials") if bound else None
    return source, _of_service_key(credentials, source) if isinstance(credentials, Mapping) else {}


def _of_service_key(key: Mapping[str, Any], source: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, paths in _SERVICE_KEY.items():
        for path in paths:
            value: object = key
            for step in path:
                value = value.get(step) if isinstance(value, Mapping) else None
            if not value:
                continue
            if not isinstance(value, str):
                raise CredentialsError(f"{source}: {'.'.join(path)} is not a string. Copy the whole service key again.")
            values[name] = value
            break
    return values


def _complete(values: dict[str, str], source: str, *, as_in_key: bool = False) -> Credentials:
    values = {name: value if "-----" in value else value.strip() for name, value in values.items()}
    _refuse_misused(values, source, as_in_key=as_in_key)
    # A service key with X.509 has its own token endpoint.
    auth_url = values.get("cert_url") or values.get("auth_url")
    missing = [
        name
        for name, value in (
            ("base_url", values.get("base_url")),
            ("auth_url", auth_url),
            ("client_id", values.get("client_id")),
        )
        if not value
    ]
    pairs = (("client_secret",), ("cert_str", "key_str"), ("cert_file_path", "key_file_path"))
    ways = [pair for pair in pairs if all(values.get(name) for name in pair)]
    if missing or not ways:
        methods = _METHODS
        has = sorted(values)
        if as_in_key:
            missing, has = ([".".join(_SERVICE_KEY[name][0]) for name in names] for names in (missing, has))
            methods = _KEY_METHODS
        lacks = [*missing, *([] if ways else [f"a credential ({methods})"])]
        parts = [", ".join(lacks[:-1]), lacks[-1]] if len(lacks) > 1 else lacks
        raise CredentialsError(f"{source} lacks {' and '.join(parts)}. It has {listing(has, 'nothing')}.")
    if len(ways) > 1:
        raise CredentialsError(
            f"{source} has more than one credential ({' and '.join(pair[0] for pair in ways)})."
            f" Keep one of: {_METHODS}."
        )
    proof = {
        name: Secret(values[name].replace("\\n", "\n")) if name in _SECRET_NAMES else values[name] for name in ways[0]
    }
    return Credentials(
        base_url=_base_url(values["base_url"]),
        auth_url=_with_ending(str(auth_url), _TOKEN_PATH),
        client_id=values["client_id"],
        source=source,
        **proof,  # type: ignore[arg-type]
    )


def _refuse_misused(values: Mapping[str, str], source: str, *, as_in_key: bool) -> None:
    """Refuse values that do not fit their name; the message shows nothing of them."""
    for name, value in values.items():
        called = ".".join(_SERVICE_KEY[name][0]) if as_in_key else name
        if to_fill_in(value, wholly=True) is not None:
            raise CredentialsError(f"{source}: {called} {LEFT}")
        wrong = _wrong_with_url(name, value) if name in _URLS else None
        if name in SECRET_FILES and is_content(value):
            wrong = f"holds a certificate or key itself. Give it as {name.replace('file_path', 'str')}"
        elif name in SECRET_FILES and not exists(value):
            wrong = f"is the path of a file, and there is no {shown(value)}"
        if wrong is not None:
            raise CredentialsError(f"{source}: {called} {wrong}.")


def _wrong_with_url(name: str, url: str) -> str | None:
    scheme, _, rest = url.partition("://")
    if not rest or scheme.lower() not in ("http", "https"):
        return "is not a URL: it must begin with https://"
    host, _, path = rest.partition("/")
    if "@" in host:
        return "has a user or a password before its host (`user:password@`). Remove them"
    if re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d+)?", host) is None or re.search(r"[^!-~]", path):
        return "is not a URL: its host or its path has characters that are not allowed"
    if re.search(r"[?#]", path):
        return "must end before `?` or `#`"
    if name == "base_url" and re.search(r"(?:^|/)v2/(?!(?:lm/*)?$)", path):
        return "is a path below the API: it must end before or with /v2"
    return None


def _base_url(url: str) -> str:
    return _with_ending(url.rstrip("/").removesuffix("/lm"), "/v2")


def _with_ending(url: str, ending: str) -> str:
    url = url.rstrip("/")
    return url if url.endswith(ending) else url + ending


def _text_of(file: str | None) -> str | None:
    return None if file is None else Path(file).read_text(encoding="utf-8")


def _read(file: Path, what: str) -> str:
    try:
        if not file.is_file():
            file.stat()  # raises the right error if it does not exist
            kind = "a folder: give a file in it" if file.is_dir() else "not a regular file"
            raise CredentialsError(f"{what} cannot be read: it is {kind}.")
        if file.stat().st_size > _LARGEST:
            raise CredentialsError(
                f"{what} cannot be read: it has more than {_LARGEST} bytes, more than any service key."
            )
        return text_of(file.read_bytes(), what)
    except OSError as error:
        raise CredentialsError(f"{what} cannot be read: {error.strerror or type(error).__name__}.") from None
    except ValueError:
        raise CredentialsError(f"{what} cannot be read: a file cannot have this name.") from None
