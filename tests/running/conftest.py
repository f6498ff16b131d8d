"""Each test of pods runs on each engine that this machine has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.running.engines.choosing import ENGINES
from pytest_aicore.running.engines.docker.engine import Docker
from tests.containers import API, TRIED, WHY_NOT
from tests.running.pods_here import Here

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_aicore.running.engines.engine import Engine


@pytest.fixture(autouse=True)
def _api(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine `docker` find the API with the images of the tests, and no other one."""
    monkeypatch.setenv("DOCKER_HOST", API or "unix:///nonexistent")


@pytest.fixture(scope="session")
def containers() -> Iterator[Docker]:
    """Give one engine to all tests: the API says once which it is."""
    if not API:
        pytest.skip(WHY_NOT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", API)
        engine = Docker()
        reason = engine.probe()
    if reason is not None:
        pytest.skip(reason)
    yield engine
    engine.close()


@pytest.fixture(params=TRIED)
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Here:
    """Return what runs pods, on each engine."""
    if request.param == Docker.name:
        return Here(request.getfixturevalue("containers"), tmp_path)
    return _here(request.param, tmp_path)


@pytest.fixture(params=[name for name in TRIED if name != Docker.name])
def of_machine(request: pytest.FixtureRequest, tmp_path: Path) -> Here:
    """Return what runs pods with files and programs of this machine: on each engine but `docker`."""
    return _here(request.param, tmp_path)


@pytest.fixture
def sandboxed(tmp_path: Path) -> Here:
    """Return what runs pods in the sandbox."""
    return _here("sandbox", tmp_path)


@pytest.fixture
def plain(tmp_path: Path) -> Here:
    """Return what runs pods as plain processes."""
    return _here("process", tmp_path)


@pytest.fixture
def contained(containers: Docker, tmp_path: Path) -> Here:
    """Return what runs pods in containers."""
    return Here(containers, tmp_path)


def _here(name: str, folder: Path) -> Here:
    engine: Engine = ENGINES[name]()
    reason = engine.probe()
    if reason is not None:
        pytest.skip(reason)
    return Here(engine, folder)
