"""The inference door: what answers below the URL of a deployment, and what the gateway lets through."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from pytest_aicore.errors import EmulatorError
from tests.emulator.api.conftest import SCENARIO, SERVE, TRAIN, Answer, Caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

    from pytest_aicore.emulator import Emulator
    from pytest_aicore.emulator.control.answers import InferenceRequest

DENIED = (403, b"RBAC: access denied")
TEXTS = {"text": "I love it"}


class Model:
    """A running deployment, and its URL."""

    def __init__(self, ask: Caller, emulator: Emulator, executable: str = SERVE, **more: Any) -> None:
        self.configuration = ask.configuration(executable, **more)
        self.id: str = ask("POST", "/v2/lm/deployments", {"configurationId": self.configuration}).content["id"]
        self.path = f"/v2/inference/deployments/{self.id}"
        self._ask = ask
        emulator.clock.advance(15)

    def __call__(self, method: str, rest: str, body: Any = None, **how: Any) -> Answer:
        """Send a request below its URL."""
        return self._ask(method, self.path + rest, body, **how)


@pytest.fixture
def model(ask: Caller, emulator: Emulator) -> Model:
    """A deployment that runs."""
    return Model(ask, emulator)


FORMS: list[tuple[Any, int, str, bytes]] = [
    ({"label": "good", "at": [0.5]}, 200, "application/json", b'{"label": "good", "at": [0.5]}'),
    (["good"], 200, "application/json", b'["good"]'),
    (None, 200, "application/json", b"null"),
    ("good", 200, "text/plain; charset=utf-8", b"good"),
    (b"\x00\x01", 200, "application/octet-stream", b"\x00\x01"),
    (({"error": "x"}, 422), 422, "application/json", b'{"error": "x"}'),
    (("data: 1\n\n", 200, {"Content-Type": "text/event-stream"}), 200, "text/event-stream", b"data: 1\n\n"),
]


@pytest.mark.parametrize(("given", "status", "content_type", "body"), FORMS)
@pytest.mark.parametrize("made", [lambda given: given, lambda given: lambda _: given], ids=["content", "function"])
def test_what_a_test_gives_answers(
    emulator: Emulator,
    model: Model,
    made: Callable[[Any], Any],
    given: Any,
    status: int,
    content_type: str,
    body: bytes,
) -> None:
    emulator.answer(SERVE, "/v2/predict", made(given))
    answer = model("POST", "/v2/predict", TEXTS)
    assert (answer.status, answer.headers["content-type"], answer.body) == (status, content_type, body)
    assert emulator.take_incidents() == []


def test_a_function_gets_the_request_as_the_server_would(emulator: Emulator, model: Model) -> None:
    """Without the beginning of the path, which the gateway cuts, and without the token."""
    seen: list[InferenceRequest] = []

    def predict(request: InferenceRequest) -> dict[str, Any]:
        seen.append(request)
        return {"length": len(request.json["text"])}

    emulator.answer(SERVE, "/v1/models/a b:predict", predict)
    assert model("PUT", "/v1/models/a%20b:predict?top=3&top=4", TEXTS, x_team="a").content == {"length": 9}
    (request,) = seen
    assert (request.deployment_id, request.method, request.path) == (model.id, "PUT", "/v1/models/a b:predict")
    assert (request.query, request.body) == ({"top": "4"}, json.dumps(TEXTS).encode())
    assert request.headers == {"ai-resource-group": "default", "x-team": "a"}
    assert request.text == json.dumps(TEXTS)


def test_which_answer_counts(emulator: Emulator, ask: Caller, model: Model) -> None:
    """One for the deployment before one for its executable, the latest of equals, and each for its methods only."""
    other = Model(ask, emulator)
    emulator.answer(SERVE, "/v1/x", "first")
    emulator.answer(model, "/v1/x", "of the deployment")
    emulator.answer(SERVE, "/v1/x", "second")
    emulator.answer(SERVE, "/v1/x", "gone", method="DELETE")
    assert [each("GET", "/v1/x").body for each in (model, other)] == [b"of the deployment", b"second"]
    assert [each("DELETE", "/v1/x").body for each in (model, other)] == [b"of the deployment", b"gone"]


def test_answers_do_not_survive_a_rollback(emulator: Emulator, model: Model) -> None:
    emulator.answer(SERVE, "/v1/x", "before")
    before = emulator.checkpoint()
    emulator.answer(SERVE, "/v1/x", "after")
    assert model("GET", "/v1/x").body == b"after"
    emulator.rollback(before)
    assert model("GET", "/v1/x").body == b"before"
    emulator.lift(emulator.conditions)
    assert model("GET", "/v1/x").status == 501


def test_without_an_answer_a_sentence_says_how_to_give_one(emulator: Emulator, model: Model) -> None:
    answer = model("POST", "/v1/predict", TEXTS)
    sentence = f"POST /v1/predict of deployment {model.id} ('{SERVE}') has no answer: the emulator runs no server."
    told = "It answered 501, so that this is not mistaken for an answer of AI Core. Give one:"
    assert (answer.status, answer.body.decode()) == (501, sentence)
    how = f"aicore_emulator.answer('{SERVE}', '/v1/predict', {{...}})."
    assert emulator.take_incidents() == [f"{sentence} {told} {how}"]
    emulator.answer(SERVE, "/v1/predict", {})
    assert model("POST", "/v1/predictions").body.decode() == (
        f"POST /v1/predictions of deployment {model.id} ('{SERVE}') has no answer: the emulator runs no server."
        " There are answers for '/v1/predict'. Did you mean '/v1/predict'?"
    )
    assert model("POST", "/v1/predict", TEXTS).status == 200


@pytest.mark.parametrize("rest", ["/predict", "", "/", "/v/predict", "/vx", "/v1x/predict", "//v1/predict", "/V1/x"])
def test_every_endpoint_begins_with_a_version(emulator: Emulator, model: Model, rest: str) -> None:
    answer = model("POST", rest, TEXTS)
    assert (answer.status, answer.body) == DENIED
    assert answer.headers["content-type"] == "text/plain"
    assert emulator.take_incidents() == []


def test_models_of_sap_need_no_version(ask: Caller, emulator: Emulator) -> None:
    published = ask("GET", "/v2/lm/scenarios/foundation-models/executables").content["resources"][0]["id"]
    parameters = [{"key": "modelName", "value": "gpt-4o"}, {"key": "modelVersion", "value": "latest"}]
    model = Model(ask, emulator, published, scenarioId="foundation-models", parameterBindings=parameters)
    emulator.answer(published, "/chat/completions", {"choices": []})
    assert model("POST", "/chat/completions?api-version=2024-02-01", {}).content == {"choices": []}


def test_the_gateway_checks_token_and_resource_group(ask: Caller, emulator: Emulator, model: Model) -> None:
    emulator.answer(SERVE, "/v1/x", "never")
    emulator.create_resource_group("other")
    for group in (None, "other", "unknown"):
        answer = model("GET", "/v1/x", group=group)
        assert (answer.status, answer.body) == DENIED, group
    assert (model("GET", "/v1/x", authorization="").status, model("GET", "/v1/x").status) == (401, 200)
    assert ask("GET", "/v2/inference/deployments/d000000000000000/v1/x").status == 404


def test_only_a_running_deployment_answers(ask: Caller, emulator: Emulator, model: Model) -> None:
    emulator.answer(SERVE, "/v1/x", "old")
    seen = []
    later = ask("POST", "/v2/lm/deployments", {"configurationId": model.configuration}).content["id"]
    path = f"/v2/inference/deployments/{later}/v1/x"
    for seconds in (0, 10, 5):
        emulator.clock.advance(seconds)
        answer = ask("GET", path)
        seen.append((answer.status, answer.body))
    assert seen == [(503, b"no healthy upstream")] * 2 + [(200, b"old")]
    ask("PATCH", f"/v2/lm/deployments/{later}", {"targetStatus": "STOPPED"})
    emulator.clock.advance(60)
    assert ask("GET", path).status == 503


def test_a_loop_until_it_answers_comes_to_an_end(ask: Caller, emulator: Emulator, model: Model) -> None:
    emulator.clock.set(emulator.clock.now(), held=False)
    emulator.answer(SERVE, "/v1/x", "at last")
    later = ask("POST", "/v2/lm/deployments", {"configurationId": model.configuration}).content["id"]
    statuses = [ask("GET", f"/v2/inference/deployments/{later}/v1/x").status for _ in range(6)]
    assert (statuses[0], statuses[-1]) == (503, 200)


def test_during_an_update_the_previous_server_answers(ask: Caller, emulator: Emulator, model: Model) -> None:
    emulator.answer(SERVE, "/v1/x", "old")
    text = emulator.state.published[SERVE].executable
    emulator.publish(type(text)(**{name: getattr(text, name) for name in text.__slots__} | {"id": "newer"}))
    emulator.answer("newer", "/v1/x", "new")
    artifact = ask.artifact(kind="model")
    newer = ask.configuration("newer", inputArtifactBindings=[{"key": "textmodel", "artifactId": artifact}])
    assert ask("PATCH", f"/v2/lm/deployments/{model.id}", {"configurationId": newer}).status == 202
    assert ask("GET", f"/v2/lm/deployments/{model.id}").content["status"] == "PENDING"
    assert model("GET", "/v1/x").body == b"old"
    emulator.clock.advance(15)
    assert model("GET", "/v1/x").body == b"new"


def test_predictions_have_faults_and_are_in_the_log(emulator: Emulator, model: Model) -> None:
    """As `inference`; one that is processed is answered by the server first."""
    asked: list[str] = []

    def predict(request: InferenceRequest) -> str:
        asked.append(request.path)
        return "good"

    emulator.answer(SERVE, "/v1/x", predict)
    fault = emulator.fault("inference", status=502)
    lost = emulator.fault("inference", status=504, processed=True)
    with emulator.recording() as calls:
        assert [model("GET", "/v1/x").status for _ in range(3)] == [502, 504, 200]
    assert (fault.struck, lost.struck, asked) == (1, 1, ["/v1/x", "/v1/x"])
    assert calls.made("inference") == 3


def test_a_function_runs_without_the_lock(emulator: Emulator, model: Model, client: AIAPIV2Client) -> None:
    """It may take its time, and ask AI Core itself, in another thread as well."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        emulator.answer(SERVE, "/v1/x", lambda _: pool.submit(client.deployment.get, model.id).result(10).status.value)
        assert model("GET", "/v1/x").body == b"RUNNING"


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda request: request.json["txt"], "KeyError: 'txt' (tests/emulator/api/test_inference.py:{line})."),
        (
            lambda _: object,
            (
                "it returned <class 'object'>: expected JSON content, a text, bytes, or a tuple (content, status) or"
                " (content, status, headers) (Object of type type is not JSON serializable)."
            ),
        ),
        (
            lambda _: ("x", "200"),
            "it returned ('x', '200'): expected an HTTP status from 200 to 599 as second element.",
        ),
    ],
)
def test_a_function_that_fails_fails_the_test(
    emulator: Emulator, model: Model, function: Callable[[InferenceRequest], Any], why: str
) -> None:
    answer = emulator.answer(SERVE, "/v1/x", function)
    shown = model("POST", "/v1/x", TEXTS)
    assert (shown.status, shown.body) == (500, b"Internal Server Error")
    why = why.format(line=function.__code__.co_firstlineno)
    assert emulator.take_incidents() == [
        (
            f"{answer.place}: answer: response= failed for POST /v1/x of deployment {model.id}: {why}"
            " The client got HTTP 500."
        )
    ]


REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"target": "text-clf-infer"},
        (
            f"unknown executable or deployment 'text-clf-infer'. Did you mean '{SERVE}'? Executables that can be"
            f" deployed: '{SERVE}'."
        ),
    ),
    (
        {"target": TRAIN},
        f"'{TRAIN}' is a training, which answers no requests: name the executable of a ServingTemplate.",
    ),
    (
        {"path": "/predict"},
        (
            "AI Core passes '/predict' on to no deployment (HTTP 403): the path of an endpoint must begin with /v and a"
            " number, for example '/v1/predict'."
        ),
    ),
    (
        {"path": "/v1/predict?x=1"},
        (
            "invalid path='/v1/predict?x=1': expected the path below the URL of the deployment, without query, for"
            " example '/v1/predict'."
        ),
    ),
    ({"method": "post"}, "invalid method='post': expected an HTTP method in upper case; None means all."),
    (
        {"response": {1, 2}},
        (
            "invalid response={1, 2}: expected JSON content, a text, bytes, or a tuple (content, status) or (content,"
            " status, headers) (Object of type set is not JSON serializable)."
        ),
    ),
    ({"response": ("x", 99)}, "invalid response=('x', 99): expected an HTTP status from 200 to 599 as second element."),
    (
        {"response": ("x", 200, {"a": 1})},
        "invalid response=('x', 200, {'a': 1}): expected headers, texts by name, as third element.",
    ),
]


@pytest.mark.parametrize(("changes", "why"), REFUSED)
def test_an_answer_that_nobody_could_get_is_refused(emulator: Emulator, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(EmulatorError) as error:
        emulator.answer(**{"target": SERVE, "path": "/v1/x", "response": {}, **changes})
    assert str(error.value).partition(": answer: ")[2] == why
    assert emulator.state.answers == []


def test_the_steps_of_the_tutorial_with_the_sdk(emulator: Emulator, ask: Caller, client: AIAPIV2Client) -> None:
    """Deployment, polls until it runs, POST to its URL."""
    emulator.clock.set(emulator.clock.now(), held=False)
    emulator.answer(SERVE, "/v2/predict", {"label": "good"})
    deployment = client.deployment.create(ask.configuration(SERVE))
    while client.deployment.get(deployment.id).status.value != "RUNNING":
        pass
    url = client.deployment.get(deployment.id).deployment_url
    headers = {**client.rest_client.headers, "Authorization": client.rest_client.get_token()}
    answer = requests.post(f"{url}/v2/predict", json=TEXTS, headers=headers, timeout=5)
    assert (answer.status_code, answer.json()) == (200, {"label": "good"})
    assert client.scenario.get(SCENARIO).id == SCENARIO
