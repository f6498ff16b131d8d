"""Finds the program of a step in its container, as Go's `exec.LookPath` does in Argo's executor.

The init program of a container would execute a text without `#!` by a shell, and end with a code that a training may
have as well.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from pytest_aicore.running.engines.commands import KNOWN_FORMATS
from pytest_aicore.running.engines.engine import CommandError

if TYPE_CHECKING:
    from pytest_aicore.running.engines.docker.files import Files
    from pytest_aicore.running.engines.engine import Launch

_EXECUTABLE: Final = 0o111
_LONGEST_FIRST_LINE: Final = 256
"""Bytes that the kernel reads (execve(2))."""


def require_program(launch: Launch, files: Files) -> None:
    """Refuse a step whose program cannot be executed.

    Args:
        launch: the step.
        files: of its container.

    Raises:
        CommandError: it cannot.
        OSError: its files cannot be read.
    """
    command = launch.command[0]
    found = _found(command, launch, files)
    begin = files.beginning(found, _LONGEST_FIRST_LINE)
    if not begin.startswith(KNOWN_FORMATS):
        raise CommandError(f"fork/exec {command}: exec format error")
    if begin.startswith(b"#!"):
        line = begin[2:].split(b"\n")[0].strip(b" \t")
        interpreter = os.fsdecode(line.split(b" ")[0].split(b"\t")[0])
        if files.status(_absolute(interpreter, launch.workdir)) is None:
            raise CommandError(f"fork/exec {command}: no such file or directory")


def _found(command: str, launch: Launch, files: Files) -> str:
    if "/" in command:
        return _at(_absolute(command, launch.workdir), command, files)
    for folder in launch.env.get("PATH", "").split(":"):
        status = files.status(_absolute(os.path.join(folder, command), launch.workdir))  # noqa: PTH118  of the step
        if status is not None and not status.is_folder and status.mode & _EXECUTABLE:
            return status.path
    raise CommandError(f'failed to find name in PATH: exec: "{command}": executable file not found in $PATH')


def _at(path: str, command: str, files: Files) -> str:
    status = files.status(path)
    if status is None:
        problem = f"stat {command}: {_why_missing(path, files)}"
    elif status.is_folder:
        problem = "is a directory"
    elif not status.mode & _EXECUTABLE:
        problem = "permission denied"
    else:
        return status.path
    raise CommandError(f'failed to find name in PATH: exec: "{command}": {problem}')


def _why_missing(path: str, files: Files) -> str:
    above = os.path.dirname(path)  # noqa: PTH120  a path of the step
    while above != "/":
        status = files.status(above)
        if status is not None:
            return "no such file or directory" if status.is_folder else "not a directory"
        above = os.path.dirname(above)  # noqa: PTH120
    return "no such file or directory"


def _absolute(path: str, workdir: str) -> str:
    return os.path.normpath(os.path.join("/", workdir, path))  # noqa: PTH118  a path of the step


__all__ = ["require_program"]
