"""The tenant: its plan, its quotas, its nodes, its services, its key figures."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from pytest_aicore.emulator.api.handlers.admin import by_name, missing, named, refused
from pytest_aicore.emulator.api.handlers.secrets import scope_of
from pytest_aicore.emulator.api.validation import ListOf, ObjectOf, Text, Whole, json_body, query_flag
from pytest_aicore.emulator.store.state import TENANT_ID
from pytest_aicore.emulator.world import quotas
from pytest_aicore.errors import listing
from pytest_aicore.http.exchange import Json, invalid, json_response, page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.emulator.api.call import ApiCall
    from pytest_aicore.emulator.store.admin_records import AIService
    from pytest_aicore.emulator.store.state import ResourceGroup
    from pytest_aicore.http.exchange import Response

INSTANCE_TYPES: dict[str, Json] = {
    "basic": {"billableUnitsPerHour": 2, "cpu": 3, "gpu": 0, "memory": "11Gi"},
    "basic.8x": {"billableUnitsPerHour": 16, "cpu": 31, "gpu": 0, "memory": "116Gi"},
    "infer.l": {"billableUnitsPerHour": 12, "cpu": 15, "gpu": 1, "memory": "58Gi"},
    "infer.m": {"billableUnitsPerHour": 8, "cpu": 7, "gpu": 1, "memory": "26Gi"},
    "infer.s": {"billableUnitsPerHour": 6, "cpu": 3, "gpu": 1, "memory": "10Gi"},
    "starter": {"billableUnitsPerHour": 1, "cpu": 1, "gpu": 0, "memory": "3Gi"},
    "train.l": {"billableUnitsPerHour": 24, "cpu": 7, "gpu": 1, "memory": "55Gi"},
}
"""Names documented; sizes and units assumed, and so is that these calls name resource plans."""
STANDARD_PLAN = "starter"
"""Documentation: the plan of executions and deployments that name none."""
KPI_COLUMNS = ("ResourceGroup", "Scenario", "Executable", "Executions", "Artifacts", "Deployments")
KPI_DEFAULT = ("ResourceGroup", "Executions", "Artifacts", "Deployments")

_NAME = Text(32, re.compile(r"^[a-zA-Z0-9\-_]+\Z", re.ASCII), 1)
NODES_DATA = ObjectOf(
    {
        "resourcePlans": ListOf(
            ObjectOf({"name": Text(), "request": Whole(0, 10_000)}, required=("name", "request")),
        )
    },
    required=("resourcePlans",),
)


def info(call: ApiCall) -> Response:
    """Show the tenant and its service plan."""
    return json_response(200, {"servicePlan": call.state.service_plan, "status": "PROVISIONED", "tenantId": TENANT_ID})


# Nodes and services -----------------------------------------------------------------------------------------


def instance_types(call: ApiCall) -> Response:  # noqa: ARG001
    """List the types of nodes."""
    return json_response(200, {"instanceTypes": INSTANCE_TYPES})


def nodes(call: ApiCall) -> Response:
    """Show how many nodes of each plan are requested and reserved."""
    if any(each.ready_at is not None for each in call.state.tenant.nodes):
        call.platform.world.poll()
    plans = {plan: {"provisioned": 0, "requested": 0} for plan in INSTANCE_TYPES}
    plans |= {
        each.id: {"provisioned": each.provisioned, "requested": each.requested} for each in call.state.tenant.nodes
    }
    return json_response(200, {"resourcePlans": plans})


def request_nodes(call: ApiCall) -> Response:
    """Reserve nodes; they are ready some minutes later."""
    wanted = json_body(call.request, NODES_DATA)["resourcePlans"]
    for each in wanted:
        if each["name"] not in INSTANCE_TYPES:
            raise refused(400, f"Unknown resource plan {each['name']}; expected one of {listing(INSTANCE_TYPES)}")
    for each in wanted:
        call.platform.tenancy.request_nodes(each["name"], each["request"])
    return json_response(200, {"message": "Reserved resource has been set."})


def services(call: ApiCall) -> Response:
    """List the AI services of the tenant."""
    shown = [_service_json(service) for service in by_name(call.state.tenant.services)]
    return json_response(200, page(shown, len(shown)))


def service(call: ApiCall) -> Response:
    """Show one AI service."""
    name = named(call, "ServiceName", _NAME)
    found = call.state.tenant.services.get(name)
    if found is None:
        raise missing("Service", name)
    return json_response(200, {**_service_json(found), "serviceCatalog": []})


def _service_json(service: AIService) -> Json:
    return {
        "description": service.description,
        "name": service.id,
        "status": "PROVISIONED",
        "url": service.url,
    }


# Quotas -----------------------------------------------------------------------------------------------------


def resource_group_quota(call: ApiCall) -> Response:
    """Show the number and the quota of resource groups."""
    return _quota(call, len(call.state.groups), quotas.RESOURCE_GROUPS)


def application_quota(call: ApiCall) -> Response:
    """Show the number and the quota of applications."""
    return _quota(call, len(call.state.tenant.applications), quotas.APPLICATIONS)


def repository_quota(call: ApiCall) -> Response:
    """Show the number and the quota of repositories."""
    return _quota(call, len(call.state.tenant.repositories), quotas.REPOSITORIES)


def docker_registry_secret_quota(call: ApiCall) -> Response:
    """Show the number and the quota of docker registry secrets."""
    return _quota(call, len(call.state.tenant.docker_secrets), quotas.DOCKER_REGISTRY_SECRETS)


def secret_quota(call: ApiCall) -> Response:
    """Show the number and the quota of generic secrets of a scope."""
    scope = scope_of(call)
    return _quota(call, len(scope.secrets), scope.maximum)


def executable_quota(call: ApiCall) -> Response:
    """Show the number and the quota of templates."""
    serving = sum(item.executable.deployable for item in call.state.published.values())
    usage = {"servingTemplateCount": serving, "workflowTemplateCount": len(call.state.published) - serving}
    quota = {"servingTemplateMaxCount": quotas.TEMPLATES, "workflowTemplateMaxCount": quotas.TEMPLATES}
    return json_response(200, {"quota": quota} if _quota_only(call) else {"quota": quota, "usage": usage})


def deployment_quota(call: ApiCall) -> Response:
    """Show the number and the quota of deployments of each resource plan."""
    maximum = {"maxCount": quotas.DEPLOYMENTS, "maxReplicaPerDeployment": quotas.REPLICAS_PER_DEPLOYMENT}
    answer: Json = {"quotas": [{"deploymentQuota": maximum, "resourcePlanType": plan} for plan in INSTANCE_TYPES]}
    if not _quota_only(call):
        items = [
            {"configuredMaxReplicas": 1, "id": each.id, "resourcePlanType": plan_of(call, each.executable_id)}
            for group in call.state.groups.values()
            for each in group.deployments
        ]
        answer["usage"] = {"count": len(items), "items": items}
    return json_response(200, answer)


def plan_of(call: ApiCall, executable_id: str) -> str:
    """Return the resource plan that deployments of an executable run on."""
    published = call.state.find_published(executable_id)
    plans = published.executable.resource_plans if published else ()
    return plans[0] if plans else STANDARD_PLAN


def _quota(call: ApiCall, count: int, maximum: int) -> Response:
    quota = {"quota": {"maxCount": maximum}}
    return json_response(200, quota if _quota_only(call) else {**quota, "usage": {"count": count}})


def _quota_only(call: ApiCall) -> bool:
    return query_flag(call.request, "quotaOnly")


# Key figures ------------------------------------------------------------------------------------------------


def kpis(call: ApiCall) -> Response:
    """Count executions, artifacts and deployments by resource group, scenario and executable.

    Deleted records are not counted (assumed). An artifact counts for the executable of the execution that wrote it, and
    for an empty name if a client registered it.
    """
    select = call.request.query.get("$select")
    columns = select.split(",") if select else list(KPI_DEFAULT)
    for column in columns:
        if column not in KPI_COLUMNS:
            raise invalid(f"$select must be one of {', '.join(KPI_COLUMNS)}")
    if len(set(columns)) < len(columns):
        raise invalid("$select must name each column once")
    attributes = [column for column in columns if column in KPI_COLUMNS[:3]]
    counted = [column for column in columns if column in KPI_COLUMNS[3:]]
    figures: dict[tuple[str, ...], Counter[str]] = {}
    for group in call.state.groups.values():
        if set(attributes) <= {"ResourceGroup"}:
            key = (group.id,) if attributes else ()
            figures.setdefault(key, Counter()).update(
                Executions=len(group.executions), Artifacts=len(group.artifacts), Deployments=len(group.deployments)
            )
            continue
        for column, scenario, executable in _facts(group):
            facts = {"ResourceGroup": group.id, "Scenario": scenario, "Executable": executable}
            figures.setdefault(tuple(facts[name] for name in attributes), Counter())[column] += 1
    rows = [
        [dict(zip(attributes, key, strict=True)).get(column, figure[column]) for column in columns]
        for key, figure in sorted(figures.items())
    ]
    return json_response(200, {"header": columns, "rows": rows if attributes or counted else []})


def _facts(group: ResourceGroup) -> Iterable[tuple[str, str, str]]:
    for execution in group.executions:
        yield "Executions", execution.scenario_id, execution.executable_id
    for artifact in group.artifacts:
        execution_of = group.executions.get(artifact.execution_id) if artifact.execution_id else None
        yield "Artifacts", artifact.scenario_id, execution_of.executable_id if execution_of else ""
    for deployment in group.deployments:
        yield "Deployments", deployment.scenario_id, deployment.executable_id
