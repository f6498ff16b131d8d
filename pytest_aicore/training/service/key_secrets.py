"""Finds every secret in a text that may hold credentials, even if a tool wrapped or damaged it; for a redactor alone.

A user whose key is not usable prints the environment to debug it. So the secrets of damaged keys are hidden as well: a
text that is not JSON is searched for names, and base64 in it is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from urllib.parse import unquote

from pytest_aicore.echo import decoded, is_content, shown
from pytest_aicore.errors import CredentialsError
from pytest_aicore.named_values import named_values
from pytest_aicore.redact import pem_blocks
from pytest_aicore.training.service.service_key import parse, service_key_of

SECRET_FILES = ("cert_file_path", "key_file_path")
"""Names in a profile whose values are paths of files with secrets."""
_SECRETS = ("client_secret", "cert_str", "key_str", "clientsecret", "certificate", "key", "password")
_DEEPEST = 5
"""How often a text may be wrapped."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}(?:\s+[A-Za-z0-9+/_-]+)*={0,2}")
_TYPED = dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f"), '"') | dict.fromkeys(map(ord, "\u2018\u2019"), "'")
"""The quotation marks that word processors write."""
_NAME = re.compile(r"(?:export\s+|set\s+|\$env:)?[A-Za-z_]\w*\s*=\s*(?=[^=\s])", re.IGNORECASE)


def secrets_of(text: str, files: list[str], depth: int = 0) -> Iterator[str]:
    """Return the secrets of a text.

    Args:
        text: the content of a variable or a file.
        files: the paths of files that hold secrets are added to it.
        depth: how many wrappings have been removed.
    """
    if not text.strip() or depth > _DEEPEST:
        return
    value = text.strip()[found.end() if (found := _NAME.match(text.strip())) else 0 :]
    if decoded(value) is not None or (len(value.split()) == 1 and shown(value) != value):
        yield value  # base64, or one damaged word: a secret in either
    was_read = False
    for read in (service_key_of, parse):
        try:
            content = read(text, "")
        except CredentialsError:
            continue
        was_read = True
        yield from _of_data(content, files, depth)
    if not was_read:
        yield from _of_damaged(text, files, depth)


def _of_data(data: object, files: list[str], depth: int) -> Iterator[str]:
    left = [("", data)]  # no recursion: from Python 3.12 on, JSON may be nested deeper than calls
    while left:
        name, value = left.pop()
        if isinstance(value, Mapping):
            left += [(name if name in _SECRETS else _plain(key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            left += [(name, inner) for inner in value]
        elif isinstance(value, str):
            if name in SECRET_FILES:
                files.append(value)
            elif name in _SECRETS:
                yield value
            if is_content(value):  # `{"service_key": "{...}"}`, as secret stores wrap it
                yield from secrets_of(value, files, depth + 1)


def _plain(name: str) -> str:
    return name.lower().removeprefix("aicore_")


def _of_damaged(text: str, files: list[str], depth: int) -> Iterator[str]:
    """Return the secrets of a text that is not valid JSON."""
    for readable in {text, unquote(text), unescape(text).translate(_TYPED)}:
        yield from pem_blocks(readable)
        for value in named_values(readable):
            yield value
            if is_content(value):
                yield from secrets_of(value, files, depth + 1)
        for found in _BASE64.finditer(readable):
            inner = decoded(found[0])
            if inner is not None:
                yield found[0]
                yield from secrets_of(inner, files, depth + 1)
