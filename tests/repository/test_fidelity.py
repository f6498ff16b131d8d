"""The page about the fidelity of the emulator is up to date."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import pytest

from pytest_aicore.emulator.api.routes import ROUTES
from tests.places import ROOT


@pytest.fixture(scope="module")
def generator() -> Any:
    """Give the program that writes the page."""
    spec = importlib.util.spec_from_file_location("fidelity", ROOT / "docs" / "fidelity.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["fidelity"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_emulator_says(generator: Any) -> None:
    """Whoever changes a route, or what is assumed, writes the page anew."""
    same = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8") == generator.page()
    assert same, "docs/fidelity.md is not what the code says any more: python docs/fidelity.py"


def test_each_operation_names_its_sources() -> None:
    """A row without a source, or with a word that the page does not explain, tells nobody anything."""
    words = ("captured", "SDK", "documentation", "documented", "specification")
    assert [route.operation for route in ROUTES if not any(word in route.source for word in words)] == []


UNKNOWN = [
    "ILLEGAL_CHANGE_STATUS",  # of the code 01010076
    "SCENARIO_NOT_FOUND",  # codes of what does not exist
    "UNUSABLE_CONFIGURATION",  # for an execution
    "OUTPUT_URL",  # the name in an output artifact's URL, and its suffix
    "delete()",  # how long it takes
    "patch()",  # tags and custom information of a name that is there already
    "_wake_ttl()",
    "PROVISIONING_SECONDS",
    "FIRST_SYNC_SECONDS",
    "REACHED_STATUS",
    "Scheduler()",
]


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_nobody_knows_is_on_the_page(generator: Any, name: str) -> None:
    """Each of them is a choice with a name."""
    assert name in {assumption.name for assumption in generator.assumptions()}


def test_an_assumption_is_found_wherever_it_stands(generator: Any) -> None:
    """Below a constant, in a class, in what a function says of itself; nothing else is."""
    source = (
        'A = 1\n"""Assumed: one."""\nB = 2\n"""Captured."""\nclass C:\n    D = 3\n    """This is assumed."""\n'
        'def e():\n    """Do. What it does is assumed. And more."""\n    return "assumed"\n'
    )
    assert [(each.name, each.value, each.text) for each in generator._of_module("m", source)] == [
        ("A", "1", "Assumed: one."),
        ("D", "3", "This is assumed."),
        ("e()", "", "What it does is assumed."),
    ]
