"""The entries of a ledger: of a run, of live processes, of what may be started, and of what is resumed."""

from __future__ import annotations

import json
import shutil
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.errors import RunError
from pytest_aicore.training.live.ledger import (
    ARTIFACTS,
    CONFIGURATION,
    EXECUTION,
    Entry,
    FileLedger,
    LedgerRecord,
    NoRecord,
    Stage,
    new_id,
)
from pytest_aicore.training.live.line_file import LineFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.training.conftest import NotedClock

    Make = Callable[..., FileLedger]

FACTS: dict[str, Any] = {"host": "h", "resource_group": "default", "workflow": "w.yaml", "time": 1000.0}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make the ledger of a process of a session."""
    made: list[FileLedger] = []

    def make(session: str = "one", process: str | None = None, *, opened: bool = True) -> FileLedger:
        ledger = FileLedger(tmp_path / "folder" / "inner" / "ledger.jsonl", session)
        ledger.process = f"{session}-{process}" if process else ledger.process
        if opened:
            ledger.open()
        made.append(ledger)
        return ledger

    yield make
    for ledger in made:
        ledger.close(well=False)


def lines(ledger: FileLedger) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ledger.file.read_text(encoding="utf-8").splitlines()]


def begun(ledger: FileLedger, key: str = "key", *events: tuple[str, dict[str, Any]], **facts: Any) -> Entry:
    """Return a run whose execution was about to be started, after some events."""
    entry = ledger.begin(key, **{**FACTS, **facts})
    about = {"stage": EXECUTION, "process": ledger.process, "time": 1000.0, "configuration": f"c-{key}"}
    ledger.write("intends", run=entry.id, **about)
    for event, its in events:
        ledger.write(event, run=entry.id, **its)
    return entry


def made(execution: str = "e001") -> tuple[str, dict[str, Any]]:
    return "made", {"stage": EXECUTION, "result": {"id": execution}}


# A run --------------------------------------------------------------------------------------------------------------


def test_new_run_is_what_it_was_begun_with(make: Make) -> None:
    ledger = make()
    entry = ledger.begin("key", place="test_it.py:1", **FACTS)
    assert (entry.session, entry.key) == ("one", "key")
    assert {name: entry.facts[name] for name in FACTS} == FACTS
    assert entry.facts.keys() - FACTS.keys() == {"kind", "place", "plans", "scenario", "executable"}
    assert entry.facts["place"] == "test_it.py:1"
    assert ledger.entries == {entry.id: entry}
    opened, run = lines(ledger)
    assert (opened["event"], opened["session"], opened["process"]) == ("opened", "one", ledger.process)
    assert (run["event"], run["run"], run["session"], run["key"]) == ("run", entry.id, "one", "key")
    assert entry == Entry(entry.id, "one", "key", entry.facts)
    assert list(entry.stages) == [ARTIFACTS, CONFIGURATION, EXECUTION]
    assert (entry.status, entry.seconds, entry.running_since, entry.running_ticks, entry.began) == (
        None, 0, None, None, None,
    )  # fmt: skip
    flags = (entry.lost, entry.stopped, entry.kept, entry.gone, entry.unwanted, entry.has_begun, entry.is_open)
    assert flags == (False,) * 7
    assert all(flag is False for flag in flags)
    assert (entry.stopped_because, entry.users, entry.execution_id, entry.configuration_id) == (None, set(), None, None)
    assert entry.stages[EXECUTION] == Stage(None, {}, 0.0, None, None, None, in_doubt=False)
    assert entry.stages[EXECUTION].in_doubt is False


def test_ids_are_no_other_s() -> None:
    ids = {new_id() for _ in range(100)}
    assert len(ids) == 100
    assert {len(each) for each in ids} == {12}


@pytest.mark.parametrize("name", [ARTIFACTS, CONFIGURATION, EXECUTION])
def test_stage_that_is_about_to_be_made(make: Make, name: str) -> None:
    ledger = make()
    entry = ledger.begin("key", **FACTS)
    ledger.write("intends", run=entry.id, stage=name, process="one-7", time=5.0, ticks=6.0, configuration="c", name="n")
    stage = entry.stages[name]
    assert (stage.process, stage.since, stage.ticks, stage.result, stage.failure) == ("one-7", 5, 6, None, None)
    assert {key: value for key, value in stage.intent.items() if value not in (None, [])} == {
        "configuration": "c",
        "name": "n",
    }
    assert entry.has_begun
    assert entry.is_open is (name == EXECUTION)


def test_results_have_ids(make: Make) -> None:
    ledger = make()
    entry = begun(ledger)
    assert (entry.configuration_id, entry.execution_id) == ("c-key", None)
    ledger.write("made", run=entry.id, stage=CONFIGURATION, result={"id": "c001"})
    ledger.write("made", run=entry.id, stage=EXECUTION, result={"id": "e001"})
    assert (entry.configuration_id, entry.execution_id) == ("c001", "e001")
    ledger.write("intends", run=entry.id, stage=EXECUTION, process="one-8", time=5.0)
    assert (entry.execution_id, entry.stages[EXECUTION].process) == ("e001", "one-8")


@pytest.mark.parametrize(
    ("intent", "owns"),
    [
        ({"configuration": "c"}, True),
        ({"configuration": "c", "reuse": False, "others": []}, True),
        ({"configuration": "c", "reuse": True}, False),
        ({"configuration": "c", "others": ["e1"]}, False),
        ({"configuration": "c", "reuse": True, "others": ["e1"]}, False),
    ],
)
def test_configuration_that_others_may_use(make: Make, intent: dict[str, Any], *, owns: bool) -> None:
    ledger = make()
    entry = ledger.begin("key", **FACTS)
    assert entry.owns_configuration is False
    ledger.write("intends", run=entry.id, stage=EXECUTION, process="one-7", time=5.0, **intent)
    assert entry.owns_configuration is owns


@pytest.mark.parametrize(
    ("events", "is_open"),
    [
        ([], True),
        ([made()], True),
        ([("failed", {"stage": EXECUTION, "why": "no", "in_doubt": False})], False),
        ([("failed", {"stage": EXECUTION, "why": "no", "in_doubt": True})], True),
        ([made(), ("ended", {"status": "COMPLETED", "seconds": 1.0})], False),
        ([made(), ("stopping", {"time": 1.0})], False),
        ([made(), ("gone", {})], False),
        ([made(), ("lost", {})], True),
        ([made(), ("kept", {})], True),
        ([made(), ("unwanted", {})], True),
    ],
)
def test_run_is_open_as_long_as_it_may_cost_money(make: Make, events: list[Any], *, is_open: bool) -> None:
    entry = begun(make(), "key", *events)
    assert entry.is_open is is_open
    result = Entry("r", "s", "k", {})
    result.stages[EXECUTION].result = {"id": "e1"}
    assert result.is_open


def test_each_event_is_taken_in(make: Make) -> None:
    ledger = make()
    entry = begun(ledger, "key", made())
    ledger.write("failed", run=entry.id, stage=CONFIGURATION, why="no", in_doubt=True)
    assert (entry.stages[CONFIGURATION].failure, entry.stages[CONFIGURATION].in_doubt) == ("no", True)
    ledger.write("running", run=entry.id, time=5.0, ticks=6.0, began=7.0)
    assert (entry.running_since, entry.running_ticks, entry.began) == (5, 6, 7)
    for event in ("lost", "kept", "gone", "unwanted"):
        ledger.write(event, run=entry.id)
        assert getattr(entry, event) is True
    ledger.write("wanted", run=entry.id, tests=["a", "b"])
    ledger.write("wanted", run=entry.id, tests=["c"])
    assert entry.users == {"a", "b", "c"}
    ledger.write("ended", run=entry.id, status="DEAD", seconds=8.0)
    assert (entry.status, entry.seconds) == ("DEAD", 8)


@pytest.mark.parametrize(
    ("before", "event", "seconds"),
    [
        ([], {"time": 50.0, "seconds": 7.0}, 7.0),
        ([("running", {"time": 20.0})], {"time": 50.0, "seconds": 7.0}, 7.0),
        ([("running", {"time": 20.0})], {"time": 50.0}, 30.0),
        ([("running", {"time": 60.0})], {"time": 50.0}, 0.0),
        ([("running", {"time": 20.0})], {}, 0.0),
        ([], {"time": 50.0}, 0.0),
        ([("ended", {"status": "COMPLETED", "seconds": 3.0})], {"time": 50.0, "seconds": 7.0}, 3.0),
        (
            [("running", {"time": 20.0}), ("ended", {"status": "COMPLETED", "seconds": 3.0})], {"time": 50.0}, 3.0
        ),
    ],
)  # fmt: skip
def test_seconds_of_what_was_stopped(make: Make, before: list[Any], event: dict[str, Any], seconds: float) -> None:
    entry = begun(make(), "key", *before, ("stopping", event))
    assert (entry.stopped, entry.seconds) == (True, seconds)


def test_first_reason_of_a_stop_counts(make: Make) -> None:
    ledger = make()
    entry = begun(ledger, "key", ("stopping", {}))
    assert entry.stopped_because is None
    for why in ("first.", "second."):
        ledger.write("stopping", run=entry.id, why=why)
        assert entry.stopped_because == "first."


def test_run_that_is_adopted_is_of_the_other_session(make: Make) -> None:
    doubt = {"stage": EXECUTION, "why": "no", "in_doubt": True}
    sure = {"stage": CONFIGURATION, "why": "never", "in_doubt": False}
    flags: list[tuple[str, dict[str, Any]]] = [(event, {}) for event in ("kept", "lost", "unwanted")]
    ledger = make()
    entry = begun(ledger, "key", ("failed", doubt), ("failed", sure), *flags, ("wanted", {"tests": ["a"]}))
    ledger.write("adopted", run=entry.id, session="two")
    assert (entry.session, entry.kept, entry.lost, entry.unwanted, entry.users) == ("two", False, False, False, set())
    assert all(each is False for each in (entry.kept, entry.lost, entry.unwanted))
    assert (entry.stages[EXECUTION].failure, entry.stages[EXECUTION].in_doubt) == (None, False)
    assert entry.stages[EXECUTION].in_doubt is False
    assert entry.stages[CONFIGURATION].failure == "never"
    assert ledger.of_session() == []


# Ages ---------------------------------------------------------------------------------------------------------------


class Clocks:
    """The two clocks of a machine."""

    def __init__(self, now: float, ticks: float) -> None:
        self._now = now
        self._ticks = ticks

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._ticks

    def sleep(self, seconds: float) -> None:
        raise AssertionError


@pytest.mark.parametrize(
    ("since", "ticks", "age"),
    [
        (990.0, None, 10.0),
        (1010.0, None, 0.0),
        (990.0, 95.0, 5.0),
        (998.0, 95.0, 2.0),
        (1010.0, 95.0, 0.0),
        (990.0, 100.0, 0.0),
        (990.0, 101.0, 10.0),
    ],
    ids=["date", "date ahead", "date set", "date set back", "date ahead and ticks", "now", "machine restarted"],
)
def test_age_is_the_smaller_one(since: float, ticks: float | None, age: float) -> None:
    assert Stage("p", {}, since, ticks).age(Clocks(1000.0, 100.0)) == age


@pytest.mark.parametrize(
    ("events", "service_now", "seconds"),
    [
        ([], None, 0.0),
        ([("running", {"time": 970.0})], None, 30.0),
        ([("running", {"time": 1030.0})], None, 0.0),
        ([("running", {"time": 970.0, "ticks": 80.0})], None, 20.0),
        ([("running", {"time": 970.0, "ticks": 100.0})], None, 0.0),
        ([("running", {"time": 970.0, "ticks": 101.0})], None, 30.0),
        ([("running", {"time": 970.0, "ticks": 80.0, "began": 500.0})], 510.0, 10.0),
        ([("running", {"time": 970.0, "ticks": 80.0, "began": 500.0})], 500.0, 0.0),
        ([("running", {"time": 970.0, "ticks": 80.0, "began": 500.0})], 499.0, 20.0),
        ([("running", {"time": 970.0, "ticks": 80.0, "began": 500.0})], None, 20.0),
        ([("running", {"time": 970.0}), ("ended", {"status": "DEAD", "seconds": 3.0})], 510.0, 3.0),
        ([("running", {"time": 970.0}), ("stopping", {"seconds": 4.0})], 510.0, 4.0),
    ],
)
def test_time_that_a_run_has_cost(make: Make, events: list[Any], service_now: float | None, seconds: float) -> None:
    ledger = make()
    entry = begun(ledger, "key", *events)
    clocks = Clocks(1000.0, 100.0)
    assert entry.ran(clocks, service_now) == seconds
    assert LedgerRecord(ledger, entry).ran(clocks, service_now) == seconds


# Sessions -----------------------------------------------------------------------------------------------------------


def test_session_is_opened_once_by_the_process_that_begins_it(make: Make) -> None:
    first, worker = make("one", "1"), make("one", "2")
    first.open(host="again")
    assert [(line["event"], line["process"]) for line in lines(worker)] == [("opened", "one-1")]
    first.close(well=True)
    first.close(well=True)
    assert [line["event"] for line in lines(worker)] == ["opened", "closed"]
    worker.close(well=False)
    assert [line["event"] for line in lines(worker)] == ["opened", "closed"]
    late = make("two", opened=False)
    late.refresh()
    assert late.closed_sessions == ["one"]


def test_facts_of_a_session_and_of_its_preflight(make: Make) -> None:
    ledger = make("one", opened=False)
    ledger.open(host="h", time=1.0)
    assert (lines(ledger)[0]["host"], lines(ledger)[0]["time"]) == ("h", 1)
    ledger.write("checked", session="one", executable="x", found=None)
    ledger.write("checked", session="one", executable="y", found="client_secret=a1-b2-c3")
    assert ledger.checked == {("one", "x"): None, ("one", "y"): "client_secret=***"}
    assert list(lines(ledger)[1]) == sorted(lines(ledger)[1])


def test_session_lives_as_long_as_the_process_that_began_it(make: Make) -> None:
    first, worker, another = make("one", "1"), make("one", "2"), make("two")
    another.refresh()
    assert another.is_alive("one")
    assert another.is_alive("two")
    assert not another.is_alive("three")
    assert (worker.is_orphaned, first.is_orphaned) == (False, False)
    first.close(well=False)
    assert not another.is_alive("one")
    assert worker.is_orphaned
    assert another.is_at_work("one-2")
    assert not another.is_at_work("one-1")
    assert not make("three", opened=False).is_orphaned


def test_session_of_an_old_ledger_lives_as_long_as_one_of_its_processes(make: Make) -> None:
    worker, another = make("one", "1", opened=False), make("two")
    worker.file.write_text('{"event": "opened", "session": "one"}\n', encoding="utf-8")
    worker.open()
    another.refresh()
    assert another.is_alive("one")
    worker.close(well=False)
    assert not another.is_alive("one")


def test_lock_of_a_process_is_gone_when_it_ends(make: Make) -> None:
    ledger = make("one", "1")
    lock = ledger.file.with_name("ledger.jsonl.alive-one-1")
    assert lock.exists()
    ledger.close(well=True)
    assert not lock.exists()


def test_folder_that_cannot_be_read_tells_nothing_of_sessions(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("", encoding="utf-8")
    with pytest.raises(RunError) as caught:
        FileLedger(tmp_path / "folder" / "ledger.jsonl", "one").is_alive("two")
    assert str(caught.value) == (
        f"{tmp_path / 'folder'} cannot be read (Not a directory), so it is not known whether the session of a run is still"
        " running."
    )


def test_what_others_could_not_read_is_not_written(make: Make) -> None:
    ledger = make()
    entry = begun(ledger)
    written = lines(ledger)
    with pytest.raises(RunError) as caught:
        ledger.write("running", run=entry.id, time="noon")
    text = str(caught.value)
    assert text.startswith(f'The ledger {ledger.file} cannot store {{"event": "running", ')
    assert text.endswith(": running: invalid time.")
    ledger.record("running", run=entry.id, time="noon")
    assert lines(ledger) == written
    assert ledger.problems == [
        f"2 lines of the ledger {ledger.file} cannot be read and were skipped; not written: running: invalid time."
    ]


def test_folder_that_is_not_there_has_no_living_sessions(tmp_path: Path) -> None:
    assert FileLedger(tmp_path / "none" / "ledger.jsonl", "one").is_alive("two") is False


# Which runs ---------------------------------------------------------------------------------------------------------


def test_runs_of_sessions_that_have_ended_are_left_behind(make: Make) -> None:
    dead, living, ledger = make("dead"), make("living"), make("own")
    left = begun(dead, "a", made())
    begun(dead, "b", made(), ("gone", {}))
    begun(dead, "c", made(), host="another")
    begun(dead, "d", made(), resource_group="another")
    begun(living, "e", made())
    begun(ledger, "f", made())
    dead.close(well=False)
    ledger.refresh()
    assert [entry.id for entry in ledger.leftover("h", "default")] == [left.id]


def test_run_of_a_key_is_the_newest_that_may_be_waited_for(make: Make) -> None:
    ledger, other = make("one", "1"), make("one", "2")
    assert ledger.of_key("key") is None
    runs = [other.begin("key", **FACTS) for _ in range(2)]
    begun(make("two"), "key")
    found = ledger.of_key("key")
    assert found is not None
    assert found.id == runs[1].id
    for event in ("stopping", "gone"):
        ledger.write(event, run=runs[1].id)
        found = ledger.of_key("key")
        assert found is not None
        assert found.id == runs[0].id
        runs[1] = other.begin("key", **FACTS)
    ledger.write("unwanted", run=runs[1].id)
    ledger.write("unwanted", run=runs[0].id)
    assert ledger.of_key("key") is None
    assert ledger.of_key("another") is None


def test_executions_of_other_runs(make: Make) -> None:
    ledger, other = make("one"), make("two")
    mine = begun(ledger, "a", made("e1"))
    begun(other, "b", made("e2"))
    begun(other, "c")
    assert LedgerRecord(ledger, mine).executions_of_others() == {"e2"}
    assert ledger.executions_of_others(mine) == {"e2"}


@pytest.mark.parametrize(
    ("events", "resumes"),
    [
        ([made()], True),
        ([], True),
        ([made(), ("kept", {})], True),
        ([made(), ("lost", {})], True),
        ([made(), ("ended", {"status": "COMPLETED", "seconds": 1.0})], True),
        ([made(), ("stopping", {})], False),
        ([made(), ("stopping", {}), ("ended", {"status": "STOPPED", "seconds": 1.0})], False),
        ([made(), ("gone", {}), ("ended", {"status": "STOPPED", "seconds": 1.0})], False),
        ([made(), ("unwanted", {}), ("ended", {"status": "STOPPED", "seconds": 1.0})], False),
        ([made(), ("gone", {})], False),
        ([made(), ("unwanted", {})], False),
        ([("failed", {"stage": EXECUTION, "why": "no", "in_doubt": False})], False),
        ([("failed", {"stage": EXECUTION, "why": "no", "in_doubt": True})], True),
    ],
)
def test_run_that_another_session_can_go_on_with(make: Make, events: list[Any], *, resumes: bool) -> None:
    dead, ledger = make("dead"), make("heir")
    entry = begun(dead, "key", *events)
    ledger.refresh()
    assert ledger.resumable("key", "h", "default") is None  # its session lives
    dead.close(well=False)
    found = ledger.resumable("key", "h", "default")
    assert (found.id if found else None) == (entry.id if resumes else None)
    for other in (("another", "h", "default"), ("key", "another", "default"), ("key", "h", "another")):
        assert ledger.resumable(*other) is None
    own = FileLedger(ledger.file, "dead")
    own.refresh()
    assert own.resumable("key", "h", "default") is None


def test_newest_run_is_gone_on_with(make: Make) -> None:
    ids = []
    for session in ("dead1", "dead2"):
        dead = make(session)
        ids += [begun(dead, "key", made()).id, begun(dead, "key", made(), ("gone", {})).id]
        begun(dead, "another", made())
        dead.close(well=False)
    ledger = make("heir")
    found = ledger.resumable("key", "h", "default")
    assert found is not None
    assert found.id == ids[2]


def test_run_that_has_ended_is_told_by_the_next_session_only(make: Make) -> None:
    ended = ("ended", {"status": "COMPLETED", "seconds": 1.0})
    dead = make("dead")
    entry = begun(dead, "key", made(), ended)
    dead.close(well=False)
    make("also dead").close(well=False)
    ledger = make("heir")
    found = ledger.resumable("key", "h", "default")
    assert found is not None
    assert found.id == entry.id
    ledger.write("closed", session="nobody knows it")
    assert ledger.resumable("key", "h", "default") is not None
    make("well").close(well=True)
    ledger.refresh()
    assert ledger.resumable("key", "h", "default") is None
    late = make("late")
    begun(late, "key", made(), ended)
    late.close(well=False)
    ledger.refresh()
    assert ledger.resumable("key", "h", "default") is not None


def test_ended_run_of_a_session_that_nobody_opened_is_not_gone_on_with(make: Make) -> None:
    ledger, unknown = make("heir"), make("unknown", opened=False)
    begun(unknown, "key", made(), ("ended", {"status": "COMPLETED", "seconds": 1.0}))
    ledger.refresh()
    assert ledger.resumable("key", "h", "default") is None


def test_runs_for_which_no_test_is_left(make: Make) -> None:
    ledger = make("one")
    entry = begun(ledger, "a", ("wanted", {"tests": ["t1", "t2"]}))
    begun(ledger, "b")
    begun(make("two"), "c", ("wanted", {"tests": ["t1"]}))
    ledger.write("done", session="one", tests=["t1"])
    assert ledger.unneeded() == []
    ledger.write("done", session="two", tests=["t2"])
    assert (ledger.unneeded(), ledger.done) == ([], {"t1"})
    ledger.write("done", session="one", tests=["t2"])
    assert ledger.unneeded() == [entry]
    ledger.write("wanted", run=entry.id, tests=["t2"])
    assert (ledger.unneeded(), ledger.done) == ([], {"t1"})
    ledger.write("done", session="one", tests=["t2"])
    for event in ({"event": "stopping"}, {"event": "gone"}, {"event": "ended", "status": "DEAD", "seconds": 1.0}):
        entry = begun(ledger, "d", ("wanted", {"tests": ["t1"]}))
        ledger.write("done", session="one", tests=["t1"])
        assert entry in ledger.unneeded()
        ledger.write(run=entry.id, **event)
        assert entry not in ledger.unneeded()
    entry = begun(ledger, "e", ("wanted", {"tests": ["t1"]}))
    ledger.write("done", session="one", tests=["t1"])
    ledger.write("unwanted", run=entry.id)
    assert entry not in ledger.unneeded()


# Who may make something ---------------------------------------------------------------------------------------------


def test_stage_is_made_by_one_process(make: Make) -> None:
    first, second = make("one", "1"), make("one", "2")
    entry = first.begin("key", **FACTS)
    second.refresh()
    mine, theirs = LedgerRecord(first, entry), LedgerRecord(second, second.entries[entry.id])
    before = mine.claim(CONFIGURATION, {"name": "n"})
    assert before == Stage(None, {}, 0.0)
    assert theirs.claim(CONFIGURATION, {"name": "n"}) is None
    again = mine.claim(CONFIGURATION, {"name": "n"})
    assert again is not None
    assert (again.process, again.result) == ("one-1", None)
    mine.made(CONFIGURATION, {"id": "c001"})
    known = theirs.claim(CONFIGURATION, {"name": "n"})
    assert known is not None
    assert known.result == {"id": "c001"}
    mine.failed(ARTIFACTS, "no", in_doubt=True)
    known = theirs.claim(ARTIFACTS, {})
    assert known is not None
    assert (known.failure, known.in_doubt) == ("no", True)
    line = next(line for line in lines(first) if line["event"] == "intends")
    assert {name: line[name] for name in ("run", "stage", "process", "name")} == {
        "run": entry.id, "stage": CONFIGURATION, "process": "one-1", "name": "n",
    }  # fmt: skip
    assert line["time"] > 1.7e9
    assert line["ticks"] > 0


def test_stage_of_a_process_that_has_ended_is_taken_over(make: Make) -> None:
    first, second = make("one", "1"), make("one", "2")
    entry = first.begin("key", **FACTS)
    first.write("intends", run=entry.id, stage=EXECUTION, process="one-3", time=5.0, ticks=6.0, configuration="c")
    second.refresh()
    before = LedgerRecord(second, second.entries[entry.id]).claim(EXECUTION, {"configuration": "c"})
    assert before is not None
    assert (before.process, before.since, before.ticks, before.intent["configuration"]) == ("one-3", 5, 6, "c")
    assert second.entries[entry.id].stages[EXECUTION].process == "one-2"


def test_lost_files_keep_others_waiting_for_a_moment(make: Make, stop_clock: Callable[[], list[float]]) -> None:
    now = stop_clock()
    first, second = make("one", "1"), make("one", "2")
    entry = first.begin("key", **FACTS)
    first.write("intends", run=entry.id, stage=ARTIFACTS, process="one-3", time=5.0)
    second.refresh()
    record = LedgerRecord(second, second.entries[entry.id])
    before = second.was_restored_lately
    second.file.with_name("ledger.jsonl.alive-one-2").unlink()
    restored = [before, second.was_restored_lately]
    assert record.claim(ARTIFACTS, {}) is None
    for seconds in (9, 1):
        now[0] += seconds
        restored.append(second.was_restored_lately)
    assert restored == [False, True, True, False]
    assert record.claim(ARTIFACTS, {}) is not None


def test_files_lost_before_a_process_came_keep_it_waiting_as_well(
    make: Make, stop_clock: Callable[[], list[float]]
) -> None:
    """It has lost nothing itself, but the lock of the process that began the session may be missing for a moment."""
    first = make("one", "1")
    worker = make("one", "2")
    now = stop_clock()
    entry = worker.begin("key", **FACTS)
    worker.write("intends", run=entry.id, stage=ARTIFACTS, process="one-2", time=5.0)
    shutil.rmtree(first.file.parent)
    worker.refresh()
    late, another = make("one", "3"), make("two", "4")
    other = late.begin("other", **FACTS)
    waits = []
    for seconds in (0, 9.9):
        now[0] += seconds
        waits.append((LedgerRecord(late, other).claim(EXECUTION, {"configuration": "c"}), another.is_alive("one")))
    assert waits == [(None, True), (None, True)]
    now[0] += 0.2
    assert not another.is_alive("one")
    with pytest.raises(
        RunError, match=r"^The process that began this session has ended, so nothing more is started\.$"
    ):
        LedgerRecord(late, other).claim(EXECUTION, {"configuration": "c"})


def test_who_waits_proves_now_and_then_that_it_could_write(make: Make, stop_clock: Callable[[], list[float]]) -> None:
    first, second = make("one", "1"), make("one", "2")
    entry = first.begin("key", **FACTS)
    LedgerRecord(first, entry).claim(ARTIFACTS, {})
    second.refresh()
    record = LedgerRecord(second, second.entries[entry.id])
    now = stop_clock()
    waits = []
    for seconds in (0, 14, 1, 14, 1):
        now[0] += seconds
        assert record.claim(ARTIFACTS, {}) is None
        waits.append(sum(line["event"] == "waits" for line in lines(first)))
    assert waits == [0, 0, 1, 1, 2]
    line = next(line for line in lines(first) if line["event"] == "waits")
    assert (line["run"], line["process"]) == (entry.id, "one-2")
    assert line["time"] > 1.7e9


def about_to_start(ledger: FileLedger, key: str = "key") -> LedgerRecord:
    return LedgerRecord(ledger, ledger.begin(key, **FACTS))


def test_nothing_is_started_that_is_refused(make: Make) -> None:
    ledger = make()
    ledger.refusal = lambda: "The budget is spent."
    record = about_to_start(ledger)
    assert record.claim(CONFIGURATION, {"name": "n"}) is not None
    with pytest.raises(RunError) as caught:
        record.claim(EXECUTION, {"configuration": "c"})
    assert str(caught.value) == "The budget is spent."
    ledger.refusal = lambda: None
    ledger.write("unwanted", run=record.entry.id)
    with pytest.raises(RunError) as caught:
        record.claim(EXECUTION, {"configuration": "c"})
    assert str(caught.value) == "No remaining test needs the run, so it is not started."


def test_what_was_begun_is_finished_though_nothing_is_started_any_more(make: Make) -> None:
    ledger = make()
    record = about_to_start(ledger)
    assert record.claim(EXECUTION, {"configuration": "c"}) is not None
    ledger.refusal = lambda: "The budget is spent."
    assert record.claim(EXECUTION, {"configuration": "c"}) is not None


def test_worker_without_its_controller_starts_nothing(make: Make) -> None:
    first, worker = make("one", "1"), make("one", "2")
    record = about_to_start(worker)
    first.close(well=False)
    with pytest.raises(RunError) as caught:
        record.claim(EXECUTION, {"configuration": "c"})
    assert str(caught.value) == "The process that began this session has ended, so nothing more is started."
    assert record.claim(CONFIGURATION, {"name": "n"}) is not None


@pytest.mark.parametrize(
    ("events", "has_room"),
    [
        ([], False),
        ([made()], False),
        ([made(), ("lost", {})], True),
        ([made(), ("gone", {})], True),
        ([made(), ("ended", {"status": "DEAD", "seconds": 1.0})], True),
        ([("failed", {"stage": EXECUTION, "why": "no", "in_doubt": True})], True),
    ],
)
def test_room_is_for_what_is_watched(make: Make, events: list[Any], *, has_room: bool) -> None:
    ledger = make()
    assert ledger.has_room() is True
    ledger.most_at_once = 2
    begun(ledger, "a", made())
    begun(make("two"), "of another session", made())
    assert ledger.has_room()
    begun(ledger, "b", *events)
    assert ledger.has_room() is has_room
    assert (about_to_start(ledger).claim(EXECUTION, {"configuration": "c"}) is not None) is has_room


@pytest.mark.parametrize(
    ("events", "waits"),
    [
        ([], True),
        ([made()], False),
        ([("failed", {"stage": EXECUTION, "why": "no", "in_doubt": True})], False),
    ],
)
def test_two_executions_of_a_configuration_are_not_started_at_once(
    make: Make, events: list[Any], *, waits: bool
) -> None:
    ledger = make()
    first = begun(ledger, "a", *events)
    record = about_to_start(ledger)
    assert record.claim(EXECUTION, {"configuration": "another"}) is not None
    record = about_to_start(ledger)
    assert not ledger.is_being_started("c-a", first)
    assert ledger.is_being_started("c-a", record.entry) is waits
    assert (record.claim(EXECUTION, {"configuration": "c-a"}) is None) is waits


def test_start_of_a_process_that_has_ended_keeps_nobody_waiting(make: Make) -> None:
    ledger = make()
    entry = ledger.begin("a", **FACTS)
    ledger.write("intends", run=entry.id, stage=EXECUTION, process="one-99", time=5.0, configuration="c")
    assert not ledger.is_being_started("c", Entry("r", "s", "k", {}))


@pytest.mark.parametrize(
    ("process", "age"), [("one-2", 10.0), ("one-1", None), ("two-1", None), ("once-1", None), (None, None)]
)
def test_start_by_another_process_of_the_session_has_an_age(make: Make, process: str | None, age: float | None) -> None:
    ledger = make("one", "1")
    record = about_to_start(ledger)
    if process is not None:
        ledger.write("intends", run=record.entry.id, stage=EXECUTION, process=process, time=990.0, configuration="c")
    assert record.begun_elsewhere(Clocks(1000.0, 0.0)) == age


def test_what_is_not_kept_is_not_known(clock: NotedClock) -> None:
    record = NoRecord()
    assert record.claim(EXECUTION, {}) == Stage()
    record.made(EXECUTION, {})
    record.failed(EXECUTION, "no", in_doubt=True)
    record.note("lost")
    assert record.executions_of_others() == set()
    assert (record.running_since, record.ran(clock, None), record.begun_elsewhere(clock)) == (None, 0.0, None)


def test_record_says_what_the_ledger_says(make: Make) -> None:
    ledger, other = make("one", "1"), make("one", "2")
    record = about_to_start(ledger)
    since = [record.running_since]
    record.note("running", time=5.0)
    assert [*since, record.running_since] == [None, 5]
    other.refresh()
    other.write("made", run=record.entry.id, stage=CONFIGURATION, result={"id": "c001"})
    assert record.stage(CONFIGURATION).result == {"id": "c001"}


def test_locks_are_of_the_ledger_and_of_what_they_are_about(make: Make) -> None:
    ledger = make()
    shutil.rmtree(ledger.file.parent.parent)
    with ledger.locked():
        assert ledger.file.with_name("ledger.jsonl.lock").exists()
    with ledger.locked("preflight"):
        assert ledger.file.with_name("ledger.jsonl.preflight.lock").exists()


@pytest.mark.parametrize(("what", "patience"), [("", "0.05"), ("preflight", "0.2")])
def test_lock_for_longer_work_is_waited_for_longer(
    make: Make, monkeypatch: pytest.MonkeyPatch, what: str, patience: str
) -> None:
    monkeypatch.setattr("pytest_aicore.training.live.locks.PATIENCE", 0.05)
    ledger, other = make("one", "1"), make("one", "2")
    with ledger.locked(what), pytest.raises(RunError) as caught, other.locked(what):
        pass
    lock = ledger.file.with_name(f"ledger.jsonl{'.' if what else ''}{what}.lock")
    assert str(caught.value).startswith(f"{lock} has been locked by another process for {patience} s, ")


# Threads ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "do",
    [
        lambda ledger: ledger.refresh(),
        lambda ledger: ledger.open(),
        lambda ledger: ledger.write("opened", session="one"),
        lambda ledger: ledger.record("opened", session="one"),
        lambda ledger: ledger.take_over({"lines": [], "troubles": []}),
        lambda ledger: ledger.handed_over(),
        lambda ledger: ledger.problems,
    ],
    ids=["refresh", "open", "write", "record", "take_over", "handed_over", "problems"],
)
def test_one_thread_at_a_time_reads_and_writes(
    make: Make, monkeypatch: pytest.MonkeyPatch, do: Callable[[FileLedger], object]
) -> None:
    ledger = make()
    entered, go, done = threading.Event(), threading.Event(), threading.Event()
    read_on = LineFile.read_on

    def wait(lines: LineFile) -> Any:
        if not entered.is_set():
            entered.set()
            assert go.wait(10)
        return read_on(lines)

    def second() -> None:
        do(ledger)
        done.set()

    monkeypatch.setattr(LineFile, "read_on", wait)
    threads = [threading.Thread(target=ledger.refresh)]
    threads[0].start()
    assert entered.wait(10)
    threads.append(threading.Thread(target=second))
    threads[1].start()
    assert not done.wait(0.1)
    go.set()
    for thread in threads:
        thread.join(10)
    assert done.is_set()


# Trouble ------------------------------------------------------------------------------------------------------------


def broken(monkeypatch: pytest.MonkeyPatch, error: OSError, name: str = "read_on") -> None:
    def fail(*_: object) -> Any:
        raise error

    monkeypatch.setattr(LineFile, name, fail)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (OSError("odd"), "odd"),
        (BlockingIOError(), "BlockingIOError"),
    ],
)
def test_trouble_is_named(make: Make, monkeypatch: pytest.MonkeyPatch, error: OSError, why: str) -> None:
    ledger = make()
    with monkeypatch.context() as patch:
        broken(patch, error)
        with pytest.raises(RunError) as caught:
            ledger.refresh()
        assert str(caught.value) == f"The ledger {ledger.file} cannot be read: {why}."
        ledger.synchronize()
        assert ledger.problems == [f"the ledger {ledger.file} cannot be read or written ({why})."]
    ledger.refresh()
    assert ledger.problems == [
        f"the ledger {ledger.file} could not be read or written for a while ({why}); now it is complete again."
    ]


def test_what_is_not_on_disk_is_told_and_handed_over(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    controller, worker = make("one", "1"), make("one", "2")
    calm = begun(worker, "a")
    other = begun(controller, "of the controller")
    stranger = begun(make("two"), "of another session")
    worker.refresh()
    assert worker.handed_over() == {"lines": [], "troubles": []}
    with monkeypatch.context() as patch:
        broken(patch, OSError(28, "No space left on device"), "append")
        worker.record("running", run=calm.id, time=5.0)
        assert not worker.is_complete
        given = worker.handed_over()
        assert worker.problems == [
            f"the ledger {worker.file} cannot be read or written (No space left on device): it lacks the latest 1 event."
        ]
        worker.record("lost", run=calm.id)
        assert worker.problems == [
            f"the ledger {worker.file} cannot be read or written (No space left on device): it lacks the latest 2 events."
        ]
        with pytest.raises(RunError) as caught:
            worker.write("kept", run=calm.id)
        assert str(caught.value) == (
            f"The ledger {worker.file} cannot be written (No space left on device), so nothing more is started: each"
            " execution is recorded before it starts."
        )
    handed = [json.loads(line) for line in given["lines"]]
    assert sorted((line["run"], line["event"]) for line in handed) == sorted(
        [(run.id, event) for run in (calm, other) for event in ("run", "intends")] + [(calm.id, "running")]
    )
    assert stranger.id not in str(handed)
    assert given["troubles"] == ["No space left on device"]
    before = len(lines(controller))
    controller.take_over(given)
    assert controller.entries[calm.id].running_since == 5
    assert [line["event"] for line in lines(controller)[before:]] == ["running"]
    assert controller.problems == [
        (
            f"the ledger {controller.file} could not be read or written for a while (No space left on device); now it is"
            " complete again."
        )
    ]


def test_what_vanishes_as_it_is_written_is_not_started(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = make()
    monkeypatch.setattr(LineFile, "append", lambda *_: None)
    with pytest.raises(RunError) as caught:
        ledger.begin("key", **FACTS)
    assert str(caught.value) == (
        f"The ledger {ledger.file} cannot be written (it was deleted or replaced meanwhile), so nothing more is"
        " started: each execution is recorded before it starts."
    )


@pytest.mark.parametrize("when", ["before", "after"])
def test_folder_that_is_deleted_as_an_event_is_written_delays_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """All that was known is written to the new file, and the event with it."""
    ledger = make()
    first = begun(ledger, "a", made())
    append = LineFile.append
    deleted: list[str] = []

    def deleting(file: LineFile, texts: list[str]) -> None:
        if when == "after":
            append(file, texts)
        if not deleted:
            shutil.rmtree(ledger.file.parent)
            ledger.file.parent.mkdir()
            deleted.append(when)
        if when == "before":
            append(file, texts)

    monkeypatch.setattr(LineFile, "append", deleting)
    second = ledger.begin("b", **FACTS)
    assert deleted
    assert {line["run"] for line in lines(ledger) if line["event"] == "run"} == {first.id, second.id}
    assert ledger.is_complete


@pytest.mark.parametrize("event", [("ended", {"status": "DEAD", "seconds": 1.0}), ("stopping", {}), ("gone", {})])
def test_file_that_is_made_anew_has_what_somebody_may_still_have_to_find(
    make: Make, event: tuple[str, dict[str, Any]]
) -> None:
    ledger, other = make("one"), make("two")
    mine = begun(ledger, "a", made(), event)
    theirs = begun(other, "b", made())
    over = begun(other, "c", made(), event, ("stopping", {}), ("gone", {}))
    ledger.refresh()
    ledger.file.unlink()
    ledger.refresh()
    runs = [line["run"] for line in lines(ledger) if line["event"] == "run"]
    assert runs == [mine.id, theirs.id]
    assert over.id not in {line.get("run") for line in lines(ledger) if line["event"] in ("intends", "made", event[0])}
    assert ledger.problems == [
        f"the ledger {ledger.file} was deleted or replaced during the session; what this session knew was written again."
    ]


def test_file_that_was_replaced_is_counted_from_its_beginning(make: Make) -> None:
    ledger = make()
    begun(ledger)
    ledger.file.write_text("nonsense\n", encoding="utf-8")
    ledger.refresh()
    assert ledger.problems[-1] == (
        f"1 line of the ledger {ledger.file} cannot be read and was skipped; line 1: not JSON."
    )


def test_line_of_an_old_version_may_be_said_twice_and_is_known_again_in_another_file(make: Make) -> None:
    ledger = make()
    line = b'{"event": "closed", "session": "two"}\n'
    for _ in range(2):
        with ledger.file.open("ab") as file:
            file.write(line)
        ledger.refresh()
    assert ledger.closed_sessions == ["two", "two"]
    ledger.file.write_bytes(line)
    ledger.refresh()
    assert ledger.closed_sessions == ["two", "two"]


def test_run_that_is_told_twice_is_written_again_once(make: Make) -> None:
    ledger = make()
    entry = begun(ledger)
    again = {"event": "run", "id": "x-1", "run": entry.id, "session": "two", "key": "k", **FACTS}
    with ledger.file.open("a", encoding="utf-8") as file:
        file.write(json.dumps(again) + "\n")
    ledger.refresh()
    ledger.file.unlink()
    ledger.refresh()
    assert [line["session"] for line in lines(ledger) if line["event"] == "run"] == ["one"]


def test_events_whose_run_is_missing_are_told(make: Make) -> None:
    ledger = make()
    for number, run in enumerate(["r1", "r2", "r2"]):
        ledger.write("made", run=run, stage=EXECUTION, result={"id": f"e{number}"})
    assert ledger.problems == [
        (
            f"the ledger {ledger.file} has events of 2 runs whose first line is missing, among them the executions e0, e1, e2."
            " `pytest-aicore sweep --older-than T` finds what still runs by its name."
        )
    ]
    ledger.write("run", run="r2", session="one", key="k", **FACTS)
    assert ledger.entries["r2"].execution_id == "e2"
    ledger.write("run", run="r1", session="one", key="k", **FACTS)
    assert ledger.problems == []
    ledger.write("lost", run="r3")
    assert ledger.problems == [
        (
            f"the ledger {ledger.file} has events of 1 run whose first line is missing. `pytest-aicore sweep --older-than T`"
            " finds what still runs by its name."
        )
    ]


def test_lines_that_cannot_be_read_are_told(make: Make) -> None:
    ledger = make()
    entry = begun(ledger)
    with ledger.file.open("ab") as file:
        file.write(b'\n \nnonsense\n{"event": "run"}\n{"event": "lo')
    again = json.dumps({"event": "run", "id": "x-1", "run": entry.id, "session": "two", "key": "k", **FACTS})
    ledger.refresh()
    text = f"3 lines of the ledger {ledger.file} cannot be read and were skipped; line 6: not JSON."
    assert ledger.problems == [text]
    with ledger.file.open("ab") as file:
        file.write(f'st"}}\n{again}\n'.encode())
    ledger.refresh()
    assert ledger.problems == [text.replace("3 lines", "4 lines")]
    assert entry.session == "one"
