"""What all tests of this repository have: pytest's own tool for testing plugins, and enough workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

pytest_plugins = ("pytester",)


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Return how many workers `-n auto` means: more than processors, because they wait for other processes."""
    processors = yield
    return processors + min(processors, 4)
