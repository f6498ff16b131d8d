"""Where environments of packages are kept between runs."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder (XDG Base Directory Specification); it need not exist."""
    root = os.environ.get("XDG_CACHE_HOME") or ""
    return (Path(root) if os.path.isabs(root) else Path.home() / ".cache") / "pytest-aicore"  # noqa: PTH117


__all__ = ["cache_folder"]
