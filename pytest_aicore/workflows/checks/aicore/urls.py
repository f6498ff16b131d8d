"""URLs of artifacts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.rule import Severity, aicore_rule
from pytest_aicore.workflows.yaml.tree import ScalarNode, walk

if TYPE_CHECKING:
    from pytest_aicore.workflows.checks.subject import Subject

ARTIFACT_URL: Final = aicore_rule(
    326,
    "artifact-url",
    "The URL of an artifact ends with a slash",
    "AI Core uses `ai://SECRET/PATH` as the prefix of a key in the object store; with a slash at its end the "
    "object is not found (`The specified key does not exist`).",
    "spec:\n  arguments:\n    parameters:\n      - name: source\n        value: ai://default/data/",
    "spec:\n  arguments:\n    parameters:\n      - name: source\n        value: ai://default/data",
    Severity.WARNING,
)
_ARTIFACT_URL: Final = re.compile(r"ai://[^\s/]+/\S*/")


def check_urls(subject: Subject) -> None:
    """Report URLs of artifacts that end with a slash."""
    if "ai://" not in subject.report.document.text:
        return
    for node in walk(subject.root):
        if type(node) is ScalarNode and "ai://" in node.text and _ARTIFACT_URL.fullmatch(node.text.strip()):
            subject.report.add(
                ARTIFACT_URL,
                node,
                "The URL ends with a slash, so AI Core looks for a key that does not exist.",
                f"Write `{node.text.strip().rstrip('/')}`.",
            )
