"""Live sessions in processes of their own, that can be interrupted in the middle of something."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from typing_extensions import Self

DEADLINE = 60.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return when a condition holds.

    Raises:
        AssertionError: it does not hold within a minute.
    """
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE:g} s: {what}"
        time.sleep(0.02)


def interruptible(*arguments: str) -> list[str]:
    """Return the command of a Python that minds SIGINT, also where who runs the tests ignores it.

    What a shell starts in the background ignores it, and so do its children.
    """
    reset = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.executable, sys.argv[1:])"
    )
    return [sys.executable, "-c", reset, sys.executable, *arguments]


class LiveProcess:
    """`pytest --aicore-live` in a process, and in a process group of its own.

    Args:
        folder: the project.
        arguments: of pytest.
    """

    def __init__(self, folder: Path, arguments: Sequence[str]) -> None:
        self.folder = folder
        self.output = folder / f"output-{time.monotonic_ns()}.txt"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                interruptible("-m", "pytest", *arguments),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def events(self) -> list[dict[str, Any]]:
        """Return what the ledger says; a line that is cut off says nothing."""
        file = self.folder / "ledger.jsonl"
        lines = file.read_text(encoding="utf-8").split("\n")[:-1] if file.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def wait_for_executions(self, number: int = 1) -> None:
        """Return when so many executions have been started."""

        def started() -> bool:
            made = [each for each in self.events() if each["event"] == "made" and each["stage"] == "execution"]
            assert self.process.poll() is None or len(made) >= number, self.text
            return len(made) >= number

        wait_until(started, f"{number} executions")

    def send(self, number: int, *, to_group: bool = False) -> None:
        """Send a signal to the process, or to it and all its children."""
        if to_group:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end and return the exit status."""
        return self.process.wait(DEADLINE)

    @property
    def text(self) -> str:
        """What it has printed."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(DEADLINE)
