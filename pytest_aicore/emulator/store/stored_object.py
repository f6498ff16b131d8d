"""One object of an object store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in an object store; its id is the secret's name and the path: `default/data/texts.csv`."""

    id: str
    number: int
    content: bytes


__all__ = ["StoredObject"]
