"""A rule is declared once, where it lives: what would lose one, or hide it from `--explain`, cannot be imported."""

from __future__ import annotations

import re
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.workflows import checks
from pytest_aicore.workflows.checks import RULES
from pytest_aicore.workflows.contracts.rules import rules_by_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODULE = """
from pytest_aicore.workflows.checks import Rule, Severity

RETRY = Rule({id!r}, {name!r}, Severity.ERROR, {layer!r}, "A summary", "An explanation", "bad: 1", "good: 1")
"""


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that imports a module which declares one rule."""

    def imported(rule_id: str, name: str, layer: str) -> None:
        (tmp_path / "rule_of_a_test.py").write_text(MODULE.format(id=rule_id, name=name, layer=layer), encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        import_module("rule_of_a_test")

    return imported


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (
            ("AIC207", "retry-limit", "argo"),
            "The rule AIC207 is declared twice, as `no-entrypoint` and as `retry-limit`: give one of them another id.",
        ),
        (
            ("AIC901", "retry-limit", "argo"),
            (
                "The rule AIC901 is declared twice, as `breaking-change` and as `retry-limit`: give one of them "
                "another id."
            ),
        ),
        (
            ("AIC299", "no-entrypoint", "argo"),
            "Two rules are called `no-entrypoint`, AIC207 and AIC299: give one of them another name.",
        ),
        (
            ("AIC299", "retry-limit", "argo"),
            (
                "The rule AIC299 (`retry-limit`) is declared after the rules were collected, so `--explain` does not "
                "know it: name its module in pytest_aicore/workflows/checks/registry.py."
            ),
        ),
    ],
    ids=["one id", "one id as a contract", "one name", "not collected"],
)
def test_a_rule_that_would_be_lost_or_unknown_is_refused_at_import(
    imported: Callable[..., None], declared: tuple[str, str, str], message: str
) -> None:
    before = dict(RULES)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        imported(*declared)
    assert dict(RULES) == before


def test_a_module_that_is_imported_anew_declares_its_rules_anew() -> None:
    rule = RULES["AIC207"]
    type(rule)(*(getattr(rule, field) for field in rule.__match_args__))
    assert RULES["AIC207"] is rule


def test_every_module_of_the_checks_is_collected() -> None:
    """One that is not raises here, with the name of the rule that nobody would know."""
    for module in walk_packages(checks.__path__, f"{checks.__name__}."):
        import_module(module.name)


def test_ids_begin_with_the_number_of_their_layer() -> None:
    numbers = {"document": "1", "argo": "2", "aicore": "3", "folder": "4", "contract": "9"}
    for rule in rules_by_id(RULES.values()).values():
        assert re.fullmatch(rf"AIC{numbers[rule.layer]}\d\d", rule.id)
