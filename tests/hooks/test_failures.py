"""What a failure shows besides: the diagnosis, the history of a status, properties for JUnit XML, the JSON report."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from pytest_aicore.reports.identity import build_of
from pytest_aicore.reports.terminal import WIDTH
from tests.prepared import start_pytest
from tests.projects import START
from tests.reports.test_reporting import HEAD, shown_section
from tests.training.live.sessions.processes import wait_until

if TYPE_CHECKING:
    from pathlib import Path


def test_diagnosis_stands_at_the_top(project: pytest.Pytester) -> None:
    project.makepyfile(
        HEAD
        + """
@pytest.mark.aicore_script(symptom="out of memory")
def test_it(aicore_execution): pass
"""
    )
    lines = shown_section(project.runpytest_inprocess("-rN"))
    assert lines[:6] == [
        "diagnosis      likely: the training ran out of memory",
        "                 seen: container main ended with exit code 137; the resource",
        "                   plan is 'starter'",
        "                 do: use a larger plan (label ai.sap.com/resourcePlan), or less",
        "                   data at a time",
        "execution      e6d4f92a7aa1cc53 of training_workflow_tutorial.yaml",
    ]
    assert max(map(len, lines)) <= WIDTH


def test_diagnosis_of_a_symptom_is_that_symptom(project: pytest.Pytester) -> None:
    """The emulator's tenant has the secrets that its workflows name, so nothing seems to be missing."""
    project.makepyfile(
        HEAD
        + """
@pytest.mark.aicore_script(symptom="unentitled plan")
def test_it(aicore_execution): pass
"""
    )
    lines = shown_section(project.runpytest_inprocess("-rN"))
    assert lines[:7] == [
        "diagnosis      likely: the tenant may not use the resource plan 'starter', or no",
        "                 node of it is free",
        "                 seen: PENDING for 60 min; no error message",
        "                 do: wait for a free node, or try another plan; the tenant's",
        "                   entitlements in the BTP cockpit list the plans that it may",
        "                   use",
        "execution      e6d4f92a7aa1cc53 of training_workflow_tutorial.yaml",
    ]


def test_diagnosis_of_several_causes(project: pytest.Pytester) -> None:
    project.makepyfile(
        HEAD
        + """
@pytest.fixture
def secret_is_gone(aicore_emulator):
    aicore_emulator.state.tenant.docker_secrets.remove("docker-registry-secret")

@pytest.mark.aicore_script(symptom="unentitled plan")
def test_it(secret_is_gone, aicore_execution): pass
"""
    )
    lines = shown_section(project.runpytest_inprocess("-rN"))
    assert lines[:14] == [
        "diagnosis      likely: the docker registry secret 'docker-registry-secret' does",
        "                 not exist",
        "                 seen: PENDING for 60 min; the workflow names",
        "                   'docker-registry-secret'; the tenant has none",
        "                 do: create it (POST /v2/admin/dockerRegistrySecrets), or",
        "                   correct imagePullSecrets in the workflow",
        "               or: the tenant may not use the resource plan 'starter', or no",
        "                 node of it is free",
        "                 seen: PENDING for 60 min; no error message",
        "                 do: wait for a free node, or try another plan; the tenant's",
        "                   entitlements in the BTP cockpit list the plans that it may",
        "                   use",
        "execution      e6d4f92a7aa1cc53 of training_workflow_tutorial.yaml",
        "status         PENDING, expected COMPLETED",
    ]


def test_diagnosis_of_a_run_that_never_started(project: pytest.Pytester) -> None:
    project.makepyfile(
        HEAD
        + """
def test_it(aicore_artifact, aicore_emulator, request):
    aicore_emulator.withdraw("text-clf-train-tutorial")
    request.getfixturevalue("aicore_execution")
"""
    )
    lines = shown_section(project.runpytest_inprocess("-rN"))
    assert lines[:2] == [
        "diagnosis      likely: the template has not been synced yet, or its ids differ",
        "                 seen: the service has no executable 'text-clf-train-tutorial'",
    ]
    assert not any(line.startswith("execution") for line in lines)


def test_diagnosis_of_what_the_body_did(project: pytest.Pytester) -> None:
    project.makepyfile(
        HEAD
        + """
from pytest_aicore import TargetStatus

def test_it(aicore_run, aicore_client):
    run = aicore_run()
    aicore_client.execution.modify(run.training.watch.execution_id, TargetStatus.STOPPED)
"""
    )
    lines = shown_section(project.runpytest_inprocess("-rN"))
    assert lines[:2] == [
        "diagnosis      likely: AI Core does not stop executions in status UNKNOWN",
        "                 seen: Current status UNKNOWN cannot be changed",
    ]


def test_failed_assertion_about_a_good_run_has_no_diagnosis(project: pytest.Pytester) -> None:
    project.makepyfile(HEAD + "\ndef test_it(aicore_execution): assert aicore_execution.duration < 1\n")
    assert shown_section(project.runpytest_inprocess("-rN"))[0].startswith("execution ")


# Comparisons of a status ----------------------------------------------------------------------------------------------

HISTORY = [
    "E         execution e6d4f92a7aa1cc53 of training_workflow_tutorial.yaml:",
    "E           00:00:00  UNKNOWN",
    "E           00:00:10  PENDING     after 10 s",
    "E           00:00:15  RUNNING     after 5 s",
    "E           00:01:00  DEAD        after 45 s",
    "E           step text-clf-train-tutorial failed: exit code 1, RuntimeError: training failed",
    "E             Training text-clf-train-tutorial started",
    "E             Traceback (most recent call last):",
    "E             RuntimeError: training failed",
]


@pytest.mark.parametrize(
    ("comparison", "shown"),
    [
        ("is Status.COMPLETED", ["E       assert Status.DEAD is Status.COMPLETED", *HISTORY]),
        ("== Status.COMPLETED", ["E       assert Status.DEAD == Status.COMPLETED", *HISTORY]),
        (
            "in (Status.COMPLETED, Status.STOPPED)",
            ["E       assert Status.DEAD in (Status.COMPLETED, Status.STOPPED)", *HISTORY],
        ),
        (
            "== 'DEAD'",
            [
                "E       AssertionError: assert Status.DEAD == 'DEAD'",
                "E         A Status is not a string: compare with Status.DEAD, or its value with 'DEAD'.",
                *HISTORY,
            ],
        ),
    ],
)
def test_history_of_a_status_that_differs(project: pytest.Pytester, comparison: str, shown: list[str]) -> None:
    project.makepyfile(
        HEAD
        + f"""
from pytest_aicore import Status

@pytest.mark.aicore(expect=None)
@pytest.mark.aicore_script(outcome="DEAD")
def test_it(aicore_execution):
    assert aicore_execution.status {comparison}
"""
    )
    result = project.runpytest_inprocess("-rN", "-vv")
    result.assert_outcomes(failed=1)
    lines = [line for line in result.outlines if line.startswith("E  ") and "where" not in line]
    assert [line.rstrip() for line in lines if line.strip() != "E"] == shown


def test_other_comparisons_stay_as_they_are(project: pytest.Pytester) -> None:
    project.makepyfile(HEAD + "\ndef test_it(aicore_execution): assert aicore_execution.message == 'x'\n")
    result = project.runpytest_inprocess("-rN")
    result.stdout.fnmatch_lines(["E   AssertionError: assert 'Execution scheduled' == 'x'"])


# JUnit XML and the JSON report --------------------------------------------------------------------------------------------------------------

SESSION = (
    HEAD
    + """
def test_good(aicore_execution):
    _ = aicore_execution.metrics

@pytest.mark.aicore_script(outcome="DEAD", running=60)
def test_dead(aicore_execution): pass

@pytest.mark.aicore(expect=None)
@pytest.mark.aicore_script(symptom="out of memory", running=60)
def test_body(aicore_execution): assert False

def test_two(aicore_run):
    aicore_run()
    aicore_run(fresh=True, parameters={"DEPTH": 4})

@pytest.mark.aicore("churn-train", artifacts={})
def test_incomplete(aicore_execution): pass

def test_without(aicore_client): pass
"""
)


def properties(file: Path) -> dict[str, list[tuple[str, str]]]:
    found = {}
    for case in ET.parse(file).iter("testcase"):
        listed = [(each.get("name", ""), each.get("value", "")) for each in case.iter("property")]
        found[str(case.get("name"))] = listed
    return found


def assert_junit(file: Path) -> None:
    found = properties(file)
    assert [name for name, _ in found["test_good"]] == [
        "aicore_execution_id",
        "aicore_status",
        "aicore_duration",
        "aicore_output",
    ]
    good = dict(found["test_good"])
    assert (good["aicore_status"], good["aicore_duration"]) == ("COMPLETED", "45")
    name, _, url = good["aicore_output"].split(" ")
    assert (name, url) == ("text-model-tutorial", f"ai://default/{good['aicore_execution_id']}/text-model-tutorial")
    for test in ("test_dead", "test_body"):
        assert [each for each in found[test] if each[0] != "aicore_execution_id"] == [
            ("aicore_status", "DEAD"),
            ("aicore_duration", "60"),
        ]
    assert [value for name, value in found["test_two"] if name == "aicore_status"] == ["COMPLETED", "COMPLETED"]
    assert found["test_incomplete"] == found["test_without"] == []


ASKED = ("--aicore-report=out/report.json", "--junitxml=junit.xml")
RUN_KEYS = [
    "identity", "workflow", "workflow_hash", "executable", "scenario", "configuration_id", "artifacts", "parameters",
    "execution_id", "status", "history", "duration", "outputs", "plans", "cost", "stopped", "metrics", "tests", "diagnosis", "failure", "steps",
    "message", "details", "log", "series", "requests",
]  # fmt: skip


def read(project: pytest.Pytester) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((project.path / "out" / "report.json").read_text(encoding="utf-8"))
    assert [each.name for each in (project.path / "out").iterdir()] == ["report.json"]
    return document


@pytest.mark.parametrize("workers", [0, 2])
def test_report_of_a_session(project: pytest.Pytester, workers: int) -> None:
    project.makepyfile(test_it=SESSION)
    if workers:
        (project.path / "tox.ini").write_text(
            f"[pytest]\naddopts = -p no:randomly -p no:cacheprovider\naicore_emulator_start = {START}\n"
        )
        result = project.runpytest_subprocess(*ASKED, f"-n{workers}", "--dist=loadfile")
    else:
        result = project.runpytest_inprocess(*ASKED)
    assert_junit(project.path / "junit.xml")
    result.stdout.fnmatch_lines([f"aicore: {project.path / 'out' / 'report.json'} written."])
    document = read(project)
    runs = document.pop("runs")
    (family,) = document.pop("families")
    assert document.pop("gates") == document.pop("deployments") == []
    assert document.pop("started_at") < document.pop("ended_at")
    assert document.pop("build") == build_of(os.environ)
    assert document == {
        "document": "pytest-aicore report",
        "version": 1,
        "mode": "offline",
        "host": "https://api.ai.aicore.invalid",
        "resource_group": "default",
        "exit_status": 1,
    }
    assert [list(run) for run in runs] == [RUN_KEYS] * len(runs)
    good, dead, body, other, incomplete = runs
    assert good["workflow"] == "training_workflow_tutorial.yaml"
    assert (good["executable"], good["scenario"]) == ("text-clf-train-tutorial", "text-clf-tutorial")
    assert good["artifacts"]["text-data"]["url"] == "ai://default/data"
    assert [each["status"] for each in good["history"]] == ["UNKNOWN", "PENDING", "RUNNING", "COMPLETED"]
    assert good["history"][0]["time"] == "2025-01-01T00:00:00.000000Z"
    assert (good["status"], good["duration"], good["metrics"]) == ("COMPLETED", 45.0, {})
    assert [output["name"] for output in good["outputs"]] == ["text-model-tutorial"]
    seen = {"expected": "COMPLETED", "as_expected": True, "looked": True, "outcome": "passed", "error": ""}
    assert good["tests"] == [
        {"id": "test_it.py::test_good", **seen},
        {"id": "test_it.py::test_two", **seen},
    ]
    assert (dead["status"], dead["duration"], dead["failure"]) == ("DEAD", 60.0, None)
    (test,) = dead["tests"]
    error = test.pop("error")
    assert test == {
        "id": "test_it.py::test_dead",
        "expected": "COMPLETED",
        "as_expected": False,
        "looked": True,
        "outcome": "failed",
    }
    assert error.splitlines()[0].endswith("ended DEAD, expected COMPLETED.")
    assert dead["diagnosis"] == [
        {
            "name": "program failed",
            "likely": "the training program failed: RuntimeError: training failed",
            "seen": "container main ended with exit code 1",
            "remedy": "see the end of its log below",
        }
    ]
    assert body["diagnosis"][0]["name"] == "out of memory"
    assert body["tests"][0]["expected"] is None
    assert other["parameters"] == {"DEPTH": "4"}
    assert (family["test"], family["varying"]) == ("test_it.py::test_two", ["DEPTH"])
    assert sorted((str(run["DEPTH"]), run["execution_id"]) for run in family["runs"]) == [
        ("4", other["execution_id"]),
        ("None", good["execution_id"]),
    ]
    assert (incomplete["execution_id"], incomplete["status"], incomplete["history"]) == (None, None, [])
    assert "cannot run yet" in incomplete["failure"]


def test_report_of_a_session_without_runs(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(): pass")
    (project.path / "out").mkdir()
    (project.path / "out" / "report.json").write_text("old")
    project.runpytest_inprocess("--aicore-report=out/report.json").assert_outcomes(passed=1)
    assert read(project)["runs"] == []
    (project.path / "out" / "report.json").unlink()
    project.runpytest_inprocess("--aicore-report=out/report.json", "--collect-only")
    assert list((project.path / "out").iterdir()) == []


def test_report_stands_in_the_ini(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(aicore_client): pass")
    with (project.path / "tox.ini").open("a") as ini:
        ini.write("\naicore_report = out/report.json\n")
    result = project.runpytest_inprocess()
    result.stdout.fnmatch_lines(["aicore: report out/report.json (from ini aicore_report)"])
    assert read(project)["exit_status"] == 0


def test_report_in_the_workflows_folder_is_refused(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(): pass")
    result = project.runpytest_inprocess("--aicore-report=workflows/report.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            (
                f"ERROR: --aicore-report = {project.path / 'workflows' / 'report.json'}: the file would be in the workflows"
                f" folder {project.path / 'workflows'}, which AI Core's Git sync reads. Write it elsewhere."
            )
        ]
    )


def test_report_that_cannot_be_written(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(aicore_client): pass")
    (project.path / "out").write_text("in the way")
    result = project.runpytest_inprocess("--aicore-report=out/report.json")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"aicore: {project.path / 'out' / 'report.json'} cannot be written: *."])


def test_report_of_an_interrupted_session(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it=HEAD
        + """
def test_first(aicore_execution): pass

@pytest.mark.aicore(fresh=True)
def test_second(aicore_execution):
    print("READY", flush=True)
    while True: time.sleep(0.05)
""".replace("    print", "    import time\n    print")
    )
    output = project.path / "output.txt"
    process = start_pytest(["-s", "--aicore-report=out/report.json"], cwd=project.path, output=output)
    wait_until(lambda: "READY" in output.read_text(encoding="utf-8"), "READY")
    process.send_signal(signal.SIGINT)
    process.wait(60)
    document = read(project)
    assert document["exit_status"] == 2
    assert [[test["id"] for test in run["tests"]] for run in document["runs"]] == [
        ["test_it.py::test_first"],
        ["test_it.py::test_second"],
    ]


def test_report_hides_secrets(project: pytest.Pytester) -> None:
    text = (project.path / "workflows" / "training_workflow_tutorial.yaml").read_text()
    text = text.replace("text-clf-train-tutorial", "train-secretly").replace("name: DEPTH", "name: password")
    (project.path / "workflows" / "secret.yaml").write_text(text.replace('default: "3"', "default: Bearer"))
    project.makepyfile(
        test_it=HEAD
        + """
@pytest.mark.aicore_script(outcome="DEAD", logs=["ValueError: client_secret='canary-1'"])
def test_it(aicore_execution): pass

@pytest.mark.aicore("train-secretly", parameters={"password": "canary-2"}, artifacts={"text-data": "ai://default/Bearer canary-3-canary"})
def test_parameters(aicore_execution): pass
"""
    )
    project.runpytest_inprocess("--aicore-report=out/report.json").assert_outcomes(passed=1, failed=1)
    assert "canary" not in (project.path / "out" / "report.json").read_text()
    run = read(project)["runs"][1]
    assert run["parameters"] == {"password": "***"}
    assert run["artifacts"]["text-data"]["url"] == "ai://default/Bearer ***"


@pytest.mark.parametrize(
    ("url", "hint"),
    [("ai://no-such-secret/leaves", ""), ("ai://defaults/leaves", " Did you mean 'default'?")],
    ids=["unknown", "misspelled"],
)
def test_secret_of_a_url_that_nobody_made(project: pytest.Pytester, url: str, hint: str) -> None:
    project.makepyfile(
        test_it=f"""
import pytest
from pytest_aicore import Status

@pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts={{"text-data": "{url}"}})
def test_it(aicore_execution): pass

@pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts={{"text-data": "{url}"}}, expect="DEAD")
def test_dead(aicore_execution):
    assert aicore_execution.status is Status.DEAD

@pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts={{"text-data": "ai://own/leaves"}})
def test_own(aicore_emulator, aicore_client, aicore_run):
    import requests
    secret = {{"name": "own", "type": "S3", "data": {{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}}}}
    headers = {{"Authorization": aicore_client.rest_client.get_token(), "AI-Resource-Group": "default"}}
    made = requests.post(f"{{aicore_emulator.base_url}}/v2/admin/objectStoreSecrets", json=secret, headers=headers)
    assert made.ok, made.text
    assert aicore_run().execution.status is Status.COMPLETED
"""
    )
    result = project.runpytest_inprocess("-rN", "-p", "no:randomly")
    result.assert_outcomes(passed=2, failed=1)
    text = " ".join(" ".join(result.outlines).split())
    named = url[5:].partition("/")[0]
    assert f"likely: the resource group 'default' has no object-store secret '{named}'" in text
    assert f"seen: the artifact is {url}; it has: 'default'" in text
    assert "use another secret in it, or create this one." + hint in text
