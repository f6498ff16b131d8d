"""Stops executions, whatever their status is, and finds those whose id is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.service_facts import FINAL_STATUSES
from pytest_aicore.training.live.ledger import EXECUTION
from pytest_aicore.training.maker import APPEARING
from pytest_aicore.training.service.failures import CallError, UnknownStatusError
from pytest_aicore.training.service.retry import patiently
from pytest_aicore.training.watcher import SETTLING_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pytest_aicore.training.clock import Clock
    from pytest_aicore.training.live.ledger import Entry
    from pytest_aicore.training.service.api import TrainingApi

PATIENCE = 30.0
"""Seconds for which the attempts to stop an execution go on."""
_PAUSE, _LONGEST_PAUSE = 1.0, 8.0
"""Seconds between two attempts; a longer `Retry-After` is ignored, because the execution costs money meanwhile."""
_LEAST = 1.0
"""Seconds that the last attempt has at least."""
STOPPING, DELETED, GONE = "is being stopped", "is being deleted", "does not exist"


def stop_execution(api: TrainingApi, clock: Clock, execution_id: str) -> str:
    """Stop an execution, and return the outcome in a few words.

    AI Core stops PENDING and RUNNING executions, and deletes UNKNOWN ones (documentation, "Stop a Single Training
    Instance"); the status may change between two requests.

    Args:
        api: the service.
        clock: measures the time, and waits.
        execution_id: of the execution.

    Raises:
        RunError: it could not be stopped.
    """
    from pytest_aicore.training.service.transport import no_longer_than

    began = clock.monotonic()
    missing = 0
    while True:
        try:
            with no_longer_than(round(max(_LEAST, began + PATIENCE - clock.monotonic()), 2)):
                outcome = _try_to_stop(api, execution_id)
            if outcome is not None:
                return outcome
            failure: CallError | None = None
        except CallError as error:
            # A new execution may not be found for a moment. A 404 of the gateway says nothing about the execution.
            missing += error.is_missing
            if missing > 3:
                return GONE
            if not (error.transient or error.is_missing):
                raise
            failure = error
        pause = min(max(_PAUSE, failure.retry_after or 0.0), _LONGEST_PAUSE) if failure else _PAUSE / 10
        if clock.monotonic() + pause - began > PATIENCE:
            raise failure or CallError(
                f"the {api.what} {execution_id} could be neither stopped nor deleted in {PATIENCE:g} s: its status kept"
                " changing."
            )
        clock.sleep(pause)


def _try_to_stop(api: TrainingApi, execution_id: str) -> str | None:
    """Return the outcome of one attempt, None if the status of the execution changed during it."""
    try:
        api.stop(execution_id)
    except CallError as error:
        if error.transient or error.is_missing or error.status in (401, 403):
            raise
    else:
        return STOPPING
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
            if error.transient or error.is_missing or error.status in (401, 403):
                raise
            return None
        return DELETED
    return None


def end_deployment(api: TrainingApi, clock: Clock, deployment_id: str) -> str:
    """Stop a deployment, delete it when it has ended, and return the outcome in a few words.

    AI Core deletes only what has ended (documentation), so stopping comes first. One that is DEAD is deleted as well:
    what it has left may be started again and again.

    Args:
        api: the service.
        clock: measures the time, and waits.
        deployment_id: of the deployment.

    Raises:
        RunError: it could not be stopped.
    """
    outcome = stop_execution(api, clock, deployment_id)
    if outcome in (DELETED, GONE):
        return outcome
    until = clock.monotonic() + PATIENCE
    try:
        while patiently(clock, lambda: api.execution(deployment_id)).status.value not in FINAL_STATUSES:
            if clock.monotonic() > until:
                return outcome  # it stops, and costs nothing then; a stopped one may be left
            clock.sleep(_PAUSE)
        api.delete(deployment_id)
    except CallError:
        return outcome
    return f"{outcome} and deleted" if outcome != STOPPING else "was stopped and deleted"


def executions_of(api: TrainingApi, clock: Clock, entry: Entry, others: Collection[str]) -> list[str]:
    """Return the executions that a run of the ledger may have; the service is asked if the ledger has no id.

    Args:
        api: the service.
        clock: measures the time, and waits.
        entry: the run's entry in the ledger.
        others: executions that are known to belong to other runs.

    Raises:
        RunError: the request to the service failed.
    """
    if entry.execution_id is not None:
        return [entry.execution_id]
    intent = entry.stages[EXECUTION].intent
    configuration = entry.configuration_id
    if configuration is None:
        return []
    not_ours = {*intent.get("others", ()), *others}
    found = patiently(clock, lambda: api.executions_of(configuration), PATIENCE)
    return [each for each in found if each not in not_ours]


def settle(
    api: TrainingApi, clock: Clock, entry: Entry, note: Callable[..., None], others: Collection[str] = ()
) -> list[tuple[str, str]]:
    """Stop what an entry of the ledger started, and return each execution with its outcome.

    Args:
        api: the service.
        clock: measures the time, and waits.
        entry: the run's entry in the ledger.
        note: writes an event and its facts to the ledger.
        others: executions that are known to belong to other runs.

    Raises:
        RunError: something could not be stopped; the entry stays open.
    """
    stage = entry.stages[EXECUTION]
    since = clock.monotonic() - stage.age(clock)
    while not (found := executions_of(api, clock, entry, others)):
        age = clock.monotonic() - since
        if age > SETTLING_SECONDS:
            note("gone")
            return []
        # The request of a process that was killed may still arrive. A process that failed has searched for its
        # execution itself. The entry stays open, so the next process that reads the ledger searches again.
        if age > APPEARING or stage.failure is not None:
            return []
        clock.sleep(_PAUSE)
    stop = end_deployment if entry.is_deployment else stop_execution
    outcomes = [(each, stop(api, clock, each)) for each in found]
    ran = entry.ran(clock, api.service_now())
    note("stopping", time=clock.now(), seconds=ran, executions=[each for each, _ in outcomes])
    return outcomes
