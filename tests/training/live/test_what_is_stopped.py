"""Stopping: whatever an execution's status is, and whatever the service says, it does not run on unsaid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_aicore.errors import RunError
from pytest_aicore.training.live.ledger import CONFIGURATION, EXECUTION, Entry, Stage
from pytest_aicore.training.live.stop import executions_of, settle, stop_execution
from pytest_aicore.training.service.failures import CallError
from pytest_aicore.training.service.transport import current

if TYPE_CHECKING:
    from pytest_aicore.emulator import Emulator
    from pytest_aicore.training.service.api import TrainingApi
    from tests.training.conftest import NotedClock

AT = "https://api.ai.aicore.invalid/v2/lm"
NOTHING: dict[str, Any] = {"status": 200, "body": {"count": 0, "resources": []}}


@pytest.fixture
def configuration(live_api: TrainingApi) -> str:
    """The id of a configuration that can be executed."""
    artifact = live_api.register_artifact("text-data", "dataset", "ai://default/data", "text-clf-tutorial", "", {})
    inputs = {"text-data": artifact.id}
    return str(live_api.create_configuration("c", "text-clf-tutorial", "text-clf-train-tutorial", {}, inputs).id)


@pytest.fixture
def execution(live_api: TrainingApi, configuration: str, clock: NotedClock) -> str:
    """The id of an execution in the status UNKNOWN; time stands still unless somebody sleeps."""
    clock.hold()
    return str(live_api.start_execution(configuration).id)


def status(emulator: Emulator, execution: str) -> str | None:
    """Return the status of an execution as it is now, None if there is none."""
    emulator.agenda.settle()
    found = emulator.state.groups["default"].executions.get(execution)
    return str(found.status) if found else None


def calls(emulator: Emulator) -> list[str]:
    """Return what was asked about executions since they were started."""
    asked = [each.operation for each in emulator.requests if each.operation.startswith("execution.")]
    return [each for each in asked if each != "execution.create"]


def when(emulator: Emulator, operation: str, do: Any) -> Any:
    """Do something, once, as soon as an operation has been answered; a context."""
    done: list[bool] = []

    def look(record: Any) -> None:
        if record.operation == operation and not done:
            done.append(True)
            do()

    return emulator.recording(look)


# One execution ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["PENDING", "RUNNING"])
def test_what_runs_is_stopped(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, configuration: str, before: str
) -> None:
    emulator.script(stuck_in=before, unknown=0, pending=0)
    execution = live_api.start_execution(configuration).id
    clock.advance(1)
    assert status(emulator, execution) == before
    assert stop_execution(live_api, clock, execution) == "is being stopped"
    assert status(emulator, execution) == "STOPPING"
    assert calls(emulator) == ["execution.modify"]


@pytest.mark.parametrize("final", ["COMPLETED", "DEAD", "STOPPED"])
def test_what_has_ended_is_not_stopped(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, configuration: str, final: str
) -> None:
    emulator.script(outcome=final)
    execution = live_api.start_execution(configuration).id
    clock.advance(3600)
    assert stop_execution(live_api, clock, execution) == f"has ended {final}"
    assert calls(emulator) == ["execution.modify", "execution.get"]
    assert clock.slept == [3600]


def test_what_is_being_stopped_is_not_stopped_again(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, execution: str
) -> None:
    emulator.script(execution=execution, stuck_in="STOPPING")
    clock.advance(30)
    live_api.stop(execution)
    assert status(emulator, execution) == "STOPPING"
    assert stop_execution(live_api, clock, execution) == "is being stopped"
    assert calls(emulator) == ["execution.modify", "execution.modify", "execution.get"]


def test_what_is_unknown_is_deleted(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, execution: str
) -> None:
    assert status(emulator, execution) == "UNKNOWN"
    assert stop_execution(live_api, clock, execution) == "is being deleted"
    assert calls(emulator) == ["execution.modify", "execution.get", "execution.delete"]
    clock.advance(60)
    assert status(emulator, execution) is None


def test_status_that_changes_between_two_questions_is_asked_for_again(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, execution: str
) -> None:
    with when(emulator, "execution.get", lambda: clock.advance(10)):
        assert stop_execution(live_api, clock, execution) == "is being stopped"
    assert calls(emulator) == ["execution.modify", "execution.get", "execution.delete", "execution.modify"]
    assert clock.slept == [10, 0.1]


def test_execution_that_runs_by_the_time_it_is_looked_at_is_stopped(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, execution: str
) -> None:
    with when(emulator, "execution.modify", lambda: clock.advance(10)):
        assert stop_execution(live_api, clock, execution) == "is being stopped"
    assert calls(emulator) == ["execution.modify", "execution.get", "execution.modify"]
    assert status(emulator, execution) == "STOPPING"


def test_status_that_the_sdk_does_not_know_is_asked_for_again(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, execution: str
) -> None:
    emulator.fault("execution.get", kind="unknown status", times=3)
    assert stop_execution(live_api, clock, execution) == "is being deleted"
    assert clock.slept == [0.1] * 3


def test_status_that_keeps_changing_is_an_error_after_half_a_minute(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, execution: str
) -> None:
    emulator.fault("execution.get", kind="unknown status", times=None)
    emulator.script(execution=execution, stuck_in="UNKNOWN")
    began = clock.now()

    def take_time(record: Any) -> None:
        if record.operation == "execution.get":
            clock.advance(2.95)

    with emulator.recording(take_time), pytest.raises(CallError) as caught:
        stop_execution(live_api, clock, execution)
    assert str(caught.value) == (
        f"the execution {execution} could be neither stopped nor deleted in 30 s: its status kept changing."
    )
    assert clock.slept == [2.95, 0.1] * 9 + [2.95]
    assert clock.now() - began == pytest.approx(30.4)


def test_execution_that_does_not_exist_is_asked_for_four_times(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock
) -> None:
    assert stop_execution(live_api, clock, "e000000000000000") == "does not exist"
    assert calls(emulator) == ["execution.modify"] * 4
    assert clock.slept == [1, 1, 1]


def test_execution_that_is_found_a_moment_later_is_stopped(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, execution: str
) -> None:
    emulator.fault("execution.modify", kind="not found", times=3)
    clock.advance(27)
    assert stop_execution(live_api, clock, execution) == "is being stopped"
    assert status(emulator, execution) == "STOPPING"
    assert clock.slept == [27, 1, 1, 1]


@pytest.mark.parametrize("call", ["execution.modify", "execution.get", "execution.delete"])
@pytest.mark.parametrize(
    ("fault", "pauses"),
    [
        ({"status": 503, "times": 2}, [1, 1]),
        ({"status": 429, "retry_after": 4, "times": 1}, [4]),
        ({"status": 429, "retry_after": 0.1, "times": 1}, [1]),
        ({"kind": "connection reset", "times": 1}, [1]),
        ({"kind": "not found", "times": 1}, [1]),
    ],
)
def test_service_that_is_busy_is_asked_again(
    live_api: TrainingApi,
    emulator: Emulator,
    clock: NotedClock,
    execution: str,
    call: str,
    fault: dict[str, Any],
    pauses: list[float],
) -> None:
    emulator.script(execution=execution, stuck_in="UNKNOWN")
    emulator.fault(call, **fault)
    assert stop_execution(live_api, clock, execution) == "is being deleted"
    assert clock.slept == pauses


@pytest.mark.parametrize("call", ["stop", "get", "delete"])
@pytest.mark.parametrize("code", [401, 403])
def test_service_that_refuses_is_not_asked_again(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, execution: str, call: str, code: int
) -> None:
    emulator.fault(f"execution.{'modify' if call == 'stop' else call}", status=code, times=None)
    with pytest.raises(CallError, match=f"^could not {call} the execution {execution} at ") as caught:
        stop_execution(live_api, clock, execution)
    assert (caught.value.status, clock.slept) == (code, [])


def test_look_that_is_refused_otherwise_is_an_error(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, execution: str
) -> None:
    emulator.fault("execution.get", status=400, times=None)
    with pytest.raises(CallError, match=r"^could not get the execution "):
        stop_execution(live_api, clock, execution)
    assert clock.slept == []


@pytest.mark.parametrize(("retry_after", "slept"), [(None, [1] * 30), (7, [7] * 4), (3600, [8] * 3)])
def test_service_that_stays_busy_is_given_up_after_half_a_minute(
    live_api: TrainingApi,
    emulator: Emulator,
    clock: NotedClock,
    execution: str,
    retry_after: float | None,
    slept: list[float],
) -> None:
    emulator.fault("execution.modify", status=503, retry_after=retry_after, times=None)
    with pytest.raises(CallError) as caught:
        stop_execution(live_api, clock, execution)
    assert str(caught.value).startswith(
        f"could not stop the execution {execution} at {AT}: Service unavailable (HTTP 503"
    )
    assert clock.slept == slept


class Busy:
    """A service that is busy, and takes down how much time it is given."""

    def __init__(self, clock: NotedClock, took: float) -> None:
        self._clock = clock
        self._took = took
        self.limits: list[float] = []

    def stop(self, _: str) -> None:
        limit = current()
        assert limit is not None
        self.limits.append(limit.seconds)
        self._clock.advance(self._took)
        raise CallError("busy", 503, transient=True)


def test_whole_of_stopping_has_half_a_minute_and_the_last_attempt_a_second(clock: NotedClock) -> None:
    busy = Busy(clock, 6.123456)
    with pytest.raises(CallError):
        stop_execution(cast("TrainingApi", busy), clock, "e001")
    assert busy.limits == [30, 22.88, 15.75, 8.63, 1.51]
    slow = Busy(clock, 13.75)
    with pytest.raises(CallError):
        stop_execution(cast("TrainingApi", slow), clock, "e001")
    assert slow.limits == [30, 15.25, 1]
    assert current() is None


# What a run of the ledger has ---------------------------------------------------------------------------------------


def entry(**execution: Any) -> Entry:
    """Return a run of the ledger whose execution was about to be started by a process that is gone."""
    made = Entry("r1", "s1", "key", {})
    made.stages[EXECUTION] = Stage("p1", **execution)
    return made


class Notes(list[Any]):
    """Takes down what is done."""

    def __call__(self, event: str, **facts: object) -> None:
        self.append((event, facts))


def test_id_that_is_known_is_not_asked_for(live_api: TrainingApi, emulator: Emulator, clock: NotedClock) -> None:
    assert executions_of(live_api, clock, entry(result={"id": "e1"}), {"e1"}) == ["e1"]
    assert list(emulator.requests) == []


@pytest.mark.parametrize("known", ["intent", "result"])
def test_executions_are_found_by_their_configuration(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, configuration: str, known: str
) -> None:
    clock.hold()
    ids = []
    for _ in range(4):
        ids.append(live_api.start_execution(configuration).id)
        clock.advance(1)
    run = entry(intent={"others": [ids[0]]})
    if known == "intent":
        run.stages[EXECUTION].intent["configuration"] = configuration
    else:
        run.stages[CONFIGURATION].result = {"id": configuration}
    emulator.fault("execution.query", status=503, times=2)
    assert executions_of(live_api, clock, run, {ids[2]}) == [ids[3], ids[1]]
    assert clock.slept[-2:] == [1, 2]


def test_run_without_configuration_has_no_executions(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock
) -> None:
    assert executions_of(live_api, clock, entry(), ()) == []
    assert list(emulator.requests) == []


def test_executions_are_looked_for_no_longer_than_half_a_minute(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, configuration: str
) -> None:
    emulator.fault("execution.query", status=503, times=None)
    with pytest.raises(CallError, match=f"^could not search for executions of the configuration {configuration} at "):
        executions_of(live_api, clock, entry(intent={"configuration": configuration}), ())
    assert clock.slept == [1, 2, 4, 8, 8, 7]


def test_what_a_run_has_is_stopped_and_taken_down(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, configuration: str
) -> None:
    clock.hold()
    ids = [live_api.start_execution(configuration).id for _ in range(3)]
    clock.advance(30)
    notes = Notes()
    run = entry(intent={"configuration": configuration}, since=clock.now())
    outcomes = settle(live_api, clock, run, notes, {ids[1]})
    assert sorted(outcomes) == sorted([(ids[0], "is being stopped"), (ids[2], "is being stopped")])
    assert notes == [("stopping", {"time": clock.now(), "seconds": 0.0, "executions": [each for each, _ in outcomes]})]
    assert [status(emulator, each) for each in ids] == ["STOPPING", "RUNNING", "STOPPING"]


@pytest.mark.parametrize(
    ("known", "seconds"), [({"began": 500.0}, 40.0), ({"running_ticks": -20.0}, 20.0)], ids=["service", "machine"]
)
def test_time_that_was_paid_for_is_taken_down(
    live_api: TrainingApi,
    clock: NotedClock,
    execution: str,
    monkeypatch: pytest.MonkeyPatch,
    known: dict[str, float],
    seconds: float,
) -> None:
    monkeypatch.setattr(live_api, "service_now", lambda: 540.0)
    run = entry(result={"id": execution})
    for name, value in known.items():
        setattr(run, name, value + (clock.monotonic() if name == "running_ticks" else 0.0))
    notes = Notes()
    settle(live_api, clock, run, notes)
    ((_, facts),) = notes
    assert facts["seconds"] == seconds


def test_nothing_is_taken_down_of_what_could_not_be_stopped(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, execution: str
) -> None:
    emulator.fault("execution.modify", status=403, times=None)
    notes = Notes()
    with pytest.raises(RunError, match=r"^could not stop "):
        settle(live_api, clock, entry(result={"id": execution}), notes)
    assert notes == []


@pytest.mark.parametrize("appears", [1, 5, 15])
def test_execution_that_appears_while_it_may_is_stopped(
    live_api: TrainingApi,
    emulator: Emulator,
    clock: NotedClock,
    configuration: str,
    execution: str,
    appears: int,
) -> None:
    emulator.script(execution=execution, stuck_in="UNKNOWN")
    emulator.fault("execution.query", **NOTHING, times=appears)
    notes = Notes()
    run = entry(intent={"configuration": configuration}, since=clock.now())
    assert settle(live_api, clock, run, notes) == [(execution, "is being deleted")]
    assert clock.slept == [1] * appears
    assert [event for event, _ in notes] == ["stopping"]


@pytest.mark.parametrize(
    ("ago", "failure", "slept", "noted"),
    [
        (0, None, 16, []),
        (-100, None, 16, []),
        (15, None, 1, []),
        (15.5, None, 0, []),
        (60, None, 0, []),
        (60.5, None, 0, ["gone"]),
        (1, "it failed", 0, []),
        (61, "it failed", 0, ["gone"]),
    ],
    ids=["now", "ahead", "may appear", "may not", "not yet given up", "given up", "failed", "failed long ago"],
)
def test_execution_that_nobody_finds(
    live_api: TrainingApi,
    emulator: Emulator,
    clock: NotedClock,
    configuration: str,
    ago: float,
    failure: str | None,
    slept: int,
    noted: list[str],
) -> None:
    notes = Notes()
    run = entry(intent={"configuration": configuration}, since=clock.now() - ago, failure=failure, in_doubt=True)
    assert settle(live_api, clock, run, notes) == []
    assert clock.slept == [1] * slept
    assert [event for event, _ in notes] == noted
