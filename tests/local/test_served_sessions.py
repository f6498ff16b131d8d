"""`pytest --aicore-local`: what a training left is deployed and asked, and nothing of it survives the session."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.local.laptops import workflow
from tests.local.servings import ANSWERS, TEMPLATE, free_port
from tests.prepared import start_pytest
from tests.waiting import sleeping, until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once

LONG = 100
"""Seconds for what takes one or two; a loaded machine is no reason to fail."""
KILLS = int(os.environ.get("PYTEST_AICORE_KILLS", "2"))
DOCKERFILE = """
FROM python:3-slim
WORKDIR /app
COPY main.py /app/
CMD ["python", "main.py"]
"""
TESTS = """
import time

import pytest
import requests
from ai_api_client_sdk.models.artifact import Artifact
from ai_api_client_sdk.models.input_artifact_binding import InputArtifactBinding

@pytest.mark.aicore("training.yaml", parameters={"WORD": "well"})
def test_predict(aicore_execution, aicore_client):
    url = aicore_execution.output_artifacts["model"].url
    model = aicore_client.artifact.create("model", Artifact.Kind.MODEL, url, "tiny")
    bindings = [InputArtifactBinding("tinymodel", model.id)]
    made = aicore_client.configuration.create("serving", "tiny", "serve-tiny", input_artifact_bindings=bindings)
    deployment = aicore_client.deployment.create(made.id)
    while (shown := aicore_client.deployment.get(deployment.id)).status.value not in ("RUNNING", "DEAD"):
        time.sleep(0.02)
    assert shown.status.value == "RUNNING", shown.status_message
    headers = {"Authorization": aicore_client.rest_client.get_token(), "AI-Resource-Group": "default"}
    answer = requests.post(f"{shown.deployment_url}/v2/predict", json=[1], headers=headers, timeout=10)
    assert answer.json() == {"path": "/v2/predict", "model": "trained well\\n", "asked": [1]}
    time.sleep(PAUSE)
"""


@pytest.fixture
def project(pytester: pytest.Pytester, engine: str) -> pytest.Pytester:
    """A project that trains and serves, with the image of its server."""
    for path, text in {
        "workflows/training.yaml": workflow("mkdir /out/model; echo trained $WORD > /out/model/model.txt"),
        "workflows/serving.yaml": TEMPLATE.replace("            command: [python, -u, -c]\n", "")
        .replace("            args: [SCRIPT]\n", "")
        .replace('"9001"', f'"{free_port()}"'),
        "serve/Dockerfile": DOCKERFILE,
        "serve/main.py": ANSWERS,
        "pytest.ini": (
            f"[pytest]\naicore_local_engine = {engine}\naicore_local_substitute = true\n"
            "aicore_local_images = docker.io/me/serve:* = serve\n"
        ),
    }.items():
        file = pytester.path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    pytester.makepyfile(test_it=TESTS.replace("PAUSE", "0"))
    return pytester


def asked(*options: str) -> list[str]:
    """Return the arguments of a session.

    Args:
        *options: further ones.
    """
    return ["--aicore-local", "-p", "no:randomly", *options]


def test_train_deploy_and_predict(project: pytest.Pytester, engine: str) -> None:
    alone = ["-o", "aicore_local_network=false"] if engine == "sandbox" else []
    result = project.runpytest_subprocess(*asked(*alone))
    result.assert_outcomes(passed=1, warnings=1)


@pytest.mark.timeout(3 * LONG)
@pytest.mark.parametrize("kill", range(KILLS))
@pytest.mark.usefixtures("_own_folders")
def test_a_session_that_is_killed_leaves_no_server(
    project: pytest.Pytester, engine: str, kill: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(f"serving {engine} {kill}")
    seconds = f"8{os.getpid()}.{chance.randrange(10**6):06}"
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    child = f"import subprocess; subprocess.Popen(['sleep', '{seconds}'])\nprint("
    (project.path / "serve" / "main.py").write_text(ANSWERS.replace("print(", child, 1), encoding="utf-8")
    project.makepyfile(test_it=TESTS.replace("PAUSE", str(LONG)))
    session = start_pytest(asked(), cwd=project.path, output=tmp_path / "output.txt")
    try:
        if kill % 3:  # else at any moment of the start
            until(lambda: sleeping(seconds) or session.poll() is not None, "the server", LONG)
        time.sleep(chance.random() * 0.8)
    finally:
        session.send_signal(signal.SIGKILL)
        session.wait(30)
    if engine != "sandbox":  # by the next session
        (project.path / "serve" / "main.py").write_text(ANSWERS, encoding="utf-8")
        project.makepyfile(test_it=TESTS.replace("PAUSE", "0"))
        next_one = start_pytest(asked(), cwd=project.path, output=tmp_path / "next.txt")
        assert next_one.wait(LONG) == 0, (tmp_path / "next.txt").read_text()
    until(lambda: not sleeping(seconds), "the end of the server", LONG)
