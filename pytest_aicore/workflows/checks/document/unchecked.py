"""What was not checked says so: files and folders that were left out although they may hold templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.findings import Finding
from pytest_aicore.workflows.checks.rule import Severity, document_rule
from pytest_aicore.workflows.checks.subject import AICORE_KINDS, ARGO_KINDS
from pytest_aicore.workflows.yaml.places import Place
from pytest_aicore.workflows.yaml.tree import MappingNode

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_aicore.workflows.checks.report import Report
    from pytest_aicore.workflows.yaml.tree import Node

NOT_CHECKED: Final = document_rule(
    120,
    "not-checked",
    "Something that may be a template was not checked",
    "A template with placeholders of Helm becomes YAML only when Helm has rendered it; a link to a folder is not "
    "followed; the items of a `List` are not looked at; a folder has no template. Without a word about it, that would "
    "look like a check that found nothing.",
    "kind: WorkflowTemplate\nmetadata:\n  name: {{ .Values.name }}",
    "kind: WorkflowTemplate\nmetadata:\n  name: churn-train",
    Severity.WARNING,
)


def of_helm(path: str, line: int, placeholder: str) -> Finding:
    """Return the finding of a file with placeholders of Helm.

    Args:
        path: the file.
        line: the line of its first placeholder.
        placeholder: that placeholder.
    """
    shown = placeholder if len(placeholder) <= 60 else f"{placeholder[:57]}..."
    return _finding(
        Place(path, line, 1),
        f"This file was not checked: it becomes YAML only when Helm has rendered it (`{shown}`).",
        "Check what Helm renders: `helm template CHART | pytest-aicore check -`.",
    )


def link_not_followed(link: Path) -> Finding:
    """Return the finding of a link to a folder outside of those that are checked."""
    return _finding(
        Place(str(link), 1, 1),
        "This symbolic link to a folder is not followed, so nothing in that folder was checked.",
        "If it holds workflows, name it as well.",
        severity=Severity.HINT,
    )


def link_to_nothing(link: Path) -> Finding:
    """Return the finding of a link that may have led to a folder."""
    return _finding(
        Place(str(link), 1, 1),
        "This symbolic link leads nowhere: if it was one to a folder with workflows, they were not checked.",
        "Remove the link, or restore what it leads to.",
        severity=Severity.HINT,
    )


def folder_without_template(folder: Path, others: int) -> Finding:
    """Return the finding of a folder in which there is no template.

    Args:
        folder: the folder.
        others: how many YAML and JSON files it has that are none.
    """
    why = "it has no YAML or JSON file"
    if others:
        why = (
            "its YAML or JSON file is not a template"
            if others == 1
            else f"its {others} YAML and JSON files are something else"
        )
    return _finding(
        Place(str(folder), 1, 1),
        f"Nothing was checked in this folder, which has no template: {why}.",
        "Name the folder with the workflows; hidden folders and those of tools (`build`, `venv`, ...) are left out.",
    )


def file_without_template(path: str) -> Finding:
    """Return the finding of a file that looks like a template, and whose documents are of other kinds.

    Args:
        path: the file.
    """
    return _finding(
        Place(path, 1, 1),
        "Nothing was checked in this file: none of its documents is a template of AI Core or a workflow of Argo.",
        "Write the `kind` and the `apiVersion` of a template, if it is one.",
    )


def check_list(report: Report) -> None:
    """Report a `List` of Kubernetes with templates among its items, which are not checked.

    Args:
        report: of the document.
    """
    root = report.document.root
    if type(root) is not MappingNode or root.text("kind") != "List" or not any(map(_is_ours, root.items_of("items"))):
        return
    report.add(
        NOT_CHECKED,
        root.values["kind"],
        "The templates in this `List` were not checked; AI Core documents one template per file.",
        "Put each template in its own file.",
    )


def _is_ours(item: Node) -> bool:
    return type(item) is MappingNode and item.text("kind") in (*ARGO_KINDS, *AICORE_KINDS)


def _finding(place: Place, message: str, remedy: str, *, severity: Severity = NOT_CHECKED.severity) -> Finding:
    return Finding(NOT_CHECKED.id, severity, place, message, remedy)
