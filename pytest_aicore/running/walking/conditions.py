"""The conditions of steps and tasks: `when`, in the language of govaluate, and `depends`.

Sources: argo-workflows 3.5, workflow/controller/steps.go (`shouldExecute`), dag.go and workflow/common/ancestry.go;
github.com/Knetic/govaluate 3.0, parsing.go and evaluationStage.go.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pytest_aicore.running.walking.values import ValueProblem, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class _Token(NamedTuple):
    kind: str
    value: Any


class _Unreadable(Exception):  # noqa: N818
    """A condition that cannot be read or evaluated; the message says why."""


_WHEN: Final = re.compile(
    r"\s*(?:(?P<number>[0-9.]+)"
    r"|'(?P<single>[^'\"\\]*(?:\\.[^'\"\\]*)*)['\"]"
    r"|\"(?P<double>[^'\"\\]*(?:\\.[^'\"\\]*)*)['\"]"
    r"|(?P<word>[^\W\d_]\w*)"
    r"|(?P<operator>==|!=|>=|<=|=~|!~|&&|\|\||[-+*/%<>!?:(),]))"
)
_LEVELS: Final = (("||",), ("&&",), ("==", "!=", "<", ">", "<=", ">=", "=~", "!~", "in"), ("+", "-"), ("*", "/", "%"))
"""What binds less stands before what binds more."""
_ORDERED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_ARITHMETIC: Final[Mapping[str, Callable[[float, float], float]]] = {
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": lambda left, right: left - right * int(left / right),  # the sign of the left, as Go's math.Mod
}


def is_true(when: str) -> bool:
    """Return what a `when` says, in which the tags are replaced.

    Words without quotes are strings; `5` is a number and `'5'` is not.

    Args:
        when: the condition.

    Raises:
        ValueProblem: it cannot be read or evaluated, or does not give a condition.
    """
    try:
        tokens = _tokens(when)
    except _Unreadable as error:
        raise ValueProblem(
            f"Invalid 'when' expression '{when}': {error} (hint: try wrapping the affected expression in quotes (\"))"
        ) from None
    try:
        value = _Parser(tokens).whole()
    except _Unreadable as error:
        raise ValueProblem(f"Invalid 'when' expression '{when}': {error}") from None
    if not isinstance(value, bool):
        shown = value if isinstance(value, str) else text_of(value)
        raise ValueProblem(f"Expected boolean evaluation for '{when}'. Got {shown}")
    return value


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _WHEN.match(text, position)
        if match is None:
            raise _Unreadable(f"Invalid token: '{text[position:].split()[0]}'")
        position = match.end()
        kind = match.lastgroup or ""
        value: Any = match[kind]
        if kind == "number":
            try:
                found.append(_Token("value", float(value)))
            except ValueError:
                raise _Unreadable(f"Unable to parse numeric value '{value}' to float64") from None
        elif kind in ("single", "double"):
            found.append(_Token("value", re.sub(r"\\(.)", r"\1", value)))
        elif kind == "word":
            found.append(_word(value))
        else:
            found.append(_Token("operator", value))
    return found


def _word(word: str) -> _Token:
    if word in ("in", "IN"):
        return _Token("operator", "in")
    return _Token("value", word == "true" if word in ("true", "false") else word)


class _Parser:
    """Reads and evaluates the tokens of a condition; both sides of `&&` and `||` must be readable, one may decide."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def whole(self) -> Any:
        value = self._choice()
        if self._at < len(self._tokens):
            raise _Unreadable(f"an operator is missing before '{self._tokens[self._at].value}'")
        return value()

    def _next_is(self, *operators: str) -> str | None:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind == "operator" and token.value in operators:
                self._at += 1
                return str(token.value)
        return None

    def _choice(self) -> Callable[[], Any]:
        condition = self._level(0)
        if self._next_is("?") is None:
            return condition
        first = self._choice()
        second = self._choice() if self._next_is(":") is not None else lambda: None
        return lambda: (first if _bool(condition()) else second)()

    def _level(self, number: int) -> Callable[[], Any]:
        if number == len(_LEVELS):
            return self._single()
        left = self._level(number + 1)
        while (sign := self._next_is(*_LEVELS[number])) is not None:
            left = _combined(sign, left, self._level(number + 1))
        return left

    def _single(self) -> Callable[[], Any]:
        if self._next_is("!") is not None:
            negated = self._single()
            return lambda: not _bool(negated())
        if self._next_is("-") is not None:
            number = self._single()
            return lambda: -_number(number())
        if self._next_is("(") is not None:
            return self._parenthesis()
        if self._at >= len(self._tokens):
            raise _Unreadable("Unexpected end of expression")
        token = self._tokens[self._at]
        if token.kind == "operator":
            raise _Unreadable(f"'{token.value}' has nothing on its left")
        self._at += 1
        return lambda: token.value

    def _parenthesis(self) -> Callable[[], Any]:
        inner = [self._choice()]
        while self._next_is(",") is not None:
            inner.append(self._choice())
        if self._next_is(")") is None:
            raise _Unreadable("Unbalanced parenthesis")
        return inner[0] if len(inner) == 1 else lambda: [each() for each in inner]


def _combined(sign: str, left: Callable[[], Any], right: Callable[[], Any]) -> Callable[[], Any]:
    if sign == "&&":
        return lambda: _bool(left()) and _bool(right())
    if sign == "||":
        return lambda: _bool(left()) or _bool(right())
    return lambda: _compared(sign, left(), right())


def _compared(sign: str, left: Any, right: Any) -> Any:
    if sign in ("==", "!="):
        return (type(left) is type(right) and left == right) is (sign == "==")
    if sign in _ORDERED:
        if not (_are(float, left, right) or _are(str, left, right)):
            raise _cannot(sign, left if isinstance(left, bool) or type(left) is not type(right) else right)
        return _ORDERED[sign](left, right)
    if sign in ("=~", "!~"):
        if not _are(str, left, right):
            raise _cannot(sign, left)
        return (re.search(right, left) is not None) is (sign == "=~")
    if sign == "in":
        if not isinstance(right, list):
            raise _cannot(sign, right)
        return any(type(left) is type(each) and left == each for each in right)
    if sign == "+" and (isinstance(left, str) or isinstance(right, str)):
        return text_of(left) + text_of(right)
    if sign == "+":
        return _number(left) + _number(right)
    divisor = _number(right)
    if sign in ("/", "%") and divisor == 0:
        raise _Unreadable(f"cannot divide by zero: '{sign}'")
    return _ARITHMETIC[sign](_number(left), divisor)


def _are(kind: type, *values: Any) -> bool:
    return all(type(value) is kind for value in values)


def _cannot(sign: str, value: Any) -> _Unreadable:
    return _Unreadable(f"Value '{text_of(value)}' cannot be used with the comparator '{sign}'")


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Unreadable(f"Value '{text_of(value)}' cannot be used with a logical operator, it is not a bool")
    return value


def _number(value: Any) -> float:
    if type(value) is not float:
        raise _Unreadable(f"Value '{text_of(value)}' cannot be used with the modifier, it is not a number")
    return value


# --- depends ------------------------------------------------------------------------------------------------

_DEPENDS: Final = re.compile(r"\s*(?:(?P<operator>&&|\|\||[!()])|(?P<task>[\w-]+)(?:\.(?P<result>\w+))?)")


def allows(depends: str, has: Callable[[str, str | None], bool]) -> bool:
    """Return what a `depends` says once all its tasks have ended.

    Args:
        depends: the expression.
        has: whether a task ended with a result (`Failed`), or as usual (None).

    Raises:
        ValueProblem: it cannot be read.
    """
    tokens: list[_Token] = []
    position, end = 0, len(depends.rstrip())
    while position < end:
        match = _DEPENDS.match(depends, position)
        if match is None:
            raise ValueProblem(f"Invalid 'depends' expression '{depends}'")
        position = match.end()
        task = match["task"]
        tokens.append(
            _Token("operator", match["operator"]) if task is None else _Token("value", has(task, match["result"]))
        )
    try:
        return _bool(_Parser(tokens).whole())
    except _Unreadable as error:
        raise ValueProblem(f"Invalid 'depends' expression '{depends}': {error}") from None


__all__ = ["allows", "is_true"]
