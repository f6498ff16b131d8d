"""A live session whose ledger cannot be written or is deleted in the middle: it ends, and nothing of it runs on."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.training.live.line_file import LineFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.training.live.sessions.conftest import Service

pytestmark = pytest.mark.once

FRESH = """
@pytest.mark.aicore(fresh=True)
@pytest.mark.parametrize("n", range(2))
def test_it(aicore_execution, n): pass
"""
LEFT = """
def test_fails(aicore_client):
    deadline = time.monotonic() + 30
    while not aicore_client.execution.query().resources:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    raise AssertionError

def test_never(aicore_execution): pass
"""
"""Ends while an execution runs that nobody waits for."""
LEDGER = "--aicore-ledger=kept/ledger.jsonl"
AGAIN = (
    "aicore: the ledger *ledger.jsonl was deleted or replaced during the session; what this session knew was written *"
)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that lets the disk refuse lines: those that a condition is true of."""

    def fail(condition: Callable[[str], bool]) -> None:
        append = LineFile.append

        def refuse(self: LineFile, lines: list[str]) -> None:
            if condition("".join(lines)):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            append(self, lines)

        monkeypatch.setattr(LineFile, "append", refuse)

    return fail


def test_one_refused_end_keeps_nobody_waiting(
    live: Callable[..., pytest.RunResult],
    service: Service,
    failing: Callable[..., None],
    ledger: Callable[[], list[Any]],
) -> None:
    refused: list[str] = []

    def once(text: str) -> bool:
        if '"event": "ended"' in text and not refused:
            refused.append(text)
            return True
        return False

    failing(once)
    result = live(FRESH, "--aicore-max-parallel=1")
    result.assert_outcomes(passed=2)
    assert [line["event"] for line in ledger()].count("ended") == 2
    assert ledger()[-1]["event"] == "closed"
    result.stdout.fnmatch_lines(
        [
            (
                "aicore: the ledger *ledger.jsonl could not be read or written for a while (No space left on device);"
                " now it is complete again."
            )
        ]
    )


def test_disk_that_stays_full_is_told_and_leaves_nothing_running(
    live: Callable[..., pytest.RunResult], service: Service, failing: Callable[..., None]
) -> None:
    service.emulator.script(unknown=0, pending=0, running=10**7)
    failing(lambda _: bool(service.executions()))
    result = live(LEFT, "-x")
    result.assert_outcomes(failed=1)
    assert service.unwatched() == []
    result.stdout.fnmatch_lines(
        [
            "aicore: execution e* of training_workflow_tutorial.yaml is being stopped: no remaining test needs it.",
            (
                "aicore: the ledger *ledger.jsonl cannot be read or written (No space left on device): it lacks the"
                " latest * events."
            ),
        ]
    )


def test_what_cannot_be_stopped_nor_written_is_named(
    live: Callable[..., pytest.RunResult],
    service: Service,
    failing: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pytest_aicore.training.live.stop.PATIENCE", 0.2)
    service.emulator.script(unknown=0, pending=0, running=10**7)
    service.emulator.fault("execution.modify", status=403, times=None)
    failing(lambda _: bool(service.executions()))
    live(LEFT, "-x").stdout.fnmatch_lines(
        [
            (
                "aicore: execution e* of training_workflow_tutorial.yaml may still run, and the ledger may not know of"
                " it. `pytest-aicore sweep --older-than 0s` stops all executions of pytest-aicore in its resource"
                " group."
            )
        ]
    )


@pytest.mark.parametrize("loss", ["folder", "file", "folder, and a file in its place"])
def test_ledger_that_is_deleted_while_runs_are_watched(
    live: Callable[..., pytest.RunResult], service: Service, project: pytest.Pytester, loss: str
) -> None:
    """As `git clean -fdx` does."""
    folder = project.path / "kept"

    def delete(record: Any) -> None:
        if record.operation == "execution.query" and service.calls.count("execution.query") == 1:
            if loss == "file":
                (folder / "ledger.jsonl").unlink()
                return
            folder.rename(project.path / "away")
            if loss != "folder":
                folder.write_text("")

    with service.emulator.recording(delete):
        result = live(FRESH, LEDGER)
    result.assert_outcomes(passed=2)
    assert service.calls.count("execution.create") == 2
    if folder.is_dir():
        result.stdout.fnmatch_lines([AGAIN])
    else:
        result.stdout.fnmatch_lines(["aicore: the ledger *ledger.jsonl cannot be read or written (*): it lacks the *"])


@pytest.mark.parametrize("late", [pytest.param(False, id="under-way"), pytest.param(True, id="before-it-came")])
def test_folder_of_a_session_of_xdist_is_deleted(
    live: Callable[..., pytest.RunResult], service: Service, project: pytest.Pytester, late: bool
) -> None:
    """The lock of the process that gives out the tests is created again as well; else no worker would start anything.

    Nor does a worker whose first training comes only then believe that the session has ended.
    """
    source = FRESH.replace(
        "def test_it(aicore_execution, n): pass",
        """
def test_it(aicore_run, n):
    import pathlib
    deadline = time.monotonic() + 30
    while n == 1 and LATE and not (pathlib.Path("away").exists() and pathlib.Path("kept/ledger.jsonl").exists()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    aicore_run().start()
    if n == 0:
        pathlib.Path("kept").rename("away")
    assert aicore_run(fresh=True).execution
""".replace("LATE", str(late)),
    )
    result = live(source, LEDGER, "-p", "xdist", "-n2", subprocess=True)
    result.assert_outcomes(passed=2)
    assert service.unwatched() == []
    assert service.calls.count("execution.create") == 4
    result.stdout.fnmatch_lines([AGAIN])


def test_worker_hands_over_what_it_could_not_write(
    live: Callable[..., pytest.RunResult], service: Service, project: pytest.Pytester
) -> None:
    """The process that ends the session stops it, although no file says that it runs."""
    service.emulator.script(unknown=0, pending=0, running=10**7)
    source = LEFT.replace(
        "    raise AssertionError",
        """
    import pathlib
    for number in range(100):  # it may be created again in between
        try:
            pathlib.Path("kept").rename(f"away-{number}")
            pathlib.Path("kept").write_text("")
            break
        except OSError:
            continue
    raise AssertionError
""",
    )
    result = live(source, LEDGER, "-p", "xdist", "-n1", "-x", subprocess=True)
    result.assert_outcomes(failed=1)
    assert service.unwatched() == []
    result.stdout.fnmatch_lines(
        [
            "aicore: execution e* of training_workflow_tutorial.yaml is being stopped: *",
            "aicore: the ledger *ledger.jsonl cannot be read or written (*): it lacks the latest *",
        ]
    )


@pytest.mark.parametrize("test", ["def test_it(aicore_execution): pass", "def test_it(aicore_client): pass"])
def test_ledger_in_a_folder_that_cannot_be_written(
    live: Callable[..., pytest.RunResult], service: Service, project: pytest.Pytester, test: str
) -> None:
    (project.path / "kept").write_text("")
    result = live(test, LEDGER)
    if "execution" in test:
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["The ledger *ledger.jsonl cannot be written (*), so nothing more is started: *"])
    else:
        result.assert_outcomes(passed=1)
    assert service.executions() == []
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_damaged_lines_end_no_session_and_are_told(
    live: Callable[..., pytest.RunResult], project: pytest.Pytester
) -> None:
    (project.path / "ledger.jsonl").write_bytes(b"[" * 100_000 + b'\n{"event": "running", "run": "r", "time": 1e400}\n')
    result = live("def test_it(aicore_execution): pass")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["aicore: 2 lines of the ledger *ledger.jsonl cannot be read and were skipped; line 1: not JSON."]
    )


def test_another_session_s_ledger_is_its_own(
    live: Callable[..., pytest.RunResult], service: Service, project: pytest.Pytester
) -> None:
    """Leftover executions in another ledger belong to the sessions of that ledger."""
    service.emulator.script(unknown=0, pending=0, running=10**7)
    live(LEFT, "-x", "--aicore-keep").assert_outcomes(failed=1)
    live("def test_it(aicore_client): pass", LEDGER).assert_outcomes(passed=1)
    assert service.unwatched() == ["RUNNING"]
    live("def test_other(aicore_client): pass").assert_outcomes(passed=1)
    assert service.unwatched() == ["RUNNING"]  # kept
