"""Dates that time-machine or freezegun have set for a test: they move with its clock, and take precedence over it."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any


def are_set() -> bool:
    """Return whether a date is set; without these packages there is none."""
    return bool(_travellers() or _frozen())


def move(seconds: float) -> None:
    """Move the dates that are set; without one nothing happens.

    Args:
        seconds: how far.
    """
    for traveller in _travellers():
        traveller.shift(timedelta(seconds=seconds))
    for factory in _frozen():
        factory.tick(timedelta(seconds=seconds))


def _travellers() -> list[Any]:
    module: Any = sys.modules.get("time_machine")
    # Its name before 3.0, and since.
    return getattr(module, "coordinates_stack", None) or getattr(module, "traveller_stack", None) or []


def _frozen() -> list[Any]:
    return getattr(sys.modules.get("freezegun.api"), "freeze_factories", None) or []


__all__ = ["are_set", "move"]
