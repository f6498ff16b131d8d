"""What Allure and pytest-html show of the runs of a test, if the session writes their reports. By their own ways."""

from __future__ import annotations

import html
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.printable import visible
from pytest_aicore.quantities import duration_text, usage_text
from pytest_aicore.reports.html.metric_view import number_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pytest

    from pytest_aicore.reports.model import RunReport

_ALLURE: Final = "allure_listener"
"""The name under which allure-pytest registers what collects its results; there is none without `--alluredir`."""

_EXTRAS: Final = "extras"
"""The attribute of a report that has what pytest-html adds to a test."""


class StepError(AssertionError):
    """A step of a workflow failed: Allure shows a step as failed by an assertion, and as broken by others."""

    __module__ = "builtins"


def add_runs(config: pytest.Config, report: pytest.TestReport, runs: Sequence[RunReport]) -> None:
    """Add the runs of a test to these reports.

    Args:
        config: of pytest.
        report: of the phase in which they were seen.
        runs: of the test, without secrets.
    """
    if _writes_html(config):
        extra = {"name": None, "format_type": "html", "content": _folded(runs), "mime_type": None, "extension": None}
        setattr(report, _EXTRAS, [*getattr(report, _EXTRAS, ()), extra])
    if _writes_allure(config):
        for number, run in enumerate(runs, 1):
            _add_to_allure(run, f" {number}" if len(runs) > 1 else "")


def _writes_allure(config: pytest.Config) -> bool:
    return config.pluginmanager.has_plugin(_ALLURE)


def _writes_html(config: pytest.Config) -> bool:
    return bool(getattr(config.option, "htmlpath", None))


def _add_to_allure(run: RunReport, number: str) -> None:
    import allure

    for name, value in _facts(run):
        # Excluded: the id of an execution must not make another test of each of its sessions.
        allure.dynamic.parameter(f"{name}{number}", visible(value), excluded=True)
    for title, problem in _steps(run):
        with suppress(StepError), allure.step(visible(title)):
            if problem is not None:
                raise StepError(visible(problem))
    text = allure.attachment_type.TEXT
    if run.log is not None and run.log["text"]:
        allure.attach(visible(run.log["text"]), f"log{number}", text)
    if run.details is not None:
        details = json.dumps(run.details, indent=2, default=str)
        allure.attach(details, f"statusDetails{number}", allure.attachment_type.JSON)
    if run.metrics:
        allure.attach(visible("\n".join(_table(run.metrics.items()))), f"metrics{number}", text)


def _facts(run: RunReport) -> list[tuple[str, str]]:
    found = [("workflow", run.workflow), ("execution", run.id or "none"), ("status", run.status or "not started")]
    found += [(f"artifact {name}", each["url"]) for name, each in run.artifacts.items()]
    return found + [(f"parameter {name}", value) for name, value in run.parameters.items()]


def _steps(run: RunReport) -> list[tuple[str, str | None]]:
    """Return what Allure shows as steps, each with why it failed: those of the workflow, else the statuses."""
    if run.steps:
        return [
            (
                f"{step['name']}: {step['phase']}, {_took(step)}",
                None if step["phase"] == "Succeeded" else step["message"] or step["phase"],
            )
            for step in run.steps
        ]
    failed = run.message or run.failure or f"ended {run.status}"
    last = len(run.history)
    return [
        (f"{seen['status']} at {seen['time']}", failed if number == last and not run.expected else None)
        for number, seen in enumerate(run.history, 1)
    ]


def _took(step: Mapping[str, Any]) -> str:
    return usage_text(step["seconds"], step["cpu_seconds"], step["peak_memory"])


def _folded(runs: Sequence[RunReport]) -> str:
    """Return the runs as HTML that pytest-html shows as it stands."""
    return "".join(
        f"<details><summary>SAP AI Core: {_escaped(_title(run))}</summary><pre>{_escaped(_text(run))}</pre></details>"
        for run in runs
    )


def _escaped(text: str) -> str:
    return html.escape(visible(text))


def _title(run: RunReport) -> str:
    took = "" if run.seconds is None else f", {duration_text(run.seconds)}"
    return f"{run.workflow} {run.status or 'not started'}{took}"


def _text(run: RunReport) -> str:
    lines = _table(_facts(run))
    lines += [each["likely"] for each in run.diagnosis]
    if run.metrics:
        lines += ["", *_table(run.metrics.items())]
    if run.log is not None and run.log["text"] and not run.expected:
        lines += ["", run.log["text"]]
    return "\n".join(lines)


def _table(rows: Iterable[tuple[str, Any]]) -> list[str]:
    """Return names and values in two columns."""
    known = [(name, value if isinstance(value, str) else number_text(value)) for name, value in rows]
    width = max((len(name) for name, _ in known), default=0)
    return [f"{name:<{width}}  {value}" for name, value in known]
