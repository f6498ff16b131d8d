"""What only shows when several files are seen together: AI Core's tenant is one name space for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.variables import left_over
from pytest_aicore.workflows.checks.findings import Finding
from pytest_aicore.workflows.checks.rule import Rule, Severity, folder_rule
from pytest_aicore.workflows.executable import SCENARIO_ID_LABEL, SCENARIO_NAME_ANNOTATION
from pytest_aicore.workflows.yaml.places import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pytest_aicore.workflows.checks.subject import Subject
    from pytest_aicore.workflows.yaml.tree import Document, Node

MAXIMUM_TEMPLATES: Final = 50
"""How many templates of each kind a tenant may have, by SAP's service guide."""


DUPLICATE_ID: Final = folder_rule(
    401,
    "duplicate-executable-id",
    "Two templates have the same executable id",
    "`metadata.name` is the executable id, and unique in the whole tenant: of two templates of one kind with one name "
    "the later hides the earlier.",
    "# train.yaml\nmetadata:\n  name: churn\n# and train_again.yaml\nmetadata:\n  name: churn",
    "# train.yaml\nmetadata:\n  name: churn\n# and train_again.yaml\nmetadata:\n  name: churn-again",
)
TWO_NAMES: Final = folder_rule(
    402,
    "scenario-with-two-names",
    "Two templates give one scenario different names",
    "A scenario has one name: which of the two it gets depends on the order in which AI Core reads the files.",
    "# train.yaml\n    scenarios.ai.sap.com/name: Customer churn\n# and serve.yaml\n    scenarios.ai.sap.com/name: "
    "Churn",
    "# the same `scenarios.ai.sap.com/name` in both",
)
TOO_MANY: Final = folder_rule(
    403,
    "too-many-templates",
    "There are more templates than a tenant may have",
    f"A tenant may have {MAXIMUM_TEMPLATES} templates of each kind; AI Core refuses more.",
    "# a folder with 51 WorkflowTemplates",
    "# one template with parameters instead of many that differ in a value",
)
SERVING_ONLY: Final = folder_rule(
    404,
    "serving-only-scenario",
    "A scenario has serving templates only",
    "AI Core creates a scenario from a WorkflowTemplate; one that only ServingTemplates name stays invisible. None of "
    "the checked files is a WorkflowTemplate of it.",
    "# serve.yaml, the only file of its scenario\nkind: ServingTemplate",
    "# serve.yaml, and a WorkflowTemplate with the same `scenarios.ai.sap.com/id`",
    Severity.WARNING,
)
NO_TEMPLATE: Final = folder_rule(
    405,
    "no-template",
    "A YAML or JSON file among the templates is not a template",
    "AI Core's synchronisation reads every YAML and JSON file of its folder as a Kubernetes object. Any other "
    "file (a configuration, a contract, data) makes it fail, also for the templates beside it.",
    "# workflows/settings.json beside workflows/train.yaml",
    "# settings/settings.json: the folder that AI Core reads holds templates only",
    Severity.WARNING,
)
NO_LABELS: Final = folder_rule(
    406,
    "no-aicore-labels",
    "A WorkflowTemplate among those of AI Core has no labels of AI Core",
    "It has no label or annotation of `ai.sap.com`. AI Core synchronises it, and shows neither scenario nor "
    "executable.",
    "# workflows/other.yaml\nkind: WorkflowTemplate\nmetadata:\n  name: other",
    "# with the labels `scenarios.ai.sap.com/id` and `ai.sap.com/version`, and the two names as annotations",
    Severity.WARNING,
)


@dataclass(frozen=True)
class Outline:
    """The properties of a template that are compared with other templates.

    Attributes:
        kind: its kind.
        is_aicore: whether it is meant for AI Core.
        executable_id: `metadata.name`.
        scenario_id: the label.
        scenario_name: the annotation.
        name_place: the place of the executable id, or of the kind.
        scenario_place: the place of the scenario id.
        scenario_name_place: the place of the scenario's name.
        lines: the lines of the file.
    """

    kind: str
    is_aicore: bool
    executable_id: str
    scenario_id: str
    scenario_name: str
    name_place: Place
    scenario_place: Place
    scenario_name_place: Place
    lines: list[str]

    @property
    def folder(self) -> str:
        """The folder of the file, from its path."""
        return str(PurePath(self.name_place.path).parent)


def outline(subject: Subject) -> Outline:
    """Return the properties of a document that are compared with other templates."""
    document = subject.report.document
    metadata, root = subject.metadata, subject.root
    labels, annotations = metadata.mapping("labels"), metadata.mapping("annotations")
    head = root.keys.get("kind") or root
    return Outline(
        kind=subject.kind,
        is_aicore=subject.is_aicore,
        executable_id=metadata.name("name") or "",
        scenario_id=labels.text(SCENARIO_ID_LABEL) or "",
        scenario_name=annotations.text(SCENARIO_NAME_ANNOTATION) or "",
        name_place=_place(document, metadata.values.get("name") or head),
        scenario_place=_place(document, labels.values.get(SCENARIO_ID_LABEL) or head),
        scenario_name_place=_place(document, annotations.values.get(SCENARIO_NAME_ANNOTATION) or head),
        lines=document.lines,
    )


def _place(document: Document, node: Node) -> Place:
    return Place(document.name, node.line, node.column)


def check_together(outlines: Iterable[Outline], *, is_all: bool = True) -> Iterator[Finding]:
    """Yield contradictions between templates.

    Args:
        outlines: of all documents that were checked, in the order of the files.
        is_all: whether these are all the templates of a folder, and not single files.
    """
    templates = [outline for outline in outlines if outline.is_aicore and left_over(outline.executable_id) is None]
    yield from _duplicate_ids(templates)
    yield from _two_names(templates)
    groups: dict[tuple[str, str], list[Outline]] = {}
    for template in templates:
        groups.setdefault((template.folder, template.kind), []).append(template)
    for (_, kind), of_kind in groups.items():
        if len(of_kind) > MAXIMUM_TEMPLATES:
            extra = of_kind[MAXIMUM_TEMPLATES]
            yield _finding(
                TOO_MANY,
                extra,
                extra.name_place,
                f"There are {len(of_kind)} {kind}s, but a tenant may have {MAXIMUM_TEMPLATES}: AI Core refuses the "
                "rest, of which this is the first.",
                "Remove some, or combine those that differ only in a value.",
            )
    if not is_all:
        return
    trained = {template.scenario_id for template in templates if template.kind == "WorkflowTemplate"}
    lonely: set[str] = set()
    for template in templates:
        scenario = template.scenario_id
        if template.kind != "ServingTemplate" or not scenario or scenario in trained or scenario in lonely:
            continue
        if left_over(scenario) is not None:
            continue
        lonely.add(scenario)
        yield _finding(
            SERVING_ONLY,
            template,
            template.scenario_place,
            f"No WorkflowTemplate among the files that were checked defines the scenario `{scenario}`; with "
            "ServingTemplates only it stays invisible.",
            "Add a WorkflowTemplate of the scenario, if the tenant has none.",
        )


def _duplicate_ids(templates: list[Outline]) -> Iterator[Finding]:
    first: dict[str, Outline] = {}
    for template in templates:
        if not template.executable_id:
            continue
        other = first.setdefault(template.executable_id, template)
        if other is not template:
            yield _finding(
                DUPLICATE_ID,
                template,
                template.name_place,
                f"The executable id `{template.executable_id}` is used by {other.name_place.path}, line "
                f"{other.name_place.line}: in one tenant, one of the two hides the other.",
                "Give one of them another `metadata.name`.",
                severity=_severity(template, other),
            )


def _two_names(templates: list[Outline]) -> Iterator[Finding]:
    first: dict[str, Outline] = {}
    for template in templates:
        if not template.scenario_id or not template.scenario_name or left_over(template.scenario_id) is not None:
            continue
        other = first.setdefault(template.scenario_id, template)
        if other.scenario_name != template.scenario_name:
            yield _finding(
                TWO_NAMES,
                template,
                template.scenario_name_place,
                f"The scenario `{template.scenario_id}` is called `{template.scenario_name}` here and "
                f"`{other.scenario_name}` in {other.scenario_name_place.path}, line {other.scenario_name_place.line}: "
                "AI Core shows one of them.",
                "Write the same name in both, or give one another scenario id.",
                severity=_severity(template, other),
            )


def check_synced_folder(others: Iterable[Path], outlines: Iterable[Outline]) -> Iterator[Finding]:
    """Yield files that do not belong in a folder that AI Core reads.

    Args:
        others: its YAML and JSON files that are not templates.
        outlines: of the documents in its other files.
    """
    outlines = list(outlines)
    if not any(template.is_aicore for template in outlines):
        return
    for path in others:
        yield Finding(
            NO_TEMPLATE.id,
            NO_TEMPLATE.severity,
            Place(str(path), 1, 1),
            "This file is in a folder of templates but is not one. If AI Core reads this folder, its synchronisation "
            "fails, for the templates as well.",
            "Move it out of the folder.",
        )
    for template in outlines:
        if not template.is_aicore and template.kind == "WorkflowTemplate":
            yield _finding(
                NO_LABELS,
                template,
                template.name_place,
                "This WorkflowTemplate has no label of AI Core, so neither its scenario nor its executable ever "
                "appears.",
                f"Add the labels `{SCENARIO_ID_LABEL}` and `ai.sap.com/version` (the other rules are checked then), or "
                "move it out of the folder.",
            )


def _severity(one: Outline, other: Outline) -> Severity:
    """Return ERROR for templates of one folder, which AI Core reads together; sub-folders are not read."""
    return Severity.ERROR if one.folder == other.folder else Severity.WARNING


def _finding(
    rule: Rule, template: Outline, place: Place, message: str, remedy: str, *, severity: Severity | None = None
) -> Finding:
    line = template.lines[place.line - 1] if 0 < place.line <= len(template.lines) else None
    return Finding(rule.id, rule.severity if severity is None else severity, place, message, remedy, source_line=line)
