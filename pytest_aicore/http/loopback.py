"""Requests to a server of this machine, past proxies and past what tests replace in other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_aicore.http.exchange import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = 60.0
"""How long a server of this machine may take to answer."""
_OF_THE_WAY = frozenset({"host", "connection", "content-length", "accept-encoding"})
"""Headers of one connection, which are not passed on."""


def over_loopback(url: str) -> Callable[[Request], Response]:
    """Return a function that has requests answered by a server of this machine.

    Args:
        url: of the server, without path.
    """
    from http.client import HTTPConnection, HTTPException

    parts = urlsplit(url)

    def answer(request: Request) -> Response:
        asked = urlsplit(request.url)
        target = f"{asked.path}?{asked.query}" if asked.query else asked.path
        headers = {name: value for name, value in request.headers.items() if name not in _OF_THE_WAY}
        connection = HTTPConnection(str(parts.hostname), parts.port, timeout=_SECONDS)
        try:
            connection.request(request.method, target, request.body, headers)
            answered = connection.getresponse()
            return Response(answered.status, {k.lower(): v for k, v in answered.getheaders()}, answered.read())
        except TimeoutError:
            return Response(0, failure="timeout")
        except (OSError, HTTPException):
            return Response(0, failure="connection reset")
        finally:
            connection.close()

    return answer


__all__ = ["over_loopback"]
