"""Which process an object belongs to, and what a forked process may do with its copy of the object.

A forked process has a copy of everything and none of the threads. So a lock that a thread held stays locked there for
ever, a change made there is seen nowhere else, and what is cleaned up there is missing in the process that needs it.
All of pytest-aicore uses one check for this: `Home.is_here`. It compares process ids, because code that forks in C runs
no handler of `os.register_at_fork`.
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Condition, RLock
from typing import TYPE_CHECKING, Any

from pytest_aicore.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable


_LONGEST_LETTER = 2000
"""Bytes. What is no longer than PIPE_BUF (POSIX: at least 512, Linux: 4096) is not mixed with what others write."""


class Home:
    """The process to which an object belongs: the one that created it, until another process calls `settle`."""

    def __init__(self) -> None:
        self.pid = os.getpid()

    @property
    def is_here(self) -> bool:
        """Whether this process is the owner, and not forked from it."""
        return os.getpid() == self.pid

    def settle(self) -> None:
        """Make this process the owner."""
        self.pid = os.getpid()

    def require_for_runs(self) -> None:
        """Refuse trainings in a forked process: the threads that start and watch them are not there.

        Raises:
            RunError: this process is a forked one.
        """
        if not self.is_here:
            raise RunError(
                f"process {os.getpid()} was forked from the pytest session (process {self.pid}), and only that process"
                " can start and watch trainings. Start the run in the test itself, before the test forks, and pass its"
                " id to the forked process. Plugins that fork the tests (pytest-forked, --boxed) cannot run trainings"
                " live; pytest-xdist can."
            )


class ThreadLock:
    """A reentrant lock between the threads of a process; in a forked process it is free, whichever thread held it."""

    def __init__(self) -> None:
        self._of: dict[int, Any] = {}

    def __enter__(self) -> None:
        self._of.setdefault(os.getpid(), RLock()).acquire()

    def __exit__(self, *exception: object) -> None:
        lock = self._of.get(os.getpid())
        if lock is not None:  # None if the process was forked inside the block
            lock.release()


class HomeLock(ThreadLock):
    """A lock that is refused to forked processes.

    Args:
        require: raises where this is not the process to which the lock belongs.
    """

    def __init__(self, require: Callable[[], None]) -> None:
        super().__init__()
        self._require = require

    def __enter__(self) -> None:
        self._require()
        super().__enter__()


class HomeCondition(Condition):
    """A condition that is refused to forked processes: the threads that would notify them do not exist there.

    Args:
        require: raises where this is not the process to which the condition belongs.
    """

    def __init__(self, require: Callable[[], None]) -> None:
        super().__init__()
        self._require = require

    def __enter__(self) -> bool:
        self._require()
        return super().__enter__()


class Letters:
    """Sentences that forked processes send to their parent process, through a pipe.

    The pipe exists only where processes can be forked.
    """

    def __init__(self) -> None:
        self._reading, self._writing = -1, -1
        if hasattr(os, "fork"):
            self._reading, self._writing = os.pipe()
            os.set_blocking(self._reading, False)
            os.set_blocking(self._writing, False)  # a full pipe must not block the writer; the rest is dropped

    def write(self, sentence: str) -> None:
        """Send a sentence. It never waits and never fails, because the caller is about to raise an error of its own."""
        line = sentence.replace("\n", " ").encode()[:_LONGEST_LETTER] + b"\n"
        try:
            os.write(self._writing, line)
        except OSError:
            return

    def read(self) -> list[str]:
        """Return what was sent since the last call, each sentence once."""
        content = b""
        while chunk := self._chunk():
            content += chunk
        return list(dict.fromkeys(content.decode("utf-8", "replace").splitlines()))

    def close(self) -> None:
        """Close the pipe."""
        for end in (self._reading, self._writing):
            if end >= 0:
                os.close(end)
        self._reading, self._writing = -1, -1

    def _chunk(self) -> bytes:
        try:
            return os.read(self._reading, 65536)
        except OSError:  # the pipe is empty or closed
            return b""


def processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def mark_of(pid: int) -> str | None:
    """Return an identifier that no other process of this machine has had or will have, None if the process has ended.

    It is None as well where the system has no such data; Linux has it in `/proc`.

    Args:
        pid: id of the process.
    """
    try:
        # pid (command) state ppid ...: the command may hold anything. Field 22 is the time of its start (proc(5)).
        content = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        state, *fields = content.rpartition(") ")[2].split()
        return None if state in "ZX" else f"{Path('/proc/self/ns/pid').readlink()} {pid} {fields[18]}"
    except (OSError, IndexError, ValueError):
        return None


def lives(mark: str) -> bool:
    """Return whether the process of a mark still runs, as far as this process can find out."""
    _, _, rest = mark.partition(" ")
    pid = rest.partition(" ")[0]
    return pid.isdecimal() and mark_of(int(pid)) == mark


__all__ = ["Home", "HomeCondition", "HomeLock", "Letters", "ThreadLock", "lives", "mark_of", "processors"]
