"""Images by the API: built from the folder that a name is mapped to, or there, or pulled."""

from __future__ import annotations

import hashlib
import platform
import re
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.errors import ImageError
from pytest_aicore.running.engines.docker.following import Following, GivenUp, Silence
from pytest_aicore.running.engines.docker.leftovers import FOLDER, MACHINE, TAGS, remove_images, remove_untagged
from pytest_aicore.running.engines.docker.lookups import found
from pytest_aicore.running.images.image import Image
from pytest_aicore.running.images.mapped import MappedImages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from docker import APIClient

_LINES: Final = 12
"""As many of the last lines as are shown of a build that failed."""
_GIVEN_UP: Final = "was given up: its run was stopped"
_LONGEST_SILENCE: Final = 120.0
"""Seconds, of a pull: Docker says each second how far it is. A line of a build may take any time."""
_OF_PODMAN = re.compile(r'^time="\S+" level=\w+ msg=.*', re.DOTALL)
_VALUE_OF_GO = re.compile(r" &imagebuilder\.Step\{.*", re.DOTALL)
"""What Podman says for its own developers."""


class DockerImages(MappedImages):
    """The images of a run; each is made once.

    Args:
        client: of the API.
        mapping: by a pattern of image names the folder with the Dockerfile; the first that matches counts.
    """

    def __init__(self, client: APIClient, mapping: Mapping[str, Path]) -> None:
        super().__init__(mapping)
        self._client = client
        self._following: Following | None = None

    def stop(self) -> None:
        """Give up the image that is being made, and make none any more; from any thread."""
        super().stop()
        if self._following is not None:
            self._following.give_up()

    def close(self) -> None:
        """Do nothing: images stay for the next run."""

    def _unmapped(self, name: str) -> Image:
        from docker.errors import DockerException, ImageNotFound
        from requests.exceptions import RequestException

        try:
            with suppress(ImageNotFound):
                return _image(found(lambda: self._client.inspect_image(name)))
            what = f"ErrImagePull: the image {name} is not mapped to a folder, and its pull"
            self._follow(lambda: self._client.pull(name, stream=True, decode=True), what, _LONGEST_SILENCE)
            return _image(found(lambda: self._client.inspect_image(name)))
        except (DockerException, RequestException) as error:
            raise ImageError(f"ErrImagePull: the image {name} is not mapped to a folder, and {_said(error)}") from None

    def _built(self, folder: Path) -> Image:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        place = str(folder.resolve())
        tag = f"{TAGS}{hashlib.sha256(place.encode()).hexdigest()[:12]}:latest"
        given = {FOLDER: place, MACHINE: platform.node()}
        before = self._id_of(tag)

        def build() -> Iterable[Mapping[str, Any]]:
            options = {"rm": True, "forcerm": True, "decode": True, "timeout": None}
            return self._client.build(path=place, tag=tag, labels=given, **options)  # type: ignore[no-any-return]

        try:
            self._follow(build, f"{folder / 'Dockerfile'}: the build", None)
            built = found(lambda: self._client.inspect_image(tag))
        except (DockerException, RequestException, OSError) as error:
            raise ImageError(f"{folder / 'Dockerfile'}: the image cannot be built: {_said(error)}") from None
        if before != built["Id"]:
            self._remove_others(before)
        return _image(built)

    def _remove_others(self, before: str | None) -> None:
        """Remove the image that was built from the same folder before, and those of folders that are gone."""
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        with suppress(DockerException, RequestException):
            if before is not None:
                remove_untagged(self._client, before)
            for _ in remove_images(self._client):
                pass

    def _id_of(self, tag: str) -> str | None:
        from docker.errors import DockerException

        try:
            return str(self._client.inspect_image(tag)["Id"])
        except DockerException:
            return None

    def _follow(
        self, begin: Callable[[], Iterable[Mapping[str, Any]]], what: str, longest_silence: float | None
    ) -> None:
        """Read what the API says until it has done it.

        Raises:
            ImageError: it has failed.
        """
        last: deque[str] = deque(maxlen=_LINES)
        error = ""
        following = self._following = Following(self._client, begin)
        if self._stopped.is_set():  # before there was anything to give up
            following.give_up()
        try:
            for each in following.lines(longest_silence):
                text = str(each.get("stream") or each.get("status") or "").strip()
                if text and not _OF_PODMAN.match(text):
                    last.append(text)
                error = error or _VALUE_OF_GO.sub("", str(each.get("error") or "")).strip()
        except GivenUp:
            raise ImageError(f"{what} {_GIVEN_UP}") from None
        except Silence:
            error = f"nothing has come for {longest_silence:g} s: does the registry answer?"
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


__all__ = ["DockerImages"]
