"""The graph of a workflow: its templates, and the steps, tasks and hooks that run them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_aicore.workflows.argo.expressions import parse_depends
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode, is_given, map_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_aicore.workflows.argo.expressions import Depends

_LOCATIONS: Final = ("s3", "gcs", "oss", "azure", "artifactory", "hdfs", "http", "git", "raw", "plugin")
"""The keys for the location of an artifact."""

_SOURCES: Final = (*_LOCATIONS, "from", "fromExpression")

TEMPLATE_TYPES: Final = (
    "container",
    "containerSet",
    "script",
    "steps",
    "dag",
    "resource",
    "suspend",
    "data",
    "http",
    "plugin",
)
"""The types of a template; it has exactly one of these keys."""

POD_TYPES: Final = frozenset({"container", "containerSet", "script"})
"""The types of template that run containers in a pod."""

LOOPS: Final = ("withItems", "withParam", "withSequence")


class TemplateModel:
    """A template: one of `spec.templates`, or an inline one of a call.

    Attributes:
        node: its map.
        name: its name, empty without one.
        types: the keys among `TEMPLATE_TYPES` that it has; Argo requires exactly one.
        inline: whether it is inline in a call.
    """

    def __init__(self, node: MappingNode, *, inline: bool = False) -> None:
        """Take a map for a template."""
        self.node = node
        self.name = node.name("name") or ""
        self.types = tuple(key for key in TEMPLATE_TYPES if key in node.values)
        self.inline = inline

    def __repr__(self) -> str:
        """Return name and line."""
        return f"TemplateModel({self.name!r}, line {self.node.line})"

    @property
    def type(self) -> str:
        """Its type, empty where it has none or several."""
        return self.types[0] if len(self.types) == 1 else ""

    @property
    def is_pod(self) -> bool:
        """Whether it runs containers in a pod."""
        return self.type in POD_TYPES

    @property
    def is_graph(self) -> bool:
        """Whether it calls other templates."""
        return self.type in ("steps", "dag")

    @property
    def title(self) -> str:
        """Its name in messages."""
        return f"the template `{self.name}`" if self.name else "this template"

    @cached_property
    def input_parameters(self) -> dict[str, MappingNode]:
        """`inputs.parameters` by name."""
        return named(self.node.mapping("inputs").mappings_of("parameters"))

    @cached_property
    def input_artifacts(self) -> dict[str, MappingNode]:
        """`inputs.artifacts` by name."""
        return named(self.node.mapping("inputs").mappings_of("artifacts"))

    def inputs(self, kind: str) -> dict[str, MappingNode]:
        """Return its inputs by name, `kind` being `parameters` or `artifacts`."""
        return self.input_parameters if kind == "parameters" else self.input_artifacts

    def outputs(self, kind: str) -> dict[str, MappingNode]:
        """Return its outputs by name, `kind` being `parameters` or `artifacts`."""
        return self._output_parameters if kind == "parameters" else self._output_artifacts

    @cached_property
    def _output_parameters(self) -> dict[str, MappingNode]:
        return named(self.node.mapping("outputs").mappings_of("parameters"))

    @cached_property
    def _output_artifacts(self) -> dict[str, MappingNode]:
        return named(self.node.mapping("outputs").mappings_of("artifacts"))

    @property
    def output_artifacts(self) -> list[MappingNode]:
        """All maps of `outputs.artifacts`, also those without a name."""
        return self.node.mapping("outputs").mappings_of("artifacts")

    @cached_property
    def groups(self) -> list[list[CallModel]]:
        """The steps in groups that run one after the other; all tasks of a dag are one group."""
        groups = [
            [CallModel(node, "step") for node in group.items if type(node) is MappingNode]
            for group in self.node.items_of("steps")
            if type(group) is SequenceNode
        ]
        tasks = [CallModel(node, "task") for node in self.node.mapping("dag").mappings_of("tasks")]
        return [*groups, tasks] if tasks else groups

    @property
    def calls(self) -> Iterator[CallModel]:
        """Its steps or tasks."""
        for group in self.groups:
            yield from group

    @property
    def calls_and_handlers(self) -> Iterator[CallModel]:
        """Its steps or tasks, each followed by its handlers."""
        for call in self.calls:
            yield call
            yield from call.handlers

    def containers(self) -> Iterator[tuple[str, MappingNode]]:
        """Yield the maps of its containers with their keys, the main container first."""
        for key in ("container", "script"):
            node = self.node.values.get(key)
            if type(node) is MappingNode:
                yield key, node
        for node in self.node.mapping("containerSet").mappings_of("containers"):
            yield "containerSet", node
        for key in ("initContainers", "sidecars"):
            for node in self.node.mappings_of(key):
                yield key, node


class CallModel:
    """A step, a dag task or a hook.

    Attributes:
        node: its map.
        word: `step`, `task` or `hook`.
        name: its name, empty without one; hooks have the name of their key.
        template: the name of the template that it runs, None where that is inline or elsewhere.
    """

    def __init__(self, node: MappingNode, word: str, name: str | None = None, template: str | None = None) -> None:
        """Take a map for a call; `template` is given where the map does not name it."""
        self.node = node
        self.word = word
        self.name = name if name is not None else node.name("name") or ""
        self.template = node.name("template") if template is None else template

    @cached_property
    def inline(self) -> TemplateModel | None:
        """Its inline template."""
        node = self.node.values.get("inline")
        return TemplateModel(node, inline=True) if type(node) is MappingNode else None

    @property
    def loops(self) -> list[str]:
        """The keys that make it run several times."""
        return [key for key in LOOPS if key in self.node.values]

    @property
    def reference(self) -> str | None:
        """The name of the other object that `templateRef` points into."""
        return self.node.mapping("templateRef").name("name")

    @cached_property
    def supplied_artifacts(self) -> frozenset[str]:
        """The names of the input artifacts that it passes to its template."""
        return _supplied(self.node)

    @cached_property
    def hooks(self) -> list[CallModel]:
        """The calls under `hooks`."""
        return _hooks(self.node)

    @cached_property
    def handlers(self) -> list[CallModel]:
        """The calls that run beside it or after it: `onExit`, then `hooks`."""
        return [*_exit_handler(self.node), *self.hooks]

    @property
    def is_conditional(self) -> bool:
        """Whether it may be skipped: by a condition, an empty loop, or the result of another task."""
        if any(key in self.node.values for key in ("when", *LOOPS)):
            return True
        return self.depends is not None and self.depends.is_conditional

    @cached_property
    def depends(self) -> Depends | None:
        """Its `depends` expression, None without one."""
        text = self.node.name("depends")
        return None if text is None else parse_depends(text)

    @property
    def dependencies(self) -> list[ScalarNode]:
        """`dependencies` that are single values."""
        return [item for item in self.node.items_of("dependencies") if type(item) is ScalarNode]

    @property
    def depends_on(self) -> list[str]:
        """The names of the tasks that it depends on, by `dependencies` or `depends`, known or not."""
        names = [name for item in self.dependencies if (name := item.name)]
        return names + [task for task, _ in self.depends.tasks] if self.depends is not None else names


class Reached(NamedTuple):
    """A template that a run can reach.

    Attributes:
        template: the template.
        supplied: the names of the input artifacts that each of its calls passes.
    """

    template: TemplateModel
    supplied: frozenset[str]


class WorkflowModel:
    """The templates of a workflow, and the targets of their calls.

    Attributes:
        spec: its specification.
        templates: `spec.templates` that are maps.
        by_name: those with a name; of several with one name the first.
    """

    def __init__(self, spec: MappingNode) -> None:
        """Take the specification of a workflow, of any kind of Argo."""
        self.spec = spec
        self.templates = [TemplateModel(node) for node in self.spec.mappings_of("templates")]
        self.by_name: dict[str, TemplateModel] = {}
        for template in self.templates:
            if template.name:
                self.by_name.setdefault(template.name, template)

    @cached_property
    def all_templates(self) -> list[TemplateModel]:
        """The templates, and the inline templates of their calls."""
        found: list[TemplateModel] = []
        pending = list(reversed(self.templates))
        while pending:
            template = pending.pop()
            found.append(template)
            pending.extend(inline for call in template.calls if (inline := call.inline) is not None)
        return found

    @cached_property
    def exit_templates(self) -> set[str]:
        """The names of the templates that run when a step, task or workflow ends, and of those that they call."""
        names = [handler.template or "" for handler in self.handlers]
        for template in self.all_templates:
            for call in template.calls:
                names += [handler.template or "" for handler in call.handlers]
        pending = [self.by_name[name] for name in names if name in self.by_name]
        found: set[str] = set()
        while pending:
            template = pending.pop()
            if template.name in found:
                continue
            found.add(template.name)
            targets = (self.target(call) for call in template.calls)
            pending.extend(target for target in targets if target is not None)
        return found

    def target(self, call: CallModel) -> TemplateModel | None:
        """Return the template that a call runs, None where it is elsewhere or unknown."""
        if call.inline is not None:
            return call.inline
        return self.by_name.get(call.template or "")

    @property
    def parameters(self) -> dict[str, MappingNode]:
        """`spec.arguments.parameters` by name."""
        return named(self.spec.mapping("arguments").mappings_of("parameters"))

    @cached_property
    def workflow_hooks(self) -> list[CallModel]:
        """The calls under `spec.hooks`."""
        return _hooks(self.spec)

    @property
    def handlers(self) -> list[CallModel]:
        """The calls that run beside the workflow or after it: `spec.onExit`, then `spec.hooks`."""
        return [*_exit_handler(self.spec), *self.workflow_hooks]

    @cached_property
    def reached(self) -> list[Reached]:
        """The templates that a run can reach: the entrypoint, what it calls in order, handlers of the workflow last.

        Without an entrypoint that exists, a run is taken to begin with every template that no other calls.
        """
        given = _supplied(self.spec)
        roots = [(start, given) for start in self._starts]
        for call in self.handlers:
            handler = self.target(call)
            if handler is not None:
                roots.append((handler, given | call.supplied_artifacts))
        # In the order in which they are reached.
        supplied: dict[TemplateModel, frozenset[str]] = {}
        for root in roots:
            pending = [root]
            while pending:
                template, names = pending.pop()
                if template in supplied:
                    # What one of its callers does not pass has to be bound by the configuration.
                    supplied[template] &= names
                    continue
                supplied[template] = names
                called = [(self.target(call), call.supplied_artifacts) for call in template.calls_and_handlers]
                pending.extend((target, by_call) for target, by_call in reversed(called) if target is not None)
        return [Reached(template, names) for template, names in supplied.items()]

    @property
    def _starts(self) -> Sequence[TemplateModel]:
        start = self.by_name.get(self.spec.name("entrypoint") or "")
        if start is not None:
            return [start]
        called = {self.target(call) for template in self.templates for call in template.calls_and_handlers}
        return [template for template in self.templates if template not in called] or self.templates

    @property
    def is_elsewhere(self) -> bool:
        """Whether the workflow itself is in another object (`workflowTemplateRef`)."""
        return "workflowTemplateRef" in self.spec.values

    @property
    def calls_elsewhere(self) -> bool:
        """Whether some of its steps or tasks run templates of other objects (`templateRef`)."""
        return any(is_given(call.node, "templateRef") for template in self.all_templates for call in template.calls)


def _hooks(owner: MappingNode) -> list[CallModel]:
    hooks = owner.mapping("hooks").values
    return [CallModel(hook, "hook", name) for name, hook in hooks.items() if type(hook) is MappingNode]


def _exit_handler(owner: MappingNode) -> list[CallModel]:
    name = owner.name("onExit")
    # `onExit` is only a name, so its call has an empty map, at the place of that name.
    return [CallModel(map_at(owner.values["onExit"]), "hook", "onExit", name)] if name else []


def _supplied(owner: MappingNode) -> frozenset[str]:
    """Return the names of the artifacts in `arguments` that have a source."""
    artifacts = owner.mapping("arguments").mappings_of("artifacts")
    return frozenset(name for artifact in artifacts if is_supplied(artifact) and (name := artifact.name("name")))


def named(nodes: list[MappingNode]) -> dict[str, MappingNode]:
    """Return maps by their names; of several with one name the first."""
    found: dict[str, MappingNode] = {}
    for node in nodes:
        name = node.name("name")
        if name:
            found.setdefault(name, node)
    return found


def is_supplied(artifact: MappingNode) -> bool:
    """Return whether a declaration or argument has a source for the artifact, so that it needs no other."""
    for key in _SOURCES:
        node = artifact.values.get(key)
        if node is not None and not (type(node) is ScalarNode and node.value is None):
            return True
    return False
