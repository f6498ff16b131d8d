"""`--aicore-report=FILE` and `--aicore-html=FILE`: all training runs of the session, for tools and for readers."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.config.settings import OFFLINE_HOST
from pytest_aicore.echo import shown
from pytest_aicore.errors import AicoreError
from pytest_aicore.hooks import environment_at_start
from pytest_aicore.hooks.context import ends_of_deployments, hiding_of, session_of
from pytest_aicore.printable import on_one_line
from pytest_aicore.processes import Home
from pytest_aicore.reports.deployments import deployments_in, distinct_deployments
from pytest_aicore.reports.document import document_of
from pytest_aicore.reports.identity import build_of
from pytest_aicore.reports.model import encodable, gates_in, reports_in, time_text

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from pytest_aicore.config.options import Settings
    from pytest_aicore.reports.deployments import DeploymentReport
    from pytest_aicore.reports.model import RunReport


class ReportFiles:
    """Collects the runs from the reports, and writes the files when the session ends, however it ends."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._began = time_text(datetime.now(timezone.utc))
        self._runs: list[RunReport] = []
        self._deployments: list[DeploymentReport] = []
        self._gates: list[dict[str, Any]] = []
        self._outcomes: list[str] = []
        self._home = Home()

    @classmethod
    def register(cls, config: pytest.Config, settings: Settings) -> None:
        """Begin to collect, unless this is a worker of pytest-xdist: its reports reach the controller.

        Raises:
            pytest.UsageError: what makes the page is not installed.
        """
        if hasattr(config, "workerinput") or config.option.collectonly:
            return
        if settings.html.value is not None:
            from pytest_aicore.reports.html import require_installed

            try:
                require_installed(settings.html.source)
            except AicoreError as error:
                raise pytest.UsageError(str(error)) from None
        config.pluginmanager.register(cls(config, settings), "aicore-report")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the runs, the deployments and the quality gates of a test."""
        self._runs += reports_in(report)
        self._deployments += deployments_in(report)
        self._gates += gates_in(report)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> Generator[None, object, object]:
        """Write the files, except in a forked process that returns into pytest.

        Once more, where deployments were stopped since: how long each has run, and what that costs.
        """
        if not self._home.is_here:
            return (yield)
        from pytest_aicore.hooks.isolation import unreported

        # A test that was interrupted has no report.
        runs, deployments = unreported(self._config)
        self._runs += runs
        self._deployments += deployments
        self._write_all(int(exitstatus))
        try:
            return (yield)
        finally:
            if any(each.live for each in self._deployments):
                self._write_all(int(exitstatus))

    def _write_all(self, exit_status: int) -> None:
        self._outcomes = []
        document = self._document(exit_status)
        report, html = self._settings.report.value, self._settings.html.value
        if report is not None:
            from pytest_aicore.training.output import replace_file

            self._write(report, lambda: replace_file(report, json.dumps(document, indent=2) + "\n"))
        if html is not None:
            from pytest_aicore.reports.html import write_page

            self._write(html, lambda: write_page(document, html))

    def _document(self, exit_status: int) -> dict[str, Any]:
        runs, settings = self._runs, self._settings
        session = {
            **session_facts(settings, [*runs, *self._deployments]),
            "started_at": self._began,
            "ended_at": time_text(datetime.now(timezone.utc)),
            "exit_status": exit_status,
            "build": build_of(environment_at_start(self._config)),
        }
        ends = ends_of_deployments(self._config, self._deployments)
        deployments = distinct_deployments(self._deployments, ends)
        document = document_of(runs, deployments, self._gates, session, settings.prices.value)
        if settings.html.value is not None:
            from pytest_aicore.reports.sources import sources_of

            found = sources_of(runs, settings, lambda: session_of(self._config).folder)
            document["workflows"] = encodable(hiding_of(self._config).redact.data(found))
        return document

    def _write(self, file: Path, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            self._outcomes.append(f"{shown(file)} cannot be written: {error.strerror or error}.")
        else:
            self._outcomes.append(f"{shown(file)} written.")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Report whether the files were written."""
        for outcome in self._outcomes:
            terminalreporter.line(on_one_line(f"aicore: {outcome}"))


def session_facts(settings: Settings, runs: Sequence[RunReport | DeploymentReport]) -> dict[str, Any]:
    """Return mode, host and resource group of a session, as its document has them.

    Args:
        settings: of the session.
        runs: the reports of its tests' runs and deployments.
    """
    return {
        "mode": "live" if settings.live.value else "local" if settings.local.value else "offline",
        "host": OFFLINE_HOST if not settings.live.value else next((each.host for each in runs if each.host), None),
        "resource_group": settings.resource_group.value,
    }
