"""Placeholders of other tools: a warning everywhere, never an error, and silence where a program has its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.workflows.checks import CheckOptions, check_document, check_files

if TYPE_CHECKING:
    from pathlib import Path

# As tools write them: Helm and Jinja without their syntax, Maven, GitHub, Windows, Azure, ERB, shells, people.
IN_IMAGES = [
    "{{TAG}}",
    "{{ tag }}",
    "{{Values.tag}}",
    "{{params.tag}}",
    "{{step.build.outputs.result}}",
    "{{{TAG}}}",
    "{{TAG}",
    "${{ TAG }}",
    "@TAG@",
    "@project.version@",
    "%TAG%",
    "#{TAG}#",
    "[[TAG]]",
    "<%= tag %>",
    "$(TAG)",
    "${TAG}",
    "$TAG",
    "{TAG}",
    "__TAG__",
    "<TAG>",
]
WHOLE_VALUES = ["{{VALUE}}", "{{ value }}", "{{a.b}}", "{{ value | default(1) }}", "@VALUE@", "${VALUE}", "<VALUE>"]

TRAINING = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: churn-train
  labels: {scenarios.ai.sap.com/id: customer-churn, ai.sap.com/version: "1.0.0"}
  annotations: {scenarios.ai.sap.com/name: Customer churn, executables.ai.sap.com/name: Churn training}
spec:
  entrypoint: train
  arguments: {parameters: [{name: depth, value: "3"}]}
  templates:
  - name: train
    metadata: {labels: {ai.sap.com/resourcePlan: starter}}
    container:
      image: docker.io/example/churn:1
      command: ["/bin/sh", "-c"]
      args: ["./train {{workflow.parameters.depth}}"]
"""
WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: train
  templates:
  - name: train
    container: {image: "docker.io/example/churn:1", command: [./train]}
"""
SERVING = """\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: churn-serve
  labels: {scenarios.ai.sap.com/id: customer-churn, ai.sap.com/version: "1.0.0"}
  annotations: {scenarios.ai.sap.com/name: Customer churn, executables.ai.sap.com/name: Churn serving}
spec:
  inputs:
    parameters: [{name: replicas, type: string, default: "1"}]
  template:
    apiVersion: serving.kserve.io/v1beta1
    metadata:
      labels: |
        ai.sap.com/resourcePlan: infer.s
    spec: |
      predictor:
        minReplicas: {{inputs.parameters.replicas}}
        containers:
        - name: kserve-container
          image: docker.io/example/churn:1
"""


def said(text: str) -> list[tuple[str, str]]:
    """Return severity and rule of what is said about a text."""
    return [(finding.severity.word, finding.rule) for finding in check_document(text)]


@pytest.mark.parametrize("text", [TRAINING, WORKFLOW, SERVING], ids=["training", "workflow", "serving"])
def test_without_a_placeholder_nothing_is_said(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize("placeholder", IN_IMAGES)
@pytest.mark.parametrize("text", [TRAINING, SERVING], ids=["training", "serving"])
def test_in_an_image(text: str, placeholder: str) -> None:
    found = said(text.replace("image: docker.io/example/churn:1", f"image: 'docker.io/example/churn:{placeholder}'"))
    assert [severity for severity, _ in found] == ["warning"]


@pytest.mark.parametrize("value", WHOLE_VALUES)
@pytest.mark.parametrize(
    "line",
    [
        "activeDeadlineSeconds: {}",
        "retryStrategy: {{limit: {}}}",
        "retryStrategy: {{limit: 1, backoff: {{factor: {}, duration: '10'}}}}",
        "retryStrategy: {{limit: 1, retryPolicy: {}}}",
        "daemon: {}",
        "priority: {}",
        "failFast: {}",
        "serviceAccountName: {}",
        "nodeSelector: {{gpu: {}}}",
        "outputs: {{artifacts: [{{name: {}, globalName: model, path: /app/model}}]}}",
        "outputs: {{artifacts: [{{name: model, globalName: {}, path: /app/model}}]}}",
        "outputs: {{artifacts: [{{name: model, globalName: model, path: /app/model, mode: {}}}]}}",
        "volumes: [{{name: v, emptyDir: {{sizeLimit: {}}}}}]",
        "podSpecPatch: {}",
    ],
)
def test_a_value_of_a_template_may_be_filled_in_by_another_tool(line: str, value: str) -> None:
    text = TRAINING.replace("    container:\n", f"    {line.format(repr(value))}\n    container:\n")
    found = said(text)
    if line.startswith("podSpecPatch"):  # a program, of which only plain references are told
        assert {severity for severity, _ in found} <= {"warning"}
    else:
        assert [severity for severity, _ in found] == ["warning"]


@pytest.mark.parametrize("value", ["{{VALUE}}", "@VALUE@", "<VALUE>"])
@pytest.mark.parametrize("old", ["churn-train", "customer-churn", '"1.0.0"', "Customer churn", "starter"])
def test_in_the_metadata(old: str, value: str) -> None:
    assert [severity for severity, _ in said(TRAINING.replace(old, f"'{value}'"))] == ["warning"]


@pytest.mark.parametrize("value", WHOLE_VALUES)
def test_in_a_workflow_of_argo(value: str) -> None:
    text = WORKFLOW.replace("  entrypoint", f"  parallelism: '{value}'\n  entrypoint")
    assert said(text) == [("warning", "AIC250")]


@pytest.mark.parametrize(
    "args",
    [
        "./train {{TAG}}",
        "./train {{ tag }}",
        "./train {{Values.tag}}",
        "./train {{params.tag}}",
        "./train {{step.build.outputs.result}}",
        "./train {{workflow}} ",
        "./train {{duration}}",
    ],
)
def test_in_a_command_line(args: str) -> None:
    text = TRAINING.replace('"./train {{', f'"{args} {{{{')
    assert said(text) == [("warning", "AIC250")]


@pytest.mark.parametrize(
    "args",
    [
        "docker ps --format '{{.Names}}' {{x}}",
        "sed -i s/{{TAG}}/$TAG/ config",
        "cat > prompt.j2 <<EOF\n{{ question }}\nEOF\n",
        "python -c \"print(f'{{key}}')\"",
        "python -c \"t.replace('{{key}}', value)\"",
        "echo ${{ github.sha }} ${{ steps.a.outcome }}",
        "{% for x in y %}{{ x }} {{ steps.x }} {{ inputs.text }} {{ workflow.title }}{% endfor %}",
        "{{ x | upper }} {{ y }}",
        "echo {{#if x}} {{x}} {{/if}}",
        "awk '{{print $1}}'",
        "python chat.py --prompt 'Summarise {{text}}'",
        "./train {{retries}} {{lastRetry.exitCode}} {{node.name}}",
    ],
)
def test_a_program_may_have_placeholders_of_its_own(args: str) -> None:
    block = "\n".join(f"          {line}" for line in f"./train {{{{workflow.parameters.depth}}}}; {args}".split("\n"))
    text = TRAINING.replace(' ["./train {{workflow.parameters.depth}}"]', f"\n        - |\n{block}")
    assert said(text) == []


@pytest.mark.parametrize("tag", ["workflow.nosuch", "inputs.nosuch.x", "steps.a.outputs.result", "pod.ip", "item.x"])
def test_spaces_inside_make_no_difference(tag: str) -> None:
    bare, spaced = (
        check_document(TRAINING.replace("./train", f"./train {written}"))
        for written in (f"{{{{{tag}}}}}", f"{{{{ {tag} }}}}")
    )
    assert [finding.text for finding in spaced] == [finding.text for finding in bare]
    assert [finding.severity.word for finding in bare] == ["error"]


@pytest.mark.parametrize("value", ["%N%", "#{N}#", "[[ N ]]", "$(N)", "$N", "@n@", "__N__", "{N}", "<%= n %>"])
@pytest.mark.parametrize("line", ["parallelism: {}", "archiveLogs: {}", "podGC: {{strategy: {}}}", "priority: {}"])
def test_a_number_or_a_word_may_have_brackets_of_any_tool(line: str, value: str) -> None:
    text = WORKFLOW.replace("  entrypoint", f"  {line.format(repr(value))}\n  entrypoint")
    if line.startswith("podGC"):  # only hera's models know its words
        assert said(text) in ([], [("warning", "AIC250")])
    else:
        assert said(text) == [("warning", "AIC250")]


def test_a_program_that_fills_in_its_own_has_the_errors_of_known_words() -> None:
    text = TRAINING.replace("./train", "sed -i s/{{tag}}/1/ x; ./train {{ workflow.nosuch }}")
    assert said(text) == [("error", "AIC245")]


def test_a_known_variable_in_a_number_field_stays_an_error() -> None:
    text = WORKFLOW.replace("  entrypoint", "  parallelism: '{{workflow.name}}'\n  entrypoint")
    assert said(text) == [("error", "AIC202")]


def test_in_the_blocks_of_a_serving_template() -> None:
    text = SERVING.replace("infer.s", "{{PLAN}}").replace("{{inputs.parameters.replicas}}", "{{ replicas }}")
    plan, replicas = check_document(text)
    assert [(finding.severity.word, finding.place.line) for finding in (plan, replicas)] == [
        ("warning", 14),
        ("warning", 17),
    ]
    assert plan.text == (
        "AI Core does not replace `{{PLAN}}` in a ServingTemplate: unless another tool fills it in before, it stays in "
        "the text, braces included. Fill it in, or declare an input and write `{{inputs.parameters.NAME}}`."
    )
    assert replicas.text == (
        "AI Core does not replace `{{replicas}}` in a ServingTemplate: unless another tool fills it in before, it "
        "stays in the text, braces included. Write `{{inputs.parameters.replicas}}`."
    )


@pytest.mark.parametrize("value", ["<N>", "@N@", "${N}", "%N%", "{{N}}"])
@pytest.mark.parametrize(
    "line", ["minReplicas: {}", "timeout: {}", "containers: [{{name: {}, image: docker.io/a/b:1}}]"]
)
def test_values_in_the_blocks_of_a_serving_template(line: str, value: str) -> None:
    begin = SERVING.index("        minReplicas")
    text = SERVING[:begin] + f"        {line.format(repr(value))}\n"
    if not line.startswith("containers"):
        text += "        containers: [{name: kserve-container, image: docker.io/a/b:1}]\n"
    text = text.replace('    parameters: [{name: replicas, type: string, default: "1"}]\n', "    parameters: []\n")
    found = said(text)
    assert [severity for severity, _ in found] == ["warning"]


@pytest.mark.parametrize("value", ["<N>", "@N@", "{{N}}"])
def test_a_value_of_an_enum(value: str) -> None:
    text = WORKFLOW.replace(
        "    container", f"    inputs: {{parameters: [{{name: a, value: '{value}', enum: [b]}}]}}\n    container"
    )
    assert said(text) == [("warning", "AIC250")]


def test_a_file_full_of_them_is_told_once() -> None:
    text = TRAINING.replace("starter", "'{{PLAN}}'").replace("churn:1", "churn:{{TAG}}")
    (finding,) = check_document(text.replace("./train", "{{A}} {{B}}"))
    assert finding.place.line == 12
    assert finding.text == (
        "4 placeholders were left to be filled in (lines 12, 14, 16): Argo does not replace them. Put the real values "
        "in their places."
    )


@pytest.mark.parametrize("value", ["{{VALUE}}", "@VALUE@", "<VALUE>"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("argoproj.io/v1alpha1", "{}"),
        ("image:", "env: [{{name: {}, value: a}}]\n      image:"),
        ("image:", "resources: {{limits: {{memory: {}}}}}\n      image:"),
        ("image:", "ports: [{{containerPort: {}}}]\n      image:"),
        ("image:", "ports: [{{containerPort: 80, protocol: {}}}]\n      image:"),
        ("  entrypoint", "  imagePullSecrets: [{{name: {}}}]\n  entrypoint"),
        ("  entrypoint", "  activeDeadlineSeconds: {}\n  entrypoint"),
        ("entrypoint: train", "entrypoint: {}"),
        ('[{name: depth, value: "3"}', '[{{name: depth, value: "3"}}, {{name: {}, value: "1"}}'),
    ],
)
def test_in_other_places(old: str, new: str, value: str) -> None:
    text = TRAINING.replace(old, new.format(repr(value)), 1)
    assert [severity for severity, _ in said(text)] == ["warning"]


def test_in_the_annotation_of_an_artifact() -> None:
    text = TRAINING.replace("Churn training}", "Churn training, artifacts.ai.sap.com/model.kind: '{{KIND}}'}").replace(
        "    container:\n",
        "    outputs: {artifacts: [{name: model, globalName: model, path: /app/model}]}\n    container:\n",
    )
    (finding,) = check_document(text)
    assert (finding.rule, finding.remedy) == ("AIC250", "Put the real value in its place.")


def test_two_templates_whose_ids_are_filled_in_later_are_not_told_to_be_one(tmp_path: Path) -> None:
    for name in ("one", "other"):
        text = TRAINING.replace("churn-train", "'{{ID}}'").replace("Customer churn", name)
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    told = {finding.rule for finding in check_files([tmp_path]).findings}
    assert told - {"AIC200"} == {"AIC250"}  # without hera that is told, too


@pytest.mark.parametrize("placeholder", IN_IMAGES)
def test_part_of_an_image_in_a_workflow_of_argo(placeholder: str) -> None:
    assert said(WORKFLOW.replace("churn:1", f"churn:{placeholder}")) == [("warning", "AIC250")]


@pytest.mark.parametrize("function", ["asInt(workflow.parameters.depth)", "jsonpath(workflow.parameters.depth, '$.a')"])
def test_an_expression_without_its_sign(function: str) -> None:
    (finding,) = check_document(TRAINING.replace("./train", f"./train {{{{{function}}}}}"))
    assert f"{finding.severity.word} {finding.text}" == (
        "warning An expression begins with `{{=`. Argo does not replace it: it stays in the text, braces included. "
        f"Write `{{{{={function}}}}}`."
    )


def test_they_can_be_ignored_alone() -> None:
    text = TRAINING.replace("churn:1", "churn:{{TAG}}")
    assert check_document(text, options=CheckOptions(ignore=frozenset({"AIC250"}))) == []
