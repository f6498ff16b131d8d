"""Finds what a run reads, in a thread of its own: a store that does not answer must not keep the run from ending."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_aicore.running.pods import Stored


class Finding(threading.Thread):
    """Calls a function in a thread that nobody has to wait for.

    Args:
        find: returns artifacts by name.
        over: set when the function has returned or raised.
    """

    def __init__(self, find: Callable[[], Mapping[str, Stored]], over: threading.Event) -> None:
        super().__init__(daemon=True, name="aicore-finding")
        self._find = find
        self._over = over
        self._found: Mapping[str, Stored] = {}
        self._error: Exception | None = None

    def run(self) -> None:
        """Call the function."""
        try:
            self._found = self._find()
        except Exception as error:
            self._error = error
        finally:
            self._over.set()

    def found(self) -> Mapping[str, Stored]:
        """Return what the function has returned, or raise what it has raised; nothing while it has done neither."""
        if self._error is not None:
            raise self._error
        return self._found


__all__ = ["Finding"]
