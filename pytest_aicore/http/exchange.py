"""Requests and answers between a client and the emulator, in AI Core's formats.

The formats (sorted keys, absent values left out, error envelope, one time format per resource) come from captured
answers of the real service; without a capture, a constant below says what is assumed.
"""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

Json = dict[str, Any]
Failure = Literal["connection reset", "timeout"]

GATEWAY = {"server": "istio-envoy"}
"""Every answer comes through the service's gateway (captured: `istio-envoy` answers a wrong base path)."""

ASSUMED_VALIDATION_CODE = "01010001"
"""Assumed: the code of a request that its specification does not allow; no capture exists."""


def _nobody_leaves(then: Callable[[], None]) -> AbstractContextManager[None]:
    del then
    return nullcontext()


@dataclass(slots=True)
class Request:
    """An HTTP request, made in this process or over HTTP.

    Args:
        method: upper case.
        url: absolute, or path and query only.
        headers: in any case; kept in lower case.
        body: the body as sent.
        call: an object that all attempts of one logical call share (a retry sends the same call again).
        client_certificate: whether the client has presented a trusted certificate.
        stream: the body where it is read as it comes, and `body` is empty; None where `body` is all of it.
        on_departure: calls a function as soon as the client leaves, as long as its `with` block lasts.
        public_url: of the server, for links in the answer; empty if it is the one of the request.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    call: object = None
    client_certificate: bool = False
    stream: Iterable[bytes] | None = None
    on_departure: Callable[[Callable[[], None]], AbstractContextManager[None]] = _nobody_leaves
    public_url: str = ""
    host: str = field(init=False)
    raw_path: str = field(init=False)
    """As sent: a percent-encoded slash is part of a segment."""
    path: str = field(init=False)
    query: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self.headers = {name.lower(): value for name, value in self.headers.items()}
        self.host = (parts.hostname or "").lower()
        self.raw_path = parts.path
        self.path = unquote(parts.path)
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True)) if parts.query else {}

    @property
    def base_url(self) -> str:
        """The server's URL as the client knows it, by one of its names; empty for a URL without host."""
        if self.public_url:
            return self.public_url
        parts = urlsplit(self.url)
        named = self.headers.get("host", "")
        host = named if _HOST.match(named) else parts.netloc
        return f"{parts.scheme}://{host}" if host else ""

    def query_values(self, name: str) -> list[str]:
        """Return the values of all query parameters of this name; `query` has the last one."""
        pairs = parse_qsl(urlsplit(self.url).query, keep_blank_values=True)
        return [value for key, value in pairs if key == name]

    def whole_body(self) -> bytes:
        """Return all of the body, after reading what is still to come.

        Raises:
            BrokenRequestError: the client does not send all of it.
        """
        if self.stream is not None:
            self.body, self.stream = b"".join(self.stream), None
        return self.body


class BrokenRequestError(Exception):
    """The body of a request that is read as it comes is incomplete, or not encoded as HTTP requires."""


@dataclass(slots=True)
class Response:
    """An HTTP answer; with `failure` the client gets a broken connection or a timeout instead.

    With `stream` the body comes from there; an `OSError` of it means that the rest is missing. `repeated` has the
    header lines whose name comes once more, such as a second `Set-Cookie`, which cannot be joined with the first.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: Failure | None = None
    stream: Iterator[bytes] | None = None
    repeated: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Transport:
    """Where the requests of a live client go: the same two functions as a `Door` takes.

    A recording needs `report` alone, a replay `answer` alone. Both are called in the thread of the call; what passes
    includes tokens and client secrets.

    Attributes:
        answer: answers a request; None for the network.
        report: is told of each request and its answer; without an answer, of the `failure`.
    """

    answer: Callable[[Request], Response] | None = None
    report: Callable[[Request, Response], None] | None = None


NETWORK = Transport()
"""The transport that changes nothing."""
PLAYED = "x-aicore-played"
"""The header of the answers of `pytest-aicore serve` where scripts say what executions do, so that nobody trains."""


class ApiError(Exception):
    """An error answer in AI Core's envelope.

    Args:
        status: HTTP status.
        code: the service's eight digits, for example `01010020`.
        message: the service's sentence.
        details: an object for most of the API, a list for metrics and datasets.
        target: what `error.target` names; the request's internal path when left out.
    """

    def __init__(self, status: int, code: str, message: str, *, details: Any = None, target: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.target = target


def invalid(message: str) -> ApiError:
    """Return the 400 of a request that the specification does not allow."""
    return ApiError(400, ASSUMED_VALIDATION_CODE, f"Invalid Request, {message}")


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def json_response(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer with sorted keys (captured: every answer of the service has them sorted)."""
    body = _encode(content).encode("utf-8", "replace")  # JSON allows half a surrogate pair, which UTF-8 cannot encode
    return Response(status, {"content-type": "application/json", **GATEWAY, **(headers or {})}, body)


def text_response(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a plain-text answer, as the gateway in front of AI Core answers its own refusals."""
    return Response(status, {"content-type": "text/plain", **GATEWAY, **(headers or {})}, text.encode())


def empty_response(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer without a body."""
    length = {} if status == 204 else {"content-length": "0"}
    return Response(status, {**length, **GATEWAY, **(headers or {})}, b"")


def error_body(error: ApiError, *, request_id: str, target: str) -> Json:
    """Return the object under `error` (captured; without details, `details` is left out)."""
    return present(
        code=error.code,
        message=error.message,
        requestId=request_id,
        target=error.target or target,
        details=error.details,
    )


def internal_path(path: str) -> str:
    """Return the path in the target of an error.

    Internally `/v2/lm/X` is served as `/api/v2/X` and `/v2/admin/X` as `/api/v4alpha/X` (both captured).
    """
    if path.startswith("/v2/admin/"):
        return "/api/v4alpha" + path.removeprefix("/v2/admin")
    return "/api/v2" + path.removeprefix("/v2/lm") if path.startswith("/v2/lm") else path


def present(**values: Any) -> Json:
    """Return the values without those that are None: AI Core leaves absent values out."""
    return {name: value for name, value in values.items() if value is not None}


def page(resources: Iterable[Json], count: int | None = None) -> Json:
    """Return a list envelope.

    Args:
        resources: the resources in the answer.
        count: the total number, where the API gives it; else the "number of the resource instances in the list"
            (specification).
    """
    shown = list(resources)
    return {"count": len(shown) if count is None else count, "resources": shown}


@lru_cache(maxsize=1024)  # each poll of an execution shows the same few times
def seconds_z(moment: float) -> str:
    """Return `2021-02-09T08:08:12Z`: artifacts, configurations, executions (captured)."""
    return _utc(moment).isoformat()[:19] + "Z"


def seconds_offset(moment: float) -> str:
    """Return `2021-02-03T18:38:32+00:00`: scenarios, executables, versions (captured)."""
    return _utc(moment).isoformat()[:19] + "+00:00"


def seconds_space(moment: float) -> str:
    """Return `2021-11-10 12:05:55+00:00`: generic secrets (captured)."""
    return _utc(moment).isoformat(" ")[:19] + "+00:00"


def nanoseconds_offset(moment: float) -> str:
    """Return `2021-11-22T06:52:27.831955906+00:00`: log lines (captured)."""
    return _utc(moment).isoformat(timespec="microseconds")[:26] + "000+00:00"


def microseconds_z(moment: float) -> str:
    """Return `2021-12-03T06:23:57.945336Z`: metrics (captured)."""
    return _utc(moment).isoformat(timespec="microseconds")[:26] + "Z"


def _utc(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, timezone.utc)


def parse_time(text: str) -> float | None:
    """Return the seconds since the epoch that an RFC 3339 time names, or None if it is invalid.

    Nanoseconds, as log lines carry them, are cut to microseconds. A time without an offset is invalid.
    """
    match = _RFC_3339.match(text.strip())
    if not match:
        return None
    whole, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(whole.upper().replace(" ", "T") + offset.upper().replace("Z", "+00:00"))
    except ValueError:
        return None
    seconds = moment.timestamp() + (float(f"0{fraction[:7]}") if fraction else 0.0)
    return seconds if _FIRST_MOMENT <= seconds < _LAST_MOMENT else None


_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?\Z", re.ASCII)
_FIRST_MOMENT = datetime(1, 1, 1, tzinfo=timezone.utc).timestamp()
_LAST_MOMENT = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc).timestamp()
_RFC_3339 = re.compile(r"(\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})\Z", re.ASCII)
