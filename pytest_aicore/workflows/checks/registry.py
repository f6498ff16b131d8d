"""All rules by id."""

from __future__ import annotations

from typing import Final

from pytest_aicore.workflows.checks import (
    aicore_rules,
    argo_rules,
    document,
    folder,
    references_rules,
    structure,
    suppressions,
)
from pytest_aicore.workflows.checks.rule import collect

DECLARED_IN: Final = (document, suppressions, structure, argo_rules, references_rules, aicore_rules, folder)
"""The modules that rules are declared in: a rule in another one is refused."""

RULES: Final = collect("document", "argo", "aicore", "folder")
"""Every rule of a file, and of files together, by its id, in the order of the ids."""
