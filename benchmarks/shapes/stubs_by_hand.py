"""100 isolated acceptance tests of 8 API calls, as one writes them by hand with static `responses` stubs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import responses
from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client
from ai_api_client_sdk.models.artifact import Artifact
from ai_api_client_sdk.models.input_artifact_binding import InputArtifactBinding
from ai_api_client_sdk.models.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "https://api.ai.stubs.invalid/v2/lm"
TIME = "2026-01-05T09:00:00Z"
SCENARIO = {
    "id": "text-clf-tutorial",
    "name": "Text Classification",
    "description": "Text classification",
    "labels": [],
    "createdAt": TIME,
    "modifiedAt": TIME,
}
EXECUTABLE = {
    "id": "text-clf-train-tutorial",
    "scenarioId": "text-clf-tutorial",
    "versionId": "1.0.0",
    "name": "Training",
    "description": "Trains a text classifier",
    "deployable": False,
    "parameters": [],
    "inputArtifacts": [{"name": "text-data", "labels": []}],
    "outputArtifacts": [{"name": "text-model-tutorial", "kind": "model", "labels": []}],
    "labels": [],
    "createdAt": TIME,
    "modifiedAt": TIME,
}
OUTPUT = {
    "id": "11111111-0000-4000-8000-000000000002",
    "name": "text-model-tutorial",
    "kind": "model",
    "url": "ai://default/e000000000000000/text-model-tutorial",
    "description": "",
    "scenarioId": "text-clf-tutorial",
    "executionId": "e000000000000000",
    "labels": [],
    "createdAt": TIME,
    "modifiedAt": TIME,
}
EXECUTION: dict[str, Any] = {
    "id": "e000000000000000",
    "configurationId": "22222222-0000-4000-8000-000000000000",
    "configurationName": "training",
    "scenarioId": "text-clf-tutorial",
    "executableId": "text-clf-train-tutorial",
    "targetStatus": "COMPLETED",
    "submissionTime": TIME,
    "startTime": TIME,
    "createdAt": TIME,
    "modifiedAt": TIME,
}


@pytest.fixture
def service() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as stubs:
        stubs.post(
            "https://stubs.authentication.invalid/oauth/token",
            json={"access_token": "token", "token_type": "bearer", "expires_in": 43199},
        )
        stubs.get(f"{HOST}/scenarios", json={"count": 1, "resources": [SCENARIO]})
        stubs.get(f"{HOST}/scenarios/text-clf-tutorial/executables/text-clf-train-tutorial", json=EXECUTABLE)
        stubs.post(
            f"{HOST}/artifacts",
            status=201,
            json={
                "id": "11111111-0000-4000-8000-000000000001",
                "message": "Artifact acknowledged",
                "url": "ai://default/data",
            },
        )
        stubs.post(
            f"{HOST}/configurations",
            status=201,
            json={"id": EXECUTION["configurationId"], "message": "Configuration created"},
        )
        stubs.post(
            f"{HOST}/executions",
            status=202,
            json={"id": EXECUTION["id"], "message": "Execution scheduled", "status": "UNKNOWN"},
        )
        stubs.get(f"{HOST}/executions/{EXECUTION['id']}", json={**EXECUTION, "status": "RUNNING"})
        stubs.get(
            f"{HOST}/executions/{EXECUTION['id']}",
            json={**EXECUTION, "status": "COMPLETED", "completionTime": TIME, "outputArtifacts": [OUTPUT]},
        )
        stubs.get(f"{HOST}/artifacts/{OUTPUT['id']}", json=OUTPUT)
        yield stubs


@pytest.fixture(scope="session")
def client() -> AIAPIV2Client:
    return AIAPIV2Client(
        base_url=HOST,
        auth_url="https://stubs.authentication.invalid/oauth/token",
        client_id="id",
        client_secret="secret",
        resource_group="default",
    )


@pytest.mark.parametrize("number", range(100))
@pytest.mark.usefixtures("service")
def test_training(number: int, client: AIAPIV2Client) -> None:
    (scenario,) = client.scenario.query().resources
    executable = client.executable.get(scenario.id, "text-clf-train-tutorial")
    artifact = client.artifact.create(
        name=executable.input_artifacts[0].name,
        kind=Artifact.Kind.DATASET,
        url="ai://default/data",
        scenario_id=scenario.id,
    )
    configuration = client.configuration.create(
        name=f"training-{number}",
        scenario_id=scenario.id,
        executable_id=executable.id,
        input_artifact_bindings=[InputArtifactBinding(key="text-data", artifact_id=artifact.id)],
    )
    execution = client.execution.create(configuration.id)
    assert client.execution.get(execution.id).status is Status.RUNNING
    finished = client.execution.get(execution.id)
    assert finished.status is Status.COMPLETED
    (output,) = finished.output_artifacts
    assert client.artifact.get(output.id).url.startswith("ai://default/")
