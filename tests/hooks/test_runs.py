"""Which tests share a training run, which get one of their own, and when its stages happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Message = Callable[..., str]

HEAD = """
import dataclasses

import pytest
from pytest_aicore import RunError, Status

TUTORIAL = "training_workflow_tutorial"
DATA = {"text-data": "ai://default/data"}
pytestmark = pytest.mark.aicore(TUTORIAL, artifacts=DATA)
seen = []
"""


def run(project: pytest.Pytester, source: str, *args: str, conftest: str = "") -> pytest.RunResult:
    project.makeconftest(conftest)
    project.makepyfile(test_it=HEAD + source)
    return project.runpytest_inprocess(*args)


def test_equal_plans_share_a_run(project: pytest.Pytester) -> None:
    run(
        project,
        """
def test_first(aicore_execution):
    seen.append(aicore_execution.id)

@pytest.mark.aicore("text-clf-train-tutorial", artifacts={"text-data": "ai://default/data"}, timeout=7200)
def test_second(aicore_execution):
    seen.append(aicore_execution.id)

class TestThird:
    @pytest.mark.aicore(expect=None)
    def test_third(self, aicore_execution, aicore_configuration, aicore_artifact, aicore_client):
        seen.append(aicore_execution.id)
        execution = aicore_client.execution.get(aicore_execution.id)
        assert execution.status is Status.COMPLETED
        assert execution.configuration_id == aicore_configuration.id
        configuration = aicore_client.configuration.get(aicore_configuration.id)
        assert configuration.input_artifact_bindings[0].artifact_id == aicore_artifact.id

def test_last(aicore_client):
    assert len(set(seen)) == 1
    assert aicore_client.execution.count() == 1
    assert aicore_client.artifact.count() == 2
""",
    ).assert_outcomes(passed=4)


@pytest.mark.parametrize(
    "arguments",
    ['parameters={"DEPTH": 4}', 'artifacts={"text-data": "ai://default/other"}', 'name="nightly"', "fresh=True"],
)
def test_other_plans_get_another_run(project: pytest.Pytester, arguments: str) -> None:
    run(
        project,
        f"""
def test_first(aicore_execution):
    seen.append(aicore_execution.id)

@pytest.mark.aicore({arguments})
def test_second(aicore_execution):
    assert aicore_execution.id not in seen
""",
    ).assert_outcomes(passed=2)


def test_fresh_runs_are_shared_with_nobody_and_leave_nothing(project: pytest.Pytester) -> None:
    run(
        project,
        """
@pytest.mark.aicore(fresh=True)
@pytest.mark.parametrize("time", [1, 2])
def test_fresh(aicore_execution, aicore_artifact, time):
    assert aicore_execution not in seen
    seen.append(aicore_execution)

def test_last(aicore_client):
    assert aicore_client.execution.count() == aicore_client.artifact.count() == 0
""",
    ).assert_outcomes(passed=3)


@pytest.mark.parametrize(
    "conditions",
    [
        "@pytest.mark.aicore_script(running=1)\ndef test_it(aicore_execution):",
        "def test_it(aicore_emulator, aicore_execution):",
        "@pytest.fixture\ndef slow(aicore_emulator): aicore_emulator.script(running=1)\ndef test_it(slow, aicore_execution):",
    ],
)
def test_conditions_of_a_test_keep_shared_runs_out(project: pytest.Pytester, conditions: str) -> None:
    run(
        project,
        f"""
def test_a_shared(aicore_execution):
    seen.append(aicore_execution.id)

{conditions}
    assert aicore_execution.id not in seen

def test_b_shared(aicore_execution):
    assert [aicore_execution.id] == seen
""",
    ).assert_outcomes(passed=3)


def test_artifact_alone_starts_no_execution(project: pytest.Pytester) -> None:
    run(
        project,
        """
def test_artifact(aicore_artifact, aicore_client):
    assert aicore_client.artifact.count() == 1
    assert aicore_client.configuration.count() == aicore_client.execution.count() == 0

def test_configuration(aicore_configuration, aicore_client):
    assert (aicore_client.artifact.count(), aicore_client.configuration.count()) == (1, 1)
    assert aicore_client.execution.count() == 0

def test_execution(aicore_execution, aicore_client):
    assert (aicore_client.configuration.count(), aicore_client.execution.count()) == (1, 1)
""",
    ).assert_outcomes(passed=3)


def test_offline_a_missing_metric_is_told_as_one_to_script(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
def test_nothing_scripted(aicore_execution):
    aicore_execution.metrics["loss"]

@pytest.mark.aicore_script(metrics={"loss": [0.7, 0.3]})
def test_scripted(aicore_execution):
    assert aicore_execution.metrics["loss"] == 0.3
""",
        "-rN",
    )
    result.assert_outcomes(passed=1, failed=1)
    message = (
        "E *MissingError: there is no metric 'loss'. The execution has: none. No training code runs in the emulator:"
        " --aicore-local runs it on this machine. Or say what is played instead, with"
        ' @pytest.mark.aicore(..., emulated={"metrics": {"loss": [[]0.7, 0.3[]]}}).'
    )
    result.stdout.fnmatch_lines([message])


def test_failed_shared_run_fails_every_test_with_the_same_message_and_is_not_repeated(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
@pytest.fixture(autouse=True, scope="module")
def faults(aicore_client, request):
    from pytest_aicore.hooks.isolation import isolation_of
    isolation_of(request.config).session.emulator.fault("execution.create", status=400, times=1)

def test_first(aicore_execution): pass
def test_second(aicore_execution): pass
""",
        "-rN",
    )
    result.assert_outcomes(errors=2)
    text = "could not start an execution of configuration *"
    result.stdout.fnmatch_lines(["*at setup of test_first*", text, "*at setup of test_second*", text])
    said = [line for line in result.outlines if line.startswith("could not start")]
    assert len(said) == 2
    assert said[0] == said[1]


def test_unexpected_status_fails_each_test_that_expects_another(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
@pytest.fixture(autouse=True, scope="module")
def dead(aicore_client, request):
    from pytest_aicore.hooks.isolation import isolation_of
    isolation_of(request.config).session.emulator.script(outcome="DEAD")

def test_completed(aicore_execution): pass

@pytest.mark.aicore(expect=Status.DEAD)
def test_dead(aicore_execution): seen.append(aicore_execution.id)

@pytest.mark.aicore(expect=None)
def test_any(aicore_execution): assert [aicore_execution.id] == seen
""",
        "-rN",
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["test_it.py:*: execution e* of training_workflow_tutorial.yaml ended DEAD, expected COMPLETED."]
    )


@pytest.mark.parametrize("outcome", ["DEAD", "STOPPED"])
def test_no_final_status_but_the_expected_one_passes(project: pytest.Pytester, outcome: str) -> None:
    result = run(
        project,
        f"""
@pytest.mark.aicore_script(outcome="{outcome}")
def test_it(aicore_execution): pass

@pytest.mark.aicore(expect="DEAD")
def test_completed(aicore_execution): pass
""",
        "-rN",
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines([f"*ended {outcome}, expected COMPLETED.", "*ended COMPLETED, expected DEAD."])


def test_plan_can_be_overridden_for_a_folder(project: pytest.Pytester) -> None:
    run(
        project,
        """
pytestmark = pytest.mark.aicore(TUTORIAL, parameters={"DEPTH": 2})

def test_it(aicore_plan, aicore_configuration, aicore_client):
    assert aicore_plan.parameters == {"DEPTH": "7"}
    configuration = aicore_client.configuration.get(aicore_configuration.id)
    assert [(b.key, b.value) for b in configuration.parameter_bindings] == [("DEPTH", "7")]
    assert configuration.input_artifact_bindings[0].key == "text-data"
""",
        conftest="""
import dataclasses
import pytest

@pytest.fixture
def aicore_plan(aicore_plan):
    return dataclasses.replace(aicore_plan, parameters={"DEPTH": 7}, artifacts={"text-data": "ai://default/data"})
""",
    ).assert_outcomes(passed=1)


def test_factory_takes_what_it_is_not_told_from_the_markers(project: pytest.Pytester) -> None:
    run(
        project,
        """
def test_it(aicore_run, aicore_execution):
    assert aicore_run().execution is aicore_execution
    other = aicore_run(parameters={"DEPTH": 4}, name="deeper")
    assert other.execution.id != aicore_execution.id
    assert other.plan.artifacts == DATA
    assert other.execution.execution.configuration_name == "deeper"
    same = aicore_run("text-clf-train-tutorial", parameters={"DEPTH": 4}, name="deeper", timeout=None)
    assert same.execution is other.execution
    churn = aicore_run("churn-train", artifacts={"contracts": "ai://default/contracts"})
    assert sorted(churn.execution.output_artifacts) == ["churn-model", "churn-report"]
    assert churn.artifact.message == "Artifact acknowledged"
    assert churn.configuration.message == "Configuration created"

def test_fresh(aicore_run):
    assert aicore_run(fresh=True).execution.id != aicore_run(fresh=True).execution.id
""",
    ).assert_outcomes(passed=2)


def test_run_that_ends_otherwise_shows_only_lines_of_the_test(project: pytest.Pytester) -> None:
    source = """
@pytest.mark.aicore_script(outcome="DEAD")
def test_dead(aicore_run): aicore_run().execution

@pytest.mark.aicore_script(stuck_in="PENDING")
def test_stuck(aicore_run): aicore_run().execution
"""
    result = run(project, source, "-rN")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["E  *ended DEAD, expected COMPLETED.", "E  *it was PENDING.*"])
    result.stdout.no_fnmatch_line("*training*.py:*")


def test_factory_starts_at_once_and_looks_at_what_nobody_looked_at(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
@pytest.mark.aicore_script(outcome="DEAD")
def test_dead_run_does_not_pass_because_nobody_looked(aicore_run, aicore_client):
    aicore_run()
    assert aicore_client.execution.count() == 1

@pytest.mark.aicore_script(outcome="DEAD")
@pytest.mark.aicore(expect=None)
def test_unless_that_is_expected(aicore_run):
    aicore_run()

@pytest.mark.aicore_script(stuck_in="RUNNING")
def test_failed_test_does_not_wait(aicore_run):
    aicore_run()
    assert False
""",
        "-rN",
    )
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*_ test_dead_run_does_not_pass_because_nobody_looked*",
            "test_it.py:11: execution e* of training_workflow_tutorial.yaml ended DEAD, expected COMPLETED.",
        ]
    )


def test_factory_uses_the_plan_that_a_folder_has_overridden(project: pytest.Pytester) -> None:
    run(
        project,
        """
def test_it(aicore_run, aicore_execution):
    assert aicore_run().plan.parameters == {"DEPTH": "7"}
    assert aicore_run().execution is aicore_execution
    assert aicore_run(parameters={"DEPTH": 8}).plan.timeout == 77
""",
        conftest="""
import dataclasses
import pytest

@pytest.fixture
def aicore_plan(aicore_plan):
    return dataclasses.replace(aicore_plan, parameters={"DEPTH": 7}, timeout=77)
""",
    ).assert_outcomes(passed=1)


def test_misused_factory_shows_its_signature(project: pytest.Pytester) -> None:
    result = run(project, "\ndef test_it(aicore_run): aicore_run(artefacts={})\n", "--tb=short", "-rN")
    result.stdout.fnmatch_lines(
        [
            (
                "E   *SettingsError: test_it.py:11: the call of 'aicore_run' cannot be read: it has no argument 'artefacts'."
                " Did you mean 'artifacts'?"
            ),
            (
                "E   It takes aicore_run(workflow=None, [*], artifacts=None, parameters=None, expect='COMPLETED', timeout=None,"
                " fresh=False, name=None, emulated=None)"
            ),
        ],
        consecutive=True,
    )


def test_errors_of_the_factory_can_be_caught_and_point_at_the_test(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
def test_caught(aicore_run):
    with pytest.raises(RunError, match="ended COMPLETED, expected DEAD"):
        aicore_run(expect="DEAD").execution

def test_wrong(aicore_run):
    aicore_run(parameters={"depth": 1})
""",
        "-rN",
        "--tb=short",
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "test_it.py:16: in test_wrong",
            '    aicore_run(parameters={"depth": 1})',
            (
                "E   PlanError: test_it.py:15: training_workflow_tutorial.yaml has no parameter 'depth'."
                " Did you mean 'DEPTH'? Its parameters: 'DEPTH'."
            ),
            "=*",
        ],
        consecutive=True,
    )


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("True", "true"),
        ("False", "false"),
        ("3", "3"),
        ("0.1", "0.1"),
        ("1e-05", "1e-05"),
        ("10**20", "1" + 20 * "0"),
        ('"as it is"', "as it is"),
        ('""', ""),
        ("decimal.Decimal('0.10')", "0.10"),
        ("Colour.RED", "red"),
        ("Number(0.5)", "0.5"),
    ],
)
def test_parameters_are_sent_as_the_strings_that_ai_core_wants(project: pytest.Pytester, value: str, sent: str) -> None:
    run(
        project,
        f"""
import decimal, enum

class Colour(str, enum.Enum):
    RED = "red"

class Number(float):  # as numpy.float64 is one
    def __repr__(self): return f"Number({{float(self)}})"

@pytest.mark.aicore(parameters={{"DEPTH": {value}}})
def test_it(aicore_configuration, aicore_client):
    configuration = aicore_client.configuration.get(aicore_configuration.id)
    assert [binding.value for binding in configuration.parameter_bindings] == [{sent!r}]
""",
    ).assert_outcomes(passed=1)


def test_names_say_where_things_come_from(project: pytest.Pytester) -> None:
    run(
        project,
        """
def test_it(aicore_artifact, aicore_configuration, aicore_client):
    artifact = aicore_client.artifact.get(aicore_artifact.id)
    assert (artifact.name, artifact.kind.value) == ("text-data", "dataset")
    assert artifact.description == "input of text-clf-train-tutorial, registered by pytest-aicore"
    assert aicore_client.configuration.get(aicore_configuration.id).name == "pytest-aicore text-clf-train-tutorial"
""",
    ).assert_outcomes(passed=1)


@pytest.mark.parametrize("kind", ["model", "resultset", "other"])
def test_kind_of_an_input_comes_from_its_annotation(project: pytest.Pytester, kind: str) -> None:
    file = project.path / "workflows" / "training_workflow_tutorial.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("text-data.kind: dataset", f"text-data.kind: {kind}"), encoding="utf-8")
    run(
        project,
        f"""
def test_it(aicore_artifact, aicore_client):
    assert aicore_client.artifact.get(aicore_artifact.id).kind.value == "{kind}"
""",
    ).assert_outcomes(passed=1)


def test_another_resource_group(project: pytest.Pytester) -> None:
    run(
        project,
        """
def test_it(aicore_execution, aicore_plan, aicore_client):
    assert aicore_plan.resource_group == "team-a"
    assert aicore_client.execution.count() == 1
    assert aicore_client.execution.count(resource_group="default") == 0
""",
        "--aicore-resource-group=team-a",
    ).assert_outcomes(passed=1)


def test_nearest_marker_wins_field_by_field(project: pytest.Pytester) -> None:
    run(
        project,
        """
pytestmark = pytest.mark.aicore("churn-train", artifacts={"contracts": "ai://default/a"}, timeout=1, name="module")

@pytest.mark.aicore(timeout=2, expect="DEAD")
class Base:
    pass

@pytest.mark.aicore(timeout=3)
class TestDerived(Base):
    def test_class(self, aicore_plan):
        assert (aicore_plan.timeout, aicore_plan.expect, aicore_plan.name) == (3, "DEAD", "module")

    @pytest.mark.aicore(timeout=4)
    @pytest.mark.aicore(timeout=5, name="nearest")
    def test_function(self, aicore_plan):
        assert (aicore_plan.timeout, aicore_plan.expect, aicore_plan.name) == (5, "DEAD", "nearest")

    @pytest.mark.aicore(expect=None, timeout=6)
    @pytest.mark.parametrize("set", [pytest.param(1, marks=pytest.mark.aicore(timeout=7))])
    def test_parameter_set(self, aicore_plan, set):
        assert (aicore_plan.timeout, aicore_plan.expect, aicore_plan.name) == (7, None, "module")

@pytest.mark.aicore(artifacts={})
def test_mappings_are_fields_as_well(aicore_plan):
    assert aicore_plan.artifacts == {}
""",
    ).assert_outcomes(passed=4)


def test_mistake_in_an_overridden_plan_names_the_fixture(project: pytest.Pytester) -> None:
    conftest = """
import dataclasses, pytest

@pytest.fixture
def aicore_plan(aicore_plan):
    return dataclasses.replace(aicore_plan, parameters={"DEPHT": 7})
"""
    result = run(project, "\ndef test_it(aicore_execution): pass\n", "-rN", conftest=conftest)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "____*",
            "test_it.py:11: *has no parameter 'DEPHT'. Did you mean 'DEPTH'? Its parameters: 'DEPTH'.",
            "The fixture 'aicore_plan' that replaces the plugin's asked for this.",
        ],
        consecutive=True,
    )


def test_overridden_plan_that_is_none(project: pytest.Pytester) -> None:
    conftest = "import pytest\n@pytest.fixture\ndef aicore_plan(): pass\n"
    source = "\ndef test_it(aicore_execution): pass\ndef test_run(aicore_run): aicore_run()\n"
    result = run(project, source, "-rN", "--tb=short", conftest=conftest)
    result.assert_outcomes(errors=1, failed=1)
    message = (
        "The fixture 'aicore_plan' of this folder or test module returned None, which is not a TrainingPlan."
        " Return for example dataclasses.replace(aicore_plan, timeout=60)."
    )
    result.stdout.fnmatch_lines([message, f"E   *PlanError: {message}"])
    result.stdout.no_fnmatch_line("*fixtures.py*")


def test_workflow_by_its_path(project: pytest.Pytester) -> None:
    elsewhere = project.mkdir("elsewhere")
    text = (project.path / "workflows" / "training_workflow_tutorial.yaml").read_text(encoding="utf-8")
    (elsewhere / "mine.yaml").write_text(
        text.replace("name: text-clf-train-tutorial", "name: mine-to-train"), encoding="utf-8"
    )
    run(
        project,
        """
from pathlib import Path

@pytest.mark.aicore("workflows/training_workflow_tutorial.yaml")
def test_in_the_folder(aicore_execution, aicore_run):
    assert aicore_run(TUTORIAL).execution is aicore_execution

@pytest.mark.aicore(Path("workflows/training_workflow_tutorial.yaml"))
def test_path_object(aicore_execution, aicore_run):
    assert aicore_run(Path("workflows", TUTORIAL + ".yaml").absolute()).execution is aicore_execution

@pytest.mark.aicore("elsewhere/mine.yaml")
def test_outside_of_the_folder(aicore_execution, aicore_client):
    assert aicore_client.executable.get("text-clf-tutorial", "mine-to-train").id == "mine-to-train"

def test_afterwards(aicore_client):
    assert len(aicore_client.executable.query("text-clf-tutorial").resources) == 2
""",
    ).assert_outcomes(passed=4)


def test_workflow_that_a_fixture_reads(project: pytest.Pytester) -> None:
    text = (project.path / "workflows" / "training_workflow_tutorial.yaml").read_text(encoding="utf-8")
    (project.path / "other.yaml").write_text(text.replace("text-model-tutorial", "other-model"), encoding="utf-8")
    run(
        project,
        """
class TestOther:
    @pytest.fixture
    def aicore_workflow(self, pytestconfig):
        from pytest_aicore.workflows import read_template
        return read_template(pytestconfig.rootpath / "other.yaml")

    def test_it(self, aicore_execution):
        assert list(aicore_execution.output_artifacts) == ["other-model"]

def test_the_folders_own_of_the_same_name(aicore_execution):
    assert list(aicore_execution.output_artifacts) == ["text-model-tutorial"]
""",
    ).assert_outcomes(passed=2)


def test_optional_input_that_is_left_out_does_not_count(project: pytest.Pytester) -> None:
    file = project.path / "workflows" / "training_workflow_tutorial.yaml"
    text = file.read_text(encoding="utf-8")
    more = "path: /app/data/\n          - {name: extra, path: /app/extra, optional: true}"
    file.write_text(text.replace("path: /app/data/", more), encoding="utf-8")
    run(project, "\ndef test_it(aicore_artifact): assert aicore_artifact.url == 'ai://default/data'\n").assert_outcomes(
        passed=1
    )


@pytest.mark.parametrize("order", [1, -1])
def test_a_timeout_is_each_test_s_own(project: pytest.Pytester, order: int) -> None:
    """A shared run that took longer than a test allows fails that test, whichever comes first."""
    hasty = "@pytest.mark.aicore(timeout=20)\ndef test_hasty(aicore_execution): pass\n"
    tests = ["def test_patient(aicore_execution): pass\n", hasty]
    project.makepyfile(HEAD + "".join(tests[::order]))
    result = project.runpytest_inprocess("-p", "no:randomly")
    result.assert_outcomes(passed=1, failed=1)
    late = (
        "execution e* ended COMPLETED, but 60 s after its start, and this test gives it 20 s. A longer training needs a"
        " longer timeout: timeout= in the marker, or --aicore-timeout."
    )
    early = "execution e* had not ended 20 s after its start: it was RUNNING. A longer training needs a longer timeout*"
    result.stdout.fnmatch_lines([f"*{late if order == 1 else early}"])
