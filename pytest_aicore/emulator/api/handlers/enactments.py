"""Common parts of executions and deployments: how they are changed, and how their logs are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from pytest_aicore.emulator.api.call import IDENTIFIER, NOT_FOUND_SENTENCE, not_found
from pytest_aicore.emulator.api.handlers.artifacts import paging
from pytest_aicore.emulator.api.handlers.configurations import one_of
from pytest_aicore.emulator.api.validation import (
    ID,
    ListOf,
    ObjectOf,
    Text,
    content_type,
    json_body,
    query_text,
    query_whole,
)
from pytest_aicore.emulator.store.records import AnyEnactment
from pytest_aicore.emulator.store.statuses import CAN_BE_DELETED, CAN_BE_STOPPED, STATUSES
from pytest_aicore.http.exchange import (
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
    from collections.abc import Callable

    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.emulator.store.records import Enactment
    from pytest_aicore.emulator.store.state import ResourceGroup
    from pytest_aicore.emulator.store.tables import Table
    from pytest_aicore.http.exchange import Response

CANNOT_BE_CHANGED = "01010076"
ILLEGAL_CHANGE_STATUS = 400
"""Assumed: 400 or 412, no capture shows it; the sentence has the prefix of the 400s."""
BULK_CONTENT_TYPE = "application/merge-patch+json"
ALSO_ACCEPTED = ("application/json",)
"""Assumed: nobody captured a refusal, older versions of SAP's SDK send it, and the metrics' service accepts it, too."""
BULK_LIMIT = 100
LOGS_DEFAULT_TOP = 1000
LOGS_MAXIMUM_TOP = 5000
LOGS_DEFAULT_SECONDS = 3600

_CHANGE = ObjectOf(
    {"id": Text(pattern=ID), "targetStatus": Text(choices=("STOPPED", "DELETED"))}, required=("id", "targetStatus")
)


@dataclass(frozen=True, slots=True)
class EnactmentKind(Generic[AnyEnactment]):
    """Executions, or deployments.

    Args:
        name: the singular, as in sentences and in the path's parameter: `Execution`.
        plural: the plural, as in bulk changes: `executions`.
        not_found: the code of the answer if one does not exist.
        table: returns the table of a resource group.
    """

    name: str
    plural: str
    not_found: str
    table: Callable[[ResourceGroup], Table[AnyEnactment]]

    def find(self, call: ApiCall) -> AnyEnactment:
        """Return the record that the path names.

        Raises:
            ApiError: 404 if it does not exist.
        """
        enactment_id = call.identifier(f"{self.name.lower()}Id")
        enactment = self.table(call.group).get(enactment_id)
        if enactment is None:
            raise not_found(self.not_found, self.name, enactment_id)
        return enactment

    def poll(self, call: ApiCall) -> AnyEnactment:
        """Return the record that the path names, after the effect of this poll.

        Raises:
            ApiError: 404 if it does not exist.
        """
        call.platform.cluster.poll(call.group, [self.find(call)])
        return self.find(call)

    def stop(self, call: ApiCall, enactment: AnyEnactment) -> Response:
        """Stop an execution or deployment, if its status allows it."""
        if enactment.status not in CAN_BE_STOPPED:
            raise cannot_be_changed(enactment)
        call.platform.cluster.stop(call.group, enactment)
        return json_response(202, {"id": enactment.id, "message": f"{self.name} modification scheduled"})

    def delete(self, call: ApiCall) -> Response:
        """Delete an execution or deployment, if its status allows it."""
        enactment = self.find(call)
        if enactment.status not in CAN_BE_DELETED:
            raise cannot_be_changed(enactment)
        call.platform.cluster.delete(call.group, enactment)
        return json_response(202, {"id": enactment.id, "message": "Deletion scheduled", "targetStatus": "DELETED"})

    def modify_many(self, call: ApiCall) -> Response:
        """Stop or delete up to a hundred; each gets its own result."""
        if content_type(call.request) not in (BULK_CONTENT_TYPE, *ALSO_ACCEPTED):
            raise invalid(f"Content-Type must be {BULK_CONTENT_TYPE}")
        check = ObjectOf({self.plural: ListOf(_CHANGE, BULK_LIMIT, 1)}, required=(self.plural,))
        changes = json_body(call.request, check)[self.plural]
        if len({change["id"] for change in changes}) < len(changes):
            raise invalid(f"{self.plural} must name each id once")
        answers = [self._modify_one(call, change["id"], change["targetStatus"]) for change in changes]
        return json_response(202, {self.plural: answers})

    def query(self, call: ApiCall, wanted: dict[str, Any], shown: Callable[[AnyEnactment], Json]) -> Response:
        """List the matching ones, the newest first."""
        skip, top = paging(call)
        table = self.table(call.group)
        if wanted["status"]:
            call.platform.cluster.poll_matching(call.group, table, wanted)
        else:
            call.platform.cluster.poll(call.group, table.select(wanted, skip=skip, top=top))
        enactments = table.select(wanted, skip=skip, top=top)
        return json_response(200, page([shown(enactment) for enactment in enactments]))

    def count(self, call: ApiCall, wanted: dict[str, Any]) -> Response:
        """Count the matching ones."""
        table = self.table(call.group)
        if wanted["status"]:
            call.platform.cluster.poll_matching(call.group, table, wanted)
        return text_response(200, str(table.count(wanted)))

    def _modify_one(self, call: ApiCall, enactment_id: str, target_status: str) -> Json:
        enactment = self.table(call.group).get(enactment_id)
        if enactment is None:
            return _failed(
                call, enactment_id, self.not_found, NOT_FOUND_SENTENCE.format(what=self.name, identifier=enactment_id)
            )
        if enactment.status not in (CAN_BE_STOPPED if target_status == "STOPPED" else CAN_BE_DELETED):
            message = f"Current status {enactment.status} cannot be changed"
            return _failed(call, enactment_id, CANNOT_BE_CHANGED, message)
        if target_status == "STOPPED":
            call.platform.cluster.stop(call.group, enactment)
        else:
            call.platform.cluster.delete(call.group, enactment)
        return {"id": enactment_id, "message": f"{self.name} modification scheduled"}


def logs_response(call: ApiCall, enactment: Enactment, pod: str) -> Response:
    """Show log lines, by default those of the last hour."""
    call.platform.cluster.poll_ids(call.group, [enactment.id])
    found = call.platform.cluster.find(enactment.id)
    request, lines = call.request, found[1].logs if found else ()
    top = query_whole(request, "$top", LOGS_DEFAULT_TOP, 1, LOGS_MAXIMUM_TOP)
    descending = query_text(request, "$order", Text(choices=("asc", "desc"))) == "desc"
    start = _moment(call, "start", call.now - LOGS_DEFAULT_SECONDS)
    end = min(_moment(call, "end", call.now), call.now - call.late)
    chosen = sorted((line for line in lines if start <= line.at <= end), key=lambda line: line.at)
    shown = [
        {"container": line.container, "msg": line.message, "pod": pod, "timestamp": nanoseconds_offset(line.at)}
        for line in (reversed(chosen) if descending else chosen)
    ]
    return json_response(200, {"data": {"result": shown[:top]}})


def cannot_be_changed(enactment: Enactment) -> ApiError:
    """Return the answer to a change that the status does not allow (captured)."""
    return ApiError(
        ILLEGAL_CHANGE_STATUS,
        CANNOT_BE_CHANGED,
        f"Invalid Request, Current status {enactment.status} cannot be changed..",
    )


def selects_status(call: ApiCall) -> bool:
    """Return whether only the fields of the status are requested."""
    return query_text(call.request, "$select", Text(choices=("status",))) is not None


def filters(call: ApiCall) -> dict[str, Any]:
    """Return the filters of lists and counts."""
    request = call.request
    return {
        "configuration_id": query_text(request, "configurationId", IDENTIFIER),
        "scenario_id": query_text(request, "scenarioId", IDENTIFIER),
        "executable_id": one_of(call, "executableIds"),
        "status": query_text(request, "status", Text(choices=STATUSES)),
    }


def details_json(call: ApiCall, enactment: Enactment) -> Json | None:
    """Return the status details, with the progress of an execution that tells it.

    `N/100` while it runs, always `100/100` once it has completed (documentation, "Start Training").
    """
    details = enactment.status_details
    reached = [each.percent for each in enactment.progress if each.at <= call.now]
    if not reached:
        return None if details is None else dict(details)
    percent = 100 if enactment.status == "COMPLETED" else reached[-1]
    return {"progress": f"{percent}/100", **(details or {})}


def status_json(call: ApiCall, enactment: Enactment) -> Json:
    """Return the fields of `$select=status`; the SDK refuses additional fields."""
    return present(
        configurationId=enactment.configuration_id,
        createdAt=seconds_z(enactment.created_at),
        id=enactment.id,
        modifiedAt=seconds_z(enactment.modified_at),
        status=enactment.status,
        statusDetails=details_json(call, enactment),
    )


def time_json(moment: float | None) -> str | None:
    """Return a time as these resources show it, or None."""
    return None if moment is None else seconds_z(moment)


def _moment(call: ApiCall, name: str, default: float) -> float:
    text = call.request.query.get(name)
    if text is None:
        return default
    moment = parse_time(text.replace(" ", "+"))  # a `+` of an offset that was not escaped arrives as a space
    if moment is None:
        raise invalid(f"{name} must be a date-time")
    return moment


def _failed(call: ApiCall, enactment_id: str, code: str, message: str) -> Json:
    target = internal_path(f"{call.request.path}/{enactment_id}")
    error = error_body(ApiError(400, code, message), request_id=call.state.uuid(), target=target)
    return {"error": error, "id": enactment_id}
