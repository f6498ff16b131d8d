"""Values and regular expressions as Go writes and reads them.

Sources: Go's fmt and strconv (`%v`, ftoa.go), and github.com/google/re2, wiki page "Syntax".
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

_SMALLEST_PLAIN: Final = -4
_LARGEST_PLAIN: Final = 6
"""Between these powers of ten `%v` writes a float without an exponent (Go, strconv/ftoa.go, `%g`)."""
_NOT_IN_RE2: Final = re.compile(r"\(\?(?:[=!]|<[=!]|\(|>|P[=>])|\\[1-9]|[*+?}]\+")
"""Look-around, back references and possessive repetition."""


def shown(value: Any) -> str:
    """Return a value as Go's `%v` writes it: `[1 2]`, `map[a:1]`, `<nil>`.

    Args:
        value: a plain one.
    """
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, (list, tuple)):
        return f"[{' '.join(map(shown, value))}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{shown(key)}:{shown(value[key])}' for key in sorted(value))}]"
    return str(value)


def _float(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    power = len(digits) - 1 + int(exponent)
    if _SMALLEST_PLAIN <= power < _LARGEST_PLAIN:
        text = f"{Decimal(repr(value)):f}"
        return text.removesuffix(".0")
    written = "".join(map(str, digits))
    fraction = f".{written[1:]}" if len(written) > 1 else ""
    return f"{'-' if sign else ''}{written[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02d}"


@lru_cache(maxsize=128)
def pattern(text: str) -> re.Pattern[str]:
    """Return a regular expression of Go.

    Args:
        text: the expression.

    Raises:
        ValueError: it is none, or Python would read it otherwise.
    """
    if _NOT_IN_RE2.search(re.sub(r"\\\\", "", text)):
        raise ValueError(f"error parsing regexp: {text}: Go has no such syntax")
    return _compiled(text)


def _compiled(text: str) -> re.Pattern[str]:
    written: list[str] = []
    in_class = False
    has_lines = re.match(r"\(\?[a-zA-Z]*m", text) is not None
    position = 0
    while position < len(text):
        piece = text[position : position + 2] if text[position] == "\\" else text[position]
        position += len(piece)
        if piece == "[" and not in_class:
            in_class = True
            if text[position : position + 1] in ("^", "]"):
                piece += text[position]
                position += 1
        elif piece == "]" and in_class:
            in_class = False
        elif piece == "\\z" or (piece == "$" and not in_class and not has_lines):
            piece = r"\Z"  # Python's `$` also matches before a newline at the end
        written.append(piece)
    try:
        return re.compile("".join(written), re.ASCII)
    except re.error as error:
        raise ValueError(f"error parsing regexp: {text}: {error}") from None


__all__ = ["pattern", "shown"]
