"""Metrics of Prometheus."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.tags import has_placeholder
from pytest_aicore.workflows.checks.rule import argo_rule
from pytest_aicore.workflows.yaml.tree import MappingNode, is_given

if TYPE_CHECKING:
    from pytest_aicore.workflows.checks.argo.check import ArgoCheck

METRIC: Final = argo_rule(
    234,
    "metric",
    "A metric cannot be emitted as it is written",
    "A Prometheus metric has a name of letters, digits, `_` and `:`, a `help`, and one of `gauge`, `counter` and "
    "`histogram`, each with its `value`; a value that is only known at the end cannot be a real-time gauge.",
    "metrics:\n  prometheus:\n    - name: training-seconds\n      help: how long it took\n"
    "      gauge:\n        value: '{{duration}}'",
    "metrics:\n  prometheus:\n    - name: training_seconds\n      help: how long it took\n"
    "      gauge:\n        value: '{{duration}}'",
)

_METRIC_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def check_metrics(check: ArgoCheck, metrics: MappingNode) -> None:
    """Report metrics of Prometheus that cannot be emitted."""
    for metric in metrics.mappings_of("prometheus"):
        name = metric.name("name") or ""
        if not _METRIC_NAME.fullmatch(name) and not has_placeholder(name):
            check.add(
                METRIC,
                metric.values.get("name") or metric,
                f"Invalid name `{name}` of a Prometheus metric. {check.fails}",
                "Use letters, digits and underscores, and no digit first.",
            )
        if not metric.text("help"):
            check.add(METRIC, metric, f"The metric `{name}` has no `help`. {check.fails}", "Add `help:`.")
        kinds = [key for key in ("gauge", "counter", "histogram") if is_given(metric, key)]
        if len(kinds) != 1:
            check.add(
                METRIC,
                metric.keys[kinds[1]] if kinds else metric,
                f"The metric `{name}` has to be exactly one of a gauge, a counter and a histogram. {check.fails}",
                "Keep one of them." if kinds else "Add `gauge:`, `counter:` or `histogram:`.",
            )
        for kind in kinds:
            if type(metric.values[kind]) is MappingNode and not metric.mapping(kind).text("value"):
                check.add(
                    METRIC,
                    metric.mapping(kind).keys.get("value") or metric.keys[kind],
                    f"The {kind} of the metric `{name}` has no `value`. {check.fails}",
                    "Add `value:`.",
                )
        gauge = metric.mapping("gauge")
        if gauge.text("realtime") == "true" and "resourcesDuration" in (gauge.text("value") or ""):
            check.add(
                METRIC,
                gauge.values["value"],
                "`resourcesDuration` is only known at the end, so it cannot be a real-time gauge. " + check.fails,
                "Set `realtime: false`.",
            )
