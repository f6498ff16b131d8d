"""The ledger: what a live session starts is on disk before it costs money, and can be found again afterwards.

A file of JSON lines that is only ever appended to; each line is on disk before what it announces happens. Several
processes may write it: the workers of one session, and other sessions. A line cut off by the end of its writer is
passed over. An *entry* is what the lines say of one run together.

| event | means |
|---|---|
| `opened`, `closed` | a session began; it ended well, having stopped what it started |
| `run` | a run was asked for: its key, workflow, resource group and host |
| `intends` | a process is about to make a stage of a run: its artifacts, its configuration, its execution |
| `made`, `failed` | what became of that |
| `running`, `ended` | what the service says of the execution |
| `lost` | a process of the session cannot watch it any more; it may still run |
| `stopping`, `kept`, `gone` | why nobody watches it any more |
| `adopted` | another session goes on with a run |
"""

from __future__ import annotations

import errno
import json
import os
import secrets
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pytest_aicore.errors import RunError
from pytest_aicore.processes import Home, HomeLock
from pytest_aicore.redact import redact
from pytest_aicore.training.locks import FileLock, held, is_held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ARTIFACTS, CONFIGURATION, EXECUTION = "artifacts", "configuration", "execution"


def new_id() -> str:
    """Return an id that no other session or run has."""
    return secrets.token_hex(6)


@dataclass
class Stage:
    """One stage of a run, as far as it is known.

    Attributes:
        process: who makes it, or made it; None if nobody has begun.
        intent: what was about to be made.
        since: when, in seconds since the epoch.
        result: what was made.
        failure: why it could not be made.
        in_doubt: whether it may have been made all the same.
    """

    process: str | None = None
    intent: dict[str, Any] = field(default_factory=dict)
    since: float = 0.0
    result: dict[str, Any] | None = None
    failure: str | None = None
    in_doubt: bool = False


@dataclass
class Entry:
    """What the ledger says of one run.

    Attributes:
        id: of the run.
        session: whose run it is.
        key: what makes it the same run in another process or session.
        facts: workflow, scenario, executable, host, resource group, test and time of its beginning.
        stages: by name.
        status: the final status, None if nobody has seen the end of it.
        seconds: how long it ran, as far as that is known.
        running_since: when it was first seen to run, in seconds since the epoch; None if it was not.
        lost: whether the session waits for it no more, although it may still run.
        stopped: whether somebody of ours stopped it.
        stopped_because: why, and what became of it, as sentences; None where only its end is known.
        kept: whether it was left running because the user wanted that.
        gone: whether it was found not to exist.
    """

    id: str
    session: str
    key: str
    facts: dict[str, Any]
    stages: dict[str, Stage] = field(
        default_factory=lambda: {name: Stage() for name in (ARTIFACTS, CONFIGURATION, EXECUTION)}
    )
    status: str | None = None
    seconds: float = 0.0
    running_since: float | None = None
    lost: bool = False
    stopped: bool = False
    stopped_because: str | None = None
    kept: bool = False
    gone: bool = False

    @property
    def execution_id(self) -> str | None:
        """The execution, None if it has none or its id was never learnt."""
        result = self.stages[EXECUTION].result
        return str(result["id"]) if result else None

    @property
    def configuration_id(self) -> str | None:
        """The configuration, None if it has none or its id was never learnt."""
        result = self.stages[CONFIGURATION].result
        return str(result["id"]) if result else None

    @property
    def has_begun(self) -> bool:
        """Whether anything of it may have been made."""
        return any(stage.process is not None for stage in self.stages.values())

    @property
    def is_open(self) -> bool:
        """Whether there may be an execution that costs money."""
        execution = self.stages[EXECUTION]
        asked = execution.process is not None and (execution.failure is None or execution.in_doubt)
        return asked and self.status is None and not self.stopped and not self.gone


class Record(Protocol):
    """Where one run takes down what it is about to do, and what became of it."""

    def claim(self, name: str, intent: dict[str, Any]) -> Stage | None:
        """Announce a stage, or return what another process has made of it, None while it is at it."""

    def made(self, name: str, result: dict[str, Any]) -> None:
        """Take down the result of a stage."""

    def failed(self, name: str, why: str, *, in_doubt: bool) -> None:
        """Take down that a stage could not be made."""

    def note(self, event: str, **facts: object) -> None:
        """Take down something else."""

    def executions_of_others(self) -> set[str]:
        """Return the executions that are known to be of other runs."""

    @property
    def running_since(self) -> float | None:
        """When it was first seen to run, in seconds since the epoch; None if it was not."""

    @property
    def begun_elsewhere(self) -> float | None:
        """When another process of this session was about to start the execution; None if none was."""


class NoRecord:
    """Nothing that the emulator starts costs money, and nobody else knows of it."""

    def claim(self, name: str, intent: dict[str, Any]) -> Stage | None:  # noqa: ARG002  there is nothing to tell apart
        """Let the caller make the stage."""
        return Stage()

    def made(self, name: str, result: dict[str, Any]) -> None:
        """Forget the result."""

    def failed(self, name: str, why: str, *, in_doubt: bool) -> None:
        """Forget the failure."""

    def note(self, event: str, **facts: object) -> None:
        """Forget the event."""

    def executions_of_others(self) -> set[str]:
        """Know of none."""
        return set()

    @property
    def running_since(self) -> float | None:
        """Not known."""
        return None

    @property
    def begun_elsewhere(self) -> float | None:
        """Nobody else knows of it."""
        return None


class FileLedger:
    """The ledger of one process of a session.

    Args:
        file: where; its folder is made if need be.
        session: the id of the session, the same in all its processes.
        home: the process; one that was forked from it can neither read nor write.
    """

    def __init__(self, file: Path, session: str, home: Home | None = None) -> None:
        self._home = home or Home()
        self.file = file
        self.session = session
        self.process = f"{session}-{os.getpid()}"
        self.entries: dict[str, Entry] = {}
        self.closed_sessions: list[str] = []
        self.checked: dict[tuple[str, str], str | None] = {}
        """By session and executable what a preflight found, None for nothing."""
        self._read = 0
        self._reading = HomeLock(self._home.require_for_runs)
        self._alive: FileLock | None = None
        self._order: list[str] = []
        self._owners: dict[str, str] = {}
        self.most_at_once: int | None = None
        """How many executions of the session may run at once, None for any number."""
        self.refusal: Callable[[], str | None] = lambda: None
        """Says why no execution may be started any more, None if one may."""

    # What it says ---------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read what has been written since the last time, by whomever."""
        with self._reading:
            self._read_on()

    def _read_on(self) -> None:
        try:
            with self.file.open("rb") as lines:
                if lines.seek(0, os.SEEK_END) < self._read:
                    self._read = 0  # somebody has removed the file, and somebody has begun another
                lines.seek(self._read)
                content = lines.read()
        except FileNotFoundError:
            return
        except OSError as error:
            raise RunError(f"The ledger {self.file} cannot be read: {error.strerror or error}.") from None
        whole, end, _ = content.rpartition(b"\n")
        self._read += len(whole) + len(end)
        for line in whole.splitlines():
            with suppress(ValueError, KeyError, TypeError, AttributeError):  # cut off, or no line of ours
                self._take(json.loads(line))

    def _take(self, line: dict[str, Any]) -> None:
        event = line.pop("event")
        if event == "opened":
            self._order.append(line["session"])
            if "process" in line:
                self._owners[line["session"]] = line["process"]
        elif event == "closed":
            self.closed_sessions.append(line["session"])
        elif event == "checked":
            self.checked[line["session"], line["executable"]] = line["found"]
        elif event == "run":
            run = line.pop("run")
            line |= {name: str(line[name]) for name in ("host", "resource_group", "workflow")}
            line["time"] = float(line["time"])
            self.entries[run] = Entry(run, line.pop("session"), line.pop("key"), line)
        else:
            self._take_of(self.entries[line.pop("run")], event, line)

    def _take_of(self, entry: Entry, event: str, line: dict[str, Any]) -> None:
        if event == "intends":
            stage = Stage(line.pop("process"), since=float(line.pop("time")))
            entry.stages[line.pop("stage")] = stage
            stage.intent = line
        elif event == "made":
            result = dict(line["result"])
            if line["stage"] != ARTIFACTS:
                result["id"] = str(result["id"])
            entry.stages[line["stage"]].result = result
        elif event == "failed":
            stage = entry.stages[line["stage"]]
            stage.failure, stage.in_doubt = line["why"], line["in_doubt"]
        elif event == "running":
            entry.running_since = float(line["time"])
        elif event == "ended":
            entry.status, entry.seconds = str(line["status"]), float(line["seconds"])
        elif event == "stopping":
            entry.stopped = True
            entry.stopped_because = entry.stopped_because or line.get("why")  # another worker may come second
            if entry.status is None and entry.running_since is not None:
                entry.seconds = max(0.0, line["time"] - entry.running_since)
        elif event == "lost":
            entry.lost = True
        elif event == "kept":
            entry.kept = True
        elif event == "gone":
            entry.gone = True
        elif event == "adopted":
            entry.session, entry.kept, entry.lost = line["session"], False, False
            for stage in entry.stages.values():
                if stage.in_doubt:  # it is looked for again
                    stage.failure, stage.in_doubt = None, False

    def of_session(self) -> list[Entry]:
        """Return the entries of this session."""
        return [entry for entry in self.entries.values() if entry.session == self.session]

    def left_behind(self, host: str, resource_group: str) -> list[Entry]:
        """Return the open entries of sessions that have ended, of one resource group of one host.

        Args:
            host: of the service.
            resource_group: where the executions run.
        """
        return [
            entry
            for entry in self.entries.values()
            if entry.is_open
            and entry.facts.get("host") == host
            and entry.facts.get("resource_group") == resource_group
            and not self.is_alive(entry.session)
        ]

    def resumable(self, key: str, host: str, resource_group: str) -> Entry | None:
        """Return the newest entry that another session can go on with, None if there is none.

        That is a run nobody has seen the end of; or one that has ended, but whose session was killed before it could
        say so to its test, with no session since then that ended well.

        Args:
            key: of the run.
            host: of the service.
            resource_group: where the execution runs.
        """
        settled = max((self._order.index(each) for each in self.closed_sessions if each in self._order), default=-1)
        for entry in reversed(self.entries.values()):
            its = entry.facts
            if (entry.key, its.get("host"), its.get("resource_group")) != (key, host, resource_group):
                continue
            if entry.stopped or entry.gone or entry.session == self.session or self.is_alive(entry.session):
                continue
            unsettled = entry.session in self._order and self._order.index(entry.session) > settled
            if entry.is_open or (entry.status is not None and unsettled):
                return entry
        return None

    # What is written ------------------------------------------------------------------------------------------------

    def open(self, **facts: object) -> None:
        """Begin a session, or another process of it.

        Raises:
            RunError: the ledger cannot be written.
        """
        with self._reading:  # one of the threads that start runs
            if self._alive is not None:
                return
            with self._said():
                self.file.parent.mkdir(parents=True, exist_ok=True)
                alive = FileLock(self._alive_file(self.process))
                alive.take_for_life()
            self._alive = alive
            self.refresh()
            if self.session not in self._order:
                self.write("opened", session=self.session, process=self.process, **facts)

    def close(self, *, well: bool) -> None:
        """End this process's part in the session.

        Args:
            well: whether the session has ended, and nothing of it runs that should not.
        """
        if self._alive is None:
            return
        if well:
            with suppress(RunError):
                self.write("closed", session=self.session)
        self._alive.release(remove=True)
        self._alive = None

    def locked(self, what: str = "") -> AbstractContextManager[None]:
        """Keep the other processes out while something is read and, depending on it, written.

        Args:
            what: for longer work, what it is about: only those who want the same are kept out.
        """
        with self._said():
            self.file.parent.mkdir(parents=True, exist_ok=True)
        return held(self.file.with_name(f"{self.file.name}{f'.{what}' if what else ''}.lock"), longer=bool(what))

    def has_room(self) -> bool:
        """Tell whether another execution of the session may be started."""
        if self.most_at_once is None:
            return True
        # What is lost must not keep others waiting: nobody would ever tell of its end.
        running = [
            each
            for each in self.of_session()
            if each.is_open and not each.lost and each.stages[EXECUTION].failure is None
        ]
        return len(running) < self.most_at_once

    def is_being_started(self, configuration_id: str, but: Entry) -> bool:
        """Tell whether an execution of a configuration is being started right now.

        Two at once could not be told apart if an answer got lost; only reused configurations have two.

        Args:
            configuration_id: of the executions.
            but: the run that does not count.
        """
        return any(
            stage.process is not None
            and stage.result is None
            and stage.failure is None
            and stage.intent.get("configuration") == configuration_id
            and self.is_at_work(stage.process)
            for entry in self.entries.values()
            if entry is not but and (stage := entry.stages[EXECUTION])
        )

    def executions_of_others(self, entry: Entry) -> set[str]:
        """Return the executions that are known to be of other runs.

        Args:
            entry: of the run whose own they are not.
        """
        return {each.execution_id for each in self.entries.values() if each is not entry and each.execution_id}

    def of_key(self, key: str) -> Entry | None:
        """Return the entry of a run of this session, None if nobody has asked for it, or it was stopped.

        Args:
            key: of the run.
        """
        self.refresh()
        known = [entry for entry in self.of_session() if entry.key == key and not entry.stopped and not entry.gone]
        return known[-1] if known else None

    def begin(self, key: str, **facts: object) -> Entry:
        """Take down that a run was asked for, and return its entry.

        Args:
            key: of the run.
            facts: workflow, scenario, executable, host, resource group, test, time.

        Raises:
            RunError: it cannot be written; then nothing must be started.
        """
        run = new_id()
        self.write("run", run=run, session=self.session, key=key, **facts)
        self.refresh()
        return self.entries[run]

    def write(self, event: str, **facts: object) -> None:
        """Append an event.

        Args:
            event: see above.
            facts: ids, names, times.

        Raises:
            RunError: it cannot be written; then nothing must be started.
        """
        shown = {name: redact(value) if isinstance(value, str) else value for name, value in facts.items()}
        line = json.dumps({"event": event, **shown}, sort_keys=True)
        with self._said():
            self._append(line)

    @contextmanager
    def _said(self) -> Iterator[None]:
        self._home.require_for_runs()
        try:
            yield
        except OSError as error:
            raise RunError(
                f"The ledger {self.file} cannot be written ({error.strerror or error}), so nothing more is started:"
                " what costs money is written down first."
            ) from None

    def _append(self, line: str) -> None:
        # One write of one line to a file opened for appending: lines of several processes do not mix.
        handle = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.lseek(handle, 0, os.SEEK_END)
            # Whoever was killed in the middle of a line has spoilt that one only.
            cut_off = size > 0 and os.pread(handle, 1, size - 1) != b"\n" if hasattr(os, "pread") else False
            text = (f"\n{line}\n" if cut_off else f"{line}\n").encode()
            if os.write(handle, text) < len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(handle)
        finally:
            os.close(handle)

    # Who is alive ---------------------------------------------------------------------------------------------------

    def is_alive(self, session: str) -> bool:
        """Tell whether a process of a session still runs."""
        if session == self.session:
            return True
        # A lock that can be taken was left by a process that is gone. A session is gone with the process that began it:
        # workers whose controller was killed start nothing more, and nobody learns what they see.
        if session in self._owners:
            return self.is_at_work(self._owners[session])
        return any(is_held(file) for file in self.file.parent.glob(f"{self._alive_file(session).name}*"))

    @property
    def is_orphaned(self) -> bool:
        """Whether the process that began this session has ended."""
        owner = self._owners.get(self.session)
        return owner is not None and not self.is_at_work(owner)

    def is_at_work(self, process: str) -> bool:
        """Tell whether a process still runs."""
        return process == self.process or is_held(self._alive_file(process))

    def _alive_file(self, process: str) -> Path:
        return self.file.with_name(f"{self.file.name}.alive-{process}")


class RunRecord:
    """The part of the ledger that is about one run of this session.

    Args:
        ledger: of this process.
        entry: of the run.
    """

    def __init__(self, ledger: FileLedger, entry: Entry) -> None:
        self._ledger = ledger
        self.entry = entry

    @property
    def running_since(self) -> float | None:
        """When it was first seen to run, in seconds since the epoch; None if it was not."""
        return self._ledger.entries.get(self.entry.id, self.entry).running_since

    @property
    def begun_elsewhere(self) -> float | None:
        """When another process of this session was about to start the execution, in seconds since the epoch.

        None if this one was, or an earlier session: whoever goes on with its run has not waited for it until then.
        """
        stage = self.entry.stages[EXECUTION]
        process = stage.process or ""
        another = process != self._ledger.process and process.startswith(f"{self._ledger.session}-")
        return stage.since if another else None

    def stage(self, name: str) -> Stage:
        """Return what is known of a stage."""
        self._ledger.refresh()
        return self.entry.stages[name]

    def claim(self, name: str, intent: dict[str, Any]) -> Stage | None:
        """Announce a stage, or return what another process has made of it, None while it is at it.

        Args:
            name: of the stage.
            intent: what is about to be made.

        Returns:
            A stage with result or failure: it has been made. Without: the caller makes it, and the stage is what is
            known of who began it before and has ended in the middle of it.

        Raises:
            RunError: it cannot be written, or nothing may be started any more; then nothing must be made.
        """
        with self._ledger.locked():
            stage = self.stage(name)
            if stage.result is not None or stage.failure is not None:
                return stage
            others = stage.process not in (None, self._ledger.process)
            if others and self._ledger.is_at_work(str(stage.process)):
                return None
            if name == EXECUTION and stage.process is None:
                why = self._ledger.refusal()
                if why is not None:
                    raise RunError(why)
                if self._ledger.is_orphaned:
                    raise RunError("The process that began this session has ended, so nothing more is started.")
                if not self._ledger.has_room() or self._ledger.is_being_started(intent["configuration"], self.entry):
                    return None
            before = Stage(stage.process, stage.intent, stage.since)
            self.note("intends", stage=name, process=self._ledger.process, time=_now(), **intent)
            return before

    def made(self, name: str, result: dict[str, Any]) -> None:
        """Take down the result of a stage."""
        self.note("made", stage=name, result=result)

    def failed(self, name: str, why: str, *, in_doubt: bool) -> None:
        """Take down that a stage could not be made."""
        self.note("failed", stage=name, why=why, in_doubt=in_doubt)

    def executions_of_others(self) -> set[str]:
        """Return the executions that are known to be of other runs."""
        self._ledger.refresh()
        return self._ledger.executions_of_others(self.entry)

    def note(self, event: str, **facts: object) -> None:
        """Take down something else."""
        self._ledger.write(event, run=self.entry.id, **facts)
        self._ledger.refresh()


def _now() -> float:
    import time

    return time.time()
