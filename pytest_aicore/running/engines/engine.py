"""What an engine is asked for, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pytest_aicore.running.images.image import Image, Images
    from pytest_aicore.running.root import Root
    from pytest_aicore.running.usage import Usage


@dataclass(frozen=True, slots=True)
class Launch:
    """A step that should start. Everything is expanded.

    Attributes:
        root: what it sees as `/`, or what is put there where its image has a file system of its own.
        image: of the step.
        staged: the paths at which the template puts something, without those of `mounted`.
        mounted: the paths at which a folder takes the place of what the image has there.
        hostname: the name of the machine that it sees.
        command: the program and its arguments.
        workdir: its working directory, as the step writes it.
        env: its whole environment.
        memory: the bytes of memory that its processes may have together, None for no limit.
        mounts: the folders that are volumes, as the step writes them, with whether it cannot write to them.
        stdout: the file descriptor to which it writes.
        stderr: the other one; may be the same.
        port: at which it listens for requests, None if it serves none.
    """

    root: Root
    image: Image
    staged: tuple[str, ...]
    mounted: tuple[str, ...]
    hostname: str
    command: tuple[str, ...]
    workdir: str
    env: Mapping[str, str]
    memory: int | None
    stdout: int
    stderr: int
    mounts: Mapping[str, bool] = field(default_factory=dict)
    port: int | None = None


class Exit(NamedTuple):
    """How the main process of a step ended.

    Attributes:
        code: its exit code; a signal counts as 128 and its number.
        reason: as Kubernetes calls it: `Error`, or `OOMKilled` where the engine knows that.
    """

    code: int
    reason: str = "Error"


class StartError(Exception):
    """What is around a step could not start it. The step itself has done nothing.

    A program that does not exist is something else: Argo's executor runs, and ends with code 64 (`CommandError`).
    """


class CommandError(Exception):
    """The program of a step does not exist or cannot be executed; the message is the one of Argo's executor."""


class Running(Protocol):
    """A step that was started."""

    @property
    def usage(self) -> Usage:
        """What its processes use."""
        ...

    def wait(self) -> None:
        """Return when its main process has ended."""
        ...

    def stop(self) -> None:
        """End all its processes at once; harmless if they have ended."""
        ...

    def ended(self, said: str) -> Exit:
        """Return how it ended, once it has, after ending what the step left running.

        Args:
            said: the last that was written to its outputs.

        Raises:
            CommandError: its program could not be executed.
            StartError: it was never started, or how it ended is not known.
        """
        ...

    def connect(self, port: int, seconds: float) -> socket.socket:
        """Return a connection to a port of a step that serves requests.

        Args:
            port: the port, as the step has it.
            seconds: after which it gives up.

        Raises:
            OSError: nothing listens there, or does not accept in time.
        """
        ...

    def execute(self, command: tuple[str, ...], seconds: float) -> str:
        """Execute a command beside a step that serves requests, and return why it failed; empty if it succeeded.

        Args:
            command: the program and its arguments, as the step must see them.
            seconds: after which it has failed.
        """
        ...

    def bring(self, paths: Iterable[tuple[str, bool]]) -> None:
        """Put what it has left at some paths into its root, unless that is where it has written.

        Args:
            paths: each with whether the target of a link is meant, and not the link itself.

        Raises:
            OSError: something cannot be read or written.
        """
        ...

    def clean(self) -> None:
        """Remove what the engine has made for it, beside its root."""
        ...


def failed(command: tuple[str, ...], code: int, said: str) -> str:
    """Return why a command has failed that was executed beside a step; empty if it has succeeded.

    Args:
        command: the command.
        code: its exit code.
        said: what it has written.
    """
    last = said.strip().rpartition("\n")[2]
    return f"{' '.join(command)}: exit code {code}{f': {last}' if last else ''}" if code else ""


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

    @property
    def has_ports_of_its_own(self) -> bool:
        """Whether two steps can listen at the same port at once."""
        ...

    def probe(self) -> str | None:
        """Return why it cannot work on this machine and what to do about it, None if it can."""
        ...

    def images(self, mapping: Mapping[str, Path], cache: Path, folder: Path) -> Images:
        """Return what makes the images of a run; only after `probe` has found nothing wrong.

        Args:
            mapping: by a pattern of image names (`docker.io/me/*`) the folder with the Dockerfile; the first that
                matches counts.
            cache: a folder for what the next run can use again.
            folder: an existing folder for the files of the images.
        """
        ...

    def prepare(self, image: Image, root: Root) -> None:
        """Make the root of a step, into which the template's files are put then.

        Args:
            image: of the step.
            root: of the step; it does not exist.

        Raises:
            OSError: it cannot be made.
        """
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

    def close(self) -> None:
        """Close connections, after the last step has ended."""
        ...


__all__ = ["CommandError", "Engine", "Exit", "Launch", "Running", "StartError", "failed"]
