"""How much memory and processor time the processes of a step use, read from Linux's /proc."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_aicore.processes import mark_of

_PROC = Path("/proc")


class Usage:
    """Measures a process and all that it starts, at moments; what happens between two moments is not seen.

    Args:
        pid: the process.
    """

    def __init__(self, pid: int) -> None:
        self.peak_memory: int | None = None
        self.seen: set[str] = set()
        self._pid = pid
        self._seconds: dict[int, float] = {}

    @property
    def cpu_seconds(self) -> float | None:
        """Seconds of processor time up to the last moment, None where the system does not tell."""
        return sum(self._seconds.values()) if self._seconds else None

    def measure(self) -> None:
        """Look now. Processes that end meanwhile are left out."""
        pids = _tree(self._pid)
        memory = sum(map(_resident, pids))
        if memory:
            self.peak_memory = max(memory, self.peak_memory or 0)
        for pid in pids:
            seconds = _processor_time(pid)
            if seconds is not None:
                self._seconds[pid] = seconds
            mark = mark_of(pid)
            if mark is not None:
                self.seen.add(mark)


def _tree(pid: int) -> list[int]:
    pids = [pid]
    for each in pids:
        pids += _children(each)
    return pids


def _children(pid: int) -> list[int]:
    try:
        lists = [thread / "children" for thread in (_PROC / str(pid) / "task").iterdir()]
        return [int(child) for each in lists for child in each.read_text(encoding="ascii").split()]
    except (OSError, ValueError):
        return []


def _resident(pid: int) -> int:
    try:
        return int((_PROC / str(pid) / "statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _processor_time(pid: int) -> float | None:
    try:
        content = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        user, system = content.rpartition(") ")[2].split()[11:13]  # fields 14 and 15 (proc(5))
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return None


__all__ = ["Usage"]
