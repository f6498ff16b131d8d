"""A training on the emulator, without the fixtures of pytest-aicore: its parts do not depend on pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.in_process import door_to
from pytest_aicore.emulator.world.clock import VirtualClock
from pytest_aicore.training.clock import RealClock
from pytest_aicore.training.maker import Maker
from pytest_aicore.training.plan import TrainingPlan
from pytest_aicore.training.run import OneByOne, Training
from pytest_aicore.training.service.api import TrainingApi
from pytest_aicore.training.service.credentials import from_service_key
from pytest_aicore.training.service.sdk import make_client, make_patient_client
from pytest_aicore.training.watcher import Watcher
from tests.places import our_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_aicore.workflows.folder import WorkflowFolder


class NotedClock(VirtualClock):
    """The emulator's clock, which records each sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Record the seconds, and let them pass."""
        self.slept.append(seconds)
        super().sleep(seconds)


@pytest.fixture
def stop_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[float]]:
    """Replace the machine's clocks in the product: they show the first element of the returned list, in seconds."""

    def stop_clock() -> list[float]:
        now = [100.0]
        monkeypatch.setattr(RealClock, "_ticks", staticmethod(lambda: now[0]))
        monkeypatch.setattr(RealClock, "_now", staticmethod(lambda: 1.8e9 + now[0]))
        return now

    return stop_clock


@pytest.fixture(scope="session")
def folder() -> WorkflowFolder:
    """The workflows of this repository, read once."""
    return our_folder()


@pytest.fixture
def clock() -> NotedClock:
    """The clock of the emulator and of all other parts."""
    return NotedClock()


@pytest.fixture
def emulator(clock: NotedClock, folder: WorkflowFolder) -> Iterator[Emulator]:
    """An emulator with the workflows of this repository, behind an open door."""
    emulator = Emulator(clock=clock)
    emulator.publish_folder(folder)
    door = door_to(emulator)
    door.open()
    yield emulator
    door.close()


@pytest.fixture
def api(emulator: Emulator) -> TrainingApi:
    """The calls of a training run."""
    credentials = from_service_key(emulator.service_key, "the emulator")
    return TrainingApi(lambda: make_client(credentials, "default"))


@pytest.fixture
def live_api(emulator: Emulator) -> TrainingApi:
    """The calls of a live run, whose client asks once."""
    credentials = from_service_key(emulator.service_key, "the emulator")
    return TrainingApi(lambda: make_patient_client(credentials, "default"))


@pytest.fixture
def train(api: TrainingApi, emulator: Emulator) -> Callable[[TrainingPlan], Training]:
    """Make what is done for a plan on the emulator."""

    def train(plan: TrainingPlan, other: TrainingApi | None = None) -> Training:
        its = other or api
        clock = emulator.clock
        return Training(plan, Maker(plan, its, clock), its, clock, OneByOne(Watcher(its, clock, 5.0)))

    return train


@pytest.fixture
def plan(folder: WorkflowFolder) -> TrainingPlan:
    """The tutorial's training."""
    template = folder.find("training_workflow_tutorial")
    return TrainingPlan(template, {"text-data": "ai://default/data"})
