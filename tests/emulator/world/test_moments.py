"""Moments to go back to, what outlives them, the request log, and many at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
from ai_api_client_sdk.models.status import Status

from pytest_aicore.errors import EmulatorError

if TYPE_CHECKING:
    from tests.emulator.conftest import House


def everything(house: House) -> dict[str, Any]:
    """Return all that clients can see, and the time."""
    paths = ("/artifacts", "/configurations", "/scenarios", "/executions?$select=status&scenarioId=x-none")
    seen = {path: house.ask("GET", path).text for path in paths}
    clock = house.emulator.clock
    return {**seen, "now": clock.now(), "held": clock.held, "groups": sorted(house.emulator.state.groups)}


def test_a_rollback_undoes_everything(house: House, client: Any) -> None:
    emulator = house.emulator
    kept = house.start(client)
    emulator.clock.sleep(3)
    before = everything(house)
    moment = emulator.checkpoint()

    house.configure(client)
    created = client.execution.create(client.configuration.query().resources[0].id).id
    emulator.script(outcome="DEAD", running=1)
    emulator.fault("artifact.query", status=500, times=None)
    emulator.create_resource_group("team-a")
    emulator.publish(renamed(emulator.state.published["house-train"].executable))
    emulator.clock.advance(3600)
    client.execution.delete(kept)
    house.ask("GET", "/unheard-of")

    emulator.rollback(moment)
    assert everything(house) == before
    assert (emulator.take_incidents(), emulator.state.scripts, emulator.state.faults) == ([], [], [])
    with pytest.raises(Exception, match="not found"):
        client.execution.get(created)
    emulator.rollback(moment)
    assert client.execution.create(client.configuration.query().resources[0].id).id == created_again(house, moment)


def renamed(executable: Any) -> Any:
    return type(executable)(**{**{name: getattr(executable, name) for name in executable.__slots__}, "id": "other-id"})


def created_again(house: House, moment: Any) -> str:
    """Return the id that an execution gets that is started first thing after a moment."""
    house.emulator.rollback(moment)
    client = house.client()
    return str(client.execution.create(client.configuration.query().resources[0].id).id)


def test_what_was_under_way_goes_on_after_a_rollback(house: House, client: Any) -> None:
    execution_id = house.start(client)
    house.emulator.clock.advance(20)
    moment = house.emulator.checkpoint()
    ended = []
    for _ in range(2):
        assert client.execution.get(execution_id).status is Status.RUNNING
        house.emulator.clock.advance(40)
        ended.append(house.ask("GET", f"/executions/{execution_id}").text)
        house.emulator.rollback(moment)
    assert ended[0] == ended[1]
    assert '"status":"COMPLETED"' in ended[0]


def test_scripts_and_faults_of_the_moment_are_there_again_as_they_were(house: House, client: Any) -> None:
    emulator = house.emulator
    configuration_id = house.configure(client)
    emulator.script(times=1, outcome="DEAD")
    fault = emulator.fault("configuration.count", status=400, times=2)
    status = [house.ask("GET", "/configurations/$count").status_code]
    moment = emulator.checkpoint()
    for _ in range(2):
        status.append(house.ask("GET", "/configurations/$count").status_code)
        status.append(house.ask("GET", "/configurations/$count").status_code)
        ids = [client.execution.create(configuration_id).id for _ in range(2)]
        emulator.clock.advance(100)
        assert [client.execution.get(each).status.value for each in ids] == ["DEAD", "COMPLETED"]
        assert fault.struck == 2
        emulator.rollback(moment)
        assert fault.struck == 1
    assert status == [400, 400, 200, 400, 200]


def test_a_script_of_the_moment_still_contradicts(house: House) -> None:
    house.emulator.script(outcome="DEAD")
    house.emulator.rollback(house.emulator.checkpoint())
    with pytest.raises(EmulatorError, match="contradicts outcome='DEAD'"):
        house.emulator.script(outcome="COMPLETED")


# What outlives them -------------------------------------------------------------------------------------------


def test_what_is_made_under_a_baseline_outlives_the_rollback(house: House, client: Any) -> None:
    emulator = house.emulator
    moment = emulator.checkpoint()
    own = house.start(client)
    emulator.script(outcome="DEAD")
    fault = emulator.fault("execution.count", status=400)
    emulator.report("an incident of the test")
    emulator.clock.advance(5)
    with emulator.baseline(moment):
        assert (client.artifact.query().count, emulator.state.scripts, emulator.state.faults) == (0, [], [])
        shared = house.start(client)
        emulator.clock.sleep(100)
        assert client.execution.get(shared).status is Status.COMPLETED
        emulator.report("an incident of the run")
    assert {execution.id for execution in client.execution.query().resources} == {own, shared}
    assert emulator.now.second == 45
    assert house.ask("GET", "/executions/$count").status_code == 400
    assert fault.struck == 1
    emulator.clock.advance(100)
    assert client.execution.get(own).status is Status.COMPLETED  # it began before the script
    assert client.execution.get(house.start(client)).status is Status.UNKNOWN
    assert emulator.take_incidents() == ["an incident of the test", "an incident of the run"]
    emulator.rollback(moment)
    assert [execution.id for execution in client.execution.query().resources] == [shared]
    assert len(client.execution.get(shared).output_artifacts) == 2
    assert (emulator.state.scripts, emulator.state.faults) == ([], [])


def test_what_is_under_way_when_a_baseline_ends_goes_on_in_both_worlds(house: House, client: Any) -> None:
    emulator = house.emulator
    moment = emulator.checkpoint()
    with emulator.baseline(moment):
        shared = house.start(client)
        emulator.clock.sleep(20)
    for _ in range(2):
        assert client.execution.get(shared).status is Status.RUNNING
        emulator.clock.advance(40)
        assert client.execution.get(shared).status is Status.COMPLETED
        emulator.rollback(moment)


def test_a_test_that_deleted_something_shared_does_not_get_it_back(house: House, client: Any) -> None:
    emulator = house.emulator
    first = house.start(client)
    emulator.clock.advance(100)
    moment = emulator.checkpoint()
    client.execution.delete(first)
    emulator.clock.advance(60)
    with emulator.baseline(moment):
        assert client.execution.get(first).status is Status.COMPLETED
        second = house.start(client)
    assert [execution.id for execution in client.execution.query().resources] == [second]
    emulator.rollback(moment)
    assert [execution.id for execution in client.execution.query().resources] == [second, first]


def test_ids_are_unique_although_two_worlds_meet(house: House, client: Any) -> None:
    moment = house.emulator.checkpoint()
    ids = [house.start(client)]
    for _ in range(3):
        with house.emulator.baseline(moment):
            ids.append(house.start(client))
        ids.append(house.start(client))
    assert len(set(ids)) == 7
    assert {execution.id for execution in client.execution.query().resources} == set(ids)


def test_a_baseline_that_fails_keeps_what_there_is(house: House, client: Any) -> None:
    moment = house.emulator.checkpoint()
    made = []

    def fail() -> None:
        with house.emulator.baseline(moment):
            made.append(house.start(client))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    house.emulator.rollback(moment)
    assert [execution.id for execution in client.execution.query().resources] == made


def test_what_is_said_under_a_baseline_is_said_for_both_worlds(house: House, client: Any) -> None:
    """For example by a fixture of a whole module."""
    moment = house.emulator.checkpoint()
    house.emulator.script(running=1)
    with house.emulator.baseline(moment):
        house.emulator.script(outcome="DEAD")
        fault = house.emulator.fault("artifact.count", status=400, times=3)
    for struck in (1, 1):
        execution_id = house.start(client)
        house.emulator.clock.advance(100)
        assert client.execution.get(execution_id).status is Status.DEAD
        assert house.ask("GET", "/artifacts/$count").status_code == 400
        assert fault.struck == struck
        house.emulator.rollback(moment)


# The log ------------------------------------------------------------------------------------------------------


def test_the_log_tells_what_was_asked_and_answered(house: House, client: Any) -> None:
    execution_id = house.start(client)
    house.ask("GET", "/unheard-of", resource_group=None)
    create = next(record for record in house.emulator.requests if record.operation == "configuration.create")
    assert (create.method, create.path, create.status) == ("POST", "/v2/lm/configurations", 201)
    assert (create.attempt, create.at, create.resource_group) == (1, house.emulator.clock.now(), "default")
    assert create.request_body.startswith('{"name": "small tree"')
    assert create.response_body.endswith('"message":"Configuration created"}')
    last = house.emulator.requests[-1]
    assert (last.operation, last.status, last.resource_group, str(last)) == (
        "",
        501,
        "",
        "GET /v2/lm/unheard-of -> 501",
    )
    client.execution.get(execution_id, select="status")
    assert repr(house.emulator.requests[-1]) == f"GET /v2/lm/executions/{execution_id}?%24select=status -> 200"


def test_the_log_is_bounded(house: House) -> None:
    text = "d" * 5000
    house.create(
        "/artifacts",
        {"name": "x", "kind": "model", "url": "ai://a/b", "scenarioId": "some-id", "description": text},
    )
    assert len(house.emulator.requests[-1].request_body) == 2000
    for _ in range(600):
        house.token()
    assert len(house.emulator.requests) == 500


def test_the_log_holds_no_secrets(house: House) -> None:
    key = house.emulator.service_key
    token = house.token()
    secret = str(key["clientsecret"])
    url = f"{key['url']}/oauth/token"
    requests.post(url, params={"grant_type": "client_credentials", "client_secret": secret}, timeout=5)
    requests.post(url, json={"client_secret": secret, "password": "sesame"}, timeout=5)
    house.ask("GET", f"/artifacts?access_token={token}")
    records = list(house.emulator.requests)
    written = "".join(
        f"{record} {record!r} {record.path} {record.request_body} {record.response_body}" for record in records
    )
    assert [found for found in (secret, token, "sesame") if found in written] == []
    assert "client_secret=***" in written


# At the same time ---------------------------------------------------------------------------------------------


def test_eight_threads_make_a_hundred_calls_each(house: House) -> None:
    house.emulator.create_resource_group("team-a")
    clients = {name: house.client(name) for name in ("default", "team-a")}
    configurations = {name: house.configure(client) for name, client in clients.items()}

    def use(number: int) -> set[str]:
        name = "default" if number % 2 else "team-a"
        client = clients[name]
        mine: set[str] = set()
        for turn in range(25):
            created = client.execution.create(configurations[name]).id
            assert client.execution.get(created).configuration_id == configurations[name]
            mine.add(created)
            assert client.execution.count() >= len(mine)
            if turn % 8 == 7:
                listed = client.execution.query()
                assert listed.count == len({execution.id for execution in listed.resources})
                assert mine <= {execution.id for execution in listed.resources}
            else:
                client.execution.query_logs(created)
        return mine

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(use, range(8)))
    assert len(set().union(*made)) == 200
    for name, parity in (("default", 1), ("team-a", 0)):
        ids = {execution.id for execution in clients[name].execution.query().resources}
        assert ids == set().union(*made[parity::2])
    assert [record.status for record in house.emulator.requests if record.status >= 400] == []
    numbers = [record.number for record in house.emulator.requests]
    assert numbers == sorted(set(numbers))
