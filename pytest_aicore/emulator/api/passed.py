"""A request that AI Core's gateway passes on to the server of a deployment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.http.exchange import Request, Response


@dataclass(frozen=True, slots=True)
class Passed:
    """A request that has passed the gateway. Its answer may take time, so it is made without the world's lock.

    Attributes:
        answering: answers it; never raises.
        request: as the server gets it.
        change: changes the answer on its way to the client.
    """

    answering: Callable[[Request], Response]
    request: Request
    change: Callable[[Response], Response] | None = None

    def answer(self) -> Response:
        """Return what the client gets."""
        answer = self.answering(self.request)
        return answer if self.change is None else self.change(answer)

    def changed(self, change: Callable[[Response], Response]) -> Passed:
        """Return it with a change of the answer, as a fault makes one."""
        return replace(self, change=change)
