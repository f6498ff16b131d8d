"""Reads the text of a service key in the wrappings of common tools; errors explain the text and never repeat it.

Keys come from `cf service-key` (with a line before the JSON), from PowerShell's `>` (UTF-16, byte order mark) and from
secret stores (base64, quoted once more). Users also give files of another kind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pytest_aicore.echo import decoded
from pytest_aicore.errors import CredentialsError

EXPECTED = "expected a JSON object with clientid, clientsecret, url and serviceurls"
_KINDS = {list: "a list", str: "a text", bool: "true or false", type(None): "null", int: "a number", float: "a number"}
_VARIABLE = re.compile(r"\s*(?:#[^\n]*\n\s*)*(?:export\s+|set\s+|\$env:)?[A-Za-z_]\w*\s*=", re.IGNORECASE)
_YAML = re.compile(r"\s*(?:#[^\n]*\n\s*|---\s*\n\s*)*[\w.-]+:(?:\s|$)")
_DEEPEST = 4
"""How many wrappings a key may have: a quoted text in base64 in an object `credentials` has three."""


def text_of(content: bytes, source: str) -> str:
    """Return the text of a file.

    Args:
        content: the bytes, in UTF-8, UTF-16 or UTF-32.
        source: where it was found, for messages.

    Raises:
        CredentialsError: the bytes are not text.
    """
    try:
        return content.decode(json.detect_encoding(content))
    except UnicodeDecodeError:
        raise CredentialsError(f"{source} cannot be read: it is neither UTF-8 nor UTF-16 text.") from None


def parse(text: str, source: str) -> Any:
    """Parse a JSON text.

    Args:
        text: the JSON, with or without byte order mark.
        source: where it was found, for messages.

    Raises:
        CredentialsError: it is not valid JSON; the message has the position, and no part of the text.
    """
    try:
        return json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise CredentialsError(f"{source} is not valid JSON: {error}.") from None
    except (ValueError, RecursionError):
        raise CredentialsError(f"{source} is not valid JSON: a number or a nesting in it is too large.") from None


def service_key_of(text: str, source: str) -> Mapping[str, Any]:
    """Return the service key in a text.

    Args:
        text: JSON, base64 of it, or the output of a tool that ends in it.
        source: where it was found, for messages.

    Raises:
        CredentialsError: it has none; the message says what the text is instead, if that can be recognized.
    """
    value = _read(text, source)
    for _ in range(_DEEPEST):
        # The BTP command line wraps the key into {"credentials": {...}}; secret stores may quote it.
        if isinstance(value, Mapping) and isinstance(value.get("credentials"), (Mapping, str)):
            value = value["credentials"]
        elif isinstance(value, str):
            value = _read(value, source)
        else:
            break
    if not isinstance(value, Mapping):
        raise CredentialsError(f"{source} is not a service key: {EXPECTED}, not {_KINDS[type(value)]}.")
    other = _of_another_kind(value)
    if other is not None:
        raise CredentialsError(f"{source} is {other}")
    return value


def _read(text: str, source: str) -> Any:
    text = text.lstrip("\ufeff").strip()
    if not text:
        raise CredentialsError(f"{source} is empty: {EXPECTED}.")
    unpacked = decoded(text)
    if unpacked is not None:
        return _read(unpacked, source)
    if text[0] not in '{["':
        begin = re.search(r"^\s*\{", text, re.MULTILINE)
        if begin is not None:  # the output of `cf service-key` begins with a line of text
            return parse(text[begin.start() :], f"{source}, without the text before the first brace,")
        other = _text_of_another_kind(text)
        if other is not None:
            raise CredentialsError(f"{source} is {other}")
    if re.match(r"\{\s*'", text):
        raise CredentialsError(
            f"{source} is a Python dictionary, not a service key. JSON has double quotes: write it with `json.dumps`."
        )
    return parse(text, source)


def _text_of_another_kind(text: str) -> str | None:
    if "-----BEGIN" in text:
        return (
            "a certificate or private key (PEM), not a service key. With a client certificate, give the service key"
            " that holds `certificate` and `key`, or set AICORE_CERT_FILE_PATH and AICORE_KEY_FILE_PATH beside"
            " AICORE_CLIENT_ID, AICORE_AUTH_URL and AICORE_BASE_URL."
        )
    if _VARIABLE.match(text):
        return (
            "a line of variables (NAME=value), not a service key. Give only the value after the `=`, without its"
            " quotes, or set the variables in the environment."
        )
    if text[0] in "'`\u2018\u201c" and "{" in text[:4]:
        return f"JSON in quotes that JSON does not allow ({text[0]}), not a service key. Give it without them."
    if text[:3].upper() == "%7B":
        return "JSON encoded for a URL (%7B...), not a service key. Give it without the encoding."
    if text.startswith("<"):
        return "XML or HTML, not a service key. Download the key again: a login page may have been saved in its place."
    if _YAML.match(text):
        return (
            f"YAML or a list of names and values, not a service key: {EXPECTED}. From a secret of Kubernetes, give the"
            " value of its `data` that holds the key."
        )
    return None


def _of_another_kind(value: Mapping[str, Any]) -> str | None:
    """Describe an object of another tool that is often given by mistake; None for a possible service key."""
    if any(isinstance(name, str) and name.startswith("AICORE_") for name in value):
        return (
            "a profile of AICORE_HOME (AICORE_CLIENT_ID and similar names), not a service key. Give the path of its"
            " file in the environment variable AICORE_CONFIG instead."
        )
    if "VCAP_SERVICES" in value or _is_vcap(value):
        return (
            "the content of Cloud Foundry's VCAP_SERVICES, not a service key. Set that variable to it, or give only"
            " the `credentials` of its service `aicore`."
        )
    if "apiVersion" in value or value.get("kind") == "Secret":
        return (
            "a Kubernetes object, not a service key. Give the value of its `data` that holds the key, with or without"
            " its base64 encoding."
        )
    return None


def _is_vcap(value: Mapping[str, Any]) -> bool:
    return any(
        isinstance(group, list) and any(isinstance(each, Mapping) and "credentials" in each for each in group)
        for group in value.values()
    )
