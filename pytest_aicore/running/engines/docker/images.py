"""Images by the API: built from the folder that a name is mapped to, or there, or pulled."""

from __future__ import annotations

import hashlib
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.errors import ImageError
from pytest_aicore.running.images.image import Image
from pytest_aicore.running.images.mapped import MappedImages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from docker import APIClient

FOLDER: Final = "pytest-aicore.folder"
"""The label of images that were built, with the folder of their Dockerfile."""
_LINES: Final = 12
"""As many of the last lines as are shown of a build that failed."""
_GIVEN_UP: Final = "was given up: its run was stopped"


class DockerImages(MappedImages):
    """The images of a run; each is made once.

    Args:
        client: of the API.
        mapping: by a pattern of image names the folder with the Dockerfile; the first that matches counts.
    """

    def __init__(self, client: APIClient, mapping: Mapping[str, Path]) -> None:
        super().__init__(mapping)
        self._client = client

    def close(self) -> None:
        """Do nothing: images stay for the next run."""

    def _unmapped(self, name: str) -> Image:
        from docker.errors import DockerException, ImageNotFound
        from requests.exceptions import RequestException

        try:
            with suppress(ImageNotFound):
                return _image(self._client.inspect_image(name))
            what = f"ErrImagePull: the image {name} is not mapped to a folder, and its pull"
            self._follow(self._client.pull(name, stream=True, decode=True), what)
            return _image(self._client.inspect_image(name))
        except (DockerException, RequestException) as error:
            raise ImageError(f"ErrImagePull: the image {name} is not mapped to a folder, and {_said(error)}") from None

    def _built(self, folder: Path) -> Image:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        place = str(folder.resolve())
        tag = f"localhost/pytest-aicore/{hashlib.sha256(place.encode()).hexdigest()[:12]}:latest"
        before = self._id_of(tag)
        try:
            lines = self._client.build(
                path=place, tag=tag, rm=True, forcerm=True, decode=True, labels={FOLDER: place}, timeout=None
            )
            self._follow(lines, f"{folder / 'Dockerfile'}: the build")
            built = self._client.inspect_image(tag)
        except (DockerException, RequestException, OSError) as error:
            raise ImageError(f"{folder / 'Dockerfile'}: the image cannot be built: {_said(error)}") from None
        if before not in (None, built["Id"]):
            self._remove(before)
        return _image(built)

    def _id_of(self, tag: str) -> str | None:
        from docker.errors import DockerException

        try:
            return str(self._client.inspect_image(tag)["Id"])
        except DockerException:
            return None

    def _remove(self, image: str | None) -> None:
        """Remove what was built from the same folder before, unless a container still has it."""
        from docker.errors import DockerException

        try:
            self._client.remove_image(image)
        except DockerException:
            return

    def _follow(self, lines: Iterable[Any], what: str) -> None:
        """Read what the API says until it has done it.

        Raises:
            ImageError: it has failed.
        """
        last: deque[str] = deque(maxlen=_LINES)
        error = ""
        for each in lines:
            if self._stopped.is_set():
                raise ImageError(f"{what} {_GIVEN_UP}")
            text = str(each.get("stream") or each.get("status") or "").strip()
            if text:
                last.append(text)
            error = error or str(each.get("error") or "").strip()  # read to the end, so that the connection is free
        if error:
            shown = "".join(f"\n  {line}" for line in [*last, error])
            raise ImageError(f"{what} failed:{shown}")


def _said(error: Exception) -> str:
    return " ".join(str(getattr(error, "explanation", None) or error).split())


def _image(content: Mapping[str, Any]) -> Image:
    config = content.get("Config") or {}
    pairs = [each.partition("=") for each in config.get("Env") or ()]
    return Image(
        python=None,
        reference=str(content["Id"]),
        variables={name: value for name, _, value in pairs},
        workdir=config.get("WorkingDir") or "/",
        entrypoint=tuple(config["Entrypoint"]) if config.get("Entrypoint") else None,
        cmd=tuple(config["Cmd"]) if config.get("Cmd") else None,
    )


__all__ = ["FOLDER", "DockerImages"]
