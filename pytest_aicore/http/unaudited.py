"""Methods that resolve names, connect, or begin TLS before an audit event, or without one: here they ask a guard first.

Python itself resolves the names in `connect` and `sendto` before the event, and TLS has no event. The rest are packages
with system calls, DNS or TLS of their own: libuv, c-ares, dnspython, pyOpenSSL, asyncio on Windows; and
`multiprocessing`, which starts processes without an event. The methods are replaced only while there is a guard, those
of packages once these are loaded.
"""

from __future__ import annotations

import socket
import ssl
import sys
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


INTERNET = (socket.AF_INET, socket.AF_INET6)
"""The families whose addresses have a host and a port."""


class GuardInterface(Protocol):
    """What the replaced methods ask; `network.Guard` answers."""

    def examine(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Refuse or allow the call of an audit event."""

    def begin_tls(self, host: object) -> None:
        """Refuse TLS with a host of AI Core."""

    def is_ai_core(self, host: object) -> bool:
        """Return whether a host is one of AI Core, and not this machine."""

    def look_up(self, host: object, *, reverse: bool = False) -> None:
        """Refuse or allow the lookup of a host."""

    def reach(self, verb: str, host: object, port: object) -> None:
        """Refuse or allow a connection."""

    def send(self, its: socket.socket) -> None:
        """Refuse or allow sending by a connected socket."""

    def note_process(self, how: str) -> None:
        """Note that a process was started."""


# Each takes the arguments of a method; those that it ignores may have any name.


def _names(guard: GuardInterface, its: socket.socket, address: Any) -> None:
    if address and isinstance(address, tuple) and its.family in INTERNET:
        guard.look_up(address[0])


def _names_of_sendto(guard: GuardInterface, its: socket.socket, _data: object, *rest: Any) -> None:
    _names(guard, its, rest[-1] if rest else None)


def _names_of_sendmsg(guard: GuardInterface, its: socket.socket, *rest: Any) -> None:
    if len(rest) > 3:
        _names(guard, its, rest[3])
    else:
        guard.send(its)


def _lookup(guard: GuardInterface, _its: object, host: object = None, *_rest: object, **_more: object) -> None:
    guard.look_up(host)


def _reverse(guard: GuardInterface, _its: object, address: Any = None, *_rest: object, **_more: object) -> None:
    guard.look_up(address[0] if isinstance(address, tuple) else address, reverse=True)


def _connection(
    guard: GuardInterface,
    _its: object,
    _factory: object = None,
    host: object = None,
    port: object = None,
    **_more: object,
) -> None:
    guard.reach("Connecting", host, port)


def _datagrams(
    guard: GuardInterface,
    _its: object,
    _factory: object = None,
    _from: object = None,
    remote_addr: Any = None,
    **_more: object,
) -> None:
    if isinstance(remote_addr, tuple):
        guard.reach("Connecting", *remote_addr[:2])


def _sending(guard: GuardInterface, its: socket.socket, *_rest: object, **_more: object) -> None:
    guard.send(its)


def _ai_core_lookup(guard: GuardInterface, _its: object, host: object = None, *_rest: object, **_more: object) -> None:
    # The connection to the name server has an event of its own: it may be a name server of the test.
    if guard.is_ai_core(host):
        guard.look_up(host)


def _server_name(guard: GuardInterface, _its: object, host: object = None, *_rest: object, **_more: object) -> None:
    guard.begin_tls(host)


def _process(guard: GuardInterface, its: Any, *_rest: object, **_more: object) -> None:
    how = its._start_method or sys.modules["multiprocessing.context"]._default_context.get_start_method()  # noqa: SLF001
    if how != "fork":  # which inherits the guard
        guard.note_process(f"multiprocessing ({how})")


def _sock_connect(guard: GuardInterface, _its: object, sock: socket.socket, address: Any) -> None:
    guard.examine("socket.connect", (sock, address))


def _tls(
    guard: GuardInterface,
    _its: object,
    _sock: object = None,
    _server_side: object = None,
    _handshake: object = None,
    _ragged: object = None,
    server_hostname: object = None,
    *_rest: object,
    **_more: object,
) -> None:
    guard.begin_tls(server_hostname)


_ASKING: dict[tuple[str, str, str], Callable[..., None]] = {
    ("socket", "socket", "bind"): _names,
    ("socket", "socket", "connect"): _names,
    ("socket", "socket", "connect_ex"): _names,
    ("socket", "socket", "sendto"): _names_of_sendto,
    ("socket", "socket", "sendmsg"): _names_of_sendmsg,
    ("socket", "socket", "send"): _sending,
    ("socket", "socket", "sendall"): _sending,
    ("ssl", "SSLContext", "wrap_socket"): _tls,
    ("OpenSSL.SSL", "Connection", "set_tlsext_host_name"): _server_name,
    ("multiprocessing.context", "Process", "start"): _process,
    ("multiprocessing.context", "SpawnProcess", "start"): _process,
    ("multiprocessing.context", "ForkServerProcess", "start"): _process,
    ("asyncio", "ProactorEventLoop", "sock_connect"): _sock_connect,
    ("uvloop", "Loop", "getaddrinfo"): _lookup,
    ("uvloop", "Loop", "getnameinfo"): _reverse,
    ("uvloop", "Loop", "create_connection"): _connection,
    ("uvloop", "Loop", "create_datagram_endpoint"): _datagrams,
    ("uvloop", "Loop", "sock_connect"): _sock_connect,
    ("dns.resolver", "Resolver", "resolve"): _ai_core_lookup,
    ("dns.asyncresolver", "Resolver", "resolve"): _ai_core_lookup,
    ("eventlet.support.greendns", "ResolverProxy", "query"): _ai_core_lookup,
    ("gevent.resolver.ares", "Resolver", "getaddrinfo"): _lookup,
    ("gevent.resolver.ares", "Resolver", "gethostbyaddr"): _reverse,
    ("gevent.resolver.ares", "Resolver", "gethostbyname"): _lookup,
    ("gevent.resolver.ares", "Resolver", "gethostbyname_ex"): _lookup,
    ("gevent.resolver.ares", "Resolver", "getnameinfo"): _reverse,
    ("gevent.resolver.dnspython", "Resolver", "getaddrinfo"): _ai_core_lookup,
    ("gevent.resolver.dnspython", "Resolver", "gethostbyname"): _ai_core_lookup,
    ("pycares", "Channel", "getaddrinfo"): _lookup,
    ("pycares", "Channel", "gethostbyname"): _lookup,
    ("pycares", "Channel", "gethostbyaddr"): _reverse,
    ("pycares", "Channel", "getnameinfo"): _reverse,
    ("pycares", "Channel", "query"): _lookup,
    ("pycares", "Channel", "search"): _lookup,
}
"""By module, class and method: the call of a guard, with the arguments of the method."""

_undo: dict[tuple[type, str], Callable[[], None]] = {}


def watch(guards: Sequence[GuardInterface]) -> None:
    """Make the methods of all loaded packages ask guards first, until `unwatch`.

    Args:
        guards: the active guards, the latest last; the list may grow.
    """
    for (module, name, method), ask in _ASKING.items():
        owner = getattr(sys.modules.get(module), name, None)
        if owner is not None and (owner, method) not in _undo and hasattr(owner, method):
            _replace(owner, method, _asking(getattr(owner, method), ask, guards))
    if (ssl.SSLContext, "wrap_bio") not in _undo:
        _replace(ssl.SSLContext, "wrap_bio", _refusing_handshakes(ssl.SSLContext.wrap_bio, guards))


def unwatch() -> None:
    """Undo all replacements."""
    while _undo:
        _undo.popitem()[1]()


def _asking(
    before: Callable[..., Any], ask: Callable[..., None], guards: Sequence[GuardInterface]
) -> Callable[..., Any]:
    @wraps(before)
    def asking(*args: Any, **kwargs: Any) -> Any:
        for guard in reversed(guards):
            ask(guard, *args, **kwargs)
        return before(*args, **kwargs)

    return asking


def _refusing_handshakes(
    before: Callable[..., ssl.SSLObject], guards: Sequence[GuardInterface]
) -> Callable[..., ssl.SSLObject]:
    """Return `wrap_bio` with the refusal in the handshake, where event loops expect errors.

    Raised earlier, it would make the loop of Python 3.10 wait for a handshake for ever.
    """

    @wraps(before)
    def wrap_bio(
        its: ssl.SSLContext,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: Any = None,
        **others: Any,
    ) -> ssl.SSLObject:
        made = before(its, incoming, outgoing, server_side, server_hostname, **others)
        for guard in guards:
            if guard.is_ai_core(server_hostname):
                made.do_handshake = partial(guard.begin_tls, server_hostname)  # type: ignore[method-assign]
        return made

    return wrap_bio


def _replace(owner: type, name: str, value: Callable[..., Any]) -> None:
    had, before = name in vars(owner), vars(owner).get(name)

    def restore() -> None:
        if vars(owner).get(name) is not value:
            return  # it was replaced later by another patch, which calls it
        if had:
            setattr(owner, name, before)
        else:
            delattr(owner, name)

    setattr(owner, name, value)
    _undo[owner, name] = restore
