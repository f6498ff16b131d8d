"""Named sets of faults, as they occur together in production; each consists of arguments of `Emulator.fault`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_aicore.errors import EmulatorError, did_you_mean, listing, our_message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__tracebackhide__ = our_message

_EVERY_CALL = "*.*"
"""All but `token`: tokens come from another service."""

PROFILES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "throttled": (
        {"call": _EVERY_CALL, "status": 429, "retry_after": 1, "probability": 0.3, "attempts": 2, "times": None},
    ),
    "flaky control plane": (
        {"call": "*.create", "status": 504, "processed": True, "probability": 0.2, "attempts": 1, "times": None},
        {"call": "*.get", "kind": "html", "probability": 0.05, "attempts": 1, "times": None},
        {"call": _EVERY_CALL, "status": 503, "probability": 0.15, "attempts": 1, "times": None},
    ),
    "token expiry": ({"call": _EVERY_CALL, "kind": "expired token", "probability": 0.5, "after": 3},),
    "not found at first": ({"call": _EVERY_CALL, "kind": "not found", "looks": 2, "times": None},),
    "late logs": ({"call": "*.query_logs", "late": 60.0, "times": None},),
    "slow lists": (
        {"call": "*.query", "delay": 20.0, "probability": 0.5, "times": None},
        {"call": "*.count", "delay": 20.0, "probability": 0.5, "times": None},
    ),
    "connection resets": (
        {
            "call": "*.create",
            "kind": "connection reset",
            "processed": True,
            "probability": 0.2,
            "attempts": 1,
            "times": None,
        },
        {"call": _EVERY_CALL, "kind": "connection reset", "probability": 0.15, "attempts": 1, "times": None},
    ),
}
"""Arguments of the faults by profile; the first one that matches a call is triggered. The numbers are assumed: no
measurement is known."""


def faults_of(name: str) -> Sequence[Mapping[str, Any]]:
    """Return the arguments of the faults of a profile.

    Raises:
        EmulatorError: unknown profile; the message names the nearest one.
    """
    if name in PROFILES:
        return PROFILES[name]
    raise EmulatorError(
        f"profile: unknown profile {name!r}.{did_you_mean(str(name), PROFILES)} Profiles: {listing(PROFILES)}."
    )
