"""A step that runs in a container."""

from __future__ import annotations

import contextlib
import errno
import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.running.engines import ports
from pytest_aicore.running.engines.commands import refused
from pytest_aicore.running.engines.docker.files import Files
from pytest_aicore.running.engines.docker.output import Output
from pytest_aicore.running.engines.engine import Exit, StartError, failed
from pytest_aicore.running.usage import Usage, kernel_kills

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Mapping
    from contextlib import ExitStack

    from docker import APIClient

    from pytest_aicore.running.engines.engine import Launch

_FIRST_WAIT, _LONGEST_WAIT = 0.01, 0.5
"""Seconds until the container is looked at again once its outputs are closed."""
_EARLY: Final = 0.1
"""Outputs that were closed so many seconds before the end of the container were not closed by this end."""
_WHILE_IT_WRITES: Final = 1.0
_WITHOUT_PROGRESS: Final = 5.0
"""Seconds after which nobody reads any more what a step has written before its end."""
_OF_INIT = ("ERROR (catatonit:", "[FATAL tini (", "exec /run/podman-init: ", "exec /sbin/docker-init: ")
"""How the init programs of Podman and Docker, and what starts them, begin to say that they cannot execute something."""
_ENDED_BUT_MOUNTED: Final = "stopped"
"""A status of Podman; that of Docker is `exited` at once."""
_TO_CLEAN_UP: Final = 60.0
"""Seconds: on a machine with much else to do Podman takes one, with a slow disk more."""
KILLED: Final = 137
_NEARLY: Final = 0.9
"""Of its limit: more than that is hardly measured before the kernel ends a step."""


class Container:
    """A step that runs in a container.

    Args:
        client: of the API.
        identity: the id of the container.
        launch: the step.
        exits: removes it, and what else was made for it.

    Attributes:
        usage: what its processes use, as far as they are processes of this machine.
        files: its files.
    """

    def __init__(self, client: APIClient, identity: str, launch: Launch, exits: ExitStack) -> None:
        self.usage = Usage(0)
        self.files = Files(client, identity)
        self._client = client
        self._id = identity
        self._launch = launch
        self._exits = exits
        self._exit: Exit | None = None
        self._problem = ""
        self._kills_before: int | None = None
        self._output: Output | None = None
        self._is_stopped = False

    def begin(self, *, is_here: bool) -> None:
        """Start it, and pass on what it writes.

        Args:
            is_here: whether its processes are processes of this machine.

        Raises:
            DockerException: it cannot be started.
            RequestException: the API does not answer.
        """
        self._kills_before = kernel_kills() if is_here else None
        output = self._output = Output(self._client, self._id, self._launch.stdout, self._launch.stderr)
        try:
            self._client.start(self._id)
        except BaseException:
            output.give_up()
            raise
        finally:
            output.start()  # also closes what is open
        if is_here:
            self._find_processes()

    def _find_processes(self) -> None:
        from docker.errors import DockerException

        with contextlib.suppress(DockerException):
            pid = self._client.inspect_container(self._id)["State"]["Pid"]
            if pid and self._id in _cgroup_of(pid):  # else it is another machine's, or has ended
                self.usage = Usage(pid)

    def wait(self) -> None:
        """Return when its main process has ended, and what it wrote was passed on."""
        output = self._output
        if output is None:
            return
        seconds = _FIRST_WAIT
        is_early = False
        while not self._has_ended():
            if output.is_over.wait(_WHILE_IT_WRITES):
                is_early = seconds > _EARLY
                threading.Event().wait(seconds)
                seconds = min(2 * seconds, _LONGEST_WAIT)
        output.finish(_WITHOUT_PROGRESS, is_early=is_early, is_stopped=self._is_stopped)

    def _has_ended(self) -> bool:
        from docker.errors import DockerException, NotFound
        from requests.exceptions import RequestException

        try:
            state = self._client.inspect_container(self._id)["State"]
        except NotFound:
            self._problem = "somebody has removed its container"
        except (DockerException, RequestException, OSError) as error:
            self._problem = f"the API of Docker does not answer any more: {error}"
        else:
            if state["Running"] or state["Status"] in ("created", "configured", "initialized"):
                return False
            code = int(state["ExitCode"])
            self._exit = Exit(code, "OOMKilled" if code == KILLED and self._took_too_much(state) else "Error")
        return True

    def _took_too_much(self, state: Mapping[str, Any]) -> bool:
        """Return whether the kernel ended it for its memory: Podman often does not tell, so the kernel is asked."""
        most, peak = self._launch.memory, self.usage.peak_memory or 0
        if most is None:
            return bool(state.get("OOMKilled"))
        kills = self._kills_before
        if state.get("OOMKilled") or (kills is not None and kernel_kills() != kills):
            limit = most if kills is None else kernel_limit(most)
            self.usage.peak_memory = max(peak, limit)  # it may have taken that since it was measured last
            return True
        return peak >= _NEARLY * most

    def stop(self) -> None:
        """End all its processes at once; harmless if they have ended."""
        self._is_stopped = True
        # Podman answers when it has cleaned up, long after the processes have ended.
        try:
            threading.Thread(target=self._kill, daemon=True, name="aicore-container-kill").start()
        except RuntimeError:  # the system allows no further thread
            self._kill()

    def _kill(self) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        with contextlib.suppress(DockerException, RequestException, OSError):
            self._client.kill(self._id)

    def ended(self, said: str) -> Exit:
        """Return how it has ended: with its first process the kernel has ended all others.

        Args:
            said: the last that was written to its outputs.

        Raises:
            CommandError: its program could not be executed.
            StartError: how it ended is not known.
        """
        if self._exit is None:
            raise StartError(f"how the step ended is not known: {self._problem}")
        last = said.rstrip("\n").rpartition("\n")[2]
        if self._exit.code and last.startswith(_OF_INIT):
            raise refused(self._launch, last.rpartition(": ")[2])
        return self._exit

    def connect(self, port: int, seconds: float) -> socket.socket:
        """Return a connection to a port of the container, at which this machine shows it where they share no network.

        Args:
            port: the port.
            seconds: after which it gives up.

        Raises:
            OSError: nothing listens there, or does not accept in time.
        """
        return ports.connection(self._shown_at.get(f"{port}/tcp", port), seconds)

    @cached_property
    def _shown_at(self) -> dict[str, int]:
        """By a port of the container the one of this machine."""
        shown = self._client.inspect_container(self._id)["NetworkSettings"]["Ports"] or {}
        return {port: int(places[0]["HostPort"]) for port, places in shown.items() if places}

    def execute(self, command: tuple[str, ...], seconds: float) -> str:
        """Execute a command in the container, and return why it failed.

        Args:
            command: the program and its arguments.
            seconds: after which it has failed.
        """
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        told: list[str] = []

        def execute() -> None:
            try:
                identity = self._client.exec_create(self._id, list(command))["Id"]
                said = self._client.exec_start(identity)
                code = int(self._client.exec_inspect(identity)["ExitCode"])
                told.append(failed(command, code, said.decode("utf-8", "replace")))
            except (DockerException, RequestException, OSError) as error:
                told.append(str(error))

        thread = threading.Thread(target=execute, daemon=True, name="aicore-probe")  # the API ends no command in time
        thread.start()
        thread.join(seconds)
        return told[0] if told else f"{' '.join(command)}: no end within {seconds:g} s"

    def bring(self, paths: Iterable[tuple[str, bool]]) -> None:
        """Put what it has left into its root.

        Args:
            paths: each with whether the target of a link is meant.

        Raises:
            OSError: something cannot be read or written.
        """
        wanted = list(paths)
        if wanted:
            self._wait_for_its_files()
        for path, follow in wanted:
            self.files.bring(path, self._launch.root, follow=follow)

    def _wait_for_its_files(self) -> None:
        """Return when Podman has cleaned up behind it: while it does, files seem to be missing or empty."""
        limit = time.monotonic() + _TO_CLEAN_UP
        seconds = _FIRST_WAIT
        while self._status() == _ENDED_BUT_MOUNTED and time.monotonic() < limit:
            time.sleep(seconds)
            seconds = min(2 * seconds, _LONGEST_WAIT)

    def _status(self) -> str:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            return str(self._client.inspect_container(self._id)["State"]["Status"])
        except (DockerException, RequestException) as error:
            raise OSError(errno.EIO, f"the API of Docker does not answer: {error}") from None

    def clean(self) -> None:
        """Remove it, and what else was made for it."""
        self._exits.close()


def kernel_limit(memory: int) -> int:
    """Return at how many bytes the kernel ends a process of a step.

    What is measured here ends the whole step in time; so that comes first, and the kernel's limit is a larger one.

    Args:
        memory: that the step may have.
    """
    return memory + memory // 4


def remove_container(client: APIClient, identity: str) -> None:
    """Remove a container with its volumes, as far as the API answers: the next session removes what is left.

    Args:
        client: of the API.
        identity: the id of the container.
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    with contextlib.suppress(DockerException, RequestException, OSError):
        client.remove_container(identity, force=True, v=True)


def _cgroup_of(pid: int) -> str:
    from pathlib import Path

    try:
        return Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


__all__ = ["Container", "kernel_limit", "remove_container"]
