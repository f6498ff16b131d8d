"""The timeline of a session: when each run waited and ran, on an axis from which times without any run are cut."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Protocol

from pytest_aicore.quantities import duration_text
from pytest_aicore.reports.html.moments import clock_text, moment
from pytest_aicore.service_facts import FINAL_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WIDTH: Final = 1000
"""The coordinates of the axis."""
_GAP: Final = 12
"""How wide a time is drawn in which nothing ran."""
_LONG: Final = 0.05
"""Which share of the busy time a time without any run has at least, if it is cut."""
_TICKS: Final = 6
_STEPS: Final = (0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


class Shown(Protocol):
    """What the timeline needs of a run on the page."""

    @property
    def data(self) -> Mapping[str, Any]:
        """The run, as the document has it."""

    @property
    def state(self) -> str:
        """What became of it."""


@dataclass(frozen=True)
class Span:
    """A time in which a run or a step had one status.

    Attributes:
        kind: `waiting`, or the state of the run.
        x: where it begins.
        width: how wide it is.
        title: what a reader who points to it is told.
    """

    kind: str
    x: float
    width: float
    title: str


@dataclass(frozen=True)
class Row:
    """The line of a run.

    Attributes:
        run: which.
        spans: its statuses.
        steps: name and span of each of its steps, where it is known when they ran.
    """

    run: Any
    spans: Sequence[Span]
    steps: Sequence[tuple[str, Span]]


@dataclass(frozen=True)
class Timeline:
    """The timeline.

    Attributes:
        rows: in the order in which the runs began.
        ticks: place and time of day.
        gaps: place and length, in words, of the times that are cut.
        took: from the first run's beginning to the last one's end, in words.
    """

    rows: Sequence[Row]
    ticks: Sequence[tuple[float, str]]
    gaps: Sequence[tuple[float, str]]
    took: str

    @property
    def has_steps(self) -> bool:
        """Whether any run has steps that can be drawn."""
        return any(row.steps for row in self.rows)


class _Axis:
    """Where times are, once those are cut in which nothing ran."""

    def __init__(self, busy: Iterable[tuple[float, float]]) -> None:
        merged: list[list[float]] = []
        for begin, end in sorted(busy):
            if merged and begin <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([begin, end])
        total = sum(end - begin for begin, end in merged)
        parts: list[list[float]] = []
        for part in merged:  # short pauses stay
            if parts and part[0] - parts[-1][1] <= _LONG * total:
                parts[-1][1] = part[1]
            else:
                parts.append(part)
        self.parts = parts
        length = sum(end - begin for begin, end in parts) or 1.0
        self._scale = (WIDTH - _GAP * (len(parts) - 1)) / length
        self._at = []
        x = 0.0
        for begin, end in parts:
            self._at.append(x)
            x += (end - begin) * self._scale + _GAP

    def x(self, time: float) -> float:
        """Return where a time is; one that is cut is at the nearest edge."""
        for (begin, end), at in zip(self.parts, self._at, strict=True):
            if time <= end:
                return round(at + max(time - begin, 0) * self._scale, 1)
        return float(WIDTH)

    def gaps(self) -> list[tuple[float, str]]:
        """Return place and length of the times that are cut."""
        return [
            (round(at - _GAP, 1), duration_text(round(begin - end, 1)))
            for (_, end), (begin, _), at in zip(self.parts, self.parts[1:], self._at[1:], strict=False)
        ]

    def ticks(self) -> list[tuple[float, str]]:
        """Return some round times, and where they are."""
        length = sum(end - begin for begin, end in self.parts)
        step = next((each for each in _STEPS if length / each <= _TICKS), _STEPS[-1])
        found: list[tuple[float, str]] = []
        for begin, end in self.parts:
            number = -(-begin // step)
            while number * step <= end and len(found) < 2 * _TICKS:
                found.append((self.x(number * step), clock_text(number * step)))
                number += 1
        return found


def timeline_of(runs: Iterable[Shown], until: str | None) -> Timeline:
    """Return the timeline of runs.

    Args:
        runs: as the page shows them.
        until: the end of the session, at which runs that have not ended still ran; None where its time is another one.
    """
    phases = [(run, found) for run in runs if (found := _phases(run, until))]
    if not phases:
        return Timeline((), (), (), "")
    axis = _Axis((found[0][1], found[-1][2]) for _, found in phases)
    rows = [
        Row(run, [_span(axis, *phase) for phase in found], _steps(axis, run))
        for run, found in sorted(phases, key=lambda each: each[1][0][1])
    ]
    whole = max(found[-1][2] for _, found in phases) - min(found[0][1] for _, found in phases)
    return Timeline(rows, axis.ticks(), axis.gaps(), duration_text(round(whole, 1)))


def _phases(run: Shown, until: str | None) -> list[tuple[str, float, float, str]]:
    """Return the statuses of a run: kind, begin, end and name; whatever comes before RUNNING is called waiting.

    Where nobody looked while it ran, AI Core's own times tell how long it did.
    """
    history = [(str(seen["status"]), moment(seen["time"])) for seen in run.data["history"]]
    if not history:
        return []
    last, at = history[-1]
    if last not in FINAL_STATUSES:
        history.append((last, max(at, moment(until)) if until is not None else at))
    elif run.data["duration"] is not None and all(status != "RUNNING" for status, _ in history):
        history.insert(-1, ("RUNNING", max([at - run.data["duration"], *(time for _, time in history[:-1])])))
    found: list[tuple[str, float, float, str]] = []
    for (status, begin), (_, end) in pairwise(history):
        kind, name = (run.state, status) if status in ("RUNNING", "STOPPING") else ("waiting", "waiting")
        if found and found[-1][3] == name:
            found[-1] = (kind, found[-1][1], max(end, begin), name)
        else:
            found.append((kind, begin, max(end, begin), name))
    return found


def _span(axis: _Axis, kind: str, begin: float, end: float, name: str) -> Span:
    x = axis.x(begin)
    return Span(kind, x, max(round(axis.x(end) - x, 1), 1.5), f"{name} {duration_text(round(end - begin, 1))}")


def _steps(axis: _Axis, run: Shown) -> list[tuple[str, Span]]:
    return [
        (
            str(step["name"]),
            _span(
                axis,
                "passed" if step["phase"] == "Succeeded" else "failed",
                moment(step["started"]),
                moment(step["ended"]),
                str(step["phase"]),
            ),
        )
        for step in run.data["steps"]
        if step.get("started") and step.get("ended")
    ]
