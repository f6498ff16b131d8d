"""The values of secrets and ConfigMaps that workflows name, from YAML files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.errors import SettingsError, WorkflowError
from pytest_aicore.workflows.yaml.source import load, plain

if TYPE_CHECKING:
    from pathlib import Path


def read_secrets(file: Path, source: str) -> dict[str, dict[str, str]]:
    """Return the values of secrets, by name and key.

    Args:
        file: a map of secrets, each a map of keys and values.
        source: where the file was named, for messages.

    Raises:
        SettingsError: it cannot be read, or holds something else; the message shows nothing of what it holds.
    """
    return _values(file, source, "secrets")


def read_config_maps(file: Path, source: str) -> dict[str, dict[str, str]]:
    """Return the values of ConfigMaps, by name and key.

    Args:
        file: a map of ConfigMaps, each a map of keys and values.
        source: where the file was named, for messages.

    Raises:
        SettingsError: it cannot be read, or holds something else.
    """
    return _values(file, source, "ConfigMaps")


def _values(file: Path, source: str, kind: str) -> dict[str, dict[str, str]]:
    try:
        content = plain(load(file).root)
    except WorkflowError:  # its message shows the line, which may hold a secret
        raise SettingsError(f"{source} {file}: the file cannot be read as YAML.") from None
    expected = f"{source} {file}: expected a map of {kind}, each a map of keys and values in quotes."
    if not isinstance(content, dict):
        raise SettingsError(expected)
    for keys in content.values():
        if not isinstance(keys, dict) or not all(isinstance(value, str) for value in keys.values()):
            raise SettingsError(expected)
    return content


__all__ = ["read_config_maps", "read_secrets"]
