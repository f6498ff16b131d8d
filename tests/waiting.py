"""Waiting for what others bring about, and for processes that only one test has started."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def until(happens: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Return when something has happened.

    Args:
        happens: whether it has.
        what: what should happen, for the message.
        seconds: within which it must.

    Raises:
        AssertionError: it does not happen in time.
    """
    limit = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < limit, f"not within {seconds:g} s: {what}"
        time.sleep(0.01)


def commands() -> dict[int, list[bytes]]:
    """Return the words of the command of each process."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            found[int(process.name)] = (process / "cmdline").read_bytes().split(b"\0")
    return found


def sleeping(seconds: str) -> list[int]:
    """Return the processes that sleep for that many seconds.

    Args:
        seconds: as on the command line: a number that only one test uses.
    """
    return [process for process, words in commands().items() if words[:2] == [b"sleep", seconds.encode()]]
