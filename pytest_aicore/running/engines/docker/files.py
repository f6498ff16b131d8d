"""Puts files into a container, and takes them out, through the API: nothing of this machine is mounted.

So a step makes no file of another user here, and a folder exists in it only if its image or its template makes it.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import shutil
import tarfile
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Final, NamedTuple, cast

from pytest_aicore.quantities import memory_text
from pytest_aicore.running.copying import remove

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from docker import APIClient

    from pytest_aicore.running.root import Root

USER: Final = 65534
"""As whom AI Core runs containers (SAP, service guide, "Workflow Templates")."""
_STAT: Final = "X-Docker-Container-Path-Stat"
_LINK, _FOLDER = 1 << 27, 1 << 31
"""The bits of Go's `fs.FileMode` for a symbolic link and a folder."""
_MOST_LINKS = 40
"""As many as Linux follows (path_resolution(7))."""
_NOT_FOUND = 404
_CHUNK = 1 << 20
_END_OF_ARCHIVE: Final = 2 * tarfile.BLOCKSIZE
"""Bytes of zeros; `tarfile` adds more, for tape drives."""
_LONGEST_PARAMETER = 2 << 20
"""Bytes; of a longer one, which is refused for its length, only that is brought."""


class Status(NamedTuple):
    """What is at a path of a container.

    Attributes:
        path: where it is.
        mode: type and permissions, as Go's `fs.FileMode`.
        target: where it leads, if it is a symbolic link: an absolute path of the container.
    """

    path: str
    mode: int
    target: str

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return bool(self.mode & _LINK)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return bool(self.mode & _FOLDER)


class Files:
    """The files of a container.

    Args:
        client: of the API.
        container: its id.
    """

    def __init__(self, client: APIClient, container: str) -> None:
        self._client = client
        self._container = container
        self._url = f"{client.base_url}/v{client.api_version}/containers/{container}/archive"

    def status(self, path: str) -> Status | None:
        """Return what is at a path, and where it is; None if nothing is. Links are followed.

        Args:
            path: absolute.

        Raises:
            OSError: links lead in a circle, or the API cannot tell.
        """
        target = path
        for _ in range(_MOST_LINKS):
            status = self._asked(target)
            if status is None or not status.is_link:
                return status
            target = status.target
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)

    def _asked(self, path: str) -> Status | None:
        answer = self._client.head(self._url, params={"path": path}, timeout=self._client.timeout)
        if answer.status_code == _NOT_FOUND:
            return None
        if not answer.ok:
            with self._archive(path):  # an answer to this says why
                raise _unreadable(path, answer.reason)
        content = json.loads(base64.b64decode(answer.headers[_STAT]))
        mode = int(content["mode"])
        return Status(path, mode, str(content["linkTarget"]) if mode & _LINK else "")

    def _asked_itself(self, path: str) -> Status | None:
        """Return what is at a path; Podman follows a link to itself for ever."""
        try:
            return self._asked(path)
        except OSError as error:
            if error.errno == errno.ELOOP:
                with suppress(OSError):  # it is not the link itself, but something on the way to it
                    if self.status(os.path.dirname(path)) is not None:  # noqa: PTH120
                        return Status(path, _LINK, path)
            raise

    def beginning(self, path: str, size: int) -> bytes:
        """Return the first bytes of a file.

        Args:
            path: of a file, and not of a link to it.
            size: how many.

        Raises:
            OSError: it cannot be read.
        """
        with self._archive(path) as packed:
            first = packed.next()
            file = None if first is None else packed.extractfile(first)
            return b"" if file is None else file.read(size)

    def put(self, root: Root, paths: Iterable[str], volumes: Iterable[str], closed: Iterable[str] = ()) -> None:
        """Put what is at paths of a root to the same paths of the container; it belongs to the step's user.

        Nothing changes at the folders above, which may be the image's.

        Args:
            root: the root.
            paths: what it puts there.
            volumes: those of the paths at which something is mounted.
            closed: those of them to which nothing can be written.

        Raises:
            OSError: it cannot be written.
        """
        mounted = sorted(volumes, key=len)
        for volume in (path for path in mounted if path not in closed):
            inner = {other for other in mounted if other.startswith(f"{volume}/")}
            self._send(volume, root, [(root.place(volume), ".")], {root.place(path) for path in inner})
        loose = [path for path in paths if not any(path == each or path.startswith(f"{each}/") for each in mounted)]
        if loose:
            self._send("/", root, [(root.place(path), path.strip("/")) for path in loose], set())

    def _send(self, to: str, root: Root, what: list[tuple[Path, str]], without: set[Path]) -> None:
        with tempfile.TemporaryFile(dir=root.folder.parent) as file:
            with tarfile.open(fileobj=file, mode="w") as packed:
                for place, name in what:
                    _pack(packed, place, name, without)
                end = file.tell() + _END_OF_ARCHIVE
            # Podman closes its end after the last block that counts, and calls what is sent after it a broken pipe.
            file.truncate(end)
            file.seek(0)
            answer = self._client.put(self._url, params={"path": to}, data=file, timeout=None)
        if not answer.ok:
            raise OSError(errno.EIO, _said(answer.text), to)

    def bring(self, path: str, root: Root, *, follow: bool) -> None:
        """Put what is at a path to the same path of a root; nothing if nothing is there.

        Args:
            path: absolute.
            root: the root.
            follow: whether what a link leads to is meant, and not the link itself.

        Raises:
            OSError: it cannot be read or written.
        """
        path = path.rstrip("/") or "/"
        place = root.place(path)
        if place == root.folder:
            return
        status = self._asked_itself(path)
        if status is None:
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        remove(place)
        if status.is_link and not follow:
            place.symlink_to(status.target)
            return
        status = self.status(path)
        if status is not None:
            with self._archive(status.path) as packed:
                top = _top(packed)
                if not follow and top not in ("", PurePosixPath(path).name):  # in volumes Podman follows all links
                    place.symlink_to(top)
                else:
                    _unpack(packed, place, _LONGEST_PARAMETER if follow else None)

    @contextmanager
    def _archive(self, path: str) -> Iterator[tarfile.TarFile]:
        answer = self._client.get(self._url, params={"path": path}, stream=True, timeout=self._client.timeout)
        try:
            if not answer.ok:
                raise _unreadable(path, answer.text)
            with tarfile.open(fileobj=_Stream(answer.iter_content(_CHUNK)), mode="r|") as packed:  # type: ignore[call-overload]
                yield packed
        except tarfile.TarError as error:
            raise OSError(errno.EIO, str(error), path) from None
        finally:
            answer.close()


class _Stream:
    """What comes in parts, as something that can be read."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = b""

    def read(self, size: int) -> bytes:
        found = [self._rest]
        length = len(self._rest)
        while length < size and (part := next(self._parts, b"")):
            found.append(part)
            length += len(part)
        content = b"".join(found)
        self._rest = content[size:]
        return content[:size]


def _unreadable(path: str, text: str) -> OSError:
    if "too many" in text.lower():
        return OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    return OSError(errno.EIO, _said(text), path)


def _said(text: str) -> str:
    """Return the message of an answer of the API."""
    with suppress(ValueError, KeyError, TypeError):
        text = str(json.loads(text)["message"])
    return " ".join(text.split())


def _pack(packed: tarfile.TarFile, place: Path, name: str, without: set[Path]) -> None:
    def owned(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if place / PurePosixPath(member.name).relative_to(name) in without:
            return None
        member.uid = member.gid = USER
        member.uname = member.gname = ""
        return member

    packed.add(place, name, filter=owned)


def _top(packed: tarfile.TarFile) -> str:
    first = packed.next()
    return "" if first is None else first.name.removeprefix("./").partition("/")[0]


def _unpack(packed: tarfile.TarFile, place: Path, longest: int | None) -> None:
    """Write the only top entry of an archive to a place; what it is called there differs between Docker and Podman."""
    links: set[str] = set()
    for member in packed:
        below = member.name.removeprefix("./").partition("/")[2]
        parts = PurePosixPath(below).parts
        if ".." in parts or any("/".join(parts[:length]) in links for length in range(1, len(parts))):
            raise OSError(errno.EINVAL, "an archive of the API leads out of its folder", member.name)
        target = place / below
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            target.chmod(member.mode & 0o777 | 0o700)
        elif member.issym():
            links.add(below)
            target.symlink_to(member.linkname)
        elif member.islnk():
            shutil.copy2(place / member.linkname.partition("/")[2], target)
        elif member.isreg():
            _require_space(member.size if longest is None else 0, place.parent, target)
            with target.open("wb") as written:
                if longest is not None and member.size > longest:
                    written.truncate(member.size)
                    return
                shutil.copyfileobj(cast("IO[bytes]", packed.extractfile(member)), written, _CHUNK)
            target.chmod(member.mode & 0o777 | 0o600)
        else:
            os.mkfifo(target)  # whatever it is: it is refused as an output


def _require_space(size: int, folder: Path, target: Path) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        reason = f"{os.strerror(errno.ENOSPC)} for a copy: it has {memory_text(size)}, and {memory_text(free)} are free"
        raise OSError(errno.ENOSPC, reason, str(target))


__all__ = ["USER", "Files", "Status"]
