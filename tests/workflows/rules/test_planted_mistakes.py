"""Mistakes as people make them, planted into templates without a fault: found, at the right line, and nothing else."""

from __future__ import annotations

import pytest

from benchmarks.mistakes import MISTAKES, Mistake
from benchmarks.planting import faultless, tally
from pytest_aicore.workflows.checks import RULES

TEXTS = faultless(with_corpus=False)


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_a_planted_mistake_is_found_where_it_is(mistake: Mistake) -> None:
    result = tally(mistake, TEXTS)
    assert result.failures == []
    assert result.planted > 0


def test_every_rule_about_a_single_template_has_a_mistake() -> None:
    """The others are about bytes, several files, or the checks themselves; they have tests of their own."""
    planted = {rule for mistake in MISTAKES for rule in mistake.rules}
    left = {rule.id for rule in RULES.values() if rule.layer != "folder"} - planted
    assert left == {"AIC100", "AIC101", "AIC113", "AIC115", "AIC116", "AIC200"}


def test_there_are_enough_kinds_of_mistakes() -> None:
    assert len({mistake.name for mistake in MISTAKES}) >= 150
