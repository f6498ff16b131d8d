"""The files below a folder, and what is said of those that cannot be read."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from pytest_aicore.service_facts import TEMPLATE_SUFFIXES
from pytest_aicore.workflows.checks.document import problems, unchecked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_aicore.workflows.checks.findings import Finding

_LEFT_OUT: Final = frozenset({"__pycache__", "node_modules", "venv", "site-packages", "build", "dist"})


def is_folder(path: Path) -> bool:
    """Return whether a path is a folder; of one that cannot be examined that is not known."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def below(root: Path, given: Sequence[Path]) -> Iterator[Path | Finding]:
    """Yield the YAML and JSON files below a folder by name, and a finding for what may hold some and is not visited.

    Args:
        root: the folder.
        given: all folders that are checked; links to what is below one of them are nothing to tell.
    """
    refused: list[OSError] = []
    homes = [folder.resolve() for folder in given]
    for current, folders, names in os.walk(root, onerror=refused.append):
        yield from _told(refused)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _LEFT_OUT)
        for name in folders:
            link = Path(current, name)
            # Unlike the methods of Path, these functions take a path that is too long.
            if os.path.islink(link) and not any(map(Path(os.path.realpath(link)).is_relative_to, homes)):  # noqa: PTH114
                yield unchecked.link_not_followed(link)
        for name in sorted(names):
            if name.startswith("."):
                continue
            suffix = PurePath(name).suffix.lower()
            if suffix in TEMPLATE_SUFFIXES:
                yield Path(current, name)
            elif not suffix and os.path.islink(path := Path(current, name)) and not os.path.exists(path):  # noqa: PTH110, PTH114
                yield unchecked.link_to_nothing(path)
    yield from _told(refused)


def _told(refused: list[OSError]) -> Iterator[Finding]:
    for error in refused:
        yield problems.unreadable(str(error.filename), error, what="folder")
    refused.clear()
