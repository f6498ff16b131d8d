"""Container sets: their order, what a failure does to the others, and what the pod says."""

from __future__ import annotations

from pytest_aicore.running.pods import Ended
from tests.running.walking.scripted_pods import FAILS, walked

SET = """
    entrypoint: all
    templates:
      - name: all
        steps: [[{name: s, template: set}]]
      - name: set
        inputs: {artifacts: [{name: data, path: /data, raw: {data: text}}]}
        outputs: {artifacts: [{name: model, path: /model, globalName: model}]}
        containerSet:
          containers:
            - {name: main, image: m, command: [sh], dependencies: [a, b]}
            - {name: a, image: i, command: [sh]}
            - {name: b, image: i, command: [sh]}
"""


def test_the_order_of_containers() -> None:
    run = walked(SET)
    assert run.end == ("COMPLETED", "Succeeded", "")
    assert [(pod.node, pod.image) for pod in run.pods.started] == [
        ("wf[0].s.a", "i"),
        ("wf[0].s.b", "i"),
        ("wf[0].s.main", "m"),
    ]
    assert [[each.name for each in pod.artifacts_in] for pod in run.pods.started] == [[], [], ["data"]]
    assert list(run.outcome.artifacts) == ["model"]
    assert {node.name: node.type for node in run.outcome.nodes if node.type in ("Pod", "Container")} == {
        "wf[0].s": "Pod",
        "wf[0].s.a": "Container",
        "wf[0].s.b": "Container",
        "wf[0].s.main": "Container",
    }


def test_what_depends_on_a_failure_does_not_run() -> None:
    run = walked(SET, {"wf[0].s.a": FAILS})
    assert run.outcome.status == "DEAD"
    assert run.pods.nodes == ["wf[0].s.a", "wf[0].s.b"]
    node = run.node("wf[0].s")
    assert (node.phase, node.message, node.exit_code) == ("Failed", "a: Error (exit code 1)", 1)


def test_main_fails() -> None:
    run = walked(SET, {"wf[0].s.main": Ended("Failed", "Error (exit code 7)", 7)})
    node = run.node("wf[0].s")
    assert (node.phase, node.message, node.exit_code) == ("Failed", "Error (exit code 7)", 7)
