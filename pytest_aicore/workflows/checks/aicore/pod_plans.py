"""The resource plans of the pods of a workflow, and the deadline that large ones need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.workflows.checks.aicore.containers import check_to_fill_in
from pytest_aicore.workflows.checks.aicore.keys import MISPLACED
from pytest_aicore.workflows.checks.aicore.plans import (
    NO_DEADLINE,
    NO_PLAN,
    SMALL_PLANS,
    check_plan,
    plan_of,
)
from pytest_aicore.workflows.checks.rule import Severity
from pytest_aicore.workflows.checks.subject import is_replaced
from pytest_aicore.workflows.checks.words import capital, nearest
from pytest_aicore.workflows.resource_plans import INSTANCE_LABEL, PLAN_LABEL, PLANS
from pytest_aicore.workflows.yaml.tree import is_given

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import TemplateModel
    from pytest_aicore.workflows.checks.aicore.check import AicoreCheck
    from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode


def check_pod_plan(check: AicoreCheck, template: TemplateModel) -> ScalarNode | None:
    """Report a pod without a plan, or with an unknown or misplaced one, and return its plan."""
    report = check.subject.report
    metadata = template.node.mapping("metadata")
    plan = plan_of(report, metadata.mapping("labels"))
    if plan is not None:
        if plan is not metadata.mapping("labels").values.get(INSTANCE_LABEL):
            check_plan(report, plan, check.subject.options.resource_plans)
        else:
            check_to_fill_in(report, plan, "the instance type")
        return plan
    for labels in (
        check.model.spec.mapping("podMetadata").mapping("labels"),
        check.defaults.mapping("metadata").mapping("labels"),
    ):
        plan = plan_of(report, labels)
        if plan is not None:
            return plan
    where = _misplaced_plan(template, metadata)
    if where is not None:
        check.add(
            MISPLACED,
            where,
            f"`{where.text}` has no effect here: it is a label of the pods.",
            "Move it to `metadata.labels` of the same template.",
            severity=Severity.WARNING,
        )
    elif check.reaches(template) and not _plan_is_elsewhere(check) and not _labels_are_wrong(check, template):
        node = template.node
        labels = metadata.mapping("labels")
        check.add(
            NO_PLAN,
            labels.keys.get(PLAN_LABEL) or labels.keys.get(INSTANCE_LABEL) or node.values.get("name") or node,
            f"{capital(template.title)} has no resource plan, so its pod runs on the default one, the smallest.",
            f"Add the label `{PLAN_LABEL}` to `metadata.labels` of this template.",
        )
    return None


def _labels_are_wrong(check: AicoreCheck, template: TemplateModel) -> bool:
    labels = template.node.mapping("metadata").values.get("labels")
    return bool({template.node.values.get("metadata"), labels} & check.wrong)


def _misplaced_plan(template: TemplateModel, metadata: MappingNode) -> ScalarNode | None:
    for mapping in (
        metadata.mapping("annotations"),
        metadata,
        template.node,
        template.node.mapping("labels"),
        template.node.mapping("annotations"),
        *(container for _, container in template.containers()),
    ):
        for label in (PLAN_LABEL, INSTANCE_LABEL):
            if label in mapping.values:
                return mapping.keys[label]
    return None


def _plan_is_elsewhere(check: AicoreCheck) -> bool:
    """Return whether the plan is among the template's own labels, where it is reported as misplaced."""
    return any(
        label in check.subject.metadata.mapping(part).values
        for part in ("labels", "annotations")
        for label in (PLAN_LABEL, INSTANCE_LABEL)
    )


def needs_deadline(template: TemplateModel, plan: ScalarNode) -> bool:
    """Return whether a plan is a large one, and its template has no deadline of its own."""
    value = plan.value or ""
    if plan is not template.node.mapping("metadata").mapping("labels").values.get(INSTANCE_LABEL):
        value = nearest(value, PLANS) or value
        if value in SMALL_PLANS or value not in PLANS:
            return False
    elif is_replaced(value) or "<" in value:
        return False
    return not is_given(template.node, "activeDeadlineSeconds") and not is_given(template.node, "timeout")


def check_deadline(check: AicoreCheck, plan: ScalarNode | None) -> None:
    """Report a workflow without a deadline."""
    spec = check.model.spec
    if plan is None or is_given(spec, "activeDeadlineSeconds"):
        return
    check.add(
        NO_DEADLINE,
        check.subject.root.keys.get("spec") or plan,
        f"A run on the plan `{plan.value}` that hangs never ends by itself, and costs money until it is stopped.",
        "Add `activeDeadlineSeconds:` to `spec`, in seconds.",
    )
