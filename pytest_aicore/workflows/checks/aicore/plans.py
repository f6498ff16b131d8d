"""Resource plans and instance types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.aicore.containers import check_to_fill_in
from pytest_aicore.workflows.checks.aicore.keys import MISSPELT
from pytest_aicore.workflows.checks.rule import Severity, aicore_rule
from pytest_aicore.workflows.checks.subject import is_replaced
from pytest_aicore.workflows.checks.words import hint_for, nearest
from pytest_aicore.workflows.resource_plans import INSTANCE_LABEL, PLAN_LABEL, PLANS
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.workflows.checks.report import Report
    from pytest_aicore.workflows.yaml.tree import Node

SMALL_PLANS: Final = frozenset({"starter", "basic"})
_OLD_WORDS: Final = {"serve.s": "infer.s", "serve.m": "infer.m", "serve.l": "infer.l"}

NO_PLAN: Final = aicore_rule(
    313,
    "no-resource-plan",
    "A template has no resource plan for its pod",
    "SAP's service guide asks for the label `ai.sap.com/resourcePlan` or `ai.sap.com/instanceType` on every pod. In "
    "practice a pod without one runs on the smallest plan.",
    "metadata: {}",
    "metadata:\n  labels:\n    ai.sap.com/resourcePlan: starter",
    Severity.WARNING,
)
UNKNOWN_PLAN: Final = aicore_rule(
    314,
    "unknown-resource-plan",
    "The resource plan is unknown",
    "An execution on a plan that the tenant does not have stays PENDING or UNKNOWN forever, without an error. Known "
    "are the plans that SAP documents, and those of your tenant that you configure.",
    "metadata:\n  labels:\n    ai.sap.com/resourcePlan: Starter",
    "metadata:\n  labels:\n    ai.sap.com/resourcePlan: starter",
    Severity.WARNING,
)
NO_DEADLINE: Final = aicore_rule(
    323,
    "no-deadline",
    "A workflow on a large plan has no deadline",
    "An execution of AI Core runs, and costs money, until it ends; one that hangs never does. "
    "`spec.activeDeadlineSeconds` ends it.",
    "metadata:\n  labels:\n    ai.sap.com/resourcePlan: infer.l",
    "metadata:\n  labels:\n    ai.sap.com/resourcePlan: infer.l\nactiveDeadlineSeconds: 7200",
    Severity.WARNING,
)


def check_plan(report: Report, node: Node | None, tenant: Iterable[str]) -> None:
    """Report a resource plan that neither SAP documents nor the settings name.

    Args:
        report: where findings go.
        node: the value of the label, or the default of the parameter that it takes its value from.
        tenant: plans that the tenant is known to have.
    """
    if type(node) is not ScalarNode or node.value is None:
        return
    plan = node.value
    if is_replaced(plan) or check_to_fill_in(report, node, "the resource plan") or not plan.strip():
        return
    known = (*PLANS, *tenant)
    if plan in known:
        return
    near = _OLD_WORDS.get(plan.lower()) or nearest(plan, known)
    report.add(
        UNKNOWN_PLAN,
        node,
        f"Unknown resource plan `{plan}`. On a plan that the tenant does not have an execution stays PENDING, "
        "without an error.",
        f"Write `{near}`."
        if near
        else "Check it against the plans of the tenant: starter, basic, basic.8x, train.l, "
        "infer.s, infer.m and infer.l are documented.",
        hint=hint_for(near),
    )


def plan_of(report: Report, labels: MappingNode) -> ScalarNode | None:
    """Return the label with the plan or instance type of a pod; a misspelt one is reported and returned."""
    for label in (PLAN_LABEL, INSTANCE_LABEL):
        node = labels.values.get(label)
        if type(node) is ScalarNode and node.value:
            return node
    for key, node in labels.values.items():
        near = nearest(key, (PLAN_LABEL, INSTANCE_LABEL))
        if near is None and key in ("resourcePlan", "instanceType"):
            near = f"ai.sap.com/{key}"
        if near is not None and key != near and type(node) is ScalarNode:
            report.add(
                MISSPELT,
                labels.keys[key],
                f"Unknown label `{key}`, so the pod runs on the default plan.",
                f"Write `{near}`.",
                hint=hint_for(near),
                severity=Severity.WARNING,
            )
            return node
    return None
