"""`--shell-on-failure`: a shell where a step failed, with the same mounts, variables and folder."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from pytest_aicore.cli.local_options import warn
from pytest_aicore.errors import SettingsError
from pytest_aicore.running.engines.engine import StartError

if TYPE_CHECKING:
    from pytest_aicore.running.engines.engine import Engine, Launch
    from pytest_aicore.running.pods import Pod


class FailureShell:
    """Opens a shell in each step that failed, one at a time.

    Args:
        engine: what runs the steps.

    Attributes:
        is_open: whether there is one: then Ctrl-C is the shell's.

    Raises:
        SettingsError: there is no terminal.
    """

    def __init__(self, engine: Engine) -> None:
        if not (sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty()):
            raise SettingsError("--shell-on-failure needs a terminal as standard input and output; here is none.")
        self.is_open = False
        self._engine = engine
        self._one = Lock()

    def open(self, pod: Pod, launch: Launch) -> None:
        """Open a shell, and return when it has ended.

        Args:
            pod: which failed.
            launch: how it was started.
        """
        with self._one:
            try:
                words, folder = self._engine.by_hand(replace(launch, command=("sh", "-i")))
            except (OSError, StartError) as error:
                warn(f"no shell can be opened in {pod.node}: {error}")
                return
            warn(f"a shell in the failed step {pod.node}, whose command was: {' '.join(launch.command)}")
            warn("the run goes on when it ends (exit).")
            self.is_open = True
            try:
                subprocess.run(words, env=dict(launch.env), cwd=folder or "/", check=False)  # noqa: S603  asked for
            except OSError as error:
                warn(f"no shell can be opened in {pod.node}: {error}")
            finally:
                self.is_open = False


__all__ = ["FailureShell"]
