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
    if not failed:
        return refused_details(execution_id, outcome.message)
    exit_codes = [node.exit_code for node in failed if node.id == execution_id]
    return {
        "details": [container for node in failed for container in _containers(node)],
        "workflow_info": [
            _info(exit_codes[0] if exit_codes else None, execution_id, outcome.message, execution_id, outcome.phase),
            *(
                _info(node.exit_code, node.id, node.message, node.display_name, node.phase)
                for node in failed
                if node.id != execution_id
            ),
        ],
    }


def _info(exit_code: int | None, node_id: str, message: str, name: str, phase: str) -> dict[str, str]:
    return {
        "exit_code": "" if exit_code is None else str(exit_code),
        "id": node_id,
        "message": message,
        "name": name,
        "phase": phase,
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
