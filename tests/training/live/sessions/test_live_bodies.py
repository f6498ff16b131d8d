"""`--aicore-live`: the same bodies against a service, here a server on a real socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tests.training.live.sessions.conftest import Service


def test_same_body_runs_live(live: Callable[..., pytest.RunResult], service: Service) -> None:
    result = live(
        """
def test_it(aicore_artifact, aicore_configuration, aicore_execution, aicore_client):
    assert aicore_artifact.message == "Artifact acknowledged"
    assert aicore_configuration.message == "Configuration created"
    assert aicore_execution.message == "Execution scheduled"
    assert aicore_execution.status is Status.COMPLETED
    assert "Training finished" in aicore_execution.logs
    assert aicore_execution.output_artifacts["text-model-tutorial"].url.startswith("ai://default/")
    assert aicore_execution.duration == 45

def test_shared(aicore_execution, aicore_client):
    assert aicore_client.execution.count() == 1

def test_nothing_is_rolled_back(aicore_client):
    assert aicore_client.execution.count() == 1

def test_time_is_real(aicore_clock):
    began = time.monotonic()
    time.sleep(0.01)
    assert 0.01 <= time.monotonic() - began < 10
"""
    )
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            f"aicore: LIVE (from --aicore-live), {service.server.url} (from --aicore-service-key)",
            "*= SAP AI Core =*",
            "1 training run, live: 1 COMPLETED; 45 s of AI Core's time",
            "COMPLETED e*       45 s  training_workflow_tutorial.yaml  2 tests",
        ]
    )
    assert "canary" not in result.stdout.str()


def test_what_runs_in_which_mode(live: Callable[..., pytest.RunResult], project: pytest.Pytester) -> None:
    source = """
@pytest.mark.aicore_live
def test_only_live(): pass

@pytest.mark.aicore_offline
def test_only_offline(): pass

@pytest.mark.aicore_script(outcome="DEAD")
@pytest.mark.aicore(expect="DEAD")
def test_script(aicore_execution): pass

def test_emulator(aicore_emulator): pass

def test_emulator_asked_for_late(request):
    request.getfixturevalue("aicore_emulator")
"""
    result = live(source)
    result.assert_outcomes(passed=1, skipped=4)
    result.stdout.fnmatch_lines(
        [
            "SKIPPED [[]1] test_it.py:9: aicore_offline: not under --aicore-live",
            "SKIPPED [[]1] test_it.py:12: aicore_script: skipped under --aicore-live: this marker controls the emulator only",
            "SKIPPED [[]1] test_it.py: aicore_emulator: skipped under --aicore-live: this fixture controls the emulator only",
            "SKIPPED [[]1] test_it.py:18: aicore_emulator: skipped under --aicore-live: this fixture controls the emulator only",
        ],
    )
    offline = project.runpytest_inprocess("-rs")
    offline.assert_outcomes(passed=4, skipped=1)
    offline.stdout.fnmatch_lines(["SKIPPED [[]1] test_it.py:6: aicore_live: needs --aicore-live"])


def test_environment_of_a_live_session(live: Callable[..., pytest.RunResult], service: Service) -> None:
    live(
        f"""
import json, os

def test_it(aicore_environment):
    assert os.environ["AICORE_CLIENT_SECRET"] == '{service.server.service_key["clientsecret"]}'
    key = json.loads(aicore_environment.service_key_file.read_text())
    assert key["clientsecret"] == os.environ["AICORE_CLIENT_SECRET"]
"""
    ).assert_outcomes(passed=1)


def test_a_run_that_completes_at_once_takes_few_requests(
    live: Callable[..., pytest.RunResult], service: Service
) -> None:
    service.emulator.script(unknown=0, pending=0, running=0)
    live("def test_it(aicore_execution): pass").assert_outcomes(passed=1)
    assert [record.operation for record in service.emulator.requests] == [
        "token",
        "scenario.get",
        "executable.get",
        "artifact.create",
        "configuration.create",
        "execution.create",
        "execution.query",
    ]


def test_what_is_made_says_where_it_comes_from(
    live: Callable[..., pytest.RunResult], service: Service, ledger: Callable[[], list[dict[str, Any]]]
) -> None:
    live("def test_it(aicore_execution): pass").assert_outcomes(passed=1)
    group = service.emulator.state.groups["default"]
    artifacts = [each for each in group.artifacts if each.name == "text-data"]
    assert [artifact.labels for artifact in artifacts] == [
        (("ext.ai.sap.com/pytest-aicore", "text-clf-train-tutorial"),)
    ]
    (configuration,) = group.configurations
    assert configuration.name.startswith("pytest-aicore text-clf-train-tutorial ")


def test_every_start_is_on_disk_before_it_happens(
    live: Callable[..., pytest.RunResult], service: Service, ledger: Callable[[], list[dict[str, Any]]]
) -> None:
    seen: list[tuple[str, str]] = []

    def note(record: Any) -> None:
        if record.operation.endswith(".create"):
            last = ledger()[-1]
            seen.append((record.operation, f"{last['event']} {last['stage']}"))

    with service.emulator.recording(note):
        live("def test_it(aicore_execution): pass").assert_outcomes(passed=1)
    assert seen == [
        ("artifact.create", "intends artifacts"),
        ("configuration.create", "intends configuration"),
        ("execution.create", "intends execution"),
    ]
    events = [line["event"] for line in ledger()]
    assert events == [
        *("opened", "run", "checked"),
        *("intends", "made") * 3,
        *(["running"] if "running" in events else []),
        *("ended", "closed"),
    ]
    assert service.server.service_key["clientsecret"] not in str(ledger())


def test_ledger_that_cannot_be_written_starts_nothing(
    live: Callable[..., pytest.RunResult], service: Service, project: pytest.Pytester
) -> None:
    (project.path / "in the way").write_text("a file")
    result = live("def test_it(aicore_execution): pass", "--aicore-ledger=in the way/ledger.jsonl", "-rN")
    result.assert_outcomes(errors=1)
    assert service.calls == []
    file = project.path / "in the way" / "ledger.jsonl"
    result.stdout.fnmatch_lines(
        [
            "____*",
            (
                f"The ledger {file} cannot be written (*), so nothing more is started: each execution is recorded"
                " before it starts."
            ),
        ],
        consecutive=True,
    )


STORE = """
from pytest_aicore import StoreError

@pytest.mark.aicore(expect=None)
def test_store(aicore_store, tmp_path):
    (tmp_path / "b").write_bytes(b"\\xff")
    assert aicore_store.put("ai://default/data", {"a.txt": "a", "b": tmp_path / "b"}) == "ai://default/data"
    assert aicore_store.list("ai://default/data") == ["ai://default/data/a.txt", "ai://default/data/b"]
    assert aicore_store.get("ai://default/data/b") == b"\\xff"
    assert aicore_store.list("ai://default/other") == []
    with pytest.raises(StoreError, match="ai://default/data is a folder. ai://default/data has: 'a.txt', 'b'."):
        aicore_store.open("ai://default/data")
    with pytest.raises(StoreError, match="are the outputs of an execution, which nothing overwrites"):
        aicore_store.put("ai://default/e1234567890abcde/model", "")
    with pytest.raises(StoreError, match="has no object-store secret 'models'"):
        aicore_store.list("ai://models/a")

def test_outputs(aicore_execution):
    model = aicore_execution.output_artifacts["text-model-tutorial"]
    assert (model.path / "model.json").read_text() == "[1]"
    assert model.open().read() == model.open("model.json").read() == b"[1]"
"""


def test_the_store_of_a_server_that_stands_for_ai_core(live: Callable[..., pytest.RunResult], service: Service) -> None:
    """The same bodies as with a bucket, so that a rehearsal meets what they do."""
    service.emulator.script(outputs={"text-model-tutorial": {"model.json": "[1]"}})
    live(STORE).assert_outcomes(passed=2)


def test_the_store_of_a_server_without_control(live: Callable[..., pytest.RunResult], service: Service) -> None:
    service.server._admin = None
    service.emulator.script(outputs={"text-model-tutorial": {"model.json": "[1]"}})
    result = live(
        """
from pytest_aicore import StoreError

def test_it(aicore_store, aicore_execution):
    model = aicore_execution.output_artifacts["text-model-tutorial"]
    assert model.open("model.json").read() == b"[1]"
    with pytest.raises(StoreError) as refused:
        aicore_store.put("ai://default/data/a.txt", "a")
    assert str(refused.value) == (
        "ai://default/data/a.txt cannot be written: the server was started with --no-admin."
    )
"""
    )
    result.assert_outcomes(passed=1)


def test_a_gate_is_skipped_where_the_server_plays_scripts(
    live: Callable[..., pytest.RunResult], service: Service, project: pytest.Pytester
) -> None:
    """A rehearsal is live for the client, but nobody trains; with a server that trains, the gate is compared."""
    source = """
from pytest_aicore import at_least

def test_gate(aicore_execution):
    assert aicore_execution.metrics.matches_baseline("churn.json", accuracy=at_least())
"""
    service.emulator.script(metrics={"accuracy": 0.9})
    result = live(source)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        [
            "SKIPPED * baseline 'churn.json' was not compared: the server of this rehearsal plays scripts; pytest-aicore serve --local trains"
        ]
    )
    service.server._plays = False
    live(source, "--aicore-update").assert_outcomes(passed=1)
    assert '"world": "live"' in (project.path / "churn.json").read_text()
