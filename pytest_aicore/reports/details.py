"""What a report file shows of a run beyond its summary: messages of the service, the log, the course of metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.errors import AicoreError
from pytest_aicore.training.plan import COMPLETED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_aicore.training.finished import FinishedExecution, MetricValue
    from pytest_aicore.training.run import Run

WHOLE_LOG: Final = 2_000_000
"""Characters that are kept of the log of a run that failed."""
LOG_TAIL: Final = 8_000
"""Characters that are kept of the log of any other run."""
MOST_POINTS: Final = 200
"""Points that are kept of a metric's course: more than a chart can show."""
MOST_REQUESTS: Final = 30


class Budget:
    """How many more times the service is asked for the details of a run, so that a report costs a bounded time.

    Args:
        runs: how many runs are asked for.
    """

    def __init__(self, runs: int) -> None:
        self._left = runs

    def take(self) -> bool:
        """Return whether one more run may be asked for."""
        self._left -= 1
        return self._left >= 0


def details_of(run: Run, budget: Budget) -> dict[str, Any]:
    """Return further attributes of the report of a run: those of the service's answers.

    Args:
        run: of which.
        budget: for the log and the metrics of a run that nobody has asked for yet.
    """
    watch, finished = run.training.watch, run.training.made
    execution = watch.execution if watch is not None else None
    found: dict[str, Any] = {}
    if execution is not None:
        found.update(message=execution.status_message or "", details=execution.status_details)
    if finished is not None:
        ask = budget.take()
        try:
            if ask or finished.knows_logs:
                found["log"] = log_of(finished)
            if ask or finished.knows_metrics:
                found["series"] = series_of(finished.metrics)
        except AicoreError as error:
            found.setdefault("log", {"text": "", "lines": 0, "left_out": 0, "problem": str(error)})
    return found


def log_of(finished: FinishedExecution) -> dict[str, Any]:
    """Return the log of an execution: whole if it failed, else its end.

    Args:
        finished: the execution.

    Returns:
        `text`, each line with its time; `lines`, their number in the whole log; `left_out`, the number of characters
        that were left out at the beginning; `problem`, why it is not available, or None.

    Raises:
        AicoreError: the service does not give it.
    """
    lines = finished.logs
    most = LOG_TAIL if finished.status.value == COMPLETED else WHOLE_LOG
    text = "\n".join(f"{line.timestamp:%H:%M:%S}  {line}" for line in lines)
    shown = text if len(text) <= most else text[-most:].partition("\n")[2]
    return {"text": shown, "lines": len(lines), "left_out": len(text) - len(shown), "problem": None}


def series_of(metrics: Mapping[str, MetricValue]) -> dict[str, list[list[float]]]:
    """Return step and value of each metric by its name; of long series evenly chosen points, and the last one.

    Args:
        metrics: by name.
    """
    return {name: [[each.step, each.value] for each in _chosen(metric.series)] for name, metric in metrics.items()}


def _chosen(series: Sequence[Any]) -> Sequence[Any]:
    if len(series) <= MOST_POINTS:
        return series
    stride = (len(series) - 1) / (MOST_POINTS - 1)
    return [series[round(number * stride)] for number in range(MOST_POINTS)]


def requests_of(log: Iterable[Any]) -> list[dict[str, Any]]:
    """Return the last requests of a test as plain data, as `grouped_requests` has them.

    Args:
        log: the emulator's.
    """
    return grouped_requests(log)[-MOST_REQUESTS:]


def grouped_requests(log: Iterable[Any]) -> list[dict[str, Any]]:
    """Return requests as plain data, and how many `times` each; equal ones in a row, such as polling, count as one.

    Args:
        log: the emulator's.
    """
    found: list[dict[str, Any]] = []
    for record in log:
        request = {"method": record.method, "path": record.path, "status": record.status}
        if found and {**found[-1], "times": 0} == {**request, "times": 0}:
            found[-1]["times"] += 1
        else:
            found.append({**request, "times": 1})
    return found
