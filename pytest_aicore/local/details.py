"""The status details of a workflow that failed on this machine, as AI Core words them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.world.bindings import SERVING, container_json, node_json, refused_details
from pytest_aicore.http.exchange import microseconds_z, seconds_z
from pytest_aicore.running.walking.nodes import title_of
from pytest_aicore.workflows.resource_plans import memory_of

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
            node_json(
                exit_codes[0] if exit_codes else None, execution_id, outcome.message, execution_id, outcome.phase
            ),
            *(
                node_json(node.exit_code, node.id, node.message, node.display_name, node.phase)
                for node in failed
                if node.id != execution_id
            ),
        ],
    }


def server_details(deployment_id: str, message: str, ended: Ended | None) -> dict[str, Any]:
    """Return the status details of a deployment whose server has failed.

    The shape of conditions is captured, that of containers is the one of executions; both together are assumed.

    Args:
        deployment_id: its id.
        message: why it has failed.
        ended: how its container has ended, None if there was none.
    """
    now = seconds_z(time.time())
    condition = {"last_transition_time": now, "message": message, "status": "False", "type": "PredictorReady"}
    pod = f"{deployment_id}-predictor"
    containers = [] if ended is None else [container_json(SERVING, pod, ended.exit_code, ended.message, _last(ended))]
    return {"deployment_info": [condition], "details": containers}


def steps_of(outcome: Outcome) -> list[dict[str, Any]]:
    """Return what each step took, as plain data: what the status details of AI Core have no place for.

    Args:
        outcome: how the workflow ended.
    """
    run = outcome.nodes[0].name if outcome.nodes else ""
    return [
        {
            "name": node.template if node.name == run else title_of(node.name, run),
            "template": node.template,
            "phase": node.phase,
            "message": node.message,
            "exit_code": node.exit_code,
            "started": microseconds_z(node.started.timestamp()),
            "ended": microseconds_z((node.finished or node.started).timestamp()),
            "seconds": ended.seconds,
            "cpu_seconds": ended.cpu_seconds,
            "peak_memory": ended.peak_memory,
            "plan": node.plan,
            "plan_memory": memory_of(node.plan),
            "repeat": ended.repeat,
        }
        for node in outcome.nodes
        if node.type == "Pod" and (ended := node.ended) is not None
    ]


def _containers(node: NodeStatus) -> Iterator[dict[str, Any]]:
    """Yield the containers of a pod, none of one that never started: `main`, and `wait`, which saves the outputs."""
    ended = node.ended
    if ended is None or ended.exit_code is None:
        return
    pod = node.pod or node.id
    is_mains = ended.exit_code != 0
    yield container_json("main", pod, ended.exit_code, node.message if is_mains else "", _last(ended))
    message = "" if is_mains else node.message
    fatal = f'level=fatal msg="{message}"' if message else ""
    yield container_json("wait", pod, 0 if is_mains else 1, message, fatal)


def _last(ended: Ended) -> str:
    return "\n".join(ended.last_lines[-_LAST_LINES:])


__all__ = ["failed_details", "server_details", "steps_of"]
