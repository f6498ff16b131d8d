"""How calls to AI Core fail: the errors, and which of them pass by themselves."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from pytest_aicore.errors import RunError
from pytest_aicore.redact import redact
from pytest_aicore.training.service.service_time import parse_http_date

_TRANSIENT = frozenset({408, 421, 425, 429, 460, 499})
"""Besides those of 500 and more: the client was too slow, too early or too fast for a gateway, or came the wrong way
(499 is nginx's, 460 that of AWS's load balancers)."""
_LASTING = frozenset({501, 505, 506, 510, 511})
"""Those of 500 and more that say what is wrong with the request, or that somebody has to log in to the network."""
LONGEST_RETRY_AFTER = 60.0
"""Seconds for which a `Retry-After` is obeyed at most: gateways that restart name seconds, and one that names a day
would blind a session for good."""
_SECONDS = re.compile(r"\d+(\.\d*)?", re.ASCII)


class CallError(RunError):
    """One call to AI Core failed.

    Attributes:
        status: the HTTP status, None if there was no answer that could be read.
        transient: whether asking again can help.
        in_doubt: whether AI Core may have done what it was asked to, although nobody can read its answer.
        is_missing: whether AI Core itself says that there is no such thing. A 404 without its error body is a
            gateway's, which knows no way, and says nothing about the thing.
        is_unreadable: whether there was an answer that cannot be read.
        was_refused: whether AI Core, or a gateway in its place, was asked and has refused.
        retry_after: seconds that AI Core asked to be left alone for, None if it did not; at most a minute.
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
            transient: whether asking again can help.
            in_doubt: whether AI Core may have done it all the same.
            is_missing: whether AI Core says that there is no such thing.
            is_unreadable: whether there was an answer that cannot be read.
            was_refused: whether somebody was asked and has refused.
            retry_after: seconds that AI Core asked to be left alone for.
        """
        super().__init__(redact(text))  # whoever answered may have repeated what was sent
        self.status = status
        self.transient = transient
        self.in_doubt = in_doubt
        self.is_missing = is_missing
        self.is_unreadable = is_unreadable
        self.was_refused = was_refused
        self.retry_after = retry_after

    @property
    def is_of_a_gateway(self) -> bool:
        """Whether a gateway knows no way to what was asked for: AI Core was not asked."""
        return self.status == 404 and not self.is_missing


class UnknownStatusError(RunError):
    """AI Core answered with a status that the installed SDK does not know."""


class TokenRefusal(Exception):  # noqa: N818  it becomes the error of the call that needed the token
    """There is no token, so a call was not made.

    Args:
        why: in a few words.
        status: the HTTP status of the token endpoint, None if there was no answer.
        transient: whether asking again can help.
        retry_after: seconds that the endpoint asked to be left alone for.
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
    """Tell whether asking again can help where an answer had that status: what is no answer of AI Core's passes."""
    if status is None:
        return False
    return status in _TRANSIENT or status < 200 or 300 <= status < 400 or (status >= 500 and status not in _LASTING)


def retry_after_seconds(value: str | None, date: str | None = None) -> float | None:
    """Return the seconds that a header `Retry-After` asks for, at most a minute; None if it does not say.

    Args:
        value: seconds, or an HTTP date (RFC 9110, section 10.2.3).
        date: the header `Date` of the answer: what time it is where the other date comes from.
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
    """Return the first line of a message, not too much of it."""
    line = text.partition("\n")[0].strip()
    return line if len(line) <= 300 else f"{line[:297]}..."
