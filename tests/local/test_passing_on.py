"""Requests over HTTP that are passed on to the server of a deployment, and answers that come back, as they come."""

from __future__ import annotations

import gzip
import http.client
import json
import resource
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from pytest_aicore.emulator.serve.server import Server
from pytest_aicore.local.choices import LocalChoices
from tests.emulator.serve.test_tls import Papers, context
from tests.emulator.serve.test_tls import papers as papers
from tests.local.servings import Serving, free_port, serving
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.once

MEBIBYTE = 1024 * 1024
STREAMS = """
import gzip, json, os, select, socket, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

may_go_on = threading.Event()

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def head(self, **headers):
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send(self, text):
        self.wfile.write(b"%x\\r\\n%b\\r\\n" % (len(text), text))

    def whole(self, text):
        self.head(Content_Length=str(len(text)))
        self.wfile.write(text)

    def do_GET(self):
        getattr(self, self.path.partition("?")[0].rpartition("/")[2])()

    def do_HEAD(self):
        self.head(Content_Length="1234")

    def echo(self):
        self.whole(json.dumps([self.path, self.headers.items()]).encode())

    def cookies(self):
        self.send_response(200)
        for name, value in (
            ("Set-Cookie", "a=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT"), ("Set-Cookie", "b=2"), ("Link", "</x>"),
            ("Link", "</y>"), ("Connection", "X-Mine"), ("X-Mine", "1"), ("Content-Length", "0"),
        ):
            self.send_header(name, value)
        self.end_headers()

    def early(self):
        self.wfile.write(b"HTTP/1.1 103 Early Hints\\r\\nLink: </style.css>\\r\\n\\r\\n")
        self.whole(b"late")

    def switch(self):
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: chat\\r\\nConnection: upgrade\\r\\n\\r\\n")

    def packed(self):
        body = gzip.compress(b"much " * 1000)
        self.head(Content_Length=str(len(body)), Content_Encoding="gzip")
        self.wfile.write(body)

    def nothing(self):
        self.send_response(204)
        self.end_headers()

    def same(self):
        self.send_response(304)
        self.send_header("ETag", '"7"')
        self.end_headers()

    def trailer(self):
        self.head(Transfer_Encoding="chunked", Trailer="X-Sum")
        self.send(b"all of it")
        self.wfile.write(b"0\\r\\nX-Sum: 9\\r\\n\\r\\n")

    def do_POST(self):
        count = 0
        if "Content-Length" in self.headers:
            left = int(self.headers["Content-Length"])
            while left:
                part = self.rfile.read(min(left, 65536))
                left -= len(part)
                count += len(part)
            how = "whole"
        else:
            while size := int(self.rfile.readline(), 16):
                count += len(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            how = "chunked"
        self.whole(b"%d bytes, %b" % (count, how.encode()))

    def events(self):
        self.head(Content_Type="text/event-stream", Transfer_Encoding="chunked")
        self.send(b"data: first\\n\\n")
        may_go_on.wait()
        self.send(b"data: second\\n\\n")
        self.send(b"")

    def go(self):
        may_go_on.set()
        self.whole(b"gone on")

    def endless(self):
        self.head(Transfer_Encoding="chunked")
        try:
            while True:
                self.send(b"x" * 65536)
        except OSError:
            print("nobody reads")

    def silent(self):
        print("is silent")
        select.select([self.connection], [], [])
        print("nobody waits", self.connection.recv(1))

    def garbage(self):
        self.wfile.write(b"\\x00 is no HTTP\\r\\n\\r\\n")
        self.close_connection = True

    def cut_short(self):
        self.cut(1000)

    def cut(self, length=1000000):
        self.head(Content_Length=str(length))
        self.wfile.write(b"the beginning")
        self.close_connection = True

    def cut_chunks(self):
        self.head(Transfer_Encoding="chunked")
        self.send(b"the beginning")
        self.close_connection = True

ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""


class Streams:
    """A deployment behind a server of its own.

    Args:
        service: the service, by the engine `sandbox`.
        url: of the server.
        deployment: the id of the deployment.
    """

    def __init__(self, service: Serving, url: str, deployment: str) -> None:
        self.service = service
        self.deployment = deployment
        self.address = urlsplit(url).netloc
        self.path = f"/v2/inference/deployments/{deployment}/v1/"
        self.connections: list[http.client.HTTPConnection] = []
        self.headers = {"Authorization": f"Bearer {service.token()}", "AI-Resource-Group": "default"}

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection to the server; it is closed after the test."""
        self.connections.append(http.client.HTTPConnection(self.address, timeout=20))
        return self.connections[-1]

    def close(self) -> None:
        """Close all connections."""
        while self.connections:
            self.connections.pop().close()

    def get(self, what: str) -> http.client.HTTPResponse:
        """Return the answer to a GET, whose body is still to come.

        Args:
            what: the last part of the path.
        """
        connection = self.connection()
        connection.request("GET", self.path + what, headers=self.headers)
        return connection.getresponse()

    def says(self, line: str) -> None:
        """Wait until the server of the deployment has written a line.

        Args:
            line: the line.
        """
        until(lambda: self.times(line), line)

    def times(self, line: str) -> int:
        """Return how often the server of the deployment has written a line.

        Args:
            line: the line.
        """
        return self.service.log(self.deployment).count(("kserve-container", line))


@pytest.fixture
def streams(deployed: Streams) -> Iterator[Streams]:
    """The deployment; the connections of the test are closed."""
    yield deployed
    deployed.close()


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streams]:
    """A deployment by the engine that works here, which answers in parts; requests reach it over HTTP."""
    service = Serving(LocalChoices(store={"default": model(tmp_path_factory.mktemp("data"))}))
    service.door.open()
    with Server(service.emulator) as server:
        try:
            deployment = service.deploy(serving(STREAMS, predictor="timeout: 1"), port=free_port())
            assert service.reached(deployment, "RUNNING", "DEAD")["status"] == "RUNNING"
            yield Streams(service, server.url, deployment)
        finally:
            service.door.close()
            service.emulator.close()


def model(folder: Path) -> Path:
    """Return a folder that takes the place of an object store, with a model in it.

    Args:
        folder: an empty folder.
    """
    (folder / "model").mkdir()
    (folder / "model" / "model.txt").write_text("a small model", encoding="utf-8")
    return folder


def test_events_arrive_one_by_one(streams: Streams) -> None:
    answer = streams.get("events")
    assert (answer.status, answer.getheader("content-type")) == (200, "text/event-stream")
    assert answer.readline() + answer.readline() == b"data: first\n\n"
    assert streams.get("go").read() == b"gone on"
    assert answer.read() == b"data: second\n\n"


def test_events_arrive_one_by_one_in_this_process(streams: Streams) -> None:
    streams.get("go").read()
    answer = streams.service.predict(streams.deployment, "/v1/events", stream=True)
    assert list(answer.iter_lines()) == [b"data: first", b"", b"data: second", b""]
    assert streams.service.predict(streams.deployment, "/v1/events").text == "data: first\n\ndata: second\n\n"


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_request_of_100_megabytes_needs_no_memory(streams: Streams, *, is_chunked: bool) -> None:
    count = 100
    connection = streams.connection()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    headers = streams.headers if is_chunked else {**streams.headers, "Content-Length": str(count * MEBIBYTE)}
    body = (bytes(MEBIBYTE) for _ in range(count))
    connection.request("POST", f"{streams.path}count", body, headers, encode_chunked=is_chunked)
    answer = connection.getresponse()
    how = "chunked" if is_chunked else "whole"
    assert answer.read() == f"{count * MEBIBYTE} bytes, {how}".encode()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024
    connection.request("POST", f"{streams.path}count", b"again", streams.headers)
    assert connection.getresponse().read() == b"5 bytes, whole"


def test_a_client_that_expects_to_be_asked(streams: Streams) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in streams.headers.items())
    host, port = streams.address.split(":")
    with socket.create_connection((host, int(port)), 20) as client:
        first = f"POST {streams.path}count HTTP/1.1\r\nHost: [::1]\r\n{head}Content-Length: {MEBIBYTE}\r\n"
        client.sendall(f"{first}Expect: 100-continue\r\n\r\n".encode())
        file = client.makefile("rb")
        assert file.readline() == b"HTTP/1.1 100 Continue\r\n"
        file.readline()
        client.sendall(bytes(MEBIBYTE))
        assert file.readline() == b"HTTP/1.1 200 OK\r\n"


def test_a_refused_request_is_not_read(streams: Streams) -> None:
    connection = streams.connection()
    headers = {"Authorization": streams.headers["Authorization"], "Content-Length": str(50 * MEBIBYTE)}
    connection.putrequest("POST", f"{streams.path}count")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (403, b"RBAC: access denied")


def test_who_stops_reading_ends_the_answer(streams: Streams) -> None:
    answer = streams.get("endless")
    assert len(answer.read(MEBIBYTE)) == MEBIBYTE
    answer.close()
    streams.close()
    streams.says("nobody reads")


def test_who_leaves_while_waiting_ends_the_request(streams: Streams) -> None:
    connection = streams.connection()
    connection.request("GET", f"{streams.path}silent", headers=streams.headers)
    streams.says("is silent")
    connection.close()
    streams.says("nobody waits b''")


def test_who_leaves_while_sending_ends_the_request(streams: Streams) -> None:
    connection = streams.connection()
    connection.putrequest("POST", f"{streams.path}count")
    for name, value in {**streams.headers, "Content-Length": str(MEBIBYTE)}.items():
        connection.putheader(name, value)
    connection.endheaders(b"not all of it")
    connection.close()
    assert streams.get("go").read() == b"gone on"  # nothing hangs


@pytest.mark.parametrize(
    ("what", "status", "sentence"),
    [
        ("silent", 504, "The request was passed on, and the server has not begun to answer within 1 s."),
        (
            "garbage",
            502,
            "The request was passed on, and the server has not answered in HTTP: \x00 is no HTTP.",
        ),
    ],
)
def test_a_server_that_does_not_answer(streams: Streams, what: str, status: int, sentence: str) -> None:
    answer = streams.get(what)
    assert (answer.status, answer.read().decode()) == (status, sentence)


@pytest.mark.parametrize("what", ["cut", "cut_chunks"])
def test_an_answer_that_is_cut_off(streams: Streams, what: str) -> None:
    answer = streams.get(what)
    assert answer.status == 200
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        answer.read()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        assert streams.service.predict(streams.deployment, f"/v1/{what}").content == b""


def test_a_short_answer_that_is_cut_off(streams: Streams) -> None:
    answer = streams.get("cut_short")
    assert (answer.status, answer.read()) == (
        502,
        (
            b"The request was passed on, and the server has not answered in HTTP: IncompleteRead(13 bytes read, 987 "
            b"more expected)."
        ),
    )


def shown(streams: Streams, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    """Return the answer to a request whose path nobody normalises."""
    connection = streams.connection()
    connection.putrequest(method, f"{streams.path}{path}", skip_accept_encoding=True)
    for name, value in {
        **streams.headers,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection.getresponse()


def test_the_headers_of_an_answer(streams: Streams) -> None:
    """Each as often as it comes; those of the connection to the server are not the client's."""
    answer = shown(streams, "cookies")
    assert answer.headers.get_all("set-cookie") == ["a=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT", "b=2"]
    assert answer.headers.get_all("link") == ["</x>", "</y>"]
    assert (answer.headers["x-mine"], answer.headers["connection"]) == (None, None)
    here = streams.service.predict(streams.deployment, "/v1/cookies")
    assert dict(here.cookies) == {"a": "1", "b": "2"}
    assert here.raw.headers.getlist("set-cookie") == answer.headers.get_all("set-cookie")


def test_the_forms_of_an_answer(streams: Streams) -> None:
    early, packed, trailer = (shown(streams, path) for path in ("early", "packed", "trailer"))
    assert (early.status, early.headers["link"], early.read()) == (200, None, b"late")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.read()) == b"much " * 1000
    assert (trailer.headers["trailer"], trailer.read()) == (None, b"all of it")
    head = shown(streams, "x", "HEAD")
    assert (head.headers["content-length"], head.read()) == ("1234", b"")
    nothing, same = shown(streams, "nothing"), shown(streams, "same")
    assert [nothing.status, nothing.headers["content-length"], nothing.read()] == [204, None, b""]
    assert [same.status, same.headers["etag"], same.read()] == [304, '"7"', b""]


def test_a_request_arrives_as_it_was_sent(streams: Streams) -> None:
    for path in ("a%2Fb%20c/echo?q=%E4&q=a+b&%zz;x=&=1", "echo?", "echo?" + "x" * 40_000, "../v1//echo"):
        asked, _ = json.loads(shown(streams, path).read())
        assert asked == f"/v1/{path}".removesuffix("?")
    headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2_Settings": "AAM", "X_Team": "a, b"}
    _, arrived = json.loads(shown(streams, "echo", **headers).read())
    names = {name.lower(): value for name, value in arrived}
    assert names.pop("host") == streams.address
    assert names == {"ai-resource-group": "default", "x-team": "a, b", "connection": "close"}
    assert shown(streams, "echo?" + "x" * 70_000).status == 431


def test_no_other_protocol_is_passed_on(streams: Streams) -> None:
    answer = shown(streams, "echo", Connection="Upgrade", Upgrade="websocket", Sec_WebSocket_Key="AA==")
    assert (answer.status, answer.read().decode()) == (
        501,
        (
            "WebSockets are not passed on here: whether AI Core passes them on is not known. Ask the deployment by"
            " HTTP: a stream of server-sent events is passed on as it comes."
        ),
    )
    switched = shown(streams, "switch")
    assert (switched.status, switched.read().decode()) == (
        502,
        "The request was passed on, and the server has not answered in HTTP: it switches to another protocol unasked.",
    )


def test_other_calls_do_not_wait_for_predictions(streams: Streams) -> None:
    waiting = []
    for _ in range(6):  # more than there are workers
        waiting.append(streams.connection())
        waiting[-1].request("GET", f"{streams.path}silent", headers=streams.headers)
    connection = streams.connection()
    connection.request("GET", f"/v2/lm/deployments/{streams.deployment}", headers=streams.headers)
    assert json.loads(connection.getresponse().read())["status"] == "RUNNING"
    for each in waiting:
        each.close()


def test_over_tls(streams: Streams, papers: Papers) -> None:
    with Server(streams.service.emulator, tls=papers.tls) as server:
        secured = http.client.HTTPSConnection("127.0.0.1", server.port, context=context(papers), timeout=20)
        streams.connections.append(secured)
        for is_chunked in (True, False):
            length = {} if is_chunked else {"Content-Length": str(8 * MEBIBYTE)}
            body = (bytes(MEBIBYTE) for _ in range(8))
            headers = {**streams.headers, **length}
            secured.request("POST", f"{streams.path}count", body, headers, encode_chunked=is_chunked)
            how = "chunked" if is_chunked else "whole"
            assert secured.getresponse().read() == f"{8 * MEBIBYTE} bytes, {how}".encode()
        before = streams.times("nobody reads")
        secured.request("GET", f"{streams.path}endless", headers=streams.headers)
        answer = secured.getresponse()
        assert len(answer.read(MEBIBYTE)) == MEBIBYTE
        answer.close()
        streams.close()
        until(lambda: streams.times("nobody reads") > before, "the end of the answer")
