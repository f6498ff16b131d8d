"""Many trainings in one session on this machine: they start together, queue, and are shared between processes."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.running.engines.sandbox import Sandbox
from tests.local.laptops import TRACKS
from tests.prepared import prepare
from tests.training.live.sessions.processes import LiveProcess
from tests.waiting import sleeping, until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.once

WORKFLOW = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: tree-train
  annotations: {scenarios.ai.sap.com/name: Trees, executables.ai.sap.com/name: Tree training}
  labels: {scenarios.ai.sap.com/id: trees, ai.sap.com/version: 1.0.0}
spec:
  entrypoint: train
  arguments: {parameters: [{name: depth, default: "3"}]}
  templates:
    - name: train
      metadata: {labels: {ai.sap.com/resourcePlan: starter}}
      outputs: {artifacts: [{name: model, globalName: model, path: FOLDER/model, archive: {none: {}}}]}
      container:
        image: docker.io/me/tree:1
        command: ["/bin/sh", "-c"]
        args: ['depth={{workflow.parameters.depth}}; SCRIPT']
"""
RECORDED = "echo began $depth >> FOLDER/lines; mkdir -p FOLDER/model; echo $depth > FOLDER/model/depth"
HEAD = """
import os, pytest, time
from pathlib import Path
from pytest_aicore import from_param

def tree(**more):
    return pytest.mark.aicore("tree.yaml", **more)

tree_of_depth = tree(parameters={"depth": from_param("depth")})
in_both_workers = pytest.mark.parametrize(
    "half", [pytest.param(half, marks=pytest.mark.xdist_group(f"group {half}")) for half in (0, 1)]
)

def note(line):
    with open("notes", "a") as file:
        file.write(f"{line}\\n")

def rendezvous(name, others):
    Path(name).touch()
    end = time.monotonic() + 30
    while not all(Path(each).exists() for each in others):
        assert time.monotonic() < end
        time.sleep(0.01)
"""
XDIST = ("-p", "xdist", "-n2", "--dist=loadgroup")


class Forest:
    """A project with a training that notes when it begins.

    Args:
        pytester: its project.
    """

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.path = pytester.path
        self._pytester = pytester
        self.script(RECORDED)
        self.engine("process")

    def script(self, text: str) -> None:
        """Set what the training runs: a script of the shell, with `$depth` and FOLDER."""
        folder = self.path / "workflows"
        folder.mkdir(exist_ok=True)
        workflow = WORKFLOW.replace("SCRIPT", text).replace("FOLDER", str(self.path))
        (folder / "tree.yaml").write_text(workflow, encoding="utf-8")

    def engine(self, name: str) -> None:
        """Set what runs it."""
        (self.path / "pytest.ini").write_text(f"[pytest]\naicore_local_engine = {name}\n", encoding="utf-8")

    def run(self, source: str, *arguments: str, subprocess: bool = False) -> pytest.RunResult:
        """Run tests with trainings on this machine."""
        self._pytester.makepyfile(test_it=HEAD + source)
        run = self._pytester.runpytest_subprocess if subprocess else self._pytester.runpytest_inprocess
        return run("-p", "no:randomly", "-p", "no:cacheprovider", "--aicore-local", *arguments)

    def start(self, source: str, *arguments: str) -> LiveProcess:
        """Start a session in a process and a process group of its own."""
        self._pytester.makepyfile(test_it=HEAD + source)
        return LiveProcess(self.path, ["-p", "no:randomly", "--aicore-local", *arguments])

    def lines(self, file: str = "lines") -> list[str]:
        """Return what trainings or tests have noted."""
        path = self.path / file
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def report(self) -> dict[str, Any]:
        """Return the JSON report."""
        content: dict[str, Any] = json.loads((self.path / "report.json").read_text(encoding="utf-8"))
        return content


@pytest.fixture
def forest(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Forest:
    prepare(pytester, monkeypatch)
    return Forest(pytester)


@pytest.fixture
def seconds() -> Iterator[str]:
    """A number of seconds that only one test sleeps."""
    yield (number := f"6{int.from_bytes(os.urandom(4), 'big')}")
    with ExitStack() as exits:
        for process in sleeping(number):
            exits.callback(os.kill, process, signal.SIGKILL)


def test_parametrized_trainings_run_at_the_same_time(forest: Forest) -> None:
    """Each of them ends only when the other one has begun."""
    forest.script(
        f"{RECORDED}; n=0; until test $(wc -l < FOLDER/lines) -ge 2 || test $n -ge 300; do sleep 0.1; n=$((n+1)); done;"
        " test $n -lt 300"
    )
    forest.run(
        """
@tree_of_depth
@pytest.mark.parametrize("depth", [3, 5])
def test_it(aicore_execution, depth): pass
""",
        "--aicore-max-parallel=2",
    ).assert_outcomes(passed=2)


def test_a_family_is_shown_with_the_metrics_of_its_runs(forest: Forest) -> None:
    """The test has not asked for them."""
    tracks = TRACKS.replace("0.75", "float(os.environ['DEPTH'])")
    for name in ("AI-RESOURCE-GROUP", "AI-MAIN-TENANT"):  # a shell passes no variables with such names on
        tracks = tracks.replace(f'os.environ["{name}"]', "'default'")
    (forest.path / "tracks.py").write_text(tracks, encoding="utf-8")
    forest.script(f"{RECORDED}; DEPTH=$depth {sys.executable} FOLDER/tracks.py")
    result = forest.run(
        """
@tree_of_depth
@pytest.mark.parametrize("depth", [3, 5])
def test_it(aicore_execution, depth): pass
""",
        "--aicore-report=report.json",
    )
    result.assert_outcomes(passed=2)
    result.stdout.re_match_lines(
        [
            "test_it, tree.yaml:",
            r"  depth  status     duration  accuracy",
            r"  3      COMPLETED +[\d.]+ s +3$",
            r"  5      COMPLETED +[\d.]+ s +5$",
        ]
    )
    (family,) = forest.report()["families"]
    assert [each["metrics"] for each in family["runs"]] == [{"accuracy": 3.0}, {"accuracy": 5.0}]


def test_trainings_above_the_limit_queue(forest: Forest) -> None:
    forest.script(f"{RECORDED}; sleep 0.2; echo ended $depth >> FOLDER/lines")
    forest.run(
        """
@tree_of_depth
@pytest.mark.parametrize("depth", [3, 5, 7])
def test_it(aicore_execution, depth): pass
""",
        "--aicore-max-parallel=1",
    ).assert_outcomes(passed=3)
    assert forest.lines() == [f"{event} {depth}" for depth in (3, 5, 7) for event in ("began", "ended")]


def test_what_no_selected_test_needs_is_not_started(forest: Forest) -> None:
    source = """
@tree_of_depth
@pytest.mark.parametrize("depth", [3, 5, 7])
def test_it(aicore_execution, depth): pass

@pytest.mark.skip
@tree(parameters={"depth": 8})
def test_skipped(aicore_execution): pass
"""
    forest.run(source, "-k", "not 5").assert_outcomes(passed=2, skipped=1, deselected=1)
    assert sorted(forest.lines()) == ["began 3", "began 7"]


def test_what_no_remaining_test_needs_is_stopped(forest: Forest, seconds: str) -> None:
    """The first test fails before it uses its run, the second one is not run any more because of `-x`."""
    forest.script(f"{RECORDED}; test $depth = 1 || sleep {seconds}")
    result = forest.run(
        """
@pytest.fixture
def broken():
    deadline = time.monotonic() + 30
    while Path("lines").read_text().count("began") < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    raise ValueError

@tree(parameters={"depth": 1})
def test_first(aicore_execution): pass

@tree(parameters={"depth": 2})
def test_broken(broken, aicore_execution): pass

@tree(parameters={"depth": 3})
def test_never(aicore_execution): pass
""",
        "-x",
        "--aicore-max-parallel=3",
    )
    result.assert_outcomes(passed=1, errors=1)
    told = [line for line in result.outlines if line.startswith("aicore: execution e")]
    assert len([line for line in told if "no remaining test needs it." in line]) == 2
    assert sleeping(seconds) == []


def test_workers_share_runs(forest: Forest) -> None:
    """One plan that both workers use runs once; each worker's clients see it."""
    result = forest.run(
        """
@tree()
@in_both_workers
def test_it(aicore_execution, aicore_client, half):
    rendezvous(f"half-{half}", ["half-0", "half-1"])
    note(f"{os.environ['PYTEST_XDIST_WORKER']} {aicore_execution.id}")
    seen = aicore_client.execution.get(aicore_execution.id)
    assert (seen.status, seen.output_artifacts[0].name) == (aicore_execution.status, "model")
    assert aicore_client.configuration.get(seen.configuration_id).executable_id == "tree-train"
    assert [each.id for each in aicore_client.execution.query().resources] == [aicore_execution.id]
""",
        *XDIST,
        "--aicore-report=report.json",
        "--aicore-resource-group=team-a",
        subprocess=True,
    )
    result.assert_outcomes(passed=2)
    assert forest.lines() == ["began 3"]
    workers, executions = zip(*(line.split() for line in forest.lines("notes")), strict=True)
    assert (set(workers), len(set(executions))) == ({"gw0", "gw1"}, 1)
    (run,) = forest.report()["runs"]
    assert (run["status"], len(run["tests"])) == ("COMPLETED", 2)
    result.stdout.fnmatch_lines(["1 training run, local: 1 COMPLETED; *", "COMPLETED * tree.yaml  2 tests"])


def test_workers_share_nothing_else(forest: Forest) -> None:
    """What a test makes by its client is seen by no other process, and by no later test; it really runs, too."""
    forest.run(
        """
from pytest_aicore import Status

@tree()
@in_both_workers
def test_it(aicore_configuration, aicore_client, half):
    mine = aicore_client.execution.create(aicore_configuration.id).id
    rendezvous(f"half-{half}", ["half-0", "half-1"])
    while (seen := aicore_client.execution.get(mine)).status not in (Status.COMPLETED, Status.DEAD):
        time.sleep(0.05)
    assert seen.status is Status.COMPLETED
    assert [each.id for each in aicore_client.execution.query().resources] == [mine]
    assert [each.execution_id for each in aicore_client.artifact.query().resources] == [mine]
    rendezvous(f"after-{half}", ["after-0", "after-1"])

@in_both_workers
def test_later(aicore_client, half):
    rendezvous(f"later-{half}", ["later-0", "later-1"])
    assert aicore_client.execution.count() == aicore_client.artifact.count() == 0
""",
        *XDIST,
        subprocess=True,
    ).assert_outcomes(passed=4)
    assert forest.lines() == ["began 3"] * 2


def test_a_client_stops_a_run(forest: Forest, seconds: str) -> None:
    forest.script(f"{RECORDED}; sleep {seconds}")
    forest.run(
        """
from pytest_aicore import TargetStatus

@tree(expect="STOPPED")
def test_it(aicore_run, aicore_client):
    run = aicore_run()
    (execution,) = aicore_client.execution.query().resources
    aicore_client.execution.modify(execution.id, TargetStatus.STOPPED)
    assert run.execution.id == execution.id
""",
    ).assert_outcomes(passed=1)
    assert sleeping(seconds) == []


def test_a_workflow_outside_of_the_folder_and_another_resource_group(forest: Forest) -> None:
    (forest.path / "more").mkdir()
    (forest.path / "workflows" / "tree.yaml").rename(forest.path / "more" / "tree.yaml")
    (forest.path / "workflows" / "other.yaml").write_text(
        WORKFLOW.replace("tree-train", "other-train").replace("SCRIPT", "true").replace("FOLDER", "/tmp"),
        encoding="utf-8",
    )
    forest.run(
        """
@pytest.mark.aicore("more/tree.yaml")
@pytest.mark.parametrize("half", [0, 1])
def test_it(aicore_execution, aicore_client, half):
    seen = aicore_client.execution.get(aicore_execution.id)
    assert aicore_client.configuration.get(seen.configuration_id).executable_id == "tree-train"
""",
        "--aicore-resource-group=team-a",
    ).assert_outcomes(passed=2)
    assert forest.lines() == ["began 3"]


def test_a_worker_that_crashes_takes_no_run_with_it(forest: Forest, seconds: str) -> None:
    """The run that only its test needed is stopped, the other one goes on; the worker is replaced."""
    forest.script(f"{RECORDED}; test $depth != 9 || sleep {seconds}")
    result = forest.run(
        """
@tree(parameters={"depth": 9})
def test_crash(aicore_run):
    aicore_run()
    while "began 9" not in Path("lines").read_text():
        time.sleep(0.01)
    os._exit(3)

@tree_of_depth
@pytest.mark.parametrize("depth", [3, 4, 5, 6])
def test_it(aicore_execution, depth): pass
""",
        *XDIST[:-1],
        "--maxprocesses=2",
        subprocess=True,
    )
    result.assert_outcomes(passed=4, failed=1)
    assert sorted(forest.lines()) == ["began 3", "began 4", "began 5", "began 6", "began 9"]
    assert sleeping(seconds) == []


def test_what_cannot_be_carried_out_is_said_before_any_test(forest: Forest) -> None:
    with (forest.path / "pytest.ini").open("a", encoding="utf-8") as ini:
        ini.write("aicore_local_secrets = nothing.yaml\n")
    result = forest.run("def test_it(aicore_client): pass", *XDIST)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    file = forest.path / "nothing.yaml"
    result.stderr.fnmatch_lines([f"ERROR: ini aicore_local_secrets {file}: the file cannot be read as YAML."])
    assert result.outlines == []


def test_no_room_for_temporary_files_is_said_before_any_test(forest: Forest, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **named: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.mkdtemp", full)
    result = forest.run("def test_it(aicore_client): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = "No folder can be made for the runs of this session: No space left on device."
    remedy = "The variable TMPDIR names the folder for temporary files."
    result.stderr.fnmatch_lines([f"ERROR: {said} {remedy}"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_nothing_outlives_the_process_that_owns_the_runs(forest: Forest, seconds: str, number: signal.Signals) -> None:
    """The controller alone gets the signal: its workers wait for what it carries out."""
    if (reason := Sandbox().probe()) is not None:
        pytest.skip(reason)
    forest.engine("sandbox")
    forest.script(f"sleep {seconds}")
    source = """
@tree_of_depth
@pytest.mark.parametrize("depth", [3, 4])
def test_it(aicore_execution, depth): pass
"""
    with forest.start(source, *XDIST, "--aicore-max-parallel=2") as session:
        until(lambda: len(sleeping(seconds)) == 2, "two trainings that run")
        session.send(number)
        until(lambda: not sleeping(seconds), "the end of both")
        assert session.wait() != 0
