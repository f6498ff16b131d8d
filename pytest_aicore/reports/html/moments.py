"""Points in time, as documents have them and as readers want them."""

from __future__ import annotations

from datetime import datetime, timezone

from pytest_aicore.http.exchange import parse_time


def moment(text: str) -> float:
    """Return a time of a document in seconds since the epoch; the beginning of that for what is none.

    Args:
        text: as of RFC 3339.
    """
    return parse_time(text) or 0.0


def moment_text(text: str, *, with_date: bool = False) -> str:
    """Return a time of a document for readers, in UTC.

    Args:
        text: in ISO 8601.
        with_date: whether the day is shown.
    """
    at = datetime.fromtimestamp(moment(text), timezone.utc)
    return f"{at:%Y-%m-%d %H:%M} UTC" if with_date else f"{at:%H:%M:%S}"


def clock_text(seconds: float) -> str:
    """Return seconds since the epoch as a time of day, in UTC.

    Args:
        seconds: since the epoch.
    """
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%H:%M:%S}"
