"""The texts of a workflow, with what they are for: a value that Argo or Kubernetes reads, or a text of another kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.workflows.yaml.tree import Node

Use: TypeAlias = Literal["value", "program", "prose"]

_PROGRAMS: Final = frozenset(
    {"args", "command", "source", "value", "default", "enum", "withItems", "annotations", "manifest", "podSpecPatch"}
    | {"mergeStrategy", "data", "body", "plugin"}
)
"""Keys of programs, prompts and the like: texts that may have placeholders of a language of their own."""
_PROSE: Final = frozenset({"description", "help", "message", "workflows.argoproj.io/description"})


class Text(NamedTuple):
    """A text of a workflow.

    Attributes:
        node: the scalar.
        key: the key that it stands at; of an item of a list the key of the list.
        use: whether Argo, Kubernetes or AI Core use its value, or it is a program (or another text that may have
            placeholders of its own), or only people read it.
        is_metric: whether it belongs to a metric.
    """

    node: ScalarNode
    key: str
    use: Use
    is_metric: bool

    @property
    def is_whole(self) -> bool:
        """Whether it is one value: brackets around the whole of it were left to be filled in."""
        return self.node.kind == "string" and (self.use == "value" or self.key in ("value", "default"))


def texts(root: Node) -> Iterator[Text]:
    """Yield the texts below a node."""
    pending: list[tuple[Node, str, Use, bool]] = [(root, "", "value", False)]
    while pending:
        node, key, use, is_metric = pending.pop()
        if type(node) is ScalarNode:
            yield Text(node, key, use, is_metric)
        elif type(node) is MappingNode:
            pending.extend(
                (value, name, _use(name, use), is_metric or name == "prometheus") for name, value in node.values.items()
            )
        elif type(node) is SequenceNode:
            pending.extend((item, key, use, is_metric) for item in node.items)


def _use(key: str, around: Use) -> Use:
    return "prose" if key in _PROSE else "program" if key in _PROGRAMS else around
