"""Input artifacts of `pytest-aicore run` that are not paths: places in S3, and URLs of AI Core's artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore.cli.local_options import OUTPUT
from pytest_aicore.errors import SettingsError, StoreError
from pytest_aicore.objects.s3_address import SCHEME, S3Address, s3_address
from pytest_aicore.objects.shelf import fetch
from pytest_aicore.running.pods import Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AI_SCHEME = "ai://"


def is_stored(written: str) -> bool:
    """Return whether an artifact is in an object store.

    Args:
        written: the value of `--artifact`.
    """
    return written.startswith((SCHEME, AI_SCHEME))


def fetched(name: str, written: str, places: Mapping[str, Path | S3Address], new_folder: Callable[[], Path]) -> Stored:
    """Return an artifact that is in an object store; it is downloaded if that is not on this machine.

    Args:
        name: of the input artifact.
        written: `s3://BUCKET/KEY`, or `ai://SECRET/PATH` in the project's stores and in the outputs of earlier runs.
        places: the project's stores, as its `aicore_local_store` names them.
        new_folder: makes an empty folder.

    Raises:
        SettingsError: there is none, or it cannot be read.
    """
    if written.startswith(AI_SCHEME):
        return _in_the_projects_stores(name, written, places, new_folder)
    option = f"--artifact {name}={written}"
    from pytest_aicore.objects.s3 import S3, require_boto3  # late: few runs use it

    try:
        address = s3_address(written)
        require_boto3(option)
        found = fetch(S3(S3Address(address.bucket)), address.prefix, new_folder)
    except (StoreError, ValueError) as error:
        said = str(error)
        raise SettingsError(said if said.startswith(option) else f"{option}: {said}") from None
    if found is None:
        raise SettingsError(f"{option}: there is no such object, and none below it.")
    return Stored(found)


def _in_the_projects_stores(
    name: str, url: str, places: Mapping[str, Path | S3Address], new_folder: Callable[[], Path]
) -> Stored:
    from pytest_aicore.local.object_store import ObjectStore, shelf_at

    shelves = {secret: shelf_at(secret, place) for secret, place in places.items()}
    return ObjectStore(shelves, Path(OUTPUT), Path(OUTPUT)).find(name, url, new_folder)


__all__ = ["fetched", "is_stored"]
