"""What runs when a step or task has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.running.walking.scripted_pods import BREAKS, FAILS, prints, walked

if TYPE_CHECKING:
    from pytest_aicore.running.pods import Ended

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
