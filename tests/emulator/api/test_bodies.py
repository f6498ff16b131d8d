"""What the emulator writes, byte for byte: sorted keys, times, envelopes, absent values left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import requests
import responses
from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

from pytest_aicore.emulator import Emulator

if TYPE_CHECKING:
    from tests.emulator.conftest import House

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIMES = '"createdAt":"2025-01-01T00:00:00+00:00"', '"modifiedAt":"2025-01-01T00:00:00+00:00"'
SCENARIO = (
    f'{{{TIMES[0]},"description":"Guess what a house costs","id":"house-prices",'
    f'"labels":[{{"key":"ext.ai.sap.com/team","value":"pricing"}}],{TIMES[1]},"name":"House prices"}}'
)
TRAINING = (
    f'{{{TIMES[0]},"deployable":false,"description":"Fit a tree","id":"house-train",'
    f'"inputArtifacts":[{{"kind":"dataset","name":"houses"}}],{TIMES[1]},"name":"Train","outputArtifacts":['
    '{"description":"A tree","kind":"model","labels":[{"key":"ext.ai.sap.com/framework","value":"scikit-learn"}],'
    '"name":"house-model"},{"kind":"resultset","name":"house-report"}],"parameters":['
    '{"name":"DEPTH","type":"string"},'
    '{"default":"7","description":"Where chance begins","name":"SEED","type":"string"}],'
    '"scenarioId":"house-prices","versionId":"1.0.0"}'
)
SERVING = (
    f'{{{TIMES[0]},"deployable":true,"id":"house-serve","inputArtifacts":[{{"name":"house-model"}}],{TIMES[1]},'
    '"name":"Serve","outputArtifacts":[],"parameters":[],"scenarioId":"house-prices","versionId":"1.0.0"}'
)
HOUSES = {"name": "houses", "kind": "dataset", "url": "ai://default/houses", "scenarioId": "house-prices"}


def configuration(artifact_id: str) -> dict[str, Any]:
    return {
        "name": "small tree",
        "scenarioId": "house-prices",
        "executableId": "house-train",
        "parameterBindings": [{"key": "DEPTH", "value": "3"}],
        "inputArtifactBindings": [{"artifactId": artifact_id, "key": "houses"}],
    }


def started(house: House) -> tuple[str, str]:
    """Return the ids of a configuration and of an execution of it, in a world that holds its breath."""
    house.emulator.clock.hold()
    configuration_id = house.create("/configurations", configuration(house.create("/artifacts", HOUSES)))
    return configuration_id, house.create("/executions", {"configurationId": configuration_id})


# Tokens -------------------------------------------------------------------------------------------------------


def ask_for_token(house: House, form: dict[str, str], **asked: Any) -> requests.Response:
    return requests.post(f"{house.emulator.auth_url}/oauth/token", data=form, timeout=5, **asked)


def test_token_for_credentials_in_form_header_or_query(house: House) -> None:
    key = house.emulator.service_key
    basic = (key["clientid"], str(key["clientsecret"]))
    grant = {"grant_type": "client_credentials"}
    in_form = ask_for_token(house, {**grant, "client_id": key["clientid"], "client_secret": key["clientsecret"]})
    in_header = ask_for_token(house, grant, auth=basic)
    in_query = ask_for_token(house, {}, auth=basic, params=grant)
    assert in_form.text == in_header.text == in_query.text
    assert in_form.json() == {
        "access_token": house.token(),
        "expires_in": 43199,
        "jti": in_form.json()["jti"],
        "scope": "uaa.resource",
        "token_type": "bearer",
    }
    assert in_form.headers["cache-control"] == "no-store"
    assert in_form.headers["pragma"] == "no-cache"


def test_token_for_a_certificate(house: House) -> None:
    """In this process nobody looks into it: a connection that shows one is as good as one with a secret."""
    form = {"grant_type": "client_credentials", "client_id": house.emulator.service_key["clientid"]}
    assert ask_for_token(house, form).status_code == 401
    assert ask_for_token(house, form, cert=("cert.pem", "key.pem")).json()["access_token"] == house.token()
    assert ask_for_token(house, {**form, "client_id": "x"}, cert="both.pem").status_code == 401
    prepared = requests.Request("POST", f"{house.emulator.auth_url}/oauth/token", data=form).prepare()
    for certificate, status in ((None, 401), ("both.pem", 200)):  # an adapter of somebody's own may send by position
        sent = requests.adapters.HTTPAdapter().send(prepared, False, None, True, certificate)
        assert sent.status_code == status
    client = AIAPIV2Client(
        base_url=house.url,
        auth_url=f"{house.emulator.auth_url}/oauth/token",
        client_id=form["client_id"],
        cert_str="-----BEGIN CERTIFICATE-----",
        key_str="-----BEGIN PRIVATE KEY-----",
        resource_group="default",
    )
    assert client.artifact.count() == 0


@pytest.mark.parametrize(
    ("form", "status", "body"),
    [
        (
            {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"},
            401,
            '{"error":"invalid_client","error_description":"Bad credentials"}',
        ),
        ({"client_id": "x"}, 400, '{"error":"invalid_request","error_description":"Missing grant type"}'),
        (
            {"grant_type": "password"},
            400,
            '{"error":"unsupported_grant_type","error_description":"Unsupported grant type: password"}',
        ),
    ],
)
def test_refused_tokens(house: House, form: dict[str, str], status: int, body: str) -> None:
    answer = ask_for_token(house, form)
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (status, body, "application/json")
    challenge = 'Basic realm="UAA/client", error="unauthorized", error_description="Bad credentials"'
    assert answer.headers.get("www-authenticate") == (challenge if status == 401 else None)


@pytest.mark.parametrize(
    ("authorization", "sentence"),
    [
        (None, "Jwt is missing"),
        ("Basic abc", "Jwt is missing"),
        ("Bearer", "Jwt is missing"),
        ("Bearer abc", "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"),
        ("Bearer a.b.c", "Jwt verification fails"),
    ],
)
def test_refused_calls(house: House, authorization: str | None, sentence: str) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answer = requests.get(f"{house.url}/artifacts", headers=headers, timeout=5)
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (401, sentence, "text/plain")
    assert answer.headers["www-authenticate"] == f'Bearer realm="{house.url}/artifacts"'


def test_the_scheme_is_read_in_any_case(house: House) -> None:
    headers = {"authorization": f"bEARER {house.token()}", "ai-resource-group": "default"}
    assert requests.get(f"{house.url}/artifacts", headers=headers, timeout=5).status_code == 200


# Ways that do not exist ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/lm/artifacts", "/artifacts", "/v2/artifacts", "/v1/lm/artifacts", "/v2/lm", "/"])
def test_a_wrong_base_path_is_an_empty_404_of_the_gateway(house: House, path: str) -> None:
    answer = requests.get(house.emulator.base_url + path, timeout=5)
    assert (answer.status_code, answer.content) == (404, b"")
    assert dict(answer.headers) == {"content-length": "0", "server": "istio-envoy"}
    assert house.emulator.incidents == []


def test_a_wrong_host_is_an_empty_404(house: House) -> None:
    at_the_token_host = requests.get(f"{house.emulator.auth_url}/v2/lm/artifacts", timeout=5)
    at_the_api_host = requests.post(f"{house.emulator.base_url}/oauth/token", timeout=5)
    answers = (at_the_token_host, at_the_api_host)
    assert [(answer.status_code, answer.text) for answer in answers] == [(404, "")] * 2


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "OPTIONS"])
def test_tokens_are_asked_for_by_post_only(method: str, house: House) -> None:
    answer = requests.request(method, f"{house.emulator.auth_url}/oauth/token", timeout=5)
    assert (answer.status_code, answer.headers["allow"], answer.text) == (405, "POST", "")
    assert house.emulator.incidents == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/artifacts", "GET, POST"),
        ("PATCH", "/artifacts/some-id", "GET"),
        ("DELETE", "/configurations/some-id", "GET"),
        ("POST", "/executions/some-id", "DELETE, GET, PATCH"),
        ("POST", "/executions/$count", "GET"),
        ("PUT", "/metrics", "DELETE, GET, PATCH"),
        ("POST", "/scenarios", "GET"),
    ],
)
def test_a_method_that_a_path_does_not_have(house: House, method: str, path: str, allowed: str) -> None:
    answer = house.ask(method, path)
    assert (answer.status_code, answer.content, answer.headers["allow"]) == (405, b"", allowed)


def test_an_endpoint_that_the_emulator_does_not_know_fails_the_test(house: House) -> None:
    answer = house.ask("GET", "/executons")
    sentence = "The emulator does not know GET /v2/lm/executons. Did you mean 'GET /v2/lm/executions'?"
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (501, sentence, "text/plain")
    incident = (
        f"{sentence} It answered 501, so that this is not mistaken for an answer of AI Core. "
        "If AI Core has this call, please report it; a stub of your own can answer it meanwhile."
    )
    house.ask("GET", "/executons")
    assert house.emulator.take_incidents() == [incident]
    assert house.emulator.take_incidents() == []


PREDICT = "/v2/inference/deployments/d0123456789abcde/v1/predict"
STUB = "Give the answer with a stub: @responses.activate, and responses.add('POST', '{url}', json=...)."
ELSEWHERE = {
    "/v2/lm/promptTemplates": (
        "Prompt templates belong to another service of SAP AI Core ({asked}), which the emulator does not imitate.",
        STUB,
    ),
    "/v2/lm/document-grounding/pipelines": (
        (
            "The calls of document grounding belong to another service of SAP AI Core ({asked}), which the emulator"
            " does not imitate."
        ),
        STUB,
    ),
    "/v2/lm/workflowtemplates": (
        (
            "AI Core has no call for templates ({asked}): it synchronises them from a Git repository, by way of"
            " /v2/admin/repositories and /v2/admin/applications."
        ),
        "In a test the files of the workflows folder are there without that.",
    ),
}


@pytest.mark.parametrize("path", ELSEWHERE)
def test_what_others_answer_says_who(house: House, path: str) -> None:
    house.url = house.emulator.base_url
    sentence, advice = (each.format(asked=f"POST {path}", url=f"{house.url}{path}") for each in ELSEWHERE[path])
    answer = house.ask("POST", path, {})
    assert (answer.status_code, answer.text) == (501, sentence)
    (incident,) = house.emulator.take_incidents()
    assert incident == f"{sentence} It answered 501, so that this is not mistaken for an answer of AI Core. {advice}"


def test_a_stub_of_the_test_goes_before_the_inference_door(house: House) -> None:
    url = f"{house.emulator.base_url}{PREDICT}"

    @responses.activate
    def ask() -> object:
        responses.add("POST", url, json={"rose": 0.9})
        return requests.post(url, json={}, timeout=5).json()

    assert ask() == {"rose": 0.9}
    assert house.emulator.take_incidents() == []


@pytest.mark.parametrize("path", ["/v2/lm/cheeseboards", "/v2/lm/x", "/v2/admin/zzz"])
def test_what_is_near_no_call_gets_no_guess(house: House, path: str) -> None:
    house.url = house.emulator.base_url
    assert house.ask("GET", path).text == f"The emulator does not know GET {path}."
    house.emulator.take_incidents()


def test_an_encoded_slash_divides_no_segments(house: House) -> None:
    answer = house.ask("GET", "/executions/a%2Flogs")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Invalid Request, executionId must match ^[\\w.-]{4,64}$"
    assert requests.get(f"{house.url}/artifacts/%24count", timeout=5).status_code == 401


# Scenarios ----------------------------------------------------------------------------------------------------


def test_scenarios(house: House) -> None:
    listed = house.ask("GET", "/scenarios").json()
    assert listed["count"] == len(listed["resources"])
    assert house.ask("GET", "/scenarios/house-prices").text == SCENARIO
    assert house.ask("GET", "/scenarios").text.startswith(f'{{"count":{listed["count"]},"resources":[{SCENARIO}')
    assert house.ask("GET", "/scenarios/house-prices/versions").text == (
        f'{{"count":1,"resources":[{{{TIMES[0]},"id":"1.0.0",{TIMES[1]},"scenarioId":"house-prices"}}]}}'
    )


def test_executables(house: House) -> None:
    path = "/scenarios/house-prices/executables"
    assert house.ask("GET", path).text == f'{{"count":2,"resources":[{TRAINING},{SERVING}]}}'
    assert house.ask("GET", path, versionId="1.0.0").json()["count"] == 2
    assert house.ask("GET", path, versionId="1.0.1").text == '{"count":0,"resources":[]}'
    assert house.ask("GET", f"{path}/house-train").text == TRAINING
    assert house.ask("GET", "/scenarios/nobody-knows/executables").text == '{"count":0,"resources":[]}'


def test_a_template_that_changes_is_modified_and_one_that_does_not_is_not(house: House) -> None:
    executable = house.emulator.state.published["house-train"].executable
    house.emulator.clock.advance(180)
    house.emulator.publish(executable)
    assert house.ask("GET", "/scenarios/house-prices").text == SCENARIO
    changed = type(executable)(**{**vars_of(executable), "description": "Fit another tree"})
    house.emulator.publish(changed)
    shown = house.ask("GET", "/scenarios/house-prices/executables/house-train").json()
    times = ("2025-01-01T00:00:00+00:00", "2025-01-01T00:03:00+00:00")
    assert (shown["createdAt"], shown["modifiedAt"], shown["description"]) == (*times, "Fit another tree")
    assert house.ask("GET", "/scenarios/house-prices").json()["modifiedAt"] == times[1]


def vars_of(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


# Artifacts and configurations ---------------------------------------------------------------------------------


def test_artifacts(house: House) -> None:
    created = house.ask("POST", "/artifacts", HOUSES)
    first = created.json()["id"]
    assert UUID.fullmatch(first)
    assert (created.status_code, created.text) == (
        201,
        f'{{"id":"{first}","message":"Artifact acknowledged","url":"ai://default/houses"}}',
    )
    assert created.headers["location"] == created.headers["content-location"] == f"/v2/lm/artifacts/{first}"
    labels = [{"key": "ext.ai.sap.com/a", "value": "1,2"}]
    second = house.create("/artifacts", {**HOUSES, "description": "d", "labels": labels, "scenarioId": "unseen"})
    shown = {
        first: (
            f'{{"createdAt":"2025-01-01T00:00:00Z","description":"","id":"{first}","kind":"dataset",'
            '"modifiedAt":"2025-01-01T00:00:00Z","name":"houses","scenarioId":"house-prices",'
            '"url":"ai://default/houses"}'
        ),
        second: (
            f'{{"createdAt":"2025-01-01T00:00:00Z","description":"d","id":"{second}","kind":"dataset",'
            '"labels":[{"key":"ext.ai.sap.com/a","value":"1,2"}],"modifiedAt":"2025-01-01T00:00:00Z",'
            '"name":"houses","scenarioId":"unseen","url":"ai://default/houses"}'
        ),
    }
    assert house.ask("GET", f"/artifacts/{first}").text == shown[first]
    assert house.ask("GET", "/artifacts").text == f'{{"count":2,"resources":[{shown[second]},{shown[first]}]}}'
    expanded = house.ask("GET", "/artifacts", S_expand="scenario").text
    for artifact, scenario in ((first, SCENARIO), (second, "null")):
        assert shown[artifact].replace('"scenarioId"', f'"scenario":{scenario},"scenarioId"') in expanded
    assert house.ask("GET", f"/artifacts/{first}", S_expand="scenario").text in expanded
    count = house.ask("GET", "/artifacts/$count")
    assert (count.text, count.headers["content-type"]) == ("2", "text/plain")


def test_configurations(house: House) -> None:
    artifact_id = house.create("/artifacts", HOUSES)
    created = house.ask("POST", "/configurations", configuration(artifact_id))
    configuration_id = created.json()["id"]
    assert UUID.fullmatch(configuration_id)
    assert (created.status_code, created.text) == (
        201,
        f'{{"id":"{configuration_id}","message":"Configuration created"}}',
    )
    assert created.headers["location"] == f"/v2/lm/configurations/{configuration_id}"
    shown = (
        f'{{"createdAt":"2025-01-01T00:00:00Z","executableId":"house-train","id":"{configuration_id}",'
        f'"inputArtifactBindings":[{{"artifactId":"{artifact_id}","key":"houses"}}],"name":"small tree",'
        '"parameterBindings":[{"key":"DEPTH","value":"3"}],"scenarioId":"house-prices"}'
    )
    assert house.ask("GET", f"/configurations/{configuration_id}").text == shown
    assert house.ask("GET", "/configurations").text == f'{{"count":1,"resources":[{shown}]}}'
    assert house.ask("GET", "/configurations", S_expand="scenario").text == (
        f'{{"count":1,"resources":[{shown}]}}'.replace('"scenarioId"', f'"scenario":{SCENARIO},"scenarioId"')
    )
    bare = house.create("/configurations", {"name": "", "scenarioId": "house-prices", "executableId": "house-train"})
    assert house.ask("GET", f"/configurations/{bare}").text == (
        f'{{"createdAt":"2025-01-01T00:00:00Z","executableId":"house-train","id":"{bare}",'
        '"inputArtifactBindings":[],"name":"","parameterBindings":[],"scenarioId":"house-prices"}'
    )


def test_a_configuration_of_an_unknown_executable(house: House) -> None:
    for scenario_id, executable_id in (("house-prices", "house-tran"), ("nobody-knows", "house-train")):
        body = {"name": "x", "scenarioId": scenario_id, "executableId": executable_id}
        answer = house.ask("POST", "/configurations", body)
        assert answer.status_code == 400
        error = answer.json()["error"]
        assert error["message"] == (
            f"Could not create configuration, because executable {executable_id} for scenario {scenario_id} "
            "is not found"
        )
        assert error["target"] == "/api/v2/configurations"
        assert UUID.fullmatch(error["requestId"])


# Executions ---------------------------------------------------------------------------------------------------


def test_an_execution_from_its_start_to_its_end(house: House) -> None:
    configuration_id, _ = started(house)
    created = house.ask("POST", "/executions", {"configurationId": configuration_id})
    execution_id = created.json()["id"]
    assert re.fullmatch("e[0-9a-f]{15}", execution_id)
    assert (created.status_code, created.text) == (
        202,
        f'{{"id":"{execution_id}","message":"Execution scheduled","status":"UNKNOWN","targetStatus":"COMPLETED"}}',
    )
    assert created.headers["location"] == f"/v2/lm/executions/{execution_id}"
    path = f"/executions/{execution_id}"
    assert house.ask("GET", path).text == (
        f'{{"configurationId":"{configuration_id}","configurationName":"small tree",'
        f'"createdAt":"2025-01-01T00:00:00Z","executableId":"house-train","id":"{execution_id}",'
        '"modifiedAt":"2025-01-01T00:00:00Z","outputArtifacts":[],"scenarioId":"house-prices","status":"UNKNOWN",'
        '"targetStatus":"COMPLETED"}'
    )
    house.emulator.clock.advance(59)
    running = house.ask("GET", path).json()
    assert (running["status"], len(running["outputArtifacts"])) == ("RUNNING", 2)
    house.emulator.clock.advance(1)
    model, report = (artifact["id"] for artifact in running["outputArtifacts"])
    assert house.ask("GET", path).text == (
        f'{{"completionTime":"2025-01-01T00:01:00Z","configurationId":"{configuration_id}",'
        '"configurationName":"small tree","createdAt":"2025-01-01T00:00:00Z","executableId":"house-train",'
        f'"id":"{execution_id}","modifiedAt":"2025-01-01T00:01:00Z","outputArtifacts":['
        f'{{"createdAt":"2025-01-01T00:00:50Z","description":"A tree","executionId":"{execution_id}","id":"{model}",'
        '"kind":"model","labels":[{"key":"ext.ai.sap.com/framework","value":"scikit-learn"}],'
        '"modifiedAt":"2025-01-01T00:00:50Z","name":"house-model","scenarioId":"house-prices",'
        f'"url":"ai://default/{execution_id}/house-model"}},'
        f'{{"createdAt":"2025-01-01T00:00:50Z","description":"","executionId":"{execution_id}","id":"{report}",'
        '"kind":"resultset","modifiedAt":"2025-01-01T00:00:50Z","name":"House report",'
        f'"scenarioId":"house-prices","url":"ai://default/{execution_id}/house-report"}}],'
        '"scenarioId":"house-prices","startTime":"2025-01-01T00:00:15Z","status":"COMPLETED",'
        '"submissionTime":"2025-01-01T00:00:15Z","targetStatus":"COMPLETED"}'
    )


def test_selecting_the_status_shows_what_the_sdk_takes_and_nothing_else(house: House) -> None:
    configuration_id, execution_id = started(house)
    body = (
        f'{{"configurationId":"{configuration_id}","createdAt":"2025-01-01T00:00:00Z","id":"{execution_id}",'
        '"modifiedAt":"2025-01-01T00:00:00Z","status":"UNKNOWN"}'
    )
    assert house.ask("GET", f"/executions/{execution_id}", S_select="status").text == body
    assert house.ask("GET", "/executions", S_select="status").text == f'{{"count":1,"resources":[{body}]}}'
    shown = house.client().execution.get(execution_id, select="status")
    assert vars(shown).keys() == {"id", "configuration_id", "status", "created_at", "modified_at", "status_details"}
    house.emulator.script(execution=execution_id, outcome="DEAD", status_details={"why": "so"})
    house.emulator.clock.advance(100)
    assert house.client().execution.get(execution_id, select="status").status_details == {"why": "so"}


def test_logs(house: House) -> None:
    _, execution_id = started(house)
    assert house.ask("GET", f"/executions/{execution_id}/logs").text == '{"data":{"result":[]}}'
    house.emulator.clock.advance(37.5)
    lines = [
        ("init", 'level=info msg=\\"Starting Workflow Executor\\"', "00:00:15.000000000"),
        ("main", "Training house-train started", "00:00:37.500000000"),
        ("main", "Training finished", "00:01:00.000000000"),
    ]
    written = [
        f'{{"container":"{container}","msg":"{text}","pod":"{execution_id}","timestamp":"2025-01-01T{time}+00:00"}}'
        for container, text, time in lines
    ]

    def logs(**asked: str) -> str:
        text = house.ask("GET", f"/executions/{execution_id}/logs", **asked).text
        return text.removeprefix('{"data":{"result":[').removesuffix("]}}")

    assert logs() == ",".join(written[:2])
    house.emulator.clock.advance(60)
    assert logs() == ",".join(written)
    assert logs(S_order="desc", S_top="2") == ",".join([written[2], written[1]])
    assert logs(S_top="1") == written[0]
    assert logs(order="desc", top="1") == ",".join(written)  # what the SDK sends, and the service does not know
    assert logs(start="2025-01-01T00:00:37.5Z") == ",".join(written[1:])
    assert logs(start="2025-01-01T01:00:37.5+01:00", end="2025-01-01T00:00:59Z") == written[1]
    assert logs(end="2025-01-01T00:00:15.000000001+00:00") == written[0]
    assert logs(start="2030-01-01T00:00:00Z") == ""
    house.emulator.clock.advance(3600)
    assert logs() == ""
    assert logs(start="2025-01-01T00:00:00Z") == ",".join(written)


def test_stopping_and_deleting(house: House) -> None:
    _, execution_id = started(house)
    path = f"/executions/{execution_id}"
    house.emulator.clock.advance(20)
    stopped = house.ask("PATCH", path, {"targetStatus": "STOPPED"})
    assert (stopped.status_code, stopped.text) == (
        202,
        f'{{"id":"{execution_id}","message":"Execution modification scheduled"}}',
    )
    shown = house.ask("GET", path).json()
    assert (shown["status"], shown["targetStatus"], shown["modifiedAt"]) == (
        "STOPPING",
        "STOPPED",
        "2025-01-01T00:00:20Z",
    )
    refused = house.ask("DELETE", path)
    request_id = refused.json()["error"]["requestId"]
    assert UUID.fullmatch(request_id)
    assert (refused.status_code, refused.text) == (
        400,
        (
            '{"error":{"code":"01010076","message":"Invalid Request, Current status STOPPING cannot be changed..",'
            f'"requestId":"{request_id}","target":"/api/v2/executions/{execution_id}"}}}}'
        ),
    )
    house.emulator.clock.advance(10)
    shown = house.ask("GET", path).json()
    assert (shown["status"], shown["completionTime"]) == ("STOPPED", "2025-01-01T00:00:30Z")
    deleted = house.ask("DELETE", path)
    assert (deleted.status_code, deleted.text) == (
        202,
        f'{{"id":"{execution_id}","message":"Deletion scheduled","targetStatus":"DELETED"}}',
    )
    shown = house.ask("GET", path).json()
    assert (shown["status"], shown["targetStatus"]) == ("STOPPED", "DELETED")
    house.emulator.clock.advance(60)
    for method, content in (("GET", None), ("DELETE", None), ("PATCH", {"targetStatus": "STOPPED"})):
        gone = house.ask(method, path, content)
        error = gone.json()["error"]
        assert (gone.status_code, error["code"], error["message"]) == (
            404,
            "01010020",
            f"Execution with id {execution_id} is not found",
        )


def test_changing_many_at_once(house: House) -> None:
    configuration_id, running = started(house)
    house.emulator.clock.advance(20)
    waiting = house.create("/executions", {"configurationId": configuration_id})
    changes = [
        {"id": running, "targetStatus": "STOPPED"},
        {"id": waiting, "targetStatus": "STOPPED"},
        {"id": "exec_a_not_exist", "targetStatus": "DELETED"},
    ]
    answer = house.ask("PATCH", "/executions", {"executions": changes}, content_type="application/merge-patch+json")
    requests_made = [each["error"]["requestId"] for each in answer.json()["executions"][1:]]
    assert (answer.status_code, answer.text) == (
        202,
        (
            f'{{"executions":[{{"id":"{running}","message":"Execution modification scheduled"}},'
            '{"error":{"code":"01010076","message":"Current status UNKNOWN cannot be changed",'
            f'"requestId":"{requests_made[0]}","target":"/api/v2/executions/{waiting}"}},"id":"{waiting}"}},'
            '{"error":{"code":"01010020","message":"Execution with id exec_a_not_exist is not found",'
            f'"requestId":"{requests_made[1]}","target":"/api/v2/executions/exec_a_not_exist"}},'
            '"id":"exec_a_not_exist"}]}'
        ),
    )
    changes = [{"id": waiting, "targetStatus": "DELETED"}]
    content_type = "application/merge-patch+json; charset=utf-8"
    answer = house.ask("PATCH", "/executions", {"executions": changes}, content_type=content_type)
    assert answer.json() == {"executions": [{"id": waiting, "message": "Execution modification scheduled"}]}
    assert house.ask("GET", f"/executions/{waiting}").json()["targetStatus"] == "DELETED"
    house.emulator.clock.advance(60)
    assert house.ask("GET", f"/executions/{waiting}").status_code == 404


@pytest.mark.parametrize("configuration_id", ["unheard-of", None])
def test_an_execution_that_cannot_be_started(house: House, configuration_id: str | None) -> None:
    sentence = "Configuration with id unheard-of is not found"
    if configuration_id is None:
        sentence = "Executable house-serve is deployable: it can be deployed, but not executed"
        configuration_id = house.create(
            "/configurations", {"name": "x", "scenarioId": "house-prices", "executableId": "house-serve"}
        )
    answer = house.ask("POST", "/executions", {"configurationId": configuration_id})
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, f"Invalid Request, {sentence}")


@pytest.mark.parametrize(
    ("path", "code", "sentence"),
    [
        ("/artifacts/nowhere", "01010030", "Artifact with id nowhere is not found"),
        ("/configurations/nowhere", "01010050", "Configuration with id nowhere is not found"),
        ("/executions/nowhere", "01010020", "Execution with id nowhere is not found"),
        ("/executions/nowhere/logs", "01010020", "Execution with id nowhere is not found"),
        ("/scenarios/nowhere", "01010040", "Scenario with id nowhere is not found"),
        ("/scenarios/house-prices/executables/nowhere", "01010041", "Executable with id nowhere is not found"),
        ("/scenarios/nowhere/executables/house-train", "01010041", "Executable with id house-train is not found"),
    ],
)
def test_what_is_not_there(house: House, path: str, code: str, sentence: str) -> None:
    answer = house.ask("GET", path)
    request_id = answer.json()["error"]["requestId"]
    assert (answer.status_code, answer.text) == (
        404,
        f'{{"error":{{"code":"{code}","message":"{sentence}","requestId":"{request_id}","target":"/api/v2{path}"}}}}',
    )


# Meta ---------------------------------------------------------------------------------------------------------


def test_meta(house: House) -> None:
    assert house.ask("GET", "/meta", resource_group=None).text == (
        '{"aiApi":{"capabilities":{"bulkUpdates":{"deployments":true,"executions":true},"executionSchedules":true,'
        '"logs":{"deployments":true,"executions":true},"multitenant":true,"shareable":true,"staticDeployments":true,'
        '"timeToLiveDeployments":true,"userDeployments":true,"userExecutions":true},"limits":{"deployments":'
        '{"maxRunningCount":-1},"executions":{"maxRunningCount":-1},"minimumFrequencyHour":1,'
        '"timeToLiveDeployments":{"maximum":"-1","minimum":"10m"}},"version":"2.42.0"},"extensions":{"analytics":'
        '{"version":"1.0.0"},"metrics":{"capabilities":{"extendedResults":true},"version":"1.0.0"},'
        '"resourceGroups":{"version":"1.2.0"}},"runtimeApiVersion":"2.42.0","runtimeIdentifier":"aicore"}'
    )
    assert house.ask("GET", "/healthz").text == '{"message":"OK","status":"READY"}'
    assert house.ask("GET", "/meta/versions").text == (
        f'{{"versions":[{{"description":"AI API v2","url":"{house.url}","versionId":"v2"}}]}}'
    )


def test_the_sdk_reads_all_of_it(house: House) -> None:
    client = house.client()
    meta = client.meta.get()
    assert meta.runtime_identifier == "aicore"
    assert meta.ai_api.capabilities.bulk_updates.executions is True
    assert client.healthz.get().status.value == "READY"
    scenario = client.scenario.get("house-prices")
    assert (scenario.name, scenario.labels[0].key) == ("House prices", "ext.ai.sap.com/team")
    executable = client.executable.get("house-prices", "house-train")
    assert [parameter.name for parameter in executable.parameters] == ["DEPTH", "SEED"]
    assert [artifact.name for artifact in executable.output_artifacts] == ["house-model", "house-report"]
    version = client.scenario.query_versions("house-prices").resources[0]
    assert (version.id, version.created_at.isoformat()) == ("1.0.0", "2025-01-01T00:00:00+00:00")


# Sameness -----------------------------------------------------------------------------------------------------


def walk(house: House) -> list[tuple[int, str]]:
    """Do a bit of everything, and return what was answered."""
    house.emulator.script(times=1, outcome="DEAD", logs=["a", "b"], metrics={"loss": [2, 1]})
    _, execution_id = started(house)
    house.emulator.fault("artifact.count", status=500)
    house.emulator.clock.advance(100)
    asked = [
        ("GET", f"/executions/{execution_id}"),
        ("GET", f"/executions/{execution_id}/logs"),
        ("GET", f"/metrics?executionIds={execution_id}"),
        ("GET", "/artifacts/$count"),
        ("GET", "/artifacts"),
        ("GET", "/scenarios"),
        ("DELETE", f"/executions/{execution_id}"),
        ("GET", f"/executions/{execution_id}"),
    ]
    return [(answer.status_code, answer.text) for answer in (house.ask(*each) for each in asked)]


def test_the_same_seed_gives_the_same_bytes(house: House) -> None:
    answered = walk(house)
    house.door.close()
    twin, other = type(house)(seed=0), type(house)(seed=1)
    for each, same in ((twin, True), (other, False)):
        each.door.open()
        assert (walk(each) == answered) is same
        each.door.close()


def test_the_world_can_be_named(house: House) -> None:
    emulator = Emulator(7, base_url="https://api.example.invalid", auth_url="https://auth.example.invalid")
    assert repr(emulator) == "<Emulator https://api.example.invalid seed=7 at 2025-01-01T00:00:00Z>"
    key = emulator.service_key
    assert (key["url"], key["serviceurls"]) == (
        emulator.auth_url,
        dict.fromkeys(["AI_API_URL", "ML_API_URL"], emulator.base_url),
    )
    assert emulator.now.isoformat() == "2025-01-01T00:00:00+00:00"
    assert "'clientsecret': '***'" in repr(key)
