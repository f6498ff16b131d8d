"""A WorkflowTemplate without a label of AI Core: what was left out of its check says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.rule import Severity, argo_rule
from pytest_aicore.workflows.executable import SCENARIO_ID_LABEL, VERSION_LABEL
from pytest_aicore.workflows.template import WorkflowTemplate

if TYPE_CHECKING:
    from pytest_aicore.workflows.checks.subject import Subject

PLAIN_ARGO: Final = argo_rule(
    260,
    "plain-argo",
    "A WorkflowTemplate is checked by the rules of Argo only",
    "It has no label or annotation of `ai.sap.com`, so it seems to be a workflow of Argo. The rules of AI Core are "
    "left out: AI Core would show neither scenario nor executable of it.",
    "metadata:\n  name: churn-train",
    "metadata:\n  name: churn-train\n  labels:\n    scenarios.ai.sap.com/id: customer-churn\n"
    '    ai.sap.com/version: "1.0.0"\n  annotations:\n    scenarios.ai.sap.com/name: Customer churn\n'
    "    executables.ai.sap.com/name: Churn training",
    Severity.HINT,
)


def check(subject: Subject) -> None:
    """Report a WorkflowTemplate that may have been meant for AI Core.

    Args:
        subject: the document.
    """
    if subject.kind == WorkflowTemplate.kind and not subject.is_aicore:
        subject.report.add(
            PLAIN_ARGO,
            subject.root.values["kind"],
            "This WorkflowTemplate has no label of AI Core, so it was checked by the rules of Argo only.",
            f"If it is for AI Core, add the labels `{SCENARIO_ID_LABEL}` and `{VERSION_LABEL}`; the other rules are "
            "checked then.",
        )
