"""SAP AI Core inside this process: a stateful emulator of its API, without network and without credentials."""

from pytest_aicore.emulator.emulator import Checkpoint, Emulator, RequestRecord
from pytest_aicore.emulator.faults import Fault
from pytest_aicore.emulator.recording import Calls, Repeat
from pytest_aicore.emulator.scripts import Script
from pytest_aicore.emulator.wire import Request, Response

__all__ = ["Calls", "Checkpoint", "Emulator", "Fault", "Repeat", "Request", "RequestRecord", "Response", "Script"]
