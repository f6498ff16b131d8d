"""An emulator of each test's own, with templates of its own, and three ways to talk to it."""

from __future__ import annotations

import functools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import requests
from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client
from ai_api_client_sdk.models.artifact import Artifact
from ai_api_client_sdk.models.input_artifact_binding import InputArtifactBinding
from ai_api_client_sdk.models.parameter_binding import ParameterBinding

from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.in_process import door_to
from pytest_aicore.hooks.isolation import PLUGIN_NAME
from pytest_aicore.workflows import parse_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.workflows.template import Template

TRAINING_TEMPLATE = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: house-train
  annotations:
    scenarios.ai.sap.com/name: House prices
    scenarios.ai.sap.com/description: Guess what a house costs
    executables.ai.sap.com/name: Train
    executables.ai.sap.com/description: Fit a tree
    artifacts.ai.sap.com/houses.kind: dataset
    artifacts.ai.sap.com/house-model.description: A tree
    artifacts.ai.sap.com/house-model.labels: '{"ext.ai.sap.com/framework":"scikit-learn"}'
    artifacts.ai.sap.com/house-report.kind: resultset
    artifacts.ai.sap.com/house-report.name: House report
  labels:
    scenarios.ai.sap.com/id: house-prices
    ext.ai.sap.com/team: pricing
    ai.sap.com/version: 1.0.0
spec:
  entrypoint: train
  arguments:
    parameters:
      - name: DEPTH
      - name: SEED
        default: "7"
        description: Where chance begins
  templates:
    - name: train
      inputs:
        artifacts:
          - name: houses
            path: /app/data
      outputs:
        artifacts:
          - name: model
            globalName: house-model
            path: /app/model
          - name: report
            globalName: house-report
            path: /app/report
      container:
        image: docker.io/example/house:1
        command: [python]
"""
SERVING_TEMPLATE = """
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: house-serve
  annotations:
    scenarios.ai.sap.com/name: House prices
    executables.ai.sap.com/name: Serve
  labels:
    scenarios.ai.sap.com/id: house-prices
    ai.sap.com/version: 1.0.0
spec:
  inputs:
    artifacts:
      - name: house-model
  template:
    apiVersion: serving.kserve.io/v1beta1
    spec: |
      predictor: {}
"""


@functools.cache
def templates() -> list[Template]:
    """Return both templates, read once."""
    return [parse_template(text) for text in (TRAINING_TEMPLATE, SERVING_TEMPLATE)]


class House:
    """The service as a data scientist meets it: an emulator, a door to it, the SDK's client, and plain HTTP.

    Args:
        seed: of the emulator.
        **said: what else the emulator is told.
    """

    SCENARIO = "house-prices"
    EXECUTABLE = "house-train"
    SERVING = "house-serve"

    def __init__(self, seed: int = 0, **said: Any) -> None:
        self.emulator = Emulator(seed, **said)
        for template in templates():
            self.emulator.publish(template)
        self.door = door_to(self.emulator)
        self.url = f"{self.emulator.base_url}/v2/lm"

    def client(self, resource_group: str = "default") -> Any:
        """Return a client of the SDK."""
        key = self.emulator.service_key
        return AIAPIV2Client(
            base_url=self.url,
            auth_url=f"{key['url']}/oauth/token",
            client_id=key["clientid"],
            client_secret=key["clientsecret"],
            resource_group=resource_group,
        )

    def token(self) -> str:
        """Return an access token."""
        key = self.emulator.service_key
        form = {
            "grant_type": "client_credentials",
            "client_id": key["clientid"],
            "client_secret": key["clientsecret"],
        }
        answer = requests.post(f"{key['url']}/oauth/token", data=form, timeout=5)
        return str(answer.json()["access_token"])

    def ask(
        self,
        method: str,
        path: str,
        content: object = None,
        *,
        resource_group: str | None = "default",
        content_type: str = "application/json",
        **query: str,
    ) -> requests.Response:
        """Make a request below `/v2/lm` with plain `requests`; query names have `S_` for `$`."""
        headers = {"Authorization": f"Bearer {self.token()}", "Content-Type": content_type}
        if resource_group is not None:
            headers["AI-Resource-Group"] = resource_group
        return requests.request(
            method,
            self.url + path,
            params={name.replace("S_", "$"): value for name, value in query.items()},
            data=content if isinstance(content, (str, bytes, type(None))) else json.dumps(content),
            headers=headers,
            timeout=5,
        )

    def create(self, path: str, content: object, **asked: Any) -> str:
        """Make a request that creates something, and return its id."""
        answer = self.ask("POST", path, content, **asked)
        assert answer.ok, answer.text
        return str(answer.json()["id"])

    def change_many(self, targets: dict[str, str], resource_group: str = "default") -> list[dict[str, Any]]:
        """Stop or delete executions, each with its target status, and return what is answered of each."""
        changes = [{"id": execution_id, "targetStatus": target} for execution_id, target in targets.items()]
        content_type = "application/merge-patch+json"
        answer = self.ask(
            "PATCH", "/executions", {"executions": changes}, content_type=content_type, resource_group=resource_group
        )
        assert answer.status_code == 202, answer.text
        answers: list[dict[str, Any]] = answer.json()["executions"]
        return answers

    def configure(self, client: Any = None, **parameters: str) -> str:
        """Register an artifact, bind it, and return the configuration's id."""
        client = client or self.client()
        houses = client.artifact.create(
            name="houses", kind=Artifact.Kind.DATASET, url="ai://default/houses", scenario_id=self.SCENARIO
        )
        return str(
            client.configuration.create(
                name="small tree",
                scenario_id=self.SCENARIO,
                executable_id=self.EXECUTABLE,
                parameter_bindings=[
                    ParameterBinding(key=key, value=value) for key, value in ({"DEPTH": "3"} | parameters).items()
                ],
                input_artifact_bindings=[InputArtifactBinding(key="houses", artifact_id=houses.id)],
            ).id
        )

    def configure_serving(self) -> str:
        """Register a model, bind it for serving, and return the configuration's id."""
        model = self.create(
            "/artifacts", {"name": "m", "kind": "model", "url": "ai://default/m", "scenarioId": self.SCENARIO}
        )
        return self.create(
            "/configurations",
            {
                "name": "serve",
                "scenarioId": self.SCENARIO,
                "executableId": self.SERVING,
                "parameterBindings": [],
                "inputArtifactBindings": [{"key": "house-model", "artifactId": model}],
            },
        )

    def start(self, client: Any = None) -> str:
        """Start an execution of a configuration that fits, and return its id."""
        client = client or self.client()
        return str(client.execution.create(self.configure(client)).id)


@pytest.fixture(autouse=True)
def _no_outer_door(pytestconfig: pytest.Config) -> None:
    """Close the door of the session around these tests, which it opens again before the next one."""
    plugin: Any = pytestconfig.pluginmanager.get_plugin(PLUGIN_NAME)
    if plugin is not None:
        plugin.session.close()


@pytest.fixture
def house() -> Iterator[House]:
    """The service, reachable."""
    house = House()
    house.door.open()
    yield house
    house.door.close()


@pytest.fixture
def client(house: House) -> Any:
    """The SDK's client for it."""
    return house.client()


class Elsewhere(BaseHTTPRequestHandler):
    """Some other server, on this machine."""

    def do_GET(self) -> None:
        """Say who answers."""
        body = b"elsewhere"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
        """Say nothing."""


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[str]:
    """The URL of a server that has nothing to do with AI Core."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()
