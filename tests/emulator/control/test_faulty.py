"""What goes wrong on purpose: every kind, counted in calls as a client makes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
from ai_api_client_sdk.exception import (
    AIAPIAuthorizationException,
    AIAPIInvalidRequestException,
    AIAPINotFoundException,
    AIAPIPreconditionFailedException,
    AIAPIServerException,
)

from pytest_aicore.errors import EmulatorError

if TYPE_CHECKING:
    from tests.emulator.conftest import House


@pytest.fixture(autouse=True)
def _nobody_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's retries of tokens sleep in earnest."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


# Statuses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (401, "text/plain", "Jwt verification fails"),
        (403, "text/plain", "RBAC: access denied"),
        (429, "application/json", "Too many requests"),
        (500, "application/json", "Internal server error"),
        (502, "application/json", "Bad gateway"),
        (503, "application/json", "Service unavailable"),
        (504, "application/json", "Gateway timeout"),
        (400, "application/json", "Scripted by a fault"),
        (418, "application/json", "Scripted by a fault"),
    ],
)
def test_a_status_has_a_fitting_body(house: House, status: int, content_type: str, body: str) -> None:
    house.emulator.fault("meta.get", status=status)
    answer = house.ask("GET", "/meta")
    assert (answer.status_code, answer.headers["content-type"]) == (status, content_type)
    if content_type == "text/plain":
        assert answer.text == body
    else:
        error = answer.json()["error"]
        assert (error["code"], error["message"], error["target"]) == (f"01{status}000", body, "/api/v2/meta")
    assert house.ask("GET", "/meta").status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type", "content"),
    [
        ({"error": {"code": "1", "message": "m"}}, "application/json", b'{"error":{"code":"1","message":"m"}}'),
        (["b", "a"], "application/json", b'["b","a"]'),
        ("upstream connect error", "text/plain", b"upstream connect error"),
        ("", "text/plain", b""),
        (b"\x00\xff", "application/octet-stream", b"\x00\xff"),
        ({}, "application/json", b"{}"),
    ],
)
def test_a_status_with_a_body_of_the_tests_own(house: House, body: Any, content_type: str, content: bytes) -> None:
    house.emulator.fault("meta.get", status=502, body=body)
    answer = house.ask("GET", "/meta")
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (502, content_type, content)


@pytest.mark.parametrize("retry_after", [7, 0.5, "3", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_retry_after(house: House, retry_after: float | str) -> None:
    house.emulator.fault("meta.get", status=429, retry_after=retry_after)
    assert house.ask("GET", "/meta").headers["retry-after"] == str(retry_after)


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (400, None, AIAPIInvalidRequestException),
        (404, None, AIAPINotFoundException),
        (412, None, AIAPIPreconditionFailedException),
        (401, None, AIAPIAuthorizationException),
        (403, None, AIAPIServerException),
        (409, None, AIAPIServerException),
        (404, "no JSON", AIAPIServerException),
        (200, {"error": {"code": "1", "message": "an error all the same"}}, AIAPIServerException),
        (500, None, requests.exceptions.RetryError),
    ],
)
def test_what_the_sdk_makes_of_it(house: House, client: Any, status: int, body: Any, raised: type[Exception]) -> None:
    house.emulator.fault("artifact.count", status=status, body=body)
    with pytest.raises(raised):
        client.artifact.count()
    assert client.artifact.count() == 0


# Everything but a status --------------------------------------------------------------------------------------


def test_connection_reset(house: House, client: Any) -> None:
    house.emulator.fault("artifact.count", kind="connection reset")
    with pytest.raises(requests.exceptions.ConnectionError) as lost:
        client.artifact.count()
    assert str(lost.value) == (
        "HTTPSConnectionPool(host='api.ai.aicore.invalid', port=443): Max retries exceeded with url: "
        "/v2/lm/artifacts/$count (Caused by ProtocolError('Connection aborted.', "
        "ConnectionResetError(104, 'Connection reset by peer')))"
    )
    assert [record.status for record in house.emulator.requests if record.operation == "artifact.count"] == [0] * 4
    house.emulator.fault("execution.create", kind="connection reset")
    with pytest.raises(requests.exceptions.ConnectionError) as lost:
        client.execution.create("some-configuration")
    assert str(lost.value) == "('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))"
    assert [record.status for record in house.emulator.requests if record.operation == "execution.create"] == [0]
    assert str(house.emulator.requests[-1]) == "POST /v2/lm/executions -> no answer"


def test_timeout(house: House, client: Any) -> None:
    house.emulator.fault("artifact.count", kind="timeout")
    with pytest.raises(requests.exceptions.ConnectionError) as lost:
        client.artifact.count()
    assert "Max retries exceeded with url: /v2/lm/artifacts/$count (Caused by ReadTimeoutError(" in str(lost.value)
    house.emulator.fault("execution.create", kind="timeout")
    with pytest.raises(requests.exceptions.ReadTimeout) as late:
        client.execution.create("some-configuration")
    assert str(late.value).endswith("host='api.ai.aicore.invalid', port=443): Read timed out.")


def test_truncated_json(house: House, client: Any) -> None:
    execution_id = house.start(client)
    whole = house.ask("GET", f"/executions/{execution_id}").content
    house.emulator.fault("execution.get", kind="truncated json", processed=True)
    answer = house.ask("GET", f"/executions/{execution_id}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.content == whole[: len(whole) * 2 // 3]
    for path, operation in (("/executions", "execution.query"), ("/executions/$count", "execution.count")):
        for processed in (False, True):
            house.emulator.fault(operation, kind="truncated json", processed=processed)
            with pytest.raises(requests.exceptions.JSONDecodeError):
                house.ask("GET", path).json()


def test_html(house: House) -> None:
    house.emulator.fault("meta.get", kind="html")
    answer = house.ask("GET", "/meta")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")
    assert answer.text.startswith("<!DOCTYPE html>")


def test_expired_token(house: House, client: Any) -> None:
    house.emulator.fault("artifact.count", kind="expired token")
    with pytest.raises(AIAPIAuthorizationException) as refused:
        client.artifact.count()
    assert refused.value.error_message == "Jwt is expired"
    assert house.emulator.requests[-1].status == 401
    assert client.artifact.count() == 0


def test_tokens_fail_too(house: House) -> None:
    house.emulator.fault("token", status=503, body="busy")
    answer = requests.post(f"{house.emulator.auth_url}/oauth/token", timeout=5)
    assert (answer.status_code, answer.text) == (503, "busy")
    house.emulator.fault("token", status=401, body={"error": "invalid_client"})
    with pytest.raises(Exception, match=r"invalid_client"):
        house.client().artifact.count()
    house.emulator.fault("token", status=401)
    answer = requests.post(f"{house.emulator.auth_url}/oauth/token", timeout=5)
    assert answer.json() == {"error": "invalid_client", "error_description": "Bad credentials"}
    assert answer.headers["www-authenticate"].startswith('Basic realm="UAA/client"')


# How often ----------------------------------------------------------------------------------------------------


def outcomes(house: House, path: str, number: int) -> list[int]:
    return [house.ask("GET", path).status_code for _ in range(number)]


def test_times_and_after(house: House) -> None:
    fault = house.emulator.fault("meta.get", status=500, times=2, after=1)
    assert outcomes(house, "/meta", 5) == [200, 500, 500, 200, 200]
    assert fault.struck == 2
    house.emulator.fault("healthz.get", status=500, times=None)
    assert outcomes(house, "/healthz", 5) == [500] * 5


def test_times_counts_calls_however_often_a_client_tries(house: House, client: Any) -> None:
    house.start(client)
    fault = house.emulator.fault("execution.query", status=503, times=2, after=1)
    assert client.execution.query().count == 1
    for _ in range(2):
        with pytest.raises(requests.exceptions.RetryError):
            client.execution.query()
    assert client.execution.query().count == 1
    assert fault.struck == 2
    assert len([record for record in house.emulator.requests if record.status == 503]) == 8


def test_posts_are_not_tried_again(house: House, client: Any) -> None:
    configuration_id = house.configure(client)
    house.emulator.fault("execution.create", status=503)
    with pytest.raises(AIAPIServerException) as refused:
        client.execution.create(configuration_id)
    assert refused.value.status_code == 503
    assert client.execution.count() == 0


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429, "retry_after": 60}, {"kind": "timeout"}])
def test_attempts_that_go_wrong_until_the_clients_own_retries_help(house: House, client: Any, fault: Any) -> None:
    execution_id = house.start(client)
    made = house.emulator.fault("execution.get", attempts=3, **fault)
    assert client.execution.get(execution_id).id == execution_id
    assert [record.attempt for record in house.emulator.requests if record.operation == "execution.get"] == [1, 2, 3, 4]
    made_of_four = house.emulator.fault("execution.get", attempts=4, **fault)
    with pytest.raises(requests.exceptions.RequestException):
        client.execution.get(execution_id)
    assert (made.struck, made_of_four.struck) == (1, 1)


def test_calls_of_threads_are_told_apart(house: House, client: Any) -> None:
    execution_id = house.start(client)
    fault = house.emulator.fault("execution.get", status=503, attempts=2, times=40)
    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda _: client.execution.get(execution_id).id, range(80)))
    assert ids == [execution_id] * 80
    assert fault.struck == 40
    attempts = [record.attempt for record in house.emulator.requests if record.operation == "execution.get"]
    assert sorted(attempts) == [1] * 80 + [2] * 40 + [3] * 40


@pytest.mark.parametrize("processed", [False, True])
@pytest.mark.parametrize("fault", [{"status": 502}, {"kind": "connection reset"}, {"kind": "html"}])
def test_whether_the_service_did_it_although_the_answer_got_lost(
    house: House, client: Any, processed: bool, fault: Any
) -> None:
    configuration_id = house.configure(client)
    house.emulator.fault("execution.create", processed=processed, **fault)
    with pytest.raises(Exception):  # noqa: B017  # the SDK takes an HTML page for an answer, and trips over it
        client.execution.create(configuration_id)
    assert client.execution.count() == int(processed)


def test_the_first_fault_that_fits_strikes(house: House) -> None:
    token = house.token()
    first = house.emulator.fault("meta.get", status=500)
    second = house.emulator.fault("*", status=502, times=2)
    headers = {"Authorization": f"Bearer {token}"}
    seen = [requests.get(f"{house.url}/meta", headers=headers, timeout=5).status_code for _ in range(4)]
    assert (seen, first.struck, second.struck) == ([500, 502, 502, 200], 1, 2)


def test_calls_are_named_as_the_sdk_or_as_the_specification_names_them(house: House, client: Any) -> None:
    house.emulator.fault("GET /v2/lm/executions/{executionId}", status=400)
    with pytest.raises(AIAPIInvalidRequestException):
        client.execution.get("some-execution")


EITHER = "give either status= (an HTTP status) or kind= (another failure), or delay= or late= alone."


# Mistakes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, EITHER),
        ({"status": 500, "kind": "html"}, EITHER),
        ({"status": 500, "probability": 0}, "invalid probability=0: expected more than 0 and at most 1."),
        ({"status": 500, "probability": "1"}, "invalid probability='1': expected more than 0 and at most 1."),
        ({"status": 500, "looks": 0}, "invalid looks=0: expected a number of calls >= 1, or None for all."),
        ({"delay": -1}, "invalid delay=-1: expected seconds >= 0."),
        ({"late": 60}, "late= delays log lines: use it with the call '*.query_logs'."),
        (
            {"kind": "time out"},
            (
                "unknown kind='time out'; expected one of 'connection reset', 'timeout', 'truncated json', 'html', "
                "'expired token', "
                "'not found', 'unknown status'. Did you mean 'timeout'?"
            ),
        ),
        ({"status": 99}, "invalid status=99: expected an HTTP status from 200 to 599."),
        ({"status": 100}, "invalid status=100: expected an HTTP status from 200 to 599."),
        ({"status": "503"}, "invalid status='503': expected an HTTP status from 200 to 599."),
        ({"status": 500, "times": 0}, "invalid times=0: expected a number of calls >= 1, or None for all."),
        ({"status": 500, "attempts": "2"}, "invalid attempts='2': expected a number of calls >= 1, or None for all."),
        ({"status": 500, "after": -1}, "invalid after=-1: expected a number of calls >= 0."),
        ({"kind": "html", "body": "x"}, "body= needs status=; kind='html' has an answer of its own."),
        (
            {"kind": "timeout", "retry_after": 1},
            "retry_after= needs status=; kind='timeout' has an answer of its own.",
        ),
        (
            {"status": 500, "body": {1, 2}},
            "body={1, 2} cannot be written as JSON: Object of type set is not JSON serializable.",
        ),
    ],
)
def test_what_a_fault_cannot_say(house: House, said: dict[str, Any], why: str) -> None:
    with pytest.raises(EmulatorError) as refused:
        house.emulator.fault("execution.get", **said)
    assert str(refused.value) == f"fault: {why}"
    assert house.emulator.state.faults == []


@pytest.mark.parametrize(
    "said", ["x", "", "-1", "soon", "Wed, 41 Oct 2026 07:28:00 GMT", -1, True, float("inf"), [1]], ids=repr
)
def test_what_retry_after_cannot_say(house: House, said: Any) -> None:
    with pytest.raises(EmulatorError) as refused:
        house.emulator.fault("execution.get", status=429, retry_after=said)
    assert str(refused.value) == (
        f"fault: invalid retry_after={said!r}: expected seconds >= 0, or an HTTP date, for example "
        "'Wed, 01 Jan 2025 00:00:00 GMT'."
    )


def test_a_fault_for_a_call_that_does_not_exist(house: House) -> None:
    with pytest.raises(EmulatorError) as refused:
        house.emulator.fault("executions.get", status=500)
    resources = sorted({operation.partition(".")[0] for operation in house.emulator.routes.operations})
    assert str(refused.value) == (
        "fault: unknown call 'executions.get'. Did you mean 'execution.get'? "
        f"Calls are of {', '.join(map(repr, resources))}; '*' means all."
    )


def test_a_fault_for_a_call_that_a_resource_does_not_have(house: House) -> None:
    with pytest.raises(EmulatorError) as refused:
        house.emulator.fault("scenario.x", status=500)
    known = sorted(each for each in house.emulator.routes.operations if each.startswith("scenario."))
    assert str(refused.value) == (
        f"fault: unknown call 'scenario.x'. Calls of 'scenario' are {', '.join(map(repr, known))}; '*' means all."
    )
