"""Colours the sections of failed tests where a terminal shows them; reports for files and other tools stay plain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.reports.colours import of_section
from pytest_aicore.reports.terminal import TITLE

if TYPE_CHECKING:
    from collections.abc import Generator


class Colours:
    """The hook. It is outside pytest's own, which prints the sections."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None, None, None]:
        """Put coloured sections into the reports while they are printed."""
        writer = terminalreporter.config.get_terminal_writer()
        plain = [
            (report, report.sections)
            for name in ("failed", "error")
            for report in terminalreporter.stats.get(name, ())
            if any(title == TITLE for title, _ in getattr(report, "sections", ()))
        ]
        for report, sections in plain:
            report.sections = [
                (title, of_section(text, writer.markup) if title == TITLE else text) for title, text in sections
            ]
        try:
            return (yield)
        finally:
            for report, sections in plain:
                report.sections = sections
