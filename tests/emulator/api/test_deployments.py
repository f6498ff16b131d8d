"""Deployments: their life, their changes, their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ai_api_client_sdk.exception import AIAPIInvalidRequestException, AIAPINotFoundException
from ai_api_client_sdk.models.status import Status

from pytest_aicore.emulator import Emulator
from pytest_aicore.errors import EmulatorError
from tests.emulator.api.conftest import SCENARIO, SERVE, TRAIN, Caller
from tests.places import our_folder

if TYPE_CHECKING:
    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client


def twice(details: dict[str, object]) -> dict[str, object]:
    """Return details as the service shows them, under two names."""
    return {"backendDetails": details, "backend_details": details}


def running(ask: Caller, emulator: Emulator, **body: str) -> str:
    """Deploy, wait until it runs, and return the id."""
    answer = ask("POST", "/v2/lm/deployments", {"configurationId": ask.configuration(SERVE), **body})
    emulator.clock.advance(15)
    return str(answer.content["id"])


def test_a_deployment_comes_to_run(ask: Caller, emulator: Emulator) -> None:
    """It is unknown to the cluster, then pending, then it runs and has a URL."""
    configuration = ask.configuration(SERVE)
    answer = ask("POST", "/v2/lm/deployments", {"configurationId": configuration})
    deployment = answer.content["id"]
    assert answer.status == 202
    assert answer.headers["location"] == f"/v2/lm/deployments/{deployment}"
    assert answer.content == {
        "deploymentUrl": "",
        "id": deployment,
        "message": "Deployment scheduled.",
        "status": "UNKNOWN",
    }
    assert len(deployment) == 16
    assert deployment.startswith("d")
    beginning = {
        "configurationId": configuration,
        "configurationName": f"conf of {SERVE}",
        "createdAt": "2025-01-01T00:00:00Z",
        "deploymentUrl": "",
        "executableId": SERVE,
        "id": deployment,
        "lastOperation": "CREATE",
        "modifiedAt": "2025-01-01T00:00:00Z",
        "scenarioId": SCENARIO,
        "status": "UNKNOWN",
        "statusDetails": {
            "aiApiDetails": {
                "statusUpdater": {"message": [{"code": "05010016", "message": f"Deployment id {deployment} not found"}]}
            }
        },
        "targetStatus": "RUNNING",
    }
    assert ask("GET", f"/v2/lm/deployments/{deployment}").content == beginning
    emulator.clock.advance(10)
    pending = {**beginning, "modifiedAt": "2025-01-01T00:00:10Z", "status": "PENDING"}
    del pending["statusDetails"]
    assert ask("GET", f"/v2/lm/deployments/{deployment}").content == pending
    emulator.clock.advance(5)
    assert ask("GET", f"/v2/lm/deployments/{deployment}").content == {
        **pending,
        "deploymentUrl": f"https://api.ai.aicore.invalid/v2/inference/deployments/{deployment}",
        "details": {
            "resources": twice({"predictor": {"resourcePlan": "starter"}}),
            "scaling": twice({"predictor": {"runningReplicas": 1}}),
        },
        "latestRunningConfigurationId": configuration,
        "modifiedAt": "2025-01-01T00:00:15Z",
        "startTime": "2025-01-01T00:00:15Z",
        "status": "RUNNING",
        "submissionTime": "2025-01-01T00:00:15Z",
    }
    assert ask("GET", f"/v2/lm/deployments/{deployment}?$select=status").content == {
        "configurationId": configuration,
        "createdAt": "2025-01-01T00:00:00Z",
        "id": deployment,
        "modifiedAt": "2025-01-01T00:00:15Z",
        "status": "RUNNING",
    }
    emulator.clock.advance(86400 * 365)
    assert ask("GET", f"/v2/lm/deployments/{deployment}").content["status"] == "RUNNING"


def test_a_polling_loop_comes_to_its_end(client: AIAPIV2Client, emulator: Emulator, ask: Caller) -> None:
    """Who looks again and again sees the deployment run, although nobody moves the clock."""
    emulator.clock.set(emulator.clock.now(), held=False)
    deployment = client.deployment.create(ask.configuration(SERVE))
    seen = [client.deployment.get(deployment.id).status for _ in range(6)]
    assert seen[0] is Status.UNKNOWN
    assert seen[-1] is Status.RUNNING
    now = emulator.clock.now()
    for _ in range(10):
        assert client.deployment.get(deployment.id).status is Status.RUNNING
    assert emulator.clock.now() == now  # nobody waits for anything any more


REFUSED = [
    pytest.param(SERVE, [], [], "textmodel", id="an input artifact without artifact"),
    pytest.param("needs-a-parameter", [], [], "size", id="a parameter without default and value"),
    pytest.param("needs-a-parameter", [("Size", "1")], [], "size", id="a key of another case"),
]


@pytest.mark.parametrize(("executable", "parameters", "artifacts", "missing"), REFUSED)
def test_placeholders_are_resolved_at_once(
    ask: Caller,
    emulator: Emulator,
    executable: str,
    parameters: list[tuple[str, str]],
    artifacts: list[tuple[str, str]],
    missing: str,
) -> None:
    """What the configuration leaves open is refused when the deployment is created, not later."""
    from pytest_aicore.workflows import Executable, Parameter

    emulator.publish(
        Executable(
            "needs-a-parameter",
            "n",
            scenario_id=SCENARIO,
            scenario_name="s",
            version_id="1",
            deployable=True,
            parameters=(Parameter("size"), Parameter("replicas", "1")),
        )
    )
    configuration = ask.configuration(
        executable,
        inputArtifactBindings=[],
        parameterBindings=[{"key": key, "value": value} for key, value in parameters],
    )
    answer = ask("POST", "/v2/lm/deployments", {"configurationId": configuration})
    message = (
        'Runtime Adapter Exception; Failed to post deployments : {\n "code": "400",\n "message": "Missing input '
        "parameter or artifacts, one or more placeholder values are not resolved in the serving spec and error is "
        f"'dict object' has no attribute '{missing}'.\"\n}}\n"
    )
    assert answer.error == (400, "01510003", message)
    assert ask("GET", "/v2/lm/deployments/$count").body == b"0"


def test_only_a_serving_template_is_deployed(ask: Caller) -> None:
    """A configuration that does not exist, or whose executable trains, is invalid."""
    for configuration in ("does-not-exist", ask.configuration(TRAIN)):
        message = (
            f"Invalid Request, Runtime Adapter Exception; The Configuration {configuration} you've provided is "
            "invalid. Please ensure you supply a valid Configuration."
        )
        answer = ask("POST", "/v2/lm/deployments", {"configurationId": configuration})
        assert answer.error == (400, "01510003", message)


def test_a_deployment_cannot_be_executed(ask: Caller) -> None:
    """A serving template's configuration starts no execution."""
    answer = ask("POST", "/v2/lm/executions", {"configurationId": ask.configuration(SERVE)})
    assert answer.error == (
        400,
        "01010060",
        f"Invalid Request, Executable {SERVE} is deployable: it can be deployed, but not executed",
    )


@pytest.mark.parametrize("ttl", ["9m", "0h", "599", "10", "10,", "-10m", "10s", "\u0661\u0660m", "", " 10m", "10m\n"])
def test_a_time_to_live_that_cannot_be(ask: Caller, ttl: str) -> None:
    """It is a number and a unit, and at least ten minutes."""
    answer = ask("POST", "/v2/lm/deployments", {"configurationId": ask.configuration(SERVE), "ttl": ttl})
    too_short = "ttl must be at least 10m"
    wrong = "ttl must match ^[0-9]+[mMhHdD]$"
    message = too_short if ttl in ("9m", "0h") else wrong
    assert answer.error == (400, "01010001", f"Invalid Request, {message}")


@pytest.mark.parametrize(("ttl", "seconds"), [("10m", 600), ("24H", 86400), ("2d", 172800)])
def test_a_time_to_live_ends_a_deployment(ask: Caller, emulator: Emulator, ttl: str, seconds: float) -> None:
    """When its time is over it is stopped, then it is gone."""
    deployment = running(ask, emulator, ttl=ttl)
    assert ask("GET", f"/v2/lm/deployments/{deployment}").content["ttl"] == ttl
    emulator.clock.advance(seconds - 16)
    assert ask("GET", f"/v2/lm/deployments/{deployment}").content["status"] == "RUNNING"
    emulator.clock.advance(1)
    ending = ask("GET", f"/v2/lm/deployments/{deployment}").content
    assert (ending["status"], ending["targetStatus"], ending["lastOperation"]) == ("STOPPING", "DELETED", "DELETE")
    assert ending["deploymentUrl"].endswith(deployment)
    emulator.clock.advance(10)
    stopped = ask("GET", f"/v2/lm/deployments/{deployment}").content
    assert (stopped["status"], stopped["targetStatus"], stopped["lastOperation"]) == ("STOPPED", "DELETED", "DELETE")
    emulator.clock.advance(60)
    assert ask("GET", f"/v2/lm/deployments/{deployment}").error == (
        404,
        "01010016",
        f"Deployment with id {deployment} is not found",
    )


def test_a_time_to_live_that_nobody_lives_to_see(ask: Caller, emulator: Emulator) -> None:
    """A number of days beyond the end of time is accepted and never comes."""
    deployment = running(ask, emulator, ttl="99999999999999d")
    emulator.clock.advance(86400 * 1000)
    assert ask("GET", f"/v2/lm/deployments/{deployment}").content["status"] == "RUNNING"


def test_a_stopped_deployment_is_deleted_when_its_time_is_over(ask: Caller, emulator: Emulator) -> None:
    """The time to live counts from its creation, whatever became of it."""
    deployment = running(ask, emulator, ttl="10m")
    ask("PATCH", f"/v2/lm/deployments/{deployment}", {"targetStatus": "STOPPED"})
    emulator.clock.advance(100)
    assert ask("GET", f"/v2/lm/deployments/{deployment}").content["status"] == "STOPPED"
    emulator.clock.advance(500)
    assert ask("GET", f"/v2/lm/deployments/{deployment}").content["targetStatus"] == "DELETED"
    emulator.clock.advance(60)
    assert ask("GET", f"/v2/lm/deployments/{deployment}").status == 404


def test_another_configuration(client: AIAPIV2Client, ask: Caller, emulator: Emulator) -> None:
    """It keeps its URL, and shows which configuration ran last until the new one does."""
    deployment = running(ask, emulator)
    before = client.deployment.get(deployment)
    other = ask.configuration(SERVE, name="another")
    answer = client.deployment.modify(deployment, configuration_id=other)
    assert (answer.id, answer.message) == (deployment, "Deployment modification scheduled")
    swapping = client.deployment.get(deployment)
    assert swapping.status is Status.PENDING
    assert swapping.configuration_id == other
    assert swapping.configuration_name == "another"
    assert swapping.latest_running_configuration_id == before.configuration_id
    assert swapping.deployment_url == before.deployment_url
    assert swapping.last_operation.value == "UPDATE"
    emulator.clock.advance(5)
    after = client.deployment.get(deployment)
    assert after.status is Status.RUNNING
    assert after.latest_running_configuration_id == other


def test_another_configuration_that_cannot_be(ask: Caller, emulator: Emulator) -> None:
    """It is checked like the first one, and only a pending or running deployment takes it."""
    deployment = running(ask, emulator)
    path = f"/v2/lm/deployments/{deployment}"
    answer = ask("PATCH", path, {"configurationId": "does-not-exist"})
    assert answer.error[:2] == (400, "01510003")
    both = {"configurationId": ask.configuration(SERVE), "targetStatus": "STOPPED"}
    for body in ({}, both):
        assert ask("PATCH", path, body).error == (
            400,
            "01010001",
            "Invalid Request, either targetStatus or configurationId is required",
        )
    ask("PATCH", path, {"targetStatus": "STOPPED"})
    refused = ask("PATCH", path, {"configurationId": ask.configuration(SERVE)})
    assert refused.error == (400, "01010076", "Invalid Request, Current status STOPPING cannot be changed..")
    assert refused.content["error"]["target"] == f"/api/v2/deployments/{deployment}"


LEGAL = [
    ("UNKNOWN", 0, False, True),
    ("PENDING", 10, True, False),
    ("RUNNING", 15, True, False),
]


@pytest.mark.parametrize(("status", "after", "can_stop", "can_delete"), LEGAL)
def test_which_status_can_be_changed(
    ask: Caller, emulator: Emulator, status: str, after: float, *, can_stop: bool, can_delete: bool
) -> None:
    """As SAP's tables have it: an unknown one is deleted, a running one must be stopped first."""
    path = "/v2/lm/deployments"
    deployment = ask("POST", path, {"configurationId": ask.configuration(SERVE)}).content["id"]
    emulator.clock.advance(after)
    refusal = (400, "01010076", f"Invalid Request, Current status {status} cannot be changed..")
    deletion = ask("DELETE", f"{path}/{deployment}")
    if can_delete:
        assert deletion.content == {"id": deployment, "message": "Deletion scheduled", "targetStatus": "DELETED"}
        shown = ask("GET", f"{path}/{deployment}").content
        assert (shown["status"], shown["targetStatus"]) == (status, "DELETED")
        deployment = ask("POST", path, {"configurationId": ask.configuration(SERVE)}).content["id"]
    else:
        assert deletion.error == refusal
    stop = ask("PATCH", f"{path}/{deployment}", {"targetStatus": "STOPPED"})
    if can_stop:
        assert stop.content == {"id": deployment, "message": "Deployment modification scheduled"}
        assert ask("GET", f"{path}/{deployment}").content["status"] == "STOPPING"
        assert ask("DELETE", f"{path}/{deployment}").status == 400
        emulator.clock.advance(10)
        assert ask("GET", f"{path}/{deployment}").content["status"] == "STOPPED"
        assert ask("DELETE", f"{path}/{deployment}").status == 202
    else:
        assert stop.error == refusal


def test_bulk_changes(ask: Caller, emulator: Emulator) -> None:
    """Each deployment gets an answer of its own; the content type has to be the right one."""
    one, two = running(ask, emulator), running(ask, emulator)
    body = {
        "deployments": [
            {"id": one, "targetStatus": "STOPPED"},
            {"id": two, "targetStatus": "DELETED"},
            {"id": "unknown-one", "targetStatus": "STOPPED"},
        ]
    }
    path, patch = "/v2/lm/deployments", "application/merge-patch+json"
    refused = ask("PATCH", path, body, content_type="text/plain")
    assert refused.error == (400, "01010001", f"Invalid Request, Content-Type must be {patch}")
    answer = ask("PATCH", path, body, content_type=patch)
    stopped, illegal, unknown = answer.content["deployments"]
    assert answer.status == 202
    assert stopped == {"id": one, "message": "Deployment modification scheduled"}
    assert illegal["id"] == two
    assert illegal["error"]["code"] == "01010076"
    assert illegal["error"]["message"] == "Current status RUNNING cannot be changed"
    assert illegal["error"]["target"] == f"/api/v2/deployments/{two}"
    assert unknown["error"]["code"] == "01010016"
    assert unknown["error"]["message"] == "Deployment with id unknown-one is not found"
    assert ask("GET", f"{path}/{one}").content["status"] == "STOPPING"
    emulator.clock.advance(10)
    deletion = {"deployments": [{"id": one, "targetStatus": "DELETED"}]}
    answer = ask("PATCH", path, deletion, content_type=f"{patch}; charset=utf-8")
    assert answer.content == {"deployments": [{"id": one, "message": "Deployment modification scheduled"}]}
    assert ask("GET", f"{path}/{one}").content["targetStatus"] == "DELETED"
    emulator.clock.advance(60)
    assert ask("GET", f"{path}/{one}").status == 404
    for wrong in (
        [],
        body["deployments"][:1] * 2,
        [{"id": f"d{n:015}", "targetStatus": "STOPPED"} for n in range(101)],
    ):
        assert ask("PATCH", path, {"deployments": wrong}, content_type=patch).status == 400


def test_lists_and_counts(client: AIAPIV2Client, ask: Caller, emulator: Emulator) -> None:
    """They are filtered by what the specification names, the newest first."""
    first = running(ask, emulator)
    second = client.deployment.create(ask.configuration(SERVE)).id
    assert [each.id for each in client.deployment.query().resources] == [second, first]
    assert [each.id for each in client.deployment.query(status=Status.RUNNING).resources] == [first]
    assert client.deployment.count(scenario_id=SCENARIO, executable_ids=[SERVE, TRAIN]) == 2
    assert client.deployment.count(status=Status.DEAD) == 0
    assert ask("GET", "/v2/lm/deployments?$top=1&$skip=1").content["resources"][0]["id"] == first
    assert ask("GET", "/v2/lm/deployments?$select=status&$top=1").content["resources"][0].keys() == {
        "configurationId",
        "createdAt",
        "id",
        "modifiedAt",
        "status",
        "statusDetails",
    }
    assert ask("GET", "/v2/lm/deployments?status=GONE").error == (
        400,
        "01010001",
        "Invalid Request, status must be one of UNKNOWN, PENDING, RUNNING, COMPLETED, DEAD, STOPPING, STOPPED",
    )
    emulator.create_resource_group("elsewhere")
    assert ask("GET", "/v2/lm/deployments/$count", group="elsewhere").body == b"0"
    assert ask("GET", f"/v2/lm/deployments/{first}", group="elsewhere").status == 404


def test_logs(client: AIAPIV2Client, ask: Caller, emulator: Emulator) -> None:
    """What a deployment writes can be read once it runs."""
    emulator.script(executable=SERVE, logs=["listening"])
    deployment = client.deployment.create(ask.configuration(SERVE)).id
    assert client.deployment.query_logs(deployment).data.result == []
    emulator.clock.advance(15)
    assert ask("GET", f"/v2/lm/deployments/{deployment}/logs").content == {
        "data": {
            "result": [
                {
                    "container": "kserve-container",
                    "msg": "listening",
                    "pod": f"{deployment}-predictor",
                    "timestamp": "2025-01-01T00:00:15.000000000+00:00",
                }
            ]
        }
    }
    with pytest.raises(AIAPINotFoundException) as caught:
        client.deployment.query_logs("d0123456789abcdef")
    assert caught.value.error_message == "Deployment with id d0123456789abcdef is not found"


def test_a_script_lets_a_deployment_fail(client: AIAPIV2Client, ask: Caller, emulator: Emulator) -> None:
    """It dies before it runs, with the details of its container."""
    emulator.script(executable=SERVE, times=1, outcome="DEAD", status_message="out of luck")
    deployment = client.deployment.create(ask.configuration(SERVE)).id
    emulator.clock.advance(15)
    dead = client.deployment.get(deployment)
    assert (dead.status, dead.status_message, dead.deployment_url) == (Status.DEAD, "out of luck", "")
    assert dead.start_time is None
    assert dead.status_details == {
        "deployment_info": [
            {
                "last_transition_time": "2025-01-01T00:00:15Z",
                "message": "Container kserve-container ended with exit code 1",
                "status": "False",
                "type": "PredictorReady",
            }
        ],
        "details": [
            {
                "container_name": "kserve-container",
                "exit_code": 1,
                "last_log_messages": "",
                "message": "Error (exit code 1)",
                "pod_name": f"{deployment}-predictor",
                "ready": False,
            }
        ],
    }
    emulator.clock.advance(100)
    assert client.deployment.get(client.deployment.create(ask.configuration(SERVE)).id).status is Status.UNKNOWN


def test_a_script_lets_a_deployment_run_for_a_while(client: AIAPIV2Client, ask: Caller, emulator: Emulator) -> None:
    """With `running=` it runs for so long before it ends as the script says."""
    emulator.script(executable=SERVE, outcome="DEAD", running=60)
    deployment = running(ask, emulator)
    assert client.deployment.get(deployment).status is Status.RUNNING
    emulator.clock.advance(60)
    assert client.deployment.get(deployment).status is Status.DEAD


def test_a_script_counts_looks(client: AIAPIV2Client, ask: Caller, emulator: Emulator) -> None:
    """With `polls=` each status takes so many looks, and a running deployment stays."""
    emulator.script(executable=SERVE, polls=1)
    deployment = client.deployment.create(ask.configuration(SERVE)).id
    seen = [client.deployment.get(deployment, select="status").status.value for _ in range(5)]
    assert seen == ["UNKNOWN", "PENDING", "RUNNING", "RUNNING", "RUNNING"]


def test_a_script_for_one_deployment(ask: Caller, emulator: Emulator) -> None:
    """`execution=` takes the id of a deployment, too."""
    deployment = ask("POST", "/v2/lm/deployments", {"configurationId": ask.configuration(SERVE)}).content["id"]
    emulator.script(execution=deployment, stuck_in="PENDING")
    emulator.clock.advance(86400)
    assert ask("GET", f"/v2/lm/deployments/{deployment}").content["status"] == "PENDING"
    ask("PATCH", f"/v2/lm/deployments/{deployment}", {"targetStatus": "STOPPED"})
    emulator.clock.advance(86400)
    with pytest.raises(EmulatorError) as caught:
        emulator.script(execution=deployment, outcome="DEAD", place="test.py:1")
    assert str(caught.value) == (
        f"test.py:1: script: deployment {deployment} has already ended (STOPPED): script it earlier, or script the "
        "next one with times=1."
    )


def test_foundation_models_are_deployed(client: AIAPIV2Client, ask: Caller, emulator: Emulator) -> None:
    """The model's name is a parameter that has to be bound; which model runs is shown."""
    scenario = "foundation-models"
    wrong = ask.configuration("azure-openai", scenarioId=scenario)
    with pytest.raises(AIAPIInvalidRequestException) as caught:
        client.deployment.create(wrong)
    assert "'dict object' has no attribute 'modelName'" in caught.value.error_message
    bindings = [{"key": "modelName", "value": "gpt-4o"}]
    right = ask.configuration("azure-openai", scenarioId=scenario, parameterBindings=bindings)
    deployment = client.deployment.create(right).id
    emulator.clock.advance(15)
    assert ask("GET", f"/v2/lm/deployments/{deployment}").content["details"] == {
        "resources": twice({"model": {"name": "gpt-4o", "version": "latest"}}),
        "scaling": twice({}),
    }
    assert "executableId" not in ask("GET", f"/v2/lm/deployments/{deployment}").content


@pytest.mark.parametrize(
    ("name", "value", "lacks"),
    [
        ("metrics", {"accuracy": 1}, "metrics"),
        ("progress", 50, "progress"),
        ("outputs", {"model": "m"}, "output artifacts"),
        ("omit_outputs", True, "output artifacts"),
    ],
)
def test_a_script_says_nothing_of_a_deployment_that_it_lacks(
    ask: Caller, emulator: Emulator, name: str, value: object, lacks: str
) -> None:
    ask.configuration(SERVE)
    with pytest.raises(EmulatorError) as refused:
        emulator.script(executable=SERVE, place="test.py:1", **{name: value})  # type: ignore[arg-type]
    assert str(refused.value) == (
        f"test.py:1: script: {name}= is for trainings, and {SERVE!r} is deployed: a deployment has no {lacks}."
    )


def test_a_rollback_takes_deployments_along(ask: Caller, emulator: Emulator) -> None:
    """A deployment that was under way at a checkpoint goes on after the rollback."""
    deployment = ask("POST", "/v2/lm/deployments", {"configurationId": ask.configuration(SERVE)}).content["id"]
    checkpoint = emulator.checkpoint()
    later = running(ask, emulator)
    emulator.rollback(checkpoint)
    assert ask("GET", f"/v2/lm/deployments/{later}").status == 404
    emulator.clock.advance(15)
    assert ask("GET", f"/v2/lm/deployments/{deployment}").content["status"] == "RUNNING"


def test_a_deleted_deployment_is_shown_for_a_minute(ask: Caller, emulator: Emulator) -> None:
    deployment = running(ask, emulator)
    path = f"/v2/lm/deployments/{deployment}"
    url = ask("GET", path).content["deploymentUrl"]
    assert ask("DELETE", path).status == 400
    ask("PATCH", path, {"targetStatus": "STOPPED"})
    emulator.clock.advance(10)
    stopped = ask("GET", path).content
    assert (stopped["status"], stopped["targetStatus"], stopped["deploymentUrl"]) == ("STOPPED", "STOPPED", url)
    assert stopped["details"]["scaling"] == twice({"predictor": {"runningReplicas": 0}})
    assert stopped["completionTime"] == "2025-01-01T00:00:25Z"
    answer = ask("DELETE", path)
    assert (answer.status, answer.content["targetStatus"]) == (202, "DELETED")
    emulator.clock.advance(59)
    assert ask("DELETE", path).status == 202  # once more, which changes nothing
    for shown in (ask("GET", path).content, *ask("GET", "/v2/lm/deployments").content["resources"]):
        assert (shown["status"], shown["targetStatus"], shown["lastOperation"]) == ("STOPPED", "DELETED", "DELETE")
        assert (shown["deploymentUrl"], shown["modifiedAt"]) == (url, "2025-01-01T00:00:25Z")
    emulator.clock.advance(1)
    assert ask("GET", path).status == 404
    assert ask("GET", "/v2/lm/deployments").content == {"count": 0, "resources": []}


@pytest.mark.parametrize("kind", ["deployments", "executions"])
def test_who_waits_without_sleeping_until_it_is_gone(kind: str) -> None:
    """What was deleted before it began does not begin any more."""
    emulator = Emulator()
    emulator.publish_folder(our_folder())
    ask = Caller(emulator)
    executable = SERVE if kind == "deployments" else TRAIN
    created = ask("POST", f"/v2/lm/{kind}", {"configurationId": ask.configuration(executable)}).content["id"]
    path = f"/v2/lm/{kind}/{created}"
    assert ask("DELETE", path).status == 202
    seen = []
    while (answer := ask("GET", path)).status == 200:
        seen.append((answer.content["status"], answer.content["targetStatus"]))
    assert set(seen) == {("UNKNOWN", "DELETED")}
    assert 10 < len(seen) < 15
