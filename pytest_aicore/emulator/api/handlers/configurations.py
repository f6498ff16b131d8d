"""Configurations: created, read, counted; never changed or deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.api.call import IDENTIFIER, not_found
from pytest_aicore.emulator.api.handlers.artifacts import expands_scenario, paging, searching
from pytest_aicore.emulator.api.handlers.scenarios import find_executable, scenario_json
from pytest_aicore.emulator.api.validation import (
    ID,
    NAME,
    ListOf,
    ObjectOf,
    Text,
    json_body,
    query_list,
    query_text,
)
from pytest_aicore.emulator.store.records import Configuration
from pytest_aicore.http.exchange import ApiError, Json, json_response, page, present, seconds_z, text_response

if TYPE_CHECKING:
    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.http.exchange import Response

NOT_FOUND = "01010050"
"""Assumed: no capture shows the code of a missing configuration."""
UNKNOWN_EXECUTABLE = "01010051"
"""Assumed: the sentence is documented, its code is not."""

POST_DATA = ObjectOf(
    {
        "name": Text(256, NAME),
        "executableId": Text(pattern=ID),
        "scenarioId": Text(pattern=ID),
        "parameterBindings": ListOf(ObjectOf({"key": Text(256), "value": Text(5000)}, required=("key", "value")), 1000),
        "inputArtifactBindings": ListOf(
            ObjectOf({"key": Text(256), "artifactId": Text(pattern=ID)}, required=("key", "artifactId")), 1000
        ),
    },
    required=("name", "executableId", "scenarioId"),
)


def create(call: ApiCall) -> Response:
    """Create a configuration. Its bindings are not checked (observed)."""
    body = json_body(call.request, POST_DATA)
    scenario_id, executable_id = body["scenarioId"], body["executableId"]
    if find_executable(call.state, scenario_id, executable_id) is None:
        raise ApiError(
            400,
            UNKNOWN_EXECUTABLE,
            f"Could not create configuration, because executable {executable_id} "
            f"for scenario {scenario_id} is not found",
        )
    configuration = call.group.configurations.add(
        Configuration(
            id=call.state.uuid(),
            number=call.state.next_number(),
            name=body["name"],
            scenario_id=scenario_id,
            executable_id=executable_id,
            created_at=call.now,
            parameters=tuple((item["key"], item["value"]) for item in body.get("parameterBindings", ())),
            artifacts=tuple((item["key"], item["artifactId"]) for item in body.get("inputArtifactBindings", ())),
        )
    )
    return json_response(
        201,
        {"id": configuration.id, "message": "Configuration created"},
        {"location": f"{call.request.path}/{configuration.id}"},
    )


def get(call: ApiCall) -> Response:
    """Show one configuration."""
    configuration_id = call.identifier("configurationId")
    expanding = call if expands_scenario(call) else None
    configuration = call.group.configurations.get(configuration_id)
    if configuration is None:
        raise not_found(NOT_FOUND, "Configuration", configuration_id)
    return json_response(200, _configuration_json(configuration, expanding))


def query(call: ApiCall) -> Response:
    """List configurations, the newest first."""
    expanding = call if expands_scenario(call) else None
    skip, top = paging(call)
    configurations = call.group.configurations.select(_filters(call), skip=skip, top=top)
    return json_response(200, page(_configuration_json(each, expanding) for each in configurations))


def count(call: ApiCall) -> Response:
    """Count configurations."""
    return text_response(200, str(call.group.configurations.count(_filters(call))))


def one_of(call: ApiCall, name: str, maximum: int = 1000) -> Any:
    """Return the filter for a comma-joined list of ids, or None."""
    wanted = query_list(call.request, name, IDENTIFIER, maximum)
    return None if wanted is None else frozenset(wanted)


def _filters(call: ApiCall) -> dict[str, Any]:
    return {
        "scenario_id": query_text(call.request, "scenarioId", IDENTIFIER),
        "executable_id": one_of(call, "executableIds"),
        "searched": searching(call),
    }


def _configuration_json(configuration: Configuration, expanding: ApiCall | None) -> Json:
    shown = present(
        createdAt=seconds_z(configuration.created_at),
        executableId=configuration.executable_id,
        id=configuration.id,
        inputArtifactBindings=[{"artifactId": artifact, "key": key} for key, artifact in configuration.artifacts],
        name=configuration.name,
        parameterBindings=[{"key": key, "value": value} for key, value in configuration.parameters],
        scenarioId=configuration.scenario_id,
    )
    if expanding:
        shown["scenario"] = scenario_json(expanding.state, configuration.scenario_id)
    return shown
