"""Passes a request on to a server, and its answer back: both as they come, so that neither has to fit into memory."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from pytest_aicore.http.exchange import BrokenRequestError, Response, text_response

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from pytest_aicore.http.exchange import Request

_CONNECT_SECONDS: Final = 5.0
_CHUNK: Final = 64 * 1024
"""Bytes: an answer that says that it is not longer is passed on in one piece."""
_OF_A_CONNECTION: Final = frozenset(
    {
        *("connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade"),
    }
)
"""Headers that are not passed on (RFC 9110, section 7.6.1); what expects `100 Continue` has been answered already."""
_NO_WEBSOCKET: Final = (
    "WebSockets are not passed on here: whether AI Core passes them on is not known. Ask the deployment by HTTP: a"
    " stream of server-sent events is passed on as it comes."
)


class Upstream:
    """Passes requests on to one server, each by a connection of its own: a server may serve one at a time.

    Args:
        connect: returns a connection, in so many seconds.
        seconds: in which the server has to begin its answer, and then to continue it.
    """

    def __init__(self, connect: Callable[[float], socket.socket], seconds: float) -> None:
        self._connect = connect
        self._seconds = seconds
        self._changed = threading.Condition()
        self._under_way: set[object] = set()
        self._successor: Upstream | None = None

    def hand_over(self, successor: Upstream, seconds: float) -> bool:
        """Pass what comes from now on to another server; return whether this one has answered what it was asked.

        Args:
            successor: of the other server.
            seconds: for which that is waited for.
        """
        with self._changed:
            self._successor = successor
            return self._changed.wait_for(lambda: not self._under_way, seconds)

    def __call__(self, request: Request) -> Response:
        """Return the answer of the server, or what a gateway answers if there is none; never raises.

        Args:
            request: as the server gets it.
        """
        if request.headers.get("upgrade", "").lower() == "websocket":
            return text_response(501, _NO_WEBSOCKET)
        ticket, response = object(), None
        with self._changed:
            successor = self._successor
            if successor is None:
                self._under_way.add(ticket)
        if successor is not None:
            return successor(request)
        try:
            response = self._passed_on(request, partial(self._answered, ticket))
        finally:
            if response is None or response.stream is None:
                self._answered(ticket)
        return response

    def _answered(self, ticket: object) -> None:
        with self._changed:
            self._under_way.discard(ticket)
            self._changed.notify_all()

    def _passed_on(self, request: Request, over: Callable[[], None]) -> Response:
        try:
            connection = self._connect(_CONNECT_SECONDS)
        except OSError as error:
            return _failed(502, f"the server does not accept connections: {error}")
        connection.settimeout(self._seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asked = http.client.HTTPConnection("localhost")
        asked.sock = connection
        asked.response_class = _Answer
        try:
            with request.on_departure(partial(_shut, connection)):
                return self._answer(asked, request, connection, over)
        except BrokenRequestError:
            asked.close()
            raise
        except TimeoutError:
            asked.close()
            return _failed(504, f"the server has not begun to answer within {self._seconds:g} s")
        except (OSError, http.client.HTTPException, ValueError) as error:
            asked.close()
            return _failed(502, f"the server has not answered in HTTP: {_why(error)}")

    def _answer(
        self,
        asked: http.client.HTTPConnection,
        request: Request,
        connection: socket.socket,
        over: Callable[[], None],
    ) -> Response:
        with suppress(ConnectionError):  # it may have answered before it has read everything
            _send(asked, request)
        answer = asked.getresponse()
        if answer.status == http.client.SWITCHING_PROTOCOLS:
            raise http.client.HTTPException("it switches to another protocol unasked")
        headers: dict[str, str] = {}
        repeated: list[tuple[str, str]] = []
        dropped = _dropped(answer.getheader("connection", ""))
        for name, value in answer.getheaders():
            if (key := name.lower()) in headers:
                repeated.append((key, value))
            elif key not in dropped:
                headers[key] = value
        if request.method != "HEAD" and answer.length is not None and answer.length <= _CHUNK:
            with answer, connection:
                return Response(answer.status, headers, answer.read(), repeated=tuple(repeated))
        body = _Body(answer, request, connection, over)
        return Response(answer.status, headers, stream=body, repeated=tuple(repeated))


class _Answer(http.client.HTTPResponse):
    """An answer behind those that only announce it, such as `103 Early Hints`."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not http.client.SWITCHING_PROTOCOLS < status < http.client.OK:
                return version, status, reason
            http.client.parse_headers(self.fp)


def _dropped(connection: str) -> frozenset[str]:
    """Return the headers that are not passed on, with those that a `Connection` header names (RFC 9110, 7.6.1).

    Args:
        connection: the value of that header.
    """
    return _OF_A_CONNECTION | {name.strip().lower() for name in connection.split(",")}


def _send(asked: http.client.HTTPConnection, request: Request) -> None:
    asked.putrequest(request.method, request.url, skip_host=True, skip_accept_encoding=True)
    dropped = _dropped(request.headers.get("connection", ""))
    headers = {name: value for name, value in request.headers.items() if name not in dropped}
    is_chunked = request.stream is not None and "content-length" not in headers
    if request.stream is None and (request.body or request.method not in ("GET", "HEAD", "OPTIONS")):
        headers["content-length"] = str(len(request.body))
    for name, value in {"host": "localhost", **headers, "connection": "close"}.items():
        asked.putheader(name, value.encode("latin-1", "replace"))
    if is_chunked:
        asked.putheader("transfer-encoding", "chunked")
    asked.endheaders(request.body if request.stream is None else request.stream, encode_chunked=is_chunked)


class _Body:
    """The body of an answer as it comes; closed early, also before its first piece, it ends the connection."""

    def __init__(
        self,
        answer: http.client.HTTPResponse,
        request: Request,
        connection: socket.socket,
        over: Callable[[], None],
    ) -> None:
        self._answer = answer
        self._connection = connection
        self._over = over
        self._chunks = self._read(request)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """Return the next piece.

        Raises:
            OSError: the rest is missing.
        """
        return next(self._chunks)

    def close(self) -> None:
        """End the connection."""
        self._chunks.close()
        self._end()

    def _read(self, request: Request) -> Generator[bytes]:
        is_whole = False
        try:
            with request.on_departure(partial(_shut, self._connection)):
                while chunk := self._answer.read1(_CHUNK):
                    yield chunk
            if self._answer.length:
                raise ConnectionResetError(f"{self._answer.length} bytes of the answer are missing")
            is_whole = True
        except http.client.HTTPException as error:
            raise ConnectionResetError(_why(error)) from None
        finally:
            if not is_whole:  # a server that waits until somebody reads learns only by a reset that nobody does
                with suppress(OSError):  # the server has ended it itself
                    self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._end()

    def _end(self) -> None:
        self._answer.close()
        self._connection.close()
        self._over()


def _shut(connection: socket.socket) -> None:
    """End a connection in use, whichever thread waits for it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _why(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _failed(status: int, why: str) -> Response:
    """Return the answer of a gateway (status as of Knative's queue-proxy; the sentence is this project's)."""
    return text_response(status, f"The request was passed on, and {why}.")


__all__ = ["Upstream"]
