"""What is put into an object store: bytes, text, a file, a folder, or several of them by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Union

from pytest_aicore.errors import StoreError

Content = Union[bytes, str, "os.PathLike[str]", Mapping[str, "Content"]]
"""Bytes, text (stored as UTF-8), the path of a file or folder, or a mapping of these by their relative path."""


def files_of(content: object) -> dict[str, bytes | Path]:
    """Return the files of a content by their relative path, which is empty for a content that is one file.

    Args:
        content: bytes, text, the path of a file or folder, or a mapping of these by relative path.

    Raises:
        StoreError: it is something else, it holds no file, or a path cannot be read or leads out of its folder.
    """
    if isinstance(content, (bytes, bytearray, memoryview)):
        return {"": bytes(content)}
    if isinstance(content, str):
        return {"": content.encode()}
    if isinstance(content, os.PathLike):
        return _files_at(Path(content))
    if not isinstance(content, Mapping):
        raise StoreError(f"{content!r} cannot be stored: expected bytes, text, a pathlib.Path, or a mapping of these.")
    files: dict[str, bytes | Path] = {}
    for name, inner in content.items():
        _require_relative(name)
        for path, file in files_of(inner).items():
            files[f"{name}/{path}" if path else name] = file
    if not files:
        raise StoreError("an empty mapping cannot be stored: object stores hold files, and no empty folders.")
    return files


def read(file: bytes | Path) -> bytes:
    """Return the bytes of a file that `files_of` has found.

    Args:
        file: its bytes, or its path.

    Raises:
        StoreError: it cannot be read.
    """
    if isinstance(file, bytes):
        return file
    try:
        return file.read_bytes()
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror or error}.") from None


def _files_at(path: Path) -> dict[str, bytes | Path]:
    if path.is_file():
        return {"": path}
    if not path.is_dir():
        what = "is neither a file nor a folder" if os.path.lexists(path) else "does not exist"
        raise StoreError(f"{path} cannot be stored: it {what}.")
    files: dict[str, bytes | Path] = {}
    for parent, folders, names in os.walk(path, onerror=_refuse):
        for name in [*(each for each in folders if Path(parent, each).is_symlink()), *names]:
            file = Path(parent, name)
            if not file.is_file():
                raise StoreError(f"{file} cannot be stored: only files and folders can, and links to files.")
            files[file.relative_to(path).as_posix()] = file
    if not files:
        raise StoreError(f"{path} cannot be stored: object stores hold files, and this folder has none.")
    return dict(sorted(files.items()))


def _refuse(error: OSError) -> None:
    raise StoreError(f"{error.filename} cannot be read: {error.strerror}.")


def _require_relative(name: object) -> None:
    segments = name.split("/") if isinstance(name, str) else [""]
    if any(segment in ("", ".", "..") or "\0" in segment for segment in segments):
        raise StoreError(f"{name!r} cannot be the path of a file: expected for example 'model.json' or 'data/a.csv'.")


__all__ = ["Content", "files_of", "read"]
