"""The items of loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.examples import two_steps
from pytest_aicore.workflows.checks.rule import Severity, argo_rule
from pytest_aicore.workflows.checks.words import typo_hint
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import CallModel
    from pytest_aicore.workflows.argo.scopes import Scope
    from pytest_aicore.workflows.checks.argo.references.check import ReferenceCheck

ITEM: Final = argo_rule(
    246,
    "item-without-loop",
    "`{{item}}` is used outside a loop",
    "`{{item}}` is the current item of `withItems`, `withParam` or `withSequence` of the same step or task; "
    "`{{item.KEY}}` needs items that are maps with that key.",
    two_steps("{{item}}"),
    two_steps("{{item}}", "withItems: [1, 2]"),
)


def check_item(check: ReferenceCheck, node: ScalarNode, text: str, tag: str, rest: str, scope: Scope) -> None:
    """Report an item used outside a loop, or a key that the item does not have."""
    loop: CallModel | None = None
    around: Scope | None = scope
    while around is not None and loop is None:
        loop, around = around.loop, around.outer
    if loop is None:
        if not scope.is_call and not rest:
            # A script may well have loops and placeholders of its own.
            severity: Severity | None = Severity.WARNING
            happens = "It stays in the text, braces included."
        else:
            severity, happens = None, check.fails
        check.add(
            ITEM,
            node,
            text,
            f"`{{{{{tag}}}}}` is used outside a loop. {happens}",
            _how_to_loop(rest)
            if scope.is_call
            else "Pass it as an argument: declare an input parameter of this template, and give it `{{item}}` in "
            "the step or task that loops.",
            severity=severity,
        )
        return
    if not rest:
        return
    items = loop.node.values.get("withItems")
    if "withSequence" in loop.loops and len(loop.loops) == 1:
        check.add(
            ITEM,
            node,
            text,
            f"The items of `withSequence` are numbers, so they have no `{rest}`. {check.fails}",
            "Write `{{item}}`.",
        )
    elif type(items) is SequenceNode and items.items:
        _item_key(check, node, text, rest, items)


def _how_to_loop(key: str) -> str:
    if not key:
        return "Add `withItems`, `withParam` or `withSequence` to the step or task."
    return f"Add `withItems` or `withParam` to the step or task, with maps that have the key `{key}`."


def _item_key(check: ReferenceCheck, node: ScalarNode, text: str, key: str, items: SequenceNode) -> None:
    for item in items.items:
        if type(item) is MappingNode:
            if key not in item.values:
                check.add(
                    ITEM,
                    node,
                    text,
                    f"The item in line {item.line} of the loop has no key `{key}`. {check.fails}",
                    "Add the key to every item, or name another one.",
                    hint=typo_hint(key, item.values),
                )
                return
        elif type(item) is ScalarNode and "{{" not in item.text and not item.text.lstrip().startswith("{"):
            check.add(
                ITEM,
                node,
                text,
                f"The items of the loop are single values, so they have no `{key}`. {check.fails}",
                f"Write `{{{{item}}}}`, or make the items maps with the key `{key}`.",
            )
            return
