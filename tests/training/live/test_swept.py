"""What `pytest-aicore sweep` stops and leaves, counts and says, on the emulator and by its clock."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.cli import sweep as sweeping
from pytest_aicore.errors import AicoreError
from pytest_aicore.training.live.ledger import EXECUTION, FileLedger
from pytest_aicore.training.service import credentials

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_aicore.emulator import Emulator
    from pytest_aicore.training.service.api import TrainingApi
    from tests.training.conftest import NotedClock

    Swept = tuple[int, list[str]]
    Sweep = Callable[..., Swept]

HOST = "https://api.ai.aicore.invalid"
PLACE = f"the resource group default at {HOST}"
HOUR = 3600.0


@pytest.fixture(autouse=True)
def _of_the_emulator(monkeypatch: pytest.MonkeyPatch, clock: NotedClock) -> None:
    monkeypatch.setattr(credentials, "resource_group_of_profile", lambda: None)
    monkeypatch.setattr(sweeping, "RealClock", lambda: clock)
    clock.hold()


@pytest.fixture
def key(emulator: Emulator, tmp_path: Path) -> Path:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(emulator.service_key), encoding="utf-8")
    return file


@pytest.fixture
def sweep(key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Sweep:
    """Sweep, and return the exit status and the lines that were printed."""

    def sweep(**how: Any) -> Swept:
        usual = {"service_key": key, "resource_group": None, "older_than": None, "dry_run": False}
        status = sweeping.sweep(ledger_file=tmp_path / "ledger.jsonl", **{**usual, **how})
        return status, capsys.readouterr().out.replace(str(tmp_path), "TMP").splitlines()

    return sweep


@pytest.fixture
def start(live_api: TrainingApi, emulator: Emulator) -> Callable[..., tuple[str, str]]:
    """Start an execution that runs on, and return the ids of its configuration and of itself."""

    def start(name: str = "pytest-aicore x", running: float = 10**7) -> tuple[str, str]:
        emulator.state.scripts.clear()
        emulator.script(unknown=0, pending=0, running=running)
        artifact = live_api.register_artifact("text-data", "dataset", "ai://default/b", "text-clf-tutorial", "", {})
        made = live_api.create_configuration(
            name, "text-clf-tutorial", "text-clf-train-tutorial", {}, {"text-data": artifact.id}
        )
        return made.id, live_api.start_execution(made.id).id

    return start


@pytest.fixture
def remember(tmp_path: Path, clock: NotedClock) -> Callable[..., str]:
    """Have the ledger remember a run, and return its id."""

    def remember(
        execution: str | None, *events: str, configuration: str = "c001", session: str = "gone", **facts: Any
    ) -> str:
        ledger = FileLedger(tmp_path / "ledger.jsonl", session)
        known = {"host": HOST, "resource_group": "default", "workflow": "w.yaml", "place": "test_it.py:1"}
        run = ledger.begin("key", **{**known, "time": clock.now(), **facts}).id
        about = {"stage": EXECUTION, "process": f"{session}-0", "configuration": configuration}
        ledger.write("intends", run=run, time=clock.now(), **about)
        if execution is not None:
            ledger.write("made", run=run, stage=EXECUTION, result={"id": execution})
        for event in events:
            ledger.write(event, run=run)
        return run

    return remember


def statuses(emulator: Emulator) -> list[str]:
    emulator.agenda.settle()
    return [str(each.status) for each in emulator.state.groups["default"].executions]


def refusal(sweep: Sweep, **how: Any) -> str:
    with pytest.raises(AicoreError) as caught:
        sweep(**how)
    return str(caught.value)


# Where --------------------------------------------------------------------------------------------------------------


def test_nothing_is_known_and_nothing_named(sweep: Sweep, tmp_path: Path, emulator: Emulator) -> None:
    assert refusal(sweep) == (
        f"No resource group is given, and the ledger {tmp_path / 'ledger.jsonl'} records none at {HOST}. Give one with"
        " --resource-group NAME."
    )
    assert list(emulator.requests) == []


@pytest.mark.parametrize("how", ["option", "environment", "profile"])
def test_resource_group_is_named(sweep: Sweep, monkeypatch: pytest.MonkeyPatch, emulator: Emulator, how: str) -> None:
    if how == "environment":
        monkeypatch.setenv("AICORE_RESOURCE_GROUP", "default")
    if how == "profile":
        monkeypatch.setattr(credentials, "resource_group_of_profile", lambda: ("default", "the profile"))
    named = "default" if how == "option" else None
    assert sweep(resource_group=named) == (0, [f"no leftover executions in {PLACE}"])
    assert {each.resource_group for each in emulator.requests if each.operation == "execution.query"} == {"default"}


def test_resource_group_that_none_can_have(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(sweep, resource_group="a/b").startswith("--resource-group = a/b: ")
    monkeypatch.setenv("AICORE_RESOURCE_GROUP", "a/b")
    assert refusal(sweep).startswith("environment AICORE_RESOURCE_GROUP = a/b: ")


@pytest.mark.parametrize("text", ["soon", "-1h"])
def test_age_that_is_none(sweep: Sweep, text: str) -> None:
    assert refusal(sweep, older_than=text).startswith(f"--older-than {text}: ")


def test_key_that_is_none_says_who_named_it(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: Path
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{}", encoding="utf-8")
    assert f"{broken} (from --service-key) lacks " in refusal(sweep, service_key=broken)
    monkeypatch.setenv("PYTEST_AICORE_SERVICE_KEY", str(broken))
    assert f"{broken} (from environment PYTEST_AICORE_SERVICE_KEY) lacks " in refusal(sweep, service_key=None)
    for content in (str(key), key.read_text(encoding="utf-8")):
        monkeypatch.setenv("PYTEST_AICORE_SERVICE_KEY", content)
        assert sweep(service_key=None, resource_group="default")[0] == 0
    monkeypatch.setenv("PYTEST_AICORE_SERVICE_KEY", " ")
    assert refusal(sweep, service_key=None, resource_group="default") != ""


def test_home_of_the_user_in_the_name_of_a_key(sweep: Sweep, monkeypatch: pytest.MonkeyPatch, key: Path) -> None:
    from pathlib import Path as Anywhere

    monkeypatch.setenv("HOME", str(key.parent))
    assert sweep(service_key=Anywhere("~/key.json"), resource_group="default")[0] == 0


def test_places_of_the_ledger_are_swept_each(
    sweep: Sweep, remember: Any, start: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.create_resource_group("team-x")
    remember("e001", resource_group="team-x")
    remember("e002", resource_group="default")
    assert [line.rpartition(" in ")[2] for line in sweep()[1] if "resource group" in line] == [
        PLACE,
        f"the resource group team-x at {HOST}",
    ]


def test_places_that_were_not_swept_are_named_in_order(sweep: Sweep, remember: Any, tmp_path: Path) -> None:
    for host, group in (("https://z", "b"), ("https://z", "a"), (HOST, "other"), ("https://z", "a")):
        remember("e001", host=host, resource_group=group)
    remember("e001", "gone", host="https://closed")
    living = FileLedger(tmp_path / "ledger.jsonl", "living")
    living.open()
    remember("e001", session="living", host="https://living")
    status, lines = sweep(resource_group="default")
    living.close(well=True)
    end = " If nothing can run there any more, delete TMP/ledger.jsonl."
    assert (status, lines[1:]) == (
        0,
        [
            f"not checked: 1 left running in the resource group other at {HOST}, because --resource-group names another.{end}",
            f"not checked: 2 left running in the resource group a at https://z, because the credentials are for {HOST}.{end}",
            f"not checked: 1 left running in the resource group b at https://z, because the credentials are for {HOST}.{end}",
        ],
    )


def test_session_elsewhere_of_which_nobody_knows_whether_it_lives_is_told(
    sweep: Sweep, remember: Any, tmp_path: Path
) -> None:
    remember("e001", resource_group="team-x", session="unclear")
    lock = tmp_path / "ledger.jsonl.alive-unclear-1"
    lock.symlink_to(lock)
    assert sweep(resource_group="default")[1][1].startswith(
        "not checked: 1 left running in the resource group team-x at "
    )


def test_what_is_left_at_another_host_is_no_success(sweep: Sweep, remember: Any) -> None:
    remember("e001", host="https://z")
    status, lines = sweep()
    assert status == 1
    assert lines[0] == (
        f"the ledger TMP/ledger.jsonl records no executions at {HOST}; --resource-group NAME finds those that other"
        " machines left running"
    )
    assert lines[1].startswith("not checked: 1 left running in the resource group default at https://z, because ")


@pytest.mark.parametrize(
    ("events", "named", "fault", "status", "said"),
    [
        ((), None, {"status": 403}, 1, f"could not check {PLACE}: could not list the executions that are UNKNOWN"),
        (("gone",), None, {"status": 403}, 0, f"could not check {PLACE}, where the ledger records nothing left running: could"),
        (("gone",), "default", {"status": 403}, 1, f"could not check {PLACE}: could not list the executions that are"),
        (("gone",), None, {"status": 503}, 1, f"could not check {PLACE}: could not list the executions that are"),
    ],
)  # fmt: skip
def test_place_that_cannot_be_looked_at(
    sweep: Sweep, remember: Any, emulator: Emulator, events: Any, named: Any, fault: Any, status: int, said: str
) -> None:
    remember("e001", *events)
    emulator.fault("execution.query", **fault, times=None)
    got, lines = sweep(resource_group=named)
    assert got == status
    assert [line[: len(said)] for line in lines] == [said]


def test_place_after_one_that_was_refused_is_swept(sweep: Sweep, remember: Any, start: Any, emulator: Emulator) -> None:
    remember("e001", resource_group="another")
    _, execution = start()
    remember(execution)
    status, lines = sweep()
    assert status == 1
    assert lines[0].startswith(f"could not check the resource group another at {HOST}: could not list")
    assert lines[1:] == [
        f"{execution} of w.yaml, started just now by test_it.py:1: is being stopped",
        f"1 stopped, 0 left in {PLACE}",
    ]


def test_service_that_does_not_answer_is_not_asked_for_each_place(
    sweep: Sweep, remember: Any, emulator: Emulator
) -> None:
    for group in "ab":
        remember("e001", resource_group=f"team-{group}")
    emulator.fault("execution.query", status=503, times=None)
    status, lines = sweep()
    assert (status, lines[1]) == (1, f"could not check the resource group team-b at {HOST} either")


# What of the ledger -------------------------------------------------------------------------------------------------


def test_what_dead_sessions_left_is_stopped_and_taken_down(
    sweep: Sweep, remember: Any, start: Any, emulator: Emulator, clock: NotedClock, tmp_path: Path
) -> None:
    runs = {}
    for _ in range(2):
        configuration, execution = start()
        runs[execution] = remember(execution, configuration=configuration)
    clock.advance(90)
    status, lines = sweep()
    assert (status, lines) == (
        0,
        [
            *(f"{each} of w.yaml, started 90s ago by test_it.py:1: is being stopped" for each in runs),
            f"2 stopped, 0 left in {PLACE}",
        ],
    )
    assert statuses(emulator) == ["STOPPING"] * 2
    events = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    assert [(each["run"], each["executions"]) for each in events if each["event"] == "stopping"] == [
        (run, [execution]) for execution, run in runs.items()
    ]
    assert sweep() == (0, [f"no leftover executions in {PLACE}"])


def test_run_without_place_or_execution(sweep: Sweep, remember: Any, clock: NotedClock, emulator: Emulator) -> None:
    remember(None, place=None)
    clock.advance(20)
    emulator.fault("execution.query", status=403, after=3, times=None)
    status, lines = sweep()
    assert status == 1
    assert lines[0].startswith(
        "could not stop a run of w.yaml, started 20s ago by a test: could not search for executions"
    )
    assert lines[1:] == [f"0 stopped, 1 left in {PLACE}"]


def test_execution_that_has_ended_counts_as_none(sweep: Sweep, remember: Any, start: Any, clock: NotedClock) -> None:
    _, execution = start(running=10)
    remember(execution)
    clock.advance(90)
    assert sweep() == (
        0,
        [
            f"{execution} of w.yaml, started 90s ago by test_it.py:1: has ended COMPLETED",
            f"no leftover executions in {PLACE}",
        ],
    )


def test_what_cannot_be_stopped_is_counted(
    sweep: Sweep, remember: Any, start: Any, emulator: Emulator, clock: NotedClock
) -> None:
    for _ in range(2):
        configuration, execution = start()
        remember(execution, configuration=configuration)
    _, stranger = start()
    clock.advance(90)
    emulator.fault("execution.modify", status=403, times=None)
    status, lines = sweep(older_than="60s")
    assert status == 1
    assert [line.partition(": could not stop the execution ")[0] for line in lines] == [
        *(
            f"could not stop {each} of w.yaml, started 90s ago by test_it.py:1"
            for each in [execution_.id for execution_ in emulator.state.groups["default"].executions][:2]
        ),
        f"could not stop {stranger} of the configuration 'pytest-aicore x', started 90s ago",
        f"0 stopped, 3 left in {PLACE}",
    ]


def test_dry_run_stops_nothing_and_says_what_would_be(
    sweep: Sweep, remember: Any, start: Any, emulator: Emulator, clock: NotedClock
) -> None:
    ids = []
    for _ in range(2):
        configuration, execution = start()
        remember(execution, configuration=configuration)
        ids.append(execution)
    _, ended = start(running=10)
    remember(ended)
    strangers = [start()[1] for _ in range(2)]
    clock.advance(90)
    status, lines = sweep(dry_run=True, older_than="60s")
    assert (status, sorted(lines[2:4])) == (
        1,
        sorted(f"would stop {each} of the configuration 'pytest-aicore x', started 90s ago" for each in strangers),
    )
    assert lines[:2] == [f"would stop {each} of w.yaml, started 90s ago by test_it.py:1" for each in ids]
    assert lines[4:] == [f"would stop 4 in {PLACE}; nothing was stopped, because of --dry-run"]
    assert sorted(statuses(emulator)) == ["COMPLETED"] + ["RUNNING"] * 4
    assert not [each for each in emulator.requests if each.operation == "execution.modify"]


def test_dry_run_finds_executions_by_their_configuration(
    sweep: Sweep, remember: Any, start: Any, live_api: TrainingApi, clock: NotedClock
) -> None:
    configuration, execution = start()
    other = live_api.start_execution(configuration).id
    remember(other)
    remember(None, configuration=configuration)
    clock.advance(90)
    status, lines = sweep(dry_run=True)
    assert (status, lines) == (
        1,
        [
            f"would stop {other} of w.yaml, started 90s ago by test_it.py:1",
            f"would stop {execution} of w.yaml, started 90s ago by test_it.py:1",
            f"would stop 2 in {PLACE}; nothing was stopped, because of --dry-run",
        ],
    )


def test_what_stands_beside_what_lives_is_stopped(
    sweep: Sweep, remember: Any, start: Any, clock: NotedClock, tmp_path: Path
) -> None:
    living = FileLedger(tmp_path / "ledger.jsonl", "living")
    living.open()
    strangers = []
    for _ in range(2):
        strangers.append(start()[1])
        clock.advance(1)
        configuration, execution = start()
        remember(execution, session="living", configuration=configuration)
        clock.advance(1)
    status, lines = sweep(older_than="0s")
    living.close(well=True)
    assert (status, lines[-1]) == (0, f"2 stopped, 0 left in {PLACE}")
    assert sorted(line.partition(" ")[0] for line in lines[:2]) == sorted(strangers)


def test_dry_run_with_nothing_to_stop_is_a_success(sweep: Sweep) -> None:
    assert sweep(dry_run=True, resource_group="default") == (0, [f"no leftover executions in {PLACE}"])


@pytest.mark.parametrize("known", ["id", "configuration"])
def test_what_is_too_young_is_spared(
    sweep: Sweep, remember: Any, start: Any, emulator: Emulator, clock: NotedClock, known: str
) -> None:
    configuration, execution = start()
    remember(execution if known == "id" else None, configuration=configuration)
    stranger = start()[1]
    clock.advance(59)
    name = execution if known == "id" else "a run"
    assert sweep(older_than="60s") == (
        0,
        [
            f"younger than 60s: {name} of w.yaml, started 59s ago by test_it.py:1",
            f"no leftover executions in {PLACE}",
        ],
    )
    assert statuses(emulator) == ["RUNNING"] * 2
    clock.advance(1)
    status, lines = sweep(older_than="60s")
    assert (status, lines[-1]) == (0, f"2 stopped, 0 left in {PLACE}")
    assert lines[1] == f"{stranger} of the configuration 'pytest-aicore x', started 60s ago: is being stopped"


def test_age_of_nothing_spares_nobody(sweep: Sweep, start: Any, remember: Any, clock: NotedClock) -> None:
    start()
    remember("e001", time=clock.now() + 10)
    assert sweep(older_than="0s", resource_group="default")[0] == 0


# What is not in the ledger ------------------------------------------------------------------------------------------


def test_what_no_ledger_knows_is_left_alone(sweep: Sweep, start: Any, emulator: Emulator, clock: NotedClock) -> None:
    ids = [start()[1], start()[1]]
    start("of somebody else")
    clock.advance(90)
    status, lines = sweep(resource_group="default")
    assert (status, sorted(lines[:2]), lines[2:]) == (
        1,
        sorted(
            f"left alone: {each} of the configuration 'pytest-aicore x', started 90s ago, which is not in the ledger"
            " of this machine. It may belong to a session of another machine; --older-than 2h stops it when it is older"
            " than 2 hours."
            for each in ids
        ),
        [f"0 stopped, 2 left in {PLACE}"],
    )
    assert statuses(emulator) == ["RUNNING"] * 3
    status, lines = sweep(resource_group="default", older_than="60s")
    assert (status, lines[-1]) == (0, f"2 stopped, 0 left in {PLACE}")
    assert sorted(statuses(emulator)) == ["RUNNING", "STOPPING", "STOPPING"]


def test_what_runs_though_the_ledger_has_it_closed_is_stopped(
    sweep: Sweep, remember: Any, start: Any, emulator: Emulator, clock: NotedClock
) -> None:
    _, execution = start("any name")
    remember(execution, "gone")
    configuration, another = start("any name")
    remember(None, "gone", configuration=configuration)
    clock.advance(90)
    status, lines = sweep()
    assert (status, sorted(lines[:2]), lines[2:]) == (
        0,
        sorted(f"{each} of w.yaml, started 90s ago by test_it.py:1: is being stopped" for each in (execution, another)),
        [f"2 stopped, 0 left in {PLACE}"],
    )
    assert sweep(older_than="1h")[0] == 0


def test_what_is_closed_and_young_is_spared(sweep: Sweep, remember: Any, start: Any, clock: NotedClock) -> None:
    _, execution = start()
    remember(execution, "gone")
    clock.advance(59)
    assert sweep(older_than="60s") == (0, [f"no leftover executions in {PLACE}"])
    clock.advance(1)
    assert sweep(older_than="60s")[1][-1] == f"1 stopped, 0 left in {PLACE}"


def test_what_a_living_session_runs_is_left_alone(
    sweep: Sweep, remember: Any, start: Any, emulator: Emulator, clock: NotedClock, tmp_path: Path
) -> None:
    living = FileLedger(tmp_path / "ledger.jsonl", "living")
    living.open()
    configuration, execution = start()
    remember(execution, session="living", configuration=configuration)
    configuration, _ = start()
    remember(None, session="living", configuration=configuration)
    remember("e001", "gone", session="living")
    clock.advance(90)
    status, lines = sweep(older_than="60s")
    living.close(well=True)
    assert (status, lines) == (
        0,
        [
            "left alone: 2 of a session that is still running on this machine",
            f"no leftover executions in {PLACE}",
        ],
    )
    assert statuses(emulator) == ["RUNNING"] * 2


def test_session_of_which_nobody_knows_whether_it_lives_is_left_alone(
    sweep: Sweep, remember: Any, start: Any, emulator: Emulator, tmp_path: Path
) -> None:
    for number in range(2):
        configuration, execution = start()
        remember(execution, configuration=configuration, session=f"gone{number}")
        lock = tmp_path / f"ledger.jsonl.alive-gone{number}-1"
        lock.symlink_to(lock)
    remember("e001", "gone", session="gone1")
    status, lines = sweep()
    assert status == 1
    assert [line.partition(": TMP/ledger.jsonl.alive-gone")[0] for line in lines] == [
        *(
            f"could not check {each.id} of w.yaml, started just now by test_it.py:1"
            for each in emulator.state.groups["default"].executions
        ),
        "left alone: 2 of a session that is still running on this machine",
        f"0 stopped, 2 left in {PLACE}",
    ]
    assert statuses(emulator) == ["RUNNING"] * 2


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (-60.1, "started in the future by the clock of this machine"),
        (-60.0, "started just now"),
        (0.9, "started just now"),
        (1.0, "started 1s ago"),
        (48 * HOUR, "started 48h ago"),
        (48 * HOUR + 1, "started on DATE"),
    ],
)
def test_moments_as_people_say_them(
    sweep: Sweep, remember: Any, start: Any, clock: NotedClock, ago: float, said: str
) -> None:
    moment = clock.now() + 1000
    clock.advance(1000)
    _, execution = start()
    remember(execution, time=moment - ago)
    date = str(datetime.fromtimestamp(moment - ago, timezone.utc).date())
    assert sweep()[1][0] == f"{execution} of w.yaml, {said.replace('DATE', date)} by test_it.py:1: is being stopped"


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="only POSIX can change the time zone of a process")
def test_days_are_those_of_utc(
    sweep: Sweep, remember: Any, start: Any, clock: NotedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, execution = start()
    remember(execution, time=clock.now() - 3 * 24 * HOUR)
    before = str(datetime.fromtimestamp(clock.now() - 3 * 24 * HOUR, timezone.utc).date())
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Etc/GMT+12")
        time.tzset()
        lines = sweep()[1]
    time.tzset()
    assert lines[0].startswith(f"{execution} of w.yaml, started on {before} by ")


def test_text_of_others_stays_on_its_line(sweep: Sweep, remember: Any, start: Any) -> None:
    _, execution = start()
    remember(execution, place="a\nb\x1b[31m")
    assert len(sweep()[1]) == 2


def test_lines_that_cannot_be_read_are_told(sweep: Sweep, tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").write_text("nonsense\n", encoding="utf-8")
    assert sweep(resource_group="default")[1][1:] == [
        "1 line of the ledger TMP/ledger.jsonl cannot be read and was skipped; line 1: not JSON."
    ]
