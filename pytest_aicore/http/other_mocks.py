"""Mocks of the tests beside open doors: the patches that make them work together while a door is open.

Mocks hide each other, and a door that patched by itself could only be closed in the reverse order of opening. So one
bridge per process patches for all open doors. Mocks are changed as follows:

- A `responses` mock passes on requests to AI Core for which it has no stub. The two attributes that decide this
  (`passthru_prefixes`, `_real_send`) are read through descriptors on its class, so that it works for mocks of any age
  and after a `reset()`.
- A mock that was started before a door was opened restores the earlier `send` when it stops: the bridge is installed
  again after each `stop`.
- `OrderedRegistry` drops all stubs but the next if a request does not match that one: they are restored.
- A `requests_mock` mocker gets a last matcher that passes on requests to AI Core.

`responses` is imported nowhere else.
"""

from __future__ import annotations

import sys
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Protocol

import requests
import responses
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from requests import PreparedRequest

    Send = Callable[..., requests.Response]


class OpenDoor(Protocol):
    """A door that is open."""

    ours: re.Pattern[str]

    def send(
        self, before: Send, adapter: HTTPAdapter, request: PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Answer a request, or send it as usual."""


class Bridge:
    """Passes requests of this process to its open doors, the latest first."""

    def __init__(self) -> None:
        self._doors: tuple[OpenDoor, ...] = ()  # replaced, never changed: other threads are sending
        self._adapter: Any = HTTPAdapter
        self._before: Send = HTTPAdapter.send
        self._send: Send | None = None
        self._undo: list[Callable[[], None]] = []

    def add(self, door: OpenDoor) -> None:
        """Pass requests to a door from now on; if it was added before, make sure that they still reach it."""
        if not self._doors:
            self._bridge_responses()
        if door not in self._doors:
            self._doors = (*self._doors, door)
        self._put_in_place()
        self._bridge_requests_mock()

    def remove(self, door: OpenDoor) -> None:
        """Stop passing requests to a door; after the last one, all patches are undone.

        If another patch still has a reference to the bridge's `send`, that one sends requests as usual from now on.
        """
        self._doors = tuple(each for each in self._doors if each is not door)
        if self._doors:
            return
        while self._undo:
            self._undo.pop()()
        if HTTPAdapter.send is self._send:
            self._adapter.send = self._before

    def _put_in_place(self) -> None:
        """Replace `HTTPAdapter.send`, unless a mock of `responses` has: it passes on requests to AI Core."""
        before = HTTPAdapter.send
        if before is self._send or before.__module__ == responses.__name__:
            return
        self._before, self._send = before, self._handing_on(before)
        self._adapter.send = self._send

    def _handing_on(self, before: Send) -> Send:
        def send(adapter: HTTPAdapter, request: PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
            __tracebackhide__ = True
            handed_on = before
            for door in self._doors:
                handed_on = partial(door.send, handed_on)
            return handed_on(adapter, request, *args, **kwargs)

        return send

    def _is_ours(self, url: str) -> bool:
        return any(door.ours.match(url) for door in self._doors)

    # Mocks of `responses` ----------------------------------------------------------------------------------

    def _bridge_responses(self) -> None:
        """Make every mock of `responses`, old or new, pass on requests to AI Core."""
        mock = responses.RequestsMock
        self._replace(mock, "_real_send", _Attribute("_real_send", self._handing_on, lambda send: send))
        self._replace(
            mock,
            "passthru_prefixes",
            _Attribute(
                "passthru_prefixes",
                lambda prefixes: (*prefixes, *(door.ours for door in self._doors)),
                lambda prefixes: tuple(
                    prefix for prefix in prefixes if not any(prefix is door.ours for door in self._doors)
                ),
            ),
        )
        for owner in (mock, responses):  # the functions of the module are bound to its default mock
            stop = owner.stop

            @wraps(stop)
            def stopped(*args: Any, _stop: Callable[..., Any] = stop, **kwargs: Any) -> Any:
                try:
                    return _stop(*args, **kwargs)
                finally:
                    if self._doors:
                        self._put_in_place()

            self._replace(owner, "stop", stopped)
        bind_send = mock.unbound_on_send

        @wraps(bind_send)
        def unbound_on_send(its: responses.RequestsMock) -> Any:
            return self._keeping_order(its, bind_send(its))

        self._replace(mock, "unbound_on_send", unbound_on_send)

    def _keeping_order(self, mock: responses.RequestsMock, send: Send) -> Send:
        @wraps(send)  # it remains one of `responses`
        def kept(adapter: HTTPAdapter, request: PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
            registry = mock.get_registry()
            if not isinstance(registry, responses.registries.OrderedRegistry) or not self._is_ours(str(request.url)):
                return send(adapter, request, *args, **kwargs)
            expected = list(registry.registered)
            try:
                return send(adapter, request, *args, **kwargs)
            finally:
                if [*map(id, registry.registered)] == [*map(id, expected[:1])]:
                    registry.registered[:] = expected

        return kept

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        had, before = name in vars(owner), vars(owner).get(name)

        def restore() -> None:
            if vars(owner).get(name) is not value:
                return  # it was replaced later by another patch, which calls it
            if had:
                setattr(owner, name, before)
            else:
                delattr(owner, name)

        setattr(owner, name, value)
        self._undo.append(restore)

    # Mockers of `requests_mock` ----------------------------------------------------------------------------

    def _bridge_requests_mock(self) -> None:
        """Make every `requests_mock` mocker pass on requests to AI Core, active ones included."""
        mocker_class = getattr(sys.modules.get("requests_mock.mocker"), "MockerCore", None)
        if mocker_class is None:
            return
        for active in _active_mockers(mocker_class):
            self._let_through(active)
        if getattr(mocker_class.start, "is_bridged", False):
            return
        start = mocker_class.start

        @wraps(start)
        def started(mocker: Any) -> None:
            start(mocker)
            self._let_through(mocker)

        started.is_bridged = True  # type: ignore[attr-defined]
        self._replace(mocker_class, "start", started)

    def _let_through(self, mocker: Any) -> None:
        """Give a mocker a matcher for requests to AI Core, behind those of the test: the latest is asked first."""
        matchers = mocker._adapter._matchers  # noqa: SLF001  # no public way to ask a matcher last
        for door in self._doors:
            if not any(getattr(matcher, "bridge_to", None) is door for matcher in matchers):
                mocker.register_uri(sys.modules["requests_mock"].ANY, door.ours, real_http=True)
                matchers.insert(0, _Unrecorded(door, mocker, matchers.pop()))


BRIDGE = Bridge()
"""The bridge of this process."""


class _Attribute:
    """A descriptor that changes the value of an instance attribute on reading, while it is set on the class.

    Args:
        name: the attribute.
        read: maps the value to the one that is read.
        write: maps a written value to the one that is kept.
    """

    def __init__(self, name: str, read: Callable[[Any], Any], write: Callable[[Any], Any]) -> None:
        self._name = name
        self._read = read
        self._write = write

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return the value for reading."""
        if instance is None:
            return self
        try:
            return self._read(vars(instance)[self._name])
        except KeyError:
            raise AttributeError(self._name) from None

    def __set__(self, instance: Any, value: Any) -> None:
        """Keep a written value."""
        vars(instance)[self._name] = self._write(value)


class _Unrecorded:
    """A matcher of `requests_mock` that passes requests on without adding them to the mocker's history."""

    def __init__(self, bridge_to: OpenDoor, mocker: Any, matcher: Any) -> None:
        self.bridge_to = bridge_to
        self._mocker = mocker
        self._matcher = matcher

    def __call__(self, request: Any) -> Any:
        """Call the other matcher, which raises to pass a request on."""
        try:
            return self._matcher(request)
        except Exception:
            history = self._mocker.request_history
            if history and history[-1] is request:
                history.pop()
            raise

    def reset(self) -> None:
        """Do nothing: no request was recorded."""


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
