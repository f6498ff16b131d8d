"""Many connections over one stream: what a container without network says to the tracking service, and its answers.

The same code runs on both ends. The one in a container gets the text of this file, and its Python may be an old one.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_HEAD = struct.Struct(">II")
"""The number of a connection, and the length of what follows; nothing follows where it is at its end."""
_READY = 0
"""The number under which the end in a container says that it listens."""
_CHUNK = 65536


class Channel:
    """One end of the stream.

    Args:
        write: sends bytes to the other end, all of them.
        connect: returns a new connection for one that was begun at the other end; raises `OSError` if it cannot.

    Attributes:
        is_ready: whether the other end listens.
    """

    def __init__(self, write: Callable[[bytes], object], connect: Callable[[], socket.socket]) -> None:
        self.is_ready = threading.Event()
        self._write = write
        self._connect = connect
        self._open: dict[int, socket.socket | None] = {}
        self._ends: dict[int, int] = {}
        self._writing, self._counting = threading.Lock(), threading.Lock()
        self._rest = b""

    def begin(self, number: int, connection: socket.socket) -> None:
        """Pass a connection on.

        Args:
            number: of it.
            connection: at this end.
        """
        self._open[number] = connection
        threading.Thread(target=self._pass_on, args=(number, connection), daemon=True).start()

    def take(self, content: bytes) -> None:
        """Take what was read from the stream.

        Args:
            content: the next bytes.
        """
        self._rest += content
        while len(self._rest) >= _HEAD.size:
            number, size = _HEAD.unpack_from(self._rest)
            end = _HEAD.size + size
            if len(self._rest) < end:
                return
            part, self._rest = self._rest[_HEAD.size : end], self._rest[end:]
            if number == _READY:
                self.is_ready.set()
            else:
                self._give(number, part)

    def send(self, number: int, content: bytes) -> None:
        """Send something to the other end.

        Args:
            number: of a connection.
            content: what was read from it; nothing at its end.
        """
        with self._writing:
            self._write(_HEAD.pack(number, len(content)) + content)

    def _give(self, number: int, content: bytes) -> None:
        if number not in self._open:
            try:
                self.begin(number, self._connect())
            except OSError:
                self._open[number] = None
                self._end(number)
        connection = self._open[number]
        try:
            if connection is not None and content:
                connection.sendall(content)
            elif connection is not None:
                connection.shutdown(socket.SHUT_WR)
        except OSError:  # who reads there has gone
            pass
        if not content:
            self._count_end(number)

    def _pass_on(self, number: int, connection: socket.socket) -> None:
        try:
            content = connection.recv(_CHUNK)
            while content:
                self.send(number, content)
                content = connection.recv(_CHUNK)
        except OSError:  # it was reset
            pass
        self._end(number)

    def _end(self, number: int) -> None:
        """Say that nothing more comes from a connection."""
        with suppress(OSError):  # the other end has gone
            self.send(number, b"")
        self._count_end(number)

    def _count_end(self, number: int) -> None:
        """Close a connection at the second of its ends: each direction has one."""
        with self._counting:
            self._ends[number] = self._ends.get(number, 0) + 1
            if self._ends[number] < 2:
                return
            del self._ends[number]
            connection = self._open.pop(number)
        if connection is not None:
            connection.close()


def _refuse() -> socket.socket:
    raise OSError("only what is in the container begins a connection")


def serve(port: int) -> None:
    """Listen in a container, and speak with the other end by stdin and stdout.

    Args:
        port: on which is listened.
    """

    def write(content: bytes) -> None:
        while content:
            content = content[os.write(1, content) :]

    def accept() -> None:
        number = _READY
        while True:
            connection = listener.accept()[0]
            number += 1
            channel.begin(number, connection)

    channel = Channel(write, _refuse)
    listener = socket.socket()
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    threading.Thread(target=accept, daemon=True).start()
    channel.send(_READY, b"")
    content = os.read(0, _CHUNK)
    while content:
        channel.take(content)
        content = os.read(0, _CHUNK)


if __name__ == "__main__":
    serve(int(sys.argv[1]))

__all__ = ["Channel", "serve"]
