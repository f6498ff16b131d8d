"""The serving of SAP's text classification tutorial: what AI Core publishes of it, and what takes the model there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

    from pytest_aicore import Template


@pytest.mark.aicore("serving_workflow_tutorial.yaml")
def test_serving_belongs_to_the_scenario_of_the_training(
    aicore_workflow: Template, aicore_client: AIAPIV2Client
) -> None:
    """Only what has the same scenario id finds the trained model."""
    scenario = aicore_workflow.executable.scenario_id
    published = aicore_client.executable.query(scenario_id=scenario).resources
    assert {executable.id: executable.deployable for executable in published} == {
        "text-clf-train-tutorial": False,
        "text-clf-infer-tutorial": True,
    }


@pytest.mark.aicore("serving_workflow_tutorial.yaml")
def test_serving_takes_the_model(aicore_workflow: Template) -> None:
    """Its one input artifact is the model that the training leaves."""
    (model,) = aicore_workflow.executable.input_artifacts
    assert (model.name, model.kind) == ("textmodel", "model")
