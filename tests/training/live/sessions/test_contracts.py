"""`path::contract` in a live session: compared with the executable that the service has synced as well."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.places import WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.training.live.sessions.conftest import Service

TRAINING = "workflows/training_workflow_tutorial.yaml"
VERSION = 'ai.sap.com/version: "1.0.0"'


@pytest.fixture
def check(project: pytest.Pytester, live_arguments: Sequence[str]) -> Callable[..., pytest.RunResult]:
    """A function that edits the training and runs the contracts live, with golden contracts that agree."""

    def check(*edits: tuple[str, str], golden: bool = True) -> pytest.RunResult:
        file = project.path / TRAINING
        text = (WORKFLOWS / file.name).read_text(encoding="utf-8")
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")
        if golden:
            updated = project.runpytest_inprocess("--aicore-check", "--aicore-update", "-k", "contract")
            updated.assert_outcomes(passed=4, deselected=4)
        return project.runpytest_inprocess(*live_arguments, "--aicore-check", "-k", "contract")

    for workflow in WORKFLOWS.glob("*.yaml"):
        shutil.copy(workflow, project.path / "workflows")
    return check


def findings(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if line.startswith("workflows/") and " error " in line]


def test_what_is_synced_is_no_difference(check: Callable[..., pytest.RunResult], service: Service) -> None:
    check().assert_outcomes(passed=4, deselected=4)
    assert service.calls == ["executable.get"] * 4


def test_a_golden_contract_that_was_written_anew_hides_nothing(
    check: Callable[..., pytest.RunResult], service: Service
) -> None:
    edits = [('default: "3"', 'default: "4"'), ("globalName: text-model-tutorial", "globalName: best-model")]
    result = check(*edits)
    result.assert_outcomes(failed=1, passed=3, deselected=4)
    synced = f"Compared with the executable that {service.server.url} has synced."
    assert findings(result) == [
        (
            f"{TRAINING}:38:25: error AIC901: Output 'text-model-tutorial' removed (renamed to 'best-model'?):"
            " breaking. Configurations that bind 'text-model-tutorial' of a completed execution as their input get"
            f" no new one: it is not registered any more. {synced}"
        ),
        (
            f"{TRAINING}:25:18: error AIC902: Parameter 'DEPTH': default changed from '3' to '4': needs a new version"
            f" label. Configurations that do not bind 'DEPTH' run with another value than before. {synced}"
        ),
        (
            f"{TRAINING}:38:25: error AIC902: Output 'best-model' added: needs a new version label. Executions of"
            f" existing configurations store and register one more artifact. {synced}"
        ),
    ]
    assert service.executions() == []
    check(*edits, (VERSION, VERSION.replace("1.0", "1.1"))).assert_outcomes(passed=4, deselected=4)


def test_what_the_golden_contract_tells_is_not_told_again(check: Callable[..., pytest.RunResult]) -> None:
    check()
    result = check(('default: "3"', 'default: "4"'), golden=False)
    result.assert_outcomes(failed=1, passed=3, deselected=4)
    assert ["Compared" in line for line in findings(result)] == [False]


def test_what_the_service_does_not_show_is_not_compared(check: Callable[..., pytest.RunResult]) -> None:
    edits = [("resourcePlan: starter", "resourcePlan: train.l"), ("text-clf-train:1.0.0", "other:1.0.0")]
    check(*edits).assert_outcomes(passed=4, deselected=4)


@pytest.mark.parametrize("name", ["text-clf-train-tutorial #", "scenarios.ai.sap.com/id: text-clf-tutorial"])
def test_what_is_not_synced_yet_breaks_nothing(check: Callable[..., pytest.RunResult], name: str) -> None:
    check((name, name.replace("tutorial", "lesson"))).assert_outcomes(passed=4, deselected=4)


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (403, b"RBAC: access denied", "could not get the executable 'churn-train' *: RBAC: access denied (HTTP 403)*"),
        (404, b"", "*The gateway answered 404 for this path, not AI Core: check the base URL, which must end in /v2."),
    ],
)
def test_a_service_that_cannot_be_asked_fails_without_a_traceback(
    check: Callable[..., pytest.RunResult],
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: bytes,
    message: str,
) -> None:
    monkeypatch.setattr("pytest_aicore.training.service.retry.GATEWAY_PATIENCE", 0.1)
    service.emulator.fault("executable.get", status=status, body=body, times=None)
    result = check()
    result.assert_outcomes(failed=4, deselected=4)
    result.stdout.fnmatch_lines([message])
    assert "Traceback" not in result.stdout.str()
