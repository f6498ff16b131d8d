"""Each message of the rules of Argo, whole: one small template for each way to a finding.

The templates are checked without hera, so that the messages are the same in each environment.
"""

from __future__ import annotations

import pytest

from pytest_aicore.workflows.checks import RULES, CheckOptions, check_document

ARGO = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n"
AICORE = "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\n"
METADATA = "metadata: {name: some-train, labels: {scenarios.ai.sap.com/id: some-id, ai.sap.com/version: '1'}}\n"
WORK = "- {name: work, container: {image: i}}"
DEPTH = "inputs: {parameters: [{name: depth}]}"
DEPTH_OR_1 = "inputs: {parameters: [{name: depth, value: '1'}]}"
DATA = "inputs: {artifacts: [{name: data, path: /d}]}"
PARAMETER = "{name: depth, value: '1'}"


def spec(*lines: str) -> str:
    """Return a specification of some lines."""
    return "spec:\n" + "".join(f"  {line}\n" for line in lines)


def steps(call: str = "", *others: str, more: str = "", top: str = "") -> str:
    """Return a step `one` that runs `work`, and further groups; with keys of `work` and a line of the specification."""
    first = f"    - - {{name: one, template: work{', ' if call else ''}{call}}}"
    groups = [first, *(f"    - - {{{other}}}" for other in others)]
    work = f"- {{name: work, container: {{image: i}}{', ' if more else ''}{more}}}"
    return spec(
        "entrypoint: main",
        *([top] if top else []),
        "templates:",
        "- name: main",
        "  steps:",
        *(g[2:] for g in groups),
        work,
    )


def dag(*tasks: str, more: str = "", extra: str = "") -> str:
    """Return a dag of tasks, with keys of `work` and a line of the dag."""
    lines = [f"    - {{{task}}}" for task in tasks]
    work = f"- {{name: work, container: {{image: i}}{', ' if more else ''}{more}}}"
    return spec(
        "entrypoint: main",
        "templates:",
        "- name: main",
        "  dag:",
        *([f"    {extra}"] if extra else []),
        "    tasks:",
        *lines,
        work,
    )


def graph(*lines: str) -> str:
    """Return a template `main` of some lines, and `work`."""
    return spec("entrypoint: main", "templates:", "- name: main", *(f"  {line}" for line in lines), WORK)


def pod(*lines: str, image: bool = True) -> str:
    """Return a template `work` of some lines."""
    return spec(
        "entrypoint: work",
        "templates:",
        "- name: work",
        *(f"  {line}" for line in lines),
        *(["  container: {image: i}"] if image else []),
    )


def cont(*lines: str) -> str:
    """Return a container with some lines."""
    return pod("container:", "  image: i", *(f"  {line}" for line in lines), image=False)


def args(text: str, *lines: str, params: str = "") -> str:
    """Return a container with an argument, with lines of its template and a parameter of the workflow."""
    top = [f"arguments: {{parameters: [{params}]}}"] if params else []
    work = [*lines, f"container: {{image: i, args: ['{text}']}}"]
    return spec("entrypoint: work", *top, "templates:", "- name: work", *(f"  {line}" for line in work))


def passed(value: str, call: str = "", more: str = DEPTH, params: str = "") -> str:
    """Return a step that passes a value as `depth`."""
    call = f"{call}{', ' if call else ''}arguments: {{parameters: [{{name: depth, value: '{value}'}}]}}"
    return steps(call, more=more, top=f"arguments: {{parameters: [{params}]}}" if params else "")


def second(value: str, more: str = DEPTH_OR_1) -> str:
    """Return a second step that passes a value as `depth`."""
    return steps(
        "", f"name: two, template: work, arguments: {{parameters: [{{name: depth, value: '{value}'}}]}}", more=more
    )


def depends(expression: str) -> str:
    """Return a task with a `depends` expression."""
    return dag(
        "name: one, template: work", "name: two, template: work", f"name: end, template: work, depends: '{expression}'"
    )


def result(field: str) -> str:
    """Return a second step that passes a result of the first one."""
    outputs = "outputs: {parameters: [{name: score, valueFrom: {path: /s}}], artifacts: [{name: model, path: /m}]}"
    return second(f"{{{{steps.one{field}}}}}", f"{DEPTH_OR_1}, {outputs}")


def item(loop: str) -> str:
    """Return a step with a loop that passes a key of its items."""
    return passed("{{item.nme}}", loop)


def circle(length: int) -> str:
    """Return tasks that depend on each other."""
    return dag(*(f"name: t{n}, template: work, dependencies: [t{(n + 1) % length}]" for n in range(length)))


CASES: list[tuple[str, str, str]] = [
    # --- sources of arguments ---
    (
        steps("arguments: {parameters: [{name: depth, valueFrom: {path: /d}}]}", more=DEPTH),
        (
            "AIC237 error 9: `valueFrom` of the argument `depth` has `path`, which only outputs can have. Argo refuses "
            "the workflow."
        ),
        "Write `value:` with the value or a reference instead of `valueFrom`.",
    ),
    (
        steps("arguments: {parameters: [{name: depth, valueFrom: {parameter: '{{workflow.name}}'}}]}", more=DEPTH),
        (
            "AIC237 error 9: `valueFrom` of the argument `depth` has `parameter`, which only outputs can have. Argo "
            "refuses the workflow."
        ),
        'Write `value: "{{workflow.name}}"` instead of `valueFrom`.',
    ),
    (
        steps("arguments: {parameters: [{name: depth, valueFrom: {expression: 1 + 2}}]}", more=DEPTH),
        (
            "AIC237 error 9: `valueFrom` of the argument `depth` has `expression`, which only outputs can have. Argo "
            "refuses the workflow."
        ),
        'Write `value: "{{=1 + 2}}"` instead of `valueFrom`.',
    ),
    (
        steps("arguments: {parameters: [{name: depth, valueFrom: {supplied: {}, jsonPath: x}}]}", more=DEPTH),
        (
            "AIC237 error 9: `valueFrom` of the argument `depth` has `jsonPath`, which only outputs can have. Argo "
            "refuses the workflow."
        ),
        "Remove `jsonPath`.",
    ),
    (
        args("{{workflow.parameters.depth}}", params="{name: depth, valueFrom: {default: '3'}}"),
        (
            "AIC237 error 6: `valueFrom` of the argument `depth` has only a `default`: Argo takes the value from "
            "`configMapKeyRef`, `event` or `supplied`. Argo refuses the workflow."
        ),
        'Write `value: "3"` instead of `valueFrom`.',
    ),
    (
        args("{{workflow.parameters.depth}}", params="{name: depth, valueFrom: {}}"),
        (
            "AIC237 error 6: `valueFrom` of the argument `depth` has no source: Argo takes the value from "
            "`configMapKeyRef`, `event` or `supplied`. Argo refuses the workflow."
        ),
        "Write `value:` with the value or a reference instead of `valueFrom`.",
    ),
    (
        steps(
            "arguments: {artifacts: [{name: data, from: '{{workflow.outputs.artifacts.d}}', fromExpression: x}]}",
            more=f"{DATA}, outputs: {{artifacts: [{{name: d, globalName: d, path: /x}}]}}",
        ),
        "AIC237 error 9: The artifact `data` has both `from` and `fromExpression`. Argo refuses the workflow.",
        "Remove one of them.",
    ),
    (
        args("{{workflow.parameters.depth}}", params="{name: depth}"),
        "AIC222 error 6: The parameter `depth` of the workflow has no value. Argo refuses the workflow.",
        "Add `value:`.",
    ),
    (
        spec("entrypoint: work", "arguments: {artifacts: [{name: data}]}", "templates:", WORK),
        "AIC222 error 6: The artifact `data` of the workflow has no source. Argo refuses the workflow.",
        "Add a location, such as `s3:` or `raw:`.",
    ),
    # --- deadlines and names of Argo's own ---
    (
        pod("activeDeadlineSeconds: 2h"),
        (
            "AIC238 error 8: Invalid deadline `2h`: expected a whole number of seconds, 0 or more. Argo refuses the "
            "workflow."
        ),
        "Write `7200`.",
    ),
    (
        pod("activeDeadlineSeconds: -1"),
        (
            "AIC238 error 8: Invalid deadline `-1`: expected a whole number of seconds, 0 or more. Argo refuses the "
            "workflow."
        ),
        "Write the number of seconds.",
    ),
    (
        pod("sidecars: [{name: wait, image: i}]"),
        "AIC239 error 8: `wait` is the name of a container that Argo adds to the pod. Argo refuses the workflow.",
        "Give this container another name.",
    ),
    (
        pod("containerSet: {containers: [{name: main, image: i}, {name: init, image: i}]}", image=False),
        "AIC239 error 8: `init` is the name of a container that Argo adds to the pod. Argo refuses the workflow.",
        "Give this container another name.",
    ),
    # --- arguments ---
    (
        steps(more=DEPTH),
        (
            "AIC221 error 9: The step `one` runs the template `work` without its parameter `depth`, which has "
            "no value of its own. Argo refuses the workflow."
        ),
        "Pass `depth` under `arguments.parameters`, or give the template's parameter a `value`.",
    ),
    (
        steps("arguments: {parameters: [{name: depth}]}", more=DEPTH),
        "AIC222 error 9: The step `one` passes the parameter `depth` without a value. Argo refuses the workflow.",
        "Add `value:`.",
    ),
    (
        steps("arguments: {artifacts: [{name: data}]}", more=DATA),
        "AIC222 error 9: The step `one` passes the artifact `data` without a source. Argo refuses the workflow.",
        "Add `from:` with a reference, or a location.",
    ),
    (
        AICORE + METADATA + steps("arguments: {artifacts: [{name: data}]}", more=DATA),
        (
            "AIC222 warning 9: The step `one` passes the artifact `data` without a source. Argo refuses it, so "
            "each execution ends DEAD without a log."
        ),
        ("Add `from:` with a reference, or remove the argument: AI Core binds inputs without a source by their names."),
    ),
    (
        steps(more=DATA),
        (
            "AIC221 error 9: The step `one` runs the template `work` without its artifact `data`. Argo refuses "
            "the workflow."
        ),
        "Pass `data` under `arguments.artifacts`.",
    ),
    (
        steps("arguments: {parameters: [{name: width, value: '1'}]}"),
        "AIC223 warning 9: The template `work` has no input parameter `width`, so Argo silently drops the argument.",
        "Declare it under `inputs.parameters` of the template, or remove it.",
    ),
    (
        steps("arguments: {parameters: [{name: detph, value: '1'}]}", more=DEPTH),
        (
            "AIC223 error 9: The template `work` has no input parameter `detph`, so Argo silently drops the "
            "argument, and its `depth` has no value. Argo refuses the workflow."
        ),
        "Pass it as `depth`. Did you mean 'depth'?",
    ),
    (
        steps("arguments: {artifacts: [{name: rows, raw: {data: x}}]}"),
        "AIC223 warning 9: The template `work` has no input artifact `rows`, so Argo silently drops the argument.",
        "Declare it under `inputs.artifacts` of the template, or remove it.",
    ),
    (
        steps("arguments: {artifacts: [{name: dta, raw: {data: x}}]}", more=DATA),
        "AIC223 error 9: The template `work` has no input artifact `dta`, so Argo silently drops the argument.",
        "Pass it as `data`. Did you mean 'data'?",
    ),
    (
        spec(
            "entrypoint: main",
            "templates:",
            "- name: main",
            "  steps:",
            "  - - name: one",
            "      inline: {container: {image: i}, inputs: {parameters: [{name: depth}]}}",
        ),
        (
            "AIC221 error 9: The step `one` runs this template without its parameter `depth`, which has no "
            "value of its own. Argo refuses the workflow."
        ),
        "Pass `depth` under `arguments.parameters`, or give the template's parameter a `value`.",
    ),
    (
        spec(
            "entrypoint: work",
            "templates:",
            "- {name: work, container: {image: i}, inputs: {parameters: [{name: depth}]}}",
        ),
        (
            "AIC221 error 7: The entrypoint needs the parameter `depth`, and no workflow parameter has that "
            "name. Argo refuses the workflow."
        ),
        "Declare `depth` under `spec.arguments.parameters`, or give it a `value` here.",
    ),
    (
        spec(
            "entrypoint: work",
            "arguments: {parameters: [{name: dpeth, value: '1'}]}",
            "templates:",
            "- {name: work, container: {image: i}, inputs: {parameters: [{name: depth}]}}",
        ),
        (
            "AIC221 error 8: The entrypoint needs the parameter `depth`, and no workflow parameter has that "
            "name. Argo refuses the workflow."
        ),
        "Declare `depth` under `spec.arguments.parameters`, or give it a `value` here. Did you mean 'dpeth'?",
    ),
    # --- artifacts ---
    (
        pod("inputs: {artifacts: [{name: data, path: /d, from: '{{workflow.name}}'}]}"),
        (
            "AIC224 error 8: The input artifact `data` has `from`, which belongs in the `arguments` of the "
            "call. Argo refuses the workflow."
        ),
        "Move `from` to `arguments.artifacts` of the step or task that runs this template.",
    ),
    (
        graph("inputs: {artifacts: [{name: data, path: /d}]}", "steps:", "- - {name: one, template: work}"),
        (
            "AIC224 error 8: The input artifact `data` has a `path`, but a template of steps has no container. "
            "Argo refuses the workflow."
        ),
        "Remove it here; it belongs to the template whose container reads the artifact.",
    ),
    (
        graph("inputs: {artifacts: [{name: data, path: /d}]}", "dag:", "  tasks: [{name: one, template: work}]"),
        (
            "AIC224 error 8: The input artifact `data` has a `path`, but a template of a dag has no container. "
            "Argo refuses the workflow."
        ),
        "Remove it here; it belongs to the template whose container reads the artifact.",
    ),
    (
        graph("outputs: {artifacts: [{name: data, path: /d}]}", "steps:", "- - {name: one, template: work}"),
        (
            "AIC224 error 8: The output artifact `data` has a `path`, but a template of steps has no container."
            " Argo refuses the workflow."
        ),
        ("Write `from:` instead, with a reference to the step or task whose container writes the artifact."),
    ),
    (
        pod("inputs: {artifacts: [{name: data}]}"),
        (
            "AIC224 error 8: The input artifact `data` has no `path`, so Argo does not know where the container"
            " reads it. Argo refuses the workflow."
        ),
        "Add `path:` with a path in the container.",
    ),
    (
        pod("outputs: {artifacts: [{name: data}]}"),
        (
            "AIC224 error 8: The output artifact `data` has no `path`, so Argo does not know where the "
            "container writes it. Argo refuses the workflow."
        ),
        "Add `path:` with a path in the container.",
    ),
    (
        AICORE + METADATA + pod("inputs: {artifacts: [{name: data, path: data/in}]}"),
        (
            "AIC224 warning 8: The path `data/in` is not absolute: it is mounted at `/data/in`, not in the "
            "working directory of the container."
        ),
        "Write an absolute path, such as `/data/in`.",
    ),
    (
        AICORE + METADATA + pod("outputs: {artifacts: [{name: model, globalName: model, path: ./out}]}"),
        (
            "AIC224 warning 8: The path `./out` is not absolute: Argo looks for it in the working directory, "
            "which the image decides."
        ),
        "Write an absolute path, such as `/out`.",
    ),
    (
        pod("inputs: {artifacts: [{name: a, path: /d}, {name: b, path: /d/}]}"),
        (
            "AIC226 error 8: The input artifacts `a` and `b` are mounted at the same path `/d`; Kubernetes "
            "refuses the pod."
        ),
        "Give each its own path.",
    ),
    (
        pod(
            "inputs: {artifacts: [{name: a, path: /d}]}",
            "volumes: [{name: v, emptyDir: {}}]",
            "container: {image: i, volumeMounts: [{name: v, mountPath: /d}]}",
            image=False,
        ),
        (
            "AIC226 error 10: A volume and the input artifact `a` are mounted at the same path `/d`. Argo "
            "refuses the workflow."
        ),
        "Give one of them another path.",
    ),
    (
        graph("outputs: {artifacts: [{name: data}]}", "steps:", "- - {name: one, template: work}"),
        (
            "AIC225 error 8: The output artifact `data` has no `from`, so it comes from no step or task. Argo "
            "refuses the workflow."
        ),
        "Add `from:` with a reference such as `{{steps.NAME.outputs.artifacts.NAME}}`.",
    ),
    (
        graph("outputs: {artifacts: [{name: data}]}", "dag:", "  tasks: [{name: one, template: work}]"),
        (
            "AIC225 error 8: The output artifact `data` has no `from`, so it comes from no step or task. Argo "
            "refuses the workflow."
        ),
        "Add `from:` with a reference such as `{{tasks.NAME.outputs.artifacts.NAME}}`.",
    ),
    (
        pod("outputs: {artifacts: [{name: data, path: /d, globalName: 'my data'}]}"),
        "AIC211 error 8: Invalid globalName `my data`. Argo refuses the workflow.",
        "Use letters, digits, hyphens and underscores: `my-data`.",
    ),
    (
        pod("outputs: {parameters: [{name: score, valueFrom: {path: /s, expression: '1'}}]}"),
        (
            "AIC225 error 8: The output parameter `score` has several sources, `path`, `expression`. Argo "
            "refuses the workflow."
        ),
        "Keep one of them.",
    ),
    (
        pod(
            "outputs: {parameters: [{name: score, valueFrom: {parameter: '{{inputs.parameters.x}}'}}]}",
            "inputs: {parameters: [{name: x, value: '1'}]}",
        ),
        (
            "AIC225 error 8: The output parameter `score` needs `valueFrom.path`: a template of this type takes"
            " its value from there. Argo refuses the workflow."
        ),
        "Write `path:` instead of `parameter:`.",
    ),
    (
        pod("outputs: {parameters: [{name: score, valueFrom: {default: '1'}}]}"),
        (
            "AIC225 error 8: The output parameter `score` needs `valueFrom.path`: a template of this type takes"
            " its value from there. Argo refuses the workflow."
        ),
        "Add `path:` below `valueFrom:`.",
    ),
    (
        graph(
            "outputs: {parameters: [{name: score, valueFrom: {path: /s}}]}", "steps:", "- - {name: one, template: work}"
        ),
        (
            "AIC225 error 8: The output parameter `score` needs `valueFrom.parameter`: a template of this type "
            "takes its value from there. Argo refuses the workflow."
        ),
        "Write `parameter:` instead of `path:`.",
    ),
    (
        pod(
            "resource: {action: get, manifest: x}",
            "outputs: {parameters: [{name: score, valueFrom: {path: /s}}]}",
            image=False,
        ),
        (
            "AIC225 error 9: The output parameter `score` needs `valueFrom.jsonPath`: a template of this type "
            "takes its value from there. Argo refuses the workflow."
        ),
        "Write `jsonPath:` instead of `path:`.",
    ),
    (
        pod("outputs: {parameters: [{name: score}]}"),
        "AIC225 error 8: The output parameter `score` has no source for its value. Argo refuses the workflow.",
        "Add `valueFrom:` with `path:`, a file that the container writes.",
    ),
    (
        graph("outputs: {parameters: [{name: score}]}", "steps:", "- - {name: one, template: work}"),
        "AIC225 error 8: The output parameter `score` has no source for its value. Argo refuses the workflow.",
        "Add `valueFrom:` with a reference.",
    ),
    # --- calls ---
    (
        steps("withItems: [1], withParam: '[1]'"),
        "AIC219 error 9: The step `one` has several loops: `withItems`, `withParam`. Argo refuses the workflow.",
        "Keep one of them.",
    ),
    (
        steps("withParam: '1, 2'"),
        "AIC219 error 9: `withParam` has to be a JSON list, not `1, 2`. Argo refuses the workflow.",
        'Write a placeholder ("{{...}}") or a JSON list; for a YAML list use `withItems`.',
    ),
    (
        steps("withSequence: {count: 1, end: 2}"),
        "AIC219 error 9: `withSequence` has both `count` and `end`. Argo refuses the workflow.",
        "Keep one of them.",
    ),
    (
        steps("withSequence: {start: 1}"),
        "AIC219 error 9: `withSequence` has neither `count` nor `end`. Argo refuses the workflow.",
        "Add one of them.",
    ),
    (
        steps("when: 'a b'"),
        (
            "AIC220 error 9: This condition cannot be parsed: an operator is missing before `b`; a text with "
            "spaces needs quotes. Argo refuses the workflow."
        ),
        "Fix the condition.",
    ),
    (
        steps("when: 'a = b'"),
        (
            "AIC220 error 9: This condition cannot be parsed: a comparison is written `==`, not `=`. Argo "
            "refuses the workflow."
        ),
        "Fix the condition.",
    ),
    (
        steps("when: 'a and b'"),
        "AIC220 error 9: This condition cannot be parsed: write `&&`, not `and`. Argo refuses the workflow.",
        "Fix the condition.",
    ),
    (
        steps("when: 'a or b'"),
        "AIC220 error 9: This condition cannot be parsed: write `||`, not `or`. Argo refuses the workflow.",
        "Fix the condition.",
    ),
    (
        steps("when: '== b'"),
        "AIC220 error 9: This condition cannot be parsed: `==` has nothing on its left. Argo refuses the workflow.",
        "Fix the condition.",
    ),
    (
        steps("when: 'a =='"),
        "AIC220 error 9: This condition cannot be parsed: `==` has nothing on its right. Argo refuses the workflow.",
        "Fix the condition.",
    ),
    (
        steps("when: '(a == b'"),
        "AIC220 error 9: This condition cannot be parsed: `(` is not closed. Argo refuses the workflow.",
        "Fix the condition.",
    ),
    (
        steps("when: 'a == b)'"),
        "AIC220 error 9: This condition cannot be parsed: `)` has no opening `(`. Argo refuses the workflow.",
        "Fix the condition.",
    ),
    (
        steps('when: "a == \'b"'),
        (
            "AIC220 error 9: This condition cannot be parsed: the quotation mark ' is not closed. Argo refuses "
            "the workflow."
        ),
        "Fix the condition.",
    ),
    # --- dags ---
    (
        dag("name: one, template: work", "name: two, template: work, dependencies: [oen]"),
        "AIC213 error 11: Task `two` depends on unknown task `oen`. Argo refuses the workflow.",
        "Name a task of this dag. Did you mean 'one'?",
    ),
    (
        dag("name: one, template: work", "name: two, template: work, depends: unknown"),
        "AIC213 error 11: Task `two` depends on unknown task `unknown`. Argo refuses the workflow.",
        "Name a task of this dag.",
    ),
    (
        dag(
            "name: one, template: work",
            "name: two, template: work, dependencies: [one]",
            "name: end, template: work, depends: two",
        ),
        "AIC215 error 11: The dag uses `depends` in line 12 and `dependencies` here. Argo refuses the workflow.",
        "Write `depends: one` instead.",
    ),
    (
        dag("name: two, template: work", "name: 1st, template: work, dependencies: [two]"),
        (
            "AIC211 error 11: The name of the task `1st` cannot begin with a digit in a dag with dependencies. "
            "Argo refuses the workflow."
        ),
        "Put a letter before the digit.",
    ),
    (
        dag("name: one, template: work", "name: two, template: work, depends: one, continueOn: {failed: true}"),
        (
            "AIC215 error 11: `continueOn` cannot be combined with `depends`, used in line 11. Argo refuses the"
            " workflow."
        ),
        "Remove it, and write `depends: NAME.Succeeded || NAME.Failed` in the tasks that come after.",
    ),
    (
        dag("name: one, template: work", "name: two, template: work", extra="target: one tow"),
        "AIC213 error 9: `target` names the unknown task `tow`. Argo refuses the workflow.",
        "Name tasks of this dag, with spaces between them. Did you mean 'two'?",
    ),
    (
        dag("name: one, template: work", "name: two, template: work, depends: one.Suceeded"),
        "AIC215 error 11: Unknown result `Suceeded` of a task. Argo refuses the workflow.",
        (
            "Use one of `Succeeded`, `Failed`, `Errored`, `Skipped`, `Omitted`, `Daemoned`, `AnySucceeded`, "
            "`AllFailed`. Did you mean 'Succeeded'?"
        ),
    ),
    (
        dag("name: one, template: work", "name: two, template: work, depends: one.Done"),
        "AIC215 error 11: Unknown result `Done` of a task. Argo refuses the workflow.",
        ("Use one of `Succeeded`, `Failed`, `Errored`, `Skipped`, `Omitted`, `Daemoned`, `AnySucceeded`, `AllFailed`."),
    ),
    (
        dag("name: one, template: work", "name: two, template: work, depends: one.AllFailed"),
        (
            "AIC215 error 11: `AllFailed` is about the items of a loop, and the task `one` has no loop. Argo "
            "refuses the workflow."
        ),
        "Use `.Succeeded` or `.Failed`.",
    ),
    (
        dag("name: one, template: work, dependencies: [one]"),
        "AIC214 error 10: The task `one` depends on itself: one -> one. Argo refuses the workflow.",
        "Remove one of these dependencies.",
    ),
    (
        circle(7),
        "AIC214 error 10: The task `t0` depends on itself, through 6 others. Argo refuses the workflow.",
        "Remove one of these dependencies.",
    ),
    (
        depends("one two"),
        (
            "AIC215 error 12: `depends` cannot be parsed: `&&` or `||` is missing before `two`. Argo refuses "
            "the workflow."
        ),
        "Join tasks by `&&` and `||`, for example `prepare && (train.Succeeded || train.Skipped)`.",
    ),
    (
        depends("one and two"),
        "AIC215 error 12: `depends` cannot be parsed: write `&&`, not `and`. Argo refuses the workflow.",
        "Join tasks by `&&` and `||`, for example `prepare && (train.Succeeded || train.Skipped)`.",
    ),
    (
        depends("one or two"),
        "AIC215 error 12: `depends` cannot be parsed: write `||`, not `or`. Argo refuses the workflow.",
        "Join tasks by `&&` and `||`, for example `prepare && (train.Succeeded || train.Skipped)`.",
    ),
    (
        depends("&& one"),
        "AIC215 error 12: `depends` cannot be parsed: `&&` has no task on its left. Argo refuses the workflow.",
        "Join tasks by `&&` and `||`, for example `prepare && (train.Succeeded || train.Skipped)`.",
    ),
    (
        depends("one &&"),
        "AIC215 error 12: `depends` cannot be parsed: `&&` has no task on its right. Argo refuses the workflow.",
        "Join tasks by `&&` and `||`, for example `prepare && (train.Succeeded || train.Skipped)`.",
    ),
    (
        depends("one !two"),
        (
            "AIC215 error 12: `depends` cannot be parsed: `!` belongs before a task, not after it. Argo refuses"
            " the workflow."
        ),
        "Join tasks by `&&` and `||`, for example `prepare && (train.Succeeded || train.Skipped)`.",
    ),
    (
        depends("one (two)"),
        (
            "AIC215 error 12: `depends` cannot be parsed: `(` follows a task without `&&` or `||`. Argo refuses"
            " the workflow."
        ),
        "Join tasks by `&&` and `||`, for example `prepare && (train.Succeeded || train.Skipped)`.",
    ),
    (
        depends("one)"),
        "AIC215 error 12: `depends` cannot be parsed: `)` has no opening `(`. Argo refuses the workflow.",
        "Join tasks by `&&` and `||`, for example `prepare && (train.Succeeded || train.Skipped)`.",
    ),
    (
        depends("(one"),
        "AIC215 error 12: `depends` cannot be parsed: `(` is not closed. Argo refuses the workflow.",
        "Join tasks by `&&` and `||`, for example `prepare && (train.Succeeded || train.Skipped)`.",
    ),
    (
        depends("(one &&)"),
        (
            "AIC215 error 12: `depends` cannot be parsed: `)` follows an operator without a task. Argo refuses "
            "the workflow."
        ),
        "Join tasks by `&&` and `||`, for example `prepare && (train.Succeeded || train.Skipped)`.",
    ),
    (
        depends("one & two"),
        "AIC215 error 12: `depends` cannot be parsed: write `&&`, not `&`. Argo refuses the workflow.",
        "Join tasks by `&&` and `||`, for example `prepare && (train.Succeeded || train.Skipped)`.",
    ),
    (
        depends("one | two"),
        "AIC215 error 12: `depends` cannot be parsed: write `||`, not `|`. Argo refuses the workflow.",
        "Join tasks by `&&` and `||`, for example `prepare && (train.Succeeded || train.Skipped)`.",
    ),
    (
        depends("one, two"),
        (
            "AIC215 error 12: `depends` cannot be parsed: tasks are joined by `&&` or `||`, not by commas. Argo"
            " refuses the workflow."
        ),
        "Join tasks by `&&` and `||`, for example `prepare && (train.Succeeded || train.Skipped)`.",
    ),
    (
        depends("one = two"),
        "AIC215 error 12: `depends` cannot be parsed: `=` is not allowed here. Argo refuses the workflow.",
        "Join tasks by `&&` and `||`, for example `prepare && (train.Succeeded || train.Skipped)`.",
    ),
    # --- environment, metrics ---
    (
        pod("container: {image: i, env: [{name: A B, value: x}]}", image=False),
        "AIC231 error 8: Invalid name `A B` of an environment variable; Kubernetes refuses the pod.",
        "Use letters, digits and underscores, and no digit first.",
    ),
    (
        pod(
            "container: {image: i, env: [{name: A, value: x, valueFrom: {secretKeyRef: {name: s, key: k}}}]}",
            image=False,
        ),
        "AIC231 error 8: The environment variable `A` has both `value` and `valueFrom`; Kubernetes refuses the pod.",
        "Keep one of them.",
    ),
    (
        pod("container: {image: i, env: [{name: A, value: x}, {name: A, value: z}]}", image=False),
        "AIC231 warning 8: The environment variable `A` is set in line 8 and here; only this one counts.",
        "Remove one of them.",
    ),
    (
        pod("metrics: {prometheus: [{name: a-b, help: h, counter: {value: '1'}}]}"),
        "AIC234 error 8: Invalid name `a-b` of a Prometheus metric. Argo refuses the workflow.",
        "Use letters, digits and underscores, and no digit first.",
    ),
    (
        pod("metrics: {prometheus: [{name: a, counter: {value: '1'}}]}"),
        "AIC234 error 8: The metric `a` has no `help`. Argo refuses the workflow.",
        "Add `help:`.",
    ),
    (
        pod("metrics: {prometheus: [{name: a, help: h}]}"),
        (
            "AIC234 error 8: The metric `a` has to be exactly one of a gauge, a counter and a histogram. Argo "
            "refuses the workflow."
        ),
        "Add `gauge:`, `counter:` or `histogram:`.",
    ),
    (
        pod("metrics: {prometheus: [{name: a, help: h, counter: {value: '1'}, gauge: {value: '1'}}]}"),
        (
            "AIC234 error 8: The metric `a` has to be exactly one of a gauge, a counter and a histogram. Argo "
            "refuses the workflow."
        ),
        "Keep one of them.",
    ),
    (
        pod("metrics: {prometheus: [{name: a, help: h, gauge: {realtime: true, value: '{{resourcesDuration.cpu}}'}}]}"),
        (
            "AIC234 error 8: `resourcesDuration` is only known at the end, so it cannot be a real-time gauge. "
            "Argo refuses the workflow."
        ),
        "Set `realtime: false`.",
    ),
    *(
        (
            pod(f"metrics: {{prometheus: [{{name: a, help: h, {kind}: {value}}}]}}"),
            f"AIC234 error 8: The {kind} of the metric `a` has no `value`. Argo refuses the workflow.",
            "Add `value:`.",
        )
        for kind in ("gauge", "counter", "histogram")
        for value in ("{}", "{value: }", "{value: ''}")
    ),
    # --- manifests ---
    (
        pod("resource:", "  action: create", "  manifest: |", "    kind: ConfigMap", "    data: [1", image=False),
        (
            "AIC236 error 12: The `manifest` is not YAML: the `[` is not closed before line 13, or a comma between its "
            "items is missing there. Argo refuses the workflow."
        ),
        "Close it with `]`, or put the value in quotes if the bracket is part of a string.",
    ),
    # --- names ---
    (
        spec("entrypoint: work", "arguments: {parameters: [{name: size, value: '1', enum: []}]}", "templates:", WORK),
        "AIC232 error 6: The `enum` of the parameter `size` is empty. Argo refuses the workflow.",
        "Remove it, or list the values.",
    ),
    (
        spec(
            "entrypoint: work",
            "arguments: {parameters: [{name: size, value: larg, enum: [small, large]}]}",
            "templates:",
            WORK,
        ),
        "AIC232 error 6: The value `larg` is not in the `enum` of the parameter `size`. Argo refuses the workflow.",
        "Use one of `small`, `large`. Did you mean 'large'?",
    ),
    (
        spec("entrypoint: work", "templates:", WORK, WORK),
        "AIC210 error 8: The template `work` is declared twice, in line 7 and here. Argo refuses the workflow.",
        "Remove one of them, or give it another name and call it by that.",
    ),
    (
        steps("", "name: one, template: work"),
        "AIC210 error 10: The step `one` is declared twice, in line 9 and here. Argo refuses the workflow.",
        "Give one of them another name.",
    ),
    (
        dag("name: one, template: work", "name: one, template: work"),
        "AIC210 error 11: The task `one` is declared twice, in line 10 and here. Argo refuses the workflow.",
        "Give one of them another name.",
    ),
    (
        pod("inputs: {parameters: [{name: a, value: '1'}, {name: a, value: '1'}]}"),
        "AIC210 error 8: The parameter `a` is declared twice, in line 8 and here. Argo refuses the workflow.",
        "Give one of them another name.",
    ),
    (
        pod("inputs: {artifacts: [{name: my data, path: /d}]}"),
        "AIC211 error 8: Invalid name `my data` of an artifact. Argo refuses the workflow.",
        "Use letters, digits, hyphens and underscores: `my-data`.",
    ),
    (
        pod("inputs: {parameters: [{name: '(())', value: '1'}]}"),
        "AIC211 error 8: Invalid name `(())` of a parameter. Argo refuses the workflow.",
        "Use letters, digits, hyphens and underscores.",
    ),
    (
        steps("", "name: my step, template: work"),
        "AIC211 error 10: Invalid name `my step` of a step. Argo refuses the workflow.",
        "Use letters, digits and hyphens, at most 128, and no hyphen first: `my-step`.",
    ),
    (
        spec("entrypoint: my work", "templates:", "- {name: my work, container: {image: i}}"),
        "AIC211 error 7: Invalid name `my work` of a template. Argo refuses the workflow.",
        "Use letters, digits and hyphens, at most 128, and no hyphen first: `my-work`.",
    ),
    # --- pods ---
    (
        pod(
            "container: {image: i, volumeMounts: [{name: dta, mountPath: /d}]}",
            "volumes: [{name: data, emptyDir: {}}]",
            image=False,
        ),
        "AIC227 error 8: Unknown volume `dta`. Argo refuses the workflow.",
        (
            "Declare it under `volumes` of the workflow or this template, or under `volumeClaimTemplates`. Did "
            "you mean 'data'?"
        ),
    ),
    (
        pod("containerSet: {volumeMounts: [{name: v, mountPath: /d}], containers: [{name: a, image: i}]}", image=False),
        "AIC227 error 8: Unknown volume `v`. Argo refuses the workflow.",
        "Declare it under `volumes` of the workflow or this template, or under `volumeClaimTemplates`.",
    ),
    (
        pod("container: {args: [x]}", image=False),
        "AIC228 error 8: This container has no `image`, so nothing can run. Argo refuses the workflow.",
        "Add `image:` with registry, name and tag.",
    ),
    (
        pod("script: {source: x}", image=False),
        "AIC228 error 8: This script has no `image`, so nothing can run. Argo refuses the workflow.",
        "Add `image:` with registry, name and tag.",
    ),
    (
        pod("script: {image: i}", image=False),
        "AIC228 warning 8: This script has no `source`: its command gets an empty file.",
        "Add `source: |` with the script, or use `container`.",
    ),
    (
        pod("containerSet: {containers: [{name: a, image: i}, {name: a, image: i}]}", image=False),
        "AIC210 error 8: The container `a` is declared twice, in line 8 and here. Argo refuses the workflow.",
        "Give one of them another name.",
    ),
    (
        pod(
            "containerSet: {containers: [{name: a, image: i, dependencies: [bb]}, {name: bbb, image: i}]}", image=False
        ),
        "AIC213 error 8: Container `a` depends on unknown container `bb`. Argo refuses the workflow.",
        "Name a container of the same set. Did you mean 'bbb'?",
    ),
    (
        pod(
            "containerSet: {containers: [{name: a, image: i, dependencies: [b]}, {name: b, image: i, dependencies: "
            "[a]}]}",
            image=False,
        ),
        "AIC214 error 8: The container `a` depends on itself: a -> b -> a. Argo refuses the workflow.",
        "Remove one of these dependencies.",
    ),
    (
        graph("activeDeadlineSeconds: 1", "steps:", "- - {name: one, template: work}"),
        (
            "AIC230 error 8: `activeDeadlineSeconds` only works for a template that runs a pod, not for steps. "
            "Argo refuses the workflow."
        ),
        "`spec.activeDeadlineSeconds` limits the whole run.",
    ),
    (
        graph("resourceClaims: [{name: gpu}]", "dag:", "  tasks: [{name: one, template: work}]"),
        (
            "AIC230 error 8: `resourceClaims` only works for a template that runs a pod, not for a dag. Argo "
            "refuses the workflow."
        ),
        "Move it to the templates that run a pod.",
    ),
    (
        pod("parallelism: 1"),
        (
            "AIC230 warning 8: `parallelism` limits what steps or a dag run in parallel; a single pod has "
            "nothing to limit."
        ),
        "Move it to the template with the steps or the dag, or to the workflow.",
    ),
    (
        pod("podResources: {limits: {nvidia.com/gpu: 1}}"),
        "AIC230 error 8: `nvidia.com/gpu` cannot be limited for a whole pod. Argo refuses the workflow.",
        "Move it to `resources` of the container that needs it.",
    ),
    # --- slips ---
    (
        "metadata: {name: w}\nspce:\n  entrypoint: work\n  templates:\n  - {name: work, container: {image: i}}\n",
        "AIC201 error 4: A template has no key `spce`: Kubernetes refuses it, or drops it with everything below it.",
        "Write `spec:`. Did you mean 'spec'?",
    ),
    (
        AICORE
        + (
            "metadata:\n"
            "  name: w\n"
            "  labels:\n"
            "    scenarios.ai.sap.com/id: some-id\n"
            "    ai.sap.com/version: '1'\n"
            "  spec:\n"
            "    entrypoint: work\n"
            "    templates:\n"
            "    - {name: work, container: {image: i}}\n"
        ),
        (
            "AIC235 error 8: `spec` is nested in another part of the template: in its current place Kubernetes "
            "silently drops it."
        ),
        "Do not indent it.",
    ),
    (
        AICORE
        + (
            "metadata:\n"
            "  name: w\n"
            "labels:\n"
            "  scenarios.ai.sap.com/id: some-id\n"
            "  ai.sap.com/version: '1'\n"
            "spec:\n"
            "  entrypoint: work\n"
            "  templates:\n"
            "  - {name: work, container: {image: i}}\n"
        ),
        "AIC235 error 5: `labels` belongs in `metadata`: in its current place Kubernetes silently drops it.",
        "Indent it like the other keys of `metadata`.",
    ),
    (
        AICORE
        + (
            "metadata:\n"
            "  name: w\n"
            "  labels:\n"
            "    ai.sap.com/version: '1'\n"
            "  scenarios.ai.sap.com/id: some-id\n"
            "spec:\n"
            "  entrypoint: work\n"
            "  templates:\n"
            "  - {name: work, container: {image: i}}\n"
        ),
        (
            "AIC235 error 7: `scenarios.ai.sap.com/id` belongs in `metadata.labels`: in its current place "
            "Kubernetes silently drops it."
        ),
        "Indent it like the other keys of `metadata.labels`.",
    ),
    # --- targets, templates, workflow ---
    (
        spec("entrypoint: wrok", "templates:", WORK),
        "AIC208 error 5: `entrypoint` names the unknown template `wrok`. Argo refuses the workflow.",
        "Name one of `work`, or add the template. Did you mean 'work'?",
    ),
    (
        spec("entrypoint: work", "onExit: absent", "templates:", WORK),
        "AIC208 error 6: `onExit` names the unknown template `absent`. Argo refuses the workflow.",
        "Name one of `work`, or add the template.",
    ),
    (
        steps("", "name: two, template: absent"),
        "AIC208 error 10: `template` names the unknown template `absent`. Argo refuses the workflow.",
        "Name one of `main`, `work`, or add the template.",
    ),
    (
        steps("onExit: absent"),
        "AIC208 error 9: `onExit` names the unknown template `absent`. Argo refuses the workflow.",
        "Name one of `main`, `work`, or add the template.",
    ),
    (
        steps("hooks: {running: {template: work}}"),
        "AIC233 warning 9: The hook `running` has no `expression`, so it never runs.",
        "Add `expression:`, or call it `exit` if it should run at the end.",
    ),
    (
        spec("entrypoint: work", "hooks: {running: {template: work}}", "templates:", WORK),
        "AIC233 warning 6: The hook `running` has no `expression`, so it never runs.",
        "Add `expression:`, or call it `exit` if it should run at the end.",
    ),
    (
        steps("", "name: two"),
        "AIC212 error 10: The step `two` runs no template. Argo refuses the workflow.",
        "Add `template:` with the name of one.",
    ),
    (
        graph("steps:", "- - {}"),
        "AIC203 error 9: This step has no `name`. Argo refuses the workflow.",
        "Add `name:`.",
    ),
    (
        steps("", "name: two, template: work, inline: {container: {image: i}}"),
        (
            "AIC212 error 10: The step `two` has `template`, `inline`, but can run only one template. Argo "
            "refuses the workflow."
        ),
        "Keep one of them.",
    ),
    (
        steps("", "name: two, templateRef: {template: t}"),
        "AIC212 error 10: `templateRef` of the step `two` has no `name`. Argo refuses the workflow.",
        "Add `name:` of the WorkflowTemplate and `template:` in it.",
    ),
    (
        steps("", "name: two, templateRef: {name: w}"),
        "AIC212 error 10: `templateRef` of the step `two` has no `template`. Argo refuses the workflow.",
        "Add `name:` of the WorkflowTemplate and `template:` in it.",
    ),
    (
        spec("entrypoint: main", "templates:", "- name: main", "  steps:", "  - - {name: one}"),
        "AIC212 error 9: The step `one` runs no template. Argo refuses the workflow.",
        "Add `template:` with the name of one.",
    ),
    (
        spec("entrypoint: work", "templates:", WORK, "- {container: {image: i}}"),
        "AIC203 error 8: This template has no `name`, so nothing can run it. Argo refuses the workflow.",
        "Add `name:`.",
    ),
    (
        spec("entrypoint: work", "templates:", "- {name: work, metadata: {}}"),
        (
            "AIC209 error 7: The template `work` does nothing: it has neither `container`, `script`, `steps` "
            "nor `dag`. Argo refuses the workflow."
        ),
        "Add one of them.",
    ),
    (
        spec("entrypoint: work", "templates:", "- {name: work, container: }"),
        "AIC209 error 7: The template `work` does nothing: its `container` is empty. Argo refuses the workflow.",
        "Add one of them.",
    ),
    (
        spec("entrypoint: work", "templates:", "- {name: work, container: {image: i}, script: {image: i, source: x}}"),
        (
            "AIC209 error 7: The template `work` does several things at once: `container`, `script`. Argo "
            "refuses the workflow."
        ),
        "Keep one of them, and move the others to templates of their own.",
    ),
    (
        spec("entrypoint: work"),
        "AIC206 error 4: The workflow has no templates, so there is nothing to run. Argo refuses the workflow.",
        "Add `spec.templates` with the templates to run.",
    ),
    (
        spec("entrypoint: work", "templates: []"),
        "AIC206 error 6: The workflow has no templates, so there is nothing to run. Argo refuses the workflow.",
        "Add `spec.templates` with the templates to run.",
    ),
    (
        spec("templates:", WORK),
        (
            "AIC207 error 4: The workflow has no `entrypoint`, so Argo does not know which template to start "
            "with. Argo refuses the workflow."
        ),
        "Add `entrypoint: work`.",
    ),
    (
        spec("templates:", WORK, "- {name: more, container: {image: i}}"),
        (
            "AIC207 error 4: The workflow has no `entrypoint`, so Argo does not know which template to start "
            "with. Argo refuses the workflow."
        ),
        "Name one of its templates.",
    ),
    (
        spec("entrypoint: work", "templates:", WORK, "- {name: more, container: {image: i}}"),
        "AIC217 warning 8: The template `more` is not reachable from the entrypoint, so it never runs.",
        "Call it in a step or task, or remove it.",
    ),
    (
        spec("entrypoint: main", "templates:", "- name: main", "  steps:", "  - - {name: again, template: main}"),
        (
            "AIC218 error 9: This step runs the template `main` in an endless recursion: nothing on the way "
            "back to it is conditional. Argo ends the run with an error at 100 levels."
        ),
        "Give it a `when`, or remove it.",
    ),
    (
        spec("entrypoint: main", "templates:", "- name: main", "  dag:", "    tasks: [{name: again, template: main}]"),
        (
            "AIC218 error 9: This task runs the template `main` in an endless recursion: nothing on the way "
            "back to it is conditional. Argo ends the run with an error at 100 levels."
        ),
        "Give it a `when`, or remove it.",
    ),
    # --- parameters and artifacts in placeholders ---
    (
        args("{{workflow.parameters.depht}}", params=PARAMETER),
        "AIC240 error 9: The workflow declares no parameter `depht`. Argo refuses the workflow.",
        "Write `{{workflow.parameters.depth}}`. Did you mean 'depth'?",
    ),
    (
        args("{{workflow.parameters.absent}}"),
        "AIC240 error 8: The workflow declares no parameter `absent`. Argo refuses the workflow.",
        "Declare `absent` under `spec.arguments.parameters` with a `value`.",
    ),
    (
        args("{{workflow.parameters.x}}", "inputs: {parameters: [{name: x, value: '1'}]}"),
        "AIC240 error 9: The workflow declares no parameter `x`. Argo refuses the workflow.",
        ("Declare `x` under `spec.arguments.parameters` with a `value`, or write `{{inputs.parameters.x}}`."),
    ),
    (
        args("{{inputs.parameter.x}}", "inputs: {parameters: [{name: x, value: '1'}]}"),
        (
            "AIC245 error 9: The inputs of a template have no `parameter`, only `parameters` and `artifacts`. "
            "Argo refuses the workflow."
        ),
        "Write `{{inputs.parameters.x}}`. Did you mean 'parameters'?",
    ),
    (
        args("{{inputs.x}}", "inputs: {parameters: [{name: x, value: '1'}]}"),
        (
            "AIC245 error 9: The inputs of a template have no `x`, only `parameters` and `artifacts`. Argo "
            "refuses the workflow."
        ),
        "Write `{{inputs.parameters.x}}`.",
    ),
    (
        args("{{inputs.artifacts.data}}", DATA),
        (
            "AIC245 error 9: An artifact is not a text: `{{inputs.artifacts.data}}` is not replaced, and the "
            "container gets it unchanged."
        ),
        "Write `{{inputs.artifacts.data.path}}`, the path in the container.",
    ),
    (
        args("{{inputs.parameters.absent}}"),
        "AIC240 error 8: The template `work` declares no input parameter `absent`. Argo refuses the workflow.",
        (
            "Declare `absent` under `inputs.parameters` of the template, with a `value` or passed wherever a "
            "step or task runs it."
        ),
    ),
    (
        args("{{inputs.parameters.dpth}}", DEPTH_OR_1),
        "AIC240 error 9: The template `work` declares no input parameter `dpth`. Argo refuses the workflow.",
        "Write `{{inputs.parameters.depth}}`. Did you mean 'depth'?",
    ),
    (
        args("{{inputs.parameters.depth}}", params=PARAMETER),
        "AIC240 error 9: The template `work` declares no input parameter `depth`. Argo refuses the workflow.",
        "Write `{{workflow.parameters.depth}}`: the workflow has a parameter of that name.",
    ),
    (
        args("{{inputs.artifacts.absent.path}}"),
        "AIC241 error 8: The template `work` declares no input artifact `absent`. Argo refuses the workflow.",
        (
            "Declare `absent` under `inputs.artifacts` of the template, with a `path`, and pass it wherever "
            "a step or task runs the template."
        ),
    ),
    (
        args("{{inputs.artifacts.dta.path}}", DATA),
        "AIC241 error 9: The template `work` declares no input artifact `dta`. Argo refuses the workflow.",
        "Write `{{inputs.artifacts.data.path}}`. Did you mean 'data'?",
    ),
    (
        spec(
            "entrypoint: main",
            "templates:",
            "- name: main",
            "  inputs: {artifacts: [{name: data}]}",
            "  steps:",
            "  - - {name: one, template: work, arguments: {parameters: [{name: depth, value: "
            "'{{inputs.artifacts.data.path}}'}]}}",
            "- {name: work, container: {image: i}, inputs: {parameters: [{name: depth}]}}",
        ),
        (
            "AIC241 error 10: The template `main` has no container, so its input artifact `data` has no path. "
            "Argo refuses the workflow."
        ),
        "Write `{{inputs.artifacts.data}}`.",
    ),
    (
        spec(
            "entrypoint: work",
            "onExit: '{{inputs.parameters.x}}'",
            "templates:",
            "- {name: work, container: {image: i}}",
        ),
        "AIC240 error 6: The workflow itself declares no input parameter `x`. Argo refuses the workflow.",
        "Only templates have inputs: use a parameter of the workflow, `{{workflow.parameters.NAME}}`.",
    ),
    (
        spec(
            "entrypoint: work",
            "arguments: {parameters: [{name: a, value: '{{inputs.parameters.x}}'}]}",
            "templates:",
            WORK,
        ),
        "AIC240 error 6: The workflow itself declares no input parameter `x`. Argo refuses the workflow.",
        "Only templates have inputs: use a parameter of the workflow, `{{workflow.parameters.NAME}}`.",
    ),
    # --- results in placeholders ---
    (
        passed("{{steps.none.outputs.result}}"),
        "AIC242 error 9: The template `main` has no step `none`. Argo refuses the workflow.",
        "Name another step of this template.",
    ),
    (
        second("{{steps.oen.outputs.result}}"),
        "AIC242 error 10: The template `main` has no step `oen`. Argo refuses the workflow.",
        "Name one of `one`. Did you mean 'one'?",
    ),
    (
        passed("{{steps.one.outputs.result}}"),
        "AIC243 error 9: The step `one` may not have run when its result is needed here. Argo refuses the workflow.",
        "Refer to a step of an earlier group (one with a dash of its own).",
    ),
    (
        dag(
            "name: one, template: work",
            "name: two, template: work, arguments: {parameters: [{name: depth, value: "
            "'{{tasks.one.outputs.result}}'}]}",
            more=DEPTH_OR_1,
        ),
        ("AIC243 error 11: The task `one` may not have run when its result is needed here. Argo refuses the workflow."),
        "Add `one` to the dependencies of this task.",
    ),
    (
        dag(
            "name: two, template: work, arguments: {parameters: [{name: depth, value: "
            "'{{steps.one.outputs.result}}'}]}",
            more=DEPTH,
        ),
        "AIC242 error 10: `{{steps...}}` does not work here: this template has a dag. Argo refuses the workflow.",
        "Write `tasks` instead of `steps`, and name another task of this template.",
    ),
    (
        passed("{{tasks.one.outputs.result}}"),
        "AIC242 error 9: `{{tasks...}}` does not work here: this template has steps. Argo refuses the workflow.",
        "Write `{{steps.one.outputs.result}}`.",
    ),
    (
        args("{{steps.one.outputs.result}}"),
        (
            "AIC242 error 8: The template `work` has no steps, so the step `one` is out of its scope. Argo "
            "refuses the workflow."
        ),
        "Declare an input of this template, and pass the value in the `arguments` of the call.",
    ),
    (
        spec(
            "entrypoint: work",
            "podMetadata: {annotations: {a: '{{steps.one.outputs.result}}'}}",
            "templates:",
            "- {name: work, container: {image: i}}",
        ),
        (
            "AIC242 error 6: The workflow has no steps, so the step `one` is out of its scope. Argo refuses the"
            " workflow."
        ),
        "Use it in a template, or write a parameter of the workflow, `{{workflow.parameters.NAME}}`.",
    ),
    (
        result(""),
        "AIC245 error 10: `steps.one` names no field of the step. Argo refuses the workflow.",
        (
            "Use `status`, `exitCode`, `id`, `ip`, `startedAt`, `finishedAt`, `outputs.result`, "
            "`outputs.parameters.NAME` or `outputs.artifacts.NAME`."
        ),
    ),
    (
        result(".statsu"),
        "AIC245 error 10: A step has no `statsu`. Argo refuses the workflow.",
        (
            "Use `status`, `exitCode`, `id`, `ip`, `startedAt`, `finishedAt`, `outputs.result`, "
            "`outputs.parameters.NAME` or `outputs.artifacts.NAME`. Did you mean 'status'?"
        ),
    ),
    (
        result(".sum"),
        "AIC245 error 10: A step has no `sum`. Argo refuses the workflow.",
        (
            "Use `status`, `exitCode`, `id`, `ip`, `startedAt`, `finishedAt`, `outputs.result`, "
            "`outputs.parameters.NAME` or `outputs.artifacts.NAME`."
        ),
    ),
    (
        result(".outputs"),
        "AIC245 error 10: `steps.one.outputs` names no output. Argo refuses the workflow.",
        "Use `outputs.result`, `outputs.parameters.NAME` or `outputs.artifacts.NAME`.",
    ),
    (
        result(".outputs.paramters.score"),
        "AIC245 error 10: The outputs of a step have no `paramters`. Argo refuses the workflow.",
        "Use `outputs.result`, `outputs.parameters.NAME` or `outputs.artifacts.NAME`. Did you mean 'parameters'?",
    ),
    (
        result(".outputs.parameters.scor"),
        "AIC244 error 10: The template `work` has no output parameter `scor`. Argo refuses the workflow.",
        "Name `score`. Did you mean 'score'?",
    ),
    (
        result(".outputs.parameters.absent"),
        "AIC244 error 10: The template `work` has no output parameter `absent`. Argo refuses the workflow.",
        "Declare `absent` under `outputs.parameters` of that template, with `valueFrom:`.",
    ),
    (
        result(".outputs.artifacts.absent"),
        "AIC244 error 10: The template `work` has no output artifact `absent`. Argo refuses the workflow.",
        "Declare `absent` under `outputs.artifacts` of that template, with `path:`.",
    ),
    (
        result(".outputs.artifacts.model.path"),
        (
            "AIC244 error 10: An artifact of a step has no path here, only in its own container. Argo refuses "
            "the workflow."
        ),
        "Write `{{steps.one.outputs.artifacts.model}}`.",
    ),
    (
        result(".outputs.absent"),
        "AIC245 error 10: The outputs of a step have no `absent`. Argo refuses the workflow.",
        "Use `outputs.result`, `outputs.parameters.NAME` or `outputs.artifacts.NAME`.",
    ),
    (
        spec(
            "entrypoint: main",
            "templates:",
            "- name: main",
            "  steps:",
            "  - - {name: one, template: inner}",
            "  - - {name: two, template: work, arguments: {parameters: [{name: depth, value: "
            "'{{steps.one.outputs.result}}'}]}}",
            "- name: inner",
            "  steps:",
            "  - - {name: x, template: work, arguments: {parameters: [{name: depth, value: '1'}]}}",
            "- {name: work, container: {image: i}, inputs: {parameters: [{name: depth}]}}",
        ),
        (
            "AIC244 error 10: The template `inner` runs other templates, so it has no `result` of its own. Argo"
            " refuses the workflow."
        ),
        "Give it an output parameter with `valueFrom:`, and refer to that.",
    ),
    (
        args("{{outputs.parameters.absent}}"),
        (
            "AIC244 error 8: The template `work` has no output parameter `absent`, so the placeholder stays in "
            "the text, braces included."
        ),
        "Declare it under `outputs.parameters`, with `valueFrom:`.",
    ),
    (
        args("{{outputs.parameters.scre.path}}", "outputs: {parameters: [{name: score, valueFrom: {path: /s}}]}"),
        (
            "AIC244 error 9: The template `work` has no output parameter `scre`, so the placeholder stays in "
            "the text, braces included."
        ),
        "Write `{{outputs.parameters.score.path}}`. Did you mean 'score'?",
    ),
    (
        args("{{outputs.artifact.model.path}}", "outputs: {artifacts: [{name: model, path: /m}]}"),
        "AIC245 error 9: The outputs of a template have no `artifact`. Argo refuses the workflow.",
        "Write `{{outputs.artifacts.model.path}}`. Did you mean 'artifacts'?",
    ),
    (
        args("{{outputs.reslt}}"),
        "AIC245 error 8: The outputs of a template have no `reslt`. Argo refuses the workflow.",
        "Write `{{outputs.result}}`. Did you mean 'result'?",
    ),
    (
        args("{{workflow.outputs.parameters.absent}}"),
        (
            "AIC244 error 8: No output parameter of the workflow has the `globalName` `absent`. Argo refuses "
            "the workflow."
        ),
        "Add that `globalName` to an output.",
    ),
    (
        args(
            "{{workflow.outputs.parameters.scor}}",
            "outputs: {parameters: [{name: s, globalName: score, valueFrom: {path: /s}}]}",
        ),
        ("AIC244 error 9: No output parameter of the workflow has the `globalName` `scor`. Argo refuses the workflow."),
        "Add that `globalName` to an output, or use one of `score`. Did you mean 'score'?",
    ),
    # --- items ---
    (
        passed("{{item}}"),
        "AIC246 error 9: `{{item}}` is used outside a loop. Argo refuses the workflow.",
        "Add `withItems`, `withParam` or `withSequence` to the step or task.",
    ),
    (
        passed("{{item.name}}"),
        "AIC246 error 9: `{{item.name}}` is used outside a loop. Argo refuses the workflow.",
        "Add `withItems` or `withParam` to the step or task, with maps that have the key `name`.",
    ),
    (
        args("{{item}}"),
        "AIC246 warning 8: `{{item}}` is used outside a loop. It stays in the text, braces included.",
        (
            "Pass it as an argument: declare an input parameter of this template, and give it `{{item}}` in the"
            " step or task that loops."
        ),
    ),
    (
        args("{{item.name}}"),
        "AIC246 error 8: `{{item.name}}` is used outside a loop. Argo refuses the workflow.",
        (
            "Pass it as an argument: declare an input parameter of this template, and give it `{{item}}` in the"
            " step or task that loops."
        ),
    ),
    (
        item("withSequence: {count: 2}"),
        "AIC246 error 9: The items of `withSequence` are numbers, so they have no `nme`. Argo refuses the workflow.",
        "Write `{{item}}`.",
    ),
    (
        item("withItems: [{name: a}]"),
        "AIC246 error 9: The item in line 9 of the loop has no key `nme`. Argo refuses the workflow.",
        "Add the key to every item, or name another one. Did you mean 'name'?",
    ),
    (
        item("withItems: [a, b]"),
        "AIC246 error 9: The items of the loop are single values, so they have no `nme`. Argo refuses the workflow.",
        "Write `{{item}}`, or make the items maps with the key `nme`.",
    ),
    # --- braces ---
    (
        args("{{workflow.name}"),
        "AIC247 error 8: The placeholder `{{workflow.name}` is not closed by `}}`. Argo refuses the workflow.",
        "Write `{{workflow.name}}`.",
    ),
    (
        args("{{workflow.name {{workflow.uid}}"),
        "AIC247 error 8: The placeholder `{{workflow.name` is not closed by `}}`. Argo refuses the workflow.",
        "Write `{{workflow.name}}`.",
    ),
    (
        args("{{=workflow.name"),
        "AIC247 error 8: The placeholder `{{=workflow.name` is not closed by `}}`. Argo refuses the workflow.",
        "Write `{{=workflow.name}}`.",
    ),
    (
        args("{workflow.parameters.depth}", params=PARAMETER),
        (
            "AIC247 error 9: Argo replaces only placeholders in double braces: `{workflow.parameters.depth}` "
            "stays in the text. The container gets it unchanged."
        ),
        "Write `{{workflow.parameters.depth}}`.",
    ),
    (
        args("$(inputs.artifacts.data.path)", DATA),
        (
            "AIC247 error 9: Argo replaces only placeholders in double braces: `$(inputs.artifacts.data.path)` "
            "stays in the text. The container gets it unchanged."
        ),
        "Write `{{inputs.artifacts.data.path}}`.",
    ),
    (
        passed("workflow.parameters.depth", params=PARAMETER),
        (
            "AIC247 error 10: Argo replaces only placeholders in double braces: `workflow.parameters.depth` "
            "stays in the text. The container gets it unchanged."
        ),
        "Write `{{workflow.parameters.depth}}`.",
    ),
    (
        second("steps.one.outputs.result"),
        (
            "AIC247 error 10: Argo replaces only placeholders in double braces: `steps.one.outputs.result` "
            "stays in the text. The container gets it unchanged."
        ),
        "Write `{{steps.one.outputs.result}}`.",
    ),
    (
        passed("item.name", "withItems: [1]"),
        (
            "AIC247 error 9: Argo replaces only placeholders in double braces: `item.name` stays in the text. "
            "The container gets it unchanged."
        ),
        "Write `{{item}}`.",
    ),
    (
        args("{{{workflow.name}}}"),
        (
            "AIC247 error 8: Argo replaces only placeholders in double braces: `{{{workflow.name}}}` stays in "
            "the text. The container gets it unchanged."
        ),
        "Write `{{workflow.name}}`.",
    ),
    # --- placeholders of other tools ---
    (
        cont("workingDir: '{{DIR}}'"),
        (
            "AIC250 warning 10: `{{DIR}}` is not a variable of Argo. Unless another tool fills it in before, it stays "
            "in the text, braces included."
        ),
        "Put the real value in its place.",
    ),
    (
        args("{{TAG}}"),
        (
            "AIC250 warning 8: `{{TAG}}` is not a variable of Argo. Unless another tool fills it in before, it stays "
            "in the text, braces included."
        ),
        "Put the real value in its place, or a parameter of the workflow, `{{workflow.parameters.NAME}}`.",
    ),
    (
        pod("container: {image: 'docker.io/a/b:{{ TAG }}'}", image=False),
        (
            "AIC250 warning 8: `{{ TAG }}` is not a variable of Argo. Unless another tool fills it in before, the "
            "image cannot be pulled."
        ),
        "Put the real value in its place, or a parameter of the workflow, `{{workflow.parameters.NAME}}`.",
    ),
    (
        args("{{params.depth}}", DEPTH_OR_1),
        (
            "AIC250 warning 9: `{{params.depth}}` is not a variable of Argo. Unless another tool fills it in before, "
            "it stays in the text, braces included."
        ),
        "Write `{{inputs.parameters.depth}}`. Did you mean 'inputs.parameters.depth'?",
    ),
    (
        args("{{params.lr}}"),
        (
            "AIC250 warning 8: `{{params.lr}}` is not a variable of Argo. Unless another tool fills it in before, "
            "it stays in the text, braces included."
        ),
        "Write `{{workflow.parameters.lr}}`, and declare `lr`. Did you mean 'workflow.parameters.lr'?",
    ),
    (
        args("{{artifacts.data}}", DATA),
        (
            "AIC250 warning 9: `{{artifacts.data}}` is not a variable of Argo. Unless another tool fills it in before, "
            "it stays in the text, braces included."
        ),
        "Write `{{inputs.artifacts.data.path}}`. Did you mean 'inputs.artifacts.data.path'?",
    ),
    (
        args("{{step.one.outputs.result}}"),
        (
            "AIC250 warning 8: `{{step.one.outputs.result}}` is not a variable of Argo. Unless another tool fills it "
            "in before, it stays in the text, braces included."
        ),
        "Declare an input of this template, and pass the value in the `arguments` of the call.",
    ),
    (
        pod("priorityClassName: '@PRIORITY@'"),
        ("AIC250 warning 8: `@PRIORITY@` was left to be filled in. Unless a tool does so before, it stays as it is."),
        "Put the real value in its place.",
    ),
    # --- variables ---
    (
        args("{{depth}}", params=PARAMETER),
        (
            "AIC245 warning 9: `{{depth}}` does not refer to the parameter. Argo does not replace it: it stays "
            "in the text, braces included."
        ),
        "Write `{{workflow.parameters.depth}}`.",
    ),
    (
        args("{{depth}}", DEPTH_OR_1),
        (
            "AIC245 warning 9: `{{depth}}` does not refer to the parameter. Argo does not replace it: it stays "
            "in the text, braces included."
        ),
        "Write `{{inputs.parameters.depth}}`.",
    ),
    (
        passed("{{items}}", "withItems: [1]"),
        (
            "AIC245 warning 9: The item of a loop is called `item`. Argo does not replace it: it stays in the text, "
            "braces included."
        ),
        "Write `{{item}}`. Did you mean 'item'?",
    ),
    (
        args("{{worklow.name}}"),
        (
            "AIC245 warning 8: Unknown variable `worklow`. Argo does not replace it: it stays in the text, braces"
            " included."
        ),
        "Write `{{workflow.name}}`. Did you mean 'workflow'?",
    ),
    (
        args("{{parameters.depth}}", params=PARAMETER),
        (
            "AIC245 warning 9: Unknown variable `{{parameters.depth}}`. Argo does not replace it: it stays in the"
            " text, braces included."
        ),
        "Write `{{workflow.parameters.depth}}`.",
    ),
    (
        args("{{workflow.nmae}}"),
        "AIC245 error 8: Unknown workflow variable `nmae`. Argo refuses the workflow.",
        "Write `{{workflow.name}}`. Did you mean 'name'?",
    ),
    (
        args("{{workflow.nothing}}"),
        "AIC245 error 8: Unknown workflow variable `nothing`. Argo refuses the workflow.",
        "Use one of Argo's workflow variables, for example `{{workflow.parameters.NAME}}` or `{{workflow.name}}`.",
    ),
    (
        args("{{workflow.inputs.depth}}", params=PARAMETER),
        "AIC245 error 9: Unknown workflow variable `inputs`. Argo refuses the workflow.",
        "Write `{{workflow.parameters.depth}}`.",
    ),
    (
        args("{{workflow.status}}"),
        (
            "AIC248 hint 8: `{{workflow.status}}` is `Running` here: how the workflow ended is only known in templates "
            "that `onExit` or a hook runs."
        ),
        "Move it to an exit handler, if the end is meant.",
    ),
    (
        args("{{workflow.failures}}"),
        (
            "AIC248 error 8: `{{workflow.failures}}` is only known in templates that `onExit` or a hook runs. "
            "Argo refuses the workflow."
        ),
        "Move it to an exit handler.",
    ),
    (
        args("{{pod.ip}}"),
        "AIC245 error 8: Unknown variable `pod.ip`. Argo refuses the workflow.",
        "Use `{{pod.name}}`.",
    ),
    (
        args('{{workflow.parameters["depth"]}}', params=PARAMETER),
        "AIC245 error 9: Brackets only work in expressions, which begin with `{{=`. Argo refuses the workflow.",
        "Write `{{workflow.parameters.depth}}`.",
    ),
    (
        args('{{workflow.labels["a-b"]}}'),
        "AIC245 error 8: Brackets only work in expressions, which begin with `{{=`. Argo refuses the workflow.",
        "Write `{{workflow.labels.a-b}}`.",
    ),
    # --- expressions ---
    (
        args("{{=asInt(workflow.parameters.depth}}", params=PARAMETER),
        "AIC249 error 9: This expression cannot be parsed: `(` is not closed. Argo refuses the workflow.",
        "Fix the expression.",
    ),
    (
        args("{{=a)}}"),
        "AIC249 error 8: This expression cannot be parsed: `)` has no opening bracket. Argo refuses the workflow.",
        "Fix the expression.",
    ),
    (
        args("{{=[a}}"),
        "AIC249 error 8: This expression cannot be parsed: `[` is not closed. Argo refuses the workflow.",
        "Fix the expression.",
    ),
    (
        args('{{="a}}'),
        (
            'AIC249 error 8: This expression cannot be parsed: the quotation mark " is not closed. Argo refuses'
            " the workflow."
        ),
        "Fix the expression.",
    ),
    (
        args("{{=workflow.parameters.tree-depth}}", params="{name: tree-depth, value: '1'}"),
        (
            "AIC249 error 9: In an expression `workflow.parameters.tree-depth` is a subtraction of two values. "
            "Argo refuses the workflow."
        ),
        'Write `workflow.parameters["tree-depth"]`.',
    ),
    (
        args("{{=inputs.parameters.dpth}}", DEPTH_OR_1),
        ("AIC249 error 9: No parameter `dpth` is declared, so the expression has no value. Argo refuses the workflow."),
        "Write `inputs.parameters.depth`. Did you mean 'depth'?",
    ),
    (
        args("{{=inputs.parameters.absent}}"),
        (
            "AIC249 warning 8: No parameter `absent` is declared, so the expression has no value. Argo refuses "
            "the workflow."
        ),
        (
            "Declare `absent` under `inputs.parameters` of the template, with a `value` or passed wherever a "
            "step or task runs it."
        ),
    ),
    (
        args("{{=workflow.parameters.absent}}"),
        (
            "AIC249 warning 8: No parameter `absent` is declared, so the expression has no value. Argo refuses "
            "the workflow."
        ),
        "Declare `absent` under `spec.arguments.parameters` with a `value`.",
    ),
    # --- keys and types ---
    (
        cont("comand: [x]"),
        "AIC201 error 10: A container of Argo has no key `comand`: it is silently ignored.",
        "Write `command`. Did you mean 'command'?",
    ),
    (
        cont("nothing: 1"),
        (
            "AIC201 warning 10: A container of Argo has no known key `nothing`: unless it is new in Argo, it is "
            "silently ignored."
        ),
        "Remove it, or move it to where it belongs.",
    ),
    (
        cont("cmd: [x]"),
        "AIC201 error 10: A container of Argo has no key `cmd`: it is silently ignored.",
        "Write `command`. Did you mean 'command'?",
    ),
    (
        pod("atomic: 1"),
        (
            "AIC201 warning 8: A template of Argo has no known key `atomic`: unless it is new in Argo, it is "
            "silently ignored."
        ),
        "Remove it, or move it to where it belongs.",
    ),
    (
        pod("inputs:", "  params: []"),
        (
            "AIC201 warning 9: The inputs of Argo have no known key `params`: unless it is new in Argo, it is "
            "silently ignored."
        ),
        "Remove it, or move it to where it belongs.",
    ),
    (
        cont("workingDir: 5"),
        "AIC202 error 10: `workingDir` has to be a string, not a number. Argo refuses the workflow.",
        'Put it in quotes: "5".',
    ),
    (
        cont("workingDir: true"),
        "AIC202 error 10: `workingDir` has to be a string, not a boolean. Argo refuses the workflow.",
        'Put it in quotes: "true".',
    ),
    (
        cont("stdin: 'yes'"),
        "AIC202 error 10: `stdin` has to be true or false, not a string. Argo refuses the workflow.",
        "Write `true` or `false`, without quotes.",
    ),
    (
        cont("command: sh"),
        "AIC202 error 10: `command` has to be a list of strings, not a string. Argo refuses the workflow.",
        'Write `command: ["sh"]`.',
    ),
    (
        cont('command: echo "x"'),
        "AIC202 error 10: `command` has to be a list of strings, not a string. Argo refuses the workflow.",
        'Write `command: ["/bin/sh", "-c"]`, and the command line as one string in `args`.',
    ),
    (
        cont("env: A"),
        "AIC202 error 10: `env` has to be a list of maps, not a string. Argo refuses the workflow.",
        "Write a list of maps: each begins on a line of its own with a dash and its first key.",
    ),
    (
        cont("image2: 1"),
        (
            "AIC201 warning 10: A container of Argo has no known key `image2`: unless it is new in Argo, it is "
            "silently ignored."
        ),
        "Remove it, or move it to where it belongs.",
    ),
    (
        pod("inputs: {parameters: [{name: a, value: {b: c}}]}"),
        "AIC202 warning 8: `value` has to be a string, not a map. Argo refuses the workflow.",
        "Write a single value; if it begins with `{` or `[`, put it in quotes.",
    ),
    (
        spec("entrypoint: work", "parallelism: '3'", "templates:", WORK),
        "AIC202 error 6: `parallelism` has to be a whole number, not a string. Argo refuses the workflow.",
        "Remove the quotes: 3.",
    ),
    (
        spec("entrypoint: work", "parallelism: many", "templates:", WORK),
        "AIC202 error 6: `parallelism` has to be a whole number, not a string. Argo refuses the workflow.",
        "Write a number.",
    ),
    (
        spec("entrypoint: work", "parallelism: '{{workflow.name}}'", "templates:", WORK),
        "AIC202 error 6: `parallelism` has to be a whole number, not a string. Argo refuses the workflow.",
        "Write the number itself: Argo does not replace placeholders here.",
    ),
    (
        pod("inputs: {parameters: depth}"),
        "AIC202 error 8: `parameters` has to be a list of maps, not a string. Argo refuses the workflow.",
        "Write `- name: depth` on a line of its own below it.",
    ),
    (
        spec("entrypoint: work", "templates: work"),
        "AIC202 error 6: `templates` has to be a list of maps, not a string. Argo refuses the workflow.",
        "Write a list of maps: each begins on a line of its own with a dash and its first key.",
    ),
    (
        graph("steps:", "- - one"),
        "AIC202 error 9: This item has to be a map, not a string. Argo refuses the workflow.",
        "Write a map: `- name: one` and `template:` below it.",
    ),
    (
        graph("steps:", "- name: one", "  template: work"),
        "AIC202 error 9: Expected a list of steps that run in parallel, not a step. Argo refuses the workflow.",
        "Write two dashes for the first step of each group (`- - name: ...`): steps are a list of lists.",
    ),
    (
        cont("env:", "- DEPTH=3"),
        "AIC202 error 11: This item has to be a map, not a string. Argo refuses the workflow.",
        'Write `- name: DEPTH`, and `value: "3"` below it.',
    ),
    (
        pod("container: image:i", image=False),
        "AIC202 error 8: `container` has to be a map, not a string. Argo refuses the workflow.",
        "Put a space after the colon: without it the line is a string.",
    ),
    (
        pod("container: image=i", image=False),
        "AIC202 error 8: `container` has to be a map, not a string. Argo refuses the workflow.",
        "Write a colon and a space instead of the equals sign: without them the line is a string.",
    ),
    (
        pod("container: x", image=False),
        "AIC202 error 8: `container` has to be a map, not a string. Argo refuses the workflow.",
        "Write keys and values below it.",
    ),
    (
        pod("outputs: {artifacts: [{name: a, path: /a, archive: none}]}"),
        "AIC202 error 8: `archive` has to be a map, not a string. Argo refuses the workflow.",
        "Write `none: {}` below it.",
    ),
    (
        cont("resources: {limits: {memory: true}}"),
        "AIC202 error 10: `memory` has to be an amount, not a boolean. Argo refuses the workflow.",
        "Write an amount.",
    ),
    (
        cont("resources: {limits: {memory: 4GB}}"),
        "AIC204 error 10: Invalid amount `4GB`; Kubernetes refuses the pod.",
        "Write a number with a suffix such as `m`, `M`, `G`, `Mi` or `Gi`. Did you mean '4Gi'?",
    ),
    (
        cont("resources: {limits: {memory: much}}"),
        "AIC204 error 10: Invalid amount `much`; Kubernetes refuses the pod.",
        "Write a number with a suffix such as `m`, `M`, `G`, `Mi` or `Gi`.",
    ),
    (
        cont("env: {DEPTH: '3'}"),
        "AIC202 error 10: `env` has to be a list of maps, not a map. Argo refuses the workflow.",
        'Write each as an item: `- name: DEPTH`, and `value: "3"` below it.',
    ),
    (
        pod("inputs: {parameters: {name: depth}}"),
        "AIC202 error 8: `parameters` has to be a list of maps, not a map. Argo refuses the workflow.",
        "Put it in brackets: `[{...}]`.",
    ),
    (
        graph("steps:", "  name: one", "  template: work"),
        "AIC202 error 8: `steps` has to be a list of lists, not a map. Argo refuses the workflow.",
        "Put two dashes before its first key, `- - name:`, and indent the others like it.",
    ),
    (
        pod("container: [x]", image=False),
        "AIC202 error 8: `container` has to be a map, not a list. Argo refuses the workflow.",
        "Write a map, keys and values, instead of the list.",
    ),
    (
        cont("workingDir: [a]"),
        "AIC202 error 10: `workingDir` has to be a string, not a list. Argo refuses the workflow.",
        "Write a single value; if it begins with `{` or `[`, put it in quotes.",
    ),
    (
        cont("args:", "- run: x"),
        "AIC202 error 11: This item has to be a string, not a map. Argo refuses the workflow.",
        "Put the whole item in quotes: the colon and the space in it make a map of it.",
    ),
    (
        cont("args:", "- name: x", "  value: y"),
        "AIC202 error 11: This item has to be a string, not a map. Argo refuses the workflow.",
        "If this is an environment variable, put `env:` on a line above it; else put the whole item in quotes.",
    ),
    (
        cont("env:", "- DEPTH: '3'"),
        "AIC203 error 11: This environment variable has no `name`. Argo refuses the workflow.",
        "Write `- name: DEPTH`, and `value:` below it.",
    ),
    (
        cont("env:", "- value: '3'"),
        "AIC203 error 11: This environment variable has no `name`. Argo refuses the workflow.",
        "Add `name:`.",
    ),
    (
        cont("env: [x]"),
        "AIC202 error 10: This item has to be a map, not a string. Argo refuses the workflow.",
        "Write keys and values below it.",
    ),
    (
        pod("inputs:", "- name: depth", "  value: '1'"),
        "AIC202 error 8: `inputs` has to be a map, not a list. Argo refuses the workflow.",
        "Put `parameters:` on a line above its items, and indent them below it.",
    ),
    (
        pod("inputs:", "- name: data", "  path: /d"),
        "AIC202 error 8: `inputs` has to be a map, not a list. Argo refuses the workflow.",
        "Put `artifacts:` on a line above its items, and indent them below it.",
    ),
    (
        pod("inputs: x"),
        "AIC202 error 8: `inputs` has to be a map, not a string. Argo refuses the workflow.",
        "Write keys and values below it.",
    ),
    (
        dag("name: one, template: work", "name: two, template: work, depends: [one]"),
        "AIC202 error 11: `depends` has to be a string, not a list. Argo refuses the workflow.",
        "Write `dependencies`, which takes a list, or names with `&&` between them.",
    ),
    (
        pod("inputs: {parameters: [depth]}"),
        "AIC202 error 8: This item has to be a map, not a string. Argo refuses the workflow.",
        "Write `{name: depth}`.",
    ),
    (
        pod("inputs: {parameters: [{name: ''}]}"),
        "AIC203 error 8: The `name` of this parameter is empty. Argo refuses the workflow.",
        "Give it a value.",
    ),
    (
        pod("inputs: {parameters: [{value: '1'}]}"),
        "AIC203 error 8: This parameter has no `name`. Argo refuses the workflow.",
        "Add `name:`.",
    ),
    (
        spec("entrypoint: work", "parameters: [{name: a, value: '1'}]", "templates:", WORK),
        "AIC235 error 6: A workflow specification of Argo has no key `parameters`: it is silently ignored.",
        "Put `arguments:` on a line above it, and indent it below.",
    ),
    (
        spec(
            "entrypoint: work",
            "arguments:",
            "  artifacts: []",
            "parameters: [{name: a, value: '1'}]",
            "templates:",
            WORK,
        ),
        (
            "AIC235 error 8: `parameters` belongs in the `arguments` above it; in its current place it is "
            "silently ignored."
        ),
        "Indent it deeper than `arguments:`.",
    ),
    (
        pod("image: i", image=False),
        "AIC235 error 8: A template of Argo has no key `image`: it is silently ignored.",
        "Put `container:` on a line above it, and indent it below.",
    ),
    (
        pod("inputs:", "  parameters:", "  - name: depth", "    path: /d"),
        "AIC235 error 10: This is an artifact in a list of parameters. Argo refuses the workflow.",
        "Put `artifacts:` on a line above it.",
    ),
    (
        cont("inputs: {parameters: [{name: a, value: '1'}]}"),
        "AIC235 error 10: `inputs` does not belong below `container`: there it is silently ignored.",
        "Indent it like the `container:` above it.",
    ),
    (
        pod("script:", "  image: i", "  source: x", "  outputs: {}", image=False),
        "AIC235 error 11: `outputs` does not belong below `script`: there it is silently ignored.",
        "Indent it like the `script:` above it.",
    ),
    (
        pod("inputs:", "  parameters:", "  - name: a", "  value: '1'"),
        (
            "AIC235 error 11: `value` belongs in the last item of `parameters` above it; in its current place "
            "it is silently ignored."
        ),
        "Indent it like the other keys of that item.",
    ),
    (
        cont("resources:", "limits: {cpu: 1}"),
        ("AIC235 error 11: `limits` belongs in the `resources` above it; in its current place it is silently ignored."),
        "Indent it deeper than `resources:`.",
    ),
    (
        pod("outputs:", "  artifacts:", "  - name: a", "    path: /a", "  archive: {none: {}}"),
        (
            "AIC235 warning 12: `archive` belongs in the last item of `artifacts` above it; in its current "
            "place it is silently ignored."
        ),
        "Indent it like the other keys of that item.",
    ),
    (
        spec(
            "templates:",
            "- name: work",
            "  container: {image: i}",
            "  metadata:",
            "    labels:",
            "      a: b",
            "    entrypoint: work",
        ),
        "AIC235 error 11: `entrypoint` does not belong below `templates`: there it is silently ignored.",
        "Indent it like the `templates:` above it.",
    ),
    (
        pod("inputs:", "  parameters:", "  - name: data", "    path: /d"),
        "AIC235 error 10: This is an artifact in a list of parameters. Argo refuses the workflow.",
        "Put `artifacts:` on a line above it.",
    ),
    (
        pod(
            "inputs:", "  parameters:", "  - name: a", "    value: '1'", "  - name: data", "    path: /d", "    mode: 1"
        ),
        "AIC235 error 12: This is an artifact in a list of parameters. Argo refuses the workflow.",
        "Put `artifacts:` on a line above it.",
    ),
    (
        cont("imagePullPolicy: always"),
        "AIC205 error 10: Invalid value `always` of `imagePullPolicy`. Argo refuses the workflow.",
        "Write one of `Always`, `IfNotPresent`, `Never`. Did you mean 'Always'?",
    ),
    (
        cont("imagePullPolicy: Sometimes"),
        "AIC205 error 10: Invalid value `Sometimes` of `imagePullPolicy`. Argo refuses the workflow.",
        "Write one of `Always`, `IfNotPresent`, `Never`.",
    ),
    (
        pod("sidecars: [{image: i}]"),
        "AIC203 error 8: This sidecar or init container has no `name`. Argo refuses the workflow.",
        "Add `name:`.",
    ),
    (
        pod("volumes: [{name: v, emptyDir: {}}]", "container: {image: i, volumeMounts: [{name: v}]}", image=False),
        "AIC203 error 9: This volume mount has no `mountPath`. Argo refuses the workflow.",
        "Add `mountPath:`.",
    ),
    (
        cont("ports: [{port: 1}]"),
        "AIC201 error 10: A container port of Argo has no key `port`: it is silently ignored.",
        "Write `containerPort`. Did you mean 'containerPort'?",
    ),
    (
        pod("container: {image: i, outputs: {}}", image=False),
        "AIC235 error 8: A container of Argo has no key `outputs`: it is silently ignored.",
        "Indent `outputs:` like the `container:` above it.",
    ),
    (
        pod("script: {image: i, source: x, inputs: {}}", image=False),
        "AIC235 error 8: A script of Argo has no key `inputs`: it is silently ignored.",
        "Indent `inputs:` like the `script:` above it.",
    ),
    (
        spec("entrypoint: work", "templates:", "- {name: work, image: i, container: {args: [x]}}"),
        "AIC235 error 7: A template of Argo has no key `image`: it is silently ignored.",
        "Move it below `container:`.",
    ),
    (
        cont("ports: [{name: a}]"),
        "AIC203 error 10: This container port has no `containerPort`. Argo refuses the workflow.",
        "Add `containerPort:`.",
    ),
    (
        pod("suspend: {durations: '5'}", image=False),
        "AIC201 error 8: A suspend template of Argo has no key `durations`: it is silently ignored.",
        "Write `duration`. Did you mean 'duration'?",
    ),
    (
        pod("metadata: {labels: [a]}"),
        "AIC202 error 8: `labels` has to be a map, not a list. Argo refuses the workflow.",
        "Write a map, keys and values, instead of the list.",
    ),
    (
        pod("metadata: {labels: {a: 1}}"),
        "AIC202 error 8: `a` has to be a string, not a number. Argo refuses the workflow.",
        'Put it in quotes: "1".',
    ),
    (
        pod("metadata: {annotations: {a: [b]}}"),
        "AIC202 error 8: `a` has to be a string, not a list. Argo refuses the workflow.",
        "Write a single value; if it begins with `{` or `[`, put it in quotes.",
    ),
    (
        pod("activeDeadlineSeconds: [1]"),
        (
            "AIC202 error 8: `activeDeadlineSeconds` has to be a whole number or a string, not a list. Argo "
            "refuses the workflow."
        ),
        "Write a single value; if it begins with `{` or `[`, put it in quotes.",
    ),
    (
        pod("retryStrategy: {limit: 1, retryPolicy: always}"),
        "AIC205 error 8: Invalid value `always` of `retryPolicy`. Argo refuses the workflow.",
        "Write one of `Always`, `OnFailure`, `OnError`, `OnTransientError`. Did you mean 'Always'?",
    ),
    (
        pod("daemon: 1.5"),
        "AIC202 error 8: `daemon` has to be true or false, not a number. Argo refuses the workflow.",
        "Write `true` or `false`, without quotes.",
    ),
    (
        pod("priority: 1.5"),
        "AIC202 error 8: `priority` has to be a whole number, not a number. Argo refuses the workflow.",
        "Write a whole number.",
    ),
    (
        dag("name: one, template: work", "name: two, template: work, dependsOn: [one]"),
        "AIC201 error 11: A dag task of Argo has no key `dependsOn`: it is silently ignored.",
        "Write `dependencies`. Did you mean 'dependencies'?",
    ),
    (
        steps("arguments: []"),
        "AIC202 error 9: `arguments` has to be a map, not a list. Argo refuses the workflow.",
        "Write a map, keys and values, instead of the list.",
    ),
    (
        steps("continueOn: true"),
        "AIC202 error 9: `continueOn` has to be a map, not a boolean. Argo refuses the workflow.",
        "Write keys and values below it.",
    ),
]


def document_of(text: str) -> str:
    """Return a whole document: an object of Argo, unless the text has a head of its own."""
    if text.startswith(AICORE):
        return text
    return ARGO + ("" if text.startswith("metadata:") else "metadata: {name: w}\n") + text


@pytest.mark.parametrize(
    ("text", "message", "advice"), CASES, ids=[f"{case[1][:6]}-{n}" for n, case in enumerate(CASES)]
)
def test_a_message(text: str, message: str, advice: str) -> None:
    findings = check_document(document_of(text), options=CheckOptions(argo_types=False))
    assert [
        (
            f"{finding.rule} {finding.severity.name.lower()} {finding.place.line}: {finding.message}",
            f"{finding.remedy} {finding.hint or ''}".strip(),
        )
        for finding in findings
        if "AIC200" < finding.rule < "AIC300"
    ] == [(message, advice)]


def test_each_rule_of_argo_has_a_message_here() -> None:
    rules = {rule.id for rule in RULES.values() if rule.layer == "argo"} - {"AIC200", "AIC260"}
    assert rules - {message[:6] for _, message, _ in CASES} == set()
