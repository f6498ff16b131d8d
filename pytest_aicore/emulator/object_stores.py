"""The object stores of a resource group of the emulator, as `aicore_store` and engines use them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from pytest_aicore.emulator.store.objects import objects_below, store_object
from pytest_aicore.errors import StoreError, did_you_mean, listing
from pytest_aicore.objects.content import read
from pytest_aicore.service_facts import DEFAULT_STORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from pytest_aicore.emulator.store.state import ResourceGroup
    from pytest_aicore.emulator.store.stored_object import StoredObject
    from pytest_aicore.emulator.world.world import World
    from pytest_aicore.objects.ai_url import AiUrl
    from pytest_aicore.objects.shelf import Shelf

NOT_TRAINED = (
    "this output has no content, because offline no training code runs. `pytest --aicore-local` trains it on this"
    ' machine; the marker argument emulated={{"outputs": {{"{name}": {{"model.json": "..."}}}}}} plays it offline.'
)


class ObjectStores:
    """The object stores of a resource group: what was uploaded, put, and played by scripts.

    Args:
        world: contains the resource group.
        group: the id of the resource group.
    """

    def __init__(self, world: World, group: str) -> None:
        self._world = world
        self._group = group

    def shelf(self, secret: str) -> Shelf:
        """Return what holds the files of an object-store secret.

        Args:
            secret: its name.

        Raises:
            StoreError: the resource group has no such secret.
        """
        with self._world.lock:
            known = [each.id for each in self._held.object_store_secrets]
        if secret not in known:
            raise StoreError(
                f"the resource group {self._group!r} has no object-store secret {secret!r}."
                f"{did_you_mean(secret, known)} It has: {listing(known)}."
            )
        return EmulatedShelf(self, secret)

    def explain(self, url: AiUrl) -> str | None:
        """Return how an output artifact gets a content, None if the URL is not that of one without."""
        path = f"{url.secret}/{url.path}"
        execution = url.path.partition("/")[0]
        if url.secret != DEFAULT_STORE:
            return None
        with self._world.lock:
            for artifact in self._held.artifacts.select({"execution_id": execution}):
                place = artifact.url.removeprefix("ai://")
                is_meant = path == place or path.startswith(f"{place}/") or place.startswith(f"{path}/")
                if is_meant and not objects_below(self._held.objects, place):
                    return NOT_TRAINED.format(name=place.rpartition("/")[2])
        return None

    def objects(self) -> list[StoredObject]:
        """Return all objects."""
        with self._world.lock:
            return list(self._held.objects)

    def put(self, path: str, content: bytes) -> None:
        """Store an object.

        Args:
            path: the URL without `ai://`.
            content: its bytes.
        """
        with self._world.lock:
            store_object(self._world.state, self._held, path, content)

    @property
    def _held(self) -> ResourceGroup:
        """The resource group as it is now; the emulator's lock must be held."""
        return self._world.state.groups[self._group]


class UploadShelf:
    """Objects of one object-store secret.

    Args:
        secret: its name.
        objects: returns the objects of its resource group.
    """

    def __init__(self, secret: str, objects: Callable[[], Iterable[StoredObject]]) -> None:
        self._secret = secret
        self._objects = objects

    def where(self, path: str) -> str:
        """Return the path of an uploaded file."""
        return f"uploaded file {self._secret}/{path}"

    def holds(self, path: str) -> bool:
        """Return whether there is a file."""
        return bool(self._below(path))

    def files(self, path: str, most: int | None = None) -> list[str]:  # noqa: ARG002  as in `Shelf`
        """Return the files."""
        return [file for file, _ in self._below(path)]

    def open(self, path: str) -> BinaryIO:
        """Open a file."""
        return BytesIO(dict(self._below(path))[path])

    def put(self, path: str, file: bytes | Path) -> None:  # noqa: ARG002  as in `Shelf`
        """Refuse it: these objects are only read."""
        raise StoreError(f"{self.where(path)} cannot be written.")

    def place(self, path: str) -> Path | None:  # noqa: ARG002  as in `Shelf`
        """Return None: everything is in memory."""
        return None

    def _below(self, path: str) -> list[tuple[str, bytes]]:
        own = len(self._secret) + 1
        return [(each.id[own:], each.content) for each in objects_below(self._objects(), f"{self._secret}/{path}")]


class EmulatedShelf(UploadShelf):
    """The files of one object-store secret of the emulator.

    Args:
        stores: those of its resource group.
        secret: its name.
    """

    def __init__(self, stores: ObjectStores, secret: str) -> None:
        super().__init__(secret, stores.objects)
        self._stores = stores

    def put(self, path: str, file: bytes | Path) -> None:
        """Store a file, until the state is rolled back."""
        self._stores.put(f"{self._secret}/{path}", read(file))


if TYPE_CHECKING:
    _: type[Shelf] = UploadShelf

__all__ = ["EmulatedShelf", "ObjectStores", "UploadShelf"]
