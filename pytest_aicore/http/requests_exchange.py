"""Between `requests` and the exchange: a prepared request as a `Request`, a `Response` as what urllib3 would return."""

from __future__ import annotations

from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any

from urllib3 import HTTPResponse

from pytest_aicore.http.exchange import Request

if TYPE_CHECKING:
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
    return HTTPResponse(
        body=BytesIO(b"" if method == "HEAD" else response.body),
        status=response.status,
        reason=_REASONS.get(response.status),
        headers=response.headers,
        preload_content=False,
        request_method=method,
    )


def _bytes(request: PreparedRequest) -> bytes:
    body: Any = request.body
    if body is None or isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body or b"")
    if isinstance(body, str):
        return body.encode()
    read = body.read() if hasattr(body, "read") else b"".join(body)
    request.body = read.encode() if isinstance(read, str) else bytes(read)
    return request.body
