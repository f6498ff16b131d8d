"""What a token endpoint repeats of a client's credentials reaches neither error nor ledger nor output."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest

from pytest_aicore.cli import main
from pytest_aicore.training.live.ledger import FileLedger
from pytest_aicore.training.service.credentials import from_service_key
from pytest_aicore.training.service.failures import CallError, TokenRefusal
from pytest_aicore.training.service.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_aicore.errors import RunError

SECRET = 'c1ient/s3cr+t="of&this<machine'
CLIENT = "sb-client"
NOTATIONS = {
    "as it is": SECRET,
    "form": quote_plus(SECRET),
    "lower-case escapes": quote(SECRET, safe="").replace("%2F", "%2f").replace("%3D", "%3d"),
    "JSON": json.dumps({"error_description": f"bad {SECRET}"}),
    "HTML": f"<p>bad {SECRET.replace('&', '&amp;').replace('<', '&lt;').replace(chr(34), '&quot;')}</p>",
    "header": "Authorization: Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode(),
    "base64 alone": "refused " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode(),
    "cut by us": "x" * 280 + " " + SECRET,
    "cut by it": SECRET[:20] + "...",
    "in lines": f"{SECRET[:12]}\n    {SECRET[12:]}",
}


@pytest.fixture
def said() -> Iterator[tuple[str, list[str]]]:
    """A token endpoint, and what it answers."""
    text: list[str] = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = text[0].encode()
            self.send_response(401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", text
    server.shutdown()
    thread.join()
    server.server_close()


def key_of(url: str) -> dict[str, object]:
    return {"clientid": CLIENT, "clientsecret": SECRET, "url": url, "serviceurls": {"AI_API_URL": url}}


def pieces(text: str) -> list[str]:
    """Return each piece of the secret that a text shows, plain or in base64."""
    plain = [SECRET[start : start + 7] for start in range(len(SECRET) - 6)]
    encoded = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()[16:]
    return [piece for piece in (*plain, *(encoded[at : at + 8] for at in range(len(encoded) - 8))) if piece in text]


@pytest.mark.parametrize("notation", NOTATIONS)
def test_no_error_and_no_ledger_repeats_what_the_endpoint_repeats(
    said: tuple[str, list[str]], tmp_path: Path, notation: str
) -> None:
    url, text = said
    text[:] = [NOTATIONS[notation]]
    with pytest.raises(TokenRefusal) as refusal:
        Tokens(from_service_key(key_of(url), "a key"))()
    error = refusal.value.of_call("could not ask")
    assert str(error).startswith("could not ask: no token (HTTP 401: ")
    assert pieces(str(error)) == []
    ledger = FileLedger(tmp_path / "ledger.jsonl", "s1")
    facts = {"session": "s1", "executable": "text-clf", "found": str(refusal.value)}
    ledger.write("checked", **facts, others=[f"x {SECRET}"], why={"a": SECRET})
    assert pieces((tmp_path / "ledger.jsonl").read_text(encoding="utf-8")) == []
    assert "***" in (tmp_path / "ledger.jsonl").read_text(encoding="utf-8")


def test_no_error_of_a_call_repeats_it_whoever_made_its_text(said: tuple[str, list[str]]) -> None:
    Tokens(from_service_key(key_of(said[0]), "a key"))
    error: RunError = CallError(f"could not stop e1: HTTP 400 (code {SECRET}).")
    assert str(error) == "could not stop e1: HTTP 400 (code ***)."


def test_sweep_says_no_secret(said: tuple[str, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url, text = said
    text[:] = [NOTATIONS["JSON"]]
    (tmp_path / "key.json").write_text(json.dumps(key_of(url)), encoding="utf-8")
    arguments = ["sweep", f"--service-key={tmp_path / 'key.json'}", "--resource-group=default"]
    assert main([*arguments, f"--ledger={tmp_path / 'ledger.jsonl'}"]) != 0
    printed = "".join(capsys.readouterr())
    assert "no token (HTTP 401: " in printed
    assert "***" in printed
    assert pieces(printed) == []
