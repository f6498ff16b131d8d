"""Which image a step gets: made from the folder that its name is mapped to, or substituted."""

from __future__ import annotations

import tempfile
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING

from pytest_aicore.errors import AicoreError, ImageError
from pytest_aicore.running.copying import remove
from pytest_aicore.running.images.build import Build
from pytest_aicore.running.images.image import Image
from pytest_aicore.running.images.interpreter import interpreter_at
from pytest_aicore.running.images.packages import Environments

if TYPE_CHECKING:
    from collections.abc import Mapping


class Images:
    """The images of a run; each folder is read once.

    Args:
        mapping: by a pattern of image names (`docker.io/me/*`) the folder with the Dockerfile; the first that matches
            counts.
        python: the Python that steps get, also where an image is substituted.
        cache: where environments of packages are kept.
        folder: an existing folder for the files of the images; what is made in it is removed by `close`.
    """

    def __init__(self, mapping: Mapping[str, Path], python: Path, cache: Path, folder: Path) -> None:
        self._mapping = mapping
        self._python = python
        self._stopped = Event()
        self._environments = Environments(cache, self._stopped)
        self._folder = folder
        self._made: dict[Path | None, Image | AicoreError] = {}
        self._files: list[Path] = []
        self._lock = Lock()

    def image(self, name: str) -> Image:
        """Return what a step with this image gets; packages are installed at the first call.

        Args:
            name: as the template writes it.

        Raises:
            ImageError: the folder's Dockerfile cannot be followed at all: before anything has started.
        """
        folder = next((folder for pattern, folder in self._mapping.items() if fnmatchcase(name, pattern)), None)
        with self._lock:
            if folder not in self._made:
                try:
                    self._made[folder] = self._make(name, folder)
                except AicoreError as error:
                    self._made[folder] = error
            made = self._made[folder]
        if isinstance(made, AicoreError):
            raise made
        return made

    def stop(self) -> None:
        """Give up the image that is being made, and make none any more; from any thread."""
        self._stopped.set()

    def close(self) -> None:
        """Remove the files of the images."""
        for files in self._files:
            remove(files)

    def _make(self, name: str, folder: Path | None) -> Image:
        base = interpreter_at(self._python)
        if folder is None:
            return Image(base, is_substituted=True)
        if not folder.is_dir():
            raise ImageError(f"the image {name} is mapped to {folder}, and there is no such folder")
        if not (folder / "Dockerfile").is_file():
            raise ImageError(f"the image {name} is mapped to {folder}, which has no Dockerfile")
        files = Path(tempfile.mkdtemp(prefix="image-", dir=self._folder))
        self._files.append(files)
        return Build(folder, files, base).image(self._environments)


__all__ = ["Images"]
