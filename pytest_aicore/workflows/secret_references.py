"""Which generic secrets the containers of a workflow cannot be created without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.yaml.tree import MappingNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_aicore.workflows.yaml.tree import Node

_NAMED_BY: Final = {"secretKeyRef": "name", "secretRef": "name", "secret": "secretName"}
"""Kubernetes: where a pod names a secret, in a variable, in `envFrom` and in a volume."""


def secrets_in(nodes: Iterable[Node]) -> Iterator[str]:
    """Yield the names of secrets that must exist; those with `optional: true` and placeholders are left out.

    Args:
        nodes: parts of a workflow, which aliases may share.
    """
    seen: set[int] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop(0)
        if id(node) in seen:
            continue
        seen.add(id(node))
        if type(node) is SequenceNode:
            waiting += node.items
        elif type(node) is MappingNode:
            waiting += node.values.values()
            for key, named_by in _NAMED_BY.items():
                reference = node.mapping(key)
                name = reference.name(named_by)
                if name and "{{" not in name and reference.text("optional") != "true":
                    yield name
