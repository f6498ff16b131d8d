"""`pytest-aicore report`: merges reports of shards and of sessions, and says what is worse than it was."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_aicore.echo import shown
from pytest_aicore.errors import ReportError
from pytest_aicore.printable import say
from pytest_aicore.reports.markdown import said, session_markdown, trends_markdown
from pytest_aicore.reports.merging import sessions_of
from pytest_aicore.reports.stored import read_documents
from pytest_aicore.reports.trends import trends_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pytest_aicore.reports.trends import Trends


def report(paths: Sequence[Path], *, html: Path | None, markdown: bool, one_session: bool) -> int:
    """Print what is worse, write the page, and return the exit status: 1 if a newest session failed, else 0.

    Args:
        paths: files that `--aicore-report` wrote, and folders of such files.
        html: where the page is written, None for no page.
        markdown: whether Markdown is printed.
        one_session: whether all files are shards of one session.

    Raises:
        ReportError: a file is not a report, or the page cannot be written.
        SettingsError: Jinja2 is not installed.
    """
    if html is not None:
        from pytest_aicore.reports.html import require_installed

        require_installed("--html")
    trends = trends_of(sessions_of(read_documents(paths), is_one=one_session))
    if html is not None:
        _write(trends, html)
    if markdown:
        text = session_markdown(trends.newest) if len(trends.sessions) == 1 else trends_markdown(trends)
        say(text.rstrip("\n"))
    else:
        for line in _lines(trends):
            say(line)
    if html is not None:
        say(f"{shown(html)} written", sys.stderr if markdown else None)
    return 1 if trends.has_failed else 0


def _write(trends: Trends, target: Path) -> None:
    from pytest_aicore.reports.html import write_page
    from pytest_aicore.reports.html.trend_page import write_trend_page

    try:
        if len(trends.sessions) == 1:
            write_page(trends.newest.data, target)
        else:
            write_trend_page(trends, target)
    except OSError as error:
        raise ReportError(f"{shown(target)} cannot be written: {error.strerror or error}.") from None


def _lines(trends: Trends) -> Iterator[str]:
    """Yield what a terminal shows: the headline, and what is worse or flaky."""
    if len(trends.sessions) == 1:
        yield trends.newest.headline
        for run in trends.newest.by_state["failed"]:
            yield f"  {run.workflow} {run.label}: {run.status}: {run.causes[0].likely}"
        return
    yield f"{len(trends.sessions)} sessions, {trends.span}: {trends.headline}"
    for training in trends.of("worse", "failing"):
        yield f"  {training.name}: {said(training)}"
    for training in trends.flaky:
        yield f"  {training.name}: flaky, {training.flaky}; its workflow file had not changed"
