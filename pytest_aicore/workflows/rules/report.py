"""Where the rules put what they find in one document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.workflows.places import Place
from pytest_aicore.workflows.rules.findings import Finding
from pytest_aicore.workflows.tree import ScalarNode

if TYPE_CHECKING:
    from pytest_aicore.workflows.rules.findings import Rule, Severity
    from pytest_aicore.workflows.tree import Document, Node


class Report:
    """The findings of one document, each place and rule at most once.

    Attributes:
        document: the document that is checked.
        findings: what was found so far.
    """

    def __init__(self, document: Document) -> None:
        """Begin with no findings."""
        self.document = document
        self.findings: list[Finding] = []
        self._seen: set[tuple[str, int, int]] = set()

    def add(
        self,
        rule: Rule,
        node: Node,
        message: str,
        remedy: str,
        *,
        hint: str | None = None,
        severity: Severity | None = None,
    ) -> None:
        """Add a finding at a node.

        Args:
            rule: the rule that is broken.
            node: the key or value that has to change.
            message: what AI Core, or Argo in it, will do.
            remedy: what to do about it.
            hint: `Did you mean ...?`, if something near exists.
            severity: how it counts here, if not as the rule says.
        """
        end = (
            node.end_column
            if type(node) is ScalarNode and node.end_line == node.line and node.style not in ("|", ">")
            else None
        )
        self.add_at(rule, node.line, node.column, message, remedy, hint=hint, severity=severity, end_column=end)

    def add_at(
        self,
        rule: Rule,
        line: int,
        column: int,
        message: str,
        remedy: str,
        *,
        hint: str | None = None,
        severity: Severity | None = None,
        end_column: int | None = None,
    ) -> None:
        """Add a finding at a line and column, both counted from 1."""
        key = (rule.id, line, column)
        if key in self._seen:
            return
        self._seen.add(key)
        document = self.document
        self.findings.append(
            Finding(
                rule=rule.id,
                severity=rule.severity if severity is None else severity,
                place=Place(document.name, line, column),
                message=message,
                remedy=remedy,
                hint=hint.strip() or None if hint else None,
                end_column=end_column,
                source_line=document.line(line),
            )
        )
