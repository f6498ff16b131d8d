"""The kind of a template, and whether its specification fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.aicore.keys import ANNOTATIONS, LABELS
from pytest_aicore.workflows.checks.rule import aicore_rule
from pytest_aicore.workflows.checks.subject import AICORE_KINDS, ARGO_KINDS
from pytest_aicore.workflows.checks.words import hint_for, nearest
from pytest_aicore.workflows.executable import (
    SCENARIO_ID_LABEL,
)
from pytest_aicore.workflows.yaml.tree import ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.workflows.checks.subject import Subject
    from pytest_aicore.workflows.yaml.tree import Node

KIND: Final = aicore_rule(
    301,
    "kind",
    "The kind is unknown to AI Core",
    "AI Core reads the kinds `WorkflowTemplate` and `ServingTemplate`, spelled exactly like that; any other is not "
    "synchronised.",
    "kind: WorkflowTemplates",
    "kind: WorkflowTemplate",
)
API_VERSIONS: Final[Mapping[str, str]] = {
    "WorkflowTemplate": "argoproj.io/v1alpha1",
    "ServingTemplate": "ai.sap.com/v1alpha1",
}


def check_kind(subject: Subject) -> str | None:
    """Report a kind unknown to AI Core in a document that is meant for it.

    Returns:
        the kind that was meant, None where that is not certain.
    """
    root = subject.root
    if subject.kind in AICORE_KINDS:
        return _other_kind(subject) or subject.kind
    if subject.kind in ARGO_KINDS:
        if SCENARIO_ID_LABEL not in subject.metadata.mapping("labels").values or subject.kind == "CronWorkflow":
            return subject.kind
        subject.report.add(
            KIND,
            root_node(subject),
            f"Unknown kind `{subject.kind}`, so AI Core does not synchronise the template.",
            "Write `kind: WorkflowTemplate`.",
            hint="Did you mean 'WorkflowTemplate'?",
        )
        subject.is_aicore = True
        return "WorkflowTemplate"
    api_version = root.text("apiVersion") or ""
    meant = any(
        key.endswith("ai.sap.com/id") or key in (*LABELS, *ANNOTATIONS)
        for part in ("labels", "annotations")
        for key in subject.metadata.mapping(part).values
    )
    near = nearest(subject.kind, AICORE_KINDS) if subject.kind else None
    if not (meant or (near and api_version.startswith(("argoproj.io/", "ai.sap.com/")))):
        return None
    spec = root.mapping("spec")
    if near is None:
        near = (
            "ServingTemplate"
            if "template" in spec.values
            else "WorkflowTemplate"
            if "templates" in spec.values
            else None
        )
    subject.report.add(
        KIND,
        root_node(subject),
        f"Unknown kind `{subject.kind}`, so AI Core does not synchronise the template."
        if subject.kind
        else "The template has no `kind`, so it is not synchronised.",
        "Write `kind: WorkflowTemplate` or `kind: ServingTemplate`.",
        hint=hint_for(near) if near and subject.kind else None,
    )
    return near


def root_node(subject: Subject) -> Node:
    """Return the node of the kind, or the one nearest to where it should be."""
    root = subject.root
    node = root.values.get("kind")
    return node if type(node) is ScalarNode else root.keys.get("kind") or root.keys.get("apiVersion") or root


def _other_kind(subject: Subject) -> str | None:
    """Report a kind that does not fit the specification, and return the kind that does."""
    spec = subject.root.mapping("spec")
    is_serving = "template" in spec.values and not any(key in spec.values for key in ("templates", "entrypoint"))
    is_training = type(spec.values.get("templates")) is SequenceNode and "template" not in spec.values
    if subject.kind == "ServingTemplate" and is_training:
        other, has = "WorkflowTemplate", "`spec.templates`"
    elif subject.kind == "WorkflowTemplate" and is_serving and "inputs" in spec.values and subject.is_aicore:
        other, has = "ServingTemplate", "`spec.template`"
    else:
        return None
    subject.report.add(
        KIND,
        subject.root.values["kind"],
        f"A {subject.kind} has no {has}, so AI Core cannot create an executable from this one.",
        f"Write `kind: {other}` (and `apiVersion: {API_VERSIONS[other]}`).",
    )
    return other
