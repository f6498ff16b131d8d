"""Values of several lines that a TOML file gives as one text: pytest takes lists alone from a table `tool.pytest`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pytest_aicore.config.options import OPTIONS

if TYPE_CHECKING:
    import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def lines_of_text(config: pytest.Config, name: str) -> list[str] | None:
    """Return the lines of the text that the ini file gives instead of a list, None if that is not what it does.

    Args:
        config: of pytest.
        name: of the ini value.
    """
    path = config.inipath
    has_lines = any(each.ini == name and each.ini_type == "linelist" for each in OPTIONS)
    if path is None or path.suffix != ".toml" or not has_lines:
        return None
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    value = (data.get("pytest") or data.get("tool", {}).get("pytest", {})).get(name)
    return [line.strip() for line in value.splitlines() if line.strip()] if isinstance(value, str) else None
