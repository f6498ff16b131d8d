"""Locks between processes that vanish with who holds them, however it ends."""

from __future__ import annotations

import errno
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pytest_aicore.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PAUSE = 0.02
PATIENCE = 60.0
"""Seconds to wait for a lock: whoever holds one writes a few lines, and lets go of it."""
_TAKEN = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
"""What systems answer for a lock that somebody has."""


class FileLock:
    """The lock of a file, which the system gives back when the process ends.

    Args:
        file: made if need be, in a folder that exists; never read.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._handle: int | None = None

    def take(self) -> bool:
        """Take the lock if nobody has it, and tell whether that worked.

        Raises:
            OSError: the file cannot be opened, or its file system has no locks.
        """
        return self._take(os.O_RDWR | os.O_CREAT)

    def take_if_there(self) -> bool:
        """Take the lock of a file that must be there, if nobody has it; the file need not be writable.

        Raises:
            OSError: the file cannot be opened, or is not there.
        """
        return self._take(os.O_RDONLY)

    def _take(self, flags: int) -> bool:
        handle = os.open(self._file, flags, 0o600)
        try:
            _lock(handle)
        except OSError as error:
            os.close(handle)
            if error.errno in _TAKEN:
                return False
            raise
        self._handle = handle
        return True

    @property
    def is_in_place(self) -> bool:
        """Whether the file that is locked still is the one of that name, so that others find the lock."""
        try:
            return self._handle is not None and os.path.samestat(os.fstat(self._handle), self._file.stat())
        except OSError:
            return False

    def take_for_life(self) -> None:
        """Take the lock of a file of our own, whoever looks at it in the meantime and finds it free.

        Raises:
            OSError: the file cannot be opened.
        """
        while True:
            if self.take():
                if self.is_in_place:
                    return
                self.release()  # of a file that has been removed
            time.sleep(_PAUSE)

    def release(self, *, remove: bool = False) -> None:
        """Give the lock back.

        Args:
            remove: the file as well; only for one that nobody else waits for.
        """
        if self._handle is None:
            return
        if remove:
            with suppress(OSError):  # a file that stays there says nothing: nobody holds its lock
                self._file.unlink()
        os.close(self._handle)
        self._handle = None


@contextmanager
def held(file: Path, *, longer: bool = False) -> Iterator[None]:
    """Hold the lock of a file, waiting for it.

    Args:
        file: of the lock.
        longer: whether who holds it may be waiting for AI Core.

    Raises:
        RunError: somebody else has it, and does not give it back.
        OSError: the file cannot be opened, or its file system has no locks.
    """
    lock = FileLock(file)
    patience = 4 * PATIENCE if longer else PATIENCE
    deadline = time.monotonic() + patience
    while not (lock.take() and lock.is_in_place):
        lock.release()  # of a file that has been removed
        if time.monotonic() > deadline:
            raise RunError(
                f"{file} has been locked by another process for {patience:g} s, so nothing was started. If no other"
                " pytest runs here, remove that file."
            )
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        lock.release()


if os.name == "nt":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
