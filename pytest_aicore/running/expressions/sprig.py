"""The functions of sprig that depend on nothing but their arguments.

Source: github.com/Masterminds/sprig 3.2, functions.go and docs/. Most take what does not fit for a zero value. Not
among them: what depends on time, chance or network, and cryptography.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pytest_aicore.running.expressions.functions import equal, to_json, unique
from pytest_aicore.running.expressions.go import pattern, shown


def _int(value: Any) -> int:
    """Return a whole number; what is none counts as 0 (github.com/spf13/cast, `ToInt64`)."""
    if isinstance(value, str):
        return int(value, 0) if re.fullmatch(r"[-+]?(0|[1-9]\d*|0[xX][0-9a-fA-F]+|0[0-7]+)", value) else 0
    return int(value) if isinstance(value, (bool, int, float)) else 0


def _float(value: Any) -> float:
    try:
        return float(value) if isinstance(value, (bool, int, float, str)) else 0.0
    except ValueError:
        return 0.0


def _is_empty(value: Any) -> bool:
    return value is None or value is False or (not isinstance(value, bool) and value in (0, "", [], {}))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("expected a list")
    return value


def _texts(value: Any) -> list[str]:
    return [shown(each) for each in value if each is not None] if isinstance(value, list) else [shown(value)]


def _words(text: str) -> list[str]:
    """Return the words of a name in any case: `fooBar_baz` has three."""
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", text)


def _title(text: str) -> str:
    return re.sub(r"(^|\s)(\S)", lambda found: found[1] + found[2].upper(), text)


def _untitle(text: str) -> str:
    return re.sub(r"(^|\s)(\S)", lambda found: found[1] + found[2].lower(), text)


def _camel(text: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[_\s-]+", text))


def _trunc(count: int, text: str) -> str:
    if count < 0:
        return text[count:] if len(text) + count > 0 else text
    return text[:count]


def _substr(start: int, end: int, text: str) -> str:
    if start < 0:
        return text[:end]
    return text[start:] if end < 0 or end > len(text) else text[start:end]


def _indent(count: int, text: str) -> str:
    pad = " " * count
    return pad + text.replace("\n", f"\n{pad}")


def _quote(mark: str, values: tuple[Any, ...]) -> str:
    def one(value: Any) -> str:
        return json.dumps(shown(value), ensure_ascii=False) if mark == '"' else f"'{shown(value)}'"

    return " ".join(one(value) for value in values if value is not None)


def _cat(*values: Any) -> str:
    return " ".join(shown(value) for value in values if value is not None)


def _split(separator: str, text: str) -> dict[str, str]:
    return {f"_{index}": part for index, part in enumerate(text.split(separator))}


def _go_template(text: str) -> str:
    """Return the replacement of a regular expression as Python writes it: `${1}` is `\\g<1>`."""
    text = text.replace("\\", "\\\\")
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda found: f"\\g<{found[1] or found[2]}>", text)


def _regex_find(text: str, where: str) -> str:
    found = pattern(text).search(where)
    return found[0] if found else ""


def _regex_find_all(text: str, where: str, most: int) -> list[str]:
    found = [match[0] for match in pattern(text).finditer(where)]
    return found if most < 0 else found[:most]


def _regex_split(text: str, where: str, most: int) -> list[str]:
    if most == 0:
        return []
    parts: list[str] = []
    begin = 0
    for match in pattern(text).finditer(where):
        if 0 < most == len(parts) + 1:
            break
        parts.append(where[begin : match.start()])
        begin = match.end()
    return [*parts, where[begin:]]


def _div(left: Any, right: Any) -> int:
    return int(_int(left) / _int(right)) if abs(_int(left)) < 1 << 52 else _int(left) // _int(right)


def _product(*values: Any) -> int:
    return math.prod(map(_int, values))


def _round(value: Any, places: int, half: float = 0.5) -> float:
    """Return a rounded number (sprig, numeric.go, `round`)."""
    scale = 10.0**places
    scaled = scale * _float(value)
    fraction = math.fmod(scaled, 1.0)
    return (math.ceil(scaled) if fraction >= half else math.floor(scaled)) / scale


def _until_step(start: int, stop: int, step: int) -> list[int]:
    if step == 0 or (stop < start) is not (step < 0):
        return []
    return list(range(start, stop, step))


def _seq(*numbers: int) -> str:
    if not numbers:
        return ""
    start, step, end = (1, 1, numbers[0]) if len(numbers) == 1 else (numbers[0], 1, numbers[-1])
    step = numbers[1] if len(numbers) == 3 else (1 if end >= start else -1)
    return " ".join(map(str, _until_step(start, end + (1 if step > 0 else -1), step)))


def _default(fallback: Any, *given: Any) -> Any:
    return fallback if not given or _is_empty(given[0]) else given[0]


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if not _is_empty(value)), None)


def _from_json(text: str) -> Any:
    try:
        return json.loads(text, parse_int=float)
    except ValueError:
        return None


def _decoded(decode: Callable[[bytes], bytes]) -> Callable[[str], str]:
    def result(text: str) -> str:
        try:
            return decode(text.encode()).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            return str(error)  # sprig's result is then the error's message, too

    return result


def _dict(*pairs: Any) -> dict[str, Any]:
    keys = [shown(key) for key in pairs[::2]]
    values = [*pairs[1::2], *([""] if len(pairs) % 2 else [])]
    return dict(zip(keys, values, strict=True))


def _pick(owner: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: owner[name] for name in names if name in owner}


def _omit(owner: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in owner.items() if name not in names}


def _merge(*owners: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for owner in reversed(owners):
        found = {**found, **owner}
    return found


def _keys(*owners: dict[str, Any]) -> list[str]:
    return [key for owner in owners for key in sorted(owner)]


def _pluck(name: str, *owners: dict[str, Any]) -> list[Any]:
    return [owner[name] for owner in owners if name in owner]


def _dig(*given: Any) -> Any:
    *names, fallback, owner = given
    for name in names:
        if not isinstance(owner, Mapping) or name not in owner:
            return fallback
        owner = owner[name]
    return owner


def _slice(items: list[Any], *bounds: Any) -> list[Any]:
    start = _int(bounds[0]) if bounds else 0
    return _list(items)[start : _int(bounds[1]) if len(bounds) > 1 else len(items)]


def _chunk(size: int, items: list[Any]) -> list[list[Any]]:
    return [_list(items)[start : start + size] for start in range(0, len(items), size)]


def _has(item: Any, items: list[Any] | None) -> bool:
    return items is not None and any(equal(item, each) for each in _list(items))


_JSON: Final[Mapping[str, Callable[..., Any]]] = {
    "fromJson": _from_json,
    "mustFromJson": lambda text: json.loads(text, parse_int=float),
    "mustToJson": to_json,
    "toJson": to_json,
    "toRawJson": to_json,
}
_LISTS: Final[Mapping[str, Callable[..., Any]]] = {
    "append": lambda items, item: [*_list(items), item],
    "chunk": _chunk,
    "compact": lambda items: [each for each in _list(items) if not _is_empty(each)],
    "concat": lambda *lists: [each for items in lists for each in _list(items)],
    "first": lambda items: items[0] if _list(items) else None,
    "has": _has,
    "initial": lambda items: _list(items)[:-1],
    "last": lambda items: items[-1] if _list(items) else None,
    "list": lambda *items: list(items),
    "prepend": lambda items, item: [item, *_list(items)],
    "push": lambda items, item: [*_list(items), item],
    "rest": lambda items: _list(items)[1:],
    "reverse": lambda items: _list(items)[::-1],
    "slice": _slice,
    "sortAlpha": lambda items: sorted(_texts(items), key=str.encode),
    "toStrings": _texts,
    "uniq": lambda items: unique(_list(items)),
    "without": lambda items, *others: [each for each in _list(items) if not _has(each, list(others))],
}
_MAPS: Final[Mapping[str, Callable[..., Any]]] = {
    "dict": _dict,
    "dig": _dig,
    "get": lambda owner, key: owner.get(key, ""),
    "hasKey": lambda owner, key: key in owner,
    "keys": _keys,
    "merge": _merge,
    "omit": _omit,
    "pick": _pick,
    "pluck": _pluck,
    "set": lambda owner, key, value: {**owner, key: value},
    "unset": lambda owner, key: _omit(owner, key),
    "values": lambda owner: [owner[key] for key in sorted(owner)],
}
_NUMBERS: Final[Mapping[str, Callable[..., Any]]] = {
    "add": lambda *values: sum(map(_int, values)),
    "add1": lambda value: _int(value) + 1,
    "add1f": lambda value: _float(value) + 1,
    "addf": lambda *values: math.fsum(map(_float, values)),
    "atoi": _int,
    "biggest": lambda first, *others: max(map(_int, (first, *others))),
    "ceil": lambda value: float(math.ceil(_float(value))),
    "div": _div,
    "float64": _float,
    "floor": lambda value: float(math.floor(_float(value))),
    "int": _int,
    "int64": _int,
    "max": lambda first, *others: max(map(_int, (first, *others))),
    "maxf": lambda first, *others: max(map(_float, (first, *others))),
    "min": lambda first, *others: min(map(_int, (first, *others))),
    "minf": lambda first, *others: min(map(_float, (first, *others))),
    "mod": lambda left, right: int(math.fmod(_int(left), _int(right))),
    "mul": _product,
    "round": _round,
    "seq": _seq,
    "sub": lambda left, right: _int(left) - _int(right),
    "subf": lambda first, *others: _float(first) - math.fsum(map(_float, others)),
    "until": lambda count: _until_step(0, count, -1 if count < 0 else 1),
    "untilStep": _until_step,
}
_TEXTS: Final[Mapping[str, Callable[..., Any]]] = {
    "abbrev": lambda width, text: text if len(text) <= width or width < 4 else f"{text[: width - 3]}...",
    "camelcase": _camel,
    "cat": _cat,
    "contains": lambda part, text: part in text,
    "hasPrefix": lambda part, text: text.startswith(part),
    "hasSuffix": lambda part, text: text.endswith(part),
    "indent": _indent,
    "join": lambda separator, items: separator.join(_texts(items)),
    "kebabcase": lambda text: "-".join(map(str.lower, _words(text))),
    "lower": str.lower,
    "nindent": lambda count, text: f"\n{_indent(count, text)}",
    "nospace": lambda text: re.sub(r"\s", "", text),
    "plural": lambda one, many, count: one if count == 1 else many,
    "quote": lambda *values: _quote('"', values),
    "regexFind": _regex_find,
    "regexFindAll": _regex_find_all,
    "regexMatch": lambda text, where: pattern(text).search(where) is not None,
    "regexQuoteMeta": lambda text: re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text),
    "regexReplaceAll": lambda text, where, by: pattern(text).sub(_go_template(by), where),
    "regexReplaceAllLiteral": lambda text, where, by: pattern(text).sub(lambda _: by, where),
    "regexSplit": _regex_split,
    "repeat": lambda count, text: text * count,
    "replace": lambda old, new, text: text.replace(old, new),
    "snakecase": lambda text: "_".join(map(str.lower, _words(text))),
    "split": _split,
    "splitList": lambda separator, text: text.split(separator),
    "splitn": lambda separator, count, text: {
        f"_{index}": part for index, part in enumerate(text.split(separator, count - 1))
    },
    "squote": lambda *values: _quote("'", values),
    "substr": _substr,
    "title": _title,
    "toString": shown,
    "trim": lambda text: text.strip(" \t\n\r\v\f"),
    "trimAll": lambda characters, text: text.strip(characters),
    "trimPrefix": lambda part, text: text.removeprefix(part),
    "trimSuffix": lambda part, text: text.removesuffix(part),
    "trunc": _trunc,
    "untitle": _untitle,
    "upper": str.upper,
}
SPRIG: Final[Mapping[str, Callable[..., Any]]] = {
    **_JSON,
    **_LISTS,
    **_MAPS,
    **_NUMBERS,
    **_TEXTS,
    "all": lambda *values: not any(map(_is_empty, values)),
    "any": lambda *values: not all(map(_is_empty, values)),
    "b32dec": _decoded(base64.b32decode),
    "b32enc": lambda text: base64.b32encode(text.encode()).decode(),
    "b64dec": _decoded(lambda text: base64.b64decode(text, validate=True)),
    "b64enc": lambda text: base64.b64encode(text.encode()).decode(),
    "coalesce": _coalesce,
    "default": _default,
    "empty": _is_empty,
    "sha1sum": lambda text: hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(),
    "sha256sum": lambda text: hashlib.sha256(text.encode()).hexdigest(),
    "ternary": lambda first, second, condition: first if condition else second,
}
"""By name; the arguments are in sprig's order, the text last."""


__all__ = ["SPRIG"]
