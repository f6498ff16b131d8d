"""A session, or several, as Markdown for the summaries of CI systems: what failed first, and within their limit."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.printable import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.reports.html.view import RunView, View
    from pytest_aicore.reports.trends import Training, Trends

LIMIT: Final = 900 * 1024
"""Bytes. GitHub refuses the summary of a step that has more than 1 MiB (its documentation of workflow commands)."""
_LOG: Final = 4_000
"""Characters of the end of a log."""
_MARKS: Final = re.compile(r"[^\w\s.,/=+%()-]|_")
_LINES: Final = re.compile(r"\s*\n\s*")


def plain(text: object) -> str:
    """Return a text that nobody may trust, so that Markdown takes it for a text on one line.

    A character reference is never taken for markup (CommonMark 0.31, 2.5).

    Args:
        text: the text.
    """
    return _MARKS.sub(lambda match: f"&#{ord(match[0])};", _LINES.sub(" ", visible(str(text)).strip()))


def session_markdown(view: View, limit: int = LIMIT) -> str:
    """Return a session: its headline, what failed with the likely causes and the ends of the logs, then all runs.

    Args:
        view: of `html.view.view_of`.
        limit: of its size in bytes.
    """
    facts = [view.world_name, view.host, view.data["resource_group"], view.runs_took, view.cost]
    head = [
        f"## {_sign(view.verdict)} {plain(view.headline)}",
        "",
        " · ".join(plain(each) for each in facts if each),
        "",
    ]
    failed = [_failure(run) for run in view.by_state["failed"]]
    return _within(limit, head, failed, _runs(view.runs))


def trends_markdown(trends: Trends, limit: int = LIMIT) -> str:
    """Return what is worse than it was and by how much, what is flaky, all trainings, and the newest session.

    Args:
        trends: of at least one session.
        limit: of its size in bytes.
    """
    head = [f"## {_sign(trends.verdict)} {plain(trends.headline)}", ""]
    count = f"{len(trends.sessions)} session{'s' * (len(trends.sessions) != 1)}"
    head += [f"{count}, {trends.span}; newest {trends.newest.began}: {plain(trends.newest.headline)}", ""]
    parts = [_list("Worse", [f"**{plain(each.name)}**: {plain(said(each))}" for each in trends.of("worse", "failing")])]
    parts.append(_list("Flaky", [f"**{plain(each.name)}**: {plain(each.flaky)}" for each in trends.flaky]))
    rows = ["### Trainings", "", "| | training | status | duration | change |", "|---|---|---|---|---|"]
    for each in trends.trainings:
        change = each.changes[0].sentence if each.changes and each.verdict != "same" else ""
        cells = [each.verdict, each.name, each.newest.run.status, each.newest.run.took, change]
        rows.append(f"| {' | '.join(plain(cell) for cell in cells)} |")
    failed = [_failure(run) for run in trends.newest.by_state["failed"]]
    return _within(limit, head, [*filter(None, parts), [*rows, ""], *failed], [])


def said(training: Training) -> str:
    """Return in one sentence how a training is worse, since when, and why.

    Args:
        training: that is worse, or never went well.
    """
    newest, reference = training.newest, training.reference
    changes = "; ".join(each.sentence for each in training.changes if each.verdict == "worse")
    found = changes or f"{newest.run.status}, and it went well in none of these sessions"
    if reference is not None:
        found += f" on {reference.date}"
    if newest.has_failed and newest.run.causes:
        found += f": {newest.run.causes[0].likely}"
    return found


def _sign(verdict: str) -> str:
    return {"failed": "❌", "running": "⏳"}.get(verdict, "✅")


def _list(title: str, items: Iterable[str]) -> list[str]:
    lines = [f"- {each}" for each in items]
    return [f"### {title}", "", *lines, ""] if lines else []


def _failure(run: RunView) -> list[str]:
    lines = [f"### {plain(run.workflow)} {plain(run.label)}: {plain(run.status)}".replace("  ", " "), ""]
    for cause in run.causes:
        lines.append(f"- {plain(cause.likely)}" + (f" (seen: {plain(cause.seen)})" if cause.seen else ""))
        if cause.remedy:
            lines.append(f"- do: {plain(cause.remedy)}")
    if run.data["execution_id"]:
        lines.append(f"- execution {plain(run.data['execution_id'])}")
    lines += [f"- {plain(test['id'])}" for test in run.tests if test.get("outcome") == "failed"]
    log = "" if run.log is None else run.log.end[-_LOG:]
    if log:
        # Blank lines would end HTML that is not `pre`; the text has no `<`, so nothing but our own tag ends this.
        lines += [
            "",
            "<details><summary>Log</summary>",
            "",
            f"<pre>{html.escape(visible(log))}</pre>",
            "",
            "</details>",
        ]
    return [*lines, ""]


def _runs(runs: Iterable[RunView]) -> list[str]:
    rows = []
    for run in runs:
        metrics = ", ".join(f"{each.name} {each.value}" for each in run.metrics)
        cells = [run.status if run.state != "failed" else f"{run.status}, failed", run.workflow, run.label, run.took]
        rows.append(f"| {' | '.join(plain(cell) for cell in [*cells, metrics])} |")
    return ["| status | workflow | run | duration | metrics |", "|---|---|---|---|---|", *rows] if rows else []


def _within(limit: int, head: list[str], parts: Iterable[list[str]], rows: list[str]) -> str:
    """Return as many of the parts, and then of the rows of a table, as there is room for; what is left out is said."""
    note = "*More is left out: a summary has at most {} KiB.*"
    room = limit - 200
    found: list[str] = []

    def add(lines: list[str]) -> bool:
        nonlocal room
        room -= sum(len(line.encode("utf-8", "backslashreplace")) + 1 for line in lines)
        if room >= 0:
            found.extend(lines)
        return room >= 0

    whole = add(head) and all(add(part) for part in parts) and all(add([row]) for row in rows)
    if not whole:
        found += ["", note.format(limit // 1024)]
    return "\n".join(found) + "\n"
