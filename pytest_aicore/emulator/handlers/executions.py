"""Executions: started, watched, stopped, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.call import IDENTIFIER, not_found
from pytest_aicore.emulator.handlers.artifacts import artifact_json, paging
from pytest_aicore.emulator.handlers.configurations import one_of
from pytest_aicore.emulator.lifecycle import CAN_BE_DELETED, CAN_BE_STOPPED, STATUSES
from pytest_aicore.emulator.validation import ID, ListOf, ObjectOf, Text, json_body, query_text, query_whole
from pytest_aicore.emulator.wire import (
    ApiError,
    Json,
    error_body,
    internal_path,
    invalid,
    json_response,
    nanoseconds_offset,
    page,
    parse_time,
    present,
    seconds_z,
    text_response,
)

if TYPE_CHECKING:
    from pytest_aicore.emulator.call import Call
    from pytest_aicore.emulator.state import Execution
    from pytest_aicore.emulator.wire import Response

NOT_FOUND = "01010020"
"""Captured for bulk changes of an unknown execution; that a single call answers the same is assumed."""
CANNOT_BE_CHANGED = "01010076"
ILLEGAL_CHANGE_STATUS = 400
"""Assumed: 400 or 412, nobody captured it; the sentence's prefix is that of the 400s."""
UNUSABLE_CONFIGURATION = "01010060"
"""Assumed: nobody captured the code for starting an execution with an unknown or deployable configuration."""
BULK_CONTENT_TYPE = "application/merge-patch+json"
BULK_LIMIT = 100
LOGS_DEFAULT_TOP = 1000
LOGS_MAXIMUM_TOP = 5000
LOGS_DEFAULT_SECONDS = 3600

POST_DATA = ObjectOf({"configurationId": Text(pattern=ID)}, required=("configurationId",))
PATCH_DATA = ObjectOf({"targetStatus": Text(choices=("STOPPED",))}, required=("targetStatus",))
BULK_DATA = ObjectOf(
    {
        "executions": ListOf(
            ObjectOf(
                {"id": Text(pattern=ID), "targetStatus": Text(choices=("STOPPED", "DELETED"))},
                required=("id", "targetStatus"),
            ),
            BULK_LIMIT,
            1,
        )
    },
    required=("executions",),
)


def create(call: Call) -> Response:
    """Start an execution. Bindings that do not fit its template are found out later, by the execution itself."""
    configuration_id = json_body(call.request, POST_DATA)["configurationId"]
    configuration = call.group.configurations.get(configuration_id)
    if configuration is None:
        raise ApiError(
            400,
            UNUSABLE_CONFIGURATION,
            f"Invalid Request, Configuration with id {configuration_id} is not found",
        )
    published = call.state.published.get(configuration.executable_id)
    if published and published.executable.deployable:
        raise ApiError(
            400,
            UNUSABLE_CONFIGURATION,
            f"Invalid Request, Executable {configuration.executable_id} is deployable: "
            "it can be deployed, but not executed",
        )
    execution = call.emulator.cluster.start(call.group, configuration)
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


def get(call: Call) -> Response:
    """Show one execution; with `$select=status` only what tells its status."""
    execution = _find(call)
    shown = _execution_json(call, execution, only_status=_selects_status(call))
    call.emulator.cluster.look(call.group, [execution])
    return json_response(200, shown)


def query(call: Call) -> Response:
    """List executions, the newest first."""
    only_status = _selects_status(call)
    skip, top = paging(call)
    filters = _filters(call)
    _, executions = call.group.executions.select(filters, skip=skip, top=top)
    shown = page([_execution_json(call, execution, only_status=only_status) for execution in executions])
    if filters["status"]:
        call.emulator.cluster.look_for(call.group, filters)
    else:
        call.emulator.cluster.look(call.group, executions)
    return json_response(200, shown)


def count(call: Call) -> Response:
    """Count executions."""
    filters = _filters(call)
    number, _ = call.group.executions.select(filters, top=0)
    if filters["status"]:
        call.emulator.cluster.look_for(call.group, filters)
    return text_response(200, str(number))


def modify(call: Call) -> Response:
    """Stop one execution."""
    json_body(call.request, PATCH_DATA)
    execution = _find(call)
    if execution.status not in CAN_BE_STOPPED:
        raise _cannot_be_changed(execution)
    call.emulator.cluster.stop(call.group, execution)
    return json_response(202, {"id": execution.id, "message": "Execution modification scheduled"})


def delete(call: Call) -> Response:
    """Delete one execution; its artifacts stay."""
    execution = _find(call)
    if execution.status not in CAN_BE_DELETED:
        raise _cannot_be_changed(execution)
    call.emulator.cluster.delete(call.group, execution)
    return json_response(202, {"id": execution.id, "message": "Deletion scheduled", "targetStatus": "DELETED"})


def modify_many(call: Call) -> Response:
    """Stop or delete up to a hundred executions; each gets an answer of its own."""
    content_type = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != BULK_CONTENT_TYPE:
        raise invalid(f"Content-Type must be {BULK_CONTENT_TYPE}")
    changes = json_body(call.request, BULK_DATA)["executions"]
    if len({change["id"] for change in changes}) < len(changes):
        raise invalid("executions must name each id once")
    return json_response(
        202, {"executions": [_modify_one(call, change["id"], change["targetStatus"]) for change in changes]}
    )


def logs(call: Call) -> Response:
    """Show the log lines of an execution, of the last hour unless `start` says otherwise."""
    execution = _find(call)
    request = call.request
    top = query_whole(request, "$top", LOGS_DEFAULT_TOP, 1, LOGS_MAXIMUM_TOP)
    descending = query_text(request, "$order", Text(choices=("asc", "desc"))) == "desc"
    start = _moment(call, "start", call.now - LOGS_DEFAULT_SECONDS)
    end = min(_moment(call, "end", call.now), call.now)
    lines = sorted((line for line in execution.logs if start <= line.at <= end), key=lambda line: line.at)
    shown = [
        {
            "container": line.container,
            "msg": line.message,
            "pod": execution.id,
            "timestamp": nanoseconds_offset(line.at),
        }
        for line in (reversed(lines) if descending else lines)
    ]
    call.emulator.cluster.wait_for(call.group, [execution.id])
    return json_response(200, {"data": {"result": shown[:top]}})


def _moment(call: Call, name: str, default: float) -> float:
    text = call.request.query.get(name)
    if text is None:
        return default
    moment = parse_time(text.replace(" ", "+"))  # an offset whose `+` was not escaped arrives as a space
    if moment is None:
        raise invalid(f"{name} must be a date-time")
    return moment


def _modify_one(call: Call, execution_id: str, target_status: str) -> Json:
    execution = call.group.executions.get(execution_id)
    if execution is None:
        return _failed(call, execution_id, NOT_FOUND, f"Execution with id {execution_id} is not found")
    legal = CAN_BE_STOPPED if target_status == "STOPPED" else CAN_BE_DELETED
    if execution.status not in legal:
        message = f"Current status {execution.status} cannot be changed"
        return _failed(call, execution_id, CANNOT_BE_CHANGED, message)
    change = call.emulator.cluster.stop if target_status == "STOPPED" else call.emulator.cluster.delete
    change(call.group, execution)
    return {"id": execution_id, "message": "Execution modification scheduled"}


def _failed(call: Call, execution_id: str, code: str, message: str) -> Json:
    target = internal_path(f"{call.request.path}/{execution_id}")
    error = error_body(ApiError(400, code, message), request_id=call.state.uuid(), target=target)
    return {"error": error, "id": execution_id}


def _cannot_be_changed(execution: Execution) -> ApiError:
    return ApiError(
        ILLEGAL_CHANGE_STATUS,
        CANNOT_BE_CHANGED,
        f"Invalid Request, Current status {execution.status} cannot be changed..",
    )


def _find(call: Call) -> Execution:
    execution_id = call.identifier("executionId")
    execution = call.group.executions.get(execution_id)
    if execution is None:
        raise not_found(NOT_FOUND, "Execution", execution_id)
    return execution


def _selects_status(call: Call) -> bool:
    return query_text(call.request, "$select", Text(choices=("status",))) is not None


def _filters(call: Call) -> dict[str, Any]:
    request = call.request
    return {
        "configuration_id": query_text(request, "configurationId", IDENTIFIER),
        "scenario_id": query_text(request, "scenarioId", IDENTIFIER),
        "executable_id": one_of(call, "executableIds"),
        "schedule_id": query_text(request, "executionScheduleId", IDENTIFIER),
        "status": query_text(request, "status", Text(choices=STATUSES)),
    }


def _execution_json(call: Call, execution: Execution, *, only_status: bool) -> Json:
    if only_status:
        return present(
            configurationId=execution.configuration_id,
            createdAt=seconds_z(execution.created_at),
            id=execution.id,
            modifiedAt=seconds_z(execution.modified_at),
            status=execution.status,
            statusDetails=execution.status_details,
        )
    _, outputs = call.group.artifacts.select({"execution_id": execution.id})
    return present(
        completionTime=_time(execution.completion_time),
        configurationId=execution.configuration_id,
        configurationName=execution.configuration_name,
        createdAt=seconds_z(execution.created_at),
        executableId=execution.executable_id,
        executionScheduleId=execution.schedule_id,
        id=execution.id,
        modifiedAt=seconds_z(execution.modified_at),
        outputArtifacts=[artifact_json(artifact) for artifact in reversed(outputs)],
        scenarioId=execution.scenario_id,
        startTime=_time(execution.start_time),
        status=execution.status,
        statusDetails=execution.status_details,
        statusMessage=execution.status_message,
        submissionTime=_time(execution.submission_time),
        targetStatus=execution.target_status,
    )


def _time(moment: float | None) -> str | None:
    return None if moment is None else seconds_z(moment)
