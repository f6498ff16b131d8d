"""Mistakes as people make them, planted into templates without a fault: found, at the right line, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.workflows.checks import RULES
from tests.workflows.checks.planting import faultless, tally
from tests.workflows.checks.situations import MISTAKES

if TYPE_CHECKING:
    from tests.workflows.checks.mistakes import Mistake

pytestmark = pytest.mark.once

TEXTS = faultless(with_corpus=False)


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_a_planted_mistake_is_found_where_it_is(mistake: Mistake) -> None:
    result = tally(mistake, TEXTS)
    assert result.failures == []
    assert result.planted > 0


def test_every_rule_has_a_mistake() -> None:
    """One without fails here: plant what the rule is about in `mistakes.py`, or `situations.py`."""
    assert {rule for mistake in MISTAKES for rule in mistake.rules} == set(RULES)


def test_there_are_enough_kinds_of_mistakes() -> None:
    assert len({mistake.name for mistake in MISTAKES}) >= 150
