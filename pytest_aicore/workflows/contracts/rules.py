"""Differences between contracts as findings: at the line that causes them, with a rule, a consequence and a remedy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pytest_aicore.redact import redact
from pytest_aicore.workflows.checks.findings import Finding
from pytest_aicore.workflows.checks.rule import Rule, Severity, collect
from pytest_aicore.workflows.contracts.comparison import Difference, Impact
from pytest_aicore.workflows.contracts.contract import without_tag
from pytest_aicore.workflows.executable import (
    ARTIFACT_ANNOTATION_PREFIX,
    EXECUTABLE_DESCRIPTION_ANNOTATION,
    EXECUTABLE_NAME_ANNOTATION,
    SCENARIO_DESCRIPTION_ANNOTATION,
    SCENARIO_ID_LABEL,
    SCENARIO_NAME_ANNOTATION,
    VERSION_LABEL,
)
from pytest_aicore.workflows.yaml.places import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pytest_aicore.workflows.contracts.comparison import Comparison
    from pytest_aicore.workflows.template import Template
    from pytest_aicore.workflows.yaml.tree import MappingNode

_BEFORE: Final = """\
metadata:
  labels:
    ai.sap.com/version: "1.0.0" # as before
spec:
  arguments:
    parameters:
      - name: MAX_DEPTH # was DEPTH
"""
_AFTER: Final = _BEFORE.replace('"1.0.0" # as before', '"2.0.0" # was 1.0.0')

BREAKING: Final = Rule(
    id="AIC901",
    name="breaking-change",
    severity=Severity.ERROR,
    layer="contract",
    summary="Existing configurations stop working, and the version label is the same",
    explanation=(
        "Configurations are immutable and bind by name. A parameter or input that is removed, renamed or newly "
        "required, or a removed output break those that exist: their executions end DEAD or stay PENDING. A new "
        "version label announces that this is intended."
    ),
    bad=_BEFORE,
    good=_AFTER,
)
UNVERSIONED: Final = Rule(
    id="AIC902",
    name="unversioned-change",
    severity=Severity.ERROR,
    layer="contract",
    summary="Existing configurations run differently, and the version label is the same",
    explanation=(
        "Another default, image, resource plan, or one more output: existing configurations keep running, but do "
        "something else than when they were made. A new version label lets their owners see it."
    ),
    bad=_BEFORE.replace("      - name: MAX_DEPTH # was DEPTH\n", '      - name: DEPTH\n        default: "4" # was 3\n'),
    good=_AFTER.replace("      - name: MAX_DEPTH # was DEPTH\n", '      - name: DEPTH\n        default: "4" # was 3\n'),
)
MISSING: Final = Rule(
    id="AIC903",
    name="no-golden-contract",
    severity=Severity.ERROR,
    layer="contract",
    summary="The workflow has no golden contract",
    explanation=(
        "Without one a change that breaks configurations is not noticed. `pytest --aicore-check --aicore-update` "
        "writes it to the folder `contracts` beside the workflows folder; commit it together with the workflow. "
        "In a project that has no golden contract at all this is one warning, and the tests of contracts are skipped."
    ),
    bad="workflows/train.yaml\n",
    good="workflows/train.yaml\ncontracts/train.json\n",
)
UNREADABLE: Final = Rule(
    id="AIC904",
    name="no-comparison",
    severity=Severity.ERROR,
    layer="contract",
    summary="The contract cannot be compared",
    explanation=(
        "The workflow or its golden contract cannot be read, the golden contract would be outside of its folder, or "
        "two workflows would share it."
    ),
    bad="contracts/train.json -> /elsewhere/train.json\n",
    good="contracts/train.json\n",
)
STALE: Final = Rule(
    id="AIC905",
    name="stale-golden-contract",
    severity=Severity.WARNING,
    layer="contract",
    summary="The workflow may be published, but its golden contract is out of date",
    explanation=(
        "A compatible change, or one that a new version label announces. As long as the golden contract is not "
        "updated, the next change is compared with the old one, and its consequences are not shown correctly."
    ),
    bad='ai.sap.com/version: "2.0.0" # the golden contract has 1.0.0\n',
    good='ai.sap.com/version: "2.0.0" # as in the golden contract\n',
)
ORPHANED: Final = Rule(
    id="AIC906",
    name="golden-contract-without-workflow",
    severity=Severity.ERROR,
    layer="contract",
    summary="A golden contract belongs to no workflow file",
    explanation=(
        "The workflow is gone, and every configuration of its executable stops working. If that is intended, delete "
        "the contract as well. It is reported once, with the first workflow of a session that collects folders."
    ),
    bad="contracts/train.json\n",
    good="workflows/train.yaml\ncontracts/train.json\n",
)
REMOVED: Final = Rule(
    id="AIC907",
    name="executable-removed",
    severity=Severity.ERROR,
    layer="contract",
    summary="An executable does not exist any more, or has another id or scenario",
    explanation=(
        "Every configuration of it stops working: AI Core has no executable with that id, or not in that scenario. No "
        "version label can announce that this is intended; `--ignore AIC907` can, and updating a golden contract."
    ),
    bad="git rm workflows/train.yaml\n",
    good="git mv workflows/train.yaml workflows/training.yaml\n",
)
ACCEPTED: Final = Rule(
    id="AIC908",
    name="announced-change",
    severity=Severity.HINT,
    layer="contract",
    summary="A change that existing configurations survive, or that a new version label announces",
    explanation="It is reported for reviews, and never fails.",
    bad="- name: SEED\n  description: a random number # was: A random number\n",
    good="- name: SEED\n  description: A random number\n",
)

CONTRACT_RULES: Final = collect("contract")
"""The rules of contracts by id, besides those of single files."""

NEW_VERSION: Final = f"Undo it, or announce it with a new `{VERSION_LABEL}`"


def finding(rule: Rule, place: Place, message: str, remedy: str, source_line: str | None = None) -> Finding:
    """Return a finding of a rule of contracts, without secrets.

    Args:
        rule: the rule.
        place: where.
        message: what happened.
        remedy: what to do.
        source_line: the line at the place.
    """
    return Finding(rule.id, rule.severity, place, redact(message), remedy, source_line=source_line)


def at_start(rule: Rule, path: str, message: str, remedy: str) -> Finding:
    """Return a finding about a file as a whole."""
    return finding(rule, Place(path, 1, 1), message, remedy)


def of_comparison(template: Template, comparison: Comparison, *, quiet: bool = False) -> list[Finding]:
    """Return what a comparison found, each difference at the line that makes it.

    Args:
        template: as it is now.
        comparison: with what it was.
        quiet: whether to leave out what is acceptable.
    """
    failing = set(comparison.failing)
    needs_version = any(difference.excusable for difference in failing)
    found: list[Finding] = []
    for difference in comparison.differences:
        if difference not in failing:
            is_told = needs_version and comparison.is_older_version(difference)
            if not (quiet or is_told):  # the remedies of what fails tell of a version that is older
                said = _said(difference, comparison.word_of(difference))
                found.append(_at(template, difference, ACCEPTED, said, f"{_acceptable(comparison, difference)}."))
            continue
        said = _said(difference, difference.impact.words)
        if (
            difference.name == "id"
            and difference.section in ("executable", "scenario")
            and comparison.new.terms.scenario_id
        ):
            how = f"update the contract: {UPDATE}" if quiet else f"`--ignore {REMOVED.id}` says so."
            found.append(_at(template, difference, REMOVED, said, f"{_restore(comparison, difference)} {how}"))
            continue
        rule = BREAKING if difference.impact == Impact.BREAKING else UNVERSIONED
        remedy = f"{NEW_VERSION}{_not_announced(comparison)}."
        if not difference.excusable:
            remedy = f"Restore the label `{VERSION_LABEL if difference.section == 'version' else SCENARIO_ID_LABEL}`."
        found.append(_at(template, difference, rule, said, remedy))
    return found


def _restore(comparison: Comparison, difference: Difference) -> str:
    terms = comparison.old.terms
    key, was = (
        ("metadata.name", terms.id) if difference.section == "executable" else (SCENARIO_ID_LABEL, terms.scenario_id)
    )
    return f"Restore `{key}: {was}`, or add the old template beside this one. If it was removed on purpose,"


def _said(difference: Difference, word: str) -> str:
    what = difference.what[0].upper() + difference.what[1:]
    return f"{what}: {word}. {difference.consequence}".strip()


def _not_announced(comparison: Comparison) -> str:
    old, new = comparison.old.terms.version_id, comparison.new.terms.version_id
    if new is None:
        return ", which is missing"
    return f': "{new}" is older than "{old}"' if comparison.has_older_version else f', which is still "{new}"'


def _acceptable(comparison: Comparison, difference: Difference) -> str:
    """Return why a difference may be published, or what to do about it; a sentence without its full stop."""
    if comparison.is_older_version(difference):
        version = comparison.old.terms.version_id
        return f'Restore "{version}", or write a higher one: an older version label announces no change'
    if difference.impact == Impact.COMPATIBLE:
        return "It is compatible with every configuration that exists"
    return "It is announced by the new version label"


def _at(template: Template, difference: Difference, rule: Rule, message: str, remedy: str) -> Finding:
    place = place_of(template, difference)
    return finding(rule, place, message, remedy, template.document.line(place.line))


# --- the place of a difference -------------------------------------------------------------------------------

_FIELDS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("executable", "id"): ("metadata", "name"),
    ("executable", "deployable"): ("kind",),
    ("executable", "name"): ("metadata", "annotations", EXECUTABLE_NAME_ANNOTATION),
    ("executable", "description"): ("metadata", "annotations", EXECUTABLE_DESCRIPTION_ANNOTATION),
    ("scenario", "id"): ("metadata", "labels", SCENARIO_ID_LABEL),
    ("scenario", "name"): ("metadata", "annotations", SCENARIO_NAME_ANNOTATION),
    ("scenario", "description"): ("metadata", "annotations", SCENARIO_DESCRIPTION_ANNOTATION),
    ("version", "id"): ("metadata", "labels", VERSION_LABEL),
}


def place_of(template: Template, difference: Difference) -> Place:
    """Return the place of a difference in a template; for something removed that of its successor or its list.

    Args:
        template: as it is now.
        difference: with what it was.
    """
    fields = _FIELDS.get((difference.section, difference.name))
    if fields is not None:
        return template.place_of(*fields)
    pods = {"plans": template.plan_places, "images": template.image_places}.get(difference.section)
    if pods is not None:
        # What the contract calls an image has no tag; a plan may have a placeholder that looks like one.
        named = without_tag if difference.section == "images" else str
        places = (place for written, place in pods() if named(written) == difference.name)
        return next(places, template.place_of("spec", "template" if template.deployable else "templates"))
    declared = _declaration(template, difference)
    if declared is not None:
        return declared
    where = {
        "parameters": ("spec", "inputs", "parameters") if template.deployable else ("spec", "arguments", "parameters"),
        "inputs": ("spec", "inputs", "artifacts") if template.deployable else ("spec", "templates"),
    }
    return template.place_of(*where.get(difference.section, ("spec", "templates")))


_WRITTEN: Final[Mapping[str, tuple[str, ...]]] = {
    "default": ("default", "value"),
    "description": ("description",),
    "optional": ("optional",),
}
"""The keys of the fields of a declaration; the other fields of an artifact are annotations."""


def _declaration(template: Template, difference: Difference) -> Place | None:
    """Return the place of the field that differs, else of its declaration or of what it was renamed to."""
    key = "globalName" if difference.section == "outputs" else "name"
    nodes: list[MappingNode] = {
        "parameters": template.parameters,
        "inputs": template.input_artifacts,
        "outputs": [node for node, _ in template.output_artifacts],
    }[difference.section]
    names = (difference.name, difference.renamed)
    node = next((node for node in nodes if node.name(key) is not None and node.name(key) in names), None)
    if node is None:
        return None
    if difference.section != "parameters":
        annotation = f"{ARTIFACT_ANNOTATION_PREFIX}{difference.name}.{difference.field}"
        if annotation in template.annotations:
            return template.place_of("metadata", "annotations", annotation)
    written = next((each for each in _WRITTEN.get(difference.field, ()) if node.text(each) is not None), key)
    return template.document.place(node.values[written])


# --- golden contracts ---------------------------------------------------------------------------------------

UPDATE: Final = "pytest --aicore-check --aicore-update"


def missing(workflow: str, golden: Path, executable_id: str, renamed_from: Path | None = None) -> Finding:
    """Return the finding of a workflow without a golden contract.

    Args:
        workflow: what messages call the workflow file.
        golden: the path of its contract.
        executable_id: its executable.
        renamed_from: a contract of the same executable under another name, whose workflow file is gone.
    """
    if renamed_from is not None:
        here = renamed_from.parent == golden.parent
        return at_start(
            MISSING,
            workflow,
            f"The golden contract of {executable_id!r} is still '{renamed_from}': the workflow file was"
            f" {'renamed' if here else 'moved'}.",
            f"{'Rename' if here else 'Move'} it to '{golden.name if here else golden}', or let this command do it: "
            f"{UPDATE}",
        )
    return at_start(
        MISSING,
        workflow,
        f"The golden contract '{golden}' does not exist, so changes that break configurations would not be noticed.",
        f"Write it, review it, and commit it: {UPDATE}",
    )


def offered(workflow: str, *, told: bool) -> Finding:
    """Return the finding of a workflow in a project that has no golden contracts yet: it may want some.

    Args:
        workflow: what messages call the workflow file.
        told: whether another workflow has told so already.
    """
    what = "This project has no golden contracts yet, which notice changes that break configurations."
    finding = at_start(MISSING, workflow, what, f"Write them, review them, and commit them: {UPDATE}")
    return replace(finding, severity=Severity.HINT if told else Severity.WARNING)


def stale(template: Template, comparison: Comparison, golden: Path) -> Finding:
    """Return the finding of a golden contract that is out of date by an acceptable change.

    Args:
        template: as it is now.
        comparison: of the golden contract with it.
        golden: the golden contract.
    """
    worst = comparison.differences[0]
    more = f" (and {len(comparison.differences) - 1} more)" if len(comparison.differences) > 1 else ""
    message = f"The golden contract '{golden}' is out of date: {worst.what}{more}."
    then = ". If it is intended," if comparison.is_older_version(worst) else ";"
    remedy = f"{_acceptable(comparison, worst)}{then} update the contract: {UPDATE}"
    return _at(template, worst, STALE, message, remedy)


def orphaned(path: str, folder: Path, executable_id: str) -> Finding:
    """Return the finding of a golden contract without a workflow.

    Args:
        path: what messages call the golden contract.
        folder: the folder of its workflow file.
        executable_id: its executable.
    """
    return at_start(
        ORPHANED,
        path,
        f"No workflow file in '{folder}' belongs to this golden contract: every configuration of {executable_id!r}"
        " stops working.",
        "Put the workflow back, or delete the contract as well.",
    )


def removed(path: str, template: Template, reference: str) -> Finding:
    """Return the finding of a workflow that a revision has and that is missing now.

    Args:
        path: what messages call the file that was.
        template: as it was.
        reference: the revision.
    """
    return at_start(
        REMOVED,
        path,
        f"The executable {template.name!r} was here in {reference} and is missing now: every configuration of it stops"
        " working.",
        f"Put the workflow back, or name the folder that it was moved to as well; `--ignore {REMOVED.id}` says that it"
        " was removed on purpose.",
    )


def rules_by_id(rules: Iterable[Rule]) -> dict[str, Rule]:
    """Return rules and those of contracts, by id."""
    return {rule.id: rule for rule in sorted([*rules, *CONTRACT_RULES.values()], key=lambda rule: rule.id)}
