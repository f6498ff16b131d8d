"""`from_param`: the parameter sets of a test give values in its markers, so their runs are known when it is collected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore import AicoreError, from_param

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = """
import pytest
from pytest_aicore import from_param

TUTORIAL = "training_workflow_tutorial"
DATA = {"text-data": "ai://default/data"}
"""


LIST = (
    "parameters={'DEPTH': [3]}: AI Core parameters are strings; str, int, float and bool are converted, list is not."
    " Write the string that the workflow reads, for example with json.dumps."
)


def run(project: pytest.Pytester, source: str) -> pytest.RunResult:
    project.makepyfile(test_it=HEAD + source)
    return project.runpytest_inprocess()


def test_each_parameter_set_trains_with_its_own_values(project: pytest.Pytester) -> None:
    run(
        project,
        """
@pytest.mark.parametrize("depth", [3, pytest.param(5, id="deep"), 7.5])
@pytest.mark.parametrize("url", ["ai://default/a", "ai://default/b"])
@pytest.mark.aicore(TUTORIAL, parameters={"DEPTH": from_param("depth")}, artifacts={"text-data": from_param("url")})
def test_it(aicore_plan, aicore_execution, aicore_client, depth, url):
    assert dict(aicore_plan.parameters) == {"DEPTH": str(depth)}
    assert dict(aicore_plan.artifacts) == {"text-data": url}
    configuration = aicore_client.configuration.get(aicore_execution.execution.configuration_id)
    assert [(each.key, each.value) for each in configuration.parameter_bindings] == [("DEPTH", str(depth))]
""",
    ).assert_outcomes(passed=6)


def test_it_stands_for_any_argument_of_a_marker_and_of_aicore_run(project: pytest.Pytester) -> None:
    run(
        project,
        """
@pytest.mark.parametrize(("file", "outcome"), [(TUTORIAL, "DEAD"), (TUTORIAL, "COMPLETED")])
@pytest.mark.aicore(from_param("file"), artifacts=DATA, expect=from_param("outcome"))
@pytest.mark.aicore_script(outcome=from_param("outcome"), metrics={"loss": [from_param("outcome"), 1][1:]})
def test_markers(aicore_execution, file, outcome):
    assert aicore_execution.status.value == outcome

@pytest.mark.parametrize("depth", [3])
@pytest.mark.aicore(TUTORIAL, artifacts=DATA)
def test_call(aicore_run, depth):
    assert aicore_run(parameters={"DEPTH": from_param("depth")}).plan.parameters == {"DEPTH": "3"}
""",
    ).assert_outcomes(passed=3)


def test_it_is_what_parametrize_gives_and_a_parametrized_fixture(project: pytest.Pytester) -> None:
    """With `indirect` that is the value in `parametrize`, not what the fixture makes of it, which is not known yet."""
    run(
        project,
        """
@pytest.fixture
def depth(request):
    return request.param * 10

@pytest.fixture(params=[4, 5])
def width(request):
    return request.param

@pytest.mark.parametrize("depth", [3], indirect=True)
@pytest.mark.aicore(TUTORIAL, artifacts=DATA, parameters={"DEPTH": from_param("depth")})
def test_indirect(aicore_plan, depth):
    assert (depth, aicore_plan.parameters["DEPTH"]) == (30, "3")

@pytest.mark.aicore(TUTORIAL, artifacts=DATA, parameters={"DEPTH": from_param("width")})
def test_fixture(aicore_plan, width):
    assert aicore_plan.parameters["DEPTH"] == str(width)
""",
    ).assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("arguments", "values", "said"),
    [
        (
            "depth, a",
            "(3, 4)",
            "from_param('deph'): no parametrized argument 'deph'. Did you mean 'depth'? Those of this test: 'depth', 'a'.",
        ),
        ("", "", "from_param('deph'): this test is not parametrized. Add @pytest.mark.parametrize('deph', [...])."),
        (
            "deph",
            "[3]",
            LIST,
        ),
    ],
    ids=["unknown", "not parametrized", "neither text nor number"],
)
def test_mistakes_say_what_to_write(message: Callable[[str], str], arguments: str, values: str, said: str) -> None:
    parametrized = f"@pytest.mark.parametrize('{arguments}', [{values}])" if arguments else ""
    source = f"""{HEAD}
{parametrized}
@pytest.mark.aicore(TUTORIAL, artifacts=DATA, parameters={{"DEPTH": from_param("deph")}})
def test_it(aicore_execution, {arguments}): pass
"""
    assert message(source).endswith(f": {said}")


def test_a_name_is_a_string() -> None:
    with pytest.raises(AicoreError) as caught:
        from_param(3)  # type: ignore[arg-type]
    assert str(caught.value) == "from_param(3): expected the name of an argument of @pytest.mark.parametrize."
