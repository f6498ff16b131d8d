"""Text to a tree in which every node knows its line and column: the only module that imports YAML.

The tree is what Kubernetes would see of the file (the dialect of its YAML reader), plus what it would not
tell: where each key and value stands, how a scalar was written, which keys were given twice. Nothing is
ever constructed from a tag, so no file can make Python objects.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, final

import yaml

from pytest_aicore.workflows.places import Place, Problem, SourceError
from pytest_aicore.workflows.syntax import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

MAXIMUM_BYTES: Final = 1024 * 1024
"""The largest file that is read. etcd, where Kubernetes keeps a template, refuses requests above 1.5 MiB, and
what is kept, JSON with bookkeeping, is larger than the YAML. The largest of 189 real templates had 5 kB."""

MAXIMUM_NODES: Final = 50_000
"""The largest tree, aliases counted as often as they are used. The largest real template had 200 nodes."""

MAXIMUM_DEPTH: Final = 100
"""The deepest nesting, aliases followed. A pod specification in an inline template has about 20 levels."""

ScalarKind: TypeAlias = Literal["string", "integer", "float", "boolean", "null"]


class Node:
    """What stands at one place of the file.

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
        return _kind_of_plain(self.text) if self.style == "" else "string"

    @property
    def value(self) -> str | None:
        """The value as the AI API shows it, a string: numbers as written, booleans lower case, null None."""
        kind = self.kind
        if kind == "string" or kind == "integer" or kind == "float":
            return self.text
        if kind == "null":
            return None
        return "true" if self.text.lower() in _TRUE else "false"


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
        """Return the items of the list at a key; none where there is no list."""
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
    """

    first: ScalarNode
    second: ScalarNode


class Document:
    """One YAML document with the lines it came from.

    Attributes:
        name: what messages call the file.
        text: the decoded text, without byte order mark.
        root: the tree.
        duplicates: every key that a map has twice, in the order of the file.
    """

    def __init__(self, name: str, text: str, root: Node, duplicates: tuple[DuplicateKey, ...]) -> None:
        """Keep a parsed text together with its tree."""
        self.name = name
        self.text = text
        self.root = root
        self.duplicates = duplicates

    @cached_property
    def lines(self) -> list[str]:
        """The lines as they are in the file, without line ends: line n is `lines[n - 1]`."""
        return self.text.splitlines()

    def line(self, number: int) -> str:
        """Return one line, counted from 1; an empty one where the file has none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def place(self, node: Node) -> Place:
        """Return where a node begins."""
        return Place(self.name, node.line, node.column)


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


def load(path: Path) -> Document:
    """Read a YAML file with exactly one document.

    Args:
        path: the file.

    Raises:
        SourceError: it cannot be read, is too large, or is no YAML of one document.
    """
    name = str(path)
    try:
        if not path.exists():
            raise FileNotFoundError(2, "No such file or directory")
        if not path.is_file():
            what = "is a folder, not a file" if path.is_dir() else "is not a regular file"
            raise SourceError(Problem("not-a-file", Place(name, 1, 1), f"This {what}.", "Name a YAML file."))
        with path.open("rb") as file:
            # One byte more than allowed tells that there is more, however large the file is.
            data = file.read(MAXIMUM_BYTES + 1)
            size = path.stat().st_size if len(data) > MAXIMUM_BYTES else len(data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        problem = Problem(
            "unreadable",
            Place(name, 1, 1),
            f"The file cannot be read: {reason}.",
            "Check its path and its permissions.",
        )
        raise SourceError(problem) from None
    return parse(data, name, size=size)


def parse(data: str | bytes, name: str = "<string>", *, size: int | None = None) -> Document:
    """Parse a text that is exactly one YAML document.

    Args:
        data: the text, or the bytes of a file.
        name: what messages call it.
        size: the size in bytes of the whole file where `data` is only its beginning.

    Raises:
        SourceError: it is too large, wrongly encoded, empty, no YAML, or more than one document.
    """
    documents = parse_all(data, name, size=size)
    if len(documents) > 1:
        second = documents[1]
        raise SourceError(
            Problem(
                "several-documents",
                second.place(second.root),
                f"The file holds {len(documents)} YAML documents; the second begins here.",
                "Give each template a file of its own.",
                second.line(second.root.line),
            )
        )
    return documents[0]


def parse_all(data: str | bytes, name: str = "<string>", *, size: int | None = None) -> list[Document]:
    """Parse a text of one or more YAML documents; empty ones don't count.

    Args:
        data: the text, or the bytes of a file.
        name: what messages call it.
        size: the size in bytes of the whole file where `data` is only its beginning.

    Raises:
        SourceError: it is too large, wrongly encoded, empty or no YAML.
    """
    _refuse_too_large(data, name, size)
    text = _decoded(data, name)
    _refuse_control_characters(text, name)
    return _composed(text, name)


# --- from bytes to text -------------------------------------------------------------------------------------


def _refuse_too_large(data: str | bytes, name: str, size: int | None) -> None:
    # There are never more characters than bytes: only a text that may be too large is encoded for counting.
    if size is None:
        size = len(data)
        if isinstance(data, str) and size * 4 > MAXIMUM_BYTES:
            size = len(data.encode("utf-8", "surrogatepass"))
    if size > MAXIMUM_BYTES:
        raise SourceError(
            Problem(
                "too-large",
                Place(name, 1, 1),
                f"The file has {size:,} bytes, more than the {MAXIMUM_BYTES:,} that are read: "
                "Kubernetes could not store such a template.",
                "Move data and code out of the template, for example into the image or an artifact.",
            )
        )


_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROL_CHARACTER: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def _decoded(data: str | bytes, name: str) -> str:
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    encoding = "utf-8"
    for mark, encoding_of_mark in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            data, encoding = data[len(mark) :], encoding_of_mark
            skipped = len(mark)
            break
    else:
        skipped = 0
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, "replace")
        line, column = _position(before, len(before))
        what = (
            f"The file is not {encoding.upper()}: byte 0x{data[error.start]:02X} at offset "
            f"{error.start + skipped} belongs to no character."
        )
        if data[:4].count(0) >= 2:
            what = "The file looks like UTF-16 or UTF-32 without a byte order mark."
        problem = Problem("encoding", Place(name, line, column), what, "Save the file as UTF-8.")
        raise SourceError(problem) from None


def _position(text: str, index: int) -> tuple[int, int]:
    lines = text[:index].splitlines(keepends=True)
    if not lines:
        return 1, 1
    if len(lines[-1].splitlines()[0]) < len(lines[-1]):
        return len(lines) + 1, 1
    return len(lines), len(lines[-1]) + 1


def _refuse_control_characters(text: str, name: str) -> None:
    found = _CONTROL_CHARACTER.search(text)
    if found is None:
        return
    line, column = _position(text, found.start())
    code = ord(found.group())
    if code == 0 and text[:4].count("\0") >= 1:
        what = "The file holds NUL characters: it is binary, or UTF-16 without a byte order mark."
    else:
        what = f"The character U+{code:04X} is not allowed in YAML; the file is binary or damaged."
    raise SourceError(
        Problem("control-character", Place(name, line, column), what, "Remove it, or save the file as UTF-8 text.")
    )


# --- from text to tree --------------------------------------------------------------------------------------

_MERGE_TAG: Final = "tag:yaml.org,2002:merge"
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


def _kind_of_plain(text: str) -> ScalarKind:
    kind = _KIND_OF_WORD.get(text)
    if kind is not None:
        return kind
    if text[0] in _NUMBER_STARTS:
        if _INTEGER.fullmatch(text):
            return "integer"
        if _FLOAT.fullmatch(text):
            return "float"
    return "string"


class _PureLoader(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """PyYAML's parser in Python, brought in line with libyaml (and so with Kubernetes) where they differ."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)

    def scan_to_next_token(self) -> None:
        """Skip blanks, comments and line ends; a TAB is a blank wherever no key or dash could begin."""
        found = False
        while not found:
            while self.peek() == " " or (self.peek() == "\t" and (self.flow_level or not self.allow_simple_key)):
                self.forward()
            if self.peek() == "#":
                while self.peek() not in "\0\r\n\x85\u2028\u2029":
                    self.forward()
            if self.scan_line_break():  # type: ignore[no-untyped-call]
                if not self.flow_level:
                    self.allow_simple_key = True
            else:
                found = True

    def dispose(self) -> None:
        """Do nothing: what the other parser needs for closing."""


_Loader: Any = None
try:
    from yaml.cyaml import CParser as _CParser  # type: ignore[attr-defined]
except ImportError:
    _Loader = _PureLoader
else:
    _Loader = _CParser


class _Frame:
    """A map or list that is being read."""

    __slots__ = ("anchor", "height", "key", "merges", "node", "size")

    def __init__(self, node: MappingNode | SequenceNode, anchor: str | None) -> None:
        self.node = node
        self.anchor = anchor
        self.key: ScalarNode | None = None
        self.merges: list[tuple[ScalarNode, Node]] | None = None
        self.size = 1
        self.height = 1


class _RefusalError(Exception):
    """Something that the grammar allows and we do not."""

    def __init__(self, kind: str, line: int, column: int, what: str, remedy: str) -> None:
        super().__init__(kind, line, column, what, remedy)


_TOO_MANY_NODES: Final = (
    "too-many-nodes",
    f"With its aliases written out the file has more than {MAXIMUM_NODES:,} values; no template needs that.",
    "Remove the aliases (`*name`), or move data out of the template.",
)
_TOO_DEEP: Final = (
    "too-deep",
    f"Maps and lists are nested more than {MAXIMUM_DEPTH} levels deep here.",
    "Check for a damaged file; no template needs such depth.",
)


def _composed(text: str, name: str) -> list[Document]:
    composer = _Composer()
    try:
        roots = _filled(composer.compose(text, _Loader))
    except _RefusalError as refusal:
        kind, line, column, what, remedy = refusal.args
        raise SourceError(_problem(text, name, kind, line, column, what, remedy)) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise SourceError(_syntax_problem(text, name, error)) from None
    if len(roots) == 1:
        return [Document(name, text, roots[0], tuple(composer.duplicates))]
    ends = [root.line for root in roots[1:]] + [text.count("\n") + 2]
    return [
        Document(
            name, text, root, tuple(found for found in composer.duplicates if root.line <= found.second.line < end)
        )
        for root, end in zip(roots, ends, strict=True)
    ]


def _problem(text: str, name: str, kind: str, line: int, column: int, what: str, remedy: str) -> Problem:
    lines = text.splitlines()
    source_line = lines[line - 1] if 0 < line <= len(lines) else None
    return Problem(kind, Place(name, line, column), what, remedy, source_line)


# Where libyaml found an error the Python parser looks again, for the better words; not at any price, though.
_WORTH_A_SECOND_LOOK: Final = 64 * 1024


def _syntax_problem(text: str, name: str, error: Exception) -> Problem:
    if _Loader is not _PureLoader and len(text) <= _WORTH_A_SECOND_LOOK:
        try:
            _Composer().compose(text, _PureLoader)
        except (yaml.YAMLError, ValueError, OverflowError) as same:
            error = same
        except _RefusalError:
            pass
    mark = getattr(error, "problem_mark", None)
    context_mark = getattr(error, "context_mark", None)
    explanation = explain(
        text.splitlines(),
        problem=str(getattr(error, "problem", None) or error),
        line=mark.line + 1 if mark is not None else 1,
        column=mark.column + 1 if mark is not None else 1,
        context_line=context_mark.line + 1 if context_mark is not None else None,
        context_column=context_mark.column + 1 if context_mark is not None else None,
    )
    return _problem(
        text,
        name,
        explanation.kind,
        explanation.line,
        explanation.column,
        explanation.what,
        explanation.remedy,
    )


class _Composer:
    """Makes the tree of the parser's events, without recursion and within the limits."""

    def __init__(self) -> None:
        self.duplicates: list[DuplicateKey] = []
        self._anchors: dict[str, tuple[Node, int, int] | None] = {}

    def compose(self, text: str, loader_class: Any) -> list[Node]:
        """Return the root of each document of a text."""
        loader = loader_class(text)
        try:
            return self._compose(loader)
        finally:
            loader.dispose()

    def _compose(self, loader: Any) -> list[Node]:
        get_event = loader.get_event
        scalar_event, alias_event = yaml.ScalarEvent, yaml.AliasEvent
        mapping_event, sequence_event = yaml.MappingStartEvent, yaml.SequenceStartEvent
        end_events = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
        roots: list[Node] = []
        stack: list[_Frame] = []
        count = 0
        node: Node
        while True:
            event = get_event()
            kind = type(event)
            size = height = 1
            if kind is scalar_event:
                start, end = event.start_mark, event.end_mark
                node = scalar = ScalarNode()
                scalar.line = start.line + 1
                scalar.column = start.column + 1
                scalar.end_line = end.line + 1
                scalar.end_column = end.column + 1
                scalar.text = event.value
                scalar.style = event.style or ""
                scalar.tag = event.tag
                if event.anchor is not None:
                    self._anchors[event.anchor] = (node, 1, 1)
            elif kind is mapping_event or kind is sequence_event:
                start = event.start_mark
                if len(stack) >= MAXIMUM_DEPTH:
                    _refuse(_TOO_DEEP, start)
                collection: MappingNode | SequenceNode
                if kind is mapping_event:
                    collection = mapping = MappingNode()
                    mapping.values = {}
                    mapping.keys = {}
                else:
                    collection = sequence = SequenceNode()
                    sequence.items = []
                collection.line = start.line + 1
                collection.column = start.column + 1
                collection.tag = event.tag
                collection.flow = bool(event.flow_style)
                if event.anchor is not None:
                    self._anchors[event.anchor] = None
                stack.append(_Frame(collection, event.anchor))
                continue
            elif kind in end_events:
                frame = stack.pop()
                node, size, height = frame.node, frame.size, frame.height
                end = event.end_mark
                node.end_line = end.line + 1
                node.end_column = end.column + 1
                if frame.merges is not None:
                    _merge(frame)
                if frame.anchor is not None:
                    self._anchors[frame.anchor] = (node, size, height)
            elif kind is alias_event:
                node, size, height = self._aliased(event, len(stack))
            elif kind is yaml.StreamEndEvent:
                return roots
            else:
                if kind is yaml.DocumentStartEvent:
                    self._anchors.clear()
                continue
            count += size if kind not in end_events else 1
            if count > MAXIMUM_NODES:
                _refuse(_TOO_MANY_NODES, event.start_mark)
            if not stack:
                roots.append(node)
                continue
            frame = stack[-1]
            frame.size += size
            if height >= frame.height:
                frame.height = height + 1
            parent = frame.node
            if type(parent) is not MappingNode:
                parent.items.append(node)
            elif frame.key is not None:
                self._add(frame, parent, frame.key, node)
                frame.key = None
            elif type(node) is ScalarNode:
                frame.key = node
            else:
                _refuse_key(node)

    def _add(self, frame: _Frame, mapping: MappingNode, key: ScalarNode, node: Node) -> None:
        text = key.text
        if text == "<<" and (key.tag == _MERGE_TAG or (key.tag is None and key.style == "")):
            if frame.merges is None:
                frame.merges = []
            frame.merges.append((key, node))
            return
        if text in mapping.keys:
            self.duplicates.append(DuplicateKey(mapping.keys[text], key))
        mapping.keys[text] = key
        mapping.values[text] = node

    def _aliased(self, event: Any, depth: int) -> tuple[Node, int, int]:
        start = event.start_mark
        line, column = start.line + 1, start.column + 1
        if event.anchor not in self._anchors:
            raise _RefusalError(
                "unknown-alias",
                line,
                column,
                f"`*{event.anchor}` refers to an anchor `&{event.anchor}` that does not stand above it.",
                "Put the value in quotes if the `*` belongs to it.",
            )
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise _RefusalError(
                "recursive-alias",
                line,
                column,
                f"`*{event.anchor}` stands inside the value that `&{event.anchor}` names: it has no end.",
                "Write the value out.",
            )
        if depth + anchored[2] > MAXIMUM_DEPTH:
            _refuse(_TOO_DEEP, start)
        return anchored


def _refuse(refusal: tuple[str, str, str], mark: Any) -> None:
    kind, what, remedy = refusal
    raise _RefusalError(kind, mark.line + 1, mark.column + 1, what, remedy)


def _refuse_key(node: Node) -> None:
    if type(node) is MappingNode and node.flow:
        raise _RefusalError(
            "unquoted-placeholder",
            node.line,
            max(node.column - 1, 1),
            "A value that begins with `{{` is a map in a map for YAML, not a placeholder.",
            'Put the whole value in quotes: "{{...}}".',
        )
    raise _RefusalError(
        "key-not-scalar",
        node.line,
        node.column,
        "A map or list stands where the key of a map is expected; in Kubernetes keys are strings.",
        "Put the key in quotes, or remove the `?` or the brackets.",
    )


def _merge(frame: _Frame) -> None:
    # What is merged was counted when it was read or aliased, so this cannot grow beyond the limit.
    mapping = frame.node
    if type(mapping) is not MappingNode or frame.merges is None:
        return
    for key, merged in frame.merges:
        for source in merged.items if type(merged) is SequenceNode else [merged]:
            if type(source) is not MappingNode:
                raise _RefusalError(
                    "merge",
                    key.line,
                    key.column,
                    "The merge key `<<` needs a map, an alias of a map, or a list of those.",
                    "Give it one (`<<: *name`), or put the key in quotes.",
                )
            for text, node in source.values.items():
                if text not in mapping.values:
                    mapping.values[text] = node
                    mapping.keys[text] = source.keys[text]


def _filled(roots: list[Node]) -> list[Node]:
    filled = [root for root in roots if not (type(root) is ScalarNode and root.value is None)]
    if not filled:
        raise _RefusalError(
            "empty",
            1,
            1,
            "The file is empty: it holds no YAML value.",
            "Write a template into it, or remove it.",
        )
    return filled


def _mapping() -> MappingNode:
    node = MappingNode()
    node.line = node.column = node.end_line = node.end_column = 1
    node.tag, node.flow, node.values, node.keys = None, False, {}, {}
    return node


NO_MAPPING: Final = _mapping()
"""The empty map that stands for one that is absent; it is never changed."""


# --- from tree to plain values and text ---------------------------------------------------------------------


def plain(node: Node, text: Callable[[ScalarNode], str] | None = None) -> Any:
    """Return a tree as dictionaries, lists, strings, numbers, booleans and None, as Kubernetes understands it.

    Args:
        node: the root of the tree.
        text: what becomes of each string, keys included; without it they stay as they are.
    """
    if type(node) is MappingNode:
        return {key if text is None else text(node.keys[key]): plain(value, text) for key, value in node.values.items()}
    if type(node) is SequenceNode:
        return [plain(item, text) for item in node.items]
    if type(node) is not ScalarNode:
        return None
    kind = node.kind
    if kind == "string":
        return node.text if text is None else text(node)
    if kind == "null":
        return None
    return node.value == "true" if kind == "boolean" else _number(node.text, kind)


def _number(text: str, kind: ScalarKind) -> int | float | str:
    digits = text.replace("_", "")
    try:
        if kind == "float":
            return float(digits.lower().replace(".inf", "inf").replace(".nan", "nan"))
        unsigned = digits.lstrip("+-")
        octal = len(unsigned) > 1 and unsigned.isdigit() and unsigned.startswith("0")
        return int(digits, 8 if octal else 0)
    except ValueError:
        return text


def dump(value: Any) -> str:
    """Return plain values as YAML text that Kubernetes reads back as the same values.

    Args:
        value: dictionaries, lists, strings, numbers, booleans and None; also what is derived from those.
    """
    # PyYAML has no types for what its dumpers take.
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf")))


class _Dumper(yaml.SafeDumper):
    """Writes lines as lines, and puts into quotes what Kubernetes would not take for a string."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  the name is PyYAML's
        """Write everything out: a reader of a golden file wants no `*id001`."""
        return True


def _represent_text(dumper: _Dumper, text: str) -> Any:
    style = "|" if "\n" in text else None
    if style is None and _kind_of_plain(text) != "string":
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_mapping(dumper: _Dumper, mapping: dict[str, Any]) -> Any:
    return dumper.represent_mapping("tag:yaml.org,2002:map", mapping.items())


_Dumper.add_representer(str, _represent_text)
_Dumper.add_multi_representer(dict, _represent_mapping)
