"""The errors of calls to AI Core, and which of them are transient."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from pytest_aicore.errors import RunError
from pytest_aicore.redact import redact
from pytest_aicore.training.service.service_time import parse_http_date

_TRANSIENT = frozenset({408, 421, 425, 429, 460, 499})
"""Transient statuses below 500: the request was too slow, too early or too fast for a gateway, or went to the wrong
server (499 is of nginx, 460 of AWS's load balancers)."""
_LASTING = frozenset({501, 505, 506, 510, 511})
"""Statuses of 500 and more that are not transient: the request is wrong, or the network requires a login."""
LONGEST_RETRY_AFTER = 60.0
"""The longest pause that a `Retry-After` can set: gateways that restart ask for seconds, and one that asks for a day
must not stop the polling of a session."""
_SECONDS = re.compile(r"\d+(\.\d*)?", re.ASCII)


class CallError(RunError):
    """One call to AI Core failed.

    Attributes:
        status: the HTTP status, None without a readable answer.
        transient: whether a retry can help.
        in_doubt: whether AI Core may have carried out the request, although its answer cannot be read.
        is_missing: whether AI Core itself answered that the object does not exist. A 404 without AI Core's error body
            comes from a gateway that has no route, and says nothing about the object.
        is_unreadable: whether there was an answer that cannot be read.
        was_refused: whether AI Core, or a gateway, refused the request.
        retry_after: seconds to wait that AI Core asked for, None if it did not; at most a minute.
    """

    def __init__(
        self,
        text: str,
        status: int | None = None,
        *,
        transient: bool = False,
        in_doubt: bool = False,
        is_missing: bool = False,
        is_unreadable: bool = False,
        was_refused: bool = False,
        retry_after: float | None = None,
    ) -> None:
        """Make the error.

        Args:
            text: what happened and what to do.
            status: the HTTP status.
            transient: whether a retry can help.
            in_doubt: whether AI Core may have carried out the request all the same.
            is_missing: whether AI Core answered that the object does not exist.
            is_unreadable: whether there was an answer that cannot be read.
            was_refused: whether AI Core or a gateway refused the request.
            retry_after: seconds to wait that AI Core asked for.
        """
        super().__init__(redact(text))  # an answer may repeat what was sent
        self.status = status
        self.transient = transient
        self.in_doubt = in_doubt
        self.is_missing = is_missing
        self.is_unreadable = is_unreadable
        self.was_refused = was_refused
        self.retry_after = retry_after

    @property
    def is_of_a_gateway(self) -> bool:
        """Whether a gateway had no route for the request, so that AI Core did not receive it."""
        return self.status == 404 and not self.is_missing


class UnknownStatusError(RunError):
    """AI Core answered with a status that is unknown to the installed SDK."""


class TokenRefusal(Exception):  # noqa: N818  it becomes the error of the call that needed the token
    """No token was granted, so a call was not made.

    Args:
        why: the reason, in a few words.
        status: the HTTP status of the token endpoint, None without an answer.
        transient: whether a retry can help.
        retry_after: seconds to wait that the endpoint asked for.
    """

    def __init__(
        self, why: str, status: int | None = None, *, transient: bool, retry_after: float | None = None
    ) -> None:
        super().__init__(why)
        self.status = status
        self.transient = transient
        self.retry_after = retry_after

    def of_call(self, asked: str) -> CallError:
        """Return the error of the call that was not made."""
        remedy = "Try again later." if self.transient else "Check the credentials and the token URL."
        return CallError(
            f"{asked}: no token ({first_line(redact(str(self))) or 'no answer'}). {remedy}",
            self.status,
            transient=self.transient,
            retry_after=self.retry_after,
        )


def is_transient(status: int | None) -> bool:
    """Return whether a retry can help after an answer with that status; statuses of proxies and gateways pass."""
    if status is None:
        return False
    return status in _TRANSIENT or status < 200 or 300 <= status < 400 or (status >= 500 and status not in _LASTING)


def retry_after_seconds(value: str | None, date: str | None = None) -> float | None:
    """Return the seconds that a header `Retry-After` asks for, at most a minute; None if it cannot be read.

    Args:
        value: seconds, or an HTTP date (RFC 9110, section 10.2.3).
        date: the header `Date` of the answer: the time of the server that sent the other date.
    """
    if value is None:
        return None
    if _SECONDS.fullmatch(value.strip()):
        return min(float(value), LONGEST_RETRY_AFTER)
    until = parse_http_date(value)
    if until is None:
        return None
    now = parse_http_date(date) or datetime.now(timezone.utc)
    return min(max(0.0, (until - now).total_seconds()), LONGEST_RETRY_AFTER)


def first_line(text: str) -> str:
    """Return the first line of a message, cut to 300 characters."""
    line = text.partition("\n")[0].strip()
    return line if len(line) <= 300 else f"{line[:297]}..."
