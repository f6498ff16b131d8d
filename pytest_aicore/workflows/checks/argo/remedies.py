"""What to write instead of a value of the wrong type, so that the next check finds nothing."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.yaml.tree import MappingNode, ScalarNode

if TYPE_CHECKING:
    from collections.abc import Collection

    from pytest_aicore.workflows.yaml.tree import Node

_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh"})
_LONGEST: Final = 60
_VALUE_OF: Final = {"Parameter": "value", "ServingParameter": "default", "EnvVar": "value"}
"""The key of an item at which the value of a name belongs."""
_NAME_ALONE: Final = frozenset({"LocalObjectReference"})
"""Objects that are nothing but a name."""
SOURCES_OF_VARIABLES: Final = ("secretKeyRef", "configMapKeyRef", "fieldRef", "resourceFieldRef")


def of_command(text: str, *, has_args: bool) -> str:
    """Return how a command line, written as a string, can be written as `command` and `args`.

    Args:
        text: the string; items with dashes below a word are a part of it for YAML.
        has_args: whether the container has `args` as well.
    """
    words = [word for word in text.split() if word != "-"]
    given = []
    if words and PurePosixPath(words[0]).name in _SHELLS:
        given = [words.pop(0)]
        while words and words[0].startswith("-"):
            given.append(words.pop(0))
    line = " ".join(words)
    if len(given) == 1 and has_args:
        given.append("-c")  # the args of a container are for the shell to carry out, not a file that it reads
    if not line:
        return f"Write `command: [{', '.join(_in_quotes(word) for word in given)}]`."
    line = line.strip("'\"") if given else line
    command = 'Write `command: ["/bin/sh", "-c"]`, and '
    if len(line) > _LONGEST or '"' in line or "\\" in line:
        return command + "the command line as one string in `args`."
    if has_args:
        return command + f"in `args` one string that begins with `{line}`."
    return command + f'`args: ["{line}"]`.'


def of_map_for_list(node: MappingNode, shape: str, known: Collection[str]) -> str:
    """Return how a map can be written as the list that is expected.

    Args:
        node: the map.
        shape: of an item: the name of an object, `str`, or a list.
        known: the keys of the object that an item is.
    """
    first = next(iter(node.values), "")
    dash = "- "
    if shape.startswith("["):
        shape, dash = shape[1:-1], "- - "
    if not first:
        return "Write a list: `[]` for an empty one."
    value = node.values[first]
    if shape == "any":
        return "Write a list: each item on a line of its own that begins with a dash."
    if not known:
        text = value.text if type(value) is ScalarNode else None
        item = f"{first}: {text}" if text else first
        return f"Write each line as an item in quotes: `{dash}{_in_quotes(item)}`."
    if first in known:
        if node.flow:
            return "Put it in brackets: `[{...}]`." if dash == "- " else "Put it in two pairs of brackets: `[[{...}]]`."
        dashes = "a dash" if dash == "- " else "two dashes"
        return f"Put {dashes} before its first key, `{dash}{first}:`, and indent the others like it."
    return f"Write each as an item: `{dash}name: {first}`{_rest(value, shape)}."


def _rest(value: Node, shape: str) -> str:
    """Return what is to be written below the name of an item."""
    if shape in _NAME_ALONE or (type(value) is ScalarNode and value.kind == "null"):
        return ""
    if type(value) is not ScalarNode:
        return ", and its keys below it"
    if shape in _VALUE_OF and len(value.text) <= _LONGEST and not {'"', "\\", "\n"} & set(value.text):
        return f", and `{_VALUE_OF[shape]}: {_in_quotes(value.text)}` below it"
    if shape == "Artifact" and re.fullmatch(r"/[\w./-]*", value.text):
        return f", and `path: {value.text}` below it"
    return ", and its value with a key of its own below it"


def _in_quotes(text: str) -> str:
    return f'"{text}"' if '"' not in text else f"'{text}'"
