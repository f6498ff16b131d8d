"""The rules of AI Core: what they are called, and what they say for themselves."""

from __future__ import annotations

from typing import Final

from pytest_aicore.workflows.checks.examples import example_container, serving, with_args
from pytest_aicore.workflows.checks.rule import Rule, Severity


def _rule(
    number: int, name: str, summary: str, explanation: str, bad: str, good: str, severity: Severity = Severity.ERROR
) -> Rule:
    return Rule(f"AIC{number}", name, severity, "aicore", summary, explanation, bad, good)


def _metadata(labels: str, annotations: str = "", name: str = "churn-train") -> str:
    return f"metadata:\n  name: {name}\n  labels:\n{labels}" + (
        f"\n  annotations:\n{annotations}" if annotations else ""
    )


_ID: Final = "    scenarios.ai.sap.com/id: customer-churn"
_VERSION: Final = '    ai.sap.com/version: "1.0.0"'
_SCENARIO_NAME: Final = "    scenarios.ai.sap.com/name: Customer churn"
_EXECUTABLE_NAME: Final = "    executables.ai.sap.com/name: Churn training"
_LABELS: Final = f"{_ID}\n{_VERSION}"
_NAMES: Final = f"{_SCENARIO_NAME}\n{_EXECUTABLE_NAME}"
_GOOD: Final = _metadata(_LABELS, _NAMES)

KIND: Final = _rule(
    301,
    "kind",
    "The kind is none that AI Core reads",
    "AI Core reads the kinds `WorkflowTemplate` and `ServingTemplate`, spelled exactly like that; anything else is not "
    "synchronised.",
    "kind: WorkflowTemplates",
    "kind: WorkflowTemplate",
)
NO_SCENARIO_ID: Final = _rule(
    302,
    "no-scenario-id",
    "The label with the scenario id is missing",
    "AI Core finds the executables of a scenario by the label `scenarios.ai.sap.com/id`. Without it the template is "
    "synchronised, and the executable never appears.",
    _metadata(_VERSION, _NAMES),
    _GOOD,
)
NO_VERSION: Final = _rule(
    303,
    "no-version",
    "The label with the version is missing",
    "Every executable has a version, the label `ai.sap.com/version`. Without it the executable never appears.",
    _metadata(_ID, _NAMES),
    _GOOD,
)
API_VERSION: Final = _rule(
    304,
    "api-version",
    "The apiVersion does not belong to the kind",
    "A `WorkflowTemplate` is of `argoproj.io/v1alpha1`, a `ServingTemplate` of `ai.sap.com/v1alpha1`. With another one "
    "Kubernetes does not know the kind, and the template is not synchronised.",
    "apiVersion: ai.sap.com/v1alpha1\nkind: WorkflowTemplate",
    "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate",
)
NO_SCENARIO_NAME: Final = _rule(
    305,
    "no-scenario-name",
    "The annotation with the scenario's name is missing",
    "Without the annotation `scenarios.ai.sap.com/name` the scenario is not discovered.",
    _metadata(_LABELS, _EXECUTABLE_NAME),
    _GOOD,
)
NO_EXECUTABLE_NAME: Final = _rule(
    306,
    "no-executable-name",
    "The annotation with the executable's name is missing",
    "SAP's service guide calls the annotation `executables.ai.sap.com/name` mandatory; the AI API shows it as the "
    "executable's name.",
    _metadata(_LABELS, _SCENARIO_NAME),
    _GOOD,
)
EXECUTABLE_ID: Final = _rule(
    307,
    "executable-id",
    "`metadata.name`, the executable id, is missing or cannot be one",
    "The executable id is `metadata.name`: lower-case letters, digits and hyphens, at most 64, unique in the tenant. "
    "Kubernetes refuses anything else, dots excepted.",
    _metadata(_LABELS, _NAMES, "Churn_Train"),
    _GOOD,
)
SCENARIO_ID: Final = _rule(
    308,
    "scenario-id",
    "The scenario id is too short or too long, or holds characters that are not allowed",
    "The AI API takes scenario ids of 4 to 63 letters, digits, hyphens, dots and underscores.",
    _metadata(f"    scenarios.ai.sap.com/id: abc\n{_VERSION}", _NAMES),
    _GOOD,
)
LABEL: Final = _rule(
    309,
    "label",
    "A label is no string, or holds characters that labels cannot have",
    "Labels are strings: a bare `2.0` is a number in YAML, and Kubernetes refuses the template. They hold letters, "
    "digits, hyphens, dots and underscores, at most 63, and begin and end with a letter or digit.",
    _metadata(f"{_ID}\n    ai.sap.com/version: 2.0", _NAMES),
    _metadata(f'{_ID}\n    ai.sap.com/version: "2.0"', _NAMES),
)
ANNOTATION: Final = _rule(
    310,
    "annotation",
    "An annotation is no string, or its key cannot be one",
    "Annotations are strings: Kubernetes refuses a number, a boolean or a map.",
    _metadata(_LABELS, f"{_SCENARIO_NAME}\n    executables.ai.sap.com/name: 42"),
    _metadata(_LABELS, f'{_SCENARIO_NAME}\n    executables.ai.sap.com/name: "42"'),
)
MISPLACED: Final = _rule(
    311,
    "misplaced",
    "A label or annotation stands where AI Core does not look for it",
    "Ids and the version are labels, names are annotations, and the resource plan is a label of the pods: it belongs "
    "to the template that runs the container.",
    _metadata(f"{_LABELS}\n{_SCENARIO_NAME.replace('Customer churn', 'churn')}", _EXECUTABLE_NAME),
    _GOOD,
)
MISSPELT: Final = _rule(
    312,
    "misspelt",
    "A key of AI Core is misspelt",
    "AI Core looks for its labels and annotations by their exact keys.",
    _metadata(f"    scenario.ai.sap.com/id: customer-churn\n{_VERSION}", _NAMES),
    _GOOD,
)
NO_PLAN: Final = _rule(
    313,
    "no-resource-plan",
    "A template does not say on which resource plan its pod runs",
    "SAP's service guide asks for the label `ai.sap.com/resourcePlan` or `ai.sap.com/instanceType` on every pod. In "
    "practice a pod without one runs on the smallest plan.",
    "metadata: {}",
    "metadata:\n  labels:\n    ai.sap.com/resourcePlan: starter",
    Severity.WARNING,
)
UNKNOWN_PLAN: Final = _rule(
    314,
    "unknown-resource-plan",
    "The resource plan is none that SAP documents",
    "An execution on a plan that the tenant does not have stays PENDING or UNKNOWN forever, without an error. Plans of "
    "your tenant can be made known to the checks.",
    "metadata:\n  labels:\n    ai.sap.com/resourcePlan: Starter",
    "metadata:\n  labels:\n    ai.sap.com/resourcePlan: starter",
    Severity.WARNING,
)
NO_COMMAND: Final = _rule(
    315,
    "no-command",
    "A container has no command",
    "AI Core ignores what the image itself would run (`CMD` and `ENTRYPOINT`), so every container says it: "
    '`command: ["/bin/sh", "-c"]`.',
    'container:\n  image: docker.io/example/churn:1\n  args: ["./train"]',
    example_container(),
)
COMMAND: Final = _rule(
    316,
    "command",
    "A container's command is not a shell's",
    'SAP\'s service guide asks for `command: ["/bin/sh", "-c"]`. Other commands run in practice, but for one that is a '
    "whole command line in one word. A shell with `-c` takes the first item of `args` for the command line, and only "
    "that.",
    'container:\n  image: docker.io/example/churn:1\n  command: ["python"]\n  args: ["train.py"]',
    example_container(),
    Severity.WARNING,
)
NO_ARGS: Final = _rule(
    317,
    "no-args",
    "A container has no args",
    "`args` is what the shell runs. Without it `sh -c` ends with an error, or nothing runs.",
    'container:\n  image: docker.io/example/churn:1\n  command: ["/bin/sh", "-c"]',
    example_container(),
)
NO_GLOBAL_NAME: Final = _rule(
    318,
    "output-without-global-name",
    "An output artifact has no globalName, so it is lost",
    "Only outputs with a `globalName` are registered in the AI API. Without one the execution is COMPLETED, and there "
    "is no output artifact: the model is lost. (An artifact that another step reads needs none.)",
    "outputs:\n  artifacts:\n    - name: model\n      path: /app/model",
    "outputs:\n  artifacts:\n    - name: model\n      globalName: churn-model\n      path: /app/model",
)
ANNOTATION_OF_NOTHING: Final = _rule(
    319,
    "annotation-of-nothing",
    "An annotation is about an artifact that does not exist",
    "In `artifacts.ai.sap.com/NAME.kind` NAME is an input artifact, or the globalName of an output. Otherwise what it "
    "says has no effect: the artifact is registered as a `model`.",
    _metadata(_LABELS, f"{_NAMES}\n    artifacts.ai.sap.com/contract.kind: dataset"),
    _GOOD,
    Severity.WARNING,
)
ARTIFACT_ANNOTATION: Final = _rule(
    320,
    "artifact-annotation",
    "An annotation of an artifact says something that AI Core does not understand",
    "`artifacts.ai.sap.com/NAME.` is followed by `kind`, `description`, `labels`, `name` or `suffix`; a kind is "
    "`model`, `dataset`, `resultset` or `other`, and labels are a JSON object in a string.",
    _metadata(_LABELS, f"{_NAMES}\n    artifacts.ai.sap.com/contracts.kind: data-set")
    + "\nspec:\n  entrypoint: train\n  templates:\n  - name: train\n    inputs:\n      artifacts:\n"
    + "        - name: contracts\n          path: /app/data\n    container:\n      image: docker.io/example/churn:1\n"
    + '      command: ["/bin/sh", "-c"]\n      args: ["./train"]',
    _metadata(_LABELS, f"{_NAMES}\n    artifacts.ai.sap.com/contracts.kind: dataset")
    + "\nspec:\n  entrypoint: train\n  templates:\n  - name: train\n    inputs:\n      artifacts:\n"
    + "        - name: contracts\n          path: /app/data\n    container:\n      image: docker.io/example/churn:1\n"
    + '      command: ["/bin/sh", "-c"]\n      args: ["./train"]',
    Severity.WARNING,
)
IMAGE: Final = _rule(
    321,
    "image",
    "An image is named without its registry or a tag, or cannot exist",
    "AI Core wants the registry's host in the name (`docker.io/...`), for the pull secret belongs to one; without a "
    "tag or digest the image of a run can change. `latest` is a hint: it is a tag, and changes all the same.",
    example_container().replace("docker.io/example/churn:1", "example/churn"),
    example_container(),
    Severity.WARNING,
)
PLACEHOLDER: Final = _rule(
    322,
    "placeholder",
    "Something was left to be filled in",
    "Tutorials write `<YOUR_DOCKER_USERNAME>` and the like where a value of your own belongs. AI Core takes it as it "
    "is.",
    example_container().replace("example", "<YOUR_DOCKER_USERNAME>"),
    example_container(),
    Severity.WARNING,
)
NO_DEADLINE: Final = _rule(
    323,
    "no-deadline",
    "A workflow on a large plan has no deadline",
    "An execution of AI Core runs, and bills, until it ends; one that hangs never does. `spec.activeDeadlineSeconds` "
    "ends it.",
    "metadata:\n  labels:\n    ai.sap.com/resourcePlan: infer.l",
    "metadata:\n  labels:\n    ai.sap.com/resourcePlan: infer.l\nactiveDeadlineSeconds: 7200",
    Severity.WARNING,
)
CONTAINER_NAME: Final = _rule(
    324,
    "container-name",
    "The logs of a container cannot be read",
    "AI Core shows the logs of the container `main` and of those whose names begin with `readable-`. A container set "
    "needs one that is called `main`.",
    example_container() + "\nsidecars:\n  - name: proxy\n    image: docker.io/example/proxy:1\n"
    '    command: ["/bin/sh", "-c"]\n    args: ["./proxy"]',
    example_container() + "\nsidecars:\n  - name: readable-proxy\n    image: docker.io/example/proxy:1\n"
    '    command: ["/bin/sh", "-c"]\n    args: ["./proxy"]',
    Severity.WARNING,
)
PULL_SECRET: Final = _rule(
    325,
    "pull-secret",
    "A pull secret has no name, or one that no secret can have",
    "`imagePullSecrets` names docker registry secrets of the tenant. An empty name makes Kubernetes refuse the pod; "
    "one that cannot exist leaves the image unpulled.",
    with_args("./train").replace("  templates:", "  imagePullSecrets:\n    - name:\n  templates:"),
    with_args("./train --depth {{workflow.parameters.DEPTH}}").replace(
        "  templates:", "  imagePullSecrets:\n    - name: docker-registry-secret\n  templates:"
    ),
)
ARTIFACT_URL: Final = _rule(
    326,
    "artifact-url",
    "The URL of an artifact ends in a slash",
    "AI Core takes `ai://SECRET/PATH` as the beginning of a key in the object store; with a slash at its end the "
    "object is not found (`The specified key does not exist`).",
    "spec:\n  arguments:\n    parameters:\n      - name: source\n        value: ai://default/data/",
    "spec:\n  arguments:\n    parameters:\n      - name: source\n        value: ai://default/data",
    Severity.WARNING,
)
DUPLICATE_GLOBAL_NAME: Final = _rule(
    327,
    "duplicate-global-name",
    "Two outputs have the same globalName",
    "The object store keeps outputs under `EXECUTION_ID/GLOBAL_NAME`: the second replaces the first.",
    "outputs:\n  artifacts:\n    - name: model\n      globalName: churn-model\n      path: /app/model\n"
    "    - name: report\n      globalName: churn-model\n      path: /app/report",
    "outputs:\n  artifacts:\n    - name: model\n      globalName: churn-model\n      path: /app/model\n"
    "    - name: report\n      globalName: churn-report\n      path: /app/report",
    Severity.WARNING,
)
EMPTY_ARCHIVE: Final = _rule(
    328,
    "empty-archive",
    "`archive` says nothing, so the output is packed",
    "`none:` without `{}` is null, as if it were not there: Argo packs the folder as a `.tgz` file.",
    "outputs:\n  artifacts:\n    - name: model\n      globalName: churn-model\n      path: /app/model\n"
    "      archive:\n        none:",
    "outputs:\n  artifacts:\n    - name: model\n      globalName: churn-model\n      path: /app/model\n"
    "      archive:\n        none: {}",
    Severity.WARNING,
)
UNUSED_PARAMETER: Final = _rule(
    329,
    "unused-parameter",
    "A parameter is declared and used nowhere",
    "A configuration can bind it, and nothing changes: usually the placeholder that should use it is missing.",
    with_args("./train"),
    with_args("./train --depth {{workflow.parameters.DEPTH}}"),
    Severity.HINT,
)
BLOCK: Final = _rule(
    331,
    "not-a-string-block",
    "An inner part of a ServingTemplate is a map, where AI Core wants a string",
    "AI Core replaces the placeholders in `spec.template.spec` and in the labels and annotations of "
    "`spec.template.metadata` before it reads them as YAML: they are strings, written as blocks with `|`. Maps are not "
    "rendered.",
    serving().replace("    spec: |", "    spec:").replace("{{inputs.parameters.replicas}}", "2"),
    serving(),
)
BLOCK_SYNTAX: Final = _rule(
    332,
    "block-syntax",
    "The YAML in a string block of a ServingTemplate cannot be read",
    "What stands in the block is YAML again, as soon as the placeholders are replaced. If it is none, no deployment "
    "can be made of it.",
    serving().replace("minReplicas: 1", "minReplicas 1"),
    serving(),
)
SERVING_PLACEHOLDER: Final = _rule(
    333,
    "serving-placeholder",
    "A placeholder of a ServingTemplate names an input that is not declared",
    "`{{inputs.parameters.X}}` needs X among `spec.inputs.parameters`, `{{inputs.artifacts.X}}` among "
    "`spec.inputs.artifacts`. A parameter that is merely not declared is a warning: SAP publishes a sample that does "
    "it.",
    serving().replace("inputs.artifacts.churnmodel", "inputs.artifacts.model"),
    serving(),
)
SERVING_NAME: Final = _rule(
    334,
    "serving-name",
    "An input of a ServingTemplate has a name that its placeholders cannot hold",
    "The names of a ServingTemplate's inputs consist of letters and digits; a hyphen breaks the placeholder.",
    serving().replace("churnmodel", "churn-model"),
    serving(),
)
INNER_API_VERSION: Final = _rule(
    335,
    "inner-api-version",
    "The inner apiVersion of a ServingTemplate is missing or not the one of today",
    "A ServingTemplate becomes an InferenceService of KServe, `serving.kserve.io/v1beta1`; `serving.kubeflow.org` is "
    "its older name.",
    serving().replace("serving.kserve.io/v1beta1", "serving.kserve.io/v1"),
    serving(),
    Severity.WARNING,
)
PREDICTOR: Final = _rule(
    336,
    "predictor",
    "The inner specification of a ServingTemplate describes no server",
    "KServe needs `predictor` with a container that has an image and is called `kserve-container`; only that one gets "
    "the model from `STORAGE_URI`.",
    serving().replace("      predictor:\n", "      transformer:\n"),
    serving(),
)
UNUSED_ARTIFACT: Final = _rule(
    337,
    "unused-artifact",
    "An input artifact of a ServingTemplate is used nowhere",
    "Only what `{{inputs.artifacts.NAME}}` puts into the block, usually as `STORAGE_URI`, reaches the server.",
    serving().replace("{{inputs.artifacts.churnmodel}}", "/mnt/models"),
    serving(),
    Severity.WARNING,
)
PARAMETER_TYPE: Final = _rule(
    338,
    "parameter-type",
    "A parameter has another type than string",
    "Parameters of AI Core are strings, whatever they hold: `type: string`.",
    serving().replace("        default:", "        type: integer\n        default:"),
    serving().replace("        default:", "        type: string\n        default:"),
    Severity.WARNING,
)

OF_WHAT_IS_MISSING: Final = (NO_SCENARIO_ID, NO_VERSION, NO_SCENARIO_NAME, NO_EXECUTABLE_NAME)
"""Rules of things that have to be there: several of them may be reported at the place where they are missing."""
