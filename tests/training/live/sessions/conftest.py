"""A user's project, and a service beside it: `Server` on a real socket, whose time goes faster than ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.serve.server import Server
from pytest_aicore.emulator.world.pace import RunningClock, pace_named
from tests.places import our_folder
from tests.projects import empty_project, project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["empty_project", "project"]

HEAD = """
import pytest, time
from pytest_aicore import Status

pytestmark = pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})
"""
SECRET = "canary-of-the-service"


class Service:
    """The service of a test.

    Attributes:
        server: that serves it.
        emulator: that is served.
        log: each request: operation and status.
    """

    def __init__(self, pace: str) -> None:
        chosen = pace_named(pace)
        self.emulator = Emulator(7, clock=RunningClock(chosen), pace=chosen.said, tokens_expire=True)
        self.emulator.publish_folder(our_folder())
        self.server = Server(self.emulator, hang_seconds=0.5)

    @property
    def calls(self) -> list[str]:
        """What was asked, the oldest first, without tokens."""
        return [record.operation for record in self.emulator.requests if record.operation != "token"]

    def executions(self, resource_group: str = "default") -> list[Any]:
        """Return the executions as they are now, without those that were deleted and are only shown for a while."""
        with self.emulator.lock:
            self.emulator.agenda.settle()
            shown = self.emulator.state.groups[resource_group].executions
            return [execution for execution in shown if not execution.is_being_deleted]

    def statuses(self, resource_group: str = "default") -> list[str]:
        """Return the statuses of the executions, sorted."""
        return sorted(str(execution.status) for execution in self.executions(resource_group))

    def unwatched(self) -> list[str]:
        """Return the statuses that cost money, of the executions."""
        return [status for status in self.statuses() if status in ("UNKNOWN", "PENDING", "RUNNING")]


@pytest.fixture
def pace() -> str:
    """How fast the service's time goes; 45 s of a training are a fifth of a second of ours."""
    return "200x"


@pytest.fixture
def service(pace: str, tmp_path: Path) -> Iterator[Service]:
    """A service with the workflows of this repository."""
    service = Service(pace)
    with service.server:
        yield service


@pytest.fixture
def ledger(project: pytest.Pytester) -> Callable[[], list[dict[str, Any]]]:
    """A function that returns the lines of the ledger."""

    def read() -> list[dict[str, Any]]:
        file = project.path / "ledger.jsonl"
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []

    return read


@pytest.fixture
def live_arguments(service: Service, project: pytest.Pytester) -> list[str]:
    """The arguments of a live session against the service."""
    key = project.path / "key.json"
    key.write_text(json.dumps(service.server.service_key), encoding="utf-8")
    return [
        "--aicore-live",
        "--aicore-service-key=key.json",
        "--aicore-resource-group=default",
        "--aicore-poll-interval=0.1",
        "--aicore-ledger=ledger.jsonl",
        "-rs",
    ]


@pytest.fixture
def live(project: pytest.Pytester, live_arguments: list[str]) -> Callable[..., pytest.RunResult]:
    """A function that runs the tests of a module live, in this process unless told otherwise."""

    def run(source: str, *arguments: str, subprocess: bool = False) -> pytest.RunResult:
        project.makepyfile(test_it=HEAD + source)
        run = project.runpytest_subprocess if subprocess else project.runpytest_inprocess
        return run(*live_arguments, *arguments)

    return run
