"""Names that Kubernetes takes for booleans, such as `n`: everything that uses one finds what declares it."""

from __future__ import annotations

from pytest_aicore.workflows.argo.dags import Ancestors
from pytest_aicore.workflows.checks import check_document
from pytest_aicore.workflows.template import WorkflowTemplate, parse_template

TEXT = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: letters, labels: {scenarios.ai.sap.com/id: "s", ai.sap.com/version: "1.0.0"}}
spec:
  entrypoint: yes
  templates:
  - name: yes
    dag:
      tasks:
      - {name: y, template: on}
      - name: n
        template: on
        depends: "y && y.Succeeded"
        arguments: {parameters: [{name: off, value: "{{tasks.y.status}}"}]}
      - {name: no, template: on, dependencies: [n]}
  - name: on
    inputs: {parameters: [{name: off, value: "1"}]}
    container: {image: "docker.io/example/work:1", command: [work, "{{inputs.parameters.off}}"]}
"""


def test_a_name_is_found_as_it_is_written() -> None:
    template = parse_template(TEXT)
    assert isinstance(template, WorkflowTemplate)
    assert [reached.name for reached in template.reachable] == ["yes", "on"]
    calls = {call.name: call for call in template.model.by_name["yes"].calls}
    ancestors = Ancestors(calls)
    assert [(name, [other for other in calls if ancestors.has(name, other)]) for name in calls] == [
        ("y", []),
        ("n", ["y"]),
        ("no", ["y", "n"]),
    ]


def test_only_the_types_of_such_names_are_reported() -> None:
    rules = {finding.rule for finding in check_document(TEXT) if finding.rule.startswith("AIC2")}
    assert rules == {"AIC202", "AIC215"}  # AIC215: the dag has both `depends` and `dependencies`
