"""What goes wrong on purpose, as a client on a socket sees it."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.emulator.serve.servers import Served, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")


@pytest.fixture
def served() -> Iterator[Served]:
    """A server that lets clients hang for a second."""
    with serving(hang_seconds=1.0) as served:
        yield served


def test_a_connection_reset_resets_the_connection(served: Served) -> None:
    client = served.client()
    served.emulator.fault("artifact.query", kind="connection reset")
    with pytest.raises(ConnectionResetError):
        client.ask("GET", "/v2/lm/artifacts")
    client.close()
    assert client.ask("GET", "/v2/lm/artifacts").status == 200


def test_a_reset_after_processing_loses_the_answer_only(served: Served) -> None:
    client = served.client()
    served.emulator.fault("artifact.create", kind="connection reset", processed=True)
    body = {"name": "pictures", "kind": "dataset", "url": "ai://default/in", "scenarioId": "flowers"}
    with pytest.raises(ConnectionResetError):
        client.ask("POST", "/v2/lm/artifacts", body)
    client.close()
    assert client.ask("GET", "/v2/lm/artifacts/$count").text == "1"


def test_a_timeout_keeps_the_client_waiting_and_no_worker(served: Served) -> None:
    client = served.client()
    served.emulator.fault("artifact.query", kind="timeout", times=20)
    hanging = []
    token = client.headers["Authorization"].encode()
    for _ in range(20):
        connection = socket.create_connection(("127.0.0.1", served.server.port))
        connection.sendall(b"GET /v2/lm/artifacts HTTP/1.1\r\nHost: [::1]\r\nAuthorization: " + token + b"\r\n\r\n")
        hanging.append(connection)
    while sum(record.status == 0 for record in served.emulator.requests) < 20:
        time.sleep(0.01)
    assert client.ask("GET", "/v2/lm/artifacts").status == 200
    began = time.monotonic()
    for connection in hanging:
        with connection:
            connection.settimeout(20)
            with suppress(ConnectionError):  # the end comes, one way or the other, in bounded time
                connection.sendall(b"GET /v2/lm/artifacts HTTP/1.1\r\n\r\n")  # nobody hears it
                assert connection.recv(1) == b""
    assert time.monotonic() - began < 10


def test_a_client_that_gives_up_waiting_frees_its_connection(served: Served) -> None:
    client = served.client()
    served.emulator.fault("artifact.query", kind="timeout")
    client.close()
    client.timeout = 0.2
    with pytest.raises(TimeoutError):
        client.ask("GET", "/v2/lm/artifacts")
    client.close()
    client.timeout = 20
    assert client.ask("GET", "/v2/lm/artifacts").status == 200


def test_truncated_json_is_whole_http(served: Served) -> None:
    client = served.client()
    served.emulator.fault("scenario.query", kind="truncated json", processed=True)
    answer = client.ask("GET", "/v2/lm/scenarios")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["content-length"] == str(len(answer.body))
    with pytest.raises(json.JSONDecodeError):
        _ = answer.json
    whole = client.ask("GET", "/v2/lm/scenarios")
    assert whole.body.startswith(answer.body)
    assert len(whole.body) > len(answer.body)


def test_html_a_status_and_its_headers_arrive_as_they_are(served: Served) -> None:
    client = served.client()
    served.emulator.fault("scenario.query", kind="html")
    served.emulator.fault("artifact.query", status=429, retry_after=7)
    served.emulator.fault("execution.query", status=204)
    page = client.ask("GET", "/v2/lm/scenarios")
    assert (page.status, page.headers["content-type"]) == (200, "text/html")
    assert page.text.startswith("<!DOCTYPE html>")
    throttled = client.ask("GET", "/v2/lm/artifacts")
    assert (throttled.status, throttled.headers["retry-after"]) == (429, "7")
    empty = client.ask("GET", "/v2/lm/executions")
    assert (empty.status, empty.body) == (204, b"")
    assert "content-length" not in empty.headers
    assert client.ask("GET", "/v2/lm/executions").status == 200  # on the same connection
