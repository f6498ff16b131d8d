"""What takes the place of object stores on this machine: folders, places in S3, and what executions have left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.emulator.object_stores import UploadShelf
from pytest_aicore.errors import SettingsError, StoreError, did_you_mean, listing
from pytest_aicore.objects.ai_url import ai_url
from pytest_aicore.objects.folder import Folder
from pytest_aicore.objects.s3_address import S3Address
from pytest_aicore.objects.shelf import Layers, fetch
from pytest_aicore.running.copying import share
from pytest_aicore.running.pods import Stored
from pytest_aicore.service_facts import DEFAULT_STORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from pytest_aicore.emulator.store.stored_object import StoredObject
    from pytest_aicore.objects.ai_url import AiUrl
    from pytest_aicore.objects.shelf import Shelf


class ObjectStore:
    """Folders of this machine and places in S3 in the place of object stores.

    Nothing is written there: what executions leave, and what is put, stays in folders of its own. Of two files with
    the same path, such a new one counts, then one that a client has uploaded to the emulator.

    Args:
        places: what takes the place of each, by the names of object-store secrets.
        outputs: a folder for what executions leave; it is made when first needed.
        written: a folder for what is put in stores other than `default`; it is made when first needed.
        others: a folder with what executions elsewhere leave, None if there is none.
        uploads: returns what clients have uploaded to the emulator.
    """

    def __init__(
        self,
        places: Mapping[str, Shelf],
        outputs: Path,
        written: Path,
        others: Path | None = None,
        uploads: Callable[[], Iterable[StoredObject]] = tuple,
    ) -> None:
        self._places = places
        self._outputs = outputs
        self._written = written
        self._others = others
        self._uploads = uploads

    def with_uploads(self, uploads: Callable[[], Iterable[StoredObject]]) -> ObjectStore:
        """Return the object stores with what clients have uploaded to the emulator.

        Args:
            uploads: returns it.
        """
        return ObjectStore(self._places, self._outputs, self._written, self._others, uploads)

    def shelf(self, secret: str) -> Shelf:
        """Return what holds the files of an object-store secret.

        Args:
            secret: its name.

        Raises:
            StoreError: nothing takes its place.
        """
        known = {DEFAULT_STORE, *self._places}
        if secret not in known:
            raise StoreError(
                f"nothing takes the place of the object store {secret!r} on this machine.{did_you_mean(secret, known)} "
                f"There are: {listing(sorted(known))} (aicore_local_store)."
            )
        others = [Folder(self._others)] if secret == DEFAULT_STORE and self._others is not None else []
        place = [self._places[secret]] if secret in self._places else []
        return Layers([*self._own(secret), *others, *place])

    def _own(self, secret: str) -> list[Shelf]:
        """Return what holds the files that nobody else has: put, left by executions, or uploaded."""
        return [self.own_shelf(secret), UploadShelf(secret, self._uploads)]

    def own_shelf(self, secret: str) -> Shelf:
        """Return what holds the files that executions have left, or that were put.

        Args:
            secret: the name of the object-store secret.
        """
        return Folder(self._outputs if secret == DEFAULT_STORE else self._written / secret)

    def shelf_here(self, secret: str) -> Shelf:
        """Return what holds the files that are on this machine already, and take no time.

        Args:
            secret: the name of the object-store secret.
        """
        place = self._places.get(secret)
        return Layers([self.own_shelf(secret), *([place] if isinstance(place, Folder) else [])])

    def has_itself(self, url: str) -> bool:
        """Return whether there are files at a URL that nobody else has: put, left by executions, or uploaded.

        Args:
            url: of an artifact.
        """
        try:
            place = ai_url(url)
        except StoreError:
            return False
        return any(shelf.holds(place.path) for shelf in self._own(place.secret))

    def explain(self, url: AiUrl) -> str | None:
        """Return None: what is not there has not been put there."""
        del url
        return None

    def find(self, name: str, url: str, new_folder: Callable[[], Path]) -> Stored:
        """Return the file or folder of an artifact.

        Args:
            name: of the input artifact, for messages.
            url: of the artifact that is bound to it.
            new_folder: makes an empty folder, for what has to be fetched.

        Raises:
            SettingsError: there is none; the message names each place that was looked at.
        """
        what = f"The input artifact {name!r}"
        return self.fetched(what, f"{what} is bound to {url}", url, new_folder)

    def fetched(self, what: str, bound: str, url: str, new_folder: Callable[[], Path]) -> Stored:
        """Return the file or folder at a URL.

        Args:
            what: names it in messages.
            bound: says where it is, in messages.
            url: of an artifact.
            new_folder: makes an empty folder, for what has to be fetched.

        Raises:
            SettingsError: there is none; the message names each place that was looked at.
        """
        try:
            place = ai_url(url)
        except StoreError as error:
            raise SettingsError(f"{what}: {error}") from None
        try:
            shelf = self.shelf(place.secret)
            found = fetch(shelf, place.path, new_folder)
        except StoreError as error:
            raise SettingsError(f"{bound}: {error}") from None
        if found is None:
            further = "" if place.secret in self._places else _NO_FOLDER.format(secret=place.secret)
            raise SettingsError(f"{bound}, and there is no {shelf.where(place.path)}.{further}")
        return Stored(found)

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
            share(content.path, place)
        return place


_NO_FOLDER = " No folder takes the place of the object store {secret!r}."


def shelf_at(name: str, place: Path | S3Address) -> Shelf:
    """Return what takes the place of an object store.

    Args:
        name: of its secret.
        place: the folder, or the place in S3.

    Raises:
        SettingsError: it is in S3, and boto3 is not installed.
    """
    if isinstance(place, S3Address):
        from pytest_aicore.objects.s3 import S3, require_boto3  # late: few sessions use it

        try:
            require_boto3(f"aicore_local_store: {name} = {place}")
        except StoreError as error:
            raise SettingsError(str(error)) from None
        return S3(place)
    return Folder(place)


__all__ = ["ObjectStore", "shelf_at"]
