"""The functions of expr-lang, and those that Argo adds to it.

Sources: github.com/expr-lang/expr 1.15, builtin/builtin.go; argo-workflows 3.5, util/expr/env/env.go. Not among them
is what depends on the time, or is for numbers of Go's types alone.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from pytest_aicore.running.expressions.go import shown
from pytest_aicore.running.expressions.json_paths import at_path

_TYPE_NAMES: Final[Mapping[type, str]] = {
    type(None): "nil",
    bool: "bool",
    int: "int",
    float: "float",
    str: "string",
    list: "array",
    dict: "map",
}


def type_name(value: Any) -> str:
    """Return the name of a value's type, as expr-lang's `type` says it."""
    return _TYPE_NAMES.get(type(value), type(value).__name__)


def equal(left: Any, right: Any) -> bool:
    """Return whether two values are equal: numbers of any type are, a number and a text never."""
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return bool(left == right)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a string, got {type_name(value)}")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"expected an array, got {type_name(value)}")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"expected a number, got {type_name(value)}")
    return value


def as_int(value: Any) -> int:
    """Return a whole number: a text has to be one, a float loses its fraction."""
    if isinstance(value, str):
        if not value.strip() == value or "_" in value:
            raise ValueError(f'parsing "{value}": invalid syntax')
        return int(value)
    return int(_number(value))


def as_float(value: Any) -> float:
    """Return a number with a fraction."""
    return float(value) if isinstance(value, str) else float(_number(value))


def to_json(value: Any) -> str:
    """Return a value as compact JSON, with sorted keys, as Go's encoding/json."""
    return json.dumps(_whole(value), separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def _whole(value: Any) -> Any:
    """Return a value in which floats without a fraction are whole numbers, as Go writes them."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    return value


def _from_json(text: str) -> Any:
    return json.loads(_text(text), parse_int=float)


def _length(value: Any) -> int:
    if not isinstance(value, (str, list, dict)):
        raise TypeError(f"invalid argument for len (type {type_name(value)})")
    return len(value)


def _flat(values: tuple[Any, ...]) -> list[Any]:
    return [each for value in values for each in (value if isinstance(value, list) else [value])]


def _most(*values: Any) -> Any:
    return max(map(_number, _flat(values)))


def _least(*values: Any) -> Any:
    return min(map(_number, _flat(values)))


def _average(*values: Any) -> float:
    numbers = [_number(each) for each in _flat(values)]
    return float(sum(numbers)) / len(numbers) if numbers else 0.0


def _median(*values: Any) -> float:
    numbers = sorted(_number(each) for each in _flat(values))
    half = len(numbers) // 2
    if not numbers:
        return 0.0
    return float(numbers[half]) if len(numbers) % 2 else (numbers[half - 1] + numbers[half]) / 2


def _trim(text: str, characters: str = " \t\n\r\v\f") -> str:
    return _text(text).strip(characters)


def _split(text: str, separator: str, most: int = -1) -> list[str]:
    return _text(text).split(separator, most - 1 if most > 0 else -1) if separator else list(text)


def _replace(text: str, old: str, new: str, most: int = -1) -> str:
    return _text(text).replace(old, new, most)


def _join(items: list[str], separator: str = "") -> str:
    return separator.join(map(_text, _list(items)))


def _round(value: Any) -> float:
    return math.copysign(math.floor(abs(_number(value)) + 0.5), value)  # half away from zero


def _flatten(items: list[Any]) -> list[Any]:
    found: list[Any] = []
    for each in _list(items):
        found += _flatten(each) if isinstance(each, list) else [each]
    return found


def unique(items: list[Any]) -> list[Any]:
    """Return the items without those that are equal to an earlier one.

    Args:
        items: a list.
    """
    found: list[Any] = []
    for each in _list(items):
        if not any(equal(each, other) for other in found):
            found.append(each)
    return found


def _sort(items: list[Any], order: str = "asc") -> list[Any]:
    return sorted(_list(items), reverse=order == "desc")


def _get(owner: Any, key: Any) -> Any:
    if isinstance(owner, Mapping):
        return owner.get(key)
    return owner[key] if isinstance(owner, list) and -len(owner) <= key < len(owner) else None


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "abs": lambda value: abs(_number(value)),
    "asFloat": as_float,
    "asInt": as_int,
    "ceil": lambda value: float(math.ceil(_number(value))),
    "concat": lambda *values: [each for value in values for each in _list(value)],
    "first": lambda items: items[0] if _list(items) else None,
    "flatten": _flatten,
    "float": as_float,
    "floor": lambda value: float(math.floor(_number(value))),
    "fromBase64": lambda text: base64.b64decode(_text(text), validate=True).decode(),
    "fromJSON": _from_json,
    "fromPairs": lambda pairs: {str(key): value for key, value in _list(pairs)},
    "get": _get,
    "hasPrefix": lambda text, part: _text(text).startswith(part),
    "hasSuffix": lambda text, part: _text(text).endswith(part),
    "indexOf": lambda text, part: _text(text).find(part),
    "int": as_int,
    "join": _join,
    "jsonpath": lambda text, path: at_path(_text(text), _text(path)),
    "keys": lambda owner: sorted(owner.keys()),
    "last": lambda items: items[-1] if _list(items) else None,
    "lastIndexOf": lambda text, part: _text(text).rfind(part),
    "len": _length,
    "lower": lambda text: _text(text).lower(),
    "max": _most,
    "mean": _average,
    "median": _median,
    "min": _least,
    "repeat": lambda text, count: _text(text) * count,
    "replace": _replace,
    "reverse": lambda items: _list(items)[::-1],
    "round": _round,
    "sort": _sort,
    "split": _split,
    "string": shown,
    "take": lambda items, count: _list(items)[:count],
    "toBase64": lambda text: base64.b64encode(_text(text).encode()).decode(),
    "toJSON": to_json,
    "toJson": to_json,
    "toPairs": lambda owner: [[key, owner[key]] for key in sorted(owner)],
    "trim": _trim,
    "trimPrefix": lambda text, part=" ": _text(text).removeprefix(part),
    "trimSuffix": lambda text, part=" ": _text(text).removesuffix(part),
    "type": type_name,
    "uniq": unique,
    "upper": lambda text: _text(text).upper(),
    "values": lambda owner: [owner[key] for key in sorted(owner)],
}
"""The functions that take values."""


def _says(predicate: Callable[..., Any], item: Any, index: int) -> bool:
    answer = predicate(item, index)
    if not isinstance(answer, bool):
        raise TypeError(f"the predicate gives {type_name(answer)}, not a bool")
    return answer


def _hits(items: Any, predicate: Callable[..., Any]) -> list[tuple[int, Any]]:
    return [(index, item) for index, item in enumerate(_list(items)) if _says(predicate, item, index)]


def _map(items: Any, predicate: Callable[..., Any]) -> list[Any]:
    return [predicate(item, index) for index, item in enumerate(_list(items))]


def _itself(item: Any, index: int) -> Any:
    del index
    return item


def _sum(items: Any, predicate: Callable[..., Any] = _itself) -> Any:
    return sum(map(_number, _map(items, predicate)))


def _count(items: Any, predicate: Callable[..., Any] = _itself) -> int:
    return len(_hits(items, predicate))


def _group_by(items: Any, predicate: Callable[..., Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for index, item in enumerate(_list(items)):
        found.setdefault(predicate(item, index), []).append(item)
    return found


def _sort_by(items: Any, predicate: Callable[..., Any], order: str = "asc") -> list[Any]:
    order_of = [predicate(item, index) for index, item in enumerate(_list(items))]
    places = sorted(range(len(order_of)), key=order_of.__getitem__, reverse=order == "desc")
    return [items[place] for place in places]


def _reduce(items: Any, predicate: Callable[..., Any], *start: Any) -> Any:
    remaining = list(enumerate(_list(items)))
    collected = start[0] if start else remaining.pop(0)[1]
    for index, item in remaining:
        collected = predicate(item, index, collected)
    return collected


PREDICATES: Final[Mapping[str, Callable[..., Any]]] = {
    "all": lambda items, predicate: len(_hits(items, predicate)) == len(items),
    "any": lambda items, predicate: bool(_hits(items, predicate)),
    "count": _count,
    "filter": lambda items, predicate: [item for _, item in _hits(items, predicate)],
    "find": lambda items, predicate: next((item for _, item in _hits(items, predicate)), None),
    "findIndex": lambda items, predicate: next((index for index, _ in _hits(items, predicate)), -1),
    "findLast": lambda items, predicate: next((item for _, item in reversed(_hits(items, predicate))), None),
    "findLastIndex": lambda items, predicate: next((index for index, _ in reversed(_hits(items, predicate))), -1),
    "groupBy": _group_by,
    "map": _map,
    "none": lambda items, predicate: not _hits(items, predicate),
    "one": lambda items, predicate: len(_hits(items, predicate)) == 1,
    "reduce": _reduce,
    "sortBy": _sort_by,
    "sum": _sum,
}
"""The functions whose second argument is evaluated for each item."""


__all__ = ["FUNCTIONS", "PREDICATES", "as_float", "as_int", "equal", "to_json", "type_name", "unique"]
