"""How much memory and processor time the processes of a step use, read from Linux's /proc."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pytest_aicore.processes import mark_of

_PROC = Path("/proc")
_KIBIBYTE = 1024
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB", re.MULTILINE)
_SHARE = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
"""Of memory that several processes share, each is counted its share: forked ones have most of theirs in common."""


class Usage:
    """Measures a process and all that it starts, at moments; what begins and ends between two moments is not seen.

    Args:
        pid: the process.

    Attributes:
        peak_memory: the most memory that they had together, in bytes, None where the system does not tell.
        seen: marks of the processes that were seen.
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
        self._measure_memory(pids)
        for pid in pids:
            seconds = _processor_time(pid)
            if seconds is not None:
                self._seconds[pid] = seconds
            mark = mark_of(pid)
            if mark is not None:
                self.seen.add(mark)

    def _measure_memory(self, pids: list[int]) -> None:
        peak = self.peak_memory or 0
        statuses = [_text(_PROC / str(pid) / "status") for pid in pids]
        memory = sum(_size(_RESIDENT, status) for status in statuses)
        if memory > peak and len(pids) > 1:  # the exact figure costs more
            memory = sum(map(_share, pids, statuses))
        # Linux has also kept the peak of each process.
        memory = max([memory, *(_size(_PEAK, status) for status in statuses)])
        if memory > peak:
            self.peak_memory = memory


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


def _share(pid: int, status: str) -> int:
    """Return the memory of a process, of shared memory its share, where this process may ask for that."""
    rollup = _text(_PROC / str(pid) / "smaps_rollup")
    return _size(_SHARE, rollup) if rollup else _size(_RESIDENT, status)


def _size(field: re.Pattern[str], text: str) -> int:
    found = field.search(text)
    return int(found[1]) * _KIBIBYTE if found else 0


def _text(path: Path) -> str:
    """Return what the kernel says of a process, nothing if it has ended."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _processor_time(pid: int) -> float | None:
    try:
        content = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        user, system = content.rpartition(") ")[2].split()[11:13]  # fields 14 and 15 (proc(5))
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return None


__all__ = ["Usage"]
