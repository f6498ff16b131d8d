"""Keys that a map has twice because something is missing between them: a dash, or `---`.

What is missing is put there, so that nothing else is told of what seems to be lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_aicore.workflows.yaml.tree import MappingNode, SequenceNode, map_at, walk

if TYPE_CHECKING:
    from pytest_aicore.workflows.yaml.tree import Document, DuplicateKey, Node, ScalarNode

_DOING: Final = frozenset({"container", "script", "steps", "dag", "containerSet", "template", "templateRef", "image"})
"""What items have that are more than a name."""

_HEAD: Final = ("apiVersion", "kind", "metadata")


class Repeated(NamedTuple):
    """A duplicate key.

    Attributes:
        first: the first key.
        second: the second key.
        ignored: how AI Core would handle the two, part of a sentence.
        remedy: what to do about it.
    """

    first: ScalarNode
    second: ScalarNode
    ignored: str
    remedy: str


def part(document: Document) -> list[Repeated]:
    """Return the duplicate keys, and separate list items or templates that were meant to be separate.

    Args:
        document: the document; its tree is changed.
    """
    if not document.duplicates:
        return []
    found: list[Repeated] = []
    lists = {
        item: node
        for node in walk(document.root)
        if type(node) is SequenceNode and not node.flow
        for item in node.items
    }
    of_parent: dict[Node, list[DuplicateKey]] = {}
    for duplicate in document.duplicates:
        of_parent.setdefault(duplicate.parent, []).append(duplicate)
    for duplicates in of_parent.values():
        parent = duplicates[0].parent
        around = lists.get(parent)
        first = next(iter(parent.keys))
        if parent is document.root and len({one.second.text for one in duplicates} & set(_HEAD)) > 1:
            found.append(_second_template(parent, duplicates))
        elif around is not None and not parent.flow and _lacks_a_dash(parent, duplicates, first):
            found += _items(parent, duplicates, around, first)
        else:
            found += [_twice(one.first, one.second) for one in duplicates]
    return sorted(found, key=lambda one: (one.second.line, one.second.column))


def _lacks_a_dash(parent: MappingNode, duplicates: list[DuplicateKey], first: str) -> bool:
    """Return whether a map is two items: its first key is repeated, and not just on the next line."""
    again = next((one for one in duplicates if one.second.text == first), None)
    if again is None:
        return False
    between = [
        key for key in (*parent.keys.values(), *(one.first for one in duplicates)) if key.line < again.second.line
    ]
    return len(between) > 1 or not _DOING & set(parent.keys)


def _twice(first: ScalarNode, second: ScalarNode) -> Repeated:
    return Repeated(first, second, "only see the second", "Remove one of them.")


def _second_template(root: MappingNode, duplicates: list[DuplicateKey]) -> Repeated:
    """Restore the keys of the first template that the second one has overwritten."""
    for duplicate in reversed(duplicates):
        root.keys[duplicate.first.text], root.values[duplicate.first.text] = duplicate.first, duplicate.value
    begin = duplicates[0]
    return Repeated(
        begin.first,
        begin.second,
        "mix two templates",
        "Put each template in its own file; in one file they need a line `---` between them.",
    )


def _items(parent: MappingNode, duplicates: list[DuplicateKey], around: SequenceNode, first: str) -> list[Repeated]:
    """Make a separate item of each part that begins with the first key."""
    entries = [(key, parent.values[text]) for text, key in parent.keys.items()]
    entries += [(one.first, one.value) for one in duplicates]
    entries.sort(key=lambda entry: (entry[0].line, entry[0].column))
    found: list[Repeated] = []
    items: list[Node] = []
    item = parent
    parent.keys, parent.values = {}, {}
    begin = entries[0][0]
    for key, value in entries:
        if key.text == first and key is not begin:
            found.append(
                Repeated(
                    begin,
                    key,
                    "only see the second",
                    "Put a dash before it if another item of the list begins here; else remove one of them.",
                )
            )
            begin = key
            item = map_at(key)
            items.append(item)
        elif key.text in item.keys:
            found.append(_twice(item.keys[key.text], key))
        item.keys[key.text], item.values[key.text] = key, value
        item.end_line, item.end_column = value.end_line, value.end_column
    at = next(index for index, node in enumerate(around.items) if node is parent)
    around.items[at + 1 : at + 1] = items
    return found
