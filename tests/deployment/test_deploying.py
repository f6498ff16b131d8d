"""`aicore_deployment` and `aicore_deploy` in the emulated world: deployed, asked, shared, updated, stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.once

HEAD = """
import pytest
from pytest_aicore import PlanError, PredictionError, from_run, Status

SERVE = "text-clf-infer-tutorial"
TRAINED = dict(artifacts={"textmodel": from_run("text-model-tutorial")})
GIVEN = dict(artifacts={"textmodel": "ai://default/model"}, predict="/v2/predict")
train = pytest.mark.aicore("training_workflow_tutorial.yaml", artifacts={"text-data": "ai://default/data"})
serve = pytest.mark.aicore_deployment("serving_workflow_tutorial.yaml", **GIVEN)
"""
TRAIN_DEPLOY_PREDICT = """
ids = set()

@train
@pytest.mark.aicore_deployment(
    **TRAINED,
    predict="/v2/predict",
    ready={"json": {"text": ""}, "check": lambda answer: "label" in answer},
    emulated={"answers": {"/v2/predict": lambda asked: {"label": "good", "words": len(asked.json["text"].split())}}},
)
class TestShared:
    def test_it_answers(self, aicore_deployment, aicore_execution, aicore_client):
        ids.add(aicore_deployment.id)
        assert aicore_deployment.predict({"text": "I love it"}) == {"label": "good", "words": 3}
        assert aicore_deployment.status is Status.RUNNING
        assert [seen.status.value for seen in aicore_deployment.history] == ["UNKNOWN", "PENDING", "RUNNING"]
        assert aicore_deployment.url.endswith(f"/v2/inference/deployments/{aicore_deployment.id}")
        assert aicore_deployment.logs == [f"Serving {SERVE} started"]
        ready = aicore_deployment.readiness
        assert (ready.running, ready.listening, ready.answered, ready.retried) == (15, 15, 15, 0)
        configuration = aicore_client.configuration.get(aicore_deployment.configuration.id)
        (bound,) = configuration.input_artifact_bindings
        assert bound.artifact_id == aicore_execution.output_artifacts["text-model-tutorial"].id

    def test_it_is_shared(self, aicore_deployment):
        ids.add(aicore_deployment.id)
        assert aicore_deployment.predict({"text": ""})["words"] == 0
        response = aicore_deployment.post("/v2/predict", json={"text": "a"}, headers={"x-team": "b"})
        assert (response.status_code, response.json()["words"]) == (200, 1)
        with pytest.raises(PlanError, match="is shared with other tests"):
            aicore_deployment.update(parameters={"maxReplicas": 3})

def test_it_is_stopped_when_nobody_needs_it(aicore_client):
    (left,) = aicore_client.deployment.query().resources
    assert {left.id} == ids
    assert (left.status, left.target_status.value) == (Status.STOPPED, "DELETED")

@serve
def test_a_test_that_controls_the_emulator_has_its_own(aicore_emulator, aicore_deployment):
    aicore_emulator.answer(aicore_deployment, "/v2/predict", ("no", 422))
    with pytest.raises(PredictionError, match="POST /v2/predict was answered 422: 'no'"):
        aicore_deployment.predict({})
    aicore_emulator.answer(SERVE, "/v1/data", b"x" * 10_000_000)
    assert len(aicore_deployment.get("/v1/data").content) == 10_000_000

@serve
def test_what_is_answered_later_is_asked_again_and_counted(aicore_emulator, aicore_deployment):
    aicore_emulator.answer(SERVE, "/v2/predict", "now")
    fault = aicore_emulator.fault("inference", status=503, times=2)
    assert aicore_deployment.predict({}) == "now"
    assert (fault.struck, aicore_deployment.readiness.retried) == (2, 2)
    aicore_emulator.fault("inference", status=503)
    with pytest.raises(PredictionError, match="was answered 503"):  # it has answered once: now 503 means what it says
        aicore_deployment.predict({})
    assert aicore_deployment.readiness.retried == 2

@serve
def test_garbage_is_no_answer(aicore_emulator, aicore_deployment):
    aicore_emulator.answer(SERVE, "/v2/predict", ("{", 200, {"content-type": "application/json"}))
    with pytest.raises(PredictionError, match="that is not JSON"):
        aicore_deployment.predict({})

def test_several(aicore_deploy, aicore_client):
    answers = {"emulated": {"answers": {"/v2/predict": {"from": "here"}}}}
    one = aicore_deploy("serving_workflow_tutorial", **GIVEN, **answers)
    same = aicore_deploy("serving_workflow_tutorial", **GIVEN, **answers)
    other = aicore_deploy("serving_workflow_tutorial", **GIVEN, **answers, parameters={"maxReplicas": 5}, ttl="2h")
    assert one.id == same.id != other.id
    assert {each.predict({})["from"] for each in (one, other)} == {"here"}
    assert aicore_client.deployment.get(other.id).ttl == "2h"

@serve
def test_an_update_keeps_id_and_url(aicore_deploy):
    deployment = aicore_deploy(fresh=True, emulated={"answers": {"/v2/predict": "good"}})
    before = deployment.id, deployment.url, deployment.configuration.id
    deployment.update(parameters={"maxReplicas": "3"})
    assert (deployment.id, deployment.url) == before[:2]
    assert deployment.configuration.id != before[2]
    assert deployment.deployment.latest_running_configuration_id == deployment.configuration.id
    assert [seen.status.value for seen in deployment.history][-2:] == ["PENDING", "RUNNING"]
    assert deployment.predict({}, path="/v2/predict") == "good"
"""


def test_train_deploy_predict(project: pytest.Pytester) -> None:
    project.makepyfile(test_it=HEAD + TRAIN_DEPLOY_PREDICT)
    project.runpytest_inprocess().assert_outcomes(passed=8)


def test_what_bodies_deploy_is_stopped_after_the_last_of_them(project: pytest.Pytester) -> None:
    """Not at the end of the session: what is deployed costs money meanwhile."""
    body = """
ids = []

@pytest.mark.parametrize("n", range(2))
def test_deploys(aicore_deploy, n):
    ids.append(aicore_deploy("serving_workflow_tutorial", **GIVEN).id)
    assert len(set(ids)) == 1

def test_it_is_stopped(aicore_client):
    assert [each.id for each in aicore_client.deployment.query(status=Status.STOPPED).resources] == ids[:1]
"""
    project.makepyfile(test_it=HEAD + body)
    project.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=3)


def test_a_mistake_in_the_marker_is_told_without_traceback(message: Callable[[str], str]) -> None:
    marker = '@pytest.mark.aicore_deployment("training_workflow_tutorial.yaml")'
    assert message(f"import pytest\n{marker}\ndef test_it(aicore_deployment): pass") == (
        "test_it.py:2: training_workflow_tutorial.yaml is a WorkflowTemplate: it can be trained, not deployed. Give a"
        " ServingTemplate."
    )


FAILING: dict[str, tuple[str, str, str]] = {
    "dead": (
        '@pytest.mark.aicore_script(executable=SERVE, outcome="DEAD", status_message="exited with 1")',
        "",
        """\
is DEAD.
  AI Core says: exited with 1
  AI Core says: Container kserve-container ended with exit code 1
  AI Core says: Error (exit code 1)
  likely: the server ends by itself, and is started again and again (a crash loop)
    seen: Error (exit code 1)
    do: read the end of its log; a server must run until it is stopped, in the foreground
  its log is empty""",
    ),
    "never running": (
        '@pytest.mark.aicore_script(executable=SERVE, stuck_in="PENDING")',
        "timeout=600",
        """\
was PENDING 600 s after its start, and not RUNNING.
  likely: the tenant may not use the resource plan 'starter', or no node of it is free; or a docker registry secret \
that imagePullSecrets names is missing
    seen: status PENDING without message and without log
    do: wait for a free node, or try another plan; the entitlements in the BTP cockpit list the plans
  its log is empty""",
    ),
    "wrong": (
        "",
        'ready={"json": {}, "check": lambda answer: answer == "good"}, emulated={"answers": {"/v2/predict": "bad"}}',
        """\
runs, but the answer to POST /v2/predict is not right by ready: check=: 'bad'.
  the last 1 of 1 lines of its log:
    Serving text-clf-infer-tutorial started""",
    ),
    "an assertion that says why": (
        "",
        'ready={"json": {}, "check": bad}, emulated={"answers": {"/v2/predict": {"a": 1}}}',
        """\
runs, but the answer to POST /v2/predict is not right (too few): '{"a": 1}'.
  the last 1 of 1 lines of its log:
    Serving text-clf-infer-tutorial started""",
    ),
    "500": (
        "",
        'ready={"json": {}}, emulated={"answers": {"/v2/predict": ("oh", 500)}}',
        """\
runs, but POST /v2/predict was answered 500: 'oh'.
  the last 1 of 1 lines of its log:
    Serving text-clf-infer-tutorial started""",
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_what_does_not_answer_fails_the_test_and_says_why(message: Callable[[str], str], case: str) -> None:
    script, more, why = FAILING[case]
    bad = 'def bad(answer):\n    raise AssertionError("too few")'
    test = f"@serve\n@pytest.mark.aicore_deployment({more})\ndef test_it(aicore_deployment): pass"
    told = message(f"{HEAD}\n{bad}\n{script}\n{test}")
    place, _, rest = told.partition(": deployment d")
    assert place.startswith("test_it.py:")
    assert rest[16:] == f"of serving_workflow_tutorial.yaml {why}"
