"""What the tests of the server have in common: servers in this process, the program in another, a plain client."""

from __future__ import annotations

import http.client
import json
import signal
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.serve.server import Server
from pytest_aicore.emulator.store.records import EPOCH
from pytest_aicore.emulator.world.pace import PACES, RunningClock
from pytest_aicore.workflows import parse_template
from tests.prepared import start_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from typing_extensions import Self

WORKFLOW = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: train-flowers
  annotations:
    scenarios.ai.sap.com/name: "Flowers"
    executables.ai.sap.com/name: "Flower training"
    artifacts.ai.sap.com/pictures.kind: "dataset"
    artifacts.ai.sap.com/flower-model.kind: "model"
  labels:
    scenarios.ai.sap.com/id: "flowers"
    ai.sap.com/version: "1.0"
spec:
  entrypoint: train
  arguments:
    parameters:
      - name: epochs
        value: "3"
  templates:
    - name: train
      inputs:
        artifacts:
          - name: pictures
            path: /in
      outputs:
        artifacts:
          - name: flower-model
            path: /out
            globalName: flower-model
            archive:
              none: {}
      container:
        image: docker.io/flowers/train:1
        command: ["python", "train.py"]
"""
SERVING_WORKFLOW = """
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: serve-flowers
  annotations:
    scenarios.ai.sap.com/name: "Flowers"
    executables.ai.sap.com/name: "Flower serving"
  labels:
    scenarios.ai.sap.com/id: "flowers"
    ai.sap.com/version: "1.0"
spec:
  template:
    apiVersion: "serving.kserve.io/v1beta1"
    spec: |
      predictor:
        containers:
          - name: kserve-container
            image: docker.io/flowers/serve:1
"""
DEADLINE = 20.0


@dataclass
class Answer:
    """What a client got."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's content."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as it stands."""
        return self.body.decode()


@dataclass
class Client:
    """A client with one connection that it keeps, and, once it has asked for one, a token."""

    url: str
    service_key: Mapping[str, Any]
    timeout: float = DEADLINE
    headers: dict[str, str] = field(default_factory=lambda: {"AI-Resource-Group": "default"})
    _connection: http.client.HTTPConnection | None = None

    @property
    def connection(self) -> http.client.HTTPConnection:
        """The connection."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=self.timeout)
        return self._connection

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request and return the answer; a body that is no bytes is sent as JSON."""
        sent = dict(self.headers) | dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        self.connection.request(method, path, body, sent)
        response = self.connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())

    def authorise(self) -> Client:
        """Ask for a token and use it from now on."""
        answer = self.ask_token()
        assert answer.status == 200, answer.text
        self.headers["Authorization"] = f"Bearer {answer.json['access_token']}"
        return self

    def ask_token(self, **form: str) -> Answer:
        """Ask for a token with the credentials of the service key, or others."""
        fields = {
            "grant_type": "client_credentials",
            "client_id": self.service_key["clientid"],
            "client_secret": self.service_key["clientsecret"],
        } | form
        body = urlencode(fields).encode()
        return self.ask("POST", "/oauth/token", body, {"Content-Type": "application/x-www-form-urlencoded"})

    def start(self) -> str:
        """Register an artifact, configure, execute; return the execution's id."""
        artifact = self.ask(
            "POST",
            "/v2/lm/artifacts",
            {"name": "pictures", "kind": "dataset", "url": "ai://default/in", "scenarioId": "flowers"},
        )
        configuration = self.ask(
            "POST",
            "/v2/lm/configurations",
            {
                "name": "flowers",
                "scenarioId": "flowers",
                "executableId": "train-flowers",
                "parameterBindings": [{"key": "epochs", "value": "2"}],
                "inputArtifactBindings": [{"key": "pictures", "artifactId": artifact.json["id"]}],
            },
        )
        answer = self.ask("POST", "/v2/lm/executions", {"configurationId": configuration.json["id"]})
        assert answer.status == 202, answer.text
        return str(answer.json["id"])

    def status(self, execution_id: str) -> str:
        """Look at an execution."""
        return str(self.ask("GET", f"/v2/lm/executions/{execution_id}").json["status"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection:
            self._connection.close()
            self._connection = None


class Ticks:
    """A clock of the machine that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Served:
    """A server in this process."""

    server: Server
    ticks: Ticks
    clients: list[Client] = field(default_factory=list)

    @property
    def emulator(self) -> Emulator:
        """Whose state it serves."""
        return self.server.emulator

    def client(self) -> Client:
        """Return another client, with a token."""
        return self.stranger().authorise()

    def stranger(self) -> Client:
        """Return another client, without a token."""
        self.clients.append(Client(self.server.url, self.server.service_key))
        return self.clients[-1]


@contextmanager
def serving(pace: str = "real", **options: Any) -> Iterator[Served]:
    """Serve an emulator that has one workflow, at a pace of the command line."""
    ticks = Ticks()
    chosen = PACES[pace]
    clock = RunningClock(chosen, start=EPOCH, ticks=ticks)
    emulator = Emulator(clock=clock, pace=chosen.said, tokens_expire=True)
    emulator.publish(parse_template(WORKFLOW))
    with Server(emulator, **options) as server:
        served = Served(server, ticks)
        try:
            yield served
        finally:
            for client in served.clients:
                client.close()


class Program:
    """`pytest-aicore serve` in a process of its own."""

    def __init__(self, *arguments: str, cwd: Path | None = None, page: bool = False) -> None:
        self.began = time.monotonic()
        self._folder = tempfile.TemporaryDirectory()
        self._printed = {name: Path(self._folder.name, name) for name in ("stdout", "stderr")}
        self._last: dict[str, list[str]] | None = None
        output, errors = self._printed.values()
        errors.touch()
        arguments = arguments if page else (*arguments, "--no-page")
        self.process = start_command("serve", *arguments, output=output, errors=errors, cwd=cwd)

    @property
    def lines(self) -> dict[str, list[str]]:
        """The whole lines that it has printed, by stream."""
        if self._last is not None:
            return self._last
        texts = {name: file.read_text(encoding="utf-8") for name, file in self._printed.items()}
        return {name: text.split("\n")[:-1] for name, text in texts.items()}

    def wait_for(self, text: str, stream: str) -> str:
        """Wait until a line with this text comes, and return it."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            for line in self.lines[stream]:
                if text in line:
                    return line
            time.sleep(0.02)
        raise AssertionError(f"{stream} has no line with {text!r} within {DEADLINE:g} s: {self.lines}")

    @property
    def url(self) -> str:
        """The URL of its one line."""
        return self.wait_for("http", "stdout").split()[-1]

    def client(self, key_file: Path) -> Client:
        """Return a client with the service key that it wrote."""
        return Client(self.url, json.loads(key_file.read_text(encoding="utf-8"))).authorise()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send it a signal and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(DEADLINE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE)
        self._last = self.lines
        self._folder.cleanup()


def workflows_folder(parent: Path) -> Path:
    """Make a workflows folder with one workflow."""
    folder = parent / "workflows"
    folder.mkdir()
    (folder / "flowers.yaml").write_text(WORKFLOW, encoding="utf-8")
    return folder
