"""What is made once: whoever answers, and whatever the answer says, nothing is made twice, and nothing is forgotten."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_aicore.training.maker import APPEARING, LOOKS, Maker
from pytest_aicore.training.run import OneByOne, Training
from pytest_aicore.training.service.failures import CallError, is_transient
from pytest_aicore.training.service.retry import GATEWAY_PATIENCE, PATIENCE, patiently
from pytest_aicore.training.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator import Emulator
    from pytest_aicore.training.plan import TrainingPlan
    from pytest_aicore.training.service.api import TrainingApi


class Clock:
    """Time that passes when somebody sleeps; what happens then may be told."""

    def __init__(self) -> None:
        self.ticks = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.ticks

    def monotonic(self) -> float:
        return self.ticks

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ticks += seconds


@pytest.fixture
def train(api: TrainingApi, emulator: Emulator, plan: TrainingPlan) -> Callable[[], Training]:
    """Make what is done for a plan, with a configuration that no other run has."""

    def train() -> Training:
        clock = emulator.clock
        return Training(plan, Maker(plan, api, clock, "mark"), api, clock, OneByOne(Watcher(api, clock, 5.0)))

    return train


def count(emulator: Emulator, operation: str) -> int:
    return sum(record.operation == operation for record in emulator.requests)


@pytest.mark.parametrize(
    "call", ["artifact.create", "configuration.create", "execution.create"], ids=lambda call: call.partition(".")[0]
)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((status, b"") for status in (400, 403, 404, 405, 408, 409, 410, 413, 421, 422, 431, 451, 460, 499)),
        *((status, "<html>") for status in (302, 404, 413, 500, 502, 507, 508, 511, 520, 524, 530, 598, 599)),
        *((status, {"error": {"code": status, "message": "upstream"}}) for status in (400, 404, 409, 413)),
        *((status, {"error": {"code": str(status), "message": "upstream"}}) for status in (404, 413)),
        *((status, {"error": "upstream"}) for status in (400, 404, 200)),
        *((status, b"") for status in (204, 401, 425, 429)),
        *((200, {"id": each, "message": "", "status": "UNKNOWN"}) for each in (None, 7, "", ["x"], "../x", "a b")),
    ],
)
def test_what_was_made_although_a_gateway_refused_it_is_found(
    train: Callable[[], Training], emulator: Emulator, call: str, status: int, body: Any
) -> None:
    emulator.fault(call, status=status, body=body, processed=True)
    assert train().finish(600).status.value == "COMPLETED"
    assert count(emulator, call) == 1


@pytest.mark.parametrize("call", ["artifact.create", "configuration.create", "execution.create"])
@pytest.mark.parametrize("status", [400, 404, 409, 412, 413])
def test_what_ai_core_refuses_was_not_made(
    train: Callable[[], Training], emulator: Emulator, call: str, status: int
) -> None:
    emulator.fault(call, status=status, body={"error": {"code": "01060003", "message": "no", "requestId": "r"}})
    with pytest.raises(CallError, match=rf": no \(HTTP {status}, code 01060003, request r\)") as caught:
        train().begin()
    assert (caught.value.transient, caught.value.in_doubt) == (False, False)
    assert count(emulator, call) == 1
    assert not count(emulator, call.replace("create", "query"))


@pytest.mark.parametrize("body", ["RBAC: access denied", "Jwt verification fails"])
def test_what_ai_core_s_own_gateway_denies_was_not_made(
    train: Callable[[], Training], emulator: Emulator, body: str
) -> None:
    emulator.fault("execution.create", status=403, body=body)
    with pytest.raises(CallError, match=body) as caught:
        train().begin()
    assert (caught.value.transient, caught.value.in_doubt) == (False, False)
    assert not count(emulator, "execution.query")


def test_start_that_a_gateway_refused_and_nobody_finds_is_not_started_again(
    train: Callable[[], Training], emulator: Emulator
) -> None:
    emulator.fault("execution.create", status=404, body=b"")
    with pytest.raises(CallError) as caught:
        train().begin()
    assert caught.value.in_doubt
    assert str(caught.value).endswith(
        ": empty answer (HTTP 404). The gateway answered 404 for this path, not AI Core: check the base URL, which must"
        " end in /v2. No execution of that configuration has appeared since. It was not started again: the first one"
        " may still appear, and then both would cost money. The ledger has a record of it."
    )
    assert count(emulator, "execution.create") == 1
    assert count(emulator, "execution.query") == len(LOOKS)


@pytest.mark.parametrize("retry_after", ["99999", "7"])
def test_who_names_a_time_to_come_again_has_not_taken_the_request(
    train: Callable[[], Training], emulator: Emulator, retry_after: str
) -> None:
    emulator.fault("execution.create", status=503, retry_after=retry_after)
    began = emulator.clock.now()
    train().begin()
    assert count(emulator, "execution.create") == 2
    assert emulator.clock.now() - began < PATIENCE + sum(LOOKS) + 10


@pytest.mark.parametrize(
    ("transient", "statuses"),
    [
        (True, [101, 103, 300, 302, 304, 308, 408, 421, 425, 429, 460, 499, 500, 502, 503, 504, 507, 508, 509]),
        (True, range(520, 600)),
        (False, [None, 200, 204, 400, 401, 402, 403, 404, 405, 409, 410, 412, 413, 415, 422, 451, 501, 505, 510, 511]),
    ],
)
def test_statuses_after_which_asking_again_can_help(transient: bool, statuses: Any) -> None:
    assert {status: is_transient(status) for status in statuses} == dict.fromkeys(statuses, transient)


# Patience ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "slept"),
    [
        (CallError("busy", 503, transient=True), [1, 2, 4, 8, 8, 8, 8, 8, 8, 5]),
        (CallError("busy", 429, transient=True, retry_after=25), [25, 25, 10]),
        (CallError("busy", 429, transient=True, retry_after=60), [60]),
        (CallError("busy", 429, transient=True, retry_after=0), [1, 2, 4, 8, 8, 8, 8, 8, 8, 5]),
        (CallError("gateway", 404, transient=True), [1, 2, 2]),
        (CallError("no", 403), []),
        (CallError("none", 404, is_missing=True), []),
    ],
)
def test_call_is_made_again_until_its_time_is_up(failure: CallError, slept: list[float]) -> None:
    clock, asked = Clock(), []

    def ask() -> None:
        asked.append(clock.ticks)
        raise failure

    with pytest.raises(CallError) as caught:
        patiently(clock, ask)
    assert caught.value is failure
    assert clock.slept == slept
    assert len(asked) == len(slept) + 1
    assert asked[-1] in (0, GATEWAY_PATIENCE, PATIENCE)


# Somebody may have started it who was killed ----------------------------------------------------------------------


class Service:
    """Shows an execution after some looks; answers a start with another one."""

    def __init__(self, appears_at: float, clock: Clock, failure: CallError | None = None) -> None:
        self.appears_at = appears_at
        self.clock = clock
        self.failure = failure
        self.looks: list[float] = []
        self.started = 0

    def executions_of(self, configuration_id: str) -> list[str]:
        assert configuration_id == "c1"
        self.looks.append(self.clock.ticks)
        if self.failure is not None:
            raise self.failure
        return [each for each in ("lost", "other") if self.clock.ticks >= self.appears_at]

    def start_execution(self, *_: object) -> Any:
        self.started += 1
        return SimpleNamespace(id="new")

    def execution_response(self, execution_id: str) -> Any:
        return SimpleNamespace(id=execution_id)


def maker(plan: TrainingPlan, service: Service) -> Maker:
    return Maker(plan, cast("TrainingApi", service), service.clock, "mark")


@pytest.mark.parametrize("lost_for", [0.0, 5.0, 14.0])
@pytest.mark.parametrize("appears_at", [0.0, 1.0, 6.0, 7.0])
def test_lost_start_is_waited_for_until_it_appears(plan: TrainingPlan, lost_for: float, appears_at: float) -> None:
    service = Service(appears_at, Clock())
    found = maker(plan, service).execution("c1", lambda: {"other"}, lost_for=lost_for)
    assert (found.id, service.started) == ("lost", 0)
    assert service.clock.ticks >= appears_at


@pytest.mark.parametrize("lost_for", [0.0, 5.0, 14.0, 15.0, 10**6])
def test_lost_start_that_does_not_appear_is_made(plan: TrainingPlan, lost_for: float) -> None:
    service = Service(float("inf"), Clock())
    found = maker(plan, service).execution("c1", lost_for=lost_for)
    assert (found.id, service.started) == ("new", 1)
    assert service.clock.ticks + lost_for > APPEARING
    assert service.clock.ticks <= APPEARING + sum(LOOKS)


def test_lost_start_that_cannot_be_looked_for_is_not_made(plan: TrainingPlan) -> None:
    service = Service(0.0, Clock(), CallError("could not look.", 403))
    with pytest.raises(CallError) as caught:
        maker(plan, service).execution("c1", lost_for=0.0)
    assert (service.started, caught.value.in_doubt) == (0, True)
    assert str(caught.value) == (
        "An execution of the configuration c1 may have been started, but the search for it failed: could not look. The"
        " ledger has a record of it."
    )
