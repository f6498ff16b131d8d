"""Metrics, tags and custom information of executions: the tracking service."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, unquote_plus

from pytest_aicore.emulator.api.validation import (
    ANY_NUMBER,
    ListOf,
    Number,
    ObjectOf,
    Text,
    Time,
    Whole,
    json_body,
    query_whole,
)
from pytest_aicore.emulator.store.records import Metric, Metrics
from pytest_aicore.http.exchange import (
    ApiError,
    Json,
    empty_response,
    json_response,
    microseconds_z,
    page,
    present,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.emulator.store.records import Execution
    from pytest_aicore.emulator.store.state import ResourceGroup
    from pytest_aicore.http.exchange import Response

Checked = TypeVar("Checked")

TARGET = "/metrics"
"""Documentation: not the internal path, unlike elsewhere."""
NOT_FOUND = "02010055"
TOO_LARGE = "02000005"
INVALID = "02010001"
"""Assumed: no capture shows the code of a metrics request that the specification does not allow."""
MAXIMUM_BYTES = 5 * 1024 * 1024
MAXIMUM_EXECUTIONS = 10
MAXIMUM_TAG_FILTERS = 100
MAXIMUM_TAG_FILTERS_LENGTH = 5000
DEFAULT_TOP = 1000
MAXIMUM_TOP = 10_000
PARTS = ("metrics", "tags", "customInfo")

_PAIR = {"name": Text(256, minimum=1), "value": Text(256, minimum=1)}
_PAIR_REQUIRED = ("name", "value")
PATCH_DATA = ObjectOf(
    {
        "executionId": Text(64, re.compile(r"^[\w.-]{4,64}\Z", re.ASCII)),
        "metrics": ListOf(
            ObjectOf(
                {
                    "name": Text(256, re.compile(r"[\w-]{1,64}", re.ASCII)),
                    "value": Number(),
                    "timestamp": Time(),
                    "step": Whole(0),
                    "labels": ListOf(ObjectOf(_PAIR, _PAIR_REQUIRED), 20),
                },
                required=("name", "value"),
            ),
            1000,
        ),
        "tags": ListOf(ObjectOf(_PAIR, _PAIR_REQUIRED), 100),
        "customInfo": ListOf(ObjectOf({"name": Text(256, minimum=1), "value": Text(minimum=1)}, _PAIR_REQUIRED), 100),
    },
    required=("executionId",),
)
_FILTER = re.compile(r"\s*executionId\s+(?:eq\s+'([^']+)'|in\s*\(?((?:\s*'[^']+'\s*,?)+)\)?)\s*\Z")


def patch(call: ApiCall) -> Response:
    """Add data of an execution; possible from its creation on (observed). Metrics are appended (observed).

    Assumed: a tag or custom information replaces one of the same name, and it is not checked whether the execution
    exists.
    """
    if len(call.request.body) > MAXIMUM_BYTES:
        raise _problem(413, TOO_LARGE, "PayloadLimitException", TOO_LARGE, "PayloadLimitException")
    body = _checked(lambda: json_body(call.request, PATCH_DATA))
    group = _group_of(call, body["executionId"])
    kept = group.metrics.get(body["executionId"])
    if kept is None:
        kept = group.metrics.add(
            Metrics(body["executionId"], call.state.next_number(), created_at=call.now, modified_at=call.now)
        )
    group.metrics.put(
        replace(
            kept,
            modified_at=call.now,
            metrics=(*kept.metrics, *(_metric(item, call.now) for item in body.get("metrics", ()))),
            tags=_merged(kept.tags, body.get("tags", ())),
            custom_info=_merged(kept.custom_info, body.get("customInfo", ())),
        )
    )
    return empty_response(204)


def _group_of(call: ApiCall, execution_id: str) -> ResourceGroup:
    """Return the resource group of an execution that logs data without naming one; assumed that AI Core finds it.

    The SDK takes the name from the variable `AI-RESOURCE-GROUP`, which shells such as dash drop for its hyphens: a step
    with the command `/bin/sh -c` sends no name.
    """
    found = None if "ai-resource-group" in call.request.headers else call.platform.cluster.find(execution_id)
    return call.group if found is None else found[0]


def find(call: ApiCall) -> Response:
    """Show the data of up to ten executions."""
    query = call.request.query
    ids, old_filter, tag_filters = query.get("executionIds"), query.get("$filter"), query.get("tagFilters")
    if ids and old_filter:
        raise _invalid("give either executionIds or $filter")
    if not (ids or old_filter or tag_filters):
        raise _invalid("executionIds is required")
    wanted = ids.split(",") if ids else _filtered(old_filter) if old_filter else None
    if wanted is not None and len(wanted) > MAXIMUM_EXECUTIONS:
        raise _invalid(f"executionIds must have at most {MAXIMUM_EXECUTIONS} items")
    parts = _selected(query.get("$select"))
    tags = _expressions(_separable(call.request.url, "tagFilters") if tag_filters else [])
    top = _checked(lambda: query_whole(call.request, "$top", DEFAULT_TOP, 0, MAXIMUM_TOP))
    skip = _checked(lambda: query_whole(call.request, "$skip", 0, 0, ANY_NUMBER))
    candidates = dict.fromkeys(wanted if wanted is not None else _all_ids(call.group))
    call.platform.cluster.poll_ids(call.group, candidates)
    resources = [kept for execution_id in candidates if (kept := _kept(call, execution_id)) and _tagged(kept, tags)]
    if not resources:
        raise _problem(404, NOT_FOUND, "Metrics was not found.", NOT_FOUND, "Empty result set.")
    return json_response(200, page(_resource_json(kept, parts) for kept in resources[skip : skip + top]))


def delete(call: ApiCall) -> Response:
    """Delete the data of an execution."""
    execution_id = call.request.query.get("executionId", "")
    if _kept(call, execution_id) is None:
        raise _problem(404, NOT_FOUND, "Metrics was not found.", NOT_FOUND, "Empty result set.")
    if execution_id in call.group.metrics:
        call.group.metrics.remove(execution_id)
    execution = call.group.executions.get(execution_id)
    if execution:
        call.group.executions.put(replace(execution, metrics=()))
    return json_response(200, {"id": execution_id, "message": "Metric Resource was successfully deleted"})


def _kept(call: ApiCall, execution_id: str) -> Metrics | None:
    """Return the data that clients sent for an execution, with the metrics that its training has logged until now."""
    sent = call.group.metrics.get(execution_id)
    execution = call.group.executions.get(execution_id)
    logged = _logged(execution, call.now) if execution else ()
    if not logged:
        return sent
    if sent is None:
        return Metrics(execution_id, 0, created_at=logged[0].at, modified_at=logged[-1].at, metrics=logged)
    return replace(sent, metrics=(*logged, *sent.metrics))


def _logged(execution: Execution, now: float) -> tuple[Metric, ...]:
    return tuple(metric for metric in execution.metrics if metric.at <= now)


def _all_ids(group: ResourceGroup) -> list[str]:
    return [*(kept.id for kept in group.metrics), *(each.id for each in group.executions if each.metrics)]


def _metric(item: Json, now: float) -> Metric:
    labels = tuple((label["name"], label["value"]) for label in item.get("labels", ()))
    return Metric(item["name"], item["value"], item.get("timestamp", now), item.get("step", 0), labels)


def _merged(kept: tuple[tuple[str, str], ...], added: list[Json] | tuple[()]) -> tuple[tuple[str, str], ...]:
    return tuple({**dict(kept), **{item["name"]: item["value"] for item in added}}.items())


def _filtered(old_filter: str) -> list[str]:
    match = _FILTER.match(old_filter)
    if not match:
        raise _invalid("$filter must be executionId eq '<id>' or executionId in '<id>', '<id>'")
    return [match[1]] if match[1] else re.findall(r"'([^']+)'", match[2])


def _selected(select: str | None) -> tuple[str, ...]:
    wanted = select.split(",") if select else ["*"]
    for part in wanted:
        if part not in (*PARTS, "*"):
            raise _invalid(f"$select must be one of {', '.join(PARTS)}, *")
    return PARTS if "*" in wanted else tuple(wanted)


def _separable(url: str, name: str) -> list[str]:
    """Return the comma-joined items of a query parameter.

    Commas and equals signs that belong to names and values are percent-encoded (specification). Clients that
    encode all of them, as `requests` does, leave only the decoded text.
    """
    pairs = [pair.partition("=") for pair in url.partition("#")[0].partition("?")[2].split("&")]
    text = next(value for key, _, value in reversed(pairs) if unquote_plus(key) == name)
    if len(unquote_plus(text)) > MAXIMUM_TAG_FILTERS_LENGTH:
        raise _invalid(f"{name} must not be longer than {MAXIMUM_TAG_FILTERS_LENGTH} characters")
    return text.split(",") if "=" in text or "," in text else quote(unquote_plus(text), safe="=!,").split(",")


def _expressions(items: list[str]) -> list[tuple[str, str, str]]:
    """Return the expressions `name=value`, `name!=value` and `name` as name, comparison and value."""
    if len(items) > MAXIMUM_TAG_FILTERS:
        raise _invalid(f"tagFilters must have at most {MAXIMUM_TAG_FILTERS} items")
    expressions = []
    for item in items:
        name, equals, value = item.partition("=")
        differs = "!" if equals and name.endswith("!") else ""
        parts = name.removesuffix(differs), differs + equals, value
        expressions.append((unquote_plus(parts[0]).strip(), parts[1], unquote_plus(parts[2]).strip()))
    return expressions


def _tagged(kept: Metrics, expressions: list[tuple[str, str, str]]) -> bool:
    """Return whether the tags match every expression. Assumed: `name!=value` requires the tag, as with labels."""
    tags = dict(kept.tags)
    for name, comparison, value in expressions:
        held = tags.get(name)
        if held is None or (comparison and (held == value) is not (comparison == "=")):
            return False
    return True


def _resource_json(kept: Metrics, parts: tuple[str, ...]) -> Json:
    shown: Json = {
        "createdAt": microseconds_z(kept.created_at),
        "executionId": kept.id,
        "modifiedAt": microseconds_z(kept.modified_at),
    }
    if "metrics" in parts:
        shown["metrics"] = [
            present(
                labels=_pairs(metric.labels) or None,
                name=metric.name,
                step=metric.step,
                timestamp=microseconds_z(metric.at),
                value=metric.value,
            )
            for metric in kept.metrics
        ]
    if "tags" in parts:
        shown["tags"] = _pairs(kept.tags)
    if "customInfo" in parts:
        shown["customInfo"] = _pairs(kept.custom_info)
    return shown


def _pairs(pairs: tuple[tuple[str, str], ...]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in pairs]


def _checked(check: Callable[[], Checked]) -> Checked:
    """Return the result of a check, or raise its refusal in the tracking service's format."""
    try:
        return check()
    except ApiError as error:
        raise _invalid(error.message.removeprefix("Invalid Request, ")) from None


def _invalid(message: str) -> ApiError:
    return _problem(400, INVALID, f"Invalid Request, {message}", INVALID, message)


def _problem(status: int, code: str, message: str, detail_code: str, detail: str) -> ApiError:
    """Return an error whose details are a list, as the tracking service writes them (documentation)."""
    return ApiError(status, code, message, details=[{"code": detail_code, "message": detail}], target=TARGET)
