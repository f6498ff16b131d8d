"""Fault injection: calls that the emulator answers with a failure, or not at all."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal, get_args

from pytest_aicore.emulator.api.handlers import token
from pytest_aicore.emulator.api.request_record import REMEMBERED_CALLS
from pytest_aicore.emulator.control.shapes import is_number
from pytest_aicore.emulator.world.clock import LONGEST_MOVE
from pytest_aicore.errors import EmulatorError, did_you_mean, listing, our_message
from pytest_aicore.http.exchange import (
    GATEWAY,
    ApiError,
    Response,
    empty_response,
    error_body,
    json_response,
    text_response,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from pytest_aicore.emulator.store.protocols import TableRow
    from pytest_aicore.http.exchange import Request

__tracebackhide__ = our_message

Kind = Literal["connection reset", "timeout", "truncated json", "html", "expired token", "not found", "unknown status"]
KINDS: tuple[str, ...] = get_args(Kind)

UNKNOWN_STATUS = "SUSPENDED"
"""Invented: a status that a later version of AI Core might have."""
_STATUS = re.compile(rb'"status":"[A-Z]+"')
ANY_CALL = "*"

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
    """Counters of a fault: logical calls, identified by their numbers."""

    passed: int = 0
    """Calls that succeeded because of `after`."""
    chances: int = 0
    """How many random decisions were made; the next one is a function of this number, so a rollback restores it."""
    triggered: int = 0
    latest: dict[int, int | None] = field(default_factory=dict)
    """Attempts of each of the latest calls in which it was triggered; None for calls that succeeded."""
    looks: dict[str, int] = field(default_factory=dict)
    """Number of calls by record id, for faults that count per record."""

    def remember(self, number: int, attempts: int | None) -> None:
        """Keep a call, and drop those that will have no further attempts."""
        self.latest[number] = attempts
        if len(self.latest) > REMEMBERED_CALLS:
            del self.latest[next(iter(self.latest))]

    def copy(self) -> Tally:
        """Return an independent copy."""
        return replace(self, latest=dict(self.latest), looks=dict(self.looks))


@dataclass(slots=True, eq=False)
class Fault:
    """An injected fault. Made by `Emulator.fault`.

    Args:
        call: the operation it is for (`execution.get`), or a pattern (`*.query`, `*`).
        status: the HTTP status to answer with.
        body: the body to answer with: JSON content, text or bytes; a typical body if left out.
        retry_after: seconds, or an HTTP date, for the header `Retry-After`.
        kind: a failure other than a status.
        times: for how many logical calls; None for all. A client that retries makes several attempts of one call.
        after: how many logical calls succeed first.
        attempts: how many attempts of each such call fail; None for all.
        processed: whether the service processes the request before the answer is lost.
        probability: the probability that a call fails.
        looks: fail only the first `looks` calls for each record that is created from now on.
        delay: seconds of the emulator's time that the call takes.
        late: seconds after which written log lines become visible.
        seed: seed of the random decisions.
        since: the number of the newest record when the fault was made.
        place: where the fault was made.
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
    probability: float = 1.0
    looks: int | None = None
    delay: float = 0.0
    late: float = 0.0
    seed: int | str = 0
    since: int = 0
    place: str = ""
    tally: Tally = field(default_factory=Tally, repr=False)
    is_watched: bool = field(default=False, repr=False)
    """Whether `struck` was read, or it belongs to a profile: then it need not be triggered."""

    @property
    def struck(self) -> int:
        """The number of logical calls in which it was triggered."""
        self.is_watched = True
        return self.tally.triggered

    @property
    def silence(self) -> str | None:
        """Why it was never triggered, as a sentence; None if it was, or need not be."""
        if self.tally.triggered or self.is_watched or self.probability < 1:
            return None
        if self.tally.passed:
            why = f"after={self.after} skips more such calls than were made: {self.tally.passed}"
        elif self.is_for_records:
            why = "no such call was made for a record that the fault applies to"
        else:
            why = "no such call was made, or another fault answered it"
        return (
            f"{self.place}: fault: {self.call!r} was never triggered: {why}. If the test expects that, "
            "read the fault's `struck` in it."
        )

    def __post_init__(self) -> None:
        if (not self.is_answer and not (self.delay or self.late)) or None not in (self.status, self.kind):
            raise EmulatorError(
                "fault: give either status= (an HTTP status) or kind= (another failure), or delay= or late= alone."
            )
        if self.kind is not None and self.kind not in KINDS:
            hint = did_you_mean(self.kind, KINDS)
            raise EmulatorError(f"fault: unknown kind={self.kind!r}; expected one of {listing(KINDS)}.{hint}")
        if self.status is not None and not (_is_whole(self.status) and 200 <= self.status <= 599):
            raise EmulatorError(f"fault: invalid status={self.status!r}: expected an HTTP status from 200 to 599.")
        for name in ("body", "retry_after"):
            if getattr(self, name) is not None and self.kind is not None:
                raise EmulatorError(f"fault: {name}= needs status=; kind={self.kind!r} has an answer of its own.")
        for name in ("times", "attempts", "looks"):
            value = getattr(self, name)
            if value is not None and not (_is_whole(value) and value >= 1):
                raise EmulatorError(
                    f"fault: invalid {name}={value!r}: expected a number of calls >= 1, or None for all."
                )
        if self.retry_after is not None and not _is_delay(self.retry_after):
            raise EmulatorError(
                f"fault: invalid retry_after={self.retry_after!r}: expected seconds >= 0, or an HTTP date, for "
                "example 'Wed, 01 Jan 2025 00:00:00 GMT'."
            )
        if not (_is_whole(self.after) and self.after >= 0):
            raise EmulatorError(f"fault: invalid after={self.after!r}: expected a number of calls >= 0.")
        if not (is_number(self.probability) and 0 < self.probability <= 1):
            raise EmulatorError(f"fault: invalid probability={self.probability!r}: expected more than 0 and at most 1.")
        for name in ("delay", "late"):
            value = getattr(self, name)
            if not (is_number(value) and value >= 0):
                raise EmulatorError(f"fault: invalid {name}={value!r}: expected seconds >= 0.")
            if value > LONGEST_MOVE:
                raise EmulatorError(f"fault: invalid {name}={value!r}: expected at most {LONGEST_MOVE:,} seconds.")
        if self.late and not self.call.endswith("query_logs"):
            raise EmulatorError("fault: late= delays log lines: use it with the call '*.query_logs'.")
        if not isinstance(self.body, bytes):
            try:
                json.dumps(self.body, allow_nan=False)
            except (TypeError, ValueError, RecursionError) as error:
                raise EmulatorError(f"fault: body={self.body!r} cannot be written as JSON: {error}.") from None

    @property
    def is_answer(self) -> bool:
        """Whether it replaces the answer; other faults delay the call, or hide log lines."""
        return self.status is not None or self.kind is not None

    @property
    def is_processed(self) -> bool:
        """Whether the service processes the request."""
        return self.processed or self.kind == "unknown status"

    @property
    def is_for_records(self) -> bool:
        """Whether it counts calls per record."""
        return self.looks is not None or self.kind == "not found"

    def triggers(self, operation: str, number: int, record: TableRow | None) -> bool:
        """Return whether this attempt fails, and count it.

        Args:
            operation: what is called.
            number: the number of the logical call, which its attempts share.
            record: the record that the call is for, if it exists.
        """
        if not fnmatchcase(operation, self.call) or (self.is_for_records and record is None):
            return False
        tally = self.tally
        if number not in tally.latest:
            if self.looks is not None and record is not None and not self._is_early(record, self.looks):
                return False
            if tally.passed < self.after:
                tally.passed += 1
                tally.remember(number, None)
                return False
            if self.times is not None and tally.triggered >= self.times:
                return False
            if not self._chance():
                tally.remember(number, None)
                return False
            tally.triggered += 1
        attempts = tally.latest.get(number, 0)
        if attempts is None:
            return False
        tally.remember(number, attempts + 1)
        return self.attempts is None or attempts < self.attempts

    def _is_early(self, record: TableRow, looks: int) -> bool:
        """Return whether this is one of the first calls for a new record, and count it."""
        seen = self.tally.looks.get(record.id, 0)
        if record.number <= self.since or seen >= looks:
            return False
        self.tally.looks[record.id] = seen + 1
        return True

    def _chance(self) -> bool:
        """Return the next random decision."""
        if self.probability == 1:
            return True
        self.tally.chances += 1
        from hashlib import blake2b  # late: it brings OpenSSL with it

        digest = blake2b(f"{self.seed}:{self.call}:{self.tally.chances}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64 < self.probability

    def response(self, request: Request, request_id: str, target: str, answer: Response | None) -> Response:
        """Return what the client gets.

        Args:
            request: the call that fails.
            request_id: for the error envelope.
            target: for the error envelope.
            answer: what the service would have answered, where it has processed the call.
        """
        if self.kind == "connection reset" or self.kind == "timeout":
            return Response(0, failure=self.kind)
        if self.kind == "unknown status" and answer is not None:
            return replace(answer, body=_STATUS.sub(b'"status":"' + UNKNOWN_STATUS.encode() + b'"', answer.body))
        if self.kind == "expired token":
            return text_response(401, "Jwt is expired", {"www-authenticate": f'Bearer realm="{request.base_url}"'})
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
        if status == 401 and target == token.PATH:
            return token.bad_credentials()
        if status in _SENTENCES:
            return text_response(status, _SENTENCES[status], headers)
        if status < 400:
            return empty_response(status, headers)
        error = ApiError(status, f"01{status:03}000", _JSON_SENTENCES.get(status, "Scripted by a fault"))
        return json_response(status, {"error": error_body(error, request_id=request_id, target=target)}, headers)


def operation_named(call: str, operations: Collection[str], by_signature: dict[str, str]) -> str:
    """Return the operation that a call names: `execution.get`, `GET /v2/lm/executions/{executionId}`, `*.query`.

    Raises:
        EmulatorError: unknown call; the message names the nearest one.
    """
    if call in operations or (ANY_CALL in call and any(fnmatchcase(each, call) for each in operations)):
        return call
    if call in by_signature:
        return by_signature[call]
    hint = did_you_mean(call, [*operations, *by_signature])
    resource = call.partition(".")[0]
    known = [each for each in operations if each.startswith(f"{resource}.")]
    resources = {each.partition(".")[0] for each in operations if "." in each}
    calls = (
        f"Calls of {resource!r} are {listing(sorted(known))}" if known else f"Calls are of {listing(sorted(resources))}"
    )
    raise EmulatorError(f"fault: unknown call {call!r}.{hint} {calls}; '*' means all.")


def _is_delay(value: object) -> bool:
    """Return whether it is a value for the header `Retry-After`, or fractions of seconds, which HTTP does not have."""
    if isinstance(value, str):
        return bool(re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value, re.ASCII)) or _is_http_date(value)
    return is_number(value) and float(value) >= 0  # type: ignore[arg-type]


def _is_http_date(text: str) -> bool:
    from email.utils import parsedate_to_datetime  # late: rarely needed

    try:
        return parsedate_to_datetime(text).tzinfo is not None
    except (ValueError, TypeError, IndexError):
        return False


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
