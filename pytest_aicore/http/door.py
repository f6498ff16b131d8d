"""The door into this process: it answers requests that are made with the `requests` library.

The replacement of `HTTPAdapter.send` asks the door first (`other_mocks.py`). The door answers requests to AI Core
itself, with the retries that the adapter of the session is configured to make, so tests can use other mocks as well. A
stub of the test takes precedence everywhere, also one for a host of AI Core.

While the door is open, a guard refuses network access of other libraries (`network.py`). The door records nothing, and
the function that answers has its own lock, because callbacks of mocks are called without one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import MaxRetryError, ProtocolError, ReadTimeoutError

from pytest_aicore.http.network import Guard
from pytest_aicore.http.other_mocks import BRIDGE
from pytest_aicore.http.requests_exchange import as_raw, as_request
from pytest_aicore.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from requests import PreparedRequest
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    from pytest_aicore.http.exchange import Failure, Request, Response
    from pytest_aicore.http.other_mocks import Send

REAL_HOSTS = (
    r"(?:[\w-]+\.)*api\.ai\.(?:[\w-]+\.)+hana\.ondemand\.com",
    r"(?:[\w-]+\.)*authentication\.(?:[\w-]+\.)+hana\.ondemand\.com",
)
"""The domains of the real service and its token service (documentation: service keys of all regions)."""


def url_pattern(hosts: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern for the beginning of URLs of hosts, with any user information and port."""
    return re.compile(rf"^https?://(?:[^/?#@]*@)?(?:{'|'.join(hosts)})\.?(?::\d*)?(?=[/?#]|$)", re.IGNORECASE)


class _BlockedRequestError(Exception):
    """A request would have reached the blocked network; urllib3 and its retries do not handle this error."""


class Door:
    """Answers requests of this process while it is open.

    It answers requests to the given URLs and to the real service, so that code under test may build its own client.
    Other requests are sent as usual, unless the network is blocked.

    Args:
        urls: URLs that are answered, besides the real service's.
        answer: answers a request.
        report: gets each refusal, because code may swallow the exception.
        block_network: refuse every connection to a host that is neither AI Core nor this machine.
        absence: returns why requests cannot be answered in this process, or None.
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
        """Whether requests are answered here."""

    def open(self) -> None:
        """Start to answer; if open, make sure that requests still reach the door.

        Mocks that are active already, or start later, still answer the requests that they have stubs for.
        """
        self.is_open = True
        self.guard.begin()
        BRIDGE.add(self)

    def close(self) -> None:
        """Stop answering; after the last door is closed, everything is as before."""
        self.is_open = False
        self.guard.end()
        BRIDGE.remove(self)

    # Answering ----------------------------------------------------------------------------------------------

    def send(
        self, before: Send, adapter: HTTPAdapter, request: PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Answer a request to AI Core, or send any other one as usual."""
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
        """Send a request that mocks below `requests` (such as vcrpy) may answer; others are refused."""
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
        """Return the answer, after the retries that the adapter makes; without waiting."""
        __tracebackhide__ = True
        method, url = str(request.method), str(request.url)
        retries: Retry = adapter.max_retries
        while True:
            answer = self._ask(as_request(request, shows_certificate=shows_certificate))
            try:
                if answer.failure:
                    pool = _pool(url)
                    broken = _broken(answer.failure, url, pool)
                    retries = retries.increment(method, request.path_url, error=broken, _pool=pool)
                    continue
                raw = as_raw(answer, method)
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
    """Return the pool that urllib3's messages name; it does not connect."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return HTTPSConnectionPool(str(parts.hostname), parts.port or 443)
    return HTTPConnectionPool(str(parts.hostname), parts.port or 80)


def _broken(failure: Failure, url: str, pool: HTTPConnectionPool) -> ProtocolError | ReadTimeoutError:
    """Return the exception of urllib3 for a missing answer."""
    if failure == "timeout":
        return ReadTimeoutError(pool, url, "Read timed out.")
    return ProtocolError("Connection aborted.", ConnectionResetError(104, "Connection reset by peer"))
