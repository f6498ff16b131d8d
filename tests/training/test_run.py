"""A run on the emulator, by the SDK: its calls, what it says when one fails, and what it leaves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.errors import RunError
from pytest_aicore.training.run import Run
from pytest_aicore.training.service.failures import CallError, UnknownStatusError
from pytest_aicore.training.watcher import DeadlineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator import Emulator
    from pytest_aicore.training.plan import TrainingPlan
    from pytest_aicore.training.run import Training

    Train = Callable[..., Training]

BASE = "https://api.ai.aicore.invalid/v2/lm"


@pytest.fixture
def run(plan: TrainingPlan, train: Train) -> Run:
    return Run(plan, train(plan))


def calls(emulator: Emulator) -> list[str]:
    return [record.operation for record in emulator.requests if record.operation != "token.create"]


def test_stages_happen_once_and_in_order(run: Run, emulator: Emulator) -> None:
    assert calls(emulator) == []
    assert run.artifact.id == run.artifacts["text-data"].id
    assert run.configuration.id == run.configuration.id
    run.start()
    assert run.execution is run.execution
    made = [call for call in calls(emulator) if call.endswith("create") and call != "token"]
    assert made == ["artifact.create", "configuration.create", "execution.create"]


def test_finished_execution(run: Run, emulator: Emulator) -> None:
    emulator.script(metrics={"loss": [0.5, 0.25]}, logs=["a", "b"])
    finished = run.execution
    assert (finished.message, finished.status.value, finished.duration) == ("Execution scheduled", "COMPLETED", 45)
    assert repr(finished) == f"<FinishedExecution {finished.id} COMPLETED>"
    assert finished.execution.configuration_id == run.configuration.id
    assert [str(line) for line in finished.logs][-2:] == ["a", "b"]
    assert finished.logs[-1].timestamp <= finished.execution.completion_time
    assert finished.metrics["loss"] == 0.25
    assert [(point.step, point.value) for point in finished.metrics["loss"].series] == [(0, 0.5), (1, 0.25)]
    with pytest.raises(KeyError) as caught:
        _ = finished.metrics["los"]
    assert str(caught.value) == "there is no metric 'los'. Did you mean 'loss'? The execution has: 'loss'."


def test_logs_and_metrics_are_fetched_once_and_known_from_then_on(run: Run, emulator: Emulator) -> None:
    finished = run.execution
    assert (finished.knows_logs, finished.knows_metrics) == (False, False)
    asked = len(calls(emulator))
    assert finished.logs is finished.logs
    assert (finished.knows_logs, finished.knows_metrics) == (True, False)
    assert finished.metrics is finished.metrics
    assert dict(finished.metrics) == {}
    assert (finished.knows_logs, finished.knows_metrics) == (True, True)
    assert calls(emulator)[asked:] == ["execution.query_logs", "metrics.query"]


def test_execution_without_metrics_outputs_or_logs(run: Run, emulator: Emulator) -> None:
    emulator.script(outcome="DEAD", logs=[])
    finished = run.finished
    assert (dict(finished.metrics), dict(finished.output_artifacts)) == ({}, {})
    with pytest.raises(KeyError) as caught:
        _ = finished.output_artifacts["model"]
    assert str(caught.value) == (
        "there is no output artifact 'model'. The execution has: none. AI Core registers only outputs that have a"
        " globalName in the workflow, of executions that COMPLETED."
    )
    with pytest.raises(KeyError) as caught:
        _ = finished.metrics["loss"]
    assert str(caught.value) == (
        "there is no metric 'loss'. The execution has: none. A training logs metrics with ai_core_sdk.tracking."
    )


@pytest.mark.parametrize("count", [999, 1000, 1001, 4321])
def test_all_log_lines_are_fetched_however_many(run: Run, emulator: Emulator, count: int) -> None:
    emulator.script(logs=[f"line {number}" for number in range(count)], running=900)
    lines = [line for line in run.execution.logs if line.startswith("line")]
    assert lines == [f"line {number}" for number in range(count)]


def test_logs_older_than_an_hour_are_fetched(run: Run, emulator: Emulator) -> None:
    emulator.script(logs=["early"] + ["late"] * 9, running=3000)
    finished = run.execution
    emulator.clock.advance(24 * 3600)
    assert "early" in finished.logs


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("artifact.create", "register the artifact 'text-data'"),
        ("configuration.create", "create the configuration 'pytest-aicore text-clf-train-tutorial'"),
        ("execution.create", "start an execution of configuration *"),
    ],
)
def test_refused_call_is_named_with_host_and_reason(run: Run, emulator: Emulator, call: str, what: str) -> None:
    emulator.fault(call, status=400, body={"error": {"code": "0101", "message": "no way", "requestId": "r1"}})
    with pytest.raises(CallError) as caught:
        _ = run.execution
    begin, _, rest = str(caught.value).partition(" at ")
    assert begin.startswith(f"could not {what.rstrip('*')}")
    assert rest == f"{BASE}: no way (HTTP 400, code 0101, request r1)."
    assert not caught.value.transient


def test_failed_stage_stays_failed_with_the_same_words(run: Run, emulator: Emulator) -> None:
    emulator.fault("execution.create", status=500, times=1)
    errors = []
    for _ in range(2):
        with pytest.raises(CallError) as caught:
            _ = run.execution
        errors.append(caught.value)
    assert str(errors[0]) == str(errors[1])
    assert errors[0] is not errors[1]
    assert calls(emulator).count("execution.create") == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503},
        {"status": 429},
        {"kind": "connection reset"},
        {"kind": "timeout"},
        {"kind": "truncated json"},
        {"kind": "html"},
        {"kind": "expired token", "times": 1},  # a new token that is refused as well is a permanent error
    ],
)
def test_trouble_while_waiting_is_survived(run: Run, emulator: Emulator, fault: dict[str, Any]) -> None:
    run.start()
    emulator.fault("execution.get", **{"times": 3, "after": 1, **fault})
    assert run.execution.status.value == "COMPLETED"


@pytest.mark.parametrize("status", [400, 403, 501])
def test_refusal_while_waiting_is_final(run: Run, emulator: Emulator, status: int) -> None:
    run.start()
    emulator.fault("execution.get", times=None, status=status)
    messages = []
    for _ in range(2):
        with pytest.raises(CallError) as caught:
            _ = run.execution
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert f"HTTP {status}" in messages[0]
    assert calls(emulator).count("execution.get") == 1


def test_status_that_the_sdk_does_not_know_is_no_success(run: Run, emulator: Emulator) -> None:
    run.start()
    body = {
        "id": "e1", "configurationId": "c1", "configurationName": "c", "scenarioId": "s", "status": "PAUSED",
        "targetStatus": "COMPLETED", "createdAt": "2025-01-01T00:00:00Z", "modifiedAt": "2025-01-01T00:00:00Z",
    }  # fmt: skip
    emulator.fault("execution.get", status=200, body=body, times=None)
    with pytest.raises(UnknownStatusError) as caught:
        _ = run.execution
    execution = run.training.watch.execution_id if run.training.watch else ""
    assert str(caught.value) == (
        f"could not get the execution {execution} at {BASE}: the answer has the status 'PAUSED', which is unknown to the"
        " installed SDK. It is not counted as a success. A newer SDK may support it."
    )


def test_wrong_credentials(plan: TrainingPlan, train: Train, emulator: Emulator) -> None:
    from pytest_aicore.training.service.api import TrainingApi
    from pytest_aicore.training.service.credentials import from_service_key
    from pytest_aicore.training.service.sdk import make_client

    credentials = from_service_key({**emulator.service_key, "clientsecret": "canary"}, "test")
    api = TrainingApi(lambda: make_client(credentials, "default"))
    with pytest.raises(CallError) as caught:
        _ = Run(plan, train(plan, api)).artifacts
    assert str(caught.value).startswith(f"could not register the artifact 'text-data' at {BASE}: no token (")
    assert str(caught.value).endswith("). Check the credentials and the token URL.")
    assert "canary" not in str(caught.value)


def test_resource_group_that_does_not_exist(plan: TrainingPlan, train: Train, emulator: Emulator) -> None:
    from pytest_aicore.training.service.api import TrainingApi
    from pytest_aicore.training.service.credentials import from_service_key
    from pytest_aicore.training.service.sdk import make_client

    credentials = from_service_key(emulator.service_key, "test")
    api = TrainingApi(lambda: make_client(credentials, "team-x"))
    with pytest.raises(CallError) as caught:
        _ = Run(plan, train(plan, api)).artifacts
    assert (
        str(caught.value)
        == f"could not register the artifact 'text-data' at {BASE}: RBAC: access denied (HTTP 403). Check"
        " the credentials, and whether they may use this resource group."
    )


def test_more_patience_sees_the_end_that_less_did_not(plan: TrainingPlan, train: Train, emulator: Emulator) -> None:
    emulator.script(running=300)
    training = train(plan)
    hasty = Run(replace(plan, timeout=100), training)
    for _ in range(2):
        with pytest.raises(DeadlineError, match="had not ended 100 s after its start: it was RUNNING"):
            _ = hasty.execution
    assert Run(replace(plan, timeout=1000), training).execution.status.value == "COMPLETED"
    with pytest.raises(DeadlineError) as late:
        _ = hasty.execution
    assert str(late.value) == (
        "execution e6d4f92a7aa1cc53 ended COMPLETED, but 315 s after its start, and this test gives it 100 s. A longer"
        " training needs a longer timeout: timeout= in the marker, or --aicore-timeout."
    )


def test_unexpected_status_names_place_execution_and_workflow(
    plan: TrainingPlan, train: Train, emulator: Emulator
) -> None:
    emulator.script(outcome="STOPPED")
    run = Run(replace(plan, place="test_x.py:3"), train(plan))
    with pytest.raises(RunError) as caught:
        _ = run.execution
    assert str(caught.value) == (
        f"test_x.py:3: execution {run.finished.id} of training_workflow_tutorial.yaml ended STOPPED, expected COMPLETED."
    )


def test_repr_says_how_far_a_run_is(run: Run) -> None:
    assert repr(run) == "<Run of training_workflow_tutorial.yaml: not started>"
    run.start()
    assert repr(run).endswith(" UNKNOWN>")
    _ = run.execution
    assert repr(run).endswith(" COMPLETED>")


def test_threads_that_ask_at_once_start_one_execution(run: Run, emulator: Emulator) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = {configuration.id for configuration in pool.map(lambda _: run.configuration, range(8))}
    assert len(ids) == 1
    assert calls(emulator).count("configuration.create") == 1


def test_second_with_more_log_lines_than_a_page_does_not_stop_the_rest(run: Run, emulator: Emulator) -> None:
    emulator.script(logs=[f"line {number}" for number in range(2500)], running=2)
    lines = run.execution.logs
    assert lines[-1] == "line 2499"
