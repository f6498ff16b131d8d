"""A session whose trainings run on this machine is killed at random moments; the next one finds nothing of it.

A few moments; `PYTEST_AICORE_KILLS=100 pytest tests/local/test_random_kills.py` tries a hundred with each engine.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.containers import volumes_of_nobody, with_word
from tests.prepared import start_pytest
from tests.waiting import sleeping, until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once

LONG = 100
"""Seconds for what takes one or two; a loaded machine is no reason to fail."""
KILLS = int(os.environ.get("PYTEST_AICORE_KILLS", "3"))
WORKFLOW = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: leaf-train
  annotations: {scenarios.ai.sap.com/name: Leaves, executables.ai.sap.com/name: Leaf training}
  labels: {scenarios.ai.sap.com/id: leaves, ai.sap.com/version: 1.0.0}
spec:
  entrypoint: all
  imagePullSecrets: [{name: registry}]
  arguments: {parameters: [{name: seconds}]}
  templates:
    - name: all
      steps:
        - - {name: first, template: train}
          - {name: second, template: train}
        - - {name: third, template: train}
    - name: train
      metadata: {labels: {ai.sap.com/resourcePlan: starter}}
      outputs: {artifacts: [{name: model, globalName: leaf-model, path: /app/model, optional: true}]}
      volumes: [{name: work, emptyDir: {}}]
      container:
        image: docker.io/me/tiny:1
        volumeMounts: [{name: work, mountPath: /volume}]
        command: ["/bin/sh", "-c"]
        args: ["s={{workflow.parameters.seconds}}; sleep $s & (sleep $s &); sleep 0.2; touch /volume/end; echo end"]
"""
TESTS = """
import pytest

@pytest.mark.aicore("leaf.yaml", parameters={"seconds": "SECONDS"})
@pytest.mark.parametrize("n", range(2))
def test_it(aicore_execution, n): pass
"""


@pytest.mark.timeout(6 * LONG)
@pytest.mark.parametrize("kill", range(KILLS))
@pytest.mark.usefixtures("_own_folders")
def test_nothing_is_left(
    pytester: pytest.Pytester, engine: str, kill: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(f"{engine} {kill}")
    seconds = f"7{os.getpid()}.{chance.randrange(10**6):06}"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    volumes = volumes_of_nobody() if engine == "docker" else set()
    (pytester.path / "workflows").mkdir()
    (pytester.path / "workflows" / "leaf.yaml").write_text(WORKFLOW)
    pytester.makepyfile(test_it=TESTS.replace("SECONDS", seconds))
    asked = ["--aicore-local", "-p", "no:randomly", "-o", f"aicore_local_engine={engine}"]
    asked += ["-o", "aicore_local_substitute=true", *(["-n", "2"] if kill % 3 == 2 else [])]
    session = start_pytest(asked, cwd=pytester.path, output=tmp_path / "output.txt")
    try:
        if kill % 2:  # else at any moment of the start
            until(lambda: sleeping(seconds) or session.poll() is not None, "the first step", LONG)
        time.sleep(chance.random() * 0.8)
    finally:
        session.send_signal(signal.SIGKILL)
        session.wait(30)
    if engine == "sandbox":
        until(lambda: not sleeping(seconds), "the end of all steps", LONG)
    pytester.makepyfile(test_it=TESTS.replace("SECONDS", "0"))
    next_one = start_pytest(asked, cwd=pytester.path, output=tmp_path / "next.txt")
    assert next_one.wait(LONG) == 0, (tmp_path / "next.txt").read_text()
    until(lambda: not sleeping(seconds), "the end of all steps", LONG)
    shutil.rmtree(temporary / f"pytest-of-{os.environ.get('USER', 'root')}", ignore_errors=True)
    # A worker of pytest-xdist may live a little longer than its controller, and removes its folder itself.
    until(
        lambda: [path.name for path in temporary.iterdir() if path.name.startswith("aicore-")] == [], "no folder", LONG
    )
    if engine == "docker":
        until(lambda: with_word(f"s={seconds};") == [], "no container", LONG)
        until(lambda: volumes_of_nobody() <= volumes, "no volume", LONG)
