"""Metrics on a page: a row each, with its baseline, and its course as a small curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WIDTH: Final = 240
HEIGHT: Final = 48
"""The coordinates of a curve; how large it is drawn is up to the style."""
_EDGE: Final = 3


@dataclass(frozen=True)
class Curve:
    """The course of a metric as points of a curve.

    Attributes:
        points: of an SVG polyline.
        baseline: the height of the line at which the baseline is, None without one.
        first: the first step.
        last: the last step.
        lowest: the lowest value.
        highest: the highest value.
    """

    points: str
    baseline: float | None
    first: str
    last: str
    lowest: str
    highest: str


@dataclass(frozen=True)
class MetricView:
    """A metric of a run.

    Attributes:
        name: of the metric.
        value: its last value.
        baseline: the value that was accepted, empty without one.
        change: how far the value is from it.
        rule: the rule of the gate, empty without one.
        verdict: `passed`, `failed`, or empty.
        curve: None if it has a single value.
    """

    name: str
    value: str
    baseline: str = ""
    change: str = ""
    rule: str = ""
    verdict: str = ""
    curve: Curve | None = None


def number_text(value: float | None) -> str:
    """Return a number in four significant digits.

    Args:
        value: None is an empty text.
    """
    return "" if value is None else f"{value:.4g}"


def metric_views(run: Mapping[str, Any], gates: Iterable[Mapping[str, Any]]) -> list[MetricView]:
    """Return the metrics of a run, those first that a gate refused.

    Args:
        run: as the document has it.
        gates: its comparisons with baselines.
    """
    rules = {rule["metric"]: rule for gate in gates for rule in gate["rules"]}
    values: dict[str, float | None] = dict(run["metrics"] or {})
    for name, rule in rules.items():
        values.setdefault(name, rule["value"])
    series = run.get("series") or {}
    found = [_view(name, value, rules.get(name), series.get(name, ())) for name, value in values.items()]
    return sorted(found, key=lambda each: (each.verdict != "failed", each.verdict != "passed", each.name))


def _view(
    name: str, value: float | None, rule: Mapping[str, Any] | None, series: Sequence[Sequence[float]]
) -> MetricView:
    baseline = rule["baseline"] if rule is not None else None
    return MetricView(
        name=name,
        value=number_text(value),
        baseline=number_text(baseline),
        change=_change(value, baseline),
        rule=rule["rule"] if rule is not None else "",
        verdict="" if rule is None else "passed" if rule["passed"] else "failed",
        curve=curve_of(series, baseline),
    )


def _change(value: float | None, baseline: float | None) -> str:
    if value is None or baseline is None:
        return ""
    by, *percent = difference_texts(baseline, value)
    return f"{by} ({percent[0]})" if percent else by


def difference_texts(before: float, now: float) -> list[str]:
    """Return how a value differs from what it was, and which share of that it is; without the share of zero.

    Args:
        before: what it was.
        now: the value.
    """
    return [f"{now - before:+.4g}", *([f"{(now - before) / abs(before):+.1%}"] if before else [])]


def curve_of(series: Sequence[Sequence[float]], baseline: float | None = None) -> Curve | None:
    """Return the curve of a series; None if it has less than two points.

    Args:
        series: steps and values.
        baseline: a value that is drawn as a line, None without one.
    """
    points = [(step, value) for step, value in series if value is not None and math.isfinite(value)]
    if len(points) < 2:
        return None
    steps = [step for step, _ in points]
    heights = [value for _, value in points] + ([baseline] if baseline is not None else [])
    left, width = min(steps), (max(steps) - min(steps)) or 1
    low, height = min(heights), (max(heights) - min(heights)) or 1

    def y(value: float) -> float:
        return round(HEIGHT - _EDGE - (value - low) / height * (HEIGHT - 2 * _EDGE), 1)

    drawn = " ".join(f"{round((step - left) / width * WIDTH, 1):g},{y(value):g}" for step, value in points)
    return Curve(
        points=drawn,
        baseline=None if baseline is None else y(baseline),
        first=f"{min(steps):g}",
        last=f"{max(steps):g}",
        lowest=number_text(min(value for _, value in points)),
        highest=number_text(max(value for _, value in points)),
    )
