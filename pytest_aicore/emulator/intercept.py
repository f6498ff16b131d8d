"""The door into this process: requests made with the `requests` library reach the emulator.

Built on `responses`, which is imported nowhere else. Seven things about it are worth knowing; each has a test:

1. A registry must return a reason for each registered response, or a miss dies with an IndexError: ours
   reports none registered.
2. `reset()` and leaving a `with` block throw registry and passthroughs away: our mock is never reset, and the
   mocks of tests get their passthrough to us again whenever they start or are reset.
3. The default registry drops a response that a later one hides: ours has one answer for everything.
4. `calls` grows without bound: ours is emptied with each request; the emulator keeps its own bounded log.
5. Retries are played without pause: attempts of one call share the prepared request, which is how the
   emulator counts logical calls.
6. Mocks hide each other: those of the test are told to hand on what is meant for us.
7. Its lock covers the matching only: the emulator has a lock of its own.
"""

from __future__ import annotations

import re
import sys
from functools import wraps
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import requests
import responses
from requests.adapters import HTTPAdapter

from pytest_aicore.emulator.wire import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import PreparedRequest

    from pytest_aicore.emulator.emulator import Emulator

REAL_HOSTS = (
    r"(?:[\w-]+\.)*api\.ai\.(?:[\w-]+\.)+hana\.ondemand\.com",
    r"(?:[\w-]+\.)*authentication\.(?:[\w-]+\.)+hana\.ondemand\.com",
)
"""Where the real service and its token service live (documentation: service keys of all regions)."""
LOOPBACK = re.compile(r"^https?://(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?:[:/]|$)", re.IGNORECASE)


class Door:
    """Leads requests of this process to an emulator while it is open.

    It answers the emulator's own addresses and those of the real service, so that code under test may build
    its own client. Requests to anybody else go where they would have gone, unless the network is blocked.

    Args:
        emulator: who answers.
        block_network: refuse requests to any host that is neither AI Core nor this machine.
    """

    def __init__(self, emulator: Emulator, *, block_network: bool = False) -> None:
        self.emulator = emulator
        self.block_network = block_network
        own = [re.escape(url.partition("://")[2]) for url in (emulator.base_url, emulator.auth_url)]
        self.ours = re.compile(rf"^https?://(?:{'|'.join([*own, *REAL_HOSTS])})(?::\d+)?(?:[/?#]|$)", re.IGNORECASE)
        self._own = re.compile(rf"^https?://(?:{'|'.join(own)})(?::\d+)?(?:[/?#]|$)", re.IGNORECASE)
        self._answers = _response(self._answer)
        self._refuses = _response(self._refuse)
        self._mock: responses.RequestsMock | None = None
        self._before: Any = None
        self._undo: list[Callable[[], None]] = []

    @property
    def is_open(self) -> bool:
        """Whether requests are led to the emulator."""
        return self._mock is not None

    def open(self) -> None:
        """Begin to answer. Mocks that are active already, or start later, keep answering what they know."""
        if self._mock is not None:
            return
        self._before = HTTPAdapter.send
        self._mock = responses.RequestsMock(
            assert_all_requests_are_fired=False,
            registry=_registry(self._find),
            real_adapter_send=self._before,
        )
        self._mock.add_passthru(re.compile(""))
        self._mock.start()
        self._bridge_responses(self._mock)
        self._bridge_requests_mock()

    def close(self) -> None:
        """Stop answering; everything is as it was before."""
        while self._undo:
            self._undo.pop()()
        if self._mock is not None:
            self._mock.stop(allow_assert=False)
            self._mock = self._before = None

    def ensure(self) -> None:
        """Open the door if it is not, or not any more.

        A mock that was started before the door was opened puts back what it found, when it stops.
        """
        if self._mock is not None and HTTPAdapter.send is self._before:
            self.close()
        self.open()
        self._bridge_requests_mock()

    # Answering ----------------------------------------------------------------------------------------------

    def _find(self, request: PreparedRequest) -> responses.BaseResponse | None:
        url = str(request.url)
        if self.ours.match(url):
            return self._answers
        if self.block_network and not LOOPBACK.match(url):
            return self._refuses
        return None

    def _answer(self, request: PreparedRequest) -> Any:
        if self._mock is not None:
            self._mock.calls.reset()
            self._answers.calls.reset()
        response = self.emulator.handle(
            Request(
                str(request.method),
                str(request.url),
                dict(request.headers),
                _bytes(request.body),
                call=request,
            )
        )
        if response.failure == "timeout":
            return requests.exceptions.ReadTimeout(f"Read timed out: {request.method} {request.url}", request=request)
        if response.failure:
            reset = ConnectionResetError(104, "Connection reset by peer")
            return requests.exceptions.ConnectionError(f"Connection aborted: {reset}", request=request)
        return response.status, response.headers, response.body

    def _refuse(self, request: PreparedRequest) -> Any:
        message = (
            f"{request.method} {request.url} would have reached the network, "
            "which aicore_block_network = true forbids. Answer it with a stub, or allow it by removing that setting."
        )
        self.emulator.incidents.append(message)
        return requests.exceptions.ConnectionError(message, request=request)

    # Good neighbours ----------------------------------------------------------------------------------------

    def _bridge_responses(self, ours: responses.RequestsMock) -> None:
        """Tell every `responses` mock that starts, or is reset, to hand on what is meant for us."""
        send_ours = ours.unbound_on_send()
        bridged: WeakKeyDictionary[responses.RequestsMock, Any] = WeakKeyDictionary()

        def started(mock: responses.RequestsMock) -> None:
            if mock is ours:
                return
            if mock not in bridged:
                send_others = bridged[mock] = mock._real_send  # noqa: SLF001  # where passthroughs go; no public way

                def send(adapter: HTTPAdapter, request: PreparedRequest, *args: Any, **kwargs: Any) -> Any:
                    chosen = send_ours if self.ours.match(str(request.url)) else send_others
                    return chosen(adapter, request, *args, **kwargs)

                mock._real_send = send  # noqa: SLF001
            reset(mock)

        def reset(mock: responses.RequestsMock) -> None:
            if mock in bridged and self.ours not in mock.passthru_prefixes:
                mock.add_passthru(self.ours)

        def restore() -> None:
            for mock, send_others in bridged.items():
                mock._real_send = send_others  # noqa: SLF001
                mock.passthru_prefixes = tuple(each for each in mock.passthru_prefixes if each is not self.ours)

        self._undo.append(restore)
        self._after(responses.RequestsMock, "start", started)
        self._after(responses.RequestsMock, "reset", reset)

    def _bridge_requests_mock(self) -> None:
        """Let what is meant for us pass by every `requests_mock` mocker that starts.

        What a mocker says about the real service's hosts goes first: it may stub them on purpose.
        """
        mocker_class = getattr(sys.modules.get("requests_mock.mocker"), "MockerCore", None)
        if mocker_class is None or self._mock is None or getattr(mocker_class.start, "bridge_of", None) is self:
            return
        original = mocker_class.start

        @wraps(original)
        def start(mocker: Any) -> None:
            send_before = requests.Session.send
            original(mocker)
            mocker.add_matcher(self._matcher)
            send_mocked = requests.Session.send
            if send_mocked is send_before:
                return  # a mocker of one session of the test's own

            def send(session: requests.Session, request: PreparedRequest, **kwargs: Any) -> requests.Response:
                chosen = send_before if self._own.match(str(request.url)) else send_mocked
                return chosen(session, request, **kwargs)

            requests.Session.send = send  # type: ignore[method-assign, assignment]

        start.bridge_of = self  # type: ignore[attr-defined]
        mocker_class.start = start
        self._undo.append(lambda: setattr(mocker_class, "start", original))

    def _matcher(self, request: Any) -> Any:
        """Answer a request that no stub of a `requests_mock` mocker knows, if it is meant for us."""
        if not self.ours.match(str(request.url)):
            return None
        answer = self._answer(request)
        if isinstance(answer, Exception):
            raise answer
        status, headers, body = answer
        return sys.modules["requests_mock"].create_response(request, status_code=status, headers=headers, content=body)

    def _after(self, owner: type, name: str, then: Callable[[Any], None]) -> None:
        original = getattr(owner, name)

        @wraps(original)
        def wrapped(instance: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(instance, *args, **kwargs)
            then(instance)
            return result

        setattr(owner, name, wrapped)
        self._undo.append(lambda: setattr(owner, name, original))


def _registry(find: Callable[[PreparedRequest], responses.BaseResponse | None]) -> Any:
    class Registry(responses.registries.FirstMatchRegistry):
        def find(self, request: PreparedRequest) -> tuple[responses.BaseResponse | None, list[str]]:
            return find(request), []

    return Registry


def _response(callback: Callable[[PreparedRequest], Any]) -> responses.CallbackResponse:
    """Return an answer for any request: our registry decides what it is given for, not its method or URL."""
    return responses.CallbackResponse(method="ANY", url="", callback=callback, content_type=None)


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    return body if isinstance(body, bytes) else str(body).encode()
