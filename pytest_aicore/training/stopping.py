"""Stops executions, whatever their status is, and finds those whose id nobody has learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.training.client import CallError, UnknownStatusError
from pytest_aicore.training.ledger import EXECUTION
from pytest_aicore.training.plan import FINAL_STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.training.client import TrainingApi
    from pytest_aicore.training.ledger import Entry
    from pytest_aicore.training.watcher import Clock

PATIENCE = 30.0
"""Seconds for which it is tried to stop an execution."""
_PAUSE = 1.0
STOPPING, DELETED, GONE = "is being stopped", "is being deleted", "does not exist"


def stop_execution(api: TrainingApi, clock: Clock, execution_id: str) -> str:
    """Make sure that an execution does not run on, and return what became of it in a few words.

    AI Core stops what is PENDING or RUNNING, and deletes what is UNKNOWN (documentation, "Stop a Single Training
    Instance"); while it is asked, the status may change.

    Args:
        api: the service.
        clock: how time passes.
        execution_id: which execution.

    Raises:
        RunError: it could not be stopped.
    """
    began = clock.now()
    missing = 0
    while True:
        try:
            outcome = _try_to_stop(api, execution_id)
            if outcome is not None:
                return outcome
            failure: CallError | None = None
        except CallError as error:
            # A new execution may not be found for a moment.
            missing += error.status == 404
            if missing > 3:
                return GONE
            if not (error.transient or error.status == 404):
                raise
            failure = error
        if clock.now() - began > PATIENCE:
            raise failure or CallError(
                f"the execution {execution_id} could be neither stopped nor deleted in {PATIENCE:g} s: its status kept"
                " changing."
            )
        clock.sleep(max(_PAUSE, failure.retry_after or 0) if failure else _PAUSE / 10)


def _try_to_stop(api: TrainingApi, execution_id: str) -> str | None:
    """Return what became of the execution, None if its status changed in the meantime."""
    try:
        api.stop(execution_id)
    except CallError as error:
        if error.transient or error.status in (401, 403, 404):
            raise
    else:
        return STOPPING
    status = "UNKNOWN"
    try:
        status = api.execution(execution_id).status.value
    except UnknownStatusError:
        return None
    if status in FINAL_STATUSES:
        return f"has ended {status}"
    if status == "STOPPING":
        return STOPPING
    if status == "UNKNOWN":
        try:
            api.delete(execution_id)
        except CallError as error:
            if error.transient or error.status in (401, 403, 404):
                raise
            return None
        return DELETED
    return None


def executions_of(api: TrainingApi, entry: Entry) -> list[str]:
    """Return the executions that a run of the ledger may have, by the service's word where the ledger has none.

    Args:
        api: the service.
        entry: of the run.

    Raises:
        RunError: the service could not be asked.
    """
    if entry.execution_id is not None:
        return [entry.execution_id]
    intent = entry.stages[EXECUTION].intent
    configuration = intent.get("configuration") or entry.configuration_id
    if configuration is None:
        return []
    others = intent.get("others", ())
    return [each.id for each in api.executions_of(configuration) if each.id not in others]


def settle(api: TrainingApi, clock: Clock, entry: Entry, note: Callable[..., None]) -> list[tuple[str, str]]:
    """Stop what an entry of the ledger started, and return each execution with what became of it.

    Args:
        api: the service.
        clock: how time passes.
        entry: of the run.
        note: takes down what is done: event and facts.

    Raises:
        RunError: something could not be stopped; the entry stays open.
    """
    found = executions_of(api, entry)
    if not found:
        note("gone")
        return []
    outcomes = [(each, stop_execution(api, clock, each)) for each in found]
    note("stopping", time=clock.now(), executions=[each for each, _ in outcomes])
    return outcomes
