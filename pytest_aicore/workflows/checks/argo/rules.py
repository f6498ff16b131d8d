"""The rules of Argo's semantics: what they are called, and what they say for themselves."""

from __future__ import annotations

from typing import Final

from pytest_aicore.workflows.checks.examples import TRAIN, TRAIN_DEPTH, argument, container, dag, steps
from pytest_aicore.workflows.checks.rule import Rule, Severity


def _rule(
    number: int, name: str, summary: str, explanation: str, bad: str, good: str, severity: Severity = Severity.ERROR
) -> Rule:
    return Rule(f"AIC{number}", name, severity, "argo", summary, explanation, bad, good)


NO_TEMPLATES: Final = _rule(
    206,
    "no-templates",
    "The workflow has no templates",
    "A workflow is what its templates do; without `spec.templates` there is nothing to run.",
    "spec:\n  entrypoint: train",
    f"spec:\n  entrypoint: train\n  templates:\n{TRAIN}",
)
ENTRYPOINT: Final = _rule(
    207,
    "no-entrypoint",
    "The workflow does not say with which template it begins",
    "Argo begins with the template that `spec.entrypoint` names.",
    f"spec:\n  templates:\n{TRAIN}",
    f"spec:\n  entrypoint: train\n  templates:\n{TRAIN}",
)
UNKNOWN_TEMPLATE: Final = _rule(
    208,
    "unknown-template",
    "A template is named that does not exist",
    "`entrypoint`, `onExit`, steps, tasks and hooks name templates of the same file; names are case-sensitive.",
    f"spec:\n  entrypoint: trian\n  templates:\n{TRAIN}",
    f"spec:\n  entrypoint: train\n  templates:\n{TRAIN}",
)
TEMPLATE_TYPE: Final = _rule(
    209,
    "template-type",
    "A template does nothing, or more than one thing",
    "A template has exactly one of `container`, `script`, `containerSet`, `steps`, `dag`, `resource`, `suspend`, "
    "`data`, `http` and `plugin`.",
    "spec:\n  entrypoint: train\n  templates:\n  - name: train\n    metadata: {}",
    f"spec:\n  entrypoint: train\n  templates:\n{TRAIN}",
)
DUPLICATE_NAME: Final = _rule(
    210,
    "duplicate-name",
    "Two things of one kind have the same name",
    "Templates, the steps or tasks of one template, the parameters and the artifacts of one list are told apart by "
    "their names; Argo refuses two with one name.",
    "inputs:\n  artifacts:\n    - name: data\n      path: /app/data\n    - name: data\n      path: /app/more",
    "inputs:\n  artifacts:\n    - name: data\n      path: /app/data\n    - name: more\n      path: /app/more",
)
INVALID_NAME: Final = _rule(
    211,
    "invalid-name",
    "A name holds characters that Argo does not allow",
    "Names of templates, steps and tasks hold letters, digits and hyphens, at most 128; those of parameters and "
    "artifacts underscores as well. A task that others depend on does not begin with a digit.",
    "inputs:\n  artifacts:\n    - name: raw data\n      path: /app/data",
    "inputs:\n  artifacts:\n    - name: raw-data\n      path: /app/data",
)
CALL_TARGET: Final = _rule(
    212,
    "call-target",
    "A step or task runs no template, or more than one",
    "A step, task or hook has exactly one of `template`, `templateRef` and `inline`.",
    steps(called=""),
    steps(),
)
UNKNOWN_DEPENDENCY: Final = _rule(
    213,
    "unknown-dependency",
    "A task waits for one that does not exist",
    "`dependencies`, `depends` and `target` name tasks of the same dag, `dependencies` in a container set containers "
    "of the same set.",
    dag(second="dependencies: [frist]"),
    dag(second="dependencies: [first]"),
)
CYCLE: Final = _rule(
    214,
    "dependency-cycle",
    "Tasks wait for each other in a circle",
    "None of them could ever begin; Argo refuses the dag.",
    dag("dependencies: [second]", "dependencies: [first]"),
    dag(second="dependencies: [first]"),
)
DEPENDS: Final = _rule(
    215,
    "depends",
    "A `depends` expression cannot be read",
    "Tasks are joined by `&&`, `||`, `!` and parentheses; a task's name may be followed by a result such as "
    "`.Succeeded`. `.AnySucceeded` and `.AllFailed` only make sense for tasks in a loop. A dag uses `depends` or "
    "`dependencies`, not both, and `continueOn` only without `depends`.",
    dag(second="depends: first.Success"),
    dag(second="depends: first.Succeeded"),
)
UNREACHABLE: Final = _rule(
    217,
    "unreachable-template",
    "No run ever reaches this template",
    "Neither the entrypoint nor an exit handler leads to it. Its inputs are not bound, its outputs not registered; "
    "often a step was forgotten, or names the wrong template.",
    f"spec:\n  entrypoint: train\n  templates:\n{TRAIN}\n{TRAIN.replace('train', 'report', 1)}",
    f"spec:\n  entrypoint: train\n  templates:\n{TRAIN}",
    Severity.WARNING,
)
ENDLESS: Final = _rule(
    218,
    "endless-recursion",
    "A template calls itself without a condition",
    "Templates may call themselves, but something has to end it: a `when`, or an empty loop. Argo gives up at a depth "
    "of 100 calls.",
    steps(called="main", template=""),
    steps(),
)
LOOP: Final = _rule(
    219,
    "loop",
    "A loop cannot be unfolded",
    "A step or task loops over exactly one of `withItems` (a list), `withParam` (a text that holds a JSON list, or a "
    "placeholder for one) and `withSequence` (with `count` or `end`).",
    steps("withSequence: {start: 1}"),
    steps("withSequence: {count: 3}"),
)
WHEN: Final = _rule(
    220,
    "when",
    "A `when` condition cannot be read",
    "Conditions compare with `==`, `!=`, `<`, `>`, `=~` and are joined by `&&` and `||`; a text with spaces needs "
    "quotes.",
    steps("when: '{{workflow.name}} = nightly'"),
    steps("when: '{{workflow.name}} == nightly'"),
)
MISSING_ARGUMENT: Final = _rule(
    221,
    "missing-argument",
    "A template is called without a parameter that it needs",
    "An input parameter without a value has to come from the `arguments` of each call, that of the entrypoint from a "
    "workflow parameter of the same name. (Input artifacts may stay open: AI Core binds them from the configuration.)",
    steps(template=TRAIN_DEPTH),
    steps(argument("'3'"), template=TRAIN_DEPTH),
)
EMPTY_ARGUMENT: Final = _rule(
    222,
    "empty-argument",
    "An argument has no value",
    "A parameter that a step or task passes needs `value` or `valueFrom`, an artifact `from` or a location.",
    steps(argument(), template=TRAIN_DEPTH),
    steps(argument("'3'"), template=TRAIN_DEPTH),
)
UNKNOWN_ARGUMENT: Final = _rule(
    223,
    "unknown-argument",
    "An argument is passed that the template does not take",
    "Argo drops arguments that the called template does not declare among its `inputs`, without a word.",
    steps(argument("'3'")),
    steps(argument("'3'"), template=TRAIN_DEPTH),
    Severity.WARNING,
)
ARTIFACT_PATH: Final = _rule(
    224,
    "artifact-path",
    "An artifact lacks its path in the container, or has one where there is no container",
    "Artifacts of a container or script need `path`, where Argo puts or takes them. Those of steps and dags are only "
    "handed on: they have no path, and an output of those says `from`. A path that does not begin with a slash means "
    "another folder for Kubernetes (`/`) than for the program in the container (its working directory): a warning.",
    "inputs:\n  artifacts:\n    - name: data",
    "inputs:\n  artifacts:\n    - name: data\n      path: /app/data",
)
OUTPUT_SOURCE: Final = _rule(
    225,
    "output-source",
    "An output does not say where its value comes from, or says it twice",
    "An output parameter of a container or script needs `valueFrom.path`, one of steps or a dag `valueFrom.parameter` "
    "or `valueFrom.expression`; an output artifact of steps or a dag `from` or `fromExpression`.",
    "outputs:\n  parameters:\n    - name: accuracy",
    "outputs:\n  parameters:\n    - name: accuracy\n      valueFrom:\n        path: /app/accuracy",
)
PATH_COLLISION: Final = _rule(
    226,
    "path-collision",
    "Two things are put at the same path of a container",
    "Input artifacts and volumes are mounted; Kubernetes refuses a pod with two of them at one path.",
    "inputs:\n  artifacts:\n    - name: data\n      path: /app/data\n    - name: more\n      path: /app/data",
    "inputs:\n  artifacts:\n    - name: data\n      path: /app/data\n    - name: more\n      path: /app/more",
)
UNKNOWN_VOLUME: Final = _rule(
    227,
    "unknown-volume",
    "A container mounts a volume that is not declared",
    "The names in `volumeMounts` are those of `volumes` of the workflow or the template, or of `volumeClaimTemplates`.",
    container("volumeMounts:\n  - name: scratch\n    mountPath: /scratch"),
    "volumes:\n  - name: scratch\n    emptyDir: {}\n"
    + container("volumeMounts:\n  - name: scratch\n    mountPath: /scratch"),
)
NO_IMAGE: Final = _rule(
    228,
    "no-image",
    "A container has no image, or a script no source",
    "There is nothing that could run.",
    "container:\n  command: [/bin/sh, -c]\n  args: [./train]",
    container(),
)
MISPLACED_SETTING: Final = _rule(
    230,
    "misplaced-setting",
    "A setting stands at a kind of template that it does not work for",
    "`activeDeadlineSeconds`, `resourceClaims` and `podResources` belong to templates that run a pod, `parallelism` to "
    "those that run others; `podResources` only knows CPU, memory and huge pages.",
    steps().replace("    steps:", "    activeDeadlineSeconds: 60\n    steps:"),
    steps().replace("  templates:", "  activeDeadlineSeconds: 60\n  templates:"),
)
ENVIRONMENT: Final = _rule(
    231,
    "environment",
    "An environment variable has two values, or cannot have its name",
    "Kubernetes refuses a variable with both `value` and `valueFrom`, and names with other characters than letters, "
    "digits, `_`, `-` and `.`; of two variables with one name the last counts.",
    container("env:\n  - name: TREE DEPTH\n    value: '3'"),
    container("env:\n  - name: TREE_DEPTH\n    value: '3'"),
)
ENUM: Final = _rule(
    232,
    "enum",
    "A parameter's value is none of those that its `enum` allows",
    "Argo refuses a value that is not in the parameter's own list.",
    "spec:\n  arguments:\n    parameters:\n      - name: size\n        value: huge\n        enum: [small, large]",
    "spec:\n  arguments:\n    parameters:\n      - name: size\n        value: small\n        enum: [small, large]",
)
HOOK: Final = _rule(
    233,
    "hook-without-expression",
    "A hook has no `expression`, so it never runs",
    "Only the hook `exit` runs by itself; each other one runs when its `expression` becomes true.",
    f"spec:\n  entrypoint: train\n  hooks:\n    running:\n      template: train\n  templates:\n{TRAIN}",
    f"spec:\n  entrypoint: train\n  hooks:\n    exit:\n      template: train\n  templates:\n{TRAIN}",
    Severity.WARNING,
)
METRIC: Final = _rule(
    234,
    "metric",
    "A metric cannot be emitted as it is written",
    "A Prometheus metric has a name of letters, digits, `_` and `:`, a `help`, and one of `gauge`, `counter` and "
    "`histogram`; what is only known afterwards cannot be a real-time gauge.",
    "metrics:\n  prometheus:\n    - name: training-seconds\n      help: how long it took\n"
    "      gauge:\n        value: '{{duration}}'",
    "metrics:\n  prometheus:\n    - name: training_seconds\n      help: how long it took\n"
    "      gauge:\n        value: '{{duration}}'",
)
