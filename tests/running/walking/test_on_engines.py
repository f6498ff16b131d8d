"""Workflows with real processes, on each engine that this machine has."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.running.local_pods import LocalPods
from pytest_aicore.running.pods import Stored
from pytest_aicore.running.walking.walk import Walk
from pytest_aicore.running.workflow import read_workflow
from tests.running.walking.scripted_pods import NAME, workflow

if TYPE_CHECKING:
    from pytest_aicore.running.walking.walk import Outcome
    from pytest_aicore.workflows.template import WorkflowTemplate
    from tests.running.pods_here import Here

pytestmark = pytest.mark.once

WORKFLOWS = Path(__file__).parents[3] / "workflows"


def carry_out(here: Here, what: WorkflowTemplate, **given: Any) -> Outcome:
    """Return the end of a workflow that really ran.

    Args:
        here: the engine.
        what: the workflow.
        given: to it.
    """
    pods = LocalPods(here.settings())
    try:
        return Walk(what, NAME, pods, **given).run()
    finally:
        pods.close()


def content(left: Stored | bytes, *below: str) -> str:
    """Return the text of a file in an artifact.

    Args:
        left: the artifact.
        below: the way to the file.
    """
    assert isinstance(left, Stored)
    return left.path.joinpath(*below).read_text(encoding="utf-8")


def image(folder: Path, **scripts: str) -> Path:
    """Return the folder of an image with Python scripts in `/app/src`.

    Args:
        folder: where to make it.
        scripts: their texts by their names.
    """
    source = folder / "image" / "src"
    source.mkdir(parents=True)
    (source.parent / "Dockerfile").write_text("FROM python:3.11\nCOPY src /app/src\n")
    for name, text in scripts.items():
        (source / f"{name}.py").write_text(text)
    return source.parent


TRAIN = """
import json, os, pathlib
rows = pathlib.Path("/app/data/rows.csv").read_text().split()
model = pathlib.Path("/app/model")
model.mkdir()
(model / "model.json").write_text(json.dumps({"rows": len(rows), "depth": os.environ["DEPTH"]}))
print("accuracy 0.9")
"""


@pytest.fixture
def rows(tmp_path: Path) -> Stored:
    """Return a dataset."""
    folder = tmp_path / "rows"
    folder.mkdir()
    (folder / "rows.csv").write_text("1\n2\n3\n")
    return Stored(folder)


def test_the_tutorial(sandboxed: Here, rows: Stored) -> None:
    sandboxed.mapping = {"docker.io/example/text-clf-train:*": image(sandboxed.folder, train=TRAIN)}
    tutorial = read_workflow(WORKFLOWS / "training_workflow_tutorial.yaml")
    outcome = carry_out(sandboxed, tutorial, parameters={"DEPTH": "5"}, artifacts={"text-data": rows})
    assert (outcome.status, outcome.message) == ("COMPLETED", "")
    assert content(outcome.artifacts["text-model-tutorial"], "model.json") == '{"rows": 3, "depth": "5"}'
    assert "accuracy 0.9" in sandboxed.lines


def test_the_tutorial_with_a_training_that_fails(sandboxed: Here, rows: Stored) -> None:
    sandboxed.mapping = {"docker.io/example/*": image(sandboxed.folder, train="raise SystemExit(3)")}
    tutorial = read_workflow(WORKFLOWS / "training_workflow_tutorial.yaml")
    outcome = carry_out(sandboxed, tutorial, artifacts={"text-data": rows})
    assert (outcome.status, outcome.phase, outcome.message) == ("DEAD", "Failed", "Error (exit code 3)")
    assert outcome.artifacts == {}


PREPARE = """
import pathlib, shutil
table = pathlib.Path("/app/table")
table.mkdir()
for name in ("sales", "districts"):
    shutil.copy(f"/app/{name}/rows.csv", table / f"{name}.csv")
"""
REGRESS = """
import pathlib, sys
names = sorted(path.name for path in pathlib.Path("/app/table").iterdir())
pathlib.Path("/app/model").mkdir()
pathlib.Path("/app/model/said").write_text(" ".join([*names, *sys.argv[1:]]))
"""


def test_steps_of_the_repository(sandboxed: Here, rows: Stored) -> None:
    sandboxed.mapping = {"docker.io/example/*": image(sandboxed.folder, prepare=PREPARE, train=REGRESS)}
    outcome = carry_out(
        sandboxed,
        read_workflow(WORKFLOWS / "house_price_steps.yaml"),
        parameters={"MAX_DEPTH": "4"},
        artifacts={"sales": rows, "districts": rows},
    )
    assert (outcome.status, outcome.message) == ("COMPLETED", "")
    said = "districts.csv sales.csv --max-depth 4 --test-share 0.2"
    assert content(outcome.artifacts["house-price-model"], "said") == said


SPLIT = """
import pathlib, shutil
shutil.copytree("/app/contracts", "/app/rows")
"""
REPORT = """
import pathlib
pathlib.Path("/app/report.html").write_text(str(len(list(pathlib.Path("/app/rows").iterdir()))))
"""
CLASSIFY = """
import pathlib, sys
pathlib.Path("/app/model").write_text(sys.argv[2])
"""


def test_the_dag_of_the_repository(sandboxed: Here, rows: Stored) -> None:
    scripts = {"split": SPLIT, "train": CLASSIFY, "report": REPORT}
    sandboxed.mapping = {"docker.io/example/*": image(sandboxed.folder, **scripts)}
    churn = read_workflow(WORKFLOWS / "churn_dag.yaml")
    outcome = carry_out(sandboxed, churn, artifacts={"contracts": rows})
    assert (outcome.status, outcome.message) == ("COMPLETED", "")
    assert {name: content(left) for name, left in outcome.artifacts.items()} == {
        "churn-model": "0.05",
        "churn-report": "1",
    }


TWO_STEPS = """
    entrypoint: all
    templates:
      - name: all
        steps:
          - - {name: make, template: make}
          - - name: use
              template: use
              arguments:
                parameters: [{name: said, value: "{{steps.make.outputs.result}}"}]
                artifacts: [{name: data, from: "{{steps.make.outputs.artifacts.data}}"}]
      - name: make
        outputs: {artifacts: [{name: data, path: /var/tmp/out/data}]}
        container:
          image: i
          command: [sh, -c]
          args: ["MAKE; echo 'said it'; echo aside >&2"]
      - name: use
        inputs: {parameters: [{name: said}], artifacts: [{name: data, path: /var/tmp/in/data}]}
        outputs: {artifacts: [{name: all, path: /var/tmp/all, globalName: all, archive: {none: {}}}]}
        container:
          image: i
          command: [sh, -c]
          args: ["(echo {{inputs.parameters.said}}; cat /var/tmp/in/data/*) > /var/tmp/all"]
"""
MADE = "mkdir -p /var/tmp/out/data && echo 1 > /var/tmp/out/data/a && echo 2 > /var/tmp/out/data/b"


def test_two_steps_pass_an_artifact(here: Here) -> None:
    outcome = carry_out(here, workflow(TWO_STEPS.replace("MAKE", MADE)))
    assert (outcome.status, outcome.message) == ("COMPLETED", "")
    assert content(outcome.artifacts["all"]) == "said it\n1\n2\n"


@pytest.mark.parametrize(
    ("make", "phase", "message"),
    [
        ("exit 7", "Failed", "Error (exit code 7)"),
        (
            "true",
            "Error",
            "Error (exit code 1): open /var/run/argo/outputs/artifacts/var/tmp/out/data.tgz: no such file or directory",
        ),
    ],
)
def test_an_artifact_that_is_not_passed(here: Here, make: str, phase: str, message: str) -> None:
    outcome = carry_out(here, workflow(TWO_STEPS.replace("MAKE", make)))
    node = next(node for node in outcome.nodes if node.name == "wf[0].make")
    assert (node.phase, node.message) == (phase, message)
    assert (outcome.status, outcome.message) == ("DEAD", f"child '{node.id}' failed")
    assert outcome.artifacts == {}


def test_retries_with_a_script(here: Here) -> None:
    outcome = carry_out(
        here,
        workflow(
            """
            entrypoint: train
            templates:
              - name: train
                retryStrategy: {limit: 2}
                script: {image: i, command: [sh], source: "exit $((1 - {{retries}}))"}
            """
        ),
    )
    assert [(node.name, node.phase, node.exit_code) for node in outcome.nodes] == [
        ("wf", "Succeeded", 0),
        ("wf(0)", "Failed", 1),
        ("wf(1)", "Succeeded", 0),
    ]


SLEEPS = """
    entrypoint: all
    DEADLINE
    templates:
      - name: all
        steps: [[{name: a, template: work}, {name: b, template: work}]]
      - name: work
        OWN
        container: {image: i, command: [sh, -c], args: ["echo begins; sleep 60"]}
"""


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("DEADLINE", "activeDeadlineSeconds: 1", "Step exceeded its deadline"),
        ("OWN", "activeDeadlineSeconds: 1", "Pod was active on the node longer than the specified deadline"),
    ],
)
def test_deadlines(here: Here, key: str, value: str, message: str) -> None:
    spec = SLEEPS.replace(key, value).replace("DEADLINE", "").replace("OWN", "")
    outcome = carry_out(here, workflow(spec))
    assert outcome.status == "DEAD"
    assert [node.message for node in outcome.nodes if node.type == "Pod"] == [message] * 2
    assert outcome.seconds < 20


def test_a_stop(here: Here) -> None:
    begun: set[str] = set()
    walk: Walk

    def heard(pod: Any, line: str) -> None:
        del line
        begun.add(pod.node)
        if len(begun) == 2:
            threading.Thread(target=walk.stop, args=("Ctrl-C",)).start()

    here.options["log"] = heard
    pods = LocalPods(here.settings())
    walk = Walk(workflow(SLEEPS.replace("DEADLINE", "").replace("OWN", "")), NAME, pods)
    outcome = walk.run()
    pods.close()
    assert outcome.status == "STOPPED"
    assert [node.message for node in outcome.nodes if node.type == "Pod"] == ["Ctrl-C"] * 2
    assert outcome.seconds < 20


MOUNTED = """
    entrypoint: train
    volumes: [{name: scratch, emptyDir: {}}, {name: conf, configMap: {name: settings}}]
    templates:
      - name: train
        outputs: {parameters: [{name: left, valueFrom: {path: /scratch/left}}]}
        container:
          image: i
          command: [sh, -c]
          args: ["SCRIPT"]
          volumeMounts: [{name: scratch, mountPath: /scratch}, {name: conf, mountPath: /etc/conf}]
"""


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("mount | grep /scratch && echo 1 > /scratch/left", "COMPLETED"),
        ("cat /etc/conf/depth > /scratch/left", "COMPLETED"),
        ("echo 1 > /scratch/left; echo 6 > /etc/conf/depth", "DEAD"),
    ],
)
def test_volumes_are_mounted(sandboxed: Here, script: str, status: str) -> None:
    what = workflow(MOUNTED.replace("SCRIPT", script))
    outcome = carry_out(sandboxed, what, config_maps={"settings": {"depth": "5"}})
    assert outcome.status == status
