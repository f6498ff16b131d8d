"""The arguments of a call, compared with the inputs of its template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.graph import is_supplied
from pytest_aicore.workflows.argo.tags import has_placeholder
from pytest_aicore.workflows.checks.argo.names import check_names_of_arguments
from pytest_aicore.workflows.checks.argo.sources import EMPTY_ARGUMENT, check_sources, without_source, without_value
from pytest_aicore.workflows.checks.examples import TRAIN_DEPTH, example_argument, steps
from pytest_aicore.workflows.checks.rule import Severity, argo_rule
from pytest_aicore.workflows.checks.words import capital, hint_for, nearest
from pytest_aicore.workflows.yaml.tree import MappingNode, is_given

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_aicore.workflows.argo.graph import CallModel, TemplateModel
    from pytest_aicore.workflows.checks.argo.check import ArgoCheck

MISSING_ARGUMENT: Final = argo_rule(
    221,
    "missing-argument",
    "A template is called without a parameter that it needs",
    "An input parameter without a value has to come from the `arguments` of each call, that of the entrypoint from a "
    "workflow parameter of the same name. (Input artifacts may have no source: AI Core binds them from the "
    "configuration.)",
    steps(template=TRAIN_DEPTH),
    steps(example_argument("'3'"), template=TRAIN_DEPTH),
)

UNKNOWN_ARGUMENT: Final = argo_rule(
    223,
    "unknown-argument",
    "An argument is passed that the template does not declare",
    "Argo silently drops arguments that the called template does not declare among its `inputs`.",
    steps(example_argument("'3'")),
    steps(example_argument("'3'"), template=TRAIN_DEPTH),
    Severity.WARNING,
)


def check_arguments(check: ArgoCheck, call: CallModel, what: str) -> None:
    """Report arguments that are empty, missing, or not among the inputs of the template."""
    arguments = call.node.mapping("arguments")
    check_names_of_arguments(check, arguments)
    check_sources(check, arguments)
    for parameter in without_value(arguments):
        check.add(
            EMPTY_ARGUMENT,
            parameter,
            f"{what} passes the parameter `{parameter.text('name')}` without a value. {check.fails}",
            "Add `value:`.",
        )
    for artifact in without_source(arguments):
        check.add(
            EMPTY_ARGUMENT,
            artifact,
            f"{what} passes the artifact `{artifact.text('name')}` without a source. {check.fails}",
            "Add `from:` with a reference, or remove the argument: AI Core binds inputs without a source by their "
            "names."
            if check.subject.is_aicore
            else "Add `from:` with a reference, or a location.",
            severity=Severity.WARNING if check.subject.is_aicore else None,
        )
    target = check.model.target(call)
    if target is None or _is_unclear(check, call.node, "arguments") or _is_unclear(check, target.node, "inputs"):
        return
    _fed(check, call, what, target, arguments)


def _is_unclear(check: ArgoCheck, node: MappingNode, key: str) -> bool:
    """Return whether inputs or arguments are of a wrong type, so that what they hold is not known."""
    part = node.mapping(key)
    return any(
        check.subject.is_wrong(owner, name) for owner, name in ((node, key), (part, "parameters"), (part, "artifacts"))
    )


def _fed(check: ArgoCheck, call: CallModel, what: str, target: TemplateModel, arguments: MappingNode) -> None:
    given = [parameter.name("name") or "" for parameter in arguments.mappings_of("parameters")]
    missing: list[str] = []
    for name, parameter in target.input_parameters.items():
        if name in given or any(is_given(parameter, key) for key in ("value", "default", "valueFrom")):
            continue
        missing.append(name)
        slip = next((other for other in given if other not in target.input_parameters and nearest(other, [name])), None)
        if slip is not None:
            continue
        check.add(
            MISSING_ARGUMENT,
            call.node,
            f"{what} runs {target.title} without its parameter `{name}`, which has no value of its own. {check.fails}",
            f"Pass `{name}` under `arguments.parameters`, or give the template's parameter a `value`.",
        )
    _undeclared(check, arguments.mappings_of("parameters"), target, "parameter", target.input_parameters, missing)
    artifacts = arguments.mappings_of("artifacts")
    fed = {artifact.name("name") for artifact in artifacts}
    open_artifacts = [
        name
        for name, artifact in target.input_artifacts.items()
        if name not in fed and not is_supplied(artifact) and artifact.text("optional") != "true"
    ]
    _undeclared(check, artifacts, target, "artifact", target.input_artifacts, open_artifacts)
    if check.subject.is_aicore or check.subject.is_library:
        return
    for name in open_artifacts:
        if not any(nearest(other or "", [name]) for other in fed if other not in target.input_artifacts):
            check.add(
                MISSING_ARGUMENT,
                call.node,
                f"{what} runs {target.title} without its artifact `{name}`. {check.fails}",
                f"Pass `{name}` under `arguments.artifacts`.",
            )


def _undeclared(
    check: ArgoCheck,
    arguments: Iterable[MappingNode],
    target: TemplateModel,
    word: str,
    declared: Iterable[str],
    missing: Sequence[str],
) -> None:
    for argument in arguments:
        name = argument.name("name")
        if not name or name in declared or has_placeholder(name):
            continue
        near = nearest(name, missing)
        check.add(
            UNKNOWN_ARGUMENT,
            argument.values["name"],
            f"{capital(target.title)} has no input {word} `{name}`, so Argo silently drops the argument"
            + (f", and its `{near}` has no value. {check.fails}" if near and word == "parameter" else "."),
            f"Pass it as `{near}`." if near else f"Declare it under `inputs.{word}s` of the template, or remove it.",
            hint=hint_for(near),
            severity=Severity.ERROR if near else Severity.WARNING,
        )
