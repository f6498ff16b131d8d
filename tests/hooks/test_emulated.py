"""The argument `emulated` of the marker `aicore`: what the emulator plays where nobody trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

HEAD = """
import json, pytest
from pathlib import Path

def training(**more):
    return pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"}, **more)

@pytest.fixture
def stored(aicore_store):
    def stored(execution):
        url = execution.output_artifacts["text-model-tutorial"].url
        return {each.removeprefix(url): aicore_store.get(each) for each in aicore_store.list(url)}

    return stored
"""


def run(project: pytest.Pytester, source: str, *arguments: str) -> pytest.RunResult:
    project.makepyfile(test_it=HEAD + source)
    return project.runpytest_inprocess("-p", "no:randomly", *arguments)


def test_metrics_logs_and_outputs_are_played(project: pytest.Pytester) -> None:
    (project.path / "tree").mkdir()
    (project.path / "tree" / "leaf.bin").write_bytes(b"\xff")
    run(
        project,
        """
@training(
    emulated={
        "metrics": {"accuracy": 0.91, "loss": [0.7, 0.3]},
        "logs": ["1200 texts", "done"],
        "outputs": {"text-model-tutorial": {"model.json": "{}", "raw": b"\\x00", "tree": Path("tree")}},
    }
)
def test_it(aicore_execution, stored):
    assert aicore_execution.status.value == "COMPLETED"
    assert aicore_execution.metrics["accuracy"] == 0.91
    assert [each.value for each in aicore_execution.metrics["loss"].series] == [0.7, 0.3]
    assert aicore_execution.logs[-2:] == ["1200 texts", "done"]
    assert stored(aicore_execution) == {"/model.json": b"{}", "/raw": b"\\x00", "/tree/leaf.bin": b"\\xff"}
""",
    ).assert_outcomes(passed=1)


def test_identical_values_share_a_run_and_others_do_not(project: pytest.Pytester) -> None:
    run(
        project,
        """
seen = []

@training(emulated={"metrics": {"a": 1, "b": [2, 3]}, "logs": ["x"]})
def test_first(aicore_execution):
    seen.append(aicore_execution.id)

@training(emulated={"logs": ("x",), "metrics": {"b": (2, 3), "a": 1}})
def test_same(aicore_execution):
    assert aicore_execution.id == seen[0]
    assert aicore_execution.metrics["a"] == 1

@pytest.mark.parametrize("more", [{}, {"emulated": {}}, {"emulated": None}])
def test_nothing(aicore_run, more):
    run = aicore_run("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"}, **more)
    seen.append(run.execution.id)
    assert dict(run.execution.metrics) == {}

@pytest.mark.parametrize("outputs", ["m", "n"])
def test_others(aicore_run, outputs, stored):
    run = aicore_run(
        "training_workflow_tutorial",
        artifacts={"text-data": "ai://default/data"},
        emulated={"outputs": {"text-model-tutorial": outputs}},
    )
    seen.append(run.execution.id)
    assert stored(run.execution) == {"": outputs.encode()}

def test_how_many(aicore_client):
    assert len(set(seen)) == 4
    assert aicore_client.execution.count() == 4
""",
    ).assert_outcomes(passed=8)


def test_a_nearer_marker_overrides_it_and_a_script_overrides_its_fields(project: pytest.Pytester) -> None:
    run(
        project,
        """
pytestmark = training(emulated={"metrics": {"accuracy": 0.9}, "logs": ["from emulated"]})

@pytest.mark.aicore(emulated={"metrics": {"accuracy": 0.5}})
def test_nearer(aicore_execution):
    assert aicore_execution.metrics["accuracy"] == 0.5
    assert "from emulated" not in aicore_execution.logs

@pytest.mark.aicore_script(logs=["from the script"])
def test_scripted(aicore_execution):
    assert aicore_execution.metrics["accuracy"] == 0.9
    assert aicore_execution.logs[-1] == "from the script"

@pytest.mark.aicore(expect="DEAD")
@pytest.mark.aicore_script(symptom="output not written")
def test_symptom(aicore_execution):
    assert "from emulated" not in aicore_execution.logs

def test_late_script(aicore_emulator, aicore_run):
    aicore_emulator.script(outcome="DEAD", times=1)
    dead = aicore_run(expect="DEAD")
    assert dead.execution.logs[-1] == "from emulated"
    assert aicore_run().execution.metrics["accuracy"] == 0.9

def test_own_execution_of_the_configuration(aicore_client, aicore_configuration, aicore_emulator):
    started = aicore_client.execution.create(aicore_configuration.id)
    aicore_emulator.script(execution=started.id, running=5)
    aicore_emulator.clock.advance(3600)
    (found,) = aicore_client.metrics.query(execution_ids=[started.id]).resources
    assert [metric.value for metric in found.metrics] == [0.9]
""",
    ).assert_outcomes(passed=5)


def test_a_plan_that_a_fixture_has_changed_is_played_too(project: pytest.Pytester) -> None:
    run(
        project,
        """
import dataclasses

@pytest.fixture
def aicore_plan(aicore_plan):
    return dataclasses.replace(aicore_plan, emulated={"metrics": {"accuracy": 0.9}})

@training()
def test_it(aicore_execution):
    assert aicore_execution.metrics["accuracy"] == 0.9
""",
    ).assert_outcomes(passed=1)


def test_what_a_call_of_aicore_run_cannot_play_is_refused(project: pytest.Pytester) -> None:
    source = """
@training()
def test_it(aicore_run, aicore_client):
    with pytest.raises(Exception) as refused:
        aicore_run(emulated={"metrics": 0.9})
    assert str(refused.value).partition(": ")[2] == "emulated: metrics=0.9 is not a mapping of values by name."
    assert aicore_client.configuration.count() == 0
"""
    run(project, source).assert_outcomes(passed=1)


def test_where_code_really_runs_only_the_names_are_checked(project: pytest.Pytester) -> None:
    """Nothing is read: the model of a colleague's machine does not have to exist where the real one is made."""
    project.makeini("[pytest]\naicore_local_engine = process\n")
    result = run(
        project,
        """
@training(emulated={"outputs": {"text-model-tutorial": Path("nowhere")}})
def test_path(aicore_plan, request):
    assert list(aicore_plan.emulated) == ["outputs"]

@training(emulated={"metrics": {"accuracy": 0.9}})
def test_key(aicore_plan): pass

@training(emulated={"outputs": {"text-modl-tutorial": "m"}})
def test_name(aicore_plan): pass
""",
        "--aicore-local",
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*has no output artifact 'text-modl-tutorial'. Did you mean 'text-model-tutorial'?*"])
