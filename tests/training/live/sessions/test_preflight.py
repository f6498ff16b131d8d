"""What would make a training pointless is said before anything is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.training.live.sessions.conftest import Service

TRAINS = "def test_it(aicore_execution): pass"
SYNC = (
    "AI Core trains what it has synced, not the local file. Commit and push the file to the repository of the"
    " application that syncs it, and wait for the next sync (about three minutes, or POST"
    " /v2/admin/applications/{name}/refresh); or check out the version that is synced."
)


def change(project: pytest.Pytester, old: str, new: str) -> None:
    """Change the local workflow; the service keeps the one that it has synced."""
    file = project.path / "workflows" / "training_workflow_tutorial.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def refusal(live: Callable[..., pytest.RunResult], service: Service) -> str:
    """Return the message with which two tests fail that would train, having started nothing."""
    result = live(TRAINS + "\n@pytest.mark.aicore(fresh=True)\ndef test_other(aicore_execution): pass", "--tb=long")
    result.assert_outcomes(errors=2)
    assert service.executions() == []
    assert not [call for call in service.calls if call.endswith(".create")]
    asked = [record for record in service.emulator.requests if "/admin/" not in record.path]  # those explain it
    assert len(asked) <= 5
    lines = result.outlines
    begin = next(number for number, line in enumerate(lines) if line.startswith("____"))
    end = next(number for number, line in enumerate(lines) if line.startswith("____") and number > begin)
    return "\n".join(lines[begin + 1 : end])


def test_scenario_that_is_not_there(
    live: Callable[..., pytest.RunResult], service: Service, project: pytest.Pytester
) -> None:
    change(project, "text-clf-tutorial", "text-clf-tutorials")
    assert refusal(live, service) == (
        "preflight of training_workflow_tutorial.yaml in the resource group default: unknown scenario"
        " 'text-clf-tutorials'. Did you mean 'text-clf-tutorial'? The service has: 'customer-churn', 'house-price',"
        " 'text-clf-tutorial', 'foundation-models', 'orchestration', 'genai-optimizations', 'genai-evaluations'. Its id is"
        " the label scenarios.ai.sap.com/id of the"
        f" workflow. {SYNC}"
    )


def test_executable_that_is_not_there(
    live: Callable[..., pytest.RunResult], service: Service, project: pytest.Pytester
) -> None:
    change(project, "name: text-clf-train-tutorial", "name: text-clf-training-tutorial")
    assert refusal(live, service) == (
        "preflight of training_workflow_tutorial.yaml in the resource group default: the scenario 'text-clf-tutorial'"
        " has no executable 'text-clf-training-tutorial'. Did you mean 'text-clf-train-tutorial'? It has:"
        " 'text-clf-infer-tutorial', 'text-clf-train-tutorial'. Its id is metadata.name of the workflow."
        f" {SYNC}"
    )


def test_executable_that_is_another_one(
    live: Callable[..., pytest.RunResult], service: Service, project: pytest.Pytester
) -> None:
    change(project, "globalName: text-model-tutorial", "globalName: text-model")
    message = refusal(live, service)
    assert message.startswith(
        "preflight of training_workflow_tutorial.yaml in the resource group default: the service has synced another"
        " executable than the local file describes:\n    executable 'text-clf-train-tutorial', version '"
    )
    assert "'text-model'" in message
    assert message.endswith(SYNC)


def test_description_does_not_matter(
    live: Callable[..., pytest.RunResult], service: Service, project: pytest.Pytester
) -> None:
    file = project.path / "workflows" / "training_workflow_tutorial.yaml"
    text = file.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "executables.ai.sap.com/description" not in line]
    assert len(lines) == len(text.splitlines()) - 1
    file.write_text("\n".join(lines), encoding="utf-8")
    live(TRAINS).assert_outcomes(passed=1)


def test_resource_group_without_rights(live: Callable[..., pytest.RunResult], service: Service) -> None:
    result = live(TRAINS, "--aicore-resource-group=team-x")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            (
                f"could not get the scenario 'text-clf-tutorial' at {service.server.url}/v2/lm: RBAC: access denied"
                " (HTTP 403). Check the credentials, and whether they may use this resource group."
            )
        ]
    )
    assert service.executions() == []


def test_wrong_base_url(
    live: Callable[..., pytest.RunResult], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_aicore.training.service.retry.GATEWAY_PATIENCE", 0.1)
    service.emulator.fault("scenario.get", status=404, body=b"", times=None)
    result = live(TRAINS)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            (
                f"could not get the scenario 'text-clf-tutorial' at {service.server.url}/v2/lm: empty answer (HTTP"
                " 404). The gateway answered 404 for this path, not AI Core: check the base URL, which must end in /v2."
            )
        ]
    )


@pytest.mark.parametrize("number", [1, 3])
def test_preflight_happens_once_whatever_the_number_of_runs(
    live: Callable[..., pytest.RunResult], service: Service, number: int
) -> None:
    live(
        f"@pytest.mark.aicore(fresh=True)\n@pytest.mark.parametrize('n', range({number}))\n"
        "def test_it(aicore_execution, n): pass"
    ).assert_outcomes(passed=number)
    assert service.calls.count("execution.create") == number
    assert service.calls.count("executable.get") == service.calls.count("scenario.get") == 1
