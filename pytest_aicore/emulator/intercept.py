"""The door into this process: requests made with the `requests` library reach the emulator.

It replaces `HTTPAdapter.send`, as `responses` does, and answers by itself what is meant for AI Core, with the
retries that the adapter of the session was told to make. So tests go on using mocks of their own, and those are
told about the door, because mocks hide each other:

- Of a `responses` mock, what it has no stub for and is meant for AI Core is handed on. The two attributes that
  decide that (`passthru_prefixes`, `_real_send`) are read through descriptors on its class, so that neither its
  age nor a `reset()` matters.
- A mock that was started before the door was opened puts back what it found when it stops: the door is put in
  place again after each `stop`.
- `OrderedRegistry` forgets all stubs but the next when a request does not match that one: they are put back.
- A `requests_mock` mocker gets a last matcher that lets what is meant for AI Core through.

A stub of the test's own goes first everywhere, also one for a host of AI Core. While the door is open a guard refuses
what other libraries ask of the network (`network.py`). Nothing is recorded here: the
emulator keeps a bounded log, and has a lock of its own, because callbacks of mocks are called without one.
`responses` is imported nowhere else.
"""

from __future__ import annotations

import re
import sys
from functools import wraps
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import responses
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.exceptions import MaxRetryError, ProtocolError, ReadTimeoutError

from pytest_aicore.emulator.network import Guard
from pytest_aicore.emulator.presence import ABSENCE
from pytest_aicore.emulator.wire import Request
from pytest_aicore.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import PreparedRequest
    from urllib3.util.retry import Retry

    from pytest_aicore.emulator.emulator import Emulator
    from pytest_aicore.emulator.presence import Presence
    from pytest_aicore.emulator.wire import Failure, Response

    Send = Callable[..., requests.Response]

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
    """Leads requests of this process to an emulator while it is open.

    It answers the emulator's own addresses and those of the real service, so that code under test may build
    its own client. Requests to anybody else go where they would have gone, unless the network is blocked.

    Args:
        emulator: who answers.
        block_network: refuse whatever would reach a host that is neither AI Core nor this machine.
        presence: where the emulator is, if it is to be kept to one process.
    """

    def __init__(self, emulator: Emulator, *, block_network: bool = False, presence: Presence | None = None) -> None:
        self.emulator = emulator
        self.block_network = block_network
        self._presence = presence
        urls = [urlsplit(url) for url in (emulator.base_url, emulator.auth_url)]
        self.ours = url_pattern((*(re.escape(url.netloc) for url in urls), *REAL_HOSTS))
        hosts = (*(re.escape(url.hostname or "") for url in urls), *REAL_HOSTS)
        self.guard = Guard(hosts, (presence or emulator).report, lambda: self.block_network)
        self.is_open = False
        """Whether requests are led to the emulator."""
        self._adapter: Any = HTTPAdapter
        self._before: Send = HTTPAdapter.send
        self._send: Send | None = None
        self._undo: list[Callable[[], None]] = []

    def open(self) -> None:
        """Begin to answer. Mocks that are active already, or start later, keep answering what they know."""
        if not self.is_open:
            self.is_open = True
            self._bridge_responses()
        self.ensure()

    def ensure(self) -> None:
        """Open the door if it is not open, or not in its place any more."""
        if not self.is_open:
            self.open()
        self.guard.begin()
        self._put_in_place()
        self._bridge_requests_mock()

    def close(self) -> None:
        """Stop answering; everything is as it was before.

        Where somebody holds the door's `send`, because it replaced it and has not put it back yet, that passes
        requests on from now on.
        """
        self.is_open = False
        self.guard.end()
        while self._undo:
            self._undo.pop()()
        if HTTPAdapter.send is self._send:
            self._adapter.send = self._before
        self._send = None

    def _put_in_place(self) -> None:
        """Replace `HTTPAdapter.send`, unless a mock of `responses` has: that one hands on to us what is ours."""
        before = HTTPAdapter.send
        if before is self._send or before.__module__ == responses.__name__:
            return

        self._before, self._send = before, self._handing_on(before)
        self._adapter.send = self._send

    # Answering ----------------------------------------------------------------------------------------------

    def _sent(
        self, before: Send, adapter: HTTPAdapter, request: PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Answer a request if it is meant for us, else send it where it would have gone."""
        __tracebackhide__ = True
        if self.is_open:
            url = str(request.url)
            if self.ours.match(url):
                if self._presence is not None and not self._presence.is_here:
                    raise self._refusal(request, f"{request.method} {url} was not answered: {ABSENCE}")
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
        """Return the emulator's answer, after the retries that the adapter makes; none of them waits."""
        __tracebackhide__ = True
        method, url = str(request.method), str(request.url)
        headers, body = dict(request.headers), _bytes(request)
        retries: Retry = adapter.max_retries
        while True:
            asked = Request(method, url, headers, body, call=request, client_certificate=shows_certificate)
            answer = self.emulator.handle(asked)
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
        (self._presence or self.emulator).report(message)
        return requests.exceptions.ConnectionError(message, request=request)

    # Good neighbours ----------------------------------------------------------------------------------------

    def _bridge_responses(self) -> None:
        """Make every mock of `responses`, whenever it was made, hand on what is meant for us."""
        mock = responses.RequestsMock
        self._replace(mock, "_real_send", _Attribute("_real_send", mock, self._handing_on, lambda send: send))
        self._replace(
            mock,
            "passthru_prefixes",
            _Attribute(
                "passthru_prefixes",
                mock,
                lambda prefixes: (*prefixes, self.ours),
                lambda prefixes: tuple(prefix for prefix in prefixes if prefix is not self.ours),
            ),
        )
        for owner in (mock, responses):  # the functions of the module are bound to its own mock
            stop = owner.stop

            @wraps(stop)
            def stopped(*args: Any, _stop: Callable[..., Any] = stop, **kwargs: Any) -> Any:
                try:
                    return _stop(*args, **kwargs)
                finally:
                    if self.is_open:
                        self._put_in_place()

            self._replace(owner, "stop", stopped)
        bind_send = mock.unbound_on_send

        @wraps(bind_send)
        def unbound_on_send(its: responses.RequestsMock) -> Any:
            return self._keeping_order(its, bind_send(its))

        self._replace(mock, "unbound_on_send", unbound_on_send)

    def _handing_on(self, before: Send) -> Send:
        def send(adapter: HTTPAdapter, request: PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
            __tracebackhide__ = True
            return self._sent(before, adapter, request, *args, **kwargs)

        return send

    def _keeping_order(self, mock: responses.RequestsMock, send: Send) -> Send:
        def kept(adapter: HTTPAdapter, request: PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
            registry = mock.get_registry()
            if not isinstance(registry, responses.registries.OrderedRegistry) or not self.ours.match(str(request.url)):
                return send(adapter, request, *args, **kwargs)
            expected = list(registry.registered)
            try:
                return send(adapter, request, *args, **kwargs)
            finally:
                if [*map(id, registry.registered)] == [*map(id, expected[:1])]:
                    registry.registered[:] = expected

        return kept

    def _bridge_requests_mock(self) -> None:
        """Let what is meant for us pass by every `requests_mock` mocker, those that are active included."""
        mocker_class = getattr(sys.modules.get("requests_mock.mocker"), "MockerCore", None)
        if mocker_class is None:
            return
        for active in _active_mockers(mocker_class):
            self._let_through(active)
        if getattr(mocker_class.start, "bridge_of", None) is self:
            return
        start = mocker_class.start

        @wraps(start)
        def started(mocker: Any) -> None:
            start(mocker)
            if self.is_open:
                self._let_through(mocker)

        started.bridge_of = self  # type: ignore[attr-defined]
        self._replace(mocker_class, "start", started)

    def _let_through(self, mocker: Any) -> None:
        """Give a mocker a matcher for what is meant for us, behind those of the test: the latest is asked first."""
        matchers = mocker._adapter._matchers  # noqa: SLF001  # no public way to ask a matcher last
        if not any(getattr(matcher, "bridge_of", None) is self for matcher in matchers):
            mocker.register_uri(sys.modules["requests_mock"].ANY, self.ours, real_http=True)
            matchers.insert(0, _Unrecorded(self, mocker, matchers.pop()))

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        had, before = name in vars(owner), vars(owner).get(name)

        def restore() -> None:
            if vars(owner).get(name) is not value:
                return  # somebody replaced it later, and passes on to what it found
            if had:
                setattr(owner, name, before)
            else:
                delattr(owner, name)

        setattr(owner, name, value)
        self._undo.append(restore)


class _Attribute:
    """An attribute of instances whose value is changed when read, for as long as this stands on their class.

    Args:
        name: the attribute.
        owner: the class; a descriptor that stands there already is read through.
        read: from the value, what is read.
        write: from what is written, the value.
    """

    def __init__(self, name: str, owner: type, read: Callable[[Any], Any], write: Callable[[Any], Any]) -> None:
        self._name = name
        self._below = vars(owner).get(name)
        self._read = read
        self._write = write

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return what is read."""
        if instance is None:
            return self
        if self._below is not None:
            return self._read(self._below.__get__(instance, owner))
        try:
            return self._read(vars(instance)[self._name])
        except KeyError:
            raise AttributeError(self._name) from None

    def __set__(self, instance: Any, value: Any) -> None:
        """Take what is written."""
        if self._below is not None:
            self._below.__set__(instance, self._write(value))
        else:
            vars(instance)[self._name] = self._write(value)


class _Unrecorded:
    """A matcher of `requests_mock` that leaves no trace in the mocker's history of what it lets through."""

    def __init__(self, bridge_of: Door, mocker: Any, matcher: Any) -> None:
        self.bridge_of = bridge_of
        self._mocker = mocker
        self._matcher = matcher

    def __call__(self, request: Any) -> Any:
        """Do as the other matcher does, which raises when it lets a request through."""
        try:
            return self._matcher(request)
        except Exception:
            history = self._mocker.request_history
            if history and history[-1] is request:
                history.pop()
            raise

    def reset(self) -> None:
        """Forget nothing: nothing was recorded."""


def _active_mockers(mocker_class: type[Any]) -> list[Any]:
    """Return the `requests_mock` mockers that have replaced `Session.send`, the latest first."""
    found: list[Any] = []
    send: Any = requests.Session.send
    while send is not None:
        cells = [cell.cell_contents for cell in getattr(send, "__closure__", None) or ()]
        mocker = next((each for each in cells if isinstance(each, mocker_class)), None)
        if mocker is None or mocker in found:
            break
        found.append(mocker)
        send = mocker._last_send  # noqa: SLF001  # what it found, and hands on to
    return found


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
