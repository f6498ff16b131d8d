"""What a call passes, what its template gets of it, and what the template's own outputs are.

Source: argo-workflows 3.5, workflow/common/util.go (`ProcessArgs`) and workflow/controller/scope.go.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_aicore.running.copying import inside
from pytest_aicore.running.walking.locations import place_of
from pytest_aicore.running.walking.nodes import Outputs
from pytest_aicore.running.walking.substituting import artifact_from, text_from
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

    from pytest_aicore.running.walking.config_maps import ConfigMaps
    from pytest_aicore.running.walking.run_state import RunState


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
        supplied = _located(each, scope.artifacts)
        has_origin = any(each.get(key) is not None for key in ("from", "fromExpression"))
        if has_origin:
            supplied = _found(each, scope)
        if supplied is not None or has_origin:  # without a source it is declared, not passed
            artifacts[each["name"]] = supplied
    return Values(parameters, artifacts)


def _value(value: Any) -> str | None:
    return None if value is None else text_of(value)


def _located(artifact: Plain, written: Mapping[str, Supplied]) -> Supplied | None:
    """Return an artifact whose content stands in the workflow itself, or was written to the place that it names."""
    raw = artifact.get("raw")
    if raw is not None:
        return Supplied(text_of(raw.get("data") or "").encode(), archive_of(artifact))
    return written.get(place_of(artifact) or "")


def _found(artifact: Plain, scope: Scope) -> Supplied | None:
    """Return the artifact of a step or task that another one names."""
    supplied, written = _origin(artifact, scope)
    if supplied is None and not artifact.get("optional"):
        raise ValueProblem(f'unable to resolve references: Unable to resolve: "{written}"')
    return supplied


def _origin(artifact: Plain, scope: Scope) -> tuple[Supplied | None, str]:
    """Return what an artifact comes from, None if nobody left it, and how that is written."""
    expression = artifact.get("fromExpression")
    if expression is None:
        written = str(artifact.get("from") or "")
        return _part_of(scope.artifacts.get(whole_tag(written) or ""), artifact), written
    try:
        return _part_of(artifact_from(expression, scope), artifact), expression
    except ValueProblem:
        if artifact.get("optional"):
            return None, expression
        raise


def _part_of(supplied: Supplied | None, artifact: Plain) -> Supplied | None:
    """Return what `subPath` names of an artifact: of one that is packed, or not a folder, nothing can be named."""
    path = artifact.get("subPath")
    if supplied is None or not path:
        return supplied
    found = None if isinstance(supplied.source, bytes) else inside(supplied.source.path, text_of(path))
    if found is not None and not isinstance(supplied.source, bytes):
        return supplied._replace(source=replace(supplied.source, path=found))
    if artifact.get("optional"):
        return None
    reason = f"it has no '{path}'; a subPath needs `archive: none`"
    raise ValueProblem(f"artifact {artifact['name']} failed to load: {reason}")


def inputs_of(template: Plain, passed: Values, bound: Mapping[str, Supplied], run: RunState) -> Values:
    """Return the inputs of a template.

    Args:
        template: its content, in which the tags of the workflow are replaced.
        passed: the arguments of its call.
        bound: the artifacts that a configuration binds, wherever they are declared: AI Core goes by the names alone.
        run: the run, for the values of ConfigMaps and what was written to places.

    Raises:
        ValueProblem: an input that nobody supplies.
    """
    parameters: dict[str, str | None] = {}
    for each in items(template, "inputs", "parameters"):
        name = each["name"]
        value = passed.parameters[name] if name in passed.parameters else own_value(each, run.config_maps)
        if value is None and name not in passed.parameters:
            value = _value(each.get("default"))
        if value is None:
            raise ValueProblem(f"inputs.parameters.{name} was not supplied")
        parameters[name] = value
    artifacts: dict[str, Supplied | None] = {}
    for each in items(template, "inputs", "artifacts"):
        name = each["name"]
        supplied = passed.artifacts[name] if name in passed.artifacts else _located(each, run.places_written)
        if supplied is None and name not in passed.artifacts and name in bound:
            supplied = Supplied(bound[name].source, archive_of(each))
        if supplied is None and not each.get("optional"):
            if place_of(each) is not None:
                raise ValueProblem(f"artifact {name} failed to load: no step of this run has written to its place")
            raise ValueProblem(f"inputs.artifacts.{name} was not supplied")
        artifacts[name] = supplied
    return Values(parameters, artifacts)


def own_value(parameter: Plain, config_maps: ConfigMaps) -> str | None:
    """Return the value that the declaration of a parameter gives it, None without one.

    Args:
        parameter: the declaration.
        config_maps: the values of ConfigMaps.

    Raises:
        ValueProblem: a ConfigMap, or a key of it, is missing.
    """
    origin = parameter.get("valueFrom") or {}
    if parameter.get("value") is not None or not origin.get("configMapKeyRef"):
        return _value(parameter.get("value"))
    try:
        value = config_maps.value(origin["configMapKeyRef"])
    except ValueProblem:
        if origin.get("default") is None:
            raise
        value = None
    return _value(origin.get("default")) if value is None else value


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
        supplied, written = _origin(each, scope)
        if supplied is not None:
            artifacts[each["name"]] = supplied
        elif not each.get("optional"):
            raise ValueProblem(f'unable to resolve outputs from scope: Unable to resolve: "{written}"')
    return Outputs(parameters=parameters, artifacts=artifacts)


def written_outputs(template: Plain) -> dict[str, str]:
    """Return the output parameters of a pod whose values stand in the template itself.

    Args:
        template: its content, in which all tags are replaced.
    """
    return {
        each["name"]: text_of(each["value"])
        for each in items(template, "outputs", "parameters")
        if each.get("value") is not None and not each.get("valueFrom")
    }


def _output(origin: Plain, scope: Scope) -> str:
    try:
        return text_from(origin["expression"], scope) if origin.get("expression") else _named(origin, scope)
    except ValueProblem:
        if origin.get("default") is None:
            raise
        return text_of(origin["default"])


def _named(origin: Plain, scope: Scope) -> str:
    """Return the output of a step or task that `valueFrom.parameter` names."""
    written = text_of(origin.get("parameter") or "")
    text = scope.texts.get(whole_tag(written) or "")
    if text is None:
        raise ValueProblem(f'Unable to resolve: "{written}"')
    return text


__all__ = ["arguments_of", "inputs_of", "outputs_of", "own_value", "scope_of_inputs", "written_outputs"]
