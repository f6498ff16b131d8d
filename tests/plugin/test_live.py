"""`--aicore-live`: the same bodies against a service; here an emulator plays the service, on the real one's hosts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = {
    "clientid": "sb-somebody",
    "clientsecret": "canary-secret",
    "url": "https://somebody.authentication.eu10.hana.ondemand.com",
    "serviceurls": {"AI_API_URL": "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com"},
}
HEAD = """
import pytest, time

pytestmark = pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})
"""
SERVICE = """
import pytest
from pathlib import Path
from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.intercept import Door
from pytest_aicore.workflows import read_folder

SERVICE = Emulator(seed=7)
SERVICE.publish_folder(read_folder(Path(__file__).parent / "workflows"))
DOOR = Door(SERVICE)

@pytest.fixture(scope="session")
def service():
    return SERVICE

def pytest_sessionstart():
    DOOR.open()

@pytest.hookimpl(trylast=True)
def pytest_unconfigure():
    statuses = [execution.status for group in SERVICE.state.groups.values() for execution in group.executions]
    print("LEFT:", *statuses)
    DOOR.close()
"""


@pytest.fixture
def live(project: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """A function that runs tests live, with a service that an emulator plays."""
    project.makeconftest(SERVICE)
    (project.path / "key.json").write_text(json.dumps(KEY))

    def run(source: str, *, subprocess: bool = False) -> pytest.RunResult:
        project.makepyfile(test_it=HEAD + source)
        run = project.runpytest_subprocess if subprocess else project.runpytest_inprocess
        return run("--aicore-live", "--aicore-service-key=key.json", "--aicore-poll-interval=0.01", "-rs")

    return run


def test_same_body_runs_live(live: Callable[..., pytest.RunResult]) -> None:
    result = live(
        """
def test_it(aicore_artifact, aicore_configuration, aicore_execution, aicore_client, service):
    assert aicore_execution.status.value == "COMPLETED"
    assert "Training finished" in aicore_execution.logs
    assert service.requests
    assert aicore_client.base_url == "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com/v2/lm"

def test_shared(aicore_execution, service):
    assert len(service.state.groups["default"].executions) == 1

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
            (
                "aicore: LIVE (from --aicore-live), https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com"
                " (from --aicore-service-key)"
            ),
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
            "SKIPPED [[]1] test_it.py:8: aicore_offline: not under --aicore-live",
            "SKIPPED [[]1] test_it.py:11: aicore_script: nobody can order the real SAP AI Core about",
            "SKIPPED [[]1] test_it.py: aicore_emulator: nobody can order the real SAP AI Core about",
            "SKIPPED [[]1] test_it.py:17: aicore_emulator: nobody can order the real SAP AI Core about",
        ],
    )
    offline = project.runpytest_inprocess("-rs")
    offline.assert_outcomes(passed=4, skipped=1)
    offline.stdout.fnmatch_lines(["SKIPPED [[]1] test_it.py:5: aicore_live: needs --aicore-live"])


def test_environment_of_a_live_session(live: Callable[..., pytest.RunResult]) -> None:
    live(
        """
import json, os

def test_it(aicore_environment):
    assert os.environ["AICORE_CLIENT_SECRET"] == "canary-secret"
    key = json.loads(aicore_environment.service_key_file.read_text())
    assert key["clientsecret"] == "canary-secret"
"""
    ).assert_outcomes(passed=1)


@pytest.mark.parametrize("end", ["raise KeyboardInterrupt", "pytest.exit('enough')", "aicore_run().execution"])
def test_execution_that_nobody_waits_for_is_stopped(
    live: Callable[..., pytest.RunResult], project: pytest.Pytester, end: str
) -> None:
    result = live(
        f"""
@pytest.mark.aicore(fresh=True, timeout=0.2)
def test_it(aicore_run, service, aicore_client):
    service.script(stuck_in="RUNNING")
    run = aicore_run()
    for _ in range(5):
        aicore_client.execution.get(run.training.watch.execution_id)
    {end}
""",
        subprocess=True,
    )
    assert result.parseoutcomes().get("passed", 0) == 0
    left = next(line for line in result.outlines if line.startswith("LEFT:"))
    assert "RUNNING" not in left
    assert "STOPPING" in left
    ledger = project.path / ".pytest_cache" / "aicore" / "ledger.jsonl"
    events = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert [event["event"] for event in events][:2] == ["starting", "started"]
    assert {event["event"] for event in events[2:]} == {"stopping"} or end.startswith("aicore_run")


def test_every_start_is_on_disk_before_it_happens(
    live: Callable[..., pytest.RunResult], project: pytest.Pytester
) -> None:
    live(
        """
def test_it(aicore_execution): pass
"""
    ).assert_outcomes(passed=1)
    ledger = project.path / ".pytest_cache" / "aicore" / "ledger.jsonl"
    starting, started, ended = (json.loads(line) for line in ledger.read_text().splitlines())
    assert starting["event"] == "starting"
    assert starting["executable"] == "text-clf-train-tutorial"
    assert starting["resource_group"] == "default"
    assert started == {"event": "started", "configuration": starting["configuration"], "execution": ended["execution"]}
    assert ended["status"] == "COMPLETED"
    assert "canary" not in ledger.read_text()


def test_ledger_that_cannot_be_written_starts_nothing(
    live: Callable[..., pytest.RunResult], project: pytest.Pytester
) -> None:
    (project.path / ".pytest_cache").write_text("in the way")
    result = live(
        """
def test_it(aicore_execution): pass

def test_nothing_started(aicore_client):
    assert aicore_client.execution.count() == 0
"""
    )
    result.assert_outcomes(passed=1, errors=1)
    file = project.path / ".pytest_cache" / "aicore" / "ledger.jsonl"
    result.stdout.fnmatch_lines(
        [
            "____*",
            f"The ledger {file} cannot be written (*), so nothing was started: what costs money is written down first.",
        ],
        consecutive=True,
    )


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (None, "the service key {file} (from --aicore-service-key) cannot be read: No such file or directory."),
        ("{", "the service key {file} (from --aicore-service-key) is not valid JSON: *"),
        ("[]", "the service key {file} (from --aicore-service-key) is not a service key: expected a JSON object *"),
        (
            '{"clientid": "x"}',
            (
                "the service key {file} (from --aicore-service-key) lacks serviceurls.AI_API_URL, url, one of: clientsecret;"
                " certificate and key. It has 'clientid'."
            ),
        ),
    ],
)
def test_unusable_service_key(project: pytest.Pytester, key: str | None, message: str) -> None:
    file = project.path / "key.json"
    if key is not None:
        file.write_text(key)
    project.makepyfile("def test_it(aicore_client): pass\ndef test_others(): pass")
    result = project.runpytest_inprocess("--aicore-live", "--aicore-service-key=key.json", "-rN")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["____*", message.format(file=file)], consecutive=True)
    result.stdout.fnmatch_lines(["aicore: LIVE (from --aicore-live), no usable credentials: the service key *"])


def test_no_credentials_says_where_was_looked(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AICORE_HOME", str(project.path / "nothing"))
    project.makepyfile("def test_it(aicore_client): pass")
    result = project.runpytest_inprocess("--aicore-live", "-rN")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "No credentials for SAP AI Core were found. Give a service key with --aicore-service-key FILE.",
            (
                f"Looked at: environment AICORE_SERVICE_KEY (not set); environment AICORE_CLIENT_ID, AICORE_CLIENT_SECRET, ... (not"
                f" set); {project.path / 'nothing' / 'config.json'} (does not exist); environment VCAP_SERVICES (not set)."
            ),
        ],
        consecutive=True,
    )
