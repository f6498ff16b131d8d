"""The secrets that this process has read, and a search for them in texts in any notation.

A token endpoint, a gateway or an exception may repeat a credential in any notation. So texts are also searched after
decoding: percent-encoding, escapes of JSON, Python and HTML, and line breaks in the middle. Base64 is recognized at any
offset, hexadecimal digits as well, and the beginning or end of a secret where a text was cut off.
"""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from bisect import bisect_right
from collections import defaultdict
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Span = tuple[int, int]

SHORTEST = 8
"""The least length of a secret that is searched for; shorter ones would be found inside of words."""
_PIECE = 5
"""The least length of a secret's beginning or end that is recognized where a text was cut off."""
_LONG_PIECE = 16
"""The least length of a secret's beginning that is recognized everywhere."""
_LAYERS = 8
"""How many notations may be nested: JSON in a URL in JSON; the name of a parametrized test is escaped three times, and
a secret may contain escapes itself."""
_ENTITY = r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);"
# Each part must take linear time: a run of white space matches only from its beginning.
_NOTATION = re.compile(
    r"(?:%[0-9A-Fa-f]{2})+"
    rf"|{_ENTITY}"
    r"|(?:\\u[0-9A-Fa-f]{4})+|\\U[0-9A-Fa-f]{8}|(?:\\x[0-9A-Fa-f]{2})+|(?:\\[0-3][0-7]{2})+|\\[nrt\"'/\\]"
    # A Python string that continues in the next line, as `pprint` breaks it, also in a comparison.
    r"|[\"'][ \t]*\r?\n(?:[E>|](?= ))?[ \t]*(?:[-+] [ \t]*)?[bB]?[\"']"
    # A line break with the indentation of the next line, also pytest's `E` and `>`.
    r"|(?<![ \t\r\n])[ \t]*\r?\n(?:[E>|](?= ))?[ \t\r\n]*"
)
_HTML = re.compile(_ENTITY)
_SIGNS = ("%", "&", "\\", "\n")
"""Each notation has one of these characters."""
# An ellipsis, or a note instead of it: `[237 chars]`, `<truncated>`.
_CUT_AFTER = re.compile(r"[ \t]{0,2}(?:\.\.|…|[\[(<](?:\.|…|[ +-]?\d+ |truncated|cut|snip|omitted)|\Z)")
_CUT_BEFORE = re.compile(
    r"(?:(?:\.\.|…)[\])>]?|(?:chars|characters|bytes|more|truncated|cut|snip|omitted)[\])>])[ \t]{0,2}\Z"
)
_CUT_LENGTH = 16
"""The number of characters before the end of a secret in which such a mark is searched for."""
_OF_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")

_met: set[str] = set()


def remember(secrets: Iterable[str | None]) -> None:
    """Hide these secrets in everything that this process shows from now on.

    Args:
        secrets: as they were read; None and empty ones are ignored.
    """
    _met.update(str.__str__(secret) for secret in secrets if secret)


def met() -> frozenset[str]:
    """Return the secrets that this process has read."""
    return frozenset(_met)


class Finder:
    """Finds secrets in texts.

    Args:
        secrets: the secrets; those that are too short to be distinguished from words are ignored.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        """Prepare the texts to search for."""
        lines = {line for secret in secrets for line in _lines_of(secret)}
        forms = {line.replace(" ", "+") for line in lines}  # the encoding of a space in forms
        # `b'\\xc3\\xa4'` decodes to a text in Latin-1.
        read_as_bytes = {line.encode("utf-8", "surrogatepass").decode("latin-1") for line in lines}
        # A `%41` that is a part of the secret is decoded together with the notations around it.
        plain = {layer.text for line in lines | read_as_bytes for layer in _Layer(line).layers()}
        self._whole = _longest_first(lines | plain | forms | read_as_bytes)
        self._encoded = _longest_first({each for line in lines for each in _encoded(line)})
        self._heads: defaultdict[str, list[str]] = defaultdict(list)
        self._tails: defaultdict[str, list[str]] = defaultdict(list)
        for text in (*self._whole, *self._encoded):
            if "-----" not in text and len(set(text[:_PIECE])) > 1:
                self._heads[text[:_PIECE]].append(text)
                self._tails[text[-_PIECE:]].append(text)

    def hide(self, text: str, hidden: str) -> str:
        """Return the text without the secrets.

        Args:
            text: any text.
            hidden: the replacement of a secret.
        """
        if not self._whole:
            return text
        spans: list[Span] = []
        whole = _Layer(text)
        # HTML does not escape backslashes: decoded together with them, `\\&quot;` would become `"`.
        for first in (whole, whole.inner(_HTML) if "&" in text and "\\" in text else None):
            for layer in first.layers() if first is not None else ():
                spans += [layer.origin(span) for span in self._spans(layer.text)]
        return _replaced(text, spans, hidden) if spans else text

    def _spans(self, text: str) -> Iterator[Span]:
        # Fast for the usual text without any piece of a secret: a session may write a hundred thousand of them.
        for secret in [each for each in self._whole if each in text]:
            yield from _places(text, secret)
        for head in [each for each in self._heads if each in text]:
            for secret in self._heads[head]:
                yield from _beginnings(text, secret)
        for tail in [each for each in self._tails if each in text]:
            for secret in self._tails[tail]:
                yield from _ends(text, secret)
        end = 0
        for encoded in [each for each in self._encoded if each in text]:
            for start, _ in _places(text, encoded):
                if start >= end:
                    begin, end = _run_around(text, start)
                    yield begin, end


class _Layer:
    """A decoded text, with the original place of each of its parts."""

    def __init__(self, text: str, outer: _Layer | None = None, parts: list[tuple[int, int, int]] | None = None) -> None:
        self.text = text
        self._outer = outer
        # Begin of a part, its original begin, its original end; -1 for a part that was not decoded.
        self._parts = parts or []
        self._begins = [part[0] for part in self._parts]

    def inner(self, notation: re.Pattern[str] = _NOTATION) -> _Layer | None:
        """Return the text with its outermost notation decoded, None if it has none."""
        if not any(sign in self.text for sign in _SIGNS):
            return None
        pieces: list[str] = []
        parts: list[tuple[int, int, int]] = [(0, 0, -1)]
        length = done = 0
        for found in notation.finditer(self.text):
            before, meaning = self.text[done : found.start()], _meaning(found[0])
            length += len(before)
            if meaning:
                parts.append((length, found.start(), found.end()))
                length += len(meaning)
            done = found.end()
            parts.append((length, done, -1))
            pieces += (before, meaning)
        return _Layer("".join((*pieces, self.text[done:])), self, parts) if pieces else None

    def layers(self) -> Iterator[_Layer]:
        """Yield this text, and what decoding one notation after the other makes of it."""
        layer: _Layer | None = self
        for _ in range(_LAYERS + 1):
            if layer is None:
                return
            yield layer
            layer = layer.inner()

    def origin(self, span: Span) -> Span:
        """Return the span of the original text for a span of this text."""
        if self._outer is None:
            return span
        first, last = self._part_at(span[0]), self._part_at(span[1] - 1)
        start = first[1] if first[2] >= 0 else first[1] + span[0] - first[0]
        end = last[2] if last[2] >= 0 else last[1] + span[1] - last[0]
        return self._outer.origin((start, end))

    def _part_at(self, place: int) -> tuple[int, int, int]:
        return self._parts[bisect_right(self._begins, place) - 1]


def _meaning(notation: str) -> str:
    """Return the character of an escape; line breaks are removed."""
    if notation[0] == "%":
        return unquote(notation, errors="replace")
    if notation[0] == "&":
        return unescape(notation)
    if notation[0] != "\\" or notation[1] in "nr":
        return ""
    if notation[1] == "u":  # JSON writes two of them for a character beyond 0xFFFF
        return bytes.fromhex(notation.replace("\\u", "")).decode("utf-16-be", "surrogatepass")
    if notation[1] == "U":
        return chr(min(int(notation[2:], 16), sys.maxunicode))
    if notation[1] == "x":
        return bytes.fromhex(notation.replace("\\x", "")).decode("latin-1")
    if notation[1].isdecimal():
        return "".join(chr(int(each, 8)) for each in notation.split("\\")[1:])
    return "\t" if notation[1] == "t" else notation[1]


def _lines_of(secret: str) -> Iterator[str]:
    """Return a secret and its lines, if they are long enough."""
    for text in (secret, secret.strip(), *(line.strip() for line in secret.splitlines() if "-----" not in line)):
        if len(text) >= SHORTEST:
            yield text


def _longest_first(texts: Iterable[str]) -> list[str]:
    return sorted((text for text in texts if len(text) >= SHORTEST), key=lambda text: (-len(text), text))


def _encoded(secret: str) -> Iterator[str]:
    """Return the characters that the secret has in the base64 of a text (at each of three offsets), and its hexadecimal
    digits.
    """
    content = secret.encode("utf-8", "surrogatepass")
    yield content.hex()
    yield content.hex().upper()
    for offset, cut in ((0, 0), (1, 2), (2, 3)):
        encoded = b64encode(b"\0" * offset + content).decode()[cut : (offset + len(content)) * 8 // 6]
        yield encoded
        yield encoded.translate({ord("+"): "-", ord("/"): "_"})


def _places(text: str, wanted: str) -> Iterator[Span]:
    start = text.find(wanted)
    while start >= 0:
        yield start, start + len(wanted)
        start = text.find(wanted, start + len(wanted))


def _beginnings(text: str, secret: str) -> Iterator[Span]:
    """Return the places with only the beginning of a secret: before an ellipsis or at the end, or a long beginning."""
    start = text.find(secret[:_PIECE])
    while start >= 0:
        end = start + _common(text[start : start + len(secret)], secret)
        # A mark may begin with the next character of the secret, for example `[`.
        places = range(end, max(start + _PIECE, end - _CUT_LENGTH) - 1, -1)
        if end - start < len(secret) and (
            end - start >= _LONG_PIECE or any(_CUT_AFTER.match(text, place) for place in places)
        ):
            yield start, end
        start = text.find(secret[:_PIECE], end)


def _ends(text: str, secret: str) -> Iterator[Span]:
    """Return the places with only the end of a secret, after an ellipsis."""
    for _, end in _places(text, secret[-_PIECE:]):
        start = end - _common(text[max(0, end - len(secret)) : end][::-1], secret[::-1])
        # A mark may end with the previous character of the secret, for example `]`.
        places = range(start, min(start + _CUT_LENGTH, end - _PIECE) + 1)
        if end - start < len(secret) and any(
            _CUT_BEFORE.search(text[max(0, place - _CUT_LENGTH) : place]) for place in places
        ):
            yield start, end


def _common(one: str, other: str) -> int:
    """Return the length of the common prefix of two texts."""
    for place, (mine, its) in enumerate(zip(one, other, strict=False)):
        if mine != its:
            return place
    return min(len(one), len(other))


def _run_around(text: str, place: int) -> Span:
    """Return begin and end of the base64 at a place."""
    start, end = place, place
    while start > 0 and text[start - 1] in _OF_BASE64:
        start -= 1
    while end < len(text) and text[end] in _OF_BASE64:
        end += 1
    return start, end


def _replaced(text: str, spans: list[Span], hidden: str) -> str:
    pieces: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start >= done:
            pieces += (text[done:start], hidden)
        done = max(done, end)
    return "".join((*pieces, text[done:]))
