"""Families: the runs of one test that differ in their parameters or artifacts, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_aicore.reports.model import distinct

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_aicore.reports.model import RunReport

_LONGEST = 24
"""Characters of a value in a table; the report file has the whole value."""


@dataclass(frozen=True)
class Family:
    """The runs of one test that differ in their parameters or artifacts.

    Attributes:
        test: the id of the test, without its parameter set.
        workflow: the file, or the id of the executable.
        varying: the names of the parameters and input artifacts in which they differ.
        runs: ordered by these.
    """

    test: str
    workflow: str
    varying: tuple[str, ...]
    runs: tuple[RunReport, ...]

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics that any of the runs has."""
        return sorted({name for run in self.runs for name in run.metrics or {}})

    def data(self) -> dict[str, Any]:
        """Return it as the report file has it."""
        return {
            "test": self.test,
            "workflow": self.workflow,
            "varying": list(self.varying),
            "runs": [
                {
                    "execution_id": run.id,
                    **{name: _inputs(run).get(name) for name in self.varying},
                    "status": run.status,
                    "duration": run.seconds,
                    "metrics": run.metrics,
                }
                for run in self.runs
            ],
        }


def families(reports: Sequence[RunReport]) -> list[Family]:
    """Return the families of a session, in the order in which they were reported.

    Args:
        reports: of all tests.
    """
    merged = {each.run.run: each.run for each in distinct(reports)}
    groups: dict[tuple[str, str], dict[str, RunReport]] = {}
    for each in reports:
        if each.family and each.run in merged:
            groups.setdefault((each.family, each.workflow), {})[each.run] = merged[each.run]
    found = [_family(test, workflow, list(runs.values())) for (test, workflow), runs in groups.items()]
    return [each for each in found if each.varying]


def _family(test: str, workflow: str, runs: list[RunReport]) -> Family:
    inputs = [_inputs(run) for run in runs]
    names = dict.fromkeys(name for each in inputs for name in each)
    varying = tuple(name for name in names if len({each.get(name) for each in inputs}) > 1)
    return Family(test, workflow, varying, tuple(sorted(runs, key=lambda run: _order(run, varying))))


def _inputs(run: RunReport) -> dict[str, str]:
    """Return the values of a run's parameters and the URLs of its artifacts, by name."""
    return {**run.parameters, **{name: artifact["url"] for name, artifact in run.artifacts.items()}}


def _order(run: RunReport, names: Iterable[str]) -> list[tuple[int, float, str]]:
    values = [_inputs(run).get(name, "") for name in names]
    return [(0, float(each), each) if _is_number(each) else (1, 0.0, each) for each in values]


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text)  # not NaN, which has no place in an order
    except ValueError:
        return False


def table(family: Family, took: Sequence[str], width: int) -> list[str]:
    """Return a family as the lines of a table: a column for each varying input, status, duration, and the metrics.

    Args:
        family: the family.
        took: the durations of its runs, as they are shown.
        width: the number of columns of the terminal; metrics beyond it are counted.
    """
    left = [[name, *(_inputs(run).get(name, "") for run in family.runs)] for name in family.varying]
    left.append(["status", *(str(run.status) for run in family.runs)])
    right = [["duration", *took]]
    metrics = [
        [name, *("" if (value := (run.metrics or {}).get(name)) is None else f"{value:.4g}" for run in family.runs)]
        for name in family.metrics
    ]
    columns = [_aligned(each, "<") for each in left] + [_aligned(each, ">") for each in right]
    shown = 0
    for metric in metrics:
        column = _aligned(metric, ">")
        if sum(len(each[0]) + 2 for each in (*columns, column)) > width:
            break
        columns.append(column)
        shown += 1
    lines = [f"  {'  '.join(row)}".rstrip() for row in zip(*columns, strict=True)]
    hidden = len(metrics) - shown
    return [*lines, *([f"  and {hidden} more metrics, which --aicore-report writes"] if hidden else [])]


def _aligned(cells: list[str], how: str) -> list[str]:
    short = [each if len(each) <= _LONGEST else f"{each[: _LONGEST - 3]}..." for each in cells]
    return [f"{each:{how}{max(map(len, short))}}" for each in short]


__all__ = ["Family", "families", "table"]
