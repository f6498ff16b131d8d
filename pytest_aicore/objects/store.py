"""The store that the fixture `aicore_store` gives: files by `ai://` URL, in whichever world the session runs."""

from __future__ import annotations

import re
from functools import wraps
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, ParamSpec, Protocol, TypeVar

from pytest_aicore.errors import AicoreError, StoreError, did_you_mean, listing, our_message
from pytest_aicore.objects.ai_url import AiUrl, ai_url
from pytest_aicore.objects.content import files_of
from pytest_aicore.objects.shelf import fetch
from pytest_aicore.service_facts import DEFAULT_STORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from pytest_aicore.objects.content import Content
    from pytest_aicore.objects.shelf import Shelf

__tracebackhide__ = our_message

_EXECUTION = re.compile(r"[ed][0-9a-f]{15}")
"""The ids of executions, under which AI Core keeps their outputs (captured)."""
_LARGEST_IN_MEMORY = 16 * 2**20
"""Number of bytes up to which a file that is opened is read at once."""
_MOST_LISTED = 10
"""Number of files that a message lists."""
_MOST_SEEN = 1000
"""Number of files among which a message looks for the nearest one: a page of S3."""


class Shelves(Protocol):
    """The object stores of a session, by the name of their secret."""

    def shelf(self, secret: str) -> Shelf:
        """Return what holds the files of an object-store secret.

        Raises:
            StoreError: there is none; the message names the nearest one.
        """
        ...

    def explain(self, url: AiUrl) -> str | None:
        """Return why nothing is stored at a URL, None if that has no special reason."""
        ...


Arguments = ParamSpec("Arguments")
Returned = TypeVar("Returned")


def _plainly(method: Callable[Arguments, Returned]) -> Callable[Arguments, Returned]:
    """Raise the errors of a method without a traceback through the stores."""

    @wraps(method)
    def plain(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Returned:
        try:
            return method(*args, **kwargs)
        except AicoreError as error:
            raise error.with_traceback(None) from None

    return plain


class Store:
    """Files in object stores, by `ai://SECRET/PATH`.

    Args:
        shelves: the object stores of the session.
        new_folder: makes an empty folder that exists until the end of the session.
    """

    def __init__(self, shelves: Shelves, new_folder: Callable[[], Path]) -> None:
        self._shelves = shelves
        self._new_folder = new_folder
        self._puts: list[AiUrl] = []

    def puts_to(self, urls: Iterable[str]) -> int:
        """Return how often something was put to any of some URLs, below them, or to a folder that they are in.

        Args:
            urls: what a training reads.
        """
        read = [ai_url(url) for url in urls if url.startswith("ai://")]
        return sum(any(_overlap(put, each) for each in read) for put in self._puts)

    @_plainly
    def put(self, url: str, content: Content) -> str:
        """Store a file, or several of them below a URL, and return the URL.

        Args:
            url: `ai://SECRET/PATH`.
            content: bytes, text, the `pathlib.Path` of a file or folder, or a mapping of these by relative path.

        Raises:
            StoreError: it cannot be stored, or the URL is one of an execution's outputs.
        """
        place = self._named(url)
        if place.secret == DEFAULT_STORE and _EXECUTION.fullmatch(place.path.partition("/")[0]):
            raise StoreError(
                f"{place}: what is below {AiUrl(place.secret, place.path.partition('/')[0])} are the outputs of an "
                "execution, which nothing overwrites. Put it elsewhere, for example below ai://default/data."
            )
        files = files_of(content)
        shelf = self._shelves.shelf(place.secret)
        self._puts.append(place)
        for path, file in files.items():
            shelf.put(f"{place.path}/{path}" if path else place.path, file)
        return str(place)

    @_plainly
    def get(self, url: str) -> bytes:
        """Return the bytes of a file.

        Args:
            url: its URL.

        Raises:
            StoreError: it cannot be read; the message lists what there is.
        """
        with self.open(url) as file:
            return file.read()

    @_plainly
    def open(self, url: str) -> BinaryIO:
        """Open a file for reading; it has bytes, which `json.load`, `pickle.load` and others read.

        Args:
            url: its URL.

        Raises:
            StoreError: it cannot be read; the message lists what there is.
        """
        place = self._named(url)
        shelf = self._shelves.shelf(place.secret)
        files = shelf.files(place.path, _MOST_SEEN)
        if place.path in files:
            return _in_memory(shelf.open(place.path))
        if files:
            raise StoreError(f"{place} is a folder. {_told(place, files)}")
        raise StoreError(self._missing(place, shelf))

    @_plainly
    def list(self, url: str) -> list[str]:
        """Return the URLs of the file at a URL and of all files below it; none if there are none.

        Args:
            url: `ai://SECRET/PATH`, or `ai://SECRET` for all.

        Raises:
            StoreError: it cannot be read, or is an output that nobody trained.
        """
        place = ai_url(url)
        files = self._shelves.shelf(place.secret).files(place.path)
        why = None if files else self._shelves.explain(place)
        if why is not None:
            raise StoreError(f"{place}: {why}")
        return [str(AiUrl(place.secret, file)) for file in files]

    @_plainly
    def path(self, url: str) -> Path:
        """Return the file or folder of a URL on this machine; it is fetched if it is elsewhere.

        Args:
            url: its URL.

        Raises:
            StoreError: there is none, or it cannot be fetched.
        """
        place = self._named(url)
        shelf = self._shelves.shelf(place.secret)
        found = fetch(shelf, place.path, self._new_folder)
        if found is None:
            raise StoreError(self._missing(place, shelf))
        return found

    def _named(self, url: str) -> AiUrl:
        place = ai_url(url)
        if not place.path:
            raise StoreError(f"{url!r} names a whole object store: expected ai://SECRET/PATH.")
        return place

    def _missing(self, place: AiUrl, shelf: Shelf) -> str:
        why = self._shelves.explain(place)
        if why is not None:
            return f"{place}: {why}"
        parent = place.path.rpartition("/")[0]
        beside = shelf.files(parent, _MOST_SEEN) if parent else []
        hint = did_you_mean(str(place), (str(AiUrl(place.secret, file)) for file in beside))
        told = f" {_told(AiUrl(place.secret, parent), beside)}" if beside else ""
        return f"{place} does not exist: there is no {shelf.where(place.path)}.{hint}{told}"


def _overlap(one: AiUrl, other: AiUrl) -> bool:
    shorter, longer = sorted((f"{one.path}/", f"{other.path}/"), key=len)
    return one.secret == other.secret and longer.startswith(shorter)


def _in_memory(file: BinaryIO) -> BinaryIO:
    """Return a file that needs no closing, if it is not too large for that."""
    head = file.read(_LARGEST_IN_MEMORY + 1)
    if len(head) > _LARGEST_IN_MEMORY:
        file.seek(0)
        return file
    file.close()
    return BytesIO(head)


def _told(place: AiUrl, files: Sequence[str]) -> str:
    names = [file[len(place.path) :].strip("/") for file in files]
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return f"{place} has: {listing(names[:_MOST_LISTED])}{more}."


__all__ = ["Shelves", "Store"]
