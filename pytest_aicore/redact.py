"""The one place that knows what a secret looks like.

Everything that leaves pytest-aicore as text (logs, sections, reports, errors, files) passes through
[redact][pytest_aicore.redact.redact] or one of its relatives first.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HIDDEN = "***"

_SENSITIVE_NAME = (
    r"(?:access_?token|refresh_?token|id_?token|client_?secret|password|passwd|certificate|private_?key"
    r"|(?:cert|key)_str|aws_secret_access_key|aws_access_key_id|\.dockerconfigjson|aicore_service_key)"
)
_NAME_PARTS = ("token", "secret", "passw", "certificate", "key", "cert_str", "dockerconfig")
"""One of them, in lower case, is in everything that `_SENSITIVE_NAME` finds."""
_QUOTE = r"""\\{0,63}["']"""
"""A quotation mark, in a string that may stand in strings that are escaped five times over."""
# No rule may take more than linear time, whatever the text: nothing without bound before what a match needs.
# Each rule after what a text must have, in lower case, for the rule to find anything: looking for that is cheap.
_RULES: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    # `Authorization: Bearer <anything>`, `Basic <base64>`.
    (
        ("bearer", "basic"),
        re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE),
        rf"\1 {HIDDEN}",
    ),
    # A JSON web token wherever it stands.
    (("eyj",), re.compile(r"\beyJ(?:[A-Za-z0-9_]|-(?!eyJ)){4,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"), HIDDEN),
    # "client_secret": "..."  as JSON, as a Python dict, escaped inside another string.
    (
        _NAME_PARTS,
        re.compile(rf"""({_SENSITIVE_NAME}{_QUOTE}\s*:\s*({_QUOTE}))(?:(?!\2).)*(\2)?""", re.IGNORECASE | re.DOTALL),
        rf"\1{HIDDEN}\3",
    ),
    # client_secret=...  in a form body, a query string, an environment listing.
    (
        _NAME_PARTS,
        re.compile(rf"((?<![a-z0-9]){_SENSITIVE_NAME}=)[^&\s\"']+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    # client_secret = '...'  as Python code, or as pytest shows local variables.
    (
        _NAME_PARTS,
        re.compile(
            rf"""((?<![a-z0-9]){_SENSITIVE_NAME}\s*=\s*b?({_QUOTE}))(?:(?!\2).)*(\2)?""", re.IGNORECASE | re.DOTALL
        ),
        rf"\1{HIDDEN}\3",
    ),
    # https://user:password@host
    (
        ("@",),
        re.compile(r"(\b[a-z][a-z0-9+.-]{0,40}://[^/\s:@]*:)[^/\s@]+(@)", re.IGNORECASE),
        rf"\1{HIDDEN}\2",
    ),
)


_BLOCK = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
# What is left of a PEM block whose beginning was cut off, also one whose line ends were escaped into `\n`. It is
# known by its end, so the text is read backwards.
_END_OF_BLOCK = re.compile(r"-----[A-Z0-9 ]+ DNE-----(?:[nr]\\+|[A-Za-z0-9+/=\s'\"]){16,}")


def redact(text: str) -> str:
    """Return the text with everything that looks like a credential or token replaced by `***`."""
    lower = text.lower()
    if "-----" in lower:
        text = _BLOCK.sub(HIDDEN, text)
        text = _END_OF_BLOCK.sub(HIDDEN[::-1], text[::-1])[::-1]
    for words, pattern, replacement in _RULES:
        if any(word in lower for word in words):
            text = pattern.sub(replacement, text)
    return text


_SENSITIVE = re.compile(rf"(?:.*[^a-z0-9])?{_SENSITIVE_NAME}", re.IGNORECASE | re.DOTALL)
_SHORTEST = 8
"""Characters of a secret that is looked for everywhere; what is shorter would be found in words."""


class Redactor:
    """Hides what looks like a secret, and besides that every secret it knows, wherever and however it stands.

    Args:
        secrets: gives the secrets that are known now; asked for each text, because tokens come and go.
    """

    def __init__(self, secrets: Callable[[], Iterable[str]]) -> None:
        """Take who knows the secrets; nothing is asked yet."""
        self._secrets = secrets
        self._known: frozenset[str] = frozenset()
        self._written: list[str] = []

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        known = frozenset(secret for secret in self._secrets() if len(secret) >= _SHORTEST)
        if known != self._known:
            self._known = known
            # The longest first: one may be a part of another.
            self._written = sorted({each for secret in known for each in _written(secret)}, key=len, reverse=True)
        for secret in self._written:
            text = text.replace(secret, HIDDEN)
        return redact(text)

    def data(self, value: Any) -> Any:
        """Return plain data without secrets: in every text, and in the values of names that mean secrets."""
        if isinstance(value, dict):
            return {
                name: HIDDEN if isinstance(inner, str) and _SENSITIVE.fullmatch(str(name)) else self.data(inner)
                for name, inner in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.data(inner) for inner in value]
        return self(value) if isinstance(value, str) else value


def _written(secret: str) -> Iterable[str]:
    """Return how a secret may be written: as it is, in a URL, in a string of Python or JSON, line by line."""
    from urllib.parse import quote, quote_plus

    for text in (secret, *(line for line in secret.splitlines() if not line.startswith("-----"))):
        if len(text) >= _SHORTEST:
            yield from (
                text,
                quote(text),
                quote(text, safe=""),
                quote_plus(text),
                repr(text)[1:-1],
                json.dumps(text)[1:-1],
            )


class Secret(str):
    """A string that works as itself but never shows itself: its `repr` is `'***'`.

    `str(secret)` still is the value, because HTTP libraries need it; what formats objects for people
    (pytest's `--showlocals`, logging of containers, dataclass reprs) uses `repr`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Return `'***'`."""
        return repr(HIDDEN)
