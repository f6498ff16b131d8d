"""What the object stores of a resource group hold: bytes by the path of their `ai://` URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.emulator.store.stored_object import StoredObject

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.emulator.store.state import ResourceGroup, State


def store_object(state: State, group: ResourceGroup, path: str, content: bytes) -> None:
    """Store an object, in place of the one that there may be.

    Args:
        state: gives its number.
        group: its resource group.
        path: the URL without `ai://`.
        content: its bytes.
    """
    if path in group.objects:
        group.objects.remove(path)
    group.objects.add(StoredObject(path, state.next_number(), content))


def objects_below(objects: Iterable[StoredObject], path: str) -> list[StoredObject]:
    """Return the objects that a URL names: the object at it, and those below it as a folder; by path.

    Args:
        objects: those of a resource group.
        path: the URL without `ai://`.
    """
    found = (each for each in objects if each.id == path or each.id.startswith(f"{path.rstrip('/')}/"))
    return sorted(found, key=lambda each: each.id)


__all__ = ["objects_below", "store_object"]
