"""The nodes that a step or task becomes: one, one for each item of a loop, or one that is skipped."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_aicore.running.walking.arguments import arguments_of
from pytest_aicore.running.walking.conditions import is_true
from pytest_aicore.running.walking.hooks import EXIT
from pytest_aicore.running.walking.loops import KEYS, child_name, items_of, texts_of
from pytest_aicore.running.walking.substituting import substituted
from pytest_aicore.running.walking.values import Plain, Scope, ValueProblem, Values, json_of
from pytest_aicore.workflows.argo.tags import tags

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pytest_aicore.running.walking.nodes import NodeStatus

NO_ITEMS: Final = "Skipped, empty params"


@dataclass(frozen=True, slots=True)
class Call:
    """A template that should be carried out.

    Attributes:
        name: the name of its node.
        display_name: the short one.
        template: the name of the template.
        arguments: what it is given.
        parent: the node above it, None for the root.
        keep_result: whether its stdout is an output.
        depth: how many templates call each other down to this one.
        texts: what only its own tags mean: `steps.name`.
        inline: the template itself, where it stands in the step or task.
    """

    name: str
    display_name: str
    template: str
    arguments: Values
    parent: NodeStatus | None = None
    keep_result: bool = False
    depth: int = 0
    texts: Mapping[str, str] = field(default_factory=dict)
    inline: Plain | None = None


Execute: TypeAlias = "Callable[[Call], Awaitable[NodeStatus]]"
"""Carries a call out to its end."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One node that a step or task becomes.

    Attributes:
        display_name: its short name.
        call: the step or task, all tags replaced.
        arguments: what it passes.
        skipped: why it is skipped, empty if it is not.
        error: why that cannot be said, empty if it can.
    """

    display_name: str
    call: Plain
    arguments: Values = field(default_factory=Values)
    skipped: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a step or task becomes.

    Attributes:
        is_loop: whether it has items.
        nodes: its nodes.
        scope: what had ended before.
    """

    is_loop: bool
    nodes: list[Planned]
    scope: Scope = field(default_factory=Scope)


def plan_of(call: Plain, scope: Scope) -> Plan:
    """Return what a step or task becomes.

    Args:
        call: the step or task, in which the tags of inputs and workflow are replaced.
        scope: what has ended before.

    Raises:
        ValueProblem: that cannot be said: a reference, an expression or the items of the loop.
    """
    call = substituted(call, scope.texts)
    is_loop = any(call.get(key) is not None for key in KEYS)
    try:
        is_off = not _is_executed(call)
    except ValueProblem:
        if not is_loop:
            raise
        is_off = False  # it may be about the item
    try:
        found = items_of(call)
    except ValueProblem:
        if not is_off:
            raise
        return Plan(is_loop=False, nodes=[_skipped(call["name"], call)], scope=scope)
    if found is None:
        planned = _skipped(call["name"], call) if is_off else Planned(call["name"], call, arguments_of(call, scope))
        return Plan(is_loop=False, nodes=[planned], scope=scope)
    if not found:
        return Plan(is_loop=False, nodes=[Planned(call["name"], call, skipped=NO_ITEMS)], scope=scope)
    nodes = [_child(call, index, item, scope) for index, item in enumerate(found)]
    return Plan(is_loop=True, nodes=nodes, scope=scope)


def _is_executed(call: Plain) -> bool:
    when = call.get("when")
    return when is None or when == "" or is_true(str(when) if not isinstance(when, bool) else json_of(when))


def _skipped(display_name: str, call: Plain) -> Planned:
    return Planned(display_name, call, skipped=f"when '{call['when']}' evaluated false")


def _child(call: Plain, index: int, item: Any, scope: Scope) -> Planned:
    own = {key: value for key, value in call.items() if key not in KEYS}
    own = substituted(own, {**scope.texts, **texts_of(item)})
    hidden = {"artifacts": None, **dict.fromkeys(("hooks", "onExit", "inline"))}  # their tags get a meaning later
    left = _first_tag({**own, **hidden, "arguments": {**(own.get("arguments") or {}), "artifacts": None}})
    if left is not None:
        raise ValueProblem(f"failed to resolve {left}")
    display_name = child_name(call["name"], index, item)
    try:
        if not _is_executed(own):
            return _skipped(display_name, own)
    except ValueProblem as problem:
        return Planned(display_name, own, error=str(problem))
    return Planned(display_name, own, arguments_of(own, scope))


def _first_tag(call: Plain) -> str | None:
    text = json_of(call)
    return next((text[tag.begin : tag.end] for tag in tags(text) if tag.is_closed), None)


def exit_hook(call: Plain) -> Plain | None:
    """Return what runs when a step or task has ended, None without anything.

    Args:
        call: the step or task.
    """
    if call.get("onExit"):
        return {"template": call["onExit"]}
    hook: Plain | None = (call.get("hooks") or {}).get(EXIT)
    return hook


def continues(call: Plain, node: NodeStatus) -> bool:
    """Return whether the flow goes on after a node of a step or task: it did not fail, or its `continueOn` allows it.

    Args:
        call: the step or task.
        node: one of its nodes, which has ended.
    """
    allowed = call.get("continueOn") or {}
    if node.phase == "Failed":
        return bool(allowed.get("failed"))
    return node.phase != "Error" or bool(allowed.get("error"))


def wants_result(template: str, word: str, name: str) -> bool:
    """Return whether a template mentions the result of one of its steps or tasks: only then it is captured.

    Args:
        template: its content as JSON.
        word: `steps` or `tasks`.
        name: of the step or task.
    """
    written = re.escape(name)
    quoted = rf"\[(?:'|\\?\"){written}(?:'|\\?\")\]"
    return re.search(rf"{word}(?:\.{written}|{quoted})\??\.outputs\??\.result", template) is not None


__all__ = ["Call", "Execute", "Plan", "Planned", "continues", "exit_hook", "plan_of", "wants_result"]
