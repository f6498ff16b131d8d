"""The values of a metric, as a run logged them or a baseline keeps them: the last, lowest, highest, and steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.baselines.numbers import number
from pytest_aicore.baselines.rules import BEST, LAST, Rule
from pytest_aicore.errors import BaselineError, listing, our_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__tracebackhide__ = our_message

_PLATFORM_LABELS: Final = "metrics.ai.sap.com/"
"""Labels of AI Core itself, such as the artifact that a metric belongs to (SAP's guide, "Metrics")."""
_SHOWN_STEPS: Final = 6


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one metric.

    Attributes:
        last: the newest one; None if it is not known.
        lowest: the lowest finite one, None if there is none.
        highest: the highest finite one, None if there is none.
        steps: the newest value of each step; a baseline has only those that a rule names.
        labels: the sets of labels of the values, where they are not all the same.
    """

    last: float | None
    lowest: float | None = None
    highest: float | None = None
    steps: Mapping[int, float] = field(default_factory=dict)
    labels: tuple[str, ...] = ()

    def chosen(self, rule: Rule) -> float | None:
        """Return the value that a rule means, None if it does not exist.

        Args:
            rule: the rule.
        """
        if rule.at == LAST:
            return self.last
        if rule.at == BEST:
            return self.highest if rule.kind == "at_least" else self.lowest
        return self.steps.get(rule.at) if isinstance(rule.at, int) else None

    def absent(self, rule: Rule) -> str:
        """Return why the value that a rule means does not exist: the end of a sentence.

        Args:
            rule: the rule.
        """
        if not isinstance(rule.at, int):
            return "no finite value"
        known = sorted(self.steps)
        if not known:
            return f"no value at step {rule.at}"
        near = min(known, key=lambda step: abs(step - int(rule.at)))
        shown = (
            listing(map(str, known)).replace("'", "") if len(known) <= _SHOWN_STEPS else f"{known[0]} to {known[-1]}"
        )
        return f"no value at step {rule.at}; the nearest is step {near}, of {shown}"


def values_of(points: Iterable[tuple[int, float, Mapping[str, str]]]) -> Values:
    """Return the values of a metric.

    Args:
        points: step, value and labels of each, at least one, in the order in which they count as newest.
    """
    points = list(points)
    finite = [value for _, value, _ in points if math.isfinite(value)]
    labels = {_labels_text(labels) for _, _, labels in points}
    return Values(
        points[-1][1],
        min(finite, default=None),
        max(finite, default=None),
        {step: value for step, value, _ in points},
        tuple(sorted(labels)) if len(labels) > 1 else (),
    )


def _labels_text(labels: Mapping[str, str]) -> str:
    own = {name: value for name, value in labels.items() if not name.startswith(_PLATFORM_LABELS)}
    return ", ".join(f"{name}={value}" for name, value in sorted(own.items())) or "none"


def given_values(name: str, value: Any) -> Values:
    """Return the values that a test gives: a number, a value of `aicore_execution.metrics`, or a list of numbers.

    Args:
        name: what they are called.
        value: what the test gives.

    Raises:
        BaselineError: it is something else, or an empty list.
    """
    series = getattr(value, "series", None)
    if isinstance(series, tuple):
        return of_metrics(series)
    if isinstance(value, (list, tuple)):
        points = [number(each) for each in value]
        if points and None not in points:
            return values_of((step, each, {}) for step, each in enumerate(points) if each is not None)
    else:
        single = number(value)
        if single is not None:
            return values_of([(0, single, {})])
    raise BaselineError(f"the value of {name!r} is {value!r:.60}: expected a number, or a list of numbers by step.")


def of_metrics(series: Iterable[Any]) -> Values:
    """Return the values of a series of the SDK's `Metric` objects.

    Args:
        series: in the order in which they count as newest, at least one.
    """
    return values_of(
        (metric.step, float(metric.value), {label.name: label.value for label in metric.labels or ()})
        for metric in series
    )


__all__ = ["Values", "given_values", "of_metrics", "values_of"]
