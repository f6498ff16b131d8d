"""Copies files and folders as they are: links stay links, nothing special is opened, nothing foreign comes in."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from hashlib import sha256
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore.quantities import memory_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class UnusualFileError(Exception):
    """Something that is neither a file nor a folder: a pipe, a socket, a device, a link as a whole artifact."""


def require_usual(path: Path, name: str) -> None:
    """Refuse a path that is neither a file nor a folder, also where a symbolic link leads to one.

    Args:
        path: the path on this machine.
        name: how to call it.

    Raises:
        UnusualFileError: it is something else. The sentence is Argo's (workflow/executor/executor.go).
        OSError: there is no such path.
    """
    mode = path.lstat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise UnusualFileError(f"{name} is not a regular file or directory")


def require_usual_tree(path: Path, name: str) -> None:
    """Refuse a folder that contains a pipe, a socket or a device; symbolic links in it are allowed.

    Args:
        path: the file or folder on this machine.
        name: how to call it.

    Raises:
        UnusualFileError: it contains one.
        OSError: a folder cannot be read.
    """
    require_usual(path, name)
    if not path.is_dir():
        return
    for entry in _entries(path):
        if not (entry.is_symlink() or entry.is_file() or entry.is_dir()):
            inner = Path(entry.path).relative_to(path).as_posix()
            raise UnusualFileError(f"{name}/{inner} is not a regular file or directory")


def _entries(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """Yield all that is below a folder; links are not followed."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=attrgetter("name")):
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry.path)


def fingerprint(path: Path) -> str:
    """Return a digest of names, sizes, times and targets of links, which changes when a file is written to.

    Args:
        path: a file or folder.

    Raises:
        OSError: something cannot be read.
    """
    digest = sha256()
    folder = str(path)
    for each in [folder] if path.is_symlink() or not path.is_dir() else (entry.path for entry in _entries(path)):
        status = os.lstat(each)
        kind = stat.S_IFMT(status.st_mode)
        link = os.readlink(each) if stat.S_ISLNK(kind) else ""  # noqa: PTH115 - many
        known = (status.st_size, status.st_mtime_ns) if stat.S_ISREG(kind) else ()
        digest.update(repr((each.removeprefix(folder), kind, known, link)).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def copy(source: Path, destination: Path, copy_file: Callable[[str, str], object] = shutil.copy2) -> None:
    """Copy a file or a folder with all that is in it.

    Args:
        source: a file or folder, checked by `require_usual_tree`.
        destination: where the copy is made; its parent exists, it itself does not.
        copy_file: copies one file.

    Raises:
        OSError: something cannot be read or written.
    """
    if copy_file is shutil.copy2:
        require_space(source, destination.parent)
    if source.is_dir():
        shutil.copytree(source, destination, symlinks=True, copy_function=copy_file)
    else:
        copy_file(str(source), str(destination))


def require_space(source: Path, folder: Path) -> None:
    """Refuse to copy what the disk has no space for, before it is full for everybody; holes of files count as well.

    Args:
        source: a file or folder.
        folder: where its copy shall be.

    Raises:
        OSError: there is no space, or something cannot be read.
    """
    size, free = _size(source), shutil.disk_usage(folder).free
    if size > free:
        reason = f"{os.strerror(errno.ENOSPC)} for a copy: it has {memory_text(size)}, and {memory_text(free)} are free"
        raise OSError(errno.ENOSPC, reason, str(source))


def _size(source: Path) -> int:
    if not source.is_dir() or source.is_symlink():
        return source.lstat().st_size
    return sum(
        os.lstat(os.path.join(parent, file)).st_size  # noqa: PTH118 - many
        for parent, _, files in os.walk(source)
        for file in files
    )


def inside(folder: Path, path: str) -> Path | None:
    """Return what a path names in a folder, None if that is nothing, or is reached by `..` or by a symbolic link.

    Args:
        folder: the folder.
        path: relative to it.
    """
    place = folder
    for part in path.strip("/").split("/"):
        place = place / part
        if part in ("", ".", "..") or place.is_symlink() or not place.exists():
            return None
    return place


def share(source: Path, destination: Path) -> None:
    """Make a file or a folder appear at a second place: its files get a second name, where the file system can.

    Nothing may write to them at either place. So many small files cost no second copy, nor its removal.

    Args:
        source: a file or folder, checked by `require_usual_tree`.
        destination: the second place; its parent exists, it itself does not.

    Raises:
        OSError: something cannot be read or written.
    """
    if source.lstat().st_dev != destination.parent.stat().st_dev:
        require_space(source, destination.parent)
    copy(source, destination, _link_or_copy)


def _link_or_copy(source: str, destination: str) -> None:
    """Make a file appear at a second place without a second copy of its content, where the file system can.

    Args:
        source: a file that nobody changes any more.
        destination: the second place.

    Raises:
        OSError: it cannot be copied either.
    """
    try:
        os.link(source, destination, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, destination, follow_symlinks=False)


def remove(path: Path) -> None:
    """Remove a file or a folder; also folders that their owner closed.

    What cannot be removed stays, because the caller has a result to report.

    Args:
        path: what to remove; nothing happens if it does not exist.
    """
    if path.is_dir() and not path.is_symlink():
        for parent, folders, _ in os.walk(path):
            for each in [parent, *(os.path.join(parent, folder) for folder in folders)]:  # noqa: PTH118 - many
                if not os.path.islink(each):  # noqa: PTH114
                    _open_up(each)
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _open_up(folder: str) -> None:
    try:
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            Path(folder).chmod(0o700)
    except OSError:
        return


__all__ = [
    "UnusualFileError",
    "copy",
    "fingerprint",
    "inside",
    "remove",
    "require_space",
    "require_usual",
    "require_usual_tree",
    "share",
]
