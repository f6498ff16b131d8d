"""The outcomes of stopping an execution."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_aicore.training.live.stop import PATIENCE, stop_execution
from pytest_aicore.training.service.failures import CallError, UnknownStatusError
from tests.training.test_making import Clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_aicore.training.service.api import TrainingApi

DONE = None
REFUSED = CallError("could not (HTTP 400).", 400)
DENIED = CallError("could not (HTTP 403).", 403)
TOKEN = CallError("could not (HTTP 401).", 401)
BUSY = CallError("could not (HTTP 503).", 503, transient=True)
GATEWAY = CallError("could not (HTTP 404).", 404, transient=True)
MISSING = CallError("could not (HTTP 404).", 404, is_missing=True)
UNKNOWN = UnknownStatusError("PAUSED")


class Service:
    """Answers each call with the next of its answers, the last one for ever."""

    what = "execution"

    def __init__(self, **answers: Sequence[Any]) -> None:
        self.answers = {name: list(each) for name, each in answers.items()}
        self.calls: list[str] = []

    def _next(self, name: str) -> Any:
        self.calls.append(name)
        answers = self.answers[name]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self, _: str) -> None:
        self._next("stop")

    def execution(self, _: str) -> Any:
        return SimpleNamespace(status=SimpleNamespace(value=self._next("get")))

    def delete(self, _: str) -> None:
        self._next("delete")


def stop(service: Service) -> tuple[str, Clock]:
    clock = Clock()
    return stop_execution(cast("TrainingApi", service), clock, "e1"), clock


@pytest.mark.parametrize(
    ("answers", "outcome", "calls"),
    [
        ({"stop": [DONE]}, "is being stopped", "stop"),
        ({"stop": [REFUSED], "get": ["COMPLETED"]}, "has ended COMPLETED", "stop get"),
        ({"stop": [REFUSED], "get": ["DEAD"]}, "has ended DEAD", "stop get"),
        ({"stop": [REFUSED], "get": ["STOPPED"]}, "has ended STOPPED", "stop get"),
        ({"stop": [REFUSED], "get": ["STOPPING"]}, "is being stopped", "stop get"),
        ({"stop": [REFUSED], "get": ["UNKNOWN"], "delete": [DONE]}, "is being deleted", "stop get delete"),
        (
            {"stop": [REFUSED, DONE], "get": ["UNKNOWN"], "delete": [REFUSED]},
            "is being stopped",
            "stop get delete stop",
        ),
        ({"stop": [REFUSED, DONE], "get": ["PENDING"]}, "is being stopped", "stop get stop"),
        ({"stop": [REFUSED, DONE], "get": ["RUNNING"]}, "is being stopped", "stop get stop"),
        ({"stop": [REFUSED, DONE], "get": [UNKNOWN]}, "is being stopped", "stop get stop"),
        ({"stop": [BUSY, DONE]}, "is being stopped", "stop stop"),
        ({"stop": [REFUSED, DONE], "get": [BUSY]}, "is being stopped", "stop get stop"),
        (
            {"stop": [REFUSED, DONE], "get": ["UNKNOWN"], "delete": [BUSY]},
            "is being stopped",
            "stop get delete stop",
        ),
        ({"stop": [GATEWAY] * 9 + [DONE]}, "is being stopped", " ".join(["stop"] * 10)),
        ({"stop": [MISSING] * 3 + [DONE]}, "is being stopped", "stop stop stop stop"),
        ({"stop": [MISSING]}, "does not exist", "stop stop stop stop"),
        (
            {"stop": [REFUSED], "get": ["UNKNOWN"], "delete": [MISSING]},
            "does not exist",
            " ".join(["stop get delete"] * 4),
        ),
    ],
)
def test_refused_stop_is_looked_into(answers: dict[str, Any], outcome: str, calls: str) -> None:
    service = Service(**answers)
    assert stop(service)[0] == outcome
    assert service.calls == calls.split()


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"stop": [DENIED]}, DENIED),
        ({"stop": [TOKEN]}, TOKEN),
        ({"stop": [REFUSED], "get": [DENIED]}, DENIED),
        ({"stop": [REFUSED], "get": ["UNKNOWN"], "delete": [DENIED]}, DENIED),
        ({"stop": [REFUSED], "get": ["UNKNOWN"], "delete": [TOKEN]}, TOKEN),
    ],
)
def test_what_will_never_be_allowed_is_not_tried_again(answers: dict[str, Any], error: CallError) -> None:
    service = Service(**answers)
    with pytest.raises(CallError) as caught:
        stop(service)
    assert caught.value is error
    assert service.calls.count("stop") == 1


@pytest.mark.parametrize("error", [BUSY, GATEWAY, CallError("busy", 429, transient=True, retry_after=60.0)])
def test_what_passes_is_tried_again_for_half_a_minute(error: CallError) -> None:
    clock = Clock()
    with pytest.raises(CallError) as caught:
        stop_execution(cast("TrainingApi", Service(stop=[error])), clock, "e1")
    assert caught.value is error
    assert set(clock.slept) == {8.0 if error.retry_after else 1.0}
    assert PATIENCE - 8 <= clock.ticks <= PATIENCE


def test_status_that_keeps_changing() -> None:
    with pytest.raises(CallError) as caught:
        stop(Service(stop=[REFUSED], get=["RUNNING"]))
    assert str(caught.value) == (
        "the execution e1 could be neither stopped nor deleted in 30 s: its status kept changing."
    )
