"""Workers of pytest-xdist share their runs: each plan is started once in the whole session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.training.live.sessions.conftest import HEAD
from tests.training.live.sessions.processes import LiveProcess, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.training.live.sessions.conftest import Service

pytestmark = pytest.mark.once

XDIST = ("-p", "xdist", "-n2")


def test_shared_run_is_started_once_and_counted_once(live: Callable[..., pytest.RunResult], service: Service) -> None:
    result = live(
        """
@pytest.mark.parametrize("n", range(6))
def test_shared(aicore_artifact, aicore_configuration, aicore_execution, n):
    assert aicore_artifact.message == "Artifact acknowledged"
    assert aicore_configuration.message == "Configuration created"
    assert aicore_execution.message == "Execution scheduled"
    assert aicore_execution.output_artifacts["text-model-tutorial"].url.startswith("ai://default/")

@pytest.mark.aicore(fresh=True)
@pytest.mark.parametrize("n", range(2))
def test_fresh(aicore_execution, n): pass
""",
        *XDIST,
        subprocess=True,
    )
    result.assert_outcomes(passed=8)
    assert [service.calls.count(f"{call}.create") for call in ("artifact", "configuration", "execution")] == [3, 3, 3]
    assert service.calls.count("executable.get") == 1
    result.stdout.fnmatch_lines(
        [
            "3 training runs, live: 3 COMPLETED; 2 min 15 s of AI Core's time",
            "COMPLETED e*       45 s  training_workflow_tutorial.yaml  6 tests",
        ]
    )


def test_limit_and_budget_hold_for_all_workers(live: Callable[..., pytest.RunResult], service: Service) -> None:
    service.emulator.script(unknown=0, pending=0, running=10**7)
    result = live(
        """
@pytest.mark.aicore(fresh=True)
@pytest.mark.parametrize("n", range(4))
def test_it(aicore_execution, n): pass
""",
        *XDIST,
        "--aicore-max-parallel=3",
        "--aicore-budget=3s",
        subprocess=True,
    )
    result.assert_outcomes(errors=4)
    assert len(service.executions()) == 3
    assert service.unwatched() == []
    told = "aicore: execution e* of training_workflow_tutorial.yaml: the budget is spent. It *."
    result.stdout.fnmatch_lines([told] * 3)


def test_a_timeout_is_each_test_s_own_in_whichever_worker(
    live: Callable[..., pytest.RunResult], service: Service
) -> None:
    """A worker that takes over the run of another knows when it began."""
    service.emulator.script(unknown=0, pending=0, running=200)  # a second of ours
    result = live(
        """
def test_patient(aicore_execution): open("ended", "w").close()

def test_other(): pass

def test_later():
    import pathlib
    deadline = time.monotonic() + 30
    while not pathlib.Path("ended").exists():
        assert time.monotonic() < deadline

@pytest.mark.aicore(timeout=0.5)
def test_hasty(aicore_execution): pass
""",
        *XDIST,
        subprocess=True,
    )
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        ["execution e* ended COMPLETED, but * s after its start, and this test gives it 0.5 s. *"]
    )
    assert service.calls.count("execution.create") == 1


def test_failure_of_the_one_that_started_it_is_everybody_s(
    live: Callable[..., pytest.RunResult], service: Service
) -> None:
    service.emulator.fault("execution.create", status=400, times=1, body={"error": {"code": "1", "message": "no way"}})
    result = live(
        """
@pytest.mark.parametrize("n", range(4))
def test_it(aicore_execution, n): pass
""",
        *XDIST,
        subprocess=True,
    )
    result.assert_outcomes(errors=4)
    assert result.stdout.str().count(": no way (HTTP 400, code 1).") >= 4
    assert service.calls.count("execution.create") == 1


@pytest.mark.parametrize("pace", ["real"])
def test_what_no_remaining_test_needs_is_stopped_while_another_worker_still_waits(
    service: Service, project: pytest.Pytester, live_arguments: list[str]
) -> None:
    """With -x the worker that saw the failure runs nothing more; the others end what they have begun."""
    service.emulator.script(unknown=0, pending=0, running=10**7)
    project.makepyfile(
        test_it=HEAD
        + """
import json, pathlib

class TestA:
    def test_fails(self):
        deadline = time.monotonic() + 60
        while pathlib.Path("ledger.jsonl").read_text().count('"event": "running"') < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        raise AssertionError

    @pytest.mark.aicore(fresh=True)
    def test_will_never_run(self, aicore_execution): pass

class TestB:
    @pytest.mark.aicore(fresh=True)
    def test_waits(self, aicore_execution): pass

    def test_ends(self): pass
"""
    )
    with LiveProcess(project.path, [*live_arguments, "-p", "xdist", "-n2", "-x"]) as session:
        session.wait_for_executions(2)
        wait_until(
            lambda: "STOPPED" in service.statuses() or session.process.poll() is not None, "one of them is stopped"
        )
        assert service.statuses() == ["RUNNING", "STOPPED"]
        service.emulator.clock.advance(2 * 10**7)
        session.wait()
        assert service.statuses() == ["COMPLETED", "STOPPED"]
        assert "1 failed, " in session.text
        assert "of training_workflow_tutorial.yaml: no remaining test needs it, so it was stopped.\n" in session.text, (
            session.text
        )
