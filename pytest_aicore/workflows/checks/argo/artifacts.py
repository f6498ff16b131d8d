"""The paths and sources of the inputs and outputs of a template."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.tags import has_placeholder
from pytest_aicore.workflows.checks.argo.names import report_name
from pytest_aicore.workflows.checks.rule import Severity, argo_rule
from pytest_aicore.workflows.checks.words import listed
from pytest_aicore.workflows.yaml.tree import MappingNode, is_given

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import TemplateModel
    from pytest_aicore.workflows.checks.argo.check import ArgoCheck

ARTIFACT_PATH: Final = argo_rule(
    224,
    "artifact-path",
    "An artifact has no path in the container, or has one in a template without container",
    "Artifacts of a container or script need `path`, where Argo writes or reads them. Those of steps and dags are only "
    "passed on: they have no path, and their outputs have `from`. A path that does not begin with a slash is relative "
    "to `/` for Kubernetes, but to the working directory for the program in the container: a warning.",
    "inputs:\n  artifacts:\n    - name: data",
    "inputs:\n  artifacts:\n    - name: data\n      path: /app/data",
)

OUTPUT_SOURCE: Final = argo_rule(
    225,
    "output-source",
    "An output has no source for its value, or several",
    "An output parameter of a container or script needs `valueFrom.path`, one of steps or a dag `valueFrom.parameter` "
    "or `valueFrom.expression`; an output artifact of steps or a dag `from` or `fromExpression`.",
    "outputs:\n  parameters:\n    - name: accuracy",
    "outputs:\n  parameters:\n    - name: accuracy\n      valueFrom:\n        path: /app/accuracy",
)

PATH_COLLISION: Final = argo_rule(
    226,
    "path-collision",
    "Two things are mounted at the same path of a container",
    "Input artifacts and volumes are mounted; Kubernetes refuses a pod with two of them at one path.",
    "inputs:\n  artifacts:\n    - name: data\n      path: /app/data\n    - name: more\n      path: /app/data",
    "inputs:\n  artifacts:\n    - name: data\n      path: /app/data\n    - name: more\n      path: /app/more",
)

_PARAMETER_NAME: Final = re.compile(r"[-a-zA-Z0-9_]+")
_VALUE_SOURCES: Final = (
    "path",
    "jsonPath",
    "jqFilter",
    "event",
    "parameter",
    "supplied",
    "configMapKeyRef",
    "expression",
)


def check_artifacts(check: ArgoCheck, template: TemplateModel) -> None:
    """Report input artifacts without a path, with one that does not fit, or with that of another one."""
    paths: dict[str, str] = {}
    for artifact in template.node.mapping("inputs").mappings_of("artifacts"):
        name = artifact.name("name") or "?"
        if is_given(artifact, "from"):
            check.add(
                ARTIFACT_PATH,
                artifact.keys["from"],
                f"The input artifact `{name}` has `from`, which belongs in the `arguments` of the call. {check.fails}",
                "Move `from` to `arguments.artifacts` of the step or task that runs this template.",
            )
        path = artifact.text("path")
        if template.is_graph:
            if path:
                _path_in_graph(check, template, artifact, "input")
        elif template.is_pod:
            if not path:
                _no_path(check, artifact, name, "input")
                continue
            _relative(check, artifact, path, "it is mounted at `/{0}`, not in the working directory of the container")
            trimmed = path.rstrip("/") or "/"
            other = paths.setdefault(trimmed, name)
            if other != name:
                check.add(
                    PATH_COLLISION,
                    artifact.values["path"],
                    f"The input artifacts `{other}` and `{name}` are mounted at the same path `{trimmed}`; Kubernetes "
                    "refuses the pod.",
                    "Give each its own path.",
                )
    for _, container in template.containers():
        for mount in container.mappings_of("volumeMounts"):
            path = (mount.text("mountPath") or "").rstrip("/")
            if path and path in paths and not has_placeholder(path):
                check.add(
                    PATH_COLLISION,
                    mount.values["mountPath"],
                    f"A volume and the input artifact `{paths[path]}` are mounted at the same path `{path}`. "
                    f"{check.fails}",
                    "Give one of them another path.",
                )


def _no_path(check: ArgoCheck, artifact: MappingNode, name: str, word: str) -> None:
    check.add(
        ARTIFACT_PATH,
        artifact.keys.get("path") or artifact,
        f"The {word} artifact `{name}` has no `path`, so Argo does not know where the container "
        f"{'reads' if word == 'input' else 'writes'} it. {check.fails}",
        "Add `path:` with a path in the container.",
    )


def _relative(check: ArgoCheck, artifact: MappingNode, path: str, consequence: str) -> None:
    """Report a relative path: Kubernetes and Argo accept it, each relative to another folder."""
    if path.startswith("/") or has_placeholder(path) or not check.subject.is_aicore:
        return
    absolute = path.removeprefix("~").lstrip("./")
    check.add(
        ARTIFACT_PATH,
        artifact.values["path"],
        f"The path `{path}` is not absolute: {consequence.format(absolute)}.",
        f"Write an absolute path, such as `/{absolute}`.",
        severity=Severity.WARNING,
    )


def _path_in_graph(check: ArgoCheck, template: TemplateModel, artifact: MappingNode, word: str) -> None:
    name = artifact.name("name") or "?"
    what = "steps" if template.type == "steps" else "a dag"
    check.add(
        ARTIFACT_PATH,
        artifact.keys["path"],
        f"The {word} artifact `{name}` has a `path`, but a template of {what} has no container. {check.fails}",
        "Remove it here; it belongs to the template whose container reads the artifact."
        if word == "input"
        else "Write `from:` instead, with a reference to the step or task whose container writes the artifact.",
    )


def check_outputs(check: ArgoCheck, template: TemplateModel) -> None:
    """Report outputs with no source, several, or one that their template cannot have."""
    outputs = template.node.mapping("outputs")
    for artifact in outputs.mappings_of("artifacts"):
        name = artifact.name("name") or "?"
        path = artifact.text("path")
        if template.is_pod and not path:
            _no_path(check, artifact, name, "output")
        elif template.is_pod:
            _relative(
                check, artifact, path or "", "Argo looks for it in the working directory, which the image decides"
            )
        elif template.is_graph:
            if artifact.text("path"):
                _path_in_graph(check, template, artifact, "output")
            elif not (is_given(artifact, "from") or is_given(artifact, "fromExpression")):
                check.add(
                    OUTPUT_SOURCE,
                    artifact,
                    f"The output artifact `{name}` has no `from`, so it comes from no step or task. {check.fails}",
                    "Add `from:` with a reference such as "
                    + ("`{{steps." if template.type == "steps" else "`{{tasks.")
                    + "NAME.outputs.artifacts.NAME}}`.",
                )
    for parameter in outputs.mappings_of("parameters"):
        _output_parameter(check, template, parameter)
    for output in (*outputs.mappings_of("artifacts"), *outputs.mappings_of("parameters")):
        global_name = output.name("globalName") or ""
        node = output.values.get("globalName")
        if node is None or not global_name or has_placeholder(global_name):
            continue
        if not _PARAMETER_NAME.fullmatch(global_name):
            report_name(check, node, "globalName", global_name, "letters, digits, hyphens and underscores")


def _output_parameter(check: ArgoCheck, template: TemplateModel, parameter: MappingNode) -> None:
    name = parameter.name("name") or "?"
    source = parameter.values.get("valueFrom")
    if type(source) is MappingNode:
        given = [key for key in _VALUE_SOURCES if is_given(source, key)]
        if len(given) > 1:
            check.add(
                OUTPUT_SOURCE,
                source.keys[given[1]],
                f"The output parameter `{name}` has several sources, {listed(given)}. {check.fails}",
                "Keep one of them.",
            )
            return
        wanted = (
            ("path", "expression")
            if template.is_pod
            else ("parameter", "expression")
            if template.is_graph
            else ("jsonPath", "jqFilter", "expression")
            if template.type == "resource"
            else ()
        )
        if wanted and not any(key in given for key in wanted) and "supplied" not in given:
            check.add(
                OUTPUT_SOURCE,
                source.keys[given[0]] if given else parameter.keys["valueFrom"],
                f"The output parameter `{name}` needs `valueFrom.{wanted[0]}`: a template of this type takes its value "
                f"from there. {check.fails}",
                f"Write `{wanted[0]}:` instead of `{given[0]}:`."
                if given
                else f"Add `{wanted[0]}:` below `valueFrom:`.",
            )
    elif not is_given(parameter, "value") and not is_given(parameter, "valueFrom"):
        check.add(
            OUTPUT_SOURCE,
            parameter,
            f"The output parameter `{name}` has no source for its value. {check.fails}",
            "Add `valueFrom:`"
            + (" with `path:`, a file that the container writes." if template.is_pod else " with a reference."),
        )
