"""FinishedExecution: the results of an execution, in types that are convenient in assertions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.baselines.gate import METRIC, Subject, compare
from pytest_aicore.baselines.origin import Origin
from pytest_aicore.baselines.values import of_metrics
from pytest_aicore.errors import AicoreError, did_you_mean, listing
from pytest_aicore.training.output_artifact import OutputArtifact, no_store, with_content
from pytest_aicore.training.service.retry import patiently

if TYPE_CHECKING:
    import os
    from datetime import datetime

    from ai_api_client_sdk.models.execution import Execution
    from ai_api_client_sdk.models.metric import Metric
    from ai_api_client_sdk.models.status import Status
    from typing_extensions import Self

    from pytest_aicore.baselines.rules import Rule
    from pytest_aicore.objects.store import Store
    from pytest_aicore.training.clock import Clock
    from pytest_aicore.training.service.api import TrainingApi
    from pytest_aicore.training.watcher import Seen


_FETCHING_SECONDS = 10.0
"""Seconds for which a failed request for logs or metrics is repeated; the run itself is over."""
LOGGED_BY_TRAINING: Final = "A training logs metrics with ai_core_sdk.tracking."
"""What to do where an execution of the service has no metrics."""


class LogLine(str):
    """A line of an execution's log; it is the message itself.

    Attributes:
        timestamp: when it was written, in UTC.
    """

    __slots__ = ("timestamp",)

    timestamp: datetime

    def __new__(cls, message: str, timestamp: datetime) -> Self:
        """Make a line of its message and time."""
        line = super().__new__(cls, message)
        line.timestamp = timestamp
        return line


class MetricValue(float):
    """The newest value of a metric; it is a number itself.

    Attributes:
        series: all values of the metric as the SDK's `Metric` objects (`value`, `step`, `timestamp`, `labels`), by
            step and time.
    """

    __slots__ = ("series",)

    series: tuple[Metric, ...]

    def __new__(cls, series: tuple[Metric, ...]) -> Self:
        """Make the value of its series, which has at least one element."""
        value = super().__new__(cls, series[-1].value)
        value.series = series
        return value


class MissingError(AicoreError, KeyError):
    """An execution has nothing of the name that was asked for."""


class Named(Mapping[str, Any]):
    """A read-only mapping that lists the existing names if one is missing."""

    def __init__(self, values: Mapping[str, Any], noun: str, remedy: str = "") -> None:
        """Take the values, the noun for one of them, and what to do if there are none."""
        self._values = dict(values)
        self._noun = noun
        self._remedy = remedy

    def __getitem__(self, name: str) -> Any:
        """Return the value of that name.

        Raises:
            MissingError: the name is missing (it is a `KeyError`).
        """
        __tracebackhide__ = True
        try:
            return self._values[name]
        except KeyError:
            nothing = f"none.{self._remedy}" if not self._values else "none"
            hint = did_you_mean(name, self._values) if isinstance(name, str) else ""
            raise MissingError(
                f"there is no {self._noun} {name!r}.{hint} The execution has: {listing(self._values, nothing)}"
                + ("." if self._values else "")
            ) from None

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._values)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._values)

    def __repr__(self) -> str:
        """Return the names and values."""
        return repr(self._values)


class Metrics(Named):
    """The metrics of an execution by name, which can be compared with a baseline.

    Args:
        values: by name.
        remedy: what to do if there are none.
        origin: what they come from.
    """

    def __init__(self, values: Mapping[str, MetricValue], remedy: str, origin: Origin) -> None:
        super().__init__(values, METRIC, remedy)
        self._origin = origin

    def __getitem__(self, name: str) -> MetricValue:
        """Return the metric of that name.

        Raises:
            MissingError: the name is missing (it is a `KeyError`).
        """
        __tracebackhide__ = True
        value: MetricValue = super().__getitem__(name)
        return value

    def matches_baseline(
        self, path: str | os.PathLike[str], rules: Mapping[str, Rule] | None = None, /, **more: Rule
    ) -> bool:
        """Return True if a baseline allows these metrics; `pytest --aicore-update` writes the baseline.

        Args:
            path: the baseline, a JSON file; a relative path is relative to the folder of the test.
            rules: by the name of the metric: `at_least`, `at_most` or `within`.
            more: the same as keywords.

        Raises:
            GateError: a metric is worse than its rule allows, or missing; the message shows all rules and both runs.
            BaselineError: there is no such baseline, or it cannot be used.
        """
        __tracebackhide__ = True
        values = {name: of_metrics(value.series) for name, value in self.items()}
        return compare(Subject(values, METRIC, self._origin), path, rules, more)


class FinishedExecution:
    """An execution that has reached its final status.

    Attributes:
        id: the execution's id.
        message: AI Core's message when it was started.
        status: the final status, the SDK's `Status`.
        history: each status with the time at which it was first seen (`status`, `time`), oldest first. A status
            that lasts less than the polling interval may be missing.
        execution: the SDK's `Execution`.
        origin: what its metrics come from: the execution, its executable, parameters and artifacts.
    """

    def __init__(
        self,
        execution: Execution,
        message: str,
        history: tuple[Seen, ...],
        api: TrainingApi,
        clock: Clock,
        no_metrics: str = LOGGED_BY_TRAINING,
        store: Callable[[], Store] = no_store,
        origin: Origin | None = None,
    ) -> None:
        """Take what is known, what to do without metrics, what returns the store of the outputs, and the origin.

        Metrics, logs and outputs are fetched when first used.
        """
        self.id: str = execution.id
        self.message = message
        self.status: Status = execution.status
        self.history = history
        self.execution = execution
        self.origin = Origin(id=execution.id) if origin is None else origin
        self._api = api
        self._clock = clock
        self._store = store
        self._no_metrics = no_metrics
        self._logs: list[LogLine] | None = None
        self._metrics: Metrics | None = None

    def __repr__(self) -> str:
        """Return id and status."""
        return f"<FinishedExecution {self.id} {self.status.value}>"

    @cached_property
    def output_artifacts(self) -> Mapping[str, OutputArtifact]:
        """The registered output artifacts by name: the SDK's `Artifact` objects, which also have `path` and `open`."""
        return Named(
            {artifact.name: with_content(artifact, self._store) for artifact in self.execution.output_artifacts or []},
            "output artifact",
            " AI Core registers only outputs that have a globalName in the workflow, of executions that COMPLETED.",
        )

    @property
    def logs(self) -> list[LogLine]:
        """The log lines, oldest first, each with its `timestamp`."""
        if self._logs is None:
            lines = patiently(
                self._clock, lambda: self._api.logs(self.id, self.execution.created_at), _FETCHING_SECONDS
            )
            self._logs = [LogLine(line.msg.removesuffix("\n"), line.timestamp) for line in lines]
        return self._logs

    @property
    def knows_logs(self) -> bool:
        """Whether `logs` were fetched, so that using them sends no request."""
        return self._logs is not None

    @property
    def knows_metrics(self) -> bool:
        """Whether `metrics` were fetched, so that using them sends no request."""
        return self._metrics is not None

    @property
    def metrics(self) -> Metrics:
        """The newest value of each metric by name, each with its whole `series`.

        `matches_baseline` compares them with a baseline in the repository.
        """
        if self._metrics is None:
            series: dict[str, list[Metric]] = {}
            for metric in patiently(self._clock, lambda: self._api.metrics(self.id), _FETCHING_SECONDS):
                series.setdefault(metric.name, []).append(metric)
            self._metrics = Metrics(
                {name: MetricValue(tuple(sorted(values, key=_position))) for name, values in series.items()},
                f" {self._no_metrics}",
                self.origin,
            )
        return self._metrics

    @property
    def duration(self) -> float:
        """Seconds from the start of the execution (its creation, if it never ran) to its end.

        It is computed from the service's own times; if these lack the end, from the times at which statuses were seen.
        """
        ended = self.execution.completion_time
        if ended is None:
            running = [seen.time for seen in self.history if seen.status.value == "RUNNING"]
            return (self.history[-1].time - (running or [self.history[0].time])[0]).total_seconds()
        began = self.execution.start_time or self.execution.created_at
        return max(0.0, float((ended - began).total_seconds()))


def _position(metric: Metric) -> tuple[int, float]:
    return metric.step, metric.timestamp.timestamp() if metric.timestamp else 0.0
