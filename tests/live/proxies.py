"""A proxy between a live session and its service, whose port can be shut: connections are refused then."""

from __future__ import annotations

import socket
import threading
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

    def refuse(self, seconds: float) -> None:
        """Refuse connections for some seconds; those that exist go on."""
        with self._lock:
            self._close()
        timer = threading.Timer(seconds, self._reopen)
        self._timers.append(timer)
        timer.start()

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
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=_pass_on, args=(source, sink), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for timer in self._timers:
            timer.join()
        with self._lock:
            self._close()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
