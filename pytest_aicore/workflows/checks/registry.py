"""All rules by id."""

from __future__ import annotations

from typing import Final

from pytest_aicore.workflows.checks import folder, suppressions
from pytest_aicore.workflows.checks.aicore import serving, workflow
from pytest_aicore.workflows.checks.argo import plain, semantics, structure
from pytest_aicore.workflows.checks.argo.references import placeholders
from pytest_aicore.workflows.checks.document import problems, unchecked
from pytest_aicore.workflows.checks.rule import collect

DECLARED_IN: Final = (
    problems,
    unchecked,
    suppressions,
    structure,
    semantics,
    placeholders,
    plain,
    workflow,
    serving,
    folder,
)
"""The checks. With each come the topics that it imports, and their rules; a rule of any other module is refused."""

RULES: Final = collect("document", "argo", "aicore", "folder")
"""Every rule of a file, and of files together, by its id, in the order of the ids."""

OF_WHAT_WAS_NOT_CHECKED: Final = frozenset({unchecked.NOT_CHECKED.id, plain.PLAIN_ARGO.id})
"""The rules that only say what was not checked: they are shown wherever warnings are."""
