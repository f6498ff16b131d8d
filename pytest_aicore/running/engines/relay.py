"""Tracking for a step without network: a socket that listens inside its sandbox is served from outside.

A socket belongs to the network in which it was made, whoever has it. So a few lines of Python make it inside, hand it
out, and become the program of the step.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pytest_aicore.running.engines.becoming import BECOME, becoming
from pytest_aicore.running.engines.engine import StartError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TRACKING: Final = "AICORE_TRACKING_ENDPOINT"
"""The variable that names the tracking service to steps."""
_INSIDE: Final = (
    BECOME
    + """
import socket, sys
outside = socket.socket(fileno=int(sys.argv[1]))
outside.set_inheritable(False)
try:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[2])))
except OSError as error:
    outside.send(os.strerror(error.errno).encode())
    sys.exit(1)
socket.send_fds(outside, [b"listener"], [listener.fileno()])
listener.close()
try:
    become(*sys.argv[3:])
except OSError as error:
    outside.send(os.strerror(error.errno).encode())
"""
)
_CHUNK: Final = 65536


class Relay:
    """Passes the connections of a step to the tracking service on.

    Args:
        url: where the service is.
        python: a Python in the sandbox.

    Raises:
        OSError: there are no more file descriptors.
    """

    def __init__(self, url: str, python: Path) -> None:
        self._python = python
        address = urlsplit(url)
        self._service = (address.hostname or "", address.port or 80)
        self._ours, self._theirs = socket.socketpair()
        self._listener: socket.socket | None = None
        self._is_over = False
        self._refusal = self._problem = ""
        self._thread = threading.Thread(target=self._serve, daemon=True, name="aicore-relay")

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the sandbox gets."""
        return (self._theirs.fileno(),)

    def command(self, command: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """Return the command that makes the socket inside and then executes another command.

        Args:
            command: of the step.
            env: of the step.
        """
        inside = [str(self._python), "-I", "-S", "-c", _INSIDE]
        return [*inside, *map(str, self.descriptors), str(self._service[1]), *becoming(command, env)]

    def begin(self) -> None:
        """Serve, now that the sandbox has its end."""
        self._theirs.close()
        self._thread.start()

    def close(self) -> str:
        """End it, after the step; return why the command of the step could not be executed, empty if it was.

        Raises:
            StartError: nothing can listen inside.
        """
        self._is_over = True
        self._theirs.close()
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join()
        self._ours.close()
        if self._problem:
            raise StartError(f"nothing can listen for what Tracking() logs: {self._problem}")
        return self._refusal

    def _serve(self) -> None:
        try:
            said, found, _, _ = socket.recv_fds(self._ours, _CHUNK, 1)
            if not found:
                self._problem = said.decode()
                return
            with socket.socket(fileno=found[0]) as self._listener:
                self._refusal = self._ours.recv(_CHUNK).decode()  # nothing, as soon as the command is executed
                while not (self._is_over or self._refusal):
                    connection, _ = self._listener.accept()
                    threading.Thread(target=self._pass_on, args=(connection,), daemon=True).start()
        except OSError:  # the step has ended
            return

    def _pass_on(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, socket.create_connection(self._service) as service:
            back = threading.Thread(target=_copy, args=(service, connection), daemon=True)
            back.start()
            _copy(connection, service)
            back.join()


def _copy(source: socket.socket, destination: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(_CHUNK):
            destination.sendall(chunk)
    with suppress(OSError):
        destination.shutdown(socket.SHUT_WR)


__all__ = ["TRACKING", "Relay"]
