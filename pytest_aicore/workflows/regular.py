"""Reading files that may be something else: opening a named pipe hangs until a program writes to it."""

from __future__ import annotations

import errno
import stat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_beginning(path: Path, most: int) -> bytes:
    """Return the beginning of a file.

    Args:
        path: the file.
        most: how many bytes are read at most.

    Raises:
        OSError: it cannot be read, or is not a regular file: opening a pipe would hang.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        kind = next((word for is_kind, word in _KINDS if is_kind(mode)), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a file")
    with path.open("rb") as file:
        return file.read(most)
