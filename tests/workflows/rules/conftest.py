"""Whatever is kept of hera's models is kept for the session alone, not in the home of who runs the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def _cache_of_types(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_AICORE_CACHE_DIR", str(tmp_path_factory.mktemp("types")))
        yield
