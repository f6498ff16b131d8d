"""Whatever the graph: it ends, and no failure becomes a success."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.running.walking.scripted_pods import BREAKS, FAILS, Walked, left

if TYPE_CHECKING:
    from pytest_aicore.running.pods import Ended, Pod

pytestmark = pytest.mark.once

LEAVES = ("w0", "w1")
RETRIES: dict[str, Any] = {"retryStrategy": {"limit": 1, "retryPolicy": "Always"}}


def call(name: str, template: str, extra: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "template": template, **extra}


NOTHING: dict[str, Any] = {}
STRATEGIES = st.sampled_from([NOTHING, RETRIES])
EXTRAS = st.sampled_from([NOTHING, NOTHING, {"withItems": [1, 2]}, {"when": "1 == 2"}, {"withSequence": {"count": 0}}])


@st.composite
def workflows(draw: st.DrawFn) -> dict[str, Any]:
    """Return a specification without anything that lets a failure pass."""
    known = list(LEAVES)
    templates: list[dict[str, Any]] = [
        {"name": name, "container": {"image": "i", "command": ["sh"]}, **draw(STRATEGIES)} for name in LEAVES
    ]
    for number in range(draw(st.integers(1, 4))):
        count = draw(st.integers(1, 4))
        calls = [call(f"c{index}", draw(st.sampled_from(known)), draw(EXTRAS)) for index in range(count)]
        template: dict[str, Any] = {"name": f"t{number}"}
        if draw(st.booleans()):
            cut = draw(st.integers(0, count))
            template["steps"] = [group for group in (calls[:cut], calls[cut:]) if group]
        else:
            for index, task in enumerate(calls):
                before = [f"c{other}" for other in range(index)]
                task["dependencies"] = draw(st.lists(st.sampled_from(before), unique=True)) if before else []
            template["dag"] = {"tasks": calls}
        templates.append(template)
        known.append(template["name"])
    return {"entrypoint": known[-1], "templates": templates}


def carried_out(spec: dict[str, Any], ends: Any) -> Walked:
    """Return a workflow that was carried out.

    Args:
        spec: its specification.
        ends: gives the end of each pod.
    """
    run = Walked(json.dumps(spec))  # JSON is YAML
    run.pods.otherwise = ends
    return run.run()


@settings(deadline=None, max_examples=60)
@given(spec=workflows(), data=st.data())
def test_no_failure_becomes_a_success(spec: dict[str, Any], data: st.DataObject) -> None:
    how_pods_end = st.sampled_from([None, None, None, FAILS, BREAKS])

    def end(pod: Pod) -> Ended:
        return data.draw(how_pods_end, pod.node) or left(pod)

    run = carried_out(spec, end)
    retried = {node.name: node.phase for node in run.outcome.nodes if node.type == "Retry"}
    failed = [
        node.name
        for node in run.outcome.nodes
        if node.type == "Pod" and node.has_failed and retried.get(node.name.rpartition("(")[0]) != "Succeeded"
    ]
    assert run.outcome.status == ("DEAD" if failed else "COMPLETED")
    assert all(node.finished is not None for node in run.outcome.nodes)
    assert {node.phase for node in run.outcome.nodes}.isdisjoint({"Pending", "Running"})
