"""The calls of a training run: what is asked, what comes back, and how each failure is sorted and said."""

from __future__ import annotations

import importlib
import re
import socket
import sys
import threading
import warnings
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from importlib import metadata
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
import requests
from ai_api_client_sdk.models.execution import Execution

from pytest_aicore.errors import SdkMissingError
from pytest_aicore.training.service.api import TrainingApi
from pytest_aicore.training.service.credentials import from_service_key
from pytest_aicore.training.service.failures import CallError, UnknownStatusError, retry_after_seconds
from pytest_aicore.training.service.sdk import SdkConflictWarning, make_client, make_patient_client, sdk, token_of
from pytest_aicore.training.service.transport import AnswerTooLargeError, no_longer_than

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator import Emulator
    from pytest_aicore.training.service.credentials import Credentials
    from tests.training.conftest import NotedClock

AT = "https://api.ai.aicore.invalid/v2/lm"
SCENARIO, EXECUTABLE = "text-clf-tutorial", "text-clf-train-tutorial"
LABELS = {"ext.ai.sap.com/team": "pricing", "ext.ai.sap.com/of": "it"}
INSTALL = """Install one of the two distributions that ship it:
    pip install 'pytest-aicore[sdk]'                 sap-ai-sdk-base, maintained by SAP
    pip install 'pytest-aicore[ai-api-client-sdk]'   ai-api-client-sdk, no longer maintained"""
MIXTURE = """sap-ai-sdk-base 1.2 and ai-api-client-sdk 1.2 are both installed, and overwrite each other's files of\
 ai_api_client_sdk. Remove both, then install one:
    pip uninstall -y sap-ai-sdk-base ai-api-client-sdk
    pip install 'pytest-aicore[sdk]'"""


@pytest.fixture
def credentials(emulator: Emulator) -> Credentials:
    return from_service_key(emulator.service_key, "the emulator")


@pytest.fixture
def configuration(live_api: TrainingApi) -> str:
    artifact = live_api.register_artifact("text-data", "dataset", "ai://default/data", SCENARIO, "", {})
    return str(live_api.create_configuration("c", SCENARIO, EXECUTABLE, {}, {"text-data": artifact.id}).id)


def group(emulator: Emulator) -> Any:
    return emulator.state.groups["default"]


def paths(emulator: Emulator, operation: str) -> list[str]:
    return [record.path for record in emulator.requests if record.operation == operation]


def failure(api: TrainingApi) -> CallError:
    """Return how the start of an execution fails, without the SDK's words."""
    with pytest.raises(CallError) as caught:
        api.start_execution("c000")
    return caught.value


# Failures -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "transient", "in_doubt"),
    [
        (400, False, False),
        (403, False, False),
        (404, False, False),
        (409, False, False),
        (412, False, False),
        (408, True, True),
        (425, True, False),
        (429, True, False),
        (500, True, True),
        (501, False, False),
        (502, True, True),
        (503, True, True),
        (504, True, True),
    ],
)
def test_refusals_are_sorted_by_their_status(
    live_api: TrainingApi, emulator: Emulator, status: int, *, transient: bool, in_doubt: bool
) -> None:
    body = {"error": {"code": "0101", "message": "not now", "requestId": "r1"}}
    emulator.fault("execution.create", status=status, body=body)
    error = failure(live_api)
    assert (error.status, error.transient, error.in_doubt, error.retry_after) == (status, transient, in_doubt, None)
    said = (
        f"could not start an execution of configuration c000 at {AT}: not now (HTTP {status}, code 0101, request r1)."
    )
    remedy = {403: " Check the credentials, and whether they may use this resource group."}.get(status, "")
    assert str(error) == said + (" Try again later." if transient else remedy)


def test_refusal_without_words_is_an_empty_answer(live_api: TrainingApi, emulator: Emulator) -> None:
    emulator.fault("execution.create", status=400, body={"error": {"code": "", "message": "", "requestId": ""}})
    assert str(failure(live_api)) == (
        f"could not start an execution of configuration c000 at {AT}: empty answer (HTTP 400)."
    )


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("0", 0.0), ("7.5", 7.5), ("Wed, 01 Jan 2025 00:00:30 GMT", None)]
)
def test_time_to_come_again_is_told(
    live_api: TrainingApi, emulator: Emulator, value: str, seconds: float | None
) -> None:
    emulator.fault("execution.create", status=429, retry_after=value)
    told = failure(live_api).retry_after
    assert told == seconds if seconds is not None else told is not None


@pytest.mark.parametrize(
    ("kind", "said", "status"),
    [
        ("connection reset", r"ConnectionError \(.*\)\. Try again later\.", None),
        ("timeout", r"ReadTimeout \(.*\)\. Try again later\.", None),
        (
            "html",
            r"the answer cannot be read \(\w+: .*\)\. A proxy or gateway may have answered instead of AI Core\.",
            None,
        ),
    ],
)
def test_answer_that_is_lost_leaves_it_in_doubt_what_was_done(
    live_api: TrainingApi, emulator: Emulator, kind: Any, said: str, status: int | None
) -> None:
    emulator.fault("execution.create", kind=kind)
    error = failure(live_api)
    assert re.fullmatch(f"could not start an execution of configuration c000 at {re.escape(AT)}: {said}", str(error))
    assert (error.status, error.transient, error.in_doubt, error.retry_after) == (status, True, True, None)


def test_connection_that_was_never_made_leaves_no_doubt(credentials: Credentials) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/v2"
        key = {"clientid": "c", "clientsecret": "s", "url": url, "serviceurls": {"AI_API_URL": url}}
        elsewhere = from_service_key(key, "test")
        api = TrainingApi(
            lambda: make_client(elsewhere, "default", token_creator=lambda: "Bearer x", num_request_retries=0)
        )
        error = failure(api)
    assert str(error).startswith(
        f"could not start an execution of configuration c000 at {elsewhere.base_url}/lm: ConnectionError ("
    )
    assert str(error).endswith("). Check the address and the network.")
    assert (error.status, error.transient, error.in_doubt) == (None, True, False)


@pytest.mark.parametrize("length", [300, 301])
def test_long_words_are_cut(live_api: TrainingApi, emulator: Emulator, length: int) -> None:
    message = "x" * length + "\nmore"
    emulator.fault("execution.create", status=400, body={"error": {"code": "1", "message": message, "requestId": "r"}})
    said = "x" * 300 if length == 300 else "x" * 297 + "..."
    assert f": {said} (HTTP 400" in str(failure(live_api))


def test_secrets_in_refusals_are_hidden(live_api: TrainingApi, emulator: Emulator) -> None:
    body = {"error": {"code": "1", "message": "client_secret=hunter2hunter2", "requestId": "r"}}
    emulator.fault("execution.create", status=400, body=body)
    assert ": client_secret=*** (HTTP 400" in str(failure(live_api))


def test_refused_token_is_replaced_once(credentials: Credentials, emulator: Emulator) -> None:
    made: list[Any] = []

    def connect() -> Any:
        made.append(make_client(credentials, "default", num_request_retries=0))
        return made[-1]

    api = TrainingApi(connect)
    emulator.fault("scenario.query", kind="expired token", times=1)
    assert [scenario.id for scenario in api.scenarios()]
    assert len(made) == 2
    assert api.scenario(SCENARIO).id == SCENARIO
    assert len(made) == 2
    emulator.fault("scenario.query", kind="expired token", times=None)
    with pytest.raises(CallError) as caught:
        api.scenarios()
    assert str(caught.value) == (
        f"could not list the scenarios at {AT}: Jwt is expired (HTTP 401). The token was refused, and so was a new one: check the"
        " credentials."
    )
    assert (caught.value.status, caught.value.transient, len(made)) == (401, False, 3)


@pytest.mark.parametrize(
    ("fault", "said", "status", "transient", "retry_after"),
    [
        ({"status": 401}, "Check the credentials and the token URL.", 401, False, None),
        ({"status": 503, "retry_after": 9}, "Try again later.", 503, True, 9.0),
        ({"status": 429, "retry_after": 9}, "Try again later.", 429, True, 9.0),
        ({"kind": "connection reset"}, "Try again later.", None, True, None),
    ],
)
def test_call_without_a_token_was_not_made(
    live_api: TrainingApi,
    emulator: Emulator,
    fault: dict[str, Any],
    said: str,
    status: int | None,
    transient: bool,
    retry_after: float | None,
) -> None:
    body: dict[str, Any] = {"body": "no token today\nat all"} if status else {}
    emulator.fault("token", **fault, **body)
    error = failure(live_api)
    why = f"HTTP {status}: no token today" if status else r"ConnectionError: .*"
    begin = re.escape(f"could not start an execution of configuration c000 at {AT}: no token (")
    assert re.fullmatch(rf"{begin}{why}\)\. {re.escape(said)}", str(error))
    assert (error.status, error.transient, error.in_doubt) == (status, transient, False)
    assert error.retry_after == retry_after


@pytest.mark.parametrize(
    ("fault", "transient"), [({"status": 400}, False), ({"status": 401}, False), ({"status": 404}, True)]
)
def test_sdk_s_own_way_to_a_token_is_sorted_as_well(
    credentials: Credentials, emulator: Emulator, fault: dict[str, Any], *, transient: bool
) -> None:
    emulator.fault("token", **fault, times=None)
    error = failure(TrainingApi(lambda: make_client(credentials, "default", num_request_retries=0)))
    assert re.fullmatch(
        rf"could not start an execution of configuration c000 at {re.escape(AT)}: no token \(.+\)\. (Try again later\.|"
        r"Check the credentials and the token URL\.)",
        str(error),
    )
    assert (error.status, error.transient) == (fault["status"], transient)


# What is made -------------------------------------------------------------------------------------------------------


def test_artifact_that_is_registered_and_found_again(live_api: TrainingApi, emulator: Emulator) -> None:
    made = live_api.register_artifact("text-data", "dataset", "ai://default/a", SCENARIO, "of a test", LABELS)
    (artifact,) = group(emulator).artifacts
    assert (artifact.id, artifact.name, artifact.kind, artifact.url) == (
        made.id, "text-data", "dataset", "ai://default/a",
    )  # fmt: skip
    assert (artifact.scenario_id, artifact.description, dict(artifact.labels)) == (SCENARIO, "of a test", LABELS)
    found = live_api.find_artifact("text-data", "dataset", "ai://default/a", SCENARIO, LABELS)
    assert found is not None
    assert (found.id, found.message, found.url) == (made.id, "Artifact acknowledged", "ai://default/a")
    for other in (
        ("text-date", "dataset", "ai://default/a", SCENARIO, LABELS),
        ("text-data", "model", "ai://default/a", SCENARIO, LABELS),
        ("text-data", "dataset", "ai://default/b", SCENARIO, LABELS),
        ("text-data", "dataset", "ai://default/a", "another", LABELS),
        ("text-data", "dataset", "ai://default/a", SCENARIO, {"ext.ai.sap.com/team": "another"}),
    ):
        assert live_api.find_artifact(*other) is None


def test_the_newest_artifact_is_found_and_none_that_a_run_made(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, configuration: str
) -> None:
    live_api.start_execution(configuration)
    clock.advance(3600)
    emulator.agenda.settle()
    (output,) = (each for each in group(emulator).artifacts if each.execution_id)
    labels = dict(output.labels or {})
    assert live_api.find_artifact(output.name, output.kind, output.url, SCENARIO, labels) is None
    first, second = (
        live_api.register_artifact("d", "dataset", "ai://default/a", SCENARIO, "", LABELS).id for _ in range(2)
    )
    found = live_api.find_artifact("d", "dataset", "ai://default/a", SCENARIO, LABELS)
    assert first != second
    assert found is not None
    assert found.id == second


@pytest.mark.parametrize("name", ["pytest-aicore a", "mine", "x" * 120, "with a ~ in it", "~"])
def test_configuration_is_found_by_its_name(live_api: TrainingApi, emulator: Emulator, name: str) -> None:
    find: Any = live_api.find_configuration
    bound: Any = (SCENARIO, EXECUTABLE, {"DEPTH": "3"}, {"text-data": "a001"})
    assert find(*bound, name) is None
    live_api.create_configuration(f"{name} ", *bound)
    assert find(*bound, name) is None
    made = live_api.create_configuration(name, *bound)
    found = find(*bound, name)
    assert found is not None
    assert (found.id, found.message) == (made.id, "Configuration created")
    (configuration,) = (each for each in group(emulator).configurations if each.id == made.id)
    assert (configuration.name, configuration.scenario_id, configuration.executable_id) == (name, SCENARIO, EXECUTABLE)
    assert (configuration.parameters, configuration.artifacts) == ((("DEPTH", "3"),), (("text-data", "a001"),))
    others: list[Any] = [
        (SCENARIO, EXECUTABLE, {"DEPTH": "4"}, {"text-data": "a001"}),
        (SCENARIO, EXECUTABLE, {"DEPTH": "3"}, {"text-data": "a002"}),
        (SCENARIO, EXECUTABLE, {}, {"text-data": "a001"}),
        (SCENARIO, EXECUTABLE, {"DEPTH": "3"}, {}),
        ("another", EXECUTABLE, {"DEPTH": "3"}, {"text-data": "a001"}),
        (SCENARIO, "another", {"DEPTH": "3"}, {"text-data": "a001"}),
    ]
    assert [find(*other, name) for other in others] == [None] * 6


def test_configuration_without_a_name_is_one_of_ours(live_api: TrainingApi) -> None:
    bound: Any = (SCENARIO, EXECUTABLE, {}, {})
    live_api.create_configuration("of pytest-aicore", *bound)
    assert live_api.find_configuration(*bound) is None
    made = live_api.create_configuration("pytest-aicore x", *bound)
    found = live_api.find_configuration(*bound)
    assert found is not None
    assert found.id == made.id


@pytest.mark.parametrize(
    ("call", "operation", "said"),
    [
        (lambda api: api.register_artifact("d", "dataset", "ai://a/b", SCENARIO, "", {}), "artifact.create", "register the artifact 'd'"),
        (lambda api: api.find_artifact("d", "dataset", "ai://a/b", SCENARIO, {}), "artifact.query", "search for the artifact 'd'"),
        (lambda api: api.create_configuration("n", SCENARIO, EXECUTABLE, {}, {}), "configuration.create", "create the configuration 'n'"),
        (lambda api: api.find_configuration(SCENARIO, EXECUTABLE, {}, {}, "n"), "configuration.query", "search for the configuration 'n'"),
        (lambda api: api.start_execution("c1"), "execution.create", "start an execution of configuration c1"),
        (lambda api: api.execution("e1"), "execution.get", "get the execution e1"),
        (lambda api: api.executions_of("c1"), "execution.query", "search for executions of the configuration c1"),
        (lambda api: api.page(["a"], 1), "execution.query", "list the executions"),
        (lambda api: api.unfinished(), "execution.query", "list the executions that are UNKNOWN"),
        (lambda api: api.stop("e1"), "execution.modify", "stop the execution e1"),
        (lambda api: api.delete("e1"), "execution.delete", "delete the execution e1"),
        (lambda api: api.scenario("s"), "scenario.get", "get the scenario 's'"),
        (lambda api: api.scenarios(), "scenario.query", "list the scenarios"),
        (lambda api: api.executable("s", "x"), "executable.get", "get the executable 'x' of the scenario 's'"),
        (lambda api: api.executables("s"), "executable.query", "list the executables of the scenario 's'"),
        (lambda api: api.logs("e1", datetime.now(timezone.utc)), "execution.query_logs", "get the logs of the execution e1"),
        (lambda api: api.metrics("e1"), "metrics.query", "get the metrics of the execution e1"),
        (lambda api: api.bindings("c1"), "configuration.get", "get the configuration c1"),
        (lambda api: api.object_store_secrets(), "object_store_secrets.query", "list the object-store secrets"),
        (lambda api: api.docker_registry_secrets(), "docker_registry_secrets.query", "list the docker registry secrets"),
        (lambda api: api.applications(), "applications.query", "list the applications"),
        (lambda api: api.application_status("a"), "applications.get_status", "get the status of the application a"),
    ],
)  # fmt: skip
def test_each_call_says_what_it_could_not_do(
    live_api: TrainingApi, emulator: Emulator, call: Callable[[TrainingApi], object], operation: str, said: str
) -> None:
    emulator.fault(operation, status=403)
    with pytest.raises(CallError) as caught:
        call(live_api)
    assert str(caught.value) == (
        f"could not {said} at {AT}: RBAC: access denied (HTTP 403). Check the credentials, and whether they may use this"
        " resource group."
    )


# What is asked ------------------------------------------------------------------------------------------------------


def test_execution_from_its_start_to_its_deletion(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, configuration: str
) -> None:
    clock.hold()
    made = live_api.start_execution(configuration)
    assert (made.message, made.status.value) == ("Execution scheduled", "UNKNOWN")
    execution = live_api.execution(made.id)
    assert isinstance(execution, Execution)
    assert (execution.id, execution.configuration_id) == (made.id, configuration)
    clock.advance(30)
    live_api.stop(made.id)
    assert live_api.execution(made.id).status.value == "STOPPING"
    clock.advance(60)
    assert live_api.execution(made.id).status.value == "STOPPED"
    live_api.delete(made.id)
    clock.advance(60)
    with pytest.raises(CallError) as caught:
        live_api.execution(made.id)
    assert caught.value.status == 404


def test_executions_of_a_configuration_are_the_newest_first(
    live_api: TrainingApi, clock: NotedClock, configuration: str
) -> None:
    started = []
    for _ in range(3):
        started.append(live_api.start_execution(configuration).id)
        clock.advance(10)
    other = live_api.create_configuration("other", SCENARIO, EXECUTABLE, {}, {}).id
    live_api.start_execution(other)
    assert live_api.executions_of(configuration) == started[::-1]


@pytest.mark.parametrize(("size", "asked"), [(2, 100), (100, 100), (101, 101)])
def test_one_page_has_the_newest_executions_of_some_executables(
    live_api: TrainingApi, emulator: Emulator, configuration: str, size: int, asked: int
) -> None:
    started = [live_api.start_execution(configuration).id for _ in range(2)]
    page = live_api.page(["zzzz", EXECUTABLE], size)
    assert {key: (value.id, value.status.value) for key, value in page.items() if isinstance(value, Execution)} == {
        each: (each, "UNKNOWN") for each in started
    }
    assert live_api.page(["another"], size) == {}
    assert paths(emulator, "execution.query")[0] == (
        f"/v2/lm/executions?%24top={asked}&executableIds={EXECUTABLE}%2Czzzz"
    )


def test_row_that_cannot_be_read_does_not_hide_the_others(
    live_api: TrainingApi, emulator: Emulator, configuration: str
) -> None:
    live_api.start_execution(configuration)
    emulator.fault("execution.query", kind="unknown status")
    (unknown,) = live_api.page([EXECUTABLE], 1).values()
    assert isinstance(unknown, UnknownStatusError)
    assert str(unknown) == (
        f"could not list the executions at {AT}: the answer has the status 'SUSPENDED', which is unknown to the installed"
        " SDK. It is not counted as a success. A newer SDK may support it."
    )
    good = {
        "id": "e1", "configurationId": "c1", "configurationName": "c", "scenarioId": "s", "status": "RUNNING",
        "targetStatus": "COMPLETED", "createdAt": "2025-01-01T00:00:00Z", "modifiedAt": "2025-01-01T00:00:00Z",
    }  # fmt: skip
    rows = [{"id": "e0", "status": "RUNNING"}, good, {"status": "RUNNING"}, None, "e2", {**good, "id": 7}]
    emulator.fault("execution.query", status=200, body={"count": 6, "resources": rows})
    page = live_api.page([EXECUTABLE], 1)
    assert list(page) == ["e0", "e1", "7"]
    assert isinstance(page["e1"], Execution)
    unreadable = page["e0"]
    assert isinstance(unreadable, CallError)
    assert re.fullmatch(
        rf"could not list the executions at {re.escape(AT)}: an answer cannot be read \(\w+: .+\)\.", str(unreadable)
    )
    assert (unreadable.transient, unreadable.in_doubt) == (True, False)


@pytest.mark.parametrize("body", [{"resources": None}, {"resources": {}}, {}, [], "none"])
def test_page_without_a_list_cannot_be_read(live_api: TrainingApi, emulator: Emulator, body: Any) -> None:
    emulator.fault("execution.query", status=200, body=body)
    with pytest.raises(CallError) as caught:
        live_api.page([EXECUTABLE], 1)
    assert caught.value.transient
    assert not isinstance(body, dict) or str(caught.value) == (
        f"could not list the executions at {AT}: the answer cannot be read (it has no list of executions)."
    )


def test_execution_whose_status_the_sdk_does_not_know(
    live_api: TrainingApi, emulator: Emulator, configuration: str
) -> None:
    execution = live_api.start_execution(configuration).id
    emulator.fault("execution.get", kind="unknown status")
    with pytest.raises(UnknownStatusError) as caught:
        live_api.execution(execution)
    assert str(caught.value) == (
        f"could not get the execution {execution} at {AT}: the answer has the status 'SUSPENDED', which is unknown to the"
        " installed SDK. It is not counted as a success. A newer SDK may support it."
    )


def test_what_has_not_ended_is_unfinished(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, configuration: str
) -> None:
    clock.hold()
    ids = {}
    for status in ("UNKNOWN", "PENDING", "RUNNING"):
        execution = live_api.start_execution(configuration).id
        emulator.script(execution=execution, stuck_in=status)
        ids[status] = execution
    live_api.start_execution(configuration)
    clock.advance(3600)
    assert {each.id: each.status.value for each in live_api.unfinished()} == {ids[name]: name for name in ids}
    emulator.fault("execution.query", status=503, after=2)
    with pytest.raises(CallError, match=r"^could not list the executions that are RUNNING at "):
        live_api.unfinished()


def test_scenarios_and_executables(live_api: TrainingApi) -> None:
    assert SCENARIO in [scenario.id for scenario in live_api.scenarios()]
    assert live_api.scenario(SCENARIO).id == SCENARIO
    assert live_api.executable(SCENARIO, EXECUTABLE).id == EXECUTABLE
    assert [each.id for each in live_api.executables(SCENARIO) if each.id == EXECUTABLE] == [EXECUTABLE]
    with pytest.raises(CallError) as caught:
        live_api.executable("house-price-scenario", EXECUTABLE)
    assert caught.value.status == 404


@pytest.mark.parametrize("count", [0, 1, 998, 999, 1000, 2500])
def test_log_lines_come_each_once_and_oldest_first(
    live_api: TrainingApi, emulator: Emulator, clock: NotedClock, configuration: str, count: int
) -> None:
    emulator.script(logs=[f"line {number}" for number in range(count)], running=1000)
    execution = live_api.start_execution(configuration).id
    since = live_api.execution(execution).created_at
    clock.advance(2000)
    first, *lines = [line.msg for line in live_api.logs(execution, since)]
    assert first == 'level=info msg="Starting Workflow Executor"'
    assert lines == [f"line {number}" for number in range(count)]
    asked = paths(emulator, "execution.query_logs")
    assert len(asked) == {0: 1, 1: 1, 998: 1, 999: 2, 1000: 2, 2500: 3}[count]
    assert asked[0].startswith(f"/v2/lm/executions/{execution}/logs?")


def page_of(lines: list[tuple[datetime, str]]) -> dict[str, Any]:
    shown = [{"container": "main", "msg": text, "pod": "p", "timestamp": time.isoformat()} for time, text in lines]
    return {"data": {"result": shown}}


def test_second_that_fills_a_page_is_passed_over(live_api: TrainingApi, emulator: Emulator) -> None:
    start = datetime(2025, 1, 1, tzinfo=timezone.utc)
    pages = [
        [(start + timedelta(microseconds=number), f"a{number}") for number in range(1000)],
        [(start + timedelta(seconds=1, microseconds=500), "b")],
    ]
    for page in pages:
        emulator.fault("execution.query_logs", status=200, body=page_of(page))
    lines = live_api.logs("e001", start)
    assert [line.msg for line in lines] == [text for page in pages for _, text in page]
    first, second = paths(emulator, "execution.query_logs")
    assert "00%3A00%3A00" in first
    assert "00%3A00%3A01" in second


def test_last_second_of_a_page_is_asked_for_again(live_api: TrainingApi, emulator: Emulator) -> None:
    start = datetime(2025, 1, 1, tzinfo=timezone.utc)
    end = start + timedelta(seconds=9, microseconds=999000)
    known = [(start + timedelta(seconds=number // 100, microseconds=number), f"a{number}") for number in range(999)]
    known.append((end, "same"))
    emulator.fault("execution.query_logs", status=200, body=page_of(known))
    emulator.fault("execution.query_logs", status=200, body=page_of([(end, "same"), (end, "new")]))
    lines = live_api.logs("e001", start)
    assert [line.msg for line in lines] == [text for _, text in known] + ["new"]
    assert "00%3A00%3A09" in paths(emulator, "execution.query_logs")[1]


def test_execution_that_never_ran_has_no_log(live_api: TrainingApi, emulator: Emulator) -> None:
    start = datetime(2025, 1, 1, tzinfo=timezone.utc)
    assert live_api.logs("e000", start) == []
    full = [(start + timedelta(seconds=number), str(number)) for number in range(1000)]
    emulator.fault("execution.query_logs", status=200, body=page_of(full))
    with pytest.raises(CallError) as caught:
        live_api.logs("e000", start)
    assert caught.value.status == 404
    emulator.fault("execution.query_logs", status=403)
    with pytest.raises(CallError):
        live_api.logs("e000", start)


def test_metrics(live_api: TrainingApi, emulator: Emulator, clock: NotedClock, configuration: str) -> None:
    emulator.script(metrics={"loss": [0.5, 0.25]})
    execution = live_api.start_execution(configuration).id
    clock.advance(3600)
    assert [(metric.name, metric.value) for metric in live_api.metrics(execution)] == [("loss", 0.5), ("loss", 0.25)]
    assert "%24select=metrics" in paths(emulator, "metrics.query")[0]
    emulator.fault("metrics.query", status=404)
    assert live_api.metrics(execution) == []
    emulator.fault("metrics.query", status=200, body={"count": 1, "resources": [{"executionId": execution}]})
    assert live_api.metrics(execution) == []


# What explains a failure --------------------------------------------------------------------------------------------


def test_bindings_of_a_configuration(live_api: TrainingApi) -> None:
    bound: Any = ({"DEPTH": "3", "SEED": "7"}, {"text-data": "a001"})
    made = live_api.create_configuration("c", SCENARIO, EXECUTABLE, *bound)
    assert live_api.bindings(made.id) == bound
    empty = live_api.create_configuration("d", SCENARIO, EXECUTABLE, {}, {})
    assert live_api.bindings(empty.id) == ({}, {})


def test_secrets_and_applications(live_api: TrainingApi, emulator: Emulator) -> None:
    assert "docker-registry-secret" in live_api.docker_registry_secrets()
    found = live_api.object_store_secrets()
    assert list(found) == ["default"]
    assert {"type", "bucket"} <= found["default"].keys()
    assert all(isinstance(value, str) for value in found["default"].values())
    metadata = {"storage.ai.sap.com/pathPrefix": "a/b", "Some_Key": 3, "plain": "x"}
    body = {"count": 2, "resources": [{"name": "one", "metadata": metadata}, {"name": 2}]}
    emulator.fault("object_store_secrets.query", status=200, body=body)
    assert live_api.object_store_secrets() == {"one": {"pathprefix": "a/b", "somekey": "3", "plain": "x"}, "2": {}}
    body = {"count": 1, "resources": [{"applicationName": "app"}]}
    emulator.fault("applications.query", status=200, body=body)
    assert live_api.applications() == ["app"]
    emulator.fault("applications.get_status", status=200, body={"syncStatus": "Synced", "healthStatus": "Healthy"})
    assert live_api.application_status("app") == {"sync_status": "Synced", "health_status": "Healthy"}
    assert paths(emulator, "applications.get_status") == ["/v2/admin/applications/app/status"]


# The client ---------------------------------------------------------------------------------------------------------


def test_client_has_the_resource_group_and_the_base_url(credentials: Credentials, emulator: Emulator) -> None:
    client = make_client(credentials, "default")
    assert client.base_url == AT
    client.scenario.query()
    assert emulator.requests[-1].resource_group == "default"


def test_patient_client_asks_once_and_not_for_ever(credentials: Credentials, emulator: Emulator) -> None:
    client = make_patient_client(credentials, "default")
    assert client.base_url == AT
    rest = client.rest_client
    assert rest.num_request_retries == 0
    emulator.fault("scenario.query", status=503, times=None)
    with pytest.raises(CallError):
        TrainingApi(lambda: client).scenarios()
    assert len(paths(emulator, "scenario.query")) == 1
    assert token_of(client) == token_of(client) != ""


def test_token_of_a_client_can_be_told(credentials: Credentials, emulator: Emulator) -> None:
    for client in (make_client(credentials, "default"), make_patient_client(credentials, "default")):
        assert token_of(client) is None
        client.scenario.query()
        token = token_of(client)
        assert token is not None
        assert token.startswith("eyJ")
    nothing: Any = SimpleNamespace(rest_client=SimpleNamespace(get_token=lambda: "Bearer x"))
    assert token_of(nothing) is None
    nothing = SimpleNamespace(rest_client=SimpleNamespace())
    assert token_of(nothing) is None


def installed(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let these distributions of the SDK be installed and no other."""

    def version(name: str) -> str:
        if name not in names:
            raise metadata.PackageNotFoundError(name)
        return "1.2"

    monkeypatch.setattr(metadata, "version", version)


def test_two_distributions_of_the_sdk_are_warned_of(credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "sap-ai-sdk-base", "ai-api-client-sdk")
    with pytest.warns(SdkConflictWarning) as caught:
        make_client(credentials, "default")
    (warning,) = caught
    assert str(warning.message) == MIXTURE
    assert warning.filename == __file__
    installed(monkeypatch, "sap-ai-sdk-base")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_client(credentials, "default")


@pytest.mark.parametrize(
    ("error", "names", "said"),
    [
        (
            ImportError("x", name="ai_api_client_sdk"),
            (),
            f"The SAP SDK (import package ai_api_client_sdk) is not installed. {INSTALL}",
        ),
        (
            ImportError("no such thing", name="humps"),
            ("ai-api-client-sdk",),
            f"The SAP SDK (import package ai_api_client_sdk) cannot be imported: no such thing. {INSTALL}",
        ),
        (
            ImportError("no such thing", name="humps"),
            ("sap-ai-sdk-base", "ai-api-client-sdk"),
            f"The SAP SDK (import package ai_api_client_sdk) cannot be imported: no such thing. {MIXTURE}",
        ),
    ],
)
def test_sdk_that_is_missing_or_broken(
    monkeypatch: pytest.MonkeyPatch, error: ImportError, names: tuple[str, ...], said: str
) -> None:
    def refuse(name: str) -> Any:
        raise error

    installed(monkeypatch, *names)
    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(SdkMissingError) as caught:
        sdk("Status")
    assert str(caught.value) == said


@pytest.mark.parametrize("name", ["Status", "TargetStatus", "Artifact", "AIAPIV2Client"])
def test_public_classes_of_the_sdk(name: str) -> None:
    assert sdk(name).__name__ == name
    assert sdk(name).__module__ in sys.modules


# Retry-After --------------------------------------------------------------------------------------------------------


DATE, LATER_DATE = "Wed, 21 Oct 2105 07:28:00 GMT", "Wed, 21 Oct 2105 07:28:10 GMT"


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        (None, None, None),
        (None, DATE, None),
        ("0", None, 0),
        ("7", None, 7),
        (" 7 ", None, 7),
        ("1.5", None, 1.5),
        ("-7", None, None),
        ("60", None, 60),
        ("61", None, 60),
        ("99999", None, 60),
        ("", None, None),
        ("\u0667", None, None),
        ("soon", None, None),
        ("7 s", None, None),
        ("nan", None, None),
        ("inf", None, None),
        ("1e999", None, None),
        ("Wed, 99 Oct 2105 07:28:10 GMT", DATE, None),
        ("Wed, 21 Oct 2105 07:28:10 GMT", DATE, 10),
        ("Wed, 21 Oct 2105 07:28:10", DATE, 10),
        ("Wed, 21 Oct 2105 08:28:00 GMT", DATE, 60),
        (DATE, "Wed, 21 Oct 2105 07:28:10 GMT", 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None, 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", "nonsense", 0),
    ],
)
def test_any_header_is_a_time_to_wait_or_none(value: str | None, date: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, date) == seconds


def test_date_is_compared_with_this_machine_s_where_the_other_is_not_told() -> None:
    later = datetime.now(timezone.utc) + timedelta(seconds=40)
    for date in (None, "", "nonsense"):
        seconds = retry_after_seconds(later.strftime("%a, %d %b %Y %H:%M:%S GMT"), date)
        assert seconds is not None
        assert 20 < seconds <= 41


@pytest.mark.parametrize("value", ["soon", "", "Wed, 99 Oct 2105 07:28:10 GMT", "nan"])
@pytest.mark.parametrize("call", ["execution.create", "token"])
def test_malformed_header_says_nothing(
    live_api: TrainingApi, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, value: str, call: str
) -> None:
    answer = emulator.handle

    def handle(request: Any) -> Any:
        response = answer(request)
        headers = {"retry-after": value} if response.status == 503 else {}
        return replace(response, headers={**response.headers, **headers})

    monkeypatch.setattr(emulator, "handle", handle)
    emulator.fault(call, status=503)
    error = failure(live_api)
    assert (error.status, error.retry_after) == (503, None)


# Who answered -------------------------------------------------------------------------------------------------------


def flags(error: CallError) -> dict[str, bool]:
    names = ("transient", "in_doubt", "is_missing", "is_unreadable", "was_refused", "is_of_a_gateway")
    return {name: True for name in names if getattr(error, name)}


def test_failure_is_nothing_that_it_is_not_said_to_be() -> None:
    error = CallError("could not.")
    assert flags(error) == {}
    names = ("transient", "in_doubt", "is_missing", "is_unreadable", "was_refused")
    assert [getattr(error, name) for name in names] == [False] * 5
    assert all(getattr(error, name) is False for name in names)
    assert (error.status, error.retry_after) == (None, None)


PASSES, DOUBTFUL = {"transient", "in_doubt", "was_refused"}, {"in_doubt", "was_refused"}
GATEWAY = " The gateway answered 404 for this path, not AI Core: check the base URL, which must end in /v2."
LATER = " Try again later."


@pytest.mark.parametrize(
    ("status", "body", "said", "its"),
    [
        (300, "upstream", LATER, PASSES),
        (302, "upstream", LATER, PASSES),
        (399, "upstream", LATER, PASSES),
        (400, "upstream", "", DOUBTFUL),
        (401, "upstream", " The token was refused, and so was a new one: check the credentials.", DOUBTFUL),
        (401, "Jwt is expired", " The token was refused, and so was a new one: check the credentials.", {"was_refused"}),
        (403, "upstream", " Check the credentials, and whether they may use this resource group.", DOUBTFUL),
        (403, "RBAC: access denied", " Check the credentials, and whether they may use this resource group.", {"was_refused"}),
        (404, "upstream", GATEWAY, PASSES | {"is_of_a_gateway"}),
        (404, b"", GATEWAY, PASSES | {"is_of_a_gateway"}),
        (404, {"error": {"code": "01060003", "message": "none", "requestId": "r"}}, "", {"is_missing", "was_refused"}),
        (404, {"error": {"code": "404", "message": "none", "requestId": "r"}}, GATEWAY, PASSES | {"is_of_a_gateway"}),
        (409, {"error": {"code": "x01060003", "message": "RBAC: access denied", "requestId": "r"}}, "", DOUBTFUL),
        (408, "upstream", LATER, PASSES),
        (421, "upstream", LATER, PASSES),
        (425, "upstream", LATER, {"transient", "was_refused"}),
        (429, "upstream", LATER, {"transient", "was_refused"}),
        (460, "upstream", LATER, PASSES),
        (499, "upstream", LATER, PASSES),
        (500, "upstream", LATER, PASSES),
        (501, "upstream", "", DOUBTFUL),
        (502, "upstream", LATER, PASSES),
        (505, "upstream", "", DOUBTFUL),
        (506, "upstream", "", DOUBTFUL),
        (507, "upstream", LATER, PASSES),
        (510, "upstream", "", DOUBTFUL),
        (511, "upstream", "", DOUBTFUL),
        (599, "upstream", LATER, PASSES),
    ],
)  # fmt: skip
def test_who_refused_and_what_that_means(
    live_api: TrainingApi, emulator: Emulator, status: int, body: Any, said: str, its: set[str]
) -> None:
    emulator.fault("execution.create", status=status, body=body, times=None)
    error = failure(live_api)
    assert error.status == status
    assert flags(error).keys() == its
    assert str(error).endswith(f".{said}") or (status < 400 and str(error).endswith(said))


def test_no_status_passes_by_itself() -> None:
    from pytest_aicore.training.service.failures import is_transient

    assert is_transient(None) is False


def test_answer_that_cannot_be_read_is_known_as_such(live_api: TrainingApi, emulator: Emulator) -> None:
    emulator.fault("execution.create", kind="html")
    assert flags(failure(live_api)).keys() == {"transient", "in_doubt", "is_unreadable"}
    emulator.fault("execution.create", kind="connection reset")
    assert flags(failure(live_api)).keys() == {"transient", "in_doubt"}
    emulator.fault("execution.query", status=200, body={"resources": None})
    with pytest.raises(CallError) as caught:
        live_api.page([EXECUTABLE], 1)
    assert flags(caught.value).keys() == {"transient", "is_unreadable"}
    emulator.fault("execution.query", status=200, body={"resources": [{"id": "e1", "status": "RUNNING"}]})
    (row,) = live_api.page([EXECUTABLE], 1).values()
    assert isinstance(row, CallError)
    assert flags(row).keys() == {"transient", "is_unreadable"}
    assert re.search(r"an answer cannot be read \(KeyError: '\w+'\)\.$", str(row))


@pytest.mark.parametrize("made", [{"id": None}, {"id": ""}, {"id": "a/b"}, {"id": 7}, {"id": ["c"]}])
def test_answer_without_an_id_says_nothing_of_what_was_made(
    live_api: TrainingApi, emulator: Emulator, made: dict[str, Any]
) -> None:
    body = {"message": "Execution scheduled", "status": "UNKNOWN", "targetStatus": "COMPLETED", **made}
    emulator.fault("execution.create", status=202, body=body)
    error = failure(live_api)
    assert flags(error).keys() == {"transient", "in_doubt", "is_unreadable"}
    assert f"the answer cannot be read (TypeError: the id is {made['id']!r})." in str(error)


# What was made though the token was refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "make"),
    [
        ("artifact.create", lambda api, *find: api.register_artifact("d", "dataset", "ai://a/b", SCENARIO, "", {}, *find)),
        ("configuration.create", lambda api, *find: api.create_configuration("n", SCENARIO, EXECUTABLE, {}, {}, *find)),
        ("execution.create", lambda api, *find: api.start_execution("c000", *find)),
    ],
)  # fmt: skip
def test_what_was_made_though_the_token_was_refused_is_looked_for(
    credentials: Credentials, emulator: Emulator, operation: str, make: Callable[..., Any]
) -> None:
    api = TrainingApi(lambda: make_client(credentials, "default", num_request_retries=0))
    asked: list[str] = []

    def find() -> str | None:
        asked.append("found")
        return "found"

    def find_nothing() -> None:
        asked.append("nothing")

    body = {"id": "x001", "message": "made", "status": "UNKNOWN", "url": "ai://a/b", "targetStatus": "COMPLETED"}
    emulator.fault(operation, status=401, times=1)
    assert make(api, find) == "found"
    assert (asked, len(paths(emulator, operation))) == (["found"], 1)
    for finds in ((find_nothing,), ()):
        emulator.fault(operation, status=401, times=1)
        emulator.fault(operation, status=201, body=body, times=1)
        assert make(api, *finds).id == "x001"
    assert (asked, len(paths(emulator, operation))) == (["found", "nothing"], 5)
    emulator.fault("token", status=401, times=1)
    emulator.fault(operation, status=201, body=body, times=1)
    fresh = TrainingApi(lambda: make_client(credentials, "default", num_request_retries=0))
    assert make(fresh, find).id == "x001"
    assert asked == ["found", "nothing"]


def test_what_exists_looks_as_it_did_when_it_was_made(live_api: TrainingApi) -> None:
    artifact = live_api.artifact_response("a001", "ai://a/b")
    configuration = live_api.configuration_response("c001")
    execution = live_api.execution_response("e001")
    assert (artifact.id, artifact.message, artifact.url) == ("a001", "Artifact acknowledged", "ai://a/b")
    assert (configuration.id, configuration.message) == ("c001", "Configuration created")
    assert (execution.id, execution.message, execution.status) == ("e001", "Execution scheduled", sdk("Status").UNKNOWN)


# Lists --------------------------------------------------------------------------------------------------------------


def test_executions_of_a_configuration_whatever_else_can_be_read(live_api: TrainingApi, emulator: Emulator) -> None:
    rows = [
        {"id": "e1", "configurationId": "c001", "createdAt": "2025-01-01T00:00:00Z"},
        {"id": "e2", "configurationId": "another"},
        {"id": "e3", "configurationId": "c001", "createdAt": "2025-01-02T00:00:00Z", "status": "odd"},
        {"id": "e3", "configurationId": "c001", "createdAt": "2025-01-02T00:00:00Z"},
        {"id": "e4", "configurationId": "c001"},
        {"id": 7, "configurationId": "another"},
        None,
    ]
    emulator.fault("execution.query", status=200, body={"resources": rows})
    assert live_api.executions_of("c001") == ["e4", "e3", "e1"]
    assert paths(emulator, "execution.query") == ["/v2/lm/executions?configurationId=c001"]
    for its in ({}, {"id": None}, {"id": 7}, {"id": "a/b"}):
        emulator.fault("execution.query", status=200, body={"resources": [{**its, "configurationId": "c001"}]})
        with pytest.raises(CallError) as caught:
            live_api.executions_of("c001")
        assert str(caught.value) == (
            f"could not search for executions of the configuration c001 at {AT}: the answer cannot be read (it has an"
            " execution without an id)."
        )
        assert flags(caught.value).keys() == {"transient", "is_unreadable"}


def row(execution: str, status: str = "RUNNING") -> dict[str, str]:
    return {
        "id": execution, "configurationId": "c1", "configurationName": "c", "scenarioId": "s", "status": status,
        "targetStatus": "COMPLETED", "createdAt": "2025-01-01T00:00:00Z", "modifiedAt": "2025-01-01T00:00:00Z",
    }  # fmt: skip


def test_execution_that_is_listed_twice_cannot_be_read(live_api: TrainingApi, emulator: Emulator) -> None:
    rows = [row("e1"), row("e2"), row("e1", "COMPLETED")]
    emulator.fault("execution.query", status=200, body={"resources": rows})
    page = live_api.page([EXECUTABLE], 1)
    assert isinstance(page["e2"], Execution)
    assert str(page["e1"]) == (
        f"could not list the executions at {AT}: an answer cannot be read (ValueError: it is listed twice)."
    )


def test_unfinished_ones_are_each_once_and_unfinished(live_api: TrainingApi, emulator: Emulator) -> None:
    rows = [row("e1"), row("e2", "COMPLETED"), row("e1"), row("e3", "PENDING"), row("e4", "UNKNOWN")]
    emulator.fault("execution.query", status=200, body={"count": 5, "resources": rows}, times=None)
    assert [each.id for each in live_api.unfinished()] == ["e1", "e3", "e4"]
    asked = [path.partition("status=")[2] for path in paths(emulator, "execution.query")]
    assert asked == ["UNKNOWN", "PENDING", "RUNNING"]


def test_log_of_something_else_cannot_be_read(live_api: TrainingApi, emulator: Emulator) -> None:
    start = datetime(2025, 1, 1, tzinfo=timezone.utc)
    body = page_of([(start, "a")])
    body["data"]["result"].append({**body["data"]["result"][0], "msg": None})
    emulator.fault("execution.query_logs", status=200, body=body)
    with pytest.raises(CallError, match=r"the answer cannot be read \(TypeError: a line is None\)\."):
        live_api.logs("e001", start)


def test_log_without_an_end_is_given_up(
    live_api: TrainingApi, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_aicore.training.service.api.MOST_LOG_LINES", 1500)
    start = datetime(2025, 1, 1, tzinfo=timezone.utc)
    for number in range(3):
        lines = [(start + timedelta(seconds=1000 * number + each), f"{number} {each}") for each in range(1000)]
        emulator.fault("execution.query_logs", status=200, body=page_of(lines))
    with pytest.raises(CallError) as caught:
        live_api.logs("e001", start)
    assert str(caught.value) == f"could not get the logs of the execution e001 at {AT}: it has more than 1500 lines."
    assert flags(caught.value).keys() == {"is_unreadable"}
    assert len(paths(emulator, "execution.query_logs")) == 2


def test_page_that_comes_again_and_again_is_the_last(live_api: TrainingApi, emulator: Emulator) -> None:
    start = datetime(2025, 1, 1, 1, tzinfo=timezone.utc)
    lines = [(start - timedelta(seconds=60) + timedelta(microseconds=each), f"{each}") for each in range(999)]
    lines.append((start - timedelta(seconds=1), "last"))
    emulator.fault("execution.query_logs", status=200, body=page_of(lines), times=None)
    assert len(live_api.logs("e001", start)) == 1000
    assert len(paths(emulator, "execution.query_logs")) == 2


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ({"name": None, "value": 0.5, "step": 1}, "a metric is None = 0.5, step 1"),
        ({"name": "loss", "value": "low", "step": 1}, "a metric is 'loss' = 'low', step 1"),
        ({"name": "loss", "value": 1, "step": "one"}, "a metric is 'loss' = 1, step 'one'"),
    ],
)
def test_metrics_that_are_none_cannot_be_read(
    live_api: TrainingApi, emulator: Emulator, metric: dict[str, Any], said: str
) -> None:
    its = {"timestamp": "2025-01-01T00:00:00Z", "labels": [], **metric}
    resource = {"executionId": "e001", "metrics": [{**its, "name": "ok", "value": 1, "step": 0}, its]}
    emulator.fault("metrics.query", status=200, body={"count": 1, "resources": [resource]})
    with pytest.raises(CallError) as caught:
        live_api.metrics("e001")
    assert f"the answer cannot be read (TypeError: {said})." in str(caught.value)


def test_address_is_unknown_before_the_first_call() -> None:
    api = TrainingApi(lambda: None)
    assert api.service_now() is None


def test_what_is_looked_for_is_asked_for(live_api: TrainingApi, emulator: Emulator) -> None:
    live_api.find_configuration(SCENARIO, EXECUTABLE, {}, {}, "a~b")
    live_api.find_artifact("d", "dataset", "ai://a/b", SCENARIO, {"ext.ai.sap.com/a": "b"})
    (configurations,) = paths(emulator, "configuration.query")
    (artifacts,) = paths(emulator, "artifact.query")
    assert dict(parse_qsl(configurations.partition("?")[2])) == {
        "scenarioId": SCENARIO, "executableIds": EXECUTABLE, "$search": "a",
    }  # fmt: skip
    assert dict(parse_qsl(artifacts.partition("?")[2])) == {
        "scenarioId": SCENARIO, "name": "d", "kind": "dataset", "artifactLabelSelector": "ext.ai.sap.com/a=b",
    }  # fmt: skip


def test_threads_that_ask_at_once_get_the_same_client(credentials: Credentials, emulator: Emulator) -> None:
    entered, go = threading.Semaphore(0), threading.Event()

    def connect() -> Any:
        entered.release()
        assert go.wait(10)
        return make_patient_client(credentials, "default")

    api = TrainingApi(connect)
    threads = [threading.Thread(target=api.scenarios) for _ in range(2)]
    threads[0].start()
    assert entered.acquire(timeout=10)
    threads[1].start()
    assert not entered.acquire(timeout=0.1)
    go.set()
    for thread in threads:
        thread.join(10)
    assert not entered.acquire(blocking=False)


# What is known of an answer that the SDK stumbled over --------------------------------------------------------------


def stumbling(*frames: dict[str, Any]) -> TrainingApi:
    """Return calls whose client fails; each failure has been caused by the next one, and has an answer in its frame."""

    def fail(*rest: dict[str, Any]) -> None:
        response = rest[0].get("response")
        try:
            if rest[1:]:
                fail(*rest[1:])
        except ValueError:
            raise KeyError("resources") from None
        raise ValueError(f"odd {response is not None}")

    client: Any = SimpleNamespace(base_url="https://h/v2/lm", scenario=SimpleNamespace(query=lambda: fail(*frames)))
    return TrainingApi(lambda: client)


@pytest.mark.parametrize(
    ("frames", "status", "retry_after"),
    [
        (({"response": SimpleNamespace(status_code=503, headers={"Retry-After": "7"})},), 503, 7),
        (({"response": SimpleNamespace(status=503, headers={"Retry-After": "7"})},), 503, 7),
        (
            ({"response": SimpleNamespace(status=503, headers={"Retry-After": LATER_DATE, "Date": DATE})},), 503, 10,
        ),
        (({"response": SimpleNamespace(status_code=503)},), 503, None),
        (({"response": SimpleNamespace(status_code=400)},), 400, None),
        (({"response": SimpleNamespace(status_code=399)},), None, None),
        (({"response": SimpleNamespace(status_code="503")},), None, None),
        (({},), None, None),
        (({}, {"response": SimpleNamespace(status=503, headers={"Retry-After": "7"})}), 503, 7),
        (({}, {}, {"response": SimpleNamespace(status=503, headers={"Retry-After": "7"})}), 503, 7),
    ],
)  # fmt: skip
def test_status_is_that_of_the_answer_that_the_sdk_had_in_its_hands(
    frames: tuple[dict[str, Any], ...], status: int | None, retry_after: float | None
) -> None:
    with pytest.raises(CallError) as caught:
        stumbling(*frames).scenarios()
    error = caught.value
    assert (error.status, error.retry_after) == (status, retry_after)
    assert str(error).startswith("could not list the scenarios at https://h/v2/lm: ")
    if status is not None:
        assert f": HTTP {status}." in str(error)


@pytest.mark.parametrize(
    ("error", "said", "its"),
    [
        (requests.ConnectTimeout("slow"), "ConnectTimeout (slow). Check the address and the network.", {"transient"}),
        (requests.ReadTimeout("slow"), "ReadTimeout (slow). Try again later.", {"transient", "in_doubt"}),
        (requests.ConnectionError(), "ConnectionError (). Try again later.", {"transient", "in_doubt"}),
        (
            requests.exceptions.ContentDecodingError("odd"),
            "ContentDecodingError (odd). Try again later.",
            {"transient", "in_doubt", "is_unreadable"},
        ),
        (
            requests.exceptions.JSONDecodeError("odd", "x", 0),
            "JSONDecodeError (odd: line 1 column 1 (char 0)). Try again later.",
            {"transient", "in_doubt", "is_unreadable"},
        ),
        (
            AnswerTooLargeError("too large"),
            "AnswerTooLargeError (too large). Try again later.",
            {"transient", "in_doubt", "is_unreadable"},
        ),
        (
            KeyError("resources"),
            (
                "the answer cannot be read (KeyError: 'resources'). A proxy or gateway may have answered instead of AI"
                " Core."
            ),
            {"transient", "in_doubt", "is_unreadable"},
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_failures_below_the_sdk_are_said_in_our_words(error: Exception, said: str, its: set[str]) -> None:
    def fail() -> None:
        raise error

    client: Any = SimpleNamespace(base_url="https://h/v2/lm", scenario=SimpleNamespace(query=fail))
    with pytest.raises(CallError) as caught:
        TrainingApi(lambda: client).scenarios()
    assert str(caught.value) == f"could not list the scenarios at https://h/v2/lm: {said}"
    assert flags(caught.value).keys() == its
    assert caught.value.__cause__ is error


def test_a_block_limits_only_the_time_of_calls_without_a_limit_of_their_own(credentials: Credentials) -> None:
    make_patient_client(credentials, "default")  # from now on all sessions of the SDK have our adapter
    client = make_client(credentials, "default")
    with no_longer_than(30):
        assert client.scenario.query().count > 0
