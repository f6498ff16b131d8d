"""An engine ends with the emulator that it was given to, whatever that is a part of: no child outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from ai_api_client_sdk.exception import AIAPIServerException

from pytest_aicore.emulator.store.records import Deployment
from pytest_aicore.errors import EmulatorError
from tests.emulator.conftest import House
from tests.emulator.serve.servers import Client, workflows_folder
from tests.emulator.world.test_engine import LONG, WorkingHouse
from tests.places import ROOT
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LIMIT = 60.0


@pytest.fixture
def house() -> Iterator[WorkingHouse]:
    """The service, reachable; what its engine started ends with the test."""
    house = WorkingHouse()
    house.door.open()
    yield house
    house.door.close()
    for child in house.engine.children:
        child.end()


def status_of(house: WorkingHouse, enactment_id: str) -> tuple[str, str | None]:
    """Return status and message of an execution, as the emulator remembers it."""
    found = house.emulator.cluster.find(enactment_id)
    assert found is not None
    return found[1].status, found[1].status_message


def test_nothing_is_carried_out_after_the_end(house: WorkingHouse) -> None:
    running, new = house.begin(LONG), house.begin(LONG)
    until(lambda: house.status(running) == "RUNNING", "the beginning")
    house.emulator.close()
    assert not any(child.is_alive() for child in house.engine.children)
    assert all(child.process is None or child.process.poll() is not None for child in house.engine.children)
    assert house.engine.carried() == ()
    assert [status_of(house, each)[0] for each in (running, new)] == ["STOPPED", "STOPPED"]
    house.emulator.close()  # twice is once
    assert [house.status(each) for each in (running, new)] == ["STOPPED", "STOPPED"]  # it can still be read


CLOSED = "the emulator is closed. Call close() after the last request."
ANSWERED = "It answered 501, so that this is not mistaken for an answer of AI Core."


def test_nothing_starts_after_the_end(house: WorkingHouse) -> None:
    configuration_id = house.configure()
    house.create("/executionSchedules", {"cron": "0 * * * *", "name": "hourly", "configurationId": configuration_id})
    house.emulator.close()
    answer = house.ask("POST", "/executions", {"configurationId": configuration_id})
    assert (answer.status_code, answer.text) == (501, f"Cannot start an execution: {CLOSED}")
    assert house.emulator.take_incidents() == [f"Cannot start an execution: {CLOSED} {ANSWERED}"]
    house.emulator.clock.advance(3600)
    assert house.ask("GET", "/executions").json()["count"] == 0
    assert house.engine.children == []


def test_no_deployment_starts_after_the_end(house: WorkingHouse) -> None:
    first, second = house.configure_serving(), house.configure_serving()
    deployment_id = house.create("/deployments", {"configurationId": first})

    def status() -> str:
        return str(house.ask("GET", f"/deployments/{deployment_id}").json()["status"])

    until(lambda: status() == "RUNNING", "the beginning")
    found = house.emulator.cluster.find(deployment_id)
    assert found is not None
    house.emulator.close()
    assert status() == "STOPPED"
    house.ask("POST", "/deployments", {"configurationId": first})
    assert house.emulator.take_incidents() == [f"Cannot start a deployment: {CLOSED} {ANSWERED}"]
    other = found[0].configurations.get(second)
    assert other is not None
    assert isinstance(found[1], Deployment)
    with pytest.raises(EmulatorError) as raised:
        house.emulator.cluster.reconfigure(found[0], found[1], other)
    assert str(raised.value) == f"Cannot update a deployment: {CLOSED}"
    assert len(house.engine.children) == 1


def test_a_block_closes_its_emulator_however_it_ends(house: WorkingHouse) -> None:
    def fail() -> None:
        with house.emulator as emulator:
            assert emulator is house.emulator
            house.begin(LONG)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    (child,) = house.engine.children
    assert not child.is_alive()


def test_what_starts_while_the_emulator_ends_either_ends_or_does_not_start(house: WorkingHouse) -> None:
    configuration_id = house.configure()
    found = house.emulator.state.groups["default"]
    configuration = found.configurations.get(configuration_id)
    assert configuration is not None
    refused = []

    def start() -> None:
        while starts():
            time.sleep(0.005)

    def starts() -> bool:
        try:
            with house.emulator.lock:
                house.emulator.cluster.start(found, configuration)
        except EmulatorError as error:
            refused.append(str(error))
            return False
        return True

    starters = [threading.Thread(target=start) for _ in range(3)]
    for starter in starters:
        starter.start()
    until(lambda: len(house.engine.children) > 3, "the first starts")
    house.emulator.close()
    for starter in starters:
        starter.join(LIMIT)
    assert refused == [f"Cannot start an execution: {CLOSED}"] * 3
    assert not any(child.is_alive() for child in house.engine.children)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_process_ends_nothing(house: WorkingHouse) -> None:
    execution_id = house.begin(LONG)
    until(lambda: house.status(execution_id) == "RUNNING", "the beginning")
    forked = os.fork()
    if not forked:
        try:
            house.engine.close = lambda: os._exit(3)  # type: ignore[method-assign]
            house.emulator.close()
        finally:
            os._exit(0)
    _, status = os.waitpid(forked, 0)
    assert os.waitstatus_to_exitcode(status) == 0  # its copy of the engine was not closed
    assert house.status(execution_id) == "RUNNING"
    assert house.works_for(execution_id)
    house.emulator.close()
    assert not house.works_for(execution_id)


def test_executions_of_scripts_stay_as_they_are() -> None:
    house = House()
    house.door.open()
    execution_id = house.start()
    house.emulator.close()
    assert house.ask("GET", f"/executions/{execution_id}").json()["status"] == "UNKNOWN"
    with pytest.raises(AIAPIServerException, match="the emulator is closed"):
        house.start()
    house.door.close()


# Sessions and servers -----------------------------------------------------------------------------------------------

ENGINE = """
import functools, pathlib
from pytest_aicore.emulator.emulator import Emulator
from tests.emulator.world.child_processes import ChildProcesses, Work

emulators = []

def engine(desk):
    return ChildProcesses(desk, lambda: Work(600.0))

class Working(Emulator):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, engine=engine, **options)
        emulators.append(self)

def pids():
    children = [child for emulator in emulators for child in emulator.cluster.engine.children]
    return [child.process.pid for child in children if child.process]

def write_pids():
    import time
    while not pids():
        time.sleep(0.01)
    pathlib.Path("pids.new").write_text(" ".join(map(str, pids())))
    pathlib.Path("pids.new").rename("pids")
"""


@pytest.fixture
def alive(tmp_path: Path) -> Iterator[Callable[[], list[int]]]:
    """A function that returns which of the processes still live that the file `pids` names."""

    def found() -> list[int]:
        file = tmp_path / "pids"
        named = [int(each) for each in file.read_text().split()] if file.exists() else []
        return [each for each in named if lives(each)]

    yield found
    for each in found():
        os.kill(each, signal.SIGKILL)


def lives(process: int) -> bool:
    """Return whether a process lives."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def environment() -> dict[str, str]:
    """Return the variables with which a program finds the engine of these tests."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


TEST = """
import pytest
from ai_api_client_sdk.models.input_artifact_binding import InputArtifactBinding
from ai_api_client_sdk.models.parameter_binding import ParameterBinding
from ai_api_client_sdk.models.artifact import Artifact
import engine_of_children

@pytest.fixture(scope="session")
def lasting(aicore_client):
    dataset = Artifact.Kind.DATASET
    pictures = aicore_client.artifact.create(name="p", kind=dataset, url="ai://default/p", scenario_id="flowers")
    bindings = [InputArtifactBinding(key="pictures", artifact_id=pictures.id)]
    configuration = aicore_client.configuration.create(
        name="c", scenario_id="flowers", executable_id="train-flowers", input_artifact_bindings=bindings
    )
    return aicore_client.execution.create(configuration.id).id

def test_it(lasting):
    engine_of_children.write_pids()
    HOW
"""
SERVE = """
import sys, threading
import pytest_aicore.cli.serve as module
import engine_of_children
from pytest_aicore.cli import main

module.Emulator = engine_of_children.Working
threading.Thread(target=engine_of_children.write_pids, daemon=True).start()
sys.exit(main(["serve", *sys.argv[1:]]))
"""


@pytest.mark.skipif(os.name != "posix", reason="process ids of POSIX")
@pytest.mark.parametrize(
    ("how", "code"), [("pass", 0), ("assert False", 1), ("raise KeyboardInterrupt", 2), ("pytest.exit('x', 7)", 7)]
)
def test_no_child_outlives_a_pytest_session(
    tmp_path: Path, alive: Callable[[], list[int]], how: str, code: int
) -> None:
    workflows_folder(tmp_path)
    (tmp_path / "engine_of_children.py").write_text(ENGINE)
    (tmp_path / "conftest.py").write_text(
        "import pytest_aicore.emulator, engine_of_children\n"
        "pytest_aicore.emulator.Emulator = engine_of_children.Working\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(TEST.replace("HOW", how))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert (ended.returncode, (tmp_path / "pids").exists()) == (code, True), ended.stdout + ended.stderr
    assert alive() == []


@pytest.mark.skipif(os.name != "posix", reason="process ids of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_no_child_outlives_a_server(tmp_path: Path, alive: Callable[[], list[int]], number: int) -> None:
    pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")
    folder, key_file = workflows_folder(tmp_path), tmp_path / "key.json"
    (tmp_path / "engine_of_children.py").write_text(ENGINE)
    (tmp_path / "serve_it.py").write_text(SERVE)
    command = [sys.executable, "serve_it.py", "--workflows", str(folder), "--service-key-out", str(key_file)]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[-1]
            with Client(url, json.loads(key_file.read_text(encoding="utf-8"))) as client:
                execution_id = client.authorise().start()
                until(lambda: client.status(execution_id) == "RUNNING", "the beginning")
            until(lambda: len(alive()) == 1, "its process id")
            server.send_signal(number)
            assert server.wait(LIMIT) == 0
        finally:
            server.kill()
    assert alive() == []
