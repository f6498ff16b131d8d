"""The runs of a session in the summary of a GitHub Actions job: what failed first."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.echo import shown
from pytest_aicore.hooks.report_files import session_facts
from pytest_aicore.printable import on_one_line
from pytest_aicore.reports.document import document_of
from pytest_aicore.reports.html.view import view_of
from pytest_aicore.reports.markdown import LIMIT, session_markdown
from pytest_aicore.reports.model import time_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_aicore.config.options import Settings
    from pytest_aicore.reports.model import RunReport

VARIABLE: Final = "GITHUB_STEP_SUMMARY"
"""The variable that names the file to append to (GitHub's documentation of workflow commands)."""
_LEAST: Final = 2_000
"""Bytes: with less room a summary says nothing."""


def append_summary(
    file: str,
    runs: Sequence[RunReport],
    gates: Sequence[Mapping[str, Any]],
    settings: Settings,
    *,
    has_failed: bool,
) -> str | None:
    """Append the runs to the summary of the step, which has at most `LIMIT` bytes with what is there already.

    Args:
        file: the file of the summary.
        runs: of all tests.
        gates: the quality gates of all tests.
        settings: of the session.
        has_failed: whether a test failed.

    Returns:
        why nothing was written; None if it was.
    """
    now = time_text(datetime.now(timezone.utc))
    session = {**session_facts(settings, runs), "started_at": now, "ended_at": now, "exit_status": int(has_failed)}
    document = document_of(runs, [], gates, session, settings.prices.value)
    path = Path(file)
    try:
        room = LIMIT - (path.stat().st_size if path.exists() else 0)
        if room < _LEAST:
            return f"aicore: {on_one_line(shown(file))} ({VARIABLE}) is full: the training runs are not in the summary."
        with path.open("a", encoding="utf-8", errors="backslashreplace", newline="\n") as summary:
            summary.write("\n" + session_markdown(view_of(document), room - 1))
    except OSError as error:
        return f"aicore: {on_one_line(shown(file))} ({VARIABLE}) cannot be written: {error.strerror or error}."
    return None
