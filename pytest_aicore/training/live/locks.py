"""Locks between processes that end with the process that holds them, however it ends.

A forked process must not inherit them: a helper (a worker of a pool, a development server) may outlive the session,
and would prevent that the executions of a killed session are stopped. The kinds of locks that systems offer:

- `flock`, and locks of open file descriptions: a forked process shares them. It could close its copy after the fork
  (`os.register_at_fork`), but not if the fork is made in C.
- Record locks (`lockf`): they always belong to one process. But they do not exclude other threads of that process, and
  are lost as soon as the process closes *any* descriptor of the file.

So locks are record locks. To exclude threads, a set holds the files that this process has locked, and these are not
opened again before they are released. Other code may open and close one of them, such as a test that packs the folder.
So a process counts as alive (`is_held`) by its lock or by the mark that it left in the file.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING

from pytest_aicore.errors import RunError
from pytest_aicore.processes import lives, mark_of
from pytest_aicore.training.clock import RealClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CLOCK = RealClock()
_PAUSE = 0.02
PATIENCE = 60.0
"""Seconds to wait for a lock: a process holds one only while it writes a few lines."""
_TAKEN = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
"""The errors of systems for a lock that another process holds."""

_guard = Lock()
_locked_here: set[tuple[int, int]] = set()
"""The files that this process has locked: device and inode."""


class FileLock:
    """The lock of a file, which the system releases when the process ends.

    Args:
        file: created if need be, and so is its folder.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._handle: int | None = None
        self._identity = (0, 0)

    def take(self) -> bool:
        """Take the lock if it is free, also of other threads, and return whether that worked.

        Raises:
            OSError: the file cannot be opened, or its file system has no locks.
        """
        self._file.parent.mkdir(parents=True, exist_ok=True)  # it may have been deleted since
        return self._take(os.O_RDWR | os.O_CREAT, _lock)

    def remove_if_left(self) -> None:
        """Remove the lock file of a process that has ended, unless it was replaced by the file of a new process."""
        with suppress(OSError):  # a file that stays does no harm: its lock is free
            if self._take(os.O_RDWR, _lock):
                self.release(remove=self.is_in_place and not lives(self.mark))

    def take_if_there(self) -> bool:
        """Take the lock of an existing file, to check it: the file need not be writable.

        Raises:
            OSError: the file cannot be opened, or does not exist.
        """
        return self._take(os.O_RDONLY, _lock_shared)

    def _take(self, flags: int, lock: Callable[[int], None]) -> bool:
        with _guard:
            with suppress(OSError):
                if _identity(self._file.stat()) in _locked_here:
                    return False  # not opened: closing it would release the lock
            handle = os.open(self._file, flags, 0o600)
            try:
                lock(handle)
            except OSError as error:
                os.close(handle)
                if error.errno not in _TAKEN:
                    raise
                return False
            self._handle, self._identity = handle, _identity(os.fstat(handle))
            _locked_here.add(self._identity)
        return True

    @property
    def is_in_place(self) -> bool:
        """Whether the locked file still has its name, so that other processes find the lock."""
        try:
            return self._handle is not None and os.path.samestat(os.fstat(self._handle), self._file.stat())
        except OSError:
            return False

    def take_for_life(self) -> None:
        """Take the lock of this process's own file, even if another process checks or removes the file meanwhile.

        Raises:
            OSError: the file cannot be opened, or the lock cannot be taken.
        """
        deadline = _CLOCK.monotonic() + PATIENCE
        while True:
            if self.take():
                if self._handle is not None and self.is_in_place:
                    os.write(self._handle, (mark_of(os.getpid()) or "").encode())
                    return
                self.release()  # the locked file has been removed
            if _CLOCK.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, f"{self._file.name} has been locked for {PATIENCE:g} s")
            _CLOCK.sleep(_PAUSE)

    @property
    def mark(self) -> str:
        """The mark of the process that took the lock for life; it can be read only while the lock is held."""
        return "" if self._handle is None else os.read(self._handle, 200).decode("utf-8", "replace")

    def release(self, *, remove: bool = False) -> None:
        """Release the lock.

        Args:
            remove: whether to remove the file as well; only for a file that no other process waits for.
        """
        with _guard:
            if self._handle is None:
                return
            if remove:
                with suppress(OSError):  # a file that stays does no harm: its lock is free
                    self._file.unlink()
            os.close(self._handle)
            self._handle = None
            _locked_here.discard(self._identity)


def is_held(file: Path) -> bool:
    """Return whether the process that took a lock for life still runs; if it does not, the file is removed.

    Args:
        file: of the lock.

    Raises:
        OSError: the file cannot be opened, or its file system has no locks.
    """
    lock = FileLock(file)
    try:
        if not lock.take_if_there():
            return True
    except FileNotFoundError:
        return False
    alive = lives(lock.mark)
    lock.release()
    if not alive:
        lock.remove_if_left()  # other processes may check the file at the same time
    return alive


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _forget_in_forked_process() -> None:
    """Begin without locks: they belong to the parent process, one of whose threads may hold `_guard`."""
    global _guard
    _guard = Lock()
    _locked_here.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_forked_process)


@contextmanager
def held(file: Path, *, longer: bool = False) -> Iterator[None]:
    """Wait for the lock of a file, and hold it in the block.

    Args:
        file: of the lock.
        longer: whether the process that holds it may be waiting for AI Core.

    Raises:
        RunError: another process holds it for too long.
        OSError: the file cannot be opened, or its file system has no locks.
    """
    lock = FileLock(file)
    patience = 4 * PATIENCE if longer else PATIENCE
    deadline = _CLOCK.monotonic() + patience
    while not (lock.take() and lock.is_in_place):
        lock.release()  # the locked file has been removed
        if _CLOCK.monotonic() > deadline:
            raise RunError(
                f"{file} has been locked by another process for {patience:g} s, so nothing was started. If no other"
                " pytest runs here, remove that file."
            )
        _CLOCK.sleep(_PAUSE)
    try:
        yield
    finally:
        lock.release()


try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]

    _lock_shared = _lock

else:

    def _lock(handle: int) -> None:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _lock_shared(handle: int) -> None:
        fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)  # the only record lock for a descriptor that cannot write
