"""Many trainings at once: started together, watched together, none more than the selected tests need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.training.live.sessions.conftest import Service

pytestmark = pytest.mark.once

FRESH = """
@pytest.mark.aicore(fresh=True)
@pytest.mark.parametrize("n", range({number}))
def test_it(aicore_execution, n): pass
"""


def test_runs_start_before_the_first_test(live: Callable[..., pytest.RunResult], service: Service) -> None:
    service.emulator.script(unknown=0, pending=0, running=200)  # a second of ours
    result = live(
        """
def test_first(aicore_client):
    deadline = time.monotonic() + 30
    while aicore_client.execution.count() < 6:
        assert time.monotonic() < deadline
"""
        + FRESH.format(number=5)
        + "def test_shared(aicore_execution): pass"
    )
    result.assert_outcomes(passed=7)
    executions = service.executions()
    assert len(executions) == 6
    # All of them ran when the first one ended.
    assert max(each.created_at for each in executions) < min(each.created_at for each in executions) + 200


def test_one_question_serves_all(live: Callable[..., pytest.RunResult], service: Service) -> None:
    service.emulator.script(unknown=0, pending=0, running=300)
    live(FRESH.format(number=10), "--aicore-poll-interval=0.5").assert_outcomes(passed=10)
    assert service.calls.count("execution.create") == 10
    assert "execution.get" not in service.calls
    assert service.calls.count("execution.query") <= 10 + 2


def test_no_more_run_at_once_than_allowed(live: Callable[..., pytest.RunResult], service: Service) -> None:
    most: list[int] = []

    def count(record: Any) -> None:
        if record.operation == "execution.create":
            most.append(len(service.unwatched()))

    with service.emulator.recording(count):
        live(FRESH.format(number=5), "--aicore-max-parallel=2").assert_outcomes(passed=5)
    assert len(most) == 5
    assert max(most) <= 2


@pytest.mark.parametrize(
    "decorator",
    [
        "@pytest.mark.skip",
        "@pytest.mark.skipif(True, reason='')",
        "@pytest.mark.skipif('True', reason='')",
        "@pytest.mark.xfail(run=False)",
        "@pytest.mark.aicore_offline",
        "@pytest.mark.aicore(artifacts={'text-data': None})",
        "@pytest.mark.deselected",
    ],
)
def test_what_is_not_run_starts_nothing(
    live: Callable[..., pytest.RunResult], service: Service, decorator: str
) -> None:
    live(
        f"{decorator}\ndef test_it(aicore_execution): pass\ndef test_other(): pass",
        "-o",
        "markers=deselected: not selected",
        "-m",
        "not deselected",
    )
    assert service.executions() == []


@pytest.mark.parametrize("arguments", [["--collect-only"], ["-k", "nothing"]])
def test_nothing_is_selected(live: Callable[..., pytest.RunResult], service: Service, arguments: list[str]) -> None:
    live("def test_it(aicore_execution): pass", *arguments)
    assert service.calls == []


def test_module_that_cannot_be_collected_starts_nothing(
    live: Callable[..., pytest.RunResult], service: Service, project: pytest.Pytester
) -> None:
    (project.path / "test_broken.py").write_text("1 / 0")
    result = live("def test_it(aicore_execution): pass", "test_broken.py", "test_it.py")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert service.calls == []


def test_what_is_not_needed_after_the_first_failure_is_stopped(
    live: Callable[..., pytest.RunResult], service: Service
) -> None:
    service.emulator.script(unknown=0, pending=0, running=10**7)
    result = live(
        "def test_a(aicore_client):\n    while aicore_client.execution.count() < 3: pass\n    assert False\n"
        + FRESH.format(number=3),
        "-x",
    )
    result.assert_outcomes(failed=1)
    assert service.unwatched() == []
    assert result.stdout.str().count("is being stopped: no remaining test needs it.") == 3


def test_run_that_no_test_needs_any_more_is_stopped_at_once(
    live: Callable[..., pytest.RunResult], service: Service
) -> None:
    service.emulator.script(unknown=0, pending=0, running=10**7)
    result = live(
        """
@pytest.fixture
def unlucky(aicore_client):
    deadline = time.monotonic() + 30
    while not aicore_client.execution.count():
        assert time.monotonic() < deadline
    pytest.skip("not today")

@pytest.mark.aicore(fresh=True)
def test_skipped(unlucky, aicore_execution): pass

def test_later(aicore_client):
    deadline = time.monotonic() + 30
    while not aicore_client.execution.query(status=Status.STOPPED).count:
        assert time.monotonic() < deadline
"""
    )
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [("aicore: execution e* of training_workflow_tutorial.yaml: no remaining test needs it. It is being stopped.")]
    )


def test_plan_that_a_fixture_makes_waits_for_the_fixture(
    live: Callable[..., pytest.RunResult], service: Service
) -> None:
    result = live(
        """
from dataclasses import replace

@pytest.fixture
def upload(aicore_client):
    assert aicore_client.execution.count() == 0
    return "ai://default/uploaded"

@pytest.fixture
def aicore_plan(aicore_plan, upload):
    return replace(aicore_plan, artifacts={"text-data": upload})

def test_it(aicore_artifact, aicore_execution):
    assert aicore_artifact.url == "ai://default/uploaded"
"""
    )
    result.assert_outcomes(passed=1)


def test_runs_of_a_factory_run_together(live: Callable[..., pytest.RunResult], service: Service) -> None:
    result = live(
        """
def test_it(aicore_run):
    runs = [aicore_run(fresh=True) for _ in range(3)]
    assert {run.execution.status for run in runs} == {Status.COMPLETED}
    assert len({run.execution.id for run in runs}) == 3
"""
    )
    result.assert_outcomes(passed=1)
    assert len(service.executions()) == 3


def test_less_patience_does_not_end_what_another_test_waits_for(
    live: Callable[..., pytest.RunResult], service: Service
) -> None:
    service.emulator.script(unknown=0, pending=0, running=400)  # two seconds of ours
    result = live(
        """
@pytest.mark.aicore(timeout=0.5)
def test_hasty(aicore_execution): pass

def test_patient(aicore_execution): pass
"""
    )
    result.assert_outcomes(passed=1, failed=1)
    assert service.statuses() == ["COMPLETED"]


def test_deadline_stops_the_execution_and_says_so(live: Callable[..., pytest.RunResult], service: Service) -> None:
    service.emulator.script(unknown=0, pending=0, running=10**7)
    result = live("@pytest.mark.aicore(timeout=0.4)\ndef test_it(aicore_execution): pass")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            (
                "execution e* had not ended 0.4 s after its start: it was RUNNING. A longer training needs a longer"
                " timeout: timeout= in the marker, or --aicore-timeout. It is being stopped."
            )
        ]
    )
    assert service.unwatched() == []


def test_same_content_is_registered_once_if_that_is_allowed(
    live: Callable[..., pytest.RunResult], service: Service
) -> None:
    source = """
def test_it(aicore_artifact, aicore_configuration, aicore_execution):
    assert aicore_artifact.message == "Artifact acknowledged"
    assert aicore_configuration.message == "Configuration created"
"""
    for _ in range(2):
        live(source, "-o", "aicore_reuse=true").assert_outcomes(passed=1)
    assert service.calls.count("execution.create") == 2
    assert service.calls.count("artifact.create") == service.calls.count("configuration.create") == 1
    live(source).assert_outcomes(passed=1)
    assert service.calls.count("artifact.create") == service.calls.count("configuration.create") == 2


def test_a_budget_that_is_spent_stops_everything(live: Callable[..., pytest.RunResult], service: Service) -> None:
    service.emulator.script(unknown=0, pending=0, running=10**7)
    result = live(FRESH.format(number=3), "--aicore-budget=400s")
    result.assert_outcomes(errors=3)
    assert service.unwatched() == []
    result.stdout.re_match_lines(
        [
            (
                r".*: the budget of this session is spent: its executions have run for \d+m(\d+s)? together, and"
                r" --aicore-budget allows 6m40s\. What still ran was stopped\.$"
            )
        ]
        * 3
    )
    result.stdout.re_match_lines(
        [r"aicore: execution \w+ of training_workflow_tutorial\.yaml: the budget is spent\. It is being stopped\."] * 3
    )
    result.stdout.re_match_lines(
        [r"3 training runs, live: (3 STOPP(ING|ED)|\d STOPP\w+, \d STOPP\w+); \d+ min( \d+ s)? of AI.*"]
    )
    assert "; 0 s of AI Core's time" not in result.stdout.str()
    result.stdout.fnmatch_lines(
        ["stopped        by this session: the budget is spent"] * 3
        + ["STOPP* e* s  training_workflow_tutorial.yaml  test_it*, stopped by us: the budget is spent"] * 3
    )


def test_what_cannot_be_stopped_is_not_waited_for(live: Callable[..., pytest.RunResult], service: Service) -> None:
    service.emulator.script(unknown=0, pending=0, running=10**7)
    service.emulator.fault("execution.modify", status=403, times=None)
    result = live("def test_it(aicore_execution): pass", "--aicore-budget=1s")
    result.assert_outcomes(errors=1)
    refused = "could not stop the execution e* (HTTP 403). Check the credentials, and whether they may use this"
    result.stdout.fnmatch_lines(
        [
            (
                f"execution e*: the budget is spent. It could not be stopped: {refused} resource group."
                " `pytest-aicore sweep` tries again."
            ),
            f"aicore: a run of *.yaml may still run, and could not be stopped: {refused} resource group.",
        ]
    )
    assert service.calls.count("execution.modify") == 2  # at once, and at the end of the session


@pytest.mark.parametrize("order", ["", "reversed"])
def test_a_timeout_is_each_test_s_own(live: Callable[..., pytest.RunResult], service: Service, order: str) -> None:
    service.emulator.script(unknown=0, pending=0, running=600)
    patient = "def test_patient(aicore_execution): pass\n"
    hasty = "@pytest.mark.aicore(timeout=0.5)\ndef test_hasty(aicore_execution): pass\n"
    result = live(hasty + patient if order else patient + hasty)
    result.assert_outcomes(passed=1, failed=1)
    assert service.calls.count("execution.create") == 1


@pytest.mark.parametrize("text", ["soon", "0", "-5m", "5x", "1h30", ""])
def test_budget_that_is_none(project: pytest.Pytester, text: str) -> None:
    project.makepyfile("def test_it(): pass")
    result = project.runpytest_inprocess(f"--aicore-budget={text}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --aicore-budget = {text}: expected a time such as 45m, 2h, 1h30m or 90s."])


def test_summary_estimates_what_runs_cost(
    live: Callable[..., pytest.RunResult], project: pytest.Pytester, service: Service
) -> None:
    service.emulator.script(unknown=0, pending=0, running=1800)
    project.makefile(".ini", prices="[pytest]\naicore_prices =\n    starter = 3.20 EUR\n    train.l = 9")
    result = live("def test_it(aicore_execution): pass", "-c", "prices.ini", "--rootdir=.")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["COMPLETED e* 30 min 00 s  ~  1.60 EUR  training_workflow_tutorial.yaml  test_it"])


def test_test_that_only_asks_for_artifacts_does_not_hide_the_end(
    live: Callable[..., pytest.RunResult], project: pytest.Pytester, service: Service
) -> None:
    source = "def test_a(aicore_artifact): time.sleep(0.3)\ndef test_b(aicore_execution): pass"
    result = live(source, "--aicore-output=training_output.json")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["COMPLETED e*       45 s  training_workflow_tutorial.yaml  test_b"])
    assert "text-model-tutorial" in (project.path / "training_output.json").read_text(encoding="utf-8")


def test_price_that_is_none(project: pytest.Pytester) -> None:
    project.makefile(".ini", prices="[pytest]\naicore_prices =\n    starter is cheap")
    project.makepyfile("def test_it(): pass")
    result = project.runpytest_inprocess("-c", "prices.ini")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            (
                "ERROR: ini aicore_prices = *: 'starter is cheap': expected PLAN = PRICE PER HOUR, for example:"
                " train.l = 3.20 EUR"
            )
        ]
    )
