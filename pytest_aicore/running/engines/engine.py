"""What an engine is asked for, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pytest_aicore.running.root import Root


@dataclass(frozen=True, slots=True)
class Launch:
    """A step that should start. Everything is expanded.

    Attributes:
        root: what it sees as `/`.
        hostname: the name of the machine that it sees.
        command: the program and its arguments.
        workdir: its working directory, as the step writes it.
        env: its whole environment.
        programs: folders of this machine with the programs that it needs; they are not changed.
        mounts: the folders that are volumes, as the step writes them, with whether it cannot write to them.
        stdout: the file descriptor to which it writes.
        stderr: the other one; may be the same.
    """

    root: Root
    hostname: str
    command: tuple[str, ...]
    workdir: str
    env: Mapping[str, str]
    programs: tuple[Path, ...]
    stdout: int
    stderr: int
    mounts: Mapping[str, bool] = field(default_factory=dict)


class StartError(Exception):
    """What is around a step could not start it. The step itself has done nothing.

    A program that does not exist is something else: Argo's executor runs, and ends with code 64 (`CommandError`).
    """


class CommandError(Exception):
    """The program of a step does not exist or cannot be executed; the message is the one of Argo's executor."""


class Running(Protocol):
    """A step that was started."""

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process to wait for; it ends with the main process of the step."""
        ...

    def stop(self) -> None:
        """End all its processes at once; harmless if they have ended."""
        ...

    def ended(self, said: str) -> int:
        """Return the exit code once `process` has ended, after ending what the step left running.

        A signal that ended the step counts as 128 and its number.

        Args:
            said: the last that was written to its outputs.

        Raises:
            CommandError: its program could not be executed.
            StartError: it was never started.
        """
        ...


class Engine(Protocol):
    """Starts steps."""

    @property
    def name(self) -> str:
        """As users choose it."""
        ...

    @property
    def lacks(self) -> tuple[str, ...]:
        """What it cannot hold, one phrase each."""
        ...

    def probe(self) -> str | None:
        """Return why it cannot work on this machine and what to do about it, None if it can."""
        ...

    def mapped(self, text: str, root: Root, paths: Iterable[str]) -> str:
        """Return a text of the template as the step must see it.

        Args:
            text: a command, an argument, a variable or the source of a script.
            root: the root of the step.
            paths: the paths that exist in it because template or image make them.
        """
        ...

    def is_of_machine(self, path: str) -> bool:
        """Return whether a path of a step shows what this machine has there.

        Args:
            path: as the step writes it.
        """
        ...

    def by_hand(self, launch: Launch) -> tuple[tuple[str, ...], Path | None]:
        """Return the words that start a step from a shell with the variables of the step, and the folder for that.

        Args:
            launch: the step; its files are there.

        Raises:
            OSError: its files cannot be completed.
            StartError: it cannot be started.
        """
        ...

    def start(self, launch: Launch) -> Running:
        """Start a step. The thread that calls it must live as long as the step.

        Args:
            launch: the step.

        Raises:
            CommandError: its program could not be executed.
            StartError: it cannot be started.
        """
        ...


__all__ = ["CommandError", "Engine", "Launch", "Running", "StartError"]
