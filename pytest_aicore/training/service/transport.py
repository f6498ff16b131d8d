"""The transport of live calls: each call has a time limit, and each answer a size limit.

The read timeout of `requests` starts again with every byte that arrives, so a call to a server that sends one byte per
second never ends, and an answer of any size is decompressed. Here a call has a *limit*: seconds for the whole call, and
bytes for its answer.

It is enforced in two ways. Each read of the connection, headers and trailers included, gets at most the time that is
left, and its bytes are counted; so a connection never outlives its call. And the call runs in a thread of its own,
which is abandoned when the time is up, because nothing can interrupt the lookup of a host name; so Ctrl-C works during
any call.

Redirects are not followed: AI Core sends none, and the token is only for AI Core.
"""

from __future__ import annotations

import io
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from http.client import HTTPResponse as PlainResponse
from threading import Event, Thread, local
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from pytest_aicore.http.exchange import NETWORK, PLAYED, Response, Transport
from pytest_aicore.http.requests_exchange import as_raw, as_request
from pytest_aicore.training.clock import RealClock
from pytest_aicore.training.service.service_time import ServiceTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_aicore.http.exchange import Failure

T = TypeVar("T")

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 30.0
"""Seconds to wait for a connection, and for the next byte of an answer. The SDK's 60 are longer than many timeouts."""
CALL_SECONDS = 60.0
"""Seconds for one call in total, from the lookup of the host name to the last byte of the answer."""
PAGE_SECONDS = 300.0
"""The same for a page of logs or metrics, which may be long."""
ANSWER_BYTES = 16 * 1024 * 1024
"""The largest answer, decompressed. A page of 100 executions has about 200 KB."""
PAGE_BYTES = 64 * 1024 * 1024
"""The largest page of logs or metrics: 1,000 log lines as long as container runtimes let them be (16 KiB), and more."""
TOKEN_BYTES = 1024 * 1024
_HEAD_BYTES = 1024 * 1024
"""Bytes that headers, chunk sizes and trailers may add to an answer."""
_CLOCK = RealClock()
_GRACE = 1.0
"""Seconds for a call whose time is up to raise the error itself, before its thread is abandoned."""
_SLICE = 0.5
"""Seconds of one wait for the thread of a call: on Windows, Ctrl-C has no effect during a wait."""
_CHUNK = 64 * 1024
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
"""The content encodings that requests ask for."""
_OF_THE_WAY = ("Content-Encoding", "Content-Length", "Transfer-Encoding", "Location")
"""Headers that no longer apply when an answer has been read."""
_PAGES = ("/logs", "/metrics")


class AnswerTooLargeError(requests.RequestException):
    """An answer is larger than any that AI Core gives."""


class CallTooLongError(requests.Timeout):
    """A call took longer than its limit."""


@dataclass
class Limit:
    """The limit of one call.

    Attributes:
        seconds: for the whole call.
        answer_bytes: for its answer, decompressed.
        transport: where its requests go.
        deadline: when its time is up, by the monotonic clock.
        received: the bytes that have arrived.
        date: the header `Date` of the newest answer.
        played: the header of the newest answer that says that nobody trains.
    """

    seconds: float
    answer_bytes: int
    transport: Transport = NETWORK
    deadline: float = field(init=False)
    received: int = 0
    date: str | None = None
    played: str | None = None

    def __post_init__(self) -> None:
        """Set the deadline: the outer limit's, if that is earlier."""
        outer = current()
        self.deadline = _CLOCK.monotonic() + self.seconds
        if outer is not None and outer.deadline < self.deadline:
            self.deadline, self.seconds = outer.deadline, outer.seconds

    @property
    def left(self) -> float:
        """The seconds that are left, 0 for none."""
        return max(0.0, self.deadline - _CLOCK.monotonic())

    def require_time(self) -> None:
        """Check that time is left.

        Raises:
            TimeoutError: the time is up.
        """
        if not self.left:
            raise TimeoutError(self.error_text)

    def receive(self, size: int) -> None:
        """Count bytes that have arrived.

        Raises:
            OSError: there are too many.
        """
        self.received += size
        if self.is_overrun:
            raise OSError(self.error_text)

    @property
    def is_overrun(self) -> bool:
        """Whether more bytes have arrived than the answer may have."""
        return self.received > self.answer_bytes + _HEAD_BYTES

    @property
    def error_text(self) -> str:
        """The error, in a few words."""
        if self.is_overrun:
            return f"the answer is larger than {_megabytes(self.answer_bytes)}"
        return f"no complete answer within {self.seconds:g} s"


_running = local()


def current() -> Limit | None:
    """Return the limit of the call that this thread makes, None outside of limited calls."""
    found: Limit | None = getattr(_running, "limit", None)
    return found


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Limit the time of all calls together that this thread makes in the block.

    Args:
        seconds: for the whole block.
    """
    outer = current()
    _running.limit = Limit(seconds, ANSWER_BYTES)  # for calls without a limit of their own
    try:
        yield
    finally:
        _running.limit = outer


class _Call(Generic[T]):
    """A call in a thread of its own."""

    def __init__(self, make: Callable[[], T], limit: Limit) -> None:
        self._make = make
        self._limit = limit
        self._over = Event()
        self._result: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        _running.limit = self._limit
        try:
            self._result.append(self._make())
        except BaseException as error:  # `result` raises it in the thread of the caller
            self._error = error
        finally:
            self._over.set()

    def result(self) -> T:
        thread = Thread(target=self.run, name="pytest-aicore call", daemon=True)
        thread.start()
        deadline = self._limit.deadline + _GRACE
        try:
            while not self._over.wait(max(0.0, min(_SLICE, deadline - _CLOCK.monotonic()))):
                if _CLOCK.monotonic() >= deadline:
                    raise CallTooLongError(self._limit.error_text)
        finally:
            self._limit.deadline = 0.0  # so that the thread sends nothing more if it still runs
        if self._error is not None:
            raise self._error
        return self._result[0]


def within(limit: Limit, make: Callable[[], T]) -> T:
    """Make a call with a limit, and return its result.

    Args:
        limit: of the call.
        make: makes the call, in another thread.

    Raises:
        CallTooLongError: the time was up.
        Exception: any error of the call.
    """
    return _Call(make, limit).result()


class _Wire(io.RawIOBase):
    """Reads a connection within the limit of its call."""

    def __init__(self, sock: Any, limit: Limit) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        self._limit = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._limit.require_time()
        self._sock.settimeout(min(READ_TIMEOUT, self._limit.left) or 0.001)
        size = int(self._file.readinto(buffer) or 0)
        self._limit.receive(size)
        return size

    def close(self) -> None:
        self._file.close()
        super().close()


class _Socket:
    """The socket from which `http.client` reads an answer."""

    def __init__(self, sock: Any, limit: Limit) -> None:
        self._sock = sock
        self._limit = limit

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        return io.BufferedReader(_Wire(self._sock, self._limit))


class _Answer(PlainResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        limit = current()
        super().__init__(sock if limit is None else _Socket(sock, limit), *args, **kwargs)  # type: ignore[arg-type]


class _Limited:
    """A mixin for connections: reading an answer is subject to the limit of its call."""

    response_class = _Answer

    def _new_conn(self) -> Any:
        sock = super()._new_conn()  # type: ignore[misc]
        limit = current()
        if limit is not None and not limit.left:  # the lookup of the host name took all of the time
            sock.close()
            raise urllib3.exceptions.ConnectTimeoutError(self, limit.error_text)
        return sock


class _PlainConnection(_Limited, HTTPConnectionPool.ConnectionCls):  # type: ignore[misc,valid-type]
    pass


class _SecureConnection(_Limited, HTTPSConnectionPool.ConnectionCls):  # type: ignore[misc,valid-type]
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


class LimitedAdapter(HTTPAdapter):
    """An adapter of `requests` that enforces the limit of the current thread's call, if it has one."""

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send a request and return its answer."""
        limit = current()
        if limit is None:
            return super().send(request, stream, timeout, verify, cert, proxies)
        # No retries here: those of pytest-aicore respect deadlines, and limit the pause that a Retry-After asks for.
        self.max_retries = Retry(0, read=False)
        self.poolmanager.pool_classes_by_scheme = _POOLS
        request.headers["Accept-Encoding"] = "gzip, deflate"
        wait = (min(CONNECT_TIMEOUT, limit.left) or 0.001, min(READ_TIMEOUT, limit.left) or 0.001)
        report = limit.transport.report
        try:
            limit.require_time()
            if limit.transport.answer is None:
                answer = super().send(request, True, wait, verify, cert, proxies)
            else:
                answer = self._built(request, limit.transport.answer(as_request(request, shows_certificate=bool(cert))))
            limit.date, limit.played = answer.headers.get("Date"), answer.headers.get(PLAYED)
            answer = _read(answer, limit)
        except (requests.RequestException, HTTPError, TimeoutError) as error:
            if report is not None:
                is_late = isinstance(error, (requests.Timeout, TimeoutError)) or not limit.left
                failure: Failure = "timeout" if is_late else "connection reset"
                report(as_request(request, shows_certificate=bool(cert)), Response(0, failure=failure))
            if limit.is_overrun:
                raise AnswerTooLargeError(limit.error_text, request=request) from error
            if not limit.left:
                raise CallTooLongError(limit.error_text, request=request) from error
            if isinstance(error, requests.RequestException):
                raise
            raise requests.ConnectionError(error, request=request) from error
        if report is not None:
            response = Response(answer.status_code, dict(answer.headers), answer.content)
            report(as_request(request, shows_certificate=bool(cert)), response)
        return answer

    def _built(self, request: requests.PreparedRequest, response: Response) -> requests.Response:
        """Return the answer of a transport as the network would have brought it.

        Raises:
            requests.ReadTimeout, requests.ConnectionError: the transport has no answer.
        """
        if response.failure == "timeout":
            raise requests.ReadTimeout("Read timed out.", request=request)
        if response.failure is not None:
            raise requests.ConnectionError("Connection aborted.", request=request)
        raw = as_raw(response, str(request.method))
        built: requests.Response = self.build_response(request, raw)  # type: ignore[no-untyped-call,unused-ignore]
        return built

    def proxy_manager_for(self, proxy: str, **how: Any) -> Any:
        """Return the manager of connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **how)
        manager.pool_classes_by_scheme = _POOLS
        return manager


def _read(answer: requests.Response, limit: Limit) -> requests.Response:
    """Read an answer to its end, and return it."""
    body = bytearray()
    for part in _unpacked(answer):
        body += part
        if len(body) > limit.answer_bytes:
            answer.close()
            raise AnswerTooLargeError(
                f"the answer is larger than {_megabytes(limit.answer_bytes)}", request=answer.request, response=answer
            )
    answer.raw.release_conn()
    for name in _OF_THE_WAY:
        answer.headers.pop(name, None)
    answer.raw = urllib3.HTTPResponse(io.BytesIO(body), answer.headers, answer.status_code, preload_content=False)
    return answer


def _unpacked(answer: requests.Response) -> Iterator[bytes]:
    """Return the decompressed answer in small parts, whatever the ratio of compression."""
    packed = answer.raw.stream(_CHUNK, decode_content=False)
    encoding = (answer.headers.get("Content-Encoding") or "identity").strip().lower()
    if encoding == "identity":
        yield from packed
        return
    if encoding not in _PACKED:
        answer.close()
        raise requests.exceptions.ContentDecodingError(
            f"the answer has the encoding {encoding!r}, which was not requested", response=answer
        )
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        for each in packed:
            rest = each
            while rest and not unpacking.eof:
                yield unpacking.decompress(rest, _CHUNK)
                rest = unpacking.unconsumed_tail
    except zlib.error as error:
        raise requests.exceptions.ContentDecodingError(f"the answer cannot be decompressed: {error}") from error
    if not unpacking.eof:
        raise requests.exceptions.ContentDecodingError("the answer cannot be decompressed: it is cut off")


def limit_calls(client: Any, sdk_module: Any, transport: Transport = NETWORK) -> ServiceTime:
    """Give every call of one SDK client a limit, and return the service's time as its answers show it.

    Args:
        client: a client of the SDK. Other clients, such as the user's own, are not changed.
        sdk_module: `ai_api_client_sdk.helpers.rest_client`, which makes a session of `requests` for each call.
        transport: where the requests go.
    """
    sdk_module.HTTPAdapter = LimitedAdapter
    service_time = ServiceTime()
    for rest_client in (client.rest_client, client.resource_groups.rest_client):
        for method in ("get", "post", "patch", "delete"):
            setattr(rest_client, method, _limited(getattr(rest_client, method), service_time, transport))
    return service_time


def _limited(method: Callable[..., T], service_time: ServiceTime, transport: Transport) -> Callable[..., T]:
    @wraps(method)
    def call(path: str, *args: Any, **kwargs: Any) -> T:
        is_page = path.rstrip("/").endswith(_PAGES)
        limit = Limit(PAGE_SECONDS, PAGE_BYTES, transport) if is_page else Limit(CALL_SECONDS, ANSWER_BYTES, transport)
        try:
            return within(limit, lambda: method(path, *args, **kwargs))
        finally:
            service_time.add(limit.date, played=limit.played is not None)

    return call


def post(url: str, transport: Transport = NETWORK, **how: Any) -> requests.Response:
    """Send the POST request for a token, and return the answer.

    Args:
        url: the token endpoint.
        transport: where the request goes.
        how: further arguments of `requests.post`.

    Raises:
        requests.RequestException: the request failed.
    """

    def send() -> requests.Response:
        with requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, LimitedAdapter())
            return session.post(url, allow_redirects=False, **how)

    return within(Limit(CALL_SECONDS, TOKEN_BYTES, transport), send)


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:g} MiB"
