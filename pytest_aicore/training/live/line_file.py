"""A file of lines that several processes append to, and that may be truncated, replaced or removed at any time."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_TAIL = 512
"""Bytes at the end by which a file is recognized: they end in a line that no other file has."""


class LineFile:
    """The file, as far as this process has read it.

    Args:
        path: path of the file; its folder is created if need be.

    Attributes:
        cut_off: the bytes after the last complete line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut_off = b""
        self._position = 0
        self._tail = b""

    def read_on(self) -> tuple[list[bytes], bool]:
        """Return the lines since the last call, and whether the file was replaced since then.

        All lines of a new file are returned. A missing file has none.

        Raises:
            OSError: it cannot be read.
        """
        content, is_another = b"", self._position > 0
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            file.seek(self._position - len(self._tail))
            content = file.read()
            is_another = not content.startswith(self._tail)
            if is_another:
                file.seek(0)
                content = file.read()
        if is_another:
            self._position, self._tail = 0, b""
        whole, end, self.cut_off = content[len(self._tail) :].rpartition(b"\n")
        read = whole + end
        self._position += len(read)
        self._tail = (self._tail + read)[-_TAIL:]
        return whole.split(b"\n") if end else [], is_another

    def accept_cut_off(self) -> None:
        """Accept the bytes after the last complete line as a line: an editor may have removed its line end."""
        self._position += len(self.cut_off)
        self._tail = (self._tail + self.cut_off)[-_TAIL:]
        self.cut_off = b""

    def append(self, lines: Sequence[str]) -> None:
        """Append lines, and return when they are on disk.

        Args:
            lines: without line ends.

        Raises:
            OSError: not all of them could be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.lseek(handle, 0, os.SEEK_END)
            text = "".join(f"{line}\n" for line in lines).encode()
            if size > 0:
                os.lseek(handle, -1, os.SEEK_END)
                if os.read(handle, 1) != b"\n":  # a process was killed while it wrote a line; only that line is lost
                    text = b"\n" + text
            # A single write to a file opened for appending, so that lines of several processes do not mix.
            if os.write(handle, text) < len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(handle)
        finally:
            os.close(handle)
        if size == 0:
            self._keep_the_name()

    def _keep_the_name(self) -> None:
        """Flush the folder as well, so that a new file exists after a power failure."""
        with suppress(OSError):  # not every system can open or flush a folder
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
