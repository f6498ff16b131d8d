"""Runs a step as a plain process of this machine: no isolation, for machines without anything better."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pytest_aicore.processes import mark_of
from pytest_aicore.running import left_processes
from pytest_aicore.running.engines import ports
from pytest_aicore.running.engines.commands import refused
from pytest_aicore.running.engines.engine import Exit, failed
from pytest_aicore.running.engines.of_machine import ProgramsOfMachine
from pytest_aicore.running.engines.signals import start_with_default_signals
from pytest_aicore.running.usage import Usage

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from pytest_aicore.running.engines.engine import Launch
    from pytest_aicore.running.root import Root


class PlainProcess(ProgramsOfMachine):
    """Runs steps as processes of the user; only where somebody asks for it."""

    name = "process"
    lacks = (
        "no isolation: a step sees and changes all that you can, your files included",
        "only command, arguments, variables and script are mapped: code that contains /app/data finds this machine's",
        "a process that detaches itself may survive its step; a step survives a session that is killed until the next",
        "the step runs as you, not as user 65534; nothing limits its network, nor by default its memory",
    )
    has_ports_of_its_own = False

    def probe(self) -> str | None:
        """Return why it cannot work on this machine and what to do about it, None if it can."""
        return None if os.name == "posix" else f"the engine `process` needs Linux or macOS; this is {sys.platform}."

    def mapped(self, text: str, root: Root, paths: Iterable[str]) -> str:
        """Return a text with each of the step's paths replaced by its place on this machine.

        Args:
            text: of the template.
            root: the root of the step.
            paths: what template and image make, and the folders above that this machine does not have.
        """
        known = {str(each) for path in paths for each in _with_parents(path)}
        if not known:
            return text
        longest_first = "|".join(re.escape(path) for path in sorted(known, key=len, reverse=True))
        return re.sub(rf"(?<![\w.}}/-])(?:{longest_first})(?![\w.-])", lambda found: f"{root.folder}{found[0]}", text)

    def is_of_machine(self, path: str) -> bool:
        """Return False: nothing of this machine is in the folder of the step."""
        del path
        return False

    def by_hand(self, launch: Launch) -> tuple[tuple[str, ...], Path | None]:
        """Return the command of a step, and its working directory.

        Args:
            launch: the step.
        """
        return launch.command, launch.root.place(launch.workdir, follow=True)

    def start(self, launch: Launch) -> Plain:
        """Start a step.

        Args:
            launch: the step.

        Raises:
            CommandError: its program could not be executed.
            StartError: another one listens at its port.
        """
        if launch.port is not None:
            ports.require(launch.port, self.name)
        try:
            process = start_with_default_signals(
                launch.command,
                stdin=subprocess.DEVNULL,
                stdout=launch.stdout,
                stderr=launch.stderr,
                env=dict(launch.env),
                cwd=launch.root.place(launch.workdir, follow=True),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            if launch.port is not None:
                ports.release(launch.port)
            raise refused(launch, reason) from None
        return Plain(process, Seen(process.pid, left_processes.file_of(launch.root.folder)), launch)


def _with_parents(path: str) -> list[PurePosixPath]:
    whole = PurePosixPath(path)
    return [each for each in (whole, *whole.parents) if each == whole or not Path(each).exists()]


class Seen(Usage):
    """What a process and all that it starts use; which they are is noted, for the session after one that is killed.

    Args:
        pid: the process.
        file: for the notes.
    """

    def __init__(self, pid: int, file: Path) -> None:
        super().__init__(pid)
        self.file = file
        self._noted: set[str] = set()
        self.note({mark for mark in [mark_of(pid)] if mark is not None})

    def measure(self) -> None:
        """Look now, and note the processes that were not there before."""
        super().measure()
        self.note(self.seen)

    def note(self, marks: set[str]) -> None:
        """Note processes.

        Args:
            marks: of them.
        """
        if marks - self._noted:
            left_processes.note(self.file, sorted(marks - self._noted))
            self._noted |= marks


@dataclass(slots=True)
class Plain:
    """A step that is a plain process.

    Attributes:
        process: its main process.
        usage: which processes it has started, as far as they were seen.
        launch: the step.
    """

    process: subprocess.Popen[bytes]
    usage: Seen
    launch: Launch

    def wait(self) -> None:
        """Return when its main process has ended."""
        self.process.wait()

    def stop(self) -> None:
        """End its processes: its session, and those that were seen to descend from it."""
        self.usage.measure()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        left_processes.end(self.usage.seen)

    def ended(self, said: str) -> Exit:
        """Return how its main process ended, after ending what is left of its session.

        Args:
            said: not needed here.
        """
        del said
        self.stop()
        self.usage.file.unlink(missing_ok=True)
        if self.launch.port is not None:
            ports.release(self.launch.port)
        code = self.process.returncode
        return Exit(code if code >= 0 else 128 - code)

    def connect(self, port: int, seconds: float) -> socket.socket:
        """Return a connection to a port of this machine.

        Args:
            port: the port.
            seconds: after which it gives up.

        Raises:
            OSError: nothing listens there, or does not accept in time.
        """
        return ports.connection(port, seconds)

    def execute(self, command: tuple[str, ...], seconds: float) -> str:
        """Execute a command as another process of the step, and return why it failed.

        Args:
            command: the program and its arguments.
            seconds: after which it has failed.
        """
        try:
            done = subprocess.run(  # noqa: S603  the template's own command
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(self.launch.env),
                cwd=self.launch.root.place(self.launch.workdir, follow=True),
                timeout=seconds,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        return failed(command, done.returncode, done.stdout.decode("utf-8", "replace"))

    def bring(self, paths: Iterable[tuple[str, bool]]) -> None:
        """Do nothing: it has written into its root."""

    def clean(self) -> None:
        """Do nothing: `ended` has removed the notes about it."""


__all__ = ["Plain", "PlainProcess"]
