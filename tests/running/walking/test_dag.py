"""Tasks: what they depend on, what a failure does to the others and to the dag."""

from __future__ import annotations

import pytest

from pytest_aicore.running.pods import Ended
from tests.running.walking.scripted_pods import BREAKS, FAILS, left, prints, walked

OMITTED = "omitted: depends condition not met"


def dag(*tasks: str, top: str = "") -> str:
    """Return the specification of a workflow.

    Args:
        tasks: the fields of each task in braces.
        top: of the dag, beside its tasks.
    """
    lines = "\n".join(f"            - {{template: work, {task}}}" for task in tasks)
    return f"""
    entrypoint: all
    templates:
      - name: all
        dag:
          {top or "failFast: true"}
          tasks:
{lines}
      - name: work
        container: {{image: i, command: [sh], args: ["{{{{tasks.name}}}}"]}}
"""


DIAMOND = dag("name: a", "name: b, dependencies: [a]", "name: c, dependencies: [a]", "name: d, dependencies: [b, c]")


def test_a_diamond() -> None:
    run = walked(DIAMOND)
    assert run.end == ("COMPLETED", "Succeeded", "")
    assert run.pods.nodes == ["wf.a", "wf.b", "wf.c", "wf.d"]
    assert run.node("wf").type == "DAG"
    assert run.pods.pod("wf.b").args == ("b",)


def test_what_depends_on_a_failure_is_omitted() -> None:
    run = walked(DIAMOND, {"wf.b": FAILS})
    assert run.end == ("DEAD", "Failed", "")
    assert run.phases == {"wf": "Failed", "wf.a": "Succeeded", "wf.b": "Failed", "wf.c": "Succeeded", "wf.d": "Omitted"}
    assert run.node("wf.d").message == OMITTED


@pytest.mark.parametrize(("how", "phase"), [(FAILS, "Failed"), (BREAKS, "Error")])
def test_a_dag_has_the_phase_of_what_failed(how: Ended, phase: str) -> None:
    """Through all that was omitted."""
    run = walked(DIAMOND, {"wf.a": how})
    assert run.end == ("DEAD", phase, "")
    assert [run.phases[f"wf.{name}"] for name in "bcd"] == ["Omitted"] * 3


HANDLED = dag("name: a", 'name: good, depends: "a.Succeeded"', 'name: rescue, depends: "a.Failed || a.Errored"')


def test_a_failure_that_another_task_handles() -> None:
    """It has two ends: the one that is omitted inherits the failure, so the dag fails all the same."""
    run = walked(HANDLED, {"wf.a": FAILS})
    assert (run.phases["wf.good"], run.phases["wf.rescue"]) == ("Omitted", "Succeeded")
    assert run.end == ("DEAD", "Failed", "")

    alone = walked(dag("name: a", 'name: rescue, depends: "a.Failed"'), {"wf.a": FAILS})
    assert alone.end == ("COMPLETED", "Succeeded", "")


@pytest.mark.parametrize(
    ("depends", "ends", "runs"),
    [
        ("a", {}, True),
        ("a && b", {}, True),
        ("a && b", {"wf.b": FAILS}, False),
        ("a || b", {"wf.b": FAILS}, True),
        ("!a", {}, False),
        ("!a.Succeeded || (b && a.Skipped)", {}, False),
        ("a.Failed", {"wf.a": FAILS}, True),
        ("a.Failed", {"wf.a": BREAKS}, False),
        ("a.Errored", {"wf.a": BREAKS}, True),
        ("a.Omitted || a.Skipped || a.Daemoned", {}, False),
        ("a.Failed && b", {"wf.a": FAILS}, True),
    ],
)
def test_depends(depends: str, ends: dict[str, Ended], runs: bool) -> None:
    run = walked(dag("name: a", "name: b", f'name: c, depends: "{depends}"'), ends)
    assert run.phases["wf.c"] == ("Succeeded" if runs else "Omitted")


@pytest.mark.parametrize(
    ("allowed", "how", "goes_on"),
    [("failed", FAILS, True), ("error", BREAKS, True), ("error", FAILS, False), ("failed", BREAKS, False)],
)
def test_continue_on(allowed: str, how: Ended, goes_on: bool) -> None:
    run = walked(dag(f"name: a, continueOn: {{{allowed}: true}}", "name: b, dependencies: [a]"), {"wf.a": how})
    assert run.phases["wf.b"] == ("Succeeded" if goes_on else "Omitted")
    assert run.outcome.status == ("COMPLETED" if goes_on else "DEAD")


def test_continue_on_of_the_last_task() -> None:
    run = walked(dag("name: a, continueOn: {failed: true}"), {"wf.a": FAILS})
    assert run.end == ("COMPLETED", "Succeeded", "")


def test_targets() -> None:
    run = walked(dag("name: a", "name: b, dependencies: [a]", "name: c", "name: d", top="target: b c"))
    assert set(run.phases) == {"wf", "wf.a", "wf.b", "wf.c"}


def test_a_failure_that_no_target_needs_is_not_run() -> None:
    run = walked(dag("name: a", "name: b", top="target: a"), {"wf.b": FAILS})
    assert run.end == ("COMPLETED", "Succeeded", "")


def test_other_branches_go_on_after_a_failure() -> None:
    """With `failFast`, too: the documentation says otherwise, the code of Argo does not do it."""
    run = walked(dag("name: a", "name: b", "name: c, dependencies: [b]"), {"wf.a": FAILS})
    assert run.phases == {"wf": "Failed", "wf.a": "Failed", "wf.b": "Succeeded", "wf.c": "Succeeded"}


def test_a_task_that_is_skipped_lets_others_run() -> None:
    run = walked(dag("name: a, when: 1 > 2", "name: b, dependencies: [a]"))
    assert run.phases == {"wf": "Succeeded", "wf.a": "Skipped", "wf.b": "Succeeded"}
    assert run.node("wf.a").message == "when '1 > 2' evaluated false"


def test_a_condition_that_cannot_be_read() -> None:
    run = walked(
        dag("name: a", 'name: b, dependencies: [a], when: "{{tasks.a.outputs.result}} == 1"'), {"wf.a": prints("a b")}
    )
    assert run.end == ("DEAD", "Error", "")
    assert run.node("wf.b").message == "Invalid 'when' expression 'a b == 1': an operator is missing before 'b'"


VALUES = """
    entrypoint: all
    templates:
      - name: all
        dag:
          tasks:
            - {name: a, template: make}
            - {name: b, template: make, dependencies: [a]}
            - name: c
              template: use
              dependencies: [b]
              arguments:
                parameters: [{name: number, value: "{{tasks.a.outputs.parameters.number}} {{tasks.a.exitCode}}"}]
                artifacts: [{name: data, from: "{{tasks.b.outputs.artifacts.data}}"}]
        outputs:
          parameters: [{name: number, valueFrom: {parameter: "{{tasks.b.outputs.parameters.number}}"}}]
      - name: make
        outputs:
          parameters: [{name: number, valueFrom: {path: /n}, globalName: last}]
          artifacts: [{name: data, path: /data, archive: {zip: {}}}]
        container: {image: i, command: [sh]}
      - name: use
        inputs: {parameters: [{name: number}], artifacts: [{name: data, path: /data}]}
        container: {image: i, command: [sh], args: ["{{inputs.parameters.number}}"]}
"""


def test_values_of_all_tasks_before() -> None:
    run = walked(VALUES, {"wf.a": prints("", number="1"), "wf.b": prints("", number="2")})
    assert run.end == ("COMPLETED", "Succeeded", "")
    use = run.pods.pod("wf.c")
    assert use.args == ("1 0",)
    assert use.artifacts_in[0].archive == "zip"
    assert run.node("wf").outputs.parameters == {"number": "2"}
    assert run.outcome.parameters == {"last": "2"}


def test_an_artifact_that_a_task_did_not_leave() -> None:
    run = walked(VALUES, {"wf.b": Ended("Succeeded", exit_code=0, parameters={"number": "2"})})
    assert run.end == ("DEAD", "Error", "")
    reason = 'unable to resolve references: Unable to resolve: "{{tasks.b.outputs.artifacts.data}}"'
    assert run.node("wf.c").message == reason


def test_a_task_without_its_input() -> None:
    artifact = 'artifacts: [{name: data, from: "{{tasks.b.outputs.artifacts.data}}"}]'
    run = walked(VALUES.replace(artifact, ""), kind="WorkflowTemplate")
    assert run.node("wf.c").message == "task 'wf.c' errored: inputs.artifacts.data was not supplied"
    assert run.end == ("DEAD", "Error", "")


def test_an_output_that_no_task_left() -> None:
    run = walked(VALUES, {"wf.b": lambda pod: Ended("Succeeded", exit_code=0, artifacts=left(pod).artifacts)})
    assert run.phases["wf.c"] == "Succeeded"
    assert run.end == ("DEAD", "Error", 'Unable to resolve: "{{tasks.b.outputs.parameters.number}}"')
