"""One tiny training with its real code: a session of pytest that runs it in the sandbox, beside `python train.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.measuring import Figure, environment, in_turns, pytest_run

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 15
TRAIN = """
import csv, json, os
from pathlib import Path

data, model = Path(os.environ.get("DATA", "/app/data")), Path(os.environ.get("MODEL", "/app/model"))
rows = list(csv.DictReader((data / "flowers.csv").read_text().splitlines()))
kinds = sorted({row["kind"] for row in rows})
means = {kind: sum(float(row["cm"]) for row in rows if row["kind"] == kind) for kind in kinds}
print(len(rows), "flowers")
(model / "model.json").write_text(json.dumps(means))
"""
FILES = {
    "image/Dockerfile": "FROM python:3-slim\nRUN mkdir -p /app/model && chmod 777 /app/model\nCOPY train.py /app/\n",
    "image/train.py": TRAIN,
    "data/flowers/flowers.csv": "cm,kind\n" + "1.4,setosa\n4.7,versicolor\n" * 50,
    "pytest.ini": "[pytest]\naicore_local_store = data\naicore_local_images = docker.io/me/flowers:* = image\n",
    "test_flowers.py": """
import pytest

@pytest.mark.aicore("flowers.yaml", artifacts={"measurements": "ai://default/flowers"})
def test_it(aicore_execution):
    assert aicore_execution.logs[-1] == "100 flowers"
    assert b"setosa" in aicore_execution.output_artifacts["flower-model"].open("model.json").read()
""",
    "workflows/flowers.yaml": """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: flowers-train
  labels: {scenarios.ai.sap.com/id: flowers, ai.sap.com/version: "1.0.0"}
  annotations:
    scenarios.ai.sap.com/name: Flowers
    executables.ai.sap.com/name: Flower training
    artifacts.ai.sap.com/measurements.kind: dataset
    artifacts.ai.sap.com/flower-model.kind: model
spec:
  entrypoint: train
  templates:
    - name: train
      metadata: {labels: {ai.sap.com/resourcePlan: starter}}
      inputs: {artifacts: [{name: measurements, path: /app/data}]}
      outputs: {artifacts: [{name: flower-model, globalName: flower-model, path: /app/model, archive: {none: {}}}]}
      container:
        image: docker.io/me/flowers:1.0.0
        command: ["/bin/sh", "-c"]
        args: ["python /app/train.py"]
""",
}


def figures() -> Iterator[Figure]:
    """Yield what a session adds to a training, pytest's own start and the image included."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for path, text in FILES.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        (folder / "model").mkdir()
        found = in_turns(lambda: session(folder), lambda: bare(folder), ROUNDS)
    yield Figure(
        "training: what `pytest --aicore-local` of one adds to `python train.py`",
        found.difference,
        "s",
        at_most=1,
        detail=found.medians("ms", 1000),
    )


def session(folder: Path) -> float:
    """Return the seconds that a session with the training takes.

    Args:
        folder: the project.
    """
    return pytest_run(folder, "--aicore-local", expect="1 passed").wall


def bare(folder: Path) -> float:
    """Return the seconds that the training takes as a process.

    Args:
        folder: the project.
    """
    variables = {**environment(), "DATA": str(folder / "data" / "flowers"), "MODEL": str(folder / "model")}
    began = perf_counter()
    subprocess.run(
        [sys.executable, str(folder / "image" / "train.py")], env=variables, stdout=subprocess.DEVNULL, check=True
    )
    return perf_counter() - began
