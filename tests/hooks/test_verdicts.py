"""A training that ended otherwise than its test expects makes the test fail; what kept it from running is an error."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.reports.test_reporting import HEAD

if TYPE_CHECKING:
    from collections.abc import Sequence

DEAD = """
@pytest.mark.aicore_script(outcome="DEAD")
def test_it(aicore_execution): pass
"""
LAST = """
step text-clf-train-tutorial failed: exit code 1, RuntimeError: training failed
  Training text-clf-train-tutorial started
  Traceback (most recent call last):
  RuntimeError: training failed"""
ENDED = "test_it.py:7: execution e6d4f92a7aa1cc53 of training_workflow_tutorial.yaml ended DEAD, expected COMPLETED."
REFUSED = """
def test_it(aicore_emulator, aicore_execution): pass

@pytest.fixture(autouse=True)
def refused(aicore_emulator):
    aicore_emulator.fault("execution.create", status=403, times=None)
"""


def run(project: pytest.Pytester, source: str, *arguments: str) -> pytest.RunResult:
    project.makepyfile(test_it=HEAD + source)
    return project.runpytest_inprocess("-p", "no:randomly", *arguments)


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ('@pytest.mark.aicore_script(outcome="DEAD")', "*ended DEAD, expected COMPLETED."),
        ('@pytest.mark.aicore_script(outcome="STOPPED")', "*ended STOPPED, expected COMPLETED."),
        ('@pytest.mark.aicore(expect="DEAD")', "*ended COMPLETED, expected DEAD."),
        ('@pytest.mark.aicore(timeout=5)\n@pytest.mark.aicore_script(stuck_in="RUNNING")', "*had not ended 5 s after*"),
    ],
    ids=["dead", "stopped", "completed", "late"],
)
@pytest.mark.parametrize("asked", ["aicore_execution", "of_the_user", "own_run"])
def test_a_verdict_is_a_failure(project: pytest.Pytester, marks: str, said: str, asked: str) -> None:
    source = f"""
@pytest.fixture
def of_the_user(aicore_execution):
    raise AssertionError("a fixture that needs the execution goes on without it")

@pytest.fixture
def own_run(aicore_run):
    return aicore_run().execution

{marks}
def test_it({asked}):
    raise AssertionError("the body runs")
"""
    result = run(project, source, "-rA", "--tb=short")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*_ test_it _*", said])
    result.stdout.no_fnmatch_line("*ERROR*")
    result.stdout.no_fnmatch_line("*AssertionError*")


def test_message_is_all_that_is_shown(project: pytest.Pytester) -> None:
    lines = run(project, DEAD, "-rN").outlines
    begin = next(number for number, line in enumerate(lines) if "_ test_it _" in line)
    assert lines[begin + 1] == ENDED


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (REFUSED, "could not start an execution*(HTTP 403)*"),
        ("@pytest.mark.aicore(parameters={'NO_SUCH': 1})\ndef test_it(aicore_execution): pass", "*NO_SUCH*"),
        (
            "@pytest.fixture\ndef broken(): assert False\n\ndef test_it(broken, aicore_execution): pass",
            "*assert False*",
        ),
    ],
    ids=["403", "plan", "fixture"],
)
def test_what_kept_a_run_from_happening_is_an_error(project: pytest.Pytester, source: str, said: str) -> None:
    result = run(project, source, "-rN")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ERROR at setup of test_it*", said])


def test_fixtures_of_the_user_see_three_phases(project: pytest.Pytester) -> None:
    """The recipe of pytest's documentation for fixtures that look at the result of their test."""
    project.makeconftest(
        """
        import pytest

        REPORTS = pytest.StashKey()

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_runtest_makereport(item, call):
            report = yield
            item.stash.setdefault(REPORTS, {})[report.when] = report
            return report

        @pytest.fixture(autouse=True)
        def looking(request):
            yield
            reports = request.node.stash[REPORTS]
            print("SEEN:", reports["setup"].outcome, reports["call"].outcome)
        """
    )
    result = run(project, DEAD, "-s")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*SEEN: passed failed"])


def test_junit_has_a_failure(project: pytest.Pytester) -> None:
    run(project, DEAD, "--junitxml=junit.xml")
    (suite,) = ET.parse(project.path / "junit.xml").getroot()
    assert (suite.get("failures"), suite.get("errors"), suite.get("tests")) == ("1", "0", "1")
    (case,) = suite.findall("testcase")
    (failure,) = case.findall("failure")
    assert failure.text == ENDED + LAST


@pytest.mark.parametrize("arguments", [("-x",), ("--maxfail=1",)], ids=" ".join)
def test_session_stops_after_it(project: pytest.Pytester, arguments: Sequence[str]) -> None:
    result = run(project, f"{DEAD}\ndef test_next(): pass", *arguments)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*stopping after 1 failures*"])


def test_last_failed_selects_it(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\naddopts = -p no:xdist -p no:rerunfailures")
    run(project, f"{DEAD}\ndef test_next(): pass").assert_outcomes(passed=1, failed=1)
    run(project, f"{DEAD}\ndef test_next(): pass", "--lf").assert_outcomes(failed=1)


def test_expected_failure(project: pytest.Pytester) -> None:
    run(project, f"@pytest.mark.xfail(strict=True){DEAD}").assert_outcomes(xfailed=1)


def test_step_by_step(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\naddopts = -p no:xdist -p no:rerunfailures")
    result = run(project, f"{DEAD}\ndef test_next(): pass", "--stepwise")
    result.assert_outcomes(failed=1)


def test_setup_alone_raises_at_once(project: pytest.Pytester) -> None:
    run(project, DEAD, "--setup-only").assert_outcomes(errors=1)


def test_classes_of_unittest(project: pytest.Pytester) -> None:
    source = """
import unittest

class TestIt(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def execution(self, aicore_execution):
        self.execution = aicore_execution

    @pytest.mark.aicore_script(outcome="DEAD")
    def test_it(self):
        raise AssertionError("the body runs")
"""
    result = run(project, source, "-rN")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ended DEAD, expected COMPLETED."])


@pytest.mark.skipif(importlib.util.find_spec("xdist") is None, reason="pytest-xdist is not installed")
def test_workers_report_it(project: pytest.Pytester) -> None:
    project.makepyfile(test_it=HEAD + DEAD)
    result = project.runpytest_subprocess("-p", "xdist", "-n1", "--junitxml=junit.xml", "-rA")
    result.assert_outcomes(failed=1)
    (suite,) = ET.parse(project.path / "junit.xml").getroot()
    assert (suite.get("failures"), suite.get("errors")) == ("1", "0")


@pytest.mark.skipif(importlib.util.find_spec("pytest_rerunfailures") is None, reason="it is not installed")
def test_reruns(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\naddopts = -p no:xdist")
    source = """
@pytest.mark.aicore(fresh=True)
@pytest.mark.aicore_script(outcome="DEAD")
def test_it(aicore_execution): pass
"""
    result = run(project, source, "--reruns=1")
    assert result.parseoutcomes() == {"failed": 1, "rerun": 1}


def test_runs_that_the_body_started(project: pytest.Pytester) -> None:
    """They are awaited after the body, while the fixtures of the test are still there."""
    source = """
@pytest.fixture
def own(aicore_run):
    yield
    print("TEARDOWN")

@pytest.mark.aicore_script(outcome="DEAD")
def test_it(own, aicore_run):
    aicore_run()
    print("BODY")
"""
    result = run(project, source, "-rN", "-s")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*BODY", "*FTEARDOWN*", "*ended DEAD, expected COMPLETED."])


def test_reports_of_others_tell_failures_from_errors(project: pytest.Pytester) -> None:
    """Allure calls a test failed whose exception is an assertion or `pytest.fail`, and broken for any other."""
    project.makeconftest(
        """
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.excinfo is not None:
        failed = isinstance(call.excinfo.value, (AssertionError, pytest.fail.Exception))
        words = (item.name, call.when, "failed" if failed else "broken", type(call.excinfo.value).__qualname__)
        with open("told.txt", "a") as file:
            print(*words, file=file)
    return report
"""
    )
    source = """
@pytest.mark.aicore_script(outcome="DEAD")
def test_dead(aicore_execution): pass

@pytest.mark.aicore(timeout=5)
@pytest.mark.aicore_script(stuck_in="RUNNING")
def test_late(aicore_execution): pass

def test_refused(aicore_emulator, refused, aicore_execution): pass

@pytest.fixture
def refused(aicore_emulator):
    aicore_emulator.fault("execution.create", status=403, times=None)

@pytest.mark.aicore("nosuch.yaml")
def test_nosuch(aicore_execution): pass

@pytest.mark.aicore(nosuch=1)
def test_marker(aicore_execution): pass
"""
    result = run(project, source)
    result.assert_outcomes(failed=2, errors=3)
    assert (project.path / "told.txt").read_text().splitlines() == [
        "test_dead call failed Failed",
        "test_late call failed Failed",
        "test_refused setup broken CallError",
        "test_nosuch setup broken WorkflowError",
        "test_marker setup broken SettingsError",
    ]
    assert "Traceback" not in result.stdout.str().replace("Traceback (most recent call last):\n", "")
    assert "isolation.py" not in result.stdout.str()


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n1")], ids=["alone", "xdist"])
def test_a_session_that_begins_to_use_the_plugin_in_a_fixture(
    project: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    project.makepyfile(
        test_it="""
import pytest

@pytest.fixture
def own(request):
    run = request.getfixturevalue("aicore_run")
    artifacts = {"text-data": "ai://default/data"}
    return run("training_workflow_tutorial", artifacts=artifacts, expect="DEAD").execution

@pytest.mark.parametrize("time", [1, 2])
def test_it(own, time): pass
"""
    )
    result = project.runpytest_inprocess("-p", "no:randomly", "--junitxml=report.xml", "-rN", *workers)
    result.assert_outcomes(failed=2)
    cases = ET.parse(project.path / "report.xml").getroot().iter("testcase")
    assert [[child.tag for child in case if child.tag != "properties"] for case in cases] == [["failure"]] * 2
    again = project.runpytest_inprocess("--lf", "-rN", "-x")
    again.assert_outcomes(failed=1)
