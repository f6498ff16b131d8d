"""A process that is forked while the server runs has a copy of its sockets; nobody must notice."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.emulator.serve.servers import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")
pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes can be forked"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]


@contextmanager
def forked() -> Iterator[None]:
    """Let a forked process live inside."""
    waits, let_go = os.pipe()
    ready, is_ready = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(is_ready, b"x")
        os.close(let_go)
        os.read(waits, 1)
        os._exit(0)
    os.read(ready, 1)
    try:
        yield
    finally:
        os.close(let_go)
        os.waitpid(child, 0)
        for end in (waits, ready, is_ready):
            os.close(end)


def test_connection_is_reset_although_a_forked_process_lives() -> None:
    with serving() as served:
        client = served.client()
        assert client.ask("GET", "/v2/lm/artifacts").status == 200
        served.emulator.fault("artifact.query", kind="connection reset")
        with forked(), pytest.raises(ConnectionResetError):
            client.ask("GET", "/v2/lm/artifacts")
        client.close()


def test_stopped_server_listens_no_more_although_a_forked_process_lives() -> None:
    with serving() as served, forked():
        assert served.client().ask("GET", "/v2/lm/artifacts").status == 200
        served.server.stop()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", served.server.port), timeout=5)


def test_forked_process_does_not_wait_for_the_threads_of_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as served:
        assert served.client().ask("GET", "/v2/lm/artifacts").status == 200
        with monkeypatch.context() as patched:
            patched.setattr("pytest_aicore.http.sockets.STOP_SECONDS", 3600)
            child = os.fork()
            if child == 0:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(30)
                served.server.stop()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        assert served.client().ask("GET", "/v2/lm/artifacts").status == 200
