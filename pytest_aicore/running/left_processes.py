"""Processes of steps that a killed session has left, where nothing ends them with it: the next session ends them."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_aicore.processes import lives, mark_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SUFFIX: Final = ".processes"
_OF_STEPS: Final = (b"ARGO_CONTAINER_NAME=", b"K_REVISION=")
"""Variables of which each step of a workflow has one, and each server of a deployment the other."""


def file_of(root: Path) -> Path:
    """Return the file for the notes about a step: beside its root, where it writes nothing.

    Args:
        root: the folder that it sees as `/`.
    """
    return root.with_name(root.name + _SUFFIX)


def note(file: Path, marks: Iterable[str]) -> None:
    """Note processes, as far as the disk allows: the step itself goes on without.

    Args:
        file: where.
        marks: of them, as `mark_of` returns them.
    """
    with suppress(OSError), file.open("a", encoding="utf-8") as lines:
        lines.writelines(f"{mark}\n" for mark in marks)


def end(marks: Iterable[str]) -> None:
    """End the processes that still run.

    Args:
        marks: of them.
    """
    for mark in marks:
        if lives(mark):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(int(mark.split(" ")[1]), signal.SIGKILL)


def end_noted(folder: Path) -> None:
    """End the processes that are noted in a folder for temporary files, and what else is of the sessions of these.

    A step may have begun just before its session was killed, which had no time for a note: it works in that folder.

    Args:
        folder: of a run, or of an engine with a folder for each of its runs.
    """
    marks: list[str] = []
    for file in (*folder.glob(f"steps/*{_SUFFIX}"), *folder.glob(f"*/steps/*{_SUFFIX}")):
        with suppress(OSError):
            marks += file.read_text(encoding="utf-8", errors="replace").splitlines()
    leaders = {mark.split(" ")[1] for mark in marks}
    known: set[str] = set()
    while found := {*marks, *_of_sessions(leaders := leaders | _sessions_in(folder))} - known:
        end(found)  # whatever started others while these were looked for starts no more
        known |= found


def _sessions_in(folder: Path) -> set[str]:
    """Return the sessions of the steps that work in a folder."""
    return {_session_of(process) for process in _steps_in(folder)} - {""}


def _steps_in(folder: Path) -> Iterator[Path]:
    """Yield the processes of steps whose working directory is below a folder."""
    place = folder.resolve()
    for process in _processes():
        with suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(place) and _is_of_step(process):
                yield process


def _of_sessions(leaders: set[str]) -> Iterator[str]:
    """Yield the marks of steps' processes whose parent has ended, so that nobody saw them descend from the step.

    Args:
        leaders: the ids of processes with which sessions may have begun.
    """
    for process in _processes():
        with suppress(OSError, IndexError):
            # The number of a session that is over may be another's now.
            if _session_of(process) in leaders and _is_of_step(process):
                mark = mark_of(int(process.name))
                if mark is not None:
                    yield mark


def _processes() -> Iterator[Path]:
    """Yield all processes; whoever reads one meets `OSError` if it belongs to somebody else, or has just ended."""
    return Path("/proc").glob("[0-9]*")


def _session_of(process: Path) -> str:
    with suppress(OSError):
        return (process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()[3]
    return ""


def _is_of_step(process: Path) -> bool:
    variables = (process / "environ").read_bytes()
    return any(each in variables for each in _OF_STEPS)


__all__ = ["end", "end_noted", "file_of", "note"]
