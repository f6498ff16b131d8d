"""Containers that a killed session has left: the next session, or `pytest-aicore sweep`, removes them.

Each container has labels: the machine, and a file that its session holds locked as long as it lives. What has no such
label is never touched, nor what another machine or another container has started by the same API.
"""

from __future__ import annotations

import atexit
import os
import platform
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from docker import APIClient

LOCK: Final = "pytest-aicore.lock"
MACHINE: Final = "pytest-aicore.machine"
_PREFIX: Final = "aicore-session-"


def labels() -> dict[str, str]:
    """Return the labels of this session's containers.

    Raises:
        OSError: the file of the session cannot be made.
    """
    return {LOCK: str(_own_lock(os.getpid())), MACHINE: platform.node()}


def remove_leftovers(client: APIClient) -> list[str]:
    """Remove the containers of sessions that have ended, and return their names.

    Args:
        client: of the API.

    Raises:
        DockerException: the API does not answer.
    """
    from docker.errors import APIError

    found = client.containers(all=True, filters={"label": [LOCK, f"{MACHINE}={platform.node()}"]})
    removed: list[str] = []
    locks: set[Path] = set()
    for each in found:
        lock = Path(each["Labels"][LOCK])
        if _is_held(lock):
            continue
        locks.add(lock)
        with suppress(APIError):  # another session has removed it
            client.remove_container(each["Id"], force=True, v=True)
            removed.append(each["Names"][0].lstrip("/") if each["Names"] else each["Id"][:12])
    for lock in locks:
        if lock.name.startswith(_PREFIX):
            with suppress(OSError):
                lock.unlink()
    return removed


@cache
def _own_lock(pid: int) -> Path:
    """Return the file that this process holds locked until it ends."""
    import fcntl

    number, name = tempfile.mkstemp(prefix=_PREFIX, suffix=f"-{pid}")
    fcntl.flock(number, fcntl.LOCK_EX)
    lock = Path(name)

    def remove() -> None:
        if os.getpid() == pid:
            lock.unlink(missing_ok=True)

    atexit.register(remove)
    return lock


def _is_held(lock: Path) -> bool:
    """Return whether a process holds a file locked; also where this cannot be found out."""
    import fcntl

    try:
        number = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    except OSError:  # it belongs to somebody else
        return True
    try:
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(number)
    return False


__all__ = ["LOCK", "MACHINE", "labels", "remove_leftovers"]
