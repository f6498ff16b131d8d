"""Why the program of a step cannot be executed, in the words of Argo's executor (Go's packages exec and os).

All of these end a container with code 64 (argo-workflows, cmd/argoexec/main.go).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore.running.engines.engine import CommandError

if TYPE_CHECKING:
    from pytest_aicore.running.engines.engine import Launch

KNOWN_FORMATS = (b"#!", b"\x7fELF")


def require_known_format(launch: Launch) -> None:
    """Refuse a program of the image or of an artifact that the kernel cannot execute: neither binary nor `#!`.

    The C library would pass it to a shell, and an empty file would succeed; Argo's executor does not do that.

    Args:
        launch: the step.

    Raises:
        CommandError: its program is such a file.
    """
    program = _in_root(launch)
    if program is None or not program.is_file() or not os.access(program, os.R_OK | os.X_OK):
        return
    with program.open("rb") as file:
        begin = file.read(4)
    if not begin.startswith(KNOWN_FORMATS):
        raise CommandError(f"fork/exec {_as_written(launch)}: exec format error")


def _as_written(launch: Launch) -> str:
    """Return the program as the template names it: a plain process gets its place on this machine."""
    return launch.command[0].removeprefix(str(launch.root.folder))


def _in_root(launch: Launch) -> Path | None:
    """Return the program, if it is one of the files that the step does not share with this machine."""
    command = _as_written(launch)
    folders = [launch.workdir] if "/" in command else launch.env.get("PATH", "").split(":")
    places = [launch.root.place(os.path.join(folder, command), follow=True) for folder in folders]  # noqa: PTH118
    return next((place for place in places if place.exists()), None)


def refused(launch: Launch, reason: str) -> CommandError:
    """Return the error of a program that cannot be executed.

    Args:
        launch: the step.
        reason: what the operating system says.
    """
    command, said = _as_written(launch), reason.lower()
    if "permission denied" in said:
        is_folder = (_in_root(launch) or Path(launch.command[0])).is_dir()
        why = "is a directory" if is_folder else "permission denied"
        return CommandError(f'failed to find name in PATH: exec: "{command}": {why}')
    if "not a directory" in said:
        return CommandError(f'failed to find name in PATH: exec: "{command}": stat {command}: {said}')
    if "no such file" not in said or _in_root(launch) is not None:  # of a script, its interpreter may be missing
        return CommandError(f"fork/exec {command}: {said}")
    if "/" not in command:
        return CommandError(f'failed to find name in PATH: exec: "{command}": executable file not found in $PATH')
    return CommandError(f'failed to find name in PATH: exec: "{command}": stat {command}: no such file or directory')


__all__ = ["KNOWN_FORMATS", "refused", "require_known_format"]
