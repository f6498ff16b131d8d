"""`pytest-aicore run` as a program: what it prints, its exit status, what it leaves."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from pytest_aicore.cli.command_line import main
from pytest_aicore.running.engines.sandbox import Sandbox
from pytest_aicore.workflows import resource_plans
from tests.places import ROOT
from tests.prepared import run_command

pytestmark = pytest.mark.once

TUTORIAL = str(ROOT / "workflows" / "training_workflow_tutorial.yaml")
ELSEWHERE = "expected the path of a file or folder, s3://BUCKET/KEY, or ai://SECRET/PATH."
REFUSED = (
    "pytest-aicore: two.yaml cannot be carried out on this machine, so nothing was started. "
    "Change these places, or run it on AI Core:"
)
NOT_ISOLATED = 4
"""How many warnings the engine `process` gives of itself."""

TWO_STEPS = """
    apiVersion: argoproj.io/v1alpha1
    kind: Workflow
    metadata:
      generateName: two-
    spec:
      entrypoint: all
      arguments: {parameters: [{name: word, value: hello}, {name: code, value: "0"}]}
      templates:
        - name: all
          steps:
            - - {name: make, template: make}
            - - name: use
                template: use
                arguments: {artifacts: [{name: data, from: "{{steps.make.outputs.artifacts.data}}"}]}
        - name: make
          outputs:
            artifacts: [{name: data, path: /out/data}]
            parameters: [{name: length, valueFrom: {path: /out/length}, globalName: length}]
          volumes: [{name: out, emptyDir: {}}]
          container:
            image: me/make:1
            command: [sh, -c]
            args: ["echo {{workflow.parameters.word}} > /out/data; echo 5 > /out/length; echo made"]
            volumeMounts: [{name: out, mountPath: /out}]
        - name: use
          inputs: {artifacts: [{name: data, path: /in/data}]}
          outputs: {artifacts: [{name: copy, path: /in/copy, globalName: copy, archive: {none: {}}}]}
          container:
            image: me/use:1
            command: [sh, -c]
            args: ["cat /in/data; cp /in/data /in/copy; exit {{workflow.parameters.code}}"]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a workflow of two steps, in which the commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    write("two.yaml", TWO_STEPS)
    return tmp_path


def write(name: str, text: str) -> Path:
    """Write a file into the current folder.

    Args:
        name: of the file.
        text: its lines, indented or not.
    """
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest_aicore.cli", "run", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end.

    Args:
        arguments: those of `run`.
    """
    return run_command("run", *arguments)


def run_here(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the workflow of two steps by plain processes.

    Args:
        arguments: beside workflow and engine.
    """
    return run("two.yaml", "--engine", "process", *arguments)


def untimed(text: str) -> list[str]:
    """Return lines without what differs from run to run.

    Args:
        text: what was printed.
    """
    text = re.sub(r"\be[0-9a-f]{15}\b", "RUN", text)
    text = re.sub(r"RUN-\d+", "RUN-ID", text)
    text = re.sub(r"\d+\.\d s", "T s", text)
    return re.sub(r"(, CPU T s)?(, peak memory \d+ MiB)?", "", text).splitlines()


def misuse(result: subprocess.CompletedProcess[str]) -> str:
    """Return the message of a command that did nothing.

    Args:
        result: of the command.
    """
    assert (result.returncode, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr
    assert not Path("aicore-output").exists()
    return result.stderr


def test_a_run_is_told_as_it_goes_on() -> None:
    result = run_here()
    assert result.returncode == 0
    assert untimed(result.stdout) == [
        "two runs on this machine as RUN, by the engine `process`",
        "[0].make starts (make)",
        "[0].make | made",
        "[0].make Succeeded, T s",
        "[1].use starts (use)",
        "[1].use | hello",
        "[1].use Succeeded, T s",
        "COMPLETED after T s",
        "output parameter length = 5",
        "output artifact copy: aicore-output/RUN/copy",
    ]
    warnings = result.stderr.splitlines()
    assert warnings[0] == (
        "pytest-aicore: the engine `process`: no isolation: a step sees and changes all that you can, your files "
        "included."
    )
    assert warnings[NOT_ISOLATED:] == [
        f"pytest-aicore: the image me/{name}:1 is substituted by this machine's programs. Map it: "
        f"--image me/{name}:1=FOLDER"
        for name in ("make", "use")
    ]
    (copy,) = Path("aicore-output").glob("*/copy")
    assert copy.read_text() == "hello\n"
    assert list(Path("temporary").iterdir()) == []


def test_a_run_that_fails() -> None:
    result = run_here("--parameter", "code=3", "--parameter", "word=two=words", "--output", "left")
    assert result.returncode == 1
    assert untimed(result.stdout)[-6:] == [
        "[1].use | two=words",
        "[1].use Failed: Error (exit code 3), T s",
        "failed: [1].use (RUN-ID): Error (exit code 3)",
        "DEAD after T s: child 'RUN-ID' failed",
        "output parameter length = 5",
        "output artifact copy: left/copy",
    ]


def test_outputs_that_would_be_lost() -> None:
    write("two.yaml", TWO_STEPS.replace("globalName: copy, ", ""))
    result = run_here()
    assert result.returncode == 0
    assert result.stdout.splitlines()[-1] == (
        "no output artifact has a globalName, so AI Core would register none of them: 'data', 'copy'"
    )
    assert not Path("aicore-output").exists()


def test_json() -> None:
    result = run_here("--format", "json", "--output", "left")
    assert result.returncode == 0
    content: dict[str, Any] = json.loads(result.stdout)
    assert {key: content[key] for key in ("workflow", "engine", "status", "message", "outputs")} == {
        "workflow": "two",
        "engine": "process",
        "status": "COMPLETED",
        "message": "",
        "outputs": {"parameters": {"length": "5"}, "artifacts": {"copy": "left/copy"}},
    }
    assert content["duration"] > 0
    name = content["name"]
    assert [(node["name"].removeprefix(name), node["type"], node["phase"]) for node in content["nodes"]] == [
        ("", "Steps", "Succeeded"),
        ("[0]", "StepGroup", "Succeeded"),
        ("[0].make", "Pod", "Succeeded"),
        ("[1]", "StepGroup", "Succeeded"),
        ("[1].use", "Pod", "Succeeded"),
    ]
    assert (content["nodes"][2]["exitCode"], content["nodes"][2]["lastLines"]) == (0, ["made"])


def test_json_of_a_failure() -> None:
    result = run_here("--format", "json", "--parameter", "code=3")
    content = json.loads(result.stdout)
    assert (result.returncode, content["status"]) == (1, "DEAD")
    assert content["message"] == f"child '{content['nodes'][-1]['id']}' failed"
    assert content["nodes"][-1]["message"] == "Error (exit code 3)"


@pytest.fixture
def sandbox() -> None:
    """Skip where there is no sandbox."""
    reason = Sandbox().probe()
    if reason is not None:
        pytest.skip(reason)


@pytest.mark.usefixtures("sandbox")
def test_the_tutorial_with_its_image() -> None:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    write("image/Dockerfile", f"FROM python:{version}\nCOPY src /app/src\n")
    write(
        "image/src/train.py",
        """
        import os, pathlib
        rows = pathlib.Path("/app/data/rows.csv").read_text().split()
        pathlib.Path("/app/model").mkdir()
        pathlib.Path("/app/model/depth").write_text(f"{os.environ['DEPTH']} {len(rows)}")
        """,
    )
    write("rows/rows.csv", "1\n2\n3\n")
    given = ("--artifact", "text-data=rows", "--image", "docker.io/example/*=image", "--parameter", "DEPTH=5")
    result = run(TUTORIAL, *given, "--output", "left")
    assert (result.returncode, result.stderr) == (0, "")
    assert Path("left/text-model-tutorial/depth").read_text() == "5 3"


@pytest.mark.usefixtures("sandbox")
def test_a_step_that_its_image_lacks_a_file_for() -> None:
    write("rows/rows.csv", "1\n")
    result = run(TUTORIAL, "--artifact", f"text-data={Path('rows').resolve().as_uri()}")
    assert result.returncode == 1
    assert untimed(result.stdout)[-2:] == [
        "failed: main (RUN): Error (exit code 2)",
        "DEAD after T s: Error (exit code 2)",
    ]


def test_secrets_are_given_and_hidden() -> None:
    write(
        "wf.yaml",
        """
        apiVersion: argoproj.io/v1alpha1
        kind: Workflow
        metadata: {name: wf}
        spec:
          entrypoint: train
          templates:
            - name: train
              container:
                image: i
                command: [sh, -c]
                args: ["test $TOKEN = s3cr3t-of-mine && echo token $TOKEN"]
                env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: hub, key: token}}}]
        """,
    )
    write("secrets.yaml", "hub: {token: s3cr3t-of-mine}")
    result = run("wf.yaml", "--engine", "process", "--secrets", "secrets.yaml")
    assert result.returncode == 0
    assert "main | token ***" in result.stdout
    assert "s3cr3t" not in result.stdout + result.stderr

    without = run("wf.yaml", "--engine", "process")
    assert without.returncode == 1
    assert 'CreateContainerConfigError: secret "hub" not found. Known secrets: none.' in without.stdout


TRACKS = """
    apiVersion: argoproj.io/v1alpha1
    kind: Workflow
    metadata: {name: tracks}
    spec:
      entrypoint: train
      templates:
        - name: train
          script:
            image: i
            command: [python]
            source: |
              import json, os, urllib.request
              # What ai_core_sdk.tracking.Tracking() sends.
              body = {
                  "executionId": os.environ["AICORE_EXECUTION_ID"],
                  "metrics": [{"name": "accuracy", "value": 0.9, "step": 2, "timestamp": "2026-01-01T00:00:00Z"}],
                  "tags": [{"name": "owner", "value": "me"}],
              }
              request = urllib.request.Request(
                  os.environ["AICORE_TRACKING_ENDPOINT"] + "/api/v1/metrics",
                  json.dumps(body).encode(),
                  {
                      "Content-Type": "application/json",
                      "AI-RESOURCE-GROUP": os.environ["AI-RESOURCE-GROUP"],
                      "AI-MAIN-TENANT": os.environ["AI-MAIN-TENANT"],
                  },
                  method="PATCH",
              )
              print(urllib.request.urlopen(request).status)
"""


@pytest.mark.parametrize("engine", ["sandbox", "process"])
def test_what_a_training_tracks(request: pytest.FixtureRequest, engine: str) -> None:
    if engine == "sandbox":
        request.getfixturevalue("sandbox")
    write("tracks.yaml", TRACKS)
    result = run("tracks.yaml", "--engine", engine)
    assert untimed(result.stdout)[-3:] == ["COMPLETED after T s", "metric accuracy = 0.9 (step 2)", "tags owner = me"]
    content = json.loads(run("tracks.yaml", "--engine", engine, "--format", "json").stdout)
    assert content["metrics"] == [{"name": "accuracy", "value": 0.9, "step": 2, "labels": {}}]
    assert (content["tags"], content["customInfo"]) == ([{"name": "owner", "value": "me"}], [])


SLEEPS = """
    apiVersion: argoproj.io/v1alpha1
    kind: Workflow
    metadata: {name: sleeps}
    spec:
      entrypoint: sleep
      templates:
        - name: sleep
          container: {image: i, command: [sh, -c], args: ["echo begins; sleep 50"]}
"""


def test_a_timeout() -> None:
    write("sleeps.yaml", SLEEPS)
    result = run("sleeps.yaml", "--engine", "process", "--timeout", "1")
    assert result.returncode == 1
    assert untimed(result.stdout)[-2:] == [
        "failed: main (RUN): stopped after 1 s (--timeout)",
        "STOPPED after T s: stopped after 1 s (--timeout)",
    ]


@pytest.mark.parametrize(
    ("number", "status", "message"),
    [(signal.SIGINT, 130, "stopped by Ctrl-C"), (signal.SIGTERM, 143, "stopped by SIGTERM")],
)
def test_a_signal_ends_everything(number: signal.Signals, status: int, message: str) -> None:
    write("sleeps.yaml", SLEEPS)
    arguments = command("sleeps.yaml", "--engine", "process")
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "main | begins\n":
                break
        os.kill(process.pid, number)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == status
    assert untimed(out)[-1] == f"STOPPED after T s: {message}"
    assert list(Path("temporary").iterdir()) == []


@pytest.mark.usefixtures("sandbox")
def test_what_a_killed_run_leaves_is_removed_by_the_next(folder: Path) -> None:
    write("sleeps.yaml", SLEEPS)
    with subprocess.Popen(
        command("sleeps.yaml"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as killed:
        assert killed.stdout is not None
        next(line for line in killed.stdout if line == "main | begins\n")
        (left,) = (folder / "temporary").glob("aicore-run-*")
        assert run_here().returncode == 0
        assert left.exists()  # it was still running
        killed.kill()
        killed.wait()
        assert killed.stdout.read() == ""  # nobody holds the pipe: the step has ended as well
    assert left.exists()
    assert run_here().returncode == 0
    assert list((folder / "temporary").iterdir()) == []


@pytest.mark.usefixtures("sandbox")
def test_the_memory_of_the_resource_plan(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(resource_plans._MEMORY, "starter", 1 / 64)
    takes = "dd if=/dev/zero of=/dev/null bs=64M count=1000000"
    write("sleeps.yaml", SLEEPS.replace("echo begins; sleep 50", takes))
    assert main(["run", "sleeps.yaml", "--memory", "plan", "--format", "json"]) == 1
    content = json.loads(capsys.readouterr().out)
    (node,) = content["nodes"]
    assert (content["status"], content["message"]) == ("DEAD", "OOMKilled (exit code 137)")
    assert (node["exitCode"], node["resourcePlan"], node["planMemory"]) == (137, "starter", 16 << 20)
    assert node["peakMemory"] > node["planMemory"]


def test_a_full_disk(folder: Path) -> None:
    """On a small disk of its own, which takes the privileges of a user namespace."""
    takes = "head -c 3000000 /dev/zero > /out/data; echo 5 > /out/length"
    write("two.yaml", TWO_STEPS.replace("echo 5 > /out/length", takes))
    mounted = f"mount -t tmpfs -o size=4m none {folder / 'temporary'} &&"
    enter = ["unshare", "-rm", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*enter, f"{mounted} true"], check=False).returncode != 0:
        pytest.skip("no user namespaces, or no tmpfs in them")
    words = f"{mounted} {shlex.join(command('two.yaml', '--engine', 'process'))}"
    result = subprocess.run([*enter, words], capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 1
    (failed,) = [line for line in result.stdout.splitlines() if line.startswith("failed: ")]
    assert re.search(r"\[0\].make .*: /out/data: No space left on device for a copy: it has 3 MiB, and ", failed)


# --- what cannot be -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["two.yaml", "--parameter", "wrd=x"],
            "--parameter: two.yaml has no parameter 'wrd'. Did you mean 'word'? It has: 'word', 'code'.",
        ),
        (["two.yaml", "--parameter", "word"], "--parameter 'word': expected NAME=VALUE."),
        (["two.yaml", "--parameter", "word=a", "--parameter", "word=b"], "--parameter 'word' is given twice."),
        (["two.yaml", "--artifact", "data=x"], "--artifact: two.yaml has no input artifact 'data'. It has: none."),
        (["two.yaml", "--artifact", "data="], "--artifact 'data=': expected NAME=PATH or NAME=URL."),
        (["two.yaml", "--image", "x="], "--image 'x=': expected PATTERN=FOLDER."),
        (["two.yaml", "--image", "x=nowhere"], "--image x=nowhere: there is no such folder."),
        (["two.yaml", "--output", "."], "--output .: expected a folder that is new or empty."),
        (["to.yaml"], "to.yaml: there is no such file or folder. Did you mean 'two.yaml'?"),
        (
            [TUTORIAL],
            f"{TUTORIAL} needs a value for each of its artifacts. Add: --artifact text-data=PATH",
        ),
        (
            [TUTORIAL, "--artifact", "text-data=two.yml"],
            "--artifact text-data=two.yml: there is no such file or folder. Did you mean 'two.yaml'?",
        ),
        (
            [TUTORIAL, "--artifact", "text-data=https://example.com/data"],
            f"--artifact text-data=https://example.com/data: {ELSEWHERE}",
        ),
        (
            [TUTORIAL, "--artifact", "text-data=ai://default/data"],
            (
                "The input artifact 'text-data' is bound to ai://default/data, and there is no aicore-output/data or"
                " uploaded file default/data. No folder takes the place of the object store 'default'."
            ),
        ),
        (
            [TUTORIAL, "--artifact", "text-data=s3://-/data"],
            "--artifact text-data=s3://-/data: expected s3://BUCKET/PREFIX.",
        ),
    ],
)
def test_misuse(arguments: list[str], message: str) -> None:
    assert misuse(run(*arguments)) == f"pytest-aicore: {message}\n"


def test_a_time_that_is_none() -> None:
    assert "argument --timeout: invalid number of seconds value: '-1'" in misuse(run_here("--timeout", "-1"))


def test_what_is_not_carried_out() -> None:
    write(
        "two.yaml",
        TWO_STEPS.replace("- name: use\n          inputs", "- name: use\n          daemon: true\n          inputs"),
    )
    assert misuse(run_here()).splitlines() == [
        REFUSED,
        "  two.yaml:26:7: `template.daemon` is not carried out on this machine.",
    ]


def test_a_serving_template() -> None:
    path = str(ROOT / "workflows" / "serving_workflow_tutorial.yaml")
    assert misuse(run(path)) == (
        f"pytest-aicore: {path}:3:1: 'text-clf-infer-tutorial' is a ServingTemplate, which is deployed and not run."
        " Name a WorkflowTemplate or a Workflow.\n"
    )


def test_an_image_that_cannot_be_made() -> None:
    Path("image").mkdir()
    message = misuse(run_here("--image", "me/*=image")).splitlines()[NOT_ISOLATED]
    assert message == "pytest-aicore: the image me/make:1 is mapped to image, which has no Dockerfile"


NOT_MAPPED = (
    "The image me/make:1 is not mapped, and the variable CI is set, where no run should pass without its images "
    "unnoticed. Map it: --image me/make:1=FOLDER. Or let this machine's programs take its place: --substitute"
)


def test_no_image_is_substituted_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert misuse(run_here()).splitlines()[NOT_ISOLATED:] == [f"pytest-aicore: {NOT_MAPPED}"]
    assert run_here("--substitute").returncode == 0


def test_what_options_do_not_say_the_project_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    write("ini/Dockerfile", "FROM python:3-slim\nENV FROM_INI=yes\n")
    write("option/Dockerfile", "FROM python:3-slim\nENV FROM_OPTION=yes\n")
    write("pytest.ini", "[pytest]\naicore_local_engine = process\naicore_local_images = me/* = ini\n")
    write("two.yaml", TWO_STEPS.replace("echo made", "env | grep FROM_"))
    result = run("two.yaml", "--image", "me/make:*=option")
    assert (result.returncode, result.stdout.count("FROM_OPTION=yes")) == (0, 1)
    assert run("two.yaml").stdout.count("FROM_INI=yes") == 1
    write("pytest.ini", "[pytest]\naicore_local_engine = proces\n")
    refused = run("two.yaml")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "aicore_local_engine" in refused.stderr


@pytest.mark.parametrize("is_ci", [False, True])
def test_an_image_that_is_known_when_its_step_begins(monkeypatch: pytest.MonkeyPatch, is_ci: bool) -> None:
    if is_ci:
        monkeypatch.setenv("CI", "true")
    write("two.yaml", TWO_STEPS.replace("image: me/make:1", 'image: "me/{{steps.name}}:1"'))
    write("image/Dockerfile", "FROM scratch")
    result = run_here("--image", "me/use:1=image")
    if is_ci:
        assert result.returncode == 1
        assert f"[0].make Error: {NOT_MAPPED}\n" in result.stdout
    else:
        assert result.returncode == 0
        assert "the image me/make:1 is substituted by this machine's programs." in result.stderr


def test_secrets_that_cannot_be_read() -> None:
    write("secrets.yaml", "hub: {token: 5}")
    expected = "expected a map of secrets, each a map of keys and values in quotes."
    assert misuse(run_here("--secrets", "secrets.yaml")) == f"pytest-aicore: --secrets secrets.yaml: {expected}\n"


def test_config_maps() -> None:
    write(
        "wf.yaml",
        """
        apiVersion: argoproj.io/v1alpha1
        kind: Workflow
        metadata: {name: wf}
        spec:
          entrypoint: train
          templates:
            - name: train
              container:
                image: i
                command: [sh, -c]
                args: ["test $DEPTH = 5"]
                env: [{name: DEPTH, valueFrom: {configMapKeyRef: {name: settings, key: depth}}}]
        """,
    )
    write("maps.yaml", 'settings: {depth: "5"}')
    assert run("wf.yaml", "--engine", "process", "--config-maps", "maps.yaml").returncode == 0
    without = run("wf.yaml", "--engine", "process")
    assert without.returncode == 1
    assert 'configmap "settings" not found. Known ConfigMaps: none.' in without.stdout
    write("maps.yaml", "settings: {depth: 5}")
    expected = "expected a map of ConfigMaps, each a map of keys and values in quotes."
    assert misuse(run("wf.yaml", "--config-maps", "maps.yaml")) == (
        f"pytest-aicore: --config-maps maps.yaml: {expected}\n"
    )


READS = """
    apiVersion: argoproj.io/v1alpha1
    kind: WorkflowTemplate
    metadata:
      name: reads
      annotations: {scenarios.ai.sap.com/name: Words, executables.ai.sap.com/name: Read}
      labels: {scenarios.ai.sap.com/id: words, ai.sap.com/version: "1.0"}
    spec:
      entrypoint: read
      templates:
        - name: read
          inputs: {artifacts: [{name: data, path: /in/data}]}
          outputs: {artifacts: [{name: copy, path: /in/copy, globalName: copy, archive: {none: {}}}]}
          container:
            image: me/read:1
            command: [sh, -c]
            args: ["cat /in/data; cp /in/data /in/copy"]
"""


def test_an_artifact_that_the_workflow_reads_from_a_server() -> None:
    """Nothing is downloaded: it is bound, or the workflow is refused."""
    place = "path: /in/data, http: {url: 'https://example.com/data'}"
    write("reads.yaml", READS.replace("path: /in/data", place, 1))
    options = ("reads.yaml", "--engine", "process", "--format", "json")
    refused = run(*options)
    assert refused.returncode == 2
    what = "The artifact `data` is read from `http`, which is not asked on this machine."
    assert f"{what} Bind a file or folder instead: --artifact data=PATH." in refused.stderr
    write("words.txt", "some words\n")
    bound = run(*options, "--artifact", "data=words.txt")
    assert bound.returncode == 0, bound.stderr
    output = Path(json.loads(bound.stdout)["outputs"]["artifacts"]["copy"])
    assert output.read_text(encoding="utf-8") == "some words\n"


def test_artifacts_of_object_stores() -> None:
    """Those that the project's settings name, and the outputs of earlier runs."""
    write("reads.yaml", READS)
    write("pytest.ini", "[pytest]\naicore_local_store = models = stored\n")
    write("stored/words.txt", "some words\n")
    options = ("reads.yaml", "--engine", "process", "--format", "json")
    first = run(*options, "--artifact", "data=ai://models/words.txt")
    assert first.returncode == 0, first.stderr
    output = Path(json.loads(first.stdout)["outputs"]["artifacts"]["copy"])
    assert output.read_text(encoding="utf-8") == "some words\n"
    second = run(*options, "--artifact", f"data=ai://default/{output.parent.name}/copy")
    assert second.returncode == 0, second.stderr
    unknown = run(*options, "--artifact", "data=ai://modles/x")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr == (
        "pytest-aicore: The input artifact 'data' is bound to ai://modles/x: nothing takes the place of the object"
        " store 'modles' on this machine. Did you mean 'models'? There are: 'default', 'models' (aicore_local_store).\n"
    )
