"""The interface of a progress display, and the logs that it shows while they grow."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Protocol

from pytest_aicore.errors import AicoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ai_api_client_sdk.models.execution import Execution

    from pytest_aicore.training.run import Training
    from pytest_aicore.training.service.api import TrainingApi


class Onlooker(Protocol):
    """A progress display, which is updated while a test waits."""

    @property
    def wants_logs(self) -> bool:
        """Whether it shows the log of the training that a test waits for."""

    def show(self, waited_for: Training, all_runs: Iterable[Training]) -> None:
        """Show the progress of all runs, if it is time for an update."""

    def add_logs(self, training: Training, lines: Sequence[str]) -> None:
        """Take new log lines of a run; another thread calls this method."""

    def done(self) -> None:
        """Remove the display from the screen."""


class NoOnlooker:
    """No progress display."""

    wants_logs = False

    def show(self, waited_for: Training, all_runs: Iterable[Training]) -> None:
        """Do nothing."""

    def add_logs(self, training: Training, lines: Sequence[str]) -> None:
        """Do nothing."""

    def done(self) -> None:
        """Do nothing."""


class LogFollower:
    """Reads the log of an execution as it grows.

    Args:
        api: the service.
        execution: the execution.
    """

    def __init__(self, api: TrainingApi, execution: Execution) -> None:
        self._api = api
        self._id = execution.id
        self._since = execution.created_at
        self._seen: set[tuple[object, str]] = set()

    def new_lines(self) -> list[str]:
        """Return the lines that were added since the last call.

        Raises:
            CallError: they cannot be fetched.
        """
        found = [line for line in self._api.logs(self._id, self._since) if (line.timestamp, line.msg) not in self._seen]
        if found:
            self._since = max(line.timestamp for line in found)
            self._seen.update((line.timestamp, line.msg) for line in found)
        return [line.msg.rstrip("\n") for line in found]


class LogFollowing:
    """Fetches new log lines of the run that a test waits for, if the progress display shows them.

    Args:
        api: the service.
        onlooker: the progress display.
    """

    def __init__(self, api: TrainingApi, onlooker: Onlooker) -> None:
        self._api = api
        self._onlooker = onlooker
        self._followers: dict[Training, LogFollower] = {}
        self._thread: Thread | None = None

    def read_on(self, training: Training | None) -> None:
        """Start to fetch new lines, unless the last fetch still runs.

        Args:
            training: the training that a test waits for; None for none.
        """
        watch = training.watch if training is not None else None
        if training is None or watch is None or watch.execution is None or not self._onlooker.wants_logs:
            return
        if self._thread is not None and self._thread.is_alive():
            return
        follower = self._followers.setdefault(training, LogFollower(self._api, watch.execution))
        # In a thread of its own, because a slow answer with logs must not delay the polling.
        self._thread = Thread(target=self._read, args=(training, follower), name="pytest-aicore log", daemon=True)
        self._thread.start()

    def _read(self, training: Training, follower: LogFollower) -> None:
        try:
            self._onlooker.add_logs(training, follower.new_lines())
        except AicoreError:
            return  # the next fetch gets the lines
