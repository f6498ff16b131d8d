"""A workflow file on a page: its text in a few pieces, so that the lines can be marked in which something was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class SourceView:
    """A workflow file on a page.

    Attributes:
        name: of the file.
        anchor: its name in the address of the page.
        pieces: of the text, each with the number of the line that it is if something was found there, else 0.
        findings: by line.
    """

    name: str
    anchor: str
    pieces: Sequence[tuple[int, str]]
    findings: Sequence[Mapping[str, Any]]


def source_view(source: Mapping[str, Any], number: int) -> SourceView:
    """Return how a page shows a workflow file.

    Args:
        source: as the document has it.
        number: which of them it is.
    """
    anchor = f"workflow-{number}"
    marked = {int(finding["line"]) for finding in source["findings"]}
    pieces: list[tuple[int, str]] = []
    for line, text in enumerate(source["text"].splitlines(keepends=True), 1):
        numbered = f"{line:>4}  {text}"
        if line in marked or not pieces or pieces[-1][0]:
            pieces.append((line if line in marked else 0, numbered))
        else:
            pieces[-1] = (0, pieces[-1][1] + numbered)
    return SourceView(source["workflow"], anchor, pieces, source["findings"])
