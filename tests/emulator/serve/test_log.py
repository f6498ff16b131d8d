"""What operators ask and read: `/health`, `/ready`, and a line for each request."""

from __future__ import annotations

import json
import re
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.emulator.serve.log import Log
from tests.emulator.serve.servers import Program, serving, workflows_folder

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def test_health_and_readiness_need_no_token() -> None:
    with serving() as served:
        client = served.stranger()
        for path, status in (("/health", "up"), ("/ready", "ready")):
            answer = client.ask("GET", path)
            assert (answer.status, answer.json) == (200, {"status": status})
            assert answer.headers["cache-control"] == "no-store"
            assert client.ask("HEAD", path).status == 200
            assert (client.ask("POST", path).status, client.ask("POST", path).headers["allow"]) == (405, "GET, HEAD")
        assert list(served.emulator.requests) == []


def test_readiness_waits_for_its_turn_and_health_does_not() -> None:
    with serving() as served:
        got: list[int] = []
        asking = threading.Thread(target=lambda: got.append(served.stranger().ask("GET", "/ready").status))
        with served.emulator.lock:
            asking.start()
            assert served.stranger().ask("GET", "/health").status == 200
            assert got == []
        asking.join()
        assert got == [200]


def test_each_request_is_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(log=Log("json"), admin_token="an-administrator-s-token") as served:
        client = served.client()
        sent = {"User-Agent": "it/1.0", "Authorization": "Bearer an-administrator-s-token"}
        client.ask("GET", "/v2/lm/executions?$top=1&password=abc123&x=##[error]an-administrator-s-token", headers=sent)
        client.ask("GET", "/health")
    written = capsys.readouterr().err
    token, listed, _ = [json.loads(line) for line in written.splitlines()]
    assert (token["method"], token["path"], token["status"]) == ("POST", "/oauth/token", 200)
    assert re.fullmatch(TIME, listed.pop("time"))
    assert isinstance(listed.pop("milliseconds"), float)
    assert listed.pop("host").startswith("127.0.0.1:")
    assert listed == {
        "level": "info",
        "client": "127.0.0.1",
        "method": "GET",
        "path": "/v2/lm/executions?$top=1&password=***&x=##[error]***",
        "status": 401,
        "resourceGroup": "default",
        "userAgent": "it/1.0",
    }
    assert "##[" not in written


def test_each_request_is_a_line_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(log=Log("text"), hang_seconds=0.1) as served:
        client = served.client()
        client.ask("GET", "/v2/lm/executions", headers={"AI-Resource-Group": "a\tb", "Host": "localhost"})
        served.emulator.fault("execution.query", kind="connection reset")
        with pytest.raises(ConnectionError):
            client.ask("GET", "/v2/lm/executions")
        with socket.create_connection(("127.0.0.1", served.server.port)) as broken:
            broken.sendall(b"nonsense\r\n\r\n")
            assert broken.recv(1000).startswith(b"HTTP/1.1 400 ")
    lines = [re.sub(rf"^{TIME} ", "", line) for line in capsys.readouterr().err.splitlines()]
    assert [re.sub(r" [\d.e-]+ ms$", "", line) for line in lines] == [
        "127.0.0.1 POST /oauth/token (default) 200",
        r"127.0.0.1 GET /v2/lm/executions (a\tb) 403",
        "127.0.0.1 GET /v2/lm/executions (default) connection reset",
        "127.0.0.1 - - 400",
    ]


def test_without_the_format_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as served:
        served.client()
    assert capsys.readouterr() == ("", "")


def test_the_program_writes_its_warnings_in_the_same_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_AICORE_ADMIN_TOKEN", "an-administrator-s-token")
    folder = workflows_folder(tmp_path)
    (folder / "broken.yaml").write_text("kind: WorkflowTemplate\nmetadata: [", encoding="utf-8")
    options = ["--log-format", "json", "--public-url", "https://aicore.example.com", "--workflows", str(folder)]
    with Program(*options) as program:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", program.url)
        program.wait_for("broken.yaml", "stderr")
        assert program.stop() == 0
    warnings = [json.loads(line) for line in program.lines["stderr"]]
    assert [(each["level"], sorted(each)) for each in warnings] == [("warning", ["level", "message", "time"])] * 2
    assert warnings[0]["message"] == (
        "Warning: --public-url https://aicore.example.com can be reached from other machines, and the credentials of "
        "an emulator can be guessed: any client that reaches it can use it. /__aicore__/ is open to other machines "
        "that have the token of --admin-token."
    )
    assert "broken.yaml" in warnings[1]["message"]
