"""By which names a server is reached: the `Host` of a request, and the URL that keys and links have.

A page of a stranger whose domain suddenly resolves to 127.0.0.1 (DNS rebinding) is, for the browser, of the same origin
as the server: it could read and do everything, without an `Origin` in its requests. What it cannot change is the name
that the browser writes into `Host`.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from pytest_aicore.emulator.api.gateway import REAL_DOMAIN
from pytest_aicore.errors import EmulatorError

OF_CONTAINERS = frozenset({"host.docker.internal", "host.containers.internal"})
"""The names that containers have for the machine (documentation of Docker and Podman)."""
_HOST = re.compile(r"(?:([A-Za-z0-9._-]+)|\[([0-9A-Fa-f:.]+)\])(?::\d{0,5})?\Z", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9._-]+\Z", re.ASCII)
_REMEMBERED = 256


class Names:
    """Which names of a server are its own.

    Args:
        host: the name or address that it listens at, as it was given.
        is_loopback: whether only this machine reaches that address.
        public_url: the URL that clients use, if it is another one.
        allowed: further names.

    Raises:
        EmulatorError: invalid URL or name.
    """

    def __init__(self, host: str, *, is_loopback: bool, public_url: str | None = None, allowed: tuple[str, ...] = ()):
        self._is_loopback = is_loopback
        self.public_url = None if public_url is None else _checked_url(public_url)
        public = "" if self.public_url is None else str(urlsplit(self.public_url).hostname)
        self._public = {name for name in (public, *map(_checked_name, allowed)) if name and not _is_of_machine(name)}
        self._own = OF_CONTAINERS | self._public | {host.lower().strip("[]")}
        self._known: dict[str, bool] = {}

    @property
    def are_of_this_machine(self) -> bool:
        """Whether all of them lead to this machine from this machine alone."""
        return not self._public

    def include(self, host: str) -> bool:
        """Return whether the `Host` of a request is one of them; programs may leave it out, browsers never do."""
        known = self._known.get(host)
        if known is None:
            known = not host or self._is_own(_name_of(host))
            if len(self._known) < _REMEMBERED:
                self._known[host] = known
        return known

    def is_public(self, host: str) -> bool:
        """Return whether the `Host` of a request is one that was made known for clients elsewhere."""
        return _name_of(host) in self._public

    def _is_own(self, name: str) -> bool:
        return bool(name) and (
            _is_of_machine(name)
            or name in self._own
            or name.endswith(REAL_DOMAIN)  # nobody but SAP has names there
            or (not self._is_loopback and _address(name) is not None)  # a name is rebound, never an address
        )


def is_loopback(address: str) -> bool:
    """Return whether an address is a loopback address."""
    if address == "127.0.0.1":
        return True
    parsed = _address(address.partition("%")[0])
    if parsed is None:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback


def _is_of_machine(name: str) -> bool:
    """Return whether a name means this machine wherever it is used (RFC 6761 for `localhost`)."""
    return name == "localhost" or name.endswith(".localhost") or name in OF_CONTAINERS or is_loopback(name)


def _name_of(host: str) -> str:
    """Return the name in a `Host`, in lower case and without the port; empty if it is invalid."""
    match = _HOST.match(host)
    return (match[1] or match[2]).lower().rstrip(".") if match else ""


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None


def _checked_url(url: str) -> str:
    """Return a URL without the slash at its end.

    Raises:
        EmulatorError: it is not the URL of a server.
    """
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and _name_of(parts.netloc)
        bare = not (parts.query or parts.fragment or parts.port == 0) and url.isascii() and url.isprintable()
    except ValueError:
        known = bare = False
    if not (known and bare and " " not in url):
        raise EmulatorError(
            "--public-url: invalid URL; expected the scheme http or https, a host, and possibly a port and a path, for "
            "example https://aicore.example.com."
        )
    return url.rstrip("/")


def _checked_name(name: str) -> str:
    if not _NAME.match(name):
        raise EmulatorError("--allow-host: invalid name; expected one without scheme and port, for example aicore.")
    return name.lower().rstrip(".")


__all__ = ["OF_CONTAINERS", "Names", "is_loopback"]
