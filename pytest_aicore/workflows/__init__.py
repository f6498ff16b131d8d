"""Workflow YAML: parsed once, then queried. Independent of pytest, the SDK and the network."""

from __future__ import annotations

from pytest_aicore.workflows.executable import Artifact, Executable, OutputArtifact, Parameter
from pytest_aicore.workflows.folder import Skipped, WorkflowFolder, read_folder, read_folders
from pytest_aicore.workflows.template import (
    ServingTemplate,
    Template,
    WorkflowTemplate,
    parse_template,
    read_template,
)
from pytest_aicore.workflows.yaml.places import Place, Problem, SourceError

__all__ = [
    "Artifact",
    "Executable",
    "OutputArtifact",
    "Parameter",
    "Place",
    "Problem",
    "ServingTemplate",
    "Skipped",
    "SourceError",
    "Template",
    "WorkflowFolder",
    "WorkflowTemplate",
    "parse_template",
    "read_folder",
    "read_folders",
    "read_template",
]
