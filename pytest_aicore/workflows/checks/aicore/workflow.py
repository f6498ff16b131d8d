"""Layer 3 for WorkflowTemplates: the requirements of AI Core, from SAP's service guide and from practice.

AI Core binds input artifacts and workflow parameters by their names from the configuration. So a template without
values for them is correct, and they are never reported as missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.aicore.artifact_annotations import check_artifact_annotations
from pytest_aicore.workflows.checks.aicore.check import AicoreCheck
from pytest_aicore.workflows.checks.aicore.commands import check_container, check_container_names
from pytest_aicore.workflows.checks.aicore.containers import check_left, check_pull_secrets, check_to_fill_in
from pytest_aicore.workflows.checks.aicore.metadata import MetadataCheck
from pytest_aicore.workflows.checks.aicore.outputs import OutputCheck, check_archives
from pytest_aicore.workflows.checks.aicore.pod_plans import check_deadline, check_pod_plan, needs_deadline
from pytest_aicore.workflows.checks.aicore.urls import check_urls
from pytest_aicore.workflows.checks.examples import with_args
from pytest_aicore.workflows.checks.rule import Severity, aicore_rule
from pytest_aicore.workflows.checks.subject import is_replaced
from pytest_aicore.workflows.yaml.tree import ScalarNode, SequenceNode

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import WorkflowModel
    from pytest_aicore.workflows.checks.subject import Subject

UNUSED_PARAMETER: Final = aicore_rule(
    329,
    "unused-parameter",
    "A parameter is declared and never used",
    "A configuration can bind it without any effect: usually the placeholder that should use it is missing.",
    with_args("./train"),
    with_args("./train --depth {{workflow.parameters.DEPTH}}"),
    Severity.HINT,
)


def check(subject: Subject, model: WorkflowModel, used: set[str] | None) -> None:
    """Report what AI Core would refuse, hide or lose of a WorkflowTemplate.

    Args:
        subject: the document.
        model: its workflow.
        used: the workflow parameters that something uses, None where that is not clear.
    """
    MetadataCheck(subject).check()
    check_urls(subject)
    if subject.is_wrong(subject.root, "spec"):
        return
    check = AicoreCheck(subject, model)
    _check_pods(check)
    outputs = OutputCheck(check)
    outputs.check()
    _check_parameters(check)
    check_left(subject.report, subject.root)
    if used is not None and not any(finding.severity is Severity.ERROR for finding in subject.report.findings):
        _check_unused(check, used)
    if model.templates and not check.refers_elsewhere:
        unmatched = check_artifact_annotations(
            subject, outputs.names, outputs.internal_names, has_lost=outputs.has_lost
        )
        outputs.report_lost(unmatched)


def _check_pods(check: AicoreCheck) -> None:
    spec = check.model.spec
    if type(spec.values.get("imagePullSecrets")) is SequenceNode:
        check_pull_secrets(check.subject.report, spec.mappings_of("imagePullSecrets"), spec.keys["imagePullSecrets"])
    largest: ScalarNode | None = None
    for template in check.model.all_templates:
        if not template.is_pod:
            continue
        plan = check_pod_plan(check, template)
        if plan is not None and largest is None and check.reaches(template) and needs_deadline(template, plan):
            largest = plan
        for key, container in template.containers():
            check_container(check, template, key, container)
        check_container_names(check, template)
        check_archives(check, template)
    check_deadline(check, largest)


def _check_parameters(check: AicoreCheck) -> None:
    for parameter in check.model.spec.mapping("arguments").mappings_of("parameters"):
        for key in ("default", "value"):
            check_to_fill_in(check.subject.report, parameter.values.get(key), "the default", wholly=True)


def _check_unused(check: AicoreCheck, used: set[str]) -> None:
    """Report workflow parameters that nothing uses."""
    if check.refers_elsewhere:
        return
    for name, parameter in check.model.parameters.items():
        if name not in used and not is_replaced(name):
            check.add(
                UNUSED_PARAMETER,
                parameter.values["name"],
                f"The workflow declares the parameter `{name}` and does not use it.",
                f"Use it as `{{{{workflow.parameters.{name}}}}}`, or remove it.",
            )
