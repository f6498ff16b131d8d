"""Shows the runs of a session on this machine to the clients of its tests.

Runs are carried out in an emulator that all processes of the session share, and that is never rolled back. The clients
of tests reach another one, their process's own, which is rolled back after each test. So that they see the runs of
their tests there, the records of these are copied before each request, and what a client stops there is stopped.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_aicore.errors import AicoreError
from pytest_aicore.processes import ThreadLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pytest_aicore.emulator import Emulator
    from pytest_aicore.emulator.store.plain_records import RunRecord
    from pytest_aicore.emulator.store.records import Execution
    from pytest_aicore.emulator.store.state import ResourceGroup
    from pytest_aicore.http.exchange import Request, Response
    from pytest_aicore.local.shared_runs import SharedRuns
    from pytest_aicore.training.run import Training


class VisibleRuns:
    """Answers the requests of tests' clients.

    Args:
        emulator: the emulator that these clients reach.
        resource_group: in which the runs are.
        trainings: returns the trainings that tests of this process have asked for.
        shared: where they are carried out.
        stop: stops an execution there, by its id.
    """

    def __init__(
        self,
        emulator: Emulator,
        resource_group: str,
        trainings: Callable[[], Iterable[Training]],
        shared: Callable[[], SharedRuns],
        stop: Callable[[str], object],
    ) -> None:
        self._emulator = emulator
        self._resource_group = resource_group
        self._trainings = trainings
        self._shared = shared
        self._stop = stop
        self._lock = ThreadLock()
        self._known: dict[tuple[str, str], RunRecord] = {}
        self._settled: set[str] = set()
        self._stopped: set[str] = set()

    def answer(self, request: Request) -> Response:
        """Answer a request of a client.

        Args:
            request: the request.
        """
        self.refresh()
        response = self._emulator.handle(request)
        for execution_id in self._newly_stopped():
            with suppress(AicoreError):  # it has just ended, or the end of the session stops it
                self._stop(execution_id)
        return response

    def refresh(self) -> None:
        """Show the runs as they are now."""
        with self._lock:
            self._show(self._changed())

    def _changed(self) -> set[tuple[str, str]]:
        """Ask for the records that may have changed, and return which have."""
        asked = [each for training in self._trainings() for each in _ids(training) if each not in self._settled]
        if not asked:
            return set()
        found = {(table, record.id): record for table, record in self._shared().records(asked)}
        changed = {key for key, record in found.items() if self._known.get(key) != record}
        self._known |= found
        self._settled |= {identifier for (table, identifier), record in found.items() if _is_settled(table, record)}
        return changed

    def _show(self, changed: set[tuple[str, str]]) -> None:
        """Copy records: those that have changed, and those that a rollback has removed."""
        with self._emulator.lock:
            group = self._group()
            if group is None:
                return
            tables = group.tables()
            for key, record in self._known.items():
                table, before = tables[key[0]], tables[key[0]].get(record.id)
                if before is None:  # its number has to be one of this emulator
                    table.add(replace(record, number=self._emulator.state.next_number()))
                elif key in changed:
                    table.put(replace(record, number=before.number))

    def _newly_stopped(self) -> list[str]:
        """Return the executions that still run, and that a client has stopped or deleted."""
        with self._lock, self._emulator.lock:
            group = self._group()
            stopped = [
                execution.id
                for (table, identifier), record in self._known.items()
                if table == "executions" and identifier not in self._settled | self._stopped and group is not None
                for execution in [group.executions.get(identifier)]
                if execution is not None and execution.target_status != _execution(record).target_status
            ]
            self._stopped.update(stopped)
        return stopped

    def _group(self) -> ResourceGroup | None:
        return self._emulator.state.groups.get(self._resource_group)


def _ids(training: Training) -> Iterator[str]:
    """Return the ids of what a training has made so far."""
    yield from (artifact.id for artifact in (training.artifacts.made or {}).values())
    if training.configuration.made is not None:
        yield training.configuration.made.id
    if training.watch is not None:
        yield training.watch.execution_id


def _is_settled(table: str, record: RunRecord) -> bool:
    """Return whether a record, and what an execution logs and leaves, will not change any more."""
    return table != "executions" or not _execution(record).is_unfinished


def _execution(record: RunRecord) -> Execution:
    from pytest_aicore.emulator.store.records import Execution

    if not isinstance(record, Execution):
        raise TypeError(f"{record.id} is not an execution")
    return record


__all__ = ["VisibleRuns"]
