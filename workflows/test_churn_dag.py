"""A training as a graph with two outputs; one is called differently inside of the workflow and outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_aicore import FinishedExecution, OutputWriter

pytestmark = pytest.mark.aicore(
    "churn-train",
    artifacts={"contracts": "ai://default/contracts"},
    emulated={
        "metrics": {"loss": [0.55, 0.47, 0.41, 0.38], "accuracy": [0.82, 0.83, 0.85, 0.85]},
        "outputs": {"churn-report": "<h1>225 contracts</h1>"},
    },
)


def test_outputs_are_found_by_their_global_names(aicore_execution: FinishedExecution) -> None:
    """The output `model` has the globalName `churn-model`: that is its name outside of the workflow."""
    outputs = aicore_execution.output_artifacts
    assert sorted(outputs) == ["churn-model", "churn-report"]
    assert outputs["churn-report"].kind.value == "resultset"
    with pytest.raises(KeyError) as caught:
        _ = outputs["model"]
    assert str(caught.value).startswith("there is no output artifact 'model'. Did you mean 'churn-model'?")


def test_training_learns(aicore_execution: FinishedExecution) -> None:
    """A metric that is logged several times has a series: the loss falls from each value to the next."""
    loss = [point.value for point in aicore_execution.metrics["loss"].series]
    assert len(loss) > 1
    assert loss == sorted(loss, reverse=True)
    assert aicore_execution.metrics["accuracy"] > 0.8


def test_report_is_a_page(aicore_execution: FinishedExecution) -> None:
    """An output artifact may be a single file."""
    with aicore_execution.output_artifacts["churn-report"].open() as file:
        assert b"<h1>225 contracts</h1>" in file.read()


def test_next_stage_learns_of_both_outputs(
    aicore_execution: FinishedExecution, aicore_training_output: OutputWriter, tmp_path: Path
) -> None:
    """`aicore_training_output` writes what a later stage of the pipeline reads."""
    written = aicore_training_output(tmp_path / "training_output.json")
    assert {artifact["name"]: artifact["url"] for artifact in written["artifacts"]} == {
        "churn-model": f"ai://default/{aicore_execution.id}/churn-model",
        "churn-report": f"ai://default/{aicore_execution.id}/churn-report",
    }
