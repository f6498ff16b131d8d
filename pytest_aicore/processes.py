"""Which process something belongs to, and what a process that was forked from that one may do with its copy of it.

A forked process has a copy of everything and none of the threads. So a lock that a thread held stays locked there for
ever, what is changed there is seen nowhere else, and what is cleaned up there is taken away from the process that
needs it. Everything of ours that minds this asks one question: `Home.is_here`. It compares process ids, because code
that forks in C runs no handler of `os.register_at_fork`.
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
    """The process to which something belongs: the one that makes it, until another settles there."""

    def __init__(self) -> None:
        self.pid = os.getpid()

    @property
    def is_here(self) -> bool:
        """Whether this process is the one, and not forked from it."""
        return os.getpid() == self.pid

    def settle(self) -> None:
        """Let this process be the one from now on."""
        self.pid = os.getpid()

    def require_for_runs(self) -> None:
        """Refuse trainings in a forked process: the threads that start and watch them are not there.

        Raises:
            RunError: this process is a forked one.
        """
        if not self.is_here:
            raise RunError(
                f"process {os.getpid()} was forked from the pytest session (process {self.pid}), which alone starts"
                " and watches trainings. Start the run in the test itself, before it forks, and hand on its id."
                " Plugins that fork the tests (pytest-forked, --boxed) cannot run trainings live; pytest-xdist can."
            )


class ThreadLock:
    """A reentrant lock between the threads of a process; a forked process finds it free, whoever held it."""

    def __init__(self) -> None:
        self._of: dict[int, Any] = {}

    def __enter__(self) -> None:
        self._of.setdefault(os.getpid(), RLock()).acquire()

    def __exit__(self, *exception: object) -> None:
        lock = self._of.get(os.getpid())
        if lock is not None:  # it is where the process was not forked in the middle of the block
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
    """A condition that is refused to forked processes: who would notify them is not there.

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
    """What forked processes tell the process from which they were forked: sentences, through a pipe.

    Only where processes can be forked; elsewhere there is nobody who would write.
    """

    def __init__(self) -> None:
        self._reading, self._writing = -1, -1
        if hasattr(os, "fork"):
            self._reading, self._writing = os.pipe()
            os.set_blocking(self._reading, False)
            os.set_blocking(self._writing, False)  # nobody waits for a reader; a full pipe has told enough

    def write(self, sentence: str) -> None:
        """Tell something. Never waits, never fails: whoever writes has an error of its own to raise."""
        line = sentence.replace("\n", " ").encode()[:_LONGEST_LETTER] + b"\n"
        try:
            os.write(self._writing, line)
        except OSError:
            return

    def read(self) -> list[str]:
        """Return what was told since the last time, each sentence once."""
        content = b""
        while chunk := self._chunk():
            content += chunk
        return list(dict.fromkeys(content.decode("utf-8", "replace").splitlines()))

    def close(self) -> None:
        """Give the pipe back."""
        for end in (self._reading, self._writing):
            if end >= 0:
                os.close(end)
        self._reading, self._writing = -1, -1

    def _chunk(self) -> bytes:
        try:
            return os.read(self._reading, 65536)
        except OSError:  # nothing there, or no pipe
            return b""


def mark_of(pid: int) -> str | None:
    """Return what tells a process of this machine from all others before and after it, None if it has ended.

    Where the system does not tell (Linux does, in `/proc`), None as well.

    Args:
        pid: its id.
    """
    try:
        # pid (command) state ppid ...: the command may hold anything. Field 22 is the time of its start (proc(5)).
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        state, *fields = told.rpartition(") ")[2].split()
        return None if state in "ZX" else f"{Path('/proc/self/ns/pid').readlink()} {pid} {fields[18]}"
    except (OSError, IndexError, ValueError):
        return None


def lives(mark: str) -> bool:
    """Tell whether the process of a mark still runs, as far as that can be told from here."""
    _, _, rest = mark.partition(" ")
    pid = rest.partition(" ")[0]
    return pid.isdecimal() and mark_of(int(pid)) == mark


__all__ = ["Home", "HomeCondition", "HomeLock", "Letters", "ThreadLock", "lives", "mark_of"]
