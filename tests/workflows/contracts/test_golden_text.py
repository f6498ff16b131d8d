"""The golden file of a contract: what it looks like, and what is said about one that is broken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_aicore.errors import ContractError
from pytest_aicore.workflows import Executable, parse_template
from pytest_aicore.workflows.contracts.contract import contract_of, dump, parse_contract
from tests.places import ROOT, our_folder

GOLDEN = """\
{
  "contract": 1,
  "scenario": {
    "id": "churn",
    "name": "Kündigungen"
  },
  "executable": {
    "id": "churn-train",
    "name": "Training"
  },
  "version": "2.0",
  "deployable": false,
  "parameters": {
    "DEPTH": {
      "default": "3",
      "description": "How deep"
    },
    "RATE": {
      "default": null
    }
  },
  "inputs": {
    "districts": {
      "optional": true
    },
    "rows": {
      "kind": "dataset"
    }
  },
  "outputs": {
    "churn-model": {
      "kind": "model",
      "name": "churn",
      "suffix": ".tgz",
      "description": "A classifier"
    }
  },
  "resourcePlans": [
    "starter"
  ],
  "images": [
    "docker.io/example/churn"
  ]
}
"""
TEMPLATE = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: churn-train
  labels: {scenarios.ai.sap.com/id: churn, ai.sap.com/version: "2.0"}
  annotations:
    scenarios.ai.sap.com/name: Kündigungen
    executables.ai.sap.com/name: Training
    artifacts.ai.sap.com/rows.kind: dataset
    artifacts.ai.sap.com/churn-model.name: churn
    artifacts.ai.sap.com/churn-model.suffix: .tgz
    artifacts.ai.sap.com/churn-model.description: A classifier
spec:
  entrypoint: train
  arguments:
    parameters:
      - {name: RATE}
      - {name: DEPTH, value: 3, description: How deep}
  templates:
    - name: train
      metadata: {labels: {ai.sap.com/resourcePlan: starter}}
      inputs: {artifacts: [{name: rows, path: /a}, {name: districts, path: /b, optional: true}]}
      outputs: {artifacts: [{name: model, globalName: churn-model, path: /m}]}
      container: {image: "docker.io/example/churn:2.0", command: [/bin/sh, -c], args: [train]}
"""


def test_the_golden_file_is_short_sorted_json() -> None:
    assert dump(contract_of(parse_template(TEMPLATE).executable)) == GOLDEN


def test_a_golden_file_is_read_back_as_the_same_contract() -> None:
    assert parse_contract(GOLDEN, "golden") == contract_of(parse_template(TEMPLATE).executable)


@pytest.mark.parametrize("executable_id", our_folder())
def test_our_workflows_are_as_their_golden_contracts_say(executable_id: str) -> None:
    template = our_folder()[executable_id]
    assert template.path is not None
    golden = ROOT / "contracts" / f"{template.path.stem}.json"
    assert golden.read_text(encoding="utf-8") == dump(contract_of(template.executable))


def test_half_a_surrogate_pair_can_be_kept() -> None:
    executable = Executable("churn-train", description="\ud800")
    text = dump(contract_of(executable))
    assert "\\ud800" in text
    assert parse_contract(text, "golden") == contract_of(executable)


def broken(change: dict[str, Any]) -> str:
    return json.dumps({**json.loads(GOLDEN), **change})


REMEDY = "Restore it from git, or update it: pytest --aicore-check --aicore-update"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "c.json:1:1: This is not a golden contract: this is not valid JSON (Expecting value)."),
        (
            '{\n  "contract": 1,\n}\n',
            None,  # the words of Python's parser differ between its versions
        ),
        (
            '{\n<<<<<<< HEAD\n  "contract": 1\n',
            "c.json:2:1: This is not a golden contract: a merge of git left a conflict here.",
        ),
        ("[]", "c.json: This is not a golden contract: it is not a JSON object."),
        ("[" * 100_000, "c.json: This is not a golden contract: it is nested too deeply."),
        (
            '{"contract": 1, "contract": 1}',
            "c.json: This is not a golden contract: an object has the key 'contract' twice.",
        ),
        (
            broken({"contract": 2}),
            "c.json: This is not a golden contract: `contract` is 2; this version reads format 1.",
        ),
        (
            broken({"input": {}}),
            "c.json: This is not a golden contract: it has an unknown key 'input'. Did you mean 'inputs'?",
        ),
        (
            json.dumps({key: value for key, value in json.loads(GOLDEN).items() if key != "version"}),
            "c.json: This is not a golden contract: it has no `version`.",
        ),
        (broken({"version": 2.0}), "c.json: This is not a golden contract: `version` is not a string."),
        (broken({"deployable": "no"}), "c.json: This is not a golden contract: `deployable` is not true or false."),
        (broken({"executable": {}}), "c.json: This is not a golden contract: `executable` has no `id`."),
        (broken({"parameters": []}), "c.json: This is not a golden contract: `parameters` is not an object."),
        (
            broken({"parameters": {"A": "3"}}),
            "c.json: This is not a golden contract: `parameters.A` is not an object.",
        ),
        (
            broken({"parameters": {"A": {"default": 3}}}),
            "c.json: This is not a golden contract: `parameters.A.default` is not a string.",
        ),
        (
            broken({"inputs": {"rows": {"kinds": "model"}}}),
            "c.json: This is not a golden contract: `inputs.rows` has an unknown key 'kinds'. Did you mean 'kind'?",
        ),
        (broken({"images": "a"}), "c.json: This is not a golden contract: `images` is not a list of strings."),
    ],
)
def test_a_broken_golden_file_is_an_error_that_says_where(text: str, message: str | None) -> None:
    with pytest.raises(ContractError) as caught:
        parse_contract(text, "c.json")
    if message is None:
        assert str(caught.value).startswith("c.json:")
        assert str(caught.value).endswith(f").\n{REMEDY}")
    else:
        assert str(caught.value) == f"{message}\n{REMEDY}"
