"""Groups of steps: one after the other, the steps of each side by side.

Source: argo-workflows 3.5, workflow/controller/steps.go.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pytest_aicore.running.walking.calls import continues
from pytest_aicore.running.walking.graphs import FAILED_FAST, Done
from pytest_aicore.running.walking.values import Plain, Scope, ValueProblem

if TYPE_CHECKING:
    from pytest_aicore.running.walking.graphs import Graph
    from pytest_aicore.running.walking.nodes import NodePhase, NodeStatus


async def carry_out_steps(graph: Graph) -> None:
    """Carry out a template of steps to its end.

    Args:
        graph: the template.
    """
    scope = Scope(dict(graph.inputs.texts), dict(graph.inputs.artifacts))
    for number, group in enumerate(graph.template["steps"] or []):
        name = f"[{number}]"
        node = graph.run.node(graph.node.name + name, name, "StepGroup", parent=graph.node)
        graph.run.change(node, "Running")
        await _carry_out_group(graph, node, group or [], scope)
        if node.has_failed:
            graph.run.change(graph.node, "Failed", FAILED_FAST if graph.has_failed_fast else node.message)
            return
    graph.finish(scope)
    if graph.node.phase == "Succeeded":
        graph.run.publish(graph.template, graph.node.outputs)


async def _carry_out_group(graph: Graph, node: NodeStatus, group: list[Plain], scope: Scope) -> None:
    """Carry out the steps of a group, and add what they left to the scope."""
    try:
        plans = [graph.plan(step, scope) for step in group]
    except ValueProblem as problem:
        graph.run.change(node, "Error", str(problem))
        return
    children = await asyncio.gather(*(graph.children(plan, f"{node.name}.", node) for plan in plans))
    phase, message = _ending(group, children)
    graph.run.change(node, phase, message)
    if phase != "Succeeded":
        return
    try:
        for step, plan, nodes in zip(group, plans, children, strict=True):
            Done(step, plan, node if plan.is_loop else nodes[0], nodes).add_to(scope, graph.word)
    except ValueProblem as problem:
        graph.run.change(node, "Error", str(problem))


def _ending(group: list[Plain], children: list[list[NodeStatus]]) -> tuple[NodePhase, str]:
    for nodes in children:
        for child in nodes:
            if child.setup_error:
                error = child.setup_error
                is_own = child.type == "Skipped"  # its `when` cannot be read
                said = error if is_own else f"step group deemed errored due to child {child.name} error: {error}"
                return "Error", said
    for step, nodes in zip(group, children, strict=True):
        for child in nodes:
            if not continues(step, child):
                return "Failed", f"child '{child.id}' failed"
    return "Succeeded", ""


__all__ = ["carry_out_steps"]
