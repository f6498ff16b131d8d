"""Stops the deployments of a session as soon as its budget is spent, also while no test asks them anything."""

from __future__ import annotations

from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

from pytest_aicore.errors import AicoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.training.live.budget import Budget
    from pytest_aicore.training.live.ledger import Entry, FileLedger
    from pytest_aicore.training.service.deployment_api import DeploymentApi

_SHORTEST = 0.05
_PATIENCE = 1.0
"""Seconds that the end of the session waits for a request in progress, whose answer is no longer needed."""


class Meter:
    """A thread that compares with the budget once in a polling interval, and earlier if it may be spent by then.

    Args:
        budget: of the session.
        ledger: of this process.
        api: asks for a deployment, because from its answers the service's time is known.
        interval: the polling interval in seconds.
        stop: stops a deployment, and is given the sentence for tests that ask it; called again until it has ended.
    """

    def __init__(
        self,
        budget: Budget,
        ledger: FileLedger,
        api: DeploymentApi,
        interval: float,
        stop: Callable[[Entry, str], None],
    ) -> None:
        """Start the thread."""
        self._budget = budget
        self._ledger = ledger
        self._api = api
        self._interval = interval
        self._stop = stop
        self._ended = Event()
        self._thread = Thread(target=self._run, name="pytest-aicore meter", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop the thread."""
        self._ended.set()
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        while not self._ended.wait(min(self._interval, max(_SHORTEST, self._budget.lasts()))):
            with suppress(AicoreError):  # the next round tries again, and in the end the session itself
                self._compare()

    def _compare(self) -> None:
        self._ledger.synchronize()
        running = [entry for entry in self._ledger.of_session() if entry.is_deployment and entry.is_open]
        known = next((entry.execution_id for entry in running if entry.execution_id is not None), None)
        if known is None:
            return
        with suppress(AicoreError):  # it may be ending; this machine's clock counts on
            self._api.execution(known)
        why = self._budget.why_spent()
        if why is not None:
            for entry in running:
                self._stop(entry, why)
