"""A proxy between a live session and its service, whose port can be shut, and whose answers can drip."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


class Proxy:
    """Passes on what comes to a port of its own.

    Args:
        port: where it is passed on to, on this machine.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._timers: list[threading.Timer] = []
        self._dripping: list[str] = []

    def refuse(self, seconds: float) -> None:
        """Refuse connections for some seconds; those that exist go on."""
        with self._lock:
            self._close()
        timer = threading.Timer(seconds, self._reopen)
        self._timers.append(timer)
        timer.start()

    def drip(self, request: str, times: int) -> None:
        """Let answers come a byte at a time, so slowly that nobody sees their end.

        Args:
            request: a pattern of the first lines of the requests.
            times: for so many of them.
        """
        self._dripping = [request] * times

    def _close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # also for who is about to accept
        self._listener.close()

    def _reopen(self) -> None:
        with self._lock:
            self._listener = self._listen(self.port)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), reuse_port=False)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # it was closed
            while True:
                listener.settimeout(0.05)
                try:
                    client, _ = listener.accept()
                except TimeoutError:
                    continue
                client.settimeout(None)
                server = socket.create_connection(("127.0.0.1", self._target))
                threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            request = client.recv(65536)
            server.sendall(request)
            threading.Thread(target=_pass_on, args=(client, server), daemon=True).start()
            with self._lock:
                drips = bool(self._dripping) and re.match(self._dripping[0].encode(), request) is not None
                if drips:
                    self._dripping.pop()
            _pass_on(server, client, drips=drips)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for timer in self._timers:
            timer.join()
        with self._lock:
            self._close()


def _pass_on(source: socket.socket, sink: socket.socket, *, drips: bool = False) -> None:
    try:
        while data := source.recv(1 if drips else 65536):
            sink.sendall(data)
            if drips:
                time.sleep(0.05)
    except OSError:
        pass
    finally:
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
