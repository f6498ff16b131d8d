"""What the live page of a server shows of an emulator: everything that readers may see, as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.printable import from_terminal
from pytest_aicore.quantities import duration_text
from pytest_aicore.redact import redact
from pytest_aicore.reports.html.metric_view import metric_views
from pytest_aicore.reports.html.moments import clock_text
from pytest_aicore.service_facts import FINAL_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.emulator.emulator import Emulator
    from pytest_aicore.emulator.store.records import Configuration, Deployment, Enactment, Execution
    from pytest_aicore.emulator.store.state import ResourceGroup, State

SHOWN: Final = 100
"""How many of the latest executions, deployments and artifacts of a resource group are shown."""
TAIL_LINES: Final = 40
TAIL_CHARACTERS: Final = 8_000
SERIES_POINTS: Final = 200
_STATES: Final = {"COMPLETED": "passed", "DEAD": "failed", "RUNNING": "running", "STOPPED": "stopped"}
_DEPLOYED_STATES: Final = {**_STATES, "RUNNING": "passed"}


def live_view(emulator: Emulator) -> dict[str, Any]:
    """Return what a page shows now.

    Args:
        emulator: the emulator; its lock is held meanwhile, and what is due happens before.
    """
    with emulator.lock:
        emulator.agenda.settle()
        now, state = emulator.clock.now(), emulator.state
        groups = [_group(group, now) for group in state.groups.values()]
        return {
            "groups": groups,
            "running": sum(group["running"] for group in groups),
            "failed": sum(group["failed"] for group in groups),
            "scenarios": _scenarios(state),
            "applications": list(state.tenant.applications),
            "repositories": list(state.tenant.repositories),
            "tenant_secrets": _secrets(
                {
                    "docker registry": state.tenant.docker_secrets,
                    "of the tenant": state.tenant.secrets,
                    "of every resource group": state.tenant.shared_secrets,
                }
            ),
            "is_scripted": emulator.plays_scripts,
        }


def clock_of(emulator: Emulator) -> str:
    """Return what the clock of an emulator shows, in UTC.

    Args:
        emulator: the emulator.
    """
    return clock_text(emulator.clock.now())


def _group(group: ResourceGroup, now: float) -> dict[str, Any]:
    executions = [_execution(group, each, now) for each in _latest(group.executions)]
    deployments = [_deployment(group, each, now) for each in _latest(group.deployments)]
    executions.sort(key=lambda each: each["is_final"])  # stable: what is going on first, the latest first
    return {
        "id": group.id,
        "status": group.status,
        "executions": executions,
        "more_executions": len(group.executions) - len(executions),
        "deployments": deployments,
        "more_deployments": len(group.deployments) - len(deployments),
        "artifacts": [
            {"name": each.name, "kind": each.kind, "url": redact(each.url), "id": each.id, "of": each.execution_id}
            for each in _latest(group.artifacts)
        ],
        "more_artifacts": max(len(group.artifacts) - SHOWN, 0),
        "secrets": _secrets({"object store": group.object_store_secrets, "generic": group.secrets}),
        "running": sum(not each["is_final"] for each in executions),
        "failed": sum(each["state"] == "failed" for each in executions),
    }


def _execution(group: ResourceGroup, execution: Execution, now: float) -> dict[str, Any]:
    sent = group.metrics.get(execution.id)
    values = [each for each in execution.metrics if each.at <= now] + list(sent.metrics if sent else ())
    series: dict[str, list[tuple[float, float]]] = {}
    for each in values:
        series.setdefault(each.name, []).append((each.step, each.value))
    metrics = {name: points[-1][1] for name, points in series.items()}
    shown = {name: points[-SERIES_POINTS:] for name, points in series.items()}
    return {
        **_enactment(group, execution, now),
        "state": _STATES.get(execution.status, "prepared"),
        "metrics": metric_views({"metrics": metrics, "series": shown}, ()),
        "outputs": [
            {"name": each.name, "url": redact(each.url)}
            for each in reversed(group.artifacts.select({"execution_id": execution.id}))
        ],
        "ttl": None,
        "progress": max((each.percent for each in execution.progress if each.at <= now), default=None),
    }


def _deployment(group: ResourceGroup, deployment: Deployment, now: float) -> dict[str, Any]:
    return {
        **_enactment(group, deployment, now),
        "state": _DEPLOYED_STATES.get(deployment.status, "prepared"),
        "metrics": [],
        "outputs": [],
        "progress": None,
        "ttl": deployment.ttl,
    }


def _enactment(group: ResourceGroup, enactment: Enactment, now: float) -> dict[str, Any]:
    """Return what executions and deployments have in common."""
    lines = sorted((line for line in enactment.logs if line.at <= now), key=lambda line: line.at)
    tail = redact(from_terminal("\n".join(line.message for line in lines[-TAIL_LINES:])))[-TAIL_CHARACTERS:]
    is_final = enactment.status in FINAL_STATUSES
    began = enactment.start_time or enactment.submission_time or enactment.created_at
    ended = enactment.completion_time or enactment.modified_at
    return {
        "id": enactment.id,
        "status": "DELETED" if enactment.is_being_deleted else enactment.status,
        "is_final": is_final,
        "is_deleted": enactment.is_being_deleted,
        "executable": enactment.executable_id,
        "scenario": enactment.scenario_id,
        "configuration": enactment.configuration_name,
        "inputs": _inputs(group, group.configurations.get(enactment.configuration_id)),
        "message": redact(enactment.status_message or ""),
        "created": clock_text(enactment.created_at),
        "took": duration_text(int(max(ended - began, 0))) if is_final else f"since {clock_text(began)}",
        "log": tail,
        "log_lines": len(lines),
    }


def _inputs(group: ResourceGroup, configuration: Configuration | None) -> list[tuple[str, str]]:
    if configuration is None:
        return []
    artifacts = ((name, group.artifacts.get(identifier)) for name, identifier in configuration.artifacts)
    urls = [(name, artifact.url if artifact else "unknown artifact") for name, artifact in artifacts]
    return [(name, redact(value)) for name, value in (*configuration.parameters, *urls)]


def _scenarios(state: State) -> list[dict[str, Any]]:
    """Return the executables of the tenant, by scenario."""
    found: dict[str, list[dict[str, Any]]] = {}
    for each in state.published.values():
        executable = each.executable
        kind = "serving" if executable.deployable else "training"
        found.setdefault(executable.scenario_id or "no scenario", []).append(
            {"id": executable.id, "version": executable.version_id, "kind": kind, "of": each.application}
        )
    return [{"id": name, "executables": sorted(its, key=lambda one: str(one["id"]))} for name, its in found.items()]


def _secrets(tables: dict[str, Iterable[Any]]) -> list[dict[str, str]]:
    """Return secrets by name: nothing else of them is known to a reader."""
    return [{"name": secret.id, "kind": kind} for kind, table in tables.items() for secret in table]


def _latest(table: Any) -> list[Any]:
    """Return the latest records of a table, the newest first."""
    found: list[Any] = table.select({}, skip=0, top=SHOWN)
    return found


__all__ = ["clock_of", "live_view"]
