"""Whatever a server does, a call ends in time and takes no more memory than an answer may."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import pytest
import requests

from pytest_aicore.training.clock import RealClock
from pytest_aicore.training.live import stop as stopping
from pytest_aicore.training.service import transport
from pytest_aicore.training.service.api import TrainingApi
from pytest_aicore.training.service.credentials import from_service_key
from pytest_aicore.training.service.failures import CallError, TokenRefusal
from pytest_aicore.training.service.sdk import make_client, make_patient_client
from pytest_aicore.training.service.tokens import Tokens
from tests.training.live.sessions.hostile import Hostile
from tests.training.live.sessions.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_aicore.training.service.credentials import Credentials
    from tests.training.live.sessions.conftest import Service

SECONDS = 0.25
BYTES = 256 * 1024
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = b'{"id": "e1", "message": "Execution scheduled", "status": "UNKNOWN", "access_token": "t", "expires_in": 9}'


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "CALL_SECONDS", SECONDS)
    monkeypatch.setattr(transport, "PAGE_SECONDS", SECONDS)
    monkeypatch.setattr(transport, "_GRACE", 0.1)
    monkeypatch.setattr(transport, "ANSWER_BYTES", BYTES)
    monkeypatch.setattr(transport, "PAGE_BYTES", BYTES)
    monkeypatch.setattr(transport, "TOKEN_BYTES", BYTES)
    monkeypatch.setattr(transport, "_HEAD_BYTES", BYTES)


def credentials_of(port: int, scheme: str = "http", host: str = "127.0.0.1") -> Credentials:
    key = {
        "clientid": "id",
        "clientsecret": "s3cr3t",
        "url": f"{scheme}://{host}:{port}",
        "serviceurls": {"AI_API_URL": f"{scheme}://{host}:{port}"},
    }
    return from_service_key(key, "test")


def api_of(credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> TrainingApi:
    """Return the calls of runs, with a token that nobody has to ask for."""
    monkeypatch.setattr(Tokens, "__call__", lambda _: "Bearer t")
    return TrainingApi(lambda: make_patient_client(credentials, "default"))


def running_calls() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "pytest-aicore call"]


def each_byte(text: bytes) -> Iterable[bytes]:
    return (text[number : number + 1] for number in range(len(text)))


SLOW: dict[str, Callable[[], Iterable[bytes]]] = {
    "silence": lambda: repeat(b""),
    "status line": lambda: each_byte(HEAD),
    "headers": lambda: chain([HEAD], repeat(b"X-More: 1\r\n")),
    "one header": lambda: chain([HEAD, b"X-More: "], repeat(b"1")),
    "body": lambda: chain([HEAD + b"Content-Length: 5000\r\n\r\n"], repeat(b" ")),
    "body without length": lambda: chain([HEAD + b"\r\n"], repeat(b" ")),
    "chunks": lambda: chain([CHUNKED], repeat(b"1\r\n \r\n")),
    "size of a chunk": lambda: chain([CHUNKED], repeat(b"0")),
    "trailers": lambda: chain([CHUNKED + b"0\r\n"], repeat(b"X-More: 1\r\n")),
    "100 Continue": lambda: repeat(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "packed": lambda: chain(
        [HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5000\r\n\r\n"], each_byte(gzip.compress(WHOLE)), repeat(b"")
    ),
}
CALLS: dict[str, Callable[[TrainingApi], Any]] = {
    "start": lambda api: api.start_execution("c1"),
    "stop": lambda api: api.stop("e1"),
    "delete": lambda api: api.delete("e1"),
    "get": lambda api: api.execution("e1"),
    "list": lambda api: api.page(["x"], 1),
    "metrics": lambda api: api.metrics("e1"),
    "secrets": lambda api: api.docker_registry_secrets(),
}


@pytest.mark.parametrize("slow", SLOW)
def test_no_answer_takes_longer_than_a_call_may(slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Hostile(SLOW[slow], pause=0.02) as server:
        api = api_of(credentials_of(server.port), monkeypatch)
        began = time.monotonic()
        with pytest.raises(CallError) as caught:
            api.start_execution("c1")
        assert SECONDS * 0.9 < time.monotonic() - began < SECONDS + 3
    assert str(caught.value) == (
        f"could not start an execution of configuration c1 at http://127.0.0.1:{server.port}/v2/lm: CallTooLongError"
        f" (no complete answer within {SECONDS} s). Try again later."
    )
    assert (caught.value.transient, caught.value.in_doubt) == (True, True)
    assert server.connections == 1  # nobody has asked twice
    wait_until(lambda: not running_calls(), "the end of the abandoned call, and of its connection")


@pytest.mark.parametrize("call", CALLS)
def test_every_call_has_a_limit(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Hostile(SLOW["body"], pause=0.02) as server:
        api = api_of(credentials_of(server.port), monkeypatch)
        with pytest.raises(CallError, match=rf"CallTooLongError \(no complete answer within {SECONDS} s\)"):
            CALLS[call](api)


def test_calls_that_belong_together_have_a_limit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stops an execution is not held up by one call for longer than all of it may take."""
    monkeypatch.setattr(transport, "CALL_SECONDS", 30.0)
    monkeypatch.setattr(stopping, "PATIENCE", SECONDS)
    monkeypatch.setattr(stopping, "_LEAST", 0.0)
    with Hostile(SLOW["body"], pause=0.02) as server:
        api = api_of(credentials_of(server.port), monkeypatch)
        began = time.monotonic()
        with pytest.raises(CallError, match=r"could not stop the execution e1 .*no complete answer within 0\.2\d* s\)"):
            stopping.stop_execution(api, RealClock(), "e1")
        assert time.monotonic() - began < SECONDS + 3
    assert transport.current() is None


@pytest.mark.parametrize("slow", ["silence", "headers", "body", "100 Continue"])
def test_token_has_a_limit(slow: str) -> None:
    with Hostile(SLOW[slow], pause=0.02) as server:
        api = TrainingApi(lambda: make_patient_client(credentials_of(server.port), "default"))
        began = time.monotonic()
        with pytest.raises(CallError) as caught:
            api.execution("e1")
        assert time.monotonic() - began < SECONDS + 3
    assert str(caught.value) == (
        f"could not get the execution e1 at http://127.0.0.1:{server.port}/v2/lm: no token (CallTooLongError: no"
        f" complete answer within {SECONDS} s). Try again later."
    )
    assert not caught.value.in_doubt


def test_name_that_is_looked_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can interrupt it: the call is abandoned, and sends nothing when the lookup ends."""
    may_answer, asked = threading.Event(), threading.Event()
    look_up = socket.getaddrinfo

    def slowly(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "slow.invalid":
            asked.set()
            may_answer.wait(20)
            host = "127.0.0.1"
        return look_up(host, *args, **kwargs)

    with Hostile(lambda: [HEAD + b"Content-Length: 2\r\n\r\n{}"]) as server:
        api = api_of(credentials_of(server.port, host="slow.invalid"), monkeypatch)
        monkeypatch.setattr(socket, "getaddrinfo", slowly)
        with pytest.raises(CallError, match=rf"CallTooLongError \(no complete answer within {SECONDS} s\)"):
            api.start_execution("c1")
        assert asked.is_set()
        left = running_calls()
        may_answer.set()
        for thread in left:
            thread.join(5)
        assert left
        assert not any(thread.is_alive() for thread in left)
        received = server.connections
    assert received <= 1


@pytest.mark.parametrize("slow", ["silence", "status line"])
def test_handshake_has_a_limit(slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Hostile(SLOW[slow], pause=0.02, listens=False) as server:
        api = api_of(credentials_of(server.port, "https"), monkeypatch)
        began = time.monotonic()
        with pytest.raises(CallError) as caught:
            api.start_execution("c1")
        assert time.monotonic() - began < SECONDS + 3
    assert caught.value.transient


@pytest.mark.parametrize("slow", ["silence", "headers", "100 Continue"])
def test_proxy_has_a_limit(slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Hostile(SLOW[slow], pause=0.02) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.port}")
        monkeypatch.setenv("NO_PROXY", "")
        api = api_of(credentials_of(443, "https", "api.invalid"), monkeypatch)
        began = time.monotonic()
        with pytest.raises(CallError) as caught:
            api.start_execution("c1")
        assert time.monotonic() - began < SECONDS + 3
    assert caught.value.transient


def packed(head: bytes, body: bytes) -> bytes:
    if b"chunked" in head:
        return HEAD + head + b"\r\n" + body
    return HEAD + head + b"Content-Length: %d\r\n\r\n" % len(body) + body


MANY_ZEROS = b"0" * (32 * 1024 * 1024)
TOO_LARGE = f"AnswerTooLargeError (the answer is larger than {BYTES / 1024 / 1024:g} MiB). Try again later."
LARGE: dict[str, tuple[Callable[[], Iterable[bytes]], str]] = {
    "gzip": (lambda: [packed(b"Content-Encoding: gzip\r\n", gzip.compress(MANY_ZEROS, 1))], TOO_LARGE),
    "x-gzip": (lambda: [packed(b"Content-Encoding: X-GZIP\r\n", gzip.compress(MANY_ZEROS, 1))], TOO_LARGE),
    "deflate": (lambda: [packed(b"Content-Encoding: deflate\r\n", zlib.compress(MANY_ZEROS, 1))], TOO_LARGE),
    "plain": (lambda: [packed(b"", MANY_ZEROS)], TOO_LARGE),
    "without an end": (lambda: chain([HEAD + b"\r\n"], repeat(b" " * 65536)), TOO_LARGE),
    "chunks": (lambda: chain([CHUNKED], repeat(b"ffff\r\n" + b" " * 0xFFFF + b"\r\n")), TOO_LARGE),
    "size of a chunk": (lambda: chain([CHUNKED], repeat(b"0" * 65536)), TOO_LARGE),
    "trailers": (lambda: chain([CHUNKED + b"0\r\n"], repeat(b"X-More: 1\r\n" * 500)), TOO_LARGE),
    "100 Continue": (lambda: repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 200), TOO_LARGE),
    "twice packed": (
        lambda: [packed(b"Content-Encoding: gzip, gzip\r\n", gzip.compress(gzip.compress(MANY_ZEROS, 1), 1))],
        "ContentDecodingError (the answer has the encoding 'gzip, gzip', which was not requested). Try again later.",
    ),
    "br": (
        lambda: [packed(b"Content-Encoding: br\r\n", b"1234")],
        "ContentDecodingError (the answer has the encoding 'br', which was not requested). Try again later.",
    ),
    "cut off": (
        lambda: [packed(b"Content-Encoding: gzip\r\n", gzip.compress(WHOLE)[:-9])],
        "ContentDecodingError (the answer cannot be decompressed: it is cut off). Try again later.",
    ),
}


@pytest.mark.parametrize("large", LARGE)
def test_no_answer_takes_more_memory_than_it_may(large: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "CALL_SECONDS", 20.0)
    pieces, said = LARGE[large]
    made = (
        list(pieces())
        if large not in ("without an end", "chunks", "size of a chunk", "trailers", "100 Continue")
        else []
    )
    with Hostile(lambda: made or pieces()) as server:
        api = api_of(credentials_of(server.port), monkeypatch)
        with pytest.raises(CallError):
            api.execution("e1")  # what is imported late is not counted
        tracemalloc.start()
        with pytest.raises(CallError) as caught:
            api.execution("e1")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert caught.value.transient
    if large != "size of a chunk":  # newer versions of urllib3 have a limit of their own for that
        assert str(caught.value) == f"could not get the execution e1 at http://127.0.0.1:{server.port}/v2/lm: {said}"
        assert caught.value.is_unreadable
    assert most < 4 * 1024 * 1024


@pytest.mark.parametrize(
    "answer",
    [
        packed(b"Content-Encoding: gzip\r\n", b"no gzip at all"),
        packed(b"Content-Encoding: gzip\r\n", b""),
        packed(b"", b"[" * 100_000),
        packed(b"", b'{"a":' * 100_000),
        packed(b"", b"[]" + b" " * 100),
        packed(b"", b"null"),
        HEAD + b"X-Large: " + b"x" * 70_000 + b"\r\n\r\n",
        HEAD + b"X-Many: 1\r\n" * 200 + b"\r\n",
        b"HTTP/9.9 no status\r\n\r\n",
        b"no HTTP at all\r\n\r\n",
        b"",
    ],
    ids=lambda answer: repr(answer[-20:]),
)
def test_what_cannot_be_read_is_an_error_of_the_call(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "CALL_SECONDS", 20.0)
    with Hostile(lambda: [answer]) as server:
        api = api_of(credentials_of(server.port), monkeypatch)
        with pytest.raises(CallError, match=r"^could not get the execution e1 at http://127\.0\.0\.1:") as caught:
            api.execution("e1")
    assert caught.value.transient


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (b"", WHOLE),
        (b"Transfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(WHOLE), WHOLE)),
        (b"Content-Encoding: identity\r\n", WHOLE),
        (b"Content-Encoding: gzip\r\n", gzip.compress(WHOLE)),
        (b"Content-Encoding: deflate\r\n", zlib.compress(WHOLE)),
    ],
    ids=["plain", "chunked", "identity", "gzip", "deflate"],
)
def test_answers_that_keep_the_limit_are_read(encoding: bytes, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "CALL_SECONDS", 20.0)
    with Hostile(lambda: [packed(encoding, body)]) as server:
        assert Tokens(credentials_of(server.port))() == "Bearer t"
        assert api_of(credentials_of(server.port), monkeypatch).start_execution("c1").id == "e1"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_token_follows_no_redirect(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "CALL_SECONDS", 20.0)
    with Hostile(lambda: [packed(b"", WHOLE)]) as elsewhere:
        answer = f"HTTP/1.1 {status} x\r\nLocation: http://127.0.0.1:{elsewhere.port}/\r\nContent-Length: 0\r\n\r\n"
        with Hostile(lambda: [answer.encode()]) as server:
            api = api_of(credentials_of(server.port), monkeypatch)
            with pytest.raises(CallError, match=rf"empty answer \(HTTP {status}\)\. Try again later\.$") as caught:
                api.start_execution("c1")
            assert (caught.value.transient, caught.value.in_doubt) == (True, True)
            with pytest.raises(TokenRefusal):
                transport_token(server.port)
        assert elsewhere.connections == 0


def transport_token(port: int) -> None:
    Tokens(credentials_of(port))._ask()


def test_clients_of_users_stay_as_the_sdk_has_them(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A patient client is made in the same process; another one, and requests itself, know of no limit."""
    monkeypatch.setattr(transport, "CALL_SECONDS", 20.0)
    credentials = from_service_key(service.server.service_key, "test")
    TrainingApi(lambda: make_patient_client(credentials, "default")).scenarios()
    monkeypatch.setattr(transport, "CALL_SECONDS", 0.0)
    monkeypatch.setattr(transport, "ANSWER_BYTES", 0)
    service.emulator.fault("scenario.query", status=503, times=1, attempts=2)
    assert make_client(credentials, "default").scenario.query().count  # asked three times, by the SDK itself
    assert requests.get(f"{service.server.url}/v2/lm/scenarios", timeout=5).status_code == 401
