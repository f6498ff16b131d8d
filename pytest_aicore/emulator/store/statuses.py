"""The statuses of executions and deployments, and which changes of them are legal.

`UNKNOWN -> PENDING -> RUNNING -> COMPLETED | DEAD`; stopped: `PENDING | RUNNING -> STOPPING -> STOPPED`
(SAP's status figures; legality as in the tables of its documentation for stopping and deleting).
"""

from __future__ import annotations

from pytest_aicore.service_facts import FINAL_STATUSES

STATUSES = ("UNKNOWN", "PENDING", "RUNNING", "COMPLETED", "DEAD", "STOPPING", "STOPPED")
TERMINAL = frozenset(FINAL_STATUSES)
OUTCOMES = ("COMPLETED", "DEAD", "STOPPED")

CAN_BE_STOPPED = frozenset({"PENDING", "RUNNING"})
"""Documentation: everything else, UNKNOWN included, cannot."""
CAN_BE_DELETED = frozenset({"UNKNOWN", "STOPPED", "DEAD", "COMPLETED"})
"""Documentation: a pending or running execution must be stopped first."""
