"""All rules by id."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks import (
    aicore_rules,
    argo_rules,
    document,
    folder,
    references_rules,
    structure,
    suppressions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.workflows.checks.findings import Rule


def _by_id() -> Mapping[str, Rule]:
    rules = [
        *document.RULES,
        *suppressions.RULES,
        *structure.RULES,
        *argo_rules.RULES,
        *references_rules.RULES,
        *aicore_rules.RULES,
        *folder.RULES,
    ]
    return MappingProxyType({rule.id: rule for rule in sorted(rules, key=lambda rule: rule.id)})


RULES: Final = _by_id()
"""Every rule by its id, in the order of the ids."""
