"""Problems of the YAML in a string, told with the places of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_aicore.workflows.yaml.places import SourceError
from pytest_aicore.workflows.yaml.source import parse_all

if TYPE_CHECKING:
    from pytest_aicore.workflows.template import StringBlock
    from pytest_aicore.workflows.yaml.places import Problem


def as_in_the_file(problem: Problem, text: str, block: StringBlock) -> Problem:
    """Return a problem of a block with the lines and columns of the file in its words."""
    begin = block.place(1, 1)
    lines = (" " * (begin.column - 1) + line for line in text.split("\n"))
    try:
        parse_all("\n" * (begin.line - 1) + "\n".join(lines), problem.place.path)
    except SourceError as error:
        return error.problem
    return problem
