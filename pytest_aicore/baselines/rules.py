"""Rules: how far a value may be from its baseline, and in which direction."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Literal

from pytest_aicore.baselines.numbers import exact, number, rounded
from pytest_aicore.errors import BaselineError, did_you_mean, our_message

if TYPE_CHECKING:
    from collections.abc import Sequence

__tracebackhide__ = our_message

Kind = Literal["at_least", "at_most", "within"]
LAST: Final = "last"
BEST: Final = "best"
_PERCENT = re.compile(r"\s*([+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30}))\s*%\s*")
_EXPECTED: Final = 'expected a number such as -0.01, or a percentage such as "-2%"'


@dataclass(frozen=True, slots=True)
class _Change:
    """A difference from the baseline.

    Attributes:
        amount: the difference, or the share of the baseline.
        is_share: whether it is a share.
        text: as it was written.
    """

    amount: Fraction
    is_share: bool
    text: str

    def of(self, whole: Fraction) -> Fraction:
        """Return the difference; the share of a negative number is as large as that of the positive one."""
        return self.amount * abs(whole) if self.is_share else self.amount


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a rule allows.

    Attributes:
        lowest: the lowest value, None for no such limit.
        highest: the highest value, None for no such limit.
    """

    lowest: Fraction | None
    highest: Fraction | None

    def hold(self, value: float) -> bool:
        """Return whether a value is allowed; NaN and infinite ones never are.

        Args:
            value: it.
        """
        if not math.isfinite(value):
            return False
        number = exact(value)
        return (self.lowest is None or number >= self.lowest) and (self.highest is None or number <= self.highest)

    @property
    def floats(self) -> tuple[float | None, float | None]:
        """Both limits as floats."""
        return (
            None if self.lowest is None else rounded(self.lowest),
            None if self.highest is None else rounded(self.highest),
        )


@dataclass(frozen=True, repr=False)
class Rule:
    """What `at_least`, `at_most` and `within` return.

    Attributes:
        kind: the name of that function.
        changes: how far the value may be from its baseline; the largest counts.
        at: which of a metric's values is meant: `last`, `best`, or that of a step.
    """

    kind: Kind
    changes: tuple[_Change, ...]
    at: str | int = LAST

    def __repr__(self) -> str:
        """Return it as it is written."""
        at = [] if self.at == LAST else [f"at={self.at!r}"]
        return f"{self.kind}({', '.join([*(change.text for change in self.changes), *at])})"

    @property
    def uses_share(self) -> bool:
        """Whether it only allows a share of the baseline, which is nothing if the baseline is zero."""
        return bool(self.changes) and all(change.is_share for change in self.changes)

    def bounds(self, baseline: float, whole: float | None = None) -> Bounds:
        """Return what the rule allows.

        Args:
            baseline: the value of the baseline, finite.
            whole: what percentages are of; without it the baseline.
        """
        middle = exact(baseline)
        of = middle if whole is None else exact(whole)
        changes = [change.of(of) for change in self.changes] or [Fraction(0)]
        if self.kind == "at_least":
            return Bounds(middle + min(changes), None)
        if self.kind == "at_most":
            return Bounds(None, middle + max(changes))
        return Bounds(middle - max(changes), middle + max(changes))


def at_least(*changes: float | str, at: str | int = LAST) -> Rule:
    """Return a rule for a value of which more is better: it must be at least the baseline plus a change.

    Args:
        changes: the change, usually negative: `-0.01`, or `"-2%"` of the baseline. Of several the one that allows
            most counts. Without one the value must not be lower than the baseline.
        at: which value of a metric that was logged several times: `"last"`, `"best"` (the highest) or a step.

    Raises:
        BaselineError: a change or `at` cannot be used.
    """
    return Rule("at_least", _changes("at_least", changes), _at("at_least", at))


def at_most(*changes: float | str, at: str | int = LAST) -> Rule:
    """Return a rule for a value of which less is better: it must be at most the baseline plus a change.

    Args:
        changes: the change, usually positive: `0.02`, or `"+5%"` of the baseline. Of several the one that allows most
            counts. Without one the value must not be higher than the baseline.
        at: which value of a metric that was logged several times: `"last"`, `"best"` (the lowest) or a step.

    Raises:
        BaselineError: a change or `at` cannot be used.
    """
    return Rule("at_most", _changes("at_most", changes), _at("at_most", at))


def within(*tolerances: float | str, at: str | int = LAST) -> Rule:
    """Return a rule for a value that must stay what it was: it must be within a tolerance of the baseline.

    Args:
        tolerances: 0 or more: `0.01`, or `"5%"` of the baseline. The largest counts. Without one the value must be the
            baseline's.
        at: which value of a metric that was logged several times: `"last"` or a step.

    Raises:
        BaselineError: a tolerance or `at` cannot be used.
    """
    if at == BEST:
        raise BaselineError(
            "within(..., at='best'): neither the highest nor the lowest value is the best one. Use at_least or at_most."
        )
    changes = _changes("within", tolerances)
    for change in changes:
        if change.amount < 0:
            raise BaselineError(f"within({change.text}): expected a tolerance of 0 or more.")
    return Rule("within", changes, _at("within", at))


def _changes(kind: Kind, given: Sequence[Any]) -> tuple[_Change, ...]:
    return tuple(_change(kind, each) for each in given)


def _change(kind: Kind, given: Any) -> _Change:
    if isinstance(given, str):
        percent = _PERCENT.fullmatch(given)
        if percent is None:
            raise BaselineError(f"{kind}({given!r}): {_EXPECTED}.")
        return _Change(Fraction(percent[1]) / 100, is_share=True, text=repr(given))
    amount = number(given)
    if amount is None or not math.isfinite(amount):
        raise BaselineError(f"{kind}({given!r}): {_EXPECTED}.")
    return _Change(exact(amount), is_share=False, text=repr(amount).removesuffix(".0"))


def _at(kind: Kind, given: Any) -> str | int:
    if given in (LAST, BEST) or (isinstance(given, int) and not isinstance(given, bool)):
        return given  # type: ignore[no-any-return]
    hint = did_you_mean(given, (LAST, BEST)) if isinstance(given, str) else ""
    raise BaselineError(f"{kind}(..., at={given!r}): expected 'last', 'best' or the number of a step.{hint}")


__all__ = ["BEST", "LAST", "Bounds", "Rule", "at_least", "at_most", "within"]
