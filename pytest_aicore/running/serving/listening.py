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


_THIS_MACHINE: Final = (
    "0100007F",
    "00000000000000000000000001000000",
    "0000000000000000FFFF00000100007F",
)
"""127.0.0.1, ::1 and ::ffff:127.0.0.1, as the kernel of a little-endian machine writes them."""


def listening_ports(pids: Collection[int]) -> dict[int, bool] | None:
    """Return the TCP ports at which processes listen, None if that cannot be told.

    Args:
        pids: the processes; one that has ended listens nowhere.

    Returns:
        By port whether others than programs of the same machine can connect.
    """
    found: dict[int, bool] = {}
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
                        address, _, written = fields[_LOCAL].rpartition(":")
                        port = int(written, 16)
                        found[port] = found.get(port, False) or address not in _THIS_MACHINE
    return found


def _sockets(pid: int) -> Iterator[str]:
    with os.scandir(f"/proc/{pid}/fd") as descriptors:
        for descriptor in descriptors:
            with suppress(OSError):
                target = _SOCKET.fullmatch(os.readlink(descriptor.path))  # noqa: PTH115 - many
                if target is not None:
                    yield target[1]


__all__ = ["listening_ports"]
