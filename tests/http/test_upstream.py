"""One server takes the place of another: no request falls between them."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.http.exchange import Request
from pytest_aicore.http.upstream import Upstream
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = 100_000
"""Bytes: such an answer is passed on as it comes."""


class Old:
    """A server whose answers to `/slow` wait, before they begin, and those to `/long` in their middle."""

    def __init__(self) -> None:
        self.is_asked, self.may_answer = threading.Event(), threading.Event()


@contextmanager
def serving(word: bytes, old: Old | None = None) -> Iterator[Upstream]:
    """Serve a word at a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            body = word * LONG if self.path == "/long" else word
            if old is not None and self.path == "/slow":
                old.is_asked.set()
                old.may_answer.wait(60)
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if old is not None and self.path == "/long":
                self.wfile.write(body[:1])
                old.is_asked.set()
                old.may_answer.wait(60)
                body = body[1:]
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, ExitStack() as exits:
        address = ("127.0.0.1", server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        exits.callback(server.shutdown)
        yield Upstream(lambda seconds: socket.create_connection(address, seconds), 60)


def asked(upstream: Upstream, path: str, answers: list[tuple[int, bytes]]) -> None:
    response = upstream(Request("GET", path))
    answers.append((response.status, b"".join(response.stream) if response.stream is not None else response.body))


@pytest.mark.parametrize(("path", "expected"), [("/slow", b"a"), ("/long", b"a" * LONG)])
def test_what_is_under_way_is_answered_before_the_server_may_end(path: str, expected: bytes) -> None:
    old = Old()
    answers: list[tuple[int, bytes]] = []
    with serving(b"a", old) as first, serving(b"b") as second:
        client = threading.Thread(target=asked, args=(first, path, answers))
        client.start()
        assert old.is_asked.wait(60)
        over: list[bool] = []
        waiting = threading.Thread(target=lambda: over.append(first.hand_over(second, 60)))
        waiting.start()
        until(lambda: first(Request("GET", "/")).body == b"b", "the other server")
        assert not over
        old.may_answer.set()
        waiting.join(60)
        client.join(60)
    assert over == [True]
    assert answers == [(200, expected)]


def test_a_server_that_does_not_answer_is_not_waited_for_any_longer() -> None:
    old = Old()
    with serving(b"a", old) as first, serving(b"b") as second:
        client = threading.Thread(target=partial(asked, first, "/slow", []))
        client.start()
        assert old.is_asked.wait(60)
        assert not first.hand_over(second, 0.01)
        old.may_answer.set()
        client.join(60)


def test_an_answer_that_nobody_reads_keeps_no_server() -> None:
    with serving(b"a") as first, serving(b"b") as second:
        response = first(Request("GET", "/long"))
        assert response.stream is not None
        response.stream.close()  # type: ignore[attr-defined]
        assert first.hand_over(second, 0.01)
        assert first(Request("GET", "/")).body == b"b"
