"""The statuses of executions and deployments, and which changes of them are legal.

`UNKNOWN -> PENDING -> RUNNING -> COMPLETED | DEAD`; stopped: `PENDING | RUNNING -> STOPPING -> STOPPED`
(SAP's status figures; legality as in the tables of its documentation for stopping and deleting).
"""

from __future__ import annotations

from pytest_aicore.service_facts import FINAL_STATUSES

STATUSES = ("UNKNOWN", "PENDING", "RUNNING", "COMPLETED", "DEAD", "STOPPING", "STOPPED")
TERMINAL = frozenset(FINAL_STATUSES)
OUTCOMES = FINAL_STATUSES
UNFINISHED = tuple(status for status in STATUSES if status not in TERMINAL)
"""The statuses before the end, in the order in which they are left."""
REPORTABLE = tuple(status for status in STATUSES if status not in {"UNKNOWN", "STOPPING"})
"""The statuses that an engine may report; the emulator itself sets the other two."""

CAN_BE_STOPPED = frozenset({"PENDING", "RUNNING"})
"""Documentation: all other statuses, UNKNOWN included, are refused."""
CAN_BE_DELETED = frozenset({"UNKNOWN", "STOPPED", "DEAD", "COMPLETED"})
"""Documentation: a pending or running execution must be stopped first."""


def can_follow(status: str, following: str) -> bool:
    """Return whether an execution or deployment may change from one status to another.

    No status comes back, and a final status is never left.
    """
    if status in TERMINAL:
        return False
    return following in TERMINAL or UNFINISHED.index(following) > UNFINISHED.index(status)
