"""Workflow YAML files as pytest items: `path::check` and `path::contract`.

Imported if `--aicore-check` or `--aicore-update` asks for it. What reads YAML is imported when the first template is
collected.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_aicore.echo import seen_from
from pytest_aicore.errors import AicoreError
from pytest_aicore.hooks.context import session_of
from pytest_aicore.hooks.workflow_files import WRITTEN, WorkflowFiles
from pytest_aicore.printable import on_one_line
from pytest_aicore.redact import redact
from pytest_aicore.service_facts import TEMPLATE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_aicore.config.options import Settings
    from pytest_aicore.workflows.checks import Finding

TITLE: Final = "SAP AI Core checks"
_SNIFFED_BYTES: Final = 64 * 1024
# As in `workflows/checks/sniffing.py`, which brings YAML with it and is imported when a file looks like a template.
# No template lacks all of these, and few other files have one: a file without any of them is not examined further.
_SIGNS: Final = (b"Workflow", b"ServingTemplate", b"scenarios.ai.sap.com/")
_WARNING: Final = "aicore_warning"
_HINT: Final = "aicore_hint"
_NOT_CHECKED: Final = "aicore_not_checked"


def begin(config: pytest.Config, settings: Settings) -> None:
    """Let a session collect workflow YAML files, update golden files, or both.

    Args:
        config: of the session.
        settings: of the session.

    Raises:
        UsageError: golden files cannot be updated like this.
    """
    if settings.update.value:
        _refuse_update(config)
    config.stash[WRITTEN] = []
    workflows = Workflows(config, settings)
    config.pluginmanager.register(workflows, "aicore-checks")
    if settings.check.value:
        workflows.visit_folder()


def _refuse_update(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.getoption("tx", None):
        raise pytest.UsageError(
            "--aicore-update writes files, and the workers of pytest-xdist would write them concurrently."
            " Run it with `-n 0`."
        )
    if "--aicore-update" in config.getini("addopts"):
        raise pytest.UsageError(
            "--aicore-update is set in the `addopts` of an ini file, but a person must review each change of a golden"
            " file. Remove it there, and pass it on the command line."
        )


class Workflows:
    """The hooks of a session that checks workflow YAML files.

    Args:
        config: of the session.
        settings: of the session.
    """

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        """Remember the settings; nothing is read yet."""
        self.settings = settings
        self.config = config
        self._files = WorkflowFiles(config, settings)
        self._skipped_links: list[str] = []

    # Collection -----------------------------------------------------------------------------------------------------

    def visit_folder(self) -> None:
        """Collect the workflows folders as well if `testpaths`, not the command line, names what is collected."""
        config = self.config
        if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
            return
        visited = [Path(config.invocation_params.dir, argument.partition("::")[0]) for argument in config.args]
        for folder in self.settings.workflows.value:
            if folder.is_dir() and not any(folder.resolve().is_relative_to(path.resolve()) for path in visited):
                config.args.append(str(folder))

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Follow no link to a folder above it that is collected: what is in there is found in its own place.

        The system ends such a walk after about 40 links, at one call or another, and only some of them are errors that
        pytest expects.
        """
        if not self.settings.check.value or not collection_path.is_symlink() or not collection_path.is_dir():
            return None
        above = [parent for parent in collection_path.parents if parent.samefile(collection_path)]
        arguments = [Path(self.config.invocation_params.dir, each.partition("::")[0]) for each in self.config.args]
        return True if any(folder.is_relative_to(each) for folder in above for each in arguments) else None

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> WorkflowFile | None:
        """Collect a file that looks like a template; of any other only the beginning is read."""
        if not self.settings.check.value or file_path.suffix.lower() not in TEMPLATE_SUFFIXES:
            return None
        named = parent.session.isinitpath(file_path)
        if not named and self._is_reached_by_link(file_path):
            return None
        try:
            if not file_path.is_file():  # opening a named pipe would hang
                raise FileNotFoundError
            with file_path.open("rb") as file:
                head = file.read(_SNIFFED_BYTES)
        except OSError:
            if not named:
                return None
            head = None
        contract = False
        if head is not None:
            head = head.replace(b"\0", b"")
            if not any(sign in head for sign in _SIGNS):
                return None
            from pytest_aicore.workflows.checks import has_executable, helm_placeholder, is_candidate

            readable = is_candidate(head)
            if not readable and helm_placeholder(head) is None:
                return None
            contract = readable and has_executable(head)
        self._files.add(file_path, contract=contract, named=named)
        named_by_us = _printable_names(file_path, self.config.rootpath)
        return WorkflowFile.from_parent(parent, path=file_path, files=self._files, contract=contract, **named_by_us)

    def _is_reached_by_link(self, path: Path) -> bool:
        """Return whether a link leads out of the project, or to a folder whose files are collected there.

        A link to a folder above itself would be followed until the system refuses.
        """
        root = self.config.rootpath
        try:
            real_root, real = root.resolve(), path.resolve()
            folder = path.parent.resolve()
        except (OSError, RuntimeError):
            return True
        links = [each for each in path.parents if each.is_relative_to(root) and each.is_symlink()]
        if not real.is_relative_to(real_root):
            shown = self._files.shown(links[-1] if links else path)
            if shown not in self._skipped_links and not any(each.resolve().is_relative_to(real_root) for each in links):
                self._skipped_links.append(shown)
            return True
        return bool(links) and folder.is_relative_to(real_root)

    # Reports --------------------------------------------------------------------------------------------------------

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the warnings of checks that passed or failed, and what was updated."""
        lines = [*self._warnings(terminalreporter), *self._notes()]
        if lines:
            terminalreporter.section(TITLE)
            for line in lines:
                terminalreporter.line(on_one_line(line))

    def _warnings(self, terminalreporter: pytest.TerminalReporter) -> Iterator[str]:
        verbose = self.config.get_verbosity() > 0
        warnings = 0
        seen: set[tuple[str, str, object]] = set()
        for reports in terminalreporter.stats.values():
            for report in reports:
                for name, value in getattr(report, "user_properties", ()):
                    if name not in (_WARNING, _HINT, _NOT_CHECKED) or (report.nodeid, name, value) in seen:
                        continue
                    seen.add((report.nodeid, name, value))
                    warnings += name == _WARNING
                    if verbose:
                        yield from str(value).splitlines()
                    elif name != _HINT:
                        yield str(value).splitlines()[0]
        if warnings:
            number = "1 warning" if warnings == 1 else f"{warnings} warnings"
            yield f"{number}: -v shows remedies, aicore_check_strict makes them fail"

    def _notes(self) -> Iterator[str]:
        folders = [self._files.shown(folder) for folder in self.settings.workflows.value if folder.is_dir()]
        if self.settings.check.value and not self._files.collected and folders:
            yield f"{', '.join(folders)}: no workflow file was collected, so nothing was checked"
        for name in self._skipped_links:
            yield f"{name}: skipped: symbolic link to a target outside the project"
        if not self.settings.update.value:
            return
        written = self.config.stash[WRITTEN]
        for path in dict.fromkeys(written):
            yield f"--aicore-update: wrote {self._files.shown(path)}"
        if not written:
            state = "every golden file was up to date" if self._files.compared else "no test wrote a golden file"
            if self._files.up_to_date < self._files.compared:
                state = "not every golden file was written"
            yield f"--aicore-update: {state}"


# --- items --------------------------------------------------------------------------------------------------


def _printable_names(path: Path, root: Path) -> dict[str, Any]:
    """Return the name and id of a file that pytest would print as they are; none if nothing in them acts."""
    nodeid = Path(seen_from(path, root)).as_posix()
    if on_one_line(nodeid) == nodeid and on_one_line(path.name) == path.name:
        return {}
    return {"name": on_one_line(path.name), "nodeid": on_one_line(nodeid)}


class WorkflowFile(pytest.File):
    """A workflow YAML file."""

    def __init__(self, *, files: WorkflowFiles, contract: bool, **kwargs: Any) -> None:
        """Take a file that looks like a template."""
        super().__init__(**kwargs)
        self.files = files
        self.contract = contract

    def collect(self) -> Iterator[WorkflowItem]:
        """Yield `check`, and `contract` for what AI Core would publish."""
        yield CheckItem.from_parent(self, name="check", files=self.files)
        if self.contract:
            yield ContractItem.from_parent(self, name="contract", files=self.files)


class Failing(AssertionError):  # noqa: N818  Allure shows its name
    """What fails an item: findings, or one sentence. An assertion, which Allure shows as failed and not as broken."""

    __module__ = "builtins"

    def __init__(self, findings: Sequence[Finding], sentence: str | None = None) -> None:
        """Take findings, the first of which stands for all."""
        self.findings = findings
        self.sentence = sentence
        super().__init__(_Crash(self).message)


class WorkflowItem(pytest.Item):
    """One test of a workflow YAML file."""

    def __init__(self, *, files: WorkflowFiles, **kwargs: Any) -> None:
        """Take what all items have in common."""
        super().__init__(**kwargs)
        self.files = files
        # Each kind has its own: the names of markers count for `-k`, and `-k check` must not mean contracts.
        self.add_marker(f"aicore_{self.name}")

    def find(self) -> list[Finding]:
        """Return what is found in the file."""
        raise NotImplementedError

    def is_left_out(self) -> bool:
        """Return whether the file was not checked, although nothing in it fails."""
        return False

    def runtest(self) -> None:
        """Fail if a finding is severe enough."""
        from pytest_aicore.workflows.checks import OF_WHAT_WAS_NOT_CHECKED, Severity

        try:
            findings = self.find()
        except AicoreError as error:
            raise Failing((), str(error)) from None
        fails = Severity.WARNING if self.files.settings.check_strict.value else Severity.ERROR
        failing = [finding for finding in findings if finding.severity >= fails]
        for finding in findings:
            if finding not in failing:
                name = _WARNING if finding.severity == Severity.WARNING else _HINT
                name = _NOT_CHECKED if finding.rule in OF_WHAT_WAS_NOT_CHECKED else name
                self.user_properties.append((name, str(finding)))
        if failing:
            raise Failing(failing)
        if self.is_left_out():
            pytest.skip(on_one_line(redact(findings[0].message)) if findings else "It was not checked.")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **kwargs: Any) -> Any:
        """Return findings as compilers write them; a mistake of ours keeps its traceback."""
        if isinstance(excinfo.value, Failing):
            return FailureText(excinfo.value)
        return super().repr_failure(excinfo, *args, **kwargs)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the item is, and what reports call it."""
        return Path(on_one_line(str(self.path))), None, on_one_line(f"{self.files.shown(self.path)}::{self.name}")


class CheckItem(WorkflowItem):
    """`path::check`: the rules."""

    def find(self) -> list[Finding]:
        """Return what the rules found."""
        return self.files.findings(self.path)

    def is_left_out(self) -> bool:
        """Return whether the rules cannot be applied to the file."""
        return self.files.is_left_out(self.path)


class ContractItem(WorkflowItem):
    """`path::contract`: the comparison with the golden contract."""

    _is_offered = False

    def is_left_out(self) -> bool:
        """Return whether the project has no golden contracts yet."""
        return self._is_offered

    def find(self) -> list[Finding]:
        """Return what became of the contract, or update it."""
        from pytest_aicore.hooks.contract_item import ContractCheck

        contract = ContractCheck(self.files, self.path)
        findings = contract.findings()
        self._is_offered = contract.is_offered
        if not self.files.settings.live.value:
            return findings
        return [*findings, *contract.with_service(session_of(self.config), findings)]


class FailureText:
    """What a failing item prints; pytest reads the attributes by name."""

    def __init__(self, failing: Failing) -> None:
        """Take what fails."""
        self._failing = failing
        self.reprcrash = _Crash(failing)

    def __str__(self) -> str:
        """Return it without colours."""
        return self._text(colour=False)

    def toterminal(self, writer: Any) -> None:
        """Print it, in colours if the terminal has them."""
        for line in self._text(colour=writer.hasmarkup).splitlines():
            writer.line(line)

    def _text(self, *, colour: bool) -> str:
        if self._failing.sentence is not None:
            return self._failing.sentence
        from pytest_aicore.reports.findings import finding_text

        return "\n\n".join(finding_text(finding, colour=colour) for finding in self._failing.findings)


class _Crash:
    """What pytest's short summary and JUnit show of a failure."""

    def __init__(self, failing: Failing) -> None:
        if failing.sentence is not None:
            self.path, self.lineno, self.message = "", 0, failing.sentence.splitlines()[0]
            return
        first = failing.findings[0]
        self.path, self.lineno = on_one_line(first.place.path), first.place.line
        more = f" (and {len(failing.findings) - 1} more)" if len(failing.findings) > 1 else ""
        self.message = on_one_line(
            f"{first.place.line}:{first.place.column}: {first.rule}: {redact(first.message)}{more}"
        )

    def __str__(self) -> str:
        return f"{self.path}:{self.message}" if self.path else self.message
