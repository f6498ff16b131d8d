"""Keeps the ledger file up to date with what a process of a live session knows, also while nothing else happens."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.training.live.ledger import FileLedger

_INTERVAL = 1.0
"""Seconds between two checks of the file."""


class Keeper:
    """A thread that writes what could not be written before, and restores files that were deleted.

    Args:
        ledger: of the process.
        then: called after each check; it must not raise.
        interval: seconds between two checks.
    """

    def __init__(
        self, ledger: FileLedger, then: Callable[[], None] = lambda: None, interval: float = _INTERVAL
    ) -> None:
        """Start the thread."""
        self._ledger = ledger
        self._then = then
        self._interval = interval
        self._ended = Event()
        self._thread = Thread(target=self._keep, name="pytest-aicore keeper", daemon=True)
        self._thread.start()

    def end(self, patience: float) -> None:
        """Stop the thread, and wait for its end.

        Args:
            patience: how many seconds to wait.
        """
        self._ended.set()
        self._thread.join(patience)

    def _keep(self) -> None:
        while not self._ended.wait(self._interval):
            self._ledger.synchronize()
            self._then()
