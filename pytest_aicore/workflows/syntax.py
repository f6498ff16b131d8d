"""What a YAML syntax error means in human words.

A YAML parser reports where it could go on no longer, which is often not where the mistake is, in terms of its
grammar. Templates break in a dozen ways over and over; each is recognised here by the lines around it.
Everything else keeps the parser's own words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Explanation(NamedTuple):
    """A syntax error: what kind of mistake, where, what happened, what to do."""

    kind: str
    line: int
    column: int
    what: str
    remedy: str


def explain(
    lines: Sequence[str],
    *,
    problem: str,
    line: int,
    column: int,
    context_line: int | None,
    context_column: int | None,
) -> Explanation:
    """Return the best explanation of what a YAML parser stumbled over.

    Args:
        lines: the lines of the file, without line ends.
        problem: the parser's words.
        line: line at which it stopped, counted from 1.
        column: column at which it stopped, counted from 1.
        context_line: line on which the construct began that it was reading, if it told.
        context_column: the column of that.
    """
    error = _SyntaxError(lines, problem, line, column, context_line, context_column)
    for recognise in _RECOGNISERS:
        explanation = recognise(error)
        if explanation is not None:
            return explanation
    return Explanation(
        "syntax",
        line,
        column,
        f"This is no YAML: {problem}.",
        "Check indentation, colons and quotes of this line and the lines above it.",
    )


class _SyntaxError:
    """The parser's report together with the lines that matter for it."""

    def __init__(
        self,
        lines: Sequence[str],
        problem: str,
        line: int,
        column: int,
        context_line: int | None,
        context_column: int | None,
    ) -> None:
        self.lines = lines
        self.problem = problem
        self.line = line
        self.column = column
        self.context_line = context_line
        self.context_column = context_column

    def text(self, line: int) -> str:
        return self.lines[line - 1] if 0 < line <= len(self.lines) else ""

    @property
    def here(self) -> str:
        return self.text(self.line)

    def above(self) -> tuple[int, str]:
        """Return number and text of the nearest line above that says something; 0 without one."""
        for number in range(min(self.line, len(self.lines) + 1) - 1, 0, -1):
            stripped = self.text(number).strip()
            if stripped and not stripped.startswith("#"):
                return number, self.text(number)
        return 0, ""

    def suspects(self) -> list[int]:
        """Return the lines on which the mistake may stand: where the parser stopped, and where it began."""
        return [self.line] if self.context_line in (None, self.line) else [self.line, self.context_line or self.line]


_KEY = re.compile(
    r"""^(?P<dashes>(?:\s*-\s+)*\s*)(?P<key>"[^"]*"|'[^']*'|[^\s:#"'{\[-][^:#]*?)\s*:(?:\s+(?P<value>.*))?$"""
)
_PLACEHOLDER = re.compile(r"(?:^|[:\-,\[]\s+|^\s*)(\{\{.*)")
_UNSPACED_COMMENT = re.compile(r"[^\s#\"']#")


def _indentation(text: str) -> int:
    """Return the column, counted from 1, of the first key or value of a line, list dashes skipped."""
    return len(text) - len(re.sub(r"^\s*(?:-\s+)*", "", text)) + 1


def _quoted(text: str, width: int = 40) -> str:
    text = text.strip()
    return f"`{text if len(text) <= width else text[: width - 3] + '...'}`"


def _tab(error: _SyntaxError) -> Explanation | None:
    for line in error.suspects():
        blank = re.match(
            r"[ ]*\t", error.text(line)[: max(error.column, 1)] if line == error.line else error.text(line)
        )
        if blank is not None:
            return Explanation(
                "tab",
                line,
                blank.end(),
                "A TAB stands in the indentation of this line; YAML indents with spaces only.",
                "Replace each TAB by spaces.",
            )
    if "'\\t'" in error.problem or error.text(error.line)[error.column - 1 : error.column] == "\t":
        return Explanation(
            "tab",
            error.line,
            error.column,
            "A TAB stands where YAML only allows spaces.",
            "Replace each TAB by spaces.",
        )
    return None


def _placeholder(error: _SyntaxError) -> Explanation | None:
    for line in error.suspects():
        text = error.text(line)
        found = _PLACEHOLDER.search(text)
        if found is not None and text[: found.start(1)].count('"') % 2 == 0:
            return Explanation(
                "unquoted-placeholder",
                line,
                found.start(1) + 1,
                "A value that begins with `{{` is a map in a map for YAML, not a placeholder.",
                'Put the whole value in quotes: "{{...}}".',
            )
    return None


def _comment(error: _SyntaxError) -> Explanation | None:
    if "mapping values are not allowed" not in error.problem:
        return None
    before = error.here[: error.column - 1]
    key = _KEY.match(error.here)
    found = _UNSPACED_COMMENT.search(before, key.start("value")) if key and key.group("value") else None
    if found is None:
        return None
    return Explanation(
        "comment-without-space",
        error.line,
        found.start() + 2,
        "This `#` begins no comment, for no space stands before it: the whole line belongs to the value.",
        "Put a space before the `#`.",
    )


def _nested_colon(error: _SyntaxError) -> Explanation | None:
    if "mapping values are not allowed" not in error.problem:
        return None
    key = _KEY.match(error.here[: error.column - 1])
    if key is None:
        return None
    return Explanation(
        "colon-in-value",
        error.line,
        error.column,
        f"The value of `{key.group('key')}` contains a colon and a space, so YAML takes it for a second key.",
        "Put the value in quotes, or begin a new line after the first colon.",
    )


def _too_deep(error: _SyntaxError) -> Explanation | None:
    if "mapping values are not allowed" not in error.problem:
        return None
    number, above = error.above()
    parent = _KEY.match(above)
    indentation = _indentation(error.here)
    if not number:
        return None
    if error.here.lstrip().startswith("- "):
        if parent is None or not parent.group("value"):
            return None
        return Explanation(
            "list-under-value",
            error.line,
            error.here.index("-") + 1,
            f"A list stands below {_quoted(above.lstrip(' -'))} in line {number}, which already has a value.",
            f"Remove the value of `{parent.group('key')}`, or put the list's own key on a line above it.",
        )
    wanted = _indentation(above)
    if indentation <= wanted:
        return None
    key = error.here[indentation - 1 : error.column - 1]
    return Explanation(
        "indented-too-deep",
        error.line,
        indentation,
        f"{_quoted(key + ':')} is indented deeper than {_quoted(above.lstrip(' -'))} in line {number}, "
        "so YAML takes it for a part of that value.",
        f"Indent it by {wanted - 1} spaces like the key above it, not by {indentation - 1}.",
    )


def _stray_line(error: _SyntaxError) -> Explanation | None:
    if "could not find expected ':'" not in error.problem:
        return None
    line = error.context_line or error.line
    text = error.text(line)
    return Explanation(
        "no-key",
        line,
        _indentation(text),
        f"{_quoted(text)} stands where a key is expected, but no colon follows it.",
        "Add the colon, or remove what was typed there by accident.",
    )


def _unclosed_quote(error: _SyntaxError) -> Explanation | None:
    if "unexpected end of stream" not in error.problem and "unexpected document separator" not in error.problem:
        return None
    line, column = error.context_line or error.line, error.context_column or error.column
    return Explanation(
        "quote-not-closed",
        line,
        column,
        "The quotation mark that opens here is never closed.",
        "Close it at the end of the value.",
    )


def _unclosed_bracket(error: _SyntaxError) -> Explanation | None:
    found = re.search(r"expected ',' or '([]}])'", error.problem)
    if found is None or error.context_line is None or error.context_column is None:
        return None
    opening = "[" if found.group(1) == "]" else "{"
    return Explanation(
        "bracket-not-closed",
        error.context_line,
        error.context_column,
        f"The `{opening}` that opens here is not closed before line {error.line}, "
        f"or a comma between its items is missing there.",
        f"Close it with `{found.group(1)}`, or put the value in quotes if the bracket belongs to a text.",
    )


def _after_quote(error: _SyntaxError) -> Explanation | None:
    if "expected <block end>, but found '<scalar>'" not in error.problem:
        return None
    before = error.here[: error.column - 1].rstrip()
    if not before or before[-1] not in "\"'":
        return None
    return Explanation(
        "text-after-quote",
        error.line,
        error.column,
        f"{_quoted(error.here[error.column - 1 :])} follows a value in quotes on the same line.",
        "Put the whole value in quotes, or a space and a `#` before a comment.",
    )


def _dash_without_key(error: _SyntaxError) -> Explanation | None:
    if (
        "expected <block end>, but found '-'" not in error.problem
        and "sequence entries are not allowed" not in error.problem
    ):
        return None
    number, above = error.above()
    if error.here[: error.column - 1].strip():
        return Explanation(
            "list-on-key-line",
            error.line,
            error.column,
            "A list cannot begin on the line of its key.",
            "Begin a new line before the dash, or write the list in brackets: [...].",
        )
    return Explanation(
        "list-without-key",
        error.line,
        error.column,
        "A list item stands where a key is expected"
        + (f" after {_quoted(above.lstrip(' -'))} in line {number}." if number else "."),
        "Put the list's own key (`arguments:`, `artifacts:`, ...) on a line above it, or indent the dash "
        "like the other items of its list.",
    )


def _uneven(error: _SyntaxError) -> Explanation | None:
    if "expected <block end>, but found" not in error.problem:
        return None
    beginning = (
        f" What it would belong to begins in line {error.context_line}, column {error.context_column}."
        if error.context_line is not None
        else ""
    )
    return Explanation(
        "uneven-indentation",
        error.line,
        error.column,
        "This line's indentation fits none of the lines above it." + beginning,
        "Indent it exactly like the keys, or items, that it belongs to.",
    )


def _reserved_character(error: _SyntaxError) -> Explanation | None:
    if "cannot start any token" not in error.problem:
        return None
    character = error.here[error.column - 1 : error.column]
    return Explanation(
        "reserved-character",
        error.line,
        error.column,
        f"A value cannot begin with `{character}`." if character != "`" else "A value cannot begin with a back quote.",
        "Put the value in quotes.",
    )


_RECOGNISERS = (
    _tab,
    _placeholder,
    _comment,
    _nested_colon,
    _too_deep,
    _stray_line,
    _unclosed_quote,
    _unclosed_bracket,
    _after_quote,
    _dash_without_key,
    _uneven,
    _reserved_character,
)
