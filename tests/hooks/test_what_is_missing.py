"""What users read when something is missing or wrong: whole messages, without a traceback of ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Message = Callable[..., str]

SIGNATURE = "aicore(workflow=None, *, artifacts=None, parameters=None, expect='COMPLETED', timeout=None, fresh=False, name=None, emulated=None)"


def marked(arguments: str, fixture: str = "aicore_execution") -> str:
    """Return a test whose marker is in line 3."""
    return f"import pytest\n\n@pytest.mark.aicore({arguments})\ndef test_it({fixture}):\n    pass\n"


def test_input_artifact_without_url_shows_the_marker_to_write(message: Message) -> None:
    assert message(marked('"training_workflow_tutorial.yaml"')) == (
        "test_it.py:3: training_workflow_tutorial.yaml cannot run yet: the input artifact 'text-data' has no URL."
        " The marker to write:\n"
        "\n"
        '    @pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts={"text-data": "ai://default/text-data"})'
    )


def test_the_marker_that_is_shown_works_once_it_is_filled_in(project: pytest.Pytester, message: Message) -> None:
    shown = message(marked('"house_price_steps", expect=None, artifacts={"sales": "ai://default/sold"}'))
    assert shown == (
        "test_it.py:3: house_price_steps.yaml cannot run yet: the input artifact 'districts' has no URL and the "
        "parameter"
        " 'MAX_DEPTH' has no default and no value. The marker to write:\n"
        "\n"
        '    @pytest.mark.aicore("house_price_steps.yaml", artifacts={"sales": "ai://default/sold",'
        ' "districts": "ai://default/districts"}, parameters={"MAX_DEPTH": "<value>"}, expect=None)'
    )
    test = f"import pytest\n\n{shown.splitlines()[-1].strip()}\ndef test_it(aicore_execution): pass\n"
    assert message(test) == (
        "test_it.py:3: parameters={'MAX_DEPTH': '<value>'}: '<value>' was left to be filled in. Put the real value in "
        "its"
        " place."
    )
    project.makepyfile(test_it=test.replace("<value>", "8"))
    project.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ('artifacts={"text-data": "ai://default/<data>"}', "artifacts={'text-data': 'ai://default/<data>'}: '<data>'"),
        ('artifacts={"text-data": "ai://default/x"}, name="<name>"', "name='<name>': '<name>'"),
    ],
)
@pytest.mark.parametrize("entrance", ["marker", "aicore_run", "aicore_plan"])
def test_what_is_left_to_fill_in_is_refused_at_each_entrance(
    message: Message, arguments: str, left: str, entrance: str
) -> None:
    workflow = '"training_workflow_tutorial"'
    if entrance == "marker":
        test = marked(f"{workflow}, {arguments}")
    elif entrance == "aicore_run":
        test = f"def test_it(aicore_run): aicore_run({workflow}, {arguments}).execution"
    else:
        test = (
            "import dataclasses, pytest\n@pytest.fixture\n"
            f"def aicore_plan(aicore_plan): return dataclasses.replace(aicore_plan, **dict({arguments}))\n"
            f"@pytest.mark.aicore({workflow})\ndef test_it(aicore_execution): pass\n"
        )
    said = message(test)
    assert f": {left} was left to be filled in. Put the real value in its place.\n" in f"{said}\n"


def test_several_missing_things_are_said_at_once(message: Message) -> None:
    assert message(marked('"house_price_steps"')) == (
        "test_it.py:3: house_price_steps.yaml cannot run yet: the input artifacts 'sales' and 'districts' have no URL "
        "and"
        " the parameter 'MAX_DEPTH' has no default and no value. The marker to write:\n"
        "\n"
        '    @pytest.mark.aicore("house_price_steps.yaml", artifacts={"sales": "ai://default/sales",'
        ' "districts": "ai://default/districts"}, parameters={"MAX_DEPTH": "<value>"})'
    )


@pytest.mark.parametrize("fixture", ["aicore_artifact", "aicore_artifacts", "aicore_configuration", "aicore_execution"])
def test_every_stage_says_what_is_missing_before_anything_is_started(message: Message, fixture: str) -> None:
    assert message(marked('"training_workflow_tutorial"', fixture)).startswith(
        "test_it.py:3: training_workflow_tutorial.yaml cannot run yet: the input artifact 'text-data' has no URL."
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            '"training_workflow_tutorial", artifacts={"text_data": "ai://default/x"}',
            (
                "training_workflow_tutorial.yaml has no input artifact 'text_data'. Did you mean 'text-data'?"
                " Its input artifacts: 'text-data'."
            ),
        ),
        (
            '"training_workflow_tutorial", artifacts={"images": "ai://default/x"}',
            "training_workflow_tutorial.yaml has no input artifact 'images'. Its input artifacts: 'text-data'.",
        ),
        (
            '"training_workflow_tutorial", parameters={"depth": 3}',
            "training_workflow_tutorial.yaml has no parameter 'depth'. Did you mean 'DEPTH'? Its parameters: 'DEPTH'.",
        ),
        (
            '"training_workflow_tutorial", expect="COMPLETD"',
            (
                "expect='COMPLETD': unknown status. Did you mean 'COMPLETED'? A training can end as 'COMPLETED',"
                " 'DEAD', 'STOPPED'; None accepts any of them."
            ),
        ),
        (
            '"training_workflow_tutorial", expect="RUNNING"',
            (
                "expect='RUNNING': executions do not end in that status. A training can end as 'COMPLETED', 'DEAD',"
                " 'STOPPED'; None accepts any of them."
            ),
        ),
        (
            '"training_workflow_tutorial", artifacts={"text-data": "ai://default/data/"}',
            (
                "artifacts={'text-data': 'ai://default/data/'}: the URL ends in '/'. AI Core registers it, then the "
                "training"
                ' fails with "The specified key does not exist". Write "ai://default/data".'
            ),
        ),
        (
            '"training_workflow_tutorial", artifacts={"text-data": "data/texts"}',
            (
                "artifacts={'text-data': 'data/texts'}: the URL has no scheme, so AI Core refuses it. Write for example"
                ' "ai://default/data/texts": ai://<object store secret>/<path below its pathPrefix>.'
            ),
        ),
        (
            '"training_workflow_tutorial", artifacts={"text-data": 5}',
            "artifacts={'text-data': 5}: expected a URL such as \"ai://default/text-data\".",
        ),
        (
            '"training_workflow_tutorial", artifacts="ai://default/data"',
            "artifacts='ai://default/data': expected a dictionary of input artifact name to URL.",
        ),
        (
            '"training_workflow_tutorial", parameters={"DEPTH": None}',
            (
                "parameters={'DEPTH': None}: AI Core parameters are strings, and None is not one. Leave it out to"
                " use the workflow's default."
            ),
        ),
        (
            '"house_price_steps", parameters={"MAX_DEPTH": None}',
            (
                "parameters={'MAX_DEPTH': None}: AI Core parameters are strings, and None is not one. Write \"\""
                " for an empty value."
            ),
        ),
        (
            '"training_workflow_tutorial", parameters={"DEPTH": [3]}',
            (
                "parameters={'DEPTH': [3]}: AI Core parameters are strings; str, int, float and bool are converted, "
                "list is"
                " not. Write the string that the workflow reads, for example with json.dumps."
            ),
        ),
        (
            '"training_workflow_tutorial", parameters={"DEPTH": float("nan")}',
            (
                "parameters={'DEPTH': nan}: AI Core takes strings, and nan has no standard one. Write the"
                " string that the workflow expects."
            ),
        ),
        (
            '"training_workflow_tutorial", timeout=0',
            "timeout=0: expected a number of seconds greater than 0, for example 3600.",
        ),
        ('"training_workflow_tutorial", fresh="yes"', "fresh='yes': expected True or False."),
        (
            '"training_workflow_tutorial", name=""',
            "name='': expected 1 to 256 letters, digits, spaces or punctuation.",
        ),
        (
            '"training_workflow_tutorial", emulated=["accuracy"]',
            "emulated=['accuracy']: expected a dictionary of 'metrics', 'logs', 'outputs' to what the emulator plays.",
        ),
        ('"training_workflow_tutorial", emulated={1: 2}', "emulated={1: 2}: the name 1 is not a string."),
        (
            '"training_workflow_tutorial", emulated={"metric": {"accuracy": 0.9}}',
            "emulated: unknown 'metric'; expected one of 'metrics', 'logs', 'outputs'. Did you mean 'metrics'?",
        ),
        (
            '"training_workflow_tutorial", emulated={"outcome": "DEAD"}',
            "emulated: unknown 'outcome'; expected one of 'metrics', 'logs', 'outputs'.",
        ),
        (
            '"training_workflow_tutorial", emulated={"metrics": 0.9}',
            "emulated: metrics=0.9 is not a mapping of values by name.",
        ),
        (
            '"training_workflow_tutorial", emulated={"metrics": {"accuracy": "good"}}',
            "emulated: metrics={'accuracy': 'good'} has a value of 'accuracy' that is neither a finite number nor a list of finite numbers.",
        ),
        (
            '"training_workflow_tutorial", emulated={"logs": len}',
            "emulated: logs=<built-in function len> is not a list of lines.",
        ),
        (
            '"training_workflow_tutorial", emulated={"outputs": "m"}',
            "emulated: outputs='m' is not a mapping of contents by output artifact.",
        ),
        (
            '"training_workflow_tutorial", emulated={"outputs": {"text-model": {"model.json": "{}"}}}',
            "emulated: training_workflow_tutorial.yaml has no output artifact 'text-model'. Did you mean 'text-model-tutorial'? Its output artifacts: 'text-model-tutorial'.",
        ),
        (
            '"training_workflow_tutorial", emulated={"outputs": {"text-model-tutorial": 7}}',
            "emulated: outputs=content for 'text-model-tutorial' that cannot be played: 7 cannot be stored: expected bytes, text, a pathlib.Path, or a mapping of these.",
        ),
        (
            '"training_workflow_tutorial", emulated={"outputs": {"text-model-tutorial": __import__("pathlib").Path("nowhere")}}',
            "emulated: outputs=content for 'text-model-tutorial' that cannot be played: nowhere cannot be stored: it does not exist.",
        ),
        ("5", "workflow=5: expected a file name, a path or an executable id."),
        (
            '"serving_workflow_tutorial"',
            (
                "serving_workflow_tutorial.yaml is a ServingTemplate: it can be deployed, not trained. Give a"
                " WorkflowTemplate."
            ),
        ),
    ],
)
def test_wrong_argument_of_the_marker(message: Message, arguments: str, expected: str) -> None:
    assert message(marked(arguments)) == f"test_it.py:3: {expected}"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("artefacts={}", "it has no argument 'artefacts'. Did you mean 'artifacts'?"),
        ("colour=1", "it has no argument 'colour'."),
        ('"a.yaml", "b.yaml"', "too many positional arguments."),
        ('"a.yaml", workflow="b.yaml"', "multiple values for argument 'workflow'."),
    ],
)
@pytest.mark.parametrize("fixture", ["aicore_execution", "tmp_path", "aicore_run"])
def test_misused_marker_shows_its_signature(message: Message, arguments: str, reason: str, fixture: str) -> None:
    assert message(marked(arguments, fixture)) == (
        f"test_it.py:3: the marker 'aicore' cannot be read: {reason}\nIt takes {SIGNATURE}"
    )


@pytest.mark.parametrize("name", ["result", "place"])
def test_misused_script_marker_shows_the_signature_of_emulator_script(message: Message, name: str) -> None:
    argument = f"{name}='DEAD'"
    source = f"import pytest\n\n@pytest.mark.aicore_script({argument})\ndef test_it(): pass\n"
    begin, _, signature = message(source).partition("\nIt takes ")
    assert begin == f"test_it.py:3: the marker 'aicore_script' cannot be read: it has no argument {name!r}."
    assert signature.startswith("aicore_script(*, executable=None, execution=None, times=None, outcome=None, ")
    assert "place" not in signature


def test_scripts_of_one_test_that_contradict_each_other(message: Message) -> None:
    source = """import pytest

@pytest.mark.aicore_script(outcome="DEAD")
@pytest.mark.aicore_script(outcome="STOPPED")
def test_it(): pass
"""
    assert message(source) == (
        "test_it.py:3: two aicore_script markers contradict each other: outcome='DEAD' and outcome='STOPPED' for every"
        " executable.\nKeep one, or give each of them its own `executable`."
    )


def test_script_that_contradicts_one_of_a_wider_fixture_names_both_places(message: Message) -> None:
    source = """import pytest

@pytest.fixture(scope="module")
def all_dead(aicore_emulator):
    aicore_emulator.script(outcome="DEAD")

@pytest.mark.aicore_script(outcome="STOPPED")
def test_it(all_dead): pass
"""
    assert message(source) == (
        "test_it.py:7: script: outcome='STOPPED' for every execution contradicts outcome='DEAD', set at test_it.py:5."
        " Give them different executables, or times= to let one follow the other."
    )


def test_unknown_workflow_lists_what_the_folder_holds(project: pytest.Pytester, message: Message) -> None:
    shown = message(marked('"training_workflow_tutrial.yaml"', "aicore_workflow"))
    assert shown.startswith(
        f"test_it.py:3: The folder '{project.path / 'workflows'}' has no workflow 'training_workflow_tutrial.yaml'."
        " Did you mean 'training_workflow_tutorial.yaml'?\nIt holds:\n"
    )
    for name in ("churn_dag.yaml", "house_price_steps.yaml", "serving_workflow_tutorial.yaml"):
        assert name in shown


def test_without_workflow_the_error_lists_the_ones_to_choose_from(project: pytest.Pytester, message: Message) -> None:
    assert message(marked("")) == (
        f"test_it.py:3: the folder '{project.path / 'workflows'}' holds 3 workflows: 'churn_dag.yaml',"
        " 'house_price_steps.yaml', 'training_workflow_tutorial.yaml'."
        ' Name one of them: @pytest.mark.aicore("churn_dag.yaml")'
    )


def test_without_workflow_the_only_one_is_meant(project: pytest.Pytester) -> None:
    for name in ("churn_dag.yaml", "house_price_steps.yaml"):
        (project.path / "workflows" / name).unlink()
    project.makepyfile(
        """
        import pytest

        @pytest.mark.aicore(artifacts={"text-data": "ai://default/data"})
        def test_it(aicore_workflow, aicore_execution):
            assert aicore_workflow.name == "text-clf-train-tutorial"
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)


def test_folder_without_trainings(project: pytest.Pytester, message: Message) -> None:
    for name in ("churn_dag.yaml", "house_price_steps.yaml", "training_workflow_tutorial.yaml"):
        (project.path / "workflows" / name).unlink()
    assert message("def test_it(aicore_workflow): pass") == (
        f"test_it.py:1: the folder '{project.path / 'workflows'}' holds no WorkflowTemplate, so there is nothing to "
        f"train."
    )


@pytest.mark.parametrize("fixture", ["aicore_client", "aicore_emulator", "aicore_environment", "aicore_clock"])
def test_folder_that_was_named_and_does_not_exist(project: pytest.Pytester, message: Message, fixture: str) -> None:
    shown = message(f"def test_it({fixture}): pass", "--aicore-workflows=flows")
    assert shown.splitlines()[0].startswith(f"The workflows folder '{project.path / 'flows'}' does not exist")


def test_folder_at_the_default_place_may_be_missing_for_who_needs_none(empty_project: pytest.Pytester) -> None:
    empty_project.makepyfile("def test_it(aicore_client): assert aicore_client.execution.query().count == 0")
    empty_project.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.mark.parametrize("fixture", ["aicore_client", "aicore_workflow", "aicore_execution"])
def test_broken_workflow_file_is_named_with_line_and_column(
    project: pytest.Pytester, message: Message, fixture: str
) -> None:
    file = project.path / "workflows" / "broken.yaml"
    file.write_text("kind: WorkflowTemplate\nmetadata:\n\tname: x\n", encoding="utf-8")
    assert f"{file}:3:1: " in message(f"def test_it({fixture}): pass")


def test_tests_of_others_do_not_mind_a_broken_workflow_file(project: pytest.Pytester) -> None:
    (project.path / "workflows" / "broken.yaml").write_text("kind: WorkflowTemplate\n\tx", encoding="utf-8")
    project.makepyfile("def test_ours(aicore_client): pass\ndef test_theirs(): pass")
    project.runpytest_inprocess().assert_outcomes(passed=1, errors=1)


def test_labels_that_are_missing_are_said_before_anything_is_started(
    project: pytest.Pytester, message: Message
) -> None:
    file = project.path / "workflows" / "training_workflow_tutorial.yaml"
    text = file.read_text(encoding="utf-8")
    lines = [
        line for line in text.splitlines() if "scenarios.ai.sap.com/name" not in line and "sap.com/version" not in line
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    assert message(marked('"training_workflow_tutorial", artifacts={"text-data": "ai://default/data"}')) == (
        f"test_it.py:3: {file} lacks the label ai.sap.com/version and the annotation scenarios.ai.sap.com/name:"
        " AI Core would not publish it, so nothing was started."
    )


def test_several_inputs_have_no_singular(message: Message) -> None:
    source = marked(
        '"house_price_steps", artifacts={"sales": "ai://default/a", "districts": "ai://default/b"}, parameters={"MAX_DEPTH": 1}',
        "aicore_artifact",
    )
    assert message(source) == (
        "test_it.py:3: house_price_steps.yaml has 2 input artifacts, but aicore_artifact needs a workflow with exactly"
        " one. Use aicore_artifacts, for example aicore_artifacts['sales']."
    )


def test_name_that_does_not_exist_says_what_does(message: Message) -> None:
    source = """import pytest

@pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})
def test_it(aicore_execution):
    aicore_execution.output_artifacts["text-model"]
"""
    assert message(source).endswith(
        '>       aicore_execution.output_artifacts["text-model"]\n'
        "E       MissingError: there is no output artifact 'text-model'."
        " Did you mean 'text-model-tutorial'? The execution has: 'text-model-tutorial'.\n"
        "\n"
        "test_it.py:5: MissingError"
    )


def test_mistakes_of_one_test_do_not_reach_the_next(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        DATA = {"text-data": "ai://default/data"}

        @pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts=DATA, artefacts={})
        def test_wrong_marker(aicore_execution): pass

        @pytest.mark.aicore_script(outcome="DEAAD")
        def test_wrong_script(aicore_client): pass

        @pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts=DATA)
        def test_right(aicore_execution): pass
        """
    )
    result = project.runpytest_inprocess("-p", "no:randomly")
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["test_*.py:*: script: unknown outcome='DEAAD'; expected one of COMPLETED, DEAD, STOPPED. Did you mean 'DEAD'?"]
    )
    assert "AssertionError" not in result.stdout.str()


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        (
            "script(executable='text-clf-train-tutorail')",
            "script: unknown executable 'text-clf-train-tutorail'.",
        ),
        ("script(running=-1)", "script: invalid running=-1: expected seconds >= 0."),
        ("fault('execution.gett', status=500)", "fault: unknown call 'execution.gett'."),
        ("fault('execution.get', kind='tmeout')", "fault: unknown kind='tmeout'; expected one of"),
        ("clock.advance(-5)", "The emulator's clock cannot move by -5 s: expected seconds >= 0."),
    ],
)
def test_mistake_in_the_body_of_a_test_is_shown_without_frames_of_ours(
    project: pytest.Pytester, mistake: str, sentence: str
) -> None:
    project.makepyfile(f"def test_it(aicore_emulator):\n    aicore_emulator.{mistake}\n")
    output = project.runpytest_inprocess("--tb=long").stdout.str()
    assert sentence in output
    assert re.search(rf"^>\s+aicore_emulator\.{re.escape(mistake)}$", output, re.MULTILINE)
    assert "pytest_aicore/emulator" not in output
