"""Dates that jump, services that are gone, gateways that know nothing: a session ends as it should, and in time."""

from __future__ import annotations

import re
import signal
import time
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from ai_api_client_sdk.models.status import Status
from ai_api_client_sdk.models.target_status import TargetStatus

from pytest_aicore.emulator.api.dispatch import Dispatcher
from pytest_aicore.http.exchange import Response
from pytest_aicore.training.clock import RealClock
from pytest_aicore.training.live import fleet
from pytest_aicore.training.live.budget import Budget
from pytest_aicore.training.live.ledger import EXECUTION, Entry, FileLedger, Stage
from pytest_aicore.training.live.stop import stop_execution
from pytest_aicore.training.service.api import TrainingApi
from pytest_aicore.training.service.credentials import from_service_key
from pytest_aicore.training.service.failures import CallError
from pytest_aicore.training.service.sdk import make_patient_client
from pytest_aicore.training.service.service_time import ServiceTime
from pytest_aicore.training.watcher import Watch, Watcher
from tests.training.live.sessions.processes import LiveProcess, wait_until
from tests.training.live.sessions.proxies import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.training.live.sessions.conftest import Service

pytestmark = pytest.mark.once

HOUR = 3600.0


class Clock:
    """A machine whose date somebody sets."""

    def __init__(self, date: float = 10**9, ticks: float = 500.0) -> None:
        self.date = date
        self.ticks = ticks
        self.slept: list[float] = []

    def now(self) -> float:
        return self.date

    def monotonic(self) -> float:
        return self.ticks

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.date += seconds
        self.ticks += seconds


# The date of this machine jumps -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("jump", "moment"),
    [
        *((jump, moment) for jump in (-HOUR, 2 * HOUR) for moment in ("execution.create", "execution.query")),
        (-24 * HOUR, "configuration.create"),
    ],
)
def test_session_whose_date_jumps_ends_as_without(
    live: Callable[..., pytest.RunResult],
    service: Service,
    ledger: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    jump: float,
) -> None:
    date, jumped = time.time, [0.0]

    def now(*_: object) -> float:
        return date() + jumped[0]

    monkeypatch.setattr(time, "time", now)
    monkeypatch.setattr(RealClock, "now", now)

    def set_date(record: Any) -> None:
        if record.operation == moment:
            jumped[0] = jump

    with service.emulator.recording(set_date):
        result = live(
            """
@pytest.mark.aicore(fresh=True)
@pytest.mark.parametrize("n", range(2))
def test_it(aicore_execution, n):
    times = [seen.time for seen in aicore_execution.history]
    assert times == sorted(times)
    assert (times[-1] - times[0]).total_seconds() < 60
    assert aicore_execution.duration < 60
""",
            "--aicore-budget=45m",
            "--aicore-timeout=20",
        )
    assert jumped == [jump]
    result.assert_outcomes(passed=2)
    assert service.statuses() == ["COMPLETED"] * 2
    assert all(0 < line["seconds"] < 60 for line in ledger() if line["event"] == "ended")
    assert {line["event"] for line in ledger()} >= {"ended", "closed"}
    assert not {line["event"] for line in ledger()} & {"stopping", "lost", "gone"}


@pytest.mark.parametrize("jump", [0.0, -HOUR, 2 * HOUR, -24 * HOUR])
def test_waiting_counts_what_passes_whatever_the_date_is(jump: float) -> None:
    clock = Clock()
    watch = Watch("e1", clock.now(), Status.UNKNOWN, clock.monotonic())
    answers = iter(["PENDING", "RUNNING", "RUNNING", "COMPLETED"])

    def execution(_: str) -> Any:
        clock.date += jump
        return SimpleNamespace(
            status=Status(next(answers)), target_status=TargetStatus.COMPLETED, start_time=None, completion_time=None
        )

    api = cast("TrainingApi", SimpleNamespace(execution=execution))
    Watcher(api, clock, 5.0).wait(watch, 60)
    assert [(seen.status.value, seen.time.timestamp() - 10**9) for seen in watch.history] == [
        ("UNKNOWN", 0),
        ("PENDING", 0),
        ("RUNNING", 5),
        ("COMPLETED", 15),
    ]
    assert (watch.took, watch.ran) == (15, 10)


@pytest.mark.parametrize(
    ("since", "ticks", "age"),
    [
        (10**9 - 20, 480.0, 20),  # as it should be
        (10**9 + HOUR - 20, 480.0, 0),  # the date was set back since: who waits for an age begins to count
        (10**9 - 2 * HOUR - 20, 480.0, 20),  # it was set forward
        (10**9 - 20, 9000.0, 20),  # the machine was started anew
        (10**9 - 20, None, 20),  # an old ledger
        (10**9 + HOUR, None, 0),
    ],
)
def test_age_of_what_another_process_began(since: float, ticks: float | None, age: float) -> None:
    assert Stage("p", since=since, ticks=ticks).age(Clock()) == age


# AI Core does not answer ------------------------------------------------------------------------------------------


@pytest.fixture
def api(service: Service) -> TrainingApi:
    """The calls of runs on the service."""
    return TrainingApi(lambda: make_patient_client(from_service_key(service.server.service_key, "test"), "default"))


def gone_while_running(service: Service, *calls: str) -> Callable[[Any], None]:
    """Return what lets calls fail once an execution was seen to run, for ever."""
    done: list[bool] = []

    def fail(record: Any) -> None:
        if record.operation == "execution.query" and service.calls.count("execution.query") == 3 and not done:
            done.append(True)
            for call in calls:
                service.emulator.fault(call, status=503, body="upstream connect error", times=None)

    return fail


@pytest.mark.parametrize("pace", ["real"])
@pytest.mark.parametrize(
    ("calls", "last"),
    [
        (("execution.query", "execution.get"), "list the executions"),
        (("*",), "list the executions"),
    ],
)
def test_outage_is_not_waited_for_until_the_timeout(
    live: Callable[..., pytest.RunResult],
    service: Service,
    ledger: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    calls: tuple[str, ...],
    last: str,
) -> None:
    monkeypatch.setattr(fleet, "OUTAGE_PATIENCE", 0.5)
    monkeypatch.setattr("pytest_aicore.training.live.stop.PATIENCE", 1.0)
    service.emulator.script(unknown=0, pending=0, running=10**7)
    began = time.monotonic()
    with service.emulator.recording(gone_while_running(service, *calls)):
        result = live("def test_a(aicore_execution): pass\ndef test_b(aicore_execution): pass")
    assert time.monotonic() - began < 20
    result.assert_outcomes(errors=2)
    result.stdout.re_match_lines(
        [
            (
                r"execution e\w+ was RUNNING, and AI Core has not answered for it since \d{4}-\d\d-\d\d"
                rf" \d\d:\d\d:\d\d UTC: could not {last} at http://.*: upstream connect error \(HTTP 503\)\. Try"
                r" again later\. It may still run: the end of the session tries to stop it, and so does"
                r" `pytest-aicore sweep`\."
            )
        ]
        * 2
    )
    events = [line["event"] for line in ledger()]
    assert "lost" in events
    stopped = len(calls) > 1
    assert (service.unwatched() == []) is stopped
    assert ("stopping" in events, "closed" in events) == (stopped, stopped)
    if not stopped:
        result.stdout.re_match_lines(
            [
                (
                    r"aicore: a run of training_workflow_tutorial\.yaml may still run, and could not be stopped: could"
                    r" not stop the execution e\w+ at .*: upstream connect error \(HTTP 503\)\. Try again later\."
                ),
                r"aicore: `pytest-aicore sweep` tries again to stop what may still run\.",
            ]
        )


@pytest.mark.parametrize("pace", ["real"])
def test_start_is_not_waited_for_without_end(
    live: Callable[..., pytest.RunResult], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs for a later test, and does not end, keeps the only place."""
    monkeypatch.setattr(fleet, "STARTING_SECONDS", 0.5)
    service.emulator.script(unknown=0, pending=0, running=10**7)
    result = live(
        """
def test_a(aicore_client, aicore_run):
    while aicore_client.execution.count() < 1: pass
    aicore_run(fresh=True).execution

def test_b(aicore_execution): pass
""",
        "--aicore-max-parallel=1",
        "--aicore-timeout=1",
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            (
                "E *RunError: training_workflow_tutorial.yaml had not been started 1 s after a test had asked for it:"
                " at most 1 executions run at once (--aicore-max-parallel), and none of them ended, or AI Core did not"
                " answer. It will not be started."
            )
        ]
    )
    assert len(service.executions()) == 1
    assert service.unwatched() == []


@pytest.mark.parametrize("call", ["execution.create", "token"])
def test_end_of_a_session_does_not_wait_for_a_call_that_drips(
    project: pytest.Pytester, service: Service, live_arguments: list[str], call: str
) -> None:
    """Ctrl-C in the middle of it; what was started although nobody knows it is found by its configuration."""
    request = {"execution.create": "POST /v2/lm/executions ", "token": "POST /oauth/token"}[call]
    service.emulator.script(unknown=0, pending=0, running=10**7)
    with Proxy(service.server.port) as proxy:
        key = project.path / "key.json"
        key.write_text(key.read_text().replace(str(service.server.port), str(proxy.port)))
        proxy.drip(request, 1)
        project.makepyfile(
            test_it="""
import pytest
@pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})
def test_it(aicore_execution): pass
"""
        )
        with LiveProcess(project.path, live_arguments) as session:
            operation = {"execution.create": "execution.create"}.get(call, "token")
            wait_until(lambda: any(each.operation == operation for each in list(service.emulator.requests)), call)
            began = time.monotonic()
            session.send(signal.SIGINT)
            session.wait()
            assert time.monotonic() - began < 30
            assert "Traceback" not in session.text
            assert "KeyboardInterrupt" in session.text
    assert len(service.executions()) == (call == "execution.create")
    assert service.unwatched() == []


# A gateway answers in AI Core's place -----------------------------------------------------------------------------


def started(api: TrainingApi) -> str:
    scenario, executable = "text-clf-tutorial", "text-clf-train-tutorial"
    artifact = api.register_artifact("text-data", "dataset", "ai://default/data", scenario, "", {})
    configuration = api.create_configuration("c", scenario, executable, {}, {"text-data": artifact.id})
    return str(api.start_execution(configuration.id).id)


GATEWAYS = {
    "empty": b"",
    "text": "no healthy upstream",
    "HTML": "<html><body><h1>404 Not Found</h1></body></html>",
    "its own JSON": {"error": {"code": 404, "message": "no Route matched with those values"}},
    "its own code": {"error": {"code": "404", "message": "route not found"}},
    "other JSON": {"message": "no Route matched with those values"},
    "error as text": {"error": "not found"},
    "list": [],
}


@pytest.mark.parametrize("answer", GATEWAYS)
def test_404_of_a_gateway_does_not_say_that_an_execution_is_gone(
    api: TrainingApi, service: Service, answer: str
) -> None:
    service.emulator.script(unknown=0, pending=0, running=10**7)
    execution = started(api)
    service.emulator.fault("execution.modify", status=404, body=GATEWAYS[answer], times=6)
    clock = Clock()
    assert stop_execution(api, clock, execution) == "is being stopped"
    assert clock.slept == [1.0] * 6
    service.emulator.fault("execution.get", status=404, body=GATEWAYS[answer], times=1)
    with pytest.raises(CallError) as caught:
        api.execution(execution)
    error = caught.value
    assert (error.status, error.transient, error.is_missing, error.is_of_a_gateway) == (404, True, False, True)
    assert "The gateway answered 404 for this path, not AI Core: check the base URL, which must end in /v2" in str(
        error
    )


def test_404_of_ai_core_says_that_an_execution_is_gone(api: TrainingApi) -> None:
    clock = Clock()
    assert stop_execution(api, clock, "e0123456789abcde") == "does not exist"
    assert clock.slept == [1.0] * 3
    with pytest.raises(CallError) as caught:
        api.execution("e0123456789abcde")
    assert (caught.value.transient, caught.value.is_missing, caught.value.is_of_a_gateway) == (False, True, False)


# What a run costs -------------------------------------------------------------------------------------------------


def gmt(seconds: float) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds))


@pytest.mark.parametrize(
    ("dates", "now"),
    [
        ([], None),
        ([10**9], None),
        ([10**9, 10**9 + 1], 10**9 + 1),  # a second has passed since either
        ([10**9, 10**9 + 60, 10**9 + 120], 10**9 + 61),  # at a pace: the earlier of the two newest
        ([10**9, 10**9 + 1, 4 * 10**9, 10**9 + 3], 10**9 + 3),  # a wild one
        ([10**9, 10**9 + 1, 4 * 10**9], 10**9 + 2),
        ([10**9, None, "nonsense", "Wed, 99 Oct 2105 07:28:10 GMT", 10**9 + 4], 10**9 + 4),
    ],
)
def test_time_of_the_service_is_what_two_answers_say(dates: list[Any], now: float | None) -> None:
    ticks = iter(range(100))
    service_time = ServiceTime(lambda: next(ticks))
    for date in dates:
        service_time.add(gmt(date) if isinstance(date, (int, float)) else date)
    found = service_time.now()
    assert found is None if now is None else found is not None and abs(found - now) <= 2


def entry(tmp_path: Path, *lines: dict[str, Any]) -> Entry:
    """Return an entry of a ledger that has some lines."""
    ledger = FileLedger(tmp_path / "ledger.jsonl", "s")
    ledger.write("run", run="r", session="s", key="k", host="h", resource_group="g", workflow="w", time=10**9)
    ledger.write("intends", run="r", process="s-1", stage=EXECUTION, configuration="c1", time=10**9)
    for line in lines:
        ledger.write(line.pop("event"), run="r", **line)
    ledger.refresh()
    return ledger.entries["r"]


RUNNING = {"event": "running", "time": 10**9 - 50, "ticks": 480.0, "began": 2 * 10**9}


@pytest.mark.parametrize(
    ("lines", "service_now", "seconds"),
    [
        ([], None, 0),
        ([RUNNING], 2 * 10**9 + 600, 600),  # by the service's own clock
        ([RUNNING], None, 20),  # it does not tell its time
        ([RUNNING], 2 * 10**9 - 5, 20),  # it tells another one
        ([{**RUNNING, "began": None}], 2 * 10**9 + 600, 20),
        ([{**RUNNING, "began": None, "ticks": 9000.0}], None, 50),  # the machine was started anew
        ([{"event": "running", "time": 10**9 - 50}], None, 50),  # an old ledger
        ([{"event": "running", "time": 10**9 + 50}], None, 0),
        ([RUNNING, {"event": "stopping", "time": 10**9, "seconds": 7.0}], 2 * 10**9 + 600, 7),
        ([{"event": "running", "time": 10**9 - 50}, {"event": "stopping", "time": 10**9}], None, 50),
        ([RUNNING, {"event": "ended", "status": "COMPLETED", "seconds": 5}], 2 * 10**9 + 600, 5),
    ],
)
def test_what_an_execution_has_run(
    tmp_path: Path, lines: list[dict[str, Any]], service_now: float | None, seconds: float
) -> None:
    found = entry(tmp_path, *(dict(line) for line in lines))
    assert found.ran(Clock(), service_now) == seconds
    budget = Budget(seconds + 10.0, lambda: [found], Clock(), lambda: service_now)
    assert budget.why_spent() is None
    assert budget.lasts() == (10.0 if found.is_open and found.running_since is not None else float("inf"))
    assert Budget(seconds or 0.0, lambda: [found], Clock(), lambda: service_now).why_spent() is not None


@pytest.mark.parametrize("pace", ["60x"])
def test_budget_at_a_pace_counts_the_service_s_time(
    live: Callable[..., pytest.RunResult], service: Service, ledger: Callable[[], list[dict[str, Any]]]
) -> None:
    """Two minutes there are two seconds here."""
    service.emulator.script(unknown=0, pending=0, running=10**7)
    result = live("def test_it(aicore_execution): pass", "--aicore-budget=2m")
    result.assert_outcomes(errors=1)
    (stopped,) = [line for line in ledger() if line["event"] == "stopping"]
    assert 120 <= stopped["seconds"] < 1800
    (spent,) = {line.partition(": ")[2] for line in result.outlines if "budget of this session is spent" in line}
    used = re.search(r"executions have run for (?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)? together", spent)
    assert used is not None
    hours, minutes, seconds = (int(part or 0) for part in used.groups())
    assert 120 <= hours * 3600 + minutes * 60 + seconds < 1800


@pytest.mark.parametrize("pace", ["60x"])
def test_what_is_within_the_budget_at_a_pace_is_not_stopped(
    live: Callable[..., pytest.RunResult], service: Service, ledger: Callable[[], list[dict[str, Any]]]
) -> None:
    service.emulator.script(unknown=0, pending=0, running=30)
    result = live(
        """
@pytest.mark.aicore(fresh=True)
@pytest.mark.parametrize("n", range(3))
def test_it(aicore_execution, n): pass
""",
        "--aicore-budget=5m",
    )
    result.assert_outcomes(passed=3)
    assert [line["seconds"] for line in ledger() if line["event"] == "ended"] == [30] * 3


YEAR_1 = datetime(1, 1, 1, tzinfo=timezone.utc)


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(2 * 10**9 + seconds, timezone.utc)


@pytest.mark.parametrize(
    ("created", "start", "completion", "since", "lasted"),
    [
        (at(1), at(10), at(55), 10, 45),  # as it should be
        (at(1), at(10), None, 10, None),
        (at(1), None, at(55), None, None),
        (at(1), YEAR_1, at(55), 0, None),  # what Go writes for a time that it does not know
        (YEAR_1, YEAR_1, at(55), 0, None),
        (at(1), at(10), at(10**9), 10, None),  # the end is in the future
        (at(1), at(10), at(5), 10, None),
        (at(1), at(10), YEAR_1, 10, None),
        (at(10**9), at(10), at(55), 10, None),  # the beginning is
        (at(1), at(10**9), at(55), 10**9, None),
    ],
)
def test_times_of_the_service_that_cannot_be_right_do_not_count(
    created: datetime, start: datetime | None, completion: datetime | None, since: float | None, lasted: float | None
) -> None:
    watch = Watch("e1", 10**9, Status.RUNNING, 500.0, service_began=2 * 10**9)
    found = SimpleNamespace(
        status=Status.COMPLETED, created_at=created, start_time=start, completion_time=completion, id="e1"
    )
    watch.see(cast("Any", found), 560.0, 2 * 10**9 + 60)
    assert watch.lasted == lasted
    assert watch.running_since == (None if since is None else 2 * 10**9 + since)
    assert watch.ran == (lasted or (60 if completion else 50))


@pytest.mark.parametrize("pace", ["60x"])
def test_budget_is_not_spent_by_a_start_in_the_year_1(
    live: Callable[..., pytest.RunResult],
    ledger: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve = Dispatcher._served

    def served(self: Dispatcher, *args: Any, **how: Any) -> Any:
        answer = serve(self, *args, **how)
        assert isinstance(answer, Response)
        answer.body = re.sub(rb'"startTime": ?"[^"]+"', b'"startTime": "0001-01-01T00:00:00Z"', answer.body)
        return answer

    monkeypatch.setattr(Dispatcher, "_served", served)
    live("def test_it(aicore_execution): pass", "--aicore-budget=45m").assert_outcomes(passed=1)
    (seconds,) = [line["seconds"] for line in ledger() if line["event"] == "ended"]
    assert 0 < seconds < 45 * 60
