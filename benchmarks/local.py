"""What the sandbox costs a step, beside a bare process and kfp's runner; what many steps and many log lines cost."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from time import sleep as wait
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import Comparison, Figure, in_turns
from benchmarks.memory import MEBIBYTE, resident
from benchmarks.service import Service
from pytest_aicore.local.choices import LocalChoices
from pytest_aicore.local.emulator import local_emulator
from pytest_aicore.running.engines.choosing import ENGINES
from pytest_aicore.workflows import parse_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

STEPS = 21
ROUNDS = 5
LINES = 100_000
LOOK_EVERY = 0.01
"""Seconds between two looks at an execution: it must not be what is measured."""
WORKFLOW = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: tiny
  annotations:
    scenarios.ai.sap.com/name: Tiny
    executables.ai.sap.com/name: Train
    artifacts.ai.sap.com/model.kind: model
  labels:
    scenarios.ai.sap.com/id: tiny
    ai.sap.com/version: "1.0"
spec:
  entrypoint: train
  arguments: {parameters: [{name: SCRIPT}]}
  templates:
    - name: train
      outputs: {artifacts: [{name: model, globalName: model, path: /out/model, archive: {none: {}}}]}
      volumes: [{name: out, emptyDir: {}}]
      container:
        image: docker.io/me/tiny:1
        command: [sh, -c]
        args: ["{{workflow.parameters.SCRIPT}}"]
        volumeMounts: [{name: out, mountPath: /out}]
"""
PARALLEL = 20
SLEEPERS = f"""
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: sleepers
  annotations: {{scenarios.ai.sap.com/name: Sleepers, executables.ai.sap.com/name: Sleep}}
  labels: {{scenarios.ai.sap.com/id: tiny, ai.sap.com/version: "1.0"}}
spec:
  entrypoint: all
  parallelism: {PARALLEL}
  arguments: {{parameters: [{{name: COUNT}}]}}
  templates:
    - name: all
      steps: [[{{name: each, template: one, withSequence: {{count: "{{{{workflow.parameters.COUNT}}}}"}}}}]]
    - name: one
      container: {{image: "docker.io/me/tiny:1", command: [sleep, "1"]}}
"""
WATCHED = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: watched}
spec:
  entrypoint: one
  templates: [{name: one, container: {image: "docker.io/me/tiny:1", command: [echo, "WORD"]}}]
"""
TINY = "print('trained')"
FILES = 20_000
MANY = f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: many}}
spec:
  entrypoint: one
  volumes: [{{name: out, emptyDir: {{}}}}]
  templates:
    - name: one
      outputs: {{artifacts: [{{name: model, globalName: model, path: /out/model, archive: {{none: {{}}}}}}]}}
      container:
        image: docker.io/me/tiny:1
        command: [sh, -c, "mkdir /out/model && cd /out/model && seq {FILES} | xargs touch; echo made"]
        volumeMounts: [{{name: out, mountPath: /out}}]
"""
INTERRUPTED = 4
SLEEPING = f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: sleeping}}
spec:
  entrypoint: all
  templates:
    - name: all
      steps: [[{{name: each, template: one, withSequence: {{count: "{INTERRUPTED}"}}}}]]
    - name: one
      container: {{image: "docker.io/me/tiny:1", command: [sh, -c, "echo begun; exec sleep 600"]}}
"""


def figures() -> Iterator[Figure]:
    """Measure a step with an output artifact until it is registered, steps at the same time, and 100,000 log lines."""
    from benchmarks import kfp_step

    with sandbox() as service:
        added = in_turns(lambda: step_here(service), bare, STEPS)
        yield Figure(
            "local: what the sandbox adds to a step, registration included",
            added.difference * 1000,
            "ms",
            at_most=60,
            detail=added.medians("ms", 1000),
        )
        for component, how, most in (
            (kfp_step.as_documented, "", 0.2),
            (kfp_step.without_installation, " without its installation of kfp", None),
        ):
            beside = beside_kfp(service, component)
            yield Figure(
                f"local: what the sandbox adds to a step, of what kfp's SubprocessRunner adds{how}",
                beside.ratio,
                "x",
                at_most=most,
                detail=beside.medians("ms", 1000),
            )
        many = in_turns(lambda: sleep(service, PARALLEL), lambda: sleep(service, 1), ROUNDS)
        yield Figure(
            f"local: {PARALLEL} steps that sleep 1 s with parallelism {PARALLEL}, beside one",
            many.ratio,
            "x",
            at_most=1.5,
            detail=many.medians("s", 1),
        )
        before = resident()
        seconds = step(service, f"seq {LINES}; touch /out/model")
        yield Figure(f"local: {LINES} log lines", seconds, "s", at_most=5)
        yield Figure(
            f"local: growth by {LINES} log lines",
            (resident() - before) / MEBIBYTE,
            "MiB",
            at_most=50,
            detail=f"{before / MEBIBYTE:.0f} MiB before",
        )
    yield Figure(
        f"local: {FILES} output files, from the end of the training until they lie in --output",
        many_files(),
        "s",
        at_most=10,
    )
    for engine in ("sandbox", "docker"):
        if ENGINES[engine]().probe() is None:
            yield Figure(
                f"local: from the first Ctrl-C until {INTERRUPTED} steps and what they left are gone, {engine}",
                interrupted(engine),
                "s",
                at_most=3,
            )
    yield Figure("local: from a saved file to the first line of the next run (--watch)", saved(), "s", at_most=1)


def beside_kfp(service: Service, component: Callable[[], object]) -> Comparison:
    """Compare what the sandbox adds to a process with what kfp's runner adds.

    Args:
        service: which carries steps out.
        component: the step of kfp.
    """
    from benchmarks import kfp_step

    with TemporaryDirectory() as folder:
        runner = kfp_step.runner(folder, component)
        return in_turns(lambda: step_here(service) - bare(), lambda: runner() - bare(), STEPS)


@contextmanager
def sandbox() -> Iterator[Service]:
    """Yield the service with executions that really run in the sandbox."""
    with closing(local_emulator(LocalChoices(engine="sandbox", may_substitute=True), lambda _: None)) as emulator:
        for workflow in (WORKFLOW, SLEEPERS):
            emulator.publish(parse_template(workflow))
        yield Service(emulator=emulator)


def execution(service: Service, executable: str, parameters: Mapping[str, str]) -> tuple[float, dict[str, Any]]:
    """Return the seconds from the creation of an execution until it has completed, and how the API shows it.

    Args:
        service: which carries it out.
        executable: the id of its executable.
        parameters: of its configuration.

    Raises:
        RuntimeError: it does not complete.
    """
    configuration = {
        "name": executable,
        "scenarioId": "tiny",
        "executableId": executable,
        "parameterBindings": [{"key": key, "value": value} for key, value in parameters.items()],
    }
    asked = {"configurationId": service.ask("POST", "/configurations", configuration)["id"]}
    began = perf_counter()
    execution_id = service.ask("POST", "/executions", asked)["id"]
    while (shown := service.ask("GET", f"/executions/{execution_id}"))["status"] not in {"COMPLETED", "DEAD"}:
        wait(LOOK_EVERY)
    took = perf_counter() - began
    if shown["status"] != "COMPLETED":
        raise RuntimeError(f"the execution is {shown}")
    return took, shown


def step(service: Service, script: str) -> float:
    """Return the seconds that a step takes, its output artifact registered.

    Args:
        service: which carries it out.
        script: what it runs in a shell.

    Raises:
        RuntimeError: it does not complete, or leaves nothing.
    """
    took, shown = execution(service, "tiny", {"SCRIPT": script})
    if not shown["outputArtifacts"]:
        raise RuntimeError(f"the execution is {shown}")
    return took


def sleep(service: Service, count: int) -> float:
    """Return the seconds that a workflow takes whose steps sleep at the same time, each for 1 s.

    Args:
        service: which carries it out.
        count: of the steps.
    """
    return execution(service, "sleepers", {"COUNT": str(count)})[0]


def step_here(service: Service) -> float:
    """Return the seconds that a step with an output artifact takes.

    Args:
        service: which carries it out.
    """
    return step(service, f'python3 -c "{TINY}" > /out/model')


def saved() -> float:
    """Return the median of the seconds from saving a workflow to the first line of its next run."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "watched.yaml")
        file.write_text(WATCHED.replace("WORD", "begun"), encoding="utf-8")
        words = [sys.executable, "-m", "pytest_aicore.cli", "run", str(file), "--substitute", "--watch"]
        took: list[float] = []
        with subprocess.Popen(
            words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            lines = process.stdout or ()
            for number in range(ROUNDS):
                next(line for line in lines if "the next run begins" in line)
                began = perf_counter()
                file.write_text(WATCHED.replace("WORD", f"word {number}"), encoding="utf-8")
                next(line for line in lines if f"| word {number}" in line)
                took.append(perf_counter() - began)
            process.terminate()
        return median(took)


@contextmanager
def run(folder: str, workflow: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Yield a process of `pytest-aicore run`.

    Args:
        folder: in which it runs.
        workflow: the text of its file.
        options: further arguments.
    """
    Path(folder, "workflow.yaml").write_text(workflow, encoding="utf-8")
    words = [sys.executable, "-m", "pytest_aicore.cli", "run", "workflow.yaml", "--substitute", *options]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        yield process


def many_files() -> float:
    """Return the median of the seconds from the last line of a training until its many outputs lie where users look.

    Raises:
        RuntimeError: a run has not completed.
    """
    took: list[float] = []
    for _ in range(ROUNDS):
        with TemporaryDirectory() as folder, run(folder, MANY, "--engine", "sandbox", "--output", "out") as process:
            lines = process.stdout or ()
            next(line for line in lines if line.endswith("| made\n"))
            began = perf_counter()
            next((line for line in lines if line.startswith("output artifact model: ")), None)
            took.append(perf_counter() - began)
            if process.wait() or len(list(Path(folder, "out", "model").iterdir())) != FILES:
                raise RuntimeError("the run has not completed")
    return median(took)


def interrupted(engine: str) -> float:
    """Return the median of the seconds from Ctrl-C until a run has ended that had steps at the same time.

    Args:
        engine: of the steps.
    """
    took: list[float] = []
    for _ in range(ROUNDS):
        with TemporaryDirectory() as folder, run(folder, SLEEPING, "--engine", engine) as process:
            lines = process.stdout or ()
            for _ in range(INTERRUPTED):
                next(line for line in lines if line.endswith("| begun\n"))
            began = perf_counter()
            process.send_signal(signal.SIGINT)
            process.wait()
            took.append(perf_counter() - began)
    return median(took)


def bare() -> float:
    """Return the seconds that the step takes as a process."""
    began = perf_counter()
    with TemporaryDirectory() as folder:
        script = f'"{sys.executable}" -c "{TINY}" > model'
        subprocess.run(["sh", "-c", script], cwd=folder, check=True)
    return perf_counter() - began
