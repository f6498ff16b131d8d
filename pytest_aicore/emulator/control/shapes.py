"""The shapes that the values of a script, and the results of its functions, must have."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pytest_aicore.errors import StoreError
from pytest_aicore.objects.content import files_of, read

_WRITTEN_PROGRESS = re.compile(r"\s*(\d{1,9})\s*/\s*\d{1,9}\s*", re.ASCII)
"""What a training writes to the file that Argo names in `ARGO_PROGRESS_FILE`."""


class ShapeError(Exception):
    """A value does not have the shape that a script's field, or the result of its function, must have."""


def lines_of(value: Any) -> tuple[str, ...]:
    """Return log lines."""
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise ShapeError(f"{value!r} is not a list of lines.")
    lines = tuple(value)
    if not are_strings(lines):
        raise ShapeError(f"{value!r} is not a list of lines: some of them are not strings.")
    return lines


def metric_values_of(value: Any) -> dict[str, tuple[float, ...]]:
    """Return by name the values of a metric, one per step."""
    if not isinstance(value, Mapping):
        raise ShapeError(f"{value!r} is not a mapping of values by name.")
    metrics: dict[str, tuple[float, ...]] = {}
    for name, values in value.items():
        listed = isinstance(values, Iterable) and not isinstance(values, (str, bytes, Mapping))
        steps = tuple(values) if listed else (values,)
        if not (isinstance(name, str) and 1 <= len(name) <= 256):
            raise ShapeError(f"{value!r} names a metric {name!r}: give a string of 1 to 256 characters.")
        if not all(map(is_number, steps)):
            raise ShapeError(
                f"{value!r} has a value of {name!r} that is neither a finite number nor a list of finite numbers."
            )
        metrics[name] = tuple(float(step) if isinstance(step, float) else step for step in steps)
    return metrics


def percents_of(value: Any) -> tuple[int, ...]:
    """Return how much is done: whole numbers up to 100, or what a training writes, `3/5`, of which the first counts.

    AI Core shows `3/100` then, whatever the second number is (documentation, "Start Training").
    """
    listed = isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))
    given = tuple(value) if listed else (value,)
    percents: list[int] = []
    for each in given:
        written = _WRITTEN_PROGRESS.fullmatch(each) if isinstance(each, str) else None
        done = int(written[1]) if written else each
        if not (isinstance(done, int) and not isinstance(done, bool) and 0 <= done <= 100):
            raise ShapeError(f"{value!r} has {each!r}: expected whole numbers from 0 to 100, or texts such as '3/5'.")
        percents.append(done)
    return tuple(percents)


def details_of(value: Any) -> dict[str, Any]:
    """Return status details, as JSON keeps them."""
    if not isinstance(value, Mapping):
        raise ShapeError(f"{value!r} is not a mapping.")
    try:
        details: dict[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ShapeError(f"{value!r} cannot be written as JSON: {error}.") from None
    return details


def outputs_of(value: Any) -> dict[str, dict[str, bytes]]:
    """Return by output artifact the bytes of its files by their relative path, which is empty for a single file."""
    if not isinstance(value, Mapping):
        raise ShapeError(f"{value!r} is not a mapping of contents by output artifact.")
    return {name: _files_of_output(name, content) for name, content in value.items()}


def _files_of_output(name: object, content: object) -> dict[str, bytes]:
    try:
        return {path: read(file) for path, file in files_of(content).items()}
    except StoreError as error:
        raise ShapeError(f"content for {name!r} that cannot be played: {error}") from None


OF_TRAININGS = {
    "metrics": "metrics",
    "progress": "progress",
    "outputs": "output artifacts",
    "omit_outputs": "output artifacts",
}
"""The fields that say nothing of a deployment, and what it lacks."""
SHAPES: Mapping[str, Callable[[Any], Any]] = {
    "logs": lines_of,
    "metrics": metric_values_of,
    "progress": percents_of,
    "outputs": outputs_of,
    "status_details": details_of,
}
"""How the value of a field, or the result of its function, is checked and read."""


def is_number(value: object) -> bool:
    """Return whether it is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def are_strings(value: object) -> bool:
    """Return whether it is a collection of strings."""
    return isinstance(value, (list, tuple, set, frozenset)) and all(isinstance(item, str) for item in value)
