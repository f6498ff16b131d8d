"""What is wrong with a plan is said before anything starts, and which plans share a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore import DeploymentPlan, PlanError, from_run
from tests.places import our_folder

if TYPE_CHECKING:
    from pytest_aicore.workflows.template import Template

SERVING = "serving_workflow_tutorial.yaml"
MODEL = {"textmodel": "ai://default/model"}


def template(name: str = SERVING) -> Template:
    return next(each for each in our_folder().values() if each.path is not None and each.path.name == name)


def plan(**asked: Any) -> DeploymentPlan:
    return DeploymentPlan(template(), place="test_it.py:3", **asked)


WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {"artifacts": {"model": "ai://default/m"}},
        f"{SERVING} has no input artifact 'model'. Did you mean 'textmodel'? Its input artifacts: 'textmodel'.",
    ),
    (
        {"parameters": {"replicas": 2}},
        f"{SERVING} has no parameter 'replicas'. Did you mean 'maxReplicas'? Its parameters: 'maxReplicas'.",
    ),
    (
        {"predict": "/predict"},
        (
            "predict='/predict': AI Core passes this path on to no deployment (HTTP 403). The path of an endpoint must"
            " begin with /v and a number, for example '/v1/predict'."
        ),
    ),
    (
        {"predict": "v1/predict"},
        "predict='v1/predict': expected a path below the URL of the deployment, such as '/v1/predict'.",
    ),
    ({"ready": {"jsn": {}}}, "ready: unknown 'jsn'; expected one of 'path', 'json', 'check'. Did you mean 'json'?"),
    ({"ready": {"json": {}}}, "ready: 'path' is missing, and there is no predict= to take it from."),
    (
        {"ready": {"path": "/v1/x", "check": 3}},
        "ready: check=3: expected a function of the answer's content that returns whether it is right.",
    ),
    ({"ttl": "5m"}, "ttl='5m': AI Core accepts at least '10m'."),
    ({"ttl": 60}, "ttl=60: expected a number of minutes, hours or days, such as '90m' or '2h'."),
    ({"timeout": 0}, "timeout=0: expected a number of seconds greater than 0, for example 3600."),
    ({"emulated": {"metrics": {}}}, "emulated: unknown 'metrics'; expected one of 'answers'."),
    (
        {"emulated": {"answers": {"/x": 1}}},
        (
            "emulated: answers: '/x': AI Core passes this path on to no deployment (HTTP 403). The path of an endpoint"
            " must begin with /v and a number, for example '/v1/x'."
        ),
    ),
]


@pytest.mark.parametrize(("asked", "why"), WRONG)
def test_a_plan_that_cannot_work_is_refused(asked: dict[str, Any], why: str) -> None:
    with pytest.raises(PlanError) as error:
        plan(**asked)
    assert str(error.value) == f"test_it.py:3: {why}"


def test_what_is_missing_is_told_with_the_marker_to_write() -> None:
    with pytest.raises(PlanError) as error:
        plan(predict="/v2/predict").require_complete()
    assert str(error.value) == (
        f"test_it.py:3: {SERVING} cannot be deployed yet: the input artifact 'textmodel' has no URL. The marker to"
        f' write:\n\n    @pytest.mark.aicore_deployment("{SERVING}", artifacts={{"textmodel":'
        ' "ai://default/textmodel"}, predict="/v2/predict")'
    )


def test_from_run_wants_a_name() -> None:
    assert repr(from_run("model")) == "from_run('model')"
    with pytest.raises(PlanError, match=r"from_run\(3\): expected the name of an output artifact of the training."):
        from_run(3)  # type: ignore[arg-type]


def test_only_what_is_asked_of_ai_core_decides_whether_plans_share() -> None:
    """Neither what a right answer is nor how long to wait for it."""
    one = plan(artifacts=MODEL, predict="/v1/x", timeout=60, ready={"path": "/v1/y"})
    assert one.key == plan(artifacts=MODEL).key
    others: list[dict[str, Any]] = [
        {"ttl": "1h"},
        {"parameters": {"maxReplicas": 3}},
        {"artifacts": {"textmodel": from_run("x")}},
    ]
    assert len({plan(**{"artifacts": MODEL, **each}).key for each in (*others, {})}) == 4
