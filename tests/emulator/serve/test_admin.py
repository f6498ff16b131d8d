"""`/__aicore__/`: what tests in other processes say to a server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.emulator import Request
from pytest_aicore.emulator.serve.names import is_loopback
from pytest_aicore.errors import EmulatorError
from pytest_aicore.workflows import parse_template
from tests.emulator.serve.servers import SERVING_WORKFLOW, WORKFLOW, Served, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")


HUGE = ("1e10", "2.5e11", "1e12", "1e308", "1e400", "Infinity", f"1{'0' * 400}")
TOO_FAR = (
    "The emulator's clock cannot move that far: expected at most 3,155,760,000 s (a hundred years) at once, and a time"
    " before the end of the year 9999."
)


OR_GROUP = "and resourceGroup if it is not 'default'."


@pytest.fixture
def served() -> Iterator[Served]:
    """A server."""
    with serving() as served:
        yield served


def test_it_tells_what_there_is(served: Served) -> None:
    told = served.stranger().ask("GET", "/__aicore__/").json
    assert told["executables"] == ["train-flowers"]
    assert told["url"] == served.server.url
    assert told["seed"] == 0
    assert sorted(told["calls"]) == [
        "DELETE /__aicore__/requests",
        "GET /__aicore__/",
        "GET /__aicore__/clock",
        "GET /__aicore__/faults",
        "GET /__aicore__/incidents",
        "GET /__aicore__/requests",
        "POST /__aicore__/answers",
        "POST /__aicore__/clock",
        "POST /__aicore__/delete",
        "POST /__aicore__/fail",
        "POST /__aicore__/faults",
        "POST /__aicore__/objects",
        "POST /__aicore__/objects/list",
        "POST /__aicore__/profiles",
        "POST /__aicore__/reset",
        "POST /__aicore__/scripts",
        "POST /__aicore__/stop",
    ]


def test_the_clock_can_be_moved(served: Served) -> None:
    client = served.client()
    execution_id = client.start()
    assert client.ask("GET", "/__aicore__/clock").json == {"now": "2025-01-01T00:00:00.000000Z"}
    moved = client.ask("POST", "/__aicore__/clock", {"advance": 3600})
    assert (moved.status, moved.json) == (200, {"now": "2025-01-01T01:00:00.000000Z"})
    assert client.status(execution_id) == "COMPLETED"


def test_outcomes_can_be_scripted(served: Served) -> None:
    client = served.client()
    script = {"executable": "train-flowers", "outcome": "DEAD", "running": 5, "logs": ["out of memory"]}
    answer = client.ask("POST", "/__aicore__/scripts", {**script, "statusMessage": "Bad luck"})
    assert answer.status == 201
    assert answer.json["script"]["status_message"] == "Bad luck"
    execution_id = client.start()
    client.ask("POST", "/__aicore__/clock", {"advance": 20})
    found = client.ask("GET", f"/v2/lm/executions/{execution_id}").json
    assert (found["status"], found["statusMessage"]) == ("DEAD", "Bad luck")


def test_faults_can_be_scripted(served: Served) -> None:
    client = served.client()
    fault = {"call": "GET /v2/lm/artifacts", "status": 503, "retryAfter": 3}
    answer = client.ask("POST", "/__aicore__/faults", fault)
    assert (answer.status, answer.json) == (
        201,
        {"fault": {"call": "artifact.query", "kind": None, "status": 503}},
    )
    struck = client.ask("GET", "/v2/lm/artifacts")
    assert (struck.status, struck.headers["retry-after"]) == (503, "3")
    assert client.ask("GET", "/v2/lm/artifacts").status == 200
    assert client.ask("GET", "/__aicore__/faults").json == {
        "count": 1,
        "faults": [{"call": "artifact.query", "kind": None, "status": 503, "struck": 1}],
    }


def test_answers_of_deployments_can_be_given(served: Served) -> None:
    served.emulator.publish(parse_template(SERVING_WORKFLOW))
    client = served.client()
    predict = {"target": "serve-flowers", "path": "/v1/predict"}
    answer = client.ask("POST", "/__aicore__/answers", {**predict, "response": {"flower": "rose"}, "status": 201})
    assert (answer.status, answer.json) == (201, {"answer": predict})
    incomplete = client.ask("POST", "/__aicore__/answers", predict)
    assert (incomplete.status, incomplete.json) == (400, {"error": {"message": 'answer: "response" is missing.'}})
    asked = {"name": "c", "executableId": "serve-flowers", "scenarioId": "flowers"}
    configuration = client.ask("POST", "/v2/lm/configurations", asked).json["id"]
    deployment = client.ask("POST", "/v2/lm/deployments", {"configurationId": configuration}).json["id"]
    client.ask("POST", "/__aicore__/clock", {"advance": 60})
    predicted = client.ask("POST", f"/v2/inference/deployments/{deployment}/v1/predict", {"petals": 5})
    assert (predicted.status, predicted.json) == (201, {"flower": "rose"})


def test_one_that_is_under_way_can_be_failed_stopped_and_deleted(served: Served) -> None:
    client = served.client()
    client.ask("POST", "/__aicore__/scripts", {"running": 600, "logs": ["epoch 1"]})
    failed, stopped = client.start(), client.start()
    client.ask("POST", "/__aicore__/clock", {"advance": 60})
    assert client.ask("POST", "/__aicore__/fail", {"id": failed}).status == 202
    assert client.ask("POST", "/__aicore__/stop", {"id": stopped}).status == 202
    client.ask("POST", "/__aicore__/clock", {"advance": 3600})
    found = client.ask("GET", f"/v2/lm/executions/{failed}").json
    assert (found["status"], found["statusMessage"]) == ("DEAD", "failed by POST /__aicore__/fail")
    assert client.status(stopped) == "STOPPED"
    assert client.ask("POST", "/__aicore__/delete", {"id": failed}).status == 202
    client.ask("POST", "/__aicore__/clock", {"advance": 3600})
    assert client.ask("GET", f"/v2/lm/executions/{failed}").status == 404
    assert client.ask("GET", "/__aicore__/incidents").json == {"incidents": []}
    running = client.start()
    for call, body, message in (
        ("stop", {"id": stopped}, f"stop: {stopped} is STOPPED, which cannot be stopped."),
        ("fail", {"id": stopped}, f"fail: {stopped} has ended STOPPED already."),
        ("delete", {"id": running}, f"delete: {running} is UNKNOWN: stop it first."),
        ("stop", {"id": failed}, f"unknown execution or deployment '{failed}'."),
        ("stop", {}, "Expected 'id' and nothing else."),
    ):
        answer = client.ask("POST", f"/__aicore__/{call}", body)
        if call == "delete" and answer.status == 202:
            continue
        assert (answer.status, answer.json) == (400, {"error": {"message": message}})


def test_a_page_of_this_machine_has_a_token_of_its_own() -> None:
    with serving(page_token="of-the-page-alone", public_url="http://aicore.example.com") as served:
        bearer = {"Authorization": "Bearer of-the-page-alone", "Origin": served.server.url}
        assert served.stranger().ask("POST", "/__aicore__/reset", headers=bearer).status == 200
        asked = f"{served.server.url}/__aicore__/reset"
        assert served.server.answer(Request("POST", asked, bearer), "192.0.2.1").status == 403
        through = bearer | {"Host": "aicore.example.com"}
        assert served.stranger().ask("POST", "/__aicore__/reset", headers=through).status == 403
        wrong = bearer | {"Authorization": "Bearer of-another-page"}
        assert served.stranger().ask("POST", "/__aicore__/reset", headers=wrong).status == 403


def test_a_bad_day_can_be_ordered_by_name(served: Served) -> None:
    client = served.client()
    answer = client.ask("POST", "/__aicore__/profiles", {"name": "not found at first", "seed": 1})
    assert (answer.status, answer.json) == (201, {"calls": ["*.*"], "profile": "not found at first"})
    execution_id = client.start()
    looks = [client.ask("GET", f"/v2/lm/executions/{execution_id}").status for _ in range(3)]
    assert looks == [404, 404, 200]


def test_the_requests_can_be_read_without_secrets_and_forgotten(served: Served) -> None:
    client = served.client()
    client.ask("GET", "/v2/lm/executions?$top=1")
    log = client.ask("GET", "/__aicore__/requests").json
    assert log["count"] == 2
    token, listed = log["requests"]
    assert (token["method"], token["path"], token["operation"], token["status"]) == (
        "POST",
        "/oauth/token",
        "token",
        200,
    )
    assert client.service_key["clientsecret"] not in json.dumps(log)
    assert client.headers["Authorization"].partition(" ")[2] not in json.dumps(log)
    assert (listed["path"], listed["operation"], listed["resourceGroup"], listed["number"]) == (
        "/v2/lm/executions?$top=1",
        "execution.query",
        "default",
        2,
    )
    assert client.ask("DELETE", "/__aicore__/requests").status == 204
    assert client.ask("GET", "/__aicore__/requests").json == {"count": 0, "requests": []}


def test_a_reset_forgets_everything_but_the_workflows(served: Served) -> None:
    client = served.client()
    client.start()
    client.ask("POST", "/__aicore__/scripts", {"outcome": "DEAD"})
    client.ask("POST", "/__aicore__/faults", {"call": "*", "status": 500, "times": None})
    client.ask("POST", "/__aicore__/clock", {"advance": 100})
    assert client.ask("POST", "/__aicore__/reset").json == {"now": "2025-01-01T00:00:00.000000Z"}
    for what in ("artifacts", "configurations", "executions"):
        assert client.ask("GET", f"/v2/lm/{what}").json["count"] == 0
    assert client.ask("GET", "/v2/lm/scenarios/flowers").status == 200
    first = client.start()
    client.ask("POST", "/__aicore__/clock", {"advance": 100})
    assert client.status(first) == "COMPLETED"


def test_a_reset_keeps_workflows_that_an_application_took_over(served: Served, tmp_path: Path) -> None:
    (tmp_path / "flowers.yaml").write_text(WORKFLOW)
    (tmp_path / "more.yaml").write_text(WORKFLOW.replace("train-flowers", "train-trees"))
    client = served.client()
    application = {"repositoryUrl": str(tmp_path), "revision": "HEAD", "path": "."}
    assert client.ask("POST", "/v2/admin/applications", application).status == 200
    executables = "/v2/lm/scenarios/flowers/executables"
    client.ask("POST", "/__aicore__/clock", {"advance": 60})
    assert client.ask("GET", executables).json["count"] == 2
    client.ask("POST", "/__aicore__/reset")
    assert [each["id"] for each in client.ask("GET", executables).json["resources"]] == ["train-flowers"]


def test_incidents_are_told_once(served: Served) -> None:
    client = served.client()
    client.ask("GET", "/v2/lm/artefacts")
    (told,) = client.ask("GET", "/__aicore__/incidents").json["incidents"]
    assert told.startswith("The emulator does not know GET /v2/lm/artefacts.")
    assert client.ask("GET", "/__aicore__/incidents").json == {"incidents": []}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        (
            "GET",
            "clok",
            None,
            404,
            "Unknown call GET /__aicore__/clok. Did you mean 'clock'? GET /__aicore__/ lists all calls.",
        ),
        ("POST", "clock", {"advance": "soon"}, 400, "invalid advance='soon': expected a number of seconds."),
        ("POST", "clock", {"advance": True}, 400, "invalid advance=True: expected a number of seconds."),
        ("POST", "clock", {}, 400, "Expected 'advance' and nothing else."),
        ("POST", "clock", b"{", 400, "The body is not valid JSON."),
        ("POST", "clock", [], 400, "The body must be a JSON object."),
        *[("POST", "clock", f'{{"advance": {seconds}}}'.encode(), 400, TOO_FAR) for seconds in HUGE],
        (
            "POST",
            "clock",
            b'{"advance": NaN}',
            400,
            "The emulator's clock cannot move by nan s: expected seconds >= 0.",
        ),
        (
            "POST",
            "clock",
            b'{"advance": -Infinity}',
            400,
            "The emulator's clock cannot move by -inf s: expected seconds >= 0.",
        ),
        (
            "POST",
            "faults",
            {"call": "execution.get", "delay": 1e10},
            400,
            "fault: invalid delay=10000000000.0: expected at most 3,155,760,000 seconds.",
        ),
        (
            "POST",
            "clock",
            {"advance": -1},
            400,
            "The emulator's clock cannot move by -1 s: expected seconds >= 0.",
        ),
        (
            "POST",
            "scripts",
            {"outcomes": "DEAD"},
            400,
            (
                "script: unknown argument 'outcomes'. Did you mean 'outcome'? Arguments: executable, execution, times, "
                "outcome, unknown, pending, running, stopping, polls, stuck_in, logs, metrics, progress, "
                "status_details, status_message, outputs, omit_outputs, symptom."
            ),
        ),
        (
            "POST",
            "scripts",
            {"outcome": "DEATH"},
            400,
            (
                "POST /__aicore__/scripts: script: unknown outcome='DEATH'; expected one of COMPLETED, DEAD, STOPPED. "
                "Did you mean 'DEAD'?"
            ),
        ),
        ("POST", "faults", {"status": 500}, 400, 'fault: "call" is missing, for example "execution.get".'),
        (
            "POST",
            "faults",
            {"call": "execution.get"},
            400,
            "fault: give either status= (an HTTP status) or kind= (another failure), or delay= or late= alone.",
        ),
        ("POST", "objects", {"url": "ai://default/a"}, 400, f"Expected url, base64, {OR_GROUP}"),
        (
            "POST",
            "objects/list",
            {"url": "ai://defualt/a"},
            400,
            (
                "the resource group 'default' has no object-store secret 'defualt'. Did you mean 'default'? "
                "It has: 'default'."
            ),
        ),
        (
            "POST",
            "objects/list",
            {"url": "ai://default/a", "resourceGroup": "defualt"},
            400,
            "unknown resource group 'defualt'. Did you mean 'default'?",
        ),
        (
            "POST",
            "objects",
            {"url": "ai://default/a", "base64": "?"},
            400,
            'objects: invalid "base64": expected the content of a file, encoded.',
        ),
        ("POST", "profiles", {}, 400, 'profile: "name" is missing, for example "throttled".'),
        (
            "POST",
            "profiles",
            {"name": "throttled", "sead": 1},
            400,
            "profile: unknown argument 'sead'. Did you mean 'seed'? Arguments: name, seed.",
        ),
    ],
)
def test_a_mistake_gets_a_sentence(
    served: Served, method: str, path: str, body: Any, status: int, message: str
) -> None:
    client = served.stranger()
    before = client.ask("GET", "/__aicore__/clock").json["now"]
    answer = client.ask(method, f"/__aicore__/{path}", body)
    assert (answer.status, answer.json) == (status, {"error": {"message": message}})
    assert client.ask("GET", "/__aicore__/clock").json["now"][:4] == before[:4]
    assert served.client().ask("GET", "/v2/lm/executions").status == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"call": "execution.get", "status": 500, "times": "x"},
        {"call": "execution.get", "status": "x"},
        {"call": "execution.get", "kind": ["x"]},
        {"call": "execution.get", "status": 500, "after": None},
    ],
)
def test_a_value_that_cannot_be_used_is_refused(served: Served, fault: dict[str, Any]) -> None:
    client = served.client()
    assert client.ask("POST", "/__aicore__/faults", fault).status == 400
    assert client.ask("GET", "/v2/lm/executions").status == 200


def test_another_method_is_not_allowed(served: Served) -> None:
    answer = served.stranger().ask("GET", "/__aicore__/reset")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_a_page_in_a_browser_is_not_heard(served: Served) -> None:
    answer = served.stranger().ask("POST", "/__aicore__/reset", headers={"Origin": "http://127.0.0.1"})
    assert (answer.status, answer.json) == (
        403,
        {"error": {"message": "/__aicore__/ answers only programs on the server's own machine."}},
    )


def test_another_machine_is_not_heard(served: Served) -> None:
    request = Request("POST", f"{served.server.url}/__aicore__/reset")
    assert served.server.answer(request, "192.0.2.1").status == 403
    assert served.server.answer(request, "127.0.0.1").status == 200


TOKEN = "an-administrator-s-token"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},  # an image in a page: no Origin
        {"X-Forwarded-For": "192.0.2.1"},  # a proxy of this machine
        {"Host": "aicore.example.com"},
    ],
)
def test_nobody_is_heard_by_way_of_a_browser_or_a_proxy(headers: dict[str, str]) -> None:
    with serving(public_url="https://aicore.example.com") as served:
        assert served.stranger().ask("GET", "/__aicore__/incidents", headers=headers).status == 403
        assert served.stranger().ask("GET", "/__aicore__/incidents").status == 200


def test_the_token_opens_it_to_other_machines() -> None:
    with serving(admin_token=TOKEN) as served:
        asked = f"{served.server.url}/__aicore__/reset"
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert served.server.answer(Request("POST", asked, bearer), "192.0.2.1").status == 200
        assert served.stranger().ask("POST", "/__aicore__/reset", headers=bearer | {"Origin": "null"}).status == 200
        refused = served.server.answer(Request("POST", asked, {"Authorization": "Bearer wrong"}), "192.0.2.1")
        assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Bearer realm="/__aicore__/"')
        assert json.loads(refused.body)["error"]["message"] == (
            "/__aicore__/ answers programs on the server's own machine, and others with the token of --admin-token: "
            "Authorization: Bearer TOKEN."
        )
        assert served.client().ask("POST", "/__aicore__/reset").status == 200  # with a token of the API, from here
        assert served.client().ask("POST", "/__aicore__/reset", headers={"Origin": "null"}).status == 401


@pytest.mark.parametrize("token", ["short", "with a blank", "höllisch geheim"])
def test_a_token_that_no_header_can_have_is_refused(token: str) -> None:
    with pytest.raises(EmulatorError) as refused, serving(admin_token=token):
        pass
    assert str(refused.value) == (
        "--admin-token: invalid token; expected at least 8 characters of ASCII without blanks, for example from: "
        "openssl rand -hex 24"
    )


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:192.0.2.1", False),
        ("192.0.2.1", False),
        ("fe80::1%eth0", False),
        ("2001:db8::1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_which_address_is_this_machine(address: str, own: bool) -> None:
    assert is_loopback(address) is own


def test_it_can_be_switched_off() -> None:
    with serving(admin=False) as served:
        answer = served.stranger().ask("POST", "/__aicore__/reset")
        assert (answer.status, answer.body) == (404, b"")
