"""The scope of a placeholder: inputs, calls that have ended before, the items of a loop."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.dags import Ancestors
from pytest_aicore.workflows.yaml.tree import MappingNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from pytest_aicore.workflows.argo.graph import CallModel, TemplateModel, WorkflowModel
    from pytest_aicore.workflows.yaml.tree import Node


_OF_THE_WORKFLOW: Final = frozenset({"arguments", "hooks", "metrics", "entrypoint", "onExit", "synchronization"})
"""The parts of a specification that are read once for the workflow; the rest becomes part of each pod."""


def _nothing(_name: str) -> bool:
    return False


@dataclass(frozen=True)
class Scope:
    """The scope of the tags at one place.

    Attributes:
        template: the template around it, None outside of templates.
        word: `steps` or `tasks` inside a template that has those, else empty.
        sees: whether the result of the call with the given name is available.
        calls: all calls of the template, by name.
        loop: the call whose items `{{item}}` means.
        is_call: whether the place is in a step, task or hook.
        at_exit: whether the place is only evaluated when the workflow has ended.
        outer: the scope around an inline template.
        holder: the step or task that the place is in.
        of_pods: all templates if the place becomes part of each pod, so that the inputs of any are in scope.
        of_volumes: whether the place is in the volumes of the workflow, where the results of any call are in scope.
    """

    template: TemplateModel | None = None
    word: str = ""
    sees: Callable[[str], bool] = _nothing
    calls: Mapping[str, CallModel] = field(default_factory=dict)
    loop: CallModel | None = None
    is_call: bool = False
    at_exit: bool = False
    outer: Scope | None = None
    holder: MappingNode | None = None
    of_pods: tuple[TemplateModel, ...] = ()
    of_volumes: bool = False
    _inputs: dict[str, set[str]] = field(default_factory=dict)
    _clear: dict[tuple[str, str], bool] = field(default_factory=dict)

    def inputs(self, kind: str) -> Collection[str]:
        """Return the names of the inputs in scope, `kind` being `parameters` or `artifacts`."""
        if kind in self._inputs:
            return self._inputs[kind]
        names = self._inputs[kind] = set()
        scope: Scope | None = self
        while scope is not None:
            if scope.template is not None:
                names.update(scope.template.inputs(kind))
            scope = scope.outer
        for template in self.of_pods:
            names.update(template.inputs(kind))
        return names

    def is_clear(self, part: str, kind: str, wrong: Collection[Node]) -> bool:
        """Return whether the inputs or outputs have the right type, so that their declarations are known."""
        if (part, kind) not in self._clear:
            templates = [*self.of_pods]
            scope: Scope | None = self
            while scope is not None:
                if scope.template is not None:
                    templates.append(scope.template)
                scope = scope.outer
            self._clear[part, kind] = all(is_readable(template, part, kind, wrong) for template in templates)
        return self._clear[part, kind]


def is_readable(template: TemplateModel, part: str, kind: str, wrong: Collection[Node]) -> bool:
    """Return whether the declarations of a template can be read, `part` being `inputs` or `outputs`."""
    mapping = template.node.mapping(part)
    if template.node.values.get(part) in wrong or mapping.values.get(kind) in wrong:
        return False
    return all(item.name("name") for item in mapping.mappings_of(kind))


def _is_earlier(group_of: Mapping[str, int], number: int, name: str) -> bool:
    """Return whether a step is in an earlier group than the one of this number."""
    return group_of.get(name, number) < number


def _is_own_or(own: str, sees: Callable[[str], bool], name: str) -> bool:
    """Return whether a call is the one around the place, or one whose result is available there."""
    return name == own or sees(name)


def scoped(model: WorkflowModel) -> Iterator[tuple[Node, Scope]]:
    """Yield the parts of a workflow that can have tags, each with their scope.

    Args:
        model: the workflow.
    """
    for template in model.templates:
        yield from _of_template(template, Scope(template=template, at_exit=template.name in model.exit_templates))
    for key, node in model.spec.values.items():
        if key not in ("templates", "templateDefaults"):
            of_pods = () if key in _OF_THE_WORKFLOW else tuple(model.all_templates)
            yield (
                node,
                Scope(
                    at_exit=key in ("hooks", "metrics"),
                    is_call=key == "hooks",
                    of_pods=of_pods,
                    of_volumes=key == "volumes",
                ),
            )


def _of_template(template: TemplateModel, scope: Scope) -> Iterator[tuple[Node, Scope]]:
    calls = {call.name: call for call in template.calls if call.name}
    word = {"steps": "steps", "dag": "tasks"}.get(template.type, "")
    after = replace(scope, word=word, calls=calls, sees=calls.__contains__)
    for key, node in template.node.values.items():
        if key == "steps" and type(node) is SequenceNode:
            continue
        if key == "dag" and type(node) is MappingNode:
            yield from ((value, scope) for inner, value in node.values.items() if inner != "tasks")
        elif key == "outputs" or (key == "volumes" and word):
            yield node, after
        elif key == "metrics":
            yield node, replace(after, at_exit=True)
        elif key != "name":
            yield node, scope
    if template.type == "steps":
        group_of: dict[str, int] = {}
        for number, group in enumerate(template.groups):
            group_of.update({call.name: number for call in group if call.name})
        for number, group in enumerate(template.groups):
            earlier = partial(_is_earlier, group_of, number)
            inside = replace(scope, word=word, calls=calls, sees=earlier, is_call=True)
            for call in group:
                yield from _of_call(call, inside)
    elif template.type == "dag":
        ancestors = Ancestors(calls)
        for call in template.calls:
            known = partial(ancestors.has, call.name)
            yield from _of_call(call, replace(scope, word=word, calls=calls, sees=known, is_call=True))


def _of_call(call: CallModel, scope: Scope) -> Iterator[tuple[Node, Scope]]:
    scope = replace(scope, holder=call.node)
    inside = replace(scope, loop=call) if call.loops else scope
    for key, node in call.node.values.items():
        if key in ("hooks", "onExit"):
            own = partial(_is_own_or, call.name, inside.sees)
            yield node, replace(inside, sees=own, at_exit=True)
        elif key == "inline":
            if call.inline is not None:
                yield from _of_template(call.inline, Scope(template=call.inline, at_exit=scope.at_exit, outer=inside))
        elif key in ("withItems", "withParam", "withSequence"):
            yield node, scope
        elif key not in ("depends", "dependencies"):
            yield node, inside
