"""`pytest-aicore serve` as a program: its line, its files, its signals, what it says to mistakes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.cli import main
from tests.emulator.serve.servers import WORKFLOW, Client, Program, workflows_folder
from tests.places import WORKFLOWS

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")


def test_it_says_one_line_and_writes_a_service_key_for_its_owner(tmp_path: Path) -> None:
    key_file = tmp_path / "key.json"
    folder = workflows_folder(tmp_path)
    with Program("--workflows", str(folder), "--service-key-out", str(key_file), "--pace", "instant") as program:
        url = program.url
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
        assert program.lines["stdout"] == [f"SAP AI Core is emulated at {url}"]
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        key = json.loads(key_file.read_text(encoding="utf-8"))
        assert key["url"] == key["serviceurls"]["AI_API_URL"] == url
        with Client(url, key) as client:
            assert client.authorise().status(client.start()) == "COMPLETED"
        assert program.stop() == 0
    assert program.lines == {"stdout": [f"SAP AI Core is emulated at {url}"], "stderr": []}
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["key.json"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly_while_clients_are_connected(number: int) -> None:
    with Program() as program:
        address = ("127.0.0.1", int(program.url.rpartition(":")[2]))
        with socket.create_connection(address) as silent, socket.create_connection(address) as halfway:
            halfway.sendall(b"POST /oauth/token HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
            # Connections are accepted in order: after this answer none of the two waits to be, which would be a reset.
            with Client(program.url, {}) as other:
                assert other.ask("GET", "/v2/lm/meta").status == 401
            assert program.stop(number) == 0
            assert silent.recv(1) == b""
    assert program.lines["stderr"] == []


def test_two_servers_with_the_same_seed_give_the_same_ids(tmp_path: Path) -> None:
    ids = []
    for seed in ("7", "7", "8"):
        key_file = tmp_path / "key.json"
        folder = tmp_path / "workflows"
        arguments = ["--workflows", str(folder if folder.exists() else workflows_folder(tmp_path))]
        arguments += ["--service-key-out", str(key_file), "--seed", seed]
        with Program(*arguments) as program, program.client(key_file) as client:
            ids.append(client.start())
    assert ids[0] == ids[1] != ids[2]


def test_an_edited_workflow_is_published_again_and_a_broken_one_stays_as_it_was(tmp_path: Path) -> None:
    key_file, folder = tmp_path / "key.json", workflows_folder(tmp_path)
    file = folder / "flowers.yaml"
    with (
        Program("--workflows", str(folder), "--service-key-out", str(key_file)) as program,
        program.client(key_file) as client,
    ):

        def executables() -> list[tuple[str, str]]:
            found = client.ask("GET", "/v2/lm/scenarios/flowers/executables").json["resources"]
            return [(each["id"], each["name"]) for each in found]

        assert executables() == [("train-flowers", "Flower training")]
        file.write_text(WORKFLOW.replace("Flower training", "Better training"), encoding="utf-8")
        program.wait_for("Published again: 'train-flowers'.", "stderr")
        assert executables() == [("train-flowers", "Better training")]

        file.write_text(WORKFLOW.replace("spec:", "spec: ["), encoding="utf-8")
        program.wait_for("Still published as before: 'train-flowers'.", "stderr")
        assert executables() == [("train-flowers", "Better training")]

        (folder / "trees.yaml").write_text(
            WORKFLOW.replace("train-flowers", "train-trees").replace("Flower training", "Tree training"),
            encoding="utf-8",
        )
        program.wait_for("Published: 'train-trees'.", "stderr")
        assert executables() == [("train-flowers", "Better training"), ("train-trees", "Tree training")]

        file.unlink()
        program.wait_for("Withdrew: 'train-flowers'.", "stderr")
        assert executables() == [("train-trees", "Tree training")]
        assert program.stop() == 0
    assert "Traceback" not in "".join(program.lines["stderr"])


def test_a_broken_workflow_at_the_start_keeps_no_other_from_being_published(tmp_path: Path) -> None:
    key_file, folder = tmp_path / "key.json", workflows_folder(tmp_path)
    (folder / "broken.yaml").write_text("kind: WorkflowTemplate\nmetadata: [", encoding="utf-8")
    with (
        Program("--workflows", str(folder), "--service-key-out", str(key_file)) as program,
        program.client(key_file) as client,
    ):
        assert client.ask("GET", "/v2/lm/scenarios/flowers/executables").json["count"] == 1
        program.wait_for("broken.yaml:2:", "stderr")


def test_another_address_than_loopback_brings_a_warning() -> None:
    with Program("--host", "0.0.0.0") as program:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", program.url)
        assert program.stop() == 0
    assert program.lines["stderr"] == [
        (
            "pytest-aicore: Warning: --host 0.0.0.0 can be reached from other machines, and the credentials of an "
            "emulator can be guessed: any client that reaches it can use it. /__aicore__/ stays closed to other "
            "machines."
        )
    ]


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1", "Synced"), ("0.0.0.0", "Unknown")])
def test_folders_are_read_for_this_machine_alone(tmp_path: Path, host: str, status: str) -> None:
    folder = workflows_folder(tmp_path)
    key = tmp_path / "key.json"
    with (
        Program("--host", host, "--pace", "instant", "--service-key-out", str(key)) as program,
        program.client(key) as client,
    ):
        body = {"repositoryUrl": folder.as_uri(), "revision": "HEAD", "path": ".", "applicationName": "app"}
        assert client.ask("POST", "/v2/admin/applications", body).status == 200
        shown = client.ask("GET", "/v2/admin/applications/app/status").json
        assert shown["syncStatus"] == status
        assert ("is not permitted in project" in shown["message"]) is (status == "Unknown")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--pace", "slow"],
            (
                "--pace slow: unknown pace; expected real (one second is one second), a factor such as 60x (a "
                "minute is one second), polls (each poll moves an execution to its next status), or instant."
            ),
        ),
        (["--workflows", "nowhere"], "--workflows 'nowhere': the folder does not exist."),
        (["--workflows", "a.yaml"], "--workflows 'a.yaml': the folder is a file, not a folder."),
        (
            ["--tls-cert", "a.yaml"],
            "--tls-key is missing: TLS needs --tls-cert and --tls-key, both PEM files.",
        ),
        (
            ["--tls-client-ca", "a.yaml"],
            "--tls-cert is missing: TLS needs --tls-cert and --tls-key, both PEM files.",
        ),
        (
            ["--tls-cert", "none.pem", "--tls-key", "none.pem"],
            (
                "--tls-cert 'none.pem' with --tls-key 'none.pem' cannot be used: No such file or directory. "
                "Give a certificate chain and its private key without passphrase, both PEM files."
            ),
        ),
        (
            ["--tls-cert", "a.yaml", "--tls-key", "a.yaml", "--allow-x509-over-http"],
            "--allow-x509-over-http applies without TLS only: remove it, or --tls-cert.",
        ),
        (
            ["--allow-x509-over-http", "--host", "0.0.0.0"],
            (
                "--allow-x509-over-http with --host 0.0.0.0: any client that reaches that address would get a token. "
                "Use it on this machine alone, or give --tls-cert, --tls-key and --tls-client-ca."
            ),
        ),
        (
            ["--service-key-out", "nowhere/key.json"],
            "The service key file 'nowhere/key.json' cannot be written: No such file or directory.",
        ),
        (["--port", "70000"], "--port 70000: expected a number from 0 to 65535; 0 takes any free port."),
    ],
)
def test_a_mistake_gets_a_sentence_and_no_traceback(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").touch()
    assert main(["serve", *arguments]) == 2
    written = capsys.readouterr()
    assert (written.out, written.err) == ("", f"pytest-aicore: {message}\n")


def test_a_port_that_is_taken_gets_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 2
    assert capsys.readouterr().err == (
        f"pytest-aicore: --host 127.0.0.1 --port {port}: cannot listen there: Address already in use. "
        "--port 0 takes any free port.\n"
    )


MODEL = '{"classes": ["billing", "delivery", "technical"]}'


def test_acceptance_tests_run_live_against_it(tmp_path: Path) -> None:
    key_file = tmp_path / "key.json"
    folder = WORKFLOWS
    arguments = ["--workflows", str(folder), "--service-key-out", str(key_file), "--pace", "polls"]
    with Program(*arguments) as program:
        script = {"metrics": {"accuracy": 0.9}, "outputs": {"text-model-tutorial": {"model.json": MODEL}}}
        client = program.client(key_file)
        assert client.ask("POST", "/__aicore__/scripts", script).status == 201
        client.connection.close()
        tests = folder / "test_training_workflow_tutorial.py"
        options = ["--aicore-live", "--aicore-service-key", str(key_file), "--aicore-poll-interval", "0.1"]
        options += ["--aicore-resource-group", "default", "--aicore-ledger", str(tmp_path / "ledger.jsonl")]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(tests)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout
        assert re.search(r"training runs?, live: \d+ COMPLETED;", run.stdout), run.stdout
