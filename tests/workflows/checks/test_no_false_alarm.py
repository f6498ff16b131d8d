"""What Argo and AI Core take is not refused: templates that are correct, or only unusual."""

from __future__ import annotations

import pytest

from pytest_aicore.workflows.checks import CheckOptions, Severity, check_document

HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: w}\nspec:\n  entrypoint: main\n"
WORK = (
    "  - name: work\n    container: {image: a/b:1, volumeMounts: [{name: v, mountPath: /v}]}\n"
    "    outputs: {parameters: [{name: claim, valueFrom: {path: /claim}}]}\n"
)
TASKS = "    dag: {tasks: [{name: one, template: work}, {name: two, template: work, dependencies: [one]}]}\n"


def said(text: str, *, argo_types: bool | None = None) -> list[str]:
    """Return severity and text of what is said about a document."""
    findings = check_document(text, options=CheckOptions(argo_types=argo_types))
    return [f"{finding.severity.word} {finding.rule}: {finding.text}" for finding in findings]


def pod(*lines: str) -> str:
    """Return a workflow with a template of some lines."""
    return HEAD + "  templates:\n  - name: main\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize("argo_types", [None, False], ids=["hera if installed", "without hera"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            pod(
                "inputs: {parameters: [{name: p, value: '{}'}]}",
                f'container: {{image: a/b:1, args: ["{{{{={expression}}}}}"]}}',
            ),
            id=expression,
        )
        for expression in (
            "jsonpath(inputs.parameters.p, '$.a')",
            "jsonpath(inputs.parameters['p'], '$.a')",
            "jsonpath(workflow.parameters.json, '$[0].value')",
            "jsonpath(workflow.parameters.json, '$[0].value')[0]",
            "jsonpath(inputs.parameters.p, '$[?(@.x == 1)]')",
            "jsonpath(inputs.parameters.p, '$ inputs.parameters.other')",
            "jsonpath(inputs.parameters.p, '(workflow.parameters.other')",
            "toJson(jsonpath(inputs.parameters.p, '$.items[*]'))",
        )
    ],
)
def test_jsonpath_in_an_expression(text: str, argo_types: bool | None) -> None:
    assert said(text, argo_types=argo_types) == []


VOLUME = '[{name: v, persistentVolumeClaim: {claimName: "{{tasks.one.outputs.parameters.claim}}"}}]'
EMPTY = "[{name: v, emptyDir: {}}]"


def dag(spec: str, template: str = "") -> str:
    """Return a workflow with lines of its specification and of its template with tasks."""
    return f"{HEAD}{spec}  templates:\n  - name: main\n{template}{TASKS}{WORK}"


def test_results_of_tasks_in_the_volumes_of_the_workflow() -> None:
    text = dag(f"  volumes: {VOLUME}\n")
    assert said(text) == []
    (finding,) = said(text.replace(".claim}}", ".clami}}"))
    assert finding == (
        "error AIC244: The template `work` has no output parameter `clami`. Argo refuses the workflow. Did you mean "
        "'claim'? Name `claim`."
    )


def test_results_of_steps_in_the_volumes_of_the_workflow() -> None:
    steps = "    steps: [[{name: one, template: work}]]\n"
    assert said(dag(f"  volumes: {VOLUME}\n").replace(TASKS, steps).replace("{{tasks.", "{{steps.")) == []


def test_results_of_tasks_in_the_volumes_of_their_template() -> None:
    assert said(dag(f"  volumes: {EMPTY}\n", f"    volumes: {VOLUME}\n")) == []


def test_results_of_tasks_elsewhere_in_the_specification_stay_an_error() -> None:
    text = dag(f'  volumes: {EMPTY}\n  nodeSelector: {{gpu: "{{{{tasks.one.outputs.parameters.claim}}}}"}}\n')
    assert [line.split(":")[0] for line in said(text)] == ["error AIC242"]


@pytest.mark.parametrize("source", ["http: {}", "http: {url: ''}", "raw: {}", "s3: {}"])
def test_an_optional_artifact_may_come_from_nowhere(source: str) -> None:
    text = pod(f"inputs: {{artifacts: [{{name: a, path: /a, optional: true, {source}}}]}}", "container: {image: a/b:1}")
    assert said(text) == []
    if not source.startswith("s3"):
        pytest.importorskip("hera.workflows.models")  # only these know what such an artifact must have
        assert [line.split(":")[0] for line in said(text.replace("optional: true, ", ""))] == ["error AIC203"]


def test_an_optional_artifact_of_git_has_a_repository() -> None:
    text = pod("inputs: {artifacts: [{name: a, path: /a, optional: true, git: {}}]}", "container: {image: a/b:1}")
    pytest.importorskip("hera.workflows.models")  # only these know what such an artifact must have
    assert said(text) == ["error AIC203: This git artifact has no `repo`. Argo refuses the workflow. Add `repo:`."]


def test_a_status_in_an_ordinary_template_is_running() -> None:
    text = pod('container: {image: a/b:1, args: ["{{workflow.status}}"]}')
    assert [finding.severity for finding in check_document(text)] == [Severity.HINT]


def test_a_script_without_source_has_an_empty_file() -> None:
    (finding,) = said(pod("script: {image: a/b:1, command: [python]}"))
    assert finding == (
        "warning AIC228: This script has no `source`: its command gets an empty file. Add `source: |` with the script, "
        "or use `container`."
    )


def test_a_key_that_is_not_known_may_be_new() -> None:
    text = pod("pendingTimeout: 1m", "container: {image: a/b:1}")
    (finding,) = said(text)
    assert finding == (
        "warning AIC201: A template of Argo has no known key `pendingTimeout`: unless it is new in Argo, it is "
        "silently ignored. Remove it, or move it to where it belongs."
    )


@pytest.mark.parametrize(
    "manifest",
    [
        "a: {{workflow.name}}\nb: [{{workflow.uid}}, '{{workflow.name}}']\n{{workflow.name}}: x",
        "a:\n- {{=toJson(inputs)}}\n---\nb: 2",
        '[{"op": "add", "path": "/x", "value": 1}]',
        "{{workflow.name}}",
        "a: @T@",
        "{% if x %}\na: 1\n{% endif %}",
        "a: <X>",
    ],
)
def test_a_manifest_with_placeholders(manifest: str) -> None:
    lines = [f"    {line}" for line in manifest.split("\n")]
    assert said(pod("resource:", "  action: create", "  manifest: |", *lines)) == []


SERVING = """\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: churn-serve
  labels: {scenarios.ai.sap.com/id: customer-churn, ai.sap.com/version: "1.0.0"}
  annotations: {scenarios.ai.sap.com/name: Customer churn, executables.ai.sap.com/name: Churn serving}
spec:
  template:
    apiVersion: serving.kserve.io/v1beta1
    metadata:
      labels: |
        ai.sap.com/resourcePlan: infer.s
    spec: |
      default:
        predictor:
          custom:
            container: {name: kfserving-container, image: "docker.io/example/churn:1"}
"""


def test_the_predictor_of_the_old_api() -> None:
    told = (
        "warning AIC336: The `predictor` is below `default`, as in v1alpha2 of KServe, which AI Core no longer "
        "supports. Write `predictor:` in place of `default:`, and its container as an item of `containers:` below it."
    )
    old = (
        "warning AIC335: `serving.kubeflow.org/v1alpha2` is not the apiVersion of KServe's InferenceService on AI "
        "Core. Write `apiVersion: serving.kserve.io/v1beta1`."
    )
    assert said(SERVING) == [told]
    assert said(SERVING.replace("serving.kserve.io/v1beta1", "serving.kubeflow.org/v1alpha2")) == [old]
