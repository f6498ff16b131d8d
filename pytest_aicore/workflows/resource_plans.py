"""The resource plans of SAP AI Core: how a pod asks for one, and how much memory it has there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PLAN_LABEL: Final = "ai.sap.com/resourcePlan"
INSTANCE_LABEL: Final = "ai.sap.com/instanceType"
DEFAULT_PLAN: Final = "starter"
"""What a pod without label runs on; it is the smallest plan, and every tenant may use it (documentation)."""
_GIBIBYTE: Final = 1 << 30
_MEMORY: Final[Mapping[str, float | None]] = {
    "starter": 2.5,
    "basic": 11,
    "basic.8x": 116,
    "train.l": 55,
    "infer.s": 10,
    "infer.m": 26,
    "infer.l": 58,
    "infer2.l": None,
    "infer2.4xl": None,
}
"""Memory in GiB by plan (SAP, service guide, "Choose a Resource Plan", which writes GB: assumed to be GiB).

The sizes of the last two, which real templates use, are not documented."""
PLANS: Final = tuple(_MEMORY)
"""The resource plans that SAP documents, and two that real templates use."""


def memory_of(plan: str) -> int | None:
    """Return how much memory a pod may use on a plan, in bytes; None if that is not known.

    Args:
        plan: its name; an instance type, or a plan of the tenant's own, is not known.
    """
    size = _MEMORY.get(plan)
    return None if size is None else int(size * _GIBIBYTE)


__all__ = ["DEFAULT_PLAN", "INSTANCE_LABEL", "PLANS", "PLAN_LABEL", "memory_of"]
