"""Deployments of live sessions: created, waited for, never left."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.cli import main
from tests.training.live.sessions.processes import LiveProcess, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.training.live.sessions.conftest import Service

pytestmark = pytest.mark.once

SERVE = "text-clf-infer-tutorial"
DEPLOY = """
from pytest_aicore import from_run

trained = pytest.mark.aicore_deployment(
    artifacts={"textmodel": from_run("text-model-tutorial")},
    predict="/v2/predict",
    ready={"json": {}, "check": lambda answer: answer["class"]},
)
given = pytest.mark.aicore_deployment(artifacts={"textmodel": "ai://default/m"}, predict="/v2/predict")
"""


def deployments(service: Service) -> list[tuple[str, str]]:
    """Return status and target status of each deployment."""
    with service.emulator.lock:
        service.emulator.agenda.settle()
        shown = service.emulator.state.groups["default"].deployments
        return [(each.status, each.target_status) for each in shown]


def ledger_of(lines: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    """Return the lines of an event that deployments have in the ledger."""
    runs = {line["run"] for line in lines if line["event"] == "run" and line.get("kind") == "deployment"}
    return [line for line in lines if line["event"] == event and line.get("run") in runs]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked again each second is asked more often."""
    monkeypatch.setattr("pytest_aicore.training.live.stop._PAUSE", 0.02)


def test_train_deploy_predict_and_nothing_is_left(
    live: Callable[..., pytest.RunResult], service: Service, ledger: Callable[[], list[dict[str, Any]]]
) -> None:
    """One deployment for both tests, from the one training of both; stopped before the next test begins."""
    service.emulator.answer(SERVE, "/v2/predict", {"class": "billing"})
    body = """
ids = set()

@trained
@pytest.mark.parametrize("n", range(2))
def test_predict(aicore_deployment, aicore_execution, n):
    ids.add((aicore_deployment.id, aicore_execution.id))
    assert aicore_deployment.predict({"text": "x"}) == {"class": "billing"}
    assert len(ids) == 1

def test_it_is_being_stopped(aicore_client):
    while aicore_client.deployment.get(list(ids)[0][0]).target_status.value == "RUNNING":
        time.sleep(0.01)
"""
    live(DEPLOY + body).assert_outcomes(passed=3)
    assert deployments(service) in ([("STOPPED", "DELETED")], [])
    lines = ledger()
    assert [line["stage"] for line in ledger_of(lines, "made")] == ["artifacts", "configuration", "execution"]
    (running,), (stopping,) = ledger_of(lines, "running"), ledger_of(lines, "stopping")
    assert running["began"] is not None
    assert stopping["seconds"] > 0
    with service.emulator.lock:
        (execution,) = service.emulator.state.groups["default"].executions
        bound = [
            dict(each.artifacts)["textmodel"]
            for each in service.emulator.state.groups["default"].configurations
            if each.executable_id == SERVE
        ]
        trained = [
            each.id for each in service.emulator.state.groups["default"].artifacts if each.execution_id == execution.id
        ]
    assert bound == trained


def test_what_has_no_time_to_live_of_its_own_gets_one(live: Callable[..., pytest.RunResult], service: Service) -> None:
    body = """
def test_it(aicore_deploy, aicore_client):
    how = dict(artifacts={"textmodel": "ai://default/m"})
    assert aicore_client.deployment.get(aicore_deploy(SERVE, **how).id).ttl == "24h"
    assert aicore_client.deployment.get(aicore_deploy(SERVE, **how, ttl="2h").id).ttl == "2h"
"""
    live(f"{DEPLOY}SERVE = {SERVE!r}\n{body}").assert_outcomes(passed=1)
    assert all(target == "DELETED" for _, target in deployments(service))


@pytest.mark.parametrize("prices", ["", "--override-ini=aicore_prices=starter = 1.20 EUR"])
def test_what_is_kept_is_named_with_its_costs_and_swept(
    live: Callable[..., pytest.RunResult],
    live_arguments: list[str],
    service: Service,
    capsys: pytest.CaptureFixture[str],
    project: pytest.Pytester,
    prices: str,
) -> None:
    result = live(DEPLOY + "@given\ndef test_it(aicore_deployment): pass", "--aicore-keep", *filter(None, [prices]))
    result.assert_outcomes(passed=1)
    ((status, _),) = deployments(service)
    assert status == "RUNNING"
    cost = "It costs 1.20 EUR an hour" if prices else "Give aicore_prices to see what it costs"
    result.stdout.fnmatch_lines(
        [
            (
                "aicore: left running: deployment d* of serving_workflow_tutorial.yaml, because of --aicore-keep."
                f" {cost}, until `pytest-aicore sweep` stops it; --aicore-resume resumes it."
            )
        ]
    )
    capsys.readouterr()
    sweep = ["sweep", "--service-key=key.json", "--resource-group=default", "--ledger=ledger.jsonl"]
    assert main(sweep) == 0
    printed = capsys.readouterr().out
    assert "1 deployment stopped, 0 left in the resource group default" in printed
    assert all(target in ("DELETED", "STOPPED") for _, target in deployments(service))


def test_the_budget_counts_deployments(live: Callable[..., pytest.RunResult], service: Service) -> None:
    """At 200 times the speed of ours five minutes are a second and a half."""
    service.emulator.answer(SERVE, "/v2/predict", "good")
    body = """
@given
def test_it(aicore_deployment):
    while True:
        aicore_deployment.predict({})
        time.sleep(0.05)
"""
    result = live(DEPLOY + body, "--aicore-budget=5m")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the budget of this session is spent: its executions have run for *"])
    assert all(target in ("DELETED", "STOPPED") for _, target in deployments(service))


def test_a_budget_that_is_spent_while_nobody_asks_stops_the_deployment(
    live: Callable[..., pytest.RunResult], service: Service, project: pytest.Pytester
) -> None:
    """The test sees that it ends, does not ask it, and the reports tell why."""
    service.emulator.answer(SERVE, "/v2/predict", "good")
    body = """
@given
def test_it(aicore_deployment, aicore_client):
    while aicore_client.deployment.get(aicore_deployment.id).target_status.value == "RUNNING":
        time.sleep(0.02)
    aicore_deployment.predict({})
"""
    prices = "--override-ini=aicore_prices=starter = 60 EUR"
    result = live(DEPLOY + body, "--aicore-budget=5m", "--aicore-report=report.json", prices)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*deployment d* of serving_workflow_tutorial.yaml: the budget of this session is spent: *",
            "1 deployment, live",
            "STOP* d* min * s  ~*EUR  serving_workflow_tutorial.yaml  test_it; stopped by us: the budget is spent",
        ]
    )
    (told,) = json.loads((project.path / "report.json").read_text(encoding="utf-8"))["deployments"]
    assert (told["stopped"], told["failure"], told["tests"]) == (
        "the budget is spent",
        None,
        ["test_it.py::test_it"],
    )
    assert told["duration"] >= 300
    assert told["cost"] == {"amount": round(told["duration"] / 60, 4), "currency": "EUR"}
    assert told["url"] == f"{service.server.url}/v2/inference/deployments/{told['deployment_id']}"
    assert all(target in ("DELETED", "STOPPED") for _, target in deployments(service))


def test_what_was_kept_is_resumed_and_not_paid_twice(
    live: Callable[..., pytest.RunResult], service: Service, ledger: Callable[[], list[dict[str, Any]]]
) -> None:
    """Its time before does not count for the budget of the session that resumes it; in the end it is stopped."""
    service.emulator.answer(SERVE, "/v2/predict", "good")
    body = DEPLOY + "@given\ndef test_it(aicore_deployment): assert aicore_deployment.predict({}) == 'good'"
    live(body, "--aicore-keep").assert_outcomes(passed=1)
    with service.emulator.lock:
        service.emulator.clock.advance(3600)
    result = live(body, "--aicore-resume", "--aicore-budget=50m", "--aicore-report=report.json")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "aicore: resumed: deployment d* of serving_workflow_tutorial.yaml, which an earlier session created.",
            "RUNNING * serving_workflow_tutorial.yaml  test_it*; resumed; stopped by us: no remaining test needs it",
        ]
    )
    assert [line["stage"] for line in ledger_of(ledger(), "made")].count("execution") == 1
    assert all(target in ("DELETED", "STOPPED") for _, target in deployments(service))


def test_a_deployment_of_another_model_is_not_resumed(
    live: Callable[..., pytest.RunResult], service: Service, ledger: Callable[[], list[dict[str, Any]]]
) -> None:
    """The second session trains again, so the first one's deployment serves another model; it is kept further."""
    service.emulator.answer(SERVE, "/v2/predict", {"class": "good"})
    body = DEPLOY + "@trained\ndef test_it(aicore_deployment): pass"
    live(body, "--aicore-keep").assert_outcomes(passed=1)
    result = live(body, "--aicore-resume")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("aicore: resumed*")
    assert [line["stage"] for line in ledger_of(ledger(), "made")].count("execution") == 2
    assert sorted(target == "RUNNING" for _, target in deployments(service)) == [False, True]


def test_what_ended_meanwhile_is_not_resumed(
    live: Callable[..., pytest.RunResult], service: Service, ledger: Callable[[], list[dict[str, Any]]]
) -> None:
    body = DEPLOY + "@given\ndef test_it(aicore_deployment): pass"
    live(body, "--aicore-keep").assert_outcomes(passed=1)
    with service.emulator.lock:
        (its,) = service.emulator.state.groups["default"].deployments
    kept = its.id
    stop = "def test_it(aicore_client): aicore_client.deployment.modify(KEPT, target_status=TargetStatus.STOPPED)"
    target = "from ai_api_client_sdk.models.target_status import TargetStatus\n"
    live(target + stop.replace("KEPT", repr(kept))).assert_outcomes(passed=1)
    live(body, "--aicore-resume").assert_outcomes(passed=1)
    assert [line["stage"] for line in ledger_of(ledger(), "made")].count("execution") == 2
    assert all(target in ("DELETED", "STOPPED") for _, target in deployments(service))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_session_that_is_ended_leaves_nothing(
    project: pytest.Pytester,
    live_arguments: list[str],
    live: Callable[..., pytest.RunResult],
    service: Service,
    number: int,
) -> None:
    """Interrupted, it stops its deployment itself; killed, the next session does."""
    head = "import pytest, time\n"
    project.makepyfile(test_long=head + DEPLOY + "@given\ndef test_it(aicore_deployment): time.sleep(600)")
    with LiveProcess(project.path, [*live_arguments, "test_long.py"]) as session:
        wait_until(lambda: [status for status, _ in deployments(service)] == ["RUNNING"], "a deployment")
        session.send(number)
        session.wait()
    if number == signal.SIGKILL:
        assert [status for status, _ in deployments(service)] == ["RUNNING"]
        result = live("def test_it(aicore_client): pass", "test_it.py")
        result.stdout.fnmatch_lines(
            [
                "aicore: deployment d* of serving_workflow_tutorial.yaml was stopped and deleted: leftover of an earlier session."
            ]
        )
    assert all(target in ("DELETED", "STOPPED") for _, target in deployments(service))


def test_workers_of_xdist_share_a_deployment(
    project: pytest.Pytester, live_arguments: list[str], service: Service, ledger: Callable[[], list[dict[str, Any]]]
) -> None:
    service.emulator.answer(SERVE, "/v2/predict", "good")
    project.makepyfile(
        test_it=f"import pytest\n{DEPLOY}"
        "@given\n@pytest.mark.parametrize('n', range(4))\n"
        "def test_it(aicore_deployment, n): assert aicore_deployment.predict({}) == 'good'"
    )
    with LiveProcess(project.path, [*live_arguments, "-p", "xdist", "-n2"]) as session:
        assert session.wait() == 0, session.text
    assert [line["stage"] for line in ledger_of(ledger(), "made")].count("execution") == 1
    assert all(target in ("DELETED", "STOPPED") for _, target in deployments(service))
