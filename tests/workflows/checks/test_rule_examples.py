"""Each rule's own examples: the bad one breaks that rule and no other, the good one breaks none."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from pytest_aicore.workflows.checks import RULES, CheckOptions, Rule, check_document, check_files

# A template without a fault, into which the examples are put.
TRAINING = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: churn-train
  labels: {scenarios.ai.sap.com/id: customer-churn, ai.sap.com/version: "1.0.0"}
  annotations: {scenarios.ai.sap.com/name: Customer churn, executables.ai.sap.com/name: Churn training}
spec:
  entrypoint: train
  templates:
  - name: train
    metadata: {labels: {ai.sap.com/resourcePlan: starter}}
    container: {image: docker.io/example/churn:1, command: ["/bin/sh", "-c"], args: ["./train"]}
"""
SERVING = """
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: churn-serve
  labels: {scenarios.ai.sap.com/id: customer-churn, ai.sap.com/version: "1.0.0"}
  annotations: {scenarios.ai.sap.com/name: Customer churn, executables.ai.sap.com/name: Churn serving}
"""
AT_THE_ROOT = ("apiVersion", "kind", "spec")
OPTIONS = CheckOptions(
    ignore=frozenset({"AIC313", "AIC329"}),  # examples are short: most name neither a plan nor use their parameters
    argo_types=False,
)


def document_of(example: str, rule: Rule) -> str:
    """Return a whole document with the example in the place where its keys belong."""
    piece = yaml.safe_load(example)
    is_serving = isinstance(piece, dict) and "template" in piece.get("spec", {})
    document: dict[str, Any] = yaml.safe_load(SERVING if is_serving else TRAINING)
    for key, value in piece.items():
        if key in AT_THE_ROOT or (key == "metadata" and "name" in value):
            if key == "spec" and "templates" not in value and rule.id in ("AIC232", "AIC326"):
                document["spec"].update(value)
            else:
                document[key] = value
        elif key == "activeDeadlineSeconds":
            document["spec"][key] = value
        else:
            document["spec"]["templates"][0][key] = value
    return yaml.safe_dump(document, sort_keys=False)


EXAMPLES = [rule for rule in RULES.values() if rule.layer in ("argo", "aicore") and rule.id not in ("AIC200", "AIC260")]


@pytest.mark.parametrize("rule", EXAMPLES, ids=[rule.id for rule in EXAMPLES])
def test_the_bad_example_breaks_the_rule_and_no_other(rule: Rule) -> None:
    options = CheckOptions(ignore=OPTIONS.ignore - {rule.id}, argo_types=False)
    found = [finding.rule for finding in check_document(document_of(rule.bad, rule), options=options)]
    assert set(found) == {rule.id}


@pytest.mark.parametrize("rule", EXAMPLES, ids=[rule.id for rule in EXAMPLES])
def test_the_good_example_breaks_no_rule(rule: Rule) -> None:
    assert [str(finding) for finding in check_document(document_of(rule.good, rule), options=OPTIONS)] == []


SYNTAX = [f"AIC{number}" for number in (*range(101, 111), 112, 117, 118)]


@pytest.mark.parametrize("rule_id", SYNTAX)
def test_the_bad_example_of_a_rule_about_yaml(rule_id: str) -> None:
    rule = RULES[rule_id]
    text = f"kind: WorkflowTemplate\n{rule.bad}\n"
    if rule.bad.startswith("  - "):
        text = f"kind: WorkflowTemplate\nspec:\n  templates:\n{rule.bad}\n"
    found = [finding.rule for finding in check_document(text)]
    assert rule_id in found


def test_a_template_of_argo_alone() -> None:
    rest = "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nspec:\n  entrypoint: a\n  templates:\n"
    rest += "  - {name: a, suspend: {}}\n"
    for example, expected in ((RULES["AIC260"].bad, ["AIC260"]), (RULES["AIC260"].good, [])):
        assert [finding.rule for finding in check_document(f"{rest}{example}\n")] == expected


def test_hera_or_a_hint(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    file = tmp_path / "train.yaml"
    file.write_text(TRAINING, encoding="utf-8")
    monkeypatch.setattr("pytest_aicore.workflows.checks.engine.has_all_types", lambda: False)
    assert [finding.text for finding in check_files([file]).findings] == [
        (
            "Argo's types are checked only in part, because hera is not installed. "
            "Install it: pip install 'pytest-aicore[argo]'."
        )
    ]
    assert check_files([file], options=CheckOptions(argo_types=False)).findings == []
    monkeypatch.setattr("pytest_aicore.workflows.checks.engine.has_all_types", lambda: True)
    assert check_files([file]).findings == []
