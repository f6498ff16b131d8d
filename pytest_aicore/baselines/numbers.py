"""Numbers as they are written: exact in comparisons, short in messages."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIGITS: Final = (4, 6, 9, 12, 17)


def number(value: Any) -> float | None:
    """Return a value as a float, None if it is not a number; it may be NaN or infinite.

    Args:
        value: anything, also a number of numpy, torch or `decimal`; texts and truth values are not numbers.
    """
    if isinstance(value, (str, bytes, bytearray, bool)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf
    except Exception:  # whatever the type of somebody else raises
        return None


def exact(value: float) -> Fraction:
    """Return a finite number as it is written: 0.1 is a tenth, so that 0.8 - 0.1 is 0.7.

    Args:
        value: the number.
    """
    return Fraction(repr(value))


def rounded(value: Fraction) -> float:
    """Return the nearest float; what is beyond all of them is infinite.

    Args:
        value: the exact number.
    """
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def number_texts(values: Sequence[float]) -> list[str]:
    """Return numbers with as few digits as show which of them differ.

    Args:
        values: those that are read together.
    """
    texts: list[str] = []
    for digits in _DIGITS:
        texts = [f"{value:.{digits}g}" for value in values]
        if len(set(texts)) == len({repr(value + 0.0) for value in values}):  # -0.0 is 0.0
            break
    return texts


def change_text(value: float, baseline: float) -> str:
    """Return how a value differs from its baseline: `-0.0222 (-2.6%)`; `none` if it does not.

    Args:
        value: it.
        baseline: what it was.
    """
    if value == baseline:
        return "none"
    if not (math.isfinite(value) and math.isfinite(baseline)):
        return ""
    difference = rounded(exact(value) - exact(baseline))
    if baseline == 0:
        return f"{difference:+.4g}"
    share = rounded((exact(value) - exact(baseline)) / abs(exact(baseline)) * 100)
    return f"{difference:+.4g} ({share:+.3g}%)"


__all__ = ["change_text", "exact", "number", "number_texts", "rounded"]
