"""The life of an execution: under virtual time, under looks, stopped, stuck, wrongly bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ai_api_client_sdk.exception import AIAPIInvalidRequestException
from ai_api_client_sdk.models.base_models import BasicModifyRequest
from ai_api_client_sdk.models.status import Status
from ai_api_client_sdk.models.target_status import TargetStatus

from pytest_aicore.emulator.emulator import Emulator
from pytest_aicore.errors import EmulatorError
from pytest_aicore.workflows import parse_template
from tests.emulator.conftest import TRAINING_TEMPLATE

if TYPE_CHECKING:
    from tests.emulator.conftest import House

ENDED = (Status.COMPLETED, Status.DEAD, Status.STOPPED)


def polled(client: Any, execution_id: str, limit: int = 100) -> list[str]:
    """Ask until it has ended, and return the statuses that were seen."""
    seen = []
    for _ in range(limit):
        status = client.execution.get(execution_id).status
        seen.append(status.value)
        if status in ENDED:
            return seen
    return seen


def test_time_leads_it_through_its_statuses(house: House, client: Any) -> None:
    execution_id = house.start(client)
    history: dict[str, int] = {}
    house.emulator.clock.hold()
    for second in range(62):
        execution = client.execution.get(execution_id)
        history.setdefault(execution.status.value, second)
        history.setdefault(f"{len(execution.output_artifacts)} outputs", second)
        house.emulator.clock.advance(1)
    assert history == {
        "UNKNOWN": 0,
        "0 outputs": 0,
        "PENDING": 10,
        "RUNNING": 15,
        "2 outputs": 50,
        "COMPLETED": 60,
    }


def test_what_happened_while_nobody_looked_has_its_own_time(house: House, client: Any) -> None:
    execution_id = house.start(client)
    house.emulator.clock.advance(7 * 24 * 3600)
    execution = client.execution.get(execution_id)
    times = (execution.submission_time, execution.start_time, execution.completion_time, execution.modified_at)
    assert [time.isoformat()[11:19] for time in times] == ["00:00:15", "00:00:15", "00:01:00", "00:01:00"]


def test_a_polling_loop_ends_although_nobody_waits(house: House, client: Any) -> None:
    seen = polled(client, house.start(client))
    assert seen == ["UNKNOWN"] * 2 + ["PENDING"] + ["RUNNING"] * 9 + ["COMPLETED"]
    assert client.execution.get(house.start(client)).status is Status.UNKNOWN


def test_who_waits_himself_waits_no_longer_than_he_waits(house: House, client: Any) -> None:
    execution_id = house.start(client)
    began = house.emulator.clock.now()
    while client.execution.get(execution_id).status not in ENDED:
        house.emulator.clock.sleep(1)
    assert house.emulator.clock.now() - began == 60


@pytest.mark.parametrize(
    "ask",
    [
        "client.execution.get(execution_id).status is Status.COMPLETED",
        "client.execution.get(execution_id, select='status').status is Status.COMPLETED",
        "client.execution.query().resources[0].status is Status.COMPLETED",
        "client.execution.query(status=Status.COMPLETED).count == 1",
        "client.execution.query(status=Status.COMPLETED, scenario_id='house-prices').count == 1",
        "client.execution.query(status=Status.RUNNING).count == 1",
        "client.execution.count(status=Status.COMPLETED) == 1",
        "client.artifact.query(execution_id=execution_id).count == 2",
        "client.artifact.count(execution_id=execution_id) == 2",
        "'Training finished' in [line.msg for line in client.execution.query_logs(execution_id).data.result]",
        "metrics_of(client, execution_id)",
    ],
)
def test_whatever_a_loop_asks_it_ends(house: House, client: Any, ask: str) -> None:
    def metrics_of(client: Any, execution_id: str) -> bool:
        return house.ask("GET", f"/metrics?executionIds={execution_id}").status_code == 200

    house.emulator.script(metrics={"loss": [0.1]})
    names = {"client": client, "execution_id": house.start(client), "Status": Status, "metrics_of": metrics_of}
    assert any(eval(ask, names) for _ in range(20))


def test_questions_about_others_take_no_time(house: House, client: Any) -> None:
    house.start(client)
    began = house.emulator.clock.now()
    for _ in range(5):
        client.execution.query(scenario_id="another-scenario", status=Status.COMPLETED)
        client.execution.count(scenario_id="another-scenario", status=Status.COMPLETED)
        client.execution.count()
        client.artifact.query()
        client.artifact.query(execution_id="nobody-knows")
        client.configuration.query()
        client.scenario.query()
        client.meta.get()
    assert house.emulator.clock.now() == began


def test_looks_take_no_time_once_a_test_holds_the_clock(house: House, client: Any) -> None:
    execution_id = house.start(client)
    house.emulator.clock.advance(0)
    assert polled(client, execution_id, 30) == ["UNKNOWN"] * 30
    house.emulator.clock.advance(60)
    assert polled(client, execution_id, 30) == ["COMPLETED"]


@pytest.mark.parametrize("seconds", [-1, float("nan"), "5", None, 1e12, float("inf")])
def test_the_clock_only_goes_on(house: House, seconds: Any) -> None:
    why = "its time ends with the year 9999" if isinstance(seconds, float) and seconds > 0 else "expected seconds >= 0"
    for move in (house.emulator.clock.advance, house.emulator.clock.sleep):
        with pytest.raises(EmulatorError) as refused:
            move(seconds)
        assert str(refused.value) == f"The emulator's clock cannot move by {seconds!r} s: {why}."
    assert (house.emulator.now.isoformat(), house.emulator.clock.held) == ("2025-01-01T00:00:00+00:00", False)


# Stopping and deleting ----------------------------------------------------------------------------------------

LEGAL = {
    "UNKNOWN": {"DELETED"},
    "PENDING": {"STOPPED"},
    "RUNNING": {"STOPPED"},
    "STOPPING": set(),
    "STOPPED": {"DELETED"},
    "DEAD": {"DELETED"},
    "COMPLETED": {"DELETED"},
}


def brought_to(house: House, client: Any, status: str) -> str:
    """Return the id of an execution in a status."""
    if status in ("DEAD", "COMPLETED"):
        house.emulator.script(times=1, outcome=status)
    execution_id = house.start(client)
    clock = house.emulator.clock
    clock.advance({"UNKNOWN": 1, "PENDING": 11, "DEAD": 100, "COMPLETED": 100}.get(status, 20))
    if status in ("STOPPING", "STOPPED"):
        client.execution.modify(execution_id, TargetStatus.STOPPED)
        clock.advance(11 if status == "STOPPED" else 1)
    assert client.execution.get(execution_id).status.value == status
    return execution_id


@pytest.mark.parametrize("status", LEGAL)
@pytest.mark.parametrize("target", ["STOPPED", "DELETED"])
@pytest.mark.parametrize("in_bulk", [False, True], ids=["alone", "in bulk"])
def test_what_may_be_stopped_and_deleted(house: House, client: Any, status: str, target: str, in_bulk: bool) -> None:
    execution_id = brought_to(house, client, status)
    refusal = None
    if in_bulk:
        (answer,) = house.change_many({execution_id: target})
        if "error" in answer:
            refusal = (answer["error"]["code"], answer["error"]["message"])
    else:
        try:
            if target == "STOPPED":
                client.execution.modify(execution_id, TargetStatus.STOPPED)
            else:
                client.execution.delete(execution_id)
        except AIAPIInvalidRequestException as error:
            refusal = (error.error_code, error.error_message)
    if target in LEGAL[status]:
        assert refusal is None
        shown = client.execution.get(execution_id)
        assert shown.target_status.value == target
        assert shown.status.value == ("STOPPING" if target == "STOPPED" else status)
        house.emulator.clock.advance(60)
        assert client.execution.count() == (1 if target == "STOPPED" else 0)
    else:
        sentence = f"Current status {status} cannot be changed"
        assert refusal == ("01010076", sentence if in_bulk else f"Invalid Request, {sentence}..")
        assert client.execution.get(execution_id).status.value == status


def test_the_sdk_changes_many_at_once(house: House, client: Any) -> None:
    execution_id = house.start(client)
    house.emulator.clock.advance(20)
    changes = [BasicModifyRequest(id_, TargetStatus.STOPPED) for id_ in (execution_id, "exec_a_not_exist")]
    stopped, unknown = client.execution.bulk_modify(changes).executions
    assert (stopped.id, stopped.message) == (execution_id, "Execution modification scheduled")
    assert (unknown.id, unknown.error.code) == ("exec_a_not_exist", "01010020")


def test_a_stopped_execution_leaves_what_it_had_written_until_then(house: House, client: Any) -> None:
    house.emulator.script(running=40, logs=["a", "b", "c", "d"], metrics={"loss": [4, 3, 2, 1]})
    execution_id = house.start(client)
    house.emulator.clock.advance(15 + 25)
    client.execution.modify(execution_id, TargetStatus.STOPPED)
    house.emulator.clock.advance(1000)
    execution = client.execution.get(execution_id)
    assert (execution.status, execution.target_status) == (Status.STOPPED, TargetStatus.STOPPED)
    assert execution.output_artifacts == []
    lines = [line.msg for line in client.execution.query_logs(execution_id).data.result]
    assert lines == ['level=info msg="Starting Workflow Executor"', "a", "b"]
    (kept,) = client.metrics.query(execution_ids=[execution_id]).resources
    assert [metric.value for metric in kept.metrics] == [4, 3]


def test_artifacts_outlive_their_execution(house: House, client: Any) -> None:
    execution_id = house.start(client)
    house.emulator.clock.advance(100)
    client.execution.delete(execution_id)
    assert client.artifact.query(execution_id=execution_id).count == 2


# Bindings -----------------------------------------------------------------------------------------------------

PARAMETERS = [{"key": "DEPTH", "value": "3"}]


@pytest.mark.parametrize(
    ("parameters", "artifacts", "message"),
    [
        ([], ["houses"], "invalid spec: spec.arguments.DEPTH.value or spec.arguments.DEPTH.valueFrom is required"),
        (
            [{"key": "depth", "value": "3"}],
            ["houses"],
            "invalid spec: spec.arguments.DEPTH.value or spec.arguments.DEPTH.valueFrom is required",
        ),
        (PARAMETERS, [], "invalid spec: spec.arguments.artifacts.houses was not supplied"),
        (PARAMETERS, ["Houses"], "invalid spec: spec.arguments.artifacts.houses was not supplied"),
        (
            [*PARAMETERS, {"key": "WIDTH", "value": "3"}],
            ["houses"],
            "invalid spec: parameter 'WIDTH' is not declared in workflow template 'house-train'",
        ),
        (
            PARAMETERS,
            ["houses", "gardens"],
            "invalid spec: artifact 'gardens' is not declared in workflow template 'house-train'",
        ),
        (
            PARAMETERS,
            {"houses": "not-registered"},
            "invalid spec: artifact 'houses' is bound to not-registered, which is not found",
        ),
        (
            PARAMETERS,
            {"houses": "ai://default/houses/"},
            "failed to load artifact 'houses' from ai://default/houses/: The specified key does not exist.",
        ),
    ],
)
def test_bindings_that_do_not_fit_end_dead_without_a_log_line(
    house: House, client: Any, parameters: Any, artifacts: Any, message: str
) -> None:
    def artifact(url: str) -> str:
        content = {"name": "a", "kind": "dataset", "url": url, "scenarioId": "house-prices"}
        return house.create("/artifacts", content) if "://" in url else url

    urls = artifacts if isinstance(artifacts, dict) else dict.fromkeys(artifacts, "ai://default/houses")
    configuration_id = house.create(
        "/configurations",
        {
            "name": "wrong",
            "scenarioId": "house-prices",
            "executableId": "house-train",
            "parameterBindings": parameters,
            "inputArtifactBindings": [{"key": key, "artifactId": artifact(url)} for key, url in urls.items()],
        },
    )
    house.emulator.script(outcome="COMPLETED", logs=["never written"])
    execution_id = client.execution.create(configuration_id).id
    assert polled(client, execution_id) == ["UNKNOWN"] * 2 + ["PENDING"] + ["DEAD"]
    execution = client.execution.get(execution_id)
    assert execution.status_details == {
        "details": [],
        "workflow_info": [
            {"exit_code": "", "id": execution_id, "message": message, "name": execution_id, "phase": "Error"}
        ],
    }
    assert (execution.start_time, execution.output_artifacts) == (None, [])
    assert client.execution.query_logs(execution_id).data.result == []
    again = client.execution.create(configuration_id).id
    house.emulator.script(execution=again, outcome="COMPLETED")
    assert polled(client, again)[-1] == "DEAD"


def test_an_optional_input_may_be_left_open(house: House, client: Any) -> None:
    text = TRAINING_TEMPLATE.replace("path: /app/data\n", "path: /app/data\n            optional: true\n")
    house.emulator.publish(parse_template(text))
    content = {"name": "open", "scenarioId": "house-prices", "executableId": "house-train"}
    configuration_id = house.create("/configurations", {**content, "parameterBindings": PARAMETERS})
    assert polled(client, client.execution.create(configuration_id).id)[-1] == "COMPLETED"


def test_without_the_default_object_store_secret_it_stays_unknown(house: House, client: Any) -> None:
    house.emulator.state.groups["default"].object_store_secrets.remove("default")
    execution_id = house.start(client)
    house.emulator.clock.advance(24 * 3600)
    execution = client.execution.get(execution_id)
    assert (execution.status, execution.status_details, execution.output_artifacts) == (Status.UNKNOWN, None, [])


def test_resource_groups_have_names_that_the_service_allows(house: House) -> None:
    for name in ("x", "-team", "team_a", "", "a" * 254, "team "):
        with pytest.raises(EmulatorError) as refused:
            house.emulator.create_resource_group(name)
        assert str(refused.value) == (
            f"create_resource_group: invalid name {name!r}: expected "
            "3 to 253 letters, digits, dots and hyphens, the first and the last a letter or digit."
        )
    house.emulator.create_resource_group("team-a")
    house.emulator.create_resource_group("team-a")
    assert sorted(house.emulator.state.groups) == ["default", "team-a"]


def test_an_emulator_needs_nothing_else() -> None:
    assert Emulator().take_incidents() == []
