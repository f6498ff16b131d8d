"""Docs, messages, docstrings and comments use the terms of the field, not words that only this project knows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.places import PACKAGE, ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WORDS = {
    r"\bis none of\b": "unknown X; expected one of ...",
    r"(?<!there )\b(is|are|was|were) no (?!longer\b|more\b|fewer\b|less\b)[a-z]": "invalid X: reason; X is not a ...",
    r"\bgo(es|ing|ne)? on with\b": "resume, continue with",
    r"\b(take|takes|taken|took|taking) \w* ?back\b": "suppress (findings), revert, remove",
    r"\banew\b": "again; update; create again",
    # `Fault.struck` is a public name, and so is the key of the server's JSON.
    r"(?<![.`\x22])(?<!def )\b(strikes?|struck)\b": "inject, trigger (faults)",
    r"\b(bears?|bore|borne)\b": "have (a marker, a name)",
    r"\b(lies|lie|lay|lying) here\b|\bfiles? that (lies?|lay)\b": "local file",
    r"\bquestions?\b": "request, poll",
    r"\b(an?|and|any|at|before|by|each|every|first|last|next|no|of|one|per|the|this|to|two|with) looks?\b": "poll",
    r"\bpoll interval\b": "polling interval",
    r"\bhow true\b": "fidelity",
    r"\bknows? no\b": "unknown; has no; does not exist",
    r"\bleft behind\b": "leftover",
    r"\bnobody can order\b": "skipped under --aicore-live: ...",
    r"\b(puts?|setting|said) right\b": "correct, fix",
}
IN_WORKFLOWS = {r"\bwait(s|ed|ing)? for\b": "depend on"}
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
FILES = {path.relative_to(ROOT).as_posix(): path for path in sorted([*PACKAGE.rglob("*.py"), *PAGES])}


def found(text: str, words: Mapping[str, str]) -> list[str]:
    """Return each phrase of a text that has a replacement, with its line and the replacement.

    Args:
        text: of a file.
        words: the pattern of each phrase, and what to write instead.
    """
    return [
        f"line {text.count(chr(10), 0, match.start()) + 1}: {match[0]!r}: write {instead}"
        for pattern, instead in words.items()
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]


def words_for(path: Path) -> dict[str, str]:
    """Return the phrases to avoid in a file: steps of workflows depend on each other, but tests wait for trainings."""
    is_about_graphs = PACKAGE / "workflows" in path.parents or path.name in ("rules.md", "checks.md")
    return WORDS | (IN_WORKFLOWS if is_about_graphs else {})


@pytest.mark.parametrize("name", FILES)
def test_no_private_vocabulary(name: str) -> None:
    path = FILES[name]
    assert found(path.read_text(encoding="utf-8"), words_for(path)) == []


def test_phrases_are_found() -> None:
    """Otherwise the test above would pass for any text."""
    text = "`x` is none of a, b\nthe key is no\nuses poll interval; 'a' waits for 'b'; nobody took it back"
    assert [line.split(": write")[0] for line in found(text, WORDS | IN_WORKFLOWS)] == [
        "line 1: 'is none of'",
        "line 3: 'took it back'",
        "line 3: 'poll interval'",
        "line 3: 'waits for'",
    ]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("this is no path", 1),
        ("there is no such rule, and the run is no longer needed", 0),
        ("a fault that never struck", 1),
        ("`fault.struck` and `struck`, def struck(self)", 0),
        ("between two looks at it", 1),
        ("it looks like a template", 0),
    ],
)
def test_terms_that_are_allowed_are_not_found(text: str, number: int) -> None:
    assert len(found(text, WORDS)) == number
