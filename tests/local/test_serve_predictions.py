"""The steps of SAP's tutorial about predictions, as a script with SAP's SDK against `pytest-aicore serve --local`."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from ai_api_client_sdk.models.artifact import Artifact
from ai_api_client_sdk.models.input_artifact_binding import InputArtifactBinding
from ai_api_client_sdk.models.target_status import TargetStatus

from tests.emulator.serve.servers import Program
from tests.local.laptops import workflow
from tests.local.servings import ANSWERS, free_port, serving
from tests.local.test_serve_local import client, ended
from tests.waiting import sleeping, until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.once

SECONDS = f"6021.{os.getpid()}"
"""How long a child of the server sleeps, which is found by it."""
WITH_CHILD = ANSWERS.replace("print(", f"import subprocess; subprocess.Popen(['sleep', '{SECONDS}'])\nprint(", 1)
TRAINS = workflow("mkdir /out/model; echo a model for $WORD > /out/model/model.txt")


@pytest.fixture
def program(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """The server, by each engine, with a training and what serves its model."""
    monkeypatch.chdir(tmp_path)
    Path("workflows").mkdir()
    Path("data").mkdir()
    Path("workflows/training.yaml").write_text(TRAINS, encoding="utf-8")
    template = serving(WITH_CHILD).replace('"9001"', f'"{free_port()}"')
    Path("workflows/serving.yaml").write_text(template, encoding="utf-8")
    options = ["--workflows", "workflows", "--service-key-out", "key.json", "--local-store", "default=data"]
    with Program("--local", "--engine", engine, *options) as program:
        assert program.url
        yield program


def trained(sdk: Any) -> str:
    """Train, and return the id of the model.

    Args:
        sdk: a client.
    """
    configuration = sdk.configuration.create("training", "tiny", "tiny")
    execution = ended(sdk, sdk.execution.create(configuration.id).id)
    assert execution.status.value == "COMPLETED"
    return str(execution.output_artifacts[0].id)


def deployed(sdk: Any, model: str) -> Any:
    """Deploy a model, and return the running deployment.

    Args:
        sdk: a client.
        model: the id of its artifact.
    """
    bindings = [InputArtifactBinding("tinymodel", model)]
    configuration = sdk.configuration.create("serving", "tiny", "serve-tiny", input_artifact_bindings=bindings)
    deployment_id = sdk.deployment.create(configuration.id).id
    until(lambda: sdk.deployment.get(deployment_id).status.value in ("RUNNING", "DEAD"), "the server")
    deployment = sdk.deployment.get(deployment_id)
    assert deployment.status.value == "RUNNING", deployment.status_message
    return deployment


def test_train_deploy_and_predict(program: Program) -> None:
    sdk = client()
    deployment = deployed(sdk, trained(sdk))
    assert deployment.deployment_url == f"{program.url}/v2/inference/deployments/{deployment.id}"
    endpoint = f"{deployment.deployment_url}/v2/predict"
    headers = {"Authorization": sdk.rest_client.get_token(), "AI-Resource-Group": "default"}
    answer = requests.post(endpoint, json={"text": "Great"}, headers=headers, timeout=20)
    assert answer.json() == {"path": "/v2/predict", "model": "a model for hello\n", "asked": {"text": "Great"}}
    wrong = requests.post(endpoint, json={}, headers={**headers, "AI-Resource-Group": "other"}, timeout=20)
    assert (wrong.status_code, wrong.text) == (403, "RBAC: access denied")
    assert len(sleeping(SECONDS)) == 1
    sdk.deployment.modify(deployment.id, target_status=TargetStatus.STOPPED)
    until(lambda: sdk.deployment.get(deployment.id).status.value == "STOPPED", "its end")
    assert sleeping(SECONDS) == []
    sdk.deployment.delete(deployment.id)
    assert program.stop() == 0
    assert "Traceback" not in "".join(program.lines["stderr"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_end_of_the_server_ends_deployments(program: Program, engine: str, number: int) -> None:
    if number == signal.SIGKILL and engine != "sandbox":
        pytest.skip("with the other engines the next session ends what is left")
    Path("data/model").mkdir()
    Path("data/model/model.txt").write_text("a model", encoding="utf-8")
    sdk = client()
    deployed(sdk, sdk.artifact.create("model", Artifact.Kind.MODEL, "ai://default/model/", "tiny").id)
    assert len(sleeping(SECONDS)) == 1
    assert program.stop(number) == (0 if number == signal.SIGTERM else -number)
    until(lambda: sleeping(SECONDS) == [], "the end of the server")
