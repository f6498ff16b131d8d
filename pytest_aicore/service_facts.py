"""What holds for SAP AI Core whoever asks: the emulator, a run, the checks, the settings."""

from __future__ import annotations

from typing import Final

FINAL_STATUSES: Final = ("COMPLETED", "DEAD", "STOPPED")
"""The statuses that an execution does not leave any more."""

TEMPLATE_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
"""Of the files that may hold a template: AI Core's Git sync reads these."""

YAML_SUFFIXES: Final = frozenset({".yaml", ".yml"})
"""Of the files that are taken for workflows where a folder is read without Git sync."""

DEFAULT_STORE: Final = "default"
"""The object-store secret that output artifacts go to, and without which no execution starts (documentation)."""

RESOURCE_GROUP: Final = "[a-zA-Z0-9][a-zA-Z0-9.-]{1,251}[a-zA-Z0-9]"
"""A whole name (AiResourceGroup in SAP's OpenAPI 2.42.0)."""
