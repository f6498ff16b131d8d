"""How much memory and processor time the processes of a step use, read from Linux's /proc.

Many steps may run at once, and each is measured ten times a second: so nothing is read twice, and by the system's own
calls, which cost a fifth of what `pathlib` does.
"""

from __future__ import annotations

import os
import re

from pytest_aicore.processes import mark_of

_CHUNK = 64 * 1024
_KIBIBYTE = 1024
_USER, _SYSTEM, _STARTED = 11, 12, 19
"""Where fields 14, 15 and 22 are after the name of the command (proc(5))."""
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB", re.MULTILINE)
_KILLS = re.compile(r"^oom_kill (\d+)", re.MULTILINE)
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
        self._started: dict[int, str] = {}
        """When each process that has a mark began, as the system counts it."""

    @property
    def pids(self) -> list[int]:
        """The process and all that it has started and that still run."""
        return _tree(self._pid) if self._pid else []

    @property
    def cpu_seconds(self) -> float | None:
        """Seconds of processor time up to the last moment, None where the system does not tell."""
        return sum(self._seconds.values()) if self._seconds else None

    def measure(self) -> None:
        """Look now. Processes that end meanwhile are left out."""
        pids = _tree(self._pid)
        self._measure_memory(pids)
        for pid in pids:
            fields = _text(f"/proc/{pid}/stat").rpartition(") ")[2].split()
            if len(fields) > _STARTED:
                self._seconds[pid] = (int(fields[_USER]) + int(fields[_SYSTEM])) / os.sysconf("SC_CLK_TCK")
                self._note(pid, fields[_STARTED])

    def _note(self, pid: int, started: str) -> None:
        """Keep the mark of a process that was not seen before."""
        if self._started.get(pid) != started and (mark := mark_of(pid)) is not None:
            self._started[pid] = started
            self.seen.add(mark)

    def _measure_memory(self, pids: list[int]) -> None:
        peak = self.peak_memory or 0
        statuses = [_text(f"/proc/{pid}/status") for pid in pids]
        memory = sum(_size(_RESIDENT, status) for status in statuses)
        if memory > peak and len(pids) > 1:  # the exact figure costs more
            memory = sum(map(_share, pids, statuses))
        # Linux has also kept the peak of each process.
        memory = max([memory, *(_size(_PEAK, status) for status in statuses)])
        if memory > peak:
            self.peak_memory = memory


def kernel_kills() -> int | None:
    """Return how many processes of this machine the kernel has ended for memory, None where it does not tell."""
    found = _KILLS.search(_text("/proc/vmstat"))
    return int(found[1]) if found else None


def _tree(pid: int) -> list[int]:
    pids = [pid]
    for each in pids:
        pids += _children(each)
    return pids


def _children(pid: int) -> list[int]:
    try:
        with os.scandir(f"/proc/{pid}/task") as threads:
            return [int(child) for thread in threads for child in _text(f"{thread.path}/children").split()]
    except (OSError, ValueError):
        return []


def _share(pid: int, status: str) -> int:
    """Return the memory of a process, of shared memory its share, where this process may ask for that."""
    rollup = _text(f"/proc/{pid}/smaps_rollup")
    return _size(_SHARE, rollup) if rollup else _size(_RESIDENT, status)


def _size(field: re.Pattern[str], text: str) -> int:
    found = field.search(text)
    return int(found[1]) * _KIBIBYTE if found else 0


def _text(path: str) -> str:
    """Return what the kernel says of a process, nothing if it has ended."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    content = b""
    try:
        while part := os.read(descriptor, _CHUNK):
            content += part
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return content.decode("utf-8", "replace")


__all__ = ["Usage", "kernel_kills"]
