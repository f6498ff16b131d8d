"""The parts of a ServingTemplate that are strings with YAML, and the places in the file of findings in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.examples import serving
from pytest_aicore.workflows.checks.report import Report
from pytest_aicore.workflows.checks.rule import Severity, aicore_rule
from pytest_aicore.workflows.template import StringBlock

if TYPE_CHECKING:
    from pytest_aicore.workflows.checks.rule import Rule
    from pytest_aicore.workflows.yaml.tree import Document, ScalarNode

BLOCK: Final = aicore_rule(
    331,
    "not-a-string-block",
    "An inner part of a ServingTemplate is a map where AI Core expects a string",
    "AI Core replaces the placeholders in `spec.template.spec` and in the labels and annotations of "
    "`spec.template.metadata` before it reads them as YAML: they are strings, written as blocks with `|`. Maps are not "
    "rendered.",
    serving().replace("    spec: |", "    spec:").replace("{{inputs.parameters.replicas}}", "2"),
    serving(),
)
BLOCK_SYNTAX: Final = aicore_rule(
    332,
    "block-syntax",
    "The YAML in a string block of a ServingTemplate is invalid",
    "The block has to be YAML once its placeholders are replaced. Otherwise no deployment can be created from it.",
    serving().replace("minReplicas: 1", "minReplicas 1"),
    serving(),
)


class Block(StringBlock):
    """A string block that knows on which line of the file it begins."""

    def __init__(self, document: Document, node: ScalarNode) -> None:
        """Take a scalar for such a block."""
        super().__init__(document, node)
        self.begins = node.line


class BlockReport(Report):
    """Takes findings at places in a block, and passes them on at the places in the file."""

    def __init__(self, outer: Report, document: Document, block: Block) -> None:
        """Take the report of the file, and a block with the document that it holds."""
        super().__init__(document, outer.told)
        self._outer = outer
        self._block = block

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
        begins: int | None = None,  # noqa: ARG002 - in the file it is the block that begins
    ) -> None:
        """Add a finding at a line and column of the block, both counted from 1."""
        place = self._block.place(line, column)
        self._outer.add_at(
            rule,
            place.line,
            place.column,
            message,
            remedy,
            hint=hint,
            severity=severity,
            end_column=None if end_column is None else place.column + end_column - column,
            begins=self._block.begins,
        )
