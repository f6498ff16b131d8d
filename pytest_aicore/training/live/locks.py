"""Locks between processes that vanish with who holds them, however it ends.

They must be of the process alone: a helper that it forks (a worker of a pool, a development server) may outlive it,
and would keep the executions of a killed session from being stopped. What the system offers, and what it costs:

- `flock`, and locks of open file descriptions: a forked process has a share in them. It could close its copy after the
  fork (`os.register_at_fork`), but not if the fork is made in C.
- Record locks (`lockf`): of the process alone, in every case. But they do not keep the threads of a process apart, and
  are lost as soon as the process closes *any* descriptor of the file.

So locks are record locks. What keeps threads apart is a set of the files that this process has locked, which are not
opened again before they are released. Others may open and close one, such as a test that packs the folder: that a
process *lives* is therefore not told by its lock alone (`is_held`), but also by the mark that it left in the file.
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
"""Seconds to wait for a lock: whoever holds one writes a few lines, and lets go of it."""
_TAKEN = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
"""What systems answer for a lock that somebody has."""

_guard = Lock()
_locked_here: set[tuple[int, int]] = set()
"""The files that this process has locked: device and inode."""


class FileLock:
    """The lock of a file, which the system gives back when the process ends.

    Args:
        file: made if need be, and so is its folder.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._handle: int | None = None
        self._identity = (0, 0)

    def take(self) -> bool:
        """Take the lock if nobody has it, no other thread either, and tell whether that worked.

        Raises:
            OSError: the file cannot be opened, or its file system has no locks.
        """
        self._file.parent.mkdir(parents=True, exist_ok=True)  # also whenever somebody has deleted it meanwhile
        return self._take(os.O_RDWR | os.O_CREAT, _lock)

    def remove_if_left(self) -> None:
        """Remove the file of a process that has ended, unless somebody else has removed it, and it is a new one's."""
        with suppress(OSError):  # a file that stays there says nothing: nobody holds its lock
            if self._take(os.O_RDWR, _lock):
                self.release(remove=self.is_in_place and not lives(self.mark))

    def take_if_there(self) -> bool:
        """Take the lock of a file that must be there, to look at it: the file need not be writable.

        Raises:
            OSError: the file cannot be opened, or is not there.
        """
        return self._take(os.O_RDONLY, _lock_shared)

    def _take(self, flags: int, lock: Callable[[int], None]) -> bool:
        with _guard:
            with suppress(OSError):
                if _identity(self._file.stat()) in _locked_here:
                    return False  # and not opened: to close it again would give the lock back
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
        """Whether the file that is locked still is the one of that name, so that others find the lock."""
        try:
            return self._handle is not None and os.path.samestat(os.fstat(self._handle), self._file.stat())
        except OSError:
            return False

    def take_for_life(self) -> None:
        """Take the lock of a file of our own, whoever looks at it in the meantime and finds it free.

        Raises:
            OSError: the file cannot be opened, or the lock not be had.
        """
        deadline = _CLOCK.monotonic() + PATIENCE
        while True:
            if self.take():
                if self._handle is not None and self.is_in_place:
                    os.write(self._handle, (mark_of(os.getpid()) or "").encode())
                    return
                self.release()  # of a file that has been removed
            if _CLOCK.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, f"{self._file.name} has been locked for {PATIENCE:g} s")
            _CLOCK.sleep(_PAUSE)

    @property
    def mark(self) -> str:
        """What whoever took the lock for life has left in the file; only for who holds the lock."""
        return "" if self._handle is None else os.read(self._handle, 200).decode("utf-8", "replace")

    def release(self, *, remove: bool = False) -> None:
        """Give the lock back.

        Args:
            remove: the file as well; only for one that nobody else waits for.
        """
        with _guard:
            if self._handle is None:
                return
            if remove:
                with suppress(OSError):  # a file that stays there says nothing: nobody holds its lock
                    self._file.unlink()
            os.close(self._handle)
            self._handle = None
            _locked_here.discard(self._identity)


def is_held(file: Path) -> bool:
    """Tell whether the process that took a lock for life still runs; the file of one that does not is removed.

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
        lock.remove_if_left()  # others may be looking as well
    return alive


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _forget_in_forked_process() -> None:
    """Begin with no lock: those of the other process are its own, and a thread of it may be at `_guard`."""
    global _guard
    _guard = Lock()
    _locked_here.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_forked_process)


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
    deadline = _CLOCK.monotonic() + patience
    while not (lock.take() and lock.is_in_place):
        lock.release()  # of a file that has been removed
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


if os.name == "nt":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]

    _lock_shared = _lock

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _lock_shared(handle: int) -> None:
        fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)  # all that a descriptor may that cannot write
