"""What the topics of Argo's semantics share while one workflow is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import WorkflowModel
    from pytest_aicore.workflows.checks.subject import Subject


class ArgoCheck:
    """One workflow that is checked.

    Attributes:
        subject: the document.
        model: its workflow.
        wrong: the nodes with the wrong type, about which nothing more is to be said.
        add: reports a finding at a node.
        fails: what happens to a workflow that Argo refuses, a sentence.
        defaults: `templateDefaults`.
        has_twins: whether two templates have one name.
    """

    def __init__(self, subject: Subject, model: WorkflowModel) -> None:
        """Take a document and the workflow in it."""
        self.subject = subject
        self.model = model
        self.wrong = subject.wrong
        self.add = subject.report.add
        self.fails = subject.fails
        self.defaults = model.spec.mapping("templateDefaults")
        self.has_twins = len(model.by_name) < sum(bool(template.name) for template in model.templates)
