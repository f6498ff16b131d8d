"""However a live session ends, nothing of it runs on unwatched: stopped at once, by the next session, or by a sweep."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.hooks import live as live_session
from tests.training.live.sessions.conftest import HEAD
from tests.training.live.sessions.processes import LiveProcess, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.training.live.sessions.conftest import Service

pytestmark = pytest.mark.once

TWO_RUNS = """
def test_one(aicore_execution): pass

@pytest.mark.aicore(fresh=True)
def test_two(aicore_execution): pass
"""


@pytest.fixture
def pace() -> str:
    """The service's time is ours: how old executions are matters."""
    return "real"


@pytest.fixture
def lasting(service: Service) -> Service:
    """A service whose trainings run until somebody stops them, or lets time pass."""
    service.emulator.script(unknown=0, pending=0, running=10**7)
    return service


@pytest.fixture
def start(project: pytest.Pytester, live_arguments: list[str]) -> Iterator[Callable[..., LiveProcess]]:
    """A function that starts a live session in a process of its own."""
    started: list[LiveProcess] = []

    def start(*arguments: str, source: str = TWO_RUNS) -> LiveProcess:
        project.makepyfile(test_it=HEAD + source)
        started.append(LiveProcess(project.path, [*live_arguments, *arguments]))
        return started[-1]

    yield start
    for process in started:
        process.__exit__()


@pytest.fixture
def sweep(project: pytest.Pytester, live_arguments: list[str]) -> Callable[..., tuple[int, str]]:
    """A function that sweeps, and returns the exit status and what was printed."""

    def sweep(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "pytest_aicore.cli", "sweep", "--aicore-service-key=key.json", *arguments]
        if not any(each.startswith("--ledger") for each in arguments):
            command.append("--ledger=ledger.jsonl")
        done = subprocess.run(command, cwd=project.path, capture_output=True, text=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    return sweep


def matches(pattern: str, text: str) -> bool:
    """Tell whether a line of a text matches a pattern."""
    from fnmatch import fnmatchcase

    return any(fnmatchcase(line, f"*{pattern}*") for line in text.splitlines())


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signal_stops_what_runs(lasting: Service, start: Callable[..., LiveProcess], name: str) -> None:
    with start() as session:
        session.wait_for_executions(2)
        session.send(getattr(signal, name))
        assert session.wait() == pytest.ExitCode.INTERRUPTED
        assert set(lasting.statuses()) <= {"STOPPING", "STOPPED"}
        assert session.text.count("is being stopped: the session was interrupted.") == 2
        assert "aicore: stopping 2 executions ...\n" in session.text
        assert name == "SIGINT" or f" KeyboardInterrupt: the session was ended by {name} " in session.text
        assert session.events()[-1]["event"] == "closed"


def test_signal_to_a_session_of_xdist(lasting: Service, start: Callable[..., LiveProcess]) -> None:
    with start("-p", "xdist", "-n2") as session:
        session.wait_for_executions(2)
        session.send(signal.SIGTERM, to_group=True)
        assert session.wait() == pytest.ExitCode.INTERRUPTED
        assert len(lasting.statuses()) == 2
        assert lasting.unwatched() == []
        assert "aicore: stopping 2 executions ...\n" in session.text


def test_execution_that_is_still_unknown_is_deleted(service: Service, start: Callable[..., LiveProcess]) -> None:
    service.emulator.script(unknown=10**7)
    with start() as session:
        session.wait_for_executions(2)
        session.send(signal.SIGINT)
        session.wait()
        assert service.executions() == []
        assert session.text.count("is being deleted: the session was interrupted.") == 2


@pytest.mark.parametrize("xdist", [(), ("-p", "xdist", "-n2")], ids=["alone", "xdist"])
def test_who_presses_again_and_again_is_told_what_may_still_run(
    lasting: Service, start: Callable[..., LiveProcess], xdist: tuple[str, ...]
) -> None:
    """Nothing waits then for calls that hang, and nothing unwinds."""
    lasting.emulator.fault("execution.modify", kind="timeout", times=None)
    with start(*xdist) as session:
        session.wait_for_executions(2)
        session.send(signal.SIGINT, to_group=True)
        wait_until(lambda: "aicore: stopping 2 executions ...\n" in session.text, "it says what it does")

        def pressed_until_it_ends() -> bool:
            session.send(signal.SIGINT, to_group=True)
            with suppress(subprocess.TimeoutExpired):
                session.process.wait(0.3)  # as a person does; signals that come too soon after another are one
            return session.process.poll() is not None

        wait_until(pressed_until_it_ends, "who insists is obeyed")
        assert session.process.poll() == -signal.SIGINT
    assert "Traceback" not in session.text
    assert session.text.endswith(
        "aicore: stopping 2 executions ...\n"
        "aicore: interrupted again while executions were being stopped: some may still run. `pytest-aicore sweep` stops"
        " them.\n"
    )


def test_keep_leaves_them_running_and_says_how_to_go_on(
    lasting: Service, start: Callable[..., LiveProcess], sweep: Callable[..., tuple[int, str]]
) -> None:
    with start("--aicore-keep") as session:
        session.wait_for_executions(2)
        session.send(signal.SIGINT)
        session.wait()
        assert lasting.statuses() == ["RUNNING", "RUNNING"]
        assert matches(
            "aicore: left running: execution e* of training_workflow_tutorial.yaml, because of --aicore-keep."
            " `pytest-aicore sweep` stops it, --aicore-resume resumes it.",
            session.text,
        )
    status, text = sweep()
    assert status == 0
    assert lasting.unwatched() == []
    assert matches("2 stopped, 0 left in the resource group default at http*", text)


def test_next_session_stops_what_a_killed_one_left(
    lasting: Service, start: Callable[..., LiveProcess], live: Callable[..., pytest.RunResult]
) -> None:
    with start() as session:
        session.wait_for_executions(2)
        session.send(signal.SIGKILL, to_group=True)
        session.wait()
    assert lasting.statuses() == ["RUNNING", "RUNNING"]
    result = live("def test_it(aicore_client): pass")
    result.assert_outcomes(passed=1)
    assert lasting.unwatched() == []
    result.stdout.fnmatch_lines(
        [("aicore: execution e* of training_workflow_tutorial.yaml is being stopped: leftover of an earlier session.")]
        * 2
    )


def test_resumed_session_finishes_what_a_killed_one_began(lasting: Service, start: Callable[..., LiveProcess]) -> None:
    with start() as session:
        session.wait_for_executions(2)
        session.send(signal.SIGKILL, to_group=True)
        session.wait()
    with start("--aicore-resume") as resumed:
        wait_until(lambda: [each["event"] for each in resumed.events()].count("adopted") == 2, "both runs are resumed")
        lasting.emulator.clock.advance(2 * 10**7)
        assert resumed.wait() == 0, resumed.text
    assert lasting.statuses() == ["COMPLETED", "COMPLETED"]
    assert lasting.calls.count("execution.create") == 2
    assert "2 passed" in resumed.text


def test_resumed_session_stops_what_no_test_asks_for(lasting: Service, start: Callable[..., LiveProcess]) -> None:
    with start() as session:
        session.wait_for_executions(2)
        session.send(signal.SIGKILL, to_group=True)
        session.wait()
    with start("--aicore-resume", source="def test_it(aicore_client): pass") as resumed:
        assert resumed.wait() == 0
        assert resumed.text.count("leftover of an earlier session, and no test asked for it.") == 2
    assert lasting.unwatched() == []


def test_resumed_session_does_not_take_the_run_of_what_was_edited_since(
    service: Service, start: Callable[..., LiveProcess], pytester: pytest.Pytester
) -> None:
    service.emulator.script(unknown=10**7, times=1)
    source = "def test_it(aicore_execution): pass"
    with start(source=source) as session:
        session.wait_for_executions(1)
        session.send(signal.SIGKILL, to_group=True)
        session.wait()
    workflow = pytester.path / "workflows/training_workflow_tutorial.yaml"
    workflow.write_text(workflow.read_text() + "# edited\n")
    service.emulator.script(unknown=0, pending=0, running=0)
    with start("--aicore-resume", source=source) as resumed:
        assert resumed.wait() == 0, resumed.text
        assert resumed.text.count("leftover of an earlier session, and no test asked for it.") == 1
    assert service.calls.count("execution.create") == 2
    assert service.unwatched() == []


def test_run_that_ended_before_its_test_could_see_it_is_not_paid_for_twice(
    service: Service, start: Callable[..., LiveProcess]
) -> None:
    service.emulator.script(unknown=0, pending=0, running=0)
    source = "def test_it(aicore_execution):\n    while not LATER: pass\nLATER = False\n"
    with start(source=source) as session:
        wait_until(lambda: any(each["event"] == "ended" for each in session.events()), "the end of the run")
        session.send(signal.SIGKILL, to_group=True)
        session.wait()
    with start("--aicore-resume", source=source.replace("False", "True")) as resumed:
        assert resumed.wait() == 0, resumed.text
    assert service.calls.count("execution.create") == 1
    with start("--aicore-resume", source=source.replace("False", "True")) as another:
        assert another.wait() == 0
    assert service.calls.count("execution.create") == 2  # the one before ended well, so this one is about a new run


def test_sweep_stops_what_a_killed_session_left(
    lasting: Service, start: Callable[..., LiveProcess], sweep: Callable[..., tuple[int, str]]
) -> None:
    with start() as session:
        session.wait_for_executions(2)
        assert "left alone: 2 of a session that is still running on this machine" in sweep()[1]
        session.send(signal.SIGKILL, to_group=True)
        session.wait()
    status, text = sweep("--dry-run")
    assert (status, lasting.statuses()) == (1, ["RUNNING", "RUNNING"])
    assert matches("would stop e* of training_workflow_tutorial.yaml, started * by test_it.py:6", text)
    assert matches(
        "would stop 2 in the resource group default at http*; nothing was stopped, because of --dry-run", text
    )
    status, text = sweep("--older-than=2h")
    assert (status, lasting.statuses()) == (0, ["RUNNING", "RUNNING"])
    assert matches("younger than 2h: e* of training_workflow_tutorial.yaml, started * by test_it.py:*", text)
    status, text = sweep()
    assert (status, lasting.unwatched()) == (0, [])
    assert matches("e* of training_workflow_tutorial.yaml, started * by test_it.py:6: is being stopped", text)
    assert matches("no leftover executions in the resource group default at http*", sweep()[1])


def test_sweep_without_a_ledger_asks_for_an_age(
    lasting: Service, start: Callable[..., LiveProcess], sweep: Callable[..., tuple[int, str]]
) -> None:
    with start() as session:
        session.wait_for_executions(2)
        session.send(signal.SIGKILL, to_group=True)
        session.wait()
    elsewhere = ("--ledger=lost.jsonl", "--resource-group=default")
    status, text = sweep(*elsewhere)
    assert (status, lasting.statuses()) == (1, ["RUNNING", "RUNNING"])
    assert matches(
        "left alone: e* of the configuration 'pytest-aicore text-clf-train-tutorial *', started *, which is"
        " not in the ledger of this machine. It may belong to a session of another machine; --older-than 2h stops it when"
        " it is older than 2 hours.",
        text,
    )
    status, text = sweep(*elsewhere, "--older-than=0.001s")
    assert (status, lasting.unwatched()) == (0, [])


def test_sweep_without_anything_to_go_by(sweep: Callable[..., tuple[int, str]], service: Service) -> None:
    status, text = sweep("--ledger=lost.jsonl")
    assert status == 2
    assert text == (
        f"pytest-aicore: No resource group is given, and the ledger lost.jsonl records none at {service.server.url}."
        " Give one with --resource-group NAME.\n"
    )
    assert sweep("--older-than=soon")[1] == (
        "pytest-aicore: --older-than soon: expected a time such as 45m, 2h, 1h30m or 90s.\n"
    )


@pytest.mark.parametrize(
    ("timeout", "margin"), [(1.0, 0.5), (3.0, 1.5), (10.0, 2.0), (60.0, 6.0), (3600.0, 10.0), (None, None)]
)
def test_time_is_left_for_stopping_before_pytest_timeout_ends_a_test(
    timeout: float | None, margin: float | None, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester
) -> None:
    mark = "" if timeout is None else f"@pytest.mark.timeout({timeout})\n"
    item = pytester.getitem(f"import pytest\n\n{mark}def test_func(): pass")
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    guard = live_session._guard_of(item)
    assert guard == (None if timeout is None or margin is None else 1000.0 + timeout - margin)


def test_our_deadline_comes_before_that_of_pytest_timeout(
    lasting: Service, live: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound in ("_LEAST_MARGIN", "_MOST_MARGIN"):  # of a minute, so that a busy machine has time to stop it
        monkeypatch.setattr(live_session, bound, 58.0)
    monkeypatch.setattr(live_session, "_MOST_PART", 1.0)
    result = live(
        """
@pytest.mark.timeout(60)
def test_it(aicore_execution): pass
"""
    )
    result.assert_outcomes(failed=1)
    assert lasting.unwatched() == []
    result.stdout.fnmatch_lines(
        [
            (
                "execution e* had not ended before pytest-timeout's limit for this test: it was RUNNING."
                " Give the test a longer timeout. It is being stopped."
            )
        ]
    )


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_timeout_of_a_body_leaves_nothing(
    lasting: Service, start: Callable[..., LiveProcess], sweep: Callable[..., tuple[int, str]], method: str
) -> None:
    source = f"""
@pytest.mark.timeout(2, method="{method}")
def test_it(aicore_run):
    aicore_run()
    while True: pass
"""
    with start(source=source) as session:
        session.wait_for_executions(1)
        session.wait()
        assert "Timeout" in session.text
    if method == "thread":  # it ends the process, and nothing can be done in there any more
        assert lasting.statuses() == ["RUNNING"]
        assert sweep()[0] == 0
    assert lasting.unwatched() == []


def test_tests_get_a_timeout_that_fits(lasting: Service, live: Callable[..., pytest.RunResult]) -> None:
    """An ini that ends tests sooner than a training can end does not end it."""
    result = live(
        """
@pytest.mark.aicore(timeout=2.5)
def test_it(aicore_execution): pass
""",
        "-o",
        "timeout=1",
        "-o",
        "aicore_timeout=1.5",
    )
    result.assert_outcomes(failed=1)
    line = "execution e* had not ended 2.5 s after its start: it was RUNNING.*It is being stopped."
    result.stdout.fnmatch_lines([line])
    assert lasting.unwatched() == []


def test_crashed_worker_loses_nothing(lasting: Service, start: Callable[..., LiveProcess]) -> None:
    source = """
import os, pathlib

def test_one(aicore_run):
    aicore_run()
    if not pathlib.Path("crashed").exists():
        pathlib.Path("crashed").touch()
        os._exit(1)
"""
    with start("-p", "xdist", "-n1", "--max-worker-restart=0", source=source) as session:
        session.wait()
        assert "crashed" in session.text
    assert lasting.calls.count("execution.create") == 1
    assert lasting.unwatched() == []
