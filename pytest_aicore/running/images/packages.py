"""Environments for what a Dockerfile installs by pip; each is made once, and kept by its content."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore.errors import ImageError
from pytest_aicore.running.copying import remove

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from threading import Event

    from pytest_aicore.running.images.interpreter import Interpreter

_COMPLETE = "complete.json"
_GIVEN_UP = "the environment for its packages was given up: its run was stopped"
_INTERVAL = 0.1
"""Seconds after which it is checked again whether it is to be given up."""
_INSTALL = ("install", "--quiet", "--disable-pip-version-check")
_OTHER_ENVIRONMENTS = (22, 3)
"""The version of pip since which one installs into other environments (`--python`)."""
_LINES = 12
"""As many of the last lines as are shown of an installation that failed."""


@dataclass(frozen=True, slots=True)
class Installation:
    """One `pip install` of a Dockerfile.

    Attributes:
        line: where it is.
        arguments: what follows `install`; local files by their place on this machine.
        contents: what those files contain.
    """

    line: int
    arguments: tuple[str, ...]
    contents: tuple[bytes, ...]


class Environments:
    """Environments of packages.

    Args:
        folder: where they are kept.
        stopped: set to give up what is being installed.
    """

    def __init__(self, folder: Path, stopped: Event) -> None:
        self._folder = folder
        self._stopped = stopped

    def with_packages(self, base: Interpreter, installations: Sequence[Installation], name: str) -> Path:
        """Return the Python of an environment with these packages and no others.

        Args:
            base: the Python that it is made of.
            installations: in the order of the Dockerfile.
            name: of the Dockerfile, for messages.

        Raises:
            ImageError: an installation failed, and the message has its last lines; or it was given up.
        """
        environment = self._folder / _key(base, installations)
        python = environment / "bin" / "python"
        with _lock(environment.with_suffix(".lock"), self._stopped):
            if not _is_complete(environment):
                remove(environment)
                installer = _installer(base, python) if installations else []
                _create(base, environment, name, self._stopped, with_pip=installer is None)
                for installation in installations:
                    _install(installer or [str(python), "-m", "pip", *_INSTALL], installation, name, self._stopped)
                (environment / _COMPLETE).write_text(json.dumps(_digest(environment)), encoding="utf-8")
        return python


def _key(base: Interpreter, installations: Sequence[Installation]) -> str:
    key = hashlib.sha256(f"{base.path.resolve()} {base.version} {platform.system()} {platform.machine()}".encode())
    for installation in installations:
        # By position instead of by place: the same content in another folder is the same environment.
        key.update(json.dumps([_without_place(each) for each in installation.arguments]).encode())
        for content in installation.contents:
            key.update(hashlib.sha256(content).digest())
    return key.hexdigest()[:32]


def _without_place(argument: str) -> str:
    return "/" if argument.startswith("/") else argument


@contextmanager
def _lock(file: Path, stopped: Event) -> Iterator[None]:
    """Let one process at a time make an environment; the others wait."""
    import fcntl  # not on Windows, where no engine works

    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8") as opened:
        while True:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the file
                break
            except BlockingIOError:
                if stopped.wait(_INTERVAL):
                    raise ImageError(_GIVEN_UP) from None
        yield


def _digest(environment: Path) -> str:
    """Return what changes if a file is missing, was added or cut off."""
    digest = hashlib.sha256()
    for parent, folders, files in os.walk(environment):
        folders[:] = sorted(each for each in folders if each != "__pycache__")
        for file in sorted(files):
            path = Path(parent, file)
            if path != environment / _COMPLETE:
                digest.update(f"{path.relative_to(environment)} {path.lstat().st_size}\n".encode())
    return digest.hexdigest()


def _is_complete(environment: Path) -> bool:
    try:
        return bool(json.loads((environment / _COMPLETE).read_text(encoding="utf-8")) == _digest(environment))
    except (OSError, ValueError):
        return False


def _create(base: Interpreter, environment: Path, name: str, stopped: Event, *, with_pip: bool) -> None:
    uv = shutil.which("uv")
    if uv is not None:
        command = [uv, "venv", "--quiet", "--python", str(base.path), str(environment)]
    else:
        command = [str(base.path), "-m", "venv", *([] if with_pip else ["--without-pip"]), str(environment)]
    _run(command, f"{name}: the environment for its packages cannot be made", stopped)


def _installer(base: Interpreter, python: Path) -> list[str] | None:
    """Return a command that installs into an environment without a pip of its own, whose installation takes seconds.

    None if there is none.
    """
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", str(python)]
    pip = [str(base.path), "-m", "pip"]
    asked = subprocess.run(  # noqa: S603  the Python that the caller named
        [*pip, "--version"], capture_output=True, text=True, check=False
    )
    version = re.match(r"pip (\d+)\.(\d+)", asked.stdout)
    if version is None or (int(version[1]), int(version[2])) < _OTHER_ENVIRONMENTS:
        return None
    return [*pip, "--python", str(python), *_INSTALL]


def _install(installer: list[str], installation: Installation, name: str, stopped: Event) -> None:
    shown = " ".join(installation.arguments)
    _run([*installer, *installation.arguments], f"{name}:{installation.line}: `pip install {shown}` failed", stopped)


def _run(command: list[str], failed: str, stopped: Event) -> None:
    try:
        process = subprocess.Popen(  # noqa: S603  the installation that the Dockerfile asks for
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that all that it starts can be ended
        )
    except OSError as error:
        raise ImageError(f"{failed}: {error}") from None
    try:
        output = _output(process, stopped)
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    if process.returncode != 0:
        last = output.decode("utf-8", "replace").strip().splitlines()[-_LINES:]
        raise ImageError("\n  ".join([f"{failed}:", *last]))


def _output(process: subprocess.Popen[bytes], stopped: Event) -> bytes:
    while not stopped.is_set():
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=_INTERVAL)[0]
    raise ImageError(_GIVEN_UP)


__all__ = ["Environments", "Installation"]
