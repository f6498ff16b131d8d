"""What a workflow means, asked of the model alone: no check, no report, no options."""

from __future__ import annotations

import pytest

from pytest_aicore.workflows.argo.dags import Ancestors, cycles
from pytest_aicore.workflows.argo.graph import WorkflowModel
from pytest_aicore.workflows.argo.scopes import scoped
from pytest_aicore.workflows.yaml.source import parse
from pytest_aicore.workflows.yaml.tree import MappingNode, Node, ScalarNode

TEXT = """
entrypoint: all
onExit: tidy
templates:
- name: all
  dag:
    tasks:
    - {name: prepare, template: work}
    - {name: train, template: work, depends: prepare, arguments: {parameters: [{name: depth, value: seen}]}}
    - {name: report, template: work, depends: train.Failed}
    - {name: each, template: work, withItems: [1, 2], arguments: {parameters: [{name: depth, value: looped}]}}
- name: work
  inputs: {parameters: [{name: depth}], artifacts: [{name: data, path: /data}]}
  outputs: {parameters: [{name: score, valueFrom: {path: /score}}]}
  container: {image: "docker.io/example/work:1", args: [inside]}
- name: tidy
  steps:
  - - {name: remove, template: rubbish, arguments: {parameters: [{name: depth, value: ended}]}}
- name: rubbish
  suspend: {}
"""


@pytest.fixture(scope="module")
def model() -> WorkflowModel:
    root = parse(TEXT).root
    assert type(root) is MappingNode
    return WorkflowModel(root)


def test_templates_and_what_they_take_and_give(model: WorkflowModel) -> None:
    work = model.by_name["work"]
    assert [(template.name, template.type) for template in model.templates] == [
        ("all", "dag"),
        ("work", "container"),
        ("tidy", "steps"),
        ("rubbish", "suspend"),
    ]
    assert (list(work.inputs("parameters")), list(work.inputs("artifacts"))) == (["depth"], ["data"])
    assert (list(work.outputs("parameters")), list(work.outputs("artifacts"))) == (["score"], [])


def test_calls_and_what_decides_whether_they_run(model: WorkflowModel) -> None:
    calls = {call.name: call for call in model.by_name["all"].calls}
    assert {name for name, call in calls.items() if call.is_conditional} == {"report", "each"}
    assert {target.name for call in calls.values() if (target := model.target(call)) is not None} == {"work"}
    ancestors = Ancestors(calls)
    assert [name for name in calls if ancestors.has("report", name)] == ["prepare", "train"]
    assert not ancestors.has("prepare", "report")


def test_templates_that_run_at_the_end_and_what_they_call(model: WorkflowModel) -> None:
    assert model.exit_templates == {"tidy", "rubbish"}
    assert not model.calls_elsewhere
    assert not model.is_elsewhere


def test_each_part_has_the_scope_that_its_tags_are_resolved_in(model: WorkflowModel) -> None:
    scopes = {}
    for part, scope in scoped(model):
        pending = [part]
        while pending:
            node = pending.pop()
            if type(node) is ScalarNode:
                scopes[node.text] = scope
            elif type(node) is MappingNode:
                pending.extend(node.values.values())
            else:
                pending.extend(getattr(node, "items", ()))
    assert [name for name in scopes["seen"].calls if scopes["seen"].sees(name)] == ["prepare"]
    assert scopes["looped"].loop is not None
    assert scopes["seen"].loop is None
    assert (scopes["ended"].at_exit, scopes["seen"].at_exit) == (True, False)
    assert (set(scopes["inside"].inputs("parameters")), scopes["inside"].is_call) == ({"depth"}, False)


def test_each_circle_is_told_once_at_the_dependency_on_what_stands_further_down() -> None:
    def node(line: int) -> Node:
        scalar = ScalarNode()
        scalar.line = line
        return scalar

    edges = {"a": [("b", node(1))], "b": [("c", node(2))], "c": [("a", node(3))], "d": [("d", node(4)), ("a", node(5))]}
    assert {(" -> ".join(names), at.line) for names, at in cycles(edges)} == {("a -> b -> c -> a", 1), ("d -> d", 4)}
    assert list(cycles({"a": [("b", node(1))], "b": []})) == []
