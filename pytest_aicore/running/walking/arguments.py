"""What a call passes, what its template gets of it, and what the template's own outputs are.

Source: argo-workflows 3.5, workflow/common/util.go (`ProcessArgs`) and workflow/controller/scope.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_aicore.running.walking.nodes import Outputs
from pytest_aicore.running.walking.values import (
    Plain,
    Scope,
    Supplied,
    ValueProblem,
    Values,
    archive_of,
    items,
    json_of,
    text_of,
    whole_tag,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def arguments_of(call: Plain, scope: Scope) -> Values:
    """Return what a call passes.

    Args:
        call: a step or task, or a map with `arguments`, in which tags are replaced.
        scope: what `from` may name.

    Raises:
        ValueProblem: an artifact that nobody left.
    """
    parameters = {each["name"]: _value(each.get("value")) for each in items(call, "arguments", "parameters")}
    artifacts: dict[str, Supplied | None] = {}
    for each in items(call, "arguments", "artifacts"):
        supplied = _located(each)
        if each.get("from") is not None:
            supplied = _found(each["from"], scope, is_optional=bool(each.get("optional")))
        if supplied is not None or each.get("from") is not None:  # without a source it is declared, not passed
            artifacts[each["name"]] = supplied
    return Values(parameters, artifacts)


def _value(value: Any) -> str | None:
    return None if value is None else text_of(value)


def _located(artifact: Plain) -> Supplied | None:
    """Return an artifact whose content stands in the workflow itself."""
    raw = artifact.get("raw")
    return None if raw is None else Supplied(text_of(raw.get("data") or "").encode(), archive_of(artifact))


def _found(origin: str, scope: Scope, *, is_optional: bool) -> Supplied | None:
    supplied = scope.artifacts.get(whole_tag(origin) or "")
    if supplied is None and not is_optional:
        raise ValueProblem(f'unable to resolve references: Unable to resolve: "{origin}"')
    return supplied


def inputs_of(template: Plain, passed: Values, bound: Mapping[str, Supplied]) -> Values:
    """Return the inputs of a template.

    Args:
        template: its content, in which the tags of the workflow are replaced.
        passed: the arguments of its call.
        bound: the artifacts that a configuration binds, wherever they are declared: AI Core goes by the names alone.

    Raises:
        ValueProblem: an input that nobody supplies.
    """
    parameters: dict[str, str | None] = {}
    for each in items(template, "inputs", "parameters"):
        name = each["name"]
        own = each.get("value") if each.get("value") is not None else each.get("default")
        value = passed.parameters[name] if name in passed.parameters else _value(own)
        if value is None:
            raise ValueProblem(f"inputs.parameters.{name} was not supplied")
        parameters[name] = value
    artifacts: dict[str, Supplied | None] = {}
    for each in items(template, "inputs", "artifacts"):
        name = each["name"]
        supplied = passed.artifacts[name] if name in passed.artifacts else _located(each)
        if supplied is None and name not in passed.artifacts and name in bound:
            supplied = Supplied(bound[name].source, archive_of(each))
        if supplied is None and not each.get("optional"):
            raise ValueProblem(f"inputs.artifacts.{name} was not supplied")
        artifacts[name] = supplied
    return Values(parameters, artifacts)


def scope_of_inputs(template: Plain, inputs: Values) -> Scope:
    """Return what the tags of a template mean that name its inputs and outputs.

    Args:
        template: its content.
        inputs: what it got.
    """
    scope = Scope()
    listed = [{"name": name, "value": value} for name, value in inputs.parameters.items()]
    scope.texts["inputs.parameters"] = json_of(listed)
    for name, value in inputs.parameters.items():
        scope.texts[f"inputs.parameters.{name}"] = value or ""
    for each in items(template, "inputs", "artifacts"):
        _add_path(scope, "inputs.artifacts", each["name"], each.get("path"))
    for name, supplied in inputs.artifacts.items():
        if supplied is not None:
            scope.artifacts[f"inputs.artifacts.{name}"] = supplied
    for each in items(template, "outputs", "artifacts"):
        _add_path(scope, "outputs.artifacts", each["name"], each.get("path"))
    for each in items(template, "outputs", "parameters"):
        _add_path(scope, "outputs.parameters", each["name"], (each.get("valueFrom") or {}).get("path"))
    return scope


def _add_path(scope: Scope, kind: str, name: str, path: str | None) -> None:
    if path is not None:
        scope.texts[f"{kind}.{name}.path"] = path


def outputs_of(template: Plain, scope: Scope) -> Outputs:
    """Return the outputs of a template of steps or tasks, which come from those.

    Args:
        template: its content, in which the tags of its inputs are replaced.
        scope: what its steps or tasks left.

    Raises:
        ValueProblem: an output that none of them left.
    """
    parameters: dict[str, str] = {}
    for each in items(template, "outputs", "parameters"):
        origin = each.get("valueFrom")
        if not origin:
            raise ValueProblem("output parameters must have a valueFrom specified")
        parameters[each["name"]] = _output(origin, scope)
    artifacts: dict[str, Supplied] = {}
    for each in items(template, "outputs", "artifacts"):
        supplied = scope.artifacts.get(whole_tag(each.get("from") or "") or "")
        if supplied is not None:
            artifacts[each["name"]] = supplied
        elif not each.get("optional"):
            raise ValueProblem(f'unable to resolve outputs from scope: Unable to resolve: "{each.get("from") or ""}"')
    return Outputs(parameters=parameters, artifacts=artifacts)


def _output(origin: Plain, scope: Scope) -> str:
    written = text_of(origin.get("parameter") or "")
    text = scope.texts.get(whole_tag(written) or "")
    if text is not None:
        return text
    if origin.get("default") is None:
        raise ValueProblem(f'Unable to resolve: "{written}"')
    return text_of(origin["default"])


__all__ = ["arguments_of", "inputs_of", "outputs_of", "scope_of_inputs"]
