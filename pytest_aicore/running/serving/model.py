"""Puts a model where KServe's storage initializer puts it, whole, before the server starts.

Source: kserve 0.7, python/kserve/kserve/storage.py, `_download_s3`. A URL that names one file would put it below its
whole key there; later versions put it directly into the folder, and so does this (assumed).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.errors import SettingsError
from pytest_aicore.running.archives import ArchiveError, extract
from pytest_aicore.running.pods import ArtifactIn, Stored
from pytest_aicore.running.serving.service import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_aicore.running.pods import Archive

_PACKED: Final = re.compile(r"\.(?:(tar|tgz|tar\.gz)|(zip))\Z", re.IGNORECASE)


def model_files(bound: str, place: Path, new_folder: Callable[[], Path]) -> tuple[ArtifactIn, ...]:
    """Return what is put into `/mnt/models`: the file, or all that the folder holds; a single archive is unpacked.

    Args:
        bound: says where the model is, for messages.
        place: the file or folder that holds it.
        new_folder: makes an empty folder, for what is unpacked.

    Raises:
        SettingsError: there is no file, or an archive is damaged.
        OSError: something cannot be read or written.
    """
    files = [place] if place.is_file() else [each for each in place.rglob("*") if each.is_file()]
    if not files:
        raise SettingsError(f"{bound}, and there is no file: the server would find no model.")
    found = _PACKED.search(files[0].name) if len(files) == 1 else None
    if found is not None:
        place = _unpacked(bound, files[0], "tar" if found[1] else "zip", new_folder())
    entries = [place] if place.is_file() else sorted(place.iterdir())
    return tuple(ArtifactIn(each.name, f"{MODELS}/{each.name}", Stored(each), "none") for each in entries)


def _unpacked(bound: str, packed: Path, archive: Archive, folder: Path) -> Path:
    """Return a folder with all that an archive holds."""
    whole = folder / "model"
    whole.mkdir()
    try:
        extract(packed, archive, whole)
    except ArchiveError as error:
        raise SettingsError(f"{bound}: {error}") from None
    return whole


__all__ = ["model_files"]
