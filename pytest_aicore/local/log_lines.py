"""Passes log lines on in bundles: each report of lines costs as much as the log is long."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

_INTERVAL: Final = 0.05
"""Seconds between two bundles."""
_MOST_LINES: Final = 200_000
_MOST_CHARACTERS: Final = 64 * 1024 * 1024
NOT_KEPT: Final = "pytest-aicore: the log is too long; further lines are not kept"


class LogLines:
    """Passes log lines on in bundles, soon after they came, as long as the `with` block lasts.

    Args:
        report: gets the lines of a bundle, from a thread of its own.
    """

    def __init__(self, report: Callable[[list[str]], None]) -> None:
        self._report = report
        self._waiting: list[str] = []
        self._lines, self._characters = _MOST_LINES, _MOST_CHARACTERS
        """How many more are kept."""
        self._is_full = False
        self._came = threading.Condition()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._pass_on, daemon=True, name="aicore-log")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._came:
            self._is_over.set()
            self._came.notify()
        self._thread.join()

    def add(self, line: str) -> None:
        """Take a line; those that are too many are dropped, which a last line says.

        Args:
            line: the line.
        """
        with self._came:
            if self._is_full:
                return
            self._lines -= 1
            self._characters -= len(line)
            self._is_full = self._lines < 0 or self._characters < 0
            self._waiting.append(NOT_KEPT if self._is_full else line)
            self._came.notify()

    def _pass_on(self) -> None:
        while True:
            with self._came:
                self._came.wait_for(lambda: self._waiting or self._is_over.is_set())
                lines, self._waiting = self._waiting, []
            if not lines:
                return
            self._report(lines)
            self._is_over.wait(_INTERVAL)


__all__ = ["NOT_KEPT", "LogLines"]
