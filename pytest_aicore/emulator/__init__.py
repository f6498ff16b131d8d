"""SAP AI Core inside this process: a stateful emulator of its API, without network and without credentials.

Names are resolved when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_aicore.emulator.api.request_record import RequestRecord
    from pytest_aicore.emulator.control.call_log import Calls, Repeat
    from pytest_aicore.emulator.control.faults import Fault
    from pytest_aicore.emulator.control.scripts import Script
    from pytest_aicore.emulator.emulator import Emulator
    from pytest_aicore.emulator.world.world import Checkpoint
    from pytest_aicore.http.exchange import Request, Response

__all__ = ["Calls", "Checkpoint", "Emulator", "Fault", "Repeat", "Request", "RequestRecord", "Response", "Script"]

_HOME = {
    "Calls": "emulator.control.call_log",
    "Checkpoint": "emulator.world.world",
    "Emulator": "emulator.emulator",
    "Fault": "emulator.control.faults",
    "Repeat": "emulator.control.call_log",
    "Request": "http.exchange",
    "RequestRecord": "emulator.api.request_record",
    "Response": "http.exchange",
    "Script": "emulator.control.scripts",
}


def __getattr__(name: str) -> object:
    """Return a public name, importing what it needs now.

    Raises:
        AttributeError: unknown name.
    """
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"pytest_aicore.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, also those that were not used yet."""
    return sorted({*globals(), *__all__})
