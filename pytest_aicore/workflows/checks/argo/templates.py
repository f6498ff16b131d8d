"""What a template is: it has a name, and does exactly one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.argo.structure import MISSING_KEY
from pytest_aicore.workflows.checks.examples import TRAIN
from pytest_aicore.workflows.checks.rule import argo_rule
from pytest_aicore.workflows.checks.words import capital, listed
from pytest_aicore.workflows.yaml.tree import MappingNode, SequenceNode, is_given

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import TemplateModel
    from pytest_aicore.workflows.checks.argo.check import ArgoCheck

TEMPLATE_TYPE: Final = argo_rule(
    209,
    "template-type",
    "A template does nothing, or more than one thing",
    "A template has exactly one of `container`, `script`, `containerSet`, `steps`, `dag`, `resource`, `suspend`, "
    "`data`, `http` and `plugin`.",
    "spec:\n  entrypoint: train\n  templates:\n  - name: train\n    metadata: {}",
    f"spec:\n  entrypoint: train\n  templates:\n{TRAIN}",
)


def check_named(check: ArgoCheck, node: MappingNode) -> None:
    """Report a template without a name."""
    check.subject.calls_are_clear = False
    check.add(
        MISSING_KEY,
        node.keys.get("name") or node,
        f"This template has no `name`, so nothing can run it. {check.fails}",
        "Add `name:`.",
    )


def check_type(check: ArgoCheck, template: TemplateModel) -> None:
    """Report a template without a type, or with several."""
    types = [key for key in template.types if is_given(template.node, key) or key in ("suspend", "plugin")]
    where = template.node.values.get("name") or template.node
    if not types and not any(key in check.defaults.values for key in ("container", "script", "containerSet")):
        empty = next(iter(template.types), None)
        check.add(
            TEMPLATE_TYPE,
            template.node.keys[empty] if empty else where,
            f"{capital(template.title)} does nothing: "
            + (f"its `{empty}` is empty. " if empty else "it has neither `container`, `script`, `steps` nor `dag`. ")
            + check.fails,
            "Add one of them.",
        )
    elif len(types) > 1:
        check.add(
            TEMPLATE_TYPE,
            template.node.keys[types[1]],
            f"{capital(template.title)} does several things at once: {listed(types)}. {check.fails}",
            "Keep one of them, and move the others to templates of their own.",
        )


def has_broken_calls(check: ArgoCheck, template: TemplateModel) -> bool:
    """Return whether an item of the steps or tasks is not one."""
    wrong = check.wrong
    if template.type == "dag":
        tasks = template.node.mapping("dag").values.get("tasks")
        items = tasks.items if type(tasks) is SequenceNode else []
        return template.node.values["dag"] in wrong or tasks in wrong or any(item in wrong for item in items)
    steps = template.node.values["steps"]
    groups = steps.items if type(steps) is SequenceNode else []
    return steps in wrong or any(
        group in wrong or (type(group) is SequenceNode and any(item in wrong for item in group.items))
        for group in groups
    )
