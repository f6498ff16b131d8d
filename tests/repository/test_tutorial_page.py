"""docs/tutorial.md shows what is really printed, and docs/worlds.md what several machines are given works."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.places import ROOT, WORKFLOWS
from tests.prepared import prepare, run_command

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.once

PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
WORLDS = (ROOT / "docs" / "worlds.md").read_text(encoding="utf-8")


def block(kind: str, number: int) -> str:
    return str(re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[number])


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project that has the workflow, in which sessions are started."""
    prepare(pytester, monkeypatch)
    (pytester.path / "workflows").mkdir()
    shutil.copy(WORKFLOWS / "training_workflow_tutorial.yaml", pytester.path / "workflows")
    return pytester.path


def test_the_output_of_the_first_test_is_what_one_sees(project: Path, pytester: pytest.Pytester) -> None:
    (project / "test_training.py").write_text(block("python", 0), encoding="utf-8")
    printed = pytester.runpytest_subprocess("-v", "-p", "no:randomly").stdout.str().splitlines()
    shown = block("text", 0).splitlines()
    assert [line for line in printed if line in shown] == shown


def test_the_reports_of_shards_become_one_page(project: Path, pytester: pytest.Pytester) -> None:
    """The commands of docs/worlds.md, one after the other."""
    (script,) = re.findall(r"^```sh\n(pytest tests/.*?)^```$", WORLDS, re.MULTILINE | re.DOTALL)
    *shards, merge = [line.split() for line in script.splitlines()]
    for command in shards:
        folder = project / command[1]
        folder.mkdir(parents=True)
        (folder / f"test_{folder.name}.py").write_text(block("python", 0), encoding="utf-8")
        assert pytester.runpytest_subprocess(*command[1:]).ret == 0
    merged = run_command(*merge[1:])
    assert merged.returncode == 0, merged.stdout + merged.stderr
    page = (project / "report.html").read_text(encoding="utf-8")
    assert "tests/churn/test_churn.py" in page
    assert "tests/prices/test_prices.py" in page
