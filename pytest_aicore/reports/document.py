"""The report of a session as one document of plain data: the JSON file, and what the page is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.reports.families import families

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_aicore.reports.deployments import DeploymentReport, DistinctDeployment
    from pytest_aicore.reports.model import RunReport
    from pytest_aicore.training.live.budget import Price

DOCUMENT: Final = "pytest-aicore report"
VERSION: Final = 1
"""The version of the document. It increases when a key changes its meaning or is removed, not when one is added."""


def document_of(
    reports: Sequence[RunReport],
    deployments: Sequence[DistinctDeployment],
    gates: Sequence[Mapping[str, Any]],
    session: Mapping[str, Any],
    prices: Mapping[str, Price],
) -> dict[str, Any]:
    """Return the document.

    Args:
        reports: of all tests.
        deployments: of all tests, each once.
        gates: the quality gates of all tests, as their reports carry them.
        session: what is known of the session: mode, host, resource group, times, exit status.
        prices: of an hour, by resource plan.
    """
    return {
        "document": DOCUMENT,
        "version": VERSION,
        **session,
        "runs": runs_of(reports, prices),
        "deployments": [_deployment(each, prices) for each in deployments],
        "families": [each.data() for each in families(reports)],
        "gates": list(gates),
    }


def runs_of(reports: Sequence[RunReport], prices: Mapping[str, Price]) -> list[dict[str, Any]]:
    """Return each run once, as the document has it, in the order in which they were reported.

    Args:
        reports: of all tests.
        prices: of an hour, by resource plan.
    """
    found: dict[str, dict[str, Any]] = {}
    for each in reports:
        run = found.setdefault(
            each.run,
            {
                "identity": each.identity,
                "workflow": each.workflow,
                "workflow_hash": each.workflow_hash,
                "executable": each.executable,
                "scenario": each.scenario,
                "configuration_id": each.configuration_id,
                "artifacts": each.artifacts,
                "parameters": each.parameters,
                "execution_id": each.id,
                "status": each.status,
                "history": each.history,
                "duration": each.seconds,
                "outputs": each.outputs,
                "plans": each.plans,
                "cost": None,
                "stopped": None,
                "metrics": None,
                "tests": [],
                "diagnosis": [],
                "failure": None,
                "steps": [],
                "message": "",
                "details": None,
                "log": None,
                "series": {},
                "requests": [],
            },
        )
        # The data of a later test is newer: the run may have ended meanwhile.
        run.update(status=each.status, history=each.history, duration=each.seconds, outputs=each.outputs)
        run.update(execution_id=each.id, configuration_id=each.configuration_id, artifacts=each.artifacts)
        run.update(stopped=each.stopped, cost=_cost(each, prices))
        for name in ("diagnosis", "failure", "steps", "message", "details", "log", "series", "requests"):
            run[name] = getattr(each, name) or run[name]
        if each.metrics is not None:
            run["metrics"] = each.metrics
        test = {
            "id": each.node,
            "expected": each.expect,
            "as_expected": each.expected,
            "looked": each.looked,
            "outcome": each.outcome,
            "error": each.error,
        }
        if test not in run["tests"]:
            run["tests"].append(test)
    return list(found.values())


def _deployment(deployment: DistinctDeployment, prices: Mapping[str, Price]) -> dict[str, Any]:
    """Return a deployment as the document has it."""
    its = deployment.deployment
    return {
        "workflow": its.workflow,
        "executable": its.executable,
        "scenario": its.scenario,
        "configuration_id": its.configuration_id,
        "artifacts": its.artifacts,
        "parameters": its.parameters,
        "deployment_id": its.id,
        "status": its.status,
        "url": its.url,
        "history": its.history,
        "running": its.running,
        "listening": its.listening,
        "answered": its.answered,
        "retried": its.retried,
        "resumed": its.resumed,
        "duration": its.seconds,
        "plans": its.plans,
        "cost": _cost(its, prices),
        "stopped": its.stopped,
        "tests": deployment.tests,
        "diagnosis": its.diagnosis,
        "failure": its.failure,
    }


def _cost(run: RunReport | DeploymentReport, prices: Mapping[str, Price]) -> dict[str, Any] | None:
    """Return what a run on AI Core cost by the table of prices, None where that is unknown."""
    if not run.live or not prices or run.seconds is None:
        return None
    from pytest_aicore.training.live.budget import estimate

    cost = estimate(run.plans, run.seconds, prices)
    return None if cost is None else {"amount": round(cost.amount, 4), "currency": cost.currency}
