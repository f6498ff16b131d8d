"""Keys of a template's head that are indented like the wrong neighbours: told once, and put where they were meant.

Who looks at labels, annotations and the specification shall find them there: a slip of the indentation is not told
once more by all that seems to be missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.checks.argo.structure import MISPLACED_KEY, UNKNOWN_KEY, opened
from pytest_aicore.workflows.checks.rule import Severity
from pytest_aicore.workflows.checks.words import hint_for, nearest
from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.workflows.checks.report import Report

_OF_ROOT: Final = ("apiVersion", "kind", "metadata", "spec", "status")
_OF_METADATA: Final = ("labels", "annotations", "name")
_OF_LABELS: Final = ("scenarios.ai.sap.com/id", "executables.ai.sap.com/id", "ai.sap.com/version")


class Slip:
    """A key that was moved.

    Attributes:
        key: the key, at its place in the file.
        above: the key that it belongs below.
    """

    def __init__(self, key: ScalarNode, above: str) -> None:
        """Take a key."""
        self.key = key
        self.above = above

    def tell(self, report: Report) -> None:
        """Report it."""
        where = f"belongs in `{self.above}`" if self.above else "is nested in another part of the template"
        report.add(
            MISPLACED_KEY,
            self.key,
            f"`{self.key.text}` {where}: in its current place Kubernetes silently drops it.",
            f"Indent it like the other keys of `{self.above}`." if self.above else "Do not indent it.",
        )


class Misspelt:
    """A mistyped key of the whole template, corrected in the tree.

    Attributes:
        key: the key, at its place in the file.
        written: how it was written.
    """

    def __init__(self, key: ScalarNode, written: str) -> None:
        """Take a key that has been corrected."""
        self.key = key
        self.written = written

    def tell(self, report: Report) -> None:
        """Report it."""
        report.add(
            UNKNOWN_KEY,
            self.key,
            f"A template has no key `{self.written}`: Kubernetes refuses it, or drops it with everything below it.",
            f"Write `{self.key.text}:`.",
            hint=hint_for(self.key.text),
            severity=Severity.ERROR,
        )


def _misspelt(root: MappingNode) -> list[Slip | Misspelt]:
    """Correct mistyped keys of the whole template."""
    found: list[Slip | Misspelt] = []
    for text in [text for text in root.values if text not in _OF_ROOT]:
        near = nearest(text, _OF_ROOT)
        if near is not None and near not in root.values:
            key = root.keys.pop(text)
            root.values[near], root.keys[near] = root.values.pop(text), key
            key.text = near
            found.append(Misspelt(key, text))
    return found


def mend(root: MappingNode) -> list[Slip | Misspelt]:
    """Correct the indentation of the head of a template, and return what was moved.

    Args:
        root: the whole document.
    """
    misspelt = _misspelt(root)
    metadata = opened(root, "metadata") if "metadata" in root.values else None
    if metadata is None or root.flow:
        return misspelt
    slips: list[Slip | Misspelt] = [*misspelt]
    if "spec" in metadata.values and "spec" not in root.values:
        slips.append(_moved("spec", metadata, root, "", set(metadata.values) - {*_OF_METADATA, "namespace"}))
    slips.extend(
        _moved(key, root, metadata, "metadata", _with_slash(root))
        for key in _OF_METADATA
        if key in root.values and key not in metadata.values
    )
    for outer, inner in (("annotations", "labels"), ("labels", "annotations")):
        part = metadata.mapping(outer)
        node = part.values.get(inner)
        if inner in metadata.values or not (type(node) is MappingNode or _is_empty(node)):
            continue
        slip = _moved(inner, part, metadata, "metadata", _with_slash(part))
        if not any(other.key.text == outer for other in slips):  # else it is there because the other one was moved
            slips.append(slip)
    for owner in (metadata, root):
        slips.extend(_loose_keys(owner, metadata))
    return slips


def _moved(key: str, source: MappingNode, target: MappingNode, above: str, beside: Iterable[str]) -> Slip:
    """Move a key, with the keys after it that belong in it."""
    keys = list(source.values)
    value = opened(source, key) if _is_empty(source.values[key]) and key != "name" else None
    if value is not None:
        for other in [other for other in keys[keys.index(key) + 1 :] if other in beside]:
            value.values[other], value.keys[other] = source.values.pop(other), source.keys.pop(other)
    node = source.keys.pop(key)
    target.values[key], target.keys[key] = source.values.pop(key), node
    return Slip(node, above)


def _loose_keys(owner: MappingNode, metadata: MappingNode) -> list[Slip]:
    """Move labels and annotations of AI Core that are beside the map that they belong in."""
    slips: list[Slip] = []
    told: set[str] = set()
    for key in [key for key in owner.values if "ai.sap.com/" in key]:
        part = "labels" if key in _OF_LABELS else "annotations"
        home = opened(metadata, part) if part in metadata.values else None
        if home is None or key in home.values or type(owner.values[key]) is not ScalarNode:
            continue
        home.values[key], home.keys[key] = owner.values.pop(key), owner.keys.pop(key)
        if part not in told:
            told.add(part)
            slips.append(Slip(home.keys[key], f"metadata.{part}"))
    return slips


def _with_slash(mapping: MappingNode) -> set[str]:
    return {key for key in mapping.values if "/" in key}


def _is_empty(node: object) -> bool:
    return type(node) is ScalarNode and node.kind == "null"
