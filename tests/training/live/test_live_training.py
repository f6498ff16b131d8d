"""A live training is in one state, and which changes of it are possible."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_aicore.errors import RunError
from pytest_aicore.training.live.live_training import LiveTraining, TrainingState

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.training.run import Training

FIRST, SECOND = RunError("first"), RunError("second")
THREAD = Thread()

WAYS: dict[str, tuple[Callable[[LiveTraining], object], ...]] = {
    "new": (),
    "queued": (lambda live: live.queue(1),),
    "starting": (lambda live: live.queue(1), lambda live: live.starts(THREAD)),
    "given up": (lambda live: live.starts(THREAD), lambda live: live.give_up(FIRST)),
    "refused": (lambda live: live.refuse(FIRST),),
    "running": (lambda live: live.starts(THREAD), lambda live: live.has_started(3)),
    "ended": (lambda live: live.starts(THREAD), lambda live: live.has_started(3), lambda live: live.end()),
    "lost": (lambda live: live.starts(THREAD), lambda live: live.has_started(3), lambda live: live.lose(FIRST)),
}
"""How a training comes into each state."""

EVENTS: dict[str, tuple[Callable[[LiveTraining], object], dict[str, str]]] = {
    "queue": (lambda live: live.queue(7), {"new": "queued"}),
    "leave_queue": (lambda live: live.leave_queue(), {"queued": "new"}),
    "refuse": (
        lambda live: live.refuse(SECOND),
        {"new": "refused", "queued": "refused", "starting": "refused", "given up": "refused"},
    ),
    "give_up": (
        lambda live: live.give_up(SECOND),
        {"new": "refused", "queued": "refused", "starting": "given up"},
    ),
    "end": (lambda live: live.end(), {"running": "ended"}),
    "lose": (lambda live: live.lose(SECOND), {"running": "lost", "ended": "lost"}),
    "need_no_more": (lambda live: live.need_no_more(), {"queued": "new"}),
}
"""What changes the state, and to what; in the states that are not named it changes nothing."""


def in_state(state: str) -> LiveTraining:
    live = LiveTraining(cast("Training", object()))
    for step in WAYS[state]:
        step(live)
    assert live.state.value == state
    return live


def facts(live: LiveTraining) -> dict[str, Any]:
    return {name: value for name, value in vars(live).items() if name not in ("state", "error", "is_unwanted")}


def test_each_state_is_reached() -> None:
    assert list(WAYS) == [state.value for state in TrainingState]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", WAYS)
def test_change_of_state(state: str, event: str) -> None:
    live = in_state(state)
    before = facts(live), live.error
    do, becomes = EVENTS[event]
    do(live)
    assert live.state.value == becomes.get(state, state)
    if state in becomes and event in ("refuse", "give_up", "lose"):
        assert live.error is (FIRST if state == "given up" else SECOND)
    elif not (event == "queue" and state in ("new", "queued")):
        assert (facts(live), live.error) == before


def test_place_in_the_queue_may_change() -> None:
    live = in_state("queued")
    live.queue(-1)
    assert (live.state, live.turn) == (TrainingState.QUEUED, -1)


@pytest.mark.parametrize(
    ("state", "becomes"), [(each, {"starting": "running", "given up": "lost"}.get(each)) for each in WAYS]
)
def test_execution_that_was_started(state: str, becomes: str | None) -> None:
    live = in_state(state)
    if becomes is None:
        with pytest.raises(ValueError, match=rf"^a training that is {state} cannot have started$"):
            live.has_started(9)
        return
    error = live.error
    live.has_started(9)
    assert live.state.value == becomes
    assert (live.position, live.error) == (9, error)


@pytest.mark.parametrize("state", [each for each in WAYS if each not in ("new", "queued")])
def test_nothing_is_started_twice(state: str) -> None:
    with pytest.raises(ValueError, match=rf"^a training that is {state} cannot be started$"):
        in_state(state).starts(Thread())


@pytest.mark.parametrize("state", WAYS)
def test_what_may_still_run_is_unwanted_when_no_test_needs_it(state: str) -> None:
    live = in_state(state)
    live.need_no_more()
    assert live.is_unwanted == (state in ("starting", "given up", "running", "lost"))


@pytest.mark.parametrize("state", WAYS)
def test_what_is_asked_of_a_state(state: str) -> None:
    live = in_state(state)
    assert live.awaits_start == (state in ("new", "queued", "starting"))
    assert live.is_being_started == (state in ("starting", "given up"))
    assert live.has_execution == (state in ("running", "ended", "lost"))
    assert (live.error is not None) == (state in ("given up", "refused", "lost"))
