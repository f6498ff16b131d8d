"""The one place that knows what a secret looks like.

Everything that leaves pytest-aicore as text (logs, sections, reports, errors, files) passes through
[redact][pytest_aicore.redact.redact] or one of its relatives first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HIDDEN = "***"

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"})
_SENSITIVE_NAME = (
    r"(?:access_?token|refresh_?token|id_?token|client_?secret|password|passwd|certificate|private_?key"
    r"|(?:cert|key)_str|aws_secret_access_key|aws_access_key_id|\.dockerconfigjson|aicore_service_key)"
)
_RULES = (
    # A PEM block, also one whose line ends were escaped into `\n`.
    (re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL), HIDDEN),
    # `Authorization: Bearer <anything>`, `Basic <base64>`.
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    # A JSON web token wherever it stands.
    (re.compile(r"\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"), HIDDEN),
    # "client_secret": "..."  as JSON, as a Python dict, escaped inside another string.
    (
        re.compile(
            rf"""((?:\\*["'])?{_SENSITIVE_NAME}\\*["']\s*:\s*(\\*["']))(?:(?!\2).)*(\2)?""",
            re.IGNORECASE | re.DOTALL,
        ),
        rf"\1{HIDDEN}\3",
    ),
    # client_secret=...  in a form body, a query string, an environment listing.
    (re.compile(rf"(\b{_SENSITIVE_NAME}=)[^&\s\"']+", re.IGNORECASE), rf"\1{HIDDEN}"),
    # https://user:password@host
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^/\s:@]*:)[^/\s@]+(@)", re.IGNORECASE), rf"\1{HIDDEN}\2"),
)


def redact(text: str) -> str:
    """Return the text with everything that looks like a credential or token replaced by `***`."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with the values of those that carry credentials replaced by `***`."""
    return {name: HIDDEN if name.lower() in _SECRET_HEADERS else redact(value) for name, value in headers.items()}


class Secret(str):
    """A string that works as itself but never shows itself: its `repr` is `'***'`.

    `str(secret)` still is the value, because HTTP libraries need it; what formats objects for people
    (pytest's `--showlocals`, logging of containers, dataclass reprs) uses `repr`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Return `'***'`."""
        return repr(HIDDEN)
