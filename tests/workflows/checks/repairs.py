"""What a careful reader does who knows a template and reads one remedy: a repair for each sentence that is prose.

What a remedy says literally (``Write `x`.``) needs no entry: `test_remedies.py` does it as it is written. Nearly all
repairs change the data that the YAML stands for, because a reader knows what a map or a list is; those of YAML itself
change the text.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_aicore.workflows.checks import Finding

Path: TypeAlias = "tuple[str | int, ...]"
Function: TypeAlias = "Callable[[Broken], str | None]"

SHELL = ["/bin/sh", "-c"]


class Repair(NamedTuple):
    """What is done where a remedy is given.

    Attributes:
        remedy: the pattern of the whole remedy.
        rules: the ids of the rules that give it.
        carry_out: changes `Broken.data`, or returns a new text.
    """

    remedy: re.Pattern[str]
    rules: frozenset[str]
    carry_out: Function


REPAIRS: list[Repair] = []


def repair(rules: str, *remedies: str) -> Callable[[Function], Function]:
    """Register a function as what is done for some remedies, patterns of the whole sentence."""

    def register(function: Function) -> Function:
        REPAIRS.extend(Repair(re.compile(remedy), frozenset(rules.split()), function) for remedy in remedies)
        return function

    return register


class Broken:
    """A file with a finding, as its reader sees it.

    Attributes:
        text: the file.
        finding: the finding.
        words: the match of its remedy.
    """

    def __init__(self, text: str, finding: Finding, words: re.Match[str]) -> None:
        """Find the place of a finding."""
        self.text = text
        self.lines = text.split("\n")
        self.finding = finding
        self.words = words
        self.index = finding.place.line - 1
        self.column = finding.place.column - 1
        self.line = self.lines[self.index]
        self._blocks: list[Path] = []

    @cached_property
    def _located(self) -> tuple[Path, bool]:
        return located(self.text, self.finding.place.line, self.finding.place.column)

    @cached_property
    def data(self) -> Any:
        """What the YAML of the file stands for, the text blocks of a ServingTemplate as well."""
        data = yaml.safe_load(self.text)
        if isinstance(data, dict) and data.get("kind") == "ServingTemplate":
            self._open_blocks(data)
        return data

    @property
    def path(self) -> Path:
        """Where in the data the finding is: the keys and indexes that lead there."""
        assert self.data is not None
        return self._located[0]

    @property
    def at_key(self) -> bool:
        """Whether the finding is at the key of that path, not at its value."""
        assert self.data is not None
        return self._located[1]

    @property
    def token(self) -> str:
        """The piece of the line that the finding points at."""
        end = self.finding.end_column
        named = re.search(r"`([^`]*)`", self.finding.message)
        if end is None and named is not None and named.group(1) in self.line:
            return named.group(1)
        return self.line[self.column : None if end is None else end - 1]

    def rest_of_file(self, *, line: str) -> str:
        """Return the file with another line instead of that of the finding."""
        return "\n".join([*self.lines[: self.index], line, *self.lines[self.index + 1 :]])

    def get(self, path: Path) -> Any:
        """Return what is at a path."""
        found = self.data
        for key in path:
            found = found[key]
        return found

    @property
    def value(self) -> Any:
        """What is at the place of the finding."""
        return self.get(self.path)

    @value.setter
    def value(self, value: Any) -> None:
        self.parent[self.path[-1]] = value

    @property
    def parent(self) -> Any:
        """The map or list in which the finding is."""
        return self.get(self.path[:-1])

    @property
    def item(self) -> dict[str, Any]:
        """The map that the finding is about: the one at its place, or around it."""
        found: dict[str, Any] = self.around(dict, above=0 if not self.at_key else 1)
        return found

    def around(self, kind: type, *, above: int = 1) -> Any:
        """Return the innermost map, or list, around the finding."""
        for length in range(len(self.path) - above, -1, -1):
            found = self.get(self.path[:length])
            if isinstance(found, kind):
                return found
        raise LookupError(kind)

    @property
    def below(self) -> dict[str, Any]:
        """The map at the place of the finding, or an empty one that is put there."""
        if self.at_key and not isinstance(self.value, dict):
            self.value = {}
        return self.value if isinstance(self.value, dict) else self.item

    @property
    def spec(self) -> dict[str, Any]:
        """What is below `spec`."""
        spec: dict[str, Any] = self.data["spec"]
        return spec

    @property
    def template(self) -> dict[str, Any]:
        """The item of `spec.templates` that the finding is in."""
        found: dict[str, Any] = self.get(self.path[: self.path.index("templates") + 2])
        return found

    @property
    def call(self) -> dict[str, Any]:
        """The step or task that the finding is in."""
        for length in range(len(self.path), 3, -1):
            found = self.get(self.path[:length])
            if isinstance(found, dict) and {"template", "inline", "templateRef"} & found.keys() and "name" in found:
                return found
        raise LookupError(self.path)

    def called(self) -> dict[str, Any]:
        """Return the template that the step or task runs."""
        return next(each for each in self.spec["templates"] if each["name"] == self.call["template"])

    def calls(self) -> Iterator[dict[str, Any]]:
        """Yield the steps and tasks that run the template that the finding is in."""
        name = self.template["name"]
        for each in self.spec["templates"]:
            steps = [step for group in each.get("steps", ()) for step in group]
            yield from (call for call in (*steps, *each.get("dag", {}).get("tasks", ())) if call["template"] == name)

    def remove(self) -> None:
        """Remove what is at the place of the finding."""
        del self.parent[self.path[-1]]

    def written(self, new: str) -> str:
        """Return the text with something else instead of what the finding points at."""
        return self.rest_of_file(line=self.line.replace(self.token, new, 1))

    def declare(self, where: dict[str, Any], *keys: str, **declared: Any) -> None:
        """Add an item to the list below some keys."""
        for key in keys[:-1]:
            where = where.setdefault(key, {})
        where.setdefault(keys[-1], []).append(declared)

    def result(self) -> str:
        """Return the repaired file."""
        for path in reversed(self._blocks):
            owner = self.get(path[:-1])
            if path[-1] in owner and not isinstance(owner[path[-1]], str):
                owner[path[-1]] = re.sub(r"<<(.*?)>>", r"{{\1}}", dumped(owner[path[-1]]))
        return dumped(self.data)

    def _open_blocks(self, data: Any) -> None:
        inner: Any = (data.get("spec") or {}).get("template")
        for path in (("spec",), ("metadata", "labels"), ("metadata", "annotations")):
            owner: Any = inner
            for key in path[:-1]:
                owner = owner.get(key) if isinstance(owner, dict) else None
            text = owner.get(path[-1]) if isinstance(owner, dict) else None
            if not isinstance(text, str):
                continue
            opened = _opened(text)
            if opened is None:
                continue
            owner[path[-1]] = opened
            whole: Path = ("spec", "template", *path)
            self._blocks.append(whole)
            found, at_key = self._located
            if found == whole and not at_key:
                self._located = self._in_block(whole, text)

    def _in_block(self, path: Path, text: str) -> tuple[Path, bool]:
        first = text.split("\n", 1)[0].strip()
        at = next((number for number, line in enumerate(self.lines) if line.strip() == first), None)
        if at is None:  # not as lines of the file
            return path, False
        indent = len(self.lines[at]) - len(self.lines[at].lstrip())
        inner, at_key = located(_BARE.sub(_SIGN, text), self.index - at + 1, self.column - indent + 1)
        return (*path, *inner), at_key


_BARE = re.compile(r"(?<=: )\{\{([^}]*)\}\}(?=\s*$)", re.MULTILINE)
"""A placeholder without quotes, which AI Core fills in before it reads the block."""
_SIGN = r"<<\1>>"


def _opened(text: str) -> Any:
    """Return what a text block stands for, None if it cannot be read."""
    try:
        return yaml.safe_load(_BARE.sub(_SIGN, text))
    except yaml.YAMLError:
        return None


def dumped(data: Any) -> str:
    """Return YAML of data, in the order of its keys."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=10000, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Writes `y` and `n` in quotes, which are booleans for others."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, "'" if text in "yYnN" else None),
)


def located(text: str, line: int, column: int) -> tuple[Path, bool]:
    """Return the path of what begins at a line and column, else of the value around, and whether it is a key."""
    best: tuple[Path, bool] = ((), False)
    place = (line - 1, column - 1)

    def walk(node: Any, path: Path) -> None:
        nonlocal best
        begin, end = node.start_mark, node.end_mark
        if (begin.line, begin.column) == place or (
            isinstance(node, yaml.ScalarNode) and (begin.line, begin.column) <= place < (end.line, end.column)
        ):
            best = path, False
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if (key.start_mark.line, key.start_mark.column) == place:
                    best = (*path, key.value), True
                walk(value, (*path, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                walk(value, (*path, index))

    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is not None:
        walk(root, ())
    return best


def repaired_as_told(text: str, finding: Finding) -> str | None:
    """Return a text in which a reader did what a finding says, None if nothing here says what that is."""
    for rules_remedy in REPAIRS:
        words = rules_remedy.remedy.fullmatch(finding.remedy) if finding.rule in rules_remedy.rules else None
        if words is not None:
            broken = Broken(text, finding, words)
            new = rules_remedy.carry_out(broken)
            return new if new is not None else broken.result()
    return None


# --- the text of YAML -------------------------------------------------------------------------------------------------


@repair("AIC101", r"Begin a new line after it, and indent the text deeper than this line\.")
def _new_line(b: Broken) -> str:
    found = re.search(r"[|>]", b.line)
    assert found is not None
    after = b.lines[b.index + 1]
    pad = after[: len(after) - len(after.lstrip())]
    return b.rest_of_file(line=f"{b.line[: found.end()]}\n{pad}{b.line[found.end() :]}")


@repair("AIC101", r"Keep one of them, and remove the lines that begin with `<<<<<<<`, `=======` and `>>>>>>>`\.")
def _keep_ours(b: Broken) -> str:
    return re.sub(r"^<<<<<<<.*\n((?:.*\n)*?)=======\n(?:.*\n)*?>>>>>>>.*\n", r"\1", b.text, flags=re.M)


@repair("AIC102 AIC332", r"Replace each tab with spaces\.")
def _no_tabs(b: Broken) -> str:
    above, below = (
        next(len(line) - len(line.lstrip()) for line in lines if line.strip())
        for lines in (b.lines[b.index - 1 :: -1], b.lines[b.index + 1 :])
    )
    blanks = above + 1 if b.lines[b.index - 1].endswith(":") and below <= above else below
    return b.rest_of_file(line=" " * blanks + b.line.lstrip())


@repair("AIC103", r'Put the whole value in quotes: "\{\{\.\.\.\}\}"\.')
def _quoted_placeholder(b: Broken) -> str:
    return b.rest_of_file(line=b.line[: b.column] + f'"{b.line[b.column :].rstrip()}"')


@repair("AIC104", r"Put a space before the `#`\.")
def _space_before(b: Broken) -> str:
    return b.rest_of_file(line=b.line.replace("#", " #", 1))


@repair("AIC105", r"Put the value in quotes, or begin a new line after the first colon\.")
def _value_in_quotes(b: Broken) -> str:
    return b.rest_of_file(line=re.sub(r"^( *(?:- )?[^:]+: )(.*)$", r'\1"\2"', b.line))


@repair("AIC106", r"Indent both by (?P<to>\d+) spaces\.")
def _indent_both(b: Broken) -> str:
    other = re.search(r"line (\d+)", b.finding.message)
    assert other is not None
    lines = list(b.lines)
    for number in (b.index, int(other.group(1)) - 1):
        lines[number] = " " * int(b.words["to"]) + lines[number].lstrip()
    return "\n".join(lines)


@repair("AIC106", r"Indent it by (?P<to>\d+) spaces like the key above it, not by (?P<by>\d+)\.")
def _indent_it(b: Broken) -> str:
    change = int(b.words["by"]) - int(b.words["to"])
    lines = list(b.lines)
    for number in range(b.index, len(lines)):
        blanks = len(lines[number]) - len(lines[number].lstrip())
        if number > b.index and lines[number].strip() and blanks <= int(b.words["to"]):
            break
        lines[number] = lines[number][change:]
    return "\n".join(lines)


@repair("AIC108", r"Add the colon, or remove what was typed there by accident\.")
def _colon(b: Broken) -> str:
    return b.rest_of_file(line=b.line.rstrip() + ":")


@repair("AIC109", r"Close it at the end of the value\.")
def _close_quote(b: Broken) -> str:
    return b.rest_of_file(line=b.line + '"')


@repair("AIC109", r"Close it with `(?P<what>.)`, or put the value in quotes if the bracket is part of a string\.")
def _close_bracket(b: Broken) -> str:
    return b.rest_of_file(line=b.line + b.words["what"])


@repair("AIC236", r"Close it with `(?P<what>.)`, or put the value in quotes if the bracket is part of a string\.")
def _close_in_manifest(b: Broken) -> None:
    manifest = b.template["resource"]["manifest"].split("\n")
    opening = {"}": "{", "]": "["}[b.words["what"]]
    manifest = [
        line + b.words["what"] if line.count(opening) > line.count(b.words["what"]) else line for line in manifest
    ]
    b.template["resource"]["manifest"] = "\n".join(manifest)


@repair("AIC109", r"Put the whole value in quotes, or a space and a `#` before a comment\.")
def _comment(b: Broken) -> str:
    return b.rest_of_file(line=re.sub(r'^(.*")( \w+)$', r"\1 #\2", b.line))


@repair("AIC110", r"Put a dash before it if another item of the list begins here; else remove one of them\.")
def _dash(b: Broken) -> str:
    return b.rest_of_file(line=b.line[: b.column - 2] + "- " + b.line[b.column :])


@repair("AIC110", r"Put each template in its own file; in one file they need a line `---` between them\.")
def _first_template(b: Broken) -> str:
    return "\n".join(b.lines[: b.index]) + "\n"


@repair("AIC114", r"Put each template in its own file\.")
def _first_document(b: Broken) -> str:
    return re.split(r"(?m)(?<=.\n)^---$", b.text)[0]


@repair("AIC110 AIC332", r"Remove one of them\.")
def _remove_second(b: Broken) -> str:
    end = b.index + 1
    while end < len(b.lines) and (not b.lines[end].strip() or b.lines[end][: b.column + 1].isspace()):
        end += 1
    return "\n".join([*b.lines[: b.index], *b.lines[end:]])


@repair("AIC111", r"Remove it, or save the file as UTF-8 text\.")
def _without_control(b: Broken) -> str:
    return b.text.replace("\x07", "")


@repair(
    "AIC113",
    r"Check for a damaged file; no template needs such depth\.",
    r"Move data and code out of the template, for example into the image or an artifact\.",
    r"Remove the aliases \(`\*name`\), or move data out of the template\.",
)
def _without_the_rest(b: Broken) -> str:
    return re.sub(r"(?m)^x\d?: .*\n?|^# x+\n?", "", b.text)


@repair("AIC115", r"Write a template into it, or remove it\.")
def _uncommented(b: Broken) -> str:
    return re.sub(r"(?m)^# ?", "", b.text)


@repair("AIC117", r"Put the text in quotes, or remove that character if it was typed by accident\.")
def _without_character(b: Broken) -> str:
    return b.rest_of_file(line=b.line[: b.column] + b.line[b.column + 1 :])


@repair("AIC112", r"Put the value in quotes if the `\*` belongs to it\.")
def _star_in_quotes(b: Broken) -> str:
    return b.rest_of_file(line=f'{b.line[: b.column]}"{b.line[b.column :]}"')


@repair("AIC118", r"Double the backslash, or use single quotation marks\.")
def _double(b: Broken) -> str:
    return b.rest_of_file(line=b.line.replace("\\", "\\\\"))


@repair("AIC119", r"Remove it: type the line again\.")
def _typed_again(b: Broken) -> str:
    return b.rest_of_file(line=b.line.replace("\u00a0", ""))


@repair(
    "AIC119",
    r"Type a (?P<what>dash|space) instead: such characters come with text copied from a page or a chat\.",
    r"Write a hyphen, `-`, and a (?P<what>space)\.",
)
def _typed(b: Broken) -> str:
    return b.rest_of_file(line=b.line.replace("\u00a0", " ").replace("\u2013", "-"))


@repair("AIC119", r'Write "(?P<what>.*)", with the straight quotation marks of the keyboard\.')
def _straight(b: Broken) -> str:
    return b.rest_of_file(line=re.sub("\u201c.*\u201d", f'"{b.words["what"]}"', b.line))


@repair("AIC120", r"Check what Helm renders: `helm template CHART \| pytest-aicore check -`\.")
def _rendered(b: Broken) -> str:
    return re.sub(r"\{\{ \.Values\.name \}\}", "some-name", b.text)


@repair("AIC121", r"Write `(?P<word>ignore)` or `ignore-file`\.")
def _known_word(b: Broken) -> str:
    return b.written(b.words["word"])


@repair("AIC121", r"Write the id of a rule, for example AIC313\.")
def _known_rule(b: Broken) -> str:
    return b.text.replace(" # aicore: ignore[AIC999]", "")  # there is nothing to suppress


@repair("AIC122", r"Remove it\.")
def _remove_comment(b: Broken) -> str:
    return b.text.replace(" # aicore: ignore[AIC301]", "")


@repair(
    "AIC107",
    r"Add the key of its list on a line above it \(`env:`, `artifacts:`, or `arguments:` and below that "
    r"`parameters:`\), "
    r"indent the dash like the other items of its list, or remove the dash\.",
)
def _key_of_list(b: Broken) -> str:
    if b.line.strip() == "- arguments:":
        return b.rest_of_file(line=b.line.replace("- ", "  ", 1)[2:])
    if b.line.strip() == "- name: job":
        end = next(number for number in range(b.index + 1, len(b.lines)) if b.lines[number].startswith("  templates"))
        below = ["  arguments:", "    parameters:", "      - name: job", '        value: "1"']
        return "\n".join([*b.lines[: b.index], *below, *b.lines[end:]])
    return b.rest_of_file(line="        command:\n" + b.line)


@repair(
    "AIC106",
    r"Put its own key \(`arguments:`, `inputs:`, `outputs:`\) on a line above it, or indent it by \d+ spaces like the "
    r"key above it, not by \d+\.",
)
def _own_key(b: Broken) -> str:
    return b.rest_of_file(line=f"  arguments:\n    {b.line.strip()}")


@repair("AIC107", r"Put a space after the dash\.")
def _space_after_dash(b: Broken) -> str:
    return b.rest_of_file(line=b.line.replace("-", "- ", 1))


@repair("AIC107", r"Remove the dash\.")
def _no_dash(b: Broken) -> str:
    return b.rest_of_file(line=b.line.replace("- ", "", 1))


@repair("AIC108", r"Write `(?P<key>[\w.]+:)`, and the value after it\.")
def _key_and_value(b: Broken) -> str:
    return b.rest_of_file(line=b.line.replace(b.words["key"][:-1], b.words["key"], 1))


@repair("AIC108", r"Put a space after the colon, or remove what was typed there by accident\.")
def _colon_and_space(b: Broken) -> str:
    return b.rest_of_file(line=b.line.replace(":", ": ", 1))


@repair("AIC101", r"Write the value before it, or remove the `(?P<sign>.)`\.")
def _without_sign(b: Broken) -> str:
    return b.rest_of_file(line=b.line.replace(b.words["sign"], "", 1))


@repair("AIC107", r"Begin a new line before the dash, or write the list in brackets: \[\.\.\.\]\.")
def _line_before_dash(b: Broken) -> str:
    key, _, item = b.line.partition(": ")
    return b.rest_of_file(line=f"{key}:\n{' ' * (len(key) - len(key.lstrip()) + 2)}{item}")


@repair("AIC106", r"Indent it exactly like the other keys or items at its level\.")
def _like_others(b: Broken) -> str:
    return b.rest_of_file(line=b.line[1:])


@repair("AIC118", r"Write the character itself\.")
def _character(b: Broken) -> str:
    return b.rest_of_file(line=b.line.replace("\\ud83d", "\u00fc"))


@repair("AIC117", r"Remove it: it marks code in Markdown, and is not part of the file\.")
def _no_fence(b: Broken) -> str:
    return "\n".join([*b.lines[: b.index], *b.lines[b.index + 1 :]])


@repair("AIC101", r"Check indentation, colons and quotes of this line and the lines above it\.")
def _no_directive(b: Broken) -> str:
    return b.text.replace("%YAML 2.0\n", "")


# --- types and keys ---------------------------------------------------------------------------------------------------


@repair("AIC201", r"Remove it, or move it to where it belongs\.")
@repair("AIC215", r"Remove it, and write `depends: NAME\.Succeeded \|\| NAME\.Failed` in the tasks that come after\.")
@repair("AIC224", r"Remove it here; it belongs to the template whose container reads the artifact\.")
@repair("AIC232", r"Remove it, or list the values\.")
@repair("AIC212 AIC219 AIC225 AIC231 AIC234", r"Keep one of them\.")
@repair("AIC231", r"Remove one of them\.")
@repair("AIC237", r"Remove (`jsonPath`|one of them)\.")
@repair("AIC319", r"Remove it, or declare the artifact\.")
def _remove(b: Broken) -> None:
    if b.finding.rule == "AIC231" and b.words.group() == "Remove one of them.":
        del b.around(list)[b.path[-2]]
    else:
        b.remove()


@repair(
    "AIC202", r"If this is an environment variable, put `env:` on a line above it; else put the whole item in quotes\."
)
def _env_above(b: Broken) -> None:
    items = b.around(list)
    at = items.index(b.item)
    container = b.around(dict, above=3)
    container["env"] = items[at:]
    del items[at:]
    if not items:
        del container["args"]


@repair("AIC202", r"Write a list: `\[\]` for an empty one\.")
def _empty_list(b: Broken) -> None:
    b.value = []


@repair("AIC202", r'Write each line as an item in quotes: `- ".*"`\.')
def _lines_as_items(b: Broken) -> None:
    b.value = [" ".join(f"{key}: {value}" for key, value in b.value.items())]


@repair("AIC202", r"Put it in quotes\.")
def _long_in_quotes(b: Broken) -> None:
    b.value = str(b.value)


@repair("AIC202", r"Put a space after the colon: without it the line is a string\.")
def _space_after_colon(b: Broken) -> None:
    key, _, value = b.value.partition(":")
    b.value = {key: value}


@repair("AIC202", r"Write a colon and a space instead of the equals sign: without them the line is a string\.")
def _no_equals(b: Broken) -> None:
    key, _, value = b.value.partition("=")
    b.value = {key: value}


@repair(
    "AIC202", r"Put it in brackets: `\[\{\.\.\.\}\]`\.", r"Put it in quotes, and in brackets: it has to be a list\."
)
def _in_brackets(b: Broken) -> None:
    b.value = [b.value]


@repair("AIC202", r"Put it in two pairs of brackets: `\[\[\{\.\.\.\}\]\]`\.")
@repair("AIC202", r"Put two dashes before its first key, `- - name:`, and indent the others like it\.")
def _two_dashes(b: Broken) -> None:
    b.value = [[b.value]]


@repair("AIC202", r"Put the whole item in quotes: the colon and the space in it make a map of it\.")
def _item_in_quotes(b: Broken) -> None:
    items, item = b.around(list), b.item
    items[items.index(item)] = ", ".join(f"{key}: {value}" for key, value in item.items())


@repair("AIC202", r"Write `(?P<key>none|tar|zip): \{\}` below it\.")
def _below(b: Broken) -> None:
    b.value = {b.words["key"]: {}}


@repair("AIC202", r"Write `- name: (?P<name>.+)` on a line of its own below it\.")
def _named_item(b: Broken) -> None:
    b.value = [{"name": b.words["name"]}]


@repair("AIC202", r"Write `true` or `false`, without quotes\.")
def _true(b: Broken) -> None:
    b.value = True


@repair("AIC202", r'Write `- name: (?P<name>\w+)`, and `value: "(?P<value>.*)"` below it\.')
def _variable(b: Broken) -> None:
    b.value = {"name": b.words["name"], "value": b.words["value"]}


@repair("AIC202", r'Write `command: \["/bin/sh", "-c"\]`, and the command line as one string in `args`\.')
def _command_line(b: Broken) -> None:
    b.item.update(command=SHELL, args=[b.value])


@repair("AIC202", r"Write `dependencies`, which takes a list, or names with `&&` between them\.")
def _dependencies(b: Broken) -> None:
    b.value = " && ".join(b.value)


@repair("AIC202", r"Write a list: each item on a line of its own that begins with a dash\.")
def _list(b: Broken) -> None:
    b.value = [b.value]


@repair("AIC202", r"Write two dashes, `- - name: (?P<name>[\w-]+)`, and `template:` below it\.")
def _two_dashes_and_template(b: Broken) -> None:
    step = {"name": b.words["name"], "template": "train"}
    b.value = [step] if isinstance(b.path[-1], int) else [[step]]


@repair("AIC202", r"Write a list of maps: each begins on a line of its own with a dash and its first key\.")
def _list_of_maps(b: Broken) -> None:
    more = {"container": {"image": "docker.io/example/work:1"}} if b.path[-1] == "templates" else {"value": "1"}
    b.value = [{"name": b.value, **more}]


@repair("AIC202", r"Write a map: `- name: (?P<name>.+)` and `template:` below it\.")
def _map(b: Broken) -> None:
    names = [each["name"] for each in b.spec["templates"] if each["name"] != b.template["name"]]
    b.value = {"name": b.words["name"], "template": next((n for n in names if b.words["name"] in n), names[0])}


@repair("AIC202", r"Write a (whole )?number\.", r"Write the number itself: Argo does not replace placeholders here\.")
@repair("AIC250", r"Put the real value in its place\.")
def _number(b: Broken) -> None:
    b.value = 60 if "activeDeadlineSeconds" in b.path or b.finding.rule == "AIC202" else "/work"


@repair("AIC202", r"Write a single value; if it begins with `\{` or `\[`, put it in quotes\.")
def _single(b: Broken) -> None:
    b.value = 1 if "activeDeadlineSeconds" in b.path else "one"


@repair("AIC202", r"Write an amount\.")
@repair("AIC204", r"Write a number with a suffix such as `m`, `M`, `G`, `Mi` or `Gi`\.")
def _amount(b: Broken) -> None:
    b.value = "4Gi"


@repair("AIC202", r'Write each as an item: `- name: (?P<name>[\w-]+)`, and `(?P<key>\w+): "?.*"?` below it\.')
def _items(b: Broken) -> None:
    b.value = [{"name": name, b.words["key"]: value} for name, value in b.value.items()]


@repair(
    "AIC202", r"Write two dashes for the first step of each group \(`- - name: \.\.\.`\): steps are a list of lists\."
)
def _groups(b: Broken) -> None:
    at = b.path.index("steps")
    steps = b.get(b.path[: at + 1])
    steps[:] = [group if isinstance(group, list) else [group] for group in steps]


@repair("AIC203", r"Add `(?P<key>\w+):`\.")
@repair("AIC222 AIC234", r"Add `(?P<key>\w+):`\.")
def _add_key(b: Broken) -> None:
    meant = re.search(r"outputs\.artifacts\.([\w-]+)", b.text)
    value: Any = {"containerPort": 8080, "mountPath": "/mnt/v"}.get(b.words["key"], meant[1] if meant else "some-name")
    if not b.at_key and b.value == {}:
        b.value = {"template": "work"}
    if b.path[-2] == "templates" or b.path[-3] == "templates":
        value = b.spec["entrypoint"] if all("name" not in each for each in b.spec["templates"]) else "some-name"
    owner = b.below if b.finding.rule == "AIC234" and b.at_key and isinstance(b.value, dict) else b.item
    owner[b.words["key"]] = value if b.finding.rule == "AIC203" else "1"


@repair("AIC203", r"Give it a value\.")
def _give_value(b: Broken) -> None:
    b.value = "some-name"


@repair("AIC203", r"Write `- name: (?P<name>\w+)`, and `value:` below it\.")
def _name_and_value(b: Broken) -> None:
    items, item = b.around(list), b.item
    items[items.index(item)] = {"name": b.words["name"], "value": item[b.words["name"]]}


@repair("AIC205", r"Write one of `(?P<first>\w+)`, .*\.")
@repair("AIC232", r"Use one of `(?P<first>\w+)`, .*\.")
@repair("AIC208", r"Name one of `(?P<first>[\w-]+)`.*, or add the template\.")
def _first(b: Broken) -> None:
    names = re.findall(r"`([^`]+)`", b.words.group())
    here = b.template.get("name") if b.path[:2] == ("spec", "templates") else None
    b.value = next(name for name in names if name != here)


# --- Argo's semantics -------------------------------------------------------------------------------------------------


@repair("AIC206", r"Add `spec\.templates` with the templates to run\.")
def _templates(b: Broken) -> None:
    spec = b.data.get("spec") or {}
    container = {"image": "docker.io/example/work:1", "command": SHELL, "args": [_uses_all(b)]}
    labels = {"labels": {"ai.sap.com/resourcePlan": "starter"}}
    template: dict[str, Any] = {"name": "new", "metadata": labels, "container": container}
    outputs = [
        {"name": name, "globalName": name, "path": f"/mnt/{name}"}
        for name in re.findall(r"artifacts\.ai\.sap\.com/([\w-]+)\.kind", b.text)
    ]
    if outputs:
        template["outputs"] = {"artifacts": outputs}
    named = {"entrypoint": "new"} | ({"onExit": "new"} if "onExit" in spec else {})
    b.data["spec"] = {**spec, **named, "templates": [template]}


def added() -> dict[str, Any]:
    """Return a template that a reader adds."""
    labels = {"labels": {"ai.sap.com/resourcePlan": "starter"}}
    container = {"image": "docker.io/example/added:1", "command": SHELL, "args": ["./work"]}
    return {"name": "added", "metadata": labels, "container": container}


def _uses_all(b: Broken) -> str:
    parameters = ((b.data.get("spec") or {}).get("arguments") or {}).get("parameters", ())
    return " ".join(["./work", *(f"{{{{workflow.parameters.{each['name']}}}}}" for each in parameters)])


@repair("AIC207", r"Add `entrypoint: (?P<name>[\w-]+)`\.", r"Name one of its templates\.")
def _entrypoint(b: Broken) -> None:
    named = b.words.groupdict().get("name")
    b.spec["entrypoint"] = named or b.spec["templates"][0]["name"]


@repair("AIC209", r"Add one of them\.")
def _container(b: Broken) -> None:
    b.template["container"] = {"image": "docker.io/example/work:1", "command": SHELL, "args": ["./work"]}


@repair("AIC209", r"Keep one of them, and move the others to templates of their own\.")
def _keep_container(b: Broken) -> None:
    kept = next(key for key in ("container", "dag", "steps") if key in b.template)
    for key in ("script", "suspend", "steps", "dag", "data", "http"):
        if key != kept:
            b.template.pop(key, None)


@repair("AIC210", r"Give one of them another name\.")
def _another_name(b: Broken) -> None:
    b.value = "another"


@repair("AIC210", r"Remove one of them, or give it another name and call it by that\.")
def _remove_template(b: Broken) -> None:
    b.spec["templates"].remove(b.template)


@repair("AIC211", r"Put a letter before the digit\.")
def _letter(b: Broken) -> None:
    b.value = f"t{b.value}"


@repair(
    "AIC211",
    r"Use letters, digits and hyphens, at most 128, and no hyphen first: `(?P<name>[\w-]+)`\.",
    r"Use letters, digits, hyphens and underscores: `(?P<name>[\w-]+)`\.",
)
def _valid_name(b: Broken) -> str:
    return b.text.replace(b.value, b.words["name"])  # with what refers to it


@repair("AIC211", r"Use letters, digits, hyphens and underscores\.")
@repair("AIC231 AIC234", r"Use letters, digits and underscores, and no digit first\.")
def _letters(b: Broken) -> None:
    b.value = re.sub(r"\W", "_", b.value)


@repair("AIC212", r"Add `template:` with the name of one\.")
def _some_template(b: Broken) -> None:
    names = [each["name"] for each in b.spec["templates"] if each["name"] != b.template["name"]]
    if not names:
        names = ["added"]
        b.spec["templates"].append(added())
    near = [name for name in names if b.item["name"] in name]
    b.item["template"] = (near or names)[0]


@repair("AIC212", r"Add `name:` of the WorkflowTemplate and `template:` in it\.")
def _reference(b: Broken) -> None:
    b.below.update(name="other", template="it")


@repair("AIC213", r"Name a task of this dag\.")
def _task(b: Broken) -> None:
    others = [task["name"] for task in b.template["dag"]["tasks"] if task is not b.call]
    unknown = re.search(r"unknown task `(\w+)`", b.finding.message)
    assert unknown is not None
    b.value = b.value.replace(unknown.group(1), others[0])


@repair("AIC214", r"Remove one of these dependencies\.")
def _one_less(b: Broken) -> None:
    task = b.item
    if "depends" in task:
        del task["depends"]
    else:
        b.around(list).pop(0)


@repair("AIC215", r"Join tasks by `&&` and `\|\|`, for example `.*`\.")
def _joined(b: Broken) -> None:
    names = re.findall(r"[\w.]+", b.value)
    b.value = " && ".join(name for name in names if name not in ("and", "or"))


@repair("AIC215", r"Use `\.Succeeded` or `\.Failed`\.")
@repair("AIC215", r"Use one of `Succeeded`, .*\.")
def _result(b: Broken) -> None:
    b.value = re.sub(r"\.\w+", ".Succeeded", b.value)


@repair("AIC215", r"Write `depends: (?P<names>[^`]+)` instead\.")
def _depends(b: Broken) -> None:
    del b.item["dependencies"]
    b.item["depends"] = b.words["names"]


@repair("AIC217", r"Call it in a step or task, or remove it\.")
def _not_reached(b: Broken) -> None:
    b.spec["templates"].remove(b.template)


@repair("AIC218", r"Give it a `when`, or remove it\.")
def _when(b: Broken) -> None:
    b.call["when"] = "{{workflow.name}} == nightly"


@repair("AIC219", r"Add one of them\.")
def _count(b: Broken) -> None:
    b.below["count"] = "2"


@repair("AIC219", r'Write a placeholder \("\{\{\.\.\.\}\}"\) or a JSON list; for a YAML list use `withItems`\.')
def _json_list(b: Broken) -> None:
    b.value = "[1, 2]"


@repair("AIC220", r"Fix the condition\.")
def _condition(b: Broken) -> None:
    said = b.finding.message
    if "write `&&`" in said:
        b.value = b.value.replace(" and ", " && ")
    elif "`==`, not `=`" in said:
        b.value = b.value.replace(" = ", " == ")
    else:
        b.value = "'a b' == 'a b'"


@repair("AIC221", r"Declare `(?P<name>\w+)` under `spec\.arguments\.parameters`, or give it a `value` here\.")
def _value_here(b: Broken) -> None:
    b.item["value"] = "1"


@repair(
    "AIC221",
    r"Pass `(?P<name>\w+)` under `arguments\.(?P<kind>parameters|artifacts)`"
    r"(, or give the template's parameter a `value`)?\.",
)
def _pass(b: Broken) -> None:
    passed = {"value": "1"} if b.words["kind"] == "parameters" else {"raw": {"data": "x"}}
    b.declare(b.call, "arguments", b.words["kind"], name=b.words["name"], **passed)


@repair("AIC222", r"Add `from:` with a reference, or a location\.", r"Add a location, such as `s3:` or `raw:`\.")
def _location(b: Broken) -> None:
    b.item["raw"] = {"data": "x"}


@repair(
    "AIC222",
    r"Add `from:` with a reference, or remove the argument: AI Core binds inputs without a source by their names\.",
)
def _without_argument(b: Broken) -> None:
    b.around(list).remove(b.item)


@repair("AIC223", r"Declare it under `inputs\.(?P<kind>\w+)` of the template, or remove it\.")
def _not_passed(b: Broken) -> None:
    b.around(list).remove(b.around(dict))


@repair("AIC224", r"Add `path:` with a path in the container\.")
def _path(b: Broken) -> None:
    b.item["path"] = "/mnt/in"


@repair("AIC224", r"Move `from` to `arguments\.artifacts` of the step or task that runs this template\.")
def _move_from(b: Broken) -> None:
    name, source = b.item["name"], b.item.pop("from")
    for call in b.calls():
        b.declare(call, "arguments", "artifacts", name=name, **{"from": source})


@repair("AIC224", r"Write an absolute path, such as `(?P<path>.+)`\.")
def _absolute(b: Broken) -> None:
    b.value = b.words["path"]


@repair("AIC224", r"Write `from:` instead, with a reference to the step or task whose container writes the artifact\.")
def _from_instead(b: Broken) -> None:
    del b.item["path"]
    _from(b, "tasks" if "dag" in b.template else "steps")


@repair("AIC225", r"Add `(?P<key>path|jsonPath|parameter):` below `valueFrom:`\.")
def _path_below(b: Broken) -> None:
    b.below[b.words["key"]] = "/mnt/out"


@repair("AIC225", r"Write `(?P<key>\w+):` instead of `(?P<old>\w+):`\.")
def _source_instead(b: Broken) -> None:
    owner = b.around(dict)
    del owner[b.words["old"]]
    owner[b.words["key"]] = "/mnt/out" if b.words["key"] == "path" else "{{workflow.name}}"


@repair("AIC225", r"Add `valueFrom:` with `path:`, a file that the container writes\.")
def _value_from_path(b: Broken) -> None:
    b.item["valueFrom"] = {"path": "/mnt/out"}


@repair("AIC225", r"Add `valueFrom:` with a reference\.")
def _value_from_reference(b: Broken) -> None:
    b.item["valueFrom"] = {"parameter": "{{workflow.name}}"}


@repair(
    "AIC225", r"Add `from:` with a reference such as `\{\{(?P<kind>steps|tasks)\.NAME\.outputs\.artifacts\.NAME\}\}`\."
)
def _from_reference(b: Broken) -> None:
    _from(b, b.words["kind"])


def _from(b: Broken, kind: str) -> None:
    group = b.template["dag"]["tasks"] if kind == "tasks" else b.template["steps"][0]
    step = group[0]
    worker = next(each for each in b.spec["templates"] if each["name"] == step["template"])
    b.declare(worker, "outputs", "artifacts", name="result", path="/mnt/result")
    b.item["from"] = f"{{{{{kind}.{step['name']}.outputs.artifacts.result}}}}"


@repair("AIC226", r"Give each its own path\.", r"Give one of them another path\.")
def _another_path(b: Broken) -> None:
    b.value = "/mnt/another"


@repair("AIC227", r"Declare it under `volumes` of the workflow or this template, or under `volumeClaimTemplates`\.")
def _volume(b: Broken) -> None:
    b.declare(b.template, "volumes", name=b.value, emptyDir={})


@repair("AIC228 AIC336", r"Add `image:` with registry, name and tag\.")
def _image(b: Broken) -> None:
    (b.below if b.at_key and b.path[-1] in ("container", "script") else b.item)["image"] = "docker.io/example/work:1"


@repair("AIC228", r"Add `source: \|` with the script, or use `container`\.")
def _source(b: Broken) -> None:
    b.below["source"] = "print(1)\n"


@repair("AIC230", r"Move it to `resources` of the container that needs it\.")
def _gpu(b: Broken) -> None:
    limit = b.value
    b.remove()
    b.template["container"].setdefault("resources", {}).setdefault("limits", {})[b.path[-1]] = limit


@repair("AIC230", r"Move it to the template with the steps or the dag, or to the workflow\.")
@repair("AIC230", r"`spec\.activeDeadlineSeconds` limits the whole run\.")
def _to_workflow(b: Broken) -> None:
    value = b.value
    b.remove()
    b.spec[str(b.path[-1])] = value


@repair("AIC230", r"Move it to the templates that run a pod\.")
def _to_pods(b: Broken) -> None:
    value = b.value
    b.remove()
    for template in b.spec["templates"]:
        if "container" in template:
            template[b.path[-1]] = value


@repair("AIC233", r"Add `expression:`, or call it `exit` if it should run at the end\.")
def _expression(b: Broken) -> None:
    kind = "workflow" if b.path[:2] == ("spec", "hooks") else "steps" if "steps" in b.path else "tasks"
    name = "" if kind == "workflow" else f"['{b.call['name']}']"
    b.item["expression"] = f'{kind}{name}.status == "Running"'


@repair("AIC234", r"Add `gauge:`, `counter:` or `histogram:`\.")
def _counter(b: Broken) -> None:
    b.item["counter"] = {"value": "1"}


@repair("AIC234", r"Set `realtime: false`\.")
def _not_realtime(b: Broken) -> None:
    b.around(dict)["realtime"] = False


@repair("AIC235", r"Do not indent it\.")
def _to_root(b: Broken) -> None:
    value = b.value
    b.remove()
    b.data[b.path[-1]] = value


@repair("AIC235", r"Indent (it|`\w+:`) like the `(?P<like>\w+):` above it\.")
def _like(b: Broken) -> None:
    at = len(b.path) - 1 - b.path[::-1].index(b.words["like"])
    value = b.value
    b.remove()
    b.get(b.path[:at])[b.path[-1]] = value


@repair("AIC235", r"Indent it deeper than `(?P<above>\w+):`\.", r"Move it below `(?P<above>\w+):`\.")
@repair("AIC235", r"Indent it like the other keys of `(?P<above>\w+)`\.")
@repair("AIC235", r"Indent it like the other keys of `metadata\.(?P<above>\w+)`\.")
def _deeper(b: Broken) -> None:
    value = b.value
    b.remove()
    below = b.parent.get(b.words["above"]) or {}
    b.parent[b.words["above"]] = {**below, b.path[-1]: value}


@repair("AIC235", r"Indent it like the other keys of that item\.")
def _of_that_item(b: Broken) -> None:
    value = b.value
    b.remove()
    above = re.search(r"last item of `(\w+)`", b.finding.message)
    assert above is not None
    b.parent[above.group(1)][-1][b.path[-1]] = value


@repair("AIC235", r"Put `(?P<key>\w+):` on a line above it\.")
def _line_above(b: Broken) -> None:
    items = b.around(list)
    at = items.index(b.item)
    owner = b.get(b.path[: len(b.path) - 3])
    owner[b.words["key"]] = items[at:]
    del items[at:]
    if not items:
        del owner[b.path[-3]]


@repair("AIC237", r'Write `value: "(?P<value>.*)"` instead of `valueFrom`\.')
@repair("AIC237", r"Write `value:` with the value or a reference instead of `valueFrom`\.")
def _value(b: Broken) -> None:
    owner = b.get(b.path[: b.path.index("valueFrom")])
    del owner["valueFrom"]
    owner["value"] = b.words.groupdict().get("value", "1")


@repair("AIC238", r"Write the number of seconds\.")
def _seconds(b: Broken) -> None:
    b.value = 60


@repair("AIC239", r"Give this container another name\.")
def _not_wait(b: Broken) -> None:
    b.value = "readable-other"


# --- placeholders -----------------------------------------------------------------------------------------------------


@repair("AIC202", r"Write (keys and values below it|a map, keys and values, instead of the list)\.")
@repair("AIC202", r"Remove the dashes: keys and values are expected, not a list\.")
def _keys_and_values(b: Broken) -> None:
    by_key: dict[str | int, dict[str, Any]] = {
        "container": {"image": "docker.io/example/work:1"},
        "continueOn": {"failed": True},
        "labels": {"team": "blue"},
        "arguments": {},
        "inputs": {"parameters": [{"name": "depth", "value": "1"}]},
    }
    if isinstance(b.value, list) and all(isinstance(item, dict) for item in b.value) and b.value:
        b.value = {key: value for item in b.value for key, value in item.items()}
        return
    b.value = by_key.get(b.path[-1], {"name": "A", "value": "1"})


def _replaced(b: Broken, new: str) -> None:
    """Write something else instead of the placeholder of a finding, as a reader does who knows what is meant."""
    token = b.token if b.token in b.value else b.token.replace("''", "'")
    assert token in b.value, (token, b.value)
    b.value = b.value.replace(token, new, 1)


@repair(
    "AIC240 AIC249",
    r"Declare `(?P<name>[\w-]+)` under `inputs\.parameters` of the template, with a `value` or passed wherever a "
    r"step or "
    r"task runs it\.",
)
def _declare_input(b: Broken) -> None:
    b.declare(b.template, "inputs", "parameters", name=b.words["name"])
    calls = list(b.calls())
    for call in calls:
        b.declare(call, "arguments", "parameters", name=b.words["name"], value="1")
    if not calls:
        b.template["inputs"]["parameters"][-1]["value"] = "1"


@repair(
    "AIC241",
    r"Declare `(?P<name>[\w-]+)` under `inputs\.artifacts` of the template(?P<path>, with a `path`)?, and pass it "
    r"wherever "
    r"a step or task runs the template\.",
)
def _declare_artifact(b: Broken) -> None:
    path = {"path": "/mnt/new"} if b.words["path"] else {}
    b.declare(b.template, "inputs", "artifacts", name=b.words["name"], **path)
    for call in b.calls():
        b.declare(call, "arguments", "artifacts", name=b.words["name"], raw={"data": "x"})


@repair(
    "AIC240 AIC249",
    r"Declare `(?P<name>[\w-]+)` under `spec\.arguments\.parameters`(?P<value> with a `value`)?"
    r"(, or write `\{\{inputs\.parameters\.[\w-]+\}\}`)?\.",
)
def _declare_parameter(b: Broken) -> None:
    value = {"value": "1"} if b.words["value"] else {}
    b.declare(b.spec, "arguments", "parameters", name=b.words["name"], **value)


@repair(
    "AIC240", r"Only templates have inputs: use a parameter of the workflow, `\{\{workflow\.parameters\.NAME\}\}`\."
)
def _workflow_parameter(b: Broken) -> None:
    b.declare(b.spec, "arguments", "parameters", name="name", value=b.spec["templates"][0]["name"])
    _replaced(b, "{{workflow.parameters.name}}")


@repair("AIC240", r"Write `(?P<new>\{\{.*\}\})`: the workflow has a parameter of that name\.")
@repair("AIC245", r"Write `(?P<new>\{\{.*\}\})`, the path in the container\.")
@repair("AIC246", r"Write `(?P<new>\{\{item\}\})`, or make the items maps with the key `\w+`\.")
def _write_placeholder(b: Broken) -> None:
    _replaced(b, b.words["new"])


@repair("AIC242", r"Use it in a template, or write a parameter of the workflow, `\{\{workflow\.parameters\.NAME\}\}`\.")
def _parameter_instead(b: Broken) -> None:
    b.declare(b.spec, "arguments", "parameters", name="name", value="1")
    _replaced(b, "{{workflow.parameters.name}}")


@repair("AIC242 AIC250", r"Declare an input of this template, and pass the value in the `arguments` of the call\.")
@repair(
    "AIC246",
    r"Pass it as an argument: declare an input parameter of this template, and give it `\{\{item\}\}` in the step "
    r"or task "
    r"that loops\.",
)
def _pass_it(b: Broken) -> None:
    _replaced(b, "{{inputs.parameters.passed}}")
    b.declare(b.template, "inputs", "parameters", name="passed")
    calls = list(b.calls())
    for call in calls:
        b.declare(call, "arguments", "parameters", name="passed", value="1")
    if not calls:  # a template that nothing calls has no call to pass a value in
        b.declare(b.spec, "arguments", "parameters", name="passed", value="1")


@repair("AIC242", r"Write `(?P<new>\w+)` instead of `(?P<old>\w+)`, and name one of `(?P<name>[\w-]+)`(, `[\w-]+`)*\.")
def _other_root(b: Broken) -> None:
    _replaced(b, re.sub(rf"{b.words['old']}\.[\w-]+", f"{b.words['new']}.{b.words['name']}", b.token))


@repair("AIC243", r"Add `(?P<name>[\w-]+)` to the dependencies of this task\.")
def _depend(b: Broken) -> None:
    tasks = b.template["dag"]["tasks"]
    if any("depends" in task for task in tasks):
        before = b.call.get("depends")
        b.call["depends"] = f"({before}) && {b.words['name']}" if before else b.words["name"]
    else:
        b.call.setdefault("dependencies", []).append(b.words["name"])


@repair(
    "AIC243",
    r"Refer to a step of an earlier group \(one with a dash of its own\), or move this step to a group below that of "
    r"`(?P<name>[\w-]+)`\.",
)
def _later_group(b: Broken) -> None:
    groups, call = b.template["steps"], b.call
    b.get(b.path[:5]).remove(call)
    at = next(number for number, group in enumerate(groups) if any(step["name"] == b.words["name"] for step in group))
    groups.insert(at + 1, [call])
    b.template["steps"] = [group for group in groups if group]


@repair("AIC243", r"Refer to a step of an earlier group \(one with a dash of its own\)\.")
@repair("AIC243", r"Refer to a task that runs before `[\w-]+`\.")
@repair("AIC242", r"(Write `\w+` instead of `\w+`, and name|Name) another (step|task) of this template\.")
def _earlier(b: Broken) -> None:
    is_dag = "dag" in b.template
    word = "tasks" if is_dag else "steps"
    _replaced(b, re.sub(r"(steps|tasks)\.[\w-]+\.[^}]*", f"{word}.earlier.startedAt", b.token))
    if is_dag:
        if any("depends" in task for task in b.template["dag"]["tasks"]):
            before = b.call.get("depends")
            b.call["depends"] = f"({before}) && earlier" if before else "earlier"
        else:
            b.call.setdefault("dependencies", []).append("earlier")
        b.template["dag"]["tasks"].append({"name": "earlier", "template": "added"})
    else:
        b.template["steps"].insert(0, [{"name": "earlier", "template": "added"}])
    b.spec["templates"].append(added())


@repair("AIC244", r"Add that `globalName` to an output\.")
def _global_name(b: Broken) -> None:
    name = re.search(r"`globalName` `([\w-]+)`", b.finding.message)
    assert name is not None
    b.declare(
        b.template,
        "outputs",
        "parameters",
        name="out",
        globalName=name.group(1),
        valueFrom={"path": "/mnt/out"},
    )


@repair(
    "AIC244",
    r"Declare `(?P<name>[\w-]+)` under `outputs\.(?P<kind>\w+)` of that template, with `(?P<key>\w+):`\.",
    r"Declare it under `outputs\.(?P<kind>\w+)`, with `(?P<key>\w+):`\.",
)
def _declare_output(b: Broken) -> None:
    name = b.words.groupdict().get("name")
    of = b.called() if name else b.template
    if name and b.path[3] in ("steps", "dag"):
        step = re.match(r"\{\{(?:steps|tasks)\.([\w-]+)\.", b.token)
        assert step is not None
        calls = [call for each in b.template.get("steps", ()) for call in each] + b.template.get("dag", {}).get(
            "tasks", []
        )
        target = next(call["template"] for call in calls if call["name"] == step.group(1))
        of = next(each for each in b.spec["templates"] if each["name"] == target)
    value: Any = {"path": "/mnt/out"} if b.words["key"] == "valueFrom" else "/mnt/out"
    missing = re.search(r"no output \w+ `([\w-]+)`", b.finding.message)
    assert missing is not None
    b.declare(of, "outputs", b.words["kind"], name=missing.group(1), **{b.words["key"]: value})


@repair("AIC244", r"Give it an output parameter with `valueFrom:`, and refer to that\.")
def _output_of_graph(b: Broken) -> None:
    step = re.match(r"\{\{(?:steps|tasks)\.([\w-]+)\.", b.token)
    assert step is not None
    _replaced(b, b.token.replace("outputs.result", "outputs.parameters.passed"))
    target = next(call["template"] for group in b.template["steps"] for call in group if call["name"] == step.group(1))
    inner = next(each for each in b.spec["templates"] if each["name"] == target)
    b.declare(inner, "outputs", "parameters", name="passed", valueFrom={"parameter": "{{workflow.name}}"})


@repair(
    "AIC245", r"Use (`status`, .*, )?`outputs\.result`, `outputs\.parameters\.NAME` or `outputs\.artifacts\.NAME`\."
)
def _result_of_step(b: Broken) -> None:
    step = re.match(r"\{\{(\w+\.[\w-]+)", b.token)
    assert step is not None
    _replaced(b, f"{{{{{step.group(1)}.outputs.result}}}}")


@repair("AIC245", r"Use one of Argo's workflow variables, for example .*\.")
def _variable_of_workflow(b: Broken) -> None:
    _replaced(b, "{{workflow.name}}")


@repair(
    "AIC246", r"Add `withItems` or `withParam` to the step or task, with maps that have the key `(?P<key>[\w-]+)`\."
)
def _loop_of_maps(b: Broken) -> None:
    b.call["withItems"] = [{b.words["key"]: "1"}]


@repair("AIC246", r"Add `withItems`, `withParam` or `withSequence` to the step or task\.")
def _loop(b: Broken) -> None:
    b.call["withItems"] = ["1", "2"]


@repair("AIC248", r"Move it to an exit handler(, if the end is meant)?\.")
def _exit_handler(b: Broken) -> None:
    token = b.token
    _replaced(b, "")
    container = {"image": "docker.io/example/end:1", "command": SHELL, "args": [f"echo '{token}'"]}
    labels = {"labels": {"ai.sap.com/resourcePlan": "starter"}}
    b.spec["templates"].append({"name": "the-end", "metadata": labels, "container": container})
    b.spec["onExit"] = "the-end"


@repair("AIC249", r"Fix the expression\.")
def _expression_closed(b: Broken) -> None:
    said = b.finding.message
    missing = '"' if "quotation mark" in said else "]" if "`[` is not closed" in said else ")"
    if "no opening bracket" in said:
        _replaced(b, b.token.replace(")", ""))
        return
    _replaced(b, b.token.replace("}}", missing + "}}") if b.token.endswith("}}") else b.token + missing)


@repair(
    "AIC250", r"Put the real value in its place, or a parameter of the workflow, `\{\{workflow\.parameters\.NAME\}\}`\."
)
@repair("AIC322", r"Put the real value in its place\.")
@repair("AIC333", r"Fill it in, or declare an input and write `\{\{inputs\.parameters\.NAME\}\}`\.")
def _real_value(b: Broken) -> str:
    return b.written("v1")


@repair("AIC322", r"Put the real values in their places\.")
def _real_values(b: Broken) -> str:
    return re.sub(r"<A\d>", "v1", b.text)


# --- AI Core ----------------------------------------------------------------------------------------------------------


@repair("AIC301", r"Write `kind: (?P<kind>\w+)` \(and `apiVersion: (?P<version>.+)`\)\.")
def _kind(b: Broken) -> None:
    b.data.update(kind=b.words["kind"], apiVersion=b.words["version"])


@repair("AIC302 AIC305 AIC306", r"Add it to `metadata\.(?P<where>\w+)`\.")
@repair("AIC303", r'Add it to `metadata\.(?P<where>labels)`, in quotes: "1\.0\.0"\.')
def _add_to_metadata(b: Broken) -> None:
    name = re.search(r"`([\w./]+)` is missing", b.finding.message)
    assert name is not None
    metadata = b.data["metadata"]
    metadata[b.words["where"]] = {**(metadata.get(b.words["where"]) or {}), name.group(1): "1.0.0"}


@repair("AIC307", r"Add one: lower-case letters, digits and hyphens, 4 to 64\.")
def _executable_id(b: Broken) -> None:
    b.data["metadata"]["name"] = "some-name"


@repair("AIC307", r"Use lower-case letters, digits and hyphens, 4 to 64\.")
def _valid_id(b: Broken) -> None:
    b.value = re.sub(r"[^a-z0-9-]", "", b.value.lower())[:60].ljust(4, "x")


@repair("AIC307", r"Write `name:` instead of `generateName:`: the id has to stay the same\.")
def _name(b: Broken) -> None:
    b.data["metadata"]["name"] = b.data["metadata"].pop("generateName")


@repair("AIC308", r"Use 4 to 63 letters, digits, hyphens, dots and underscores\.")
def _scenario_id(b: Broken) -> None:
    b.value = "abcd"


@repair("AIC311", r"Move it to `metadata\.labels` of the item of `spec\.templates` that runs the container\.")
@repair("AIC311", r"Move it to `metadata\.labels` of the same template\.")
def _plan_to_template(b: Broken) -> None:
    plan = b.value
    b.remove()
    templates = [b.template] if b.path[1] == "templates" else b.spec["templates"]
    for template in templates:
        if "container" in template or "script" in template:
            labels = template.setdefault("metadata", {}).setdefault("labels", {})
            labels.setdefault("ai.sap.com/resourcePlan", plan)


@repair("AIC309", r"Put the label into `(?P<where>.+)`: .* replaces placeholders there, and nothing replaces .*\.")
@repair("AIC311", r"Move it to the block `(?P<where>.+)`\.")
def _label_of_pods(b: Broken) -> None:
    key, value = b.path[-1], b.value
    b.remove()
    if b.words["where"].startswith("spec.template."):
        b.spec["template"]["metadata"]["labels"][key] = value
    else:
        for template in b.spec["templates"]:
            template.setdefault("metadata", {}).setdefault("labels", {})[key] = value


@repair("AIC311", r"Move it to the block `labels` beside this one\.")
def _block_beside(b: Broken) -> None:
    key, value = b.path[-1], b.value
    b.remove()
    b.spec["template"]["metadata"]["labels"][key] = value


@repair("AIC307 AIC309", r"Write the (id|value) itself: nothing replaces placeholders in the template's own metadata\.")
def _itself(b: Broken) -> None:
    b.value = "some-value"


@repair("AIC309", r"Write a domain, a slash and a name of letters, digits, hyphens, dots and underscores, at most 63\.")
def _key_of_label(b: Broken) -> None:
    value = b.value
    b.remove()
    b.parent["example.com/team"] = value


@repair("AIC309 AIC310", r"Write a key, a colon and a value on each line below it(, without dashes)?\.")
def _without_dashes(b: Broken) -> None:
    b.value = {key: value for item in b.value for key, value in item.items()}


@repair("AIC311", r"Move it to `metadata\.(?P<where>labels|annotations)`\.")
def _move(b: Broken) -> None:
    value = b.value
    b.remove()
    b.data["metadata"].setdefault(b.words["where"], {})[b.path[-1]] = value


@repair(
    "AIC313",
    r"Add `labels: \|` with `ai\.sap\.com/resourcePlan: (?P<plan>\w+)` \(or a larger one\) to "
    r"`spec\.template\.metadata`\.",
)
def _plan_of_server(b: Broken) -> None:
    b.spec["template"].setdefault("metadata", {})["labels"] = f"ai.sap.com/resourcePlan: {b.words['plan']}\n"


@repair("AIC313", r"Add the label `ai\.sap\.com/resourcePlan` to `metadata\.labels` of this template\.")
def _plan(b: Broken) -> None:
    metadata = b.template["metadata"] = b.template.get("metadata") or {}
    metadata["labels"] = {**(metadata.get("labels") or {}), "ai.sap.com/resourcePlan": "starter"}


@repair("AIC314", r"Check it against the plans of the tenant: (?P<plan>\w+), .* are documented\.")
def _documented(b: Broken) -> None:
    b.value = "infer.s" if b.data["kind"] == "ServingTemplate" else b.words["plan"]


@repair("AIC315", r'Add `command: \["/bin/sh", "-c"\]`, and the command line to `args`\.')
@repair("AIC317", r"Add `args` with the command line\.")
def _shell(b: Broken) -> None:
    container = b.below if b.at_key and b.path[-1] in ("container", "script") else b.item
    container["command"] = SHELL
    if "source" not in container and not container.get("args"):
        container["args"] = ["./work"]


@repair("AIC316", r"Run it in a shell, with the command line in `args`\.")
def _in_a_shell(b: Broken) -> None:
    container = b.item
    line = [*container["command"], *container.get("args", [])]
    container.update(command=SHELL, args=[" ".join(line)])


@repair("AIC316", r"Write the whole command line as one item\.")
def _one_item(b: Broken) -> None:
    items = b.parent
    items[:] = [" ".join(items)]


@repair("AIC318", r"Add `globalName: (?P<name>[\w-]+)`\.")
def _registered(b: Broken) -> None:
    b.item["globalName"] = b.words["name"]


@repair("AIC319", r"Name one of `(?P<name>[\w-]+)`.*\.")
def _of_that_artifact(b: Broken) -> None:
    kept = dict(b.parent)
    names = re.findall(r"`([\w-]+)`", b.words.group())
    value = kept.pop(b.path[-1])
    free = next((name for name in names if f"artifacts.ai.sap.com/{name}.kind" not in kept), None)
    b.parent.clear()
    b.parent.update(kept if free is None else {**kept, f"artifacts.ai.sap.com/{free}.kind": value})


@repair("AIC320", r"Write them like '(?P<json>.+)', in single quotes\.")
def _json(b: Broken) -> None:
    b.value = b.words["json"]


@repair("AIC321", r"Name the version of the image, or its digest\.")
def _version(b: Broken) -> None:
    b.value = b.value.replace(":latest", ":1.0")


@repair("AIC321", r"Write it like `docker\.io/organisation/name:tag`\.")
def _image_name(b: Broken) -> None:
    name = b.value.rpartition("/")[2].partition(":")[0]
    b.value = f"docker.io/example/{name}:1.0"


@repair("AIC323", r"Add `activeDeadlineSeconds:` to `spec`, in seconds\.")
def _deadline(b: Broken) -> None:
    b.spec["activeDeadlineSeconds"] = 3600


@repair("AIC324", r"Name it `(?P<name>readable-[\w-]+)`\.")
def _readable(b: Broken) -> None:
    b.value = b.words["name"]


@repair("AIC324", r"Name the one that does the work `main`, also where others depend on it\.")
def _main_container(b: Broken) -> None:
    was, b.value[0]["name"] = b.value[0]["name"], "main"
    for container in b.value:
        if "dependencies" in container:
            container["dependencies"] = ["main" if name == was else name for name in container["dependencies"]]


@repair("AIC336", r"Set `minReplicas` to at most `maxReplicas`\.")
def _at_most(b: Broken) -> None:
    b.value = 1


@repair("AIC336", r"Name the one that serves the model `(?P<name>[\w-]+)`\.")
def _main(b: Broken) -> None:
    b.item["name"] = b.words["name"]


@repair("AIC325", r"Name the docker registry secret, or remove `imagePullSecrets` if the image is public\.")
@repair(
    "AIC325",
    r"Names of secrets have lower-case letters, digits, hyphens, dots and underscores\. \(Is this a token\? .*\)",
)
def _pull_secret(b: Broken) -> None:
    b.item["name"] = "docker-secret"


@repair("AIC327", r"Give each its own globalName\.")
def _own_global_name(b: Broken) -> None:
    b.value = "another-one"


@repair("AIC329", r"Use it as `(?P<use>\{\{.*\}\})`, or remove it\.")
def _unused(b: Broken) -> None:
    b.around(list).remove(b.item)


# --- ServingTemplates -------------------------------------------------------------------------------------------------


@repair("AIC331", r"Write `(?P<key>\w+): \|`, and leave the lines below it unchanged\.")
def _as_text(b: Broken) -> str:
    return b.rest_of_file(line=re.sub(rf"{b.words['key']}:.*$", f"{b.words['key']}: |", b.line))


@repair(
    "AIC332",
    r"Check the indentation of this line and the lines above it; put a string of several lines in quotes\.",
)
def _block_repaired(b: Broken) -> None:
    b.spec["template"]["spec"] = b.spec["template"]["spec"].replace("minReplicas 1", "minReplicas: 1")


@repair("AIC333", r"Declare `(?P<name>\w+)` under `spec\.inputs\.(?P<kind>\w+)`\.")
@repair("AIC333", r"Write `(?P<new>\{\{.*\}\})`, and declare `(?P<name>\w+)` under `spec\.inputs\.(?P<kind>\w+)`\.")
def _declare_serving(b: Broken) -> None:
    new = b.words.groupdict().get("new")
    if new:
        _replaced(b, new)
    kind = b.words["kind"]
    b.declare(b.spec, "inputs", kind, name=b.words["name"], **({"type": "string"} if kind == "parameters" else {}))


@repair("AIC334", r"Rename it, here and in its placeholders\.")
def _renamed(b: Broken) -> str:
    return b.text.replace(b.value, b.value.replace("-", ""))


@repair("AIC335", r"Add `apiVersion: (?P<version>.+)`\.")
def _inner_version(b: Broken) -> None:
    b.spec["template"]["apiVersion"] = b.words["version"]


@repair("AIC336", r"Add `predictor:` with `containers:` below it\.")
def _predictor(b: Broken) -> None:
    block = b.spec["template"]["spec"]
    block["predictor"] = {"containers": [{"name": "kserve-container", "image": "docker.io/example/serve:1.0"}]}


@repair("AIC336", r"Add `containers:` with one named `(?P<name>[\w-]+)`\.")
def _containers(b: Broken) -> None:
    env = [{"name": "STORAGE_URI", "value": "{{inputs.artifacts.bestmodel}}"}]
    container = {"name": b.words["name"], "image": "docker.io/example/serve:1.0", "env": env}
    b.spec["template"]["spec"]["predictor"]["containers"] = [container]


_BLOCK = {
    "predictor": {
        "maxReplicas": "<<inputs.parameters.maxReplicas>>",
        "containers": [
            {
                "name": "kserve-container",
                "image": "docker.io/example/serve:1.0",
                "env": [{"name": "STORAGE_URI", "value": "{{inputs.artifacts.bestmodel}}"}],
            }
        ],
    }
}


def _text_of_block() -> str:
    return dumped(_BLOCK).replace("<<", "{{").replace(">>", "}}")


@repair("AIC336", r"Add `spec: \|` with a `predictor` in it\.")
def _block(b: Broken) -> None:
    b.spec["template"]["spec"] = _text_of_block()


@repair("AIC336", r"Add `spec\.template` with `apiVersion`, `metadata` and `spec`\.")
def _whole_template(b: Broken) -> None:
    labels = 'ai.sap.com/resourcePlan: "{{inputs.parameters.plan}}"\n'
    version = "serving.kserve.io/v1beta1"
    b.spec["template"] = {"apiVersion": version, "metadata": {"labels": labels}, "spec": _text_of_block()}


@repair(
    "AIC336", r"Write `predictor:` in place of `default:`, and its container as an item of `containers:` below it\."
)
def _no_default(b: Broken) -> None:
    block = b.spec["template"]["spec"]
    block["predictor"] = block.pop("default")["predictor"]


@repair("AIC332", r"Write `\|` instead\.")
def _not_folded(b: Broken) -> str:
    return b.rest_of_file(line=b.line.replace(">", "|"))


@repair("AIC332", r"Write keys and values on the lines below `\|`\.")
def _lines_below(b: Broken) -> None:
    b.spec["template"]["spec"] = _text_of_block()


@repair("AIC333", r"Write `(?P<new>\{\{.*\}\})`: it is declared among the (parameters|artifacts)\.")
def _other_inputs(b: Broken) -> str:
    return b.rest_of_file(line=re.sub(r"\{\{.*\}\}", b.words["new"], b.line))


@repair("AIC337", r"Add the variable `(?P<name>\w+)` with the value `(?P<value>\{\{.*\}\})` to the container\.")
def _variable_of_server(b: Broken) -> None:
    container = b.spec["template"]["spec"]["predictor"]["containers"][0]
    env = [each for each in container.get("env", []) if each["name"] != b.words["name"]]
    container["env"] = [*env, {"name": b.words["name"], "value": b.words["value"]}]
