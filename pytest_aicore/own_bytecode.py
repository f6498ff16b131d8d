"""Has Python load the modules of this package from their own bytecode, as those of any other package.

pytest rewrites the `assert` statements of each module of a plugin's distribution, and checks what it has rewritten
against the source whenever it is imported. This package has none, so that only takes time: more than a tenth of a
session with one training, and much more where nothing can be written beside the modules.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

_PACKAGE = "pytest_aicore."
_PLUGINS = ("pytest_aicore.plugin", "pytest_aicore.fixtures")
"""pytest warns of modules that it knows as plugins and has not loaded itself."""


class _OwnBytecode:
    """Finds the modules of this package before pytest does (a `MetaPathFinder`)."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return how a module is loaded, None for those of others."""
        if not name.startswith(_PACKAGE) or name in _PLUGINS:
            return None
        return PathFinder.find_spec(name, path, target)


def use_own_bytecode() -> None:
    """Load the modules of this package that are not loaded yet without pytest."""
    if _OwnBytecode not in sys.meta_path:
        sys.meta_path.insert(0, _OwnBytecode)


def end_own_bytecode() -> None:
    """Undo it at the end of a session: Python takes milliseconds longer to end while a class of ours finds modules."""
    if _OwnBytecode in sys.meta_path:
        sys.meta_path.remove(_OwnBytecode)


__all__ = ["end_own_bytecode", "use_own_bytecode"]
