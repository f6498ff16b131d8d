"""Invalid answers: impossible values are neither adopted nor stopped, and do not end a session."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import count as count_from
from itertools import repeat
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.training.maker import Maker
from pytest_aicore.training.run import OneByOne, Training
from pytest_aicore.training.service import api as client
from pytest_aicore.training.service.api import TrainingApi
from pytest_aicore.training.service.failures import CallError
from pytest_aicore.training.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator import Emulator
    from pytest_aicore.training.plan import TrainingPlan


def row(**more: Any) -> dict[str, Any]:
    """Return a row of a list of executions."""
    begin = {"id": "eforeign", "configurationId": "of-others", "configurationName": "c", "executableId": "x"}
    dates = {"createdAt": "2099-01-01T00:00:00Z", "modifiedAt": "2099-01-01T00:00:00Z"}
    return {**begin, **dates, "scenarioId": "s", "status": "RUNNING", "targetStatus": "COMPLETED", **more}


def test_executions_of_others_are_not_adopted(api: TrainingApi, plan: TrainingPlan, emulator: Emulator) -> None:
    """Something on the way drops what is searched for, so the list shows what runs for others."""
    emulator.fault("execution.create", status=502)
    emulator.fault("execution.query", status=200, body={"count": 1, "resources": [row()]}, times=None)
    with pytest.raises(CallError, match="No execution of that configuration has appeared since"):
        Training(
            plan, Maker(plan, api, emulator.clock, "mark"), api, emulator.clock, OneByOne(Watcher(api, emulator.clock))
        ).begin()


def test_things_of_others_are_not_taken(api: TrainingApi) -> None:
    scenario, executable = "text-clf-tutorial", "text-clf-train-tutorial"
    made = api.register_artifact("text-data", "dataset", "ai://default/data", scenario, "", {})
    bound = api.create_configuration("pytest-aicore c", scenario, executable, {}, {"text-data": made.id})
    search = TrainingApi(api._connect)
    search._connect = without_filters(api)
    found = search.find_artifact("text-data", "dataset", "ai://default/data", scenario, {})
    assert found is not None
    assert found.id == made.id
    for other in [("other", "dataset", scenario), ("text-data", "model", scenario), ("text-data", "dataset", "other")]:
        assert search.find_artifact(other[0], other[1], "ai://default/data", other[2], {}) is None
    configuration = search.find_configuration(scenario, executable, {}, {"text-data": made.id})
    assert configuration is not None
    assert configuration.id == bound.id
    assert search.find_configuration("other", executable, {}, {"text-data": made.id}) is None
    assert search.find_configuration(scenario, "other", {}, {"text-data": made.id}) is None


def without_filters(api: TrainingApi) -> Callable[[], Any]:
    """Return what makes a client that something on the way keeps from saying what it searches for."""

    def connect() -> Any:
        client = api._connect()
        get = client.rest_client.get
        client.rest_client.get = lambda path, params=None, **how: get(path=path, **how)
        return client

    return connect


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([], []),
        ([row(id="e1", configurationId="c1")], ["e1"]),
        ([row(id="e1", configurationId="c1")] * 2, ["e1"]),
        ([row(), None, 7, [], {}, row(id="e1", configurationId="c1", status="NEW", createdAt=None)], ["e1"]),
        ([row(id="e1", configurationId="c1", createdAt="1"), row(id="e2", configurationId="c1")], ["e2", "e1"]),
        ([row(id=None, configurationId="c1")], None),
        ([row(id="../c1", configurationId="c1")], None),
        (None, None),
        ({}, None),
    ],
)
def test_executions_of_a_configuration_are_what_the_list_says(
    api: TrainingApi, emulator: Emulator, rows: Any, found: list[str] | None
) -> None:
    emulator.fault("execution.query", status=200, body={"count": 99, "resources": rows})
    if found is not None:
        assert api.executions_of("c1") == found
        return
    with pytest.raises(
        CallError, match=r"the answer cannot be read \((it has an execution without an id|it has no list of exec)"
    ) as e:
        api.executions_of("c1")
    assert (e.value.transient, e.value.is_unreadable) == (True, True)


def test_execution_that_is_listed_twice_is_asked_for_alone(api: TrainingApi, emulator: Emulator) -> None:
    rows = [row(id="e1"), row(id="e1", status="COMPLETED"), row(id="e2")]
    emulator.fault("execution.query", status=200, body={"count": 3, "resources": rows})
    page = api.page(["x"], 1)
    assert isinstance(page["e1"], CallError)
    assert not isinstance(page["e2"], CallError)


@pytest.mark.parametrize(
    "body",
    [
        *[{"count": 1, "resources": None}, {"count": 1, "resources": {}}, {"count": 1, "resources": "none"}],
        *[{}, [], "<html><body>Back soon.</body></html>", b"\xff\xfe\x00", b"", b"null", b"[" * 100_000],
    ],
    ids=lambda body: repr(body)[:40],
)
def test_list_that_cannot_be_read_is_an_error_of_the_call(api: TrainingApi, emulator: Emulator, body: Any) -> None:
    emulator.fault("execution.query", status=200, body=body)
    with pytest.raises(CallError, match=r"could not list the executions at .*: the answer cannot be read") as caught:
        api.page(["x"], 1)
    assert (caught.value.transient, caught.value.is_unreadable) == (True, True)


LINE = {"msg": "m", "timestamp": "2024-01-01T00:00:00Z"}
UNREADABLE: dict[str, list[Any]] = {
    "execution.query_logs": [
        [],
        {"data": None},
        {"data": {"result": None}},
        {"data": {"result": [None]}},
        {"data": {"result": [{**LINE, "msg": None}]}},
        {"data": {"result": [{**LINE, "msg": 1}]}},
        {"data": {"result": [{**LINE, "timestamp": None}]}},
    ],
    "metrics.query": [
        [],
        {"count": 1, "resources": None},
        {"count": 1, "resources": [None]},
        *(
            {"count": 1, "resources": [{"executionId": "e1", "metrics": [{"name": "m", "value": 1, **LINE, **each}]}]}
            for each in ({"name": None}, {"value": None}, {"value": "1"}, {"step": "1"}, {"timestamp": 1})
        ),
    ],
}


@pytest.mark.parametrize(("call", "body"), [(call, body) for call, bodies in UNREADABLE.items() for body in bodies])
def test_logs_and_metrics_that_cannot_be_read_are_errors_of_the_call(
    api: TrainingApi, emulator: Emulator, call: str, body: Any
) -> None:
    emulator.fault(call, status=200, body=body)
    since = datetime(2024, 1, 1, tzinfo=timezone.utc)
    with pytest.raises(CallError, match="the answer cannot be read") as caught:
        _ = api.logs("e123", since) if call == "execution.query_logs" else api.metrics("e123")
    assert (caught.value.transient, caught.value.is_unreadable) == (True, True)


@pytest.mark.parametrize("most", [None, 1500])
def test_log_without_an_end_ends(
    api: TrainingApi, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, most: int | None
) -> None:
    """A service that always shows the same page, and one that always shows another."""
    pages = count_from(0) if most else repeat(0)

    def query(*_: object) -> list[Any]:
        page, time = next(pages), datetime(2024, 1, 1, tzinfo=timezone.utc)
        return [SimpleNamespace(msg=f"{page}-{line}", timestamp=time) for line in range(1000)]

    monkeypatch.setattr(client, "_query_logs", query)
    monkeypatch.setattr(client, "MOST_LOG_LINES", most or 10**6)
    since = datetime(2024, 1, 1, tzinfo=timezone.utc)
    if most is None:
        assert len(api.logs("e123", since)) == 1000
        return
    with pytest.raises(CallError, match=r": it has more than 1500 lines\.$") as caught:
        api.logs("e123", since)
    assert not caught.value.transient
