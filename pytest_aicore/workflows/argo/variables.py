"""The variables of Argo that a tag may name, besides what a workflow declares.

Source: Argo's documentation, page "Workflow Variables".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.placeholders import to_fill_in
from pytest_aicore.workflows.argo.tags import tags

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOTS: Final = ("inputs", "outputs", "steps", "tasks", "workflow", "item", "pod")
"""The first words of the tags that Argo replaces."""

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "inputs": ("parameters", "artifacts"),
    "outputs": ("parameters", "artifacts", "result", "exitCode"),
    "pod": ("name",),
    "workflow": (
        "name",
        "namespace",
        "mainEntrypoint",
        "serviceAccountName",
        "uid",
        "parameters",
        "outputs",
        "annotations",
        "labels",
        "creationTimestamp",
        "priority",
        "duration",
        "scheduledTime",
        "cronScheduleTime",
        "status",
        "failures",
        "artifacts",
        "templateName",
    ),
}
"""The words that may follow a root, where they do not depend on the workflow."""

CALL_FIELDS: Final = (
    "id",
    "ip",
    "status",
    "exitCode",
    "startedAt",
    "finishedAt",
    "hostNodeName",
    "message",
    "name",
    "inputs",
    "outputs",
)
"""The words that may follow the name of a step or task."""


def root_of(tag: str) -> str:
    """Return the word that a tag begins with, empty where it begins with none."""
    found = re.match(r"\w+", tag)
    return found.group() if found else ""


def left_over(text: str, *, wholly: bool = False) -> str | None:
    """Return the part of a text that somebody, or another tool than Argo, is to fill in; None without one.

    Args:
        text: for example `docker.io/example/train:{{TAG}}` or `@SECONDS@`.
        wholly: whether brackets of other kinds than `{{` only count around the whole text.
    """
    return to_fill_in(text, wholly=wholly) or foreign_tag(text)


def foreign_tag(text: str) -> str | None:
    """Return the first tag of a text that Argo leaves alone, so that another tool may fill it in; None without one."""
    if "{{" not in text:
        return None
    left = (tag for tag in tags(text) if tag.expression is None and root_of(tag.name) not in ROOTS)
    return next((text[tag.begin : tag.end] for tag in left), None)
