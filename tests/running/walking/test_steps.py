"""Containers and steps: values and artifacts that are passed, and how failures are passed on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.running.pods import ArtifactIn, ArtifactOut, Ended, ParameterOut, Stored
from pytest_aicore.running.walking.nodes import hash_of
from tests.running.walking.scripted_pods import BREAKS, FAILS, left, prints, walked

if TYPE_CHECKING:
    from pytest_aicore.running.pods import Pod

ALONE = """
    entrypoint: train
    templates:
      - name: train
        container: {image: "me/train:1", command: [python], args: [train.py]}
"""
TWO_GROUPS = """
    entrypoint: all
    templates:
      - name: all
        steps:
          - - {name: a, template: work}
            - {name: b, template: work}
          - - {name: c, template: work}
      - name: work
        container: {image: i, command: [sh]}
"""


def test_a_container_alone() -> None:
    run = walked(ALONE)
    assert run.end == ("COMPLETED", "Succeeded", "")
    (pod,) = run.pods.started
    assert (pod.node, pod.name, pod.template, pod.image) == ("wf", "wf", "train", "me/train:1")
    assert (pod.command, pod.args, pod.keep_result, pod.line) == (("python",), ("train.py",), False, 8)
    (node,) = run.outcome.nodes
    assert (node.id, node.type, node.phase, node.pod, node.exit_code) == ("wf", "Pod", "Succeeded", "wf", 0)
    assert run.changes == [("wf", "Pending"), ("wf", "Running"), ("wf", "Succeeded")]


@pytest.mark.parametrize(("how", "phase"), [(FAILS, "Failed"), (BREAKS, "Error")])
def test_a_container_alone_that_fails(how: Ended, phase: str) -> None:
    run = walked(ALONE, {"wf": how})
    assert run.end == ("DEAD", phase, how.message)
    assert run.phases == {"wf": phase}


def test_groups_of_steps() -> None:
    run = walked(TWO_GROUPS)
    assert run.end == ("COMPLETED", "Succeeded", "")
    assert run.pods.nodes == ["wf[0].a", "wf[0].b", "wf[1].c"]
    assert [(node.name, node.type) for node in run.outcome.nodes] == [
        ("wf", "Steps"),
        ("wf[0]", "StepGroup"),
        ("wf[0].a", "Pod"),
        ("wf[0].b", "Pod"),
        ("wf[1]", "StepGroup"),
        ("wf[1].c", "Pod"),
    ]
    assert (run.node("wf[0].a").id, run.node("wf[0].a").pod) == ("wf-3986212215", "wf-work-3986212215")


def test_the_hash_in_ids() -> None:
    """Test vectors of FNV-1a, 32 bits (draft-eastlake-fnv)."""
    assert [hash_of(text) for text in ("", "a", "foobar")] == [0x811C9DC5, 0xE40C292C, 0xBF9CF968]


def test_a_step_that_fails_lets_its_siblings_end_and_no_other_group_begin() -> None:
    run = walked(TWO_GROUPS, {"wf[0].a": FAILS})
    message = f"child '{run.node('wf[0].a').id}' failed"
    assert run.end == ("DEAD", "Failed", message)
    assert run.phases == {
        "wf": "Failed",
        "wf[0]": "Failed",
        "wf[0].a": "Failed",
        "wf[0].b": "Succeeded",
    }
    assert run.node("wf[0]").message == message


def test_an_error_below_is_a_failure_above() -> None:
    run = walked(TWO_GROUPS, {"wf[0].b": BREAKS})
    assert run.end == ("DEAD", "Failed", f"child '{run.node('wf[0].b').id}' failed")
    assert run.phases["wf[0].b"] == "Error"


@pytest.mark.parametrize(
    ("allowed", "how", "goes_on"),
    [
        ("{failed: true}", FAILS, True),
        ("{error: true}", BREAKS, True),
        ("{error: true}", FAILS, False),
        ("{failed: true}", BREAKS, False),
        ("{failed: false}", FAILS, False),
    ],
)
def test_continue_on(allowed: str, how: Ended, goes_on: bool) -> None:
    spec = TWO_GROUPS.replace("{name: a, template: work}", f"{{name: a, template: work, continueOn: {allowed}}}")
    run = walked(spec, {"wf[0].a": how})
    assert run.outcome.status == ("COMPLETED" if goes_on else "DEAD")
    assert run.phases["wf[0].a"] == how.phase
    assert ("wf[1].c" in run.phases) is goes_on


PASSING = """
    entrypoint: all
    arguments:
      parameters:
        - {name: depth, value: 3}
        - {name: share, value: 1.0}
    templates:
      - name: all
        inputs: {parameters: [{name: depth}]}
        steps:
          - - name: prepare
              template: prepare
              arguments:
                parameters: [{name: lines, value: "{{inputs.parameters.depth}}0"}]
          - - name: train
              template: train
              arguments:
                parameters:
                  - {name: rows, value: "{{steps.prepare.outputs.parameters.rows}}"}
                  - {name: said, value: "{{steps.prepare.outputs.result}}"}
                artifacts: [{name: data, from: "{{steps.prepare.outputs.artifacts.table}}"}]
        outputs:
          parameters:
            - {name: score, valueFrom: {parameter: "{{steps.train.outputs.parameters.score}}"}, globalName: best}
          artifacts:
            - {name: model, from: "{{steps.train.outputs.artifacts.model}}"}
      - name: prepare
        inputs: {parameters: [{name: lines}, {name: kind, value: csv}, {name: other, default: "7"}]}
        outputs:
          parameters: [{name: rows, valueFrom: {path: /app/rows.txt, default: "0"}}]
          artifacts: [{name: table, path: /app/table}]
        container:
          image: i
          command: [sh, -c]
          args: ["{{inputs.parameters.lines}} {{ inputs.parameters.kind }} {{inputs.parameters.other}} {{jinja}}"]
          env:
            - {name: DEPTH, value: "{{workflow.parameters.depth}}"}
            - {name: NODE, value: "{{pod.name}} {{steps.name}}"}
            - {name: TOKEN, valueFrom: {secretKeyRef: {name: hub, key: token}}}
      - name: train
        inputs:
          parameters: [{name: rows}, {name: said}]
          artifacts: [{name: data, path: /app/data, mode: 0644}]
        outputs:
          parameters: [{name: score, valueFrom: {path: /app/score.txt}}]
          artifacts: [{name: model, path: /app/model, archive: {none: {}}, globalName: churn-model}]
        script:
          image: i
          command: [python]
          source: |
            print("{{inputs.parameters.said}}", {{inputs.parameters.rows}})
            open("{{inputs.artifacts.data.path}}") {{outputs.parameters.score.path}}
"""


def test_what_is_passed() -> None:
    run = walked(PASSING, {"wf[0].prepare": prints('said "so"\nagain', rows="40")}, parameters={"depth": "5"})
    assert run.end == ("COMPLETED", "Succeeded", "")
    prepare, train = run.pods.started
    assert prepare.keep_result
    assert not train.keep_result
    assert prepare.args == ("50 csv 7 {{jinja}}",)
    assert prepare.env == {"DEPTH": "5", "NODE": f"{prepare.name} prepare"}
    assert prepare.secrets == {"TOKEN": ("hub", "token", False)}
    assert prepare.parameters_out == (ParameterOut("rows", "/app/rows.txt", "0"),)
    assert prepare.artifacts_out == (ArtifactOut("table", "/app/table"),)
    assert train.script == 'print("said "so"\nagain", 40)\nopen("/app/data") /app/score.txt\n'
    stored = Stored(Path("/stored/wf[0].prepare/table"), "default")
    assert train.artifacts_in == (ArtifactIn("data", "/app/data", stored, "default", 0o644),)
    assert run.outcome.artifacts == {"churn-model": Stored(Path("/stored/wf[1].train/model"), "none")}
    assert run.outcome.parameters == {"best": "score"}


def test_a_global_output_counts_although_its_step_failed() -> None:
    def fails(pod: Pod) -> Ended:
        how = left(pod)
        return Ended("Failed", "Error (exit code 1)", 1, artifacts=how.artifacts)

    run = walked(PASSING, {"wf[1].train": fails})
    assert run.outcome.status == "DEAD"
    assert list(run.outcome.artifacts) == ["churn-model"]


AICORE = """
    entrypoint: all
    arguments:
      parameters: [{name: DEPTH, default: "3"}, {name: SHARE}]
    templates:
      - name: all
        steps: [[{name: train, template: train}]]
      - name: train
        inputs:
          artifacts:
            - {name: data, path: /app/data/}
            - {name: extra, path: /app/extra, optional: true}
            - {name: settings, path: /app/settings, raw: {data: "deep: yes"}}
        container: {image: i, command: [sh], args: ["{{workflow.parameters.DEPTH}} {{workflow.parameters.SHARE}}"]}
"""


def test_what_a_configuration_binds_by_name() -> None:
    data = Stored(Path("/mine"))
    run = walked(AICORE, kind="WorkflowTemplate", parameters={"SHARE": "0.2"}, artifacts={"data": data})
    assert run.end == ("COMPLETED", "Succeeded", "")
    (pod,) = run.pods.started
    assert pod.args == ("3 0.2",)
    assert pod.artifacts_in == (
        ArtifactIn("data", "/app/data/", data, "default"),
        ArtifactIn("extra", "/app/extra", None, "default"),
        ArtifactIn("settings", "/app/settings", b"deep: yes", "default"),
    )


def test_an_artifact_that_nobody_binds() -> None:
    run = walked(AICORE, kind="WorkflowTemplate", parameters={"SHARE": "0.2"})
    reason = "inputs.artifacts.data was not supplied"
    assert run.end == ("DEAD", "Failed", f"step group deemed errored due to child wf[0].train error: {reason}")
    assert run.phases == {"wf": "Failed", "wf[0]": "Error", "wf[0].train": "Error"}
    assert run.node("wf[0].train").message == reason
    assert run.pods.started == []


def test_a_parameter_that_nobody_binds() -> None:
    """AI Core uses the `default` of the other."""
    run = walked(AICORE, kind="WorkflowTemplate")
    needed = "either value or valueFrom must be specified in order to set global parameter SHARE"
    assert run.end == ("DEAD", "Failed", f"failed to set global parameters: {needed}")
    assert run.outcome.nodes == ()


def test_a_value_that_is_not_allowed() -> None:
    spec = AICORE.replace('{name: DEPTH, default: "3"}', '{name: DEPTH, default: "3", enum: ["3", "5"]}')
    given: dict[str, Any] = {"kind": "WorkflowTemplate", "artifacts": {"data": Stored(Path("/mine"))}}
    assert walked(spec, parameters={"SHARE": "1", "DEPTH": "5"}, **given).outcome.status == "COMPLETED"
    reason = "invalid spec: spec.arguments.DEPTH.value should be present in spec.arguments.DEPTH.enum list"
    assert walked(spec, parameters={"SHARE": "1", "DEPTH": "4"}, **given).end == ("DEAD", "Failed", reason)


def test_an_entrypoint_without_its_input() -> None:
    run = walked(
        """
        entrypoint: train
        templates:
          - name: train
            inputs: {artifacts: [{name: data, path: /data}]}
            container: {image: i, command: [sh]}
        """,
        kind="WorkflowTemplate",
    )
    reason = "error in entry template execution: inputs.artifacts.data was not supplied"
    assert run.end == ("DEAD", "Error", reason)


HANDED_ON = """
    entrypoint: outer
    templates:
      - name: outer
        inputs: {artifacts: [{name: data}]}
        dag:
          tasks:
            - name: inner
              template: inner
              arguments: {artifacts: [{name: rows, from: "{{inputs.artifacts.data}}"}]}
        outputs: {artifacts: [{name: left, from: "{{tasks.inner.outputs.artifacts.all}}"}]}
      - name: inner
        inputs: {artifacts: [{name: rows}]}
        steps:
          - - name: use
              template: use
              arguments: {artifacts: [{name: rows, from: "{{inputs.artifacts.rows}}"}]}
        outputs:
          artifacts: [{name: all, from: "{{steps.use.outputs.artifacts.model}}", globalName: all}]
      - name: use
        inputs: {artifacts: [{name: rows, path: /rows, archive: {none: {}}}]}
        outputs: {artifacts: [{name: model, path: /model, archive: {tar: {}}}]}
        container: {image: i, command: [sh]}
"""


def test_artifacts_that_are_handed_on_through_templates() -> None:
    data = Stored(Path("/mine"))
    run = walked(HANDED_ON, kind="WorkflowTemplate", artifacts={"data": data})
    assert run.end == ("COMPLETED", "Succeeded", "")
    # How it is packed is said where it comes from, not where it is used.
    assert run.pods.started[0].artifacts_in == (ArtifactIn("rows", "/rows", data, "default"),)
    model = Stored(Path("/stored/wf.inner[0].use/model"), "tar")
    assert run.outcome.artifacts == {"all": model}
    left = run.node("wf").outputs.artifacts["left"]
    assert (left.source, left.archive) == (model, "tar")


GLOBAL = """
    entrypoint: all
    templates:
      - name: all
        steps:
          - - {name: make, template: make}
          - - name: use
              template: use
              arguments:
                parameters: [{name: count, value: "{{workflow.outputs.parameters.best}}"}]
                artifacts: [{name: data, from: "{{workflow.outputs.artifacts.all-data}}"}]
      - name: make
        outputs:
          parameters: [{name: count, valueFrom: {path: /n}, globalName: best}]
          artifacts: [{name: data, path: /data, globalName: all-data}]
        container: {image: i, command: [sh]}
      - name: use
        inputs: {parameters: [{name: count}], artifacts: [{name: data, path: /data}]}
        container: {image: i, command: [sh], args: ["{{inputs.parameters.count}}"]}
"""


def test_global_outputs_are_inputs_of_later_steps() -> None:
    run = walked(GLOBAL, {"wf[0].make": prints("", count="3")})
    assert run.end == ("COMPLETED", "Succeeded", "")
    use = run.pods.pod("wf[1].use")
    assert use.args == ("3",)
    assert use.artifacts_in[0].source == Stored(Path("/stored/wf[0].make/data"), "default")


OPTIONAL = """
    entrypoint: all
    templates:
      - name: all
        steps:
          - - {name: make, template: make}
          - - name: use
              template: use
              arguments: {artifacts: [{name: data, from: "{{steps.make.outputs.artifacts.data}}"OPTIONAL}]}
      - name: make
        outputs: {artifacts: [{name: data, path: /data, optional: true}]}
        container: {image: i, command: [sh]}
      - name: use
        inputs: {artifacts: [{name: data, path: /data, optional: true}]}
        container: {image: i, command: [sh]}
"""


def test_an_artifact_that_a_step_did_not_leave() -> None:
    nothing = {"wf[0].make": Ended("Succeeded", exit_code=0)}
    run = walked(OPTIONAL.replace("OPTIONAL", ""), nothing)
    reason = 'unable to resolve references: Unable to resolve: "{{steps.make.outputs.artifacts.data}}"'
    assert run.end == ("DEAD", "Failed", reason)
    assert run.phases["wf[1]"] == "Error"

    run = walked(OPTIONAL.replace("OPTIONAL", ", optional: true"), nothing)
    assert run.outcome.status == "COMPLETED"
    assert run.pods.pod("wf[1].use").artifacts_in == (ArtifactIn("data", "/data", None, "default"),)
