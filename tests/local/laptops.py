"""An emulator whose executions are carried out on this machine, and a client of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.in_process import door_to
from pytest_aicore.local.emulator import local_emulator
from pytest_aicore.workflows import parse_template
from tests.emulator.conftest import House
from tests.waiting import until

if TYPE_CHECKING:
    from pytest_aicore.local.choices import LocalChoices

LIMIT = 30.0
"""Seconds in which everything here happens."""
WORKFLOW = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: tiny
  annotations:
    scenarios.ai.sap.com/name: Tiny
    executables.ai.sap.com/name: Train
    artifacts.ai.sap.com/data.kind: dataset
    artifacts.ai.sap.com/model.kind: model
  labels:
    scenarios.ai.sap.com/id: tiny
    ai.sap.com/version: "1.0"
spec:
  entrypoint: train
  arguments: {parameters: [{name: WORD, default: hello}]}
  templates:
    - name: train
      inputs: {artifacts: [{name: data, path: /in/data, optional: true}]}
      outputs: {artifacts: [{name: model, globalName: model, path: /out/model, archive: {none: {}}}]}
      volumes: [{name: out, emptyDir: {}}]
      container:
        image: docker.io/me/tiny:1
        command: [sh, -c]
        args: ["SCRIPT"]
        env: [{name: WORD, value: "{{workflow.parameters.WORD}}"}]
        volumeMounts: [{name: out, mountPath: /out}]
"""
TRACKS = """\
import json, os, urllib.request
request = urllib.request.Request(
    os.environ["AICORE_TRACKING_ENDPOINT"] + "/api/v1/metrics",
    json.dumps({
        "executionId": os.environ["AICORE_EXECUTION_ID"],
        "metrics": [{"name": "accuracy", "value": 0.75, "step": 1, "timestamp": "2026-01-01T00:00:00Z"}],
        "tags": [{"name": "owner", "value": "me"}],
    }).encode(),
    {
        "Content-Type": "application/json",
        "AI-RESOURCE-GROUP": os.environ["AI-RESOURCE-GROUP"],
        "AI-MAIN-TENANT": os.environ["AI-MAIN-TENANT"],
    },
    method="PATCH",
)
print(urllib.request.urlopen(request).status)
"""
"""Sends what `ai_core_sdk.tracking.Tracking()` sends."""


def workflow(script: str) -> str:
    """Return a workflow whose only step runs a script of the shell, without double quotes.

    Args:
        script: the script.
    """
    return WORKFLOW.replace("SCRIPT", script)


class Laptop(House):
    """The service, with executions that are carried out on this machine.

    Args:
        choices: what its user has chosen.
    """

    def __init__(self, choices: LocalChoices) -> None:
        self.warnings: list[str] = []
        self.emulator = local_emulator(choices, self.warnings.append)
        self.door = door_to(self.emulator)
        self.url = f"{self.emulator.base_url}/v2/lm"

    def begin(self, text: str, data: str | None = None, **parameters: str) -> str:
        """Publish a workflow, start an execution of it, and return its id.

        Args:
            text: the workflow.
            data: the URL of its input artifact, None to bind none.
            **parameters: what is bound to its parameters.
        """
        self.emulator.publish(parse_template(text))
        bound = []
        if data is not None:
            artifact = {"name": "data", "kind": "dataset", "url": data, "scenarioId": "tiny"}
            bound = [{"key": "data", "artifactId": self.create("/artifacts", artifact)}]
        configuration = {
            "name": "tiny",
            "scenarioId": "tiny",
            "executableId": "tiny",
            "parameterBindings": [{"key": key, "value": value} for key, value in parameters.items()],
            "inputArtifactBindings": bound,
        }
        return self.create("/executions", {"configurationId": self.create("/configurations", configuration)})

    def get(self, execution_id: str) -> dict[str, Any]:
        """Return an execution as the API shows it.

        Args:
            execution_id: its id.
        """
        content: dict[str, Any] = self.ask("GET", f"/executions/{execution_id}").json()
        return content

    def until(self, execution_id: str, *statuses: str) -> dict[str, Any]:
        """Wait until an execution has one of some statuses, and return it.

        Args:
            execution_id: its id.
            *statuses: the statuses.
        """
        until(lambda: self.get(execution_id)["status"] in statuses, f"{statuses}: {self.get(execution_id)}")
        return self.get(execution_id)

    def ended(self, text: str, data: str | None = None, **parameters: str) -> dict[str, Any]:
        """Run a workflow to its end, and return its execution.

        Args:
            text: the workflow.
            data: the URL of its input artifact, None to bind none.
            **parameters: what is bound to its parameters.
        """
        return self.until(self.begin(text, data, **parameters), "COMPLETED", "DEAD", "STOPPED")

    def lines(self, execution_id: str) -> list[tuple[str, str]]:
        """Return containers and messages of the log of an execution.

        Args:
            execution_id: its id.
        """
        result = self.ask("GET", f"/executions/{execution_id}/logs").json()["data"]["result"]
        return [(line["container"], line["msg"]) for line in result]

    def stop(self, execution_id: str) -> None:
        """Stop an execution.

        Args:
            execution_id: its id.
        """
        assert self.ask("PATCH", f"/executions/{execution_id}", {"targetStatus": "STOPPED"}).status_code == 202
