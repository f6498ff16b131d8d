"""Check documents and files: parse, run the layers, take away what is suppressed. Nothing here raises."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_aicore.workflows.checks import folder
from pytest_aicore.workflows.checks.aicore import serving, workflow
from pytest_aicore.workflows.checks.aicore.containers import told_once
from pytest_aicore.workflows.checks.aicore.kind import check_kind
from pytest_aicore.workflows.checks.aicore.metadata import OF_WHAT_IS_MISSING
from pytest_aicore.workflows.checks.argo import plain, semantics, structure
from pytest_aicore.workflows.checks.argo.references import placeholders
from pytest_aicore.workflows.checks.argo.shapes import has_all_types
from pytest_aicore.workflows.checks.argo.slips import mend
from pytest_aicore.workflows.checks.document import problems, unchecked
from pytest_aicore.workflows.checks.document.look_alikes import take_look_alikes_out, tell_look_alikes
from pytest_aicore.workflows.checks.document.repeated import part
from pytest_aicore.workflows.checks.findings import MOST_OF_ONE_RULE, Finding
from pytest_aicore.workflows.checks.options import DEFAULT_OPTIONS
from pytest_aicore.workflows.checks.reading import below, is_folder
from pytest_aicore.workflows.checks.registry import RULES
from pytest_aicore.workflows.checks.report import Report
from pytest_aicore.workflows.checks.sniffing import SNIFFED_BYTES, helm_placeholder, is_candidate
from pytest_aicore.workflows.checks.subject import Subject
from pytest_aicore.workflows.checks.suppressions import Suppressions
from pytest_aicore.workflows.checks.words import limited
from pytest_aicore.workflows.regular import read_beginning
from pytest_aicore.workflows.yaml.places import Place, SourceError
from pytest_aicore.workflows.yaml.source import MAXIMUM_BYTES, parse_all
from pytest_aicore.workflows.yaml.tree import MappingNode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    from pytest_aicore.workflows.checks.findings import Told
    from pytest_aicore.workflows.checks.folder import Outline
    from pytest_aicore.workflows.checks.options import CheckOptions
    from pytest_aicore.workflows.checks.rule import Severity


@dataclass(frozen=True)
class FileFindings:
    """What was found in one file, or why a file or folder was not checked.

    Attributes:
        path: the file, or a folder whose files were not checked.
        candidate: whether it looks like a template at all, and was checked.
        findings: what was found, in the order of the file.
        unchecked: whether it may be a template, or hold some, and was not checked: a finding says why.
    """

    path: Path
    candidate: bool
    findings: tuple[Finding, ...]
    unchecked: bool = False


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
    return _checked(data, name, options).findings


def check_text(data: str | bytes, name: str = "<string>", *, options: CheckOptions = DEFAULT_OPTIONS) -> FileFindings:
    """Check the text of one file, and tell whether it was checked. Never raises, whatever the text.

    Args:
        data: the text, or the bytes of the file.
        name: what places call the file.
        options: what may be taken for granted, and what is left out.
    """
    checked = _checked(data, name, options)
    candidate = not checked.left_out and (bool(checked.findings) or is_candidate(_head_of(data)))
    return FileFindings(Path(name), candidate, tuple(checked.findings), unchecked=checked.left_out)


def check_files(
    paths: Iterable[str | PathLike[str]], *, options: CheckOptions = DEFAULT_OPTIONS, is_all: bool = False
) -> CheckResult:
    """Check files, and the files of folders, each alone and then together. Never raises.

    In a folder every YAML and JSON file below it is checked, except for hidden ones and the usual folders of tools;
    files that are not templates have no findings. A folder that is given is taken for one that AI Core reads: a file
    directly in it that is not a template is reported. What cannot be read, is not followed or not understood has a
    finding that says so.

    Args:
        paths: files and folders.
        options: the options of the checks.
        is_all: whether these are all the files, as those of a folder are. For single files (or those that changed in a
            commit) it is not known which others there are.
    """
    state = _State(options)
    files, outlines = state.files, state.outlines
    across: list[Finding] = []
    given = [Path(path) for path in paths]
    folders = [path for path in given if is_folder(path)]
    for path in given:
        if path not in folders:
            state.check(path)
            continue
        is_all = True
        first, first_outline = len(files), len(outlines)
        is_known = False
        for file in below(path, folders):
            if isinstance(file, Finding):
                state.leave_out(file)
            else:
                is_known |= state.check(file)
        beside = [one.path for one in files[first:] if one.path.parent == path and not (one.candidate or one.unchecked)]
        in_folder = [one for one in outlines[first_outline:] if one.folder == str(path)]
        across.extend(_compared(folder.check_synced_folder(beside, in_folder), path))
        if not is_known and not any(one.candidate or one.unchecked for one in files[first:]):
            state.leave_out(unchecked.folder_without_template(path, len(files) - first))
    across.extend(_compared(folder.check_together(outlines, is_all=is_all), *(file.path for file in files[:1])))
    if options.argo_types is not False and any(file.candidate for file in files) and not has_all_types():
        first_file = next(file for file in files if file.candidate)
        across.append(structure.types_off(str(first_file.path)))
    kept = [
        finding
        for finding in across
        if not options.ignores(finding.rule, finding.place.path) and not state.suppresses(finding)
    ]
    plainly = {finding.place.path for finding in kept if finding.rule == folder.NO_LABELS.id}
    told = [_without(file, plain.PLAIN_ARGO.id) if str(file.path) in plainly else file for file in files]
    return CheckResult(tuple(told), tuple(sorted(kept, key=lambda finding: finding.order)))


def _without(file: FileFindings, rule: str) -> FileFindings:
    return replace(file, findings=tuple(finding for finding in file.findings if finding.rule != rule))


def _compared(findings: Iterable[Finding], *at: Path) -> list[Finding]:
    """Return what a comparison of files finds; a mistake of ours must not hide the other findings."""
    try:
        return list(findings)
    except Exception as error:
        return [problems.failed(Place(str(path), 1, 1), error, "between these files") for path in at]


# --- files ----------------------------------------------------------------------------------------------------


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

    def leave_out(self, finding: Finding) -> None:
        """Take a file or folder that was not checked, and the finding that says why."""
        path = finding.place.path
        kept = () if self._options.ignores(finding.rule, path) else (finding,)
        self.files.append(FileFindings(Path(path), candidate=False, findings=kept, unchecked=True))

    def check(self, path: Path) -> bool:
        """Check a file, unless that was done already or it is not a template.

        Args:
            path: the file.

        Returns:
            whether that was done already.
        """
        try:
            data = read_beginning(path, MAXIMUM_BYTES + 1)
            size = path.stat().st_size if len(data) > MAXIMUM_BYTES else len(data)
            whole = path.resolve()
        except (OSError, ValueError, RuntimeError) as error:
            self.leave_out(problems.unreadable(str(path), error))
            return False
        if whole in self._seen:
            return True
        self._seen.add(whole)
        name = str(path)
        head = data[:SNIFFED_BYTES]
        if not is_candidate(head) and helm_placeholder(head) is None:
            self.files.append(FileFindings(path, candidate=False, findings=()))
            return False
        checked = _checked(data, name, self._options, size)
        findings = tuple(checked.findings)
        self.files.append(FileFindings(path, not checked.left_out, findings, unchecked=checked.left_out))
        self.outlines.extend(checked.outlines)
        if checked.suppressions is not None:
            self.suppressions[name] = checked.suppressions
        return False


# --- one document ---------------------------------------------------------------------------------------------


_OF_WHAT_IS_MISSING: Final = frozenset(rule.id for rule in OF_WHAT_IS_MISSING)


class _Checked(NamedTuple):
    findings: list[Finding]
    outlines: list[Outline]
    suppressions: Suppressions | None
    left_out: bool


@limited()
def _checked(data: str | bytes, name: str, options: CheckOptions, size: int | None = None) -> _Checked:
    findings: list[Finding] = []
    outlines: list[Outline] = []
    begins: dict[tuple[int, int], int] = {}
    told: Told = Counter()
    text = ""
    head = _head_of(data)
    helm = helm_placeholder(head)
    if helm is not None:
        finding = unchecked.of_helm(name, *helm)
        return _Checked([] if options.ignores(finding.rule, name) else [finding], [], None, left_out=True)
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
        if not outlines and not findings and is_candidate(head):
            findings.append(unchecked.file_without_template(name))
    except SourceError as error:
        findings = [problems.of_problem(error.problem)]
        if isinstance(data, str):
            text = data
        else:
            with contextlib.suppress(UnicodeDecodeError):
                text = data[:MAXIMUM_BYTES].decode("utf-8")
    left_out = not outlines and bool(findings) and all(each.rule == unchecked.NOT_CHECKED.id for each in findings)
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
    kept = told_once(sorted(kept, key=lambda finding: finding.order))
    for kind, number in told.items():
        if number > MOST_OF_ONE_RULE:
            _tell_of_others(kept, kind, number - MOST_OF_ONE_RULE)
    return _Checked(kept, outlines, suppressions, left_out)


def _head_of(data: str | bytes) -> bytes:
    return data[:SNIFFED_BYTES].encode("utf-8", "replace") if isinstance(data, str) else data[:SNIFFED_BYTES]


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
        unchecked.check_list(report)
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
    plain.check(subject)
    structure.check(subject)
    model = subject.workflow.model
    semantics.check(subject, model)
    used = placeholders.check(subject, model)
    if subject.is_aicore:
        workflow.check(subject, model, used)
    return folder.outline(subject)
