"""When the emulator itself fails: the client gets AI Core's 500, a person a line, nobody what was sent; all goes on."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.emulator.api.handlers import artifacts
from tests.emulator.serve.servers import Client, serving
from tests.hostile import acting

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")

SECRET = "hunter2-but-longer"
ARTIFACT = {"name": "pictures", "kind": "dataset", "url": f"s3://{SECRET}/in", "scenarioId": "flowers"}
LINE = re.compile(
    r"pytest-aicore: (\w+ \S+) was answered 500 because of an error of the emulator itself:"
    r" (\w+) at pytest_aicore/emulator/api/handlers/artifacts\.py:\d+\. Please report it\.\n"
)


@pytest.fixture(autouse=True)
def answers_follow_the_specification() -> None:
    """Let the emulator fail, which fails any other test."""


@pytest.fixture
def break_artifacts(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """A function that lets every call about artifacts end in an exception."""

    def break_artifacts(error: BaseException) -> None:
        def fail(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(artifacts, "RegisteredArtifact", fail)
        monkeypatch.setattr(artifacts, "_filters", fail)

    return break_artifacts


ERRORS = [
    KeyError(SECRET),
    ValueError(f"no {SECRET}\n::error::x\x1b[2J"),
    RecursionError(SECRET),
    UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET),
    OSError(5, SECRET, SECRET),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_client_gets_an_error_of_ai_core_and_a_person_the_place(
    error: BaseException, break_artifacts: Callable[[BaseException], None], capfd: pytest.CaptureFixture[str]
) -> None:
    with serving() as served:
        client = served.client()
        break_artifacts(error)
        answer = client.ask("POST", "/v2/lm/artifacts", ARTIFACT)
        told = answer.json["error"]
        assert (answer.status, answer.headers["content-type"]) == (500, "application/json")
        assert (told["code"], told["message"], told["target"]) == (
            "01010000",
            "Internal Server Error",
            "/api/v2/artifacts",
        )
        assert sorted(told) == ["code", "message", "requestId", "target"]
        assert client.ask("GET", "/v2/lm/artifacts").json["error"]["requestId"] != told["requestId"]
        incidents = client.ask("GET", "/__aicore__/incidents")
        out, err = capfd.readouterr()
        assert out == ""
        assert [LINE.fullmatch(line).groups() for line in err.splitlines(keepends=True)] == [  # type: ignore[union-attr]
            ("POST /v2/lm/artifacts", type(error).__name__),
            ("GET /v2/lm/artifacts", type(error).__name__),
        ]
        assert [f"pytest-aicore: {each}" for each in incidents.json["incidents"]] == err.splitlines()
        for said in (answer.text, str(answer.headers), err, incidents.text):
            assert SECRET not in said


def test_the_server_goes_on_on_the_same_connection(
    monkeypatch: pytest.MonkeyPatch, break_artifacts: Callable[[BaseException], None]
) -> None:
    with serving() as served, monkeypatch.context() as broken:
        client = served.client()
        broken.setattr(artifacts, "RegisteredArtifact", lambda **_: [][0])
        before = client.connection.sock
        for _ in range(8):  # as many as all workers twice
            assert client.ask("POST", "/v2/lm/artifacts", ARTIFACT).status == 500
        broken.undo()
        assert client.connection.sock is before
        assert client.status(client.start()) == "UNKNOWN"
        assert served.client().ask("GET", "/v2/lm/artifacts/$count").text == "1"  # nothing is left of those that failed


def test_what_a_client_asks_for_does_not_act_in_the_log(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving() as served:
        client = served.client()
        monkeypatch.setattr(served.emulator.dispatcher, "_route", lambda _: [][0])
        path = f"/v2/lm/artifacts/%1B%5B2J%0A%3A%3Aerror%3A%3A%E2%80%AE?client_secret={SECRET}"
        assert client.ask("GET", path).status == 500
    err = capfd.readouterr().err
    assert err.startswith(r"pytest-aicore: GET /v2/lm/artifacts/\x1b[2J\n::error::\u202e was answered 500 because of ")
    assert err.count("\n") == 1
    assert acting(err) == []
    assert SECRET not in err


def test_a_client_is_answered_although_nobody_can_be_told(
    monkeypatch: pytest.MonkeyPatch, break_artifacts: Callable[[BaseException], None]
) -> None:
    class Full:
        encoding = "utf-8"

        def write(self, _: str) -> None:
            raise OSError(28, "No space left on device")

    with serving() as served:
        client = served.client()
        break_artifacts(KeyError("x"))
        monkeypatch.setattr(sys, "stderr", Full())
        assert client.ask("POST", "/v2/lm/artifacts", ARTIFACT).json["error"]["message"] == "Internal Server Error"


def test_a_test_fails_for_an_error_of_the_emulator_that_its_code_swallowed(
    pytester: pytest.Pytester, break_artifacts: Callable[[BaseException], None]
) -> None:
    pytester.makepyfile(
        """
        import json, urllib.error, urllib.request

        def test_it(aicore_client, aicore_server):
            request = urllib.request.Request(
                aicore_server.url + "/v2/lm/artifacts",
                headers={"Authorization": aicore_client.rest_client.get_token(), "AI-Resource-Group": "default"},
            )
            try:
                urllib.request.urlopen(request)
            except urllib.error.HTTPError as error:
                assert error.code == 500
        """
    )
    break_artifacts(KeyError(SECRET))
    result = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:cacheprovider", "-rN")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["GET /v2/lm/artifacts was answered 500 because of an error of the emulator itself: *"])
    assert SECRET not in result.stdout.str()


def test_a_stranger_gets_no_other_answer_than_a_client(
    break_artifacts: Callable[[BaseException], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also an error before anything is known of a client is answered, and what it did not yet do is not done."""
    with serving() as served:
        monkeypatch.setattr(served.emulator.dispatcher, "_route", lambda _: [][0])
        with Client(served.server.url, served.server.service_key) as client:
            assert client.ask_token().json["error"]["target"] == "/oauth/token"
        monkeypatch.undo()
        assert served.client().ask("GET", "/v2/lm/meta").status == 200


def test_an_error_where_answers_are_made_is_answered_by_the_gateway(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise KeyError(SECRET)

    with serving() as served:
        client = served.client()
        monkeypatch.setattr(served.server, "answer", fail)
        answer = client.ask("GET", "/v2/lm/meta")
        assert (answer.status, answer.text) == (500, "Internal Server Error")
        assert (answer.headers["server"], answer.headers["connection"]) == ("istio-envoy", "close")
        monkeypatch.undo()
        client.close()
        assert client.ask("GET", "/v2/lm/meta").status == 200
    assert capfd.readouterr() == ("", "")
