"""Runs in the reports that people have: Allure, pytest-html, the summary of a GitHub Actions job; each by the real tool.

allure-pytest and pytest-html would be loaded by every session of an environment: `.ci/run reporters` makes one.
"""

from __future__ import annotations

import html
import importlib.util
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.reports.markdown import LIMIT
from tests.reports.test_reporting import HEAD

if TYPE_CHECKING:
    from pathlib import Path

NEEDS_ALLURE = pytest.mark.skipif(
    importlib.util.find_spec("allure_pytest") is None, reason="needs allure-pytest: see .ci/run reporters"
)
NEEDS_HTML = pytest.mark.skipif(
    importlib.util.find_spec("pytest_html") is None, reason="needs pytest-html: see .ci/run reporters"
)
SESSION = f"""{HEAD}
@pytest.mark.aicore(parameters={{"DEPTH": "<script>hacked()</script>"}}, emulated={{"metrics": {{"loss": [0.9, 0.25]}}}})
def test_good(aicore_execution):
    assert aicore_execution.metrics["loss"] == 0.25

@pytest.mark.aicore_script(outcome="DEAD", logs=["epoch 1", "</pre><img src=x onerror=hacked()>\\x1b[2J"])
def test_dead(aicore_execution): pass
"""


def allure_results(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the results that allure-pytest wrote, by test."""
    found = [json.loads(each.read_text(encoding="utf-8")) for each in folder.glob("*-result.json")]
    return {each["name"]: each for each in found}


@NEEDS_ALLURE
@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n1")], ids=["alone", "xdist"])
def test_allure(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    project.makepyfile(test_it=SESSION)
    result = project.runpytest_subprocess("--alluredir=out", "-p", "no:randomly", *workers)
    result.assert_outcomes(passed=1, failed=1)
    results = allure_results(project.path / "out")
    good, dead = results["test_good"], results["test_dead"]
    assert (good["status"], dead["status"]) == ("passed", "failed")
    parameters = {each["name"]: each["value"] for each in good["parameters"]}
    assert parameters["workflow"] == "'training_workflow_tutorial.yaml'"
    assert parameters["parameter DEPTH"] == "'<script>hacked()</script>'"
    assert all(each["excluded"] for each in good["parameters"])
    assert [step["name"].split()[0] for step in good["steps"]] == ["UNKNOWN", "PENDING", "RUNNING", "COMPLETED"]
    assert {step["status"] for step in good["steps"]} == {"passed"}
    assert [step["status"] for step in dead["steps"]] == ["passed", "passed", "passed", "failed"]
    assert dead["steps"][-1]["name"].startswith("DEAD at 2025-01-01T")
    attached = {each["name"]: (project.path / "out" / each["source"]) for each in good["attachments"]}
    assert attached["metrics"].read_text(encoding="utf-8") == "loss  0.25"
    attached = {each["name"]: (project.path / "out" / each["source"]) for each in dead["attachments"]}
    log = attached["log"].read_text(encoding="utf-8")
    assert "epoch 1\n" in log
    assert "\\x1b[2J" in log
    assert isinstance(json.loads(attached["statusDetails"].read_text(encoding="utf-8")), dict)


@NEEDS_ALLURE
def test_allure_of_checks_and_contracts(project: pytest.Pytester) -> None:
    file = project.path / "workflows" / "training_workflow_tutorial.yaml"
    file.write_text(file.read_text().replace("globalName: text-model-tutorial", ""))
    (project.path / "contracts").mkdir()
    (project.path / "contracts" / "training_workflow_tutorial.json").write_text("{}")
    project.runpytest_subprocess("--alluredir=out", "--aicore-check", str(file))
    results = allure_results(project.path / "out")
    assert {name: each["status"] for name, each in results.items()} == {"check": "failed", "contract": "failed"}
    message = results["check"]["statusDetails"]["message"]
    assert re.match(r"Failing: \d+:13: AIC318: The output artifact `text-model-tutorial` has no globalName", message)
    assert results["contract"]["statusDetails"]["message"].startswith("Failing: ")
    assert len(results["contract"]["statusDetails"]["message"]) > len("Failing: ")


@NEEDS_HTML
@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n1")], ids=["alone", "xdist"])
def test_pytest_html(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    project.makepyfile(test_it=SESSION)
    result = project.runpytest_subprocess("--html=out.html", "--self-contained-html", "-p", "no:randomly", *workers)
    result.assert_outcomes(passed=1, failed=1)
    page = (project.path / "out.html").read_text(encoding="utf-8")
    (blob,) = re.findall(r'data-jsonblob="([^"]*)"', page)
    tests = json.loads(html.unescape(blob))["tests"]
    extras = {name: each["content"] for name, (test,) in tests.items() for each in test["extras"]}
    good, dead = extras["test_it.py::test_good"], extras["test_it.py::test_dead"]
    assert good.startswith(
        "<details><summary>SAP AI Core: training_workflow_tutorial.yaml COMPLETED, 45 s</summary><pre>"
    )
    assert "\nloss  0.25</pre></details>" in good
    assert "&lt;script&gt;hacked()" in good
    assert "&lt;/pre&gt;&lt;img src=x onerror=hacked()&gt;\\x1b[2J" in dead
    assert set(re.findall(r"<[^>]*>", good + dead)) == {
        "<details>", "</details>", "<summary>", "</summary>", "<pre>", "</pre>"
    }  # fmt: skip


def test_a_session_without_such_reports_adds_nothing(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
def pytest_runtest_logreport(report):
    assert not getattr(report, "extras", [])
"""
    )
    project.makepyfile(test_it=SESSION)
    project.runpytest_inprocess().assert_outcomes(passed=1, failed=1)


# The summary of a job -------------------------------------------------------------------------------------------------


@pytest.fixture
def summary(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the summary, in which an earlier program has written."""
    file = project.path / "summary.md"
    file.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    return file


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n2")], ids=["alone", "xdist"])
def test_summary_of_a_job(project: pytest.Pytester, summary: Path, workers: tuple[str, ...]) -> None:
    project.makepyfile(test_it=SESSION)
    project.runpytest_subprocess(*workers)
    text = summary.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert lines[:6] == [
        "before",
        "",
        "## ❌ 1 of 2 training runs failed",
        "",
        "emulated · api.ai.aicore.invalid · default · 1 min 30 s of virtual time",
        "",
    ]
    assert lines[6] == "### training&#95;workflow&#95;tutorial.yaml test&#95;dead: DEAD"
    assert text.count("## ❌") == 1  # the workers of pytest-xdist write none
    rows = [line for line in lines if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows] == ["| status", "| DEAD, failed", "| COMPLETED"]
    assert rows[2].endswith("| 45 s | loss 0.25 |")
    assert not re.search(r"<(?!/?(details|summary|pre)>)", text)


def test_summary_can_be_switched_off(project: pytest.Pytester, summary: Path) -> None:
    project.makepyfile(test_it=SESSION)
    project.runpytest_inprocess("-o", "aicore_job_summary=false")
    assert summary.read_text() == "before\n"


def test_summary_is_cut_and_says_so(project: pytest.Pytester, summary: Path) -> None:
    project.makepyfile(test_it=SESSION)
    summary.write_text("x" * (LIMIT - 2_500))
    project.runpytest_inprocess()
    text = summary.read_text(encoding="utf-8")
    assert LIMIT - 2_500 < len(text.encode()) <= LIMIT
    assert "## ❌ 1 of 2 training runs failed" in text


def test_summary_that_cannot_be_written(project: pytest.Pytester, summary: Path) -> None:
    project.makepyfile(test_it=SESSION)
    summary.write_text("x" * LIMIT)
    result = project.runpytest_inprocess()
    result.stdout.fnmatch_lines(
        [f"aicore: {summary} (GITHUB_STEP_SUMMARY) is full: the training runs are not in the summary."]
    )
    summary.unlink()
    summary.mkdir()
    result = project.runpytest_inprocess()
    result.stdout.fnmatch_lines([f"aicore: {summary} (GITHUB_STEP_SUMMARY) cannot be written: Is a directory."])
