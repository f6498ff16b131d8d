"""What is no proper request gets an error or a closed connection, and leaves nothing behind.

Each test ends with `unharmed`: another client is served, nothing was created, nothing was written or logged that
would tell of an error inside.
"""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.serve.servers import Served, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")

LIMIT = 20.0
ARTIFACT = {"name": "pictures", "kind": "dataset", "url": "ai://default/in", "scenarioId": "flowers"}


@pytest.fixture
def served(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[Served]:
    """A server, and the check that what a test did to it has not harmed it."""
    before = threading.enumerate()
    with serving() as served:
        yield served
        unharmed(served)
        threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("waitress-")]
    assert len(threads) == 4
    assert capfd.readouterr() == ("", "")
    assert [record.getMessage() for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []
    left = [each for each in threading.enumerate() if each not in before]
    assert not [thread for thread in left if thread.name.startswith(("waitress-", "pytest-aicore"))]


def unharmed(served: Served) -> None:
    """Ask as a well-behaved client does, in reasonable time, and look for what should not be there."""
    began = time.monotonic()
    client = served.client()
    assert client.ask("GET", "/v2/lm/artifacts").json == {"count": 0, "resources": []}
    assert time.monotonic() - began < 5
    group = served.emulator.state.groups["default"]
    assert (len(group.configurations), len(group.executions), len(group.metrics)) == (0, 0, 0)
    assert served.emulator.incidents == []


def exchange(served: Served, sent: bytes, *, half_close: bool = False) -> bytes:
    """Send bytes and return all that comes until the server closes, or has answered with nothing left to say."""
    with socket.create_connection(("127.0.0.1", served.server.port), timeout=LIMIT) as connection:
        try:
            connection.sendall(sent)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            while data := connection.recv(65536):
                received += data
        except ConnectionError:
            return b""
    return received


def status_line(answer: bytes) -> bytes:
    return answer.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is not valid JSON"),
        (b"{", "the body is not valid JSON"),
        (b'{"name": "x",}', "the body is not valid JSON"),
        (b'\xff\xfe{"name"', "the body is not valid JSON"),
        (b'{"name": "\xc3\x28"}', "the body is not valid JSON"),
        (b"[" * 200_000, "the body is not valid JSON"),
        (b'{"a":' * 200_000, "the body is not valid JSON"),
        (b"[" * 500 + b"]" * 500, "the body must be an object"),
        (b"1" * 5000, "the body is not valid JSON"),
        (b"null", "the body must be an object"),
        (b"[]", "the body must be an object"),
        (b'"text"', "the body must be an object"),
        (json.dumps({**ARTIFACT, "name": "x" * 5_000_000}).encode(), "name must not be longer than 256 characters"),
        (json.dumps({**ARTIFACT, "labels": "x"}).encode(), "labels must be an array"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else "",
)
def test_a_body_that_is_none_of_an_artifact_is_a_bad_request(served: Served, body: bytes, message: str) -> None:
    answer = served.client().ask("POST", "/v2/lm/artifacts", body, {"Content-Type": "application/json"})
    error = answer.json["error"]
    assert (answer.status, error["message"]) == (400, f"Invalid Request, {message}")
    assert sorted(error) == ["code", "message", "requestId", "target"]


@pytest.mark.parametrize(
    "content_type", ["text/csv", "application/xml", "multipart/form-data", "", "nonsense", "a/b; ="]
)
def test_another_content_type_does_no_harm(served: Served, content_type: str) -> None:
    answer = served.client().ask("POST", "/v2/lm/artifacts", b"<artifact/>", {"Content-Type": content_type})
    assert answer.status in (400, 415)
    assert answer.json["error"]["message"].startswith("Invalid Request, ")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"GET http://[::1 HTTP/1.1\r\n\r\n",
        b"\x00" * 300 + b"\r\n\r\n",
        b"garbage\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9.9\r\n\r\n",
        b"GET /v2/lm/artifacts HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /v2/lm/artifacts HTTP/1.1\r\nA: b\rX: y\r\n\r\n",
        b"GET /v2/lm/artifacts HTTP/1.1\r\nA: b\nX: y\r\n\r\n",
        b"GET /v2/lm/artifacts HTTP/1.1\r\n: nameless\r\n\r\n",
        b"GET /v2/lm/artifacts HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"GET /v2/lm/artifacts HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n",
        b"GET /v2/lm/artifacts HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
        b"POST /v2/lm/artifacts HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
        b"POST /v2/lm/artifacts HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        b"GET /v2/lm/artifacts HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /v2/lm/artifacts HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n{}",
        b"POST /v2/lm/artifacts HTTP/1.1\r\nContent-Length: 140000000\r\n\r\n" + b"x" * 3_000_000,
    ],
    ids=lambda sent: sent[:60].decode("latin-1"),
)
def test_what_is_no_request_is_refused_and_the_connection_closed(served: Served, sent: bytes) -> None:
    began = time.monotonic()
    answer = exchange(served, sent)
    assert time.monotonic() - began < LIMIT / 2
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status_line(answer) in (
        b"HTTP/1.1 400 Bad Request",
        b"HTTP/1.1 413 Payload Too Large",
        b"HTTP/1.1 431 Request Header Fields Too Large",
        b"HTTP/1.1 501 Not Implemented",
    )
    assert body in (b"Bad Request", b"Payload Too Large", b"Request Header Fields Too Large", b"Not Implemented")
    assert {b"server: istio-envoy", b"content-type: text/plain", b"connection: close"} <= set(head.split(b"\r\n"))


@pytest.mark.parametrize(
    "first_line",
    [
        b"OPTIONS * HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"GET http://elsewhere.invalid/v2/lm/artifacts HTTP/1.1",
        b"GET //v2//lm//artifacts HTTP/1.1",
        b"GET /v2/lm/../../etc/passwd HTTP/1.1",
        b"GET /v2/lm/artifacts/%00%ff%c3%28 HTTP/1.1",
        b"GET /v2/lm/artifacts/\xff\xfe HTTP/1.1",
        b"GET /v2/lm/artifacts?$top=%ff&&&=&%=%%% HTTP/1.1",
        b"GET /v2/lm/artifacts/%0d%0aSet-Cookie:%20a=b HTTP/1.1",
        b"GET /v2/lm/artifacts?" + b"a=b&" * 10_000 + b" HTTP/1.1",
        b"FROBNICATE /v2/lm/artifacts HTTP/1.1",
        b"HEAD /v2/lm/artifacts HTTP/1.1",
        b"GET /v2/lm/artifacts HTTP/1.0",
        b"GET /v2/lm/artifacts",
        b"TRACE /v2/lm/artifacts HTTP/1.1",
        b"CONNECT elsewhere.invalid:443 HTTP/1.1",
    ],
)
@pytest.mark.parametrize("authorised", [True, False])
def test_an_odd_target_gets_an_answer_of_the_service(served: Served, first_line: bytes, authorised: bool) -> None:
    token = served.client().headers["Authorization"] if authorised else "Bearer \xff"
    answer = exchange(
        served,
        first_line + b"\r\nHost: [::1]\r\nConnection: close\r\nAuthorization: " + token.encode("latin-1") + b"\r\n\r\n",
    )
    assert status_line(answer).split(b" ")[1] in (b"200", b"400", b"401", b"404", b"405", b"501")
    assert b"server: istio-envoy" in answer
    assert b"\nset-cookie" not in answer.lower()
    # What is below `/v2/lm/` and unknown is a gap of the emulator, not a mistake of the client.
    served.emulator.take_incidents()


@pytest.mark.parametrize("value", ["default\x00", "däfault", "*", "../default", "x" * 5000, "default, team-a", "\t"])
def test_an_odd_resource_group_is_denied_or_none(served: Served, value: str) -> None:
    answer = served.client().ask("GET", "/v2/lm/artifacts", headers={"AI-Resource-Group": value})
    assert answer.status in (200, 400, 403)


def test_repeated_headers_and_ten_thousand_of_them_do_no_harm(served: Served) -> None:
    headers = b"".join(b"X-%d: y\r\n" % number for number in range(4000)) + b"AI-Resource-Group: default\r\n" * 50
    answer = exchange(served, b"GET /v2/lm/meta HTTP/1.1\r\nConnection: close\r\n" + headers + b"\r\n")
    assert status_line(answer) in (b"HTTP/1.1 401 Unauthorized", b"HTTP/1.1 431 Request Header Fields Too Large")


def test_garbage_of_all_kinds_is_survived(served: Served) -> None:
    dice = random.Random(4)
    proper = b"POST /v2/lm/artifacts HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    for _ in range(300):
        sent = bytearray(proper)
        for _ in range(dice.randint(1, 8)):
            sent[dice.randrange(len(sent))] = dice.randrange(256)
        answer = exchange(served, bytes(sent[: dice.randint(1, len(sent))]), half_close=True)
        assert answer == b"" or answer.startswith(b"HTTP/1.")
        served.emulator.take_incidents()


def test_a_half_closed_connection_still_gets_its_answer(served: Served) -> None:
    token = served.client().headers["Authorization"].encode()
    request = b"GET /v2/lm/artifacts HTTP/1.1\r\nHost: [::1]\r\nAuthorization: " + token + b"\r\n\r\n"
    for _ in range(50):
        answer = exchange(served, request, half_close=True)
        assert status_line(answer) == b"HTTP/1.1 200 OK"
        assert answer.endswith(b'{"count":0,"resources":[]}')


def test_a_request_that_breaks_off_creates_nothing(served: Served) -> None:
    token = served.client().headers["Authorization"].encode()
    body = json.dumps(ARTIFACT).encode()
    head = b"POST /v2/lm/artifacts HTTP/1.1\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n" % (token, len(body) + 1)
    for _ in range(20):
        assert exchange(served, head + body, half_close=True) == b""


def test_clients_that_leave_before_their_answer_do_no_harm(served: Served) -> None:
    for _ in range(100):
        with socket.create_connection(("127.0.0.1", served.server.port)) as connection:
            connection.sendall(b"GET /v2/lm/meta HTTP/1.1\r\nHost: [::1]\r\n\r\n" * 5)


def test_a_date_that_jumps_ends_no_connection(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    date = time.time
    for jump in (7200.0, 14400.0):
        with socket.create_connection(("127.0.0.1", served.server.port), LIMIT) as connection:
            connection.sendall(b"GET /v2/lm/meta HTTP/1.1\r\n")
            unharmed(served)
            monkeypatch.setattr(time, "time", lambda jump=jump: date() + jump)
            for _ in range(2):
                unharmed(served)
            connection.sendall(b"Host: [::1]\r\n\r\n")
            assert status_line(connection.recv(65536)) == b"HTTP/1.1 401 Unauthorized"


def test_slow_clients_keep_nobody_waiting(served: Served) -> None:
    with ExitStack() as stack:
        slow = []
        for number in range(300):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", served.server.port)))
            connection.sendall(
                b"POST /oauth/token HTTP/1.1\r\nHost: [::1]\r\nContent-Le"
                if number % 2
                else b"POST /oauth/token HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"
            )
            slow.append(connection)
        unharmed(served)
        for connection in slow[::2]:  # they come to their end after all
            connection.sendall(b"cde")
        for connection in slow[::2]:
            connection.settimeout(LIMIT)
            assert status_line(connection.recv(65536)) == b"HTTP/1.1 400 Bad Request"


def test_requests_in_one_go_are_answered_in_order(served: Served) -> None:
    token = served.client().headers["Authorization"].encode()
    one = b"GET /v2/lm/%s HTTP/1.1\r\nHost: [::1]\r\nAuthorization: " + token + b"\r\n%s\r\n"
    sent = one % (b"artifacts", b"") + one % (b"meta/versions", b"") + one % (b"nothing", b"Connection: close\r\n")
    answer = exchange(served, sent)
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"501"]
    served.emulator.take_incidents()


def test_clients_that_do_not_read_keep_no_worker(capfd: pytest.CaptureFixture[str]) -> None:
    with serving() as served, ExitStack() as stack:
        client = served.client()
        for _ in range(3000):
            assert client.ask("POST", "/v2/lm/artifacts", {**ARTIFACT, "description": "x" * 4900}).status == 201
        token = client.headers["Authorization"].encode()
        request = b"GET /v2/lm/artifacts HTTP/1.1\r\nHost: [::1]\r\nAuthorization: " + token + b"\r\n\r\n"
        address = ("127.0.0.1", served.server.port)
        deaf = [stack.enter_context(socket.create_connection(address, LIMIT)) for _ in range(6)]
        for connection in deaf:
            connection.sendall(request * 4)
        for connection in deaf:
            assert connection.recv(1) == b"H"  # an answer to each is on its way
        began = time.monotonic()
        assert client.ask("GET", "/v2/lm/artifacts/$count").text == "3000"
        assert len(client.ask("GET", "/v2/lm/artifacts").body) > 14_000_000
        assert time.monotonic() - began < LIMIT / 2
    assert capfd.readouterr() == ("", "")


def test_a_thousand_connections_at_once_are_all_answered(capfd: pytest.CaptureFixture[str]) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this process may open {hard} files: not enough for both ends of 1,000 connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        with serving() as served, ExitStack() as stack:
            token = served.client().headers["Authorization"].encode()
            request = b"GET /v2/lm/artifacts HTTP/1.1\r\nHost: [::1]\r\nAuthorization: " + token + b"\r\n\r\n"
            address = ("127.0.0.1", served.server.port)
            connections = [stack.enter_context(socket.create_connection(address, LIMIT)) for _ in range(1000)]
            for _ in range(2):  # each connection is kept
                for connection in connections:
                    connection.sendall(request)
                for connection in connections:
                    assert status_line(connection.recv(65536)) == b"HTTP/1.1 200 OK"
            unharmed(served)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert capfd.readouterr() == ("", "")


def test_clients_at_the_same_time_leave_one_consistent_state() -> None:
    with serving() as served:
        answers: list[dict[str, Any]] = []
        clients = [served.client() for _ in range(8)]

        def register(client: Any) -> None:
            answers.extend(client.ask("POST", "/v2/lm/artifacts", ARTIFACT).json for _ in range(25))

        threads = [threading.Thread(target=register, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        listed = clients[0].ask("GET", "/v2/lm/artifacts").json
        assert listed["count"] == 200
        assert sorted(each["id"] for each in listed["resources"]) == sorted(each["id"] for each in answers)
