"""Comments that suppress findings: `# aicore: ignore[AIC204]` on a line, `# aicore: ignore-file[AIC204]` in a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_aicore.workflows.checks.findings import MOST_OF_ONE_RULE, Finding
from pytest_aicore.workflows.checks.rule import Rule, Severity
from pytest_aicore.workflows.checks.words import hint_for, nearest, typo_hint
from pytest_aicore.workflows.yaml.places import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_aicore.workflows.checks.findings import Told

UNKNOWN_SUPPRESSION: Final = Rule(
    "AIC121",
    "unknown-suppression",
    Severity.WARNING,
    "document",
    "A comment suppresses a rule that does not exist",
    "`# aicore: ignore[ID]` names rules by their ids (or their names), separated by commas; an unknown "
    "one suppresses nothing.",
    "name: churn-train # aicore: ignore[AIC999]",
    "name: churn-train",
)
UNUSED_SUPPRESSION: Final = Rule(
    "AIC122",
    "unused-suppression",
    Severity.HINT,
    "document",
    "A comment suppresses a finding that does not exist",
    "The finding has been fixed or has moved: the comment would hide the next mistake on its line.",
    "name: churn-train # aicore: ignore[AIC307]",
    "name: churn-train",
)

_COMMENT: Final = re.compile(
    r"#[ \t]*aicore[ \t]*:[ \t]*([\w-]+)[ \t]*(?:\[([^\[\]\n]*)|[ \t:]*((?:AIC\d+[ \t,]*)+))?", re.IGNORECASE
)
_WORDS: Final = ("ignore", "ignore-file")
_ALL: Final = ""
"""Stands for all rules where a comment names none."""


class _Suppression(NamedTuple):
    """One comment.

    Attributes:
        line: the line whose findings it suppresses, None for the whole file.
        rules: the ids that it suppresses, with their columns, or `_ALL`.
        at: its own line.
    """

    line: int | None
    rules: dict[str, int]
    at: int


class Suppressions:
    """The comments of one file that suppress findings."""

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
        self._used: dict[tuple[int | None, str], bool] = {}
        self._unknown: list[tuple[int, int, str]] = []
        if _COMMENT.search(text) is None:
            return
        by_name = {rule.name: rule.id for rule in rules.values()}
        lines = text.splitlines()
        following = len(lines)
        for number in range(len(lines), 0, -1):
            line = lines[number - 1]
            indentation = len(line) - len(line.lstrip(" \t"))
            for comment in _COMMENT.finditer(line):
                # A comment that stands alone is about the next line that holds more than a comment.
                alone = comment.start() == indentation
                whole_file = comment.group(1).lower() == "ignore-file"
                if comment.group(1).lower() not in _WORDS:
                    if nearest(comment.group(1).lower(), _WORDS):
                        self._unknown.append((number, comment.start(1) + 1, comment.group(1)))
                    continue
                self._read(comment, number, None if whole_file else following if alone else number, by_name)
            if line.strip() and not line.lstrip().startswith("#"):
                following = number
        self._found.reverse()

    def _read(self, comment: re.Match[str], number: int, target: int | None, by_name: Mapping[str, str]) -> None:
        # Missing brackets must not suppress everything.
        named = 2 if comment.group(2) is not None else 3
        if not (comment.group(named) or "").strip():
            rules = {_ALL: comment.start() + 1}
        else:
            rules = {}
            for word in re.finditer(r"[^\s,]+", comment.group(named)):
                written = word.group()
                rule = written.upper() if written.upper() in self._rules else by_name.get(written.lower())
                column = comment.start(named) + word.start() + 1
                if rule is not None:
                    rules[rule] = column
                else:
                    self._unknown.append((number, column, written))
        if rules:
            self._found.append(_Suppression(target, rules, number))
            self._used.update(((target, rule), False) for rule in rules)

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

    def suppresses(self, finding: Finding, begins: int | None = None) -> bool:
        """Return whether a comment suppresses a finding, and remember that the comment is used.

        Args:
            finding: what was found.
            begins: if it is inside a value of several lines, the line on which the value begins.
        """
        is_suppressed = False
        for line in dict.fromkeys((None, finding.place.line, begins)):
            for rule in (finding.rule, _ALL):
                if (line, rule) in self._used:
                    self._used[line, rule] = is_suppressed = True
        return is_suppressed

    def _hint(self, written: str, known: Iterable[str]) -> str | None:
        """Return the rule that was surely meant; another number is another rule, and no typo."""
        number = re.fullmatch(r"\D{0,5}(\d+)", written)
        if number is None:
            return typo_hint(written, known)
        meant = f"AIC{number.group(1)}"
        return hint_for(meant if meant in self._rules else None)

    def findings(self, text: str, told: Told) -> Iterator[Finding]:
        """Yield the findings about the comments themselves.

        Args:
            text: the file's.
            told: how many findings of each rule there are in the file, also of those that are not listed.
        """
        if not (self._unknown or self._found):
            return
        lines = text.splitlines()
        known = (*self._rules, *(rule.name for rule in self._rules.values()))
        told[UNKNOWN_SUPPRESSION.id, UNKNOWN_SUPPRESSION.severity] += len(self._unknown)
        for number, column, written in sorted(self._unknown)[:MOST_OF_ONE_RULE]:
            is_word = nearest(written.lower(), _WORDS) is not None
            yield self._finding(
                UNKNOWN_SUPPRESSION,
                (number, column),
                f"Unknown rule `{written}`, so nothing is suppressed."
                if not is_word
                else f"Unknown word `{written}`, so nothing is suppressed.",
                "Write the id of a rule, for example AIC313." if not is_word else "Write `ignore` or `ignore-file`.",
                hint=self._hint(written, known),
                width=len(written),
                text=lines[number - 1],
            )
        for suppression in self._found:
            # Rules about several files are not checked for one file: their suppressions are not reported as unused.
            unused = [
                rule
                for rule in suppression.rules
                if not self._used[suppression.line, rule] and (rule == _ALL or self._rules[rule].layer != "folder")
            ]
            if not unused:
                continue
            kind = (UNUSED_SUPPRESSION.id, UNUSED_SUPPRESSION.severity)
            told[kind] += 1
            if told[kind] > MOST_OF_ONE_RULE:
                continue
            where = "in this file" if suppression.line is None else "on its line"
            yield self._finding(
                UNUSED_SUPPRESSION,
                (suppression.at, suppression.rules[unused[0]]),
                f"This comment suppresses {', '.join(unused) or 'all findings'}, but no such finding exists {where}.",
                "Remove it.",
                hint=None,
                width=len(unused[0]) or 1,
                text=lines[suppression.at - 1],
            )
