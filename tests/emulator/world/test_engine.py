"""An engine that really works fits: what it reports is shown as it happens, and no rollback undoes it."""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.emulator.world.pace import RunningClock, pace_named
from pytest_aicore.errors import EmulatorError
from tests.emulator.conftest import House
from tests.emulator.world.child_processes import ChildProcesses, Work
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = Work(60.0)
SHORT = Work(0.2)
UNTIL_TOLD = Work(math.inf)
ENDED = ("COMPLETED", "DEAD", "STOPPED")


class WorkingHouse(House):
    """The service, with an engine that really works."""

    engine: ChildProcesses

    def __init__(self) -> None:
        self.works: list[Work] = []
        """What the next children do; long work when none is left."""
        super().__init__(clock=RunningClock(pace_named("real")), engine=self._engine)

    def _engine(self, desk: Any) -> ChildProcesses:
        self.engine = ChildProcesses(desk, lambda: self.works.pop(0) if self.works else LONG)
        return self.engine

    def begin(self, work: Work) -> str:
        """Start an execution that does some work."""
        self.works.append(work)
        return self.start()

    def get(self, execution_id: str) -> dict[str, Any]:
        """Return an execution as the API shows it."""
        content: dict[str, Any] = self.ask("GET", f"/executions/{execution_id}").json()
        return content

    def status(self, execution_id: str) -> str:
        """Return the status of an execution."""
        return str(self.get(execution_id)["status"])

    def lines(self, execution_id: str) -> list[str]:
        """Return the log of an execution."""
        result = self.ask("GET", f"/executions/{execution_id}/logs").json()["data"]["result"]
        return [line["msg"] for line in result]

    def tell(self, execution_id: str) -> None:
        """Tell the child of an execution to come to its end."""
        (child,) = (each for each in self.engine.children if each.enactment.id == execution_id)
        child.tell()

    def works_for(self, enactment_id: str) -> bool:
        """Tell whether a child still works for an execution."""
        children = [each for each in self.engine.children if each.enactment.id == enactment_id]
        return any(child.is_alive() for child in children)


@pytest.fixture
def house() -> Iterator[WorkingHouse]:
    """The service, reachable."""
    house = WorkingHouse()
    house.door.open()
    yield house
    house.door.close()
    house.emulator.close()
    assert not any(child.is_alive() for child in house.engine.children)
    assert house.emulator.incidents == []


def test_what_happens_is_shown_as_it_happens(house: WorkingHouse) -> None:
    execution_id = house.begin(UNTIL_TOLD)
    until(lambda: house.lines(execution_id) == ["began"], "the first line")
    running = house.get(execution_id)
    assert (running["status"], running["outputArtifacts"]) == ("RUNNING", [])
    assert running["statusDetails"] == {"progress": "40/100"}
    house.tell(execution_id)
    until(lambda: house.status(execution_id) == "COMPLETED", "the end")
    until(lambda: house.lines(execution_id) == ["began", "ended", "after the end"], "the last line")
    ended = house.get(execution_id)
    assert ended["startTime"] <= ended["completionTime"]
    assert ended["statusDetails"] == {"progress": "100/100"}
    assert [each["name"] for each in ended["outputArtifacts"]] == ["house-model", "House report"]
    metrics = house.ask("GET", "/metrics", executionIds=execution_id).json()["resources"][0]["metrics"]
    assert [(each["name"], each["value"], each["step"]) for each in metrics] == [("lines", 1.0, 0), ("lines", 2.0, 1)]


def test_what_fails_says_so(house: WorkingHouse) -> None:
    execution_id = house.begin(Work(0.0, exit_code=3))
    until(lambda: house.status(execution_id) == "DEAD", "the end")
    assert house.get(execution_id)["statusDetails"]["workflow_info"][0]["phase"] == "Failed"
    assert house.get(execution_id)["outputArtifacts"] == []


def test_more_can_be_said_about_an_end(house: WorkingHouse) -> None:
    execution_id = house.begin(LONG)
    until(lambda: house.lines(execution_id) == ["began"], "its beginning")
    house.engine.desk.status(execution_id, "DEAD", message="out of luck", details={"luck": 0})
    ended = house.get(execution_id)
    assert (ended["statusMessage"], ended["statusDetails"]) == ("out of luck", {"luck": 0, "progress": "40/100"})


ALLOWED = "expected one of 'PENDING', 'RUNNING', 'COMPLETED', 'DEAD', 'STOPPED'."


@pytest.mark.parametrize(
    ("status", "hint"),
    [("SUCCEEDED", ""), ("Completed", " Did you mean 'COMPLETED'?"), ("STOPPING", " Did you mean 'STOPPED'?")],
)
@pytest.mark.parametrize("has_ended", [False, True])
def test_an_unknown_status_is_refused(house: WorkingHouse, status: str, hint: str, *, has_ended: bool) -> None:
    execution_id = house.begin(SHORT if has_ended else LONG)
    before = "COMPLETED" if has_ended else "RUNNING"
    until(lambda: house.status(execution_id) == before, before)
    message = f"Engine ChildProcesses: unknown status {status!r} reported for execution {execution_id}; {ALLOWED}{hint}"
    with pytest.raises(EmulatorError) as raised:
        house.engine.desk.status(execution_id, status)
    assert str(raised.value) == message
    assert house.emulator.take_incidents() == [message]
    assert house.status(execution_id) == before


def test_an_unknown_status_is_refused_whatever_it_is_reported_for(house: WorkingHouse) -> None:
    with pytest.raises(EmulatorError) as raised:
        house.engine.desk.status("e0", "DONE")
    assert str(raised.value) == (
        f"Engine ChildProcesses: unknown status 'DONE' reported for execution or deployment e0; {ALLOWED}"
    )
    assert house.emulator.take_incidents() == [str(raised.value)]
    house.engine.desk.status("e0", "COMPLETED")  # about a record that is gone: dropped
    assert house.emulator.take_incidents() == []


def test_stopped(house: WorkingHouse) -> None:
    execution_id = house.begin(LONG)
    until(lambda: house.status(execution_id) == "RUNNING", "its beginning")
    assert house.ask("PATCH", f"/executions/{execution_id}", {"targetStatus": "STOPPED"}).status_code == 202
    until(lambda: house.status(execution_id) == "STOPPED", "its end")
    assert house.get(execution_id)["targetStatus"] == "STOPPED"


@pytest.mark.parametrize("how", ["execution", "resource group"])
def test_nothing_works_for_what_is_deleted(house: WorkingHouse, how: str) -> None:
    house.emulator.create_resource_group("other")
    execution_id = house.start(house.client("other"))
    with house.emulator.lock:  # an engine may be slow: it is still UNKNOWN, which can be deleted
        group = house.emulator.state.groups["other"]
        execution = group.executions.get(execution_id)
        assert execution is not None
        if how == "execution":
            house.emulator.cluster.delete(group, execution)
    if how == "resource group":
        url = f"{house.emulator.base_url}/v2/admin"
        house.url, before = url, house.url
        assert house.ask("DELETE", "/resourceGroups/other").status_code == 202
        house.url = before
    until(lambda: not house.works_for(execution_id), "the end of its child")
    house.emulator.clock.advance(60)
    house.ask("GET", "/executions")
    assert house.emulator.cluster.find(execution_id) is None


def test_deployment(house: WorkingHouse) -> None:
    first, second = house.configure_serving(), house.configure_serving()
    deployment_id = house.create("/deployments", {"configurationId": first, "ttl": "10m"})

    def status() -> str:
        return str(house.ask("GET", f"/deployments/{deployment_id}").json().get("status"))

    until(lambda: status() == "RUNNING", "its beginning")
    assert house.ask("PATCH", f"/deployments/{deployment_id}", {"configurationId": second}).status_code == 202
    before, now = house.engine.children
    until(lambda: not before.is_alive(), "the end of the child of the first configuration")
    until(lambda: status() == "RUNNING", "the beginning of the second")
    assert now.is_alive()
    house.emulator.clock.advance(600)  # its time to live
    until(lambda: status() == "STOPPED", "its end")
    house.emulator.clock.advance(60)
    until(lambda: house.ask("GET", f"/deployments/{deployment_id}").status_code == 404, "its end")
    until(lambda: not now.is_alive(), "the end of its child")


def test_a_rollback_ends_what_the_test_began(house: WorkingHouse) -> None:
    shared = house.begin(LONG)
    until(lambda: house.status(shared) == "RUNNING", "the beginning")
    moment = house.emulator.checkpoint()
    own = house.begin(LONG)
    until(lambda: house.status(own) == "RUNNING", "the beginning")
    later = house.emulator.checkpoint()
    house.emulator.rollback(moment)
    assert house.ask("GET", f"/executions/{own}").status_code == 404
    assert house.begin(LONG) != own  # about which there are reports to come
    until(lambda: not house.works_for(own), "the end of what the test began")
    assert house.works_for(shared)
    assert house.status(shared) == "RUNNING"
    house.emulator.rollback(later)
    assert house.status(own) == "STOPPED"


def test_what_ended_never_runs_again(house: WorkingHouse) -> None:
    execution_id = house.begin(UNTIL_TOLD)
    until(lambda: house.lines(execution_id) == ["began"], "the first line")
    moment = house.emulator.checkpoint()
    assert house.status(execution_id) == "RUNNING"
    house.tell(execution_id)
    until(lambda: not house.works_for(execution_id), "the end")
    outputs = [each["id"] for each in house.get(execution_id)["outputArtifacts"]]
    house.emulator.rollback(moment)
    again = house.get(execution_id)
    assert again["status"] == "COMPLETED"
    assert [each["id"] for each in again["outputArtifacts"]] == outputs
    assert house.lines(execution_id) == ["began", "ended", "after the end"]
    assert not {house.configure() for _ in range(3)} & set(outputs)  # their ids are not given again


def test_a_shared_run_is_made_while_another_goes_on(house: WorkingHouse) -> None:
    """Nothing is ended while worlds are swapped, and what is reported meanwhile is not lost."""
    earlier = house.begin(UNTIL_TOLD)
    until(lambda: house.lines(earlier) == ["began"], "the first line")
    moment = house.emulator.checkpoint()
    own, lasting = house.begin(UNTIL_TOLD), house.begin(LONG)
    until(lambda: house.lines(own) == ["began"] == house.lines(lasting), "the first lines")
    with house.emulator.baseline(moment):
        assert house.ask("GET", f"/executions/{own}").status_code == 404
        shared = house.begin(UNTIL_TOLD)
        house.tell(own)
        house.tell(earlier)
        until(lambda: not (house.works_for(own) or house.works_for(earlier)), "their ends")
        assert house.status(earlier) == "COMPLETED"
    whole = ["began", "ended", "after the end"]
    for execution_id in (own, earlier):
        assert house.status(execution_id) == "COMPLETED"
        assert house.lines(execution_id) == whole
        assert len(house.get(execution_id)["outputArtifacts"]) == 2
    assert house.works_for(lasting)
    assert house.works_for(shared)
    until(lambda: house.lines(shared) == ["began"], "the first line of what is shared")
    house.tell(shared)
    until(lambda: not house.works_for(shared), "the end of what is shared")
    assert (house.status(shared), house.lines(shared)) == ("COMPLETED", whole)
    house.emulator.rollback(moment)
    for execution_id in (shared, earlier):
        assert (house.status(execution_id), house.lines(execution_id)) == ("COMPLETED", whole)
        assert len(house.get(execution_id)["outputArtifacts"]) == 2
    until(lambda: not house.works_for(lasting), "the end of what only the test had")


def test_the_emulator_answers_while_children_work(house: WorkingHouse) -> None:
    """No lock is held meanwhile."""
    execution_id = house.begin(LONG)
    until(lambda: house.lines(execution_id) == ["began"], "the first line")
    began = time.monotonic()
    for _ in range(20):
        assert house.status(execution_id) == "RUNNING"
    assert time.monotonic() - began < 30  # seconds, of the child's 60


def test_a_script_may_be_refused(house: WorkingHouse) -> None:
    execution_id = house.begin(LONG)
    with pytest.raises(EmulatorError, match="really works"):
        house.emulator.script(execution=execution_id, outcome="DEAD")
    assert house.emulator.conditions == []


@pytest.mark.parametrize("seed", range(3))
def test_whatever_tests_do_meanwhile(house: WorkingHouse, seed: int) -> None:
    """They poll, stop, delete and roll back, at any moment of any child's life."""
    chance = random.Random(seed)
    moment = house.emulator.checkpoint()
    ended: dict[str, str] = {}

    def listed() -> dict[str, str]:
        return {each["id"]: each["status"] for each in house.ask("GET", "/executions").json()["resources"]}

    def unfinished() -> list[dict[str, Any]]:
        found = house.ask("GET", "/executions").json()["resources"]
        return [each for each in found if each["targetStatus"] != "DELETED" and each["status"] not in ENDED]

    def look() -> dict[str, str]:
        statuses = listed()
        for execution_id, status in statuses.items():
            assert ended.get(execution_id, status) == status
            if status in ENDED:
                ended[execution_id] = status
        return statuses

    for _ in range(60):
        statuses = look()
        some = chance.choice(sorted(statuses)) if statuses else ""
        match chance.randrange(8):
            case 0 | 1 | 2:
                house.begin(Work(chance.uniform(0.0, 0.3), chance.choice([0, 0, 1])))
            case 3:
                house.ask("PATCH", f"/executions/{some}", {"targetStatus": "STOPPED"})
            case 4:
                house.ask("DELETE", f"/executions/{some}")
            case 5:
                house.emulator.rollback(moment)
                kept = listed()  # the other ids may be given again
                ended = {each: status for each, status in ended.items() if each in kept}
            case 6:
                moment = house.emulator.checkpoint()
            case _:
                time.sleep(chance.uniform(0.0, 0.05))
    # What is deleted while it is UNKNOWN stays so for as long as it is shown.
    until(lambda: not unfinished(), "the end of all")
    look()
    until(lambda: not any(child.is_alive() for child in house.engine.children), "the end of all children")
