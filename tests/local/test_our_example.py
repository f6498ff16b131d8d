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

from tests.emulator.serve.servers import Program
from tests.places import ROOT, WORKFLOWS
from tests.prepared import start_pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.once


def accepted(folder: Path, offline: Mapping[str, str], *arguments: str) -> tuple[list[dict[str, Any]], str]:
    """Run the acceptance tests, of which all must pass but those that control the emulator.

    Return the runs of the report, and what is printed.

    Args:
        folder: for what they write.
        offline: variables of the environment.
        *arguments: of pytest.
    """
    output, report = folder / "output.txt", folder / "report.json"
    options = ["-p", "no:cacheprovider", "-p", "no:randomly", f"--aicore-report={report}", *arguments]
    session = start_pytest(["workflows", *options], cwd=ROOT, output=output, env={**os.environ, **offline})
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


def test_on_this_machine(tmp_path: Path, offline: Mapping[str, str]) -> None:
    """Also in a CI system: each image is mapped, so none is substituted."""
    runs, text = accepted(tmp_path, {**offline, "CI": "true"}, "--aicore-local")
    require_real(runs)
    require_shown(text)


def test_on_a_service(tmp_path: Path, offline: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A live session, against a server that carries executions out."""
    for name, value in offline.items():
        monkeypatch.setenv(name, value)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)  # outputs stay in the current folder
    shutil.copytree(WORKFLOWS, tmp_path / "workflows")
    key = tmp_path / "key.json"
    server = ["--local", "--workflows", "workflows", "--service-key-out", str(key)]
    with Program(*server, cwd=tmp_path) as program:
        assert program.url
        live = ["--aicore-live", f"--aicore-service-key={key}", "--aicore-resource-group=default"]
        runs, _ = accepted(
            tmp_path, offline, *live, "--aicore-poll-interval=0.2", f"--aicore-ledger={tmp_path / 'l.jsonl'}"
        )
        assert program.stop() == 0
    (line,) = program.lines["stderr"]
    assert line.endswith("; their output artifacts stay in aicore-output")
    require_real(runs)
