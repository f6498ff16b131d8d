"""Each test of pods runs on each engine that this machine has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.running.engines.process import PlainProcess
from pytest_aicore.running.engines.sandbox import Sandbox
from tests.running.pods_here import Here

if TYPE_CHECKING:
    from pathlib import Path

ENGINES = {"sandbox": Sandbox, "process": PlainProcess}


@pytest.fixture(params=ENGINES)
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Here:
    """Return what runs pods, on each engine."""
    return _here(request.param, tmp_path)


@pytest.fixture
def sandboxed(tmp_path: Path) -> Here:
    """Return what runs pods in the sandbox."""
    return _here("sandbox", tmp_path)


@pytest.fixture
def plain(tmp_path: Path) -> Here:
    """Return what runs pods as plain processes."""
    return _here("process", tmp_path)


def _here(name: str, folder: Path) -> Here:
    engine = ENGINES[name]()
    reason = engine.probe()
    if reason is not None:
        pytest.skip(reason)
    return Here(engine, folder)
