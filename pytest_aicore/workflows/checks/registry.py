"""All rules by id."""

from __future__ import annotations

from typing import Final

from pytest_aicore.workflows.checks import folder, suppressions
from pytest_aicore.workflows.checks.aicore import rules as aicore_rules
from pytest_aicore.workflows.checks.argo import placeholder_rules, structure
from pytest_aicore.workflows.checks.argo import rules as argo_rules
from pytest_aicore.workflows.checks.document import problems
from pytest_aicore.workflows.checks.rule import collect

DECLARED_IN: Final = (problems, suppressions, structure, argo_rules, placeholder_rules, aicore_rules, folder)
"""The modules that rules are declared in: a rule in another one is refused."""

RULES: Final = collect("document", "argo", "aicore", "folder")
"""Every rule of a file, and of files together, by its id, in the order of the ids."""
