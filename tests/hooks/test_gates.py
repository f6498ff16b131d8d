"""Quality gates in a session: which file, which world, which message. Trainings that run are in `tests/local/`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.prepared import prepare

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """
import pytest
from pytest_aicore import GateError, at_least, at_most, measured, predictions, within
"""
RMSE = """
def test_rmse(aicore_client):
    assert measured({"rmse": VALUE}).matches_baseline("baselines/rmse.json", rmse=at_most(0.01))
"""
LOCAL = ("--aicore-local", "-o", "aicore_local_engine=process")
"""No training runs here, so any engine will do."""


def run(project: pytest.Pytester, source: str, *arguments: str) -> pytest.RunResult:
    project.makepyfile(test_it=HEAD + source)
    return project.runpytest_inprocess("-rs", *arguments)


def rmse(value: float) -> str:
    return RMSE.replace("VALUE", str(value))


def failures(result: pytest.RunResult) -> list[str]:
    return [line[1:].strip() for line in result.outlines if line.startswith("E   ")]


def baseline(project: pytest.Pytester, **values: Any) -> Path:
    """Write a baseline, and return its file."""
    file = project.path / "baselines" / "rmse.json"
    file.parent.mkdir(exist_ok=True)
    entry = {"values": values, "run": {"world": "live", "date": "2026-11-27"}}
    file.write_text(json.dumps({"document": "pytest-aicore baseline", "version": 1, "baseline": entry}))
    return file


# The emulated world -------------------------------------------------------------------------------------------------


def test_nothing_passes_that_nobody_trained(project: pytest.Pytester) -> None:
    """The emulator plays metrics that any baseline would allow; the gate is skipped all the same."""
    baseline(project, accuracy=0.5)
    source = """
@pytest.mark.aicore(
    "training_workflow_tutorial", artifacts={"text-data": "ai://default/data"}, emulated={"metrics": {"accuracy": 0.9}}
)
def test_gate(aicore_execution):
    assert aicore_execution.metrics["accuracy"] == 0.9
    assert aicore_execution.metrics.matches_baseline("baselines/rmse.json", accuracy=at_least())
"""
    result = run(project, source + rmse(0.3), "--aicore-report=report.json")
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(
        [
            (
                "SKIPPED * baseline 'baselines/rmse.json' was not compared: nothing is trained in the emulated world;"
                " --aicore-local or --aicore-live trains"
            )
        ]
    )
    assert "quality gate" not in result.stdout.str()
    gates = json.loads((project.path / "report.json").read_text())["gates"]
    assert [(gate["baseline"], gate["outcome"]) for gate in gates] == [("baselines/rmse.json", "skipped")] * 2


def test_an_update_is_refused_where_nothing_is_trained(project: pytest.Pytester) -> None:
    result = run(project, rmse(0.3), "--aicore-update")
    result.assert_outcomes(failed=1)
    assert failures(result) == [
        (
            "BaselineError: --aicore-update does not write the baseline 'baselines/rmse.json': nothing is trained in the"
            " emulated world. Train with --aicore-local or --aicore-live, or deselect this test."
        )
    ]
    assert not (project.path / "baselines").exists()


def test_mistakes_fail_before_anybody_trains(project: pytest.Pytester) -> None:
    """A training that takes an hour is not needed to learn of these."""
    baseline(project, rmse=0.3).write_text("<<<<<<< HEAD\n")
    source = """
def test_damaged(aicore_client):
    assert measured({"rmse": 0.3}).matches_baseline("baselines/rmse.json", rmse=at_most())

def test_outside(aicore_client):
    assert measured({"rmse": 0.3}).matches_baseline("../../rmse.json", rmse=at_most())

def test_folder(aicore_client):
    assert measured({"rmse": 0.3}).matches_baseline("baselines", rmse=at_most())

def test_no_rule(aicore_client):
    assert measured({"rmse": 0.3}).matches_baseline("baselines/other.json")

def test_no_plugin():
    assert measured({"rmse": 0.3}).matches_baseline("baselines/other.json", rmse=0.3)
"""
    result = run(project, source)
    result.assert_outcomes(failed=5)
    told = failures(result)
    path = project.path
    assert [line for line in told if "Error: " in line] == [
        (
            "BaselineError: The baseline 'baselines/rmse.json' has the conflict markers of a merge. Resolve them, or train again:"
            " pytest --aicore-local --aicore-update"
        ),
        (
            f"ContractError: The baseline '{path.parent.parent / 'rmse.json'}' would be outside of '{path}', at"
            f" '{path.parent.parent / 'rmse.json'}'."
        ),
        f"ContractError: The baseline '{path / 'baselines'}' cannot be read: it is a folder, not a file.",
        (
            "BaselineError: matches_baseline needs a rule for each value that it compares, for example"
            " matches_baseline(path, rmse=at_least(-0.01)); the rules are at_least, at_most and within."
        ),
        "BaselineError: the rule of 'rmse' is 0.3: expected at_least(...), at_most(...) or within(...).",
    ]


# Where values are compared ------------------------------------------------------------------------------------------


def test_values_of_any_kind_are_compared(project: pytest.Pytester) -> None:
    run(project, rmse(0.3), *LOCAL, "--aicore-update").assert_outcomes(passed=1)
    file = project.path / "baselines" / "rmse.json"
    assert json.loads(file.read_text())["baseline"]["values"] == {"rmse": 0.3}
    run(project, rmse(0.31), *LOCAL).assert_outcomes(passed=1)
    worse = run(project, rmse(0.311), *LOCAL)
    worse.assert_outcomes(failed=1)
    head, *told = failures(worse)
    assert (
        head
        == "GateError: rmse is worse than the baseline allows: 1 of 1 rules failed, baseline 'baselines/rmse.json'."
    )
    assert told[1].split() == [
        "failed",
        "rmse",
        "0.311",
        "0.3",
        "+0.011",
        "(+3.67%)",
        "at_most(0.01):",
        "at",
        "most",
        "0.31",
    ]
    assert told[2].startswith("baseline: values of the test, local, 20")
    assert told[3:] == [
        "now:      values of the test, local",
        "If the new values are correct: pytest --aicore-local --aicore-update test_it.py::test_rmse",
    ]


def test_what_others_write_cannot_act_in_the_reports(project: pytest.Pytester) -> None:
    baseline(project, rmse=0.3)
    source = """
NAME = chr(27) + "[31m" + chr(10) + "::error::" + chr(0xD800)

def test_it(aicore_client):
    assert measured({NAME: float("nan")}).matches_baseline("baselines/rmse.json", {NAME: at_most()})
"""
    result = run(project, source, *LOCAL, "--aicore-report=report.json", "--junitxml=junit.xml")
    result.assert_outcomes(failed=1)
    assert "\x1b" not in result.stdout.str()
    assert not [line for line in result.outlines if line.startswith("::error::")]
    (gate,) = json.loads((project.path / "report.json").read_text(), parse_constant=pytest.fail)["gates"]
    assert (gate["rules"][0]["value"], gate["rules"][0]["problem"]) == (None, "nan cannot be compared")


def test_a_gate_that_is_not_asserted_fails_as_well(project: pytest.Pytester) -> None:
    baseline(project, rmse=0.3)
    source = """
def test_forgotten(aicore_client):
    measured({"rmse": 0.5}).matches_baseline("baselines/rmse.json", rmse=at_most())

def test_other_names(aicore_client):
    with pytest.raises(AssertionError):
        measured({"val/rmse": 0.5}).matches_baseline("baselines/rmse.json", {"val/rmse": at_most()})
"""
    result = run(project, source, *LOCAL)
    result.assert_outcomes(failed=1, passed=1)
    assert "differs:  the baseline is of a live run, this one is local" in failures(result)


def test_a_baseline_that_does_not_exist_fails(project: pytest.Pytester) -> None:
    baseline(project, rmse=0.3)
    source = """
def test_file(aicore_client):
    assert measured({"rmse": 0.3}).matches_baseline("baselines/rsme.json", rmse=at_most())

@pytest.mark.parametrize("size", ["small"])
def test_set(aicore_client, size):
    assert measured({"rmse": 0.3}).matches_baseline("baselines/rmse.json", rmse=at_most())
"""
    result = run(project, source, *LOCAL, "--aicore-report=report.json")
    result.assert_outcomes(failed=2)
    update = "To accept the values of this run: pytest --aicore-local --aicore-update"
    assert failures(result) == [
        "BaselineError: The baseline does not exist: 'baselines/rsme.json'. Did you mean 'rmse.json'?",
        f"{update} test_it.py::test_file",
        "BaselineError: The baseline 'baselines/rmse.json' has no parameter set 'small'. It has: none.",
        f"{update} 'test_it.py::test_set[small]'",
    ]
    result.stdout.fnmatch_lines(
        [
            "2 quality gates: 0 passed, 2 failed",
            "missing baselines/rsme.json  test_file: no baseline that can be compared",
        ]
    )


def test_predictions_are_compared(project: pytest.Pytester) -> None:
    source = """
RIGHT = {"t1": "billing", "t2": "delivery", "t3": "billing"}

def test_answers(aicore_client):
    found = predictions(ANSWERS, RIGHT)
    assert found["accuracy"] > 0
    assert found.matches_baseline("baselines/answers.json", accuracy=at_least(-0.01), changed=at_most(1))
"""
    first = "{'t1': 'billing', 't2': 'delivery', 't3': 'delivery'}"
    run(project, source.replace("ANSWERS", first), *LOCAL, "--aicore-update").assert_outcomes(passed=1)
    run(project, source.replace("ANSWERS", "RIGHT"), *LOCAL).assert_outcomes(passed=1)
    worse = run(project, source.replace("ANSWERS", "{**RIGHT, 't1': 'delivery', 't2': 'billing'}"), *LOCAL)
    worse.assert_outcomes(failed=1)
    told = [" ".join(line.split()) for line in failures(worse)]
    assert told[0] == (
        "GateError: accuracy and changed are worse than the baseline allows: 2 of 2 rules failed, baseline"
        " 'baselines/answers.json'."
    )
    assert told[2:7] == [
        "failed accuracy 0.3333 0.6667 -0.3333 (-50%) at_least(-0.01): at least 0.6567",
        "failed changed 3 0 +3 at_most(1): at most 1",
        "t1: 'billing' -> 'delivery' (right: 'billing')",
        "t2: 'delivery' -> 'billing' (right: 'delivery')",
        "t3: 'delivery' -> 'billing' (right: 'billing')",
    ]


def test_a_fixture_may_compare_and_a_test_may_begin_late(project: pytest.Pytester) -> None:
    baseline(project, rmse=0.3)
    source = """
@pytest.fixture
def good(aicore_client):
    assert measured({"rmse": 0.3}).matches_baseline("baselines/rmse.json", rmse=at_most())

def test_fixture(good): pass

def test_late(request):
    request.getfixturevalue("aicore_clock")
    with pytest.raises(GateError):
        measured({"rmse": 0.4}).matches_baseline("baselines/rmse.json", rmse=at_most())
"""
    run(project, source, *LOCAL).assert_outcomes(passed=2)
    run(project, source.replace("def test_fixture(good): pass\n", ""), *LOCAL).assert_outcomes(passed=1)


def test_a_path_is_relative_to_the_folder_of_the_test(project: pytest.Pytester) -> None:
    folder = project.mkdir("acceptance")
    (folder / "test_it.py").write_text(
        HEAD + rmse(0.3) + RMSE.replace("VALUE", "0.3").replace('"base', '"../base').replace("test_rmse", "test_up")
    )
    result = project.runpytest_inprocess(*LOCAL, "--aicore-update")
    result.assert_outcomes(passed=2)
    assert (folder / "baselines" / "rmse.json").is_file()
    assert (project.path / "baselines" / "rmse.json").is_file()
    assert [path.name for path in (project.path / "baselines").iterdir()] == ["rmse.json"]  # nothing half-written


def test_a_link_out_of_the_project_is_not_followed(
    project: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (project.path / "baselines").symlink_to(outside)
    result = run(project, rmse(0.3), *LOCAL, "--aicore-update")
    result.assert_outcomes(failed=1)
    assert failures(result)[0].startswith("ContractError: The baseline '")
    assert list(outside.iterdir()) == []


def test_a_file_that_cannot_be_written_fails_the_test(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a checkout that is read-only; what there was stays."""
    file = baseline(project, rmse=0.2)
    before = file.read_text()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.replace", refuse)
    result = run(project, rmse(0.3), *LOCAL, "--aicore-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"The baseline '{file}' cannot be written: Permission denied."])
    assert (file.read_text(), [each.name for each in file.parent.iterdir()]) == (before, ["rmse.json"])


@pytest.mark.once
def test_what_workers_compared_reaches_the_report(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(project, monkeypatch)
    baseline(project, rmse=0.3)
    (project.path / "tox.ini").write_text("[pytest]\n")
    project.makepyfile(test_it=HEAD + rmse(0.3) + rmse(0.9).replace("test_rmse", "test_worse"))
    result = project.runpytest_subprocess(
        "-n2", "-p", "no:randomly", *LOCAL, "--aicore-report=report.json", "--junitxml=junit.xml"
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["2 quality gates: 1 passed, 1 failed"])
    assert (
        'name="aicore_gate" value="passed  baselines/rmse.json: rmse 0.3 (baseline 0.3)"'
        in (project.path / "junit.xml").read_text()
    )
    gates = json.loads((project.path / "report.json").read_text())["gates"]
    assert sorted(gate["outcome"] for gate in gates) == ["failed", "passed"]


def test_a_baseline_that_could_not_be_read_again_is_not_written(project: pytest.Pytester) -> None:
    source = """
def test_answers(aicore_client):
    answers = predictions(["x" * 5000] * 1000)
    assert answers.matches_baseline("answers.json", changed=at_most(0))
"""
    result = run(project, source, *LOCAL, "--aicore-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["The baseline '*' would be larger than 4,194,304 bytes, too large for a golden file."])
    assert not (project.path / "answers.json").exists()


def test_secrets_do_not_reach_the_file(project: pytest.Pytester) -> None:
    source = """
class Deployment:
    id = "d1"

def test_answers(aicore_client):
    found = predictions({"t1": "Bearer abcdefghijklmnop0123456789"}, of=Deployment())
    assert found.matches_baseline("baselines/answers.json", changed=at_most(0))
"""
    run(project, source, *LOCAL, "--aicore-update").assert_outcomes(passed=1)
    written = json.loads((project.path / "baselines" / "answers.json").read_text())["baseline"]
    assert written["predictions"] == {"t1": "Bearer ***"}
    assert written["run"]["deployment"] == "d1"
