"""A hint names what was meant, or there is none: what is left of a placeholder without its braces is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.workflows.checks import CheckOptions, Severity, check_document
from tests.workflows.checks.planting import SAMPLES

if TYPE_CHECKING:
    from pytest_aicore.workflows.checks import Finding

TRAINING = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: NAME
  labels:
    scenarios.ai.sap.com/id: SCENARIO
    ai.sap.com/version: "1.0.0"
    job: LABEL
  annotations: {scenarios.ai.sap.com/name: Leaves, executables.ai.sap.com/name: Leaf training}
spec:
  entrypoint: train
  arguments: {parameters: [{name: job, value: "1"}]}
  templates:
    - name: train
      metadata: {labels: {ai.sap.com/resourcePlan: starter}}
      inputs: {artifacts: [{name: ARTIFACT, path: /app/leaves}]}
      container:
        image: IMAGE
        command: ["/bin/sh", "-c"]
        args: ["python train.py {{workflow.parameters.job}}"]
"""
RIGHT = {
    "NAME": "leaf-train",
    "SCENARIO": "leaf-scenario",
    "LABEL": "weekly",
    "ARTIFACT": "leaves",
    "IMAGE": "docker.io/example/leaf:1",
}


def findings(place: str, value: str, text: str = TRAINING) -> list[Finding]:
    """Return the findings about a template in which one value is another one."""
    for each, right in {**RIGHT, place: f'"{value}"'}.items():
        text = text.replace(each, right)
    return check_document(text, options=CheckOptions(argo_types=False))


FIXED = "nothing replaces placeholders in the template's own metadata."
PODS = "Put the label into `spec.templates[].metadata.labels`: Argo replaces placeholders there, and "


@pytest.mark.parametrize(
    ("place", "rule", "remedy"),
    [
        ("LABEL", "AIC309", PODS),
        ("SCENARIO", "AIC308", "Write the value itself: "),
        ("NAME", "AIC307", "Write the id itself: "),
    ],
)
def test_a_placeholder_in_the_templates_own_metadata(place: str, rule: str, remedy: str) -> None:
    written = "{{workflow.parameters.job}}"
    (found,) = findings(place, written)
    what = f"executable id `{written}`" if place == "NAME" else f"value `{written}` of a label"
    assert (found.rule, found.text) == (rule, f"Invalid {what}; Kubernetes refuses the template. {remedy}{FIXED}")


def test_a_placeholder_in_a_label_of_a_serving_template() -> None:
    text = (SAMPLES / "serving.yaml").read_text(encoding="utf-8")
    text = text.replace("  labels:\n", '  labels:\n    plan: "{{inputs.parameters.plan}}"\n', 1)
    assert [found.text for found in check_document(text)] == [
        (
            "Invalid value `{{inputs.parameters.plan}}` of a label; Kubernetes refuses the template. Put the label into"
            f" `spec.template.metadata.labels`: AI Core replaces placeholders there, and {FIXED}"
        )
    ]


@pytest.mark.parametrize(
    ("place", "value", "near"),
    [
        ("LABEL", "daily run", "daily-run"),
        ("LABEL", "-daily", "daily"),
        ("LABEL", "Straße", None),
        ("LABEL", "Qualität", "Qualitat"),
        ("LABEL", "葉 v1", None),
        ("LABEL", "$(date +%F)", None),
        ("LABEL", "{% if daily %}", None),
        ("LABEL", "a/b/c/d", None),
        ("SCENARIO", "leaf scenario", "leaf-scenario"),
        ("SCENARIO", "{{workflow.parameters.job}}", None),
        ("SCENARIO", "a b", None),
        ("NAME", "Leaf Train", "leaf-train"),
        ("NAME", "葉の訓練 v1", None),
        ("NAME", "leaf{1}", None),
        ("IMAGE", "https://docker.io/example/leaf:1", "docker.io/example/leaf:1"),
        ("IMAGE", "docker.io/Example/Leaf:1", "docker.io/example/leaf:1"),
        ("IMAGE", "https://docker.io/Example/Leaf:1", "docker.io/example/leaf:1"),
        ("IMAGE", "https://docker.io/my image:1", None),
        ("IMAGE", "docker.io/Example/leaf:1 # new", None),
    ],
)
def test_what_is_asked_for_is_right_and_near(place: str, value: str, near: str | None) -> None:
    found = [finding for finding in findings(place, value) if finding.severity is Severity.ERROR]
    assert [finding.hint for finding in found] == [f"Did you mean {near!r}?" if near else None]
    if near:
        assert [finding for finding in findings(place, near) if finding.severity is Severity.ERROR] == []


@pytest.mark.parametrize(
    ("name", "better"), [("leaf data", ": `leaf-data`"), ("leaf_data!", ": `leaf_data`"), ("data{1}", ""), ("葉", "")]
)
def test_the_name_of_an_artifact_that_is_asked_for(name: str, better: str) -> None:
    (found,) = findings("ARTIFACT", name)
    assert found.text == (
        f"Invalid name `{name}` of an artifact. Argo refuses it, so each execution ends DEAD without a log. "
        f"Use letters, digits, hyphens and underscores{better}."
    )


@pytest.mark.parametrize(("amount", "near"), [("4 GB", "4Gi"), ("1.5.2GB", None), ("{4}GB", None)])
def test_the_amount_that_is_asked_for(amount: str, near: str | None) -> None:
    text = TRAINING.replace("image: IMAGE", f'image: IMAGE\n        resources: {{limits: {{memory: "{amount}"}}}}')
    (found,) = [finding for finding in findings("LABEL", "daily", text) if finding.severity is Severity.ERROR]
    assert (found.rule, found.hint) == ("AIC204", f"Did you mean {near!r}?" if near else None)
