"""`--aicore-output=FILE`: the output artifacts of the session's trainings, for the next stage of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_aicore.echo import shown
from pytest_aicore.errors import AicoreError
from pytest_aicore.printable import on_one_line
from pytest_aicore.processes import Home
from pytest_aicore.reports.model import distinct, reports_in

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from pytest_aicore.reports.model import RunReport


class OutputFile:
    """Collects the runs from the reports, and writes the file if all tests have passed.

    A file of an earlier session does not survive a failed one: the next stage must not deploy yesterday's model.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._runs: list[RunReport] = []
        self._outcome = ""
        self._home = Home()

    @classmethod
    def register(cls, config: pytest.Config, file: Path) -> None:
        """Begin to collect, unless this is a worker of pytest-xdist: its reports reach the controller."""
        if not hasattr(config, "workerinput") and not config.option.collectonly:
            config.pluginmanager.register(cls(file), "aicore-output")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the runs of a test."""
        self._runs += reports_in(report)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the file, or remove it, except in a forked process that returns into pytest."""
        if not self._home.is_here:
            return
        from pytest_aicore.training.output import write_output

        if exitstatus != 0:
            self._file.unlink(missing_ok=True)
            self._outcome = f"{shown(self._file)} was not written: not all tests passed."
            return
        runs = [run for run, _ in distinct(self._runs) if run.expected]
        try:
            write_output(self._file, [output for run in runs for output in run.outputs])
        except AicoreError as error:
            self._file.unlink(missing_ok=True)
            self._outcome = str(error)
        else:
            self._outcome = f"{shown(self._file)} written."

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Report whether the file was written."""
        if self._outcome:
            terminalreporter.line(on_one_line(f"aicore: {self._outcome}"))
