"""A value of which one can tell where it came from."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Setting(Generic[T]):
    """A value and where it came from.

    Attributes:
        value: what holds for this session.
        source: `--aicore-timeout`, `environment AICORE_RESOURCE_GROUP`, `ini aicore_timeout` or `default`.
    """

    __slots__ = ("source", "value")

    def __init__(self, value: T, source: str) -> None:
        """Make a setting of a value and its source."""
        self.value = value
        self.source = source

    @property
    def is_default(self) -> bool:
        """Whether nobody asked for this value."""
        return self.source == "default"

    def __eq__(self, other: object) -> bool:
        """Tell whether both value and source are equal."""
        return isinstance(other, Setting) and (self.value, self.source) == (other.value, other.source)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return the value and its source."""
        return f"Setting({self.value!r}, {self.source!r})"
