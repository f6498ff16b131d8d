"""What templates of steps and of tasks have in common: their calls become nodes, and their outputs come from those."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from pytest_aicore.running.walking.arguments import arguments_of, outputs_of
from pytest_aicore.running.walking.calls import Call, exit_hook, plan_of, wants_result
from pytest_aicore.running.walking.hooks import Hooks
from pytest_aicore.running.walking.loops import together
from pytest_aicore.running.walking.nodes import COMPLETED
from pytest_aicore.running.walking.pod_making import whole_number
from pytest_aicore.running.walking.run_state import places
from pytest_aicore.running.walking.substituting import condition, substituted
from pytest_aicore.running.walking.templates import name_of
from pytest_aicore.running.walking.values import Plain, Scope, ValueProblem, json_of

if TYPE_CHECKING:
    from pytest_aicore.running.walking.calls import Execute, Plan, Planned
    from pytest_aicore.running.walking.nodes import NodeStatus, Outputs
    from pytest_aicore.running.walking.run_state import RunState


FAILED_FAST: Final = "template has failed or errored children and failFast enabled"
"""The message of Argo (workflow/controller/operator.go, `checkParallelism`)."""


class Graph:
    """A template of steps or of tasks while it is carried out.

    Args:
        run: the run.
        execute: carries out what is called.
        node: the node of the template.
        template: its content, in which the tags of inputs and workflow are replaced.
        scope: what its inputs are.
        depth: how many templates call each other down to this one.
        word: what the tags of its calls begin with.

    Raises:
        ValueProblem: its `parallelism` is not a number.
    """

    def __init__(
        self,
        run: RunState,
        execute: Execute,
        node: NodeStatus,
        template: Plain,
        scope: Scope,
        depth: int,
        word: Literal["steps", "tasks"],
    ) -> None:
        self.run = run
        self.node = node
        self.template = template
        self.inputs = scope
        self.word = word
        self._execute = execute
        self._depth = depth
        self._text = json_of(template)
        at_once = template.get("parallelism")
        self._has_failed = False
        self._places = places(None if at_once is None else whole_number(at_once, "parallelism"))

    @property
    def has_failed_fast(self) -> bool:
        """Whether no other child may begin, because one has failed."""
        return self._has_failed and bool(self.template.get("failFast"))

    def _has_failed_attempt(self, node: NodeStatus) -> bool:
        """Return whether an attempt of a child has failed: Argo counts it as a child (`getUnsuccessfulChildren`)."""
        return node.type == "Retry" and any(self.run.nodes[child].has_failed for child in node.children)

    def plan(self, call: Plain, scope: Scope) -> Plan:
        """Return what a step or task becomes.

        Args:
            call: the step or task.
            scope: what has ended before it.

        Raises:
            ValueProblem: that cannot be said.
        """
        known = self.run.global_scope()
        return plan_of(call, Scope({**known.texts, **scope.texts}, {**known.artifacts, **scope.artifacts}))

    async def children(self, plan: Plan, prefix: str, parent: NodeStatus) -> list[NodeStatus]:
        """Carry out the nodes that a step or task becomes, side by side, and return them in their order.

        Args:
            plan: what it becomes.
            prefix: what stands before the short name of each in its name.
            parent: the node above them.
        """
        return list(await asyncio.gather(*(self._child(plan, planned, prefix, parent) for planned in plan.nodes)))

    async def _child(self, plan: Plan, planned: Planned, prefix: str, parent: NodeStatus) -> NodeStatus:
        name = prefix + planned.display_name
        template = planned.call["template"]
        if planned.skipped or planned.error:
            node = self.run.node(name, planned.display_name, "Skipped", name_of(template), parent)
            phase: Literal["Error", "Skipped"] = "Error" if planned.error else "Skipped"
            self.run.change(node, phase, planned.error or planned.skipped)
            node.setup_error = planned.error
            return node
        call = Call(
            name,
            planned.display_name,
            template,
            planned.arguments,
            parent,
            wants_result(self._text, self.word, planned.call["name"]),
            self._depth + 1,
            {f"{self.word}.name": planned.display_name},
            planned.call.get("inline"),
        )
        followed: list[NodeStatus] = []

        def done() -> Done:
            return Done(planned.call, replace(plan, is_loop=False), followed[-1], followed[-1:])

        hooks = Hooks(planned.call, lambda key, hook: self._hook(f"hooks.{key}", hook, done()))

        def follow(followed_node: NodeStatus) -> None:
            followed.append(followed_node)
            hooks.look(self._scope_after(done()))

        if hooks:
            self.run.watch(name, follow)
        async with self._places:
            if self.has_failed_fast:
                node = self.run.node(name, planned.display_name, "Skipped", name_of(template), parent)
                return self.run.change(node, "Omitted", FAILED_FAST)
            node = await self._execute(call)
            self._has_failed = self._has_failed or node.has_failed or self._has_failed_attempt(node)
        await hooks.ended()
        if hooks.problem and not node.setup_error:
            node.setup_error = hooks.problem
            self.run.change(node, "Error", hooks.problem)
        followed.append(node)
        hook = exit_hook(planned.call)
        if hook is not None and node.phase in COMPLETED and not node.setup_error and self._is_wanted(hook, done()):
            await self._hook("onExit", hook, done())
        return node

    def _scope_after(self, done: Done) -> Scope:
        """Return what the hooks of a step or task may name."""
        scope = Scope({**self.run.texts, **done.plan.scope.texts}, dict(done.plan.scope.artifacts))
        done.add_to(scope, self.word)
        return scope

    def _is_wanted(self, hook: Plain, done: Done) -> bool:
        """Return whether the hook at the end of a step or task runs: it may have an expression, too."""
        if not hook.get("expression"):
            return True
        try:
            return condition(hook["expression"], self._scope_after(done))
        except ValueProblem as problem:
            done.node.setup_error = str(problem)
            self.run.change(done.node, "Error", str(problem))
            return False

    async def _hook(self, key: str, hook: Plain, done: Done) -> None:
        """Carry out a hook of a step or task. How it ends changes nothing but its own nodes."""
        node, scope = done.node, self._scope_after(done)
        name, display_name = f"{node.name}.{key}", f"{node.display_name}.{key}"
        try:
            own = arguments_of(substituted({"arguments": hook.get("arguments")}, scope.texts), scope)
        except ValueProblem as problem:
            self.run.change(
                self.run.node(name, display_name, "Skipped", name_of(hook["template"]), node), "Error", str(problem)
            )
            return
        arguments = own if hook.get("arguments") else self.run.arguments
        await self._execute(Call(name, display_name, hook["template"], arguments, node, depth=self._depth + 1))

    def finish(self, scope: Scope) -> None:
        """End the node of the template, all of whose calls went well, with its outputs.

        Args:
            scope: what its calls left.
        """
        if self.has_failed_fast:
            self.run.change(self.node, "Failed", FAILED_FAST)
            return
        try:
            self.node.outputs = outputs_of(
                self.template, Scope({**self.inputs.texts, **scope.texts}, {**self.inputs.artifacts, **scope.artifacts})
            )
        except ValueProblem as problem:
            self.run.change(self.node, "Error", str(problem))
            return
        self.run.change(self.node, "Succeeded")


@dataclass(frozen=True, slots=True)
class Done:
    """A step or task that has ended.

    Attributes:
        call: the step or task.
        plan: what it became.
        node: its node; of a loop the one around its children.
        children: the nodes of its items, or the one node.
    """

    call: Plain
    plan: Plan
    node: NodeStatus
    children: list[NodeStatus]

    def add_to(self, scope: Scope, word: str) -> None:
        """Add what tags mean that name it.

        Args:
            scope: to which it is added.
            word: what the tags begin with.

        Raises:
            ValueProblem: the results of a loop cannot become a list.
        """
        prefix = f"{word}.{self.call['name']}."
        node = self.node
        scope.texts[f"{prefix}id"] = node.id
        scope.texts[f"{prefix}status"] = node.phase
        scope.texts[f"{prefix}startedAt"] = _time(node)
        if node.finished is not None:
            scope.texts[f"{prefix}finishedAt"] = node.finished.strftime(_TIME)
        if self.plan.is_loop:
            left = [child.outputs for child in self.children if child.phase == "Succeeded"]
            scope.texts.update({prefix + name: text for name, text in together(left).items()})
            return
        if node.exit_code is not None:
            scope.texts[f"{prefix}exitCode"] = str(node.exit_code)
        _add(scope, prefix, node.outputs)


_TIME = "%Y-%m-%dT%H:%M:%SZ"


def _time(node: NodeStatus) -> str:
    return node.started.strftime(_TIME)


def _add(scope: Scope, prefix: str, outputs: Outputs) -> None:
    if outputs.result is not None:
        scope.texts[f"{prefix}outputs.result"] = outputs.result
    for name, value in outputs.parameters.items():
        scope.texts[f"{prefix}outputs.parameters.{name}"] = value
    for name, artifact in outputs.artifacts.items():
        scope.artifacts[f"{prefix}outputs.artifacts.{name}"] = artifact


__all__ = ["FAILED_FAST", "Done", "Graph"]
