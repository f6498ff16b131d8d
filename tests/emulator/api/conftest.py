"""An emulator with the repository's own workflows, asked by raw requests or through SAP's SDK."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.api.handlers.token import mint
from pytest_aicore.emulator.in_process import door_to
from pytest_aicore.http.exchange import Request
from tests.places import our_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

SCENARIO = "text-clf-tutorial"
TRAIN = "text-clf-train-tutorial"
SERVE = "text-clf-infer-tutorial"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, code and message of an error."""
        error = self.content["error"]
        return self.status, error["code"], error["message"]


class Caller:
    """A client that sends what it is told, without an SDK's help.

    Args:
        emulator: whom it asks.
    """

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.token = mint(emulator.gateway, "caller")

    def __call__(
        self, method: str, path: str, body: Any = None, *, group: str | None = "default", **headers: str
    ) -> Answer:
        """Send a request and return the answer; the words of header names are joined by underscores here."""
        sent = {"authorization": f"Bearer {self.token}"} | ({"ai-resource-group": group} if group else {})
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        response = self.emulator.handle(Request(method, self.emulator.base_url + path, sent, data))
        return Answer(response.status, response.headers, response.body)

    def artifact(self, **changes: Any) -> str:
        """Register an artifact and return its id."""
        body = {"name": "data", "kind": "dataset", "url": "ai://default/data", "scenarioId": SCENARIO, **changes}
        return str(self("POST", "/v2/lm/artifacts", body).content["id"])

    def configuration(self, executable: str = TRAIN, *, group: str = "default", **changes: Any) -> str:
        """Create a configuration that fits its executable and return its id."""
        key = {TRAIN: "text-data", SERVE: "textmodel"}.get(executable)
        artifact = {"name": "data", "kind": "dataset", "url": "ai://default/data", "scenarioId": SCENARIO}
        bindings = []
        if key:
            made = self("POST", "/v2/lm/artifacts", artifact, group=group).content["id"]
            bindings = [{"key": key, "artifactId": made}]
        body = {
            "name": f"conf of {executable}",
            "executableId": executable,
            "scenarioId": SCENARIO,
            "inputArtifactBindings": bindings,
            **changes,
        }
        answer = self("POST", "/v2/lm/configurations", body, group=group)
        return str(answer.content["id"])


@pytest.fixture
def emulator() -> Emulator:
    """An emulator whose clock is the test's business, with the workflows of this repository."""
    emulator = Emulator()
    emulator.publish_folder(our_folder())
    emulator.clock.hold()
    return emulator


@pytest.fixture
def ask(emulator: Emulator) -> Caller:
    """Raw requests to the emulator."""
    return Caller(emulator)


@pytest.fixture
def client(emulator: Emulator) -> Iterator[AIAPIV2Client]:
    """The SDK's client for the emulator."""
    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

    key = emulator.service_key
    door = door_to(emulator)
    door.open()
    yield AIAPIV2Client(
        base_url=f"{emulator.base_url}/v2/lm",
        auth_url=f"{key['url']}/oauth/token",
        client_id=key["clientid"],
        client_secret=key["clientsecret"],
        resource_group="default",
    )
    door.close()
