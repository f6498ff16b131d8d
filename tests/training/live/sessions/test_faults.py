"""Every call of a run, failing in every way: survived or said clearly, nothing left behind, nothing started twice.

What is expected stands in the table of `docs/live.md`, whose every cell is a test.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.config.settings import Given, read_settings
from pytest_aicore.errors import AicoreError, RunError, VerdictError
from pytest_aicore.hooks.context import real_options
from pytest_aicore.training import maker as making
from pytest_aicore.training.live import fleet
from pytest_aicore.training.live.runs import Live
from pytest_aicore.training.plan import TrainingPlan
from pytest_aicore.training.service import failures, transport
from pytest_aicore.training.service import retry as patience
from pytest_aicore.training.service.credentials import from_service_key
from pytest_aicore.training.service.sdk import make_patient_client
from tests.places import ROOT, our_folder
from tests.training.live.sessions.conftest import Service
from tests.training.live.sessions.proxies import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.once

FAILURES: dict[str, dict[str, Any]] = {
    "401": {"kind": "expired token"},
    "403": {"status": 403},
    "404": {"status": 404},
    "429": {"status": 429, "retry_after": 1},
    "500": {"status": 500},
    "502": {"status": 502},
    "503": {"status": 503},
    "504": {"status": 504},
    "refused": {},
    "reset": {"kind": "connection reset"},
    "lost": {"kind": "connection reset", "processed": True},
    "timeout": {"kind": "timeout"},
    "truncated": {"kind": "truncated json", "processed": True},
    "HTML": {"kind": "html"},
    "drip": {},
    "absurd Retry-After": {"status": 503, "retry_after": 99999},
    "404 empty": {"status": 404, "body": b""},
    "404 HTML": {"status": 404, "body": "<html><body>no healthy upstream</body></html>"},
    "520": {"status": 520},
}
REQUESTS = {
    "token": "POST /oauth/token",
    "scenario.get": "GET /v2/lm/scenarios/[^/]+ ",
    "executable.get": "GET /v2/lm/scenarios/[^/]+/executables/[^/]+ ",
    "artifact.create": "POST /v2/lm/artifacts ",
    "configuration.create": "POST /v2/lm/configurations ",
    "execution.create": "POST /v2/lm/executions ",
    "execution.query": r"GET /v2/lm/executions\?",
    "execution.get": "GET /v2/lm/executions/[^/]+ ",
    "execution.query_logs": "GET /v2/lm/executions/[^/]+/logs",
    "metrics.query": "GET /v2/lm/metrics",
    "execution.modify": "PATCH /v2/lm/executions/[^/]+ ",
}
"""How the request of each call begins."""
BEFORE = {
    "token": None,
    "scenario.get": "token",
    "executable.get": "scenario.get",
    "artifact.create": "executable.get",
    "configuration.create": "artifact.create",
    "execution.create": "configuration.create",
    "execution.query": "execution.create",
    "execution.get": "execution.query",
    "execution.query_logs": "execution.query",
    "metrics.query": "execution.query_logs",
    "execution.modify": "execution.get",
}
"""Each call of a run with the one before it."""


def table() -> dict[tuple[str, str], str]:
    """Return what the documentation says: `survived` or `error`, by call and failure."""
    page = (ROOT / "docs" / "live.md").read_text(encoding="utf-8")
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in page.splitlines() if "|" in line]
    (head,) = [row for row in rows if row[0] == "call"]
    body = [row for row in rows if row[0] in BEFORE]
    words = {"+": "survived", "-": "error"}
    return {(row[0], name): words[cell] for row in body for name, cell in zip(head[1:], row[1:], strict=True)}


def test_the_table_is_whole() -> None:
    assert set(table()) == {(call, failure) for call in BEFORE for failure in FAILURES}


class Rehearsal:
    """One live session after the other against one service, by the objects that the hooks call."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.service = service
        self.proxy = Proxy(service.server.port)
        self.folder = folder
        self.has_no_logs = False
        key = json.loads(json.dumps(service.server.service_key).replace(str(service.server.port), str(self.proxy.port)))
        self.credentials = from_service_key(key, "test")
        self.plan = TrainingPlan(
            our_folder().find("training_workflow_tutorial"),
            {"text-data": "ai://default/data"},
            timeout=30,
        )

    def session(self, name: str, *, is_worker: bool = False, **further: str) -> Live:
        """Return a session, or a worker of one."""
        options = {"aicore_live": True, "aicore_resource_group": "default", "aicore_poll_interval": 0.1, **further}
        given = Given(options.get, {}, lambda _: None, self.folder, self.folder, self.folder)
        return Live(
            real_options(read_settings(given)),
            self.folder / "ledger.jsonl",
            name,
            lambda: self.credentials,
            lambda: make_patient_client(self.credentials, "default"),
            is_worker=is_worker,
        )

    def run(self, call: str) -> str:
        """Train, look at what is left, and return what became of it: `survived`, or the error."""
        live = self.session("first")
        plan = self.plan
        if call == "execution.modify":
            self.service.emulator.script(stuck_in="RUNNING")
            plan = TrainingPlan(plan.template, plan.artifacts, timeout=0.2)
        training = live.training(plan, "test")
        try:
            finished = training.finish(plan.timeout)
            assert finished.status.value == "COMPLETED"
            logs = finished.logs
            assert logs == [] if self.has_no_logs else "Training finished" in logs
            assert dict(finished.metrics) == {}
        except AicoreError as error:
            text = str(error)
            if call == "execution.modify" and text.endswith(("It is being stopped.", "It has ended STOPPED.")):
                return "survived"
            return text
        finally:
            live.finish("no remaining test needs it")
            self.told = live.told
        return "survived"

    def leave_nothing(self) -> None:
        """Assert that nothing was started twice, and that nothing runs that nobody watches."""
        for fault in list(self.service.emulator.state.faults):
            self.service.emulator.state.faults.remove(fault)
        assert len(self.service.executions()) <= 1
        self.session("second").begin()
        assert self.service.unwatched() == []


@pytest.fixture
def rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rehearsal]:
    """A service whose time flies, and a client that is as patient in a fiftieth of the time."""
    monkeypatch.setattr(patience, "PATIENCE", 2.5)
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.02)
    monkeypatch.setattr(patience, "_LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(patience, "GATEWAY_PATIENCE", 2.5)
    monkeypatch.setattr(failures, "LONGEST_RETRY_AFTER", 0.2)
    monkeypatch.setattr(making, "LOOKS", (0.0, 0.02, 0.05))
    monkeypatch.setattr("pytest_aicore.training.finished._FETCHING_SECONDS", 2.5)
    monkeypatch.setattr("pytest_aicore.training.live.stop.PATIENCE", 2.0)
    monkeypatch.setattr("pytest_aicore.training.live.stop._PAUSE", 0.05)
    monkeypatch.setattr(fleet, "_LONGEST_BACKOFF", 0.2)
    service = Service("2000x")
    with service.server, Proxy(service.server.port):
        rehearsal = Rehearsal(service, tmp_path)
        with rehearsal.proxy:
            yield rehearsal


def refusing(rehearsal: Rehearsal, call: str, seconds: float) -> Any:
    """Return what refuses connections once the call before has been answered."""
    if BEFORE[call] is None:
        rehearsal.proxy.refuse(seconds)
        return nullcontext()
    done: list[str] = []

    def shut(record: Any) -> None:
        if record.operation == BEFORE[call] and not done:
            done.append(record.operation)
            rehearsal.proxy.refuse(seconds)

    return rehearsal.service.emulator.recording(shut)


def names(call: str, rehearsal: Rehearsal) -> str:
    """Return how an error must begin that names call and host."""
    said = {
        "token": "could not get the scenario",
        "scenario.get": "could not get the scenario",
        "executable.get": "could not get the executable",
        "artifact.create": "could not register the artifact 'text-data'",
        "configuration.create": "could not create the configuration 'pytest-aicore text-clf-train-tutorial ",
        "execution.create": "could not start an execution of configuration ",
        "execution.query_logs": "could not get the logs of the execution ",
        "metrics.query": "could not get the metrics of the execution ",
        "execution.modify": "execution ",
    }
    return re.escape(said[call])


@pytest.mark.parametrize(("call", "failure"), [(call, failure) for call in BEFORE for failure in FAILURES])
def test_failure_for_a_moment(rehearsal: Rehearsal, call: str, failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call fails a few times; a refusal that nothing can help happens once."""
    emulator = rehearsal.service.emulator
    if call == "execution.get":
        emulator.fault("execution.query", status=404, times=None)  # then every execution is asked for alone
    if failure == "timeout":
        monkeypatch.setattr(transport, "READ_TIMEOUT", 0.2)
    once = failure in ("401", "403", "404", "429", "absurd Retry-After") or call == "execution.create"
    if failure == "refused":
        broken = refusing(rehearsal, call, 0.3)
    elif failure == "drip":
        for limit in ("CALL_SECONDS", "PAGE_SECONDS"):
            monkeypatch.setattr(transport, limit, 0.5)
        rehearsal.proxy.drip(REQUESTS[call], 1 if once else 2)
        broken = nullcontext()
    else:
        emulator.fault(
            call, times=1 if once else 2 if failure in ("timeout", "truncated", "HTML") else 5, **FAILURES[failure]
        )
        broken = nullcontext()
    rehearsal.has_no_logs = (call, failure) == ("execution.query_logs", "404")  # as of one that never ran
    with broken:
        outcome = rehearsal.run(call)
    expected = table()[call, failure]
    if expected == "survived":
        assert outcome == "survived"
    else:
        preflight = outcome.startswith("preflight of ")  # it says what is missing in its own words
        assert preflight or re.match(f"{names(call, rehearsal)}.* at http://127.0.0.1:", outcome), outcome
    rehearsal.leave_nothing()


@pytest.mark.parametrize("call", BEFORE)
@pytest.mark.parametrize("failure", ["403", "503", "lost", "HTML"])
def test_failure_that_lasts(rehearsal: Rehearsal, call: str, failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call fails from some moment on; when it works again, nothing is left."""
    patient = (
        "service.retry.PATIENCE",
        "service.retry.GATEWAY_PATIENCE",
        "finished._FETCHING_SECONDS",
        "live.stop.PATIENCE",
    )
    for name in patient:
        monkeypatch.setattr(f"pytest_aicore.training.{name}", 0.4)  # no patience helps
    emulator = rehearsal.service.emulator
    if call == "execution.get":
        emulator.fault("execution.query", status=404, times=None)
    emulator.fault(call, times=None, **FAILURES[failure])
    rehearsal.plan = TrainingPlan(rehearsal.plan.template, rehearsal.plan.artifacts, timeout=1.0)
    outcome = rehearsal.run(call)
    found_again = failure == "lost" and call.endswith(".create")
    assert found_again or call in ("execution.query", "execution.modify") or outcome != "survived"
    rehearsal.leave_nothing()


@pytest.mark.parametrize("deletes", [False, True])
def test_a_run_that_another_worker_has_stopped_says_why(rehearsal: Rehearsal, deletes: bool) -> None:
    """Whoever polls next sees STOPPED, or nothing: the other worker's reason counts, not that the training ended so."""
    rehearsal.service.emulator.script(stuck_in="UNKNOWN" if deletes else "RUNNING")
    workers = [rehearsal.session("one", is_worker=True) for _ in range(2)]
    workers[1].ledger.process += "-another"
    plans = [TrainingPlan(rehearsal.plan.template, rehearsal.plan.artifacts, timeout=seconds) for seconds in (0.5, 30)]
    hasty, patient = [live.training(plan, "test") for live, plan in zip(workers, plans, strict=True)]
    hasty.start()
    with ThreadPoolExecutor() as threads:
        waits = threads.submit(patient.finish, 30)
        with pytest.raises(RunError, match=r"It is being (stopped|deleted)"):
            hasty.finish(0.5)
        with pytest.raises(RunError) as raised:
            waits.result()
    assert str(raised.value) == f"execution {hasty.begin().execution_id}: it was stopped: its timeout expired."
    assert not isinstance(raised.value, VerdictError)
    assert patient.begin().stopped == "its timeout expired"
    assert len(rehearsal.service.executions()) == (0 if deletes else 1)
    for live in workers:
        live.finish("the test ends")
