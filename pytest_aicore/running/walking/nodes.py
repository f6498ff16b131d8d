"""The nodes of a run: their names and ids as Argo makes them, and how they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.running.pods import Ended
    from pytest_aicore.running.walking.values import Supplied

NodeType = Literal["Pod", "Steps", "StepGroup", "DAG", "TaskGroup", "Retry", "Skipped", "Container", "Suspend"]
NodePhase = Literal["Pending", "Running", "Succeeded", "Failed", "Error", "Skipped", "Omitted"]
FAILURES = frozenset({"Failed", "Error"})
"""The phases of what has gone wrong."""
COMPLETED = FAILURES | {"Succeeded"}
"""The phases of what has run."""
_MOST_OF_PREFIX = 242
"""How much is kept of the beginning of a pod's name (argo-workflows, workflow/util/pod_name.go)."""


@dataclass(slots=True)
class Outputs:
    """What a node left.

    Attributes:
        result: what it wrote to stdout, None where nobody asked for that.
        parameters: its output parameters.
        artifacts: its output artifacts.
    """

    result: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, Supplied] = field(default_factory=dict)


@dataclass(slots=True)
class NodeStatus:
    """A node of a run, as Argo shows it in `status.nodes`.

    Attributes:
        name: `wf[0].train(1:a)`.
        display_name: `train(1:a)`.
        id: made from both names.
        type: what kind of node it is.
        template: the name of its template, empty where it has none.
        phase: how it stands.
        message: why, as Argo words it.
        started: when it began.
        finished: when it ended, None before.
        children: the ids of the nodes below it.
        outputs: what it left.
        pod: the name of its pod, None without one.
        plan: the resource plan of its pod, empty without one.
        ended: how its pod ended, None before or without one.
        setup_error: why it could not be begun at all; Argo then gives up the group that it is in.
    """

    name: str
    display_name: str
    id: str
    type: NodeType
    template: str
    phase: NodePhase = "Pending"
    message: str = ""
    started: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    finished: datetime | None = None
    children: list[str] = field(default_factory=list)
    outputs: Outputs = field(default_factory=Outputs)
    pod: str | None = None
    plan: str = ""
    ended: Ended | None = None
    setup_error: str = ""

    @property
    def has_failed(self) -> bool:
        """Whether it has gone wrong."""
        return self.phase in FAILURES

    @property
    def exit_code(self) -> int | None:
        """The exit code of its container, None without one."""
        return None if self.ended is None else self.ended.exit_code


def title_of(node: str, run: str) -> str:
    """Return the name of a node without that of the run, which stands before all of them; `main` for the root.

    Args:
        node: the name of the node.
        run: the name of the run.
    """
    return node.removeprefix(run).lstrip(".") or "main"


def hash_of(name: str) -> int:
    """Return the FNV-1a hash of 32 bits of a node's name, which is a part of its id (argo-workflows, NodeID).

    Args:
        name: of the node.
    """
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def node_id(workflow: str, name: str) -> str:
    """Return the id of a node.

    Args:
        workflow: the name of the workflow.
        name: of the node.
    """
    return workflow if name == workflow else f"{workflow}-{hash_of(name)}"


def pod_name(workflow: str, template: str, name: str) -> str:
    """Return the name of a node's pod.

    Args:
        workflow: the name of the workflow.
        template: the name of the node's template, empty for an inline one.
        name: of the node.
    """
    if name == workflow:
        return workflow
    prefix = f"{workflow}-{template}" if template else workflow
    return f"{prefix[:_MOST_OF_PREFIX]}-{hash_of(name)}"


__all__ = [
    "COMPLETED",
    "FAILURES",
    "NodePhase",
    "NodeStatus",
    "NodeType",
    "Outputs",
    "hash_of",
    "node_id",
    "pod_name",
    "title_of",
]
