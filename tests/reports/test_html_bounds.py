"""What a page makes of a document: gates, times without runs, running executions, costs, and how much it shows at most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.documents import document
from pytest_aicore.reports.details import Budget, series_of
from pytest_aicore.reports.html import page, view
from tests.reports.html_reading import read

if TYPE_CHECKING:
    import pytest


def test_metrics_stand_beside_their_baseline() -> None:
    data = document(1, log_lines=5)
    run = data["runs"][0]
    rule = {"lowest": None, "highest": None, "problem": None}
    data["gates"] = [
        {
            "test": run["tests"][0]["id"],
            "baseline": "churn.json",
            "outcome": "failed",
            "run": {"id": run["execution_id"]},
            "rules": [
                {"metric": "accuracy", "rule": "at_least(0)", "passed": False, "value": 0.9, "baseline": 0.96, **rule},
                {"metric": "loss", "rule": "at_most()", "passed": True, "value": 0.15, "baseline": 0.15, **rule},
            ],
        }
    ]
    rows = list(read(page(data)).one("table", class_="metrics").all("tr"))
    assert [[cell.text for cell in row.all() if cell.tag in ("th", "td")][:5] for row in rows] == [
        ["metric", "value", "baseline", "change", "rule"],
        ["accuracy", "0.9", "0.96", "-0.06 (-6.2%)", "at_least(0) worse"],
        ["loss", "0.1423", "0.15", "-0.00773 (-5.2%)", "at_most()"],
    ]
    assert len(list(rows[2].all("line", class_="baseline"))) == 1


def test_times_without_runs_are_cut() -> None:
    data = document(20)
    for run in data["runs"][10:]:
        for seen in run["history"]:
            seen["time"] = seen["time"].replace("2026-03-02", "2026-03-03")
    data["ended_at"] = "2026-03-03T04:00:00Z"
    shown = read(page(data)).one(class_="timeline")
    titles = {gap.one("title").text for gap in shown.all("rect", class_="gap")}
    assert titles == {"nothing ran for 24 h 01 min"}
    ends = [float(span.attributes["x"]) + float(span.attributes["width"]) for span in shown.all("rect")]
    assert 990 < max(ends) <= 1001.5


def test_a_run_at_which_nobody_looked_while_it_ran_is_not_said_to_have_waited() -> None:
    data = document(1)
    seen = _spans(data)
    run = data["runs"][0]
    run["history"] = [each for each in run["history"] if each["status"] in ("UNKNOWN", run["status"])]
    assert _spans(data) == seen
    assert [kind for kind, _ in seen] == ["waiting", "passed"]


def _spans(data: dict[str, Any]) -> list[tuple[str, str]]:
    spans = read(page(data)).one(class_="timeline").one("a").all("rect")
    return [(each.attributes["class"], each.one("title").text) for each in spans]


def test_what_still_runs_is_told_with_its_cost() -> None:
    data = document(2)
    run = data["runs"][1]
    run.update(status="RUNNING", history=run["history"][:-1], duration=3600.0, cost={"amount": 3.2, "currency": "EUR"})
    run["tests"][0].update(outcome="", as_expected=False)
    shown = read(page(data))
    assert shown.one("h1").text == "1 of 2 training runs still running"
    assert shown.one("section", **{"aria-labelledby": "now"}).one("li").text == (
        "RUNNING house_price_steps.yaml test_trains[1] 1 h 00 min ~3.20 EUR"
    )
    span = [span for row in shown.one(class_="timeline").all("a") for span in row.all("rect", class_="running")]
    assert len(span) == 1  # until the end of the session


def test_logs_of_failed_runs_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "PAGE_LOGS", 4000)
    data = document(4, log_lines=100)
    shown = read(page(data))
    logs = {each.attributes["aria-label"]: each.raw for each in shown.all("pre", class_="log")}
    assert sum(map(len, logs.values())) <= 4000
    assert logs["Log of demand_forecast.yaml"] == data["runs"][3]["log"]["text"]
    assert 0 < len(logs["Log of churn_dag.yaml"]) < 400
    notes = [each.text for each in shown.all("p", class_="note")]
    assert all(note.endswith("left out at the beginning; the whole log has 100 lines.") for note in notes)
    assert len(notes) == 3


def test_runs_of_one_id_have_anchors_of_their_own() -> None:
    """An emulated id is given again after a rollback."""
    data = document(3)
    for run in data["runs"]:
        run["execution_id"] = "e1"
    anchors = [each.attributes["id"] for each in read(page(data)).all("div", class_="body")]
    assert sorted(anchors) == ["run-e1", "run-e1-2", "run-e1-3"]


def test_long_series_are_thinned_to_their_ends() -> None:
    class Point:
        def __init__(self, step: int) -> None:
            self.step, self.value = step, float(step)

    class Value:
        series = tuple(Point(step) for step in range(10_001))

    metrics: Any = {"loss": Value()}
    (points,) = series_of(metrics).values()
    assert (len(points), points[0], points[-1]) == (200, [0, 0.0], [10_000, 10_000.0])


def test_budget_is_taken_run_by_run() -> None:
    budget = Budget(2)
    assert [budget.take() for _ in range(3)] == [True, True, False]
