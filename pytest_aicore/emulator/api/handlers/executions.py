"""Executions: started, watched, stopped, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.api.call import IDENTIFIER
from pytest_aicore.emulator.api.handlers.artifacts import artifact_json
from pytest_aicore.emulator.api.handlers.enactments import (
    EnactmentKind,
    details_json,
    filters,
    logs_response,
    selects_status,
    status_json,
    time_json,
)
from pytest_aicore.emulator.api.validation import ID, ObjectOf, Text, json_body, query_text
from pytest_aicore.http.exchange import (
    ApiError,
    Json,
    json_response,
    present,
    seconds_z,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.emulator.store.records import Configuration, Execution
    from pytest_aicore.http.exchange import Response

NOT_FOUND = "01010020"
"""Captured for bulk changes of an unknown execution; that a single call answers the same is assumed."""
UNUSABLE_CONFIGURATION = "01010060"
"""Assumed: no capture shows the code for starting an execution with an unknown or deployable configuration."""

EXECUTIONS: EnactmentKind[Execution] = EnactmentKind(
    "Execution", "executions", NOT_FOUND, lambda group: group.executions
)
POST_DATA = ObjectOf({"configurationId": Text(pattern=ID)}, required=("configurationId",))
PATCH_DATA = ObjectOf({"targetStatus": Text(choices=("STOPPED",))}, required=("targetStatus",))


def create(call: ApiCall) -> Response:
    """Start an execution. Bindings that do not match its template make the execution fail later."""
    configuration = executable_configuration(call, json_body(call.request, POST_DATA)["configurationId"])
    execution = call.platform.cluster.start(call.group, configuration)
    return json_response(
        202,
        {
            "id": execution.id,
            "message": "Execution scheduled",
            "status": execution.status,
            "targetStatus": execution.target_status,
        },
        {"location": f"{call.request.path}/{execution.id}"},
    )


def executable_configuration(call: ApiCall, configuration_id: str) -> Configuration:
    """Return a configuration that can be executed.

    Raises:
        ApiError: 400 if it does not exist, or can only be deployed.
    """
    configuration = call.group.configurations.get(configuration_id)
    if configuration is None:
        raise ApiError(
            400,
            UNUSABLE_CONFIGURATION,
            f"Invalid Request, Configuration with id {configuration_id} is not found",
        )
    published = call.state.find_published(configuration.executable_id)
    if published and published.executable.deployable:
        raise ApiError(
            400,
            UNUSABLE_CONFIGURATION,
            f"Invalid Request, Executable {configuration.executable_id} is deployable: "
            "it can be deployed, but not executed",
        )
    return configuration


def get(call: ApiCall) -> Response:
    """Show one execution; with `$select=status` only the fields of its status."""
    return json_response(200, _shown(call)(EXECUTIONS.poll(call)))


def query(call: ApiCall) -> Response:
    """List executions, the newest first."""
    wanted = _filters(call)
    _wait_for_schedule(call, wanted)
    return EXECUTIONS.query(call, wanted, _shown(call))


def count(call: ApiCall) -> Response:
    """Count executions."""
    wanted = _filters(call)
    _wait_for_schedule(call, wanted)
    return EXECUTIONS.count(call, wanted)


def modify(call: ApiCall) -> Response:
    """Stop one execution."""
    json_body(call.request, PATCH_DATA)
    return EXECUTIONS.stop(call, EXECUTIONS.find(call))


def delete(call: ApiCall) -> Response:
    """Delete one execution; its artifacts stay."""
    return EXECUTIONS.delete(call)


def modify_many(call: ApiCall) -> Response:
    """Stop or delete up to a hundred executions; each gets its own result."""
    return EXECUTIONS.modify_many(call)


def logs(call: ApiCall) -> Response:
    """Show the log lines of an execution."""
    execution = EXECUTIONS.find(call)
    return logs_response(call, execution, execution.id)


def _filters(call: ApiCall) -> dict[str, Any]:
    return {**filters(call), "schedule_id": query_text(call.request, "executionScheduleId", IDENTIFIER)}


def _wait_for_schedule(call: ApiCall, wanted: dict[str, Any]) -> None:
    """Let the time of a poll pass for a client that waits for the executions of a schedule."""
    schedule = call.group.schedules.get(wanted["schedule_id"] or "")
    if schedule and schedule.status == "ACTIVE":
        call.platform.world.poll()


def _shown(call: ApiCall) -> Callable[[Execution], Json]:
    """Return how an execution is shown."""
    shown = status_json if selects_status(call) else _execution_json
    return lambda execution: shown(call, execution)


def _execution_json(call: ApiCall, execution: Execution) -> Json:
    outputs = call.group.artifacts.select({"execution_id": execution.id})
    return present(
        completionTime=time_json(execution.completion_time),
        configurationId=execution.configuration_id,
        configurationName=execution.configuration_name,
        createdAt=seconds_z(execution.created_at),
        executableId=execution.executable_id,
        executionScheduleId=execution.schedule_id,
        id=execution.id,
        modifiedAt=seconds_z(execution.modified_at),
        outputArtifacts=[artifact_json(artifact) for artifact in reversed(outputs)],
        scenarioId=execution.scenario_id,
        startTime=time_json(execution.start_time),
        status=execution.status,
        statusDetails=details_json(call, execution),
        statusMessage=execution.status_message,
        submissionTime=time_json(execution.submission_time),
        targetStatus=execution.target_status,
    )
