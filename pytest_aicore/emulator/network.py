"""The guard of this process's network: nobody but `requests` asks for AI Core's hosts, and while blocked for no host.

The door answers `requests` alone. Whatever other libraries do ends in the same few calls of Python's `socket`: a name
is looked up, a socket is connected, a datagram is sent. Python tells audit hooks about each of them before it
happens, whichever library, thread or event loop makes it, and what a hook raises ends the call. The errors are those
that a network gives, so that each library wraps them as usual and shows their text. Only a name that is given to
`connect` or `sendto` is looked up before the event, so while there is a guard these methods ask it first.

An audit hook cannot be removed: it is added with the first guard, and does nothing while there is none.

Who has names looked up elsewhere (a proxy, c-ares), or connects by itself (uvloop), still names the host when TLS
begins, if that is Python's `ssl`. The real hosts speak nothing but TLS, so nothing is said to them.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
import sys
from contextlib import suppress
from functools import partial, wraps
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_aicore.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

_LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})
_REVERSE_LOOKUPS = frozenset({"socket.gethostbyaddr", "socket.getnameinfo"})
_SENDING = {"socket.connect": "Connecting", "socket.sendto": "Sending", "socket.sendmsg": "Sending"}
_STARTING = frozenset({"subprocess.Popen", "os.posix_spawn", "os.system"})
_STARTERS = frozenset({__name__, "asyncio", "concurrent", "subprocess", "threading"})
"""Whose frames stand between who starts a process and the event."""
_INTERNET = (socket.AF_INET, socket.AF_INET6)
_LOOPBACK_NAMES = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})
_PROXY_PORTS = {"https": 443, "socks": 1080, "socks4": 1080, "socks5": 1080, "socks5h": 1080}
"""The ports of proxies whose URL names none; of all others it is 80."""
_UNSEEN = ("curl_cffi", "grpc", "pycares", "pycurl", "uvloop")
"""Packages that look names up, or connect, by calls of their own, which Python does not see."""

_ADDRESSED = {"bind": 0, "connect": 0, "connect_ex": 0, "sendto": -1, "sendmsg": 3}
"""Methods of sockets that take an address, which may hold a name, and which argument that is."""

__tracebackhide__ = lambda raised: isinstance(raised.value, OSError)  # noqa: E731  # pytest shows who called

_guards: list[Guard] = []
_hooked = False
_undo: list[Callable[[], None]] = []


class Guard:
    """Refuses what this process asks of the network, from `begin` to `end`.

    Args:
        hosts: patterns of the names of AI Core's hosts.
        report: is told each refusal, because code may swallow the exception.
        blocks: whether everything but loopback addresses is refused now.
        machine: the environment variables as they are; those of this process if left out.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        report: Callable[[str], None],
        blocks: Callable[[], bool],
        machine: Mapping[str, str] | None = None,
    ) -> None:
        self._hosts = re.compile("|".join(hosts), re.IGNORECASE)
        self._report = report
        self._blocks = blocks
        # The machine's, not those that tests set: theirs lead to servers of their own.
        self._proxies = dict(_loopback_proxies(os.environ if machine is None else machine))
        self._started: dict[str, None] = {}

    def begin(self) -> None:
        """Begin to refuse."""
        global _hooked
        if not _hooked:
            _hooked = True
            sys.addaudithook(_hook())
        if not _guards:
            _watch_sockets()
            _watch_tls()
        if self not in _guards:
            _guards.append(self)

    def end(self) -> None:
        """Refuse nothing any more."""
        if self in _guards:
            _guards.remove(self)
        if not _guards:
            while _undo:
                _undo.pop()()

    def examine(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Refuse what an audit event is about, or let it happen.

        Raises:
            OSError: it is refused.
        """
        if event in _LOOKUPS:
            self.look_up(_name(arguments[0]))
        elif event in _REVERSE_LOOKUPS:
            asked = arguments[0]
            self.look_up(_name(asked[0] if isinstance(asked, tuple) else asked), reverse=True)
        elif event in _STARTING:
            self._note_start(event, arguments)
        else:
            self._reach(_SENDING[event], *arguments)

    def take_started(self) -> list[str]:
        """Return the programs started since this was asked last that the guard cannot follow, and forget them.

        While nothing is blocked these are the ones whose environment leads them to AI Core.
        """
        started, self._started = self._started, {}
        return list(started)

    def unseen(self) -> list[str]:
        """Return the loaded packages whose lookups or connections the guard does not see."""
        return [name for name in _UNSEEN if name in sys.modules]

    @property
    def matters(self) -> bool:
        """Whether what the guard does not see may be missed: the network is blocked, or code is led to AI Core."""
        return self._blocks() or self._leads_to_ai_core(os.environ)

    def begin_tls(self, host: str) -> None:
        """Refuse TLS with a host of AI Core.

        Raises:
            ssl.SSLError: it is refused.
        """
        if self.is_ai_core(host):
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, self._refused(_only_requests(host)))

    def is_ai_core(self, host: str) -> bool:
        """Tell whether a name is that of a host of AI Core, and not of this machine."""
        return bool(self._hosts.fullmatch(host)) and not _is_here(host, _address(host))

    def look_up(self, host: str, *, reverse: bool = False) -> None:
        """Refuse to look a host up, or let it happen.

        Raises:
            socket.gaierror: it is refused.
        """
        address = _address(host)
        if _is_here(host, address):
            return
        if self.is_ai_core(host):
            refusal = _only_requests(host)
        elif self._blocks() and (reverse or address is None):  # an address is its own answer
            refusal = _blocked(f"Looking up {host!r}")
        else:
            return
        raise socket.gaierror(socket.EAI_NONAME, self._refused(refusal))

    def _reach(self, verb: str, its_socket: socket.socket, destination: Any) -> None:
        if its_socket.family not in _INTERNET or not isinstance(destination, tuple) or len(destination) < 2:
            return  # a unix socket, or one that was connected before
        host, port = _name(destination[0]), destination[1]
        address = _address(host)
        if address is None:
            self.look_up(host)
        if not self._blocks():
            return
        if not _is_here(host, address):
            refusal = _blocked(f"{verb} to {address} port {port}")
        elif port in self._proxies:
            refusal = _blocked(
                f"{verb} to {address or repr(host)} port {port}, where the proxy of {self._proxies[port]} is,"
            )
        else:
            return
        raise PermissionError(errno.EACCES, self._refused(refusal))

    def _note_start(self, event: str, arguments: tuple[Any, ...]) -> None:
        given = arguments[-1] if event != "os.system" else None
        if (self._blocks() or self._leads_to_ai_core(os.environ if given is None else given)) and not _is_internal():
            program = "sh" if event == "os.system" else arguments[0] or "a program"
            self._started[Path(os.fsdecode(program)).name] = None

    def _leads_to_ai_core(self, environment: Mapping[Any, Any]) -> bool:
        url = environment.get("AICORE_BASE_URL")
        return isinstance(url, str) and self.is_ai_core(_name(urlsplit(url).hostname))

    def _refused(self, refusal: str) -> str:
        refusal = redact(refusal)
        self._report(refusal)
        return refusal


def _is_internal() -> bool:
    """Tell whether the standard library starts a process for itself, as `platform` asks uname, or this package."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # frames have no public door that is as cheap
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        package = module.partition(".")[0]
        if module not in _STARTERS and package not in _STARTERS:
            return package in sys.stdlib_module_names or package == "pytest_aicore"
        frame = frame.f_back
    return False


def _only_requests(host: str) -> str:
    return (
        f"{host} is a host of SAP AI Core. In this process the emulator answers the library requests, which SAP's SDKs "
        "use, and nobody else. For other libraries and other processes add the fixture aicore_server to the test: its "
        "url, and then also the variables of aicore_environment, lead to the same emulator."
    )


def _blocked(what: str) -> str:
    return (
        f"{what} would have reached the network, which aicore_block_network = true forbids (loopback addresses stay "
        "open). Answer it with a stub, or allow it by removing that setting."
    )


def _name(host: object) -> str:
    """Return a host as the system's resolver would read it."""
    if host is None:
        return ""
    text = bytes(host).decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else str(host)
    if not text.isascii():
        with suppress(UnicodeError):  # no name at all, which the resolver says itself
            text = text.encode("idna").decode("ascii")
    return text.lower().removesuffix(".")


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host is, None for a name."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(host))  # what the resolver takes besides, for example 127.1
        except (OSError, ValueError):
            return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_here(host: str, address: IPv4Address | IPv6Address | None) -> bool:
    """Tell whether a host is this machine: a loopback address, or a name of its own.

    Who connects to 0.0.0.0 or :: gets here as well. Libraries look up the machine's name, as smtplib for its greeting.
    """
    if address is not None:
        return address.is_loopback or address.is_unspecified
    return host in _LOOPBACK_NAMES or host.endswith(".localhost") or host == _name(socket.gethostname())


def _loopback_proxies(environment: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Return the ports of this machine where proxies listen that lead elsewhere, each with its variable."""
    for variable, value in environment.items():
        if not variable.lower().endswith("_proxy") or variable.lower() == "no_proxy":
            continue
        try:
            parts = urlsplit(value if "://" in value else f"http://{value}")
            host, port = _name(parts.hostname), parts.port or _PROXY_PORTS.get(parts.scheme, 80)
        except ValueError:
            continue
        if host and _is_here(host, _address(host)):
            yield port, variable


def _hook() -> Callable[[str, tuple[Any, ...]], None]:
    """Return the audit hook; it holds what it needs, because it is called even when modules are gone."""
    watched = _LOOKUPS | _REVERSE_LOOKUPS | _SENDING.keys() | _STARTING
    guards = _guards

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in watched and guards:
            for guard in reversed(guards):
                guard.examine(event, arguments)

    return hook


def _watch_sockets() -> None:
    """Let the guards know the names that sockets look up themselves, until `_undo` is done."""
    for name, position in _ADDRESSED.items():
        if not hasattr(socket.socket, name):
            continue  # Windows has no sendmsg
        method = getattr(socket.socket, name)

        @wraps(method)
        def checked(its: socket.socket, *args: Any, _at: int = position, _method: Callable[..., Any] = method) -> Any:
            address = args[_at] if len(args) > _at else None
            if address and isinstance(address, tuple) and its.family in _INTERNET:
                for guard in reversed(_guards):
                    guard.look_up(_name(address[0]))
            return _method(its, *args)

        _replace(socket.socket, name, checked)


def _watch_tls() -> None:
    """Let the guards know with whom TLS begins, until `_undo` is done."""
    wrap_socket, wrap_bio = ssl.SSLContext.wrap_socket, ssl.SSLContext.wrap_bio

    def examine(host: str) -> None:
        for guard in reversed(_guards):
            guard.begin_tls(host)

    @wraps(wrap_socket)
    def checked_wrap_socket(context: ssl.SSLContext, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        examine(_name(kwargs.get("server_hostname", args[4] if len(args) > 4 else None)))
        return wrap_socket(context, *args, **kwargs)

    @wraps(wrap_bio)
    def checked_wrap_bio(context: ssl.SSLContext, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        made = wrap_bio(context, *args, **kwargs)
        host = _name(kwargs.get("server_hostname", args[3] if len(args) > 3 else None))
        if any(guard.is_ai_core(host) for guard in _guards):
            # Event loops expect errors in the handshake; after one from here, Python 3.10's would wait for it.
            made.do_handshake = partial(examine, host)  # type: ignore[method-assign]
        return made

    _replace(ssl.SSLContext, "wrap_socket", checked_wrap_socket)
    _replace(ssl.SSLContext, "wrap_bio", checked_wrap_bio)


def _replace(owner: type, name: str, value: Callable[..., Any]) -> None:
    had, before = name in vars(owner), vars(owner).get(name)

    def restore() -> None:
        if vars(owner).get(name) is not value:
            return  # somebody replaced it later, and passes on to it
        if had:
            setattr(owner, name, before)
        else:
            delattr(owner, name)

    setattr(owner, name, value)
    _undo.append(restore)
