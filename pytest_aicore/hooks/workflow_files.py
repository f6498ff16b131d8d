"""The workflow YAML files of a session that are checked: their list, their findings, and the paths of contracts."""

from __future__ import annotations

import os
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.echo import seen_from
from pytest_aicore.printable import on_one_line, say
from pytest_aicore.service_facts import TEMPLATE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_aicore.config.options import Settings
    from pytest_aicore.workflows.checks import CheckOptions, Finding
    from pytest_aicore.workflows.contracts.goldens import ContractPlaces

WRITTEN: pytest.StashKey[list[Path]] = pytest.StashKey()
"""The golden files that this session wrote."""


class WorkflowFiles:
    """What the items of workflow YAML files have in common.

    Args:
        config: of the session.
        settings: of the session.
    """

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        """Remember the settings; nothing is read yet."""
        self.settings = settings
        self.config = config
        self._checked: dict[str, list[Finding]] | None = None
        self._collected: dict[Path, None] = {}
        self._options: CheckOptions | None = None
        self._owners: dict[Path, Path] = {}
        self._first: dict[Path, Path] = {}
        self._left_out: set[str] = set()
        self.compared = 0
        self.up_to_date = 0

    def add(self, path: Path, *, contract: bool, named: bool) -> None:
        """Take a file that was collected.

        Args:
            path: the file.
            contract: whether it has one.
            named: whether a person asked for this very file.
        """
        self._collected[path] = None
        if contract:
            self._owners.setdefault(self.golden_of(path), path)
            if not named:
                self._first.setdefault(self.contracts_of(path), path)

    def shown(self, path: Path) -> str:
        """Return a file as messages show it: relative to the folder in which pytest was started."""
        return seen_from(path, self.config.invocation_params.dir)

    # Checks ---------------------------------------------------------------------------------------------------------

    def options(self) -> CheckOptions:
        """Return what the checks leave out.

        Raises:
            SettingsError: the ini file names an unknown rule.
        """
        if self._options is None:
            from pytest_aicore.config.check_options import make_options

            settings = self.settings
            self._options = make_options(
                settings.check_ignore.value, settings.resource_plans.value, settings.check_ignore.source
            )
        return self._options

    def findings(self, path: Path) -> list[Finding]:
        """Return the findings of a file, including those that need the other files.

        A finding in a file that has no item is reported by the first item.
        """
        if self._checked is None:
            self._checked = self._check_together()
        name = self.openable(path)
        if name not in self._checked:
            # Another path of a file that was checked already, or a test has changed the current folder.
            from pytest_aicore.workflows.checks import check_files

            checked = check_files([name], options=self.options()).files[0]
            self._checked[name] = list(checked.findings)
            if checked.unchecked:
                self._left_out.add(name)
        return sorted(self._checked[name], key=lambda finding: finding.order)

    @property
    def collected(self) -> bool:
        """Whether any file was collected."""
        return bool(self._collected)

    def is_left_out(self, path: Path) -> bool:
        """Return whether a file whose findings were asked for was not checked."""
        return self.openable(path) in self._left_out

    def _check_together(self) -> dict[str, list[Finding]]:
        """Return the findings of all files by the file that reports them."""
        from pytest_aicore.workflows.checks import check_files

        result = check_files(self._files_together(), options=self.options(), is_all=True)
        self._left_out = {str(file.path) for file in result.files if file.unchecked}
        found = {str(file.path): list(file.findings) for file in result.files}
        items = [self.openable(path) for path in self._collected]
        known = set(items)
        if self._is_by_folder():  # what of the folder has no item, because it cannot be read or is not followed
            for name in self._left_out - known:
                found.setdefault(items[0], []).extend(found[name])
        for finding in result.across:
            found.setdefault(finding.place.path if finding.place.path in known else items[0], []).append(finding)
        return found

    def _is_by_folder(self) -> bool:
        """Return whether a folder is collected, and not single files."""
        return any(
            Path(self.config.invocation_params.dir, each.partition("::")[0]).is_dir() for each in self.config.args
        )

    def _files_together(self) -> list[str]:
        """Return what is checked together: what was collected, and the other files of its folder."""
        workflows = self.settings.workflows.value
        together: dict[str, None] = {}
        for folder in dict.fromkeys(path.parent for path in self._collected):
            if folder in workflows:
                # AI Core reads these folders, so their other files matter as well.
                together[self.openable(folder)] = None
                continue
            beside = (one for one in folder.iterdir() if one.suffix.lower() in TEMPLATE_SUFFIXES and one.is_file())
            together.update((self.openable(file), None) for file in sorted(beside))
        # Files that cannot be read are not found in their folder, but were named.
        together.update((self.openable(path), None) for path in self._collected if path.parent not in workflows)
        return list(together)

    def openable(self, path: Path) -> str:
        """Return a file as messages show it, as a path that can be opened."""
        # A test may have changed the current folder.
        return self.shown(path) if Path.cwd() == self.config.invocation_params.dir else str(path)

    # Contracts ------------------------------------------------------------------------------------------------------

    def golden_of(self, path: Path) -> Path:
        """Return the path of the golden contract of a workflow file."""
        return self.places.path_of(path)

    @cached_property
    def places(self) -> ContractPlaces:
        """Where golden contracts are."""
        # This module must not read YAML, which the package of workflows does, before a template was found.
        from pytest_aicore.workflows.contracts.goldens import ContractPlaces

        settings = self.settings
        return ContractPlaces(settings.workflows.value, self.config.rootpath, settings.contracts.value)

    def contracts_of(self, path: Path) -> Path:
        """Return the folder that the golden contract of a workflow file may not lead out of."""
        return self.places.folder_of(path)

    @property
    def has_golden(self) -> bool:
        """Whether there is a golden contract of a collected file, be it what it is."""
        return any(os.path.lexists(golden) for golden in self._owners)

    def goldens(self) -> Iterator[Path]:
        """Yield what may be golden contracts of any workflows folder."""
        workflows = self.settings.workflows.value
        for contracts in dict.fromkeys(self.contracts_of(folder / "any.yaml") for folder in workflows):
            # If it holds other things as well, what is below it may be anything.
            holds_others = any(folder.is_relative_to(contracts) for folder in workflows)
            yield from sorted(contracts.glob("*.json") if holds_others else contracts.rglob("*.json"))

    def with_contracts(self) -> list[Path]:
        """Return the collected files that have contracts."""
        return list(self._owners.values())

    def owner_of(self, golden: Path, path: Path) -> Path:
        """Return the first workflow file that has a golden contract.

        Args:
            golden: the contract's path.
            path: a file with this contract; it is returned if none was collected.
        """
        return self._owners.get(golden, path)

    def is_first(self, path: Path) -> bool:
        """Return whether a file reports the contracts without a workflow file that are in the folder of its own.

        If particular files were named, none does; otherwise the first one.
        """
        return path == self._first.get(self.contracts_of(path))


def write_lines(config: pytest.Config, lines: Iterable[str]) -> None:
    """Write lines at once, in the middle of the progress.

    Args:
        config: of pytest.
        lines: without line ends.
    """
    plugins = config.pluginmanager
    capture = plugins.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture is not None else nullcontext():
        if plugins.get_plugin("terminalreporter") is None:
            say("\n".join(lines))  # updates of golden files must be visible, also without a reporter
            return
        writer = config.get_terminal_writer()
        if writer.width_of_current_line:
            writer.line()
        for line in lines:
            writer.line(on_one_line(line))
