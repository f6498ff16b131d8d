"""The door into this process: requests made with the `requests` library reach whoever answers them here.

What stands in the place of `HTTPAdapter.send`, as that of `responses` does, asks it first (`other_mocks.py`), and it
answers by itself what is meant for AI Core, with the retries that the adapter of the session was told to make. So
tests go on using mocks of their own. A stub of the test's own goes first everywhere, also one for a host of AI Core.

While the door is open a guard refuses what other libraries ask of the network (`network.py`). Nothing is recorded
here, and whoever answers has a lock of its own, because callbacks of mocks are called without one.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.exceptions import MaxRetryError, ProtocolError, ReadTimeoutError

from pytest_aicore.http.exchange import Request
from pytest_aicore.http.network import Guard
from pytest_aicore.http.other_mocks import BRIDGE
from pytest_aicore.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from requests import PreparedRequest
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    from pytest_aicore.http.exchange import Failure, Response
    from pytest_aicore.http.other_mocks import Send

REAL_HOSTS = (
    r"(?:[\w-]+\.)*api\.ai\.(?:[\w-]+\.)+hana\.ondemand\.com",
    r"(?:[\w-]+\.)*authentication\.(?:[\w-]+\.)+hana\.ondemand\.com",
)
"""Where the real service and its token service live (documentation: service keys of all regions)."""


def url_pattern(hosts: tuple[str, ...]) -> re.Pattern[str]:
    """Return what the URLs of hosts begin with, whatever the user information and port."""
    return re.compile(rf"^https?://(?:[^/?#@]*@)?(?:{'|'.join(hosts)})\.?(?::\d*)?(?=[/?#]|$)", re.IGNORECASE)


_REASONS = {status.value: status.phrase for status in HTTPStatus}


class _BlockedRequestError(Exception):
    """A request would have reached the blocked network; neither urllib3 nor its retries know this error."""


class Door:
    """Answers requests of this process while it is open.

    They are those for the given addresses and for the real service, so that code under test may build its own client.
    Requests to anybody else go where they would have gone, unless the network is blocked.

    Args:
        urls: addresses that are answered, besides the real service's.
        answer: answers a request.
        report: is told what was refused, because code may swallow the exception.
        block_network: refuse whatever would reach a host that is neither AI Core nor this machine.
        absence: says why nothing is answered here now, None if it is.
    """

    def __init__(
        self,
        urls: Iterable[str],
        answer: Callable[[Request], Response],
        report: Callable[[str], None],
        *,
        block_network: bool = False,
        absence: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.block_network = block_network
        self._ask = answer
        self._report = report
        self._absence = absence
        places = [urlsplit(url) for url in urls]
        self.ours = url_pattern((*(re.escape(url.netloc) for url in places), *REAL_HOSTS))
        hosts = (*(re.escape(url.hostname or "") for url in places), *REAL_HOSTS)
        self.guard = Guard(hosts, report, lambda: self.block_network)
        self.is_open = False
        """Whether requests are led here."""

    def open(self) -> None:
        """Begin to answer, or see that requests still reach us.

        Mocks that are active already, or start later, keep answering what they know.
        """
        self.is_open = True
        self.guard.begin()
        BRIDGE.add(self)

    def close(self) -> None:
        """Stop answering; when no door is open any more everything is as it was before."""
        self.is_open = False
        self.guard.end()
        BRIDGE.remove(self)

    # Answering ----------------------------------------------------------------------------------------------

    def send(
        self, before: Send, adapter: HTTPAdapter, request: PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Answer a request if it is meant for us, else send it where it would have gone."""
        __tracebackhide__ = True
        if self.is_open:
            url = str(request.url)
            if self.ours.match(url):
                absence = self._absence()
                if absence is not None:
                    raise self._refusal(request, f"{request.method} {url} was not answered: {absence}")
                certificate = kwargs.get("cert", args[3] if len(args) > 3 else None)
                return self._answer(adapter, request, shows_certificate=bool(certificate))
            if self.block_network:
                return self._sent_unless_blocked(before, adapter, request, *args, **kwargs)
        return before(adapter, request, *args, **kwargs)

    def _sent_unless_blocked(
        self, before: Send, adapter: HTTPAdapter, request: PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send a request that mocks below `requests` may answer, as those of vcrpy; what they do not is refused."""
        __tracebackhide__ = True
        try:
            with self.guard.request(_BlockedRequestError()):
                return before(adapter, request, *args, **kwargs)
        except _BlockedRequestError:
            why = (
                f"{request.method} {request.url} would have reached the network, which aicore_block_network = true"
                " forbids. Answer it with a stub, or allow it by removing that setting."
            )
            raise self._refusal(request, why) from None

    def _answer(self, adapter: HTTPAdapter, request: PreparedRequest, *, shows_certificate: bool) -> requests.Response:
        """Return the answer, after the retries that the adapter makes; none of them waits."""
        __tracebackhide__ = True
        method, url = str(request.method), str(request.url)
        headers, body = dict(request.headers), _bytes(request)
        retries: Retry = adapter.max_retries
        while True:
            asked = Request(method, url, headers, body, call=request, client_certificate=shows_certificate)
            answer = self._ask(asked)
            try:
                if answer.failure:
                    pool = _pool(url)
                    broken = _broken(answer.failure, url, pool)
                    retries = retries.increment(method, request.path_url, error=broken, _pool=pool)
                    continue
                raw = _raw(answer, method)
                if not retries.is_retry(method, answer.status, "retry-after" in answer.headers):
                    return adapter.build_response(request, raw)  # type: ignore[no-any-return, no-untyped-call, unused-ignore]
                retries = retries.increment(method, request.path_url, response=raw, _pool=_pool(url))
            except MaxRetryError as error:
                if answer.failure:
                    raise requests.exceptions.ConnectionError(error, request=request) from None
                if retries.raise_on_status:
                    raise requests.exceptions.RetryError(error, request=request) from None
                return adapter.build_response(request, raw)  # type: ignore[no-any-return, no-untyped-call, unused-ignore]
            except ReadTimeoutError as error:
                raise requests.exceptions.ReadTimeout(error, request=request) from None
            except ProtocolError as error:
                raise requests.exceptions.ConnectionError(error, request=request) from None

    def _refusal(self, request: PreparedRequest, why: str) -> requests.exceptions.ConnectionError:
        message = redact(why)
        self._report(message)
        return requests.exceptions.ConnectionError(message, request=request)


def _pool(url: str) -> HTTPConnectionPool:
    """Return what urllib3's messages name; nothing is connected."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return HTTPSConnectionPool(str(parts.hostname), parts.port or 443)
    return HTTPConnectionPool(str(parts.hostname), parts.port or 80)


def _broken(failure: Failure, url: str, pool: HTTPConnectionPool) -> ProtocolError | ReadTimeoutError:
    """Return what urllib3 raises when no answer comes."""
    if failure == "timeout":
        return ReadTimeoutError(pool, url, "Read timed out.")
    return ProtocolError("Connection aborted.", ConnectionResetError(104, "Connection reset by peer"))


def _raw(answer: Response, method: str) -> HTTPResponse:
    return HTTPResponse(
        body=BytesIO(b"" if method == "HEAD" else answer.body),
        status=answer.status,
        reason=_REASONS.get(answer.status),
        headers=answer.headers,
        preload_content=False,
        request_method=method,
    )


def _bytes(request: PreparedRequest) -> bytes:
    """Return the body of a request; one that can be read only once is replaced by what was read."""
    body: Any = request.body
    if body is None or isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body or b"")
    if isinstance(body, str):
        return body.encode()
    read = body.read() if hasattr(body, "read") else b"".join(body)
    request.body = read.encode() if isinstance(read, str) else bytes(read)
    return request.body
