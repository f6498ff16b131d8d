"""Slips of the indentation and of single words: one finding, at the line of the slip, and nothing that follows."""

from __future__ import annotations

import pytest

from pytest_aicore.workflows.checks import CheckOptions, check_document, check_files

TRAINING = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: churn-train
  annotations:
    scenarios.ai.sap.com/name: Churn
    executables.ai.sap.com/name: Training
    artifacts.ai.sap.com/churn-model.kind: model
  labels:
    scenarios.ai.sap.com/id: customer-churn
    ai.sap.com/version: "1.0"
spec:
  entrypoint: main
  arguments:
    parameters:
      - name: DEPTH
  templates:
    - name: main
      steps:
        - - name: prepare
            template: prepare
        - - name: train
            template: train
            arguments:
              artifacts:
                - name: rows
                  from: "{{steps.prepare.outputs.artifacts.rows}}"
              parameters:
                - name: count
                  value: "{{steps.prepare.outputs.parameters.count}}"
    - name: prepare
      metadata:
        labels:
          ai.sap.com/resourcePlan: starter
      inputs:
        artifacts:
          - name: contracts
            path: /app/data
      outputs:
        parameters:
          - name: count
            valueFrom:
              path: /app/count
        artifacts:
          - name: rows
            path: /app/rows
      container:
        image: docker.io/example/churn:1
        command: ["/bin/sh", "-c"]
        args: ["python prepare.py {{inputs.artifacts.contracts.path}} {{workflow.parameters.DEPTH}}"]
    - name: train
      metadata:
        labels:
          ai.sap.com/resourcePlan: starter
      inputs:
        parameters:
          - name: count
        artifacts:
          - name: rows
            path: /app/rows
      outputs:
        artifacts:
          - name: model
            path: /app/model
            globalName: churn-model
      container:
        image: docker.io/example/churn:1
        command: ["/bin/sh", "-c"]
        args: ["python train.py {{inputs.parameters.count}}"]
        env:
          - name: TOKEN
            valueFrom:
              secretKeyRef:
                name: churn
                key: token
"""
SERVING = """\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: churn-serve
  annotations:
    scenarios.ai.sap.com/name: Churn
    executables.ai.sap.com/name: Serving
  labels:
    scenarios.ai.sap.com/id: customer-churn
    ai.sap.com/version: "1.0"
spec:
  inputs:
    artifacts:
      - name: model
    parameters:
      - name: replicas
        default: "1"
  template:
    apiVersion: serving.kserve.io/v1beta1
    metadata:
      labels: |
        ai.sap.com/resourcePlan: starter
    spec: |
      predictor:
        minReplicas: {{inputs.parameters.replicas}}
        containers:
          - name: kserve-container
            image: docker.io/example/serve:1
            command: ["/bin/sh", "-c"]
            args: ["python serve.py"]
            env:
              - name: STORAGE_URI
                value: "{{inputs.artifacts.model}}"
"""


def found(text: str) -> list[str]:
    findings = check_document(text, options=CheckOptions(argo_types=False))
    return [f"{finding.place.line} {finding.rule}" for finding in findings]


def shifted(text: str, first: int, last: int, by: int) -> str:
    """Indent lines, counted from 1, by so many spaces more, or less."""
    lines = text.removesuffix("\n").split("\n")
    for number in range(first - 1, last):
        lines[number] = " " * by + lines[number] if by > 0 else lines[number][-by:]
    return "\n".join(lines)


def test_the_templates_are_without_fault() -> None:
    assert found(TRAINING) == found(SERVING) == []


@pytest.mark.parametrize(
    ("first", "last", "by", "expected"),
    [
        (5, 8, -2, "5 AIC235"),  # annotations beside metadata
        (9, 11, -2, "9 AIC235"),  # labels beside metadata
        (9, 11, 2, "9 AIC235"),  # labels among the annotations
        (9, 9, 2, "9 AIC235"),
        (9, 9, -2, "9 AIC235"),
        (10, 10, 1, "10 AIC106"),
        (10, 10, -1, "10 AIC106"),
        (11, 11, -2, "11 AIC235"),
        (12, 75, 2, "12 AIC235"),  # the specification in the metadata
        (12, 12, 2, "12 AIC235"),
        (14, 16, -2, "14 AIC235"),
        (15, 16, -2, "15 AIC235"),  # parameters beside arguments
        (17, 75, 2, "17 AIC235"),  # templates among the arguments
        (28, 30, 4, "28 AIC235"),  # parameters in an artifact
        (33, 34, -2, "33 AIC235"),  # labels beside metadata
        (35, 38, 2, "35 AIC235"),  # inputs in the metadata
        (36, 38, -2, "36 AIC235"),
        (39, 46, 2, "39 AIC235"),  # outputs among the inputs
        (40, 43, 2, "40 AIC106"),
        (44, 46, -2, "44 AIC235"),
        (44, 46, 4, "44 AIC235"),
        (47, 47, 2, "47 AIC235"),  # container among the outputs, level with what is in it
        (47, 50, 2, "47 AIC235"),
        (75, 75, -2, "75 AIC235"),
    ],
)
def test_a_slip_of_the_indentation_is_told_once(first: int, last: int, by: int, expected: str) -> None:
    assert found(shifted(TRAINING, first, last, by)) == [expected]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("kind: WorkflowTemplate", "kind: Workflow", "2 AIC301"),
        ("artifacts.ai.sap.com/churn", "artifact.ai.sap.com/churn", "8 AIC312"),
        ("template: prepare", "templateName: prepare", "21 AIC201"),
        ("artifacts.rows}}", "artifacts.rows.path}}", "27 AIC244"),
        ("        - - name: train", "          - name: train", "30 AIC243"),
        ("Plan: starter", "Plan:", "34 AIC313"),
        ("Plan: starter", "Plan:starter", "34 AIC202"),
        ("path: /app/count", "file: /app/count", "43 AIC201"),
        ("globalName: churn-model", "globalName: churn model", "65 AIC211"),
    ],
)
def test_a_slip_in_a_training_is_told_once(old: str, new: str, expected: str) -> None:
    assert found(TRAINING.replace(old, new, 1)) == [expected]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  template:", "  templates:", "18 AIC201"),
        ("labels: |", "labels:", "21 AIC331"),
        ("spec: |", "spec:", "23 AIC331"),
        ("{{inputs.artifacts.model}}", "{inputs.artifacts.model}", "33 AIC333"),
        ("{{inputs.parameters.replicas}}", "{{inputs.parameters.number}}", "25 AIC333"),
        ("STORAGE_URI", "STORAGE_URL", "32 AIC312"),
    ],
)
def test_a_slip_in_a_server_is_told_once(old: str, new: str, expected: str) -> None:
    assert found(SERVING.replace(old, new, 1)) == [expected]


def test_expressions_have_brackets_of_their_own() -> None:
    text = TRAINING.replace("{{workflow.parameters.DEPTH}}", "{{=asInt(workflow.parameters.DEPTH) + 1}}")
    assert found(text) == []
    assert found(TRAINING.replace("{{workflow.parameters.DEPTH}}", "$(workflow.parameters.DEPTH)")) == ["50 AIC247"]


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("{{ workflow.parameters.DEPHT }}", "AIC240"),
        ("{{ workflow.parameter.DEPTH }}", "AIC245"),
        ("{{ inputs.parameters.DEPTH }}", "AIC240"),
        ("{{ steps.train.outputs.result }}", "AIC242"),
        ("{{ steps.train.output.parameters.count }}", "AIC242"),
    ],
)
def test_blanks_hide_no_mistake_that_was_meant_for_argo(written: str, rule: str) -> None:
    assert found(TRAINING.replace("{{workflow.parameters.DEPTH}}", written)) == [f"50 {rule}"]


@pytest.mark.parametrize("name", ["abc", "abcd"])
def test_an_executable_id_has_four_characters_at_least(name: str) -> None:
    text = TRAINING.replace("name: churn-train", f"name: {name}")
    assert found(text) == (["4 AIC307"] if len(name) < 4 else [])


def test_of_a_server_alone_nobody_knows_whether_there_is_a_training(tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "serve.yaml"
    file.write_text(SERVING)
    options = CheckOptions(argo_types=False)
    assert [finding.severity.word for finding in check_files([file], options=options).findings] == []
    assert [finding.severity.word for finding in check_files([tmp_path], options=options).findings] == ["warning"]
