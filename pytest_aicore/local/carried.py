"""What executions and deployments have in common while they are carried out on this machine."""

from __future__ import annotations

import tempfile
import threading
from abc import ABC, abstractmethod
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore.emulator.control.scripts import LONGEST_STATUS_MESSAGE
from pytest_aicore.errors import AicoreError
from pytest_aicore.local.finding import Finding
from pytest_aicore.running.copying import remove

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_aicore.emulator.world.engine import Desk
    from pytest_aicore.local.choices import LocalChoices
    from pytest_aicore.local.job import Job
    from pytest_aicore.local.object_store import ObjectStore
    from pytest_aicore.running.engines.engine import Engine
    from pytest_aicore.running.pods import Stored


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an execution or deployment finds around it.

    Attributes:
        desk: where it is reported.
        choices: what users have chosen.
        engine: what runs its containers.
        store: holds its artifacts.
        folder: a new folder for its files, which is made for it and removed at the end.
        warn: gets what the user should know.
        over: called after the last report.
    """

    desk: Desk
    choices: LocalChoices
    engine: Engine
    store: ObjectStore
    folder: Path
    warn: Callable[[str], None]
    over: Callable[[Carried], None]


class Carried(threading.Thread, ABC):
    """An execution or deployment, carried out in a thread of its own, from its first report to its last.

    Args:
        job: what is carried out.
        around: what it finds around it.
    """

    def __init__(self, job: Job, around: Surroundings) -> None:
        super().__init__(daemon=True, name=f"aicore-{job.id}")
        self.job = job
        self._desk = around.desk
        self._choices = around.choices
        self._engine = around.engine
        self._store = around.store
        self._folder = around.folder
        self._warn = around.warn
        self._over = around.over
        self._mutex = threading.Lock()
        self._at_end = ExitStack()
        self._is_unwanted = False
        self._may_go_on = threading.Event()
        self._reports = True

    @abstractmethod
    def carry_out(self) -> None:
        """Carry it out, and report what happens, as it happens."""

    @abstractmethod
    def end(self) -> None:
        """Let it end, without waiting for that."""

    def replace(self) -> None:
        """Let it end, and report no status any more: another takes its place."""
        self._reports = False
        self.end()

    def run(self) -> None:
        """Carry it out, and remove its files."""
        try:
            self.carry_out()
        finally:
            self._at_end.close()
            with suppress(OSError):  # it is in the engine's own folder, which is removed later
                remove(self._folder)
            self._over(self)

    def refuse(self, message: str) -> None:
        """Report that it ends without having done what it should.

        Args:
            message: why.
        """
        self._warn(f"{self.job.id}: {message}")
        self._status("DEAD", message=message, details=self._refusal(message))

    @abstractmethod
    def _refusal(self, message: str) -> Mapping[str, object]:
        """Return the status details of one that was never started."""

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="fetched-", dir=self._folder))

    def _found(self, find: Callable[[], Mapping[str, Stored]]) -> Mapping[str, Stored]:
        """Return what a function finds in a store, or nothing if it has to end meanwhile."""
        finding = Finding(find, self._may_go_on)
        finding.start()
        self._may_go_on.wait()  # until everything is found, or the run is to end
        return finding.found()

    def _status(self, status: str, *, message: str | None = None, details: Mapping[str, object] | None = None) -> None:
        if self._reports:
            shown = None if message is None else _shortened(message)
            self._desk.status(self.job.id, status, message=shown, details=details)
            self._choices.news()


def problem_of(error: Exception) -> str:
    """Return what users read about an error that ends an execution or deployment.

    Args:
        error: the error.
    """
    if isinstance(error, AicoreError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return f"internal error of pytest-aicore, please report it: {type(error).__name__}: {error}"


def _shortened(message: str) -> str:
    return message if len(message) <= LONGEST_STATUS_MESSAGE else f"{message[: LONGEST_STATUS_MESSAGE - 1]}…"


__all__ = ["Carried", "Surroundings", "problem_of"]
