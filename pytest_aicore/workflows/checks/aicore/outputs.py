"""The output artifacts of a workflow: their registration in the AI API, and how they are packed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.graph import is_supplied
from pytest_aicore.workflows.checks.rule import Severity, aicore_rule
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, is_given

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import TemplateModel
    from pytest_aicore.workflows.checks.aicore.check import AicoreCheck
    from pytest_aicore.workflows.yaml.tree import Node

NO_GLOBAL_NAME: Final = aicore_rule(
    318,
    "output-without-global-name",
    "An output artifact has no globalName, so it is lost",
    "Only outputs with a `globalName` are registered in the AI API. Without one the execution is COMPLETED without "
    "output artifact: the model is lost. (An artifact that another step reads needs none.)",
    "outputs:\n  artifacts:\n    - name: model\n      path: /app/model",
    "outputs:\n  artifacts:\n    - name: model\n      globalName: churn-model\n      path: /app/model",
)
DUPLICATE_GLOBAL_NAME: Final = aicore_rule(
    327,
    "duplicate-global-name",
    "Two outputs have the same globalName",
    "The object store keeps outputs under `EXECUTION_ID/GLOBAL_NAME`: the second replaces the first.",
    "outputs:\n  artifacts:\n    - name: model\n      globalName: churn-model\n      path: /app/model\n"
    "    - name: report\n      globalName: churn-model\n      path: /app/report",
    "outputs:\n  artifacts:\n    - name: model\n      globalName: churn-model\n      path: /app/model\n"
    "    - name: report\n      globalName: churn-report\n      path: /app/report",
    Severity.WARNING,
)
EMPTY_ARCHIVE: Final = aicore_rule(
    328,
    "empty-archive",
    "`archive` is empty, so the output is packed",
    "`none:` without `{}` is null and has no effect: Argo packs the folder as a `.tgz` file.",
    "outputs:\n  artifacts:\n    - name: model\n      globalName: churn-model\n      path: /app/model\n"
    "      archive:\n        none:",
    "outputs:\n  artifacts:\n    - name: model\n      globalName: churn-model\n      path: /app/model\n"
    "      archive:\n        none: {}",
    Severity.WARNING,
)
_INSTEAD: Final = re.compile(r"!|\.(?:Failed|AllFailed|Errored|Skipped|Omitted)\b")
_GLOBAL_NAME: Final = re.compile(r"[-a-zA-Z0-9_]+")


def check_archives(check: AicoreCheck, template: TemplateModel) -> None:
    """Report empty archives of the outputs of a template."""
    for artifact in template.node.mapping("outputs").mappings_of("artifacts"):
        archive = artifact.values.get("archive")
        if type(archive) is not MappingNode or "none" not in archive.values:
            continue
        if not any(is_given(archive, key) for key in archive.values):
            check.add(
                EMPTY_ARCHIVE,
                archive.keys["none"],
                "`none` without `{}` is null, so it has no effect: the output is packed as a `.tgz` file.",
                "Write `none: {}`.",
            )


class OutputCheck:
    """The artifacts of one WorkflowTemplate.

    Attributes:
        names: the names of input artifacts, and the globalNames of outputs.
        internal_names: the names of outputs inside the workflow, with their globalNames.
    """

    def __init__(self, check: AicoreCheck) -> None:
        """Take the check of a workflow."""
        self._check = check
        self.names: dict[str, None] = {}
        self.internal_names: dict[str, str | None] = {}
        self._lost_outputs: list[tuple[str, MappingNode]] = []

    @property
    def has_lost(self) -> bool:
        """Whether outputs are not registered, or may not be."""
        return bool(self._lost_outputs) or self._is_unclear

    @property
    def _is_unclear(self) -> bool:
        """Whether inputs or outputs are of a wrong type, so that it is not known what artifacts there are."""
        return any(
            self._check.subject.is_wrong(owner, key)
            for template in self._check.model.all_templates
            for owner, key in (
                (template.node, "inputs"),
                (template.node, "outputs"),
                (template.node.mapping("inputs"), "artifacts"),
                (template.node.mapping("outputs"), "artifacts"),
            )
        )

    def check(self) -> None:
        """Collect the artifacts, and report two outputs with one globalName."""
        text = self._check.subject.report.document.text
        first: dict[str, tuple[ScalarNode, TemplateModel]] = {}
        conditional, instead = self._alternatives()
        for artifact in self._check.model.spec.mapping("arguments").mappings_of("artifacts"):
            if name := artifact.name("name"):
                self.names[name] = None
        for template in self._check.model.all_templates:
            self.names.update(dict.fromkeys(template.input_artifacts))
            reached = self._check.reaches(template)
            for artifact in template.node.mapping("outputs").mappings_of("artifacts"):
                name = artifact.name("name")
                node = artifact.values.get("globalName")
                global_name = artifact.name("globalName")
                if global_name and type(node) is ScalarNode:
                    self.names[global_name] = None
                    if name and _GLOBAL_NAME.fullmatch(global_name):
                        self.internal_names.setdefault(name, global_name)
                    elif name:
                        # The invalid globalName is reported, not the annotations that name a valid one.
                        self.internal_names[name] = None
                        for between in ("-", "_", ""):
                            self.names[re.sub(r"[^-a-zA-Z0-9_]+", between, global_name)] = None
                    other, owner = first.setdefault(global_name, (node, template))
                    runs = {owner.node, template.node}
                    is_alternative = len(runs) == 2 and (runs <= conditional or runs & instead)
                    if other is not node and reached and not is_alternative:
                        self._check.add(
                            DUPLICATE_GLOBAL_NAME,
                            node,
                            f"The output in line {other.line} has the globalName `{global_name}` as well: the object "
                            "store keeps only one of them.",
                            "Give each its own globalName.",
                        )
                    continue
                if name:
                    self.internal_names[name] = None
                if template.is_pod and reached and name and not is_supplied(artifact):
                    self._lost(artifact, name, text)

    def _alternatives(self) -> tuple[set[Node], set[Node]]:
        """Return the templates whose calls all have a condition, and those that only run if another one did not."""
        conditional: set[Node] = set()
        instead: set[Node] = set()
        always: set[Node] = set()
        for template in self._check.model.all_templates:
            for call in template.calls:
                target = self._check.model.target(call)
                if target is None:
                    continue
                if _INSTEAD.search(call.node.text("depends") or ""):
                    instead.add(target.node)
                elif is_given(call.node, "when"):
                    conditional.add(target.node)
                else:
                    always.add(target.node)
        return conditional - always, instead - always

    def _lost(self, artifact: MappingNode, name: str, text: str) -> None:
        if name in self._check.subject.meant or not self._check.subject.calls_are_clear:
            return
        escaped = re.escape(name)
        if re.search(rf"outputs\.artifacts(?:\.{escaped}(?![\w-])|\[\s*['\"]{escaped}['\"]\s*\])", text):
            return  # another step reads it
        self._lost_outputs.append((name, artifact))

    def report_lost(self, unmatched: list[str]) -> None:
        """Report the outputs that are lost.

        Args:
            unmatched: artifacts that have annotations and do not exist: probably the missing globalNames.
        """
        for name, artifact in self._lost_outputs:
            wanted = unmatched[0] if len(unmatched) == 1 and len(self._lost_outputs) == 1 else name
            self._check.add(
                NO_GLOBAL_NAME,
                artifact.keys.get("globalName") or artifact,
                f"The output artifact `{name}` has no globalName, so AI Core does not register it: the execution is "
                "COMPLETED, and its output is lost.",
                f"Add `globalName: {wanted}`.",
            )
