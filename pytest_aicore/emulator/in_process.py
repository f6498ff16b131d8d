"""The emulator behind the door of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.emulator.presence import ABSENCE
from pytest_aicore.http.door import Door

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator.emulator import Emulator
    from pytest_aicore.emulator.presence import Presence
    from pytest_aicore.http.exchange import Request, Response


def door_to(
    emulator: Emulator,
    answering: Callable[[Request], Response] | None = None,
    *,
    block_network: bool = False,
    presence: Presence | None = None,
) -> Door:
    """Return a door that leads to an emulator.

    Args:
        emulator: answers the requests.
        answering: answers them instead, with that emulator.
        block_network: refuse every connection to a host that is neither AI Core nor this machine.
        presence: restricts the emulator to one process, if given.
    """

    def answer(request: Request) -> Response:
        return emulator.handle(request)  # looked up now: a test may have replaced it

    return Door(
        (emulator.base_url, emulator.auth_url),
        answering or answer,
        (presence or emulator).report,
        block_network=block_network,
        absence=lambda: None if presence is None or presence.is_here else ABSENCE,
    )
