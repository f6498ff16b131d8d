"""Many runs at once, in simulated time: when they start, when they are polled, and the errors."""

from __future__ import annotations

import json
import random
import threading
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.errors import RunError
from pytest_aicore.training import run as runs
from pytest_aicore.training.live import fleet as fleets
from pytest_aicore.training.live import log_stream as following
from pytest_aicore.training.live.fleet import ClosingError, Fleet, FleetClock
from pytest_aicore.training.live.ledger import FileLedger, LedgerRecord
from pytest_aicore.training.maker import Maker
from pytest_aicore.training.run import Training
from pytest_aicore.training.service.failures import CallError
from pytest_aicore.training.service.transport import current
from pytest_aicore.training.watcher import DeadlineError
from tests.training.live.simulated import Event, SimulatedTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_aicore.emulator import Emulator
    from pytest_aicore.training.plan import TrainingPlan
    from pytest_aicore.training.service.api import TrainingApi
    from tests.training.conftest import NotedClock

AT = "https://api.ai.aicore.invalid/v2/lm"
WORKFLOW = "training_workflow_tutorial.yaml"


@pytest.fixture
def time(clock: NotedClock, monkeypatch: pytest.MonkeyPatch) -> SimulatedTime:
    """The clock of all threads."""
    time = SimulatedTime(clock)
    for module in (fleets, following):
        monkeypatch.setattr(module, "Thread", time.thread)
    monkeypatch.setattr(fleets, "HomeCondition", time.condition)
    monkeypatch.setattr(random, "uniform", lambda low, high: low)
    monkeypatch.setattr(random, "sample", lambda population, k: [population[each] for each in range(k)])
    return time


class Session:
    """A session with a fleet.

    Attributes:
        fleet: of it.
        ledger: of it.
    """

    def __init__(
        self, plan: TrainingPlan, api: TrainingApi, time: SimulatedTime, emulator: Emulator, folder: Path
    ) -> None:
        self._plan = plan
        self._api = api
        self._emulator = emulator
        self.time = time
        self.ledger = FileLedger(folder / "ledger.jsonl", "one")
        self.ledger.open()
        self.made = 0
        self.looks: list[tuple[float, str]] = []
        self.begin()

    def begin(self, interval: float = 5.0, most: int = 8, budget: float | None = None, *others: Any) -> Fleet:
        """Make a fleet with these options."""
        self.fleet = Fleet(self._api, self.ledger, self.time, interval, most, budget, *others)
        return self.fleet

    def training(self, user: str | None = "test", timeout: float = 3600, **other: Any) -> Training:
        """Return a training that a test needs."""
        self.made += 1
        key, plan = f"key-{self.made}", replace(self._plan, timeout=timeout)
        maker = other.pop("maker", None) or Maker(plan, self._api, self.time, key)
        training = Training(
            plan, maker, self._api, self.time, self.fleet, record=lambda: self._record(key), number=self.made
        )
        if user is not None:
            self.fleet.want(training, user, timeout)
        return training

    @property
    def facts(self) -> dict[str, Any]:
        """The facts of the ledger for a run that begins now."""
        return {"host": "h", "resource_group": "default", "workflow": WORKFLOW, "time": self.time.now()}

    def _record(self, key: str) -> LedgerRecord:
        return LedgerRecord(self.ledger, self.ledger.begin(key, **self.facts))

    def enqueue(self, number: int = 1, **how: Any) -> list[Training]:
        """Start trainings early."""
        trainings = [self.training(**how) for _ in range(number)]
        for training in trainings:
            self.fleet.enqueue(training)
        return trainings

    def events(self, *names: str) -> list[dict[str, Any]]:
        """Return events of the ledger."""
        lines = [json.loads(line) for line in self.ledger.file.read_text().splitlines()]
        return [line for line in lines if line["event"] in names]

    def when(self, *operations: str) -> list[float]:
        """Return when some requests were made."""
        began = self.time.now() - self.time.elapsed
        return [round(each.at - began, 3) for each in self._emulator.requests if each.operation in operations]

    @property
    def executions(self) -> list[str]:
        """The statuses of the executions as they are now."""
        self._emulator.agenda.settle()
        return [str(each.status) for each in self._emulator.state.groups["default"].executions]


@pytest.fixture
def session(
    plan: TrainingPlan, live_api: TrainingApi, time: SimulatedTime, emulator: Emulator, tmp_path: Path
) -> Iterator[Session]:
    session = Session(plan, live_api, time, emulator, tmp_path)
    yield session
    session.fleet.close()
    session.ledger.close(well=True)


def message(error: type[Exception], do: Callable[[], object]) -> str:
    """Return the message with which a call fails."""
    with pytest.raises(error) as caught:
        do()
    return str(caught.value)


# Starting and watching ----------------------------------------------------------------------------------------------


def test_run_is_started_watched_and_ended(session: Session) -> None:
    (training,) = session.enqueue()
    finished = training.finish(3600)
    assert finished.status.value == "COMPLETED"
    # One second after the start, then twice as long each time, at most the interval.
    assert session.when("execution.query") == [1, 3, 7, 12, 17, 22, 27, 32, 37, 42, 47, 52, 57, 62]
    assert session.when("execution.create") == [0]
    assert session.when("execution.get") == []
    assert [event["status"] for event in session.events("ended")] == ["COMPLETED"]
    (running,) = session.events("running")
    began = session.time.now() - session.time.elapsed
    assert (running["time"], running["ticks"], running["began"]) == (began + 17, began + 17, began + 15)


def test_interval_shorter_than_a_second_is_kept_from_the_beginning(session: Session) -> None:
    session.begin(0.5)
    session.enqueue()[0].finish(3600)
    assert session.when("execution.query")[:4] == [0.5, 1, 1.5, 2]


def test_looks_come_a_little_early_never_late(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, float]] = []

    def most(*bounds: float) -> float:
        asked.append((bounds[0], bounds[1]))
        return bounds[1]

    monkeypatch.setattr(random, "uniform", most)
    session.enqueue()[0].finish(3600)
    assert set(asked) == {(0, 0.1)}
    assert session.when("execution.query")[:4] == [1, 2.8, 6.4, 10.9]


def test_one_question_serves_all_runs(session: Session) -> None:
    trainings = session.enqueue(3)
    assert [training.finish(3600).status.value for training in trainings] == ["COMPLETED"] * 3
    assert len(session.when("execution.query")) == 14
    assert session.when("execution.get") == []


def test_page_has_room_for_what_others_start_meanwhile(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    page, asked = session._api.page, []

    def look(executables: Any, size: int) -> Any:
        asked.append((set(executables), size))
        return page(executables, size)

    monkeypatch.setattr(session._api, "page", look)
    for training in (session.training(), session.training(), session.training()):
        training.start()
    session.time.sleep(10)
    assert asked[-1] == ({"text-clf-train-tutorial"}, 6)


def test_time_that_counts_is_the_service_s_where_it_says_so(session: Session, emulator: Emulator) -> None:
    emulator.script(unknown=3.2, pending=0, running=3)
    session.training().finish(3600)
    assert session.when("execution.query") == [1, 3, 7]
    assert session.events("running") == []
    assert [event["seconds"] for event in session.events("ended")] == [3]


def test_time_that_counts_is_what_was_seen_where_the_service_says_nothing(session: Session, emulator: Emulator) -> None:
    emulator.script(unknown=0, pending=0, running=500)
    training = session.training()
    training.start()
    session.time.sleep(4)
    row = {
        "id": training.begin().execution_id, "configurationId": "c001", "configurationName": "c", "scenarioId": "s",
        "status": "COMPLETED", "targetStatus": "COMPLETED", "createdAt": "2025-01-01T00:00:00Z",
        "modifiedAt": "2025-01-01T00:00:00Z",
    }  # fmt: skip
    emulator.fault("execution.query", status=200, body={"count": 1, "resources": [row]})
    training.finish(3600)
    assert session.when("execution.query") == [1, 3, 7]
    assert [event["seconds"] for event in session.events("ended")] == [6]


def test_run_that_is_asked_for_is_started_if_it_was_not(session: Session) -> None:
    training = session.training()
    assert session.executions == []
    training.start()
    assert session.executions == ["UNKNOWN"]
    training.start()
    assert len(session.executions) == 1
    assert training.finish(3600).status.value == "COMPLETED"


def test_run_is_queued_once(session: Session) -> None:
    training = session.training()
    for _ in range(3):
        session.fleet.enqueue(training)
    training.finish(3600)
    session.fleet.enqueue(training)
    training.finish(3600)
    assert session.when("execution.create") == [0]


def test_no_more_run_at_once_than_allowed(session: Session) -> None:
    session.begin(5, 2)
    trainings = session.enqueue(5)
    assert [training.finish(3600).status.value for training in trainings] == ["COMPLETED"] * 5
    assert session.when("execution.create") == [0, 0, 62, 62, 124]


def test_who_is_waited_for_is_started_first(session: Session) -> None:
    session.begin(5, 1)
    trainings = session.enqueue(3)
    session.time.sleep(0.5)
    trainings[2].finish(3600)
    trainings[1].finish(3600)
    started = [training.begin().execution_id for training in (trainings[0], trainings[2], trainings[1])]
    assert [event["result"]["id"] for event in session.events("made") if event["stage"] == "execution"] == started


def test_run_of_another_process_is_begun_when_it_is_needed(session: Session) -> None:
    others: list[Training] = []
    session.begin(5, 8, None, None, lambda training: training in others)
    first, second = session.training(), session.training()
    others.append(first)
    session.fleet.enqueue(first)
    session.fleet.enqueue(second)
    second.finish(3600)
    assert len(session.executions) == 1
    first.finish(3600)
    assert len(session.executions) == 2


def test_start_that_fails_fails_who_waits(session: Session, emulator: Emulator) -> None:
    emulator.fault(
        "execution.create", status=400, body={"error": {"code": "01010001", "message": "no", "requestId": "r"}}
    )
    (training,) = session.enqueue()
    for _ in range(2):
        text = message(CallError, lambda: training.finish(3600))
        assert text.startswith("could not start an execution of configuration ")
        assert text.endswith(": no (HTTP 400, code 01010001, request r).")
    assert session.when("execution.create") == [0]


@pytest.mark.parametrize("fails", ["refused", "broken"])
def test_start_that_fails_leaves_others_alone(session: Session, emulator: Emulator, fails: str) -> None:
    class Broken(Maker):
        def artifacts(self) -> Any:
            raise LookupError("no such drawer")

    first = session.training()
    first.start()
    if fails == "refused":
        emulator.fault("configuration.create", status=400, body={"error": {"code": "01010001", "message": "no"}})
    maker = Broken(session._plan, session._api, session.time) if fails == "broken" else None
    session.fleet.enqueue(session.training(maker=maker))
    session.time.sleep(5)
    assert first.finish(3600).status.value == "COMPLETED"


def test_start_that_breaks_says_how(session: Session) -> None:
    class Broken(Maker):
        def artifacts(self) -> Any:
            raise LookupError("no such drawer")

    training = session.training(maker=Broken(session._plan, session._api, session.time))
    session.fleet.enqueue(training)
    expected = f"{WORKFLOW} could not be started (LookupError: no such drawer)."
    assert message(RunError, lambda: training.finish(3600)) == expected
    assert message(RunError, training.start) == expected
    other = session.training()
    assert other.finish(3600).status.value == "COMPLETED"


def test_nothing_that_waits_is_started_when_it_cannot_be_told_whose_it_is(session: Session) -> None:
    broken: list[bool] = []

    def is_another_s(training: Training) -> bool:
        if broken:
            raise RunError("The ledger cannot be read.")
        return False

    session.begin(5, 1, None, None, is_another_s)
    first, second, third = session.enqueue(3)
    session.time.sleep(0.5)
    broken.append(True)
    first.finish(3600)
    session.time.sleep(0.5)
    assert message(RunError, lambda: third.finish(3600)) == "The ledger cannot be read."
    assert len(session.executions) == 1
    assert second.finish(3600).status.value == "COMPLETED"  # a test that needs it calls `start`


def test_training_is_in_one_state_at_a_time(
    session: Session, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang, start = Event(session.time), session._api.start_execution
    monkeypatch.setattr(session._api, "start_execution", lambda *how: hang.wait() and start(*how))
    session.begin(5, 1)
    first, second = session.training(), session.training(user="b")
    states: list[tuple[str, str]] = []

    def note_states() -> None:
        states.append((session.fleet.state_of(first).value, session.fleet.state_of(second).value))

    note_states()
    for training in (first, second):
        session.fleet.enqueue(training)  # a thread may have begun to start the first at once
    session.time.sleep(0.5)
    note_states()
    hang.set()
    session.time.sleep(0.5)
    note_states()
    session.fleet.release("b")
    note_states()
    session.fleet.enqueue(second)
    first.finish(3600)
    session.time.sleep(0.5)
    note_states()
    emulator.script(running=5000)
    message(DeadlineError, lambda: second.finish(10))
    note_states()
    assert states == [
        ("new", "new"),
        ("starting", "queued"),
        ("running", "queued"),
        ("running", "new"),
        ("ended", "running"),
        ("ended", "lost"),
    ]


# Trouble while watching ---------------------------------------------------------------------------------------------


def test_service_that_is_busy_is_left_alone_for_longer_each_time(session: Session, emulator: Emulator) -> None:
    (training,) = session.enqueue()
    training.start()
    emulator.fault("execution.query", status=503, times=5)
    assert training.finish(3600).status.value == "COMPLETED"
    # 2 s twice as long for each trouble in a row: 4, 16 (4 s), 30 ... at most
    assert session.when("execution.query") == [1, 5, 21, 51, 81, 111]


def test_service_that_names_a_time_is_left_alone_so_long(session: Session, emulator: Emulator) -> None:
    (training,) = session.enqueue()
    training.start()
    emulator.fault("execution.query", status=429, retry_after=40)
    assert training.finish(3600).status.value == "COMPLETED"
    assert session.when("execution.query")[:3] == [1, 41, 45]


def test_new_run_does_not_hurry_who_wants_to_be_left_alone(session: Session, emulator: Emulator) -> None:
    first, second = session.training(), session.training()
    first.start()
    emulator.fault("execution.query", status=429, retry_after=40)
    session.time.sleep(2)
    second.start()
    session.time.sleep(60)
    assert session.when("execution.query")[:2] == [1, 41]


def test_new_run_is_looked_at_soon_though_the_service_was_busy(session: Session, emulator: Emulator) -> None:
    session.begin(0.5)
    first, second = session.training(), session.training()
    first.start()
    emulator.fault("execution.query", status=503)
    session.time.sleep(0.6)
    second.start()
    session.time.sleep(1)
    assert session.when("execution.query")[:2] == [0.5, 1.1]


def test_new_run_is_looked_at_soon(session: Session) -> None:
    first, second = session.training(), session.training()
    first.start()
    session.time.sleep(20)
    assert session.when("execution.query") == [1, 3, 7, 12, 17]
    second.start()
    session.time.sleep(10)
    assert session.when("execution.query")[5:8] == [21, 23, 27]


def test_page_that_is_refused_leaves_single_looks(session: Session, emulator: Emulator) -> None:
    (training,) = session.enqueue()
    training.start()
    emulator.fault("execution.query", status=403, times=None)
    assert training.finish(3600).status.value == "COMPLETED"
    assert session.when("execution.get") == session.when("execution.query")


@pytest.mark.parametrize(("refusals", "is_lost"), [(2, False), (3, True)])
def test_refusals_are_believed_when_there_are_three_in_a_row(
    session: Session, emulator: Emulator, refusals: int, *, is_lost: bool
) -> None:
    (training,) = session.enqueue()
    training.start()
    emulator.fault("execution.query", status=403, times=None)
    emulator.fault("execution.get", status=403, times=refusals)
    emulator.fault("execution.get", status=200, times=None, after=100)
    if is_lost:
        text = message(CallError, lambda: training.finish(3600))
        assert text == (
            f"could not get the execution {training.begin().execution_id} at {AT}: RBAC: access denied (HTTP 403). Check"
            " the credentials, and whether they may use this resource group."
        )
        assert [event["event"] for event in session.events("lost")] == ["lost"]
    else:
        assert training.finish(3600).status.value == "COMPLETED"


def test_refusals_with_an_answer_between_them_are_not_in_a_row(session: Session, emulator: Emulator) -> None:
    (training,) = session.enqueue()
    training.start()
    emulator.fault("execution.query", status=403, times=None)
    emulator.fault("execution.get", status=403, times=2)
    session.time.sleep(10)
    emulator.fault("execution.get", status=403, times=2)
    assert training.finish(3600).status.value == "COMPLETED"


def test_run_that_somebody_deleted_is_lost(session: Session, emulator: Emulator) -> None:
    (training,) = session.enqueue()
    training.start()
    session.time.sleep(5)
    execution = training.begin().execution_id
    emulator.state.groups["default"].executions.remove(execution)
    text = message(RunError, lambda: training.finish(3600))
    assert text.startswith(f"could not get the execution {execution} at {AT}: ")
    assert text.endswith("). It may have been deleted.")
    assert session.events("lost")


@pytest.mark.parametrize(("unseen", "is_lost"), [(50, False), (80, True)])
def test_new_execution_may_not_be_found_for_a_minute(
    session: Session, emulator: Emulator, unseen: float, *, is_lost: bool
) -> None:
    emulator.script(running=200)
    (training,) = session.enqueue()
    training.start()
    nothing = {"count": 0, "resources": []}
    page = emulator.fault("execution.query", status=200, body=nothing, times=None)
    single = emulator.fault("execution.get", kind="not found", times=None)
    session.time.sleep(unseen)
    for fault in (page, single):
        emulator.state.faults.remove(fault)
    if is_lost:
        text = message(CallError, lambda: training.finish(3600))
        assert "HTTP 404" in text
        assert not text.endswith("It may have been deleted.")
    else:
        assert training.finish(3600).status.value == "COMPLETED"


def test_execution_is_new_for_a_minute_and_no_longer(session: Session, emulator: Emulator) -> None:
    session.begin(29)
    training = session.training()
    training.start()
    emulator.fault("execution.query", status=200, body={"count": 0, "resources": []}, times=None)
    emulator.fault("execution.get", kind="not found", times=None)
    message(CallError, lambda: training.finish(3600))
    assert session.when("execution.get") == [1, 3, 7, 15, 31, 60, 89, 118]


def test_outage_begins_with_the_first_look_that_failed(session: Session, emulator: Emulator) -> None:
    emulator.script(unknown=0, pending=0, running=1000)
    training = session.training()
    training.start()
    emulator.fault("execution.*", status=403, times=2)
    session.time.sleep(2)
    emulator.fault("execution.query", status=429, retry_after=59.7, times=None)
    message(RunError, lambda: training.finish(3600))
    assert session.time.elapsed == 301.5


def test_status_that_nobody_knows_is_the_end_of_waiting(session: Session, emulator: Emulator) -> None:
    first, second = session.training(), session.training()
    first.start()
    second.start()
    emulator.script(execution=second.begin().execution_id, running=60)
    emulator.fault("execution.query", kind="unknown status", times=1)
    emulator.fault("execution.get", kind="unknown status", times=1)
    text = message(RunError, lambda: first.finish(3600))
    assert "the answer has the status 'SUSPENDED', which is unknown to the installed SDK." in text
    assert second.finish(3600).status.value == "COMPLETED"


@pytest.mark.parametrize(("out", "is_lost"), [(290, False), (340, True)])
def test_service_that_does_not_answer_for_five_minutes_is_not_waited_for(
    session: Session, emulator: Emulator, out: float, *, is_lost: bool
) -> None:
    emulator.script(unknown=0, pending=1.5, running=1000)
    training = session.training()
    training.start()
    session.time.sleep(4)
    began = emulator.now
    fault = emulator.fault("execution.*", status=503, times=None)
    session.time.sleep(out)
    emulator.state.faults.remove(fault)
    if not is_lost:
        assert training.finish(3600).status.value == "COMPLETED"
        return
    text = message(RunError, lambda: training.finish(3600))
    since = began.replace(second=7)
    assert text.startswith(
        f"execution {training.begin().execution_id} was RUNNING, and AI Core has not answered for it since"
        f" {since:%Y-%m-%d %H:%M:%S} UTC: could not list the executions at {AT}: "
    )
    assert text.endswith(
        "). Try again later. It may still run: the end of the session tries to stop it, and so does `pytest-aicore sweep`."
    )
    assert session.events("lost")
    assert session.executions == ["RUNNING"]


def test_outage_ends_five_minutes_after_it_began(session: Session, emulator: Emulator) -> None:
    emulator.script(unknown=0, pending=0, running=1000)
    session.begin(3)
    training = session.training()
    training.start()
    session.time.sleep(2)
    emulator.fault("execution.*", status=429, retry_after=3, times=None)
    message(RunError, lambda: training.finish(3600))
    # Since 3, every 6, 12, 24, 30, 30 ... seconds.
    assert session.when("execution.query")[1:6] == [3, 9, 21, 45, 75]
    assert session.time.elapsed == 315


def test_outage_of_five_minutes_is_long_enough(session: Session, emulator: Emulator) -> None:
    emulator.script(unknown=0, pending=0, running=1000)
    training = session.training()
    training.start()
    session.time.sleep(2)
    emulator.fault("execution.query", status=429, retry_after=50, times=None)
    message(RunError, lambda: training.finish(3600))
    assert session.time.elapsed == 303


def test_single_look_that_is_not_answered_leaves_the_service_alone(session: Session, emulator: Emulator) -> None:
    training = session.training()
    training.start()
    emulator.fault("execution.query", status=403, times=3)
    emulator.fault("execution.get", status=429, retry_after=20)
    assert training.finish(3600).status.value == "COMPLETED"
    assert session.when("execution.query")[:3] == [1, 21, 25]
    assert session.when("execution.get")[:2] == [1, 21]


def test_page_that_cannot_be_read_leaves_single_looks(session: Session, emulator: Emulator) -> None:
    training = session.training()
    training.start()
    emulator.fault("execution.query", status=200, body={"resources": None}, times=None)
    assert training.finish(3600).status.value == "COMPLETED"
    assert session.when("execution.get") == session.when("execution.query")
    assert session.when("execution.get")[:4] == [1, 3, 7, 12]


def test_who_does_not_answer_one_question_is_not_asked_the_next(session: Session, emulator: Emulator) -> None:
    first, second = session.training(), session.training()
    first.start()
    second.start()
    emulator.fault("execution.query", status=403, times=1)
    emulator.fault("execution.get", kind="connection reset", times=1)
    session.time.sleep(1.5)
    assert len(session.when("execution.get")) == 1
    assert [training.begin().trouble is not None for training in (first, second)] == [True, True]
    assert [training.finish(3600).status.value for training in (first, second)] == ["COMPLETED"] * 2


def test_watching_that_breaks_loses_all_and_says_so(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = session.enqueue(2)
    first.start()
    second.start()

    def break_down(*_: object) -> Any:
        raise LookupError("no such drawer")

    monkeypatch.setattr(session._api, "page", break_down)
    for training in (first, second):
        assert message(RunError, lambda: training.finish(3600)) == "polling failed (LookupError)."  # noqa: B023
    assert len(session.events("lost")) == 2
    monkeypatch.undo()
    assert session.executions == ["UNKNOWN", "UNKNOWN"]


# Giving up ----------------------------------------------------------------------------------------------------------


def test_run_that_takes_too_long_is_stopped(session: Session, emulator: Emulator) -> None:
    emulator.script(running=500)
    training = session.training(timeout=100)
    text = message(DeadlineError, lambda: training.finish(100))
    assert text == (
        f"execution {training.begin().execution_id} had not ended 100 s after its start: it was RUNNING. A longer training"
        " needs a longer timeout: timeout= in the marker, or --aicore-timeout. It is being stopped."
    )
    assert session.time.elapsed == 100
    assert session.executions == ["STOPPING"]
    (event,) = session.events("stopping")
    assert event["why"] == "its timeout expired. It is being stopped."
    assert (event["time"], event["seconds"]) == (session.time.now(), 83)  # it was first seen to run after 17 s
    assert event["executions"] == [training.begin().execution_id]


def test_run_that_another_test_waits_longer_for_is_not_stopped(session: Session, emulator: Emulator) -> None:
    emulator.script(running=500)
    training = session.training("patient", timeout=1000)
    session.fleet.want(training, "hasty", 100)
    text = message(DeadlineError, lambda: training.finish(100))
    assert text.endswith("timeout= in the marker, or --aicore-timeout.")
    assert session.executions == ["RUNNING"]
    assert training.finish(1000).status.value == "COMPLETED"


def test_run_that_no_test_said_to_need_is_stopped_as_well(session: Session, emulator: Emulator) -> None:
    emulator.script(running=500)
    emulator.script(unknown=0, pending=0)
    training = session.training(user=None)
    assert message(DeadlineError, lambda: training.finish(0.5)).endswith(" It is being stopped.")
    assert session.time.elapsed == 0.5


def test_what_was_paid_for_is_counted_by_the_service(
    session: Session, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.script(unknown=0, pending=0, running=5000)
    began = session.time.now()
    monkeypatch.setattr(session._api, "service_now", lambda: began + 3 * session.time.elapsed)
    training = session.training(timeout=100)
    message(DeadlineError, lambda: training.finish(100))
    assert [event["seconds"] for event in session.events("stopping")] == [300]
    assert training.begin().service_now == began + 300


def test_stopped_run_that_nobody_can_look_at_is_stopped_all_the_same(session: Session, emulator: Emulator) -> None:
    emulator.script(running=500)
    emulator.fault("execution.get", status=403, after=1)
    training = session.training(timeout=100)
    assert message(DeadlineError, lambda: training.finish(100)).endswith(" It is being stopped.")


def test_last_look_that_failed_is_known(session: Session, emulator: Emulator) -> None:
    emulator.script(running=500)
    training = session.training()
    training.start()
    session.time.sleep(99.5)
    emulator.fault("execution.get", status=503)
    assert "since then: could not get the execution" in message(DeadlineError, lambda: training.finish(100))
    assert training.begin().troubled_since == session.time.monotonic()


def test_run_goes_on_that_nobody_waits_for_at_the_moment(session: Session, emulator: Emulator) -> None:
    first, second = session.training(), session.training()
    first.start()
    second.start()
    emulator.script(execution=second.begin().execution_id, running=300)
    first.finish(3600)
    session.time.sleep(20)
    assert second.finish(3600).status.value == "COMPLETED"


def test_last_look_has_ten_seconds(session: Session, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    emulator.script(running=500)
    look, limits = session._api.execution, []

    def limited(execution: str) -> Any:
        limit = current()
        limits.append(limit.seconds if limit else None)
        return look(execution)

    monkeypatch.setattr(session._api, "execution", limited)
    message(DeadlineError, lambda: session.training(timeout=100).finish(100))
    assert limits == [10, None]  # the other one is what the report shows of what was stopped
    assert current() is None


def test_run_that_ends_at_the_last_moment_has_ended(session: Session, emulator: Emulator) -> None:
    emulator.script(unknown=1, pending=1, running=97.5)
    session.begin(60)
    training = session.training(timeout=100)
    assert training.finish(100).status.value == "COMPLETED"
    assert session.time.elapsed == 100
    assert session.when("execution.get") == [100]


def test_trouble_at_the_last_moment_is_told(session: Session, emulator: Emulator) -> None:
    emulator.script(running=500)
    training = session.training(timeout=100)
    training.start()
    session.time.sleep(90)
    emulator.fault("execution.*", status=503, times=None)
    text = message(DeadlineError, lambda: training.finish(100))
    assert "it was RUNNING when AI Core last answered, and since then: could not get the execution " in text
    assert "It could not be stopped: could not stop the execution " in text
    assert text.endswith(" `pytest-aicore sweep` tries again.")
    assert session.events("lost")


def test_time_of_pytest_timeout_ends_waiting_for_the_end(session: Session, emulator: Emulator) -> None:
    emulator.script(running=500)
    training = session.training(timeout=1000)
    training.start()
    session.fleet.guard = session.time.now() + 30
    text = message(DeadlineError, lambda: training.finish(1000))
    assert text == (
        f"execution {training.begin().execution_id} had not ended before pytest-timeout's limit for this test: it was"
        " RUNNING. Give the test a longer timeout. It is being stopped."
    )
    assert session.time.elapsed == 30


def test_time_of_pytest_timeout_ends_waiting_for_the_start(session: Session, emulator: Emulator) -> None:
    emulator.script(running=500)
    session.begin(5, 1)
    first, second = session.training(), session.training()
    first.start()
    session.fleet.guard = session.time.now() + 30
    assert message(DeadlineError, second.start) == (
        f"{WORKFLOW} had not been started before pytest-timeout's limit for this test. Give the test a longer timeout."
    )
    assert session.time.elapsed == 30


@pytest.mark.parametrize(("timeout", "patience"), [(100, 600), (700, 700)])
def test_start_is_not_waited_for_without_end(
    session: Session, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, timeout: float, patience: float
) -> None:
    monkeypatch.setattr(fleets, "_SHOW_SECONDS", 50.0)
    monkeypatch.setattr(runs, "_OTHERS_PAUSE", 20.0)
    emulator.script(running=10**6)
    session.begin(500, 1)
    first, second = session.training(), session.training(timeout=timeout)
    first.start()
    text = message(RunError, second.start)
    assert text == (
        f"{WORKFLOW} had not been started {patience:g} s after a test had asked for it: at most 1 executions run at once"
        " (--aicore-max-parallel), and none of them ended, or AI Core did not answer. It will not be started."
    )
    assert session.time.elapsed == patience
    session.fleet.release("test")
    session.time.sleep(100)
    assert len(session.executions) == 1
    assert message(RunError, second.start) == text


def test_start_that_is_given_up_is_not_made_when_its_turn_comes(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleets, "STARTING_SECONDS", 5)
    session.begin(5, 1)
    other = FileLedger(session.ledger.file, "one")
    run = other.begin("of another process", **session.facts).id
    other.write("intends", run=run, process="p", stage="execution", time=session.time.now())
    other.write("made", run=run, stage="execution", result={"id": "e001"})
    training = session.training(timeout=3)
    assert message(RunError, training.start).startswith(f"{WORKFLOW} had not been started 5 s after a test had asked")
    other.write("ended", run=run, status="COMPLETED", seconds=1.0)
    session.time.sleep(100)
    assert session.executions == []
    assert session.training().finish(3600).status.value == "COMPLETED"


def test_start_that_is_given_up_in_the_queue_is_not_made(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleets, "STARTING_SECONDS", 5)
    hang, page = Event(session.time), session._api.page
    monkeypatch.setattr(session._api, "page", lambda *how: hang.wait() and page(*how))
    first, second = session.training(), session.training(timeout=3)
    first.start()
    session.time.sleep(2)
    assert " had not been started 5 s after " in message(RunError, second.start)
    hang.set()
    session.time.sleep(5)
    assert len(session.executions) == 1
    assert first.finish(3600).status.value == "COMPLETED"


def test_start_that_is_given_up_on_its_way_is_left_to_the_end_of_the_session(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleets, "STARTING_SECONDS", 5)
    hang, start = Event(session.time), session._api.start_execution
    monkeypatch.setattr(session._api, "start_execution", lambda *how: hang.wait() and start(*how))
    training = session.training(timeout=3)
    assert " had not been started 5 s after " in message(RunError, training.start)
    assert session.events("lost") == []
    hang.set()
    session.time.sleep(100)
    assert len(session.executions) == 1
    (lost,) = session.events("lost")
    assert lost["run"] == training.record().entry.id  # type: ignore[attr-defined]
    assert session.when("execution.query") == []


def test_run_that_no_test_needs_any_more_is_stopped_at_once(session: Session, emulator: Emulator) -> None:
    emulator.script(running=500)
    (training,) = session.enqueue(user="a")
    session.fleet.want(training, "b", 100)
    session.time.sleep(30)
    session.fleet.release("a")
    session.time.sleep(0.5)
    assert session.executions == ["RUNNING"]
    assert not session.fleet.is_unwanted(training)
    session.fleet.release("b")
    session.time.sleep(0.5)
    assert session.executions == ["STOPPING"]
    assert session.fleet.is_unwanted(training)
    (event,) = session.events("stopping")
    assert event["why"] == "no remaining test needs it. It is being stopped."
    assert message(RunError, lambda: training.finish(3600)) == (
        f"execution {training.begin().execution_id}: it was stopped: no remaining test needs it."
    )


def test_run_that_no_test_needs_any_more_is_not_started(session: Session, emulator: Emulator) -> None:
    session.begin(5, 1)
    first, second, third = (session.training(user=user) for user in "abc")
    for training in (first, second, third):
        session.fleet.enqueue(training)
    session.time.sleep(0.5)
    session.fleet.release("b")
    session.fleet.release("stranger")
    assert third.finish(3600).status.value == "COMPLETED"
    session.time.sleep(5)
    assert len(session.executions) == 2
    assert not session.fleet.is_unwanted(second)


def test_who_needs_a_run_is_known(session: Session) -> None:
    training, other = session.training(user=None), session.training(user=None)
    session.fleet.want(training, "a", 1)
    session.fleet.want(training, "b", 1)
    assert session.fleet.users_of(training) == ["a", "b"]
    assert session.fleet.users_of(other) == []
    session.fleet.release("a")
    assert session.fleet.users_of(training) == ["b"]


@pytest.mark.parametrize(
    "do",
    [
        lambda fleet, training: fleet.want(training, "b", 1),
        lambda fleet, training: fleet.users_of(training),
        lambda fleet, training: fleet.enqueue(training),
        lambda fleet, training: fleet.release("b"),
    ],
    ids=["want", "users_of", "enqueue", "release"],
)
def test_one_thread_at_a_time_changes_who_needs_what(session: Session, do: Callable[[Fleet, Training], object]) -> None:
    entered, go, done = threading.Event(), threading.Event(), threading.Event()

    class Slow(str):
        __slots__ = ()

        def __hash__(self) -> int:
            entered.set()
            assert go.wait(10)
            return 0

    training = session.training(user="a")
    threads = [threading.Thread(target=session.fleet.release, args=(Slow("x"),))]
    threads[0].start()
    assert entered.wait(10)

    def second() -> None:
        do(session.fleet, training)
        done.set()

    threads.append(threading.Thread(target=second))
    threads[1].start()
    assert not done.wait(0.1)
    go.set()
    for thread in threads:
        thread.join(10)
    assert done.is_set()


def test_ended_run_is_not_stopped_when_it_is_released(session: Session) -> None:
    (training,) = session.enqueue(user="a")
    training.finish(3600)
    session.fleet.release("a")
    session.time.sleep(5)
    assert not session.fleet.is_unwanted(training)
    assert session.events("stopping") == []


def test_stopped_run_is_shown_as_it_is(session: Session, emulator: Emulator) -> None:
    emulator.script(running=500)
    training = session.training(timeout=100)
    message(DeadlineError, lambda: training.finish(100))
    watch = training.begin()
    assert watch.stopped == "its timeout expired"
    assert watch.last.status.value == "STOPPING"


# Budget -------------------------------------------------------------------------------------------------------------


def test_budget_that_is_spent_stops_everything(session: Session, emulator: Emulator) -> None:
    emulator.script(running=5000)
    session.begin(5, 2, 100)
    first, second, third = session.enqueue(3)
    text = message(RunError, lambda: first.finish(3600))
    assert text == (
        f"execution {first.begin().execution_id}: the budget of this session is spent: its executions have run for 100s"
        " together, and --aicore-budget allows 100s. What still ran was stopped."
    )
    assert "the budget of this session is spent" in message(RunError, lambda: second.finish(3600))
    assert message(RunError, third.start) == (
        f"{WORKFLOW} had not been started: the budget of this session is spent: its executions have run for 100s together,"
        " and --aicore-budget allows 100s. What still ran was stopped."
    )
    assert session.executions == ["STOPPING", "STOPPING"]
    whys = [event["why"] for event in session.events("stopping")]
    assert whys == ["the budget is spent. It is being stopped."] * 2


def test_nothing_is_started_any_more_when_the_budget_is_spent(session: Session, emulator: Emulator) -> None:
    emulator.script(unknown=0, pending=0, running=5000)
    session.begin(5, 2, 100)
    (first,) = session.enqueue()
    message(RunError, lambda: first.finish(3600))
    (second,) = session.enqueue()
    session.time.sleep(5)
    assert message(RunError, second.start).startswith(f"{WORKFLOW} had not been started: the budget of this session is")
    assert len(session.executions) == 1


def test_budget_is_that_of_all_processes_of_a_session(session: Session, emulator: Emulator) -> None:
    emulator.script(unknown=0, pending=0, running=5000)
    session.begin(5, 2, 100)
    training = session.training()
    training.start()
    session.time.sleep(10)
    other = FileLedger(session.ledger.file, "one")
    other.refresh()
    run = other.begin("of another process", **session.facts).id
    other.write("intends", run=run, process="p", stage="execution", time=session.time.now())
    other.write("made", run=run, stage="execution", result={"id": "e001"})
    other.write("running", run=run, time=session.time.now() - 50)
    text = message(RunError, lambda: training.finish(3600))
    assert "its executions have run for 100s together" in text
    assert session.time.elapsed == 30.5  # one has run since 1, the other since -40


@pytest.mark.parametrize(("budget", "spent"), [(100, 101), (62.5, 63.5)])
def test_budget_that_is_spent_between_two_looks_is_spent_then(
    session: Session, emulator: Emulator, budget: float, spent: float
) -> None:
    emulator.script(unknown=0, pending=0, running=5000)
    session.begin(1000, 2, budget)
    (training,) = session.enqueue()
    message(RunError, lambda: training.finish(3600))
    assert session.when("execution.query") == [1, 3, 7, 15, 31, 63]
    assert session.time.elapsed == spent
    session.time.sleep(1000)
    assert session.when("execution.modify") == [spent]


def test_budget_that_is_spent_on_what_cannot_be_stopped_keeps_nobody_busy(session: Session, emulator: Emulator) -> None:
    emulator.script(unknown=0, pending=0, running=5000)
    emulator.fault("execution.modify", status=403, times=None)
    session.begin(1000, 2, 100)
    (training,) = session.enqueue()
    text = message(RunError, lambda: training.finish(3600))
    begin = (
        f"execution {training.begin().execution_id}: the budget is spent. It could not be stopped: could not stop the"
    )
    assert text.startswith(begin)
    assert session.time.elapsed == 101
    asked = len(emulator.requests)
    session.time.sleep(1000)
    assert len(emulator.requests) == asked


# What others see ----------------------------------------------------------------------------------------------------


class Onlooker:
    """Records what it is shown."""

    def __init__(self, *, wants_logs: bool = False) -> None:
        self.wants_logs = wants_logs
        self.shown: list[Any] = []
        self.lines: list[str] = []

    def show(self, waited_for: Training, all_runs: Any) -> None:
        self.shown.append((waited_for, list(all_runs)))

    def add_logs(self, training: Training, lines: Any) -> None:
        self.lines += lines

    def done(self) -> None:
        self.shown.append("done")


def test_onlooker_is_shown_how_far_things_are(session: Session) -> None:
    onlooker = Onlooker()
    session.begin(5, 8, None, onlooker)
    first, second = session.enqueue(2)
    first.finish(3600)
    assert {each[0] for each in onlooker.shown[:-1]} == {first}
    assert onlooker.shown[-1] == "done"
    assert onlooker.shown.count("done") == 1
    seconds = [each for each in onlooker.shown if each == (first, [first, second]) or each == (first, [second, first])]
    assert len(seconds) >= 47
    second.finish(3600)


def test_onlooker_reads_the_log_of_what_is_waited_for(session: Session, emulator: Emulator) -> None:
    emulator.script(logs=["epoch 1", "epoch 2"], running=100)
    onlooker = Onlooker(wants_logs=True)
    session.begin(5, 8, None, onlooker)
    first, second = session.enqueue(2)
    second.start()
    first.finish(3600)
    assert [line for line in onlooker.lines if line.startswith("epoch")][:1] == ["epoch 1"]
    asked = len(session.when("execution.query_logs"))
    second.finish(3600)
    session.time.sleep(30)
    assert len(session.when("execution.query_logs")) - asked <= 2


def test_nothing_of_a_fleet_keeps_the_process_alive(session: Session, emulator: Emulator) -> None:
    session.begin(5, 8, None, Onlooker(wants_logs=True))
    session.enqueue(2)[0].finish(3600)
    assert sorted({thread.name for thread in session.time.threads}) == [
        "pytest-aicore fleet", "pytest-aicore launch", "pytest-aicore log",
    ]  # fmt: skip
    assert all(thread.daemon for thread in session.time.threads)


# The end ------------------------------------------------------------------------------------------------------------


def test_after_its_end_nothing_more_is_started(session: Session, emulator: Emulator) -> None:
    session.begin(5, 1)
    session.enqueue(3)
    session.time.sleep(3.5)
    session.fleet.close()
    session.time.closing._is_set = False
    session.time.sleep(100)
    session.time.closing._is_set = True
    assert len(session.executions) == 1
    assert session.when("execution.query") == [1, 3]
    session.enqueue()
    assert len(session.executions) == 1


def test_start_that_waits_ends_with_the_session(session: Session, emulator: Emulator) -> None:
    emulator.fault("execution.create", status=429, times=None)
    (training,) = session.enqueue()
    session.time.sleep(2)
    session.fleet.close()
    assert message(ClosingError, training.start) == "The session ends, so nothing more was started."
    assert session.executions == []
    assert session.events("failed") == []


@pytest.mark.parametrize("stuck", ["launch", "watch"])
def test_end_does_not_wait_for_what_hangs(
    session: Session, monkeypatch: pytest.MonkeyPatch, emulator: Emulator, stuck: str
) -> None:
    hang = Event(session.time)
    if stuck == "launch":
        monkeypatch.setattr(session._api, "start_execution", lambda *_: hang.wait())
        session.enqueue(2)
    else:
        monkeypatch.setattr(session._api, "page", lambda *_: hang.wait())
        session.training().start()
    session.time.sleep(2)
    session.fleet.close()
    assert session.time.elapsed == {"launch": 7, "watch": 3}[stuck]
    monkeypatch.undo()


def test_nothing_is_started_after_the_end_whoever_asks(session: Session) -> None:
    session.fleet.close()
    assert session.ledger.refusal() == "The session ends, so nothing more was started."


@pytest.mark.parametrize("daemon", [True, False])
@pytest.mark.parametrize("is_worker", [True, False])
def test_end_of_the_session_wakes_sleepers_and_interrupts_workers(*, is_worker: bool, daemon: bool) -> None:
    clock = FleetClock()
    clock.sleep(0)
    said: list[str] = []

    def sleep() -> None:
        try:
            with clock.of_worker() if is_worker else nullcontext():
                clock.sleep(60)
            said.append("woken")
        except ClosingError as error:
            said.append(str(error))

    thread = threading.Thread(target=sleep, daemon=daemon)
    thread.start()
    clock.closing.set()
    thread.join(10)
    assert said == ["The session ends, so nothing more was started." if is_worker else "woken"]


def test_thread_is_a_worker_for_as_long_as_it_says() -> None:
    clock = FleetClock()
    clock.closing.set()
    with pytest.raises(ClosingError), clock.of_worker():
        clock.sleep(60)
    clock.sleep(60)  # the thread that ends the session must be able to stop executions
