"""What became of each training over several sessions: which is worse than it was, and by how much."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.http.exchange import parse_time
from pytest_aicore.quantities import duration_text
from pytest_aicore.reports.html.metric_view import difference_texts, number_text
from pytest_aicore.reports.html.moments import moment_text
from pytest_aicore.reports.html.view import view_of
from pytest_aicore.service_facts import FINAL_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_aicore.reports.html.view import RunView, View

WEEK: Final = 7 * 24 * 3600.0
_EARLY: Final = 12 * 3600.0
"""How much less than a week is one: sessions at night do not begin to the second."""
METRIC_TOLERANCE: Final = 0.01
DURATION_TOLERANCE: Final = 0.1
"""Shares of the earlier value: smaller changes are not reported as worse or better."""
_SHORT: Final = 1.0
"""Seconds: a smaller change of a duration is noise of the machine."""
_HIGHER_IS_BETTER: Final = ("acc", "auc", "f1", "r2", "precision", "recall", "score", "bleu", "rouge", "map", "iou")
_LOWER_IS_BETTER: Final = ("loss", "err", "mae", "mse", "rmse", "mape", "perplexity", "latency", "wer")
_ENDED: Final = ("passed", "expected", "failed")
"""The states of a run that say something about its training."""


@dataclass(frozen=True)
class Point:
    """What became of a training in one session.

    Attributes:
        run: as the page of that session shows it.
        at: when that session began, in seconds since the epoch.
        date: the same for readers.
        is_real: whether an execution id stands for one execution everywhere; emulators give the same again.
    """

    run: RunView
    at: float
    date: str
    is_real: bool = True

    @property
    def has_failed(self) -> bool:
        """Whether a test failed by it, or it ended as no test expects."""
        return self.run.state == "failed"

    @property
    def metrics(self) -> dict[str, float]:
        """Its metrics that are numbers."""
        found = self.run.data["metrics"] or {}
        return {name: value for name, value in found.items() if value is not None and math.isfinite(value)}

    @property
    def seconds(self) -> float | None:
        """How long it took, if it completed; what failed at once is not quicker."""
        return self.run.data["duration"] if not self.has_failed else None

    @property
    def title(self) -> str:
        """Date, status, duration."""
        return ", ".join(filter(None, [f"{self.date}: {self.run.status}", self.run.took]))


@dataclass(frozen=True)
class Change:
    """How a value differs from what it was.

    Attributes:
        name: `status`, `duration` or the name of a metric.
        before: the earlier value, in words.
        now: the value, in words.
        by: the difference, in words; empty for a status.
        verdict: `worse`, `better`, `changed` (nobody knows which direction is better) or `same`.
        share: the size of the difference, as a share of the earlier value.
    """

    name: str
    before: str
    now: str
    by: str
    verdict: str
    share: float = 0.0

    @property
    def sentence(self) -> str:
        """All of it."""
        by = f" ({self.by})" if self.by else ""
        return f"{self.name} {self.now}, was {self.before}{by}"


@dataclass(frozen=True)
class Training:
    """Everything that is known of a plan.

    Attributes:
        points: of all sessions, the newest last; within a session those that failed last, so that no failure is hidden
            by a run that passed.
        is_higher_better: by metric, as far as quality gates say it.
    """

    points: Sequence[Point]
    is_higher_better: Mapping[str, bool]

    @property
    def newest(self) -> Point:
        """What it is judged by."""
        return self.points[-1]

    @property
    def name(self) -> str:
        """Workflow, and what tells it from other trainings of it."""
        return f"{self.newest.run.workflow} {self.newest.run.label}".strip()

    @cached_property
    def reference(self) -> Point | None:
        """What the newest is compared with: a run that went well a week before, or else the oldest one."""
        earlier = [
            each for each in self.points if each.at < self.newest.at and each.run.state in ("passed", "expected")
        ]
        week_before = [each for each in earlier if each.at <= self.newest.at - WEEK + _EARLY]
        return week_before[-1] if week_before else earlier[0] if earlier else None

    @cached_property
    def changes(self) -> list[Change]:
        """How the newest differs from the reference, the worst first."""
        before, now = self.reference, self.newest
        if now.run.state not in _ENDED:
            return []
        if before is None:
            return []
        found = []
        if now.has_failed:
            found.append(Change("status", before.run.status, self._failed(now), "", "worse", math.inf))
        elif self._came_back:
            found.append(Change("status", "failed", now.run.status, "", "better", math.inf))
        names = [name for name in now.metrics if name in before.metrics]
        found += [self._metric(name, before.metrics[name], now.metrics[name]) for name in names]
        if before.seconds is not None and now.seconds is not None:
            found.append(_duration(before.seconds, now.seconds))
        order = ("worse", "changed", "better", "same")
        return sorted(found, key=lambda each: (order.index(each.verdict), -each.share))

    @staticmethod
    def _failed(point: Point) -> str:
        # A training that completed may be refused by its test, for example by a quality gate.
        return point.run.status if point.run.status != "COMPLETED" else "COMPLETED, and a test failed"

    @property
    def _came_back(self) -> bool:
        before = [each for each in self.points if each.at < self.newest.at and each.run.state in _ENDED]
        return bool(before) and before[-1].has_failed

    def _metric(self, name: str, before: float, now: float) -> Change:
        share = abs(now - before) / abs(before) if before else (math.inf if now != before else 0.0)
        higher = self.is_higher_better.get(name, is_higher_better(name))
        if share <= METRIC_TOLERANCE:
            verdict = "same"
        elif higher is None:
            verdict = "changed"
        else:
            verdict = "better" if (now > before) == higher else "worse"
        return Change(
            name, number_text(before), number_text(now), ", ".join(difference_texts(before, now)), verdict, share
        )

    @property
    def verdict(self) -> str:
        """`failing` (it never went well), `worse`, `better`, `changed`, `same`, `new`, or `open` (it has not ended)."""
        if self.newest.run.state not in _ENDED:
            return "open"
        if self.reference is None:
            return "failing" if self.newest.has_failed else "new"
        verdicts = [each.verdict for each in self.changes]
        return next((each for each in ("worse", "better", "changed") if each in verdicts), "same")

    @cached_property
    def failing_since(self) -> Point | None:
        """The first of the failures since which it has not gone well, None if it does."""
        first = None
        for point in reversed(self.points):
            if not point.has_failed:
                break
            first = point
        return first

    @cached_property
    def flaky(self) -> str:
        """How it ended differently while its workflow file was the same; empty if it did not."""
        ends: dict[str, dict[tuple[str, int], str]] = {}
        for number, point in enumerate(self.points):
            data = point.run.data
            if data.get("workflow_hash") and data["status"] in FINAL_STATUSES and not data["stopped"]:
                # A session may resume the execution of an earlier one. Emulated ids are not unique.
                own = (str(data["execution_id"]), 0 if point.is_real else number)
                ends.setdefault(data["workflow_hash"], {})[own] = data["status"]
        for each in ends.values():
            counts = Counter(each.values())
            if len(counts) > 1:
                return ", ".join(f"{count} {status}" for status, count in counts.most_common())
        return ""

    @property
    def metrics(self) -> list[str]:
        """The names of all its metrics."""
        return list(dict.fromkeys(name for point in self.points for name in point.metrics))


@dataclass(frozen=True)
class Trends:
    """Several sessions, and their trainings.

    Attributes:
        sessions: the oldest first.
        trainings: the worst first.
    """

    sessions: Sequence[View]
    trainings: Sequence[Training]

    def of(self, *verdicts: str) -> list[Training]:
        """Return the trainings of which that is said."""
        return [each for each in self.trainings if each.verdict in verdicts]

    @property
    def newest(self) -> View:
        """The newest session."""
        return self.sessions[-1]

    @property
    def flaky(self) -> list[Training]:
        """The trainings that ended differently without a change of their file."""
        return [each for each in self.trainings if each.flaky]

    @property
    def span(self) -> str:
        """The days that all of it covers."""
        first, last = self.sessions[0].data["started_at"], self.newest.data["started_at"]
        return " to ".join(dict.fromkeys((_day(first), _day(last))))

    @property
    def has_failed(self) -> bool:
        """Whether the newest session of any world failed: emulated, local, or a host of AI Core."""
        newest = {(view.world, view.host): view for view in self.sessions}
        return any(view.verdict == "failed" for view in newest.values())

    @property
    def verdict(self) -> str:
        """`failed` if anything is worse or fails, else `passed`."""
        return "failed" if self.of("worse") or self.has_failed else "passed"

    @property
    def headline(self) -> str:
        """The answer to whether anything is worse than it was."""
        trainings, worse, failing = len(self.trainings), self.of("worse"), self.of("failing")
        noun = "training" if trainings == 1 else "trainings"
        if worse:
            verb = "is" if len(worse) == 1 else "are"
            more = f"; {len(failing)} never went well" if failing else ""
            return f"{len(worse)} of {trainings} {noun} {verb} worse than {self._before(worse)}{more}"
        if failing:
            return f"{len(failing)} of {trainings} {noun} never went well"
        if self.newest.verdict == "failed":
            return f"No training is worse, but the newest session failed: {self.newest.headline}"
        if not trainings:
            return "No training runs"
        compared = [each for each in self.trainings if each.reference is not None]
        return (
            f"{trainings} {noun}, none worse than {self._before(compared)}" if compared else f"{trainings} new {noun}"
        )

    @staticmethod
    def _before(trainings: Iterable[Training]) -> str:
        """Return how long ago what they are compared with was."""
        days = {round((each.newest.at - each.reference.at) / 86400) for each in trainings if each.reference}
        if days == {7}:
            return "a week before"
        dates = sorted({each.reference.date for each in trainings if each.reference})
        if 0 not in days:
            dates = sorted({each.partition(" ")[0] for each in dates})
        return f"on {dates[0]}" if len(dates) == 1 else f"between {dates[0]} and {dates[-1]}"


def trends_of(sessions: Sequence[Mapping[str, Any]]) -> Trends:
    """Return what became of each training.

    Args:
        sessions: of `merging.sessions_of`.
    """
    views = [view_of(each) for each in sessions]
    points: dict[tuple[object, ...], list[Point]] = {}
    directions: dict[str, bool] = {}
    for view in views:
        at, date = parse_time(view.data["started_at"]) or 0.0, moment_text(view.data["started_at"], with_date=True)
        for run in view.runs:
            points.setdefault(_plan_of(view, run), []).append(Point(run, at, date, view.world != "offline"))
            directions.update(_directions(run))
    trainings = [
        Training(sorted(each, key=lambda point: (point.at, point.has_failed)), directions) for each in points.values()
    ]
    order = ("worse", "failing", "open", "changed", "better", "new", "same")

    def rank(training: Training) -> tuple[int, float, str]:
        shares = [each.share for each in training.changes if each.verdict == training.verdict]
        return order.index(training.verdict), -max(shares, default=0.0), training.name

    return Trends(views, sorted(trainings, key=rank))


def is_higher_better(metric: str) -> bool | None:
    """Return whether a higher value is the better one, as far as the name of a metric says it; None if it does not.

    Args:
        metric: its name.
    """
    words = metric.lower().replace("-", "_").replace("/", "_").replace(".", "_").split("_")
    for names, answer in ((_LOWER_IS_BETTER, False), (_HIGHER_IS_BETTER, True)):
        if any(word.startswith(name) for word in words for name in names):
            return answer
    return None


def _directions(run: RunView) -> dict[str, bool]:
    """Return whether higher values are better, where a gate limits one side only."""
    found = {}
    for gate in run.gates:
        for rule in gate["rules"]:
            lowest, highest = rule.get("lowest"), rule.get("highest")
            if (lowest is None) != (highest is None):
                found[rule["metric"]] = highest is None
    return found


def _plan_of(view: View, run: RunView) -> tuple[object, ...]:
    """Return what a run has in common with others of its plan in the same world."""
    data = run.data
    world = (view.world, view.data["host"] if view.world == "live" else None)
    if data.get("identity"):
        return (*world, data["identity"])
    inputs = [*data["parameters"].items(), *((name, each["url"]) for name, each in data["artifacts"].items())]
    return (*world, view.data["resource_group"], data["workflow"], data["executable"], *sorted(inputs))


def _duration(before: float, now: float) -> Change:
    share = abs(now - before) / before if before else math.inf
    is_same = share <= DURATION_TOLERANCE or abs(now - before) < _SHORT
    verdict = "same" if is_same else "worse" if now > before else "better"
    sign = "+" if now >= before else "-"
    by = f"{sign}{duration_text(round(abs(now - before), 1))}" + (f", {(now - before) / before:+.0%}" if before else "")
    return Change("duration", duration_text(round(before, 1)), duration_text(round(now, 1)), by, verdict, share)


def _day(text: str) -> str:
    return moment_text(text, with_date=True).partition(" ")[0]
