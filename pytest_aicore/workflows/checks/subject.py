"""The document that the rules of Argo and AI Core check, and its kind."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.tags import has_placeholder
from pytest_aicore.workflows.template import ServingTemplate, WorkflowTemplate
from pytest_aicore.workflows.yaml.tree import NO_MAPPING, MappingNode

if TYPE_CHECKING:
    from pytest_aicore.workflows.checks.options import CheckOptions
    from pytest_aicore.workflows.checks.report import Report
    from pytest_aicore.workflows.yaml.tree import Node

ARGO_KINDS: Final = ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow")
AICORE_KINDS: Final = (WorkflowTemplate.kind, ServingTemplate.kind)
AICORE_API: Final = "ai.sap.com/"
REPLACED: Final = "\ue000"
"""The character that replaces each one of a placeholder when a string block is read as YAML."""


class Subject:
    """A document that is checked as a workflow of Argo or a template of AI Core.

    Attributes:
        report: where findings go.
        options: the options of the checks.
        root: the whole map.
        kind: its `kind`, empty without one.
        metadata: its `metadata`.
        is_aicore: whether it is meant for AI Core, by its kind, labels and annotations.
        wrong: the nodes with the wrong type, which are not checked further.
        calls_are_clear: whether the template of every call is known.
        unclear_dags: the templates with dags whose dependencies are not known.
        meant: names of outputs that were surely meant where others were written.
    """

    def __init__(self, report: Report, options: CheckOptions) -> None:
        """Take the document of a report."""
        self.report = report
        self.options = options
        root = report.document.root
        self.root = root if type(root) is MappingNode else NO_MAPPING
        self.kind = self.root.text("kind") or ""
        self.metadata = self.root.mapping("metadata")
        self.is_aicore = self._is_aicore()
        self.wrong: set[Node] = set()
        self.calls_are_clear = True
        self.unclear_dags: set[Node] = set()
        self.meant: set[str] = set()

    def is_wrong(self, mapping: MappingNode, key: str) -> bool:
        """Return whether what stands at a key has the wrong type."""
        return mapping.values.get(key) in self.wrong

    def _is_aicore(self) -> bool:
        if self.kind == ServingTemplate.kind:
            return True
        if self.kind in ARGO_KINDS and self.kind != WorkflowTemplate.kind:
            return False
        if (self.root.text("apiVersion") or "").startswith(AICORE_API):
            return True
        if any("ai.sap.com" in key for part in ("labels", "annotations") for key in self.metadata.mapping(part).values):
            return True
        return any(
            "ai.sap.com" in key
            for template in self.root.mapping("spec").mappings_of("templates")
            for key in template.mapping("metadata").mapping("labels").values
        )

    @cached_property
    def workflow(self) -> WorkflowTemplate:
        """The workflow in it, of any kind of Argo."""
        workflow = WorkflowTemplate(self.report.document)
        if self.kind == "CronWorkflow":
            workflow.spec = self.root.mapping("spec").mapping("workflowSpec")
        return workflow

    @cached_property
    def serving(self) -> ServingTemplate:
        """The serving template in it."""
        return ServingTemplate(self.report.document)

    @property
    def is_library(self) -> bool:
        """Whether other workflows may use its templates, so that their arguments are unknown."""
        return not self.is_aicore and self.kind in ("WorkflowTemplate", "ClusterWorkflowTemplate")

    @property
    def fails(self) -> str:
        """What happens to a workflow that Argo refuses, a sentence."""
        if self.is_aicore:
            return "Argo refuses it, so each execution ends DEAD without a log."
        return "Argo refuses the workflow."


def is_replaced(text: str) -> bool:
    """Return whether a text is only known when a run begins, or when somebody has filled it in."""
    return has_placeholder(text) or REPLACED in text
