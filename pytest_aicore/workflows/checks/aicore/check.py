"""The state that the topics of AI Core's rules for WorkflowTemplates share while one is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import TemplateModel, WorkflowModel
    from pytest_aicore.workflows.checks.subject import Subject


class AicoreCheck:
    """One WorkflowTemplate that is checked.

    Attributes:
        subject: the document.
        model: its workflow.
        wrong: the nodes with the wrong type, which are not checked further.
        add: reports a finding at a node.
        defaults: `templateDefaults`.
    """

    def __init__(self, subject: Subject, model: WorkflowModel) -> None:
        """Take a document and the workflow in it."""
        self.subject = subject
        self.model = model
        self.wrong = subject.wrong
        self.add = subject.report.add
        self.defaults = model.spec.mapping("templateDefaults")
        self._reached = {template.node for template in subject.workflow.reachable}

    def reaches(self, template: TemplateModel) -> bool:
        """Return whether a run can reach a template; inline ones are reached with their call."""
        return template.inline or template.node in self._reached

    @property
    def refers_elsewhere(self) -> bool:
        """Whether some of its templates are in other files."""
        return self.model.is_elsewhere or self.model.calls_elsewhere
