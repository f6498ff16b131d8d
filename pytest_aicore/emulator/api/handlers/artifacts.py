"""Artifacts: registered, read, counted; never changed or deleted (the service has no such calls)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.api.call import IDENTIFIER, not_found
from pytest_aicore.emulator.api.handlers.scenarios import scenario_json
from pytest_aicore.emulator.api.validation import (
    ANY_NUMBER,
    ID,
    LABEL_SELECTOR,
    LABELS,
    NAME,
    SEARCH,
    URL,
    ObjectOf,
    Text,
    json_body,
    query_flag,
    query_list,
    query_text,
    query_whole,
)
from pytest_aicore.emulator.store.records import RegisteredArtifact
from pytest_aicore.emulator.store.search import Search, Selectors
from pytest_aicore.http.exchange import Json, json_response, page, present, seconds_z, text_response

if TYPE_CHECKING:
    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.emulator.store.records import Labels
    from pytest_aicore.http.exchange import Response

KINDS = ("model", "dataset", "resultset", "other")
NOT_FOUND = "01010030"
"""Assumed: no capture shows the code of a missing artifact."""
DEFAULT_TOP = 10_000
MAXIMUM_TOP = 100_000
MINIMUM_TOP = 0
"""Assumed: the specification has no minimum, also for `$skip`."""

POST_DATA = ObjectOf(
    {
        "name": Text(256, NAME),
        "kind": Text(choices=KINDS),
        "url": Text(1024, URL),
        "scenarioId": Text(pattern=ID),
        "description": Text(5000),
        "labels": LABELS,
    },
    required=("name", "kind", "url", "scenarioId"),
)


def create(call: ApiCall) -> Response:
    """Register an artifact. The URL is not checked: a wrong one fails when an execution reads it.

    Assumed: the scenario is not checked either.
    """
    body = json_body(call.request, POST_DATA)
    labels = body.get("labels")
    artifact = call.group.artifacts.add(
        RegisteredArtifact(
            id=call.state.uuid(),
            number=call.state.next_number(),
            name=body["name"],
            kind=body["kind"],
            url=body["url"],
            scenario_id=body["scenarioId"],
            created_at=call.now,
            description=body.get("description", ""),
            labels=tuple((label["key"], label["value"]) for label in labels) if labels else None,
        )
    )
    location = f"{call.request.path}/{artifact.id}"
    return json_response(
        201,
        {"id": artifact.id, "message": "Artifact acknowledged", "url": artifact.url},
        {"location": location, "content-location": location},
    )


def get(call: ApiCall) -> Response:
    """Show one artifact."""
    artifact_id = call.identifier("artifactId")
    expanding = call if expands_scenario(call) else None
    artifact = call.group.artifacts.get(artifact_id)
    if artifact is None:
        raise not_found(NOT_FOUND, "Artifact", artifact_id)
    return json_response(200, artifact_json(artifact, expanding))


def query(call: ApiCall) -> Response:
    """List artifacts, the newest first (as in every capture; assumed to hold always, here and elsewhere)."""
    expanding = call if expands_scenario(call) else None
    skip, top = paging(call)
    filters = _filters(call)
    _wait_for_outputs(call, filters)
    artifacts = call.group.artifacts.select(filters, skip=skip, top=top)
    return json_response(200, page(artifact_json(artifact, expanding) for artifact in artifacts))


def count(call: ApiCall) -> Response:
    """Count artifacts."""
    filters = _filters(call)
    _wait_for_outputs(call, filters)
    return text_response(200, str(call.group.artifacts.count(filters)))


def artifact_json(artifact: RegisteredArtifact, expanding: ApiCall | None = None) -> Json:
    """Return an artifact as the API shows it.

    Args:
        artifact: the record.
        expanding: the call, if it has `$expand=scenario`.
    """
    shown = present(
        createdAt=seconds_z(artifact.created_at),
        description=artifact.description,
        executionId=artifact.execution_id,
        id=artifact.id,
        kind=artifact.kind,
        labels=labels_json(artifact.labels),
        modifiedAt=seconds_z(artifact.created_at),
        name=artifact.name,
        scenarioId=artifact.scenario_id,
        url=artifact.url,
    )
    if expanding:
        shown["scenario"] = scenario_json(expanding.state, artifact.scenario_id)
    return shown


def labels_json(labels: Labels | None) -> list[Json] | None:
    """Return labels as the API shows them."""
    return None if labels is None else [{"key": key, "value": value} for key, value in labels]


def paging(call: ApiCall) -> tuple[int, int]:
    """Return `$skip` and `$top`. The Python SDK's bare `top` and `skip` are unknown to the service and ignored."""
    skip = query_whole(call.request, "$skip", 0, MINIMUM_TOP, ANY_NUMBER)
    return skip, query_whole(call.request, "$top", DEFAULT_TOP, MINIMUM_TOP, MAXIMUM_TOP)


def expands_scenario(call: ApiCall) -> bool:
    """Return whether the whole scenario is requested."""
    return query_text(call.request, "$expand", Text(choices=("scenario",))) is not None


def searching(call: ApiCall) -> Search | None:
    """Return the filter for `$search`, or None."""
    wanted = query_text(call.request, "$search", Text(pattern=SEARCH))
    folded = query_flag(call.request, "searchCaseInsensitive")
    return None if wanted is None else Search(wanted, folded)


def _wait_for_outputs(call: ApiCall, filters: dict[str, Any]) -> None:
    """Let the time of a poll pass for a client that waits for the outputs of an execution."""
    if filters["execution_id"]:
        call.platform.cluster.poll_ids(call.group, [filters["execution_id"]])


def _filters(call: ApiCall) -> dict[str, Any]:
    request = call.request
    selectors = query_list(request, "artifactLabelSelector", Text(5000, LABEL_SELECTOR), 10)
    return {
        "scenario_id": query_text(request, "scenarioId", IDENTIFIER),
        "execution_id": query_text(request, "executionId", IDENTIFIER),
        "kind": query_text(request, "kind", Text(choices=KINDS)),
        "name": query_text(request, "name", Text(256, NAME)),
        "labels": selectors and Selectors.of(selectors),
        "searched": searching(call),
    }
