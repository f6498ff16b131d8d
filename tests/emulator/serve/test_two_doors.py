"""One state, two doors: the same calls get the same bytes inside the process and over HTTP."""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import pytest
import requests

from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.api.routes import ROUTES
from pytest_aicore.emulator.in_process import door_to
from pytest_aicore.emulator.serve.server import Server
from pytest_aicore.http.exchange import PLAYED
from pytest_aicore.workflows import parse_template
from tests.emulator.serve.servers import SERVING_WORKFLOW, WORKFLOW, Client

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")

OF_THE_CONNECTION = {"connection", "content-length", "date", PLAYED}
"""Headers that only an HTTP server writes."""


class Exchange(NamedTuple):
    """One call and what came of it."""

    call: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def json(self) -> Any:
        """The answer's content."""
        return json.loads(self.body)


class Recording:
    """Plays calls that follow from each other's answers, and remembers them all.

    Args:
        ask: sends one request.
        emulator: who answers; its clock is moved on the way.
    """

    def __init__(self, ask: Callable[[str, str, Mapping[str, str], bytes], Exchange], emulator: Emulator) -> None:
        self.exchanges: list[Exchange] = []
        self.emulator = emulator
        self._ask = ask
        self._headers: dict[str, str] = {}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Exchange:
        """Make a call."""
        sent = self._headers | {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent = {"Content-Type": "application/json"} | sent
        self.exchanges.append(self._ask(method, path, sent, body or b""))
        return self.exchanges[-1]

    def play(self) -> list[Exchange]:
        """Make some hundred calls."""
        self._without_token()
        self._authorise()
        for group in ("default", "team-a"):
            self._headers["AI-Resource-Group"] = group
            for round_ in range(4):
                self._train(round_)
        self._administrate()
        self._deploy()
        self._every_call()
        self._mistakes()
        self._faults()
        self._at_random(200)
        return self.exchanges

    def _without_token(self) -> None:
        self.ask("GET", "/v2/lm/scenarios")
        self.ask("GET", "/v2/lm/executions/%0d%0ax?$top=1", Authorization="Bearer a.b.c")
        self.ask("GET", "/v2/lm/scenarios", Authorization="Basic eDp5")
        self.ask("GET", "/lm/scenarios")
        self.ask("POST", "/oauth/token", b"grant_type=client_credentials&client_id=x&client_secret=y")
        self.ask("POST", "/oauth/token", b"grant_type=password")
        self.ask("POST", "/oauth/token")

    def _authorise(self) -> None:
        key = self.emulator.service_key
        form = urlencode(
            {"grant_type": "client_credentials", "client_id": key["clientid"], "client_secret": key["clientsecret"]}
        )
        answer = self.ask("POST", "/oauth/token", form.encode(), Content_Type="application/x-www-form-urlencoded")
        self._headers["Authorization"] = f"Bearer {answer.json['access_token']}"

    def _train(self, round_: int) -> None:
        artifact = self.ask(
            "POST",
            "/v2/lm/artifacts",
            {
                "name": f"pictures {round_}",
                "kind": "dataset",
                "url": f"ai://default/in/{round_}",
                "scenarioId": "flowers",
                "description": "Blüten, 花",
                "labels": [{"key": "ext.ai.sap.com/round", "value": str(round_)}],
            },
        ).json["id"]
        configuration = self.ask(
            "POST",
            "/v2/lm/configurations",
            {
                "name": f"flowers-{round_}",
                "scenarioId": "flowers",
                "executableId": "train-flowers",
                "parameterBindings": [{"key": "epochs", "value": str(round_)}],
                "inputArtifactBindings": [] if round_ == 3 else [{"key": "pictures", "artifactId": artifact}],
            },
        ).json["id"]
        execution = self.ask("POST", "/v2/lm/executions", {"configurationId": configuration}).json["id"]
        self.ask("GET", f"/v2/lm/executions/{execution}")
        if round_ == 1:
            self.ask("PATCH", f"/v2/lm/executions/{execution}", {"targetStatus": "STOPPED"})
        for seconds in (11, 6, 46):
            self.emulator.clock.sleep(seconds)
            self.ask("GET", f"/v2/lm/executions/{execution}")
            self.ask("GET", f"/v2/lm/executions/{execution}?$select=status")
            if round_ == 1:
                self.ask("PATCH", f"/v2/lm/executions/{execution}", {"targetStatus": "STOPPED"})
        self.ask("GET", f"/v2/lm/executions/{execution}/logs")
        self.ask(
            "PATCH",
            "/v2/lm/metrics",
            {
                "executionId": execution,
                "metrics": [{"name": "accuracy", "value": 0.9, "timestamp": "2025-01-01T00:00:00Z"}],
            },
        )
        self.ask("GET", f"/v2/lm/metrics?executionIds={execution}")
        self.ask("GET", f"/v2/lm/artifacts?executionId={execution}&$expand=scenario")
        self.ask("GET", "/v2/lm/artifacts?artifactLabelSelector=ext.ai.sap.com/round%3D2")
        self.ask("GET", f"/v2/lm/artifacts?$search=%E8%8A%B1&$top={round_}")
        self.ask("GET", f"/v2/lm/configurations/{configuration}")
        self.ask("GET", "/v2/lm/configurations/$count")
        bulk = {"executions": [{"id": execution, "targetStatus": "STOPPED"}, {"id": "e000", "targetStatus": "DELETED"}]}
        self.ask("PATCH", "/v2/lm/executions", bulk, Content_Type="application/merge-patch+json")
        if round_ == 2:
            self.ask("DELETE", f"/v2/lm/executions/{execution}")
            self.ask("GET", f"/v2/lm/executions/{execution}")

    def _administrate(self) -> None:
        self.ask("POST", "/v2/admin/resourceGroups", {"resourceGroupId": "team-b", "labels": []})
        for _ in range(3):
            self.ask("GET", "/v2/admin/resourceGroups/team-b")
        secret = {"name": "training-data", "type": "S3", "data": {"AWS_ACCESS_KEY_ID": "a"}, "bucket": "b"}
        self.ask("POST", "/v2/admin/objectStoreSecrets", secret, AI_Resource_Group="team-b")
        self.ask("POST", "/v2/admin/secrets", {"name": "credentials", "data": {"user": "bWU="}})
        self.ask("POST", "/v2/admin/dockerRegistrySecrets", {"name": "docker", "data": {".dockerconfigjson": "{}"}})
        self.ask("PUT", "/v2/lm/dataset/files/default/folder/data.csv", b"a,b\n1,2\n", Content_Type="text/csv")
        self.ask("GET", "/v2/lm/dataset/files/default/folder/data.csv")
        self.ask("PUT", "/v2/lm/dataset/files/default/data.txt", b"a,b\n", Content_Type="text/csv")
        for collection in ("resourceGroups", "objectStoreSecrets", "secrets", "dockerRegistrySecrets", "services"):
            self.ask("GET", f"/v2/admin/{collection}", Prefer="maxpagesize=1")
            self.ask("GET", f"/v2/admin/{collection}?$top=1&$count=true")

    def _deploy(self) -> None:
        configuration = {"name": "serve", "scenarioId": "flowers", "executableId": "serve-flowers"}
        made = self.ask("POST", "/v2/lm/configurations", configuration).json["id"]
        deployment = self.ask("POST", "/v2/lm/deployments", {"configurationId": made, "ttl": "1h"}).json["id"]
        schedule = {
            "configurationId": made,
            "name": "nightly",
            "cron": "0 3 * * *",
            "start": "2025-01-01T00:00:00Z",
            "end": "2026-01-01T00:00:00Z",
        }
        self.ask("POST", "/v2/lm/executionSchedules", schedule)
        for seconds in (1, 30, 86_400):
            self.emulator.clock.sleep(seconds)
            self.ask("GET", f"/v2/lm/deployments/{deployment}")
            self.ask("GET", f"/v2/lm/deployments/{deployment}/logs")
            self.ask("GET", "/v2/lm/executionSchedules")
            self.ask("GET", "/v2/lm/executions/$count")

    def _every_call(self) -> None:
        for route in ROUTES:
            path = re.sub(r"\{\w+\}", "unknown-id", route.path)
            self.ask(route.method, path, None if route.method in ("GET", "DELETE") else {})
            self.ask("OPTIONS", path)

    def _mistakes(self) -> None:
        for path in ("artifacts", "configurations", "executions"):
            self.ask("POST", f"/v2/lm/{path}", b"{", Content_Type="application/json")
            self.ask("POST", f"/v2/lm/{path}", b"\xff", Content_Type="text/plain")
            self.ask("POST", f"/v2/lm/{path}", {})
            self.ask("GET", f"/v2/lm/{path}/no%20id")
            self.ask("GET", f"/v2/lm/{path}/unknown-id")
            self.ask("GET", f"/v2/lm/{path}?$top=many")
            self.ask("DELETE", f"/v2/lm/{path}")
            self.ask("GET", f"/v2/lm/{path}", AI_Resource_Group="nobody")
        self.ask("GET", "/v2/lm/artefacts")
        self.ask("GET", "/nothing")

    def _faults(self) -> None:
        for fault in (
            {"status": 503, "retry_after": 1},
            {"status": 418, "body": {"a": ["ü"]}},
            {"status": 500, "body": b"\x00\xff"},
            {"status": 204},
            {"kind": "html"},
            {"kind": "truncated json", "processed": True},
            {"kind": "expired token"},
        ):
            self.emulator.fault("scenario.query", **fault)
            self.ask("GET", "/v2/lm/scenarios")

    def _at_random(self, count: int) -> None:
        dice = random.Random(1)
        ids = ["unknown-id"]
        for _ in range(count):
            collection = dice.choice(["artifacts", "configurations", "executions", "scenarios", "metrics", "meta"])
            found = self.ask("GET", f"/v2/lm/{collection}?$top={dice.randint(0, 5)}&$skip={dice.randint(0, 3)}")
            if found.status == 200 and "resources" in found.json:
                ids += [each["id"] for each in found.json["resources"] if "id" in each]
            method = dice.choice(["GET", "GET", "PATCH", "DELETE", "PUT"])
            body = {"targetStatus": "STOPPED"} if method == "PATCH" else None
            self.ask(method, f"/v2/lm/{collection}/{dice.choice(ids[-30:])}", body)


def inside(emulator: Emulator) -> list[Exchange]:
    """Play through the door into this process."""
    session = requests.Session()
    session.headers.clear()

    def ask(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Exchange:
        answer = session.request(method, emulator.base_url + path, headers=headers, data=body, allow_redirects=False)
        return exchange(method, path, answer.status_code, dict(answer.headers), answer.content)

    door = door_to(emulator)
    door.open()
    try:
        return Recording(ask, emulator).play()
    finally:
        door.close()


def over_http(emulator: Emulator, server: Server) -> list[Exchange]:
    """Play through the door for other processes."""
    with Client(server.url, emulator.service_key, headers={}) as client:

        def ask(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Exchange:
            answer = client.ask(method, path, body, headers)
            return exchange(method, path, answer.status, answer.headers, answer.body)

        return Recording(ask, emulator).play()


def exchange(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> Exchange:
    relevant = {name.lower(): value for name, value in headers.items()}
    kept = sorted((name, value) for name, value in relevant.items() if name not in OF_THE_CONNECTION)
    return Exchange(f"{method} {path}", status, tuple(kept), body)


def emulator_at(url: str) -> Emulator:
    emulator = Emulator(seed=11, base_url=url, auth_url=url)
    emulator.publish(parse_template(WORKFLOW))
    emulator.publish(parse_template(SERVING_WORKFLOW))
    emulator.create_resource_group("team-a")
    return emulator


def test_the_same_calls_get_the_same_bytes_through_both_doors() -> None:
    emulator = emulator_at("")
    with Server(emulator) as server:
        # Some answers say whom the client has asked: it is the same address inside.
        emulator.base_url = emulator.auth_url = server.url
        over = over_http(emulator, server)
    within = inside(emulator_at(server.url))
    assert len(over) > 800
    assert {each.status for each in over} >= {200, 201, 202, 204, 400, 401, 403, 404, 405, 418, 500, 501, 503}
    for one, other in zip(over, within, strict=True):
        assert one == other


def test_both_doors_lead_to_one_state() -> None:
    emulator = Emulator()
    emulator.publish(parse_template(WORKFLOW))
    door = door_to(emulator)
    door.open()
    try:
        with Server(emulator) as server, Client(server.url, server.service_key) as client:
            execution_id = client.authorise().start()
            headers = {"Authorization": client.headers["Authorization"]}
            seen = requests.get(f"{emulator.base_url}/v2/lm/executions/{execution_id}", headers=headers, timeout=10)
            assert seen.json()["id"] == execution_id
            assert client.ask("GET", f"/v2/lm/executions/{execution_id}").json["id"] == execution_id
    finally:
        door.close()
