"""The training of SAP's text classification tutorial, as acceptance tests.

`pytest workflows` runs them offline, `pytest workflows --aicore-local` with the real code of the folder `text_clf/` on
this machine, `pytest workflows --aicore-live` against SAP AI Core: the same lines.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_aicore import Status

if TYPE_CHECKING:
    from ai_api_client_sdk.models.artifact_create_response import ArtifactCreateResponse
    from ai_api_client_sdk.models.configuration_create_response import ConfigurationCreateResponse

    from pytest_aicore import FinishedExecution

# Which workflow is trained, with which data. All tests of this module share one training run: it costs money.
# `emulated` is what the emulator plays; where code really runs it has no effect.
pytestmark = pytest.mark.aicore(
    "training_workflow_tutorial.yaml",
    artifacts={"text-data": "ai://default/data"},
    emulated={
        "metrics": {"accuracy": 0.85},
        "outputs": {"text-model-tutorial": {"model.json": '{"classes": ["billing", "delivery", "technical"]}'}},
    },
)


def test_training_completes(
    aicore_artifact: ArtifactCreateResponse,
    aicore_configuration: ConfigurationCreateResponse,
    aicore_execution: FinishedExecution,
) -> None:
    """The ten lines of the README: a dataset is registered, a configuration made, a training run to its end."""
    assert aicore_artifact.message == "Artifact acknowledged"
    assert aicore_configuration.message == "Configuration created"
    assert aicore_execution.message == "Execution scheduled"
    assert aicore_execution.status is Status.COMPLETED
    assert aicore_execution.output_artifacts["text-model-tutorial"].url.startswith("ai://default/")


def test_training_goes_through_its_statuses_in_order(aicore_execution: FinishedExecution) -> None:
    """`history` has each status with the time at which it was first seen."""
    order = [Status.UNKNOWN, Status.PENDING, Status.RUNNING, Status.COMPLETED]
    statuses = [seen.status for seen in aicore_execution.history]
    assert statuses == [status for status in order if status in statuses]  # who polls may miss a short one
    times = [seen.time for seen in aicore_execution.history]
    assert times == sorted(times)


def test_training_leaves_one_model(aicore_execution: FinishedExecution) -> None:
    """The output artifact is registered because it has a globalName in the workflow."""
    (name, model), *others = aicore_execution.output_artifacts.items()
    assert name == "text-model-tutorial"
    assert model.kind.value == "model"
    assert model.url == f"ai://default/{aicore_execution.id}/text-model-tutorial"
    assert others == []


def test_model_is_good(aicore_execution: FinishedExecution) -> None:
    """What the training has logged with `Tracking()` of SAP's SDK."""
    assert aicore_execution.metrics["accuracy"] > 0.8


def test_model_can_be_opened(aicore_execution: FinishedExecution) -> None:
    """`open` reads a file of an output artifact, wherever it is."""
    with aicore_execution.output_artifacts["text-model-tutorial"].open("model.json") as file:
        model = json.load(file)
    assert model["classes"] == ["billing", "delivery", "technical"]


def test_training_writes_logs(aicore_execution: FinishedExecution) -> None:
    """Log lines are strings that know their time."""
    assert aicore_execution.logs
    assert all(line.timestamp >= aicore_execution.execution.created_at for line in aicore_execution.logs)


def test_training_is_quick(aicore_execution: FinishedExecution) -> None:
    """`duration` is how long the training ran, in seconds of AI Core's time, not of this test's."""
    assert aicore_execution.duration < 30 * 60


@pytest.mark.aicore(parameters={"DEPTH": 5})
def test_depth_can_be_configured(aicore_execution: FinishedExecution) -> None:
    """A nearer marker overrides the module's field by field; other parameters mean another run."""
    assert aicore_execution.status is Status.COMPLETED
