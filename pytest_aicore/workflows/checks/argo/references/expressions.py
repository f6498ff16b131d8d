"""Expressions: `{{=...}}`, `expression` and `fromExpression`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.expressions import bracket_mistake
from pytest_aicore.workflows.checks.argo.references.declared import declared_input, declared_parameter
from pytest_aicore.workflows.checks.examples import with_args
from pytest_aicore.workflows.checks.rule import Severity, argo_rule
from pytest_aicore.workflows.checks.words import hint_for, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.workflows.argo.scopes import Scope
    from pytest_aicore.workflows.checks.argo.references.check import ReferenceCheck
    from pytest_aicore.workflows.yaml.tree import ScalarNode

EXPRESSION: Final = argo_rule(
    249,
    "expression",
    "An expression cannot be parsed, or names something that is not declared",
    "`{{=...}}` holds an expression. A name with a hyphen needs brackets there: `inputs.parameters['tree-depth']`, "
    "because `tree-depth` would be a subtraction.",
    with_args("python train.py --depth {{=asInt(workflow.parameters.DEPTH}}"),
    with_args("python train.py --depth {{=asInt(workflow.parameters.DEPTH)}}"),
)

_EXPRESSION_NAME: Final = re.compile(
    r"(?<![\w.'\"])(inputs|workflow)\.parameters(?:\.([A-Za-z_]\w*)|\[\s*(['\"])(.+?)\3\s*\])"
)
_LITERAL: Final = re.compile(r"(?<![\[])(?<!\[ )(['\"`])(?:\\.|(?!\1).)*\1", re.DOTALL)
"""A string that is not a key in brackets: a path of `jsonpath(...)` may look like a variable."""


def check_expression(
    check: ReferenceCheck, node: ScalarNode, text: str, scope: Scope, *, whole: str | None = None
) -> None:
    """Report an expression that cannot be parsed, or names something that is not declared."""
    mistake = bracket_mistake(text)
    if mistake is not None:
        check.usage_is_clear = False
        check.add(
            EXPRESSION,
            node,
            whole or text,
            f"This expression cannot be parsed: {mistake.why}. {check.fails}",
            "Fix the expression.",
        )
        return
    if "workflow.parameters" in text:
        bare = re.search(r"workflow\.parameters(?![.\[\w])", text)
        if bare is not None:
            check.usage_is_clear = False
    code = _LITERAL.sub(lambda literal: " " * len(literal.group()), text)
    for found in _EXPRESSION_NAME.finditer(code):
        name = found.group(2) or found.group(4)
        if found.group() == "workflow.parameters.json":  # all of them, for example for jsonpath(...)
            check.usage_is_clear = False
            continue
        declared: Iterable[str]
        if found.group(1) == "workflow":
            check.used.add(name)
            if check.parameters is None or check.subject.is_library:
                continue
            declared = check.parameters
        else:
            declared = scope.inputs("parameters")
        if name in declared or "??" in text:
            continue
        check.usage_is_clear = False
        written = f"{found.group(1)}.parameters"
        hyphened = next((other for other in declared if other.startswith(f"{name}-")), None)
        if found.group(2) and hyphened and text[found.end() :].startswith(hyphened[len(name) :]):
            check.used.add(hyphened)
            check.add(
                EXPRESSION,
                node,
                found.group(),
                f"In an expression `{written}.{hyphened}` is a subtraction of two values. {check.fails}",
                f"Write `{_access(node, written, hyphened)}`.",
            )
            continue
        near = nearest(name, declared)
        missing = (
            f"{declared_parameter(check, name)}."
            if found.group(1) == "workflow"
            else declared_input(name, "parameters", scope)
        )
        check.add(
            EXPRESSION,
            node,
            found.group(),
            f"No parameter `{name}` is declared, so the expression has no value. {check.fails}",
            f"Write `{_access(node, written, near)}`." if near else missing,
            hint=hint_for(near),
            severity=None if near else Severity.WARNING,
        )


def _access(node: ScalarNode, written: str, name: str) -> str:
    """Return how an expression gets a parameter, without the quotes that the expression itself is in."""
    if name.isidentifier():
        return f"{written}.{name}"
    quote = '"' if node.style == "'" else "'"
    return f"{written}[{quote}{name}{quote}]"
