"""The workflow as a whole: something to run, a beginning, and a way from there to everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.argo.targets import is_known_template
from pytest_aicore.workflows.checks.examples import TRAIN, steps
from pytest_aicore.workflows.checks.rule import Severity, argo_rule
from pytest_aicore.workflows.yaml.tree import ScalarNode, SequenceNode, is_given

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import CallModel, TemplateModel
    from pytest_aicore.workflows.checks.argo.check import ArgoCheck
    from pytest_aicore.workflows.yaml.tree import Node

NO_TEMPLATES: Final = argo_rule(
    206,
    "no-templates",
    "The workflow has no templates",
    "A workflow is what its templates do; without `spec.templates` there is nothing to run.",
    "spec:\n  entrypoint: train",
    f"spec:\n  entrypoint: train\n  templates:\n{TRAIN}",
)

ENTRYPOINT: Final = argo_rule(
    207,
    "no-entrypoint",
    "The workflow has no entrypoint",
    "Argo starts with the template that `spec.entrypoint` names.",
    f"spec:\n  templates:\n{TRAIN}",
    f"spec:\n  entrypoint: train\n  templates:\n{TRAIN}",
)

UNREACHABLE: Final = argo_rule(
    217,
    "unreachable-template",
    "No run ever reaches this template",
    "Neither the entrypoint nor an exit handler leads to it. Its inputs are not bound, its outputs not registered; "
    "often a step was forgotten, or names the wrong template.",
    f"spec:\n  entrypoint: train\n  templates:\n{TRAIN}\n{TRAIN.replace('train', 'report', 1)}",
    f"spec:\n  entrypoint: train\n  templates:\n{TRAIN}",
    Severity.WARNING,
)

ENDLESS: Final = argo_rule(
    218,
    "endless-recursion",
    "A template calls itself without a condition",
    "Templates may call themselves, but a `when` or an empty loop has to end that. Argo gives up at a depth "
    "of 100 calls.",
    steps(called="main", template=""),
    steps(),
)


def has_templates(check: ArgoCheck) -> bool:
    """Return whether there are templates, and report where there are none."""
    if check.model.templates:
        return True
    spec = check.model.spec
    if check.model.is_elsewhere or check.subject.is_library:
        return False
    node = spec.values.get("templates")
    if type(node) is SequenceNode and node.items:
        return False
    check.add(
        NO_TEMPLATES,
        spec.keys.get("templates") or _spec_key(check),
        f"The workflow has no templates, so there is nothing to run. {check.fails}",
        "Add `spec.templates` with the templates to run.",
    )
    return False


def _spec_key(check: ArgoCheck) -> Node:
    root = check.subject.root
    return root.keys.get("spec") or root.keys.get("kind") or root


def check_entrypoint(check: ArgoCheck) -> None:
    """Report an entrypoint that is missing or unknown, or an unknown exit handler."""
    spec = check.model.spec
    node = spec.values.get("entrypoint")
    if not is_given(spec, "entrypoint"):
        if check.model.is_elsewhere or check.subject.is_library:
            return
        names = list(check.model.by_name)
        check.add(
            ENTRYPOINT,
            spec.keys.get("entrypoint") or _spec_key(check),
            f"The workflow has no `entrypoint`, so Argo does not know which template to start with. {check.fails}",
            f"Add `entrypoint: {names[0]}`." if len(names) == 1 else "Name one of its templates.",
        )
    elif type(node) is ScalarNode and node not in check.wrong and not check.model.is_elsewhere:
        is_known_template(check, node, "entrypoint")
    on_exit = spec.values.get("onExit")
    if type(on_exit) is ScalarNode:
        is_known_template(check, on_exit, "onExit")


def check_reachable(check: ArgoCheck) -> None:
    """Report templates that no run reaches."""
    subject = check.subject
    if subject.is_library or not check.subject.calls_are_clear or check.model.is_elsewhere:
        return
    if (check.model.spec.name("entrypoint") or "") not in check.model.by_name:
        return
    if subject.metadata.name("name") in subject.workflow.external_references:
        return
    reached = {template.node for template in subject.workflow.reachable}
    seen: set[str] = set()
    for template in check.model.templates:
        first = template.name not in seen
        seen.add(template.name)
        if template.name and first and template.node not in reached:
            check.add(
                UNREACHABLE,
                template.node.values["name"],
                f"The template `{template.name}` is not reachable from the entrypoint, so it never runs.",
                "Call it in a step or task, or remove it.",
            )


def check_endless(check: ArgoCheck) -> None:
    """Report recursive calls without a condition that could end them."""
    done: set[Node] = set()
    for start in check.model.templates:
        path: list[Node] = []
        pending: list[tuple[TemplateModel, CallModel | None, bool]] = [(start, None, False)]
        while pending:
            template, call, leaves = pending.pop()
            if leaves:
                path.pop()
                done.add(template.node)
                continue
            if template.node in path:
                if call is not None:
                    check.add(
                        ENDLESS,
                        call.node,
                        f"This {call.word} runs the template `{template.name}` in an endless recursion: nothing on "
                        "the way back to it is conditional. Argo ends the run with an error at 100 levels.",
                        "Give it a `when`, or remove it.",
                    )
                continue
            if template.node in done:
                continue
            path.append(template.node)
            pending.append((template, None, True))
            for inner in template.calls:
                target = check.model.target(inner)
                if target is not None and not inner.is_conditional:
                    pending.append((target, inner, False))
