"""The state that the topics of the rules for ServingTemplates share while one is checked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_aicore.workflows.argo.graph import named

if TYPE_CHECKING:
    from pytest_aicore.workflows.checks.subject import Subject


class ServingCheck:
    """One ServingTemplate that is checked.

    Attributes:
        subject: the document.
        report: where findings go.
        add: reports a finding at a node.
        spec: `spec`.
        parameters: `spec.inputs.parameters` by name.
        artifacts: `spec.inputs.artifacts` by name.
        used: kind and name of the inputs that placeholders use.
        usage_is_clear: whether those are all that are used.
    """

    def __init__(self, subject: Subject) -> None:
        """Take a document."""
        self.subject = subject
        self.report = subject.report
        self.add = subject.report.add
        self.spec = subject.root.mapping("spec")
        inputs = self.spec.mapping("inputs")
        self.parameters = named(inputs.mappings_of("parameters"))
        self.artifacts = named(inputs.mappings_of("artifacts"))
        self.used: set[tuple[str, str]] = set()
        self.usage_is_clear = True


def plain_name(name: str) -> str:
    """Return a name without the characters that are not allowed."""
    return re.sub(r"[^A-Za-z0-9_]", "", name)
