"""The settings of a project: added where pytest has no table of settings yet, and shown as lines otherwise."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_TABLE: Final = re.compile(r"^\s*\[tool\.pytest(?:\.ini_options)?\]", re.MULTILINE)

Settings = dict[str, list[str]]
"""Settings by ini name, each with its lines."""


def has_settings(ini: Path | None) -> bool:
    """Return whether a file has settings of pytest: of a `pyproject.toml` it also reads one without.

    Args:
        ini: the file that pytest reads, None if there is none.
    """
    return ini is not None and (
        ini.name != "pyproject.toml" or _TABLE.search(ini.read_text(encoding="utf-8")) is not None
    )


def lines_for(ini: Path, settings: Mapping[str, Sequence[str]]) -> list[str]:
    """Return settings as lines of a file, in its own syntax and without the heading of a table.

    Args:
        ini: the file.
        settings: by name the lines.
    """
    if ini.suffix == ".toml":
        return [line for name, values in settings.items() for line in _toml(name, values)]
    return [line for name, values in settings.items() for line in _ini(name, values)]


def _toml(name: str, values: Sequence[str]) -> list[str]:
    quoted = [json.dumps(value, ensure_ascii=False) for value in values]
    if len(quoted) == 1:
        return [f"{name} = [{quoted[0]}]"]
    return [f"{name} = [", *(f"    {value}," for value in quoted), "]"]


def _ini(name: str, values: Sequence[str]) -> list[str]:
    if len(values) == 1:
        return [f"{name} = {values[0]}"]
    return [f"{name} =", *(f"    {value}" for value in values)]


__all__ = ["Settings", "has_settings", "lines_for"]
