"""How an execution fails whose bindings do not match its template.

AI Core accepts every configuration. That names do not match shows only when an execution ends DEAD, without
a log line (documentation and field reports; the shape of the details is captured, their sentences are Argo's).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.store.records import Deployment
from pytest_aicore.http.exchange import seconds_z
from pytest_aicore.service_facts import DEFAULT_STORE

if TYPE_CHECKING:
    from pytest_aicore.emulator.store.records import Configuration, Enactment
    from pytest_aicore.emulator.store.state import ResourceGroup
    from pytest_aicore.workflows import Executable

MISSING_STORE = (
    "failed to load artifact '{name}' from {url}: failed to get secret:"
    ' secrets "{store}-object-store-secret" not found'
)
"""Assumed: no capture shows how a training fails whose artifact's URL names an object-store secret that does not exist;
the name of the secret in the cluster is that of the specification's example."""
SERVING = "kserve-container"
"""Assumed: the container of a deployment's log lines is the one that KServe wants its server to have."""


def wrong_binding(group: ResourceGroup, configuration: Configuration, executable: Executable) -> str | None:
    """Return what is wrong with the bindings, as the cluster words it, or None if they match."""
    parameters, artifacts = dict(configuration.parameters), dict(configuration.artifacts)
    known_parameters = {parameter.name for parameter in executable.parameters}
    known_artifacts = {artifact.name for artifact in executable.input_artifacts}
    for parameter in executable.parameters:
        if parameter.required and parameter.name not in parameters:
            argument = f"spec.arguments.{parameter.name}"
            return f"invalid spec: {argument}.value or {argument}.valueFrom is required"
    for artifact in executable.input_artifacts:
        if not artifact.optional and artifact.name not in artifacts:
            return f"invalid spec: spec.arguments.artifacts.{artifact.name} was not supplied"
    for kind, bound, known in (("parameter", parameters, known_parameters), ("artifact", artifacts, known_artifacts)):
        for name in bound:
            if name not in known and not _takes_anything(executable):
                return f"invalid spec: {kind} '{name}' is not declared in workflow template '{executable.id}'"
    for name, artifact_id in artifacts.items():
        registered = group.artifacts.get(artifact_id)
        if registered is None:
            return f"invalid spec: artifact '{name}' is bound to {artifact_id}, which is not found"
        store = _store(registered.url)
        if store not in (None, DEFAULT_STORE) and store not in group.object_store_secrets:
            return MISSING_STORE.format(name=name, url=registered.url, store=store)
        if registered.url.endswith("/"):
            return f"failed to load artifact '{name}' from {registered.url}: The specified key does not exist."
    return None


def _takes_anything(executable: Executable) -> bool:
    """Return whether it is one of SAP's own, of which it is not known what it takes."""
    from pytest_aicore.emulator.world.catalogue import TRAINED_BY_SAP  # late: few configurations bind what is unknown

    return executable.scenario_id in TRAINED_BY_SAP


def _store(url: str) -> str | None:
    """Return the object-store secret that a URL names, None for other URLs. Without `default` nothing starts at all."""
    scheme, _, rest = url.partition("://")
    return rest.partition("/")[0] if scheme == "ai" else None


def refused_details(execution_id: str, message: str) -> dict[str, Any]:
    """Return the status details of a workflow that the cluster refused before any pod started."""
    return {
        "details": [],
        "workflow_info": [node_json(None, execution_id, message, execution_id, "Error")],
    }


def failed_details(enactment: Enactment) -> dict[str, Any]:
    """Return the status details of a training whose container ended with an error (shape captured).

    Those of a deployment that could not be brought up are assumed: the list of containers as for executions, and
    the conditions that a capture shows of a running one.
    """
    if isinstance(enactment, Deployment):
        pod = f"{enactment.id}-predictor"
        condition = {
            "last_transition_time": seconds_z(enactment.entered_at),
            "message": f"Container {SERVING} ended with exit code 1",
            "status": "False",
            "type": "PredictorReady",
        }
        return {"deployment_info": [condition], "details": [_container(SERVING, pod, 1, enactment)]}
    pod = pod_of(enactment)
    return {
        "details": [_container("main", pod, 1, enactment), _container("wait", pod, 0, enactment)],
        "workflow_info": failed_nodes(enactment, 1, "Error (exit code 1)"),
    }


def pod_of(enactment: Enactment) -> str:
    """Return the name of the pod in which an execution runs; Argo gives it a number at its end."""
    return f"{enactment.id}-{enactment.executable_id}-{_pod_number(enactment)}"


def failed_nodes(enactment: Enactment, exit_code: int, message: str) -> list[dict[str, Any]]:
    """Return the nodes of a failed workflow: itself (captured), and the one of its pod.

    The id of the second ends in the pod's number: inferred from the parser of SAP's SDK for generative AI; its other
    fields are assumed.

    Args:
        enactment: the execution.
        exit_code: that of the container.
        message: that of the container.
    """
    node_id = f"{enactment.id}-{_pod_number(enactment)}"
    return [
        node_json(exit_code, enactment.id, f"child '{pod_of(enactment)}' failed", enactment.id, "Failed"),
        node_json(exit_code, node_id, message, enactment.executable_id, "Failed"),
    ]


def node_json(exit_code: int | None, node_id: str, message: str, name: str, phase: str) -> dict[str, str]:
    """Return a node of a workflow as status details show it (shape captured).

    Args:
        exit_code: of its container, None if none ended.
        node_id: its id.
        message: why it failed.
        name: its name.
        phase: as Argo shows it.
    """
    return {
        "exit_code": "" if exit_code is None else str(exit_code),
        "id": node_id,
        "message": message,
        "name": name,
        "phase": phase,
    }


def container_json(name: str, pod: str, exit_code: int | None, message: str, last: str) -> dict[str, Any]:
    """Return a container as status details show it (shape captured).

    Args:
        name: its name.
        pod: the name of its pod.
        exit_code: None as long as it waits.
        message: why it failed, or waits.
        last: its last log lines.
    """
    return {
        "container_name": name,
        **({} if exit_code is None else {"exit_code": exit_code}),
        "last_log_messages": last,
        "message": message,
        "pod_name": pod,
        "ready": False,
    }


def _pod_number(enactment: Enactment) -> int:
    return int(enactment.id[-8:], 16) % 10**10


def unseen_details(deployment_id: str) -> dict[str, Any]:
    """Return the status details of a deployment that does not exist in the cluster yet (captured)."""
    message = {"code": "05010016", "message": f"Deployment id {deployment_id} not found"}
    return {"aiApiDetails": {"statusUpdater": {"message": [message]}}}


def _container(name: str, pod: str, exit_code: int, enactment: Enactment) -> dict[str, Any]:
    lines = [line.message for line in enactment.logs if line.container == name][-5:]
    message = f"Error (exit code {exit_code})" if exit_code else ""
    return container_json(name, pod, exit_code, message, "\n".join(lines))
