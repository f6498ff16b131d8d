"""The findings of one document, as the rules report them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.redact import redact
from pytest_aicore.workflows.checks.findings import MOST_OF_ONE_RULE, Finding
from pytest_aicore.workflows.yaml.places import Place
from pytest_aicore.workflows.yaml.tree import ScalarNode

if TYPE_CHECKING:
    from pytest_aicore.workflows.checks.findings import Told
    from pytest_aicore.workflows.checks.rule import Rule, Severity
    from pytest_aicore.workflows.yaml.tree import Document, Node


class Report:
    """The findings of one document, each place and rule at most once, and a limited number of each rule.

    Attributes:
        document: the document that is checked.
        told: how many findings of each rule there are in the file, also of those that are not listed.
        findings: what was found so far.
        begins: for places inside a value of several lines, the line on which it begins.
    """

    def __init__(self, document: Document, told: Told) -> None:
        """Begin with no findings, in a file in which some were told."""
        self.document = document
        self.told = told
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
            message: what is wrong, and what AI Core or Argo does with it.
            remedy: what to do about it.
            hint: `Did you mean ...?` for a typo.
            severity: its severity, if not that of the rule.
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
            message: what is wrong, and what AI Core or Argo does with it.
            remedy: what to do about it.
            hint: `Did you mean ...?` for a typo.
            severity: its severity, if not that of the rule.
            occurrence: which of several equal pieces is meant, counted from 0.
        """
        kind = (rule.id, rule.severity if severity is None else severity)
        if self.told[kind] >= MOST_OF_ONE_RULE:
            self.told[kind] += 1  # finding its exact place takes time
            return
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

        `begins` is the line on which the value begins that the place is inside of: a comment that suppresses the
        finding can only be there.
        """
        key = (rule.id, line, column)
        if key in self._seen:
            return
        self._seen.add(key)
        severity = rule.severity if severity is None else severity
        self.told[rule.id, severity] += 1
        if self.told[rule.id, severity] > MOST_OF_ONE_RULE:
            return
        if begins is not None:
            self.begins[(line, column)] = begins
        document = self.document
        self.findings.append(
            Finding(
                rule=rule.id,
                severity=severity,
                place=Place(document.name, line, column),
                message=_readable(message),
                remedy=_readable(remedy),
                hint=hint.strip() or None if hint else None,
                end_column=end_column,
                source_line=document.line(line),
            )
        )


_LONGEST: Final = 800


def _readable(text: str) -> str:
    """Return a text without its middle if a value in it has made it too long to read."""
    if len(text) <= _LONGEST:
        return text
    text = redact(text)  # before it is cut: half a secret is no longer recognised as one
    return f"{text[: _LONGEST // 2]} [...] {text[-_LONGEST // 2 :]}" if len(text) > _LONGEST else text
