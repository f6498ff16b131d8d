"""The values of a run: texts for tags, artifacts that are passed on, and the plain content of a template."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.running.pods import Archive, Stored

Plain = dict[str, Any]
"""A map of a workflow as dictionaries, lists, strings, numbers, booleans and None."""
_WHOLE: Final = re.compile(r"\s*\{\{([^{}]*)\}\}\s*")
_MOST_OF_WHOLE_FLOAT: Final = 1e21
"""From here on Go writes a float with an exponent (encoding/json)."""


class ValueProblem(Exception):  # noqa: N818 - not an error of ours: the workflow's end, in Argo's words
    """A value that cannot be had; the message is Argo's."""


class Supplied(NamedTuple):
    """An artifact that a template gets.

    Attributes:
        source: what it is; bytes become a file.
        archive: how it is packed.
    """

    source: Stored | bytes
    archive: Archive


@dataclass(frozen=True, slots=True)
class Values:
    """Parameters and artifacts by name: of arguments, or of inputs.

    Attributes:
        parameters: the values; None where an argument has no value.
        artifacts: what is passed; None where an optional one is not.
    """

    parameters: Mapping[str, str | None] = field(default_factory=dict)
    artifacts: Mapping[str, Supplied | None] = field(default_factory=dict)


@dataclass(slots=True)
class Scope:
    """What the tags of a place mean.

    Attributes:
        texts: by the name of a tag (`steps.a.outputs.result`) its text.
        artifacts: by the name of a tag the artifact that it means.
    """

    texts: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, Supplied] = field(default_factory=dict)


def text_of(value: Any) -> str:
    """Return a value as Argo writes it where it needs a string: `1.0` is `1`, maps and lists are compact JSON.

    Args:
        value: a plain one, not None.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < _MOST_OF_WHOLE_FLOAT:
        return str(int(value))
    return json_of(value)


def json_of(value: Any) -> str:
    """Return a value as compact JSON with sorted keys, as Go writes maps.

    Args:
        value: a plain one.
    """
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def whole_tag(text: str) -> str | None:
    """Return the name of the tag that is all of a text, None for any other text.

    Args:
        text: for example `{{steps.a.outputs.artifacts.model}}`.
    """
    found = _WHOLE.fullmatch(text)
    return None if found is None else found[1].strip()


def items(owner: Plain, *keys: str) -> list[Plain]:
    """Return the maps of a list that a path of keys leads to; none where there is no such list.

    Args:
        owner: where the path begins.
        keys: the path.
    """
    found: Any = owner
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def archive_of(artifact: Plain) -> Archive:
    """Return how an artifact is packed.

    Args:
        artifact: its declaration.
    """
    chosen = artifact.get("archive") or {}
    kinds: tuple[Archive, ...] = ("none", "tar", "zip")
    return next((kind for kind in kinds if chosen.get(kind) is not None), "default")


__all__ = [
    "Plain",
    "Scope",
    "Supplied",
    "ValueProblem",
    "Values",
    "archive_of",
    "items",
    "json_of",
    "text_of",
    "whole_tag",
]
