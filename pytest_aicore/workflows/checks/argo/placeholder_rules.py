"""The rules of placeholders: what they are called, and what they say for themselves."""

from __future__ import annotations

from typing import Final

from pytest_aicore.workflows.checks.examples import two_steps, with_args
from pytest_aicore.workflows.checks.rule import Rule, Severity


def _rule(
    number: int, name: str, summary: str, explanation: str, bad: str, good: str, severity: Severity = Severity.ERROR
) -> Rule:
    return Rule(f"AIC{number}", name, severity, "argo", summary, explanation, bad, good)


UNDECLARED_PARAMETER: Final = _rule(
    240,
    "undeclared-parameter",
    "A placeholder names a parameter that is not declared",
    "`{{workflow.parameters.X}}` needs X among `spec.arguments.parameters`, `{{inputs.parameters.X}}` among the "
    "`inputs.parameters` of the same template; names are case-sensitive. Argo refuses the workflow when it starts: the "
    "execution ends DEAD without a log.",
    with_args("python train.py --depth {{workflow.parameters.DEPHT}}"),
    with_args("python train.py --depth {{workflow.parameters.DEPTH}}"),
)
UNDECLARED_ARTIFACT: Final = _rule(
    241,
    "undeclared-artifact",
    "A placeholder names an input artifact that is not declared",
    "`{{inputs.artifacts.X}}` and `{{inputs.artifacts.X.path}}` need X among the `inputs.artifacts` of the same "
    "template.",
    with_args(
        "python train.py {{inputs.artifacts.data.path}}",
        "inputs:\n  artifacts:\n    - name: dataset\n      path: /app/data",
    ),
    with_args(
        "python train.py {{inputs.artifacts.data.path}}",
        "inputs:\n  artifacts:\n    - name: data\n      path: /app/data",
    ),
)
UNKNOWN_STEP: Final = _rule(
    242,
    "unknown-step",
    "A placeholder names a step or task that it cannot see",
    "`{{steps.NAME...}}` works in the template that has the step, `{{tasks.NAME...}}` in the dag that has the task. "
    "What a container needs of another step has to be passed to its template as an argument.",
    two_steps("{{steps.perpare.outputs.parameters.rows}}"),
    two_steps("{{steps.prepare.outputs.parameters.rows}}"),
)
NOT_YET_RUN: Final = _rule(
    243,
    "not-yet-run",
    "A placeholder asks for the result of a step or task that may not have run yet",
    "Steps see the steps of earlier groups, tasks those that they wait for. Argo refuses any other reference.",
    two_steps("{{steps.train.outputs.result}}"),
    two_steps("{{steps.prepare.outputs.parameters.rows}}"),
)
UNKNOWN_OUTPUT: Final = _rule(
    244,
    "unknown-output",
    "A placeholder names an output that the template does not have",
    "`{{steps.NAME.outputs.parameters.X}}` needs X among the `outputs.parameters` of the template that the step runs, "
    "and likewise for artifacts.",
    two_steps("{{steps.prepare.outputs.parameters.row}}"),
    two_steps("{{steps.prepare.outputs.parameters.rows}}"),
)
UNKNOWN_VARIABLE: Final = _rule(
    245,
    "unknown-variable",
    "A placeholder names something that Argo does not have",
    "A tag that begins like one of Argo's and goes on differently cannot be resolved; one that does not begin like one "
    "of Argo's stays in the text as it is, braces included.",
    with_args("python train.py --depth {{workflow.parameter.DEPTH}}"),
    with_args("python train.py --depth {{workflow.parameters.DEPTH}}"),
)
ITEM: Final = _rule(
    246,
    "item-without-loop",
    "`{{item}}` stands where no loop is",
    "`{{item}}` is the current item of `withItems`, `withParam` or `withSequence` of the same step or task; "
    "`{{item.KEY}}` needs items that are maps with that key.",
    two_steps("{{item}}"),
    two_steps("{{item}}", "withItems: [1, 2]"),
)
UNCLOSED: Final = _rule(
    247,
    "unclosed-placeholder",
    "A placeholder is not closed by `}}`, or stands in other brackets than `{{` and `}}`",
    "Argo cannot find where the tag ends; everything up to the next `}}` belongs to it. What stands in single braces "
    "or "
    "parentheses is no placeholder at all.",
    with_args("python train.py --depth {{workflow.parameters.DEPTH}"),
    with_args("python train.py --depth {{workflow.parameters.DEPTH}}"),
)
ONLY_AT_EXIT: Final = _rule(
    248,
    "only-at-exit",
    "A placeholder asks for something that is only known when the workflow has ended",
    "`{{workflow.status}}` and `{{workflow.failures}}` only exist in templates that `onExit` or a hook runs.",
    with_args("echo {{workflow.status}}"),
    with_args("echo {{workflow.name}}"),
)
EXPRESSION: Final = _rule(
    249,
    "expression",
    "An expression cannot be read, or names something that is not declared",
    "Between `{{=` and `}}` stands an expression. A name with a hyphen needs brackets there: "
    "`inputs.parameters['tree-depth']`, for `tree-depth` would be a difference.",
    with_args("python train.py --depth {{=asInt(workflow.parameters.DEPTH}}"),
    with_args("python train.py --depth {{=asInt(workflow.parameters.DEPTH)}}"),
)
