"""Where the values of arguments come from: those of the workflow, and those of its steps, tasks and hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.graph import is_supplied
from pytest_aicore.workflows.checks.examples import TRAIN_DEPTH, example_argument, steps
from pytest_aicore.workflows.checks.rule import argo_rule
from pytest_aicore.workflows.checks.words import listed
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, is_given

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.workflows.checks.argo.check import ArgoCheck

EMPTY_ARGUMENT: Final = argo_rule(
    222,
    "empty-argument",
    "An argument has no value",
    "A parameter that a step or task passes, or that a submitted workflow has, needs `value` or `valueFrom`, an "
    "artifact `from` or a location.",
    steps(example_argument(), template=TRAIN_DEPTH),
    steps(example_argument("'3'"), template=TRAIN_DEPTH),
)
ARGUMENT_SOURCE: Final = argo_rule(
    237,
    "argument-source",
    "An argument has a source that arguments cannot have",
    "`valueFrom` of an argument has `configMapKeyRef`, `event` or `supplied`, and `default` only beside one of them; "
    "files, expressions and results of other steps are sources of outputs, whose values arguments get by a reference "
    "in `value`. An artifact has `from` or `fromExpression`, not both. (Argo's own validation.)",
    steps("arguments:\n  parameters:\n    - name: depth\n      valueFrom:\n        default: '3'", template=TRAIN_DEPTH),
    steps(example_argument("'3'"), template=TRAIN_DEPTH),
)
_OF_ARGUMENTS: Final = ("configMapKeyRef", "event", "supplied")
_OF_OUTPUTS: Final = ("path", "jsonPath", "parameter", "expression")


def without_value(arguments: MappingNode) -> Iterator[MappingNode]:
    """Yield the parameters of arguments that have no value."""
    for parameter in arguments.mappings_of("parameters"):
        if not is_given(parameter, "value") and not is_given(parameter, "valueFrom"):
            yield parameter


def without_source(arguments: MappingNode) -> Iterator[MappingNode]:
    """Yield the artifacts of arguments that come from nowhere."""
    return (artifact for artifact in arguments.mappings_of("artifacts") if not is_supplied(artifact))


def check_sources(check: ArgoCheck, arguments: MappingNode) -> None:
    """Report arguments with sources that only outputs have."""
    for parameter in arguments.mappings_of("parameters"):
        source = parameter.values.get("valueFrom")
        if type(source) is MappingNode and source not in check.wrong:
            _check_value_from(check, parameter, source)
    for artifact in arguments.mappings_of("artifacts"):
        if is_given(artifact, "from") and is_given(artifact, "fromExpression"):
            check.add(
                ARGUMENT_SOURCE,
                artifact.keys["fromExpression"],
                f"The artifact `{artifact.text('name')}` has both `from` and `fromExpression`. {check.fails}",
                "Remove one of them.",
            )


def _check_value_from(check: ArgoCheck, parameter: MappingNode, source: MappingNode) -> None:
    name = parameter.text("name")
    allowed = any(is_given(source, key) for key in _OF_ARGUMENTS)
    refused = [key for key in _OF_OUTPUTS if is_given(source, key)]
    if allowed and not refused:
        return
    at = source.keys[refused[0]] if refused else next(iter(source.keys.values()), parameter.keys["valueFrom"])
    if refused:
        check.add(
            ARGUMENT_SOURCE,
            at,
            f"`valueFrom` of the argument `{name}` has {listed(refused)}, which only outputs can have. {check.fails}",
            f"Remove {listed(refused)}." if allowed else f"{_written_as_value(source)} instead of `valueFrom`.",
        )
        return
    only = "only a `default`" if is_given(source, "default") else "no source"
    check.add(
        ARGUMENT_SOURCE,
        at,
        f"`valueFrom` of the argument `{name}` has {only}: Argo takes the value from `configMapKeyRef`, `event` or "
        f"`supplied`. {check.fails}",
        f"{_written_as_value(source)} instead of `valueFrom`.",
    )


def _written_as_value(source: MappingNode) -> str:
    """Return how the value could be written without `valueFrom`."""
    for key, form in (("default", '"{}"'), ("parameter", '"{}"'), ("expression", '"{{{{={}}}}}"')):
        node = source.values.get(key)
        if type(node) is ScalarNode and node.text and len(node.text) <= 60 and not {'"', "\\", "\n"} & set(node.text):
            return f"Write `value: {form.format(node.text)}`"
    return "Write `value:` with the value or a reference"


def check_given(check: ArgoCheck) -> None:
    """Report arguments of a submitted workflow without a value: nobody else can give it."""
    if check.subject.kind not in ("Workflow", "CronWorkflow") or check.model.is_elsewhere:
        return
    arguments = check.model.spec.mapping("arguments")
    for parameter in without_value(arguments):
        check.add(
            EMPTY_ARGUMENT,
            parameter,
            f"The parameter `{parameter.text('name')}` of the workflow has no value. {check.fails}",
            "Add `value:`.",
        )
    for artifact in without_source(arguments):
        check.add(
            EMPTY_ARGUMENT,
            artifact,
            f"The artifact `{artifact.text('name')}` of the workflow has no source. {check.fails}",
            "Add a location, such as `s3:` or `raw:`.",
        )
