"""Variables of the workflow, and tags that were surely meant for Argo and begin like nothing that it knows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.variables import FIELDS, ROOTS, root_of
from pytest_aicore.workflows.checks.argo.references.declared import check_workflow_parameter
from pytest_aicore.workflows.checks.argo.references.results import check_global_output
from pytest_aicore.workflows.checks.argo.references.unclosed import report_bare
from pytest_aicore.workflows.checks.argo.references.unknown import report_unknown
from pytest_aicore.workflows.checks.examples import with_args
from pytest_aicore.workflows.checks.rule import Severity, argo_rule
from pytest_aicore.workflows.checks.words import hint_for, nearest

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.scopes import Scope
    from pytest_aicore.workflows.checks.argo.references.check import ReferenceCheck
    from pytest_aicore.workflows.yaml.tree import ScalarNode

ONLY_AT_EXIT: Final = argo_rule(
    248,
    "only-at-exit",
    "A placeholder uses a value that is only known when the workflow has ended",
    "`{{workflow.status}}` and `{{workflow.failures}}` only exist in templates that `onExit` or a hook runs.",
    with_args("echo {{workflow.status}}"),
    with_args("echo {{workflow.name}}"),
)

_REFERENCE: Final = re.compile(r"[A-Za-z]\w*(?:\.[\w\- ]+)*")


def check_foreign(
    check: ReferenceCheck, node: ScalarNode, text: str, tag: str, root: str, rest: str, scope: Scope
) -> None:
    """Report tags that Argo leaves in the text, if they were surely meant for Argo."""
    meant = tag.lstrip("{ ")
    if meant != tag and root_of(meant) in ROOTS and _REFERENCE.fullmatch(meant):
        check.usage_is_clear = False
        report_bare(check, node, f"{text}}}" if f"{text}}}" in node.text else text, meant)
    if not _REFERENCE.fullmatch(tag):
        return
    left = "Argo does not replace it: it stays in the text, braces included."
    if not rest:
        if text in check.behind_dollars:
            return  # a shell's or a template engine's own
        declared = check.parameters or {}
        if root == "items" and scope.loop is not None:
            report_unknown(
                check,
                node,
                text,
                "The item of a loop is called `item`.",
                "Write `{{item}}`.",
                hint="Did you mean 'item'?",
            )
        elif root in declared:
            report_unknown(
                check,
                node,
                text,
                f"`{{{{{tag}}}}}` does not refer to the parameter. {left}",
                f"Write `{{{{workflow.parameters.{root}}}}}`.",
                severity=Severity.WARNING,
            )
        elif root in scope.inputs("parameters"):
            report_unknown(
                check,
                node,
                text,
                f"`{{{{{tag}}}}}` does not refer to the parameter. {left}",
                f"Write `{{{{inputs.parameters.{root}}}}}`.",
                severity=Severity.WARNING,
            )
        return
    second = rest.partition(".")[0]
    better = nearest(root, ROOTS)
    if better is not None:
        seconds = FIELDS.get(better, ())
        fits = second in (scope.calls if better in ("steps", "tasks") else seconds) or nearest(second, seconds)
        is_declared = rest.rpartition(".")[2] in {*(check.parameters or ()), *scope.inputs("parameters")}
        if fits or (better in ("inputs", "workflow") and is_declared) or (better == "item" and scope.loop is not None):
            report_unknown(
                check,
                node,
                text,
                f"Unknown variable `{root}`. {left}",
                f"Write `{{{{{better}.{rest}}}}}`.",
                hint=hint_for(better),
                severity=Severity.ERROR,
            )
    elif root in ("parameters", "params", "arguments", "spec") and (
        nearest(second, ("parameters", *(check.parameters or ()))) or ".parameters." in rest
    ):
        name = rest.rpartition(".")[2]
        report_unknown(
            check,
            node,
            text,
            f"Unknown variable `{{{{{tag}}}}}`. {left}",
            f"Write `{{{{workflow.parameters.{name}}}}}` or `{{{{inputs.parameters.{name}}}}}`.",
            severity=Severity.ERROR,
        )


def check_workflow_variable(
    check: ReferenceCheck, node: ScalarNode, text: str, tag: str, rest: str, scope: Scope
) -> None:
    """Report a workflow variable that is unknown, or not available here."""
    second, _, name = rest.partition(".")
    if second not in FIELDS["workflow"]:
        if check.subject.is_library and not nearest(second, FIELDS["workflow"]):
            return
        near = nearest(second, FIELDS["workflow"])
        better = f"{{{{workflow.{near}{'.' + name if name else ''}}}}}" if near else ""
        parameter = name.rpartition(".")[2]
        if not near and parameter in (check.parameters or ()):
            better = f"{{{{workflow.parameters.{parameter}}}}}"
        report_unknown(
            check,
            node,
            text,
            f"Unknown workflow variable `{second}`.",
            f"Write `{better}`."
            if better
            else "Use one of Argo's workflow variables, for example "
            "`{{workflow.parameters.NAME}}` or `{{workflow.name}}`.",
            hint=hint_for(near),
        )
    elif second == "parameters":
        if not name or name == "json":
            check.usage_is_clear = False
        else:
            check_workflow_parameter(check, node, text, name)
    elif second == "outputs":
        check_global_output(check, node, text, name)
    elif second in ("status", "failures") and not (name or scope.at_exit or check.subject.is_library):
        if not check.subject.calls_are_clear:
            return  # an exit handler that is misnamed leads nowhere
        check.add(
            ONLY_AT_EXIT,
            node,
            text,
            f"`{{{{{tag}}}}}` is only known in templates that `onExit` or a hook runs. {check.fails}",
            "Move it to an exit handler.",
        )
