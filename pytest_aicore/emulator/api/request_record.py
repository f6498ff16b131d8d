"""The log entry of a request."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_aicore.printable import on_one_line
from pytest_aicore.redact import redact

REMEMBERED_BYTES = 2000
KEPT_BYTES = 2 * REMEMBERED_BYTES
"""More than is shown: a secret that is cut off is not recognised."""
REMEMBERED_CALLS = 64
"""Attempts of this number of latest calls are recognised as such when threads call at the same time."""


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request that reached the emulator, and its answer.

    Args:
        number: counts the logical calls; attempts of one call share it.
        attempt: 1 for the first try of a logical call.
        method: upper case.
        operation: the name for faults, or an empty string for an unknown call.
        status: HTTP status; 0 if the client got no answer.
        at: the emulator's time, seconds since the epoch.
        resource_group: the value of the header, or an empty string.
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
    """A hash of the whole request body, to recognise a repetition."""
    _request_body: bytes
    _response_body: bytes

    @property
    def path(self) -> str:
        """The path with its query, without secrets."""
        return redact(self._path)

    @property
    def request_body(self) -> str:
        """The body of the request, cut to a readable length and without secrets."""
        return redact(self._request_body.decode("utf-8", "replace"))[:REMEMBERED_BYTES]

    @property
    def response_body(self) -> str:
        """The body of the answer, cut to a readable length and without secrets."""
        return redact(self._response_body.decode("utf-8", "replace"))[:REMEMBERED_BYTES]

    def repeats(self, earlier: RequestRecord) -> bool:
        """Return whether it is identical to an earlier request."""
        return (self.method, self._path, self.resource_group, self._content) == (
            earlier.method,
            earlier._path,
            earlier.resource_group,
            earlier._content,
        )

    def __str__(self) -> str:
        return on_one_line(f"{self.method} {self.path} -> {self.status or 'no answer'}")

    __repr__ = __str__
