"""Logs on a page: one text each, the line that tells the error marked, never more than a page is good for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.printable import from_terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

_END_LINES: Final = 12
_SEARCHED: Final = 50_000
"""Characters at the end of a log in which the error is searched."""
_ERROR: Final = re.compile(
    r"[A-Z]\w*(?:Error|Exception)\b|\b(?:error|fatal|killed|panic|out of memory)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class LogView:
    """A log on a page.

    Attributes:
        before: what stands before the line that tells the error, or everything.
        error: that line, empty if none does.
        after: what stands behind it.
        lines: how many lines the whole log has.
        left_out: how much of its beginning is missing, in words; empty if nothing is.
        problem: why there is no log, None if there is one.
    """

    before: str
    error: str
    after: str
    lines: int
    left_out: str
    problem: str | None

    @property
    def end(self) -> str:
        """Its last lines, in which the error is."""
        if not self.error:
            return "\n".join(self.before.rstrip().splitlines()[-_END_LINES:])
        before, after = self.before.splitlines(), self.after.strip("\n").splitlines()
        return "\n".join([*before[-_END_LINES:], self.error, *after[:_END_LINES]])

    @property
    def size(self) -> int:
        """How many characters it has on the page."""
        return len(self.before) + len(self.error) + len(self.after)


def log_view(log: Mapping[str, Any] | None, most: int, *, has_failed: bool) -> LogView | None:
    """Return how a page shows a log, None if none is known.

    Args:
        log: as `reports.details.log_of` returns it.
        most: how many characters the page has left.
        has_failed: whether some line tells an error.
    """
    if log is None:
        return None
    text = from_terminal(log["text"])
    shown = text if len(text) <= most else text[len(text) - most :].partition("\n")[2] if most > 0 else ""
    left_out = log["left_out"] + len(text) - len(shown)
    start, stop = _error_in(shown) if has_failed else (len(shown), len(shown))
    return LogView(
        before=shown[:start],
        error=shown[start:stop],
        after=shown[stop:],
        lines=log["lines"],
        left_out=_size(left_out) if left_out else "",
        problem=log.get("problem"),
    )


def _error_in(text: str) -> tuple[int, int]:
    """Return where the last line is that names an error, the end of the text if none does."""
    end = len(text)
    while end > max(0, len(text) - _SEARCHED):
        begin = text.rfind("\n", 0, end) + 1
        if _ERROR.search(text, begin, end):
            return begin, end
        end = begin - 1
    return len(text), len(text)


def _size(characters: int) -> str:
    return f"{characters / 1e6:.1f} MB" if characters >= 1e6 else f"{max(characters / 1e3, 0.1):.1f} kB"
