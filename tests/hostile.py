"""Texts that try to act where they are printed, and what a terminal or a CI system would obey.

The judge is written apart from `pytest_aicore.printable`: by categories of Unicode, and as the runners read a log.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterable

CLEAR = "\x1b[2J"
TITLE = "\x1b]0;pwned\x07"
REVERSED = "\u202etxt.exe"
COMMAND = "::error file=setup.py::pwned"
EVERYTHING = (
    f"a{CLEAR}{TITLE}\r\x9b31m\x85\x7f{REVERSED}\u2028\u2066\u200b\ufeff\u200d##[error]b ##vso[task.x]c\n{COMMAND}"
)
"""One of each kind."""

_COMMANDS = re.compile(r"##\[[\w-]+|##vso\[|##teamcity\[")
_UNSEEN = {"\xad", "\u180e", "\u200b", "\u2060", "\ufeff"}


def acting(text: str) -> list[str]:
    """Return what in a printed text acts: characters, and lines that are commands."""
    found = [f"U+{ord(each):04X}" for each in text if each not in "\n\t" and _acts(each)]
    return found + [line for line in text.split("\n") if is_command(line)]


def _acts(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        or character in _UNSEEN
    )


def is_command(line: str) -> bool:
    """Tell whether a CI system takes a line for a command, as the runner of GitHub and those of others do."""
    return line.lstrip().startswith("::") or _COMMANDS.search(line) is not None


def texts(more: Iterable[str] = ()) -> st.SearchStrategy[str]:
    """Return texts of which many act."""
    pieces = [
        CLEAR,
        TITLE,
        REVERSED,
        COMMAND,
        "\n",
        "\r",
        "\n::set-env name=X::y",
        "\t",
        " ",
        ":",
        "#",
        "##[group]",
        "##",
    ]
    pieces += ["##vso[task.setvariable variable=x]y", "##teamcity[x]", "\x85", "\u2029", "\u200d", "\ud800", "a", "é"]
    return st.lists(st.sampled_from([*pieces, *more]) | st.characters(), max_size=8).map("".join)
