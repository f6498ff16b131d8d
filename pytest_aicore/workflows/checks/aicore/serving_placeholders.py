"""The placeholders in the blocks of a ServingTemplate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.tags import tags
from pytest_aicore.workflows.checks.aicore.serving_check import plain_name
from pytest_aicore.workflows.checks.examples import serving
from pytest_aicore.workflows.checks.rule import Severity, aicore_rule
from pytest_aicore.workflows.checks.words import hint_for, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.workflows.checks.aicore.blocks import Block
    from pytest_aicore.workflows.checks.aicore.serving_check import ServingCheck
    from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode

SERVING_PLACEHOLDER: Final = aicore_rule(
    333,
    "serving-placeholder",
    "A placeholder of a ServingTemplate names an input that is not declared",
    "`{{inputs.parameters.X}}` needs X among `spec.inputs.parameters`, `{{inputs.artifacts.X}}` among "
    "`spec.inputs.artifacts`. An undeclared parameter is only a warning, because a sample that "
    "SAP publishes has one.",
    serving().replace("inputs.artifacts.churnmodel", "inputs.artifacts.model"),
    serving(),
)
_UNCLOSED: Final = re.compile(r"\{\{[\s\w.\-]*\}?")
_UNCLOSED_INPUT: Final = re.compile(r"\{\{\s*\w*puts?\.")
_SINGLE_BRACES: Final = re.compile(r"(?<!\{)\{(inputs\.(parameters|artifacts)\.(\w+))\}(?!\})")
# AI Core fills the blocks by Jinja, as the texts of its errors show: a name may be a part of an expression.
_INPUT: Final = re.compile(r"\binputs\.(parameters|artifacts)\.([\w.-]+)")
_BARE: Final = re.compile(r"(?<=[\s\"':])(inputs\.(parameters|artifacts)\.(\w+))(?=[\"']?\s*$)")
_LIKE_A_REFERENCE: Final = re.compile(r"[A-Za-z]\w*(?:\.[\w-]+)*")


def check_placeholders(check: ServingCheck, node: ScalarNode, block: Block) -> None:
    """Report placeholders in a block that AI Core cannot replace."""
    for number, line in enumerate(node.text.split("\n"), 1):
        code = _without_comment(line)
        for tag in tags(code):
            if tag.is_closed:
                _placeholder(check, block, number, tag.begin, tag.name, is_jinja="{%" in node.text)
            elif _UNCLOSED_INPUT.match(code, tag.begin):
                _unclosed(check, block, number, tag.begin, code)
        for found in (*_SINGLE_BRACES.finditer(code), *_BARE.finditer(code)):
            _single_braces(check, block, number, found)


def _single_braces(check: ServingCheck, block: Block, number: int, found: re.Match[str]) -> None:
    """Report a reference in single braces, if it names something declared."""
    kind, name = found.group(2, 3)
    if name not in (check.parameters if kind == "parameters" else check.artifacts):
        return
    check.used.add((kind, name))
    place = block.place(number, found.start() + 1)
    check.report.add_at(
        SERVING_PLACEHOLDER,
        place.line,
        place.column,
        f"AI Core replaces only placeholders in double braces: `{found.group()}` stays in the text.",
        f"Write `{{{{{found.group(1)}}}}}`.",
        begins=block.begins,
    )


def _unclosed(check: ServingCheck, block: Block, number: int, position: int, code: str) -> None:
    check.usage_is_clear = False
    found = _UNCLOSED.match(code, position)
    shown = found.group().strip() if found else "{{"
    place = block.place(number, position + 1)
    check.report.add_at(
        SERVING_PLACEHOLDER,
        place.line,
        place.column,
        f"The placeholder `{shown}` is not closed by `}}}}`, so it is not replaced.",
        f"Write `{shown.rstrip('}')}}}}}`.",
        begins=block.begins,
    )


def _placeholder(check: ServingCheck, block: Block, number: int, position: int, tag: str, *, is_jinja: bool) -> None:
    place = block.place(number, position + 1)
    found = _INPUT.match(tag)
    declared: Mapping[str, MappingNode]
    if found is None:
        check.used.update(_INPUT.findall(tag))
        _foreign(check, block, number, position, tag, is_jinja=is_jinja)
        return
    check.used.update(_INPUT.findall(tag, found.end()))
    kind, name = found.groups()
    check.used.add((kind, name))
    declared = check.parameters if kind == "parameters" else check.artifacts
    if name in declared:
        return
    hyphened = next((other for other in declared if other != plain_name(other) and plain_name(other) == name), None)
    if hyphened is not None:  # the hyphen in the declaration is reported
        check.used.add((kind, hyphened))
        return
    near = nearest(name, declared)
    other = check.artifacts if kind == "parameters" else check.parameters
    if name in other:
        wanted = "artifacts" if kind == "parameters" else "parameters"
        remedy = f"Write `{{{{inputs.{wanted}.{name}}}}}`: it is declared among the {wanted}."
    elif near:
        remedy = f"Write `{{{{inputs.{kind}.{near}}}}}`."
    else:
        remedy = f"Declare `{name}` under `spec.inputs.{kind}`."
    check.usage_is_clear = False  # an input that seems unused may be meant
    check.report.add_at(
        SERVING_PLACEHOLDER,
        place.line,
        place.column,
        f"The template declares no input {kind[:-1]} `{name}`, so a configuration cannot bind it.",
        remedy,
        hint=hint_for(near),
        severity=None if near or name in other or kind == "artifacts" else Severity.WARNING,
        begins=block.begins,
    )


def _foreign(check: ServingCheck, block: Block, number: int, position: int, tag: str, *, is_jinja: bool) -> None:
    """Report a tag that AI Core does not replace, unless it is a variable of a Jinja template."""
    shown = f"{{{{{tag}{'}' * tag.count('{')}}}}}"  # some tools have three braces
    tag = tag.lstrip("{ ")
    if not _LIKE_A_REFERENCE.fullmatch(tag):
        return
    root, _, rest = tag.partition(".")
    second, _, name = rest.partition(".")
    name = name or second or root
    is_meant = bool(rest) and (
        root in ("inputs", "workflow", "parameters", "artifacts") or nearest(root, ("inputs",)) is not None
    )
    if is_jinja and not is_meant:
        return
    is_known = name in check.parameters or name in check.artifacts
    kind = "artifacts" if name in check.artifacts or nearest(second, ["artifacts"]) else "parameters"
    declared = check.artifacts if kind == "artifacts" else check.parameters
    check.usage_is_clear = False
    place = block.place(number, position + 1)
    check.report.add_at(
        SERVING_PLACEHOLDER,
        place.line,
        place.column,
        f"AI Core does not replace `{shown}` in a ServingTemplate: "
        + ("it" if is_meant else "unless another tool fills it in before, it")
        + " stays in the text, braces included.",
        f"Write `{{{{inputs.{kind}.{name}}}}}`"
        + ("." if name in declared else f", and declare `{name}` under `spec.inputs.{kind}`.")
        if is_meant or is_known
        else "Fill it in, or declare an input and write `{{inputs.parameters.NAME}}`.",
        severity=None if is_meant and root in ("inputs", "workflow") else Severity.WARNING,
        begins=block.begins,
    )


def _without_comment(line: str) -> str:
    """Return a line of YAML without its comment; quotes are respected, placeholders are not parsed."""
    if "#" not in line:
        return line
    quote = ""
    for index, character in enumerate(line):
        if quote:
            if character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character == "#" and (index == 0 or line[index - 1] in " \t"):
            return line[:index]
    return line
