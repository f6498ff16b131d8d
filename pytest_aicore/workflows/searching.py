"""Where workflow templates lie below a folder: for remedies, and for `pytest-aicore init`."""

from __future__ import annotations

import os
import re
from collections import deque
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_aicore.service_facts import YAML_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST_FOLDERS: Final = 2000
"""How many folders are searched: a remedy must not take seconds in somebody's home folder."""
_READ_BYTES: Final = 64 * 1024
_KIND: Final = re.compile(rb"""^\s*["']?kind["']?\s*:\s*["']?(WorkflowTemplate|ServingTemplate)\b""", re.MULTILINE)
_NOT_SEARCHED: Final = frozenset({"node_modules", "site-packages", "__pycache__"})


def template_files(root: Path) -> Iterator[Path]:
    """Yield the files below a folder that look like templates of AI Core, those of upper folders first.

    Hidden folders, virtual environments and linked folders are left out.

    Args:
        root: the folder.
    """
    for folder, files in folders_below(root):
        for name in files:
            if Path(name).suffix.lower() in YAML_SUFFIXES and _is_template(folder / name):
                yield folder / name


def template_folders(root: Path) -> list[Path]:
    """Return the folders below a folder, or itself, that hold templates.

    Args:
        root: the folder.
    """
    return list(dict.fromkeys(path.parent for path in template_files(root)))


def folders_below(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield a folder and those below it, the upper ones first, each with the names of its files.

    Args:
        root: the folder.
    """
    waiting, searched = deque([root]), 0
    while waiting and searched < _MOST_FOLDERS:
        folder, searched = waiting.popleft(), searched + 1
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        entries = [entry for entry in entries if not entry.name.startswith(".")]
        if folder != root and any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        waiting += [folder / name for name in _names(entries, folders=True) if name not in _NOT_SEARCHED]
        yield folder, _names(entries, folders=False)


def folders_shared(one: Path, other: Path) -> int:
    """Return how many folders two paths have in common, from the root on.

    Args:
        one: an absolute path.
        other: the same.
    """
    pairs = zip(one.resolve().parts, other.resolve().parts, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _names(entries: Iterable[os.DirEntry[str]], *, folders: bool) -> list[str]:
    return [
        entry.name
        for entry in entries
        if (entry.is_dir(follow_symlinks=False) if folders else entry.is_file(follow_symlinks=False))
    ]


def _is_template(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _KIND.search(file.read(_READ_BYTES).replace(b"\0", b"")) is not None
    except OSError:
        return False
