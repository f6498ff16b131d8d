"""One call of the SDK through the emulator, against the same call over a static stub."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests
import responses
from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

from benchmarks.measuring import Figure, in_turns, timed
from benchmarks.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = 20
HOST = "https://api.ai.stubs.invalid/v2/lm"
TOKEN_URL = "https://stubs.authentication.invalid/oauth/token"


def figures(rounds: int = 300) -> Iterator[Figure]:
    """Measure `client.execution.get` of a completed execution both ways, with a token that lasts.

    Args:
        rounds: how many pairs of batches of 20 calls to measure.
    """
    service = Service(executions=1)
    (execution_id,) = service.execution_ids
    with service.reachable():
        body = requests.get(
            f"{service.base_url}/executions/{execution_id}", headers=service.headers, timeout=10
        ).content
    stubbed = AIAPIV2Client(
        base_url=HOST, auth_url=TOKEN_URL, client_id="id", client_secret="secret", resource_group="default"
    )

    def ours() -> float:
        with service.reachable():
            return timed(CALLS, lambda: service.client.execution.get(execution_id))

    def by_stub() -> float:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as stubs:
            stubs.post(TOKEN_URL, json={"access_token": "t", "token_type": "bearer", "expires_in": 43199})
            stubs.get(f"{HOST}/executions/{execution_id}", body=body, content_type="application/json")
            return timed(CALLS, lambda: stubbed.execution.get(execution_id))

    compared = in_turns(ours, by_stub, rounds, warm_up=2)
    yield Figure(
        "get: client.execution.get through the emulator, over a static stub",
        compared.ratio,
        "x",
        at_most=1.10,
        detail=f"{compared.medians('us', 1e6)} of {CALLS} calls",
    )
