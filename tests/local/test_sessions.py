"""`pytest --aicore-local`: the same tests, with trainings that really run on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.running.engines.sandbox import Sandbox
from pytest_aicore.workflows import resource_plans
from tests.waiting import sleeping, until

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.once

WORKFLOW = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: leaf-train
  annotations: {scenarios.ai.sap.com/name: Leaves, executables.ai.sap.com/name: Leaf training}
  labels: {scenarios.ai.sap.com/id: leaves, ai.sap.com/version: 1.0.0}
spec:
  entrypoint: train
  imagePullSecrets: [{name: registry}]
  arguments: {parameters: [{name: depth, default: "3"}]}
  templates:
    - name: train
      metadata: {labels: {ai.sap.com/resourcePlan: starter}}
      inputs: {artifacts: [{name: leaves, path: /app/leaves}]}
      outputs: {artifacts: [{name: model, globalName: leaf-model, path: /app/model, archive: {none: {}}}]}
      container:
        image: docker.io/me/leaf:1
        command: ["/bin/sh", "-c"]
        args:
          - >-
            echo "depth {{workflow.parameters.depth}}, $(cat /app/leaves/rows.csv)";
            mkdir -p /app/model; echo trained > /app/model/model.txt;
            test "{{workflow.parameters.depth}}" -lt 9 || exit 7
"""
TESTS = """
import pytest

def leaf(**more):
    return pytest.mark.aicore("leaf.yaml", artifacts={"leaves": "ai://default/leaves"}, **more)
"""
DOCKERFILE = "FROM python:3.11-slim\nRUN mkdir -p /app/leaves /app/model\n"


@pytest.fixture
def leaves(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with a small training, its data, and the folder of its image."""
    reason = Sandbox().probe()
    if reason is not None:
        pytest.skip(reason)
    for name, text in (
        ("workflows/leaf.yaml", WORKFLOW),
        ("data/leaves/rows.csv", "1200 leaves\n"),
        ("image/Dockerfile", DOCKERFILE),
        ("pytest.ini", "[pytest]\naicore_local_store = data\naicore_local_images = docker.io/me/leaf:* = image\n"),
    ):
        path = pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return pytester


@pytest.fixture
def run(leaves: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """A function that runs the tests of a module with real trainings."""

    def run(source: str, *arguments: str) -> pytest.RunResult:
        leaves.makepyfile(test_it=TESTS + source)
        return leaves.runpytest_inprocess("-p", "no:randomly", "--aicore-local", *arguments)

    return run


def test_the_code_of_the_workflow_really_runs(run: Callable[..., pytest.RunResult], leaves: pytest.Pytester) -> None:
    result = run(
        """
@leaf(parameters={"depth": 5})
def test_it(aicore_execution):
    assert "depth 5, 1200 leaves" in aicore_execution.logs
    assert [status.value for status, _ in aicore_execution.history][-1] == "COMPLETED"
    assert list(aicore_execution.output_artifacts) == ["leaf-model"]

@leaf(parameters={"depth": 5})
def test_shared(aicore_execution): pass
""",
        "--aicore-report=report.json",
    )
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "aicore: LOCAL (from --aicore-local), engine sandbox (default)*",
            "1 training run, local: 1 COMPLETED; * s of this machine's time",
            "COMPLETED * leaf.yaml  2 tests",
        ]
    )
    report = json.loads((leaves.path / "report.json").read_text())
    assert (report["mode"], [each["status"] for each in report["runs"]]) == ("local", ["COMPLETED"])


def test_a_program_that_fails_fails_the_test(run: Callable[..., pytest.RunResult]) -> None:
    result = run("@leaf(parameters={'depth': 9})\ndef test_it(aicore_execution): pass\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*execution e* of leaf.yaml ended DEAD, expected COMPLETED.",
            "details * container main, exit code 7*",
            "logs * depth 9, 1200 leaves",
            "1 training run, local: 1 DEAD; *",
        ]
    )


def test_the_assertion_says_which_step_failed_and_why(
    run: Callable[..., pytest.RunResult], leaves: pytest.Pytester
) -> None:
    """Its cause and its last lines, not that a container ended with exit code 1; also where the test compares."""
    fails = """python -c 'raise ValueError("no leaves")'"""
    (leaves.path / "workflows" / "leaf.yaml").write_text(WORKFLOW.replace("exit 7", fails))
    result = run(
        """
@leaf(parameters={'depth': 9})
def test_it(aicore_execution): pass

@leaf(parameters={'depth': 9}, expect=None)
def test_compared(aicore_execution):
    assert aicore_execution.status.value == "COMPLETED" or aicore_execution.status is None
"""
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*execution e* of leaf.yaml ended DEAD, expected COMPLETED.",
            "step train failed: exit code 1, ValueError: no leaves",
            "  ValueError: no leaves",
            "failed * step train failed: exit code 1, ValueError: no leaves",
            "steps * train Failed, exit code 1, * s, CPU * s, peak memory * MiB",
        ]
    )


def test_a_bad_image_fails_its_tests_alone(run: Callable[..., pytest.RunResult], leaves: pytest.Pytester) -> None:
    for name, dockerfile in (("unknown", "FRM python:3.11\n"), ("binary", "\x00\x01"), ("empty", "")):
        text = WORKFLOW.replace("leaf-train", f"{name}-train").replace("docker.io/me/leaf:1", f"docker.io/me/{name}:1")
        (leaves.path / "workflows" / f"{name}.yaml").write_text(text)
        (leaves.path / name).mkdir()
        (leaves.path / name / "Dockerfile").write_text(dockerfile)
        with (leaves.path / "pytest.ini").open("a") as ini:
            ini.write(f"    docker.io/me/{name}:* = {name}\n")
    result = run(
        """
@pytest.mark.parametrize("name", ["unknown", "binary", "empty"])
def test_bad(aicore_run, name):
    aicore_run(f"{name}.yaml", artifacts={"leaves": "ai://default/leaves"}).execution

@leaf()
def test_good(aicore_execution): pass
"""
    )
    result.assert_outcomes(failed=3, passed=1)
    told = [
        line.partition("/Dockerfile")[2] for line in result.outlines if line.startswith("E  ") and "failed: " in line
    ]
    assert [line.partition(";")[0] for line in told] == [
        ":1: unknown instruction 'FRM'",
        ":1: unknown instruction '\\x00\\x01'",
        " has no instructions",
    ]


def test_the_command_that_repeats_a_failed_step(run: Callable[..., pytest.RunResult], leaves: pytest.Pytester) -> None:
    result = run("@leaf(parameters={'depth': 9})\ndef test_it(aicore_execution): pass\n", "--aicore-local-keep")
    result.assert_outcomes(failed=1)
    (line,) = [line.strip() for line in result.outlines if line.strip().startswith("sh ")]
    assert line.endswith("/repeat.sh")
    again = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False, timeout=30)
    assert (again.returncode, again.stdout) == (7, "depth 9, 1200 leaves\n")


def test_a_plan_that_is_too_small_is_told(
    run: Callable[..., pytest.RunResult], leaves: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(resource_plans._MEMORY, "starter", 1 / 1024)
    result = run(
        "@leaf()\ndef test_it(aicore_execution): pass\n"
        "@leaf(parameters={'depth': 9})\ndef test_fails(aicore_execution): pass\n",
        "--aicore-report=report.json",
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "  *more memory than its resource plan has: peak * MiB;*",
            "COMPLETED * leaf.yaml  test_it; train: peak * MiB; `starter` has 1 MiB",
        ]
    )
    (step,) = json.loads((leaves.path / "report.json").read_text())["runs"][0]["steps"]
    assert (step["name"], step["phase"], step["exit_code"], step["plan"]) == ("train", "Succeeded", 0, "starter")
    assert step["peak_memory"] > step["plan_memory"] == 1 << 20
    assert step["seconds"] > 0
    assert step["started"] < step["ended"]
    assert step["cpu_seconds"] >= 0


def test_data_that_is_not_there_fails_the_test(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        "@pytest.mark.aicore('leaf.yaml', artifacts={'leaves': 'ai://default/nothing'})\n"
        "def test_it(aicore_execution): pass\n"
    )
    result.assert_outcomes(failed=1)
    assert "nothing" in "".join(line for line in result.outlines if line.startswith("details") or "  " in line)


def test_tests_that_the_world_does_not_fit_are_skipped(
    run: Callable[..., pytest.RunResult], leaves: pytest.Pytester
) -> None:
    source = """
@pytest.mark.aicore_local
def test_here(aicore_client): pass

@pytest.mark.aicore_offline
def test_offline(aicore_client): pass

@pytest.mark.aicore_live
def test_there(aicore_client): pass

@pytest.mark.aicore_script(outcome="DEAD")
def test_scripted(aicore_client): pass

def test_emulator(aicore_emulator): pass
"""
    result = run(source, "-rs")
    result.assert_outcomes(passed=2, skipped=3)
    assert sorted(line.partition(": ")[2] for line in result.outlines if line.startswith("SKIPPED")) == [
        "aicore_emulator: skipped under --aicore-local: this fixture controls the emulator only",
        "aicore_live: needs --aicore-live",
        "aicore_script: skipped under --aicore-local: this marker controls the emulator only",
    ]
    emulated = leaves.runpytest_inprocess("-rs")
    emulated.assert_outcomes(passed=3, skipped=2)
    emulated.stdout.fnmatch_lines(["SKIPPED *: aicore_local: needs --aicore-local"])


def test_local_and_live_together_are_refused(run: Callable[..., pytest.RunResult]) -> None:
    result = run("def test_it(): pass", "--aicore-live")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --aicore-local: not together with --aicore-live: trainings are *"])


def test_an_image_that_is_not_mapped_is_told(
    run: Callable[..., pytest.RunResult], leaves: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a session; on a CI system no such run passes."""
    (leaves.path / "pytest.ini").write_text("[pytest]\naicore_local_store = data\n")
    source = """
@leaf()
def test_it(aicore_execution): pass

@leaf(fresh=True)
def test_again(aicore_execution): pass
"""
    result = run(source, "-rw")
    told = [line.partition("LocalWarning: ")[2] for line in result.outlines if "LocalWarning: " in line]
    substituted = "the image docker.io/me/leaf:1 is substituted by this machine's programs."
    assert told == [f"{substituted} Map it: aicore_local_images = docker.io/me/leaf:1 = FOLDER"]
    monkeypatch.setenv("CI", "1")
    refused = run("@leaf()\ndef test_it(aicore_execution): pass\n")
    refused.assert_outcomes(failed=1)
    assert "aicore_local_substitute = true" in refused.stdout.str().replace("\n                 ", " ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_nothing_of_a_session_that_is_ended_runs_on(leaves: pytest.Pytester, number: signal.Signals) -> None:
    seconds = f"6{int.from_bytes(os.urandom(4), 'big')}"
    check = 'test "{{workflow.parameters.depth}}"'
    text = WORKFLOW.replace(check, f"sleep {seconds}; {check}")
    (leaves.path / "workflows" / "leaf.yaml").write_text(text)
    leaves.makepyfile(test_it=TESTS + "@leaf()\ndef test_it(aicore_execution): pass\n")
    session = leaves.popen(
        [sys.executable, "-m", "pytest", "--aicore-local", "-p", "no:randomly"],
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    try:
        until(lambda: sleeping(seconds), "the beginning of the step")
        session.send_signal(number)
        session.communicate(timeout=30)
    finally:
        session.kill()
    assert session.returncode != 0
    until(lambda: not sleeping(seconds), "the end of the step")


def test_a_wait_ends_with_the_report_of_the_engine(
    run: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_aicore.session.session.LOCAL_POLL_SECONDS", 3600.0)
    monkeypatch.setattr("pytest_aicore.training.live.fleet.FIRST_INTERVAL", 3600.0)
    source = "@leaf()\ndef test_it(aicore_execution): pass\n"
    source += "@leaf(parameters={'depth': 9})\ndef test_dead(aicore_execution): pass\n"
    result = run(source, "-o", "aicore_poll_interval=3600", "--timeout=100")
    result.assert_outcomes(passed=1, failed=1)


def test_real_time_stays_real(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        """
import time

def test_it(aicore_clock, aicore_client):
    began = time.monotonic()
    time.sleep(0.05)
    assert time.monotonic() - began < 5
"""
    )
    result.assert_outcomes(passed=1)


def test_the_store_and_the_outputs_are_on_this_machine(
    run: Callable[..., pytest.RunResult], leaves: pytest.Pytester
) -> None:
    """The same bodies as in the other worlds; nothing is written into the project's own data."""
    (leaves.path / "models").mkdir()
    ini = (leaves.path / "pytest.ini").read_text()
    (leaves.path / "pytest.ini").write_text(
        ini.replace("aicore_local_store = data", "aicore_local_store =\n    data\n    models = models")
    )
    result = run(
        """
from pathlib import Path
from pytest_aicore import StoreError

@pytest.fixture
def rows(aicore_store):
    return aicore_store.put("ai://models/mine", {"rows.csv": "7 leaves"})

@leaf()
def test_outputs(aicore_execution, aicore_store):
    model = aicore_execution.output_artifacts["leaf-model"]
    assert model.open("model.txt").read() == model.open().read() == b"trained\\n"
    assert (model.path / "model.txt").read_text() == "trained\\n"
    assert aicore_store.list(model.url) == [f"{model.url}/model.txt"]
    assert aicore_store.get(f"{model.url}/model.txt") == b"trained\\n"
    with pytest.raises(StoreError, match="are the outputs of an execution, which nothing overwrites"):
        aicore_store.put(f"{model.url}/model.txt", "forged")

def test_what_was_put_is_an_input(rows, aicore_run, aicore_store):
    assert aicore_store.get("ai://default/leaves/rows.csv") == b"1200 leaves\\n"
    execution = aicore_run("leaf.yaml", artifacts={"leaves": rows}).execution
    assert execution.logs == ["depth 3, 7 leaves"]
    aicore_store.put("ai://default/leaves/rows.csv", "8 leaves")
    execution = aicore_run("leaf.yaml", artifacts={"leaves": "ai://default/leaves"}).execution
    assert execution.logs == ["depth 3, 8 leaves"]

def test_what_was_uploaded_is_an_input(aicore_client, aicore_run):
    import requests

    url = f"{aicore_client.base_url}/dataset/files/default/up/rows.csv"
    headers = {"Authorization": aicore_client.rest_client.get_token(), "AI-Resource-Group": "default"}
    assert requests.put(url, data=b"9 leaves", headers=headers).status_code == 201
    execution = aicore_run("leaf.yaml", artifacts={"leaves": "ai://default/up"}, fresh=True).execution
    assert execution.logs == ["depth 3, 9 leaves"]

def test_a_store_that_nothing_takes_the_place_of(aicore_store):
    with pytest.raises(StoreError) as refused:
        aicore_store.list("ai://modles/x")
    assert str(refused.value) == (
        "nothing takes the place of the object store 'modles' on this machine. Did you mean 'models'? "
        "There are: 'default', 'models' (aicore_local_store)."
    )
"""
    )
    result.assert_outcomes(passed=4)
    assert [path.name for name in ("data", "models") for path in (leaves.path / name).rglob("*")] == [
        "leaves",
        "rows.csv",
    ]
    assert (leaves.path / "data" / "leaves" / "rows.csv").read_text() == "1200 leaves\n"
