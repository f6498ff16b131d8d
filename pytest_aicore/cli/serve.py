"""`pytest-aicore serve`: the emulator over HTTP, as a program."""

from __future__ import annotations

import os
import secrets
import select
import signal
import socket
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pytest_aicore.emulator.emulator import Emulator
from pytest_aicore.emulator.serve.control_api import ADMIN_ROOT
from pytest_aicore.emulator.serve.log import Log
from pytest_aicore.emulator.serve.server import Server, Tls
from pytest_aicore.emulator.serve.workflow_folder import WatchedFolder
from pytest_aicore.emulator.world.pace import RunningClock, pace_named
from pytest_aicore.errors import EmulatorError, WorkflowError
from pytest_aicore.printable import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pytest_aicore.cli.serve_local import Wanted
    from pytest_aicore.http.exchange import Request, Response

ADMIN_TOKEN = "PYTEST_AICORE_ADMIN_TOKEN"  # noqa: S105  # the name of a variable
"""The environment variable with the token for `/__aicore__/`: arguments are seen by other users of the machine."""
DESCRIPTORS = 8192
"""How many files and connections the program asks the system for: the default of many systems is 1024."""


def serve_until_stopped(
    *,
    workflows: Path | None,
    host: str,
    port: int,
    service_key_out: Path | None,
    pace: str,
    seed: int | None,
    admin: bool,
    admin_token: str | None,
    page: bool,
    public_url: str | None,
    allowed_hosts: Sequence[str],
    log_format: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_client_ca: Path | None,
    allow_x509_over_http: bool,
    local: Wanted | None = None,
) -> int:
    """Serve until SIGINT or SIGTERM and return the exit status: 0, because a signal is the normal way to end it.

    Args:
        workflows: the folder whose templates are published.
        host: the name or address to listen at.
        port: the port to listen at; 0 for any that is free.
        service_key_out: where to write a service key.
        pace: how fast time passes.
        seed: of the generated ids; None for the usual one.
        admin: whether `/__aicore__/` is answered.
        admin_token: with which other machines may use it, too; None to ask the environment.
        page: whether a page shows what runs, where Jinja2 is installed.
        public_url: the URL of keys and links; None for the one of the server.
        allowed_hosts: further names of the server.
        log_format: of the lines about requests; None for none.
        tls_cert: the server's certificate chain.
        tls_key: its private key.
        tls_client_ca: the CA certificates that client certificates must be signed by.
        allow_x509_over_http: whether a client without secret gets a token without having shown a certificate.
        local: how executions are carried out on this machine; None to emulate them.

    Raises:
        SettingsError: executions cannot be carried out on this machine.
        EmulatorError: something that was asked for is not possible.
        WorkflowError: the workflows folder does not exist.
    """
    tls = _tls(tls_cert, tls_key, tls_client_ca, allow_x509_over_http=allow_x509_over_http)
    admin_token = admin_token or os.environ.get(ADMIN_TOKEN) or None
    if admin_token and not admin:
        raise EmulatorError(
            f"--admin-token (or {ADMIN_TOKEN}) and --no-admin contradict each other: remove one of them."
        )
    log = Log(log_format)
    if workflows is not None and not workflows.is_dir():
        state = "is a file, not a folder" if workflows.exists() else "does not exist"
        raise WorkflowError(f"--workflows '{workflows}': the folder {state}.")
    _ask_for_descriptors()
    with _emulator(seed, pace, local, log) as emulator:
        token = admin_token or secrets.token_urlsafe(24)
        shows_page = page and find_spec("jinja2") is not None
        server = Server(
            emulator,
            host=host,
            port=port,
            tls=tls,
            allow_x509_over_http=allow_x509_over_http,
            admin=admin,
            admin_token=admin_token,
            page_token=token if shows_page else None,
            page=_page(emulator, has_actions=admin, is_local=local is not None) if shows_page else None,
            public_url=public_url,
            allowed_hosts=allowed_hosts,
            log=log,
        )
        emulator.base_url = emulator.auth_url = server.public_url  # the URLs in answers
        emulator.local_repositories = server.is_loopback  # other machines must not choose which local folders are read
        folder = None if workflows is None else WatchedFolder(emulator, workflows, log.tell)
        try:
            if not server.is_loopback:
                names = [f"--allow-host {name}" for name in allowed_hosts]
                names = [f"--public-url {server.public_url}", *names] if public_url else names
                reachable = names[0] if server.listens_here else f"--host {host}"
                _refuse_dangerous(reachable, allow_x509_over_http=allow_x509_over_http, is_local=local is not None)
                log.tell(_reached_by_others(reachable, admin=admin, has_token=admin_token is not None))
            if folder:
                folder.start()
            if service_key_out is not None:
                server.write_service_key(service_key_out)
            server.start()
            if shows_page:
                key = "" if admin_token or not admin else f"#token={token}"
                log.tell(f"what runs now: {server.public_url}/{key}", plain=True)
            with _stopped_by_signal() as stopped:
                say(f"SAP AI Core is emulated at {server.url}")
                while not select.select([stopped], [], [], 1.0)[0]:
                    if server.wait(0):
                        raise EmulatorError(f"The server at {server.url} has stopped by itself. Please report it.")
        finally:
            if folder:
                folder.stop()
            server.stop()
    return 0


def _page(emulator: Emulator, *, has_actions: bool, is_local: bool) -> Callable[[Request], Response | None]:
    from pytest_aicore.reports.html.live_page import LivePage  # late: not every server has a page

    survives = "the workflows of --workflows"
    if is_local:
        from pytest_aicore.cli.local_options import OUTPUT

        survives += f", and the output artifacts in {OUTPUT}"
    restart = f"A restart of the server forgets everything here but {survives}."
    return LivePage(emulator, has_actions=has_actions, restart=restart).answer


def _refuse_dangerous(reachable: str, *, allow_x509_over_http: bool, is_local: bool) -> None:
    """Refuse what a server that other machines reach would let them do."""
    if allow_x509_over_http:
        raise EmulatorError(
            f"--allow-x509-over-http with {reachable}: any client that reaches that address would get a token. "
            "Use it on this machine alone, or give --tls-cert, --tls-key and --tls-client-ca."
        )
    if is_local:
        raise EmulatorError(
            f"--local with {reachable}: any client that reaches that address could run code on this machine. "
            "Use it on this machine alone."
        )


def _reached_by_others(reachable: str, *, admin: bool, has_token: bool) -> str:
    """Return the warning about a server that other machines reach."""
    control = f" {ADMIN_ROOT} stays closed to other machines." if admin else ""
    if has_token:
        control = f" {ADMIN_ROOT} is open to other machines that have the token of --admin-token."
    return (
        f"Warning: {reachable} can be reached from other machines, and the credentials of an emulator can be "
        f"guessed: any client that reaches it can use it.{control}"
    )


def _emulator(seed: int | None, pace: str, local: Wanted | None, log: Log) -> Emulator:
    chosen = pace_named(pace)
    if local is None:
        return Emulator(seed or 0, clock=RunningClock(chosen), pace=chosen.said, tokens_expire=True)
    from pytest_aicore.cli.serve_local import working_emulator

    return working_emulator(local, chosen.name, seed, log.tell)


def _tls(
    certificate: Path | None, key: Path | None, client_ca: Path | None, *, allow_x509_over_http: bool
) -> Tls | None:
    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None or key is None:
        missing = "--tls-key" if certificate else "--tls-cert"
        raise EmulatorError(f"{missing} is missing: TLS needs --tls-cert and --tls-key, both PEM files.")
    if allow_x509_over_http:
        raise EmulatorError("--allow-x509-over-http applies without TLS only: remove it, or --tls-cert.")
    return Tls(certificate, key, client_ca)


@contextmanager
def _stopped_by_signal() -> Iterator[socket.socket]:
    """Give a socket that can be read once the program is to stop."""
    stopped, sender = socket.socketpair()

    def stop(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second signal ends the process at once
        # Not a lock of any kind: the thread that was interrupted may hold it.
        sender.send(b".")

    before = {number: signal.signal(number, stop) for number in _endings()}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stopped.close()
        sender.close()


def _endings() -> list[int]:
    """Return the signals that end the program; Ctrl-Break is one of Windows."""
    return [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]


def _ask_for_descriptors() -> None:
    with suppress(ImportError, OSError, ValueError):  # best effort: continue with what the system allows
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
