"""Artifacts, configurations and executions are made once, also when the answers of AI Core get lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.training.maker import Maker
from pytest_aicore.training.service.failures import CallError
from pytest_aicore.workflows import parse_template

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator import Emulator
    from pytest_aicore.training.plan import TrainingPlan
    from pytest_aicore.training.service.api import TrainingApi
    from tests.training.conftest import NotedClock

    Make = Callable[..., Maker]

AT = "https://api.ai.aicore.invalid/v2/lm"
LOST: dict[str, Any] = {"kind": "connection reset", "processed": True}
NOTHING: dict[str, Any] = {"status": 200, "body": {"count": 0, "resources": []}}
BUSY = "Service unavailable (HTTP 503, code 01503000, request "


@pytest.fixture
def make(plan: TrainingPlan, live_api: TrainingApi, clock: NotedClock) -> Make:
    """A maker of the tutorial's plan, or of one like it."""

    def make(mark: str | None = "one", *, reuse: bool | None = None, **other: Any) -> Maker:
        how = {} if reuse is None else {"reuse": reuse}
        return Maker(replace(plan, **other), live_api, clock, mark, **how)

    return make


@pytest.fixture
def configured(make: Make) -> str:
    """The id of a configuration that can be executed."""
    maker = make()
    return str(maker.configuration({name: made.id for name, made in maker.artifacts().items()}).id)


def calls(emulator: Emulator, begin: str = "") -> list[str]:
    return [record.operation for record in emulator.requests if record.operation.startswith(begin) and begin]


def artifacts(emulator: Emulator) -> list[Any]:
    return list(emulator.state.groups["default"].artifacts)


def configurations(emulator: Emulator) -> list[Any]:
    return list(emulator.state.groups["default"].configurations)


def executions(emulator: Emulator) -> list[str]:
    return [execution.id for execution in emulator.state.groups["default"].executions]


# Artifacts ----------------------------------------------------------------------------------------------------------


def test_an_artifact_says_what_it_is_and_where_it_comes_from(make: Make, emulator: Emulator) -> None:
    made = make().artifacts()
    assert {name: (answer.message, answer.url) for name, answer in made.items()} == {
        "text-data": ("Artifact acknowledged", "ai://default/data")
    }
    (artifact,) = artifacts(emulator)
    assert artifact.id == made["text-data"].id
    assert (artifact.name, artifact.kind, artifact.url) == ("text-data", "dataset", "ai://default/data")
    assert artifact.scenario_id == "text-clf-tutorial"
    assert artifact.description == "input of text-clf-train-tutorial, registered by pytest-aicore"
    assert dict(artifact.labels) == {"ext.ai.sap.com/pytest-aicore": "text-clf-train-tutorial"}


def test_the_kind_of_an_artifact_is_what_the_workflow_says(make: Make, plan: TrainingPlan, emulator: Emulator) -> None:
    text = Path(str(plan.template.path)).read_text(encoding="utf-8")
    annotation = "artifacts.ai.sap.com/text-data.kind"
    for changed in (text.replace(f"{annotation}: dataset", f"{annotation}: model"), text.replace(annotation, "x/y")):
        assert changed != text
        make(template=parse_template(changed)).artifacts()
    assert sorted(artifact.kind for artifact in artifacts(emulator)) == ["dataset", "model"]


@pytest.mark.parametrize(
    ("fault", "pauses"),
    [
        ({"status": 503, "times": 3}, [1, 2, 4]),
        ({"status": 429, "retry_after": 7, "times": 1}, [7]),
        ({"status": 429, "retry_after": 0, "times": 2}, [1, 2]),
        ({"status": 503, "times": 5}, [1, 2, 4, 8, 8]),
    ],
)
def test_registration_is_tried_again_while_the_service_is_busy(
    make: Make, emulator: Emulator, clock: NotedClock, fault: dict[str, Any], pauses: list[float]
) -> None:
    emulator.fault("artifact.create", **fault)
    assert make().artifacts()["text-data"].id == artifacts(emulator)[0].id
    assert clock.slept == pauses


def test_registration_is_given_up_after_a_minute(make: Make, emulator: Emulator, clock: NotedClock) -> None:
    emulator.fault("artifact.create", status=503, times=None)
    with pytest.raises(CallError) as caught:
        make().artifacts()
    assert str(caught.value).startswith(f"could not register the artifact 'text-data' at {AT}: {BUSY}")
    assert str(caught.value).endswith("). Try again later.")
    assert clock.slept == [1, 2, 4, 8, 8, 8, 8, 8, 8, 5]
    assert artifacts(emulator) == []


def test_refused_registration_is_not_tried_again(make: Make, emulator: Emulator, clock: NotedClock) -> None:
    emulator.fault("artifact.create", status=400, times=None)
    with pytest.raises(CallError):
        make().artifacts()
    assert (clock.slept, calls(emulator, "artifact")) == ([], ["artifact.create"])


def test_artifact_whose_registration_was_not_answered_is_found(
    make: Make, emulator: Emulator, clock: NotedClock
) -> None:
    emulator.fault("artifact.create", **LOST)
    made = make().artifacts()["text-data"]
    assert (made.id, made.message, made.url) == (
        artifacts(emulator)[0].id,
        "Artifact acknowledged",
        "ai://default/data",
    )
    assert calls(emulator, "artifact") == ["artifact.create", "artifact.query"]
    assert clock.slept == [1]


def test_artifact_that_is_found_nowhere_is_registered_again(make: Make, emulator: Emulator) -> None:
    emulator.fault("artifact.create", kind="connection reset")
    make().artifacts()
    assert calls(emulator, "artifact") == ["artifact.create", "artifact.query", "artifact.create"]
    assert len(artifacts(emulator)) == 1


def test_artifact_of_ours_with_the_same_content_is_taken_if_that_is_wanted(make: Make, emulator: Emulator) -> None:
    first = make().artifacts()["text-data"].id
    assert make(reuse=True).artifacts()["text-data"].id == first
    assert make().artifacts()["text-data"].id != first
    other = make(reuse=True, artifacts={"text-data": "ai://default/other"}).artifacts()["text-data"]
    assert other.url == "ai://default/other"
    assert len(artifacts(emulator)) == 3


@pytest.mark.parametrize(
    "other",
    [
        {"name": "text-date"},
        {"kind": "model"},
        {"url": "ai://default/other"},
        {"scenario_id": "another"},
        {"labels": {"ext.ai.sap.com/pytest-aicore": "another"}},
    ],
    ids=lambda other: next(iter(other)),
)
def test_artifact_that_differs_in_anything_is_not_taken(
    make: Make, emulator: Emulator, live_api: TrainingApi, other: dict[str, Any]
) -> None:
    known = make().artifacts()["text-data"].id
    alike: dict[str, Any] = {
        "name": "text-data", "kind": "dataset", "url": "ai://default/data", "scenario_id": "text-clf-tutorial",
        "description": "", "labels": {"ext.ai.sap.com/pytest-aicore": "text-clf-train-tutorial"},
    }  # fmt: skip
    live_api.register_artifact(**{**alike, **other})
    assert make(reuse=True).artifacts()["text-data"].id == known
    emulator.fault("artifact.create", **LOST)
    made = make().artifacts()["text-data"].id
    assert [each.url for each in artifacts(emulator) if each.id == made] == ["ai://default/data"]


@pytest.mark.parametrize("other", ["executable_id", "parameters", "artifacts"])
def test_configuration_that_differs_in_anything_is_not_taken(
    make: Make, emulator: Emulator, live_api: TrainingApi, other: str
) -> None:
    maker = make(parameters={"DEPTH": "3"})
    known = maker.configuration({"text-data": "a001"}).id
    alike: dict[str, Any] = {
        "name": maker.name, "scenario_id": "text-clf-tutorial", "executable_id": "text-clf-train-tutorial",
        "parameters": {"DEPTH": "3"}, "artifacts": {"text-data": "a001"},
    }  # fmt: skip
    changed = {"parameters": {"DEPTH": "4"}, "artifacts": {"text-data": "a002"}}.get(other, "text-clf-infer-tutorial")
    live_api.create_configuration(**{**alike, other: changed})
    heir = make("heir", parameters={"DEPTH": "3"})
    assert heir.configuration({"text-data": "a001"}, maker.name).id == known
    assert make("heir", parameters={"DEPTH": "3"}, reuse=True).configuration({"text-data": "a001"}).id == known


# Configurations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "name", "expected"),
    [
        (None, None, "pytest-aicore text-clf-train-tutorial"),
        ("0a1b", None, "pytest-aicore text-clf-train-tutorial 0a1b"),
        ("0a1b", "mine", "mine"),
    ],
)
def test_a_configuration_has_the_name_of_its_plan_or_one_of_its_own(
    make: Make, emulator: Emulator, mark: str | None, name: str | None, expected: str
) -> None:
    maker = make(mark, name=name, parameters={"DEPTH": "3"})
    made = maker.configuration({"text-data": "a001"})
    (configuration,) = configurations(emulator)
    assert (made.id, made.message) == (configuration.id, "Configuration created")
    assert (maker.name, configuration.name) == (expected, expected)
    assert (configuration.scenario_id, configuration.executable_id) == ("text-clf-tutorial", "text-clf-train-tutorial")
    assert (configuration.parameters, configuration.artifacts) == ((("DEPTH", "3"),), (("text-data", "a001"),))


def test_configuration_whose_creation_was_not_answered_is_found_by_its_name(make: Make, emulator: Emulator) -> None:
    make("other").configuration({"text-data": "a001"})
    emulator.fault("configuration.create", **LOST)
    made = make("one").configuration({"text-data": "a001"})
    assert [each.name for each in configurations(emulator) if each.id == made.id] == [
        "pytest-aicore text-clf-train-tutorial one"
    ]
    assert made.message == "Configuration created"
    assert len(configurations(emulator)) == 2


@pytest.mark.parametrize("shared", [{"mark": None}, {"name": "mine"}])
def test_configuration_whose_name_others_may_have_is_not_looked_for(
    make: Make, emulator: Emulator, shared: dict[str, Any]
) -> None:
    emulator.fault("configuration.create", **LOST)
    maker = make(**shared)
    maker.configuration({"text-data": "a001"})
    assert calls(emulator, "configuration") == ["configuration.create", "configuration.create"]
    maker.configuration({"text-data": "a001"}, maker.name)
    assert calls(emulator, "configuration") == ["configuration.create"] * 3


def test_configuration_that_a_process_may_have_created_before_it_ended_is_found(make: Make, emulator: Emulator) -> None:
    lost = make("lost")
    known = lost.configuration({"text-data": "a001"})
    heir = make("heir")
    assert heir.configuration({"text-data": "a001"}, lost.name).id == known.id
    assert heir.configuration({"text-data": "a002"}, lost.name).id != known.id
    assert heir.configuration({"text-data": "a001"}, "never made").id != known.id
    assert make("heir", parameters={"DEPTH": "3"}).configuration({"text-data": "a001"}, lost.name).id != known.id
    assert len(configurations(emulator)) == 4


def test_configuration_of_ours_with_the_same_content_is_taken_if_that_is_wanted(make: Make, emulator: Emulator) -> None:
    known = make("one").configuration({"text-data": "a001"})
    assert make("two", reuse=True).configuration({"text-data": "a001"}).id == known.id
    assert make("two").configuration({"text-data": "a001"}).id != known.id
    assert make("two", reuse=True).configuration({"text-data": "a002"}).id != known.id
    named = make("two", reuse=True, name="mine").configuration({"text-data": "a001"})
    assert make("two", reuse=True, name="mine").configuration({"text-data": "a001"}).id == named.id
    assert len(configurations(emulator)) == 4


@pytest.mark.parametrize("reuse", [True, False])
def test_looking_for_a_configuration_is_patient(
    make: Make, emulator: Emulator, clock: NotedClock, *, reuse: bool
) -> None:
    known = make("lost").configuration({"text-data": "a001"})
    emulator.fault("configuration.query", status=503, times=2)
    lost = None if reuse else "pytest-aicore text-clf-train-tutorial lost"
    assert make("heir", reuse=reuse).configuration({"text-data": "a001"}, lost).id == known.id
    assert clock.slept == [1, 2]


# Executions ---------------------------------------------------------------------------------------------------------


def test_execution_is_started_once(make: Make, emulator: Emulator, configured: str, clock: NotedClock) -> None:
    answer = make().execution(configured)
    assert executions(emulator) == [answer.id]
    assert (answer.message, answer.status.value) == ("Execution scheduled", "UNKNOWN")
    assert (clock.slept, calls(emulator, "execution")) == ([], ["execution.create"])


@pytest.mark.parametrize("status", [425, 429])
def test_request_that_was_not_looked_at_is_made_again(
    make: Make, emulator: Emulator, configured: str, clock: NotedClock, status: int
) -> None:
    emulator.fault("execution.create", status=status, times=2)
    answer = make().execution(configured)
    assert executions(emulator) == [answer.id]
    looked = ["execution.create", "execution.query"] * 2
    assert (clock.slept, calls(emulator, "execution")) == ([1, 2], [*looked, "execution.create"])


@pytest.mark.parametrize("times", [1, 3, 100])
@pytest.mark.parametrize("status", [401, 425, 429])
def test_request_that_was_made_although_it_is_said_not_to_have_been_looked_at(
    make: Make, emulator: Emulator, configured: str, status: int, times: int
) -> None:
    emulator.fault("execution.create", status=status, processed=True, times=times)
    answer = make().execution(configured)
    assert executions(emulator) == [answer.id]
    assert calls(emulator, "execution").count("execution.create") == 1


def test_refused_start_is_not_tried_again(make: Make, emulator: Emulator, clock: NotedClock) -> None:
    with pytest.raises(CallError) as caught:
        make().execution("c0")
    assert str(caught.value).startswith(f"could not start an execution of configuration c0 at {AT}: Invalid Request")
    assert not caught.value.in_doubt
    assert (clock.slept, calls(emulator, "execution")) == ([], ["execution.create"])


@pytest.mark.parametrize("unseen", [0, 1, 2, 3])
@pytest.mark.parametrize("fault", [LOST, {"status": 500, "processed": True}, {"kind": "html", "processed": True}])
def test_execution_whose_start_was_not_answered_is_found_when_it_appears(
    make: Make, emulator: Emulator, configured: str, clock: NotedClock, unseen: int, fault: dict[str, Any]
) -> None:
    emulator.fault("execution.create", **fault)
    if unseen:
        emulator.fault("execution.query", **NOTHING, times=unseen)
    answer = make().execution(configured)
    assert executions(emulator) == [answer.id]
    assert (answer.message, answer.status.value) == ("Execution scheduled", "UNKNOWN")
    assert clock.slept == [0, 1, 2, 4][: unseen + 1]


def test_execution_that_cannot_be_found_is_not_started_again(
    make: Make, emulator: Emulator, configured: str, clock: NotedClock
) -> None:
    emulator.fault("execution.create", kind="timeout")
    with pytest.raises(CallError) as caught:
        make().execution(configured)
    error = caught.value
    text = str(error)
    assert text.startswith(f"could not start an execution of configuration {configured} at {AT}: ")
    assert text.endswith(
        ". Try again later. No execution of that configuration has appeared since. It was not started again: the first"
        " one may still appear, and then both would cost money. The ledger has a record of it."
    )
    assert (error.status, error.transient, error.in_doubt) == (None, True, True)
    assert clock.slept == [0, 1, 2, 4]
    assert calls(emulator, "execution") == ["execution.create", *["execution.query"] * 4]


def test_status_of_a_start_in_doubt_is_told(make: Make, emulator: Emulator, configured: str) -> None:
    emulator.fault("execution.create", status=503)
    with pytest.raises(CallError) as caught:
        make().execution(configured)
    assert (caught.value.status, caught.value.transient, caught.value.in_doubt) == (503, True, True)
    assert calls(emulator, "execution.create") == ["execution.create"]


def test_who_names_a_time_to_come_again_has_not_started_anything(
    make: Make, emulator: Emulator, configured: str, clock: NotedClock
) -> None:
    emulator.fault("execution.create", status=503, retry_after=5)
    answer = make().execution(configured)
    assert executions(emulator) == [answer.id]
    assert clock.slept == [0, 1, 2, 4, 5]
    emulator.fault("execution.create", status=504, retry_after=5)
    with pytest.raises(CallError, match="It was not started again"):
        make().execution(configured, lambda: [answer.id])


def test_execution_that_cannot_be_looked_for_is_in_doubt(make: Make, emulator: Emulator, configured: str) -> None:
    emulator.fault("execution.create", kind="timeout")
    emulator.fault("execution.query", status=403, times=None)
    with pytest.raises(CallError) as caught:
        make().execution(configured)
    error = caught.value
    assert str(error) == (
        f"An execution of the configuration {configured} may have been started, but the search for it failed: could"
        f" not search for executions of the configuration {configured} at {AT}: RBAC: access denied (HTTP 403). Check"
        " the credentials, and whether they may use this resource group. The ledger has a record of it."
    )
    assert (error.status, error.transient, error.in_doubt) == (403, False, True)
    emulator.fault("execution.query", status=503, times=None)
    emulator.state.faults.pop(-2)
    emulator.fault("execution.create", kind="timeout")
    with pytest.raises(CallError) as caught:
        make().execution(configured)
    assert (caught.value.status, caught.value.transient, caught.value.in_doubt) == (503, True, True)


def test_executions_of_others_are_not_taken_for_the_lost_one(make: Make, emulator: Emulator, configured: str) -> None:
    maker = make()
    older = maker.execution(configured).id
    emulator.fault("execution.create", kind="timeout")
    with pytest.raises(CallError, match="No execution of that configuration has appeared since"):
        maker.execution(configured, lambda: {older})
    emulator.fault("execution.create", **LOST)
    lost = maker.execution(configured, lambda: {older}).id
    assert executions(emulator) == [older, lost]


def test_the_newest_execution_comes_first(make: Make, emulator: Emulator, configured: str, clock: NotedClock) -> None:
    maker = make()
    started = []
    for _ in range(3):
        started.append(maker.execution(configured).id)
        clock.advance(60)
    emulator.fault("execution.query", status=503, times=2)
    assert maker.executions(configured) == started[::-1]
    assert clock.slept[-2:] == [1, 2]


# What a process that was killed may have started --------------------------------------------------------------------


def test_execution_of_a_process_that_was_killed_is_found(
    make: Make, emulator: Emulator, configured: str, clock: NotedClock
) -> None:
    known = make().execution(configured).id
    emulator.fault("execution.query", **NOTHING, times=6)
    assert make().execution(configured, lost_for=0.0).id == known
    assert executions(emulator) == [known]
    assert clock.slept == [0, 1, 2, 4, 0, 1, 2]


@pytest.mark.parametrize(("ago", "looks"), [(0.0, 12), (1.0, 12), (1.001, 8), (8.0, 8), (8.001, 4), (3600.0, 4)])
def test_execution_that_does_not_appear_is_started_when_it_never_will(
    make: Make, emulator: Emulator, configured: str, clock: NotedClock, ago: float, looks: int
) -> None:
    answer = make().execution(configured, lost_for=ago)
    assert executions(emulator) == [answer.id]
    assert calls(emulator, "execution") == ["execution.query"] * looks + ["execution.create"]


def test_others_are_not_taken_for_what_a_killed_process_started(
    make: Make, emulator: Emulator, configured: str, clock: NotedClock
) -> None:
    older = make().execution(configured).id
    answer = make().execution(configured, lambda: [older], lost_for=60.0)
    assert executions(emulator) == [older, answer.id]


# What was made though it was refused --------------------------------------------------------------------------------


REFUSED_TOKEN: dict[str, Any] = {"status": 401, "processed": True}


def test_what_was_made_though_the_token_was_refused_is_made_once(
    make: Make, emulator: Emulator, clock: NotedClock
) -> None:
    maker, other = make("one"), make("two")
    for operation in ("artifact.create", "configuration.create", "execution.create"):
        emulator.fault(operation, **REFUSED_TOKEN)
    artifact = maker.artifacts()["text-data"].id
    assert [each.id for each in artifacts(emulator)] == [artifact]
    configuration = maker.configuration({"text-data": artifact}).id
    assert [each.id for each in configurations(emulator)] == [configuration]
    execution = maker.execution(configuration).id
    assert executions(emulator) == [execution]
    emulator.fault("configuration.create", **REFUSED_TOKEN)
    known = maker.configuration({"text-data": artifact}).id
    other.configuration({"text-data": artifact})
    emulator.fault("configuration.create", status=401)
    emulator.fault("configuration.create", status=503)
    names = {each.id: each.name for each in configurations(emulator)}
    found = maker.configuration({"text-data": artifact}).id
    assert (found, names[found]) == (known, "pytest-aicore text-clf-train-tutorial one")
    assert clock.slept == []


@pytest.mark.parametrize("status", [425, 429])
def test_execution_that_was_started_though_it_was_refused_is_found(
    make: Make, emulator: Emulator, configured: str, clock: NotedClock, status: int
) -> None:
    emulator.fault("execution.create", status=status, processed=True)
    assert [make().execution(configured).id] == executions(emulator)
    assert clock.slept == [1]


def test_execution_that_was_started_at_the_last_attempt_is_found(
    make: Make, emulator: Emulator, configured: str, clock: NotedClock
) -> None:
    emulator.fault("execution.create", status=429, times=10)
    emulator.fault("execution.create", status=429, processed=True, times=1)
    assert [make().execution(configured).id] == executions(emulator)
    assert sum(clock.slept) == 60


def test_start_that_is_refused_for_a_minute_is_given_up(
    make: Make, emulator: Emulator, configured: str, clock: NotedClock
) -> None:
    emulator.fault("execution.create", status=429, times=None)
    with pytest.raises(CallError, match=r"HTTP 429"):
        make().execution(configured)
    assert sum(clock.slept) == 60
    assert executions(emulator) == []


def test_gateway_that_refused_what_it_passed_on_is_not_asked_again(
    make: Make, emulator: Emulator, clock: NotedClock
) -> None:
    emulator.fault("artifact.create", status=409, body="upstream", processed=True)
    assert make().artifacts()["text-data"].id == artifacts(emulator)[0].id
    assert (clock.slept, calls(emulator, "artifact")) == ([1], ["artifact.create", "artifact.query"])
    emulator.fault("configuration.create", status=409, body="upstream", times=None)
    with pytest.raises(CallError, match=r"HTTP 409"):
        make().configuration({"text-data": "a001"})
    assert (clock.slept, calls(emulator, "configuration")) == ([1, 1], ["configuration.create", "configuration.query"])
