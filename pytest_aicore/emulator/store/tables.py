"""Tables: records by id, in the order of their creation, with indexes for filters."""

from __future__ import annotations

from bisect import bisect_left, insort
from heapq import merge
from itertools import islice, product
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pytest_aicore.emulator.store.search import LabelIndex, Search, Selectors, TextIndex, can_be_found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_aicore.emulator.store.protocols import TableRow


AnyTableRow = TypeVar("AnyTableRow", bound="TableRow")
AnyIndex = TypeVar("AnyIndex", TextIndex, LabelIndex)
FEW = 1000
"""Up to this number of records, a scan is fast enough without an index."""


class Table(Generic[AnyTableRow]):
    """Records by id, in the order of their creation.

    The cost of a page depends on its length only, not on the number of records: for each combination of filtered
    attributes there is an index, made when first needed, that holds the sorted numbers of the records with the same
    values, so that the newest are read from its end. Searches and labels have indexes of their own.

    Args:
        indexed: the names of the attributes for whose values `select` uses an index.
    """

    def __init__(self, *indexed: str) -> None:
        self._by_id: dict[str, AnyTableRow] = {}
        self._by_number: dict[int, AnyTableRow] = {}
        self._order: list[int] = []
        self._indexed = indexed
        self._indexes: dict[tuple[str, ...], dict[tuple[Any, ...], list[int]]] = {}
        self._contents: dict[object, TextIndex | LabelIndex] = {}
        """Indexes of texts and labels. New records are appended; any other change discards the index."""

    @classmethod
    def of(cls, *records: AnyTableRow) -> Table[AnyTableRow]:
        """Return a table with these records, without indexes."""
        table = cls()
        for record in records:
            table.add(record)
        return table

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[AnyTableRow]:
        return iter(self._by_id.values())

    def __contains__(self, record_id: object) -> bool:
        return record_id in self._by_id

    def get(self, record_id: str) -> AnyTableRow | None:
        """Return the record with this id, or None."""
        return self._by_id.get(record_id)

    def add(self, record: AnyTableRow) -> AnyTableRow:
        """Add a new record and return it."""
        if self._order and record.number < self._order[-1]:
            self._contents.clear()
        self._by_id[record.id] = record
        self._by_number[record.number] = record
        insort(self._order, record.number)
        for names, index in self._indexes.items():
            insort(index.setdefault(_values(record, names), []), record.number)
        return record

    def put(self, record: AnyTableRow) -> AnyTableRow:
        """Replace the record with the same id and return the new one."""
        old = self._by_id[record.id]
        self._contents.clear()
        self._by_id[record.id] = record
        self._by_number[record.number] = record
        for names, index in self._indexes.items():
            before, after = _values(old, names), _values(record, names)
            if before != after:
                _take_out(index, before, record.number)
                insort(index.setdefault(after, []), record.number)
        return record

    def remove(self, record_id: str) -> None:
        """Remove a record."""
        record = self._by_id.pop(record_id)
        self._contents.clear()
        del self._by_number[record.number]
        del self._order[bisect_left(self._order, record.number)]
        for names, index in self._indexes.items():
            _take_out(index, _values(record, names), record.number)

    def select(self, filters: Mapping[str, Any], *, skip: int = 0, top: int | None = None) -> list[AnyTableRow]:
        """Return a page of the records that match, the newest first.

        Args:
            filters: by attribute the value that a record must have, a frozenset of such values (of an indexed
                attribute), or a function that returns whether it matches, for example a `Search`; None means any.
            skip: how many of the newest to leave out.
            top: how many to show; None for all.
        """
        exact, asked = self._split(filters)
        rows = self._rows(exact)
        end = None if top is None else skip + top
        newest: Iterator[int]
        if asked:
            newest = islice(self._matching(rows, exact, asked), skip, end)
        elif len(rows) == 1:
            (row,) = rows
            newest = reversed(row[0 if end is None else max(len(row) - end, 0) : max(len(row) - skip, 0)])
        else:
            newest = islice(_newest(rows), skip, end)
        return [self._by_number[number] for number in newest]

    def count(self, filters: Mapping[str, Any]) -> int:
        """Return how many records match.

        Args:
            filters: as for `select`.
        """
        exact, asked = self._split(filters)
        rows = self._rows(exact)
        return sum(1 for _ in self._matching(rows, exact, asked)) if asked else sum(map(len, rows))

    def copy(self) -> Table[AnyTableRow]:
        """Return an independent copy; the records themselves are shared, they never change."""
        twin: Table[AnyTableRow] = Table(*self._indexed)
        twin._by_id = dict(self._by_id)
        twin._by_number = dict(self._by_number)
        twin._order = list(self._order)
        twin._indexes = {
            names: {values: list(numbers) for values, numbers in index.items()}
            for names, index in self._indexes.items()
        }
        return twin

    def _split(self, filters: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Split filters into those that an index answers and those that are checked record by record."""
        exact: dict[str, Any] = {}
        asked: dict[str, Any] = {}
        for name, value in filters.items():
            if value is not None:
                (exact if name in self._indexed and not callable(value) else asked)[name] = value
        return exact, asked

    def _rows(self, exact: Mapping[str, Any]) -> list[list[int]]:
        """Return the sorted numbers of the records that have these values, in one list or several."""
        if not exact:
            return [self._order]
        names = tuple(name for name in self._indexed if name in exact)
        index = self._index(names)
        choices = [value if isinstance(value, frozenset) else (value,) for value in map(exact.__getitem__, names)]
        return [index[values] for values in product(*choices) if values in index]

    def _matching(
        self, rows: Sequence[Sequence[int]], exact: Mapping[str, Any], asked: Mapping[str, Any]
    ) -> Iterator[int]:
        """Return the numbers of the matching records, the newest first, starting from the smallest index."""
        size = sum(map(len, rows))
        numbers, wanted = _newest(rows), asked
        for name, value in asked.items():
            if isinstance(value, Selectors):
                labels = self._content(name, LabelIndex(name))
                candidates = labels.candidates(value)
                if len(candidates) < size:
                    numbers, size, wanted = reversed(candidates), len(candidates), {**exact, **asked}
        for name, value in asked.items():
            # With few candidates, or if most matches of the index would not be candidates, checking each one is faster.
            if isinstance(value, Search) and can_be_found(value) and size > max(FEW, len(self) // 2):
                texts = self._content((name, value.folded), TextIndex(name, folded=value.folded))
                numbers, wanted = texts.newest(value), {**exact, **asked}
                del wanted[name]
        return (number for number in numbers if _fits(self._by_number[number], wanted))

    def _content(self, key: object, new: AnyIndex) -> AnyIndex:
        """Return an index of contents that includes every record."""
        index: AnyIndex = self._contents.setdefault(key, new)  # type: ignore[assignment]
        index.take(self._order, self._by_number)
        return index

    def _index(self, names: tuple[str, ...]) -> dict[tuple[Any, ...], list[int]]:
        """Return the index over these attributes."""
        index = self._indexes.get(names)
        if index is None:
            index = self._indexes[names] = {}
            for number in self._order:
                index.setdefault(_values(self._by_number[number], names), []).append(number)
        return index


def _newest(rows: Sequence[Sequence[int]]) -> Iterator[int]:
    """Return the numbers in sorted lists, the greatest first."""
    return reversed(rows[0]) if len(rows) == 1 else merge(*map(reversed, rows), reverse=True)


def _values(record: object, names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple([getattr(record, name) for name in names])


def _take_out(index: dict[tuple[Any, ...], list[int]], values: tuple[Any, ...], number: int) -> None:
    numbers = index[values]
    del numbers[bisect_left(numbers, number)]
    if not numbers:
        del index[values]


def _fits(record: object, wanted: Mapping[str, Any]) -> bool:
    for name, value in wanted.items():
        held = getattr(record, name)
        if callable(value):
            if not value(held):
                return False
        elif held not in value if isinstance(value, frozenset) else held != value:
            return False
    return True
