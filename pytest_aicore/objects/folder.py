"""A folder of this machine in the place of an object store."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pytest_aicore.errors import StoreError

if TYPE_CHECKING:
    from pytest_aicore.objects.shelf import Shelf


class Folder:
    """A folder of this machine in the place of an object store. Symbolic links that lead out of it are refused.

    Args:
        root: the folder; it need not exist.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def where(self, path: str) -> str:
        """Return the path on this machine."""
        return str(self._root / path)

    def holds(self, path: str) -> bool:
        """Return whether there is a file or folder."""
        return self._inside(path).exists()

    def place(self, path: str) -> Path | None:
        """Return the file or folder, None if there is none."""
        place = self._inside(path)
        return place if place.exists() else None

    def files(self, path: str, most: int | None = None) -> list[str]:  # noqa: ARG002  as in `Shelf`
        """Return the files."""
        place = self._inside(path)
        if place.is_file():
            return [path]
        return sorted(
            "/".join(filter(None, (path, Path(parent, name).relative_to(place).as_posix())))
            for parent, _, names in os.walk(place, onerror=_refuse)
            for name in names
        )

    def open(self, path: str) -> BinaryIO:
        """Open a file."""
        try:
            return self._inside(path).open("rb")
        except OSError as error:
            raise StoreError(f"{self.where(path)} cannot be read: {error.strerror}.") from None

    def put(self, path: str, file: bytes | Path) -> None:
        """Write a file; readers see the old one or the new one, and nothing in between."""
        place = self._inside(path)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            handle, new = tempfile.mkstemp(prefix=".new-", dir=self._root)
            try:
                with os.fdopen(handle, "wb") as copy:
                    if isinstance(file, bytes):
                        copy.write(file)
                    else:
                        with file.open("rb") as source:
                            shutil.copyfileobj(source, copy)
                Path(new).chmod(0o644)
                Path(new).replace(place)
            except BaseException:
                with suppress(OSError):
                    Path(new).unlink()
                raise
        except OSError as error:
            raise StoreError(f"{self.where(path)} cannot be written: {error.strerror}.") from None

    def _inside(self, path: str) -> Path:
        """Return where a path is; links are followed.

        Raises:
            StoreError: it is outside of the folder, or no file can have this path.
        """
        try:
            place = (self._root / path).resolve()
        except (OSError, RuntimeError, ValueError) as error:  # a name too long, links in a circle, a NUL
            raise StoreError(f"{path!r} cannot be read in the folder {self._root}: {error}") from None
        if not place.is_relative_to(self._root.resolve()):
            raise StoreError(f"{self.where(path)} leads out of the folder {self._root}.")
        return place


def _refuse(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise StoreError(f"{error.filename} cannot be read: {error.strerror}.")


if TYPE_CHECKING:
    _: type[Shelf] = Folder

__all__ = ["Folder"]
