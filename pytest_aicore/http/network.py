"""The network guard of this process: only `requests` reaches AI Core's hosts, and while blocked, no host is reached.

The door answers only `requests`. All other libraries end in the same few calls of Python's `socket`: a name is
resolved, a socket is connected, a datagram is sent. Python calls audit hooks before each of them, whichever library,
thread or event loop makes it, and an exception of a hook ends the call. The errors are those of a network, so that each
library wraps them as usual and shows their text. Calls that Python audits too late or not at all are in `unaudited.py`.
Code that has names resolved elsewhere, for example by a proxy, still names the host when TLS begins: the real hosts
accept only TLS, so no data reaches them.

An audit hook cannot be removed: it is added with the first guard, and does nothing without a guard.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
import sys
from contextlib import contextmanager, suppress
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_aicore.http.unaudited import INTERNET, unwatch, watch
from pytest_aicore.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

_LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})
_REVERSE_LOOKUPS = frozenset({"socket.gethostbyaddr", "socket.getnameinfo"})
_CONNECTING = "socket.connect"
_SENDING = {_CONNECTING: "Connecting", "socket.sendto": "Sending", "socket.sendmsg": "Sending"}
_NEW_SOCKET = "socket.__new__"
_STARTING = frozenset({"subprocess.Popen", "os.posix_spawn", "os.system"})
_STARTERS = frozenset({__name__, "asyncio", "concurrent", "subprocess", "threading"})
"""Modules whose frames are between the code that starts a process and the event."""
_LOOPBACK_NAMES = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})
_PROXY_PORTS = {"https": 443, "socks": 1080, "socks4": 1080, "socks5": 1080, "socks5h": 1080}
"""Default ports of proxies by scheme; for all others it is 80."""
_DNS_PORT = 53
_UNSEEN = ("curl_cffi", "grpc", "pycurl")
"""Packages that resolve names and connect by system calls of their own, which Python does not audit."""

__tracebackhide__ = lambda raised: isinstance(raised.value, OSError)  # noqa: E731  # pytest shows who called

_guards: list[Guard] = []
_hooked = False


class Guard:
    """Refuses network access of this process, from `begin` to `end`.

    Args:
        hosts: patterns of the names of AI Core's hosts.
        report: gets each refusal, because code may swallow the exception.
        blocks: returns whether everything but loopback addresses is refused.
        machine: the environment variables of the machine; those of this process if left out.
        resolvers: the file that names the machine's name servers.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        report: Callable[[str], None],
        blocks: Callable[[], bool],
        machine: Mapping[str, str] | None = None,
        resolvers: Path = Path("/etc/resolv.conf"),
    ) -> None:
        self._hosts = re.compile("|".join(hosts), re.IGNORECASE)
        self._report = report
        self._blocks = blocks
        # The machine's proxies, not those that tests set: these belong to servers of the tests.
        self._gateways = dict(_loopback_proxies(os.environ if machine is None else machine))
        if _has_loopback_resolver(resolvers):
            self._gateways[_DNS_PORT] = f"name server of {resolvers}"
        self._started: dict[str, None] = {}
        self._of_thread = local()

    def begin(self) -> None:
        """Start to refuse; called again, it includes packages that were loaded meanwhile."""
        global _hooked
        if not _hooked:
            _hooked = True
            sys.addaudithook(_hook())
        if self not in _guards:
            _guards.append(self)
        watch(_guards)

    def end(self) -> None:
        """Stop refusing."""
        if self in _guards:
            _guards.remove(self)
        if not _guards:
            unwatch()

    def examine(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Refuse or allow the call of an audit event.

        Raises:
            OSError: it is refused.
        """
        if event in _LOOKUPS:
            self.look_up(arguments[0])
        elif event in _REVERSE_LOOKUPS:
            asked = arguments[0]
            self.look_up(asked[0] if isinstance(asked, tuple) else asked, reverse=True)
        elif event in _STARTING:
            self._note_start(event, arguments)
        elif event == _NEW_SOCKET:
            watch(_guards)  # an event loop starts: its package may have been loaded just now
        else:
            its_socket, address = arguments
            # Neither a unix socket nor a connected one.
            if its_socket.family in INTERNET and isinstance(address, tuple):
                if event == _CONNECTING and its_socket.type == socket.SOCK_DGRAM:
                    self.look_up(address[0])  # nothing is sent: programs find their own address in this way
                else:
                    self._reach_by(its_socket, _SENDING[event], *address[:2])

    def _reach_by(self, its_socket: socket.socket, verb: str, host: object, port: object) -> None:
        try:
            self.reach(verb, host, port)
        except OSError:
            raise
        except Exception:
            its_socket.close()  # libraries close it themselves only for an OSError
            raise

    def take_started(self) -> list[str]:
        """Return the programs that were started since the last call and have no guard, and clear them.

        If the network is not blocked, these are the ones whose environment has the URL of AI Core.
        """
        started, self._started = self._started, {}
        return list(started)

    def unseen(self) -> list[str]:
        """Return the loaded packages whose lookups or connections are not audited."""
        return [name for name in _UNSEEN if name in sys.modules]

    @property
    def matters(self) -> bool:
        """Whether access that is not audited matters: the network is blocked, or the environment names AI Core."""
        return self._blocks() or self._leads_to_ai_core(os.environ)

    def begin_tls(self, host: object) -> None:
        """Refuse TLS with a host of AI Core.

        Args:
            host: its name.

        Raises:
            ssl.SSLError: it is refused.
        """
        if self.is_ai_core(host):
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, self._refused(_only_requests(_name(host))))

    def is_ai_core(self, host: object) -> bool:
        """Return whether a host is one of AI Core, and not this machine."""
        name = _name(host)
        return bool(self._hosts.fullmatch(name)) and not _is_here(name, _address(name))

    def look_up(self, host: object, *, reverse: bool = False) -> None:
        """Refuse or allow the lookup of a host.

        Args:
            host: a name or an address.
            reverse: whether it is a reverse lookup of an address.

        Raises:
            socket.gaierror: it is refused.
        """
        name = _name(host)
        address = _address(name)
        if _is_here(name, address):
            return
        if self.is_ai_core(name):
            refusal = _only_requests(name)
        elif self._blocks() and (reverse or address is None):  # an address needs no lookup
            self._raise_for_request()
            refusal = _blocked(f"Looking up {name!r}")
        else:
            return
        raise socket.gaierror(socket.EAI_NONAME, self._refused(refusal))

    def reach(self, verb: str, host: object, port: object) -> None:
        """Refuse or allow a connection or a datagram.

        Args:
            verb: the action, for the message.
            host: a name or an address.
            port: the port there.

        Raises:
            OSError: it is refused.
        """
        self.look_up(host)
        if not self._blocks():
            return
        name = _name(host)
        address = _address(name)
        what = f"{verb} to {address or repr(name)} port {port}"
        if not _is_here(name, address):
            refusal = _blocked(what)
        elif isinstance(port, int) and port in self._gateways:
            refusal = _blocked(f"{what}, where the {self._gateways[port]} is,")
        else:
            return
        self._raise_for_request()
        raise PermissionError(errno.EACCES, self._refused(refusal))

    def send(self, its: socket.socket) -> None:
        """Refuse or allow sending by a connected datagram socket.

        Raises:
            OSError: it is refused.
        """
        if its.type == socket.SOCK_DGRAM and its.family in INTERNET and self._blocks():
            try:
                peer = its.getpeername()
            except OSError:
                return  # not connected, which the system reports
            self.reach("Sending", *peer[:2])

    @contextmanager
    def request(self, refusal: Exception) -> Iterator[None]:
        """Raise an error of the door for a request of this thread to the blocked network.

        Args:
            refusal: the exception, which is not reported; not an OSError, because libraries would wrap it and retry.
        """
        self._of_thread.refusal = refusal
        try:
            yield
        finally:
            self._of_thread.refusal = None

    def _raise_for_request(self) -> None:
        refusal: Exception | None = getattr(self._of_thread, "refusal", None)
        if refusal is not None:
            raise refusal

    def note_process(self, how: str) -> None:
        """Note that Python starts a process that does not inherit the guard.

        Args:
            how: its description in the hint.
        """
        if self.matters:
            self._started[how] = None

    def _note_start(self, event: str, arguments: tuple[Any, ...]) -> None:
        given = arguments[-1] if event != "os.system" else None
        if (self._blocks() or self._leads_to_ai_core(os.environ if given is None else given)) and not _is_internal():
            program = "sh" if event == "os.system" else arguments[0] or "a program"
            self._started[Path(os.fsdecode(program)).name] = None

    def _leads_to_ai_core(self, environment: Mapping[Any, Any]) -> bool:
        with suppress(ValueError):  # an invalid URL
            return self.is_ai_core(urlsplit(str(environment.get("AICORE_BASE_URL", ""))).hostname)
        return False

    def _refused(self, refusal: str) -> str:
        refusal = redact(refusal)
        self._report(refusal)
        return refusal


def _is_internal() -> bool:
    """Return whether the standard library (as `platform` runs uname) or this package starts a process for itself."""
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
        f"{host} is a host of SAP AI Core. In this process the emulator answers only the library requests, which "
        "SAP's SDKs use. For other libraries and other processes add the fixture aicore_server to the test: its "
        "url, and then also the variables of aicore_environment, lead to the same emulator."
    )


def _blocked(what: str) -> str:
    return (
        f"{what} would have reached the network, which aicore_block_network = true forbids (loopback addresses stay "
        "open). Answer it with a stub, or allow it by removing that setting."
    )


def _name(host: object) -> str:
    """Return a host as the system's resolver parses it."""
    if host is None:
        return ""
    text = bytes(host).decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else str(host)
    if not text.isascii():
        with suppress(UnicodeError):  # an invalid name, which the resolver reports
            text = text.encode("idna").decode("ascii")
    return text.lower().removesuffix(".")


@lru_cache(maxsize=1024)  # parsing an address takes longer than all the rest
def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Return a host as an address, or None if it is a name."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(host))  # other forms that the resolver accepts, for example 127.1
        except (OSError, ValueError):
            return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=1024)
def _is_loopback(address: IPv4Address | IPv6Address) -> bool:
    """Return whether a connection to an address stays on this machine, as also with 0.0.0.0 and ::."""
    return address.is_loopback or address.is_unspecified


def _is_here(host: str, address: IPv4Address | IPv6Address | None) -> bool:
    """Return whether a host is this machine, by loopback or by name: smtplib resolves its name for the greeting."""
    if address is not None:
        return _is_loopback(address)
    return host in _LOOPBACK_NAMES or host.endswith(".localhost") or host == _name(socket.gethostname())


def _loopback_proxies(environment: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Return the local ports of proxies that forward to other hosts, with their descriptions."""
    for variable, value in environment.items():
        if not variable.lower().endswith("_proxy") or variable.lower() == "no_proxy":
            continue
        try:
            parts = urlsplit(value if "://" in value else f"http://{value}")
            host, port = _name(parts.hostname), parts.port or _PROXY_PORTS.get(parts.scheme, 80)
        except ValueError:
            continue
        if host and _is_here(host, _address(host)):
            yield port, f"proxy of {variable}"


def _has_loopback_resolver(file: Path) -> bool:
    """Return whether the machine uses a local name server that forwards to others, such as systemd-resolved."""
    try:
        lines = [line.split() for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return False
    servers = [_address(words[1]) for words in lines if words[:1] == ["nameserver"] and len(words) > 1]
    return any(server is not None and _is_loopback(server) for server in servers)


def _hook() -> Callable[[str, tuple[Any, ...]], None]:
    """Return the audit hook; it has references to all it needs, because it runs even after modules are unloaded."""
    watched = _LOOKUPS | _REVERSE_LOOKUPS | _SENDING.keys() | _STARTING | {_NEW_SOCKET}
    guards = _guards

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in watched and guards:
            for guard in reversed(guards):
                guard.examine(event, arguments)

    return hook
