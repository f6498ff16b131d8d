"""TrainingPlan: what makes a run the same run. What it refuses is pinned in tests/hooks/test_what_is_missing.py."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import Any

import pytest

from pytest_aicore.errors import PlanError
from pytest_aicore.training.plan import TrainingPlan
from pytest_aicore.workflows import Template, parse_template
from tests.places import PACKAGE

TEXT = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: train-it
  labels: {scenarios.ai.sap.com/id: some-scenario, ai.sap.com/version: "1.0"}
  annotations: {scenarios.ai.sap.com/name: Some, executables.ai.sap.com/name: Train it}
spec:
  entrypoint: main
  arguments:
    parameters: [{name: DEPTH, default: "3"}, {name: RATE}]
  templates:
    - name: main
      inputs:
        artifacts: [{name: data, path: /data}, {name: extra, path: /extra, optional: true}]
      container: {image: "docker.io/a/b:1", command: ["/bin/sh", "-c"], args: ["true"]}
"""


@pytest.fixture
def template() -> Template:
    return parse_template(TEXT)


@pytest.fixture
def plan(template: Template) -> TrainingPlan:
    return TrainingPlan(template, {"data": "ai://default/data"}, {"RATE": 0.5})


@pytest.mark.parametrize(
    "change",
    [{"expect": None}, {"timeout": 5}, {"fresh": True}, {"place": "elsewhere.py:1"}, {"parameters": {"RATE": "0.5"}}],
)
def test_equal_requests_have_equal_keys(plan: TrainingPlan, change: dict[str, Any]) -> None:
    assert replace(plan, **change).key == plan.key


@pytest.mark.parametrize(
    "change",
    [
        {"artifacts": {"data": "ai://default/other"}},
        {"artifacts": {"data": "ai://default/data", "extra": "ai://default/extra"}},
        {"parameters": {"RATE": 0.6}},
        {"parameters": {"RATE": 0.5, "DEPTH": 3}},
        {"name": "mine"},
        {"resource_group": "team-a"},
        {"template": parse_template(TEXT.replace("train-it", "train-that"))},
        {"template": parse_template(TEXT.replace('"1.0"', '"1.1"'))},
        {"template": parse_template(TEXT + "# edited\n")},
    ],
)
def test_other_requests_have_other_keys(plan: TrainingPlan, change: dict[str, Any]) -> None:
    assert replace(plan, **change).key != plan.key


def test_key_does_not_depend_on_order_or_process(template: Template) -> None:
    artifacts = {"data": "ai://default/a", "extra": "ai://default/b"}
    first = TrainingPlan(template, artifacts, {"RATE": 1, "DEPTH": 2})
    second = TrainingPlan(template, dict(reversed(artifacts.items())), {"DEPTH": 2, "RATE": 1})
    assert first.key == second.key
    assert first == second
    assert hash(first) == hash(second)


def test_plans_that_expect_different_things_are_not_equal(plan: TrainingPlan) -> None:
    assert replace(plan, expect="DEAD") != plan
    assert plan != "plan"


def test_values_cannot_be_changed_behind_the_checks(plan: TrainingPlan) -> None:
    with pytest.raises(TypeError):
        plan.parameters["RATE"] = 1  # type: ignore[index]
    with pytest.raises(PlanError):
        replace(plan, artifacts={"data": "no scheme"})


def test_a_scheme_in_upper_case_is_told_as_that(plan: TrainingPlan) -> None:
    with pytest.raises(PlanError) as refused:
        replace(plan, place="", artifacts={"data": "AI://default/data"})
    assert str(refused.value) == (
        "artifacts={'data': 'AI://default/data'}: AI Core refuses a scheme that is not in lower case."
        ' Write "ai://default/data".'
    )


def test_replacing_can_fill_in_what_is_missing(template: Template) -> None:
    plan = TrainingPlan(template)
    with pytest.raises(PlanError):
        plan.require_complete()
    replace(plan, artifacts={"data": "ai://default/data"}, parameters={"RATE": 1}).require_complete()


def test_optional_inputs_are_not_missed(plan: TrainingPlan) -> None:
    plan.require_complete()


def test_template_without_file_is_called_by_its_executable(plan: TrainingPlan) -> None:
    with pytest.raises(PlanError) as caught:
        replace(plan, parameters={"RAET": 1})
    assert (
        str(caught.value) == "train-it has no parameter 'RAET'. Did you mean 'RATE'? Its parameters: 'DEPTH', 'RATE'."
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"artifacts": {"data": "ai://x/" + 1024 * "y"}}, "the URL has 1031 characters, AI Core takes at most 1024."),
        (
            {"parameters": {"RATE": 5001 * "1"}},
            "the value of parameter 'RATE' has 5001 characters, AI Core takes at most 5000.",
        ),
        ({"parameters": {1: "x"}}, "parameters={1: 'x'}: the name 1 is not a string."),
        ({"timeout": True}, "timeout=True: expected a number of seconds greater than 0, for example 3600."),
        ({"timeout": float("inf")}, "timeout=inf: expected a number of seconds greater than 0, for example 3600."),
        ({"expect": 7}, "expect=7: unknown status. A training can end as *"),
    ],
)
def test_limits_of_the_service(plan: TrainingPlan, change: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError) as caught:
        replace(plan, **change)
    said = str(caught.value)
    assert said.startswith(message[:-1]) if message.endswith("*") else said.endswith(message)


LEFT = "was left to be filled in. Put the real value in its place."


@pytest.mark.parametrize(
    "value",
    [
        "<value>",
        " <value>\n",
        "<your token>",
        "<MAX_DEPTH>",
        "<path>",
        "<name of the input>",
        "<your-bucket>",
        "<YOUR_TOKEN>",
        "<Data>",
        "YOUR_BUCKET",
        "YOUR-KEY",
        "${TOKEN}",
        "@TOKEN@",
        "@project.version@",
    ],
)
def test_a_value_that_is_a_placeholder_is_refused(plan: TrainingPlan, value: str) -> None:
    with pytest.raises(PlanError) as caught:
        replace(plan, parameters={"RATE": value})
    assert str(caught.value) == f"parameters={{'RATE': {value!r}}}: {value.strip()!r} {LEFT}"
    with pytest.raises(PlanError, match="was left to be filled in"):
        replace(plan, name=value.strip())


@pytest.mark.parametrize(
    ("url", "left"),
    [
        ("ai://default/<data>", "<data>"),
        ("ai://<object store secret>/x", "<object store secret>"),
        ("ai://default/YOUR_DATA/x", "YOUR_DATA"),
        ("s3://${BUCKET}/x", "${BUCKET}"),
        ("ai://default/@DATA@", "@DATA@"),
        ("<url>", "<url>"),
    ],
)
def test_a_url_with_a_placeholder_is_refused(plan: TrainingPlan, url: str, left: str) -> None:
    with pytest.raises(PlanError) as caught:
        replace(plan, artifacts={"data": url})
    assert str(caught.value) == f"artifacts={{'data': {url!r}}}: {left!r} {LEFT}"


@pytest.mark.parametrize(
    "value",
    ["<s>", "</s>", "<pad>", "<|im_start|>", "<start_of_turn>", "<extra_id_0>", "<br>", "<br/>", "<p>x</p>", "a <value> b",
     "<image>", "<think>", "<tool_call>", "<eod>", "<fim_prefix>", "<im_start>", "<start_of_image>", "<vision_start>",
     "<|endoftext|>", "<0x0A>", "<speaker_1>", "<reserved_special_token_12>", "<UNK>", "<gMASK>", "<user>", "[INST] {x} [/INST]",
     "<div>", "<h1>", "<td>", "^<[a-z]+>$", '{"stop": "<value>"}', "FOR_YOUR_EYES", "python -m train --lr ${LR}",
     "x<y", "<3", "<<EOF", "<>", "<html><body>x</body></html>", "Answer in <b>bold</b>.", "Write <answer> at the end.",
     "$HOME/data", "cost in $", "s3://${BUCKET}/x", "your_name", "{{x}}", "", "value", "VALUE",
     "@Passw0rd@", "@tag@", "@user", "%LIKE%", "$(date)", "{name}", "__main__", "[[a]]"],
)  # fmt: skip
def test_values_that_mean_what_they_say_are_taken(plan: TrainingPlan, value: str) -> None:
    assert replace(plan, parameters={"RATE": value}).parameters["RATE"] == value


@pytest.mark.parametrize(
    "url", ["ai://default/price$", "ai://default/$data/x", "ai://default/your_data", "ai://default/a<b"]
)
def test_urls_that_mean_what_they_say_are_taken(plan: TrainingPlan, url: str) -> None:
    assert replace(plan, artifacts={"data": url}).artifacts["data"] == url


_ELEMENTS = ("<html", "<title", "<head", "<body", "<details", "<summary", "<pre", "<system", "<!")


def printed() -> list[str]:
    """Return the placeholders that messages of ours print."""
    return sorted(
        {
            found
            for file in (PACKAGE).rglob("*.py")
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "(?P<" not in node.value
            for found in re.findall(r"<[A-Za-z][^<>\n]+>", node.value)
            if not found.startswith(_ELEMENTS)
        }
    )


def test_each_placeholder_that_a_message_of_ours_prints_is_refused(plan: TrainingPlan) -> None:
    placeholders = printed()
    assert {"<value>", "<object store secret>", "<path below its pathPrefix>", "<secret>"} <= {*placeholders}
    for placeholder in placeholders:
        with pytest.raises(PlanError, match="was left to be filled in"):
            replace(plan, artifacts={"data": f"ai://default/{placeholder}"})
        if placeholder == "<image>":  # never alone, but in `<registry>/<repository>/<image>:<tag>`; alone it is a token
            continue
        with pytest.raises(PlanError, match="was left to be filled in"):
            replace(plan, parameters={"RATE": placeholder})
