"""Every `{{...}}` in a workflow, resolved in the scope that Argo would resolve it in.

What Argo replaces is decided by how a tag begins: `inputs.`, `outputs.`, `steps.`, `tasks.`, `workflow.`, `item`,
`pod.`. Tags that begin with anything else, also with a blank, are left as they are (a script may have placeholders of
its own), so only what was surely meant for Argo is reported of those.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.scopes import scoped
from pytest_aicore.workflows.argo.tags import tags
from pytest_aicore.workflows.argo.variables import FIELDS, ROOTS, root_of
from pytest_aicore.workflows.checks.argo.references.check import ReferenceCheck
from pytest_aicore.workflows.checks.argo.references.declared import check_entry, check_input
from pytest_aicore.workflows.checks.argo.references.expressions import check_expression
from pytest_aicore.workflows.checks.argo.references.items import check_item
from pytest_aicore.workflows.checks.argo.references.results import check_own_output, check_result
from pytest_aicore.workflows.checks.argo.references.unclosed import (
    check_other_brackets,
    check_without_braces,
    report_unclosed,
)
from pytest_aicore.workflows.checks.argo.references.unknown import report_unknown
from pytest_aicore.workflows.checks.argo.references.variables import check_foreign, check_workflow_variable
from pytest_aicore.workflows.checks.words import nearest
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import WorkflowModel
    from pytest_aicore.workflows.argo.scopes import Scope
    from pytest_aicore.workflows.checks.subject import Subject
    from pytest_aicore.workflows.yaml.tree import Node


_LONGEST_BEGINNING: Final = 200
"""How much of a placeholder that is not closed is looked at: nobody writes a longer name."""

_BRACKET: Final = re.compile(r"[{(<%\[](?:workflow|inputs)\.")
_OUTPUT_OF_CALL: Final = re.compile(r"\.outputs?\.(?:parameters?|artifacts?|result)\b")
_WITH_BRACKETS: Final = re.compile(r"\b(\w+)\[\s*['\"]([^'\"]+)['\"]\s*\]")


def check(subject: Subject, model: WorkflowModel) -> set[str] | None:
    """Report placeholders that cannot be resolved.

    Args:
        subject: the document.
        model: its workflow.

    Returns:
        the names of the workflow parameters that are used somewhere, None where that is not clear.
    """
    check = ReferenceCheck(subject, model)
    for node, scope in scoped(model):
        _walk(check, node, scope)
    entry = model.by_name.get(model.spec.name("entrypoint") or "")
    if entry is not None:
        check.used.update(entry.input_parameters)
        check_entry(check, entry)
    return check.used if check.usage_is_clear else None


def _walk(check: ReferenceCheck, root: Node, scope: Scope) -> None:
    pending: list[tuple[Node, str]] = [(root, "")]
    while pending:
        node, key = pending.pop()
        if type(node) is ScalarNode:
            if _BRACKET.search(node.text) and key not in ("expression", "fromExpression"):
                check_other_brackets(check, node, scope)
            elif key in ("value", "withParam"):
                check_without_braces(check, node, scope)
            if "{{" in node.text:
                _scalar(check, node, scope)
            elif key in ("from", "parameter") and node.text.startswith(("steps.", "tasks.", "inputs.")):
                _tag(check, node, node.text, node.text.strip(), scope)
            elif key in ("expression", "fromExpression"):
                check_expression(check, node, node.text, scope)
        elif type(node) is MappingNode:
            pending.extend((value, name) for name, value in node.values.items())
        elif type(node) is SequenceNode:
            pending.extend((item, key) for item in node.items)


def _scalar(check: ReferenceCheck, node: ScalarNode, scope: Scope) -> None:
    text = node.text
    found = list(tags(text))
    check.behind_dollars = {text[tag.begin : tag.end] for tag in found if text[tag.begin - 1 : tag.begin] == "$"}
    for tag in found:
        expression = tag.expression
        if not tag.is_closed:
            name = tag.inner[:_LONGEST_BEGINNING].lstrip().removeprefix("=").strip()
            if root_of(name) in ROOTS:
                report_unclosed(check, node, text[tag.begin : tag.begin + _LONGEST_BEGINNING])
        elif expression is not None:
            check_expression(check, node, expression, scope, whole=text[tag.begin : tag.end])
        elif not _is_foreign(tag.inner, scope):
            _tag(check, node, text[tag.begin : tag.end], tag.name, scope)


def _tag(check: ReferenceCheck, node: ScalarNode, text: str, tag: str, scope: Scope) -> None:
    root, _, rest = tag.partition(".")
    if "[" in tag and root in ROOTS:
        better = _WITH_BRACKETS.sub(r"\1.\2", tag)
        report_unknown(
            check,
            node,
            text,
            "Brackets only work in expressions, which begin with `{{=`.",
            f"Write `{{{{{better}}}}}`." if better != tag else f"Write `{{{{={tag}}}}}`.",
        )
        return
    if root == "workflow":
        check_workflow_variable(check, node, text, tag, rest, scope)
    elif root == "inputs":
        check_input(check, node, text, rest, scope)
    elif root in ("steps", "tasks"):
        check_result(check, node, text, tag, root, rest, scope)
    elif root == "item":
        check_item(check, node, text, tag, rest, scope)
    elif root == "outputs":
        check_own_output(check, node, text, rest, scope)
    elif root == "pod":
        if rest != "name":
            report_unknown(check, node, text, f"Unknown variable `{tag}`.", "Use `{{pod.name}}`.")
    else:
        check_foreign(check, node, text, tag, root, rest, scope)


def _is_foreign(tag: str, scope: Scope) -> bool:
    """Return whether a tag that begins like one of Argo's belongs to another language (Jinja, GitHub's workflows).

    Argo only refuses what begins with a root and its dot, without a blank before it; any other tag that names nothing
    stays in the text. So in a pod, a tag with a space also needs a second word of Argo's.
    """
    root, dot, rest = tag.strip().partition(".")
    if root not in ROOTS:
        return False
    in_pod = tag[:1].isspace() and not scope.is_call and scope.loop is None
    if not dot and root != "item":
        return True
    if not in_pod:
        return False
    if root in ("steps", "tasks"):
        return rest.partition(".")[0] not in scope.calls and not _OUTPUT_OF_CALL.search(rest)
    second = rest.partition(".")[0]
    return second not in FIELDS.get(root, ()) and nearest(second, FIELDS.get(root, ())) is None
