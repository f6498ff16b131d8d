"""Argo's semantics: does what the parts of a workflow say about each other hold?

What Argo's own validation refuses is an error, and only that. References in braces are a module of their own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.expressions import when_mistake
from pytest_aicore.workflows.argo.graph import LOOPS, CallModel, TemplateModel, is_supplied
from pytest_aicore.workflows.argo.tags import has_placeholder
from pytest_aicore.workflows.checks.aicore.containers import check_environment
from pytest_aicore.workflows.checks.argo import dags
from pytest_aicore.workflows.checks.argo.rules import (
    ARTIFACT_PATH,
    CALL_TARGET,
    DUPLICATE_NAME,
    EMPTY_ARGUMENT,
    ENDLESS,
    ENTRYPOINT,
    ENUM,
    HOOK,
    INVALID_NAME,
    LOOP,
    METRIC,
    MISPLACED_SETTING,
    MISSING_ARGUMENT,
    NO_IMAGE,
    NO_TEMPLATES,
    OUTPUT_SOURCE,
    PATH_COLLISION,
    TEMPLATE_TYPE,
    UNKNOWN_ARGUMENT,
    UNKNOWN_DEPENDENCY,
    UNKNOWN_TEMPLATE,
    UNKNOWN_VOLUME,
    UNREACHABLE,
    WHEN,
)
from pytest_aicore.workflows.checks.rule import Severity
from pytest_aicore.workflows.checks.words import capital, did_you_mean, listed, nearest, told_near
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode, is_given

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_aicore.workflows.argo.graph import WorkflowModel
    from pytest_aicore.workflows.checks.subject import Subject
    from pytest_aicore.workflows.yaml.tree import Node

_FIELD_NAME: Final = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}")
_PARAMETER_NAME: Final = re.compile(r"[-a-zA-Z0-9_]+")
_METRIC_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
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
_POD_RESOURCE: Final = re.compile(r"cpu|memory|hugepages-\w+")


def check(subject: Subject, model: WorkflowModel) -> None:
    """Report what Argo's validation refuses, and what it drops without a word.

    Args:
        subject: the document.
        model: its workflow.
    """
    _ArgoCheck(subject, model).check()


class _ArgoCheck:
    def __init__(self, subject: Subject, model: WorkflowModel) -> None:
        self._subject = subject
        self._model = model
        self._wrong = subject.wrong
        self._add = subject.report.add
        self._fails = subject.fails
        self._defaults = model.spec.mapping("templateDefaults")
        self._has_twins = len(model.by_name) < sum(bool(template.name) for template in model.templates)

    def check(self) -> None:
        spec = self._model.spec
        if self._subject.root.values.get("spec") in self._wrong or spec.values.get("templates") in self._wrong:
            return
        self._names_of_arguments(spec.mapping("arguments"))
        if not self._has_templates():
            return
        self._entrypoint()
        self._unique((template.node for template in self._model.templates), "template")
        for template in self._model.all_templates:
            self._template(template)
        for hook in self._model.workflow_hooks:
            self._hook(hook)
        self._metrics(spec.mapping("metrics"))
        self._pod_resources(spec)
        self._unreachable()
        self._endless()

    # --- the workflow -----------------------------------------------------------------------------------------

    def _has_templates(self) -> bool:
        if self._model.templates:
            return True
        spec = self._model.spec
        if self._model.is_elsewhere or self._subject.is_library:
            return False
        node = spec.values.get("templates")
        if type(node) is SequenceNode and node.items:
            return False
        self._add(
            NO_TEMPLATES,
            spec.keys.get("templates") or self._spec_key(),
            f"The workflow has no templates, so there is nothing to run. {self._fails}",
            "Add `spec.templates` with what shall run.",
        )
        return False

    def _spec_key(self) -> Node:
        root = self._subject.root
        return root.keys.get("spec") or root.keys.get("kind") or root

    def _entrypoint(self) -> None:
        spec = self._model.spec
        node = spec.values.get("entrypoint")
        if not is_given(spec, "entrypoint"):
            if self._model.is_elsewhere or self._subject.is_library:
                return
            names = list(self._model.by_name)
            self._add(
                ENTRYPOINT,
                spec.keys.get("entrypoint") or self._spec_key(),
                f"The workflow has no `entrypoint`, so nobody knows with which template it begins. {self._fails}",
                f"Add `entrypoint: {names[0]}`." if len(names) == 1 else "Name one of its templates.",
            )
        elif type(node) is ScalarNode and node not in self._wrong and not self._model.is_elsewhere:
            self._known_template(node, "entrypoint")
        on_exit = spec.values.get("onExit")
        if type(on_exit) is ScalarNode:
            self._known_template(on_exit, "onExit")

    def _known_template(self, node: ScalarNode, key: str) -> bool:
        name = node.value
        if not name or node in self._wrong:
            return False
        if has_placeholder(name):
            self._subject.calls_are_clear = False
            return False
        if name in self._model.by_name:
            return True
        self._subject.calls_are_clear = False
        if self._model.is_elsewhere or (self._has_twins and did_you_mean(name, self._model.by_name) is None):
            return False  # one of two templates of one name was meant to have this one
        known = ", ".join(f"`{known}`" for known in list(self._model.by_name)[:8])
        self._add(
            UNKNOWN_TEMPLATE,
            node,
            f"`{key}` names the template `{name}`, and there is none of that name. {self._fails}",
            f"Name one of {known}, or add the template." if known else "Add the template.",
            hint=did_you_mean(name, self._model.by_name),
        )
        return False

    def _unreachable(self) -> None:
        subject = self._subject
        if subject.is_library or not self._subject.calls_are_clear or self._model.is_elsewhere:
            return
        if (self._model.spec.text("entrypoint") or "") not in self._model.by_name:
            return
        if subject.metadata.text("name") in subject.workflow.external_references:
            return
        reached = {template.node for template in subject.workflow.reachable}
        seen: set[str] = set()
        for template in self._model.templates:
            first = template.name not in seen
            seen.add(template.name)
            if template.name and first and template.node not in reached:
                self._add(
                    UNREACHABLE,
                    template.node.values["name"],
                    f"Nothing leads from the entrypoint to the template `{template.name}`, so it never runs.",
                    "Call it in a step or task, or remove it.",
                )

    def _endless(self) -> None:
        """Report calls that lead back to their own template with nothing on the way that could end it."""
        done: set[Node] = set()
        for start in self._model.templates:
            path: list[Node] = []
            pending: list[tuple[TemplateModel, CallModel | None, bool]] = [(start, None, False)]
            while pending:
                template, call, leaves = pending.pop()
                if leaves:
                    path.pop()
                    done.add(template.node)
                    continue
                if template.node in path:
                    if call is not None:
                        self._add(
                            ENDLESS,
                            call.node,
                            f"This {call.word} runs the template `{template.name}` again and again, for nothing on the "
                            "way back to it is conditional. Argo ends the run with an error at 100 levels.",
                            "Give it a `when`, or remove it.",
                        )
                    continue
                if template.node in done:
                    continue
                path.append(template.node)
                pending.append((template, None, True))
                for inner in template.calls:
                    target = self._model.target(inner)
                    if target is not None and not inner.is_conditional:
                        pending.append((target, inner, False))

    # --- templates --------------------------------------------------------------------------------------------

    def _template(self, template: TemplateModel) -> None:
        node = template.node
        if not template.inline:
            self._name_of(node, "template")
            if not is_given(node, "name") or (type(node.values["name"]) is ScalarNode and not template.name):
                self._nameless(node)
        if not template.types and not node.values:
            return
        self._type(template)
        if template.is_graph and self._has_broken_calls(template):
            self._subject.calls_are_clear = False
        inputs, outputs = node.mapping("inputs"), node.mapping("outputs")
        for part in (inputs, outputs):
            for key in ("parameters", "artifacts"):
                items = part.mappings_of(key)
                self._unique(items, key[:-1])
                for item in items:
                    self._name_of(item, key[:-1])
        for parameter in inputs.mappings_of("parameters"):
            self._enum(parameter)
        self._artifacts(template)
        self._outputs(template)
        self._mounts(template)
        for key, container in template.containers():
            self._container(template, key, container)
        self._container_set(node.mapping("containerSet"))
        self._metrics(node.mapping("metrics"))
        self._settings(template)
        if template.is_graph:
            self._graph(template)

    def _has_broken_calls(self, template: TemplateModel) -> bool:
        """Tell whether something stands among the steps or tasks that is none."""
        wrong = self._wrong
        if template.type == "dag":
            tasks = template.node.mapping("dag").values.get("tasks")
            items = tasks.items if type(tasks) is SequenceNode else []
            return template.node.values["dag"] in wrong or tasks in wrong or any(item in wrong for item in items)
        steps = template.node.values["steps"]
        groups = steps.items if type(steps) is SequenceNode else []
        return steps in wrong or any(
            group in wrong or (type(group) is SequenceNode and any(item in wrong for item in group.items))
            for group in groups
        )

    def _nameless(self, node: MappingNode) -> None:
        from pytest_aicore.workflows.checks.argo.structure import MISSING_KEY

        self._subject.calls_are_clear = False
        self._add(
            MISSING_KEY,
            node.keys.get("name") or node,
            f"This template has no `name`, so nothing can run it. {self._fails}",
            "Add `name:`.",
        )

    def _type(self, template: TemplateModel) -> None:
        types = [key for key in template.types if is_given(template.node, key) or key in ("suspend", "plugin")]
        where = template.node.values.get("name") or template.node
        if not types and not any(key in self._defaults.values for key in ("container", "script", "containerSet")):
            empty = next(iter(template.types), None)
            self._add(
                TEMPLATE_TYPE,
                template.node.keys[empty] if empty else where,
                f"{capital(template.title)} does nothing: "
                + (
                    f"its `{empty}` is empty. "
                    if empty
                    else "it has neither `container`, `script`, `steps` nor `dag`. "
                )
                + self._fails,
                "Say what it does.",
            )
        elif len(types) > 1:
            self._add(
                TEMPLATE_TYPE,
                template.node.keys[types[1]],
                f"{capital(template.title)} does several things at once: {listed(types)}. {self._fails}",
                "Keep one of them, and make templates of their own of the others.",
            )

    def _artifacts(self, template: TemplateModel) -> None:
        paths: dict[str, str] = {}
        for artifact in template.node.mapping("inputs").mappings_of("artifacts"):
            name = artifact.text("name") or "?"
            if is_given(artifact, "from"):
                self._add(
                    ARTIFACT_PATH,
                    artifact.keys["from"],
                    f"The input artifact `{name}` says `from`, which belongs into the arguments of the call. "
                    f"{self._fails}",
                    "Move `from` to `arguments.artifacts` of the step or task that runs this template.",
                )
            path = artifact.text("path")
            if template.is_graph:
                if path:
                    self._path_in_graph(template, artifact, "input")
            elif template.is_pod:
                if not path:
                    self._no_path(artifact, name, "input")
                    continue
                self._relative(artifact, path, "it lands in `/{0}`, not in the working directory of the container")
                trimmed = path.rstrip("/") or "/"
                other = paths.setdefault(trimmed, name)
                if other != name:
                    self._add(
                        PATH_COLLISION,
                        artifact.values["path"],
                        f"The input artifacts `{other}` and `{name}` are put at the same path `{trimmed}`; Kubernetes "
                        "refuses the pod.",
                        "Give each a path of its own.",
                    )
        for _, container in template.containers():
            for mount in container.mappings_of("volumeMounts"):
                path = (mount.text("mountPath") or "").rstrip("/")
                if path and path in paths and not has_placeholder(path):
                    self._add(
                        PATH_COLLISION,
                        mount.values["mountPath"],
                        f"A volume is mounted at `{path}`, where the input artifact `{paths[path]}` is put. "
                        f"{self._fails}",
                        "Give one of them another path.",
                    )

    def _no_path(self, artifact: MappingNode, name: str, word: str) -> None:
        self._add(
            ARTIFACT_PATH,
            artifact.keys.get("path") or artifact,
            f"The {word} artifact `{name}` has no `path`, so Argo does not know where the container "
            f"{'finds' if word == 'input' else 'leaves'} it. {self._fails}",
            "Add `path:` with a path in the container.",
        )

    def _relative(self, artifact: MappingNode, path: str, consequence: str) -> None:
        """Report a path that is no absolute one: Kubernetes and Argo take it, each from a folder of its own."""
        if path.startswith("/") or has_placeholder(path) or not self._subject.is_aicore:
            return
        absolute = path.removeprefix("~").lstrip("./")
        self._add(
            ARTIFACT_PATH,
            artifact.values["path"],
            f"The path `{path}` is not absolute: {consequence.format(absolute)}.",
            f"Write the whole path, such as `/{absolute}`.",
            severity=Severity.WARNING,
        )

    def _path_in_graph(self, template: TemplateModel, artifact: MappingNode, word: str) -> None:
        name = artifact.text("name") or "?"
        what = "steps" if template.type == "steps" else "a dag"
        self._add(
            ARTIFACT_PATH,
            artifact.keys["path"],
            f"The {word} artifact `{name}` has a `path`, but a template of {what} has no container. {self._fails}",
            "Remove it here; it belongs to the template whose container "
            + ("reads" if word == "input" else "writes")
            + " the artifact.",
        )

    def _outputs(self, template: TemplateModel) -> None:
        outputs = template.node.mapping("outputs")
        for artifact in outputs.mappings_of("artifacts"):
            name = artifact.text("name") or "?"
            path = artifact.text("path")
            if template.is_pod and not path:
                self._no_path(artifact, name, "output")
            elif template.is_pod:
                self._relative(artifact, path or "", "it is looked for in the working directory, wherever that is")
            elif template.is_graph:
                if artifact.text("path"):
                    self._path_in_graph(template, artifact, "output")
                elif not (is_given(artifact, "from") or is_given(artifact, "fromExpression")):
                    self._add(
                        OUTPUT_SOURCE,
                        artifact,
                        f"The output artifact `{name}` does not say from which step or task it comes. {self._fails}",
                        "Add `from:` with a reference such as "
                        + ("`{{steps." if template.type == "steps" else "`{{tasks.")
                        + "NAME.outputs.artifacts.NAME}}`.",
                    )
        for parameter in outputs.mappings_of("parameters"):
            self._output_parameter(template, parameter)
        for output in (*outputs.mappings_of("artifacts"), *outputs.mappings_of("parameters")):
            global_name = output.text("globalName") or ""
            node = output.values.get("globalName")
            if node is None or not global_name or has_placeholder(global_name):
                continue
            if not _PARAMETER_NAME.fullmatch(global_name):
                self._bad_name(node, "globalName", global_name, "letters, digits, hyphens and underscores")

    def _output_parameter(self, template: TemplateModel, parameter: MappingNode) -> None:
        name = parameter.text("name") or "?"
        source = parameter.values.get("valueFrom")
        if type(source) is MappingNode:
            given = [key for key in _VALUE_SOURCES if is_given(source, key)]
            if len(given) > 1:
                self._add(
                    OUTPUT_SOURCE,
                    source.keys[given[1]],
                    f"The output parameter `{name}` has several sources, {listed(given)}. {self._fails}",
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
                self._add(
                    OUTPUT_SOURCE,
                    source.keys[given[0]] if given else parameter.keys["valueFrom"],
                    f"The output parameter `{name}` needs `valueFrom.{wanted[0]}`, for that is where a template of "
                    f"this kind takes it from. {self._fails}",
                    f"Add `{wanted[0]}:` below `valueFrom:`.",
                )
        elif not is_given(parameter, "value") and not is_given(parameter, "valueFrom"):
            self._add(
                OUTPUT_SOURCE,
                parameter,
                f"The output parameter `{name}` does not say where its value comes from. {self._fails}",
                "Add `valueFrom:`"
                + (" with `path:`, a file that the container writes." if template.is_pod else " with a reference."),
            )

    def _mounts(self, template: TemplateModel) -> None:
        spec = self._model.spec
        if self._subject.is_library or is_given(spec, "podSpecPatch") or is_given(template.node, "podSpecPatch"):
            return
        known: set[str] | None = None
        mounts = list(template.node.mapping("containerSet").mappings_of("volumeMounts"))
        for _, container in template.containers():
            mounts.extend(container.mappings_of("volumeMounts"))
        for mount in mounts:
            if known is None:
                known = {
                    name
                    for owner in (spec, template.node, self._defaults)
                    for volume in owner.mappings_of("volumes")
                    if (name := volume.text("name"))
                }
                known |= {
                    name
                    for claim in spec.mappings_of("volumeClaimTemplates")
                    if (name := claim.mapping("metadata").text("name"))
                }
            name = mount.text("name")
            if name and name not in known and not has_placeholder(name):
                self._add(
                    UNKNOWN_VOLUME,
                    mount.values["name"],
                    f"No volume is called `{name}`. {self._fails}",
                    "Declare it under `volumes` of the workflow or this template, or under `volumeClaimTemplates`.",
                    hint=did_you_mean(name, known),
                )

    def _container(self, template: TemplateModel, key: str, container: MappingNode) -> None:
        if not container.values:
            return
        what = {"script": "script", "container": "container"}.get(key, "container")
        if not container.text("image") and self._is_lacking(container, "image", key):
            self._add(
                NO_IMAGE,
                container.keys.get("image")
                or (template.node.keys[key] if key in ("container", "script") else container),
                f"This {what} has no `image`, so nothing can run. {self._fails}",
                "Add `image:` with registry, name and tag.",
            )
        if key == "script" and not is_given(container, "source") and self._is_lacking(container, "source", key):
            self._add(
                NO_IMAGE,
                container.keys.get("source") or template.node.keys[key],
                "This script has no `source`, so there is nothing to run.",
                "Add `source: |` with the script, or use `container`.",
            )
        check_environment(self._subject.report, container, self._wrong)

    def _is_lacking(self, container: MappingNode, key: str, kind: str) -> bool:
        """Tell whether a key is neither a default of the workflow, nor misspelt, nor of the wrong type."""
        return key not in self._defaults.mapping(kind).values and container.values.get(key) not in self._wrong

    def _container_set(self, node: MappingNode) -> None:
        containers = node.mappings_of("containers")
        if not containers:
            return
        self._unique(containers, "container")
        names = [container.text("name") or "" for container in containers]
        edges: dict[str, list[tuple[str, Node]]] = {}
        for name, container in zip(names, containers, strict=True):
            for item in container.items_of("dependencies"):
                if type(item) is not ScalarNode or not item.value:
                    continue
                if item.value not in names:
                    self._add(
                        UNKNOWN_DEPENDENCY,
                        item,
                        f"The container `{name}` waits for `{item.value}`, and there is no container of that name. "
                        f"{self._fails}",
                        "Name a container of the same set.",
                        hint=did_you_mean(item.value, names),
                    )
                else:
                    edges.setdefault(name, []).append((item.value, item))
        dags.check_circles(self._subject, edges, "container")

    def _settings(self, template: TemplateModel) -> None:
        node = template.node
        if template.is_graph:
            what = "steps" if template.type == "steps" else "a dag"
            for key, instead in (
                ("activeDeadlineSeconds", "`spec.activeDeadlineSeconds` limits the whole run."),
                ("resourceClaims", "Move it to the templates that run a pod."),
            ):
                if is_given(node, key):
                    self._add(
                        MISPLACED_SETTING,
                        node.keys[key],
                        f"`{key}` only works for a template that runs a pod, not for {what}. {self._fails}",
                        instead,
                    )
        elif template.is_pod and is_given(node, "parallelism"):
            self._add(
                MISPLACED_SETTING,
                node.keys["parallelism"],
                "`parallelism` limits what steps or a dag run side by side; a single pod has nothing to limit.",
                "Move it to the template with the steps or the dag, or to the workflow.",
                severity=Severity.WARNING,
            )
        self._pod_resources(node)

    def _pod_resources(self, owner: MappingNode) -> None:
        resources = owner.values.get("podResources")
        if type(resources) is not MappingNode:
            return
        for part in ("limits", "requests"):
            mapping = resources.mapping(part)
            for name, key in mapping.keys.items():
                if not _POD_RESOURCE.fullmatch(name):
                    self._add(
                        MISPLACED_SETTING,
                        key,
                        f"`{name}` cannot be limited for a whole pod. {self._fails}",
                        "Move it to `resources` of the container that needs it.",
                    )

    def _metrics(self, metrics: MappingNode) -> None:
        for metric in metrics.mappings_of("prometheus"):
            name = metric.text("name") or ""
            if not _METRIC_NAME.fullmatch(name) and not has_placeholder(name):
                self._add(
                    METRIC,
                    metric.values.get("name") or metric,
                    f"`{name}` is no name of a Prometheus metric. {self._fails}",
                    "Use letters, digits and underscores, and no digit first.",
                )
            if not metric.text("help"):
                self._add(METRIC, metric, f"The metric `{name}` has no `help`. {self._fails}", "Add `help:`.")
            kinds = [key for key in ("gauge", "counter", "histogram") if is_given(metric, key)]
            if len(kinds) != 1:
                self._add(
                    METRIC,
                    metric.keys[kinds[1]] if kinds else metric,
                    f"The metric `{name}` has to be exactly one of a gauge, a counter and a histogram. {self._fails}",
                    "Keep one of them." if kinds else "Add `gauge:`, `counter:` or `histogram:`.",
                )
            gauge = metric.mapping("gauge")
            if gauge.text("realtime") == "true" and "resourcesDuration" in (gauge.text("value") or ""):
                self._add(
                    METRIC,
                    gauge.values["value"],
                    "How long resources were used is only known at the end, not in a real-time gauge. " + self._fails,
                    "Set `realtime: false`.",
                )

    # --- steps and tasks --------------------------------------------------------------------------------------

    def _graph(self, template: TemplateModel) -> None:
        calls = list(template.calls)
        self._unique((call.node for call in calls), "task" if template.type == "dag" else "step")
        for call in calls:
            self._call(call)
        if template.type == "dag":
            dags.check(self._subject, template, calls)

    def _call(self, call: CallModel) -> None:
        node = call.node
        self._name_of(node, call.word)
        self._target(call)
        self._loop(call)
        when = node.values.get("when")
        if type(when) is ScalarNode and when.kind == "string":
            mistake = when_mistake(when.text)
            if mistake is not None:
                self._subject.report.add_inside(
                    WHEN,
                    when,
                    mistake.text,
                    f"This condition cannot be read: {mistake.why}. {self._fails}",
                    "Repair the condition.",
                )
        on_exit = node.values.get("onExit")
        if type(on_exit) is ScalarNode:
            self._known_template(on_exit, "onExit")
        for hook in call.hooks:
            self._hook(hook)

    def _hook(self, hook: CallModel) -> None:
        self._target(hook)
        if hook.name != "exit" and not hook.node.text("expression"):
            self._add(
                HOOK,
                hook.node,
                f"The hook `{hook.name}` has no `expression`, so it never runs.",
                "Add `expression:`, or call it `exit` if it shall run at the end.",
            )

    def _target(self, call: CallModel) -> None:
        node = call.node
        given = [key for key in ("template", "templateRef", "inline") if is_given(node, key)]
        what = f"The {call.word} `{call.name}`" if call.name else f"This {call.word}"
        if not given:
            self._subject.calls_are_clear = False
            self._add(
                CALL_TARGET,
                node.keys.get("template") or node,
                f"{what} runs no template. {self._fails}",
                "Add `template:` with the name of one.",
            )
            return
        if len(given) > 1:
            self._add(
                CALL_TARGET,
                node.keys[given[1]],
                f"{what} has {listed(given)}, but can run only one template. {self._fails}",
                "Keep one of them.",
            )
            return
        if given == ["templateRef"]:
            reference = node.mapping("templateRef")
            for key in ("name", "template"):
                if not reference.text(key) and node.values["templateRef"] not in self._wrong:
                    self._add(
                        CALL_TARGET,
                        node.keys["templateRef"],
                        f"`templateRef` of {what[0].lower() + what[1:]} has no `{key}`. {self._fails}",
                        "Add `name:` of the WorkflowTemplate and `template:` in it.",
                    )
                    break
        template = node.values.get("template")
        if type(template) is ScalarNode and given == ["template"]:
            self._known_template(template, "template")
        self._arguments(call, what)

    def _arguments(self, call: CallModel, what: str) -> None:
        arguments = call.node.mapping("arguments")
        self._names_of_arguments(arguments)
        for parameter in arguments.mappings_of("parameters"):
            if not is_given(parameter, "value") and not is_given(parameter, "valueFrom"):
                self._add(
                    EMPTY_ARGUMENT,
                    parameter,
                    f"{what} passes the parameter `{parameter.text('name')}` without a value. {self._fails}",
                    "Add `value:`.",
                )
        for artifact in arguments.mappings_of("artifacts"):
            if not is_supplied(artifact):
                self._add(
                    EMPTY_ARGUMENT,
                    artifact,
                    f"{what} passes the artifact `{artifact.text('name')}` without saying where it comes from. "
                    f"{self._fails}",
                    "Add `from:` with a reference, or remove the argument: AI Core binds open inputs by their names."
                    if self._subject.is_aicore
                    else "Add `from:` with a reference, or a location.",
                    severity=Severity.WARNING if self._subject.is_aicore else None,
                )
        target = self._model.target(call)
        if target is None or self._is_unclear(call.node, "arguments") or self._is_unclear(target.node, "inputs"):
            return
        self._fed(call, what, target, arguments)

    def _is_unclear(self, node: MappingNode, key: str) -> bool:
        """Tell whether inputs or arguments are of a wrong type, so that what they hold is not known."""
        part = node.mapping(key)
        return any(
            self._subject.is_wrong(owner, name)
            for owner, name in ((node, key), (part, "parameters"), (part, "artifacts"))
        )

    def _fed(self, call: CallModel, what: str, target: TemplateModel, arguments: MappingNode) -> None:
        given = [parameter.text("name") or "" for parameter in arguments.mappings_of("parameters")]
        missing: list[str] = []
        for name, parameter in target.input_parameters.items():
            if name in given or any(is_given(parameter, key) for key in ("value", "default", "valueFrom")):
                continue
            missing.append(name)
            slip = next(
                (other for other in given if other not in target.input_parameters and nearest(other, [name])), None
            )
            if slip is not None:
                continue
            self._add(
                MISSING_ARGUMENT,
                call.node,
                f"{what} runs {target.title} without its parameter `{name}`, which has no value of its own. "
                f"{self._fails}",
                f"Pass `{name}` under `arguments.parameters`, or give the template's parameter a `value`.",
            )
        self._undeclared(arguments.mappings_of("parameters"), target, "parameter", target.input_parameters, missing)
        artifacts = arguments.mappings_of("artifacts")
        fed = {artifact.text("name") for artifact in artifacts}
        open_artifacts = [
            name
            for name, artifact in target.input_artifacts.items()
            if name not in fed and not is_supplied(artifact) and artifact.text("optional") != "true"
        ]
        self._undeclared(artifacts, target, "artifact", target.input_artifacts, open_artifacts)
        if self._subject.is_aicore or self._subject.is_library:
            return
        for name in open_artifacts:
            if not any(nearest(other or "", [name]) for other in fed if other not in target.input_artifacts):
                self._add(
                    MISSING_ARGUMENT,
                    call.node,
                    f"{what} runs {target.title} without its artifact `{name}`. {self._fails}",
                    f"Pass `{name}` under `arguments.artifacts`.",
                )

    def _undeclared(
        self,
        arguments: Iterable[MappingNode],
        target: TemplateModel,
        word: str,
        declared: Iterable[str],
        missing: Sequence[str],
    ) -> None:
        for argument in arguments:
            name = argument.text("name")
            if not name or name in declared or has_placeholder(name):
                continue
            near = nearest(name, missing)
            self._add(
                UNKNOWN_ARGUMENT,
                argument.values["name"],
                f"{capital(target.title)} takes no {word} `{name}`, so Argo drops it without a word"
                + (f", and its `{near}` has no value. {self._fails}" if near and word == "parameter" else "."),
                f"Pass it as `{near}`."
                if near
                else f"Declare it under `inputs.{word}s` of the template, or remove it.",
                hint=told_near(near),
                severity=Severity.ERROR if near else Severity.WARNING,
            )

    def _loop(self, call: CallModel) -> None:
        node = call.node
        loops = [key for key in LOOPS if is_given(node, key)]
        if len(loops) > 1:
            self._add(
                LOOP,
                node.keys[loops[1]],
                f"The {call.word} `{call.name}` loops twice, with {listed(loops)}. {self._fails}",
                "Keep one of them.",
            )
            return
        parameter = node.values.get("withParam")
        if (
            type(parameter) is ScalarNode
            and parameter.kind == "string"
            and not has_placeholder(parameter.text)
            and not parameter.text.strip().startswith("[")
        ):
            self._add(
                LOOP,
                parameter,
                f"`withParam` wants a JSON list, and `{_short(parameter.text)}` is none. {self._fails}",
                'Write a placeholder ("{{...}}") or a JSON list; `withItems` takes a list of YAML.',
            )
        sequence = node.values.get("withSequence")
        if type(sequence) is MappingNode:
            has_count, has_end = is_given(sequence, "count"), is_given(sequence, "end")
            if has_count and has_end:
                self._add(
                    LOOP,
                    sequence.keys["end"],
                    f"`withSequence` has both `count` and `end`. {self._fails}",
                    "Keep one of them.",
                )
            elif not has_count and not has_end:
                self._add(
                    LOOP,
                    node.keys["withSequence"],
                    f"`withSequence` has neither `count` nor `end`. {self._fails}",
                    "Add one of them.",
                )

    # --- names ------------------------------------------------------------------------------------------------

    def _names_of_arguments(self, arguments: MappingNode) -> None:
        for key in ("parameters", "artifacts"):
            items = arguments.mappings_of(key)
            self._unique(items, key[:-1])
            for item in items:
                self._name_of(item, key[:-1])
                if key == "parameters":
                    self._enum(item)

    def _enum(self, parameter: MappingNode) -> None:
        if "enum" not in parameter.values:
            return
        allowed = [item.value for item in parameter.items_of("enum") if type(item) is ScalarNode]
        name = parameter.text("name")
        if not allowed:
            if parameter.values["enum"] not in self._wrong:
                self._add(
                    ENUM,
                    parameter.keys["enum"],
                    f"The `enum` of the parameter `{name}` is empty. {self._fails}",
                    "Remove it, or list the values.",
                )
            return
        value = parameter.values.get("value")
        text = value.value if type(value) is ScalarNode else None
        if value is not None and text is not None and text not in allowed and not has_placeholder(text):
            self._add(
                ENUM,
                value,
                f"`{_short(text)}` is none of the values that the parameter `{name}` allows. {self._fails}",
                f"Use one of {listed([word for word in allowed if word])}.",
                hint=did_you_mean(text, [word for word in allowed if word]),
            )

    def _unique(self, nodes: Iterable[MappingNode], word: str) -> None:
        seen: dict[str, int] = {}
        for node in nodes:
            name = node.text("name")
            if not name:
                continue
            place = node.values["name"]
            if name in seen:
                self._add(
                    DUPLICATE_NAME,
                    place,
                    f"The {word} `{name}` is there twice, in line {seen[name]} and here. {self._fails}",
                    "Give one of them another name.",
                )
            seen.setdefault(name, place.line)

    def _name_of(self, node: MappingNode, word: str) -> None:
        name = node.text("name")
        if not name:
            return
        at = node.values["name"]
        if at in self._wrong or has_placeholder(name):
            return
        if word in ("parameter", "artifact"):
            if not _PARAMETER_NAME.fullmatch(name):
                self._bad_name(at, word, name, "letters, digits, hyphens and underscores")
        elif not _FIELD_NAME.fullmatch(name):
            self._bad_name(at, word, name, "letters, digits and hyphens, at most 128, and no hyphen first")

    def _bad_name(self, node: Node, word: str, name: str, allowed: str) -> None:
        better = re.sub(r"[^a-zA-Z0-9-]+", "-", name).strip("-")
        self._add(
            INVALID_NAME,
            node,
            f"`{_short(name)}` cannot be a globalName. {self._fails}"
            if word == "globalName"
            else f"`{_short(name)}` cannot be the name of {'an' if word[0] in 'aeiou' else 'a'} {word}. {self._fails}",
            f"Use {allowed}" + (f": `{better}`." if better and len(better) <= 60 else "."),
        )


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
