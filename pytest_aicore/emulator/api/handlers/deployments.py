"""Deployments: started, watched, given another configuration, stopped, deleted, ended by their time to live."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_aicore.emulator.api.handlers.enactments import (
    EnactmentKind,
    cannot_be_changed,
    details_json,
    filters,
    logs_response,
    selects_status,
    status_json,
    time_json,
)
from pytest_aicore.emulator.api.validation import ID, ObjectOf, Text, json_body
from pytest_aicore.emulator.world.catalogue import GLOBAL_SCENARIOS
from pytest_aicore.http.exchange import (
    ApiError,
    Json,
    invalid,
    json_response,
    present,
    seconds_z,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.emulator.store.records import Configuration, Deployment
    from pytest_aicore.http.exchange import Response
    from pytest_aicore.workflows import Executable

NOT_FOUND = "01010016"
"""Captured for bulk changes of an unknown deployment; that a single call answers the same is assumed."""
INVALID_CONFIGURATION = "01510003"
UNRESOLVED_PLACEHOLDERS = "01510003"
"""Assumed: the sentence is documented, its code is not; another refusal of the same adapter has this code."""
CAN_BE_RECONFIGURED = frozenset({"PENDING", "RUNNING"})
"""Specification: a change of configuration is only allowed for running and pending deployments."""
MINIMUM_TTL_SECONDS = 600
"""Documentation (`limits.timeToLiveDeployments.minimum` of the metadata); the refusal's sentence is assumed."""

_KEEP_DETAILS = frozenset({"RUNNING", "STOPPING", "STOPPED"})
_KEEP_URL = _KEEP_DETAILS | {"PENDING"}
_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86400}
# The specification's `[m,M,h,H,d,D]` has commas, which no unit has.
_TTL = Text(pattern=re.compile(r"^[0-9]+[mMhHdD]\Z", re.ASCII))
DEPLOYMENTS: EnactmentKind[Deployment] = EnactmentKind(
    "Deployment", "deployments", NOT_FOUND, lambda group: group.deployments
)
POST_DATA = ObjectOf({"configurationId": Text(pattern=ID), "ttl": _TTL}, required=("configurationId",))
PATCH_DATA = ObjectOf({"configurationId": Text(pattern=ID), "targetStatus": Text(choices=("STOPPED",))})


def create(call: ApiCall) -> Response:
    """Start a deployment, after a check of its configuration: placeholders are resolved at once (documentation)."""
    body = json_body(call.request, POST_DATA)
    ttl = body.get("ttl")
    seconds = None if ttl is None else _seconds(ttl)
    configuration = _deployable_configuration(call, body["configurationId"])
    deployment = call.platform.cluster.deploy(call.group, configuration, ttl, seconds)
    return json_response(
        202,
        present(
            deploymentUrl="",
            id=deployment.id,
            message="Deployment scheduled.",  # captured, full stop included
            status=deployment.status,
            ttl=ttl,
        ),
        {"location": f"{call.request.path}/{deployment.id}"},
    )


def get(call: ApiCall) -> Response:
    """Show one deployment; with `$select=status` only the fields of its status."""
    return json_response(200, _shown(call)(DEPLOYMENTS.poll(call)))


def query(call: ApiCall) -> Response:
    """List deployments, the newest first."""
    return DEPLOYMENTS.query(call, filters(call), _shown(call))


def count(call: ApiCall) -> Response:
    """Count deployments."""
    return DEPLOYMENTS.count(call, filters(call))


def modify(call: ApiCall) -> Response:
    """Stop one deployment, or give it another configuration.

    The new configuration may be of any executable that can be deployed (assumed).
    """
    body = json_body(call.request, PATCH_DATA)
    deployment = DEPLOYMENTS.find(call)
    if len(body) != 1:
        raise invalid("either targetStatus or configurationId is required")
    if "targetStatus" in body:
        return DEPLOYMENTS.stop(call, deployment)
    if deployment.status not in CAN_BE_RECONFIGURED:
        raise cannot_be_changed(deployment)
    configuration = _deployable_configuration(call, body["configurationId"])
    call.platform.cluster.reconfigure(call.group, deployment, configuration)
    return json_response(202, {"id": deployment.id, "message": "Deployment modification scheduled"})


def delete(call: ApiCall) -> Response:
    """Delete one deployment."""
    return DEPLOYMENTS.delete(call)


def modify_many(call: ApiCall) -> Response:
    """Stop or delete up to a hundred deployments; each gets its own result."""
    return DEPLOYMENTS.modify_many(call)


def logs(call: ApiCall) -> Response:
    """Show the log lines of a deployment."""
    deployment = DEPLOYMENTS.find(call)
    return logs_response(call, deployment, f"{deployment.id}-predictor")


def _deployable_configuration(call: ApiCall, configuration_id: str) -> Configuration:
    configuration = call.group.configurations.get(configuration_id)
    published = call.state.find_published(configuration.executable_id) if configuration else None
    if configuration is None or published is None or not published.executable.deployable:
        raise ApiError(
            400,
            INVALID_CONFIGURATION,
            f"Invalid Request, Runtime Adapter Exception; The Configuration {configuration_id} you've provided is "
            "invalid. Please ensure you supply a valid Configuration.",
        )
    missing = _unresolved(configuration, published.executable)
    if missing is not None:
        raise ApiError(
            400,
            UNRESOLVED_PLACEHOLDERS,
            'Runtime Adapter Exception; Failed to post deployments : {\n "code": "400",\n "message": "Missing input '
            "parameter or artifacts, one or more placeholder values are not resolved in the serving spec and error is "
            f"'dict object' has no attribute '{missing}'.\"\n}}\n",
        )
    return configuration


def _unresolved(configuration: Configuration, executable: Executable) -> str | None:
    """Return the first placeholder for which the configuration has no value; additional values are ignored."""
    parameters, artifacts = dict(configuration.parameters), dict(configuration.artifacts)
    for parameter in executable.parameters:
        if parameter.required and parameter.name not in parameters:
            return parameter.name
    return next((each.name for each in executable.input_artifacts if each.name not in artifacts), None)


def _seconds(ttl: str) -> float:
    seconds = int(ttl[:-1]) * _UNIT_SECONDS[ttl[-1].lower()] if len(ttl) < 10 else float("inf")
    if seconds < MINIMUM_TTL_SECONDS:
        raise invalid("ttl must be at least 10m")
    return seconds


def _shown(call: ApiCall) -> Callable[[Deployment], Json]:
    """Return how a deployment is shown."""
    shown = status_json if selects_status(call) else _deployment_json
    return lambda deployment: shown(call, deployment)


def _deployment_json(call: ApiCall, deployment: Deployment) -> Json:
    """Return a deployment; those of SAP's own scenarios do not name their executable (captured)."""
    return present(
        completionTime=time_json(deployment.completion_time),
        configurationId=deployment.configuration_id,
        configurationName=deployment.configuration_name,
        createdAt=seconds_z(deployment.created_at),
        deploymentUrl=_url(call, deployment),
        details=_details(call, deployment),
        executableId=None if deployment.scenario_id in GLOBAL_SCENARIOS else deployment.executable_id,
        id=deployment.id,
        lastOperation=deployment.last_operation,
        latestRunningConfigurationId=deployment.latest_running_configuration_id,
        modifiedAt=seconds_z(deployment.modified_at),
        scenarioId=deployment.scenario_id,
        startTime=time_json(deployment.start_time),
        status=deployment.status,
        statusDetails=details_json(call, deployment),
        statusMessage=deployment.status_message,
        submissionTime=time_json(deployment.submission_time),
        targetStatus=deployment.target_status,
        ttl=deployment.ttl,
    )


def _url(call: ApiCall, deployment: Deployment) -> str:
    """Return its URL, which it keeps from RUNNING on, also STOPPED (captured) and in between (assumed)."""
    if deployment.start_time is None or deployment.status not in _KEEP_URL:
        return ""
    return f"{call.base_url}/v2/inference/deployments/{deployment.id}"


def _details(call: ApiCall, deployment: Deployment) -> Json | None:
    """Return scaling and resources of one that runs, or was stopped (captured) while it ran.

    In the shape of the specification's examples; that it contains the foundation model is known from SAP's clients.
    """
    published = call.state.find_published(deployment.executable_id)
    if deployment.start_time is None or deployment.status not in _KEEP_DETAILS or published is None:
        return None
    configuration = call.group.configurations.get(deployment.configuration_id)
    if published.executable.scenario_id in GLOBAL_SCENARIOS and configuration:
        defaults = {parameter.name: parameter.default for parameter in published.executable.parameters}
        values = {**defaults, **dict(configuration.parameters)}
        model = present(name=values.get("modelName"), version=values.get("modelVersion"))
        return {"resources": _twice({"model": model} if model else {}), "scaling": _twice({})}
    plans = published.executable.resource_plans
    return {
        "resources": _twice({"predictor": {"resourcePlan": plans[0]}} if plans else {}),
        "scaling": _twice({"predictor": {"runningReplicas": int(deployment.status == "RUNNING")}}),
    }


def _twice(details: Json) -> Json:
    """Return details under both names that the service gives them (captured since 2024)."""
    return {"backendDetails": details, "backend_details": details}
