"""The ledger: everything that a live session starts is recorded on disk before it costs money, to be found afterwards.

A file of JSON lines, to which lines are only appended. Several processes may write it: the workers of one session, and
other sessions. Damaged lines are counted and skipped. An *entry* is the content of all lines of one run.

Nothing is started before it is on disk. Events that have happened are kept in memory at once, and written to disk as
soon as possible. So a full disk, or a deleted folder, blocks nothing: a file that is missing is created again from
memory.

| event | means |
|---|---|
| `opened`, `closed` | a session began; it ended well, having stopped what it started |
| `restored` | a process of the session created its files again; those of the others may still be missing |
| `checked` | the result of a preflight of the session |
| `run` | a run was requested: its key, workflow, resource group and host |
| `intends` | a process is about to make a stage of a run: its artifacts, its configuration, its execution |
| `made`, `failed` | the result of that |
| `waits` | a process waits for another one to make a stage, or for the limit of executions at once |
| `running`, `ended` | the status of the execution on the service |
| `lost` | a process of the session cannot poll it any more; it may still run |
| `stops` | a process of the session is about to stop it |
| `stopping`, `kept`, `gone` | it was stopped; it is left running; it does not exist |
| `adopted` | another session resumes a run |
| `wanted`, `done`, `unwanted` | which tests of pytest-xdist use a run; which have ended; no remaining test needs it |
"""

from __future__ import annotations

import errno
import json
import os
import secrets
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pytest_aicore.errors import RunError
from pytest_aicore.processes import Home, HomeLock
from pytest_aicore.redact import redact_data
from pytest_aicore.training.clock import RealClock
from pytest_aicore.training.live.ledger_lines import (
    ARTIFACTS,
    CONFIGURATION,
    EXECUTION,
    STAGES,
    DamagedLineError,
    read_line,
)
from pytest_aicore.training.live.line_file import LineFile
from pytest_aicore.training.live.locks import FileLock, held, is_held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pytest_aicore.training.clock import Clock

__all__ = [
    "ARTIFACTS",
    "CONFIGURATION",
    "DEPLOYMENT",
    "EXECUTION",
    "Entry",
    "FileLedger",
    "LedgerRecord",
    "NoRecord",
    "RunRecord",
    "Stage",
]

DEPLOYMENT = "deployment"
"""The kind of a run that is a deployment; other runs have none."""
_CLOCK = RealClock()
_ATTEMPTS = 3
"""How often an event is written: if the file is replaced meanwhile, all events have to be written to the new one."""
_PROOF = 15.0
"""Seconds between two test writes of a process that waits, to detect a ledger that cannot be written."""
_OTHERS_PATIENCE = 10.0
"""Seconds for which locks of other processes may be missing after files were deleted."""


def new_id() -> str:
    """Return an id that no other session or run has."""
    return secrets.token_hex(6)


@dataclass
class Stage:
    """What is known of one stage of a run.

    Attributes:
        process: the process that makes it, or made it; None if it was not begun.
        intent: what was about to be made.
        since: when it was begun, in seconds since the epoch.
        ticks: the same by the machine's monotonic clock; None in old ledgers.
        result: what was made.
        failure: why it could not be made.
        in_doubt: whether it may have been made in spite of the failure.
    """

    process: str | None = None
    intent: dict[str, Any] = field(default_factory=dict)
    since: float = 0.0
    ticks: float | None = None
    result: dict[str, Any] | None = None
    failure: str | None = None
    in_doubt: bool = False

    def age(self, clock: Clock) -> float:
        """Return how many seconds ago it was begun: by the monotonic clock, until the machine is restarted.

        Args:
            clock: of this machine.
        """
        return age_of(self.since, self.ticks, clock)


def age_of(since: float, ticks: float | None, clock: Clock) -> float:
    """Return how many seconds ago an event happened, 0 or more.

    The date may have been set since then. The monotonic clock starts again with the machine, and then gives an age that
    is too small or negative. So the smaller age counts: a process that waits for an age waits longer, never too short.

    Args:
        since: the date of the event, in seconds since the epoch.
        ticks: its time by the monotonic clock, None if that is not known.
        clock: of this machine.
    """
    by_date = max(0.0, clock.now() - since)
    by_ticks = -1.0 if ticks is None else clock.monotonic() - ticks
    return min(by_date, by_ticks) if by_ticks >= 0 else by_date


class Stop(NamedTuple):
    """A stop that a process was about to ask for.

    Attributes:
        reason: in a few words.
        why: the sentence for tests that wait for the execution.
    """

    reason: str
    why: str


@dataclass
class Entry:
    """The content of the ledger for one run.

    Attributes:
        id: of the run.
        session: the session of the run.
        key: identifies the same run in other processes and sessions.
        facts: workflow, scenario, executable, host, resource group, test and time of its beginning.
        stages: by name.
        status: the final status, None if its end was not seen.
        seconds: how long it ran, as far as that is known.
        running_since: when it was first seen to run, in seconds since the epoch; None if it was not.
        running_ticks: the same by the machine's monotonic clock; None in old ledgers.
        began: when it began to run by the service's clock, in seconds since the epoch; None if that is not known.
        lost: whether the session has stopped polling it, although it may still run.
        stops: why a process of the session was about to stop it; None if none was.
        stopped: whether pytest-aicore stopped it.
        stopped_because: reason and outcome, as sentences; None if only its end is known.
        kept: whether it was left running because the user wanted that.
        gone: whether it does not exist.
        users: the tests that use it.
        unwanted: whether it was given up because no remaining test needs it.
        is_resumed: whether its session has resumed it from an earlier one.
    """

    id: str
    session: str
    key: str
    facts: dict[str, Any]
    stages: dict[str, Stage] = field(default_factory=lambda: {name: Stage() for name in STAGES})
    status: str | None = None
    seconds: float = 0.0
    running_since: float | None = None
    running_ticks: float | None = None
    began: float | None = None
    lost: bool = False
    stops: Stop | None = None
    stopped: bool = False
    stopped_because: str | None = None
    kept: bool = False
    gone: bool = False
    users: set[str] = field(default_factory=set)
    unwanted: bool = False
    is_resumed: bool = False

    @property
    def is_deployment(self) -> bool:
        """Whether it is a deployment, which runs until it is stopped, not an execution."""
        return self.facts.get("kind") == DEPLOYMENT

    @property
    def kind(self) -> str:
        """What was requested, for messages: `run` or `deployment`."""
        return DEPLOYMENT if self.is_deployment else "run"

    @property
    def what(self) -> str:
        """What was started, for messages: `execution` or `deployment`."""
        return DEPLOYMENT if self.is_deployment else EXECUTION

    @property
    def execution_id(self) -> str | None:
        """The id of the execution or deployment, None if it has none or its id is not known."""
        result = self.stages[EXECUTION].result
        return str(result["id"]) if result else None

    @property
    def configuration_id(self) -> str | None:
        """The id of the configuration, None if it has none or its id is not known."""
        result = self.stages[CONFIGURATION].result
        if result is None:
            return self.stages[EXECUTION].intent.get("configuration")
        return str(result["id"])

    @property
    def owns_configuration(self) -> bool:
        """Whether every execution of the configuration belongs to this run; a reused one may have others."""
        intent = self.stages[EXECUTION].intent
        return bool(intent) and not (intent.get("reuse") or intent.get("others"))

    @property
    def has_begun(self) -> bool:
        """Whether anything of it may have been made."""
        return any(stage.process is not None for stage in self.stages.values())

    @property
    def is_waiting(self) -> bool:
        """Whether it was requested, and no process has begun to start its execution yet."""
        failed = any(stage.failure is not None for stage in self.stages.values())
        return self.stages[EXECUTION].process is None and not (failed or self.unwanted or self.gone)

    @property
    def is_open(self) -> bool:
        """Whether there may be an execution that costs money."""
        execution = self.stages[EXECUTION]
        begun = execution.process is not None or execution.result is not None
        asked = begun and (execution.failure is None or execution.in_doubt)
        return asked and self.status is None and not self.stopped and not self.gone

    def take(self, event: str, line: dict[str, Any]) -> None:
        """Apply a line to the entry.

        Args:
            event: the event of the line.
            line: its facts, as `read_line` returns them.
        """
        if event == "intends":
            stage = Stage(
                line["process"],
                since=line["time"],
                ticks=line["ticks"],
                result=self.stages[line["stage"]].result,
            )
            stage.intent = {
                name: line[name] for name in line.keys() - {"id", "event", "run", "process", "stage", "time", "ticks"}
            }
            self.stages[line["stage"]] = stage
        elif event == "made":
            self.stages[line["stage"]].result = line["result"]
        elif event == "failed":
            stage = self.stages[line["stage"]]
            stage.failure, stage.in_doubt = line["why"], line["in_doubt"]
        elif event == "running":
            self.running_since, self.running_ticks, self.began = line["time"], line["ticks"], line["began"]
        elif event == "ended":
            self.status, self.seconds = line["status"], line["seconds"]
        elif event == "stops":
            self.stops = self.stops or Stop(line["reason"], line["why"])
        elif event == "stopping":
            self.stopped = True
            # Another worker may stop it as well; the first reason counts.
            self.stopped_because = self.stopped_because or line["why"]
            if self.status is None and line["seconds"] is not None:
                self.seconds = line["seconds"]
            elif self.status is None and self.running_since is not None and line["time"] is not None:
                self.seconds = max(0.0, line["time"] - self.running_since)
        elif event == "lost":
            self.lost = True
        elif event == "kept":
            self.kept = True
        elif event == "gone":
            self.gone = True
        elif event == "wanted":
            self.users.update(line["tests"])
        elif event == "unwanted":
            self.unwanted = True
        elif event == "adopted":
            self.session, self.kept, self.lost, self.unwanted = line["session"], False, False, False
            self.stops = None
            self.is_resumed = True
            if self.is_deployment:  # the session that created it has paid for the time before
                self.running_since = self.running_ticks = self.began = None
            self.users.clear()
            for stage in self.stages.values():
                if stage.in_doubt:  # the new session searches for it again
                    stage.failure, stage.in_doubt = None, False

    def ran(self, clock: Clock, service_now: float | None) -> float:
        """Return for how many seconds it has run: by the service's clock, as the bill is, if that is known.

        Args:
            clock: of this machine; used if the service's time is not known.
            service_now: the service's time, in seconds since the epoch; None if it is not known.
        """
        if self.status is not None or self.stopped:
            return self.seconds
        if self.began is not None and service_now is not None and service_now >= self.began:
            return service_now - self.began
        if self.running_ticks is not None and clock.monotonic() >= self.running_ticks:
            return clock.monotonic() - self.running_ticks
        return max(0.0, clock.now() - self.running_since) if self.running_since is not None else 0.0


class RunRecord(Protocol):
    """The record to which one run writes each step before it happens, and its result."""

    def claim(self, name: str, intent: dict[str, Any]) -> Stage | None:
        """Claim a stage, or return what another process has made; None while another process makes it."""

    def made(self, name: str, result: dict[str, Any]) -> None:
        """Record the result of a stage."""

    def failed(self, name: str, why: str, *, in_doubt: bool) -> None:
        """Record that a stage could not be made."""

    def note(self, event: str, **facts: object) -> None:
        """Record another event."""

    def executions_of_others(self) -> set[str]:
        """Return the executions that are known to belong to other runs."""

    def stops(self) -> Stop | None:
        """Return why a process of the session was about to stop the execution; None if none was."""

    @property
    def running_since(self) -> float | None:
        """When it was first seen to run, in seconds since the epoch; None if it was not."""

    def ran(self, clock: Clock, service_now: float | None) -> float:
        """Return for how many seconds it has run, as far as is known."""

    def begun_elsewhere(self, clock: Clock) -> float | None:
        """Return how many seconds ago another process of the session began to start the execution; None if none did."""


class NoRecord:
    """No record: executions of the emulator cost no money, and belong to one process."""

    def claim(self, name: str, intent: dict[str, Any]) -> Stage | None:  # noqa: ARG002  no other process has a part in the run
        """Let the caller make the stage."""
        return Stage()

    def made(self, name: str, result: dict[str, Any]) -> None:
        """Do nothing."""

    def failed(self, name: str, why: str, *, in_doubt: bool) -> None:
        """Do nothing."""

    def note(self, event: str, **facts: object) -> None:
        """Do nothing."""

    def executions_of_others(self) -> set[str]:
        """Return none."""
        return set()

    def stops(self) -> Stop | None:
        """Return None: nobody stops it."""
        return None

    @property
    def running_since(self) -> float | None:
        """Not known."""
        return None

    def ran(self, clock: Clock, service_now: float | None) -> float:  # noqa: ARG002  nothing was recorded
        """Return 0: it is not known."""
        return 0.0

    def begun_elsewhere(self, clock: Clock) -> float | None:  # noqa: ARG002  no other process has a part in the run
        """Return None: no other process has a part in the run."""
        return None


class FileLedger:
    """The ledger of one process of a session.

    Args:
        file: path of the ledger; its folder is created if need be.
        session: the id of the session, the same in all its processes.
        home: the process; processes forked from it can neither read nor write the ledger.
    """

    def __init__(self, file: Path, session: str, home: Home | None = None) -> None:
        self._home = home or Home()
        self.file = file
        self.session = session
        self.process = f"{session}-{os.getpid()}"
        self.entries: dict[str, Entry] = {}
        self.closed_sessions: list[str] = []
        self.checked: dict[tuple[str, str], str | None] = {}
        """By session and executable, the problem that a preflight found; None for no problem."""
        self.done: set[str] = set()
        """The tests of the session that have ended, or will not run any more."""
        self.most_at_once: int | None = None
        """How many executions of the session may run at once, None for any number."""
        self.refusal: Callable[[], str | None] = lambda: None
        """Returns why no more executions may be started, None if they may."""
        # The real path, so that a process that uses a symbolic link finds the same locks.
        self._place = Path(os.path.realpath(file))
        self._lines = LineFile(self._place)
        self._reading = HomeLock(self._home.require_for_runs)
        self._alive: FileLock | None = None
        self._order: dict[str, int] = {}
        self._owners: dict[str, str] = {}
        # The ids of the lines that were applied; the lines to restore if the file is deleted; the lines not on disk.
        self._ids = (f"{secrets.token_hex(5)}-{number}" for number in count())
        self._known: set[str | bytes] = set()
        self._kept: dict[str, dict[str | bytes, str]] = {}
        self._unwritten: dict[str | bytes, str] = {}
        self._flushed: set[str | bytes] = set()
        self._early: dict[str, list[dict[str, Any]]] = {}
        self._damaged: list[str] = []
        self._read = 0
        self._restored: float | None = None
        self._restorations: dict[str, tuple[float, float | None]] = {}
        self._troubles: dict[str, None] = {}
        self._is_in_trouble = False

    # Reading --------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read the lines that any process has written since the last call, and write what could not be written before.

        Raises:
            RunError: it cannot be read.
        """
        with self._reading:
            try:
                self._read_on()
            except OSError as error:
                why = self._trouble(error)
                raise RunError(f"The ledger {self.file} cannot be read: {why}.") from None
            with suppress(OSError):
                self._write_out()
                self._is_in_trouble = False

    def synchronize(self) -> None:
        """Call `refresh`; if that is impossible now, a later call does it."""
        with suppress(RunError):
            self.refresh()

    def _trouble(self, error: OSError) -> str:
        why = error.strerror or str(error) or type(error).__name__
        self._troubles[why] = None
        self._is_in_trouble = True
        return why

    def _read_on(self) -> None:
        """Read the new lines.

        Raises:
            OSError: they cannot be read.
        """
        lines, is_another = self._lines.read_on()
        if is_another:
            self._damaged, self._read = [], 0
            self._flushed.clear()
        before = set(self._known) if is_another else set()
        present = {self._take_in(line, before) for line in lines}
        with suppress(DamagedLineError):
            if self._lines.cut_off and read_line(self._lines.cut_off):
                present.add(self._take_in(self._lines.cut_off, before))
                self._lines.accept_cut_off()
        if is_another and self._alive is not None:
            self._restored = _CLOCK.monotonic()
            kept = {key: text for its in self._kept.values() for key, text in its.items()}
            self._unwritten = {key: text for key, text in kept.items() if key not in present}
        for key in self._flushed & present:
            self._flushed.discard(key)
            self._unwritten.pop(key, None)

    def _take_in(self, raw: bytes, before: set[str | bytes]) -> str | bytes | None:
        """Apply a line, unless it was applied before, and return its identity; None if it cannot be read.

        Args:
            raw: the line.
            before: the identities that were known before the file was replaced. Lines of older versions have no id, so
                an equal line is the same line only in a file that was replaced.
        """
        self._read += 1
        if not raw.strip():
            return None
        try:
            line = read_line(raw)
        except DamagedLineError as error:
            self._damaged.append(f"line {self._read}: {error}")
            return None
        key = line["id"] or raw
        is_known = key in self._known if line["id"] else key in before
        if not is_known:
            self._known.add(key)
            self._take(key, raw.decode(), line)
        return key

    def _take(self, key: str | bytes, text: str, line: dict[str, Any]) -> None:
        event, run = line["event"], line.get("run", "")
        if event == "done" and line["session"] != self.session:
            return
        if not (event == "run" and run in self.entries):
            self._kept.setdefault(run, {})[key] = text
        if event == "opened":
            self._order.setdefault(line["session"], len(self._order))
            if line["process"] is not None:
                self._owners[line["session"]] = line["process"]
        elif event == "closed":
            self.closed_sessions.append(line["session"])
        elif event == "restored":
            self._restorations[line["session"]] = line["time"], line["ticks"]
        elif event == "checked":
            self.checked[line["session"], line["executable"]] = line["found"]
        elif event == "done":
            self.done.update(line["tests"])
        elif event == "run":
            self._take_run(line)
        elif run in self.entries:
            self._take_of(self.entries[run], event, line)
        else:
            self._early.setdefault(run, []).append(line)

    def _take_run(self, line: dict[str, Any]) -> None:
        run = line["run"]
        if run in self.entries:
            self._damaged.append(f"line {self._read}: run: its id belongs to another run")
            return
        facts = {name: line[name] for name in line.keys() - {"id", "event", "run", "session", "key"}}
        entry = self.entries[run] = Entry(run, line["session"], line["key"], facts)
        for early in self._early.pop(run, ()):
            self._take_of(entry, early["event"], early)

    def _take_of(self, entry: Entry, event: str, line: dict[str, Any]) -> None:
        entry.take(event, line)
        if event == "wanted" and entry.session == self.session:
            self.done.difference_update(line["tests"])
        if event in ("ended", "stopping", "gone") and entry.session != self.session:
            self._kept.pop(entry.id, None)  # other sessions' finished runs need no restoring

    def _all(self) -> tuple[Entry, ...]:
        """Return all entries; a copy, because other threads may add some."""
        return tuple(self.entries.values())

    @property
    def problems(self) -> list[str]:
        """The problems of the file, as sentences for the user."""
        with self._reading:
            return list(self._problems())

    def _problems(self) -> Iterator[str]:
        if self._is_in_trouble or self._unwritten:
            lacks = f": it lacks the latest {_counted(len(self._unwritten), 'event')}" if self._unwritten else ""
            yield f"the ledger {self.file} cannot be read or written ({', '.join(self._troubles)}){lacks}."
        elif self._troubles:
            yield (
                f"the ledger {self.file} could not be read or written for a while ({', '.join(self._troubles)}); now it"
                " is complete again."
            )
        if self._restored is not None:
            yield (
                f"the ledger {self.file} was deleted or replaced during the session; what this session knew was written"
                " again."
            )
        damaged = [*self._damaged, *([f"line {self._read + 1}: cut off"] if self._lines.cut_off.strip() else [])]
        if damaged:
            yield (
                f"{_counted(len(damaged), 'line')} of the ledger {self.file} cannot be read and"
                f" {'was' if len(damaged) == 1 else 'were'} skipped; {damaged[0]}."
            )
        if self._early:
            known = sorted(_executions(line for lines in self._early.values() for line in lines))
            yield (
                f"the ledger {self.file} has events of {_counted(len(self._early), 'run')} whose first line is missing"
                + (f", among them the executions {', '.join(known)}" if known else "")
                + ". `pytest-aicore sweep --older-than T` finds what still runs by its name."
            )

    @property
    def is_complete(self) -> bool:
        """Whether all events that this process knows are on disk."""
        return not self._unwritten

    def handed_over(self) -> dict[str, list[str]]:
        """Return the lines that may not be on disk, and the errors, for another process of the session."""
        with self._reading:
            lines = dict(self._unwritten)
            if self._is_in_trouble:  # lines that were on disk may be lost
                for entry in self.of_session():
                    lines |= self._kept.get(entry.id, {})
            return {"lines": list(lines.values()), "troubles": list(self._troubles)}

    def take_over(self, given: dict[str, list[str]]) -> None:
        """Take over the lines that another process of the session could not write, and write them if possible.

        Args:
            given: as `handed_over` returned it.
        """
        with self._reading:
            self.synchronize()
            self._troubles.update(dict.fromkeys(given["troubles"]))
            for text in given["lines"]:
                self._take_in_own(text)
            self.synchronize()

    def of_session(self) -> list[Entry]:
        """Return the entries of this session."""
        return [entry for entry in self._all() if entry.session == self.session]

    def unneeded(self) -> list[Entry]:
        """Return the entries of this session that may run, or be started, although no remaining test needs them."""
        return [
            entry
            for entry in self.of_session()
            if entry.users
            and entry.users <= self.done
            and not (entry.unwanted or entry.status is not None or entry.stopped or entry.gone)
        ]

    def leftover(self, host: str, resource_group: str) -> list[Entry]:
        """Return the open entries of sessions that have ended, of one resource group of one host.

        Args:
            host: of the service.
            resource_group: where the executions run.
        """
        return [
            entry
            for entry in self._all()
            if entry.is_open
            and entry.facts.get("host") == host
            and entry.facts.get("resource_group") == resource_group
            and not self.is_alive(entry.session)
        ]

    def resumable(self, key: str, host: str, resource_group: str) -> Entry | None:
        """Return the newest entry that another session can resume, None if there is none.

        That is a run whose end was not seen; or a run that has ended, but whose session was killed before its test got
        the result, if no session has ended well since then.

        Args:
            key: of the run.
            host: of the service.
            resource_group: where the execution runs.
        """
        settled = max((self._order.get(each, -1) for each in self.closed_sessions), default=-1)
        for entry in reversed(self._all()):
            its = entry.facts
            if (entry.key, its.get("host"), its.get("resource_group")) != (key, host, resource_group):
                continue
            if entry.stopped or entry.gone or entry.unwanted or entry.session == self.session:
                continue
            unsettled = self._order.get(entry.session, -1) > settled
            can_resume = entry.is_open or (entry.status is not None and unsettled)
            if can_resume and not self.is_alive(entry.session):
                return entry
        return None

    # Writing -------------------------------------------------------------------------------------------------------

    def open(self, **facts: object) -> None:
        """Begin a session, or another process of it.

        Raises:
            RunError: the ledger cannot be written.
        """
        with self._reading:  # several threads may start the first run
            if self._alive is not None:
                return
            with self._explained():
                self._alive = self._live()
            self.refresh()
            if self.session not in self._order:
                self.write("opened", session=self.session, process=self.process, **facts)

    def _live(self) -> FileLock:
        """Return the lock that shows other processes that this process is alive.

        Raises:
            OSError: the lock cannot be taken.
        """
        alive = FileLock(self._alive_file(self.process))
        alive.take_for_life()
        return alive

    def close(self, *, well: bool) -> None:
        """End this process's part in the session.

        Args:
            well: whether the session has ended, and none of its executions is left running by mistake.
        """
        if self._alive is None:
            return
        if well:
            self.record("closed", session=self.session)
        else:
            self.synchronize()
        self._alive.release(remove=True)
        self._alive = None

    @contextmanager
    def locked(self, what: str = "") -> Iterator[None]:
        """Exclude other processes while lines are read and, depending on them, others are written.

        Args:
            what: a name for longer work; only processes that use the same name are excluded.

        Raises:
            RunError: the lock cannot be taken.
        """
        with ExitStack() as stack:
            with self._explained():
                file = self._place.with_name(f"{self._place.name}{f'.{what}' if what else ''}.lock")
                stack.enter_context(held(file, longer=bool(what)))
            yield

    def has_room(self) -> bool:
        """Return whether another execution of the session may be started."""
        if self.most_at_once is None:
            return True
        # A lost execution does not count, because its end would never be seen; nor does a deployment, which has none.
        running = [
            each
            for each in self.of_session()
            if each.is_open and not (each.lost or each.is_deployment) and each.stages[EXECUTION].failure is None
        ]
        return len(running) < self.most_at_once

    def is_being_started(self, configuration_id: str, but: Entry) -> bool:
        """Return whether another run is starting an execution of a configuration right now.

        Two at once could not be distinguished if an answer got lost. It happens only with reused configurations.

        Args:
            configuration_id: of the executions.
            but: the run to ignore.
        """
        return any(
            stage.process is not None
            and stage.result is None
            and stage.failure is None
            and stage.intent.get("configuration") == configuration_id
            and self.is_at_work(stage.process)
            for entry in self._all()
            if entry is not but and (stage := entry.stages[EXECUTION])
        )

    def executions_of_others(self, entry: Entry) -> set[str]:
        """Return the executions that are known to belong to other runs.

        Args:
            entry: the run whose executions are left out.
        """
        return {each.execution_id for each in self._all() if each is not entry and each.execution_id}

    def of_key(self, key: str) -> Entry | None:
        """Return the entry of a run of this session, None if it was not requested yet, or was stopped.

        Args:
            key: of the run.
        """
        self.refresh()
        known = [
            entry
            for entry in self.of_session()
            if entry.key == key and not (entry.stopped or entry.gone or entry.unwanted)
        ]
        return known[-1] if known else None

    def begin(self, key: str, **facts: object) -> Entry:
        """Record that a run was requested, and return its entry.

        Args:
            key: of the run.
            facts: workflow, scenario, executable, host, resource group, test, time.

        Raises:
            RunError: it cannot be written; then nothing must be started.
        """
        run = new_id()
        self.write("run", run=run, session=self.session, key=key, **facts)
        return self.entries[run]

    def write(self, event: str, **facts: object) -> None:
        """Record what is about to happen, and return when it and all earlier events are on disk.

        Args:
            event: see the table above.
            facts: ids, names, times.

        Raises:
            RunError: it cannot be written; then nothing must be started.
        """
        with self._reading, self._explained():
            self._note(event, facts)
            self._read_on()
            for _ in range(_ATTEMPTS):
                self._write_out()
                if not self._unwritten:
                    break
            else:
                raise OSError(errno.ENOENT, "it was deleted or replaced meanwhile")
            self._is_in_trouble = False

    def record(self, event: str, **facts: object) -> None:
        """Record what has happened: in memory at once, on disk as soon as possible.

        Args:
            event: see the table above.
            facts: ids, names, times.
        """
        with self._reading:
            with suppress(RunError):  # counted as damaged
                self._note(event, facts)
            self.synchronize()

    def _note(self, event: str, facts: dict[str, object]) -> None:
        self._take_in_own(json.dumps({"event": event, "id": next(self._ids), **redact_data(facts)}, sort_keys=True))

    def _take_in_own(self, text: str) -> None:
        """Apply a line of this process as others will read it, and mark it as not on disk.

        Raises:
            RunError: others could not read the line.
        """
        try:
            line = read_line(text.encode())
        except DamagedLineError as error:
            self._damaged.append(f"not written: {error}")
            raise RunError(f"The ledger {self.file} cannot store {text}: {error}.") from None
        key = line["id"] or text.encode()
        if key not in self._known:
            self._known.add(key)
            self._unwritten[key] = text
            self._take(key, text, line)

    def _write_out(self) -> None:
        """Write the lines that are not on disk, and read them back.

        Raises:
            OSError: it cannot be written.
        """
        try:
            # The lock first: an entry without the lock of its session counts as leftover.
            if self._alive is not None and not self._alive.is_in_place:
                self._restored = _CLOCK.monotonic()
                lost, self._alive = self._alive, self._live()
                lost.release()
                # For a process that starts only now and has lost no lock: missing locks mean nothing yet.
                self._note("restored", {"session": self.session, "time": _CLOCK.now(), "ticks": _CLOCK.monotonic()})
            if self._unwritten:
                written = dict(self._unwritten)
                self._lines.append(list(written.values()))
                self._flushed.update(written)
                self._read_on()
        except OSError as error:
            self._trouble(error)
            raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        self._home.require_for_runs()
        try:
            yield
        except OSError as error:
            raise RunError(
                f"The ledger {self.file} cannot be written ({self._trouble(error)}), so nothing more is started: each"
                " execution is recorded before it starts."
            ) from None

    # Live processes -------------------------------------------------------------------------------------------------

    def is_alive(self, session: str) -> bool:
        """Return whether a process of a session still runs."""
        if session == self.session:
            return True
        # A lock that can be taken belongs to a process that has ended. A session ends with the process that began it:
        # workers whose controller was killed start nothing more, and their results reach no report.
        if session in self._owners and not self._was_restored_lately(session):
            return self.is_at_work(self._owners[session])
        name = self._alive_file(session).name
        try:
            locks = [file for file in self._place.parent.iterdir() if file.name.startswith(name)]
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _unclear(self._place.parent, error) from None
        return any(self._is_running(file) for file in locks)

    @property
    def is_orphaned(self) -> bool:
        """Whether the process that began this session has ended."""
        owner = self._owners.get(self.session)
        return owner is not None and not self.is_at_work(owner)

    @property
    def was_restored_lately(self) -> bool:
        """Whether files were deleted a moment ago, so that other processes may not have restored theirs yet."""
        if self._alive is not None and not self._alive.is_in_place:
            return True
        lately = self._restored is not None and _CLOCK.monotonic() - self._restored < _OTHERS_PATIENCE
        return lately or self._was_restored_lately(self.session)

    def _was_restored_lately(self, session: str) -> bool:
        """Return whether a process of a session has recorded that its files were deleted a moment ago."""
        since, ticks = self._restorations.get(session, (None, None))
        return since is not None and age_of(since, ticks, _CLOCK) < _OTHERS_PATIENCE

    def is_at_work(self, process: str) -> bool:
        """Return whether a process still runs."""
        return process == self.process or self._is_running(self._alive_file(process))

    def _is_running(self, file: Path) -> bool:
        """Return whether the process of a lock still runs; if it does not, the file is removed.

        Raises:
            RunError: the file cannot be read.
        """
        try:
            return is_held(file)
        except OSError as error:
            raise _unclear(file, error) from None

    def _alive_file(self, process: str) -> Path:
        return self._place.with_name(f"{self._place.name}.alive-{process}")


class LedgerRecord:
    """The part of the ledger for one run of this session.

    Args:
        ledger: of this process.
        entry: of the run.
    """

    def __init__(self, ledger: FileLedger, entry: Entry) -> None:
        self._ledger = ledger
        self.entry = entry
        self._proof: float | None = None

    @property
    def running_since(self) -> float | None:
        """When it was first seen to run, in seconds since the epoch; None if it was not."""
        return self.entry.running_since

    def ran(self, clock: Clock, service_now: float | None) -> float:
        """Return for how many seconds it has run, as far as is known."""
        return self.entry.ran(clock, service_now)

    def begun_elsewhere(self, clock: Clock) -> float | None:
        """Return how many seconds ago another process of this session began to start the execution.

        None if this process or an earlier session did: for a resumed run, waiting begins with the new session.
        """
        stage = self.entry.stages[EXECUTION]
        process = stage.process or ""
        another = process != self._ledger.process and process.startswith(f"{self._ledger.session}-")
        return stage.age(clock) if another else None

    def stage(self, name: str) -> Stage:
        """Return what is known of a stage."""
        self._ledger.refresh()
        return self.entry.stages[name]

    def claim(self, name: str, intent: dict[str, Any]) -> Stage | None:
        """Claim a stage, or return what another process has made; None while another process makes it.

        Args:
            name: of the stage.
            intent: what is about to be made.

        Returns:
            A stage with result or failure was made before. A stage without either is for the caller to make; it shows
            what is known of a process that began it before and ended in the middle.

        Raises:
            RunError: it cannot be written, or nothing may be started any more; then nothing must be made.
        """
        with self._ledger.locked():
            stage = self.stage(name)
            if stage.result is not None or stage.failure is not None:
                return stage
            if self._must_wait(name, stage, intent):
                self._test_writing()
                return None
            before = Stage(stage.process, stage.intent, stage.since, stage.ticks)
            facts = {"stage": name, "process": self._ledger.process, "time": _CLOCK.now(), "ticks": _CLOCK.monotonic()}
            try:
                self._ledger.write("intends", run=self.entry.id, **facts, **intent)
            except RunError as error:
                # The line may be on disk all the same. If another process began the stage before, it stays in doubt.
                self.failed(name, str(error), in_doubt=before.process is not None)
                raise
            return before

    def _must_wait(self, name: str, stage: Stage, intent: dict[str, Any]) -> bool:
        """Return whether another process makes the stage, or the execution must wait for others to end.

        Raises:
            RunError: no execution may be started any more.
        """
        others = stage.process not in (None, self._ledger.process)
        if others and self._ledger.is_at_work(str(stage.process)):
            return True
        if others and self._ledger.was_restored_lately:
            return True
        if name != EXECUTION or stage.process is not None:
            return False
        why = self._ledger.refusal()
        if why is not None:
            raise RunError(why)
        if self.entry.unwanted:
            raise RunError("No remaining test needs the run, so it is not started.")
        if self._ledger.is_orphaned:
            if self._ledger.was_restored_lately:
                return True
            raise RunError("The process that began this session has ended, so nothing more is started.")
        has_room = self.entry.is_deployment or self._ledger.has_room()
        return not has_room or self._ledger.is_being_started(intent["configuration"], self.entry)

    def _test_writing(self) -> None:
        """Write a line now and then while waiting: if that fails, the other process cannot record its end either.

        Raises:
            RunError: the ledger cannot be written, so waiting would never end.
        """
        now = _CLOCK.monotonic()
        if self._proof is None:
            self._proof = now + _PROOF
        elif now >= self._proof:
            self._proof = now + _PROOF
            self._ledger.write("waits", run=self.entry.id, process=self._ledger.process, time=_CLOCK.now())

    def made(self, name: str, result: dict[str, Any]) -> None:
        """Record the result of a stage."""
        self.note("made", stage=name, result=result)

    def failed(self, name: str, why: str, *, in_doubt: bool) -> None:
        """Record that a stage could not be made."""
        self.note("failed", stage=name, why=why, in_doubt=in_doubt)

    def executions_of_others(self) -> set[str]:
        """Return the executions that are known to belong to other runs."""
        self._ledger.synchronize()
        return self._ledger.executions_of_others(self.entry)

    def stops(self) -> Stop | None:
        """Return why a process of the session was about to stop the execution; None if none was."""
        self._ledger.synchronize()
        return self.entry.stops

    def note(self, event: str, **facts: object) -> None:
        """Record another event."""
        self._ledger.record(event, run=self.entry.id, **facts)


def _unclear(file: Path, error: OSError) -> RunError:
    why = error.strerror or type(error).__name__
    return RunError(f"{file} cannot be read ({why}), so it is not known whether the session of a run is still running.")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _executions(lines: Iterable[dict[str, Any]]) -> set[str]:
    """Return the executions in some events."""
    return {line["result"]["id"] for line in lines if line["event"] == "made" and line["stage"] == EXECUTION}
