"""Live sessions in processes of their own, that can be interrupted in the middle of something."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tests.prepared import start_pytest
from tests.waiting import until

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
    until(condition, what, DEADLINE)


class LiveProcess:
    """`pytest --aicore-live` in a process, and in a process group of its own.

    Args:
        folder: the project.
        arguments: of pytest.
    """

    def __init__(self, folder: Path, arguments: Sequence[str]) -> None:
        self.folder = folder
        self.output = folder / f"output-{time.monotonic_ns()}.txt"
        self.process = start_pytest(arguments, cwd=folder, output=self.output)

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
        with suppress(ProcessLookupError):  # nobody is left; a fork of it may live longer than it
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(DEADLINE)
