"""What goes wrong on purpose: calls that the emulator answers badly, or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from pytest_aicore.emulator.wire import (
    GATEWAY,
    ApiError,
    Response,
    empty_response,
    error_body,
    json_response,
    text_response,
)
from pytest_aicore.errors import EmulatorError, did_you_mean, our_message

if TYPE_CHECKING:
    from collections.abc import Collection

    from pytest_aicore.emulator.wire import Request

__tracebackhide__ = our_message

Kind = Literal["connection reset", "timeout", "truncated json", "html", "expired token"]
KINDS: tuple[str, ...] = get_args(Kind)

ANY_CALL = "*"
REMEMBERED_CALLS = 64
"""Of so many the attempts can be told from new calls, when threads call at the same time."""

_SENTENCES = {
    401: "Jwt verification fails",
    403: "RBAC: access denied",
}
_JSON_SENTENCES = {
    429: "Too many requests",
    500: "Internal server error",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "Gateway timeout",
}


@dataclass(slots=True)
class Tally:
    """What a fault has counted: logical calls, each known by its number."""

    passed: int = 0
    """Those that `after` let go well."""
    struck: int = 0
    latest: dict[int, int | None] = field(default_factory=dict)
    """The attempts of each of the latest calls that it has hit, or None for those that it let go well."""

    def remember(self, number: int, attempts: int | None) -> None:
        """Remember a call, and forget those that have no more attempts to come."""
        self.latest[number] = attempts
        if len(self.latest) > REMEMBERED_CALLS:
            del self.latest[next(iter(self.latest))]

    def copy(self) -> Tally:
        """Return an independent copy."""
        return replace(self, latest=dict(self.latest))


@dataclass(slots=True, eq=False)
class Fault:
    """One thing that goes wrong on purpose. Made by `Emulator.fault`.

    Args:
        call: the operation it is for (`execution.get`), or `*` for every call.
        status: the HTTP status to answer with.
        body: the body to answer with: JSON content, text or bytes; a fitting one when left out.
        retry_after: seconds, or an HTTP date, for the header `Retry-After`.
        kind: what else than a status goes wrong.
        times: for how many logical calls; None for all. A client that retries makes several attempts of one call.
        after: how many logical calls go well first.
        attempts: how many attempts of each such call go wrong; None for all.
        processed: whether the service does what it was asked to before the answer gets lost.
    """

    call: str
    status: int | None = None
    body: Any = None
    retry_after: float | str | None = None
    kind: Kind | None = None
    times: int | None = 1
    after: int = 0
    attempts: int | None = None
    processed: bool = False
    tally: Tally = field(default_factory=Tally, repr=False)

    @property
    def struck(self) -> int:
        """How many logical calls it has hit."""
        return self.tally.struck

    def __post_init__(self) -> None:
        if (self.status is None) == (self.kind is None):
            raise EmulatorError("fault: give either status= (an HTTP status) or kind= (what else goes wrong).")
        if self.kind is not None and self.kind not in KINDS:
            hint = did_you_mean(self.kind, KINDS)
            raise EmulatorError(f"fault: kind={self.kind!r} is none of {', '.join(map(repr, KINDS))}.{hint}")
        if self.status is not None and not (_is_whole(self.status) and 200 <= self.status <= 599):
            raise EmulatorError(f"fault: status={self.status!r} is no HTTP status of an answer: give 200 to 599.")
        for name in ("body", "retry_after"):
            if getattr(self, name) is not None and self.kind is not None:
                raise EmulatorError(f"fault: {name}= goes with status=, but kind={self.kind!r} has its own answer.")
        for name in ("times", "attempts"):
            value = getattr(self, name)
            if value is not None and not (_is_whole(value) and value >= 1):
                raise EmulatorError(f"fault: {name}={value!r} is no number of calls: give 1 or more, or None for all.")
        if not (_is_whole(self.after) and self.after >= 0):
            raise EmulatorError(f"fault: after={self.after!r} is no number of calls: give 0 or more.")
        if not isinstance(self.body, bytes):
            try:
                json.dumps(self.body, allow_nan=False)
            except (TypeError, ValueError, RecursionError) as error:
                raise EmulatorError(f"fault: body={self.body!r} cannot be written as JSON: {error}.") from None

    def strikes(self, operation: str, number: int) -> bool:
        """Tell whether this attempt goes wrong, and count it.

        Args:
            operation: what is called.
            number: the number of the logical call, which its attempts share.
        """
        if self.call not in (ANY_CALL, operation):
            return False
        tally = self.tally
        if number not in tally.latest:
            if tally.passed < self.after:
                tally.passed += 1
                tally.remember(number, None)
                return False
            if self.times is not None and tally.struck >= self.times:
                return False
            tally.struck += 1
        attempts = tally.latest.get(number, 0)
        if attempts is None:
            return False
        tally.remember(number, attempts + 1)
        return self.attempts is None or attempts < self.attempts

    def response(self, request: Request, request_id: str, target: str, answer: Response | None) -> Response:
        """Return what the client gets.

        Args:
            request: the call that goes wrong.
            request_id: for the error envelope.
            target: for the error envelope.
            answer: what the service would have answered, where it has processed the call.
        """
        if self.kind == "connection reset" or self.kind == "timeout":
            return Response(0, failure=self.kind)
        if self.kind == "expired token":
            return text_response(401, "Jwt is expired", {"www-authenticate": f'Bearer realm="https://{request.host}"'})
        if self.kind == "html":
            return Response(
                200,
                {"content-type": "text/html", **GATEWAY},
                b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Back soon.</body></html>",
            )
        if self.kind == "truncated json":
            is_object = answer is not None and answer.body.startswith(b"{")  # part of a number would be a number
            whole = answer.body if answer and is_object else b'{"count":1,"resources":[{"createdAt":"2025-01-01T00:00:'
            return Response(200, {"content-type": "application/json", **GATEWAY}, whole[: len(whole) * 2 // 3])
        return self._status_response(request_id, target)

    def _status_response(self, request_id: str, target: str) -> Response:
        status = self.status or 500
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        if isinstance(self.body, bytes):
            return Response(status, {"content-type": "application/octet-stream", **GATEWAY, **headers}, self.body)
        if isinstance(self.body, str):
            return text_response(status, self.body, headers)
        if self.body is not None:
            return json_response(status, self.body, headers)
        if status in _SENTENCES:
            return text_response(status, _SENTENCES[status], headers)
        if status < 400:
            return empty_response(status, headers)
        error = ApiError(status, f"01{status:03}000", _JSON_SENTENCES.get(status, "Scripted by a fault"))
        return json_response(status, {"error": error_body(error, request_id=request_id, target=target)}, headers)


def operation_named(call: str, operations: Collection[str], by_signature: dict[str, str]) -> str:
    """Return the operation that a call names: `execution.get`, `GET /v2/lm/executions/{executionId}` or `*`.

    Raises:
        EmulatorError: the emulator knows no such call; the nearest one is named.
    """
    if call == ANY_CALL or call in operations:
        return call
    if call in by_signature:
        return by_signature[call]
    hint = did_you_mean(call, [*operations, *by_signature])
    raise EmulatorError(
        f"fault: the emulator knows no call {call!r}.{hint} Calls are {', '.join(sorted(operations))}; '*' means all."
    )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
