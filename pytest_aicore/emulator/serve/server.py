"""The emulator over HTTP, for clients in other processes and other languages."""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from ipaddress import ip_address
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.api.routes import INFERENCE_PATH
from pytest_aicore.emulator.control.caller import arose_at
from pytest_aicore.emulator.serve.control_api import ADMIN_ROOT, Admin
from pytest_aicore.emulator.serve.log import Log
from pytest_aicore.emulator.serve.names import Names
from pytest_aicore.emulator.world.pace import Passing, pace_named
from pytest_aicore.errors import EmulatorError
from pytest_aicore.http.exchange import (
    PLAYED,
    ApiError,
    BrokenRequestError,
    Request,
    Response,
    empty_response,
    error_body,
    internal_path,
    json_response,
    text_response,
)
from pytest_aicore.printable import on_one_line
from pytest_aicore.processes import Home
from pytest_aicore.redact import redact

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from typing_extensions import Self

    from pytest_aicore.emulator.emulator import Emulator
    from pytest_aicore.http.sockets import Listener

READY_SECONDS = 5.0
HANG_SECONDS = 90.0
"""How long a client waits in an injected timeout: longer than the 60 seconds of the SDK."""
MAXIMUM_CONNECTIONS = 4096
SPARE_DESCRIPTORS = 64
INTERNAL_ERROR_CODE = "01010000"
"""Assumed: no capture shows an internal error of AI Core."""
HEALTH, READY = "/health", "/ready"
"""What orchestrators and load balancers ask, without token: does the process serve, does the emulator answer?"""


@dataclass(frozen=True, slots=True)
class Tls:
    """The files for TLS.

    Args:
        certificate: the server's certificate chain, PEM.
        key: its private key, PEM.
        client_ca: the certificates that sign those of clients, PEM; without it clients are not asked for a certificate.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return the TLS context of the server.

        Raises:
            EmulatorError: a file cannot be read, or has invalid content.
        """
        import ssl  # loaded only where TLS is used

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ValueError) as error:
            raise EmulatorError(
                f"--tls-cert '{self.certificate}' with --tls-key '{self.key}' cannot be used: {_why(error)}. "
                "Give a certificate chain and its private key without passphrase, both PEM files."
            ) from None
        if self.client_ca is not None:
            # Optional: clients with a secret have no certificate, and API requests need only a token.
            context.verify_mode = ssl.CERT_OPTIONAL
            try:
                context.load_verify_locations(self.client_ca)
            except (OSError, ValueError) as error:
                raise EmulatorError(
                    f"--tls-client-ca '{self.client_ca}' cannot be used: {_why(error)}. "
                    "Give a PEM file with the certificates of the authorities that sign your clients' certificates."
                ) from None
        return context


class Server:
    """Serves an emulator over HTTP, in threads of its own, from `start` to `stop`.

    Args:
        emulator: the emulator to serve; it may be in use in this process, too, so `stop` does not close it.
        host: the name or address to listen at.
        port: the port to listen at; 0 for any free port.
        tls: the files for HTTPS; without them plain HTTP.
        allow_x509_over_http: give tokens to clients that would show a certificate if this were TLS.
        admin: answer `/__aicore__/` for clients on this machine.
        admin_token: answer it for clients elsewhere that have this token, too.
        page_token: answer it for pages in a browser of this machine that have this token.
        page: answers requests for a page about the emulator; None for what is not for it.
        public_url: the URL in keys and links, if clients reach the server by another name.
        allowed_hosts: further names by which clients reach it.
        log: writes warnings and requests.
        hang_seconds: how long a client waits in an injected timeout.

    Raises:
        EmulatorError: it cannot listen there, or the server's packages are not installed.
    """

    def __init__(
        self,
        emulator: Emulator,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: Tls | None = None,
        allow_x509_over_http: bool = False,
        admin: bool = True,
        admin_token: str | None = None,
        page_token: str | None = None,
        page: Callable[[Request], Response | None] | None = None,
        public_url: str | None = None,
        allowed_hosts: Iterable[str] = (),
        log: Log | None = None,
        hang_seconds: float = HANG_SECONDS,
    ) -> None:
        self.emulator = emulator
        self._host = host
        self._allow_x509_over_http = allow_x509_over_http
        self._hang_seconds = hang_seconds
        self._tls = tls.context() if tls else None
        self._x509 = allow_x509_over_http or bool(tls and tls.client_ca)
        self._socket = _bound(host, port)
        self._listener: Listener | None = None
        self._home = Home()
        self._service_key_file: Path | None = None
        address, self.port = self._socket.getsockname()[:2]
        self.listens_here = ip_address(address.partition("%")[0]).is_loopback
        """Whether its address is one of this machine alone."""
        self.url = f"{'https' if tls else 'http'}://{_reachable(host, self._socket.family)}:{self.port}"
        """The URL on this machine."""
        try:
            self._names = Names(
                host, is_loopback=self.listens_here, public_url=public_url, allowed=tuple(allowed_hosts)
            )
            self.public_url = self._names.public_url or self.url
            """The URL for clients, in keys and links."""
            self._admin = Admin(emulator, self.public_url, self._names, admin_token, page_token) if admin else None
        except EmulatorError:
            self._socket.close()
            raise
        self.is_loopback = self.listens_here and self._names.are_of_this_machine
        """Whether programs of this machine alone reach it."""
        self._log = log or Log()
        self._page = page
        self._plays = emulator.plays_scripts
        self._passing: Passing | None = None
        self._pace_before = dict(emulator.pace)

    def __repr__(self) -> str:
        return f"<Server of {self.emulator!r} at {self.url}>"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def pace(self) -> str | None:
        """How time passes for its clients, as `--pace` of `pytest-aicore serve`; None if the emulator's clock says it.

        Setting it applies to executions and deployments that start from then on. In a test, time is virtual otherwise:
        it moves when the test sleeps, or somebody polls again.
        """
        return None if self._passing is None else self._passing.name

    @pace.setter
    def pace(self, name: str) -> None:
        chosen = pace_named(name)
        with self.emulator.lock:
            self._passing = Passing(chosen)
            self._set_pace(chosen.said)

    def _set_pace(self, said: Mapping[str, Any]) -> None:
        self.emulator.pace.clear()
        self.emulator.pace.update(said)

    @property
    def service_key(self) -> dict[str, Any]:
        """A service key with which clients reach this server."""
        urls = dict.fromkeys(self.emulator.service_key["serviceurls"], self.public_url)
        key = {**self.emulator.service_key, "serviceurls": urls, "url": self.public_url}
        return {**key, "certurl": self.public_url} if self._x509 else key

    @property
    def service_key_file(self) -> Path:
        """The file with the service key.

        Raises:
            EmulatorError: it was not written yet.
        """
        if self._service_key_file is None:
            raise EmulatorError("The service key file was not written yet: write_service_key(path) writes it.")
        return self._service_key_file

    def write_service_key(self, path: Path) -> None:
        """Write the service key into a file that only its owner can read; it is replaced atomically.

        Raises:
            EmulatorError: it cannot be written there.
        """
        text = json.dumps(self.service_key, indent=2, sort_keys=True) + "\n"
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with suppress(FileNotFoundError):
                beside.unlink()
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            beside.replace(path)
        except OSError as error:
            with suppress(OSError):
                beside.unlink()
            raise EmulatorError(f"The service key file '{path}' cannot be written: {_why(error)}.") from None
        self._service_key_file = path

    def start(self) -> None:
        """Start to serve; requests are answered when this returns.

        Raises:
            EmulatorError: the server's packages are not installed, or it is not ready in time.
        """
        try:
            from pytest_aicore.http.sockets import Listener
        except ModuleNotFoundError as error:
            if error.name != "waitress":
                raise
            raise EmulatorError(
                "The server needs the package waitress, which is not installed: pip install 'pytest-aicore[server]'"
            ) from None
        _import_handlers()
        self._home.settle()
        self._listener = Listener(
            self._socket, self, tls=self._tls, hang_seconds=self._hang_seconds, connections=_connections()
        )
        if not self._listener.open(READY_SECONDS):
            self.stop()
            raise EmulatorError(f"The server at {self.url} was not ready within {READY_SECONDS:g} seconds.")

    def stop(self) -> None:
        """Stop serving: requests in progress are answered, then every connection is closed.

        In a forked process nothing happens: the server is in the original process.
        """
        if not self._home.is_here:
            return
        if self._listener:
            self._listener.close()
            self._listener = None
        self._socket.close()
        if self._passing is not None:  # the emulator of a test outlives its server
            self._passing = None
            self._set_pace(self._pace_before)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it has stopped unexpectedly; return whether it has."""
        return self._listener is None or self._listener.ended.wait(seconds)

    def now(self) -> float:
        """Return the time of the emulator, in seconds since the epoch."""
        return self.emulator.clock.now()

    def passes_on(self, path: str) -> bool:
        """Return whether the server of a deployment answers requests to a path."""
        return path.startswith(INFERENCE_PATH)

    def answer(self, request: Request, peer: str) -> Response:
        """Answer a request from an address; internal errors become an answer as well.

        Raises:
            BrokenRequestError: its body, which is read as it comes, cannot be read.
        """
        if not self._log.has_requests:
            return self._answer(request, peer)
        began = time.perf_counter()
        try:
            response = self._answer(request, peer)
        except BrokenRequestError:
            self.refused(400, peer)
            raise
        self._log.request(request, response, peer, time.perf_counter() - began)
        return response

    def refused(self, status: int, peer: str) -> None:
        """Log that received bytes were not a request."""
        if self._log.has_requests:
            self._log.refused(status, peer)

    def _answer(self, request: Request, peer: str) -> Response:
        if not self._names.include(request.headers.get("host", "")):
            return text_response(
                403,
                "Unknown host: a page in a browser may have led a name of its own here. Use the server's URL, or start"
                " the server with --public-url or --allow-host.",
            )
        try:
            return self.respond(request, peer)
        except BrokenRequestError:
            raise
        except Exception as error:  # the last resort: the client gets an answer, and the user a message
            # Its place, not its text: that may quote what the client has sent.
            told = (
                f"{request.method} {redact(request.path)} was answered 500 because of an error of the emulator itself:"
                f" {type(error).__name__} at {arose_at(error)}. Please report it."
            )
            self.emulator.report(told)
            self._log.tell(on_one_line(told))
            failed = ApiError(500, INTERNAL_ERROR_CODE, "Internal Server Error")
            with self.emulator.lock:
                request_id = self.emulator.state.uuid()
            body = error_body(failed, request_id=request_id, target=internal_path(request.path))
            return json_response(500, {"error": body})

    def respond(self, request: Request, peer: str) -> Response:
        """Answer a request to one of the server's names from an address; it may raise.

        Args:
            request: the request.
            peer: the address it came from.
        """
        if request.path in (HEALTH, READY):
            return self._state(request)
        if request.path.startswith(ADMIN_ROOT) and self._admin:
            return self._admin.answer(request, peer)
        if self._page is not None and (shown := self._page(request)) is not None:
            return shown
        if self._allow_x509_over_http:
            request.client_certificate = True
        request.public_url = self._names.public_url or ""
        if self._passing is not None:
            with self.emulator.lock:
                self.emulator.clock.sleep(self._passing.since_last())
        response = self.emulator.handle(request)
        return replace(response, headers={**response.headers, PLAYED: "scripts"}) if self._plays else response

    def _state(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return empty_response(405, {"allow": "GET, HEAD"})
        fresh = {"cache-control": "no-store"}
        if request.path == HEALTH:
            return json_response(200, {"status": "up"}, fresh)
        with self.emulator.lock:  # requests get their turn
            return json_response(200, {"status": "ready"}, fresh)


def _bound(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise EmulatorError(f"--port {port}: expected a number from 0 to 65535; 0 takes any free port.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        bound = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise EmulatorError(f"--host {host} --port {port}: cannot listen there: {_why(error)}.") from None
    try:
        if os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise EmulatorError(
            f"--host {host} --port {port}: cannot listen there: {_why(error)}. --port 0 takes any free port."
        ) from None
    return bound


def _reachable(host: str, family: int) -> str:
    """Return the host as clients on this machine write it into a URL."""
    if host in ("", "0.0.0.0", "::"):  # noqa: S104  # compared, not listened at
        host = "127.0.0.1" if family == socket.AF_INET else "::1"
    return f"[{host}]" if ":" in host else host


def _connections() -> int:
    """Return the maximum number of open connections, below the limit of the process for open files."""
    try:
        import resource  # only where the system has such limits
    except ImportError:
        return 512  # the limit of `select` on Windows
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAXIMUM_CONNECTIONS if soft < 0 else max(min(soft - SPARE_DESCRIPTORS, MAXIMUM_CONNECTIONS), 16)


def _why(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")


def _import_handlers() -> None:
    """Import what answers requests, before worker threads do.

    A module that a thread is importing while a test forks can never be imported in the forked process.
    """
    from pytest_aicore.emulator.api import handlers

    for module in iter_modules(handlers.__path__):
        import_module(f"{handlers.__name__}.{module.name}")


__all__ = ["Server", "Tls"]
