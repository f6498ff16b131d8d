"""What the notebook of SAP's text classification tutorial does, call by call, with nothing but SAP's own SDK.

The fixtures of the other modules do the same in three words; this module shows that code written against the SDK can
be tested as it is, its polling loop included.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from ai_api_client_sdk.models.artifact import Artifact
from ai_api_client_sdk.models.input_artifact_binding import InputArtifactBinding
from ai_api_client_sdk.models.status import Status

if TYPE_CHECKING:
    from pathlib import Path

    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

    from pytest_aicore import VirtualTime

SCENARIO = "text-clf-tutorial"
EXECUTABLE = "text-clf-train-tutorial"


def test_tutorial(aicore_client: AIAPIV2Client, aicore_clock: VirtualTime, tmp_path: Path) -> None:
    """From the scenario to `training_output.json`. Under `aicore_clock`, `time.sleep` takes no time offline."""
    # 1. The workflow was synced: its scenario and executable can be seen.
    scenarios = aicore_client.scenario.query()
    assert SCENARIO in [scenario.id for scenario in scenarios.resources]
    executables = aicore_client.executable.query(scenario_id=SCENARIO)
    (executable,) = [each for each in executables.resources if each.id == EXECUTABLE]
    assert [artifact.name for artifact in executable.input_artifacts] == ["text-data"]
    assert not executable.deployable

    # 2. Register the training data.
    artifact = aicore_client.artifact.create(
        name="training-data",
        kind=Artifact.Kind.DATASET,
        url="ai://default/data",
        scenario_id=SCENARIO,
        description="texts with their classes",
    )
    assert artifact.message == "Artifact acknowledged"

    # 3. Bind them to the workflow's input.
    configuration = aicore_client.configuration.create(
        name="text-clf-training",
        scenario_id=SCENARIO,
        executable_id=EXECUTABLE,
        input_artifact_bindings=[InputArtifactBinding(key="text-data", artifact_id=artifact.id)],
    )
    assert configuration.message == "Configuration created"

    # 4. Start the training.
    execution = aicore_client.execution.create(configuration_id=configuration.id)
    assert execution.message == "Execution scheduled"
    assert execution.status is Status.UNKNOWN

    # 5. Wait for it, as the notebook does (there with 5 seconds).
    status = None
    while status is not Status.COMPLETED and status is not Status.DEAD:
        time.sleep(1)
        finished = aicore_client.execution.get(execution.id)
        status = finished.status
    assert status is Status.COMPLETED
    assert aicore_clock.elapsed >= 1

    # 6. Hand the model on to the next stage.
    (model,) = finished.output_artifacts
    output = tmp_path / "training_output.json"
    output.write_text(json.dumps({"id": model.id, "name": model.name, "url": model.url}), encoding="utf-8")
    assert json.loads(output.read_text(encoding="utf-8")) == {
        "id": model.id,
        "name": "text-model-tutorial",
        "url": f"ai://default/{execution.id}/text-model-tutorial",
    }
