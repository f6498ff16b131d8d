"""How a training fails can be tested as well: the marker `aicore_script` says how the emulator treats a test's runs.

These tests run offline only: failures can be scripted in the emulator, not in the real SAP AI Core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore import RunError, Status

if TYPE_CHECKING:
    from pytest_aicore import Emulator, FinishedExecution, RunFactory

pytestmark = pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts={"text-data": "ai://default/data"})


@pytest.mark.aicore(expect="DEAD")
@pytest.mark.aicore_script(outcome="DEAD", logs=["epoch 1", "CUDA out of memory"])
def test_dead_training_leaves_no_model(aicore_execution: FinishedExecution) -> None:
    """`expect` names the final status that makes the test go on; without it, a DEAD training fails the test."""
    assert aicore_execution.status is Status.DEAD
    assert aicore_execution.logs[-1] == "CUDA out of memory"
    assert dict(aicore_execution.output_artifacts) == {}


@pytest.mark.aicore(expect=None)
@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param("COMPLETED", marks=pytest.mark.aicore_script(outcome="COMPLETED")),
        pytest.param("DEAD", marks=pytest.mark.aicore_script(outcome="DEAD")),
        pytest.param("STOPPED", marks=pytest.mark.aicore_script(outcome="STOPPED")),
    ],
)
def test_every_outcome(aicore_execution: FinishedExecution, outcome: str) -> None:
    """With `expect=None` the test itself looks at the final status."""
    assert aicore_execution.status.value == outcome


@pytest.mark.aicore(timeout=3 * 60 * 60)
@pytest.mark.aicore_script(running=2 * 60 * 60, metrics={"accuracy": [0.71, 0.84, 0.9]})
def test_two_hours_pass_at_once(aicore_execution: FinishedExecution) -> None:
    """Waiting costs no real time offline. A metric is a number that has its whole series."""
    assert aicore_execution.duration == 7200
    assert aicore_execution.metrics["accuracy"] == 0.9
    assert [point.value for point in aicore_execution.metrics["accuracy"].series] == [0.71, 0.84, 0.9]


@pytest.mark.aicore_script(omit_outputs=["text-model-tutorial"])
def test_completed_is_not_enough(aicore_execution: FinishedExecution) -> None:
    """A training can end COMPLETED without a model: an acceptance test looks at the output."""
    assert aicore_execution.status is Status.COMPLETED
    assert "text-model-tutorial" not in aicore_execution.output_artifacts


def test_second_attempt_succeeds(aicore_emulator: Emulator, aicore_run: RunFactory) -> None:
    """`aicore_emulator` takes the same arguments, in the middle of a test."""
    aicore_emulator.script(outcome="DEAD", times=1)
    with pytest.raises(RunError, match=r"ended DEAD, expected COMPLETED\."):
        _ = aicore_run().execution
    assert aicore_run().execution.status is Status.COMPLETED


@pytest.mark.aicore(timeout=600)
@pytest.mark.aicore_script(stuck_in="PENDING")
def test_training_that_never_starts_has_a_deadline(aicore_run: RunFactory) -> None:
    """Nothing waits for ever."""
    with pytest.raises(RunError, match=r"had not ended 600 s after its start: it was PENDING\."):
        _ = aicore_run().execution
