"""The process of an emulator: a forked process has a copy that the test cannot see, so its use is refused there.

Refusals are reported to the process of the emulator, so that the test fails even if the forked process hides them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.errors import EmulatorError
from pytest_aicore.processes import Home, HomeLock, Letters

if TYPE_CHECKING:
    from pytest_aicore.emulator.emulator import Emulator


ABSENCE = (
    "the emulator is in the process that runs the test, and this came from one that was forked from it. Ask for the"
    " fixture aicore_server, and give the other process its url and service_key: it serves the emulator over HTTP."
)
_REFUSAL = f"The emulator cannot be used here: {ABSENCE}"


class Presence:
    """Restricts an emulator to the process of a test.

    Args:
        emulator: from now on forked processes cannot take its lock, so they cannot use it.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._home = Home()
        self._letters = Letters()
        emulator.lock = HomeLock(self._require)

    @property
    def is_here(self) -> bool:
        """Whether the emulator is in this process."""
        return self._home.is_here

    def settle(self) -> None:
        """Move the emulator to this process, which runs a whole test (pytest-forked forks each test)."""
        if not self._home.is_here:
            self._letters.close()
            self._letters = Letters()
            self._home.settle()

    def report(self, incident: str) -> None:
        """Make the running test fail, from whichever process."""
        if self._home.is_here:
            self._emulator.report(incident)
        else:
            self._letters.write(incident)

    def collect(self) -> None:
        """Make the test fail for what forked processes have reported."""
        for incident in self._letters.read() if self._home.is_here else ():
            self._emulator.report(incident)

    def end(self) -> None:
        """Close the pipe to forked processes."""
        self._letters.close()

    def _require(self) -> None:
        if not self._home.is_here:
            self._letters.write(_REFUSAL)
            raise EmulatorError(_REFUSAL)
