"""In which process an emulator is: a forked process has a copy that nobody sees, so it is refused there.

What is refused is told to the process of the emulator, so that the test fails, whatever the forked process makes of it.
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
    """Keeps an emulator to the process of a test.

    Args:
        emulator: whose lock is refused to forked processes from now on, and with it everything that it does.
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
        """Let the emulator be in this process: it runs whole tests, as plugins do that fork them (pytest-forked)."""
        if not self._home.is_here:
            self._letters.close()
            self._letters = Letters()
            self._home.settle()

    def report(self, incident: str) -> None:
        """Let the test fail that is running, in whichever process that is."""
        if self._home.is_here:
            self._emulator.report(incident)
        else:
            self._letters.write(incident)

    def collect(self) -> None:
        """Let the test fail for what forked processes have told."""
        for incident in self._letters.read() if self._home.is_here else ():
            self._emulator.report(incident)

    def end(self) -> None:
        """Give back what the system lends."""
        self._letters.close()

    def _require(self) -> None:
        if not self._home.is_here:
            self._letters.write(_REFUSAL)
            raise EmulatorError(_REFUSAL)
