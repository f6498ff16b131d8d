"""What runs when a step or task has ended."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.running.pods import Ended
from tests.running.walking.scripted_pods import BREAKS, FAILS, HANGS, Walked, prints, walked

if TYPE_CHECKING:
    from pytest_aicore.running.pods import Pod

STEPS = """
    entrypoint: all
    arguments: {parameters: [{name: said, value: nothing}]}
    templates:
      - name: all
        steps:
          - - {name: before, template: work}
          - - name: a
              template: work
              HOOK
          - - {name: after, template: work}
      - name: work
        outputs: {parameters: [{name: score, valueFrom: {path: /score, default: "0"}}]}
        container: {image: i, command: [sh]}
      - name: tell
        inputs: {parameters: [{name: said, default: "?"}]}
        container: {image: i, command: [sh], args: ["{{inputs.parameters.said}}"]}
"""
OWN = (
    "hooks: {exit: {template: tell, arguments: {parameters: [{name: said, value: "
    '"{{steps.a.status}} {{steps.a.outputs.parameters.score}} {{steps.before.status}}"}]}}}'
)


@pytest.mark.parametrize(
    ("hook", "how", "said"),
    [
        ("onExit: tell", None, "nothing"),
        ("hooks: {exit: {template: tell}}", None, "nothing"),
        (OWN, None, "Succeeded 7 Succeeded"),
        ("onExit: tell", FAILS, "nothing"),
        ("onExit: tell", BREAKS, "nothing"),
    ],
)
def test_a_hook_at_the_end_of_a_step(hook: str, how: Ended | None, said: str) -> None:
    run = walked(STEPS.replace("HOOK", hook), {"wf[1].a": how or prints("", score="7")})
    assert run.pods.pod("wf[1].a.onExit").args == (said,)
    assert run.outcome.status == ("DEAD" if how else "COMPLETED")
    order = ["wf[0].before", "wf[1].a", "wf[1].a.onExit", "wf[2].after"]
    assert run.pods.nodes == (order[:3] if how else order)
    assert run.node("wf[1].a").children == [run.node("wf[1].a.onExit").id]


def test_a_hook_that_fails_fails_alone() -> None:
    """As in Argo: the hook is below the step, not below the group."""
    run = walked(STEPS.replace("HOOK", "onExit: tell"), {"wf[1].a.onExit": FAILS})
    assert run.phases["wf[1].a.onExit"] == "Failed"
    assert run.end == ("COMPLETED", "Succeeded", "")


def test_a_step_that_is_skipped_has_no_end() -> None:
    run = walked(STEPS.replace("HOOK", "onExit: tell\n              when: 1 == 2"))
    assert run.pods.nodes == ["wf[0].before", "wf[2].after"]


def test_a_hook_whose_artifact_nobody_left() -> None:
    passed = 'artifacts: [{name: data, from: "{{steps.a.outputs.artifacts.d}}"}]'
    hook = f"hooks: {{exit: {{template: read, arguments: {{{passed}}}}}}}"
    spec = (
        STEPS.replace("HOOK", hook).replace('default: "0"}}]}', 'default: "0"}}], artifacts: [{name: d, path: /d}]}')
        + """
      - name: read
        inputs: {artifacts: [{name: data, path: /data}]}
        container: {image: i, command: [sh]}
"""
    )
    assert walked(spec).pods.pod("wf[1].a.onExit").artifacts_in[0].name == "data"
    run = walked(spec, {"wf[1].a": FAILS})
    reason = 'unable to resolve references: Unable to resolve: "{{steps.a.outputs.artifacts.d}}"'
    assert run.node("wf[1].a.onExit").message == reason


def test_a_hook_at_the_end_of_a_task() -> None:
    run = walked(
        """
        entrypoint: all
        templates:
          - name: all
            dag:
              tasks:
                - name: a
                  template: work
                  hooks:
                    exit:
                      template: tell
                      arguments: {parameters: [{name: said, value: "{{tasks.a.status}}"}]}
                - {name: b, template: work, dependencies: [a]}
          - name: work
            container: {image: i, command: [sh]}
          - name: tell
            inputs: {parameters: [{name: said}]}
            container: {image: i, command: [sh], args: ["{{inputs.parameters.said}}"]}
        """,
        {"wf.a.onExit": FAILS},
    )
    assert run.pods.nodes == ["wf.a", "wf.a.onExit", "wf.b"]
    assert run.pods.pod("wf.a.onExit").args == ("Succeeded",)
    assert run.end == ("COMPLETED", "Succeeded", "")


LOOPED = STEPS.replace(
    "HOOK",
    "withItems: [p, q]\n              "
    "hooks: {exit: {template: tell, arguments: {parameters: [{name: said, value: "
    '"{{item}} {{steps.a.status}}"}]}}}',
)


def test_a_hook_at_the_end_of_each_item() -> None:
    run = walked(LOOPED, {"wf[1].a(1:q)": FAILS})
    assert run.outcome.status == "DEAD"
    said = {pod.node: pod.args for pod in run.pods.started if pod.node.endswith(".onExit")}
    assert said == {"wf[1].a(0:p).onExit": ("p Succeeded",), "wf[1].a(1:q).onExit": ("q Failed",)}


BESIDE = """hooks: {beside: {template: tell, expression: 'EXPRESSION', arguments: {parameters: [
                {name: said, value: "{{steps.a.status}}"}]}}}"""


@pytest.mark.parametrize(
    ("expression", "how", "said"),
    [
        ('steps.a.status == "Running"', None, ("Running",)),
        ('steps["a"].status == "Failed"', FAILS, ("Failed",)),
        ('steps.a.status == "Failed"', None, None),
        ('steps.before.status == "Succeeded" && steps.a.status == "Succeeded"', None, ("Succeeded",)),
        ('workflow.status == "Failed"', FAILS, None),
    ],
)
def test_a_hook_beside_a_step(expression: str, how: Ended | None, said: tuple[str, ...] | None) -> None:
    spec = STEPS.replace("HOOK", BESIDE.replace("EXPRESSION", expression))
    run = walked(spec, {"wf[1].a": how} if how else {})
    assert run.outcome.status == ("DEAD" if how else "COMPLETED")
    assert [pod.args for pod in run.pods.started if pod.node == "wf[1].a.hooks.beside"] == ([said] if said else [])


def test_a_hook_beside_a_step_that_fails_fails_alone() -> None:
    spec = STEPS.replace("HOOK", BESIDE.replace("EXPRESSION", 'steps.a.status == "Running"'))
    run = walked(spec, {"wf[1].a.hooks.beside": FAILS})
    assert run.phases["wf[1].a.hooks.beside"] == "Failed"
    assert run.outcome.status == "COMPLETED"


@pytest.mark.parametrize("key", ["beside", "exit"])
def test_a_hook_whose_expression_has_no_value(key: str) -> None:
    spec = STEPS.replace("HOOK", BESIDE.replace("beside", key).replace("EXPRESSION", "steps.a.status"))
    run = walked(spec)
    assert run.outcome.status == "DEAD"
    assert "failed to evaluate expression 'steps.a.status': expected bool, but got " in run.outcome.message


def test_the_flow_waits_for_a_hook() -> None:
    spec = STEPS.replace("HOOK", BESIDE.replace("EXPRESSION", 'steps.a.status == "Running"'))
    run = Walked(spec, {"wf[1].a.hooks.beside": HANGS})

    def end_hanging() -> None:
        for name in list(run.pods.hanging):
            run.pods.stop(name)

    def end_it(pod: Pod) -> None:
        if run.pods.hanging and pod.node != "wf[1].a.hooks.beside":
            assert pod.node == "wf[1].a"
        threading.Timer(0.05, end_hanging).start()

    run.pods.on_start = end_it
    run.run()
    assert run.pods.nodes[-1] == "wf[2].after"
    assert run.node("wf[1].a.hooks.beside").finished <= run.node("wf[2].after").started  # type: ignore[operator]


OF_WORKFLOW = """
    entrypoint: all
    hooks:
      running: {template: tell, expression: 'workflow.status == "Running"'}
      failed:
        template: tell
        expression: workflow.status == "Failed"
        arguments: {parameters: [{name: said, value: "{{workflow.status}} {{workflow.outputs.parameters.last}}"}]}
      exit: {template: tell}
    templates:
      - name: all
        steps: [[{name: a, template: work}]]
      - name: work
        outputs: {parameters: [{name: score, valueFrom: {path: /score}, globalName: last}]}
        container: {image: i, command: [sh]}
      - name: tell
        inputs: {parameters: [{name: said, default: "?"}]}
        container: {image: i, command: [sh], args: ["{{inputs.parameters.said}} {{workflow.status}}"]}
"""


def test_hooks_of_the_workflow() -> None:
    run = walked(OF_WORKFLOW)
    assert run.end == ("COMPLETED", "Succeeded", "")
    assert run.pods.nodes == ["wf.hooks.running", "wf[0].a", "wf.onExit"]


def test_hooks_of_a_workflow_that_fails() -> None:
    how = Ended("Failed", "Error (exit code 1)", 1, parameters={"score": "3"})
    run = walked(OF_WORKFLOW, {"wf[0].a": how, "wf.hooks.failed": FAILS})
    assert run.outcome.status == "DEAD"
    assert run.pods.nodes == ["wf.hooks.running", "wf[0].a", "wf.hooks.failed", "wf.onExit"]
    assert run.pods.pod("wf.hooks.failed").args == ("Failed 3 Failed",)


def test_a_hook_of_the_workflow_whose_expression_has_no_value() -> None:
    run = walked(OF_WORKFLOW.replace('workflow.status == "Running"', "workflow.status"))
    assert run.end == (
        "DEAD",
        "Error",
        "failed to evaluate expression 'workflow.status': expected bool, but got Running",
    )
