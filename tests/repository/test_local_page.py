"""The page about workflows on this machine is up to date."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import pytest

from pytest_aicore.cli.command_line import main
from tests.places import ROOT


@pytest.fixture(scope="module")
def generator() -> Any:
    """Give the program that writes the page."""
    spec = importlib.util.spec_from_file_location("local", ROOT / "docs" / "local.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["local"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_code_says(generator: Any) -> None:
    """Whoever carries out more, or less, writes the page anew."""
    same = (ROOT / "docs" / "local.md").read_text(encoding="utf-8") == generator.page()
    assert same, "docs/local.md is not what the code says any more: python docs/local.py"


def test_each_option_is_on_the_page(capsys: pytest.CaptureFixture[str], generator: Any) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    options = {word.strip(",[]") for word in capsys.readouterr().out.split() if word.startswith(("--", "[--"))}
    assert options - {"--help"} == {word for word in options if f"`{word}" in generator.page()}
