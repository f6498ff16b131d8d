"""`--watch`: which files a run depends on, and when one of them was saved."""

from __future__ import annotations

import os
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from typing_extensions import Self

_INTERVAL: Final = 0.3
"""Seconds between two polls."""
_IGNORED: Final = frozenset(
    {".git", ".hg", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".venv", "__pycache__", "aicore-kept"}
    | {"aicore-output", "node_modules", "venv"}
)
"""Folders in which nothing is looked at: programs write there, and no person."""


class Files:
    """Files and folders that are looked at again and again.

    Args:
        paths: of them; a folder means all that is in it.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._seen = self._look()

    def changed(self) -> str | None:
        """Return a file that was saved, made or removed since the last change, None without any."""
        now, before = self._look(), self._seen
        self._seen = now
        return next((path for path in [*now, *before] if now.get(path) != before.get(path)), None)

    def wait(self) -> str:
        """Return when a file was saved: its path."""
        pause = Event()
        while (path := self.changed()) is None:
            pause.wait(_INTERVAL)
        return path

    def _look(self) -> dict[str, tuple[int, int]]:
        return dict(entry for path in self._paths for entry in _entries(str(path)))


def _entries(path: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield each file at or below a path with the time of its last change and its size."""
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - many
            status = os.stat(path)  # noqa: PTH116 - many
            yield path, (status.st_mtime_ns, status.st_size)
            return
        with os.scandir(path) as found:
            entries = [entry for entry in found if entry.name not in _IGNORED]
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry.path)
            else:
                status = entry.stat()
                yield entry.path, (status.st_mtime_ns, status.st_size)
    except OSError:  # it has just been removed
        return


class Interruption:
    """Ends a run when a file is saved, as long as the `with` block lasts.

    Args:
        files: what is looked at.
        end: called once, with the path.

    Attributes:
        path: of the file that ended it, None if none did.
    """

    def __init__(self, files: Files, end: Callable[[str], None]) -> None:
        self.path: str | None = None
        self._files = files
        self._end = end
        self._is_over = Event()
        self._thread = Thread(target=self._look, daemon=True, name="aicore-watch")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._is_over.wait(_INTERVAL):
            self.path = self._files.changed()
            if self.path is not None:
                self._end(self.path)
                return


__all__ = ["Files", "Interruption"]
