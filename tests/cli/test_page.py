"""docs/checks.md and docs/tutorial.md show what the checks really say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tests.cli.programs import Command

PAGE = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
TRAINING = "workflows/training_workflow_tutorial.yaml"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_mistake_is_found_as_the_page_says_and_its_repair_helps(
    project: pytest.Pytester, command: Command, edit: Callable[..., None]
) -> None:
    mistake, repaired, *_ = blocks("yaml")
    (shown,) = blocks("text")
    first, said = shown.split("\n", 1)
    assert first == f"$ pytest-aicore check {TRAINING}"
    comments = re.compile(r" +# .*$", re.MULTILINE)
    path = project.path / TRAINING
    path.write_text(comments.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
    edit(TRAINING, repaired, mistake)
    result = command(TRAINING)
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert [line for line in lines[: said.count("\n")] if "|" not in line] == [
        line for line in said.splitlines() if "|" not in line
    ]
    edit(TRAINING, mistake, repaired)
    assert command(TRAINING).returncode == 0


def test_the_tutorial_shows_the_same_finding() -> None:
    (shown,) = blocks("text")
    assert f"```text\n{shown}```" in (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


def test_rules_that_the_page_names_exist(command: Command) -> None:
    for rule in set(re.findall(r"--explain (\w+)|ignore\w*(?:-file)?\[(\w+)\]", PAGE)):
        assert command("--explain", "".join(rule)).returncode == 0
