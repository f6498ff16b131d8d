"""A call of the API, as handlers get it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_aicore.emulator.api.validation import ID, Text
from pytest_aicore.http.exchange import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator.api.gateway import Gateway
    from pytest_aicore.emulator.api.passed import Passed
    from pytest_aicore.emulator.store.state import ResourceGroup, State
    from pytest_aicore.emulator.world.clock import VirtualClock
    from pytest_aicore.emulator.world.platform import Platform
    from pytest_aicore.http.exchange import Request, Response

    Handler = Callable[["ApiCall"], Response | Passed]

NOT_FOUND_SENTENCE = "{what} with id {identifier} is not found"
"""Assumed: no capture shows the sentence for a record that does not exist."""
IDENTIFIER = Text(pattern=ID)


@dataclass(slots=True)
class ApiCall:
    """An authorised request with a known route and an existing resource group."""

    platform: Platform
    gateway: Gateway
    request: Request
    parameters: dict[str, str]
    """The variable parts of the path."""
    group: ResourceGroup
    late: float = 0.0
    """Seconds after which log lines are shown."""

    @property
    def state(self) -> State:
        """The whole state of the emulator."""
        return self.platform.world.state

    @property
    def clock(self) -> VirtualClock:
        """The emulator's time."""
        return self.platform.world.clock

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self.clock.now()

    @property
    def base_url(self) -> str:
        """The URL under which this client reaches the API, without `/v2`; answers use it in their links."""
        return self.request.base_url or self.gateway.base_url

    def identifier(self, name: str) -> str:
        """Return an id from the path.

        Raises:
            ApiError: 400 if it does not have the form of an id.
        """
        return IDENTIFIER(self.parameters[name], name)


def not_found(code: str, what: str, identifier: str) -> ApiError:
    """Return the 404 for a record that does not exist."""
    return ApiError(404, code, NOT_FOUND_SENTENCE.format(what=what, identifier=identifier))


class UnansweredError(Exception):
    """The emulator has no answer to a request.

    Args:
        sentence: which request.
        advice: what a test can do.
    """

    def __init__(self, sentence: str, advice: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.advice = advice
