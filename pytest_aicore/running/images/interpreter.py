"""A Python of this machine, with the folders that it needs."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pytest_aicore.errors import ImageError

_WANTED = "[sys.base_prefix, sys.prefix, sys.exec_prefix, '%d.%d' % sys.version_info[:2]]"
_MOST_LINKS = 40
"""As many as Linux follows (path_resolution(7)); none of them is followed for ever."""
_ASK = f"import json, sys; print(json.dumps({_WANTED}))"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python.

    Attributes:
        path: its program.
        folders: what it needs: its environment, and the installation on which that depends.
        version: for example `3.11`.
        installation: the folder of the installation.
    """

    path: Path
    folders: tuple[Path, ...]
    version: str
    installation: Path

    @property
    def programs(self) -> Path:
        """The folder with its programs, to be searched first."""
        return self.path.parent


def interpreter_at(path: Path) -> Interpreter:
    """Return what there is to know about a Python.

    Args:
        path: its program; in an environment, the one of the environment.

    Raises:
        ImageError: it does not start, or it cannot be shown to a step alone.
    """
    if path == Path(sys.executable):
        answer = [sys.base_prefix, sys.prefix, sys.exec_prefix, f"{sys.version_info[0]}.{sys.version_info[1]}"]
    else:
        try:
            asked = subprocess.run(  # noqa: S603  the Python that the caller named
                [str(path), "-c", _ASK], capture_output=True, text=True, check=True, timeout=60
            )
            answer = json.loads(asked.stdout)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise ImageError(f"the Python {path} does not start: {error}") from None
    *prefixes, version = answer
    return _interpreter(path, [Path(prefix) for prefix in prefixes], str(version))


def in_environment(path: Path, base: Interpreter) -> Interpreter:
    """Return what there is to know about the Python of an environment, without starting it.

    Args:
        path: its program.
        base: the Python of which the environment was made.

    Raises:
        ImageError: it cannot be shown to a step alone.
    """
    return _interpreter(path, [base.installation, path.parent.parent], base.version)


def _interpreter(path: Path, prefixes: list[Path], version: str) -> Interpreter:
    folders = [*prefixes, *(folder.resolve() for folder in prefixes)]
    folders += [link.parent for link in _links(path)] + [path.resolve().parent.parent]
    home = Path.home().resolve()
    for folder in folders:
        if home.is_relative_to(folder) and folder != Path("/usr"):
            raise ImageError(
                f"the Python {path} is installed in {folder}, which contains your home folder: a step would see all"
                " of it. Use a virtual environment of a Python that has a folder of its own."
            )
    found = tuple(dict.fromkeys(folder for folder in folders if folder.is_dir()))
    return Interpreter(path, found, version, prefixes[0])


def _links(path: Path) -> list[Path]:
    """Return what a program leads to, link by link: an environment that was made from another one's links to that."""
    found: list[Path] = []
    while path.is_symlink() and len(found) < _MOST_LINKS:
        path = path.parent / path.readlink()
        found.append(path)
    return found


__all__ = ["Interpreter", "in_environment", "interpreter_at"]
