"""The server, against the bare waitress, Prism on SAP's specification, and moto's server; and how soon it is ready."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter, sleep
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from benchmarks.measuring import Figure, environment, in_turns, timed
from benchmarks.service import EXECUTABLE, SCENARIO, WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = 100
PATIENCE = 60.0
PRISM = "@stoplight/prism-cli@5"
PRISM_FOLDER = Path(sys.prefix) / "share" / "pytest-aicore-benchmarks" / "prism"
SPECIFICATION_VARIABLE = "PYTEST_AICORE_OPENAPI"
SPECIFICATION = Path(__file__).parents[2] / "shared" / "reference" / "AI_CORE_API.yaml"

BARE = """
import sys, waitress
body = b"x" * int(sys.argv[1])
def answer(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
server = waitress.create_server(answer, host="127.0.0.1", port=0, asyncore_use_poll=True)
print(server.effective_port, flush=True)
server.run()
"""
# What waitress would do for any application, in its simplest form; it has four threads unless told otherwise.


class NotHere(Exception):  # noqa: N818  # what it says
    """Something to compare with is not installed here."""


@dataclass
class Client:
    """A client that keeps its connection, as cheap as Python allows: it measures the other side.

    Args:
        port: on this machine.
        request: the bytes that it sends again and again.
    """

    port: int
    request: bytes
    _connection: socket.socket | None = None

    def ask(self) -> bytes:
        """Send the request and return the answer, head and body."""
        if self._connection is None:
            self._connection = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection.sendall(self.request)
        received = self._connection.recv(65536)
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields[b"content-length"])
        while len(body) < length:
            body += self._more()
        if fields.get(b"connection") == b"close":
            self.close()
        return head + b"\r\n\r\n" + body

    def seconds(self) -> float:
        """Return what one exchange takes, on average over some."""
        return timed(CALLS, self.ask)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _more(self) -> bytes:
        data = self._connection.recv(65536) if self._connection else b""
        if not data:
            raise RuntimeError(f"the server at port {self.port} closed the connection within an answer")
        return data


def figures(rounds: int = 40) -> Iterator[Figure]:
    """Measure GET of a completed execution with one client, against each of the others in turns.

    Args:
        rounds: how many pairs of batches of 100 calls to measure.
    """
    yield ready()
    with ExitStack() as stack:
        ours = stack.enter_context(_ours())
        answer = ours.ask()
        if b'"status":"COMPLETED"' not in answer:
            raise RuntimeError(f"not what is to be measured: {answer.decode()}")
        bare = stack.enter_context(_bare(len(answer.partition(b"\r\n\r\n")[2])))
        compared = in_turns(ours.seconds, bare.seconds, rounds)
        yield Figure(
            "server: GET of an execution, over the bare waitress answering a constant",
            compared.ratio,
            "x",
            at_most=2.5,
            detail=compared.medians("us", 1e6),
        )
        for name, other in (("Prism on SAP's specification", _prism), ("moto_server describing a job", _moto)):
            try:
                client = stack.enter_context(other())
            except NotHere as reason:
                print(f"  not compared with {name}: {reason}", file=sys.stderr, flush=True)
                continue
            compared = in_turns(client.seconds, ours.seconds, max(rounds // 4, 5))
            yield Figure(
                f"server: throughput of GET of an execution, over {name}",
                compared.ratio,
                "x",
                at_least=2.0,
                detail=compared.medians("us", 1e6) + ", theirs first",
            )


def ready(starts: int = 9) -> Figure:
    """Measure how long `pytest-aicore serve` takes until it says that it is ready."""
    walls, processors = [], []
    for _ in range(starts):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
        with _serving("--workflows", str(WORKFLOWS)):
            walls.append(perf_counter() - began)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processors.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return Figure(
        "server: from the start of the process until it is ready, with four workflows",
        median(walls),
        "s",
        at_most=0.5,
        detail=f"median of {starts}, best {min(walls):.3g}; processor time {median(processors):.3g} s, stop included",
    )


@contextmanager
def _process(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        **({"env": environment()} | options),
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE)
        if process.stdout:
            process.stdout.close()


@contextmanager
def _serving(*arguments: str) -> Iterator[str]:
    with _process([sys.executable, "-m", "pytest_aicore.cli", "serve", *arguments]) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server did not start: {arguments}")
        yield line.split()[-1]


@contextmanager
def _ours() -> Iterator[Client]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "key.json"
        with _serving("--workflows", str(WORKFLOWS), "--pace", "instant", "--service-key-out", str(file)) as url:
            key = json.loads(file.read_text(encoding="utf-8"))
            port = int(url.rpartition(":")[2])
            form = {"client_id": key["clientid"], "client_secret": key["clientsecret"]}
            token = _call(port, "POST", "/oauth/token", urlencode({"grant_type": "client_credentials"} | form))
            headers = f"Authorization: Bearer {token['access_token']}\r\nAI-Resource-Group: default\r\n"
            artifact = {"name": "text-data", "kind": "dataset", "url": "ai://default/in", "scenarioId": SCENARIO}
            artifact_id = _call(port, "POST", "/v2/lm/artifacts", json.dumps(artifact), headers)["id"]
            configuration = {
                "name": "training",
                "scenarioId": SCENARIO,
                "executableId": EXECUTABLE,
                "inputArtifactBindings": [{"key": "text-data", "artifactId": artifact_id}],
            }
            made = _call(port, "POST", "/v2/lm/configurations", json.dumps(configuration), headers)
            asked = json.dumps({"configurationId": made["id"]})
            execution_id = _call(port, "POST", "/v2/lm/executions", asked, headers)["id"]
            client = Client(port, _request("GET", f"/v2/lm/executions/{execution_id}", headers))
            yield client
            client.close()


@contextmanager
def _bare(length: int) -> Iterator[Client]:
    with _process([sys.executable, "-c", BARE, str(length)]) as process:
        assert process.stdout is not None
        headers = f"Authorization: Bearer {'x' * 300}\r\nAI-Resource-Group: default\r\n"
        client = Client(int(process.stdout.readline()), _request("GET", f"/v2/lm/executions/e{'0' * 15}", headers))
        yield client
        client.close()


@contextmanager
def _prism() -> Iterator[Client]:
    specification = Path(os.environ.get(SPECIFICATION_VARIABLE, SPECIFICATION))
    if not specification.exists():
        raise NotHere(f"SAP's specification is not at {specification}; {SPECIFICATION_VARIABLE} may name it")
    port = _free_port()
    command = [str(_installed_prism()), "mock", "--host", "127.0.0.1", "--port", str(port), str(specification)]
    with _process(command, env=dict(os.environ), cwd=PRISM_FOLDER):
        headers = "Authorization: Bearer x\r\nAI-Resource-Group: default\r\n"
        client = Client(port, _request("GET", f"/lm/executions/e{'0' * 15}", headers))
        _wait_for(client)
        yield client
        client.close()


def _installed_prism() -> Path:
    if not (PRISM_FOLDER / "node_modules").exists():
        if shutil.which("npm") is None:
            raise NotHere("the programs node and npm, which run it, are not here")
        PRISM_FOLDER.mkdir(parents=True, exist_ok=True)
        (PRISM_FOLDER / "package.json").write_text('{"private": true}', encoding="utf-8")
        options = ["--no-audit", "--no-fund", "--loglevel=error"]
        installed = subprocess.run(
            ["npm", "install", *options, PRISM], cwd=PRISM_FOLDER, capture_output=True, text=True, check=False
        )
        if installed.returncode:
            shutil.rmtree(PRISM_FOLDER / "node_modules", ignore_errors=True)
            raise NotHere(f"npm cannot install {PRISM}: {installed.stderr.strip()}")
    return PRISM_FOLDER / "node_modules" / ".bin" / "prism"


@contextmanager
def _moto() -> Iterator[Client]:
    program = Path(sys.executable).parent / "moto_server"
    try:
        import boto3
    except ModuleNotFoundError:
        raise NotHere("it is in the dependency group bench") from None
    if not program.exists():
        raise NotHere("it is in the dependency group bench")
    port = _free_port()
    with _process([str(program), "-p", str(port)]):
        signature = "AWS4-HMAC-SHA256 Credential=x/20250101/us-east-1/sagemaker/aws4_request, SignedHeaders=host"
        headers = (
            "Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: SageMaker.DescribeTrainingJob\r\n"
            f"Authorization: {signature}, Signature=0\r\n"
        )
        client = Client(port, _request("POST", "/", headers, '{"TrainingJobName": "training"}'))
        _wait_for(Client(port, _request("GET", "/moto-api/data.json", "")))
        boto3.client(
            "sagemaker",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        ).create_training_job(
            TrainingJobName="training",
            RoleArn="arn:aws:iam::123456789012:role/training",
            AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File"},
            OutputDataConfig={"S3OutputPath": "s3://out"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )
        if b'"TrainingJobStatus"' not in client.ask():
            raise RuntimeError(f"not what is to be measured: {client.ask().decode()}")
        yield client
        client.close()


def _call(port: int, method: str, path: str, body: str, headers: str = "") -> dict[str, Any]:
    client = Client(port, _request(method, path, headers, body))
    answer = client.ask()
    client.close()
    content: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    if "error" in content:
        raise RuntimeError(f"{method} {path}: {content}")
    return content


def _request(method: str, path: str, headers: str, body: str = "") -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}{length}\r\n{body}".encode()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _wait_for(client: Client) -> None:
    deadline = monotonic() + PATIENCE
    while not (answer := _tried(client)):
        if monotonic() > deadline:
            raise RuntimeError(f"nothing answers at port {client.port}")
        sleep(0.2)
    if b" 200 " not in answer[:20]:
        raise RuntimeError(f"not what is to be measured: {answer.decode()}")


def _tried(client: Client) -> bytes:
    try:
        return client.ask()
    except OSError:
        client.close()
        return b""
