"""Print the public names with their signatures: `python .ci/public_names.py > .ci/public_names.txt`.

griffe reads them from the source without importing it. A name that is gone, or has other arguments, breaks somebody's
tests, so a change of the list is a decision, seen in the diff. Options, variables and markers are names as well:
docs/reference.md lists those, and tests/repository/test_reference.py compares.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import griffe

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
MODULES = ("", "emulator", "workflows", "workflows.checks")
"""Those whose `__all__` is public, below the package."""


def public_names(root: Path) -> list[str]:
    """Return a line for each public name, and for each public member of a class.

    Args:
        root: the folder that has the package.
    """
    package = griffe.load("pytest_aicore", search_paths=[root], resolve_aliases=True)
    lines: list[str] = []
    for name in MODULES:
        module = package[name] if name else package
        for export in sorted(map(str, module.exports)):
            lines += _lines(f"{module.path}.{export}", module[export])
    fixtures = package["fixtures"].members
    lines += [f"fixture {name}" for name in sorted(fixtures) if name.startswith("aicore_")]
    return lines


def _lines(path: str, named: griffe.Object | griffe.Alias) -> Iterator[str]:
    if named.is_alias:
        if not named.target_path.startswith("pytest_aicore."):
            yield f"{path} = {named.target_path}"  # of the SDK
            return
        named = named.final_target
    if named.is_function:
        yield f"{path}{_arguments(named)}"
    elif named.is_class:
        initializer = named.all_members.get("__init__")
        bases = f", a {', '.join(map(str, named.bases))}" if named.bases else ""
        yield f"class {path}{_arguments(initializer) if initializer else ''}{bases}".replace(") -> None", ")")
        for name, member in sorted(named.all_members.items()):
            if name == "__call__" or not name.startswith("_"):
                yield from _lines(f"{path}.{name}", member)
    else:
        yield path if named.annotation is None else f"{path}: {named.annotation}"


def _arguments(function: griffe.Function) -> str:
    shown = []
    star = False
    for each in function.parameters:
        if each.name == "self":
            continue
        name = each.name
        if each.kind is griffe.ParameterKind.var_positional:
            name, star = f"*{name}", True
        elif each.kind is griffe.ParameterKind.var_keyword:
            name = f"**{name}"
        elif each.kind is griffe.ParameterKind.keyword_only and not star:
            shown.append("*")
            star = True
        text = name if each.annotation is None else f"{name}: {each.annotation}"
        default = "" if each.default is None or each.name in ("args", "kwargs") else f" = {each.default}"
        shown.append(text + ("" if name.startswith("*") else default))
        if each.kind is griffe.ParameterKind.positional_only:
            shown[-1] += " /"
    return f"({', '.join(shown)}) -> {function.returns}"


if __name__ == "__main__":
    print(*public_names(ROOT), sep="\n")
