"""Steps and tasks: their conditions and loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.expressions import when_mistake
from pytest_aicore.workflows.argo.graph import LOOPS
from pytest_aicore.workflows.argo.tags import has_placeholder
from pytest_aicore.workflows.checks.argo import dags
from pytest_aicore.workflows.checks.argo.names import check_name, check_unique
from pytest_aicore.workflows.checks.argo.targets import check_hook, check_target, is_known_template
from pytest_aicore.workflows.checks.examples import steps
from pytest_aicore.workflows.checks.rule import argo_rule
from pytest_aicore.workflows.checks.words import listed, shortened
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, is_given

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import CallModel, TemplateModel
    from pytest_aicore.workflows.checks.argo.check import ArgoCheck

LOOP: Final = argo_rule(
    219,
    "loop",
    "A loop cannot be expanded",
    "A step or task loops over exactly one of `withItems` (a list), `withParam` (a string that holds a JSON list, or "
    "a placeholder for one) and `withSequence` (with `count` or `end`).",
    steps("withSequence: {start: 1}"),
    steps("withSequence: {count: 3}"),
)

WHEN: Final = argo_rule(
    220,
    "when",
    "A `when` condition cannot be parsed",
    "Conditions compare with `==`, `!=`, `<`, `>`, `=~` and are joined by `&&` and `||`; a text with spaces needs "
    "quotes.",
    steps("when: '{{workflow.name}} = nightly'"),
    steps("when: '{{workflow.name}} == nightly'"),
)


def check_graph(check: ArgoCheck, template: TemplateModel) -> None:
    """Report mistakes in the steps or tasks of a template."""
    calls = list(template.calls)
    check_unique(check, (call.node for call in calls), "task" if template.type == "dag" else "step")
    for call in calls:
        _call(check, call)
    if template.type == "dag":
        dags.check(check.subject, template, calls)


def _call(check: ArgoCheck, call: CallModel) -> None:
    node = call.node
    check_name(check, node, call.word)
    check_target(check, call)
    _loop(check, call)
    when = node.values.get("when")
    if type(when) is ScalarNode and when.kind == "string":
        mistake = when_mistake(when.text)
        if mistake is not None:
            check.subject.report.add_inside(
                WHEN,
                when,
                mistake.text,
                f"This condition cannot be parsed: {mistake.why}. {check.fails}",
                "Fix the condition.",
            )
    on_exit = node.values.get("onExit")
    if type(on_exit) is ScalarNode:
        is_known_template(check, on_exit, "onExit")
    for hook in call.hooks:
        check_hook(check, hook)


def _loop(check: ArgoCheck, call: CallModel) -> None:
    node = call.node
    loops = [key for key in LOOPS if is_given(node, key)]
    if len(loops) > 1:
        check.add(
            LOOP,
            node.keys[loops[1]],
            f"The {call.word} `{call.name}` has several loops: {listed(loops)}. {check.fails}",
            "Keep one of them.",
        )
        return
    parameter = node.values.get("withParam")
    if (
        type(parameter) is ScalarNode
        and parameter.kind == "string"
        and not has_placeholder(parameter.text)
        and not parameter.text.strip().startswith("[")
    ):
        check.add(
            LOOP,
            parameter,
            f"`withParam` has to be a JSON list, not `{shortened(parameter.text)}`. {check.fails}",
            'Write a placeholder ("{{...}}") or a JSON list; for a YAML list use `withItems`.',
        )
    sequence = node.values.get("withSequence")
    if type(sequence) is MappingNode:
        has_count, has_end = is_given(sequence, "count"), is_given(sequence, "end")
        if has_count and has_end:
            check.add(
                LOOP,
                sequence.keys["end"],
                f"`withSequence` has both `count` and `end`. {check.fails}",
                "Keep one of them.",
            )
        elif not has_count and not has_end:
            check.add(
                LOOP,
                node.keys["withSequence"],
                f"`withSequence` has neither `count` nor `end`. {check.fails}",
                "Add one of them.",
            )
