"""Images by their names: each is made once in a run, from the folder that its name is mapped to or otherwise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fnmatch import fnmatchcase
from threading import Event, Lock
from typing import TYPE_CHECKING

from pytest_aicore.errors import AicoreError, ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_aicore.running.images.image import Image


class MappedImages(ABC):
    """The images of a run; each is made once.

    Args:
        mapping: by a pattern of image names (`docker.io/me/*`) the folder with the Dockerfile; the first that matches
            counts.
    """

    def __init__(self, mapping: Mapping[str, Path]) -> None:
        self._mapping = mapping
        self._stopped = Event()
        self._made: dict[Path | str, Image | AicoreError] = {}
        self._lock = Lock()

    def image(self, name: str) -> Image:
        """Return what a step with this image gets; it is made at the first call.

        Args:
            name: as the template writes it.

        Raises:
            ImageError: it cannot be made.
        """
        folder = next((folder for pattern, folder in self._mapping.items() if fnmatchcase(name, pattern)), None)
        key = folder or name
        with self._lock:
            if key not in self._made:
                try:
                    self._made[key] = self._unmapped(name) if folder is None else self._mapped(name, folder)
                except AicoreError as error:
                    self._made[key] = error
            made = self._made[key]
        if isinstance(made, AicoreError):
            raise made
        return made

    def stop(self) -> None:
        """Give up the image that is being made, and make none any more; from any thread."""
        self._stopped.set()

    def _mapped(self, name: str, folder: Path) -> Image:
        if not folder.is_dir():
            raise ImageError(f"the image {name} is mapped to {folder}, and there is no such folder")
        if not (folder / "Dockerfile").is_file():
            raise ImageError(f"the image {name} is mapped to {folder}, which has no Dockerfile")
        return self._built(folder)

    @abstractmethod
    def _built(self, folder: Path) -> Image:
        """Return the image of a folder with a Dockerfile."""

    @abstractmethod
    def _unmapped(self, name: str) -> Image:
        """Return an image that is mapped to no folder."""


__all__ = ["MappedImages"]
