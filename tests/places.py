"""Where things of the repository are, and what lies beside it on some machines."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_aicore.workflows.folder import WorkflowFolder

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pytest_aicore"
WORKFLOWS = ROOT / "workflows"
OUR_WORKFLOWS = sorted(WORKFLOWS.glob("*.yaml"))
SHARED = Path(os.environ.get("PYTEST_AICORE_SHARED") or ROOT.parent / "shared")
"""Templates and facts that are not of this project; tests that use them are skipped where they are not."""


@functools.cache
def our_folder() -> WorkflowFolder:
    """Return the workflows of this repository, read once."""
    from pytest_aicore.workflows import read_folder

    return read_folder(WORKFLOWS)
