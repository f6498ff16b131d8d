"""Mistakes that are planted into templates without a fault, to see whether the checks find them.

Each kind is planted as people make it: on the text, one line or a few, wherever the template has a place for it.
"""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager


class Planted(NamedTuple):
    """A text with one mistake in it.

    Attributes:
        text: the whole text, or the bytes where it is none.
        lines: the lines, counted from 1, at which a finding would be at the right place.
    """

    text: str | bytes
    lines: frozenset[int]


class Situation(NamedTuple):
    """A folder with one mistake in it.

    Attributes:
        files: its files by name.
        at: the file in which a finding would be at the right place.
        lines: the lines of that file, counted from 1.
        before: the files without the mistake.
        named: the files that are checked, all of the folder where it is empty.
        circumstance: what else is wrong while the files are checked.
    """

    files: Mapping[str, str]
    at: str
    lines: frozenset[int]
    before: Mapping[str, str]
    named: tuple[str, ...] = ()
    circumstance: Callable[[], AbstractContextManager[Any]] = nullcontext


@dataclass(frozen=True)
class Mistake:
    """A kind of mistake.

    Attributes:
        name: what it is.
        rules: the ids of the rules that tell about it; one of them has to.
        plant: yields the text, or the folder, with the mistake at each place where it can be made.
        common: whether it is one of those that real templates are known to have.
    """

    name: str
    rules: frozenset[str]
    plant: Planter
    common: bool = False


class Source:
    """A template's text by lines, and what one can ask of it."""

    def __init__(self, text: str) -> None:
        """Take a text apart."""
        self.text = text
        self.lines = text.splitlines()

    @property
    def is_serving(self) -> bool:
        """Whether it is a ServingTemplate."""
        return re.search(r"^kind: *ServingTemplate", self.text, re.MULTILINE) is not None

    def value(self, key: str) -> str:
        """Return what the label or annotation `scenarios.ai.sap.com/...` of a key says, as it is written."""
        found = re.search(rf"^ +scenarios\.ai\.sap\.com/{key}: (.*)$", self.text, re.MULTILINE)
        return found.group(1) if found is not None else key

    def indentation(self, index: int) -> int:
        """Return how far a line is indented, a list dash counted as a blank."""
        line = self.lines[index]
        return len(line) - len(re.sub(r"^[ -]*", "", line))

    def blanks(self, index: int) -> int:
        """Return how many blanks a line begins with."""
        line = self.lines[index]
        return len(line) - len(line.lstrip())

    def owner(self, index: int) -> str:
        """Return the key that a line stands below, without its value: that of the list for an item of one."""
        return self.lines[self.parent(index)].strip().removeprefix("- ").partition(":")[0]

    def is_code(self, index: int) -> bool:
        """Tell whether a line holds more than a comment."""
        stripped = self.lines[index].strip()
        return bool(stripped) and not stripped.startswith("#")

    def block(self, index: int) -> range:
        """Return the lines that belong to the key, or to the list item, in a line: itself, and what is below it."""
        is_item = self.lines[index].lstrip().startswith("- ")
        own = self.blanks(index) if is_item else self.indentation(index)
        end = index + 1
        while end < len(self.lines):
            if self.is_code(end):
                blanks = self.blanks(end)
                a_list = not is_item and self.lines[end].lstrip().startswith("- ") and blanks == own
                if blanks <= own and not a_list:
                    break
            end += 1
        while not self.lines[end - 1].strip():
            end -= 1
        return range(index, end)

    def parent(self, index: int) -> int:
        """Return the line of the key that a line stands below."""
        own = self.indentation(index)
        for other in range(index - 1, -1, -1):
            if self.is_code(other) and self.indentation(other) < own:
                return other
        return 0

    def item(self, index: int) -> int:
        """Return the line with the dash of the list item that a line belongs to, the line itself outside of lists."""
        own = self.indentation(index)
        for other in range(index, -1, -1):
            line = self.lines[other]
            if self.is_code(other) and self.indentation(other) <= own and line.lstrip().startswith("- "):
                return other
            if self.is_code(other) and self.indentation(other) < own:
                return other
        return index

    def in_block(self, index: int) -> bool:
        """Tell whether a line stands in a block scalar: text, not keys."""
        for other in range(index - 1, -1, -1):
            line = self.lines[other]
            if re.search(r":\s*[|>][-+]?\s*(#.*)?$|^\s*- [|>][-+]?\s*$", line) and index in self.block(other):
                return True
            if self.is_code(other) and self.indentation(other) == 0:
                return False
        return False

    def find(self, pattern: str, *, inside: bool = False) -> Iterator[tuple[int, re.Match[str]]]:
        """Yield the lines that a pattern matches with the match; lines in string blocks only on request."""
        for index, line in enumerate(self.lines):
            found = re.search(pattern, line) if self.is_code(index) else None
            if found is not None and (inside or not self.in_block(index)):
                yield index, found

    def with_line(self, index: int, line: str, *more: int) -> Planted:
        """Return the text with one line replaced; the finding is to be there, or at one of `more`."""
        lines = [*self.lines[:index], line, *self.lines[index + 1 :]]
        return Planted("\n".join(lines) + "\n", frozenset({index + 1, *(number + 1 for number in more)}))

    def without(self, lines: range, *at: int) -> Planted:
        """Return the text without some lines; the finding is to be at a line that remains, as it was numbered."""
        text = "\n".join([*self.lines[: lines.start], *self.lines[lines.stop :]]) + "\n"
        shift = len(lines)
        numbers = {number + 1 if number < lines.start else number + 1 - shift for number in at}
        return Planted(text, frozenset(numbers))

    def inserted(self, index: int, new: str, *at: int) -> Planted:
        """Return the text with lines put in; `at` counts from the first new line."""
        added = new.split("\n")
        lines = [*self.lines[:index], *added, *self.lines[index:]]
        return Planted("\n".join(lines) + "\n", frozenset(index + 1 + offset for offset in (at or (0,))))


Planter: TypeAlias = "Callable[[Source], Iterator[Planted | Situation]]"
MISTAKES: list[Mistake] = []


def mistake(name: str, *rules: str, common: bool = False) -> Callable[[Planter], Planter]:
    """Register a function as the planter of a kind of mistake."""

    def register(plant: Planter) -> Planter:
        MISTAKES.append(Mistake(name, frozenset(rules), plant, common))
        return plant

    return register


def replaced(
    name: str,
    rules: str,
    pattern: str,
    replacement: str,
    *,
    inside: bool = False,
    common: bool = False,
    only: str = "",
    under: str = "",
    not_under: str = "",
    also: str = "",
) -> None:
    """Register a mistake that changes one line by a pattern.

    Args:
        name: what it is.
        rules: the ids of the rules that tell about it, with blanks between.
        pattern: what is replaced.
        replacement: what by.
        inside: whether lines of string blocks count.
        common: whether real templates are known to have it.
        only: a pattern that the whole text has to match.
        under: the key that the line has to stand below.
        not_under: the key that the item of the line must not stand below.
        also: a pattern of lines at which the finding is right as well; the line that stands above the line if empty.
    """

    def plant(source: Source) -> Iterator[Planted]:
        if only and re.search(only, source.text, re.MULTILINE) is None:
            return
        for index, found in source.find(pattern, inside=inside):
            if under and source.owner(index) != under:
                continue
            if not_under and source.owner(source.item(index)) == not_under:
                continue
            line = source.lines[index]
            more = [number for number, _ in source.find(also, inside=True)] if also else []
            yield source.with_line(
                index, line[: found.start()] + found.expand(replacement) + line[found.end() :], *more
            )

    MISTAKES.append(Mistake(name, frozenset(rules.split()), plant, common))


def removed(
    name: str,
    rules: str,
    pattern: str,
    *,
    common: bool = False,
    inside: bool = False,
    only: str = "",
    under: str = "",
    not_under: str = "",
    unless: str = "",
) -> None:
    """Register a mistake that leaves out a key with all that stands below it.

    Args:
        name: what it is.
        rules: the ids of the rules that tell about it, with blanks between.
        pattern: the line with the key.
        common: whether real templates are known to have it.
        inside: whether lines of string blocks count.
        only: a pattern that the whole text has to match.
        under: the key that the line has to stand below.
        not_under: the key that the item of the line must not stand below.
        unless: a pattern that what is left out must not match.
    """

    def plant(source: Source) -> Iterator[Planted]:
        if only and re.search(only, source.text, re.MULTILINE) is None:
            return
        for index, _ in source.find(pattern, inside=inside):
            block = source.block(index)
            text = "\n".join(source.lines[block.start : block.stop])
            if source.lines[index].lstrip().startswith("- ") or (under and source.owner(index) != under):
                continue
            if (not_under and source.owner(source.item(index)) == not_under) or (unless and re.search(unless, text)):
                continue
            # The right place is what remains of the object: its first line, or the key above it.
            yield source.without(block, source.parent(index), source.item(index))

    MISTAKES.append(Mistake(name, frozenset(rules.split()), plant, common))


_OF_TODAY = r"^kind: ServingTemplate[\s\S]*apiVersion: [\"']?serving\.\w+\.\w+/v1beta1"
_SCENARIO_ID = r"scenarios\.ai\.sap\.com/id:"
_ONE_SCENARIO_ID = rf"\A(?:(?!{_SCENARIO_ID})[\s\S])*{_SCENARIO_ID}(?:(?!{_SCENARIO_ID})[\s\S])*\Z"

# --- the document -------------------------------------------------------------------------------------------------


@mistake("TAB in the indentation", "AIC102", common=True)
def _tab(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( {4,})\w+:"):
        line = source.lines[index]
        yield source.with_line(index, "\t" + line[found.end(1) :])


replaced(
    "placeholder without quotes",
    "AIC103",
    r'(value|from|- name): "(\{\{[^"]*\}\})"$',
    r"\1: \2",
    common=True,
)
replaced("comment without a space", "AIC104", r"^( *(?:- )*name: [\w-]+)$", r"\1# the name", common=True)
replaced("colon in a value", "AIC105", r"^( *\S+(?:description|name): )(\w[\w ]+)$", r"\1Step 1: \2")
replaced(
    "stray text after a key",
    "AIC108 AIC106 AIC107 AIC105",
    r"^( *(?:metadata|inputs|outputs|container|labels)):$",
    r"\1",
    common=True,
)
replaced("quotation mark not closed", "AIC109 AIC105 AIC106 AIC108", r'^( *image: )(docker[^"]*)$', r'\1"\2')
replaced("bracket not closed", "AIC109", r'^( *command: \["/bin/sh", "-c")\]', r"\1")
replaced("text after a value in quotes", "AIC109", r'^( *ai\.sap\.com/version: "[^"]*")$', r"\1 stable")
replaced("text that begins with an asterisk", "AIC112 AIC117", r"^( *image: )docker", r"\1*docker")
replaced("value that begins with @", "AIC117", r"^( *image: )docker", r"\1@docker")
replaced("backslash in double quotation marks", "AIC118 AIC332", r'^( *value: ")(\w+")$', r"\1\\d\2")
replaced("text behind the sign of a block", "AIC101", r"^( +- )(?:\||>)$", r"\1|set -e;")
replaced("control character", "AIC111", r"^( *image: docker)", "\\1\x07")


@mistake("metadata indented too deep", "AIC106", common=True)
def _too_deep(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^ +metadata:$"):
        if not source.lines[index - 1].lstrip().startswith("- name:"):
            continue
        block = source.block(index)
        lines = list(source.lines)
        for number in block:
            lines[number] = "  " + lines[number]
        yield Planted("\n".join(lines) + "\n", frozenset({index + 1}))


@mistake("list without its key", "AIC107", "AIC106", "AIC235", "AIC202", common=True)
def _no_key(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^ +(?:parameters|artifacts|env):$"):
        if source.indentation(index - 1) >= source.indentation(index) and not source.is_serving:
            yield source.without(range(index, index + 1), index + 1, index)


@mistake("a second container pasted in", "AIC110", common=True)
def _pasted(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^ +container:$"):
        block = source.block(index)
        copy = "\n".join(source.lines[block.start : block.stop])
        yield source.inserted(block.stop, copy, 0)


@mistake("a key twice", "AIC110")
def _twice(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^ +(?:image|path|entrypoint): "):
        yield source.inserted(index + 1, source.lines[index])


@mistake("two templates in one file", "AIC114")
def _several(source: Source) -> Iterator[Planted]:
    copy = re.sub(r"^  name: .*$", "  name: another-one", source.text, count=1, flags=re.MULTILINE)
    first = next(index for index, line in enumerate(copy.splitlines()) if re.match(r"\w", line))
    count = len(source.lines)
    yield Planted("\n".join(source.lines) + "\n---\n" + copy, frozenset({count + 2 + first}))


@mistake("comment that takes back an unknown rule", "AIC121")
def _unknown_suppression(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^kind: "):
        yield source.with_line(index, source.lines[index] + " # aicore: ignore[AIC999]")


@mistake("comment that takes back nothing", "AIC122")
def _unused_suppression(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^kind: "):
        yield source.with_line(index, source.lines[index] + " # aicore: ignore[AIC301]")


# --- types and keys -----------------------------------------------------------------------------------------------

replaced("number in an environment variable", "AIC202", r'^( *value: )"(\d+)"$', r"\1\2", common=True)
replaced(
    "number in a variable of the block",
    "AIC202",
    r'^( {12,}value: )"(\d+)"$',
    r"\1\2",
    inside=True,
    only="^kind: ServingTemplate",
)
replaced("yes in an environment variable", "AIC202", r'^( *value: )"\d+"$', r"\1yes")
replaced("args as a string", "AIC202", r'^( *args: )\["(.*)"\]$', r'\1"\2"')
replaced("command as a string", "AIC202", r'^( *command: )\["/bin/sh", "-c"\]', r'\1"/bin/sh -c"')
replaced("quoted deadline", "AIC202", r"^( *activeDeadlineSeconds: )(\d+)", r'\1"\2"')


@mistake("archive as a word", "AIC202")
def _archive(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( *archive:)$"):
        block = source.block(index)
        lines = [*source.lines[:index], f"{found.group(1)} none", *source.lines[block.stop :]]
        yield Planted("\n".join(lines) + "\n", frozenset({index + 1}))


replaced("unknown amount of memory", "AIC204", r"^( *memory: )(\d)Gi", r"\g<1>\g<2>GB")
replaced("pull policy in lower case", "AIC205", r"^( *imagePullPolicy: )Always", r"\1always")
replaced("retry policy that does not exist", "AIC205", r"^( *retryPolicy: )OnError", r"\1Errors")


@mistake("steps as bare strings", "AIC202", common=True)
def _bare_steps(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( *- - )name: (\S+)$"):
        if "{{steps." + found.group(2) in source.text:
            continue
        block = source.block(index)
        lines = [*source.lines[:index], found.group(1) + found.group(2), *source.lines[block.stop :]]
        yield Planted("\n".join(lines) + "\n", frozenset({index + 1}))


@mistake("steps with one dash", "AIC202")
def _flat_steps(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( *)- - name: (\S+)$"):
        block = source.block(index)
        if source.lines[index - 1].strip() != "steps:" or any(
            re.match(rf"{found.group(1)}  - name", source.lines[number]) for number in block
        ):
            continue
        lines = list(source.lines)
        lines[index] = f"{found.group(1)}- name: {found.group(2)}"
        for number in range(index + 1, block.stop):
            lines[number] = lines[number][2:]
        yield Planted("\n".join(lines) + "\n", frozenset({index + 1}))


for _key, _slip in {
    "image": "imgae",
    "command": "comand",
    "args": "arg",
    "container": "contaner",
    "entrypoint": "entrypont",
    "inputs": "input",
    "outputs": "output",
    "artifacts": "artefacts",
    "parameters": "paramaters",
    "globalName": "globalname",
    "path": "pth",
    "arguments": "argument",
    "imagePullSecrets": "imagePullSecret",
    "dependencies": "dependancies",
    "template": "templat",
    "activeDeadlineSeconds": "activeDeadlineSecond",
    "valueFrom": "valuefrom",
    "env": "envs",
}.items():

    def _misspelt(source: Source, key: str = _key, slip: str = _slip) -> Iterator[Planted]:
        for index, found in source.find(rf"^( *(?:- )*){key}:"):
            if source.is_serving and not (source.indentation(index) == 4 or key in ("inputs",)):
                continue
            line = source.lines[index]
            yield source.with_line(index, line[: found.end(1)] + slip + line[found.end() - 1 :])

    MISTAKES.append(Mistake(f"key misspelt: {_key}", frozenset({"AIC201"}), _misspelt))

replaced(
    "key of the block misspelt",
    "AIC201",
    r"^( {8,})(minReplicas|containers|imagePullSecrets):",
    r"\1x\2:",
    inside=True,
    only=_OF_TODAY,
)
replaced("key that does not exist", "AIC201", r"^( +)imagePullPolicy: .*$", r"\1pullEagerly: true")


@mistake("artifact without a name", "AIC203")
def _nameless(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( *)- name: (\S+)"):
        following = source.lines[index + 1] if index + 1 < len(source.lines) else ""
        if (
            source.owner(index) == "artifacts"
            and following.strip().startswith("path:")
            and "out" in source.owner(source.parent(index))
        ):
            lines = [*source.lines[:index], found.group(1) + "- " + following.strip(), *source.lines[index + 2 :]]
            yield Planted("\n".join(lines) + "\n", frozenset({index + 1}))


# --- Argo's semantics ---------------------------------------------------------------------------------------------

replaced("entrypoint that does not exist", "AIC208", r"^(  entrypoint: )(\S+)$", r"\1nowhere")
replaced("entrypoint misspelt", "AIC208", r"^(  entrypoint: \S+)$", r"\1x")
removed("no entrypoint", "AIC207", r"^  entrypoint:")
replaced("exit handler that does not exist", "AIC208", r"^(  onExit: )\S+", r"\1nowhere")
replaced("template of a step misspelt", "AIC208", r"^( {8,}template: )(\S+)$", r"\1\2s")
removed("step without a template", "AIC212", r"^ {8,}template:")


@mistake("step with two templates", "AIC212")
def _two_templates(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( {8,})template: \S+$"):
        yield source.inserted(index + 1, f"{found.group(1)}templateRef: {{name: other, template: it}}")


replaced("dependency that does not exist", "AIC213", r"(dependencies: \[)(\w+)", r"\1\2s")
replaced("dependency that does not exist, in depends", "AIC213", r"^( *depends: )(\w+)", r"\1nobody")
replaced("result of a task that does not exist", "AIC215", r"(depends: .*\.Succeede)d", r"\1")
replaced("commas in depends", "AIC215", r"^( *depends: .*) && ", r"\1, ")
replaced("one ampersand in depends", "AIC215", r"^( *depends: .*) && ", r"\1 & ")


@mistake("task that waits for itself", "AIC214")
def _cycle(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( +)- name: (\S+)$"):
        if source.owner(index) != "tasks":
            continue
        block = source.block(index)
        if any("depend" in source.lines[number] for number in block):
            continue
        key = "depends" if re.search(r"^ *depends:", source.text, re.MULTILINE) else "dependencies"
        value = found.group(2) if key == "depends" else f"[{found.group(2)}]"
        yield source.inserted(index + 1, f"{found.group(1)}  {key}: {value}")


@mistake("dependencies beside depends", "AIC215")
def _both(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( *)depends: (\w+)$"):
        yield source.with_line(index, f"{found.group(1)}dependencies: [{found.group(2)}]")


removed("no templates", "AIC206", r"^  templates:$")


@mistake("two templates of one name", "AIC210")
def _same_name(source: Source) -> Iterator[Planted]:
    names = [(index, found) for index, found in source.find(r"^( +)- name: (\S+)$")]
    templates = [(index, found) for index, found in names if source.lines[source.parent(index)].strip() == "templates:"]
    if templates:
        index, _found = templates[-1]
        block = source.block(index)
        yield source.inserted(block.stop, "\n".join(source.lines[block.start : block.stop]))


@mistake("two artifacts of one name", "AIC210")
def _same_artifact(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( +)- name: (\S+)$"):
        if source.lines[source.parent(index)].strip() == "artifacts:" and source.lines[index + 1].strip().startswith(
            "path:"
        ):
            pad = found.group(1)
            again = f"{pad}- name: {found.group(2)}\n{pad}  path: /app/again"
            if source.owner(source.parent(index)) == "outputs":
                again += f"\n{pad}  globalName: again"
            yield source.inserted(source.block(index).stop, again)


@mistake("underscore in the name of a template", "AIC211")
def _bad_template_name(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( +- name: )(\w+-[\w-]+)$"):
        if source.owner(index) == "templates":
            name = found.group(2)
            text = re.sub(
                rf"((?:template|entrypoint|- name): ){name}$",
                rf"\g<1>{name.replace('-', '_')}",
                source.text,
                flags=re.M,
            )
            yield Planted(text, frozenset({index + 1}))


@mistake("template that does nothing", "AIC209")
def _does_nothing(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^ {4,8}container:$"):
        block = source.block(index)
        used = set(re.findall(r"workflow\.parameters\.([\w-]+)", "\n".join(source.lines[block.start : block.stop])))
        rest = "\n".join([*source.lines[: block.start], *source.lines[block.stop :]])
        if all(f"workflow.parameters.{name}" in rest for name in used):
            yield source.without(block, source.item(index), source.parent(index))


@mistake("template that does two things", "AIC209")
def _two_things(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( {4,8})container:$"):
        yield source.inserted(index, f"{found.group(1)}suspend: {{}}", 0, 1)


@mistake("template that nothing reaches", "AIC217")
def _unreachable(source: Source) -> Iterator[Planted]:
    for index, _found in source.find(r"^( +)templates:$"):
        dash = re.match(r" *- ", source.lines[index + 1])
        if dash is None:
            continue
        pad = " " * len(dash.group())
        new = (
            f"{dash.group()}name: forgotten\n{pad}metadata: {{labels: {{ai.sap.com/resourcePlan: starter}}}}\n"
            f'{pad}container: {{image: "docker.io/example/x:1", command: ["/bin/sh", "-c"], args: ["./x"]}}'
        )
        yield source.inserted(index + 1, new)


@mistake("template that calls itself", "AIC218")
def _endless(source: Source) -> Iterator[Planted]:
    entry = re.search(r"^  entrypoint: (\S+)", source.text, re.MULTILINE)
    for index, found in source.find(r"^( *)- - name: \S+$"):
        block = source.block(index)
        if entry is not None and source.lines[index - 1].strip() == "steps:":
            pad = found.group(1)
            yield source.inserted(block.start, f"{pad}- - name: again\n{pad}    template: {entry.group(1)}")
            return


replaced("single equals sign in when", "AIC220", r"^( *when: .*?\}\}) == ", r"\1 = ")
replaced("word instead of an operator in when", "AIC220", r'^( *when: "\{\{.*?\}\} == \w+)"', r'\1 and true == true"')
replaced("withParam that is no list", "AIC219", r"^( *)withItems: \[.*\]$", r'\1withParam: "2023 2024"')
replaced("sequence without an end", "AIC219", r'^( *)count: "2"$', r'\1start: "2"', also=r"withSequence:")


@mistake("call without a parameter", "AIC221")
def _missing_argument(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^ {10,}arguments:$"):
        block = source.block(index)
        text = "\n".join(source.lines[block.start : block.stop])
        used = set(re.findall(r"workflow\.parameters\.([\w-]+)", text))
        rest = "\n".join([*source.lines[: block.start], *source.lines[block.stop :]])
        if "artifacts:" in text or not all(f"workflow.parameters.{name}" in rest for name in used):
            continue
        yield source.without(block, source.item(index), source.parent(index))


@mistake("argument without a value", "AIC222")
def _empty_argument(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r'^ {12,}value: "\{\{(?!workflow)'):
        block = range(index, index + 1)
        if source.owner(source.parent(index - 1)) == "arguments":
            yield source.without(block, index - 1)


replaced("argument misspelt", "AIC223 AIC221", r"^( {16}- name: )(depth|year|rows|number)$", r"\1\2x")


@mistake("argument that nobody takes", "AIC223")
def _unknown_argument(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( {12,})parameters:$"):
        if source.lines[source.parent(index)].strip() == "arguments:":
            pad = found.group(1) + "  "
            yield source.inserted(index + 1, f"{pad}- name: surplus\n{pad}  value: nothing")


removed("input artifact without a path", "AIC224", r"^ +path: /", under="artifacts")
removed("output parameter without a source", "AIC225", r"^ +valueFrom:$", under="parameters")


@mistake("two artifacts at one path", "AIC226")
def _same_path(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( +)- name: \S+$"):
        if source.lines[source.parent(source.parent(index))].strip() != "inputs:":
            continue
        path = re.fullmatch(r" +path: (\S+)", source.lines[index + 1])
        if path is not None:
            pad = found.group(1)
            yield source.inserted(source.block(index).stop, f"{pad}- name: another\n{pad}  path: {path.group(1)}", 1, 0)


replaced("volume that is not declared", "AIC227", r"^( *- name: \S+)$", r"\1x", under="volumeMounts")
removed("container without an image", "AIC228 AIC336", r"^ +image: docker\S+$", inside=True)
removed("script without a source", "AIC228", r"^ +source: \|$")


@mistake("deadline on a template of steps", "AIC230")
def _misplaced_deadline(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( {4,8})(?:steps|dag):$"):
        yield source.inserted(index, f"{found.group(1)}activeDeadlineSeconds: 60")


@mistake("variable with two values", "AIC231")
def _two_values(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r'^( {8,})value: "?\w+"?$'):
        if source.owner(source.item(index)) == "env":
            yield source.inserted(index + 1, f"{found.group(1)}valueFrom: {{secretKeyRef: {{name: secret, key: key}}}}")


@mistake("variable with a blank in its name", "AIC231")
def _bad_variable(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( +- name: )([A-Z]+)$"):
        if source.owner(index) == "env":
            yield source.with_line(index, f"{found.group(1)}MY {found.group(2)}")


replaced("value that the enum does not have", "AIC232", r"^( *value: )small$", r"\1tiny")


replaced("argument with a source of outputs", "AIC237", r'^( {12,})value: "\{\{steps\S+$', r"\1valueFrom: {path: /x}")


@mistake("deadline with a unit", "AIC238")
def _deadline(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( {4,6})container:$"):
        yield source.inserted(index, f"{found.group(1)}activeDeadlineSeconds: 2h")


@mistake("sidecar called like one of Argo's", "AIC239")
def _own_name(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( +- name: )readable-\S+$"):
        yield source.with_line(index, f"{found.group(1)}wait")


@mistake("hook without an expression", "AIC233")
def _hook(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( +)exit:$"):
        yield source.with_line(index, f"{found.group(1)}running:", index + 1)


@mistake("metric with a bad name", "AIC234")
def _metric(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( {4,6})container:$"):
        pad = found.group(1)
        new = (
            f"{pad}metrics:\n{pad}  prometheus:\n{pad}    - name: training-seconds\n{pad}      help: duration\n"
            f'{pad}      gauge:\n{pad}        value: "{{{{duration}}}}"'
        )
        yield source.inserted(index, new, 2)


@mistake("gauge without a value", "AIC234")
def _gauge(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( {4,6})container:$"):
        pad = found.group(1)
        new = (
            f"{pad}metrics:\n{pad}  prometheus:\n{pad}    - name: training_seconds\n{pad}      help: duration\n"
            f"{pad}      gauge:\n{pad}        realtime: true"
        )
        yield source.inserted(index, new, 4)


@mistake("manifest that is not YAML", "AIC236")
def _manifest(source: Source) -> Iterator[Planted]:
    if "onExit:" in source.text or "hooks:" in source.text:
        return
    for index, _ in source.find(r"^  templates:$"):
        pad = " " * source.blanks(index + 1)
        new = (
            f"  onExit: secret\n  templates:\n{pad}- name: secret\n{pad}  resource:\n{pad}    action: create\n"
            f"{pad}    manifest: |\n{pad}      kind: Secret\n{pad}      data: {{depth: 3"
        )
        without = Source("\n".join([*source.lines[:index], *source.lines[index + 1 :]]) + "\n")
        yield without.inserted(index, new, 7)


# --- references ---------------------------------------------------------------------------------------------------

replaced(
    "reference to a parameter misspelt",
    "AIC240",
    r"(\{\{workflow\.parameters\.\w+)\}\}",
    r"\1X}}",
    inside=True,
    common=True,
)
replaced(
    "reference to a parameter that is not declared",
    "AIC240",
    r"\{\{workflow\.parameters\.(\w+)\}\}",
    r"{{workflow.parameters.\1}} {{workflow.parameters.undeclared}}",
    inside=True,
    common=True,
)
replaced(
    "reference to an input that is not declared",
    "AIC240",
    r"\{\{inputs\.parameters\.(\w+)\}\}",
    r"{{inputs.parameters.undeclared}}",
    inside=True,
    only="^kind: WorkflowTemplate",
)
replaced(
    "inputs for a workflow's parameter",
    "AIC240",
    r"\{\{workflow\.parameters\.",
    r"{{inputs.parameters.",
    inside=True,
    common=True,
)
replaced("reference to an artifact misspelt", "AIC241", r"(\{\{inputs\.artifacts\.\w+)\.path", r"\1x.path", inside=True)
replaced("reference to a step misspelt", "AIC242", r"(\{\{(?:steps|tasks)\.\w+)\.", r"\1x.", inside=True)
replaced("steps for tasks", "AIC242", r"\{\{tasks\.", r"{{steps.", inside=True)
replaced("output misspelt", "AIC244", r"(\.outputs\.(?:artifacts|parameters)\.[\w-]+)\}\}", r"\1x}}", inside=True)
replaced("parameter for parameters", "AIC245", r"\{\{workflow\.parameters\.", r"{{workflow.parameter.", inside=True)
replaced("input for inputs", "AIC245", r"\{\{inputs\.", r"{{input.", inside=True, only="^kind: WorkflowTemplate")
replaced(
    "workflow variable that does not exist", "AIC245", r"\{\{workflow\.status\}\}", r"{{workflow.statos}}", inside=True
)
replaced("item without a loop", "AIC246", r'"\{\{(?:tasks|steps)\.\w+\.outputs\.parameters\.\w+\}\}"$', r'"{{item}}"')
replaced(
    "placeholder not closed",
    "AIC247",
    r"(\{\{(?:workflow|inputs|steps|tasks)\.[\w.-]+)\}\}",
    r"\1}",
    inside=True,
    only="^kind: WorkflowTemplate",
)
replaced(
    "failures outside of the exit handler",
    "AIC248",
    r"\{\{workflow\.parameters\.(\w+)\}\}",
    r"{{workflow.parameters.\1}} {{workflow.failures}}",
    inside=True,
)
replaced(
    "status outside of the exit handler",
    "AIC248",
    r"\{\{workflow\.parameters\.(\w+)\}\}",
    r"{{workflow.parameters.\1}} {{workflow.status}}",
    inside=True,
)
replaced(
    "tag of an image that another tool fills in",
    "AIC250 AIC333",
    r"^( +image: )(docker\S+?):[\w.]+$",
    r'\1"\2:{{TAG}}"',
    inside=True,
)
replaced("tag of an image between at signs", "AIC322", r"^( +image: docker\S+?):[\w.]+$", r"\1:@TAG@", inside=True)
replaced(
    "params for parameters",
    "AIC250 AIC245",
    r"\{\{(?:workflow|inputs)\.parameters\.",
    r"{{params.",
    inside=True,
    only="^kind: WorkflowTemplate",
)
replaced("deadline to fill in", "AIC250", r"^( *activeDeadlineSeconds: )(\d+)", r'\1"{{SECONDS}}"')
replaced("bracket in an expression not closed", "AIC249", r"(\{\{=asInt\([^)]*)\)", r"\1", inside=True)


@mistake("result of a step that has not run", "AIC243")
def _not_yet(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"\{\{tasks\.(\w+)\.outputs\.parameters"):
        line = source.lines[index]
        task = next(
            (name for name in ("compare",) if f"- name: {name}" in source.text and name != found.group(1)), None
        )
        if task is not None and "when" not in line:
            yield source.with_line(index, re.sub(r"\{\{tasks.*?\}\}", f"{{{{tasks.{task}.status}}}}", line))


# --- AI Core ------------------------------------------------------------------------------------------------------

replaced("kind misspelt", "AIC301", r"^kind: (\w+)Template$", r"kind: \1Templates")
removed(
    "no scenario id", "AIC302", r"^ +scenarios\.ai\.sap\.com/id:", common=True, under="labels", only=_ONE_SCENARIO_ID
)
removed("no version", "AIC303", r"^ +ai\.sap\.com/version:", common=True)
replaced(
    "apiVersion of the other kind", "AIC304", r"^apiVersion: .*$", "apiVersion: serving.kserve.io/v1beta1", common=True
)
replaced("apiVersion misspelt", "AIC304", r"^(apiVersion: \S+)v1alpha1\"?$", r"\1v1alpha2")
removed("no scenario name", "AIC305", r"^ +scenarios\.ai\.sap\.com/name:")
removed("no executable name", "AIC306", r"^ +executables\.ai\.sap\.com/name:")
replaced("capitals in the executable id", "AIC307", r"^(  name: )([a-z])([\w-]+)( *#.*)?$", r"\1Q\3\4")
replaced("underscore in the executable id", "AIC307", r"^(  name: [a-z]+)-", r"\1_")
replaced("executable id too long", "AIC307", r"^(  name: [a-z0-9-]+)( *#.*)?$", r"\1" + "-very-long" * 6 + r"\2")
removed("no executable id", "AIC307", r"^  name: ")
replaced("scenario id too short", "AIC308", r"^( +scenarios\.ai\.sap\.com/id: ).*$", r"\1abc", under="labels")
replaced(
    "blank in the scenario id", "AIC308", r"^( +scenarios\.ai\.sap\.com/id: ).*$", r"\1my scenario", under="labels"
)
replaced("version as a number", "AIC309", r"^( +ai\.sap\.com/version: ).*$", r"\g<1>2.0", common=True)
replaced("version with a blank", "AIC309", r"^( +ai\.sap\.com/version: ).*$", r'\1"1.0 beta"')
replaced("number as an annotation", "AIC310", r"^( +executables\.ai\.sap\.com/name: ).*$", r"\g<1>42")


@mistake("label among the annotations", "AIC311")
def _label_misplaced(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^ +ai\.sap\.com/version: "):
        line = source.lines[index]
        lines = [*source.lines[:index], *source.lines[index + 1 :]]
        at = next((number for number, other in enumerate(lines) if other.strip() == "annotations:"), None)
        if at is not None:
            lines.insert(at + 1, line)
            yield Planted("\n".join(lines) + "\n", frozenset({at + 2}))


replaced(
    "key of a label misspelt",
    "AIC312",
    r"^( +)scenarios\.ai\.sap\.com/id:",
    r"\1scenario.ai.sap.com/id:",
    under="labels",
    only=_ONE_SCENARIO_ID,
)
replaced("labels misspelt", "AIC312", r"^  labels:$", "  label:")
replaced(
    "key of an annotation misspelt", "AIC312", r"^( +)executables\.ai\.sap\.com/name:", r"\1executable.ai.sap.com/name:"
)
replaced(
    "key of the plan misspelt", "AIC312", r"^( +)ai\.sap\.com/resourcePlan:", r"\1ai.sap.com/resourceplan:", inside=True
)


@mistake("no resource plan", "AIC313", common=True)
def _no_plan(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^ {6,}ai\.sap\.com/resourcePlan: (?:starter|basic)$", inside=True):
        metadata = source.parent(source.parent(index))
        at = (source.parent(index), metadata, source.item(metadata), source.parent(metadata))
        yield source.without(range(index, index + 1), *at)


replaced(
    "plan in another spelling",
    "AIC314",
    r"^( +ai\.sap\.com/resourcePlan: )starter$",
    r"\1Starter",
    inside=True,
    common=True,
)
replaced(
    "plan that nobody documents", "AIC314", r"^( +ai\.sap\.com/resourcePlan: )starter$", r"\1gpu-huge", inside=True
)
replaced("plan as a default that does not exist", "AIC314", r"^( +default: )infer\.s$", r"\1infer-xs")


@mistake("plan among the template's own labels", "AIC311")
def _plan_misplaced(source: Source) -> Iterator[Planted]:
    plans = list(source.find(r"^ {6,}ai\.sap\.com/resourcePlan: (?:starter|basic)$", inside=True))
    if len(plans) != 1 or "templates:" not in source.text:
        return
    index = plans[0][0]
    at = next(number for number, line in enumerate(source.lines) if line == "  labels:")
    lines = [*source.lines[: index - 2], *source.lines[index + 1 :]]
    if source.lines[index - 2].strip() == "metadata:":
        lines.insert(at + 1, "    " + source.lines[index].strip())
        yield Planted("\n".join(lines) + "\n", frozenset({at + 2}))


removed(
    "container without a command", "AIC315", r"^ {6,}command: ", only="^kind: WorkflowTemplate", not_under="sidecars"
)
replaced(
    "command that is no shell's",
    "AIC316",
    r'command: \["/bin/sh", "-c"\]',
    'command: ["python3", "-c"]',
    common=True,
    only="^kind: WorkflowTemplate",
    not_under="sidecars",
)
removed(
    "container without args",
    "AIC317",
    r"^ {6,}args:",
    common=True,
    only="^kind: WorkflowTemplate",
    not_under="sidecars",
    unless=r"\{\{",
)
replaced(
    "empty args", "AIC317", r"^( +args: )\[\"[^{}]*\"\]$", r"\1[]", not_under="sidecars", only="^kind: WorkflowTemplate"
)
removed("output without a globalName", "AIC318", r"^ +globalName: ", common=True)
replaced(
    "annotation of an artifact that does not exist",
    "AIC319",
    r"^( +artifacts\.ai\.sap\.com/)[\w-]+(\.\w+:)",
    r"\1nothing\2",
    common=True,
)
replaced(
    "kind of an artifact that does not exist",
    "AIC320",
    r"^( +artifacts\.ai\.sap\.com/[\w-]+\.kind: )\"?(\w+)\"?",
    r"\1data-set",
)
replaced("annotation that says nothing", "AIC320", r"^( +artifacts\.ai\.sap\.com/[\w-]+\.)kind:", r"\1knd:")
replaced("labels that are no JSON", "AIC320", r"^( +artifacts\.ai\.sap\.com/[\w-]+\.labels: ).*$", r"\1'team: blue'")
replaced(
    "image without its registry", "AIC321", r"(image: \"?)docker\.io/(?!YOUR)(?=[\w./:-]+\"?$)", r"\1", inside=True
)
replaced("image without a tag", "AIC321", r"(image: \"?docker\.io/[a-z0-9-]+/[a-z0-9.-]+):[\w.-]+", r"\1", inside=True)
replaced("capitals in the image", "AIC321", r"(image: \"?docker\.io/)[a-z0-9-]+/([a-z])", r"\1Example/\2", inside=True)
replaced(
    "placeholder of a tutorial",
    "AIC322",
    r"(image: \"?docker\.io/)[a-z0-9-]+/",
    r"\1<YOUR_DOCKER_USERNAME>/",
    inside=True,
    common=True,
)
removed(
    "no deadline on a large plan",
    "AIC323",
    r"^  activeDeadlineSeconds: ",
    only=r"resourcePlan: (?:train\.l|basic\.8x|infer)",
)
replaced("sidecar whose logs stay hidden", "AIC324", r"^( *- name: )readable-", r"\1")


@mistake("container set without main", "AIC324")
def _no_main(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^ *- name: main$"):
        if source.owner(index) == "containers":
            text = re.sub(r"(- name: |dependencies: \[)main\b", r"\1readable-main", source.text)
            yield Planted(text, frozenset({index + 1, source.parent(index) + 1}))


replaced(
    "pull secret without a name",
    "AIC325",
    r"^( *- name:) (?:docker-registry-secret|credstutorialrepo.*)$",
    r"\1",
    inside=True,
    common=True,
)
replaced(
    "pull secret that cannot exist",
    "AIC325",
    r"^( *- name: )(?:docker-registry-secret|credstutorialrepo)$",
    r"\1Docker_Secret",
    inside=True,
)
replaced(
    "URL that ends in a slash",
    "AIC326",
    r"^( {8}default: ).*$",
    r"\1ai://default/rows/",
    only="^kind: WorkflowTemplate",
)
replaced("none without braces", "AIC328", r"^( +none:) \{\}.*$", r"\1")


@mistake("two outputs of one globalName", "AIC327")
def _same_global_name(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^ +globalName: (\S+)"):
        item = source.item(index)
        pad = " " * (len(source.lines[item]) - len(source.lines[item].lstrip()))
        block = source.block(item)
        new = f"{pad}- name: again\n{pad}  globalName: {found.group(1)}\n{pad}  path: /app/again"
        yield source.inserted(block.stop, new, 1)


@mistake("parameter that nothing uses", "AIC329")
def _unused(source: Source) -> Iterator[Planted]:
    if source.is_serving and re.search(_OF_TODAY, source.text, re.MULTILINE) is None:
        return
    for index, found in source.find(r"^( +)parameters:"):
        parent = source.lines[source.parent(index)]
        if parent in ("  arguments:", "  inputs:") and source.lines[index].rstrip().endswith("parameters:"):
            dash = re.match(r" *- ", source.lines[index + 1])
            pad = dash.group()[:-2] if dash is not None else found.group(1) + "  "
            yield source.inserted(index + 1, f"{pad}- name: surplus\n{pad}  default: '1'")


# --- ServingTemplates ---------------------------------------------------------------------------------------------

replaced("labels as a map", "AIC331", r"^( +labels:) \|$", r"\1", only="^kind: ServingTemplate", common=True)
replaced("annotations as a map", "AIC331", r"^( +annotations:) \|$", r"\1", only="^kind: ServingTemplate", common=True)


@mistake("inner spec as a map", "AIC331", common=True)
def _map(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( +spec:) \|$"):
        text = "\n".join([*source.lines[:index], found.group(1), *source.lines[index + 1 :]]) + "\n"
        yield Planted(re.sub(r": (\{\{[^}]*\}\})(?=\s|$)", r': "\1"', text, flags=re.M), frozenset({index + 1}))


replaced("colon missing in the block", "AIC332", r"^( +)predictor:$", r"\1predictor", inside=True)
replaced("TAB in the block", "AIC332", r"^( {8})(minReplicas)", "\\1\t\\2", inside=True)
replaced("artifact of the block misspelt", "AIC333", r"(\{\{inputs\.artifacts\.\w+)\}\}", r"\1s}}", inside=True)
replaced(
    "parameter of the block misspelt",
    "AIC333",
    r"(\{\{inputs\.parameters\.\w+)\}\}",
    r"\1s}}",
    inside=True,
    only="^kind: ServingTemplate",
)
replaced(
    "parameter of the block that is not declared",
    "AIC333",
    r"\{\{inputs\.artifacts\.(\w+)\}\}",
    r"{{inputs.artifacts.\1}}{{inputs.parameters.prefix}}",
    inside=True,
)
replaced("placeholder of the block not closed", "AIC333", r"(\"\{\{inputs\.artifacts\.\w+)\}\}\"", r'\1}"', inside=True)
replaced(
    "workflow's placeholder in the block",
    "AIC333",
    r"\{\{inputs\.artifacts\.(\w+)\}\}",
    r"{{inputs.artifacts.\1}}{{workflow.parameters.x}}",
    inside=True,
)


@mistake("hyphen in the name of an artifact", "AIC334")
def _hyphen(source: Source) -> Iterator[Planted]:
    if not source.is_serving:
        return
    for index, found in source.find(r"^( {6}- name: )(\w{4,})( *#.*)?$"):
        if f"inputs.artifacts.{found.group(2)}" not in source.text:
            continue
        name = found.group(2)
        hyphened = f"{name[:-3]}-{name[-3:]}"
        yield Planted(re.sub(rf"\b{name}\b", hyphened, source.text), frozenset({index + 1}))


replaced("inner apiVersion of tomorrow", "AIC335", r"^( +apiVersion: \"?serving\.\w+\.(?:io|org)/)v1beta1", r"\1v2")
removed("no inner apiVersion", "AIC335", r"^ +apiVersion: ", only=_OF_TODAY)
replaced("predictor misspelt", "AIC201", r"^( +)predictor:$", r"\1predicter:", inside=True, only=_OF_TODAY)
replaced(
    "container of another name", "AIC336", r"^( *- name: )(?:kserve|kfserving)-container$", r"\1server", inside=True
)
replaced(
    "artifact that does not reach the server",
    "AIC337",
    r"\"\{\{inputs\.artifacts\.\w+\}\}\"",
    '"/mnt/models"',
    inside=True,
    also=r"^ {4,}- name: \w*[mM]odel\w*",
)
replaced("parameter of another type", "AIC338", r"^( +type: )\"?string\"?", r"\1integer", only="^kind: ServingTemplate")


# --- slips that look right ----------------------------------------------------------------------------------------

replaced(
    "brackets in a placeholder",
    "AIC245",
    r"\{\{workflow\.parameters\.(\w+)\}\}",
    r"{{workflow.parameters['\1']}}",
    inside=True,
)
replaced(
    "single braces",
    "AIC247",
    r"\{\{(workflow\.parameters\.\w+)\}\}",
    r"{\1}",
    inside=True,
    only="^kind: WorkflowTemplate",
)
replaced(
    "kind of the other template", "AIC301", r"^kind: ServingTemplate", "kind: WorkflowTemplate", only=r"^  inputs:"
)
replaced("kind of the other template", "AIC301", r"^kind: WorkflowTemplate", "kind: ServingTemplate")
replaced("bare name of a pull secret", "AIC202", r"^( *- )name: (docker-registry-secret)$", r"\1\2", inside=True)
replaced("globalName with a slash", "AIC211", r"^( +globalName: )(\w+)-", r"\1\2/", common=False)


@mistake("bare name of a parameter", "AIC202")
def _bare_parameter(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( *- )name: (\w+)"):
        block = source.block(index)
        if source.owner(index) == "parameters" and source.owner(source.parent(index)) in ("inputs", "arguments"):
            if any("value:" in source.lines[number] for number in block):
                continue
            lines = [*source.lines[:index], found.group(1) + found.group(2), *source.lines[block.stop :]]
            yield Planted("\n".join(lines) + "\n", frozenset({index + 1}))


@mistake("variables as a map", "AIC202")
def _variables(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( +)env:$"):
        block = source.block(index)
        pairs = re.findall(r"- name: (\w+)\n +value: (.*)", "\n".join(source.lines[number] for number in block))
        if 2 * len(pairs) == len(block) - 1:
            new = [f"{found.group(1)}  {name}: {value}" for name, value in pairs]
            lines = [*source.lines[: index + 1], *new, *source.lines[block.stop :]]
            yield Planted("\n".join(lines) + "\n", frozenset({index + 1}))


@mistake("arguments left out above parameters", "AIC235", common=True)
def _no_arguments(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^ +arguments:$"):
        block = source.block(index)
        below = [line[2:] for line in source.lines[index + 1 : block.stop]]
        lines = [*source.lines[:index], *below, *source.lines[block.stop :]]
        yield Planted("\n".join(lines) + "\n", frozenset({index + 1}))


@mistake("outputs indented into the container", "AIC235")
def _outputs_in_container(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^ {6}outputs:$"):
        block = source.block(index)
        container = next((at for at, _ in source.find(r"^ {6}container:$") if at == block.stop), None)
        if container is None:
            continue
        body = source.block(container)
        moved = ["  " + source.lines[number] if source.lines[number].strip() else "" for number in block]
        rest = [source.lines[number] for number in body]
        lines = [*source.lines[:index], *rest, *moved, *source.lines[body.stop :]]
        yield Planted("\n".join(lines) + "\n", frozenset({index + 1 + len(rest)}))


@mistake("plan in the container", "AIC311")
def _plan_in_container(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^ {10}ai\.sap\.com/resourcePlan: (?:starter|basic)$"):
        if [line.strip() for line in source.lines[index - 2 : index]] != ["metadata:", "labels:"]:
            continue
        container = next((at for at, _ in source.find(r"^ {6}container:$") if at > index), None)
        name = next((at for at, _ in source.find(r"^ {4}- name: ") if at > index), len(source.lines))
        if container is None or container > name:
            continue
        lines = list(source.lines)
        lines.insert(container + 1, "        " + lines[index].strip())
        del lines[index - 2 : index + 1]
        yield Planted("\n".join(lines) + "\n", frozenset({container + 2 - 3}))


# --- pasted text --------------------------------------------------------------------------------------------------

replaced(
    "typographic quotation marks",
    "AIC119",
    r'^( *(?:- )?(?:value|from|path|image): )"?([^"|>#&*]+)"?$',
    "\\1\u201c\\2\u201d",
)
replaced("no-break space behind a value", "AIC119", r"^( *(?:template|entrypoint): [\w-]+)$", "\\1\u00a0")
replaced("no-break space behind a colon", "AIC119", r"^( *(?:template|entrypoint|image):) ", "\\1\u00a0")
replaced("typographic dash before an item", "AIC119", r"^( *)- (name: \w)", "\\1\u2013 \\2", not_under="steps")
replaced("typographic dash before an option", "AIC119", r"^( *args: \[.*?) --?([a-z])", "\\1 \u2013\\2")


@mistake("no-break spaces in the indentation", "AIC119")
def _no_break_spaces(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^ +(?:path|image|command): "):
        line = source.lines[index]
        blanks = source.blanks(index)
        if not source.is_serving and not line.lstrip().startswith("- "):
            yield source.with_line(index, blanks * "\u00a0" + line.lstrip())


@mistake("merge conflict", "AIC101")
def _conflict(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^ +ai\.sap\.com/version: "):
        new = [
            "<<<<<<< HEAD",
            source.lines[index],
            "=======",
            f"{found.group()}'2.0.0'",
            ">>>>>>> feature/second-version",
        ]
        lines = [*source.lines[:index], *new, *source.lines[index + 1 :]]
        yield Planted("\n".join(lines) + "\n", frozenset({index + 1}))


@mistake("second template pasted below", "AIC110")
def _pasted_below(source: Source) -> Iterator[Planted]:
    if source.lines[0] != "---":
        count = len(source.lines)
        text = "\n".join(source.lines) + "\n" + re.sub(r"^---$", "", source.text, flags=re.M)
        at = next(number for number, line in enumerate(text.splitlines()[count:], count + 1) if re.match(r"\w", line))
        yield Planted(text, frozenset({at}))


@mistake("dash of a second item forgotten", "AIC110")
def _no_dash(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( +)- (name: \S.*)$"):
        before = next((n for n in range(index - 1, 0, -1) if source.is_code(n)), 0)
        is_first = source.parent(index) == before
        if not is_first and source.owner(index) in ("artifacts", "parameters", "env", "templates", "tasks"):
            yield source.with_line(index, f"{found.group(1)}  {found.group(2)}")


@mistake("key of the container indented like the container", "AIC106", "AIC235")
def _beside_the_container(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^ +container:$"):
        block = source.block(index)
        own = source.indentation(index)
        for number in block:
            if re.match(r" +(?:image|command): \S", source.lines[number]) and source.indentation(number) == own + 2:
                yield source.with_line(number, own * " " + source.lines[number].lstrip())


# --- words and habits of other tools --------------------------------------------------------------------------------

_TRAINING = "^kind: WorkflowTemplate"

replaced("value without any braces", "AIC247", r'^( +value: "?)\{\{(workflow\.parameters\.\w+)\}\}("?)$', r"\1\2\3")
replaced("three braces", "AIC247", r"(\{\{workflow\.parameters\.\w+\}\})", r"{\1}", inside=True, only=_TRAINING)
replaced("first brace forgotten", "AIC247", r"\{(\{workflow\.parameters\.\w+\}\})", r"\1", inside=True, only=_TRAINING)
replaced("artifact in a command line", "AIC245", r"(\{\{inputs\.artifacts\.\w+)\.path\}\}", r"\1}}", inside=True)
replaced("items for item", "AIC245", r"\{\{item\}\}", "{{items}}")
replaced("dependsOn", "AIC201", r"^( +)dependencies: \[", r"\1dependsOn: [")
replaced("dependencies as a string", "AIC202", r"^( +dependencies: )\[(\w+)\]$", r"\1\2")
replaced("steps of a dag", "AIC201", r"^( +)tasks:$", r"\1steps:")
replaced("secretRef", "AIC201", r"^( +)secretKeyRef:", r"\1secretRef:", only=_TRAINING)
replaced("key of the whole template misspelt", "AIC201", r"^(metad)ata:", r"\1ta:")
replaced("kind with a capital", "AIC201", r"^kind: ", "Kind: ")
replaced("generateName", "AIC307", r"^  name: ", "  generateName: ")
replaced(
    "version with the prefix of a scenario", "AIC312", r"^( +)ai\.sap\.com/version:", r"\1scenarios.ai.sap.com/version:"
)
replaced("relative path of an artifact", "AIC224", r"^( +path: )/(\w)", r"\1\2", under="artifacts")
replaced(
    "latest", "AIC321", r"(image: \"?docker\.io/[a-z0-9-]+/[a-z0-9.-]+):(?!latest)[\w.-]+", r"\1:latest", inside=True
)
replaced(
    "shell and its option in one word",
    "AIC316",
    r'command: \["/bin/sh", "-c"\]',
    'command: ["/bin/sh -c"]',
    only=_TRAINING,
    not_under="sidecars",
)
replaced(
    "command line in several items",
    "AIC316",
    r'^( +args: \["\S+) ([^"]+"\])$',
    r'\1", "\2',
    not_under="sidecars",
    only=_TRAINING,
)
replaced(
    "placeholder of the block without braces",
    "AIC333",
    r'"\{\{(inputs\.artifacts\.\w+)\}\}"$',
    r'"\1"',
    inside=True,
    only="^kind: ServingTemplate",
)


@mistake("tasks left out", "AIC202")
def _no_tasks(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^ +tasks:$"):
        if source.lines[index - 1].strip() == "dag:":
            yield source.without(range(index, index + 1), index - 1)


@mistake("variable as in a shell", "AIC202")
def _shell_variable(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( +- )name: (\w+)$"):
        value = re.fullmatch(r' +value: "?(\w+)"?', source.lines[index + 1]) if index + 1 < len(source.lines) else None
        if value is not None and source.owner(index) == "env":
            lines = [
                *source.lines[:index],
                f"{found.group(1)}{found.group(2)}={value.group(1)}",
                *source.lines[index + 2 :],
            ]
            yield Planted("\n".join(lines) + "\n", frozenset({index + 1}))


@mistake("variable as key and value", "AIC203", "AIC201")
def _key_and_value(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^( +- )name: (\w+)$"):
        value = re.fullmatch(r" +value: (\S+)", source.lines[index + 1]) if index + 1 < len(source.lines) else None
        if value is not None and source.owner(index) == "env" and "{{" not in value.group(1):
            lines = [
                *source.lines[:index],
                f"{found.group(1)}{found.group(2)}: {value.group(1)}",
                *source.lines[index + 2 :],
            ]
            yield Planted("\n".join(lines) + "\n", frozenset({index + 1}))


@mistake("annotation of an artifact among the labels", "AIC311")
def _annotation_misplaced(source: Source) -> Iterator[Planted]:
    for index, _ in source.find(r"^ +artifacts\.ai\.sap\.com/[\w-]+\.kind: "):
        line = source.lines[index]
        lines = [*source.lines[:index], *source.lines[index + 1 :]]
        at = next((number for number, other in enumerate(lines) if other == "  labels:"), None)
        if at is not None and lines[index - 1].strip() != "annotations:":
            lines.insert(at + 1, line)
            yield Planted("\n".join(lines) + "\n", frozenset({at + 2}))


@mistake("globalName beside the list of artifacts", "AIC235")
def _beside_artifacts(source: Source) -> Iterator[Planted]:
    for index, found in source.find(r"^ +(globalName: \S+)"):
        item = source.item(index)
        if item == index or source.owner(item) != "artifacts":
            continue
        owner = source.parent(item)
        end = source.block(owner).stop
        if end != source.block(item).stop:
            continue
        lines = [*source.lines[:index], *source.lines[index + 1 : end]]
        lines += [source.indentation(owner) * " " + found.group(1), *source.lines[end:]]
        yield Planted("\n".join(lines) + "\n", frozenset({end}))
