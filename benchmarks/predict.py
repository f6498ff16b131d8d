"""A prediction that a test has given in the emulator, against the same request over a static stub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
import responses

from benchmarks.measuring import Figure, in_turns, timed
from benchmarks.service import WORKFLOWS, Service
from pytest_aicore.workflows import read_template

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = 20
SERVING = "text-clf-infer-tutorial"
ANSWER = {"class": "billing", "probability": 0.93}
ASKED = {"text": "please refund the invoice"}
STUB = "https://api.ai.stubs.invalid/v2/inference/deployments/d0123456789abcde/v2/predict"


def figures(rounds: int = 300) -> Iterator[Figure]:
    """Measure `requests.post` to a running deployment both ways.

    Args:
        rounds: how many pairs of batches of 20 calls to measure.
    """
    service = Service()
    service.emulator.publish(read_template(WORKFLOWS / "serving_workflow_tutorial.yaml"))
    service.emulator.answer(SERVING, "/v2/predict", ANSWER)
    with service.reachable():
        url = f"{_deployed(service)}/v2/predict"

    def ask(url: str) -> None:
        answer = requests.post(url, json=ASKED, headers=service.headers, timeout=10)
        assert answer.json() == ANSWER

    def ours() -> float:
        with service.reachable():
            return timed(CALLS, lambda: ask(url))

    def by_stub() -> float:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as stubs:
            stubs.post(STUB, json=ANSWER)
            return timed(CALLS, lambda: ask(STUB))

    compared = in_turns(ours, by_stub, rounds, warm_up=2)
    yield Figure(
        "predict: requests.post to a deployment of the emulator, over a static stub",
        compared.ratio,
        "x",
        at_most=1.2,
        detail=f"{compared.medians('us', 1e6)} of {CALLS} calls",
    )


def _deployed(service: Service) -> str:
    """Deploy, and return the URL."""

    def made(path: str, content: dict[str, Any]) -> str:
        answer = requests.post(f"{service.base_url}{path}", json=content, headers=service.headers, timeout=10)
        return str(answer.json()["id"])

    scenario = {"scenarioId": "text-clf-tutorial", "name": "model"}
    model = made("/artifacts", {**scenario, "kind": "model", "url": "ai://default/model"})
    bound = [{"key": "textmodel", "artifactId": model}]
    configuration = made("/configurations", {**scenario, "executableId": SERVING, "inputArtifactBindings": bound})
    deployment = made("/deployments", {"configurationId": configuration})
    service.emulator.clock.advance(60)
    answer = requests.get(f"{service.base_url}/deployments/{deployment}", headers=service.headers, timeout=10)
    return str(answer.json()["deploymentUrl"])
