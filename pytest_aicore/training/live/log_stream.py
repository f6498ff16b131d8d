"""Who looks on while a live session waits, and the logs that such a one reads as they grow."""

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
    """Somebody who is shown how far things are while somebody waits."""

    @property
    def wants_logs(self) -> bool:
        """Whether the log of what somebody waits for is wanted while it grows."""

    def show(self, waited_for: Training, all_runs: Iterable[Training]) -> None:
        """Show it, if it is time to."""

    def add_logs(self, training: Training, lines: Sequence[str]) -> None:
        """Take new log lines of a run; called by another thread than the rest."""

    def done(self) -> None:
        """Leave nothing on the screen that is no longer so."""


class NobodyLooks:
    """Nobody is shown anything."""

    wants_logs = False

    def show(self, waited_for: Training, all_runs: Iterable[Training]) -> None:
        """Show nothing."""

    def add_logs(self, training: Training, lines: Sequence[str]) -> None:
        """Take nothing."""

    def done(self) -> None:
        """Leave nothing."""


class LogFollower:
    """Reads the log of an execution as it grows.

    Args:
        api: the service.
        execution: whose log.
    """

    def __init__(self, api: TrainingApi, execution: Execution) -> None:
        self._api = api
        self._id = execution.id
        self._since = execution.created_at
        self._seen: set[tuple[object, str]] = set()

    def new_lines(self) -> list[str]:
        """Return the lines that were added since the last time.

        Raises:
            CallError: they cannot be had.
        """
        found = [line for line in self._api.logs(self._id, self._since) if (line.timestamp, line.msg) not in self._seen]
        if found:
            self._since = max(line.timestamp for line in found)
            self._seen.update((line.timestamp, line.msg) for line in found)
        return [line.msg.rstrip("\n") for line in found]


class LogFollowing:
    """Fetches what is added to the log of the run that somebody waits for, if an onlooker wants it.

    Args:
        api: the service.
        onlooker: is given the lines.
    """

    def __init__(self, api: TrainingApi, onlooker: Onlooker) -> None:
        self._api = api
        self._onlooker = onlooker
        self._followers: dict[Training, LogFollower] = {}
        self._thread: Thread | None = None

    def read_on(self, training: Training | None) -> None:
        """Begin to fetch the newest lines, unless that is still being done.

        Args:
            training: what somebody waits for; None for nothing.
        """
        watch = training.watch if training is not None else None
        if training is None or watch is None or watch.execution is None or not self._onlooker.wants_logs:
            return
        if self._thread is not None and self._thread.is_alive():
            return
        follower = self._followers.setdefault(training, LogFollower(self._api, watch.execution))
        # In a thread of its own: how a run ends is more important than what it says, and logs may take their time.
        self._thread = Thread(target=self._read, args=(training, follower), name="pytest-aicore log", daemon=True)
        self._thread.start()

    def _read(self, training: Training, follower: LogFollower) -> None:
        try:
            self._onlooker.add_logs(training, follower.new_lines())
        except AicoreError:
            return  # another look will show them
