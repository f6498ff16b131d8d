"""The ledger when the disk fails, files vanish and lines are damaged: memory follows what happened, the disk memory."""

from __future__ import annotations

import errno
import json
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.errors import RunError
from pytest_aicore.training.live import line_file
from pytest_aicore.training.live.keeping import Keeper
from pytest_aicore.training.live.ledger import ARTIFACTS, CONFIGURATION, EXECUTION, Entry, FileLedger, LedgerRecord
from pytest_aicore.training.live.locks import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

FACTS: dict[str, Any] = {"host": "https://h", "resource_group": "default", "workflow": "w.yaml", "time": 1000.0}
MONEY = "so nothing more is started: each execution is recorded before it starts."


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the ledger is: in a folder of its own, as `.pytest_cache/aicore` is."""
    return tmp_path / "aicore" / "ledger.jsonl"


@pytest.fixture
def ledger(file: Path) -> Iterator[FileLedger]:
    """A ledger of a session that has begun."""
    ledger = FileLedger(file, "one")
    ledger.open()
    yield ledger
    ledger.close(well=False)


def started(ledger: FileLedger, key: str = "key") -> LedgerRecord:
    """Return the record of a run whose execution is about to be started."""
    record = LedgerRecord(ledger, ledger.begin(key, **FACTS))
    assert record.claim(EXECUTION, {"configuration": f"c-{key}"}) is not None
    return record


def as_others_read(file: Path) -> dict[str, Entry]:
    """Return the entries that a process reads that knows nothing but the file."""
    other = FileLedger(file, "other")
    other.refresh()
    return other.entries


# The disk fails -------------------------------------------------------------------------------------------------


def refusing(name: str, number: int) -> Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[str]]:
    """Return a fault: a call of the system for the ledger fails with an error."""

    @contextmanager
    def fault(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        call = getattr(os, name)

        def refuse(*arguments: Any) -> Any:
            if name == "open" and arguments[0] != file:
                return call(*arguments)
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch:
            patch.setattr(os, name, refuse)
            yield os.strerror(number)

    return fault


@contextmanager
def short_write(_: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let half of each line be written, as on a disk that has just become full."""
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, text: write(handle, text[: len(text) // 2]))
        yield os.strerror(errno.ENOSPC)


@contextmanager
def file_is_a_folder(file: Path, _: pytest.MonkeyPatch) -> Iterator[str]:
    """Put a folder where the file was."""
    away = file.rename(file.with_name("away"))
    file.mkdir()
    yield os.strerror(errno.EISDIR)
    file.rmdir()
    away.rename(file)


@contextmanager
def folder_is_a_file(file: Path, _: pytest.MonkeyPatch) -> Iterator[str]:
    """Put a file where the folder was; what was in it is lost."""
    shutil.rmtree(file.parent)
    file.parent.write_text("")
    yield os.strerror(errno.ENOTDIR)
    file.parent.unlink()


@contextmanager
def unreadable(_: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let reading fail."""

    def refuse(*_: Any) -> Any:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(line_file.LineFile, "read_on", refuse)
        yield os.strerror(errno.EIO)


FAULTS: dict[str, Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[str]]] = {
    "disk full": refusing("write", errno.ENOSPC),
    "quota": refusing("write", errno.EDQUOT),
    "broken disk": refusing("write", errno.EIO),
    "not flushed": refusing("fsync", errno.EIO),
    "read-only": refusing("open", errno.EROFS),
    "no rights": refusing("open", errno.EACCES),
    "NFS": refusing("open", errno.ESTALE),
    "too many files": refusing("open", errno.EMFILE),
    "short write": short_write,
    "unreadable": unreadable,
    "file is a folder": file_is_a_folder,
    "folder is a file": folder_is_a_file,
}
HAPPENED: dict[str, dict[str, Any]] = {
    "made": {"stage": EXECUTION, "result": {"id": "e1"}},
    "failed": {"stage": EXECUTION, "why": "refused", "in_doubt": False},
    "running": {"time": 1010.0},
    "ended": {"status": "COMPLETED", "seconds": 45.0},
    "lost": {},
    "stopping": {"time": 1020.0, "executions": ["e1"], "why": "the budget is spent."},
    "kept": {},
    "gone": {},
    "wanted": {"tests": ["test_it.py::test_it"]},
    "unwanted": {},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_has_happened_is_known_at_once_and_written_later(
    ledger: FileLedger, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    records = {event: started(ledger, event) for event in HAPPENED}
    before = as_others_read(ledger.file)
    with FAULTS[fault](ledger.file, monkeypatch) as reason:
        for event, record in records.items():
            record.note(event, **HAPPENED[event])
            assert record.entry != before[record.entry.id], event
        (problem,) = ledger.problems[:1]
        assert problem.startswith(
            f"the ledger {ledger.file} cannot be read or written ({reason}): it lacks the latest "
        )
        assert ledger.handed_over()["lines"]
    ledger.synchronize()
    assert as_others_read(ledger.file) == ledger.entries
    assert ledger.is_complete
    assert ledger.problems[0] == (
        f"the ledger {ledger.file} could not be read or written for a while ({reason}); now it is complete again."
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_started_that_cannot_be_written_down(
    ledger: FileLedger, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    record = started(ledger)
    record.made(EXECUTION, {"id": "e1"})
    other = LedgerRecord(ledger, ledger.begin("other", **FACTS))
    with FAULTS[fault](ledger.file, monkeypatch) as reason:
        with pytest.raises(RunError) as caught:
            ledger.begin("third", **FACTS)
        assert str(caught.value) == f"The ledger {ledger.file} cannot be written ({reason}), {MONEY}"
        with pytest.raises(RunError, match=r"^The ledger .* cannot be (written|read)"):
            other.claim(EXECUTION, {"configuration": "c"})
    assert not other.entry.is_open
    ledger.synchronize()
    ledger.begin("fourth", **FACTS)
    assert as_others_read(ledger.file) == ledger.entries
    assert [each.key for each in ledger.entries.values() if each.is_open] == ["key"]


@pytest.mark.parametrize("fault", ["disk full", "not flushed", "short write"])
def test_start_that_could_not_be_announced_keeps_no_other_process_waiting(
    ledger: FileLedger, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """The line may stand on the disk all the same."""
    record = LedgerRecord(ledger, ledger.begin("key", **FACTS))
    with FAULTS[fault](ledger.file, monkeypatch), pytest.raises(RunError, match="cannot be written"):
        record.claim(EXECUTION, {"configuration": "c"})
    ledger.synchronize()
    worker = FileLedger(ledger.file, "one")
    worker.process = "one-worker"
    worker.refresh()
    stage = LedgerRecord(worker, worker.entries[record.entry.id]).claim(EXECUTION, {"configuration": "c"})
    assert stage is not None
    assert stage.failure is not None
    assert stage.failure.endswith(MONEY)


def test_start_that_another_process_began_stays_in_doubt(ledger: FileLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    record = LedgerRecord(ledger, ledger.begin("key", **FACTS))
    facts = {"stage": EXECUTION, "process": "one-gone", "time": 1.0, "configuration": "c"}
    ledger.write("intends", run=record.entry.id, **facts)
    assert record.entry.is_open
    with FAULTS["disk full"](ledger.file, monkeypatch), pytest.raises(RunError):
        record.claim(EXECUTION, {"configuration": "c"})
    assert record.entry.is_open


def test_end_that_could_not_be_written_makes_room(ledger: FileLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.most_at_once = 1
    record = started(ledger)
    other = LedgerRecord(ledger, ledger.begin("other", **FACTS))
    assert other.claim(EXECUTION, {"configuration": "c"}) is None
    with FAULTS["broken disk"](ledger.file, monkeypatch):
        record.note("ended", status="COMPLETED", seconds=1.0)
        assert ledger.has_room()
    assert other.claim(EXECUTION, {"configuration": "c"}) is not None


def test_who_waits_for_another_process_notices_that_nothing_can_be_written(
    ledger: FileLedger, monkeypatch: pytest.MonkeyPatch, stop_clock: Callable[[], list[float]]
) -> None:
    """The other one cannot write down its end, so the wait for it would have none."""
    ledger.most_at_once = 1
    started(ledger)
    other = LedgerRecord(ledger, ledger.begin("other", **FACTS))
    now = stop_clock()
    with FAULTS["disk full"](ledger.file, monkeypatch):
        assert other.claim(EXECUTION, {"configuration": "c"}) is None
        now[0] += 14.9
        assert other.claim(EXECUTION, {"configuration": "c"}) is None
        now[0] += 0.2
        with pytest.raises(RunError, match="cannot be written"):
            other.claim(EXECUTION, {"configuration": "c"})
    now[0] += 20
    assert other.claim(EXECUTION, {"configuration": "c"}) is None


def test_lock_that_cannot_be_had_is_an_error_that_says_so(ledger: FileLedger) -> None:
    record = LedgerRecord(ledger, ledger.begin("key", **FACTS))
    lock = ledger.file.with_name("ledger.jsonl.lock")
    lock.mkdir()
    with pytest.raises(RunError) as caught:
        record.claim(EXECUTION, {"configuration": "c"})
    assert str(caught.value) == (f"The ledger {ledger.file} cannot be written ({os.strerror(errno.EISDIR)}), {MONEY}")


def test_file_system_without_locks_is_not_another_session(ledger: FileLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("pytest_aicore.training.live.locks._lock", refuse)
    with pytest.raises(RunError) as caught, ledger.locked():
        pass
    assert os.strerror(errno.ENOLCK) in str(caught.value)


def test_events_of_a_worker_that_could_not_write_are_handed_over(
    ledger: FileLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = FileLedger(ledger.file, "one")
    worker.process = "one-worker"
    worker.open()
    record = started(worker)
    with FAULTS["disk full"](ledger.file, monkeypatch):
        record.made(EXECUTION, {"id": "e1"})
        worker.close(well=False)
        given = json.loads(json.dumps(worker.handed_over()))
        ledger.take_over(given)
        assert ledger.entries == {record.entry.id: record.entry}
        assert not ledger.is_complete
    ledger.synchronize()
    assert as_others_read(ledger.file) == ledger.entries
    (problem,) = ledger.problems
    assert problem == (
        f"the ledger {ledger.file} could not be read or written for a while (No space left on device); now it is"
        " complete again."
    )


# Files vanish ---------------------------------------------------------------------------------------------------


def replace(file: Path) -> None:
    """Put the ledger of another session there, which is longer."""
    away = FileLedger(file.with_name("another"), "another")
    for number in range(20):
        away.begin(f"key-{number}", **FACTS)
    away.file.replace(file)


def cut(file: Path) -> None:
    """Cut the file off, and let another process append to what is left of it, until it is longer than before."""
    size = file.stat().st_size
    os.truncate(file, size // 2)
    other = FileLedger(file, "another")
    while file.stat().st_size <= size:
        other.begin("key", **FACTS)


LOSSES: dict[str, Callable[[Path], object]] = {
    "file deleted": lambda file: file.unlink(),
    "folder deleted": lambda file: shutil.rmtree(file.parent),
    "file emptied": lambda file: os.truncate(file, 0),
    "file cut off": lambda file: os.truncate(file, file.stat().st_size - 30),
    "file cut off and appended to": cut,
    "file moved away": lambda file: file.rename(file.with_name("moved")),
    "file replaced": replace,
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("and_then", ["nothing", "an event", "a start"])
def test_file_is_made_anew_with_what_may_run(ledger: FileLedger, loss: str, and_then: str) -> None:
    record, ended = started(ledger), started(ledger, "other")
    record.made(EXECUTION, {"id": "e1"})
    ended.note("ended", status="DEAD", seconds=3.0)
    LOSSES[loss](ledger.file)
    if and_then == "nothing":
        ledger.synchronize()
    elif and_then == "an event":
        record.note("running", time=1005.0)
    else:
        started(ledger, "third")
    entries = as_others_read(ledger.file)
    assert {run: entries[run] for run in ledger.entries if ledger.entries[run].session == "one"} == {
        run: entry for run, entry in ledger.entries.items() if entry.session == "one"
    }
    other = FileLedger(ledger.file, "next")
    other.refresh()
    assert other.is_alive("one")
    assert [each for each in other.leftover("https://h", "default") if each.session == "one"] == []
    assert ledger.problems[0] == (
        f"the ledger {ledger.file} was deleted or replaced during the session; what this session knew was written again."
    )
    ledger.close(well=False)
    assert "e1" in [each.execution_id for each in other.leftover("https://h", "default") if each.session == "one"]


def test_two_processes_make_it_anew_together(ledger: FileLedger) -> None:
    worker = FileLedger(ledger.file, "one")
    worker.process = "one-worker"
    worker.open()
    record = started(worker)
    ledger.refresh()
    shutil.rmtree(ledger.file.parent)
    record.made(EXECUTION, {"id": "e1"})
    for each in (ledger, worker, ledger):
        each.synchronize()
    assert as_others_read(ledger.file) == worker.entries == ledger.entries
    assert record.entry.execution_id == "e1"
    worker.close(well=False)


def test_worker_starts_when_its_controller_has_made_its_lock_anew(ledger: FileLedger) -> None:
    worker = FileLedger(ledger.file, "one")
    worker.process = "one-worker"
    worker.open()
    record = LedgerRecord(worker, worker.begin("key", **FACTS))
    shutil.rmtree(ledger.file.parent)
    assert record.claim(EXECUTION, {"configuration": "c"}) is None
    ledger.synchronize()
    assert record.claim(EXECUTION, {"configuration": "c"}) is not None
    worker.close(well=False)


def test_folder_that_is_deleted_in_the_middle_of_a_claim(ledger: FileLedger) -> None:
    worker = FileLedger(ledger.file, "one")
    worker.process = "one-worker"
    worker.open()
    record = LedgerRecord(worker, worker.begin("key", **FACTS))
    worker.refusal = lambda: shutil.rmtree(ledger.file.parent)
    assert record.claim(EXECUTION, {"configuration": "c"}) is None
    worker.refusal = lambda: None
    assert record.claim(EXECUTION, {"configuration": "c"}) is None
    ledger.synchronize()
    assert record.claim(EXECUTION, {"configuration": "c"}) is not None
    worker.close(well=False)


def test_process_that_began_the_session_and_is_gone(ledger: FileLedger, stop_clock: Callable[[], list[float]]) -> None:
    """Also if the folder was deleted: it would have created its lock again by then."""
    worker = FileLedger(ledger.file, "one")
    worker.process = "one-worker"
    worker.open()
    record = LedgerRecord(worker, worker.begin("key", **FACTS))
    shutil.rmtree(ledger.file.parent)
    now = stop_clock()
    assert record.claim(EXECUTION, {"configuration": "c"}) is None
    now[0] += 9.9
    assert record.claim(EXECUTION, {"configuration": "c"}) is None
    now[0] += 0.2
    with pytest.raises(
        RunError, match=r"^The process that began this session has ended, so nothing more is started\.$"
    ):
        record.claim(EXECUTION, {"configuration": "c"})
    worker.close(well=False)


def test_lock_of_a_process_is_made_anew_alone(ledger: FileLedger) -> None:
    next(ledger.file.parent.glob("*.alive-*")).unlink()
    ledger.synchronize()
    other = FileLedger(ledger.file, "next")
    other.refresh()
    assert other.is_alive("one")


def test_keeper_makes_anew_what_is_deleted_while_nothing_else_happens(ledger: FileLedger) -> None:
    from threading import Event

    record = started(ledger)
    looked = Event()
    shutil.rmtree(ledger.file.parent)
    keeper = Keeper(ledger, looked.set, interval=0.01)
    assert looked.wait(30)
    keeper.end(30)
    assert as_others_read(ledger.file) == {record.entry.id: record.entry}


def test_reader_of_a_file_that_is_not_its_own_writes_nothing_again(ledger: FileLedger) -> None:
    reader = FileLedger(ledger.file, "one")
    started(ledger)
    reader.refresh()
    ledger.file.unlink()
    reader.refresh()
    assert not ledger.file.exists()


def test_sessions_with_the_special_characters_of_patterns_in_the_file_s_name(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path / "led[1]*.jsonl", "one")
    ledger._order["one"] = 0  # an older version, which did not write who began the session
    ledger.open()
    ledger.begin("key", **FACTS)
    other = FileLedger(ledger.file, "next")
    other.refresh()
    assert other.is_alive("one")
    ledger.close(well=True)
    assert not other.is_alive("one")


@pytest.mark.parametrize("begun_by_link", [True, False])
def test_session_lives_by_whatever_name_its_file_is_known(tmp_path: Path, *, begun_by_link: bool) -> None:
    """Else whoever comes by a symbolic link would stop what it runs."""
    real, link = tmp_path / "there/real.jsonl", tmp_path / "link.jsonl"
    link.symlink_to(real)  # which is not there yet, nor is its folder
    ledger = FileLedger(link if begun_by_link else real, "one")
    ledger.open()
    ledger.begin("key", **FACTS)
    other = FileLedger(real if begun_by_link else link, "next")
    other.refresh()
    assert other.is_alive("one")
    with ledger.locked():
        assert not FileLock(tmp_path / "there/real.jsonl.lock").take()
    ledger.close(well=True)
    assert not other.is_alive("one")


def test_process_whose_lock_cannot_be_read_may_be_alive(ledger: FileLedger) -> None:
    lock = next(ledger.file.parent.glob("*.alive-*"))
    other = FileLedger(ledger.file, "next")
    other.refresh()
    lock.unlink()
    lock.symlink_to(lock)
    with pytest.raises(RunError) as caught:
        other.is_alive("one")
    assert str(caught.value) == (
        f"{lock} cannot be read ({os.strerror(errno.ELOOP)}), so it is not known whether the session of a run is still"
        " running."
    )


# What a run looks like to others ----------------------------------------------------------------------------------


def test_what_no_test_is_left_for_is_not_started(ledger: FileLedger) -> None:
    record = LedgerRecord(ledger, ledger.begin("key", **FACTS))
    record.note("wanted", tests=["a", "b"])
    ledger.record("done", session="one", tests=["a"])
    assert ledger.unneeded() == []
    ledger.record("done", session="two", tests=["b"])
    assert ledger.unneeded() == []
    ledger.record("done", session="one", tests=["b"])
    assert ledger.unneeded() == [record.entry]
    record.note("wanted", tests=["b"])  # it is run once more
    assert ledger.unneeded() == []
    ledger.record("done", session="one", tests=["b"])
    record.note("unwanted")
    assert ledger.unneeded() == []
    assert ledger.of_key("key") is None
    with pytest.raises(RunError, match=r"^No remaining test needs the run, so it is not started\.$"):
        record.claim(EXECUTION, {"configuration": "c"})
    assert record.claim(CONFIGURATION, {"name": "n"}) is not None
    assert record.claim(ARTIFACTS, {}) is not None
