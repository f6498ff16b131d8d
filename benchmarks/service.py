"""An emulator with the tutorial's training published, and the SAP SDK's client for it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.in_process import door_to
from pytest_aicore.http.exchange import Request
from pytest_aicore.workflows import read_template

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKFLOWS = Path(__file__).parents[1] / "workflows"
WORKFLOW = WORKFLOWS / "training_workflow_tutorial.yaml"
SCENARIO = "text-clf-tutorial"
EXECUTABLE = "text-clf-train-tutorial"


class Service:
    """The emulator, a door to it, and the client.

    Args:
        executions: how many executions it holds from the start.
        finished: whether these have ended.
        emulator: the one to take; a new one if left out.
    """

    def __init__(self, executions: int = 0, *, finished: bool = True, emulator: Emulator | None = None) -> None:
        self.emulator = emulator or Emulator()
        self.emulator.publish(read_template(WORKFLOW))
        self.door = door_to(self.emulator)
        key: dict[str, Any] = self.emulator.service_key
        self.token_url = f"{key['url']}/oauth/token"
        self.base_url = f"{key['serviceurls']['AI_API_URL']}/v2/lm"
        self.client = AIAPIV2Client(
            base_url=self.base_url,
            auth_url=self.token_url,
            client_id=key["clientid"],
            client_secret=key["clientsecret"],
            resource_group="default",
        )
        form = f"grant_type=client_credentials&client_id={key['clientid']}&client_secret={key['clientsecret']}"
        answer = self.emulator.handle(
            Request(
                "POST",
                self.token_url,
                {"content-type": "application/x-www-form-urlencoded"},
                form.encode(),
            )
        )
        self.headers = {
            "authorization": f"Bearer {json.loads(answer.body)['access_token']}",
            "ai-resource-group": "default",
            "content-type": "application/json",
        }
        self.execution_ids = self.make(executions)
        if executions and finished:
            self.emulator.clock.advance(3600)

    @contextmanager
    def reachable(self) -> Iterator[None]:
        """Answer the SDK's HTTP requests for the duration of a block."""
        self.door.open()
        try:
            yield
        finally:
            self.door.close()

    def ask(self, method: str, path: str, content: object = None) -> Any:
        """Ask the emulator itself, without HTTP and without the SDK.

        Args:
            method: upper case.
            path: below `/v2/lm`, with its query.
            content: what to send as JSON.

        Raises:
            RuntimeError: the answer is an error.
        """
        body = b"" if content is None else json.dumps(content).encode()
        answer = self.emulator.handle(Request(method, self.base_url + path, self.headers, body))
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.body.decode()}")
        return json.loads(answer.body)

    def make(self, executions: int) -> list[str]:
        """Start so many executions of the tutorial's training and return their ids."""
        artifact = {
            "name": "text-data",
            "kind": "dataset",
            "url": "ai://default/data",
            "scenarioId": SCENARIO,
        }
        configuration = {
            "name": "training",
            "scenarioId": SCENARIO,
            "executableId": EXECUTABLE,
            "inputArtifactBindings": [
                {"key": "text-data", "artifactId": self.ask("POST", "/artifacts", artifact)["id"]}
            ],
        }
        asked = {"configurationId": self.ask("POST", "/configurations", configuration)["id"]}
        return [self.ask("POST", "/executions", asked)["id"] for _ in range(executions)]
