"""A deployment on this machine: requests below its URL beside requests to the bare server, and how soon it is ready."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, sleep, time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from benchmarks.measuring import Figure, in_turns
from pytest_aicore.emulator.serve.server import Server
from pytest_aicore.local.choices import LocalChoices
from pytest_aicore.local.emulator import local_emulator
from pytest_aicore.workflows import parse_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

ROUNDS = 300
STARTS = 7
ENDS_AT_ONCE = 9
"""The port at which the server of this module does not listen, but ends itself."""
SERVER = """
import os, pathlib, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        if self.path == "/v1/slow":
            time.sleep(0.01)
        self.send_response(200)
        self.send_header("Content-Length", "14")
        self.end_headers()
        self.wfile.write(b'{"cat": 0.875}')
        self.wfile.flush()

if os.environ["PORT"] == "9":
    print("cannot load the model")
    print(time.time())
    sys.exit(3)
server = ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler)
print(time.time())
server.serve_forever()
"""
TRAINING = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: cats-train
  labels: {scenarios.ai.sap.com/id: cats, ai.sap.com/version: "1.0.0"}
  annotations: {scenarios.ai.sap.com/name: Cats, executables.ai.sap.com/name: Train}
spec: {entrypoint: train, templates: [{name: train, container: {image: docker.io/me/cats:1}}]}
"""
TEMPLATE = """
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: cats-serve
  labels: {scenarios.ai.sap.com/id: cats, ai.sap.com/version: "1.0.0"}
  annotations: {scenarios.ai.sap.com/name: Cats, executables.ai.sap.com/name: Serve}
spec:
  inputs: {parameters: [{name: port, type: string}]}
  template:
    apiVersion: serving.kserve.io/v1beta1
    spec: |
      predictor:
        containers:
          - name: kserve-container
            image: docker.io/me/cats:1
            command: [python, -u, -c]
            args: [SERVER]
            ports: [{containerPort: {{inputs.parameters.port}}}]
"""


def figures() -> Iterator[Figure]:
    """Yield what AI Core's URL adds to a request, for a server that answers at once and for one that takes 10 ms."""
    with Cats() as cats:
        late = [cats.ready_after_listening() for _ in range(STARTS)]
        over = [cats.dead_after_exit() for _ in range(STARTS)]
        deployment, port = cats.deployed()
        here, through = f"http://127.0.0.1:{port}", f"{cats.url}/v2/inference/deployments/{deployment}"
        quick = in_turns(lambda: cats.get(f"{through}/v1/quick"), lambda: cats.get(f"{here}/v1/quick"), ROUNDS)
        slow = in_turns(lambda: cats.get(f"{through}/v1/slow"), lambda: cats.get(f"{here}/v1/slow"), ROUNDS)
    yield Figure(
        "serving: a request through the inference URL, beyond one to the bare server",
        quick.difference * 1000,
        "ms",
        at_most=1,
        detail=quick.medians("ms", 1000),
    )
    yield Figure(
        "serving: the same for a server that takes 10 ms",
        slow.ratio,
        "x",
        at_most=1.2,
        detail=slow.medians("ms", 1000),
    )
    yield Figure("serving: RUNNING after the server has begun to listen", median(late), "s", at_most=0.3)
    yield Figure("serving: DEAD, with its log, after the server has ended itself", median(over), "s", at_most=0.2)


class Cats:
    """An emulator whose deployments are served in the sandbox, over HTTP."""

    def __init__(self) -> None:
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        folder = Path(self._exits.enter_context(TemporaryDirectory()))
        self._emulator = local_emulator(LocalChoices(engine="sandbox", store={"default": folder}), lambda _: None)
        self._exits.callback(self._emulator.close)
        for text in (TRAINING, TEMPLATE.replace("SERVER", json.dumps(SERVER))):
            self._emulator.publish(parse_template(text))
        server = self._exits.enter_context(Server(self._emulator))
        self.url = server.url
        self._session = self._exits.enter_context(requests.Session())
        key = server.service_key
        form = {"grant_type": "client_credentials", "client_id": key["clientid"], "client_secret": key["clientsecret"]}
        token = self._session.post(f"{self.url}/oauth/token", data=form, timeout=10).json()["access_token"]
        self._session.headers.update({"Authorization": f"Bearer {token}", "AI-Resource-Group": "default"})
        return self

    def __exit__(self, *exception: object) -> None:
        self._exits.close()

    def get(self, url: str) -> float:
        """Return the seconds that a request takes.

        Args:
            url: its URL.
        """
        began = perf_counter()
        answer = self._session.get(url, timeout=10)
        took = perf_counter() - began
        assert answer.json() == {"cat": 0.875}, answer.text
        return took

    def deployed(self) -> tuple[str, int]:
        """Return the id of a new deployment that is RUNNING, and the port of its server."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port: int = listening.getsockname()[1]
        deployment = self._deploy(port)
        while (status := self._shown(deployment)["status"]) != "RUNNING":
            assert status != "DEAD", self._shown(deployment)
            sleep(0.002)
        return deployment, port

    def _deploy(self, port: int) -> str:
        bound = [{"key": "port", "value": str(port)}]
        body = {"name": "c", "scenarioId": "cats", "executableId": "cats-serve", "parameterBindings": bound}
        return self._created("deployments", {"configurationId": self._created("configurations", body)})

    def dead_after_exit(self) -> float:
        """Return the seconds from when a server ends itself to when a client sees its deployment DEAD, with its log."""
        deployment = self._deploy(ENDS_AT_ONCE)
        while self._shown(deployment)["status"] != "DEAD":
            sleep(0.002)
        logs = self._session.get(f"{self.url}/v2/lm/deployments/{deployment}/logs", timeout=10).json()
        seen = time()
        first, last = (line["msg"] for line in logs["data"]["result"])
        assert first == "cannot load the model", first
        return seen - float(last)

    def ready_after_listening(self) -> float:
        """Return the seconds from when a server listens to when its deployment is RUNNING."""
        deployment, _ = self.deployed()
        running = time()
        logs = self._session.get(f"{self.url}/v2/lm/deployments/{deployment}/logs", timeout=10).json()
        while not logs["data"]["result"]:
            logs = self._session.get(f"{self.url}/v2/lm/deployments/{deployment}/logs", timeout=10).json()
        self._session.patch(f"{self.url}/v2/lm/deployments/{deployment}", json={"targetStatus": "STOPPED"}, timeout=10)
        return running - float(logs["data"]["result"][0]["msg"])

    def _created(self, what: str, body: object) -> str:
        answer = self._session.post(f"{self.url}/v2/lm/{what}", json=body, timeout=10)
        assert answer.ok, f"{urlsplit(answer.url).path}: {answer.text}"
        return str(answer.json()["id"])

    def _shown(self, deployment: str) -> dict[str, str]:
        shown: dict[str, str] = self._session.get(f"{self.url}/v2/lm/deployments/{deployment}", timeout=10).json()
        return shown
