"""`--aicore-report=FILE`: all training runs of the session, for other tools. The reference page describes it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pytest_aicore.config.settings import OFFLINE_HOST
from pytest_aicore.echo import shown
from pytest_aicore.printable import on_one_line
from pytest_aicore.processes import Home
from pytest_aicore.reports.families import families
from pytest_aicore.reports.model import gates_in, reports_in

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pytest

    from pytest_aicore.config.options import Settings
    from pytest_aicore.reports.model import RunReport

VERSION = 1
"""The version of the document. It increases when a key changes its meaning or is removed, not when one is added."""


class ReportFile:
    """Collects the runs from the reports, and writes the file when the session ends, however it ends."""

    def __init__(self, config: pytest.Config, settings: Settings, file: Path) -> None:
        self._config = config
        self._settings = settings
        self._file = file
        self._began = _now()
        self._runs: list[RunReport] = []
        self._gates: list[dict[str, Any]] = []
        self._outcome = ""
        self._home = Home()

    @classmethod
    def register(cls, config: pytest.Config, settings: Settings) -> None:
        """Begin to collect, unless this is a worker of pytest-xdist: its reports reach the controller."""
        file = settings.report.value
        if file is not None and not hasattr(config, "workerinput") and not config.option.collectonly:
            config.pluginmanager.register(cls(config, settings, file), "aicore-report")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the runs and the quality gates of a test."""
        self._runs += reports_in(report)
        self._gates += gates_in(report)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the file, except in a forked process that returns into pytest."""
        if not self._home.is_here:
            return
        from pytest_aicore.hooks.isolation import unreported
        from pytest_aicore.training.output import replace_file

        # A test that was interrupted has no report.
        runs = [*self._runs, *unreported(self._config)]
        document = {
            "document": "pytest-aicore report",
            "version": VERSION,
            "mode": "live" if self._settings.live.value else "local" if self._settings.local.value else "offline",
            "host": OFFLINE_HOST
            if not self._settings.live.value
            else next((each.host for each in runs if each.host), None),
            "resource_group": self._settings.resource_group.value,
            "started_at": self._began,
            "ended_at": _now(),
            "exit_status": int(exitstatus),
            "runs": runs_of(runs),
            "families": [each.data() for each in families(runs)],
            "gates": self._gates,
        }
        try:
            replace_file(self._file, json.dumps(document, indent=2) + "\n")
        except OSError as error:
            self._outcome = f"{shown(self._file)} cannot be written: {error.strerror or error}."
        else:
            self._outcome = f"{shown(self._file)} written."

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Report whether the file was written."""
        if self._outcome:
            terminalreporter.line(on_one_line(f"aicore: {self._outcome}"))


def runs_of(reports: Iterable[RunReport]) -> list[dict[str, Any]]:
    """Return each run once, as the document has it, in the order in which they were reported.

    Args:
        reports: of all tests.
    """
    found: dict[str, dict[str, Any]] = {}
    for each in reports:
        run = found.setdefault(
            each.run,
            {
                "workflow": each.workflow,
                "executable": each.executable,
                "scenario": each.scenario,
                "configuration_id": each.configuration_id,
                "artifacts": each.artifacts,
                "parameters": each.parameters,
                "execution_id": each.id,
                "status": each.status,
                "history": each.history,
                "duration": each.seconds,
                "outputs": each.outputs,
                "metrics": None,
                "tests": [],
                "diagnosis": [],
                "failure": None,
                "steps": [],
            },
        )
        # The data of a later test is newer: the run may have ended meanwhile.
        run.update(status=each.status, history=each.history, duration=each.seconds, outputs=each.outputs)
        run.update(execution_id=each.id, configuration_id=each.configuration_id, artifacts=each.artifacts)
        for name in ("metrics", "diagnosis", "failure", "steps"):
            run[name] = run[name] if getattr(each, name) in (None, []) else getattr(each, name)
        test = {"id": each.node, "expected": each.expect, "as_expected": each.expected}
        if test not in run["tests"]:
            run["tests"].append(test)
    return list(found.values())


def _now() -> str:
    return f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%fZ}"
