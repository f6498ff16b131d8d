"""Where things of the repository are, and what lies beside it on some machines."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pytest_aicore"
WORKFLOWS = ROOT / "workflows"
OUR_WORKFLOWS = sorted(WORKFLOWS.glob("*.yaml"))
SHARED = Path(os.environ.get("PYTEST_AICORE_SHARED") or ROOT.parent / "shared")
"""Templates and facts that are not of this project; tests that use them are skipped where they are not."""
