"""What the tests of reading have in common: the choice of the parser, trees as plain values, a template to vary."""

from __future__ import annotations

from contextlib import contextmanager
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.errors import WorkflowError
from pytest_aicore.workflows.yaml import source
from pytest_aicore.workflows.yaml.tree import MappingNode, Node, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Iterator


_PARSERS = {"python": source._PureLoader, "installed": source._Loader}
PARSERS = ("libyaml", "python") if _PARSERS["installed"] is not _PARSERS["python"] else ("python",)


@contextmanager
def use_parser(name: str) -> Iterator[None]:
    """Read YAML with one of the two parsers, whichever is installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "_Loader", _PARSERS["python" if name == "python" else "installed"])
        yield


def shape(node: Node) -> Any:
    """Return all that a tree says: places, styles and tags included."""
    place = (node.tag, node.line, node.column, node.end_line, node.end_column)
    if isinstance(node, ScalarNode):
        return (*place, node.style, node.text, node.kind, node.value)
    if isinstance(node, SequenceNode):
        return (*place, node.flow, [shape(item) for item in node.items])
    assert isinstance(node, MappingNode)
    return (*place, node.flow, [(shape(node.keys[key]), shape(value)) for key, value in node.values.items()])


def message(text: str | bytes, name: str = "w.yaml") -> str:
    """Return the message with which a text is refused as a template."""
    with pytest.raises(WorkflowError) as caught:
        source_or_template(text, name)
    return str(caught.value)


def source_or_template(text: str | bytes, name: str) -> object:
    """Parse a text as users do."""
    from pytest_aicore.workflows import parse_template

    return parse_template(text, name)


def workflow(spec: str, annotations: str = "") -> str:
    """Return a WorkflowTemplate with a given spec, and annotations besides the mandatory ones."""
    return (
        dedent(
            """\
            apiVersion: argoproj.io/v1alpha1
            kind: WorkflowTemplate
            metadata:
              name: some-training
              labels:
                scenarios.ai.sap.com/id: some-scenario
                ai.sap.com/version: "1.0"
              annotations:
                scenarios.ai.sap.com/name: Some scenario
                executables.ai.sap.com/name: Some training
            """
        )
        + indent(dedent(annotations), "    ")
        + "spec:\n"
        + indent(dedent(spec), "  ")
    )
