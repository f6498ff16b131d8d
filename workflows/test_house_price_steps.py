"""A training in steps, with two input artifacts, a parameter that needs a value and one that has a default."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client
    from ai_api_client_sdk.models.artifact_create_response import ArtifactCreateResponse
    from ai_api_client_sdk.models.configuration_create_response import ConfigurationCreateResponse

    from pytest_aicore import FinishedExecution, RunFactory, Template

pytestmark = pytest.mark.aicore(
    "house_price_steps.yaml",
    artifacts={"sales": "ai://default/sales", "districts": "ai://default/districts"},
    parameters={"MAX_DEPTH": 8},
    emulated={"metrics": {"r2": 0.88, "leaves": 38}},
)


def test_workflow_asks_for_two_artifacts_and_one_parameter(aicore_workflow: Template) -> None:
    """What AI Core publishes of a workflow can be tested without running it."""
    executable = aicore_workflow.executable
    assert [artifact.name for artifact in executable.input_artifacts] == ["sales", "districts"]
    assert {parameter.name: parameter.default for parameter in executable.parameters} == {
        "MAX_DEPTH": None,
        "TEST_SHARE": "0.2",
    }


def test_both_artifacts_are_registered(aicore_artifacts: Mapping[str, ArtifactCreateResponse]) -> None:
    """A workflow with several inputs has `aicore_artifacts`, by input name. No training is started for this test."""
    assert {name: artifact.url for name, artifact in aicore_artifacts.items()} == {
        "sales": "ai://default/sales",
        "districts": "ai://default/districts",
    }


def test_numbers_are_sent_as_strings(
    aicore_client: AIAPIV2Client, aicore_configuration: ConfigurationCreateResponse
) -> None:
    """AI Core knows string parameters only: 8 becomes "8"."""
    configuration = aicore_client.configuration.get(aicore_configuration.id)
    assert {binding.key: binding.value for binding in configuration.parameter_bindings} == {"MAX_DEPTH": "8"}


def test_training_completes(aicore_execution: FinishedExecution) -> None:
    """The model is registered with the label that the workflow gives it."""
    (label,) = aicore_execution.output_artifacts["house-price-model"].labels
    assert (label.key, label.value) == ("ext.ai.sap.com/framework", "scikit-learn")


def test_model_explains_the_prices(aicore_execution: FinishedExecution) -> None:
    """R squared, on the sales that were kept back for the test."""
    assert aicore_execution.metrics["r2"] > 0.8


def test_two_depths_make_two_models(aicore_run: RunFactory) -> None:
    """`aicore_run` starts several runs in one test; what it is not told is as the marker says."""
    shallow = aicore_run(parameters={"MAX_DEPTH": 2}, emulated={"metrics": {"leaves": 4}})
    deep = aicore_run(parameters={"MAX_DEPTH": 16})
    assert shallow.execution.status is deep.execution.status is Status.COMPLETED
    assert (
        shallow.execution.output_artifacts["house-price-model"] != deep.execution.output_artifacts["house-price-model"]
    )
    assert shallow.execution.metrics["leaves"] < deep.execution.metrics["leaves"]
