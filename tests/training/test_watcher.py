"""Waiting: truthful about every end, patient with what passes, never longer than allowed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from ai_api_client_sdk.models.status import Status
from ai_api_client_sdk.models.target_status import TargetStatus

from pytest_aicore.errors import RunError
from pytest_aicore.training.clock import RealClock
from pytest_aicore.training.service.failures import CallError, UnknownStatusError
from pytest_aicore.training.watcher import DeadlineError, Watch, Watcher

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.training.service.api import TrainingApi

BUSY = CallError("could not get it (HTTP 503).", 503, transient=True)
REFUSED = CallError("could not get it (HTTP 403).", 403)
MISSING = CallError("could not get it (HTTP 404).", 404, is_missing=True)


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class Service:
    """Answers with what it was told, the last thing for ever."""

    def __init__(self, answers: Iterable[str | Exception]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def execution(self, execution_id: str) -> Any:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, _, target = answer.partition(" -> ")
        return SimpleNamespace(
            id=execution_id, status=Status(status), target_status=TargetStatus(target) if target else None
        )


def wait(answers: Iterable[str | Exception], timeout: float = 60, interval: float = 5) -> tuple[Watch, Clock, Service]:
    clock, service, watch = Clock(), Service(answers), Watch("e1", 0.0, Status.UNKNOWN)
    Watcher(cast("TrainingApi", service), clock, interval).wait(watch, timeout)
    return watch, clock, service


@pytest.mark.parametrize("final", ["COMPLETED", "DEAD", "STOPPED"])
def test_waits_for_each_final_status(final: str) -> None:
    watch, clock, _ = wait(["UNKNOWN", "UNKNOWN", "PENDING", "RUNNING", "RUNNING", final])
    assert watch.ended
    assert watch.last.status.value == final
    assert [(seen.status.value, seen.time.timestamp()) for seen in watch.history] == [
        ("UNKNOWN", 0),
        ("PENDING", 10),
        ("RUNNING", 15),
        (final, 25),
    ]
    assert clock.slept == [5] * 5


def test_what_somebody_else_has_deleted_is_not_waited_for() -> None:
    """AI Core shows it for a while, in the status in which it was."""
    with pytest.raises(RunError) as caught:
        wait(["UNKNOWN -> COMPLETED", "UNKNOWN -> DELETED"])
    assert str(caught.value) == (
        "execution e1 was deleted while it was UNKNOWN, so it will not end: its target status is DELETED. Something"
        " other than this test has deleted it."
    )
    assert not isinstance(caught.value, DeadlineError)
    assert wait(["COMPLETED -> DELETED"])[0].ended


def test_run_that_has_ended_already_is_not_waited_for() -> None:
    _, clock, service = wait(["COMPLETED"])
    assert (clock.slept, service.asked) == ([], 1)


@pytest.mark.parametrize("stuck", ["UNKNOWN", "PENDING", "RUNNING", "STOPPING"])
def test_deadline_is_kept_to_the_second_and_says_what_was_seen(stuck: str) -> None:
    clock, service, watch = Clock(), Service([stuck]), Watch("e1", 0.0, Status.UNKNOWN)
    with pytest.raises(DeadlineError) as caught:
        Watcher(cast("TrainingApi", service), clock, 7).wait(watch, 20)
    assert clock.slept == [7, 7, 6]
    assert service.asked == 4  # the last poll is at the deadline
    assert str(caught.value) == (
        f"execution e1 had not ended 20 s after its start: it was {stuck}. A longer training needs a longer timeout:"
        " timeout= in the marker, or --aicore-timeout."
    )


def test_end_at_the_very_deadline_counts() -> None:
    watch, clock, _ = wait(["RUNNING", "RUNNING", "COMPLETED"], timeout=6, interval=5)
    assert watch.ended
    assert clock.slept == [5, 1]


def test_transient_failures_are_survived() -> None:
    watch, clock, _ = wait([BUSY, BUSY, "RUNNING", BUSY, "COMPLETED"])
    assert watch.ended
    assert watch.trouble is None
    assert clock.slept == [5] * 4


def test_transient_failures_until_the_deadline_are_part_of_the_message() -> None:
    with pytest.raises(DeadlineError) as caught:
        wait(["RUNNING", BUSY], timeout=10)
    assert str(caught.value) == (
        "execution e1 had not ended 10 s after its start: it was RUNNING when AI Core last answered, and since then: could"
        " not get it (HTTP 503). A longer training needs a longer timeout: timeout= in the marker, or --aicore-timeout."
    )


@pytest.mark.parametrize("error", [REFUSED, UnknownStatusError("PAUSED")])
def test_lasting_failures_end_the_wait_at_once(error: Exception) -> None:
    with pytest.raises(RunError) as caught:
        wait(["RUNNING", error])
    assert caught.value is error


def test_execution_may_not_be_found_yet_but_not_for_long() -> None:
    assert wait([MISSING, MISSING, "COMPLETED"])[0].ended
    with pytest.raises(CallError) as caught:
        wait([MISSING], timeout=600)
    assert caught.value is MISSING
    with pytest.raises(CallError):
        wait(["RUNNING", MISSING])


def test_nobody_has_seen_an_execution_without_an_answer() -> None:
    with pytest.raises(RunError) as caught:
        _ = Watch("e1", 0.0, Status.UNKNOWN).last
    assert str(caught.value) == "AI Core has not answered for execution e1 yet."


def test_one_look_serves_many() -> None:
    service, clock = Service(["RUNNING"]), Clock()
    watches = [Watch(f"e{number}", 0.0, Status.UNKNOWN) for number in range(3)]
    Watcher(cast("TrainingApi", service), clock).poll(watches)
    assert [watch.history[-1].status for watch in watches] == [Status.RUNNING] * 3


def test_real_clock_is_real() -> None:
    clock = RealClock()
    began = clock.now()
    clock.sleep(0.01)
    assert 0.005 < clock.now() - began < 10
