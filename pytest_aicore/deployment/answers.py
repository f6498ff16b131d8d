"""The answers of a deployment: read with limits, and judged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_aicore.errors import VerdictError, our_message
from pytest_aicore.printable import printable
from pytest_aicore.redact import redact

if TYPE_CHECKING:
    import requests

    from pytest_aicore.training.clock import Clock

__tracebackhide__ = our_message

LONGEST_SECONDS = 300.0
"""How long an answer may take as a whole: a server may send piece after piece without end."""
LARGEST_BYTES = 128 * 1024 * 1024
SHOWN = 300
"""Number of characters of an answer that a message shows."""
_PIECE = 64 * 1024


class PredictionError(VerdictError):
    """A deployment answers, but not rightly."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a deployment.

    Attributes:
        asked: method and path.
        status: HTTP status.
        content_type: of the body.
        body: the body.
    """

    asked: str
    status: int
    content_type: str
    body: bytes

    @property
    def is_good(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300

    @property
    def content(self) -> Any:
        """The JSON content; of another content type the text.

        Raises:
            PredictionError: it says that it is JSON, and is not.
        """
        if "json" not in self.content_type.lower():
            return self.body.decode("utf-8", "replace")
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise PredictionError(
                f"{self.asked} was answered with {self.content_type} that is not JSON ({error}): {self.shown}"
            ) from None

    @property
    def shown(self) -> str:
        """The beginning of the body, as messages show it."""
        text = redact(printable(self.body[: 4 * SHOWN].decode("utf-8", "replace")))
        return repr(text) if len(text) <= SHOWN else f"{text[:SHOWN]!r}... ({len(self.body)} bytes)"


def read(response: requests.Response, asked: str, clock: Clock) -> Answer:
    """Return an answer, read to its end.

    Args:
        response: whose body has not been read.
        asked: method and path.
        clock: measures the time.

    Raises:
        PredictionError: it does not end, or breaks off.
    """
    from requests.exceptions import RequestException

    body = bytearray()
    try:
        _fill(body, response, asked, clock)
    except RequestException as error:
        raise PredictionError(
            f"{asked}: the answer broke off after {len(body)} bytes ({type(error).__name__})."
        ) from None
    return Answer(asked, response.status_code, response.headers.get("content-type", ""), bytes(body))


def _fill(body: bytearray, response: requests.Response, asked: str, clock: Clock) -> None:
    began = clock.monotonic()
    with response:
        for piece in response.iter_content(_PIECE):
            body += piece
            if len(body) > LARGEST_BYTES:
                raise PredictionError(f"{asked}: the answer is larger than {LARGEST_BYTES // 1024**2} MiB.")
            if clock.monotonic() - began > LONGEST_SECONDS:
                raise PredictionError(
                    f"{asked}: the answer had not ended after {LONGEST_SECONDS:g} s and {len(body)} bytes. For a stream"
                    " without end use .post(path, stream=True)."
                )
