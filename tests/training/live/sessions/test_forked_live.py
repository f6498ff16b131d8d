"""A live session belongs to one process: what is forked from it neither keeps it up nor ends it."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest

from tests.hooks.test_forked import FORKING
from tests.training.live.sessions.conftest import HEAD
from tests.training.live.sessions.processes import LiveProcess, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator import RequestRecord
    from tests.training.live.sessions.conftest import Service

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes can be forked"),
]

FORKED = """
import ctypes, json, multiprocessing, os, pathlib, signal, subprocess, sys, threading, time

FORK = multiprocessing.get_context("fork")

def wait_for(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def parked(fork):
    # A process that waits for signals, and has said so.
    reading, writing = os.pipe()
    def stay():
        os.write(writing, b"x")
        while True:
            time.sleep(0.05)  # a signal that comes just before `signal.pause()` would be heard after it only
    if fork is FORK.Process:
        process = FORK.Process(target=stay)
        process.start()
        child = process.pid
    else:
        child = fork()
        if child == 0:
            stay()
    os.read(reading, 1)
    return child

def parked_by_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(parked(os.fork)))
    thread.start()
    thread.join()
    return found[0]

WAYS = (
    lambda: parked(os.fork),
    lambda: parked(ctypes.PyDLL(None).fork),
    lambda: parked(FORK.Process),
    parked_by_thread,
)

def events():
    return [json.loads(line)["event"] for line in pathlib.Path("ledger.jsonl").read_text().splitlines()]
"""


def test_forked_processes_have_their_own_signals(
    service: Service, project: pytest.Pytester, live: Callable[..., pytest.RunResult]
) -> None:
    service.emulator.script(unknown=0, pending=0, running=10**7)
    result = live(
        FORKED
        + """
def test_helpers_end_and_the_session_goes_on(aicore_run):
    aicore_run()
    for begin in WAYS:
        for number in (signal.SIGTERM, signal.SIGHUP):
            child = begin()
            os.kill(child, number)
            assert wait_for(child) == -number
    shows = "import os; print(*[os.path.realpath(f'/proc/self/fd/{each}') for each in os.listdir('/proc/self/fd')])"
    opened = subprocess.run([sys.executable, "-c", shows], close_fds=False, stdout=subprocess.PIPE, text=True)
    assert "ledger" not in opened.stdout
    assert "stopping" not in events() and "closed" not in events()
    pathlib.Path("helpers-have-ended").touch()
    pytest.skip("enough is known")
""",
        subprocess=True,
    )
    result.assert_outcomes(skipped=1)
    assert (project.path / "helpers-have-ended").exists(), result.stdout.str()
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert service.unwatched() == []


def test_process_begun_while_the_session_ends_can_be_ended(
    service: Service, project: pytest.Pytester, live_arguments: list[str]
) -> None:
    """What ignores a signal hands that on to every program it starts."""
    service.emulator.script(unknown=0, pending=0, running=10**7)
    project.makepyfile(
        test_it=HEAD
        + FORKED
        + """
def test_it(aicore_run):
    try:
        _ = aicore_run().execution
    finally:
        clean_up()

def clean_up():
    shows = "import signal; print(*[signal.getsignal(each).name for each in (signal.SIGTERM, signal.SIGHUP)])"
    told = subprocess.run([sys.executable, "-c", shows], capture_output=True, text=True, check=True)
    pathlib.Path("told").write_text(told.stdout)
"""
    )
    with LiveProcess(project.path, live_arguments) as session:
        session.wait_for_executions(1)
        session.send(signal.SIGTERM)
        assert session.wait() == pytest.ExitCode.INTERRUPTED
    assert (project.path / "told").read_text() == "SIG_DFL SIG_DFL\n"


@pytest.mark.parametrize("leaves", ["raise KeyboardInterrupt", "return"])
def test_forked_process_that_comes_back_into_pytest_ends_nothing(
    service: Service, project: pytest.Pytester, live: Callable[..., pytest.RunResult], leaves: str
) -> None:
    service.emulator.script(unknown=0, pending=0, running=10**7)
    result = live(
        FORKED
        + f"""
def test_forks(aicore_run):
    aicore_run()
    alive = list(pathlib.Path().glob("ledger.jsonl.alive-*"))
    child = os.fork()
    if child == 0:
        {leaves}
    else:
        wait_for(child)
        assert not {{"closed", "stopping", "lost"}} & set(events())
        assert list(pathlib.Path().glob("ledger.jsonl.alive-*")) == alive != []
        pathlib.Path("seen").touch()
        pytest.skip("enough is known")
""",
        "--aicore-output=output.json",
        subprocess=True,
    )
    assert (project.path / "seen").exists(), result.stdout.str()
    assert "INTERNALERROR" not in result.stdout.str()
    assert service.unwatched() == []
    assert not list(project.path.glob("ledger.jsonl.alive-*"))


def test_fork_while_runs_are_started_keeps_nobody_out(
    service: Service, project: pytest.Pytester, live: Callable[..., pytest.RunResult]
) -> None:
    """A helper forked while a thread held a lock of the ledger kept it for as long as it lived."""
    forked = project.path / "forked"

    def hold(record: RequestRecord) -> None:
        if record.operation == "executable.get":  # the preflight, under its lock
            wait_until(forked.exists, "the test has forked")

    with service.emulator.recording(hold):
        result = live(
            FORKED
            + """
def test_forks():
    pathlib.Path("helper").write_text(str(parked(os.fork)))
    pathlib.Path("forked").touch()

@pytest.mark.aicore(fresh=True)
@pytest.mark.parametrize("n", range(3))
def test_trains(aicore_execution, n): pass

def test_end():
    os.kill(int(pathlib.Path("helper").read_text()), signal.SIGKILL)
""",
            "--aicore-timeout=30",
            subprocess=True,
        )
    result.assert_outcomes(passed=5)


RUNS_IN_FORKED = """
import time

def told_by(work):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    assert wait_for(child) == 0
    return text

def test_runs(aicore_run, aicore_client):
    begun = aicore_run()
    refused = [
        told_by(aicore_run),
        told_by(lambda: aicore_run(fresh=True)),
        told_by(lambda: begun.execution),
        told_by(lambda: aicore_run().configuration),
    ]
    pathlib.Path("refused").write_text("\\n".join(refused))
    # What costs nothing works: the client of the tests, and the results of a run.
    assert told_by(lambda: aicore_client.scenario.query()) == ""
    assert told_by(lambda: begun.configuration.id) == ""
    assert begun.execution.status is Status.COMPLETED
    assert told_by(lambda: begun.execution.logs) == ""
"""


def of_forked(text: str) -> str:
    """Return a text without process ids."""
    return re.sub(r"process \d+", "process N", text)


REFUSED = (
    "process N was forked from the pytest session (process N), and only that process can start and watch"
    " trainings. Start the run in the test itself, before the test forks, and pass its id to the forked process."
    " Plugins that fork the tests (pytest-forked, --boxed) cannot run trainings live; pytest-xdist can."
)


def test_forked_process_starts_no_training(
    service: Service, project: pytest.Pytester, live: Callable[..., pytest.RunResult]
) -> None:
    result = live(FORKED + RUNS_IN_FORKED, subprocess=True)
    result.assert_outcomes(passed=1)
    assert of_forked((project.path / "refused").read_text()).splitlines() == [REFUSED] * 4
    assert service.calls.count("execution.create") == 1


def test_tests_that_a_plugin_forks_cannot_train_live(
    service: Service, project: pytest.Pytester, live: Callable[..., pytest.RunResult]
) -> None:
    project.makeconftest(FORKING)
    result = live(
        """
def test_trains(aicore_execution): pass

def test_asks(aicore_client):
    assert "text-clf-tutorial" in [each.id for each in aicore_client.scenario.query().resources]
""",
        subprocess=True,
    )
    result.assert_outcomes(errors=1, passed=1)
    assert REFUSED in of_forked(result.stdout.str())
    assert service.unwatched() == []
