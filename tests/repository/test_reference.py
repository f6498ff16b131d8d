"""The reference page names every setting, marker and fixture there is, and none that is not."""

from __future__ import annotations

import inspect
import re

import pytest

from pytest_aicore import fixtures
from pytest_aicore.cli.command_line import main
from pytest_aicore.config.options import OPTIONS
from pytest_aicore.config.settings import LOCAL_ENGINES, MEMORY_LIMITS
from pytest_aicore.emulator import Emulator
from pytest_aicore.running.engines.choosing import AUTOMATIC, ENGINES
from tests.places import ROOT

PAGE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    match = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert match is not None
    return match[1]


def test_settings_are_listed() -> None:
    rows = {
        tuple(cell.strip().strip("`").partition("=")[0] for cell in line.split("|")[1:4])
        for line in section("Settings").splitlines()
        if line.startswith("| ") and not line.startswith("| option")
    }
    assert rows == {(each.flag or "", each.ini or "", each.environment or "") for each in OPTIONS}


def test_markers_are_listed_with_their_signatures(pytester: pytest.Pytester) -> None:
    listed = set(re.findall(r"^- `(aicore\w*)", section("Markers"), re.MULTILINE))
    registered = pytester.runpytest_subprocess("--markers").stdout.str()
    assert listed == set(re.findall(r"^@pytest\.mark\.(aicore\w*)", registered, re.MULTILINE))
    signature = re.search(r"^@pytest\.mark\.(aicore\(.*?\)):", registered, re.MULTILINE)
    assert signature is not None
    assert f"`{signature[1]}`".replace("'", '"') in PAGE


def test_fixtures_are_listed() -> None:
    listed = set(re.findall(r"^\| `(aicore_\w+)` \|", section("Fixtures"), re.MULTILINE))
    assert listed == {name for name in vars(fixtures) if name.startswith("aicore_")}


@pytest.mark.parametrize("method", [Emulator.script, Emulator.fault])
def test_arguments_of_the_emulator_are_listed(method: object) -> None:
    cells = " ".join(re.findall(r"^\| (`.*?) \|", section("The emulator"), re.MULTILINE))
    listed = set(re.findall(r"`(\w+)`", cells))
    assert callable(method)
    arguments = set(inspect.signature(method).parameters) - {"self", "place", "call"}
    assert arguments <= listed


def test_engines_have_the_same_names_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    """The rooms that name them may not import each other."""
    assert (AUTOMATIC, *ENGINES) == LOCAL_ENGINES
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    shown = capsys.readouterr().out
    assert "--engine {{{}}}".format(",".join(LOCAL_ENGINES)) in shown
    assert "--memory {{{}}}".format(",".join(MEMORY_LIMITS)) in shown
