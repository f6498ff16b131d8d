"""Signals as a container has them: what this process ignores, its children would ignore as well."""

from __future__ import annotations

import shutil
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_OF_PYTHON = ("SIGPIPE", "SIGXFSZ")
"""Python ignores them, and `subprocess` gives them back to a child; to the one below they must be given once more."""
_PROGRAM = """
import os, signal, sys
for number in sys.argv[1].split():
    signal.signal(int(number), signal.SIG_DFL)
os.execvp(sys.argv[2], sys.argv[2:])
"""


def with_default_signals(command: Sequence[str], path: str | None = None) -> list[str]:
    """Return a command that has the system's way with each signal, also where this process ignores some.

    In the background of a script a process ignores SIGINT, with `nohup` SIGHUP. A training that ends itself by such a
    signal would go on, and seem to have completed.

    Args:
        command: the command.
        path: where its program is looked for, as in PATH.
    """
    ignored = [int(each) for each in signal.valid_signals() if signal.getsignal(each) is signal.SIG_IGN]
    of_python = [int(getattr(signal, name)) for name in _OF_PYTHON if hasattr(signal, name)]
    # What cannot be found is left to whoever starts it, and says so.
    if set(ignored) <= set(of_python) or shutil.which(command[0], path=path) is None:
        return list(command)
    return [sys.executable, "-ISc", _PROGRAM, " ".join(map(str, {*ignored, *of_python})), *command]


__all__ = ["with_default_signals"]
