"""The transport of a live client can be replaced: requests can be recorded, and answered without a network."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.serve.server import Server
from pytest_aicore.emulator.world.pace import RunningClock, pace_named
from pytest_aicore.http.exchange import Request, Response, Transport
from pytest_aicore.training.clock import RealClock
from pytest_aicore.training.maker import Maker
from pytest_aicore.training.run import OneByOne, Training
from pytest_aicore.training.service.api import TrainingApi
from pytest_aicore.training.service.credentials import Credentials, from_service_key
from pytest_aicore.training.service.failures import CallError
from pytest_aicore.training.service.sdk import make_patient_client
from pytest_aicore.training.watcher import Watcher
from tests.places import our_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.training.plan import TrainingPlan

Passed = list[tuple[Request, Response]]


@pytest.fixture
def server() -> Iterator[Server]:
    """A service on a real socket, whose time flies."""
    pace = pace_named("2000x")
    emulator = Emulator(7, clock=RunningClock(pace), pace=pace.said, tokens_expire=True)
    emulator.publish_folder(our_folder())
    with Server(emulator) as server:
        yield server


def train(plan: TrainingPlan, credentials: Credentials, transport: Transport) -> tuple[str, str, list[str], str]:
    """Train, and return what a test may assert on."""
    api, clock = TrainingApi(lambda: make_patient_client(credentials, "default", transport)), RealClock()
    training = Training(plan, Maker(plan, api, clock), api, clock, OneByOne(Watcher(api, clock, 0.02)))
    finished = training.finish(30)
    return finished.id, finished.status.value, list(finished.logs), finished.output_artifacts["text-model-tutorial"].url


def test_recorded_training_is_replayed_without_a_network(server: Server, plan: TrainingPlan) -> None:
    credentials = from_service_key(server.service_key, "test")
    passed: Passed = []
    live = train(plan, credentials, Transport(report=lambda *both: passed.append(both)))
    asked = len(server.emulator.requests)
    assert live[1] == "COMPLETED"
    assert [(passed[0][0].method, passed[0][0].path), passed[-1][1].status] == [("POST", "/oauth/token"), 200]
    assert all("transfer-encoding" not in response.headers for _, response in passed)

    recorded: dict[tuple[str, str], deque[Response]] = defaultdict(deque)
    for request, response in passed:
        recorded[request.method, request.url].append(response)
    assert train(plan, credentials, Transport(answer=lambda asked: recorded[asked.method, asked.url].popleft())) == live
    assert [left for left in recorded.values() if left] == []
    assert len(server.emulator.requests) == asked


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (Response(0, failure="timeout"), "ReadTimeout (Read timed out.)"),
        (Response(0, failure="connection reset"), "ConnectionError (Connection aborted.)"),
        (Response(200, {}, b"x" * 101), "AnswerTooLargeError (the answer is larger than 9.53674e-05 MiB)"),
    ],
    ids=["late", "broken", "too large"],
)
def test_transport_that_fails_is_like_a_network_that_fails(
    server: Server, response: Response, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_aicore.training.service.transport.ANSWER_BYTES", 100)
    passed: Passed = []

    def answer(request: Request) -> Response:
        is_token = request.path == "/oauth/token"
        return server.emulator.handle(request) if is_token else response

    transport = Transport(answer, lambda *both: passed.append(both))
    api = TrainingApi(lambda: make_patient_client(from_service_key(server.service_key, "test"), "default", transport))
    with pytest.raises(CallError) as caught:
        api.scenarios()
    host = f"http://127.0.0.1:{server.port}/v2/lm"
    assert str(caught.value) == f"could not list the scenarios at {host}: {said}. Try again later."
    assert [(request.method, request.path) for request, _ in passed] == [
        ("POST", "/oauth/token"),
        ("GET", "/v2/lm/scenarios"),
    ]
    assert passed[1][1].failure == (response.failure or "connection reset")
