"""Findings as text, JSON, SARIF, GitHub workflow commands and JUnit XML: strings made of plain data.

What only one format needs is imported when that format is written: most checks write text, and should be quick.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.printable import on_one_line, printable
from pytest_aicore.redact import redact
from pytest_aicore.workflows.checks import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_aicore.workflows.checks import Finding, Rule

TOOL: Final = "pytest-aicore"
SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


class Outcome:
    """What was found, in which files, and what was not checked.

    Attributes:
        findings: what was found, in the order in which it is shown.
        files: every file that was checked.
        strict: whether warnings fail.
        rules: every rule by id; the formats `text` and `github` need none.
        unchecked: files and folders that may hold templates and were not checked; findings say why.
        no_templates: files that were named, and skipped because they are not templates.
    """

    def __init__(
        self,
        findings: Sequence[Finding],
        files: Sequence[str],
        rules: Mapping[str, Rule],
        *,
        strict: bool = False,
        unchecked: Sequence[str] = (),
        no_templates: Sequence[str] = (),
    ) -> None:
        """Take the findings and the checked files."""
        self.findings = findings
        self.files = files
        self.rules = rules
        self.strict = strict
        self.unchecked = unchecked
        self.no_templates = no_templates

    def fails(self, finding: Finding) -> bool:
        """Return whether a finding makes the check fail."""
        return finding.severity >= (Severity.WARNING if self.strict else Severity.ERROR)

    @property
    def failed(self) -> bool:
        """Whether anything fails."""
        return any(map(self.fails, self.findings))

    @property
    def counts(self) -> dict[str, int]:
        """How many findings there are of each severity."""
        counted = Counter(finding.severity for finding in self.findings)
        return {severity.word: counted[severity] for severity in sorted(Severity, reverse=True)}

    @property
    def summary(self) -> str:
        """How many files and findings there are, in words."""
        words = [_number(number, word) for word, number in self.counts.items() if number]
        parts = [f"{_number(len(self.files), 'file')} checked"]
        if self.unchecked:
            parts.append(f"{len(self.unchecked)} not checked")
        if self.no_templates:
            number = len(self.no_templates)
            parts.append("1 is not a template" if number == 1 else f"{number} are not templates")
        if not words and self.files:
            words = ["nothing found"]
        return ", ".join(parts) + (f": {', '.join(words)}" if words else "")


def _number(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


# --- text ---------------------------------------------------------------------------------------------------

_COLOURS: Final = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.HINT: "36"}


def text(outcome: Outcome, *, colour: bool = False) -> str:
    """Return findings as compilers write them, and a line that counts them.

    Args:
        outcome: what was found.
        colour: whether the terminal understands colours.
    """
    blocks = [finding_text(finding, colour=colour) for finding in outcome.findings]
    if outcome.strict and outcome.counts["warning"]:
        return "\n\n".join([*blocks, f"{outcome.summary} (warnings fail: --strict)"]) + "\n"
    return "\n\n".join([*blocks, outcome.summary]) + "\n"


def finding_text(finding: Finding, *, colour: bool = False) -> str:
    """Return one finding: place, severity, rule, message, the line with a caret, the remedy.

    Args:
        finding: what was found.
        colour: whether the terminal understands colours.
    """
    lines = redact(str(finding)).splitlines()
    if not colour:
        return "\n".join(lines)
    place = str(finding.place)
    label = f"{finding.severity.word} {finding.rule}"
    head = lines[0].removeprefix(f"{place}: {label}: ")
    paint = _COLOURS[finding.severity]
    lines[0] = f"\033[1m{place}:\033[0m \033[1;{paint}m{label}:\033[0m {head}"
    lines[1:] = [f"\033[{paint}m{line}\033[0m" if line.strip(" |\t") == "^" else line for line in lines[1:]]
    return "\n".join(lines)


# --- JSON ---------------------------------------------------------------------------------------------------


def as_json(outcome: Outcome) -> str:
    """Return one JSON object with the findings and their number by severity."""
    content = {
        "version": 1,
        "files": len(outcome.files),
        "notChecked": list(outcome.unchecked),
        "notTemplates": list(outcome.no_templates),
        "failed": outcome.failed,
        "counts": outcome.counts,
        "findings": [_json_finding(finding, outcome) for finding in outcome.findings],
    }
    return _written(content)


def _written(content: object) -> str:
    import json

    # JSON has an escape of its own for whatever acts, but for `##[error]` and the like, which CI systems obey anywhere.
    return json.dumps(content, indent=2).replace("##", r"#\u0023") + "\n"


def _json_finding(finding: Finding, outcome: Outcome) -> dict[str, object]:
    rule = outcome.rules.get(finding.rule)
    return {
        "rule": finding.rule,
        "name": rule.name if rule is not None else None,
        "severity": finding.severity.word,
        "fails": outcome.fails(finding),
        "path": finding.place.path,
        "line": finding.place.line,
        "column": finding.place.column,
        "endColumn": finding.end_column,
        "message": redact(finding.message),
        "hint": finding.hint and redact(finding.hint),
        "remedy": redact(finding.remedy),
        "documentation": finding.anchor,
    }


# --- SARIF --------------------------------------------------------------------------------------------------

_SARIF_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "note"}


def sarif(outcome: Outcome) -> str:
    """Return a SARIF 2.1.0 log, as code scanning services read it."""
    rules = list(outcome.rules.values())
    index = {rule.id: number for number, rule in enumerate(rules)}
    run: dict[str, Any] = {
        "tool": {"driver": {"name": TOOL, "rules": [_sarif_rule(rule) for rule in rules]}},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(finding, index) for finding in outcome.findings],
    }
    if outcome.no_templates:
        notes = [_sarif_note(path) for path in outcome.no_templates]
        run["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": notes}]
    return _written({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]})


def _sarif_rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.explanation},
        "help": {"text": f"{rule.explanation}\n\nBad:\n{rule.bad}\nGood:\n{rule.good}"},
        "defaultConfiguration": {"level": _SARIF_LEVELS[rule.severity]},
        "properties": {"tags": [rule.layer]},
    }


def _sarif_note(path: str) -> dict[str, object]:
    return {
        "level": "note",
        "message": {"text": NO_TEMPLATE},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(path)}}}],
    }


def _sarif_result(finding: Finding, index: Mapping[str, int]) -> dict[str, object]:
    region: dict[str, int] = {"startLine": finding.place.line, "startColumn": finding.place.column}
    if finding.end_column is not None and finding.end_column > finding.place.column:
        region["endColumn"] = finding.end_column
    result: dict[str, object] = {
        "ruleId": finding.rule,
        "level": _SARIF_LEVELS[finding.severity],
        "message": {"text": redact(finding.text)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(finding.place.path)}, "region": region}}],
    }
    if finding.rule in index:
        result["ruleIndex"] = index[finding.rule]
    return result


def _uri(path: str) -> str:
    if path == STANDARD_INPUT:
        return "stdin"
    from pathlib import Path
    from urllib.parse import quote

    absolute = Path(path)
    return absolute.as_uri() if absolute.is_absolute() else quote(os.fsencode(absolute.as_posix()))


NO_TEMPLATE: Final = "It is not a template, so it was not checked."
"""What is said of a file that was named and is something else."""

STANDARD_INPUT: Final = "<stdin>"
"""What places call standard input."""


# --- GitHub -------------------------------------------------------------------------------------------------

_GITHUB_COMMANDS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "notice"}


def github(outcome: Outcome) -> str:
    """Return one workflow command of GitHub Actions for each finding, which it shows at the line in the diff."""
    return "".join(f"{_github_command(finding)}\n" for finding in outcome.findings) + f"{outcome.summary}\n"


def _github_command(finding: Finding) -> str:
    place = finding.place
    properties = {"file": place.path, "line": place.line, "col": place.column}
    if finding.end_column is not None and finding.end_column > place.column:
        properties["endColumn"] = finding.end_column
    properties["title"] = finding.rule
    written = ",".join(f"{name}={_github_property(printable(str(value)))}" for name, value in properties.items())
    return f"::{_GITHUB_COMMANDS[finding.severity]} {written}::{_github_data(on_one_line(redact(finding.text)))}"


def _github_data(data: str) -> str:
    return data.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_property(value: str) -> str:
    return _github_data(value).replace(":", "%3A").replace(",", "%2C")


# --- JUnit --------------------------------------------------------------------------------------------------


def junit(outcome: Outcome) -> str:
    """Return JUnit XML: a test case for each file, a failure for what fails in it, the rest as its output."""
    by_file: dict[str, list[Finding]] = {path: [] for path in (*outcome.files, *outcome.unchecked)}
    for finding in outcome.findings:
        by_file.setdefault(finding.place.path, []).append(finding)
    failed = [path for path, found in by_file.items() if any(map(outcome.fails, found))]
    skipped = {path: by_file[path] for path in outcome.unchecked if path not in failed}
    tests = len(by_file) + len(outcome.no_templates)
    left_out = len(skipped) + len(outcome.no_templates)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<testsuites name="{TOOL}" tests="{tests}" failures="{len(failed)}" errors="0">',
        f'  <testsuite name="{TOOL}" tests="{tests}" failures="{len(failed)}" errors="0" skipped="{left_out}">',
    ]
    for path, found in by_file.items():
        if path in skipped:
            lines += _junit_skipped(path, found[0].text if found else "It was not checked.")
        else:
            lines += _junit_case(path, found, outcome)
    for path in outcome.no_templates:
        lines += _junit_skipped(path, NO_TEMPLATE)
    return "\n".join([*lines, "  </testsuite>", "</testsuites>"]) + "\n"


def _junit_head(path: str) -> str:
    name = _attribute(path)
    return f'    <testcase classname="{TOOL}.check" name="{name}" file="{name}"'


def _junit_skipped(path: str, why: str) -> Iterable[str]:
    return [f"{_junit_head(path)}>", f'      <skipped message="{_attribute(redact(why))}"/>', "    </testcase>"]


def _junit_case(path: str, found: Sequence[Finding], outcome: Outcome) -> Iterable[str]:
    head = _junit_head(path)
    if not found:
        return [f"{head}/>"]
    lines = [f"{head}>"]
    failures = [finding for finding in found if outcome.fails(finding)]
    if failures:
        first = failures[0]
        words = f"{first.place.line}:{first.place.column}: {first.rule}: {first.message}"
        message = _attribute(redact(words)) + (f" (and {len(failures) - 1} more)" if len(failures) > 1 else "")
        body = _xml("\n\n".join(map(finding_text, failures)))
        lines.append(f'      <failure type="{first.rule}" message="{message}">{body}</failure>')
    others = [finding for finding in found if not outcome.fails(finding)]
    if others:
        lines.append(f"      <system-out>{_xml(chr(10).join(map(finding_text, others)))}</system-out>")
    return [*lines, "    </testcase>"]


def _xml(value: str) -> str:
    from html import escape

    return escape(printable(value))  # what XML 1.0 has no way to write is among what is never printed


def _attribute(value: str) -> str:
    # A line end in an attribute would be read back as a blank.
    return _xml(value).replace("\n", "&#10;").replace("\t", "&#9;")


FORMATS: Final = {"text": text, "json": as_json, "sarif": sarif, "github": github, "junit": junit}
"""Every format by its name on the command line; `text` takes `colour` as well."""
