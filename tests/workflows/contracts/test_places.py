"""Each difference points at the line that makes it, and says what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_aicore.workflows import Template, parse_template
from pytest_aicore.workflows.contracts.comparison import Comparison, compare
from pytest_aicore.workflows.contracts.contract import contract_of
from pytest_aicore.workflows.contracts.rules import of_comparison, stale

TRAINING = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: fraud-train
  labels:
    scenarios.ai.sap.com/id: fraud
    ai.sap.com/version: "1.4.0"
  annotations:
    scenarios.ai.sap.com/name: Fraud
    executables.ai.sap.com/name: Training
    artifacts.ai.sap.com/rows.kind: dataset
    artifacts.ai.sap.com/rows.description: Payments
    artifacts.ai.sap.com/fraud-model.kind: model
    artifacts.ai.sap.com/fraud-model.name: fraud
    artifacts.ai.sap.com/fraud-model.suffix: .tgz
spec:
  entrypoint: train
  podMetadata: {labels: {ai.sap.com/instanceType: none}}
  arguments:
    parameters:
      - name: PLAN
        default: basic
        description: train.l or basic
      - name: DEPTH
        value: 3
  templates:
    - name: train
      metadata:
        labels:
          ai.sap.com/resourcePlan: starter
      inputs:
        artifacts:
          - name: rows
            path: /rows
            optional: true
      outputs:
        artifacts:
          - name: model
            globalName: fraud-model
            path: /model
      container:
        image: "docker.io/acme/train:1.4.0"
      sidecars:
        - name: readable-log
          image: "docker.io/acme/train-log:1.0"
"""
SERVING = """\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: fraud-serve
  labels: {scenarios.ai.sap.com/id: fraud, ai.sap.com/version: "1.0"}
spec:
  inputs:
    artifacts:
      - name: model
    parameters:
      - name: plan
        default: infer.s
  template:
    metadata:
      labels: |
        # infer.s, at least
        ai.sap.com/resourcePlan: "{{inputs.parameters.plan}}"
    spec: |
      predictor:
        # docker.io/acme/serve
        containers:
          - name: kserve-container
            image: docker.io/acme/serve:1.0
          - image: 'docker.io/acme/log@sha256:0123' # of the day
"""


def compared(old: str, new: str) -> tuple[Template, Comparison]:
    template = parse_template(new, "now.yaml")
    return template, compare(contract_of(parse_template(old).executable), contract_of(template.executable))


def told(text: str, *edits: tuple[str, str]) -> list[tuple[str, str]]:
    """Return the line of each difference, and the sentence about what to do."""
    new = text
    for old_part, new_part in edits:
        assert old_part in new
        new = new.replace(old_part, new_part)
    template, comparison = compared(text, new)
    lines = new.splitlines()
    findings = of_comparison(template, comparison)
    assert [finding.source_line for finding in findings] == [lines[finding.place.line - 1] for finding in findings]
    return [(lines[each.place.line - 1][each.place.column - 1 :], each.remedy) for each in findings]


@pytest.mark.parametrize(
    ("old", "new", "places"),
    [
        ("default: basic", "default: starter", ["starter"]),
        ("value: 3", "value: 4", ["4"]),
        ("        value: 3\n", "", ["DEPTH"]),
        ("train.l or basic", "Where it runs", ["Where it runs"]),
        ("resourcePlan: starter", "resourcePlan: basic", ["basic"]),
        ("docker.io/acme/train:", "docker.io/acme/train-gpu:", ['"docker.io/acme/train-gpu:1.4.0"']),
        ("docker.io/acme/train-log:", "ghcr.io/acme/log:", ['"ghcr.io/acme/log:1.0"']),
        ("rows.kind: dataset", "rows.kind: other", ["artifacts.ai.sap.com/rows.kind: other"]),
        ("    artifacts.ai.sap.com/rows.kind: dataset\n", "", ["rows"]),
        ("rows.description: Payments", "rows.description: P", ["artifacts.ai.sap.com/rows.description: P"]),
        ("optional: true", "optional: false", ["false"]),
        ("            optional: true\n", "", ["rows"]),
        ("model.kind: model", "model.kind: resultset", ["artifacts.ai.sap.com/fraud-model.kind: resultset"]),
        ("model.name: fraud", "model.name: best", ["artifacts.ai.sap.com/fraud-model.name: best"]),
        ("model.suffix: .tgz", "model.suffix: .zip", ["artifacts.ai.sap.com/fraud-model.suffix: .zip"]),
        ("globalName: fraud-model", "path2: x", ["templates:"]),
        ("      - name: DEPTH\n        value: 3\n", "", ["parameters:"]),
        ("name: Fraud\n", "name: Frauds\n", ["scenarios.ai.sap.com/name: Frauds"]),
        ("name: Training", "name: Train", ["executables.ai.sap.com/name: Train"]),
    ],
)
def test_a_difference_of_a_training_has_its_place(old: str, new: str, places: list[str]) -> None:
    assert [place for place, _ in told(TRAINING, (old, new))] == places


@pytest.mark.parametrize(
    ("old", "new", "places"),
    [
        ("acme/serve:1.0", "acme/server:1.0", ["docker.io/acme/server:1.0"]),
        ("acme/log@", "acme/logs@", ["'docker.io/acme/logs@sha256:0123' # of the day"]),
        ('"{{inputs.parameters.plan}}"', "infer.l", ["infer.l"]),
        ('        ai.sap.com/resourcePlan: "{{inputs.parameters.plan}}"\n', "", ["template:"]),
        ("default: infer.s", "default: infer.l", ["infer.l"]),
        ("- name: model", "- name: models", ["models", "models"]),
        ("    artifacts:\n      - name: model\n", "", ["inputs:"]),
    ],
)
def test_a_difference_of_a_serving_has_its_place_also_inside_a_block(old: str, new: str, places: list[str]) -> None:
    assert [place for place, _ in told(SERVING, (old, new))] == places


VERSION = 'version: "1.4.0"'
REMEDY = "Undo it, or announce it with a new `ai.sap.com/version`"


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        ("1.4.0", f'{REMEDY}, which is still "1.4.0".'),
        ("1.3.9", f'{REMEDY}: "1.3.9" is older than "1.4.0".'),
        ("v1.3", f'{REMEDY}: "v1.3" is older than "1.4.0".'),
        ("1.10.0", "It is announced by the new version label."),
        ("1.4.0-rc1", "It is announced by the new version label."),
        ("beta", "It is announced by the new version label."),
        ("2", "It is announced by the new version label."),
    ],
)
def test_a_version_that_went_back_announces_nothing(version: str, remedy: str) -> None:
    edits = ("value: 3", "value: 4"), (VERSION, f'version: "{version}"')
    assert ("4", remedy) in told(TRAINING, *edits)


CHANGES = {
    "nothing else": (),
    "compatible": (("train.l or basic", "Where it runs"),),
    "breaking": (("name: DEPTH", "name: ROWS"),),
    "renamed": (("name: fraud-train", "name: fraud-training"),),
}
LABELS = {"older": "1.3.9", "equal": "1.4.0", "newer": "2.0", "missing": None}
COMPATIBLE = "It is compatible with every configuration that exists"
ANNOUNCED = "It is announced by the new version label"
OLDER = 'Restore "1.4.0", or write a higher one: an older version label announces no change'
IGNORED = (
    "Restore `metadata.name: fraud-train`, or add the old template beside this one. If it was removed on purpose, "
    "`--ignore AIC907` says so."
)
MISSING = "AIC901 Restore the label `ai.sap.com/version`."
UPDATE = "update the contract: pytest --aicore-check --aicore-update"


@pytest.mark.parametrize(
    ("label", "change", "remedies", "stale_remedy"),
    [
        ("older", "nothing else", [f"AIC908 {OLDER}."], f"{OLDER}. If it is intended, {UPDATE}"),
        (
            "older",
            "compatible",
            [f"AIC908 {OLDER}.", f"AIC908 {COMPATIBLE}."],
            f"{OLDER}. If it is intended, {UPDATE}",
        ),
        (
            "older",
            "breaking",
            [f'AIC901 {REMEDY}: "1.3.9" is older than "1.4.0".', f"AIC908 {COMPATIBLE}."],
            None,
        ),
        ("older", "renamed", [f"AIC907 {IGNORED}", f"AIC908 {OLDER}."], None),
        ("equal", "compatible", [f"AIC908 {COMPATIBLE}."], f"{COMPATIBLE}; {UPDATE}"),
        ("equal", "breaking", [f'AIC901 {REMEDY}, which is still "1.4.0".', f"AIC908 {COMPATIBLE}."], None),
        ("equal", "renamed", [f"AIC907 {IGNORED}"], None),
        ("newer", "nothing else", [f"AIC908 {COMPATIBLE}."], f"{COMPATIBLE}; {UPDATE}"),
        ("newer", "compatible", [f"AIC908 {COMPATIBLE}."] * 2, f"{COMPATIBLE}; {UPDATE}"),
        ("newer", "breaking", [f"AIC908 {ANNOUNCED}.", *[f"AIC908 {COMPATIBLE}."] * 2], f"{ANNOUNCED}; {UPDATE}"),
        ("newer", "renamed", [f"AIC907 {IGNORED}", f"AIC908 {COMPATIBLE}."], None),
        ("missing", "nothing else", [MISSING], None),
        ("missing", "compatible", [MISSING, f"AIC908 {COMPATIBLE}."], None),
        ("missing", "breaking", [MISSING, f"AIC901 {REMEDY}, which is missing.", f"AIC908 {COMPATIBLE}."], None),
        ("missing", "renamed", [f"AIC907 {IGNORED}", MISSING], None),
    ],
)
def test_what_is_said_with_each_version_label(
    label: str, change: str, remedies: list[str], stale_remedy: str | None
) -> None:
    """`stale_remedy` is what a golden contract says of it; None where the workflow must not be published like this."""
    new = TRAINING
    version = LABELS[label]
    for old_part, new_part in (*CHANGES[change], (VERSION, f'version: "{version}"')):
        new = new.replace(old_part, new_part)
    if version is None:
        new = new.replace(f'    ai.sap.com/version: "{version}"\n', "")
    template, comparison = compared(TRAINING, new)
    findings = of_comparison(template, comparison)
    assert [f"{finding.rule} {finding.remedy}" for finding in findings] == remedies
    assert [("not new" in finding.message) for finding in findings] == [OLDER in each for each in remedies]
    assert comparison.acceptable == (stale_remedy is not None)
    if stale_remedy is not None:
        assert stale(template, comparison, Path("now.json")).remedy == stale_remedy


@pytest.mark.parametrize(
    ("label", "section"),
    [("    scenarios.ai.sap.com/id: fraud\n", "scenario"), (f"    ai.sap.com/{VERSION}\n", "version")],
)
def test_a_label_without_which_nothing_is_published_has_to_come_back(label: str, section: str) -> None:
    edits = [(label, "")]
    if section == "scenario":
        edits.append((VERSION, 'version: "2.0"'))
    assert told(TRAINING, *edits)[0] == ("labels:", f"Restore the label `{label.split(':')[0].strip()}`.")


def test_who_has_no_scenario_any_more_is_published_no_more() -> None:
    new: Template = parse_template(TRAINING.replace("    scenarios.ai.sap.com/id: fraud\n", ""))
    comparison = compare(contract_of(parse_template(TRAINING).executable), contract_of(new.executable))
    assert comparison.table()[1:] == [
        "  breaking  scenario 'fraud' removed",
        (
            "            Every configuration stops working: without the label scenarios.ai.sap.com/id AI Core publishes"
            " nothing."
        ),
    ]
