"""Runs of one test that differ in their inputs are a family: a table in the summary, and a key of the report file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_aicore.reports.families import families
from pytest_aicore.reports.model import RunReport
from pytest_aicore.reports.terminal import WIDTH, summary

if TYPE_CHECKING:
    import pytest

TESTS = """
import pytest
from pytest_aicore import from_param

@pytest.mark.parametrize("depth", [10, 9])
@pytest.mark.aicore(
    "training_workflow_tutorial",
    artifacts={"text-data": "ai://default/data"},
    parameters={"DEPTH": from_param("depth")},
    emulated={"metrics": {"accuracy": 0.5, "loss": [0.7, 0.25]}},
)
@pytest.mark.parametrize("half", [0, 1])
def test_depth(aicore_execution, depth, half):
    if depth == 9:
        assert aicore_execution.metrics["loss"] == 0.25

@pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})
@pytest.mark.parametrize("half", [0, 1])
def test_same(aicore_execution, half): pass
"""


def run(depth: int, **more: Any) -> RunReport:
    return RunReport(
        **{
            "run": str(depth),
            "test": f"test_it[{depth}]",
            "workflow": "w.yaml",
            "family": "test_it.py::test_it",
            "id": f"e{depth}",
            "status": "COMPLETED",
            "seconds": 61.0,
            "looked": True,
            "local": True,
            "parameters": {"depth": str(depth), "width": "1"},
            **more,
        }
    )


def test_summary_and_report_show_a_family(project: pytest.Pytester) -> None:
    project.makepyfile(test_it=TESTS)
    result = project.runpytest_inprocess("-v", "--aicore-report=report.json")
    result.assert_outcomes(passed=6)
    begin = result.outlines.index("test_depth, training_workflow_tutorial.yaml:")
    assert result.outlines[begin : begin + 3] == [
        "test_depth, training_workflow_tutorial.yaml:",
        "  DEPTH  status     duration  accuracy  loss",
        "  9      COMPLETED      45 s       0.5  0.25",
    ]
    assert result.outlines[begin + 3] == "  10     COMPLETED      45 s"
    (family,) = json.loads((project.path / "report.json").read_text())["families"]
    assert (family["test"], family["workflow"], family["varying"]) == (
        "test_it.py::test_depth",
        "training_workflow_tutorial.yaml",
        ["DEPTH"],
    )
    shown = [{name: each for name, each in row.items() if name != "execution_id"} for row in family["runs"]]
    assert shown == [
        {"DEPTH": "9", "status": "COMPLETED", "duration": 45.0, "metrics": {"accuracy": 0.5, "loss": 0.25}},
        {"DEPTH": "10", "status": "COMPLETED", "duration": 45.0, "metrics": None},
    ]


def test_table_keeps_to_the_width() -> None:
    """Metrics that have no room are counted; values are cut."""
    metrics = {f"metric_{number}": number / 3 for number in range(12)}
    reports = [
        run(3, metrics=metrics, artifacts={"data": {"id": "a", "url": f"ai://default/{'x' * 40}"}}),
        run(20, status="DEAD", seconds=None, artifacts={"data": {"id": "b", "url": "ai://default/b"}}),
    ]
    begin = (lines := summary(reports, verbose=False)).index("test_it, w.yaml:")
    assert lines[begin + 1 :] == [
        "  depth  data                      status       duration  metric_0  metric_1",
        "  3      ai://default/xxxxxxxx...  COMPLETED  1 min 01 s         0    0.3333",
        "  20     ai://default/b            DEAD",
        "  and 10 more metrics, which --aicore-report writes",
    ]
    assert all(len(line) <= WIDTH for line in lines[begin + 1 :])


def test_runs_with_the_same_inputs_are_no_family() -> None:
    assert families([run(3), run(3)]) == families([run(3), run(4, run="3")]) == families([]) == []
    assert families([run(3, id=None), run(4)]) == []
