"""The status details of a workflow that failed on this machine, as AI Core words them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.world.bindings import refused_details

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.running.pods import Ended
    from pytest_aicore.running.walking.nodes import NodeStatus
    from pytest_aicore.running.walking.walk import Outcome

_LAST_LINES = 5


def failed_details(execution_id: str, outcome: Outcome) -> dict[str, Any]:
    """Return the status details of a workflow that failed: its failed containers, and its failed nodes.

    The shape is captured (`emulator/world/bindings.py`); that only failed pods are listed is assumed.

    Args:
        execution_id: its id.
        outcome: how it ended.
    """
    failed = [node for node in outcome.nodes if node.has_failed]
    root = next((node for node in failed if node.id == execution_id), None)
    if root is None:
        return refused_details(execution_id, outcome.message)
    others = (node for node in failed if node is not root)
    return {
        "details": [container for node in failed for container in _containers(node)],
        "workflow_info": [
            _info(root) | {"name": execution_id, "message": outcome.message, "phase": outcome.phase},
            *map(_info, others),
        ],
    }


def _info(node: NodeStatus) -> dict[str, str]:
    return {
        "exit_code": "" if node.exit_code is None else str(node.exit_code),
        "id": node.id,
        "message": node.message,
        "name": node.display_name,
        "phase": node.phase,
    }


def _containers(node: NodeStatus) -> Iterator[dict[str, Any]]:
    """Yield the containers of a pod, none of one that never started: `main`, and `wait`, which saves the outputs."""
    ended = node.ended
    if ended is None or ended.exit_code is None:
        return
    pod = node.pod or node.id
    is_mains = ended.exit_code != 0
    yield _container("main", pod, ended.exit_code, node.message if is_mains else "", _last(ended))
    message = "" if is_mains else node.message
    fatal = f'level=fatal msg="{message}"' if message else ""
    yield _container("wait", pod, 0 if is_mains else 1, message, fatal)


def _last(ended: Ended) -> str:
    return "\n".join(ended.last_lines[-_LAST_LINES:])


def _container(name: str, pod: str, exit_code: int, message: str, last: str) -> dict[str, Any]:
    return {
        "container_name": name,
        "exit_code": exit_code,
        "last_log_messages": last,
        "message": message,
        "pod_name": pod,
        "ready": False,
    }


__all__ = ["failed_details"]
