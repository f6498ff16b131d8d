"""All that knows pytest.

Every pytest run of the environment loads this module, and the others of this room only when somebody asks for something
of ours: so what is noted at the start of a session has its keys here.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_aicore.config.options import Settings

ENVIRONMENT: pytest.StashKey[dict[str, str]] = pytest.StashKey()
"""The environment variables, before a test changes one."""
SETTINGS: pytest.StashKey[Settings] = pytest.StashKey()
"""Of the session, if anybody has asked for them: see `context.settings_of`."""
HIDING_PLUGIN = "aicore-hiding"
"""What pytest calls that which hides secrets: see `context.hiding_of`."""


def environment_at_start(config: pytest.Config) -> dict[str, str]:
    """Return the environment variables as they were when the session began."""
    return config.stash.get(ENVIRONMENT, None) or dict(os.environ)


def ini_value(config: pytest.Config, name: str) -> object:
    """Return an ini value of ours.

    Args:
        config: of pytest.
        name: of the value.

    Raises:
        ValueError: pytest cannot read it.
    """
    try:
        return config.getini(name)
    except (TypeError, ValueError, pytest.UsageError) as error:
        raise ValueError(str(error)) from None


@contextmanager
def failing_plainly() -> Iterator[None]:
    """Turn an error of ours into a failure that shows its message alone.

    A traceback of our modules does not help to find a mistake in a test or workflow.
    """
    try:
        yield
    except Exception as error:
        from pytest_aicore.errors import AicoreError

        if not isinstance(error, AicoreError):
            raise
        raise pytest.fail.Exception(str(error), pytrace=False) from None
