"""What a check says: findings of rules at places in files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from pytest_aicore.printable import on_one_line
from pytest_aicore.redact import redact
from pytest_aicore.workflows.checks.rule import REFERENCE_PAGE
from pytest_aicore.workflows.yaml.places import caret

if TYPE_CHECKING:
    from collections import Counter

    from pytest_aicore.workflows.checks.rule import Severity
    from pytest_aicore.workflows.yaml.places import Place

MOST_OF_ONE_RULE: Final = 100
"""How many findings of one rule and severity are listed for a file; one that has more was made by a program."""


Told: TypeAlias = "Counter[tuple[str, Severity]]"
"""How many findings of each rule and severity there are in a file, also of those that are not listed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule broken at one place.

    Attributes:
        rule: the id of the rule.
        severity: how it counts here.
        place: where it is, as exactly as the file allows.
        message: what AI Core, or Argo in it, will do.
        remedy: what to do about it.
        hint: `Did you mean ...?` where something near exists, else None.
        end_column: the column after the last character of what is meant, None where that is unknown or on
            another line.
        source_line: the line of the file at the place, None where showing it makes no sense.
    """

    rule: str
    severity: Severity
    place: Place
    message: str
    remedy: str
    hint: str | None = None
    end_column: int | None = None
    source_line: str | None = field(default=None, compare=False)

    @property
    def anchor(self) -> str:
        """Where the documentation describes the rule, relative to the repository."""
        return f"{REFERENCE_PAGE}#{self.rule.lower()}"

    @property
    def text(self) -> str:
        """What happened, what was probably meant, and what to do, in one line."""
        return " ".join(part for part in (self.message, self.hint, self.remedy) if part)

    def __str__(self) -> str:
        """Return the finding as compilers write it: place, severity, rule, line with a caret, remedy."""
        lines = [f"{self.place}: {self.severity.word} {self.rule}: {on_one_line(redact(self.message))}"]
        if self.source_line is not None:
            lines += caret(self.source_line, self.place.line, self.place.column)
        lines.append(on_one_line(redact(f"{self.hint} {self.remedy}" if self.hint else self.remedy)))
        return "\n".join(lines)

    @property
    def order(self) -> tuple[str, int, int, int, str]:
        """What findings are sorted by: file, line, column, the worst first."""
        return (self.place.path, self.place.line, self.place.column, -self.severity, self.rule)
