"""Runs waiting code under every legal course of an execution, in virtual time. It does not depend on pytest."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_aicore.emulator.control.faults import UNKNOWN_STATUS
from pytest_aicore.errors import RunError, our_message
from pytest_aicore.printable import on_one_line
from pytest_aicore.redact import redact
from pytest_aicore.service_facts import FINAL_STATUSES
from pytest_aicore.session.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from types import FrameType

    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

    from pytest_aicore.emulator import Emulator, RequestRecord

__tracebackhide__ = our_message

LIMIT_SECONDS = 2 * 3600.0
FASTEST_POLL_SECONDS = 1.0
IDLE_CALLS = 1000
"""After so many calls without any passing of time, code is stopped: its condition can never become true."""
COMPLETED = "COMPLETED"
_MISTAKES = frozenset(
    {
        ArithmeticError,
        AttributeError,
        FloatingPointError,
        ImportError,
        IndexError,
        KeyError,
        LookupError,
        ModuleNotFoundError,
        NameError,
        OverflowError,
        RecursionError,
        TypeError,
        UnboundLocalError,
        UnicodeDecodeError,
        UnicodeEncodeError,
        UnicodeError,
        ZeroDivisionError,
    }
)
"""What Python raises where code is wrong. Exceptions that are derived from them may be news of the training."""
_POLLS = frozenset({"execution.get", "execution.query", "execution.count"})
_WIDTH = 80
_PACKAGE = str(Path(__file__).parents[1] / "_")[:-1]


class Course(NamedTuple):
    """One legal course of an execution.

    Attributes:
        name: as the table shows it.
        script: how the execution goes; arguments of `Emulator.script`.
        faults: what else happens; arguments of `Emulator.fault`.
        must_succeed: whether waiting code that fails is wrong.
        ends: whether the execution comes to a final status.
        refused: whether the service keeps answering with an error.
    """

    name: str
    script: Mapping[str, Any] = {}
    faults: Sequence[Mapping[str, Any]] = ()
    must_succeed: bool = False
    ends: bool = True
    refused: bool = False


COURSES = (
    Course("COMPLETED", {"outcome": "COMPLETED"}, must_succeed=True),
    Course("COMPLETED without artifact", {"outcome": "COMPLETED", "omit_outputs": True}),
    Course("DEAD", {"outcome": "DEAD"}),
    Course("STOPPED", {"outcome": "STOPPED"}),
    Course("stuck in PENDING", {"stuck_in": "PENDING"}, ends=False),
    Course("stuck in STOPPING", {"outcome": "STOPPED", "stuck_in": "STOPPING"}, ends=False),
    Course("404 right after create", faults=({"call": "execution.*", "kind": "not found", "times": 2},)),
    Course(
        "a status nobody knows",
        faults=({"call": "execution.*", "kind": "unknown status", "after": 1, "times": 3},),
    ),
    Course(
        "access refused from then on",
        faults=({"call": "execution.*", "status": 403, "after": 1, "times": None},),
        refused=True,
    ),
)


class TimeIsUp(BaseException):
    """Ends waiting code at its limit. Not an `Exception`, so that only `except BaseException` swallows it."""


@dataclass(frozen=True, slots=True)
class TrialRow:
    """What waiting code did under one course.

    Attributes:
        course: the name of the course.
        seconds: how much virtual time it took.
        did: what it did, in words.
        findings: what is wrong with that; empty if nothing is.
    """

    course: str
    seconds: float
    did: str
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrajectoryReport:
    """What waiting code did under every course. `str` is a table of at most 80 columns.

    Attributes:
        name: of the code.
        rows: one for each course.
    """

    name: str
    rows: tuple[TrialRow, ...]

    @property
    def findings(self) -> dict[str, tuple[str, ...]]:
        """By course what is wrong, for the courses where something is."""
        return {row.course: row.findings for row in self.rows if row.findings}

    def assert_sound(self) -> None:
        """Fail if something is wrong under any course.

        Raises:
            AssertionError: with the table.
        """
        __tracebackhide__ = True
        if self.findings:
            raise AssertionError(str(self))

    def __str__(self) -> str:
        width = max(len(row.course) for row in self.rows)
        wrong = (
            f"{len(self.findings)} of {len(self.rows)} courses go wrong" if self.findings else "every course is sound"
        )
        lines = [_cut(f"{self.name}: {wrong}"), "", f"  {'course':<{width}}      after  what it did"]
        for row in self.rows:
            first, *others = row.findings or (row.did,)
            mark = "!" if row.findings else " "
            lines.append(_cut(f"{mark} {row.course:<{width}}  {row.seconds:>7.0f} s  {first}"))
            lines += [_cut(f"  {'':<{width}}  {'':>7}    {other}") for other in others]
        return "\n".join(on_one_line(line.rstrip()) for line in lines)


@dataclass
class _Observer:
    """Records the sleeps and calls of waiting code. It is the clock of that code."""

    emulator: Emulator
    execution_id: str
    limit: float
    slept: float = 0.0
    idle: int = 0
    fastest: float = math.inf
    troubled: bool = False
    interrupted: int = 0
    _latest: tuple[int, float, bool] = (0, 0.0, True)
    """The number and time of the newest poll, and whether it returned a final status."""
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.emulator.clock.now()

    @property
    def elapsed(self) -> float:
        """Seconds that have passed."""
        return self.emulator.clock.now() - self._began

    @property
    def status(self) -> str:
        """The status of the execution."""
        found = self.emulator.cluster.find(self.execution_id)
        return found[1].status if found else "deleted"

    def now(self) -> float:
        """Return seconds since the epoch."""
        return self.emulator.clock.now()

    def monotonic(self) -> float:
        """Return the same: the emulator's clock never goes back."""
        return self.emulator.clock.now()

    def sleep(self, seconds: float) -> None:
        """Let time pass, until the limit."""
        self.emulator.clock.sleep(min(seconds, max(self.limit - self.elapsed, 0.0)))
        self.slept += seconds
        if seconds > 0:
            self.idle = 0
        self._end_at_limit()

    def see(self, record: RequestRecord) -> None:
        """See a call."""
        self.idle += 1
        if record.operation in _POLLS:
            number, at, was_final = self._latest
            if record.number != number:
                if not was_final:
                    self.fastest = min(self.fastest, self.slept - at)
                self.troubled = not 200 <= record.status < 300 or UNKNOWN_STATUS in record.response_body
                final = self.status in FINAL_STATUSES and not self.troubled
                self._latest = (record.number, self.slept, final)
        self._end_at_limit()

    def _end_at_limit(self) -> None:
        if self.elapsed >= self.limit or self.idle >= IDLE_CALLS:
            self.interrupted += 1
            if self.interrupted > 1:
                _raise_everywhere(sys._getframe(1))  # noqa: SLF001  # no public way to the frames of a caller
            raise TimeIsUp


def _raise_everywhere(frame: FrameType | None) -> None:
    """Make the next line of the user's functions raise: they have caught the first exception."""

    def trace(frame: FrameType, event: str, argument: object) -> Any:  # noqa: ARG001  # as `sys.settrace` wants it
        if event == "line":
            raise TimeIsUp
        return trace

    while frame is not None and frame.f_code is not _Trial.run.__code__:
        file = frame.f_code.co_filename
        if "site-packages" not in file and not file.startswith(_PACKAGE):
            frame.f_trace = trace  # others have to tidy up, for example to release locks
        frame = frame.f_back
    sys.settrace(lambda *_: None)


@dataclass
class _Trial:
    """One run of waiting code."""

    wait: Callable[[Any, str], object]
    client: AIAPIV2Client
    execution_id: str
    value: object = None
    error: BaseException | None = None

    def run(self) -> None:
        """Run it, and keep its result or exception."""
        tracing = sys.gettrace()
        try:
            self.value = self.wait(self.client, self.execution_id)
        except (Exception, SystemExit, TimeIsUp) as error:
            self.error = error
        finally:
            if sys.gettrace() is not tracing:
                sys.settrace(tracing)


class Trajectories:
    """Runs waiting code under every course. Each gets an execution of its own, and is rolled back afterwards.

    Args:
        emulator: where the executions are.
        client: the client that the code gets.
        configuration_id: what is executed.
        patching: a context that gives an object with `setattr`, and undoes what that did.
    """

    def __init__(
        self,
        emulator: Emulator,
        client: AIAPIV2Client,
        configuration_id: str,
        patching: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        """Take what is needed; nothing runs yet."""
        self._emulator = emulator
        self._client = client
        self._configuration_id = configuration_id
        self._patching = patching

    def __call__(
        self,
        wait: Callable[[Any, str], object],
        *,
        limit: float = LIMIT_SECONDS,
        fastest_poll: float = FASTEST_POLL_SECONDS,
        failed: Callable[[Any], bool] | None = None,
    ) -> TrajectoryReport:
        """Run waiting code under every course of an execution.

        Code reports that a training failed by an exception, by returning False, or by returning a status other than
        COMPLETED (the SDK's `Status`, its name, or an object with such a `status`). Whatever else it returns, also
        None, means that the training succeeded.

        Args:
            wait: called with the SDK's client and the id of an execution that was just started.
            limit: seconds of virtual time after which code that still waits has no deadline.
            fastest_poll: the least number of seconds between two polls of an unfinished execution.
            failed: returns whether a returned value means that the training failed, if the above does not fit.

        Raises:
            RunError: `limit` or `fastest_poll` is not a duration.
        """
        for name, value in (("limit", limit), ("fastest_poll", fastest_poll)):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
                raise RunError(f"aicore_trajectories: invalid duration {name}={value!r}: expected seconds >= 0.")
        rows = tuple(self._row(course, wait, limit, fastest_poll, failed or says_failed) for course in COURSES)
        return TrajectoryReport(getattr(wait, "__qualname__", repr(wait)).replace("<locals>.", ""), rows)

    def _row(
        self,
        course: Course,
        wait: Callable[[Any, str], object],
        limit: float,
        fastest_poll: float,
        failed: Callable[[Any], bool],
    ) -> TrialRow:
        emulator = self._emulator
        moment, incidents = emulator.checkpoint(), emulator.take_incidents()
        try:
            trial = _Trial(wait, self._client, self._client.execution.create(self._configuration_id).id)
            if course.script:
                emulator.script(execution=trial.execution_id, **course.script)
            for fault in course.faults:
                emulator.fault(**fault)
            observer = _Observer(emulator, trial.execution_id, limit)
            with self._patching() as patch, emulator.recording(observer.see):
                VirtualTime(observer, live=False).install(patch.setattr)
                trial.run()
            succeeded = trial.error is None and not failed(trial.value)
            return TrialRow(
                course.name,
                observer.elapsed,
                _did(trial),
                tuple(_findings(course, observer, trial, fastest_poll, succeeded=succeeded)),
            )
        finally:
            incidents += emulator.take_incidents()
            emulator.rollback(moment)
            for incident in incidents:
                emulator.report(incident)


def says_failed(value: object) -> bool:
    """Return whether the value that waiting code returned means that the training failed."""
    if value is False:
        return True
    status = getattr(value, "status", value)
    status = status.value if isinstance(status, Enum) else status
    return isinstance(status, str) and status.isupper() and status != COMPLETED


def _findings(course: Course, observer: _Observer, trial: _Trial, fastest_poll: float, *, succeeded: bool) -> list[str]:
    """Return what is wrong with what waiting code did."""
    findings = []
    ended_by_us = isinstance(trial.error, TimeIsUp)
    if ended_by_us:
        findings.append("never returned" if course.ends else _no_deadline(observer))
    if succeeded and observer.status != COMPLETED:
        findings.append(f"returned success on {observer.status}")
    if type(trial.error) in _MISTAKES:
        findings.append(f"failed by a mistake of its own: {type(trial.error).__name__}: {redact(str(trial.error))}")
    elif course.must_succeed and not succeeded and not ended_by_us:
        findings.append(f"failed on {COMPLETED}: {_did(trial)}")
    swallowed_us = observer.interrupted > (1 if ended_by_us else 0)
    if swallowed_us or (succeeded and observer.troubled) or (ended_by_us and course.refused):
        findings.append("swallowed an exception")
    if observer.fastest < fastest_poll:
        findings.append(f"polled after {observer.fastest:g} s, allowed is {fastest_poll:g} s")
    return findings


def _no_deadline(observer: _Observer) -> str:
    waited = observer.elapsed >= observer.limit
    return f"had no deadline within {observer.limit:g} s (limit)" if waited else "had no deadline"


def _did(trial: _Trial) -> str:
    if trial.error is not None:
        return f"raised {type(trial.error).__name__}"
    value = trial.value
    if isinstance(getattr(value, "status", None), Enum):
        return f"returned {type(value).__name__} {value.status.value}"  # type: ignore[attr-defined]
    return f"returned {value if isinstance(value, Enum) else redact(repr(value))}"


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..."
