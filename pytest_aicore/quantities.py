"""How much memory and time something took, in words."""

from __future__ import annotations

from typing import Final

_KIBIBYTE: Final = 1024


def memory_text(size: float) -> str:
    """Return a number of bytes as `12 KiB`, `143 MiB` or `3.4 GiB`.

    Args:
        size: in bytes.
    """
    if size >= _KIBIBYTE**3:
        return f"{round(size / _KIBIBYTE**3, 1):g} GiB"
    if size >= _KIBIBYTE**2:
        return f"{size / _KIBIBYTE**2:.0f} MiB"
    return f"{size / _KIBIBYTE:.0f} KiB"


def duration_text(seconds: float) -> str:
    """Return a duration as `0.4 s`, `12 min 05 s` or `3 h 10 min`.

    Args:
        seconds: the duration.
    """
    if seconds < 60:
        return f"{seconds:g} s" if seconds == round(seconds, 1) else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def usage_text(seconds: float, cpu_seconds: float | None, peak_memory: float | None) -> str:
    """Return how much a step took: `3.1 s, CPU 2.9 s, peak memory 143 MiB`; what was not measured is left out.

    Args:
        seconds: how long it ran.
        cpu_seconds: the processor time of its processes.
        peak_memory: the most memory that they had together, in bytes.
    """
    found = [f"{seconds:.1f} s"]
    if cpu_seconds is not None:
        found.append(f"CPU {cpu_seconds:.1f} s")
    if peak_memory is not None:
        found.append(f"peak memory {memory_text(peak_memory)}")
    return ", ".join(found)


def beyond_plan(peak_memory: float | None, plan: str, size: float | None) -> str | None:
    """Return that a step needs more memory than its resource plan has; None if it does not, or nobody knows.

    Args:
        peak_memory: the most memory that its processes had together, in bytes.
        plan: the name of the plan.
        size: its memory in bytes.
    """
    if peak_memory is None or size is None or peak_memory <= size:
        return None
    return f"peak {memory_text(peak_memory)}; `{plan}` has {memory_text(size)}"


__all__ = ["beyond_plan", "duration_text", "memory_text", "usage_text"]
