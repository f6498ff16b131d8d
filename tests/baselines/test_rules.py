"""What rules allow: exact arithmetic, signs, shares of negative and zero baselines, and what is refused."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_aicore import BaselineError, at_least, at_most, within
from pytest_aicore.baselines.numbers import change_text, number, number_texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.baselines.rules import Rule

FINITE = st.floats(allow_nan=False, allow_infinity=False)
SMALL = st.floats(min_value=0, max_value=1e6)
PERCENT = st.integers(0, 300)


@pytest.mark.parametrize(
    ("rule", "baseline", "allowed", "refused"),
    [
        (at_least(-0.01), 0.91, [0.9, 0.91, 1.0], [0.8999, -1.0]),
        (at_least(-0.1), 0.8, [0.7], [0.6999999999999999]),  # in binary 0.8 - 0.1 is more than 0.7
        (at_most(0.1), 0.2, [0.3, 0.30], [0.30000000000000004]),
        (at_least(), 0.8, [0.8, 0.9], [0.7999]),
        (at_most(), 0.4, [0.4, 0.1], [0.4001]),
        (within(), 0.4, [0.4], [0.4001, 0.3999]),
        (at_most("+5%"), 2.0, [2.1, -7.0], [2.11]),
        (at_most("5%"), 2.0, [2.1], [2.11]),
        (at_least("-5%"), 2.0, [1.9], [1.89]),
        (at_least(0.01), 0.9, [0.91], [0.9099]),  # it has to become better
        (at_most("-10%"), 0.5, [0.45], [0.4501]),
        # A share of a negative baseline is as large as that of the positive one.
        (at_least("-10%"), -2.0, [-2.2, 0.0], [-2.21]),
        (at_most("+10%"), -2.0, [-1.8], [-1.79]),
        (within("10%"), -2.0, [-2.2, -1.8], [-2.21, -1.79]),
        # A share of zero is nothing; with an amount the larger counts.
        (at_most("+5%"), 0.0, [0.0], [1e-300]),
        (at_most("+5%", 0.01), 0.0, [0.01], [0.0101]),
        (at_most("+5%", 0.01), 2.0, [2.1], [2.11]),
        (at_least(-0.01, "-5%"), 0.1, [0.09], [0.0899]),
        (at_least(-0.01, "-5%"), 10.0, [9.5], [9.49]),
        (within(0.5, "1%"), 10.0, [9.5, 10.5], [9.4, 10.6]),
        (at_most(Decimal("0.1")), 0.2, [0.3], [0.31]),  # type: ignore[arg-type]
        (at_most(1), 2, [3], [4]),
    ],
    ids=repr,
)
def test_what_a_rule_allows(rule: Rule, baseline: float, allowed: list[float], refused: list[float]) -> None:
    bounds = rule.bounds(baseline)
    assert [value for value in allowed if not bounds.hold(value)] == []
    assert [value for value in refused if bounds.hold(value)] == []
    assert not any(map(bounds.hold, (math.nan, math.inf, -math.inf)))


@given(FINITE, SMALL, PERCENT)
def test_the_larger_tolerance_counts(baseline: float, amount: float, percent: int) -> None:
    tolerance = max(Fraction(repr(amount)), abs(Fraction(repr(baseline))) * percent / 100)
    middle = Fraction(repr(baseline))
    assert at_least(-amount, f"-{percent}%").bounds(baseline).lowest == middle - tolerance
    assert at_most(amount, f"+{percent}%").bounds(baseline).highest == middle + tolerance
    both = within(amount, f"{percent}%").bounds(baseline)
    assert (both.lowest, both.highest) == (middle - tolerance, middle + tolerance)


@given(FINITE, SMALL, PERCENT)
def test_a_baseline_matches_itself(baseline: float, amount: float, percent: int) -> None:
    for rule in (at_least(-amount), at_most(f"+{percent}%"), within(amount, f"{percent}%"), within()):
        assert rule.bounds(baseline).hold(baseline)
        assert all(limit is None or not math.isnan(limit) for limit in rule.bounds(baseline).floats)


@given(FINITE, FINITE, SMALL, SMALL)
def test_more_tolerance_never_allows_less(baseline: float, value: float, one: float, other: float) -> None:
    less, more = sorted((one, other))
    for make in (lambda amount: at_least(-amount), at_most, within):
        assert make(more).bounds(baseline).hold(value) or not make(less).bounds(baseline).hold(value)


@given(FINITE, FINITE, SMALL)
def test_within_is_both_of_the_others(baseline: float, value: float, amount: float) -> None:
    both = at_least(-amount).bounds(baseline).hold(value) and at_most(amount).bounds(baseline).hold(value)
    assert within(amount).bounds(baseline).hold(value) == both


@given(st.lists(FINITE, min_size=1, max_size=4))
def test_different_numbers_are_never_shown_as_the_same(values: list[float]) -> None:
    assert len(set(number_texts(values))) == len({value + 0.0 for value in values})


@given(FINITE, FINITE)
def test_any_change_has_a_text(value: float, baseline: float) -> None:
    text = change_text(value, baseline)
    assert (text == "none") == (value == baseline)
    assert "nan" not in text


@pytest.mark.parametrize(
    ("value", "baseline", "text"),
    [
        (0.8311, 0.8533, "-0.0222 (-2.6%)"),
        (3.0, 1.0, "+2 (+200%)"),
        (-1.0, -2.0, "+1 (+50%)"),
        (0.5, 0.0, "+0.5"),
        (math.nan, 0.5, ""),
        (0.5, 0.5, "none"),
    ],
)
def test_changes_are_shown_with_their_sign_and_share(value: float, baseline: float, text: str) -> None:
    assert change_text(value, baseline) == text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: at_least("0.01"),  # a number in quotation marks may be meant as either
            "at_least('0.01'): expected a number such as -0.01, or a percentage such as \"-2%\".",
        ),
        (lambda: at_most("five %"), "at_most('five %'): expected a number such as -0.01, or a percentage such as \"-2%\"."),
        (lambda: at_most(True), 'at_most(True): expected a number such as -0.01, or a percentage such as "-2%".'),
        (lambda: at_most(math.nan), 'at_most(nan): expected a number such as -0.01, or a percentage such as "-2%".'),
        (lambda: at_least(-math.inf), 'at_least(-inf): expected a number such as -0.01, or a percentage such as "-2%".'),
        (lambda: within(-0.01), "within(-0.01): expected a tolerance of 0 or more."),
        (lambda: within("-5%"), "within('-5%'): expected a tolerance of 0 or more."),
        (
            lambda: within(0.1, at="best"),
            "within(..., at='best'): neither the highest nor the lowest value is the best one. Use at_least or at_most.",
        ),
        (
            lambda: at_least(at="bset"),
            "at_least(..., at='bset'): expected 'last', 'best' or the number of a step. Did you mean 'best'?",
        ),
        (lambda: at_most(at=True), "at_most(..., at=True): expected 'last', 'best' or the number of a step."),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_used_is_refused(make: Callable[[], Rule], message: str) -> None:
    with pytest.raises(BaselineError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (at_least(-0.01), "at_least(-0.01)"),
        (at_most(" +5 %", 2), "at_most(' +5 %', 2)"),
        (within(at=3), "within(at=3)"),
        (at_most(1e300, at="best"), "at_most(1e+300, at='best')"),
    ],
)
def test_a_rule_is_shown_as_it_is_written(rule: Rule, text: str) -> None:
    assert repr(rule) == text


@pytest.mark.parametrize(
    ("value", "found"),
    [(1, 1.0), (Decimal("0.1"), 0.1), ("1", None), (True, None), (None, None), (b"1", None), (10**400, math.inf)],
)
def test_what_is_a_number(value: Any, found: float | None) -> None:
    assert number(value) == found
