"""What a test says about executions, when it contradicts itself, and when its own code fails inside."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ai_api_client_sdk.models.status import Status
from ai_api_client_sdk.models.target_status import TargetStatus

from pytest_aicore.errors import EmulatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.emulator.conftest import House

HERE = str(Path(__file__).relative_to(Path.cwd())) if Path(__file__).is_relative_to(Path.cwd()) else __file__


def line() -> int:
    """Return the line of the caller."""
    return sys._getframe(1).f_lineno


def ended(house: House, execution_id: str) -> Any:
    house.emulator.clock.advance(24 * 3600)
    return house.client().execution.get(execution_id)


def statuses(house: House, execution_id: str, limit: int = 40) -> list[str]:
    client = house.client()
    seen = [client.execution.get(execution_id).status.value for _ in range(limit)]
    return seen[: seen.index(seen[-1]) + 1]


# Outcomes, durations, polls -----------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["COMPLETED", "DEAD", "STOPPED"])
def test_outcome(house: House, client: Any, outcome: str) -> None:
    house.emulator.script(outcome=outcome)
    execution_id = house.start(client)
    execution = ended(house, execution_id)
    assert execution.status.value == outcome
    assert len(execution.output_artifacts) == (2 if outcome == "COMPLETED" else 0)
    assert (execution.status_details is None) is (outcome != "DEAD")
    assert execution.target_status is (TargetStatus.STOPPED if outcome == "STOPPED" else TargetStatus.COMPLETED)


def test_durations(house: House, client: Any) -> None:
    house.emulator.script(unknown=0, pending=2.5, running=7200)
    execution_id = house.start(client)
    house.emulator.clock.hold()
    assert client.execution.get(execution_id).status is Status.PENDING
    house.emulator.clock.advance(2.5)
    assert client.execution.get(execution_id).status is Status.RUNNING
    house.emulator.clock.advance(7199)
    client.execution.modify(execution_id, TargetStatus.STOPPED)
    house.emulator.clock.advance(9.5)
    assert client.execution.get(execution_id).status is Status.STOPPING
    house.emulator.clock.advance(0.5)
    assert client.execution.get(execution_id).status is Status.STOPPED


@pytest.mark.parametrize(
    ("polls", "seen"),
    [
        (1, ["UNKNOWN", "PENDING", "RUNNING", "COMPLETED"]),
        (2, ["UNKNOWN"] * 2 + ["PENDING"] * 2 + ["RUNNING"] * 2 + ["COMPLETED"]),
        ({"RUNNING": 3}, ["UNKNOWN", "PENDING", "RUNNING", "RUNNING", "RUNNING", "COMPLETED"]),
    ],
)
def test_polls(house: House, client: Any, polls: int | Mapping[str, int], seen: list[str]) -> None:
    house.emulator.script(polls=polls)
    execution_id = house.start(client)
    house.emulator.clock.advance(3600)  # time has no say
    assert statuses(house, execution_id) == seen
    assert len(client.execution.get(execution_id).output_artifacts) == 2


def test_polls_are_looks_at_the_status_and_nothing_else(house: House, client: Any) -> None:
    house.emulator.script(polls=2)
    execution_id = house.start(client)
    for _ in range(5):
        client.execution.query_logs(execution_id)
        client.artifact.query(execution_id=execution_id)
        client.execution.count()
        client.execution.query(scenario_id="another-scenario", status=Status.DEAD)
    assert client.execution.get(execution_id).status is Status.UNKNOWN
    assert client.execution.query().resources[0].status is Status.UNKNOWN
    assert client.execution.count(status=Status.PENDING) == 1
    assert client.execution.query(status=Status.COMPLETED).count == 0
    assert client.execution.get(execution_id).status is Status.RUNNING


def test_polls_of_a_status_that_a_stop_leads_to(house: House, client: Any) -> None:
    house.emulator.script(polls={"RUNNING": 100, "STOPPING": 2})
    execution_id = house.start(client)
    assert statuses(house, execution_id, 5) == ["UNKNOWN", "PENDING", "RUNNING"]
    client.execution.modify(execution_id, TargetStatus.STOPPED)
    assert statuses(house, execution_id, 5) == ["STOPPING", "STOPPING", "STOPPED"]


@pytest.mark.parametrize("outcome", ["COMPLETED", "STOPPED", "DEAD"])
def test_details_of_every_end(house: House, client: Any, outcome: str) -> None:
    house.emulator.script(outcome=outcome, status_message="all done", status_details={"progress": "100/100"})
    execution_id = house.start(client)
    assert statuses(house, execution_id)[-1] == outcome
    execution = ended(house, execution_id)
    assert (execution.status_message, execution.status_details) == ("all done", {"progress": "100/100"})


@pytest.mark.parametrize("stuck_in", ["UNKNOWN", "PENDING", "RUNNING"])
def test_stuck(house: House, client: Any, stuck_in: str) -> None:
    house.emulator.script(stuck_in=stuck_in, status_message="no nodes", status_details={"why": "no nodes"})
    execution_id = house.start(client)
    assert statuses(house, execution_id)[-1] == stuck_in
    execution = ended(house, execution_id)
    assert (execution.status.value, execution.status_message) == (stuck_in, "no nodes")
    assert (execution.status_details, execution.completion_time) == ({"why": "no nodes"}, None)


@pytest.mark.parametrize(
    ("said", "end"),
    [
        ({"outcome": Status.DEAD}, "DEAD"),
        ({"stuck_in": Status.PENDING}, "PENDING"),
        ({"polls": {Status.RUNNING: 2}}, "COMPLETED"),
    ],
)
def test_statuses_of_the_sdk_mean_the_same(house: House, client: Any, said: dict[str, Any], end: str) -> None:
    house.emulator.script(**said)
    assert statuses(house, house.start(client))[-1] == end


def test_stuck_while_stopping(house: House, client: Any) -> None:
    house.emulator.script(stuck_in="STOPPING")
    execution_id = house.start(client)
    house.emulator.clock.advance(20)
    client.execution.modify(execution_id, TargetStatus.STOPPED)
    assert ended(house, execution_id).status is Status.STOPPING


# What it leaves behind ----------------------------------------------------------------------------------------


def test_logs_and_metrics_come_as_it_runs(house: House, client: Any) -> None:
    house.emulator.script(
        unknown=0, pending=0, running=30, logs=["one", "two", "three"], metrics={"loss": [0.3, 0.2, 0.1], "size": 7}
    )
    execution_id = house.start(client)

    def written(at: float) -> tuple[list[str], list[tuple[str, float, int]]]:
        house.emulator.clock.advance(at)
        lines = [line.msg for line in client.execution.query_logs(execution_id).data.result][1:]
        answer = house.ask("GET", f"/metrics?executionIds={execution_id}")
        metrics = answer.json()["resources"][0]["metrics"] if answer.ok else []
        return lines, [(metric["name"], metric["value"], metric["step"]) for metric in metrics]

    assert written(5) == ([], [])
    assert written(5) == (["one"], [("loss", 0.3, 0)])
    assert written(10) == (["one", "two"], [("loss", 0.3, 0), ("loss", 0.2, 1)])
    assert written(100) == (
        ["one", "two", "three"],
        [("loss", 0.3, 0), ("loss", 0.2, 1), ("loss", 0.1, 2), ("size", 7, 0)],
    )


def test_functions_of_the_execution(house: House, client: Any) -> None:
    house.emulator.script(
        outcome="DEAD",
        logs=lambda execution: (f"I am {execution.id}" for _ in range(1)),
        metrics=lambda execution: {"length": len(execution.id)},
        status_details=lambda execution: {"it": execution.status},
    )
    for execution_id in (house.start(client), house.start(client)):
        execution = ended(house, execution_id)
        start = execution.start_time
        lines = client.execution.query_logs(execution_id, start=start).data.result
        assert [line.msg for line in lines][1:] == [f"I am {execution_id}"]
        assert client.metrics.query(execution_ids=[execution_id]).resources[0].metrics[0].value == 16
        assert execution.status_details == {"it": "DEAD"}


def test_what_was_said_stays_said(house: House, client: Any) -> None:
    """A script keeps copies: what a test does to its lists later, or a generator that is read once, changes nothing."""
    lines, details = ["one"], {"deep": {"er": [1]}}
    house.emulator.script(
        outcome="DEAD", logs=(text for text in lines), status_details=details, metrics={"a": iter([1])}
    )
    lines.append("two")
    details["deep"]["er"] = []
    for _ in range(2):
        execution_id = house.start(client)
        execution = ended(house, execution_id)
        logs = client.execution.query_logs(execution_id, start=execution.start_time).data.result
        assert [line.msg for line in logs][1:] == ["one"]
        assert execution.status_details == {"deep": {"er": [1]}}


def shown_progress(house: House, execution_id: str) -> Any:
    """Return status and progress as the API shows them, which `$select=status` shows as well."""
    execution = house.ask("GET", f"/executions/{execution_id}").json()
    selected = house.ask("GET", f"/executions/{execution_id}", S_select="status").json()
    assert selected.get("statusDetails") == execution.get("statusDetails")
    return execution["status"], execution.get("statusDetails")


def test_progress_is_shown_while_it_runs(house: House, client: Any) -> None:
    """Whatever a training writes behind the slash, AI Core shows hundredths."""
    house.emulator.script(unknown=0, pending=0, running=40, progress=["3/5", 20, "60 / 100", 90])
    execution_id = house.start(client)
    seen = []
    for _ in range(5):
        seen.append(shown_progress(house, execution_id))
        house.emulator.clock.advance(10)
    assert seen == [
        ("RUNNING", {"progress": "3/100"}),
        ("RUNNING", {"progress": "20/100"}),
        ("RUNNING", {"progress": "60/100"}),
        ("RUNNING", {"progress": "90/100"}),
        ("COMPLETED", {"progress": "100/100"}),
    ]


def test_progress_by_polls(house: House) -> None:
    house.emulator.script(polls={"RUNNING": 4}, progress=[10, 50])
    execution_id = house.start()
    seen = [house.ask("GET", f"/executions/{execution_id}").json() for _ in range(7)]
    assert [(each["status"], each.get("statusDetails")) for each in seen] == [
        ("UNKNOWN", None),
        ("PENDING", None),
        ("RUNNING", {"progress": "10/100"}),
        ("RUNNING", {"progress": "10/100"}),
        ("RUNNING", {"progress": "50/100"}),
        ("RUNNING", {"progress": "50/100"}),
        ("COMPLETED", {"progress": "100/100"}),
    ]


@pytest.mark.parametrize("end", ["DEAD", "STOPPED"])
def test_progress_stays_where_it_was_when_it_fails(house: House, client: Any, end: str) -> None:
    outcome = "DEAD" if end == "DEAD" else None
    house.emulator.script(unknown=0, pending=0, running=40, progress=lambda execution: [5, 95], outcome=outcome)
    execution_id = house.start(client)
    house.emulator.clock.advance(10 if end == "STOPPED" else 25)
    if end == "STOPPED":
        client.execution.modify(execution_id, TargetStatus.STOPPED)
    execution = ended(house, execution_id)
    assert execution.status.value == end
    assert execution.status_details["progress"] == ("95/100" if end == "DEAD" else "5/100")
    assert ("workflow_info" in execution.status_details) is (end == "DEAD")


def test_status_details_of_a_script_are_shown_as_they_are(house: House, client: Any) -> None:
    house.emulator.script(progress=50, status_details={"progress": "99/100", "mine": 1})
    assert ended(house, house.start(client)).status_details == {"progress": "99/100", "mine": 1}


@pytest.mark.parametrize("wrong", [101, -1, True, 0.5, "half", "1/2/3", [50, None], {"a": 1}])
def test_progress_is_a_percentage(house: House, wrong: Any) -> None:
    with pytest.raises(EmulatorError) as refused:
        house.emulator.script(progress=wrong)
    bad = wrong[1] if isinstance(wrong, list) else wrong
    assert str(refused.value).partition("script: ")[2] == (
        f"progress={wrong!r} has {bad!r}: expected whole numbers from 0 to 100, or texts such as '3/5'."
    )


@pytest.mark.parametrize(
    ("omit", "left"),
    [(True, []), (["house-model"], ["House report"]), (("house-report",), ["house-model"]), (False, 2)],
)
def test_omitted_outputs(house: House, client: Any, omit: Any, left: Any) -> None:
    house.emulator.script(omit_outputs=omit)
    execution = ended(house, house.start(client))
    names = [artifact.name for artifact in execution.output_artifacts]
    assert (execution.status, names) == (
        Status.COMPLETED,
        ["house-model", "House report"] if left == 2 else left,
    )


def test_status_details_of_a_failed_training_name_its_last_lines(house: House, client: Any) -> None:
    house.emulator.script(outcome="DEAD", logs=[f"line {number}" for number in range(7)], status_message="Oh no")
    execution_id = house.start(client)
    execution = ended(house, execution_id)
    main, wait = execution.status_details["details"]
    assert (main["container_name"], main["exit_code"], main["ready"]) == ("main", 1, False)
    assert main["last_log_messages"] == "line 2\nline 3\nline 4\nline 5\nline 6"
    assert (wait["container_name"], wait["exit_code"]) == ("wait", 0)
    assert main["pod_name"].startswith(f"{execution_id}-house-train-")
    workflow, node = execution.status_details["workflow_info"]
    assert node["id"] == f"{execution_id}-{main['pod_name'].rpartition('-')[2]}"
    assert (node["name"], node["message"]) == ("house-train", "Error (exit code 1)")
    assert workflow == {
        "exit_code": "1",
        "id": execution_id,
        "message": f"child '{main['pod_name']}' failed",
        "name": execution_id,
        "phase": "Failed",
    }
    assert execution.status_message == "Oh no"


# For whom -----------------------------------------------------------------------------------------------------


def test_what_is_said_about_one_stands_above_what_is_said_about_its_executable_and_that_above_all(
    house: House, client: Any
) -> None:
    emulator = house.emulator
    emulator.script(outcome="DEAD", status_message="said of all", pending=1)
    emulator.script(executable="house-train", outcome="STOPPED")
    first, second = house.start(client), house.start(client)
    emulator.script(execution=second, outcome="DEAD", status_message="said of it")
    assert [ended(house, each).status.value for each in (first, second)] == ["STOPPED", "DEAD"]
    assert client.execution.get(second).status_message == "said of it"
    assert client.execution.get(first).start_time.second == 11  # unknown 10, pending 1


def test_counted_scripts_follow_each_other_and_then_the_rest_has_its_say(house: House, client: Any) -> None:
    house.emulator.script(times=1, outcome="DEAD", status_message="first")
    house.emulator.script(times=2, outcome="STOPPED")
    house.emulator.script(running=1)
    ids = [house.start(client) for _ in range(4)]
    assert [ended(house, each).status.value for each in ids] == ["DEAD", "STOPPED", "STOPPED", "COMPLETED"]
    assert (client.execution.get(ids[3]).completion_time - client.execution.get(ids[3]).start_time).seconds == 1


def test_a_script_for_an_execution_that_is_under_way(house: House, client: Any) -> None:
    execution_id = house.start(client)
    house.emulator.clock.advance(40)
    assert client.execution.get(execution_id).status is Status.RUNNING
    house.emulator.script(execution=execution_id, running=1000)
    house.emulator.clock.advance(900)
    execution = client.execution.get(execution_id)
    assert (execution.status, execution.output_artifacts) == (Status.RUNNING, [])
    house.emulator.clock.advance(200)
    assert len(client.execution.get(execution_id).output_artifacts) == 2


def test_a_script_never_ends_anything_in_the_past(house: House, client: Any) -> None:
    execution_id = house.start(client)
    house.emulator.clock.advance(40)
    assert client.execution.get(execution_id).status is Status.RUNNING
    house.emulator.script(execution=execution_id, running=1, outcome="DEAD")
    execution = client.execution.get(execution_id)
    assert (execution.status, execution.completion_time.second) == (Status.DEAD, 40)


def test_a_script_for_an_execution_that_has_ended(house: House, client: Any) -> None:
    execution_id = house.start(client)
    ended(house, execution_id)
    with pytest.raises(EmulatorError) as refused:
        house.emulator.script(execution=execution_id, outcome="DEAD")
    assert str(refused.value) == (
        f"{HERE}:{refused.traceback[0].lineno + 1}: script: execution {execution_id} has already ended "
        "(COMPLETED): script it earlier, or script the next one with times=1."
    )
    assert client.execution.get(execution_id).status is Status.COMPLETED
    assert house.emulator.state.scripts == []


# Mistakes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            {"outcome": "COMPLETD"},
            "unknown outcome='COMPLETD'; expected one of COMPLETED, DEAD, STOPPED. Did you mean 'COMPLETED'?",
        ),
        ({"outcome": "RUNNING"}, "unknown outcome='RUNNING'; expected one of COMPLETED, DEAD, STOPPED."),
        (
            {"stuck_in": "PENDNG"},
            "unknown stuck_in='PENDNG'; expected one of UNKNOWN, PENDING, RUNNING, STOPPING. Did you mean 'PENDING'?",
        ),
        (
            {"stuck_in": "DEAD"},
            (
                "unknown stuck_in='DEAD'; expected one of UNKNOWN, PENDING, RUNNING, STOPPING. "
                "DEAD is a final status: use outcome='DEAD'."
            ),
        ),
        ({"running": -1}, "invalid running=-1: expected seconds >= 0."),
        ({"pending": "5"}, "invalid pending='5': expected seconds >= 0."),
        ({"unknown": float("inf")}, "invalid unknown=inf: expected seconds >= 0."),
        ({"stopping": True}, "invalid stopping=True: expected seconds >= 0."),
        ({"times": 0}, "invalid times=0: expected a number of executions >= 1."),
        ({"polls": 0}, "invalid polls=0: expected a number of polls >= 1, or a mapping by status."),
        (
            {"polls": {"RUNNING": 0.5}},
            "invalid polls={'RUNNING': 0.5}: expected a number of polls >= 1, or a mapping by status.",
        ),
        (
            {"polls": {"RUNING": 1}},
            (
                "polls: unknown status 'RUNING'; expected one of UNKNOWN, PENDING, RUNNING, STOPPING. Did you mean "
                "'RUNNING'?"
            ),
        ),
        ({"polls": 1, "running": 5}, "polls= counts polls and running= seconds: give one of them."),
        ({"executable": "a", "execution": "b"}, "give either executable= or execution=, not both."),
        ({"execution": "b", "times": 1}, "times= counts executions, but execution= selects one: leave times= out."),
        ({"logs": "one line"}, "logs='one line' is not a list of lines."),
        ({"logs": 5}, "logs=5 is not a list of lines."),
        ({"logs": ["a", 5]}, "logs=['a', 5] is not a list of lines: some of them are not strings."),
        ({"metrics": ["loss"]}, "metrics=['loss'] is not a mapping of values by name."),
        (
            {"metrics": {"loss": "0.1"}},
            (
                "metrics={'loss': '0.1'} has a value of 'loss' that is neither a finite number nor a list of finite "
                "numbers."
            ),
        ),
        (
            {"metrics": {"loss": [0.1, float("nan")]}},
            (
                "metrics={'loss': [0.1, nan]} has a value of 'loss' that is neither a finite number nor a list of "
                "finite numbers."
            ),
        ),
        ({"metrics": {"": 1}}, "metrics={'': 1} names a metric '': give a string of 1 to 256 characters."),
        ({"status_details": ["why"]}, "status_details=['why'] is not a mapping."),
        (
            {"status_details": {"at": b"x"}},
            "status_details={'at': b'x'} cannot be written as JSON: Object of type bytes is not JSON serializable.",
        ),
        (
            {"status_message": "m" * 257},
            f"invalid status_message='{'m' * 257}': expected a string of at most 256 characters.",
        ),
        (
            {"omit_outputs": "house-model"},
            "invalid omit_outputs='house-model': expected a list of names of output artifacts, or True for all.",
        ),
        (
            {"omit_outputs": ["house-modl"]},
            (
                "omit_outputs: no executable has an output artifact 'house-modl'. Did you mean 'house-model'? "
                "Output artifacts: 'house-model', 'house-report'."
            ),
        ),
        (
            {"executable": "house-serve", "omit_outputs": ["house-model"]},
            "omit_outputs= is for trainings, and 'house-serve' is deployed: a deployment has no output artifacts.",
        ),
        (
            {"symptom": "out of memmory"},
            (
                "unknown symptom='out of memmory'; expected one of 'unentitled plan', 'image pull', 'out of memory',"
                " 'no artifact storage', 'output not written', 'missing key', 'invalid template'."
                " Did you mean 'out of memory'?"
            ),
        ),
        (
            {"executable": "house-trian"},
            (
                "unknown executable 'house-trian'. Did you mean 'house-train'? "
                "Published executables: 'house-train', 'house-serve'."
            ),
        ),
        ({"execution": "e123"}, "unknown execution 'e123'."),
    ],
)
def test_what_a_script_cannot_say(house: House, said: dict[str, Any], why: str) -> None:
    with pytest.raises(EmulatorError) as refused:
        house.emulator.script(**said)
    assert str(refused.value) == f"{HERE}:{refused.traceback[0].lineno + 1}: script: {why}"
    assert house.emulator.state.scripts == []


def test_contradictions_name_both_places(house: House) -> None:
    house.emulator.script(outcome="DEAD", running=5)
    first = line() - 1
    house.emulator.script(executable="house-train", outcome="COMPLETED", pending=1)
    second = line() - 1
    house.emulator.script(times=1, outcome="STOPPED")
    house.emulator.script(running=5, unknown=3)
    with pytest.raises(EmulatorError) as refused:
        house.emulator.script(outcome="COMPLETED")
    assert str(refused.value) == (
        f"{HERE}:{refused.traceback[0].lineno + 1}: script: outcome='COMPLETED' for every execution contradicts "
        f"outcome='DEAD', set at {HERE}:{first}. "
        "Give them different executables, or times= to let one follow the other."
    )
    with pytest.raises(EmulatorError) as refused:
        house.emulator.script(executable="house-train", pending=2, place="marker.py:3")
    assert str(refused.value) == (
        "marker.py:3: script: pending=2 for house-train contradicts "
        f"pending=1, set at {HERE}:{second}. "
        "Give them different executables, or times= to let one follow the other."
    )


@pytest.mark.parametrize(
    ("symptom", "seen", "told"),
    [
        ("unentitled plan", ["UNKNOWN", "PENDING"], None),
        ("image pull", ["UNKNOWN", "PENDING"], 'Back-off pulling image "'),
        ("out of memory", ["UNKNOWN", "PENDING", "RUNNING", "DEAD"], "OOMKilled (exit code 137)"),
        ("no artifact storage", ["UNKNOWN", "PENDING", "RUNNING", "DEAD"], "You need to configure artifact storage"),
        ("output not written", ["UNKNOWN", "PENDING", "RUNNING", "DEAD"], " does not exist in archive "),
        ("missing key", ["UNKNOWN", "PENDING", "RUNNING", "DEAD"], "The specified key does not exist."),
        ("invalid template", ["UNKNOWN", "PENDING", "DEAD"], None),
    ],
)
def test_symptoms(house: House, client: Any, symptom: str, seen: list[str], told: str | None) -> None:
    house.emulator.script(symptom=symptom, polls=1)
    execution_id = house.start()
    assert statuses(house, execution_id, limit=8) == seen
    shown = json.dumps(client.execution.get(execution_id).status_details or {}, ensure_ascii=False)
    assert told is None or told.replace('"', '\\"') in shown
    assert told is not None or shown == "{}"


def test_what_is_said_besides_a_symptom_stands_above_it(house: House, client: Any) -> None:
    house.emulator.script(symptom="image pull", stuck_in="UNKNOWN", status_details={"mine": "1"})
    execution_id = house.start()
    house.emulator.clock.sleep(3600)
    execution = client.execution.get(execution_id)
    assert (execution.status.value, execution.status_details) == ("UNKNOWN", {"mine": "1"})


# Code of the test's own ---------------------------------------------------------------------------------------


def boom(execution: Any) -> Any:
    raise ValueError("boom")


BOOM = boom.__code__.co_firstlineno + 1


def deep(execution: Any) -> Any:
    return {"a": {}[execution.id]}


@pytest.mark.parametrize(
    ("name", "function", "what"),
    [
        ("logs", boom, f"ValueError: boom ({HERE}:{BOOM})."),
        ("metrics", boom, f"ValueError: boom ({HERE}:{BOOM})."),
        ("status_details", boom, f"ValueError: boom ({HERE}:{BOOM})."),
        ("metrics", deep, f"KeyError: '{{id}}' ({HERE}:{deep.__code__.co_firstlineno + 1})."),
        ("logs", line, "TypeError: line() takes 0 positional arguments but 1 was given."),
        ("logs", lambda execution: "text", "it returned 'text' is not a list of lines."),
        ("logs", lambda execution: None, "it returned None is not a list of lines."),
        (
            "metrics",
            lambda execution: {"a": None},
            "it returned {'a': None} has a value of 'a' that is neither a finite number nor a list of finite numbers.",
        ),
        (
            "status_details",
            lambda execution: {"a": {1}},
            "it returned {'a': {1}} cannot be written as JSON: Object of type set is not JSON serializable.",
        ),
    ],
)
def test_code_that_fails_inside_fails_the_test_and_loses_nothing(
    house: House, client: Any, name: str, function: Callable[..., Any], what: str
) -> None:
    said: dict[str, Any] = {name: function}
    house.emulator.script(outcome="DEAD" if name == "status_details" else "COMPLETED", **said)
    place = f"{HERE}:{line() - 1}"
    execution_id = house.start(client)
    execution = ended(house, execution_id)
    assert house.emulator.take_incidents() == [
        (
            f"{place}: script: {name}= failed for execution {execution_id} of 'house-train': "
            f"{what.replace('{id}', execution_id)} The execution continued without it."
        )
    ]
    assert execution.status is (Status.DEAD if name == "status_details" else Status.COMPLETED)
    assert len(execution.output_artifacts) == (0 if name == "status_details" else 2)
    logs = client.execution.query_logs(execution_id, start=execution.start_time).data.result
    assert logs[1].msg == "Training house-train started"


def test_code_may_talk_to_the_service(house: House, client: Any) -> None:
    def look_around(execution: Any) -> list[str]:
        return [f"{client.execution.count()} executions, this one {client.execution.get(execution.id).status.value}"]

    house.emulator.script(logs=look_around)
    execution_id = house.start(client)
    execution = ended(house, execution_id)
    logs = client.execution.query_logs(execution_id, start=execution.start_time).data.result
    assert [line.msg for line in logs][1:] == ["1 executions, this one PENDING"]
    assert house.emulator.incidents == []


def test_what_ends_a_test_ends_it_from_inside_too(house: House, client: Any) -> None:
    house.emulator.script(logs=lambda execution: pytest.fail("seen enough"))
    execution_id = house.start(client)
    with pytest.raises(pytest.fail.Exception, match=r"^seen enough$"):
        ended(house, execution_id)
