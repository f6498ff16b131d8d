"""What holds the files of one object store: the protocol, and how files of it come to this machine."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, BinaryIO, Protocol

from pytest_aicore.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


class Shelf(Protocol):
    """Holds the files of one object store. Paths in it have no slash at their ends, and no `.` or `..`.

    Each method raises a `StoreError` if the store does not do what it is asked for; none of them shows a secret.
    """

    def where(self, path: str) -> str:
        """Return how messages call a path, for example `data/texts` or `s3://bucket/texts`."""
        ...

    def holds(self, path: str) -> bool:
        """Return whether there is a file at a path, or one below it."""
        ...

    def files(self, path: str, most: int | None = None) -> list[str]:
        """Return the path of the file at a path, and of those below it; more than `most` may be left out."""
        ...

    def open(self, path: str) -> BinaryIO:
        """Open a file that `files` has returned, for reading."""
        ...

    def put(self, path: str, file: bytes | Path) -> None:
        """Store a file, in place of the one that there may be."""
        ...

    def place(self, path: str) -> Path | None:
        """Return where a path is on this machine, None if its files have to be fetched."""
        ...


class Layers:
    """Several shelves as one: a file of an earlier one hides the file with the same path of a later one.

    Args:
        shelves: which ones; what is put goes to the first.
    """

    def __init__(self, shelves: Sequence[Shelf]) -> None:
        self._shelves = shelves

    def where(self, path: str) -> str:
        """Return each place that is looked at."""
        *others, last = [shelf.where(path) for shelf in self._shelves]
        return f"{', '.join(others)} or {last}" if others else last

    def holds(self, path: str) -> bool:
        """Return whether one of them holds it."""
        return any(shelf.holds(path) for shelf in self._shelves)

    def files(self, path: str, most: int | None = None) -> list[str]:
        """Return the files of all."""
        return sorted({file for shelf in self._shelves for file in shelf.files(path, most)})

    def open(self, path: str) -> BinaryIO:
        """Open a file of the first one that has it."""
        for shelf in self._shelves:
            if path in shelf.files(path, 1):
                return shelf.open(path)
        raise StoreError(f"{self.where(path)} cannot be read: there is no such file.")

    def put(self, path: str, file: bytes | Path) -> None:
        """Store a file in the first one."""
        self._shelves[0].put(path, file)

    def place(self, path: str) -> Path | None:
        """Return where the only shelf that holds it has it."""
        holding = [shelf for shelf in self._shelves if shelf.holds(path)]
        return holding[0].place(path) if len(holding) == 1 else None


def fetch(shelf: Shelf, path: str, new_folder: Callable[[], Path]) -> Path | None:
    """Return the file or folder of a path on this machine, None if there is none; it is fetched if it is elsewhere.

    Args:
        shelf: holds it.
        path: the path in the store.
        new_folder: makes an empty folder, for what is fetched.

    Raises:
        StoreError: it cannot be read or written, or a file would lie outside of the folder.
    """
    place = shelf.place(path)
    if place is not None:
        return place
    files = shelf.files(path)
    if not files:
        return None
    folder = new_folder()
    whole = folder / (path.rpartition("/")[2] or "store")
    for file in files:
        inner = file[len(path) :].strip("/")
        if any(part in (".", "..") for part in inner.split("/")) or "\0" in inner:
            raise StoreError(f"{shelf.where(file)} leads out of the folder of {shelf.where(path)}.")
        target = whole / inner if inner else whole
        try:
            _make_folders(target.parent, folder)
            with shelf.open(file) as source, target.open("xb") as copy:
                shutil.copyfileobj(source, copy)
        except OSError as error:
            why = "another file has the path of its folder" if _is_in_the_way(error) else error.strerror or str(error)
            raise StoreError(f"{shelf.where(file)} cannot be fetched to {target}: {why}.") from None
    return whole


def _make_folders(path: Path, folder: Path) -> None:
    """Make the folders of a path below a folder, which may have been removed meanwhile and is not made again."""
    for part in path.relative_to(folder).parts:
        folder /= part
        folder.mkdir(exist_ok=True)


def _is_in_the_way(error: OSError) -> bool:
    return isinstance(error, (FileExistsError, IsADirectoryError, NotADirectoryError))


__all__ = ["Layers", "Shelf", "fetch"]
