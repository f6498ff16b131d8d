"""The guard beside the door: what other libraries than `requests` ask of the network is refused in words."""

from __future__ import annotations

import asyncio
import ftplib
import http.client
import importlib.util
import multiprocessing
import os
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request
from contextlib import closing, suppress
from ipaddress import IPv4Address, IPv6Address
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import aiohttp.abc
import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.in_process import door_to
from pytest_aicore.http.network import Guard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.emulator.conftest import House

    Client = Callable[[str], object]

REAL_API = "api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com"
REAL_AUTH = "tenant.authentication.eu10.hana.ondemand.com"
ONLY_REQUESTS = (
    "{} is a host of SAP AI Core. In this process the emulator answers only the library requests, which SAP's SDKs "
    "use. "
    "For other libraries and other processes add the fixture aicore_server to the test: its url, and then "
    "also the variables of aicore_environment, lead to the same emulator."
)
BLOCKED = (
    "{} would have reached the network, which aicore_block_network = true forbids (loopback addresses stay open). "
    "Answer it with a stub, or allow it by removing that setting."
)


# The clients ----------------------------------------------------------------------------------------------------


def place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), parts.port or 443


def by_http_client(url: str) -> None:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    with closing(kind(*place(url), timeout=5)) as connection:
        connection.request("GET", "/")
        connection.getresponse().read()


def by_urllib3(url: str) -> None:
    with urllib3.PoolManager() as pool:
        pool.request("GET", url, timeout=5)


def by_aiohttp(url: str) -> None:
    async def ask() -> None:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            await answer.read()

    asyncio.run(ask())


def by_streams(url: str) -> None:
    async def ask() -> None:
        _, writer = await asyncio.open_connection(*place(url))
        writer.close()

    asyncio.run(ask())


def by_sock_connect(url: str) -> None:
    async def ask() -> None:
        with socket.socket(family_of(url)) as client:
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, place(url))

    asyncio.run(ask())


def by_datagrams(url: str) -> None:
    async def ask() -> None:
        refused: list[Exception] = []

        class Protocol(asyncio.DatagramProtocol):
            def error_received(self, error: Exception) -> None:
                refused.append(error)

        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Protocol, remote_addr=place(url))
        transport.sendto(b"hello")
        transport.close()
        if refused:
            raise refused[0]

    asyncio.run(ask())


def by_connected_datagram(method: str, message: object) -> Client:
    def ask(url: str) -> None:
        with socket.socket(family_of(url), socket.SOCK_DGRAM) as client:
            client.connect(place(url))
            getattr(client, method)(message)

    return ask


def by_httpx(url: str) -> None:
    import httpx

    httpx.get(url, timeout=5)


def by_async_httpx(url: str) -> None:
    import httpx

    async def ask() -> None:
        async with httpx.AsyncClient() as client:
            await client.get(url)

    asyncio.run(ask())


def socket_of(family: socket.AddressFamily) -> SimpleNamespace:
    """Return a socket, as far as the guard looks at one."""
    return SimpleNamespace(family=family, type=socket.SOCK_STREAM)


Internet = socket_of(socket.AF_INET)


def family_of(url: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in place(url)[0] else socket.AF_INET


def by_method(method: str, kind: socket.SocketKind, *before: object) -> Client:
    def ask(url: str) -> None:
        with socket.socket(family_of(url), kind) as client:
            getattr(client, method)(*before, place(url))

    return ask


def by_thread(url: str) -> None:
    raised: list[BaseException] = []

    def ask() -> None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError as error:
            raised.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


CLIENTS: dict[str, Client] = {
    "urllib": lambda url: urllib.request.urlopen(url, timeout=5).close(),
    "http.client": by_http_client,
    "urllib3": by_urllib3,
    "aiohttp": by_aiohttp,
    "asyncio streams": by_streams,
    "asyncio sock_connect": by_sock_connect,
    "asyncio datagrams": by_datagrams,
    "create_connection": lambda url: socket.create_connection(place(url), timeout=5).close(),
    "connect": by_method("connect", socket.SOCK_STREAM),
    "connect_ex": by_method("connect_ex", socket.SOCK_STREAM),
    "send on a UDP socket": by_connected_datagram("send", b"hello"),
    "sendall on a UDP socket": by_connected_datagram("sendall", b"hello"),
    "sendmsg on a UDP socket": by_connected_datagram("sendmsg", [b"hello"]),
    "sendto": by_method("sendto", socket.SOCK_DGRAM, b"hello"),
    "sendto with flags": by_method("sendto", socket.SOCK_DGRAM, b"hello", 0),
    "sendmsg": by_method("sendmsg", socket.SOCK_DGRAM, [b"hello"], [], 0),
    "a thread": by_thread,
}
MAILERS: dict[str, Client] = {
    "smtplib": lambda url: smtplib.SMTP(place(url)[0], place(url)[1], timeout=5),
    "ftplib": lambda url: ftplib.FTP(timeout=5).connect(*place(url)),
}
LOOKUPS: dict[str, Client] = {
    "getaddrinfo": lambda url: socket.getaddrinfo(*place(url)),
    "getaddrinfo of bytes": lambda url: socket.getaddrinfo(place(url)[0].encode(), 443),
    "gethostbyname": lambda url: socket.gethostbyname(place(url)[0]),
    "gethostbyname_ex": lambda url: socket.gethostbyname_ex(place(url)[0]),
    "gethostbyaddr": lambda url: socket.gethostbyaddr(place(url)[0]),
    "bind": by_method("bind", socket.SOCK_STREAM),
}
REVERSE: dict[str, Client] = {
    "gethostbyaddr": lambda url: socket.gethostbyaddr(place(url)[0]),
    "getnameinfo": lambda url: socket.getnameinfo(place(url), 0),
}
HTTPX: dict[str, Client] = {"httpx": by_httpx, "async httpx": by_async_httpx}
needs_httpx = pytest.mark.skipif(
    importlib.util.find_spec("httpx") is None,
    reason="httpx brings anyio, a plugin that each pytest run would wait for; .ci/run tries it in 'specification'",
)


def rows(*tables: dict[str, Client]) -> list[Any]:
    named = [(name, client) for table in tables for name, client in table.items()]
    return [pytest.param(client, id=name, marks=[needs_httpx] if name in HTTPX else []) for name, client in named]


def told(raised: BaseException | None) -> str:
    """Return what a traceback shows: the error and what it came from."""
    texts = []
    while raised is not None:
        texts.append(str(raised))
        raised = raised.__cause__ or raised.__context__
    return "\n".join(texts)


@pytest.fixture
def blocked(house: House) -> House:
    house.door.block_network = True
    return house


# AI Core's hosts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", rows(CLIENTS, MAILERS, LOOKUPS, HTTPX))
@pytest.mark.parametrize("host", ["the emulator's", REAL_API])
def test_ai_cores_hosts_are_refused_with_the_way_out(house: House, client: Client, host: str) -> None:
    if host == "the emulator's":
        host = str(urlsplit(house.emulator.base_url).hostname)
    with pytest.raises(Exception) as raised:
        client(f"https://{host}/v2/lm/meta")
    assert ONLY_REQUESTS.format(host) in told(raised.value)
    assert house.emulator.take_incidents() == [ONLY_REQUESTS.format(host)]


@pytest.mark.parametrize(
    ("asked", "host"),
    [
        (REAL_AUTH, REAL_AUTH),
        (REAL_API.upper() + ".", REAL_API),
        (REAL_API.encode(), REAL_API),
        (REAL_API.replace("a", "\uff41").replace(".", "\u3002"), REAL_API),
    ],
    ids=str,
)
def test_however_a_host_is_written(house: House, asked: str | bytes, host: str) -> None:
    written: list[Any] = [asked, bytearray(asked)] if isinstance(asked, bytes) else [asked]
    for name in written:
        with socket.socket() as client, pytest.raises(socket.gaierror) as raised:
            client.connect((name, 443))
        assert raised.value.strerror == ONLY_REQUESTS.format(host)


@pytest.mark.parametrize(
    "host", ["hana.ondemand.com.example", "xapi.ai.prod.ml.hana.ondemand.example", "\ud800", "\0", "a" * 70]
)
def test_other_hosts_are_not_refused(house: House, host: str) -> None:
    sys.audit("socket.getaddrinfo", host, 443, 0, 0, 0)
    sys.audit("socket.connect", Internet, (host, 443))
    assert house.emulator.take_incidents() == []


def test_the_emulators_host_may_be_this_machine(elsewhere: str) -> None:
    emulator = Emulator(base_url="https://localhost:1", auth_url="https://127.0.0.1:1")
    door = door_to(emulator)
    door.open()
    try:
        for host in ("localhost", "127.0.0.1"):
            by_http_client(elsewhere.replace("127.0.0.1", host))
            door.guard.begin_tls(host)
    finally:
        door.close()
    assert emulator.take_incidents() == []


class Bait:
    """A server at loopback that keeps what it is sent, and answers the first of it as an HTTP proxy does."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.heard = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError), self._listening.accept()[0] as client:
            while received := client.recv(4096):
                self.heard += received
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

    def end(self) -> bytes:
        """Return what it was sent."""
        self._thread.join(5)
        self._listening.close()
        return self.heard


class Resolver(aiohttp.abc.AbstractResolver):
    """Finds every host at loopback, without Python's own lookup, as c-ares does it."""

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> Any:
        """Return where the host is said to be."""
        found = {"hostname": host, "host": "127.0.0.1", "port": port, "family": family, "proto": 0, "flags": 0}
        return [found]

    async def close(self) -> None:
        """Hold nothing."""


def by_aiohttp_with_a_resolver(port: int) -> None:
    async def ask() -> None:
        connector = aiohttp.TCPConnector(resolver=Resolver())
        async with aiohttp.ClientSession(connector=connector) as session:
            await session.get(f"https://{REAL_API}:{port}/v2/lm/meta")

    asyncio.run(ask())


def by_a_proxy(port: int) -> None:
    with urllib3.ProxyManager(f"http://127.0.0.1:{port}") as pool:
        pool.request("GET", f"https://{REAL_API}/v2/lm/meta", timeout=5, retries=False)


def by_a_pinned_address(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        ssl.create_default_context().wrap_socket(client, server_hostname=REAL_API)


def by_position(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        ssl.create_default_context().wrap_socket(client, False, True, True, REAL_API)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (by_aiohttp_with_a_resolver, b""),
        (by_a_proxy, b"CONNECT %s:443 HTTP/1." % REAL_API.encode()),
        (by_a_pinned_address, b""),
        (by_position, b""),
    ],
)
def test_whoever_found_the_host_nothing_is_said_to_it(house: House, ask: Callable[[int], None], says: bytes) -> None:
    bait = Bait()
    with pytest.raises(Exception) as raised:
        ask(bait.port)
    heard = bait.end()
    assert (heard[: len(says)], heard.partition(b"\r\n\r\n")[2]) == (says, b"")
    assert bool(heard) == bool(says)
    assert ONLY_REQUESTS.format(REAL_API) in told(raised.value)
    assert house.emulator.take_incidents() == [ONLY_REQUESTS.format(REAL_API)]


# The blocked network --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", rows(CLIENTS, MAILERS, LOOKUPS, HTTPX))
def test_a_blocked_network_is_asked_for_no_name(blocked: House, client: Client) -> None:
    with pytest.raises(Exception) as raised:
        client("https://shop.example/prices")
    assert BLOCKED.format("Looking up 'shop.example'") in told(raised.value)
    assert blocked.emulator.take_incidents() == [BLOCKED.format("Looking up 'shop.example'")]


@pytest.mark.parametrize("client", rows(CLIENTS, MAILERS, HTTPX))
@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7"])
def test_a_blocked_network_is_not_reached_by_address(blocked: House, client: Client, host: str) -> None:
    sends = [CLIENTS[name] for name in CLIENTS if name.startswith("send") or "datagram" in name]
    verb = "Sending" if client in sends else "Connecting"
    sentence = BLOCKED.format(f"{verb} to {host} port 443")
    with pytest.raises(Exception) as raised:
        client(f"https://[{host}]/" if ":" in host else f"https://{host}/")
    assert sentence in told(raised.value)
    assert blocked.emulator.take_incidents() == [sentence]


@pytest.mark.parametrize("client", rows(REVERSE))
def test_nobody_elsewhere_is_asked_whose_an_address_is(blocked: House, client: Client) -> None:
    client("https://127.0.0.1/")
    with pytest.raises(socket.gaierror) as raised:
        client("https://192.0.2.7/")
    assert raised.value.strerror == BLOCKED.format("Looking up '192.0.2.7'")


@pytest.mark.parametrize("client", rows({name: CLIENTS[name] for name in CLIENTS if name != "asyncio sock_connect"}))
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_this_machine_stays_open(blocked: House, elsewhere: str, client: Client, host: str) -> None:
    client(elsewhere.replace("127.0.0.1", host))
    assert blocked.emulator.take_incidents() == []


def test_a_program_may_ask_for_its_own_address(blocked: House) -> None:
    """Clusters connect a UDP socket elsewhere, which sends nothing, to see from where."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        with pytest.raises(OSError, match=r"(?i)address"):  # not connected yet: the system's own error
            client.send(b"hello")
        with suppress(OSError):  # where there is no network
            client.connect(("192.0.2.7", 1))
    assert blocked.emulator.take_incidents() == []


def test_the_machines_own_name_server_asks_others(tmp_path: Path) -> None:
    resolvers = tmp_path / "resolv.conf"
    for text, refused in [
        ("# systemd-resolved\nnameserver 127.0.0.53\noptions edns0\n", True),
        ("nameserver ::1", True),
        ("nameserver 192.0.2.53\nnameserver\n", False),
        (None, False),
    ]:
        if text is not None:
            resolvers.write_text(text)
        else:
            resolvers.unlink()
        reports: list[str] = []
        guard = Guard([], reports.append, lambda: True, {}, resolvers)
        with suppress(PermissionError):
            guard.reach("Sending", "127.0.0.53", 53)
        guard.reach("Sending", "127.0.0.53", 5353)
        what = f"Sending to 127.0.0.53 port 53, where the name server of {resolvers} is,"
        assert reports == ([BLOCKED.format(what)] if refused else [])


def test_short_addresses_are_addresses(blocked: House, elsewhere: str) -> None:
    by_http_client(elsewhere.replace("127.0.0.1", "127.1"))
    with pytest.raises(PermissionError) as raised:
        by_http_client("http://3221225991:80/")
    assert raised.value.strerror == BLOCKED.format("Connecting to 192.0.2.7 port 80")


@pytest.mark.parametrize("name", ["", None, "LOCALHOST.", "api.localhost", "localhost.localdomain", "ip6-localhost"])
def test_names_of_this_machine_are_looked_up(blocked: House, name: str | None) -> None:
    sys.audit("socket.getaddrinfo", name, 443, 0, 0, 0)
    sys.audit("socket.connect", socket_of(socket.AF_INET6), (name, 443, 0, 0))
    assert blocked.emulator.take_incidents() == []


def test_a_name_cannot_write_to_the_terminal(blocked: House) -> None:
    with pytest.raises(socket.gaierror) as raised:
        sys.audit("socket.getaddrinfo", "\x1b[2J\n::error::\ud800", 443, 0, 0, 0)
    assert raised.value.strerror == BLOCKED.format("Looking up '\\x1b[2j\\n::error::\\ud800'")


def test_a_mailers_greeting_looks_this_machine_up(blocked: House) -> None:
    """`smtplib` asks for the machine's full name before it says hello."""
    socket.getfqdn()
    socket.gethostbyname(socket.gethostname().upper())
    assert blocked.emulator.take_incidents() == []


def test_unix_sockets_stay_open(blocked: House, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server, socket.socket(*UNIX_DATAGRAMS) as client:
        server.bind(path + "2")
        client.sendto(b"hello", path + "2")
        client.sendmsg([b"again"], [], 0, path + "2")
        client.connect(path + "2")
        client.sendmsg((b"with", b"out"))
        assert [server.recv(9) for _ in range(3)] == [b"hello", b"again", b"without"]


UNIX_DATAGRAMS = (socket.AF_UNIX, socket.SOCK_DGRAM)


@given(st.one_of(st.ip_addresses(), st.ip_addresses(network="127.0.0.0/8"), st.ip_addresses(network="::ffff:0:0/96")))
def test_an_address_is_refused_unless_it_is_loopback(address: IPv4Address | IPv6Address) -> None:
    number = (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
    here = number in (IPv4Address(0), IPv6Address(0), IPv6Address(1)) or str(number).startswith("127.")
    reports: list[str] = []
    guard = Guard([], reports.append, lambda: True, {})
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    passed = 0
    for event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        for host in (str(address), f"{address}%eth0"):
            with suppress(PermissionError):
                guard.examine(event, (socket_of(family), (host, 80, 0, 0)))
                passed += 1
    assert passed == (6 if here else 0)
    assert len(set(reports)) == (0 if here else 2)  # connecting and sending


@pytest.mark.parametrize(
    ("machine", "variable"),
    [
        ({"HTTPS_PROXY": "http://127.0.0.1:{}"}, "HTTPS_PROXY"),
        ({"http_proxy": "localhost:{}"}, "http_proxy"),
        ({"ALL_PROXY": "socks5h://user:sesame@[::1]:{}"}, "ALL_PROXY"),
        ({"HTTP_PROXY": "http://proxy.example:{}"}, None),
        ({"NO_PROXY": "127.0.0.1:{}"}, None),
        ({"HTTP_PROXY": "http://127.0.0.1:many", "PROXY": "127.0.0.1:{}"}, None),
        ({"HTTP_PROXY": ""}, None),
    ],
)
def test_the_machines_own_proxy_leads_elsewhere(
    elsewhere: str, monkeypatch: pytest.MonkeyPatch, machine: dict[str, str], variable: str | None
) -> None:
    port = place(elsewhere)[1]
    for name, value in machine.items():
        monkeypatch.setenv(name, value.format(port))
    door = door_to(Emulator(), block_network=True)
    for name in machine:
        monkeypatch.delenv(name)
    door.open()
    try:
        if variable is None:
            by_http_client(elsewhere)
        else:
            with pytest.raises(PermissionError) as raised:
                by_http_client(elsewhere)
            what = f"Connecting to 127.0.0.1 port {port}, where the proxy of {variable} is,"
            assert raised.value.strerror == BLOCKED.format(what)
            door.block_network = False
            by_http_client(elsewhere)
    finally:
        door.close()


def test_a_forked_child_is_blocked_as_well(blocked: House) -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # nothing of pytest may run here
        try:
            socket.getaddrinfo("shop.example", 443)
        except BaseException as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as said:
        assert BLOCKED.format("Looking up 'shop.example'") in said.read()
    os.waitpid(child, 0)


# Packages that call the system by themselves -------------------------------------------------------------------


class Loop:
    """The methods of uvloop's event loop that the guard looks at."""

    def done(self, *args: object, **kwargs: object) -> object:
        """Return what it was called with."""
        return args, kwargs

    getaddrinfo = getnameinfo = create_connection = create_datagram_endpoint = sock_connect = done


class Channel:
    """The methods of c-ares's channel, as `pycares` has them."""

    def done(self, *args: object, **kwargs: object) -> object:
        """Return what it was called with."""
        return args, kwargs

    getaddrinfo = gethostbyaddr = getnameinfo = query = search = done


class Resolving:
    """The methods of the resolvers of dnspython, eventlet and gevent."""

    def done(self, *args: object, **kwargs: object) -> object:
        """Return what it was called with."""
        return args, kwargs

    resolve = query = getaddrinfo = gethostbyname = gethostbyname_ex = gethostbyaddr = getnameinfo = done


class Connection:
    """The method of pyOpenSSL's connection that names the server."""

    def set_tlsext_host_name(self, *args: object, **kwargs: object) -> object:
        """Return what it was called with."""
        return args, kwargs


PACKAGES = {
    "Loop": [("uvloop", "Loop")],
    "Channel": [("pycares", "Channel")],
    "Resolving": [
        ("dns.resolver", "Resolver"),
        ("dns.asyncresolver", "Resolver"),
        ("eventlet.support.greendns", "ResolverProxy"),
        ("gevent.resolver.ares", "Resolver"),
        ("gevent.resolver.dnspython", "Resolver"),
    ],
    "Connection": [("OpenSSL.SSL", "Connection")],
}
"""Where the classes above stand."""
LOOKS_UP = BLOCKED.format("Looking up 'shop.example'")
LOOKS_BACK = BLOCKED.format("Looking up '192.0.2.7'")
CONNECTS = BLOCKED.format("Connecting to 192.0.2.7 port 443")


@pytest.mark.parametrize(
    ("owner", "method", "args", "kwargs", "sentence"),
    [
        (Loop, "getaddrinfo", ("shop.example", 443), {"type": 1}, LOOKS_UP),
        (Loop, "getaddrinfo", (REAL_API, 443), {}, ONLY_REQUESTS.format(REAL_API)),
        (Loop, "getaddrinfo", ("192.0.2.7", 443), {}, None),
        (Loop, "getnameinfo", (("192.0.2.7", 443), 0), {}, LOOKS_BACK),
        (Loop, "create_connection", (dict, "shop.example", 443), {"ssl": True}, LOOKS_UP),
        (Loop, "create_connection", (dict,), {"host": "192.0.2.7", "port": 443}, CONNECTS),
        (Loop, "create_connection", (dict, "localhost", 443), {}, None),
        (Loop, "create_connection", (dict,), {"sock": Internet}, None),
        (Loop, "create_datagram_endpoint", (dict,), {"remote_addr": ("192.0.2.7", 443)}, CONNECTS),
        (Loop, "create_datagram_endpoint", (dict, ("127.0.0.1", 0)), {}, None),
        (Loop, "sock_connect", (Internet, ("192.0.2.7", 443)), {}, CONNECTS),
        (Loop, "sock_connect", (Internet, ("127.0.0.1", 443)), {}, None),
        (Channel, "getaddrinfo", (REAL_API, 443), {"callback": print}, ONLY_REQUESTS.format(REAL_API)),
        (Channel, "query", ("shop.example", 1), {"callback": print}, LOOKS_UP),
        (Channel, "search", ("shop.example", 1), {"callback": print}, LOOKS_UP),
        (Channel, "gethostbyaddr", ("192.0.2.7",), {"callback": print}, LOOKS_BACK),
        (Channel, "getnameinfo", (("192.0.2.7", 443), 0), {"callback": print}, LOOKS_BACK),
        (Channel, "getnameinfo", (("127.0.0.1", 443), 0), {"callback": print}, None),
        (Connection, "set_tlsext_host_name", (REAL_API.encode(),), {}, ONLY_REQUESTS.format(REAL_API)),
        (Connection, "set_tlsext_host_name", (b"shop.example",), {}, None),
    ],
)
@pytest.mark.parametrize("loaded", ["before", "during the test"])
def test_packages_that_python_tells_nothing_about(
    blocked: House,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    method: str,
    args: tuple[object, ...],
    kwargs: dict[str, object],
    sentence: str | None,
    loaded: str,
) -> None:
    module = SimpleNamespace(**{owner.__name__: type(owner.__name__, (owner,), {})})
    its = getattr(module, owner.__name__)
    monkeypatch.setitem(sys.modules, PACKAGES[owner.__name__][0][0], module)
    if loaded == "before":
        blocked.door.open()
    else:
        asyncio.new_event_loop().close()
    if sentence is None:
        assert getattr(its(), method)(*args, **kwargs) == (args, kwargs)
    else:
        with pytest.raises(OSError) as raised:
            getattr(its(), method)(*args, **kwargs)
        assert raised.value.strerror == sentence
    blocked.door.close()
    assert vars(its).keys() <= {"__module__", "__doc__", "__firstlineno__", "__static_attributes__"}
    assert getattr(its(), method)(*args, **kwargs) == (args, kwargs)


@pytest.mark.parametrize(("module", "name"), PACKAGES["Resolving"])
def test_resolvers_in_python(blocked: House, monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> None:
    methods = {
        "dns.resolver": ["resolve"],
        "dns.asyncresolver": ["resolve"],
        "eventlet.support.greendns": ["query"],
        "gevent.resolver.dnspython": ["getaddrinfo", "gethostbyname"],
        "gevent.resolver.ares": ["getaddrinfo", "gethostbyname", "gethostbyname_ex"],
    }[module]
    its = type(name, (Resolving,), {})
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{name: its}))
    blocked.door.open()
    for method in methods:
        with pytest.raises(socket.gaierror) as raised:
            getattr(its(), method)(REAL_API + ".", 1)
        assert raised.value.strerror == ONLY_REQUESTS.format(REAL_API)
        if module != "gevent.resolver.ares":  # who is asked comes to an event: a name server of the test's own is open
            assert getattr(its(), method)("shop.example", 1) == (("shop.example", 1), {})
            continue
        with pytest.raises(socket.gaierror) as raised:
            getattr(its(), method)("shop.example", 1)
        assert raised.value.strerror == LOOKS_UP


@pytest.mark.parametrize("url", ["", "http://[", REAL_API, b"https://x"])
def test_processes_that_lead_nowhere_near_are_not_told(house: House, url: str | bytes) -> None:
    environment = {"AICORE_BASE_URL": url, **os.environ}
    subprocess.run(["true"], env=environment, check=True)
    assert house.door.guard.take_started() == []
    subprocess.run(["true"], env={**environment, "AICORE_BASE_URL": f"https://{REAL_AUTH}/x"}, check=True)
    assert house.door.guard.take_started() == ["true"]
    assert house.door.guard.take_started() == []


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing(blocked: House, monkeypatch: pytest.MonkeyPatch, how: str, named: bool) -> None:
    context: Any = multiprocessing.get_context(how) if named else multiprocessing
    monkeypatch.setattr(multiprocessing.context._default_context, "_actual_context", multiprocessing.get_context(how))
    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", lambda process: None)
    blocked.door.open()
    context.Process().start()
    assert blocked.door.guard.take_started() == ([] if how == "fork" else [f"multiprocessing ({how})"])
    blocked.door.block_network = False
    context.Process().start()
    assert blocked.door.guard.take_started() == []


# Coming and going -----------------------------------------------------------------------------------------------

REPLACED = [
    (socket.socket, name) for name in ("bind", "connect", "connect_ex", "send", "sendall", "sendto", "sendmsg")
] + [(ssl.SSLContext, name) for name in ("wrap_socket", "wrap_bio")]


def replaceable() -> list[object]:
    return [vars(owner).get(name) for owner, name in REPLACED]


def test_afterwards_everything_is_as_before(elsewhere: str) -> None:
    before = replaceable()
    emulators = [Emulator(number) for number in range(2)]
    doors = [door_to(emulator, block_network=True) for emulator in emulators]
    for door in (*doors, doors[0]):
        door.open()
    assert not [now for now, then in zip(replaceable(), before, strict=True) if now is then]
    doors[1].block_network = False
    for host in (REAL_API, "shop.example"):
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo(host, 443)
    assert [emulator.take_incidents() for emulator in emulators] == [[LOOKS_UP], [ONLY_REQUESTS.format(REAL_API)]]
    doors[0].close()
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo(REAL_API, 443)
    assert [len(emulator.take_incidents()) for emulator in emulators] == [0, 1]
    doors[1].close()
    assert replaceable() == before
    sys.audit("socket.getaddrinfo", REAL_API, 443, 0, 0, 0)
    sys.audit("socket.connect", Internet, ("192.0.2.7", 443))


def test_what_others_replace_meanwhile_is_left_to_them(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    guarded: Any = socket.socket.connect
    asked = []

    def connect(its: socket.socket, address: Any) -> None:
        asked.append(address)
        guarded(its, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    house.door.close()
    assert vars(socket.socket)["connect"] is connect
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        assert asked == [server.getsockname()]
