"""The paths of `jsonpath(text, path)`, as far as they are written out: `$.a['b'][0][*]`."""

from __future__ import annotations

import json
import re
from typing import Any, Final

_STEP: Final = re.compile(
    r"\.(?P<name>[\w-]+)|\[(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<index>-?\d+))\]|(?P<all>\.\*|\[\*\])"
)


def at_path(text: str, path: str) -> Any:
    """Return what a path leads to in a JSON text; numbers are floats, as in Go.

    Args:
        text: the JSON.
        path: from `$` on.

    Raises:
        ValueError: the text is not JSON, the path leads nowhere, or it has filters or the like.
    """
    value = json.loads(text, parse_int=float)
    if not path.startswith("$"):
        raise ValueError(f"{path}: a path begins with `$`")
    position, is_many = 1, False
    found = [value]
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            raise ValueError(f"{path}: `{path[position:]}` is not known on this machine")
        position = step.end()
        if step["all"]:
            is_many = True
            found = [child for each in found for child in _children(each, path)]
        else:
            key = next(step[name] for name in ("name", "single", "double", "index") if step[name] is not None)
            found = [_child(each, key, is_index=step["index"] is not None, path=path) for each in found]
    return found if is_many else found[0]


def _children(owner: Any, path: str) -> list[Any]:
    if isinstance(owner, dict):
        return [owner[key] for key in sorted(owner)]
    if isinstance(owner, list):
        return owner
    raise ValueError(f"{path} leads nowhere")


def _child(owner: Any, key: str, *, is_index: bool, path: str) -> Any:
    if is_index and isinstance(owner, list) and -len(owner) <= int(key) < len(owner):
        return owner[int(key)]
    if not is_index and isinstance(owner, dict) and key in owner:
        return owner[key]
    raise ValueError(f"{path} leads nowhere")


__all__ = ["at_path"]
