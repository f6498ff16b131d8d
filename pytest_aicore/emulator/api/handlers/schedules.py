"""Execution schedules: they start executions of a configuration repeatedly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.api.call import IDENTIFIER, not_found
from pytest_aicore.emulator.api.handlers.artifacts import paging
from pytest_aicore.emulator.api.handlers.enactments import time_json
from pytest_aicore.emulator.api.handlers.executions import executable_configuration
from pytest_aicore.emulator.api.validation import ID, ObjectOf, Text, Time, json_body, query_text
from pytest_aicore.emulator.store.admin_records import Schedule
from pytest_aicore.emulator.world.cron import CronError, parse_cron
from pytest_aicore.http.exchange import Json, invalid, json_response, page, present, seconds_z, text_response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.http.exchange import Response

NOT_FOUND = "01010070"
"""Assumed: no capture shows the code of a missing schedule."""
STATUSES = ("ACTIVE", "INACTIVE")

POST_DATA = ObjectOf(
    {
        "name": Text(256),
        "cron": Text(),
        "configurationId": Text(pattern=ID),
        "start": Time(),
        "end": Time(),
    },
    required=("configurationId", "cron", "name"),
)
PATCH_DATA = ObjectOf(
    {
        "cron": Text(),
        "configurationId": Text(pattern=ID),
        "start": Time(),
        "end": Time(),
        "status": Text(choices=STATUSES),
    }
)


def create(call: ApiCall) -> Response:
    """Create a schedule; it is active at once."""
    body = json_body(call.request, POST_DATA)
    _check(body)
    executable_configuration(call, body["configurationId"])
    if body.get("end", call.now + 1) <= call.now:
        raise invalid("end must be in the future")
    schedule = Schedule(
        id=call.state.uuid(),
        number=call.state.next_number(),
        name=body["name"],
        cron=body["cron"],
        configuration_id=body["configurationId"],
        status="ACTIVE",
        created_at=call.now,
        modified_at=call.now,
        start=body.get("start"),
        end=body.get("end"),
    )
    call.group.schedules.add(call.platform.scheduler.plan(call.group, schedule))
    return json_response(
        202,
        {"id": schedule.id, "message": "Execution Schedule created"},
        {"location": f"{call.request.path}/{schedule.id}"},
    )


def get(call: ApiCall) -> Response:
    """Show one schedule."""
    poll(call, [_find(call)])
    return json_response(200, _schedule_json(_find(call)))


def query(call: ApiCall) -> Response:
    """List schedules, the newest first."""
    skip, top = paging(call)
    wanted = _filters(call)
    poll(call, call.group.schedules.select(wanted, skip=skip, top=top))
    schedules = call.group.schedules.select(wanted, skip=skip, top=top)
    return json_response(200, page(map(_schedule_json, schedules)))


def count(call: ApiCall) -> Response:
    """Count schedules."""
    return text_response(200, str(call.group.schedules.count(_filters(call))))


def modify(call: ApiCall) -> Response:
    """Update a schedule; its next run follows from its new fields."""
    body = json_body(call.request, PATCH_DATA)
    schedule = _find(call)
    if not body:
        raise invalid("one of cron, start, end, configurationId, status is required")
    if "configurationId" in body:
        executable_configuration(call, body["configurationId"])
    changed = replace(
        schedule,
        cron=body.get("cron", schedule.cron),
        configuration_id=body.get("configurationId", schedule.configuration_id),
        start=body.get("start", schedule.start),
        end=body.get("end", schedule.end),
        status=body.get("status", schedule.status),
        modified_at=call.now,
    )
    _check({"cron": changed.cron, "start": changed.start, "end": changed.end})
    if changed.status == "ACTIVE" and changed.end is not None and changed.end <= call.now:
        raise invalid("end must be in the future")  # documentation: it can be resumed until its end is reached
    call.group.schedules.put(call.platform.scheduler.plan(call.group, changed))
    return json_response(202, {"id": schedule.id, "message": "Execution Schedule modified"})


def delete(call: ApiCall) -> Response:
    """Delete a schedule, in any status; the executions it has started stay."""
    schedule = _find(call)
    call.group.schedules.remove(schedule.id)
    return json_response(202, {"id": schedule.id, "message": "Execution Schedule deleted"})


def poll(call: ApiCall, schedules: Iterable[Schedule]) -> None:
    """Let the time of a poll pass for a client that waits for an active schedule."""
    if any(schedule.status == "ACTIVE" for schedule in schedules):
        call.platform.world.poll()


def _check(body: Json) -> None:
    try:
        parse_cron(body["cron"])
    except CronError as error:
        raise invalid(str(error)) from None
    start, end = body.get("start"), body.get("end")
    if start is not None and end is not None and end <= start:
        raise invalid("end must be after start")


def _find(call: ApiCall) -> Schedule:
    schedule_id = call.identifier("executionScheduleId")
    schedule = call.group.schedules.get(schedule_id)
    if schedule is None:
        raise not_found(NOT_FOUND, "Execution schedule", schedule_id)
    return schedule


def _filters(call: ApiCall) -> dict[str, Any]:
    return {
        "configuration_id": query_text(call.request, "configurationId", IDENTIFIER),
        "status": query_text(call.request, "status", Text(choices=STATUSES)),
    }


def _schedule_json(schedule: Schedule) -> Json:
    return present(
        configurationId=schedule.configuration_id,
        createdAt=seconds_z(schedule.created_at),
        cron=schedule.cron,
        end=time_json(schedule.end),
        id=schedule.id,
        modifiedAt=seconds_z(schedule.modified_at),
        name=schedule.name,
        start=time_json(schedule.start),
        status=schedule.status,
    )
