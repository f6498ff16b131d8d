"""Tasks that depend on each other.

Source: argo-workflows 3.5, workflow/controller/dag.go and workflow/common/ancestry.go.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pytest_aicore.running.walking.calls import Plan, continues
from pytest_aicore.running.walking.conditions import allows
from pytest_aicore.running.walking.graphs import FAILED_FAST, Done
from pytest_aicore.running.walking.templates import name_of
from pytest_aicore.running.walking.values import Plain, Scope, ValueProblem, json_of
from pytest_aicore.workflows.argo.expressions import parse_depends

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_aicore.running.walking.graphs import Graph
    from pytest_aicore.running.walking.nodes import NodePhase, NodeStatus

_OMITTED = "omitted: depends condition not met"


async def carry_out_dag(graph: Graph) -> None:
    """Carry out a template of tasks to its end.

    Args:
        graph: the template.
    """
    tasks = _Tasks(graph)
    targets = tasks.targets
    unknown = [name for name in targets if name not in tasks.by_name]
    if unknown:
        graph.run.change(graph.node, "Error", f"target '{unknown[0]}' is not defined")
        return
    wanted = [name for name in tasks.by_name if name in targets or any(name in tasks.before[each] for each in targets)]
    await tasks.carry_out(wanted)
    for name in targets:
        phase = tasks.branch_phase[name]
        if phase != "Succeeded" and not tasks.is_allowed(name, phase):
            if graph.has_failed_fast:
                graph.run.change(graph.node, "Failed", FAILED_FAST)
            else:
                graph.run.change(graph.node, phase)
            return
    scope = Scope()
    try:
        for name in wanted:
            tasks.add_to(scope, name)
    except ValueProblem as problem:
        graph.run.change(graph.node, "Error", str(problem))
        return
    graph.finish(scope)


class _Tasks:
    """The tasks of a dag, and those that have ended.

    Attributes:
        by_name: the tasks, in the order of the file.
        before: by name those that a task depends on, directly or not.
        branch_phase: of each that has ended its phase; what did not run has the worst one of those that it depends on.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._dag: Plain = graph.template["dag"]
        self.by_name: dict[str, Plain] = {task["name"]: task for task in self._dag["tasks"]}
        self._depends_on = {name: _depends_on(task) for name, task in self.by_name.items()}
        self.before = {name: self._all_before(name) for name in self.by_name}
        self._done: dict[str, Done] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self.branch_phase: dict[str, NodePhase] = {}

    @property
    def targets(self) -> list[str]:
        """Those whose ends decide about the dag: the tasks that are named, else those that nothing depends on."""
        if self._dag.get("target"):
            return str(self._dag["target"]).split()
        needed = {name for names in self._depends_on.values() for name in names}
        return [name for name in self.by_name if name not in needed]

    def _all_before(self, name: str) -> set[str]:
        found: set[str] = set()
        pending = list(self._depends_on[name])
        while pending:
            other = pending.pop()
            if other not in found:
                found.add(other)
                pending.extend(self._depends_on[other])
        return found

    async def carry_out(self, names: Iterable[str]) -> None:
        """Carry tasks out, each when those have ended that it depends on."""
        for name in names:
            self._running[name] = asyncio.ensure_future(self._carry_out_one(name))
        await asyncio.gather(*self._running.values())

    async def _carry_out_one(self, name: str) -> None:
        for other in self._depends_on[name]:
            await self._running[other]
        task = self.by_name[name]
        try:
            if self._depends_on[name] and not allows(_condition(task), self._has):
                self._end_alone(name, "Omitted", _OMITTED)
                return
            scope = Scope(dict(self._graph.inputs.texts), dict(self._graph.inputs.artifacts))
            for other in self._mentioned(task):
                self.add_to(scope, other)
            plan = self._graph.plan(task, scope)
        except ValueProblem as problem:
            self._end_alone(name, "Error", str(problem))
            return
        await self._carry_out_plan(name, plan)

    def _mentioned(self, task: Plain) -> list[str]:
        """Return those before a task that it may name, and all loops: what those left may be wrong in itself."""
        before, text = self.before[task["name"]], json_of(task)
        return [name for name in self.by_name if name in before and (name in text or self._done[name].plan.is_loop)]

    async def _carry_out_plan(self, name: str, plan: Plan) -> None:
        graph = self._graph
        prefix = f"{graph.node.name}."
        group = None
        if plan.is_loop:
            group = graph.run.node(
                prefix + name, name, "TaskGroup", name_of(self.by_name[name]["template"]), graph.node
            )
            graph.run.change(group, "Running")
        children = await graph.children(plan, prefix, group or graph.node)
        for child in children:
            if child.setup_error and child.type != "Skipped":
                graph.run.change(child, "Error", f"task '{child.name}' errored: {child.setup_error}")
        if group is not None:
            bad = [child.phase for child in children if child.has_failed]
            graph.run.change(group, bad[-1] if bad else "Succeeded")
        self._end(name, plan, group or children[0], children)

    def _end_alone(self, name: str, phase: NodePhase, message: str) -> None:
        """End a task that does not run."""
        graph = self._graph
        template = name_of(self.by_name[name]["template"])
        node = graph.run.node(f"{graph.node.name}.{name}", name, "Skipped", template, graph.node)
        graph.run.change(node, phase, message)
        self._end(name, Plan(is_loop=False, nodes=[]), node, [node])

    def _end(self, name: str, plan: Plan, node: NodeStatus, children: list[NodeStatus]) -> None:
        self._done[name] = Done(self.by_name[name], plan, node, children)
        phase = node.phase
        if phase in ("Skipped", "Omitted"):
            inherited = (self.branch_phase[other] for other in self._depends_on[name])
            phase = next((other for other in inherited if other != "Succeeded"), "Succeeded")
        self.branch_phase[name] = phase

    def _has(self, name: str, result: str | None) -> bool:
        """Return whether a task has ended with a result; without one whether its dependants may run."""
        done = self._done[name]
        if result is None:
            return done.node.phase in ("Succeeded", "Skipped") or (
                done.node.has_failed and continues(done.call, done.node)
            )
        if result in _PHASES:
            return done.node.phase == _PHASES[result]
        phases = [child.phase for child in done.children] if done.node.type == "TaskGroup" else []
        if result == "AnySucceeded":
            return "Succeeded" in phases
        if result == "AllFailed":
            return bool(phases) and set(phases) == {"Failed"}
        if result == "Daemoned":
            return False
        raise ValueProblem(f"task result '{result}' for task '{name}' is invalid")

    def is_allowed(self, name: str, phase: NodePhase) -> bool:
        """Return whether a target may end with a phase because of its `continueOn`."""
        allowed = self.by_name[name].get("continueOn") or {}
        return bool(allowed.get("failed" if phase == "Failed" else "error"))

    def add_to(self, scope: Scope, name: str) -> None:
        """Add what a task left that has ended."""
        self._done[name].add_to(scope, self._graph.word)


_PHASES: Mapping[str, NodePhase] = {
    "Succeeded": "Succeeded",
    "Failed": "Failed",
    "Errored": "Error",
    "Skipped": "Skipped",
    "Omitted": "Omitted",
}
"""The results of `depends` that are phases."""


def _depends_on(task: Plain) -> list[str]:
    names = list(task.get("dependencies") or ())
    if task.get("depends"):
        names += [name for name, _ in parse_depends(task["depends"]).tasks]
    return list(dict.fromkeys(names))


def _condition(task: Plain) -> str:
    return task.get("depends") or " && ".join(task["dependencies"])


__all__ = ["carry_out_dag"]
