"""A live session is killed at random moments; the session that resumes it starts nothing twice and leaves nothing running.

Half of the sessions have helpers that survive them: forked at random moments, with all that they inherit.

Ten moments; `PYTEST_AICORE_KILLS=100 pytest tests/training/live/sessions/test_killed.py` tries a hundred.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from tests.training.live.sessions.conftest import HEAD
from tests.training.live.sessions.processes import LiveProcess, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.training.live.sessions.conftest import Service

pytestmark = pytest.mark.once

KILLS = int(os.environ.get("PYTEST_AICORE_KILLS", "10"))
LINES = 26
"""So many lines a session writes into its ledger, more or less."""
HELPERS = """
import ctypes, multiprocessing, os, pathlib, random, signal, subprocess, sys, threading

chance = random.Random(NUMBER)

def stay():
    os.setsid()  # not of the group that is killed
    pathlib.Path("helpers", str(os.getpid())).touch()
    while True:
        signal.pause()

def by(fork):
    if fork() == 0:
        stay()

WAYS = (
    lambda: by(os.fork),
    lambda: by(ctypes.PyDLL(None).fork),
    lambda: multiprocessing.get_context("fork").Process(target=stay).start(),
    lambda: subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], preexec_fn=stay),
)

def go_on_forking():
    ledger = pathlib.Path("ledger.jsonl")
    for moment in [1, *sorted(chance.randrange(LINES) for _ in range(4))]:
        while not ledger.exists() or ledger.read_bytes().count(b"\\n") < moment:
            time.sleep(0.001)
        # In a thread of its own: one of them waits for its helper to begin a program, which it never does.
        threading.Thread(target=chance.choice(WAYS), daemon=True).start()

os.mkdir("helpers")
threading.Thread(target=go_on_forking, daemon=True).start()
"""
TESTS = """
@pytest.mark.aicore(fresh=True)
@pytest.mark.parametrize("n", range(2))
def test_fresh(aicore_execution, n): pass

def test_shared(aicore_execution): pass

def test_shared_again(aicore_execution): pass
"""


@contextmanager
def helpers(folder: Path) -> Iterator[None]:
    """Let helpers of a killed session live inside, and end them afterwards."""

    def each(number: int) -> list[str]:
        begun = [int(file.name) for file in (folder / "helpers").glob("*")]
        return [str(helper) for helper in begun if _sent(helper, number)]

    alive = each(0)
    try:
        yield
        assert set(alive) <= set(each(0))  # to the end
    finally:
        each(signal.SIGKILL)


def _sent(process: int, number: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(process, number)
        return True
    return False


@pytest.mark.parametrize("kill", range(KILLS))
def test_killed_at_any_moment(service: Service, project: pytest.Pytester, live_arguments: list[str], kill: int) -> None:
    chance = random.Random(kill)
    helping = HELPERS.replace("NUMBER", str(kill)).replace("LINES", str(LINES)) if kill % 4 > 1 else ""
    project.makepyfile(test_it=HEAD + helping + TESTS)
    moment = chance.randrange(LINES + 1)
    if helping and kill % 2:  # to be swept: what is overlooked does not end by itself
        moment = chance.randrange(LINES - 4)
        service.emulator.script(unknown=0, pending=0, running=10**7)
    with LiveProcess(project.path, live_arguments) as session:
        wait_until(lambda: len(session.events()) >= moment or session.process.poll() is not None, "the moment")
        if helping and moment:
            wait_until(lambda: any((project.path / "helpers").iterdir()), "a helper")
        time.sleep(chance.random() * 0.05)
        session.send(signal.SIGKILL, to_group=True)
        session.wait()
    project.makepyfile(test_it=HEAD + TESTS)
    with helpers(project.path):
        _clear_up(service, project, live_arguments, session, sweep=bool(kill % 2))


def _clear_up(
    service: Service, project: pytest.Pytester, live_arguments: list[str], session: LiveProcess, *, sweep: bool
) -> None:
    if sweep:
        command = [sys.executable, "-m", "pytest_aicore.cli", "sweep", "--service-key=key.json"]
        swept = subprocess.run(
            [*command, "--ledger=ledger.jsonl", "--resource-group=default"],
            cwd=project.path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (swept.returncode, swept.stderr) == (0, "")
        assert len(service.executions()) <= 3
    else:
        with LiveProcess(project.path, [*live_arguments, "--aicore-resume"]) as resumed:
            assert resumed.wait() == 0, resumed.text
            assert "4 passed" in resumed.text
        finished = service.calls.count("execution.create")
        # A session that was killed after its last test had all results; then the next one requests them again.
        assert finished == 3 or (finished == 6 and "closed" in [each["event"] for each in session.events()[:-1]])
    assert service.unwatched() == []
