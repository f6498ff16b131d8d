"""Deployments that are served on this machine, by each engine."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.local.choices import LocalChoices
from tests.containers import API
from tests.local.servings import ANSWERS, Serving, free_port, serving
from tests.waiting import sleeping, until

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


ONLY_SANDBOX = pytest.mark.parametrize("engine", ["sandbox"], indirect=True)


@ONLY_SANDBOX
def test_a_server_at_another_port(served: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_aicore.running.serving.server._HINT_SECONDS", 0.0)
    port, other = free_port(), free_port()
    deployment = served.deploy(serving(ANSWERS.replace('int(os.environ["PORT"])', other)), port=port)
    hint = (
        f"port {port}: [Errno 111] Connection refused. The server listens at '{other}', and requests arrive at port "
        f"{port}: `containerPort: {other}`?"
    )
    told = ("kserve-container", f"pytest-aicore: not ready: {hint}")
    until(lambda: told in served.log(deployment), "the hint")
    monkeypatch.setattr("pytest_aicore.running.serving.server.PROGRESS_SECONDS", 0.0)
    shown = served.reached(deployment, "RUNNING", "DEAD")
    why = re.sub(r"for \d+ s", "for some time", shown["statusMessage"])
    assert (shown["status"], why) == ("DEAD", f"Readiness probe failed for some time: {hint}")


@ONLY_SANDBOX
def test_a_readiness_probe_says_when_it_is_ready(served: Serving, tmp_path: Path) -> None:
    probe = "readinessProbe: {httpGet: {path: /v1/ready}, successThreshold: 2}"
    script = ANSWERS.replace("def do_GET(self):", "asked = 0\n    def do_GET(self):").replace(
        "headers = {",
        'if self.path == "/v1/ready":\n'
        "            Handler.asked += 1\n"
        "            return self.send_error(503) if Handler.asked < 4 else self.answer(Handler.asked)\n"
        "        headers = {",
    )
    deployment = served.deploy(serving(script, container=probe), port=free_port())
    assert served.reached(deployment, "RUNNING", "DEAD")["status"] == "RUNNING"
    assert served.predict(deployment, "/v1/ready").json() == 6


@ONLY_SANDBOX
def test_a_server_that_is_not_alive_any_more(served: Serving) -> None:
    probe = "livenessProbe: {httpGet: {path: /v1/alive}, periodSeconds: 1, failureThreshold: 1}"
    script = ANSWERS.replace(
        "headers = {", 'if self.path == "/v1/alive":\n            raise SystemExit\n        headers = {'
    )
    port = free_port()
    deployment = served.deploy(serving(script, container=probe), port=port)
    served.reached(deployment, "RUNNING")
    shown = served.reached(deployment, "DEAD")
    assert shown["statusMessage"] == (
        f"Liveness probe failed: GET :{port}/v1/alive: Remote end closed connection without response"
    )


@ONLY_SANDBOX
@pytest.mark.parametrize(
    ("text", "url", "why"),
    [
        (serving(), "ai://default/nothing", "STORAGE_URI is ai://default/nothing, and there is no"),
        (serving(), "ai://other/model", "STORAGE_URI is ai://other/model: nothing takes the place of the object store"),
        (
            serving().replace("command: [python, -u, -c]", "").replace("            args: [", "            #"),
            "ai://default/model",
            'failed to look-up entrypoint/cmd for image "docker.io/me/serve:1", you must either explicitly',
        ),
        (
            serving().replace("[python, -u, -c]", "[/app/serve.sh]"),
            "ai://default/model",
            'its program cannot be executed: exec: "/app/serve.sh": stat /app/serve.sh: no such file or directory',
        ),
        (
            serving().replace(
                "{name: WORD, value: ", "{name: WORD, valueFrom: {secretKeyRef: {name: hub, key: a}}} # "
            ),
            "ai://default/model",
            'CreateContainerConfigError: secret "hub" not found. Known secrets: none.',
        ),
    ],
)
def test_what_keeps_a_server_from_starting(served: Serving, text: str, url: str, why: str) -> None:
    shown = served.reached(served.deploy(text, url, port=free_port()), "RUNNING", "DEAD")
    assert shown["status"] == "DEAD"
    assert shown["statusMessage"].startswith(why)
    assert any(why in warning for warning in served.warnings)


@ONLY_SANDBOX
def test_a_time_to_live(served: Serving) -> None:
    configuration = served.configured(serving(), port=free_port())
    deployment = served.create("/deployments", {"configurationId": configuration, "ttl": "10m"})
    served.reached(deployment, "RUNNING")
    served.emulator.clock.advance(601)
    until(lambda: served.deployment(deployment)["targetStatus"] == "DELETED", "the end of its time")
    until(lambda: served.emulator.cluster.engine.carried() == (), "the end of its server")


def test_stops_at_any_moment_leave_nothing(served: Serving) -> None:
    seconds = f"6022.{os.getpid()}"
    script = ANSWERS.replace("print(", f"import subprocess; subprocess.Popen(['sleep', '{seconds}'])\nprint(", 1)
    configuration = served.configured(serving(script), port=free_port())
    for pause in range(5):
        deployment = served.create("/deployments", {"configurationId": configuration})
        until(lambda: served.deployment(deployment)["status"] != "UNKNOWN", "its begin")  # noqa: B023
        time.sleep(pause * 0.08)
        served.ask("PATCH", f"/deployments/{deployment}", {"targetStatus": "STOPPED"})
        served.reached(deployment, "STOPPED")
        assert sleeping(seconds) == []


ASKS = "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['PORT'])"


def test_a_probe_by_a_command_runs_beside_its_server(served: Serving, engine: str) -> None:
    probe = f'readinessProbe: {{exec: {{command: [python, -c, "{ASKS}"]}}, timeoutSeconds: 10}}'.replace("}}", "} }")
    port = free_port()
    text = serving(container=probe)
    for word in ("first", "second") if engine == "sandbox" else ("only",):  # the second has a network of its own
        deployment = served.deploy(text, port=port, word=word)
        assert served.reached(deployment, "RUNNING", "DEAD")["status"] == "RUNNING"
        assert served.predict(deployment, "/v1/word").json()["word"] == word


def test_a_probe_by_a_command_that_fails(served: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_aicore.running.serving.server.PROGRESS_SECONDS", 0.3)
    probe = 'readinessProbe: {exec: {command: [sh, -c, "echo not yet; exit 3"]}, timeoutSeconds: 10}'
    deployment = served.deploy(serving(container=probe), port=free_port())
    shown = served.reached(deployment, "RUNNING", "DEAD")
    assert shown["status"] == "DEAD"
    assert shown["statusMessage"].endswith(" s: sh -c echo not yet; exit 3: exit code 3: not yet.")


@pytest.mark.parametrize("engine", [pytest.param("docker", id="docker")] if API else [], indirect=True)
def test_containers_of_a_virtual_machine_show_their_port_here(served: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    runner: Any = served.emulator.cluster.engine
    monkeypatch.setattr(runner.runner, "_is_here", False)
    port = free_port()
    for word in ("first", "second"):
        deployment = served.deploy(serving(), port=port, word=word)
        assert served.reached(deployment, "RUNNING", "DEAD")["status"] == "RUNNING"
        assert served.predict(deployment, "/v1/word").json()["word"] == word


@ONLY_SANDBOX
def test_a_server_that_nobody_else_reaches(served: Serving) -> None:
    text = serving(ANSWERS.replace('"0.0.0.0"', '"127.0.0.1"'))
    deployment = served.deploy(text, port=free_port())
    served.reached(deployment, "RUNNING", "DEAD")
    told = (
        "pytest-aicore: the server listens at 127.0.0.1 alone. On AI Core it has to listen at 0.0.0.0, where others "
        "reach it"
    )
    until(lambda: ("kserve-container", told) in served.log(deployment), "the line")
