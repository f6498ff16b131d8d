"""Points in time, as documents have them and as readers want them."""

from __future__ import annotations

from datetime import datetime, timezone


def moment(text: str) -> float:
    """Return a time of a document in seconds since the epoch.

    Args:
        text: in ISO 8601, UTC.
    """
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc).timestamp()


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
