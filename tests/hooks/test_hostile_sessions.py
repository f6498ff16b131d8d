"""What the service, a training, the environment and names of tests say does not act in pytest's terminal."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast
from xml.etree import ElementTree as ET

import pytest

from pytest_aicore.reports.model import RunReport
from pytest_aicore.reports.terminal import WIDTH, section, summary
from tests.hostile import COMMAND, EVERYTHING, acting

if TYPE_CHECKING:
    from pytest_aicore.training.run import Run

HEAD = f"""
import pytest

EVERYTHING = {EVERYTHING!r}
COMMAND = {COMMAND!r}
pytestmark = pytest.mark.aicore("training_workflow_tutorial", artifacts={{"text-data": "ai://default/data"}})
"""
DETAILS = {
    "details": [
        {"container_name": EVERYTHING, "exit_code": EVERYTHING, "message": EVERYTHING, "last_log_messages": EVERYTHING}
    ],
    "workflow_info": [{"message": EVERYTHING}],
    EVERYTHING: {EVERYTHING: [EVERYTHING, {COMMAND: COMMAND}]},
}
DOORS = {
    "what became of a run": f"""
@pytest.mark.aicore_script(
    outcome="DEAD", logs=[EVERYTHING, COMMAND, "x " * 31 + COMMAND], status_message=EVERYTHING, status_details={DETAILS!r}
)
def test_it(aicore_execution): pass
""",
    "a refused call": """
def test_it(aicore_emulator, aicore_execution): pass

@pytest.fixture(autouse=True)
def refuse(aicore_emulator):
    aicore_emulator.fault("execution.create", status=403, body=f"<html>{EVERYTHING}</html>")
""",
    "a message of the service": """
def test_it(aicore_emulator, aicore_execution): pass

@pytest.fixture(autouse=True)
def refuse(aicore_emulator):
    body = {"error": {"code": COMMAND, "message": EVERYTHING, "requestId": EVERYTHING, "details": [EVERYTHING]}}
    aicore_emulator.fault("configuration.create", status=400, body=body)
""",
    "an unknown call": """
def test_it(aicore_client):
    with pytest.raises(Exception):
        aicore_client.rest_client.get(f"/{EVERYTHING}")
""",
    "what has no such name": """
def test_it(aicore_execution):
    aicore_execution.metrics[EVERYTHING]
""",
    "a plan that cannot be": """
@pytest.mark.aicore(parameters={EVERYTHING: COMMAND})
def test_it(aicore_execution): pass
""",
    "a workflow that does not exist": """
@pytest.mark.aicore(EVERYTHING)
def test_it(aicore_execution): pass
""",
    "a script that cannot be": """
@pytest.mark.aicore_script(executable=EVERYTHING)
def test_it(aicore_execution): pass
""",
    "a fault that never went wrong": """
def test_it(aicore_emulator):
    aicore_emulator.fault(f"GET /v2/lm/artifacts", status=503, body=EVERYTHING)
""",
    "a status that is not what the test says": """
def test_it(aicore_execution):
    assert aicore_execution.status == EVERYTHING
""",
    "the name of a test": """
def named(**cases):
    return pytest.mark.parametrize("case", list(cases), ids=list(cases))

@named(**{EVERYTHING.replace("##", "#"): 1})  # what pytest itself leaves as it is
def test_it(aicore_execution, case): pass
""",
}


@pytest.mark.parametrize("door", DOORS)
def test_no_door_of_a_session_lets_a_text_act(project: pytest.Pytester, door: str) -> None:
    project.makepyfile(HEAD + DOORS[door])
    arguments = ["-v", "-rA", "--junit-xml=junit.xml", "--aicore-report=report.json", "--aicore-output=output.json"]
    result = project.runpytest_inprocess(*arguments)
    shown = result.stdout.str()
    assert sum(result.parseoutcomes().get(how, 0) for how in ("passed", "failed", "errors")) >= 1
    assert acting(_without_source(shown)) == []
    ET.parse(project.path / "junit.xml")
    assert acting((project.path / "report.json").read_text(encoding="ascii").replace("##", "")) == []


def _without_source(shown: str) -> str:
    # What the test itself says in its source, pytest shows as it is.
    return "\n".join(line for line in shown.split("\n") if not line.startswith(("EVERYTHING = ", "COMMAND = ")))


def test_the_header_shows_what_the_environment_says(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    project.mkdir("flows\x1b[2J")
    result = project.runpytest_inprocess(
        "-v",
        "--aicore-workflows=flows\x1b[2J",
        "--aicore-report=r\x1b[2J::x.json",
        "--aicore-output=o\x1b[2J\u202e::x.json",
    )
    shown = result.stdout.str() + result.stderr.str()
    assert acting(shown) == []
    assert "workflows *** (9 characters, not shown because they may be a secret) (from --aicore-workflows)" in shown
    monkeypatch.setenv("AICORE_RESOURCE_GROUP", "red\x1b[31m\n::error::x")
    shown = project.runpytest_inprocess("-v").stderr.str()
    assert shown.startswith("ERROR: environment AICORE_RESOURCE_GROUP = *** (19 characters, not shown because they may")
    assert acting(shown) == []


def test_a_warning_names_its_place_without_letting_it_act(project: pytest.Pytester) -> None:
    folder = project.mkdir("tests\x1b[2J")
    body = DOORS["a fault that never went wrong"]
    (folder / "test_it.py").write_text(HEAD + body, encoding="utf-8")
    lines = project.runpytest_inprocess().outlines  # that pytest shows the path of a test as it is, is pytest's
    (warning,) = [line.partition("FaultWarning: ")[2] for line in lines if "FaultWarning: " in line]
    assert warning.startswith(r"tests\x1b[2J/test_it.py:9: fault: 'artifact.query' was never triggered: ")


def test_settings_that_cannot_be_used_do_not_act(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    for option in ("--aicore-poll-interval", "--aicore-timeout", "--aicore-service-key", "--aicore-budget"):
        result = project.runpytest_inprocess(option, EVERYTHING, "--aicore-live")
        assert result.ret != 0
        assert acting(result.stdout.str() + result.stderr.str()) == []


def test_the_summary_has_a_line_for_each_run_whatever_its_names_are() -> None:
    report = RunReport(
        run="1", id=EVERYTHING, live=True, status="DEAD", seconds=1.0, looked=True, expected=True, stopped=EVERYTHING,
        workflow=COMMAND, test=EVERYTHING,
    )  # fmt: skip
    lines = summary([report], verbose=True)
    assert len(lines) == 2
    assert acting("\n".join(lines)) == []
    assert [line for line in lines if "\n" in line] == []


def test_a_wrapped_line_is_no_command() -> None:
    run = SimpleNamespace(
        plan=SimpleNamespace(expect=None, workflow=f"{'x ' * 30}{COMMAND}"),
        training=SimpleNamespace(
            watch=None, made=None, configuration=SimpleNamespace(made=SimpleNamespace(id=f"{'x ' * 32}{COMMAND}")),
            artifacts=SimpleNamespace(made={}),
        ),
    )  # fmt: skip
    lines = section([cast("Run", run)], [EVERYTHING, "\x1b" * 50], [], lambda _: [])
    assert max(map(len, lines)) <= WIDTH  # of what is seen
    assert any(line.strip().startswith(r"\x3a:error") for line in lines)
    assert acting("\n".join(lines)) == []


def test_reports_carry_names_that_no_encoding_has(project: pytest.Pytester) -> None:
    """Half a surrogate pair, as JSON can write it, is in no encoding: neither xdist nor a file could take it."""
    project.makeconftest(
        """
        import json

        def pytest_runtest_logreport(report):
            carried = [getattr(report, "aicore_runs", []), report.user_properties, report.sections]
            json.dumps(carried, ensure_ascii=False).encode()
        """
    )
    project.makepyfile(
        """
import pytest

@pytest.mark.aicore(
    "house_price_steps.yaml",
    artifacts={"sales": "ai://default/sales", "districts": "ai://default/districts"},
    parameters={"MAX_DEPTH": "half\\ud800"},
)
@pytest.mark.aicore_script(logs=["half\\ud800"], outcome="DEAD")
def test_it(aicore_execution):
    pass
"""
    )
    result = project.runpytest_inprocess("--aicore-report=report.json")
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    (run,) = json.loads((project.path / "report.json").read_text(encoding="utf-8"))["runs"]
    assert run["parameters"]["MAX_DEPTH"] == r"half\ud800"
