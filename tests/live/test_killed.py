"""A live session is killed at random moments; whoever goes on with it starts nothing twice and leaves nothing behind.

Ten moments; `PYTEST_AICORE_KILLS=100 pytest tests/live/test_killed.py` tries a hundred.
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

from tests.live.conftest import HEAD
from tests.live.sessions import LiveProcess, wait_until

if TYPE_CHECKING:
    from tests.live.conftest import Service

KILLS = int(os.environ.get("PYTEST_AICORE_KILLS", "10"))
LINES = 26
"""So many lines a session writes into its ledger, more or less."""
TESTS = """
@pytest.mark.aicore(fresh=True)
@pytest.mark.parametrize("n", range(2))
def test_fresh(aicore_execution, n): pass

def test_shared(aicore_execution): pass

def test_shared_again(aicore_execution): pass
"""


@pytest.mark.parametrize("kill", range(KILLS))
def test_killed_at_any_moment(service: Service, project: pytest.Pytester, live_arguments: list[str], kill: int) -> None:
    chance = random.Random(kill)
    project.makepyfile(test_it=HEAD + TESTS)
    with LiveProcess(project.path, live_arguments) as session:
        moment = chance.randrange(LINES + 1)
        wait_until(lambda: len(session.events()) >= moment or session.process.poll() is not None, "the moment")
        time.sleep(chance.random() * 0.05)
        session.send(signal.SIGKILL, to_group=True)
        session.wait()
    if kill % 2:
        sweep = [sys.executable, "-m", "pytest_aicore.cli", "sweep", "--service-key=key.json", "--ledger=ledger.jsonl"]
        swept = subprocess.run(
            [*sweep, "--resource-group=default"],
            cwd=project.path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (swept.returncode, swept.stderr) == (0, "")
        assert len(service.executions()) <= 3
    else:
        with LiveProcess(project.path, [*live_arguments, "--aicore-resume"]) as resumed:
            assert resumed.wait() == 0, resumed.text
            assert "4 passed" in resumed.text
        finished = service.calls.count("execution.create")
        # Whoever was killed after its last test had all it asked for; then the next one asks for it anew.
        assert finished == 3 or (finished == 6 and "closed" in [each["event"] for each in session.events()[:-1]])
    assert service.unwatched() == []
