"""Variables of the workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.variables import FIELDS
from pytest_aicore.workflows.checks.argo.references.declared import check_workflow_parameter
from pytest_aicore.workflows.checks.argo.references.results import check_global_output
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
    "`{{workflow.failures}}` only exists in templates that `onExit` or a hook runs. `{{workflow.status}}` is `Running` "
    "in all others: a hint.",
    with_args("echo {{workflow.failures}}"),
    with_args("echo {{workflow.name}}"),
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
        # Argo knows the status at any time, the failures only at the end.
        is_known = second == "status"
        check.add(
            ONLY_AT_EXIT,
            node,
            text,
            f"`{{{{{tag}}}}}` is `Running` here: how the workflow ended is only known in templates that `onExit` or a "
            "hook runs."
            if is_known
            else f"`{{{{{tag}}}}}` is only known in templates that `onExit` or a hook runs. {check.fails}",
            "Move it to an exit handler, if the end is meant." if is_known else "Move it to an exit handler.",
            severity=Severity.HINT if is_known else None,
        )
