"""Tags that name nothing that Argo knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.examples import with_args
from pytest_aicore.workflows.checks.rule import Severity, argo_rule

if TYPE_CHECKING:
    from pytest_aicore.workflows.checks.argo.references.check import ReferenceCheck
    from pytest_aicore.workflows.yaml.tree import ScalarNode

UNKNOWN_VARIABLE: Final = argo_rule(
    245,
    "unknown-variable",
    "A placeholder names an unknown variable",
    "A placeholder that begins like a variable of Argo but is not one cannot be resolved; any other placeholder stays "
    "in the text as it is, braces included.",
    with_args("python train.py --depth {{workflow.parameter.DEPTH}}"),
    with_args("python train.py --depth {{workflow.parameters.DEPTH}}"),
)


def report_unknown(
    check: ReferenceCheck,
    node: ScalarNode,
    text: str,
    message: str,
    remedy: str,
    *,
    hint: str | None = None,
    severity: Severity | None = None,
) -> None:
    """Report a tag that names an unknown variable."""
    check.usage_is_clear = False
    check.add(
        UNKNOWN_VARIABLE,
        node,
        text,
        f"{message} {check.fails}" if severity is None else message,
        remedy,
        hint=hint,
        severity=severity,
    )
