"""Text to a tree in which every node knows its line and column: the only module that imports YAML.

The tree is what Kubernetes would see of the file (the dialect of its YAML reader), plus what it would not
tell: where each key and value stands, how a scalar was written, which keys were given twice. Nothing is
ever constructed from a tag, so no file can make Python objects.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from itertools import islice
from typing import TYPE_CHECKING, Final

import yaml

from pytest_aicore.workflows.yaml.places import Place, Problem, SourceError
from pytest_aicore.workflows.yaml.syntax import Explanation, SyntaxReport, explain, unquoted_placeholder, without_quotes
from pytest_aicore.workflows.yaml.tree import (
    Document,
    DuplicateKey,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    kind_of_plain,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from pytest_aicore.workflows.yaml.tree import ScalarKind

MAXIMUM_BYTES: Final = 1024 * 1024
"""The largest file that is read. etcd, where Kubernetes keeps a template, refuses requests above 1.5 MiB, and
what is kept, JSON with bookkeeping, is larger than the YAML. Real templates have 1 to 5 kB."""

MAXIMUM_NODES: Final = 50_000
"""The largest tree, aliases counted as often as they are used. A real template has some hundred values."""

MAXIMUM_DEPTH: Final = 100
"""The deepest nesting, aliases followed. Real templates have about a dozen levels, a pod specification adds ten."""


def load(path: Path) -> Document:
    """Read a YAML file with exactly one document.

    Args:
        path: the file.

    Raises:
        SourceError: it cannot be read, is too large, or is not YAML of one document.
    """
    return _only(load_all(path))


def load_all(path: Path) -> list[Document]:
    """Read a YAML file of one or more documents; empty ones do not count.

    Args:
        path: the file.

    Raises:
        SourceError: it cannot be read, is too large, or is not YAML.
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
    return parse_all(data, name, size=size)


def parse(data: str | bytes, name: str = "<string>", *, size: int | None = None) -> Document:
    """Parse a text that is exactly one YAML document.

    Args:
        data: the text, or the bytes of a file.
        name: what messages call it.
        size: the size in bytes of the whole file where `data` is only its beginning.

    Raises:
        SourceError: it is too large, wrongly encoded, empty, no YAML, or more than one document.
    """
    return _only(parse_all(data, name, size=size))


def _only(documents: list[Document]) -> Document:
    if len(documents) > 1:
        second = documents[1]
        raise SourceError(
            Problem(
                "several-documents",
                second.place(second.root),
                f"The file holds {len(documents)} YAML documents; the second begins here.",
                "Put each template in its own file.",
                second.line(second.root.line),
            )
        )
    return documents[0]


def parse_all(data: str | bytes, name: str = "<string>", *, size: int | None = None) -> list[Document]:
    """Parse a text of one or more YAML documents; empty ones do not count.

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
    _refuse_many_directives(text, name)
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
        if not skipped and data[:4].count(0) >= 2:
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


_MOST_DIRECTIVES: Final = 100
_TAG_DIRECTIVE: Final = re.compile(r"^%TAG", re.MULTILINE)


def _refuse_many_directives(text: str, name: str) -> None:
    """Refuse what libyaml takes seconds for: it compares each `%TAG` with all before it."""
    if "%TAG" not in text:
        return
    found = list(islice(_TAG_DIRECTIVE.finditer(text), _MOST_DIRECTIVES + 1))
    if len(found) > _MOST_DIRECTIVES:
        what = f"The file has more than {_MOST_DIRECTIVES} %TAG directives."
        line, column = _position(text, found[-1].start())
        raise SourceError(Problem("directives", Place(name, line, column), what, "Remove them: a template needs none."))


# --- from text to tree --------------------------------------------------------------------------------------

_MERGE_TAG: Final = "tag:yaml.org,2002:merge"


# What a plain scalar consists of up to the next blank: a colon only where something follows it.
_PLAIN: Final = re.compile(r"(?:[^\0 \t\r\n\x85\u2028\u2029:]|:(?![\0 \t\r\n\x85\u2028\u2029]))+")
_PLAIN_IN_BRACKETS: Final = re.compile(
    r"(?:[^\0 \t\r\n\x85\u2028\u2029:,\[\]{}]|:(?![\0 \t\r\n\x85\u2028\u2029,?\[\]{}]))+"
)
_HALF_CHARACTER: Final = re.compile(r"[\ud800-\udfff]")
_TAG_HANDLE: Final = re.compile(r"![0-9A-Za-z_-]*!")
_TAG_SUFFIX: Final = re.compile(r"[0-9A-Za-z_;/?:@&=+$.!~*'()-]+")


class _PureLoader(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """PyYAML's parser in Python, brought in line with libyaml where they differ.

    go-yaml, with which Kubernetes reads a template, is a translation of libyaml. The two differ in where a TAB may
    stand, in what ends a plain scalar or a tag, and in a comment right after the sign of a block scalar.
    """

    _blank = " \t"
    _break = "\r\n\x85\u2028\u2029"
    _blank_or_end = "\0 \t\r\n\x85\u2028\u2029"

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)

    def dispose(self) -> None:
        """Do nothing; the other parser has to be disposed of."""

    def _error(self, what: str, start: Any, problem: str) -> yaml.scanner.ScannerError:
        return yaml.scanner.ScannerError(f"while scanning {what}", start, problem, self.get_mark())

    def _line_break(self) -> str:
        """Skip a line end; return it as YAML keeps it, an empty string where there is none."""
        return str(self.scan_line_break())  # type: ignore[no-untyped-call]

    def _skip(self, characters: str) -> None:
        while self.peek() in characters:
            self.forward()

    def _skip_comment(self) -> None:
        if self.peek() == "#":
            while self.peek() not in "\0" + self._break:
                self.forward()

    def scan_to_next_token(self) -> None:
        """Skip blanks, comments and line ends; a TAB is a blank wherever no key or dash could begin."""
        while True:
            self._skip(" " if self.allow_simple_key and not self.flow_level else self._blank)
            self._skip_comment()
            if not self._line_break():
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def scan_plain(self) -> Any:
        """Scan a plain scalar, which may contain tabs and, in brackets, `?`."""
        start = end = self.get_mark()
        indent = self.indent + 1
        pattern = _PLAIN_IN_BRACKETS if self.flow_level else _PLAIN
        chunks: list[str] = []
        spaces = ""
        line_breaks: list[str] = []
        while True:
            if self.column == 0 and self.prefix(3) in ("---", "...") and self.peek(3) in self._blank_or_end:
                break
            found = pattern.match(self.buffer, self.pointer) if self.peek() != "#" else None
            if found is None:
                break
            if line_breaks:
                first, *others = line_breaks
                chunks.append("".join(others) or " " if first == "\n" else first + "".join(others))
            else:
                chunks.append(spaces)
            self.allow_simple_key = False
            chunks.append(found.group())
            self.forward(len(found.group()))
            if self.flow_level and self.peek() == ":" and self.peek(1) in ",?[]{}":
                raise self._error("a plain scalar", start, "found unexpected ':'")
            end = self.get_mark()
            spaces, line_breaks = self._blanks_in_plain(indent, start)
            if not spaces and not line_breaks:
                break
            if not self.flow_level and self.column < indent:
                break
        if line_breaks:
            self.allow_simple_key = True
        return yaml.ScalarToken("".join(chunks), True, start, end)

    def _blanks_in_plain(self, indent: int, start: Any) -> tuple[str, list[str]]:
        spaces = ""
        line_breaks: list[str] = []
        while True:
            character = self.peek()
            if character in self._blank:
                if not line_breaks:
                    spaces += character
                elif character == "\t" and self.column < indent:
                    raise self._error("a plain scalar", start, "found a tab character that violates indentation")
                self.forward()
            elif character in self._break:
                line_breaks.append(self._line_break())
            else:
                return spaces, line_breaks

    def parse_flow_sequence_entry_mapping_key(self) -> Any:
        """Parse what follows a `?` in a list in brackets; before libyaml 0.2.6 a key has to follow it."""
        event = super().parse_flow_sequence_entry_mapping_key()  # type: ignore[no-untyped-call]
        if event.start_mark.index == event.end_mark.index and _LIBYAML < (0, 2, 6):
            raise yaml.parser.ParserError(None, None, "did not find expected key", event.start_mark)
        return event

    def scan_directive(self) -> Any:
        """Scan a directive; only two are known, and two versions of YAML."""
        token = super().scan_directive()
        if token.name not in ("YAML", "TAG"):
            raise yaml.scanner.ScannerError(None, None, "found unknown directive name", token.start_mark)
        if token.name == "YAML" and token.value not in ((1, 1), (1, 2)):
            raise yaml.scanner.ScannerError(None, None, "found incompatible YAML document", token.start_mark)
        return token

    def scan_flow_scalar(self, style: str) -> Any:
        """Scan a quoted scalar; escapes of half a character are not allowed in it."""
        start = self.get_mark()
        try:
            token = super().scan_flow_scalar(style)
        except (ValueError, OverflowError):
            token = None
        if token is None or _HALF_CHARACTER.search(token.value):
            raise self._error("a quoted scalar", start, "found invalid Unicode character escape code")
        return token

    def scan_tag(self) -> Any:
        """Scan a tag, which ends before a TAB and, in brackets, before a comma."""
        start = self.get_mark()
        handle: str | None = None
        if self.peek(1) == "<":
            self.forward(2)
            suffix = self.scan_tag_uri("tag", start)
            if self.peek() != ">":
                raise self._error("a tag", start, "did not find the expected '>'")
            self.forward()
        elif self.peek(1) in self._blank_or_end:
            suffix = "!"
            self.forward()
        else:
            named = _TAG_HANDLE.match(self.buffer, self.pointer)
            handle = named.group() if named is not None else "!"
            self.forward(len(handle))
            suffix = self._tag_suffix(start)
        if self.peek() not in self._blank_or_end and not (self.flow_level and self.peek() == ","):
            raise self._error("a tag", start, "did not find expected whitespace or line break")
        return yaml.TagToken((handle, suffix), start, self.get_mark())

    def _tag_suffix(self, start: Any) -> str:
        suffix = ""
        while True:
            found = _TAG_SUFFIX.match(self.buffer, self.pointer)
            if found is not None:
                suffix += found.group()
                self.forward(len(found.group()))
            elif self.peek() == "%":
                suffix += self.scan_uri_escapes("tag", start)
            else:
                break
        if not suffix:
            raise self._error("a tag", start, "did not find expected tag URI")
        return suffix

    def scan_block_scalar_indicators(self, _start_mark: Any) -> tuple[bool | None, int | None]:
        """Scan what follows `|` or `>`: chomping and indentation, in either order."""
        chomping: bool | None = None
        increment: int | None = None
        for _ in range(2):
            if self.peek() in "+-" and chomping is None:
                chomping = self.peek() == "+"
            elif self.peek() in "123456789" and increment is None:
                increment = int(self.peek())
            else:
                break
            self.forward()
        return chomping, increment

    def scan_block_scalar_ignored_line(self, start_mark: Any) -> None:
        """Skip the rest of the line on which a block scalar begins."""
        self._skip(self._blank)
        self._skip_comment()
        if self.peek() not in "\0" + self._break:
            raise self._error("a block scalar", start_mark, "did not find expected comment or line break")
        self._line_break()

    def scan_block_scalar_indentation(self) -> tuple[list[str], int, Any]:
        """Find the indentation of a block scalar; no TAB may stand in it."""
        found: tuple[list[str], int, Any] = super().scan_block_scalar_indentation()
        if self.peek() == "\t" and self.column <= max(found[1], self.indent):
            raise self._error(
                "a block scalar", found[2], "found a tab character where an indentation space is expected"
            )
        return found

    def scan_block_scalar_breaks(self, indent: int) -> tuple[list[str], Any]:
        """Skip the indentation and the empty lines before a line of a block scalar; no TAB may stand there."""
        found: tuple[list[str], Any] = super().scan_block_scalar_breaks(indent)
        if self.peek() == "\t" and self.column < indent:
            raise self._error(
                "a block scalar", found[1], "found a tab character where an indentation space is expected"
            )
        return found


_Loader: Any = None
_LIBYAML: tuple[int, ...] = (0, 2, 5)
try:
    from yaml.cyaml import CParser as _CParser  # type: ignore[attr-defined]
except ImportError:
    _Loader = _PureLoader
else:
    from yaml._yaml import get_version as _get_version

    _Loader = _CParser
    _LIBYAML = tuple(_get_version())


class _Frame:
    """A map or list that is being read."""

    __slots__ = ("anchor", "height", "key", "last", "merges", "node", "size")

    def __init__(self, node: MappingNode | SequenceNode, anchor: str | None) -> None:
        self.node = node
        self.anchor = anchor
        self.last: Node = node
        self.key: ScalarNode | None = None
        self.merges: list[tuple[ScalarNode, Node]] = []
        self.size = 1
        self.height = 1


class _RefusalError(Exception):
    """Something that the grammar allows and we do not."""

    def __init__(self, kind: str, line: int, column: int, what: str, remedy: str) -> None:
        super().__init__(kind, line, column, what, remedy)


_TOO_MANY_NODES: Final = (
    "too-many-nodes",
    f"The file has more than {MAXIMUM_NODES:,} values, aliases written out; no template needs so many.",
    "Remove the aliases (`*name`), or move data out of the template.",
)
_TOO_DEEP: Final = (
    "too-deep",
    f"Maps and lists are nested more than {MAXIMUM_DEPTH} levels deep here.",
    "Check for a damaged file; no template needs such depth.",
)


_SYNTAX_ERRORS: Final = (yaml.YAMLError, ValueError, OverflowError)  # the last two for numbers beyond all bounds


def _composed(text: str, name: str) -> list[Document]:
    composer = _Composer()
    try:
        try:
            roots = _filled(composer.compose(text, _Loader))
        except _SYNTAX_ERRORS:
            if _Loader is not _PureLoader and len(text) <= _WORTH_A_SECOND_LOOK:
                _Composer().compose(text, _PureLoader)
            raise
    except _RefusalError as refusal:
        kind, line, column, what, remedy = refusal.args
        if kind == "unquoted-placeholder":
            kind, line, column, what, remedy = without_quotes(text.splitlines(), line, column)
    except _SYNTAX_ERRORS as error:
        kind, line, column, what, remedy = _explained(text, error)
    else:
        return _documents(text, name, roots, composer.duplicates)
    lines = text.splitlines()
    source_line = lines[line - 1] if line <= len(lines) and kind != "empty" else None
    raise SourceError(Problem(kind, Place(name, line, column), what, remedy, source_line))


def _documents(text: str, name: str, roots: list[Node], duplicates: list[DuplicateKey]) -> list[Document]:
    if len(roots) == 1:
        return [Document(name, text, roots[0], tuple(duplicates))]
    lines = text.splitlines()
    found: list[list[DuplicateKey]] = [[] for _ in roots]
    begins = [root.line for root in roots]
    for duplicate in duplicates:
        found[bisect_right(begins, duplicate.second.line) - 1].append(duplicate)
    return [Document(name, text, root, tuple(its), lines) for root, its in zip(roots, found, strict=True)]


# Where libyaml found an error the Python parser looks again, for its better words; but not at any price.
_WORTH_A_SECOND_LOOK: Final = 64 * 1024


def _explained(text: str, error: Exception) -> Explanation:
    mark = getattr(error, "problem_mark", None)
    if "exceeded maximum nesting depth" in str(error):  # libyaml's own limit, since 0.2.6, is met by its looking ahead
        kind, what, remedy = _TOO_DEEP
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        return Explanation(kind, line, column, what, remedy)
    context_mark = getattr(error, "context_mark", None)
    return explain(
        SyntaxReport(
            text.splitlines(),
            problem=str(getattr(error, "problem", None) or error),
            line=mark.line + 1 if mark is not None else 1,
            column=mark.column + 1 if mark is not None else 1,
            context_line=context_mark.line + 1 if context_mark is not None else None,
            context_column=context_mark.column + 1 if context_mark is not None else None,
        )
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
        # The hot loop of every reading: scalars, most of all events, take no call but the parser's.
        get_event = loader.get_event
        scalar_event, alias_event = yaml.ScalarEvent, yaml.AliasEvent
        start_events = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
        end_events = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
        roots: list[Node] = []
        stack: list[_Frame] = []
        count = 0
        node: Node
        while True:
            event = get_event()
            kind = type(event)
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
                size = height = 1
                count += 1
                if event.anchor is not None:
                    self._anchors[event.anchor] = (node, 1, 1)
            elif kind in start_events:
                if len(stack) >= MAXIMUM_DEPTH:
                    _refuse(_TOO_DEEP, event.start_mark)
                if event.anchor is not None:
                    self._anchors[event.anchor] = None
                stack.append(_Frame(_opened(event), event.anchor))
                continue
            elif kind in end_events:
                frame = stack.pop()
                node, size, height = frame.node, frame.size, frame.height
                count += 1
                _close(frame, event)
                if frame.anchor is not None:
                    self._anchors[frame.anchor] = (node, size, height)
            elif kind is alias_event:
                node, size, height = self._aliased(event, len(stack))
                count += size
            elif kind is yaml.StreamEndEvent:
                return roots
            else:
                if kind is yaml.DocumentStartEvent:
                    self._anchors.clear()
                continue
            if count > MAXIMUM_NODES:
                _refuse(_TOO_MANY_NODES, event.start_mark)
            if not stack:
                roots.append(node)
                continue
            frame = stack[-1]
            if kind is not alias_event:
                frame.last = node
            frame.size += size
            if height >= frame.height:
                frame.height = height + 1
            parent = frame.node
            if type(parent) is not MappingNode:
                parent.items.append(node)
            elif frame.key is None:
                if type(node) is not ScalarNode:
                    _refuse_key(node, parent)
                    continue
                frame.key = node
            else:
                key, frame.key = frame.key, None
                text = key.text
                if text == "<<" and (key.tag == _MERGE_TAG or (key.tag is None and key.style == "")):
                    frame.merges.append((key, node))
                    continue
                if text in parent.keys:
                    self.duplicates.append(DuplicateKey(parent.keys[text], key, parent, parent.values[text]))
                if kind is scalar_event and not scalar.text and not scalar.style and scalar.tag is None:
                    # The two parsers place a value that is not there differently; it is shown right behind its key.
                    node.line, node.column = node.end_line, node.end_column = key.end_line, key.end_column
                parent.keys[text] = key
                parent.values[text] = node

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


def _opened(event: Any) -> MappingNode | SequenceNode:
    """Return the empty node of a map or list that begins."""
    node: MappingNode | SequenceNode
    if type(event) is yaml.MappingStartEvent:
        node = mapping = MappingNode()
        mapping.values, mapping.keys = {}, {}
    else:
        node = sequence = SequenceNode()
        sequence.items = []
    start = event.start_mark
    node.line = node.end_line = start.line + 1
    node.column = node.end_column = start.column + 1
    node.tag, node.flow = event.tag, bool(event.flow_style)
    return node


def _close(frame: _Frame, event: Any) -> None:
    """Complete a map or list that ends: its end, and what it merges."""
    node = frame.node
    if node.flow:
        end = event.end_mark
        node.end_line, node.end_column = end.line + 1, end.column + 1
    else:
        # For the parser a block ends where the next thing begins; for readers, with its last value.
        node.end_line, node.end_column = frame.last.end_line, frame.last.end_column
    if frame.merges:
        _merge(frame)


def _refuse(refusal: tuple[str, str, str], mark: Any) -> None:
    kind, what, remedy = refusal
    raise _RefusalError(kind, mark.line + 1, mark.column + 1, what, remedy)


def _refuse_key(node: Node, parent: MappingNode) -> None:
    if type(node) is MappingNode and node.flow and (node.line, node.column) == (parent.line, parent.column + 1):
        raise _RefusalError(*unquoted_placeholder(parent.line, parent.column))
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
    if type(mapping) is not MappingNode:
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
        what = "The file is empty: it holds no YAML value."
        raise _RefusalError("empty", 1, 1, what, "Write a template into it, or remove it.")
    return filled


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
    if style is None and kind_of_plain(text) != "string":
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_mapping(dumper: _Dumper, mapping: dict[str, Any]) -> Any:
    return dumper.represent_mapping("tag:yaml.org,2002:map", mapping.items())


_Dumper.add_representer(str, _represent_text)
_Dumper.add_multi_representer(dict, _represent_mapping)
