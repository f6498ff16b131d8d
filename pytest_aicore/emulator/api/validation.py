"""Checks of bodies and queries against the specification.

A check returns the parsed value or raises the service's 400. Patterns and limits are those of SAP's
OpenAPI 2.42.0. Unknown fields are accepted: the service ignores them.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pytest_aicore.http.exchange import Json, invalid, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.http.exchange import Request

# `\Z` where the specification has `$`: Python's `$` also matches before a final line end. Its regular expressions are
# ECMA's, in which `\w` is ASCII.
ID = re.compile(r"^[\w.-]{4,64}\Z", re.ASCII)
NAME = re.compile(r"""^[\w\s.!?,;:\[\](){}<>"'=+*/\\^&%@~$#|-]*\Z""", re.ASCII)
URL = re.compile(r"([a-z0-9-]+):\/\/.+")
LABEL_KEY = re.compile(r"^ext\.ai\.sap\.com\/[\w\.-]+\Z", re.ASCII)
LABEL_SELECTOR = re.compile(r"^ext\.ai\.sap\.com\/[\w\.-]+!?=[^ =,]+\Z", re.ASCII)
ANY_NUMBER = 10**18
"""Used if the specification has no maximum."""
_INTEGER = re.compile(r"[+-]?\d{1,18}\Z", re.ASCII)
SEARCH = re.compile(r"^[^~]{1,80}\Z", re.DOTALL)


class Check(Protocol):
    """A check of a value of a JSON body."""

    def __call__(self, value: Any, where: str) -> Any:
        """Return the parsed value, or raise the 400 that names `where`."""
        ...


@dataclass(slots=True, eq=False, repr=False)
class Text:
    """A string with an optional pattern, length limits and closed set of values."""

    maximum: int | None = None
    pattern: re.Pattern[str] | None = None
    minimum: int = 0
    choices: tuple[str, ...] = ()

    def __call__(self, value: Any, where: str) -> str:
        """Return the string."""
        if not isinstance(value, str):
            raise invalid(f"{where} must be a string")
        if self.choices and value not in self.choices:
            raise invalid(f"{where} must be one of {', '.join(self.choices)}")
        if self.maximum is not None and len(value) > self.maximum:
            raise invalid(f"{where} must not be longer than {self.maximum} characters")
        if len(value) < self.minimum:
            raise invalid(f"{where} must not be shorter than {self.minimum} characters")
        if self.pattern and not self.pattern.search(value):
            raise invalid(f"{where} must match {self.pattern.pattern}".replace(r"\Z", "$"))
        return value


@dataclass(slots=True, eq=False, repr=False)
class Number:
    """A finite JSON number."""

    def __call__(self, value: Any, where: str) -> float:
        """Return the number."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise invalid(f"{where} must be a number")
        return value


@dataclass(slots=True, eq=False, repr=False)
class Whole:
    """A whole number within limits."""

    minimum: int | None = None
    maximum: int | None = None

    def __call__(self, value: Any, where: str) -> int:
        """Return the number."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid(f"{where} must be an integer")
        if self.minimum is not None and value < self.minimum:
            raise invalid(f"{where} must be at least {self.minimum}")
        if self.maximum is not None and value > self.maximum:
            raise invalid(f"{where} must be at most {self.maximum}")
        return value


@dataclass(slots=True, eq=False, repr=False)
class Time:
    """An RFC 3339 time, parsed to seconds since the epoch."""

    def __call__(self, value: Any, where: str) -> float:
        """Return seconds since the epoch."""
        moment = parse_time(value) if isinstance(value, str) else None
        if moment is None:
            raise invalid(f"{where} must be a date-time")
        return moment


@dataclass(slots=True, eq=False, repr=False)
class ListOf:
    """A list whose elements all pass one check."""

    element: Check
    maximum: int | None = None
    minimum: int = 0

    def __call__(self, value: Any, where: str) -> list[Any]:
        """Return the checked elements."""
        if not isinstance(value, list):
            raise invalid(f"{where} must be an array")
        if len(value) < self.minimum:
            raise invalid(f"{where} must have at least {self.minimum} items")
        if self.maximum is not None and len(value) > self.maximum:
            raise invalid(f"{where} must have at most {self.maximum} items")
        return [self.element(item, f"{where}[{index}]") for index, item in enumerate(value)]


@dataclass(slots=True, eq=False, repr=False)
class ObjectOf:
    """An object with known fields, some of them required; unknown fields are ignored."""

    fields: Mapping[str, Check]
    required: tuple[str, ...] = ()

    def __call__(self, value: Any, where: str) -> Json:
        """Return the checked fields that are there."""
        if not isinstance(value, dict):
            raise invalid(f"{where or 'the body'} must be an object")
        prefix = f"{where}." if where else ""
        for name in self.required:
            if value.get(name) is None:
                raise invalid(f"{prefix}{name} is required")
        return {
            name: check(value[name], f"{prefix}{name}")
            for name, check in self.fields.items()
            if value.get(name) is not None
        }


LABELS = ListOf(ObjectOf({"key": Text(256, LABEL_KEY), "value": Text(5000)}, required=("key", "value")))


def json_body(request: Request, check: Check) -> Any:
    """Return the checked JSON body of a request.

    A request whose Content-Type is not JSON is refused; without one, the body is taken for JSON (assumed, both). Every
    JSON media type is accepted, as for metrics (SAP's own tests).

    Raises:
        ApiError: 400 if it is not JSON, or the check refuses it.
    """
    said = content_type(request)
    if said not in ("", "application/json") and not said.endswith("+json"):
        raise invalid(f"Content-Type must be application/json, not {said}")
    try:
        content = json.loads(request.body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise invalid("the body is not valid JSON") from None
    return check(content, "")


def content_type(request: Request) -> str:
    """Return the media type of a request's body, without parameters; empty if the request gives none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def query_text(request: Request, name: str, check: Text) -> str | None:
    """Return a query parameter, or None if it is absent."""
    value = request.query.get(name)
    return None if value is None else check(value, name)


def query_list(request: Request, name: str, check: Text, maximum: int) -> list[str] | None:
    """Return a comma-joined query parameter as a list, or None if it is absent.

    A parameter that is repeated for each item is accepted, too (assumed).
    """
    if name not in request.query:
        return None
    items: list[str] = ListOf(check, maximum, 1)(",".join(request.query_values(name)).split(","), name)
    return items


def query_whole(request: Request, name: str, default: int, minimum: int, maximum: int) -> int:
    """Return a whole number from the query."""
    value = request.query.get(name)
    if value is None:
        return default
    if not _INTEGER.match(value):
        raise invalid(f"{name} must be an integer")
    return Whole(minimum, maximum)(int(value), name)


def query_flag(request: Request, name: str) -> bool:
    """Return a boolean from the query; the Python SDK writes it `True`."""
    value = request.query.get(name, "false").lower()
    if value not in ("true", "false"):
        raise invalid(f"{name} must be a boolean")
    return value == "true"


def _no_constant(name: str) -> None:
    """Refuse `NaN` and infinities, which Python parses although JSON does not have them."""
    raise ValueError(name)
