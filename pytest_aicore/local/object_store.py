"""Folders of this machine in the place of object stores, and what executions have left."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pytest_aicore.errors import SettingsError, did_you_mean
from pytest_aicore.running.copying import copy
from pytest_aicore.running.pods import Stored
from pytest_aicore.service_facts import DEFAULT_STORE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_AI_URL = re.compile(r"ai://(?P<secret>[^/]+)/(?P<path>.+)")


class ObjectStore:
    """Folders of this machine in the place of object stores.

    Args:
        folders: by the names of object-store secrets.
        outputs: a folder for what executions leave; it is made when first needed.
    """

    def __init__(self, folders: Mapping[str, Path], outputs: Path) -> None:
        self._folders = folders
        self._outputs = outputs

    def find(self, name: str, url: str) -> Stored:
        """Return the file or folder of an artifact.

        Args:
            name: of the input artifact, for messages.
            url: of the artifact that is bound to it.

        Raises:
            SettingsError: there is none; the message names each path that was looked at.
        """
        bound = f"The input artifact {name!r} is bound to {url}"
        parts = _AI_URL.fullmatch(url)
        if parts is None:
            raise SettingsError(f"{bound}: only ai://SECRET/PATH can be read on this machine.")
        secret, path = parts["secret"], unquote(parts["path"]).strip("/")
        roots = [self._outputs] if secret == DEFAULT_STORE else []
        roots += [self._folders[secret]] if secret in self._folders else []
        if not roots:
            hint = did_you_mean(secret, self._folders)
            raise SettingsError(f"{bound}, and no folder takes the place of the object store {secret!r}.{hint}")
        for root in roots:
            try:
                place = (root / path).resolve()
            except (OSError, RuntimeError, ValueError) as error:  # a name too long, links in a circle, a NUL
                raise SettingsError(f"{bound}, which cannot be read in the folder {root}: {error}") from None
            if not place.is_relative_to(root.resolve()):
                raise SettingsError(f"{bound}, which leads out of the folder {root}.")
            if place.exists():
                return Stored(place)
        looked_at = " or ".join(str(root / path) for root in roots)
        further = "" if secret in self._folders else f" No folder takes the place of the object store {secret!r}."
        raise SettingsError(f"{bound}, and there is no {looked_at}.{further}")

    def keep(self, execution_id: str, name: str, content: Stored | bytes) -> Path:
        """Keep what an execution has left, under `ai://default/EXECUTION/NAME`, and return its place.

        Args:
            execution_id: its id.
            name: the last part of its URL.
            content: the artifact.

        Raises:
            OSError: it cannot be written.
            SettingsError: the name is not that of a single file.
        """
        if not name or name in (".", "..") or "/" in name or "\0" in name:
            raise SettingsError(f"The output artifact {name!r} has a name that no file or folder can have.")
        folder = self._outputs / execution_id
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / name
        if isinstance(content, bytes):
            place.write_bytes(content)
        else:
            copy(content.path, place)
        return place


__all__ = ["ObjectStore"]
