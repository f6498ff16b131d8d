"""What a message may repeat of what a user gave: a path or a name, but never what may be a secret.

CI systems keep service keys as texts, so sooner or later one stands where a path or a name is expected. Such a value is
not repeated: neither in an error, nor in the header, nor in a file.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore.redact import HIDDEN, redact

if TYPE_CHECKING:
    from collections.abc import Sequence

MISPLACED = (
    "an argument is what a file holds (JSON, base64, PEM), and a path or a name is expected. It is not repeated here,"
    " but others see the arguments of a running program: name a file, or set the environment variable"
    " PYTEST_AICORE_SERVICE_KEY to the content of a service key."
)
_LONGEST_WORD = 64
"""Characters of a word in a path or a name; keys and tokens have more."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_BASE64_PREFIX = re.compile(r"(?:data:[^,\s]{0,99};base64,|base64:)", re.IGNORECASE)
_BEGINS = re.compile(r"""\{\s*["'}]|\[\s*[\[{"]|"\s*(?:\{|[A-Za-z0-9+/=_-]{16})""")
"""How JSON begins, also what is quoted once more; a path that happens to be base64 does not."""
_ASSIGNED = re.compile(r"(?:export\s+|set\s+|\$env:)?\w+\s*=\s*['\"]?\{", re.IGNORECASE)
_CLIENT_SECRET = re.compile(r"client_?secret\W{0,8}[:=%]", re.IGNORECASE)
_RARE = re.compile(r"[!\"#$%&*;<>?^`|{}]")
_RAREST = 3
"""How many characters a name may have that names seldom have."""
_RANDOM = re.compile(r"(?=[^\d]*\d)(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])[A-Za-z0-9+$=]{20,}")
"""A word of digits, small and capital letters: a password has them all, a name seldom."""


def is_content(text: str) -> bool:
    """Tell whether a text that was given as a path or a name is what a file holds: a service key, a certificate."""
    stripped = text.strip().lstrip("\ufeff")
    return (
        re.search(r"[\0\r\n]", stripped) is not None
        or stripped.startswith("{")
        or "-----BEGIN" in stripped
        or _ASSIGNED.match(stripped) is not None
        or _CLIENT_SECRET.search(stripped) is not None
        or _is_json(stripped)
        or decoded(stripped) is not None
    )


def is_misplaced(text: str) -> bool:
    """Tell whether a text is what a file holds, and not what a file is called after all."""
    return is_content(text) and not exists(text)


def decoded(text: str) -> str | None:
    """Return the text that a text in base64 stands for if that is JSON or base64 again, None otherwise.

    Secret stores write `base64:` before it, browsers `data:application/json;base64,`.
    """
    packed = _BASE64_PREFIX.sub("", "".join(text.split()), count=1)
    if _BASE64.fullmatch(packed) is None:
        return None
    packed = packed.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        content = base64.b64decode(packed + "=" * (-len(packed) % 4))
        inner = content.decode(json.detect_encoding(content)).lstrip("\ufeff").strip()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return inner if _BEGINS.match(inner) or decoded(inner) is not None else None


def exists(path: str | Path) -> bool:
    """Tell whether there is something at a path; whatever the text is, no error."""
    try:
        return Path(path).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # nothing can be called that
        return False


def seen_from(path: str | os.PathLike[str], start: str | os.PathLike[str] | None = None) -> str:
    """Return a path relative to a folder; as it is where it is on another drive, which only Windows has.

    Args:
        path: any.
        start: the folder; the current one if left out.
    """
    try:
        return os.path.relpath(path, start)
    except ValueError:
        return os.fspath(path)


def is_glob(text: str) -> bool:
    """Tell whether a path is a pattern of several."""
    return any(character in text for character in "*?[")


def shown(value: object) -> str:
    """Return a value as a message may repeat it, or how long it is.

    Args:
        value: what a user gave.
    """
    text = str(value)
    return text if _may_be_shown(text) else _hidden(text)


def parts_shown(parts: Sequence[str]) -> list[str]:
    """Return the parts of one value as a message may repeat them.

    Args:
        parts: what a user gave as a list. If one of them may be a secret, the others may be the rest of it.
    """
    if all(shown(text) == text for text in (*parts, " ".join(parts))):
        return [*parts]
    return [_hidden(part) for part in parts]


def _hidden(text: str) -> str:
    return f"{HIDDEN} ({len(text)} characters, not shown because they may be a secret)"


def _may_be_shown(text: str) -> bool:
    if not text.isprintable() or redact(text) != text or is_content(text):
        return False
    if exists(text):
        return True
    if len(_RARE.findall(text)) > _RAREST:
        return False
    folder, name = os.path.split(text)
    words = re.split(r"[\s/\\.,:;'\"-]", name if folder.strip("/\\") and exists(folder) else text)
    return all(len(word) <= _LONGEST_WORD and not _RANDOM.search(word) for word in words)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), (dict, list, str))
    except (ValueError, RecursionError):
        return False
