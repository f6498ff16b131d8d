"""Signals as a container has them: what this process ignores, its children would ignore as well."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.running.engines.becoming import BECOME, becoming

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_OF_PYTHON: Final = {getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ") if hasattr(signal, name)}
"""Python ignores them, and `subprocess` gives them back to a child."""
_PROGRAM: Final = (
    BECOME
    + """
import sys
os.set_inheritable(int(sys.argv[1]), False)
try:
    become(*sys.argv[2:])
except OSError as error:
    os.write(int(sys.argv[1]), str(error.errno).encode())
"""
)


def start_with_default_signals(
    command: Sequence[str], *, env: Mapping[str, str], pass_fds: Sequence[int] = (), **how: Any
) -> subprocess.Popen[bytes]:
    """Start a process that has the system's way with each signal, also where this process ignores some.

    In the background of a script a process ignores SIGINT, with `nohup` SIGHUP. A training that ends itself by such a
    signal would go on, and seem to have completed.

    Args:
        command: its program and arguments.
        env: its environment.
        pass_fds: as of `subprocess.Popen`.
        **how: the other arguments of `subprocess.Popen`.

    Raises:
        OSError: it cannot be started.
        ValueError: an argument cannot be passed to a process.
    """
    ignored = {each for each in signal.valid_signals() if signal.getsignal(each) is signal.SIG_IGN}
    if ignored <= _OF_PYTHON:
        return subprocess.Popen(command, env=env, pass_fds=pass_fds, **how)  # noqa: S603  the step's own command
    reading, writing = os.pipe()
    with open(reading, "rb") as report:  # noqa: PTH123  a descriptor
        try:
            wrapped = [sys.executable, "-ISc", _PROGRAM, str(writing), *becoming(command, env)]
            process = subprocess.Popen(wrapped, env=env, pass_fds=(*pass_fds, writing), **how)  # noqa: S603  likewise
        finally:
            os.close(writing)
        said = report.read()
    if said:
        process.wait()
        raise OSError(int(said), os.strerror(int(said)))
    return process


__all__ = ["start_with_default_signals"]
