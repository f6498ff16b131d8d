"""Preflight: checks, before anything is started, that the real service would train the local workflow.

Token, resource group, scenario and executable are requested; then the service's executable is compared with the local
workflow. That takes three requests for an executable, and one more if something is missing, to list what exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_aicore.errors import ContractError, RunError, did_you_mean, listing
from pytest_aicore.training.service.failures import CallError
from pytest_aicore.workflows.contracts.comparison import Impact, compare_with_service

if TYPE_CHECKING:
    from pytest_aicore.training.service.api import TrainingApi
    from pytest_aicore.workflows import Template
    from pytest_aicore.workflows.contracts.comparison import Difference

_SYNC = (
    "AI Core trains what it has synced, not the local file. Commit and push the file to the repository of the"
    " application that syncs it, and wait for the next sync (about three minutes, or POST"
    " /v2/admin/applications/{name}/refresh); or check out the version that is synced."
)


class PreflightError(RunError):
    """A training was not started, because the service would train another workflow, or none."""


def check(api: TrainingApi, template: Template, resource_group: str) -> None:
    """Check that the service would train the local workflow.

    Args:
        api: the service.
        template: the local workflow.
        resource_group: where it would run.

    Raises:
        PreflightError: it would train none, or another one; the message says what differs.
        CallError: the request failed.
    """
    executable = template.executable
    scenario_id = str(executable.scenario_id)
    name = template.path.name if template.path is not None else executable.id
    begin = f"preflight of {name} in the resource group {resource_group}: "
    try:
        api.scenario(scenario_id)
    except CallError as error:
        if not error.is_missing:
            raise
        known = [str(each.id) for each in api.scenarios()]
        raise PreflightError(
            f"{begin}unknown scenario {scenario_id!r}.{did_you_mean(scenario_id, known)} The service has:"
            f" {listing(known)}. Its id is the label scenarios.ai.sap.com/id of the workflow. {_SYNC}"
        ) from None
    there = synced(api, template)
    if there is None:
        known = [str(each.id) for each in api.executables(scenario_id)]
        raise PreflightError(
            f"{begin}the scenario {scenario_id!r} has no executable {executable.id!r}."
            f"{did_you_mean(executable.id, known)} It has: {listing(known)}. Its id is metadata.name of the"
            f" workflow. {_SYNC}"
        )
    _compare(template, there, begin)


def synced(api: TrainingApi, template: Template) -> Any:
    """Return the executable of a workflow as the service has synced it, None if it has none.

    Args:
        api: the service.
        template: the local workflow.

    Raises:
        CallError: the request failed.
    """
    executable = template.executable
    if executable.scenario_id is None:
        return None
    try:
        return api.executable(executable.scenario_id, executable.id)
    except CallError as error:
        if not error.is_missing:
            raise
        return None


def _compare(template: Template, synced: Any, begin: str) -> None:
    try:
        comparison = compare_with_service(template.executable, synced)
    except ContractError as error:
        raise PreflightError(f"{begin}the service's executable cannot be read: {error}") from None
    if all(_is_only_text(difference) for difference in comparison.differences):
        return
    table = "\n".join(f"    {line}" for line in comparison.table())
    raise PreflightError(
        f"{begin}the service has synced another executable than the local file describes:\n{table}\n{_SYNC}"
    )


def _is_only_text(difference: Difference) -> bool:
    """Return whether a difference is only in names or descriptions, which change nothing for the training."""
    return difference.impact is Impact.COMPATIBLE and (
        "description" in (difference.name, difference.field)
        or (difference.section, difference.name) == ("executable", "name")
    )
