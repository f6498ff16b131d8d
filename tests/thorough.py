"""How many examples the tests of damage try: some in each run, all of them in `.ci/run all`."""

from __future__ import annotations

import os

THOROUGH = os.environ.get("PYTEST_AICORE_THOROUGH") == "1"
_SHARE = 4


def examples(number: int) -> int:
    """Return how many examples to try.

    Args:
        number: how many a thorough run tries.
    """
    return number if THOROUGH else number // _SHARE
