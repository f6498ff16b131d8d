"""A project of a user with workflow YAML files, and the command as a program."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.places import ROOT
from tests.prepared import run_command

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.cli.programs import Command

NEEDLESS = ("randomly", "hypothesispytest", "rerunfailures")


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line of an inner session is cut."""
    monkeypatch.setenv("COLUMNS", "300")


@pytest.fixture
def empty(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with nothing in it."""
    pytester.makeini(f"[pytest]\naddopts = --strict-markers {' '.join(f'-p no:{name}' for name in NEEDLESS)}")
    return pytester


@pytest.fixture
def project(empty: pytest.Pytester) -> pytest.Pytester:
    """A project with the workflows of this repository and their golden contracts."""
    for folder in ("workflows", "contracts"):
        (empty.path / folder).mkdir()
        for file in (ROOT / folder).iterdir():
            if file.suffix in (".yaml", ".json"):
                shutil.copy(file, empty.path / folder)
    return empty


@pytest.fixture
def edit(pytester: pytest.Pytester) -> Callable[..., None]:
    """A function that replaces text in a file of the project; the text has to be there."""

    def edit(file: str, old: str, new: str) -> None:
        path = pytester.path / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return edit


@pytest.fixture
def command(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A function that runs `pytest-aicore check` as a program in the project's folder.

    Whether the layer of Argo's types is there (AIC200) depends on the environment, so it is left out.
    """

    def command(*arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(pytester.path)
        return run_command("check", "--ignore", "AIC200", *arguments, given=given)

    return command
