"""The manifest as a run would get it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.errors import ContractError, PlanError
from pytest_aicore.workflows import parse_template
from pytest_aicore.workflows.contracts.goldens import Goldens
from pytest_aicore.workflows.yaml.source import dump, parse, plain
from tests.places import our_folder

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = our_folder()
TRAINING = FOLDER["text-clf-train-tutorial"]
SERVING = FOLDER["text-clf-infer-tutorial"]
DATA = {"text-data": "ai://default/data"}
MODEL = {"textmodel": "ai://default/e1/model"}

WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: train}
spec:
  entrypoint: main
  arguments:
    parameters:
      - {name: RATE, default: 0.1, description: Step width}
      - {name: image, value: "example/train"}
    artifacts:
      - name: rows
  templates:
    - name: main
      metadata:
        labels: {ai.sap.com/resourcePlan: "{{ workflow.parameters.RATE }}-plan"}
      inputs:
        parameters:
          - name: RATE
          - {name: LOCAL, default: "at {{workflow.parameters.RATE}}"}
        artifacts:
          - {name: rows, path: /rows}
      container:
        image: "{{workflow.parameters.image}}:{{workflow.parameters.RATE}}"
        args:
          - >-
            train {{inputs.parameters.RATE}} {{inputs.parameters.LOCAL}}
            {{inputs.parameters.other}} {{inputs.artifacts.rows.path}}
          - "{{workflow.name}} {{=workflow.parameters.RATE}} {{item}} {{retries}}"
          - "{{workflow.parameters}} {{workflow.parameters.json}}"
"""


def template(text: str = WORKFLOW) -> Any:
    return parse_template(text, "train.yaml")


def container(manifest: dict[str, Any]) -> Any:
    return manifest["spec"]["templates"][0]["container"]


def test_a_rendered_training_has_the_values_of_its_configuration() -> None:
    manifest = TRAINING.render(parameters={"DEPTH": 7}, artifacts=DATA)
    assert manifest["spec"]["arguments"] == {
        "parameters": [{"name": "DEPTH", "description": "Greatest depth of the decision trees", "value": "7"}],
        "artifacts": [{"name": "text-data", "url": "ai://default/data"}],
    }
    assert container(manifest)["env"] == [{"name": "DEPTH", "value": "7"}]
    assert manifest["metadata"]["labels"]["ai.sap.com/version"] == "1.0.0"
    assert (manifest.parameters, manifest.artifacts) == ({"DEPTH": "7"}, DATA)


def test_defaults_are_applied() -> None:
    assert container(TRAINING.render(artifacts=DATA))["env"] == [{"name": "DEPTH", "value": "3"}]


def test_only_what_a_configuration_decides_is_replaced() -> None:
    manifest = template().render({"RATE": Decimal("0.50"), "image": "other"}, {"rows": "ai://default/rows"})
    assert container(manifest) == {
        "image": "other:0.50",
        "args": [
            "train 0.50 at 0.50 {{inputs.parameters.other}} {{inputs.artifacts.rows.path}}",
            "{{workflow.name}} {{=workflow.parameters.RATE}} {{item}} {{retries}}",
            "{{workflow.parameters}} {{workflow.parameters.json}}",
        ],
    }
    assert manifest["spec"]["templates"][0]["metadata"]["labels"] == {"ai.sap.com/resourcePlan": "0.50-plan"}
    assert manifest["spec"]["arguments"]["artifacts"] == [{"name": "rows", "url": "ai://default/rows"}]


def test_placeholders_are_found_where_the_checks_find_them() -> None:
    text = WORKFLOW.replace(
        "{{workflow.name}}", "{{{workflow.parameters.RATE}}} {{workflow.parameters.LR {{workflow.parameters.RATE}}"
    )
    manifest = parse_template(text).render({"image": "docker.io/i"}, {"rows": "ai://default/rows"})
    # Argo takes the first two of three braces: the name that it looks up begins with the third one.
    assert container(manifest)["args"][1].startswith("{{{workflow.parameters.RATE}}} {{workflow.parameters.LR 0.1 {{=")


def test_a_value_that_looks_like_a_placeholder_is_not_replaced_again() -> None:
    manifest = template().render({"image": "{{workflow.parameters.RATE}}"}, {"rows": "ai://default/rows"})
    assert container(manifest)["image"] == "{{workflow.parameters.RATE}}:0.1"


def test_inputs_of_an_entrypoint_that_a_step_calls_as_well_stay_open() -> None:
    text = WORKFLOW + "    - {name: again, steps: [[{name: again, template: main}]]}\n"
    manifest = template(text).render(artifacts={"rows": "ai://default/rows"})
    assert container(manifest)["args"][0].startswith("train {{inputs.parameters.RATE}} {{inputs.parameters.LOCAL}}")


def test_rendering_changes_neither_the_template_nor_another_manifest() -> None:
    first = TRAINING.render(artifacts=DATA)
    first["spec"]["templates"][0]["container"]["image"] = "changed"
    assert container(TRAINING.render(artifacts=DATA))["image"] == "docker.io/example/text-clf-train:1.0.0"


@pytest.mark.parametrize(
    ("value", "text"), [("x", "x"), (3, "3"), (0.5, "0.5"), (True, "true"), (False, "false"), ("", "")]
)
def test_values_become_the_strings_that_ai_core_wants(value: object, text: str) -> None:
    assert TRAINING.render({"DEPTH": value}, DATA).parameters == {"DEPTH": text}


def test_a_rendered_serving_has_its_blocks_filled() -> None:
    manifest = SERVING.render({"maxReplicas": 4}, MODEL)
    assert "  maxReplicas: 4\n" in manifest["spec"]["template"]["spec"]
    assert '        value: "ai://default/e1/model"' in manifest["spec"]["template"]["spec"]
    assert manifest["spec"]["inputs"]["parameters"][0]["value"] == "4"
    assert manifest["spec"]["inputs"]["artifacts"] == [{"name": "textmodel", "url": "ai://default/e1/model"}]
    predictor = manifest.deployment["spec"]["predictor"]
    assert predictor["maxReplicas"] == 4
    assert predictor["containers"][0]["env"] == [{"name": "STORAGE_URI", "value": "ai://default/e1/model"}]
    assert manifest.deployment["metadata"]["labels"] == {"ai.sap.com/resourcePlan": "starter"}
    assert manifest.deployment["apiVersion"] == "serving.kserve.io/v1beta1"


def test_only_a_serving_is_deployed() -> None:
    with pytest.raises(PlanError) as caught:
        _ = TRAINING.render(artifacts=DATA).deployment
    assert str(caught.value) == ("training_workflow_tutorial.yaml is a WorkflowTemplate: it is trained, not deployed.")


def refused(render: Any) -> str:
    with pytest.raises(PlanError) as caught:
        render()
    return str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"parameters": {"Depth": 1}, "artifacts": DATA},
            "training_workflow_tutorial.yaml has no parameter 'Depth'. Did you mean 'DEPTH'? Its parameters: 'DEPTH'.",
        ),
        (
            {"artifacts": {"textdata": "ai://default/x"}},
            (
                "training_workflow_tutorial.yaml has no input artifact 'textdata'. Did you mean 'text-data'?"
                " Its input artifacts: 'text-data'."
            ),
        ),
        (
            {},
            (
                "training_workflow_tutorial.yaml cannot be rendered yet: nothing is bound to input artifact"
                ' \'text-data\'. Add:\n\n    render(artifacts={"text-data": "ai://default/text-data"})'
            ),
        ),
        (
            {"artifacts": {"text-data": "data"}},
            "artifacts={'text-data': 'data'}: expected a URL such as \"ai://default/text-data\".",
        ),
        (
            {"parameters": {"DEPTH": None}, "artifacts": DATA},
            "parameters={'DEPTH': None}: AI Core parameters are strings; write the string that the workflow reads.",
        ),
        (
            {"parameters": {"DEPTH": float("nan")}, "artifacts": DATA},
            "parameters={'DEPTH': nan}: AI Core parameters are strings; write the string that the workflow reads.",
        ),
        (
            {"parameters": ["DEPTH"]},
            "parameters=['DEPTH']: expected a dictionary of parameter name to value.",
        ),
        (
            {"parameters": {3: "x"}},
            "parameters={3: ...}: expected a string for the parameter name.",
        ),
    ],
)
def test_wrong_bindings_are_refused(arguments: dict[str, Any], message: str) -> None:
    assert refused(lambda: TRAINING.render(**arguments)) == message


def test_all_that_is_missing_is_said_at_once() -> None:
    assert refused(FOLDER["house-price-train"].render) == (
        "house_price_steps.yaml cannot be rendered yet: nothing is bound to parameter 'MAX_DEPTH',"
        " input artifact 'sales', input artifact 'districts'. Add:\n\n"
        '    render(parameters={"MAX_DEPTH": "<value>"},'
        ' artifacts={"sales": "ai://default/sales", "districts": "ai://default/districts"})'
    )


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ({"parameters": {"MAX_DEPTH": "<value>"}}, "parameters={'MAX_DEPTH': '<value>'}: '<value>'"),
        ({"artifacts": {"sales": "ai://default/<data>"}}, "artifacts={'sales': 'ai://default/<data>'}: '<data>'"),
    ],
)
def test_what_is_left_to_fill_in_is_not_rendered(arguments: dict[str, Any], left: str) -> None:
    said = refused(lambda: FOLDER["house-price-train"].render(**arguments))
    assert said == f"{left} was left to be filled in. Put the real value in its place."


def test_an_optional_input_may_stay_unbound() -> None:
    text = WORKFLOW.replace("{name: rows, path: /rows}", "{name: rows, path: /rows, optional: true}")
    assert "artifacts" in template(text).render()["spec"]["arguments"]


def test_a_placeholder_that_nothing_declares_is_refused_at_its_place() -> None:
    text = WORKFLOW.replace("{{workflow.parameters.image}}", "{{workflow.parameters.imagge}}")
    assert refused(lambda: template(text).render(artifacts={"rows": "ai://default/rows"})) == (
        "train.yaml:23:17: `{{workflow.parameters.imagge}}` refers to a parameter that the WorkflowTemplate does not"
        " declare. Did you mean 'image'?\n"
        '    23 |         image: "{{workflow.parameters.imagge}}:{{workflow.parameters....\n'
        "       |                 ^\n"
        "It declares: 'RATE', 'image'."
    )


def test_a_placeholder_in_a_block_is_refused_at_its_place() -> None:
    text = SERVING.document.text.replace("inputs.artifacts.textmodel", "inputs.artifacts.textModel")
    assert refused(lambda: parse_template(text, "serve.yaml").render(artifacts=MODEL)) == (
        "serve.yaml:51:25: `{{inputs.artifacts.textModel}}` refers to an input artifact that the ServingTemplate does"
        " not declare. Did you mean 'textmodel'?\n"
        '    51 |                 value: "{{inputs.artifacts.textModel}}"\n'
        "       |                         ^\n"
        "It declares: 'textmodel'."
    )


def test_a_value_that_breaks_a_block_is_refused() -> None:
    message = refused(lambda: SERVING.render({"maxReplicas": "2: 3"}, MODEL))
    assert message.splitlines()[:4] == [
        "With these values the block `spec.template.spec` is not YAML any more:",
        (
            f"{SERVING.document.name} (spec.template.spec, rendered):5:17: The value of `maxReplicas` contains a colon"
            " and a space, so YAML takes it for a second key."
        ),
        "     5 |   maxReplicas: 2: 3",
        "       |                 ^",
    ]


def test_a_manifest_is_plain_and_its_yaml_is_read_back_as_the_same() -> None:
    for rendered in (TRAINING.render(artifacts=DATA), SERVING.render(artifacts=MODEL)):
        assert plain(parse(rendered.yaml).root) == rendered
        assert json.loads(json.dumps(rendered)) == rendered


def test_yaml_is_written_as_kubernetes_reads_it() -> None:
    value = {
        "a": "y", "b": "1e3", "c": "x\ny\n", "d": "012", "e": 12, "f": 1.5, "g": True, "h": None, "i": [], "j": {},
        "k": "{{a}}", "l": "# x", "m": "~", "n": "0x1F", "o": "1_0", "p": "", "q": " lead", "r": "off", "s": "ä",
    }  # fmt: skip
    assert plain(parse(dump(value)).root) == value
    assert dump({"lines": "a: 1\nb: 2\n"}) == "lines: |\n  a: 1\n  b: 2\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [("0x1F", 31), ("0o17", 15), ("017", 15), ("-0b11", -3), ("1_000", 1000), ("1e3", 1000.0), (".5", 0.5),
     ("yes", True), ("Off", False), ("~", None), ("2021-01-01", "2021-01-01"), ("-.inf", float("-inf")),
     ("!!int x", "x"), ("'3'", "3")],
)  # fmt: skip
def test_scalars_have_the_value_that_kubernetes_reads(text: str, value: object) -> None:
    assert plain(parse(f"a: {text}").root) == {"a": value}


def test_a_manifest_matches_its_golden_file(tmp_path: Path) -> None:
    update, check = Goldens(tmp_path, tmp_path, update=True), Goldens(tmp_path, tmp_path)
    assert TRAINING.with_goldens(update).render(artifacts=DATA).matches_golden("train.yaml")
    assert TRAINING.with_goldens(check).render(artifacts=DATA).matches_golden("train.yaml")
    assert (tmp_path / "train.yaml").read_text(encoding="utf-8") == TRAINING.render(artifacts=DATA).yaml
    with pytest.raises(ContractError) as caught:
        TRAINING.with_goldens(check).render({"DEPTH": 4}, DATA).matches_golden("train.yaml")
    assert [line for line in str(caught.value).splitlines() if line[:1] in "+-"] == [
        "--- golden file",
        "+++ rendered now",
        "-      value: '3'",
        "+      value: '4'",
        "-        value: '3'",
        "+        value: '4'",
    ]


def test_without_a_test_a_golden_file_is_sought_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    manifest = TRAINING.render(artifacts=DATA)
    (tmp_path / "train.yaml").write_text(manifest.yaml, encoding="utf-8")
    assert manifest.matches_golden("train.yaml")
