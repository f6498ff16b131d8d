"""Every `{{...}}` in a workflow, resolved in the scope that Argo would resolve it in.

What Argo replaces is decided by how a tag begins: `inputs.`, `outputs.`, `steps.`, `tasks.`, `workflow.`, `item`,
`pod.`. Tags that begin with anything else are left as they are: they are reported with a warning, unless they belong to
a language that a program has besides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.scopes import Scope, scoped
from pytest_aicore.workflows.argo.tags import tags
from pytest_aicore.workflows.argo.variables import FIELDS, ROOTS, root_of
from pytest_aicore.workflows.checks.argo.references.check import ReferenceCheck
from pytest_aicore.workflows.checks.argo.references.declared import check_entry, check_input
from pytest_aicore.workflows.checks.argo.references.expressions import check_expression
from pytest_aicore.workflows.checks.argo.references.foreign import (
    check_foreign,
    check_left,
    fills_in_itself,
    has_other_language,
)
from pytest_aicore.workflows.checks.argo.references.items import check_item
from pytest_aicore.workflows.checks.argo.references.results import check_own_output, check_result
from pytest_aicore.workflows.checks.argo.references.texts import texts
from pytest_aicore.workflows.checks.argo.references.unclosed import (
    check_other_brackets,
    check_without_braces,
    report_unclosed,
)
from pytest_aicore.workflows.checks.argo.references.unknown import report_unknown
from pytest_aicore.workflows.checks.argo.references.variables import check_workflow_variable
from pytest_aicore.workflows.checks.words import nearest

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import WorkflowModel
    from pytest_aicore.workflows.checks.argo.references.texts import Text
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
    seen: set[Node] = set()
    for node, scope in scoped(model):
        _walk(check, node, scope, seen)
    _rest(check, subject.root, seen)
    entry = model.by_name.get(model.spec.name("entrypoint") or "")
    if entry is not None:
        check.used.update(entry.input_parameters)
        check_entry(check, entry)
    return check.used if check.usage_is_clear else None


def _walk(check: ReferenceCheck, root: Node, scope: Scope, seen: set[Node]) -> None:
    for text in texts(root):
        node, key = text.node, text.key
        if _BRACKET.search(node.text) and key not in ("expression", "fromExpression"):
            check_other_brackets(check, node, scope)
        elif key in ("value", "withParam"):
            check_without_braces(check, node, scope)
        if "{{" in node.text:
            seen.add(node)
            _scalar(check, text, scope)
        elif key in ("from", "parameter") and node.text.startswith(("steps.", "tasks.", "inputs.")):
            _tag(check, text, node.text, node.text.strip(), scope)
        elif key in ("expression", "fromExpression"):
            check_expression(check, node, node.text, scope)


def _scalar(check: ReferenceCheck, text: Text, scope: Scope) -> None:
    node, whole = text.node, text.node.text
    found = list(tags(whole))
    check.behind_dollars = {whole[tag.begin : tag.end] for tag in found if whole[tag.begin - 1 : tag.begin] == "$"}
    check.has_other_language, check.fills_in_itself = has_other_language(text), fills_in_itself(text)
    for tag in found:
        expression = tag.expression
        written = whole[tag.begin : tag.end]
        if not tag.is_closed:
            name = tag.inner[:_LONGEST_BEGINNING].lstrip().removeprefix("=").strip()
            if root_of(name) in ROOTS:
                report_unclosed(check, node, written[:_LONGEST_BEGINNING])
            elif expression is None:
                check_foreign(check, text, written, tag.name, scope)
        elif expression is not None:
            check_expression(check, node, expression, scope, whole=written)
        elif root_of(tag.name) not in ROOTS:
            check_foreign(check, text, written, tag.name, scope)
        elif not (check.has_other_language and _is_foreign(tag.inner, scope)):
            _tag(check, text, written, tag.name, scope)


def _rest(check: ReferenceCheck, root: Node, seen: set[Node]) -> None:
    """Report what other tools, or people, are to fill in and is outside of what Argo replaces, as in the metadata."""
    for text in texts(root):
        if "{{" not in text.node.text:
            if not check.subject.is_aicore:  # else a rule of AI Core tells it
                check_left(check.report, text)
        elif text.node not in seen:
            check.has_other_language, check.fills_in_itself = has_other_language(text), fills_in_itself(text)
            for tag in tags(text.node.text):
                if tag.expression is None and root_of(tag.name) not in ROOTS:
                    check_foreign(check, text, text.node.text[tag.begin : tag.end], tag.name, Scope())


def _tag(check: ReferenceCheck, text: Text, written: str, tag: str, scope: Scope) -> None:
    node = text.node
    root, dot, rest = tag.partition(".")
    if "[" in tag:
        better = _WITH_BRACKETS.sub(r"\1.\2", tag)
        report_unknown(
            check,
            node,
            written,
            "Brackets only work in expressions, which begin with `{{=`.",
            f"Write `{{{{{better}}}}}`." if better != tag else f"Write `{{{{={tag}}}}}`.",
        )
    elif not dot and root != "item":
        check_foreign(check, text, written, tag, scope)
    elif root == "workflow":
        check_workflow_variable(check, node, written, tag, rest, scope)
    elif root == "inputs":
        check_input(check, node, written, rest, scope)
    elif root in ("steps", "tasks"):
        check_result(check, node, written, tag, root, rest, scope)
    elif root == "item":
        check_item(check, node, written, tag, rest, scope)
    elif root == "outputs":
        check_own_output(check, node, written, rest, scope)
    elif root == "pod" and rest != "name":
        report_unknown(check, node, written, f"Unknown variable `{tag}`.", "Use `{{pod.name}}`.")


def _is_foreign(tag: str, scope: Scope) -> bool:
    """Return whether a tag that begins like one of Argo's belongs to another language (Jinja, GitHub's workflows).

    Argo only refuses what begins with a root and its dot; any other tag that names nothing stays in the text. So in a
    program that has placeholders of its own, a tag with a space also needs a second word of Argo's.
    """
    root, dot, rest = tag.strip().partition(".")
    if not dot and root != "item":
        return True
    if not tag[:1].isspace() or scope.is_call or scope.loop is not None:
        return False
    if root in ("steps", "tasks"):
        return rest.partition(".")[0] not in scope.calls and not _OUTPUT_OF_CALL.search(rest)
    second = rest.partition(".")[0]
    return second not in FIELDS.get(root, ()) and nearest(second, FIELDS.get(root, ())) is None
