"""Connections over one stream, between this process and one that stands for a container without network."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.running.engines.docker import tracking
from pytest_aicore.running.engines.docker.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.once, pytest.mark.skipif(os.name != "posix", reason="a container has Linux")]


@pytest.fixture
def begin() -> Iterator[Callable[[Callable[[], socket.socket]], int]]:
    """Return what begins a channel by a function that connects, and returns the port inside."""
    began: list[subprocess.Popen[bytes]] = []

    def begin(connect: Callable[[], socket.socket]) -> int:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        command = [sys.executable, *tracking.command(f"http://127.0.0.1:{port}/api")[1:]]
        inside = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        began.append(inside)
        assert inside.stdin is not None
        assert inside.stdout is not None
        channel, output = Channel(inside.stdin.write, connect), inside.stdout.fileno()

        def read() -> None:
            with suppress(OSError):
                while content := os.read(output, 1 << 16):
                    channel.take(content)

        threading.Thread(target=read, daemon=True).start()
        assert channel.is_ready.wait(60)
        return port

    yield begin
    for inside in began:
        assert inside.stdin is not None
        inside.stdin.close()
        with inside:
            assert inside.wait(60) == 0  # nothing is left of it when the other end has gone


def test_many_at_once(begin: Callable[[Callable[[], socket.socket]], int]) -> None:
    """Each gets what belongs to it, however much, and both directions have an end."""
    with socket.create_server(("127.0.0.1", 0)) as service:

        def echo(connection: socket.socket) -> None:
            with connection:
                received = b"".join(iter(lambda: connection.recv(1 << 16), b""))
                connection.sendall(received[::-1])

        def serve() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=echo, args=(service.accept()[0],), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        port = begin(lambda: socket.create_connection(service.getsockname()))
        ended: list[bool] = []

        def ask(number: int) -> None:
            said = b"%d " % number * (1 << 17)
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(said)
                connection.shutdown(socket.SHUT_WR)
                answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
            ended.append(answer == said[::-1])

        asking = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(60)
    assert ended == [True] * 8


def test_a_service_that_does_not_answer(begin: Callable[[Callable[[], socket.socket]], int]) -> None:
    def refuse() -> socket.socket:
        raise ConnectionRefusedError

    port = begin(refuse)
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", port), 60) as connection:
            connection.sendall(b"PATCH")
            assert connection.recv(1) == b""
