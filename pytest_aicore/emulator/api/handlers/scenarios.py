"""Scenarios, versions and executables: read only, they come from the synced templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.emulator.api.call import not_found
from pytest_aicore.emulator.api.validation import LABEL_SELECTOR, Text, query_list
from pytest_aicore.emulator.world.catalogue import GLOBAL_SCENARIOS, models_of
from pytest_aicore.http.exchange import Json, json_response, page, present, seconds_offset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.emulator.store.records import PublishedExecutable
    from pytest_aicore.emulator.store.state import State
    from pytest_aicore.http.exchange import Response
    from pytest_aicore.workflows import Artifact, OutputArtifact, Parameter

SCENARIO_NOT_FOUND = "01010040"
"""Assumed: no capture shows the code of a missing scenario."""
EXECUTABLE_NOT_FOUND = "01010041"
"""Assumed: no capture shows the code of a missing executable."""


def query(call: ApiCall) -> Response:
    """List the scenarios of the tenant, then those that every tenant has (the order is assumed)."""
    shown = [
        scenario
        for scenario_id in dict.fromkeys(item.executable.scenario_id for item in call.state.all_published())
        if scenario_id and (scenario := scenario_json(call.state, scenario_id))
    ]
    wait_for_templates(call)
    return json_response(200, page(shown))


def get(call: ApiCall) -> Response:
    """Show one scenario."""
    scenario_id = call.identifier("scenarioId")
    scenario = scenario_json(call.state, scenario_id)
    if scenario is None:
        wait_for_templates(call)
        raise not_found(SCENARIO_NOT_FOUND, "Scenario", scenario_id)
    return json_response(200, scenario)


def query_executables(call: ApiCall) -> Response:
    """List the executables of a scenario; an unknown scenario has none (the specification has no 404 here)."""
    version = call.request.query.get("versionId")
    shown = [
        executable_json(item)
        for item in _of_scenario(call.state, call.identifier("scenarioId"))
        if version in (None, item.executable.version_id)
    ]
    wait_for_templates(call)
    return json_response(200, page(shown))


def get_executable(call: ApiCall) -> Response:
    """Show one executable."""
    scenario_id, executable_id = call.identifier("scenarioId"), call.identifier("executableId")
    item = find_executable(call.state, scenario_id, executable_id)
    if item is None:
        wait_for_templates(call)
        raise not_found(EXECUTABLE_NOT_FOUND, "Executable", executable_id)
    return json_response(200, executable_json(item))


def query_versions(call: ApiCall) -> Response:
    """List the versions of a scenario. Assumed: one for each distinct label `ai.sap.com/version`."""
    scenario_id = call.identifier("scenarioId")
    selectors = query_list(call.request, "labelSelector", Text(5000, LABEL_SELECTOR), 1000)
    first_seen: dict[str, PublishedExecutable] = {}
    for item in _of_scenario(call.state, scenario_id):
        first_seen.setdefault(item.executable.version_id or "", item)
    shown = [
        {
            "createdAt": seconds_offset(item.created_at),
            "id": version,
            "modifiedAt": seconds_offset(item.modified_at),
            "scenarioId": scenario_id,
        }
        for version, item in first_seen.items()
        if not selectors  # versions have no labels, so no selector matches
    ]
    return json_response(200, page(shown))


def wait_for_templates(call: ApiCall) -> None:
    """Let the time of a poll pass for a client that waits for a synchronisation."""
    if len(call.state.tenant.applications):
        call.platform.gitsync.poll()


def query_models(call: ApiCall) -> Response:
    """List the foundation models that can be used in a scenario; any other scenario has none (assumed)."""
    scenario_id = call.identifier("scenarioId")
    models = models_of(scenario_id) if _of_scenario(call.state, scenario_id) else []
    return json_response(200, page(models))


def find_executable(state: State, scenario_id: str, executable_id: str) -> PublishedExecutable | None:
    """Return the executable of a scenario with this id, or None.

    That of a scenario that is not visible as well: public projects that serve a model of somebody else's have no
    WorkflowTemplate, and deploy (SAP-samples/btp-generative-ai-hub-use-cases, BYOM).
    """
    item = state.find_published(executable_id)
    return item if item and item.executable.scenario_id == scenario_id and not item.executable.missing else None


def scenario_json(state: State, scenario_id: str) -> Json | None:
    """Return a scenario as the API shows it, or None if it is not visible."""
    items = _of_scenario(state, scenario_id)
    if not items:
        return None
    executable = next((item.executable for item in items if not item.executable.deployable), items[0].executable)
    return present(
        createdAt=seconds_offset(min(item.created_at for item in items)),
        description=executable.scenario_description,
        id=scenario_id,
        labels=_labels(executable.scenario_labels),
        modifiedAt=seconds_offset(max(item.modified_at for item in items)),
        name=executable.scenario_name,
    )


def executable_json(item: PublishedExecutable) -> Json:
    """Return an executable as the API shows it; empty lists are shown, too (captured since 2022)."""
    executable = item.executable
    return present(
        createdAt=seconds_offset(item.created_at),
        deployable=executable.deployable,
        description=executable.description,
        id=executable.id,
        inputArtifacts=[_artifact(artifact) for artifact in executable.input_artifacts],
        modifiedAt=seconds_offset(item.modified_at),
        name=executable.name,
        outputArtifacts=[_artifact(artifact) for artifact in executable.output_artifacts],
        parameters=[_parameter(parameter) for parameter in executable.parameters],
        scenarioId=executable.scenario_id,
        versionId=executable.version_id,
    )


def _of_scenario(state: State, scenario_id: str) -> list[PublishedExecutable]:
    """Return the visible executables of a scenario: none unless a WorkflowTemplate defines it (documentation)."""
    items = [
        item
        for item in state.all_published()
        if item.executable.scenario_id == scenario_id and not item.executable.missing
    ]
    visible = scenario_id in GLOBAL_SCENARIOS or any(not item.executable.deployable for item in items)
    return items if visible else []


def _parameter(parameter: Parameter) -> Json:
    return present(default=parameter.default, description=parameter.description, name=parameter.name, type="string")


def _artifact(artifact: Artifact | OutputArtifact) -> Json:
    return present(
        description=artifact.description,
        kind=artifact.kind,
        labels=_labels(artifact.labels),
        name=artifact.name,
    )


def _labels(labels: Iterable[tuple[str, str]]) -> list[Json] | None:
    return [{"key": key, "value": value} for key, value in labels] or None
