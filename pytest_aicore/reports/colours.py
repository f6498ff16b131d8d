"""Colours of what the plugin prints in pytest's terminal: those that pytest gives to its own outcomes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_STATUSES: Final = {"COMPLETED": "green", "DEAD": "red", "STOPPED": "yellow", "STOPPING": "yellow", "RUNNING": "cyan"}
_STATUS: Final = re.compile(rf"(?<!\S)(?:{'|'.join(_STATUSES)})(?=[\s,;]|$)")
_GATE: Final = re.compile(r"^(?:passed|failed|missing)(?=\s)|\b\d+ failed$")
_MOMENT: Final = re.compile(r"^.{15}\d\d:\d\d:\d\d  [A-Z]")
_LABEL: Final = 15
"""Where the text of a section's line begins."""


class Paint(Protocol):
    """Colours a text where the terminal has colours: `TerminalWriter.markup` of pytest."""

    def __call__(self, text: str, **markup: bool) -> str:
        """Return the text with colours, or as it is.

        Args:
            text: the text.
            markup: names of pytest's colours.
        """


def of_summary(line: str, paint: Paint) -> str:
    """Return a line of the session's summary with its statuses and verdicts coloured.

    Args:
        line: the line.
        paint: colours a text.
    """
    line = _STATUS.sub(lambda found: paint(found[0], **{_STATUSES[found[0]]: True}), line)
    return _GATE.sub(lambda found: paint(found[0], **{"green" if found[0] == "passed" else "red": True}), line)


def of_section(text: str, paint: Paint) -> str:
    """Return a failed test's section with its likely causes, its statuses and failed steps coloured.

    Args:
        text: of the section.
        paint: colours a text.
    """
    return "\n".join(_section(text.split("\n"), paint))


def _section(lines: Iterable[str], paint: Paint) -> Iterator[str]:
    label, names_cause = "", False
    for line in lines:
        head, body = line[:_LABEL], line[_LABEL:]
        label = head.strip() or label
        if label == "diagnosis":
            names_cause = body.startswith(("likely:", "or:")) or (
                names_cause and not body.startswith(("  seen:", "  do:"))
            )
        if (label == "diagnosis" and names_cause) or label == "failed":
            yield head + paint(body, red=True, bold=label == "diagnosis")
        elif label == "status" or (label == "history" and _MOMENT.match(line)):
            yield of_summary(line, paint)
        else:
            yield line
