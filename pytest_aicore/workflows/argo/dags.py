"""Which of the tasks of a dag wait for which, directly and not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_aicore.workflows.argo.graph import CallModel
    from pytest_aicore.workflows.yaml.tree import Node


class Ancestors:
    """For each task the tasks that have ended when it begins, as bits of a number: dags may have thousands of tasks."""

    def __init__(self, calls: Mapping[str, CallModel]) -> None:
        self._bit = {name: 1 << index for index, name in enumerate(calls)}
        direct = {name: [other for other in call.depends_on if other in calls] for name, call in calls.items()}
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


class Circle(NamedTuple):
    """Things that wait for each other.

    Attributes:
        names: what waits for what, the first one once more at the end.
        at: where the first one says that it waits for the second; of all, that stands further down in the file.
    """

    names: list[str]
    at: Node


def circles(edges: Mapping[str, list[tuple[str, Node]]]) -> Iterator[Circle]:
    """Yield circles, no two of them at one place.

    Args:
        edges: by name what each waits for, with the node that says so, in the order of the file.
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
                circle = _circle([*path[begin + 1 :], (name, node)], order)
                if circle is not None and circle.at not in told:
                    told.add(circle.at)
                    yield circle
            elif name not in state:
                state[name] = 1
                path.append((name, node))
                pending.append((name, None, True))
                pending.extend((target, at, False) for target, at in edges.get(name, ()))


def _circle(found: list[tuple[str, Node | None]], order: Mapping[str, int]) -> Circle | None:
    """Turn a circle so that it begins with the dependency to tell of, on something that stands further down.

    Args:
        found: names with what they are waited for in, the last one waited for by the first.
        order: the place of each name in the file.
    """
    count = len(found)
    at = next((number for number in range(count) if order[found[number][0]] >= order[found[number - 1][0]]), count - 1)
    node = found[at][1]
    if node is None:
        return None
    return Circle([found[(at - 1 + number) % count][0] for number in range(count + 1)], node)
