"""What the state keeps for others, as far as it and those who read it need to know: for types only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pytest_aicore.http.exchange import Request, Response


class TableRow(Protocol):
    """What a table keeps: something with an id and a running number that grows with its creation."""

    @property
    def id(self) -> str:
        """The id that the API shows."""
        ...

    @property
    def number(self) -> int:
        """The position in the order of creation."""
        ...


class Outlook(Protocol):
    """What an engine says beforehand about how an execution or deployment will go on."""

    def goes_by_looks(self, status: str) -> bool:
        """Tell whether it leaves a status after so many looks, not after so much time."""
        ...

    def goes_on(self, status: str) -> bool:
        """Tell whether it leaves a status by itself."""
        ...


class StandingScript(Protocol):
    """A script as the state keeps it: what it says, and how many executions it has been used for."""

    script: Any
    used: int

    @property
    def is_used_up(self) -> bool:
        """Whether it was counted and its count is reached."""
        ...


class ArmedFault(Protocol):
    """A fault as the state keeps it: it decides itself which calls it hits, and counts them."""

    tally: Any
    """What it has counted, with a `copy()`."""

    @property
    def kind(self) -> str | None:
        """What else than a status goes wrong."""
        ...

    @property
    def delay(self) -> float:
        """How many seconds the call takes."""
        ...

    @property
    def late(self) -> float:
        """So many seconds pass until log lines are shown."""
        ...

    @property
    def is_answer(self) -> bool:
        """Whether it answers the call; one that does not makes the call slow, or shows less."""
        ...

    @property
    def is_processed(self) -> bool:
        """Whether the service does what it was asked to."""
        ...

    @property
    def is_for_records(self) -> bool:
        """Whether it is only for calls of one record."""
        ...

    def strikes(self, operation: str, number: int, record: TableRow | None) -> bool:
        """Tell whether this attempt of a call goes wrong, and count it."""
        ...

    def response(self, request: Request, request_id: str, target: str, answer: Response | None) -> Response:
        """Return what the client gets."""
        ...
