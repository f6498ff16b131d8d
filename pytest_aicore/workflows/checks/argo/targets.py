"""Which template a step, a task, a hook or a handler runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.tags import has_placeholder
from pytest_aicore.workflows.checks.argo.arguments import check_arguments
from pytest_aicore.workflows.checks.examples import TRAIN, steps
from pytest_aicore.workflows.checks.rule import Severity, argo_rule
from pytest_aicore.workflows.checks.words import listed, typo_hint
from pytest_aicore.workflows.yaml.tree import ScalarNode, is_given

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import CallModel
    from pytest_aicore.workflows.checks.argo.check import ArgoCheck

UNKNOWN_TEMPLATE: Final = argo_rule(
    208,
    "unknown-template",
    "The name of a template is unknown",
    "`entrypoint`, `onExit`, steps, tasks and hooks name templates of the same file; names are case-sensitive.",
    f"spec:\n  entrypoint: trian\n  templates:\n{TRAIN}",
    f"spec:\n  entrypoint: train\n  templates:\n{TRAIN}",
)

CALL_TARGET: Final = argo_rule(
    212,
    "call-target",
    "A step or task runs no template, or more than one",
    "A step, task or hook has exactly one of `template`, `templateRef` and `inline`.",
    steps(called=""),
    steps(),
)

HOOK: Final = argo_rule(
    233,
    "hook-without-expression",
    "A hook has no `expression`, so it never runs",
    "Only the hook `exit` runs by itself; each other one runs when its `expression` becomes true.",
    f"spec:\n  entrypoint: train\n  hooks:\n    running:\n      template: train\n  templates:\n{TRAIN}",
    f"spec:\n  entrypoint: train\n  hooks:\n    exit:\n      template: train\n  templates:\n{TRAIN}",
    Severity.WARNING,
)


def _may_be_meant(check: ArgoCheck) -> bool:
    """Return whether a template without a name, or one of two of one name, was meant to have another one."""
    return check.has_twins or any(not template.name for template in check.model.templates)


def is_known_template(check: ArgoCheck, node: ScalarNode, key: str) -> bool:
    """Return whether a template of the file is named, and report a name that no template has."""
    name = node.name
    if not name or node in check.wrong:
        return False
    if has_placeholder(name):
        check.subject.calls_are_clear = False
        return False
    if name in check.model.by_name:
        return True
    check.subject.calls_are_clear = False
    if check.model.is_elsewhere or (_may_be_meant(check) and typo_hint(name, check.model.by_name) is None):
        return False
    known = ", ".join(f"`{known}`" for known in list(check.model.by_name)[:8])
    check.add(
        UNKNOWN_TEMPLATE,
        node,
        f"`{key}` names the unknown template `{name}`. {check.fails}",
        f"Name one of {known}, or add the template.",
        hint=typo_hint(name, check.model.by_name),
    )
    return False


def check_hook(check: ArgoCheck, hook: CallModel) -> None:
    """Report a hook that runs nothing, or never."""
    check_target(check, hook)
    if hook.name != "exit" and not hook.node.text("expression"):
        check.add(
            HOOK,
            hook.node,
            f"The hook `{hook.name}` has no `expression`, so it never runs.",
            "Add `expression:`, or call it `exit` if it should run at the end.",
        )


def check_target(check: ArgoCheck, call: CallModel) -> None:
    """Report a call that runs no template or several, and arguments that do not fit the one it runs."""
    node = call.node
    given = [key for key in ("template", "templateRef", "inline") if is_given(node, key)]
    what = f"The {call.word} `{call.name}`" if call.name else f"This {call.word}"
    if not given:
        check.subject.calls_are_clear = False
        check.add(
            CALL_TARGET,
            node.keys.get("template") or node,
            f"{what} runs no template. {check.fails}",
            "Add `template:` with the name of one.",
        )
        return
    if len(given) > 1:
        check.add(
            CALL_TARGET,
            node.keys[given[1]],
            f"{what} has {listed(given)}, but can run only one template. {check.fails}",
            "Keep one of them.",
        )
        return
    if given == ["templateRef"]:
        reference = node.mapping("templateRef")
        for key in ("name", "template"):
            if not reference.text(key) and node.values["templateRef"] not in check.wrong:
                check.add(
                    CALL_TARGET,
                    node.keys["templateRef"],
                    f"`templateRef` of {what[0].lower() + what[1:]} has no `{key}`. {check.fails}",
                    "Add `name:` of the WorkflowTemplate and `template:` in it.",
                )
                break
    template = node.values.get("template")
    if type(template) is ScalarNode and given == ["template"]:
        is_known_template(check, template, "template")
    check_arguments(check, call, what)
