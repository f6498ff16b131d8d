"""`from_param`: a value in a marker that each parameter set of a test gives. It does not depend on pytest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_aicore.errors import SettingsError, did_you_mean, listing


@dataclass(frozen=True, slots=True)
class FromParam:
    """Stands in a marker for an argument of the test.

    Attributes:
        name: of the argument, as `parametrize` names it.
    """

    name: str

    def __repr__(self) -> str:
        """Return it as it is written."""
        return f"from_param({self.name!r})"


def from_param(name: str) -> Any:
    """Return what stands for the value of a test's parametrized argument, in the arguments of a marker.

    So the run of each parameter set is known when the tests are collected, and all of them start together.

    Args:
        name: of the argument, as `@pytest.mark.parametrize` or a parametrized fixture names it.

    Raises:
        SettingsError: it is not a string.
    """
    if not isinstance(name, str):
        raise SettingsError(f"from_param({name!r}): expected the name of an argument of @pytest.mark.parametrize.")
    return FromParam(name)


def filled(value: Any, given: Mapping[str, Any], place: str) -> Any:
    """Return an argument of a marker with the values of a parameter set in it.

    Args:
        value: the argument; `from_param` may stand for it, or for a value in its dictionaries, lists and tuples.
        given: the values of the parameter set, by the name of the argument.
        place: `file:line` of the test, for the message.

    Raises:
        SettingsError: the test has no such argument.
    """
    if isinstance(value, FromParam):
        if value.name not in given:
            raise SettingsError(f"{place}: {value!r}: {_missing(value.name, given)}")
        return given[value.name]
    if isinstance(value, Mapping):
        return {name: filled(inner, given, place) for name, inner in value.items()}
    if type(value) in (list, tuple):
        return type(value)(filled(inner, given, place) for inner in value)
    return value


def varies(value: Any) -> bool:
    """Return whether `from_param` stands in an argument of a marker.

    Args:
        value: the argument.
    """
    if isinstance(value, Mapping):
        return any(varies(inner) for inner in value.values())
    return isinstance(value, FromParam) or (type(value) in (list, tuple) and any(varies(inner) for inner in value))


def _missing(name: str, given: Mapping[str, Any]) -> str:
    if not given:
        return f"this test is not parametrized. Add @pytest.mark.parametrize({name!r}, [...])."
    return f"no parametrized argument {name!r}.{did_you_mean(name, given)} Those of this test: {listing(given)}."


__all__ = ["FromParam", "filled", "from_param", "varies"]
