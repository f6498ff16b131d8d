"""What engines share whose steps find the programs of this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore.running.copying import copy
from pytest_aicore.running.images.images import Images

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.running.images.image import Image
    from pytest_aicore.running.images.interpreter import Interpreter
    from pytest_aicore.running.root import Root


class ProgramsOfMachine:
    """An engine whose steps find the programs of this machine, and a Python of it."""

    def images(self, mapping: Mapping[str, Path], cache: Path, folder: Path) -> Images:
        """Return what makes the images of a run.

        Args:
            mapping: by a pattern of image names the folder with the Dockerfile.
            cache: where environments of packages are kept.
            folder: for the files of the images.
        """
        return Images(mapping, Path(sys.executable), cache, folder)

    def prepare(self, image: Image, root: Root) -> None:
        """Make the root of a step: what every image has, and what this one adds.

        Args:
            image: of the step.
            root: of the step.

        Raises:
            OSError: it cannot be made.
        """
        if image.files is not None:
            copy(image.files, root.folder)
        root.create()
        root.make_folder(image.workdir)
        if image.python is not None:
            _show(image.python, root)

    def close(self) -> None:
        """Do nothing: no connection is open."""


def _show(python: Interpreter, root: Root) -> None:
    """Let a step find `python`: a system may have `python3` alone."""
    if not (python.programs / "python").exists():
        program = root.make_folder("/usr/local/bin") / "python"
        program.write_text(f'#!/bin/sh\nexec "{python.path}" "$@"\n')  # a link would leave its environment
        program.chmod(0o755)


__all__ = ["ProgramsOfMachine"]
