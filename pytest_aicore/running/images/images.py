"""Which image a step gets: made from the folder that its name is mapped to, or substituted."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore.running.copying import remove
from pytest_aicore.running.images.build import Build
from pytest_aicore.running.images.image import Image
from pytest_aicore.running.images.interpreter import interpreter_at
from pytest_aicore.running.images.mapped import MappedImages
from pytest_aicore.running.images.packages import Environments

if TYPE_CHECKING:
    from collections.abc import Mapping


class Images(MappedImages):
    """The images of a run; each folder is read once.

    Args:
        mapping: by a pattern of image names (`docker.io/me/*`) the folder with the Dockerfile; the first that matches
            counts.
        python: the Python that steps get, also where an image is substituted.
        cache: where environments of packages are kept.
        folder: an existing folder for the files of the images; what is made in it is removed by `close`.
    """

    def __init__(self, mapping: Mapping[str, Path], python: Path, cache: Path, folder: Path) -> None:
        super().__init__(mapping)
        self._python = python
        self._environments = Environments(cache, self._stopped)
        self._folder = folder
        self._files: list[Path] = []

    def close(self) -> None:
        """Remove the files of the images."""
        for files in self._files:
            remove(files)

    def _built(self, folder: Path) -> Image:
        base = interpreter_at(self._python)
        files = Path(tempfile.mkdtemp(prefix="image-", dir=self._folder))
        self._files.append(files)
        return Build(folder, files, base).image(self._environments)

    def _unmapped(self, name: str) -> Image:  # noqa: ARG002  # the same for all
        return Image(interpreter_at(self._python), is_substituted=True)


__all__ = ["Images"]
