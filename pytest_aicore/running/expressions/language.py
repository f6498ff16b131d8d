"""Reads expressions, and evaluates them.

Source: github.com/expr-lang/expr 1.15, docs/language-definition.md, parser/parser.go and vm/runtime/runtime.go.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from pytest_aicore.errors import did_you_mean
from pytest_aicore.running.expressions.functions import FUNCTIONS, PREDICATES, equal, type_name
from pytest_aicore.running.expressions.go import pattern
from pytest_aicore.running.expressions.problems import EvaluationProblem, NothingThere, SyntaxProblem
from pytest_aicore.running.expressions.sprig import SPRIG

Path: TypeAlias = "tuple[str, ...]"
"""A name with what is asked of it: `("steps", "a", "outputs", "result")`."""


@dataclass(frozen=True, slots=True)
class _Around:
    """What an expression sees while it is evaluated: the names, and in a predicate the item."""

    names: Mapping[str, Any]
    item: Any = None
    index: int = 0
    collected: Any = None


_Value: TypeAlias = "Callable[[_Around], Any]"


class Expression(NamedTuple):
    """An expression that was read.

    Attributes:
        text: how it is written.
        paths: the names that it uses from outside, each with what is asked of it, as far as that is written out.
        value: its value, computed from those names.
    """

    text: str
    paths: frozenset[Path]
    value: Callable[[Mapping[str, Any]], Any]


@lru_cache(maxsize=512)
def read(text: str) -> Expression:
    """Return an expression.

    Args:
        text: without braces around it.

    Raises:
        SyntaxProblem: it cannot be read, or it uses a function that is not known here.
    """
    reader = _Reader(_tokens(text))
    try:
        value = reader.whole()
    except RecursionError:
        raise SyntaxProblem("it is nested too deeply") from None
    return Expression(text, frozenset(reader.paths), lambda names: value(_Around(names)))


# --- tokens -------------------------------------------------------------------------------------------------


class _Token(NamedTuple):
    kind: str
    value: Any


_TOKEN: Final = re.compile(
    r"(?:\s+|//[^\n]*|/\*.*?\*/)*(?:"
    r"(?P<number>0[xX][0-9a-fA-F_]+|(?:\d[\d_]*(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`)"
    r"|(?P<name>[A-Za-z_$][\w$]*)"
    r"|(?P<sign>\?\.|\?\?|\*\*|\.\.|==|!=|<=|>=|&&|\|\||[-+*/%^<>!?:.,()\[\]{}|#;=])"
    r"|(?P<other>\S)|$)",
    re.DOTALL,
)
_WORDS: Final = {"and": "&&", "or": "||", "not": "!"}
_SIGNS: Final = frozenset({"in", "matches", "contains", "startsWith", "endsWith"})
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-7]{3})|(.))", re.DOTALL)


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    position = 0
    while True:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            return [*found, _Token("end", "")]
        position = match.end()
        written = match[match.lastgroup]
        if match.lastgroup == "other":
            raise SyntaxProblem(
                f"the quotation mark {written} is not closed" if written in "'\"`" else f"`{written}` is not allowed"
            )
        if match.lastgroup == "number":
            found.append(_Token("value", _number(written.replace("_", ""))))
        elif match.lastgroup == "text":
            inner = written[1:-1]
            found.append(_Token("value", inner if written[0] == "`" else _ESCAPE.sub(_unescaped, inner)))
        elif written in _SIGNS or written in _WORDS:
            found.append(_Token("sign", _WORDS.get(written, written)))
        else:
            found.append(_Token(match.lastgroup, written))


def _number(written: str) -> int | float:
    if written[:2] in ("0x", "0X"):
        return int(written, 16)
    return int(written) if written.isdigit() else float(written)


def _unescaped(found: re.Match[str]) -> str:
    code = found[1] or found[2] or found[3]
    if code:
        return chr(int(code, 16))
    return chr(int(found[4], 8)) if found[4] else _ESCAPES.get(found[5], found[5])


# --- reading ------------------------------------------------------------------------------------------------

_LEVELS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("||",), 10),
    **dict.fromkeys(("&&",), 15),
    **dict.fromkeys(("==", "!=", "<", ">", "<=", ">=", *_SIGNS), 20),
    "..": 25,
    **dict.fromkeys(("+", "-"), 30),
    **dict.fromkeys(("*", "/", "%"), 60),
    **dict.fromkeys(("**", "^"), 100),
    "??": 500,
}
"""How much each operator binds."""
_NOT: Final = 50
_SIGNED: Final = 90
_MOST_ITEMS: Final = 1_000_000
"""How many a range may have (expr, vm/vm.go, `MemoryBudget`)."""
_CONSTANTS: Final[Mapping[str, Any]] = {"true": True, "false": False, "nil": None}
_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}


class _Reader:
    """Makes functions of tokens, and notes which names they need."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.paths: set[Path] = set()
        self._tokens = tokens
        self._at = 0
        self._predicates = 0

    def whole(self) -> _Value:
        """Return the value of all tokens."""
        value = self._expression()
        if self._token.kind != "end":
            raise SyntaxProblem(f"`{self._token.value}` is not allowed there")
        return value

    @property
    def _token(self) -> _Token:
        return self._tokens[self._at]

    def _takes(self, *signs: str) -> str | None:
        token = self._token
        if token.kind == "sign" and token.value in signs:
            self._at += 1
            return str(token.value)
        return None

    def _needs(self, sign: str) -> None:
        if self._takes(sign) is None:
            raise SyntaxProblem(f"`{sign}` is missing{self._before}")

    @property
    def _before(self) -> str:
        return " at the end" if self._token.kind == "end" else f" before `{self._token.value}`"

    def _expression(self) -> _Value:
        value = self._operation(0)
        while self._takes("|") is not None:
            value = self._piped(value)
        if self._takes("?") is None:
            return value
        if self._takes(":") is not None:
            return _chosen(value, value, self._expression())
        first = self._expression()
        self._needs(":")
        return _chosen(value, first, self._expression())

    def _piped(self, value: _Value) -> _Value:
        name = self._name()
        self._needs("(")
        return self._after(self._call(name, (value,)))

    def _name(self) -> str:
        token = self._token
        if token.kind not in ("name",) and token.value not in _SIGNS:
            raise SyntaxProblem(f"a name is missing{self._before}")
        self._at += 1
        return str(token.value)

    def _operation(self, least: int) -> _Value:
        value = self._signed()
        while True:
            token = self._token
            is_negated = token == ("sign", "!") and self._tokens[self._at + 1].value in _SIGNS
            sign = self._tokens[self._at + 1].value if is_negated else token.value
            level = _LEVELS.get(sign, -1) if token.kind == "sign" else -1
            if level < least or level < 0:
                return value
            self._at += 2 if is_negated else 1
            right = self._operation(level if sign in ("**", "^") else level + 1)
            value = _combined(sign, value, right)
            if is_negated:
                value = _negated(value)

    def _signed(self) -> _Value:
        if self._takes("!") is not None:
            return _negated(self._operation(_NOT))
        sign = self._takes("-", "+")
        if sign is not None:
            inner = self._operation(_SIGNED)
            return lambda around: _as_number(inner(around), sign) * (-1 if sign == "-" else 1)
        return self._after(self._primary())

    def _primary(self) -> _Value:
        token = self._token
        self._at += 1
        if token.kind == "value":
            return _constant(token.value)
        if token.kind == "name":
            return self._named(token.value)
        if token.value == "(":
            value = self._expression()
            self._needs(")")
            return value
        if token.value == "[":
            items = self._list("]")
            return lambda around: [item(around) for item in items]
        if token.value == "{":
            return self._map()
        if token.value in ("#", ".") and token.kind == "sign":
            return self._of_predicate(token.value)
        self._at -= 1
        raise SyntaxProblem(f"a value is missing{self._before}")

    def _of_predicate(self, sign: str) -> _Value:
        if not self._predicates:
            raise SyntaxProblem(f"`{sign}` means an item, and there is none")
        if sign == ".":
            name = self._name()
            return lambda around: _member(around.item, name)
        if self._token == ("name", "index"):
            self._at += 1
            return lambda around: around.index
        if self._token == ("name", "acc"):
            self._at += 1
            return lambda around: around.collected
        return lambda around: around.item

    def _named(self, name: str) -> _Value:
        if name in _CONSTANTS:
            return _constant(_CONSTANTS[name])
        if name == "sprig" and self._takes(".") is not None:
            function = self._name()
            self._needs("(")
            return self._call(f"sprig.{function}")
        if self._takes("(") is not None:
            return self._call(name)
        if name == "let":
            raise SyntaxProblem("`let` is not known here")
        self.paths.add(self._path(name))
        return lambda around: _variable(around.names, name)

    def _path(self, name: str) -> Path:
        """Return the path that begins with a name, without taking its tokens."""
        path = [name]
        at = self._at
        while True:
            one, two, three = (self._tokens[min(at + ahead, len(self._tokens) - 1)] for ahead in range(3))
            if one.value in (".", "?.") and one.kind == "sign" and two.kind == "name":
                path.append(two.value)
                at += 2
            elif one == ("sign", "[") and two.kind == "value" and isinstance(two.value, str) and three.value == "]":
                path.append(two.value)
                at += 3
            else:
                return tuple(path)

    def _after(self, value: _Value) -> _Value:
        """Return what is asked of a value, by `.name`, `?.name` or `[...]`."""
        may_be_nil = False
        while (sign := self._takes(".", "?.", "[")) is not None:
            may_be_nil = may_be_nil or sign == "?."
            if sign != "[":
                if sign == "?." and self._takes("[") is not None:
                    value = self._indexed(value)
                else:
                    value = _get(value, self._name(), may_be_nil=sign == "?.")
            else:
                value = self._indexed(value)
        return _nil_at_the_end(value) if may_be_nil else value

    def _indexed(self, value: _Value) -> _Value:
        first = None if self._token == ("sign", ":") else self._expression()
        if self._takes(":") is None:
            self._needs("]")
            if first is None:
                raise SyntaxProblem(f"an index is missing{self._before}")
            return lambda around: _member(value(around), first(around))
        last = None if self._token == ("sign", "]") else self._expression()
        self._needs("]")
        return lambda around: _slice(
            value(around), None if first is None else first(around), None if last is None else last(around)
        )

    def _list(self, closing: str) -> list[_Value]:
        items: list[_Value] = []
        while self._takes(closing) is None:
            items.append(self._expression())
            if self._takes(",") is None:
                self._needs(closing)
                break
        return items

    def _map(self) -> _Value:
        pairs: list[tuple[_Value, _Value]] = []
        while self._takes("}") is None:
            pairs.append(self._pair())
            if self._takes(",") is None:
                self._needs("}")
                break
        return lambda around: {str(key(around)): value(around) for key, value in pairs}

    def _pair(self) -> tuple[_Value, _Value]:
        token = self._token
        self._at += 1
        key: _Value
        if token.kind in ("name", "value") or token.value in _SIGNS:
            key = _constant(token.value)
        elif token.value == "(":
            key = self._expression()
            self._needs(")")
        else:
            self._at -= 1
            raise SyntaxProblem(f"a key is missing{self._before}")
        self._needs(":")
        return key, self._expression()

    def _call(self, name: str, first: tuple[_Value, ...] = ()) -> _Value:
        """Return the value of a function, behind whose opening parenthesis the tokens stand."""
        if name in PREDICATES:
            return self._over_items(name, first)
        function = SPRIG.get(name[6:]) if name.startswith("sprig.") else FUNCTIONS.get(name)
        if function is None:
            known = [*FUNCTIONS, *PREDICATES, *(f"sprig.{each}" for each in SPRIG)]
            raise SyntaxProblem(f"the function `{name}` is not known here.{did_you_mean(name, known)}".rstrip("."))
        arguments = [*first, *self._list(")")]
        try:
            inspect.signature(function).bind(*arguments)
        except TypeError as error:
            raise SyntaxProblem(f"`{name}` is called with arguments that do not fit: {error}") from None
        return lambda around: _applied(name, function, [argument(around) for argument in arguments])

    def _over_items(self, name: str, first: tuple[_Value, ...]) -> _Value:
        items = first[0] if first else self._expression()
        arguments: list[_Value] = []
        if not first and self._takes(",") is None:
            self._needs(")")
        elif self._takes(")") is None:
            arguments.append(self._predicate())
            if self._takes(",") is not None:
                arguments += self._list(")")
            else:
                self._needs(")")
        function = PREDICATES[name]
        try:
            inspect.signature(function).bind(items, *arguments)
        except TypeError as error:
            raise SyntaxProblem(f"`{name}` is called with arguments that do not fit: {error}") from None

        def value(around: _Around) -> Any:
            def over(item: Any, index: int = 0, collected: Any = None) -> Any:
                return arguments[0](replace(around, item=item, index=index, collected=collected))

            others = [argument(around) for argument in arguments[1:]]
            return _applied(name, function, [items(around), *([over] if arguments else []), *others])

        return value

    def _predicate(self) -> _Value:
        self._predicates += 1
        has_braces = self._takes("{") is not None
        value = self._expression()
        if has_braces:
            self._needs("}")
        self._predicates -= 1
        return value


# --- evaluating ---------------------------------------------------------------------------------------------


class _Nil:
    """What follows `?.` on nil: nil, whatever else is asked of it."""


_NIL: Final = _Nil()


def _constant(value: Any) -> _Value:
    def found(around: _Around) -> Any:
        del around
        return value

    return found


def _variable(names: Mapping[str, Any], name: str) -> Any:
    if name not in names:
        raise EvaluationProblem(f"unknown name {name}")
    return names[name]


def _get(value: _Value, name: str, *, may_be_nil: bool) -> _Value:
    def found(around: _Around) -> Any:
        owner = value(around)
        return _NIL if owner is None and may_be_nil else _member(owner, name)

    return found


def _nil_at_the_end(value: _Value) -> _Value:
    def found(around: _Around) -> Any:
        inner = value(around)
        return None if inner is _NIL else inner

    return found


def _member(owner: Any, key: Any) -> Any:
    if owner is _NIL:
        return _NIL
    if owner is None:
        raise NothingThere(f"cannot fetch {key} from <nil>")
    if isinstance(owner, Mapping):
        return owner.get(key)
    if isinstance(owner, (list, str)) and _is_number(key) and float(key).is_integer():
        index = int(key)
        if not -len(owner) <= index < len(owner):
            raise EvaluationProblem(f"index out of range: {index} (array length is {len(owner)})")
        return owner[index]
    raise EvaluationProblem(f"cannot fetch {key} from {type_name(owner)}")


def _slice(owner: Any, first: Any, last: Any) -> Any:
    if not isinstance(owner, (list, str)):
        raise EvaluationProblem(f"cannot slice {type_name(owner)}")
    bounds = [None if each is None else int(_as_number(each, "[:]")) for each in (first, last)]
    return owner[bounds[0] : bounds[1]]


def _chosen(condition: _Value, first: _Value, second: _Value) -> _Value:
    return lambda around: (first if _as_bool(condition(around), "?:") else second)(around)


def _negated(value: _Value) -> _Value:
    return lambda around: not _as_bool(value(around), "!")


def _combined(sign: str, left: _Value, right: _Value) -> _Value:
    if sign == "&&":
        return lambda around: _as_bool(left(around), sign) and _as_bool(right(around), sign)
    if sign == "||":
        return lambda around: _as_bool(left(around), sign) or _as_bool(right(around), sign)
    if sign == "??":
        return lambda around: _or_else(left, right, around)
    return lambda around: _applied(sign, _OPERATORS[sign], [left(around), right(around)])


def _or_else(left: _Value, right: _Value, around: _Around) -> Any:
    """Return the left value unless it is nil; newer versions of Argo take what is not there for nil."""
    try:
        value = left(around)
    except NothingThere:
        value = None
    return right(around) if value is None else value


def _applied(name: str, function: Callable[..., Any], arguments: list[Any]) -> Any:
    try:
        return function(*arguments)
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise EvaluationProblem(f"{name}: {error}") from None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _as_bool(value: Any, sign: str) -> bool:
    if not isinstance(value, bool):
        raise EvaluationProblem(f"invalid operation: {sign} of {type_name(value)}")
    return value


def _as_number(value: Any, sign: str) -> Any:
    if not _is_number(value):
        raise EvaluationProblem(f"invalid operation: {sign} of {type_name(value)}")
    return value


def _numbers(function: Callable[[Any, Any], Any], sign: str) -> Callable[[Any, Any], Any]:
    return lambda left, right: function(_as_number(left, sign), _as_number(right, sign))


def _ordered(function: Callable[[Any, Any], bool], sign: str) -> Callable[[Any, Any], bool]:
    def compared(left: Any, right: Any) -> bool:
        if isinstance(left, str) and isinstance(right, str):
            return function(left.encode(), right.encode())
        return function(_as_number(left, sign), _as_number(right, sign))

    return compared


def _added(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if _is_number(left) and _is_number(right):
        return left + right
    raise TypeError(f"invalid operation: {type_name(left)} + {type_name(right)}")


def _range(first: int, last: int) -> list[int]:
    if last - first > _MOST_ITEMS:
        raise ValueError("memory budget exceeded")
    return list(range(int(first), int(last) + 1))


def _is_in(item: Any, owner: Any) -> bool:
    if owner is None:
        return False
    if isinstance(owner, Mapping):
        return item in owner
    if isinstance(owner, list):
        return any(equal(item, each) for each in owner)
    raise TypeError(f'operator "in" not defined on {type_name(owner)}')


def _texts(function: Callable[[str, str], bool], sign: str) -> Callable[[Any, Any], bool]:
    def compared(left: Any, right: Any) -> bool:
        if not (isinstance(left, str) and isinstance(right, str)):
            raise TypeError(f"invalid operation: {type_name(left)} {sign} {type_name(right)}")
        return function(left, right)

    return compared


_OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    "<": _ordered(lambda left, right: left < right, "<"),
    ">": _ordered(lambda left, right: left > right, ">"),
    "<=": _ordered(lambda left, right: left <= right, "<="),
    ">=": _ordered(lambda left, right: left >= right, ">="),
    "in": _is_in,
    "matches": _texts(lambda left, right: pattern(right).search(left) is not None, "matches"),
    "contains": _texts(lambda left, right: right in left, "contains"),
    "startsWith": _texts(str.startswith, "startsWith"),
    "endsWith": _texts(str.endswith, "endsWith"),
    "..": _numbers(_range, ".."),
    "+": _added,
    "-": _numbers(lambda left, right: left - right, "-"),
    "*": _numbers(lambda left, right: left * right, "*"),
    "/": _numbers(lambda left, right: left / right, "/"),
    "%": _numbers(lambda left, right: int(math.fmod(left, right)), "%"),
    "**": _numbers(lambda left, right: float(left) ** float(right), "**"),
    "^": _numbers(lambda left, right: float(left) ** float(right), "^"),
}


__all__ = ["Expression", "Path", "read"]
