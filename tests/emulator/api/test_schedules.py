"""Execution schedules: when they start executions, what they refuse, how they change and end."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from ai_api_client_sdk.exception import AIAPINotFoundException
from ai_api_client_sdk.models.status import ScheduleStatus
from hypothesis import given
from hypothesis import strategies as some

from pytest_aicore.emulator.world.cron import CronError, parse_cron
from tests.emulator.api.conftest import SERVE, TRAIN

if TYPE_CHECKING:
    from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

    from pytest_aicore.emulator import Emulator
    from tests.emulator.api.conftest import Caller

PATH = "/v2/lm/executionSchedules"


def moment(text: str) -> float:
    """Return the seconds since the epoch of a time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


def schedule(ask: Caller, cron: str = "0 * * * *", **body: Any) -> str:
    """Create a schedule and return its id."""
    answer = ask("POST", PATH, {"name": "nightly", "cron": cron, "configurationId": ask.configuration(), **body})
    assert answer.content["message"] == "Execution Schedule created"
    return str(answer.content["id"])


def started(ask: Caller, schedule_id: str) -> list[str]:
    """Return when a schedule has started executions, the latest first."""
    executions = ask("GET", f"/v2/lm/executions?executionScheduleId={schedule_id}").content["resources"]
    assert all(execution["executionScheduleId"] == schedule_id for execution in executions)
    return [execution["createdAt"] for execution in executions]


def test_a_schedule_starts_executions(ask: Caller, emulator: Emulator) -> None:
    """Each hour one, exactly on time, however far the clock leaps; they live like any other."""
    configuration = ask.configuration()
    body = {"name": "hourly", "cron": "15 * * * *", "configurationId": configuration}
    answer = ask("POST", PATH, body)
    schedule_id = answer.content["id"]
    assert answer.status == 202
    assert answer.content == {"id": schedule_id, "message": "Execution Schedule created"}
    assert answer.headers["location"] == f"{PATH}/{schedule_id}"
    assert ask("GET", f"{PATH}/{schedule_id}").content == {
        "configurationId": configuration,
        "createdAt": "2025-01-01T00:00:00Z",
        "cron": "15 * * * *",
        "id": schedule_id,
        "modifiedAt": "2025-01-01T00:00:00Z",
        "name": "hourly",
        "status": "ACTIVE",
    }
    assert started(ask, schedule_id) == []
    emulator.clock.advance(899)
    assert started(ask, schedule_id) == []
    emulator.clock.advance(1)
    assert started(ask, schedule_id) == ["2025-01-01T00:15:00Z"]
    emulator.clock.advance(3 * 3600)
    executions = ask("GET", f"/v2/lm/executions?executionScheduleId={schedule_id}").content["resources"]
    assert [(each["createdAt"], each["status"]) for each in executions] == [
        ("2025-01-01T03:15:00Z", "UNKNOWN"),
        ("2025-01-01T02:15:00Z", "COMPLETED"),
        ("2025-01-01T01:15:00Z", "COMPLETED"),
        ("2025-01-01T00:15:00Z", "COMPLETED"),
    ]
    assert executions[1]["completionTime"] == "2025-01-01T02:16:00Z"
    assert executions[1]["outputArtifacts"][0]["createdAt"] == "2025-01-01T02:15:50Z"


def test_a_leap_over_a_month(ask: Caller, emulator: Emulator) -> None:
    """It starts them all, and none twice."""
    schedule_id = schedule(ask, "0 * * * *")
    emulator.clock.advance(31 * 86400)
    assert ask("GET", f"/v2/lm/executions/$count?executionScheduleId={schedule_id}").body == b"744"
    assert started(ask, schedule_id)[-1] == "2025-01-01T01:00:00Z"


def test_start_and_end(client: AIAPIV2Client, ask: Caller, emulator: Emulator) -> None:
    """It runs from its start on, that moment included; at its end it is inactive and does not run."""
    configuration = ask.configuration()
    made = client.execution_schedule.create(
        name="afternoon",
        cron="0 * * * *",
        configuration_id=configuration,
        start=datetime(2025, 1, 1, 14, tzinfo=timezone.utc),
        end=datetime(2025, 1, 1, 17, tzinfo=timezone.utc),
    )
    assert made.message == "Execution Schedule created"
    emulator.clock.advance(16 * 3600 + 3599)
    shown = client.execution_schedule.get(made.id)
    assert shown.status is ScheduleStatus.ACTIVE
    assert f"{shown.start:%H:%M} {shown.end:%H:%M}" == "14:00 17:00"
    assert started(ask, made.id) == ["2025-01-01T16:00:00Z", "2025-01-01T15:00:00Z", "2025-01-01T14:00:00Z"]
    emulator.clock.advance(1)
    ended = client.execution_schedule.get(made.id)
    assert ended.status is ScheduleStatus.INACTIVE
    assert ended.modified_at == ended.end
    emulator.clock.advance(86400)
    assert len(started(ask, made.id)) == 3


def test_a_start_within_a_minute(ask: Caller, emulator: Emulator) -> None:
    """Nothing runs before the start, be it by half a second."""
    schedule_id = schedule(ask, "0 * * * *", start="2025-01-01T05:00:00.5Z")
    emulator.clock.advance(5.9 * 3600)
    assert started(ask, schedule_id) == []
    emulator.clock.advance(3600)
    assert started(ask, schedule_id) == ["2025-01-01T06:00:00Z"]


def test_a_pause(client: AIAPIV2Client, ask: Caller, emulator: Emulator) -> None:
    """What is inactive runs nothing; resumed, it does not make up for what it missed."""
    schedule_id = schedule(ask)
    answer = client.execution_schedule.modify(schedule_id, status=ScheduleStatus.INACTIVE)
    assert (answer.id, answer.message) == (schedule_id, "Execution Schedule modified")
    emulator.clock.advance(10 * 3600 + 1)
    assert started(ask, schedule_id) == []
    client.execution_schedule.modify(schedule_id, status=ScheduleStatus.ACTIVE)
    assert f"{client.execution_schedule.get(schedule_id).modified_at:%H:%M:%S}" == "10:00:01"
    emulator.clock.advance(3599)
    assert started(ask, schedule_id) == ["2025-01-01T11:00:00Z"]


def test_other_times_and_another_configuration(client: AIAPIV2Client, ask: Caller, emulator: Emulator) -> None:
    """A change counts from now on; what was planned before does not happen."""
    schedule_id = schedule(ask, "0 * * * *")
    other = ask.configuration(name="another")
    client.execution_schedule.modify(schedule_id, cron="30 2 * * *", configurationId=other)
    emulator.clock.advance(86400)
    assert started(ask, schedule_id) == ["2025-01-01T02:30:00Z"]
    (execution,) = client.execution.query(execution_schedule_id=schedule_id).resources
    assert execution.configuration_id == other
    shown = client.execution_schedule.get(schedule_id)
    assert (shown.cron, shown.configuration_id, shown.name) == ("30 2 * * *", other, "nightly")


def test_a_deleted_schedule(client: AIAPIV2Client, ask: Caller, emulator: Emulator) -> None:
    """It starts nothing more; what it has started stays."""
    schedule_id = schedule(ask)
    emulator.clock.advance(3600)
    answer = client.execution_schedule.delete(schedule_id)
    assert (answer.id, answer.message) == (schedule_id, "Execution Schedule deleted")
    emulator.clock.advance(86400)
    assert len(started(ask, schedule_id)) == 1
    with pytest.raises(AIAPINotFoundException) as caught:
        client.execution_schedule.get(schedule_id)
    assert caught.value.error_message == f"Execution schedule with id {schedule_id} is not found"


def test_lists_and_counts(client: AIAPIV2Client, ask: Caller, emulator: Emulator) -> None:
    """By configuration and status, the newest first, in one resource group."""
    configuration = ask.configuration()
    first = schedule(ask, configurationId=configuration)
    second = schedule(ask)
    client.execution_schedule.modify(first, status=ScheduleStatus.INACTIVE)
    query, count = client.execution_schedule.query, client.execution_schedule.count
    assert [each.id for each in query().resources] == [second, first]
    assert [each.id for each in query(configuration_id=configuration).resources] == [first]
    assert [each.id for each in query(status=ScheduleStatus.ACTIVE, top=10).resources] == [second]
    assert (count(), count(status=ScheduleStatus.INACTIVE), count(configuration_id="nowhere")) == (2, 1, 0)
    assert ask("GET", f"{PATH}?$top=1").content["count"] == 1
    emulator.create_resource_group("elsewhere")
    assert ask("GET", f"{PATH}/$count", group="elsewhere").body == b"0"


def test_a_polling_loop_comes_to_its_end(client: AIAPIV2Client, ask: Caller, emulator: Emulator) -> None:
    """Who waits for the first execution, or for the end of the schedule, gets there without moving the clock."""
    emulator.clock.set(emulator.clock.now(), held=False)
    schedule_id = schedule(ask, "0 * * * *", end="2025-01-01T02:00:00Z")
    looks = 0
    while not client.execution.query(execution_schedule_id=schedule_id).resources:
        looks += 1
        assert looks < 1000
    while client.execution_schedule.get(schedule_id).status is ScheduleStatus.ACTIVE:
        looks += 1
        assert looks < 2000
    assert client.execution.count(execution_schedule_id=schedule_id) == 1


BODIES = [
    ({"cron": "* * * * *"}, "cron must not run more often than once an hour"),
    ({"cron": "0,30 * * * *"}, "cron must not run more often than once an hour"),
    ({"cron": "*/60 * * * *"}, None),
    ({"cron": "0 0 * *"}, "cron must have 5 fields, not 4"),
    ({"cron": "0 0 0 * * *"}, "cron must have 5 fields, not 6"),
    ({"cron": ""}, "cron must have 5 fields, not 0"),
    ({"cron": "@daily"}, "cron must have 5 fields, not 1"),
    ({"cron": "60 * * * *"}, "cron has '60' as minute: it goes from 0 to 59"),
    ({"cron": "0 24 * * *"}, "cron has '24' as hour: it goes from 0 to 23"),
    ({"cron": "0 0 0 1 *"}, None),
    ({"cron": "0 0 0-3 1 *"}, "cron has '0' as day of month: it goes from 1 to 31"),
    ({"cron": "0 0 1 13 *"}, "cron has '13' as month: it goes from 1 to 12"),
    ({"cron": "0 0 * * 8"}, "cron has '8' as day of week: it goes from 0 to 7"),
    ({"cron": "0 9-5 * * *"}, "cron has '9-5' as hour"),
    ({"cron": "0 */0 * * *"}, "cron has '*/0' as hour"),
    ({"cron": "0 1,,2 * * *"}, "cron has '' as hour"),
    ({"cron": "0 0 ? * *"}, "cron has '?' as day of month"),
    ({"cron": "0 0 L * *"}, "cron has 'L' as day of month: it goes from 1 to 31"),
    ({"cron": "0 \u0661 * * *"}, "cron has '\u0661' as hour"),
    ({"cron": "0 " + "9" * 99 + " * * *"}, f"cron has '{'9' * 99}' as hour: it goes from 0 to 23"),
    ({"cron": 5}, "cron must be a string"),
    ({"cron": None}, "cron is required"),
    ({"name": None}, "name is required"),
    ({"name": "x" * 257}, "name must not be longer than 256 characters"),
    ({"configurationId": None}, "configurationId is required"),
    ({"start": "tomorrow"}, "start must be a date-time"),
    ({"start": "2025-02-30T00:00:00Z"}, "start must be a date-time"),
    ({"end": "2024-12-31T23:59:59Z"}, "end must be in the future"),
    ({"end": "2025-01-01T00:00:00Z"}, "end must be in the future"),
    (
        {"start": "2025-02-01T00:00:00Z", "end": "2025-02-01T00:00:00Z"},
        "end must be after start",
    ),
]


@pytest.mark.parametrize(("changes", "message"), BODIES, ids=lambda value: str(value)[:40])
def test_what_is_refused(ask: Caller, changes: dict[str, Any], message: str | None) -> None:
    """Each mistake has its sentence, and nothing was created."""
    body = {"name": "n", "cron": "0 0 * * *", "configurationId": ask.configuration(), **changes}
    answer = ask("POST", PATH, body)
    if message is None:
        assert answer.status == 202
        return
    assert answer.error == (400, "01010001", f"Invalid Request, {message}")
    assert ask("GET", f"{PATH}/$count").body == b"0"


def test_a_configuration_that_cannot_be_executed(ask: Caller) -> None:
    """A schedule needs one that exists and is no deployment's."""
    body = {"name": "n", "cron": "0 0 * * *", "configurationId": "unknown-id"}
    assert ask("POST", PATH, body).error == (
        400,
        "01010060",
        "Invalid Request, Configuration with id unknown-id is not found",
    )
    refused = ask("POST", PATH, {**body, "configurationId": ask.configuration(SERVE)})
    assert refused.error[:2] == (400, "01010060")


def test_a_change_that_is_refused(ask: Caller, emulator: Emulator) -> None:
    """What would not do for a new schedule does not do for an old one; it stays as it was."""
    schedule_id = schedule(ask, end="2025-01-01T05:00:00Z")
    before = ask("GET", f"{PATH}/{schedule_id}").content
    for changes, message in (
        ({}, "one of cron, start, end, configurationId, status is required"),
        ({"cron": "* * * * *"}, "cron must not run more often than once an hour"),
        ({"start": "2025-01-01T06:00:00Z"}, "end must be after start"),
        ({"status": "RUNNING"}, "status must be one of ACTIVE, INACTIVE"),
    ):
        answer = ask("PATCH", f"{PATH}/{schedule_id}", changes)
        assert answer.error == (400, "01010001", f"Invalid Request, {message}")
    assert ask("GET", f"{PATH}/{schedule_id}").content == before
    emulator.clock.advance(6 * 3600)
    resumed = ask("PATCH", f"{PATH}/{schedule_id}", {"status": "ACTIVE"})
    assert resumed.error == (400, "01010001", "Invalid Request, end must be in the future")
    longer = ask("PATCH", f"{PATH}/{schedule_id}", {"status": "ACTIVE", "end": "2025-01-02T00:00:00Z"})
    assert longer.status == 202
    for method in ("GET", "PATCH", "DELETE"):
        assert ask(method, f"{PATH}/unknown-id", {"status": "ACTIVE"}).error == (
            404,
            "01010070",
            "Execution schedule with id unknown-id is not found",
        )
        assert ask(method, f"{PATH}/no", {"status": "ACTIVE"}).status == 400


TIMES = [
    ("0 0 * * *", "2025-01-01T00:00:00", "2025-01-02T00:00:00"),
    ("59 23 31 12 *", "2025-01-01T00:00:00", "2025-12-31T23:59:00"),
    ("1 1 1 1 1", "2025-01-01T01:01:00", "2025-01-06T01:01:00"),  # the first of January, or any Monday in it
    ("0 12 13 * FRI", "2025-06-12T12:00:00", "2025-06-13T12:00:00"),
    ("0 12 13 * FRI", "2025-06-13T12:00:00", "2025-06-20T12:00:00"),
    ("0 12 */2 * 1", "2025-06-01T12:00:00", "2025-06-09T12:00:00"),  # both must fit where one begins with a star
    ("30 8-10/2,20 * * MON-FRI", "2025-06-07T00:00:00", "2025-06-09T08:30:00"),
    ("30 8-10/2,20 * * MON-FRI", "2025-06-09T10:30:00", "2025-06-09T20:30:00"),
    ("0 0 * jan,JUL 7", "2025-02-01T00:00:00", "2025-07-06T00:00:00"),
    ("0 5/6 * * *", "2025-01-01T05:00:00", "2025-01-01T11:00:00"),
    ("0 0 29 2 *", "2025-01-01T00:00:00", "2028-02-29T00:00:00"),
    ("0 0 29 2 *", "2096-02-29T00:00:00", "2104-02-29T00:00:00"),
]


@pytest.mark.parametrize(("cron", "after", "expected"), TIMES)
def test_when_a_cron_comes_next(cron: str, after: str, expected: str) -> None:
    """As every cron understands its five fields."""
    found = parse_cron(cron).after(moment(after))
    assert found == moment(expected)


def test_a_cron_that_never_comes() -> None:
    """There is no 30 February, and nothing after the end of time."""
    assert parse_cron("0 0 30 2 *").after(moment("2025-01-01T00:00:00")) is None
    assert parse_cron("0 0 1 1 *").after(moment("9999-12-01T00:00:00")) is None


def test_a_schedule_that_never_comes(ask: Caller, emulator: Emulator) -> None:
    """It is accepted, and nothing happens."""
    schedule_id = schedule(ask, "0 0 30 2 *")
    emulator.clock.advance(86400 * 800)
    assert started(ask, schedule_id) == []


FIELDS = some.tuples(
    some.integers(0, 59).map(str),
    some.sampled_from(["*", "3", "0-5", "*/7", "1,13,22", "9-17/4"]),
    some.sampled_from(["*", "1", "31", "10-20", "*/5"]),
    some.sampled_from(["*", "2", "1-6", "DEC"]),
    some.sampled_from(["*", "0", "1-5", "SAT"]),
).map(" ".join)


@given(cron=FIELDS, after=some.integers(0, 4_000_000_000))
def test_a_cron_never_leaves_a_time_out(cron: str, after: int) -> None:
    """The next time is after the moment, fits each field, and no hour between them fits."""
    parsed = parse_cron(cron)
    found = parsed.after(after)
    if found is None:
        return

    def fits(seconds: float) -> bool:
        time = datetime.fromtimestamp(seconds, timezone.utc)
        of_month, of_week = time.day in parsed.days, time.isoweekday() % 7 in parsed.weekdays
        day = of_month or of_week if parsed.either_day else of_month and of_week
        return time.hour in parsed.hours and time.month in parsed.months and day

    assert found > after
    assert found % 3600 == parsed.minute * 60
    assert fits(found)
    hour = found - 3600
    while hour > after and found - hour < 86400 * 40:
        assert not fits(hour)
        hour -= 3600


@given(some.text(max_size=30) | FIELDS)
def test_any_text_is_a_cron_or_an_error(text: str) -> None:
    """Nothing else comes out of the parser."""
    try:
        parse_cron(text)
    except CronError as error:
        assert str(error).startswith("cron ")  # noqa: PT017


def test_executions_of_a_schedule_obey_scripts(client: AIAPIV2Client, ask: Caller, emulator: Emulator) -> None:
    """A counted script is for the next executions, whoever starts them."""
    emulator.script(executable=TRAIN, times=1, outcome="DEAD")
    schedule_id = schedule(ask)
    emulator.clock.advance(3 * 3600 - 1)
    statuses = [each.status.value for each in client.execution.query(execution_schedule_id=schedule_id).resources]
    assert statuses == ["COMPLETED", "DEAD"]
