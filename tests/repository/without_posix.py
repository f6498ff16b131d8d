"""A program that hides what only POSIX systems have, as far as Python goes on, and then does what it is asked.

    python -m tests.repository.without_posix import
    python -m tests.repository.without_posix pytest ARGUMENTS
    python -m tests.repository.without_posix command ARGUMENTS

What Python's own modules have chosen for this system stays (`subprocess`, `pathlib`): it shows that our modules
call nothing of POSIX unguarded, and not that they work on Windows.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

MODULES = ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty")
NAMES: dict[ModuleType, tuple[str, ...]] = {
    os: (
        *("fork", "forkpty", "register_at_fork", "posix_spawn", "wait3", "wait4", "waitid", "pidfd_open"),
        *("getuid", "geteuid", "getgid", "getegid", "getpgid", "getpgrp", "setpgid", "setsid", "killpg"),
        *("chown", "fchown", "lchown", "fchmod", "mkfifo", "statvfs", "uname", "ttyname", "openpty"),
        *("pread", "preadv", "pwrite", "pwritev", "sendfile", "memfd_create", "sysconf", "confstr", "getloadavg"),
        *("O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK", "O_DIRECTORY", "WNOHANG", "sched_getaffinity", "nice"),
    ),
    signal: (
        *("SIGHUP", "SIGKILL", "SIGSTOP", "SIGCONT", "SIGCHLD", "SIGALRM", "SIGQUIT", "SIGPIPE", "SIGUSR1", "SIGUSR2"),
        *("pthread_sigmask", "pthread_kill", "setitimer", "alarm", "sigwait", "pidfd_send_signal"),
    ),
}


def hide() -> None:
    """Hide it from every module that is imported or called from now on."""
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    for module, names in NAMES.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    locks = ModuleType("msvcrt")  # what Windows has for the locks of files
    vars(locks).update(LK_NBLCK=2, locking=lambda handle, mode, count: None)
    sys.modules["msvcrt"] = locks


def main(arguments: Sequence[str]) -> int:
    """Do what is asked, and return the exit status."""
    what, *rest = arguments
    # Modules of others choose when they are imported, and are not what is tested.
    for name in ("ai_api_client_sdk.ai_api_v2_client", "requests", "responses", "waitress.server"):
        importlib.import_module(name)
    hide()
    if what == "pytest":
        return int(pytest.main(rest))
    if what == "command":
        from pytest_aicore.cli import main as command

        return command(rest)
    import pytest_aicore

    for module in pkgutil.walk_packages(pytest_aicore.__path__, "pytest_aicore."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
