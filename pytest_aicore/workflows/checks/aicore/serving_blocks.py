"""The string blocks of a ServingTemplate, read as the YAML that they hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.tags import without_tags
from pytest_aicore.workflows.checks.aicore.blocks import BLOCK, BLOCK_SYNTAX, Block, BlockReport
from pytest_aicore.workflows.checks.aicore.predictor import KSERVE_REFUSES
from pytest_aicore.workflows.checks.aicore.serving_placeholders import check_placeholders
from pytest_aicore.workflows.checks.document.look_alikes import take_look_alikes_out, tell_look_alikes
from pytest_aicore.workflows.checks.document.problems import check_comments, take_comments_out
from pytest_aicore.workflows.checks.document.repeated import part
from pytest_aicore.workflows.checks.document.strings import as_in_the_file
from pytest_aicore.workflows.checks.subject import REPLACED
from pytest_aicore.workflows.yaml.places import SourceError
from pytest_aicore.workflows.yaml.source import parse_all
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode

if TYPE_CHECKING:
    from pytest_aicore.workflows.checks.aicore.serving_check import ServingCheck

_JINJA_STATEMENT: Final = re.compile(r"^[ \t]*\{%", re.MULTILINE)


def read_block(check: ServingCheck, parent: MappingNode, key: str, path: str) -> tuple[BlockReport, MappingNode] | None:
    """Return the map that a block holds, and where findings in it go."""
    node = parent.values.get(key)
    if node is None or (type(node) is ScalarNode and node.kind == "null"):
        return None
    if type(node) is not ScalarNode:
        check.usage_is_clear = False
        check.add(
            BLOCK,
            parent.keys[key],
            f"`spec.template.{path}` is a {'map' if type(node) is MappingNode else 'list'}, but AI Core expects a "
            "string there: it is not rendered.",
            f"Write `{key}: |`, and leave the lines below it unchanged.",
        )
        return None
    if node.kind != "string":
        return None
    block = Block(check.report.document, node)
    check_placeholders(check, node, block)
    if _JINJA_STATEMENT.search(node.text):
        check.usage_is_clear = False
        return None  # its lines are only known when a deployment begins
    text = "\n".join(without_tags(line, REPLACED) for line in node.text.split("\n"))
    try:
        documents = parse_all(text, check.report.document.name)
    except SourceError as error:
        problem = error.problem
        if problem.kind == "empty":
            return None
        if "{{" in text:
            return None  # an unclosed placeholder is reported as that
        place = block.place(problem.place.line, problem.place.column)
        folded = node.style == ">"
        if not folded:
            problem = as_in_the_file(problem, text, block)
        check.report.add_at(
            BLOCK_SYNTAX,
            node.line if folded else place.line,
            node.column if folded else place.column,
            f"`{key}` is written with `>`, which joins its lines into one, so it is not YAML. {KSERVE_REFUSES}"
            if folded
            else f"{problem.what} {KSERVE_REFUSES}",
            "Write `|` instead." if folded else problem.remedy,
            begins=node.line,
        )
        return None
    document = documents[0]
    if type(document.root) is not MappingNode:
        check.usage_is_clear = False
        check.add(
            BLOCK_SYNTAX,
            node,
            f"`spec.template.{path}` is not a map. {KSERVE_REFUSES}",
            "Put a space after the colon: without it the line is a string."
            if re.match(r"[\w./-]+:\S", node.text)
            else "Write keys and values on the lines below `|`.",
        )
        return None
    report = BlockReport(check.report, document, block)
    check_comments(report, take_comments_out(document))
    tell_look_alikes(report, take_look_alikes_out(document))
    for again in part(document):
        report.add(
            BLOCK_SYNTAX,
            again.second,
            f"The key `{again.second.text}` is given twice in one map, in line "
            f"{block.place(again.first.line).line} and here; only the second counts.",
            again.remedy,
        )
    return report, document.root
