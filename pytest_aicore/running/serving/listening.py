"""At which TCP ports processes listen, read from Linux's /proc (proc(5))."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_LISTENING: Final = "0A"
_LOCAL, _STATE, _INODE = 1, 3, 9
"""Where the fields are in /proc/PID/net/tcp."""
_SOCKET: Final = re.compile(r"socket:\[(\d+)\]")


def listening_ports(pids: Collection[int]) -> set[int] | None:
    """Return the TCP ports at which processes listen, None if that cannot be told.

    Args:
        pids: the processes; one that has ended listens nowhere.
    """
    found: set[int] = set()
    if not pids:
        return None
    for pid in pids:
        try:
            own = set(_sockets(pid))
        except FileNotFoundError:
            own = set()
        except OSError:
            return None
        for name in ("tcp", "tcp6") if own else ():
            with suppress(OSError):
                for line in Path(f"/proc/{pid}/net/{name}").read_text(encoding="ascii").splitlines()[1:]:
                    fields = line.split()
                    if fields[_STATE] == _LISTENING and fields[_INODE] in own:
                        found.add(int(fields[_LOCAL].rpartition(":")[2], 16))
    return found


def _sockets(pid: int) -> Iterator[str]:
    with os.scandir(f"/proc/{pid}/fd") as descriptors:
        for descriptor in descriptors:
            with suppress(OSError):
                target = _SOCKET.fullmatch(os.readlink(descriptor.path))  # noqa: PTH115 - many
                if target is not None:
                    yield target[1]


__all__ = ["listening_ports"]
