"""Between `requests` and the exchange: a prepared request as a `Request`, a `Response` as what urllib3 would return."""

from __future__ import annotations

from email.message import Message
from http import HTTPStatus
from io import BytesIO, RawIOBase
from typing import TYPE_CHECKING, Any

from urllib3 import HTTPResponse
from urllib3._collections import HTTPHeaderDict
from urllib3.exceptions import ProtocolError

from pytest_aicore.http.exchange import Request

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from requests import PreparedRequest

    from pytest_aicore.http.exchange import Response

_REASONS = {status.value: status.phrase for status in HTTPStatus}


def as_request(request: PreparedRequest, *, shows_certificate: bool) -> Request:
    """Return a request of `requests`; all attempts of one call have the same `call`.

    Args:
        request: the prepared request. A body that can be read only once is replaced by its content.
        shows_certificate: whether the client shows a certificate.
    """
    return Request(
        str(request.method),
        str(request.url),
        dict(request.headers),
        _bytes(request),
        call=request,
        client_certificate=shows_certificate,
    )


def as_raw(response: Response, method: str) -> HTTPResponse:
    """Return an answer in the form from which an adapter of `requests` builds its own.

    Args:
        response: the answer.
        method: of the request; an answer to HEAD has no body.
    """
    is_streamed = response.stream is not None
    body: Any = BytesIO(b"" if method == "HEAD" else response.body)
    return (_Streamed if is_streamed else HTTPResponse)(
        body=_File(response.stream) if response.stream is not None else body,
        status=response.status,
        reason=_REASONS.get(response.status),
        headers=_headers(response),
        original_response=_Cookies(response) if "set-cookie" in response.headers else None,  # type: ignore[arg-type]
        preload_content=False,
        request_method=method,
    )


def _headers(response: Response) -> HTTPHeaderDict:
    headers = HTTPHeaderDict(response.headers)
    for name, value in response.repeated:
        headers.add(name, value)
    return headers


class _Cookies:
    """What `requests` reads cookies from: the message of `http.client`, with each line of its own."""

    def __init__(self, response: Response) -> None:
        self.msg = Message()
        for name, value in (*response.headers.items(), *response.repeated):
            self.msg[name] = value

    def isclosed(self) -> bool:
        """Return whether the connection is closed; there is none."""
        return False

    def close(self) -> None:
        """Do nothing, likewise."""


class _File(RawIOBase):
    """The body of an answer as a file.

    Args:
        chunks: a generator of it.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, at least a byte before the end.

        Raises:
            ProtocolError: it is cut off.
        """
        self._rest = self._rest or next(self._parts(), b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count

    def rest(self) -> Iterator[bytes]:
        """Yield what is not read yet, as it comes.

        Raises:
            ProtocolError: it is cut off.
        """
        rest, self._rest = self._rest, b""
        if rest:
            yield rest
        yield from self._parts()

    def _parts(self) -> Iterator[bytes]:
        try:
            yield from self.chunks
        except OSError as error:
            raise ProtocolError(f"Connection broken: {error!r}", error) from error

    def close(self) -> None:
        """Close the connection to who answers."""
        self.chunks.close()  # type: ignore[attr-defined]
        super().close()


class _Streamed(HTTPResponse):
    """An answer that is shown as it comes, as urllib3 shows a chunked one."""

    def stream(self, amt: int | None = 2**16, decode_content: bool | None = None) -> Generator[bytes]:
        """Yield the body as it comes; one that has to be decoded as urllib3 does it."""
        file: Any = self._fp
        if self.headers.get("content-encoding"):
            yield from super().stream(amt, decode_content)
        else:
            yield from file.rest()


def _bytes(request: PreparedRequest) -> bytes:
    body: Any = request.body
    if body is None or isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body or b"")
    if isinstance(body, str):
        return body.encode()
    read = body.read() if hasattr(body, "read") else b"".join(body)
    request.body = read.encode() if isinstance(read, str) else bytes(read)
    return request.body
