"""A value with its source."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Setting(Generic[T]):
    """A value and where it came from.

    Attributes:
        value: the value in this session.
        source: `--aicore-timeout`, `environment AICORE_RESOURCE_GROUP`, `ini aicore_timeout` or `default`.
    """

    __slots__ = ("source", "value")

    def __init__(self, value: T, source: str) -> None:
        """Make a setting of a value and its source."""
        self.value = value
        self.source = source

    @property
    def is_default(self) -> bool:
        """Whether this value was not set."""
        return self.source == "default"

    def __eq__(self, other: object) -> bool:
        """Return whether both value and source are equal."""
        return isinstance(other, Setting) and (self.value, self.source) == (other.value, other.source)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return the value and its source."""
        return f"Setting({self.value!r}, {self.source!r})"
