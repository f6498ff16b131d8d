"""The ports of this machine that servers use which share its network."""

from __future__ import annotations

import errno
import os
import socket
import threading
from contextlib import suppress
from typing import Final

from pytest_aicore.running.engines.engine import StartError

HERE: Final = "127.0.0.1"
_EVERYWHERE: Final = "0.0.0.0"  # noqa: S104  as containers listen
_claimed: set[int] = set()
"""Also those of servers of this process that do not listen yet."""
_lock = threading.Lock()


def claim(port: int) -> bool:
    """Take a port for a server that will listen at it; return whether it was free.

    Args:
        port: the port; `release` gives it back.
    """
    with _lock:
        if port in _claimed or not _is_free(port):
            return False
        _claimed.add(port)
        return True


def require(port: int, engine: str) -> None:
    """Take a port for a server that shares this machine's network with all others.

    Args:
        port: the port; `release` gives it back.
        engine: what starts the server.

    Raises:
        StartError: it is in use.
    """
    if not claim(port):
        raise StartError(
            f"port {port} is in use on this machine, whose ports all servers of the engine `{engine}` share. End what "
            "listens there, or take the engine `sandbox`, which gives each server a network of its own"
        )


def release(port: int) -> None:
    """Give back a port that was claimed.

    Args:
        port: the port.
    """
    with _lock:
        _claimed.discard(port)


def connection(port: int, seconds: float) -> socket.socket:
    """Return a connection to a port of this machine.

    Args:
        port: the port.
        seconds: after which it gives up.

    Raises:
        OSError: nothing listens there, or does not accept in time.
    """
    return socket.create_connection((HERE, port), seconds)


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        with suppress(OSError):  # as servers do: connections that have ended do not count
            if os.name == "posix":
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((_EVERYWHERE, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE  # whether it may listen there it finds out itself
    return True


__all__ = ["HERE", "claim", "connection", "release", "require"]
