"""Check documents and files: parse, run the layers, take away what is suppressed. Nothing here raises."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_aicore.service_facts import TEMPLATE_SUFFIXES
from pytest_aicore.workflows.checks import folder
from pytest_aicore.workflows.checks.aicore import serving, workflow
from pytest_aicore.workflows.checks.aicore.kind import check_kind
from pytest_aicore.workflows.checks.aicore.metadata import OF_WHAT_IS_MISSING
from pytest_aicore.workflows.checks.argo import semantics, structure
from pytest_aicore.workflows.checks.argo.references import placeholders
from pytest_aicore.workflows.checks.argo.shapes import has_all_types
from pytest_aicore.workflows.checks.argo.slips import mend
from pytest_aicore.workflows.checks.document import problems
from pytest_aicore.workflows.checks.document.look_alikes import take_look_alikes_out, tell_look_alikes
from pytest_aicore.workflows.checks.document.repeated import part
from pytest_aicore.workflows.checks.findings import MOST_OF_ONE_RULE
from pytest_aicore.workflows.checks.options import DEFAULT_OPTIONS
from pytest_aicore.workflows.checks.registry import RULES
from pytest_aicore.workflows.checks.report import Report
from pytest_aicore.workflows.checks.sniffing import SNIFFED_BYTES, is_candidate
from pytest_aicore.workflows.checks.subject import Subject
from pytest_aicore.workflows.checks.suppressions import Suppressions
from pytest_aicore.workflows.checks.words import limited
from pytest_aicore.workflows.yaml.places import Place, SourceError
from pytest_aicore.workflows.yaml.source import MAXIMUM_BYTES, parse_all
from pytest_aicore.workflows.yaml.tree import MappingNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike

    from pytest_aicore.workflows.checks.findings import Finding, Told
    from pytest_aicore.workflows.checks.folder import Outline
    from pytest_aicore.workflows.checks.options import CheckOptions
    from pytest_aicore.workflows.checks.rule import Severity


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
        the findings, by line and column; none for YAML that is not a template.
    """
    with limited():
        return _checked(data, name, options).findings


def check_files(
    paths: Iterable[str | PathLike[str]], *, options: CheckOptions = DEFAULT_OPTIONS, is_all: bool = False
) -> CheckResult:
    """Check files, and the files of folders, each alone and then together. Never raises.

    In a folder every YAML and JSON file below it is checked, except for hidden ones and the usual folders of tools;
    files that are not templates have no findings. A folder that is given is taken for one that AI Core reads: a file
    directly in it that is not a template is reported.

    Args:
        paths: files and folders.
        options: the options of the checks.
        is_all: whether these are all the files, as those of a folder are. For single files (or those that changed in a
            commit) it is not known which others there are.
    """
    state = _State(options)
    files, outlines = state.files, state.outlines
    across: list[Finding] = []
    for path in map(Path, paths):
        if not _is_folder(path):
            state.check(path, asked_for=True)
            continue
        is_all = True
        in_folder: list[Outline] = []
        others: list[Path] = []
        for file in _files_below(path):
            before, known = len(outlines), len(files)
            state.check(file, asked_for=False)
            if file.parent != path:
                continue
            in_folder.extend(outlines[before:])
            if len(files) > known and not files[-1].candidate:
                others.append(file)
        across.extend(folder.check_synced_folder(others, in_folder))
    across.extend(folder.check_together(outlines, is_all=is_all))
    if options.argo_types is not False and any(file.candidate for file in files) and not has_all_types():
        first = next(file for file in files if file.candidate)
        across.append(structure.types_off(str(first.path)))
    kept = [
        finding
        for finding in across
        if not options.ignores(finding.rule, finding.place.path) and not state.suppresses(finding)
    ]
    return CheckResult(tuple(files), tuple(sorted(kept, key=lambda finding: finding.order)))


# --- files ----------------------------------------------------------------------------------------------------

_LEFT_OUT: Final = frozenset({"__pycache__", "node_modules", "venv", "site-packages", "build", "dist"})


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _files_below(root: Path) -> Iterator[Path]:
    """Yield the YAML and JSON files below a folder by name, without following links to folders."""
    for current, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _LEFT_OUT)
        for name in sorted(names):
            if not name.startswith(".") and PurePath(name).suffix.lower() in TEMPLATE_SUFFIXES:
                path = Path(current, name)
                if path.is_file():
                    yield path


class _State:
    """The files checked so far."""

    def __init__(self, options: CheckOptions) -> None:
        self.files: list[FileFindings] = []
        self.outlines: list[Outline] = []
        self.suppressions: dict[str, Suppressions] = {}
        self._options = options
        self._seen: set[Path] = set()

    def suppresses(self, finding: Finding) -> bool:
        """Return whether a comment in the file suppresses a finding."""
        suppressions = self.suppressions.get(finding.place.path)
        return suppressions is not None and suppressions.suppresses(finding)

    def check(self, path: Path, *, asked_for: bool) -> None:
        """Check a file, unless that was done already or it is not a template.

        Args:
            path: the file.
            asked_for: whether the file itself was given: then it is a finding if it cannot be read.
        """
        try:
            whole = path.resolve()
            if whole in self._seen:
                return
            self._seen.add(whole)
            with path.open("rb") as file:
                data = file.read(MAXIMUM_BYTES + 1)
                size = path.stat().st_size if len(data) > MAXIMUM_BYTES else len(data)
        except (OSError, ValueError, RuntimeError) as error:
            if asked_for:
                findings = (problems.unreadable(str(path), error),)
                self.files.append(FileFindings(path, candidate=False, findings=findings))
            return
        if not is_candidate(data[:SNIFFED_BYTES]):
            self.files.append(FileFindings(path, candidate=False, findings=()))
            return
        with limited():
            checked = _checked(data, str(path), self._options, size)
        self.files.append(FileFindings(path, candidate=True, findings=tuple(checked.findings)))
        self.outlines.extend(checked.outlines)
        if checked.suppressions is not None:
            self.suppressions[str(path)] = checked.suppressions


# --- one document ---------------------------------------------------------------------------------------------


_OF_WHAT_IS_MISSING: Final = frozenset(rule.id for rule in OF_WHAT_IS_MISSING)


class _Checked(NamedTuple):
    findings: list[Finding]
    outlines: list[Outline]
    suppressions: Suppressions | None


def _checked(data: str | bytes, name: str, options: CheckOptions, size: int | None = None) -> _Checked:
    findings: list[Finding] = []
    outlines: list[Outline] = []
    begins: dict[tuple[int, int], int] = {}
    told: Told = Counter()
    text = ""
    try:
        documents = parse_all(data, name, size=size)
        text = documents[0].text
        templates = 0
        for parsed in documents:
            report = Report(parsed, told)
            try:
                found = _run_layers(report, options)
            except Exception as error:  # a mistake of ours must not hide the other findings
                findings.append(problems.failed(Place(name, parsed.root.line, parsed.root.column), error))
                found = None
            if found is not None:
                outlines.append(found)
                templates += found.is_aicore
                if templates == 2 and found.is_aicore:
                    problems.several(report)
            findings.extend(_worst_at_each_place(report.findings))
            begins.update(report.begins)
    except SourceError as error:
        findings = [problems.of_problem(error.problem)]
        if isinstance(data, str):
            text = data
        else:
            with contextlib.suppress(UnicodeDecodeError):
                text = data[:MAXIMUM_BYTES].decode("utf-8")
    suppressions = None
    if "aicore" in text.lower():
        suppressions = Suppressions(text, name, RULES)
        findings = [
            finding
            for finding in findings
            if not suppressions.suppresses(finding, begins.get((finding.place.line, finding.place.column)))
        ]
        findings.extend(suppressions.findings(text, told))
    kept = [finding for finding in findings if not options.ignores(finding.rule, name)]
    kept.sort(key=lambda finding: finding.order)
    for kind, number in told.items():
        if number > MOST_OF_ONE_RULE:
            _tell_of_others(kept, kind, number - MOST_OF_ONE_RULE)
    return _Checked(kept, outlines, suppressions)


def _tell_of_others(findings: list[Finding], kind: tuple[str, Severity], others: int) -> None:
    """Let the last finding of a rule say how many of its kind are not listed."""
    for index in range(len(findings) - 1, -1, -1):
        if (findings[index].rule, findings[index].severity) == kind:
            message = f"{findings[index].message} The file has {others:,} more findings of this rule."
            findings[index] = replace(findings[index], message=message)
            return


def _worst_at_each_place(findings: list[Finding]) -> list[Finding]:
    """Return one finding for each place, the worst: what else is wrong there shows when that is repaired.

    What is missing has no place of its own: each of those is kept.
    """
    by_place: dict[tuple[Place, str], Finding] = {}
    for finding in findings:
        where = (finding.place, finding.rule if finding.rule in _OF_WHAT_IS_MISSING else "")
        other = by_place.get(where)
        if other is None or finding.severity > other.severity:
            by_place[where] = finding
    return list(by_place.values())


def _run_layers(report: Report, options: CheckOptions) -> Outline | None:
    swallowed = problems.take_comments_out(report.document)
    look_alikes = take_look_alikes_out(report.document)
    repeated = part(report.document)
    root = report.document.root
    slips = mend(root) if type(root) is MappingNode else []
    subject = Subject(report, options)
    kind = check_kind(subject)
    if kind is None:
        return None
    for slip in slips:
        slip.tell(report)
    problems.check(report, swallowed, repeated)
    tell_look_alikes(report, look_alikes)
    subject.kind = kind
    if kind == "ServingTemplate":
        subject.is_aicore = True
        serving.check(subject)
        return folder.outline(subject)
    structure.check(subject)
    model = subject.workflow.model
    semantics.check(subject, model)
    used = placeholders.check(subject, model)
    if subject.is_aicore:
        workflow.check(subject, model, used)
    return folder.outline(subject)
