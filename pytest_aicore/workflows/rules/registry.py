"""All rules by id."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.rules import aicore, document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.workflows.rules.findings import Rule


def _by_id() -> Mapping[str, Rule]:
    rules = [*document.RULES, *aicore.RULES]
    return MappingProxyType({rule.id: rule for rule in sorted(rules, key=lambda rule: rule.id)})


RULES: Final = _by_id()
"""Every rule by its id, in the order of the ids."""
