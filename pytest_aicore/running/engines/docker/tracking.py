"""Tracking for a step without network: a second container, with the same network and without step, listens for it."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_aicore.running.engines.docker import channel
from pytest_aicore.running.engines.docker.channel import Channel

if TYPE_CHECKING:
    from docker import APIClient


_NO_PROGRAM = re.compile(r"not found|no such file", re.IGNORECASE)


def command(url: str) -> list[str]:
    """Return what is executed in the container that listens; its image needs a Python.

    Args:
        url: of the tracking service.
    """
    source = Path(channel.__file__).read_text(encoding="utf-8")
    return ["python3", "-I", "-S", "-c", source, str(_address(url)[1])]


def _address(url: str) -> tuple[str, int]:
    address = urlsplit(url)
    return address.hostname or "", address.port or 80


class Relay:
    """Passes the connections of a step to the tracking service on.

    Args:
        client: of the API.
        container: the id of the container that listens, which was not started.
        url: of the tracking service.
    """

    def __init__(self, client: APIClient, container: str, url: str) -> None:
        self._client = client
        self._container = container
        self._channel = Channel(self._write, lambda: socket.create_connection(_address(url)))
        self._stream: Any = None
        self._is_over = threading.Event()

    def begin(self) -> bool:
        """Start the container, and return whether it listens: there may be no Python in it.

        Raises:
            DockerException: the API refuses.
            RequestException: the API does not answer.
        """
        from docker.errors import APIError

        params = {"stdin": 1, "stdout": 1, "stream": 1}
        self._stream = self._client.attach_socket(self._container, params=params)
        try:
            self._client.start(self._container)
        except APIError as error:
            self._close()
            if _NO_PROGRAM.search(str(error.explanation)) is None:
                raise
            return False
        threading.Thread(target=self._read, daemon=True, name="aicore-relay").start()
        while not self._channel.is_ready.wait(0.01):
            if self._is_over.is_set():
                return False
        return True

    def _read(self) -> None:
        from docker.utils.socket import STDOUT, frames_iter

        try:
            for stream, content in frames_iter(self._stream, tty=False):
                if stream == STDOUT:
                    self._channel.take(content)
        except Exception:  # noqa: S110  the connection: the container was removed
            pass
        finally:
            self._close()

    def _write(self, content: bytes) -> None:
        getattr(self._stream, "_sock", self._stream).sendall(content)

    def _close(self) -> None:
        self._is_over.set()
        with suppress(OSError):
            self._stream._response.close()  # noqa: SLF001  docker-py keeps it there
            self._stream.close()


__all__ = ["Relay", "command"]
