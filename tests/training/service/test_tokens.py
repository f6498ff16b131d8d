"""Tokens: one serves many calls and threads, a new one comes in time, and a refusal says whether to ask again."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.redact import redact
from pytest_aicore.training.clock import RealClock
from pytest_aicore.training.service.credentials import from_service_key
from pytest_aicore.training.service.failures import TokenRefusal
from pytest_aicore.training.service.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator import Emulator

SHORT = 0.2
"""Seconds in which something would have happened that must not."""


@pytest.fixture
def tokens(emulator: Emulator) -> Tokens:
    return Tokens(from_service_key(emulator.service_key, "test"))


def asked(emulator: Emulator) -> list[Any]:
    return [record for record in emulator.requests if record.operation.startswith("token")]


def refusal(tokens: Tokens) -> TokenRefusal:
    with pytest.raises(TokenRefusal) as caught:
        tokens()
    return caught.value


def answering(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> None:
    """Let the service's answers be changed before somebody gets them."""
    answer = emulator.handle
    monkeypatch.setattr(emulator, "handle", lambda request: change(answer(request)))


def test_one_token_serves_many_calls(tokens: Tokens, emulator: Emulator) -> None:
    before = tokens.token
    first = tokens()
    assert before is None
    assert first.startswith("Bearer eyJ")
    assert tokens() == tokens() == first == tokens.token
    (request,) = asked(emulator)
    assert (request.method, request.path) == ("POST", "/oauth/token")


def test_nothing_shows_the_token(tokens: Tokens) -> None:
    tokens()
    assert repr(tokens) == "<Tokens>"
    assert repr(tokens.token) == repr(tokens()) == "'***'"


@pytest.mark.parametrize(
    ("lifetime", "serves"),
    [(43200, 38880), (610, 549), (600, 540), (300, 240), (120, 60), (100, 50), (30, 15), (0, 0)],
)
def test_a_new_token_comes_before_the_old_one_ends(
    tokens: Tokens, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, lifetime: float, serves: float
) -> None:
    now = [1000.0]
    monkeypatch.setattr(RealClock, "monotonic", lambda _: now[0])
    for name in "abc":
        emulator.fault("token", status=200, body={"access_token": name, "expires_in": lifetime})
    assert tokens() == "Bearer a"
    if serves:
        now[0] += serves - 0.001
        assert tokens() == "Bearer a"
        now[0] += 0.001
    assert tokens() == "Bearer b"
    now[0] += serves
    assert tokens() == tokens.token == "Bearer c"


@pytest.mark.parametrize("lifetime", ["120", 120.0])
def test_lifetime_may_be_written_in_any_way(tokens: Tokens, emulator: Emulator, lifetime: object) -> None:
    emulator.fault("token", status=200, body={"access_token": "a", "expires_in": lifetime})
    assert tokens() == tokens() == "Bearer a"


def test_threads_that_ask_at_once_get_the_same_token(
    tokens: Tokens, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go = threading.Semaphore(0), threading.Event()

    def change(response: Any) -> Any:
        entered.release()
        assert go.wait(10)
        return response

    answering(emulator, monkeypatch, change)
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(tokens())) for _ in range(2)]
    threads[0].start()
    assert entered.acquire(timeout=10)
    threads[1].start()
    assert not entered.acquire(timeout=SHORT)
    go.set()
    for thread in threads:
        thread.join(10)
    assert len(asked(emulator)) == 1
    assert got == [tokens()] * 2


@pytest.mark.parametrize(
    ("status", "transient"),
    [
        (400, False),
        (401, False),
        (403, False),
        (404, True),
        (407, False),
        (408, True),
        (425, True),
        (428, False),
        (429, True),
        (498, False),
        (499, True),
        (500, True),
        (503, True),
        (599, True),
        (201, False),
        (302, True),
    ],
)
def test_refusals_are_sorted_by_their_status(
    tokens: Tokens, emulator: Emulator, status: int, *, transient: bool
) -> None:
    emulator.fault("token", status=status, body="no token today")
    error = refusal(tokens)
    assert str(error) == f"HTTP {status}: no token today"
    assert (error.status, error.transient, error.retry_after) == (status, transient, None)
    assert tokens.token is None
    assert tokens() == tokens.token


@pytest.mark.parametrize(
    ("body", "transient"),
    [({"error": "none"}, False), ([], True), ("none", True), (b"", True), ("[" * 100_000, True), ("null", True)],
    ids=["object", "list", "text", "nothing", "deep", "null"],
)
def test_only_who_answers_with_an_object_says_that_there_is_no_such_endpoint(
    tokens: Tokens, emulator: Emulator, body: Any, *, transient: bool
) -> None:
    emulator.fault("token", status=404, body=body)
    assert refusal(tokens).transient is transient


def test_what_is_secret_is_known_as_such_from_then_on(emulator: Emulator) -> None:
    key = {**emulator.service_key, "clientsecret": "t0ken-Sec3t-of-a-test"}
    tokens = Tokens(from_service_key(key, "test"))
    assert redact("saw t0ken-Sec3t-of-a-test") == "saw ***"
    emulator.fault("token", status=200, body={"access_token": "0paque-t0ken-of-a-test", "expires_in": 60})
    assert tokens() == "Bearer 0paque-t0ken-of-a-test"
    assert redact("saw 0paque-t0ken-of-a-test") == "saw ***"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "Wed, 21 Oct 2105 07:28:10 GMT", "date": "Wed, 21 Oct 2105 07:28:00 GMT"}, 10),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_time_to_come_again_is_told(
    tokens: Tokens,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
    seconds: float | None,
) -> None:
    answering(emulator, monkeypatch, lambda response: replace(response, headers={**response.headers, **headers}))
    emulator.fault("token", status=503)
    assert refusal(tokens).retry_after == seconds


@pytest.mark.parametrize(("kind", "name"), [("connection reset", "ConnectionError"), ("timeout", "ReadTimeout")])
def test_token_service_that_does_not_answer_may_be_asked_again(
    tokens: Tokens, emulator: Emulator, kind: Any, name: str
) -> None:
    emulator.fault("token", kind=kind)
    error = refusal(tokens)
    assert str(error).startswith(f"{name}: ")
    assert (error.status, error.transient, error.retry_after) == (None, True, None)
    assert error.__cause__ is None


@pytest.mark.parametrize(
    "body",
    [
        "<html>", "null", "7", "[]", "{}", '{"access_token": "a"}', '{"expires_in": 60}',
        '{"access_token": "a", "expires_in": "soon"}', '{"access_token": "a", "expires_in": null}',
    ],
)  # fmt: skip
def test_answer_that_is_no_token_cannot_be_read(tokens: Tokens, emulator: Emulator, body: str) -> None:
    emulator.fault("token", status=200, body=body)
    error = refusal(tokens)
    assert str(error) == "the answer cannot be read"
    assert (error.status, error.transient, error.retry_after) == (None, True, None)
    assert tokens.token is None


def test_redirection_is_not_followed(tokens: Tokens, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret is sent to nobody but whom the service key names."""

    def change(response: Any) -> Any:
        location = f"{emulator.auth_url}/oauth/token"
        return replace(response, status=307, headers={**response.headers, "location": location})

    answering(emulator, monkeypatch, change)
    assert refusal(tokens).status == 307
    assert len(asked(emulator)) == 1


# Who asks -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is sent, with the certificates that lie there meanwhile."""
    import requests

    caught: list[Any] = []
    send = requests.Session.send

    def look(self: Any, request: Any, **how: Any) -> Any:
        cert = how.get("cert")
        caught.append((request, [Path(file).read_text() for file in cert] if cert else None, cert, how))
        return send(self, request, **how)

    monkeypatch.setattr(requests.Session, "send", look)
    return caught


def test_secret_is_sent_in_a_form(tokens: Tokens, emulator: Emulator, sent: list[Any]) -> None:
    from urllib.parse import parse_qs

    tokens()
    ((request, certificates, _, _),) = sent
    key = emulator.service_key
    assert request.url == f"{key['url']}/oauth/token"
    assert parse_qs(str(request.body)) == {
        "grant_type": ["client_credentials"],
        "client_id": [str(key["clientid"])],
        "client_secret": [str.__str__(key["clientsecret"])],
    }
    assert certificates is None


def key_with(emulator: Emulator, **certificate: Any) -> Tokens:
    return Tokens(replace(from_service_key(emulator.service_key, "test"), client_secret=None, **certificate))


def test_certificate_files_are_used_as_they_are(emulator: Emulator, sent: list[Any], tmp_path: Path) -> None:
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    certificate.write_text("certificate")
    key.write_text("key")
    tokens = key_with(emulator, cert_file_path=str(certificate), key_file_path=str(key))
    assert tokens().startswith("Bearer eyJ")
    ((request, certificates, cert, _),) = sent
    assert certificates == ["certificate", "key"]
    assert cert == (str(certificate), str(key))
    assert "client_secret" not in request.body
    assert "client_id=" in request.body


def test_certificate_that_is_no_file_lies_in_one_for_as_long_as_it_is_needed(
    emulator: Emulator, sent: list[Any]
) -> None:
    tokens = key_with(emulator, cert_str="certificate", key_str="key")
    assert tokens().startswith("Bearer eyJ")
    ((request, certificates, cert, _),) = sent
    assert certificates == ["certificate", "key"]
    assert not any(Path(file).exists() for file in cert)
    assert not Path(cert[0]).parent.exists()
    assert "client_secret" not in request.body


def test_certificate_files_that_somebody_removes_are_no_trouble(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests

    send = requests.Session.send

    def remove(self: Any, request: Any, **how: Any) -> Any:
        shutil.rmtree(Path(how["cert"][0]).parent)
        return send(self, request, **how)

    monkeypatch.setattr(requests.Session, "send", remove)
    assert key_with(emulator, cert_str="certificate", key_str="key")().startswith("Bearer eyJ")


def test_certificate_that_is_not_there_is_not_asked_for_again(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import requests

    missing = OSError(f"Could not find the TLS certificate file, invalid path: {tmp_path / 'c.pem'}")

    def refuse(*_: object, **__: object) -> Any:
        raise missing

    monkeypatch.setattr(requests.Session, "send", refuse)
    tokens = key_with(emulator, cert_file_path=str(tmp_path / "c.pem"), key_file_path=str(tmp_path / "k.pem"))
    error = refusal(tokens)
    assert str(error) == str(missing)
    assert (error.status, error.transient) == (None, False)
