"""The file system of a step: a folder of this machine that the step sees as `/`."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_IN_EVERY_IMAGE = (
    "home",
    "media",
    "mnt",
    "opt",
    "root",
    "run",
    "srv",
    "tmp",
    "var/cache",
    "var/lib",
    "var/log",
    "var/tmp",
)
"""Folders of Debian's base image, and of nearly any other; what else there is template or image make."""
_FOR_EVERYBODY = ("tmp", "var/tmp")
_MOST_LINKS = 40
"""As many symbolic links one after the other as Linux follows (path_resolution(7))."""


@dataclass(frozen=True, slots=True)
class Root:
    """The folder that a step sees as `/`.

    Attributes:
        folder: where it is on this machine; absolute, without symbolic links.
    """

    folder: Path

    def create(self) -> None:
        """Make the folder, with what every image has."""
        for name in _IN_EVERY_IMAGE:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name in _FOR_EVERYBODY:
            (self.folder / name).chmod(0o1777)

    def place(self, path: str, *, follow: bool = False) -> Path:
        """Return where a path of the step is on this machine; never outside of the folder.

        Symbolic links lead where they would lead the step.

        Args:
            path: as the step writes it; a relative one starts at `/`.
            follow: whether a link is followed that is the path itself, and not only one on the way to it.

        Raises:
            OSError: links lead in a circle.
        """
        here: list[str] = []
        ahead = path.rstrip("/").split("/")[::-1]
        links = 0
        while ahead:
            part = ahead.pop()
            if part == "..":
                here[-1:] = []
            elif part not in ("", "."):
                candidate = self.folder.joinpath(*here, part)
                if (ahead or follow) and candidate.is_symlink():
                    links += 1
                    if links > _MOST_LINKS:
                        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                    target = str(candidate.readlink())
                    if target.startswith("/"):
                        here = []
                    # Without a sandbox a step sees, and links to, the place on this machine.
                    ahead += target.removeprefix(f"{self.folder}/").split("/")[::-1]
                    here = [] if target.startswith(f"{self.folder}/") else here
                else:
                    here.append(part)
        return self.folder.joinpath(*here)

    def make_folder(self, path: str) -> Path:
        """Make a folder with its parents, unless it exists, and return where it is.

        Args:
            path: as the step writes it.

        Raises:
            OSError: something else is there.
        """
        place = self.place(path, follow=True)
        place.mkdir(parents=True, exist_ok=True)
        return place


__all__ = ["Root"]
