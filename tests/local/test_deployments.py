"""Deployments that are served on this machine, by each engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.http.exchange import Request
from pytest_aicore.local.choices import LocalChoices
from tests.local.servings import Serving, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.once


@pytest.fixture
def served(engine: str, tmp_path: Path) -> Iterator[Serving]:
    """The service, by each engine, with a model in its store."""
    (tmp_path / "data" / "model").mkdir(parents=True)
    (tmp_path / "data" / "model" / "model.txt").write_text("a small model", encoding="utf-8")
    service = Serving(LocalChoices(engine=engine, store={"default": tmp_path / "data"}))
    service.door.open()
    try:
        yield service
    finally:
        service.door.close()
        service.emulator.close()


def test_a_deployment_answers(served: Serving) -> None:
    deployment = served.deploy(serving(), port="9301")
    shown = served.reached(deployment, "RUNNING", "DEAD")
    print(shown, served.warnings, served.log(deployment))
    server = served.emulator.cluster.engine.server_of(deployment)
    answer = server(Request("POST", "/v1/predict", {"content-type": "application/json"}, b'[1]'))
    print(answer, list(answer.stream))
    assert 0
