"""No module calls what only POSIX systems have without asking whether it is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.places import ROOT, WORKFLOWS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is nothing to hide"),
]

TEST = """
import pytest

@pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts={"text-data": "ai://default/data"})
def test_it(aicore_execution):
    assert sorted(aicore_execution.output_artifacts) == ["text-model-tutorial"]
"""
PLUGINS = [f"-pno:{name}" for name in ("cacheprovider", "hypothesispytest", "randomly", "rerunfailures", "xdist")]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.repository.without_posix", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def run(folder: Path, *arguments: str) -> str:
    process = start(folder, *arguments)
    printed, _ = process.communicate(timeout=100)
    assert process.returncode == 0, printed
    return printed


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose files have the line ends of Windows."""
    folder = tmp_path / "project"
    shutil.copytree(WORKFLOWS, folder / "workflows", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for file in (folder / "workflows").glob("*.yaml"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    (folder / "pytest.ini").write_bytes(b"[pytest]\r\naicore_workflows =\r\n    workflows\r\n")
    (folder / "test_it.py").write_bytes(TEST.replace("\n", "\r\n").encode())
    return folder


def test_every_module_can_be_imported(tmp_path: Path) -> None:
    run(tmp_path, "import")


def test_checks_first_tests_and_offline_sessions(project: Path) -> None:
    assert run(project, "command", "check", "--ignore=AIC200", "workflows").endswith("4 files checked: nothing found\n")
    assert "new: tests/test_aicore.py\n" in run(project, "command", "init")
    printed = run(project, "pytest", *PLUGINS, "--aicore-check", "--aicore-report=report.json", "--basetemp=../b")
    assert "13 passed" in printed


def test_a_server_a_live_session_and_a_sweep(project: Path) -> None:
    server = start(
        project, "command", "serve", "--workflows=workflows", "--service-key-out=key.json", "--pace=polls", "--no-page"
    )
    try:
        assert server.stdout is not None
        assert "http://127.0.0.1:" in server.stdout.readline()
        live = ("--aicore-live", "--aicore-service-key=key.json", "--aicore-resource-group=default")
        quick = ("--aicore-poll-interval=0.01", "--aicore-ledger=ledger.jsonl", "--basetemp=../b")
        assert "1 passed" in run(project, "pytest", *PLUGINS, *live, *quick, "test_it.py")
        swept = run(project, "command", "sweep", "--service-key=key.json", "--ledger=ledger.jsonl")
        assert swept.startswith("no leftover executions in the resource group default at http://127.0.0.1:")
    finally:
        server.terminate()
        printed, _ = server.communicate(timeout=60)
    assert server.returncode == 0, printed
