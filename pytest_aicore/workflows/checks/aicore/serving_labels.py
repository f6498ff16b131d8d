"""The labels and annotations of the pods of a ServingTemplate: resource plan and scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.tags import tags
from pytest_aicore.workflows.checks.aicore.containers import check_to_fill_in
from pytest_aicore.workflows.checks.aicore.keys import MISPLACED, MISSPELT
from pytest_aicore.workflows.checks.aicore.plans import NO_PLAN, check_plan, plan_of
from pytest_aicore.workflows.checks.rule import Severity
from pytest_aicore.workflows.checks.subject import REPLACED
from pytest_aicore.workflows.checks.words import hint_for, nearest
from pytest_aicore.workflows.resource_plans import INSTANCE_LABEL, PLAN_LABEL
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from pytest_aicore.workflows.checks.aicore.blocks import BlockReport
    from pytest_aicore.workflows.checks.aicore.serving_check import ServingCheck

_SCALING: Final = tuple(
    f"autoscaling.knative.dev/{key}"
    for key in (
        "class",
        "metric",
        "target",
        "targetBurstCapacity",
        "target-burst-capacity",
        "targetUtilizationPercentage",
        "target-utilization-percentage",
        "minScale",
        "min-scale",
        "maxScale",
        "max-scale",
        "initialScale",
        "initial-scale",
        "activationScale",
        "activation-scale",
        "scaleDownDelay",
        "scale-down-delay",
        "window",
        "panicWindowPercentage",
        "panic-window-percentage",
        "panicThresholdPercentage",
        "panic-threshold-percentage",
        "scaleToZeroPodRetentionPeriod",
        "scale-to-zero-pod-retention-period",
    )
)


def is_plan_among(annotations: tuple[BlockReport, MappingNode] | None) -> bool:
    """Report a resource plan that is given as an annotation, and return whether there is one."""
    report, root = annotations or (None, None)
    label = next((key for key in (PLAN_LABEL, INSTANCE_LABEL) if root is not None and key in root.values), None)
    if report is None or root is None or label is None:
        return False
    report.add(
        MISPLACED,
        root.keys[label],
        f"`{label}` has no effect here: it is a label of the pods.",
        "Move it to the block `labels` beside this one.",
        severity=Severity.WARNING,
    )
    return True


def check_labels(
    check: ServingCheck, block: tuple[BlockReport, MappingNode] | None, template: MappingNode, inner: MappingNode
) -> None:
    """Report labels of the pods without a plan, or with an unknown one."""
    if block is not None:
        report, labels = block
        plan = plan_of(report, labels)
        if plan is not None:
            if plan is labels.values.get(INSTANCE_LABEL):
                check_to_fill_in(report, plan, "the instance type")
            elif REPLACED in plan.text:
                _check_default_plan(check, inner.text("labels") or "")
            else:
                check_plan(report, plan, check.subject.options.resource_plans)
            return
        if any(nearest(key, (PLAN_LABEL, INSTANCE_LABEL)) for key in labels.values):
            return
    elif type(inner.values.get("labels")) in (MappingNode, SequenceNode):
        return
    elif type(inner.values.get("labels")) is ScalarNode and inner.text("labels"):
        return  # the block itself is reported
    if any(
        label in check.subject.metadata.mapping(part).values
        for part in ("labels", "annotations")
        for label in (PLAN_LABEL, INSTANCE_LABEL)
    ):
        return
    check.add(
        NO_PLAN,
        inner.keys.get("labels") or template.keys.get("metadata") or check.spec.keys["template"],
        "The server has no resource plan, so it runs on the default one, the smallest.",
        f"Add `labels: |` with `{PLAN_LABEL}: starter` (or a larger one) to `spec.template.metadata`.",
    )


def _check_default_plan(check: ServingCheck, labels: str) -> None:
    """Check the default of the parameter that names the plan."""
    line = next((line for line in labels.split("\n") if PLAN_LABEL in line), "")
    values = [tag.value for tag in tags(line) if tag.is_closed]
    kind, name = (values[0] if len(values) == 1 else None) or ("", "")
    parameter = check.parameters.get(name) if kind == "inputs.parameters" else None
    if parameter is not None:
        node = parameter.values.get("default") or parameter.values.get("value")
        check_plan(check.report, node, check.subject.options.resource_plans)


def check_annotations(block: tuple[BlockReport, MappingNode] | None) -> None:
    """Report misspelt annotations of the pods about scaling."""
    if block is None:
        return
    report, annotations = block
    for key, node in annotations.keys.items():
        near = nearest(key, _SCALING) if key not in _SCALING and key.startswith("autoscaling") else None
        if near is not None and near not in annotations.values:
            report.add(
                MISSPELT,
                node,
                f"Unknown annotation `{key}`: Knative ignores it.",
                f"Write `{near}`.",
                hint=hint_for(near),
                severity=Severity.WARNING,
            )
