"""Workflows damaged in every way: a contract, a comparison and a manifest, or an error with a message."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_aicore.errors import PlanError, WorkflowError
from pytest_aicore.workflows import parse_template
from pytest_aicore.workflows.contracts.comparison import compare
from pytest_aicore.workflows.contracts.contract import contract_of, dump, parse_contract
from pytest_aicore.workflows.contracts.rules import of_comparison
from tests.places import our_folder

TEXTS = [template.document.text for template in our_folder().values()]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_damaged_workflow_is_compared_or_refused(text: str, data: st.DataObject) -> None:
    lines = text.split("\n")
    for _ in range(data.draw(st.integers(1, 3))):
        number = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.sampled_from(["removed", "doubled", "renamed", "shortened", "emptied"]))
        line = lines[number]
        key, colon, _ = line.partition(":")
        lines[number : number + 1] = {
            "removed": [],
            "doubled": [line, line],
            "renamed": [line.replace("name", "nane")],
            "shortened": [line[:-1]],
            "emptied": [key + colon],
        }[kind] or [""]
    try:
        damaged = parse_template("\n".join(lines), "damaged.yaml")
    except WorkflowError:
        return
    before, after = contract_of(parse_template(text).executable), contract_of(damaged.executable)
    assert parse_contract(dump(after), "golden") == after
    comparison = compare(before, after)
    assert bool(comparison.differences) == (before != after)
    for finding in of_comparison(damaged, comparison):
        assert 1 <= finding.place.line <= len(lines)
        assert str(finding).startswith("damaged.yaml:")
    with suppress(PlanError):
        inputs = {artifact.name: "ai://default/x" for artifact in damaged.executable.input_artifacts}
        assert damaged.render({one.name: "1" for one in damaged.executable.parameters}, inputs).yaml
