"""From a template to what the AI API shows: one small template for each rule."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.workflows import (
    Artifact,
    OutputArtifact,
    Parameter,
    ServingTemplate,
    WorkflowTemplate,
    parse_template,
)
from tests.workflows.yaml.trees import workflow

if TYPE_CHECKING:
    from pytest_aicore.workflows import Executable


def executable(spec: str, annotations: str = "") -> Executable:
    """Return the executable of a WorkflowTemplate with a given spec."""
    return parse_template(workflow(spec, annotations)).executable


def inputs(spec: str) -> list[str]:
    """Return the names of the input artifacts of a spec."""
    return [artifact.name for artifact in executable(spec).input_artifacts]


def outputs(spec: str) -> list[str]:
    """Return the names of the output artifacts of a spec."""
    return [artifact.name for artifact in executable(spec).output_artifacts]


CONSUMER = """
- name: consume
  inputs: {artifacts: [{name: data, path: /data}]}
  container: {image: i}
"""


def steps(*groups: str, more: str = "") -> str:
    """Return a spec whose entrypoint has given groups of steps, then the consumer of `data`, then more templates."""
    lines = ["entrypoint: main", "templates:", "- name: main", "  steps:", *[f"  - {group}" for group in groups]]
    return "\n".join(lines) + dedent(CONSUMER) + dedent(more)


FED = "{name: one, template: consume, arguments: {artifacts: [{name: data, from: '{{steps.x.outputs.artifacts.y}}'}]}}"
OPEN = "{name: two, template: consume}"

INPUTS = {
    "declared by the entrypoint itself": (
        "entrypoint: main\ntemplates:\n- name: main\n  inputs: {artifacts: [{name: data}]}\n",
        ["data"],
    ),
    "declared by a template that a step calls": (steps(f"[{OPEN}]"), ["data"]),
    "fed from another step": (steps(f"[{FED}]"), []),
    "fed by one step and left open by another": (steps(f"[{FED}]", f"[{OPEN}]"), ["data"]),
    "left open by one step and fed by another": (steps(f"[{OPEN}]", f"[{FED}]"), ["data"]),
    "fed by both": (steps(f"[{FED}]", f"[{FED}]"), []),
    "fed by an expression": (
        steps("[{name: one, template: consume, arguments: {artifacts: [{name: data, fromExpression: x}]}}]"),
        [],
    ),
    "fed with a location": (
        steps("[{name: one, template: consume, arguments: {artifacts: [{name: data, s3: {key: k}}]}}]"),
        [],
    ),
    "an argument that names it and says nothing": (
        steps("[{name: one, template: consume, arguments: {artifacts: [{name: data}]}}]"),
        ["data"],
    ),
    "an argument whose source is null": (
        steps("[{name: one, template: consume, arguments: {artifacts: [{name: data, from: null, s3: }]}}]"),
        ["data"],
    ),
    "an argument for another artifact": (
        steps("[{name: one, template: consume, arguments: {artifacts: [{name: other, from: x}]}}]"),
        ["data"],
    ),
    "handed down from the input of the caller": (
        """
        entrypoint: main
        templates:
        - name: main
          inputs: {artifacts: [{name: raw}]}
          steps:
          - - name: one
              template: consume
              arguments: {artifacts: [{name: data, from: "{{inputs.artifacts.raw}}"}]}
        - {name: consume, inputs: {artifacts: [{name: data}]}, container: {image: i}}
        """,
        ["raw"],
    ),
    "handed down twice, open at the top": (
        """
        entrypoint: main
        templates:
        - name: main
          steps: [[{name: one, template: middle}]]
        - name: middle
          inputs: {artifacts: [{name: raw}]}
          dag:
            tasks:
            - name: a
              template: consume
              arguments: {artifacts: [{name: data, from: "{{inputs.artifacts.raw}}"}]}
        - {name: consume, inputs: {artifacts: [{name: data}]}, container: {image: i}}
        """,
        ["raw"],
    ),
    "in a dag, one task feeding the next": (
        """
        entrypoint: main
        templates:
        - name: main
          dag:
            tasks:
            - {name: a, template: first}
            - name: b
              template: second
              dependencies: [a]
              arguments: {artifacts: [{name: table, from: "{{tasks.a.outputs.artifacts.table}}"}]}
        - {name: second, inputs: {artifacts: [{name: table}, {name: labels}]}, container: {image: i}}
        - {name: first, inputs: {artifacts: [{name: raw}]}, container: {image: i}}
        """,
        ["raw", "labels"],
    ),
    "with a location of its own": (
        "entrypoint: main\ntemplates:\n- name: main\n  inputs:\n    artifacts:\n"
        + "".join(
            f"    - {{name: with-{location}, {location}: {{x: y}}}}\n"
            for location in (
                "s3",
                "gcs",
                "oss",
                "azure",
                "artifactory",
                "hdfs",
                "http",
                "git",
                "raw",
                "plugin",
            )
        )
        + "    - {name: open, path: /x, mode: 0644, archive: {none: {}}}\n",
        ["open"],
    ),
    "in the order of the steps, depth first": (
        """
        entrypoint: main
        templates:
        - {name: third, inputs: {artifacts: [{name: c}]}, container: {image: i}}
        - {name: second, inputs: {artifacts: [{name: b}, {name: a}]}, container: {image: i}}
        - name: nested
          inputs: {artifacts: [{name: z}]}
          steps: [[{name: s, template: second}]]
        - name: main
          steps:
          - [{name: x, template: nested}, {name: y, template: third}]
          - [{name: again, template: second}]
        """,
        ["z", "b", "a", "c"],
    ),
    "of a template that nothing reaches": (
        (
            "entrypoint: main\ntemplates:\n- {name: main, container: {image: i}}\n"
            "- {name: lonely, inputs: {artifacts: [{name: data}]}}\n"
        ),
        [],
    ),
    "without an entrypoint": ("templates:\n- {name: a, inputs: {artifacts: [{name: data}]}}\n", ["data"]),
    "with an entrypoint that does not exist": (
        "entrypoint: nobody\ntemplates:\n- {name: a, inputs: {artifacts: [{name: data}]}}\n",
        ["data"],
    ),
    "without an entrypoint, one template feeding another": (
        """
        templates:
        - {name: second, inputs: {artifacts: [{name: table}, {name: labels}]}, container: {image: i}}
        - {name: first, inputs: {artifacts: [{name: raw}]}, container: {image: i}}
        - name: main
          dag:
            tasks:
            - {name: a, template: first}
            - {name: b, template: second, arguments: {artifacts: [{name: table, from: x}]}}
        """,
        ["raw", "labels"],
    ),
    "without an entrypoint, in a cycle": (
        """
        templates:
        - {name: a, inputs: {artifacts: [{name: data}]}, steps: [[{name: s, template: b}]]}
        - {name: b, steps: [[{name: s, template: a}]]}
        """,
        ["data"],
    ),
    "of an inline template": (
        """
        entrypoint: main
        templates:
        - name: main
          dag:
            tasks:
            - name: a
              inline: {inputs: {artifacts: [{name: data}]}, container: {image: i}}
            - name: b
              inline: {inputs: {artifacts: [{name: fed}]}, container: {image: i}}
              arguments: {artifacts: [{name: fed, from: "{{tasks.a.outputs.artifacts.x}}"}]}
        """,
        ["data"],
    ),
    "of a template in another file": (
        "entrypoint: main\ntemplates:\n- name: main\n  steps: [[{name: a, templateRef: {name: other, template: t}}]]\n",
        [],
    ),
    "of exit handlers and hooks": (
        """
        entrypoint: main
        onExit: farewell
        hooks:
          running: {template: watch, expression: x}
        templates:
        - {name: farewell, inputs: {artifacts: [{name: c}]}, container: {image: i}}
        - {name: watch, inputs: {artifacts: [{name: d}]}, container: {image: i}}
        - {name: after, inputs: {artifacts: [{name: b}]}, container: {image: i}}
        - {name: hooked, inputs: {artifacts: [{name: e}, {name: fed}]}, container: {image: i}}
        - {name: work, inputs: {artifacts: [{name: a}]}, container: {image: i}}
        - name: main
          steps:
          - - name: one
              template: work
              onExit: after
              hooks:
                exit: {template: hooked, arguments: {artifacts: [{name: fed, from: x}]}}
        """,
        ["a", "b", "e", "c", "d"],
    ),
    "a cycle": (
        """
        entrypoint: main
        templates:
        - name: main
          inputs: {artifacts: [{name: data}]}
          steps: [[{name: again, template: main}], [{name: other, template: back}]]
        - {name: back, steps: [[{name: x, template: main}]]}
        """,
        ["data"],
    ),
    "declared as an argument of the workflow, without a location": (
        (
            "entrypoint: main\narguments: {artifacts: [{name: extra}, {name: data}]}\ntemplates:\n"
            "- {name: main, inputs: {artifacts: [{name: data}]}, container: {image: i}}\n"
        ),
        ["data", "extra"],
    ),
    "given as an argument of the workflow, with a location": (
        (
            "entrypoint: main\narguments: {artifacts: [{name: data, http: {url: u}}]}\ntemplates:\n"
            "- {name: main, inputs: {artifacts: [{name: data}, {name: other}]}, container: {image: i}}\n"
        ),
        ["other"],
    ),
    "an argument of the workflow reaches its entrypoint only": (
        "entrypoint: main\narguments: {artifacts: [{name: data, http: {url: u}}]}\ntemplates:\n"
        "- {name: main, steps: [[{name: a, template: consume}]]}\n" + dedent(CONSUMER),
        ["data"],
    ),
    "names given twice": (
        "entrypoint: main\ntemplates:\n- {name: main, inputs: {artifacts: [{name: data}, {name: data}]}}\n",
        ["data"],
    ),
    "of two templates of one name the first counts": (
        (
            "entrypoint: main\ntemplates:\n- {name: main, inputs: {artifacts: [{name: a}]}}\n"
            "- {name: main, inputs: {artifacts: [{name: b}]}}\n"
        ),
        ["a"],
    ),
    "a list left empty": ("entrypoint: main\ntemplates:\n- {name: main, inputs: {artifacts: }}\n", []),
    "wrong types": (
        """
        entrypoint: main
        templates:
        - text
        - [list]
        - name: main
          inputs:
            artifacts: [text, [list], {name: [a]}, {name: }, {path: /x}, {name: good}]
          steps: [text, {name: not-in-a-list, template: consume}, [text, [x], {template: [consume]}, {arguments: x}]]
          dag: [tasks]
        """,
        ["good"],
    ),
}


@pytest.mark.parametrize("case", INPUTS)
def test_input_artifacts(case: str) -> None:
    spec, expected = INPUTS[case]
    assert inputs(spec) == expected


def test_a_thousand_templates_that_call_each_other() -> None:
    templates = [f"- {{name: t{n}, steps: [[{{name: s, template: t{n + 1}}}]]}}" for n in range(1000)]
    last = "- {name: t1000, inputs: {artifacts: [{name: data}]}}"
    assert inputs("entrypoint: t0\ntemplates:\n" + "\n".join([*templates, last])) == ["data"]


def test_input_artifact_with_all_that_can_be_said() -> None:
    found = executable(
        """
        entrypoint: main
        templates:
        - name: main
          inputs: {artifacts: [{name: data, path: /app/data, optional: true}]}
        """,
        """
        artifacts.ai.sap.com/data.kind: dataset
        artifacts.ai.sap.com/data.description: Rows
        artifacts.ai.sap.com/data.labels: '{"ext.ai.sap.com/b": "1", "ext.ai.sap.com/a": "2"}'
        """,
    )
    assert found.input_artifacts == (
        Artifact(
            "data",
            "dataset",
            "Rows",
            (("ext.ai.sap.com/b", "1"), ("ext.ai.sap.com/a", "2")),
            path="/app/data",
            optional=True,
        ),
    )


OUTPUTS = {
    "with a globalName": ("[{name: model, globalName: churn-model, path: /m}]", ["churn-model"]),
    "without one": ("[{name: model, path: /m}]", []),
    "with an empty one": ("[{name: model, globalName: '', path: /m}, {name: b, globalName: }]", []),
    "several, in their order": ("[{name: a, globalName: z}, {name: b}, {name: c, globalName: y}]", ["z", "y"]),
    "one globalName twice": ("[{name: a, globalName: z, path: /1}, {name: b, globalName: z, path: /2}]", ["z"]),
    "left empty": ("", []),
    "names that Kubernetes takes for booleans": ("[{name: a, globalName: n}, {name: b, globalName: y}]", ["n", "y"]),
    "wrong types": ("[text, [x], {globalName: [a]}, {globalName: {a: b}}, {globalName: 7}]", ["7"]),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_output_artifacts(case: str) -> None:
    declared, expected = OUTPUTS[case]
    assert outputs(f"entrypoint: main\ntemplates:\n- name: main\n  outputs:\n    artifacts: {declared}\n") == expected


def test_output_artifacts_of_reachable_templates_only() -> None:
    spec = """
    entrypoint: main
    templates:
    - {name: lonely, outputs: {artifacts: [{name: a, globalName: a}]}}
    - {name: work, outputs: {artifacts: [{name: b, globalName: b}]}}
    - name: main
      steps: [[{name: s, template: work}]]
      outputs: {artifacts: [{name: c, globalName: c, from: "{{steps.s.outputs.artifacts.b}}"}]}
    """
    assert outputs(spec) == ["c", "b"]


def test_output_artifact_goes_by_its_global_name() -> None:
    found = executable(
        """
        entrypoint: main
        templates:
        - name: main
          outputs: {artifacts: [{name: inner, globalName: outer, path: /app/model}]}
        """,
        """
        artifacts.ai.sap.com/inner.kind: dataset
        artifacts.ai.sap.com/inner.description: not this one
        artifacts.ai.sap.com/outer.description: The model
        artifacts.ai.sap.com/outer.name: registered
        artifacts.ai.sap.com/outer.suffix: .pkl
        artifacts.ai.sap.com/outer.labels: |
          {"ext.ai.sap.com/size": 3, "ext.ai.sap.com/good": true}
        """,
    )
    assert found.output_artifacts == (
        OutputArtifact(
            "outer",
            "model",
            "The model",
            (("ext.ai.sap.com/size", "3"), ("ext.ai.sap.com/good", "true")),
            registered_name="registered",
            suffix=".pkl",
            path="/app/model",
            template="main",
        ),
    )


@pytest.mark.parametrize(
    "labels",
    ["", "no json", "'[1]'", "'{'", "'null'", "{a: b}", "'" + "[" * 5000 + "'", '\'{"a": 1' + "0" * 5000 + "}'"],
)
def test_labels_that_are_no_json_object_are_no_labels(labels: str) -> None:
    found = executable(
        "entrypoint: m\ntemplates:\n- {name: m, outputs: {artifacts: [{name: o, globalName: o}]}}",
        f"artifacts.ai.sap.com/o.labels: {labels}\n",
    )
    assert found.output_artifacts[0].labels == ()


@pytest.mark.parametrize(("kind", "expected"), [("resultset", "resultset"), ("modell", "modell"), ("''", "model")])
def test_kind_of_an_output(kind: str, expected: str) -> None:
    found = executable(
        "entrypoint: m\ntemplates:\n- {name: m, outputs: {artifacts: [{name: o, globalName: o}]}}",
        f"artifacts.ai.sap.com/o.kind: {kind}\n",
    )
    assert found.output_artifacts[0].kind == expected


PARAMETERS = {
    "nothing said": ("{name: p}", Parameter("p")),
    "default": ("{name: p, default: abc}", Parameter("p", "abc")),
    "Argo's value": ("{name: p, value: abc}", Parameter("p", "abc")),
    "both": ("{name: p, value: abc, default: def}", Parameter("p", "def")),
    "a number keeps its written form": ("{name: p, value: 0.20}", Parameter("p", "0.20")),
    "an integer": ("{name: p, default: 3}", Parameter("p", "3")),
    "a quoted number": ("{name: p, default: '0.2'}", Parameter("p", "0.2")),
    "a boolean": ("{name: p, default: True}", Parameter("p", "true")),
    "another boolean": ("{name: p, default: no}", Parameter("p", "false")),
    "a quoted boolean": ("{name: p, default: 'No'}", Parameter("p", "No")),
    "an empty string is a default": ("{name: p, default: ''}", Parameter("p", "")),
    "null is none": ("{name: p, default: null}", Parameter("p")),
    "nothing behind the colon is none": ("{name: p, default: }", Parameter("p")),
    "null, and a value": ("{name: p, default: ~, value: x}", Parameter("p", "x")),
    "several lines": ('{name: p, default: "a\\nb"}', Parameter("p", "a\nb")),
    "a list is none": ("{name: p, default: [a]}", Parameter("p")),
    "default of a value from elsewhere": (
        "{name: p, valueFrom: {configMapKeyRef: {name: c, key: k}, default: x}}",
        Parameter("p", "x"),
    ),
    "description": ("{name: p, description: What for, enum: [a]}", Parameter("p", None, "What for")),
}


@pytest.mark.parametrize("kind", ["WorkflowTemplate", "ServingTemplate"])
@pytest.mark.parametrize("case", PARAMETERS)
def test_parameters(case: str, kind: str) -> None:
    declared, expected = PARAMETERS[case]
    part = "arguments" if kind == "WorkflowTemplate" else "inputs"
    text = f"kind: {kind}\nmetadata: {{name: t}}\nspec: {{{part}: {{parameters: [{declared}]}}}}\n"
    [found] = parse_template(text).executable.parameters
    assert found == expected
    assert found.required is (expected.default is None)


def test_parameters_keep_their_order_and_count_once() -> None:
    spec = "arguments: {parameters: [{name: b}, text, {value: x}, {name: a, value: 1}, {name: b, value: 2}, [x]]}\n"
    assert executable(spec).parameters == (Parameter("b"), Parameter("a", "1"))


def test_parameters_of_templates_are_not_those_of_the_executable() -> None:
    spec = "entrypoint: m\ntemplates:\n- {name: m, inputs: {parameters: [{name: p}]}}\n"
    assert executable(spec).parameters == ()


class TestMetadata:
    def test_labels_and_annotations(self) -> None:
        text = """
        apiVersion: argoproj.io/v1alpha1
        kind: WorkflowTemplate
        metadata:
          name: the-id
          labels:
            scenarios.ai.sap.com/id: scenario-id
            scenarios.ai.sap.com/llm: "true"
            ext.ai.sap.com/team: forecasting
            executables.ai.sap.com/id: not-the-id
            ai.sap.com/version: "1.0"
            ai.sap.com/resourcePlan: starter
          annotations:
            scenarios.ai.sap.com/name: scenario name
            scenarios.ai.sap.com/description: scenario description
            executables.ai.sap.com/name: executable name
            executables.ai.sap.com/description: executable description
        """
        found = parse_template(dedent(text)).executable
        assert (found.id, found.name, found.description) == ("the-id", "executable name", "executable description")
        assert (found.scenario_id, found.scenario_name, found.scenario_description, found.version_id) == (
            "scenario-id",
            "scenario name",
            "scenario description",
            "1.0",
        )
        assert found.scenario_labels == (("scenarios.ai.sap.com/llm", "true"), ("ext.ai.sap.com/team", "forecasting"))
        assert found.missing == ()

    def test_what_is_missing_is_named_and_the_rest_read(self) -> None:
        found = parse_template("kind: WorkflowTemplate\nmetadata: {name: bare}\n").executable
        assert found.missing == (
            "apiVersion argoproj.io/v1alpha1",
            "label scenarios.ai.sap.com/id",
            "label ai.sap.com/version",
            "annotation scenarios.ai.sap.com/name",
            "annotation executables.ai.sap.com/name",
        )
        assert (found.id, found.name, found.scenario_id, found.scenario_name, found.version_id) == (
            "bare",
            None,
            None,
            None,
            None,
        )

    def test_labels_that_are_no_strings_are_read_but_not_accepted(self) -> None:
        text = (
            "apiVersion: ai.sap.com/v1alpha1\nkind: ServingTemplate\nmetadata:\n  name: 7\n"
            "  labels: {ai.sap.com/version: 2.0, scenarios.ai.sap.com/id: [x]}\n"
            "  annotations: {scenarios.ai.sap.com/name: '', executables.ai.sap.com/name: yes}\n"
        )
        found = parse_template(text).executable
        assert (found.id, found.version_id, found.scenario_id, found.name) == ("7", "2.0", None, "true")
        assert found.missing == (
            "metadata.name as a string (put 7 in quotes)",
            "label scenarios.ai.sap.com/id",
            "label ai.sap.com/version as a string (put 2.0 in quotes)",
            "annotation scenarios.ai.sap.com/name",
            "annotation executables.ai.sap.com/name as a string (put yes in quotes)",
        )

    @pytest.mark.parametrize(
        "part", ["metadata: {name: n, labels: [x], annotations: text}", "metadata: {name: n}\nspec: x"]
    )
    def test_ill_typed_parts_are_absent(self, part: str) -> None:
        for kind in ("WorkflowTemplate", "ServingTemplate"):
            template = parse_template(f"kind: {kind}\n{part}\n")
            assert (template.labels, template.annotations, template.executable.parameters) == ({}, {}, ())


class TestPods:
    def test_plans_and_images_of_what_runs(self) -> None:
        found = executable(
            """
            entrypoint: main
            activeDeadlineSeconds: 600
            templates:
            - name: main
              metadata: {labels: {ai.sap.com/resourcePlan: not-of-a-pod}}
              steps: [[{name: a, template: small}], [{name: b, template: large}], [{name: c, template: script}]]
            - name: small
              metadata: {labels: {ai.sap.com/resourcePlan: starter}}
              container: {image: "docker.io/a:1"}
              sidecars: [{image: "docker.io/side:1"}]
              initContainers: [{image: "docker.io/init:1"}, text]
            - name: large
              metadata: {labels: {ai.sap.com/instanceType: "{{inputs.parameters.plan}}"}}
              containerSet: {containers: [{name: main, image: "docker.io/b:1"}, {name: two, image: "docker.io/a:1"}]}
            - name: script
              script: {image: "docker.io/c:1", source: x}
            - name: lonely
              metadata: {labels: {ai.sap.com/resourcePlan: train.l}}
              container: {image: "docker.io/lonely:1"}
            """
        )
        assert found.resource_plans == ("starter", "{{inputs.parameters.plan}}")
        assert found.images == (
            "docker.io/a:1",
            "docker.io/init:1",
            "docker.io/side:1",
            "docker.io/b:1",
            "docker.io/c:1",
        )
        assert found.active_deadline_seconds == 600

    def test_plans_for_all_pods(self) -> None:
        spec = """
        entrypoint: main
        podMetadata: {labels: {ai.sap.com/resourcePlan: starter}}
        templateDefaults: {metadata: {labels: {ai.sap.com/resourcePlan: basic}}}
        templates:
        - {name: main, container: {image: i}}
        """
        assert executable(spec).resource_plans == ("basic",)

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("60", 60),
            ('"60"', 60),
            ("'{{workflow.parameters.x}}'", None),
            ("soon", None),
            ("-1", None),
            ("1e3", None),
            ("", None),
            ("[1]", None),
            ("9" * 5000, None),
        ],
    )
    def test_deadline(self, written: str, expected: int | None) -> None:
        assert executable(f"activeDeadlineSeconds: {written}\n").active_deadline_seconds == expected


class TestServing:
    TEXT = """\
kind: ServingTemplate
metadata: {name: serve}
spec:
  inputs:
    parameters: [{name: plan, type: string, default: infer.s}]
    artifacts: [{name: textmodel}, {name: textmodel}, text, {name: second}]
  template:
    apiVersion: serving.kserve.io/v1beta1
    metadata:
      labels: |
        other: x
        ai.sap.com/resourcePlan: "{{inputs.parameters.plan}}" # which
      annotations: |
        autoscaling.knative.dev/target: 1
    spec: |
      predictor:
        minReplicas: {{inputs.parameters.minimum}}
        containers:
          - image: 'docker.io/a:1'
            name: kserve-container
          - name: two
            image: docker.io/b:1 # second
          - image: {{inputs.parameters.registry}}/c:1
          - image:
"""

    def test_what_the_blocks_say(self) -> None:
        template = parse_template(self.TEXT)
        assert isinstance(template, ServingTemplate)
        found = template.executable
        assert found.deployable
        assert [artifact.name for artifact in found.input_artifacts] == ["textmodel", "second"]
        assert found.output_artifacts == ()
        assert found.resource_plans == ("{{inputs.parameters.plan}}",)
        assert found.images == ("docker.io/a:1", "docker.io/b:1", "{{inputs.parameters.registry}}/c:1")

    def test_a_place_in_a_block_is_a_place_in_the_file(self) -> None:
        template = parse_template(self.TEXT, "s.yaml")
        assert isinstance(template, ServingTemplate)
        assert template.spec_block is not None
        assert template.labels_block is not None
        assert template.annotations_block is not None
        lines = template.spec_block.text.split("\n")
        number = next(number for number, line in enumerate(lines, 1) if "two" in line)
        column = lines[number - 1].index("two") + 1
        place = template.spec_block.place(number, column)
        assert self.TEXT.splitlines()[place.line - 1][place.column - 1 :] == "two"
        assert str(template.labels_block.place(2)) == "s.yaml:12:9"
        assert str(template.annotations_block.place(1)) == "s.yaml:14:9"

    def test_a_folded_block_has_the_place_of_its_beginning(self) -> None:
        text = "kind: ServingTemplate\nmetadata: {name: s}\nspec: {template: {spec: 'image: x'}}\n"
        template = parse_template(text, "s.yaml")
        assert isinstance(template, ServingTemplate)
        assert template.spec_block is not None
        assert str(template.spec_block.place(1, 3)) == "s.yaml:3:25"
        assert template.images == ("x",)

    def test_blocks_written_as_maps_are_none(self) -> None:
        text = (
            "kind: ServingTemplate\nmetadata: {name: s}\n"
            "spec: {template: {metadata: {labels: {ai.sap.com/resourcePlan: starter}}, spec: {containers: []}}}\n"
        )
        template = parse_template(text)
        assert isinstance(template, ServingTemplate)
        assert (template.spec_block, template.labels_block, template.annotations_block) == (None, None, None)
        assert (template.resource_plans, template.images) == ((), ())


class TestQuestions:
    TEXT = workflow(
        """
        entrypoint: main
        templates:
        - name: main
          steps:
          - - {name: one, template: work}
            - {name: two, templateRef: {name: shared, template: t}}
        - name: work
          container: {image: i}
        """
    )

    def template(self) -> WorkflowTemplate:
        template = parse_template(self.TEXT, "w.yaml")
        assert isinstance(template, WorkflowTemplate)
        return template

    def test_templates_and_calls(self) -> None:
        template = self.template()
        assert template.entrypoint == "main"
        assert [(inner.name, inner.types) for inner in template.templates] == [
            ("main", ("steps",)),
            ("work", ("container",)),
        ]
        main, work = template.template("main"), template.template("work")
        assert main is not None
        assert [(call.name, call.template, call.reference) for call in main.calls] == [
            ("one", "work", None),
            ("two", None, "shared"),
        ]
        assert template.reachable == (main, work)
        assert template.external_references == ("shared",)
        assert template.template("absent") is None

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ((), "w.yaml:1:1"),
            (("metadata",), "w.yaml:3:1"),
            (("metadata", "labels", "ai.sap.com/version"), "w.yaml:7:5"),
            (("spec", "templates", 1, "container"), "w.yaml:20:5"),
            (("spec", "templates", -1), "w.yaml:19:5"),
            (("spec", "templates", 7, "name"), "w.yaml:14:3"),
            (("spec", "absent", "more"), "w.yaml:11:1"),
            (("metadata", "name", "deeper"), "w.yaml:4:3"),
            ((0,), "w.yaml:1:1"),
        ],
    )
    def test_places(self, path: tuple[str | int, ...], expected: str) -> None:
        assert str(self.template().place_of(*path)) == expected

    def test_place_of_a_node(self) -> None:
        template = self.template()
        assert str(template.place_of(template.templates[1].node)) == "w.yaml:19:5"

    def test_repr(self) -> None:
        template = self.template()
        assert repr(template) == "WorkflowTemplate('some-training', 'w.yaml')"
        assert repr(template.templates[1]) == "TemplateModel('work', line 19)"
