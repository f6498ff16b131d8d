"""The settings of the project in the current folder, as pytest reads them: what counts where nothing is named."""

from __future__ import annotations

import os
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.config.settings import Given, read_settings
from pytest_aicore.errors import AicoreError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_aicore.config.options import Settings
    from pytest_aicore.config.setting import Setting


def workflows_folders() -> Setting[tuple[Path, ...]]:
    """Return the workflows folders of the project in the current folder, and what names them.

    Raises:
        SettingsError: pytest cannot read its settings, or a folder does not exist.
    """
    settings = project_settings()
    if settings is None:
        raise SettingsError(
            "No file or folder is named, and pytest cannot read the settings that name the workflows folder: `pytest"
            " --collect-only` says why. Name a folder."
        )
    return _existing(settings.workflows)


def project_settings() -> Settings | None:
    """Return the settings of the project in the current folder, None if pytest cannot read them.

    Raises:
        SettingsError: one of them cannot be used.
    """
    reader = _SettingsReader()
    # The conftest of a project may import much, and is rarely needed to read its ini file.
    for arguments in (["--noconftest"], []):
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            # Rewriting assertions warns of modules that are imported already, and the project may make that an error.
            pytest.main(["--assert=plain", *arguments], plugins=[reader])
        if reader.error is not None:
            raise reader.error
        if reader.found is not None:
            return reader.found
    return None


def _existing(folders: Setting[tuple[Path, ...]]) -> Setting[tuple[Path, ...]]:
    for folder in folders.value:
        if not folder.is_dir():
            raise SettingsError(
                f"No file or folder is named, and the workflows folder '{os.path.relpath(folder)}' ({folders.source})"
                " does not exist. Name a file or folder, - for standard input, --explain RULE or --list-rules."
            )
    return folders


class _SettingsReader:
    """A plugin that ends pytest as soon as it has read its settings.

    Attributes:
        found: the settings, None if pytest did not get that far.
        error: why the settings cannot be used.
    """

    def __init__(self) -> None:
        self.found: Settings | None = None
        self.error: AicoreError | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> int:
        """Read the settings, instead of running tests."""
        root = config.rootpath
        try:
            self.found = read_settings(
                Given(
                    option=lambda dest: getattr(config.option, dest, None),
                    environment=os.environ,
                    ini=config.getini,
                    directory=config.invocation_params.dir,
                    ini_directory=config.inipath.parent if config.inipath else root,
                    root=root,
                )
            )
        except AicoreError as error:
            self.error = error
        return 0
