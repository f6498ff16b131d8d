"""A server that speaks no HTTP of its own: what it does with each connection is told as a function."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import Self


class Hostile:
    """Sends, to whoever connects, the pieces of an answer.

    Args:
        pieces: returns them, one after the other; empty ones are not sent.
        pause: seconds before each piece.
        listens: whether the request is read first.
    """

    def __init__(self, pieces: Callable[[], Iterable[bytes]], *, pause: float = 0.0, listens: bool = True) -> None:
        self._pieces = pieces
        self._pause = pause
        self._listens = listens
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._answer, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _answer(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self._listens:
                received = b""
                while b"\r\n\r\n" not in received:
                    received += client.recv(65536) or b"\r\n\r\n"
            for piece in self._pieces():
                if self._over.wait(self._pause):
                    return
                client.sendall(piece)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)
