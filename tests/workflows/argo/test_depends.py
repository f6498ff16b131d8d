"""`depends` expressions: one reading for the order of the tasks, for conditions, and for the checks."""

from __future__ import annotations

import pytest

from pytest_aicore.workflows.argo.dags import Ancestors
from pytest_aicore.workflows.argo.expressions import parse_depends
from pytest_aicore.workflows.argo.graph import WorkflowModel
from pytest_aicore.workflows.yaml.source import parse
from pytest_aicore.workflows.yaml.tree import MappingNode


@pytest.mark.parametrize(
    ("text", "tasks", "mistake", "is_conditional"),
    [
        ("a", [("a", None)], None, False),
        ("a && (b && c)", [("a", None), ("b", None), ("c", None)], None, False),
        ("a || b", [("a", None), ("b", None)], None, True),
        ("!a", [("a", None)], None, True),
        ("a.Failed && 'b'", [("a", "Failed"), ("b", None)], None, True),
        ("a b", [("a", None)], "`&&` or `||` is missing before `b`", False),
        ("a and b", [("a", None)], "write `&&`, not `and`", False),
        ("a & b", [("a", None)], "write `&&`, not `&`", False),
        ("a, b", [("a", None)], "tasks are joined by `&&` or `||`, not by commas", False),
        ("&& a", [], "`&&` has no task on its left", False),
        ("a &&", [("a", None)], "`&&` has no task on its right", False),
        ("a !b", [("a", None)], "`!` belongs before a task, not after it", True),
        ("a (b)", [("a", None)], "`(` follows a task without `&&` or `||`", False),
        ("(a", [("a", None)], "`(` is not closed", False),
        ("a)", [("a", None)], "`)` has no opening `(`", False),
        ("(a && )", [("a", None)], "`)` follows an operator without a task", False),
        ("a = b", [("a", None)], "`=` is not allowed here", False),
        ("", [], None, False),
    ],
)
def test_an_expression(
    text: str, tasks: list[tuple[str, str | None]], mistake: str | None, is_conditional: bool
) -> None:
    depends = parse_depends(text)
    assert depends.tasks == tasks
    assert (depends.mistake.why if depends.mistake else None) == mistake
    assert depends.is_conditional is is_conditional


def test_the_order_of_tasks_comes_from_the_same_reading() -> None:
    root = parse(
        "templates:\n"
        "- name: all\n"
        "  dag:\n"
        "    tasks:\n"
        "    - {name: a.b, template: t}\n"
        "    - {name: Succeeded, template: t}\n"
        "    - {name: one, template: t}\n"
        "    - {name: two, template: t, depends: \"'one'.Succeeded\"}\n"
        "    - {name: three, template: t, depends: one.Succeeded}\n"
    ).root
    assert type(root) is MappingNode
    calls = {call.name: call for call in WorkflowModel(root).by_name["all"].calls}
    ancestors = Ancestors(calls)
    assert {name: call.depends_on for name, call in calls.items() if call.depends_on} == {
        "two": ["one"],
        "three": ["one"],
    }
    assert [(name, other) for name in calls for other in calls if ancestors.has(name, other)] == [
        ("two", "one"),
        ("three", "one"),
    ]
