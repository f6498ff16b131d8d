"""Where something stands in a file, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_aicore.errors import WorkflowError
from pytest_aicore.printable import on_one_line, printable
from pytest_aicore.redact import redact

_EXCERPT_WIDTH = 72
_LONGEST_LINE = 2000


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A character in a file, as editors and compilers count: lines and columns begin at 1."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        """Return `path:line:column`, which editors and terminals make clickable."""
        return on_one_line(f"{self.path}:{self.line}:{self.column}")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text cannot be read as a workflow, in a form that both an error and a check can show.

    Attributes:
        kind: what sort of problem it is, a stable word such as `tab` or `duplicate-key`.
        place: where it was noticed.
        what: one sentence that says what happened.
        remedy: one sentence that says what to do.
        source_line: the line of the file at that place, None where showing it makes no sense.
    """

    kind: str
    place: Place
    what: str
    remedy: str
    source_line: str | None = None

    def __str__(self) -> str:
        """Return the place, what happened, the line with a caret below the place, and the remedy."""
        parts = [on_one_line(redact(f"{self.place}: {self.what}"))]
        if self.source_line is not None:
            parts += caret(self.source_line, self.place.line, self.place.column)
        parts.append(on_one_line(self.remedy))
        return "\n".join(parts)


class SourceError(WorkflowError):
    """A file or text is not YAML that AI Core could read; `problem` has the place and the reason."""

    def __init__(self, problem: Problem) -> None:
        """Make the error of a problem.

        Args:
            problem: what is wrong; it becomes the message.
        """
        super().__init__(str(problem))
        self.problem = problem


def caret(source_line: str, line: int, column: int) -> list[str]:
    """Return two lines that show the source line and a caret below one of its columns.

    Nothing is shown of a line that holds what looks like a secret, or that no person wrote. Long ones are cut around
    the column.

    Args:
        source_line: the line without its line end.
        line: its number, counted from 1.
        column: the column to point at, counted from 1.
    """
    if len(source_line) > _LONGEST_LINE or redact(source_line) != source_line:
        return []
    # A TAB is as wide in the line of the caret as in the line above it, so it stays.
    before, shown = printable(source_line[: column - 1]), printable(source_line)
    position = len(before)
    start = 0
    if len(shown) > _EXCERPT_WIDTH:
        start = max(0, min(position - _EXCERPT_WIDTH // 2, len(shown) - _EXCERPT_WIDTH))
        shown = shown[start : start + _EXCERPT_WIDTH]
        shown = f"...{shown[3:]}" if start else f"{shown[:-3]}..."
    below = "".join("\t" if character == "\t" else " " for character in before[start:])
    gutter = f"{line:>6} | "
    return [gutter + shown, " " * (len(gutter) - 2) + "| " + below + "^"]
