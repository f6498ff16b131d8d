"""What becomes of a configuration whose bindings do not fit its template.

AI Core accepts every configuration. That names do not match shows only when an execution ends DEAD, without
a log line (documentation and field reports; the shape of the details is captured, their sentences are Argo's).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_aicore.emulator.state import Configuration, ResourceGroup
    from pytest_aicore.workflows import Executable


def wrong_binding(group: ResourceGroup, configuration: Configuration, executable: Executable) -> str | None:
    """Return what is wrong with the bindings, in the words of the cluster, or None when they fit."""
    parameters, artifacts = dict(configuration.parameters), dict(configuration.artifacts)
    known_parameters = {parameter.name for parameter in executable.parameters}
    known_artifacts = {artifact.name for artifact in executable.input_artifacts}
    for parameter in executable.parameters:
        if parameter.required and parameter.name not in parameters:
            argument = f"spec.arguments.{parameter.name}"
            return f"invalid spec: {argument}.value or {argument}.valueFrom is required"
    for artifact in executable.input_artifacts:
        if artifact.name not in artifacts:
            return f"invalid spec: spec.arguments.artifacts.{artifact.name} was not supplied"
    for name in parameters:
        if name not in known_parameters:
            return f"invalid spec: parameter '{name}' is not declared in workflow template '{executable.id}'"
    for name in artifacts:
        if name not in known_artifacts:
            return f"invalid spec: artifact '{name}' is not declared in workflow template '{executable.id}'"
    for name, artifact_id in artifacts.items():
        registered = group.artifacts.get(artifact_id)
        if registered is None:
            return f"invalid spec: artifact '{name}' is bound to {artifact_id}, which is not found"
        if registered.url.endswith("/"):
            return f"failed to load artifact '{name}' from {registered.url}: The specified key does not exist."
    return None


def refused_details(execution_id: str, message: str) -> dict[str, Any]:
    """Return the status details of a workflow that the cluster refused before any pod started."""
    return {
        "details": [],
        "workflow_info": [
            {"exit_code": "", "id": execution_id, "message": message, "name": execution_id, "phase": "Error"}
        ],
    }


def failed_details(execution_id: str, executable_id: str, last_lines: Sequence[str]) -> dict[str, Any]:
    """Return the status details of a training whose container ended with an error (shape captured)."""
    pod = f"{execution_id}-{executable_id}-{int(execution_id[-8:], 16) % 10**10}"
    return {
        "details": [
            {
                "container_name": "main",
                "exit_code": 1,
                "last_log_messages": "\n".join(last_lines),
                "message": "Error (exit code 1)",
                "pod_name": pod,
                "ready": False,
            },
            {
                "container_name": "wait",
                "exit_code": 0,
                "last_log_messages": "",
                "message": "",
                "pod_name": pod,
                "ready": False,
            },
        ],
        "workflow_info": [
            {
                "exit_code": "1",
                "id": execution_id,
                "message": f"child '{pod}' failed",
                "name": execution_id,
                "phase": "Failed",
            }
        ],
    }
