"""The page of several sessions: what is worse than it was, each training over time, and the newest session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.reports.html.metric_view import curve_of
from pytest_aicore.reports.html.pages import fill, write_files

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_aicore.reports.html.metric_view import Curve
    from pytest_aicore.reports.trends import Training, Trends

_TEMPLATE: Final = "trends.html"
MOST_SHOWN: Final = 60
"""How many of the newest sessions of a training are drawn."""


def trend_page(trends: Trends) -> str:
    """Return the page as one file.

    Args:
        trends: of at least one session.
    """
    return fill(_TEMPLATE, trends.newest.world, trends.verdict, alone=True, **_values(trends))


def write_trend_page(trends: Trends, target: Path) -> None:
    """Write the page, to a file or into a folder.

    Args:
        trends: of at least one session.
        target: as `pages.write_page` takes it.

    Raises:
        OSError: it cannot be written.
    """
    write_files(target, _TEMPLATE, trends.newest.world, trends.verdict, **_values(trends))


def _values(trends: Trends) -> dict[str, Any]:
    return {"trends": trends, "view": trends.newest, "courses": _courses, "most": MOST_SHOWN}


def _courses(training: Training) -> list[tuple[str, Curve]]:
    """Return the course of the duration and of each metric over the sessions, by the times at which these began."""
    points = training.points[-MOST_SHOWN:]
    found = [("duration in s", [[each.at, each.seconds] for each in points if each.seconds is not None])]
    found += [(name, [[p.at, p.metrics[name]] for p in points if name in p.metrics]) for name in training.metrics]
    drawn = [(name, curve_of(series)) for name, series in found]
    return [(name, curve) for name, curve in drawn if curve is not None]
