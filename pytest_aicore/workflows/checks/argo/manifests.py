"""The manifests of resource templates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.argo.tags import without_tags
from pytest_aicore.workflows.checks.document.strings import as_in_the_file
from pytest_aicore.workflows.checks.rule import argo_rule
from pytest_aicore.workflows.checks.subject import REPLACED
from pytest_aicore.workflows.template import StringBlock
from pytest_aicore.workflows.yaml.places import SourceError
from pytest_aicore.workflows.yaml.source import parse_all
from pytest_aicore.workflows.yaml.tree import ScalarNode

if TYPE_CHECKING:
    from pytest_aicore.workflows.argo.graph import TemplateModel
    from pytest_aicore.workflows.checks.argo.check import ArgoCheck

_EXAMPLE: Final = """\
spec:
  entrypoint: create
  templates:
  - name: create
    resource:
      action: create
      manifest: |
        kind: ConfigMap
        data: {depth: '3'}"""

MANIFEST: Final = argo_rule(
    236,
    "manifest",
    "The manifest of a resource template is not YAML",
    "Argo reads `resource.manifest` as YAML before the workflow starts, and refuses one that cannot be read.",
    _EXAMPLE.replace("}", ""),
    _EXAMPLE,
)
_FILLED_IN_BEFORE: Final = re.compile(r"\{%|<%|@\w+@")
"""What only makes YAML once another tool has filled it in."""


def check_manifest(check: ArgoCheck, template: TemplateModel) -> None:
    """Report a manifest that cannot be read; its placeholders stand for values of one word."""
    node = template.node.mapping("resource").values.get("manifest")
    if type(node) is not ScalarNode or node.kind != "string" or _FILLED_IN_BEFORE.search(node.text):
        return
    document = check.subject.report.document
    text = without_tags(node.text, REPLACED)
    if "{{" in text:
        return  # a placeholder that is not closed is reported as that
    try:
        parse_all(text, document.name)
    except SourceError as error:
        problem = error.problem
        if problem.kind == "empty":
            return
        block = StringBlock(document, node)
        place = block.place(problem.place.line, problem.place.column)
        if node.style == "|":
            problem = as_in_the_file(problem, text, block)
        check.subject.report.add_at(
            MANIFEST,
            place.line,
            place.column,
            f"The `manifest` is not YAML: {problem.what[:1].lower()}{problem.what[1:]} {check.fails}",
            problem.remedy,
            begins=node.line,
        )
