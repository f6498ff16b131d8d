"""What a person sees while a live session waits."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from contextlib import nullcontext
from io import StringIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_aicore.hooks.progress import Progress, write_whole_line
from tests.hostile import COMMAND, EVERYTHING, acting
from tests.training.live.sessions.conftest import HEAD

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.training.run import Training
    from tests.training.live.sessions.conftest import Service

pytestmark = pytest.mark.once


class Screen:
    """A progress whose clock and output a test holds."""

    def __init__(self, **how: Any) -> None:
        self.now = 0.0
        self.written: list[str] = []
        given = {"is_terminal": False, "streams": False, "shows_ids": False, **how}
        self.progress = Progress(self.written.append, nullcontext, clock=lambda: self.now, **given)

    def show(self, *runs: Training) -> str:
        """Let it show runs, and return what it wrote."""
        self.written.clear()
        self.progress.show(runs[0], runs)
        return "".join(self.written)


def run(number: int, status: str = "RUNNING", *, ended: bool = False) -> Training:
    import time

    seen = SimpleNamespace(status=SimpleNamespace(value=status))
    watch = SimpleNamespace(execution_id=f"e{number}", began=time.monotonic() - 61.5, history=[seen], ended=ended)
    plan = SimpleNamespace(workflow="training.yaml")
    return cast("Training", SimpleNamespace(number=number, watch=watch, plan=plan))


def test_log_of_a_build_gets_a_line_a_minute() -> None:
    screen = Screen()
    assert screen.show(run(1)) == ""
    screen.now = 59.0
    assert screen.show(run(1)) == ""
    screen.now = 60.0
    assert screen.show(run(1), run(2, "PENDING"), run(3, ended=True)) == (
        "\naicore: RUNNING    1:01 training.yaml\naicore: PENDING    1:01 training.yaml\n"
    )
    screen.now = 61.0
    assert screen.show(run(1)) == ""


@pytest.mark.parametrize(
    ("printed", "begun"), [("test_it.py .", "test_it.py .\n"), ("test_it.py .\n", "test_it.py .\n"), ("", "")]
)
def test_lines_begin_and_end_by_themselves_between_those_of_pytest(
    pytestconfig: pytest.Config, printed: str, begun: str
) -> None:
    output = StringIO()
    writer = type(pytestconfig.get_terminal_writer())(output)
    writer.write(printed)
    write_whole_line(writer, "aicore: RUNNING")
    write_whole_line(writer, "aicore: PENDING")
    writer.write(".")
    assert output.getvalue() == f"{begun}aicore: RUNNING\naicore: PENDING\n."


def hostile_run() -> Training:
    made = run(1)
    made.plan.workflow = EVERYTHING  # type: ignore[misc]
    made.watch.execution_id = EVERYTHING  # type: ignore[union-attr]
    return made


@pytest.mark.parametrize("is_terminal", [True, False])
def test_nothing_that_a_training_logs_acts(is_terminal: bool) -> None:
    screen = Screen(is_terminal=is_terminal, streams=True, shows_ids=True)
    logged = ["\x1b[32mepoch 1\x1b[0m\t 10%\r 20%", EVERYTHING, COMMAND]
    screen.progress.add_logs(hostile_run(), logged)
    screen.now = 60.0
    shown = screen.show(hostile_run())
    head = r"a\x1b[2J\x1b]0;pwned\x07\r\x9b31m\x85\x7f\u202etxt.exe"
    assert f"{head}" in shown
    assert "| epoch 1\t 10%\n" in shown
    assert "| \\x3a:error file=setup.py::pwned\n" in shown
    ours = ("\x1b[1A", "\x1b[2K", "\x1b7", "\x1b8", "\x1bD", "\r\n")
    for sequence in ours if is_terminal else ():
        shown = shown.replace(sequence, "")
    assert acting(shown) == []


def test_terminal_gets_a_line_for_each_that_is_drawn_over() -> None:
    screen = Screen(is_terminal=True, shows_ids=True)
    screen.progress.add_logs(run(1), ["epoch 1", "epoch 2 " + "x" * 100])
    shown = screen.show(run(1), run(2, "PENDING"))
    lines = shown.replace("\x1b[2K", "").split("\r\n")
    assert lines[0] == "\x1bD\x1bD\x1b[2A\x1b7"
    assert lines[1].startswith("RUNNING    1:01 e1 training.yaml  epoch 2 xxx")
    assert len(lines[1]) == 79
    assert lines[2] == "PENDING    1:01 e2 training.yaml\x1b8"
    screen.written.clear()
    screen.progress.done()
    assert "".join(screen.written) == "\x1b7\r\n\x1b[2K\r\n\x1b[2K\x1b8"


def test_what_is_queued_is_shown() -> None:
    queued = cast("Training", SimpleNamespace(number=2, watch=None, plan=SimpleNamespace(workflow="training.yaml")))
    shown = Screen(is_terminal=True).show(run(1), queued).replace("\x1b[2K", "").split("\r\n")
    assert shown[1:] == ["RUNNING    1:01 training.yaml", "queued          training.yaml\x1b8"]


def test_many_are_not_all_drawn() -> None:
    shown = Screen(is_terminal=True).show(*[run(number) for number in range(13)])
    assert shown.count("RUNNING") == 10
    assert "... and 3 more" in shown


def test_log_is_streamed_without_secrets() -> None:
    screen = Screen(streams=True)
    screen.progress.add_logs(run(1), ["epoch 1", "client_secret=canary"])
    assert screen.show(run(1)) == "\ne1| epoch 1\ne1| client_secret=***\n"
    assert screen.show(run(1)) == ""


def test_log_is_streamed_while_a_test_waits(live: Callable[..., pytest.RunResult], service: Service) -> None:
    service.emulator.script(unknown=0, pending=0, running=400, logs=[f"epoch {number}" for number in range(5)])
    result = live("def test_it(aicore_execution): pass", "--aicore-stream-logs")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["e*| epoch 0", "e*| epoch 1"])


def test_nothing_is_drawn_by_workers(live: Callable[..., pytest.RunResult], service: Service) -> None:
    result = live("def test_it(aicore_execution): pass", "-p", "xdist", "-n1", "--aicore-stream-logs", subprocess=True)
    result.assert_outcomes(passed=1)
    assert "| " not in result.stdout.str()


def test_who_gives_tests_to_workers_tells_what_they_run(
    live: Callable[..., pytest.RunResult], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_aicore.hooks.progress._IN_A_LOG", 0.05)
    service.emulator.script(unknown=0, pending=0, running=600)
    result = live("def test_it(aicore_execution): pass", "-p", "xdist", "-n1", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines([r"aicore: (started|RUNNING )   0:0\d e[0-9a-f]+ training_workflow_tutorial\.yaml"])
    assert "pytest-aicore progress" not in {thread.name for thread in threading.enumerate()}


def test_terminal_shows_status_and_last_log_line(
    service: Service, project: pytest.Pytester, live_arguments: list[str]
) -> None:
    service.emulator.script(unknown=0, pending=0, running=600, logs=[f"epoch {number}" for number in range(50)])
    project.makepyfile(test_it=HEAD + "def test_it(aicore_execution): pass")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pytest", *live_arguments]
    environment = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen(command, cwd=project.path, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 65536):
            shown += data
    except OSError:  # the other side is closed
        pass
    finally:
        os.close(ours)
    assert process.wait(60) == 0
    text = shown.decode()
    assert "RUNNING    0:0" in text
    assert "training_workflow_tutorial.yaml  epoch " in text
    assert "1 passed" in text
