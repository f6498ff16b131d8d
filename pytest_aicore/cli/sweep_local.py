"""`pytest-aicore sweep --local`: removes what killed sessions have left on this machine."""

from __future__ import annotations

from pytest_aicore.printable import say
from pytest_aicore.running.engines.docker.engine import Docker
from pytest_aicore.running.own_folder import own_folder


def sweep_local() -> int:
    """Remove processes, files, containers and images of sessions that have ended, and return the exit status 0.

    Raises:
        OSError: no folder for temporary files can be used.
    """
    with own_folder():  # what others have left is removed first
        say("processes and files of sessions that have ended were removed")
    engine = Docker()
    try:
        reason = engine.probe()
        if reason is not None:
            say(f"no containers and images were looked for: {reason}")
        for what in engine.remove_leftovers():
            say(f"removed {what}")
    finally:
        engine.close()
    return 0


__all__ = ["sweep_local"]
