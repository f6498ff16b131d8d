"""Predictions on a golden set: their scores, and what changed since the baseline."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pytest_aicore import BaselineError, at_least, at_most, predictions, within
from pytest_aicore.baselines.document import Baseline, Document, parse
from pytest_aicore.baselines.gate import Gate, Subject, set_gate
from pytest_aicore.baselines.origin import Origin


class Keeping(Gate):
    """A gate that keeps what it is given."""

    def compare(self, subject: Subject, path: object, rules: Any) -> None:
        self.subject, self.rules = subject, rules


def taken(found: Any, **rules: Any) -> tuple[Subject, dict[str, Any]]:
    gate = Keeping()
    before = set_gate(gate)
    try:
        assert found.matches_baseline("x.json", **rules)
    finally:
        set_gate(before)
    return gate.subject, gate.rules


def rows(before: Any, now: Any, **rules: Any) -> dict[str, tuple[bool, str | None, tuple[str, ...]]]:
    """Return what becomes of rules where `before` is the baseline, which went through its file."""
    kept, _ = taken(before, **rules)
    document = Document(Baseline(kept.values, Origin(), kept.golden, kept.answers if kept.keeps_answers else None))
    baseline = parse(document.text(), "x.json").single
    assert baseline is not None
    subject, checked = taken(now, **rules)
    return {row.name: (row.passed, row.problem, row.details) for row in subject.rows(checked, baseline)}


def test_scores_of_labels_are_those_of_scikit_learn() -> None:
    """accuracy_score and f1_score(average="macro") of scikit-learn 1.5 for the same lists."""
    found = predictions(["a", "b", "b", "c"], ["a", "b", "c", "c"])
    assert found["accuracy"] == 0.75
    assert found["macro_f1"] == pytest.approx(7 / 9)
    assert sorted(found) == ["accuracy", "macro_f1"]


def test_scores_of_numbers() -> None:
    found = predictions({"x": 1.0, "y": 2.5}, {"x": 1.0, "y": 3.5})
    assert dict(found) == {"mean_absolute_error": 0.5, "root_mean_squared_error": math.sqrt(0.5)}


def test_whole_numbers_may_be_labels_or_numbers() -> None:
    found = predictions([0, 1, 1], [0, 1, 2])
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["mean_absolute_error"] == pytest.approx(1 / 3)


def test_a_label_is_not_a_number_that_looks_like_it() -> None:
    assert predictions(["1", True], [1, 1])["accuracy"] == 0


def test_predictions_may_be_arrays() -> None:
    class Array:
        def tolist(self) -> list[str]:
            return ["a", "b"]

    class Scalar:
        def item(self) -> float:
            return 0.5

        def __float__(self) -> float:
            return 0.5

    assert predictions(Array(), ["a", "b"])["accuracy"] == 1  # type: ignore[arg-type]
    assert predictions([Scalar()], [0.5])["mean_absolute_error"] == 0


def test_which_predictions_changed_is_listed() -> None:
    expected = {"t1": "billing", "t2": "delivery", "t3": "billing"}
    before = predictions({**expected, "t3": "delivery"}, expected)
    now = predictions({**expected, "t1": "delivery", "t2": "billing"}, expected)
    changes = (
        "t1: 'billing' -> 'delivery' (right: 'billing')",
        "t2: 'delivery' -> 'billing' (right: 'delivery')",
        "t3: 'delivery' -> 'billing' (right: 'billing')",
    )
    assert rows(before, now, changed=at_most(2)) == {"changed": (False, None, changes)}
    assert rows(before, now, changed=at_most("100%")) == {"changed": (True, None, changes)}
    assert rows(before, now, changed=at_most("66%"))["changed"][0] is False
    assert rows(before, before, changed=at_most()) == {"changed": (True, None, ())}


def test_a_long_list_of_changes_is_cut() -> None:
    before, now = predictions(["a"] * 30), predictions(["b"] * 30)
    _, _, details = rows(before, now, changed=at_most(0))["changed"]
    assert (len(details), details[0], details[-1]) == (11, "0: 'a' -> 'b'", "and 20 more")


def test_numbers_may_move_a_little() -> None:
    before, now = predictions({"x": 1.0, "y": 100.0}), predictions({"x": 1.05, "y": 102.0})
    assert rows(before, now, each=within(0.1, "2%"))["changed"][0] is True
    assert rows(before, now, each=within(0.1, "1%"))["changed"] == (False, None, ("y: 100.0 -> 102.0",))
    assert rows(before, now, each=within(0.1), changed=at_most(1))["changed"][0] is True
    assert rows(before, now, changed=at_most())["changed"][0] is False


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"t1": "a", "t3": "a"}, {"t1": "a", "t3": "a"}),  # an example more, another less
        ({"t1": "a", "t2": "a"}, {"t1": "a", "t2": "b"}),  # another right answer
    ],
)
def test_scores_of_another_golden_set_are_not_compared(answers: dict[str, str], expected: dict[str, str]) -> None:
    before = predictions({"t1": "a", "t2": "a"}, {"t1": "a", "t2": "a"})
    found = rows(before, predictions(answers, expected), accuracy=at_least(-1))
    assert found["golden set"][0] is False
    assert str(found["golden set"][1]).startswith("the golden set is not that of the baseline (2 examples, sha256:")


def test_a_baseline_without_predictions_says_so() -> None:
    found = predictions(["a"], ["a"])
    subject, checked = taken(found, changed=at_most())
    (row,) = subject.rows(checked, Baseline(subject.values, Origin(), subject.golden))
    assert (row.passed, row.problem) == (False, "the baseline has no predictions, only scores: update it")


@pytest.mark.parametrize(
    ("answers", "expected", "message"),
    [
        ([], None, "predictions({}): there are no predictions, so there is nothing that could pass."),
        (
            {"t1": "a", "t3": "b"},
            {"t1": "a", "t2": "b"},
            "predictions: each example needs both; 1 without a prediction: 't2'; 1 without a right answer: 't3'.",
        ),
        ("billing", None, "predictions: answers is 'billing': expected labels or numbers by name, or a list."),
        (
            {"t1": {"label": "a"}},
            None,
            (
                "predictions: answers['t1'] is {'label': 'a'}: expected a label or a finite number. Take it from the answer of"
                ' the model, for example answer["label"].'
            ),
        ),
        (
            [math.nan],
            None,
            (
                "predictions: answers[0] is nan: expected a label or a finite number. Take it from the answer of the model, for"
                ' example answer["label"].'
            ),
        ),
    ],
)
def test_predictions_that_cannot_be_compared_are_refused(answers: Any, expected: Any, message: str) -> None:
    with pytest.raises(BaselineError) as caught:
        predictions(answers, expected)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (
            {"changed": at_least(2)},
            "the rule of 'changed' is at_least(2): expected at_most(...), without a step.",
        ),
        ({"each": at_most(2)}, "the rule of 'each' is at_most(2): expected within(...), without a step."),
        (
            {"accuracy": -0.01},
            "the rule of 'accuracy' is -0.01: expected at_least(...), at_most(...) or within(...).",
        ),
        (
            {},
            (
                "matches_baseline needs a rule for each score that it compares, for example matches_baseline(path,"
                " accuracy=at_least(-0.01)); the rules are at_least, at_most and within."
            ),
        ),
    ],
)
def test_rules_that_do_not_fit_are_refused(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(BaselineError) as caught:
        predictions(["a"], ["a"]).matches_baseline("x.json", **rules)
    assert str(caught.value) == message


def test_outside_of_a_test_nothing_can_be_compared() -> None:
    before = set_gate(None)
    try:
        with pytest.raises(BaselineError) as caught:
            predictions(["a"], ["a"]).matches_baseline("x.json", accuracy=at_least())
    finally:
        set_gate(before)
    assert str(caught.value) == (
        "matches_baseline compares in tests that use pytest-aicore: request one of its fixtures in this test, for example"
        " aicore_execution."
    )
