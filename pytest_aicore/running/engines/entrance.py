"""How requests reach a server that has a network of its own: by sockets that were made inside of it.

A socket belongs to the network in which it was made, whoever has it. So a few lines of Python, which stay beside the
server, make a socket whenever one is asked for, and hand it out; it is connected from outside. They also execute the
commands of probes: in the namespaces of the server, with its variables.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from typing import TYPE_CHECKING, Final

from pytest_aicore.running.engines.becoming import BECOME, becoming
from pytest_aicore.running.engines.ports import HERE
from pytest_aicore.running.watching import Pipe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_INSIDE: Final = (
    BECOME
    + """
import socket, sys
outside, told = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
if os.fork() == 0:
    if os.fork() == 0:  # of nobody's children: the server must not meet it when it waits for its own
        os.setsid()
        os.close(told)
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        while kind := outside.recv(1):
            if kind == b"s":
                with socket.socket() as made:
                    socket.send_fds(outside, [b"s"], [made.fileno()])
                continue
            import json, subprocess, threading
            def execute(asking):
                with asking, asking.makefile("rwb") as file:
                    command, seconds = json.loads(file.readline())
                    try:
                        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
                        done = subprocess.run(command, timeout=seconds, **both)
                        told = [done.returncode, done.stdout[-1000:].decode("utf-8", "replace")]
                    except (OSError, subprocess.TimeoutExpired) as error:
                        told = [1, str(error)]
                    file.write(json.dumps(told).encode())
            asked, asking = socket.socketpair()
            with asked:
                socket.send_fds(outside, [b"x"], [asked.fileno()])
            threading.Thread(target=execute, args=(asking,), daemon=True).start()
    os._exit(0)
os.wait()
for number in (outside.fileno(), told):
    os.set_inheritable(number, False)
try:
    become(*sys.argv[3:])
except OSError as error:
    os.write(told, os.strerror(error.errno).encode())
"""
)
_LONGEST: Final = 1024
"""Bytes of a sentence of the operating system."""
_LONGEST_ANSWER: Final = 64 * 1024
_GRACE: Final = 1.0
"""Seconds in which the end of a command is told."""


class Entrance:
    """Connects to ports in the network of a sandbox.

    Args:
        python: a Python in the sandbox.

    Raises:
        OSError: there are no more file descriptors.
    """

    def __init__(self, python: Path) -> None:
        self._python = python
        self._ours, self._theirs = socket.socketpair()
        self._refusal = Pipe()
        self._mutex = threading.Lock()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the sandbox gets."""
        return self._theirs.fileno(), self._refusal.writing

    def command(self, command: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """Return the command that leaves the maker of sockets inside and then executes another command.

        Args:
            command: of the server.
            env: of the server.
        """
        inside = [str(self._python), "-I", "-S", "-c", _INSIDE]
        return [*inside, *map(str, self.descriptors), *becoming(command, env)]

    def begin(self) -> None:
        """Close what the sandbox has now."""
        self._theirs.close()
        self._refusal.close_writing()

    def connection(self, port: int, seconds: float) -> socket.socket:
        """Return a connection to a port inside.

        Args:
            port: the port.
            seconds: after which it gives up.

        Raises:
            OSError: nothing listens there, or does not accept in time; or the sandbox has ended.
        """
        made = self._made(b"s", seconds)
        try:
            made.settimeout(seconds)
            made.connect((HERE, port))
        except BaseException:
            made.close()
            raise
        return made

    def executed(self, command: Sequence[str], seconds: float) -> tuple[int, str]:
        """Execute a command inside, and return its exit code and the end of what it has written.

        Args:
            command: the program and its arguments.
            seconds: after which it is ended.

        Raises:
            OSError: the sandbox has ended, or does not answer.
            ValueError: it answers something else.
        """
        with self._made(b"x", seconds) as asked:
            asked.settimeout(seconds + _GRACE)
            asked.sendall(json.dumps([list(command), seconds]).encode() + b"\n")
            with asked.makefile("rb") as file:
                code, said = json.loads(file.read(_LONGEST_ANSWER))
        return int(code), str(said)

    def _made(self, kind: bytes, seconds: float) -> socket.socket:
        with self._mutex:
            self._ours.settimeout(seconds)
            self._ours.send(kind)
            _, found, _, _ = socket.recv_fds(self._ours, 1, 1)
        if not found:
            raise ConnectionRefusedError("the server has ended")
        return _socket(found[0])

    def close(self) -> str:
        """End it, after the server; return why its command could not be executed, empty if it was."""
        self.begin()
        with self._mutex:
            self._ours.close()
        refusal = os.read(self._refusal.reading, _LONGEST).decode()
        self._refusal.close()
        return refusal


def _socket(descriptor: int) -> socket.socket:
    try:
        return socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        raise


__all__ = ["Entrance"]
