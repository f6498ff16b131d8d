"""Loops and conditions: which nodes a step becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_aicore.running.walking.conditions import is_true
from pytest_aicore.running.walking.values import ValueProblem
from tests.running.walking.scripted_pods import FAILS, prints, walked

if TYPE_CHECKING:
    from pytest_aicore.running.pods import Ended

HINT = ' (hint: try wrapping the affected expression in quotes ("))'


def loop(items: str, value: str = "{{item}}", more: str = "") -> str:
    """Return the specification of a workflow with a loop, and a step that reads what it left.

    Args:
        items: the field with the items.
        value: of the argument.
        more: fields of the step.
    """
    return f"""
    entrypoint: all
    arguments: {{parameters: [{{name: list, value: "[]"}}]}}
    templates:
      - name: all
        steps:
          - - name: each
              template: work
              arguments: {{parameters: [{{name: value, value: "{value}"}}]}}
              {items}
              {more}
          - - name: after
              template: work
              arguments: {{parameters: [{{name: value, value: "{{{{steps.each.outputs.parameters.score}}}}"}}]}}
      - name: work
        inputs: {{parameters: [{{name: value}}]}}
        outputs: {{parameters: [{{name: score, valueFrom: {{path: /score}}}}]}}
        container: {{image: i, command: [sh], args: ["{{{{inputs.parameters.value}}}}"]}}
"""


@pytest.mark.parametrize(
    ("items", "names", "values"),
    [
        ("withItems: [a, 'b c', 3, 1.5, true]", ["0:a", "1:b c", "2:3", "3:1.5", "4:true"], None),
        ("withItems: ['(x)']", ["0:x"], ["(x)"]),
        ("withItems: [{b: 1, a: x}, [1, 2]]", ["0:a:x,b:1", "1:[1,2]"], ['{"a":"x","b":1}', "[1,2]"]),
        ("withParam: '[1, \"2\", null]'", ["0:1", "1:2", "2:null"], ["1", "2", "null"]),
        ("withSequence: {count: 3}", ["0:0", "1:1", "2:2"], None),
        ("withSequence: {count: '2', start: '4', format: 'n%02d'}", ["0:n04", "1:n05"], None),
        ("withSequence: {start: 3, end: 1}", ["0:3", "1:2", "2:1"], None),
    ],
)
def test_the_children_of_a_loop(items: str, names: list[str], values: list[str] | None) -> None:
    run = walked(loop(items))
    assert run.end == ("COMPLETED", "Succeeded", "")
    assert run.pods.nodes[:-1] == [f"wf[0].each({name})" for name in names]
    passed = [(pod.args or ("",))[0] for pod in run.pods.started[:-1]]
    assert passed == (values or [name.partition(":")[2] for name in names])


def test_the_keys_of_an_item() -> None:
    run = walked(loop("withItems: [{name: a, depth: {of: 3}}]", "{{item.name}} {{item.depth}}"))
    assert (run.pods.started[0].args or ())[0] == 'a {"of":3}'


def test_what_a_loop_left_is_a_list() -> None:
    script = {"wf[0].each(0:a)": prints("", score="1"), "wf[0].each(1:b)": prints("", score="x")}
    run = walked(loop("withItems: [a, b]"), script)
    assert run.pods.pod("wf[1].after").args == ('["1","x"]',)


GIVEN = "withParam: '{{workflow.parameters.list}}'"


@pytest.mark.parametrize("items", ["withItems: []", "withParam: '[]'", GIVEN, "withSequence: {count: 0}"])
def test_a_loop_without_items(items: str) -> None:
    """It left nothing, so that the tag of the step after it stays as it is."""
    run = walked(loop(items), parameters={"list": "null"})
    assert run.end == ("COMPLETED", "Succeeded", "")
    node = run.node("wf[0].each")
    assert (node.type, node.phase, node.message) == ("Skipped", "Skipped", "Skipped, empty params")
    assert run.pods.pod("wf[1].after").args == ("{{steps.each.outputs.parameters.score}}",)


_NO_LIST = "withParam value could not be parsed as a JSON list"


@pytest.mark.parametrize(
    ("items", "given", "message"),
    [
        (GIVEN, '{"a": 1}', f'{_NO_LIST}: {{"a": 1}}: expected a list'),
        (GIVEN, "a", f"{_NO_LIST}: a: Expecting value: line 1 column 1 (char 0)"),
        ("withSequence: {count: '{{workflow.parameters.list}}'}", "x", 'strconv.Atoi: parsing "x": invalid syntax'),
        (
            "withSequence: {count: 2, format: '{{workflow.parameters.list}}'}",
            "no verb",
            "withSequence format 'no verb' has not exactly one verb for a whole number, such as %d",
        ),
    ],
)
def test_items_that_are_none(items: str, given: str, message: str) -> None:
    run = walked(loop(items), parameters={"list": given})
    assert run.end == ("DEAD", "Failed", message)
    assert run.phases == {"wf": "Failed", "wf[0]": "Error"}
    assert run.pods.started == []


def test_one_item_fails() -> None:
    run = walked(loop("withItems: [a, b, c]"), {"wf[0].each(1:b)": FAILS})
    assert run.end == ("DEAD", "Failed", f"child '{run.node('wf[0].each(1:b)').id}' failed")
    assert run.phases["wf[0].each(2:c)"] == "Succeeded"


def test_one_item_may_fail() -> None:
    run = walked(loop("withItems: [a, b]", more="continueOn: {failed: true}"), {"wf[0].each(0:a)": FAILS})
    assert run.outcome.status == "COMPLETED"
    assert run.pods.pod("wf[1].after").args == ('["score"]',)


def test_a_tag_that_is_left_in_a_loop() -> None:
    run = walked(
        loop("withItems: [{a: 1}]", "{{item.b}}", "").replace("withItems: [{a: 1}]", "withParam: '[{\"a\": 1}]'")
    )
    assert run.end == ("DEAD", "Failed", "failed to resolve {{item.b}}")


def test_a_condition_for_each_item() -> None:
    run = walked(loop("withItems: [1, 2]", more='when: "{{item}} > 1"'))
    assert run.phases["wf[0].each(0:1)"] == "Skipped"
    assert run.phases["wf[0].each(1:2)"] == "Succeeded"


def test_a_condition_that_is_false_whatever_the_items() -> None:
    run = walked(loop(GIVEN, more="when: 1 == 2"), parameters={"list": "no list"})
    assert run.node("wf[0].each").message == "when '1 == 2' evaluated false"
    assert run.outcome.status == "COMPLETED"


def test_a_condition_of_an_item_that_cannot_be_read() -> None:
    run = walked(loop("withItems: ['x y']", more='when: "{{item}} == 1"'))
    message = "Invalid 'when' expression 'x y == 1': an operator is missing before 'y'"
    assert run.end == ("DEAD", "Failed", message)
    assert run.phases == {"wf": "Failed", "wf[0]": "Error", "wf[0].each(0:x y)": "Error"}


RESULTS = """
    entrypoint: all
    templates:
      - name: all
        dag:
          tasks:
            - {name: each, template: work, withItems: [a, b]}
            - name: after
              template: use
              depends: DEPENDS
              arguments: {parameters: [{name: all, value: "{{tasks.each.outputs.result}}"}]}
      - name: work
        container: {image: i, command: [sh]}
      - name: use
        inputs: {parameters: [{name: all}]}
        container: {image: i, command: [sh], args: ["{{inputs.parameters.all}}"]}
"""


def test_results_of_a_loop_of_tasks() -> None:
    run = walked(RESULTS.replace("DEPENDS", "each"), {"wf.each(0:a)": prints("1"), "wf.each(1:b)": prints('{"x": 2}')})
    assert run.end == ("COMPLETED", "Succeeded", "")
    assert run.pods.pod("wf.after").args == ('[1,{"x":2}]',)
    assert [(node.name, node.type) for node in run.outcome.nodes] == [
        ("wf", "DAG"),
        ("wf.each", "TaskGroup"),
        ("wf.each(0:a)", "Pod"),
        ("wf.each(1:b)", "Pod"),
        ("wf.after", "Pod"),
    ]


def test_results_that_are_no_json() -> None:
    run = walked(RESULTS.replace("DEPENDS", "each"), {"wf.each(0:a)": prints("plain")})
    assert run.outcome.status == "DEAD"
    assert run.phases["wf.after"] == "Error"
    assert run.node("wf.after").message.startswith(
        "the results of a loop are made into a JSON list, and one is not JSON"
    )


@pytest.mark.parametrize(
    ("depends", "ends", "runs"),
    [
        ("each.AnySucceeded", {"wf.each(0:a)": FAILS, "wf.each(1:b)": prints("1")}, True),
        ("each.AnySucceeded", {"wf.each(0:a)": FAILS, "wf.each(1:b)": FAILS}, False),
        ("each.AllFailed", {"wf.each(0:a)": FAILS, "wf.each(1:b)": FAILS}, True),
        ("each.AllFailed", {"wf.each(0:a)": FAILS, "wf.each(1:b)": prints("1")}, False),
        ("each.Failed", {"wf.each(0:a)": FAILS, "wf.each(1:b)": prints("1")}, True),
    ],
)
def test_what_depends_on_a_loop(depends: str, ends: dict[str, Ended], runs: bool) -> None:
    run = walked(RESULTS.replace("DEPENDS", depends), ends)
    assert run.phases["wf.after"] == ("Succeeded" if runs else "Omitted")
    assert run.outcome.status == ("COMPLETED" if runs else "DEAD")


@pytest.mark.parametrize(
    ("when", "is_met"),
    [
        ("foo == foo", True),
        ("foo == bar", False),
        ("5 == 5", True),
        ("'5' == 5", False),
        ("'5' == \"5\"", True),
        ("5.0 >= 5 && 1 < 2", True),
        ("1 == 2 || (a == a && !(b == c))", True),
        ("false || true", True),
        ("true == true", True),
        ("'a-b' == 'a-b'", True),
        ("abc =~ '^a'", True),
        ("abc !~ '^a'", False),
        ("2 + 3 * 2 == 8", True),
        ("7 % 4 - 1 == 10 / 5", True),
        ("-1 < 0", True),
        ("x in ('x', 'y')", True),
        ("z in ('x', 'y')", False),
        ("1 == 1 ? true : false", True),
        ("'b' > 'a'", True),
        ("'' == ''", True),
    ],
)
def test_conditions(when: str, is_met: bool) -> None:
    assert is_true(when) is is_met


@pytest.mark.parametrize(
    ("when", "message"),
    [
        (
            "a-b == a-b",
            "Invalid 'when' expression 'a-b == a-b': Value 'b' cannot be used with the modifier, it is not a number",
        ),
        ("5", "Expected boolean evaluation for '5'. Got 5"),
        ("foo", "Expected boolean evaluation for 'foo'. Got foo"),
        ("1 <", "Invalid 'when' expression '1 <': Unexpected end of expression"),
        ("(1 == 1", "Invalid 'when' expression '(1 == 1': Unbalanced parenthesis"),
        ("a < 1", "Invalid 'when' expression 'a < 1': Value 'a' cannot be used with the comparator '<'"),
        ("1 / 0 == 1", "Invalid 'when' expression '1 / 0 == 1': cannot divide by zero: '/'"),
        (
            "{{x}} == 1",
            f"Invalid 'when' expression '{{{{x}}}} == 1': Invalid token: '{{{{x}}}}'{HINT}",
        ),
        (
            "'open == 1",
            f"Invalid 'when' expression ''open == 1': Invalid token: ''open'{HINT}",
        ),
    ],
)
def test_what_is_no_condition(when: str, message: str) -> None:
    with pytest.raises(ValueProblem) as problem:
        is_true(when)
    assert str(problem.value) == message
