"""Live logging (`log_cli`) of our own threads, written by the thread that runs the tests.

pytest gives up capturing while it writes a live record, in the whole process: what a test prints in that moment
reaches the terminal unchanged, secrets included. Threads of ours log while tests run; what they log waits for a moment
in which no test prints. Threads of the tests' own are pytest's and theirs.
"""

from __future__ import annotations

import copy
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging

OURS = "pytest-aicore"
"""How the names of our threads begin."""


class LiveLog:
    """Keeps records of our threads until they may be written.

    Args:
        handler: pytest's `logging.Handler` of the live log.
    """

    def __init__(self, handler: Any) -> None:
        """Replace the handler's `emit`."""
        self._handler = handler
        self._emit = handler.emit
        self._kept: deque[logging.LogRecord] = deque()
        self._handler.emit = self._take

    def end(self) -> None:
        """Write what is left, and restore the handler."""
        self.write()
        del self._handler.emit

    def write(self) -> None:
        """Write what our threads have logged; called where no test prints."""
        with self._handler.lock:  # a thread of the tests' own may be logging
            while self._kept:
                self._emit(self._kept.popleft())

    def _take(self, record: logging.LogRecord) -> None:
        if str(record.threadName).startswith(OURS):
            kept = copy.copy(record)  # other handlers hold the record as well
            kept.msg, kept.args = record.getMessage(), None
            self._kept.append(kept)
        else:
            self.write()
            self._emit(record)
