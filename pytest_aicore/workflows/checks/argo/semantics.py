"""Argo's semantics: does what the parts of a workflow say about each other hold?

What Argo's own validation refuses is an error, and only that. References in braces are told of beside it, in
`references.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.workflows.checks.argo.artifacts import check_artifacts, check_outputs
from pytest_aicore.workflows.checks.argo.calls import check_graph
from pytest_aicore.workflows.checks.argo.check import ArgoCheck
from pytest_aicore.workflows.checks.argo.manifests import check_manifest
from pytest_aicore.workflows.checks.argo.metrics import check_metrics
from pytest_aicore.workflows.checks.argo.names import check_enum, check_name, check_names_of_arguments, check_unique
from pytest_aicore.workflows.checks.argo.pods import (
    check_container,
    check_container_set,
    check_deadline,
    check_mounts,
    check_own_names,
    check_pod_resources,
    check_settings,
)
from pytest_aicore.workflows.checks.argo.sources import check_given, check_sources
from pytest_aicore.workflows.checks.argo.targets import check_hook
from pytest_aicore.workflows.checks.argo.templates import check_named, check_type, has_broken_calls
from pytest_aicore.workflows.checks.argo.workflow import check_endless, check_entrypoint, check_reachable, has_templates
from pytest_aicore.workflows.yaml.tree import ScalarNode, is_given

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import TemplateModel, WorkflowModel
    from pytest_aicore.workflows.checks.subject import Subject


def check(subject: Subject, model: WorkflowModel) -> None:
    """Report what Argo's validation refuses, and what Argo silently drops.

    Args:
        subject: the document.
        model: its workflow.
    """
    check = ArgoCheck(subject, model)
    spec = check.model.spec
    if check.subject.root.values.get("spec") in check.wrong or spec.values.get("templates") in check.wrong:
        return
    check_names_of_arguments(check, spec.mapping("arguments"))
    check_sources(check, spec.mapping("arguments"))
    check_given(check)
    if not has_templates(check):
        return
    check_entrypoint(check)
    check_unique(check, (template.node for template in check.model.templates), "template")
    for template in check.model.all_templates:
        _template(check, template)
    for hook in check.model.workflow_hooks:
        check_hook(check, hook)
    check_metrics(check, spec.mapping("metrics"))
    check_pod_resources(check, spec)
    check_reachable(check)
    check_endless(check)


def _template(check: ArgoCheck, template: TemplateModel) -> None:
    node = template.node
    if not template.inline:
        check_name(check, node, "template")
        if not is_given(node, "name") or (type(node.values["name"]) is ScalarNode and not template.name):
            check_named(check, node)
    if not template.types and not node.values:
        return
    check_type(check, template)
    if template.is_graph and has_broken_calls(check, template):
        check.subject.calls_are_clear = False
    inputs, outputs = node.mapping("inputs"), node.mapping("outputs")
    for part in (inputs, outputs):
        for key in ("parameters", "artifacts"):
            items = part.mappings_of(key)
            check_unique(check, items, key[:-1])
            for item in items:
                check_name(check, item, key[:-1])
    for parameter in inputs.mappings_of("parameters"):
        check_enum(check, parameter)
    check_artifacts(check, template)
    check_outputs(check, template)
    check_mounts(check, template)
    for key, container in template.containers():
        check_container(check, template, key, container)
    check_container_set(check, node.mapping("containerSet"))
    check_manifest(check, template)
    check_metrics(check, node.mapping("metrics"))
    check_settings(check, template)
    check_deadline(check, template)
    check_own_names(check, template)
    if template.is_graph:
        check_graph(check, template)
