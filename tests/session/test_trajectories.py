"""`aicore_trajectories`: what waiting code does wrong under each course of an execution."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from ai_api_client_sdk.exception import AIAPINotFoundException
from ai_api_client_sdk.models.status import Status

from pytest_aicore.errors import RunError
from pytest_aicore.session.trajectories import says_failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator import Emulator
    from pytest_aicore.session.trajectories import Trajectories

pytestmark = [
    pytest.mark.once,
    pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"}),
]
LIMIT = 900


def tutorial_loop(client: Any, execution_id: str) -> object:
    """Wait as SAP's tutorial does."""
    status = None
    while status is not Status.COMPLETED and status is not Status.DEAD:
        time.sleep(5)
        status = client.execution.get(execution_id).status
    return status


def careful(client: Any, execution_id: str, pause: float = 5.0) -> object:
    """Wait as one should."""
    deadline = time.monotonic() + LIMIT / 2
    while time.monotonic() < deadline:
        try:
            execution = client.execution.get(execution_id)
        except AIAPINotFoundException:
            pass
        else:
            if execution.status in (Status.COMPLETED, Status.DEAD, Status.STOPPED):
                return execution
        time.sleep(pause)
    raise TimeoutError


def test_the_tutorials_loop_never_returns_on_stopped(aicore_trajectories: Trajectories) -> None:
    report = aicore_trajectories(tutorial_loop, limit=LIMIT)
    table = """\
tutorial_loop: 3 of 9 courses go wrong

  course                           after  what it did
  COMPLETED                         60 s  returned Status.COMPLETED
  COMPLETED without artifact        60 s  returned Status.COMPLETED
  DEAD                              60 s  returned Status.DEAD
! STOPPED                          900 s  never returned
! stuck in PENDING                 900 s  had no deadline within 900 s (limit)
! stuck in STOPPING                900 s  had no deadline within 900 s (limit)
  404 right after create             5 s  raised AIAPINotFoundException
  a status nobody knows             10 s  raised ValueError
  access refused from then on       10 s  raised AIAPIServerException"""
    assert str(report) == table
    with pytest.raises(AssertionError) as failed:
        report.assert_sound()
    assert str(failed.value) == table


def test_careful_code_is_sound(aicore_trajectories: Trajectories) -> None:
    report = aicore_trajectories(careful, limit=LIMIT)
    report.assert_sound()
    assert (
        str(report)
        == """\
careful: every course is sound

  course                           after  what it did
  COMPLETED                         60 s  returned Execution COMPLETED
  COMPLETED without artifact        60 s  returned Execution COMPLETED
  DEAD                              60 s  returned Execution DEAD
  STOPPED                           70 s  returned Execution STOPPED
  stuck in PENDING                 450 s  raised TimeoutError
  stuck in STOPPING                450 s  raised TimeoutError
  404 right after create            60 s  returned Execution COMPLETED
  a status nobody knows              5 s  raised ValueError
  access refused from then on        5 s  raised AIAPIServerException"""
    )


def test_success_on_dead_and_stopped(aicore_trajectories: Trajectories) -> None:
    def glad(client: Any, execution_id: str) -> None:
        careful(client, execution_id)

    assert aicore_trajectories(glad, limit=LIMIT).findings == {
        "DEAD": ("returned success on DEAD",),
        "STOPPED": ("returned success on STOPPED",),
    }


def test_success_on_what_has_not_ended(aicore_trajectories: Trajectories) -> None:
    findings = aicore_trajectories(lambda client, execution_id: None, limit=LIMIT).findings
    assert set(findings) == {row.course for row in aicore_trajectories(lambda client, execution_id: None).rows}
    assert set(findings.values()) == {("returned success on UNKNOWN",)}


def test_code_that_never_sleeps_ends_as_well(aicore_trajectories: Trajectories) -> None:
    def busy(client: Any, execution_id: str) -> None:
        while client.execution.get(execution_id).status is not Status.COMPLETED:
            pass

    findings = aicore_trajectories(busy, limit=120).findings
    assert findings["COMPLETED"] == ("polled after 0 s, allowed is 1 s",)
    assert findings["STOPPED"] == ("never returned", "polled after 0 s, allowed is 1 s")
    assert findings["stuck in PENDING"] == ("had no deadline within 120 s (limit)", "polled after 0 s, allowed is 1 s")


def test_a_deadline_beyond_the_limit_needs_a_larger_limit(aicore_trajectories: Trajectories) -> None:
    assert aicore_trajectories(careful, limit=300).findings == {
        "stuck in PENDING": ("had no deadline within 300 s (limit)",),
        "stuck in STOPPING": ("had no deadline within 300 s (limit)",),
    }
    assert aicore_trajectories(careful, limit=600).findings == {}


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (lambda client: client.execution.get_logs("x"), "AttributeError: 'ExecutionClient' object has no attribute"),
        (lambda client: client.execution.get(), "TypeError: "),
        (lambda client: {1: client}[2], "KeyError: 2"),
        (lambda client: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
    ids=["attribute", "arguments", "key", "division"],
)
def test_a_mistake_of_the_code_is_no_news_of_the_training(
    aicore_trajectories: Trajectories, mistake: Callable[[Any], object], said: str
) -> None:
    def clumsy(client: Any, execution_id: str) -> object:
        execution: Any = careful(client, execution_id)
        if execution.status is not Status.COMPLETED:
            mistake(client)
        return execution

    findings = aicore_trajectories(clumsy, limit=LIMIT).findings
    assert set(findings) == {"DEAD", "STOPPED"}
    for (finding,) in findings.values():
        assert finding.startswith(f"failed by a mistake of its own: {said}")


def test_an_exception_of_the_users_own_is_news(aicore_trajectories: Trajectories) -> None:
    class GoneError(KeyError):
        pass

    def careful_with_keys(client: Any, execution_id: str) -> object:
        execution: Any = careful(client, execution_id)
        if execution.status is not Status.COMPLETED:
            raise GoneError(execution_id)
        return execution

    aicore_trajectories(careful_with_keys, limit=LIMIT).assert_sound()


@pytest.mark.parametrize(("fastest_poll", "found"), [(2, False), (2.5, True)])
def test_polling_faster_than_allowed(aicore_trajectories: Trajectories, fastest_poll: float, found: bool) -> None:
    report = aicore_trajectories(
        lambda client, execution_id: careful(client, execution_id, 2), limit=LIMIT, fastest_poll=fastest_poll
    )
    assert ("polled after 2 s, allowed is 2.5 s" in report.findings.get("COMPLETED", ())) is found


def test_a_last_look_at_what_has_ended_is_no_polling(aicore_trajectories: Trajectories) -> None:
    def looks_again(client: Any, execution_id: str) -> object:
        careful(client, execution_id)
        return client.execution.get(execution_id)

    aicore_trajectories(looks_again, limit=LIMIT).assert_sound()


def test_swallowed_exceptions(aicore_trajectories: Trajectories) -> None:
    def deaf(client: Any, execution_id: str) -> object:
        for _ in range(100):
            try:
                if client.execution.get(execution_id).status in (Status.COMPLETED, Status.DEAD, Status.STOPPED):
                    return careful(client, execution_id)
            except Exception:  # noqa: BLE001, S110, RUF100
                pass
            time.sleep(5)
        return None

    findings = aicore_trajectories(deaf, limit=LIMIT).findings
    assert findings == {
        "stuck in PENDING": ("returned success on PENDING",),
        "stuck in STOPPING": ("returned success on STOPPING",),
        "access refused from then on": ("swallowed an exception",),
    }


def test_code_that_catches_even_its_end(aicore_trajectories: Trajectories) -> None:
    def immortal(client: Any, execution_id: str) -> object:
        while True:
            try:
                if client.execution.get(execution_id).status is Status.COMPLETED:
                    return True
                time.sleep(5)
            except:  # noqa: E722, PERF203
                time.sleep(1)

    tracing = sys.gettrace()
    findings = aicore_trajectories(immortal, limit=600).findings
    assert sys.gettrace() is tracing
    assert findings["STOPPED"] == ("never returned", "swallowed an exception")
    assert findings["access refused from then on"] == ("never returned", "swallowed an exception")


def test_failing_on_a_training_that_completed(aicore_trajectories: Trajectories) -> None:
    def hasty(client: Any, execution_id: str) -> None:
        time.sleep(30)
        sys.exit("not ready")

    report = aicore_trajectories(hasty, limit=LIMIT)
    assert report.findings == {"COMPLETED": ("failed on COMPLETED: raised SystemExit",)}


@pytest.mark.parametrize(
    ("value", "failed"),
    [
        (None, False),
        (True, False),
        (False, True),
        (Status.COMPLETED, False),
        (Status.STOPPED, True),
        ("COMPLETED", False),
        ("DEAD", True),
        ({"accuracy": 0.9}, False),
        ("s3://model", False),
    ],
)
def test_what_says_that_a_training_failed(value: object, failed: bool) -> None:
    assert says_failed(value) is failed


def test_code_with_words_of_its_own(aicore_trajectories: Trajectories) -> None:
    def coded(client: Any, execution_id: str) -> int:
        execution: Any = careful(client, execution_id)
        return 0 if execution.status is Status.COMPLETED else 1

    assert set(aicore_trajectories(coded, limit=LIMIT).findings) == {"DEAD", "STOPPED"}
    aicore_trajectories(coded, limit=LIMIT, failed=bool).assert_sound()


def test_nothing_is_left_behind(
    aicore_trajectories: Trajectories, aicore_emulator: Emulator, aicore_client: Any
) -> None:
    sleep, before = time.sleep, aicore_emulator.clock.now()
    there = aicore_client.execution.count()  # what tests share
    aicore_trajectories(careful, limit=LIMIT)
    assert aicore_client.execution.count() == there
    assert (aicore_emulator.clock.now(), aicore_emulator.state.faults, aicore_emulator.state.scripts) == (
        before,
        [],
        [],
    )
    assert time.sleep is sleep


@pytest.mark.parametrize("wrong", [{"limit": -1}, {"fastest_poll": "1"}])
def test_what_is_no_duration(aicore_trajectories: Trajectories, wrong: Any) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(RunError) as refused:
        aicore_trajectories(careful, **wrong)
    assert str(refused.value) == f"aicore_trajectories: invalid duration {name}={value!r}: expected seconds >= 0."


def test_every_line_fits_a_terminal(aicore_trajectories: Trajectories) -> None:
    def waits_for_a_training_whose_name_is_longer_than_anybody_would_think_possible_in_python(*_: object) -> str:
        return "model " * 40

    lines = str(
        aicore_trajectories(waits_for_a_training_whose_name_is_longer_than_anybody_would_think_possible_in_python)
    ).splitlines()
    assert max(map(len, lines)) <= 80


def test_a_call_that_nobody_knows_fails_the_test_all_the_same(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest, requests

        @pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})
        def test_it(aicore_trajectories, aicore_emulator):
            aicore_trajectories(lambda client, _: requests.get(aicore_emulator.base_url + "/v2/lm/unheard", timeout=1))
        """
    )
    result = project.runpytest_inprocess("-rN")
    assert result.parseoutcomes() == {"failed": 1}
    assert "The emulator does not know GET /v2/lm/unheard." in result.stdout.str()
