"""ServingTemplates of the tests, and servers of models in pure Python."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import requests

from pytest_aicore.workflows import parse_template
from tests.local.laptops import Laptop, workflow
from tests.waiting import until

if TYPE_CHECKING:
    from pytest_aicore.local.choices import LocalChoices

TEMPLATE = """
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: serve-tiny
  annotations:
    scenarios.ai.sap.com/name: Tiny
    executables.ai.sap.com/name: Serve
    artifacts.ai.sap.com/tinymodel.kind: model
  labels:
    scenarios.ai.sap.com/id: tiny
    ai.sap.com/version: "1.0"
spec:
  inputs:
    parameters:
      - {name: word, type: string, default: hello}
      - {name: port, type: string, default: "9001"}
    artifacts: [{name: tinymodel}]
  template:
    apiVersion: serving.kserve.io/v1beta1
    metadata:
      labels: |
        ai.sap.com/resourcePlan: starter
    spec: |
      predictor:
        minReplicas: 1
        containers:
          - name: kserve-container
            image: docker.io/me/serve:1
            command: [python, -u, -c]
            args: [SCRIPT]
            ports: [{containerPort: {{inputs.parameters.port}}}]
            env:
              - {name: STORAGE_URI, value: "{{inputs.artifacts.tinymodel}}"}
              - {name: WORD, value: "{{inputs.parameters.word}}"}
"""
ANSWERS = """
import json, os, pathlib, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.answer({"path": self.path, "word": os.environ["WORD"], "headers": headers})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model = pathlib.Path(os.environ["STORAGE_URI"], "model.txt").read_text()
        self.answer({"path": self.path, "model": model, "asked": asked})

    def answer(self, content):
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

print("listens at", os.environ["PORT"])
ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
"""A server of a model: what it was asked, with what it knows."""


def serving(script: str = ANSWERS, container: str = "", predictor: str = "") -> str:
    """Return a ServingTemplate whose server is a Python script, which must not have two braces in a row.

    Args:
        script: the script.
        container: a further line of its container.
        predictor: a further line of its predictor.
    """
    text = TEMPLATE.replace("SCRIPT", json.dumps(script))
    text = text.replace("            ports:", f"            {container}\n            ports:") if container else text
    return text.replace("minReplicas: 1", predictor) if predictor else text


def free_port() -> str:
    """Return a port of this machine that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return str(listening.getsockname()[1])


class Serving(Laptop):
    """The service, with deployments that are served on this machine.

    Args:
        choices: what its user has chosen.
    """

    def __init__(self, choices: LocalChoices) -> None:
        super().__init__(choices)
        self.emulator.publish(parse_template(workflow("true")))  # a WorkflowTemplate defines the scenario

    def deploy(self, text: str, url: str | None = "ai://default/model", **parameters: str) -> str:
        """Publish a template, deploy it, and return the id of the deployment.

        Args:
            text: the template.
            url: of the model, None to bind none.
            **parameters: what is bound to its parameters.
        """
        return self.create("/deployments", {"configurationId": self.configured(text, url, **parameters)})

    def configured(self, text: str, url: str | None = "ai://default/model", **parameters: str) -> str:
        """Publish a template, and return the id of a configuration of it.

        Args:
            text: the template.
            url: of the model, None to bind none.
            **parameters: what is bound to its parameters.
        """
        self.emulator.publish(parse_template(text))
        bound = []
        if url is not None:
            artifact = {"name": "model", "kind": "model", "url": url, "scenarioId": "tiny"}
            bound = [{"key": "tinymodel", "artifactId": self.create("/artifacts", artifact)}]
        configuration = {
            "name": "tiny",
            "scenarioId": "tiny",
            "executableId": "serve-tiny",
            "parameterBindings": [{"key": key, "value": value} for key, value in parameters.items()],
            "inputArtifactBindings": bound,
        }
        return str(self.create("/configurations", configuration))

    def deployment(self, deployment_id: str) -> dict[str, Any]:
        """Return a deployment as the API shows it.

        Args:
            deployment_id: its id.
        """
        content: dict[str, Any] = self.ask("GET", f"/deployments/{deployment_id}").json()
        return content

    def reached(self, deployment_id: str, *statuses: str) -> dict[str, Any]:
        """Wait until a deployment has one of some statuses, and return it.

        Args:
            deployment_id: its id.
            *statuses: the statuses.
        """
        until(lambda: self.deployment(deployment_id)["status"] in statuses, f"{statuses}")
        return self.deployment(deployment_id)

    def predict(
        self, deployment_id: str, path: str, content: object = None, group: str | None = "default", **options: Any
    ) -> requests.Response:
        """Make a request below the URL of a deployment: a POST if there is content, else a GET.

        Args:
            deployment_id: its id.
            path: below the URL.
            content: what is sent as JSON.
            group: the resource group, None to name none.
            **options: of `requests`.
        """
        headers = {"Authorization": f"Bearer {self.token()}"} | ({} if group is None else {"AI-Resource-Group": group})
        return requests.request(
            "GET" if content is None else "POST",
            f"{self.emulator.base_url}/v2/inference/deployments/{deployment_id}{path}",
            json=content,
            headers=headers,
            timeout=20,
            **options,
        )

    def log(self, deployment_id: str) -> list[tuple[str, str]]:
        """Return containers and messages of the log of a deployment.

        Args:
            deployment_id: its id.
        """
        result = self.ask("GET", f"/deployments/{deployment_id}/logs").json()["data"]["result"]
        return [(line["container"], line["msg"]) for line in result]
