"""Clients in other languages run a training: SAP's SDK for JavaScript, and curl."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.emulator.serve.servers import Served, serving

pytestmark = pytest.mark.once

pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")

CLIENTS = Path(__file__).parent / "clients"
JAVASCRIPT_SDK = "@sap-ai-sdk/ai-api@2"
INSTALLATION_SECONDS = 300


@pytest.fixture(scope="session")
def javascript() -> Path:
    """A folder in which Node finds SAP's SDK; kept beside the packages of this Python, for the next time."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"the program {program} is not here")
    folder = Path(sys.prefix) / "share" / "pytest-aicore-tests" / "node"
    if not folder.exists():
        # Under xdist several of us may come here at once: each installs, the first one's stays.
        made = folder.with_name(f"node-{os.getpid()}")
        made.mkdir(parents=True)
        (made / "package.json").write_text('{"private": true}', encoding="utf-8")
        options = ["--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"]
        try:
            subprocess.run(
                ["npm", "install", *options, JAVASCRIPT_SDK],
                cwd=made,
                check=True,
                capture_output=True,
                timeout=INSTALLATION_SECONDS,
            )
        except (subprocess.SubprocessError, OSError) as error:
            shutil.rmtree(made, ignore_errors=True)
            pytest.skip(f"npm cannot install {JAVASCRIPT_SDK}: {error}")
        try:
            made.rename(folder)
        except OSError:
            shutil.rmtree(made, ignore_errors=True)
    return folder


@pytest.mark.timeout(INSTALLATION_SECONDS + 60)
def test_saps_sdk_for_javascript_runs_a_training(javascript: Path) -> None:
    script = shutil.copy(CLIENTS / "training.mjs", javascript)  # Node looks for packages where the script lies
    with serving("polls") as served:
        seen = json.loads(run(served, ["node", str(script)]))
    scenarios = seen.pop("scenarios")
    assert "flowers" in scenarios
    assert seen == {
        "parameters": ["epochs"],
        "artifact": "Artifact acknowledged",
        "configuration": "Configuration created",
        "execution": "Execution scheduled",
        "statuses": ["UNKNOWN", "PENDING", "RUNNING", "COMPLETED"],
        "outputs": ["ai://default/ID/flower-model"],
        "logs": [
            'level=info msg="Starting Workflow Executor"',
            "Training train-flowers started",
            "Training finished",
        ],
        "metrics": [["accuracy", 0.5]],
        "refused": "Invalid Request, Current status COMPLETED cannot be changed..",
        "left": [["COMPLETED", "DELETED"]],
    }


def test_curl_runs_a_training(tmp_path: Path) -> None:
    for program in ("sh", "curl", "sed"):
        if shutil.which(program) is None:
            pytest.skip(f"the program {program} is not here")
    with serving("polls") as served:
        key_file = tmp_path / "key.json"
        served.server.write_service_key(key_file)
        seen = run(served, ["sh", str(CLIENTS / "training.sh"), str(key_file)])
    assert seen.splitlines() == [
        "UNKNOWN",
        "PENDING",
        "RUNNING",
        "COMPLETED",
        "ai://default/ID/flower-model",
        "1",
        "401 text/plain",
    ]


def run(served: Served, command: list[str]) -> str:
    """Run a client and return what it prints."""
    environment = {name: value for name, value in os.environ.items() if name.lower() not in ("http_proxy", "all_proxy")}
    environment |= {"AICORE_SERVICE_KEY": json.dumps(served.server.service_key), "no_proxy": "127.0.0.1"}
    client = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (client.returncode, client.stderr) == (0, "")
    return client.stdout
