"""Protocols of objects that the state keeps but does not define: for types only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.http.exchange import Request, Response


class TableRow(Protocol):
    """A record in a table: it has an id, and a number in the order of creation."""

    @property
    def id(self) -> str:
        """The id that the API shows."""
        ...

    @property
    def number(self) -> int:
        """The position in the order of creation."""
        ...


class Outlook(Protocol):
    """What an engine knows in advance about an execution or deployment."""

    def counts_polls(self, status: str) -> bool:
        """Return whether it leaves a status after a number of polls, not after a time."""
        ...

    def advances(self, status: str) -> bool:
        """Return whether it leaves a status without a client."""
        ...


class StandingScript(Protocol):
    """A script in the state, with the number of executions that have used it."""

    script: Any
    used: int

    @property
    def is_used_up(self) -> bool:
        """Whether it has `times`, and was used that often."""
        ...


class ArmedFault(Protocol):
    """A fault in the state: it decides itself in which calls it is triggered, and counts them."""

    tally: Any
    """Its counters, with a `copy()`."""

    @property
    def kind(self) -> str | None:
        """A failure other than a status."""
        ...

    @property
    def delay(self) -> float:
        """How many seconds the call takes."""
        ...

    @property
    def late(self) -> float:
        """Seconds after which log lines are shown."""
        ...

    @property
    def is_answer(self) -> bool:
        """Whether it replaces the answer; other faults delay the call, or hide log lines."""
        ...

    @property
    def is_processed(self) -> bool:
        """Whether the service processes the request."""
        ...

    @property
    def is_for_records(self) -> bool:
        """Whether it counts calls per record."""
        ...

    def triggers(self, operation: str, number: int, record: TableRow | None) -> bool:
        """Return whether this attempt of a call fails, and count it."""
        ...

    def response(self, request: Request, request_id: str, target: str, answer: Response | None) -> Response:
        """Return what the client gets."""
        ...


class GivenAnswer(Protocol):
    """What deployments answer to requests for a path, where no server runs."""

    @property
    def target(self) -> str:
        """The id of an executable or of a deployment."""
        ...

    @property
    def path(self) -> str:
        """The path below the URL of a deployment."""
        ...

    @property
    def method(self) -> str | None:
        """The only method that it is for."""
        ...

    def response_to(self, request: Request, deployment_id: str, report: Callable[[str], None]) -> Response:
        """Return the response to a request."""
        ...
