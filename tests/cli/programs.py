"""What the tests of the command share besides fixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import subprocess


class Command(Protocol):
    """What the fixture `command` gives."""

    def __call__(self, *arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[str]:
        """Run `pytest-aicore check` with these arguments."""
