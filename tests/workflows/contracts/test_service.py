"""The same comparison with the executable that the service has synced."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.errors import ContractError
from pytest_aicore.workflows import OutputArtifact, Parameter
from pytest_aicore.workflows.contracts.comparison import compare_with_service
from tests.places import our_folder

if TYPE_CHECKING:
    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

    from pytest_aicore.workflows import Executable

FOLDER = our_folder()
ANSWER: dict[str, Any] = {
    "createdAt": "2024-01-01T00:00:00+00:00",
    "deployable": False,
    "description": "Train a classifier and report on the data it saw",
    "id": "churn-train",
    "inputArtifacts": [{"name": "contracts", "kind": "dataset"}],
    "labels": [],
    "modifiedAt": "2024-01-01T00:00:00+00:00",
    "name": "Churn training",
    "outputArtifacts": [
        {"name": "churn-report", "kind": "resultset"},
        {"name": "churn-model", "description": "Classifier of contracts, as JSON"},
    ],
    "parameters": [
        {"name": "LEARNING_RATE", "type": "string", "default": "0.05", "description": "Step width of the boosting"}
    ],
    "scenarioId": "customer-churn",
    "versionId": "0.3.0",
}


def test_what_the_service_shows_of_our_workflow_is_no_difference() -> None:
    comparison = compare_with_service(FOLDER["churn-train"].executable, ANSWER)
    assert comparison.table() == ["executable 'churn-train', version '0.3.0', unchanged: no difference"]


@pytest.mark.parametrize("executable_id", FOLDER)
def test_what_the_sdk_returns_is_no_difference(aicore_client: AIAPIV2Client, executable_id: str) -> None:
    """The fixture's emulator publishes the same folder; live, this is what the tenant has synced."""
    executable = FOLDER[executable_id].executable
    assert executable.scenario_id is not None
    answer = aicore_client.executable.get(executable.scenario_id, executable_id)
    assert compare_with_service(executable, answer).differences == ()


def changed(**changes: Any) -> Executable:
    return replace(FOLDER["churn-train"].executable, **changes)


def test_the_table_tells_what_publishing_would_break() -> None:
    executable = changed(
        parameters=(Parameter("LEARNING_RATE", "0.1", "Step width of the boosting"), Parameter("SEED")),
        output_artifacts=(OutputArtifact("churn-report", "resultset", registered_name="another"),),
        images=("elsewhere/image",),
        resource_plans=("train.l",),
        scenario_name="Another name",
    )
    comparison = compare_with_service(executable, ANSWER)
    assert not comparison.acceptable
    assert comparison.table() == [
        "executable 'churn-train', version '0.3.0', unchanged",
        "  breaking                   parameter 'SEED' added, without a default",
        (
            "                             All existing configurations stop working: none binds 'SEED', so their"
            " executions end DEAD or stay PENDING."
        ),
        "  breaking                   output 'churn-model' removed",
        (
            "                             Configurations that bind 'churn-model' of a completed execution as their"
            " input get no new one: it is not registered any more."
        ),
        "  needs a new version label  parameter 'LEARNING_RATE': default changed from '0.05' to '0.1'",
        (
            "                             Configurations that do not bind 'LEARNING_RATE' run with another value than"
            " before."
        ),
    ]
    assert compare_with_service(replace(executable, version_id="0.4.0"), ANSWER).acceptable


@pytest.mark.parametrize(
    ("answer", "kind"),
    [({}, "dict"), ({"id": 3}, "dict"), (None, "NoneType"), ([ANSWER], "list"), (SimpleNamespace(name="x"), None)],
)
def test_what_is_no_executable_is_an_error(answer: object, kind: str | None) -> None:
    with pytest.raises(ContractError) as caught:
        compare_with_service(FOLDER["churn-train"].executable, answer)
    kind = kind or "SimpleNamespace"
    assert str(caught.value) == f"The answer of the service is not an executable: it has no `id` ({kind})."
