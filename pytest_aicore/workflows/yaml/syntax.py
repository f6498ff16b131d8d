"""Explanations of YAML syntax errors.

A YAML parser reports where it had to stop, which is often not where the mistake is, in terms of its grammar. Most
broken templates have one of a dozen mistakes; each is recognised here by the lines around it. Other errors keep the
message of the parser.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_aicore.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Explanation(NamedTuple):
    """A mistake: its kind, where it is, what happened, what to do."""

    kind: str
    line: int
    column: int
    what: str
    remedy: str


class SyntaxReport(NamedTuple):
    """The error of a YAML parser, together with the text.

    Attributes:
        lines: the lines of the file, without line ends.
        problem: the message of the parser.
        line: line at which it stopped, counted from 1.
        column: column at which it stopped, counted from 1.
        context_line: line on which the construct began that it was reading, if known.
        context_column: the column of that.
    """

    lines: Sequence[str]
    problem: str
    line: int
    column: int
    context_line: int | None = None
    context_column: int | None = None

    def text(self, line: int) -> str:
        """Return one line, counted from 1."""
        # Longer lines are not written by hand; the cut limits the time of the expressions below.
        return self.lines[line - 1][:_LONGEST_LINE] if 0 < line <= len(self.lines) else ""

    @property
    def here(self) -> str:
        """The line at which the parser stopped."""
        return self.text(self.line)

    @property
    def above(self) -> tuple[int, str]:
        """Number and text of the nearest line above that is neither blank nor a comment; 0 without one."""
        for number in range(min(self.line - 1, len(self.lines)), 0, -1):
            text = self.text(number)
            if text.strip() and not text.lstrip().startswith("#"):
                return number, text
        return 0, ""


def explain(report: SyntaxReport) -> Explanation:
    """Return the best explanation of the error of a YAML parser.

    Args:
        report: the error of the parser.
    """
    for words, recognise in _RECOGNISERS:
        if words in report.problem:
            explanation = recognise(report)
            if explanation is not None:
                return explanation
    return Explanation(
        "syntax",
        report.line,
        report.column,
        f"This is not YAML: {report.problem}.",
        "Check indentation, colons and quotes of this line and the lines above it.",
    )


_LONGEST_LINE: Final = 400
_LINES_TO_COUNT: Final = 2000
_KEY: Final = re.compile(
    r"""(?P<before>\s*(?:-\s+)*)(?P<key>"[^"]*"|'[^']*'|[^\s:#"'{\[-][^:#]*?)\s*:(?:\s+(?P<value>.*))?$"""
)
_PLACEHOLDER: Final = re.compile(r"(?:[:\-,\[]\s+|^\s*)(\{\{.*)")
_COMMENT_WITHOUT_SPACE: Final = re.compile(r"[^\s#\"']#")
_COLON_WITHOUT_SPACE: Final = re.compile(r"\s*(?:-\s+)*([\w./-]+:)\S+$")
_KEYS_BELOW_ARGUMENTS: Final = ("parameters", "artifacts")
_KEYS_OF_MAPS: Final = frozenset(
    {
        "metadata",
        "labels",
        "annotations",
        "spec",
        "inputs",
        "outputs",
        "arguments",
        "container",
        "script",
        "dag",
        "resource",
        "valueFrom",
        "archive",
    }
)
_KEYS_OF_LISTS: Final = frozenset(
    {
        "templates",
        "steps",
        "tasks",
        "artifacts",
        "parameters",
        "env",
        "containers",
        "sidecars",
        "initContainers",
        "imagePullSecrets",
        "volumes",
        "volumeMounts",
        "ports",
    }
)
_KEYS_OF_PLAIN_LISTS: Final = frozenset({"args", "command", "dependencies", "enum", "withItems"})
"""Keys of lists of single values."""
_KEYS_OFTEN_FIRST: Final = frozenset(
    {
        "name",
        "value",
        "path",
        "image",
        "command",
        "args",
        "template",
        "from",
        "globalName",
        "key",
        "kind",
        "default",
        "description",
        "entrypoint",
    }
)
_OPENS_QUOTE: Final = re.compile(r"""\s*(?:-\s+)*[^\s:#"'{\[][^:#]*:\s+(?P<quote>["'])""")
_CLOSES: Final = {'"': re.compile(r'(?:[^"\\]|\\.)*"'), "'": re.compile(r"(?:[^']|'')*'(?!')")}


def _indentation(text: str) -> int:
    """Return the column, counted from 1, of the first key or value of a line, list dashes skipped."""
    return len(text) - len(re.sub(r"^\s*(?:-\s+)*", "", text)) + 1


def _quoted(text: str, width: int = 40) -> str:
    # Before it is cut: half a secret is no longer recognised as one.
    text = redact(text.strip())
    return f"`{text if len(text) <= width else text[: width - 3] + '...'}`"


def _without_dashes(text: str) -> str:
    return text[_indentation(text) - 1 :]


def _tab(report: SyntaxReport) -> Explanation | None:
    if _is_json(report.lines):
        return None  # in brackets a TAB is a blank like any other
    indentation = re.match(r" *\t", report.here)
    if indentation is not None:
        return Explanation(
            "tab",
            report.line,
            indentation.end(),
            "Tab used for indentation; YAML allows only spaces.",
            "Replace each tab with spaces.",
        )
    if report.here[report.column - 1 : report.column] == "\t":
        return Explanation(
            "tab",
            report.line,
            report.column,
            "Tab used where YAML allows only spaces.",
            "Replace each tab with spaces.",
        )
    return None


def _conflict(report: SyntaxReport) -> Explanation | None:
    """Explain a merge conflict that git left in the file."""
    line = next((number for number, text in enumerate(report.lines, 1) if _CONFLICT.match(text)), 0)
    if not line or line > report.line:
        return None
    return Explanation(
        "merge-conflict",
        line,
        1,
        "Git left a merge conflict here: the file has two versions of the lines around it.",
        "Keep one of them, and remove the lines that begin with `<<<<<<<`, `=======` and `>>>>>>>`.",
    )


_CONFLICT: Final = re.compile(r"(?:<{7}|>{7}|[|]{7})(?: |$)")


def _look_alike(report: SyntaxReport) -> Explanation | None:
    """Explain a character that looks like a special character of YAML, as in text that was copied from a page."""
    for line in dict.fromkeys((report.line, report.context_line or report.line, report.above[0])):
        found = _LOOK_ALIKE.match(report.text(line))
        character = found and found.group(found.lastgroup or 0)
        if found is None or not character:
            continue
        wanted = {"dash": "a dash", "colon": "a colon and a space"}.get(found.lastgroup or "", "a space")
        return Explanation(
            "look-alike",
            line,
            found.start(found.lastgroup or 0) + 1,
            f"The character U+{ord(character):04X} only looks like {wanted}.",
            f"Type {wanted} instead: such characters come with text copied from a page or a chat.",
        )
    return None


LOOK_LIKE_BLANKS: Final = "\u00a0\u1680\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff"
"""Characters, as a set of a regular expression, that look like a blank or like nothing."""
_LOOK_ALIKE: Final = re.compile(
    rf"[ -]*(?:(?P<blank>[{LOOK_LIKE_BLANKS}])|(?P<dash>[\u2010-\u2015\u2022\u2212])\s|"
    rf"[\w./-]+(?:(?P<colon>\uff1a)|:(?P<after>[{LOOK_LIKE_BLANKS}])))"
)


def _text_behind_block(report: SyntaxReport) -> Explanation | None:
    found = re.search(r"(?:^|\s)([|>][-+0-9]*)", report.here[: report.column - 1])
    if found is None:
        return None
    return Explanation(
        "text-behind-block",
        report.line,
        found.end() + 1,
        f"Text follows `{found.group(1)}`, which begins a block of lines.",
        "Begin a new line after it, and indent the text deeper than this line.",
    )


def _is_json(lines: Sequence[str]) -> bool:
    return next((line for line in lines if line.strip()), "").lstrip()[:1] in ("{", "[")


def _placeholder(report: SyntaxReport) -> Explanation | None:
    for line in dict.fromkeys((report.line, report.context_line or report.line)):
        text = report.text(line)
        found = _PLACEHOLDER.search(text)
        if found is not None and text[: found.start(1)].count('"') % 2 == 0:
            return without_quotes(report.lines, line, found.start(1) + 1)
    return None


def without_quotes(lines: Sequence[str], line: int, column: int) -> Explanation:
    """Return the explanation of a placeholder without quotes, or of the block around it that has to be a string.

    Args:
        lines: the lines of the file, without line ends.
        line: its line, counted from 1.
        column: the column of its first brace, counted from 1.
    """
    report = SyntaxReport(lines, "", line, column)
    block = _block_around(report, line)
    if not block:
        return unquoted_placeholder(line, column)
    return Explanation(
        "no-block",
        block,
        _indentation(report.text(block)),
        f"The content of {_quoted(report.text(block))} has to be a string for AI Core, not a map; so the "
        f"placeholder in line {line} is not YAML.",
        f"Write {_quoted(report.text(block).strip() + ' |')}.",
    )


def _block_around(report: SyntaxReport, line: int) -> int:
    """Return the line of the key in a ServingTemplate that should have begun a block around a line, 0 without one."""
    if not any(_SERVING.match(text[:_LONGEST_LINE]) for text in report.lines[:_LINES_TO_COUNT]):
        return 0
    path: list[tuple[str, int]] = []
    least = _spaces(report.text(line))
    for number in range(line - 1, 0, -1):
        text = report.text(number)
        key = _KEY.match(text) if _is_code(text) and _spaces(text) < least else None
        if key is not None:
            least = _spaces(text)
            path.insert(0, (key.group("key"), number))
    words = [word for word, _ in path]
    for wanted in (["spec", "template", "spec"], *(["spec", "template", "metadata", key] for key in _BLOCKS)):
        if words[: len(wanted)] == wanted and not report.text(path[len(wanted) - 1][1]).rstrip().endswith(("|", ">")):
            return path[len(wanted) - 1][1]
    return 0


_SERVING: Final = re.compile(r"kind:\s*[\"']?ServingTemplate")
_BLOCKS: Final = ("labels", "annotations")


def unquoted_placeholder(line: int, column: int) -> Explanation:
    """Return the explanation of a placeholder that is the beginning of an unquoted value.

    Args:
        line: its line, counted from 1.
        column: the column of its first brace, counted from 1.
    """
    return Explanation(
        "unquoted-placeholder",
        line,
        column,
        "YAML reads a value that begins with `{{` as a map in a map, not as a placeholder.",
        'Put the whole value in quotes: "{{...}}".',
    )


def _comment_without_space(report: SyntaxReport) -> Explanation | None:
    key = _KEY.match(report.here)
    if key is None or not key.group("value"):
        return None
    found = _COMMENT_WITHOUT_SPACE.search(report.here, key.start("value"), report.column - 1)
    if found is None:
        return None
    return Explanation(
        "comment-without-space",
        report.line,
        found.end(),
        "This `#` does not begin a comment, because no space precedes it: the whole line belongs to the value.",
        "Put a space before the `#`.",
    )


def _colon_in_value(report: SyntaxReport) -> Explanation | None:
    key = _KEY.match(report.here[: report.column - 1])
    if key is None:
        return None
    return Explanation(
        "colon-in-value",
        report.line,
        report.column,
        f"The value of `{key.group('key')}` contains a colon and a space, so YAML takes it for a second key.",
        "Put the value in quotes, or begin a new line after the first colon.",
    )


def _quote_goes_on(report: SyntaxReport) -> Explanation | None:
    """Explain an error caused by a quotation mark far above that only another one closes."""
    line = 1
    while line < report.line:
        found = _OPENS_QUOTE.match(report.text(line))
        if found is None:
            line += 1
            continue
        closes = _CLOSES[found.group("quote")]
        begins, indentation, start = line, _indentation(report.text(line)), found.end()
        holds_keys = False
        while line <= report.line and closes.match(report.text(line), start) is None:
            line, start = line + 1, 0
            inner = report.text(line)
            holds_keys = holds_keys or (_indentation(inner) <= indentation and _KEY.match(inner) is not None)
        if holds_keys:
            return _quote_not_closed(report._replace(context_line=begins, context_column=found.end("quote")))
        line = max(line, begins) + 1
    return None


def _first_of_its_kind(report: SyntaxReport) -> tuple[int, str, re.Match[str]] | None:
    """Return the line above and its number, and the key above that, if that line is the first one below the key."""
    number, first = report.above
    above = report._replace(line=number).above[1]
    parent = _KEY.match(above)
    if not number or parent is None or parent.group("value") or _spaces(above) >= _spaces(first):
        return None
    return number, first, parent


def _spaces(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


def _first_is_uneven(report: SyntaxReport) -> Explanation | None:
    """Explain an error in the first line below a key, where the parser stopped only at the second."""
    found = _first_of_its_kind(report)
    if found is None:
        return None
    number, first, parent = found
    is_item, here_is_item = first.lstrip().startswith("- "), report.here.lstrip().startswith("- ")
    if parent.group("key") in _KEYS_OF_MAPS and is_item and not here_is_item:
        return Explanation(
            "dash-in-map",
            number,
            _spaces(first) + 1,
            f"The first key below `{parent.group('key')}:` has a dash, and the next one has none: that is "
            "neither a list nor a map.",
            "Remove the dash.",
        )
    if parent.group("key") in _KEYS_OF_LISTS and not is_item and not here_is_item:
        if _spaces(report.here) != _spaces(first) + 2:
            return None
        return _no_dash(number, first, parent.group("key"))
    return _uneven(report, report._replace(line=number).above[0], number)


def _child_is_uneven(report: SyntaxReport) -> Explanation | None:
    """Explain an error in the first child of a key, where the parser stopped only at the next.

    The lines around them decide which of two has the wrong indentation, else the usual indentation of the file.
    """
    if report.context_column is None:
        return None
    around = next(
        (
            number
            for number in range(report.line - 1, 0, -1)
            if _indentation(report.text(number)) == report.context_column and _is_code(report.text(number))
        ),
        0,
    )
    if not around:
        return None
    # What is still open is the key whose first child was indented too deep, or a first child that is too far left.
    first = next((number for number in range(around + 1, report.line) if _is_code(report.text(number))), 0)
    uneven = _uneven(report, around, first) if first else None
    parent = next((n for n in range(around - 1, 0, -1) if _is_code(report.text(n))), 0)
    return uneven or (_uneven(report, parent, around) if parent else None)


def _is_code(text: str) -> bool:
    return bool(text.strip()) and not text.lstrip().startswith("#")


def _uneven(report: SyntaxReport, above: int, first: int) -> Explanation | None:
    """Explain why the first line below a key does not fit the line at which the parser stopped."""
    parent, text = _KEY.match(report.text(above)), report.text(first)
    here, begins, spaces = _spaces(report.here), _indentation(report.text(above)) - 1, _spaces(text)
    is_item = text.lstrip().startswith("- ")
    if parent is None or parent.group("value") or is_item != report.here.lstrip().startswith("- "):
        return None
    if spaces == here or min(spaces, here) < begins:
        return None
    for other in (report.text(number) for number in range(first + 1, report.line)):
        least = spaces if other.lstrip().startswith("- ") and not is_item else spaces + 1
        if _is_code(other) and _spaces(other) < least:
            return None
    below = next((text for text in report.lines[report.line :] if _is_code(text)), "")
    usual = _usual_offset(report.lines, of_items=is_item)
    surely = is_item == below.lstrip().startswith("- ") and _spaces(below) == here and begins < here
    if not surely and (here - begins != usual or spaces - begins == usual):
        return None
    return Explanation(
        "uneven-indentation",
        first,
        spaces + 1,
        f"This line is indented by {spaces} spaces, and line {report.line}, at the same level, by {here}.",
        f"Indent both by {here} spaces.",
    )


def _odd_line(report: SyntaxReport) -> Explanation | None:
    """Explain an error in a line with less indentation than the lines before and after it."""
    here = _KEY.match(report.here)
    spaces = _spaces(report.here)
    odd = next(
        (n for n in range(report.line - 1, 0, -1) if _is_code(report.text(n)) and _spaces(report.text(n)) < spaces), 0
    )
    text = report.text(odd)
    key = _KEY.match(text)
    number, above = report._replace(line=odd).above
    before = _KEY.match(above)
    if here is None or key is None or before is None or _indentation(text) > spaces:
        return None
    family = next((keys for keys in _SIBLINGS if {key.group("key"), here.group("key")} <= keys), None)
    if family is None:
        return None
    if not (_spaces(above) == _spaces(text) and before.group("key") in _KEYS_OF_MAPS and not before.group("value")):
        while number and _indentation(above) - 1 > spaces:
            number, above = report._replace(line=number).above
        before = _KEY.match(above)
        if before is None or before.group("key") not in family or _indentation(above) - 1 != spaces:
            return None
    return Explanation(
        "uneven-indentation",
        odd,
        _spaces(text) + 1,
        f"This line is indented by {_spaces(text)} spaces, and line {report.line}, which belongs to the same map, by "
        f"{spaces}.",
        f"Indent both by {spaces} spaces.",
    )


_SIBLINGS: Final = (
    frozenset({"image", "imagePullPolicy", "command", "args", "env", "resources", "volumeMounts", "ports", "name"}),
    frozenset({"name", "path", "globalName", "archive", "from", "s3"}),
)
"""Keys of one map: of a container, of an artifact."""


def _first_has_no_dash(report: SyntaxReport) -> Explanation | None:
    """Explain a list item where the first line below the key of the list has no dash."""
    spaces = _spaces(report.here)
    if not report.here.lstrip().startswith("- "):
        return None
    code = [n for n in range(report.line - 1, 0, -1) if _is_code(report.text(n))]
    first = 0
    for number in code:
        text = report.text(number)
        if _indentation(text) - 1 <= spaces:
            break
        first = number
    else:
        return None
    parent = _KEY.match(text)
    beginning = report.text(first)
    if parent is None or parent.group("value") or parent.group("key") not in _KEYS_OF_LISTS:
        return None
    if not first or beginning.lstrip().startswith("- ") or _indentation(text) - 1 > spaces:
        return None
    return _no_dash(first, beginning, parent.group("key"))


def _no_dash(line: int, text: str, key: str) -> Explanation:
    return Explanation(
        "no-dash",
        line,
        _spaces(text) + 1,
        f"{_quoted(text)} is not an item of the list `{key}:`, because it has no dash.",
        f"Write {_quoted('- ' + text.strip())}.",
    )


def _usual_offset(lines: Sequence[str], *, of_items: bool) -> int:
    """Return the usual indentation of keys, or items, below the key above them."""
    counted: dict[int, int] = {}
    above = ""
    for line in lines[:_LINES_TO_COUNT]:
        text = line[:_LONGEST_LINE]
        if not _is_code(text):
            continue
        if above.endswith(":") and text.lstrip().startswith("- ") == of_items:
            offset = _spaces(text) - _indentation(above) + 1
            counted[offset] = counted.get(offset, 0) + 1
        above = text.rstrip()
    return max(counted, key=lambda offset: counted[offset], default=2)


def _colon_missing_beside(report: SyntaxReport) -> Explanation | None:
    """Explain a first key without a colon, or a dash without a space, which make the line a string."""
    number, above = report.above
    if not number or _indentation(above) > _indentation(report.here) or _KEY.match(above) is not None:
        return None
    if not above.lstrip().startswith("-") and _first_of_its_kind(report) is None:
        return None
    dash = re.match(r"\s*-(?=[A-Za-z])", above)
    if dash is not None and _KEY.match(above[dash.end() :]) is not None:
        return Explanation(
            "dash-without-space",
            number,
            dash.end() + 1,
            "No space follows the dash, so YAML reads the line as a string, not an item.",
            "Put a space after the dash.",
        )
    squeezed = _COLON_WITHOUT_SPACE.match(above)
    if squeezed is not None:
        return _colon_without_space(number, squeezed)
    word = re.match(r"\s*(?:-\s+)*([\w./-]+)[;,=]?\s+\S", above)
    if word is None or not (word.group(1) in _KEYS_OFTEN_FIRST or "ai.sap.com/" in word.group(1)):
        return None
    return Explanation(
        "no-colon",
        number,
        word.end(1) + 1,
        f"No colon follows {_quoted(word.group(1))}, so YAML reads the line as a string, not a key.",
        f"Write {_quoted(word.group(1) + ':')}, and the value after it.",
    )


def _colon_missing_above(report: SyntaxReport) -> Explanation | None:
    number, above = report.above
    if not number or _indentation(above) >= _indentation(report.here):
        return None
    before = _KEY.match(report._replace(line=number).above[1])
    if before is not None and before.group("value") and before.end("before") + 1 < _indentation(above):
        # The line above continues a string that begins in a line above that.
        return None
    squeezed = _COLON_WITHOUT_SPACE.match(above)
    if squeezed is not None:
        return _colon_without_space(number, squeezed)
    if ":" in above or "#" in above or above.lstrip().startswith("-"):
        return None
    return Explanation(
        "no-colon",
        number,
        len(above.rstrip()) + 1,
        f"{_quoted(above)} has keys below it, but no colon behind it.",
        f"Write {_quoted(above.strip() + ':')}.",
    )


def _colon_without_space(line: int, squeezed: re.Match[str]) -> Explanation:
    return Explanation(
        "colon-without-space",
        line,
        squeezed.end(1) + 1,
        f"No space follows the colon of {_quoted(squeezed.group(1))}, so YAML reads the line as a string, not a key.",
        "Put a space after the colon, or remove what was typed there by accident.",
    )


def _list_under_value(report: SyntaxReport) -> Explanation | None:
    number, above = report.above
    parent = _KEY.match(above)
    if not report.here.lstrip().startswith("- ") or parent is None or not parent.group("value"):
        return None
    return Explanation(
        "list-under-value",
        report.line,
        report.here.index("-") + 1,
        f"There is a list below {_quoted(_without_dashes(above))} in line {number}, which already has a value.",
        f"Remove the value of `{parent.group('key')}`: the list is its value."
        if parent.group("key") in _KEYS_OF_LISTS | _KEYS_OF_PLAIN_LISTS
        else "Add the keys of the list (`arguments:` and `parameters:`, ...) on lines above it.",
    )


def _indented_too_deep(report: SyntaxReport) -> Explanation | None:
    number, above = report.above
    parent = _KEY.match(above)
    column, wanted = _indentation(report.here), _indentation(above)
    if parent is None or column <= wanted:
        return None
    key = report.here[column - 1 : report.column - 1].strip()
    remedy = f"Indent it by {wanted - 1} spaces like the key above it, not by {column - 1}."
    if key in _KEYS_BELOW_ARGUMENTS and parent.group("key") not in ("arguments", "inputs", "outputs"):
        remedy = f"Put its own key (`arguments:`, `inputs:`, `outputs:`) on a line above it, or i{remedy[1:]}"
    elif parent.group("value") and (len(parent.group("value")) == 1 or parent.group("key") in _KEYS_OF_MAPS):
        return Explanation(
            "stray-value",
            number,
            parent.start("value") + 1,
            f"{_quoted(parent.group('value'))} follows `{parent.group('key')}:`, but there are keys below it: YAML "
            "allows only one of them.",
            f"Remove {_quoted(parent.group('value'))} if it was typed by accident, or indent line {report.line} by "
            f"{wanted - 1} spaces like the key above it, not by {column - 1}.",
        )
    return Explanation(
        "indented-too-deep",
        report.line,
        column,
        f"{_quoted(key + ':')} is indented deeper than {_quoted(_without_dashes(above))} in line {number}, "
        "so YAML reads it as part of that value.",
        remedy,
    )


def _key_in_value(report: SyntaxReport) -> Explanation | None:
    column = _indentation(report.here)
    return Explanation(
        "key-in-value",
        report.line,
        column,
        f"{_quoted(report.here[column - 1 : report.column])} is where YAML still reads the value above it.",
        "Check the indentation of this line and the lines above it; put a string of several lines in quotes.",
    )


def _no_key(report: SyntaxReport) -> Explanation | None:
    line = report.context_line or report.line
    text = report.text(line)
    squeezed = _COLON_WITHOUT_SPACE.match(text)
    if squeezed is not None:
        return _colon_without_space(line, squeezed)
    return Explanation(
        "no-colon",
        line,
        _indentation(text),
        f"{_quoted(text)} is where a key is expected, but no colon follows it.",
        "Add the colon, or remove what was typed there by accident.",
    )


def _quote_not_closed(report: SyntaxReport) -> Explanation | None:
    return Explanation(
        "quote-not-closed",
        report.context_line or report.line,
        report.context_column or report.column,
        "This quotation mark is never closed.",
        "Close it at the end of the value.",
    )


def _bracket_not_closed(report: SyntaxReport) -> Explanation | None:
    found = re.search(r"expected ',' or '([]}])'", report.problem)
    if found is None or report.context_line is None or report.context_column is None:
        return None
    opening = "[" if found.group(1) == "]" else "{"
    same_line = report.context_line == report.line
    return Explanation(
        "bracket-not-closed",
        report.context_line,
        report.context_column,
        f"The `{opening}` is not closed before {'column' if same_line else 'line'} "
        f"{report.column if same_line else report.line}, or a comma between its items is missing there.",
        f"Close it with `{found.group(1)}`, or put the value in quotes if the bracket is part of a string.",
    )


def _file_ends_in_brackets(report: SyntaxReport) -> Explanation | None:
    depth = 0
    for line in range(len(report.lines), 0, -1):
        text = report.text(line)
        for column in range(len(text), 0, -1):
            character = text[column - 1]
            depth += (character in "]}") - (character in "[{")
            if depth < 0:
                closing = "]" if character == "[" else "}"
                return Explanation(
                    "bracket-not-closed",
                    line,
                    column,
                    f"The `{character}` is not closed before the file ends.",
                    f"Close it with `{closing}`, or put the value in quotes if the bracket is part of a string.",
                )
    return None


def _value_expected(report: SyntaxReport) -> Explanation | None:
    found = re.search(r"but found '([^<]+)'", report.problem)
    if found is None:
        return None
    return Explanation(
        "no-value",
        report.line,
        report.column,
        f"`{found.group(1)}` is where a value is expected.",
        f"Write the value before it, or remove the `{found.group(1)}`.",
    )


def _text_after_quote(report: SyntaxReport) -> Explanation | None:
    before = report.here[: report.column - 1].rstrip()
    if not before or before[-1] not in "\"'":
        return None
    quote = before[-1]
    if before.count(quote) % 2:
        # The quotation mark before the text closes what a line above opened.
        for line in range(report.line - 1, 0, -1):
            if report.text(line).count(quote) % 2:
                return _quote_not_closed(
                    report._replace(context_line=line, context_column=report.text(line).rindex(quote) + 1)
                )
    return Explanation(
        "text-after-quote",
        report.line,
        report.column,
        f"{_quoted(report.here[report.column - 1 :])} follows a value in quotes on the same line.",
        "Put the whole value in quotes, or a space and a `#` before a comment.",
    )


def _list_on_key_line(report: SyntaxReport) -> Explanation | None:
    if not report.here[: report.column - 1].strip():
        return None
    return Explanation(
        "list-on-key-line",
        report.line,
        report.column,
        "A list cannot begin on the line of its key.",
        "Begin a new line before the dash, or write the list in brackets: [...].",
    )


def _list_without_key(report: SyntaxReport) -> Explanation | None:
    number, above = report.above
    return Explanation(
        "list-without-key",
        report.line,
        report.column,
        "A list item is where a key is expected"
        + (f" after {_quoted(_without_dashes(above))} in line {number}." if number else "."),
        "Add the key of its list on a line above it (`env:`, `artifacts:`, or `arguments:` and below that "
        "`parameters:`), indent the dash like the other items of its list, or remove the dash.",
    )


def _uneven_indentation(report: SyntaxReport) -> Explanation | None:
    beginning = (
        f" What it would belong to begins in line {report.context_line}, column {report.context_column}."
        if report.context_line is not None
        else ""
    )
    return Explanation(
        "uneven-indentation",
        report.line,
        report.column,
        "The indentation of this line fits no line above it." + beginning,
        "Indent it exactly like the other keys or items at its level.",
    )


def _reserved_character(report: SyntaxReport) -> Explanation | None:
    # Some of them are only found wanting at a later character, or at the next value.
    column = report.column if "cannot start" in report.problem else report.context_column or report.column
    character = report.here[column - 1 : column]
    if character not in _RESERVED or report.context_line not in (None, report.line):
        return None
    if re.match(r"%(?:YAML|TAG)\b", report.here):
        return None  # This one is meant as a directive.
    if report.here[column - 1 :].startswith("{%") or report.here[: column - 1].endswith("{"):
        return Explanation(
            "reserved-character",
            report.line,
            column,
            "`{%` begins a statement of Jinja, which AI Core does not know.",
            "Remove the statements, and write what they would have made of the file.",
        )
    fence = report.here.lstrip().startswith("```")
    return Explanation(
        "reserved-character",
        report.line,
        column,
        f"A string without quotes cannot begin with {_RESERVED[character]}.",
        "Remove it: it marks code in Markdown, and is not part of the file."
        if fence
        else "Put the text in quotes, or remove that character if it was typed by accident.",
    )


_RESERVED: Final = {
    "@": "`@`",
    "`": "a back quote",
    "%": "`%`",
    "*": "`*`, which refers to an anchor",
    "&": "`&`, which names an anchor",
    "!": "`!`, which begins a tag",
}


def _bad_escape(report: SyntaxReport) -> Explanation | None:
    escape = re.match(r".?\\?[^\"\s]?", report.here[max(report.column - 2, 0) :])
    shown = escape.group() if escape is not None and "\\" in escape.group() else ""
    return Explanation(
        "bad-escape",
        report.line,
        report.column,
        (f"`{shown[shown.index(chr(92)) :]}` means" if shown else "A backslash in this value means")
        + " nothing between double quotation marks.",
        "Double the backslash, or use single quotation marks.",
    )


def _bad_character_number(report: SyntaxReport) -> Explanation | None:
    return Explanation(
        "bad-escape",
        report.context_line or report.line,
        report.context_column or report.column,
        "An escape such as `\\u` in this value is not a valid character.",
        "Write the character itself.",
    )


_RECOGNISERS: Final[tuple[tuple[str, Callable[[SyntaxReport], Explanation | None]], ...]] = (
    # Words of the parser, and what may be meant by them; the first that recognises its mistake wins.
    ("", _tab),
    ("", _conflict),
    ("", _look_alike),
    ("", _placeholder),
    ("expected comment or line break", _text_behind_block),
    ("expected <block end>", _quote_goes_on),
    ("mapping values are not allowed", _quote_goes_on),
    ("mapping values are not allowed", _comment_without_space),
    ("mapping values are not allowed", _colon_in_value),
    ("mapping values are not allowed", _list_under_value),
    ("mapping values are not allowed", _colon_missing_above),
    ("mapping values are not allowed", _colon_missing_beside),
    ("mapping values are not allowed", _first_is_uneven),
    ("mapping values are not allowed", _odd_line),
    ("mapping values are not allowed", _indented_too_deep),
    ("mapping values are not allowed", _key_in_value),
    ("could not find expected ':'", _no_key),
    ("unexpected end of stream", _quote_not_closed),
    ("unexpected document separator", _quote_not_closed),
    ("expected ',' or ", _bracket_not_closed),
    ("expected the node content, but found '<stream end>'", _file_ends_in_brackets),
    ("expected the node content", _value_expected),
    ("expected <block end>", _odd_line),
    ("expected <block end>", _first_has_no_dash),
    ("expected <block end>", _first_is_uneven),
    ("expected <block end>", _child_is_uneven),
    ("expected <block end>, but found", _text_after_quote),
    ("sequence entries are not allowed", _list_on_key_line),
    ("sequence entries are not allowed", _list_without_key),
    ("expected <block end>, but found '-'", _list_without_key),
    ("expected <block end>, but found", _uneven_indentation),
    ("", _reserved_character),
    ("unknown escape character", _bad_escape),
    ("escape code", _bad_character_number),
)
