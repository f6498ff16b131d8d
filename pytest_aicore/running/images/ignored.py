"""Which files of a folder `.dockerignore` leaves out (source: docs.docker.com/build/concepts/context)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def ignored_in(folder: Path) -> Callable[[str], bool]:
    """Return a function that tells of a path, relative to the folder, whether it is left out.

    Args:
        folder: the folder with the Dockerfile.

    Raises:
        OSError: there is a `.dockerignore` that cannot be read.
    """
    file = folder / ".dockerignore"
    if not file.is_file():
        return lambda _: False
    patterns: list[tuple[bool, re.Pattern[str]]] = []
    for line in file.read_text(encoding="utf-8", errors="replace").removeprefix("\ufeff").splitlines():
        text = line.strip()
        if text and not text.startswith("#"):
            is_exception = text.startswith("!")
            patterns.append((not is_exception, _expression(text.removeprefix("!").strip().strip("/"))))

    def is_ignored(path: str) -> bool:
        verdict = False
        for leaves_out, pattern in patterns:  # the last that matches decides
            if pattern.match(path):
                verdict = leaves_out
        return verdict

    return is_ignored


def _expression(pattern: str) -> re.Pattern[str]:
    """Return what matches a path and everything below it: Go's `filepath.Match`, and `**` for any number of folders."""
    text = ""
    rest = pattern.removeprefix("./")
    while rest:
        if rest.startswith("**/"):
            text, rest = text + "(?:.*/)?", rest[3:]
        elif rest.startswith("**"):
            text, rest = text + ".*", rest[2:]
        elif rest[0] in "*?":
            text, rest = text + ("[^/]*" if rest[0] == "*" else "[^/]"), rest[1:]
        elif rest[0] == "[" and "]" in rest[1:]:
            characters, _, rest = rest[1:].partition("]")
            text += f"[{characters}]"
        else:
            text, rest = text + re.escape(rest[0]), rest[1:]
    return re.compile(rf"{text}(?:/.*)?\Z")


__all__ = ["ignored_in"]
