"""Which steps have failed, read from status details."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_aicore.emulator.world.bindings import container_json, node_json, refused_details
from pytest_aicore.training.failed_steps import failed_steps, lines_of_failure

pytestmark = pytest.mark.once


def details(code: int, message: str, last: str = "", name: str = "main") -> dict[str, Any]:
    """Return the status details of a workflow of two steps, of which one has failed.

    Args:
        code: the exit code of its container.
        message: the message of that.
        last: its last lines.
        name: of the container.
    """
    return {
        "details": [container_json(name, "e1-train-77", code, message, last)],
        "workflow_info": [
            node_json(code, "e1", "child 'e1-77' failed", "e1", "Failed"),
            node_json(code, "e1-77", message, "train(1:a)", "Failed"),
        ],
    }


@pytest.mark.parametrize(
    ("code", "message", "last", "why"),
    [
        (7, "Error (exit code 7)", "epoch 1", "exit code 7"),
        (1, "Error (exit code 1)", "Traceback\nValueError: no rows\n", "exit code 1, ValueError: no rows"),
        (1, "Error (exit code 1)", "my.module.TrainingError", "exit code 1, my.module.TrainingError"),
        (126, "Error (exit code 126)", "", "exit code 126, a program that cannot be executed"),
        (127, "Error (exit code 127)", "", "exit code 127, a program that does not exist"),
        (130, "Error (exit code 130)", "", "exit code 130, ended by SIGINT"),
        (137, "Error (exit code 137)", "", "exit code 137, ended by SIGKILL"),
        (137, "OOMKilled (exit code 137)", "", "exit code 137, OOMKilled (exit code 137)"),
        (139, "Error (exit code 139)", "", "exit code 139, ended by SIGSEGV"),
        (255, "Error (exit code 255)", "", "exit code 255"),
        (64, 'Error (exit code 64): exec: "x": not found', "", 'exit code 64, exec: "x": not found'),
    ],
)
def test_why(code: int, message: str, last: str, why: str) -> None:
    (step,) = failed_steps(details(code, message, last), "train")
    assert (step.name, step.why, step.last_lines) == ("train(1:a)", why, last.splitlines())


def test_outputs_that_could_not_be_saved() -> None:
    (step,) = failed_steps(details(1, "open /out/model: no such file or directory", name="wait"), "train")
    assert step.why == "container wait, exit code 1, open /out/model: no such file or directory"


def test_a_step_that_never_started() -> None:
    shown = details(1, "image x cannot be made")
    shown["details"] = []
    assert list(lines_of_failure(shown, "train")) == ["step train(1:a) failed: image x cannot be made"]


def test_a_workflow_that_was_refused() -> None:
    shown = refused_details("e1", "invalid spec: no value")
    assert list(lines_of_failure(shown, "train")) == ["the workflow failed: invalid spec: no value"]


def test_of_many_steps_the_first_are_told() -> None:
    shown = details(7, "Error (exit code 7)")
    shown["details"] = [container_json("main", f"e1-train-{number}", 7, "", "") for number in range(5)]
    shown["workflow_info"][1:] = [node_json(7, f"e1-{number}", "", f"train({number})", "Failed") for number in range(5)]
    assert list(lines_of_failure(shown, "train")) == [
        *(f"step train({number}) failed: exit code 7" for number in range(3)),
        "2 more steps failed",
    ]


@pytest.mark.parametrize("shown", [None, "text", [], {}, {"details": 3, "workflow_info": [None, {}]}, {"x": {"y": 1}}])
def test_other_shapes_tell_nothing(shown: object) -> None:
    assert list(lines_of_failure(shown, "train")) == []
