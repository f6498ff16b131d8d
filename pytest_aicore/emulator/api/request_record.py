"""What the emulator remembers of a request."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_aicore.printable import on_one_line
from pytest_aicore.redact import redact

REMEMBERED_BYTES = 2000
KEPT_BYTES = 2 * REMEMBERED_BYTES
"""More than what is shown: a secret that is cut off is not recognised."""
REMEMBERED_CALLS = 64
"""Of so many the attempts can be told from new calls, when threads call at the same time."""


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request that reached the emulator, and what became of it.

    Args:
        number: counts the logical calls; attempts of one call share it.
        attempt: 1 for the first try of a logical call.
        method: upper case.
        operation: as faults name it, or an empty string where the emulator knows no such call.
        status: HTTP status; 0 when the client got no answer.
        at: the emulator's time, seconds since the epoch.
        resource_group: as the header names it, or an empty string.
    """

    number: int
    attempt: int
    method: str
    operation: str
    status: int
    at: float
    resource_group: str
    _path: str
    _content: int
    """A hash of the whole request body, to tell whether the same was sent again."""
    _request_body: bytes
    _response_body: bytes

    @property
    def path(self) -> str:
        """The path with its query, without secrets."""
        return redact(self._path)

    @property
    def request_body(self) -> str:
        """What was sent, cut to a readable length and without secrets."""
        return redact(self._request_body.decode("utf-8", "replace"))[:REMEMBERED_BYTES]

    @property
    def response_body(self) -> str:
        """What was answered, cut to a readable length and without secrets."""
        return redact(self._response_body.decode("utf-8", "replace"))[:REMEMBERED_BYTES]

    def repeats(self, earlier: RequestRecord) -> bool:
        """Tell whether it asks for the same as an earlier one, word for word."""
        return (self.method, self._path, self.resource_group, self._content) == (
            earlier.method,
            earlier._path,
            earlier.resource_group,
            earlier._content,
        )

    def __str__(self) -> str:
        return on_one_line(f"{self.method} {self.path} -> {self.status or 'no answer'}")

    __repr__ = __str__
