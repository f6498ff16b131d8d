"""Hides secrets in texts and data; the only module that declares the shapes of secrets.

Every text that leaves pytest-aicore (logs, sections, reports, errors, files) passes through
[redact][pytest_aicore.redact.redact] or a related function first. They hide the secrets that this process has read
(`known_secrets.py`), values under a name that means a secret (`named_values.py`), and texts with the shape of a secret.
Python expressions stay: they show where a value comes from, not the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_aicore.known_secrets import Finder, met
from pytest_aicore.named_values import hide_named_values
from pytest_aicore.secret_names import is_secret_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HIDDEN = "***"

# Each pattern must take linear time: no unbounded repetition before the characters that a match needs.
_WORDS = re.compile(
    "token|secret|passw|passphrase|passcode|pass|pwd|key|credential|certificate|auth|cookie|jwt|sas|cert_str"
    "|dockerc|privatedata|private.data|sharedaccess|conn.{0,9}str|pw"
)
"""Each name that means a secret has one of them, in lower case."""
_SHAPES: tuple[tuple[re.Pattern[str], re.Pattern[str], str], ...] = tuple(
    (re.compile(needed), re.compile(shape, re.DOTALL), replacement)
    for needed, shape, replacement in (
        # A JSON web token.
        ("eyj", r"\beyJ(?:[A-Za-z0-9_]|-(?!eyJ)){4,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?", HIDDEN),
        # https://user:password@host, and https://token@host
        ("@", r"(\b[A-Za-z][A-Za-z0-9+.-]{0,40}://[^/\s:@]*:)[^/\s@]+(@)", rf"\1{HIDDEN}\2"),
        ("@", r"(\b[A-Za-z][A-Za-z0-9+.-]{0,40}://)(?=[A-Za-z_.~-]{0,60}\d)[\w.~-]{20,}(@)", rf"\1{HIDDEN}\2"),
        # A signature of a URL that gives access by itself (Azure, AWS, Google, CloudFront).
        (
            "sig|x-amz-|x-goog-",
            r"(?i)([?&;](?:amp;)?(?:sig|signature|x-(?:amz|goog)-(?:signature|credential|security-token))=)[^&\s\"'<>\\]+",
            rf"\1{HIDDEN}",
        ),
        # Tokens with a prefix of their service: GitHub, GitLab, Hugging Face, OpenAI and similar ones, AWS, Slack, npm,
        # PyPI, Google, Docker.
        (
            "gh[pousr]_|github_pat_|glpat-|hf_|sk-|akia|asia|xox|npm_|pypi-|aiza|ya29|dckr_",
            (
                r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|hf_[A-Za-z0-9]{16,}"
                r"|sk-(?=[A-Za-z_-]{0,40}\d)[\w-]{20,}|(?:AKIA|ASIA)[A-Z0-9]{16}\b|xox[abeprs]-[\w-]{10,}"
                r"|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,}|AIza[\w-]{30,}|ya29\.[\w-]{20,}|dckr_(?:pat|oat)_[\w-]{16,})"
            ),
            HIDDEN,
        ),
    )
)
"""A cheap pattern that a lower-case text must match first, the shape, and the replacement."""
_BLOCK = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
# The rest of a PEM block whose beginning was cut off, also if its line ends were escaped into `\n`. It is recognized
# by its end, so the text is searched backwards.
_END_OF_BLOCK = re.compile(r"-----[A-Z0-9 ]+ DNE-----(?:[nr]\\+|[A-Za-z0-9+/=\s'\"]){16,}")

_SCHEME = re.compile(r"\b(Bearer|Basic)(\s+)([A-Za-z0-9._~+/=-]{8,})", re.IGNORECASE)
_PROSE = re.compile(r"(?:[a-z]{1,19}|[A-Z][a-z]{1,18}|[A-Z]{1,19})(?:-[A-Za-z][a-z]{0,18}){0,3}[.]{0,3}")
"""Words that may follow `Basic` and `Bearer` in a sentence: `authentication`, `token-based`."""

_KEPT, _LONG = 5000, 500
"""How many redacted texts are cached, and the longest one, in characters: one or two megabytes. Of longer ones, as many
are recognised that had no secret: a report with its traceback passes through several hooks.
"""


def _without_shapes(text: str) -> str:
    lower = text.lower()
    if "-----" in lower:
        text = _BLOCK.sub(HIDDEN, text)
        text = _END_OF_BLOCK.sub(HIDDEN[::-1], text[::-1])[::-1]
    for needed, shape, replacement in _SHAPES:
        if needed.search(lower):
            text = shape.sub(replacement, text)
    if "bearer" in lower or "basic" in lower:
        text = _SCHEME.sub(_without_proof, text)
    return hide_named_values(text, HIDDEN) if _WORDS.search(lower) else text


def _without_proof(found: re.Match[str]) -> str:
    """Return `Bearer ***`, or the unchanged text if it is part of a sentence."""
    scheme, between, proof = found.groups()
    return found[0] if _PROSE.fullmatch(proof) else f"{scheme}{between}{HIDDEN}"


class _Known:
    """A set of secrets with a cache of redacted texts, because several hooks redact the same report.

    Args:
        secrets: the secrets.
    """

    def __init__(self, secrets: frozenset[str]) -> None:
        self.secrets = secrets
        self._finder = Finder(secrets)
        self._clean: dict[str, str] = {}
        self._long_and_clean: set[int] = set()

    def without(self, text: str) -> str:
        """Return the text without these secrets, and without texts with the shape of a secret."""
        if len(text) > _LONG:
            return self._without_of_long(text)
        clean = self._clean.get(text)
        if clean is None:
            clean = self._searched(text)
            if len(self._clean) >= _KEPT:
                self._clean.clear()
            self._clean[text] = clean
        return clean

    def _without_of_long(self, text: str) -> str:
        key = hash(text)
        if key in self._long_and_clean:
            return text
        clean = self._searched(text)
        if clean == text:
            if len(self._long_and_clean) >= _KEPT:
                self._long_and_clean.clear()
            self._long_and_clean.add(key)
        return clean

    def _searched(self, text: str) -> str:
        return _without_shapes(self._finder.hide(text, HIDDEN))


class Redactor:
    """Hides what `redact` hides, and further secrets that the caller knows.

    Args:
        secrets: returns the further secrets; called for each text, because tokens change.
    """

    def __init__(self, secrets: Callable[[], Iterable[str]] = tuple) -> None:
        """Take the source of further secrets; it is not called yet."""
        self._secrets = secrets
        self._latest = _Known(frozenset())  # replaced as a whole, because other threads use it as well

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        secrets = met().union(self._secrets())
        known = self._latest
        if secrets != known.secrets:
            self._latest = known = _Known(secrets)
        return known.without(text)

    def data(self, value: Any, name: str = "") -> Any:
        """Return data without secrets: every text is redacted, and every value under a name that means a secret.

        Args:
            value: mappings, lists, tuples, texts and other objects; an object whose text shows a secret becomes the
                redacted text.
            name: the name of the value.
        """
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Mapping):
            label = value.get("key", value.get("name"))
            of_pair = label if isinstance(label, str) and "value" in value else ""
            return {
                self(inner) if isinstance(inner, str) else inner: self.data(
                    value[inner],
                    of_pair if inner == "value" and is_secret_name(of_pair) else _nearest(str(inner), name),
                )
                for inner in value
            }
        if isinstance(value, (list, tuple)):
            clean = [self.data(inner, name) for inner in value]
            return tuple(clean) if isinstance(value, tuple) else clean
        if is_secret_name(name) and (isinstance(value, (str, bytes)) or not isinstance(value, (int, float))):
            return HIDDEN if value else value
        if isinstance(value, (int, float)):
            return value
        if isinstance(value, str):
            return self(value)
        try:
            shown = str(value)
        except Exception:
            return value
        return value if self(shown) == shown else self(shown)


def _nearest(name: str, outer: str) -> str:
    """Return the name that decides about a value: its own, unless the outer name means a secret."""
    return outer if is_secret_name(outer) else name


_redact = Redactor()


def redact(text: str) -> str:
    """Return the text with all known or apparent credentials and tokens replaced by `***`."""
    return _redact(text)


def pem_blocks(text: str) -> list[str]:
    """Return the certificates and private keys (PEM) of a text; the last one may be cut off."""
    return _BLOCK.findall(text)


def redact_data(value: Any) -> Any:
    """Return data without secrets, as `Redactor.data` does."""
    return _redact.data(value)


class Secret(str):
    """A string whose `repr` is `'***'`, so that it is not shown by accident.

    `str(secret)` is still the value, because HTTP libraries need it; code that formats objects for people
    (pytest's `--showlocals`, logging of containers, dataclass reprs) uses `repr`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Return `'***'`."""
        return repr(HIDDEN)
