"""`pytest-aicore check`: the checks of workflow YAML files without pytest."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO

from pytest_aicore.config.check_options import all_rules, meant
from pytest_aicore.echo import seen_from
from pytest_aicore.errors import SettingsError, did_you_mean, listing
from pytest_aicore.printable import write
from pytest_aicore.reports.findings import FORMATS, STANDARD_INPUT, Outcome, text
from pytest_aicore.workflows.checks import (
    CheckOptions,
    check_files,
    check_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_aicore.workflows.checks import Finding
    from pytest_aicore.workflows.template import Template

CLEAN: Final = 0
FOUND: Final = 1

STANDARD_INPUT_ARGUMENT: Final = "-"
_LARGEST_INPUT: Final = 4 * 1024 * 1024
"""How much of standard input is read; a template has at most 1 MiB, and what is larger is reported as too large."""


def check(
    paths: Sequence[str],
    *,
    output_format: str = "text",
    strict: bool = False,
    against: str | None = None,
    options: CheckOptions | None = None,
    out: TextIO | None = None,
    standard_input: BinaryIO | None = None,
) -> int:
    """Check files and folders, print what was found, and return the exit status.

    Args:
        paths: files, folders, and `-` for standard input.
        output_format: one of `FORMATS`.
        strict: whether warnings fail.
        against: a git revision with which contracts are compared.
        options: what the checks leave out.
        out: where to print; standard output if left out.
        standard_input: what `-` reads; standard input if left out.

    Returns:
        0 if nothing fails, 1 if something does.

    Raises:
        SettingsError: a path does not exist, or `-` was given with `against`.
        RevisionError: unknown revision.
    """
    out = _opened(sys.stdout) if out is None else out
    options = options or CheckOptions()
    files = _existing(paths)
    findings: list[Finding] = []
    names: list[str] = []
    unchecked: list[str] = []
    no_templates: list[str] = []
    if STANDARD_INPUT_ARGUMENT in paths:
        if against is not None:
            raise SettingsError("Standard input has no history: `--against` needs files or folders.")
        stream = _opened(sys.stdin).buffer if standard_input is None else standard_input
        data = stream.read(_LARGEST_INPUT)
        given = check_text(data, STANDARD_INPUT, options=options)
        findings += given.findings
        (names if given.candidate else unchecked if given.unchecked else no_templates).append(STANDARD_INPUT)
    result = check_files(files, options=options)
    findings += result.findings
    names += [str(file.path) for file in result.files if file.candidate]
    unchecked += [str(file.path) for file in result.files if file.unchecked]
    named = set(files)
    no_templates += [
        str(file.path) for file in result.files if file.path in named and not (file.candidate or file.unchecked)
    ]
    folders = [path for path in files if path.is_dir()]
    if folders and not (names or no_templates or against or set(unchecked) - set(map(str, folders))):
        raise SettingsError(f"No workflow YAML was found in {listing(map(str, folders))}, so nothing was checked.")
    if against is not None:
        findings += _since(against, folders, [file.path for file in result.files if file.candidate], options)
    findings.sort(key=lambda finding: finding.order)
    # Importing the rules of contracts takes longer than checking a small folder.
    rules = {} if output_format in ("text", "github") else all_rules()
    outcome = Outcome(findings, names, rules, strict=strict, unchecked=unchecked, no_templates=no_templates)
    if output_format == "text":
        write(text(outcome, colour=wants_colour(out)), out)
    else:
        write(FORMATS[output_format](outcome), out)
    return FOUND if outcome.failed else CLEAN


def _opened(stream: TextIO | None) -> TextIO:
    """Return a standard stream; there is none if the parent process has closed it."""
    if stream is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return stream


def _existing(paths: Sequence[str]) -> list[Path]:
    files: list[Path] = []
    for path in dict.fromkeys(paths):
        if path == STANDARD_INPUT_ARGUMENT:
            continue
        if "\0" in path or not path:
            raise SettingsError(f"invalid path {path!r}: expected a file or folder.")
        file = Path(path)
        if not os.path.lexists(file):
            beside = file.parent
            names = [one.name for one in beside.iterdir()] if beside.is_dir() else []
            near = did_you_mean(file.name, names)
            raise SettingsError(f"'{path}' does not exist.{near}")
        files.append(file)
    return files


def _since(reference: str, folders: Iterable[Path], candidates: Iterable[Path], options: CheckOptions) -> list[Finding]:
    """Return as findings how the workflows' contracts have changed since a revision."""
    from pytest_aicore.errors import WorkflowError
    from pytest_aicore.workflows.contracts import rules as contract_rules
    from pytest_aicore.workflows.contracts.revision import compare_with_revision
    from pytest_aicore.workflows.template import read_templates

    templates: list[Template] = []
    untold: list[Path] = []
    for path in candidates:
        with suppress(WorkflowError):  # the checks report the error
            templates += read_templates(path)
            continue
        untold.append(path)
    since = compare_with_revision(reference, templates, folders, untold)
    findings = [
        finding for one in since.changed for finding in contract_rules.of_comparison(one.template, one.comparison)
    ]
    findings += [contract_rules.removed(seen_from(path), template, reference) for path, template in since.removed]
    return [finding for finding in findings if not options.ignores(finding.rule, finding.place.path)]


def explain(rule_id: str, out: TextIO | None = None) -> int:
    """Print a rule with a bad and a good example.

    Args:
        rule_id: for example `AIC204`, in any case.
        out: where to print; standard output if left out.

    Raises:
        SettingsError: unknown rule.
    """
    rules = all_rules()
    rule = rules.get(rule_id.upper()) or next((one for one in rules.values() if one.name == rule_id.lower()), None)
    if rule is None:
        raise SettingsError(
            f"unknown rule {rule_id!r}.{meant(rule_id, rules)} `pytest-aicore check --list-rules` shows all."
        )
    lines = [
        f"{rule.id} {rule.name} ({rule.severity.word}, {rule.layer})",
        "",
        f"{rule.summary}.",
        rule.explanation,
        "",
        "Bad:",
        *_indented(rule.bad),
        "",
        "Good:",
        *_indented(rule.good),
    ]
    write("\n".join(lines) + "\n", _opened(sys.stdout) if out is None else out)
    return CLEAN


def _indented(example: str) -> list[str]:
    return [f"    {line}".rstrip() for line in example.rstrip("\n").splitlines()]


def list_rules(out: TextIO | None = None) -> int:
    """Print every rule on a line of its own.

    Args:
        out: where to print; standard output if left out.
    """
    rules = all_rules().values()
    width = max(len(rule.name) for rule in rules)
    lines = [
        f"{rule.id}  {rule.severity.word:<7}  {rule.layer:<8}  {rule.name:<{width}}  {rule.summary}" for rule in rules
    ]
    write("\n".join(lines) + "\n", _opened(sys.stdout) if out is None else out)
    return CLEAN


def wants_colour(out: TextIO) -> bool:
    """Return whether to print colours: on a terminal, unless NO_COLOR or FORCE_COLOR say otherwise.

    Args:
        out: where to print.
    """
    # https://no-color.org and https://force-color.org: set to anything but nothing.
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return out.isatty() and os.environ.get("TERM") != "dumb"
