"""A temporary folder that is removed in the end, at the latest by the next run if this process is killed.

That run also ends the processes that were left.
"""

from __future__ import annotations

import atexit
import os
import tempfile
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_aicore.running.copying import remove
from pytest_aicore.running.left_processes import end_noted

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX: Final = "aicore-run-"
_UNFINISHED: Final = "aicore-new-"
"""The prefix of a folder whose lock is not held yet: nobody removes it, unless it stays so."""
_SECONDS_TO_LOCK: Final = 60.0
LOCK_FILE: Final = ".lock"
"""What its process holds locked in such a folder."""


@contextmanager
def own_folder() -> Iterator[Path]:
    """Give a new folder, after removing those of processes that do not exist any more.

    Each is locked by its process, also against those of other containers that share the folder for temporary files.

    Raises:
        OSError: it cannot be made.
    """
    _remove_leftovers(Path(tempfile.gettempdir()))
    new = Path(tempfile.mkdtemp(prefix=_UNFINISHED))
    lock = os.open(new / LOCK_FILE, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _is_locked(lock)
        folder = new.rename(new.with_name(_PREFIX + new.name.removeprefix(_UNFINISHED)))
        owner = os.getpid()
        abandoned = partial(_abandoned, folder, owner)
        # A worker of pytest-xdist that has lost its controller ends without leaving the block of `with`.
        atexit.register(abandoned)
        try:
            yield folder
        finally:
            atexit.unregister(abandoned)
            if os.getpid() == owner:  # and not a process that was forked from it
                with suppress(OSError):  # the next run removes what is left
                    remove(folder)
    finally:
        os.close(lock)


def _abandoned(folder: Path, owner: int) -> None:
    """Remove a folder with what runs in it at the end of its process, and not of one that was forked from it."""
    if os.getpid() == owner:
        with suppress(OSError):
            end_noted(folder)
            remove(folder)


def remove_with_owner(folder: Path) -> None:
    """Remove a folder of another process at the end of this one, if that one has ended then.

    Who shares it may write there again after the next run has removed it.

    Args:
        folder: as `own_folder` gave it to the other process.
    """
    atexit.register(_remove_leftover, folder)


def _remove_leftovers(parent: Path) -> None:
    unfinished = [folder for folder in parent.glob(f"{_UNFINISHED}*") if _is_old(folder)]
    for folder in (*parent.glob(f"{_PREFIX}*"), *unfinished):
        _remove_leftover(folder)


def _remove_leftover(folder: Path) -> None:
    """Remove a folder unless its process lives."""
    with suppress(OSError):  # it belongs to somebody else, or was removed meanwhile
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return
        lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_NOFOLLOW | os.O_CREAT, 0o600)
        try:
            if _is_locked(lock):
                end_noted(folder)
                remove(folder)
        finally:
            os.close(lock)


def _is_old(folder: Path) -> bool:
    with suppress(OSError):
        return time.time() - folder.stat().st_mtime > _SECONDS_TO_LOCK
    return False


def _is_locked(lock: int) -> bool:
    """Lock a file, and return whether that was possible; the lock ends with the process."""
    import fcntl  # no engine runs where there is none

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


__all__ = ["LOCK_FILE", "own_folder", "remove_with_owner"]
