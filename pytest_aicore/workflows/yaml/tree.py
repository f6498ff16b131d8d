"""The tree of a YAML document: maps, lists and scalars with their places and how they were written.

What a scalar is, number or string, is decided as Kubernetes decides it, which reads YAML with go-yaml.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar, final

from pytest_aicore.workflows.yaml.places import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

ScalarKind: TypeAlias = Literal["string", "integer", "float", "boolean", "null"]

_KIND_OF_TAG: Final[dict[str, ScalarKind]] = {
    "tag:yaml.org,2002:int": "integer",
    "tag:yaml.org,2002:float": "float",
    "tag:yaml.org,2002:bool": "boolean",
    "tag:yaml.org,2002:null": "null",
}
# What go-yaml, with which Kubernetes reads YAML, takes for something else than a string. Dates stay strings.
_TRUE: Final = frozenset({"true", "y", "yes", "on"})
_KINDS_OF_WORDS: Final[tuple[tuple[ScalarKind, str], ...]] = (
    ("null", "~ null Null NULL"),
    ("boolean", "true True TRUE yes Yes YES on On ON y Y"),
    ("boolean", "false False FALSE no No NO off Off OFF n N"),
    ("float", ".nan .NaN .NAN .inf .Inf .INF +.inf +.Inf +.INF -.inf -.Inf -.INF"),
)
_KIND_OF_WORD: Final[dict[str, ScalarKind]] = {
    "": "null",
    **{word: kind for kind, words in _KINDS_OF_WORDS for word in words.split()},
}
_INTEGER: Final = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?")
_NUMBER_STARTS: Final = frozenset("+-.0123456789")


def kind_of_plain(text: str) -> ScalarKind:
    """Return what Kubernetes takes a value without quotes and tag for.

    Args:
        text: the value as written.
    """
    kind = _KIND_OF_WORD.get(text)
    if kind is not None:
        return kind
    if text[0] in _NUMBER_STARTS:
        if _INTEGER.fullmatch(text):
            return "integer"
        if _FLOAT.fullmatch(text):
            return "float"
    return "string"


class Node:
    """A node of the tree. Equal only to itself, so that sets and dictionaries can hold it.

    Attributes:
        line: line of its first character, counted from 1.
        column: column of its first character, counted from 1.
        end_line: line on which it ends.
        end_column: column after its last character.
        tag: the tag as written and resolved (`tag:yaml.org,2002:str` for `!!str`), None without one.
    """

    __slots__ = ("column", "end_column", "end_line", "line", "tag")

    line: int
    column: int
    end_line: int
    end_column: int
    tag: str | None


@final
class ScalarNode(Node):
    """A single value: a string, number, boolean or null.

    Attributes:
        text: the value as text: escapes decoded, folded lines joined, numbers as written.
        style: how it was written: "" plain, `'` or `"` quoted, `|` or `>` block.
    """

    __slots__ = ("style", "text")

    text: str
    style: str

    def __repr__(self) -> str:
        """Return text and place."""
        return f"ScalarNode({self.style}{self.text!r} at {self.line}:{self.column})"

    @property
    def kind(self) -> ScalarKind:
        """What Kubernetes takes the value for: a bare `2.0` is a float, `"2.0"` a string."""
        if self.tag is not None:
            return _KIND_OF_TAG.get(self.tag, "string")
        return kind_of_plain(self.text) if self.style == "" else "string"

    @property
    def value(self) -> str | None:
        """The value as the AI API shows it, a string: numbers as written, booleans lower case, null None."""
        kind = self.kind
        if kind == "string" or kind == "integer" or kind == "float":
            return self.text
        if kind == "null":
            return None
        return "true" if self.text.lower() in _TRUE else "false"

    @property
    def name(self) -> str | None:
        """The value as it is written, None for null.

        A name such as `n`, which Kubernetes takes for a boolean, stays the name that people know it by.
        """
        return None if self.kind == "null" else self.text


@final
class MappingNode(Node):
    """A map from keys to nodes.

    Attributes:
        values: the node of each key, in the order of the file; of a key given twice the last one, as in
            Kubernetes. Keys that came by `<<` stand after the map's own.
        keys: the node of each key itself, for its place and style.
        flow: whether it was written in braces.
    """

    __slots__ = ("flow", "keys", "values")

    values: dict[str, Node]
    keys: dict[str, ScalarNode]
    flow: bool

    def __repr__(self) -> str:
        """Return keys and place."""
        return f"MappingNode({list(self.values)} at {self.line}:{self.column})"

    def get(self, key: str) -> Node | None:
        """Return the node of a key, None without it."""
        return self.values.get(key)

    def mapping(self, key: str) -> MappingNode:
        """Return the map at a key; an empty one where there is none or something else."""
        node = self.values.get(key)
        return node if type(node) is MappingNode else NO_MAPPING

    def items_of(self, key: str) -> list[Node]:
        """Return the items of the list at a key; an empty list for anything else."""
        node = self.values.get(key)
        return node.items if type(node) is SequenceNode else []

    def mappings_of(self, key: str) -> list[MappingNode]:
        """Return those items of the list at a key that are maps."""
        node = self.values.get(key)
        return [item for item in node.items if type(item) is MappingNode] if type(node) is SequenceNode else []

    def text(self, key: str) -> str | None:
        """Return the value at a key as a string, None where there is none, null, a map or a list."""
        node = self.values.get(key)
        return node.value if type(node) is ScalarNode else None

    def name(self, key: str) -> str | None:
        """Return the name at a key as it is written, None where there is none, null, a map or a list."""
        node = self.values.get(key)
        return node.name if type(node) is ScalarNode else None


@final
class SequenceNode(Node):
    """A list of nodes.

    Attributes:
        items: the nodes.
        flow: whether it was written in brackets.
    """

    __slots__ = ("flow", "items")

    items: list[Node]
    flow: bool

    def __repr__(self) -> str:
        """Return size and place."""
        return f"SequenceNode({len(self.items)} items at {self.line}:{self.column})"


@dataclass(frozen=True, slots=True)
class DuplicateKey:
    """A key that one map has twice.

    Attributes:
        first: the key as it was given first.
        second: the key as it was given again; Kubernetes keeps its value.
        parent: the map.
        value: what stands at the first.
    """

    first: ScalarNode
    second: ScalarNode
    parent: MappingNode
    value: Node


class Document:
    """One YAML document with the lines it came from.

    Attributes:
        name: what messages call the file.
        text: the decoded text, without byte order mark.
        root: the tree.
        duplicates: every key that a map has twice, in the order of the file.
    """

    def __init__(
        self,
        name: str,
        text: str,
        root: Node,
        duplicates: tuple[DuplicateKey, ...],
        lines: list[str] | None = None,
    ) -> None:
        """Keep a parsed text together with its tree; documents of one file may share its lines."""
        self.name = name
        self.text = text
        self.root = root
        self.duplicates = duplicates
        self._lines = lines

    @property
    def lines(self) -> list[str]:
        """The lines as they are in the file, without line ends: line n is `lines[n - 1]`."""
        if self._lines is None:
            self._lines = self.text.splitlines()
        return self._lines

    def line(self, number: int) -> str:
        """Return one line, counted from 1; an empty one where the file has none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def place(self, node: Node) -> Place:
        """Return where a node begins."""
        return Place(self.name, node.line, node.column)


def is_given(mapping: MappingNode, key: str) -> bool:
    """Return whether a map has a key with another value than null."""
    node = mapping.values.get(key)
    return node is not None and not (type(node) is ScalarNode and node.kind == "null")


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all nodes below it (keys not), parents first, in the order of the file."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        if type(current) is MappingNode:
            pending.extend(reversed(current.values.values()))
        elif type(current) is SequenceNode:
            pending.extend(reversed(current.items))


def map_at(place: Node) -> MappingNode:
    """Return a new, empty map that stands where another node does."""
    return _placed(_empty_map(), place)


def list_at(place: Node, items: list[Node]) -> SequenceNode:
    """Return a new list of some nodes that stands where another node does."""
    node = _placed(SequenceNode(), place)
    node.tag, node.flow, node.items = None, False, items
    return node


_N = TypeVar("_N", bound=Node)


def _placed(node: _N, place: Node) -> _N:
    node.line, node.column = place.line, place.column
    node.end_line, node.end_column = place.end_line, place.end_column
    return node


def _empty_map() -> MappingNode:
    node = MappingNode()
    node.tag, node.flow, node.values, node.keys = None, False, {}, {}
    return node


def _mapping() -> MappingNode:
    node = _empty_map()
    node.line = node.column = node.end_line = node.end_column = 1
    return node


NO_MAPPING: Final = _mapping()
"""The empty map that stands for one that is absent; it is never changed."""
