"""References that Argo does not replace, because they are not in double braces."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.tags import without_tags
from pytest_aicore.workflows.checks.examples import with_args
from pytest_aicore.workflows.checks.rule import argo_rule
from pytest_aicore.workflows.yaml.tree import ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pytest_aicore.workflows.argo.graph import CallModel
    from pytest_aicore.workflows.argo.scopes import Scope
    from pytest_aicore.workflows.checks.argo.references.check import ReferenceCheck

UNCLOSED: Final = argo_rule(
    247,
    "unclosed-placeholder",
    "A placeholder is not closed by `}}`, or has other brackets than `{{` and `}}`",
    "Argo cannot find the end of the placeholder; everything up to the next `}}` becomes part of it. A reference in "
    "single braces or parentheses is not a placeholder at all.",
    with_args("python train.py --depth {{workflow.parameters.DEPTH}"),
    with_args("python train.py --depth {{workflow.parameters.DEPTH}}"),
)

_OTHER_BRACKETS: Final = re.compile(
    r"(?<![{$(<%\[])(\$?[{(<%\[](workflow|inputs)\.(parameters|artifacts)\.([\w.-]+)[})>%\]]+)"
)
_WITHOUT_BRACKETS: Final = re.compile(r"((workflow|inputs)\.(parameters)\.([\w.-]+))")
_RESULT: Final = re.compile(r"(steps|tasks)\.([\w-]+)\.outputs\.(?:result|parameters\.[\w-]+)|(item)\.\w+")


def check_other_brackets(check: ReferenceCheck, node: ScalarNode, scope: Scope) -> None:
    """Report references in other brackets than Argo's, if they name something declared."""
    # Inside a tag of Argo's, brackets are those of an expression.
    _no_placeholders(check, node, scope, _OTHER_BRACKETS.finditer(without_tags(node.text, " ")))


def check_without_braces(check: ReferenceCheck, node: ScalarNode, scope: Scope) -> None:
    """Report a value that is only a reference without braces, if it names something declared."""
    whole = _WITHOUT_BRACKETS.fullmatch(node.text)
    if whole is not None:
        _no_placeholders(check, node, scope, [whole])
    result = _RESULT.fullmatch(node.text)
    if result is not None and (scope.loop if result.group(3) else result.group(2) in scope.calls):
        loop = scope.loop if result.group(3) else None
        report_bare(check, node, node.text, "item" if loop is not None and _has_single_values(loop) else node.text)


def _has_single_values(loop: CallModel) -> bool:
    items = loop.node.values.get("withItems")
    return type(items) is SequenceNode and all(type(item) is ScalarNode for item in items.items)


def _no_placeholders(
    check: ReferenceCheck, node: ScalarNode, scope: Scope, references: Iterable[re.Match[str]]
) -> None:
    for found in references:
        root, kind, name = found.group(2, 3, 4)
        if kind == "artifacts" and name.endswith(".path"):
            name = name[: -len(".path")]
        declared: Collection[str] = (
            (check.parameters or {} if kind == "parameters" else ()) if root == "workflow" else scope.inputs(kind)
        )
        if name not in declared:
            continue
        check.used.add(name)
        report_bare(check, node, found.group(1), f"{root}.{kind}.{found.group(4)}")


def report_bare(check: ReferenceCheck, node: ScalarNode, text: str, tag: str) -> None:
    """Report a reference that stays in the text because it is not in double braces."""
    check.add(
        UNCLOSED,
        node,
        text,
        f"Argo replaces only placeholders in double braces: `{text}` stays in the text. The container gets it "
        f"unchanged.",
        f"Write `{{{{{tag}}}}}`.",
    )


def report_unclosed(check: ReferenceCheck, node: ScalarNode, text: str) -> None:
    """Report a placeholder that is not closed."""
    found = re.match(r"\{\{\s*=?\s*[\w.\-]*\}?", text)
    shown = found.group() if found else text[:20]
    check.usage_is_clear = False
    check.add(
        UNCLOSED,
        node,
        shown,
        f"The placeholder `{shown}` is not closed by `}}}}`. {check.fails}",
        f"Write `{shown.rstrip('}')}}}}}`.",
    )
