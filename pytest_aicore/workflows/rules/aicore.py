"""Layer 3: what SAP AI Core asks of a template, as its service guide says and practice shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.executable import SCENARIO_ID_LABEL, VERSION_LABEL
from pytest_aicore.workflows.rules.findings import Rule, Severity
from pytest_aicore.workflows.template import template_of

if TYPE_CHECKING:
    from pytest_aicore.workflows.rules.checking import CheckOptions
    from pytest_aicore.workflows.rules.report import Report

NO_SCENARIO: Final = Rule(
    "AIC302",
    "no-scenario-id",
    Severity.ERROR,
    "aicore",
    "The label with the scenario id is missing",
    "AI Core finds the executables of a scenario by the label `scenarios.ai.sap.com/id`. Without it the template is "
    "synchronised, and the executable never appears.",
    "metadata:\n  name: churn-train\n  labels:\n    ai.sap.com/version: 1.0.0",
    "metadata:\n  name: churn-train\n  labels:\n    scenarios.ai.sap.com/id: customer-churn\n"
    "    ai.sap.com/version: 1.0.0",
)
NO_VERSION: Final = Rule(
    "AIC303",
    "no-version",
    Severity.ERROR,
    "aicore",
    "The label with the version is missing",
    "Every executable has a version, the label `ai.sap.com/version`. Without it the executable never appears.",
    "metadata:\n  name: churn-train\n  labels:\n    scenarios.ai.sap.com/id: customer-churn",
    "metadata:\n  name: churn-train\n  labels:\n    scenarios.ai.sap.com/id: customer-churn\n"
    "    ai.sap.com/version: 1.0.0",
)

RULES: Final = (NO_SCENARIO, NO_VERSION)


def check(report: Report, options: CheckOptions) -> None:  # noqa: ARG001 - the plans come with the next rules
    """Report what AI Core would refuse, hide or lose."""
    template = template_of(report.document)
    if template is None or not any("ai.sap.com/" in key for key in (*template.labels, *template.annotations)):
        return
    for rule, label, what in ((NO_SCENARIO, SCENARIO_ID_LABEL, "scenario"), (NO_VERSION, VERSION_LABEL, "version")):
        if label not in template.labels:
            report.add(
                rule,
                template.metadata.keys.get("labels") or template.root.keys.get("metadata") or template.root,
                f"The template has no label `{label}`, so its executable never appears in AI Core.",
                f"Add the {what} to `metadata.labels`.",
            )
