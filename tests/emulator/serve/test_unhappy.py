"""What rarely happens to a server, and must not end it: clients that vanish, folders that do, limits, no packages."""

from __future__ import annotations

import builtins
import os
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from pytest_aicore.cli import main
from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.serve.server import Server
from pytest_aicore.emulator.serve.workflow_folder import WatchedFolder
from pytest_aicore.errors import EmulatorError
from tests.emulator.serve.servers import Served, serving, workflows_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

sockets = pytest.importorskip("pytest_aicore.http.sockets", reason="the server is an extra")

LIMIT = 20.0
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


@pytest.fixture
def served(capfd: pytest.CaptureFixture[str]) -> Iterator[Served]:
    """A server that goes on, and has nothing to say, whatever a test does to it."""
    with serving() as served:
        yield served
        assert served.client().ask("GET", "/v2/lm/meta").status == 200
    assert capfd.readouterr() == ("", "")


def talk(served: Served, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", served.server.port), timeout=LIMIT) as connection:
        connection.sendall(sent)
        received = b""
        while data := connection.recv(65536):
            received += data
        return received


def test_an_old_client_that_asks_to_keep_its_connection_may_ask_again(served: Served) -> None:
    kept = b"GET /v2/lm/meta HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    answers = talk(served, kept + kept + b"GET /v2/lm/meta HTTP/1.0\r\n\r\n").split(b"HTTP/1.0 ")[1:]
    assert [answer[:3] for answer in answers] == [b"401"] * 3
    assert [b"\r\nconnection: keep-alive\r\n" in answer for answer in answers] == [True, True, False]
    assert b"\r\nconnection: close\r\n" in answers[2]


@pytest.mark.parametrize(("status", "line"), [(299, b"299 Unknown"), (520, b"520 Unknown"), (599, b"599 Unknown")])
def test_a_status_that_nobody_named_has_a_phrase_all_the_same(served: Served, status: int, line: bytes) -> None:
    served.emulator.fault("token", status=status, body="odd")
    request = b"POST /oauth/token HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    answer = talk(served, request)
    assert answer.startswith(b"HTTP/1.1 " + line + b"\r\n")
    assert answer.endswith(b"\r\n\r\nodd")


def test_a_target_that_is_no_ascii_is_one_that_is_escaped(served: Served) -> None:
    token = served.client().headers["Authorization"].encode()
    for sent in (b"/v2/lm/artifacts/\xc3\xa9", b"/v2/lm/artifacts/%C3%A9"):
        head = (
            b"GET " + sent + b" HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\nAuthorization: " + token + b"\r\n\r\n"
        )
        assert talk(served, head).startswith(b"HTTP/1.1 400 ")
    assert {record.path for record in served.emulator.requests} == {"/oauth/token", "/v2/lm/artifacts/é"}


def test_a_client_that_resets_its_connection_harms_nobody(served: Served) -> None:
    for sent in (
        b"",
        b"GET /v2/lm/meta HTT",
        b"GET /v2/lm/meta HTTP/1.1\r\nHost: [::1]\r\n\r\n",
        b"nonsense\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", served.server.port), timeout=LIMIT) as connection:
            connection.sendall(sent)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)


def test_who_waits_for_a_server_learns_whether_it_has_ended() -> None:
    server = Server(Emulator())
    assert server.wait(0) is True  # it has not begun
    with server:
        assert server.wait(0) is False
        assert repr(server) == f"<Server of {server.emulator!r} at {server.url}>"
    assert server.wait(0) is True
    server.stop()  # twice is once
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT)


def test_a_server_that_is_not_ready_in_time_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets.Listener, "open", lambda self, deadline: False)
    server = Server(Emulator())
    with pytest.raises(EmulatorError) as raised:
        server.start()
    assert str(raised.value) == f"The server at {server.url} was not ready within 5 seconds."
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT)
    assert not [each for each in threading.enumerate() if each.name.startswith("waitress-")]


def test_a_program_whose_server_has_ended_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pytest_aicore.cli.serve.select.select", lambda *_: ([], [], []))
    monkeypatch.setattr(Server, "wait", lambda self, seconds: True)
    assert main(["serve", "--no-page"]) == 2
    written = capsys.readouterr()
    url = written.out.split()[-1]
    assert written.err == f"pytest-aicore: The server at {url} has stopped by itself. Please report it.\n"


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
@pytest.mark.parametrize(("soft", "hard", "asked"), [(256, 100_000, [8192]), (256, 1024, [1024]), (9000, 9000, [])])
def test_the_program_asks_for_as_many_connections_as_it_may_have(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], soft: int, hard: int, asked: list[int]
) -> None:
    import resource

    set_to: list[int] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: set_to.append(limits[0]))
    monkeypatch.setattr("pytest_aicore.cli.serve.select.select", lambda *_: ([], [], []))
    monkeypatch.setattr(Server, "wait", lambda self, seconds: True)
    assert main(["serve"]) == 2
    assert set_to == asked


def test_a_package_that_is_missing_inside_is_not_taken_for_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "pytest_aicore.http.sockets":
            raise ModuleNotFoundError("No module named 'elsewhere'", name="elsewhere")
        return real(name, *rest)

    server = Server(Emulator())
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError, match="elsewhere"):
        server.start()
    server.stop()


def test_a_service_key_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    server = Server(Emulator())
    try:
        with pytest.raises(EmulatorError, match="The service key file was not written yet"):
            _ = server.service_key_file
        (tmp_path / "key.json").mkdir()
        with pytest.raises(EmulatorError) as raised:
            server.write_service_key(tmp_path / "key.json")
        assert str(raised.value).startswith(f"The service key file '{tmp_path / 'key.json'}' cannot be written: ")
        assert [path.name for path in tmp_path.iterdir()] == ["key.json"]
        with pytest.raises(EmulatorError, match="The service key file was not written yet"):
            _ = server.service_key_file
    finally:
        server.stop()


def test_a_workflows_folder_that_goes_and_comes_is_followed(tmp_path: Path) -> None:
    told: list[str] = []
    emulator = Emulator()
    folder = workflows_folder(tmp_path)
    watched = WatchedFolder(emulator, folder, told.append)
    watched.synchronise()
    elsewhere = folder.rename(tmp_path / "elsewhere")
    watched.synchronise()
    assert emulator.state.published == {}
    assert told[0].startswith(f"The workflows folder '{folder}' does not exist")
    assert told[1] == "Withdrew: 'train-flowers'."
    elsewhere.rename(folder)
    watched.synchronise()
    assert list(emulator.state.published) == ["train-flowers"]


@pytest.mark.parametrize("name", ["start", "end"])
@pytest.mark.parametrize("moment", ["yesterday", "2025-13-01T00:00:00Z", "1e400", "\x00"])
def test_logs_since_no_moment_are_a_bad_request(served: Served, name: str, moment: str) -> None:
    client = served.client()
    answer = client.ask("GET", f"/v2/lm/executions/{client.start()}/logs?{urlencode({name: moment})}")
    assert (answer.status, answer.json["error"]["message"]) == (400, f"Invalid Request, {name} must be a date-time")


@pytest.mark.parametrize("credentials", ["%%%", "bm8gY29sb24", "/w==", ""])
def test_credentials_that_nobody_can_read_are_bad_ones(served: Served, credentials: str) -> None:
    form = {"Authorization": f"Basic {credentials}", "Content-Type": "application/x-www-form-urlencoded"}
    answer = served.stranger().ask("POST", "/oauth/token", b"grant_type=client_credentials", form)
    assert (answer.status, answer.json) == (
        401,
        {"error": "invalid_client", "error_description": "Bad credentials"},
    )
