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
        begins: for places inside a value of several lines, the line on which it begins.
    """

    def __init__(self, document: Document) -> None:
        """Begin with no findings."""
        self.document = document
        self.findings: list[Finding] = []
        self.begins: dict[tuple[int, int], int] = {}
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

    def add_inside(
        self,
        rule: Rule,
        node: ScalarNode,
        text: str,
        message: str,
        remedy: str,
        *,
        hint: str | None = None,
        severity: Severity | None = None,
        occurrence: int = 0,
    ) -> None:
        """Add a finding at a piece of text inside a scalar, which may have several lines.

        Args:
            rule: the rule that is broken.
            node: the scalar.
            text: the piece to point at, as it stands in the file; the scalar itself where it is not found.
            message: what AI Core, or Argo in it, will do.
            remedy: what to do about it.
            hint: `Did you mean ...?`, if something near exists.
            severity: how it counts here, if not as the rule says.
            occurrence: which of several equal pieces is meant, counted from 0.
        """
        wanted = text.split("\n", 1)[0].rstrip()
        first = node.line
        last = node.end_line if node.end_column > 1 else node.end_line - 1
        for number in range(first, max(first, last) + 1 if wanted else first):
            line = self.document.line(number)
            start = node.column - 1 if number == first else 0
            while (at := line.find(wanted, start)) >= 0:
                if occurrence == 0:
                    self.add_at(
                        rule,
                        number,
                        at + 1,
                        message,
                        remedy,
                        hint=hint,
                        severity=severity,
                        end_column=at + 1 + len(wanted),
                        begins=node.line,
                    )
                    return
                occurrence -= 1
                start = at + len(wanted)
        self.add(rule, node, message, remedy, hint=hint, severity=severity)

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
        begins: int | None = None,
    ) -> None:
        """Add a finding at a line and column, both counted from 1.

        `begins` is the line on which the value begins that the place is inside of: a comment that takes the
        finding back can only stand there.
        """
        key = (rule.id, line, column)
        if key in self._seen:
            return
        self._seen.add(key)
        if begins is not None:
            self.begins[(line, column)] = begins
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
