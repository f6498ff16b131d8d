"""Packs and unpacks artifacts as Argo's executor does (argo-workflows, workflow/executor/executor.go)."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pytest_aicore.running.copying import UnusualFileError, copy, require_space, share
from pytest_aicore.running.pods import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.running.pods import Archive


class ArchiveError(Exception):
    """An archive that cannot be unpacked."""


def pack(source: Path, archive: Archive, name: str, folder: Path) -> Stored:
    """Write what a step left at an output's path.

    Args:
        source: the file or folder, checked by `require_usual_tree`.
        archive: how to pack it.
        name: of the artifact.
        folder: an empty folder for the result.

    Returns:
        The file, or the folder where a folder is not packed.

    Raises:
        UnusualFileError: a zip cannot hold it.
        OSError: something cannot be read or written.
    """
    if archive != "none":  # else files get a second name, where the file system can
        require_space(source, folder)
    if archive == "none":
        target = folder / source.name
        share(source, target)
    elif archive == "zip":
        target = folder / f"{name}.zip"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as packed:
            for path in _with_all_below(source):
                _add_to_zip(packed, path, path.relative_to(source.parent).as_posix())
    else:
        target = folder / f"{name}.tgz"
        with tarfile.open(target, "w:gz", compresslevel=6) as packed_tar:
            packed_tar.add(source, arcname=source.name)
    return Stored(target, archive)


def _with_all_below(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir() and not path.is_symlink():
        for child in sorted(path.iterdir()):
            yield from _with_all_below(child)


def _add_to_zip(packed: zipfile.ZipFile, path: Path, name: str) -> None:
    if name != name.encode("utf-8", "replace").decode():
        raise UnusualFileError(f"{os.fsencode(name)!r} is not UTF-8, so that it cannot be the name of a file in a zip")
    if path.is_symlink():  # the link itself, in the notation of Info-ZIP: a file with the target, and the mode
        entry = zipfile.ZipInfo(name)
        entry.create_system = 3
        entry.external_attr = 0o120777 << 16
        packed.writestr(entry, str(path.readlink()))
    else:
        packed.write(path, name)


def unpack(source: Path, archive: Archive, destination: Path) -> None:
    """Put what an archive holds at a path: its only top entry becomes the path, several become a folder.

    Args:
        source: the packed file, or what is not packed.
        archive: how it is packed; `default` is unpacked only if it is a tar compressed by gzip.
        destination: the path; it does not exist, its parent does.

    Raises:
        ArchiveError: the archive is damaged, or an entry would be written outside.
        OSError: something cannot be read or written.
    """
    if archive == "none" or (archive == "default" and not _is_tgz(source)):
        copy(source, destination)
        return
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=destination.parent) as name:
        folder = Path(name, "all")
        folder.mkdir()
        extract(source, archive, folder)
        entries = list(folder.iterdir())
        shutil.move(entries[0] if len(entries) == 1 else folder, destination)


def _called(archive: Archive) -> str:
    return "zip" if archive == "zip" else "tar"


def _is_tgz(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with tarfile.open(path, "r:gz") as packed:
            packed.next()
    except (tarfile.TarError, OSError, EOFError):
        return False
    return True


def extract(source: Path, archive: Archive, folder: Path) -> None:
    """Put all entries of an archive into a folder.

    Args:
        source: the packed file.
        archive: `zip`, or any other word for a tar.
        folder: an empty folder.

    Raises:
        ArchiveError: the archive is damaged, or an entry would be written outside.
        OSError: something cannot be read or written.
    """
    try:
        _extract(source, archive, folder)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise ArchiveError(f"{source.name} cannot be unpacked as {_called(archive)}: {error}") from None


def _extract(source: Path, archive: Archive, folder: Path) -> None:
    if archive == "zip":
        with zipfile.ZipFile(source) as packed:
            for entry in packed.infolist():
                _unzip(packed, entry, folder)
    else:
        with tarfile.open(source, "r:*") as packed_tar:
            for member in packed_tar:
                _untar(packed_tar, member, folder)


def _untar(packed: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    _require_inside(folder, member.name)
    if member.islnk() and folder.resolve() not in (folder / member.linkname).resolve().parents:
        raise ArchiveError(f"its entry {member.name!r} links to {member.linkname!r}, which is not in the archive")
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        raise ArchiveError(f"{member.name} is not a regular file or directory")
    if PurePosixPath(member.name) == PurePosixPath():
        return
    member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
    member.mode = (member.mode & 0o777) | (0o700 if member.isdir() else 0o400)
    # A filter of the standard library refuses absolute links, which mean something inside of a step.
    trusted: dict[str, Any] = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
    packed.extract(member, folder, **trusted)


def _unzip(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    _require_inside(folder, entry.filename)
    target = folder / entry.filename
    mode = entry.external_attr >> 16
    if mode & 0o170000 == 0o120000:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(packed.read(entry).decode("utf-8", "surrogateescape"))
        return
    packed.extract(entry, folder)
    if mode & 0o777:
        target.chmod((mode & 0o777) | (0o700 if entry.is_dir() else 0o400))


def _require_inside(folder: Path, name: str) -> None:
    """Refuse an entry that leads outside: by its name, or through a link that an earlier entry made."""
    whole = PurePosixPath(name)
    place = folder.joinpath(*whole.parts)
    is_inside = folder.resolve() in (place.parent.resolve() / place.name).parents
    if whole.is_absolute() or ".." in whole.parts or not (is_inside or whole == PurePosixPath()):
        raise ArchiveError(f"its entry {name!r} leads out of the folder into which it is unpacked")
    if place.is_symlink():
        place.unlink()  # otherwise the entry would be written where the link leads


__all__ = ["ArchiveError", "extract", "pack", "unpack"]
