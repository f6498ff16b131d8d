"""What pytest prints of ours: the section of a failed test, and the summary of the session."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_aicore.reports.model import RunReport, distinct
from pytest_aicore.reports.terminal import WIDTH, summary

HEAD = """
from dataclasses import replace

import pytest

pytestmark = pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})
"""


def shown_section(result: pytest.RunResult) -> list[str]:
    lines = result.outlines
    begin = next(number for number, line in enumerate(lines) if " SAP AI Core ---" in line)
    end = next(
        number for number, line in enumerate(lines[begin + 1 :], begin + 1) if line.startswith(("---", "===", "___"))
    )
    return lines[begin + 1 : end]


def test_section_of_a_dead_training(project: pytest.Pytester) -> None:
    project.makepyfile(
        HEAD
        + """
@pytest.mark.aicore_script(outcome="DEAD", running=125, logs=[f"epoch {n}" for n in range(1, 13)], status_message="out of luck")
def test_it(aicore_execution): pass
"""
    )
    result = project.runpytest_inprocess("-rN")
    result.assert_outcomes(failed=1)
    assert shown_section(result) == [
        "diagnosis      likely: the training program failed",
        "                 seen: container main ended with exit code 1",
        "                 do: see the end of its log below",
        "execution      e6d4f92a7aa1cc53 of training_workflow_tutorial.yaml",
        "status         DEAD, expected COMPLETED",
        "configuration  9ebaaf2d-b47f-4079-bc9c-0e8499936ad5",
        "artifact       text-data 9ffd041d-9eb6-4a48-bc1c-737f7ebde982 ai://default/data",
        "history        00:00:00  UNKNOWN",
        "               00:00:10  PENDING     after 10 s",
        "               00:00:15  RUNNING     after 5 s",
        "               00:02:20  DEAD        after 2 min 05 s",
        "failed         step text-clf-train-tutorial failed: exit code 1",
        "message        out of luck",
        "details        container main, exit code 1: Error (exit code 1)",
        "                 epoch 10",
        "                 epoch 11",
        "                 epoch 12",
        "               container wait, exit code 0",
        "               workflow: child",
        "                 'e6d4f92a7aa1cc53-text-clf-train-tutorial-2057423955' failed",
        "logs 10/13     00:00:46  epoch 3",
        "               00:00:56  epoch 4",
        "               00:01:07  epoch 5",
        "               00:01:17  epoch 6",
        "               00:01:27  epoch 7",
        "               00:01:38  epoch 8",
        "               00:01:48  epoch 9",
        "               00:01:59  epoch 10",
        "               00:02:09  epoch 11",
        "               00:02:20  epoch 12",
        "",
        "requests       200  POST /oauth/token",
        "               201  POST /v2/lm/artifacts",
        "               201  POST /v2/lm/configurations",
        "               202  POST /v2/lm/executions",
        "               200  GET /v2/lm/executions/e6d4f92a7aa1cc53  (29 times)",
        "               200  GET /v2/lm/executions/e6d4f92a7aa1cc53/logs?start=2025-01-01",
        "                 T00%3A00%3A00Z",
    ]
    assert max(map(len, shown_section(result))) <= WIDTH


def test_section_of_a_test_that_fails_in_its_body(project: pytest.Pytester) -> None:
    project.makepyfile(HEAD + "\ndef test_it(aicore_execution): assert aicore_execution.duration < 1\n")
    result = project.runpytest_inprocess("-rN")
    result.assert_outcomes(failed=1)
    assert shown_section(result) == [
        "execution      e6d4f92a7aa1cc53 of training_workflow_tutorial.yaml",
        "status         COMPLETED",
        "configuration  9ebaaf2d-b47f-4079-bc9c-0e8499936ad5",
        "artifact       text-data 9ffd041d-9eb6-4a48-bc1c-737f7ebde982 ai://default/data",
        "history        00:00:00  UNKNOWN",
        "               00:00:10  PENDING     after 10 s",
        "               00:00:15  RUNNING     after 5 s",
        "               00:01:00  COMPLETED   after 45 s",
        "output         text-model-tutorial b95fb2b4-b61d-485b-a51e-5c4da0b95729",
        "                 ai://default/e6d4f92a7aa1cc53/text-model-tutorial",
        'logs           00:00:15  level=info msg="Starting Workflow Executor"',
        "               00:00:37  Training text-clf-train-tutorial started",
        "               00:01:00  Training finished",
        "",
        "requests       200  POST /oauth/token",
        "               201  POST /v2/lm/artifacts",
        "               201  POST /v2/lm/configurations",
        "               202  POST /v2/lm/executions",
        "               200  GET /v2/lm/executions/e6d4f92a7aa1cc53  (13 times)",
    ]


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        (
            {"ai_api_details": {"reconciler": {"message": [{"code": "05010002", "message": "webhook failed"}]}}},
            [
                "details        ai_api_details:",
                "                 reconciler:",
                "                   message:",
                "                     1:",
                "                       code: 05010002",
                "                       message: webhook failed",
            ],
        ),
        (
            {"details": "no list", "workflow_info": [3, {"message": "child failed"}]},
            ["details        workflow: child failed", "               details: no list"],
        ),
        (
            {"details": [{"container_name": "main", "exit_code": 137, "message": "OOMKilled"}]},
            ["details        container main, exit code 137: OOMKilled"],
        ),
        ({"password": "s3cret-value"}, ["details        password: ***"]),
        ({}, []),
    ],
)
def test_details_of_any_shape_are_readable(project: pytest.Pytester, details: object, expected: list[str]) -> None:
    project.makepyfile(
        HEAD
        + f"""
@pytest.mark.aicore_script(outcome="DEAD", status_details={details!r})
def test_it(aicore_execution): pass
"""
    )
    lines = shown_section(project.runpytest_inprocess("-rN"))
    begin = next((number for number, line in enumerate(lines) if line.startswith("details")), None)
    end = next(number for number, line in enumerate(lines) if line.startswith("logs"))
    assert (lines[begin:end] if begin is not None else []) == expected


def test_section_hides_secrets(project: pytest.Pytester) -> None:
    project.makepyfile(
        HEAD
        + """
SECRET = "eyJhbGciOiJSUzI1NiJ9." + 90 * "e" + ".c2lnbmF0dXJl"
LOGS = ["-----BEGIN PRIVATE KEY-----", *["MIIE" + 60 * "Z"] * 12, "-----END PRIVATE KEY-----", "Authorization: Bearer " + SECRET, '{"clientsecret": "canary"}']

@pytest.mark.aicore_script(outcome="DEAD", logs=LOGS)
def test_it(aicore_execution): pass
"""
    )
    text = "\n".join(shown_section(project.runpytest_inprocess("-rN")))
    assert "Authorization: Bearer ***" in text
    for part in ("eyJ", "c2lnbmF0dXJl", "canary", "MIIE", "ZZZZ"):
        assert part not in text


def test_section_does_not_move_the_cursor(project: pytest.Pytester) -> None:
    project.makepyfile(
        HEAD
        + """
@pytest.mark.aicore_script(outcome="DEAD", logs=["\\x1b[31mred\\x1b[0m \\x1b[2K\\x07done\\x08"])
def test_it(aicore_execution): pass
"""
    )
    assert any(line.endswith(r"red \x07done\x08") for line in shown_section(project.runpytest_inprocess("-rN")))


def test_bounded_log_of_requests_says_so(project: pytest.Pytester) -> None:
    script = "aicore_script(outcome='DEAD', running=3000)"
    project.makepyfile(f"{HEAD}\n@pytest.mark.{script}\ndef test_it(aicore_execution): pass\n")
    result = project.runpytest_inprocess("-rN", "--aicore-poll-interval=2")
    assert any(line.endswith("(499 times or more)") for line in shown_section(result))


def test_nothing_is_added_to_failures_of_others(project: pytest.Pytester) -> None:
    project.makepyfile("def test_ours(aicore_client): pass\ndef test_theirs(): assert False\n")
    result = project.runpytest_inprocess()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*- SAP AI Core -*")


SESSION = (
    HEAD
    + """
def test_first(aicore_execution): pass

def test_second(aicore_execution): pass

@pytest.mark.aicore(fresh=True)
@pytest.mark.parametrize("number", [1, 2])
def test_fresh(aicore_execution, number): pass

@pytest.mark.aicore(expect="DEAD")
@pytest.mark.aicore_script(outcome="DEAD", running=7200)
@pytest.mark.aicore(timeout=9999)
def test_dead(aicore_execution): pass

@pytest.mark.aicore("churn-train", artifacts={})
def test_incomplete(aicore_execution): pass

def test_artifact(aicore_artifact): pass
"""
)


def test_summary_lists_the_runs(project: pytest.Pytester) -> None:
    project.makepyfile(SESSION)
    result = project.runpytest_inprocess("-v")
    result.assert_outcomes(passed=6, errors=1)
    lines = result.outlines
    begin = next(number for number, line in enumerate(lines) if "= SAP AI Core =" in line)
    assert lines[begin + 1 : begin + 7] == [
        "4 training runs, emulated: 3 COMPLETED, 1 DEAD; 2 h 02 min of AI Core's time",
        "COMPLETED       45 s  training_workflow_tutorial.yaml  3 tests",
        "COMPLETED       45 s  training_workflow_tutorial.yaml  test_fresh[1]",
        "COMPLETED       45 s  training_workflow_tutorial.yaml  test_fresh[2]",
        "DEAD      2 h 00 min  training_workflow_tutorial.yaml  test_dead, as expected",
        lines[begin + 6],
    ]
    assert lines[begin + 6].startswith("===")


def test_summary_is_silent_offline_unless_asked(project: pytest.Pytester) -> None:
    project.makepyfile(SESSION)
    project.runpytest_inprocess().stdout.no_fnmatch_line("*= SAP AI Core =*")


def test_summary_and_section_survive_xdist(project: pytest.Pytester) -> None:
    (project.path / "tox.ini").write_text(
        "[pytest]\naddopts = -p no:randomly -p no:cacheprovider -p no:hypothesispytest\n"
    )
    project.makepyfile(
        SESSION + "\n@pytest.mark.aicore_script(outcome='DEAD')\ndef test_failing(aicore_execution): pass\n"
    )
    result = project.runpytest_subprocess("-n2", "-v")
    result.assert_outcomes(passed=6, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*- SAP AI Core -*", "execution      e*", "status         DEAD, expected COMPLETED"])
    result.stdout.fnmatch_lines(["*= SAP AI Core =*", "* training runs, emulated: *2 DEAD*"])


def test_summary_tells_runs_of_different_workers_apart() -> None:
    run = RunReport(
        run="gw0:1", test="test_it", workflow="w.yaml", id="e1", status="COMPLETED", seconds=45.0, looked=True, expected=True
    )  # fmt: skip
    runs = [run, replace(run, run="gw1:1"), run, replace(run, id=None, run="gw1:2")]
    assert [(each.run, tests) for each, tests in distinct(runs)] == [("gw0:1", 2), ("gw1:1", 1)]
    assert summary([], verbose=True) == []
    assert summary([replace(run, live=True, seconds=None)], verbose=False) == [
        "1 training run, live: 1 COMPLETED; 0 s of AI Core's time",
        "COMPLETED e1             w.yaml  test_it",
    ]


def test_summary_shows_the_metrics_of_real_runs() -> None:
    """Those that a test has used; what the emulator plays is in the test."""
    run = RunReport(run="1", test="test_it", workflow="w.yaml", id="e1", status="COMPLETED", seconds=2.0, looked=True)
    metrics = {"loss": 0.123456, "accuracy": 0.9, "leaves": 38.0, "f1": 0.5, "auc": 0.75}
    runs = [replace(run, local=True, metrics={"loss": 0.5}), replace(run, run="2", local=True, metrics=metrics)]
    runs += [replace(runs[0], test="test_other", metrics=None), replace(run, run="3", metrics=metrics)]
    assert summary(runs, verbose=True)[1:] == [
        "COMPLETED        2 s  w.yaml  2 tests; loss 0.5",
        "COMPLETED        2 s  w.yaml  test_it; accuracy 0.9, auc 0.75, f1 0.5, leaves 38, and 1 more",
        "COMPLETED        2 s  w.yaml  test_it",
    ]
