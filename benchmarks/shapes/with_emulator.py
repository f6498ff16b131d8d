"""100 isolated acceptance tests of 8 API calls, with the emulator: the same calls as `stubs_by_hand.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ai_api_client_sdk.models.artifact import Artifact
from ai_api_client_sdk.models.input_artifact_binding import InputArtifactBinding
from ai_api_client_sdk.models.status import Status

if TYPE_CHECKING:
    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

    from pytest_aicore.emulator import Emulator


@pytest.mark.parametrize("number", range(100))
def test_training(number: int, aicore_client: AIAPIV2Client, aicore_emulator: Emulator) -> None:
    aicore_emulator.script(unknown=0, pending=0, running=5)
    client = aicore_client
    (scenario,) = [found for found in client.scenario.query().resources if found.id == "text-clf-tutorial"]
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
    aicore_emulator.clock.advance(5)
    finished = client.execution.get(execution.id)
    assert finished.status is Status.COMPLETED
    (output,) = finished.output_artifacts
    assert client.artifact.get(output.id).url.startswith("ai://default/")
