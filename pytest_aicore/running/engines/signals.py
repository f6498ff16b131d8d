"""Signals as a container has them: what this process ignores, its children would ignore as well."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_OF_PYTHON = ("SIGPIPE", "SIGXFSZ")
"""Python ignores them, and `subprocess` gives them back to a child; to the one below they must be given once more."""
_PROGRAM = """
import os, signal, sys
report, numbers, *command = sys.argv[1:]
for number in numbers.split():
    signal.signal(int(number), signal.SIG_DFL)
os.set_inheritable(int(report), False)
try:
    os.execvp(command[0], command)
except OSError as error:
    os.write(int(report), str(error.errno).encode())
"""


def start_with_default_signals(
    command: Sequence[str], *, pass_fds: Sequence[int] = (), **how: Any
) -> subprocess.Popen[bytes]:
    """Start a process that has the system's way with each signal, also where this process ignores some.

    In the background of a script a process ignores SIGINT, with `nohup` SIGHUP. A training that ends itself by such a
    signal would go on, and seem to have completed.

    Args:
        command: its program and arguments.
        pass_fds: as of `subprocess.Popen`.
        **how: the other arguments of `subprocess.Popen`.

    Raises:
        OSError: it cannot be started.
        ValueError: an argument cannot be passed to a process.
    """
    ignored = {int(each) for each in signal.valid_signals() if signal.getsignal(each) is signal.SIG_IGN}
    of_python = {int(getattr(signal, name)) for name in _OF_PYTHON if hasattr(signal, name)}
    if ignored <= of_python:
        return subprocess.Popen(command, pass_fds=pass_fds, **how)  # noqa: S603  the step's own command
    reading, writing = os.pipe()
    with open(reading, "rb") as report:  # noqa: PTH123  a descriptor
        try:
            numbers = " ".join(map(str, ignored | of_python))
            wrapped = [sys.executable, "-ISc", _PROGRAM, str(writing), numbers, *command]
            process = subprocess.Popen(wrapped, pass_fds=(*pass_fds, writing), **how)  # noqa: S603  likewise
        finally:
            os.close(writing)
        said = report.read()
    if said:
        process.wait()
        raise OSError(int(said), os.strerror(int(said)))
    return process


__all__ = ["start_with_default_signals"]
