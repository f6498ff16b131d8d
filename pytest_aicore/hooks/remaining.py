"""Which tests pytest-xdist will still run once it has begun to end: `-x`, `--maxfail`, `pytest.exit`, lost workers.

No hook of pytest-xdist reports that, so it is read from its scheduler (pytest-xdist 3.5 to 3.8). Of one that looks
otherwise nothing is known, and then nothing is concluded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection


def remaining_tests(dsession: Any, down: Collection[object]) -> set[str] | None:
    """Return the tests that workers still have to run; None as long as more may be assigned, or if that is unknown.

    Args:
        dsession: the plugin of pytest-xdist that gives tests to workers.
        down: workers that have ended.
    """
    if not getattr(dsession, "shuttingdown", False):
        return None
    scheduler = dsession.sched
    tests: set[str] = set()
    try:
        for node in scheduler.nodes:
            if node not in down:
                tests.update(_pending(scheduler, node))
    except (AttributeError, KeyError, IndexError, TypeError):
        return None
    return tests


def _pending(scheduler: Any, node: object) -> list[str]:
    if hasattr(scheduler, "assigned_work"):  # loadscope, loadfile, loadgroup
        scopes = scheduler.assigned_work[node].values()
        return [test for scope in scopes for test, is_completed in scope.items() if not is_completed]
    collection = scheduler.node2collection[node]  # load, worksteal, each
    return [collection[index] for index in scheduler.node2pending[node]]
