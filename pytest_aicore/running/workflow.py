"""A workflow that can be carried out: a WorkflowTemplate of AI Core, or a plain Workflow of Argo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.errors import WorkflowError
from pytest_aicore.workflows.template import ServingTemplate, WorkflowTemplate, read_template
from pytest_aicore.workflows.yaml.source import load
from pytest_aicore.workflows.yaml.tree import MappingNode

if TYPE_CHECKING:
    from pathlib import Path


class PlainWorkflow(WorkflowTemplate):
    """A Workflow of Argo, which nobody needs to submit: it is a run itself."""

    kind = "Workflow"

    @property
    def name(self) -> str:
        """`metadata.name`, else the `generateName` without its hyphen; empty where both are missing."""
        return self.metadata.name("name") or (self.metadata.name("generateName") or "").rstrip("-")


def read_workflow(path: Path) -> WorkflowTemplate:
    """Read a workflow that can be carried out.

    Args:
        path: a file with exactly one WorkflowTemplate or Workflow.

    Raises:
        WorkflowError: the file cannot be read, is not YAML, or holds something else.
    """
    document = load(path)
    root = document.root
    if type(root) is MappingNode and root.name("kind") == PlainWorkflow.kind and not document.duplicates:
        return PlainWorkflow(document, path)
    template = read_template(path)
    if isinstance(template, WorkflowTemplate):
        return template
    raise WorkflowError(
        f"{template.place_of('kind')}: {template.name!r} is a {ServingTemplate.kind}, which is deployed and not run."
        " Name a WorkflowTemplate or a Workflow."
    )


__all__ = ["PlainWorkflow", "read_workflow"]
