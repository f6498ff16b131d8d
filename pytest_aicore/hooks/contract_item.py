"""The comparison of a workflow file with its golden contract, and with what AI Core has synced."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore.errors import ContractError, WorkflowError
from pytest_aicore.hooks.workflow_files import WRITTEN, write_lines
from pytest_aicore.service_facts import TEMPLATE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_aicore.hooks.workflow_files import WorkflowFiles
    from pytest_aicore.session.session import Session
    from pytest_aicore.workflows.checks import Finding
    from pytest_aicore.workflows.contracts.comparison import Comparison
    from pytest_aicore.workflows.contracts.contract import Contract
    from pytest_aicore.workflows.template import Template


class ContractCheck:
    """The comparison of a workflow file with its golden contract.

    Args:
        files: the workflow files of the session.
        path: the workflow file.

    Attributes:
        is_offered: whether it was not compared, because the project has no golden contracts yet.
    """

    def __init__(self, files: WorkflowFiles, path: Path) -> None:
        """Take the file; nothing is read yet."""
        files.compared += 1
        golden = files.golden_of(path)
        self._files = files
        self._path = path
        self._name = files.shown(path)
        self._golden = golden
        self._shown_golden = Path(files.shown(golden))
        self._owner = files.owner_of(golden, path)
        self._first = files.is_first(path)
        self.is_offered = False
        # A workflow file outside the project has its contract outside, too.
        folder = files.contracts_of(path)
        self._folder = folder if golden.is_relative_to(folder) else golden.parent

    def findings(self) -> list[Finding]:
        """Compare the contract with its golden file, or update that file.

        Raises:
            ContractError: the golden contract cannot be written.
        """
        from pytest_aicore.workflows.contracts import rules as contract_rules
        from pytest_aicore.workflows.contracts.contract import REMEDY

        orphans = self._orphans() if self._first else []
        if self._owner != self._path:
            return [
                self._unable(
                    f"Its golden contract would be '{self._shown_golden}', which is that of"
                    f" '{self._files.shown(self._owner)}'.",
                    "Rename one of the two workflow files.",
                ),
                *orphans,
            ]
        templates = self._templates()
        if not templates:
            what = "The file cannot be read as a template, so it has no contract."
            return [self._unable(what, f"See {self._name}::check."), *orphans]
        if len(templates) > 1:
            what = f"The file holds {len(templates)} templates, and a golden contract is of one."
            return [self._unable(what, "Give each template a file of its own."), *orphans]
        template = templates[0]
        if self._files.settings.update.value:
            self._update(template)
            return self._orphans() if self._first else []
        try:
            old = self._promised()
        except ContractError as error:
            what, _, remedy = str(error).partition("\n")
            return [self._unable(what, remedy or REMEDY), *orphans]
        if old is None and not (self._files.has_golden or self._is_kept_anywhere()):
            self.is_offered = True
            return [contract_rules.offered(self._name, told=self._path != self._files.with_contracts()[0])]
        if old is None:
            renamed_from = self._renamed_from(template)
            shown = Path(self._files.shown(renamed_from)) if renamed_from else None
            return [contract_rules.missing(self._name, self._shown_golden, template.name, shown), *orphans]
        comparison = _compared(old, template)
        failing = contract_rules.of_comparison(template, comparison, quiet=True)
        if failing or not comparison.differences:
            return [*failing, *orphans]
        return [contract_rules.stale(template, comparison, self._shown_golden), *orphans]

    def with_service(self, session: Session, known: Sequence[Finding] = ()) -> list[Finding]:
        """Return what publishing the workflow would do to configurations of the executable that AI Core has synced.

        Args:
            session: that can ask AI Core.
            known: what has been found already.

        Raises:
            AicoreError: AI Core cannot be asked.
        """
        from pytest_aicore.training.live.preflight import synced
        from pytest_aicore.training.service.retry import patiently
        from pytest_aicore.workflows.contracts import rules as contract_rules
        from pytest_aicore.workflows.contracts.comparison import compare_with_service

        messages = {finding.message for finding in known}
        compared_with = f"Compared with the executable that {session.credentials.host} has synced."
        findings: list[Finding] = []
        for template in self._templates():
            answer = patiently(session.clock, partial(synced, session.api, template))
            if answer is None:
                continue
            comparison = compare_with_service(template.executable, answer)
            findings += contract_rules.of_comparison(template, comparison, quiet=True)
        return [
            replace(finding, message=f"{finding.message} {compared_with}")
            for finding in findings
            if finding.message not in messages
        ]

    def _templates(self) -> list[Template]:
        return _read(Path(self._files.openable(self._path)))

    def _unable(self, message: str, remedy: str) -> Finding:
        from pytest_aicore.workflows.contracts import rules as contract_rules

        return contract_rules.at_start(contract_rules.UNREADABLE, self._name, message, remedy)

    def _promised(self) -> Contract | None:
        from pytest_aicore.workflows.contracts.contract import parse_contract
        from pytest_aicore.workflows.contracts.goldens import read_golden

        text = read_golden(self._golden, self._folder)
        return None if text is None else parse_contract(text, str(self._shown_golden))

    def _update(self, template: Template) -> None:
        from pytest_aicore.workflows.contracts.contract import contract_of, dump
        from pytest_aicore.workflows.contracts.goldens import read_golden, remove_golden, write_golden

        text = dump(contract_of(template.executable))
        renamed_from = None
        head = f"{self._shown_golden}:"
        try:
            if read_golden(self._golden, self._folder) == text:
                self._files.up_to_date += 1
                return
            old = self._promised()
        except ContractError as error:
            table = [f"was not a readable contract ({str(error).splitlines()[0]})"]
        else:
            if old is None:
                renamed_from = self._renamed_from(template)
                if renamed_from is not None:
                    old = self._read(renamed_from)
                    head = f"{self._shown_golden} (was {self._files.shown(renamed_from)}):"
            table = _compared(old, template).table() if old is not None else [f"executable {template.name!r}, new"]
        write_lines(self._files.config, [f"{head} {table[0]}", *table[1:]])
        write_golden(self._golden, self._folder, text)
        if renamed_from is not None:
            remove_golden(renamed_from, self._folder)
        self._files.config.stash[WRITTEN].append(self._golden)

    def _is_kept_anywhere(self) -> bool:
        """Return whether the project has a golden contract, so that one that is missing was forgotten."""
        return any(_is_contract(path) for path in self._files.goldens())

    # Contracts without workflow -------------------------------------------------------------------------------------

    def _without_workflow(self) -> Iterator[tuple[Path, Contract]]:
        """Yield each golden contract that no workflow file belongs to any more."""
        workflows = self._files.settings.workflows.value
        # If the folder of contracts holds other things as well, search only the sub-folder of this file.
        holds_others = any(folder.is_relative_to(self._folder) for folder in workflows)
        beside = self._golden.parent if holds_others else self._folder
        stems = cache(_stems)
        for path in sorted(beside.rglob("*.json")):
            if not any(path.stem in stems(home) for home in self._homes(path)):
                contract = self._read(path)
                if contract is not None:
                    yield path, contract

    def _homes(self, golden: Path) -> list[Path]:
        """Return the folders in which the workflow file of a golden contract may be."""
        if golden.parent == self._golden.parent:
            return [self._path.parent]
        return self._files.places.homes_of(golden, self._path)

    def _orphans(self) -> list[Finding]:
        from pytest_aicore.workflows.contracts import rules as contract_rules

        contracts = list(self._without_workflow())
        # A renamed workflow is reported at the workflow file that has no contract yet.
        renamed = self._without_contract() if contracts else set()
        return [
            contract_rules.orphaned(
                self._files.shown(path), Path(self._files.shown(self._homes(path)[0])), contract.terms.id
            )
            for path, contract in contracts
            if contract.terms.id not in renamed
        ]

    def _without_contract(self) -> set[str]:
        files = [path for path in self._files.with_contracts() if not self._files.golden_of(path).exists()]
        return {template.name for path in files for template in _read(path)}

    def _renamed_from(self, template: Template) -> Path | None:
        """Return the contract of the same executable that no workflow file belongs to any more."""
        return next((path for path, contract in self._without_workflow() if contract.terms.id == template.name), None)

    def _read(self, path: Path) -> Contract | None:
        """Return the contract in a file, None if it holds none: the file may have nothing to do with the plugin."""
        from pytest_aicore.workflows.contracts.contract import parse_contract
        from pytest_aicore.workflows.contracts.goldens import read_golden

        try:
            text = read_golden(path, self._folder)
            return None if text is None else parse_contract(text, str(path))
        except ContractError:
            return None


def _is_contract(path: Path) -> bool:
    from pytest_aicore.workflows.contracts.contract import parse_contract
    from pytest_aicore.workflows.contracts.goldens import read_golden

    try:
        parse_contract(read_golden(path, path.parent) or "", str(path))
    except ContractError:
        return False
    return True


def _stems(folder: Path) -> set[str]:
    files = folder.iterdir() if folder.is_dir() else ()
    return {file.stem for file in files if file.suffix.lower() in TEMPLATE_SUFFIXES}


def _read(path: Path) -> list[Template]:
    from pytest_aicore.workflows.template import read_templates

    try:
        return read_templates(path)
    except WorkflowError:
        return []


def _compared(old: Contract, template: Template) -> Comparison:
    from pytest_aicore.workflows.contracts.comparison import compare
    from pytest_aicore.workflows.contracts.contract import contract_of

    return compare(old, contract_of(template.executable))
