"""Environment variables of containers, in workflows and in inference services."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.examples import example_container
from pytest_aicore.workflows.checks.rule import Severity, argo_rule
from pytest_aicore.workflows.checks.subject import is_replaced
from pytest_aicore.workflows.yaml.tree import is_given

if TYPE_CHECKING:
    from pytest_aicore.workflows.checks.report import Report
    from pytest_aicore.workflows.yaml.tree import MappingNode, Node

ENVIRONMENT: Final = argo_rule(
    231,
    "environment",
    "An environment variable has two values, or an invalid name",
    "Kubernetes refuses a variable with both `value` and `valueFrom`, and names with other characters than letters, "
    "digits, `_`, `-` and `.`; of two variables with one name the last counts.",
    example_container("env:\n  - name: TREE DEPTH\n    value: '3'"),
    example_container("env:\n  - name: TREE_DEPTH\n    value: '3'"),
)
_ENVIRONMENT_NAME: Final = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


def check_environment(report: Report, container: MappingNode, wrong: set[Node]) -> None:
    """Report environment variables that Kubernetes refuses, or that hide each other."""
    seen: dict[str, int] = {}
    for variable in container.mappings_of("env"):
        name = variable.name("name")
        if not name:
            continue
        node = variable.values["name"]
        if is_replaced(name) or node in wrong:
            continue
        if not _ENVIRONMENT_NAME.fullmatch(name):
            report.add(
                ENVIRONMENT,
                node,
                f"Invalid name `{name}` of an environment variable; Kubernetes refuses the pod.",
                "Use letters, digits and underscores, and no digit first.",
            )
        if variable.text("value") and is_given(variable, "valueFrom"):
            report.add(
                ENVIRONMENT,
                variable.keys["valueFrom"],
                f"The environment variable `{name}` has both `value` and `valueFrom`; Kubernetes refuses the pod.",
                "Keep one of them.",
            )
        if name in seen:
            report.add(
                ENVIRONMENT,
                node,
                f"The environment variable `{name}` is set in line {seen[name]} and here; only this one counts.",
                "Remove one of them.",
                severity=Severity.WARNING,
            )
        seen.setdefault(name, node.line)
