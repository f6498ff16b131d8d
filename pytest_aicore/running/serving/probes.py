"""The probes of a container, as Kubernetes and Knative ask them.

Sources: Kubernetes, "Configure Liveness, Readiness and Startup Probes"; Knative, pkg/queue/readiness/probe.go: a
readiness probe without `periodSeconds` is asked every 25 ms.
"""

from __future__ import annotations

import http.client
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pytest_aicore.running.walking.values import ValueProblem, items, text_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping
    from typing import Any

    from pytest_aicore.running.walking.values import Plain

    Connect = Callable[[int, float], socket.socket]
    """Returns a connection to a port of the server, in so many seconds."""
    Execute = Callable[[tuple[str, ...], float], str]
    """Executes a command beside the server, and returns why that failed in so many seconds; empty if it succeeded."""

SOON: Final = 0.025
_PERIOD: Final = 10.0
_FAILURES: Final = 3
_ANSWERED: Final = range(200, 400)
"""The HTTP statuses with which a probe succeeds."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe.

    Attributes:
        port: which it connects to.
        path: what it gets by HTTP, None where a connection is enough.
        headers: of the request.
        command: what is executed beside the server instead, None for none.
        delay: seconds before the first.
        period: seconds from one to the next.
        seconds: in which it has to be answered.
        successes: so many in a row make a server ready.
        failures: so many in a row end it.
    """

    port: int
    path: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] | None = None
    delay: float = 0.0
    period: float = SOON
    seconds: float = 1.0
    successes: int = 1
    failures: int = _FAILURES

    def problem(self, connect: Connect, execute: Execute) -> str:
        """Ask, and return why it fails; empty if it succeeds.

        Args:
            connect: connects to the server.
            execute: executes a command beside it.
        """
        if self.command is not None:
            return execute(self.command, self.seconds)
        try:
            with connect(self.port, self.seconds) as connection:
                return "" if self.path is None else self._of_answer(connection)
        except (OSError, http.client.HTTPException) as error:
            where = f"port {self.port}" if self.path is None else f"GET :{self.port}{self.path}"
            return f"{where}: {error or type(error).__name__}"

    def _of_answer(self, connection: socket.socket) -> str:
        asked = http.client.HTTPConnection("localhost", self.port)
        asked.sock = connection
        asked.request("GET", str(self.path), headers={"Connection": "close", **self.headers})
        status = asked.getresponse().status
        return "" if status in _ANSWERED else f"GET :{self.port}{self.path}: HTTP {status}"


def probe_of(container: Plain, name: str, port: int, ports: Mapping[str, int]) -> Probe | None:
    """Return a probe of a container, None without one.

    Args:
        container: its content.
        name: `readinessProbe`, `livenessProbe` or `startupProbe`.
        port: of the server, which a probe without port means (assumed).
        ports: the ports that have names.

    Raises:
        ValueProblem: a number that cannot be one, or an unknown port.
    """
    written: Plain | None = container.get(name)
    if written is None:
        return None
    of_http: Plain | None = written.get("httpGet")
    handler: Plain = of_http or written.get("tcpSocket") or {}
    command = (written.get("exec") or {}).get("command")
    if text_of((of_http or {}).get("scheme") or "HTTP") != "HTTP":
        raise ValueProblem(f"{name}: the scheme is not carried out on this machine: requests arrive without TLS")
    period = SOON if name == "readinessProbe" else _PERIOD
    headers = {text_of(each.get("name")): text_of(each.get("value")) for each in items(of_http or {}, "httpHeaders")}
    path = None if of_http is None else text_of(of_http.get("path") or "/")
    return Probe(
        _port(handler.get("port"), port, ports, name),
        path if path is None or path.startswith("/") else f"/{path}",
        headers,
        tuple(map(text_of, command)) if command else None,
        _number(written, name, "initialDelaySeconds", 0.0),
        _number(written, name, "periodSeconds", period) or period,
        _number(written, name, "timeoutSeconds", 1.0) or 1.0,
        int(_number(written, name, "successThreshold", 1)) or 1,
        int(_number(written, name, "failureThreshold", _FAILURES)) or _FAILURES,
    )


def _port(written: Any, port: int, ports: Mapping[str, int], name: str) -> int:
    if not written:
        return port
    text = text_of(written)
    if text in ports:
        return ports[text]
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise ValueProblem(f"{name}: invalid port '{text}': expected a number, or the name of a port of the container")


def _number(owner: Plain, name: str, key: str, default: float) -> float:
    written = owner.get(key)
    if written is None:
        return default
    text = text_of(written)
    if not text.isdecimal():
        raise ValueProblem(f"{name}: invalid {key} '{text}': expected a whole number")
    return float(text)


__all__ = ["SOON", "Probe", "probe_of"]
