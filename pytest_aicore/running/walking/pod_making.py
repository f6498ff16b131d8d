"""From a template whose tags are replaced to the pod that runs it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.running.pods import ArtifactIn, ArtifactOut, ParameterOut, Pod
from pytest_aicore.running.walking.mounting import env_from, literally, mounted
from pytest_aicore.running.walking.values import Plain, ValueProblem, archive_of, items, text_of
from pytest_aicore.running.walking.volumes import claims_of
from pytest_aicore.workflows.resource_plans import DEFAULT_PLAN, INSTANCE_LABEL, PLAN_LABEL

if TYPE_CHECKING:
    from pytest_aicore.running.walking.config_maps import ConfigMaps
    from pytest_aicore.running.walking.values import Values

_DURATION: Final = re.compile(r"(?:\d+(?:\.\d*)?(?:h|ms|m|s))+")
_PART: Final = re.compile(r"(\d+(?:\.\d*)?)(h|ms|m|s)")
_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def pod_of(
    template: Plain,
    inputs: Values,
    *,
    node: str,
    name: str,
    line: int,
    spec: Plain,
    config_maps: ConfigMaps,
    keep_result: bool,
) -> Pod:
    """Return the pod of a template with a container or a script.

    Args:
        template: its content, in which all tags are replaced.
        inputs: what it got.
        node: the name of the node.
        name: the name of the pod.
        line: the line of the template.
        spec: the specification of the workflow.
        config_maps: the values of ConfigMaps.
        keep_result: whether its stdout is an output.

    Raises:
        ValueProblem: a value that cannot be one, an unknown volume, or a missing ConfigMap.
    """
    script = template.get("script")
    container: Plain = script or template.get("container") or {}
    command = container.get("command")
    args = container.get("args")
    mounts = mounted(container, [*items(template, "volumes"), *items(spec, "volumes"), *claims_of(spec)], config_maps)
    texts, secrets_from = env_from(container, config_maps)
    return Pod(
        node=node,
        name=name,
        template=_text(template.get("name")),
        image=_text(container.get("image")),
        command=tuple(map(text_of, command)) if command else None,
        args=None if args is None else tuple(map(text_of, args)),
        script=None if script is None else _text(script.get("source")),
        workdir=container.get("workingDir") or None,
        env={**texts, **_variables(container, config_maps)},
        secrets={each["name"]: secret for each in items(container, "env") if (secret := _secret(each))},
        secrets_from=tuple(secrets_from),
        secret_files=tuple(mounts.secrets),
        empty_dirs=tuple(mounts.empty_dirs),
        closed_dirs=tuple(mounts.closed),
        artifacts_in=(*mounts.files, *_artifacts_in(template, inputs)),
        artifacts_out=tuple(
            ArtifactOut(_name(each["name"]), _text(each.get("path")), archive_of(each), bool(each.get("optional")))
            for each in items(template, "outputs", "artifacts")
        ),
        parameters_out=tuple(
            ParameterOut(each["name"], each["valueFrom"]["path"], _default(each["valueFrom"]))
            for each in items(template, "outputs", "parameters")
            if (each.get("valueFrom") or {}).get("path")  # the executor saves no others
        ),
        keep_result=keep_result,
        deadline=_deadline(template),
        plan=_plan(template, spec),
        line=line,
    )


def _name(name: str) -> str:
    """Return the name of an artifact, which becomes one of a folder."""
    if not re.fullmatch(r"[-\w]+", name):
        raise ValueProblem(f"invalid artifact name '{name}': expected letters, digits, hyphens and underscores")
    return name


def _plan(template: Plain, spec: Plain) -> str:
    """Return the resource plan of a pod, as its labels or those of all pods name it."""
    for place in (template.get("metadata"), spec.get("podMetadata")):
        labels = (place or {}).get("labels") or {}
        for label in (PLAN_LABEL, INSTANCE_LABEL):
            if labels.get(label):
                return text_of(labels[label])
    return DEFAULT_PLAN


def _secret(variable: Plain) -> tuple[str, str, bool] | None:
    reference = (variable.get("valueFrom") or {}).get("secretKeyRef")
    if not reference:
        return None
    return reference["name"], reference["key"], bool(reference.get("optional"))


def _variables(container: Plain, config_maps: ConfigMaps) -> dict[str, str]:
    """Return the variables besides those of secrets; without what a ConfigMap lacks and may lack."""
    found: dict[str, str] = {}
    for each in items(container, "env"):
        reference = (each.get("valueFrom") or {}).get("configMapKeyRef")
        if reference:
            value = config_maps.value(reference)
            found.update({} if value is None else literally({each["name"]: value}))
        elif not _secret(each):
            found[each["name"]] = _text(each.get("value"))
    return found


def _artifacts_in(template: Plain, inputs: Values) -> list[ArtifactIn]:
    found: list[ArtifactIn] = []
    for each in items(template, "inputs", "artifacts"):
        supplied = inputs.artifacts[each["name"]]
        found.append(
            ArtifactIn(
                each["name"],
                _text(each.get("path")),
                None if supplied is None else supplied.source,
                "default" if supplied is None else supplied.archive,
                _mode(each.get("mode")),
                bool(each.get("recurseMode")),
            )
        )
    return found


def _mode(value: Any) -> int | None:
    return None if value is None else int(value)


def _default(origin: Plain) -> str | None:
    return None if origin.get("default") is None else text_of(origin["default"])


def _text(value: Any) -> str:
    return "" if value is None else text_of(value)


def _deadline(template: Plain) -> float | None:
    seconds = template.get("activeDeadlineSeconds")
    return None if seconds is None else float(whole_number(seconds, "activeDeadlineSeconds"))


def timeout_of(template: Plain) -> float | None:
    """Return how many seconds after its node's start a pod must have ended, None for any number.

    Args:
        template: its content.

    Raises:
        ValueProblem: the `timeout` is not a duration.
    """
    return seconds_of(template["timeout"]) if template.get("timeout") else None


def whole_number(value: Any, field: str) -> int:
    """Return a value that may be written as a string.

    Args:
        value: a plain one.
        field: where it stands.

    Raises:
        ValueProblem: it is not a whole number.
    """
    text = text_of(value)
    if not re.fullmatch(r"[-+]?\d+", text):
        raise ValueProblem(f"invalid {field} '{text}': expected a whole number")
    return int(text)


def seconds_of(value: Any) -> float:
    """Return a duration such as `10s`, `1m30s` or, for the backoff of retries, `10` in seconds.

    Args:
        value: a plain one.

    Raises:
        ValueProblem: it is not a duration.
    """
    text = text_of(value)
    if text.isdigit():
        return float(text)
    if not _DURATION.fullmatch(text):
        raise ValueProblem(f'time: invalid duration "{text}"')
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


__all__ = ["pod_of", "seconds_of", "timeout_of", "whole_number"]
