"""What is shown of deployments: the section of a failed test, the summary, the report file, JUnit XML."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.reports.test_reporting import shown_section

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once

TESTS = """
import pytest

pytestmark = pytest.mark.aicore_deployment(
    artifacts={"textmodel": "ai://default/model"},
    predict="/v2/predict",
    emulated={"answers": {"/v2/predict": {"class": "billing"}, "/v2/bad": ({"error": "password=hush"}, 500)}},
)

@pytest.mark.aicore_deployment(ready={"json": {}})
def test_wrong(aicore_deployment):
    assert aicore_deployment.predict({})["class"] == "other"

@pytest.mark.aicore_deployment(ready={"path": "/v2/bad"})
def test_bad(aicore_deployment): pass

def test_right(aicore_deployment):
    assert aicore_deployment.predict({}) == {"class": "billing"}
"""
URL = "https://api.ai.aicore.invalid/v2/inference/deployments/d6d4f92a7aa1cc53"


def told_in(folder: Path) -> list[dict[str, Any]]:
    """Return what the report file says of deployments."""
    told: list[dict[str, Any]] = json.loads((folder / "report.json").read_text(encoding="utf-8"))["deployments"]
    return told


def test_one_deployment_of_three_tests(project: pytest.Pytester) -> None:
    project.makepyfile(test_it=TESTS)
    result = project.runpytest_inprocess("-v", "--aicore-report=report.json", "--junitxml=junit.xml")
    result.assert_outcomes(passed=1, failed=2)
    assert shown_section(result) == [
        "deployment     d6d4f92a7aa1cc53 of serving_workflow_tutorial.yaml",
        "status         RUNNING",
        "url            https://api.ai.aicore.invalid/v2/inference/deployments/d6d4f92a7a",
        "                 a1cc53",
        "configuration  9ebaaf2d-b47f-4079-bc9c-0e8499936ad5",
        "artifact       textmodel 9ffd041d-9eb6-4a48-bc1c-737f7ebde982 ai://default/model",
        "history        00:00:00  UNKNOWN",
        "               00:00:10  PENDING     after 10 s",
        "               00:00:15  RUNNING     after 5 s",
        "ready          running 15 s, listening 15 s, first right answer 15 s after its",
        "                 creation",
        "logs           00:00:15  Serving text-clf-infer-tutorial started",
        "",
        "requests       200  POST /oauth/token",
        "               201  POST /v2/lm/artifacts",
        "               201  POST /v2/lm/configurations",
        "               202  POST /v2/lm/deployments",
        "               200  GET /v2/lm/deployments/d6d4f92a7aa1cc53  (4 times)",
        "               200  POST /v2/inference/deployments/d6d4f92a7aa1cc53/v2/predict",
        "                 (2 times)",
        *shown_section(result)[20:],
    ]
    summary = ["1 deployment, emulated", "RUNNING * serving_workflow_tutorial.yaml  3 tests; answered after 15 s"]
    result.stdout.fnmatch_lines(summary)
    failure = (
        "test_it.py:*: deployment d6d4f92a7aa1cc53 of serving_workflow_tutorial.yaml runs, but GET /v2/bad was answered"
        """ 500: '{"error": "password=***"}'."""
    )
    result.stdout.fnmatch_lines([failure])
    (told,) = told_in(project.path)
    assert "hush" not in (project.path / "report.json").read_text(encoding="utf-8")
    assert told.pop("failure").startswith("test_it.py:")
    assert [each["status"] for each in told.pop("history")] == ["UNKNOWN", "PENDING", "RUNNING"]
    assert told == {
        "workflow": "serving_workflow_tutorial.yaml",
        "executable": "text-clf-infer-tutorial",
        "scenario": "text-clf-tutorial",
        "configuration_id": "9ebaaf2d-b47f-4079-bc9c-0e8499936ad5",
        "artifacts": {"textmodel": {"id": "9ffd041d-9eb6-4a48-bc1c-737f7ebde982", "url": "ai://default/model"}},
        "parameters": {},
        "deployment_id": "d6d4f92a7aa1cc53",
        "status": "RUNNING",
        "url": URL,
        "running": 15.0,
        "listening": 15.0,
        "answered": 15.0,
        "retried": 0,
        "resumed": False,
        "duration": 0.0,
        "plans": ["starter"],
        "cost": None,
        "stopped": None,
        "tests": ["test_it.py::test_wrong", "test_it.py::test_bad", "test_it.py::test_right"],
        "diagnosis": [],
    }
    properties = (project.path / "junit.xml").read_text(encoding="utf-8")
    assert properties.count(f'<property name="aicore_deployment" value="d6d4f92a7aa1cc53 RUNNING {URL}"') == 3


def test_one_that_nobody_can_create(project: pytest.Pytester) -> None:
    """Emulated and without -v there is no summary; the file says why it failed."""
    project.makepyfile(
        """
        def test_it(aicore_emulator, aicore_deploy):
            aicore_emulator.fault("deployment.create", status=400)
            aicore_deploy("serving_workflow_tutorial.yaml", artifacts={"textmodel": "ai://default/model"})
        """
    )
    result = project.runpytest_inprocess("--aicore-report=report.json")
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*1 deployment*")
    (told,) = told_in(project.path)
    assert (told["deployment_id"], told["status"], told["url"], told["running"]) == (None, None, "", None)
    assert told["failure"].startswith("could not deploy the configuration ")


def test_why_one_does_not_answer_is_in_all_of_them(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.aicore_deployment(artifacts={"textmodel": "ai://default/model"}, timeout=60)
        @pytest.mark.aicore_script(executable="text-clf-infer-tutorial", outcome="DEAD", status_message="exited with 1")
        def test_it(aicore_deployment): pass
        """
    )
    result = project.runpytest_inprocess("-v", "--aicore-report=report.json")
    result.assert_outcomes(failed=1)
    assert shown_section(result)[:4] == [
        "diagnosis      likely: the server ends by itself, and is started again and again",
        "                 (a crash loop)",
        "                 seen: Error (exit code 1)",
        "                 do: read the end of its log; a server must run until it is",
    ]
    result.stdout.fnmatch_lines(
        ["DEAD * likely: the server ends by itself, and is started again and again (a crash loop)"]
    )
    (told,) = told_in(project.path)
    assert [each["seen"] for each in told["diagnosis"]] == ["Error (exit code 1)"]
