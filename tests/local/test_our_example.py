"""The acceptance tests of `workflows/` hold with the real code: on this machine, and on a service over HTTP.

They hold in the emulator as well, where each run of the whole suite begins with them. README's third command installs
SAP's own package; here a stand-in takes its place, because tests ask no package index.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.running.engines.sandbox import Sandbox
from tests.emulator.serve.servers import Program
from tests.places import ROOT, WORKFLOWS
from tests.prepared import start_pytest
from tests.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.once

SDK = {
    "ai_core_sdk/__init__.py": "",
    "ai_core_sdk/models.py": """
class Metric:
    def __init__(self, name, value, timestamp, step=None):
        self.json = {"name": name, "value": value, "timestamp": timestamp.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
        if step is not None:
            self.json["step"] = step
""",
    "ai_core_sdk/tracking.py": """
import json, os, urllib.request

class Tracking:
    def log_metrics(self, metrics):
        content = {"executionId": os.environ["AICORE_EXECUTION_ID"], "metrics": [metric.json for metric in metrics]}
        # A shell passes on no variables with a hyphen in their names.
        headers = {name: os.environ[name] for name in ("AI-RESOURCE-GROUP", "AI-MAIN-TENANT") if name in os.environ}
        url = os.environ["AICORE_TRACKING_ENDPOINT"] + "/api/v1/metrics"
        headers["Content-Type"] = "application/json"
        request = urllib.request.Request(url, json.dumps(content).encode(), headers, method="PATCH")
        urllib.request.urlopen(request).close()
""",
}
"""What the code of the examples uses of it, with the same requests."""


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return the environment of programs whose images get the stand-in, and keep it for the next one."""
    reason = Sandbox().probe()
    if reason is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("packages")
    wheel(folder, "sap_ai_sdk_core", SDK)
    offline = {name: str(folder) for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS")}
    return {**offline, "PIP_NO_INDEX": "1", "UV_NO_INDEX": "1", "PYTEST_AICORE_CACHE_DIR": str(folder / "cache")}


def accepted(folder: Path, variables: Mapping[str, str], *arguments: str) -> tuple[list[dict[str, Any]], str]:
    """Run the acceptance tests, of which all must pass but those that control the emulator.

    Return the runs of the report, and what is printed.

    Args:
        folder: for what they write.
        variables: of the environment.
        *arguments: of pytest.
    """
    output, report = folder / "output.txt", folder / "report.json"
    options = ["-p", "no:cacheprovider", "-p", "no:randomly", f"--aicore-report={report}", *arguments]
    session = start_pytest(["workflows", *options], cwd=ROOT, output=output, env={**os.environ, **variables})
    status = session.wait(100)
    text = output.read_text(encoding="utf-8")
    assert status == 0, text
    skipped = [line for line in text.splitlines() if line.startswith("SKIPPED")]
    assert skipped
    assert all(line.endswith(" controls the emulator only") for line in skipped), skipped
    runs = json.loads(report.read_text(encoding="utf-8"))["runs"]
    assert {run["status"] for run in runs} == {"COMPLETED"}
    return list(runs), text


def require_shown(text: str) -> None:
    """Check that README shows what the command prints.

    Args:
        text: the output.
    """
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```text\n(aicore: LOCAL .*?)^```$", readme, re.MULTILINE | re.DOTALL)
    printed = _without_times(text)
    for line in _without_times(block).splitlines():
        assert line.removesuffix("...") in printed


def _without_times(text: str) -> str:
    return re.sub(r" +\d+ s ", " N s ", text)


def require_real(runs: list[dict[str, Any]]) -> None:
    """Check that metrics are those of the code, not what the emulator plays.

    Args:
        runs: of the report.
    """
    (run,) = (run for run in runs if run["executable"] == "text-clf-train-tutorial" and not run["parameters"])
    assert run["metrics"] == {"accuracy": 0.9}


def test_on_this_machine(tmp_path: Path, variables: Mapping[str, str]) -> None:
    """Also in a CI system: each image is mapped, so none is substituted."""
    runs, text = accepted(tmp_path, {**variables, "CI": "true"}, "--aicore-local")
    require_real(runs)
    require_shown(text)


def test_on_a_service(tmp_path: Path, variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A live session, against a server that carries executions out."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)  # outputs stay in the current folder
    shutil.copytree(WORKFLOWS, tmp_path / "workflows")
    key = tmp_path / "key.json"
    server = ["--local", "--workflows", "workflows", "--service-key-out", str(key)]
    with Program(*server, cwd=tmp_path) as program:
        assert program.url
        live = ["--aicore-live", f"--aicore-service-key={key}", "--aicore-resource-group=default"]
        runs, _ = accepted(
            tmp_path, variables, *live, "--aicore-poll-interval=0.2", f"--aicore-ledger={tmp_path / 'l.jsonl'}"
        )
        assert program.stop() == 0
    (line,) = program.lines["stderr"]
    assert line.endswith("; their output artifacts stay in aicore-output")
    require_real(runs)
