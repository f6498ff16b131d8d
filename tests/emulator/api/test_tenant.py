"""What every tenant has: scenarios of generative AI, models, quotas, nodes, services, key figures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.emulator import Emulator
from pytest_aicore.errors import EmulatorError
from pytest_aicore.http.exchange import Request
from tests.emulator.api.conftest import SCENARIO, SERVE, TRAIN, Caller

if TYPE_CHECKING:
    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client


# Generative AI ----------------------------------------------------------------------------------------------


def test_the_scenarios_of_every_tenant(client: AIAPIV2Client) -> None:
    """They come after the tenant's own, so that what a test has published stays in front."""
    scenarios = client.scenario.query().resources
    assert [each.id for each in scenarios] == [
        "customer-churn",
        "house-price",
        SCENARIO,
        "foundation-models",
        "orchestration",
        "genai-optimizations",
        "genai-evaluations",
    ]
    assert [each.id for each in scenarios if each.is_llm_scenario()] == ["foundation-models"]
    assert [each.id for each in client.scenario.query_llm_scenarios().resources] == ["foundation-models"]
    assert client.scenario.get("foundation-models") == scenarios[3]
    (version,) = client.scenario.query_versions("orchestration").resources
    assert (version.id, version.scenario_id) == ("0.0.1", "orchestration")


@pytest.mark.parametrize("name", ["genai-optimizations", "genai-evaluations"])
def test_what_sap_s_tutorials_execute_is_there(ask: Caller, emulator: Emulator, name: str) -> None:
    """What such an executable takes is not known, so it takes anything; an artifact must exist all the same."""
    assert [each["deployable"] for each in ask("GET", f"/v2/lm/scenarios/{name}/executables").content["resources"]] == [
        False
    ]
    body = {
        "name": "mine",
        "scenarioId": name,
        "executableId": name,
        "parameterBindings": [{"key": "whatever", "value": "1"}],
        "inputArtifactBindings": [{"key": "data", "artifactId": ask.artifact()}],
    }
    lost = {**body, "inputArtifactBindings": [{"key": "data", "artifactId": "not-there"}]}
    ends = []
    for each in (body, lost):
        configuration = ask("POST", "/v2/lm/configurations", each).content["id"]
        execution = ask("POST", "/v2/lm/executions", {"configurationId": configuration}).content["id"]
        emulator.clock.advance(1000)
        ends.append(ask("GET", f"/v2/lm/executions/{execution}").content["status"])
    assert ends == ["COMPLETED", "DEAD"]


def test_foundation_models(ask: Caller, client: AIAPIV2Client) -> None:
    """Each model names an executable of the scenario that can be deployed."""
    models = client.model.query().resources
    executables = {each.id: each for each in client.executable.query("foundation-models").resources}
    assert {each.executable_id for each in models} == set(executables)
    assert all(each.deployable for each in executables.values())
    assert [each.name for each in executables["azure-openai"].parameters] == ["modelName", "modelVersion"]
    first = ask("GET", "/v2/lm/scenarios/foundation-models/models").content["resources"][0]
    assert first == {
        "accessType": "Remote",
        "allowedScenarios": [
            {"executableId": "azure-openai", "scenarioId": "foundation-models"},
            {"executableId": "orchestration", "scenarioId": "orchestration"},
        ],
        "description": "GPT-4o, a model of OpenAI",
        "displayName": "GPT-4o",
        "executableId": "azure-openai",
        "model": "gpt-4o",
        "provider": "OpenAI",
        "versions": [
            {
                "capabilities": ["text-generation"],
                "contextLength": 128000,
                "cost": [{"inputCost": "0.001"}, {"outputCost": "0.002"}],
                "deprecated": False,
                "inputTypes": ["text", "image"],
                "isLatest": True,
                "name": "2024-11-20",
                "orchestrationCapabilities": ["streaming"],
                "retirementDate": "",
                "streamingSupported": True,
            }
        ],
    }
    orchestrated = ask("GET", "/v2/lm/scenarios/orchestration/models").content
    assert orchestrated["count"] == len(models) - 1  # an embedding is no chat
    for scenario in (SCENARIO, "unknown-scenario"):
        assert ask("GET", f"/v2/lm/scenarios/{scenario}/models").content == {"count": 0, "resources": []}


def test_a_tenant_without_generative_ai(client: AIAPIV2Client) -> None:
    """It comes with the service plan `extended`."""
    ask = Caller(Emulator(service_plan="standard"))
    assert ask("GET", "/v2/lm/scenarios").content == {"count": 0, "resources": []}
    assert ask("GET", "/v2/lm/scenarios/foundation-models").status == 404
    assert ask("GET", "/v2/lm/scenarios/foundation-models/models").content["count"] == 0
    assert ask("GET", "/v2/admin/tenantInfo").content["servicePlan"] == "standard"
    with pytest.raises(EmulatorError) as caught:
        Emulator(service_plan="extendet")
    assert str(caught.value) == (
        "Emulator: unknown service_plan='extendet'; expected one of 'extended', 'standard'. Did you mean 'extended'?"
    )


def test_a_template_hides_what_every_tenant_has(ask: Caller, emulator: Emulator) -> None:
    """An executable id is unique: the tenant's own counts."""
    from pytest_aicore.workflows import Executable

    own = Executable("azure-openai", "mine", scenario_id="foundation-models", scenario_name="x", version_id="9")
    emulator.publish(own)
    shown = ask("GET", "/v2/lm/scenarios/foundation-models/executables/azure-openai").content
    assert (shown["versionId"], shown["deployable"]) == ("9", False)
    assert ask("GET", "/v2/lm/scenarios/foundation-models/executables").content["count"] == 5


# The tenant -------------------------------------------------------------------------------------------------


def test_tenant_info(ask: Caller) -> None:
    """No header is needed."""
    assert ask("GET", "/v2/admin/tenantInfo", group=None).content == {
        "servicePlan": "extended",
        "status": "PROVISIONED",
        "tenantId": "00000000-0000-4000-8000-000000000000",
    }


def test_nodes(ask: Caller, emulator: Emulator) -> None:
    """They are there some minutes after they were asked for."""
    path = "/v2/admin/resources/nodes"
    nothing = {"provisioned": 0, "requested": 0}
    plans = ["basic", "basic.8x", "infer.l", "infer.m", "infer.s", "starter", "train.l"]
    assert ask("GET", path).content == {"resourcePlans": dict.fromkeys(plans, nothing)}
    answer = ask("PATCH", path, {"resourcePlans": [{"name": "infer.s", "request": 2}]})
    assert answer.content == {"message": "Reserved resource has been set."}
    assert ask("GET", path).content["resourcePlans"]["infer.s"] == {"provisioned": 0, "requested": 2}
    emulator.clock.advance(299)
    assert ask("GET", path).content["resourcePlans"]["infer.s"] == {"provisioned": 0, "requested": 2}
    emulator.clock.advance(1)
    assert ask("GET", path).content["resourcePlans"]["infer.s"] == {"provisioned": 2, "requested": 2}
    types = ask("GET", "/v2/admin/resources/instanceTypes").content["instanceTypes"]
    assert list(types) == plans
    assert types["starter"] == {"billableUnitsPerHour": 1, "cpu": 1, "gpu": 0, "memory": "3Gi"}


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({}, "01010001", "Invalid Request, resourcePlans is required"),
        ({"resourcePlans": [{"name": "infer.s"}]}, "01010001", "Invalid Request, resourcePlans[0].request is required"),
        (
            {"resourcePlans": [{"name": "infer.s", "request": -1}]},
            "01010001",
            "Invalid Request, resourcePlans[0].request must be at least 0",
        ),
        (
            {"resourcePlans": [{"name": "infer.s", "request": 1}, {"name": "huge", "request": 1}]},
            "400",
            (
                "Unknown resource plan huge; expected one of 'basic', 'basic.8x', 'infer.l', 'infer.m', 'infer.s', "
                "'starter', 'train.l'"
            ),
        ),
    ],
)
def test_nodes_that_are_refused(ask: Caller, body: dict[str, Any], code: str, message: str) -> None:
    """All or nothing."""
    path = "/v2/admin/resources/nodes"
    assert ask("PATCH", path, body).error == (400, code, message)
    assert ask("GET", path).content["resourcePlans"]["infer.s"]["requested"] == 0


def test_services(ask: Caller, emulator: Emulator) -> None:
    """Clients can only read them."""
    assert ask("GET", "/v2/admin/services").content == {"count": 0, "resources": []}
    emulator.add_service("cashapp", description="Cash Application", url="https://cashapp.example.com")
    shown = {
        "description": "Cash Application",
        "name": "cashapp",
        "status": "PROVISIONED",
        "url": "https://cashapp.example.com",
    }
    assert ask("GET", "/v2/admin/services").content == {"count": 1, "resources": [shown]}
    assert ask("GET", "/v2/admin/services/cashapp").content == {**shown, "serviceCatalog": []}
    message = "Service other not found for tenant 00000000-0000-4000-8000-000000000000"
    assert ask("GET", "/v2/admin/services/other").error == (404, "404", message)
    assert ask("GET", "/v2/admin/services/no%20name").status == 400


# Quotas -----------------------------------------------------------------------------------------------------


def test_the_quota_of_deployments(ask: Caller) -> None:
    """What there is, and what there may be, by resource plan."""
    path = "/v2/admin/resourceQuota/deployments"
    deployment = ask("POST", "/v2/lm/deployments", {"configurationId": ask.configuration(SERVE)}).content["id"]
    quota = ask("GET", path).content
    item = {"configuredMaxReplicas": 1, "id": deployment, "resourcePlanType": "starter"}
    assert quota["usage"] == {"count": 1, "items": [item]}
    assert len(quota["quotas"]) == 7
    assert quota["quotas"][0] == {
        "deploymentQuota": {"maxCount": 50, "maxReplicaPerDeployment": 10},
        "resourcePlanType": "basic",
    }
    assert "usage" not in ask("GET", f"{path}?quotaOnly=true").content
    assert ask("GET", f"{path}?quotaOnly=perhaps").status == 400


def test_the_quota_of_executables(ask: Caller) -> None:
    """What every tenant has does not count."""
    assert ask("GET", "/v2/admin/resourceQuota/executables").content == {
        "quota": {"servingTemplateMaxCount": 50, "workflowTemplateMaxCount": 50},
        "usage": {"servingTemplateCount": 1, "workflowTemplateCount": 3},
    }
    assert ask("GET", "/v2/admin/resourceQuota/executables?quotaOnly=True").content == {
        "quota": {"servingTemplateMaxCount": 50, "workflowTemplateMaxCount": 50}
    }


# Key figures ------------------------------------------------------------------------------------------------


def test_kpis(ask: Caller, emulator: Emulator) -> None:
    """By resource group, and by whatever else is asked for."""
    emulator.create_resource_group("team-a")
    training = ask.configuration(TRAIN)
    ask("POST", "/v2/lm/executions", {"configurationId": training})
    ask("POST", "/v2/lm/executions", {"configurationId": training})
    ask("POST", "/v2/lm/deployments", {"configurationId": ask.configuration(SERVE)})
    elsewhere = ask.configuration(TRAIN, group="team-a")
    ask("POST", "/v2/lm/executions", {"configurationId": elsewhere}, group="team-a")
    emulator.clock.advance(60)
    kpis = "/v2/analytics/kpis"
    assert ask("GET", kpis, group=None).content == {
        "header": ["ResourceGroup", "Executions", "Artifacts", "Deployments"],
        "rows": [["default", 2, 4, 1], ["team-a", 1, 2, 0]],
    }
    assert ask("GET", f"{kpis}?$select=Executions,Scenario").content == {
        "header": ["Executions", "Scenario"],
        "rows": [[3, SCENARIO]],
    }
    assert ask("GET", f"{kpis}?$select=ResourceGroup,Executable,Executions,Artifacts,Deployments").content["rows"] == [
        ["default", "", 0, 2, 0],
        ["default", SERVE, 0, 0, 1],
        ["default", TRAIN, 2, 2, 0],
        ["team-a", "", 0, 1, 0],
        ["team-a", TRAIN, 1, 1, 0],
    ]
    assert ask("GET", f"{kpis}?$select=Executions").content == {"header": ["Executions"], "rows": [[3]]}
    assert ask("GET", f"{kpis}?$select=ResourceGroup").content["rows"] == [["default"], ["team-a"]]
    for select, message in (
        ("Nothing", "ResourceGroup, Scenario, Executable, Executions, Artifacts, Deployments"),
        ("Executions,", "ResourceGroup, Scenario, Executable, Executions, Artifacts, Deployments"),
    ):
        refused = ask("GET", f"{kpis}?$select={select}")
        assert refused.error == (400, "01010001", f"Invalid Request, $select must be one of {message}")
    twice = ask("GET", f"{kpis}?$select=Executions,Executions")
    assert twice.error == (400, "01010001", "Invalid Request, $select must name each column once")


# Inside the cluster -----------------------------------------------------------------------------------------


def track(emulator: Emulator, method: str, query: str = "", body: Any = None, **headers: str) -> tuple[int, Any]:
    """Send what `ai_core_sdk.tracking` sends inside a running execution."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    data = json.dumps(body).encode() if body is not None else b""
    url = f"{emulator.tracking_url}/api/v1/metrics{query}"
    response = emulator.handle(Request(method, url, sent, data))
    return response.status, json.loads(response.body) if response.body else None


def test_tracking_needs_no_token(ask: Caller, emulator: Emulator) -> None:
    """Tenant and resource group are headers."""
    execution = ask("POST", "/v2/lm/executions", {"configurationId": ask.configuration()}).content["id"]
    body = {"executionId": execution, "metrics": [{"name": "accuracy", "value": 0.9}]}
    tenant = {"ai_main_tenant": "t", "ai_resource_group": "default"}
    assert track(emulator, "PATCH", "", body, **tenant) == (204, None)
    (resource,) = ask("GET", f"/v2/lm/metrics?executionIds={execution}").content["resources"]
    assert [(each["name"], each["value"]) for each in resource["metrics"]] == [("accuracy", 0.9)]
    status, listed = track(emulator, "GET", f"?executionIds={execution}", **tenant)
    assert (status, listed["count"]) == (200, 1)
    assert track(emulator, "DELETE", f"?executionId={execution}", **tenant)[0] == 200
    assert track(emulator, "GET", f"?executionIds={execution}", **tenant)[0] == 404


def test_tracking_knows_resource_groups(emulator: Emulator) -> None:
    """One that does not exist is refused by the gateway."""
    url = f"{emulator.tracking_url}/api/v1/metrics"
    body = json.dumps({"executionId": "e123456", "tags": [{"name": "a", "value": "b"}]}).encode()
    response = emulator.handle(Request("PATCH", url, {"ai-main-tenant": "t", "ai-resource-group": "nowhere"}, body))
    assert (response.status, response.body) == (403, b"RBAC: access denied")
