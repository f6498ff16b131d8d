"""Whatever clients do in whatever order: the emulator agrees with a model of a few lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from ai_api_client_sdk.exception import AIAPIInvalidRequestException, AIAPINotFoundException
from ai_api_client_sdk.models.status import Status
from ai_api_client_sdk.models.target_status import TargetStatus
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

if TYPE_CHECKING:
    from tests.emulator.conftest import House

pytestmark = pytest.mark.once

GROUPS = ("default", "team-a")
GROUP = some.sampled_from(GROUPS)
PATHS = ("/executions", "/configurations", "/artifacts")
CAN_BE = {"STOPPED": ("PENDING", "RUNNING"), "DELETED": ("UNKNOWN", "COMPLETED", "DEAD", "STOPPED")}
TARGET = some.sampled_from(["STOPPED", "DELETED"])


@dataclass
class Execution:
    """What the model knows of one execution. Times are seconds since the epoch."""

    id: str
    group: str
    configuration: str
    outcome: str
    created: float
    stopped: float | None = None
    deleted: float | None = None

    def is_gone(self, now: float) -> bool:
        """Return whether it is no longer shown at a time."""
        return self.deleted is not None and now >= self.deleted + 60

    def status(self, now: float) -> str:
        """Return the status at a time."""
        now = now if self.deleted is None else self.deleted
        if self.stopped is not None:
            return "STOPPING" if now < self.stopped + 10 else "STOPPED"
        age = now - self.created
        stays = (("UNKNOWN", 10), ("PENDING", 15), ("RUNNING", 60))
        return next((status for status, until in stays if age < until), self.outcome)

    def outputs(self, now: float) -> int:
        """Return how many artifacts it has left behind at a time."""
        age = min(each for each in (now, self.stopped, self.deleted) if each is not None) - self.created
        return 2 if self.outcome == "COMPLETED" and age >= 50 else 0


@dataclass
class Group:
    """What the model knows of one resource group, the oldest first."""

    executions: list[Execution] = field(default_factory=list)
    configurations: list[str] = field(default_factory=list)
    artifacts: int = 0
    """Without the outputs of the executions."""


class Clients(RuleBasedStateMachine):
    """Two teams, each in its resource group, at one service."""

    make_house: Any

    @initialize()
    def open(self) -> None:
        self.house: House = self.make_house()
        self.house.door.open()
        self.house.emulator.create_resource_group("team-a")
        self.house.emulator.clock.hold()
        self.clients = {name: self.house.client(name) for name in GROUPS}
        self.model = {name: Group() for name in GROUPS}

    def teardown(self) -> None:
        if hasattr(self, "house"):
            self.house.door.close()

    @property
    def now(self) -> float:
        return self.house.emulator.clock.now()

    def some_execution(self, data: Any, group: str) -> Execution:
        return data.draw(some.sampled_from(self.model[group].executions), "execution")  # type: ignore[no-any-return]

    # What clients do ------------------------------------------------------------------------------------------

    @rule(group=GROUP)
    def configure(self, group: str) -> None:
        self.model[group].configurations.append(self.house.configure(self.clients[group]))
        self.model[group].artifacts += 1

    @precondition(lambda self: any(group.configurations for group in self.model.values()))
    @rule(data=some.data(), outcome=some.sampled_from(["COMPLETED", "DEAD"]))
    def start(self, data: Any, outcome: str) -> None:
        name = data.draw(some.sampled_from([name for name in GROUPS if self.model[name].configurations]), "group")
        configuration = data.draw(some.sampled_from(self.model[name].configurations), "configuration")
        self.house.emulator.script(times=1, outcome=outcome)
        created = self.clients[name].execution.create(configuration)
        assert (created.message, created.status) == ("Execution scheduled", Status.UNKNOWN)
        self.model[name].executions.append(Execution(created.id, name, configuration, outcome, self.now))

    @rule(seconds=some.sampled_from([0.5, 5, 10, 45, 60]))
    def wait(self, seconds: float) -> None:
        self.house.emulator.clock.advance(seconds)
        for group in self.model.values():
            for execution in [each for each in group.executions if each.is_gone(self.now)]:
                group.artifacts += execution.outputs(self.now)
                group.executions.remove(execution)

    @precondition(lambda self: any(group.executions for group in self.model.values()))
    @rule(data=some.data(), goal=TARGET)
    def change(self, data: Any, goal: str) -> None:
        name = data.draw(some.sampled_from([name for name in GROUPS if self.model[name].executions]), "group")
        execution = self.some_execution(data, name)
        client = self.clients[name].execution

        def call() -> None:
            if goal == "STOPPED":
                client.modify(execution.id, TargetStatus.STOPPED)
            else:
                client.delete(execution.id)

        status = execution.status(self.now)
        if status in CAN_BE[goal]:
            call()
            self.note(execution, goal)
        else:
            with pytest.raises(AIAPIInvalidRequestException) as refused:
                call()
            assert refused.value.error_message == f"Invalid Request, Current status {status} cannot be changed.."

    @precondition(lambda self: any(group.executions for group in self.model.values()))
    @rule(data=some.data(), group=GROUP)
    def change_many(self, data: Any, group: str) -> None:
        everyone = [*self.model["default"].executions, *self.model["team-a"].executions]
        chosen = data.draw(
            some.lists(some.sampled_from(everyone), min_size=1, unique_by=lambda each: each.id), "chosen"
        )
        targets = [data.draw(TARGET, "target") for _ in chosen]
        answers = self.house.change_many(
            {each.id: target for each, target in zip(chosen, targets, strict=True)}, resource_group=group
        )
        for execution, target, answer in zip(chosen, targets, answers, strict=True):
            assert answer["id"] == execution.id
            status = execution.status(self.now)
            if execution.group != group:
                assert answer["error"]["code"] == "01010020"
            elif status in CAN_BE[target]:
                assert answer["message"] == "Execution modification scheduled"
                self.note(execution, target)
            else:
                assert answer["error"]["message"] == f"Current status {status} cannot be changed"

    def note(self, execution: Execution, target: str) -> None:
        if target == "STOPPED":
            execution.stopped = self.now
        elif execution.deleted is None:
            execution.deleted = self.now

    # What they see --------------------------------------------------------------------------------------------

    @rule(group=GROUP, status=some.sampled_from(Status))
    def filter(self, group: str, status: Status) -> None:
        known = [each.id for each in self.model[group].executions if each.status(self.now) == status.value]
        listed = self.clients[group].execution.query(status=status)
        assert [execution.id for execution in listed.resources] == known[::-1]
        assert self.clients[group].execution.count(status=status) == listed.count == len(known)

    @rule(
        group=GROUP, size=some.integers(1, 4), path=some.sampled_from(["/executions", "/configurations", "/artifacts"])
    )
    def turn_pages(self, group: str, size: int, path: str) -> None:
        whole = self.house.ask("GET", path, resource_group=group).json()["resources"]
        pages: list[Any] = []
        while True:
            query = {"S_top": str(size), "S_skip": str(len(pages))}
            page = self.house.ask("GET", path, resource_group=group, **query).json()
            assert page["count"] == len(page["resources"]) == min(size, len(whole) - len(pages))
            pages += page["resources"]
            if page["count"] < size:
                break
        assert pages == whole

    @precondition(lambda self: any(group.executions for group in self.model.values()))
    @rule(data=some.data())
    def look_into_the_other_group(self, data: Any) -> None:
        everyone = [*self.model["default"].executions, *self.model["team-a"].executions]
        execution = data.draw(some.sampled_from(everyone), "execution")
        (other,) = (name for name in GROUPS if name != execution.group)
        for call in ("get", "delete", "query_logs"):
            with pytest.raises(AIAPINotFoundException):
                getattr(self.clients[other].execution, call)(execution.id)
        with pytest.raises(AIAPIInvalidRequestException):
            self.clients[other].execution.create(execution.configuration)

    @invariant()
    def agrees_with_the_model(self) -> None:
        if not hasattr(self, "house"):
            return
        for name, client in self.clients.items():
            group = self.model[name]
            shown = {each.id: each for each in client.execution.query().resources}
            assert list(shown) == [each.id for each in reversed(group.executions)]
            for execution in group.executions:
                status = execution.status(self.now)
                assert shown[execution.id].status.value == status
                assert (shown[execution.id].target_status.value == "DELETED") is (execution.deleted is not None)
                assert shown[execution.id].configuration_id == execution.configuration
                assert len(shown[execution.id].output_artifacts) == execution.outputs(self.now)
            assert client.execution.count() == len(group.executions)
            assert client.configuration.count() == len(group.configurations)
            outputs = sum(execution.outputs(self.now) for execution in group.executions)
            assert client.artifact.count() == group.artifacts + outputs
        assert self.house.emulator.incidents == []
        assert [record for record in self.house.emulator.requests if record.status >= 500] == []


def test_clients_of_two_teams(house: House) -> None:
    """Each run of the machine opens a door to a service of its own."""
    house.door.close()
    machine = type("Machine", (Clients,), {"make_house": staticmethod(type(house))})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=20,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
