"""Comments that take findings back: `# aicore: ignore[AIC204]` for a line, `# aicore: ignore-file[AIC204]` for a "
"file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pytest_aicore.workflows.places import Place
from pytest_aicore.workflows.rules.findings import Finding, Rule, Severity
from pytest_aicore.workflows.rules.words import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

UNKNOWN_SUPPRESSION: Final = Rule(
    "AIC121",
    "unknown-suppression",
    Severity.WARNING,
    "document",
    "A comment takes back a rule that does not exist",
    "`# aicore: ignore[ID]` names rules by their ids (or their names), several of them with commas between; what it "
    "names wrongly is not taken back.",
    "name: churn-train # aicore: ignore[AIC999]",
    "name: churn-train",
)
UNUSED_SUPPRESSION: Final = Rule(
    "AIC122",
    "unused-suppression",
    Severity.HINT,
    "document",
    "A comment takes back a finding that is not there",
    "What the comment was written for has been repaired, or has moved: it would hide the next mistake in its place.",
    "name: churn-train # aicore: ignore[AIC307]",
    "name: churn-train",
)

RULES: Final = (UNKNOWN_SUPPRESSION, UNUSED_SUPPRESSION)

_COMMENT: Final = re.compile(r"#\s*aicore\s*:\s*(ignore(?:-file)?)\s*(?:\[([^\]\n]*)\])?", re.IGNORECASE)


@dataclass
class _Suppression:
    """One comment.

    Attributes:
        line: the line that it takes findings back on, None for the whole file.
        rules: the ids that it takes back with their columns; empty for all.
        at: its own line.
        column: its own column.
        used: the ids that it did take back.
    """

    line: int | None
    rules: dict[str, int]
    at: int
    column: int
    used: set[str] = field(default_factory=set)

    def covers(self, finding: Finding, begins: int | None) -> bool:
        """Tell whether it takes a finding back, which stands in a value that begins on a line of its own."""
        if self.line is not None and self.line not in (finding.place.line, begins):
            return False
        return not self.rules or finding.rule in self.rules


class Suppressions:
    """The comments of one file that take findings back."""

    def __init__(self, text: str, name: str, rules: Mapping[str, Rule]) -> None:
        """Read the comments of a text.

        Args:
            text: the whole file.
            name: what places call it.
            rules: all rules by id.
        """
        self._name = name
        self._rules = rules
        self._found: list[_Suppression] = []
        self._problems: list[Finding] = []
        lower = text.lower()
        if "aicore" not in lower or "ignore" not in lower:
            return
        by_name = {rule.name: rule.id for rule in rules.values()}
        lines = text.splitlines()
        for number, line in enumerate(lines, 1):
            for comment in _COMMENT.finditer(line):
                self._read(comment, number, lines, by_name)

    def _read(self, comment: re.Match[str], number: int, lines: Sequence[str], by_name: Mapping[str, str]) -> None:
        column = comment.start() + 1
        target: int | None = number
        if comment.group(1).lower() == "ignore-file":
            target = None
        elif not lines[number - 1][: comment.start()].strip(" \t"):
            target = _next_line(lines, number)
        rules: dict[str, int] = {}
        for word in re.finditer(r"[^\s,]+", comment.group(2) or ""):
            written = word.group()
            rule = written.upper() if written.upper() in self._rules else by_name.get(written.lower())
            at = comment.start(2) + word.start() + 1
            if rule is not None:
                rules[rule] = at
                continue
            self._problems.append(
                self._finding(
                    UNKNOWN_SUPPRESSION,
                    (number, at),
                    f"There is no rule `{written}`, so nothing is taken back.",
                    "Write the id of a rule, for example AIC313.",
                    hint=did_you_mean(written, (*self._rules, *by_name)),
                    width=len(written),
                    text=lines[number - 1],
                )
            )
        if rules or not (comment.group(2) or "").strip():
            self._found.append(_Suppression(target, rules, number, column))

    def _finding(
        self, rule: Rule, place: tuple[int, int], message: str, remedy: str, *, hint: str | None, width: int, text: str
    ) -> Finding:
        line, column = place
        return Finding(
            rule.id,
            rule.severity,
            Place(self._name, line, column),
            message,
            remedy,
            hint,
            column + width,
            source_line=text,
        )

    def kept(self, findings: list[Finding], begins: Mapping[tuple[int, int], int]) -> list[Finding]:
        """Return the findings that no comment takes back.

        Args:
            findings: what was found.
            begins: for places inside a value of several lines, the line on which the value begins.
        """
        return [finding for finding in findings if not self._is_taken_back(finding, begins)]

    def _is_taken_back(self, finding: Finding, begins: Mapping[tuple[int, int], int]) -> bool:
        line = begins.get((finding.place.line, finding.place.column))
        taken = False
        for suppression in self._found:
            if suppression.covers(finding, line):
                suppression.used.add(finding.rule)
                taken = True
        return taken

    def findings(self, lines: Sequence[str]) -> Iterator[Finding]:
        """Yield what is wrong with the comments themselves.

        Args:
            lines: the lines of the file.
        """
        yield from self._problems
        for suppression in self._found:
            # What several files say together is not known where one is looked at: nothing about those rules here.
            unused = [
                rule
                for rule in suppression.rules
                if rule not in suppression.used and self._rules[rule].layer != "folder"
            ]
            if not unused and (suppression.rules or suppression.used):
                continue
            where = "in this file" if suppression.line is None else "on its line"
            first = unused[0] if unused else None
            column = suppression.rules[first] if first else suppression.column
            yield self._finding(
                UNUSED_SUPPRESSION,
                (suppression.at, column),
                f"This comment takes back {', '.join(unused) if unused else 'all findings'}, and there is no such "
                f"finding {where}.",
                "Remove it.",
                hint=None,
                width=len(first) if first else 1,
                text=lines[suppression.at - 1] if suppression.at <= len(lines) else "",
            )


def _next_line(lines: Sequence[str], number: int) -> int:
    """Return the next line that holds more than a comment: what a comment on a line of its own is about."""
    for following in range(number, len(lines)):
        text = lines[following].strip()
        if text and not text.startswith("#"):
            return following + 1
    return number
