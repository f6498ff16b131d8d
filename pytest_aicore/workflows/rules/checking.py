"""Check documents and files: parse, run the layers, take away what is suppressed. Nothing here raises."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.places import Place, SourceError
from pytest_aicore.workflows.rules import aicore, argo, document, references, serving, structure
from pytest_aicore.workflows.rules.metadata import check_kind
from pytest_aicore.workflows.rules.model import WorkflowModel
from pytest_aicore.workflows.rules.report import Report
from pytest_aicore.workflows.rules.sniffing import is_candidate
from pytest_aicore.workflows.rules.subject import Subject
from pytest_aicore.workflows.source import MAXIMUM_BYTES, parse_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from os import PathLike

    from pytest_aicore.workflows.rules.findings import Finding, Severity

SNIFFED_BYTES: Final = 64 * 1024
_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})


@dataclass(frozen=True)
class CheckOptions:
    """What the checks may take for granted, and what they leave out.

    Attributes:
        ignore: the ids of rules that are not reported.
        ignore_in_files: ids of rules that are not reported in the files that a pattern matches.
        resource_plans: plans and instance types of the tenant, besides those that SAP documents.
        argo_types: whether to check types against hera's models; None for where hera is installed.
    """

    ignore: frozenset[str] = frozenset()
    ignore_in_files: Mapping[str, frozenset[str]] = field(default_factory=dict)
    resource_plans: frozenset[str] = frozenset()
    argo_types: bool | None = None

    def ignores(self, rule: str, path: str) -> bool:
        """Tell whether a rule is left out in a file.

        Args:
            rule: the id of the rule.
            path: the file as it is named in places.
        """
        if rule in self.ignore:
            return True
        return any(
            rule in rules and (fnmatch(path, pattern) or fnmatch(Path(path).name, pattern))
            for pattern, rules in self.ignore_in_files.items()
        )


DEFAULT_OPTIONS: Final = CheckOptions()


@dataclass(frozen=True)
class FileFindings:
    """What was found in one file.

    Attributes:
        path: the file.
        candidate: whether it looks like a template at all; others have no findings.
        findings: what was found, in the order of the file.
    """

    path: Path
    candidate: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class CheckResult:
    """What was found in files, and what only shows when they are seen together.

    Attributes:
        files: each file that was looked at, in the order given.
        across: findings that need several files, each at a place in one of them.
    """

    files: tuple[FileFindings, ...]
    across: tuple[Finding, ...]

    @property
    def findings(self) -> list[Finding]:
        """All findings by file, line and column."""
        found = [finding for file in self.files for finding in file.findings]
        return sorted([*found, *self.across], key=lambda finding: finding.order)

    def count(self, severity: Severity) -> int:
        """Return how many findings have a severity."""
        return sum(finding.severity is severity for finding in self.findings)


def check_document(
    data: str | bytes, name: str = "<string>", *, options: CheckOptions = DEFAULT_OPTIONS
) -> list[Finding]:
    """Check the text of one file. Never raises, whatever the text.

    Args:
        data: the text, or the bytes of the file.
        name: what places call the file.
        options: what may be taken for granted, and what is left out.

    Returns:
        what was found, by line and column; nothing for YAML that is no template.
    """
    return _checked(data, name, options, None)


def check_files(paths: Iterable[str | PathLike[str]], *, options: CheckOptions = DEFAULT_OPTIONS) -> CheckResult:
    """Check files, and the files of folders, each for itself and then together. Never raises.

    Args:
        paths: files and folders. Of a folder all YAML and JSON files below it that look like templates.
        options: what may be taken for granted, and what is left out.
    """
    files: list[FileFindings] = []
    for path in paths:
        files.extend(_files_of(Path(path), options))
    return CheckResult(tuple(files), ())


def _files_of(path: Path, options: CheckOptions) -> Iterator[FileFindings]:
    if not path.is_dir():
        yield _check_file(path, options, asked_for=True)
        return
    for file in sorted(path.rglob("*")):
        if file.suffix.lower() in _SUFFIXES and file.is_file():
            yield _check_file(file, options, asked_for=False)


def _check_file(path: Path, options: CheckOptions, *, asked_for: bool) -> FileFindings:
    try:
        with path.open("rb") as file:
            data = file.read(MAXIMUM_BYTES + 1)
            size = path.stat().st_size if len(data) > MAXIMUM_BYTES else len(data)
    except OSError as error:
        if not asked_for:
            return FileFindings(path, candidate=False, findings=())
        return FileFindings(path, candidate=False, findings=(document.unreadable(str(path), error),))
    if not is_candidate(data[:SNIFFED_BYTES]):
        return FileFindings(path, candidate=False, findings=())
    return FileFindings(path, candidate=True, findings=tuple(_checked(data, str(path), options, size)))


def _checked(data: str | bytes, name: str, options: CheckOptions, size: int | None) -> list[Finding]:
    try:
        documents = parse_all(data, name, size=size)
    except SourceError as error:
        findings = [document.of_problem(error.problem)]
    else:
        findings = []
        for parsed in documents:
            report = Report(parsed)
            try:
                _run_layers(report, options)
            except Exception as error:  # a mistake of ours must not hide the other findings
                findings.append(document.failed(Place(name, parsed.root.line, parsed.root.column), error))
            findings.extend(report.findings)
    kept = [finding for finding in findings if not options.ignores(finding.rule, name)]
    return sorted(kept, key=lambda finding: finding.order)


def _run_layers(report: Report, options: CheckOptions) -> None:
    document.check(report)
    subject = Subject(report, options)
    kind = check_kind(subject)
    if kind is None:
        return
    subject.kind = kind
    if kind == "ServingTemplate":
        serving.check(subject)
        return
    wrong = structure.check(subject)
    model = WorkflowModel(subject)
    argo.check(subject, model, wrong)
    used = references.check(subject, model, wrong)
    if subject.is_aicore:
        aicore.check(subject, model, used, wrong)
