"""The ledger: what a live session starts is on disk before it costs money."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Protocol

from pytest_aicore.errors import RunError
from pytest_aicore.redact import redact

if TYPE_CHECKING:
    from pathlib import Path


class Ledger(Protocol):
    """Takes down what a run is about to do, and what became of it."""

    def write(self, event: str, **facts: object) -> None:
        """Take down an event before anything that follows from it."""


class NoLedger:
    """Nothing that the emulator starts costs money."""

    def write(self, event: str, **facts: object) -> None:
        """Forget the event."""


class FileLedger:
    """An append-only file of JSON lines, each on disk before `write` returns.

    Args:
        file: where; its folder is made if need be.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def write(self, event: str, **facts: object) -> None:
        """Append an event.

        Args:
            event: `starting`, `started`, `ended` or `stopping`.
            facts: what is needed to find the execution again: ids, names, resource group, host.

        Raises:
            RunError: it cannot be written; then nothing must be started.
        """
        line = redact(json.dumps({"event": event, **facts}, sort_keys=True))
        try:
            self._append(line)
        except OSError as error:
            raise RunError(
                f"The ledger {self._file} cannot be written ({error.strerror or error}), so nothing was started:"
                " what costs money is written down first."
            ) from None

    def _append(self, line: str) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        # One write of one line to a file opened for appending: lines of several processes do not mix.
        handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, f"{line}\n".encode())
            os.fsync(handle)
        finally:
            os.close(handle)
