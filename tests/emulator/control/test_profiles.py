"""Bad days by name, and the faults that they are made of: chance, early calls, slowness, late log lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from ai_api_client_sdk.exception import AIAPIAuthorizationException, AIAPINotFoundException, AIAPIServerException

from pytest_aicore.emulator.control.profiles import PROFILES
from pytest_aicore.errors import EmulatorError

if TYPE_CHECKING:
    from tests.emulator.conftest import House

TROUBLE = (AIAPIServerException, AIAPIAuthorizationException, requests.exceptions.RequestException)


def fates(house: House, number: int = 40) -> list[int]:
    token = {"Authorization": f"Bearer {house.token()}"}
    return [requests.get(f"{house.url}/meta", headers=token, timeout=5).status_code for _ in range(number)]


def counted(client: Any, number: int = 40) -> list[object]:
    """Return of so many calls the value, or the name of what was raised."""
    fates: list[object] = []
    for _ in range(number):
        try:
            fates.append(client.configuration.count())
        except TROUBLE as error:  # noqa: PERF203  between calls
            fates.append(type(error).__name__)
    return fates


# Chance -------------------------------------------------------------------------------------------------------


def test_chance_strikes_some_and_follows_from_the_seed(house: House) -> None:
    drawn = []
    for seed in (1, 1, 2):
        moment = house.emulator.checkpoint()
        fault = house.emulator.fault("meta.get", status=503, times=None, probability=0.3, seed=seed)
        drawn.append(fates(house, 200))
        assert fault.struck == drawn[-1].count(503)
        house.emulator.rollback(moment)
    assert drawn[0] == drawn[1] != drawn[2]
    assert 40 <= drawn[0].count(503) <= 80


def test_chance_decides_once_for_all_attempts_of_a_call(house: House, client: Any) -> None:
    fault = house.emulator.fault("configuration.count", status=503, times=None, probability=0.5)
    outcome = counted(client)
    assert outcome.count("RetryError") == fault.struck
    assert 0 < fault.struck < 40
    attempts = [record for record in house.emulator.requests if record.operation == "configuration.count"]
    assert len(attempts) == 40 + 3 * fault.struck


def test_rollback_takes_chance_back(house: House) -> None:
    house.emulator.fault("meta.get", status=503, times=None, probability=0.5)
    fates(house, 7)
    moment = house.emulator.checkpoint()
    first = fates(house)
    house.emulator.rollback(moment)
    assert fates(house) == first
    assert fates(house) != first


def test_times_counts_what_went_wrong_only(house: House) -> None:
    fault = house.emulator.fault("meta.get", status=503, times=3, probability=0.5)
    assert fates(house).count(503) == fault.struck == 3


# Records that are new, time, patterns -------------------------------------------------------------------------


def test_the_first_looks_at_what_was_just_created_find_nothing(house: House, client: Any) -> None:
    older = house.start(client)
    house.emulator.fault("execution.get", kind="not found", looks=2, times=None)
    newer, newest = house.start(client), house.start(client)
    assert client.execution.get(older).id == older
    for execution_id in (newer, newest, newer, newest):
        with pytest.raises(AIAPINotFoundException) as missing:
            client.execution.get(execution_id)
        assert missing.value.error_message == f"Execution with id {execution_id} is not found"
    assert [client.execution.get(each).id for each in (newer, newest)] == [newer, newest]
    assert client.execution.query().count == 3


def test_a_status_that_the_sdk_does_not_know(house: House, client: Any) -> None:
    execution_id = house.start(client)
    house.emulator.fault("execution.*", kind="unknown status", times=2)
    shown = house.ask("GET", f"/executions/{execution_id}").json()
    assert (shown["status"], shown["targetStatus"]) == ("SUSPENDED", "COMPLETED")
    with pytest.raises(ValueError, match="'SUSPENDED' is not a valid Status"):
        client.execution.query()
    assert client.execution.get(execution_id).status.value in ("UNKNOWN", "PENDING")


def test_what_does_not_exist_is_no_early_look(house: House, client: Any) -> None:
    fault = house.emulator.fault("*.get", status=503, looks=1, times=None)
    with pytest.raises(AIAPINotFoundException):
        client.execution.get("e000000000000000")
    assert fault.struck == 0


def test_a_slow_call_takes_time_and_is_answered_all_the_same(house: House, client: Any) -> None:
    execution_id = house.start(client)
    fault = house.emulator.fault("execution.get", delay=30, times=1)
    before = house.emulator.clock.now()
    assert client.execution.get(execution_id).status.value == "RUNNING"  # what it is when the answer is made
    assert house.emulator.clock.now() == before + 30
    assert fault.struck == 1


def test_a_slow_call_may_fail_as_well(house: House) -> None:
    house.emulator.fault("meta.get", delay=20)
    house.emulator.fault("meta.get", delay=10, status=503)
    before = house.emulator.clock.now()
    assert fates(house, 2) == [503, 200]
    assert house.emulator.clock.now() == before + 30


def test_late_log_lines(house: House, client: Any) -> None:
    house.emulator.fault("*.query_logs", late=60, times=None)
    execution_id = house.start(client)
    house.emulator.clock.advance(60)

    def lines() -> list[str]:
        answer = house.ask("GET", f"/executions/{execution_id}/logs").json()
        return [line["msg"] for line in answer["data"]["result"]]

    assert client.execution.get(execution_id).status.value == "COMPLETED"
    assert lines() == []
    house.emulator.clock.advance(60)
    assert lines()[-1] == "Training finished"


@pytest.mark.parametrize(
    ("pattern", "struck"),
    [("*.count", 1), ("configuration.*", 1), ("*.*", 2), ("*", 3), ("*.get", 1)],
)
def test_a_pattern_means_every_call_that_it_fits(house: House, pattern: str, struck: int) -> None:
    fault = house.emulator.fault(pattern, delay=1, times=None)
    token = {"Authorization": f"Bearer {house.token()}", "AI-Resource-Group": "default"}
    for path in ("/meta", "/configurations/$count"):
        assert requests.get(house.url + path, headers=token, timeout=5).status_code == 200
    assert fault.struck == struck


def test_a_pattern_that_fits_nothing_is_refused(house: House) -> None:
    with pytest.raises(EmulatorError) as refused:
        house.emulator.fault("executions.*", status=500)
    assert str(refused.value).startswith("fault: unknown call 'executions.*'. Did you mean 'execution.")


# Profiles -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_the_same_for_the_same_seed(house: House, client: Any, name: str) -> None:
    seen = []
    for seed in (3, 3, 4):
        moment = house.emulator.checkpoint()
        faults = house.emulator.profile(name, seed=seed)
        with house.emulator.recording() as calls:
            outcome = counted(client)
        answered = [(record.status, record.at) for record in calls.requests if record.operation != "token"]
        seen.append((outcome, answered, [fault.struck for fault in faults]))
        house.emulator.rollback(moment)
    assert seen[0] == seen[1]
    if sum(seen[0][2]) > 1:
        assert seen[1] != seen[2]


@pytest.mark.parametrize(
    ("name", "trouble", "helped"),
    [
        ("throttled", set(), True),
        ("flaky control plane", set(), True),
        ("token expiry", {"AIAPIAuthorizationException"}, False),
        ("not found at first", set(), False),
        ("late logs", set(), False),
        ("slow lists", set(), False),
        ("connection resets", set(), True),
    ],
)
def test_what_a_profile_does_to_reading(house: House, client: Any, name: str, trouble: set[str], helped: bool) -> None:
    house.emulator.profile(name, seed=1)
    with house.emulator.recording() as calls:
        outcome = counted(client)
    assert {each for each in outcome if each != 0} == trouble
    assert calls.made("configuration.count") == 40
    assert (calls.attempts("configuration.count") > 40) is helped


def test_token_expiry_strikes_once_in_the_middle(house: House, client: Any) -> None:
    house.emulator.profile("token expiry", seed=1)
    outcome = counted(client)
    assert outcome.count("AIAPIAuthorizationException") == 1
    assert outcome.index("AIAPIAuthorizationException") >= 3


def test_slow_lists_take_time(house: House, client: Any) -> None:
    faults = house.emulator.profile("slow lists", seed=1)
    before = house.emulator.clock.now()
    counted(client)
    struck = sum(fault.struck for fault in faults)
    assert 10 < struck < 30
    assert house.emulator.clock.now() == before + 20 * struck


@pytest.mark.parametrize("name", ["flaky control plane", "connection resets"])
def test_creations_are_done_although_their_answers_get_lost(house: House, client: Any, name: str) -> None:
    configuration_id = house.configure(client)
    house.emulator.profile(name, seed=1)
    answered = 0
    for _ in range(40):
        try:
            client.execution.create(configuration_id)
        except TROUBLE:
            continue
        answered += 1
    (group,) = house.emulator.state.groups.values()
    assert answered < len(group.executions) < 40


def test_a_profile_that_does_not_exist(house: House) -> None:
    with pytest.raises(EmulatorError) as refused:
        house.emulator.profile("throtled")
    assert str(refused.value) == (
        "profile: unknown profile 'throtled'. Did you mean 'throttled'? Profiles: 'throttled', 'flaky control plane', "
        "'token expiry', 'not found at first', 'late logs', 'slow lists', 'connection resets'."
    )
    assert house.emulator.state.faults == []
