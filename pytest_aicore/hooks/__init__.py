"""Everything that depends on pytest.

Every pytest run of the environment loads this module; the others of this folder are loaded only in sessions that use
the plugin. So the keys of what is stored at the start of a session are here.
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
"""The settings of the session, once they have been read: see `context.settings_of`."""
EMULATED_ONLY = "aicore_emulator: skipped under {option}: this fixture controls the emulator only"
"""The reason for skipping a test that asks for the fixture `aicore_emulator` where trainings really run."""
HIDING_PLUGIN = "aicore-hiding"
"""The name under which the plugin that hides secrets is registered: see `context.hiding_of`."""


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
        from pytest_aicore.hooks.toml_values import lines_of_text

        lines = lines_of_text(config, name)
        if lines is not None:
            return lines
        raise ValueError(str(error)) from None


@contextmanager
def failing_plainly() -> Iterator[None]:
    """Have the report show the message of an error of ours alone.

    A traceback of our modules does not help to find a mistake in a test or workflow. A verdict becomes a failure; other
    errors stay what they are, because reports such as Allure's take a failure for the answer of a test.
    """
    try:
        yield
    except Exception as error:
        from pytest_aicore.errors import AicoreError, VerdictError

        if isinstance(error, VerdictError):
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        if isinstance(error, AicoreError):
            error.is_shown_alone = True
        raise
