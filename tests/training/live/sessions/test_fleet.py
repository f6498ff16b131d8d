"""What the threads of a live session meet: errors of their own, and lists that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.errors import RunError
from pytest_aicore.training.live.fleet import Fleet
from pytest_aicore.training.maker import Maker

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.training.live.sessions.conftest import Service

pytestmark = pytest.mark.once

BODY = "def test_it(aicore_execution): pass"
TWO = "@pytest.mark.aicore(fresh=True)\n@pytest.mark.parametrize('n', range(2))\ndef test_it(aicore_execution, n): pass"


def test_run_that_could_not_be_started_for_a_reason_of_ours_says_so(
    live: Callable[..., pytest.RunResult], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def artifacts(_: Maker) -> Any:
        raise ValueError("boom")

    monkeypatch.setattr(Maker, "artifacts", artifacts)
    result = live(BODY)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["training_workflow_tutorial.yaml could not be started (ValueError: boom)."])
    assert service.executions() == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("boom"), "polling failed (ValueError)."),
        (RunError("the disk is full."), "the disk is full."),
    ],
)
def test_watching_that_fails_loses_all_and_stops_them(
    live: Callable[..., pytest.RunResult],
    service: Service,
    ledger: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    said: str,
) -> None:
    look = Fleet._poll

    def fail(fleet: Fleet) -> None:
        look(fleet)
        if len(service.executions()) == 2:
            raise error

    service.emulator.script(unknown=0, pending=0, running=10**7)
    monkeypatch.setattr(Fleet, "_poll", fail)
    result = live(TWO)
    result.assert_outcomes(errors=2)
    assert result.outlines.count(said) == 2
    assert sum(line["event"] == "lost" for line in ledger()) == 2
    assert service.unwatched() == []


def test_queue_that_cannot_be_worked_off_refuses_all(
    live: Callable[..., pytest.RunResult], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Fleet) -> None:
        raise RunError("the ledger cannot be read.")

    monkeypatch.setattr(Fleet, "_launch_some", fail)
    result = live(TWO)
    result.assert_outcomes(errors=2)
    assert result.outlines.count("the ledger cannot be read.") == 2
    assert service.executions() == []


LISTS: dict[str, Any] = {
    "null": {"count": 1, "resources": None},
    "rows of nothing": {"count": 3, "resources": [None, 1, "e1", [], {}]},
    "without ours": {"count": 0, "resources": []},
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("shown", LISTS)
def test_runs_are_asked_for_alone_where_no_list_can_be_read(
    live: Callable[..., pytest.RunResult], service: Service, shown: str
) -> None:
    service.emulator.fault("execution.query", status=200, body=LISTS[shown], times=None)
    live(BODY, "--aicore-timeout=30").assert_outcomes(passed=1)
    assert "execution.get" in service.calls


def test_rows_that_cannot_be_read_are_asked_for_alone(live: Callable[..., pytest.RunResult], service: Service) -> None:
    def spoil(record: Any) -> None:
        if record.operation == "execution.create" and len(service.executions()) == 1:
            rows = [{"id": each.id, "status": "RUNNING", "createdAt": 17} for each in service.executions()]
            body = {"count": len(rows), "resources": rows}
            service.emulator.fault("execution.query", status=200, body=body, times=None)

    with service.emulator.recording(spoil):
        live(BODY).assert_outcomes(passed=1)
    assert "execution.get" in service.calls
