"""What seldom happens to a live session, and must not cost money, or hang it."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.errors import RunError
from pytest_aicore.training.clock import RealClock
from pytest_aicore.training.live.ledger import EXECUTION, FileLedger, LedgerRecord
from pytest_aicore.training.live.locks import FileLock
from pytest_aicore.training.live.stop import settle, stop_execution
from pytest_aicore.training.service.api import TrainingApi
from pytest_aicore.training.service.credentials import from_service_key
from pytest_aicore.training.service.failures import CallError, retry_after_seconds
from pytest_aicore.training.service.retry import patiently
from pytest_aicore.training.service.sdk import make_patient_client
from pytest_aicore.training.service.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.training.live.sessions.conftest import Service

pytestmark = pytest.mark.once

FACTS = {"host": "h", "resource_group": "default", "workflow": "w", "time": 1.0}


@pytest.fixture
def api(service: Service) -> TrainingApi:
    """The calls of runs on the service."""
    return TrainingApi(lambda: make_patient_client(from_service_key(service.server.service_key, "test"), "default"))


def started(api: TrainingApi) -> tuple[str, str]:
    """Start an execution, and return the ids of its configuration and of itself."""
    scenario, executable = "text-clf-tutorial", "text-clf-train-tutorial"
    artifact = api.register_artifact("text-data", "dataset", "ai://default/data", scenario, "", {})
    configuration = api.create_configuration("c", scenario, executable, {}, {"text-data": artifact.id})
    return configuration.id, api.start_execution(configuration.id).id


def test_run_that_cannot_be_watched_does_not_keep_others_waiting(
    live: Callable[..., pytest.RunResult], service: Service
) -> None:
    service.emulator.fault("execution.query", status=403, times=None)
    service.emulator.fault("execution.get", status=403, times=3)
    result = live(
        """
@pytest.mark.aicore(fresh=True)
@pytest.mark.parametrize("n", range(2))
def test_it(aicore_execution, n): pass
""",
        "--aicore-max-parallel=1",
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["could not get the execution e* (HTTP 403*). Check the credentials, and whether*"])
    assert service.unwatched() == []


def test_run_that_somebody_deleted(live: Callable[..., pytest.RunResult], service: Service) -> None:
    service.emulator.script(unknown=0, pending=0, running=10**7)

    def delete(record: Any) -> None:
        if record.operation == "execution.query" and service.calls.count("execution.query") == 3:
            (execution,) = service.executions()
            service.emulator.state.groups["default"].executions.remove(execution.id)

    with service.emulator.recording(delete):
        result = live("def test_it(aicore_execution): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["could not get the execution e*: * (HTTP 404, code *, request *). It may have been deleted."]
    )


def test_what_is_lost_makes_room(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path / "ledger.jsonl", "one")
    ledger.most_at_once = 1
    ledger.open()
    first, second = (LedgerRecord(ledger, ledger.begin(key, **FACTS)) for key in "ab")
    assert first.claim(EXECUTION, {"configuration": "c1"}) is not None
    first.made(EXECUTION, {"id": "e1"})
    assert second.claim(EXECUTION, {"configuration": "c2"}) is None
    first.note("lost")
    assert second.claim(EXECUTION, {"configuration": "c2"}) is not None
    assert [entry.is_open for entry in ledger.of_session()] == [True, True]
    ledger.close(well=False)


@pytest.mark.parametrize("pace", ["real"])
@pytest.mark.parametrize("where", ["marker", "ini"])
def test_timeout_for_the_body_alone_does_not_count_what_the_training_takes(
    live: Callable[..., pytest.RunResult], service: Service, where: str
) -> None:
    service.emulator.script(unknown=0, pending=0, running=2)
    mark, ini = ("1, func_only=True", "false") if where == "marker" else ("1", "true")
    source = f"""
@pytest.mark.timeout({mark})
def test_it(aicore_execution): pass
"""
    live(source, "-o", f"timeout_func_only={ini}").assert_outcomes(passed=1)


@pytest.mark.parametrize("pace", ["real"])
def test_timeout_for_the_body_alone_counts_what_the_body_waits_for(
    live: Callable[..., pytest.RunResult], service: Service
) -> None:
    service.emulator.script(unknown=0, pending=0, running=10**7)
    result = live(
        """
@pytest.mark.timeout(2, func_only=True)
def test_it(aicore_run): assert aicore_run().execution
"""
    )
    result.assert_outcomes(failed=1)
    assert service.unwatched() == []
    result.stdout.fnmatch_lines(["*had not ended before pytest-timeout's limit for this test*"])


class Leaping(RealClock):
    """Time that passes at once when somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def test_nobody_sleeps_for_as_long_as_a_gateway_wishes(api: TrainingApi, service: Service) -> None:
    _, execution = started(api)
    service.emulator.fault("execution.modify", status=429, retry_after=3600, times=None)
    service.emulator.fault("execution.get", status=429, retry_after=3600, times=None)
    clock = Leaping()
    with pytest.raises(CallError, match=r"could not stop the execution .* \(HTTP 429"):
        stop_execution(api, clock, execution)
    assert clock.slept == [8.0] * 3
    with pytest.raises(
        CallError, match=r"could not get the execution .* \(HTTP 429, .*\)\. Try again later\."
    ) as caught:
        patiently(clock, lambda: api.execution(execution))
    assert clock.slept[3:] == [60]
    assert caught.value.retry_after == 60


def test_plan_of_fixtures_starts_nothing(live: Callable[..., pytest.RunResult], service: Service) -> None:
    live("def test_it(aicore_execution): pass", "--setup-plan")
    assert service.calls == []


EARLIER, LATER = "Wed, 21 Oct 2105 07:28:00 GMT", "Wed, 21 Oct 2105 07:28:10 GMT"


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        (None, None, None),
        ("0", None, 0),
        ("7", None, 7),
        (" 7 ", None, 7),
        ("0.5", None, 0.5),
        ("99999", None, 60),
        ("9" * 5000, None, 60),
        (LATER, EARLIER, 10),
        (EARLIER, LATER, 0),
        ("Wed, 21 Oct 2105 08:28:00 GMT", EARLIER, 60),
        ("Wed, 21 Oct 2105 07:28:10", EARLIER, 10),
        ("Wed, 21 Oct 2105 07:28:10 -0000", EARLIER, 10),
        ("Wed, 21 Oct 2105 09:28:10 +0200", EARLIER, 10),
        ("Wed, 21 Oct 2015 07:28:00 GMT", "nonsense", 0),
        (LATER, "nonsense", 60),
        (LATER, None, 60),
        *(
            (malformed, EARLIER, None)
            for malformed in (
                *("", " ", "nan", "inf", "-inf", "-5", "+5", "1e400", "1e3", "1_0", "\u0665", "0x10", "5 s", "soon"),
                *("Wed, 21 Oct", "21 Oct 2105", "Wed, 99 Oct 2105 07:28:10 GMT", "Wed, 21 Oct 99999 07:28:10 GMT"),
            )
        ),
    ],
)
def test_retry_after_is_understood_or_ignored(value: str | None, date: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, date) == seconds


@pytest.mark.parametrize("body", [{"error": "busy"}, {"error": {"message": "busy"}}, {"fault": 1}, "busy", b"<html>"])
def test_refusals_of_gateways_are_understood_in_any_shape(api: TrainingApi, service: Service, body: Any) -> None:
    service.emulator.fault("execution.create", status=429, body=body, retry_after=7)
    service.emulator.fault("scenario.get", status=403, body=body)
    with pytest.raises(CallError) as caught:
        started(api)
    error = caught.value
    assert (error.status, error.transient, error.in_doubt, error.retry_after) == (429, True, False, 7)
    with pytest.raises(CallError) as caught:
        api.scenario("text-clf-tutorial")
    assert (caught.value.status, caught.value.transient) == (403, False)


def test_refused_token_does_not_explain_what_failed_afterwards(api: TrainingApi, service: Service) -> None:
    """A new token, and then the connection ends: it may have been done."""
    configuration, _ = started(api)
    service.emulator.fault("execution.create", status=401, times=1)
    service.emulator.fault("execution.create", kind="connection reset", processed=True, times=1)
    with pytest.raises(CallError) as caught:
        api.start_execution(configuration)
    assert (caught.value.status, caught.value.in_doubt) == (None, True)
    assert len(service.executions()) == 2


def test_token_of_a_few_seconds_serves_many_calls(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(from_service_key(service.server.service_key, "test"))
    answers = iter([("Bearer x", 30.0)])
    monkeypatch.setattr(tokens, "_ask", lambda: next(answers))
    assert [tokens(), tokens(), tokens()] == ["Bearer x"] * 3


@pytest.mark.parametrize("pace", ["real"])
def test_log_that_takes_its_time_does_not_hide_the_end(
    live: Callable[..., pytest.RunResult], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.emulator.script(unknown=0, pending=0, running=1)
    may_answer = threading.Event()
    follower = "pytest_aicore.training.live.log_stream.LogFollower"
    monkeypatch.setattr(f"{follower}.new_lines", lambda _: may_answer.wait(20) and [])
    began = time.monotonic()
    live("def test_it(aicore_execution): pass", "--aicore-stream-logs").assert_outcomes(passed=1)
    assert time.monotonic() - began < 10
    may_answer.set()


def test_threads_of_a_body_may_start_runs(live: Callable[..., pytest.RunResult], service: Service) -> None:
    result = live(
        """
from concurrent.futures import ThreadPoolExecutor

def test_it(aicore_run):
    with ThreadPoolExecutor(4) as pool:
        runs = [*pool.map(lambda n: aicore_run(fresh=n > 1).execution.id, range(4))]
    assert len(set(runs)) == 3
"""
    )
    result.assert_outcomes(passed=1)
    assert service.calls.count("execution.create") == 3


def test_preflight_that_fails_is_not_waited_for_again(
    live: Callable[..., pytest.RunResult], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_aicore.training.service.retry.PATIENCE", 2.5)
    monkeypatch.setattr("pytest_aicore.training.live.locks.PATIENCE", 1.0)
    service.emulator.fault("token", status=503, times=None)
    result = live(
        """
@pytest.mark.aicore(fresh=True)
@pytest.mark.parametrize("n", range(5))
def test_it(aicore_execution, n): pass
"""
    )
    result.assert_outcomes(errors=5)
    text = result.stdout.str()
    assert text.count("\ncould not get the scenario 'text-clf-tutorial' at http") == 5
    assert "locked" not in text
    assert 2 <= sum(record.operation == "token" for record in service.emulator.requests) <= 3
    assert service.executions() == []


# A session was killed while its request was on the way ------------------------------------------------------------


def intent(tmp_path: Path, configuration: str, age: float, others: tuple[str, ...] = ()) -> FileLedger:
    """Return a ledger in which a session that is gone was about to start an execution."""
    ledger = FileLedger(tmp_path / "ledger.jsonl", "gone")
    ledger.begin("key", **FACTS)
    (run,) = ledger.entries
    facts = {"stage": EXECUTION, "process": "gone-1", "configuration": configuration, "others": others}
    ledger.write("intends", run=run, time=time.time() - age, **facts)
    ledger.refresh()
    return ledger


@pytest.mark.parametrize("pace", ["real"])
def test_execution_that_appears_after_the_first_look_is_stopped(
    api: TrainingApi, service: Service, tmp_path: Path
) -> None:
    configuration, execution = started(api)
    api.delete(execution)
    ledger = intent(tmp_path, configuration, age=12.5)
    (entry,) = ledger.entries.values()
    late = threading.Timer(1.0, lambda: api.start_execution(configuration))
    late.start()
    notes: list[str] = []
    outcomes = settle(api, RealClock(), entry, lambda event, **_: notes.append(event))
    late.join()
    assert [what for _, what in outcomes] == ["is being deleted"]
    assert notes == ["stopping"]
    assert service.unwatched() == []


def test_execution_that_may_still_appear_is_remembered(api: TrainingApi, tmp_path: Path) -> None:
    configuration, execution = started(api)
    for age, expected in ((20.0, []), (100.0, ["gone"])):
        (tmp_path / str(age)).mkdir()
        ledger = intent(tmp_path / str(age), configuration, age)
        (entry,) = ledger.entries.values()
        notes: list[str] = []
        outcomes = settle(api, RealClock(), entry, lambda event, notes=notes, **_: notes.append(event), {execution})
        assert (outcomes, notes) == ([], expected)


def test_executions_of_others_with_a_reused_configuration_are_theirs(tmp_path: Path) -> None:
    one, two = (FileLedger(tmp_path / "ledger.jsonl", name) for name in ("one", "two"))
    records = []
    for ledger in (one, two):
        ledger.process = f"process of {ledger.session}"
        ledger.open()
        records.append(LedgerRecord(ledger, ledger.begin("key", **FACTS)))
    first, second = records
    assert first.claim(EXECUTION, {"configuration": "shared"}) is not None
    assert second.claim(EXECUTION, {"configuration": "shared"}) is None  # their lost answers could not be told apart
    first.made(EXECUTION, {"id": "e1"})
    assert second.claim(EXECUTION, {"configuration": "shared"}) is not None
    assert second.executions_of_others() == {"e1"}
    assert first.executions_of_others() == set()
    for ledger in (one, two):
        ledger.close(well=True)


def test_worker_whose_controller_was_killed_starts_nothing_more(tmp_path: Path) -> None:
    controller, worker, other = (FileLedger(tmp_path / "ledger.jsonl", name) for name in ("one", "one", "two"))
    controller.process, worker.process = "one-1", "one-2"
    controller.open()
    worker.open()
    record = LedgerRecord(worker, worker.begin("key", **FACTS))
    other.refresh()
    assert other.is_alive("one")
    controller.close(well=False)
    assert not other.is_alive("one")
    with pytest.raises(
        RunError, match=r"^The process that began this session has ended, so nothing more is started\.$"
    ):
        record.claim(EXECUTION, {"configuration": "c"})
    worker.close(well=False)


# The file of the ledger -------------------------------------------------------------------------------------------


def test_line_that_fits_only_in_part_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = FileLedger(tmp_path / "ledger.jsonl", "one")
    ledger.open()
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, text: write(handle, text[: len(text) // 2]))
    with pytest.raises(RunError) as caught:
        ledger.begin("key", **FACTS)
    assert str(caught.value) == (
        f"The ledger {ledger.file} cannot be written ({os.strerror(errno.ENOSPC)}), so nothing more is started: each"
        " execution is recorded before it starts."
    )
    monkeypatch.undo()
    assert ledger.begin("key", **FACTS).key == "key"
    ledger.close(well=True)


def test_ledger_that_somebody_removed_goes_on(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path / "ledger.jsonl", "one")
    ledger.open()
    for key in "abc":
        ledger.begin(key, **FACTS)
    ledger.file.unlink()
    assert ledger.begin("d", **FACTS).key == "d"
    assert [entry.key for entry in ledger.of_session()] == ["a", "b", "c", "d"]
    ledger.close(well=True)


@pytest.mark.parametrize(
    "line",
    [
        {"event": "run", "run": "r", "session": "s", "key": "k"},
        {"event": "run", "run": "r", "session": "s", "key": "k", **FACTS, "time": "noon"},
        {"event": "made", "run": "known", "stage": "execution", "result": "e1"},
        {"event": "made", "run": "known", "stage": "execution", "result": {}},
        {"event": "ended", "run": "known", "status": "COMPLETED", "seconds": "long"},
        {"event": "intends", "run": "known", "process": "p", "stage": "execution", "time": None},
        ["event"],
        "event",
        None,
    ],
)
def test_spoilt_line_says_nothing(tmp_path: Path, line: object) -> None:
    ledger = FileLedger(tmp_path / "ledger.jsonl", "one")
    ledger.write("run", run="known", session="s", key="k", **FACTS)
    with ledger.file.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    ledger.refresh()
    assert list(ledger.entries) == ["known"]
    assert ledger.leftover("h", "default") == []
    assert ledger.entries["known"].execution_id is None


def test_who_looks_whether_a_process_lives_does_not_end_it(tmp_path: Path) -> None:
    """The lock of a process is found free, and its file removed, by somebody who looks a moment too early."""
    file = tmp_path / "alive"
    looking = FileLock(file)
    assert looking.take()
    lock = FileLock(file)
    taking = threading.Thread(target=lock.take_for_life)
    taking.start()
    looking.release(remove=True)
    taking.join(10)
    assert not FileLock(file).take()
    lock.release(remove=True)
    assert not file.exists()
