"""Filters that look into the texts and labels of records, and what finds the few that fit among very many."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_aicore.emulator.store.records import Labels

_BREAK = "\0"
"""Between two texts: no search that can be typed goes across it."""


@dataclass(frozen=True, slots=True)
class Search:
    """What a text has to contain.

    Args:
        wanted: the part.
        folded: whether upper and lower case are the same.
    """

    wanted: str
    folded: bool = False

    def __call__(self, texts: Iterable[str]) -> bool:
        """Tell whether one of the texts contains it."""
        if self.folded:
            wanted = self.wanted.casefold()
            return any(wanted in text.casefold() for text in texts)
        return any(self.wanted in text for text in texts)


@dataclass(frozen=True, slots=True)
class Selectors:
    """What labels have to be; `key!=value` wants the key too (observed by SAP's own tests).

    Args:
        expressions: key, value, and whether it must not be that value.
    """

    expressions: tuple[tuple[str, str, bool], ...]

    @classmethod
    def of(cls, written: Iterable[str]) -> Selectors:
        """Return what `key=value` and `key!=value` say; `{comma}` stands for a comma."""
        parsed = []
        for selector in written:
            key, _, value = selector.replace("{comma}", ",").partition("=")
            parsed.append((key.removesuffix("!"), value, key.endswith("!")))
        return cls(tuple(parsed))

    def __call__(self, labels: Labels | None) -> bool:
        """Tell whether labels fit every expression."""
        held = dict(labels or ())
        return all(key in held and (held[key] == value) is not differs for key, value, differs in self.expressions)


class TextIndex:
    """The texts of records, in the order of their creation, as one string.

    A search in it costs a hundredth of one that looks at record after record.

    Args:
        attribute: of the records, with their texts.
        folded: whether upper and lower case are the same.
    """

    def __init__(self, attribute: str, *, folded: bool) -> None:
        self._attribute = attribute
        self._folded = folded
        self._joined = ""
        self._starts: list[int] = []
        self._numbers: list[int] = []

    def take(self, order: Sequence[int], by_number: Mapping[int, Any]) -> None:
        """Take up the records that came after those it has."""
        pieces, length = [self._joined], len(self._joined)
        for number in order[len(self._numbers) :]:
            text = _BREAK.join((*getattr(by_number[number], self._attribute), ""))
            pieces.append(text.casefold() if self._folded else text)
            self._starts.append(length)
            self._numbers.append(number)
            length += len(pieces[-1])
        self._joined = "".join(pieces)

    def newest(self, search: Search) -> Iterator[int]:
        """Return the numbers of the records that contain what is searched, the newest first."""
        wanted = search.wanted.casefold() if self._folded else search.wanted
        end = len(self._joined)
        while (found := self._joined.rfind(wanted, 0, end)) >= 0:
            position = bisect_right(self._starts, found) - 1
            yield self._numbers[position]
            end = self._starts[position]


class LabelIndex:
    """By label, and by key alone, the numbers of the records that have it, in the order of their creation."""

    def __init__(self, attribute: str) -> None:
        self._attribute = attribute
        self._size = 0
        self._having: dict[tuple[str, str | None], list[int]] = {}

    def take(self, order: Sequence[int], by_number: Mapping[int, Any]) -> None:
        """Take up the records that came after those it has."""
        for number in order[self._size :]:
            labels: Labels = getattr(by_number[number], self._attribute) or ()
            for label in {*labels, *((key, None) for key, _ in labels)}:
                self._having.setdefault(label, []).append(number)
        self._size = len(order)

    def candidates(self, selectors: Selectors) -> Sequence[int]:
        """Return the fewest records that all those that fit are among."""
        found = (
            self._having.get((key, None if differs else value), ()) for key, value, differs in selectors.expressions
        )
        return min(found, key=len)


def can_be_found(search: Search) -> bool:
    """Tell whether an index finds it: what goes across two texts would be found, too."""
    return _BREAK not in search.wanted
