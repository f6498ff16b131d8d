"""Typos: whether a word is surely a mistyped one of the known words.

Stricter than `errors.did_you_mean`, which guesses for an error that is certain: here a guess decides whether there is a
finding at all.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final
from unicodedata import combining, normalize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CODE: Final = re.compile(r"[{}<>$%=]")
"""Characters of placeholders and code: what is between them is a part of no name."""
_LONGEST: Final = 80
_MOST_CANDIDATES: Final = 50_000
"""How many words are compared for one file; some hundred are usual for a file with mistakes."""
_candidates_left: ContextVar[Iterator[int] | None] = ContextVar("_candidates_left", default=None)


@contextmanager
def limited() -> Iterator[None]:
    """Limit the comparisons: where all names of a large file are wrong, only the first findings have a hint."""
    before = _candidates_left.set(iter(range(_MOST_CANDIDATES)))
    try:
        yield
    finally:
        _candidates_left.reset(before)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was surely meant, None if none is near enough to be sure.

    A word is near if it differs in case, hyphens, underscores and dots only, or by one slip (a character too
    many, too few, wrong, or two swapped) in up to five characters, two slips in more, three in very long ones.

    Args:
        word: what was written.
        known: the words that would have been right.
    """
    if not 1 < len(word) <= _LONGEST:
        return None
    allowed = 1 if len(word) <= 5 else 2 if len(word) <= 14 else 3
    folded = _folded(word)
    best: tuple[int, str] | None = None
    left = _candidates_left.get()
    for candidate in known:
        if left is not None and next(left, None) is None:
            break
        if _folded(candidate) == folded:
            return candidate
        if abs(len(candidate) - len(word)) > allowed or len(candidate) < 2:
            continue
        distance = _distance(word.lower(), candidate.lower(), allowed)
        if distance <= allowed and distance < min(len(candidate), len(word)) and (best is None or distance < best[0]):
            best = (distance, candidate)
    return best[1] if best else None


def typo_hint(word: str, known: Iterable[str]) -> str | None:
    """Return `Did you mean 'x'?` for a typo of a known word, else None.

    Args:
        word: what was written.
        known: the words that would have been right.
    """
    return hint_for(nearest(word, known))


def hint_for(near: str | None) -> str | None:
    """Return `Did you mean 'x'?` for the word that was surely meant, None without one.

    Args:
        near: what `nearest` returned.
    """
    return f"Did you mean {near!r}?" if near else None


def respelled(text: str, allowed: str, *, shortest: int = 1, longest: int) -> str | None:
    """Return a name with the characters that are allowed alone, None where it would no longer be the same name.

    That is where a letter, a placeholder or more than a quarter of the characters would be lost.

    Args:
        text: what was written.
        allowed: the allowed characters, as in a set of a regular expression; hyphens are among them.
        shortest: how many characters a name has at least.
        longest: how many characters a name has at most.
    """
    if len(text) > 2 * longest or _CODE.search(text):
        return None
    plain = "".join(each for each in normalize("NFKD", text.strip()) if not combining(each))
    lost = re.findall(f"[^{allowed}]", plain)
    if len(lost) > max(1, len(plain) // 4) or any(each.isalnum() for each in lost):
        return None
    name = re.sub(f"[^{allowed}]+", "-", plain).strip("-_.")
    return name if name != text and shortest <= len(name) <= longest else None


def listed(words: Iterable[str]) -> str:
    """Return words as they are written in the file, with commas between them."""
    return ", ".join(f"`{word}`" for word in words)


def shortened(text: str) -> str:
    """Return the beginning of a text, at most 40 characters, for a message."""
    return text if len(text) <= 40 else text[:37] + "..."


def capital(text: str) -> str:
    """Return a text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def _folded(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "").replace(".", "")


def _distance(one: str, other: str, limit: int) -> int:
    """Return how many slips (insert, delete, replace, swap) turn one word into the other; limit + 1 for more."""
    if one == other:
        return 0
    if len(set(one).difference(other)) > limit:  # each takes a slip of its own
        return limit + 1
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, character in enumerate(one, 1):
        # What is further off the diagonal takes more slips than are allowed.
        first, last = max(1, i - limit), min(len(other), i + limit)
        current = [limit + 1] * (len(other) + 1)
        current[0] = i
        for j in range(first, last + 1):
            other_character = other[j - 1]
            value = min(row[j] + 1, current[j - 1] + 1, row[j - 1] + (character != other_character))
            if i > 1 and j > 1 and character == other[j - 2] and one[i - 2] == other_character:
                value = min(value, before[j - 2] + 1)
            current[j] = value
        if min(current[first - 1 : last + 1]) > limit:
            return limit + 1
        before, row = row, current
    return row[-1]
