"""Quality gates of trainings that really run: written, compared, refused, and reported."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.baselines.document import parse
from pytest_aicore.hooks.gates import alone_with
from pytest_aicore.running.engines.sandbox import Sandbox
from tests.prepared import start_pytest
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once

TRAIN = """
import json, os, urllib.request
found = json.load(open("/app/data/metrics.json"))
depth = os.environ["DEPTH"]
metrics = [
    {"name": name, "value": value, "step": step, "timestamp": "2026-01-01T00:00:00Z"}
    for name, values in found.get(depth, found.get("any", {})).items()
    for step, value in enumerate(values)
]
request = urllib.request.Request(
    os.environ["AICORE_TRACKING_ENDPOINT"] + "/api/v1/metrics",
    json.dumps({"executionId": os.environ["AICORE_EXECUTION_ID"], "metrics": metrics}).encode(),
    {"Content-Type": "application/json", "AI-Resource-Group": "default"},
    method="PATCH",
)
urllib.request.urlopen(request)
"""
WORKFLOW = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: churn-train
  annotations: {scenarios.ai.sap.com/name: Churn, executables.ai.sap.com/name: Churn}
  labels: {scenarios.ai.sap.com/id: churn, ai.sap.com/version: 1.0.0}
spec:
  entrypoint: train
  imagePullSecrets: [{name: registry}]
  arguments: {parameters: [{name: DEPTH, default: "3"}, {name: SEED, default: "42"}]}
  templates:
    - name: train
      metadata: {labels: {ai.sap.com/resourcePlan: starter}}
      inputs: {artifacts: [{name: data, path: /app/data}]}
      container:
        image: docker.io/me/churn:1
        command: [python3, /app/src/train.py]
        env: [{name: DEPTH, value: "{{workflow.parameters.DEPTH}}"}]
"""
TESTS = """
import pytest
from pytest_aicore import at_least, at_most, from_param, measured, predictions, within

pytestmark = pytest.mark.aicore("churn.yaml", artifacts={"data": "ai://default/churn"})
"""
GATE = """
def test_gate(aicore_execution):
    assert aicore_execution.metrics.matches_baseline(
        "baselines/churn.json", accuracy=at_least(-0.01), loss=at_most("+5%", at="best")
    )
"""
FIRST: dict[str, Any] = {"any": {"accuracy": [0.8, 0.9], "loss": [0.5, 0.2, 0.3]}}


class Project:
    """A project whose training logs what `data/churn/metrics.json` says.

    Attributes:
        pytester: that runs it.
    """

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester

    @property
    def path(self) -> Path:
        return self.pytester.path

    def write(self, name: str, text: str) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, source: str, metrics: dict[str, Any], *arguments: str) -> pytest.RunResult:
        self.write("data/churn/metrics.json", json.dumps(metrics))
        self.pytester.makepyfile(test_it=TESTS + source)
        return self.pytester.runpytest_inprocess("-p", "no:randomly", "--aicore-local", *arguments)

    def baseline(self, name: str = "churn") -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.path / "baselines" / f"{name}.json").read_text())
        return content


@pytest.fixture
def churn(pytester: pytest.Pytester) -> Project:
    """The project."""
    reason = Sandbox().probe()
    if reason is not None:
        pytest.skip(reason)
    project = Project(pytester)
    project.write("workflows/churn.yaml", WORKFLOW)
    project.write("image/src/train.py", TRAIN)
    project.write("image/Dockerfile", "FROM python:3.11-slim\nRUN mkdir -p /app/data /app/src\nCOPY src /app/src\n")
    project.write(
        "pytest.ini", "[pytest]\naicore_local_store = data\naicore_local_images = docker.io/me/churn:* = image\n"
    )
    return project


@pytest.fixture
def accepted(churn: Project) -> Project:
    """The project, with a baseline."""
    churn.run(GATE, FIRST, "--aicore-update").assert_outcomes(passed=1)
    return churn


def lines_of(result: pytest.RunResult) -> list[str]:
    """Return the lines of the message with which the only failed test failed."""
    return [line[2:].strip() for line in result.outlines if line.startswith("E  ")]


def test_an_update_shows_what_it_writes(churn: Project) -> None:
    result = churn.run(GATE, FIRST, "--aicore-update")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "--aicore-update: baseline 'baselines/churn.json'",
            "  now:    execution e*, local, 20??-??-??, churn-train, DEPTH=3, SEED=42",
            "            now  baseline  change",
            "  accuracy  0.9  -         new",
            "  loss      0.3  -         new",
            "--aicore-update: wrote baselines/churn.json",
        ]
    )
    written = churn.baseline()["baseline"]
    assert written["values"] == {
        "accuracy": {"last": 0.9, "lowest": 0.8, "highest": 0.9},
        "loss": {"last": 0.3, "lowest": 0.2, "highest": 0.5},
    }
    run = written["run"]
    assert run.pop("execution").startswith("e")
    assert run.pop("date").startswith("20")
    assert run == {
        "world": "local",
        "executable": "churn-train",
        "parameters": {"DEPTH": "3", "SEED": "42"},
        "artifacts": {"data": "ai://default/churn"},
    }


def test_an_update_without_changes_leaves_the_file_as_it_is(accepted: Project) -> None:
    before = accepted.baseline()
    result = accepted.run(GATE, FIRST, "--aicore-update")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["--aicore-update: baseline 'baselines/churn.json' is up to date"])
    assert accepted.baseline() == before


def test_a_worse_model_fails_with_both_numbers_and_runs(accepted: Project) -> None:
    worse = {"any": {"accuracy": [0.9, 0.88], "loss": [0.5, 0.21, 0.4]}}
    result = accepted.run(GATE, worse, "--aicore-report=report.json")
    result.assert_outcomes(failed=1)
    head, *lines = lines_of(result)
    assert head == (
        "GateError: accuracy is worse than the baseline allows: 1 of 2 rules failed, baseline 'baselines/churn.json'."
    )
    assert [" ".join(line.split()) for line in lines[:3]] == [
        "now baseline change rule",
        "failed accuracy 0.88 0.9 -0.02 (-2.22%) at_least(-0.01): at least 0.89",
        "passed loss 0.21 0.2 +0.01 (+5%) at_most('+5%', at='best'): at most 0.21",
    ]
    first = accepted.baseline()["baseline"]["run"]
    assert lines[3].startswith(
        f"baseline: execution {first['execution']}, local, {first['date']}, churn-train, DEPTH=3, SEED=42"
    )
    assert lines[4].startswith("now:      execution e")
    assert lines[5:] == [
        (
            "The same seed (SEED=42) and the same inputs as the baseline: accuracy and loss differ, so code or data"
            " changed, or the training is not deterministic."
        ),
        "If the new values are correct: pytest --aicore-local --aicore-update test_it.py::test_gate",
    ]
    (gate,) = json.loads((accepted.path / "report.json").read_text())["gates"]
    assert (gate["test"], gate["baseline"], gate["outcome"], gate["repeatable"]) == (
        "test_it.py::test_gate",
        "baselines/churn.json",
        "failed",
        False,
    )
    assert gate["baseline_run"] == first
    assert gate["rules"][0] == {
        "metric": "accuracy",
        "rule": "at_least(-0.01)",
        "passed": False,
        "value": 0.88,
        "baseline": 0.9,
        "lowest": 0.89,
        "highest": None,
        "problem": None,
    }
    result.stdout.fnmatch_lines(
        [
            "1 quality gate: 0 passed, 1 failed",
            "failed  baselines/churn.json  test_gate: accuracy failed: 0.88 (baseline 0.9); loss 0.21 (baseline 0.2)",
        ]
    )


def test_a_model_that_is_as_good_passes(accepted: Project) -> None:
    result = accepted.run(GATE, FIRST, "--aicore-report=report.json")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "1 quality gate: 1 passed",
            "passed  baselines/churn.json  test_gate: accuracy 0.9 (baseline 0.9); loss 0.2 (baseline 0.2)",
        ]
    )
    (gate,) = json.loads((accepted.path / "report.json").read_text())["gates"]
    assert (gate["outcome"], gate["repeatable"], gate["chance"]) == ("passed", True, [])


def test_each_parameter_set_has_its_own_baseline(churn: Project) -> None:
    source = """
@pytest.mark.parametrize("depth", [3, 7])
@pytest.mark.aicore(parameters={"DEPTH": from_param("depth")})
def test_gate(aicore_execution, depth):
    assert aicore_execution.metrics.matches_baseline("baselines/churn.json", accuracy=at_least())
"""
    metrics = {"3": {"accuracy": [0.8]}, "7": {"accuracy": [0.9]}}
    churn.run(source, metrics, "--aicore-update").assert_outcomes(passed=2)
    sets = churn.baseline()["parameter_sets"]
    assert {name: each["values"]["accuracy"] for name, each in sets.items()} == {"3": 0.8, "7": 0.9}
    worse = {**metrics, "7": {"accuracy": [0.85]}}
    result = churn.run(source.replace("[3, 7]", "[3, 7, 8]"), {**worse, "8": {"accuracy": [0.9]}})
    result.assert_outcomes(passed=1, failed=2)
    told = lines_of(result)
    assert told[0].endswith("1 of 1 rules failed, baseline 'baselines/churn.json[7]'.")
    assert "BaselineError: The baseline 'baselines/churn.json' has no parameter set '8'. It has: '3', '7'." in told


def test_two_runs_of_one_seed_that_differ_are_told_apart(accepted: Project) -> None:
    """The second run of the session gives other values, although nothing has changed."""
    accepted.write(
        "image/src/train.py",
        TRAIN.replace('"value": value', '"value": value + int.from_bytes(os.urandom(6), "big") * 1e-18'),
    )
    source = """
@pytest.mark.parametrize("time", [1, 2])
@pytest.mark.aicore(fresh=True)
def test_gate(aicore_execution, time, request):
    request.node.callspec = None  # both compare with the same baseline
    assert aicore_execution.metrics.matches_baseline("baselines/churn.json", accuracy=within(0.01))
"""
    result = accepted.run(source, FIRST)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "2 quality gates: 2 passed",
            "        The same seed (SEED=42) and the same inputs as the baseline: accuracy differs, so code or data*",
            "        The same seed (SEED=42) and the same inputs as execution e* of this session: accuracy differs*",
        ]
    )


def test_a_baseline_of_another_executable_is_refused(accepted: Project) -> None:
    accepted.write("workflows/churn.yaml", WORKFLOW.replace("name: churn-train", "name: house-train"))
    result = accepted.run(GATE, FIRST)
    result.assert_outcomes(failed=1)
    assert lines_of(result)[0].startswith(
        "BaselineError: The baseline 'baselines/churn.json' is of the executable 'churn-train' (execution e"
    )


def test_two_runs_cannot_be_the_same_baseline(churn: Project) -> None:
    source = GATE + GATE.replace("test_gate", "test_other").replace(
        "def", '@pytest.mark.aicore(parameters={"DEPTH": 7})\ndef'
    )
    result = churn.run(source, FIRST, "--aicore-update")
    result.assert_outcomes(passed=1, failed=1)
    (told,) = [
        line for line in result.outlines if line.startswith("--aicore-update: two runs of this session are to be the")
    ]
    assert told.endswith("Give each test a baseline of its own, or make them parameter sets of one test.")
    assert churn.baseline()["baseline"]["run"]["parameters"]["DEPTH"] == "3"


def test_what_failed_becomes_no_baseline(churn: Project) -> None:
    """Neither a test that fails later, nor a metric that does not exist."""
    result = churn.run(
        GATE
        + "    assert aicore_execution.metrics['accuracy'] > 0.99\n"
        + GATE.replace("test_gate", "test_missing").replace("accuracy", "acuracy"),
        FIRST,
        "--aicore-update",
    )
    result.assert_outcomes(failed=2)
    assert not (churn.path / "baselines").exists()
    assert "GateError: --aicore-update: not every rule has a value, so nothing is written." in lines_of(result)
    assert any("Did you mean 'accuracy'?" in line for line in lines_of(result))


def test_two_processes_update_one_baseline(churn: Project) -> None:
    """The one that comes second keeps what the first has written, also if its test ended before."""
    source = """
import pathlib

@pytest.mark.parametrize("n", ["first", "second"])
def test_gate(aicore_execution, n):
    assert aicore_execution.metrics.matches_baseline("baselines/churn.json", accuracy=at_least(0))
    pathlib.Path(f"over-{n}").touch()
"""
    churn.run(source, FIRST, "--aicore-update", "-k", "first").assert_outcomes(passed=1, deselected=1)
    file = churn.path / "baselines" / "churn.json"
    written = file.read_text(encoding="utf-8")
    file.unlink()
    with alone_with(file):
        arguments = ["-p", "no:randomly", "--aicore-local", "--aicore-update", "-k", "second"]
        other = start_pytest(arguments, cwd=churn.path, output=churn.path / "output.txt")
        until((churn.path / "over-second").exists, "the end of its test", 100)
        file.write_text(written, encoding="utf-8")
    assert other.wait(100) == 0, (churn.path / "output.txt").read_text(encoding="utf-8")
    assert list(parse(file.read_text(encoding="utf-8"), "churn.json").sets) == ["first", "second"]
