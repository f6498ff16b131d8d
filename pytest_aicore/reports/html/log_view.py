"""Logs on a page: one text each, the line that tells the error marked, never more than a page is good for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.printable import from_terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

_END_LINES: Final = 12
_ERROR: Final = re.compile(
    r"^.*(?:\b[A-Z]\w*(?:Error|Exception)\b|\b(?:error|fatal|killed|panic|out of memory)\b).*$", re.MULTILINE | re.I
)
_TRACEBACK: Final = "Traceback (most recent call last)"


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
        end: its last lines.
    """

    before: str
    error: str
    after: str
    lines: int
    left_out: str
    problem: str | None
    end: str

    @property
    def size(self) -> int:
        """How many characters it has on the page."""
        return len(self.before) + len(self.error) + len(self.after)


def log_view(log: Mapping[str, Any] | None, most: int) -> LogView | None:
    """Return how a page shows a log, None if none is known.

    Args:
        log: as `reports.details.log_of` returns it.
        most: how many characters the page has left.
    """
    if log is None:
        return None
    text = from_terminal(log["text"])
    shown = text if len(text) <= most else text[len(text) - most :].partition("\n")[2] if most > 0 else ""
    left_out = log["left_out"] + len(text) - len(shown)
    end = "\n".join(shown.rstrip().splitlines()[-_END_LINES:]) if shown else ""
    start, stop = _error_in(shown)
    return LogView(
        before=shown[:start],
        error=shown[start:stop],
        after=shown[stop:],
        lines=log["lines"],
        left_out=_size(left_out) if left_out else "",
        problem=log.get("problem"),
        end=end,
    )


def _error_in(text: str) -> tuple[int, int]:
    """Return where the line is that tells the error: after the last traceback, else the last that names one."""
    begin = text.rfind(_TRACEBACK)
    found = None
    for found in _ERROR.finditer(text, max(begin, len(text) - 100_000, 0)):  # noqa: B007  the last one
        pass
    return found.span() if found is not None else (len(text), len(text))


def _size(characters: int) -> str:
    return f"{characters / 1e6:.1f} MB" if characters >= 1e6 else f"{max(characters / 1e3, 0.1):.1f} kB"
