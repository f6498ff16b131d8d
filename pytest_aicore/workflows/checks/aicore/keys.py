"""The labels and annotations that AI Core reads, and the rules about their keys and places."""

from __future__ import annotations

from typing import Final

from pytest_aicore.workflows.checks.examples import (
    EXAMPLE_EXECUTABLE_NAME,
    EXAMPLE_LABELS,
    EXAMPLE_METADATA,
    EXAMPLE_NAMES,
    EXAMPLE_SCENARIO_NAME,
    EXAMPLE_VERSION,
    example_metadata,
)
from pytest_aicore.workflows.checks.rule import aicore_rule
from pytest_aicore.workflows.executable import (
    EXECUTABLE_DESCRIPTION_ANNOTATION,
    EXECUTABLE_NAME_ANNOTATION,
    SCENARIO_DESCRIPTION_ANNOTATION,
    SCENARIO_ID_LABEL,
    SCENARIO_NAME_ANNOTATION,
    VERSION_LABEL,
)

EXECUTABLE_ID_LABEL: Final = "executables.ai.sap.com/id"
LABELS: Final = (SCENARIO_ID_LABEL, VERSION_LABEL, EXECUTABLE_ID_LABEL)
ANNOTATIONS: Final = (
    SCENARIO_NAME_ANNOTATION,
    SCENARIO_DESCRIPTION_ANNOTATION,
    EXECUTABLE_NAME_ANNOTATION,
    EXECUTABLE_DESCRIPTION_ANNOTATION,
)
MISPLACED: Final = aicore_rule(
    311,
    "misplaced",
    "A label or annotation is where AI Core does not read it",
    "Ids and the version are labels, names are annotations, and the resource plan is a label of the pods: it belongs "
    "to the template that runs the container.",
    example_metadata(
        f"{EXAMPLE_LABELS}\n{EXAMPLE_SCENARIO_NAME.replace('Customer churn', 'churn')}", EXAMPLE_EXECUTABLE_NAME
    ),
    EXAMPLE_METADATA,
)
MISSPELT: Final = aicore_rule(
    312,
    "misspelt",
    "A key of AI Core is misspelt",
    "AI Core reads its labels and annotations by their exact keys.",
    example_metadata(f"    scenario.ai.sap.com/id: customer-churn\n{EXAMPLE_VERSION}", EXAMPLE_NAMES),
    EXAMPLE_METADATA,
)
