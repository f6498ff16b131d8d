"""Finds the API of Docker or Podman: it is asked, because a program on PATH says nothing about it."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import APIClient

_PROBE_SECONDS: Final = 10
SECONDS: Final = 120
"""In which each answer begins, except to what waits for the end of a step."""
LEAST_VERSION: Final = "1.41"
"""Of the API: Docker 20.10, Podman 3."""
_INSTALL: Final = "the engine `docker` needs docker-py: pip install 'pytest-aicore[docker]'."
_REMEDY: Final = (
    "Start Docker (on macOS and Windows: Docker Desktop or `podman machine start`; Podman on Linux: `systemctl --user"
    " start podman.socket`), or name its API in the variable DOCKER_HOST."
)


class NoApiError(Exception):
    """No API of Docker or Podman answers; the message says what was asked, and the remedy."""


def connected() -> tuple[APIClient, str]:
    """Return a client of the first API that answers, and its URL.

    Raises:
        NoApiError: none does.
    """
    try:
        import docker
        from docker.errors import DockerException
        from requests.exceptions import RequestException
    except ImportError:
        raise NoApiError(_INSTALL) from None
    asked: list[str] = []
    for name, url in _places():
        client = None
        try:
            _require_listener(url)
            client = docker.APIClient(base_url=url, version="auto", timeout=_PROBE_SECONDS, **_tls(name))
            client.ping()
        except (DockerException, RequestException, OSError, ValueError) as error:
            asked.append(f"{name} ({_reason(error)})")
            if client is not None:
                client.close()
        else:
            client.timeout = SECONDS
            return client, url
    said = f"Asked: {'; '.join(asked)}." if asked else "DOCKER_HOST is not set, and no usual socket exists."
    raise NoApiError(f"no API of Docker or Podman answers. {said} {_REMEDY}")


def is_on_this_machine(client: APIClient) -> bool:
    """Return whether the containers share processes and network with this process: not those of a virtual machine.

    Args:
        client: of the API.
    """
    is_socket = client.base_url.startswith("http+docker://")
    return sys.platform == "linux" and is_socket and "Docker Desktop" not in str(client.info().get("OperatingSystem"))


def _places() -> Iterator[tuple[str, str]]:
    """Yield how each place is called, and its URL: DOCKER_HOST alone where it is set."""
    for variable in ("DOCKER_HOST", "CONTAINER_HOST"):
        if os.environ.get(variable):
            yield f"{variable}={os.environ[variable]}", os.environ[variable]
            return
    if sys.platform == "win32":
        yield "npipe:////./pipe/docker_engine", "npipe:////./pipe/docker_engine"
        return
    home, runtime = Path.home(), os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    for path in (
        Path("/var/run/docker.sock"),
        Path(runtime, "docker.sock"),
        home / ".docker" / "run" / "docker.sock",
        home / ".docker" / "desktop" / "docker.sock",
        home / ".rd" / "docker.sock",
        home / ".colima" / "default" / "docker.sock",
        Path(runtime, "podman", "podman.sock"),
        Path("/run/podman/podman.sock"),
        home / ".local" / "share" / "containers" / "podman" / "machine" / "podman.sock",
    ):
        if _may_exist(path):
            yield str(path), f"unix://{path}"


def _require_listener(url: str) -> None:
    """Connect to a socket: docker-py would leave it open where that fails.

    Raises:
        OSError: nobody listens, or this user may not ask.
    """
    path = url.removeprefix("unix://")
    if path != url:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as tried:
            tried.settimeout(_PROBE_SECONDS)
            tried.connect(path)


def _may_exist(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # above it: that is worth a sentence
        return True


def _tls(name: str) -> dict[str, object]:
    """Return the certificates that the variables of Docker name, for DOCKER_HOST alone."""
    if not name.startswith("DOCKER_HOST=tcp") or not os.environ.get("DOCKER_TLS_VERIFY"):
        return {}
    from docker.utils import kwargs_from_env

    return {"tls": kwargs_from_env()["tls"]}


def _reason(error: BaseException) -> str:
    """Return what is at the bottom of an error: `Permission denied`, `Connection refused`."""
    text = str(error)
    for word in ("Permission denied", "Connection refused", "No such file or directory", "timed out"):
        if word in text:
            return word
    return " ".join(text.split())[:200]


__all__ = ["NoApiError", "connected", "is_on_this_machine"]
