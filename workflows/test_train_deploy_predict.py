"""The way of SAP's tutorials in one test: train, deploy what was trained, and ask it.

`pytest workflows` runs it offline, with what `emulated` says in the place of code and server; `pytest workflows
--aicore-local` with the code of `text_clf/` and the server of `text_clf_serving/` on this machine; `pytest workflows
--aicore-live` against SAP AI Core: the same lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore import from_run

if TYPE_CHECKING:
    from pytest_aicore import Deployment

CLASSES = ["billing", "delivery", "technical"]


@pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts={"text-data": "ai://default/data"})
@pytest.mark.aicore_deployment(
    "serving_workflow_tutorial.yaml",
    artifacts={"textmodel": from_run("text-model-tutorial")},
    predict="/v2/predict",
    ready={"json": {"text": "hello"}, "check": lambda answer: answer["class"] in CLASSES},
    emulated={"answers": {"/v2/predict": {"class": "billing"}, "/v2/classes": CLASSES}},
)
def test_the_trained_model_answers(aicore_deployment: Deployment) -> None:
    """Training, deployment and prediction: a model is accepted when it answers."""
    assert aicore_deployment.predict({"text": "please refund the invoice"}) == {"class": "billing"}
    assert aicore_deployment.get("/v2/classes").json() == CLASSES
