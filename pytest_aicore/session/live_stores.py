"""The object stores of AI Core, with the access keys of the user: AI Core shows where they are, and never the keys."""

from __future__ import annotations

from base64 import b64encode
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from pytest_aicore.errors import StoreError, did_you_mean, listing
from pytest_aicore.objects.ai_url import AiUrl, ai_url
from pytest_aicore.objects.content import read
from pytest_aicore.objects.s3 import S3, require_boto3
from pytest_aicore.objects.s3_address import S3Address

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_aicore.objects.shelf import Shelf
    from pytest_aicore.training.service.api import TrainingApi

NOWHERE = ".invalid"
"""The end of names that cannot exist (RFC 2606)."""
_TYPE = "s3"
_NO = ("0", "false")


class LiveStores:
    """The object stores of a resource group of AI Core.

    Args:
        api: asks AI Core where they are.
        group: the id of the resource group, for messages.
    """

    def __init__(self, api: TrainingApi, group: str) -> None:
        self._api = api
        self._group = group
        self._shelves: dict[str, Shelf] = {}

    def shelf(self, secret: str) -> Shelf:
        """Return what holds the files of an object-store secret.

        Args:
            secret: its name.

        Raises:
            StoreError: there is no such secret, or its store cannot be reached.
            CallError: AI Core does not say where it is.
        """
        if secret not in self._shelves:
            shown = self._secrets.get(secret)
            if shown is None:
                raise StoreError(
                    f"the resource group {self._group!r} has no object-store secret {secret!r}."
                    f"{did_you_mean(secret, self._secrets)} It has: {listing(self._secrets)}."
                )
            self._shelves[secret] = (
                RehearsedShelf(self._api, self._group, secret) if is_rehearsed(shown) else S3(address_of(secret, shown))
            )
        return self._shelves[secret]

    def explain(self, url: AiUrl) -> str | None:
        """Return None: what is not there has not been put there."""
        del url
        return None

    @cached_property
    def _secrets(self) -> dict[str, dict[str, str]]:
        return self._api.object_store_secrets()


def is_rehearsed(shown: Mapping[str, str]) -> bool:
    """Return whether an object store is one of `pytest-aicore serve`, which shows an endpoint that cannot exist.

    Args:
        shown: what AI Core shows of it.
    """
    return (shown.get("endpoint") or shown.get("s3-endpoint") or "").endswith(NOWHERE)


class RehearsedShelf:
    """The files of an object store of `pytest-aicore serve`, which stands for AI Core in a rehearsal.

    Files are read by AI Core's own API for files; it lists none, which the server's `/__aicore__/` does.

    Args:
        api: of the service.
        group: the id of the resource group.
        secret: the name of the store's secret.
    """

    def __init__(self, api: TrainingApi, group: str, secret: str) -> None:
        self._api = api
        self._group = group
        self._secret = secret

    def where(self, path: str) -> str:
        """Return the URL of a path."""
        return str(AiUrl(self._secret, path))

    def holds(self, path: str) -> bool:
        """Return whether there is a file."""
        return bool(self.files(path))

    def files(self, path: str, most: int | None = None) -> list[str]:  # noqa: ARG002  as in `Shelf`
        """Return the files; with `--no-admin` only a single one."""
        answer = self._api.rehearse("objects/list", url=self.where(path), resourceGroup=self._group)
        if answer is None:
            return [] if self._api.file(f"{self._secret}/{path}") is None else [path]
        return [ai_url(url).path for url in answer["urls"]]

    def open(self, path: str) -> BinaryIO:
        """Open a file."""
        return BytesIO(self._api.file(f"{self._secret}/{path}") or b"")

    def put(self, path: str, file: bytes | Path) -> None:
        """Store a file.

        Raises:
            StoreError: it cannot be read, or the server does not take it (`--no-admin`).
        """
        content = b64encode(read(file)).decode()
        said = {"url": self.where(path), "resourceGroup": self._group, "base64": content}
        if self._api.rehearse("objects", **said) is None:
            raise StoreError(f"{self.where(path)} cannot be written: the server was started with --no-admin.")

    def place(self, path: str) -> Path | None:  # noqa: ARG002  as in `Shelf`
        """Return None: everything is with the service."""
        return None


def address_of(secret: str, shown: Mapping[str, str]) -> S3Address:
    """Return the place of an object store.

    Args:
        secret: the name of its secret.
        shown: what AI Core shows of it, by the last words of the keys, such as `bucket` and `pathprefix`.

    Raises:
        StoreError: it is not in S3, AI Core does not show its bucket, or boto3 is not installed.
    """
    whose = f"the object store of the secret {secret!r}"
    kind = shown.get("type", "")
    if kind.lower() != _TYPE:
        raise StoreError(f"{whose} is of the type {kind or 'that AI Core does not show'}: only S3 can be read.")
    if not shown.get("bucket"):
        raise StoreError(f"{whose} cannot be read: AI Core does not show its bucket.")
    require_boto3(f"{whose} cannot be read")
    endpoint = shown.get("endpoint") or shown.get("s3-endpoint") or None
    if endpoint is not None and "://" not in endpoint:
        scheme = "http" if shown.get("s3-usehttps", "1").lower() in _NO else "https"
        endpoint = f"{scheme}://{endpoint}"
    return S3Address(
        shown["bucket"],
        shown.get("pathprefix", "").strip("/"),
        endpoint,
        shown.get("region") or shown.get("s3-region") or None,
    )


__all__ = ["LiveStores", "address_of"]
