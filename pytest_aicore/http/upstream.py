"""Passes a request on to a server, and its answer back: both as they come, so that neither has to fit into memory."""

from __future__ import annotations

import http.client
import socket
import struct
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from pytest_aicore.http.exchange import BrokenRequestError, Response, text_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


class Upstream:
    """Passes requests on to one server, each by a connection of its own: a server may serve one at a time.

    Args:
        connect: returns a connection, in so many seconds.
        seconds: in which the server has to begin its answer, and then to continue it.
    """

    def __init__(self, connect: Callable[[float], socket.socket], seconds: float) -> None:
        self._connect = connect
        self._seconds = seconds

    def __call__(self, request: Request) -> Response:
        """Return the answer of the server, or what a gateway answers if there is none; never raises.

        Args:
            request: as the server gets it.
        """
        try:
            connection = self._connect(_CONNECT_SECONDS)
        except OSError as error:
            return _failed(502, f"the server does not accept connections: {error}")
        connection.settimeout(self._seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asked = http.client.HTTPConnection("localhost")
        asked.sock = connection
        try:
            with request.on_departure(partial(_shut, connection)):
                return self._answer(asked, request, connection)
        except BrokenRequestError:
            asked.close()
            raise
        except TimeoutError:
            asked.close()
            return _failed(504, f"the server has not begun to answer within {self._seconds:g} s")
        except (OSError, http.client.HTTPException, ValueError) as error:
            asked.close()
            return _failed(502, f"the server has not answered in HTTP: {_why(error)}")

    def _answer(self, asked: http.client.HTTPConnection, request: Request, connection: socket.socket) -> Response:
        with suppress(ConnectionError):  # it may have answered before it has read everything
            _send(asked, request)
        answer = asked.getresponse()
        headers: dict[str, str] = {}
        for name, value in answer.getheaders():
            if (key := name.lower()) not in _OF_A_CONNECTION:
                headers[key] = f"{headers[key]}, {value}" if key in headers else value
        if request.method != "HEAD" and answer.length is not None and answer.length <= _CHUNK:
            with answer, connection:
                return Response(answer.status, headers, answer.read())
        return Response(answer.status, headers, stream=_body(answer, request, connection))


def _send(asked: http.client.HTTPConnection, request: Request) -> None:
    asked.putrequest(request.method, request.url, skip_host=True, skip_accept_encoding=True)
    headers = {name: value for name, value in request.headers.items() if name not in _OF_A_CONNECTION}
    is_chunked = request.stream is not None and "content-length" not in headers
    if request.stream is None and (request.body or request.method not in ("GET", "HEAD", "OPTIONS")):
        headers["content-length"] = str(len(request.body))
    for name, value in {"host": "localhost", **headers, "connection": "close"}.items():
        asked.putheader(name, value.encode("latin-1", "replace"))
    if is_chunked:
        asked.putheader("transfer-encoding", "chunked")
    asked.endheaders(request.body if request.stream is None else request.stream, encode_chunked=is_chunked)


def _body(answer: http.client.HTTPResponse, request: Request, connection: socket.socket) -> Iterator[bytes]:
    """Yield the body of an answer as it comes.

    Raises:
        OSError: it is cut off.
    """
    is_whole = False
    try:
        with request.on_departure(partial(_shut, connection)):
            while chunk := answer.read1(_CHUNK):
                yield chunk
        if answer.length:
            raise ConnectionResetError(f"{answer.length} bytes of the answer are missing")
        is_whole = True
    except http.client.HTTPException as error:
        raise ConnectionResetError(_why(error)) from None
    finally:
        if not is_whole:  # a server that waits until somebody reads learns only by a reset that nobody does
            with suppress(OSError):  # the server has ended it itself
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        answer.close()
        connection.close()


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
