"""The dependencies between the tasks of a dag, direct and indirect, and cycles of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_aicore.workflows.argo.graph import CallModel
    from pytest_aicore.workflows.yaml.tree import Node


class Ancestors:
    """For each task the tasks that end before it begins, as bits of a number: dags may have thousands of tasks."""

    def __init__(self, calls: Mapping[str, CallModel]) -> None:
        self._bit = {name: 1 << index for index, name in enumerate(calls)}
        direct = {name: [other for other in call.depends_on if other in calls] for name, call in calls.items()}
        self._before = dict.fromkeys(calls, 0)
        order = _depth_first(direct)
        changed = True
        while changed:  # twice, the second time without changes; more often only where there is a cycle
            changed = False
            for name in order:
                before = self._before[name]
                for other in direct[name]:
                    before |= self._before[other] | self._bit[other]
                changed = changed or before != self._before[name]
                self._before[name] = before

    def has(self, task: str, name: str) -> bool:
        """Return whether a task depends on another one, directly or not."""
        return name != task and bool(self._before.get(task, 0) & self._bit.get(name, 0))


def _depth_first(direct: Mapping[str, list[str]]) -> list[str]:
    """Return the tasks in an order in which each comes after those that it depends on, except for cycles."""
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


class Cycle(NamedTuple):
    """Tasks or containers that depend on each other.

    Attributes:
        names: each depends on the next one; the first is repeated at the end.
        at: the node with the dependency of the first on the second, which is further down in the file.
    """

    names: list[str]
    at: Node


def cycles(edges: Mapping[str, list[tuple[str, Node]]]) -> Iterator[Cycle]:
    """Yield cycles, no two of them at one place.

    Args:
        edges: by name the dependencies of each, with their nodes, in the order of the file.
    """
    order = {name: number for number, name in enumerate(edges)}
    state: dict[str, int] = {}
    told: set[Node] = set()
    for start in reversed(order):
        path: list[tuple[str, Node | None]] = []
        pending: list[tuple[str, Node | None, bool]] = [(start, None, False)]
        while pending:
            name, node, leaves = pending.pop()
            if leaves:
                path.pop()
                state[name] = 2
            elif state.get(name) == 1:
                begin = next(number for number, (known, _) in enumerate(path) if known == name)
                cycle = _cycle([*path[begin + 1 :], (name, node)], order)
                if cycle is not None and cycle.at not in told:
                    told.add(cycle.at)
                    yield cycle
            elif name not in state:
                state[name] = 1
                path.append((name, node))
                pending.append((name, None, True))
                pending.extend((target, at, False) for target, at in edges.get(name, ()))


def _cycle(found: list[tuple[str, Node | None]], order: Mapping[str, int]) -> Cycle | None:
    """Rotate a cycle so that it begins with a dependency on something further down in the file.

    Args:
        found: names with the nodes of the dependencies on them; the first depends on the last one.
        order: the place of each name in the file.
    """
    count = len(found)
    at = next((number for number in range(count) if order[found[number][0]] >= order[found[number - 1][0]]), count - 1)
    node = found[at][1]
    if node is None:
        return None
    return Cycle([found[(at - 1 + number) % count][0] for number in range(count + 1)], node)
