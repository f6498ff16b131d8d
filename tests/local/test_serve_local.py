"""`pytest-aicore serve --local` as a program: SAP's SDK trains over HTTP, and the code runs on this machine."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client
from ai_api_client_sdk.models.artifact import Artifact
from ai_api_client_sdk.models.input_artifact_binding import InputArtifactBinding
from ai_api_client_sdk.models.parameter_binding import ParameterBinding
from ai_api_client_sdk.models.target_status import TargetStatus

from pytest_aicore.cli import main
from tests.emulator.serve.servers import Program
from tests.local.laptops import TRACKS, workflow
from tests.waiting import sleeping, until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.once

TRAINING = f"""{TRACKS}
import pathlib, sys
words = pathlib.Path(sys.argv[1], "words.txt").read_text().split()
print(len(words), "words", flush=True)
model = pathlib.Path(sys.argv[2])
model.mkdir()
(model / "model.json").write_text(json.dumps({{"word": os.environ["WORD"], "length": len(words)}}))
"""
TRAINS = (
    workflow("")
    .replace("[sh, -c]", "[python, /app/src/train.py]")
    .replace('args: [""]', "args: [/in/data, /out/model]")
)
SECONDS = f"6017.{os.getpid()}"
"""How long a step sleeps; its process is found by it, also where other workers run the same tests."""
HOST = "any client that reaches that address could run code on this machine. Use it on this machine alone."
SLEEPS = workflow(f"echo begins; sleep {SECONDS} & sleep {SECONDS}")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an image, data and a place for workflows, in which the server runs."""
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "image/Dockerfile": "FROM python:3.11\nCOPY src /app/src\n",
        "image/src/train.py": TRAINING,
        "data/in/words.txt": "three small words",
        "workflows/tiny.yaml": TRAINS,
    }.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def program(engine: str) -> Iterator[Program]:
    """The server, by each engine."""
    options = ["--workflows", "workflows", "--service-key-out", "key.json", "--local-store", "default=data"]
    with Program("--local", "--engine", engine, *options, "--image", "docker.io/me/*=image") as program:
        assert program.url
        yield program


def client() -> Any:
    """Return a client of SAP's SDK for the server."""
    key = json.loads(Path("key.json").read_text(encoding="utf-8"))
    return AIAPIV2Client(
        base_url=f"{key['serviceurls']['AI_API_URL']}/v2/lm",
        auth_url=f"{key['url']}/oauth/token",
        client_id=key["clientid"],
        client_secret=key["clientsecret"],
        resource_group="default",
    )


def begin(sdk: Any, url: str = "ai://default/in", word: str = "hello", executable: str = "tiny") -> str:
    """Start an execution, and return its id.

    Args:
        sdk: a client.
        url: of its input artifact.
        word: the value of its parameter.
        executable: the id of its executable.
    """
    data = sdk.artifact.create("data", Artifact.Kind.DATASET, url, "tiny")
    bound = [InputArtifactBinding("data", data.id)]
    configuration = sdk.configuration.create("tiny", "tiny", executable, [ParameterBinding("WORD", word)], bound)
    return str(sdk.execution.create(configuration.id).id)


def ended(sdk: Any, execution_id: str) -> Any:
    """Wait for the end of an execution, and return it.

    Args:
        sdk: a client.
        execution_id: its id.
    """
    until(lambda: status(sdk, execution_id) in ("COMPLETED", "DEAD", "STOPPED"), "the end")
    return sdk.execution.get(execution_id)


def status(sdk: Any, execution_id: str) -> str:
    """Return the status of an execution.

    Args:
        sdk: a client.
        execution_id: its id.
    """
    return str(sdk.execution.get(execution_id).status.value)


def log(sdk: Any, execution_id: str) -> list[str]:
    """Return the log of an execution.

    Args:
        sdk: a client.
        execution_id: its id.
    """
    return [line.msg for line in sdk.execution.query_logs(execution_id).data.result]


def sleepers() -> list[int]:
    """Return the processes that sleep as the steps of this module do."""
    return sleeping(SECONDS)


def test_the_sdk_trains_on_this_machine(program: Program, engine: str) -> None:
    sdk = client()
    execution = begin(sdk, word="great")
    completed = ended(sdk, execution)
    assert (completed.status.value, log(sdk, execution)) == ("COMPLETED", ["204", "3 words"])
    (tracked,) = sdk.metrics.query(execution_ids=[execution]).resources
    assert (tracked.execution_id, [(each.name, each.value) for each in tracked.metrics]) == (
        execution,
        [("accuracy", 0.75)],
    )
    (model,) = completed.output_artifacts
    assert model.url == f"ai://default/{execution}/model"
    kept = Path("aicore-output", execution, "model", "model.json")
    assert json.loads(kept.read_text(encoding="utf-8")) == {"word": "great", "length": 3}
    assert program.stop() == 0
    assert program.lines["stderr"][0] == (
        f"pytest-aicore: executions run on this machine, by the engine `{engine}`; their output artifacts stay in "
        "aicore-output"
    )
    assert "Traceback" not in "".join(program.lines["stderr"])


def test_a_workflow_that_the_client_synchronises(program: Program) -> None:
    Path("repository").mkdir()
    text = workflow("mkdir /out/model; echo synchronised").replace("name: tiny\n", "name: other\n", 1)
    Path("repository/other.yaml").write_text(text, encoding="utf-8")
    url = Path("repository").absolute().as_uri()
    body = {"repositoryUrl": url, "revision": "HEAD", "path": ".", "applicationName": "app"}
    with program.client(Path("key.json")) as plain:
        assert plain.ask("POST", "/v2/admin/applications", body).status == 200
        assert plain.ask("POST", "/__aicore__/clock", {"advance": 600}).status == 200
        assert plain.ask("GET", "/v2/admin/applications/app/status").json["syncStatus"] == "Synced"
    sdk = client()
    execution = begin(sdk, executable="other")
    assert (ended(sdk, execution).status.value, log(sdk, execution)) == ("COMPLETED", ["synchronised"])


def test_an_edited_workflow_runs_as_it_is_now(program: Program) -> None:
    assert program.process.poll() is None
    sdk = client()
    assert status(sdk, ended(sdk, begin(sdk)).id) == "COMPLETED"
    Path("workflows/tiny.yaml").write_text(workflow("mkdir /out/model; echo new"), encoding="utf-8")
    until(lambda: log(sdk, ended(sdk, begin(sdk)).id) == ["new"], "the new code")


def test_a_stop_ends_all_processes(program: Program) -> None:
    Path("workflows/tiny.yaml").write_text(SLEEPS, encoding="utf-8")
    sdk = client()
    until(lambda: log(sdk, begin_again(sdk)) == ["begins"], "the code that sleeps")
    until(sleepers, "the processes that sleep")
    for each in sdk.execution.query().resources:
        if each.status.value == "RUNNING":
            sdk.execution.modify(each.id, TargetStatus.STOPPED)
            assert ended(sdk, each.id).status.value == "STOPPED"
    assert sleepers() == []
    assert program.stop() == 0


def begin_again(sdk: Any) -> str:
    """Start an execution, wait until it has written something, and return its id.

    Args:
        sdk: a client.
    """
    execution = begin(sdk)
    until(lambda: log(sdk, execution) != [], "the first line")
    return execution


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_what_runs(program: Program, number: int) -> None:
    Path("workflows/tiny.yaml").write_text(SLEEPS, encoding="utf-8")
    sdk = client()
    until(lambda: log(sdk, begin_again(sdk)) == ["begins"], "the code that sleeps")
    until(sleepers, "the processes that sleep")
    assert program.stop(number) == 0
    assert sleepers() == []
    assert "Traceback" not in "".join(program.lines["stderr"])


@pytest.mark.parametrize("engine", [pytest.param("sandbox", id="sandbox")], indirect=True)
def test_a_server_that_is_killed_leaves_no_process(program: Program) -> None:
    Path("workflows/tiny.yaml").write_text(SLEEPS, encoding="utf-8")
    sdk = client()
    until(lambda: log(sdk, begin_again(sdk)) == ["begins"], "the code that sleeps")
    until(sleepers, "the processes that sleep")
    assert program.stop(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: sleepers() == [], "the end of the step")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--local", "--pace", "60x"],
            "--pace 60x with --local: what runs here takes its real time. Remove --pace.",
        ),
        (
            ["--engine", "process", "--image", "a=image"],
            "'--image', '--engine': only with --local; without it executions are emulated.",
        ),
        (["--substitute"], "'--substitute': only with --local; without it executions are emulated."),
        (["--local", "--local-store", "no"], "--local-store default=no: there is no such folder."),
        (
            ["--local", "--local-store", "default="],
            "--local-store 'default=': expected NAME=FOLDER or NAME=s3://BUCKET/PREFIX.",
        ),
        (["--local", "--local-store", "m=s3:///a"], "--local-store m=s3:///a: expected s3://BUCKET/PREFIX."),
        (["--local", "--local-store", "default=no"], "--local-store default=no: there is no such folder."),
        (["--local", "--image", "a=no"], "--image a=no: there is no such folder."),
        (["--local", "--secrets", "no.yaml"], "--secrets no.yaml: the file cannot be read as YAML."),
        (
            ["--local", "--engine", "process", "--host", "0.0.0.0"],
            f"--local with --host 0.0.0.0: {HOST}",
        ),
    ],
)
def test_wrong_use(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", *arguments]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.splitlines()[-1]) == ("", f"pytest-aicore: {message}")
    assert "Traceback" not in captured.err
