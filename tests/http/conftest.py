"""The door is tried beside a small service."""

from tests.emulator.conftest import _no_outer_door, client, elsewhere, house

__all__ = ["_no_outer_door", "client", "elsewhere", "house"]
