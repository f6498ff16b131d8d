"""Deployments that are served on this machine, by each engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.local.choices import LocalChoices
from tests.local.servings import ANSWERS, Serving, free_port, serving
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
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


def test_a_deployment_answers_until_it_is_stopped(served: Serving) -> None:
    port = free_port()
    deployment = served.deploy(serving(), port=port, word="great")
    assert served.reached(deployment, "RUNNING", "DEAD")["status"] == "RUNNING"
    assert served.log(deployment) == [("kserve-container", f"listens at {port}")]
    answer = served.predict(deployment, "/v1/predict?top=3", [1, 2])
    assert (answer.status_code, answer.json()) == (
        200,
        {"path": "/v1/predict?top=3", "model": "a small model", "asked": [1, 2]},
    )
    shown = served.predict(deployment, "/v1/word").json()
    assert (shown["word"], shown["headers"]["ai-resource-group"]) == ("great", "default")
    assert "authorization" not in shown["headers"]
    assert served.predict(deployment, "/v1/word", group=None).status_code == 403
    served.ask("PATCH", f"/deployments/{deployment}", {"targetStatus": "STOPPED"})
    served.reached(deployment, "STOPPED")
    assert served.predict(deployment, "/v1/word").status_code == 503


def test_two_servers_at_one_port(served: Serving, engine: str) -> None:
    port = free_port()
    first = served.deploy(serving(), port=port, word="first")
    served.reached(first, "RUNNING", "DEAD")
    second = served.deploy(serving(), port=port, word="second")
    shown = served.reached(second, "RUNNING", "DEAD")
    if engine == "sandbox":
        words = [served.predict(each, "/v1/word").json()["word"] for each in (first, second, first)]
        assert words == ["first", "second", "first"]
        assert served.log(second) == [
            (
                "kserve-container",
                (
                    f"pytest-aicore: port {port} is in use on this machine, so this server gets a network of its own: "
                    "it reaches no other machine"
                ),
            ),
            ("kserve-container", f"listens at {port}"),
        ]
    else:
        assert (shown["status"], shown["statusMessage"]) == (
            "DEAD",
            (
                f"port {port} is in use on this machine, whose ports all servers of the engine `{engine}` share. End "
                "what listens there, or take the engine `sandbox`, which gives each server a network of its own"
            ),
        )
        assert served.predict(first, "/v1/word").json()["word"] == "first"


def test_a_server_that_ends_before_it_is_ready(served: Serving) -> None:
    port = free_port()
    script = "import sys; print('no model.pkl'); sys.exit(3)"
    shown = served.reached(served.deploy(serving(script), port=port), "RUNNING", "DEAD")
    why = "kserve-container ended before it was ready: Error (exit code 3). Its last line: no model.pkl"
    assert (shown["status"], shown["statusMessage"], shown["deploymentUrl"]) == ("DEAD", why, "")
    (condition,) = shown["statusDetails"]["deployment_info"]
    assert (condition["type"], condition["status"], condition["message"]) == ("PredictorReady", "False", why)
    (container,) = shown["statusDetails"]["details"]
    assert (container["container_name"], container["exit_code"], container["last_log_messages"]) == (
        "kserve-container",
        3,
        "no model.pkl",
    )
    assert served.log(shown["id"]) == [("kserve-container", "no model.pkl")]


def test_a_server_that_ends_later(served: Serving) -> None:
    port = free_port()
    script = ANSWERS.replace("def do_GET(self):", "def do_GET(self):\n        os._exit(7)")
    deployment = served.deploy(serving(script), port=port)
    served.reached(deployment, "RUNNING")
    answer = served.predict(deployment, "/v1/word")
    assert (answer.status_code, answer.text) == (
        502,
        (
            "The request was passed on, and the server has not answered in HTTP: Remote end closed connection without "
            "response."
        ),
    )
    shown = served.reached(deployment, "DEAD")
    assert shown["statusMessage"] == (f"kserve-container ended: Error (exit code 7). Its last line: listens at {port}")
    assert served.predict(deployment, "/v1/word").status_code == 503


def test_an_update_has_no_gap(served: Serving, engine: str) -> None:
    port = free_port()
    deployment = served.deploy(serving(), port=port, word="old")
    served.reached(deployment, "RUNNING")
    new = served.configured(serving(), port=port, word="new")
    served.ask("PATCH", f"/deployments/{deployment}", {"configurationId": new})
    words, statuses = [], set()

    def is_new() -> bool:
        answer = served.predict(deployment, "/v1/word")
        statuses.add(answer.status_code)
        words.append(answer.json()["word"] if answer.ok else "none")
        return words[-1] == "new"

    until(is_new, "the new server")
    assert served.reached(deployment, "RUNNING", "DEAD")["latestRunningConfigurationId"] == new
    assert statuses == {200} or engine != "sandbox"
