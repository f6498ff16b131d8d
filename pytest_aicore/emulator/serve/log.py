"""What a server writes: its warnings, and a line for each request where that is asked for."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pytest_aicore.printable import on_one_line, say
from pytest_aicore.redact import redact

if TYPE_CHECKING:
    from pytest_aicore.http.exchange import Request, Response

FORMATS = ("text", "json")


class Log:
    """Writes lines to standard error.

    Args:
        format: `text` or `json` of the lines about requests; with `json` warnings are JSON as well. None for warnings
            alone.
    """

    def __init__(self, format: str | None = None) -> None:  # noqa: A002  # as its option
        self._format = format
        self.has_requests = format is not None
        """Whether requests are logged."""

    def tell(self, sentence: str, *, plain: bool = False) -> None:
        """Write a warning or an event.

        Args:
            sentence: what happened.
            plain: whether it is news that may contain a token which the reader is to have.
        """
        if self._format == "json":
            message = sentence if plain else redact(sentence)
            _write(_as_json({"time": _now(), "level": "info" if plain else "warning", "message": message}))
        else:
            _write(f"pytest-aicore: {sentence}")

    def request(self, request: Request, response: Response, peer: str, seconds: float) -> None:
        """Write a line about a request; the values of secrets in its URL are hidden.

        Args:
            request: the request.
            response: the answer.
            peer: the address that it came from.
            seconds: until the answer was made.
        """
        query = request.url.partition("?")[2]
        said: dict[str, Any] = {
            "method": request.method,
            "path": redact(f"{request.raw_path}?{query}" if query else request.raw_path),
            "status": 0 if response.failure else response.status,
            "milliseconds": round(seconds * 1000, 1),
        }
        if response.failure:
            said["failure"] = response.failure
        for name, header in (("host", "host"), ("resourceGroup", "ai-resource-group"), ("userAgent", "user-agent")):
            if header in request.headers:
                said[name] = redact(request.headers[header])
        self._requested(peer, said)

    def refused(self, status: int, peer: str) -> None:
        """Write a line about received bytes that are not a request.

        Args:
            status: of the answer.
            peer: the address that they came from.
        """
        self._requested(peer, {"method": "-", "path": "-", "status": status, "milliseconds": 0.0})

    def _requested(self, peer: str, said: dict[str, Any]) -> None:
        if self._format == "json":
            _write(_as_json({"time": _now(), "level": "info", "client": peer, **said}))
        else:
            group = f" ({said['resourceGroup']})" if "resourceGroup" in said else ""
            ended = said.get("failure", said["status"])
            line = f"{_now()} {peer} {said['method']} {said['path']}{group} {ended} {said['milliseconds']:g} ms"
            _write(on_one_line(line))


def _now() -> str:
    """Return the machine's time, in UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _as_json(line: dict[str, Any]) -> str:
    """Return a line of JSON in ASCII that a CI system does not take for a command."""
    return json.dumps(line).replace("##", r"\u0023#")


def _write(line: str) -> None:
    with suppress(OSError, ValueError):  # the reader is gone, or the stream is closed
        say(line, sys.stderr)


__all__ = ["FORMATS", "Log"]
