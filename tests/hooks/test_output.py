"""`training_output.json`: what a training made, for the next stage of a pipeline."""

from __future__ import annotations

import json

import pytest

HEAD = """
import json, pytest

TUTORIAL = pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})
CHURN = pytest.mark.aicore("churn-train", artifacts={"contracts": "ai://default/contracts"})
"""
ID = "e6d4f92a7aa1cc53"


def test_option_writes_the_one_artifact_as_the_tutorial_does(project: pytest.Pytester) -> None:
    project.makepyfile(
        HEAD
        + """
@TUTORIAL
def test_first(aicore_execution): pass

@TUTORIAL
def test_second(aicore_execution, aicore_artifact): pass
"""
    )
    result = project.runpytest_inprocess("--aicore-output=out/training_output.json")
    result.assert_outcomes(passed=2)
    file = project.path / "out" / "training_output.json"
    result.stdout.fnmatch_lines([f"aicore: {file} written."])
    written = json.loads(file.read_text())
    (artifact,) = written["artifacts"]
    assert artifact == {
        "execution_id": ID,
        "id": artifact["id"],
        "kind": "model",
        "name": "text-model-tutorial",
        "url": f"ai://default/{ID}/text-model-tutorial",
    }
    assert {name: written[name] for name in ("id", "name", "url")} == {
        name: artifact[name] for name in ("id", "name", "url")
    }
    assert sorted(written) == ["artifacts", "id", "name", "url"]
    assert [each.name for each in file.parent.iterdir()] == ["training_output.json"]


@pytest.mark.parametrize("workers", [(), ("-n2", "-pxdist")])
def test_option_writes_all_artifacts(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    ini = project.path / "tox.ini"
    if workers:
        ini.write_text("[pytest]\naddopts = -p no:randomly -p no:hypothesispytest\naicore_output = out.json\n")
    else:
        ini.write_text(ini.read_text() + "\naicore_output = out.json\n")
    project.makepyfile(
        HEAD
        + """
@TUTORIAL
def test_tutorial(aicore_execution): pass

@CHURN
def test_churn(aicore_execution): pass

@TUTORIAL
@pytest.mark.aicore(expect="DEAD")
@pytest.mark.aicore_script(outcome="DEAD")
def test_dead(aicore_execution): pass
"""
    )
    run = project.runpytest_subprocess if workers else project.runpytest_inprocess
    run(*workers[:1]).assert_outcomes(passed=3)
    written = json.loads((project.path / "out.json").read_text())
    assert list(written) == ["artifacts"]
    assert sorted(artifact["name"] for artifact in written["artifacts"]) == [
        "churn-model",
        "churn-report",
        "text-model-tutorial",
    ]


def test_failed_session_leaves_no_file_not_even_an_old_one(project: pytest.Pytester) -> None:
    project.makepyfile(HEAD + "\n@TUTORIAL\ndef test_it(aicore_execution): pass\ndef test_other(): assert False\n")
    file = project.path / "out.json"
    file.write_text("yesterday's")
    result = project.runpytest_inprocess("--aicore-output=out.json")
    result.stdout.fnmatch_lines([f"aicore: {file} was not written: not all tests passed."])
    assert not file.exists()


def test_session_without_output_leaves_no_file(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(): pass")
    file = project.path / "out.json"
    file.write_text("yesterday's")
    result = project.runpytest_inprocess("--aicore-output=out.json")
    result.stdout.fnmatch_lines([f"aicore: {file} was not written: the training has no output artifact."])
    assert not file.exists()


def test_collecting_writes_nothing(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(): pass")
    file = project.path / "out.json"
    file.write_text("yesterday's")
    project.runpytest_inprocess("--aicore-output=out.json", "--collect-only")
    assert file.read_text() == "yesterday's"


def test_fixture_writes_the_tests_own_execution_or_another(project: pytest.Pytester) -> None:
    project.makepyfile(
        HEAD
        + """
@TUTORIAL
def test_own(aicore_training_output, tmp_path):
    written = aicore_training_output(tmp_path / "training_output.json")
    assert json.loads((tmp_path / "training_output.json").read_text()) == written
    assert written["name"] == "text-model-tutorial"

@TUTORIAL
def test_other(aicore_training_output, aicore_run, tmp_path):
    churn = aicore_run("churn-train", artifacts={"contracts": "ai://default/contracts"})
    written = aicore_training_output(str(tmp_path / "churn.json"), churn.execution)
    assert [artifact["name"] for artifact in written["artifacts"]] == ["churn-model", "churn-report"]
"""
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


def test_workflows_folder_is_refused(project: pytest.Pytester) -> None:
    project.makepyfile(
        HEAD
        + """
from pytest_aicore.errors import SettingsError

@TUTORIAL
@pytest.mark.parametrize("place", ["workflows/out.json", "workflows/deeper/out.json", "link/out.json"])
def test_it(aicore_training_output, place, pytestconfig):
    link = pytestconfig.rootpath / "link"
    if not link.is_symlink():
        link.symlink_to(pytestconfig.rootpath / "workflows")
    with pytest.raises(SettingsError) as caught:
        aicore_training_output(place)
    folder = pytestconfig.rootpath / "workflows"
    assert str(caught.value) == (
        f"{place}: the file would be in the workflows folder {folder}, which AI Core's Git sync reads. Write it elsewhere."
    )
"""
    )
    project.runpytest_inprocess().assert_outcomes(passed=3)
    assert not list((project.path / "workflows").glob("*.json"))


def test_file_that_cannot_be_written(project: pytest.Pytester) -> None:
    project.makepyfile(
        HEAD
        + """
from pytest_aicore import RunError

@TUTORIAL
def test_it(aicore_training_output, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunError, match="folder cannot be written: Is a directory."):
        aicore_training_output(tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
"""
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)
