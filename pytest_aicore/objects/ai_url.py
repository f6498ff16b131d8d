"""URLs of artifacts: `ai://SECRET/PATH`, a path in the object store of an object-store secret."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from pytest_aicore.errors import StoreError

_URL = re.compile(r"ai://(?P<secret>[^/]+)(?:/(?P<path>.*))?", re.DOTALL)


class AiUrl(NamedTuple):
    """A path in an object store.

    Attributes:
        secret: the name of the object-store secret.
        path: without slashes at its ends; empty for all that is in the store.
    """

    secret: str
    path: str

    def __str__(self) -> str:
        """Return the URL, from which `ai_url` makes the same again."""
        return f"ai://{self.secret}/{self.path.replace('%', '%25')}"

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


def ai_url(text: object) -> AiUrl:
    """Return what a URL names.

    Args:
        text: the URL; `%20` in it is a space.

    Raises:
        StoreError: it is not of this form, or its path leads out of the object store.
    """
    parts = _URL.fullmatch(text) if isinstance(text, str) else None
    if parts is None:
        raise StoreError(f"{text!r}: expected ai://SECRET/PATH, where SECRET is the name of an object-store secret.")
    path = unquote(parts["path"] or "").strip("/")
    if any(segment in (".", "..") for segment in path.split("/")):
        raise StoreError(f"{text!r} leads out of the object store {parts['secret']!r}.")
    if "\0" in path or "//" in path:
        raise StoreError(f"{text!r}: a path has no empty part and no null byte.")
    return AiUrl(parts["secret"], path)


__all__ = ["AiUrl", "ai_url"]
