"""The progress of a live session: a line for each execution in a terminal, a line a minute in a log."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from pytest_aicore.errors import RunError
from pytest_aicore.printable import from_terminal, on_one_line, printable
from pytest_aicore.redact import redact
from pytest_aicore.training.clock import RealClock
from pytest_aicore.training.live.ledger import EXECUTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    import pytest

    from pytest_aicore.training.live.ledger import FileLedger
    from pytest_aicore.training.run import Training

WIDTH = 80
_MOST_LINES = 10
_IN_A_TERMINAL, _IN_A_LOG = 1.0, 60.0
"""Seconds between two updates."""
_SAVE, _BACK, _DOWN = "\x1b7", "\x1b8", "\x1bD"
"""Cursor controls of terminals (VT100 and later)."""


class Progress:
    """Draws below what pytest has printed, while nothing else is printed.

    Args:
        write: writes a text where pytest's own output goes.
        uncaptured: entered around writing.
        no_test_prints: called while a test waits, and so prints nothing.
        begin_line: ends a line of pytest's that is not whole yet; without it a line end is written.
        is_terminal: whether lines can be drawn over.
        streams: whether new log lines are printed.
        shows_ids: whether the user wants ids.
        clock: seconds; for what is drawn when.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        uncaptured: Callable[[], AbstractContextManager[None]],
        no_test_prints: Callable[[], None] = lambda: None,
        *,
        begin_line: Callable[[], None] | None = None,
        is_terminal: bool,
        streams: bool,
        shows_ids: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take where to write."""
        self._write = write
        self._uncaptured = uncaptured
        self._no_test_prints = no_test_prints
        self._begin_line = begin_line or (lambda: write("\n"))
        self._is_terminal = is_terminal
        self._streams = streams
        self._shows_ids = shows_ids
        self._clock = clock
        self._drawn = 0
        self._due = 0.0
        self._new: list[str] = []
        self._last: dict[int, str] = {}
        self._began = False

    @classmethod
    def of(cls, config: pytest.Config, *, streams: bool) -> Progress | None:
        """Return what shows the progress of a pytest session, None where it would not be seen.

        Args:
            config: of pytest.
            streams: whether new log lines are printed.
        """
        from pytest_aicore.hooks.context import hiding_of

        reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
        capture: Any = config.pluginmanager.get_plugin("capturemanager")
        if reporter is None or capture is None or config.get_verbosity() < 0:
            return None
        return cls(
            lambda text: reporter.write(text, flush=True),
            capture.global_and_fixture_disabled,
            hiding_of(config).no_test_prints,
            begin_line=lambda: end_line(config.get_terminal_writer()),
            is_terminal=bool(reporter.isatty),
            streams=streams,
            shows_ids=config.get_verbosity() > 0,
        )

    @property
    def wants_logs(self) -> bool:
        """Whether to read the log of the awaited execution while it grows."""
        return self._is_terminal or self._streams

    def add_logs(self, training: Training, lines: Sequence[str]) -> None:
        """Take new log lines of a run.

        Args:
            training: whose.
            lines: oldest first.
        """
        watch = training.watch
        shown = printable(from_terminal(redact("\n".join(lines)))).splitlines()
        if shown:
            self._last[training.number] = on_one_line(shown[-1].strip())
        if self._streams and watch is not None:
            self._new += [on_one_line(f"{watch.execution_id}| ") + line for line in shown]

    def show(self, waited_for: Training, all_runs: Iterable[Training]) -> None:
        """Draw how far the runs are, if it is time to.

        Args:
            waited_for: what a test waits for now.
            all_runs: of this process.
        """
        self._no_test_prints()
        now = self._clock()
        if not self._began:
            self._began, self._due = True, now + (0 if self._is_terminal else _IN_A_LOG)
        if now < self._due and not self._new:
            return
        runs = [waited_for, *(run for run in all_runs if run is not waited_for)]
        lines = [line for run in runs if (line := self._line(run)) is not None]
        with self._uncaptured():
            self._erase()
            new, self._new = self._new, []
            if new or (lines and not self._is_terminal and now >= self._due):
                self._begin_line()
            for line in new:
                self._write(f"{line}\n")
            if self._is_terminal:
                self._draw(lines)
            elif now >= self._due:
                for line in lines[:1] if len(lines) == 1 else lines:
                    self._write(f"aicore: {line}\n")
        if now >= self._due:
            self._due = now + (_IN_A_TERMINAL if self._is_terminal else _IN_A_LOG)

    def done(self) -> None:
        """Erase what was drawn."""
        self._began = self._is_terminal and self._began
        if self._drawn:
            with self._uncaptured():
                self._erase()

    def _line(self, run: Training) -> str | None:
        """Return the line of a run, None if it has ended."""
        watch = run.watch
        if watch is None:
            return _row("queued", None, run.plan.workflow)
        if watch.ended:
            return None
        status = watch.history[-1].status.value
        name = f"{watch.execution_id} {run.plan.workflow}" if self._shows_ids else run.plan.workflow
        return f"{_row(status, RealClock().monotonic() - watch.began, name)}  {self._last.get(run.number, '')}".rstrip()

    def _draw(self, lines: Sequence[str]) -> None:
        shown = list(lines[:_MOST_LINES])
        if len(lines) > _MOST_LINES:
            shown.append(f"... and {len(lines) - _MOST_LINES} more")
        if not shown:
            return
        self._drawn = len(shown)
        # Room is made below without leaving the column where pytest stopped; then the cursor comes back to it.
        below = "".join(f"\r\n\x1b[2K{line[: WIDTH - 1]}" for line in shown)
        self._write(f"{_DOWN * self._drawn}\x1b[{self._drawn}A{_SAVE}{below}{_BACK}")

    def _erase(self) -> None:
        if not self._drawn:
            return
        self._write(_SAVE + "\r\n\x1b[2K" * self._drawn + _BACK)
        self._drawn = 0


class WorkerProgress:
    """Prints once a minute what a session runs under pytest-xdist, whose workers print nothing.

    The controller of pytest-xdist polls no execution itself: it prints what the workers have written to the ledger,
    from a thread, because pytest-xdist calls no hook while it waits for its workers.

    Args:
        ledger: an object of its own, not shared.
        write: writes a line where pytest's own output goes.
        shows_ids: whether the user wants ids.
    """

    def __init__(self, ledger: FileLedger, write: Callable[[str], None], *, shows_ids: bool) -> None:
        """Start the thread."""
        self._ledger = ledger
        self._write = write
        self._shows_ids = shows_ids
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pytest-aicore progress", daemon=True)
        self._thread.start()

    @classmethod
    def of(cls, config: pytest.Config, ledger: FileLedger) -> WorkerProgress | None:
        """Return what prints the progress of a session whose tests run in workers, None where it would not be seen.

        Args:
            config: of pytest.
            ledger: an object of its own, not shared.
        """
        reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or config.get_verbosity() < 0:
            return None
        writer = config.get_terminal_writer()
        return cls(ledger, lambda line: write_whole_line(writer, line), shows_ids=config.get_verbosity() > 0)

    def end(self) -> None:
        """Stop the thread."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(_IN_A_LOG):
            try:
                self._ledger.refresh()
            except RunError:  # the process that writes the ledger reports it
                continue
            for line in self._lines():
                self._write(line)

    def _lines(self) -> Iterator[str]:
        for entry in self._ledger.of_session():
            if entry.is_waiting:
                yield f"aicore: {_row('queued', None, str(entry.facts['workflow']))}"
            elif entry.is_open and entry.execution_id is not None:
                age = entry.stages[EXECUTION].age(RealClock())
                name = str(entry.facts["workflow"])
                if self._shows_ids:
                    name = f"{entry.execution_id} {name}"
                yield f"aicore: {_row('started' if entry.running_since is None else 'RUNNING', age, name)}"


def end_line(writer: Any) -> None:
    """End a line that is not whole yet.

    Args:
        writer: what pytest prints with.
    """
    if writer.width_of_current_line:
        writer.line()


def write_whole_line(writer: Any, line: str) -> None:
    """Write a line that begins and ends by itself, whatever pytest has printed or prints next.

    Args:
        writer: what pytest prints with.
        line: without line end.
    """
    end_line(writer)
    writer.line(line)
    writer.flush()


def _row(status: str, age: float | None, name: str) -> str:
    minutes, seconds = divmod(int(age or 0), 60)
    since = "" if age is None else f"{minutes:>3}:{seconds:02}"
    return on_one_line(f"{status:<8} {since:>6} {name}")
