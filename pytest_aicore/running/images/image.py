"""What a step gets from its image."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pytest_aicore.running.environment import PATH

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_aicore.running.images.interpreter import Interpreter


@dataclass(frozen=True, slots=True)
class NotFollowed:
    """A line of a Dockerfile that was not followed: what it does is missing here.

    Attributes:
        file: the Dockerfile.
        line: in it, from 1.
        text: what is there.
        reason: why it was not followed.
    """

    file: Path
    line: int
    text: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: not followed: {self.text} ({self.reason})"


@dataclass(frozen=True, slots=True)
class Image:
    """What a step gets from its image.

    Attributes:
        python: the Python of this machine that it finds first, None if the image has its own file system.
        reference: the id of an image with its own file system, for the engine that has made it.
        files: a folder with the files that the image has beside those of any system, None without any.
        paths: which paths those are, as the step writes them.
        variables: its environment variables.
        workdir: its working directory.
        entrypoint: its ENTRYPOINT, None without one.
        cmd: its CMD, None without one.
        warnings: what of its Dockerfile was not followed.
        is_substituted: whether nobody said how the image is made: programs and packages are this machine's.
    """

    python: Interpreter | None
    reference: str = ""
    files: Path | None = None
    paths: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    workdir: str = "/"
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    warnings: tuple[NotFollowed, ...] = ()
    is_substituted: bool = False

    @property
    def env(self) -> dict[str, str]:
        """The variables with which a step starts; the programs of its Python are found first."""
        if self.python is None:
            return dict(self.variables)
        path = self.variables.get("PATH", PATH)
        return {**self.variables, "PATH": f"{self.python.programs}:{path}"}


class Images(Protocol):
    """Makes the images of a run."""

    def image(self, name: str) -> Image:
        """Return what a step with this image gets; it is made at the first call.

        Args:
            name: as the template writes it.

        Raises:
            ImageError: it cannot be made: before anything has started.
        """
        ...

    def stop(self) -> None:
        """Give up the image that is being made, and make none any more; from any thread."""
        ...

    def close(self) -> None:
        """Remove the files of the images."""
        ...


__all__ = ["Image", "Images", "NotFollowed"]
