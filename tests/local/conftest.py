"""Executions on this machine, by each engine that it has."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

import tests.projects  # noqa: F401  it imports the package, so that each inner session finds the same modules
from pytest_aicore.hooks.isolation import PLUGIN_NAME
from pytest_aicore.local.choices import LocalChoices
from pytest_aicore.running.engines.choosing import ENGINES
from pytest_aicore.running.engines.sandbox import Sandbox
from tests.containers import API, TRIED
from tests.local.laptops import Laptop
from tests.local.stand_in import without_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pytest_aicore.running.engines.engine import Engine


@pytest.fixture(autouse=True)
def _no_outer_door(pytestconfig: pytest.Config) -> None:
    """Close the door of the session around these tests, which it opens again before the next one."""
    plugin: Any = pytestconfig.pluginmanager.get_plugin(PLUGIN_NAME)
    if plugin is not None:
        plugin.session.close()


@pytest.fixture(autouse=True)
def _own_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runs of a test find neither a CI nor containers; environments for images are made once for all tests."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("DOCKER_HOST", API or "unix:///nonexistent")


@pytest.fixture(scope="session")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return variables of programs whose images install packages, in the sandbox, without a package index."""
    reason = Sandbox().probe()
    if reason is not None:
        pytest.skip(reason)
    return without_index(tmp_path_factory.mktemp("packages"))


@pytest.fixture(params=TRIED)
def engine(request: pytest.FixtureRequest) -> str:
    """Return the name of each engine that works here."""
    tried: Engine = ENGINES[request.param]()
    reason = tried.probe()
    tried.close()
    if reason is not None:
        pytest.skip(reason)
    return str(request.param)


@pytest.fixture
def make_laptop() -> Iterator[Callable[..., Laptop]]:
    """Return what makes an emulator with choices; it ends with the test."""
    with ExitStack() as exits:

        def make(**chosen: Any) -> Laptop:
            laptop = Laptop(LocalChoices(**chosen))
            exits.callback(laptop.emulator.close)
            laptop.door.open()
            exits.callback(laptop.door.close)
            return laptop

        yield make


@pytest.fixture
def laptop(engine: str, tmp_path: Path, make_laptop: Callable[..., Laptop]) -> Laptop:
    """Return an emulator whose executions run by each engine, with a folder for data and one for outputs."""
    (tmp_path / "data" / "in").mkdir(parents=True)
    (tmp_path / "data" / "in" / "words.txt").write_text("some words\n", encoding="utf-8")
    return make_laptop(engine=engine, store={"default": tmp_path / "data"}, outputs=tmp_path / "outputs")
