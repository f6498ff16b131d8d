"""What a placeholder can see from where it stands: inputs, calls that have ended before, the items of a loop."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pytest_aicore.workflows.argo.graph import CallModel, TemplateModel
    from pytest_aicore.workflows.yaml.tree import MappingNode, Node


def _nothing(_name: str) -> bool:
    return False


@dataclass(frozen=True)
class Scope:
    """What a tag at some place can see.

    Attributes:
        template: the template around it, None outside of templates.
        word: `steps` or `tasks` inside a template that has those, else empty.
        sees: whether the result of a call, of which the name is given, is there.
        calls: all calls of the template, by name.
        loop: the call whose items `{{item}}` means.
        is_call: whether the place is in a step, task or hook.
        at_exit: whether the place is only looked at when the workflow has ended.
        outer: the scope around an inline template.
        holder: the step or task that the place is in.
        of_pods: all templates where the place becomes a part of each pod, so that the inputs of any are meant.
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
    _inputs: dict[str, set[str]] = field(default_factory=dict)
    _clear: dict[tuple[str, str], bool] = field(default_factory=dict)

    def inputs(self, kind: str) -> Collection[str]:
        """Return the names of the inputs that are there, `kind` being `parameters` or `artifacts`."""
        if kind in self._inputs:
            return self._inputs[kind]
        names = self._inputs[kind] = set()
        scope: Scope | None = self
        while scope is not None:
            if scope.template is not None:
                names.update(getattr(scope.template, f"input_{kind}"))
            scope = scope.outer
        for template in self.of_pods:
            names.update(getattr(template, f"input_{kind}"))
        return names

    def is_clear(self, part: str, kind: str, wrong: Collection[Node]) -> bool:
        """Tell whether the inputs or outputs are of the right type, so that it is known what they declare."""
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
    """Tell whether it can be read what a template declares, `part` being `inputs` or `outputs`."""
    mapping = template.node.mapping(part)
    if template.node.values.get(part) in wrong or mapping.values.get(kind) in wrong:
        return False
    return all(item.text("name") for item in mapping.mappings_of(kind))


_NAME_IN_DEPENDS: Final = re.compile(r"[\w-]+(?:\.\w+)?")


def is_earlier(group_of: Mapping[str, int], number: int, name: str) -> bool:
    """Tell whether a step is in an earlier group than the one of this number."""
    return group_of.get(name, number) < number


def is_own_or(own: str, sees: Callable[[str], bool], name: str) -> bool:
    """Tell whether a call is the one around the place, or one that it sees."""
    return name == own or sees(name)


class Ancestors:
    """For each task the tasks that have ended when it begins, as bits of a number: dags may have thousands of tasks."""

    def __init__(self, calls: Mapping[str, CallModel]) -> None:
        self._bit = {name: 1 << index for index, name in enumerate(calls)}
        direct: dict[str, list[str]] = {}
        for name, call in calls.items():
            waits_for = [item.value or "" for item in call.dependencies]
            waits_for += [word.partition(".")[0] for word in _NAME_IN_DEPENDS.findall(call.node.text("depends") or "")]
            direct[name] = [other for other in waits_for if other in calls]
        self._before = dict.fromkeys(calls, 0)
        order = _depth_first(direct)
        changed = True
        while changed:  # once, and once more to see that nothing changes; more often only where there is a circle
            changed = False
            for name in order:
                before = self._before[name]
                for other in direct[name]:
                    before |= self._before[other] | self._bit[other]
                changed = changed or before != self._before[name]
                self._before[name] = before

    def has(self, task: str, name: str) -> bool:
        """Tell whether a task waits for another one, directly or not."""
        return name != task and bool(self._before.get(task, 0) & self._bit.get(name, 0))


def _depth_first(direct: Mapping[str, list[str]]) -> list[str]:
    """Return the tasks in an order in which each comes after those that it waits for, circles aside."""
    order: list[str] = []
    seen: set[str] = set()
    for start in direct:
        pending: list[tuple[str, bool]] = [(start, False)]
        while pending:
            name, leaves = pending.pop()
            if leaves:
                order.append(name)
            elif name not in seen:
                seen.add(name)
                pending.append((name, True))
                pending.extend((other, False) for other in direct[name] if other not in seen)
    return order
