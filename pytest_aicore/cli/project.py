"""The settings of the project in the current folder, as pytest reads them: what counts where nothing is named."""

from __future__ import annotations

import os
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.config.options import OPTIONS
from pytest_aicore.config.settings import Given, read_settings
from pytest_aicore.echo import seen_from, shown
from pytest_aicore.errors import AicoreError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
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
    reader = _read([])
    return None if reader is None else reader.found


@dataclass(frozen=True)
class Project:
    """A project as pytest sees it.

    Attributes:
        root: pytest's rootdir.
        ini: the file with its settings, None if there is none; a `pyproject.toml` may have no table for them.
        ini_names: those of our settings that the file has.
        python_files: the patterns of test modules.
        testpaths: the folders that are collected when none is named; none: all.
        workflows: the workflows folders.
        contracts: the folder of golden contracts, None if each workflows folder has its own.
    """

    root: Path
    ini: Path | None
    ini_names: tuple[str, ...]
    python_files: tuple[str, ...]
    testpaths: tuple[str, ...]
    workflows: tuple[Path, ...]
    contracts: Path | None


def project_of(folder: Path) -> Project:
    """Return the project that a folder belongs to.

    Args:
        folder: any.

    Raises:
        SettingsError: pytest cannot read its settings, or one of ours cannot be used.
    """
    reader = _read([str(folder)])
    if reader is None or reader.found is None or reader.project is None:
        raise SettingsError(f"pytest cannot read the settings of '{shown(folder)}': `pytest --collect-only` says why.")
    return reader.project


def _read(arguments: Sequence[str]) -> _SettingsReader | None:
    """Return what pytest has read with some arguments, None if it cannot read its settings."""
    reader = _SettingsReader()
    # The conftest of a project may import much, and is rarely needed to read its ini file.
    for conftests in (["--noconftest"], []):
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            # Rewriting assertions warns of modules that are imported already, and the project may make that an error.
            pytest.main(["--assert=plain", *conftests, *arguments], plugins=[reader])
        if reader.error is not None:
            raise reader.error
        if reader.found is not None:
            return reader
    return None


def _existing(folders: Setting[tuple[Path, ...]]) -> Setting[tuple[Path, ...]]:
    for folder in folders.value:
        if not folder.is_dir():
            raise SettingsError(
                f"No file or folder is named, and the workflows folder '{seen_from(folder)}' ({folders.source})"
                " does not exist. Name a file or folder, - for standard input, --explain RULE or --list-rules."
            )
    return folders


class _SettingsReader:
    """A plugin that ends pytest as soon as it has read its settings.

    Attributes:
        found: the settings, None if pytest did not get that far.
        project: what else pytest has read.
        error: why the settings cannot be used.
    """

    def __init__(self) -> None:
        self.found: Settings | None = None
        self.project: Project | None = None
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
            self.project = Project(
                root=root,
                ini=config.inipath,
                ini_names=tuple(each.ini for each in OPTIONS if each.ini and config.getini(each.ini) not in (None, [])),
                python_files=tuple(config.getini("python_files")),
                testpaths=tuple(config.getini("testpaths")),
                workflows=self.found.workflows.value,
                contracts=self.found.contracts.value,
            )
        except AicoreError as error:
            self.error = error
        return 0
