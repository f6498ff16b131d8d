"""TLS, and clients that show a certificate instead of a secret."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import ssl
import struct
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
import requests

from pytest_aicore.emulator.serve.server import Tls
from pytest_aicore.errors import EmulatorError
from tests.emulator.serve.servers import Program, Served, serving, workflows_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")

LIMIT = 20.0


@dataclass
class Pair:
    """A certificate and its key."""

    certificate: Path
    key: Path


@dataclass
class Authority:
    """Signs certificates, with the program openssl."""

    folder: Path
    name: str

    @property
    def certificate(self) -> Path:
        """What clients of those who have its certificates trust."""
        return self.folder / f"{self.name}.pem"

    def establish(self) -> Authority:
        """Make its own key and certificate."""
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={self.name}",
                      "-addext", "keyUsage=critical,keyCertSign", "-keyout", f"{self.name}.key",
                      "-out", f"{self.name}.pem")  # fmt: skip
        return self

    def sign(self, name: str, extension: str) -> Pair:
        """Return a certificate for a name."""
        extensions = f"{extension}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        (self.folder / f"{name}.ext").write_text(extensions, encoding="utf-8")
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                      "-out", f"{name}.csr")  # fmt: skip
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{self.name}.pem", "-CAkey", f"{self.name}.key",
                      "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")  # fmt: skip
        return Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key")

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


@dataclass
class Papers:
    """Everybody's certificates."""

    authority: Path
    server: Pair
    client: Pair
    stranger: Pair

    @property
    def tls(self) -> Tls:
        """What makes a server speak TLS."""
        return Tls(self.server.certificate, self.server.key, self.authority)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """Certificates for a server and a client, and for a client whom nobody vouches for."""
    if shutil.which("openssl") is None:
        pytest.skip("the program openssl, which makes the certificates, is not here")
    folder = tmp_path_factory.mktemp("papers")
    ours, foreign = Authority(folder, "authority").establish(), Authority(folder, "foreign").establish()
    return Papers(
        ours.certificate,
        ours.sign("server", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
        ours.sign("client", "extendedKeyUsage=clientAuth"),
        foreign.sign("stranger", "extendedKeyUsage=clientAuth"),
    )


@pytest.fixture
def secured(papers: Papers) -> Iterator[Served]:
    """A server that speaks TLS and asks for certificates."""
    with serving(tls=papers.tls) as served:
        yield served


def context(papers: Papers, client: Pair | None = None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(papers.authority))
    if client:
        made.load_cert_chain(client.certificate, client.key)
    return made


def ask_token(served: Served, papers: Papers, client: Pair | None, **form: str) -> tuple[int, str]:
    connection = http.client.HTTPSConnection(
        "127.0.0.1", served.server.port, context=context(papers, client), timeout=LIMIT
    )
    try:
        body = urlencode({"grant_type": "client_credentials"} | form)
        connection.request("POST", "/oauth/token", body, {"Content-Type": "application/x-www-form-urlencoded"})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_a_certificate_stands_for_the_secret(secured: Served, papers: Papers) -> None:
    key = secured.server.service_key
    known = {"client_id": str(key["clientid"])}
    assert secured.server.url == f"https://127.0.0.1:{secured.server.port}"
    assert key["certurl"] == key["url"] == secured.server.url
    assert ask_token(secured, papers, papers.client, **known)[0] == 200
    assert ask_token(secured, papers, None, **known, client_secret=key["clientsecret"])[0] == 200
    refusal = (401, '{"error":"invalid_client","error_description":"Bad credentials"}')
    assert ask_token(secured, papers, None, **known) == refusal
    assert ask_token(secured, papers, papers.client, client_id="somebody") == refusal


def test_a_certificate_that_nobody_vouches_for_is_refused(secured: Served, papers: Papers) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask_token(secured, papers, papers.stranger, client_id="anybody")


def test_what_is_no_tls_is_closed_and_harms_nobody(
    secured: Served, papers: Papers, capfd: pytest.CaptureFixture[str]
) -> None:
    address = ("127.0.0.1", secured.server.port)
    for sent in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01" + bytes(100), b"\x00", b""):
        with socket.create_connection(address, LIMIT) as connection:
            connection.sendall(sent)
            with suppress(OSError):  # the server may have been quicker to close it
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1000):
                    pass
    with socket.create_connection(address, LIMIT) as silent, socket.create_connection(address, LIMIT):
        silent.sendall(b"\x16\x03\x01")
        key = secured.server.service_key
        form = {"client_id": str(key["clientid"]), "client_secret": str(key["clientsecret"])}
        assert ask_token(secured, papers, None, **form)[0] == 200
    assert capfd.readouterr() == ("", "")


def test_large_bodies_and_many_requests_pass_through_one_connection(secured: Served, papers: Papers) -> None:
    key = secured.server.service_key
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(papers.authority)
        form = {"grant_type": "client_credentials", "client_id": key["clientid"], "client_secret": key["clientsecret"]}
        token = session.post(f"{secured.server.url}/oauth/token", data=form, timeout=LIMIT).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        body = {"name": "pictures", "kind": "dataset", "url": "ai://default/in", "scenarioId": "flowers"}
        for _ in range(300):
            described = {**body, "description": "x" * 4900}
            answer = session.post(f"{secured.server.url}/v2/lm/artifacts", json=described, headers=headers)
            assert answer.status_code == 201
        listed = session.get(f"{secured.server.url}/v2/lm/artifacts", headers=headers, timeout=LIMIT)
        assert len(listed.content) > 1_400_000
        assert listed.json()["count"] == 300
        huge = session.post(
            f"{secured.server.url}/v2/lm/artifacts", json={**body, "name": "x" * 3_000_000}, headers=headers
        )
        assert huge.status_code == 400


def test_a_reset_reaches_a_client_over_tls(secured: Served, papers: Papers) -> None:
    secured.emulator.fault("token", kind="connection reset")
    with pytest.raises((ConnectionResetError, ssl.SSLEOFError)):
        ask_token(secured, papers, None, client_id="anybody")


@contextmanager
def connected(served: Served, papers: Papers) -> Iterator[ssl.SSLSocket]:
    plain = socket.create_connection(("127.0.0.1", served.server.port), timeout=LIMIT)
    with context(papers).wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        yield connection


def everything_from(connection: ssl.SSLSocket) -> bytes:
    received = b""
    with suppress(ssl.SSLError, ConnectionError):  # closed without an end of TLS
        while data := connection.recv(65536):
            received += data
    return received


def test_what_is_no_request_is_refused_over_tls_as_well(secured: Served, papers: Papers) -> None:
    for sent in (b"GET / HTTP/9.9.9\r\n\r\n", b"\x16\x03\x01\x00", b"garbage\r\n\r\n"):
        with connected(secured, papers) as connection:
            connection.sendall(sent)
            head, _, body = everything_from(connection).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"\r\nconnection: close" in head
        assert body == b"Bad Request"


def test_a_client_that_reads_late_gets_all_of_a_large_answer(secured: Served, papers: Papers) -> None:
    size = 6_000_000  # more than all buffers between the two, less than the server keeps for who does not read
    secured.emulator.fault("token", status=200, body="x" * size, times=2)
    request = b"POST /oauth/token HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with connected(secured, papers) as late, connected(secured, papers) as never:
        late.sendall(request)
        never.sendall(request)
        # What the system keeps is full once others were answered many times meanwhile.
        for _ in range(15):
            assert ask_token(secured, papers, None, client_id="anybody")[0] == 401
        head, _, body = everything_from(late).partition(b"\r\n\r\n")
        assert f"content-length: {size}".encode() in head
        assert len(body) == size
        never.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert ask_token(secured, papers, None, client_id="anybody")[0] == 401


def test_a_client_that_vanishes_over_tls_harms_nobody(
    secured: Served, papers: Papers, capfd: pytest.CaptureFixture[str]
) -> None:
    for sent in (b"", b"GET /v2/lm/meta HTT", b"GET /v2/lm/meta HTTP/1.1\r\nHost: [::1]\r\n\r\n"):
        with connected(secured, papers) as connection:
            connection.sendall(sent)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert ask_token(secured, papers, None, client_id="anybody")[0] == 401
    assert capfd.readouterr() == ("", "")


def test_a_client_that_has_left_before_it_is_let_in_harms_nobody(
    papers: Papers, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    listener = pytest.importorskip("pytest_aicore.http.sockets").Listener
    begin = listener.open

    def open_late(self: object, deadline: float) -> bool:
        address = self._server.socket.getsockname()  # type: ignore[attr-defined]
        with socket.create_connection(address, LIMIT) as gone:
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return bool(begin(self, deadline))

    monkeypatch.setattr(listener, "open", open_late)
    with serving(tls=papers.tls) as served:
        assert ask_token(served, papers, None, client_id="anybody")[0] == 401
    assert capfd.readouterr() == ("", "")


def test_the_sdk_authenticates_with_its_certificate(
    papers: Papers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdk = pytest.importorskip("ai_api_client_sdk.ai_api_v2_client")
    arguments = [
        *("--workflows", str(workflows_folder(tmp_path)), "--service-key-out", str(tmp_path / "key.json")),
        *("--tls-cert", str(papers.server.certificate), "--tls-key", str(papers.server.key)),
        *("--tls-client-ca", str(papers.authority)),
    ]
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(papers.authority))
    with Program(*arguments) as program:
        assert program.url.startswith("https://127.0.0.1:")
        key = json.loads((tmp_path / "key.json").read_text(encoding="utf-8"))
        client = sdk.AIAPIV2Client(
            base_url=f"{program.url}/v2/lm",
            auth_url=f"{key['certurl']}/oauth/token",
            client_id=key["clientid"],
            cert_file_path=str(papers.client.certificate),
            key_file_path=str(papers.client.key),
            resource_group="default",
        )
        assert "flowers" in [scenario.id for scenario in client.scenario.query().resources]
        assert program.stop() == 0
    assert program.lines["stderr"] == []


def test_files_that_are_no_certificates_get_a_sentence(papers: Papers, tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense", encoding="utf-8")
    with pytest.raises(EmulatorError) as refused:
        Tls(papers.server.certificate, papers.client.key).context()
    assert str(refused.value).startswith(
        f"--tls-cert '{papers.server.certificate}' with --tls-key '{papers.client.key}' cannot be used: "
    )
    assert str(refused.value).endswith(
        "Give a certificate chain and its private key without passphrase, both PEM files."
    )
    with pytest.raises(EmulatorError) as refused:
        Tls(papers.server.certificate, papers.server.key, nonsense).context()
    assert str(refused.value).startswith(f"--tls-client-ca '{nonsense}' cannot be used: ")
    assert str(refused.value).endswith(
        "Give a PEM file with the certificates of the authorities that sign your clients' certificates."
    )
