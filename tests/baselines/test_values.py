"""Which value of a metric a rule means: the last, the best, or that of a step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from pytest_aicore import BaselineError, at_least, at_most, measured, within
from pytest_aicore.baselines.values import Values, given_values, values_of
from pytest_aicore.baselines.verdict import judge

if TYPE_CHECKING:
    from pytest_aicore.baselines.rules import Rule

SERIES = values_of([(0, 0.5, {}), (1, 0.9, {}), (2, math.nan, {}), (5, 0.2, {}), (5, 0.7, {})])


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (at_least(), 0.7),
        (at_least(at="last"), 0.7),
        (at_least(at="best"), 0.9),
        (at_most(at="best"), 0.2),
        (within(at=0), 0.5),
        (at_most(at=5), 0.7),  # the newest of the step
        (at_most(at=3), None),
    ],
    ids=repr,
)
def test_the_value_that_a_rule_means(rule: Rule, value: float | None) -> None:
    assert SERIES.chosen(rule) == value


@pytest.mark.parametrize(
    ("name", "rule", "now", "before", "problem"),
    [
        (
            "acuracy",
            at_least(),
            {"accuracy": SERIES, "loss": SERIES},
            {},
            "the run has no metric 'acuracy'. Did you mean 'accuracy'?",
        ),
        ("f1", at_least(), {"accuracy": SERIES, "loss": SERIES}, {}, "the run has no metric 'f1'; it has 'accuracy', 'loss'"),
        ("f1", at_least(), {}, {}, "the run has no metric 'f1'; it has none"),
        ("f1", at_least(), {"f1": SERIES}, {"f2": SERIES}, "the baseline has no metric 'f1'; it has 'f2'"),
        ("f1", at_most(at=4), {"f1": SERIES}, {}, "the run has no value at step 4; the nearest is step 5, of 0, 1, 2, 5"),
        (
            "f1",
            at_most(at=5),
            {"f1": SERIES},
            {"f1": Values(0.5, 0.5, 0.5)},
            "the baseline has no value at step 5",
        ),
        ("f1", at_most(at=2), {"f1": SERIES}, {"f1": SERIES}, "nan cannot be compared"),
        (
            "f1",
            at_most(at="best"),
            {"f1": values_of([(0, math.inf, {})])},
            {"f1": SERIES},
            "the run has no finite value",
        ),
        (
            "f1",
            at_most(),
            {"f1": values_of([(0, 0.5, {"split": "train"}), (0, 0.4, {"split": "test"})])},
            {"f1": SERIES},
            "its values have different labels (split=test; split=train): choose some with pytest_aicore.measured",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_fails_and_says_why(
    name: str, rule: Rule, now: dict[str, Values], before: dict[str, Values], problem: str
) -> None:
    row = judge(name, rule, now, before, "metric")
    assert not row.passed
    assert row.problem == problem


def test_labels_of_the_platform_do_not_make_two_metrics_of_one() -> None:
    """The last value names the artifact it belongs to, as SAP's guide shows; those before it do not."""
    labels = {"metrics.ai.sap.com/Artifact.name": "model"}
    assert values_of([(0, 0.4, {}), (1, 0.5, labels)]).labels == ()


def test_numbers_of_any_kind_are_measured() -> None:
    numbers = measured({"rmse": 0.3, "loss": [0.5, 0.2], "count": 3})
    assert dict(numbers) == {"rmse": 0.3, "loss": 0.2, "count": 3.0}
    assert given_values("loss", [0.5, 0.2]).steps == {0: 0.5, 1: 0.2}
    assert repr(numbers) == "{'rmse': 0.3, 'loss': 0.2, 'count': 3.0}"


@pytest.mark.parametrize("value", ["0.3", None, [], [0.1, "x"], {"a": 1}, True])
def test_what_is_not_a_number_is_not_measured(value: object) -> None:
    with pytest.raises(BaselineError) as caught:
        measured({"rmse": value})
    assert str(caught.value) == f"the value of 'rmse' is {value!r}: expected a number, or a list of numbers by step."


def test_numbers_need_names() -> None:
    with pytest.raises(BaselineError) as caught:
        measured([0.3])  # type: ignore[arg-type]
    assert str(caught.value) == 'measured([0.3]): expected numbers by name, for example {"rmse": 0.3}.'
