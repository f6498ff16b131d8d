"""What all tests of this repository have: pytest's own tool for testing plugins, and enough workers."""

from __future__ import annotations

import os

import pytest

pytest_plugins = ("pytester",)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many workers `-n auto` means: more than processors, because they wait for other processes."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return processors + min(processors, 4)
