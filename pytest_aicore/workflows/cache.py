"""Where what is costly to derive or to install is kept between runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path | None:
    """Return the folder, which need not exist; None where nothing can be kept.

    The environment variable `PYTEST_AICORE_CACHE_DIR` names it, an empty one means that nothing is kept; else it is in
    the place that the system has for such folders.
    """
    folder = os.environ.get("PYTEST_AICORE_CACHE_DIR")
    if folder is None:
        if sys.platform == "win32":
            home = os.environ.get("LOCALAPPDATA")
        elif sys.platform == "darwin":
            home = str(Path("~/Library/Caches").expanduser())
        else:
            named = os.environ.get("XDG_CACHE_HOME") or ""  # a relative one is none (XDG Base Directory Specification)
            home = named if os.path.isabs(named) else str(Path("~/.cache").expanduser())  # noqa: PTH117
        if not home or home.startswith("~"):
            return None
        folder = str(Path(home) / "pytest-aicore")
    return Path(folder).absolute() if folder else None


__all__ = ["cache_folder"]
