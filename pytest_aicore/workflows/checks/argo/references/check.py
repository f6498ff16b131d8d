"""What the topics of references share while one workflow is checked."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.workflows.argo.graph import WorkflowModel
    from pytest_aicore.workflows.checks.rule import Rule, Severity
    from pytest_aicore.workflows.checks.subject import Subject
    from pytest_aicore.workflows.yaml.tree import MappingNode, Node, ScalarNode

_MOST_OF_ONE_TAG: Final = 20
"""How often one tag is reported in one value: no person writes more."""


class ReferenceCheck:
    """One workflow of which the references are checked.

    Attributes:
        subject: the document.
        model: its workflow.
        report: where findings go.
        fails: what happens to a workflow that Argo refuses, a sentence.
        used: the workflow parameters that something uses.
        usage_is_clear: whether those are all that something uses.
        parameters: the workflow parameters by name, None where it is not clear what is declared.
        told: steps and tasks that do not see another one, with its name, of which that was told.
        behind_dollars: the tags of the text that is looked at that stand behind a `$`.
        has_other_language: whether the text that is looked at has placeholders of a language of its own.
        fills_in_itself: whether that text may be a program that fills in the placeholders that it has.
    """

    def __init__(self, subject: Subject, model: WorkflowModel) -> None:
        """Take a document and the workflow in it."""
        self.subject = subject
        self.model = model
        self.report = subject.report
        self.fails = subject.fails
        self.used: set[str] = set()
        self.usage_is_clear = True
        # Where the declarations themselves are broken, nothing can be said about what they declare.
        self.parameters: Mapping[str, MappingNode] | None = (
            None
            if subject.is_wrong(model.spec, "arguments")
            or subject.is_wrong(model.spec.mapping("arguments"), "parameters")
            or model.is_elsewhere
            or any(not item.name("name") for item in model.spec.mapping("arguments").mappings_of("parameters"))
            else model.parameters
        )
        self.told: set[tuple[Node | None, str]] = set()
        self.behind_dollars: set[str] = set()
        self.has_other_language = False
        self.fills_in_itself = False
        self._seen: dict[tuple[Node, str], int] = {}

    @cached_property
    def global_names(self) -> dict[str, set[str]]:
        """The `globalName` of each output, of parameters and of artifacts."""
        return {
            kind: {
                output.name("globalName") or ""
                for template in self.model.all_templates
                for output in template.outputs(kind).values()
            }
            for kind in ("parameters", "artifacts")
        }

    def add(
        self,
        rule: Rule,
        node: ScalarNode,
        text: str,
        message: str,
        remedy: str,
        *,
        hint: str | None = None,
        severity: Severity | None = None,
    ) -> None:
        """Report a finding at a piece of a text.

        The same tag may stand several times in one value: each is reported at its own place.
        """
        occurrence = self._seen.get((node, text), 0)
        self._seen[(node, text)] = occurrence + 1
        if occurrence >= _MOST_OF_ONE_TAG:
            return
        self.report.add_inside(rule, node, text, message, remedy, hint=hint, severity=severity, occurrence=occurrence)
