"""Names and values: which are allowed, and that they are given once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.tags import has_placeholder
from pytest_aicore.workflows.checks.rule import argo_rule
from pytest_aicore.workflows.checks.words import listed, respelled, shortened, typo_hint
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.workflows.checks.argo.check import ArgoCheck
    from pytest_aicore.workflows.yaml.tree import Node

DUPLICATE_NAME: Final = argo_rule(
    210,
    "duplicate-name",
    "Two things of one kind have the same name",
    "Templates, the steps or tasks of one template, the parameters and the artifacts of one list are identified by "
    "their names; Argo refuses duplicates.",
    "inputs:\n  artifacts:\n    - name: data\n      path: /app/data\n    - name: data\n      path: /app/more",
    "inputs:\n  artifacts:\n    - name: data\n      path: /app/data\n    - name: more\n      path: /app/more",
)

INVALID_NAME: Final = argo_rule(
    211,
    "invalid-name",
    "A name has characters that Argo does not allow",
    "Names of templates, steps and tasks have letters, digits and hyphens, at most 128; those of parameters and "
    "artifacts underscores as well. A task that others depend on does not begin with a digit.",
    "inputs:\n  artifacts:\n    - name: raw data\n      path: /app/data",
    "inputs:\n  artifacts:\n    - name: raw-data\n      path: /app/data",
)

ENUM: Final = argo_rule(
    232,
    "enum",
    "The value of a parameter is not in its `enum`",
    "Argo refuses a value that is not in the parameter's own list.",
    "spec:\n  arguments:\n    parameters:\n      - name: size\n        value: huge\n        enum: [small, large]",
    "spec:\n  arguments:\n    parameters:\n      - name: size\n        value: small\n        enum: [small, large]",
)

_FIELD_NAME: Final = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}")
_PARAMETER_NAME: Final = re.compile(r"[-a-zA-Z0-9_]+")


def check_names_of_arguments(check: ArgoCheck, arguments: MappingNode) -> None:
    """Report names of arguments that are invalid or given twice, and values that are not allowed."""
    for key in ("parameters", "artifacts"):
        items = arguments.mappings_of(key)
        check_unique(check, items, key[:-1])
        for item in items:
            check_name(check, item, key[:-1])
            if key == "parameters":
                check_enum(check, item)


def check_enum(check: ArgoCheck, parameter: MappingNode) -> None:
    """Report a value that is not in the `enum` of its parameter."""
    if "enum" not in parameter.values:
        return
    allowed = [item.value for item in parameter.items_of("enum") if type(item) is ScalarNode]
    name = parameter.name("name")
    if not allowed:
        if parameter.values["enum"] not in check.wrong:
            check.add(
                ENUM,
                parameter.keys["enum"],
                f"The `enum` of the parameter `{name}` is empty. {check.fails}",
                "Remove it, or list the values.",
            )
        return
    value = parameter.values.get("value")
    text = value.value if type(value) is ScalarNode else None
    if value is not None and text is not None and text not in allowed and not has_placeholder(text):
        check.add(
            ENUM,
            value,
            f"The value `{shortened(text)}` is not in the `enum` of the parameter `{name}`. {check.fails}",
            f"Use one of {listed([word for word in allowed if word])}.",
            hint=typo_hint(text, [word for word in allowed if word]),
        )


def check_unique(check: ArgoCheck, nodes: Iterable[MappingNode], word: str) -> None:
    """Report names that are declared twice."""
    seen: dict[str, int] = {}
    for node in nodes:
        name = node.name("name")
        if not name:
            continue
        place = node.values["name"]
        if name in seen:
            check.add(
                DUPLICATE_NAME,
                place,
                f"The {word} `{name}` is declared twice, in line {seen[name]} and here. {check.fails}",
                "Remove one of them, or give it another name and call it by that."
                if word == "template"
                else "Give one of them another name.",
            )
        seen.setdefault(name, place.line)


def check_name(check: ArgoCheck, node: MappingNode, word: str) -> None:
    """Report a name that Argo does not take."""
    name = node.name("name")
    if not name:
        return
    at = node.values["name"]
    if at in check.wrong or has_placeholder(name):
        return
    if word in ("parameter", "artifact"):
        if not _PARAMETER_NAME.fullmatch(name):
            report_name(check, at, word, name, "letters, digits, hyphens and underscores")
    elif not _FIELD_NAME.fullmatch(name):
        report_name(check, at, word, name, "letters, digits and hyphens, at most 128, and no hyphen first")


def report_name(check: ArgoCheck, node: Node, word: str, name: str, allowed: str) -> None:
    """Report a name that Argo does not accept, and how it could be written."""
    better = respelled(name, "a-zA-Z0-9_-" if "underscores" in allowed else "a-zA-Z0-9-", longest=60)
    check.add(
        INVALID_NAME,
        node,
        f"Invalid globalName `{shortened(name)}`. {check.fails}"
        if word == "globalName"
        else f"Invalid name `{shortened(name)}` of {'an' if word[0] in 'aeiou' else 'a'} {word}. {check.fails}",
        f"Use {allowed}" + (f": `{better}`." if better else "."),
    )
