"""A live session with deployments is killed at random moments: the next session, or a sweep, leaves nothing running.

Three moments; `PYTEST_AICORE_KILLS=100 pytest tests/training/live/sessions/test_killed_deployments.py` tries a hundred.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.training.live.sessions.processes import LiveProcess, wait_until

if TYPE_CHECKING:
    from tests.training.live.sessions.conftest import Service

pytestmark = pytest.mark.once

KILLS = int(os.environ.get("PYTEST_AICORE_KILLS", "3"))
LINES = 24
"""So many lines a session writes into its ledger until it stops the first of its deployments, more or less."""
TESTS = """
import pytest

given = pytest.mark.aicore_deployment(artifacts={"textmodel": "ai://default/m"}, predict="/v2/predict")

@given
def test_shared(aicore_deployment): aicore_deployment.predict({})

@given
@pytest.mark.aicore_deployment(fresh=True)
def test_own(aicore_deployment): aicore_deployment.update(parameters={"maxReplicas": 3})

@given
def test_shared_again(aicore_deployment): aicore_deployment.predict({})
"""


def running(service: Service) -> list[str]:
    """Return the deployments that cost money, or will."""
    with service.emulator.lock:
        service.emulator.agenda.settle()
        shown = service.emulator.state.groups["default"].deployments
        return [each.id for each in shown if each.status in ("UNKNOWN", "PENDING", "RUNNING")]


@pytest.mark.parametrize("kill", range(KILLS))
def test_killed_at_any_moment(service: Service, project: pytest.Pytester, live_arguments: list[str], kill: int) -> None:
    chance = random.Random(kill)
    service.emulator.answer("text-clf-infer-tutorial", "/v2/predict", "good")
    project.makepyfile(test_it=TESTS)
    moment = chance.randrange(LINES)
    with LiveProcess(project.path, live_arguments) as session:
        wait_until(lambda: len(session.events()) >= moment or session.process.poll() is not None, "the moment")
        time.sleep(chance.random() * 0.05)
        session.send(signal.SIGKILL, to_group=True)
        session.wait()
    if kill % 2:
        command = [sys.executable, "-m", "pytest_aicore.cli", "sweep", "--service-key=key.json"]
        swept = subprocess.run(
            [*command, "--ledger=ledger.jsonl", "--resource-group=default"],
            cwd=project.path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (swept.returncode, swept.stderr) == (0, "")
    else:
        with LiveProcess(project.path, live_arguments) as following:
            assert following.wait() == 0, following.text
    assert running(service) == []
