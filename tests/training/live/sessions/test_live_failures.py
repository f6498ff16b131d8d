"""What a live session says about a training that fails: the service is asked over real sockets, and only then."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.training.live.sessions.conftest import Service

BODY = "def test_it(aicore_execution): pass"


def section(result: pytest.RunResult) -> list[str]:
    lines = result.outlines
    begin = next(number for number, line in enumerate(lines) if " SAP AI Core ---" in line)
    return lines[begin + 1 :]


def test_stuck_without_an_object_store_secret(
    live: Callable[..., pytest.RunResult], service: Service, project: pytest.Pytester
) -> None:
    service.emulator.state.groups["default"].object_store_secrets.remove("default")
    result = live(BODY, "--aicore-timeout=1", "--aicore-report=report.json")
    result.assert_outcomes(failed=1)
    assert section(result)[:2] == [
        "diagnosis      likely: the resource group 'default' has no object-store secret",
        "                 'default'",
    ]
    document = json.loads((project.path / "report.json").read_text())
    (run,) = document["runs"]
    assert (document["mode"], document["host"]) == ("live", service.server.url)
    assert run["diagnosis"][0]["name"] == "no object-store secret"
    assert "had not ended 1 s after its start" in run["failure"]
    assert run["history"][0]["status"] == "UNKNOWN"


def test_stuck_in_pending_is_told_apart_from_its_being_stopped(
    live: Callable[..., pytest.RunResult], service: Service
) -> None:
    service.emulator.state.tenant.docker_secrets.remove("docker-registry-secret")
    service.emulator.script(symptom="image pull")
    result = live(BODY, "--aicore-timeout=1")
    result.assert_outcomes(failed=1)
    lines = section(result)
    assert lines[:2] == [
        "diagnosis      likely: the docker registry secret 'docker-registry-secret' does",
        "                 not exist",
    ]
    assert any(line.startswith("                 seen: Back-off pulling image") for line in lines)


def test_rights_that_do_not_suffice_are_said(live: Callable[..., pytest.RunResult], service: Service) -> None:
    service.emulator.script(symptom="image pull")
    service.emulator.fault("docker_registry_secrets.query", status=403, times=None)
    lines = section(live(BODY, "--aicore-timeout=1"))
    text = " ".join(line.strip() for line in lines[:8])
    assert "could not check the docker registry secrets (HTTP 403)" in text


def test_nothing_is_asked_for_a_run_that_completed(live: Callable[..., pytest.RunResult], service: Service) -> None:
    live("def test_it(aicore_execution): assert aicore_execution.duration < 0").assert_outcomes(failed=1)
    assert not [call for call in service.calls if "secrets" in call or "application" in call]


@pytest.mark.parametrize(
    ("symptom", "asked"),
    [("image pull", "docker_registry_secrets.query"), ("missing key", "object_store_secrets.query")],
)
def test_shared_failure_is_explained_once(
    live: Callable[..., pytest.RunResult], service: Service, symptom: str, asked: str
) -> None:
    service.emulator.script(symptom=symptom)
    result = live(f"{BODY}\n{BODY.replace('test_it', 'test_too')}", "--aicore-timeout=2")
    result.assert_outcomes(failed=2)
    assert sum(line.startswith("diagnosis ") for line in result.outlines) == 2
    assert service.calls.count(asked) == 1
