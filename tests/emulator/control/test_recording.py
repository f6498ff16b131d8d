"""What a recording tells of a piece of code: logical calls, blind repeats, duplicate executions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from ai_api_client_sdk.exception import AIAPIServerException

from pytest_aicore.errors import EmulatorError

if TYPE_CHECKING:
    from tests.emulator.conftest import House

LOST = (AIAPIServerException, requests.exceptions.RequestException, TypeError)


def create_stubbornly(client: Any, configuration_id: str, *, look: bool = False) -> None:
    """Do what a careless client does: try again until an answer comes."""
    for _ in range(3):
        try:
            client.execution.create(configuration_id)
        except LOST:  # noqa: PERF203  between calls
            if look:
                client.execution.query(configuration_id=configuration_id)
        else:
            return


def test_attempts_of_one_call_count_once(house: House, client: Any) -> None:
    execution_id = house.start(client)
    house.emulator.fault("execution.get", status=503, attempts=2)
    with house.emulator.recording() as calls:
        client.execution.get(execution_id)
        client.execution.get(execution_id)
    assert (calls.made("execution.get"), calls.attempts("execution.get")) == (2, 4)
    assert (calls.made("execution.*"), calls.made("artifact.*"), calls.made("token")) == (2, 0, 0)
    assert len(calls) == 2
    assert repr(calls) == "<Calls: 2 in 4 attempts>"
    client.execution.get(execution_id)
    assert len(calls) == 2, "the recording has ended"


def test_recordings_forget_nothing_and_may_be_nested(house: House) -> None:
    token = {"Authorization": f"Bearer {house.token()}"}
    with house.emulator.recording() as outer:
        for _ in range(400):
            requests.get(f"{house.url}/meta", headers=token, timeout=5)
        with house.emulator.recording() as inner:
            for _ in range(400):
                requests.get(f"{house.url}/meta", headers=token, timeout=5)
    assert (len(outer), len(inner), len(house.emulator.requests)) == (800, 400, 500)
    assert outer.requests[400:] == inner.requests


def test_an_unknown_call_is_no_call_that_was_not_made(house: House) -> None:
    with house.emulator.recording() as calls:
        pass
    with pytest.raises(EmulatorError) as refused:
        calls.made("executions.get")
    assert str(refused.value) == "recording: unknown call 'executions.get'. Did you mean 'execution.get'?"


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 504}, {"kind": "connection reset"}, {"kind": "timeout"}, {"kind": "html"}]
)
def test_repeating_what_may_have_been_done(house: House, client: Any, fault: Any) -> None:
    configuration_id = house.configure(client)
    house.emulator.fault("execution.create", processed=True, **fault)
    with house.emulator.recording() as calls:
        create_stubbornly(client, configuration_id)
    ((lost, again),) = calls.blind_repeats
    assert (lost.number + 1, again.status) == (again.number, 202)
    ((executed, ids),) = calls.duplicate_executions.items()
    assert (executed, len(ids)) == (configuration_id, 2)


def test_whole_messages(house: House, client: Any) -> None:
    configuration_id = house.configure(client)
    house.emulator.fault("execution.create", kind="connection reset", processed=True)
    house.emulator.clock.advance(90)
    with house.emulator.recording() as calls:
        create_stubbornly(client, configuration_id)
    with pytest.raises(AssertionError) as failed:
        calls.assert_no_blind_repeat()
    assert str(failed.value) == (
        "execution.create was sent again after its answer was lost; the first request may have succeeded:\n"
        "  2025-01-01T00:01:30Z POST /v2/lm/executions -> no answer\n"
        "  2025-01-01T00:01:30Z POST /v2/lm/executions -> 202\n"
        "Check before you repeat it: execution.query shows whether it exists."
    )
    with pytest.raises(AssertionError) as failed:
        calls.assert_no_duplicate_execution()
    ids = sorted(execution.id for execution in client.execution.query().resources)
    assert str(failed.value) in (
        f"configuration {configuration_id} was executed 2 times: {ids[0]}, {ids[1]}.",
        f"configuration {configuration_id} was executed 2 times: {ids[1]}, {ids[0]}.",
    )


@pytest.mark.parametrize("refusal", [{"status": 429}, {"status": 400}, {"kind": "expired token"}])
def test_what_was_refused_may_be_repeated(house: House, client: Any, refusal: Any) -> None:
    configuration_id = house.configure(client)
    house.emulator.fault("execution.create", **refusal)
    with house.emulator.recording() as calls:
        for _ in range(2):
            house.ask("POST", "/executions", {"configurationId": configuration_id})
    assert calls.made("execution.create") == 2
    calls.assert_no_blind_repeat()
    calls.assert_no_duplicate_execution()


def test_who_looks_before_is_not_blind(house: House, client: Any) -> None:
    configuration_id = house.configure(client)
    house.emulator.fault("execution.create", status=504)
    with house.emulator.recording() as calls:
        create_stubbornly(client, configuration_id, look=True)
    assert calls.made("execution.create") == 2
    calls.assert_no_blind_repeat()


def test_a_look_that_was_not_answered_is_none(house: House, client: Any) -> None:
    configuration_id = house.configure(client)
    house.emulator.fault("execution.create", status=504)
    house.emulator.fault("execution.query", status=400)
    with house.emulator.recording() as calls:
        house.ask("POST", "/executions", {"configurationId": configuration_id})
        house.ask("GET", "/executions")
        house.ask("POST", "/executions", {"configurationId": configuration_id})
    assert len(calls.blind_repeats) == 1


def test_another_creation_is_no_repeat(house: House, client: Any) -> None:
    first, second = house.configure(client), house.configure(client, SEED="8")
    house.emulator.fault("execution.create", status=504)
    with house.emulator.recording() as calls:
        for configuration_id in (first, second):
            house.ask("POST", "/executions", {"configurationId": configuration_id})
        house.ask("POST", "/executions", {"configurationId": first}, resource_group="other")
    assert calls.blind_repeats == ()


def test_each_repeat_is_told(house: House, client: Any) -> None:
    configuration_id = house.configure(client)
    house.emulator.fault("execution.create", status=504, times=2)
    with house.emulator.recording() as calls:
        create_stubbornly(client, configuration_id)
    assert [(lost.status, again.status) for lost, again in calls.blind_repeats] == [(504, 504), (504, 202)]


def test_executions_of_before_are_nobodys_duplicates(house: House, client: Any) -> None:
    configuration_id = house.configure(client)
    client.execution.create(configuration_id)
    with house.emulator.recording() as calls:
        client.execution.create(configuration_id)
        assert calls.duplicate_executions == {}
    client.execution.create(configuration_id)
    calls.assert_no_duplicate_execution()
