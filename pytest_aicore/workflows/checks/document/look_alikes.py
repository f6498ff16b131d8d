"""Characters that only look like those of the keyboard: quotation marks, blanks and dashes of typeset texts.

They come with text that is copied from a page, a document or a chat. If the file cannot be parsed because of them,
`workflows/yaml/syntax.py` explains the error; this module is about those that silently become part of a value.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_aicore.workflows.checks.document.problems import LOOK_ALIKE
from pytest_aicore.workflows.checks.rule import Severity
from pytest_aicore.workflows.yaml.syntax import LOOK_LIKE_BLANKS
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode, list_at, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.workflows.checks.report import Report
    from pytest_aicore.workflows.yaml.tree import Document, Node

_QUOTES: Final = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2018\u2019\u201a\u201b"
_ANY: Final = re.compile(rf"[{_QUOTES}{LOOK_LIKE_BLANKS}\u2010-\u2015\u2022\u2212]")
_QUOTED: Final = re.compile(rf"[{_QUOTES}]([^{_QUOTES}]*)[{_QUOTES}]")
_OUTER_BLANK: Final = re.compile(rf"[{LOOK_LIKE_BLANKS}]|.*([{LOOK_LIKE_BLANKS}])", re.DOTALL)
_OPTION: Final = re.compile(r"(?<!\S)[-\u2013\u2014]?[\u2013\u2014]([A-Za-z][\w-]*)")
_DASH: Final = re.compile("[\u2010-\u2015\u2022\u2212]\\s+")
_RUN: Final = ("command", "args")


class LookAlike(NamedTuple):
    """A value with such characters, as it was written, with message and remedy."""

    node: ScalarNode
    text: str
    message: str
    remedy: str
    severity: Severity | None


def take_look_alikes_out(document: Document) -> list[LookAlike]:
    """Remove typographic quotation marks and invisible characters from values.

    Args:
        document: the document; its tree is changed, so that the rest is checked as it was meant.

    Returns:
        what was changed, and options of programs that begin with a typographic dash.
    """
    if not _has_any(document.text):
        return []
    found: list[LookAlike] = []
    described = _described(document.root)
    for node in walk(document.root):
        if type(node) is ScalarNode and node.style == "" and node not in described and _ANY.search(node.text):
            found += _mended(node)
        elif type(node) is MappingNode:
            found += _items(node)
            for key in _RUN:
                found += _options(node.values.get(key), is_command=key == "command")
    return found


@lru_cache(maxsize=1)
def _has_any(text: str) -> bool:
    """Return whether a file has such characters; cached, as it is asked for each of its documents."""
    return not text.isascii() and _ANY.search(text) is not None


def tell_look_alikes(report: Report, found: list[LookAlike]) -> None:
    """Report what was removed.

    Args:
        report: where findings go.
        found: what was taken out.
    """
    told: set[int] = set()
    for one in found:
        if one.node.line in told and one.severity is not Severity.WARNING:
            continue  # one line that was pasted is one mistake
        told.add(one.node.line)
        report.add_inside(LOOK_ALIKE, one.node, one.text, one.message, one.remedy, severity=one.severity)


def _described(root: Node) -> set[Node]:
    """Return the values that only people read, which may have typographic characters."""
    maps = [node for node in walk(root) if type(node) is MappingNode]
    return {value for node in maps for key, value in node.values.items() if key.endswith(("description", "/name"))}


def _mended(node: ScalarNode) -> Iterator[LookAlike]:
    written = node.text
    quoted = _QUOTED.fullmatch(written)
    blank = _OUTER_BLANK.fullmatch(written) or _OUTER_BLANK.match(written[:1])
    if quoted is not None:
        node.text, node.style = quoted.group(1), '"'
        shown = node.text if len(node.text) <= 60 else "..."
        yield LookAlike(
            node,
            written,
            "These quotation marks are typographic, so YAML does not quote with them: they are part of the value.",
            f'Write "{shown}", with the straight quotation marks of the keyboard.',
            None,
        )
    elif blank is not None:
        character = blank.group(1) or written[0]
        node.text = written.strip(f"{character} ")
        yield LookAlike(
            node,
            written,
            f"The value {'ends' if blank.group(1) else 'begins'} with an invisible character, U+"
            f"{ord(character):04X}, which is part of it.",
            "Remove it: type the line again.",
            None,
        )


def _items(node: MappingNode) -> Iterator[LookAlike]:
    """Convert maps whose first key begins with a typographic dash to lists."""
    for name, value in node.values.items():
        first = next(iter(value.keys), "") if type(value) is MappingNode else ""
        dash = _DASH.match(first)
        if dash is None or type(value) is not MappingNode:
            continue
        key = value.keys[first]
        yield LookAlike(
            key,
            key.text,
            f"A typographic dash, U+{ord(first[0]):04X}, does not begin an item of the list `{name}:`.",
            "Write a hyphen, `-`, and a space.",
            None,
        )
        key.text = first[dash.end() :]
        value.keys = {key.text: key, **{text: key for text, key in value.keys.items() if text != first}}
        value.values = {key.text: value.values.pop(first), **value.values}
        node.values[name] = list_at(value, [value])


def _options(node: Node | None, *, is_command: bool) -> Iterator[LookAlike]:
    for item in node.items if type(node) is SequenceNode else ():
        if type(item) is not ScalarNode:
            continue
        written = item.text
        for option in _OPTION.finditer(written):
            better = f"{'-' if len(option.group(1)) == 1 else '--'}{option.group(1)}"
            if is_command:
                item.text = item.text.replace(option.group(), better)
            yield LookAlike(
                item,
                option.group(),
                f"`{option.group()}` begins with a typographic dash, so the program does not recognise it as an "
                f"option.",
                f"Write `{better}`.",
                Severity.WARNING,
            )
