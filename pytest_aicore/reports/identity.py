"""By what runs of several sessions are told to be of the same plan, and of the same workflow file."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_aicore.training.plan import TrainingPlan
    from pytest_aicore.workflows import Template

_LENGTH: Final = 16
_BUILDS: Final = (
    ("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT"),
    ("CI_PIPELINE_ID",),  # GitLab
    ("BUILD_TAG",),  # Jenkins
    ("BUILD_BUILDID", "SYSTEM_STAGEATTEMPT"),  # Azure Pipelines
    ("CIRCLE_WORKFLOW_ID",),
    ("BUILDKITE_BUILD_ID",),
)
"""The variables by which jobs of a CI system know that they belong together, as its documentation names them."""


def build_of(environment: Mapping[str, str]) -> str | None:
    """Return what all jobs of a build in a CI system have in common; None outside of those that are known.

    Args:
        environment: variables by name.
    """
    for names in _BUILDS:
        if environment.get(names[0]):
            return "/".join([names[0], *(environment[name] for name in names if environment.get(name))])
    return None


def identity_of(plan: TrainingPlan, test: str = "") -> str:
    """Return what is equal for runs of which the same was asked, in any session and on any machine.

    The content of the workflow is not part of it: see `hash_of`. The path is not either, because checkouts differ.

    Args:
        plan: of the run.
        test: the id of the test that says by itself what the emulator does with the run; empty for all others.
    """
    executable = plan.template.executable
    content = [
        plan.resource_group, plan.workflow, executable.scenario_id, executable.id,
        sorted(plan.artifacts.items()), sorted(plan.parameters.items()), test,
    ]  # fmt: skip
    return _hash(json.dumps(content, default=str))


def hash_of(template: Template) -> str:
    """Return a hash of what the file of a workflow holds; the kind of its line ends makes no difference.

    Args:
        template: the workflow.
    """
    return _hash(template.document.text.replace("\r\n", "\n"))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:_LENGTH]
